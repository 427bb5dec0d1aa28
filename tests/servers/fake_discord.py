"""Discord on loopback, as far as the tests need it: REST, a gateway, people, scripted failures.

It runs in a thread of its own and its methods block, so a test whose bot shares the test's event
loop calls them through `asyncio.to_thread`. `discord.http.Route.BASE` and
`discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY` point discord.py to it. A client waits 2 s for
more guilds before it is ready, unless it has a shorter `guild_ready_timeout`, and 5 s before it
identifies again, unless it has its own `before_identify_hook`.
"""

from __future__ import annotations

import asyncio
import json
import math
import threading
import time
import uuid
from collections import deque
from collections.abc import Coroutine, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple
from urllib.parse import quote

from aiohttp import WSMsgType, web

from tests.servers.discord_rules import walk_components
from tests.servers.fake_discord_routes import DiscordRoutes
from tests.servers.fake_discord_state import (
    ALL_PERMISSIONS,
    APP_ID,
    BOT,
    DIRECT,
    GUILD_ID,
    USER_ID,
    DiscordError,
    Json,
    PendingInteraction,
    Session,
    member_json,
    user_json,
)
from tests.servers.unsized import send_unsized
from tests.waiting import TIMEOUT_SECONDS, wait_until

Fault = str | tuple[int, int]  # a name, see `inject_faults`, or a status and Discord's code


class Call(NamedTuple):
    """A request, and the status of its answer: 0 when it got none."""

    route: str
    body: Any
    status: int
    at: float


class Ack(NamedTuple):
    """How an interaction was answered: `type` is None when it was not answered in time. `answers`
    are the messages that follow, as they come."""

    type: int | None
    data: Json
    answers: list[Json]


