"""From what arXiv answers to what is left behind: a batch, a typed problem, or both."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from bot.domain.digest import Source
from bot.domain.papers import Problem
from bot.domain.reasons import ArxivReason
from bot.store.store import Store
from tests.factories import NOW, profile
from tests.servers.arxiv_documents import (
    FRIDAY,
    SATURDAY,
    THURSDAY,
    THURSDAY_FEED,
    WEDNESDAY,
    api_feed,
    rss_feed,
)
from tests.servers.fake_http import HttpReply, xml_reply
from tests.workers.run_fetch_job import BOTH, ON_SATURDAY, YESTERDAY, either, run_fetch_job
from workers.judging import outcomes


def test_a_day_is_stored_with_its_papers_and_its_replacements(store: Store) -> None:
    list_result = run_fetch_job(store, lambda *_: xml_reply(THURSDAY_FEED))
    assert (list_result.batch, list_result.date, list_result.problem) == (
        "2025-03-20",
        THURSDAY,
        None,
    )
    batch = store.lists.batch(list_result.batch)
    assert [(a.paper.id, a.announce_type) for a in batch.papers] == [
        ("2503.00001", "new"),
        ("2503.00002", "cross"),
    ]
    assert batch.replaced == (("2401.00003", ("cs.LG",)),)


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (xml_reply(b"<html><body>Down for maintenance</body></html>"), ArxivReason.NOT_A_FEED),
        (xml_reply(THURSDAY_FEED[: len(THURSDAY_FEED) * 2 // 3]), ArxivReason.TRUNCATED),
        (xml_reply(THURSDAY_FEED.replace(b"<link>", b"<link>&", 1)), ArxivReason.MALFORMED),
        (
            xml_reply(rss_feed(THURSDAY, title="Feed error for query: x"), 400),
            ArxivReason.BAD_QUERY,
        ),
        (xml_reply(b"Forbidden", 403), ArxivReason.FORBIDDEN),
        (xml_reply(b"Slow down", 429), ArxivReason.THROTTLED),
        (xml_reply(b"Oh", 500), ArxivReason.SERVER_ERROR),
        (xml_reply(rss_feed(THURSDAY)), ArxivReason.EMPTY_WEEKDAY),
    ],
)
def test_no_failure_reads_as_an_empty_day_or_takes_away_what_is_stored(
    store: Store, reply: HttpReply, reason: ArxivReason
) -> None:
    list_result = run_fetch_job(store, lambda *_: reply)
    assert list_result.problem is not None
    assert list_result.problem.trouble is reason
    run_fetch_job(store, lambda *_: xml_reply(THURSDAY_FEED))
    before = store.lists.batch("2025-03-20")
    list_result = run_fetch_job(store, lambda *_: reply)
    assert store.lists.batch("2025-03-20") == before
    if reason is not ArxivReason.EMPTY_WEEKDAY:
        assert (list_result.batch, list_result.problem) == ("2025-03-20", None)


AN_HOUR = timedelta(hours=1)


def test_yesterdays_list_under_todays_date_is_not_taken_for_todays(store: Store) -> None:
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(THURSDAY, *YESTERDAY)), categories=BOTH)
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(rss_feed(FRIDAY, *YESTERDAY)), categories=BOTH, date=FRIDAY
    )
    assert list_result.problem is not None
    assert (list_result.problem.trouble, list_result.problem.detail) == (
        ArxivReason.STALE,
        "cs.LG, cs.AI",
    )
    assert not list_result.settled
    assert store.lists.batch("2025-03-21").papers == ()


def test_one_category_still_old_is_named_and_its_papers_come_later(store: Store) -> None:
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(THURSDAY, *YESTERDAY)), categories=BOTH)
    half = rss_feed(FRIDAY, ("2503.00011", "new", "cs.LG"), YESTERDAY[1])
    list_result = run_fetch_job(store, lambda *_: xml_reply(half), categories=BOTH, date=FRIDAY)
    assert list_result.problem == Problem(trouble=ArxivReason.STALE, detail="cs.AI")
    assert [a.paper.id for a in store.lists.batch(list_result.batch).papers] == ["2503.00011"]
    whole = rss_feed(FRIDAY, ("2503.00011", "new", "cs.LG"), ("2503.00012", "new", "cs.AI"))
    later = NOW + timedelta(days=1)
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(whole), later, categories=BOTH, date=FRIDAY
    )
    assert (list_result.problem, list_result.settled, list_result.changed_at) == (
        None,
        False,
        later,
    )
    assert len(store.lists.batch(list_result.batch).papers) == 2
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(whole), later + AN_HOUR, categories=BOTH, date=FRIDAY
    )
    assert (list_result.settled, list_result.changed_at) == (True, later)


def replacements(store: Store, *rows: tuple[str, str, str]) -> int:
    """How many the day says of BOTH, when the feed is Friday's and has these."""
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(rss_feed(FRIDAY, *rows)), categories=BOTH, date=FRIDAY
    )
    return outcomes.papers_of_day(profile(categories=BOTH), store.lists.batch(list_result.batch))[1]


