"""A channel's subscriptions: made, shown, changed, paused and ended, by words, button or form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import time

from bot.arxiv.calendar import new_york_date, weekday_before
from bot.commands import parse
from bot.commands.context import HOME, Answer, Context, InvalidForm, Invocation
from bot.commands.parse import Options
from bot.commands.permissions import Right, may_change
from bot.domain.message import Choice, Field, Form, Item, Message
from bot.domain.papers import Profile, fingerprint
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused, Subscription
from bot.errors import Refused
from bot.profiles import library
from bot.views import refusals, subscriptions

_DEFAULT_TIME = time(9, 0)
# Of a workspace: each is looked at by every tick of the clock, and each may be a thread a day.
_MOST = 500


def subscribe(invocation: Invocation, context: Context, rest: Sequence[str]) -> Answer:
    """`subscribe PROFILE [at TIME] [tz ZONE] [days DAYS] [top N]`; without a profile, a form.

    Of a channel that has the profile already only what is named changes.
    """
    if invocation.address.platform == "terminal":
        raise Refused(refusals.no_channel())
    if not rest:
        return Answer(refusals.how_to_subscribe(), form=_form(invocation, context))
    options = parse.parse_options(rest)
    if not options.profile:
        return Answer(refusals.how_to_subscribe(), form=_form(invocation, context, options))
    return _subscribed(invocation, context, options)


def unsubscribe(invocation: Invocation, context: Context, rest: Sequence[str]) -> Answer:
    found = _find_subscription(invocation, context, rest)
    if not context.subscriptions.drop(found):
        raise Refused(refusals.ended_meanwhile())
    title = _title(found, context)
    return Answer(
        subscriptions.ended(title),
        announcement=subscriptions.ended_announcement(invocation.by, title),
        announcement_address=found.address,
    )


def pause(invocation: Invocation, context: Context, rest: Sequence[str]) -> Answer:
    """One subscription, or all of the channel's."""
    return _set_paused(invocation, context, rest, Paused(at=invocation.at, by=invocation.by))


def resume(invocation: Invocation, context: Context, rest: Sequence[str]) -> Answer:
    return _set_paused(invocation, context, rest, None)


def list_subscriptions(invocation: Invocation, context: Context, rest: Sequence[str]) -> Answer:
    return Answer(
        subscriptions.list_text(
            subscription_items(invocation, context), context.channels.history(invocation.address)
        )
    )


def subscription_items(invocation: Invocation, context: Context) -> tuple[Item, ...]:
    """This channel's subscriptions as rows with their buttons."""
    return tuple(_rows(context.subscriptions.of(invocation.address), invocation, context))


def home(invocation: Invocation, context: Context) -> Message:
    """The subscriptions of the channels that this person is in, with their buttons; for who may
    not use them, why."""
    try:
        context.authorise(invocation, Right.USE)
    except Refused as refused:
        return subscriptions.no_home(str(refused))
    assert invocation.person is not None, "permitted"
    every = context.subscriptions.of_workspace(
        invocation.address.platform, invocation.address.workspace
    )
    found = [each for each in every if each.address.channel in invocation.person.channels]
    items = [
        row.model_copy(update={"channel": each.address.channel})
        for each, row in zip(found, _rows(found, invocation, context), strict=True)
    ]
    return subscriptions.home_text(items, may_change(invocation.person, context.admins_only))


def form_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The form; on the home tab, which is no channel, it asks for one."""
    return Answer(form=_form(invocation, context, ask_channel=invocation.address.channel == HOME))


def asked_to_end(invocation: Invocation, context: Context, value: str) -> Answer:
    """The question before an end, where the platform has no dialog of its own for it."""
    found = _find_subscription(invocation, context, value.split())
    return Answer(subscriptions.confirm_end(found, _title(found, context)))


def edit_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The form of one subscription; another profile would be another subscription."""
    found = _find_subscription(invocation, context, value.split())
    options = Options(
        profile=found.profile,
        at=found.schedule.at,
        tz=found.schedule.tz,
        days=found.schedule.days,
        top=found.top,
    )
    form = _form(invocation, context, options)
    kept = [
        field.model_copy(
            update={"choices": tuple(c for c in field.choices if c.value == found.profile)}
        )
        if field.name == "profile"
        else field
        for field in form.fields
    ]
    about = f"{form.metadata} {_stamp(found)}"
    return Answer(
        form=form.model_copy(update={"name": "edit", "metadata": about, "fields": (*kept,)})
    )


def submit_edit_form(
    invocation: Invocation, context: Context, about: str, answers: Mapping[str, str]
) -> Answer:
    """The answers of one subscription's form; `about` is its channel, and a stamp of what the form
    showed: what somebody ended or changed meanwhile is left as it is."""
    channel, _, stamp = about.partition(" ")
    return submit_form(invocation, context, channel, answers, stamp)


def submit_form(
    invocation: Invocation,
    context: Context,
    about: str,
    answers: Mapping[str, str],
    stamp: str = "",
) -> Answer:
    """The form's answers; `about` is the channel it was opened for, or empty when it asked. The
    channel that is meant is the one of `ask`, if any."""
    wrong: dict[str, str] = {}
    readers = {
        "at": parse.parse_time,
        "tz": parse.parse_zone,
        "days": parse.parse_weekdays,
        "top": parse.parse_top,
    }
    given: dict[str, object] = {"profile": answers.get("profile", "")}
    for name, reader in readers.items():
        try:
            given[name] = reader(answers[name]) if answers.get(name) else None
        except Refused as refused:
            wrong[name] = str(refused)
    if not (about or answers.get("channel")):
        wrong["channel"] = refusals.needs_channel()
    if not given["profile"]:
        wrong["profile"] = refusals.needs_profile()
    if not answers.get("days"):
        wrong["days"] = refusals.needs_day()
    if wrong:
        raise InvalidForm(wrong)
    return _subscribed(invocation, context, Options.model_validate(given), True, stamp)


