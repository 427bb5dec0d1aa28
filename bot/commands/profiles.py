"""Make, change and undo a workspace's own profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.commands.context import HOME, Answer, Context, InvalidForm, Invocation
from bot.commands.naming import with_names
from bot.commands.permissions import may_change, require_profile_right
from bot.domain.message import Message
from bot.domain.paper_status import judging_criteria
from bot.domain.papers import Profile
from bot.domain.request import Address
from bot.errors import Refused
from bot.profiles import form
from bot.store.profiles import ProfileChange
from bot.views import profiles, refusals, subscriptions

# Profiles of a workspace: as many as one message can list and a form can offer (Slack: 100 choices,
# with the profiles that ship).
_MOST: Final = 80
# Characters of topics and keywords together, about 5,000 tokens: every call sends them with ten
# papers, 45 times on a day of 450. The largest profile that ships has 4,300.
_LONGEST: Final = 20_000


def new(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`new` opens an empty form, `new PROFILE` the form of that profile."""
    if invocation.address.platform == "terminal":
        raise Refused(refusals.form_in_terminal())
    if words:
        named = with_names(words, context.profiles(invocation.address))
        return edit_pressed(invocation, context, " ".join(named))
    _require_room(invocation, context)
    return Answer(refusals.how_to_make_a_profile(), form=form.build_form(None))


def new_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    return new(invocation, context, ())


def edit_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The form of a profile. Saving one that ships makes a copy that belongs to the workspace."""
    profile = context.find_profile(value, invocation.address)
    _require_profile_right(invocation, context, profile.name)
    metadata = f"{profile.name} {profile.fingerprint}"
    how = refusals.how_to_make_a_profile("edit-profile", profile.name)
    return Answer(how, form=form.build_form(profile, metadata))


def show(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`profile NAME`: what it looks for, and what can be done with it."""
    every, address = context.profiles(invocation.address), invocation.address
    profile = context.find_profile(" ".join(with_names(words, every)), address)
    person = invocation.person
    own = profile.name in context.store.profiles.own_names(address)
    here = {each.profile for each in context.store.subscriptions.of(address)}
    may = person is not None and may_change(person, context.admins_only)
    return Answer(profiles.profile_page(profile, address.channel, may, own, profile.name in here))


def copy_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The form of a new profile, filled with another one's answers."""
    profile = context.find_profile(value, invocation.address)
    _require_room(invocation, context)
    filled = form.build_form(profile)
    title = profiles.copied_title(profile.title)
    fields = tuple(
        field.model_copy(update={"value": title}) if field.name == "title" else field
        for field in filled.fields
    )
    copy = filled.model_copy(update={"fields": fields, "title": form.build_form(None).title})
    return Answer(refusals.how_to_make_a_profile(), form=copy)


def asked_to_delete(invocation: Invocation, context: Context, value: str) -> Answer:
    """Asks for confirmation, where the platform has no dialog for that."""
    return Answer(profiles.confirm_delete(context.find_profile(value, invocation.address)))


def delete_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Delete one of the workspace's own profiles that no channel uses."""
    profile = context.find_profile(value, invocation.address)
    if profile.name not in context.store.profiles.own_names(invocation.address):
        raise Refused(profiles.not_yours_to_delete(profile))
    _require_profile_right(invocation, context, profile.name)
    if used_in := _subscribers(invocation, context, profile.name):
        raise Refused(profiles.still_used(profile, len(used_in)))
    changed = Refused(refusals.changed_meanwhile())
    token = _save_change(invocation, context, profile.name, profile, None, changed)
    ships = profile.name in context.profiles(invocation.address)
    return Answer(profiles.deleted(profile, token, ships))


def submit_form(
    invocation: Invocation, context: Context, about: str, answers: Mapping[str, str]
) -> Answer:
    """Save a profile. `about` is the name of the profile being changed and its fingerprint when the
    form was opened; it is empty for a new one."""
    name, _, stamp = about.partition(" ")
    existing = context.profiles(invocation.address)
    if name and name not in existing:
        raise Refused(profiles.gone(name))
    if name:
        _require_profile_right(invocation, context, name)
    profile = form.parse_answers(answers, existing[name] if name else None)
    if not isinstance(profile, Profile):
        raise InvalidForm(profile)
    if (length := _length(profile)) > _LONGEST:
        raise InvalidForm({"look_for": refusals.too_long_a_profile(length, _LONGEST)})
    if name not in context.store.profiles.own_names(invocation.address):
        _require_room(invocation, context)
    if name:
        return _save_changed(invocation, context, existing[name], profile, stamp)
    taken = InvalidForm({"title": refusals.name_taken(profile.name)})
    if profile.name in existing:
        raise taken
    _replace(invocation, context, profile.name, None, profile, taken)
    return Answer(profiles.profile_saved(profile, _channel(invocation), changed=False))


