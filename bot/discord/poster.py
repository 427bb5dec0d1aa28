"""Discord's messages: send, find, edit, delete; each request is made once, errors are typed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import aiohttp
import discord
import structlog
from discord.http import HTTPClient, Route
from discord.utils import time_snowflake
from pydantic import SecretStr

from bot.discord import render
from bot.domain.message import File, Message, Post
from bot.domain.papers import fingerprint
from bot.domain.readers.best import PersonReply
from bot.domain.readers.elsewhere import Audience
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.errors import Gone, PaperboyError, Refused, Unavailable
from bot.network import describe_error, retry_after_seconds
from bot.runtime.closing import finish_closing
from bot.runtime.posting import Before, nothing
from bot.views.permalinks import permalink

log = structlog.get_logger()

Json = dict[str, Any]

# A request that takes longer counts as lost. Shorter than a delivery's lease.
_SECONDS: Final = 10.0
# How long discord.py waits before a request when a rate limit is used up; its minimum.
_PATIENCE: Final = 30.0
# How far our clock and Discord's may differ.
_SKEW: Final = timedelta(minutes=5)
_PAGE: Final = 100

# docs.discord.com, "Opcodes and Status Codes".
_GONE: Final = {
    10003: ChannelReason.CHANNEL_GONE,
    10004: ChannelReason.CHANNEL_GONE,
    10013: ChannelReason.CHANNEL_GONE,  # a person, for direct messages
    50001: ChannelReason.NOT_A_MEMBER,
    50007: ChannelReason.MAY_NOT_POST,  # a person who accepts no messages
    50008: ChannelReason.MAY_NOT_POST,  # a forum, a category
    50013: ChannelReason.MAY_NOT_POST,
    50024: ChannelReason.MAY_NOT_POST,  # a channel without threads
    160006: ChannelReason.MAY_NOT_POST,  # a server with a thousand open threads
    160007: ChannelReason.MAY_NOT_POST,
}
# About a message or a thread, not its channel: a message that is gone, another author's, a system
# message, one edited too often, one in an archived thread; a thread that is locked.
_MESSAGE: Final = {
    10008: ChannelReason.MESSAGE_GONE,
    50005: ChannelReason.NOT_EDITABLE,
    50021: ChannelReason.NOT_EDITABLE,
    30046: ChannelReason.NOT_EDITABLE,
    50083: ChannelReason.THREAD_LOCKED,
    160005: ChannelReason.THREAD_LOCKED,
}
_BUSY: Final = {20016, 20028, 20029, 40062, 130000}
ACKNOWLEDGED: Final = 40060
_CHANNEL: Final = "/channels/{channel_id}"
_MESSAGES: Final = "/channels/{channel_id}/messages"
_ONE: Final = "/channels/{channel_id}/messages/{message_id}"
_UNKNOWN_MESSAGE: Final = 10008
_WRITTEN: Final = (0, 19)  # a message, and one that answers another
_WITH_RULES: Final = (0, 5)  # text and announcement channels
_THREAD_THERE: Final = 160004
# For a thread whose name Discord refuses: its moderation reads names.
_PLAIN_NAME: Final = "Papers"
_BAD_TOKEN_CLOSE: Final = 4004

# What discord.py raises or lets through when Discord or the network fails.
CLIENT_ERRORS = (discord.DiscordException, aiohttp.ClientError, TimeoutError, OSError)


class DiscordRefused(Refused):
    """Discord rejects the request as it is; `code` is Discord's."""

    def __init__(self, code: int, said: str) -> None:
        reason = _MESSAGE.get(code, ChannelReason.BAD_MESSAGE)
        super().__init__(f"Discord refuses this: {said} ({code}).", reason)
        self.code = code


def to_paperboy_error(error: Exception) -> PaperboyError:
    """discord.py's error, or the connection's, as the type that says what to do next."""
    if isinstance(error, discord.LoginFailure):
        return Gone("Discord does not take the token.", ChannelReason.BAD_TOKEN)
    if isinstance(error, discord.ConnectionClosed) and error.code == _BAD_TOKEN_CLOSE:
        return Gone("Discord does not take the token any more.", ChannelReason.BAD_TOKEN)
    if isinstance(error, discord.RateLimited):
        return Unavailable(_FEWER, ChannelReason.CHAT_BUSY, retry_after=error.retry_after)
    if not isinstance(error, discord.HTTPException) or _is_from_proxy(error):
        return Unavailable(
            f"Discord did not answer: {describe_error(error)}.",
            ChannelReason.CHAT_DOWN,
            outcome_unknown=True,
        )
    if error.status == 401:
        return Gone("Discord does not take the token.", ChannelReason.BAD_TOKEN)
    if error.status == 429 or error.code in _BUSY:
        return Unavailable(_FEWER, ChannelReason.CHAT_BUSY)
    said = error.text.split("\n")[-1][:200] or f"status {error.status}"
    if error.code in _GONE:
        return Gone(f"Discord says: {said} ({error.code}).", _GONE[error.code])
    return DiscordRefused(error.code, said)


