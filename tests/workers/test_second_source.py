"""A day whose feed is late, old, empty, cut or away, and that arXiv's archive interface has."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from bot.domain.digest import ListResult, Source
from bot.domain.papers import ArchiveNote, Comparison
from bot.domain.reasons import ArxivReason
from bot.domain.watching.trouble import TroubleKind
from bot.store.store import Store
from bot.views.digest import archive_text
from bot.views.status import archive_row
from tests.factories import NOW
from tests.servers.arxiv_archive import FakeArchive, Kept
from tests.servers.arxiv_documents import (
    SATURDAY,
    THURSDAY,
    WEDNESDAY,
    api_feed,
    rss_feed,
)
from tests.servers.fake_http import HttpReply, xml_reply
from tests.workers.run_fetch_job import BOTH, ON_SATURDAY, run_fetch_job

TEN_MINUTES, AN_HOUR = timedelta(minutes=10), timedelta(hours=1)
IN_TIME = datetime(2025, 3, 18, 21, tzinfo=UTC)
OLD = [("2503.00001", "new", "cs.LG"), ("2503.00002", "new", "cs.AI")]
WHOLE = [
    ("2503.00011", "new", "cs.LG"),
    ("2503.00012", "new", "cs.AI"),
    ("2503.00013", "cross", "cs.CV cs.LG"),
]
KEPT = [
    *(Kept(id, categories, (IN_TIME,), THURSDAY) for id, _, categories in WHOLE),
    Kept("2401.00001", "cs.LG", (IN_TIME - timedelta(days=400), IN_TIME), THURSDAY),
    Kept("2401.00002", "cs.CV cs.AI", (IN_TIME - timedelta(days=400),), THURSDAY),
]
LATE = xml_reply(rss_feed(WEDNESDAY, *OLD))
AWAY: HttpReply = (500, {}, b"")


class Sky:
    """A feed and an archive; the API knows nothing."""

    def __init__(self, feed: HttpReply, *kept: Kept, **archive: object) -> None:
        self.feed, self.asked = feed, 0
        self.archive = FakeArchive(kept or KEPT)
        for name, value in archive.items():
            setattr(self.archive, name, value)

    def __call__(self, path: str, body: bytes) -> HttpReply:
        if path.startswith("/oai"):
            self.asked += 1
            return self.archive.answer(path, body)
        return self.feed if path.startswith("/rss") else xml_reply(api_feed())


@pytest.fixture
def fetch(store: Store) -> Callable[..., ListResult]:
    """Wednesday's list was seen on Wednesday."""
    run_fetch_job(store, Sky(LATE), NOW - timedelta(days=1), categories=BOTH, date=WEDNESDAY)

    def again(sky: Sky, after: timedelta = timedelta(0), **wanted: object) -> ListResult:
        fields = {"categories": BOTH, "date": THURSDAY} | wanted
        return run_fetch_job(store, sky, NOW + after, **fields)

    return again


def note_of(list_result: ListResult) -> ArchiveNote:
    assert list_result.archive is not None
    return list_result.archive


def announced(store: Store, day: object = THURSDAY) -> dict[str, str]:
    return {a.paper.id: str(a.announce_type) for a in store.lists.batch(str(day)).papers}


@pytest.mark.parametrize(
    ("feed", "why", "said"),
    [
        (LATE, ArxivReason.NO_LIST, "arXiv's feed was late"),
        (
            xml_reply(rss_feed(THURSDAY, *OLD)),
            ArxivReason.STALE,
            "arXiv's feed was late for cs.LG, cs.AI",
        ),
        (xml_reply(rss_feed(THURSDAY)), ArxivReason.EMPTY_WEEKDAY, "arXiv's feed was empty"),
        (AWAY, ArxivReason.SERVER_ERROR, "arXiv's feed could not be read"),
        (xml_reply(b"<html/>"), ArxivReason.NOT_A_FEED, "arXiv's feed could not be read"),
    ],
)
@pytest.mark.parametrize("latest", [False, True])
def test_the_archives_papers_are_the_day_as_the_feed_would_have_given_it(
    store: Store,
    fetch: Callable[..., ListResult],
    feed: HttpReply,
    why: ArxivReason,
    said: str,
    latest: bool,
) -> None:
    wanted = {"date": None, "latest": True} if latest else {}
    list_result = fetch(Sky(feed), **wanted)
    assert (list_result.batch, list_result.date) == (str(THURSDAY), THURSDAY)
    assert (list_result.problem, list_result.source) == (None, Source.ARXIV)
    assert not list_result.settled
    assert announced(store) == {id: kind for id, kind, _ in WHOLE}
    assert store.lists.batch(str(THURSDAY)).replaced == (("2401.00001", ("cs.LG",)),)
    note = note_of(list_result)
    assert (note.why, note.papers, note.unclear) == (why, 3, 1)
    assert archive_text(note) == (
        f"{said}; taken from its archive interface, which can't tell whether 1 older paper changed "
        "that day are cross-lists."
    )


