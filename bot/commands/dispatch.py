"""Ask -> answer: each command, button and form, once, for all platforms."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from bot.commands import papers, profiles, subscriptions
from bot.commands.context import Answer, Ask, Desk, newest_day
from bot.commands.permissions import Right
from bot.domain.lookup import Inquiry
from bot.errors import Refused
from bot.profiles import library
from bot.store.accounts import Accounts
from bot.store.gates import Gates, gate_key
from bot.views import help
from bot.views import status as status_views
from bot.views import subscriptions as subscriptions_views
from bot.views.cost import cost_text

# What can be a channel's id, so that nothing else ever becomes part of an address.
_CHANNEL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Act:
    """What somebody wants, before who that is is known: what it takes, which channel it names
    (empty: the one where it is asked), and how it is done once that was looked into."""

    right: Right
    channel: str
    do: Callable[[Ask, Desk], Answer]

    def permitted(self, ask: Ask, desk: Desk) -> Ask:
        """As if it was asked in the channel it names. Raises Refused for who may not there."""
        if self.channel:
            address = ask.address.model_copy(update={"channel": self.channel})
            ask = replace(ask, address=address, alone=False)
        desk.permit(ask, self.right)
        return ask

    def __call__(self, ask: Ask, desk: Desk) -> Answer:
        """Raises Refused."""
        return self.do(self.permitted(ask, desk), desk)


def answer(ask: Ask, desk: Desk) -> Answer:
    """Do what was typed: `/digest WORD ...`, `/why ID`, or just `WORD ...`.

    Raises Refused, with the nearest right word, for what cannot be done.
    """
    return typing(ask.text)(ask, desk)


def press(ask: Ask, action: str, value: str, desk: Desk) -> Answer:
    """Do what a button says; `value` is what the button carried. Raises Refused."""
    return pressing(action, value)(ask, desk)


def submit(ask: Ask, form: str, about: str, answers: Mapping[str, str], desk: Desk) -> Answer:
    """Take a form's answers. Raises desk.Unfit with a sentence for each wrong field, or Refused."""
    return submitting(form, about, answers)(ask, desk)


def typing(text: str) -> Act:
    """`answer`, before who asks is known."""
    typed = text.split()
    if typed and typed[0].lower() in ("/digest", "digest"):
        typed = typed[1:]
    name, rest = (typed[0].lower().lstrip("/"), typed[1:]) if typed else ("", [])
    if name not in COMMANDS:
        near = difflib.get_close_matches(name[:40], filter(None, COMMANDS), n=1)
        return _refusing(help.unknown_command(name, near[0] if near else None))
    known = COMMANDS[name]
    return Act(known.right, "", lambda ask, desk: known.run(ask, desk, rest))


def pressing(action: str, value: str) -> Act:
    """`press`, likewise."""
    if action not in BUTTONS:
        return _refusing(help.unknown_button())
    known, channel = BUTTONS[action], ""
    if known.elsewhere:
        channel, _, value = value.partition(" ")
        if channel and not _CHANNEL.fullmatch(channel):
            return _refusing(help.unknown_button())
    return Act(known.right, channel, lambda ask, desk: known.run(ask, desk, value))


def submitting(form: str, about: str, answers: Mapping[str, str]) -> Act:
    """`submit`, likewise."""
    if form not in FORMS:
        return _refusing(help.unknown_button())
    known = FORMS[form]
    channel = ""
    if known.elsewhere:
        channel = about.partition(" ")[0] or answers.get("channel", "")
    if channel and not _CHANNEL.fullmatch(channel):
        return _refusing(help.unknown_button())
    return Act(known.right, channel, lambda ask, desk: known.run(ask, desk, about, answers))


def _refusing(sentence: str) -> Act:
    def refuse(ask: Ask, desk: Desk) -> Answer:
        raise Refused(sentence)

    return Act(Right.ASK, "", refuse)


