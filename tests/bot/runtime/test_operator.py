"""The operator's channel: each fault is told once, and its end once, and no group is named."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from bot import __main__ as bot_main
from bot.commands.context import Context
from bot.domain.budget import Limits, MaxCost, Payer, Purpose
from bot.domain.reasons import ChannelReason, ModelReason
from bot.domain.request import Address
from bot.domain.watching.trouble import TroubleKind
from bot.errors import Gone, Unavailable
from bot.runtime.announcements import Announcer
from bot.runtime.operator import Operator
from bot.runtime.tick import TickResult
from bot.slack.poster import open_poster
from bot.store.queues import Queues
from bot.store.spending import Spending
from bot.store.store import Store
from bot.watch.outages import record_outage
from tests.conftest import check_golden
from tests.factories import (
    DAY,
    NOW,
    list_result,
    listing,
    paper_ids,
    profile,
    scheduled_request,
    subscription,
)
from tests.factories import announced as one_announced
from tests.killed import Killed, KilledPoster
from tests.servers.fake_http import HttpReply
from tests.servers.fake_slack import FakeSlack, run_fake_slack
from tests.workers.run_fetch_job import either, run_fetch_job
from tests.workers.run_score_job import put_profile_request, run_score_job
from tests.workers.scripted_model import ScriptedModel, well_formed_reply

HERE = Address(platform="slack", workspace="T1", channel="C2")
MINE = subscription()
TICK = timedelta(seconds=30)
HOUR = timedelta(hours=1)


@pytest.fixture(scope="module")
def server_of_slack() -> Iterator[FakeSlack]:
    with run_fake_slack() as it:
        yield it


@pytest.fixture
def slack(server_of_slack: FakeSlack) -> FakeSlack:
    server_of_slack.channels["C2"].messages.clear()
    server_of_slack.clear_faults()
    return server_of_slack


class _Even:
    """A pace that lets everybody pass."""

    async def acquire(self, address: Address) -> None:
        """At once."""


@dataclass
class Installation:
    """A store with workers, a channel that is subscribed, and the operator's channel in Slack."""

    store: Store
    queues: Queues
    context: Context
    slack: FakeSlack

    def look(
        self,
        *moments: datetime,
        killed: tuple[int, bool] = (0, False),
        explained: Mapping[str, datetime] | None = None,
    ) -> None:
        """Look at these moments, in a process of its own."""

        async def run() -> None:
            async with open_poster(SecretStr("xoxb-1"), self.slack.url) as out:
                line = KilledPoster(out.workspaces)
                line.last, line.after = killed
                pace: Any = _Even()
                announcer = Announcer(line, self.store.trips, pace)
                platforms: Any = {"slack": SimpleNamespace(announcer=announcer)}
                operator = Operator(HERE, self.context, self.queues, platforms)
                for at in moments:
                    await operator.look(explained or {}, at)

        asyncio.run(run())

    def heard(self) -> list[str]:
        rows = self.slack.channels["C2"].messages
        return [str(row["text"]) for row in rows]

    def seconds_until_heard(self, begin: datetime, most: timedelta = HOUR) -> int:
        """How long after a moment something more is told, at ticks of half a minute."""
        known, at = len(self.heard()), begin
        while len(self.heard()) == known and at - begin < most:
            at += TICK
            self.look(at)
        assert len(self.heard()) == known + 1
        return round((at - begin).total_seconds())

    def employ(self, *names: str) -> None:
        """Workers for these queues, or all."""
        for name in names or tuple(self.queues.queues):
            self.queues.redis.sadd(f"rq:workers:{name}", f"rq:worker:{name}")
            self.queues.redis.hset(f"rq:worker:{name}", "birth", "x")


@pytest.fixture
def here(store: Store, queues: Queues, context: Context, slack: FakeSlack) -> Installation:
    found = Installation(store, queues, context, slack)
    store.subscriptions.put(MINE)
    found.employ()
    return found


def answering(status: int) -> Callable[[str, bytes], HttpReply]:
    return lambda path, body: (status, {"Content-Type": "text/plain"}, b"no")


def page(path: str, body: bytes) -> HttpReply:
    return (200, {"Content-Type": "text/html"}, b"<html>Maintenance</html>")


Change = Callable[[Installation, datetime], object]
Fault = tuple[Change, Change]  # the fault, and its end