def _subscribed(
    invocation: Invocation,
    context: Context,
    options: Options,
    all_of_it: bool = False,
    stamp: str = "",
) -> Answer:
    profile = library.find(options.profile, context.profiles(invocation.address))

    def changed(before: Subscription | None) -> Subscription:
        if stamp and before is None:
            raise Refused(refusals.ended_meanwhile())
        if stamp and before and _stamp(before) != stamp:
            raise Refused(refusals.changed_meanwhile())
        if before is None:
            _insist_on_room(invocation.address, context)
        was = before.schedule if before else Schedule(at=_DEFAULT_TIME, tz=invocation.zone)
        return Subscription(
            address=invocation.address,
            profile=profile.name,
            schedule=Schedule(
                at=options.at or was.at, tz=options.tz or was.tz, days=options.days or was.days
            ),
            top=options.top or (before.top if before and not all_of_it else None),
            by=before.by if before else invocation.by,
            since=before.since if before else invocation.at,
            paused=before.paused if before else None,
        )

    before, found = context.subscriptions.change(invocation.address, profile.name, changed)
    assert found is not None, "nothing here ends one"
    coming = subscriptions.subscribed(
        found, profile, invocation.at, context.channels.typical_counts(profile.fingerprint)
    )
    if found == before:
        return Answer(coming)
    said = subscriptions.subscribed_announcement(
        invocation.by, found, profile, before, invocation.at
    )
    return Answer(coming, announcement=said, announcement_address=found.address)


def _set_paused(
    invocation: Invocation, context: Context, rest: Sequence[str], paused: Paused | None
) -> Answer:
    every = (
        [_find_subscription(invocation, context, rest)]
        if rest
        else context.subscriptions.of(invocation.address)
    )
    if not every:
        raise Refused(refusals.nothing_here())
    if paused is None:  # what fell into the pause does not come in one heap at its end
        for found in every:
            if found.paused:
                before = weekday_before(new_york_date(invocation.at))
                context.subscriptions.put_last_served(found.key, before)
    changed = context.subscriptions.set_paused(every, paused)
    titles = [_title(found, context) for found in changed]
    if not titles:
        return Answer(subscriptions.no_change(paused is not None))
    return Answer(
        subscriptions.paused(titles, paused is not None),
        announcement=subscriptions.paused_announcement(invocation.by, titles, paused is not None),
        announcement_address=invocation.address,
    )


def _find_subscription(
    invocation: Invocation, context: Context, rest: Sequence[str]
) -> Subscription:
    """The subscription that is meant: the only one needs no name."""
    every = {found.profile: found for found in context.subscriptions.of(invocation.address)}
    if not every:
        raise Refused(refusals.nothing_here())
    if not rest and len(every) == 1:
        return next(iter(every.values()))
    if len(rest) != 1:
        raise Refused(refusals.which_one(every))
    if rest[0].lower() not in every:
        raise Refused(refusals.unknown_profile_here(rest[0], every))
    return every[rest[0].lower()]


def _stamp(found: Subscription) -> str:
    """Names what its form shows."""
    return fingerprint(found.schedule.model_dump_json(), str(found.top))


def _rows(
    found: Sequence[Subscription], invocation: Invocation, context: Context
) -> Iterator[Item]:
    """Each with its buttons, for who may use them. Profiles, and what a channel had, are read once
    however many rows there are."""
    if not found:
        return
    known = context.profiles(found[0].address)
    lasts = {
        a: context.channels.last_by_profile(a)
        for a in dict.fromkeys(each.address for each in found)
    }
    buttons = invocation.person is not None and may_change(invocation.person, context.admins_only)
    for each in found:
        title = known[each.profile].title if each.profile in known else each.profile
        last = lasts[each.address].get(each.profile)
        yield subscriptions.subscription_item(each, title, invocation.at, last, buttons)


def _insist_on_room(address: Address, context: Context) -> None:
    every = context.subscriptions.of_workspace(address.platform, address.workspace)
    if len(every) >= _MOST:
        raise Refused(refusals.too_many_subscriptions(_MOST))


def _title(found: Subscription, context: Context) -> str:
    known: Profile | None = context.profiles(found.address).get(found.profile)
    return known.title if known else found.profile


def _form(
    invocation: Invocation,
    context: Context,
    options: Options | None = None,
    ask_channel: bool = False,
) -> Form:
    options = options or Options()
    known = context.profiles(invocation.address)
    choices = tuple(Choice(label=p.title, value=p.name) for p in known.values())
    fields = subscriptions.subscribe_fields(
        profile=options.profile,
        choices=choices,
        at=(options.at or _DEFAULT_TIME).strftime("%H:%M"),
        zone=options.tz or invocation.zone,
        days=options.days or Schedule(at=_DEFAULT_TIME, tz="UTC").days,
        top=str(options.top or ""),
    )
    channel: tuple[Field, ...] = (subscriptions.channel_field(),) if ask_channel else ()
    about = "" if ask_channel else invocation.address.channel
    return subscriptions.subscribe_form((*channel, *fields), about)
