"""`paperboy status`: once or as it changes, for people and for programs; and a month's digests."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from typing import Annotated, Final

import redis
import typer

from bot import settings
from bot.commands.context import Context
from bot.commands.due import planned
from bot.domain.message import Message
from bot.domain.watching.ledger import Month
from bot.errors import Refused
from bot.views import status as status_views
from bot.views.watching import pages
from bot.views.watching.board import Board, board
from bot.views.watching.month import month_json, month_text
from workers.cli.screen import Screen

# Grows when a name goes or means something else; new names do not count.
_JSON_VERSION: Final = 1
_WATCH_SECONDS: Final = 2.0


def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on showing it, until Ctrl-C.")] = False,
    month: Annotated[
        str | None,
        typer.Option(metavar="MONTH", help="Only the digests of a month: owed, made, how late."),
    ] = None,
) -> None:
    """Show the model, database, queues, outages, waiting requests and every subscription."""
    from workers.runtime.environment import context_for, environment

    config, now, screen = settings.load(), datetime.now(UTC), Screen()
    asked = _month(month, now)
    if watch and (as_json or month):
        raise Refused("--watch can't be combined with --json or --month.")
    if watch and not screen.is_terminal:
        raise Refused("--watch needs a terminal; use --json for a program.")
    with environment(config) as here:
        context = context_for(here, config)
        if watch:
            screen.show_live(lambda: _watched(context, screen), _WATCH_SECONDS)
            return
        deliveries = _deliveries(context, asked, now)
        if month:
            print(json.dumps(_body(deliveries), indent=2) if as_json else month_text(deliveries))
            return
        found = context.status()
        coming = status_views.plan_text(planned(context, now), now)
    if as_json:
        body = {"version": _JSON_VERSION, **found.model_dump(mode="json")}
        print(json.dumps(body | {"month": month_json(deliveries)}, indent=2))
    elif screen.is_terminal:
        screen.show_board(board(found, deliveries))
        screen.show(coming)
    else:
        text = status_views.status_text(found)
        this_month = Message(title="", text=(f"digests: {month_text(deliveries)}",))
        screen.show(text, this_month, Message(title=""), coming)


def _body(month: Month) -> dict[str, object]:
    return {"version": _JSON_VERSION, **month_json(month)}


def _deliveries(context: Context, month: date, now: datetime) -> Month:
    return context.store.ledger.month(month, now, context.window_hours)


def _watched(context: Context, screen: Screen) -> Board:
    """As it is now; a database that is away for a while ends nothing."""
    now = datetime.now(UTC)
    try:
        return board(context.status(), _deliveries(context, now.date(), now), screen.room_for_rows)
    except redis.RedisError:
        title = f"Paperboy at {now:%Y-%m-%d %H:%M:%S} UTC"
        return Board(title=title, lines=(), troubles=(pages.NO_DATABASE,), tables=())


def _month(text: str | None, now: datetime) -> date:
    if text is None:
        return now.date()
    if not re.fullmatch(r"[0-9]{4}-(0[1-9]|1[0-2])", text) or text.startswith("0000"):
        raise Refused(f"{text!r} is not a month; write it as 2026-10.")
    return date.fromisoformat(f"{text}-01")
