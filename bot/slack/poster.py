"""Slack's messages: send, find, edit, delete; each request is made once, errors are typed."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import structlog
from pydantic import SecretStr
from slack_sdk.errors import SlackRequestError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.domain.message import File, Message, Post
from bot.domain.readers.best import PersonReply
from bot.domain.readers.elsewhere import Audience
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.errors import Unavailable
from bot.runtime.posting import Before, nothing
from bot.settings import Settings
from bot.slack import render
from bot.slack.client import SECONDS, client
from bot.slack.errors import CLIENT_ERRORS, SlackRefused, to_paperboy_error
from bot.slack.workspaces import OneWorkspace, Workspaces
from bot.store.store import Store

log = structlog.get_logger()

_TIMEOUT = aiohttp.ClientTimeout(total=SECONDS)
# How far our clock and Slack's may differ.
_SKEW = timedelta(minutes=5)
_EVENT = "paperboy_message"
# With other workspaces, of another company or of the same (docs.slack.dev, "conversation object").
_SHARED = ("shared", "ext_shared", "org_shared")
_NOT_UPLOADED = "Slack took no file"
_PAGE = 100
# Of what people write: other subtypes are news of Slack's, or a message that is gone.
_WRITTEN = (None, "file_share", "me_message", "thread_broadcast")


class SlackPoster:
    """posting.Poster for Slack, in any workspace that Paperboy acts in. A message's id is its `ts`,
    a thread is its parent's `ts`."""

    def __init__(self, workspaces: Workspaces) -> None:
        self.workspaces = workspaces

    async def send(
        self, address: Address, post: Post, key: str, under: str | None, before: Before = nothing
    ) -> str:
        async def out(content: dict[str, Any]) -> AsyncSlackResponse:
            said = {
                "channel": address.channel,
                "metadata": {"event_type": _EVENT, "event_payload": {"key": key}},
                "unfurl_links": False,
                "unfurl_media": False,
                "client_msg_id": str(uuid.UUID(hex=key.rjust(32, "0"))),
                **({"thread_ts": under} if under is not None else {}),
                **content,
            }
            # The client's own method looks through the blocks for objects of its own first.
            return await self._call(
                address, "api_call", before, api_method="chat.postMessage", json=said
            )

        try:
            sent = await out(render.message(post))
        except SlackRefused as refused:
            if refused.reason is not ChannelReason.BAD_MESSAGE:
                raise
            log.error("Slack refuses the blocks, sending plain text", key=key, why=str(refused))
            sent = await out(render.plain(post))
        if under and _is_outside_thread(sent):
            await self.remove(address, str(sent["ts"]), None)
            raise SlackRefused("thread_not_found")
        return str(sent["ts"])

    async def open_thread(self, address: Address, message: str, head: Message) -> str:
        return message

    async def find(
        self, address: Address, key: str, since: datetime, under: str | None
    ) -> list[str]:
        try:
            return await self._marked(address, key, since, under)
        except SlackRefused as refused:
            if under and refused.reason is ChannelReason.MESSAGE_GONE:
                for alone in await self._marked(address, key, since, None):
                    await self.remove(address, alone, None)
            raise

    async def _marked(
        self, address: Address, key: str, since: datetime, under: str | None
    ) -> list[str]:
        read = "conversations_replies" if under else "conversations_history"
        where: dict[str, Any] = {"ts": under} if under else {}
        oldest = f"{(since - _SKEW).timestamp():.6f}"
        found, cursor = [], ""
        while True:
            page = await self._call(
                address,
                read,
                channel=address.channel,
                oldest=oldest,
                include_all_metadata=True,
                limit=_PAGE,
                cursor=cursor or None,
                **where,
            )
            for message in page["messages"]:
                payload = (message.get("metadata") or {}).get("event_payload") or {}
                if payload.get("key") == key:
                    found.append(str(message["ts"]))
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return sorted(found, key=float)

    async def edit(
        self, address: Address, message: str, post: Post, under: str | None = None, key: str = ""
    ) -> None:
        """Metadata stays when an update does not name it."""
        where: dict[str, Any] = {"channel": address.channel, "ts": message}
        try:
            await self._call(address, "chat_update", **where, **render.message(post))
        except SlackRefused as refused:
            if refused.reason is not ChannelReason.BAD_MESSAGE:
                raise
            await self._call(address, "chat_update", **where, **render.plain(post), blocks=[])

    async def remove(self, address: Address, message: str, under: str | None) -> None:
        try:
            await self._call(address, "chat_delete", channel=address.channel, ts=message)
        except SlackRefused as refused:
            if refused.reason is not ChannelReason.MESSAGE_GONE:
                raise

    async def open_direct(self, address: Address, person: str) -> Address:
        opened = await self._call(address, "conversations_open", users=person)
        return address.model_copy(update={"channel": str(opened["channel"]["id"])})

    async def audience(self, address: Address) -> Audience:
        info = await self._call(address, "conversations_info", channel=address.channel)
        channel = info.get("channel")
        about = channel if isinstance(channel, dict) else {}
        if any(about.get(f"is_{how}") for how in _SHARED):
            return Audience.OUTSIDERS
        is_open = about.get("is_private") is False and not (
            about.get("is_im") or about.get("is_mpim")
        )
        return Audience.EVERYONE if is_open else Audience.MEMBERS

    async def upload(self, address: Address, person: str, file: File) -> None:
        """Post a file into the direct messages with a person of this workspace. Raises
        PaperboyError."""
        opened = await self._call(address, "conversations_open", users=person)
        try:
            await self._call(
                address,
                "files_upload_v2",
                channel=str(opened["channel"]["id"]),
                filename=file.name,
                title=file.name,
                alt_txt=file.alt,
                content=file.content,
            )
        except SlackRequestError as error:
            raise Unavailable(_NOT_UPLOADED, ChannelReason.CHAT_DOWN) from error

    async def replies(self, address: Address, under: str) -> list[PersonReply]:
        """Slack's threads are flat: no reply says which one it answers."""
        found, cursor = [], ""
        while True:
            page = await self._call(
                address,
                "conversations_replies",
                channel=address.channel,
                ts=under,
                limit=_PAGE,
                cursor=cursor or None,
            )
            for message in page["messages"]:
                is_ours = message.get("bot_id") or message["ts"] == under
                if message.get("user") and not is_ours and message.get("subtype") in _WRITTEN:
                    found.append(PersonReply(str(message["ts"]), str(message["user"])))
            cursor = (page.get("response_metadata") or {}).get("next_cursor") or ""
            if not cursor:
                return found

    async def link(self, address: Address, message: str) -> str:
        """The web address of a message."""
        where: dict[str, Any] = {"channel": address.channel, "message_ts": message}
        found = await self._call(address, "chat_getPermalink", **where)
        return str(found["permalink"])

    async def _call(
        self, address: Address, method: str, before: Before = nothing, **arguments: Any
    ) -> AsyncSlackResponse:
        web = await self.workspaces.web(address.workspace)
        await before()
        try:
            called: AsyncSlackResponse = await getattr(web, method)(**arguments)
            return called
        except CLIENT_ERRORS as error:
            raise to_paperboy_error(error) from error


