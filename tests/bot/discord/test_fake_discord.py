"""The Discord of our tests, tried by the real discord.py: what it does is what a bot meets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import discord
import pytest
from discord import app_commands
from discord.http import MultipartParameters
from yarl import URL

from bot.discord.forms import answers, modal, parse_form_id
from bot.discord.render import PRESSED, message, parse_button_id, thread_name
from bot.domain.message import Button, Message
from tests.bot.discord.samples import LIST, SUBSCRIBE, day_posts
from tests.servers.fake_discord import FakeDiscord, run_fake_discord
from tests.servers.fake_discord_state import (
    CREATE_PUBLIC_THREADS,
    DIRECT,
    FORUM,
    GUILD_ID,
    SEND_MESSAGES,
    USER_ID,
    VIEW_CHANNEL,
)
from tests.waiting import wait_until, wait_until_async


@pytest.fixture
def fake_discord(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDiscord]:
    with run_fake_discord() as server:
        gateway = discord.gateway.DiscordWebSocket
        monkeypatch.setattr(discord.http.Route, "BASE", server.api)
        monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", URL(server.gateway))
        yield server


class WhyButton(discord.ui.DynamicItem[discord.ui.Button], template=PRESSED):
    @classmethod
    async def from_custom_id(cls, interaction: Any, item: Any, match: Any) -> WhyButton:
        return cls(item)

    async def callback(self, interaction: Any) -> None:
        action, value = parse_button_id(self.custom_id) or ("", "")
        if action == "new":
            await raw(interaction, {"type": 9, "data": modal(SUBSCRIBE)})
        elif action == "up":
            changed = day_posts()[1].model_copy(update={"comment": "Voted."})
            await raw(interaction, {"type": 7, "data": message(changed)})
        elif action == "resume":
            await interaction.response.defer()
            view = discord.ui.LayoutView().add_item(discord.ui.TextDisplay("Resumed."))
            await interaction.edit_original_response(view=view)
        else:
            await interaction.response.defer(ephemeral=True, thinking=True)
            await interaction.followup.send(f"{action} of {value}")


class Bot(discord.Client):
    """A client with one command of each kind."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.01)
        self.tree = app_commands.CommandTree(self)
        self.heard: list[dict[str, str]] = []
        self.resumed = asyncio.Event()
        self.add_dynamic_items(WhyButton)
        digest = app_commands.Group(
            name="digest", description="Digests", default_permissions=discord.Permissions(32)
        )

        @digest.command(name="now", description="The newest day")
        async def now(interaction: Any, profile: str, top: int = 10) -> None:
            await interaction.response.defer(thinking=True)
            await interaction.followup.send(f"{profile}, {top} at most")

        @now.autocomplete("profile")
        async def known(interaction: Any, typed: str) -> list[Any]:
            return [app_commands.Choice(name=f"{typed}tters", value="matters")]

        @self.tree.context_menu(name="Why this paper?")
        async def why(interaction: Any, message: discord.Message) -> None:
            await interaction.response.send_message(message.content, ephemeral=True)

        self.tree.add_command(digest)

    async def on_interaction(self, interaction: Any) -> None:
        if interaction.type is discord.InteractionType.modal_submit:
            self.heard.append(answers(interaction.data["components"]))
            assert parse_form_id(interaction.data["custom_id"]) == ("subscribe", SUBSCRIBE.metadata)
            await interaction.response.send_message("done", ephemeral=True)

    async def before_identify_hook(self, shard_id: Any, *, initial: bool = False) -> None:
        """No pause of 5 s before the second time."""

    async def on_resumed(self) -> None:
        self.resumed.set()


async def raw(interaction: Any, response: dict[str, Any]) -> None:
    """A response as our renderer makes it."""
    adapter = discord.webhook.async_.async_context.get()
    params = MultipartParameters(response, None, None)
    await adapter.create_interaction_response(
        interaction.id, interaction.token, session=interaction._session, params=params
    )


@asynccontextmanager
async def at_work() -> AsyncIterator[Bot]:
    async with Bot() as bot:
        await bot.login("token")
        running = asyncio.create_task(bot.connect())
        await bot.wait_until_ready()
        await bot.tree.sync()
        yield bot
        await bot.close()
        await running


def run_session(talk: Callable[[Bot], Awaitable[None]]) -> None:
    async def run() -> None:
        async with at_work() as bot:
            await talk(bot)

    asyncio.run(run())


