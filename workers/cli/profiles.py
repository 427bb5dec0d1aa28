"""`paperboy profiles`: list, show, check, import and make topic profiles."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from bot import settings
from bot.domain.message import Message
from bot.domain.papers import Profile
from bot.errors import Refused
from bot.profiles import description as descriptions
from bot.profiles import form, library
from bot.profiles.toml_text import as_toml
from bot.safe_text import safe
from bot.views import digest as digest_views
from bot.views import help
from bot.views import terminal as views
from bot.views.profiles import origin_words
from workers.cli.names import TERMINAL_ADDRESS, ProfileName
from workers.cli.screen import Screen, read_line

# The form's fields that are asked for; the others are as by default.
_QUESTIONS = ("look_for", "leave_out", "categories", "title")

app = typer.Typer(help="List, show, check, add and make topic profiles.")


@app.callback(invoke_without_command=True)
def profiles_list(context: typer.Context) -> None:
    """List all profiles, when no command follows."""
    if context.invoked_subcommand is None:
        Screen().show(help.profiles_text(_known()))


@app.command()
def show(
    name: ProfileName,
    toml: Annotated[bool, typer.Option("--toml", help="Print it as a file to save.")] = False,
) -> None:
    """Show one profile in full."""
    profile = library.resolve(name, _known())
    if toml:
        sys.stdout.write(as_toml(profile))
    else:
        Screen().show(help.profile_text(profile))


@app.command()
def check(file: Annotated[Path, typer.Argument(help="A TOML file.")]) -> None:
    """Check a profile; each mistake with its line, field and reason."""
    profile = library.load(file)
    print(safe(f"{file} is valid: {digest_views.profile_line(profile)}."))


@app.command("import")
def import_(file: Annotated[Path, typer.Argument(help="A TOML file.")]) -> None:
    """Add a profile, to be used by its name."""
    _add(library.load(file))


@app.command()
def new(
    description: Annotated[
        str | None,
        typer.Argument(help="What your group works on; without it, four questions are asked."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The heading of every digest.")] = None,
    categories: Annotated[
        str | None, typer.Option(help="arXiv's, by code or name, with commas between them.")
    ] = None,
) -> None:
    """Make a profile from a description, or from the answers to four questions."""
    known = _known()
    given = {"title": title, "categories": categories}
    if description is None:
        profile = _ask({name: text for name, text in given.items() if text}, known)
    else:
        profile = _from_description(description, title or "", categories or "", known)
    _add(profile)
    Screen().show(views.after_new_profile(profile))


@app.command()
def draft(
    text: Annotated[
        str, typer.Option(help="A few sentences about your work; arXiv ids and links may be in it.")
    ] = "",
    papers: Annotated[
        Path | None, typer.Option(help="A JSONL of papers you liked: id, title, abstract, ...")
    ] = None,
    bibtex: Annotated[
        Path | None, typer.Option(help="Your library: BibTeX or RIS, as Zotero exports it.")
    ] = None,
    author: Annotated[
        str, typer.Option(help="Somebody who writes on arXiv: their papers, and they are followed.")
    ] = "",
    name: Annotated[str, typer.Option(help="The profile's name; otherwise made from it.")] = "",
) -> None:
    """Draft a profile and print it as TOML, to be read, changed and imported."""
    from workers.arxiv.client import ArxivClient
    from workers.cli import drafting, rank
    from workers.drafting.paid_model import DRAFTS, open_paid

    config, clock = settings.load(), partial(datetime.now, UTC)
    rss, api = (each.get_secret_value() for each in (config.arxiv_rss_url, config.arxiv_api_url))
    with (
        rank.any_environment(config) as here,
        open_paid(config, here.store, clock, TERMINAL_ADDRESS.workspace_key, DRAFTS) as model,
    ):
        drafted = drafting.run(
            ArxivClient(rss, api, here.store.redis),
            rank.embeddings_of(here) if config.meaning else None,
            model,
            text=text,
            papers=papers,
            bibtex=bibtex,
            author=author,
            name=name,
        )
    for note in drafted.notes:
        print(safe(note), file=sys.stderr)
    said = {(each.field, each.line): origin_words(each) for each in drafted.origins}
    sys.stdout.write(as_toml(drafted.profile, said))


def _from_description(text: str, title: str, categories: str, known: dict[str, Profile]) -> Profile:
    """Raises Refused where the description does not say enough, or what is given is wrong."""
    guessed = "" if categories else ", ".join(descriptions.likely_categories(text, known))
    if not categories and not guessed:
        raise Refused(views.no_category_is_clear())
    found = _read(descriptions.answers_for(text, title, categories or guessed), known)
    if not isinstance(found, Profile):
        raise Refused(" ".join(found.values()))
    if guessed:
        print(views.categories_guessed(found), file=sys.stderr)
    return found


def _ask(given: dict[str, str], known: dict[str, Profile]) -> Profile:
    """Ask for what is not given, and again for what is wrong. Raises Refused when input ends."""
    answers = descriptions.defaults() | given
    missing = [name for name in _QUESTIONS if name not in given]
    while True:
        for name in missing:
            answers[name] = _answer(name, answers, known)
        answers["categories"] = descriptions.with_codes(answers["categories"])
        found = _read(answers, known)
        if isinstance(found, Profile):
            return found
        Screen().show(Message(title="", text=tuple(map(safe, found.values()))))
        missing = [name for name in _QUESTIONS if name in found]


def _answer(name: str, answers: dict[str, str], known: dict[str, Profile]) -> str:
    topics = answers["look_for"]
    likely = {
        "categories": ", ".join(descriptions.likely_categories(topics, known)),
        "title": descriptions.title_for(topics),
    }
    default = likely.get(name, "")
    Screen().show(views.profile_question(name, default))
    lines: list[str] = []
    try:
        while line := read_line("> "):
            lines.append(line)
            if name in likely:
                break
    except EOFError:
        raise Refused(views.not_answered()) from None
    return "\n".join(lines) or default


def _read(answers: dict[str, str], known: dict[str, Profile]) -> Profile | dict[str, str]:
    """The profile, or a sentence for each answer that is wrong."""
    found = form.parse_answers(answers, None)
    if isinstance(found, Profile) and found.name in known:
        return {"title": views.name_taken(found.name)}
    return found


def _add(profile: Profile) -> None:
    from workers.runtime.environment import environment

    with environment(settings.load()) as here:
        here.store.profiles.put_shared(profile)
    print(f"Added: {digest_views.profile_line(profile)}.")


def _known() -> dict[str, Profile]:
    from workers.runtime.environment import environment

    with environment(settings.load()) as here:
        return library.shipped() | here.store.profiles.shared()
