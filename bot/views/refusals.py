"""Refusals and failures: what can't be done, why, and what to do instead."""

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

GRAMMAR = "/digest subscribe PROFILE [at 09:00] [tz Europe/Berlin] [days mon-fri | weekly] [top 10]"
_REMEDIES = {
    ChannelReason.ARCHIVED: "unarchive the channel",
    ChannelReason.NOT_A_MEMBER: "invite Paperboy to the channel",
    ChannelReason.CHANNEL_GONE: "if it exists, invite Paperboy to it",
    ChannelReason.MAY_NOT_POST: "allow Paperboy to post there",
    ChannelReason.BAD_TOKEN: "ask whoever runs Paperboy to set a new token",
    ChannelReason.NO_SCOPE: "ask whoever runs Paperboy to reinstall it with all permissions",
}


def why_paused(found: Subscription) -> str:
    """Why a subscription is paused and how to restart it, without a full stop."""
    assert found.paused is not None, "only a paused subscription has a reason"
    reason = found.paused.trouble
    if reason is None:
        return "paused by someone here; /digest resume restarts it"
    heals = f"; {_REMEDIES[reason]}, then /digest resume" if reason in _REMEDIES else ""
    return f"paused: {REASON_TEXTS[reason]}{heals}"


def how_to_subscribe(channel: str = "") -> Message:
    """Where no form could be opened, with a button that opens it."""
    button = Button(action="subscribe", label="Open the form", value=channel)
    return Message(title=f"Type {GRAMMAR}. /digest profiles lists the profiles.", buttons=(button,))


def how_to_make_a_profile(action: str = "new", value: str = "") -> Message:
    """Likewise, for a profile's form."""
    button = Button(action=action, label="Open the form", value=value)
    return Message(title="A form asks what the profile looks for.", buttons=(button,))


def form_in_terminal() -> str:
    return "A terminal has no forms. To make a profile: paperboy profiles new."


def no_channel() -> str:
    return "A terminal can't subscribe. To see a digest here: now PROFILE."


def preview_in_terminal() -> str:
    return "Nobody reads along in a terminal. To see a digest here: now PROFILE."


def nothing_here() -> str:
    return "This channel has no subscription. To make one: /digest subscribe PROFILE."


def ended_meanwhile() -> str:
    return "Someone else has ended this subscription in the meantime."


def changed_meanwhile() -> str:
    return "Someone else has changed this in the meantime. Open the form again to see the change."


def which_one(known: Iterable[str]) -> str:
    return f"Name one of these: {', '.join(known)}."


def unknown_profile_here(word: str, known: Iterable[str]) -> str:
    return f'This channel has no digest of "{one_line(word)[:40]}". It has {", ".join(known)}.'


def needs_channel() -> str:
    return "Choose a channel."


def needs_profile() -> str:
    return "Choose a profile."


def needs_day() -> str:
    return "Choose at least one day."


def too_many_subscriptions(most: int) -> str:
    return f"This workspace has {most} subscriptions, the most it can have. Unsubscribe one first."


def too_many_profiles(most: int) -> str:
    return f"This workspace has {most} profiles of its own, the most it can have. Change one."


def too_long_a_profile(length: int, most: int) -> str:
    return (
        f"Topics and keywords have {length} characters together; the most is {most}, because the "
        "model reads them with every twenty papers. Shorten them."
    )


def too_many_shares(most: int) -> str:
    return f"You have shared {most} answers this hour, the most one person can. Try again later."


def name_taken(name: str) -> str:
    return f"There is already a profile called {name}. To change it: /digest new {name}."


def no_profile(alone: bool) -> str:
    """No profile to answer `/why` for; `alone` is a direct message."""
    if alone:
        return "You haven't subscribed a channel. Ask in a channel that has a subscription."
    return "This channel has no profile to answer for. To add one: /digest subscribe PROFILE."


def to_come(id: str, month: date) -> str:
    return f"{id} would be from {long_month(month)}, which hasn't come yet."


def no_version(id: str, asked: int, newest: int) -> str:
    return f"Paperboy knows no version {asked} of {id}; the latest is v{newest}."


