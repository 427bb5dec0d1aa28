"""Every delivery that is owed is made, excused or open, and counted once."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.domain.watching.ledger import Excuse, Month
from bot.store.store import Store

KEY = "slack:T1:C1 compression"
NINE = datetime(2026, 10, 5, 9, tzinfo=UTC)
DAY = timedelta(days=1)
LATER = NINE + timedelta(minutes=20)


def october(store: Store, now: datetime = LATER) -> Month:
    return store.ledger.month(date(2026, 10, 1), now, 12)


def test_a_delivery_is_owed_once_and_made_once(store: Store) -> None:
    for _ in range(2):
        store.ledger.open(KEY, [NINE], NINE)
    assert (october(store).owed, october(store).waiting) == (1, 1)
    for minutes in (7, 30):
        store.ledger.settle(KEY, NINE, NINE + timedelta(minutes=minutes))
    found = october(store)
    assert (found.owed, found.made, found.on_time, found.worst) == (1, 1, 0, 420)
    assert found.lateness[900] == 1
    store.ledger.open(KEY, [NINE], NINE)
    assert october(store).owed == 1


def test_missed_days_are_made_by_the_digest_that_brings_them(store: Store) -> None:
    moments = [NINE, NINE + DAY, NINE + 2 * DAY]
    store.ledger.open(KEY, moments, moments[-1])
    store.ledger.settle(KEY, moments[1], moments[1])
    found = october(store)
    assert (found.made, found.on_time, found.waiting) == (2, 1, 1)
    assert found.worst == 86400


def test_days_beyond_what_one_digest_takes_are_left_out(store: Store) -> None:
    moments = [NINE, NINE + DAY]
    store.ledger.open(KEY, moments, moments[-1])
    store.ledger.settle(KEY, moments[1], moments[1], (NINE + DAY).date())
    assert october(store).excused[Excuse.LEFT_OUT] == 1
    assert october(store).made == 1


def test_what_is_open_is_unexplained_once_its_window_is_long_over(store: Store) -> None:
    store.ledger.open(KEY, [NINE], NINE)
    assert october(store, NINE + timedelta(hours=14)).unexplained == 0
    assert october(store, NINE + timedelta(hours=14, minutes=1)).unexplained == 1
    store.ledger.excuse(KEY, [NINE], Excuse.PAUSED)
    found = october(store, NINE + DAY)
    assert (found.unexplained, found.waiting, found.excused[Excuse.PAUSED]) == (0, 0, 1)


def test_what_is_counted_of_a_thing_again_counts_as_far_as_it_has_grown(store: Store) -> None:
    store.counts.raise_to("a day", {"announced": 10, "scored": 6, "unscored model_down": 4})
    store.counts.raise_to("a day", {"announced": 10, "scored": 9, "unscored model_down": 1})
    store.counts.raise_to("another", {"announced": 5})
    assert store.counts.all() == {"announced": 15, "scored": 9, "unscored model_down": 4}


@pytest.mark.parametrize("row", ["x", "-1 5", "99999999999999 1", ""])
def test_a_row_that_is_none_is_set_aside(store: Store, row: str) -> None:
    store.redis.hset("pb:owed-digests", KEY, row)
    assert store.ledger.rows() == {}
    store.ledger.open(KEY, [NINE], NINE)
    assert [each.at for each in store.ledger.open_deliveries()] == [NINE]
