"""Slack with two workspaces that install an app, by hand: a browser says yes, you type as people of
either, and one of them leaves.

python -m tests.servers.slack_workspaces
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from contextlib import contextmanager

from bot.slack.check import SCOPES
from tests.servers import by_hand
from tests.servers.fake_slack_app import (
    CLIENT_ID,
    CLIENT_SECRET,
    SIGNING,
    FakeSlackApp,
    run_fake_slack_app,
)
from tests.servers.slack import SlackConsole

_BOT = "http://127.0.0.1:3000"


class Workspaces:
    """T1 and T2, each as SlackConsole has one; events go to the bot on port 3000."""

    help = (
        f"open {_BOT}/slack/install in a browser; T1 or T2, then a line as for tests.servers.slack "
        "(T2 /digest list); uninstall T2; expire T2 (its token); fault NAME (of the next exchange)"
    )

    def __init__(self, slack: FakeSlackApp) -> None:
        self.slack = slack
        self.consoles = {team: SlackConsole(place) for team, place in slack.workspaces.items()}
        for place in slack.workspaces.values():
            place.scopes = ",".join(SCOPES)
        slack.events_url = f"{_BOT}/slack/events"
        slack.redirect_url = f"{_BOT}/slack/oauth_redirect"
        self.settings = {
            "SLACK_CLIENT_ID": CLIENT_ID,
            "SLACK_CLIENT_SECRET": CLIENT_SECRET,
            "SLACK_SIGNING_SECRET": SIGNING,
            "SLACK_API_URL": slack.url,
            "PAPERBOY_SECRETS_KEY": base64.urlsafe_b64encode(os.urandom(32)).decode(),
        }

    def do(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word in self.consoles:
            self.consoles[word].do(rest)
        elif word == "uninstall" and rest in self.consoles:
            self.slack.uninstall(rest)
        elif word == "expire" and rest in self.consoles:
            self.slack.end_tokens(rest, "token_expired")
        elif word == "fault":
            self.slack.faults.append(rest)
        else:
            raise LookupError(f"{word!r} is no command here; {self.help}")

    def news(self) -> Iterator[str]:
        for team, console in self.consoles.items():
            yield from (f"{team} {new}" for new in console.news())


@contextmanager
def slack_workspaces() -> Iterator[Workspaces]:
    with run_fake_slack_app("T1", "T2") as slack:
        yield Workspaces(slack)


if __name__ == "__main__":
    by_hand.run({"slack": slack_workspaces})
