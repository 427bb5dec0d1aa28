"""Mornings of papers with the same scores, some of them on tides, of which readers like some."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from bot.domain.digest import Decision, ListQuery, ListResult, Outcome, Source
from bot.domain.judge import Judge
from bot.domain.papers import Announced, AnnounceType
from bot.domain.request import Address, DigestRequest, digest_name
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from tests.factories import DAY, decision, digest, listing, profile
from tests.workers.gate.tide_papers import tide_papers

MINE = profile(maximum=3)


def decided(n: int) -> list[Decision]:
    """The n-th day: twelve papers with the same scores, the two on tides first on the first day
    and just over the limit on the others."""
    papers, is_tidal = tide_papers(12, n)
    tidal, others = (
        [p for p, was in zip(papers, is_tidal, strict=True) if was is kind]
        for kind in (True, False)
    )
    ordered = [*others[: 3 * (n > 1)], *tidal, *others[3 * (n > 1) :]]
    return [
        decision("-", Outcome.PICKED if place < 3 else Outcome.OVER_LIMIT).model_copy(
            update={"announced": Announced(paper=paper, announce_type=AnnounceType.NEW)}
        )
        for place, paper in enumerate(ordered)
    ]


def titles(n: int) -> list[str]:
    """What the n-th day brings where nobody has voted, in order."""
    return [each.paper.title for each in decided(n)[:3]]


def put_morning(store: Store, address: Address, n: int, now: datetime | None = None) -> None:
    """The n-th day is judged, and due in this channel."""
    now = now or datetime.now(UTC)
    decisions, day = decided(n), DAY + timedelta(days=n)
    query = ListQuery(source=Source.ARXIV, categories=("cs.LG",), date=day)
    request = DigestRequest(
        profile=store.profiles.put(MINE),
        wanted=query,
        judge=Judge(model="gpt-6-luna"),
        address=address,
        since=now,
    )
    listed = ListResult(batch=str(day), date=day, asked_at=now, changed_at=now)
    store.lists.add(listed.batch, listing(*(d.announced for d in decisions), day=day), now)
    store.lists.put_result(query, listed)
    judged = digest(*decisions, profile=MINE, listed=listed, judged_at=now)
    store.days.put_decided(digest_name(request, listed), judged)
    DueDeliveries(store.redis, address.platform).put([request])
