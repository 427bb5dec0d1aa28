"""Money: `/digest cost`, estimates, calls that a limit refuses, and what the gates save."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

from bot.arxiv.text import one_line
from bot.domain.budget import (
    NANO,
    Account,
    Costs,
    Estimate,
    GateReport,
    Limits,
    Period,
    Refusal,
    Savings,
    SkipReason,
    SpentTotals,
    Unit,
    forecast,
    utc_day,
    weekday_counts,
)
from bot.domain.message import Message
from bot.views.dates import long_date, long_month, utc_time
from bot.views.digest import count, dollars
from bot.views.gate import gate_line

_SMALL = (
    "Days and months are UTC. Before each call, Paperboy reserves the most it can cost, so that "
    "simultaneous calls can't pass a limit together."
)
_UNPRICED = (
    "The model has no known price, so a limit in dollars can't be kept and Paperboy doesn't call "
    "it. Set a limit in tokens instead."
)


def estimate_text(found: Estimate) -> Message:
    """`paperboy day --dry-run`."""
    asked = found.announced - found.cached
    rows = [f"{found.announced} announced - {found.cached} already scored = {asked} to score"]
    tokens = f"about {found.prompt / 1000:.1f}k + {found.completion / 1000:.1f}k tokens"
    price = "price unknown" if found.usd is None else f"about {dollars(found.usd)}"
    most = "" if found.max_usd is None else f"; reserves at most {dollars(found.max_usd)}"
    rows.append(f"{one_line(found.model)}: {found.calls} calls, {tokens}, {price}{most}")
    if found.within_budget is not None and found.within_budget < asked:
        rows.append(
            f"The budget covers about {found.within_budget} of them, the best by the local ranking."
        )
    return Message(
        title=f"Estimated cost of {one_line(found.profile)} for {long_date(found.date)}",
        text=tuple(rows),
        small=("The model was not called; nothing was spent.",),
    )


def cost_text(costs: Costs, gates: Mapping[str, GateReport] | None = None) -> Message:
    """Spending today and this month against the limits, by profile; the forecast, what was saved,
    and the state of each profile's gate (`gates`, by profile name)."""
    day = utc_day(costs.at)
    month, whole = long_month(day), costs.workspace
    rows = [
        f"today: {_spent(whole.today, whole.limits, Period.DAY)} · {_calls(whole.today)}",
        f"{month}: {_spent(whole.month, whole.limits, Period.MONTH)} · {_calls(whole.month)}",
        f"forecast for {month}: {_forecast(whole, day)}",
    ]
    if whole.month.questions_nano:
        asked = usd(whole.month.questions_nano)
        rows.append(f"{month}, /why questions alone: {asked}")
    for name, account in costs.profiles.items():
        today = _spent(account.today, account.limits, Period.DAY)
        rows.append(
            f"{name}: today {today}; {month} {_spent(account.month, account.limits, Period.MONTH)}"
        )
    for why, what in (
        (SkipReason.CACHE, "cache (known scores)"),
        (SkipReason.GATE, "gate (local ranking)"),
    ):
        today, so_far = _spared(whole.savings_today[why]), _spared(whole.savings_month[why])
        said = f"today {today}; {month} {so_far}" if so_far != today else f"{month} {so_far}"
        rows.append(f"saved by the {what}: {said}")
    for name, report in (gates or {}).items():
        rows.append(gate_line(name, report, gate_savings(costs, name)))
    rows += _uncertain(whole.month, month)
    return Message(
        title=f"Cost at {utc_time(costs.at)}",
        notices=tuple(_reached(costs, day)),
        text=tuple(rows),
        small=(_SMALL,),
    )


def gate_savings(costs: Costs, profile: str) -> str:
    """What a profile's gate saved: `about $0.31 (579 papers) in March 2025`."""
    own = costs.profiles.get(profile)
    saved = own.savings_month[SkipReason.GATE] if own else Savings()
    month = long_month(utc_day(costs.at))
    return f"about {usd(saved.nano)} ({count(saved.papers, 'paper')}) in {month}"


def refusal_text(refusal: Refusal) -> str:
    """Why a call was not made: a sentence or two."""
    if refusal.unpriced:
        return _UNPRICED
    where = refusal.scope.profile or "this workspace"
    return (
        f"{_limit(refusal.period, refusal.unit, refusal.limit)} for {where} "
        "leaves too little for another call."
    )


