"""Every typed reason in words, for people."""

from __future__ import annotations

from bot.arxiv.text import one_line, shortened
from bot.domain.papers import Problem, Reason

REASON_TEXTS = {
    Reason.BAD_QUERY: "arXiv does not know a category of this profile",
    Reason.NOT_A_FEED: "arXiv sent something that is not a list of papers",
    Reason.TRUNCATED: "arXiv's list was cut off in transit",
    Reason.MALFORMED: "arXiv's list could not be read",
    Reason.EMPTY_WEEKDAY: "arXiv's list is empty on a weekday: a holiday, a quiet category or a "
    "passing fault, which cannot be told apart yet",
    Reason.STALE: "arXiv still shows the list before",
    Reason.LIST_CUT: "arXiv's list is cut at 2,000 papers, some new ones may be missing",
    Reason.FORBIDDEN: "arXiv refuses to answer this machine",
    Reason.THROTTLED: "arXiv asks for fewer requests",
    Reason.SERVER_ERROR: "arXiv has a fault of its own",
    Reason.TIMEOUT: "arXiv did not answer in time",
    Reason.UNREACHABLE: "arXiv cannot be reached",
    Reason.MIXED_DAYS: "the saved feeds are of different days",
    Reason.NO_LIST: "arXiv has no list of that day, or not yet",
    Reason.NO_KEY: "the worker has no OPENAI_API_KEY",
    Reason.BAD_KEY: "the model's server does not accept the key",
    Reason.UNKNOWN_MODEL: "the model's server does not know the model",
    Reason.QUOTA: "the model's account has run out of credit",
    Reason.MODEL_DOWN: "model down",
    Reason.MODEL_BUSY: "model down: its server asks for fewer requests",
    Reason.MODEL_SLOW: "model down: no answer in time (PAPERBOY_CALL_SECONDS)",
    Reason.MODEL_REFUSED: "the model refused",
    Reason.NOT_ADMITTED: "the model's server does not let Paperboy in",
    Reason.WRONG_ADDRESS: "there is no model's server at OPENAI_BASE_URL",
    Reason.CONTENT_FILTER: "the content filter of the model's server stopped it",
    Reason.TOO_LONG: "it is longer than the model can read",
    Reason.CUT_OFF: "the model's answer was cut off before it was whole",
    Reason.BAD_REPLY: "the model's answer could not be read",
    Reason.STILL_AT_IT: "Paperboy's workers are not done yet, or not running",
    Reason.LEFT_OUT: "the model's answer left it out",
    Reason.NO_BUDGET: "the money or the calls allowed for it are spent",
    Reason.NOT_FOUND: "arXiv shows no such paper",
    Reason.UNPROVEN: "nothing the model said could be found in the paper",
    Reason.ARCHIVED: "the channel is archived",
    Reason.NOT_A_MEMBER: "Paperboy is not a member of the channel",
    Reason.CHANNEL_GONE: "the channel is gone, or Paperboy may not see it",
    Reason.MAY_NOT_POST: "Paperboy may not post in the channel",
    Reason.BAD_TOKEN: "Paperboy's token is not accepted any more",
    Reason.NO_SCOPE: "Paperboy lacks a permission",
    Reason.CHAT_DOWN: "the chat service does not answer",
    Reason.CHAT_BUSY: "the chat service asks for fewer messages",
    Reason.BAD_MESSAGE: "the chat service refuses the message",
    Reason.MESSAGE_GONE: "somebody deleted the message or its thread",
    Reason.THREAD_LOCKED: "the thread is locked",
    Reason.NOT_EDITABLE: "the chat service does not let the message be changed any more",
}


def problem_text(found: Problem) -> str:
    """The typed reason, with the other side's own words when there are any."""
    detail = shortened(one_line(found.detail), 300).rstrip(".")
    return f"{REASON_TEXTS[found.trouble]} ({detail})" if detail else REASON_TEXTS[found.trouble]
