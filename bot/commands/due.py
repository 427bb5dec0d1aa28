"""What the subscriptions are due at a moment: digests, training of gates, a word on quiet days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import structlog

from bot.arxiv.calendar import is_weekend, new_york_date
from bot.commands.context import Context
from bot.domain.digest import ListQuery, Source
from bot.domain.judge import Judge
from bot.domain.papers import Profile
from bot.domain.readers.showing import telling_examples
from bot.domain.readers.teaching import Lesson, VoteUse
from bot.domain.request import Address, DigestRequest
from bot.domain.subscription import Subscription
from bot.planning.due_days import DueDays, subscription_due_days
from bot.planning.plan import NextAction, next_action
from bot.store.gates import Gates, gate_key
from bot.store.readers.vote_uses import use_name

log = structlog.get_logger()

# A quiet day is announced within an hour of its time or not at all.
_QUIET_DAY_WINDOW = timedelta(hours=1)
# When the best of a week is told, by a channel's clock; from then until midnight.
_FRIDAY, _AFTERNOON = 4, time(16)
# Training begins this long after midnight UTC: arXiv's new list comes two hours later at the
# earliest, so that nobody waits for a worker.
_TRAINING_TIME = timedelta(hours=2)


@dataclass(frozen=True)
class Snapshot:
    """All subscriptions, read once for every question of one tick.

    `served` has the last day that was seen to, by the subscription's key; `profiles` are by
    workspace and name, as are the `fingerprints` of those that are subscribed. `uses` are what
    workspaces make of votes (vote_uses.use_name)."""

    subscriptions: list[Subscription]
    served: dict[str, date]
    profiles: dict[str, dict[str, Profile]]
    fingerprints: dict[tuple[str, str], str]
    uses: dict[str, VoteUse]

    @property
    def by_fingerprint(self) -> dict[str, Profile]:
        """The subscribed profiles."""
        return {text: self.profiles[w][name] for (w, name), text in self.fingerprints.items()}

    def profile(self, subscription: Subscription) -> Profile | None:
        """A subscription's profile; None when it was deleted."""
        return self.profiles[subscription.address.workspace_key].get(subscription.profile)

    def fingerprint(self, subscription: Subscription) -> str:
        """The fingerprint of a subscription's profile, which must be there."""
        return self.fingerprints[subscription.address.workspace_key, subscription.profile]

    def judge(self, subscription: Subscription, plain: Judge) -> Judge:
        """Who judges for a subscription: the installation's judge, with what it is shown there."""
        place = subscription.address.workspace_key
        use = self.uses.get(use_name(place, subscription.profile))
        return use.judge(plain, place) if use else plain

    def due_days(
        self, subscription: Subscription, delivered: set[date], now: datetime, most: int
    ) -> DueDays | None:
        """The days a subscription is due, without those that the channel got in another way."""
        served = self.served.get(subscription.key)
        return subscription_due_days(subscription, served, delivered, now, most)


def take_snapshot(context: Context) -> Snapshot:
    subscriptions = context.store.subscriptions.all()
    profiles = context.profiles_at([each.address for each in subscriptions])
    subscribed = {(each.address.workspace_key, each.profile) for each in subscriptions}
    fingerprints = {
        (workspace, name): profile.fingerprint
        for workspace, name in sorted(subscribed)
        if (profile := profiles[workspace].get(name))
    }
    served = context.store.subscriptions.last_served_days() if subscriptions else {}
    uses = context.store.vote_uses.all() if subscriptions else {}
    return Snapshot(subscriptions, served, profiles, fingerprints, uses)


Due = tuple[Subscription, DigestRequest, NextAction]


def due_requests(context: Context, snapshot: Snapshot, now: datetime) -> list[Due]:
    """The requests of the subscriptions that are due and not paused, with what each needs next:
    nothing more where people had asked for all of its days."""
    requests, settled = list[tuple[Subscription, DigestRequest]](), set[str]()
    for subscription, days, are_delivered in _due_days(context, snapshot, now):
        profile = snapshot.profile(subscription)
        if profile is None:
            log.error("a subscription's profile is gone", subscription=subscription.key)
            continue
        fingerprint = snapshot.fingerprint(subscription)
        judge = snapshot.judge(subscription, context.judge)
        request = _request(subscription, profile.categories, fingerprint, judge, days, context)
        requests.append((subscription, request))
        if are_delivered:
            settled.add(subscription.key)
    begun = context.store.requests.begun([subscription.key for subscription, _ in requests])
    open_requests, over = list[tuple[Subscription, DigestRequest]](), list[Due]()
    for (subscription, request), first in zip(requests, begun, strict=True):
        is_settled = subscription.key in settled
        if not is_settled or (first and first.at == request.at):
            open_requests.append((subscription, _as_begun(request, first, is_settled)))
        elif request.at and request.at <= now:
            over.append((subscription, request, NextAction(fulfilled=True)))
    states = context.store.requests.states([request for _, request in open_requests])
    return [
        *over,
        *(
            (subscription, request, next_action(request, state, now))
            for (subscription, request), state in zip(open_requests, states, strict=True)
        ),
    ]


def _as_begun(
    request: DigestRequest, first: DigestRequest | None, is_settled: bool
) -> DigestRequest:
    """The request, for the digest whose posting began, if it is for the same day or moment: who
    changes a profile in the morning, or the time of its digests, or what its judge is shown,
    changes the next one, and gets no second one for the same day; and a missed day whose list comes
    late is added to the digest it was meant for. Where all days were delivered (`is_settled`) there
    is no other."""
    if first is None or first.at is None or request.at is None or request.until is None:
        return request
    newer = (_newest_day(first) - _newest_day(request)).days
    if (newer < 0 and not is_settled) or (newer and first.at != request.at):
        return request
    until = first.at + (request.until - request.at)
    judge = request.judge.shown(first.judge.examples)
    return first.model_copy(update={"since": request.since, "until": until, "judge": judge})


