"""What is spent and set aside, on a real server: never over a limit, nothing counted twice."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count, product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.budget import (
    NANO,
    Limits,
    MaxCost,
    Payer,
    Period,
    Purpose,
    Refusal,
    Reservation,
    Savings,
    Scope,
    SkipReason,
    SpentTotals,
    Unit,
)
from bot.domain.digest import Usage
from bot.store.connection import connect
from bot.store.spending import Accounts, Spending
from bot.store.store import Store
from tests.factories import NOW
from tests.spending_workers import LIMIT, spend_at_random

LATER = NOW + timedelta(minutes=10)
_ids = map(str, count())


@pytest.fixture
def spending(store: Store) -> Spending:
    return Spending(store)


def payer(workspace: str = "slack:T1", profile: str = "foundations", **limits: Any) -> Payer:
    return Payer(workspace=workspace, profile=profile, workspace_limits=Limits(**limits))


def reserve(
    spending: Spending, who: Payer, nano: int | None, tokens: int = 100, now: datetime = NOW
) -> Reservation | Refusal:
    least = MaxCost(nano=nano, tokens=tokens)
    return spending.reserve(f"call-{next(_ids)}", who, least, Purpose.DIGEST, now)


def granted(said: Reservation | Refusal) -> Reservation:
    assert isinstance(said, Reservation)
    return said


def refusal(said: Reservation | Refusal) -> Refusal:
    assert isinstance(said, Refusal)
    return said


def paid(nano: int, tokens: int = 50) -> Usage:
    return Usage(calls=1, prompt_tokens=tokens, prompt_usd=nano / NANO, completion_usd=0.0)


def today(spending: Spending, who: Payer, now: datetime = NOW) -> SpentTotals:
    return spending.spent(who.scopes[0], Period.DAY, now)


CENT = NANO // 100


def test_a_reservation_is_replaced_by_the_price_paid(spending: Spending) -> None:
    who = payer(day_usd=0.01)
    found = granted(reserve(spending, who, 600_000, tokens=900))
    assert today(spending, who).reserved_nano == 600_000
    usage = Usage(
        calls=1,
        prompt_tokens=700,
        cached_tokens=300,
        completion_tokens=50,
        prompt_usd=0.0001,
        completion_usd=0.00002,
    )
    spending.settle(found, usage)
    for scope in who.scopes:
        for period in Period:
            assert spending.spent(scope, period, NOW) == SpentTotals(
                nano=120_000, tokens=750, calls=1, prompt=700, cached=300, completion=50
            )


def test_a_call_paid_twice_or_given_back_after_it_was_paid_counts_once(spending: Spending) -> None:
    who = payer(day_usd=0.01)
    found = granted(reserve(spending, who, 600_000))
    spending.settle(found, paid(100_000))
    before = today(spending, who)
    spending.settle(found, paid(100_000))
    spending.settle(found, None)
    spending.give_back(found)
    assert today(spending, who) == before


def test_a_reservation_that_redis_py_retries_is_made_once(spending: Spending) -> None:
    who, least = payer(day_usd=0.01), MaxCost(nano=600_000, tokens=1)
    first = spending.reserve("one", who, least, Purpose.DIGEST, NOW)
    assert spending.reserve("one", who, least, Purpose.DIGEST, NOW) == first
    assert today(spending, who).reserved_nano == 600_000


def test_what_is_given_back_can_be_spent_again(spending: Spending) -> None:
    who = payer(day_usd=0.01)
    spending.give_back(granted(reserve(spending, who, CENT)))
    assert today(spending, who) == SpentTotals()
    granted(reserve(spending, who, CENT))


@pytest.mark.parametrize(
    ("limits", "period", "unit"),
    [
        ({"day_usd": 0.01}, Period.DAY, Unit.NANO),
        ({"month_usd": 0.01}, Period.MONTH, Unit.NANO),
        ({"day_tokens": 100}, Period.DAY, Unit.TOKENS),
        ({"month_tokens": 100}, Period.MONTH, Unit.TOKENS),
    ],
)
@pytest.mark.parametrize("whose", ["workspace_limits", "profile_limits"])
def test_each_limit_alone_holds_and_is_named(
    spending: Spending, limits: dict[str, Any], period: Period, unit: Unit, whose: str
) -> None:
    who = Payer(workspace="slack:T1", profile="foundations", **{whose: Limits(**limits)})
    spending.settle(granted(reserve(spending, who, CENT, 100)), paid(CENT, 100))
    no = refusal(reserve(spending, who, 1, 1))
    assert (no.period, no.unit, no.is_temporary) == (period, unit, False)
    assert no.scope == who.scopes[whose == "profile_limits"]
    assert no.limit == (CENT if unit is Unit.NANO else 100)
    assert spending.spent(no.scope, period, NOW).limit_reached(Limits(**limits), period)


def test_a_refused_call_reserves_nothing_anywhere(spending: Spending) -> None:
    tight = Limits(month_tokens=5)
    who = Payer(workspace="slack:T1", profile="foundations", profile_limits=tight)
    refusal(reserve(spending, who, 1, 6))
    assert [spending.spent(s, p, NOW).reserved_nano for s in who.scopes for p in Period] == [0] * 4


def test_a_call_that_only_has_to_wait_for_other_reservations_is_told_so(spending: Spending) -> None:
    who = payer(day_usd=0.01)
    found = granted(reserve(spending, who, 600_0000))
    assert refusal(reserve(spending, who, 500_0000)).is_temporary
    assert today(spending, who).refused_nano is None
    spending.settle(found, paid(100_0000))
    granted(reserve(spending, who, 500_0000))
    assert not refusal(reserve(spending, who, 1_000_0000)).is_temporary


def test_the_limit_of_one_workspace_or_profile_stops_no_other(spending: Spending) -> None:
    spent = payer(day_usd=0.01)
    granted(reserve(spending, spent, CENT))
    refusal(reserve(spending, spent, 1))
    granted(reserve(spending, payer("slack:T2", day_usd=0.01), CENT))
    mine = Payer(workspace="slack:T3", profile="mine", profile_limits=Limits(day_usd=0.01))
    granted(reserve(spending, mine, CENT))
    granted(reserve(spending, mine.model_copy(update={"profile": "other"}), CENT))


def test_a_call_without_a_price_is_refused_where_a_limit_is_in_dollars(spending: Spending) -> None:
    who = payer(month_usd=5.0)
    assert refusal(reserve(spending, who, None)).unpriced
    whole = Scope(workspace="slack:T1")
    assert spending.spent(whole, Period.MONTH, NOW).refused_unpriced
    granted(reserve(spending, who, 1))
    assert not spending.spent(whole, Period.MONTH, NOW).refused_unpriced


def test_a_call_without_a_price_is_held_to_its_tokens(spending: Spending) -> None:
    who = payer(day_tokens=150)
    found = granted(reserve(spending, who, None, 100))
    unpriced = Usage(calls=1, prompt_tokens=80, prompt_usd=None, completion_usd=None)
    spending.settle(found, unpriced)
    assert today(spending, who) == SpentTotals(tokens=80, calls=1, prompt=80, unpriced=1)
    refusal(reserve(spending, who, None, 71))
    granted(reserve(spending, who, None, 70))


def test_a_call_of_unknown_cost_counts_as_reserved(spending: Spending) -> None:
    who = payer(day_usd=0.01)
    for usage in (None, Usage(calls=1, prompt_usd=None, completion_usd=None)):
        spending.settle(granted(reserve(spending, who, 1000, 7)), usage)
    assert today(spending, who) == SpentTotals(nano=2000, tokens=14, calls=2, kept=2)


def test_a_call_dearer_than_its_reservation_is_booked_at_its_cost(spending: Spending) -> None:
    who = payer(day_usd=0.01)
    spending.settle(granted(reserve(spending, who, 1000)), paid(2 * CENT))
    assert today(spending, who).nano == 2 * CENT
    refusal(reserve(spending, who, 1))


def test_a_killed_workers_reservation_counts_as_spent(spending: Spending) -> None:
    who = payer(day_usd=0.01)
    granted(reserve(spending, who, 600_0000, 9))
    assert refusal(reserve(spending, who, 500_0000)).is_temporary
    no = refusal(reserve(spending, who, 500_0000, now=LATER))
    assert not no.is_temporary  # nobody waits for the dead
    assert today(spending, who, LATER) == SpentTotals(
        nano=600_0000, tokens=9, calls=1, kept=1, refused_nano=CENT
    )


def test_a_worker_that_was_given_up_but_lives_is_booked_correctly(spending: Spending) -> None:
    who = payer(day_usd=0.01)
    found, other = (granted(reserve(spending, who, 500_0000)) for _ in range(2))
    assert today(spending, who, LATER).kept == 2
    spending.settle(found, paid(100, 50))
    spending.give_back(other)
    assert today(spending, who, LATER) == SpentTotals(nano=100, tokens=50, calls=1, prompt=50)


def test_a_call_that_is_settled_while_another_worker_gives_it_up_stays_settled(
    spending: Spending, store: Store
) -> None:
    who = payer(day_usd=0.01)
    found = granted(reserve(spending, who, 500_0000))
    spending.settle(found, paid(100))
    store.redis.zadd("pb:reservations", {found.id: 0.0})  # as the other has read it before
    assert today(spending, who, LATER).nano == 100
    spending.settle(found, paid(100))
    assert today(spending, who, LATER).nano == 100


def test_a_new_day_starts_at_zero_and_the_month_continues(spending: Spending) -> None:
    who = payer(day_usd=0.01, month_usd=0.015)
    late = datetime(2025, 3, 20, 23, 59, 59, tzinfo=UTC)
    found = granted(reserve(spending, who, CENT, now=late))
    midnight = late + timedelta(seconds=1)
    assert today(spending, who, midnight) == SpentTotals()
    no = refusal(reserve(spending, who, CENT, now=midnight))
    assert (no.period, no.is_temporary) == (Period.MONTH, True)
    granted(reserve(spending, who, CENT // 2, now=midnight))
    spending.settle(found, paid(CENT))  # of the day on which it was set aside
    assert today(spending, who, late).nano == CENT
    granted(reserve(spending, who, CENT, now=datetime(2025, 4, 1, tzinfo=UTC)))


def test_a_killed_worker_takes_nothing_from_the_next_month(spending: Spending) -> None:
    who = payer(month_usd=0.01)
    granted(reserve(spending, who, CENT))
    granted(reserve(spending, who, CENT, now=datetime(2025, 4, 1, tzinfo=UTC)))


def test_everything_is_kept_for_more_than_a_year_and_not_for_ever(
    spending: Spending, store: Store
) -> None:
    who = payer(day_usd=0.01)
    spending.settle(granted(reserve(spending, who, 5)), paid(5))
    granted(reserve(spending, who, 5))
    Accounts(store).record_savings(who, "r", SkipReason.GATE, 1, None, NOW)
    names: Any = store.redis.keys("pb:*")
    for name in names:
        lives: Any = store.redis.ttl(name)
        if name == "pb:reservations":
            continue
        assert lives > 0, name
        if "reservation" not in name:
            assert lives > 366 * 86400, name


def test_what_is_left_counts_workspace_and_profile_together(spending: Spending) -> None:
    who = Payer(
        workspace="slack:T1",
        profile="mine",
        workspace_limits=Limits(day_usd=0.01, day_tokens=1000),
        profile_limits=Limits(month_usd=0.004),
    )
    spending.settle(granted(reserve(spending, who, 100_0000)), paid(100_0000, 40))
    granted(reserve(spending, who, 50_0000, 60))
    left = spending.remaining(who, NOW)
    assert (left.nano, left.tokens) == (250_0000, 900)


def test_what_was_saved_is_counted_once_for_each_run(store: Store) -> None:
    accounts, who = Accounts(store), payer()
    for _ in range(2):
        accounts.record_savings(who, "monday", SkipReason.CACHE, 450, 0.03, NOW)
    accounts.record_savings(who, "again", SkipReason.CACHE, 10, 0.001, NOW)
    accounts.record_savings(who, "before", SkipReason.GATE, 7, None, NOW - timedelta(days=1))
    whole = accounts.costs("slack:T1", Limits(), Limits(), NOW).workspace
    assert whole.savings_today[SkipReason.CACHE] == Savings(papers=460, nano=31_000_000)
    assert whole.savings_today[SkipReason.GATE] == Savings()
    assert whole.savings_month[SkipReason.GATE] == Savings(papers=7)


def test_a_workspace_sees_its_own_costs_and_no_others(spending: Spending, store: Store) -> None:
    for who in (payer(), payer(profile="mine"), payer("slack:T2", "theirs")):
        spending.settle(granted(reserve(spending, who, 10)), paid(10))
    costs = Accounts(store).costs("slack:T1", Limits(day_usd=1), Limits(), NOW)
    assert costs.workspace.today.nano == 20
    assert {name: a.month.nano for name, a in costs.profiles.items()} == {
        "foundations": 10,
        "mine": 10,
    }


def test_lookups_are_counted_apart_from_digests(spending: Spending) -> None:
    who = payer()
    asked = spending.reserve("q", who, MaxCost(nano=9, tokens=9), Purpose.QUESTION, NOW)
    spending.settle(granted(asked), paid(7))
    spending.settle(granted(reserve(spending, who, 5)), paid(5))
    spent = today(spending, who)
    assert (spent.nano, spent.questions_nano) == (12, 7)


# -- sequences, against a model that is simple enough to be right

OPS = st.one_of(
    st.tuples(st.just("reserve"), st.integers(0, 60), st.integers(0, 60)),
    st.tuples(st.just("settle"), st.integers(0, 9), st.integers(0, 60)),
    st.tuples(st.just("unknown"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("give_back"), st.integers(0, 9), st.just(0)),
    st.tuples(st.just("lapse"), st.just(0), st.just(0)),
)


class Simple:
    """Each call and what it counts for: set aside, spent for now, or done."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.calls: list[list[Any]] = []  # [reservation, state, counted]

    def taken(self) -> int:
        return sum(counted for _, _, counted in self.calls)

    def open(self, granted: object, nano: int) -> None:
        assert isinstance(granted, Reservation) == (nano <= self.limit - self.taken())
        if isinstance(granted, Reservation):
            self.calls.append([granted, "open", nano])

    def lapse(self) -> None:
        for call in self.calls:
            call[1] = "lapsed" if call[1] == "open" else call[1]

    def close(self, at: int, counted: int | None) -> None:
        call = self.calls[at]
        if call[1] != "closed":
            call[1:] = ["closed", call[0].reserve.nano if counted is None else counted]

    def check(self, spent: SpentTotals) -> None:
        assert spent.committed(Unit.NANO) == self.taken()
        assert spent.reserved_nano == sum(c for _, state, c in self.calls if state == "open")


