"""A month of deliveries in a sentence, and as JSON."""

from __future__ import annotations

from typing import Any, Final

from bot.domain.watching.ledger import Excuse, Month
from bot.views.dates import long_month
from bot.views.digest import count

_EXCUSES: Final = {
    Excuse.PAUSED: "paused",
    Excuse.ENDED: "unsubscribed",
    Excuse.LEFT_OUT: "too many missed days",
}


def month_text(month: Month) -> str:
    """`October 2026: 440 digests owed, 431 made, 425 of them within 5 minutes; ...`"""
    head = f"{long_month(month.month)}: {count(month.owed, 'digest')} owed"
    if not month.owed:
        return f"{head}."
    parts = [f"{head}, {month.made} made, {month.on_time} of them within 5 minutes"]
    if late := month.made - month.on_time:
        parts.append(f"{late} late, at most by {duration(month.worst)}")
    if excused := [f"{n} {_EXCUSES[why]}" for why, n in month.excused.items() if n]:
        parts.append(f"not made: {', '.join(excused)}")
    if month.waiting:
        parts.append(f"{month.waiting} under way")
    return f"{'; '.join(parts)}; {month.unexplained} unexplained."


def month_json(month: Month) -> dict[str, Any]:
    """Its fields, and what follows from them."""
    body = month.model_dump(mode="json")
    return body | {"made": month.made, "on_time": month.on_time}


def duration(seconds: int) -> str:
    """`42 s`, `12 min`, `3 h 5 min`, `2 days 4 h`."""
    if seconds < 60:
        return f"{seconds} s"
    minutes, hours = seconds // 60 % 60, seconds // 3600
    if not hours:
        return f"{minutes} min"
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, rest = divmod(hours, 24)
    return f"{count(days, 'day')} {rest} h" if rest else count(days, "day")
