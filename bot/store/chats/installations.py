"""Redis: the Slack workspaces that installed Paperboy, with their sealed tokens, and which begun
installations came back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from pydantic import Field
from redis import Redis

from bot.domain.papers import Value
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import reader_for

_INSTALLATIONS: Final = "pb:installations"
# For how long somebody may take to say yes.
STATE_LIFETIME: Final = timedelta(minutes=10)


class Installation(Value):
    """Paperboy in one workspace, by its id: its name and web address, the bot's user there, and
    when it was installed. `sealed` are the tokens (bot.slack.tokens), which `expire` where
    Slack rotates them. `refused`: Slack says that the token is dead, and is not asked with it
    again."""

    team: str = Field(pattern=r"^[A-Z0-9]{1,20}$")
    name: str
    site: str
    bot_user_id: str
    at: datetime
    sealed: str
    expire: datetime | None = None
    refused: bool = False

    @property
    def key(self) -> str:
        return _key(self.team)


class Installations:
    """By team. Each is kept until it ends, or its workspace is forgotten."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self._redis, self._rows = redis, ValueReader(redis)

    def put(self, installation: Installation) -> None:
        """Replaces an earlier one of the same workspace."""
        self.change(installation.team, lambda _: installation)

    def get(self, team: str) -> Installation | None:
        """None where Paperboy is not installed."""
        return self._rows.hget(_INSTALLATIONS, _key(team), reader_for(Installation))

    def all(self) -> list[Installation]:
        """Of all workspaces, in a fixed order."""
        rows = self._rows.hgetall_sorted(_INSTALLATIONS, reader_for(Installation))
        return list(rows.values())

    def change(
        self, team: str, updated: Callable[[Installation | None], Installation | None]
    ) -> Installation | None:
        """Change it in one step, by what it is now (None: end it); returns what it is then."""
        return self._rows.change(_INSTALLATIONS, _key(team), Installation, updated)[1]

    def replace(self, before: Installation, after: Installation | None) -> Installation | None:
        """Change it, unless it was installed anew or renewed meanwhile; returns what it is then."""
        return self.change(before.team, lambda now: after if now == before else now)


class InstallStates:
    """What begun installations came back from Slack, each of which counts once. Nothing is stored
    of those that don't: anybody may begin as many as they like."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def take(self, name: str) -> bool:
        """True for the first who takes it (32 hexadecimal digits)."""
        key, mine = f"pb:install-state:{name}", uuid4().hex
        # It can come back a little before it was begun, by the clock of another host.
        is_set = self._redis.set(key, mine, nx=True, ex=2 * STATE_LIFETIME)
        # Where the answer was lost, redis-py has asked again, and found what it had set.
        return bool(is_set) or self._redis.get(key) == mine


def _key(team: str) -> str:
    """As Address.workspace_key."""
    return f"slack:{team}"
