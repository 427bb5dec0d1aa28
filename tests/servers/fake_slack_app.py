"""Slack on loopback, as an app meets it that several workspaces install: OAuth, a token for each,
their exchange and their end. Each workspace is a FakeSlack of its own, behind one address."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import uuid
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import ClientError, ClientSession, web

from tests.servers.fake_slack import (
    ENVELOPE_FIELDS,
    STATUS,
    Call,
    FakeSlack,
    Json,
    abort,
    arguments,
    signature_headers,
)
from tests.servers.loops import begin, running_loop

CLIENT_ID, CLIENT_SECRET, SIGNING = "11.22", "hush-client-secret", "hush-signing-secret"


class FakeSlackApp:
    """`workspaces` by id. Events go to the sockets, or to `events_url`, signed. With `expires_in`
    seconds its tokens are rotated. `calls` are those of the app itself, `asked` each token that was
    used with the workspace (or the error) it led to."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *teams: str) -> None:
        self.url, self.events_url, self.redirect_url = "", "", ""
        self.workspaces = {team: FakeSlack(loop, team) for team in teams}
        first = self.workspaces[teams[0]]
        for each in self.workspaces.values():
            each.sockets, each._acks = first.sockets, first._acks
            each.carry = self._carry
        self.sockets = first.sockets
        self.expires_in, self.is_org_install = 0, False
        self.calls: list[Call] = []
        self.asked: list[tuple[str, str]] = []
        self.faults: deque[str] = deque()  # of the next calls of oauth.v2.access
        self._first, self._loop = first, loop
        self._tokens: dict[str, str] = {}  # what each leads to: a workspace, or an error
        self._refresh: dict[str, str] = {}
        self._codes: dict[str, str] = {}
        self._number = 0

    # -- people

    def consent(self, authorize_url: str, team: str) -> str:
        """Somebody of a workspace says yes; returns where their browser is sent."""
        query = parse_qs(urlsplit(authorize_url).query)
        assert query["client_id"] == [CLIENT_ID]
        code = f"code-{uuid.uuid4().hex}"
        self._codes[code] = team
        return self._back(query, code=code)

    def decline(self, authorize_url: str) -> str:
        return self._back(parse_qs(urlsplit(authorize_url).query), error="access_denied")

    def token_of(self, team: str) -> str:
        """The newest token of a workspace, empty where there is none."""
        return next((t for t, where in reversed(self._tokens.items()) if where == team), "")

    def end_tokens(self, team: str, why: str = "token_revoked") -> None:
        """All tokens of a workspace are answered with an error from now on."""
        for token, where in self._tokens.items():
            if where == team:
                self._tokens[token] = why
        if why != "token_expired":
            self._refresh = {t: where for t, where in self._refresh.items() if where != team}

    def uninstall(self, team: str, at: float | None = None) -> None:
        """An admin removes the app; both events arrive."""
        self.end_tokens(team)
        self.send_app_event(team, {"type": "app_uninstalled"}, at)
        self.send_app_event(team, self._revoked(team), at)

    def send_app_event(self, team: str, event: Json, at: float | None = None) -> bool:
        """An event about the app in a workspace; whether it was acknowledged."""
        return self.workspaces[team].send_envelope("events_api", self._about(team, event, at)).acked

    # -- Slack

    def _revoked(self, team: str) -> Json:
        bot = self.workspaces[team].bot_user
        return {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [bot]}}

    def _about(self, team: str, event: Json, at: float | None) -> Json:
        envelope = {"type": "event_callback", "team_id": team, "event": event}
        envelope["event_time"] = int(time.time() if at is None else at)
        return ENVELOPE_FIELDS | envelope | {"event_id": f"Ev{uuid.uuid4().hex[:9].upper()}"}

    def _back(self, query: dict[str, list[str]], **found: str) -> str:
        to = query.get("redirect_uri", [self.redirect_url])[0]
        return f"{to}?{urlencode({**found, 'state': query['state'][0]})}"

    def _issue(self, team: str) -> Json:
        self._number += 1
        kind = "xoxe.xoxb-1" if self.expires_in else "xoxb"
        token = f"{kind}-hush-{team}-{self._number}"
        self._tokens[token] = team
        found: Json = {"access_token": token, "token_type": "bot"}
        if self.expires_in:
            refresh = f"xoxe-1-hush-{team}-{self._number}"
            self._refresh[refresh] = team
            found |= {"expires_in": self.expires_in, "refresh_token": refresh}
        return found

    def _access(self, request: web.Request, given: Json) -> Json:
        """oauth.v2.access."""
        login = request.headers.get("Authorization", "").removeprefix("Basic ")
        if base64.b64decode(login).decode() != f"{CLIENT_ID}:{CLIENT_SECRET}":
            return {"ok": False, "error": "bad_client_secret"}
        if given.get("grant_type") == "refresh_token":
            team = self._refresh.pop(str(given.get("refresh_token")), "")
            if not team:
                return {"ok": False, "error": "invalid_refresh_token"}
        else:
            team = self._codes.pop(str(given.get("code")), "")
            if not team:
                return {"ok": False, "error": "invalid_code"}
        place = self.workspaces[team]
        return {
            "ok": True,
            **self._issue(team),
            "scope": place.scopes,
            "bot_user_id": place.bot_user,
            "app_id": "A1",
            "team": {"id": team, "name": f"Testers {team}"},
            "enterprise": {"id": "E1", "name": "Org"} if self.is_org_install else None,
            "is_enterprise_install": self.is_org_install,
            "authed_user": {"id": "U1"},
        }

    async def _api(self, request: web.Request) -> web.StreamResponse:
        method, given = request.match_info["method"], await arguments(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if method == "oauth.v2.access":
            fault = self.faults.popleft() if self.faults else "ok"
            self.calls.append(Call(method, given, time.monotonic(), fault))
            if fault == "disconnect":
                abort(request)
            if fault not in ("ok", "lost_reply"):
                return self._fault(fault)
            reply = self._access(request, given)
            if fault == "lost_reply":
                abort(request)
            return web.json_response(reply)
        if method == "apps.connections.open":
            link = self.url.replace("http", "ws", 1).replace("/api/", "/link")
            return web.json_response({"ok": True, "url": link})
        leads_to = self._tokens.get(token, "invalid_auth" if token else "not_authed")
        self.asked.append((token, leads_to))
        if leads_to not in self.workspaces:
            return web.json_response({"ok": False, "error": leads_to})
        if method == "auth.revoke":
            self._tokens[token] = "token_revoked"
            return web.json_response({"ok": True, "revoked": True})
        if method == "apps.uninstall":
            self.end_tokens(leads_to)
            for event in ({"type": "app_uninstalled"}, self._revoked(leads_to)):
                about = self._about(leads_to, event, None)
                envelope = {"type": "events_api", "payload": about, "envelope_id": uuid.uuid4().hex}
                self._loop.create_task(self._carry(envelope))
            return web.json_response({"ok": True})
        return await self.workspaces[leads_to].answer(request)

    def _fault(self, fault: str) -> web.Response:
        status = STATUS.get(fault, 200)
        if status >= 500:
            return web.Response(status=status, content_type="text/html", text="<html>Sorry</html>")
        headers = {"Retry-After": "30"} if status == 429 else {}
        return web.json_response({"ok": False, "error": fault}, status=status, headers=headers)

    async def _consent_page(self, request: web.Request) -> web.Response:
        """As Slack asks, for a browser."""
        asked = str(request.url)
        ways = {f"Allow in {team}": self.consent(asked, team) for team in self.workspaces}
        ways["Cancel"] = self.decline(asked)
        links = "".join(f'<p><a href="{escape(to)}">{name}</a></p>' for name, to in ways.items())
        text = f"<!DOCTYPE html><title>Slack</title><h1>May Paperboy come in?</h1>{links}"
        return web.Response(text=text, content_type="text/html")

    async def _carry(self, envelope: Json) -> tuple[bool, Json | None]:
        """By HTTP where there is an address for it, else by a socket."""
        if not self.events_url:
            return await self._first.by_socket(envelope)
        payload, kind = envelope["payload"], "application/x-www-form-urlencoded"
        if envelope["type"] == "events_api":
            body, kind = json.dumps(payload), "application/json"
        elif envelope["type"] == "interactive":
            body = urlencode({"payload": json.dumps(payload)})
        else:
            body = urlencode(payload)
        headers = {"Content-Type": kind, **signature_headers(SIGNING, body)}
        try:
            async with (
                ClientSession() as session,
                session.post(self.events_url, data=body.encode(), headers=headers) as answer,
            ):
                text = await answer.text()
        except ClientError:
            return False, None
        return answer.status == 200, json.loads(text) if text.startswith("{") else None

    async def _open(self) -> web.AppRunner:
        app = web.Application()
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_get("/oauth/v2/authorize", self._consent_page)
        app.router.add_get("/link", self._first.link)
        for team, place in self.workspaces.items():
            place.add_own_routes(app, f"/{team}")
        runner, host = await begin(app)
        self.url = f"http://{host}/api/"
        for team, place in self.workspaces.items():
            place.url = f"http://{host}/{team}/api/"
        return runner


@contextmanager
def run_fake_slack_app(*teams: str) -> Iterator[FakeSlackApp]:
    """Slack with these workspaces, listening on a free port until the block ends."""
    with running_loop() as loop:
        it = FakeSlackApp(loop, *teams)
        runner = it._first.run_in_loop(it._open())
        try:
            yield it
        finally:
            it._first.drop_connections()
            it._first.run_in_loop(runner.cleanup())
