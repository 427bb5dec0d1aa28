"""A thread posted through a bad line: complete, in order, once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.domain.digest import Digest, Outcome
from bot.domain.message import Message
from bot.domain.reasons import ChannelReason, ModelReason
from bot.domain.request import Address
from bot.errors import Gone, Unavailable
from bot.runtime import posting
from bot.runtime.posting import Poster, ThreadPoster
from bot.slack.poster import SlackPoster, open_poster
from bot.slack.workspaces import OneWorkspace
from bot.store.outbox import Outbox
from bot.store.store import Store
from bot.store.values.lease import LeaseLost
from bot.views import digest as digest_views
from tests.factories import decision, digest, paper_ids
from tests.killed import Killed, KilledPoster
from tests.servers.fake_slack import FakeSlack, run_fake_slack

HERE = Address(platform="slack", workspace="T1", channel="C1")
DAY = digest(*(decision(id, Outcome.PICKED) for id in paper_ids(8)))
LINE_FAULTS = ("lost_reply", "disconnect", "http_500", "http_503", "html", "internal_error")


@pytest.fixture(scope="module")
def server_of_slack() -> Iterator[FakeSlack]:
    with run_fake_slack() as it:
        yield it


@pytest.fixture
def fake_slack(server_of_slack: FakeSlack) -> FakeSlack:
    server_of_slack.channels["C1"].messages.clear()
    server_of_slack.channels["C1"].archived = False
    server_of_slack.clear_faults()
    server_of_slack.calls.clear()
    server_of_slack.retry_after = 0
    return server_of_slack


async def at_once(address: Address) -> None:
    """No pace."""


async def holds() -> None:
    """The lease."""


async def no_wait(seconds: float) -> None:
    waited.append(seconds)


waited: list[float] = []


def post(
    fake_slack: FakeSlack,
    store: Store,
    day: Digest = DAY,
    number: int = 1,
    killed: tuple[int, bool] = (0, False),
    renew: Callable[[], Awaitable[None]] = holds,
) -> str:
    """Post a day as a worker does; returns the head's id."""

    async def run() -> str:
        async with open_poster(SecretStr("xoxb-1"), fake_slack.url) as out:
            line = KilledPoster(out.workspaces)
            line.last, line.after = killed
            outbox = Outbox(store.trips, f"{HERE}:day")
            thread = ThreadPoster(
                line, outbox, HERE, at_once, lambda: datetime.now(UTC), number, renew, no_wait
            )
            head, *cards = digest_views.thread_posts(day, "day")
            assert isinstance(head, Message)
            replies = zip([d.paper.id for d in day.picked], cards, strict=True)
            return (await thread.post(head, list(replies))).message

    waited.clear()
    return asyncio.run(run())


def seen(fake_slack: FakeSlack) -> list[str]:
    """What the channel shows, line by line; replies are indented."""
    return [
        ("  " if message.get("thread_ts") not in (None, message["ts"]) else "") + message["text"]
        for message in fake_slack.visible_messages("C1")
    ]


@pytest.fixture
def whole(fake_slack: FakeSlack, store: Store) -> list[str]:
    """The channel as it should be, on a good line; then everything is forgotten."""
    post(fake_slack, store)
    good = seen(fake_slack)
    assert len(good) == 9
    fake_slack.channels["C1"].messages.clear()
    fake_slack.calls.clear()
    store.redis.flushall()
    return good


@pytest.mark.parametrize("fault", LINE_FAULTS)
def test_a_fault_at_any_message_leaves_the_channel_as_if_there_was_none(
    fault: str, fake_slack: FakeSlack, store: Store, whole: list[str]
) -> None:
    for position in range(9):
        fake_slack.inject_faults("chat.postMessage", *["ok"] * position, fault)
        post(fake_slack, store)
        assert seen(fake_slack) == whole, position
        assert "chat.delete" not in {call.method for call in fake_slack.calls}  # never sent twice
        fake_slack.channels["C1"].messages.clear()
        store.redis.flushall()


def test_every_message_may_fail_and_looking_may_fail_as_well(
    fake_slack: FakeSlack, store: Store, whole: list[str]
) -> None:
    fake_slack.inject_faults("chat.postMessage", *["lost_reply", "http_500", "ok"] * 9)
    fake_slack.inject_faults("conversations.replies", *["http_500", "lost_reply", "ok", "ok"] * 3)
    fake_slack.inject_faults("conversations.history", "ratelimited", "ok")
    post(fake_slack, store)
    assert seen(fake_slack) == whole


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_any_message_the_next_worker_finishes_the_thread(
    after: bool, fake_slack: FakeSlack, store: Store, whole: list[str]
) -> None:
    for position in range(1, 10):
        with pytest.raises(Killed):
            post(fake_slack, store, killed=(position, after))
        post(fake_slack, store, number=2)
        assert seen(fake_slack) == whole, position
        fake_slack.channels["C1"].messages.clear()
        store.redis.flushall()


