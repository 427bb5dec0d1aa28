"""Deliveries, as a channel's history has them."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.request import Delivery, RecentDeliveries
from tests.factories import NOW

_STEP = st.tuples(
    st.sampled_from("abcdef"), st.integers(0, 90), st.booleans(), st.sampled_from(["one", "two"])
)


@given(steps=st.lists(_STEP, max_size=12))
def test_the_last_delivery_and_the_recent_dates_are_those_of_the_whole_history(
    steps: list[tuple[str, int, bool, str]],
) -> None:
    """Deliveries one after the other, some of the same day once more, days or months apart."""
    rows, recent, at = dict[str, Delivery](), dict[str, RecentDeliveries](), NOW
    for day, later, complete, of in steps:
        at += timedelta(days=later, minutes=1)
        each = Delivery(
            day=f"{of}-{day}",
            profile=of,
            date=at.date(),
            earlier=(at.date() - timedelta(days=1),) * (day > "c"),
            announced=3,
            picked=1,
            complete=complete,
            at=at,
        )
        rows[each.day] = each
        before = recent.get(of)
        recent[of] = (
            before.then(each) if before else RecentDeliveries(last=each, dates={}).then(each)
        )
    for of, found in recent.items():
        own = sorted((row for row in rows.values() if row.profile == of), key=lambda row: row.at)
        assert found.last == own[-1]
        weeks_ago = (own[-1].at - timedelta(days=60)).date()
        assert found.dates == {
            row.day: (*row.earlier, row.date)
            for row in own
            if row.complete and row.date >= weeks_ago
        }
        assert RecentDeliveries.of(own) == found
