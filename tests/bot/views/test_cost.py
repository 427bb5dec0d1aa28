"""What `/digest cost` says."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from bot.domain.budget import (
    Account,
    Costs,
    Limits,
    Period,
    Refusal,
    Savings,
    Scope,
    SkipReason,
    SpentTotals,
    Unit,
)
from bot.domain.message import Message
from bot.terminal.render import as_text
from bot.views.cost import cost_text, refusal_text, usd
from tests.conftest import check_golden
from tests.factories import NOW

NONE = {why: Savings() for why in SkipReason}


def account(today: SpentTotals, month: SpentTotals, **fields: Any) -> Account:
    given: dict[str, Any] = {"limits": Limits(), "savings_today": NONE, "savings_month": NONE}
    return Account(**(given | {"today": today, "month": month} | fields))


def costs(workspace: Account, **profiles: Account) -> Costs:
    return Costs(at=NOW, workspace=workspace, profiles=profiles)


DAY = SpentTotals(
    nano=9_440_800, tokens=63_208, calls=16, prompt=55_408, cached=8_200, completion=7_800
)
MONTH = SpentTotals(
    nano=312_700_000,
    tokens=2_100_000,
    calls=401,
    prompt=1_900_000,
    cached=400_000,
    completion=200_000,
    questions_nano=1_200_000,
)
CACHED = NONE | {SkipReason.CACHE: Savings(papers=450, nano=31_000_000)}
BOTH = {
    SkipReason.CACHE: Savings(papers=900, nano=62_000_000),
    SkipReason.LIMIT: Savings(),
    SkipReason.GATE: Savings(papers=1893, nano=120_000_000),
}
QUIET = costs(account(SpentTotals(), SpentTotals()))
ORDINARY = costs(
    account(
        DAY.model_copy(update={"reserved_nano": 2_600_000}),
        MONTH,
        limits=Limits(day_usd=0.05, month_usd=0.4),
        savings_today=CACHED,
        savings_month=BOTH,
    ),
    foundations=account(DAY, MONTH),
    robots=account(SpentTotals(), SpentTotals(nano=1_250_000_000), limits=Limits(month_usd=2)),
)
REACHED = costs(
    account(
        DAY.model_copy(update={"refused_nano": 10_000_000}),
        MONTH.model_copy(update={"kept": 2}),
        limits=Limits(day_usd=0.01),
        savings_today=NONE | {SkipReason.LIMIT: Savings(papers=320)},
    ),
    foundations=account(
        DAY,
        MONTH.model_copy(update={"refused_tokens": 2_100_500}),
        limits=Limits(month_tokens=2_100_500),
        savings_month=NONE | {SkipReason.LIMIT: Savings(papers=1)},
    ),
)
UNPRICED = costs(
    account(
        SpentTotals(
            tokens=900, calls=1, prompt=800, completion=100, unpriced=1, refused_unpriced=1
        ),
        SpentTotals(tokens=900, calls=1, prompt=800, completion=100, unpriced=1),
        limits=Limits(day_usd=1, day_tokens=100_000),
    )
)


def refusal(**fields: Any) -> Refusal:
    given: dict[str, Any] = {
        "scope": Scope(workspace="slack:T1"),
        "period": Period.DAY,
        "unit": Unit.NANO,
        "limit": 10_000_000,
    }
    return Refusal(**(given | fields))


def test_the_cost_of_a_workspace() -> None:
    shown = [cost_text(told) for told in (QUIET, ORDINARY, REACHED, UNPRICED)]
    why = [
        refusal_text(refusal()),
        refusal_text(
            refusal(
                scope=Scope(workspace="slack:T1", profile="foundations"),
                period=Period.MONTH,
                unit=Unit.TOKENS,
                limit=2_000_000,
            )
        ),
        refusal_text(refusal(unpriced=True)),
    ]
    shown.append(Message(title="Why a call is not made", text=tuple(why)))
    check_golden("views/cost.txt", "\n".join(as_text([head]) for head in shown))


@pytest.mark.parametrize(
    ("nano", "said"),
    [
        (0, "$0.00"),
        (9_440_800, "$0.0094"),
        (10_000_000, "$0.01"),
        (14_200_000, "$0.0142"),
        (300_000_000, "$0.30"),
        (1_000_000_000, "$1.00"),
        (12_400_000_000, "$12.40"),
    ],
)
def test_dollar_amounts_tell_a_cent_from_a_fraction_of_it(nano: int, said: str) -> None:
    assert usd(nano) == said


def test_a_limit_that_was_raised_gives_no_warning() -> None:
    raised = REACHED.workspace.model_copy(update={"limits": Limits(day_usd=1)})
    assert cost_text(costs(raised)).notices == ()


def test_a_removed_dollar_limit_gives_no_warning() -> None:
    free = UNPRICED.workspace.model_copy(update={"limits": Limits(day_tokens=1)})
    assert cost_text(costs(free)).notices == ()


def test_a_month_in_which_no_weekday_has_come_has_no_forecast() -> None:
    sunday = QUIET.model_copy(update={"at": NOW - timedelta(days=18)})
    assert "forecast for March 2025: none yet" in as_text([cost_text(sunday)])
