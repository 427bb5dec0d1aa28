"""What a profile would have brought on recent days."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain
from typing import Final, NamedTuple

from bot.arxiv import calendar
from bot.domain.budget import DAYS_A_MONTH
from bot.domain.digest import Decision, Outcome, Score, ScoreResult
from bot.domain.papers import Announced, Paper, Profile
from bot.domain.reasons import ModelReason
from bot.domain.tasks.trial import BEST, NAMED, Trial, TrialDay, TrialPaper, TrialResult
from bot.store.store import Store
from workers import trial_window
from workers.arxiv.client import ArxivClient
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import Meaning
from workers.gate import local_ranking
from workers.gate.gatekeeper import places_in
from workers.gate.keyword_ranking import KeywordScore
from workers.judging import outcomes, scoring
from workers.judging.batches import ModelClient
from workers.judging.estimate import expected_cost
from workers.trial_scoring import buy

Progress = Callable[[int, int], None]

# How far back days are looked for, and how many are kept for a person to know of.
_LOOKED_BACK: Final = 60
# A person waits so long for what papers mean; then words alone rank.
_PATIENCE: Final = 120.0
# Papers of each day, the best by the local ranking, that a model is asked about.
_SCORED_A_DAY: Final = 40
# A paper that has gone up or down by so many places has moved.
_MOVED: Final = 2

_NEAR: Final = (Outcome.OVER_LIMIT, Outcome.BELOW_CUTOFF)
# A day by its date, with everything that was announced on it.
Days = Mapping[date, Sequence[Announced]]


class _Judged(NamedTuple):
    """A profile's days as one judge decided them: decisions in posted order, and the local
    ranking's score of each paper, by id."""

    decisions: Mapping[date, Sequence[Decision]]
    marks: Mapping[str, float]


class Sources(NamedTuple):
    """Whom a trial may ask, where the store does not suffice: arXiv's API for days, and a model for
    scores, so many calls at once."""

    arxiv: ArxivClient | None = None
    model: ModelClient | None = None
    calls_at_once: int = 1


_STORE_ALONE: Final = Sources()


def run(
    trial: Trial,
    store: Store,
    embeddings: Embeddings | None,
    now: datetime,
    progress: Progress = lambda done, total: None,
    looks_again: bool = False,
    clock: Callable[[], float] = time.monotonic,
    sources: Sources = _STORE_ALONE,
) -> TrialResult:
    """Try a profile on the last announced days that the store has of its categories; where it has
    too few of them, also on newer ones as arXiv's API tells them.

    Where the model has scored these days for these criteria, its kept scores decide, of both
    profiles; otherwise the local ranking does. A model is asked only where the trial says so.
    `progress` hears how many of how many days are ranked, or papers scored. Raises Refused.
    """
    profiles = [each for each in (trial.profile, trial.before) if each]
    answered = _stored_days(trial.profile, store, now)
    filled = dict[date, str]()
    if sources.arxiv and (lacking := trial.days - len(answered)) > 0:
        asked = sorted({category for each in profiles for category in each.categories})
        filled = trial_window.fill(asked, lacking, answered, store, sources.arxiv, now)
    dates = sorted([*answered, *filled])[-trial.days :]
    here = [set(trial.profile.categories) if day in filled else answered[day] for day in dates]
    missing = set(trial.profile.categories).difference(*here)
    batches = {day: store.lists.batch(filled.get(day, str(day))) for day in dates}
    sides = [{d: outcomes.papers_of_day(p, batches[d])[0] for d in dates} for p in profiles]
    said = (lambda done, total: None) if trial.buys else progress
    ranked = _ranked(profiles, sides, embeddings, said, clock)
    tried = [_Side(*each) for each in zip(profiles, sides, ranked.rows, strict=True)]
    if trial.buys and sources.model:
        for each in tried:
            wanted = each.unscored(trial.model, store)
            buy(each.profile, wanted, store, sources.model, sources.calls_at_once, progress)
    scored = [each.kept_scores(trial.model, store) for each in tried]
    by_model = all(each.suffice(found) for each, found in zip(tried, scored, strict=True))
    judged = [
        _judged(each.profile, each.days, each.rows, results if by_model else {})
        for each, results in zip(tried, scored, strict=True)
    ]
    mine, before = judged[0], judged[1] if trial.before else None
    return _result(mine, before, dates).model_copy(
        update={
            "stored": len(answered),
            "filled": tuple(sorted(filled)),
            "missing": tuple(sorted(missing)) if dates else (),
            "by_model": by_model,
            "words_only": ranked.words_only,
            "usd_a_month": _month(trial, sides[0], looks_again),
            "bought": trial.buys,
            **({} if by_model else _to_score(trial, tried, store)),
            "trouble": _trouble(trial, tried, store) if trial.buys and not by_model else None,
        }
    )


