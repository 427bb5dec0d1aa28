"""Subscriptions and profiles: answers, announcements, lists and forms."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from bot.arxiv.text import one_line
from bot.domain.message import Button, Choice, Field, Form, Item, Message
from bot.domain.papers import Profile
from bot.domain.reasons import ArxivReason, ModelReason
from bot.domain.request import Delivery, DigestRequest
from bot.domain.schedule import weekdays_text, zone_label
from bot.domain.subscription import Subscription
from bot.views import refusals
from bot.views.dates import long_date
from bot.views.digest import dollars
from bot.views.reasons import REASON_TEXTS

# -- a subscription in words


def schedule_text(found: Subscription, at: datetime) -> str:
    """`every weekday at 09:00 CET`."""
    schedule = found.schedule
    return f"{weekdays_text(schedule.days)} at {schedule.at:%H:%M} {zone_label(schedule, at)}"


def next_time(found: Subscription, at: datetime) -> str:
    """`tomorrow 09:00 CET`, seen from the channel's own zone."""
    zone = ZoneInfo(found.schedule.tz)
    moment = found.schedule.next(at).astimezone(zone)
    ahead = (moment.date() - at.astimezone(zone).date()).days
    day = {0: "today", 1: "tomorrow"}.get(ahead) or long_date(moment.date())
    return f"{day} {moment:%H:%M} {zone_label(found.schedule, moment)}"


def last_delivery_text(last: Delivery | None) -> str:
    """`last: Friday 20 November 2026, 8 of 236 papers`."""
    if last is None:
        return "nothing posted yet"
    return f"last: {long_date(last.date)}, {_brought(last)}"


def _brought(delivery: Delivery) -> str:
    """`8 of 236 papers`; a day without a list is not shown as 0 papers."""
    if not delivery.announced:
        return "nothing was announced" if delivery.complete else "arXiv's list wasn't available"
    others = f", {delivery.ranked_locally} ranked locally" if delivery.ranked_locally else ""
    short = "" if delivery.complete else ", some missing"
    return f"{delivery.picked} of {delivery.announced} papers{others}{short}"


def subscription_item(
    found: Subscription,
    title: str,
    at: datetime,
    last: Delivery | None,
    buttons: bool = True,
    posting: bool = False,
) -> Item:
    """One subscription, its next and its last digest; `buttons` for those who may change it,
    `posting` while a digest is on its way into the channel."""
    top = f", at most {found.top} papers" if found.top else ""
    small = [refusals.why_paused(found) if found.paused else f"next: {next_time(found, at)}"]
    small[:0] = [_POSTING] if posting else []
    small.append(last_delivery_text(last))
    value = f"{found.address.channel} {found.profile}"
    rest = ("resume", "Resume") if found.paused else ("pause", "Pause")
    return Item(
        title=f"{one_line(title)}: {schedule_text(found, at)}{top}",
        small=tuple(small),
        buttons=(
            Button(action="edit", label="Edit", value=value),
            Button(action=rest[0], label=rest[1], value=value),
            _end(found, title, "Unsubscribe").model_copy(update={"confirm": _really(title)}),
        )
        if buttons
        else (),
    )


def _end(found: Subscription, title: str, label: str) -> Button:
    value = f"{found.address.channel} {found.profile}"
    return Button(action="unsubscribe", label=label, value=value)


def _really(title: str) -> str:
    return f"Unsubscribe from {one_line(title)}? This channel will get no more of its digests."


# -- answers


def subscribed(
    found: Subscription, profile: Profile, at: datetime, usual: tuple[int, int] | None
) -> Message:
    """What comes and when, with a button for the latest digest."""
    most = min(found.top or profile.maximum, profile.maximum)
    if usual and usual[0]:
        announced, picked = usual
        expect = f"about {min(picked, most)} of {announced} papers"
    else:
        expect = f"at most {most} papers from {', '.join(profile.categories)}"
    coming = f"Next: {next_time(found, at)}, {expect}."
    value = f"{found.address.channel} {found.profile}"
    if found.paused:
        why = refusals.why_paused(found)
        coming = f"{why[0].upper()}{why[1:]}."
    return Message(
        title=f"{one_line(profile.title)}: {schedule_text(found, at)}.",
        text=(coming,),
        buttons=(
            Button(action="preview", label="Show latest digest", value=value),
            Button(action="edit", label="Edit", value=value),
            Button(action="edit-profile", label="Edit profile", value=found.profile),
        ),
    )


