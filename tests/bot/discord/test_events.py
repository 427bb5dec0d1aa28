"""Discord from where people sit: commands, buttons, forms and menus, and what the channel shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from threading import Event
from typing import Any

import pytest
import redis.asyncio

from bot.commands import dispatch
from bot.commands.dispatch import CommandSpec
from bot.commands.permissions import Right
from bot.discord import answers as answers_discord
from bot.domain.digest import Outcome
from bot.domain.reasons import ChannelReason
from bot.domain.request import digest_name
from bot.domain.subscription import Paused
from bot.errors import Gone, Unavailable
from bot.store.gates import Gates, gate_key
from bot.store.store import Store
from bot.views import discord as discord_views
from tests.bot.discord.conversations import (
    CHANNEL_ADDRESS,
    DELIVERY_NAME,
    FORUM,
    NEWS,
    BotSession,
    Converse,
    at_work,
    post_day,
    subscription,
)
from tests.factories import (
    NOW,
    answer_lookup,
    decision,
    digest,
    gate_report,
    list_result,
    paper_ids,
    profile,
)
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import Ack, FakeDiscord
from tests.servers.fake_discord_state import (
    APP_ID,
    CREATE_PUBLIC_THREADS,
    GUILD_ID,
    SEND_MESSAGES,
    USER_ID,
    VIEW_CHANNEL,
)
from tests.waiting import TIMEOUT_SECONDS

OTHER = "300000000000000002"


# The journey


def test_a_channel_subscribes_reads_votes_and_asks_why(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        ask = fake_discord.autocomplete
        ack = await asyncio.to_thread(ask, "digest subscribe", "profile", "mat")
        (choice,) = [c for c in ack.data["choices"] if c["value"] == "matters"]
        assert choice["name"] == "matters · Matters of importance"
        ack = await asyncio.to_thread(ask, "digest subscribe", "tz", "berl")
        assert ack.data["choices"][0]["value"] == "Europe/Berlin"
        given = {"profile": "matters", "at": "7:30 am", "tz": "Europe/Berlin", "days": "mon-fri"}
        said = await bot.command("digest subscribe", given | {"top": 8})
        assert "07:30" in said
        (found,) = bot.context.store.subscriptions.of(CHANNEL_ADDRESS)
        assert (found.schedule.tz, found.top, found.by) == ("Europe/Berlin", 8, USER_ID)
        await bot.until(bot.shown)
        assert f"<@{USER_ID}>" in bot.shown()[0]

        head = await post_day(bot)
        first = fake_discord.channels[head].messages[0]
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

    run_session(talk)


def test_a_day_is_asked_for_and_the_clock_is_woken(run_session: Converse) -> None:
    async def talk(bot: BotSession) -> None:
        said = await bot.command("digest now", {"profile": "matters"})
        assert said == "Getting the latest digest of Matters of importance.\n"
        (wished,) = bot.context.store.requests.all()
        assert (wished.address, wished.by) == (CHANNEL_ADDRESS, USER_ID)
        async with asyncio.timeout(1):
            await bot.answers.wakeup.wait(5)

    run_session(talk)


def test_the_gates_plot_comes_after_its_words_for_the_person_alone(
    fake_discord: FakeDiscord, run_session: Converse, store: Store
) -> None:
    Gates(store).put_report(gate_key(profile(), ""), gate_report())

    async def talk(bot: BotSession) -> None:
        ack = await asyncio.to_thread(fake_discord.command, "digest gate", {"profile": "matters"})
        await bot.said(ack, 2)
        said, shown = ack.answers
        assert "finds about 98% of picks" in draw_discord(said)
        (picture,) = shown["attachments"]
        assert picture["filename"] == "gate.png"
        assert picture["description"].startswith("46 days: recall")
        assert bytes.fromhex(picture["file"]).startswith(b"\x89PNG")
        assert bot.shown() == []

    run_session(talk)


def test_a_plot_that_discord_refuses_leaves_the_words_and_says_so(
    fake_discord: FakeDiscord, run_session: Converse, store: Store
) -> None:
    Gates(store).put_report(gate_key(profile(), ""), gate_report())
    fake_discord.inject_faults("POST /webhooks/*", (413, 40005))

    async def talk(bot: BotSession) -> None:
        ack = await asyncio.to_thread(fake_discord.command, "digest gate", {"profile": "matters"})
        assert "couldn't be sent just now" in await bot.said(ack, 2)
        assert "finds about 98% of picks" in draw_discord(ack.answers[0])

    run_session(talk)


def test_now_links_to_a_day_that_was_delivered(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 1)
        ack = await asyncio.to_thread(fake_discord.command, "digest now", {"profile": "matters"})
        (wished,) = bot.context.store.requests.all()
        bot.context.store.lists.put_result(wished.wanted, list_result(NOW))
        day = digest_name(wished, list_result(NOW))
        known = bot.context.store.history.delivery(CHANNEL_ADDRESS, DELIVERY_NAME)
        assert known is not None
        moved = digest(decision(paper_ids(1)[0], Outcome.PICKED))
        bot.context.store.history.put_delivered(
            CHANNEL_ADDRESS, f"{CHANNEL_ADDRESS}:{day}", moved, NOW, known.message
        )
        await bot.answers.tell_delivered_before(wished)
        assert "already posted here" in await bot.said(ack, 2)
        assert f"{GUILD_ID}/{CHANNEL_ADDRESS.channel}/{head}" in str(ack.answers[-1])
        await bot.answers.tell_delivered_before(wished)  # who asked too long ago is told alone
        alone = fake_discord.channels[f"4{USER_ID[1:]}"].messages
        assert ["already posted here" in draw_discord(message) for message in alone] == [True]

    run_session(talk)


@pytest.mark.parametrize("word", sorted(set(dispatch.COMMANDS) - {"", "why"}))
def test_every_command_is_there_and_answers(run_session: Converse, word: str) -> None:
    async def talk(bot: BotSession) -> None:
        ack = await asyncio.to_thread(bot.fake_discord.command, f"digest {word}")
        assert ack.type in (4, 9)
        with pytest.raises(LookupError):
            bot.fake_discord.command(f"digest {word}", permissions=0)

    run_session(talk)


def test_a_thread_speaks_for_its_channel(fake_discord: FakeDiscord, run_session: Converse) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 1)
        await bot.command("digest subscribe", {"profile": "matters"}, channel=head)
        assert [found.address for found in bot.context.store.subscriptions.all()] == [
            CHANNEL_ADDRESS
        ]
        ack = await asyncio.to_thread(
            fake_discord.autocomplete, "digest pause", "profile", "", channel=head
        )
        assert [choice["value"] for choice in ack.data["choices"]] == ["matters"]

    run_session(talk)


def test_the_menu_of_a_message_says_why(fake_discord: FakeDiscord, run_session: Converse) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 2)
        card = fake_discord.channels[head].messages[1]["id"]
        for message, channel, said in [
            (card, head, "proves a bound"),
            (head, CHANNEL_ADDRESS.channel, "Name one"),
        ]:
            ack = await asyncio.to_thread(
                fake_discord.context_menu, "Why this paper?", message, channel=channel
            )
            assert said in await bot.said(ack)

    run_session(talk)


# Forms


def test_a_profile_is_made_by_a_form(fake_discord: FakeDiscord, run_session: Converse) -> None:
    async def talk(bot: BotSession) -> None:
        async def submit(form: Any, **said: Any) -> Any:
            return await asyncio.to_thread(fake_discord.submit, form.data["custom_id"], said)

        async def second(ack: Any) -> Any:
            """The second step, filled in, after the first."""
            assert "Step 1 of 2 is kept" in await bot.said(ack)
            opened = await bot.press("Continue", ack.answers[-1])
            return await submit(opened, categories=["cs.LG"])

        ack = await bot.open_new_profile()
        assert ack.type == 9
        first = {"title": "Sparse things", "area": ["Computer Science"]}
        ack = await second(await submit(ack, **first, look_for="Sparsity:"))
        assert 'What to look for in "Sparsity" must not be empty.' in await bot.said(ack)
        (answer,) = ack.answers
        ack = await bot.press("Correct it", answer)
        assert ack.type == 9
        assert "Sparse things" in draw_discord(ack.data)
        ack = await second(await submit(ack, look_for="Sparsity: pruning of networks."))
        assert "Sparse things" in await bot.said(ack)
        await bot.said(await bot.press("Save", ack.answers[-1]))
        assert bot.context.profiles(CHANNEL_ADDRESS)["sparse-things"].categories == ("cs.LG",)
        assert (await bot.press("Correct it", answer)).type == 9
        bot.answers._forms.clear()  # as after a restart
        assert "has expired" in await bot.said(await bot.press("Correct it", answer))

    run_session(talk)


def test_a_subscription_is_made_by_a_form(fake_discord: FakeDiscord, run_session: Converse) -> None:
    async def talk(bot: BotSession) -> None:
        ack = await asyncio.to_thread(fake_discord.command, "digest subscribe", {"at": "07:15"})
        assert ack.type == 9
        filled = {"profile": ["matters"]}
        ack = await asyncio.to_thread(fake_discord.submit, ack.data["custom_id"], filled)
        await bot.said(ack)
        (found,) = bot.context.store.subscriptions.of(CHANNEL_ADDRESS)
        assert (found.schedule.at.hour, found.schedule.tz) == (7, "UTC")

    run_session(talk)


def test_a_channel_that_has_a_digest_has_its_time_zone(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        bot.context.store.subscriptions.put(subscription(profile="another"))
        await bot.command("digest subscribe", {"profile": "matters"})
        zones = [found.schedule.tz for found in bot.context.store.subscriptions.of(CHANNEL_ADDRESS)]
        assert zones == ["Europe/Berlin", "Europe/Berlin"]

    run_session(talk)


# When something is wrong


@pytest.mark.parametrize(
    ("channel", "lost", "said"),
    [
        (FORUM, 0, "can't post in a forum channel"),
        (NEWS, SEND_MESSAGES | CREATE_PUBLIC_THREADS, "Send Messages, Create Public Threads"),
        (CHANNEL_ADDRESS.channel, VIEW_CHANNEL, "View Channel"),
        (CHANNEL_ADDRESS.channel, 0, "Next"),
        (NEWS, 0, "Next"),
    ],
)
def test_subscribing_a_channel_that_cannot_be_posted_to_is_refused_at_once(
    fake_discord: FakeDiscord, run_session: Converse, channel: str, lost: int, said: str
) -> None:
    fake_discord.channels[channel].permissions &= ~lost

    async def talk(bot: BotSession) -> None:
        asked = {"profile": "matters"}
        assert said in await bot.command("digest subscribe", asked, channel=channel)
        assert len(bot.context.store.subscriptions.all()) == (said == "Next")

    run_session(talk)


def test_an_interaction_that_comes_twice_acts_once(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 1)
        await bot.press("👍", fake_discord.channels[head].messages[0], channel=head)
        (session,) = fake_discord.sessions.values()
        again = session.events[-1]
        assert again["t"] == "INTERACTION_CREATE"
        await asyncio.to_thread(fake_discord.send_event, "INTERACTION_CREATE", again["d"])
        await bot.command("digest status")
        assert bot.context.store.cards.state(CHANNEL_ADDRESS, paper_ids(1)[0]).votes.up == 1
        assert "[👍 1]" in bot.shown(head)[0]

    run_session(talk)


def test_votes_at_the_same_moment_leave_the_last_count(
    fake_discord: FakeDiscord, run_session: Converse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 1)
        card = fake_discord.channels[head].messages[0]
        people = [f"3000000000000000{n:02}" for n in range(10, 22)]
        fake_discord.inject_faults("POST */callback", "http_500", "lost_reply", "", "disconnect")
        pressing = (bot.press("👍", card, channel=head, user=user) for user in people)
        await asyncio.gather(*pressing)
        await bot.until(lambda: "[👍 12]" in bot.shown(head)[0])

    run_session(talk)


def test_a_vote_keeps_the_mark_by_which_the_message_is_found(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 1)
        card = fake_discord.channels[head].messages[0]
        mark = card["components"][0]["id"]
        assert mark > 1000
        await bot.press("👍", card, channel=head)
        assert card["components"][0]["id"] == mark

    run_session(talk)


@pytest.mark.parametrize("word", ["digest list", "digest new", "digest subscribe"])
def test_people_are_told_that_redis_is_unreachable(
    fake_discord: FakeDiscord, run_session: Converse, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    async def talk(bot: BotSession) -> None:
        def away(event: str) -> bool:
            raise redis.ConnectionError

        monkeypatch.setattr(bot.context.store.events, "is_first_delivery", away)
        assert "reach its database" in await bot.command(word)
        ack = await asyncio.to_thread(fake_discord.autocomplete, "digest now", "profile", "x")
        assert ack.type == 8

    run_session(talk)


def test_who_meets_a_fault_of_ours_is_told_so(
    run_session: Converse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Any:
        raise KeyError("a fault of ours")

    async def talk(bot: BotSession) -> None:
        monkeypatch.setitem(dispatch.COMMANDS, "status", CommandSpec(broken, Right.USE))
        said = await bot.command("digest status")
        assert "That didn't work because of an error in Paperboy" in said

    run_session(talk)


@pytest.mark.parametrize("word", ["digest list", "digest new"])
def test_a_hanging_redis_is_reported_after_an_acknowledgement_in_time(
    fake_discord: FakeDiscord, run_session: Converse, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.setattr(answers_discord, "_DEFER_SECONDS", 0.1)

    async def talk(bot: BotSession) -> None:
        first, redis_answers = bot.context.store.events.is_first_delivery, Event()

        def slow(event: str) -> bool:
            assert redis_answers.wait(TIMEOUT_SECONDS)
            return first(event)

        async def acknowledged(act: Awaitable[Ack]) -> Ack:
            redis_answers.clear()
            try:
                return await act
            finally:
                redis_answers.set()

        monkeypatch.setattr(bot.context.store.events, "is_first_delivery", slow)
        ack = await acknowledged(asyncio.to_thread(fake_discord.command, word))
        assert ack.type == 5
        said = await bot.said(ack)
        assert ("reach its database" in said) == (word == "digest new")
        assert len(ack.answers) == 1
        assert bot.shown() == []
        head = await post_day(bot, 1)
        press = bot.press("👍", fake_discord.channels[head].messages[0], channel=head)
        ack = await acknowledged(press)
        assert ack.type == 6
        await bot.until(lambda: "[👍 1]" in bot.shown(head)[0])
        assert not ack.answers

    run_session(talk)


@pytest.mark.parametrize(
    "fault", ["lost_reply", "disconnect", "http_500", "http_502", "ratelimited"]
)
def test_an_answer_gets_through(
    fake_discord: FakeDiscord, run_session: Converse, fault: str
) -> None:
    fake_discord.inject_faults("POST */callback", fault)

    async def talk(bot: BotSession) -> None:
        assert "subscription" in await bot.command("digest pause")

    run_session(talk)


# The connection


@pytest.mark.parametrize("how", ["drop_connections", "reconnect", "invalidate_sessions"])
def test_a_broken_session_is_restored_and_changes_nothing(
    fake_discord: FakeDiscord, run_session: Converse, how: str
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 1)
        before, synced = bot.shown() + bot.shown(head), len(registrations(fake_discord))
        await asyncio.to_thread(getattr(fake_discord, how))
        if how == "invalidate_sessions":
            await bot.until(lambda: bot.readies == 2)
        assert "No" not in await bot.command("digest status")
        assert bot.shown() + bot.shown(head) == before
        assert len(registrations(fake_discord)) == synced

    run_session(talk)


def registrations(fake_discord: FakeDiscord) -> list[str]:
    return [c.route for c in fake_discord.calls if c.route.startswith("PUT") and c.status == 200]


def test_a_session_is_resumed_where_the_setting_says(
    fake_discord: FakeDiscord, store: Store, redis_url: str
) -> None:
    async def run() -> None:
        gateway, fake_discord.gateway = fake_discord.gateway, "ws://127.0.0.1:9/"
        async with at_work(fake_discord, redis_url, gateway) as bot:
            await asyncio.to_thread(fake_discord.drop_connections)
            await bot.command("digest status")

    asyncio.run(run())


def test_commands_are_registered_when_they_change(
    fake_discord: FakeDiscord, run_session: Converse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def talk(bot: BotSession) -> None:
        """Nothing."""

    run_session(talk)
    run_session(talk)
    assert len(registrations(fake_discord)) == 1
    monkeypatch.setattr(discord_views, "DIGEST", "Other words")
    run_session(talk)
    assert len(registrations(fake_discord)) == 2


@pytest.mark.parametrize("reason", [ChannelReason.BAD_TOKEN, ChannelReason.MAY_NOT_POST, None])
def test_paused_subscriptions_are_reactivated_when_they_can_be(
    fake_discord: FakeDiscord, store: Store, run_session: Converse, reason: ChannelReason | None
) -> None:
    rests = subscription(paused=Paused(at=NOW, trouble=reason))
    store.subscriptions.put(rests)
    fake_discord.channels[CHANNEL_ADDRESS.channel].permissions &= ~SEND_MESSAGES

    async def talk(bot: BotSession) -> None:
        await bot.command("digest status")
        assert bot.context.store.subscriptions.all() == [rests]
        fake_discord.channels[CHANNEL_ADDRESS.channel].permissions |= SEND_MESSAGES
        channel = fake_discord._described(fake_discord.channels[CHANNEL_ADDRESS.channel])
        await asyncio.to_thread(fake_discord.send_event, "CHANNEL_UPDATE", channel)
        if reason is None:  # a person paused it
            await bot.command("digest status")
            assert bot.context.store.subscriptions.all() == [rests]
        else:
            await bot.until(bot.shown)
            assert "Digests are back" in bot.shown()[0]

    run_session(talk)


def test_a_refused_token_is_told_apart_from_an_outage_of_discord(
    fake_discord: FakeDiscord, store: Store, redis_url: str
) -> None:
    async def run(kind: type[Exception]) -> None:
        with pytest.raises(kind):
            async with at_work(fake_discord, redis_url):
                """Not reached."""

    fake_discord.token = "another"
    asyncio.run(run(Gone))
    fake_discord.token, fake_discord.gateway = "", "ws://127.0.0.1:9/"
    asyncio.run(run(Unavailable))
    fake_discord.api = "http://127.0.0.1:9"
    asyncio.run(run(Unavailable))


def test_a_revoked_token_ends_listening(
    fake_discord: FakeDiscord, store: Store, redis_url: str
) -> None:
    async def run() -> None:
        async with at_work(fake_discord, redis_url) as bot:
            fake_discord.token = "another"
            await asyncio.to_thread(fake_discord.drop_connections)
            with pytest.raises(Gone):
                await bot.running

    asyncio.run(run())


# What is found out later


def workers_answer(bot: BotSession) -> None:
    """The workers answer what waits: arXiv shows the paper, the judge has its say."""
    lookups = bot.context.lookups
    for lookup in lookups.all():
        answer_lookup(lookups, lookup)


def test_a_paper_never_seen_is_looked_up_and_the_answer_changed(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        await post_day(bot)
        ack = await asyncio.to_thread(fake_discord.command, "why", {"arxivid": "2410.15294"})
        assert "2410.15294: looking it up …" in await bot.said(ack)
        await bot.until(bot.context.lookups.all)
        workers_answer(bot)
        await bot.until(lambda: "Scored now: relevance 9" in draw_discord(ack.answers[0]))
        assert len(ack.answers) == 1
        assert "On the matter of 2410.15294" in draw_discord(ack.answers[0])

    run_session(talk)


def test_the_answer_to_a_mention_is_edited_when_more_is_known(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        await post_day(bot)
        before = len(bot.shown())
        await asyncio.to_thread(fake_discord.write, f"<@{APP_ID}> why 2410.15294")
        await bot.until(lambda: len(bot.shown()) > before)
        assert "2410.15294: looking it up …" in bot.shown()[-1]
        await bot.until(bot.context.lookups.all)
        workers_answer(bot)
        await bot.until(lambda: "Scored now: relevance 9" in bot.shown()[-1])
        assert len(bot.shown()) == before + 1

    run_session(talk)


def test_an_answer_is_shared_in_the_thread_where_it_was_asked(
    fake_discord: FakeDiscord, run_session: Converse
) -> None:
    async def talk(bot: BotSession) -> None:
        head = await post_day(bot, 1)
        first = fake_discord.channels[head].messages[0]
        ack = await bot.press("Why", first, channel=head)
        await bot.said(ack)
        await bot.press("Share", ack.answers[0], channel=head)
        await bot.until(lambda: len(bot.shown(head)) == 2)
        assert f"<@{USER_ID}> asked about 2503.10000" in bot.shown(head)[1]
        assert "Picked: number 1 of 1, with" in bot.shown(head)[1]

    run_session(talk)
