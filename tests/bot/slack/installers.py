"""People who install Paperboy in their workspaces: browsers, and a bot that serves several."""

from __future__ import annotations

import html
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from pydantic import SecretStr

from bot.settings import Settings
from tests.bot.slack.conversations import HUSH, serving
from tests.ports import free_port
from tests.servers.fake_slack_app import CLIENT_ID, CLIENT_SECRET, SIGNING, FakeSlackApp
from tests.waiting import TIMEOUT_SECONDS

KEY, OTHER_KEY = f"{HUSH}A".ljust(43, "A") + "=", "B" * 43 + "="


class Shown(NamedTuple):
    """A page, as text and as it came."""

    status: int
    text: str
    source: str
    headers: dict[str, str]

    @property
    def link(self) -> str:
        """Where its button leads."""
        return html.unescape(re.findall(r'href="([^"]+)"', self.source)[-1])


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *args: Any) -> None:
        return None


class Browser:
    """Keeps cookies, and follows nothing by itself."""

    def __init__(self, bot: str) -> None:
        self._bot, self.cookies = bot, dict[str, str]()
        self._opener = urllib.request.build_opener(_Stay)

    def open(self, url: str) -> Shown:
        """A page, by its address or its path at the bot."""
        address = url if "://" in url else self._bot + url
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        request = urllib.request.Request(address, headers={"Cookie": cookies})
        try:
            with self._opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
                return self._shown(answer)
        except urllib.error.HTTPError as error:
            with error:
                return self._shown(error)

    def _shown(self, answer: Any) -> Shown:
        for each in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = each.partition(";")[0].partition("=")
            self.cookies[name] = value
        source = answer.read().decode()
        plain = re.sub(r"<style>.*?</style>|<[^>]+>", " ", source)
        text = html.unescape(re.sub(r"\s+", " ", plain)).strip()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Shown(answer.status, text, source, headers)


class Door(NamedTuple):
    """A bot's port, and Slack."""

    url: str
    slack: FakeSlackApp

    def browser(self) -> Browser:
        return Browser(self.url)

    def install(self, team: str) -> Shown:
        """Somebody of a workspace installs it; returns the last page."""
        browser = self.browser()
        begun = browser.open("/slack/install")
        return browser.open(self.slack.consent(begun.link, team))


def settings(slack: FakeSlackApp, **fields: Any) -> Settings:
    """Of an installation for several workspaces, by HTTP."""
    return Settings.model_validate(_fields(slack, **fields))


def _fields(slack: FakeSlackApp, **fields: Any) -> dict[str, Any]:
    return {
        "slack_bot_token": None,
        "slack_app_token": None,
        "slack_signing_secret": SecretStr(SIGNING),
        "slack_client_id": CLIENT_ID,
        "slack_client_secret": SecretStr(CLIENT_SECRET),
        "slack_api_url": slack.url,
        "secrets_key": SecretStr(KEY),
    } | fields


@contextmanager
def open_door(redis_url: str, slack: FakeSlackApp, **fields: Any) -> Iterator[Door]:
    """The bot, in a thread, with its pages and, unless the fields say otherwise, events by HTTP."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    slack.redirect_url = f"{url}/slack/oauth_redirect"
    by_socket = bool(fields.get("slack_app_token"))
    slack.events_url = "" if by_socket else f"{url}/slack/events"
    given = _fields(slack, port=port, **fields)
    with serving(redis_url, slack._first, **given):
        door = Door(url, slack)
        slack._first.wait_until(lambda: _is_open(url) and (slack.sockets or not by_socket))
        yield door


def _is_open(url: str) -> bool:
    try:
        return Browser(url).open("/healthz").status == 200
    except urllib.error.URLError:
        return False