def subscribed_announcement(
    by: str, found: Subscription, profile: Profile, before: Subscription | None, at: datetime
) -> Message:
    did = "changed this channel's subscription to" if before else "subscribed this channel to"
    top = f", at most {found.top} papers" if found.top else ""
    return Message(
        by=by, title=f"{did} {one_line(profile.title)}: {schedule_text(found, at)}{top}."
    )


def confirm_end(found: Subscription, title: str) -> Message:
    """Asks before unsubscribing."""
    item = Item(title=_really(title), channel=found.address.channel)
    return Message(title="Unsubscribe", items=(item,), buttons=(_end(found, title, "Unsubscribe"),))


def ended(title: str) -> Message:
    return Message(title=f"Unsubscribed from {one_line(title)}. Posted digests and votes are kept.")


def ended_announcement(by: str, title: str) -> Message:
    return Message(by=by, title=f"unsubscribed this channel from {one_line(title)}.")


def paused(titles: Iterable[str], stop: bool) -> Message:
    names = ", ".join(map(one_line, titles))
    if stop:
        return Message(title=f"Paused: {names}. To restart: /digest resume.")
    return Message(title=f"Resumed: {names}.")


def paused_announcement(by: str, titles: Sequence[str], stop: bool) -> Message:
    names = ", ".join(map(one_line, titles))
    noun = "subscription" if len(titles) == 1 else "subscriptions"
    did = "paused" if stop else "resumed"
    return Message(by=by, title=f"{did} this channel's {noun} to {names}.")


def no_change(stop: bool) -> Message:
    return Message(title="Already paused." if stop else "Not paused.")


def list_text(
    rows: Sequence[Item], history: Sequence[Delivery], coming: Sequence[str] = ()
) -> Message:
    """A channel's subscriptions; without any, the digests posted there on request. `coming` are
    the titles of those that are being posted."""
    had = tuple(
        f"{found.profile} — {long_date(found.date)}: {_brought(found)}" for found in history[-10:]
    )
    had += tuple(f"{one_line(title)}: {_POSTING}" for title in coming)
    if rows:
        return Message(
            title="This channel's subscriptions", items=tuple(rows), buttons=(_SUBSCRIBE,)
        )
    return Message(
        title="No subscriptions here: a digest comes when someone asks for it.",
        text=had or ("Nothing posted here yet. To get a digest: /digest now PROFILE.",),
        buttons=(_SUBSCRIBE,),
    )


def with_apart(head: Message, is_apart: bool, channel: str) -> Message:
    """A channel's list where other channels have subscriptions, too."""
    change = ("Join other channels", "together") if is_apart else ("Stand apart", "apart")
    button = Button(action="apart", label=change[0], value=f"{channel} {change[1]}")
    small = f"This channel stands apart: {_APART}" if is_apart else _TOGETHER
    return head.model_copy(
        update={"small": (*head.small, small), "buttons": (*head.buttons, button)}
    )


def apart_text(is_apart: bool) -> Message:
    """What holds from now on."""
    return Message(title=f"This channel stands apart: {_APART}" if is_apart else _TOGETHER)


def apart_announcement(by: str, is_apart: bool) -> Message:
    if is_apart:
        return Message(by=by, title=f"set this channel apart: {_APART}")
    return Message(by=by, title=f"lets this channel stand apart no longer. {_TOGETHER}")


def only_in_channel() -> str:
    return "Type this in the channel that it is about."


def home_text(items: Sequence[Item], may_change: bool) -> Message:
    """A person's home page: the subscriptions of the channels they are in."""
    text = () if items else ("None of your channels has a subscription yet.",)
    buttons = (
        Button(action="subscribe", label="Subscribe a channel"),
        Button(action="new", label="New profile"),
    )
    return Message(
        title=_PAPERBOY,
        text=text,
        items=tuple(items),
        buttons=buttons if may_change else (),
        small=("Type /digest in a channel to see what you can do there.",),
    )


def no_home(why: str) -> Message:
    """The home page of a person who may see nothing."""
    return Message(title=_PAPERBOY, text=(why,))


