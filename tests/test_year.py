"""A year of mornings: arXiv's real calendar, three zones, two platforms, no sleeping."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.arxiv.calendar import NEW_YORK, is_weekend, weekday_before
from bot.commands.context import Context
from bot.domain.judge import Judge
from bot.domain.message import Message, Post
from bot.domain.papers import Announced, Listing
from bot.domain.readers.elsewhere import Audience
from bot.domain.request import Address, DigestRequest
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Subscription
from bot.planning.plan import Step, StepKind
from bot.runtime import tick
from bot.runtime.posting import Before
from bot.store.lookups import Lookups
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from bot.store.values.stored_forms import LOOKING_BACK
from tests.factories import announced, profile
from workers import deliver_job
from workers.arxiv.client import FeedResult
from workers.arxiv.oai import Record
from workers.fetch_job import fetch
from workers.other_channels import OtherChannels
from workers.runtime import delivery_run
from workers.score_job import score

FIRST, LAST = date(2025, 8, 5), date(2026, 8, 4)
# Weekdays whose feed was empty, by the holidays that arXiv announced.
HOLIDAYS = {
    *(date(2025, 6, 20), date(2025, 7, 7), date(2025, 9, 2), date(2025, 11, 28)),
    *(date(2026, 1, 2), date(2026, 1, 20), date(2026, 6, 22), date(2026, 7, 6)),
}
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu")


def papers_of(day: date) -> list[Announced]:
    """Two new papers, and one of the day before that is now cross-listed here as well."""
    if is_weekend(day) or day in HOLIDAYS:
        return []
    number = day.toordinal() % 10000
    new = [announced(f"25{day.month:02}.{number}{n}") for n in range(2)]
    before = weekday_before(day)
    while before in HOLIDAYS:
        before = weekday_before(before)
    old = f"25{before.month:02}.{before.toordinal() % 10000}0"
    return [*new, announced(old, "cross", categories=("cs.LG", "stat.ML"))]


class Calendar:
    """arXiv at a moment: today's list, or, at Mondays' first look, still the one before."""

    now: datetime

    def fetch_listing(self, categories: Sequence[str]) -> FeedResult:
        local = self.now.astimezone(NEW_YORK)
        day = local.date()
        stale = day.weekday() == 0 and local.time() < time(0, 20)
        papers = papers_of(weekday_before(day) if stale else day)
        listing = Listing(date=day, papers=tuple(papers), replaced=(), items=len(papers))
        return FeedResult(listing=listing)

    def window(self, *asked: Any) -> tuple[Announced, ...]:
        return ()

    def changed_since(self, *asked: Any) -> tuple[Record, ...]:
        """Its archive interface knows no more than the list."""
        return ()


class Wall:
    """A posting.Poster that keeps what each channel was shown: (channel, thread, post)."""

    def __init__(self) -> None:
        self.shown: dict[str, list[tuple[str | None, Post]]] = {}

    async def send(
        self, address: Address, post: Post, key: str, under: str | None, before: Before
    ) -> str:
        await before()
        said = self.shown.setdefault(str(address), [])
        said.append((under, post))
        return str(len(said))

    async def open_thread(self, address: Address, message: str, head: Message) -> str:
        return message

    async def edit(
        self, address: Address, message: str, post: Post, under: str | None = None, key: str = ""
    ) -> None:
        self.shown[str(address)][int(message) - 1] = (None, post)

    async def audience(self, address: Address) -> Audience:
        """Its cards point to no other channel's."""
        return Audience.MEMBERS


async def at_once(address: Address) -> None:
    """No pace."""


class AtOnce:
    """The queues, with workers that take no time."""

    def __init__(self, store: Store, arxiv: Calendar, wall: Wall) -> None:
        self.store, self.arxiv, self.wall = store, arxiv, wall
        self.steps: Counter[StepKind] = Counter()
        self.loop = asyncio.Runner()

    def missing_and_failed(self, steps: Sequence[Step]) -> tuple[list[Step], set[str]]:
        return list({step.id: step for step in steps}.values()), set()

    def enqueue_step(self, step: Step) -> None:
        now = self.arxiv.now
        self.steps[step.kind] += 1
        if step.kind is StepKind.FETCH:
            fetch(step.wish.wanted, self.store, self.arxiv, lambda: now)  # type: ignore[arg-type]
        else:
            score(step.wish, self.store, None, 1, lambda: now, lambda done, total: None)

    def posters(self, platform: str) -> int:
        return 1

    def delivery_jobs_state(self, platform: str, parts: int) -> tuple[bool, bool]:
        return False, False

    def enqueue_deliveries(self, platform: str, parts: int) -> None:
        self.steps[StepKind.DELIVER] += 1
        deliveries = DueDeliveries(self.store.redis, platform)

        async def deliver(request: DigestRequest) -> delivery_run.ChannelResult:
            room = deliver_job._ChannelDelivery(
                *(request, self.store, self.wall, at_once, lambda: self.arxiv.now),
                OtherChannels(self.store, self.wall),
            )  # type: ignore[arg-type]
            return await room.deliver()

        self.loop.run(delivery_run.DeliveryRun(deliveries, deliver, lambda: self.arxiv.now).serve())


