"""Buys a model's scores of the papers that a profile is tried on, for who asked for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Final

from bot.domain.papers import Paper, Profile
from bot.errors import Refused
from bot.store.store import Store
from bot.views.making import previews as views
from workers.judging import batches, scoring
from workers.judging.batches import ModelClient

# A worker that dies holds up others so long (s); renewed with every answer and every heartbeat.
_LEASE_SECONDS: Final = 20.0
# Whoever waits for a purchase waits three minutes (bot/runtime/task_waiter.py): so long, others who
# score by the same criteria are waited for, be it this purchase in a worker that was killed.
_PATIENCE: Final = 60.0

Progress = Callable[[int, int], None]


def buy(
    profile: Profile,
    papers: Sequence[Paper],
    store: Store,
    model: ModelClient,
    calls_at_once: int,
    progress: Progress,
) -> None:
    """Have these papers scored, each score stored as it arrives; what the budget does not pay for
    stays without. `progress` hears how many of how many are asked about.

    Raises Refused where a digest is being scored for the same criteria, and goes on: then its
    scores count.
    """
    key, done = scoring.judge_key(profile, model.name), 0
    lease = store.lease(f"score:{key}", _LEASE_SECONDS, _PATIENCE)
    if lease is None:
        raise Refused(views.scored_by_another())
    try:
        # What another preview, or a digest, had scored meanwhile is not bought again, and what a
        # call that was paid for left unscored not for ever.
        kept = store.scores.results(key, [paper.versioned for paper in papers])
        papers = [p for p in papers if not ((known := kept.get(p.versioned)) and known.score)]
        progress(done, len(papers))
        with closing(batches.score_papers(model, profile, papers, kept, calls_at_once)) as arriving:
            for found in arriving:
                lease.renew()
                if found.results:
                    store.scores.put(key, found.results, found.call, found.usage)
                    done += len(found.results)
                    progress(min(done, len(papers)), len(papers))
    finally:
        lease.release()
