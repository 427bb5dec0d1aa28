"""What stands between a message and its being there twice, late, or never."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.digest import Digest, Outcome
from bot.domain.message import Message, Post
from bot.domain.request import Address
from bot.errors import Unavailable
from bot.runtime import posting
from bot.runtime.posting import ChannelRateLimit, ThreadPoster
from bot.slack.poster import SlackPoster, open_poster
from bot.store.connection import connect
from bot.store.outbox import Outbox, Turns
from bot.store.store import Store
from bot.store.values.lease import LeaseLost
from bot.views import digest as digest_views
from tests.factories import NOW, decision, digest, paper_ids
from tests.servers.fake_slack import FakeSlack, run_fake_slack

HERE = Address(platform="slack", workspace="T1", channel="C1")
DAY = digest(*(decision(id, Outcome.PICKED) for id in paper_ids(3)))


@pytest.fixture
def fake_slack() -> Iterator[FakeSlack]:
    with run_fake_slack() as it:
        yield it


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return Outbox(store.trips, f"{HERE}:day")


def post(
    fake_slack: FakeSlack,
    outbox: Outbox,
    day: Digest = DAY,
    renew: Callable[[], object] = lambda: None,
    **given: Any,
) -> list[float]:
    """Post a day; returns for how long it was waited between tries."""
    waits: list[float] = []

    async def at_once(address: Address) -> None:
        """No pace."""

    async def no_wait(seconds: float) -> None:
        waits.append(seconds)

    async def renewed() -> None:
        renew()

    async def run() -> None:
        async with open_poster(SecretStr("xoxb-1"), fake_slack.url) as line:
            clock = given.get("clock", lambda: datetime.now(UTC))
            turn = given.get("turn", at_once)
            thread = ThreadPoster(line, outbox, HERE, turn, clock, 1, renewed, sleep=no_wait)
            head, *cards = digest_views.thread_posts(day, "day")
            assert isinstance(head, Message)
            await thread.post(head, list(zip([d.paper.id for d in day.picked], cards, strict=True)))

    asyncio.run(run())
    return waits


def sent(fake_slack: FakeSlack) -> list[str]:
    return [call.method for call in fake_slack.calls if call.method != "conversations.history"]


def test_a_message_that_may_have_been_sent_is_searched_for_however_the_next_try_failed(
    fake_slack: FakeSlack, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try went out without an answer, and was not found; the second was surely refused;
    then the first turns up: it is the message, and nothing is sent again."""
    look, looks = SlackPoster.find, count()

    async def find(self: SlackPoster, *args: Any) -> list[str]:
        return [] if next(looks) == 0 else await look(self, *args)

    monkeypatch.setattr(SlackPoster, "find", find)
    fake_slack.inject_faults("chat.postMessage", "ok", "lost_reply", "ratelimited")
    post(fake_slack, outbox)
    assert len(fake_slack.visible_messages("C1")) == 4
    assert "chat.delete" not in sent(fake_slack)
    assert sent(fake_slack).count("chat.postMessage") == 5


def test_a_message_that_was_certainly_refused_leaves_no_entry(
    fake_slack: FakeSlack, outbox: Outbox
) -> None:
    fake_slack.inject_faults("chat.postMessage", "ok", *["ratelimited"] * 5)
    with pytest.raises(Unavailable):
        post(fake_slack, outbox)
    assert outbox.entry(paper_ids(1)[0]) is None
    fake_slack.calls.clear()
    post(fake_slack, outbox)
    assert "conversations.replies" not in sent(fake_slack)


def test_a_message_that_may_have_been_sent_is_remembered_for_the_next_worker(
    fake_slack: FakeSlack, outbox: Outbox
) -> None:
    fake_slack.inject_faults("chat.postMessage", "ok", *["http_500"] * 5)
    with pytest.raises(Unavailable):
        post(fake_slack, outbox)
    assert outbox.entry(paper_ids(1)[0]) is not None


def test_retry_after_is_waited_for(fake_slack: FakeSlack, outbox: Outbox) -> None:
    fake_slack.retry_after = 30
    fake_slack.inject_faults("chat.postMessage", "ok", "ratelimited", "ratelimited")
    assert post(fake_slack, outbox) == [30.0, 30.0]