@pytest.mark.parametrize("known", [False, True])
def test_who_is_stopped_while_a_message_waits_for_its_turn_leaves_nothing_to_look_for(
    known: bool, fake_slack: FakeSlack, store: Store
) -> None:
    """But for a message that an earlier worker may have sent."""
    outbox = Outbox(store.trips, f"{HERE}:day")
    if known:
        asyncio.run(outbox.begin("head", 1, datetime.now(UTC)))

    async def run() -> None:
        waiting = asyncio.Event()

        async def never(address: Address) -> None:
            waiting.set()
            await asyncio.Event().wait()

        async with open_poster(SecretStr("xoxb-1"), fake_slack.url) as out:
            clock = lambda: datetime.now(UTC)  # noqa: E731
            thread = ThreadPoster(out, outbox, HERE, never, clock, 2)
            task = asyncio.create_task(thread.post_one("head", Message(title="A day")))
            await waiting.wait()
            task.cancel()
            await asyncio.wait({task})
            assert task.cancelled()

    asyncio.run(run())
    assert (outbox.entry("head") is not None) is known
    assert seen(fake_slack) == []


def test_slacks_retry_after_is_respected(
    fake_slack: FakeSlack, store: Store, whole: list[str]
) -> None:
    fake_slack.retry_after = 17
    fake_slack.inject_faults("chat.postMessage", "ok", "ratelimited", "ratelimited")
    post(fake_slack, store)
    assert seen(fake_slack) == whole
    assert waited == [17.0, 17.0]
    looked = [call for call in fake_slack.calls if call.method == "conversations.replies"]
    assert looked == []  # a message that was surely not taken need not be looked for


def test_a_retry_after_of_more_than_a_minute_is_left_for_later(
    fake_slack: FakeSlack, store: Store
) -> None:
    fake_slack.retry_after = 61
    fake_slack.inject_faults("chat.postMessage", "ok", "ratelimited")
    with pytest.raises(Unavailable) as away:
        post(fake_slack, store)
    assert away.value.retry_after == 61
    assert waited == []
    assert len(seen(fake_slack)) == 1


def test_a_lease_that_is_lost_while_waiting_for_a_turn_posts_nothing_more(
    fake_slack: FakeSlack, store: Store, whole: list[str]
) -> None:
    """Each message is preceded by a renewal, after its turn has come."""
    left = iter(range(4))

    async def renew() -> None:
        if next(left, None) is None:
            raise LeaseLost("another worker has it")

    with pytest.raises(LeaseLost):
        post(fake_slack, store, renew=renew)
    assert len(seen(fake_slack)) == 4
    post(fake_slack, store, number=2)
    assert seen(fake_slack) == whole


