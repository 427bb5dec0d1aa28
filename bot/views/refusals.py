"""What the bot says instead of doing what was asked: no right to, why not, how to, what stopped."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from bot.arxiv.text import one_line
from bot.domain.message import Button, Item, Message
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.domain.subscription import Subscription
from bot.views.dates import long_month
from bot.views.reasons import REASON_TEXTS

GRAMMAR = "/digest subscribe PROFILE [at 09:00] [tz Europe/Berlin] [days mon-fri] [top 10]"
_REMEDIES = {
    ChannelReason.ARCHIVED: "unarchive the channel",
    ChannelReason.NOT_A_MEMBER: "invite Paperboy to the channel",
    ChannelReason.CHANNEL_GONE: "if it exists, invite Paperboy to it",
    ChannelReason.MAY_NOT_POST: "allow Paperboy to post there",
    ChannelReason.BAD_TOKEN: "whoever runs Paperboy has to give it a new token",
    ChannelReason.NO_SCOPE: "whoever runs Paperboy has to install it again with all permissions",
}


def why_paused(found: Subscription) -> str:
    """The typed reason and what to do about it."""
    assert found.paused is not None, "asked of a paused one"
    reason = found.paused.trouble
    if reason is None:
        return "somebody here paused it; /digest resume"
    heals = f"; {_REMEDIES[reason]}, then /digest resume" if reason in _REMEDIES else ""
    return f"{REASON_TEXTS[reason]}{heals}"


def how_to_subscribe() -> Message:
    return Message(title=f"{GRAMMAR}; /digest profiles has the profiles.")


def how_to_make_a_profile() -> Message:
    return Message(title="A form asks for what the profile looks for.")


def form_in_terminal() -> str:
    return "A terminal has no forms: write a TOML file and add it by `paperboy profiles import`."


def no_channel() -> str:
    return "A terminal cannot subscribe, it is gone when it is closed; /digest now PROFILE reads."


def nothing_here() -> str:
    return "This channel has no subscription; /digest subscribe PROFILE makes one."


def ended_meanwhile() -> str:
    return "Somebody else has ended this subscription meanwhile."


def changed_meanwhile() -> str:
    return "Somebody else has changed this meanwhile; open the form again to see how it stands."


def which_one(known: Iterable[str]) -> str:
    return f"Say which one: {', '.join(known)}."


def unknown_profile_here(word: str, known: Iterable[str]) -> str:
    return f'This channel does not have "{one_line(word)[:40]}"; it has {", ".join(known)}.'


def needs_channel() -> str:
    return "Choose a channel."


def needs_profile() -> str:
    return "Choose a profile."


def needs_day() -> str:
    return "Choose at least one day."


def too_many_subscriptions(most: int) -> str:
    return f"This workspace has {most} subscriptions, which is all it can have; end one first."


def too_many_profiles(most: int) -> str:
    return f"This workspace has {most} profiles of its own, which is all it can have: change one."


def too_long_a_profile(length: int, most: int) -> str:
    return (
        f"Topics and keywords have {length} characters together, of at most {most}: "
        "they are sent to the model with every ten papers."
    )


def too_many_shares(most: int) -> str:
    return f"You have shared {most} answers this hour, which is all one person can; try later."


def name_taken(name: str) -> str:
    return f"There is a profile called {name} already; /digest new {name} changes it."


def no_profile(alone: bool) -> str:
    """There is nobody to judge for."""
    if alone:
        return "You have subscribed no channel that this could be judged for; ask in one that has."
    return "This channel has no profile to judge by; /digest subscribe PROFILE gives it one."


def to_come(id: str, month: date) -> str:
    return f"{id} would be of {long_month(month)}, which is to come."


def no_version(id: str, asked: int, newest: int) -> str:
    return f"{id} has no version {asked} that Paperboy knows of; the newest is v{newest}."


def still_asking(id: str) -> Message:
    return Message(title=f"{id}: this takes longer than it should; /why {id} asks again.")


def asked_about(title: str) -> str:
    """After who asked."""
    return f"asked about {title}"


def shared() -> Message:
    return Message(title="Everybody here can read it now.")


def no_digest_yet() -> str:
    return "This channel has had no digest yet; /digest now PROFILE makes one."


def digest_expired() -> str:
    return "That digest is not kept any more."


def stopped(address: Address, paused: Sequence[Subscription], reason: ChannelReason) -> Message:
    """To whoever subscribed the channel: why nothing comes, and what to do."""
    heals = f"To go on: {_REMEDIES[reason]}, then /digest resume." if reason in _REMEDIES else ""
    names = ", ".join(found.profile for found in paused)
    what = f"{names} is paused in" if names else "What was asked for cannot come to"
    return Message(
        title=f"A digest could not be delivered: {REASON_TEXTS[reason]}.",
        items=(Item(title=what, channel=address.channel),),
        text=(heals,) if heals else (),
    )


def cannot_post_here() -> str:
    return "Paperboy cannot post in this channel yet: invite it first, /invite @Paperboy."


def delivered_before(link: str, ended: ChannelReason | None = None) -> Message:
    """A second `now`; `ended` is why nothing more of the day can be posted."""
    there = link and ended is not ChannelReason.MESSAGE_GONE
    buttons = (Button(action="open", label="Go there", url=link),) if there else ()
    if ended:
        return Message(
            title=f"This day's digest ended here: {REASON_TEXTS[ended]}.", buttons=buttons
        )
    return Message(title="This day was delivered here before.", buttons=buttons)


def failed() -> Message:
    return Message(
        title="The digest could not be made: a fault in Paperboy, which its log describes. "
        "/digest now tries again."
    )


def given_up() -> Message:
    return Message(
        title="The digest that was asked for could not be delivered for twelve hours, so Paperboy "
        "stopped trying. /digest now tries again."
    )


def database_unreachable() -> Message:
    """When Redis is away."""
    return Message(title="One moment: Paperboy's memory does not answer; try again in a minute.")


# By the kind of person (bot.permissions.Kind).
MAY_ONLY_ASK: Final[Mapping[str, str]] = {
    "guest": "Guests may ask /why and vote; the rest is for members of this workspace.",
    "stranger": "People of other workspaces may ask /why and vote; the rest is for members of "
    "this one.",
    "barred": "On this server /digest is for people with Manage Server, and for those whom its "
    "settings allow it; everybody may ask /why and vote.",
    "alone": "Alone with Paperboy you may ask /why; the rest is done in a server's channels.",
}


def identity_unknown() -> str:
    """When the platform did not say who somebody is."""
    return "Paperboy could not check whether you may do this; try again in a minute."


def not_in_channel() -> str:
    return "That is for members of the channel it is about, and you are not one, or not any more."


def admins_only() -> str:
    return "Here only admins change subscriptions and profiles (PAPERBOY_ADMINS_ONLY)."


def not_your_profile() -> str:
    return (
        "A profile is changed by who made it, by members of the channels that use it, and by "
        "admins; /digest new makes one of your own."
    )
