"""Ask -> answer: each command, button and form, once, for all platforms."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import replace

from bot import (
    paper_actions,
    profile_actions,
    profiles,
    subscribing,
    words,
    words_channels,
    words_status,
)
from bot.desk import Answer, Ask, Desk, newest_day
from bot.errors import Refused
from bot.inquiry import Inquiry
from bot.store_costs import Accounts
from bot.store_gates import Gates, gate_key
from bot.words_cost import cost_text


def answer(ask: Ask, desk: Desk) -> Answer:
    """Do what was typed: `/digest WORD ...`, `/why ID`, or just `WORD ...`.

    Raises Refused, with the nearest right word, for what cannot be done.
    """
    typed = ask.text.split()
    if typed and typed[0].lower() in ("/digest", "digest"):
        typed = typed[1:]
    name, rest = (typed[0].lower().lstrip("/"), typed[1:]) if typed else ("", [])
    if name not in COMMANDS:
        near = difflib.get_close_matches(name[:40], filter(None, COMMANDS), n=1)
        raise Refused(words.unknown_command(name, near[0] if near else None))
    return COMMANDS[name](ask, desk, rest)


def press(ask: Ask, action: str, value: str, desk: Desk) -> Answer:
    """Do what a button says; `value` is what the button carried. Raises Refused."""
    if action not in BUTTONS:
        raise Refused(words.unknown_button())
    return BUTTONS[action](ask, desk, value)


Act = Callable[[Ask, Desk], Answer]


def typing(text: str) -> Act:
    """`answer`, for words that are known before who asks is."""
    return lambda ask, desk: answer(replace(ask, text=text), desk)


def pressing(action: str, value: str) -> Act:
    """`press`, likewise."""
    return lambda ask, desk: press(ask, action, value, desk)


def submit(ask: Ask, form: str, about: str, answers: Mapping[str, str], desk: Desk) -> Answer:
    """Take a form's answers. Raises desk.Unfit with a sentence for each wrong field, or Refused."""
    if form not in FORMS:
        raise Refused(words.unknown_button())
    return FORMS[form](ask, desk, about, answers)


def _now(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    known = desk.profiles(ask.address)
    own = desk.subscriptions.of(ask.address)
    if not rest and len(own) == 1:
        rest = [own[0].profile]
    if len(rest) != 1:
        raise Refused(words.needs_profile(known))
    profile = profiles.find(rest[0], known)
    top = next((found.top for found in own if found.profile == profile.name), None)
    return Answer(words.coming(profile), newest_day(profile, ask, desk, top))


def _now_pressed(ask: Ask, desk: Desk, value: str) -> Answer:
    return _now(*subscribing.elsewhere(ask, desk, value))


def _profiles(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    known = desk.profiles(ask.address)
    if ask.address.platform == "terminal":
        return Answer(words.profiles_text(known))
    return Answer(words_channels.profiles_list(known.values(), ask.address.channel))


def _status(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    status = desk.status()
    if ask.address.platform != "terminal":  # one installation may serve several workspaces
        status = status.of(ask.address.workspace_key)
    return Answer(words_status.status_text(status))


def _cost(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    store, place = desk.channels.store, ask.address
    costs = Accounts(store).costs(place.workspace_key, *desk.limits, ask.at)
    known, model = desk.profiles(place), desk.judge.model or ""
    own = desk.subscriptions.of_workspace(place.platform, place.workspace)
    names = dict.fromkeys([*(found.profile for found in own), *costs.profiles])
    reports = {n: Gates(store).report(gate_key(known[n], model)) for n in names if n in known}
    return Answer(cost_text(costs, {n: found for n, found in reports.items() if found}))


def _help(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    items = subscribing.rows(ask, desk)
    return Answer(words.help_text().model_copy(update={"items": items}))


def learnt(ask: Ask, desk: Desk, inquiry: Inquiry) -> Answer | None:
    """What an inquiry brought, as paper_actions.learnt says; None while it is under way."""
    return paper_actions.learnt(ask, desk, inquiry)


Command = Callable[[Ask, Desk, list[str]], Answer]
Pressed = Callable[[Ask, Desk, str], Answer]
Filled = Callable[[Ask, Desk, str, Mapping[str, str]], Answer]

COMMANDS: dict[str, Command] = {
    "": _help,
    "subscribe": subscribing.subscribe,
    "unsubscribe": subscribing.unsubscribe,
    "list": subscribing.listed,
    "profiles": _profiles,
    "new": profile_actions.new,
    "now": _now,
    "pause": subscribing.pause,
    "resume": subscribing.resume,
    "status": _status,
    "cost": _cost,
    "missed": paper_actions.missed,
    "why": paper_actions.why,
    "help": _help,
}
BUTTONS: dict[str, Pressed] = {
    "up": paper_actions.voted_up,
    "down": paper_actions.voted_down,
    "why": paper_actions.why_pressed,
    "share": paper_actions.shared,
    "abstract": paper_actions.abstract,
    "now": _now_pressed,
    "subscribe": subscribing.form_pressed,
    "edit": subscribing.edit_pressed,
    "pause": subscribing.pause_pressed,
    "resume": subscribing.resume_pressed,
    "unsubscribe": subscribing.unsubscribe_pressed,
    "new": profile_actions.new_pressed,
    "edit-profile": profile_actions.edit_pressed,
}
FORMS: dict[str, Filled] = {
    "subscribe": subscribing.filled,
    "edit": subscribing.edited,
    "profile": profile_actions.filled,
}
