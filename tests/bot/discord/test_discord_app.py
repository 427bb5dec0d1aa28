"""Discord from where people sit: commands, buttons, forms and menus, and what the channel shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest

from tests.waiting import PATIENCE, until_async

discord = pytest.importorskip("discord")

import redis.asyncio  # noqa: E402
from discord.gateway import DiscordWebSocket  # noqa: E402
from discord.http import Route  # noqa: E402
from pydantic import SecretStr  # noqa: E402

from bot.commands import dispatch  # noqa: E402
from bot.commands.context import Desk  # noqa: E402
from bot.commands.status import Status  # noqa: E402
from bot.discord import answers as answers_discord  # noqa: E402
from bot.discord import events  # noqa: E402
from bot.discord import poster as poster_discord  # noqa: E402
from bot.discord.answers import Answers  # noqa: E402
from bot.domain.digest import Judge, Outcome, Score  # noqa: E402
from bot.domain.lookup import Found, Opinion  # noqa: E402
from bot.domain.message import Head  # noqa: E402
from bot.domain.papers import Trouble  # noqa: E402
from bot.domain.request import Address, ledger_name  # noqa: E402
from bot.domain.schedule import Schedule  # noqa: E402
from bot.domain.subscription import Paused, Subscription  # noqa: E402
from bot.errors import Gone, Unavailable  # noqa: E402
from bot.runtime.announcements import Bell, Chat  # noqa: E402
from bot.runtime.lookup_waiter import Inquirer  # noqa: E402
from bot.runtime.posting import Thread  # noqa: E402
from bot.store.channels import Channels  # noqa: E402
from bot.store.connection import connect_briefly  # noqa: E402
from bot.store.days import Store  # noqa: E402
from bot.store.lookups import Inquiries  # noqa: E402
from bot.store.outbox import Outbox  # noqa: E402
from bot.store.subscriptions import Subscriptions  # noqa: E402
from bot.views import digest as digest_views  # noqa: E402
from bot.views import discord as discord_views  # noqa: E402
from tests.bot.planning.test_plan import listed  # noqa: E402
from tests.make import NOW, decision, digest, ids, listing, paper, profile  # noqa: E402
from tests.servers.discord_neighbour import Ack, Discord, discord_server  # noqa: E402
from tests.servers.discord_rules import drawing  # noqa: E402
from tests.servers.discord_world import GUILD, MAKE_THREADS, PERSON, SEND, VIEW  # noqa: E402

HERE = Address(platform="discord", workspace=GUILD, channel="200000000000000001")
NEWS, FORUM = "200000000000000003", "200000000000000004"
OTHER = "300000000000000002"
DAY = "matters-1"
TOKEN = SecretStr("token")


@pytest.fixture
def neighbour(monkeypatch: pytest.MonkeyPatch) -> Iterator[Discord]:
    async def at_once(client: Any, shard: Any, *, initial: bool = False) -> None:
        """No pause of 5 s before the second time."""

    for where, name in ((Route, "BASE"), (DiscordWebSocket, "DEFAULT_GATEWAY")):
        monkeypatch.setattr(where, name, getattr(where, name))  # so that it is put back
    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)
    monkeypatch.setattr(discord.backoff.ExponentialBackoff, "delay", lambda backoff: 0.01)
    with discord_server() as server:
        yield server


@dataclass
class Bot:
    """A bot at work, and the people around it."""

    people: Discord
    answers: Answers
    desk: Desk
    app: Any = None
    running: Any = None
    readies: int = 0

    async def command(self, name: str, options: Any = None, **who: Any) -> str:
        ack = await asyncio.to_thread(self.people.command, name, options, **who)
        return await self.said(ack)

    async def press(self, label: str, message: Any, **who: Any) -> Ack:
        button = next(p for p in buttons(message["components"]) if p["label"].startswith(label))
        return await asyncio.to_thread(self.people.press, button["custom_id"], message["id"], **who)

    async def said(self, ack: Ack, number: int = 1) -> str:
        """The last answer, which nobody else sees."""
        answers = await asyncio.to_thread(self.people.answered, ack, number)
        assert all(answer["flags"] & 64 for answer in answers)
        return drawing(answers[-1])

    async def until(self, true: Callable[[], Any]) -> None:
        await until_async(true)

    def shown(self, channel: str = HERE.channel) -> list[str]:
        return [drawing(message) for message in self.people.channels[channel].messages]


def buttons(parts: list[Any]) -> Iterator[Any]:
    for part in parts:
        if part["type"] == 2:
            yield part
        yield from buttons([*part.get("components", []), *filter(None, [part.get("accessory")])])


class Even:
    """A pace that lets everybody pass."""

    async def turn(self, address: Address) -> None:
        """At once."""


@asynccontextmanager
async def at_work(neighbour: Discord, url: str, gateway: str = "") -> AsyncIterator[Bot]:
    store = Store(connect_briefly(url))
    desk = Desk(
        channels=Channels(store),
        subscriptions=Subscriptions(store),
        inquiries=Inquiries(store),
        judge=Judge(),
        status=lambda: Status(
            at=NOW, server="", memory=0, persistent=True, judge=Judge(), queues=(), wishes=()
        ),
    )
    async with poster_discord.poster(TOKEN, neighbour.api) as poster:
        chat = Chat(poster, store.redis, Even())  # type: ignore[arg-type]
        answers = Answers(poster, desk, chat, Bell(), Inquirer(desk, lambda: None))
        bot = Bot(neighbour, answers, desk)

        class App(events.DiscordApp):
            async def on_ready(self) -> None:
                bot.app, bot.readies = self, bot.readies + 1

        app = App(answers, guild_ready_timeout=0.01)
        listening = events.listen(app, TOKEN, gateway or neighbour.gateway)
        bot.running = running = asyncio.create_task(listening)
        try:
            await bot.until(lambda: bot.app or running.done())
            if running.done():
                await running
            yield bot
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            store.redis.close()


@pytest.fixture
def converse(
    neighbour: Discord, store: Store, server: str
) -> Callable[[Callable[[Bot], Awaitable[None]]], None]:
    """Let people talk to a bot on an empty store, which has one day listed."""
    store.name_profile(profile())

    def run(talk: Callable[[Bot], Awaitable[None]]) -> None:
        async def whole() -> None:
            async with at_work(neighbour, server) as bot:
                await talk(bot)

        asyncio.run(whole())

    return run


Converse = Callable[[Callable[[Bot], Awaitable[None]]], None]


async def posted(bot: Bot, number: int = 8) -> str:
    """A day in the channel, as the worker posts it; returns the head's id."""
    day = digest(*(decision(id, Outcome.PICKED) for id in ids(number)))
    channels = bot.desk.channels
    channels.store.add_listing("b", listing(*(d.announced for d in day.decisions)), NOW)
    channels.put_judged(DAY, day)
    channels.put_given(HERE, f"{HERE}:{DAY}", day)
    head, *cards = digest_views.thread(day, DAY)
    assert isinstance(head, Head)
    outbox, turn = Outbox(channels.store.redis, "a day"), Even().turn
    thread = Thread(bot.answers.poster, outbox, HERE, turn, lambda: datetime.now(UTC))
    message = (await thread.post(head, list(zip(ids(number), cards, strict=True)))).message
    channels.put_delivered(HERE, f"{HERE}:{DAY}", day, NOW, message)
    return message