def _is_outside_thread(sent: AsyncSlackResponse) -> bool:
    """Whether a reply was posted outside its thread: Slack accepts a reply to a message that was
    deleted before it had any (slack-go issue 1571)."""
    message = sent.get("message")
    return isinstance(message, dict) and not message.get("thread_ts")


def workspaces(
    settings: Settings, store: Store, session: aiohttp.ClientSession | None = None
) -> Workspaces:
    """The one that SLACK_BOT_TOKEN is for, or those that installed Paperboy. Raises ValueError
    where the settings name neither."""
    if settings.has_many_workspaces:
        from bot.slack.installed import Installed  # its libraries are for this alone

        return Installed(store, settings, session)
    if settings.slack_bot_token is None:
        raise ValueError("there is no token for slack")
    return _one(settings.slack_bot_token, settings.slack_api_url.get_secret_value(), session)


def _one(token: SecretStr, url: str, session: aiohttp.ClientSession | None) -> OneWorkspace:
    web = client(token, url)
    web.session = session
    return OneWorkspace(web)


@asynccontextmanager
async def open_poster(token: SecretStr, api_url: str) -> AsyncIterator[SlackPoster]:
    """A poster in the token's workspace, on connections of its own."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        yield SlackPoster(_one(token, api_url, session))


@asynccontextmanager
async def open_for(settings: Settings, store: Store) -> AsyncIterator[SlackPoster]:
    """A poster in every workspace that these settings are for, on connections of its own."""
    async with aiohttp.ClientSession(timeout=_TIMEOUT) as session:
        yield SlackPoster(workspaces(settings, store, session))
