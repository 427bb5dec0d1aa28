"""From what arXiv answers to what is left behind: a batch, a typed problem, or both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from html import escape

import pytest

from bot.arxiv.calendar import NEW_YORK
from bot.domain.digest import Listed, Source, Wanted
from bot.domain.papers import Problem, Trouble
from bot.store.days import Store
from tests.make import NOW, profile
from tests.servers.neighbours import Neighbour, Reply, feed, listening
from workers.arxiv.client import Arxiv
from workers.fetch_job import fetch
from workers.judging import outcomes

THURSDAY, FRIDAY, SATURDAY = (date(2025, 3, day) for day in (20, 21, 22))
ON_SATURDAY = datetime(2025, 3, 22, 15, tzinfo=UTC)


def rss(day: date, *papers: tuple[str, str, str], title: str = "updates") -> bytes:
    """A feed of (id, announce type, categories)."""
    midnight = format_datetime(datetime(day.year, day.month, day.day, tzinfo=NEW_YORK))
    items = "".join(
        f"<item><title>On {id}</title><link>https://arxiv.org/abs/{id}</link>"
        f"<description>arXiv:{id}v1 Announce Type: {kind} \nAbstract: About {id}.</description>"
        f'<guid isPermaLink="false">oai:arXiv.org:{id}v1</guid>'
        + "".join(f"<category>{c}</category>" for c in categories.split())
        + f"<pubDate>{midnight}</pubDate><arxiv:announce_type>{kind}</arxiv:announce_type>"
        "<dc:creator>Ada Lovelace, Alan Turing</dc:creator></item>"
        for id, kind, categories in papers
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><rss xmlns:arxiv="http://arxiv.org/schemas/atom" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" version="2.0"><channel>'
        f"<title>{escape(title)}</title><link>http://rss.arxiv.org/</link>"
        f"<description>No such class.</description><pubDate>{midnight}</pubDate>"
        f"{items}</channel></rss>"
    ).encode()


def api(*ids: str) -> bytes:
    entries = "".join(
        f"<entry><id>http://arxiv.org/abs/{id}v1</id><title>On {id}</title>"
        f"<summary>About {id}.</summary><author><name>Ada Lovelace</name></author>"
        '<arxiv:primary_category term="cs.LG"/><category term="cs.LG"/></entry>'
        for id in ids
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><feed xmlns="http://www.w3.org/2005/Atom" '
        'xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/" '
        'xmlns:arxiv="http://arxiv.org/schemas/atom"><title>ArXiv Query</title>'
        f"<opensearch:totalResults>{len(ids)}</opensearch:totalResults>{entries}</feed>"
    ).encode()


A_DAY = rss(
    THURSDAY,
    ("2503.00001", "new", "cs.LG"),
    ("2503.00002", "cross", "cs.CV cs.LG"),
    ("2401.00003", "replace", "cs.LG"),
)


@contextmanager
def arxiv(answer: Callable[[str, bytes], Reply], store: Store) -> Iterator[tuple[Neighbour, Arxiv]]:
    with listening(answer) as server:
        yield server, Arxiv(f"{server.url}/rss", f"{server.url}/api", store.redis, pause=0.001)


def fetched(
    store: Store,
    answer: Callable[[str, bytes], Reply],
    now: datetime = NOW,
    **wanted: object,
) -> Listed:
    fields = {"source": Source.ARXIV, "categories": ("cs.LG",)} | wanted
    asked = Wanted.model_validate(fields)
    with arxiv(answer, store) as (_, edge):
        fetch(asked, store, edge, lambda: now)
    listed = store.listed(asked)
    assert listed is not None
    return listed


def test_a_day_is_stored_with_its_papers_and_its_replacements(store: Store) -> None:
    listed = fetched(store, lambda *_: feed(A_DAY))
    assert (listed.batch, listed.date, listed.problem) == ("2025-03-20", THURSDAY, None)
    batch = store.batch(listed.batch)
    assert [(a.paper.id, a.announce_type) for a in batch.papers] == [
        ("2503.00001", "new"),
        ("2503.00002", "cross"),
    ]
    assert batch.replaced == (("2401.00003", ("cs.LG",)),)


@pytest.mark.parametrize(
    ("reply", "trouble"),
    [
        (feed(b"<html><body>Down for maintenance</body></html>"), Trouble.NOT_A_FEED),
        (feed(A_DAY[: len(A_DAY) * 2 // 3]), Trouble.TRUNCATED),
        (feed(A_DAY.replace(b"<link>", b"<link>&", 1)), Trouble.MALFORMED),
        (feed(rss(THURSDAY, title="Feed error for query: x"), 400), Trouble.BAD_QUERY),
        (feed(b"Forbidden", 403), Trouble.FORBIDDEN),
        (feed(b"Slow down", 429), Trouble.THROTTLED),
        (feed(b"Oh", 500), Trouble.SERVER_ERROR),
        (feed(rss(THURSDAY)), Trouble.EMPTY_WEEKDAY),
    ],
)
def test_no_failure_reads_as_an_empty_day_or_takes_away_what_is_stored(
    store: Store, reply: Reply, trouble: Trouble
) -> None:
    listed = fetched(store, lambda *_: reply)
    assert listed.problem is not None
    assert listed.problem.trouble is trouble
    fetched(store, lambda *_: feed(A_DAY))
    before = store.batch("2025-03-20")
    listed = fetched(store, lambda *_: reply)
    assert store.batch("2025-03-20") == before
    if trouble is not Trouble.EMPTY_WEEKDAY:
        assert (listed.batch, listed.problem) == ("2025-03-20", None)


YESTERDAY = [("2503.00001", "new", "cs.LG"), ("2503.00002", "new", "cs.AI")]
BOTH = ("cs.LG", "cs.AI")
AN_HOUR = timedelta(hours=1)


def test_yesterdays_list_under_todays_date_is_not_taken_for_todays(store: Store) -> None:
    fetched(store, lambda *_: feed(rss(THURSDAY, *YESTERDAY)), categories=BOTH)
    listed = fetched(store, lambda *_: feed(rss(FRIDAY, *YESTERDAY)), categories=BOTH, date=FRIDAY)
    assert listed.problem is not None
    assert (listed.problem.trouble, listed.problem.detail) == (Trouble.STALE, "cs.LG, cs.AI")
    assert not listed.settled
    assert store.batch("2025-03-21").papers == ()


def test_one_category_still_old_is_named_and_its_papers_come_later(store: Store) -> None:
    fetched(store, lambda *_: feed(rss(THURSDAY, *YESTERDAY)), categories=BOTH)
    half = rss(FRIDAY, ("2503.00011", "new", "cs.LG"), YESTERDAY[1])
    listed = fetched(store, lambda *_: feed(half), categories=BOTH, date=FRIDAY)
    assert listed.problem == Problem(trouble=Trouble.STALE, detail="cs.AI")
    assert [a.paper.id for a in store.batch(listed.batch).papers] == ["2503.00011"]
    whole = rss(FRIDAY, ("2503.00011", "new", "cs.LG"), ("2503.00012", "new", "cs.AI"))
    later = NOW + AN_HOUR
    listed = fetched(store, lambda *_: feed(whole), later, categories=BOTH, date=FRIDAY)
    assert (listed.problem, listed.settled, listed.changed_at) == (None, False, later)
    assert len(store.batch(listed.batch).papers) == 2
    listed = fetched(store, lambda *_: feed(whole), later + AN_HOUR, categories=BOTH, date=FRIDAY)
    assert (listed.settled, listed.changed_at) == (True, later)


def replacements(store: Store, *rows: tuple[str, str, str]) -> int:
    """How many the day says of BOTH, when the feed is Friday's and has these."""
    listed = fetched(store, lambda *_: feed(rss(FRIDAY, *rows)), categories=BOTH, date=FRIDAY)
    return outcomes.announced(profile(categories=BOTH), store.batch(listed.batch))[1]


