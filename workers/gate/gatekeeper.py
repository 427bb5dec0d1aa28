"""A profile's gate from day to day: divides a day, records how it went, learns at night."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date as date_
from typing import NamedTuple

import structlog

from bot.domain.budget import GateReport
from bot.domain.digest import LocalRank, ScoreResult
from bot.domain.papers import Paper, Profile, Value
from bot.errors import Refused
from bot.store.gates import Gates, gate_key
from bot.store.store import Store
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import Meaning
from workers.gate import learned_ranking, local_ranking, threshold
from workers.gate.keyword_ranking import KeywordScore
from workers.gate.threshold import Recall, Tally
from workers.judging import outcomes

log = structlog.get_logger()

# Training takes four seconds per thousand papers, and five times that for the threshold.
_MOST_PAPERS = 6_000
# Seconds: what has no vector yet is embedded at night, and gets this much of the job's half hour.
_NIGHT = 900.0


class ClosedGate(Value):
    """A gate in use: its ranking, the least score that passes, the score from which lower ones are
    near it, and the first day it divides."""

    learned: learned_ranking.LearnedRanking
    least: float
    near: float
    since: date_


class GateState(Value):
    """A profile's gate: closed, or open (None). `opened` is the last day that an earlier gate
    divided, `why` the recall that had it opened."""

    closed: ClosedGate | None = None
    opened: date_ | None = None
    why: Recall | None = None


class Division(NamedTuple):
    """A day before the model is asked: the papers to ask about, all papers' ids best first with
    their places, and the gate's split where one divided it."""

    asked: tuple[Paper, ...]
    ranking: list[str]
    places: dict[str, LocalRank]
    split: threshold.GateSplit | None


