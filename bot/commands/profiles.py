"""A workspace's own profiles: made and changed by a form, and a change taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.commands.context import Answer, Context, InvalidForm, Invocation
from bot.commands.permissions import require_profile_right
from bot.domain.message import Message
from bot.domain.paper_status import judging_criteria
from bot.domain.papers import Profile
from bot.domain.request import Address
from bot.errors import Refused
from bot.profiles import form, library
from bot.store.profiles import ProfileChange, WorkspaceProfiles
from bot.views import profiles, refusals, subscriptions

# Of a workspace: what one message can list, and a form has room to choose from (Slack: 100, with
# those that ship).
_MOST: Final = 80
# Characters of topics and keywords together, some 5,000 tokens: they go out with every ten papers,
# 45 times on a day of 450. The largest profile that ships has 4,300.
_LONGEST: Final = 20_000


def new(invocation: Invocation, context: Context, rest: Sequence[str]) -> Answer:
    """`new` opens an empty form, `new PROFILE` that profile's."""
    if invocation.address.platform == "terminal":
        raise Refused(refusals.form_in_terminal())
    if rest:
        return edit_pressed(invocation, context, " ".join(rest))
    _insist_on_room(invocation, context)
    return Answer(refusals.how_to_make_a_profile(), form=form.build_form(None))


def new_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    return new(invocation, context, ())


def edit_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The form of a profile. Changing one that ships makes the workspace's own of that name."""
    known = library.find(value, context.profiles(invocation.address))
    _insist_on_changing(invocation, context, known.name)
    about = f"{known.name} {known.fingerprint}"
    return Answer(refusals.how_to_make_a_profile(), form=form.build_form(known, about))


def submit_form(
    invocation: Invocation, context: Context, about: str, answers: Mapping[str, str]
) -> Answer:
    """Keep the profile; `about` names the one that was changed and what it was, and is empty for a
    new one."""
    name, _, stamp = about.partition(" ")
    known = context.profiles(invocation.address)
    if name and name not in known:
        raise Refused(profiles.gone(name))
    if name:
        _insist_on_changing(invocation, context, name)
    read = form.parse_answers(answers, known[name] if name else None)
    if not isinstance(read, Profile):
        raise InvalidForm(read)
    if (length := _length(read)) > _LONGEST:
        raise InvalidForm({"look_for": refusals.too_long_a_profile(length, _LONGEST)})
    if name not in WorkspaceProfiles(context.channels.store).names(invocation.address):
        _insist_on_room(invocation, context)
    if name:
        return _changed(invocation, context, known[name], read, stamp)
    if read.name in known:
        raise InvalidForm({"title": refusals.name_taken(read.name)})
    taken = InvalidForm({"title": refusals.name_taken(read.name)})
    _swap(invocation, context, read.name, None, read, taken)
    return Answer(subscriptions.profile_saved(read, invocation.address.channel, changed=False))


def undo(invocation: Invocation, context: Context, value: str) -> Answer:
    """Take a change back, unless it was changed again since. That can be taken back in turn."""
    change = WorkspaceProfiles(context.channels.store).change(invocation.address, value)
    before = context.profiles(invocation.address)
    if change is None or change.name not in before:
        raise Refused(profiles.undo_expired())
    _insist_on_changing(invocation, context, change.name)
    again = Refused(profiles.changed_again())
    token = _save_change(invocation, context, change.name, change.after, change.before, again)
    after = context.profiles(invocation.address).get(change.name, before[change.name])
    told = _told(invocation, context, before[change.name], after, token, undone=True)
    different = profiles.changes(before[change.name], after)
    return Answer(profiles.taken_back(after, different, len(told)), broadcasts=told)


