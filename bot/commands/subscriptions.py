"""Subscribe, unsubscribe, pause, resume and list, by command, button or form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import time

from bot.arxiv.calendar import new_york_date, weekday_before
from bot.commands.context import HOME, Answer, Context, InvalidForm, Invocation
from bot.commands.naming import with_names
from bot.commands.permissions import Right, may_change
from bot.commands.typed import parse
from bot.commands.typed.parse import Options
from bot.domain.message import Field, Form, Item, Message
from bot.domain.papers import Profile, fingerprint
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused, Subscription
from bot.errors import Refused
from bot.store.requests import DueDeliveries
from bot.views import conversation, help, refusals, subscriptions

_DEFAULT_TIME = time(9, 0)
# Whether the channel's cards name other channels.
_APART, _TOGETHER = "apart", "together"
# Subscriptions of a workspace: every tick reads them all, and each may post a thread a day.
_MOST = 500


def subscribe(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`subscribe PROFILE [at TIME] [tz ZONE] [days DAYS] [top N]`; without a profile, a form.

    Where the channel is subscribed already, only the options that were typed change.
    """
    if invocation.address.platform == "terminal":
        raise Refused(refusals.no_channel())
    named = with_names(words, context.profiles(invocation.address))
    options = parse.parse_options(named)
    if not options.profile:
        how = refusals.how_to_subscribe(invocation.address.channel)
        return Answer(how, form=_form(invocation, context, options))
    return _save(invocation, context, options)


