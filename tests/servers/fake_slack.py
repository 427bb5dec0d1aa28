"""Slack on loopback, as far as the tests need it: real HTTP and sockets, scripted failures.

It runs in a thread of its own and its methods block, so a test whose bot shares the test's event
loop calls them through `asyncio.to_thread`. slack_sdk sends even loopback requests through
HTTP(S)_PROXY and ignores NO_PROXY: tests unset the former, in upper and lower case.
"""

from __future__ import annotations

import asyncio
import copy
import hashlib
import hmac
import json
import math
import time
import uuid
from collections import defaultdict, deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote

from aiohttp import WSMsgType, web

from tests.servers.loops import begin, running_loop
from tests.servers.unsized import send_unsized
from tests.waiting import TIMEOUT_SECONDS, wait_until

Json = dict[str, Any]
ENVELOPE_FIELDS = {"token": "legacy", "api_app_id": "A1", "is_enterprise_install": False}
REQUIRED_SCOPES = {
    "chat.postMessage": "chat:write",
    "chat.postEphemeral": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "conversations.info": "channels:read",
    "conversations.history": "channels:history",
    "conversations.replies": "channels:history",
    "conversations.open": "im:write",
    "files.getUploadURLExternal": "files:write",
    "files.completeUploadExternal": "files:write",
    "users.conversations": "groups:read",
    "users.info": "users:read",
}
STATUS = {"ratelimited": 429, "http_500": 500, "http_503": 503, "html": 502, "used_url": 404}
# Characters, from Slack's Block Kit reference.
MAX_LENGTHS = {"section": 3000, "header": 150, "button": 75, "modal": 24}


class SlackError(Exception):
    """A refusal, with Slack's error code."""

    def __init__(self, code: str, *wrong: str) -> None:
        self.code, self.reply = code, {"ok": False, "error": code}
        if wrong:
            metadata = {"messages": [f"[ERROR] {one}" for one in wrong]}
            self.reply |= {"errors": list(wrong), "response_metadata": metadata}


class Call(NamedTuple):
    """A call of the bot, and the error or fault it met."""

    method: str
    arguments: Json
    at: float
    error: str | None


class Ack(NamedTuple):
    """How the bot acknowledged the envelope that was sent."""

    acked: bool
    payload: Json | None
    sent: Json


@dataclass
class Channel:
    archived: bool = False
    private: bool = False
    shared: bool = False  # with another workspace
    bot_is_member: bool = True
    members: set[str] | None = None  # ids of people; None: everybody
    messages: list[Json] = field(default_factory=list)