@pytest.mark.parametrize("seconds", [60, 61])
def test_a_retry_after_of_more_than_a_minute_is_left_for_later(
    fake_slack: FakeSlack, outbox: Outbox, seconds: int
) -> None:
    fake_slack.retry_after = seconds
    fake_slack.inject_faults("chat.postMessage", "ok", "ratelimited")
    if seconds == 60:
        assert post(fake_slack, outbox) == [60.0]
    else:
        with pytest.raises(Unavailable):
            post(fake_slack, outbox)
        assert sent(fake_slack) == ["chat.postMessage"] * 2


def test_the_lease_is_renewed_after_the_turn_and_before_each_message(
    fake_slack: FakeSlack, outbox: Outbox
) -> None:
    """A turn may be long in coming: who was given up meanwhile must learn it before it speaks."""
    done: list[str] = []

    async def turn(address: Address) -> None:
        done.append(f"turn {len(sent(fake_slack))}")

    post(
        fake_slack, outbox, turn=turn, renew=lambda: done.append(f"renewed {len(sent(fake_slack))}")
    )
    assert done == [f"{what} {n}" for n in range(4) for what in ("turn", "renewed")]


def test_all_papers_are_replies_to_the_head_and_each_took_its_channel_s_turn(
    fake_slack: FakeSlack, outbox: Outbox
) -> None:
    turns: list[Address] = []

    async def turn(address: Address) -> None:
        turns.append(address)

    post(fake_slack, outbox, turn=turn)
    head, *cards = fake_slack.visible_messages("C1")
    assert "thread_ts" not in head or head["thread_ts"] == head["ts"]
    assert {card["thread_ts"] for card in cards} == {head["ts"]}
    assert turns == [HERE] * 4


def test_a_worker_that_lost_the_lease_sends_nothing_more(
    fake_slack: FakeSlack, outbox: Outbox
) -> None:
    held = iter([True, True])

    def renew() -> None:
        if not next(held, False):
            raise LeaseLost("deliver")

    with pytest.raises(LeaseLost):
        post(fake_slack, outbox, renew=renew)
    assert len(fake_slack.visible_messages("C1")) == 2


def test_messages_of_a_channel_are_a_second_apart_also_when_a_turn_came_late(
    fake_slack: FakeSlack, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "_GAP", 1000.0)
    waits = post(fake_slack, outbox)
    assert len(waits) == 3
    assert min(waits) > 900