def without_gateway(talk: Callable[[Any, Any], Awaitable[None]]) -> None:
    """A client as a worker has it: logged in, its first channel fetched."""

    async def run() -> None:
        async with discord.Client(intents=discord.Intents.none()) as client:
            await client.login("token")
            await talk(client, await client.fetch_channel(200000000000000001))

    asyncio.run(run())


# Interactions


def test_a_command_is_deferred_then_answered(fake_discord: FakeDiscord) -> None:
    async def talk(bot: Bot) -> None:
        ack = await asyncio.to_thread(
            fake_discord.command, "digest now", {"profile": "matters", "top": 5}
        )
        assert ack.type == 5
        await asyncio.to_thread(fake_discord.wait_for_answers, ack)
        assert [message["content"] for message in ack.answers] == ["matters, 5 at most"]
        assert fake_discord.channels["200000000000000001"].messages == ack.answers

    run_session(talk)
    assert {command["name"] for command in fake_discord.commands} == {"digest", "Why this paper?"}
    wait_until(
        lambda: not fake_discord.connected_sessions
    )  # the server hears of the close a moment later


def test_only_what_is_registered_and_allowed_can_be_typed(fake_discord: FakeDiscord) -> None:
    async def talk(bot: Bot) -> None:
        for name, options, may in [
            ("digets now", {"profile": "x"}, 32),
            ("digest", {}, 32),
            ("digest now", {}, 32),
            ("digest now", {"profile": "x", "colour": 1}, 32),
            ("digest now", {"profile": "x"}, 0),
        ]:
            with pytest.raises(LookupError):
                fake_discord.command(name, options, permissions=may)

    run_session(talk)


def test_an_option_is_completed(fake_discord: FakeDiscord) -> None:
    async def talk(bot: Bot) -> None:
        ack = await asyncio.to_thread(fake_discord.autocomplete, "digest now", "profile", "ma")
        assert (ack.type, ack.data) == (8, {"choices": [{"name": "matters", "value": "matters"}]})

    run_session(talk)


def test_a_button_of_a_message_of_ours_is_pressed(fake_discord: FakeDiscord) -> None:
    async def talk(bot: Bot) -> None:
        for post in day_posts():
            await bot.http.send_message(
                200000000000000001, params=MultipartParameters(message(post), None, None)
            )
        posted = fake_discord.channels["200000000000000001"].messages[-1]["id"]
        ack = await asyncio.to_thread(fake_discord.press, "b1:why:matters 2503.15294", posted)
        await asyncio.to_thread(fake_discord.wait_for_answers, ack)
        assert ack.answers[0]["content"] == "why of matters 2503.15294"
        assert ack.answers[0]["flags"] == 64
        assert len(fake_discord.channels["200000000000000001"].messages) == 3
        with pytest.raises(LookupError):
            fake_discord.press("b1:why:other", posted)
        menu = await asyncio.to_thread(
            fake_discord.context_menu, "Why this paper?", posted, channel="200000000000000001"
        )
        assert "On the matter of" in menu.answers[0]["content"]

    run_session(talk)


def test_a_pressed_message_is_changed(fake_discord: FakeDiscord) -> None:
    async def talk(bot: Bot) -> None:
        for post, custom_id, kind in [
            (day_posts()[1], "b1:up:matters 2503.15294", 7),
            (LIST, "b1:resume:matters", 6),  # beside an item, in a section
        ]:
            params = MultipartParameters(message(post), None, None)
            posted = await bot.http.send_message(200000000000000001, params=params)
            ack = await asyncio.to_thread(fake_discord.press, custom_id, posted["id"])
            assert ack.type == kind
        voted, resumed = fake_discord.channels["200000000000000001"].messages
        assert "\n-# Voted.\n" in voted["content"]
        await wait_until_async(lambda: resumed["edited_timestamp"])
        assert [part["content"] for part in resumed["components"]] == ["Resumed."]

    run_session(talk)


