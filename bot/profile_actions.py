"""A workspace's own profiles: made and changed by a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot import profile_form, profiles, words_channels, words_wrong
from bot.desk import Answer, Ask, Desk, Unfit
from bot.domain import Profile
from bot.errors import Refused


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
    return Answer(words_wrong.how_to_make_a_profile(), form=profile_form.form(known, known.name))


def filled(ask: Ask, desk: Desk, about: str, answers: Mapping[str, str]) -> Answer:
    """Keep the profile; `about` is the name of the one that was changed, empty for a new one."""
    known = desk.profiles(ask.address)
    read = profile_form.read(answers, known.get(about) if about else None)
    if not isinstance(read, Profile):
        raise Unfit(read)
    if not about and read.name in known:
        raise Unfit({"title": words_wrong.name_taken(read.name)})
    desk.subscriptions.put_profile(ask.address, read)
    users = [
        found.address.channel
        for found in desk.subscriptions.of_workspace(ask.address.platform, ask.address.workspace)
        if found.profile == read.name
    ]
    return Answer(
        words_channels.profile_kept(read, ask.address.channel, changed=bool(about)),
        said=words_channels.profile_said(ask.by, read) if ask.address.channel in users else None,
    )
