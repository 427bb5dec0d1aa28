"""What `paperboy doctor` finds out about the model, the server and the platforms; no I/O."""

from __future__ import annotations

from bot.domain.digest import Usage
from bot.domain.papers import Value
from bot.domain.reasons import ModelReason


class ModelCheckup(Value):
    """`model` is None where none is set: papers are ranked locally. `reply_format` is the one that
    the server supports, `can_limit_length` whether its answers can be limited in length, where a
    budget requires that; `reason` is why the check failed, with a sentence in `detail`, and
    `working_address` where the API was found instead."""

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
    """The Redis server's name and version, whether it persists its data, and its
    maxmemory-policy."""

    server: str
    persistent: bool
    policy: str


class SlackCheckup(Value):
    """The token's workspace and bot, and what is missing. The errors of the bot token and the app
    token are in Slack's words; `unseen_events` are the kinds of events that have never arrived.
    Where several workspaces install it: those whose token Slack takes (`installed`, by name), and
    those that can't be served, with why; None where one is served."""

    team: str = ""
    bot: str = ""
    bot_token_error: str = ""
    missing_scopes: tuple[str, ...] = ()
    app_token_error: str = ""
    by: str = ""
    unseen_events: tuple[str, ...] = ()
    installed: tuple[str, ...] | None = None
    unserved: tuple[tuple[str, str], ...] = ()

    @property
    def ready(self) -> bool:
        errors = self.bot_token_error or self.missing_scopes or self.app_token_error
        return not (errors or self.unserved)