def test_a_form_is_opened_and_sent(fake_discord: FakeDiscord) -> None:
    async def talk(bot: Bot) -> None:
        head = Message(title="t", buttons=(Button(action="new", label="New"),))
        params = MultipartParameters(message(head), None, None)
        posted = await bot.http.send_message(200000000000000001, params=params)
        ack = await asyncio.to_thread(fake_discord.press, "b1:new:", posted["id"])
        assert ack.type == 9
        said = {"profile": ["sparse"], "+at+tz+top": "at: 10:00\ntop: 3"}
        ack = await asyncio.to_thread(fake_discord.submit, ack.data["custom_id"], said)
        assert (ack.type, ack.answers[0]["content"]) == (4, "done")
        expected = {"profile": "sparse", "at": "10:00", "tz": "", "top": "3", "note": ""}
        assert bot.heard == [expected | {"days": "mon,tue,wed", "channel": "200000000000000001"}]

    run_session(talk)


def test_a_person_waits_no_longer_than_discord_does(fake_discord: FakeDiscord) -> None:
    fake_discord.commands = [{"id": "1", "type": 1, "name": "digest", "description": "D"}]
    fake_discord.ack_timeout_seconds = 0.05
    assert fake_discord.command("digest").type is None


# The gateway


@pytest.mark.parametrize("how", ["drop_connections", "reconnect"])
def test_a_session_is_resumed_and_nothing_is_lost(fake_discord: FakeDiscord, how: str) -> None:
    async def talk(bot: Bot) -> None:
        for _ in range(2):
            bot.resumed.clear()
            await asyncio.to_thread(getattr(fake_discord, how))
            ack = await asyncio.to_thread(fake_discord.command, "digest now", {"profile": "a"})
            assert ack.type == 5
            await bot.resumed.wait()
        assert len(fake_discord.sessions) == 1

    run_session(talk)


def test_a_session_that_is_over_is_begun_anew(fake_discord: FakeDiscord) -> None:
    async def talk(bot: Bot) -> None:
        (before,) = fake_discord.sessions
        await asyncio.to_thread(fake_discord.invalidate_sessions)
        await wait_until_async(lambda: fake_discord.connected_sessions)
        assert before not in fake_discord.sessions
        ack = await asyncio.to_thread(fake_discord.command, "digest now", {"profile": "a"})
        assert ack.type == 5

    run_session(talk)


def test_a_wrong_token_is_refused(fake_discord: FakeDiscord) -> None:
    fake_discord.token = "another"
    with pytest.raises(discord.LoginFailure):
        run_session(lambda bot: asyncio.sleep(0))


# Posting


def test_the_same_nonce_twice_is_one_message(fake_discord: FakeDiscord) -> None:
    async def talk(client: Any, channel: Any) -> None:
        first = await channel.send("hello", nonce="key")
        again = await channel.send("hello", nonce="key")
        other = await channel.send("hello", nonce="other")
        assert first.id == again.id != other.id
        assert [one.id async for one in channel.history()] == [other.id, first.id]

    without_gateway(talk)


def test_a_lost_reply_was_posted_a_broken_connection_was_not(fake_discord: FakeDiscord) -> None:
    async def talk(client: Any, channel: Any) -> None:
        for fault, there in (("disconnect", 0), ("lost_reply", 1)):
            fake_discord.inject_faults("POST */messages", fault)
            with pytest.raises(discord.http.aiohttp.ClientError):
                await channel.send("hello", nonce="key")
            assert len([one async for one in channel.history()]) == there
        await channel.send("hello", nonce="key")
        assert len([one async for one in channel.history()]) == 1

    without_gateway(talk)
    posts = [call.status for call in fake_discord.calls if call.route.startswith("POST")]
    assert posts == [0, 0, 200]


def test_a_thread_is_opened_once_and_shown_with_its_message(fake_discord: FakeDiscord) -> None:
    async def talk(client: Any, channel: Any) -> None:
        head, *cards = day_posts()
        params = MultipartParameters(message(head), None, None)
        posted = await client.http.send_message(channel.id, params=params)
        parent = await channel.fetch_message(posted["id"])
        assert isinstance(head, Message)
        thread = await parent.create_thread(name=thread_name(head))
        with pytest.raises(discord.HTTPException) as refused:
            await parent.create_thread(name="again")
        assert refused.value.code == 160004
        for card in cards:
            params = MultipartParameters(message(card), None, None)
            await client.http.send_message(thread.id, params=params)

    without_gateway(talk)
    shown = fake_discord.visible_messages("200000000000000001")
    assert [bool(part["content"]) for part in shown] == [False, True, True]
    assert fake_discord.channels[shown[0]["id"]].name == "Matters of importance · Thu 20 Mar"


