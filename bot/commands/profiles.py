"""A workspace's own profiles: made and changed by a form, and a change taken back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.commands.context import Answer, Ask, Desk, Unfit
from bot.commands.permissions import insist_on_profile
from bot.domain.message import Head
from bot.domain.paper_status import essence
from bot.domain.papers import Profile
from bot.domain.request import Address
from bot.errors import Refused
from bot.profiles import form, library
from bot.store.profiles import Change, OwnProfiles
from bot.views import profiles, refusals, subscriptions

# Of a workspace: what one message can list, and a form has room to choose from (Slack: 100, with
# those that ship).
_MOST: Final = 80
# Characters of topics and keywords together, some 5,000 tokens: they go out with every ten papers,
# 45 times on a day of 450. The largest profile that ships has 4,300.
_LONGEST: Final = 20_000


def new(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    """`new` opens an empty form, `new PROFILE` that profile's."""
    if ask.address.platform == "terminal":
        raise Refused(refusals.form_in_terminal())
    if rest:
        return edit_pressed(ask, desk, " ".join(rest))
    _insist_on_room(ask, desk)
    return Answer(refusals.how_to_make_a_profile(), form=form.form(None))


def new_pressed(ask: Ask, desk: Desk, value: str) -> Answer:
    return new(ask, desk, ())


def edit_pressed(ask: Ask, desk: Desk, value: str) -> Answer:
    """The form of a profile. Changing one that ships makes the workspace's own of that name."""
    known = library.find(value, desk.profiles(ask.address))
    _insist_on_changing(ask, desk, known.name)
    about = f"{known.name} {known.fingerprint}"
    return Answer(refusals.how_to_make_a_profile(), form=form.form(known, about))


def filled(ask: Ask, desk: Desk, about: str, answers: Mapping[str, str]) -> Answer:
    """Keep the profile; `about` names the one that was changed and what it was, and is empty for a
    new one."""
    name, _, stamp = about.partition(" ")
    known = desk.profiles(ask.address)
    if name and name not in known:
        raise Refused(profiles.gone(name))
    if name:
        _insist_on_changing(ask, desk, name)
    read = form.read(answers, known[name] if name else None)
    if not isinstance(read, Profile):
        raise Unfit(read)
    if (length := _length(read)) > _LONGEST:
        raise Unfit({"look_for": refusals.too_long_a_profile(length, _LONGEST)})
    if name not in OwnProfiles(desk.channels.store).names(ask.address):
        _insist_on_room(ask, desk)
    if name:
        return _changed(ask, desk, known[name], read, stamp)
    if read.name in known:
        raise Unfit({"title": refusals.name_taken(read.name)})
    taken = Unfit({"title": refusals.name_taken(read.name)})
    _swap(ask, desk, read.name, None, read, taken)
    return Answer(subscriptions.profile_kept(read, ask.address.channel, changed=False))


def undo(ask: Ask, desk: Desk, value: str) -> Answer:
    """Take a change back, unless it was changed again since. That can be taken back in turn."""
    change = OwnProfiles(desk.channels.store).change(ask.address, value)
    before = desk.profiles(ask.address)
    if change is None or change.name not in before:
        raise Refused(profiles.over())
    _insist_on_changing(ask, desk, change.name)
    again = Refused(profiles.changed_again())
    token = _put(ask, desk, change.name, change.after, change.before, again)
    after = desk.profiles(ask.address).get(change.name, before[change.name])
    told = _told(ask, desk, before[change.name], after, token, undone=True)
    different = profiles.changes(before[change.name], after)
    return Answer(profiles.taken_back(after, different, len(told)), told=told)


def _changed(ask: Ask, desk: Desk, before: Profile, after: Profile, stamp: str) -> Answer:
    if stamp and before.fingerprint != stamp:
        raise Refused(refusals.changed_meanwhile())
    if after == before:
        return Answer(profiles.unchanged(before))
    anew = _anew(ask, desk, before, after)
    own = before if after.name in OwnProfiles(desk.channels.store).names(ask.address) else None
    token = _put(ask, desk, after.name, own, after, Refused(refusals.changed_meanwhile()))
    told = _told(ask, desk, before, after, token)
    head = subscriptions.profile_kept(after, ask.address.channel, changed=True, anew=anew)
    text = (*head.text, *profiles.told_in(len(told)))
    return Answer(head.model_copy(update={"text": text}), told=told)


def _put(
    ask: Ask,
    desk: Desk,
    name: str,
    before: Profile | None,
    after: Profile | None,
    wrong: Refused,
) -> str:
    """`_swap`; returns what the change is known by to who takes it back."""
    _swap(ask, desk, name, before, after, wrong)
    change = Change(name=name, before=before, after=after, by=ask.by, at=ask.at)
    return OwnProfiles(desk.channels.store).put(ask.address, change)


def _swap(
    ask: Ask,
    desk: Desk,
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

    desk.subscriptions.change_profile(ask.address, name, how)
    if before is None:
        OwnProfiles(desk.channels.store).put_maker(ask.address, name, ask.by)


def _told(
    ask: Ask, desk: Desk, before: Profile, after: Profile, token: str, undone: bool = False
) -> tuple[tuple[Address, Head], ...]:
    """To every channel that uses it: what is different, who did it, and the way back."""
    different = profiles.changes(before, after)
    head = profiles.said(ask.by, after, different, token, undone)
    return tuple((address, head) for address in _users(ask, desk, after.name))


def _users(ask: Ask, desk: Desk, name: str) -> tuple[Address, ...]:
    """The channels of the workspace that use a profile, also those where it rests."""
    every = desk.subscriptions.of_workspace(ask.address.platform, ask.address.workspace)
    return tuple(dict.fromkeys(found.address for found in every if found.profile == name))


def _insist_on_changing(ask: Ask, desk: Desk, name: str) -> None:
    profiles_here = OwnProfiles(desk.channels.store)
    used_in = [address.channel for address in _users(ask, desk, name)]
    own = name in profiles_here.names(ask.address)
    made = own and bool(ask.by) and profiles_here.maker(ask.address, name) == ask.by
    insist_on_profile(ask.who, made, used_in if used_in or own else None)


def _insist_on_room(ask: Ask, desk: Desk) -> None:
    if len(OwnProfiles(desk.channels.store).names(ask.address)) >= _MOST:
        raise Refused(refusals.too_many_profiles(_MOST))


def _length(profile: Profile) -> int:
    topics = (f"{topic.name}{topic.relevant}{topic.irrelevant}" for topic in profile.topics)
    words = profile.keywords
    return sum(map(len, (*topics, *words.relevant, *words.irrelevant, *words.application)))


def _anew(ask: Ask, desk: Desk, before: Profile, after: Profile) -> str:
    """What has to be judged again after a change, by the last day that this channel had; nothing
    to say where it had none, or no model judges."""
    last = desk.channels.last(ask.address, before.name)
    if last is None or desk.judge.model is None:
        return ""
    same = essence(before) == essence(after)
    digest = desk.channels.given(ask.address, last.day)
    if same or digest is None:
        return subscriptions.not_anew() if same else ""
    return subscriptions.anew(len(digest.decisions), digest.usage.cost_usd)
