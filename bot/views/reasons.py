"""Every typed reason in words, for people."""

from __future__ import annotations

from bot.arxiv.text import one_line, shortened
from bot.domain.papers import Problem
from bot.domain.reasons import ArxivReason, ChannelReason, ModelReason, PaperReason, Reason

REASON_TEXTS: dict[Reason, str] = {
    ArxivReason.BAD_QUERY: "arXiv does not know a category of this profile",
    ArxivReason.NOT_A_FEED: "arXiv sent something that is not a list of papers",
    ArxivReason.TRUNCATED: "arXiv's list was cut off in transit",
    ArxivReason.MALFORMED: "arXiv's list could not be read",
    ArxivReason.EMPTY_WEEKDAY: "arXiv's list is empty on a weekday: a holiday, a quiet "
    "category or a passing fault, which cannot be told apart yet",
    ArxivReason.STALE: "arXiv still shows the list before",
    ArxivReason.LIST_CUT: "arXiv's list is cut at 2,000 papers, some new ones may be missing",
    ArxivReason.FORBIDDEN: "arXiv refuses to answer this machine",
    ArxivReason.THROTTLED: "arXiv asks for fewer requests",
    ArxivReason.SERVER_ERROR: "arXiv has a fault of its own",
    ArxivReason.TIMEOUT: "arXiv did not answer in time",
    ArxivReason.UNREACHABLE: "arXiv cannot be reached",
    ArxivReason.MIXED_DAYS: "the saved feeds are of different days",
    ArxivReason.NO_LIST: "arXiv has no list of that day, or not yet",
    ModelReason.NO_KEY: "the worker has no OPENAI_API_KEY",
    ModelReason.BAD_KEY: "the model's server does not accept the key",
    ModelReason.UNKNOWN_MODEL: "the model's server does not know the model",
    ModelReason.QUOTA: "the model's account has run out of credit",
    ModelReason.MODEL_DOWN: "model down",
    ModelReason.MODEL_BUSY: "model down: its server asks for fewer requests",
    ModelReason.MODEL_SLOW: "model down: no answer in time (PAPERBOY_CALL_SECONDS)",
    ModelReason.MODEL_REFUSED: "the model refused",
    ModelReason.NOT_ADMITTED: "the model's server does not let Paperboy in",
    ModelReason.WRONG_ADDRESS: "there is no model's server at OPENAI_BASE_URL",
    ModelReason.CONTENT_FILTER: "the content filter of the model's server stopped it",
    ModelReason.TOO_LONG: "it is longer than the model can read",
    ModelReason.CUT_OFF: "the model's answer was cut off before it was whole",
    ModelReason.BAD_REPLY: "the model's answer could not be read",
    ModelReason.STILL_AT_IT: "Paperboy's workers are not done yet, or not running",
    ModelReason.LEFT_OUT: "the model's answer left it out",
    ModelReason.NO_BUDGET: "the money or the calls allowed for it are spent",
    PaperReason.NOT_FOUND: "arXiv shows no such paper",
    PaperReason.UNPROVEN: "nothing the model said could be found in the paper",
    ChannelReason.ARCHIVED: "the channel is archived",
    ChannelReason.NOT_A_MEMBER: "Paperboy is not a member of the channel",
    ChannelReason.CHANNEL_GONE: "the channel is gone, or Paperboy may not see it",
    ChannelReason.MAY_NOT_POST: "Paperboy may not post in the channel",
    ChannelReason.BAD_TOKEN: "Paperboy's token is not accepted any more",
    ChannelReason.NO_SCOPE: "Paperboy lacks a permission",
    ChannelReason.CHAT_DOWN: "the chat service does not answer",
    ChannelReason.CHAT_BUSY: "the chat service asks for fewer messages",
    ChannelReason.BAD_MESSAGE: "the chat service refuses the message",
    ChannelReason.MESSAGE_GONE: "somebody deleted the message or its thread",
    ChannelReason.THREAD_LOCKED: "the thread is locked",
    ChannelReason.NOT_EDITABLE: "the chat service does not let the message be changed any more",
}


def problem_text(found: Problem) -> str:
    """The typed reason, with the other side's own words when there are any."""
    detail = shortened(one_line(found.detail), 300).rstrip(".")
    return f"{REASON_TEXTS[found.trouble]} ({detail})" if detail else REASON_TEXTS[found.trouble]
