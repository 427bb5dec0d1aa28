"""Score and deliver: each gathers, decides, and leaves one durable thing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import structlog

from bot.arxiv.authors import followed
from bot.domain.budget import Limits, Payer
from bot.domain.digest import DeliveryBasis, Digest, ListResult, Score, ScoreResult, Source
from bot.domain.papers import Paper
from bot.domain.reasons import ModelReason
from bot.domain.request import DigestRequest, delivery_name, digest_name
from bot.planning import plan
from bot.store.channels import Channels
from bot.store.days import Store
from bot.store.lease import Lease
from bot.store.outbox import TerminalPosts
from bot.views import digest as digest_views
from workers.gate import keyword_ranking
from workers.gate.gatekeeper import Gatekeeper, ask_about_all
from workers.judging import outcomes, scoring
from workers.judging.metering import LimitableModel
from workers.judging.score_day import DayScorer

log = structlog.get_logger()

Clock = Callable[[], datetime]
Progress = Callable[[int, int], None]

# Longer than a worker can be busy between two renewals, shorter than rq needs to find it dead.
_LEASE_SECONDS = 15.0


def score(
    request: DigestRequest,
    store: Store,
    model: LimitableModel | None,
    calls_at_once: int,
    clock: Clock,
    progress: Progress,
    limits: tuple[Limits, Limits] = (Limits(), Limits()),
) -> None:
    """Leave behind the decided day of a profile.

    One worker at a time scores a day: while another is at it, or died a moment ago, nothing is
    done, and who waits asks again. The next one finds the scores there and buys none again.
    `model` is None where this worker has no key; a wish for the local judge needs none. `limits`
    are the workspace's that wishes it, and the profile's in it.
    """
    channels, profile, list_result = (
        Channels(store),
        store.profile(request.profile),
        _listed(request, store),
    )
    name = digest_name(request, list_result)
    with _hold_lease(store, f"score:{name}") as lease:
        if lease is None:
            return
        if plan.is_judged(channels.request_state(request), request.since):
            return  # whoever held the lease before us has done it
        day, replacements = outcomes.papers_of_day(profile, store.batch(list_result.batch))
        papers = [entry.paper for entry in day]
        looks, prompt = list[str](), ""
        if request.judge.model is None or model is None:
            ranked = keyword_ranking.rank(profile, papers)
            division = ask_about_all(papers, ranked)
            ranking = division.ranking
        if request.judge.model is None:
            verdicts = {p.versioned: v for p, v in _local(papers, ranked)}
        elif model is None:
            nobody = ScoreResult(score=None, trouble=ModelReason.NO_KEY)
            verdicts = {paper.versioned: nobody for paper in papers}
        else:
            prompt = scoring.prompt_as_sent(profile)
            payer = Payer.of(request.address.workspace_key, profile.name, limits)
            judge = DayScorer(store, model, profile, payer, calls_at_once, clock, lease, name)
            keeper = Gatekeeper(store, profile, model.name)
            must = {p.id for p in papers if followed(p.authors, profile.authors.follow)}
            division = keeper.divide(papers, list_result.date, must)
            verdicts = judge.score(division.asked, division.ranking, progress)
            decisions = outcomes.decide_outcomes(profile, day, verdicts, division.ranking)
            ranking, looks = judge.break_ties(decisions, division.ranking), judge.order_calls
            if list_result.source in (Source.ARXIV, Source.WINDOW):
                keeper.record_day(name, list_result.date, division, verdicts)
            judge.book_gated(len(papers) - len(division.asked), verdicts)
        calls = [*(call for v in verdicts.values() for call in v.calls), *looks]
        digest = Digest(
            profile=profile,
            listed=list_result,
            decisions=outcomes.decide_outcomes(profile, day, verdicts, ranking, division.places),
            replacements=replacements,
            judge=request.judge,
            prompt=prompt,
            usage=store.usage(calls),
            judged_at=clock(),
        )
        lease.renew()
        channels.put_decided_day(name, digest)


def deliver_to_terminal(request: DigestRequest, store: Store, clock: Clock) -> None:
    """Leave behind a decided day as the terminal or standard output gets it."""
    channels, list_result = Channels(store), _listed(request, store)
    name = delivery_name(request, list_result)
    with _hold_lease(store, f"deliver:{request.address}") as lease:
        if lease is None:
            return
        facts = channels.request_state(request)
        step = plan.next_step(request, facts)
        if step is None or step.kind is not plan.StepKind.DELIVER:
            return
        day = digest_name(request, list_result)
        decided = store.digest(day)
        if decided is None:
            return  # it could not be read: it is judged again first
        digest = outcomes.digest_for_channel(
            request, list_result, decided, channels.ids_from_other_digests
        )
        lease.renew()
        if request.address.platform == "terminal":
            TerminalPosts(store).put_posts(name, digest_views.thread_posts(digest, day))
        basis = DeliveryBasis((day,), facts.version)
        channels.put_delivered(request.address, name, digest, clock(), basis=basis)


def _local(
    papers: Sequence[Paper], ranked: Sequence[keyword_ranking.KeywordScore]
) -> Iterator[tuple[Paper, ScoreResult]]:
    by_id = {row.id: row for row in ranked}
    for paper in papers:
        row = by_id[paper.id]
        yield paper, ScoreResult(score=Score(relevance=row.relevance, comment=", ".join(row.words)))


def _listed(request: DigestRequest, store: Store) -> ListResult:
    list_result = store.list_result(request.wanted)
    if list_result is None:
        raise KeyError(f"nothing was listed for {request.wanted.key}")
    return list_result


@contextmanager
def _hold_lease(store: Store, name: str) -> Iterator[Lease | None]:
    """None while another worker has it: this one is given back, not kept waiting."""
    lease = store.lease(name, _LEASE_SECONDS, 0)
    if lease is None:
        log.info("locked by another worker", what=name)
        yield None
        return
    try:
        yield lease
    finally:
        lease.release()