def subscription(**fields: Any) -> Subscription:
    given: dict[str, Any] = {
        "address": HERE,
        "profile": "matters",
        "schedule": Schedule(at=datetime(2025, 1, 1, 9).time(), tz="Europe/Berlin"),
        "by": PERSON,
        "since": NOW,
    }
    return Subscription(**(given | fields))


# The journey


def test_a_channel_subscribes_reads_votes_and_asks_why(
    neighbour: Discord, converse: Converse
) -> None:
    async def talk(bot: Bot) -> None:
        ask = neighbour.autocomplete
        ack = await asyncio.to_thread(ask, "digest subscribe", "profile", "mat")
        (choice,) = [c for c in ack.data["choices"] if c["value"] == "matters"]
        assert choice["name"] == "matters · Matters of importance"
        ack = await asyncio.to_thread(ask, "digest subscribe", "tz", "berl")
        assert ack.data["choices"][0]["value"] == "Europe/Berlin"
        given = {"profile": "matters", "at": "7:30 am", "tz": "Europe/Berlin", "days": "mon-fri"}
        said = await bot.command("digest subscribe", given | {"top": 8})
        assert "07:30" in said
        (found,) = bot.desk.subscriptions.of(HERE)
        assert (found.schedule.tz, found.top, found.by) == ("Europe/Berlin", 8, PERSON)
        await bot.until(bot.shown)
        assert f"<@{PERSON}>" in bot.shown()[0]

        head = await posted(bot)
        first = neighbour.channels[head].messages[0]
        ack = await bot.press("👍", first, channel=head)
        assert ack.type == 7
        assert "[👍 1]" in bot.shown(head)[0]
        await bot.press("👍", first, channel=head, user=OTHER)
        assert "[👍 2]" in bot.shown(head)[0]
        await bot.press("👍", first, channel=head)
        assert "[👍 1]" in bot.shown(head)[0]
        assert "proves a bound" in await bot.said(await bot.press("Why", first, channel=head))
        assert "proves a bound" in await bot.command(
            "why", {"arxivid": "arXiv:2503.10000v1"}, channel=head, permissions=0
        )
        assert len(bot.shown(head)) == 8

    converse(talk)