def replaced(category: str, *numbers: int) -> list[tuple[str, str, str]]:
    return [(f"2401.{number:05}", "replace", category) for number in numbers]


def test_replacements_of_a_list_that_has_not_turned_over_are_not_counted(store: Store) -> None:
    yesterday = [*YESTERDAY, *replaced("cs.AI", *range(5)), *replaced("cs.LG", 80, 81)]
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(THURSDAY, *yesterday)), categories=BOTH)
    # cs.LG has turned over, and has one of yesterday's replacements again, in a newer version.
    fresh = [("2503.00011", "new", "cs.LG"), *replaced("cs.LG", 80, 90, 91)]
    assert replacements(store, *fresh, YESTERDAY[1], *replaced("cs.AI", *range(5))) == 3
    turned_over = [("2503.00012", "new", "cs.AI"), *replaced("cs.AI", 4, *range(20, 31))]
    assert replacements(store, *fresh, *turned_over) == 15


def test_a_category_of_replacements_alone_is_old_as_long_as_they_are(store: Store) -> None:
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(THURSDAY, *replaced("cs.LG", 1, 2, 3))))
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(rss_feed(FRIDAY, *replaced("cs.LG", 1, 2, 3))), date=FRIDAY
    )
    assert list_result.problem == Problem(trouble=ArxivReason.STALE, detail="cs.LG")
    assert store.lists.batch(list_result.batch).replaced == ()
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(rss_feed(FRIDAY, *replaced("cs.LG", 3, 4, 5))), date=FRIDAY
    )
    assert list_result.problem is None
    assert len(store.lists.batch(list_result.batch).replaced) == 3


def test_a_replacement_that_is_announced_after_all_is_counted_once(store: Store) -> None:
    fresh = [("2503.00011", "new", "cs.LG"), *replaced("cs.LG", 1, 2)]
    assert replacements(store, *fresh) == 2
    assert replacements(store, *fresh[:2], ("2401.00002", "cross", "cs.LG cs.AI")) == 1


def test_a_list_that_still_fills_up_is_not_settled(store: Store) -> None:
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(WEDNESDAY, *YESTERDAY)))
    for n in range(1, 4):
        papers = [(f"2503.0001{i}", "new", "cs.LG") for i in range(n)]
        now = NOW + n * timedelta(minutes=10)
        assert not run_fetch_job(
            store, lambda *_, p=papers: xml_reply(rss_feed(THURSDAY, *p)), now
        ).settled
    now = NOW + timedelta(minutes=40)
    assert run_fetch_job(store, lambda *_: xml_reply(rss_feed(THURSDAY, *papers)), now).settled


def test_a_list_that_somebody_asks_for_right_after_midnight_may_still_fill_up(store: Store) -> None:
    """Nobody's digest of the day is made of what was there in its first minutes alone."""
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(WEDNESDAY, *YESTERDAY)))
    midnight = datetime(2025, 3, 20, 4, 0, tzinfo=UTC)
    first = rss_feed(THURSDAY, ("2503.00011", "new", "cs.LG"))
    for minutes, settled in ((1, False), (18, False), (19, True)):
        now = midnight + timedelta(minutes=minutes)
        assert run_fetch_job(store, lambda *_: xml_reply(first), now).settled is settled


