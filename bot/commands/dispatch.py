"""Ask -> answer: each command, button and form, once, for all platforms."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from bot.commands import papers, profiles, subscriptions
from bot.commands.context import Answer, Context, Invocation, newest_day_request
from bot.commands.permissions import Right
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
class Action:
    """What somebody wants, before who that is is known: what it takes, which channel it names
    (empty: the one where it is asked), how it is done once that was looked into, and whether a
    digest is posted in the end."""

    right: Right
    channel: str
    do: Callable[[Invocation, Context], Answer]
    posts: bool = False

    def authorise(self, invocation: Invocation, context: Context) -> Invocation:
        """As if it was asked in the channel it names. Raises Refused for who may not there."""
        if self.channel:
            address = invocation.address.model_copy(update={"channel": self.channel})
            invocation = replace(invocation, address=address, is_private=False)
        context.authorise(invocation, self.right)
        return invocation

    def __call__(self, invocation: Invocation, context: Context) -> Answer:
        """Raises Refused."""
        return self.do(self.authorise(invocation, context), context)


def answer(invocation: Invocation, context: Context) -> Answer:
    """Do what was typed: `/digest WORD ...`, `/why ID`, or just `WORD ...`.

    Raises Refused, with the nearest right word, for what cannot be done.
    """
    return typed_action(invocation.text)(invocation, context)


def press(invocation: Invocation, action: str, value: str, context: Context) -> Answer:
    """Do what a button says; `value` is what the button carried. Raises Refused."""
    return button_action(action, value)(invocation, context)


def submit(
    invocation: Invocation, form: str, about: str, answers: Mapping[str, str], context: Context
) -> Answer:
    """Take a form's answers. Raises desk.Unfit with a sentence for each wrong field, or Refused."""
    return form_action(form, about, answers)(invocation, context)


def typed_action(text: str) -> Action:
    """`answer`, before who asks is known."""
    typed = text.split()
    if typed and typed[0].lower() in ("/digest", "digest"):
        typed = typed[1:]
    name, rest = (typed[0].lower().lstrip("/"), typed[1:]) if typed else ("", [])
    if name not in COMMANDS:
        near = difflib.get_close_matches(name[:40], filter(None, COMMANDS), n=1)
        return _refusing(help.unknown_command(name, near[0] if near else None))
    known = COMMANDS[name]
    return Action(
        known.right,
        "",
        lambda invocation, context: known.run(invocation, context, rest),
        known.posts,
    )


def button_action(action: str, value: str) -> Action:
    """`press`, likewise."""
    if action not in BUTTONS:
        return _refusing(help.unknown_button())
    known, channel = BUTTONS[action], ""
    if known.names_channel:
        channel, _, value = value.partition(" ")
        if channel and not _CHANNEL.fullmatch(channel):
            return _refusing(help.unknown_button())
    return Action(
        known.right,
        channel,
        lambda invocation, context: known.run(invocation, context, value),
        known.posts,
    )


def form_action(form: str, about: str, answers: Mapping[str, str]) -> Action:
    """`submit`, likewise."""
    if form not in FORMS:
        return _refusing(help.unknown_button())
    known = FORMS[form]
    channel = ""
    if known.names_channel:
        channel = about.partition(" ")[0] or answers.get("channel", "")
    if channel and not _CHANNEL.fullmatch(channel):
        return _refusing(help.unknown_button())
    return Action(
        known.right,
        channel,
        lambda invocation, context: known.run(invocation, context, about, answers),
        known.posts,
    )


def _refusing(sentence: str) -> Action:
    def refuse(invocation: Invocation, context: Context) -> Answer:
        raise Refused(sentence)

    return Action(Right.ASK, "", refuse)


def _now(invocation: Invocation, context: Context, rest: list[str]) -> Answer:
    known = context.profiles(invocation.address)
    own = context.subscriptions.of(invocation.address)
    if not rest and len(own) == 1:
        rest = [own[0].profile]
    if len(rest) != 1:
        raise Refused(help.needs_profile(known))
    profile = library.find(rest[0], known)
    top = next((found.top for found in own if found.profile == profile.name), None)
    return Answer(help.coming(profile), newest_day_request(profile, invocation, context, top))


def _profiles(invocation: Invocation, context: Context, rest: list[str]) -> Answer:
    known = context.profiles(invocation.address)
    if invocation.address.platform == "terminal":
        return Answer(help.profiles_text(known))
    return Answer(subscriptions_views.profiles_list(known.values(), invocation.address.channel))