def replaced(category: str, *numbers: int) -> list[tuple[str, str, str]]:
    return [(f"2401.{number:05}", "replace", category) for number in numbers]


def test_replacements_of_a_list_that_has_not_turned_over_are_not_counted(store: Store) -> None:
    yesterday = [*YESTERDAY, *replaced("cs.AI", *range(5)), *replaced("cs.LG", 80, 81)]
    fetched(store, lambda *_: feed(rss(THURSDAY, *yesterday)), categories=BOTH)
    # cs.LG has turned over, and has one of yesterday's replacements again, in a newer version.
    fresh = [("2503.00011", "new", "cs.LG"), *replaced("cs.LG", 80, 90, 91)]
    assert replacements(store, *fresh, YESTERDAY[1], *replaced("cs.AI", *range(5))) == 3
    turned_over = [("2503.00012", "new", "cs.AI"), *replaced("cs.AI", 4, *range(20, 31))]
    assert replacements(store, *fresh, *turned_over) == 15


def test_a_category_of_replacements_alone_is_old_as_long_as_they_are(store: Store) -> None:
    fetched(store, lambda *_: feed(rss(THURSDAY, *replaced("cs.LG", 1, 2, 3))))
    listed = fetched(store, lambda *_: feed(rss(FRIDAY, *replaced("cs.LG", 1, 2, 3))), date=FRIDAY)
    assert listed.problem == Problem(trouble=Trouble.STALE, detail="cs.LG")
    assert store.batch(listed.batch).replaced == ()
    listed = fetched(store, lambda *_: feed(rss(FRIDAY, *replaced("cs.LG", 3, 4, 5))), date=FRIDAY)
    assert listed.problem is None
    assert len(store.batch(listed.batch).replaced) == 3


