"""arXiv in the simulation: a few papers each weekday, and each morning its own kind of trouble."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from random import Random
from typing import NamedTuple

from bot.arxiv.calendar import NEW_YORK, is_weekend, submission_window, weekday_before
from bot.domain.categories import matches
from bot.domain.papers import Announced, AnnounceType, Change, Listing, Paper
from bot.domain.reasons import ArxivReason
from bot.errors import Refused, Unavailable
from tests.factories import announced
from tests.simulation.scheduler import Scheduler
from workers.arxiv.client import FeedResult, PaperById
from workers.arxiv.oai import Record, Version

CATEGORIES = ("cs.LG", "stat.ML", "cs.CL")
KINDS = (
    *("normal", "normal", "normal", "stale", "half", "late", "empty", "cut", "truncated"),
    *("down", "hangs", "throttles", "no feed", "refused"),
)

# What is wrong with the archive interface on a day.
ARCHIVE_KINDS = ("whole", "whole", "whole", "whole", "busy", "half", "empty", "away")

# Who writes papers, and what they say they are about: people follow these.
AUTHORS = (
    *(
        "Ada Lovelace",
        "Alan Turing",
        "Emmy Noether",
        "Grace Hopper",
        "Kurt Gödel",
        "Mary Cartwright",
    ),
    *("Paul Erdős", "Rózsa Péter", "Sofja Kowalewskaja", "Yutaka Taniyama"),
)
TERMS = ("sparse codes", "deep water", "random graphs", "slow light", "thin ice", "cold starts")

# Papers come again, as cross-lists, when Paperboy has forgotten their messages, or their digest.
LONG_BEFORE = timedelta(weeks=9), timedelta(weeks=29)

# A list fills up within minutes, or Paperboy takes it for complete (fetch_job._GROWING).
HALF_HOURS = 0.3


class Morning(NamedTuple):
    """What is wrong with a day's list until so many hours after midnight in New York."""

    kind: str = "normal"
    hours: float = 0.0