def _is_from_proxy(error: discord.HTTPException) -> bool:
    """Whether a proxy answered: Discord's own errors have a code, but for three kinds."""
    return error.status >= 500 or (not error.code and error.status not in (400, 401, 429))


_NONSENSE: Final = "What answers in Discord's place is not Discord."
_FEWER: Final = "Discord asks for fewer requests."


class _Login(NamedTuple):
    http: HTTPClient
    user_id: str


class DiscordPoster:
    """posting.Poster for Discord. A thread is a channel, with the id of the message it is from.

    The first request logs in, so that a wrong token is an error like others.
    """

    def __init__(self, token: SecretStr) -> None:
        self._token = token
        self._login: _Login | None = None
        self._logging_in = asyncio.Lock()
        self.command_ids: dict[str, str] = {}  # as render.message takes them; unknown in workers

    async def send(
        self, address: Address, post: Post, key: str, under: str | None, before: Before = nothing
    ) -> str:
        """Discord drops a second message with the same nonce for some minutes; `find` needs the
        mark, because Discord does not return the nonce later."""
        once = {"nonce": key, "enforce_nonce": True}
        try:
            body = _marked(render.message(post, self.command_ids), _mark(key)) | once
            await before()
            sent = await self._request_in(address, under, "POST", _MESSAGES, body)
        except DiscordRefused as refused:
            if refused.reason is not ChannelReason.BAD_MESSAGE:
                raise
            log.error("Discord refuses the message, sending text", key=key, why=str(refused))
            body = _marked(render.plain(post), _mark(key)) | once
            await before()
            sent = await self._request_in(address, under, "POST", _MESSAGES, body)
        return str(sent["id"])

    async def open_thread(self, address: Address, message: str, head: Message) -> str:
        async def opened(name: str) -> str:
            ids = {"channel_id": address.channel, "message_id": message}
            made = await self.request("POST", f"{_ONE}/threads", {"name": name}, None, None, **ids)
            return str(made["id"])

        try:
            return await opened(render.thread_name(head))
        except DiscordRefused as refused:
            if refused.code == _THREAD_THERE:
                return message
            if refused.reason is not ChannelReason.BAD_MESSAGE:
                raise
            log.error("Discord refuses the thread's name", name=head.title, why=str(refused))
            return await opened(_PLAIN_NAME)

    async def find(
        self, address: Address, key: str, since: datetime, under: str | None
    ) -> list[str]:
        found: list[str] = []
        after = time_snowflake(since - _SKEW)
        while True:
            newer = {"after": after, "limit": _PAGE}
            page: list[Json] = await self._request_in(address, under, "GET", _MESSAGES, query=newer)
            user_id = (await self._logged_in()).user_id
            for message in page:
                parts = message.get("components") or [{}]
                if message["author"]["id"] == user_id and parts[0].get("id") == _mark(key):
                    found.append(str(message["id"]))
            if len(page) < _PAGE:
                return sorted(found, key=int)
            after = max(int(message["id"]) for message in page)

    async def edit(
        self, address: Address, message: str, post: Post, under: str | None = None, key: str = ""
    ) -> None:
        body = render.message(post, self.command_ids)
        body = _marked(body, _mark(key)) if key else body
        await self._request_in(address, under, "PATCH", _ONE, body, message_id=message)

    async def remove(self, address: Address, message: str, under: str | None) -> None:
        try:
            await self._request_in(address, under, "DELETE", _ONE, message_id=message)
        except DiscordRefused as refused:
            if refused.reason is not ChannelReason.MESSAGE_GONE:
                raise

    async def open_direct(self, address: Address, person: str) -> Address:
        opened = await self.request("POST", "/users/@me/channels", {"recipient_id": person})
        return Address(platform="discord", channel=str(opened["id"]))

    async def audience(self, address: Address) -> Audience:
        channel = await self.request("GET", _CHANNEL, channel_id=address.channel)
        server = await self.request("GET", "/guilds/{guild_id}", guild_id=address.workspace)
        try:
            is_open = _sees_everyone(channel, server, address.workspace)
        except (AttributeError, KeyError, TypeError, ValueError):  # not as Discord describes them
            is_open = False
        return Audience.EVERYONE if is_open else Audience.MEMBERS

    async def replies(self, address: Address, under: str) -> list[PersonReply]:
        """Without an intent for it, Discord doesn't tell what they say."""
        found, after = list[PersonReply](), int(under)
        while True:
            newer = {"after": after, "limit": _PAGE}
            page: list[Json] = await self._request_in(address, under, "GET", _MESSAGES, query=newer)
            found += [_reply(message) for message in page if _is_persons(message)]
            if len(page) < _PAGE:
                return sorted(found, key=lambda reply: int(reply.message))
            after = max(int(message["id"]) for message in page)

    async def link(self, address: Address, message: str) -> str:
        await self.request("GET", _ONE, channel_id=address.channel, message_id=message)
        return permalink(address, message, message)

    async def _request_in(
        self,
        address: Address,
        under: str | None,
        method: str,
        path: str,
        body: Any = None,
        query: Json | None = None,
        **ids: str,
    ) -> Any:
        """A request in a thread or in its channel. When the thread is gone, the channel counts as
        gone only if Discord says so of the channel, too."""
        where = under or address.channel
        try:
            return await self.request(method, path, body, query, None, channel_id=where, **ids)
        except Gone as gone:
            if under is None or gone.reason is not ChannelReason.CHANNEL_GONE:
                raise
            await self.request("GET", _CHANNEL, channel_id=address.channel)
            raise DiscordRefused(_UNKNOWN_MESSAGE, "its thread was deleted") from gone

    async def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        query: Json | None = None,
        file: File | None = None,
        **ids: str,
    ) -> Any:
        """One request, made once; `path` names its ids as discord.py does, whose rate limits go by
        them. A message's `body` may have a file. Raises DiscordRefused besides what every method
        raises."""
        given: Json = {} if body is None else {"json": body}
        if file:
            given = {"form": _with_file(body, file)}
        try:
            async with asyncio.timeout(_SECONDS):
                http = (await self._logged_in()).http
                route = Route(method, path, **ids)
                answer = await http.request(route, params=query, middlewares=(_once,), **given)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise Unavailable(_NONSENSE, ChannelReason.CHAT_DOWN, outcome_unknown=True) from error
        except CLIENT_ERRORS as error:
            raise to_paperboy_error(error) from error
        if isinstance(answer, str) and answer:  # a web page; Discord answers JSON, or nothing
            raise Unavailable(_NONSENSE, ChannelReason.CHAT_DOWN, outcome_unknown=True)
        return answer

    async def close(self) -> None:
        if self._login:
            await self._login.http.close()

    async def _logged_in(self) -> _Login:
        async with self._logging_in:
            if self._login is None:
                loop = asyncio.get_running_loop()
                http = HTTPClient(loop, max_ratelimit_timeout=_PATIENCE)
                try:
                    user_id = str((await http.static_login(self._token.get_secret_value()))["id"])
                except BaseException:
                    await finish_closing(http.close())
                    raise
                self._login = _Login(http, user_id)
            return self._login


