"""A channel's subscriptions: made, shown, changed, paused and ended, by words, button or form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import time

from bot.arxiv.calendar import new_york_date, weekday_before
from bot.commands import parse
from bot.commands.context import HOME, Answer, Ask, Desk, Unfit
from bot.commands.parse import Options
from bot.commands.permissions import Right, may_change
from bot.domain.message import Choice, Field, Form, Head, Item
from bot.domain.papers import Profile, fingerprint
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused, Subscription
from bot.errors import Refused
from bot.profiles import library
from bot.views import refusals, subscriptions

_NINE = time(9, 0)
# Of a workspace: each is looked at by every tick of the clock, and each may be a thread a day.
_MOST = 500


def subscribe(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    """`subscribe PROFILE [at TIME] [tz ZONE] [days DAYS] [top N]`; without a profile, a form.

    Of a channel that has the profile already only what is named changes.
    """
    if ask.address.platform == "terminal":
        raise Refused(refusals.no_channel())
    if not rest:
        return Answer(refusals.how_to_subscribe(), form=_form(ask, desk))
    options = parse.options(rest)
    if not options.profile:
        return Answer(refusals.how_to_subscribe(), form=_form(ask, desk, options))
    return _subscribed(ask, desk, options)


def unsubscribe(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    found = _one(ask, desk, rest)
    if not desk.subscriptions.drop(found):
        raise Refused(refusals.ended_meanwhile())
    title = _title(found, desk)
    return Answer(
        subscriptions.ended(title),
        said=subscriptions.ended_said(ask.by, title),
        place=found.address,
    )


def pause(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    """One subscription, or all of the channel's."""
    return _each(ask, desk, rest, Paused(at=ask.at, by=ask.by))


