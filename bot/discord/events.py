"""Discord's events: interactions become actions, and commands are registered once."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from typing import Any, Final

import discord
import redis
import structlog
from discord import app_commands
from discord.gateway import DiscordWebSocket
from pydantic import SecretStr
from yarl import URL

from bot.arxiv import ids as ids_arxiv
from bot.commands import dispatch
from bot.commands.context import Context, Invocation
from bot.commands.permissions import Right
from bot.discord import forms, render
from bot.discord.answers import DiscordAnswers, DiscordInteraction
from bot.discord.check import cannot_post_reason
from bot.discord.commands import RawInteraction, commands
from bot.discord.poster import CLIENT_ERRORS, to_paperboy_error
from bot.discord.reply import Reply
from bot.discord.written import Written
from bot.domain.papers import fingerprint
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.domain.subscription import Subscription
from bot.errors import Refused, Unavailable
from bot.runtime.audiences import look_again
from bot.runtime.closing import finish_closing

log = structlog.get_logger()

_LOGIN_SECONDS: Final = 30.0
# Discord's own address, before any setting.
GATEWAY: Final = DiscordWebSocket.DEFAULT_GATEWAY
# Discord shows no completion that takes longer than three seconds, and asks at every letter.
_COMPLETE_SECONDS: Final = 1.0

# Reasons whose end a server's settings show; they do not show a locked or deleted thread.
_RECOVERABLE: Final = {
    ChannelReason.BAD_TOKEN,
    ChannelReason.NO_SCOPE,
    ChannelReason.NOT_A_MEMBER,
    ChannelReason.MAY_NOT_POST,
}


class DiscordApp(discord.Client):
    """One application's events. Buttons and forms are read from the interaction alone, so that
    those on old messages work after any restart."""

    def __init__(self, answers: DiscordAnswers, **options: Any) -> None:
        logging.getLogger("discord").setLevel(
            logging.ERROR
        )  # it warns that it has no voice support
        # Discord tells what messages say only where they mention us, or are for us alone.
        intents = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)
        super().__init__(intents=intents, max_messages=None, **options)
        self.answers = answers
        answers.people.client = self
        self.tree = app_commands.CommandTree(self)
        for command in commands(self.typed, self.profile_titles, self.why):
            self.tree.add_command(command)

    async def sync_commands(self) -> None:
        """Register the commands with Discord, if they have changed since the last time."""
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        shape = fingerprint(json.dumps(payload, sort_keys=True))
        events, application = self.answers.context.store.events, self.application_id
        if await asyncio.to_thread(events.commands, application) != shape:
            registered = await self.tree.sync()
            await asyncio.to_thread(events.put_commands, application, shape)
        else:
            registered = await self.tree.fetch_commands()
        self.answers.poster.command_ids = {each.name: str(each.id) for each in registered}

    async def typed(self, raw: RawInteraction, word: str, text: str = "") -> None:
        """Run a command with its options as a person would type them."""
        action = dispatch.typed_action(f"{word} {text}")
        await self.answers.act(self._interaction(raw), action)

    async def on_interaction(self, raw: RawInteraction) -> None:
        """Run buttons and forms; commands come through the tree."""
        data: Any = raw.data
        if raw.type is discord.InteractionType.component:
            name, value = render.parse_button_id(data["custom_id"]) or ("", "")
            if name == "again":
                await self.answers.reopen_form(self._interaction(raw), value)
            elif name in ("save-form", "try-form"):
                is_saved = name == "save-form"
                await self.answers.use_form(self._interaction(raw), value, is_saved)
            else:
                action = dispatch.button_action(name, value)
                await self.answers.act(self._interaction(raw), action)
        elif raw.type is discord.InteractionType.modal_submit:
            name, about = forms.parse_form_id(data["custom_id"]) or ("", "")
            answers = forms.answers(data["components"])
            given = forms.files(data)
            await self.answers.submit(self._interaction(raw), name, about, answers, given)

    async def why(self, raw: RawInteraction, _: discord.Message) -> None:
        """`Why this paper?` on a message: the paper its buttons or its words are about."""
        data: Any = raw.data
        message = data["resolved"]["messages"][data["target_id"]]
        for custom_id in _custom_ids(message.get("components") or []):
            name, value = render.parse_button_id(custom_id) or ("", "")
            if name in ("why", "menu"):  # what opens a card's menu carries the same
                action = dispatch.button_action("why", value)
                await self.answers.act(self._interaction(raw), action)
                return
        parts = [message.get(part) for part in ("content", "components", "embeds")]
        text = json.dumps(parts, ensure_ascii=False)
        await self.typed(raw, "why", " ".join(found.id for found in ids_arxiv.find(text)))

    async def profile_titles(self, raw: RawInteraction, own: bool) -> dict[str, str]:
        """Profiles by name with their titles, for completion: all, or the channel's own."""

        def titles(context: Context, invocation: Invocation) -> dict[str, str]:
            context.authorise(invocation, Right.USE)
            address = invocation.address
            every = {name: profile.title for name, profile in context.profiles(address).items()}
            if not own:
                return every
            subscribed = (each.profile for each in context.store.subscriptions.of(address))
            return {name: every.get(name, name) for name in subscribed}

        try:
            async with asyncio.timeout(_COMPLETE_SECONDS):
                list_action = dispatch.typed_action("list")
                invocation = await self.answers.identify(self._interaction(raw), list_action)
                return await asyncio.to_thread(titles, self.answers.context, invocation)
        except (Refused, redis.RedisError, TimeoutError) as error:
            log.info("no completion", error=type(error).__name__)
            return {}

    async def on_guild_available(self, guild: discord.Guild) -> None:
        await self._reactivate_in(guild)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Say hello where everybody reads it: in the server's own channel for such news, or in the
        first one where we can post."""
        await self._reactivate_in(guild)
        channels = [guild.system_channel, *guild.text_channels]
        for channel in filter(None, channels):
            if not cannot_post_reason(guild, str(channel.id)):
                workspace, id = str(guild.id), str(channel.id)
                address = Address(platform="discord", workspace=workspace, channel=id)
                joined = guild.me.joined_at if guild.me else None
                await self.answers.welcome(address, fingerprint("joined", str(joined)))
                return

    async def on_message(self, message: discord.Message) -> None:
        """A direct message, or one that mentions us; not an answer to a message of ours, which
        notifies us as well."""
        mention = re.compile(rf"<@!?{self.application_id}>")
        if message.author.bot or message.webhook_id or message.is_system():
            return
        if message.guild is not None and not mention.search(message.content):
            return
        raw = Written(self, message.author, message.guild)
        workspace = str(message.guild.id) if message.guild else ""
        address = Address(platform="discord", workspace=workspace, channel=str(message.channel.id))
        text = mention.sub(" ", message.content).strip()
        await self.answers.hear(raw, address, str(message.id), text)

    async def on_guild_channel_update(self, _: object, channel: discord.abc.GuildChannel) -> None:
        await self._look_again(channel.guild, str(channel.id))
        await self._reactivate_in(channel.guild)

    async def on_guild_role_update(self, _: object, role: discord.Role) -> None:
        if role.is_default():
            await self._look_again(role.guild)
        await self._reactivate_in(role.guild)

    async def on_member_update(self, _: object, member: discord.Member) -> None:
        await self._reactivate_in(member.guild)

    async def on_connect(self) -> None:
        """Resume a session at the address of the setting, not at the one Discord names."""
        if DiscordWebSocket.DEFAULT_GATEWAY != GATEWAY:
            self.ws.gateway = DiscordWebSocket.DEFAULT_GATEWAY

    async def on_ready(self) -> None:
        await self.answers.listening("Discord", "Discord")

    async def on_disconnect(self) -> None:
        self.answers.listens = False

    async def on_resumed(self) -> None:
        self.answers.listens = True

    async def _look_again(self, guild: discord.Guild, channel: str | None = None) -> None:
        """A channel, or the server, may be seen by others now."""
        store = self.answers.context.store
        try:
            await look_again(store, self.answers.poster, "discord", str(guild.id), channel)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)

    async def _reactivate_in(self, guild: discord.Guild) -> None:
        """Resume subscriptions that were paused because nothing could be posted, where it can."""
        answers, workspace = self.answers, str(guild.id)
        try:
            subscriptions = await asyncio.to_thread(
                answers.context.store.subscriptions.of_workspace, "discord", workspace
            )
            channels = {each.address.channel for each in subscriptions if _is_recoverable(each)}
            for channel in sorted(channels):
                if not cannot_post_reason(guild, channel):
                    await answers.reactivate("discord", workspace, channel, _RECOVERABLE)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)

    def _interaction(self, raw: RawInteraction) -> DiscordInteraction:
        """In a thread, the address is its channel."""
        parent = getattr(raw.channel, "parent_id", None)
        pressed = raw.message if raw.type is discord.InteractionType.component else None
        mark = (getattr(pressed.components[0], "id", 0) or 0) if pressed else None
        ids = (str(raw.application_id), str(raw.id), raw.token)
        return DiscordInteraction(
            address=Address(
                platform="discord",
                workspace=str(raw.guild_id or ""),
                channel=str(parent or raw.channel_id),
            ),
            person=str(raw.user.id),
            event_id=fingerprint("discord", str(raw.id)),
            message=str(pressed.id) if pressed else "",
            thread=str(raw.channel_id) if parent else "",
            raw=raw,
            reply=Reply(self.answers.poster, ids, mark),
        )


async def listen(app: DiscordApp, token: SecretStr, gateway_url: str) -> None:
    """Log in and receive events until cancelled; an app can listen only once. REST requests go to
    the address given to poster.open_poster.

    Raises Gone for an invalid token, Unavailable when Discord is away or ends the session for good,
    and RedisError.
    """
    DiscordWebSocket.DEFAULT_GATEWAY = URL(gateway_url)
    try:
        async with asyncio.timeout(_LOGIN_SECONDS):
            await app.login(token.get_secret_value())
            await app.sync_commands()
        await app.connect()
    except CLIENT_ERRORS as error:
        raise to_paperboy_error(error) from error
    except AttributeError as error:  # discord.py, when its very first connection fails
        if app.ws is not None:
            raise
        why = "Discord's gateway does not answer."
        raise Unavailable(why, ChannelReason.CHAT_DOWN) from error
    finally:
        await finish_closing(_closed(app))


async def _closed(app: DiscordApp) -> None:
    """connect() closes the app when Discord ends the session, and may be cancelled meanwhile."""
    try:
        await app.close()
    finally:
        await app.http.close()


def _is_recoverable(found: Subscription) -> bool:
    return found.paused is not None and found.paused.trouble in _RECOVERABLE


def _custom_ids(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        inside = [*part.get("components", ()), *filter(None, [part.get("accessory")])]
        yield from filter(None, [part.get("custom_id")])
        yield from _custom_ids(inside)