def close_call(op: str, at: int, cost: int, spending: Spending, simple: Simple) -> None:
    """Settle a call at a cost, at an unknown one, or give it back."""
    reservation = simple.calls[at][0]
    if op == "settle":
        cost = min(cost, reservation.reserve.nano)
        spending.settle(reservation, paid(cost))
        simple.close(at, cost)
    elif op == "unknown":
        spending.settle(reservation, None)
        simple.close(at, None)
    else:
        spending.give_back(reservation)
        simple.close(at, 0)


@settings(max_examples=150)
@given(limit=st.integers(0, 100), ops=st.lists(OPS, max_size=30))
def test_any_sequence_counts_as_a_simple_account_does(
    shared_url: str, limit: int, ops: list[tuple[str, int, int]]
) -> None:
    with connect(shared_url) as redis:
        spending, simple = Spending(Store(redis)), Simple(limit)
        who, now = payer(f"test:{next(_ids)}", day_usd=limit / NANO), NOW
        for op, first, second in ops:
            if op == "reserve":
                simple.open(reserve(spending, who, first, second, now), first)
            elif op == "lapse":
                now += timedelta(minutes=3)
                spending.remaining(who, now)
                simple.lapse()
            elif first < len(simple.calls):
                close_call(op, first, second, spending, simple)
            for scope, period in product(who.scopes, Period):
                simple.check(spending.spent(scope, period, now))
        redis.flushall()


# -- four processes at once


def test_four_workers_never_overspend_together(redis_url: str, store: Store) -> None:
    spawned = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(4, mp_context=spawned) as pool:
        came = list(pool.map(spend_at_random, [redis_url] * 4, range(4)))
    ours, unknown = (sum(c[i] for c in came) for i in (0, 1))
    spent = Spending(store).spent(Scope(workspace="slack:T1"), Period.DAY, NOW)
    assert (spent.nano, spent.reserved_nano) == (ours, unknown)
    assert max(c[2] for c in came) <= LIMIT
    assert LIMIT * 0.95 < ours + unknown <= LIMIT  # the limit was reached, or this shows nothing
    assert all(c[0] for c in came)
    by_profile = [
        Spending(store).spent(Scope(workspace="slack:T1", profile=p), Period.DAY, NOW)
        for p in "abc"
    ]
    assert sum(p.nano for p in by_profile) == ours
    late = Spending(store).spent(Scope(workspace="slack:T1"), Period.DAY, LATER)
    assert (late.nano, late.reserved_nano) == (ours + unknown, 0)