def test_a_day_is_asked_for_and_the_clock_is_woken(converse: Converse) -> None:
    async def talk(bot: Bot) -> None:
        said = await bot.command("digest now", {"profile": "matters"})
        assert said == "## One moment: the newest day of Matters of importance.\n"
        (wished,) = bot.desk.channels.wishes()
        assert (wished.address, wished.by) == (HERE, PERSON)
        async with asyncio.timeout(1):
            await bot.answers.bell.heard(5)

    converse(talk)


def test_a_day_that_was_delivered_is_linked_to_for_who_asked(
    neighbour: Discord, converse: Converse
) -> None:
    async def talk(bot: Bot) -> None:
        head = await posted(bot, 1)
        ack = await asyncio.to_thread(neighbour.command, "digest now", {"profile": "matters"})
        (wished,) = bot.desk.channels.wishes()
        bot.desk.channels.store.put_listed(wished.wanted, listed(NOW))
        day = ledger_name(wished, listed(NOW))
        known = bot.desk.channels.delivery(HERE, DAY)
        assert known is not None
        moved = digest(decision(ids(1)[0], Outcome.PICKED))
        bot.desk.channels.put_delivered(HERE, f"{HERE}:{day}", moved, NOW, known.message)
        await bot.answers.before(wished)
        assert "delivered here before" in await bot.said(ack, 2)
        assert f"{GUILD}/{HERE.channel}/{head}" in str(ack.answers[-1])
        await bot.answers.before(wished)  # who asked too long ago is told alone
        alone = neighbour.channels[f"4{PERSON[1:]}"].messages
        assert ["delivered here before" in drawing(message) for message in alone] == [True]

    converse(talk)


@pytest.mark.parametrize("word", sorted(set(dispatch.COMMANDS) - {"", "why"}))
def test_every_command_is_there_and_answers(converse: Converse, word: str) -> None:
    async def talk(bot: Bot) -> None:
        ack = await asyncio.to_thread(bot.people.command, f"digest {word}")
        assert ack.type in (4, 9)
        with pytest.raises(LookupError):
            bot.people.command(f"digest {word}", permissions=0)

    converse(talk)


def test_a_thread_speaks_for_its_channel(neighbour: Discord, converse: Converse) -> None:
    async def talk(bot: Bot) -> None:
        head = await posted(bot, 1)
        await bot.command("digest subscribe", {"profile": "matters"}, channel=head)
        assert [found.address for found in bot.desk.subscriptions.all()] == [HERE]
        ack = await asyncio.to_thread(
            neighbour.autocomplete, "digest pause", "profile", "", channel=head
        )
        assert [choice["value"] for choice in ack.data["choices"]] == ["matters"]

    converse(talk)


def test_the_menu_of_a_message_says_why(neighbour: Discord, converse: Converse) -> None:
    async def talk(bot: Bot) -> None:
        head = await posted(bot, 2)
        card = neighbour.channels[head].messages[1]["id"]
        for message, channel, said in [
            (card, head, "proves a bound"),
            (head, HERE.channel, "Name one"),
        ]:
            ack = await asyncio.to_thread(
                neighbour.context_menu, "Why this paper?", message, channel=channel
            )
            assert said in await bot.said(ack)

    converse(talk)


# Forms