def arxiv(answer: Callable[[str, bytes], HttpReply]) -> Fault:
    """arXiv answers so, and then as it should."""
    return (
        lambda here, at: run_fetch_job(here.store, answer, at),
        lambda here, at: run_fetch_job(here.store, either, at, categories=("cs.AI",)),
    )


def model(reply: str | Exception | None) -> Fault:
    """The model answers so, and then as it should."""

    def judged(here: Installation, at: datetime, answer: ScriptedModel) -> None:
        request = put_profile_request(here.store, profile(), since=at)
        here.store.lists.add(str(DAY), listing(*map(one_announced, paper_ids(4))), at)
        found = list_result(at)
        here.store.lists.put_result(request.wanted, found)
        run_score_job(here.store, request, answer, at)

    return (
        lambda here, at: judged(here, at, ScriptedModel(lambda ids: reply)),
        lambda here, at: judged(here, at, ScriptedModel(well_formed_reply)),
    )


def login(name: str, error: Exception) -> Fault:
    """A chat does not let us in; then its events come."""

    def begin(here: Installation, at: datetime) -> None:
        async def once() -> None:
            raise error

        async def tried() -> None:
            answers: Any = SimpleNamespace(context=here.context, listens=True)
            keeping = asyncio.create_task(bot_main._keep_receiving(name, once, answers))
            while not here.store.outages.all():
                await asyncio.sleep(0.01)
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping

        asyncio.run(tried())
        (outage,) = here.store.outages.all()
        here.store.outages.end(outage.what)
        here.store.outages.put(outage.what, outage.why, at)

    return begin, lambda here, at: here.store.outages.end(f"{name} login")


def spend_all(here: Installation, at: datetime) -> None:
    limits = Limits(day_usd=0.001), Limits()
    here.context = replace(here.context, limits=limits)
    payer = Payer.of(MINE.address.workspace_key, MINE.profile, limits)
    cost = MaxCost.of(0.01, 100)
    Spending(here.store).reserve("call", payer, cost, Purpose.DIGEST, at)


def raise_limit(here: Installation, at: datetime) -> None:
    here.context = replace(here.context, limits=(Limits(day_usd=1), Limits()))


def fire(*names: str) -> Change:
    def gone(here: Installation, at: datetime) -> None:
        for name in names or tuple(here.queues.queues):
            here.queues.redis.delete(f"rq:worker:{name}")

    return gone


def owe(here: Installation, at: datetime) -> None:
    here.store.ledger.open(MINE.key, [at], at)


def fail(here: Installation, at: datetime) -> None:
    here.queues.redis.zadd("rq:failed:batch", {"score-x": 9e9})