def test_a_machine_that_stood_still_while_its_lease_was_renewed_posts_nothing_more(
    fake_slack: FakeSlack, store: Store, whole: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The renewal was granted, and its answer read after another worker had taken over (found by
    the simulator, seed 7 with 20 channels)."""
    now, renewals = [0.0], iter(range(6))
    monkeypatch.setattr(posting, "time", SimpleNamespace(monotonic=lambda: now[0], time=time.time))

    async def renew() -> None:
        turn = next(renewals, None)
        if turn is None:
            raise LeaseLost("another worker has it")
        now[0] += 25.0 if turn == 5 else 1.0

    with pytest.raises(LeaseLost):
        post(fake_slack, store, renew=renew)
    assert len(seen(fake_slack)) == 5
    post(fake_slack, store, number=2)
    assert seen(fake_slack) == whole


def test_a_message_that_may_be_there_is_looked_for_whatever_was_answered_since(
    fake_slack: FakeSlack, store: Store, whole: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first answer was lost, the first look in vain, and the second try surely not taken."""
    look, blind = SlackPoster.find, iter([True])

    async def find(self: SlackPoster, *args: Any) -> list[str]:
        return [] if next(blind, False) else await look(self, *args)

    monkeypatch.setattr(SlackPoster, "find", find)
    fake_slack.inject_faults("chat.postMessage", "ok", "ok", "lost_reply", "ratelimited")
    post(fake_slack, store)
    assert seen(fake_slack) == whole
    assert "chat.delete" not in {call.method for call in fake_slack.calls}  # never sent twice


def test_posting_again_posts_nothing_and_asks_slack_nothing(
    fake_slack: FakeSlack, store: Store, whole: list[str]
) -> None:
    first = post(fake_slack, store)
    fake_slack.calls.clear()
    assert post(fake_slack, store, number=2) == first
    assert seen(fake_slack) == whole
    assert [call.method for call in fake_slack.calls] == []


def test_a_worker_that_lost_its_lease_but_lives_posts_nothing_more(
    fake_slack: FakeSlack, store: Store, whole: list[str]
) -> None:
    with pytest.raises(Killed):
        post(fake_slack, store, number=1, killed=(4, True))
    post(fake_slack, store, number=2)
    with pytest.raises(LeaseLost):
        post(fake_slack, store, number=1)
    assert seen(fake_slack) == whole


def test_a_message_that_turns_up_late_goes_again(
    fake_slack: FakeSlack, store: Store, whole: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked for in vain, sent again, and then it is there twice."""
    look = SlackPoster.find
    blind = iter([True, False])

    async def find(self: SlackPoster, *args: Any) -> list[str]:
        return [] if next(blind, False) else await look(self, *args)

    monkeypatch.setattr(SlackPoster, "find", find)
    fake_slack.inject_faults("chat.postMessage", "ok", "ok", "lost_reply")
    post(fake_slack, store)
    assert seen(fake_slack) == whole


def test_a_day_that_was_short_is_completed_in_its_thread(
    fake_slack: FakeSlack, store: Store
) -> None:
    """First half of the papers had no score; then all have."""
    early = [decision(id, Outcome.PICKED) for id in paper_ids(4)]
    missing = [decision(id, Outcome.UNSCORED) for id in paper_ids(8)[4:]]
    short = digest(
        *early, *(d.model_copy(update={"trouble": ModelReason.MODEL_DOWN}) for d in missing)
    )
    head = post(fake_slack, store, short)
    assert "4 papers not scored" in str(fake_slack.visible_messages("C1")[0]["blocks"])
    assert post(fake_slack, store, DAY, number=2) == head
    shown = fake_slack.visible_messages("C1")
    assert "unscored" not in str(shown[0]["blocks"])
    assert len(shown) == 9


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("is_archived", ChannelReason.ARCHIVED),
        ("not_in_channel", ChannelReason.NOT_A_MEMBER),
        ("channel_not_found", ChannelReason.CHANNEL_GONE),
        ("token_revoked", ChannelReason.BAD_TOKEN),
        ("missing_scope", ChannelReason.NO_SCOPE),
    ],
)
def test_an_error_that_a_person_has_to_fix_ends_the_thread_with_its_reason(
    code: str, reason: ChannelReason, fake_slack: FakeSlack, store: Store
) -> None:
    fake_slack.inject_faults("chat.postMessage", "ok", "ok", code)
    with pytest.raises(Gone) as gone:
        post(fake_slack, store)
    assert gone.value.reason is reason
    assert "xoxb" not in str(gone.value)
    assert waited == []


def test_an_outage_is_left_for_later_after_a_quarter_of_a_minute(
    fake_slack: FakeSlack, store: Store, whole: list[str]
) -> None:
    fake_slack.inject_faults("chat.postMessage", *["http_503"] * 5)
    with pytest.raises(Unavailable):
        post(fake_slack, store)
    assert sum(waited) == 15
    post(fake_slack, store, number=2)
    assert seen(fake_slack) == whole


def test_blocks_that_slack_refuses_are_sent_as_plain_text(
    fake_slack: FakeSlack, store: Store
) -> None:
    fake_slack.inject_faults("chat.postMessage", "ok", "invalid_blocks")
    post(fake_slack, store)
    shown = fake_slack.visible_messages("C1")
    assert len(shown) == 9
    assert "blocks" not in shown[1]
    for part in ("On the matter of 2503.10000", "https://arxiv.org/abs/2503.10000", "relevance 8"):
        assert part in shown[1]["text"]


def test_a_deleted_head_stays_deleted(fake_slack: FakeSlack, store: Store) -> None:
    post(fake_slack, store)
    fake_slack.channels["C1"].messages.clear()
    judged_again = digest(*DAY.decisions, replacements=3)
    post(fake_slack, store, judged_again, number=2)
    assert fake_slack.visible_messages("C1") == []


def test_a_lease_is_renewed_when_the_token_for_the_message_is_at_hand(
    fake_slack: FakeSlack, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where workspaces install Paperboy, tokens are read: a machine that stood still meanwhile sent
    what its successor had sent (found by the simulator, seed 930000011)."""
    happened = list[str]()
    web = OneWorkspace.web

    async def read(self: OneWorkspace, team: str) -> AsyncWebClient:
        happened.append("token")
        return await web(self, team)

    async def renew() -> None:
        happened.append(f"renewed, {len(fake_slack.visible_messages('C1'))} there")

    monkeypatch.setattr(OneWorkspace, "web", read)
    post(fake_slack, store, renew=renew)
    told = [what for what in happened if what != "token"]
    assert told == [f"renewed, {n} there" for n in range(9)]
    before = [happened[n - 1] for n, what in enumerate(happened) if what != "token"]
    assert before == ["token"] * 9


def test_nothing_comes_between_renewing_a_lease_and_sending(store: Store) -> None:
    """Else what other channels do there may take until another worker has the lease, and has sent
    the message, too."""
    happened = list[str]()

    class Watched(ThreadPoster):
        async def _renew(self) -> None:
            await super()._renew()
            happened.append("renewed")
            asyncio.get_running_loop().call_soon(happened.append, "another channel's turn")

    class Out:
        async def send(self, *args: Any) -> str:
            happened.append("has its token")
            await args[-1]()
            happened.append("sent")
            return "1"

    outbox = Outbox(store.trips, f"{HERE}:day")
    thread = Watched(cast(Poster, Out()), outbox, HERE, at_once, lambda: datetime.now(UTC), 1)
    asyncio.run(thread.post_one("head", Message(title="A day")))
    assert happened[:3] == ["has its token", "renewed", "sent"]