class Gatekeeper:
    """The gate of one profile before one model."""

    def __init__(self, store: Store, profile: Profile, model: str) -> None:
        self._store, self._gates, self._profile = store, Gates(store), profile
        self._key = gate_key(profile, model)
        self._kept = self._gates.gate(self._key, GateState) or GateState()

    def is_closed(self, day: date_) -> bool:
        """Whether the gate divides a day."""
        closed = self._kept.closed if self._profile.gate else None
        return closed is not None and day >= closed.since

    def divide(
        self,
        papers: Sequence[Paper],
        day: date_,
        always_ask: Collection[str],
        meaning: Meaning | None = None,
    ) -> Division:
        """Divide a day; all papers are asked about, in their order, where the profile has no gate,
        or it is or was open on that day, or it knows of meaning and the day has none: its threshold
        is for both. Ids in `always_ask` pass in any case."""
        closed = self._kept.closed if self.is_closed(day) else None
        if closed is None or (closed.learned.meaning and meaning is None):
            return ask_about_all(papers, local_ranking.rank(self._profile, papers, meaning))
        placed = closed.learned.rank(self._profile, papers, meaning)
        untaught = {row.id: row for row in local_ranking.rank(self._profile, papers, meaning)}
        divided = threshold.divide(placed, closed.least, closed.near, day, always_ask)
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
        )

    def record_day(
        self, name: str, day: date_, division: Division, results: Mapping[str, ScoreResult]
    ) -> None:
        """Store a decided day's name and counts. A day judged in full for a profile without a gate
        says nothing of the closed gate it shares."""
        closed, divided = self._kept.closed, division.split
        if closed and day >= closed.since and divided is None:
            return
        scores = {
            paper.id: result.score
            for paper in division.asked
            if (result := results.get(paper.versioned)) and result.score
        }
        picks = [id for id, score in scores.items() if outcomes.meets_cutoffs(self._profile, score)]
        parts = divided or threshold.GateSplit(asked=tuple(scores), audited=(), gated=())
        tally = threshold.tally(day, parts, scores, picks)
        self._gates.put_day(self._key, day, name, tally)
        self._report(self._tallies())

    def learn(self, night: date_, embeddings: Embeddings | None = None) -> None:
        """Open a gate that lets too little pass; close one when there is enough to learn from, of
        words alone where there are no `embeddings`."""
        tallies = self._tallies()
        if self._kept.closed:
            since = self._kept.closed.since
            recall = threshold.estimate_recall([t for t in tallies if t.date >= since])
            if threshold.should_open(recall):
                self._keep(GateState(opened=tallies[-1].date, why=recall))
                log.info("gate reopened", profile=self._profile.name)
            elif self._kept.closed.learned.meaning and embeddings is None:
                # Meaning was switched off: a gate of words alone has to be learned.
                self._keep(GateState(opened=tallies[-1].date))
        elif threshold.may_close(self._kept.opened or date_.min, tallies):
            self._close(tallies[-1].date, embeddings)
        self._report(tallies)
        self._gates.put_last_trained(self._key, night)

    def _close(self, last: date_, embeddings: Embeddings | None) -> None:
        from workers.gate import training  # numpy takes a while to import

        papers, picked, days = self._training_papers()
        meaning = embeddings.of(self._profile, papers, patience=_NIGHT) if embeddings else None
        try:
            held = training.score_held_out(self._profile, papers, picked, days, meaning)
            knows = training.train(self._profile, papers, picked, meaning)
        except Refused as refused:
            log.info("gate stays open", profile=self._profile.name, why=str(refused))
            return
        least = threshold.choose_threshold(held)
        near = threshold.choose_near_threshold(held, least)
        closed = ClosedGate(learned=knows, least=least, near=near, since=_after(last))
        self._keep(GateState(closed=closed))
        log.info("gate closed", profile=self._profile.name, papers=knows.papers)

    def _training_papers(self) -> tuple[list[Paper], list[bool], list[date_]]:
        """The papers of days judged in full since the gate was opened, the newest first."""
        opened = self._kept.opened or date_.min
        full = {tally.date for tally in self._tallies() if tally.is_full}
        papers: dict[str, tuple[Paper, bool, date_]] = {}
        names = self._gates.days(self._key)
        for day in sorted(names, reverse=True):
            digest = self._store.days.get(names[day]) if day > opened and day in full else None
            if len(papers) >= _MOST_PAPERS:
                break
            for decision in digest.decisions if digest else ():
                if decision.score:
                    picked = outcomes.meets_cutoffs(self._profile, decision.score)
                    papers.setdefault(decision.paper.id, (decision.paper, picked, day))
        rows = list(papers.values())
        return [r[0] for r in rows], [r[1] for r in rows], [r[2] for r in rows]

    def _tallies(self) -> list[Tally]:
        return self._gates.tallies(self._key, Tally)

    def _keep(self, kept: GateState) -> None:
        self._kept = kept
        self._gates.put_gate(self._key, kept)

    def _report(self, tallies: Sequence[Tally]) -> None:
        closed, opened, recall = self._kept.closed, self._kept.opened, self._kept.why
        full = list[Tally]()
        if closed:
            recall = threshold.estimate_recall([t for t in tallies if t.date >= closed.since])
        else:
            full = [t for t in tallies if t.date > (opened or date_.min) and t.is_full]
        report = GateReport(
            closed=closed is not None,
            since=closed.since if closed else _after(opened) if opened else None,
            full=len(full),
            full_wanted=threshold.FULL_DAYS,
            picks=sum(t.picks for t in full),
            picks_wanted=threshold.FULL_PICKS,
        )
        if recall:
            shown = recall.model_dump(include={"days", "asked", "below", "audited", "missed"})
            between = {"recall": recall.value, "low": recall.low, "high": recall.high}
            report = report.model_copy(update=shown | between)
        self._gates.put_report(self._key, report)


def ask_about_all(papers: Sequence[Paper], ranked: Sequence[KeywordScore]) -> Division:
    """Ask about all papers; the local ranking breaks ties and decides whom a budget reaches."""
    return Division(tuple(papers), [row.id for row in ranked], places_in(ranked), None)


def places_in(ranked: Sequence[KeywordScore]) -> dict[str, LocalRank]:
    """The places of papers (ids) in a local ranking, best first."""
    return {
        row.id: LocalRank(rank=rank, of=len(ranked), words=row.words, relevance=row.relevance)
        for rank, row in enumerate(ranked, 1)
    }


def _after(day: date_) -> date_:
    return date_.fromordinal(day.toordinal() + 1)
