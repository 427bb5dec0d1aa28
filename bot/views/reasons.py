"""Every typed reason as a clause of a sentence."""

from __future__ import annotations

from bot.arxiv.text import one_line, shortened
from bot.domain.papers import Problem
from bot.domain.reasons import (
    AWAY,
    ArxivReason,
    ChannelReason,
    ModelReason,
    PaperReason,
    Reason,
)

REASON_TEXTS: dict[Reason, str] = {
    ArxivReason.BAD_QUERY: "arXiv doesn't know one of this profile's categories",
    ArxivReason.NOT_A_FEED: "arXiv sent something that isn't a list of papers",
    ArxivReason.TRUNCATED: "arXiv's list was cut off in transit",
    ArxivReason.MALFORMED: "arXiv's list couldn't be read",
    ArxivReason.EMPTY_WEEKDAY: "arXiv's list is empty on a weekday, which may be a "
    "holiday, a quiet category or a passing fault",
    ArxivReason.STALE: "arXiv still shows the previous list",
    ArxivReason.LIST_CUT: "arXiv's list stops at 2,000 papers, so some new ones may be missing",
    ArxivReason.FORBIDDEN: "arXiv refuses requests from this machine",
    ArxivReason.THROTTLED: "arXiv asks for fewer requests",
    ArxivReason.SERVER_ERROR: "arXiv reports an error on its side",
    ArxivReason.TIMEOUT: "arXiv didn't answer in time",
    ArxivReason.UNREACHABLE: "arXiv can't be reached",
    ArxivReason.MIXED_DAYS: "the saved feeds are from different days",
    ArxivReason.NO_LIST: "arXiv has no list for that day, or not yet",
    ModelReason.NO_KEY: "the workers have no OPENAI_API_KEY",
    ModelReason.BAD_KEY: "the model server rejects the API key",
    ModelReason.UNKNOWN_MODEL: "the model server doesn't know the model",
    ModelReason.QUOTA: "the model account is out of credit",
    ModelReason.MODEL_DOWN: "the model is down",
    ModelReason.MODEL_BUSY: "the model is busy: its server asks for fewer requests",
    ModelReason.MODEL_SLOW: "the model didn't answer in time (PAPERBOY_CALL_SECONDS)",
    ModelReason.MODEL_REFUSED: "the model refused to answer",
    ModelReason.NOT_ADMITTED: "the model server denies Paperboy access",
    ModelReason.WRONG_ADDRESS: "there is no model server at OPENAI_BASE_URL",
    ModelReason.CONTENT_FILTER: "the model server's content filter blocked it",
    ModelReason.TOO_LONG: "it is too long for the model",
    ModelReason.CUT_OFF: "the model's answer was cut off",
    ModelReason.BAD_REPLY: "the model's answer couldn't be read",
    ModelReason.STILL_AT_IT: "Paperboy's workers are still busy, or not running",
    ModelReason.LEFT_OUT: "the model left it out of its answer",
    ModelReason.NO_BUDGET: "the budget is used up",
    ModelReason.TOO_MANY_CLOSE: "too many papers of that day were as close",
    PaperReason.NOT_FOUND: "arXiv has no such paper",
    PaperReason.UNPROVEN: "none of the model's quotes is in the paper",
    ChannelReason.ARCHIVED: "the channel is archived",
    ChannelReason.NOT_A_MEMBER: "Paperboy isn't a member of the channel",
    ChannelReason.CHANNEL_GONE: "the channel is gone, or Paperboy can't see it",
    ChannelReason.MAY_NOT_POST: "Paperboy isn't allowed to post in the channel",
    ChannelReason.BAD_TOKEN: "Paperboy's token is no longer accepted",
    ChannelReason.NO_SCOPE: "Paperboy lacks a permission",
    ChannelReason.CHAT_DOWN: "the chat service doesn't answer",
    ChannelReason.CHAT_BUSY: "the chat service asks for fewer messages",
    ChannelReason.WORKSPACE_AWAY: "the workspace can't be reached just now",
    ChannelReason.BAD_MESSAGE: "the chat service rejected the message",
    ChannelReason.MESSAGE_GONE: "someone deleted the message or its thread",
    ChannelReason.THREAD_LOCKED: "the thread is locked",
    ChannelReason.NOT_EDITABLE: "the message can no longer be edited",
}


def ranked_locally(trouble: ModelReason) -> str:
    """What marks a paper that no model judged, and the list of such papers."""
    if trouble is ModelReason.NO_BUDGET:
        return "ranked locally: the budget was spent"
    if trouble in AWAY:
        return "ranked locally: the model was away"
    return "ranked locally: the model gave no usable answer"


def problem_text(found: Problem) -> str:
    """The typed reason, with the other side's own words when there are any."""
    detail = shortened(one_line(found.detail), 300).rstrip(".")
    return f"{REASON_TEXTS[found.trouble]} ({detail})" if detail else REASON_TEXTS[found.trouble]
