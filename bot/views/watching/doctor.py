"""`paperboy doctor`: the model, the database, Slack and Discord; a sentence for each thing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from bot.arxiv.text import one_line
from bot.domain.message import Message
from bot.domain.watching.checkup import ModelCheckup, ServerCheckup, SlackCheckup
from bot.views.digest import usage_text
from bot.views.reasons import REASON_TEXTS

_SHAPES = {
    "bounded_schema": "JSON by a schema, which is best",
    "json_schema": "JSON by a schema, which is best",
    "json_object": "JSON, but the server can't enforce a schema",
    "text": "plain text only, which Paperboy reads as well as it can",
}


def checkup_text(found: ModelCheckup) -> Message:
    """Key, server, model, and what the server supports: a sentence each."""
    if found.model is None:
        nothing = "key: not set, so papers are ranked locally. To use a model, set OPENAI_API_KEY."
        return Message(title="No model is set up.", text=(nothing,))
    rows = [
        "key: OPENAI_API_KEY is set." if found.key else "key: not set; this server may need one."
    ]
    rows.append(f"server: {found.server}.")
    if found.detail:
        rows.append(f"model: {found.model} — {found.detail}")
    elif found.reason:
        rows.append(f"model: {found.model} answers, but {REASON_TEXTS[found.reason]}.")
    else:
        rows.append(
            f"model: {found.model} scored a paper in {found.seconds:.1f} s: "
            f"{usage_text(found.usage)}."
        )
    if found.working_address:
        rows.append(
            f"address: the server answers at {found.working_address}. Set OPENAI_BASE_URL to that."
        )
    if found.reply_format:
        rows.append(f"replies: {_SHAPES[found.reply_format]}.")
    if not found.can_limit_length:
        rows.append(
            "budget: the server can't limit the length of an answer, so a call may cost more than "
            "was reserved for it."
        )
    title = "Something is wrong with the model." if found.reason else "The model is ready."
    return Message(title=title, text=tuple(rows))


def server_text(status: ServerCheckup) -> Message:
    """Whether the database keeps its data."""
    rows = []
    if not status.persistent:
        rows.append(
            f"{status.server} saves nothing to disk: all is lost when it stops. Set appendonly yes."
        )
    if status.policy != "noeviction":
        rows.append(
            f"{status.server} may delete data when its memory is full "
            f"(maxmemory-policy {status.policy}). Set noeviction."
        )
    title = "Something is wrong with the database." if rows else "The database is ready."
    return Message(title=title, text=tuple(rows))


def slack_text(found: SlackCheckup) -> Message:
    """Tokens, scopes and events: a sentence each."""
    rows = list[str]()
    if found.installed is not None:
        rows += _installed_rows(found.installed, found)
    elif found.bot_token_error:
        rows.append(f"bot token: {found.bot_token_error} Copy it again from OAuth & Permissions.")
    else:
        team, bot = one_line(found.team), one_line(found.bot)
        rows.append(f"bot token: for the workspace {team}, as @{bot}.")
        if found.missing_scopes:
            scopes = ", ".join(found.missing_scopes)
            rows.append(f"scopes: {scopes} missing. Add under OAuth & Permissions, then reinstall.")
        else:
            rows.append("scopes: complete.")
    if found.app_token_error:
        rows.append(f"events: {found.app_token_error}")
    else:
        rows.append(f"events: they arrive over {found.by}.")
    if found.ready and found.unseen_events:
        rows.append(
            f"events: not received yet: {', '.join(found.unseen_events)}. "
            "If you tried them, compare the app's settings with manifest.json."
        )
    title = "Slack is ready." if found.ready else "Something is wrong with Slack."
    return Message(title=title, text=tuple(rows))


def _installed_rows(installed: Sequence[str], found: SlackCheckup) -> Iterator[str]:
    if found.bot_token_error:
        yield f"workspaces: {found.bot_token_error}"
        return
    names = ", ".join(map(one_line, installed))
    yield f"workspaces: {names or 'none yet; open https://.../slack/install'}."
    for name, why in found.unserved:
        yield f"workspace {one_line(name)}: {one_line(why)}"


def discord_text(well: bool, said: Sequence[str]) -> Message:
    title = "Discord is ready." if well else "Something is wrong with Discord."
    return Message(title=title, text=tuple(said))


def slack_not_set_up() -> str:
    return "Set SLACK_APP_TOKEN (Socket Mode), or SLACK_SIGNING_SECRET (HTTP)."


def operator_without_chat(chat: str) -> str:
    return f"PAPERBOY_OPERATOR_CHANNEL is in {chat}, which has no token. Set one, or another."


def operator_text(why: str) -> Message:
    """Whether the operator's channel can be told; `why` not, empty where it can."""
    if why:
        row = f"{why} Invite Paperboy into the channel, or set PAPERBOY_OPERATOR_CHANNEL anew."
        return Message(title="The operator's channel can't be told.", text=(row,))
    row = "operator: a message could be posted there, and was deleted again."
    return Message(title="The operator's channel is ready.", text=(row,))


def operator_check() -> Message:
    return Message(title="paperboy doctor looks whether it may post here; this goes at once.")


def wrong_workspace() -> str:
    return "PAPERBOY_OPERATOR_CHANNEL is in another workspace than SLACK_BOT_TOKEN."


def no_bot_token() -> str:
    return "Slack also needs SLACK_BOT_TOKEN (xoxb-...). Copy it from OAuth & Permissions."


def one_or_many() -> str:
    return (
        "SLACK_BOT_TOKEN is for one workspace, SLACK_CLIENT_ID and SLACK_CLIENT_SECRET are for "
        "several. Remove one or the other."
    )


def half_a_client() -> str:
    return (
        "Several Slack workspaces need both SLACK_CLIENT_ID and SLACK_CLIENT_SECRET. Copy them "
        "from Basic Information."
    )


def no_key_for_tokens() -> str:
    return (
        "Several Slack workspaces need PAPERBOY_SECRETS_KEY, which their tokens are stored with. "
        "head -c 32 /dev/urandom | base64 | tr +/ -_ makes one."
    )


def not_a_discord_token() -> str:
    return "DISCORD_TOKEN is another service's token. Copy Discord's from Bot, Reset Token."


def not_this_kind(name: str, prefix: str) -> str:
    return f"{name} should begin with {prefix}; this is another kind of token."


def app_token_refused(why: str) -> str:
    return f"SLACK_APP_TOKEN: {why} Make an app-level token with the scope connections:write."
