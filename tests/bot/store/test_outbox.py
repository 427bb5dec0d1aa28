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
from bot.domain.message import Head, Post
from bot.domain.request import Address
from bot.errors import Unavailable
from bot.runtime import posting
from bot.runtime.posting import Pace, Thread
from bot.slack.poster import SlackPoster, poster
from bot.store.days import Store
from bot.store.lease import LeaseLost
from bot.store.outbox import Outbox
from bot.views import digest as digest_views
from tests.make import NOW, decision, digest, ids
from tests.servers.slack_neighbour import Slack, slack

HERE = Address(platform="slack", workspace="T1", channel="C1")
DAY = digest(*(decision(id, Outcome.PICKED) for id in ids(3)))


@pytest.fixture
def there() -> Iterator[Slack]:
    with slack() as it:
        yield it


@pytest.fixture
def outbox(store: Store) -> Outbox:
    return Outbox(store.redis, f"{HERE}:day")


def post(
    there: Slack,
    outbox: Outbox,
    day: Digest = DAY,
    renew: Callable[[], None] = lambda: None,
    **given: Any,
) -> list[float]:
    """Post a day; returns for how long it was waited between tries."""
    waits: list[float] = []

    async def at_once(address: Address) -> None:
        """No pace."""

    async def no_wait(seconds: float) -> None:
        waits.append(seconds)

    async def run() -> None:
        async with poster(SecretStr("xoxb-1"), there.url) as line:
            clock = given.get("clock", lambda: datetime.now(UTC))
            turn = given.get("turn", at_once)
            thread = Thread(line, outbox, HERE, turn, clock, 1, renew, sleep=no_wait)
            head, *cards = digest_views.thread(day, "day")
            assert isinstance(head, Head)
            await thread.post(head, list(zip([d.paper.id for d in day.picked], cards, strict=True)))

    asyncio.run(run())
    return waits


def sent(there: Slack) -> list[str]:
    return [call.method for call in there.calls if call.method != "conversations.history"]