def test_a_replacement_that_is_announced_after_all_is_counted_once(store: Store) -> None:
    fresh = [("2503.00011", "new", "cs.LG"), *replaced("cs.LG", 1, 2)]
    assert replacements(store, *fresh) == 2
    assert replacements(store, *fresh[:2], ("2401.00002", "cross", "cs.LG cs.AI")) == 1


def test_a_list_that_still_fills_up_is_not_settled(store: Store) -> None:
    for n in range(1, 4):
        papers = [(f"2503.0001{i}", "new", "cs.LG") for i in range(n)]
        now = NOW + n * timedelta(minutes=10)
        assert not fetched(store, lambda *_, p=papers: feed(rss(THURSDAY, *p)), now).settled
    now = NOW + timedelta(minutes=40)
    assert fetched(store, lambda *_: feed(rss(THURSDAY, *papers)), now).settled


def test_a_cross_list_that_comes_a_day_later_is_new(store: Store) -> None:
    fetched(store, lambda *_: feed(rss(THURSDAY, *YESTERDAY)), categories=BOTH)
    crossed = rss(FRIDAY, ("2503.00001", "cross", "cs.LG cs.AI"), ("2503.00011", "new", "cs.AI"))
    listed = fetched(store, lambda *_: feed(crossed), categories=BOTH, date=FRIDAY)
    assert listed.problem is None
    assert len(store.batch(listed.batch).papers) == 2


def test_now_shows_the_last_day_while_todays_list_is_still_the_old_one(store: Store) -> None:
    fetched(store, lambda *_: feed(rss(THURSDAY, *YESTERDAY)), categories=BOTH)
    listed = fetched(store, lambda *_: feed(rss(FRIDAY, *YESTERDAY)), categories=BOTH, latest=True)
    assert (listed.date, listed.instead_of, listed.problem) == (THURSDAY, FRIDAY, None)


def test_a_weekend_is_an_empty_day_and_no_problem(store: Store) -> None:
    listed = fetched(store, lambda *_: feed(rss(SATURDAY)), ON_SATURDAY)
    assert (listed.date, listed.problem) == (SATURDAY, None)
    assert store.batch(listed.batch).papers == ()


def test_on_a_weekend_the_last_announced_day_is_found_where_it_was_stored(store: Store) -> None:
    friday = rss(FRIDAY, ("2503.00009", "new", "cs.LG"))
    fetched(store, lambda *_: feed(friday), datetime(2025, 3, 21, 8, tzinfo=UTC))
    listed = fetched(store, lambda *_: feed(rss(SATURDAY)), ON_SATURDAY, latest=True)
    assert (listed.date, listed.instead_of, listed.source) == (FRIDAY, SATURDAY, Source.ARXIV)
    assert [a.paper.id for a in store.batch(listed.batch).papers] == ["2503.00009"]


