"""What is due now: a question to what has been left behind; pure.

Nothing is chained: whoever waits asks again, and gets the next missing step or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum

from bot.arxiv.calendar import new_york_date
from bot.domain.digest import Listed, Source, Wanted, whole_problem
from bot.domain.papers import Noun, Problem, Trouble, fingerprint
from bot.domain.request import Wish, delivery_name, ledger_name

# arXiv's feed may still grow in the hour it turns over; an answer this young is used again, and a
# list that is not settled is looked at as often.
_FRESH = timedelta(minutes=10)
# An outage of a model lasts minutes to hours; asking costs nothing while it does.
AGAIN = timedelta(minutes=10)


class Kind(StrEnum):
    """The three jobs."""

    FETCH = "fetch"
    SCORE = "score"
    DELIVER = "deliver"


class Done(Noun):
    """That a step was taken, when, and whether it left nothing to be desired.

    `version` names what was decided, of a delivery what of it was shown: the same decisions have
    the same one. It is empty in what older releases stored. Of a judged day also how many papers it
    has, how many lack a score for now, and why, where that is most of them; `list_at` is the
    `changed_at` of the list that was judged. `problem` is what a delivery said of its list.
    """

    at: datetime
    complete: bool
    papers: int = 0
    unscored: int = 0
    outage: Trouble | None = None
    version: str = ""
    list_at: datetime | None = None
    problem: Problem | None = None


class Day(Noun):
    """How far one day has come."""

    listed: Listed | None = None
    judged: Done | None = None


class Facts(Day):
    """What has been left behind on the way to a wish: of its day, of the `earlier` ones, and the
    delivery of them all."""

    earlier: tuple[Day, ...] = ()
    delivered: Done | None = None

    @property
    def version(self) -> str:
        """Names what is decided by now, for all the days."""
        days = [day.judged.version if day.judged else "" for day in (*self.earlier, self)]
        return days[0] if len(days) == 1 or not any(days) else fingerprint(*days)

    @property
    def problem(self) -> Problem | None:
        """What keeps papers from all the days, for now."""
        return whole_problem([day.listed for day in (*self.earlier, self) if day.listed])


class Step(Noun):
    """A job to do for a wish; `seen` is what had been left behind when it was found missing."""

    kind: Kind
    wish: Wish
    seen: Facts

    @property
    def id(self) -> str:
        """Names what is to be changed: an answer of arXiv's, a judging or a delivery by what it
        comes after. Whoever looks at the same facts asks for the same step, at whatever moment,
        and a step that was taken has another name from then on.

        Letters, digits, `_` and `-` only: rq allows no others in a job's id.
        """
        wish, seen = self.wish, self.seen
        if self.kind is Kind.FETCH or seen.listed is None:
            about = [wish.wanted.key, str(seen.listed and seen.listed.asked_at)]
        elif self.kind is Kind.SCORE:
            judged = str(seen.judged and seen.judged.at)
            about = [ledger_name(wish, seen.listed), str(seen.listed.changed_at), judged]
        else:
            delivered = str(seen.delivered and seen.delivered.at)
            about = [delivery_name(wish, seen.listed), seen.version, delivered]
        return f"{self.kind}-{fingerprint(*about)}"

    @property
    def hurried(self) -> bool:
        """Whether somebody waits for it, not a schedule."""
        return bool(self.wish.by or not self.wish.subscription)


class Look(Noun):
    """What is to be done for a wish at a moment: a step, or nothing. `fulfilled` when nothing will
    be; `late` says why a day is not there at its time, with a step: because it is not done yet."""

    step: Step | None = None
    fulfilled: bool = False
    late: Trouble | None = None


def look(wish: Wish, facts: Facts, now: datetime) -> Look:
    """What is due for a wish now."""
    if wish.at is None or wish.until is None:
        step = due(wish, facts)
        return Look(step=step, fulfilled=step is None)
    return _look(wish, facts, now, wish.at, wish.until)


def due(wish: Wish, facts: Facts) -> Step | None:
    """The next missing step towards a day that somebody asked for; None when it is fulfilled.

    What failed before the wish is tried again, what failed since then stands: the person who asked
    gets the reason now, and may ask again.
    """
    listed, judged, delivered = facts.listed, facts.judged, facts.delivered
    if listed is None or _stale(listed, wish.wanted, wish.since):
        return Step(kind=Kind.FETCH, wish=wish, seen=facts)
    if not is_judged(facts, wish.since) or judged is None:
        return Step(kind=Kind.SCORE, wish=wish, seen=facts)
    if delivered is None or delivered.version != facts.version:
        return Step(kind=Kind.DELIVER, wish=wish, seen=facts)
    if delivered.problem and delivered.problem != facts.problem:
        return Step(kind=Kind.DELIVER, wish=wish, seen=facts)
    return None


def is_judged(day: Day, since: datetime) -> bool:
    """Whether a day's papers are judged, as well as could be done since then."""
    if day.listed is None or day.judged is None or _outgrown(day.judged, day.listed):
        return False
    return not _failed_before(day.judged, since)