def test_when_the_feed_comes_nothing_is_there_twice_and_both_are_compared(
    store: Store, fetch: Callable[..., ListResult]
) -> None:
    sky = Sky(LATE)
    first = fetch(sky)
    more = [*WHOLE, ("2401.00002", "cross", "cs.CV cs.AI")]
    sky.feed = xml_reply(rss_feed(THURSDAY, *more))
    with structlog.testing.capture_logs() as logs:
        second = fetch(sky, TEN_MINUTES)
    assert announced(store) == {id: kind for id, kind, _ in more}
    note = note_of(second)
    assert note.compared == Comparison(feed=4, archive=3, only_feed=1, only_archive=0)
    assert {"feed": 4, "archive": 3, "only_feed": 1}.items() <= logs[-1].items()
    assert archive_text(note) == ""
    assert archive_row(note) == (
        "today arXiv's feed was late; the archive interface has 3 papers, and 1 changed ones that "
        "may be cross-lists; the feed has 4 papers: 1 only there, 0 only in the archive"
    )
    assert second.changed_at > first.changed_at
    third = fetch(sky, 2 * TEN_MINUTES)
    assert third.settled
    assert third.changed_at == second.changed_at
    assert sky.asked == 1


def test_a_feed_that_lacks_papers_of_the_archives_still_fills_up(
    fetch: Callable[..., ListResult],
) -> None:
    sky = Sky(LATE)
    fetch(sky)
    sky.feed = xml_reply(rss_feed(THURSDAY, *WHOLE[:2]))
    assert not fetch(sky, 2 * TEN_MINUTES).settled
    sky.feed = xml_reply(rss_feed(THURSDAY, *WHOLE))
    assert fetch(sky, 3 * TEN_MINUTES).settled


def test_the_same_papers_from_the_feed_leave_the_day_as_it_is(
    store: Store, fetch: Callable[..., ListResult]
) -> None:
    sky = Sky(LATE)
    first, batch = fetch(sky), store.lists.batch(str(THURSDAY))
    sky.feed = xml_reply(rss_feed(THURSDAY, *WHOLE, ("2401.00001", "replace", "cs.LG")))
    second = fetch(sky, TEN_MINUTES)
    assert store.lists.batch(str(THURSDAY)) == batch
    assert second.changed_at == first.changed_at  # so nothing is judged again
    assert second.settled


def test_a_category_that_is_old_is_completed_alone(
    store: Store, fetch: Callable[..., ListResult]
) -> None:
    sky = Sky(xml_reply(rss_feed(THURSDAY, WHOLE[0], WHOLE[2], OLD[1])))
    list_result = fetch(sky)
    assert (list_result.problem, note_of(list_result).categories) == (None, ("cs.AI",))
    assert announced(store) == {id: kind for id, kind, _ in WHOLE}
    assert store.lists.answered_categories(str(THURSDAY)) == set(BOTH)


