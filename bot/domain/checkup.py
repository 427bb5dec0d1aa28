"""What was found out about the model and the chats: nouns for `paperboy doctor`."""

from __future__ import annotations

from datetime import datetime

from bot.domain.digest import Usage
from bot.domain.papers import Value
from bot.domain.reasons import ModelReason


class ModelCheckup(Value):
    """`model` None: nothing is set, papers are ranked locally. `shape` is how the server was asked
    with success, `bounded` whether its answers can be limited in length, where a budget asks for
    that; `trouble` what stood in the way, with its sentence in `detail`, and `address` where the
    server was found instead."""

    model: str | None
    server: str
    key: bool
    reply_format: str | None = None
    can_limit_length: bool = True
    seconds: float = 0.0
    usage: Usage = Usage()
    reason: ModelReason | None = None
    detail: str = ""
    working_address: str = ""


class ServerCheckup(Value):
    """The server's name and version, whether what it holds outlives it, and what it does when its
    memory is used up (maxmemory-policy)."""

    server: str
    persistent: bool
    policy: str


class Outage(Value):
    """Something outside that does not serve us, why, and since when (UTC); it is being tried."""

    what: str
    why: str
    since: datetime


class SlackCheckup(Value):
    """The token's workspace and bot, and what is missing. `trouble` and `app_trouble` are what the
    bot token and the app token cannot, as Slack says it; `unheard` the kinds of events that never
    came yet."""

    team: str = ""
    bot: str = ""
    bot_token_error: str = ""
    missing_scopes: tuple[str, ...] = ()
    app_token_error: str = ""
    by: str = ""
    unseen_events: tuple[str, ...] = ()

    @property
    def ready(self) -> bool:
        return not (self.bot_token_error or self.missing_scopes or self.app_token_error)