def subscriptions() -> list[Subscription]:
    return [
        Subscription(
            address=Address(platform=platform, workspace="T1", channel=f"C{n}"),
            profile="matters",
            schedule=Schedule(at=time(9), tz=zone),
            by="U1",
            since=datetime.combine(FIRST, time(0), UTC),
        )
        for n, (zone, platform) in enumerate(zip(ZONES, ("slack", "discord", "slack"), strict=True))
    ]


def moments(day: date) -> list[datetime]:
    """When something can happen on a day: the turnover, breakfast, and, where nothing came, the end
    of the window."""
    looks = [datetime.combine(day, time(0, minute), NEW_YORK) for minute in (12, 25, 40)]
    meals = [datetime.combine(day, time(9), ZoneInfo(zone)) for zone in ZONES]
    open_at_noon = {day, day - timedelta(days=1)} & HOLIDAYS  # east of us it is tomorrow
    ends = [meal + timedelta(hours=12, minutes=1) for meal in meals if open_at_noon]
    return [] if is_weekend(day) else [*looks, *meals, *ends]


@pytest.mark.timeout(600)  # 15 s alone, more than a minute on a machine that has much else to do
def test_a_year_of_days(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_POLL_SECONDS", "_LINGER_SECONDS", "_SPREAD"):
        monkeypatch.setattr(delivery_run, name, 0.0)
    mine = profile(cutoffs={"relevance": 1, "novelty": 1})
    store.profiles.put_shared(mine)
    arxiv, wall = Calendar(), Wall()
    context = Context(
        store=store,
        lookups=Lookups(store),
        judge=Judge(),
        status=lambda: Status.model_validate({}),
    )
    for found in subscriptions():
        context.store.subscriptions.put(found)
    tasks = AtOnce(store, arxiv, wall)
    days = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
    late = set()
    for now in sorted(moment.astimezone(UTC) for day in days for moment in moments(day)):
        arxiv.now = now
        for _ in range(4):
            ticked = tick.tick(context, tasks, now)  # type: ignore[arg-type]
            late |= {(request.subscription, request.wanted.date) for _, request, _ in ticked.late}
            if not ticked.in_progress:
                break
    tasks.loop.close()
    announced_days = [day for day in days if papers_of(day)]
    assert len(announced_days) == 255
    # A delivery is remembered as long as its day; two days more, because it comes later.
    remembered = {day for day in announced_days if day > LAST - LOOKING_BACK + timedelta(days=2)}
    for found in subscriptions():
        history = context.store.history.of(found.address)
        full = {delivery.date for delivery in history if delivery.complete}
        # The last one or two days' window is still open where the test ends.
        assert remembered - full <= set(announced_days[-2:]), found.key
        assert min(full) + timedelta(days=5) >= LAST - LOOKING_BACK
        empty = {delivery.date for delivery in history if not delivery.complete}
        assert empty - HOLIDAYS == set()
        posts = wall.shown[str(found.address)]
        ids = Counter(post.url for under, post in posts if under)
        assert max(ids.values()) == 1
        heads = [post for under, post in posts if not under]
        assert len({head.title for head in heads}) == len(heads) >= len(announced_days) - 2
        for delivery in history:
            digest = context.store.history.digest_given_to(found.address, delivery.day)
            assert digest is not None
            assert {d.paper.id for d in digest.decisions} == {
                a.paper.id for a in papers_of(delivery.date)
            }
    assert {day for _, day in late} <= HOLIDAYS
    # One SCORE serves all channels; a day is read a few times until it is settled.
    assert tasks.steps[StepKind.SCORE] < 4 * len(days)
