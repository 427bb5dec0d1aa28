"""What Discord stores and decides, as far as the tests need it: requests in, answers out."""

from __future__ import annotations

import asyncio
import math
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from tests.servers.discord_rules import message_error, modal_error, walk_components
from tests.waiting import TIMEOUT_SECONDS

Json = dict[str, Any]
APP_ID, GUILD_ID, USER_ID = "900000000000000001", "100000000000000001", "300000000000000001"
TEXT, DIRECT, NEWS, PUBLIC_THREAD, FORUM = 0, 1, 5, 11, 15
VIEW_CHANNEL, SEND_MESSAGES, READ_MESSAGE_HISTORY = 1 << 10, 1 << 11, 1 << 16
ADMINISTRATOR = 1 << 3
CREATE_PUBLIC_THREADS, SEND_MESSAGES_IN_THREADS = 1 << 35, 1 << 38
ALL_PERMISSIONS = (1 << 50) - 1
_EPHEMERAL, _V2 = 1 << 6, 1 << 15
_ANSWER_SECONDS, _NONCE_SECONDS = 900.0, 300.0
_MISSING = {10003: "Unknown Channel", 10008: "Unknown Message", 10062: "Unknown interaction"}
BOT: Json = {
    "id": APP_ID,
    "username": "paperboy",
    "discriminator": "0",
    "avatar": None,
    "bot": True,
}


class DiscordError(Exception):
    """An error as Discord's REST API reports it."""

    def __init__(self, status: int, code: int = 0, message: str = "", **headers: str) -> None:
        super().__init__(message)
        self.status, self.headers = status, headers
        self.body: Json = {"message": message or _MISSING.get(code, "Error"), "code": code}


@dataclass
class Channel:
    """A channel and the bot's permissions there (a thread has those of its parent)."""

    id: str
    type: int = TEXT
    name: str = "papers"
    parent: str = ""
    permissions: int = ALL_PERMISSIONS
    visible_to: set[str] | None = None  # ids of people; None: everybody
    messages: list[Json] = field(default_factory=list)
    archived: bool = False
    locked: bool = False
    guild: str = GUILD_ID


@dataclass
class PendingInteraction:
    """An interaction that may still be answered."""

    id: str
    type: int
    channel: str
    message: Json | None
    acknowledgement: asyncio.Future[Json]
    at: float = field(default_factory=time.monotonic)
    ephemeral: int = 0
    answers: list[Json] = field(default_factory=list)


@dataclass
class Session:
    """A gateway session; its events are kept, so that it can be resumed."""

    events: list[Json] = field(default_factory=list)
    socket: web.WebSocketResponse | None = None
    shard: tuple[int, int] = (0, 1)

    def has(self, guild: str) -> bool:
        """Whether a server's events come here; direct messages ("") come over the first."""
        number, count = self.shard
        return (int(guild or 0) >> 22) % count == number


def user_json(id: str) -> Json:
    found = {"id": id, "username": f"user{id[-2:]}", "discriminator": "0", "avatar": None}
    return BOT if id == APP_ID else found


def member_json(id: str, permissions: int = ALL_PERMISSIONS) -> Json:
    joined = {"joined_at": "2024-01-01T00:00:00+00:00", "roles": [], "deaf": False, "mute": False}
    return {"user": user_json(id), "permissions": str(permissions), "flags": 0, **joined}


