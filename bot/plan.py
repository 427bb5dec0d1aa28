"""What is due now: a question to what has been left behind; pure.

Nothing is chained: whoever waits asks again, and gets the next missing step or none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from bot.days import new_york_date
from bot.domain import Noun, fingerprint
from bot.ledger import Listed, Source, Wanted, Wish

# arXiv's feed may still grow in the hour it turns over; an answer this young is used again.
_FRESH = timedelta(minutes=10)


class Kind(StrEnum):
    """The three jobs."""

    FETCH = "fetch"
    SCORE = "score"
    DELIVER = "deliver"


class Done(Noun):
    """That a step was taken, when, and whether it left nothing to be desired."""

    at: datetime
    complete: bool


class Facts(Noun):
    """What has been left behind on the way to a wish."""

    listed: Listed | None = None
    judged: Done | None = None
    delivered: Done | None = None


class Step(Noun):
    """A job to do for a wish."""

    kind: Kind
    wish: Wish

    @property
    def id(self) -> str:
        """One for each step and moment, whoever asks: channels that want the same day at the same
        moment share one FETCH, one SCORE and one DELIVER.

        Letters, digits, `_` and `-` only: rq allows no others in a job's id.
        """
        wish = self.wish
        about = [wish.wanted.key]
        if self.kind is not Kind.FETCH:
            about += [wish.profile, wish.judge.model or ""]
        if self.kind is Kind.DELIVER:
            about += [wish.address.platform]
        stamp = wish.since.strftime("%Y%m%dT%H%M%S-%f")
        return f"{self.kind}-{fingerprint(*about)}-{stamp}"


def ledger_name(wish: Wish, listed: Listed) -> str:
    """Names a profile's decided day, whoever asks for it."""
    return fingerprint(wish.profile, wish.judge.model or "", listed.batch or wish.wanted.key)


def delivery_name(wish: Wish, listed: Listed) -> str:
    """Names that day as delivered to one address."""
    return f"{wish.address}:{ledger_name(wish, listed)}"


def due(wish: Wish, facts: Facts) -> Step | None:
    """The next missing step towards a wish; None when it is fulfilled.

    What failed before the wish is tried again, what failed since then stands: the person who asked
    gets the reason now, and may ask again.
    """
    listed, judged, delivered = facts.listed, facts.judged, facts.delivered
    if listed is None or _stale(listed, wish.wanted, wish.since):
        return Step(kind=Kind.FETCH, wish=wish)
    if judged is None or judged.at < listed.changed_at or _failed_before(judged, wish.since):
        return Step(kind=Kind.SCORE, wish=wish)
    if delivered is None or _failed_before(delivered, wish.since):
        return Step(kind=Kind.DELIVER, wish=wish)
    return None


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
