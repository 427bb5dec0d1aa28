"""What is said while a profile is drafted: the question, whose papers they are, where each line of
the draft is from, and what could not be used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bot.arxiv.homonyms import Namesake
from bot.arxiv.text import one_line, quoted, shortened
from bot.domain.draft import Draft, OriginKind
from bot.domain.message import Button, Field, Form, Message
from bot.domain.tasks.task import NamesakeChoice
from bot.errors import PaperboyError
from bot.profiles.form import LONGEST
from bot.profiles.given_work import LARGEST
from bot.safe_text import escape_unprintable
from bot.views.digest import count
from bot.views.profiles import origin_words

WORK: Final = "work"
LIBRARY: Final = "library"
_TITLE: Final = 100  # characters of a profile's title
_ROWS, _ROW, _LINES = 12, 220, 6
_NOTE = 300  # characters of a sentence at a terminal
_FIELDS: Final = {
    "title": "Title",
    "categories": "Categories",
    "topics": "Topics",
    "keywords": "Keywords",
    "authors": "Authors",
}
# Papers and people that a sentence names.
_NAMED: Final = 5


def work_form(text: str = "") -> Form:
    """The one question that a new profile begins with."""
    hint = (
        "Sentences; arXiv ids or links of papers you like; BibTeX; or an author's name. Empty: an "
        "empty form."
    )
    work = Field(
        name=WORK, label="What do you work on?", kind="prose", value=text, hint=hint, optional=True
    )
    library = Field(
        name=LIBRARY,
        label="Your library, as a file",
        kind="file",
        hint="BibTeX or RIS, as Zotero exports it, or a profile's TOML; at most "
        f"{LARGEST // 10**6} MB.",
        optional=True,
    )
    return Form(name="work", title="New profile", submit="Draft it", fields=(work, library))


def drafting() -> Message:
    return Message(
        title="Drafting a profile. This takes a few seconds.",
        small=("Nothing is saved before you press Save.",),
    )


def empty_form() -> tuple[str, ...]:
    return ("Say what the profile looks for. Nothing is saved before Save.",)


def from_file() -> tuple[str, ...]:
    return ("From your file. Nothing is saved before Save.",)


def draft_notes(draft: Draft) -> tuple[str, ...]:
    """Read above the form: that it is a draft, and by whom; what could not be used; where each line
    is from."""
    modelled = any(origin.kind is OriginKind.MODEL for origin in draft.origins)
    made = "A draft by the model" if modelled else "A draft, made without a model"
    notes = [shortened(one_line(note), _ROW) for note in draft.notes]
    return (
        f"{made}: change what you like. Nothing is saved before Save.",
        *notes[:_LINES],
        *list(_origins(draft))[:_ROWS],
        *_examples(len(draft.profile.examples)),
    )


def _examples(number: int) -> Iterator[str]:
    if number:
        yield f"· Example papers: {'the one' if number == 1 else f'the {number}'} you gave."


def _origins(draft: Draft) -> Iterator[str]:
    """`Topics: “Pruning”, “Routing” from your text.`"""
    groups = dict[tuple[str, str], list[str]]()
    for origin in draft.origins:
        lines = groups.setdefault((origin.field, origin_words(origin)), [])
        if origin.line:
            lines.append(one_line(origin.line))
    for field, label in _FIELDS.items():
        for (named, words), lines in groups.items():
            if named == field:
                more = f" and {len(lines) - _LINES} more" if len(lines) > _LINES else ""
                said = f"{', '.join(lines[:_LINES])}{more}: " if lines else ""
                yield f"· {label}: {shortened(said, _ROW)}{words}."


def numbered(title: str, number: int) -> str:
    """A title that is taken, told apart."""
    end = f" {number}"
    return shortened(title, _TITLE - len(end)) + end


def which_author(name: str, choices: Sequence[NamesakeChoice], key: str) -> Message:
    """Several people have this name: a button for each."""
    buttons = [
        Button(action="namesake", label=_short(choice), value=f"{key} {choice.id}")
        for choice in choices
    ]
    nobody = Button(action="namesake", label="None of them", value=key)
    return Message(
        title=f"Who is {quoted(name)}?",
        points=tuple(map(person, choices)),
        small=("Told apart by their co-authors and categories.",),
        buttons=(*buttons, nobody),
    )


def _short(choice: NamesakeChoice) -> str:
    first = f", with {one_line(choice.co_authors[0])}" if choice.co_authors else ""
    return shortened(f"{choice.categories[0]}{first}", 75)


def person(choice: NamesakeChoice) -> str:
    """Somebody among several of a name, by their papers."""
    with_ = f", with {', '.join(map(one_line, choice.co_authors))}" if choice.co_authors else ""
    where = f"{count(choice.papers, 'paper')} in {', '.join(choice.categories)}"
    return f"{where}{with_}; the latest is {choice.id}"


def interrupted() -> Message:
    return Message(
        title="Paperboy was restarted while it drafted a profile for you.",
        text=("Please begin again: /digest new.",),
    )


def draft_ready(key: str) -> Message:
    """For who has closed the view in which the draft would have opened."""
    return Message(
        title="Your draft is ready. Nothing is saved before Save.",
        buttons=(Button(action="draft", label="Open the form", value=key),),
    )


def draft_gone() -> str:
    return "That question has expired. To ask again: /digest new."


# -- at a terminal


def drafted_at_terminal(draft: Draft) -> Message:
    """What became of a sentence: who drafted it, its topics, and what could not be used."""
    modelled = any(origin.kind is OriginKind.MODEL for origin in draft.origins)
    by = "by the model" if modelled else "from your words, without a model"
    notes = (shortened(escape_unprintable(one_line(note)), _NOTE) for note in draft.notes)
    return Message(
        title=f"Drafted {by}: {one_line(draft.profile.title)}",
        points=tuple(topic.name for topic in draft.profile.topics),
        small=tuple(notes),
    )


def which_author_by_number(name: str, people: Sequence[NamesakeChoice]) -> Message:
    """Several people have this name: each has a number."""
    rows = (f"{n}  {escape_unprintable(person(each))}" for n, each in enumerate(people, 1))
    return Message(
        title=f"Who is {quoted(name)}?",
        text=(*rows, "0  none of them"),
        small=("Told apart by their co-authors and categories.",),
    )


def no_such_person(count: int) -> str:
    return f"Type a number from 0 to {count}."


# -- what could not be used, a sentence each


def arxiv_away(error: PaperboyError) -> str:
    return f"arXiv can't be asked now, so papers are missing from this draft: {error}"


def no_such_papers(ids: Sequence[str]) -> str:
    return f"arXiv has no {_listed('paper', ids)}."


def withdrawn(ids: Sequence[str]) -> str:
    return f"Withdrawn by the authors, so left out: {_listed('paper', ids)}."


def no_papers_by(author: str) -> str:
    return f"arXiv has no papers by {quoted(author)}."


def several_people(author: str, people: Sequence[Namesake]) -> str:
    """Of several people of that name the first is taken."""
    first, *others = people
    more = f"; {len(others) - _NAMED} more." if len(others) > _NAMED else "."
    return (
        f"Several people may be called {quoted(author)}. Used: {_who(first)}. Left out: "
        f"{'; '.join(map(_who, others[:_NAMED]))}{more}"
    )


def library_read(entries: int, others: int, without_id: int) -> str:
    """How many of a library's entries are papers of arXiv's, and what becomes of the `others`."""
    counted = "1 entry" if entries == 1 else f"{entries} entries"
    said = f"Your library has {counted}, {entries - others} of them found on arXiv."
    if not others:
        return said
    if without_id == others:
        which = "The other one has" if others == 1 else f"The other {others} have"
        return f"{said} {which} no arXiv id: titles and abstracts count."
    return (
        f"{said} Of the other {others} ({without_id} without an arXiv id), titles and abstracts "
        "count."
    )


def field_full() -> str:
    return (
        f"The field is full at {LONGEST:,} characters: entries after that were not read. Give the "
        "library as a file: /digest new takes one, and so does paperboy profiles draft --bibtex."
    )


def model_failed(error: PaperboyError) -> str:
    return f"{error} So this draft is made without the model."


def model_unreadable() -> str:
    return "The model's answer can't be read, so this draft is made without it."


def _who(person: Namesake) -> str:
    """Somebody by their papers: how many, where, and with whom."""
    where = ", ".join(person.categories[:2])
    names = " and ".join(map(one_line, person.co_authors[:2]))
    with_ = f", with {names}" if names else ""
    return f"{count(len(person.papers), 'paper')} in {where}{with_} ({person.papers[0].id})"


def _listed(noun: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{noun}{'s' if len(names) > 1 else ''} {', '.join(names[:_NAMED])}{more}"