def test_a_message_that_may_be_out_is_looked_for_however_surely_the_next_try_failed(
    there: Slack, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first try went out without an answer, and was not found; the second was surely refused;
    then the first turns up: it is the message, and nothing is sent again."""
    look, looks = SlackPoster.find, count()

    async def find(self: SlackPoster, *args: Any) -> list[str]:
        return [] if next(looks) == 0 else await look(self, *args)

    monkeypatch.setattr(SlackPoster, "find", find)
    there.fault("chat.postMessage", "ok", "lost_reply", "ratelimited")
    post(there, outbox)
    assert len(there.thread("C1")) == 4
    assert "chat.delete" not in sent(there)
    assert sent(there).count("chat.postMessage") == 5


def test_a_message_that_was_surely_not_taken_leaves_no_trace(there: Slack, outbox: Outbox) -> None:
    there.fault("chat.postMessage", "ok", *["ratelimited"] * 5)
    with pytest.raises(Unavailable):
        post(there, outbox)
    assert outbox.entry(ids(1)[0]) is None
    there.calls.clear()
    post(there, outbox)
    assert "conversations.replies" not in sent(there)


def test_a_message_that_may_be_out_is_remembered_for_whoever_goes_on(
    there: Slack, outbox: Outbox
) -> None:
    there.fault("chat.postMessage", "ok", *["http_500"] * 5)
    with pytest.raises(Unavailable):
        post(there, outbox)
    assert outbox.entry(ids(1)[0]) is not None


def test_slack_is_given_as_long_as_it_asks_for(there: Slack, outbox: Outbox) -> None:
    there.retry_after = 30
    there.fault("chat.postMessage", "ok", "ratelimited", "ratelimited")
    assert post(there, outbox) == [30.0, 30.0]


@pytest.mark.parametrize("seconds", [60, 61])
def test_who_asks_for_more_than_a_minute_is_left_for_later(
    there: Slack, outbox: Outbox, seconds: int
) -> None:
    there.retry_after = seconds
    there.fault("chat.postMessage", "ok", "ratelimited")
    if seconds == 60:
        assert post(there, outbox) == [60.0]
    else:
        with pytest.raises(Unavailable):
            post(there, outbox)
        assert sent(there) == ["chat.postMessage"] * 2


def test_the_lease_is_renewed_after_the_turn_and_before_each_message(
    there: Slack, outbox: Outbox
) -> None:
    """A turn may be long in coming: who was given up meanwhile must learn it before it speaks."""
    done: list[str] = []

    async def turn(address: Address) -> None:
        done.append(f"turn {len(sent(there))}")

    post(there, outbox, turn=turn, renew=lambda: done.append(f"renewed {len(sent(there))}"))
    assert done == [f"{what} {n}" for n in range(4) for what in ("turn", "renewed")]


def test_all_papers_are_replies_to_the_head_and_each_took_its_channel_s_turn(
    there: Slack, outbox: Outbox
) -> None:
    turns: list[Address] = []

    async def turn(address: Address) -> None:
        turns.append(address)

    post(there, outbox, turn=turn)
    head, *cards = there.thread("C1")
    assert "thread_ts" not in head or head["thread_ts"] == head["ts"]
    assert {card["thread_ts"] for card in cards} == {head["ts"]}
    assert turns == [HERE] * 4


def test_who_has_lost_the_lease_sends_nothing_more(there: Slack, outbox: Outbox) -> None:
    held = iter([True, True])

    def renew() -> None:
        if not next(held, False):
            raise LeaseLost("deliver")

    with pytest.raises(LeaseLost):
        post(there, outbox, renew=renew)
    assert len(there.thread("C1")) == 2


def test_messages_of_a_channel_are_a_second_apart_also_when_a_turn_came_late(
    there: Slack, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(posting, "_GAP", 1000.0)
    waits = post(there, outbox)
    assert len(waits) == 3
    assert min(waits) > 900


def test_a_pace_of_one_message_a_second_for_each_channel_over_all_processes(
    server: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn after the first does not come while its second lasts, which is made long here;
    another channel's comes at once."""
    import redis.asyncio
    from pyrate_limiter import Rate

    asked: list[tuple[int, int]] = []

    def long(limit: int, milliseconds: int) -> Rate:
        asked.append((limit, int(milliseconds)))
        return Rate(limit, 10**7)

    monkeypatch.setattr(posting, "Rate", long)

    async def run() -> None:
        async with redis.asyncio.Redis.from_url(server) as one:
            first, second = Pace(one), Pace(one)
            await first.turn(HERE)
            later = asyncio.create_task(second.turn(HERE))
            await second.turn(HERE.model_copy(update={"channel": "C2"}))
            assert not later.done()
            later.cancel()

    asyncio.run(run())
    assert set(asked) == {(1, 1000)}
    assert 0 < int(store.redis.ttl(f"pb:pace:{HERE}")) <= 60


def test_what_was_begun_long_ago_is_looked_for_from_then_on(there: Slack, outbox: Outbox) -> None:
    """Whoever goes on looks from when the message was begun, not from when it goes on."""
    began = NOW - timedelta(hours=3)
    outbox.begin("head", 1, began)
    post(there, outbox, clock=lambda: NOW)
    looks = [call for call in there.calls if call.method == "conversations.history"]
    assert looks
    assert all(float(look.arguments["oldest"]) <= began.timestamp() for look in looks)
    entry = outbox.entry("head")
    assert entry is not None
    assert (entry.at, entry.message) == (began, there.thread("C1")[0]["ts"])


def test_a_message_that_is_there_is_changed_when_it_says_something_else_and_only_then(
    there: Slack, outbox: Outbox
) -> None:
    post(there, outbox)
    slot, (_, card, *_) = ids(1)[0], digest_views.thread(DAY, "day")
    other = digest_views.thread(digest(decision(slot, Outcome.PICKED, 10)), "day")[1]
    there.calls.clear()

    async def change(slot: str, post: Post) -> None:
        async def at_once(address: Address) -> None:
            """No pace."""

        async with poster(SecretStr("xoxb-1"), there.url) as line:
            thread = Thread(line, outbox, HERE, at_once, lambda: NOW, 1)
            await thread.change(slot, post, there.thread("C1")[0]["ts"])

    for given, calls in (
        ((slot, card), []),
        (("2503.99999", other), []),  # never posted
        ((slot, other), ["chat.update"]),
        ((slot, other), ["chat.update"]),  # it says so already
    ):
        asyncio.run(change(*given))
        assert sent(there) == calls
    assert "Relevance 10" in str(there.thread("C1")[1]["blocks"])


def test_everything_that_was_said_is_known_by_its_slot(there: Slack, outbox: Outbox) -> None:
    post(there, outbox)
    known = outbox.entries()
    assert {"head", *ids(3)} <= known.keys()
    assert {known[slot].message for slot in ("head", *ids(3))} == {
        message["ts"] for message in there.thread("C1")
    }
    assert all(entry.at for entry in known.values())


def test_what_was_said_and_cannot_be_read_any_more_is_looked_for_and_not_said_again(
    there: Slack, outbox: Outbox, store: Store
) -> None:
    post(there, outbox)
    before = there.thread("C1")
    for slot in ("head", ids(2)[1]):
        store.redis.hset(f"pb:outbox:{HERE}:day", slot, '{"at": "never"')
    assert outbox.entries().keys() >= {"head", *ids(3)}
    assert "#" not in outbox.entries()
    there.calls.clear()
    post(there, outbox)
    assert [message["ts"] for message in there.thread("C1")] == [m["ts"] for m in before]
    assert "chat.postMessage" not in sent(there)
    entry = outbox.entry(ids(2)[1])
    assert entry is not None
    assert entry.message == before[2]["ts"]
