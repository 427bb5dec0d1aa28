"""The latest digest: posted for everybody, or shown to the person who asks."""

from __future__ import annotations

from collections.abc import Sequence

from bot.commands import trials
from bot.commands.context import Answer, Context, Invocation, newest_day_request
from bot.commands.naming import with_names
from bot.commands.typed import parse
from bot.domain.message import Post
from bot.domain.papers import Profile
from bot.domain.request import DigestRequest, delivery_name
from bot.errors import Refused
from bot.profiles import library
from bot.views import conversation, help, refusals
from bot.views import digest as digest_views
from bot.views import profiles as profiles_views
from bot.views.making import previews

# Cards of a private look: enough to judge a profile by, on one screen.
_CARDS = 3


def now(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`now PROFILE [top 8]`: a request to post the newest digest here. Where the channel has
    several profiles and none is named, they are offered."""
    profile, top = _wanted(invocation, context, words)
    if profile is None:
        every = context.profiles(invocation.address)
        own = context.store.subscriptions.of(invocation.address)
        found = [every[each.profile] for each in own if each.profile in every]
        if not found:
            raise Refused(help.needs_profile(every))
        return Answer(conversation.offer_latest(found, invocation.address.channel))
    return Answer(help.coming(profile), newest_day_request(profile, invocation, context, top))


def preview(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`preview PROFILE [top 8]`: the same for this person alone; nothing is remembered of it.
    `preview PROFILE last 5`: what it would have brought on the last five days. Where it is not
    clear which profile, all are listed."""
    if invocation.address.platform == "terminal":
        raise Refused(refusals.preview_in_terminal())
    rest, days = trials.split_last(words)
    profile, top = _wanted(invocation, context, rest)
    if profile is None:
        listed = context.profiles(invocation.address).values()
        return Answer(profiles_views.profiles_list(listed, invocation.address.channel))
    if days:
        return trials.of_profile(invocation, context, profile, days)
    request = newest_day_request(profile, invocation, context, top)
    private = request.model_copy(
        update={"preview": True, "voted": _is_voted(profile, invocation, context)}
    )
    return Answer(previews.preview_coming(profile), private)


def preview_posts(request: DigestRequest, context: Context) -> list[Post]:
    """What a private look shows: the parent, the first cards, and what can be done next."""
    days = list(context.store.days.for_request(request).values())
    if not days:
        return [previews.nothing_to_preview()]
    digest = days[-1] if request.top is None else days[-1].limited_to(request.top)
    if request.voted and (listed := context.store.lists.result(request.wanted)):
        digest = context.store.history.digest(delivery_name(request, listed)) or digest
    own = context.store.subscriptions.of(request.address)
    subscribed = any(each.profile == digest.profile.name for each in own)
    head, *cards = digest_views.thread_posts(digest)
    shown = cards[:_CARDS]
    end = previews.preview_end(
        digest.profile, request.address.channel, request.top, len(shown), len(cards), subscribed
    )
    return [head, *shown, end]


def _is_voted(profile: Profile, invocation: Invocation, context: Context) -> bool:
    """Whether votes have a part in the order of a profile's papers there."""
    place = invocation.address.workspace_key
    counts = context.store.vote_uses.of(place, profile.name).weight.factor > 0
    return counts and bool(context.store.votes.lessons(place, profile.name))


def _wanted(
    invocation: Invocation, context: Context, words: Sequence[str]
) -> tuple[Profile | None, int | None]:
    """The profile that is named, or the only one this channel has, and the most papers: as typed,
    or else as subscribed. Raises Refused."""
    profiles = context.profiles(invocation.address)
    subscribed = {each.profile: each for each in context.store.subscriptions.of(invocation.address)}
    named, top = parse.split_top(with_names(words, profiles))
    if not named and len(subscribed) == 1:
        named = list(subscribed)
    if not named:
        return None, top
    if len(named) != 1:
        raise Refused(help.needs_profile(profiles))
    profile = library.find(named[0], profiles)
    own = subscribed.get(profile.name)
    return profile, top or (own.top if own else None)