def test_the_first_list_of_a_category_is_compared_with_the_day_before_by_the_api(
    store: Store,
) -> None:
    """Nobody has asked for its list of Wednesday: the API has Tuesday's, after a holiday."""
    asked: list[str] = []

    def answer(path: str, body: bytes) -> HttpReply:
        if path.startswith("/rss"):
            return xml_reply(rss_feed(THURSDAY, ("2503.00007", "new", "cs.LG")))
        if path.startswith("/oai"):
            return xml_reply(b"", 500)
        asked.append(path)
        return xml_reply(api_feed(*["2503.00007"][: len(asked) - 1]))

    list_result = run_fetch_job(store, answer, date=THURSDAY)
    assert list_result.problem == Problem(trouble=ArxivReason.STALE, detail="cs.LG")
    assert not list_result.settled
    assert store.lists.batch(str(THURSDAY)).papers == ()
    # Until Tuesday 14:00 in New York, in GMT; then from Friday 14:00.
    assert ["202503181800" in path for path in asked] == [True, False]
    assert ["202503141800" in path for path in asked] == [False, True]


def test_where_the_api_cannot_say_what_came_before_the_list_is_asked_for_again(
    store: Store,
) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        return xml_reply(THURSDAY_FEED) if path.startswith("/rss") else xml_reply(b"", 503)

    run_fetch_job(store, answer)
    later = run_fetch_job(store, answer, NOW + AN_HOUR)
    assert (later.problem, later.settled) == (None, False)
    assert run_fetch_job(store, either, NOW + AN_HOUR).settled


def test_the_order_of_a_papers_categories_does_not_matter(store: Store) -> None:
    run_fetch_job(
        store, lambda *_: xml_reply(rss_feed(THURSDAY, ("2503.00001", "new", "cs.LG cs.AI")))
    )
    turned = rss_feed(FRIDAY, ("2503.00001", "new", "cs.AI cs.LG"))
    list_result = run_fetch_job(store, lambda *_: xml_reply(turned), date=FRIDAY)
    assert list_result.problem == Problem(trouble=ArxivReason.STALE, detail="cs.LG")


def test_a_cross_list_that_comes_a_day_later_is_new(store: Store) -> None:
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(THURSDAY, *YESTERDAY)), categories=BOTH)
    crossed = rss_feed(
        FRIDAY, ("2503.00001", "cross", "cs.LG cs.AI"), ("2503.00011", "new", "cs.AI")
    )
    list_result = run_fetch_job(store, lambda *_: xml_reply(crossed), categories=BOTH, date=FRIDAY)
    assert list_result.problem is None
    assert len(store.lists.batch(list_result.batch).papers) == 2


def test_now_shows_the_last_day_while_todays_list_is_still_the_old_one(store: Store) -> None:
    run_fetch_job(store, lambda *_: xml_reply(rss_feed(THURSDAY, *YESTERDAY)), categories=BOTH)
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(rss_feed(FRIDAY, *YESTERDAY)), categories=BOTH, latest=True
    )
    assert (list_result.date, list_result.instead_of, list_result.problem) == (
        THURSDAY,
        FRIDAY,
        None,
    )


def test_a_weekend_is_an_empty_day_and_no_problem(store: Store) -> None:
    list_result = run_fetch_job(store, lambda *_: xml_reply(rss_feed(SATURDAY)), ON_SATURDAY)
    assert (list_result.date, list_result.problem) == (SATURDAY, None)
    assert store.lists.batch(list_result.batch).papers == ()


def test_on_a_weekend_the_last_announced_day_is_found_where_it_was_stored(store: Store) -> None:
    friday = rss_feed(FRIDAY, ("2503.00009", "new", "cs.LG"))
    run_fetch_job(store, lambda *_: xml_reply(friday), datetime(2025, 3, 21, 8, tzinfo=UTC))
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(rss_feed(SATURDAY)), ON_SATURDAY, latest=True
    )
    assert (list_result.date, list_result.instead_of, list_result.source) == (
        FRIDAY,
        SATURDAY,
        Source.ARXIV,
    )
    assert [a.paper.id for a in store.lists.batch(list_result.batch).papers] == ["2503.00009"]


