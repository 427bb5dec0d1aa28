"""The `paperboy` command."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from datetime import date as date_
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import redis
import typer

from bot import logs, settings
from bot.discord import render
from bot.domain.digest import Digest
from bot.domain.message import Post
from bot.domain.reasons import ArxivReason
from bot.errors import PaperboyError, Refused
from bot.runtime import platforms
from bot.safe_text import escape_unprintable, safe
from bot.slack import render as render_slack
from bot.store import connection
from bot.terminal import export
from bot.views import cost
from bot.views import digest as digest_views
from bot.views import terminal as terminal_views
from workers.cli import admin, names, profiles, status
from workers.cli.progress import WorkerFault
from workers.cli.screen import Screen

app = typer.Typer(
    name="paperboy",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (status.status, admin.plan, admin.doctor, admin.backup, admin.restore):
    app.command()(command)
app.command()(admin.forget)
app.command()(admin.tokens)
app.add_typer(profiles.app, name="profiles", invoke_without_command=True)

# Exit statuses: the command cannot be done as asked; the day lacks papers.
_REFUSED, _SHORT = 2, 3


class Format(StrEnum):
    """How `paperboy day` shows a digest."""

    TEXT = "text"
    MARKDOWN = "markdown"
    JSON = "json"
    SLACK = "slack"
    DISCORD = "discord"


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"paperboy {metadata.version('paperboy')}")
        raise typer.Exit


@app.callback()
def itself(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the release and exit."
        ),
    ] = False,
) -> None:
    """Delivers the arXiv papers that match what your group works on."""


@app.command()
def run(profile: Annotated[str | None, names.PROFILE] = None) -> None:
    """Run everything: workers, and Slack and Discord with a token; without one, this terminal."""
    config = settings.load()
    platforms.require_usable_platform(config)
    if config.configured_platforms:
        if profile:
            raise Refused(terminal_views.run_serves_chats(profile))
        from bot.__main__ import main as serve
        from workers.runtime.environment import with_shared_workers

        with with_shared_workers(config) as here:
            sys.exit(serve(here.url, here.stop_workers))
    from workers.cli import terminal

    sys.exit(terminal.run(config, profile))


@app.command()
def day(
    profile: names.ProfileName,
    feed: Annotated[
        list[Path] | None, typer.Option(help="A saved RSS or Atom file, instead of the network.")
    ] = None,
    date: Annotated[str | None, typer.Option(help="YYYY-MM-DD; otherwise the feed's own.")] = None,
    format: Annotated[Format, typer.Option(help="What to print.")] = Format.TEXT,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only estimate what it would cost.")
    ] = False,
) -> None:
    """Print one day's digest, made by the real pipeline."""
    from workers.cli import day as one_day

    config = settings.load()
    if dry_run:
        price = one_day.estimate(config, profile, feed or [], _date(date))
        Screen().show(cost.estimate_text(price))
        return
    digest = one_day.run(config, profile, feed or [], _date(date))
    written = {
        Format.MARKDOWN: lambda: export.as_markdown(digest),
        Format.JSON: lambda: export.as_json(digest) + "\n",
        Format.SLACK: lambda: _payloads(render_slack.message, digest),
        Format.DISCORD: lambda: _payloads(render.message, digest),
    }
    if format is Format.TEXT:
        Screen().show_day(digest, terminal_views.day_hint(profile))
    else:
        sys.stdout.write(written[format]())
    for notice in () if digest.complete else digest_views.notices(digest):
        _tell(notice)
    sys.exit(_status(digest))


@app.command()
def rank(
    profile: names.ProfileName,
    papers: Annotated[Path, typer.Argument(help="A JSONL of id, title, abstract, ...")],
    train: Annotated[
        Path | None,
        typer.Option(
            help="A JSONL that also has `selected`: rank as the gate would after learning from it."
        ),
    ] = None,
    votes: Annotated[
        Path | None,
        typer.Option(
            help="A JSONL that also has `vote`, 1 or -1, and `by`: rank as in a channel whose "
            "readers voted so."
        ),
    ] = None,
) -> None:
    """Rank papers locally: a JSON line {id, score} for each, best first."""
    from workers.cli import rank as rank_cli
    from workers.cli.progress import show_progress

    with (
        rank_cli.kept_embeddings(settings.load()) as embeddings,
        show_progress("Reading papers") as beat,
    ):
        rows = list(rank_cli.run(profile, papers, train, embeddings, beat, votes))
    for row in rows:
        print(json.dumps(row))


@app.command()
def backtest(
    profile: names.ProfileName,
    papers: Annotated[
        Path, typer.Argument(help="A JSONL of id, title, abstract, ..., with date and selected.")
    ],
) -> None:
    """Say how well the local ranking finds what was picked on recorded days."""
    from bot.views.measuring.backtest import backtest_text
    from workers.cli import backtest as backtest_cli
    from workers.cli import rank as rank_cli
    from workers.cli.progress import show_progress

    with (
        rank_cli.kept_embeddings(settings.load()) as embeddings,
        show_progress("Reading papers") as beat,
    ):
        found = backtest_cli.run(profile, papers, embeddings, beat)
    Screen().show(backtest_text(found))


