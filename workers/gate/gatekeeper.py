"""A profile's gate from day to day: divides a day, records how it went, learns at night."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date as date_
from typing import NamedTuple

import structlog

from bot.domain.digest import Digest, LocalRank, ScoreResult
from bot.domain.papers import Paper, Profile
from bot.store.gates import Gates, gate_key
from bot.store.store import Store
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import Meaning
from workers.gate import guarantee, local_ranking, nightly, threshold
from workers.gate.keyword_ranking import KeywordScore
from workers.gate.learned_ranking import LearnedScore
from workers.gate.nightly import GateState, Lesson
from workers.gate.reports import gate_report
from workers.gate.threshold import Tally
from workers.judging import outcomes

log = structlog.get_logger()

# Seconds: what has no vector yet is embedded at night, and gets this much of the job's half hour.
_NIGHT = 900.0
# Votes let one paper through for so many of a day at most: each costs as much as another.
_PAPERS_A_LIFTED = 10


class Division(NamedTuple):
    """A day before the model is asked: the papers to ask about, all papers' ids best first with
    their places; where the gate divided it, its split, the threshold and level it went by, and all
    scores."""

    asked: tuple[Paper, ...]
    ranking: list[str]
    places: dict[str, LocalRank]
    split: threshold.GateSplit | None = None
    promised: tuple[float, float] | None = None
    marks: Mapping[str, float] = {}


class Gatekeeper:
    """The gate of one profile before one model. Where a workspace's votes have a part in the
    scores, it is that workspace's own (`owner`), which begins as everybody's."""

    def __init__(self, store: Store, profile: Profile, model: str, owner: str = "") -> None:
        self._store, self._gates, self._profile = store, Gates(store), profile
        self._key = gate_key(profile, model, owner)
        if owner:
            self._gates.begin_as(self._key, gate_key(profile, model))
        self._kept = self._gates.gate(self._key, GateState) or GateState()

    @property
    def divides(self) -> bool:
        """Whether the gate keeps papers from the model."""
        return self._profile.gate and self._kept.least is not None

    def divide(
        self,
        papers: Sequence[Paper],
        day: date_,
        always_ask: Collection[str],
        meaning: Meaning | None = None,
        shifts: Mapping[str, float] | None = None,
    ) -> Division:
        """Divide a day; all papers are asked about, in their order, where the profile has no gate,
        or it promises nothing yet, or it knows of meaning and the day has none: its threshold is
        for both. Ids in `always_ask` pass in any case; so do the best of those that readers' votes
        (`shifts`, by id) lift over the threshold, one paper in ten of the day at most."""
        learned, least = self._kept.learned, self._kept.least
        lacks_meaning = learned is not None and learned.meaning and meaning is None
        if learned is None or least is None or not self._profile.gate or lacks_meaning:
            return ask_about_all(papers, local_ranking.rank(self._profile, papers, meaning))
        placed = learned.rank(self._profile, papers, meaning)
        untaught = {row.id: row for row in local_ranking.rank(self._profile, papers, meaning)}
        lifted = _lifted(placed, least, shifts or {})
        divided = threshold.divide(placed, least, day, {*always_ask, *lifted})
        spared = set(divided.gated)
        return Division(
            asked=tuple(paper for paper in papers if paper.id not in spared),
            ranking=[row.id for row in placed],
            places={
                row.id: LocalRank(
                    rank=row.rank,
                    of=len(placed),
                    words=row.words,
                    relevance=untaught[row.id].relevance,
                )
                for row in placed
            },
            split=divided,
            promised=(least, self._kept.level),
            marks={row.id: row.score for row in placed},
        )

    def record_day(
        self, name: str, day: date_, division: Division, results: Mapping[str, ScoreResult]
    ) -> None:
        """Store a decided day's name and counts. A day judged in full for a profile without a gate
        says nothing of the gate it shares."""
        if self._kept.least is not None and not self._profile.gate:
            return
        scores = {
            paper.id: result.score
            for paper in division.asked
            if (result := results.get(paper.versioned)) and result.score
        }
        picks = [id for id, score in scores.items() if outcomes.meets_cutoffs(self._profile, score)]
        parts = division.split or threshold.GateSplit(asked=tuple(scores))
        row = threshold.tally(day, parts, scores, picks, division.promised, division.marks)
        if day < self._kept.since:  # judged again: the ranking has learned from it meanwhile
            first = next((each for each in self._tallies() if each.date == day), None)
            row = row.model_copy(update={"found": first.found if first else ()})
        self._gates.put_day(self._key, day, name, row)
        self._report(self._tallies())

    def learn(self, night: date_, embeddings: Embeddings | None = None) -> None:
        """Learn from the days since the last night, of words alone where there are no `embeddings`,
        and set the threshold by how earlier rankings placed their picks."""
        tallies = self._tallies()
        if tallies and tallies[-1].date >= self._kept.since:
            tallies = [self._with_places(tally, embeddings) for tally in tallies]
            lessons = self._lessons(tallies)
            meaning = self._meaning([lesson.paper for lesson in lessons], embeddings)
            self._kept = nightly.after_days(self._kept, tallies, lessons, self._profile, meaning)
            self._gates.put_gate(self._key, self._kept)
            divides, changed = self._kept.least is not None, str(self._kept.changed or "")
            log.info("gate learned", profile=self._profile.name, divides=divides, changed=changed)
        self._report(tallies)
        self._gates.put_last_trained(self._key, night)

    def _with_places(self, tally: Tally, embeddings: Embeddings | None) -> Tally:
        """A tally; of a new day that the gate did not divide, with its picks as the ranking places
        them that has not learned from it yet."""
        learned, is_new = self._kept.learned, tally.date >= self._kept.since
        if learned is None or not is_new or tally.least is not None or not tally.picks:
            return tally
        digest = self._digest(tally.date)
        papers = [decision.paper for decision in digest.decisions] if digest else []
        meaning = self._meaning(papers, embeddings) if learned.meaning else None
        if digest is None or (learned.meaning and meaning is None):
            return tally
        marks = {row.id: row.score for row in learned.rank(self._profile, papers, meaning)}
        picks = sorted(each.paper.id for each in self._lessons([tally]) if each.picked)
        placed = tally.model_copy(
            update={"found": tuple(guarantee.FoundPick(marks[id], 1.0) for id in picks)}
        )
        self._gates.put_day(self._key, tally.date, self._names()[tally.date], placed)
        return placed

    def _lessons(self, tallies: Sequence[Tally]) -> list[Lesson]:
        """The papers with a score of these days, the newest first, each once; without days that an
        older release divided."""
        lessons: dict[str, Lesson] = {}
        for tally in sorted(tallies, key=lambda tally: tally.date, reverse=True):
            digest = self._digest(tally.date) if tally.is_known else None
            if len(lessons) >= nightly.MOST_PAPERS:
                break
            for decision in digest.decisions if digest else ():
                if decision.score:
                    id, score = decision.paper.id, decision.score
                    picked = outcomes.meets_cutoffs(self._profile, score)
                    stands_for = tally.audits.get(id, 1.0)
                    lessons.setdefault(id, Lesson(tally.date, decision.paper, picked, stands_for))
        return list(lessons.values())

    def _meaning(self, papers: Sequence[Paper], embeddings: Embeddings | None) -> Meaning | None:
        if embeddings is None or not papers:
            return None
        return embeddings.of(self._profile, papers, patience=_NIGHT)

    def _digest(self, day: date_) -> Digest | None:
        return self._store.days.get(self._names().get(day, ""))

    def _names(self) -> Mapping[date_, str]:
        return self._gates.days(self._key)

    def _tallies(self) -> list[Tally]:
        return self._gates.tallies(self._key, Tally)

    def _report(self, tallies: Sequence[Tally]) -> None:
        self._gates.put_report(self._key, gate_report(self._kept, tallies))


def _lifted(placed: Sequence[LearnedScore], least: float, shifts: Mapping[str, float]) -> list[str]:
    """Votes let papers through, and keep none out: the promise is of picks, not of likes."""
    score = {row.id: row.score + shifts.get(row.id, 0.0) for row in placed if row.score < least}
    best = sorted(score, key=lambda id: (-score[id], id))
    return [id for id in best if score[id] >= least][: len(placed) // _PAPERS_A_LIFTED]


def ask_about_all(papers: Sequence[Paper], ranked: Sequence[KeywordScore]) -> Division:
    """Ask about all papers; the local ranking breaks ties and decides whom a budget reaches."""
    return Division(tuple(papers), [row.id for row in ranked], places_in(ranked))


def places_in(ranked: Sequence[KeywordScore]) -> dict[str, LocalRank]:
    """The places of papers (ids) in a local ranking, best first."""
    return {
        row.id: LocalRank(rank=rank, of=len(ranked), words=row.words, relevance=row.relevance)
        for rank, row in enumerate(ranked, 1)
    }