class _Side(NamedTuple):
    """A profile, the papers of its days, and how the local ranking ranks them."""

    profile: Profile
    days: Days
    rows: Mapping[date, Sequence[KeywordScore]]

    def kept_scores(self, model: str | None, store: Store) -> dict[str, ScoreResult]:
        """By `IDvN`, what the model said of these days' papers for this profile's criteria."""
        if model is None:
            return {}
        papers = [entry.paper.versioned for entry in chain.from_iterable(self.days.values())]
        kept = store.scores.results(scoring.judge_key(self.profile, model), papers)
        return {name: result for name, result in kept.items() if result.score}

    def suffice(self, results: Mapping[str, ScoreResult]) -> bool:
        """Whether the model has scored what the local ranking would pick of each day: the rest the
        gate may have kept from it."""
        known = {name.rpartition("v")[0] for name in results}
        least = self.profile.cutoffs.relevance
        rows = chain.from_iterable(self.rows.values())
        return bool(results) and known.issuperset(r.id for r in rows if r.relevance >= least)

    def unscored(self, model: str | None, store: Store) -> list[Paper]:
        """The papers without a score that the local ranking would pick, and of each day the next
        best: the others a gate would spare."""
        known, least = self.kept_scores(model, store), self.profile.cutoffs.relevance
        wanted = {
            row.id
            for rows in self.rows.values()
            for place, row in enumerate(rows)
            if place < _SCORED_A_DAY or row.relevance >= least
        }
        papers = {e.paper.versioned: e.paper for e in chain.from_iterable(self.days.values())}
        return [p for name, p in papers.items() if p.id in wanted and name not in known]


def _to_score(trial: Trial, tried: Sequence[_Side], store: Store) -> dict[str, object]:
    """How many papers a model would have to be asked about, and for how many dollars."""
    if trial.model is None:
        return {}
    by_key = {
        scoring.judge_key(each.profile, trial.model): (each.profile, papers)
        for each in tried
        if (papers := each.unscored(trial.model, store))
    }
    costs = [expected_cost(of, trial.model, papers).usd for of, papers in by_key.values()]
    known = [cost for cost in costs if cost is not None]
    return {
        "unscored": sum(len(papers) for _, papers in by_key.values()),
        "usd_to_score": sum(known) if known and len(known) == len(costs) else None,
    }


def _trouble(trial: Trial, tried: Sequence[_Side], store: Store) -> ModelReason | None:
    """Why most of the papers are without a score that a model was asked for."""
    found = Counter[ModelReason]()
    for each in tried:
        key = scoring.judge_key(each.profile, trial.model or "")
        papers = [paper.versioned for paper in each.unscored(trial.model, store)]
        results = store.scores.results(key, papers).values()
        found.update(result.trouble for result in results if result.trouble)
    return found.most_common(1)[0][0] if found else None


def _stored_days(profile: Profile, store: Store, now: datetime) -> dict[date, set[str]]:
    """The last days of which arXiv answered for some of the profile's categories, and for which."""
    found, day = dict[date, set[str]](), calendar.new_york_date(now)
    for back in range(_LOOKED_BACK):
        each = day - timedelta(days=back)
        here = store.lists.answered_categories(str(each)).intersection(profile.categories)
        if here and store.lists.changed_at(str(each)):
            found[each] = here
    return found


class _Ranked(NamedTuple):
    """The local ranking of each profile's days, and whether words alone made it."""

    rows: Sequence[Mapping[date, Sequence[KeywordScore]]]
    words_only: bool


def _ranked(
    profiles: Sequence[Profile],
    sides: Sequence[Days],
    embeddings: Embeddings | None,
    progress: Progress,
    clock: Callable[[], float],
) -> _Ranked:
    """All by words and meaning, or all by words alone, so that days and profiles compare."""
    meanings = dict[tuple[int, date], Meaning]()
    total, end = len(profiles) * len(sides[0]), clock() + _PATIENCE
    for side, (profile, days) in enumerate(zip(profiles, sides, strict=True)):
        for day, entries in days.items():
            progress(len(meanings), total)
            papers, left = [entry.paper for entry in entries], max(end - clock(), 0.0)
            meaning = embeddings.of(profile, papers, patience=left) if embeddings else None
            if meaning is None and papers:
                return _Ranked(_rows(profiles, sides, {}), words_only=True)
            if meaning:
                meanings[side, day] = meaning
    progress(total, total)
    return _Ranked(_rows(profiles, sides, meanings), words_only=not meanings)


