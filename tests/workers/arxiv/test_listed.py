"""What is left behind of a list, on the days that are not like the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.arxiv.calendar import weekday_before
from bot.domain.digest import Source
from bot.domain.papers import Trouble
from bot.store.days import Store
from tests.make import NOW
from tests.servers.neighbours import Reply, feed
from tests.workers.test_fetching import (
    A_DAY,
    BOTH,
    FRIDAY,
    ON_SATURDAY,
    SATURDAY,
    THURSDAY,
    YESTERDAY,
    api,
    fetched,
    rss,
)

MINUTE = timedelta(minutes=1)


def empty_but(found: date | None) -> tuple[list[str], Callable[[str, bytes], Reply]]:
    """A feed that is empty on Saturday, and an API with papers of one day's window alone."""
    asked: list[str] = []
    ends = found and f"{weekday_before(found):%Y%m%d}"

    def answer(path: str, body: bytes) -> Reply:
        if path.startswith("/rss"):
            return feed(rss(SATURDAY))
        asked.append(path)
        return feed(
            api("2503.00007") if ends and f"TO+{ends}" in path.replace("%20", "+") else api()
        )

    return asked, answer


@pytest.mark.parametrize(("back", "shown"), [(1, True), (5, True), (6, False)])
def test_the_last_announced_day_is_looked_for_over_the_longest_holidays(
    store: Store, back: int, shown: bool
) -> None:
    day = SATURDAY
    for _ in range(back):
        day = weekday_before(day)
    asked, answer = empty_but(day)
    listed = fetched(store, answer, ON_SATURDAY, latest=True)
    assert len(asked) == min(back, 5)
    if shown:
        assert (listed.date, listed.instead_of, listed.problem) == (day, SATURDAY, None)
    else:
        assert listed.problem is not None
        assert (listed.date, listed.problem.trouble) == (SATURDAY, Trouble.NO_LIST)


@pytest.mark.parametrize(("lists", "stale"), [(1, True), (3, True), (4, False)])
def test_a_list_is_old_when_its_papers_stood_in_one_of_the_last_three(
    store: Store, lists: int, stale: bool
) -> None:
    before = FRIDAY
    for _ in range(lists):
        before = weekday_before(before)
    fetched(store, lambda *_: feed(rss(before, *YESTERDAY)), categories=BOTH)
    listed = fetched(store, lambda *_: feed(rss(FRIDAY, *YESTERDAY)), categories=BOTH, date=FRIDAY)
    assert (listed.problem is not None) is stale


@pytest.mark.parametrize(("minutes", "settled"), [(8, False), (9, True)])
def test_a_list_is_whole_when_it_has_not_grown_for_nine_minutes(
    store: Store, minutes: int, settled: bool
) -> None:
    assert not fetched(store, lambda *_: feed(A_DAY)).settled
    assert fetched(store, lambda *_: feed(A_DAY), NOW + minutes * MINUTE).settled is settled


def test_a_list_that_stays_without_a_paper_is_no_news(store: Store) -> None:
    """Else it would be judged anew at every look."""
    first = fetched(store, lambda *_: feed(b"Oh", 500))
    again = fetched(store, lambda *_: feed(b"Oh", 500), NOW + MINUTE)
    assert (first.changed_at, again.changed_at, again.asked_at) == (NOW, NOW, NOW + MINUTE)
    there = fetched(store, lambda *_: feed(A_DAY), NOW + 2 * MINUTE)
    assert there.changed_at == NOW + 2 * MINUTE


def test_todays_list_is_asked_for_again_though_it_is_stored(store: Store) -> None:
    """It may still grow."""
    fetched(store, lambda *_: feed(A_DAY), date=THURSDAY)
    grown = A_DAY.replace(b"2401.00003", b"2503.00009").replace(b"replace", b"new")
    fetched(store, lambda *_: feed(grown), NOW + MINUTE, date=THURSDAY)
    assert len(store.batch(str(THURSDAY)).papers) == 3


def later(store: Store, *categories: str) -> Trouble | None:
    """What asking for Thursday says ten days later, when only what is stored can be had."""
    now = datetime(2025, 3, 30, 12, tzinfo=UTC)
    listed = fetched(store, lambda *_: feed(b"Oh", 500), now, categories=categories, date=THURSDAY)
    return listed.problem.trouble if listed.problem else None


def test_a_category_that_arxiv_refused_is_not_taken_for_read(store: Store) -> None:
    def answer(path: str, body: bytes) -> Reply:
        if "NOPE" in path:
            return feed(rss(THURSDAY, title="Feed error for query: x"), 400)
        return feed(A_DAY)

    fetched(store, answer, categories=("cs.LG", "cs.NOPE"))
    assert later(store, "cs.LG") is None
    assert later(store, "cs.NOPE") is Trouble.SERVER_ERROR
    assert later(store, "cs.LG", "cs.NOPE") is Trouble.SERVER_ERROR


def test_a_category_that_had_not_turned_over_is_not_taken_for_read(store: Store) -> None:
    wednesday = weekday_before(THURSDAY)
    fetched(store, lambda *_: feed(rss(wednesday, *YESTERDAY)), categories=BOTH)
    half = rss(THURSDAY, ("2503.00011", "new", "cs.LG"), YESTERDAY[1])
    fetched(store, lambda *_: feed(half), categories=BOTH, date=THURSDAY)
    assert later(store, "cs.LG") is None
    assert later(store, "cs.AI") is Trouble.SERVER_ERROR


def test_a_day_read_for_one_category_is_not_there_for_another(store: Store) -> None:
    fetched(store, lambda *_: feed(A_DAY))
    assert later(store, "cs.LG") is None
    assert later(store, "cs.LG", "cs.CV") is Trouble.SERVER_ERROR


def test_arxiv_is_not_asked_for_a_weekend_gone_by(store: Store) -> None:
    asked: list[str] = []

    def answer(path: str, body: bytes) -> Reply:
        asked.append(path)
        return feed(A_DAY if path.startswith("/rss") else api())

    listed = fetched(store, answer, date=date(2025, 3, 16))
    assert (listed.problem, listed.batch) == (None, "2025-03-16")
    assert [path for path in asked if path.startswith("/api")] == []


def test_a_saved_file_that_cannot_be_read_does_not_show_todays_list(store: Store) -> None:
    fetched(store, lambda *_: feed(A_DAY))
    broken = store.put_document(A_DAY[:300])
    listed = fetched(store, lambda *_: feed(A_DAY), source=Source.FILES, files=(broken,))
    assert listed.problem is not None
    assert (listed.batch, listed.source) == ("", Source.FILES)


def test_a_day_of_replacements_alone_is_no_missing_list(store: Store) -> None:
    listed = fetched(store, lambda *_: feed(rss(THURSDAY, ("2401.00003", "replace", "cs.LG"))))
    assert (listed.problem, store.batch(listed.batch).papers) == (None, ())
    files = (store.put_document(rss(THURSDAY, ("2401.00003", "replace", "cs.LG"))),)
    saved = fetched(store, lambda *_: feed(b"", 500), source=Source.FILES, files=files)
    assert saved.problem is None


def test_whoever_saved_a_file_knows_which_day_it_is_of(store: Store) -> None:
    files = (store.put_document(A_DAY),)
    listed = fetched(
        store, lambda *_: feed(b"", 500), source=Source.FILES, files=files, date=FRIDAY
    )
    assert listed.date == FRIDAY
    assert listed.batch.startswith("2025-03-21-")