def still_asking(id: str) -> Message:
    return Message(title=f"{id}: Still working on it. To ask again: /why {id}.")


def asked_about(title: str) -> str:
    """After who asked."""
    return f"asked about {title}"


def shared() -> Message:
    return Message(title="Shared: everyone here can read it now.")


def no_digest_yet() -> str:
    return "This channel has no digest yet. To get one: /digest now PROFILE."


def digest_expired() -> str:
    return "That digest is too old: Paperboy no longer has it."


def stopped(address: Address, paused: Sequence[Subscription], reason: ChannelReason) -> Message:
    """To whoever subscribed the channel: why digests stop, and what to do."""
    heals = f"To restart: {_REMEDIES[reason]}, then /digest resume." if reason in _REMEDIES else ""
    names = ", ".join(found.profile for found in paused)
    what = f"Paused: {names} in" if names else "The digest you asked for can't be posted in"
    return Message(
        title=f"A digest couldn't be posted: {REASON_TEXTS[reason]}.",
        items=(Item(title=what, channel=address.channel),),
        text=(heals,) if heals else (),
    )


def cannot_post_here() -> str:
    return "Paperboy can't post in this channel yet. Invite it first: /invite @Paperboy."


def not_installed_here() -> str:
    return (
        "Paperboy can't act in this workspace now. Install it again, or ask whoever runs it what "
        "is wrong."
    )


def delivered_before(link: str, ended: ChannelReason | None = None) -> Message:
    """A second `now`; `ended` is why nothing more of the day can be posted."""
    there = link and ended is not ChannelReason.MESSAGE_GONE
    buttons = (Button(action="open", label="Open digest", url=link),) if there else ()
    if ended:
        return Message(title=f"This digest stopped here: {REASON_TEXTS[ended]}.", buttons=buttons)
    return Message(title="This digest was already posted here.", buttons=buttons)


def failed() -> Message:
    return Message(
        title="The digest couldn't be made because of an error in Paperboy; its log has the "
        "details. To try again: /digest now."
    )


def our_fault() -> Message:
    """Whatever was asked for."""
    return Message(
        title="That didn't work because of an error in Paperboy; its log has the details."
    )


def given_up() -> Message:
    return Message(
        title="The digest you asked for couldn't be posted for twelve hours, so Paperboy stopped "
        "trying. To try again: /digest now."
    )


def database_unreachable() -> Message:
    """Redis does not answer."""
    return Message(title="Paperboy can't reach its database. Try again in a minute.")


# By the kind of person (bot.permissions.Kind).
MAY_ONLY_ASK: Final[Mapping[str, str]] = {
    "guest": "Guests can ask /why and vote; everything else is for members of this workspace.",
    "stranger": "People from other workspaces can ask /why and vote; everything else is for "
    "members of this one.",
    "barred": "On this server, /digest is for people with Manage Server and for those its settings "
    "allow. Everyone can ask /why and vote.",
    "alone": "In a direct message you can ask /why. Use a server's channel for everything else.",
}


def identity_unknown() -> str:
    """The platform did not say who is asking."""
    return "Paperboy couldn't check whether you're allowed to do this. Try again in a minute."


def not_in_channel() -> str:
    return "Only members of that channel can do this, and you aren't one, or no longer."


def admins_only() -> str:
    return "Only admins can change subscriptions and profiles here (PAPERBOY_ADMINS_ONLY)."


def not_your_profile() -> str:
    return (
        "Only the person who made this profile, members of the channels that use it, and "
        "admins can change it. To make your own: /digest new."
    )


def no_file(noun: str, scope: str = "") -> str:
    """Why there is text alone, without a file (what it is called: a `noun`); `scope` is the
    permission that is lacking, if that is known."""
    if scope:
        return (
            f"There is a {noun}, but Paperboy's app lacks the scope {scope}. Ask whoever runs "
            "Paperboy to add it and install the app again."
        )
    return f"There is a {noun}, but it couldn't be sent just now."


def file_sent(noun: str) -> str:
    return f"The {noun} is in our direct messages."