def test_a_profile_is_made_by_a_form(neighbour: Discord, converse: Converse) -> None:
    async def talk(bot: Bot) -> None:
        ack = await asyncio.to_thread(neighbour.command, "digest new")
        assert ack.type == 9
        said = {"title": "Sparse things", "look_for": "Sparsity: pruning of networks."}
        wrong = said | {"categories": "cs.LGG"}
        filled = named(ack.data, wrong)
        ack = await asyncio.to_thread(neighbour.submit, ack.data["custom_id"], filled)
        assert "cs.LG" in await bot.said(ack)
        (answer,) = ack.answers
        ack = await bot.press("Correct it", answer)
        assert ack.type == 9
        assert "Sparse things" in drawing(ack.data)
        filled = named(ack.data, said | {"categories": "cs.LG"})
        ack = await asyncio.to_thread(neighbour.submit, ack.data["custom_id"], filled)
        assert "Sparse things" in await bot.said(ack)
        assert "sparse-things" in bot.desk.profiles(HERE)
        assert (await bot.press("Correct it", answer)).type == 9
        bot.answers._forms.clear()  # as after a restart
        assert "not kept" in await bot.said(await bot.press("Correct it", answer))

    converse(talk)


def named(modal: Any, said: dict[str, str]) -> dict[str, str]:
    """Answers by the boxes of a modal: those that share one are written as `name: value`."""
    boxes = [label["component"]["custom_id"] for label in modal["components"]]
    shared = {box: [n for n in box.split("+") if n in said] for box in boxes if "+" in box}
    lines = {box: "\n".join(f"{n}: {said[n]}" for n in names) for box, names in shared.items()}
    return {name: text for name, text in said.items() if name in boxes} | {
        box: text for box, text in lines.items() if text
    }


def test_a_subscription_is_made_by_a_form(neighbour: Discord, converse: Converse) -> None:
    async def talk(bot: Bot) -> None:
        ack = await asyncio.to_thread(neighbour.command, "digest subscribe", {"at": "07:15"})
        assert ack.type == 9
        filled = {"profile": ["matters"]}
        ack = await asyncio.to_thread(neighbour.submit, ack.data["custom_id"], filled)
        await bot.said(ack)
        (found,) = bot.desk.subscriptions.of(HERE)
        assert (found.schedule.at.hour, found.schedule.tz) == (7, "UTC")

    converse(talk)


def test_a_channel_that_has_a_digest_has_its_time_zone(
    neighbour: Discord, converse: Converse
) -> None:
    async def talk(bot: Bot) -> None:
        bot.desk.subscriptions.put(subscription(profile="another"))
        await bot.command("digest subscribe", {"profile": "matters"})
        zones = [found.schedule.tz for found in bot.desk.subscriptions.of(HERE)]
        assert zones == ["Europe/Berlin", "Europe/Berlin"]

    converse(talk)


# When something is wrong


@pytest.mark.parametrize(
    ("channel", "lost", "said"),
    [
        (FORUM, 0, "cannot post in a forum channel"),
        (NEWS, SEND | MAKE_THREADS, "Send Messages, Create Public Threads"),
        (HERE.channel, VIEW, "View Channel"),
        (HERE.channel, 0, "Next"),
        (NEWS, 0, "Next"),
    ],
)
def test_a_channel_that_cannot_be_posted_to_is_told_so_at_once(
    neighbour: Discord, converse: Converse, channel: str, lost: int, said: str
) -> None:
    neighbour.channels[channel].permissions &= ~lost

    async def talk(bot: Bot) -> None:
        asked = {"profile": "matters"}
        assert said in await bot.command("digest subscribe", asked, channel=channel)
        assert len(bot.desk.subscriptions.all()) == (said == "Next")

    converse(talk)


def test_an_interaction_that_comes_twice_acts_once(neighbour: Discord, converse: Converse) -> None:
    async def talk(bot: Bot) -> None:
        head = await posted(bot, 1)
        await bot.press("👍", neighbour.channels[head].messages[0], channel=head)
        (session,) = neighbour.sessions.values()
        again = session.events[-1]
        assert again["t"] == "INTERACTION_CREATE"
        await asyncio.to_thread(neighbour.dispatch, "INTERACTION_CREATE", again["d"])
        await bot.command("digest status")
        assert bot.desk.subscriptions.votes(HERE, ids(1)[0]).up == 1
        assert "[👍 1]" in bot.shown(head)[0]

    converse(talk)


