"""What is left behind of a list, on the days that are not like the others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from bot.arxiv.calendar import weekday_before
from bot.domain.digest import Source
from bot.domain.reasons import ArxivReason
from bot.store.store import Store
from tests.factories import NOW
from tests.servers.arxiv_documents import (
    FRIDAY,
    SATURDAY,
    THURSDAY,
    THURSDAY_FEED,
    api_feed,
    rss_feed,
)
from tests.servers.fake_http import HttpReply, xml_reply
from tests.workers.run_fetch_job import BOTH, ON_SATURDAY, YESTERDAY, either, run_fetch_job

MINUTE = timedelta(minutes=1)


def empty_but(found: date | None) -> tuple[list[str], Callable[[str, bytes], HttpReply]]:
    """A feed that is empty on Saturday, and an API with papers of one day's window alone."""
    asked: list[str] = []
    ends = found and f"{weekday_before(found):%Y%m%d}"

    def answer(path: str, body: bytes) -> HttpReply:
        if path.startswith("/rss"):
            return xml_reply(rss_feed(SATURDAY))
        asked.append(path)
        return xml_reply(
            api_feed("2503.00007")
            if ends and f"TO+{ends}" in path.replace("%20", "+")
            else api_feed()
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
    list_result = run_fetch_job(store, answer, ON_SATURDAY, latest=True)
    assert len(asked) == min(back, 5)
    if shown:
        assert (list_result.date, list_result.instead_of, list_result.problem) == (
            day,
            SATURDAY,
            None,
        )
    else:
        assert list_result.problem is not None
        assert (list_result.date, list_result.problem.trouble) == (SATURDAY, ArxivReason.NO_LIST)


@pytest.mark.parametrize(("lists", "stale"), [(1, True), (3, True), (4, False)])
def test_a_list_is_old_when_its_papers_stood_in_one_of_the_last_three(
    store: Store, lists: int, stale: bool
) -> None:
    before = FRIDAY
    for _ in range(lists):
        before = weekday_before(before)
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(before, *YESTERDAY)), categories=BOTH)
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(rss_feed(FRIDAY, *YESTERDAY)), categories=BOTH, date=FRIDAY
    )
    assert (list_result.problem is not None) is stale


@pytest.mark.parametrize(("minutes", "settled"), [(8, False), (9, True)])
def test_a_list_is_complete_when_it_has_not_grown_for_nine_minutes(
    store: Store, minutes: int, settled: bool
) -> None:
    assert not run_fetch_job(store, either).settled
    assert run_fetch_job(store, either, NOW + minutes * MINUTE).settled is settled


def test_a_list_that_stays_without_a_paper_is_no_news(store: Store) -> None:
    """Else it would be judged anew at every look."""
    first = run_fetch_job(store, lambda *_: xml_reply(b"Oh", 500))
    again = run_fetch_job(store, lambda *_: xml_reply(b"Oh", 500), NOW + MINUTE)
    assert (first.changed_at, again.changed_at, again.asked_at) == (NOW, NOW, NOW + MINUTE)
    there = run_fetch_job(store, lambda *_: xml_reply(THURSDAY_FEED), NOW + 2 * MINUTE)
    assert there.changed_at == NOW + 2 * MINUTE


def test_todays_list_is_asked_for_again_though_it_is_stored(store: Store) -> None:
    """It may still grow."""
    run_fetch_job(store, lambda *_: xml_reply(THURSDAY_FEED), date=THURSDAY)
    grown = THURSDAY_FEED.replace(b"2401.00003", b"2503.00009").replace(b"replace", b"new")
    run_fetch_job(store, lambda *_: xml_reply(grown), NOW + MINUTE, date=THURSDAY)
    assert len(store.lists.batch(str(THURSDAY)).papers) == 3


def later(store: Store, *categories: str) -> ArxivReason | None:
    """What asking for Thursday says ten days later, when only what is stored can be had."""
    now = datetime(2025, 3, 30, 12, tzinfo=UTC)
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(b"Oh", 500), now, categories=categories, date=THURSDAY
    )
    return list_result.problem.trouble if list_result.problem else None


def test_a_category_that_arxiv_refused_is_not_taken_for_read(store: Store) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        if "NOPE" in path:
            return xml_reply(rss_feed(THURSDAY, title="Feed error for query: x"), 400)
        return xml_reply(THURSDAY_FEED)

    run_fetch_job(store, answer, categories=("cs.LG", "cs.NOPE"))
    assert later(store, "cs.LG") is None
    assert later(store, "cs.NOPE") is ArxivReason.SERVER_ERROR
    assert later(store, "cs.LG", "cs.NOPE") is ArxivReason.SERVER_ERROR


def test_a_category_that_had_not_turned_over_is_not_taken_for_read(store: Store) -> None:
    wednesday = weekday_before(THURSDAY)
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(wednesday, *YESTERDAY)), categories=BOTH)
    half = rss_feed(THURSDAY, ("2503.00011", "new", "cs.LG"), YESTERDAY[1])
    run_fetch_job(store, lambda *_: xml_reply(half), categories=BOTH, date=THURSDAY)
    assert later(store, "cs.LG") is None
    assert later(store, "cs.AI") is ArxivReason.SERVER_ERROR


def test_a_day_read_for_one_category_is_not_there_for_another(store: Store) -> None:
    run_fetch_job(store, lambda *_: xml_reply(THURSDAY_FEED))
    assert later(store, "cs.LG") is None
    assert later(store, "cs.LG", "cs.CV") is ArxivReason.SERVER_ERROR


def test_arxiv_is_not_asked_for_a_weekend_gone_by(store: Store) -> None:
    asked: list[str] = []

    def answer(path: str, body: bytes) -> HttpReply:
        asked.append(path)
        return xml_reply(THURSDAY_FEED if path.startswith("/rss") else api_feed())

    list_result = run_fetch_job(store, answer, date=date(2025, 3, 16))
    assert (list_result.problem, list_result.batch) == (None, "2025-03-16")
    assert [path for path in asked if path.startswith("/api")] == []


def test_a_saved_file_that_cannot_be_read_does_not_show_todays_list(store: Store) -> None:
    run_fetch_job(store, lambda *_: xml_reply(THURSDAY_FEED))
    broken = store.lists.put_document(THURSDAY_FEED[:300])
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(THURSDAY_FEED), source=Source.FILES, files=(broken,)
    )
    assert list_result.problem is not None
    assert (list_result.batch, list_result.source) == ("", Source.FILES)


def test_a_day_of_replacements_alone_is_no_missing_list(store: Store) -> None:
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(rss_feed(THURSDAY, ("2401.00003", "replace", "cs.LG")))
    )
    assert (list_result.problem, store.lists.batch(list_result.batch).papers) == (None, ())
    files = (store.lists.put_document(rss_feed(THURSDAY, ("2401.00003", "replace", "cs.LG"))),)
    saved = run_fetch_job(store, lambda *_: xml_reply(b"", 500), source=Source.FILES, files=files)
    assert saved.problem is None


def test_a_saved_files_day_is_the_one_given(store: Store) -> None:
    files = (store.lists.put_document(THURSDAY_FEED),)
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(b"", 500), source=Source.FILES, files=files, date=FRIDAY
    )
    assert list_result.date == FRIDAY
    assert list_result.batch.startswith("2025-03-21-")
