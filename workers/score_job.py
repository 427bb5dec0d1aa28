"""Score and deliver: each gathers, decides, and leaves one durable thing behind."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import structlog

from bot.arxiv.authors import followed
from bot.domain.budget import Limits, Payer
from bot.domain.digest import Basis, Digest, Listed, Score, Source, Verdict
from bot.domain.papers import Paper, Trouble
from bot.domain.request import Wish, delivery_name, ledger_name
from bot.planning import plan
from bot.store.channels import Channels
from bot.store.days import Store
from bot.store.lease import Lease
from bot.store.outbox import Shown
from bot.views import digest as digest_views
from workers.gate import keyword_ranking
from workers.gate.gatekeeper import Gatekeeper, open_division
from workers.judging import outcomes, scoring
from workers.judging.metering import Bounded
from workers.judging.score_day import Verdicts

log = structlog.get_logger()

Clock = Callable[[], datetime]
Progress = Callable[[int, int], None]

# Longer than a worker can be busy between two renewals, shorter than rq needs to find it dead.
_LEASE_SECONDS = 15.0


def score(
    wish: Wish,
    store: Store,
    model: Bounded | None,
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
    channels, profile, listed = Channels(store), store.profile(wish.profile), _listed(wish, store)
    name = ledger_name(wish, listed)
    with _alone(store, f"score:{name}") as lease:
        if lease is None:
            return
        if plan.is_judged(channels.facts(wish), wish.since):
            return  # whoever held the lease before us has done it
        day, replacements = outcomes.announced(profile, store.batch(listed.batch))
        papers = [entry.paper for entry in day]
        looks, prompt = list[str](), ""
        if wish.judge.model is None or model is None:
            ranked = keyword_ranking.rank(profile, papers)
            division = open_division(papers, ranked)
            ranking = division.ranking
        if wish.judge.model is None:
            verdicts = {p.versioned: v for p, v in _local(papers, ranked)}
        elif model is None:
            nobody = Verdict(score=None, trouble=Trouble.NO_KEY)
            verdicts = {paper.versioned: nobody for paper in papers}
        else:
            prompt = scoring.prompt_as_sent(profile)
            payer = Payer.of(wish.address.workspace_key, profile.name, limits)
            judge = Verdicts(store, model, profile, payer, calls_at_once, clock, lease, name)
            keeper = Gatekeeper(store, profile, model.name)
            must = {p.id for p in papers if followed(p.authors, profile.authors.follow)}
            division = keeper.divide(papers, listed.date, must)
            verdicts = judge.scores(division.asked, division.ranking, progress)
            decisions = outcomes.decide(profile, day, verdicts, division.ranking)
            ranking, looks = judge.order(decisions, division.ranking), judge.looks
            if listed.source in (Source.ARXIV, Source.WINDOW):
                keeper.count(name, listed.date, division, verdicts)
            judge.gated(len(papers) - len(division.asked), verdicts)
        calls = [*(call for v in verdicts.values() for call in v.calls), *looks]
        digest = Digest(
            profile=profile,
            listed=listed,
            decisions=outcomes.decide(profile, day, verdicts, ranking, division.places),
            replacements=replacements,
            judge=wish.judge,
            prompt=prompt,
            usage=store.usage(calls),
            judged_at=clock(),
        )
        lease.renew()
        channels.put_judged(name, digest)


def deliver(wish: Wish, store: Store, clock: Clock) -> None:
    """Leave behind a decided day as the terminal or standard output gets it."""
    channels, listed = Channels(store), _listed(wish, store)
    name = delivery_name(wish, listed)
    with _alone(store, f"deliver:{wish.address}") as lease:
        if lease is None:
            return
        facts = channels.facts(wish)
        step = plan.due(wish, facts)
        if step is None or step.kind is not plan.Kind.DELIVER:
            return
        day = ledger_name(wish, listed)
        decided = store.digest(day)
        if decided is None:
            return  # it could not be read: it is judged again first
        digest = outcomes.chosen(wish, listed, decided, channels.had_before)
        lease.renew()
        if wish.address.platform == "terminal":
            Shown(store).put_posts(name, digest_views.thread(digest, day))
        basis = Basis((day,), facts.version)
        channels.put_delivered(wish.address, name, digest, clock(), basis=basis)


def _local(
    papers: Sequence[Paper], ranked: Sequence[keyword_ranking.Ranked]
) -> Iterator[tuple[Paper, Verdict]]:
    by_id = {row.id: row for row in ranked}
    for paper in papers:
        row = by_id[paper.id]
        yield paper, Verdict(score=Score(relevance=row.relevance, comment=", ".join(row.words)))


def _listed(wish: Wish, store: Store) -> Listed:
    listed = store.listed(wish.wanted)
    if listed is None:
        raise KeyError(f"nothing was listed for {wish.wanted.key}")
    return listed


@contextmanager
def _alone(store: Store, name: str) -> Iterator[Lease | None]:
    """None while another worker has it: this one is given back, not kept waiting."""
    lease = store.lease(name, _LEASE_SECONDS, 0)
    if lease is None:
        log.info("another worker is at it", what=name)
        yield None
        return
    try:
        yield lease
    finally:
        lease.release()