class Arxiv:
    """What it announces is made from the seed; `mornings` say what it shows, until it is calm."""

    def __init__(self, seed: str, scheduler: Scheduler, mornings: Mapping[date, Morning]) -> None:
        self._seed, self._scheduler, self.mornings = seed, scheduler, dict(mornings)
        self._days: dict[date, tuple[Announced, ...]] = {}
        self._by_id: dict[str, Announced] = {}
        self.is_calm = False
        # How likely a paper comes once more: in some runs that is most days.
        self._crossing = Random(f"{seed} crossing").choice((0.2, 0.2, 0.8))
        # And in some, days have many papers: then limits are reached.
        self._many = Random(f"{seed} many papers").choice((1, 1, 3))

    def papers(self, day: date) -> tuple[Announced, ...]:
        """What is announced on a day (in New York); nothing at weekends and on holidays. A paper of
        the weekday before may come once more, as a cross-list."""
        if day not in self._days:
            self._days[day] = self._announced(day)
            self._by_id |= {each.paper.id: each for each in self._days[day]}
        return self._days[day]

    def known(self) -> Iterator[Paper]:
        """All papers that were announced so far."""
        yield from (each.paper for each in self._by_id.values())

    def _announced(self, day: date) -> tuple[Announced, ...]:
        random = Random(f"{self._seed} arxiv {day}")
        if is_weekend(day) or random.random() < 0.04:
            return ()
        own = [
            self._made(
                f"{day:%y%m}.{day.day * 100 + n:05}",
                tuple(random.sample(CATEGORIES, random.choice((1, 1, 2)))),
            )
            for n in range(self._many * random.choice((1, 3, 3, 5)))
        ]
        if random.random() < self._crossing and (before := self._new(weekday_before(day))):
            own.append(_cross_listed(random.choice(before), random))
        own += [_cross_listed(before, random) for before in self._of_long_before(day)]
        return tuple(own)

    def _of_long_before(self, day: date) -> list[Announced]:
        """Papers of the same run, where it is as long as that."""
        first = min(self.mornings, default=day)
        days = [before for ago in LONG_BEFORE if (before := day - ago) >= first]
        return [new[0] for before in days if (new := self._new(before))]

    def _made(self, id: str, categories: tuple[str, ...]) -> Announced:
        """By one or two people, about something or nothing that people follow."""
        random = Random(f"{self._seed} arxiv {id}")
        authors = tuple(random.sample(AUTHORS, random.choice((1, 2))))
        about = f" It is about {random.choice(TERMS)}." if random.random() < 0.5 else ""
        abstract = f"We study the matter of {id} and prove a bound.{about}"
        return announced(id, categories=categories, authors=authors, abstract=abstract)

    def replaced(self, day: date) -> tuple[Paper, ...]:
        """The papers of which a day's list has a second version."""
        before = self.papers(weekday_before(day))
        is_any = Random(f"{self._seed} arxiv {day} replaces").random() < 0.3
        new = [each.paper for each in before if each.announce_type is AnnounceType.NEW]
        return tuple(new[:1]) if is_any and self.papers(day) else ()

    def _new(self, day: date) -> list[Announced]:
        random = Random(f"{self._seed} arxiv {day} begins")
        if random.random() < 0.5:
            return []  # most papers come once; and the days do not hang on each other for ever
        new = [each for each in self.papers(day) if each.announce_type is AnnounceType.NEW]
        return [each for each in new if len(each.paper.categories) < len(CATEGORIES)]

    def fetch_listing(self, categories: Sequence[str]) -> FeedResult:
        scheduler = self._scheduler
        scheduler.effect("arXiv")
        scheduler.sleep(scheduler.random.uniform(0.1, 3.0))
        day, hours_of_day = self.local_hours()
        morning = self.mornings.get(day, Morning())
        hours = min(morning.hours, HALF_HOURS) if morning.kind == "half" else morning.hours
        is_over = self.is_calm or hours_of_day > hours
        result = self._answer("normal" if is_over else morning.kind, day, categories)
        scheduler.effect("arXiv answered")
        return result

    def local_hours(self) -> tuple[date, float]:
        """The day in New York, and the hours since its midnight."""
        local = self._scheduler.datetime().astimezone(NEW_YORK)
        since = local - datetime.combine(local.date(), time(0), NEW_YORK)
        return local.date(), since.total_seconds() / 3600.0

    def _answer(  # noqa: C901  # a table of what may be wrong
        self, kind: str, day: date, categories: Sequence[str]
    ) -> FeedResult:
        papers, again, cut = self.papers(day), self.replaced(day), tuple[str, ...]()
        refused: dict[str, str] = {}
        match kind:
            case "stale":
                papers, again = self.papers(weekday_before(day)), self.replaced(weekday_before(day))
            case "half":
                papers = papers[: len(papers) // 2]
            case "cut":
                cut = (categories[0],)
                fallen = [a for a in papers if _is_new_in(a, cut[0])][len(papers) // 2 :]
                papers = tuple(a for a in papers if a not in fallen)
            case "truncated":
                raise Unavailable("arXiv's answer ends early.", ArxivReason.TRUNCATED)
            case "late":
                day -= timedelta(days=1)
                papers, again = self.papers(day), self.replaced(day)
            case "empty":
                papers = ()
            case "down":
                raise Unavailable("arXiv is down.", ArxivReason.SERVER_ERROR)
            case "hangs":
                self._scheduler.sleep(90.0)
                raise Unavailable("arXiv does not answer.", ArxivReason.TIMEOUT)
            case "throttles":
                raise Unavailable("arXiv is busy.", ArxivReason.THROTTLED, retry_after=60.0)
            case "no feed":
                raise Unavailable("arXiv answers with a page.", ArxivReason.NOT_A_FEED)
            case "refused":
                *categories, last = categories
                refused = {last: "no such category"}
                if not categories:
                    raise Refused("arXiv refuses the category.", ArxivReason.BAD_QUERY)
        listing = _listing(day, papers, categories, again)
        return FeedResult(listing=listing, cut=cut, refused=refused)

    def window(
        self, categories: Sequence[str], begin: datetime, end: datetime
    ) -> tuple[Announced, ...]:
        self._scheduler.effect("arXiv's API")
        for back in range(12):
            day = (end + timedelta(days=back)).astimezone(NEW_YORK).date()
            if not is_weekend(day) and submission_window(day) == (begin, end):
                return _listing(day, self.papers(day), categories).papers
        return ()

    def changed_since(self, day: date, categories: Sequence[str]) -> tuple[Record, ...]:
        """The archive interface, with troubles of its own: it has the day when it begins."""
        self._scheduler.effect("arXiv's archive")
        self._scheduler.sleep(self._scheduler.random.uniform(0.1, 5.0))
        today, _ = self.local_hours()
        kind = Random(f"{self._seed} archive {today}").choice(ARCHIVE_KINDS)
        match "whole" if self.is_calm else kind:
            case "busy":
                raise Unavailable("The archive is busy.", ArxivReason.THROTTLED, retry_after=900.0)
            case "half":
                raise Unavailable("Its token has expired.", ArxivReason.TRUNCATED)
            case "away":
                raise Unavailable("The archive is away.", ArxivReason.UNREACHABLE)
            case "empty":
                return ()
        records = [r for r in self._records(today).values() if r.changed >= day]
        self._scheduler.effect("arXiv's archive answered")
        return tuple(
            record
            for record in records
            if any(matches(own, asked) for own in record.categories for asked in categories)
        )

    def _records(self, today: date) -> dict[str, Record]:
        """Every paper of late as it is today; and an old one that is corrected every day."""
        long_ago = datetime(2024, 1, 1, tzinfo=UTC)
        corrected = _made("2401.00001", CATEGORIES, "Kurt Gödel", "It is old.")
        records = {"2401.00001": _record(corrected, (long_ago,), today)}
        for back in reversed(range(12)):
            day = today - timedelta(days=back)
            if is_weekend(day):
                continue
            submitted = submission_window(day)[0] + timedelta(hours=2)
            crossed = set[str]()
            for each in self.papers(day):
                id, before = each.paper.id, records.get(each.paper.id)
                crossed |= {id} if before else set()
                versions = tuple(v.submitted for v in before.versions) if before else (submitted,)
                records[id] = _record(each.paper, versions, day)
            for paper in self.replaced(day):
                if (before := records.get(paper.id)) and paper.id not in crossed:
                    versions = tuple(v.submitted for v in before.versions)
                    records[paper.id] = _record(paper, (*versions, submitted), day)
        return records

    def fetch_by_id(self, ids: Sequence[str]) -> dict[str, PaperById]:
        self._scheduler.effect("arXiv's API")
        self._scheduler.sleep(self._scheduler.random.uniform(0.1, 5.0))
        known = {id: self._by_id[id].paper for id in ids if id in self._by_id}
        return {id: PaperById(paper=paper, withdrawn="") for id, paper in known.items()}


def _is_new_in(each: Announced, category: str) -> bool:
    return each.announce_type is AnnounceType.NEW and category in each.paper.categories


def _made(id: str, categories: tuple[str, ...], author: str, abstract: str) -> Paper:
    return announced(id, categories=categories, authors=(author,), abstract=abstract).paper


def _record(paper: Paper, versions: Sequence[datetime], changed: date) -> Record:
    fields = {
        "id": paper.id,
        "title": paper.title,
        "authors": ", ".join(paper.authors),
        "categories": " ".join(paper.categories),
        "abstract": paper.abstract,
    }
    return Record(fields, tuple(Version(n, at) for n, at in enumerate(versions, 1)), changed)


def _cross_listed(before: Announced, random: Random) -> Announced:
    """The same paper, in one category more."""
    more = random.choice([c for c in CATEGORIES if c not in before.paper.categories])
    paper = before.paper.model_copy(update={"categories": (*before.paper.categories, more)})
    return Announced(paper=paper, announce_type=AnnounceType.CROSS)


def _listing(
    day: date,
    papers: Sequence[Announced],
    categories: Sequence[str],
    replaced: Sequence[Paper] = (),
) -> Listing:
    """A list without a new paper has no new version either: it is a quiet day's."""
    mine = tuple(a for a in papers if set(a.paper.categories) & set(categories))
    again = [paper for paper in replaced if mine and set(paper.categories) & set(categories)]
    return Listing(
        date=day,
        papers=mine,
        replaced=tuple((paper.id, paper.categories) for paper in again),
        items=len(mine) + len(again),
        changes=tuple(Change(paper=paper.id, version=2) for paper in again),
    )