def usd(nano: int) -> str:
    """`$0.0094`, `$0.31`, `$12.40`; small sums keep four places, next to a limit of a cent."""
    if nano >= NANO:
        return f"${nano / NANO:.2f}"
    dollars = f"{nano / NANO:.4f}"
    return "$" + dollars.removesuffix("0").removesuffix("0")


def _tokens(n: int) -> str:
    if n >= 1_000_000:
        return f"{n / 1_000_000:.2f}M"
    return f"{n / 1000:.1f}k" if n >= 1000 else str(n)


def _amount(unit: Unit, n: int) -> str:
    return usd(n) if unit is Unit.NANO else f"{_tokens(n)} tokens"


def _spent(spent: SpentTotals, limits: Limits, period: Period) -> str:
    """`$0.0094 of $0.01, $0.0006 reserved`; in tokens too, where there is a limit in tokens."""
    parts = []
    for unit, used, aside in (
        (Unit.NANO, spent.nano, spent.reserved_nano),
        (Unit.TOKENS, spent.tokens, spent.reserved_tokens),
    ):
        limit = limits.of(period, unit)
        if limit is None and unit is Unit.TOKENS:
            continue
        said = _amount(unit, used)
        if limit is not None:
            said += f" of {_amount(unit, limit).removesuffix(' tokens')}"
        parts.append(f"{said}, {_amount(unit, aside)} reserved" if aside else said)
    return " · ".join(parts)


def _calls(spent: SpentTotals) -> str:
    if not spent.calls:
        return "no calls"
    tokens = f"{_tokens(spent.prompt)} + {_tokens(spent.completion)} tokens"
    return f"{count(spent.calls, 'call')}, {tokens}, {_tokens(spent.cached)} cached"


def _forecast(whole: Account, day: date) -> str:
    nano = forecast(whole.month.nano, day, whole.since)
    come, all_of_them = weekday_counts(day, whole.since)
    if nano is None:
        return "none yet, no weekday has come"
    since = f" since {long_date(whole.since)}" if whole.since and whole.since.day > 1 else ""
    said = f"{usd(nano)}, from {come} of {all_of_them} weekdays{since}"
    limit = whole.limits.of(Period.MONTH, Unit.NANO)
    return f"{said}; the limit is {usd(limit)}" if limit is not None and nano > limit else said


def _spared(spared: Savings) -> str:
    if not spared.papers:
        return "nothing"
    return f"{count(spared.papers, 'paper')}, about {usd(spared.nano)}"


def _uncertain(spent: SpentTotals, month: str) -> Iterator[str]:
    """What the totals are not certain about."""
    if spent.kept:
        calls = count(spent.kept, "call")
        yield f"uncertain: {calls} in {month} returned no usage and count as what was reserved"
    if spent.unpriced:
        calls = count(spent.unpriced, "call")
        yield f"not in the dollars: {calls} in {month}, to a model without a known price"


def _reached(costs: Costs, day: date) -> Iterator[str]:
    """Limits that are reached, and until when."""
    for name, account in (("", costs.workspace), *costs.profiles.items()):
        for period, spent, spared in (
            (Period.DAY, account.today, account.savings_today),
            (Period.MONTH, account.month, account.savings_month),
        ):
            found = spent.limit_reached(account.limits, period)
            if found is None:
                continue
            unit, limit = found
            for_whom = f" for {name}" if name else ""
            papers = spared[SkipReason.LIMIT].papers
            unjudged = f": {_not_judged(papers)}" if papers else ""
            room = _amount(unit, max(0, limit - spent.committed(unit)))
            yield (
                f"{_limit(period, unit, limit)}{for_whom} is reached{unjudged}. What is left "
                f"({room}) is less than another call may cost. A new {period} begins on "
                f"{long_date(period.after(day))}, 00:00 UTC."
            )
    if any(_unpriced(account) for account in (costs.workspace, *costs.profiles.values())):
        yield _UNPRICED


def _unpriced(account: Account) -> bool:
    limits, refused = account.limits, (account.today, account.month)
    in_dollars = limits.day_usd is not None or limits.month_usd is not None
    return in_dollars and any(spent.refused_unpriced for spent in refused)


def _not_judged(papers: int) -> str:
    return "1 paper was not scored" if papers == 1 else f"{papers} papers were not scored"


def _limit(period: Period, unit: Unit, limit: int) -> str:
    """`Today's limit of $0.01`."""
    whose = "Today's" if period is Period.DAY else "This month's"
    return f"{whose} limit of {_amount(unit, limit)}"