def test_or_else_by_its_submission_window(store: Store) -> None:
    asked: list[str] = []

    def answer(path: str, body: bytes) -> Reply:
        if path.startswith("/rss"):
            return feed(rss(SATURDAY))
        asked.append(path)
        return feed(api("2503.00007", "2503.00008"))

    listed = fetched(store, answer, ON_SATURDAY, latest=True)
    assert (listed.date, listed.instead_of, listed.source) == (FRIDAY, SATURDAY, Source.WINDOW)
    assert len(store.batch(listed.batch).papers) == 2
    # Friday's list: from Wednesday 14:00 to Thursday 14:00 in New York, in GMT.
    assert "202503191800" in asked[0]
    assert "202503201800" in asked[0]


def test_a_wrong_category_is_named_and_does_not_take_the_others_day(store: Store) -> None:
    def answer(path: str, body: bytes) -> Reply:
        if "NOPE" in path:
            return feed(rss(THURSDAY, title="Feed error for query: x"), 400)
        return feed(A_DAY)

    listed = fetched(store, answer, categories=("cs.LG", "cs.NOPE"))
    assert listed.problem is not None
    assert listed.problem.trouble is Trouble.BAD_QUERY
    assert len(store.batch(listed.batch).papers) == 2


def test_a_list_that_was_cut_is_not_remembered_as_a_whole_one(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.arxiv.client.LIMIT", 2)
    listed = fetched(store, lambda *_: feed(A_DAY))
    assert listed.problem is not None
    assert listed.problem.trouble is Trouble.LIST_CUT
    assert len(store.batch(listed.batch).papers) == 2
    assert store.asked(listed.batch) == set()


def either(path: str, body: bytes) -> Reply:
    """The feed carries Thursday; the API knows one paper of any window."""
    return feed(A_DAY if path.startswith("/rss") else api("2503.00007"))


def test_a_past_day_is_found_by_its_window_and_a_past_sunday_is_empty(store: Store) -> None:
    listed = fetched(store, either, date=date(2025, 3, 18))
    assert (listed.date, listed.source) == (date(2025, 3, 18), Source.WINDOW)
    listed = fetched(store, either, date=date(2025, 3, 16))
    assert (listed.date, listed.problem) == (date(2025, 3, 16), None)


def test_the_day_the_feed_carries_is_taken_from_it_whatever_the_clock_says(store: Store) -> None:
    later = datetime(2025, 4, 2, 12, tzinfo=UTC)
    listed = fetched(store, either, later, date=THURSDAY)
    assert (listed.batch, listed.source) == (str(THURSDAY), Source.ARXIV)
    # and is then stored: arXiv is not needed any more
    assert fetched(store, lambda *_: feed(b"", 500), later, date=THURSDAY).problem is None


def test_a_day_that_arxiv_has_not_listed_yet_is_a_problem(store: Store) -> None:
    listed = fetched(store, either, date=FRIDAY)
    assert listed.problem is not None
    assert listed.problem.trouble is Trouble.NO_LIST


def test_saved_feeds_are_one_day_of_their_own(store: Store) -> None:
    other = rss(THURSDAY, ("2503.00001", "cross", "cs.LG"), ("2503.00004", "new", "cs.AI"))
    files = tuple(store.put_document(document) for document in (A_DAY, other))
    listed = fetched(store, lambda *_: feed(b"", 500), source=Source.FILES, files=files)
    assert listed.date == THURSDAY
    assert [a.paper.id for a in store.batch(listed.batch).papers] == [
        "2503.00001",
        "2503.00004",
        "2503.00002",
    ]
    assert store.batch("2025-03-20").papers == ()


def test_the_sample_is_114_real_papers(store: Store) -> None:
    listed = fetched(store, lambda *_: feed(b"", 500), source=Source.SAMPLE)
    papers = store.batch(listed.batch).papers
    assert len(papers) == 114
    assert listed.source is Source.SAMPLE
    assert all(a.paper.abstract and a.paper.authors for a in papers)
