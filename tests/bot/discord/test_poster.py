"""Posting to Discord: complete, in order and once, whatever happens to the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from discord.http import Route
from pydantic import SecretStr

from bot.discord import check, render
from bot.discord import poster as poster_discord
from bot.discord.poster import DiscordPoster
from bot.domain.digest import Outcome
from bot.domain.message import Message, Post
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.errors import Gone, PaperboyError, Refused, Unavailable
from bot.runtime.posting import ThreadPoster
from bot.store.outbox import Outbox
from bot.store.store import Store
from bot.views import digest as digest_views
from bot.views.permalinks import permalink
from tests.factories import decision, digest, paper_ids
from tests.killed import Killed
from tests.servers import fake_discord_state
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import FakeDiscord, Fault, run_fake_discord
from tests.servers.fake_discord_state import GUILD_ID, SEND_MESSAGES, USER_ID
from tests.waiting import TIMEOUT_SECONDS

HERE = Address(platform="discord", workspace=GUILD_ID, channel="200000000000000001")
FORUM = HERE.model_copy(update={"channel": "200000000000000004"})
TOKEN = SecretStr("token")
HEAD = Message(title="Hello")


@pytest.fixture
def fake_discord(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDiscord]:
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # so that it is put back
    with run_fake_discord() as server:
        yield server


def posting(
    fake_discord: FakeDiscord,
    work: Callable[[DiscordPoster], Awaitable[Any]],
    kind: type[DiscordPoster] = DiscordPoster,
) -> Any:
    async def run() -> Any:
        Route.BASE = fake_discord.api
        poster = kind(TOKEN)
        try:
            return await work(poster)
        finally:
            await poster.close()

    return asyncio.run(run())


def day() -> tuple[Message, list[tuple[str, Post]]]:
    picked = digest(*(decision(id, Outcome.PICKED) for id in paper_ids(8)))
    head, *cards = digest_views.thread_posts(picked, "matters-1")
    assert isinstance(head, Message)
    return head, list(zip(paper_ids(8), cards, strict=True))


def thread(poster: DiscordPoster, store: Store, slept: list[float] | None = None) -> ThreadPoster:
    async def sleep(seconds: float) -> None:
        (slept if slept is not None else []).append(seconds)

    async def turn(address: Address) -> None:
        """No pace."""

    return ThreadPoster(
        poster, Outbox(store.trips, "a day"), HERE, turn, lambda: datetime.now(UTC), sleep=sleep
    )


def drawn(fake_discord: FakeDiscord) -> str:
    """What a person sees of a channel, the threads included."""
    messages = fake_discord.channels[HERE.channel].messages
    shown = [
        part
        for message in messages
        for part in fake_discord.visible_messages(HERE.channel, message["id"])
    ]
    return "\n".join(map(draw_discord, shown))


@pytest.fixture(scope="module")
def whole() -> str:
    """A thread of eight, as it is without any fault."""
    head, replies = day()
    bodies = [render.message(post) for post in (head, *(post for _, post in replies))]
    return "\n".join(map(draw_discord, bodies))


def requests(fake_discord: FakeDiscord) -> list[str]:
    return [f"{call.route} {call.status}" for call in fake_discord.calls if "POST" in call.route]


def test_a_thread_of_eight_is_posted_under_its_head(
    fake_discord: FakeDiscord, store: Store, whole: str
) -> None:
    message = posting(fake_discord, lambda poster: thread(poster, store).post(*day())).message
    assert drawn(fake_discord) == whole
    assert len(requests(fake_discord)) == 10
    opened = fake_discord.channels[message]
    assert (opened.parent, len(opened.messages)) == (HERE.channel, 8)
    assert opened.name == "Matters of importance · Thu 20 Mar"
    assert permalink(HERE, message, message).endswith(
        f"/channels/{GUILD_ID}/{HERE.channel}/{message}"
    )


def test_the_same_thread_again_posts_nothing(
    fake_discord: FakeDiscord, store: Store, whole: str
) -> None:
    async def twice(poster: DiscordPoster) -> None:
        first = await thread(poster, store).post(*day())
        assert await thread(poster, store).post(*day()) == first

    posting(fake_discord, twice)
    assert drawn(fake_discord) == whole


@pytest.mark.parametrize("kept", [300.0, 0.0], ids=["nonce", "history"])
@pytest.mark.parametrize("fault", ["lost_reply", "disconnect", "http_500", "http_502", "http_503"])
@pytest.mark.parametrize("at", [0, 3, 8])
def test_a_fault_while_posting_a_message_leaves_the_thread_complete(
    fake_discord: FakeDiscord, store: Store, whole: str, monkeypatch: pytest.MonkeyPatch,
    fault: Fault, at: int, kept: float,
) -> None:  # fmt: skip
    monkeypatch.setattr(fake_discord_state, "_NONCE_SECONDS", kept)
    fake_discord.inject_faults("POST */messages", *[""] * at, fault, fault)
    posting(fake_discord, lambda poster: thread(poster, store).post(*day()))
    assert drawn(fake_discord) == whole


@pytest.mark.parametrize("fault", ["lost_reply", "disconnect", "http_500", "banned"])
def test_a_fault_while_opening_the_thread_leaves_it_complete(
    fake_discord: FakeDiscord, store: Store, whole: str, fault: Fault
) -> None:
    fake_discord.inject_faults("POST */threads", fault, fault)
    posting(fake_discord, lambda poster: thread(poster, store).post(*day()))
    assert drawn(fake_discord) == whole


def test_a_fault_while_searching_or_logging_in_leaves_the_thread_complete(
    fake_discord: FakeDiscord, store: Store, whole: str
) -> None:
    fake_discord.inject_faults("GET *", "disconnect")
    fake_discord.inject_faults("POST */messages", "", "lost_reply")
    fake_discord.inject_faults("GET */messages", "disconnect", "http_502", "ratelimited")
    posting(fake_discord, lambda poster: thread(poster, store).post(*day()))
    assert drawn(fake_discord) == whole


@pytest.mark.parametrize(("fault", "waits"), [("ratelimited", [1.0]), ("banned", [1.0])])
def test_too_many_messages_wait_for_retry_after(
    fake_discord: FakeDiscord, store: Store, whole: str, fault: Fault, waits: list[float]
) -> None:
    slept: list[float] = []
    fake_discord.inject_faults("POST */messages", "", fault)
    posting(fake_discord, lambda poster: thread(poster, store, slept).post(*day()))
    assert drawn(fake_discord) == whole
    assert slept == waits
    assert not [call for call in fake_discord.calls if call.route.startswith("GET /channels")]


def test_a_limit_that_is_used_up_is_kept(
    fake_discord: FakeDiscord, store: Store, whole: str
) -> None:
    fake_discord.rate_limit, fake_discord.rate_window_seconds = 4, 0.1
    posting(fake_discord, lambda poster: thread(poster, store).post(*day()))
    assert drawn(fake_discord) == whole
    assert "429" not in " ".join(requests(fake_discord))


class Fragile(DiscordPoster):
    """Killed when a message is out, before anybody could note it."""

    async def send(self, *args: Any) -> str:
        await super().send(*args)
        raise Killed


@pytest.mark.parametrize("kept", [300.0, 0.0], ids=["nonce", "history"])
def test_a_worker_killed_after_each_message_leaves_the_thread_complete(
    fake_discord: FakeDiscord,
    store: Store,
    whole: str,
    monkeypatch: pytest.MonkeyPatch,
    kept: float,
) -> None:
    monkeypatch.setattr(fake_discord_state, "_NONCE_SECONDS", kept)
    for _ in range(9):
        with pytest.raises(Killed):
            posting(fake_discord, lambda poster: thread(poster, store).post(*day()), Fragile)
    posting(fake_discord, lambda poster: thread(poster, store).post(*day()))
    assert drawn(fake_discord) == whole


class Hasty(DiscordPoster):
    """Looks for the first time before the message has arrived."""

    looked = False

    async def find(
        self, address: Address, key: str, since: datetime, under: str | None
    ) -> list[str]:
        found = await super().find(address, key, since, under)
        looked, self.looked = self.looked, True
        return found if looked else []


def test_a_second_message_that_turned_up_is_deleted(
    fake_discord: FakeDiscord, store: Store, whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake_discord_state, "_NONCE_SECONDS", 0.0)
    fake_discord.inject_faults("POST */messages", "", "", "", "", "", "", "", "", "lost_reply")
    posting(fake_discord, lambda poster: thread(poster, store).post(*day()), Hasty)
    assert drawn(fake_discord) == whole
    assert [call for call in fake_discord.calls if call.route.startswith("DELETE")]


def test_only_our_own_marked_message_is_found(fake_discord: FakeDiscord) -> None:
    async def run(poster: DiscordPoster) -> None:
        began = datetime.now(UTC)
        first = await poster.send(HERE, HEAD, "a", None)
        others = [await poster.send(HERE, HEAD, f"b{n}", None) for n in range(120)]
        last = await poster.send(HERE, HEAD, "a" * 16, None)
        assert await poster.find(HERE, "a", began, None) == [first]
        assert await poster.find(HERE, "a" * 16, began, None) == [last]
        assert await poster.find(HERE, "b119", began, None) == [others[-1]]
        assert await poster.find(HERE, "a", began + timedelta(hours=1), None) == []
        fake_discord.channels[HERE.channel].messages[0]["author"] = fake_discord_state.user_json(
            USER_ID
        )
        assert await poster.find(HERE, "a", began, None) == []

    posting(fake_discord, run)


def test_a_message_is_changed_and_deleted_and_one_that_is_gone_stays_so(
    fake_discord: FakeDiscord,
) -> None:
    async def run(poster: DiscordPoster) -> None:
        sent = await poster.send(HERE, HEAD, "a", None)
        await poster.edit(HERE, sent, Message(title="Changed"))
        assert drawn(fake_discord) == "## Changed\n"
        for _ in range(2):
            await poster.remove(HERE, sent, None)
            with pytest.raises(Refused) as gone:
                await poster.edit(HERE, sent, HEAD)
            assert gone.value.reason is ChannelReason.MESSAGE_GONE
        assert drawn(fake_discord) == ""
        with pytest.raises(Refused) as gone:
            await poster.open_thread(HERE, sent, HEAD)
        assert gone.value.reason is ChannelReason.MESSAGE_GONE

    posting(fake_discord, run)


def test_a_person_gets_a_direct_message(fake_discord: FakeDiscord) -> None:
    async def run(poster: DiscordPoster) -> Address:
        there = await poster.open_direct(HERE, USER_ID)
        await poster.send(there, HEAD, "a", None)
        return there

    there = posting(fake_discord, run)
    assert there.workspace == ""
    assert len(fake_discord.channels[there.channel].messages) == 1
    assert "/@me/" in permalink(there, "1", "1")


def test_a_layout_that_discord_refuses_is_sent_as_text(
    fake_discord: FakeDiscord, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(poster: DiscordPoster) -> None:
        head, replies = day()
        for key, post in [("1", head), *replies[:1]]:
            fake_discord.inject_faults("POST */messages", (400, 50035))
            sent = await poster.send(HERE, post, key, None)
            assert await poster.find(HERE, key, datetime.now(UTC), None) == [sent]

    posting(fake_discord, run)
    head, card = fake_discord.channels[HERE.channel].messages
    assert "8 announced" in draw_discord(head)
    assert "https://arxiv.org/abs/2503.10000" in draw_discord(card)
    assert "[" not in draw_discord(head) + draw_discord(card)
    assert "refuses the message" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "kind", "reason"),
    [
        ((404, 10003), Gone, ChannelReason.CHANNEL_GONE),
        ((403, 50001), Gone, ChannelReason.NOT_A_MEMBER),
        ((403, 50013), Gone, ChannelReason.MAY_NOT_POST),
        ((403, 50007), Gone, ChannelReason.MAY_NOT_POST),
        ((400, 50083), Refused, ChannelReason.THREAD_LOCKED),
        ((400, 160005), Refused, ChannelReason.THREAD_LOCKED),
        ((401, 0), Gone, ChannelReason.BAD_TOKEN),
        ((404, 0), Unavailable, ChannelReason.CHAT_DOWN),  # a proxy's
        ((403, 0), Unavailable, ChannelReason.CHAT_DOWN),
        ("http_503", Unavailable, ChannelReason.CHAT_DOWN),
        ("disconnect", Unavailable, ChannelReason.CHAT_DOWN),
        ("ratelimited", Unavailable, ChannelReason.CHAT_BUSY),
        ("banned", Unavailable, ChannelReason.CHAT_BUSY),
    ],
)
def test_what_goes_wrong_has_a_type_and_one_request(
    fake_discord: FakeDiscord, fault: Fault, kind: type[PaperboyError], reason: ChannelReason
) -> None:
    fake_discord.inject_faults("POST */messages", fault)
    with pytest.raises(kind) as raised:
        posting(fake_discord, lambda poster: poster.send(HERE, HEAD, "a", None))
    assert raised.value.reason is reason
    assert str(raised.value).endswith(".")
    assert len(requests(fake_discord)) == 1
    if isinstance(raised.value, Unavailable):
        assert raised.value.outcome_unknown == (reason is ChannelReason.CHAT_DOWN)
        assert raised.value.retry_after == (0.05 if fault == "ratelimited" else None)


def test_a_channel_that_cannot_take_it_says_why(fake_discord: FakeDiscord) -> None:
    async def run(poster: DiscordPoster) -> None:
        with pytest.raises(Gone, match="non-text") as forum:
            await poster.send(FORUM, HEAD, "a", None)
        assert forum.value.reason is ChannelReason.MAY_NOT_POST
        fake_discord.channels[HERE.channel].permissions &= ~SEND_MESSAGES
        with pytest.raises(Gone) as mute:
            await poster.send(HERE, HEAD, "a", None)
        assert mute.value.reason is ChannelReason.MAY_NOT_POST

    posting(fake_discord, run)


def test_a_wrong_token_is_known_at_the_first_request(fake_discord: FakeDiscord) -> None:
    fake_discord.token = "another"
    with pytest.raises(Gone) as raised:
        posting(fake_discord, lambda poster: poster.send(HERE, HEAD, "a", None))
    assert raised.value.reason is ChannelReason.BAD_TOKEN


def test_a_request_that_hangs_is_given_up_and_the_next_one_is_made(
    fake_discord: FakeDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poster_discord, "_SECONDS", TIMEOUT_SECONDS)

    async def run(poster: DiscordPoster) -> None:
        fake_discord.inject_faults("POST */messages", "hang")
        with monkeypatch.context() as hasty:
            hasty.setattr(poster_discord, "_SECONDS", 0.2)
            with pytest.raises(Unavailable) as raised:
                await poster.send(HERE, HEAD, "a", None)
        assert raised.value.outcome_unknown
        await poster.send(HERE, HEAD, "a", None)

    posting(fake_discord, run)
    assert drawn(fake_discord) == "## Hello\n"


def test_doctor_says_what_is_missing_and_how_to_invite(fake_discord: FakeDiscord) -> None:
    well, said = asyncio.run(check.check(TOKEN, fake_discord.api))
    assert well
    assert said[:2] == [
        "Discord accepts the token: this is Paperboy.",
        "Testers: no permission is missing.",
    ]
    assert "client_id=900000000000000001" in said[3]
    assert "scope=bot+applications.commands" in said[3]
    assert "permissions=309237713920" in said[3]
    fake_discord.bot_permissions &= ~SEND_MESSAGES
    well, said = asyncio.run(check.check(TOKEN, fake_discord.api))
    assert (well, said[1]) == (False, "Testers: Paperboy lacks Send Messages.")
    fake_discord.token = "another"
    assert asyncio.run(check.check(TOKEN, fake_discord.api)) == (
        False,
        ["Discord does not take the token."],
    )