def _now(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    known = desk.profiles(ask.address)
    own = desk.subscriptions.of(ask.address)
    if not rest and len(own) == 1:
        rest = [own[0].profile]
    if len(rest) != 1:
        raise Refused(help.needs_profile(known))
    profile = library.find(rest[0], known)
    top = next((found.top for found in own if found.profile == profile.name), None)
    return Answer(help.coming(profile), newest_day(profile, ask, desk, top))


def _profiles(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    known = desk.profiles(ask.address)
    if ask.address.platform == "terminal":
        return Answer(help.profiles_text(known))
    return Answer(subscriptions_views.profiles_list(known.values(), ask.address.channel))


def _status(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    status = desk.status()
    if ask.address.platform != "terminal":  # one installation may serve several workspaces
        status = status.of(ask.address.workspace_key)
    return Answer(status_views.status_text(status))


def _cost(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    store, place = desk.channels.store, ask.address
    costs = Accounts(store).costs(place.workspace_key, *desk.limits, ask.at)
    known, model = desk.profiles(place), desk.judge.model or ""
    own = desk.subscriptions.of_workspace(place.platform, place.workspace)
    names = dict.fromkeys([*(found.profile for found in own), *costs.profiles])
    reports = {n: Gates(store).report(gate_key(known[n], model)) for n in names if n in known}
    return Answer(cost_text(costs, {n: found for n, found in reports.items() if found}))


def _help(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    items = subscriptions.rows(ask, desk)
    return Answer(help.help_text().model_copy(update={"items": items}))


def learnt(ask: Ask, desk: Desk, inquiry: Inquiry) -> Answer | None:
    """What an inquiry brought, as paper_actions.learnt says; None while it is under way."""
    return papers.learnt(ask, desk, inquiry)


Command = Callable[[Ask, Desk, list[str]], Answer]
Pressed = Callable[[Ask, Desk, str], Answer]
Filled = Callable[[Ask, Desk, str, Mapping[str, str]], Answer]
R = TypeVar("R", Command, Pressed, Filled)


@dataclass(frozen=True)
class Known(Generic[R]):
    """A command, button or form, and what it takes. `elsewhere`: the first word of what a button
    carries, or of what a form is about, names the channel; otherwise the form asks for one."""

    run: R
    right: Right
    elsewhere: bool = False


def _as_typed(command: Command) -> Pressed:
    """A button that does what a command does."""
    return lambda ask, desk, value: command(ask, desk, value.split())


ASK, USE, CHANGE = Right.ASK, Right.USE, Right.CHANGE
COMMANDS: dict[str, Known[Command]] = {
    "": Known(_help, USE),
    "subscribe": Known(subscriptions.subscribe, CHANGE),
    "unsubscribe": Known(subscriptions.unsubscribe, CHANGE),
    "list": Known(subscriptions.listed, USE),
    "profiles": Known(_profiles, USE),
    "new": Known(profiles.new, CHANGE),
    "now": Known(_now, USE),
    "pause": Known(subscriptions.pause, CHANGE),
    "resume": Known(subscriptions.resume, CHANGE),
    "status": Known(_status, USE),
    "cost": Known(_cost, USE),
    "missed": Known(papers.missed, USE),
    "why": Known(papers.why, ASK),
    "help": Known(_help, USE),
}
BUTTONS: dict[str, Known[Pressed]] = {
    "up": Known(papers.voted_up, ASK),
    "down": Known(papers.voted_down, ASK),
    "why": Known(papers.why_pressed, ASK),
    "abstract": Known(papers.abstract, ASK),
    "share": Known(papers.shared, USE),
    "now": Known(_as_typed(_now), USE, elsewhere=True),
    "subscribe": Known(subscriptions.form_pressed, CHANGE, elsewhere=True),
    "edit": Known(subscriptions.edit_pressed, CHANGE, elsewhere=True),
    "pause": Known(_as_typed(subscriptions.pause), CHANGE, elsewhere=True),
    "resume": Known(_as_typed(subscriptions.resume), CHANGE, elsewhere=True),
    "ask-unsubscribe": Known(subscriptions.asked_to_end, CHANGE, elsewhere=True),
    "unsubscribe": Known(_as_typed(subscriptions.unsubscribe), CHANGE, elsewhere=True),
    "new": Known(profiles.new_pressed, CHANGE),
    "edit-profile": Known(profiles.edit_pressed, CHANGE),
    "undo": Known(profiles.undo, CHANGE),
}
FORMS: dict[str, Known[Filled]] = {
    "subscribe": Known(subscriptions.filled, CHANGE, elsewhere=True),
    "edit": Known(subscriptions.edited, CHANGE, elsewhere=True),
    "profile": Known(profiles.filled, CHANGE),
}