def resume(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    return _each(ask, desk, rest, None)


def listed(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    return Answer(subscriptions.list_text(rows(ask, desk), desk.channels.history(ask.address)))


def rows(ask: Ask, desk: Desk) -> tuple[Item, ...]:
    """This channel's subscriptions as rows with their buttons."""
    return tuple(_rows(desk.subscriptions.of(ask.address), ask, desk))


def home(ask: Ask, desk: Desk) -> Head:
    """The subscriptions of the channels that this person is in, with their buttons; for who may
    not use them, why."""
    try:
        desk.permit(ask, Right.USE)
    except Refused as refused:
        return subscriptions.no_home(str(refused))
    assert ask.who is not None, "permitted"
    every = desk.subscriptions.of_workspace(ask.address.platform, ask.address.workspace)
    found = [each for each in every if each.address.channel in ask.who.channels]
    items = [
        row.model_copy(update={"channel": each.address.channel})
        for each, row in zip(found, _rows(found, ask, desk), strict=True)
    ]
    return subscriptions.home_text(items, may_change(ask.who, desk.admins_only))


def form_pressed(ask: Ask, desk: Desk, value: str) -> Answer:
    """The form; on the home tab, which is no channel, it asks for one."""
    return Answer(form=_form(ask, desk, ask_channel=ask.address.channel == HOME))


def asked_to_end(ask: Ask, desk: Desk, value: str) -> Answer:
    """The question before an end, where the platform has no dialog of its own for it."""
    found = _one(ask, desk, value.split())
    return Answer(subscriptions.really_end(found, _title(found, desk)))


def edit_pressed(ask: Ask, desk: Desk, value: str) -> Answer:
    """The form of one subscription; another profile would be another subscription."""
    found = _one(ask, desk, value.split())
    options = Options(
        profile=found.profile,
        at=found.schedule.at,
        tz=found.schedule.tz,
        days=found.schedule.days,
        top=found.top,
    )
    form = _form(ask, desk, options)
    kept = [
        field.model_copy(
            update={"choices": tuple(c for c in field.choices if c.value == found.profile)}
        )
        if field.name == "profile"
        else field
        for field in form.fields
    ]
    about = f"{form.about} {_stamp(found)}"
    return Answer(form=form.model_copy(update={"name": "edit", "about": about, "fields": (*kept,)}))


def edited(ask: Ask, desk: Desk, about: str, answers: Mapping[str, str]) -> Answer:
    """The answers of one subscription's form; `about` is its channel, and a stamp of what the form
    showed: what somebody ended or changed meanwhile is left as it is."""
    channel, _, stamp = about.partition(" ")
    return filled(ask, desk, channel, answers, stamp)


def filled(ask: Ask, desk: Desk, about: str, answers: Mapping[str, str], stamp: str = "") -> Answer:
    """The form's answers; `about` is the channel it was opened for, or empty when it asked. The
    channel that is meant is the one of `ask`, if any."""
    wrong: dict[str, str] = {}
    readers = {"at": parse.clock, "tz": parse.zone, "days": parse.weekdays, "top": parse.top}
    given: dict[str, object] = {"profile": answers.get("profile", "")}
    for name, reader in readers.items():
        try:
            given[name] = reader(answers[name]) if answers.get(name) else None
        except Refused as refused:
            wrong[name] = str(refused)
    if not (about or answers.get("channel")):
        wrong["channel"] = refusals.needs_channel()
    if not given["profile"]:
        wrong["profile"] = refusals.needs_one()
    if not answers.get("days"):
        wrong["days"] = refusals.needs_day()
    if wrong:
        raise Unfit(wrong)
    return _subscribed(ask, desk, Options.model_validate(given), True, stamp)


def _subscribed(
    ask: Ask, desk: Desk, options: Options, all_of_it: bool = False, stamp: str = ""
) -> Answer:
    profile = library.find(options.profile, desk.profiles(ask.address))

    def changed(before: Subscription | None) -> Subscription:
        if stamp and before is None:
            raise Refused(refusals.ended_meanwhile())
        if stamp and before and _stamp(before) != stamp:
            raise Refused(refusals.changed_meanwhile())
        if before is None:
            _insist_on_room(ask.address, desk)
        was = before.schedule if before else Schedule(at=_NINE, tz=ask.zone)
        return Subscription(
            address=ask.address,
            profile=profile.name,
            schedule=Schedule(
                at=options.at or was.at, tz=options.tz or was.tz, days=options.days or was.days
            ),
            top=options.top or (before.top if before and not all_of_it else None),
            by=before.by if before else ask.by,
            since=before.since if before else ask.at,
            paused=before.paused if before else None,
        )

    before, found = desk.subscriptions.change(ask.address, profile.name, changed)
    assert found is not None, "nothing here ends one"
    coming = subscriptions.subscribed(
        found, profile, ask.at, desk.channels.usual(profile.fingerprint)
    )
    if found == before:
        return Answer(coming)
    said = subscriptions.subscribed_said(ask.by, found, profile, before, ask.at)
    return Answer(coming, said=said, place=found.address)


def _each(ask: Ask, desk: Desk, rest: Sequence[str], paused: Paused | None) -> Answer:
    every = [_one(ask, desk, rest)] if rest else desk.subscriptions.of(ask.address)
    if not every:
        raise Refused(refusals.nothing_here())
    if paused is None:  # what fell into the pause does not come in one heap at its end
        for found in every:
            if found.paused:
                before = weekday_before(new_york_date(ask.at))
                desk.subscriptions.put_served(found.key, before)
    changed = desk.subscriptions.rest(every, paused)
    titles = [_title(found, desk) for found in changed]
    if not titles:
        return Answer(subscriptions.no_change(paused is not None))
    return Answer(
        subscriptions.paused(titles, paused is not None),
        said=subscriptions.paused_said(ask.by, titles, paused is not None),
        place=ask.address,
    )


def _one(ask: Ask, desk: Desk, rest: Sequence[str]) -> Subscription:
    """The subscription that is meant: the only one needs no name."""
    every = {found.profile: found for found in desk.subscriptions.of(ask.address)}
    if not every:
        raise Refused(refusals.nothing_here())
    if not rest and len(every) == 1:
        return next(iter(every.values()))
    if len(rest) != 1:
        raise Refused(refusals.which_one(every))
    if rest[0].lower() not in every:
        raise Refused(refusals.not_here(rest[0], every))
    return every[rest[0].lower()]


def _stamp(found: Subscription) -> str:
    """Names what its form shows."""
    return fingerprint(found.schedule.model_dump_json(), str(found.top))


def _rows(found: Sequence[Subscription], ask: Ask, desk: Desk) -> Iterator[Item]:
    """Each with its buttons, for who may use them. Profiles, and what a channel had, are read once
    however many rows there are."""
    if not found:
        return
    known = desk.profiles(found[0].address)
    lasts = {a: desk.channels.lasts(a) for a in dict.fromkeys(each.address for each in found)}
    buttons = ask.who is not None and may_change(ask.who, desk.admins_only)
    for each in found:
        title = known[each.profile].title if each.profile in known else each.profile
        last = lasts[each.address].get(each.profile)
        yield subscriptions.row(each, title, ask.at, last, buttons)


def _insist_on_room(address: Address, desk: Desk) -> None:
    every = desk.subscriptions.of_workspace(address.platform, address.workspace)
    if len(every) >= _MOST:
        raise Refused(refusals.too_many_subscriptions(_MOST))


def _title(found: Subscription, desk: Desk) -> str:
    known: Profile | None = desk.profiles(found.address).get(found.profile)
    return known.title if known else found.profile


def _form(ask: Ask, desk: Desk, options: Options | None = None, ask_channel: bool = False) -> Form:
    options = options or Options()
    known = desk.profiles(ask.address)
    choices = tuple(Choice(label=p.title, value=p.name) for p in known.values())
    fields = subscriptions.subscribe_fields(
        profile=options.profile,
        choices=choices,
        at=(options.at or _NINE).strftime("%H:%M"),
        zone=options.tz or ask.zone,
        days=options.days or Schedule(at=_NINE, tz="UTC").days,
        top=str(options.top or ""),
    )
    channel: tuple[Field, ...] = (subscriptions.channel_field(),) if ask_channel else ()
    about = "" if ask_channel else ask.address.channel
    return subscriptions.subscribe_form((*channel, *fields), about)