@asynccontextmanager
async def open_poster(token: SecretStr, api_url: str) -> AsyncIterator[DiscordPoster]:
    """A poster on its own connections, open while it is used. Sets the address that discord.py uses
    in the whole process."""
    Route.BASE = api_url.rstrip("/")
    poster = DiscordPoster(token)
    try:
        yield poster
    finally:
        await finish_closing(poster.close())


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep from discord.py what it would retry for up to 25 s (5xx), sleep on while everybody waits
    (429), or take for a permanent ban (429 from Discord's proxy)."""
    response = await handler(request)
    if response.status == 429:
        response.close()
        seconds = retry_after_seconds(response.headers.get("Retry-After", ""))
        raise Unavailable(_FEWER, ChannelReason.CHAT_BUSY, retry_after=seconds)
    if response.status >= 500:
        response.close()
        why = f"Discord has a fault of its own ({response.status})."
        raise Unavailable(why, ChannelReason.CHAT_DOWN, outcome_unknown=True)
    return response


def _sees_everyone(channel: Json, server: Json, id: str) -> bool:
    """Whether who is on a server may see a channel of it, whatever their roles: as the server says
    of @everyone, whose role has the server's id, and then the channel (docs.discord.com,
    "Permissions"). A thread has its parent's rules, which are not told with it."""
    if channel.get("guild_id") != id or channel.get("type") not in _WITH_RULES:
        return False
    (may,) = (int(role["permissions"]) for role in server["roles"] if role["id"] == id)
    if discord.Permissions(may).administrator:
        return True
    for rule in channel["permission_overwrites"]:
        if rule["id"] == id:
            may = may & ~int(rule["deny"]) | int(rule["allow"])
    return discord.Permissions(may).view_channel


def _is_persons(message: Json) -> bool:
    is_written = message.get("type") in _WRITTEN and not message.get("webhook_id")
    return is_written and not message["author"].get("bot")


def _reply(message: Json) -> PersonReply:
    """A reference of another type than 0 is a forwarded message's."""
    reference = message.get("message_reference") or {}
    to = "" if reference.get("type") else str(reference.get("message_id") or "")
    return PersonReply(str(message["id"]), str(message["author"]["id"]), to)


def _mark(key: str) -> int:
    """A key as a component's `id`: any number from 1 to 2**31 - 1, which Discord returns with the
    message (docs.discord.com, "Anatomy of a Component")."""
    return int(fingerprint(key), 16) % (2**31 - 1) + 1


def _marked(body: Json, mark: int) -> Json:
    parts = body["components"]
    return body | {"components": [parts[0] | {"id": mark}, *parts[1:]]} if parts else body


def _with_file(body: Json, file: File) -> list[Json]:
    """The parts of a multipart request (docs.discord.com, "Uploading Files")."""
    about = {"id": 0, "filename": file.name, "description": file.alt}
    named = {"filename": file.name, "content_type": file.media_type}
    return [
        {"name": "payload_json", "value": json.dumps(body | {"attachments": [about]})},
        {"name": "files[0]", "value": file.content, **named},
    ]