def signature_headers(secret: str, body: str) -> dict[str, str]:
    """The headers that sign a request over HTTP as Slack does, now."""
    now = str(int(time.time()))
    digest = hmac.new(secret.encode(), f"v0:{now}:{body}".encode(), hashlib.sha256).hexdigest()
    return {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": f"v0={digest}"}


def block_errors(node: Any, path: str, max_items: int = 100, max_length: int = 3000) -> list[str]:
    """What Slack would refuse: too many blocks, empty texts, texts too long for their block."""
    if isinstance(node, list):
        many = [f"no more than {max_items} items allowed [json-pointer:{path}]"] * (
            len(node) > max_items
        )
        return many + [c for i, n in enumerate(node) for c in block_errors(n, f"{path}/{i}")]
    if not isinstance(node, dict):
        return []
    if node.get("type") in ("plain_text", "mrkdwn"):
        fits = 0 < len(node["text"]) <= max_length
        return [] if fits else [f"must be 1 to {max_length} characters [json-pointer:{path}/text]"]
    max_length = MAX_LENGTHS.get(node.get("type", ""), max_length)
    return [
        c
        for k, n in node.items()
        for c in block_errors(n, f"{path}/{k}", max_items, 300 if k == "confirm" else max_length)
    ]


def with_block_ids(blocks: list[Json]) -> list[Json]:
    """Blocks as Slack stores them: each with an id."""
    return [{"block_id": f"b{i}"} | block for i, block in enumerate(blocks)]


def block_id_of(shown: Json, action: Json) -> str:
    """The id of the block that holds a button."""
    for block in shown.get("blocks", ()):
        elements = (block.get("accessory") or {}, *block.get("elements", ()))
        if any(each.get("action_id") == action.get("action_id") for each in elements):
            return str(block["block_id"])
    return "b0"


class SlackState:
    """What Slack stores and decides. API methods have their own names, with "_" for "."."""

    def __init__(self, team: str = "T1") -> None:
        self.team, self.bot_user = team, "UBOT" + team.removeprefix("T1")
        self.bot = {"user": self.bot_user, "bot_id": f"B{self.bot_user[1:]}", "app_id": "A1"}
        self.bot["team"] = team
        self.url = ""
        self.rate_limit = 0.0  # messages a second in each channel; 0: no limit
        # Slack waits 3 s, which would test the machine: tests are about the order of events.
        self.ack_timeout_seconds = TIMEOUT_SECONDS
        self.retry_after = 0  # seconds that a 429 asks for; 0: by the rate limit
        self.answers_after = 0.0  # seconds that a message is there before its sender hears so
        asked = ["commands", "mpim:read", "files:read", *REQUIRED_SCOPES.values()]
        self.scopes = ",".join(dict.fromkeys(asked))
        self.channels = {f"C{n}": Channel() for n in (1, 2, 3)}
        # Fields of users.info that differ for a person; {}: an unknown person.
        self.user_overrides: dict[str, Json] = {}
        self.ephemeral: list[Json] = []
        self.views: dict[str, Json] = {}
        self.homes: dict[str, Json] = {}
        self.files: list[bytes] = []  # F1, F2, ...
        self.dropped: dict[str, bytes] = {}  # what people put into forms, by its path
        self.elsewhere = ""  # where the fault "redirect" leads
        self._hooks: dict[str, Json] = {}
        self._triggers: dict[str, float] = {}
        self._full: dict[str, float] = {}
        self._last = 0

    def handle_call(self, method: str, given: Json, token: str) -> Json:
        """Slack's reply to a call. Raises SlackError."""
        if method != "response_url":
            if not token.startswith(("xoxb-", "xoxe.xoxb-", "xapp-")):
                raise SlackError("invalid_auth" if token else "not_authed")
            if token.startswith("xapp-") is not (method == "apps.connections.open"):
                raise SlackError("not_allowed_token_type")
        if method in REQUIRED_SCOPES and REQUIRED_SCOPES[method] not in self.scopes.split(","):
            raise SlackError("missing_scope")
        act = getattr(self, method.replace(".", "_"), None)
        if act is None:
            raise SlackError("unknown_method")
        return {"ok": True, **act(given)}

    def auth_test(self, given: Json) -> Json:
        who = {"team_id": self.team, "user_id": self.bot_user, "bot_id": self.bot["bot_id"]}
        return who | {"url": "https://testers.slack.com/", "team": "Testers", "user": "paperboy"}

    def apps_connections_open(self, given: Json) -> Json:
        return {"url": self.url.replace("http", "ws", 1).replace("/api/", "/link")}

    def chat_postMessage(self, given: Json) -> Json:
        channel = self._channel(given, post=True)
        if self.rate_limit and time.monotonic() < self._full.get(channel, 0):
            raise SlackError("ratelimited")
        posted = self._say(channel, given)
        self._full[channel] = time.monotonic() + (1 / self.rate_limit if self.rate_limit else 0)
        return posted

    def chat_update(self, given: Json) -> Json:
        channel = self._channel(given, post=True)
        message = self._find(channel, given.get("ts"), "message_not_found")
        if message.get("subtype") == "tombstone":
            raise SlackError("cant_update_message")
        message |= self._content(given) | {"edited": {"user": self.bot_user, "ts": self._ts()}}
        return {"channel": channel, "ts": message["ts"], "message": message}

    def chat_delete(self, given: Json) -> Json:
        channel = self._channel(given, read=True)
        message = self._find(channel, given.get("ts"), "message_not_found")
        self.channels[channel].messages.remove(message)
        return {"channel": channel, "ts": message["ts"]}

    def chat_postEphemeral(self, given: Json) -> Json:
        self._channel(given, post=True)
        return {"message_ts": self._whisper("chat.postEphemeral", given, given)}

    def chat_getPermalink(self, given: Json) -> Json:
        channel = self._channel(given)
        ts = self._find(channel, given.get("message_ts"), "message_not_found")["ts"]
        link = f"https://testers.slack.com/archives/{channel}/p{ts.replace('.', '')}"
        return {"channel": channel, "permalink": link}

    def conversations_info(self, given: Json) -> Json:
        id = self._channel(given)
        state = {
            "is_archived": self.channels[id].archived,
            "is_member": self.channels[id].bot_is_member,
            "is_private": self.channels[id].private,
            "is_shared": self.channels[id].shared,
        }
        return {
            "channel": {"id": id, "name": f"papers-{id.lower()}", "is_im": id[0] == "D"} | state
        }

    def conversations_history(self, given: Json) -> Json:
        messages = self.channels[self._channel(given, read=True)].messages
        above = [m for m in reversed(messages) if m.get("thread_ts", m["ts"]) == m["ts"]]
        return self._page(above, given)

    def conversations_replies(self, given: Json) -> Json:
        channel = self._channel(given, read=True)
        parent = self._find(channel, given.get("ts"), "thread_not_found")
        messages = self.channels[channel].messages
        thread = [m for m in messages if m is parent or m.get("thread_ts") == parent["ts"]]
        return self._page(thread, given)

    def conversations_open(self, given: Json) -> Json:
        return {"channel": {"id": self._channel({"channel": given.get("users")})}}

    def files_getUploadURLExternal(self, given: Json) -> Json:
        self.files.append(b"")
        id = f"F{len(self.files)}"
        return {"file_id": id, "upload_url": self.url.replace("/api/", f"/upload/{id}")}

    def files_completeUploadExternal(self, given: Json) -> Json:
        files = json.loads(given["files"]) if isinstance(given["files"], str) else given["files"]
        if any(not self.files[int(file["id"][1:]) - 1] for file in files):
            raise SlackError("file_not_found")
        channel = self._channel({"channel": given["channel_id"]}, post=True)
        shared = {"type": "message", "ts": self._ts(), "text": "", "files": files} | self.bot
        self.channels[channel].messages.append(shared)
        return {"files": files}

    def users_info(self, given: Json) -> Json:
        id = str(given.get("user"))
        if not id.startswith("U") or self.user_overrides.get(id) == {}:
            raise SlackError("user_not_found")
        user = {"id": id, "team_id": self.team, "name": id.lower(), "is_bot": id == self.bot_user}
        zone = {"tz": "America/New_York", "tz_offset": -18000}
        return {"user": user | zone | self.user_overrides.get(id, {})}

    def team_of(self, person: str) -> str:
        """The workspace that a person is of; another one's may be in a shared channel."""
        return str(self.user_overrides.get(person, {}).get("team_id", self.team))

    def users_conversations(self, given: Json) -> Json:
        """The channels that the bot can know of, two a page: Slack may return short pages."""
        who, kinds = given.get("user"), str(given.get("types")).split(",")
        if "mpim" in kinds and "mpim:read" not in self.scopes.split(","):
            raise SlackError("missing_scope")
        inside = [
            {"id": id}
            for id, channel in self.channels.items()
            if id[0] != "D" and (channel.members is None or who in channel.members)
        ]
        start = int(given.get("cursor") or 0)
        cursor = {"next_cursor": str(start + 2) if start + 2 < len(inside) else ""}
        return {"channels": inside[start : start + 2], "response_metadata": cursor}

    def views_open(self, given: Json) -> Json:
        age = time.monotonic() - self._triggers.get(given.get("trigger_id", ""), math.nan)
        if not age <= self.ack_timeout_seconds:
            past = "invalid" if math.isnan(age) else "exchanged" if age == math.inf else "expired"
            raise SlackError(f"{past}_trigger_id")
        self._triggers[given["trigger_id"]] = -math.inf
        return self._view(given["view"], f"V{len(self.views) + 1}")

    def views_push(self, given: Json) -> Json:
        """Over another view; Slack takes three."""
        return self.views_open(given)

    def views_update(self, given: Json) -> Json:
        if given.get("view_id") not in self.views:
            raise SlackError("not_found")
        return self._view(given["view"], given["view_id"])

    def views_publish(self, given: Json) -> Json:
        published = self._view(given["view"], f"VH{given['user_id']}")
        self.homes[given["user_id"]] = published["view"]
        return published

    def response_url(self, given: Json) -> Json:
        hook = self._hooks.get(given["hook"])
        if not hook or not hook["left"]:
            raise SlackError("used_url")
        hook["left"] -= 1
        self._whisper("response_url", hook, given)
        return {}

    def _channel(self, given: Json, *, read: bool = False, post: bool = False) -> str:
        id = str(given.get("channel"))
        if id.startswith("U"):
            id = f"D{id[1:]}"
            self.channels.setdefault(id, Channel())
        if id not in self.channels:
            raise SlackError("channel_not_found")
        if post and self.channels[id].archived:
            raise SlackError("is_archived")
        if (read or post) and not self.channels[id].bot_is_member:
            raise SlackError("not_in_channel")
        return id

    def _find(self, channel: str, ts: Any, missing: str) -> Json:
        for message in self.channels[channel].messages:
            if message["ts"] == str(ts):
                return message
        raise SlackError(missing)

    def _ts(self) -> str:
        self._last = max(self._last + 1, time.time_ns() // 1000)
        return f"{self._last // 10**6}.{self._last % 10**6:06}"

    def _content(self, given: Json) -> Json:
        kinds = ("text", "blocks", "attachments", "metadata")
        content = {kind: given[kind] for kind in kinds if kind in given}
        if not any(content.get(kind) for kind in kinds[:3]):
            raise SlackError("no_text")
        if wrong := block_errors(content.get("blocks"), "/blocks", 50):
            raise SlackError("invalid_blocks", *wrong)
        if "blocks" in content:
            content["blocks"] = with_block_ids(content["blocks"])
        return content

    def _say(self, channel: str, given: Json) -> Json:
        message = {"type": "message"} | self.bot | self._content(given)
        if given.get("thread_ts") == "":
            raise SlackError("thread_not_found")
        # A reply to a message that was deleted stands in the channel by itself: Slack does not say
        # so (slack-go issue 1571), or, rarely, answers thread_not_found.
        above = (m for m in self.channels[channel].messages if m["ts"] == given.get("thread_ts"))
        parent = next(above, None)
        message["ts"] = self._ts()
        if parent is not None:
            message["thread_ts"] = parent["thread_ts"] = parent["ts"]
            parent["reply_count"] = parent.get("reply_count", 0) + 1
            parent["latest_reply"] = message["ts"]
        self.channels[channel].messages.append(message)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _whisper(self, via: str, to: Json, answer: Json) -> str:
        """Show something to one person, unless the answer is for the whole channel or replaces the
        message it belongs to. Returns the ts."""
        place = {"channel": to["channel"], "ts": to.get("original", "")}
        shown = any(m["ts"] == place["ts"] for m in self.channels[place["channel"]].messages)
        if answer.get("response_type") == "in_channel":
            return str(self._say(to["channel"], answer)["ts"])
        if shown and answer.get("replace_original"):
            return str(self.chat_update(answer | place)["ts"])
        if shown and answer.get("delete_original"):
            return str(self.chat_delete(place)["ts"])
        content = {} if answer.get("delete_original") else self._content(answer)
        ts, where = self._ts(), {"channel": to["channel"], "user": to["user"]}
        self.ephemeral.append(answer | content | {"via": via, "message_ts": ts} | where)
        return ts

    def _page(self, messages: list[Json], given: Json) -> Json:
        low, high = float(given.get("oldest") or 0), float(given.get("latest") or "inf")
        edges = (low, high) if str(given.get("inclusive")) in ("1", "True") else ()
        start, limit = int(given.get("cursor") or 0), int(given.get("limit") or 100)
        bare = str(given.get("include_all_metadata")) not in ("1", "True")
        found = [
            {k: v for k, v in m.items() if not (bare and k == "metadata")}
            for m in messages
            # The head of a thread is always included, whatever the time range.
            if low < (at := float(m["ts"])) < high or at in edges or m["ts"] == given.get("ts")
        ]
        more = start + limit < len(found)
        cursor = {"next_cursor": str(start + limit) if more else ""}
        page = found[start : start + limit]
        return {"messages": page, "has_more": more, "response_metadata": cursor}

    def _view(self, view: Json, id: str) -> Json:
        blocks, frame = view["blocks"], {k: v for k, v in view.items() if k != "blocks"}
        kinds = {block.get("element", {}).get("type") for block in blocks}
        if "file_input" in kinds and "files:read" not in self.scopes.split(","):
            raise SlackError("missing_scope")
        if wrong := block_errors(blocks, "/view/blocks") + block_errors(frame, "/view"):
            raise SlackError("invalid_arguments", *wrong)
        empty = {"private_metadata": "", "callback_id": "", "state": {"values": {}}}
        ids = {"id": id, "root_view_id": id, "team_id": self.team, "app_id": "A1", "bot_id": "BBOT"}
        self.views[id] = empty | view | ids | {"hash": self._ts(), "blocks": with_block_ids(blocks)}
        return {"view": self.views[id]}


class FakeSlack(SlackState):
    """Slack as a bot reaches it, and the people in it.

    `sockets` holds the open connections. `send_envelope` gives an envelope to the newest of them
    and waits for the acknowledgement, as Slack does; without a connection nothing is acknowledged.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, team: str = "T1") -> None:
        super().__init__(team)
        self.calls: list[Call] = []
        self.sockets: dict[web.WebSocketResponse, web.Request] = {}
        self._faults: defaultdict[str, deque[str]] = defaultdict(deque)
        self._acks: dict[str, asyncio.Future[Json | None]] = {}
        self._loop = loop
        self.carry = self.by_socket  # whether an envelope was acknowledged, and with what

    def inject_faults(self, method: str, *faults: str) -> None:
        """What happens to the next calls of a method (or of "response_url"), one fault each: ok,
        lost_reply, disconnect, http_500, http_503, html, ratelimited, hang, or an error code of
        Slack's. Of "file": hang, disconnect, html, redirect, unsized, or http_ and any status."""
        self._faults[method].extend(faults)

    def clear_faults(self) -> None:
        """Drop the faults that have not happened yet."""
        self._faults.clear()

    def reply(self, thread: str, text: str, *, channel: str = "C1", **fields: str) -> Json:
        """A person (U1, unless `user` says otherwise) writes in a thread, of which no bot is told
        that does not ask."""
        message = {"type": "message", "user": "U1", "text": text, "ts": self._ts()}
        self.channels[channel].messages.append(message | {"thread_ts": thread} | fields)
        return self.channels[channel].messages[-1]

    def delete_message(self, channel: str, ts: str) -> None:
        """A person deletes a message; one with replies leaves a tombstone."""
        messages = self.channels[channel].messages
        found = next(message for message in messages if message["ts"] == ts)
        if any(m.get("thread_ts") == ts != m["ts"] for m in messages):
            gone = {"text": "This message was deleted.", "subtype": "tombstone"}
            kept = {name: found[name] for name in ("type", "ts", "thread_ts")}
            messages[messages.index(found)] = kept | gone | {"user": "USLACKBOT"}
        else:
            messages.remove(found)

    def visible_messages(self, channel: str) -> list[Json]:
        """The messages a person sees, in order, each followed by its replies."""
        messages = list(self.channels[channel].messages)
        return sorted(messages, key=lambda m: (m.get("thread_ts", m["ts"]), m["ts"]))

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition. Raises AssertionError when it does not come true."""
        wait_until(condition)

    def drop_connections(self) -> None:
        """Abort all sockets, without a close frame."""
        self.run_in_loop(self._cut())

    def send_envelope(
        self, kind: str, payload: Json, retry: int = 0, redelivery_of: Ack | None = None
    ) -> Ack:
        """Send an envelope of slash_commands, interactive or events_api; a redelivery has the id
        of the first delivery."""
        envelope = {
            "envelope_id": redelivery_of.sent["envelope_id"]
            if redelivery_of
            else str(uuid.uuid4()),
            "type": kind,
            "payload": copy.deepcopy(payload),  # a redelivery carries what was sent first
            "accepts_response_payload": kind != "events_api",
            "retry_attempt": retry,
            "retry_reason": "timeout" if retry else "",
        }
        ack: Ack = self.run_in_loop(self._deliver(envelope))
        return ack

    def command(
        self, text: str, *, channel: str = "C1", user: str = "U1", command: str = "/digest"
    ) -> Ack:
        typed = {"command": command, "text": text, "team_id": self.team, "team_domain": "testers"}
        where = {"channel_id": channel, "channel_name": f"papers-{channel.lower()}"}
        who = {"user_id": user, "user_name": user.lower(), "trigger_id": self._trigger()}
        hook = {"response_url": self._hook(channel, user)}
        return self.send_envelope("slash_commands", ENVELOPE_FIELDS | typed | where | who | hook)

    def press(
        self,
        action: Json,
        *,
        channel: str = "C1",
        message_ts: str = "",
        view_id: str = "",
        values: Json | None = None,
        user: str = "U1",
    ) -> Ack:
        """Press a button, given as in its message, ephemeral message or view, which is filled in
        with `values`."""
        if view_id:
            filled = {"state": {"values": values}} if values else {}
            around = {"view": self.views[view_id] | filled}
            around["container"] = {"type": "view", "view_id": view_id}
        else:
            around = self._around(channel, message_ts, user)
            place = {"type": "message", "message_ts": message_ts, "channel_id": channel}
            around["container"] = place | {"is_ephemeral": "message" not in around}
        shown = next((around[k] for k in ("view", "message") if k in around), {})
        pressed = {
            "block_id": block_id_of(shown, action),
            "action_ts": f"{time.time():.6f}",
        } | action
        return self._act("block_actions", user, actions=[pressed], **around)

    def submit(self, view_id: str, values: Json, user: str = "U1") -> Ack:
        """Submit a form; values are {block: {action: {"type": ..., "value": ...}}}."""
        view = self.views[view_id] | {"state": {"values": values}}
        return self._act("view_submission", user, view=view, response_urls=[])

    def drop_file(self, name: str, content: bytes) -> Json:
        """A person puts a file into a form: what stands of it in the form's state."""
        id = f"F0{len(self.dropped)}"
        path = f"/files-pri/{self.team}-{id}/{quote(name)}"
        self.dropped[path] = content
        about = {"id": id, "created": 1, "name": name, "title": name, "filetype": "binary"}
        about |= {"mimetype": "application/octet-stream", "user": "U1", "mode": "hosted"}
        about |= {"is_external": False, "is_public": False, "file_access": "visible"}
        address = self.url.replace("/api/", path)
        return about | {"size": len(content), "url_private": address}

    def suggest(self, action_id: str, block_id: str, value: str, view_id: str | None = None) -> Ack:
        """Type into an external select; the acknowledgement has the options."""
        typed: Json = {"action_id": action_id, "block_id": block_id, "value": value}
        if view_id:
            typed["view"] = self.views[view_id]
            typed["container"] = {"type": "view", "view_id": view_id}
        return self._act("block_suggestion", "U1", **typed)

    def shortcut(self, callback_id: str, channel: str, message_ts: str, user: str = "U1") -> Ack:
        """Choose a message shortcut."""
        around = self._around(channel, message_ts, user)
        chosen = {"callback_id": callback_id, "action_ts": f"{time.time():.6f}"}
        return self._act("message_action", user, message_ts=message_ts, **chosen, **around)

    def send_event(self, event: Json) -> Ack:
        """Send an event; the user U1, the channel C1 and the time are added when missing."""
        now = f"{time.time():.6f}"
        bot = {"team_id": self.team, "user_id": self.bot_user}
        bot |= {"is_bot": True, "is_enterprise_install": False}
        envelope = {
            "type": "event_callback",
            "team_id": self.team,
            "event": {"user": "U1", "channel": "C1", "ts": now, "event_ts": now} | event,
            "event_id": f"Ev{uuid.uuid4().hex[:9].upper()}",
            "event_time": int(time.time()),
            "authorizations": [bot | {"enterprise_id": None}],
        }
        return self.send_envelope("events_api", ENVELOPE_FIELDS | envelope)

    def run_in_loop(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the server's own loop and wait for its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(TIMEOUT_SECONDS)

    def _act(self, kind: str, user: str, **fields: Any) -> Ack:
        who = {"id": user, "name": user.lower(), "username": user.lower()}
        who["team_id"] = self.team_of(user)
        by = {"user": who, "team": {"id": self.team, "domain": "testers"}, "enterprise": None}
        trigger = {} if kind == "block_suggestion" else {"trigger_id": self._trigger()}
        return self.send_envelope(
            "interactive", {"type": kind} | ENVELOPE_FIELDS | by | trigger | fields
        )

    def _around(self, channel: str, ts: str, user: str) -> Json:
        found = [m for m in self.channels[channel].messages if m["ts"] == ts]
        where = {"channel": {"id": channel, "name": f"papers-{channel.lower()}"}}
        hook = {"response_url": self._hook(channel, user, ts)}
        return where | hook | ({"message": found[0]} if found else {})

    def _trigger(self) -> str:
        trigger = f"{time.time_ns()}.1.{uuid.uuid4().hex}"
        self._triggers[trigger] = time.monotonic()
        return trigger

    def _hook(self, channel: str, user: str, original: str = "") -> str:
        hook = uuid.uuid4().hex
        if channel.startswith("D"):
            self.channels.setdefault(channel, Channel())
        self._hooks[hook] = {"channel": channel, "user": user, "original": original, "left": 5}
        return self.url.replace("/api/", f"/response/{hook}")

    async def _deliver(self, envelope: Json) -> Ack:
        acked, said = await self.carry(envelope)
        payload = envelope["payload"]
        if said and envelope["type"] == "slash_commands":
            to = {"channel": payload["channel_id"], "user": payload["user_id"]}
            self._whisper("ack", to, said)
        if said and said.get("response_action") == "update":
            self._view(said["view"], payload["view"]["id"])
        return Ack(acked, said, envelope)

    async def by_socket(self, envelope: Json) -> tuple[bool, Json | None]:
        ack = self._acks[envelope["envelope_id"]] = self._loop.create_future()
        with suppress(TimeoutError, ConnectionError):
            for socket in list(self.sockets)[-1:]:
                await socket.send_json(envelope)
                return True, await asyncio.wait_for(ack, self.ack_timeout_seconds)
        return False, None

    async def link(self, request: web.Request) -> web.WebSocketResponse:
        """A socket, until it is closed."""
        socket = web.WebSocketResponse(heartbeat=TIMEOUT_SECONDS)
        await socket.prepare(request)
        debug = {"host": "applink", "approximate_connection_time": 18060}
        hello = {"type": "hello", "num_connections": len(self.sockets) + 1, "debug_info": debug}
        await socket.send_json(hello | {"connection_info": {"app_id": "A1"}})
        self.sockets[socket] = request
        try:
            async for message in socket:
                said = json.loads(message.data) if message.type is WSMsgType.TEXT else {}
                ack = self._acks.get(str(said.get("envelope_id")))
                if ack and not ack.done():
                    ack.set_result(said.get("payload"))
        finally:
            self.sockets.pop(socket, None)
        return socket

    async def answer(self, request: web.Request) -> web.Response:
        """Answer a call of a method, or of a response URL."""
        at, given = time.monotonic(), await arguments(request)
        method = given.pop("method", "response_url")
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        fault = self._faults[method].popleft() if self._faults[method] else "ok"
        try:
            if fault not in ("ok", "lost_reply"):
                raise SlackError(fault)
            reply, error = self.handle_call(method, given, token), None if fault == "ok" else fault
        except SlackError as refused:
            reply, error = refused.reply, refused.code
        self.calls.append(Call(method, given, at, error))
        if error == "hang":
            await asyncio.Event().wait()
        if method == "chat.postMessage" and self.answers_after:
            await asyncio.sleep(self.answers_after)
        if error == "disconnect" or fault == "lost_reply":
            abort(request)
        granted = "connections:write" if token.startswith("xapp-") else self.scopes
        status, headers = STATUS.get(error or "", 200), {"X-OAuth-Scopes": granted}
        if status >= 500:
            headers["Content-Type"] = "text/html"
            return web.Response(status=status, headers=headers, text="<html>Sorry</html>")
        if status == 429:
            headers["Retry-After"] = str(self.retry_after or math.ceil(1 / (self.rate_limit or 1)))
        if error == "missing_scope":
            needed = REQUIRED_SCOPES.get(method, "")
            needed = "mpim:read" if method == "users.conversations" else needed
            reply |= {"needed": needed, "provided": self.scopes}
        return web.json_response(reply, status=status, headers=headers)

    async def _upload(self, request: web.Request) -> web.Response:
        if self._faults["upload"]:
            return web.Response(status=int(self._faults["upload"].popleft()))
        self.files[int(request.match_info["file"][1:]) - 1] = await request.read()
        return web.Response(text="OK")

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """A file for who may read it, and a login page for anybody else."""
        fault = self._faults["file"].popleft() if self._faults["file"] else "ok"
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        self.calls.append(Call("file", {"token": token}, time.monotonic(), fault))
        may = token.startswith(("xoxb-", "xoxe.xoxb-")) and "files:read" in self.scopes.split(",")
        if fault == "hang":
            await asyncio.Event().wait()
        if fault == "disconnect":
            abort(request)
        if fault == "redirect":
            return web.Response(status=302, headers={"Location": self.elsewhere})
        if fault.startswith("http_"):
            return web.Response(status=int(fault.removeprefix("http_")))
        if not may or fault == "html":
            return web.Response(content_type="text/html", text="<!DOCTYPE html>Sign in")
        content = self.dropped[request.path_qs[request.path_qs.index("/files-pri/") :]]
        if fault != "unsized":
            return web.Response(content_type="application/octet-stream", body=content)
        return await send_unsized(request, content)

    async def _cut(self) -> None:
        for request in self.sockets.values():
            abort(request)
        self.sockets.clear()

    async def _open(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self.answer)
        app.router.add_get("/link", self.link)
        self.add_own_routes(app)
        runner, host = await begin(app)
        self.url = f"http://{host}/api/"
        return runner

    def add_own_routes(self, app: web.Application, under: str = "") -> None:
        """What has an address of its own in each workspace: answers, uploads and files."""
        app.router.add_post(f"{under}/response/{{hook}}", self.answer)
        app.router.add_post(f"{under}/upload/{{file}}", self._upload)
        app.router.add_get(f"{under}/files-pri/{{id}}/{{name}}", self._file)


async def arguments(request: web.Request) -> Json:
    """A call's arguments, from its path, query, form and JSON."""
    given: Json = {**request.match_info, **request.query}
    if request.content_type == "application/json":
        given |= json.loads(await request.read() or b"{}")
    else:
        given |= await request.post()
    inner = ("blocks", "attachments", "metadata", "view")
    read = {k: json.loads(v) for k, v in given.items() if k in inner and isinstance(v, str)}
    return {k: v for k, v in (given | read).items() if v is not None}


def abort(request: web.Request) -> None:
    """Abort a connection."""
    if request.transport:
        request.transport.abort()


@contextmanager
def run_fake_slack(team: str = "T1") -> Iterator[FakeSlack]:
    """Slack, listening on a free port until the block ends."""
    with running_loop() as loop:
        it = FakeSlack(loop, team)
        runner = it.run_in_loop(it._open())
        try:
            yield it
        finally:
            it.drop_connections()
            it.run_in_loop(runner.cleanup())