class FakeDiscord(DiscordRoutes):
    """Discord as a bot reaches it, and the people in it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Call] = []
        self._faults: list[tuple[str, deque[Fault]]] = []
        self._loop = asyncio.new_event_loop()
        self._closing = asyncio.Event()
        self._wait = 0.05  # seconds of retry_after
        self.dropped: dict[str, bytes] = {}  # what people put into forms, by its path
        self.elsewhere = ""  # where the fault "redirect" leads

    # People

    def command(
        self, name: str, options: Json | None = None, *, channel: str = "", user: str = USER_ID,
        permissions: int = ALL_PERMISSIONS,
    ) -> Ack:  # fmt: skip
        """Type a command (`digest subscribe`) with its options. Raises LookupError when Discord
        would not offer it."""
        data = self._typed(name, options or {}, "", permissions)
        return self._interact(2, data, channel, user, permissions)

    def autocomplete(
        self, name: str, option: str, typed: str, *, options: Json | None = None,
        channel: str = "", user: str = USER_ID,
    ) -> Ack:  # fmt: skip
        data = self._typed(name, (options or {}) | {option: typed}, option, ALL_PERMISSIONS)
        return self._interact(4, data, channel, user)

    def context_menu(self, name: str, message: str, *, channel: str, user: str = USER_ID) -> Ack:
        """Choose an app's entry in a message's menu."""
        command = self._registered(name, 3, ALL_PERMISSIONS)
        found = self._message(channel, message)
        data = {"id": command["id"], "name": name, "type": 3, "target_id": message}
        return self._interact(2, data | {"resolved": {"messages": {message: found}}}, channel, user)

    def press(
        self, custom_id: str, message: str, *, channel: str = "", user: str = USER_ID,
        permissions: int = ALL_PERMISSIONS,
    ) -> Ack:  # fmt: skip
        """Press a button. Raises LookupError when the message has no such button."""
        found = self._message(channel or next(iter(self.channels)), message)
        buttons = {
            p["custom_id"]: p for p in walk_components(found["components"]) if "custom_id" in p
        }
        data = {"custom_id": custom_id, "component_type": 2, "id": buttons[custom_id]["id"]}
        return self._interact(3, data, channel, user, permissions, found)

    def write(
        self, text: str, *, channel: str = "", user: str = USER_ID, id: str = "", bot: bool = False
    ) -> str:
        """Write a message in a channel, as a person does (or a bot); returns its id. With the id
        of an earlier one its event comes again."""
        where = self.channels[channel or next(iter(self.channels))]
        message = {
            "id": id or self._id(),
            "type": 0,
            "channel_id": where.id,
            "author": user_json(user) | {"bot": bot},
            "content": text,
            "timestamp": datetime.now(UTC).isoformat(),
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "pinned": False,
            **{name: [] for name in ("mentions", "mention_roles", "attachments", "embeds")},
            "components": [],
        }
        if where.type != DIRECT:
            message |= {"guild_id": GUILD_ID, "member": member_json(user)}
        self.send_event("MESSAGE_CREATE", message)
        return str(message["id"])

    def reply(
        self, text: str, thread: str, to: str = "", *, user: str = USER_ID, **fields: Any
    ) -> str:
        """A person writes in a thread, or answers a message there; what they say is told to no bot
        without the intent. Returns the message's id."""
        author = user_json(user) | {"bot": False}
        message = self._say(self.channels[thread], {"content": text})
        message = message | {"author": author, "content": ""}
        if to:
            about = {"type": 0, "message_id": to, "channel_id": thread, "guild_id": GUILD_ID}
            message |= {"type": 19, "message_reference": about}
        self.channels[thread].messages[-1] = message | fields
        return str(message["id"])

    def submit(
        self, custom_id: str, changes: Mapping[str, str | list[str]], *, channel: str = "",
        user: str = USER_ID, permissions: int = ALL_PERMISSIONS, files: Mapping[str, Json] = {},
    ) -> Ack:  # fmt: skip
        """Fill in the open modal and submit it; fields without a change keep their values. `files`
        are those of `drop_file`, by field."""
        components = []
        changes = {**changes, **{name: [file["id"]] for name, file in files.items()}}
        for label in self.modals.pop(custom_id)["components"]:
            part = label["component"]
            back = {"type": part["type"], "id": 2, "custom_id": part["custom_id"]}
            chosen = [o["value"] for o in part.get("options", []) if o.get("default")]
            chosen += [each["id"] for each in part.get("default_values", [])]
            shown = part.get("value", "") if part["type"] == 4 else chosen
            key = "value" if part["type"] == 4 else "values"
            inside = back | {key: changes.get(part["custom_id"], shown)}
            components.append({"type": 18, "id": 1, "component": inside})
        sent = {"attachments": {file["id"]: file for file in files.values()}} if files else {}
        data = {"custom_id": custom_id, "components": components, "resolved": sent}
        return self._interact(5, data, channel, user, permissions)

    def drop_file(self, name: str, content: bytes) -> Json:
        """A person puts a file into a form: the attachment that is sent with it."""
        id = self._id()
        path = f"/ephemeral-attachments/{APP_ID}/{id}/{quote(name)}?ex=1&is=2&hm=3"
        self.dropped[path] = content
        host = self.api.removesuffix("/api/v10")
        about = {"id": id, "filename": name, "size": len(content), "ephemeral": True}
        return about | {"url": host + path, "proxy_url": "https://media.discordapp.net" + path}

    def wait_for_answers(self, ack: Ack, number: int = 1) -> list[Json]:
        """The messages that follow from an interaction, once there are so many."""
        wait_until(lambda: len(ack.answers) >= number, f"{number} answers")
        return ack.answers

    # Failures

    def inject_faults(self, route: str, *faults: Fault) -> None:
        """What happens to the next requests to a route ("POST */messages"), one fault each:
        `lost_reply` (done, but not answered), `disconnect` (not done), `hang`, `http_500` (any
        status), `ratelimited`, `banned` (429 without Via, as Cloudflare sends it), or a status and
        Discord's code. Of "GET /ephemeral-attachments/*": hang, redirect, unsized, http_404 (any
        status)."""
        self._faults.append((route, deque(faults)))

    def drop_connections(self) -> None:
        """Abort every gateway connection."""
        self._run(self._each_socket(None))

    def reconnect(self) -> None:
        """Ask every client to reconnect (op 7), as the gateway does every few hours."""
        self._run(self._each_socket({"op": 7, "d": None}))

    def invalidate_sessions(self) -> None:
        """End every session (op 9): clients have to identify again."""
        self._run(self._each_socket({"op": 9, "d": False}))

    @property
    def connected_sessions(self) -> int:
        """How many gateway connections are identified or resumed."""
        return sum(session.socket is not None for session in self.sessions.values())

    def send_event(self, event: str, data: Json) -> None:
        """Send an event to every session; a disconnected one gets it when it resumes."""
        self._run(self._dispatch(event, data))

    # The wire

    def _typed(self, name: str, options: Json, focused: str, permissions: int) -> Json:
        first, *below = name.split()
        command = self._registered(first, 1, permissions)
        level, groups = command.get("options", []), []
        for word in below:
            groups.append({option["name"]: option for option in level}[word])
            level = groups[-1].get("options", [])
        known = {option["name"]: option for option in level}
        needed = {name for name, option in known.items() if option.get("required")}
        incomplete = any(option["type"] in (1, 2) for option in level)
        if (
            incomplete
            or not options.keys() <= known.keys()
            or not (focused or needed <= options.keys())
        ):
            raise LookupError(f"{name} takes {sorted(known)} and needs {sorted(needed)}")
        given: list[Json] = [
            {"name": name, "type": known[name]["type"], "value": value}
            | ({"focused": True} if name == focused else {})
            for name, value in options.items()
        ]
        for group in reversed(groups):
            given = [{"name": group["name"], "type": group["type"], "options": given}]
        return {"id": command["id"], "name": first, "type": 1, "options": given, "resolved": {}}

    def _registered(self, name: str, kind: int, permissions: int) -> Json:
        """A registered command, if Discord offers it to a person with these permissions."""
        for command in self.commands:
            need = int(command.get("default_member_permissions") or 0)
            if (command["name"], command["type"]) == (name, kind) and permissions & need == need:
                return command
        raise LookupError(f"{name} is not offered; there are {[c['name'] for c in self.commands]}")

    def _interact(
        self, kind: int, data: Json, channel: str, user: str, permissions: int = ALL_PERMISSIONS,
        message: Json | None = None,
    ) -> Ack:  # fmt: skip
        where = self.channels[channel or next(iter(self.channels))]
        may = str((self.channels[where.parent] if where.parent else where).permissions)
        token = uuid.uuid4().hex
        event: Json = {
            "id": self._id(),
            "application_id": APP_ID,
            "type": kind,
            "token": token,
            "version": 1,
            "channel_id": where.id,
            "channel": self._described(where),
            "data": data,
            "locale": "en-GB",
            "app_permissions": may,
            "entitlements": [],
            "authorizing_integration_owners": {"0": GUILD_ID},
            "attachment_size_limit": 10485760,
            **({"message": message} if message else {}),
        }
        if where.type == DIRECT:
            event |= {"user": user_json(user), "context": 1}
        else:
            event |= {"member": member_json(user, permissions), "guild_id": where.guild}
            event["context"] = 0

        async def send_and_wait() -> Ack:
            acked: asyncio.Future[Json] = self._loop.create_future()
            pending = self._interactions[token] = PendingInteraction(
                event["id"], kind, where.id, message, acked
            )
            await self._dispatch("INTERACTION_CREATE", event)
            await asyncio.wait([acked], timeout=self.ack_timeout_seconds)
            reply = acked.result() if acked.done() else {}
            return Ack(reply.get("type"), reply.get("data") or {}, pending.answers)

        ack: Ack = self._run(send_and_wait())
        return ack

    async def _attachment(self, request: web.Request) -> web.StreamResponse:
        """A file, to anybody who knows its address."""
        route = f"{request.method} {request.path}"
        faults = (waiting for pattern, waiting in self._faults if fnmatchcase(route, pattern))
        waiting = next(filter(None, faults), None)
        fault = str(waiting.popleft()) if waiting else ""
        token = request.headers.get("Authorization", "")
        status = int(fault.removeprefix("http_")) if fault.startswith("http_") else 200
        self.calls.append(Call(route, token, status, time.time()))
        if fault == "hang":
            await self._closing.wait()
        if fault == "redirect":
            return web.Response(status=302, headers={"Location": self.elsewhere})
        content = self.dropped.get(request.path_qs)
        if status != 200 or content is None:
            return web.Response(status=404 if content is None else status)
        if fault != "unsized":
            return web.Response(content_type="text/x-bibtex", body=content)
        return await send_unsized(request, content)

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        path = request.path.removeprefix("/api/v10/")
        route = f"{request.method} /{path}"
        body = await _body(request)
        faults = (waiting for pattern, waiting in self._faults if fnmatchcase(route, pattern))
        waiting = next(filter(None, faults), None)
        fault = waiting.popleft() if waiting else ""
        at, headers, answer, status = time.time(), {}, None, 0
        try:
            self._fail(fault)
            if fault == "hang":
                await self._closing.wait()
            if fault not in ("disconnect", "hang"):
                headers = self._admit(request, path)
                answer = self.handle_request(request.method, path.split("/"), body, request.query)
                status = 204 if answer is None else 200
        except DiscordError as refusal:
            status, answer, headers = refusal.status, refusal.body, refusal.headers
        if fault in ("lost_reply", "disconnect", "hang"):
            status = 0
            if request.transport:
                request.transport.close()
        self.calls.append(Call(route, body, status, at))
        # Exactly this type: discord.py reads JSON with a charset as text.
        content = b"" if answer is None else json.dumps(answer).encode()
        typed = {} if answer is None else {"Content-Type": "application/json"}
        return web.Response(status=status or 200, body=content, headers=typed | headers)

    def _fail(self, fault: Fault) -> None:
        if isinstance(fault, tuple):
            raise DiscordError(*fault)
        if fault.startswith("http_"):
            raise DiscordError(int(fault.removeprefix("http_")))
        if fault == "banned":
            raise DiscordError(429, 0, "You are being blocked")
        if fault == "ratelimited":
            raise self._limited(self._wait)

    def _limited(self, wait: float, **headers: str) -> DiscordError:
        refusal = DiscordError(429, 0, "You are being rate limited.")
        refusal.body |= {"retry_after": wait, "global": False}
        refusal.headers = {"Via": "1.1 google", "Retry-After": f"{wait:.3f}"} | headers
        return refusal

    def _admit(self, request: web.Request, path: str) -> dict[str, str]:
        """The headers of the rate limit. Raises DiscordError for a wrong token or too many
        messages."""
        token = request.headers.get("Authorization", "")
        open_to_all = path.startswith(("interactions/", "webhooks/"))
        if not open_to_all and token != f"Bot {self.token or token.removeprefix('Bot ')}":
            raise DiscordError(401, 0, "401: Unauthorized")
        if not self.rate_limit or request.method != "POST" or not path.endswith("/messages"):
            return {}
        # A bucket is full again all at once, when so long has passed since its first message.
        now, (begun, posted) = time.monotonic(), self._posted[path]
        if now - begun >= self.rate_window_seconds:
            begun, posted = now, 0
        left = self.rate_limit - posted
        reset = math.ceil(1000 * (begun + self.rate_window_seconds - now)) / 1000
        headers = {
            "X-RateLimit-Limit": str(self.rate_limit),
            "X-RateLimit-Bucket": "messages",
            "X-RateLimit-Remaining": str(max(0, left - 1)),
            "X-RateLimit-Reset-After": f"{reset:.3f}",
            "X-RateLimit-Reset": f"{time.time() + reset:.3f}",
        }
        if left <= 0:
            raise self._limited(reset, **headers)
        self._posted[path] = begun, posted + 1
        return headers

    async def _listen(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": 10, "d": {"heartbeat_interval": 41250}})
        session: Session | None = None
        async for frame in socket:
            if frame.type is not WSMsgType.TEXT:
                continue
            payload = json.loads(frame.data)
            op, data = payload["op"], payload["d"]
            if op == 1:
                await socket.send_json({"op": 11, "d": None})
            elif op in (2, 6) and self.token and data["token"] != self.token:
                await socket.close(code=4004)
            elif op == 2:
                session = await self._identify(socket, data)
            elif op == 6 and (session := self.sessions.get(data["session_id"])):
                for event in session.events[data["seq"] :]:
                    await socket.send_json(event)
                session.socket = socket
                await self._send(session, "RESUMED", {})
            elif op == 6:
                await socket.send_json({"op": 9, "d": False})
        if session and session.socket is socket:
            session.socket = None
        return socket

    async def _identify(self, socket: web.WebSocketResponse, data: Json) -> Session:
        id = uuid.uuid4().hex
        number, count = data.get("shard") or (0, 1)
        session = self.sessions[id] = Session(socket=socket, shard=(number, count))
        guilds = [{"id": GUILD_ID, "unavailable": True}] * session.has(GUILD_ID)
        ready = {"v": 10, "user": BOT, "guilds": guilds, "shard": [number, count]}
        ready |= {"session_id": id, "resume_gateway_url": self.gateway}
        await self._send(session, "READY", ready | {"application": {"id": APP_ID, "flags": 0}})
        if guilds:
            await self._send(session, "GUILD_CREATE", self._guild())
        return session

    async def _dispatch(self, event: str, data: Json) -> None:
        guild = data["id"] if event.startswith("GUILD_C") else data.get("guild_id")
        for session in self.sessions.values():
            if session.has(str(guild or "")):
                await self._send(session, event, data)

    async def _send(self, session: Session, event: str, data: Json) -> None:
        frame = {"op": 0, "t": event, "s": len(session.events) + 1, "d": data}
        session.events.append(frame)
        if session.socket:
            with suppress(ConnectionError):  # it was dropped meanwhile
                await session.socket.send_json(frame)

    async def _each_socket(self, frame: Json | None) -> None:
        """Send every socket a frame; without a frame, abort it."""
        for id, session in list(self.sessions.items()):
            if frame and frame["op"] == 9:
                del self.sessions[id]
            if session.socket and frame:
                await session.socket.send_json(frame)
            elif session.socket and (request := session.socket._req):
                session.socket = None
                if request.transport:
                    request.transport.abort()

    def _run(self, task: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(task, self._loop).result(TIMEOUT_SECONDS)

    async def _serve(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_get("/gateway/", self._listen)
        app.router.add_get("/ephemeral-attachments/{path:.*}", self._attachment)
        app.router.add_route("*", "/api/v10/{path:.*}", self._rest)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host = f"127.0.0.1:{runner.addresses[0][1]}"
        self.api, self.gateway = f"http://{host}/api/v10", f"ws://{host}/gateway/"
        return runner

    def open(self) -> None:
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self._runner = self._run(self._serve())

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self.drop_connections()
        self._run(self._runner.cleanup())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _body(request: web.Request) -> Any:
    """A request's JSON; with files, each attachment has its file's bytes."""
    if request.content_type != "multipart/form-data":
        text = await request.text()
        return json.loads(text) if text else {}
    parts = await request.post()
    body = json.loads(str(parts["payload_json"]))
    for attachment in body["attachments"]:
        file: Any = parts[f"files[{attachment['id']}]"]
        attachment["file"] = file.file.read().hex()
    return body


@contextmanager
def run_fake_discord() -> Iterator[FakeDiscord]:
    """Discord, listening on a free port until the block ends."""
    server = FakeDiscord()
    server.open()
    try:
        yield server
    finally:
        server.close()