@app.command()
def publish(
    folder: Annotated[Path, typer.Argument(help="Where the pages go: a folder.")],
    profiles: Annotated[
        list[str] | None,
        typer.Argument(
            help="Profiles by name, a workspace's own as slack:T0123/NAME; otherwise all that "
            "every workspace can name."
        ),
    ] = None,
    url: Annotated[str, typer.Option(help="The site's address, which feeds name.")] = "",
) -> None:
    """Write digests as web pages, and feeds of them, for any static host."""
    from workers.cli import publish as publish_cli
    from workers.cli.progress import show_progress

    with show_progress("Reading digests") as beat:
        done = publish_cli.run(settings.load(), folder, profiles or [], url, beat)
    Screen().show(terminal_views.published(*done, folder))


@app.command()
def why(
    paper: Annotated[str, typer.Argument(help="An arXiv id or link.")],
    profile: Annotated[
        str | None,
        typer.Option(help="A profile's name, or a TOML file; otherwise those shown here."),
    ] = None,
) -> None:
    """Say why a paper was picked, or not; score it now if it was in no digest."""
    from workers.cli import why as why_cli

    head = why_cli.run(settings.load(), paper, profile)
    Screen().show(head)


@app.command(name="eval")
def eval_(
    profile: names.ProfileName,
    papers: Annotated[
        Path | None, typer.Option(help="A JSONL of id, title, abstract, ...; otherwise the sample.")
    ] = None,
    prompt: Annotated[
        Path | None, typer.Option(help="A Jinja template to try in place of score.md.j2.")
    ] = None,
    twice: Annotated[
        bool, typer.Option("--twice", help="Two runs of the same judge: how far they agree.")
    ] = False,
) -> None:
    """Score a fixed set after a change of prompt or model, and compare with the last time."""
    from bot.views.measuring.evaluation import eval_text
    from bot.views.measuring.steadiness import steadiness_text
    from workers.cli import evaluate, evaluate_twice, progress

    if twice:
        with (
            evaluate.open_bench(settings.load(), profile, papers, prompt) as bench,
            progress.show_progress("Judging twice") as beat,
        ):
            found = evaluate_twice.evaluate_twice(bench, beat)
        Screen().show(steadiness_text(found))
        sys.exit(0 if found.complete else _SHORT)
    report = evaluate.evaluate(settings.load(), profile, papers, prompt)
    Screen().show(eval_text(report))
    sys.exit(0 if report.now.scored == report.now.papers else _SHORT)


@app.command()
def bot() -> None:
    """Run the bot, one of the two processes of the Procfile."""
    from bot.__main__ import main as serve
    from workers.runtime.environment import environment

    config = settings.load()
    platforms.require_usable_platform(config)
    with environment(config) as here:
        sys.exit(serve(here.url))


@app.command()
def worker() -> None:
    """Run the workers, the other process of the Procfile: one a queue, replaced when it dies."""
    from bot.__main__ import warn
    from workers.runtime.environment import environment
    from workers.runtime.worker import run_pool

    with environment(settings.load()) as here:
        warn(here.url)
        run_pool(here.url.get_secret_value())


def _payloads(message: Callable[[Post], dict[str, Any]], digest: Digest) -> str:
    """A JSON list of what a chat would be sent, the head first."""
    shown = [message(post) for post in digest_views.thread_posts(digest, "day")]
    return json.dumps(shown, ensure_ascii=False, indent=1) + "\n"


def _date(text: str | None) -> date_ | None:
    if text is None:
        return None
    try:
        return date_.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a date; write it as 2026-11-20.") from None


def _status(digest: Digest) -> int:
    problem = digest.listed.problem
    if problem and problem.trouble in (ArxivReason.BAD_QUERY, ArxivReason.MIXED_DAYS):
        return _REFUSED
    return 0 if digest.complete else _SHORT


def _tell(sentence: str) -> None:
    print(f"paperboy: {safe(sentence)}", file=sys.stderr)


def _stopped(number: int, frame: FrameType | None) -> None:
    """On SIGTERM, or when the terminal is closed, stop what this command started. A closing shell
    sends its signal twice."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if number == signal.SIGHUP:
        logs.detach_terminal()
    sys.exit(128 + number)


def main() -> None:
    """The entry point: every known error becomes one sentence on standard error."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:  # nohup
            signal.signal(number, _stopped)
    logs.configure()
    for word in sys.argv[1:]:  # typer prints an unknown option as it was typed
        if word.startswith("-") and escape_unprintable(name := word.partition("=")[0]) != name:
            _tell(f"{name} is not an option.")
            sys.exit(_REFUSED)
    try:
        app(prog_name="paperboy")
    except PaperboyError as error:
        _tell(str(error))
        sys.exit(_REFUSED)
    except redis.RedisError as error:
        lost = isinstance(error, redis.ConnectionError | redis.TimeoutError)
        text = (
            terminal_views.server_lost(type(error).__name__)
            if lost
            else connection.server_error(error)
        )
        _tell(f"{text[0].upper()}{text[1:]}")
        sys.exit(1 if lost else _REFUSED)
    except WorkerFault as fault:
        _tell(terminal_views.worker_fault(str(fault)))
        sys.exit(1)


if __name__ == "__main__":
    main()
