"""Discord's interactions, in: made an Ask at the door; and its commands, registered once."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
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
from bot.commands.permissions import Person, Right
from bot.discord import forms, render
from bot.discord.answers import DiscordAnswers, Interaction
from bot.discord.check import missing_permissions
from bot.discord.commands import RawInteraction, commands
from bot.discord.poster import CLIENT_ERRORS, to_paperboy_error
from bot.discord.reply import Reply
from bot.domain.papers import fingerprint
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.domain.subscription import Subscription
from bot.errors import Refused, Unavailable
from bot.runtime.closing import finish_closing
from bot.views import discord as discord_views
from bot.views import subscriptions as subscriptions_views

log = structlog.get_logger()

_LOGIN_SECONDS: Final = 30.0
# Where Discord itself is, before any setting.
_GATEWAY: Final = DiscordWebSocket.DEFAULT_GATEWAY
# Discord shows no completion that takes longer than three seconds, and asks at every letter.
_COMPLETE_SECONDS: Final = 1.0

# What ends in a message to the channel is asked only where the bot can post.
_POSTS: Final = {"subscribe", "now", "resume"}
# What the server's settings show to be over; a locked or deleted thread they do not.
_RECOVERABLE: Final = {
    ChannelReason.BAD_TOKEN,
    ChannelReason.NO_SCOPE,
    ChannelReason.NOT_A_MEMBER,
    ChannelReason.MAY_NOT_POST,
}


class DiscordApp(discord.Client):
    """One application's events. Buttons and forms are read from the interaction alone, so those on
    the oldest message still work after any restart."""

    def __init__(self, answers: DiscordAnswers, **options: Any) -> None:
        logging.getLogger("discord").setLevel(logging.ERROR)  # it warns that it cannot speak
        super().__init__(intents=discord.Intents(guilds=True), max_messages=None, **options)
        self.answers = answers
        self.tree = app_commands.CommandTree(self)
        for command in commands(self.typed, self.profile_titles, self.why):
            self.tree.add_command(command)

    async def sync_commands(self) -> None:
        """Tell Discord the commands, when they are others than last time."""
        payload = [command.to_dict(self.tree) for command in self.tree.get_commands()]
        shape = fingerprint(json.dumps(payload, sort_keys=True))
        store, name = self.answers.context.channels.store, f"discord-commands-{self.application_id}"
        if await asyncio.to_thread(store.reply_format, name) != shape:
            await self.tree.sync()
            await asyncio.to_thread(store.put_reply_format, name, shape)

    async def typed(self, asked: RawInteraction, word: str, text: str = "") -> None:
        """A command, put together as it would be typed."""
        interaction = self._where(asked, word in _POSTS)
        await self.answers.act(interaction, dispatch.typed_action(f"{word} {text}"))

    async def on_interaction(self, asked: RawInteraction) -> None:
        """Buttons and forms; commands go by the tree."""
        data: Any = asked.data
        if asked.type is discord.InteractionType.component:
            action, value = render.parse_button_id(data["custom_id"]) or ("", "")
            interaction = self._where(asked, action in _POSTS, value.partition(" ")[0])
            if action == "again":
                await self.answers.reopen_form(interaction, value)
            else:
                await self.answers.act(interaction, dispatch.button_action(action, value))
        elif asked.type is discord.InteractionType.modal_submit:
            name, about = forms.parse_form_id(data["custom_id"]) or ("", "")
            answers = forms.answers(data["components"])
            interaction = self._where(asked, name in _POSTS, answers.get("channel") or about)
            await self.answers.submit(interaction, name, about, answers)

    async def why(self, asked: RawInteraction, _: discord.Message) -> None:
        """`Why this paper?` on a message: the paper its buttons or its words are about."""
        data: Any = asked.data
        message = data["resolved"]["messages"][data["target_id"]]
        for custom_id in _custom_ids(message.get("components") or []):
            action, value = render.parse_button_id(custom_id) or ("", "")
            if action == "why":
                await self.answers.act(self._where(asked), dispatch.button_action(action, value))
                return
        parts = [message.get(part) for part in ("content", "components", "embeds")]
        said = json.dumps(parts, ensure_ascii=False)
        await self.typed(asked, "why", " ".join(found.id for found in ids_arxiv.find(said)))

    async def profile_titles(self, asked: RawInteraction, own: bool) -> dict[str, str]:
        """Profiles by name with their titles, for completion: all, or the channel's own."""
        interaction = self._where(asked)
        address = interaction.address

        def look(context: Context, who: Person | None) -> dict[str, str]:
            context.authorise(
                Invocation("", address, datetime.now(UTC), interaction.person, person=who),
                Right.USE,
            )
            titles = {name: found.title for name, found in context.profiles(address).items()}
            if not own:
                return titles
            named = (found.profile for found in context.subscriptions.of(address))
            return {name: titles.get(name, name) for name in named}

        try:
            async with asyncio.timeout(_COMPLETE_SECONDS):
                return await asyncio.to_thread(
                    look, self.answers.context, await interaction.identify()
                )
        except (Refused, redis.RedisError, TimeoutError) as error:
            log.info("no completion", error=type(error).__name__)
            return {}

    async def on_guild_available(self, guild: discord.Guild) -> None:
        await self._reactivate_in(guild)

    async def on_guild_join(self, guild: discord.Guild) -> None:
        await self._reactivate_in(guild)

    async def on_guild_channel_update(self, _: object, channel: discord.abc.GuildChannel) -> None:
        await self._reactivate_in(channel.guild)

    async def on_guild_role_update(self, _: object, role: discord.Role) -> None:
        await self._reactivate_in(role.guild)

    async def on_member_update(self, _: object, member: discord.Member) -> None:
        await self._reactivate_in(member.guild)

    async def on_connect(self) -> None:
        """A session is resumed where it was begun, as the setting says, not where Discord says."""
        if DiscordWebSocket.DEFAULT_GATEWAY != _GATEWAY:
            self.ws.gateway = DiscordWebSocket.DEFAULT_GATEWAY

    async def on_ready(self) -> None:
        log.info("listening", how="Discord")
        with suppress(redis.RedisError):  # what was said of us is over; without, it is said longer
            await asyncio.to_thread(self.answers.context.subscriptions.end_outage, "Discord login")

    async def _reactivate_in(self, guild: discord.Guild) -> None:
        """What rested because nothing could be posted there goes on where it can be."""
        subscriptions, now = self.answers.context.subscriptions, datetime.now(UTC)
        team = str(guild.id)
        try:
            found = await asyncio.to_thread(subscriptions.of_workspace, "discord", team)
            rests = {each.address.channel for each in found if _rests(each)}
            for channel in sorted(rests):
                if _cannot_post_reason(guild, channel):
                    continue
                healed = await asyncio.to_thread(
                    subscriptions.reactivate, "discord", team, channel, _RECOVERABLE
                )
                for each in healed:
                    log.info("subscription reactivated", channel=channel, profile=each.profile)
                    name = fingerprint(each.key, now.isoformat())
                    said = subscriptions_views.reactivated(each, now)
                    await self.answers.announcer.say(each.address, said, name)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)

    async def _who(self, asked: RawInteraction, here: str) -> Person | None:
        """Who asks, as far as Discord says."""
        people, now = self.answers.people, datetime.now(UTC)
        if asked.guild_id is not None:
            return await people.member(asked, now)
        every = await asyncio.to_thread(self.answers.context.subscriptions.all)
        own = [found.address for found in every if found.by == str(asked.user.id)]
        there = [address for address in own if address.platform == "discord"]
        return await people.alone(self, asked.user.id, here, there, now)

    def _where(self, asked: RawInteraction, posts: bool = False, target: str = "") -> Interaction:
        """In a thread, its channel is meant; `target` is another one, to post to."""
        parent = getattr(asked.channel, "parent_id", None)
        channel = parent or asked.channel_id
        pressed = asked.message if asked.type is discord.InteractionType.component else None
        mark = (getattr(pressed.components[0], "id", 0) or 0) if pressed else None
        ids = (str(asked.application_id), str(asked.id), asked.token)
        return Interaction(
            address=Address(
                platform="discord", workspace=str(asked.guild_id or ""), channel=str(channel)
            ),
            person=str(asked.user.id),
            event_id=fingerprint("discord", str(asked.id)),
            reply=Reply(self.answers.poster, ids, mark),
            identify=lambda: self._who(asked, str(channel)),
            message=str(pressed.id) if pressed else "",
            thread=str(asked.channel_id) if parent else "",
            cannot_post_reason=_cannot_post_reason(asked.guild, target or str(channel))
            if posts
            else "",
        )