def test_or_else_by_its_submission_window(store: Store) -> None:
    asked: list[str] = []

    def answer(path: str, body: bytes) -> HttpReply:
        if path.startswith("/rss"):
            return xml_reply(rss_feed(SATURDAY))
        asked.append(path)
        return xml_reply(api_feed("2503.00007", "2503.00008"))

    list_result = run_fetch_job(store, answer, ON_SATURDAY, latest=True)
    assert (list_result.date, list_result.instead_of, list_result.source) == (
        FRIDAY,
        SATURDAY,
        Source.WINDOW,
    )
    assert len(store.lists.batch(list_result.batch).papers) == 2
    # Friday's list: from Wednesday 14:00 to Thursday 14:00 in New York, in GMT.
    assert "202503191800" in asked[0]
    assert "202503201800" in asked[0]


def test_a_wrong_category_is_named_and_does_not_take_the_others_day(store: Store) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        if "NOPE" in path:
            return xml_reply(rss_feed(THURSDAY, title="Feed error for query: x"), 400)
        return xml_reply(THURSDAY_FEED)

    list_result = run_fetch_job(store, answer, categories=("cs.LG", "cs.NOPE"))
    assert list_result.problem is not None
    assert list_result.problem.trouble is ArxivReason.BAD_QUERY
    assert len(store.lists.batch(list_result.batch).papers) == 2


def test_a_truncated_list_is_not_remembered_as_complete(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.arxiv.client.FEED_LIMIT", 2)
    list_result = run_fetch_job(store, lambda *_: xml_reply(THURSDAY_FEED))
    assert list_result.problem is not None
    assert list_result.problem.trouble is ArxivReason.LIST_CUT
    assert len(store.lists.batch(list_result.batch).papers) == 2
    assert store.lists.answered_categories(list_result.batch) == set()


def test_a_past_day_is_found_by_its_window_and_a_past_sunday_is_empty(store: Store) -> None:
    list_result = run_fetch_job(store, either, date=date(2025, 3, 18))
    assert (list_result.date, list_result.source) == (date(2025, 3, 18), Source.WINDOW)
    list_result = run_fetch_job(store, either, date=date(2025, 3, 16))
    assert (list_result.date, list_result.problem) == (date(2025, 3, 16), None)


def test_the_day_the_feed_carries_is_taken_from_it_whatever_the_clock_says(store: Store) -> None:
    later = datetime(2025, 4, 2, 12, tzinfo=UTC)
    list_result = run_fetch_job(store, either, later, date=THURSDAY)
    assert (list_result.batch, list_result.source) == (str(THURSDAY), Source.ARXIV)
    # and is then stored: arXiv is not needed any more
    assert (
        run_fetch_job(store, lambda *_: xml_reply(b"", 500), later, date=THURSDAY).problem is None
    )


def test_a_day_that_arxiv_has_not_listed_yet_is_a_problem(store: Store) -> None:
    list_result = run_fetch_job(store, either, date=FRIDAY)
    assert list_result.problem is not None
    assert list_result.problem.trouble is ArxivReason.NO_LIST


def test_saved_feeds_are_one_day_of_their_own(store: Store) -> None:
    other = rss_feed(THURSDAY, ("2503.00001", "cross", "cs.LG"), ("2503.00004", "new", "cs.AI"))
    files = tuple(store.lists.put_document(document) for document in (THURSDAY_FEED, other))
    list_result = run_fetch_job(
        store, lambda *_: xml_reply(b"", 500), source=Source.FILES, files=files
    )
    assert list_result.date == THURSDAY
    assert [a.paper.id for a in store.lists.batch(list_result.batch).papers] == [
        "2503.00001",
        "2503.00004",
        "2503.00002",
    ]
    assert store.lists.batch("2025-03-20").papers == ()


def test_the_sample_is_114_real_papers(store: Store) -> None:
    list_result = run_fetch_job(store, lambda *_: xml_reply(b"", 500), source=Source.SAMPLE)
    papers = store.lists.batch(list_result.batch).papers
    assert len(papers) == 114
    assert list_result.source is Source.SAMPLE
    assert all(a.paper.abstract and a.paper.authors for a in papers)
