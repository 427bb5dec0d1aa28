"""Posting to Discord: complete, in order and once, whatever happens to the requests."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

pytest.importorskip("discord")

from discord.http import Route
from pydantic import SecretStr

from bot.discord import check, render
from bot.discord import poster as poster_discord
from bot.discord.poster import DiscordPoster
from bot.domain.digest import Outcome
from bot.domain.message import Head, Post
from bot.domain.papers import Trouble
from bot.domain.request import Address
from bot.errors import Gone, PaperboyError, Refused, Unavailable
from bot.runtime.posting import Thread
from bot.store.days import Store
from bot.store.outbox import Outbox
from bot.views import digest as digest_views
from bot.views.permalinks import permalink
from tests.make import decision, digest, ids
from tests.servers import discord_world
from tests.servers.discord_neighbour import Discord, Fault, discord_server
from tests.servers.discord_rules import drawing
from tests.servers.discord_world import GUILD, PERSON, SEND
from tests.waiting import PATIENCE

HERE = Address(platform="discord", workspace=GUILD, channel="200000000000000001")
FORUM = HERE.model_copy(update={"channel": "200000000000000004"})
TOKEN = SecretStr("token")
HEAD = Head(title="Hello")


@pytest.fixture
def neighbour(monkeypatch: pytest.MonkeyPatch) -> Iterator[Discord]:
    monkeypatch.setattr(Route, "BASE", Route.BASE)  # so that it is put back
    with discord_server() as server:
        yield server


def posting(
    neighbour: Discord,
    work: Callable[[DiscordPoster], Awaitable[Any]],
    kind: type[DiscordPoster] = DiscordPoster,
) -> Any:
    async def run() -> Any:
        Route.BASE = neighbour.api
        poster = kind(TOKEN)
        try:
            return await work(poster)
        finally:
            await poster.close()

    return asyncio.run(run())


def day() -> tuple[Head, list[tuple[str, Post]]]:
    picked = digest(*(decision(id, Outcome.PICKED) for id in ids(8)))
    head, *cards = digest_views.thread(picked, "matters-1")
    assert isinstance(head, Head)
    return head, list(zip(ids(8), cards, strict=True))


def thread(poster: DiscordPoster, store: Store, slept: list[float] | None = None) -> Thread:
    async def sleep(seconds: float) -> None:
        (slept if slept is not None else []).append(seconds)

    async def turn(address: Address) -> None:
        """No pace."""

    return Thread(
        poster, Outbox(store.redis, "a day"), HERE, turn, lambda: datetime.now(UTC), sleep=sleep
    )


def drawn(neighbour: Discord) -> str:
    """What a person sees of a channel, the threads included."""
    messages = neighbour.channels[HERE.channel].messages
    shown = [part for message in messages for part in neighbour.thread(HERE.channel, message["id"])]
    return "\n".join(map(drawing, shown))


@pytest.fixture(scope="module")
def whole() -> str:
    """A thread of eight, as it is without any fault."""
    head, replies = day()
    bodies = [render.message(post) for post in (head, *(post for _, post in replies))]
    return "\n".join(map(drawing, bodies))


def requests(neighbour: Discord) -> list[str]:
    return [f"{call.route} {call.status}" for call in neighbour.calls if "POST" in call.route]


def test_a_thread_of_eight_is_posted_under_its_head(
    neighbour: Discord, store: Store, whole: str
) -> None:
    message = posting(neighbour, lambda poster: thread(poster, store).post(*day())).message
    assert drawn(neighbour) == whole
    assert len(requests(neighbour)) == 10
    opened = neighbour.channels[message]
    assert (opened.parent, len(opened.messages)) == (HERE.channel, 8)
    assert opened.name == "Matters of importance · Thursday 20 March 2025"
    assert permalink(HERE, message, message).endswith(f"/channels/{GUILD}/{HERE.channel}/{message}")


def test_the_same_thread_again_posts_nothing(neighbour: Discord, store: Store, whole: str) -> None:
    async def twice(poster: DiscordPoster) -> None:
        first = await thread(poster, store).post(*day())
        assert await thread(poster, store).post(*day()) == first

    posting(neighbour, twice)
    assert drawn(neighbour) == whole


@pytest.mark.parametrize("kept", [300.0, 0.0], ids=["nonce", "history"])
@pytest.mark.parametrize("fault", ["lost_reply", "disconnect", "http_500", "http_502", "http_503"])
@pytest.mark.parametrize("at", [0, 3, 8])
def test_a_fault_in_a_message_leaves_the_thread_whole(
    neighbour: Discord, store: Store, whole: str, monkeypatch: pytest.MonkeyPatch,
    fault: Fault, at: int, kept: float,
) -> None:  # fmt: skip
    monkeypatch.setattr(discord_world, "_NONCE_KEPT", kept)
    neighbour.fault("POST */messages", *[""] * at, fault, fault)
    posting(neighbour, lambda poster: thread(poster, store).post(*day()))
    assert drawn(neighbour) == whole


@pytest.mark.parametrize("fault", ["lost_reply", "disconnect", "http_500", "banned"])
def test_a_fault_in_opening_the_thread_leaves_it_whole(
    neighbour: Discord, store: Store, whole: str, fault: Fault
) -> None:
    neighbour.fault("POST */threads", fault, fault)
    posting(neighbour, lambda poster: thread(poster, store).post(*day()))
    assert drawn(neighbour) == whole


def test_a_fault_while_looking_or_logging_in_leaves_the_thread_whole(
    neighbour: Discord, store: Store, whole: str
) -> None:
    neighbour.fault("GET *", "disconnect")
    neighbour.fault("POST */messages", "", "lost_reply")
    neighbour.fault("GET */messages", "disconnect", "http_502", "ratelimited")
    posting(neighbour, lambda poster: thread(poster, store).post(*day()))
    assert drawn(neighbour) == whole


@pytest.mark.parametrize(("fault", "waits"), [("ratelimited", [1.0]), ("banned", [1.0])])
def test_too_many_messages_wait_as_long_as_they_are_told(
    neighbour: Discord, store: Store, whole: str, fault: Fault, waits: list[float]
) -> None:
    slept: list[float] = []
    neighbour.fault("POST */messages", "", fault)
    posting(neighbour, lambda poster: thread(poster, store, slept).post(*day()))
    assert drawn(neighbour) == whole
    assert slept == waits
    assert not [call for call in neighbour.calls if call.route.startswith("GET /channels")]


def test_a_limit_that_is_used_up_is_kept(neighbour: Discord, store: Store, whole: str) -> None:
    neighbour.rate, neighbour.span = 4, 0.1
    posting(neighbour, lambda poster: thread(poster, store).post(*day()))
    assert drawn(neighbour) == whole
    assert "429" not in " ".join(requests(neighbour))


class Killed(BaseException):
    """The end of a process."""


class Fragile(DiscordPoster):
    """Killed when a message is out, before anybody could note it."""

    async def send(self, address: Address, post: Post, key: str, under: str | None) -> str:
        await super().send(address, post, key, under)
        raise Killed


@pytest.mark.parametrize("kept", [300.0, 0.0], ids=["nonce", "history"])
def test_a_worker_killed_after_each_message_leaves_the_thread_whole(
    neighbour: Discord, store: Store, whole: str, monkeypatch: pytest.MonkeyPatch, kept: float
) -> None:
    monkeypatch.setattr(discord_world, "_NONCE_KEPT", kept)
    for _ in range(9):
        with pytest.raises(Killed):
            posting(neighbour, lambda poster: thread(poster, store).post(*day()), Fragile)
    posting(neighbour, lambda poster: thread(poster, store).post(*day()))
    assert drawn(neighbour) == whole


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
    neighbour: Discord, store: Store, whole: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(discord_world, "_NONCE_KEPT", 0.0)
    neighbour.fault("POST */messages", "", "", "", "", "", "", "", "", "lost_reply")
    posting(neighbour, lambda poster: thread(poster, store).post(*day()), Hasty)
    assert drawn(neighbour) == whole
    assert [call for call in neighbour.calls if call.route.startswith("DELETE")]


def test_only_our_own_marked_message_is_found(neighbour: Discord) -> None:
    async def run(poster: DiscordPoster) -> None:
        began = datetime.now(UTC)
        first = await poster.send(HERE, HEAD, "a", None)
        others = [await poster.send(HERE, HEAD, f"b{n}", None) for n in range(120)]
        last = await poster.send(HERE, HEAD, "a" * 16, None)
        assert await poster.find(HERE, "a", began, None) == [first]
        assert await poster.find(HERE, "a" * 16, began, None) == [last]
        assert await poster.find(HERE, "b119", began, None) == [others[-1]]
        assert await poster.find(HERE, "a", began + timedelta(hours=1), None) == []
        neighbour.channels[HERE.channel].messages[0]["author"] = discord_world.person(PERSON)
        assert await poster.find(HERE, "a", began, None) == []

    posting(neighbour, run)


def test_a_message_is_changed_and_deleted_and_one_that_is_gone_stays_so(
    neighbour: Discord,
) -> None:
    async def run(poster: DiscordPoster) -> None:
        sent = await poster.send(HERE, HEAD, "a", None)
        await poster.edit(HERE, sent, Head(title="Changed"))
        assert drawn(neighbour) == "## Changed\n"
        for _ in range(2):
            await poster.remove(HERE, sent, None)
            with pytest.raises(Refused) as gone:
                await poster.edit(HERE, sent, HEAD)
            assert gone.value.trouble is Trouble.MESSAGE_GONE
        assert drawn(neighbour) == ""
        with pytest.raises(Refused) as gone:
            await poster.thread(HERE, sent, HEAD)
        assert gone.value.trouble is Trouble.MESSAGE_GONE

    posting(neighbour, run)


def test_a_person_is_told_alone(neighbour: Discord) -> None:
    async def run(poster: DiscordPoster) -> Address:
        there = await poster.direct(HERE, PERSON)
        await poster.send(there, HEAD, "a", None)
        return there

    there = posting(neighbour, run)
    assert there.workspace == ""
    assert len(neighbour.channels[there.channel].messages) == 1
    assert "/@me/" in permalink(there, "1", "1")


def test_a_layout_that_discord_refuses_goes_out_as_words(
    neighbour: Discord, capsys: pytest.CaptureFixture[str]
) -> None:
    async def run(poster: DiscordPoster) -> None:
        head, replies = day()
        for key, post in [("1", head), *replies[:1]]:
            neighbour.fault("POST */messages", (400, 50035))
            sent = await poster.send(HERE, post, key, None)
            assert await poster.find(HERE, key, datetime.now(UTC), None) == [sent]

    posting(neighbour, run)
    head, card = neighbour.channels[HERE.channel].messages
    assert "8 announced" in drawing(head)
    assert "https://arxiv.org/abs/2503.10000" in drawing(card)
    assert "[" not in drawing(head) + drawing(card)
    assert "refuses the message" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "kind", "trouble"),
    [
        ((404, 10003), Gone, Trouble.CHANNEL_GONE),
        ((403, 50001), Gone, Trouble.NOT_A_MEMBER),
        ((403, 50013), Gone, Trouble.MAY_NOT_POST),
        ((403, 50007), Gone, Trouble.MAY_NOT_POST),
        ((400, 50083), Refused, Trouble.THREAD_LOCKED),
        ((400, 160005), Refused, Trouble.THREAD_LOCKED),
        ((401, 0), Gone, Trouble.BAD_TOKEN),
        ((404, 0), Unavailable, Trouble.CHAT_DOWN),  # a proxy's
        ((403, 0), Unavailable, Trouble.CHAT_DOWN),
        ("http_503", Unavailable, Trouble.CHAT_DOWN),
        ("disconnect", Unavailable, Trouble.CHAT_DOWN),
        ("ratelimited", Unavailable, Trouble.CHAT_BUSY),
        ("banned", Unavailable, Trouble.CHAT_BUSY),
    ],
)
def test_what_goes_wrong_has_a_type_and_one_request(
    neighbour: Discord, fault: Fault, kind: type[PaperboyError], trouble: Trouble
) -> None:
    neighbour.fault("POST */messages", fault)
    with pytest.raises(kind) as raised:
        posting(neighbour, lambda poster: poster.send(HERE, HEAD, "a", None))
    assert raised.value.trouble is trouble
    assert str(raised.value).endswith(".")
    assert len(requests(neighbour)) == 1
    if isinstance(raised.value, Unavailable):
        assert raised.value.unclear == (trouble is Trouble.CHAT_DOWN)
        assert raised.value.retry_after == (0.05 if fault == "ratelimited" else None)


def test_a_channel_that_cannot_take_it_says_why(neighbour: Discord) -> None:
    async def run(poster: DiscordPoster) -> None:
        with pytest.raises(Gone, match="non-text") as forum:
            await poster.send(FORUM, HEAD, "a", None)
        assert forum.value.trouble is Trouble.MAY_NOT_POST
        neighbour.channels[HERE.channel].permissions &= ~SEND
        with pytest.raises(Gone) as mute:
            await poster.send(HERE, HEAD, "a", None)
        assert mute.value.trouble is Trouble.MAY_NOT_POST

    posting(neighbour, run)


def test_a_wrong_token_is_known_at_the_first_request(neighbour: Discord) -> None:
    neighbour.token = "another"
    with pytest.raises(Gone) as raised:
        posting(neighbour, lambda poster: poster.send(HERE, HEAD, "a", None))
    assert raised.value.trouble is Trouble.BAD_TOKEN


def test_a_request_that_hangs_is_given_up_and_the_next_one_is_made(
    neighbour: Discord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(poster_discord, "_SECONDS", PATIENCE)

    async def run(poster: DiscordPoster) -> None:
        neighbour.fault("POST */messages", "hang")
        with monkeypatch.context() as hasty:
            hasty.setattr(poster_discord, "_SECONDS", 0.2)
            with pytest.raises(Unavailable) as raised:
                await poster.send(HERE, HEAD, "a", None)
        assert raised.value.unclear
        await poster.send(HERE, HEAD, "a", None)

    posting(neighbour, run)
    assert drawn(neighbour) == "## Hello\n"


def test_doctor_says_what_is_missing_and_how_to_invite(neighbour: Discord) -> None:
    well, said = asyncio.run(check.check(TOKEN, neighbour.api))
    assert well
    assert said[:2] == [
        "Discord takes the token: this is Paperboy.",
        "In Testers nothing is missing.",
    ]
    assert "client_id=900000000000000001" in said[3]
    assert "scope=bot+applications.commands" in said[3]
    assert "permissions=309237713920" in said[3]
    neighbour.allowed &= ~SEND
    well, said = asyncio.run(check.check(TOKEN, neighbour.api))
    assert (well, said[1]) == (False, "In Testers Paperboy lacks: Send Messages.")
    neighbour.token = "another"
    assert asyncio.run(check.check(TOKEN, neighbour.api)) == (
        False,
        ["Discord does not take the token."],
    )
