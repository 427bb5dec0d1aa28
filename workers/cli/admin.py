"""`paperboy plan`, `doctor`, `backup`, `restore`, `forget` and `tokens`."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from bot import settings
from bot.commands.due import planned
from bot.errors import Refused
from bot.runtime.status import examine_server
from bot.safe_text import safe
from bot.store.keeping import forgetting
from bot.store.keeping.forgetting import Subject
from bot.views import status as status_views
from bot.views.keeping import forgetting as forgetting_views
from bot.views.keeping import tokens as tokens_views
from bot.views.watching import doctor as doctor_views
from workers.cli.screen import Screen

_REFUSED = 2
# As the chats make ids. A word that may stand anywhere, such as a profile's name, is none: all that
# says it would go.
_WORKSPACE = re.compile(r"slack:[TE][A-Z0-9]{1,63}|discord:\d{1,20}", re.ASCII)
_PERSON = {
    "slack": re.compile(r"[UW][A-Z0-9]{1,63}", re.ASCII),
    "discord": re.compile(r"\d{1,20}", re.ASCII),
}


def plan(
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="YYYY-MM-DDTHH:MM, UTC; otherwise now.")
    ] = None,
) -> None:
    """Show each subscription's next step at a moment, or why nothing is due."""
    from workers.runtime.environment import context_for, environment

    config, now = settings.load(), _moment(at)
    with environment(config) as here:
        shown = status_views.plan_text(planned(context_for(here, config), now), now)
    Screen().show(shown)


def doctor() -> None:
    """Find what is misconfigured; has the model score one paper."""
    from workers.cli.doctor import (
        examine,
        examine_discord,
        examine_operator,
        examine_slack,
    )
    from workers.runtime.environment import environment

    config = settings.load()
    with environment(config) as here:
        found = examine(config, here.store)
        slack = examine_slack(config, here.store)
        discord = examine_discord(config)
        operator = examine_operator(config, here.store)
        server = examine_server(here.store.redis)
    heads = [doctor_views.checkup_text(found), doctor_views.server_text(server)]
    if slack:
        heads.append(doctor_views.slack_text(slack))
    if discord:
        heads.append(doctor_views.discord_text(*discord))
    if operator is not None:
        heads.append(doctor_views.operator_text(operator))
    Screen().show(*heads)
    well = not found.reason and (not slack or slack.ready) and (not discord or discord[0])
    well = well and not operator
    sys.exit(0 if well else _REFUSED)


def backup(
    file: Annotated[Path, typer.Argument(help="The file to write, such as paperboy.gz.")],
) -> None:
    """Write profiles, subscriptions, votes, scores and outcomes into one file."""
    from workers.cli import backup as backup_cli

    print(safe(f"Wrote {backup_cli.backup(settings.load(), file)} entries to {file}."))


def restore(file: Annotated[Path, typer.Argument(help="A file that backup wrote.")]) -> None:
    """Restore a backup into an empty database."""
    from workers.cli import backup as backup_cli

    print(safe(f"Restored {backup_cli.restore(settings.load(), file)} entries from {file}."))


def forget(
    workspace: Annotated[
        str, typer.Argument(help="slack:TEAM or discord:SERVER, by id, such as slack:T0123ABCD.")
    ],
    person: Annotated[
        str | None, typer.Option(metavar="USER", help="Only this person of it, by id.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Forget it; without, only list what there is.")
    ] = False,
) -> None:
    """Forget a workspace, or a person, for good; lists what that is first."""
    from workers.runtime.environment import environment

    # Direct messages on Discord are in no workspace.
    subject = _subject(workspace, person, is_apart=workspace == "discord:" and bool(person))
    who = f"{person} in {workspace}" if person else workspace
    with environment(settings.load()) as here:
        if yes:
            shown = forgetting_views.forgotten_text(who, forgetting.forget(here.store, subject))
        else:
            shown = forgetting_views.found_text(who, forgetting.find(here.store, subject))
    Screen().show(shown)


def tokens(
    workspace: Annotated[
        str, typer.Argument(help="slack:TEAM or discord:SERVER, by id, such as slack:T0123ABCD.")
    ],
    person: Annotated[
        str | None, typer.Option(metavar="USER", help="Only this person's, by id.")
    ] = None,
    end: Annotated[
        str | None, typer.Option(metavar="ID", help="End this token, or all; otherwise only list.")
    ] = None,
) -> None:
    """List the tokens of people's programs in a workspace, and end them."""
    from workers.runtime.environment import environment

    subject = _subject(workspace, person)
    where = f"{workspace} of {person}" if person else workspace
    with environment(settings.load()) as here:
        kept = here.store.tokens
        found = [
            each
            for each in kept.of_workspace(workspace, datetime.now(UTC))
            if subject.person in ("", each.by)
        ]
        if end is None:
            Screen().show(tokens_views.of_workspace(where, found))
            return
        meant = [each for each in found if end.lower() in ("all", each.id)]
        if not meant:
            raise Refused(tokens_views.no_such_token_there(end, where))
        kept.end(*meant)
    Screen().show(tokens_views.ended_there(where, meant))


def _subject(workspace: str, person: str | None, is_apart: bool = False) -> Subject:
    """Raises Refused for what names no workspace, or nobody, unless the workspace `is_apart`."""
    if not _WORKSPACE.fullmatch(workspace) and not is_apart:
        raise Refused("Name a workspace by its id, such as slack:T0123ABCD or discord:1234567890.")
    if person is not None and not _PERSON[workspace.partition(":")[0]].fullmatch(person):
        raise Refused(
            "Name a person by the id in the chat, such as U0123ABCD in Slack or 1234567890 in "
            "Discord."
        )
    return Subject(workspace, person or "")


def _moment(text: str | None) -> datetime:
    if text is None:
        return datetime.now(UTC)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Refused(f"{text!r} is not a time; write it as 2026-11-20T09:00.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