def _rows(
    profiles: Sequence[Profile], sides: Sequence[Days], meanings: Mapping[tuple[int, date], Meaning]
) -> list[dict[date, Sequence[KeywordScore]]]:
    return [
        {
            day: local_ranking.rank(profile, [e.paper for e in entries], meanings.get((side, day)))
            for day, entries in days.items()
        }
        for side, (profile, days) in enumerate(zip(profiles, sides, strict=True))
    ]


def _judged(
    profile: Profile,
    days: Days,
    rows: Mapping[date, Sequence[KeywordScore]],
    results: Mapping[str, ScoreResult],
) -> _Judged:
    """By the model's results, or else by the local ranking."""
    decisions = dict[date, Sequence[Decision]]()
    for day, entries in days.items():
        ranked = {row.id: row for row in rows[day]}
        local = {
            entry.paper.versioned: ScoreResult(
                score=Score(relevance=ranked[entry.paper.id].relevance, comment="")
            )
            for entry in entries
        }
        decisions[day] = outcomes.decide_outcomes(
            profile, entries, results or local, list(ranked), places_in(rows[day])
        )
    marks = {row.id: row.score for row in chain.from_iterable(rows.values())}
    return _Judged(decisions, marks)


def _result(mine: _Judged, before: _Judged | None, dates: Sequence[date]) -> TrialResult:
    picks, picks_before = _ranks(mine), _ranks(before) if before else {}
    papers = {d.paper.id: (day, d) for day, d in chain(_every(before), _every(mine))}

    def shown(ids: Sequence[str]) -> tuple[TrialPaper, ...]:
        return tuple(_paper(*papers[id], picks.get(id), picks_before.get(id)) for id in ids)

    def order(id: str) -> tuple[float, float, float, str]:
        _, decision = papers[id]
        score, mark = decision.score, mine.marks.get(id, 0.0)
        if score is None:
            return 0.0, 0.0, -mark, id
        return -score.relevance, -(score.novelty or 0), -mark, id

    near = [d.paper.id for _, d in _every(mine) if d.outcome in _NEAR]
    compared = before is not None
    both = picks.keys() & picks_before.keys()
    return TrialResult(
        days=tuple(
            TrialDay(
                date=day,
                announced=len(mine.decisions[day]),
                picked=_count(mine, day),
                before=_count(before, day) if before else None,
            )
            for day in dates
        ),
        stored=len(dates),
        best=shown(sorted(picks, key=order)[:BEST]),
        near=shown(sorted(near, key=order)[:NAMED]),
        entered=shown(sorted(picks.keys() - picks_before, key=order) if compared else []),
        left=shown(sorted(picks_before.keys() - picks, key=lambda id: (picks_before[id], id))),
        moved=shown(
            sorted(
                (id for id in both if abs(picks[id] - picks_before[id]) >= _MOVED),
                key=lambda id: (-abs(picks[id] - picks_before[id]), id),
            )
        ),
    )


def _every(judged: _Judged | None) -> list[tuple[date, Decision]]:
    days = judged.decisions.items() if judged else ()
    return [(day, decision) for day, decisions in days for decision in decisions]


def _ranks(judged: _Judged) -> dict[str, int]:
    """The picked papers' places in their day's digest."""
    return {
        decision.paper.id: place
        for decisions in judged.decisions.values()
        for place, decision in enumerate((d for d in decisions if d.outcome is Outcome.PICKED), 1)
    }


def _count(judged: _Judged, day: date) -> int:
    return sum(d.outcome is Outcome.PICKED for d in judged.decisions[day])


def _paper(day: date, decision: Decision, rank: int | None, before: int | None) -> TrialPaper:
    score, paper = decision.score, decision.paper
    return TrialPaper(
        id=paper.id,
        title=paper.title,
        date=day,
        relevance=score.relevance if score else 1,
        novelty=score.novelty if score else None,
        rank=rank,
        rank_before=before,
    )


def _month(trial: Trial, days: Days, looks_again: bool) -> float | None:
    """Dollars for a month of days like these, nothing of it cached or spared by a gate."""
    if trial.model is None or not days:
        return None
    papers = list[Paper](e.paper for e in chain.from_iterable(days.values()))
    cost = expected_cost(trial.profile, trial.model, papers, looks_again=looks_again).usd
    return None if cost is None else cost / len(days) * DAYS_A_MONTH