def undo(invocation: Invocation, context: Context, value: str) -> Answer:
    """Take a change back, unless the profile was changed again since. An undo can be undone."""
    change = context.store.profiles.undo(invocation.address, value)
    before = context.profiles(invocation.address)
    if change is None or not (change.name in before or change.after is None):
        raise Refused(profiles.undo_expired())
    _require_profile_right(invocation, context, change.name)
    again = Refused(profiles.changed_again())
    if change.after is None and change.before is not None:
        _require_room(invocation, context)
    token = _save_change(invocation, context, change.name, change.after, change.before, again)
    was = before.get(change.name) or change.before
    assert was is not None, "a change has a profile before or after it"
    after = context.profiles(invocation.address).get(change.name, was)
    broadcasts = _broadcasts(invocation, context, was, after, token, undone=True)
    different = profiles.changes(was, after)
    return Answer(profiles.taken_back(after, different, len(broadcasts)), broadcasts=broadcasts)


def _save_changed(
    invocation: Invocation, context: Context, before: Profile, after: Profile, stamp: str
) -> Answer:
    if stamp and before.fingerprint != stamp:
        raise Refused(refusals.changed_meanwhile())
    if after == before:
        return Answer(profiles.unchanged(before))
    notice = _rescoring_notice(invocation, context, before, after)
    own = before if after.name in context.store.profiles.own_names(invocation.address) else None
    token = _save_change(
        invocation, context, after.name, own, after, Refused(refusals.changed_meanwhile())
    )
    broadcasts = _broadcasts(invocation, context, before, after, token)
    head = profiles.profile_saved(after, _channel(invocation), changed=True, anew=notice)
    text = (*head.text, *profiles.announced_in(len(broadcasts)))
    return Answer(head.model_copy(update={"text": text}), broadcasts=broadcasts)


def _save_change(
    invocation: Invocation,
    context: Context,
    name: str,
    before: Profile | None,
    after: Profile | None,
    wrong: Refused,
) -> str:
    """Replace a profile and record the change; returns the token that undoes it."""
    _replace(invocation, context, name, before, after, wrong)
    change = ProfileChange(
        name=name, before=before, after=after, by=invocation.by, at=invocation.at
    )
    return context.store.profiles.put_undo(invocation.address, change)


def _replace(
    invocation: Invocation,
    context: Context,
    name: str,
    before: Profile | None,
    after: Profile | None,
    wrong: Refused,
) -> None:
    """Replace one of the workspace's own profiles in one step; None stands for having no profile of
    that name. Raises `wrong` when the stored profile is no longer `before`."""

    def change(own: Profile | None) -> Profile | None:
        if own != before:
            raise wrong
        return after

    context.store.profiles.change(invocation.address, name, change)
    if before is None:
        context.store.profiles.put_maker(invocation.address, name, invocation.by)


def _broadcasts(
    invocation: Invocation,
    context: Context,
    before: Profile,
    after: Profile,
    token: str,
    undone: bool = False,
) -> tuple[tuple[Address, Message], ...]:
    """For every channel that uses the profile: what changed, who changed it, and an Undo button."""
    different = profiles.changes(before, after)
    head = profiles.change_announcement(invocation.by, after, different, token, undone)
    return tuple((address, head) for address in _subscribers(invocation, context, after.name))


def _subscribers(invocation: Invocation, context: Context, name: str) -> tuple[Address, ...]:
    """The channels of the workspace that are subscribed to a profile, paused or not."""
    every = context.store.subscriptions.of_workspace(
        invocation.address.platform, invocation.address.workspace
    )
    return tuple(dict.fromkeys(each.address for each in every if each.profile == name))


def _require_profile_right(invocation: Invocation, context: Context, name: str) -> None:
    own_profiles = context.store.profiles
    used_in = [address.channel for address in _subscribers(invocation, context, name)]
    own = name in own_profiles.own_names(invocation.address)
    is_maker = (
        own
        and bool(invocation.by)
        and own_profiles.maker(invocation.address, name) == invocation.by
    )
    require_profile_right(invocation.person, is_maker, used_in if used_in or own else None)


def _require_room(invocation: Invocation, context: Context) -> None:
    if len(context.store.profiles.own_names(invocation.address)) >= _MOST:
        raise Refused(refusals.too_many_profiles(_MOST))


def _channel(invocation: Invocation) -> str:
    """The channel a profile was made in; empty for the home tab."""
    return "" if invocation.address.channel == HOME else invocation.address.channel


def _length(profile: Profile) -> int:
    topics = (f"{topic.name}{topic.relevant}{topic.irrelevant}" for topic in profile.topics)
    words = profile.keywords
    return sum(map(len, (*topics, *words.relevant, *words.irrelevant, *words.application)))


def _rescoring_notice(
    invocation: Invocation, context: Context, before: Profile, after: Profile
) -> str:
    """What scoring this channel's last day again would cost after a change; empty where it had no
    day yet, or no model scores."""
    last = context.store.history.last(invocation.address, before.name)
    if last is None or context.judge.model is None:
        return ""
    same = judging_criteria(before) == judging_criteria(after)
    digest = context.store.history.digest_given_to(invocation.address, last.day)
    if same or digest is None:
        return subscriptions.scores_kept() if same else ""
    return subscriptions.rescoring_notice(len(digest.decisions), digest.usage.cost_usd)