def _outgrown(judged: Done, listed: Listed) -> bool:
    """Whether papers came to the list since it was read to be judged: while it was being judged,
    perhaps. Both times are the reader's of the list, so that clocks of two machines never meet."""
    return (judged.list_at or judged.at) < listed.changed_at


def _look(wish: Wish, facts: Facts, now: datetime, at: datetime, until: datetime) -> Look:
    """A schedule's days: read and judged ahead, delivered at their time, improved until the end
    of the window."""
    over = now >= until
    overdue = now >= at and facts.delivered is None

    def ahead(kind: Kind, wanted: Wanted, day: Day, since: datetime) -> Look:
        seen = Facts(listed=day.listed, judged=day.judged)
        step = Step(kind=kind, wish=wish.only(wanted, since), seen=seen)
        return Look(step=step, late=Trouble.STILL_AT_IT if overdue else None)

    late, newest, settled = None, wish.since, True
    for wanted, day in _days(wish, facts):
        listed, judged = day.listed, day.judged
        if listed is None:
            return ahead(Kind.FETCH, wanted, day, wish.since)
        if not (listed.settled or over) and now - listed.asked_at >= _FRESH:
            return ahead(Kind.FETCH, wanted, day, listed.asked_at + _FRESH)
        if judged is None or _outgrown(judged, listed):
            return ahead(Kind.SCORE, wanted, day, listed.changed_at)
        if judged.unscored and not over and now - judged.at >= AGAIN:
            return ahead(Kind.SCORE, wanted, day, judged.at + AGAIN)
        if wanted is wish.wanted and not judged.papers and listed.problem:
            late = late or listed.problem.trouble
        late = late or judged.outage
        newest = max(newest, judged.at)
        settled = settled and listed.settled and not judged.unscored
    if now < at:
        return Look()
    if late and not over:
        return Look(late=late)
    done = facts.delivered
    mended = done and done.problem and not facts.problem  # what was said to be missing is not
    if done is None or done.version != facts.version or mended:
        improved = wish.model_copy(update={"since": newest})
        return Look(step=Step(kind=Kind.DELIVER, wish=improved, seen=facts))
    return Look(fulfilled=settled or over)


def _days(wish: Wish, facts: Facts) -> Iterator[tuple[Wanted, Day]]:
    yield from zip(wish.earlier, facts.earlier, strict=True)
    yield wish.wanted, facts


def _failed_before(done: Done, since: datetime) -> bool:
    return not done.complete and done.at < since


def _stale(listed: Listed, wanted: Wanted, since: datetime) -> bool:
    if listed.asked_at >= since:
        return False
    if listed.problem:
        return True
    if wanted.source is not Source.ARXIV:
        return False
    if wanted.date is not None and wanted.date < new_york_date(since):
        return False  # a past day's list does not change
    return since - listed.asked_at > _FRESH