def _changed(
    invocation: Invocation, context: Context, before: Profile, after: Profile, stamp: str
) -> Answer:
    if stamp and before.fingerprint != stamp:
        raise Refused(refusals.changed_meanwhile())
    if after == before:
        return Answer(profiles.unchanged(before))
    anew = _anew(invocation, context, before, after)
    own = (
        before
        if after.name in WorkspaceProfiles(context.channels.store).names(invocation.address)
        else None
    )
    token = _save_change(
        invocation, context, after.name, own, after, Refused(refusals.changed_meanwhile())
    )
    told = _told(invocation, context, before, after, token)
    head = subscriptions.profile_saved(after, invocation.address.channel, changed=True, anew=anew)
    text = (*head.text, *profiles.announced_in(len(told)))
    return Answer(head.model_copy(update={"text": text}), broadcasts=told)


def _save_change(
    invocation: Invocation,
    context: Context,
    name: str,
    before: Profile | None,
    after: Profile | None,
    wrong: Refused,
) -> str:
    """`_swap`; returns what the change is known by to who takes it back."""
    _swap(invocation, context, name, before, after, wrong)
    change = ProfileChange(
        name=name, before=before, after=after, by=invocation.by, at=invocation.at
    )
    return WorkspaceProfiles(context.channels.store).put(invocation.address, change)


def _swap(
    invocation: Invocation,
    context: Context,
    name: str,
    before: Profile | None,
    after: Profile | None,
    wrong: Refused,
) -> None:
    """Put one of the workspace's own profiles in place of another (None: it has none of that name),
    in one step. Raises `wrong` where it is not `before` that stands there."""

    def how(own: Profile | None) -> Profile | None:
        if own != before:
            raise wrong
        return after

    context.subscriptions.change_profile(invocation.address, name, how)
    if before is None:
        WorkspaceProfiles(context.channels.store).put_maker(invocation.address, name, invocation.by)


def _told(
    invocation: Invocation,
    context: Context,
    before: Profile,
    after: Profile,
    token: str,
    undone: bool = False,
) -> tuple[tuple[Address, Message], ...]:
    """To every channel that uses it: what is different, who did it, and the way back."""
    different = profiles.changes(before, after)
    head = profiles.change_announcement(invocation.by, after, different, token, undone)
    return tuple((address, head) for address in _users(invocation, context, after.name))


def _users(invocation: Invocation, context: Context, name: str) -> tuple[Address, ...]:
    """The channels of the workspace that use a profile, also those where it rests."""
    every = context.subscriptions.of_workspace(
        invocation.address.platform, invocation.address.workspace
    )
    return tuple(dict.fromkeys(found.address for found in every if found.profile == name))


def _insist_on_changing(invocation: Invocation, context: Context, name: str) -> None:
    profiles_here = WorkspaceProfiles(context.channels.store)
    used_in = [address.channel for address in _users(invocation, context, name)]
    own = name in profiles_here.names(invocation.address)
    made = (
        own
        and bool(invocation.by)
        and profiles_here.maker(invocation.address, name) == invocation.by
    )
    require_profile_right(invocation.person, made, used_in if used_in or own else None)


def _insist_on_room(invocation: Invocation, context: Context) -> None:
    if len(WorkspaceProfiles(context.channels.store).names(invocation.address)) >= _MOST:
        raise Refused(refusals.too_many_profiles(_MOST))


def _length(profile: Profile) -> int:
    topics = (f"{topic.name}{topic.relevant}{topic.irrelevant}" for topic in profile.topics)
    words = profile.keywords
    return sum(map(len, (*topics, *words.relevant, *words.irrelevant, *words.application)))


def _anew(invocation: Invocation, context: Context, before: Profile, after: Profile) -> str:
    """What has to be judged again after a change, by the last day that this channel had; nothing
    to say where it had none, or no model judges."""
    last = context.channels.last(invocation.address, before.name)
    if last is None or context.judge.model is None:
        return ""
    same = judging_criteria(before) == judging_criteria(after)
    digest = context.channels.digest_given_to(invocation.address, last.day)
    if same or digest is None:
        return subscriptions.scores_kept() if same else ""
    return subscriptions.rescoring_notice(len(digest.decisions), digest.usage.cost_usd)