def test_a_list_at_arxivs_limit_is_completed_and_compared_at_once(
    store: Store, fetch: Callable[..., ListResult], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.arxiv.client.FEED_LIMIT", 1)
    sky = Sky(xml_reply(rss_feed(THURSDAY, WHOLE[2])))
    list_result = fetch(sky, categories=("cs.LG",))
    assert list_result.problem is None
    assert sorted(announced(store)) == ["2503.00011", "2503.00013"]
    note = note_of(list_result)
    assert note.compared == Comparison(feed=1, archive=2, only_feed=0, only_archive=1)
    assert archive_text(note) == (
        "arXiv's feed stops at 2,000 papers; taken from its archive interface."
    )
    assert fetch(sky, TEN_MINUTES, categories=("cs.LG",)).settled


@pytest.mark.parametrize(
    "archive",
    [
        {"scripted": [(503, {"Retry-After": "900"}, b"")] * 9},
        {"expired": True, "limit": 2},
        {"scripted": [xml_reply(b"<html/>")] * 9},
    ],
)
def test_an_archive_that_is_away_or_ends_midway_gives_nothing_and_the_feeds_trouble_stays(
    store: Store, fetch: Callable[..., ListResult], archive: dict[str, object]
) -> None:
    with structlog.testing.capture_logs() as logs:
        list_result = fetch(Sky(LATE, **archive))
    assert list_result.problem is not None
    assert list_result.problem.trouble is ArxivReason.NO_LIST
    assert (list_result.archive, announced(store)) == (None, {})
    assert store.lists.answered_categories(str(THURSDAY)) == set()
    assert logs[-1]["event"] == "archive has no answer"


def test_what_it_told_before_holds_while_it_is_away(
    store: Store, fetch: Callable[..., ListResult]
) -> None:
    sky = Sky(AWAY)
    fetch(sky)
    sky.archive.scripted = [AWAY] * 9
    list_result = fetch(sky, 2 * AN_HOUR)
    assert (list_result.problem, note_of(list_result).papers) == (None, 3)


def test_an_archive_without_a_new_paper_is_no_list(
    store: Store, fetch: Callable[..., ListResult]
) -> None:
    """A holiday: old papers get new versions then, too."""
    sky = Sky(xml_reply(rss_feed(THURSDAY)), *KEPT[3:])
    list_result = fetch(sky)
    assert list_result.problem is not None
    assert list_result.problem.trouble is ArxivReason.EMPTY_WEEKDAY
    assert (list_result.archive, store.lists.batch(str(THURSDAY)).replaced) == (None, ())
    fetch(sky, 3 * AN_HOUR)
    assert sky.asked == 1
    fetch(sky, 4 * AN_HOUR)
    assert sky.asked == 2


def test_it_is_asked_again_after_an_hour_at_most(fetch: Callable[..., ListResult]) -> None:
    sky = Sky(LATE)
    for minutes in (0, 10, 50):
        fetch(sky, timedelta(minutes=minutes))
    assert sky.asked == 1
    fetch(sky, AN_HOUR)
    assert sky.asked == 2


def test_profiles_with_categories_of_one_archive_share_its_answer(
    store: Store, fetch: Callable[..., ListResult]
) -> None:
    """Fifty of them would wait for fifty answers of some megabytes, each three seconds after the
    last."""
    sky = Sky(AWAY)
    fetch(sky)
    others = ("cs.CV", "cs.AI"), ("cs.RO", "cs.CL"), ("cs.CV", "cs.LG")
    for categories in others:
        fetch(sky, TEN_MINUTES, categories=categories)
    assert sky.asked == 1
    assert {id for id, _, _ in WHOLE} == set(announced(store))
    assert fetch(sky, TEN_MINUTES, categories=("cs.RO", "cs.CL")).problem is not None  # none of it
    fetch(sky, AN_HOUR)
    for categories in others:
        fetch(sky, AN_HOUR + TEN_MINUTES, categories=categories)
    assert sky.asked == 2
    fetch(sky, AN_HOUR + TEN_MINUTES, categories=("cs.LG",))  # a set of its own
    fetch(sky, AN_HOUR + TEN_MINUTES, categories=("math.CO", "cs.LG"))
    assert sky.asked == 4


@pytest.mark.parametrize("text", ["", "~x", "{}", '{"at": "2025-03-20T09:00:00Z", "records": [1]}'])
def test_a_shared_answer_that_cannot_be_read_is_asked_for_again(
    text: str, store: Store, fetch: Callable[..., ListResult]
) -> None:
    sky = Sky(AWAY)
    fetch(sky)
    (key,) = store.redis.keys("pb:archive-answer:*")
    assert 0 < store.redis.ttl(key) <= 3600
    store.redis.set(key, text)
    assert fetch(sky, TEN_MINUTES, categories=("cs.CV", "cs.AI")).problem is None
    assert sky.asked == 2


def test_half_an_answer_is_shared_with_nobody(fetch: Callable[..., ListResult]) -> None:
    sky = Sky(AWAY, expired=True, limit=2)
    fetch(sky)
    sky.archive.expired, sky.asked = False, 0
    assert note_of(fetch(sky, TEN_MINUTES, categories=("cs.CV", "cs.AI"))).papers == 2
    assert sky.asked == 3


def test_it_is_not_asked_at_weekends_before_a_day_begins_or_after_it(
    store: Store, fetch: Callable[..., ListResult]
) -> None:
    sky = Sky(xml_reply(rss_feed(SATURDAY)))
    run_fetch_job(store, sky, ON_SATURDAY, date=SATURDAY)
    sky.feed = LATE
    just_after_midnight = datetime(2025, 3, 20, 4, 5, tzinfo=UTC) - NOW
    fetch(sky, just_after_midnight)
    sky.feed = AWAY
    fetch(sky, timedelta(days=1))
    assert sky.asked == 0


def test_the_operator_still_hears_that_the_feed_is_away(
    store: Store, fetch: Callable[..., ListResult]
) -> None:
    sky = Sky(AWAY)
    fetch(sky)
    seen = store.sightings.all()[TroubleKind.ARXIV]
    assert seen.why is ArxivReason.SERVER_ERROR
    sky.feed = xml_reply(rss_feed(THURSDAY, *WHOLE))
    fetch(sky, TEN_MINUTES)
    assert TroubleKind.ARXIV not in store.sightings.all()