async def listen(app: DiscordApp, token: SecretStr, gateway_url: str) -> None:
    """Log in and receive events until cancelled; REST goes where discord_post.poster was told to.
    An app listens once.

    Raises Gone for a token that is not taken, Unavailable when Discord is away or ends the session
    for good, RedisError.
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
    """connect() closes by itself what Discord ends for good, and may be cancelled while it does."""
    try:
        await app.close()
    finally:
        await app.http.close()


def _rests(found: Subscription) -> bool:
    return found.paused is not None and found.paused.trouble in _RECOVERABLE


def _cannot_post_reason(guild: discord.Guild | None, channel: str) -> str:
    """Why no digest can be posted there, as far as is known; empty when it can."""
    if guild is None or guild.unavailable:
        return ""
    found = guild.get_channel(int(channel)) if channel.isdecimal() else None
    if found is None:
        return discord_views.missing_permissions(["View Channel"])
    if not isinstance(found, discord.TextChannel):
        return discord_views.no_threads(found.type.name.replace("_", " "))
    missing = missing_permissions(found.permissions_for(guild.me))
    return discord_views.missing_permissions(missing) if missing else ""


def _custom_ids(parts: list[dict[str, Any]]) -> Iterator[str]:
    for part in parts:
        inside = [*part.get("components", ()), *filter(None, [part.get("accessory")])]
        yield from filter(None, [part.get("custom_id")])
        yield from _custom_ids(inside)