FAULTS: dict[str, Fault] = {
    "arXiv answers with HTTP 500": arxiv(answering(500)),
    "arXiv asks for fewer requests (HTTP 429)": arxiv(answering(429)),
    "arXiv sends a maintenance page": arxiv(page),
    "the model's server is away": model(Unavailable("Away.", ModelReason.MODEL_DOWN)),
    "the model's server rejects the key": model(Unavailable("No.", ModelReason.BAD_KEY)),
    "the model refuses every paper": model(Unavailable("No.", ModelReason.MODEL_REFUSED)),
    "the budget is spent": (spend_all, raise_limit),
    "Slack's token is revoked": login("Slack", Gone("Revoked.", ChannelReason.BAD_TOKEN)),
    "Discord's gateway is away": login("Discord", Unavailable("Away.", ChannelReason.CHAT_DOWN)),
    "Discord takes no messages": (
        lambda here, at: record_outage(here.store, "discord", "Away.", at),
        lambda here, at: record_outage(here.store, "discord", "", at),
    ),
    "Slack asks for fewer messages in one workspace": (
        lambda here, at: record_outage(here.store, "slack:T1", "Slack asks for fewer.", at),
        lambda here, at: record_outage(here.store, "slack:T1", "", at),
    ),
    "a digest does not come": (owe, lambda here, at: here.store.ledger.settle(MINE.key, at, at)),
    "all workers are killed": (fire(), lambda here, at: here.employ()),
    "one queue's worker is killed": (fire("batch"), lambda here, at: here.employ("batch")),
    "a job fails through a fault of ours": (
        fail,
        lambda here, at: here.queues.redis.delete("rq:failed:batch"),
    ),
    "a stored value cannot be read": (
        lambda here, at: [here.store.redis.hset("pb:counts", "x", "y"), here.store.counts.all()],
        lambda here, at: here.store.redis.delete("pb:aside"),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_is_told_once_and_its_end_once(name: str, here: Installation) -> None:
    begin, end = FAULTS[name]
    here.look(NOW - TICK)
    assert here.heard() == []
    begin(here, NOW)
    after = here.seconds_until_heard(NOW)
    again = NOW + timedelta(seconds=after)
    here.look(again + TICK, again + 2 * TICK)
    assert len(here.heard()) == 1
    fixed = again + 3 * TICK
    end(here, fixed)
    until_over = here.seconds_until_heard(fixed)
    here.look(fixed + HOUR, fixed + HOUR + TICK)
    told = here.heard()
    assert len(told) == 2
    for hidden in (MINE.profile, profile().title, "C1", "T1", *paper_ids(4), "A title"):
        assert hidden not in "".join(told)
    assert here.store.troubles.all() == []
    told[0] = f"after {after} s: {told[0]}"
    told[1] = f"{until_over} s after it was mended: {told[1]}"
    file = re.sub("[^a-z0-9]+", "-", name.lower()).strip("-")
    check_golden(f"watch/faults/{file}.txt", "\n".join(told) + "\n")


def test_that_the_database_was_away_is_told_when_it_is_back(here: Installation) -> None:
    operator = Operator(HERE, here.context, here.queues, {})
    operator.database_was_away(NOW - HOUR, NOW - HOUR + timedelta(seconds=5))
    here.look(NOW)
    assert here.heard() == []
    operator.database_was_away(NOW - timedelta(minutes=7), NOW)
    here.look(NOW, NOW + TICK)
    check_golden("watch/faults/database.txt", "\n".join(here.heard()) + "\n")


@pytest.mark.parametrize("after", [False, True])
def test_an_operator_who_is_killed_while_telling_tells_it_once(
    after: bool, here: Installation
) -> None:
    record_outage(here.store, "discord", "Away.", NOW)
    late = NOW + timedelta(minutes=2)
    with suppress(Killed):
        here.look(NOW, late, killed=(1, after))
    here.look(late + TICK)
    record_outage(here.store, "discord", "", late)
    over = late + timedelta(minutes=11)
    here.look(late + TICK)
    with suppress(Killed):
        here.look(over, killed=(1, after))
    here.look(over + TICK)
    assert [text.split(" ")[0] for text in here.heard()] == ["Discord", "Over:"]


def test_what_comes_and_goes_is_one_trouble(here: Installation) -> None:
    at = NOW
    for _ in range(5):
        record_outage(here.store, "discord", "Away.", at)
        here.look(at + 3 * TICK)
        record_outage(here.store, "discord", "", at)
        here.look(at + 6 * TICK)
        at += timedelta(minutes=5)
    here.look(at + timedelta(minutes=12))
    assert len(here.heard()) == 2


def test_what_is_over_within_a_minute_is_told_to_nobody(here: Installation) -> None:
    record_outage(here.store, "discord", "Away.", NOW)
    here.look(NOW)
    record_outage(here.store, "discord", "", NOW)
    here.look(NOW + TICK, NOW + HOUR)
    assert here.heard() == []
    assert here.store.troubles.all() == []


def test_what_could_not_be_told_while_it_lasted_is_told_at_its_end(here: Installation) -> None:
    record_outage(here.store, "slack", "Away.", NOW)
    operator = Operator(HERE, here.context, here.queues, {})
    asyncio.run(operator.look({}, NOW))
    asyncio.run(operator.look({}, NOW + timedelta(minutes=2)))
    record_outage(here.store, "slack", "", NOW)
    here.look(NOW + timedelta(minutes=5), NOW + timedelta(minutes=16))
    (told,) = here.heard()
    assert told.startswith("Over: Slack takes no messages.")


def test_what_begins_again_after_an_end_without_a_begin_is_told_to_have_begun_and_ended(
    here: Installation,
) -> None:
    here.store.ledger.open(MINE.key, [NOW], NOW)
    known, at = {MINE.key: NOW}, NOW + HOUR
    asyncio.run(Operator(HERE, here.context, here.queues, {}).look({}, at))
    here.look(at + TICK, explained=known)
    here.look(at + 2 * TICK)
    here.look(at + 3 * TICK, explained=known)
    assert [text.split(" ")[0] for text in here.heard()] == ["Over:", "1", "Over:"]


def test_a_digest_that_is_late_with_a_reason_is_no_trouble_until_its_window_is_over(
    here: Installation,
) -> None:
    here.store.ledger.open(MINE.key, [NOW], NOW)

    async def look(at: datetime) -> list[str]:
        operator = Operator(HERE, here.context, here.queues, {})
        await operator.look({MINE.key: NOW}, at)
        return [trouble.kind for trouble in here.store.troubles.all()]

    assert asyncio.run(look(NOW + 12 * HOUR)) == []
    assert asyncio.run(look(NOW + 12.5 * HOUR)) == [TroubleKind.LATE]


def test_a_digest_that_is_late_once_more_is_told_once(here: Installation) -> None:
    here.store.ledger.open(MINE.key, [NOW], NOW)
    at = NOW + HOUR
    here.look(at)
    for _ in range(3):  # a reason is known for a while, again and again
        here.look(at + TICK, explained={MINE.key: NOW})
        here.look(at + 2 * TICK)
        at += timedelta(minutes=10)
    here.store.ledger.settle(MINE.key, NOW, at)
    here.look(at, at + TICK)
    assert [text.split(" ")[0] for text in here.heard()] == ["1", "Over:"]


def test_what_a_channel_was_told_stays_the_reason_while_its_digest_is_made(
    here: Installation,
) -> None:
    here.store.ledger.open(MINE.key, [NOW], NOW)
    request = scheduled_request(0).model_copy(update={"subscription": MINE.key, "at": NOW})

    async def kinds(*ticks: tuple[datetime, tuple[ModelReason, ...]]) -> list[str]:
        operator = Operator(HERE, here.context, here.queues, {})
        for at, reasons in ticks:
            late = tuple((MINE, request, why) for why in reasons)
            operator.start(TickResult(late=late), at)
            assert operator._looking is not None
            await operator._looking
        return [trouble.kind for trouble in here.store.troubles.all()]

    down, busy = (ModelReason.MODEL_DOWN,), (ModelReason.STILL_AT_IT,)
    assert asyncio.run(kinds((NOW + HOUR, down), (NOW + 2 * HOUR, ()))) == []
    assert asyncio.run(kinds((NOW + HOUR, busy))) == [TroubleKind.LATE]


def test_a_channel_that_is_closed_for_a_time_is_told_when_it_is_open_again(
    here: Installation,
) -> None:
    here.slack.channels["C2"].archived = True
    record_outage(here.store, "discord", "Away.", NOW)
    at = NOW + timedelta(minutes=2)
    here.look(*(at + n * TICK for n in range(10)))
    here.slack.channels["C2"].archived = False
    assert here.heard() == []
    here.look(at + 20 * TICK)
    (told,) = here.heard()
    assert told.startswith("Discord takes no messages, since")


def test_a_closed_channel_is_tried_every_ten_minutes_and_its_news_are_kept_for_a_week(
    here: Installation,
) -> None:
    here.slack.channels["C2"].archived = True
    record_outage(here.store, "discord", "Away.", NOW)
    here.slack.calls.clear()
    begin = NOW + timedelta(minutes=2)
    here.look(*(begin + n * TICK for n in range(61)))
    assert [call.method for call in here.slack.calls].count("chat.postMessage") == 4
    record_outage(here.store, "discord", "", NOW)
    end = begin + HOUR
    here.look(end, end + HOUR)
    assert len(here.store.troubles.all()) == 1
    here.look(end + timedelta(days=7))
    assert here.store.troubles.all() == []
    here.slack.channels["C2"].archived = False
    here.look(end + timedelta(days=8))
    assert here.heard() == []


def test_without_a_channel_nothing_is_looked_at(here: Installation) -> None:
    async def start() -> None:
        operator = Operator(None, here.context, here.queues, {})
        operator.start(TickResult(), NOW)
        operator.database_was_away(NOW - HOUR, NOW)

    fire()(here, NOW)
    asyncio.run(start())
    assert here.store.troubles.all() == []
