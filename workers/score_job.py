"""SCORE, and DELIVER to a terminal: each gathers, decides, and stores one result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import NamedTuple

import structlog

from bot.arxiv.authors import followed
from bot.domain.budget import Limits, Payer
from bot.domain.digest import (
    Decision,
    DeliveryBasis,
    Digest,
    ListResult,
    LocalRank,
    Score,
    ScoreResult,
    Source,
)
from bot.domain.papers import Announced, Paper, Profile
from bot.domain.reasons import AWAY, ModelReason
from bot.domain.request import DigestRequest, delivery_name, digest_name
from bot.domain.watching.trouble import TroubleKind
from bot.planning import plan
from bot.store.store import Store
from bot.store.values.lease import Lease
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import Meaning
from workers.gate import local_ranking
from workers.gate.gatekeeper import Gatekeeper, ask_about_all, places_in
from workers.gate.voting import votes_of
from workers.judging import outcomes, scoring, spreading
from workers.judging.metering import LimitableModel
from workers.judging.score_day import DayScorer
from workers.judging.stand_ins import Shown, with_stand_ins

log = structlog.get_logger()

Clock = Callable[[], datetime]
Progress = Callable[[int, int], None]

# Longer than a worker is ever busy between two renewals, shorter than rq takes to miss a dead one.
_LEASE_SECONDS = 15.0


class _Judged(NamedTuple):
    """What one judge made of a day: results by `IDvN`, every id best first, its place in the local
    ranking, the prompt as sent, and the calls about the day's best papers."""

    results: Mapping[str, ScoreResult]
    ranking: Sequence[str]
    places: Mapping[str, LocalRank]
    prompt: str = ""
    top_calls: Sequence[str] = ()

    def decisions(self, profile: Profile, day: Sequence[Announced]) -> tuple[Decision, ...]:
        return outcomes.decide_outcomes(profile, day, self.results, self.ranking, self.places)