def _status(invocation: Invocation, context: Context, rest: list[str]) -> Answer:
    status = context.status()
    if invocation.address.platform != "terminal":  # one installation may serve several workspaces
        status = status.of(invocation.address.workspace_key)
    return Answer(status_views.status_text(status))


def _cost(invocation: Invocation, context: Context, rest: list[str]) -> Answer:
    store, place = context.channels.store, invocation.address
    costs = Accounts(store).costs(place.workspace_key, *context.limits, invocation.at)
    known, model = context.profiles(place), context.judge.model or ""
    own = context.subscriptions.of_workspace(place.platform, place.workspace)
    names = dict.fromkeys([*(found.profile for found in own), *costs.profiles])
    reports = {n: Gates(store).report(gate_key(known[n], model)) for n in names if n in known}
    return Answer(cost_text(costs, {n: found for n, found in reports.items() if found}))


def _help(invocation: Invocation, context: Context, rest: list[str]) -> Answer:
    items = subscriptions.subscription_items(invocation, context)
    return Answer(help.help_text().model_copy(update={"items": items}))


CommandHandler = Callable[[Invocation, Context, list[str]], Answer]
ButtonHandler = Callable[[Invocation, Context, str], Answer]
FormHandler = Callable[[Invocation, Context, str, Mapping[str, str]], Answer]
R = TypeVar("R", CommandHandler, ButtonHandler, FormHandler)


@dataclass(frozen=True)
class CommandSpec(Generic[R]):
    """A command, button or form, and what it takes. `elsewhere`: the first word of what a button
    carries, or of what a form is about, names the channel; otherwise the form asks for one.
    `posts`: a digest is posted in the end."""

    run: R
    right: Right
    names_channel: bool = False
    posts: bool = False


def _as_typed(command: CommandHandler) -> ButtonHandler:
    """A button that does what a command does."""
    return lambda invocation, context, value: command(invocation, context, value.split())


ASK, USE, CHANGE = Right.ASK, Right.USE, Right.CHANGE
COMMANDS: dict[str, CommandSpec[CommandHandler]] = {
    "": CommandSpec(_help, USE),
    "subscribe": CommandSpec(subscriptions.subscribe, CHANGE, posts=True),
    "unsubscribe": CommandSpec(subscriptions.unsubscribe, CHANGE),
    "list": CommandSpec(subscriptions.list_subscriptions, USE),
    "profiles": CommandSpec(_profiles, USE),
    "new": CommandSpec(profiles.new, CHANGE),
    "now": CommandSpec(_now, USE, posts=True),
    "pause": CommandSpec(subscriptions.pause, CHANGE),
    "resume": CommandSpec(subscriptions.resume, CHANGE, posts=True),
    "status": CommandSpec(_status, USE),
    "cost": CommandSpec(_cost, USE),
    "missed": CommandSpec(papers.missed, USE),
    "why": CommandSpec(papers.why, ASK),
    "help": CommandSpec(_help, USE),
}
BUTTONS: dict[str, CommandSpec[ButtonHandler]] = {
    "up": CommandSpec(papers.voted_up, ASK),
    "down": CommandSpec(papers.voted_down, ASK),
    "why": CommandSpec(papers.why_pressed, ASK),
    "abstract": CommandSpec(papers.abstract, ASK),
    "share": CommandSpec(papers.share, USE),
    "now": CommandSpec(_as_typed(_now), USE, names_channel=True, posts=True),
    "subscribe": CommandSpec(subscriptions.form_pressed, CHANGE, names_channel=True, posts=True),
    "edit": CommandSpec(subscriptions.edit_pressed, CHANGE, names_channel=True),
    "pause": CommandSpec(_as_typed(subscriptions.pause), CHANGE, names_channel=True),
    "resume": CommandSpec(_as_typed(subscriptions.resume), CHANGE, names_channel=True, posts=True),
    "ask-unsubscribe": CommandSpec(subscriptions.asked_to_end, CHANGE, names_channel=True),
    "unsubscribe": CommandSpec(_as_typed(subscriptions.unsubscribe), CHANGE, names_channel=True),
    "new": CommandSpec(profiles.new_pressed, CHANGE),
    "edit-profile": CommandSpec(profiles.edit_pressed, CHANGE),
    "undo": CommandSpec(profiles.undo, CHANGE),
}
FORMS: dict[str, CommandSpec[FormHandler]] = {
    "subscribe": CommandSpec(subscriptions.submit_form, CHANGE, names_channel=True, posts=True),
    "edit": CommandSpec(subscriptions.submit_edit_form, CHANGE, names_channel=True),
    "profile": CommandSpec(profiles.submit_form, CHANGE),
}