def test_votes_at_the_same_moment_leave_the_last_count(
    neighbour: Discord, converse: Converse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(bot: Bot) -> None:
        head = await posted(bot, 1)
        card = neighbour.channels[head].messages[0]
        people = [f"3000000000000000{n:02}" for n in range(10, 22)]
        neighbour.fault("POST */callback", "http_500", "lost_reply", "", "disconnect")
        pressing = (bot.press("👍", card, channel=head, user=user) for user in people)
        await asyncio.gather(*pressing)
        await bot.until(lambda: "[👍 12]" in bot.shown(head)[0])

    converse(talk)


def test_a_vote_keeps_the_mark_by_which_the_message_is_found(
    neighbour: Discord, converse: Converse
) -> None:
    async def talk(bot: Bot) -> None:
        head = await posted(bot, 1)
        card = neighbour.channels[head].messages[0]
        mark = card["components"][0]["id"]
        assert mark > 1000
        await bot.press("👍", card, channel=head)
        assert card["components"][0]["id"] == mark

    converse(talk)


@pytest.mark.parametrize("word", ["digest list", "digest new", "digest subscribe"])
def test_redis_being_away_is_said(
    neighbour: Discord, converse: Converse, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    async def talk(bot: Bot) -> None:
        def away(event: str) -> bool:
            raise redis.ConnectionError

        monkeypatch.setattr(bot.desk.subscriptions, "first_time", away)
        assert "One moment" in await bot.command(word)
        ack = await asyncio.to_thread(neighbour.autocomplete, "digest now", "profile", "x")
        assert ack.type == 8

    converse(talk)


@pytest.mark.parametrize("word", ["digest list", "digest new"])
def test_redis_hanging_is_said_after_an_acknowledgement_in_time(
    neighbour: Discord, converse: Converse, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setattr(answers_discord, "_SOON", 0.1)

    async def talk(bot: Bot) -> None:
        first, redis_answers = bot.desk.subscriptions.first_time, Event()

        def slow(event: str) -> bool:
            assert redis_answers.wait(PATIENCE)
            return first(event)

        async def acknowledged(act: Awaitable[Ack]) -> Ack:
            redis_answers.clear()
            try:
                return await act
            finally:
                redis_answers.set()

        monkeypatch.setattr(bot.desk.subscriptions, "first_time", slow)
        ack = await acknowledged(asyncio.to_thread(neighbour.command, word))
        assert ack.type == 5
        said = await bot.said(ack)
        assert ("One moment" in said) == (word == "digest new")
        assert len(ack.answers) == 1
        assert bot.shown() == []
        head = await posted(bot, 1)
        press = bot.press("👍", neighbour.channels[head].messages[0], channel=head)
        ack = await acknowledged(press)
        assert ack.type == 6
        await bot.until(lambda: "[👍 1]" in bot.shown(head)[0])
        assert not ack.answers

    converse(talk)


@pytest.mark.parametrize(
    "fault", ["lost_reply", "disconnect", "http_500", "http_502", "ratelimited"]
)
def test_an_answer_gets_through(neighbour: Discord, converse: Converse, fault: str) -> None:
    neighbour.fault("POST */callback", fault)

    async def talk(bot: Bot) -> None:
        assert "subscription" in await bot.command("digest pause")

    converse(talk)


# The connection


@pytest.mark.parametrize("how", ["drop", "reconnect", "invalid_session"])
def test_a_broken_session_heals_and_changes_nothing(
    neighbour: Discord, converse: Converse, how: str
) -> None:
    async def talk(bot: Bot) -> None:
        head = await posted(bot, 1)
        before, synced = bot.shown() + bot.shown(head), len(registrations(neighbour))
        await asyncio.to_thread(getattr(neighbour, how))
        if how == "invalid_session":
            await bot.until(lambda: bot.readies == 2)
        assert "No" not in await bot.command("digest status")
        assert bot.shown() + bot.shown(head) == before
        assert len(registrations(neighbour)) == synced

    converse(talk)


def registrations(neighbour: Discord) -> list[str]:
    return [c.route for c in neighbour.calls if c.route.startswith("PUT") and c.status == 200]


def test_a_session_is_resumed_where_the_setting_says(
    neighbour: Discord, store: Store, server: str
) -> None:
    async def run() -> None:
        gateway, neighbour.gateway = neighbour.gateway, "ws://127.0.0.1:9/"
        async with at_work(neighbour, server, gateway) as bot:
            await asyncio.to_thread(neighbour.drop)
            await bot.command("digest status")

    asyncio.run(run())


def test_commands_are_registered_when_they_change(
    neighbour: Discord, converse: Converse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(bot: Bot) -> None:
        """Nothing."""

    converse(talk)
    converse(talk)
    assert len(registrations(neighbour)) == 1
    monkeypatch.setattr(discord_views, "DIGEST", "Other words")
    converse(talk)
    assert len(registrations(neighbour)) == 2


@pytest.mark.parametrize("trouble", [Trouble.BAD_TOKEN, Trouble.MAY_NOT_POST, None])
def test_what_rested_goes_on_when_it_can(
    neighbour: Discord, store: Store, converse: Converse, trouble: Trouble | None
) -> None:
    rests = subscription(paused=Paused(at=NOW, trouble=trouble))
    Subscriptions(store).put(rests)
    neighbour.channels[HERE.channel].permissions &= ~SEND

    async def talk(bot: Bot) -> None:
        await bot.command("digest status")
        assert bot.desk.subscriptions.all() == [rests]
        neighbour.channels[HERE.channel].permissions |= SEND
        channel = neighbour._described(neighbour.channels[HERE.channel])
        await asyncio.to_thread(neighbour.dispatch, "CHANNEL_UPDATE", channel)
        if trouble is None:  # a person paused it
            await bot.command("digest status")
            assert bot.desk.subscriptions.all() == [rests]
        else:
            await bot.until(bot.shown)
            assert "Back again" in bot.shown()[0]

    converse(talk)


def test_a_token_that_is_not_taken_is_told_from_discord_being_away(
    neighbour: Discord, store: Store, server: str
) -> None:
    async def run(kind: type[Exception]) -> None:
        with pytest.raises(kind):
            async with at_work(neighbour, server):
                """Not reached."""

    neighbour.token = "another"
    asyncio.run(run(Gone))
    neighbour.token, neighbour.gateway = "", "ws://127.0.0.1:9/"
    asyncio.run(run(Unavailable))
    neighbour.api = "http://127.0.0.1:9"
    asyncio.run(run(Unavailable))


def test_a_token_that_is_taken_back_ends_listening(
    neighbour: Discord, store: Store, server: str
) -> None:
    async def run() -> None:
        async with at_work(neighbour, server) as bot:
            neighbour.token = "another"
            await asyncio.to_thread(neighbour.drop)
            with pytest.raises(Gone):
                await bot.running

    asyncio.run(run())


# What is found out later


def workers_answer(bot: Bot) -> None:
    """The workers answer what waits: arXiv shows the paper, the judge has its say."""
    inquiries = bot.desk.inquiries
    for inquiry in inquiries.all():
        found = paper(inquiry.paper)
        inquiries.put_found(found.id, Found(paper=found, at=NOW))
        opinion = Opinion(score=Score(relevance=9, comment="matter, bound"))
        for asked in inquiry.profiles:
            inquiries.put_opinion(asked, inquiry.judge, found, opinion)
        inquiries.drop(inquiry)


def test_a_paper_never_seen_is_looked_up_and_the_answer_changed(
    neighbour: Discord, converse: Converse
) -> None:
    async def talk(bot: Bot) -> None:
        await posted(bot)
        ack = await asyncio.to_thread(neighbour.command, "why", {"arxivid": "2410.15294"})
        assert "2410.15294: looking it up …" in await bot.said(ack)
        await bot.until(bot.desk.inquiries.all)
        workers_answer(bot)
        await bot.until(lambda: "Judged now: relevance 9" in drawing(ack.answers[0]))
        assert len(ack.answers) == 1
        assert "2410.15294: On the matter of 2410.15294" in drawing(ack.answers[0])

    converse(talk)


def test_an_answer_is_shared_in_the_thread_where_it_was_asked(
    neighbour: Discord, converse: Converse
) -> None:
    async def talk(bot: Bot) -> None:
        head = await posted(bot, 1)
        first = neighbour.channels[head].messages[0]
        ack = await bot.press("Why", first, channel=head)
        await bot.said(ack)
        await bot.press("Share", ack.answers[0], channel=head)
        await bot.until(lambda: len(bot.shown(head)) == 2)
        assert f"<@{PERSON}> asked about 2503.10000" in bot.shown(head)[1]
        assert "Picked: number 1 of 1." in bot.shown(head)[1]

    converse(talk)