def score(
    request: DigestRequest,
    store: Store,
    model: LimitableModel | None,
    calls_at_once: int,
    clock: Clock,
    progress: Progress,
    limits: tuple[Limits, Limits] = (Limits(), Limits()),
    embeddings: Embeddings | None = None,
    looks_again: bool = False,
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Decide and store a profile's day. Raises HandedBack where this `should_stop` before that.

    One worker at a time scores for the same criteria and model, since days may share papers, which
    are paid for once; another returns at once. `model` is None where this worker has no key.
    `limits` are the requesting workspace's and the profile's. Without `embeddings` words rank.
    """
    profile, list_result = store.profiles.get(request.profile), store.lists.result(request.wanted)
    if list_result is None:
        return  # it is unreadable by now, and asked for again first
    name = digest_name(request, list_result)
    by, shown = request.judge.model, request.judge.examples
    key = scoring.judge_key(profile, by, shown) if by else name
    with _hold_lease(store, f"score:{key}") as lease:
        if lease is None or plan.is_judged(store.requests.state(request), request.since):
            return  # another worker is at it, or has done it
        day, replacements = outcomes.papers_of_day(profile, store.lists.batch(list_result.batch))
        papers = [entry.paper for entry in day]
        meanings = _Meanings(embeddings, profile, papers, lease, request)
        if by is None:
            judged = _judge_locally(profile, papers, meanings.wanted(progress))
        elif model is None:
            judged = _judge_without_key(profile, papers)
        else:
            payer = Payer.of(request.address.workspace_key, profile.name, limits)
            paid = payer, calls_at_once, clock, lease, name
            scorer = DayScorer(store, model, profile, *paid, looks_again, shown, should_stop)
            keeper = Gatekeeper(store, profile, model.name, request.judge.owner)
            voted = _is_voted(request, store, profile)
            meaning = meanings.where(payer.limited or keeper.divides, voted)
            shifts = _shifts(request, store, profile, papers, meaning, embeddings) if voted else {}
            given = profile, list_result, day, name, meaning, shifts, progress
            judged = _judge_by_model(scorer, keeper, *given)
        judged = _with_meaning(judged, profile, papers, meanings)
        calls = [*(call for r in judged.results.values() for call in r.calls), *judged.top_calls]
        digest = Digest(
            profile=profile,
            listed=list_result,
            decisions=spreading.spread_scores(profile, judged.decisions(profile, day)),
            replacements=replacements,
            judge=request.judge,
            prompt=judged.prompt,
            usage=store.scores.usage(calls),
            words_alone=meanings.missed,
            judged_at=clock(),
        )
        lease.renew()
        _put_decided(name, digest, store)


def _put_decided(name: str, digest: Digest, store: Store) -> None:
    """Count a decided day and store it, in this order: the same day is counted once, whoever dies
    in between."""
    if digest.listed.source in (Source.ARXIV, Source.WINDOW):
        missing = Counter(d.trouble for d in digest.decisions if d.trouble)
        scored = sum(d.score is not None for d in digest.decisions)
        reached = {"announced": len(digest.decisions), "scored": scored}
        store.counts.raise_to(name, reached | {f"unscored {why}": n for why, n in missing.items()})
        lost = digest.lost_to_outage
        if digest.judge.model and (lost or digest.usage.calls):
            why = digest.unscored_reason or (lost[0].trouble if lost else None)
            store.sightings.put(TroubleKind.MODEL, why, digest.judged_at)
    store.days.put_decided(name, digest)


class _Meanings:
    """The meaning of a day's papers, where it is to be had."""

    def __init__(
        self,
        embeddings: Embeddings | None,
        profile: Profile,
        papers: Sequence[Paper],
        lease: Lease,
        request: DigestRequest,
    ) -> None:
        self._embeddings, self._profile, self._papers = embeddings, profile, papers
        self._lease = lease
        self._is_awaited = bool(request.by or not request.subscription)
        self._found: Meaning | None = None
        self.missed = False  # whether it was wanted, and words alone had to do

    def wanted(self, progress: Progress = lambda done, total: None) -> Meaning | None:
        """With the vectors that have to be made for it, within a minute."""
        if self._embeddings is None:
            return None

        def beat(done: int, total: int) -> None:
            self._lease.renew()
            progress(done, total)

        self._found = self._embeddings.of(self._profile, self._papers, beat)
        self.missed = self._found is None
        return self._found

    def where(self, decides: bool, is_voted: bool = False) -> Meaning | None:
        """As `wanted` where the local ranking decides whom the model is asked about, and where
        readers' votes are going to order the day and nobody waits for it; where it only breaks
        ties, with vectors that are there."""
        decides = decides or (is_voted and not self._is_awaited)
        if decides or self._embeddings is None:
            return self.wanted()
        self._found = self._embeddings.known(self._profile, self._papers)
        return self._found

    def after_all(self) -> Meaning | None:
        """As `wanted`, where papers are left without a score and words alone have placed them so
        far; a day that somebody waits for does with vectors that are there."""
        if self._found or self.missed or self._embeddings is None:
            return None
        if not self._is_awaited:
            return self.wanted()
        self._found = self._embeddings.known(self._profile, self._papers)
        self.missed = self._found is None
        return self._found


def _judge_locally(profile: Profile, papers: Sequence[Paper], meaning: Meaning | None) -> _Judged:
    """Relevance by the words of the profile and their meaning; no novelty."""
    ranked = local_ranking.rank(profile, papers, meaning)
    division = ask_about_all(papers, ranked)
    by_id = {row.id: row for row in ranked}
    results = {}
    for paper in papers:
        row = by_id[paper.id]
        local = Score(relevance=row.relevance, comment=", ".join(row.words))
        results[paper.versioned] = ScoreResult(score=local)
    return _Judged(results, division.ranking, division.places)


def _judge_without_key(profile: Profile, papers: Sequence[Paper]) -> _Judged:
    """No score for any paper, in the order of the local ranking."""
    division = ask_about_all(papers, local_ranking.rank(profile, papers, None))
    missing = ScoreResult(score=None, trouble=ModelReason.NO_KEY)
    results = {paper.versioned: missing for paper in papers}
    return _Judged(results, division.ranking, division.places)


def _with_meaning(
    judged: _Judged,
    profile: Profile,
    papers: Sequence[Paper],
    meanings: _Meanings,
) -> _Judged:
    """With a place by meaning too where the model was away and words alone have placed the papers.
    A few answers that went wrong are not worth a minute."""
    unscored = [result for result in judged.results.values() if result.score is None]
    is_away = any(r.trouble in AWAY for r in unscored) or len(unscored) * 2 > len(judged.results)
    if not is_away:
        return judged
    if (meaning := meanings.after_all()) is None:
        return judged
    return judged._replace(places=places_in(local_ranking.rank(profile, papers, meaning)))


def _judge_by_model(
    scorer: DayScorer,
    keeper: Gatekeeper,
    profile: Profile,
    list_result: ListResult,
    day: Sequence[Announced],
    name: str,
    meaning: Meaning | None,
    shifts: Mapping[str, float],
    progress: Progress,
) -> _Judged:
    """The model's scores of the papers that pass the gate, some by votes (`shifts`), its order of
    the best and its sentences about them; `name` is the decided day's."""
    papers = [entry.paper for entry in day]
    always_ask = {p.id for p in papers if followed(p.authors, profile.authors.follow)}
    division = keeper.divide(papers, list_result.date, always_ask, meaning, shifts)
    first = scorer.score(division.asked, division.ranking, progress)
    results = scorer.look_again(division.asked, first)
    decisions = outcomes.decide_outcomes(profile, day, results, division.ranking)
    top = scorer.describe_top(decisions, division.ranking)
    if list_result.source in (Source.ARXIV, Source.WINDOW):
        keeper.record_day(name, list_result.date, division, results)
    scorer.book_gated(len(papers) - len(division.asked), results)
    told = outcomes.with_sentences(results, top.written)
    return _Judged(told, top.ranking, division.places, scorer.prompt, top.calls)


def _is_voted(request: DigestRequest, store: Store, profile: Profile) -> bool:
    """Whether votes of the requesting workspace have a part in its day. Not where another workspace
    subscribes to a profile of this name, too: a day is judged once for all, and what passes the
    gate for one's votes, another would see; but a day with examples is one's own."""
    place = request.address.workspace_key
    same = [each for each in store.subscriptions.all() if each.profile == profile.name]
    is_own = bool(request.judge.owner)
    if not is_own and any(each.address.workspace_key != place for each in same):
        return False
    is_used = store.vote_uses.of(place, profile.name).weight.factor
    return bool(is_used and store.votes.lessons(place, profile.name))


def _shifts(
    request: DigestRequest,
    store: Store,
    profile: Profile,
    papers: Sequence[Paper],
    meaning: Meaning | None,
    embeddings: Embeddings | None,
) -> Mapping[str, float]:
    """How much more readers are interested in each paper by their votes. What these taught is
    learned now, so that whoever posts the day finds it; with the vectors of papers voted on, of
    which few are missing, beside the `meaning` of the day's."""

    def meaning_of(some: Sequence[Paper]) -> Meaning | None:
        return embeddings.of(profile, some) if embeddings else None

    place = request.address.workspace_key
    voted = votes_of(store, place, profile, papers, lambda: meaning, meaning_of)
    return voted.relevance_shifts(papers, meaning) if voted else {}


def deliver_to_terminal(request: DigestRequest, store: Store, clock: Clock) -> None:
    """Store a decided day's delivery to the terminal or standard output."""
    list_result = store.lists.result(request.wanted)
    if list_result is None:
        return  # as in score()
    name = delivery_name(request, list_result)
    with _hold_lease(store, f"deliver:{request.address}") as lease:
        if lease is None:
            return
        facts = store.requests.state(request)
        step = plan.next_step(request, facts)
        if step is None or step.kind is not plan.StepKind.DELIVER:
            return
        day = digest_name(request, list_result)
        decided = store.days.get(day)
        if decided is None:
            return  # the stored day is unreadable; it is judged again first
        digest = outcomes.digest_for_channel(
            request, list_result, decided, store.shown_papers.ids_from_other_digests
        )
        ranked = with_stand_ins(digest, Shown(), plan.is_last_try(request, clock()))
        digest = ranked if ranked.stand_ins else digest
        lease.renew()
        basis = DeliveryBasis((day,), facts.version)
        store.history.put_delivered(request.address, name, digest, clock(), basis=basis)


@contextmanager
def _hold_lease(store: Store, name: str) -> Iterator[Lease | None]:
    """None while another worker holds it: the caller returns instead of waiting."""
    lease = store.lease(name, _LEASE_SECONDS, 0)
    if lease is None:
        log.info("locked by another worker", what=name)
        yield None
        return
    try:
        yield lease
    finally:
        lease.release()
