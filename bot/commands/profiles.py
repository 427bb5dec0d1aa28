"""Make, change and delete a workspace's own profiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from bot.commands.context import HOME, Answer, Context, FormAgain, InvalidForm, Invocation
from bot.commands.naming import paper_named, with_names
from bot.commands.permissions import may_change
from bot.commands.profile_changes import (
    broadcasts,
    require_right_to_change,
    require_room,
    save,
    save_change,
    subscribers,
)
from bot.domain.paper_status import judging_criteria
from bot.domain.papers import Paper, Profile
from bot.errors import Refused
from bot.profiles import form
from bot.profiles.examples import named_ids
from bot.profiles.merge import merged_answers
from bot.profiles.toml_text import as_toml
from bot.views import profiles, refusals, subscriptions
from bot.views.making import drafts

# Characters of topics and keywords together, about 5,000 tokens: every call sends them with ten
# papers, 45 times on a day of 450. The largest profile that ships has 4,300.
_LONGEST: Final = 20_000
# Papers that are looked up for one form; a profile has so many examples.
_EXAMPLES: Final = 20


def new(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`new` asks what somebody works on, `new PROFILE` opens the form of that profile."""
    if invocation.address.platform == "terminal":
        raise Refused(refusals.form_in_terminal())
    if words:
        named = with_names(words, context.profiles(invocation.address))
        return edit_pressed(invocation, context, " ".join(named))
    require_room(invocation, context)
    return Answer(refusals.how_to_make_a_profile(), form=drafts.work_form())


def new_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    return new(invocation, context, ())


def edit_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """The form of a profile. Saving one that ships makes a copy that belongs to the workspace."""
    profile = context.find_profile(value, invocation.address)
    require_right_to_change(invocation, context, profile.name)
    # Kept by content, so that it is known what two people started from who edit at once.
    metadata = f"{profile.name} {context.store.profiles.put(profile)}"
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
    require_room(invocation, context)
    filled = form.build_form(profile)
    title = profiles.copied_title(profile.title)
    fields = tuple(
        field.model_copy(update={"value": title}) if field.name == "title" else field
        for field in filled.fields
    )
    copy = filled.model_copy(
        update={
            "fields": fields,
            "title": form.build_form(None).title,
            "metadata": filled_with(profile, context),
        }
    )
    return Answer(refusals.how_to_make_a_profile(), form=copy)


def as_file(invocation: Invocation, context: Context, value: str) -> Answer:
    """A profile as TOML, which `paperboy profiles import` and the form for a new one read."""
    profile = context.find_profile(value, invocation.address)
    head, file = profiles.profile_file(profile, as_toml(profile))
    return Answer(head, file=file)


def asked_to_delete(invocation: Invocation, context: Context, value: str) -> Answer:
    """Asks for confirmation, where the platform has no dialog for that."""
    return Answer(profiles.confirm_delete(context.find_profile(value, invocation.address)))


def delete_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Delete one of the workspace's own profiles that no channel uses."""
    profile = context.find_profile(value, invocation.address)
    if profile.name not in context.store.profiles.own_names(invocation.address):
        raise Refused(profiles.not_yours_to_delete(profile))
    require_right_to_change(invocation, context, profile.name)
    if subscribers(invocation, context, profile.name):
        raise Refused(profiles.still_used(profile))
    changed = Refused(refusals.changed_meanwhile())
    token = save_change(invocation, context, profile.name, profile, None, changed)
    ships = profile.name in context.profiles(invocation.address)
    return Answer(profiles.deleted(profile, token, ships))


def submit_form(
    invocation: Invocation, context: Context, about: str, answers: Mapping[str, str]
) -> Answer:
    """Save a profile; `about` as in `read_form`."""
    before, profile = read_form(invocation, context, about, answers)
    if before:
        return _save_changed(invocation, context, before, profile)
    taken = InvalidForm({"title": refusals.name_taken(profile.name)})
    save(invocation, context, profile.name, None, profile, taken)
    return Answer(profiles.profile_saved(profile, _channel(invocation), changed=False))


def read_form(
    invocation: Invocation, context: Context, about: str, answers: Mapping[str, str]
) -> tuple[Profile | None, Profile]:
    """The profile that a form changes, None for a new one, and what the answers make of it. `about`
    is its name and its fingerprint when the form was opened; for a new one see `filled_with`.

    Raises InvalidForm, FormAgain where somebody else has changed it meanwhile, and Refused.
    """
    name, _, stamp = about.partition(" ")
    existing = context.profiles(invocation.address)
    if name and name not in existing:
        raise Refused(profiles.gone(name))
    if name:
        require_right_to_change(invocation, context, name)
    if name and stamp and stamp != existing[name].fingerprint:
        _show_what_changed(context, existing[name], stamp, answers)
    base = existing[name] if name else context.store.profiles.find(stamp) if stamp else None
    papers = _papers(invocation, context, answers.get("examples", ""))
    profile = form.parse_answers(answers, base, papers, is_new=not name)
    if not isinstance(profile, Profile):
        raise InvalidForm(profile)
    if (length := _length(profile)) > _LONGEST:
        raise InvalidForm({"look_for": refusals.too_long_a_profile(length, _LONGEST)})
    if name not in context.store.profiles.own_names(invocation.address):
        require_room(invocation, context)
    if not name and profile.name in existing:
        raise InvalidForm({"title": refusals.name_taken(profile.name)})
    return existing[name] if name else None, profile


def filled_with(profile: Profile, context: Context) -> str:
    """What the form of a new profile is about that is filled with another one or a draft: what it
    has no field for comes from there."""
    return f" {context.store.profiles.put(profile)}"


def _papers(invocation: Invocation, context: Context, lines: str) -> dict[str, Paper]:
    """Those papers that example lines name and that are known here."""
    named = dict.fromkeys(named_ids(lines[: form.LONGEST])[:_EXAMPLES])
    found = ((id, paper_named(context, invocation, id)) for id in named)
    return {id: paper for id, paper in found if paper}


def _save_changed(
    invocation: Invocation, context: Context, before: Profile, after: Profile
) -> Answer:
    if after == before:
        return Answer(profiles.unchanged(before))
    notice = _rescoring_notice(invocation, context, before, after)
    own = before if after.name in context.store.profiles.own_names(invocation.address) else None
    token = save_change(
        invocation, context, after.name, own, after, Refused(refusals.changed_meanwhile())
    )
    told = broadcasts(invocation, context, before, after, token)
    head = profiles.profile_saved(after, _channel(invocation), changed=True, anew=notice)
    text = (*head.text, *profiles.announced(bool(told)))
    return Answer(head.model_copy(update={"text": text}), broadcasts=told)


def _show_what_changed(
    context: Context, now: Profile, stamp: str, answers: Mapping[str, str]
) -> None:
    """Two people edited the profile at once, and the other one has saved. Raises FormAgain: the
    form as both have changed it, with the other's changes in words; or Refused, where it is not
    known any more what they started from."""
    base = context.store.profiles.find(stamp)
    if base is None:
        raise Refused(refusals.changed_meanwhile())
    merged = merged_answers(base, now, answers)
    metadata = f"{now.name} {context.store.profiles.put(now)}"
    notes = profiles.changed_while_open(profiles.changes(base, now))
    both = form.build_form(now, metadata).filled(merged)
    raise FormAgain(both.model_copy(update={"notes": notes}))


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