_APART = "papers name no other channel, and only the votes cast here count."
_TOGETHER = (
    "Papers that an open channel posted first link to it, and votes in open channels count "
    "together."
)
_PAPERBOY = "Paperboy delivers the arXiv papers your group works on"
_POSTING = "being posted now"


_SUBSCRIBE = Button(action="subscribe", label="Subscribe")


# -- forms

# How often a digest may come, in the form; a command takes any days.
_DAYS = {
    (0, 1, 2, 3, 4): "Every weekday",
    (0, 1, 2, 3, 4, 5, 6): "Every day",
    (0, 2, 4): "Monday, Wednesday and Friday",
    (1, 3): "Tuesday and Thursday",
    (0,): "Weekly, on Monday",
    (1,): "Weekly, on Tuesday",
    (2,): "Weekly, on Wednesday",
    (3,): "Weekly, on Thursday",
    (4,): "Weekly, on Friday",
}


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]


def profile_choices(profiles: Iterable[Profile]) -> tuple[Choice, ...]:
    """Profiles to choose from; those that share a title are told apart by their names."""
    every = list(profiles)
    titles = Counter(one_line(profile.title).casefold() for profile in every)
    return tuple(
        Choice(label=title if titles[title.casefold()] == 1 else f"{title} ({name})", value=name)
        for title, name in ((one_line(profile.title), profile.name) for profile in every)
    )


def subscribe_fields(
    profile: str, choices: tuple[Choice, ...], at: str, zone: str, days: tuple[int, ...], top: str
) -> tuple[Field, ...]:
    names = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    return (
        Field(name="profile", label="Profile", kind="choice", value=profile, choices=choices),
        Field(name="at", label="Time", kind="time", value=at),
        Field(name="tz", label="Time zone", kind="zone", value=zone),
        Field(
            name="days",
            label="How often",
            kind="choice",
            value=",".join(names[day] for day in days),
            hint="Other days: /digest subscribe PROFILE days mon,thu. Weekly has the week's best.",
            choices=tuple(
                Choice(label=label, value=",".join(names[day] for day in found))
                for found, label in (_DAYS if days in _DAYS else {days: ""} | _DAYS).items()
                for label in [label or _sentence_case(weekdays_text(found))]
            ),
        ),
        Field(
            name="top",
            label="Most papers in a digest",
            kind="number",
            value=top,
            hint="1 to 100; leave empty for the profile's own limit.",
            optional=True,
        ),
    )


def channel_field() -> Field:
    return Field(name="channel", label="Channel", kind="channel")


def subscribe_form(fields: tuple[Field, ...], about: str) -> Form:
    return Form(
        name="subscribe",
        title="Channel subscription",
        submit="Save",
        fields=fields,
        metadata=about,
    )


def reactivated(found: Subscription, at: datetime) -> Message:
    """Posted in the channel when its digests can be posted again."""
    return Message(title=f"Digests are back. Next: {next_time(found, at)}.")


def scores_kept() -> str:
    return "Existing scores are kept: this change sends no paper to the model again."


def rescoring_notice(papers: int, usd: float | None) -> str:
    """What a change of the profile's criteria leads to."""
    cost = f", which cost {dollars(usd)} last time" if usd is not None else ""
    return (
        f"The criteria have changed: they apply from the next digest, about {papers} papers to "
        f"score{cost}. Posted digests stay as they are."
    )


def quiet() -> Message:
    """Posted where PAPERBOY_SAY_QUIET_DAYS asks for it."""
    return Message(title="No papers today: arXiv announces nothing at weekends.")


def late(found: Subscription, request: DigestRequest, why: ArxivReason | ModelReason) -> Message:
    """Posted once, when a digest is due and its list or scores are not there."""
    assert request.until is not None, "a scheduled request has an end"
    until = request.until.astimezone(ZoneInfo(found.schedule.tz))
    end = f"{until:%H:%M} {zone_label(found.schedule, until)}"
    is_model = isinstance(why, ModelReason) and why is not ModelReason.STILL_AT_IT
    then = "; then you get the best by the local ranking" if is_model else ""
    return Message(
        title=f"The digest is late: {REASON_TEXTS[why]}. Trying again until {end}{then}."
    )
