"""What the archive's records tell of a day's list: what follows, and what does not."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from bot.domain.papers import Change
from tests.servers.arxiv_archive import Kept, records_document
from workers.arxiv.archive import ArchiveDay, archive_day, asked_from
from workers.arxiv.freshness import EarlierLists, listed_row
from workers.arxiv.oai import parse_page

WEDNESDAY, THURSDAY = date(2025, 3, 19), date(2025, 3, 20)
# Thursday's list has what was submitted from Tuesday to Wednesday 14:00 in New York.
BEGIN, END = datetime(2025, 3, 18, 18, tzinfo=UTC), datetime(2025, 3, 19, 18, tzinfo=UTC)
IN_TIME, LONG_AGO = BEGIN + timedelta(hours=3), BEGIN - timedelta(days=90)
SECOND = timedelta(seconds=1)


def day_of(
    *kept: Kept,
    asked: tuple[str, ...] = ("cs.LG",),
    earlier: dict[str, str] | None = None,
    day: date = THURSDAY,
    last: date | None = WEDNESDAY,
) -> ArchiveDay:
    rows = [listed_row(id, names.split()) for id, names in (earlier or {}).items()]
    records = parse_page(records_document(kept)).records
    return archive_day(day, records, asked, EarlierLists(rows, ()), last)


def kept(id: str, categories: str, *versions: datetime, changed: date = THURSDAY) -> Kept:
    return Kept(id, categories, versions, changed)


def types(found: ArchiveDay) -> dict[str, str]:
    return {a.paper.id: str(a.announce_type) for a in found.listing.papers}


def test_what_was_submitted_in_the_days_window_is_new_or_a_cross_list() -> None:
    found = day_of(
        kept("2503.00011", "cs.LG stat.ML", IN_TIME),
        kept("2503.00012", "cs.CV cs.LG", IN_TIME),
        kept("2503.00013", "cs.CV", IN_TIME),
    )
    assert types(found) == {"2503.00011": "new", "2503.00012": "cross"}
    assert (found.listing.date, found.listing.items, found.unclear) == (THURSDAY, 2, ())


def test_the_window_begins_and_ends_at_two_in_the_afternoon_in_new_york() -> None:
    found = day_of(
        kept("2503.00010", "cs.LG", BEGIN - SECOND, changed=WEDNESDAY),
        kept("2503.00011", "cs.LG", BEGIN),
        kept("2503.00012", "cs.LG", END - SECOND),
        kept("2503.00013", "cs.LG", END),
    )
    assert list(types(found)) == ["2503.00011", "2503.00012"]


def test_a_paper_that_moderators_held_back_is_known_by_its_id() -> None:
    found = day_of(
        kept("2503.00011", "cs.LG", LONG_AGO),
        kept("2503.00009", "cs.LG", LONG_AGO),
        earlier={"2503.00010": "cs.LG"},
    )
    assert types(found) == {"2503.00011": "new"}


def test_where_no_earlier_list_is_known_no_id_tells_that_a_paper_is_new() -> None:
    found = day_of(kept("2503.00011", "cs.CV cs.LG", LONG_AGO), last=None)
    assert types(found) == {}
    assert found.unclear == ("2503.00011",)


def test_yesterdays_papers_tell_which_ids_are_new_where_yesterdays_list_was_missed() -> None:
    """Paperboy was not running on Wednesday: the archive has what was announced then."""
    before = BEGIN - timedelta(hours=5)
    found = day_of(
        kept("2503.00019", "cs.LG", before, changed=WEDNESDAY),
        kept("2503.00015", "cs.LG", LONG_AGO, changed=WEDNESDAY),
        kept("2503.00021", "cs.LG", LONG_AGO),
        earlier={"2503.00010": "cs.LG"},
        last=date(2025, 3, 18),
    )
    assert types(found) == {"2503.00021": "new"}


def test_after_a_holiday_the_window_is_as_long_as_there_was_no_list() -> None:
    found = day_of(
        kept("2503.00011", "cs.LG", BEGIN - timedelta(hours=5)),
        kept("2503.00012", "cs.LG", IN_TIME),
        last=date(2025, 3, 18),
    )
    assert list(types(found)) == ["2503.00011", "2503.00012"]


def test_a_paper_of_an_earlier_list_in_one_category_more_is_a_cross_list() -> None:
    found = day_of(
        kept("2503.00001", "cs.CV cs.LG", BEGIN - SECOND),
        kept("2503.00002", "cs.LG", BEGIN - SECOND),
        earlier={"2503.00001": "cs.CV", "2503.00002": "cs.LG"},
        asked=("cs.LG", "cs.CV"),
    )
    assert types(found) == {"2503.00001": "cross"}
    assert found.unclear == ()


def test_an_old_paper_with_a_new_version_is_a_replacement_up_to_the_fifth() -> None:
    fifth, sixth = ((*[LONG_AGO] * n, IN_TIME) for n in (4, 5))
    found = day_of(
        kept("2401.00001", "cs.LG", *fifth),
        kept("2401.00002", "cs.LG", *sixth),
        kept("2401.00003", "cs.CV cs.LG", LONG_AGO, IN_TIME),
        earlier={"2503.00010": "cs.LG"},
    )
    assert types(found) == {}
    assert found.listing.replaced == (
        ("2401.00001", ("cs.LG",)),
        ("2401.00003", ("cs.CV", "cs.LG")),
    )
    assert found.listing.changes[0] == Change(paper="2401.00001", version=5)
    assert found.unclear == ()


def test_a_new_paper_has_the_version_it_was_announced_with() -> None:
    found = day_of(kept("2503.00011", "cs.LG", IN_TIME, IN_TIME + SECOND, END + SECOND))
    assert found.listing.papers[0].paper.version == 2


def test_an_older_paper_that_was_only_changed_may_be_a_cross_list_and_is_counted() -> None:
    found = day_of(
        kept("2401.00001", "cs.CV cs.LG", LONG_AGO),
        kept("2401.00002", "cs.LG", LONG_AGO),  # its only category wanted is its own
        kept("2401.00003", "cs.CV cs.LG", LONG_AGO, changed=WEDNESDAY),
        earlier={"2503.00010": "cs.LG"},
    )
    assert (types(found), found.unclear) == ({}, ("2401.00001",))


def test_a_monday_is_told_from_friday() -> None:
    monday = date(2025, 3, 24)
    assert asked_from(monday) == date(2025, 3, 21)
    thursday_afternoon = datetime(2025, 3, 20, 18, tzinfo=UTC)
    found = day_of(
        kept("2503.00021", "cs.LG", thursday_afternoon, changed=monday),
        kept("2503.00022", "cs.LG", datetime(2025, 3, 21, 18, tzinfo=UTC), changed=monday),
        day=monday,
        last=date(2025, 3, 21),
    )
    assert list(types(found)) == ["2503.00021"]