class DiscordState:
    """What Discord stores and decides: requests in, answers out."""

    def __init__(self) -> None:
        self.api = self.gateway = ""
        self.token = ""  # the only one accepted; empty: any
        self.rate_limit = 0  # messages a channel in `rate_window_seconds`; 0: no limit
        self.rate_window_seconds = 5.0
        # What the bot was granted in the server as a whole.
        self.bot_permissions = ALL_PERMISSIONS & ~ADMINISTRATOR
        # Discord waits 3 s, which would test the machine: tests are about the order of events.
        self.ack_timeout_seconds = TIMEOUT_SECONDS
        kinds = {1: TEXT, 2: TEXT, 3: NEWS, 4: FORUM}
        made = [Channel(f"20000000000000000{n}", kind) for n, kind in kinds.items()]
        self.channels = {channel.id: channel for channel in made}
        self.commands: list[Json] = []
        self.former_members: set[str] = set()  # ids of people who left the server
        self.command_permissions: list[Json] = []  # the server's settings for commands
        self.modals: dict[str, Json] = {}  # open modals by custom_id
        self._whispers: list[Json] = []
        self._interactions: dict[str, PendingInteraction] = {}
        self._nonces: dict[tuple[str, str], tuple[float, Json]] = {}
        # When each path's bucket began (monotonic), and the messages since then.
        self._posted = defaultdict[str, tuple[float, int]](lambda: (-math.inf, 0))
        self._last = 0
        self.sessions: dict[str, Session] = {}

    def visible_messages(self, channel: str, message: str = "") -> list[Json]:
        """The messages a person sees: one of a channel (by default the last), then its thread."""
        parent = self._message(channel, message) if message else self.channels[channel].messages[-1]
        below = self.channels.get(parent["id"])
        return [parent, *(below.messages if below else ())]

    def delete_message(self, channel: str, message: str) -> None:
        """A person deletes a message; a thread started from it stays."""
        self._remove(self._message(channel, message))

    def _id(self) -> str:
        """A snowflake of this moment, never the same twice."""
        now = (time.time_ns() // 10**6 - 1420070400000) << 22
        self._last = max(self._last + 1, now)
        return str(self._last)

    def _channel(self, id: str, need: int = VIEW_CHANNEL) -> Channel:
        if id not in self.channels:
            raise DiscordError(404, 10003)
        channel = self.channels[id]
        may = self.channels[channel.parent].permissions if channel.parent else channel.permissions
        if not may & VIEW_CHANNEL:
            raise DiscordError(403, 50001, "Missing Access")
        if not may & (
            SEND_MESSAGES_IN_THREADS if channel.parent and need == SEND_MESSAGES else need
        ):
            raise DiscordError(403, 50013, "Missing Permissions")
        return channel

    def _message(self, channel: str, id: str) -> Json:
        for message in [*self.channels[channel].messages, *self._whispers]:
            if message["id"] == id:
                return message
        raise DiscordError(404, 10008)

    def _history(self, channel: Channel, query: Mapping[str, str]) -> list[Json]:
        """Messages, newest first. As on Discord, only the answer to a post has the nonce."""
        limit = int(query.get("limit", 50))
        rows = [{k: v for k, v in m.items() if k != "nonce"} for m in channel.messages]
        older = [row for row in rows if int(row["id"]) < int(query.get("before", 1 << 63))]
        newer = [row for row in rows if int(row["id"]) > int(query.get("after", 0))]
        if "around" in query:
            middle = sum(int(row["id"]) < int(query["around"]) for row in rows)
            found = rows[max(0, middle - limit // 2) :][:limit]
        else:
            found = newer[:limit] if "after" in query else older[-limit:]
        return found[::-1]

    def _post(self, id: str, body: Json) -> Json:
        channel = self._channel(id, SEND_MESSAGES)
        if channel.type == FORUM:
            raise DiscordError(400, 50008, "Cannot send messages in a non-text channel")
        if channel.locked:
            raise DiscordError(400, 160005, "Thread is locked")
        channel.archived = False  # a message unarchives a thread
        key, now = (id, str(body.get("nonce"))), time.monotonic()
        if len(key[1]) > 25:
            raise DiscordError(400, 50035, "Invalid Form Body: nonce")
        kept, message = self._nonces.get(key, (0.0, {}))
        if body.get("enforce_nonce") and message and now - kept < _NONCE_SECONDS:
            return message
        self._nonces[key] = (now, self._say(channel, body))
        return self._nonces[key][1]

    def _say(self, channel: Channel, body: Json, whisper: int = 0) -> Json:
        message: Json = {
            "id": self._id(),
            "type": 0,
            "channel_id": channel.id,
            "author": BOT,
            "content": "",
            "timestamp": datetime.now(UTC).isoformat(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "pinned": False,
            "attachments": [],
            "embeds": [],
            "components": [],
            "flags": 0,
        }
        self._fill(message, body | {"flags": (body.get("flags") or 0) | whisper}, edit=False)
        (self._whispers if message["flags"] & _EPHEMERAL else channel.messages).append(message)
        return message

    def _change(self, message: Json, body: Json) -> Json:
        kept = message["flags"] & (_V2 | _EPHEMERAL)
        self._fill(message, body | {"flags": (body.get("flags") or 0) | kept}, edit=True)
        message["edited_timestamp"] = datetime.now(UTC).isoformat()
        return message

    def _fill(self, message: Json, body: Json, edit: bool) -> None:
        empty: Json = {"content": "", "embeds": [], "components": [], "attachments": []}
        given = {name: body[name] or empty[name] for name in empty if name in body}
        if wrong := message_error(message | given | {"flags": body["flags"]}, edit):
            raise DiscordError(400, 50035, f"Invalid Form Body: {wrong}")
        for number, part in enumerate(walk_components(given.get("components", [])), 1):
            part.setdefault("id", number)
        nonce = {"nonce": body["nonce"]} if "nonce" in body else {}
        message |= given | nonce | {"flags": body["flags"]}

    def _remove(self, message: Json) -> None:
        for messages in (*(channel.messages for channel in self.channels.values()), self._whispers):
            messages[:] = [each for each in messages if each["id"] != message["id"]]

    def _open(self, id: str, parent: str, name: str) -> Json:
        if not 1 <= len(name) <= 100:
            raise DiscordError(400, 50035, "Invalid Form Body: name")
        self.channels[id] = Channel(id, PUBLIC_THREAD, name, parent)
        return self._described(self.channels[id])

    def _described(self, channel: Channel) -> Json:
        about: Json = {"id": channel.id, "type": channel.type, "name": channel.name, "flags": 0}
        if channel.type == DIRECT:
            return about | {
                "recipients": [user_json(f"3{channel.id[1:]}")],
                "last_message_id": None,
            }
        about |= {
            "guild_id": channel.guild,
            "last_message_id": None,
            "parent_id": channel.parent or None,
        }
        if channel.parent:
            times = {
                "archive_timestamp": "2024-01-01T00:00:00+00:00",
                "auto_archive_duration": 1440,
            }
            about |= {"owner_id": APP_ID, "message_count": len(channel.messages), "member_count": 1}
            state = {"archived": channel.archived, "locked": channel.locked}
            return about | {"thread_metadata": state | times}
        given = channel.permissions & ~ADMINISTRATOR  # no overwrite can grant that one
        may = {"allow": str(given), "deny": str(ALL_PERMISSIONS & ~channel.permissions)}
        about |= {"position": 1, "nsfw": False, "topic": None, "available_tags": []}
        rules = [{"id": APP_ID, "type": 1, **may}]
        if channel.visible_to is not None:
            rules.append({"id": GUILD_ID, "type": 0, "allow": "0", "deny": str(VIEW_CHANNEL)})
            rules += [
                {"id": id, "type": 1, "allow": str(VIEW_CHANNEL), "deny": "0"}
                for id in channel.visible_to
            ]
        return about | {"permission_overwrites": rules}

    def _guild(self) -> Json:
        every = {
            "id": GUILD_ID,
            "name": "@everyone",
            "permissions": str(self.bot_permissions),
            "position": 0,
            "color": 0,
        }
        roles = [every | {"hoist": False, "managed": False, "mentionable": False}]
        inside = [c for c in self.channels.values() if not c.parent and c.type != DIRECT]
        return {
            "id": GUILD_ID,
            "name": "Testers",
            "owner_id": USER_ID,
            "roles": roles,
            "emojis": [],
            "features": [],
            "members": [member_json(APP_ID)],
            "member_count": 2,
            "threads": [],
            "verification_level": 0,
            "mfa_level": 0,
            "premium_tier": 0,
            "nsfw_level": 0,
            "channels": [self._described(channel) for channel in inside],
        }

    # Interactions

    def _callback(self, interaction: PendingInteraction | None, body: Json) -> Json:
        if interaction is None or time.monotonic() - interaction.at > self.ack_timeout_seconds:
            raise DiscordError(404, 10062)
        if interaction.acknowledgement.done():
            raise DiscordError(400, 40060, "Interaction has already been acknowledged.")
        kind, data = body["type"], body.get("data") or {}
        wrong = modal_error(data) if kind == 9 else ""
        if wrong or len(data.get("choices", ())) > 25:
            raise DiscordError(400, 50035, f"Invalid Form Body: {wrong or 'choices'}")
        if kind == 9:
            self.modals[data["custom_id"]] = data
        if kind == 7 and interaction.message:
            self._change(interaction.message, data)
        interaction.ephemeral = (data.get("flags") or 0) & _EPHEMERAL
        if kind == 4:
            interaction.answers.append(self._say(self.channels[interaction.channel], data))
        interaction.acknowledgement.set_result(body)
        made = [{"type": kind, "message": message} for message in interaction.answers]
        about = {"interaction": {"id": interaction.id, "type": interaction.type}}
        return about | ({"resource": made[0]} if made else {})

    def _pending(self, token: str) -> PendingInteraction:
        interaction = self._interactions.get(token)
        if interaction is None or time.monotonic() - interaction.at > _ANSWER_SECONDS:
            raise DiscordError(401, 50027, "Invalid Webhook Token")
        if not interaction.acknowledgement.done():
            raise DiscordError(404, 10015, "Unknown Webhook")
        return interaction

    def _answer(self, interaction: PendingInteraction, body: Json) -> Json:
        """A follow-up; the first one after a deferral replaces it and is ephemeral if it was."""
        hidden = interaction.ephemeral if not interaction.answers else 0
        interaction.answers.append(self._say(self.channels[interaction.channel], body, hidden))
        return interaction.answers[-1]

    def _answered(
        self, method: str, interaction: PendingInteraction, id: str, body: Json
    ) -> Json | None:
        updates = interaction.acknowledgement.result()["type"] in (6, 7)
        original = interaction.message if updates else next(iter(interaction.answers), None)
        if id == "@original" and original is None:
            if method != "PATCH":
                raise DiscordError(404, 10008)
            return self._answer(interaction, body)
        message = original if id == "@original" else self._message(interaction.channel, id)
        assert message is not None
        if method == "DELETE":
            self._remove(message)
            return None
        return self._change(message, body) if method == "PATCH" else message
