"""What the operator's channel hears: each trouble, and its end. No group is named."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from bot.domain.message import Message
from bot.domain.watching.trouble import Trouble, TroubleKind
from bot.views.digest import count
from bot.views.reasons import REASON_TEXTS
from bot.views.watching.month import duration

_MORE: Final = {
    TroubleKind.ARXIV: "It is asked again every ten minutes.",
    TroubleKind.MODEL: "It is asked again every ten minutes; paperboy doctor tries it now.",
    TroubleKind.BUDGET: "What is left is ranked locally. PAPERBOY_DAY_USD and the like set it.",
    TroubleKind.LOGIN: "It is tried again every 30 s; paperboy doctor says what is missing.",
    TroubleKind.CHAT: "It is tried again every ten seconds, and nothing is lost.",
    TroubleKind.WORKSPACE: "It is tried again, and nothing is lost; paperboy status says why.",
    TroubleKind.LATE: "paperboy plan says what each waits for.",
    TroubleKind.WORKERS: "Nothing is read, scored or posted without them. Start paperboy worker.",
    TroubleKind.FAULT: "The workers' log says why. It is tried again.",
    TroubleKind.UNREADABLE: "The rest goes on; the log has the details.",
}

_COUNTED: Final = {
    TroubleKind.BUDGET: ("The budget of {} is spent", "workspace"),
    TroubleKind.FAULT: ("{} failed through a fault of Paperboy's", "job"),
    TroubleKind.UNREADABLE: ("{} can't be read", "stored value"),
}


def begun(trouble: Trouble) -> Message:
    """`arXiv can't be reached, since 08:02 UTC.`"""
    more = _MORE.get(trouble.kind, "")
    return Message(title=f"{_what(trouble)}, since {_clock(trouble.since)}.", text=(more,))


def over(trouble: Trouble, ended: datetime) -> Message:
    """`Over: arXiv can't be reached. 20 Mar 08:02 to 08:31 UTC, 29 min.`"""
    lasted = duration(max(round((ended - trouble.since).total_seconds()), 0))
    begin = f"{trouble.since:%d %b %H:%M}"
    end = f"{ended:%H:%M}" if ended.date() == trouble.since.date() else f"{ended:%d %b %H:%M}"
    when = f"{begin} to {end} UTC, {lasted}"
    return Message(title=f"Over: {_what(trouble)}.", text=(f"{when}.",))


def _what(trouble: Trouble) -> str:
    reason = REASON_TEXTS[trouble.why] if trouble.why else ""
    chat = trouble.what.capitalize()
    match trouble.kind:
        case TroubleKind.ARXIV | TroubleKind.MODEL:
            return reason[:1].upper() + reason[1:] if reason.startswith("the") else reason
        case TroubleKind.LOGIN:
            return f"{chat} does not let Paperboy in"
        case TroubleKind.CHAT:
            return f"{chat} takes no messages"
        case TroubleKind.WORKSPACE:
            noun = "server" if trouble.what == "discord" else "workspace"
            return f"Nothing can be posted in {count(trouble.number, noun)} of {chat}'s"
        case TroubleKind.LATE:
            verb = "is" if trouble.number == 1 else "are"
            return f"{count(trouble.number, 'digest')} {verb} late, and no reason is known"
        case TroubleKind.DATABASE:
            return "The database was away"
        case TroubleKind.WORKERS:
            return (
                f"No worker serves the queue {trouble.what}" if trouble.what else "No worker runs"
            )
        case TroubleKind.BUDGET | TroubleKind.FAULT | TroubleKind.UNREADABLE:
            text, noun = _COUNTED[trouble.kind]
            return text.format(count(trouble.number, noun))


def _clock(at: datetime) -> str:
    return f"{at:%d %b %H:%M} UTC"