def _newest_day(request: DigestRequest) -> date:
    return request.wanted.date or date.min


def _due_days(
    context: Context, snapshot: Snapshot, now: datetime
) -> Iterator[tuple[Subscription, DueDays, bool]]:
    """The days that are due, without those that people have asked for meanwhile; and whether they
    all were delivered: then only a digest that has begun goes on."""
    most = context.catch_up_days
    due = [
        (subscription, days)
        for subscription in snapshot.subscriptions
        if not subscription.paused
        and (days := snapshot.due_days(subscription, set(), now, most)) is not None
    ]
    delivered = context.store.history.delivered_dates(
        (subscription.address, subscription.profile)
        for subscription, days in due
        if len(days.days) > 1
    )
    for subscription, days in due:
        left: DueDays | None = days
        if dates := delivered.get((subscription.address, subscription.profile)):
            left = snapshot.due_days(subscription, dates, now, most)
        yield subscription, left or days, left is None


def _request(
    subscription: Subscription,
    categories: tuple[str, ...],
    fingerprint: str,
    judge: Judge,
    due: DueDays,
    context: Context,
) -> DigestRequest:
    *earlier, newest = (
        ListQuery(source=Source.ARXIV, categories=categories, date=day) for day in due.days
    )
    return DigestRequest(
        profile=fingerprint,
        wanted=newest,
        judge=judge,
        address=subscription.address,
        since=due.fetch_from,
        top=subscription.top,
        earlier=tuple(earlier),
        left_out=due.left_out,
        at=due.at,
        until=due.at + timedelta(hours=context.window_hours),
        subscription=subscription.key,
    )


def due_training(
    context: Context, snapshot: Snapshot, now: datetime
) -> Iterator[tuple[Profile, str, date]]:
    """The profiles whose gate was not trained since last night, whose it is (Judge.owner), and that
    night's UTC date."""
    night = night_of(now)
    if context.judge.model is None or not snapshot.subscriptions:
        return
    gates = Gates(context.store)
    last_trained, seen = gates.last_trained(), set[str]()
    for subscription in snapshot.subscriptions:
        profile = None if subscription.paused else snapshot.profile(subscription)
        if profile is None or not profile.gate:
            continue
        owner = snapshot.judge(subscription, context.judge).owner
        key = gate_key(profile, context.judge.model, owner)
        if key not in seen and last_trained.get(key) != night and gates.days(key):
            yield profile, owner, night
        seen.add(key)


def due_examples(
    context: Context, snapshot: Snapshot, now: datetime
) -> Iterator[tuple[str, Profile, date]]:
    """The workspaces (keys) and profiles for which it was not chosen since last night what the
    judge is shown, and that night's UTC date."""
    night, seen = night_of(now), set[str]()
    for subscription in snapshot.subscriptions if context.judge.model else ():
        place = subscription.address.workspace_key
        name = use_name(place, subscription.profile)
        use, profile = snapshot.uses.get(name), snapshot.profile(subscription)
        if profile and use and use.shows and use.night != night and name not in seen:
            seen.add(name)
            yield place, profile, night


def choose_examples(context: Context, workspace_key: str, profile: Profile, night: date) -> None:
    """Choose what the judge is shown from the next day on. Votes that are forgotten meanwhile have
    no part in it."""
    store, model = context.store, context.judge.model or ""
    lessons: list[Lesson] | None = None
    while lessons != (lessons := store.votes.lessons(workspace_key, profile.name)):
        chosen = telling_examples(lessons, profile, model)
        store.vote_uses.choose(workspace_key, profile.name, chosen, night)


def night_of(now: datetime) -> date:
    """The night, by its UTC date, that began last."""
    return (now - _TRAINING_TIME).date()


def quiet_days(
    context: Context, snapshot: Snapshot, now: datetime
) -> Iterator[tuple[Subscription, datetime]]:
    """The subscriptions whose time (UTC) has just come on a day without announcements, and that
    are due nothing from before."""
    for subscription in snapshot.subscriptions:
        at = subscription.schedule.last(now)
        due = snapshot.due_days(subscription, set(), at, context.catch_up_days)
        just_now = subscription.since < at and now - at < _QUIET_DAY_WINDOW
        quiet = due is None and is_weekend(new_york_date(at))
        if not subscription.paused and just_now and quiet:
            yield subscription, at


def weekly_best(
    context: Context, snapshot: Snapshot, now: datetime
) -> Iterator[tuple[Address, date]]:
    """The channels for which it is Friday afternoon, with that day, where they want to be told the
    best of the week; by the clock of their first subscription that is not paused."""
    wanted = context.store.subscriptions.with_weekly_best()
    seen = set[Address]()
    for subscription in snapshot.subscriptions if wanted else ():
        address = subscription.address
        if subscription.paused or address in seen or str(address) not in wanted:
            continue
        seen.add(address)
        local = now.astimezone(ZoneInfo(subscription.schedule.tz))
        if local.weekday() == _FRIDAY and local.time() >= _AFTERNOON:
            yield address, local.date()


def planned(
    context: Context, now: datetime
) -> Iterator[tuple[Subscription, DigestRequest | None, NextAction | None]]:
    """Every subscription with what would be done for it at a moment; nothing is done."""
    snapshot = take_snapshot(context)
    due = {
        subscription.key: (request, action)
        for subscription, request, action in due_requests(context, snapshot, now)
    }
    for subscription in snapshot.subscriptions:
        request, action = due.get(subscription.key, (None, None))
        yield subscription, request, action