def unsubscribe(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`unsubscribe [PROFILE]`: where it is not clear which, all are listed with their buttons."""
    rows = subscription_items(invocation, context)
    if not words and len(rows) > 1:
        return Answer(conversation.offer_stop(rows))
    subscription = _find_subscription(invocation, context, words)
    if not context.store.subscriptions.drop(subscription):
        raise Refused(refusals.ended_meanwhile())
    title = _title(subscription, context)
    return Answer(
        subscriptions.ended(title),
        announcement=subscriptions.ended_announcement(invocation.by, title),
        announcement_address=subscription.address,
    )


def pause(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """One subscription, or all of the channel's."""
    return _set_paused(invocation, context, words, Paused(at=invocation.at, by=invocation.by))


def resume(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    return _set_paused(invocation, context, words, None)


def list_subscriptions(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`list [apart | together]`."""
    address = invocation.address
    if [word.lower() for word in words] in ([_APART], [_TOGETHER]):
        context.authorise(invocation, Right.CHANGE)
        return apart_pressed(invocation, context, words[0].lower())
    under_way = DueDeliveries(context.store.redis, address.platform).under_way()
    titles = {profile.fingerprint: profile.title for profile in context.profiles(address).values()}
    coming = [titles.get(profile, "") for place, profile in under_way if place == address]
    rows, history = subscription_items(invocation, context), context.store.history.of(address)
    head = subscriptions.list_text(rows, history, sorted(filter(None, coming)))
    if not _is_a_channel(invocation):
        return Answer(head)
    is_apart = str(address) in context.store.cards.apart()
    every = context.store.subscriptions.of_workspace(address.platform, address.workspace)
    if is_apart or any(each.address != address for each in every):
        head = subscriptions.with_apart(head, is_apart, address.channel)
    return Answer(head)


def apart_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """A button that carries `apart` or `together`; everyone in the channel is told."""
    if not _is_a_channel(invocation):
        raise Refused(subscriptions.only_in_channel())
    if value not in (_APART, _TOGETHER):
        raise Refused(help.unknown_button())
    is_apart = value == _APART
    context.store.cards.put_apart(invocation.address, is_apart)
    return Answer(
        subscriptions.apart_text(is_apart),
        announcement=subscriptions.apart_announcement(invocation.by, is_apart),
        announcement_address=invocation.address,
    )


def _is_a_channel(invocation: Invocation) -> bool:
    return not invocation.is_private and invocation.address.platform != "terminal"


def subscription_items(invocation: Invocation, context: Context) -> tuple[Item, ...]:
    """This channel's subscriptions as rows with their buttons."""
    return tuple(_rows(context.store.subscriptions.of(invocation.address), invocation, context))


def home(invocation: Invocation, context: Context) -> Message:
    """The subscriptions of the channels this person is a member of, with their buttons; or the
    reason why this person may not see them."""
    try:
        context.authorise(invocation, Right.USE)
    except Refused as refused:
        return subscriptions.no_home(str(refused))
    assert invocation.person is not None, "authorised"
    every = context.store.subscriptions.of_workspace(
        invocation.address.platform, invocation.address.workspace
    )
    own = [each for each in every if each.address.channel in invocation.person.channels]
    items = [
        row.model_copy(update={"channel": each.address.channel})
        for each, row in zip(own, _rows(own, invocation, context), strict=True)
    ]
    return subscriptions.home_text(items, may_change(invocation.person, context.admins_only))


def form_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The subscription form, `weekly` if the value says so; opened from the home tab, it also asks
    for the channel."""
    options = Options(days=(0,)) if value == "weekly" else None
    ask_channel = invocation.address.channel == HOME
    return Answer(form=_form(invocation, context, options, ask_channel))


def asked_to_end(invocation: Invocation, context: Context, value: str) -> Answer:
    """Asks for confirmation, where the platform has no dialog for that."""
    subscription = _find_subscription(invocation, context, value.split())
    return Answer(subscriptions.confirm_end(subscription, _title(subscription, context)))


def edit_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The form of one subscription. It offers no other profile: that would be another one."""
    subscription = _find_subscription(invocation, context, value.split())
    options = Options(
        profile=subscription.profile,
        at=subscription.schedule.at,
        tz=subscription.schedule.tz,
        days=subscription.schedule.days,
        top=subscription.top,
    )
    form = _form(invocation, context, options)
    fields = tuple(
        field.model_copy(
            update={"choices": tuple(c for c in field.choices if c.value == subscription.profile)}
        )
        if field.name == "profile"
        else field
        for field in form.fields
    )
    metadata = f"{form.metadata} {_stamp(subscription)}"
    return Answer(
        form=form.model_copy(update={"name": "edit", "metadata": metadata, "fields": fields})
    )


def submit_edit_form(
    invocation: Invocation, context: Context, about: str, answers: Mapping[str, str]
) -> Answer:
    """Save the form of one subscription. `about` is its channel and the stamp of what was shown.

    Raises Refused when somebody ended or changed the subscription meanwhile."""
    channel, _, stamp = about.partition(" ")
    return submit_form(invocation, context, channel, answers, stamp)


def submit_form(
    invocation: Invocation,
    context: Context,
    about: str,
    answers: Mapping[str, str],
    stamp: str = "",
) -> Answer:
    """Save the form for the channel of the invocation. `about` is the channel the form was opened
    for; it is empty when the form asked for one."""
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
    return _save(invocation, context, Options.model_validate(given), False, stamp)


def _save(
    invocation: Invocation,
    context: Context,
    options: Options,
    keep_top: bool = True,
    stamp: str = "",
) -> Answer:
    """`keep_top`: without a limit in `options` the subscription keeps the one it has."""
    profile = context.find_profile(options.profile, invocation.address)

    def changed(before: Subscription | None) -> Subscription:
        if stamp and before is None:
            raise Refused(refusals.ended_meanwhile())
        if stamp and before and _stamp(before) != stamp:
            raise Refused(refusals.changed_meanwhile())
        if before is None:
            _require_room(invocation.address, context)
        schedule = before.schedule if before else Schedule(at=_DEFAULT_TIME, tz=invocation.zone)
        return Subscription(
            address=invocation.address,
            profile=profile.name,
            schedule=Schedule(
                at=options.at or schedule.at,
                tz=options.tz or schedule.tz,
                days=options.days or schedule.days,
            ),
            top=options.top or (before.top if before and keep_top else None),
            by=before.by if before else invocation.by,
            since=before.since if before else invocation.at,
            paused=before.paused if before else None,
        )

    before, after = context.store.subscriptions.change(invocation.address, profile.name, changed)
    assert after is not None, "this change never ends a subscription"
    counts = context.store.days.typical_counts(
        profile.fingerprint, invocation.address.workspace_key
    )
    head = subscriptions.subscribed(after, profile, invocation.at, counts)
    if after == before:
        return Answer(head)
    announcement = subscriptions.subscribed_announcement(
        invocation.by, after, profile, before, invocation.at
    )
    return Answer(head, announcement=announcement, announcement_address=after.address)


def _set_paused(
    invocation: Invocation, context: Context, words: Sequence[str], paused: Paused | None
) -> Answer:
    every = (
        [_find_subscription(invocation, context, words)]
        if words
        else context.store.subscriptions.of(invocation.address)
    )
    if not every:
        raise Refused(refusals.nothing_here())
    if paused is None:  # days that fell into the pause are not caught up
        for subscription in every:
            if subscription.paused:
                before = weekday_before(new_york_date(invocation.at))
                context.store.subscriptions.put_last_served(subscription.key, before)
    changed = context.store.subscriptions.set_paused(every, paused)
    titles = [_title(subscription, context) for subscription in changed]
    if not titles:
        return Answer(subscriptions.no_change(paused is not None))
    return Answer(
        subscriptions.paused(titles, paused is not None),
        announcement=subscriptions.paused_announcement(invocation.by, titles, paused is not None),
        announcement_address=invocation.address,
    )


def _find_subscription(
    invocation: Invocation, context: Context, words: Sequence[str]
) -> Subscription:
    """This channel's subscription to the profile that is named; if there is only one, it need not
    be named. Raises Refused."""
    every = {each.profile: each for each in context.store.subscriptions.of(invocation.address)}
    if not every:
        raise Refused(refusals.nothing_here())
    words = with_names(words, context.profiles(invocation.address))
    if not words and len(every) == 1:
        return next(iter(every.values()))
    if len(words) != 1:
        raise Refused(refusals.which_one(every))
    if words[0].lower() not in every:
        raise Refused(refusals.unknown_profile_here(words[0], every))
    return every[words[0].lower()]


def _stamp(subscription: Subscription) -> str:
    """A fingerprint of what the subscription's form shows."""
    return fingerprint(subscription.schedule.model_dump_json(), str(subscription.top))


def _rows(
    subscribed: Sequence[Subscription], invocation: Invocation, context: Context
) -> Iterator[Item]:
    """A row for each of one workspace's subscriptions, with buttons for who may change it. Profiles
    and a channel's last digests are read once, however many rows there are."""
    if not subscribed:
        return
    profiles = context.profiles(subscribed[0].address)
    lasts = context.store.history.lasts((each.address, each.profile) for each in subscribed)
    buttons = invocation.person is not None and may_change(invocation.person, context.admins_only)
    under_way = DueDeliveries(context.store.redis, subscribed[0].address.platform).under_way()
    for each in subscribed:
        profile = profiles.get(each.profile)
        title = profile.title if profile else each.profile
        last = lasts.get((each.address, each.profile))
        posting = profile is not None and (each.address, profile.fingerprint) in under_way
        yield subscriptions.subscription_item(each, title, invocation.at, last, buttons, posting)


def _require_room(address: Address, context: Context) -> None:
    every = context.store.subscriptions.of_workspace(address.platform, address.workspace)
    if len(every) >= _MOST:
        raise Refused(refusals.too_many_subscriptions(_MOST))


def _title(subscription: Subscription, context: Context) -> str:
    profile: Profile | None = context.profiles(subscription.address).get(subscription.profile)
    return profile.title if profile else subscription.profile


def _form(
    invocation: Invocation,
    context: Context,
    options: Options | None = None,
    ask_channel: bool = False,
) -> Form:
    options = options or Options()
    profiles = context.profiles(invocation.address).values()
    choices = subscriptions.profile_choices(profiles)
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
