"""A profile is tried on days of which there is no list yet: arXiv's API says what they had."""

from __future__ import annotations

from datetime import UTC, date, datetime
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from bot.domain.papers import AnnounceType, Listing
from bot.domain.tasks.trial import Trial
from bot.store.store import Store
from bot.terminal.render import as_text
from bot.views.making import previews
from tests.factories import NOW, announced, profile
from tests.servers.arxiv_documents import api_feed
from tests.servers.fake_http import HttpReply, xml_reply
from tests.workers.run_fetch_job import arxiv
from workers import trial_job
from workers.trial_job import Sources

MATTERS = profile()
FRIDAY = datetime(2025, 3, 21, 15, tzinfo=UTC)


def window(path: str) -> str:
    """The first day of the submissions that were asked for."""
    query = parse_qs(urlsplit(unquote(path)).query)["search_query"][0]
    return query.partition("submittedDate:[")[2][:8]


def one_a_day(path: str, body: bytes) -> HttpReply:
    """A paper of each window, but none of that before Wednesday: it was a holiday."""
    day = window(path)
    return xml_reply(api_feed() if day == "20250317" else api_feed(f"2503.{day[-4:]}1"))


def keep(store: Store, day: date) -> None:
    """A list of a day of which arXiv answered for the profile's categories."""
    listed = announced("2503.00001", AnnounceType.NEW)
    store.lists.add(str(day), Listing(date=day, papers=(listed,), replaced=(), items=1), NOW)
    store.lists.put_answered_categories(str(day), MATTERS.categories, NOW)


def test_days_that_are_lacking_come_from_the_api_and_say_so(store: Store) -> None:
    keep(store, date(2025, 3, 20))
    trial = Trial(profile=MATTERS, days=4)
    with arxiv(one_a_day, store) as (server, edge):
        result = trial_job.run(trial, store, None, FRIDAY, sources=Sources(edge))
        again = trial_job.run(trial, store, None, FRIDAY, sources=Sources(edge))
    days = [date(2025, 3, day) for day in (17, 18, 20, 21)]
    assert [day.date for day in result.days] == days
    assert result.filled == (days[0], days[1], days[3])
    assert [day.announced for day in result.days] == [1, 1, 1, 1]
    assert (result.stored, result.missing) == (1, ())
    assert again == result
    asked = [window(path) for path, *_ in server.requests]
    # Asked once each, the newest first; of the holiday, which might come late, again.
    assert asked == ["20250319", "20250317", "20250314", "20250313", "20250317"]
    shown = as_text([previews.trial_result(trial, result)])
    said = (
        "From arXiv's API, without papers that were held back: Mon 17 Mar, Tue 18 Mar, Fri 21 Mar."
    )
    assert said in " ".join(shown.split())


@pytest.mark.parametrize("stored", [0, 1])
def test_where_arxiv_is_away_there_are_the_days_that_are_stored(store: Store, stored: int) -> None:
    for day in (date(2025, 3, 20),)[:stored]:
        keep(store, day)
    with arxiv(lambda path, body: (500, {}, b""), store) as (_, edge):
        result = trial_job.run(
            Trial(profile=MATTERS, days=3), store, None, FRIDAY, sources=Sources(edge)
        )
    assert (len(result.days), result.filled) == (stored, ())


def test_where_there_are_days_enough_arxiv_is_not_asked(store: Store) -> None:
    for day in (19, 20):
        keep(store, date(2025, 3, day))
    with arxiv(one_a_day, store) as (server, edge):
        trial_job.run(Trial(profile=MATTERS, days=2), store, None, FRIDAY, sources=Sources(edge))
    assert server.requests == []


@pytest.mark.parametrize(
    ("now", "newest"),
    [
        (datetime(2025, 3, 21, 3, tzinfo=UTC), "20250318"),  # Thursday evening in New York
        (datetime(2025, 3, 21, 4, 5, tzinfo=UTC), "20250318"),  # Friday's list is not out yet
        (datetime(2025, 3, 21, 5, tzinfo=UTC), "20250319"),
        (datetime(2025, 3, 23, 15, tzinfo=UTC), "20250319"),  # a Sunday
    ],
)
def test_the_newest_day_is_the_last_whose_list_is_out(
    store: Store, now: datetime, newest: str
) -> None:
    with arxiv(one_a_day, store) as (server, edge):
        trial_job.run(Trial(profile=MATTERS, days=1), store, None, now, sources=Sources(edge))
    assert [window(path) for path, *_ in server.requests] == [newest]
