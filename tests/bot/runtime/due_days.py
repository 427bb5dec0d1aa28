"""What the clock finds due, and a day made ready for it."""

from __future__ import annotations

from datetime import datetime

from bot.commands import due
from bot.commands.context import Context
from bot.domain.digest import Outcome
from bot.domain.request import DigestRequest, digest_name
from bot.store.store import Store
from tests.factories import DAY, NOW, announced, decision, digest, list_result, listing


def owed(context: Context, now: datetime) -> list[DigestRequest]:
    return [request for _, request, _ in due.due_requests(context, due.take_snapshot(context), now)]


def ready(store: Store, mine: DigestRequest, now: datetime) -> None:
    """The day is read, judged and settled."""
    store.lists.put_result(mine.wanted, list_result(now))
    day = digest(decision("2503.15294", Outcome.PICKED), listed=list_result(now), judged_at=now)
    store.lists.add(str(DAY), listing(announced()), NOW)
    store.days.put_decided(digest_name(mine, list_result(now)), day)
