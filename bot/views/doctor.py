"""What `paperboy doctor` says of the model and the chats: a sentence for each thing."""

from __future__ import annotations

from collections.abc import Sequence

from bot.arxiv.text import one_line
from bot.domain.checkup import ModelCheckup, ServerCheckup, SlackCheckup
from bot.domain.message import Message
from bot.views.digest import usage_text
from bot.views.reasons import REASON_TEXTS

_SHAPES = {
    "json_schema": "it answers by a JSON schema, which is best",
    "json_object": "it cannot be held to a schema, it answers in JSON",
    "text": "it answers in plain text only, which is read as far as it can be",
}


def checkup_text(found: ModelCheckup) -> Message:
    """Key, server, model, and what the server can do: a sentence each."""
    if found.model is None:
        nothing = "key: none is set, so papers are ranked locally; set OPENAI_API_KEY."
        return Message(title="No model is set up.", text=(nothing,))
    rows = [
        "key: OPENAI_API_KEY is set."
        if found.key
        else "key: none is set; this server may want one."
    ]
    rows.append(f"server: {found.server}.")
    if found.detail:
        rows.append(f"model: {found.model} — {found.detail}")
    elif found.reason:
        rows.append(f"model: {found.model} answers, but {REASON_TEXTS[found.reason]}.")
    else:
        rows.append(
            f"model: {found.model} judged a paper in {found.seconds:.1f} s: "
            f"{usage_text(found.usage)}."
        )
    if found.working_address:
        rows.append(
            f"address: it answers at {found.working_address}; write that into OPENAI_BASE_URL."
        )
    if found.reply_format:
        rows.append(f"replies: {_SHAPES[found.reply_format]}.")
    if not found.can_limit_length:
        rows.append(
            "budget: the server takes no limit for the length of an answer, so that a call may "
            "cost more than was set aside for it."
        )
    title = "Something is wrong with the model." if found.reason else "The model is ready."
    return Message(title=title, text=tuple(rows))


def server_text(status: ServerCheckup) -> Message:
    """Whether what was done survives the server's death."""
    rows = []
    if not status.persistent:
        rows.append(
            f"{status.server} keeps nothing on disk: what Paperboy promised is lost with it. Set "
            "appendonly yes."
        )
    if status.policy != "noeviction":
        rows.append(
            f"{status.server} may forget anything when its memory is used up "
            f"(maxmemory-policy {status.policy}). Set noeviction."
        )
    title = "Something is wrong with the server." if rows else "The server keeps what it is told."
    return Message(title=title, text=tuple(rows))


def slack_text(found: SlackCheckup) -> Message:
    """Tokens, scopes, and whether events come."""
    rows = []
    if found.bot_token_error:
        rows.append(f"bot token: {found.bot_token_error} Copy it again from OAuth & Permissions.")
    else:
        team, bot = one_line(found.team), one_line(found.bot)
        rows.append(f"bot token: it is for the workspace {team}, as @{bot}.")
        if found.missing_scopes:
            scopes = ", ".join(found.missing_scopes)
            rows.append(f"scopes: {scopes} missing; add under OAuth & Permissions, install again.")
        else:
            rows.append("scopes: all there.")
    if found.app_token_error:
        rows.append(f"events: {found.app_token_error}")
    else:
        rows.append(f"events: they come by {found.by}.")
    if found.ready and found.unseen_events:
        rows.append(
            f"events: none of these has come yet: {', '.join(found.unseen_events)}. "
            "If you tried them, compare the app's settings with manifest.json."
        )
    title = "Slack is ready." if found.ready else "Something is wrong with Slack."
    return Message(title=title, text=tuple(rows))


def discord_text(well: bool, said: Sequence[str]) -> Message:
    title = "Discord is ready." if well else "Something is wrong with Discord."
    return Message(title=title, text=tuple(said))


def slack_not_set_up() -> str:
    return "Set SLACK_APP_TOKEN (Socket Mode), or SLACK_SIGNING_SECRET (HTTP)."


def no_bot_token() -> str:
    return "Slack needs SLACK_BOT_TOKEN (xoxb-...) besides; copy it from OAuth & Permissions."


def not_a_discord_token() -> str:
    return "DISCORD_TOKEN is another service's token; copy Discord's from Bot, Reset Token."


def not_this_kind(name: str, prefix: str) -> str:
    return f"{name} should begin with {prefix}; this is another kind of token."


def app_token_refused(why: str) -> str:
    return f"SLACK_APP_TOKEN: {why} Make an app-level token with the scope connections:write."