def test_messages_are_found_edited_and_deleted(fake_discord: FakeDiscord) -> None:
    async def talk(client: Any, channel: Any) -> None:
        sent = [await channel.send(str(n)) for n in range(5)]

        async def found(**where: Any) -> list[str]:
            return [one.content async for one in channel.history(**where)]

        assert await found(limit=2) == ["4", "3"]
        assert await found(after=sent[1], limit=2) == ["2", "3"]
        assert await found(before=sent[2]) == ["1", "0"]
        assert sorted(await found(around=sent[2], limit=3)) == ["1", "2", "3"]
        assert await found(after=sent[0].created_at - timedelta(seconds=1)) == [
            "0",
            "1",
            "2",
            "3",
            "4",
        ]
        await sent[0].edit(content="changed")
        assert (await channel.fetch_message(sent[0].id)).content == "changed"
        await sent[0].delete()
        with pytest.raises(discord.NotFound, match="10008"):
            await channel.fetch_message(sent[0].id)

    without_gateway(talk)


def test_a_message_is_refused_as_discord_refuses_it(fake_discord: FakeDiscord) -> None:
    async def talk(client: Any, channel: Any) -> None:
        for content in ("", "x" * 2001):
            with pytest.raises(discord.HTTPException) as refused:
                await channel.send(content)
            assert (refused.value.status, refused.value.code) == (400, 50035)

    without_gateway(talk)


@pytest.mark.parametrize(
    ("lost", "code"),
    [(VIEW_CHANNEL, 50001), (SEND_MESSAGES, 50013), (CREATE_PUBLIC_THREADS, 50013)],
    ids=str,
)
def test_a_permission_taken_away_is_missed(fake_discord: FakeDiscord, lost: int, code: int) -> None:
    async def talk(client: Any, channel: Any) -> None:
        posted = await channel.send("hello")
        fake_discord.channels[str(channel.id)].permissions &= ~lost
        with pytest.raises(discord.Forbidden) as refused:
            await (
                posted.create_thread(name="t")
                if lost == CREATE_PUBLIC_THREADS
                else channel.send("more")
            )
        assert refused.value.code == code
        guild = await client.fetch_guild(int(GUILD_ID))
        assert guild.name == "Testers"

    without_gateway(talk)


def test_a_channel_that_is_gone_is_unknown(fake_discord: FakeDiscord) -> None:
    async def talk(client: Any, channel: Any) -> None:
        del fake_discord.channels[str(channel.id)]
        with pytest.raises(discord.NotFound, match="10003"):
            await channel.send("hello")

    without_gateway(talk)


def test_a_forum_takes_threads_and_a_person_takes_messages(fake_discord: FakeDiscord) -> None:
    async def talk(client: Any, channel: Any) -> None:
        forum = await client.fetch_channel(200000000000000004)
        assert forum.type.value == FORUM
        made = await forum.create_thread(name="Day", content="hello")
        assert fake_discord.channels[str(made.thread.id)].messages[0]["content"] == "hello"
        direct = await (await client.fetch_user(int(USER_ID))).create_dm()
        await direct.send("psst")
        assert fake_discord.channels[str(direct.id)].type == DIRECT

    without_gateway(talk)


def test_too_many_messages_have_to_wait(fake_discord: FakeDiscord) -> None:
    fake_discord.rate_limit, fake_discord.rate_window_seconds = 2, 0.1

    async def talk(client: Any, channel: Any) -> None:
        for n in range(5):
            await channel.send(str(n))
        fake_discord.inject_faults("POST */messages", "ratelimited")
        await channel.send("5")
        fake_discord.inject_faults("POST */messages", "banned", (403, 50001), "http_503")
        for status in (429, 403, 503):
            with pytest.raises(discord.HTTPException) as refused:
                await channel.send("6")
            assert refused.value.status == status

    without_gateway(talk)
    messages = fake_discord.channels["200000000000000001"].messages
    assert [message["content"] for message in messages] == list("012345")
    statuses = [call.status for call in fake_discord.calls if call.route.startswith("POST")]
    assert statuses.count(429) == 2


def test_an_answer_that_never_comes_is_waited_for(fake_discord: FakeDiscord) -> None:
    async def talk(client: Any, channel: Any) -> None:
        fake_discord.inject_faults("POST */messages", "hang")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(channel.send("hello"), 0.05)

    without_gateway(talk)
    assert fake_discord.channels["200000000000000001"].messages == []
