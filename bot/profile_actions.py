"""A workspace's own profiles: made and changed by a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot import profile_form, profiles, words_channels, words_wrong
from bot.desk import Answer, Ask, Desk, Unfit
from bot.domain import Profile
from bot.errors import Refused
from bot.standing import essence


def new(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    """`new` opens an empty form, `new PROFILE` that profile's."""
    if ask.address.platform == "terminal":
        raise Refused(words_wrong.form_in_terminal())
    if rest:
        return edit_pressed(ask, desk, " ".join(rest))
    return Answer(words_wrong.how_to_make_a_profile(), form=profile_form.form(None))


def new_pressed(ask: Ask, desk: Desk, value: str) -> Answer:
    return new(ask, desk, ())


def edit_pressed(ask: Ask, desk: Desk, value: str) -> Answer:
    """The form of a profile. Changing one that ships makes the workspace's own of that name."""
    known = profiles.find(value, desk.profiles(ask.address))
    about = f"{known.name} {known.fingerprint}"
    return Answer(words_wrong.how_to_make_a_profile(), form=profile_form.form(known, about))


def filled(ask: Ask, desk: Desk, about: str, answers: Mapping[str, str]) -> Answer:
    """Keep the profile; `about` names the one that was changed and what it was, and is empty for a
    new one."""
    name, _, stamp = about.partition(" ")
    known = desk.profiles(ask.address)
    read = profile_form.read(answers, known.get(name) if name else None)
    if not isinstance(read, Profile):
        raise Unfit(read)
    if not name and read.name in known:
        raise Unfit({"title": words_wrong.name_taken(read.name)})
    kept = read

    def changed(own: Profile | None) -> Profile:
        if not name and own:
            raise Unfit({"title": words_wrong.name_taken(own.name)})
        if stamp and (own or known[name]).fingerprint != stamp:
            raise Refused(words_wrong.changed_meanwhile())
        return kept

    anew = _anew(ask, desk, known[name], read) if name else ""
    desk.subscriptions.change_profile(ask.address, read.name, changed)
    users = [
        found.address.channel
        for found in desk.subscriptions.of_workspace(ask.address.platform, ask.address.workspace)
        if found.profile == read.name
    ]
    return Answer(
        words_channels.profile_kept(read, ask.address.channel, bool(about), anew),
        said=words_channels.profile_said(ask.by, read) if ask.address.channel in users else None,
    )


def _anew(ask: Ask, desk: Desk, before: Profile, after: Profile) -> str:
    """What has to be judged again after a change, by the last day that this channel had; nothing
    to say where it had none, or no model judges."""
    last = desk.channels.last(ask.address, before.name)
    if last is None or desk.judge.model is None:
        return ""
    same = essence(before) == essence(after)
    digest = desk.channels.given(ask.address, last.day)
    if same or digest is None:
        return words_channels.not_anew() if same else ""
    return words_channels.anew(len(digest.decisions), digest.usage.cost_usd)
