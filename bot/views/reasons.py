"""Every typed reason in words, for people."""

from __future__ import annotations

from bot.arxiv.text import one_line, shortened
from bot.domain.papers import Problem, Trouble

TROUBLES = {
    Trouble.BAD_QUERY: "arXiv does not know a category of this profile",
    Trouble.NOT_A_FEED: "arXiv sent something that is not a list of papers",
    Trouble.TRUNCATED: "arXiv's list was cut off in transit",
    Trouble.MALFORMED: "arXiv's list could not be read",
    Trouble.EMPTY_WEEKDAY: "arXiv's list is empty on a weekday: a holiday, a quiet category or a "
    "passing fault, which cannot be told apart yet",
    Trouble.STALE: "arXiv still shows the list before",
    Trouble.LIST_CUT: "arXiv's list is cut at 2,000 papers, some new ones may be missing",
    Trouble.FORBIDDEN: "arXiv refuses to answer this machine",
    Trouble.THROTTLED: "arXiv asks for fewer requests",
    Trouble.SERVER_ERROR: "arXiv has a fault of its own",
    Trouble.TIMEOUT: "arXiv did not answer in time",
    Trouble.UNREACHABLE: "arXiv cannot be reached",
    Trouble.MIXED_DAYS: "the saved feeds are of different days",
    Trouble.NO_LIST: "arXiv has no list of that day, or not yet",
    Trouble.NO_KEY: "the worker has no OPENAI_API_KEY",
    Trouble.BAD_KEY: "the model's server does not accept the key",
    Trouble.UNKNOWN_MODEL: "the model's server does not know the model",
    Trouble.QUOTA: "the model's account has run out of credit",
    Trouble.MODEL_DOWN: "model down",
    Trouble.MODEL_BUSY: "model down: its server asks for fewer requests",
    Trouble.MODEL_SLOW: "model down: no answer in time (PAPERBOY_CALL_SECONDS)",
    Trouble.MODEL_REFUSED: "the model refused",
    Trouble.NOT_ADMITTED: "the model's server does not let Paperboy in",
    Trouble.WRONG_ADDRESS: "there is no model's server at OPENAI_BASE_URL",
    Trouble.CONTENT_FILTER: "the content filter of the model's server stopped it",
    Trouble.TOO_LONG: "it is longer than the model can read",
    Trouble.CUT_OFF: "the model's answer was cut off before it was whole",
    Trouble.BAD_REPLY: "the model's answer could not be read",
    Trouble.STILL_AT_IT: "Paperboy's workers are not done yet, or not running",
    Trouble.LEFT_OUT: "the model's answer left it out",
    Trouble.NO_BUDGET: "the money or the calls allowed for it are spent",
    Trouble.NOT_FOUND: "arXiv shows no such paper",
    Trouble.UNPROVEN: "nothing the model said could be found in the paper",
    Trouble.ARCHIVED: "the channel is archived",
    Trouble.NOT_A_MEMBER: "Paperboy is not a member of the channel",
    Trouble.CHANNEL_GONE: "the channel is gone, or Paperboy may not see it",
    Trouble.MAY_NOT_POST: "Paperboy may not post in the channel",
    Trouble.BAD_TOKEN: "Paperboy's token is not accepted any more",
    Trouble.NO_SCOPE: "Paperboy lacks a permission",
    Trouble.CHAT_DOWN: "the chat service does not answer",
    Trouble.CHAT_BUSY: "the chat service asks for fewer messages",
    Trouble.BAD_MESSAGE: "the chat service refuses the message",
    Trouble.MESSAGE_GONE: "somebody deleted the message or its thread",
    Trouble.THREAD_LOCKED: "the thread is locked",
    Trouble.NOT_EDITABLE: "the chat service does not let the message be changed any more",
}


def problem(found: Problem) -> str:
    """The typed reason, with the other side's own words when there are any."""
    detail = shortened(one_line(found.detail), 300).rstrip(".")
    return f"{TROUBLES[found.trouble]} ({detail})" if detail else TROUBLES[found.trouble]