@pytest.mark.usefixtures("paced")
def test_a_pace_of_one_message_a_second_for_each_channel_over_all_processes(
    redis_url: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn after the first does not come while its second lasts, which is made long here;
    another channel's comes at once."""
    assert posting._APART == 1000
    monkeypatch.setattr(posting, "_APART", 50_000)
    with connect(redis_url) as other:
        first, second = (
            ChannelRateLimit(Turns(store.trips)),
            ChannelRateLimit(Turns(Store(other).trips)),
        )

        async def run() -> None:
            await first.acquire(HERE)
            later = asyncio.create_task(second.acquire(HERE))
            await second.acquire(HERE.model_copy(update={"channel": "C2"}))
            assert not later.done()
            later.cancel()

        asyncio.run(run())
    assert 50 < int(store.redis.ttl(f"pb:turn:{HERE}")) <= 100


def test_turns_are_apart_and_those_that_nobody_uses_pass(store: Store) -> None:
    async def three() -> list[int]:
        turns = Turns(store.trips)
        return [await turns.take(HERE, 10_000) for _ in range(3)]

    now, second, third = asyncio.run(three())
    assert now == 0
    assert 9_000 < second <= 10_000
    assert 19_000 < third <= 20_000
    assert asyncio.run(three())[0] > 20_000
    store.redis.delete(f"pb:turn:{HERE}")
    assert asyncio.run(three())[0] == 0


def test_what_was_begun_long_ago_is_looked_for_from_then_on(
    fake_slack: FakeSlack, outbox: Outbox
) -> None:
    """Whoever goes on looks from when the message was begun, not from when it goes on."""
    began = NOW - timedelta(hours=3)
    asyncio.run(outbox.begin("head", 1, began))
    post(fake_slack, outbox, clock=lambda: NOW)
    looks = [call for call in fake_slack.calls if call.method == "conversations.history"]
    assert looks
    assert all(float(look.arguments["oldest"]) <= began.timestamp() for look in looks)
    entry = outbox.entry("head")
    assert entry is not None
    assert (entry.at, entry.message) == (began, fake_slack.visible_messages("C1")[0]["ts"])


def test_a_message_that_is_there_is_changed_when_it_says_something_else_and_only_then(
    fake_slack: FakeSlack, outbox: Outbox
) -> None:
    post(fake_slack, outbox)
    slot, (_, card, *_) = paper_ids(1)[0], digest_views.thread_posts(DAY, "day")
    other = digest_views.thread_posts(digest(decision(slot, Outcome.PICKED, 10)), "day")[1]
    fake_slack.calls.clear()

    async def change(slot: str, post: Post) -> None:
        async def at_once(address: Address) -> None:
            """No pace."""

        async with open_poster(SecretStr("xoxb-1"), fake_slack.url) as line:
            thread = ThreadPoster(line, outbox, HERE, at_once, lambda: NOW, 1)
            await thread.change(slot, post, fake_slack.visible_messages("C1")[0]["ts"])

    for given, calls in (
        ((slot, card), []),
        (("2503.99999", other), []),  # never posted
        ((slot, other), ["chat.update"]),
        ((slot, other), ["chat.update"]),  # it says so already
    ):
        asyncio.run(change(*given))
        assert sent(fake_slack) == calls
    assert "relevance 10" in str(fake_slack.visible_messages("C1")[1]["blocks"])


def test_everything_that_was_said_is_known_by_its_slot(
    fake_slack: FakeSlack, outbox: Outbox
) -> None:
    post(fake_slack, outbox)
    known = outbox.entries()
    assert {"head", *paper_ids(3)} <= known.keys()
    assert {known[slot].message for slot in ("head", *paper_ids(3))} == {
        message["ts"] for message in fake_slack.visible_messages("C1")
    }
    assert all(entry.at for entry in known.values())


def test_what_was_said_and_cannot_be_read_any_more_is_looked_for_and_not_said_again(
    fake_slack: FakeSlack, outbox: Outbox, store: Store
) -> None:
    post(fake_slack, outbox)
    before = fake_slack.visible_messages("C1")
    for slot in ("head", paper_ids(2)[1]):
        store.redis.hset(f"pb:outbox:{HERE}:day", slot, '{"at": "never"')
    assert outbox.entries().keys() >= {"head", *paper_ids(3)}
    assert "#" not in outbox.entries()
    fake_slack.calls.clear()
    post(fake_slack, outbox)
    assert [message["ts"] for message in fake_slack.visible_messages("C1")] == [
        m["ts"] for m in before
    ]
    assert "chat.postMessage" not in sent(fake_slack)
    entry = outbox.entry(paper_ids(2)[1])
    assert entry is not None
    assert entry.message == before[2]["ts"]


@pytest.mark.parametrize(("first", "second"), [(1, 2), (0, 0)], ids=["worker", "bot"])
def test_a_writer_that_stood_still_does_not_withdraw_what_another_has_sent(
    outbox: Outbox, first: int, second: int
) -> None:
    """A worker's successor has a later lease; bots hold none when they announce something."""
    assert asyncio.run(outbox.begin("head", first, NOW)) is None
    begun = asyncio.run(outbox.begin("head", second, NOW))
    assert begun is not None
    asyncio.run(outbox.put_result("head", begun.model_copy(update={"message": "17"})))
    asyncio.run(outbox.withdraw("head", first, NOW))
    found = outbox.entry("head")
    assert found is not None
    assert found.message == "17"


def test_its_own_writer_withdraws_a_message(outbox: Outbox) -> None:
    asyncio.run(outbox.begin("head", 2, NOW))
    asyncio.run(outbox.withdraw("head", 2, NOW))
    assert outbox.entry("head") is None
