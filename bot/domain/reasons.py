"""Why a list, a score, an answer or a message is missing: typed, stored by value, worded in
views/reasons.py.

No two members have the same value, whatever their kind: what is stored is the value alone.
"""

from __future__ import annotations

from enum import StrEnum


class ArxivReason(StrEnum):
    """Why arXiv's list or one of its papers is missing."""

    BAD_QUERY = "bad_query"  # HTTP 400, or its well-formed "Feed error" document
    NOT_A_FEED = "not_a_feed"  # HTML or anything else with status 200
    TRUNCATED = "truncated"
    MALFORMED = "malformed"
    EMPTY_WEEKDAY = "empty_weekday"  # a holiday, a quiet category or a throttled answer: unknown
    STALE = "stale"  # today's date over an earlier list's papers, in some categories or all
    LIST_CUT = "list_cut"  # one category at arXiv's 2,000: new papers have fallen off
    FORBIDDEN = "forbidden"
    THROTTLED = "throttled"
    SERVER_ERROR = "server_error"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    MIXED_DAYS = "mixed_days"  # saved feeds that do not belong together
    NO_LIST = "no_list"  # no list of that date is known


class ModelReason(StrEnum):
    """Why a score, or what a model says of a paper, is missing."""

    NO_KEY = "no_key"
    BAD_KEY = "bad_key"
    UNKNOWN_MODEL = "unknown_model"
    QUOTA = "quota"
    MODEL_DOWN = "model_down"
    MODEL_BUSY = "model_busy"
    MODEL_SLOW = "model_slow"
    MODEL_REFUSED = "model_refused"
    NOT_ADMITTED = "not_admitted"  # HTTP 403 that says nothing of a key: a region, a firewall
    WRONG_ADDRESS = "wrong_address"  # OPENAI_BASE_URL leads to no model's API
    CONTENT_FILTER = "content_filter"  # of the prompt, or of the reply
    TOO_LONG = "too_long"  # longer than the model's context
    CUT_OFF = "cut_off"  # the reply reached its length limit
    BAD_REPLY = "bad_reply"
    STILL_AT_IT = "still_at_it"  # our own workers are busy, or gone
    LEFT_OUT = "left_out"  # the reply was valid and lacked the paper
    NO_BUDGET = "no_budget"  # the limit is reached
    TOO_MANY_CLOSE = "too_many_close"  # more close calls than a day has second looks for


# The model was away for all papers alike, and nothing it said is the reason.
AWAY = frozenset(
    {
        *(ModelReason.NO_KEY, ModelReason.BAD_KEY, ModelReason.UNKNOWN_MODEL, ModelReason.QUOTA),
        *(ModelReason.MODEL_DOWN, ModelReason.MODEL_BUSY, ModelReason.MODEL_SLOW),
        *(ModelReason.NOT_ADMITTED, ModelReason.WRONG_ADDRESS),
    }
)


class PaperReason(StrEnum):
    """Why there is no answer about one paper that somebody asked for."""

    NOT_FOUND = "not_found"
    UNPROVEN = "unproven"  # the paper does not support the model's claims


class ChannelReason(StrEnum):
    """Why a message is not in its channel."""

    ARCHIVED = "archived"
    NOT_A_MEMBER = "not_a_member"  # the bot was removed, or never invited
    CHANNEL_GONE = "channel_gone"
    MAY_NOT_POST = "may_not_post"  # a permission of this channel
    BAD_TOKEN = "bad_token"  # wrong, revoked, or the app was removed
    NO_SCOPE = "no_scope"
    CHAT_DOWN = "chat_down"
    CHAT_BUSY = "chat_busy"
    WORKSPACE_AWAY = "workspace_away"  # one of many: it is being moved, or closed to us for now
    BAD_MESSAGE = "bad_message"  # its content is refused
    MESSAGE_GONE = "message_gone"  # somebody deleted it, or the thread it belongs to
    THREAD_LOCKED = "thread_locked"  # nobody can reply there any more
    NOT_EDITABLE = "not_editable"  # it stays as it is


Reason = ArxivReason | ModelReason | PaperReason | ChannelReason
