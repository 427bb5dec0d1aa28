"""Answers to what people say in their own words; nothing is changed by a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from bot.commands import profiles, subscriptions
from bot.commands.context import Answer, Context, Invocation
from bot.commands.naming import mentioned, with_names
from bot.commands.permissions import Right
from bot.domain.message import Message
from bot.domain.papers import Profile
from bot.errors import Refused
from bot.views import conversation, help, refusals
from bot.views import terminal as terminal_views

Run = Callable[[Invocation, Context, Sequence[str]], Answer]


class Saying(NamedTuple):
    """The answer to a saying (phrases.SAYINGS), and the right it takes; `posts`: it leads to a
    digest."""

    run: Run
    right: Right
    posts: bool = False


def _says(message: Callable[[], Message]) -> Run:
    return lambda invocation, context, words: Answer(message())


def _offer_subscribe(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    profile = mentioned(words, context.profiles(invocation.address))
    return Answer(conversation.offer_subscribe(profile, invocation.address.channel))


def _offer_stop(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    return Answer(conversation.offer_stop(subscriptions.subscription_items(invocation, context)))


def _offer_resume(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    return Answer(conversation.offer_resume(subscriptions.subscription_items(invocation, context)))


def _offer_latest(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """Of the profile the sentence is about, else of those this channel has, else of all."""
    every = context.profiles(invocation.address)
    one = mentioned(words, every)
    own = context.store.subscriptions.of(invocation.address)
    found: list[Profile] = [one] if one else [every[s.profile] for s in own if s.profile in every]
    found = found or list(every.values())
    return Answer(conversation.offer_latest(found, invocation.address.channel))


def _offer_weekly(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    return Answer(conversation.offer_weekly(invocation.address.channel))


def _weekly(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`weekly [PROFILE]`, short for `subscribe PROFILE weekly`."""
    answer = subscriptions.subscribe(invocation, context, [*words, "weekly"])
    if answer.form is None:
        return answer
    return replace(answer, head=conversation.offer_weekly(invocation.address.channel))


def _edit(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`edit [PROFILE]`: the form of a subscription, or of a profile that is not subscribed here;
    where it is not clear which, the list with its Edit buttons."""
    every = context.profiles(invocation.address)
    named = with_names(words, every)
    own = [each.profile for each in context.store.subscriptions.of(invocation.address)]
    listed = subscriptions.list_subscriptions(invocation, context, ())
    name = named[0].lower() if named else own[0] if len(own) == 1 else ""
    if name in own:
        form = subscriptions.edit_pressed(invocation, context, name).form
        return Answer(listed.head, form=form)
    if name in every:
        return profiles.new(invocation, context, [name])
    return listed


def _delete(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`delete PROFILE` ends this channel's subscription where there is one, and offers to delete
    the profile where there is none."""
    named = with_names(words, context.profiles(invocation.address))
    own = {each.profile for each in context.store.subscriptions.of(invocation.address)}
    if named and named[0].lower() in context.profiles(invocation.address).keys() - own:
        return profiles.show(invocation, context, named)
    return subscriptions.unsubscribe(invocation, context, named)


_ABOUT_SCHEDULES: Final = (
    *("offer-subscribe", "offer-stop", "stop", "offer-resume", "offer-weekly", "weekly"),
)
_ABOUT_FORMS: Final = ("offer-new", "edit", "delete")


def _known_to_terminals(name: str, saying: Saying) -> Saying:
    """A terminal has neither schedules nor forms and buttons: what is about them says so."""

    def run(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
        if invocation.address.platform == "terminal":
            if name in ("hello", "more"):
                return Answer(terminal_views.prompt_help(context.judge))
            if name in _ABOUT_SCHEDULES:
                raise Refused(refusals.no_channel())
            if name in _ABOUT_FORMS:
                raise Refused(refusals.form_in_terminal())
            if name == "offer-latest":
                raise Refused(help.needs_profile(context.profiles(invocation.address)))
        return saying.run(invocation, context, words)

    return saying._replace(run=run)


_SAYINGS: Final[dict[str, Saying]] = {
    "hello": Saying(_says(conversation.hello), Right.ASK),
    "thanks": Saying(_says(conversation.thanks), Right.ASK),
    "ask-why": Saying(_says(conversation.ask_why), Right.ASK),
    "more": Saying(_says(help.all_commands), Right.USE),
    "offer-subscribe": Saying(_offer_subscribe, Right.USE),
    "offer-stop": Saying(_offer_stop, Right.USE),
    "stop": Saying(_offer_stop, Right.USE),
    "offer-resume": Saying(_offer_resume, Right.USE),
    "offer-latest": Saying(_offer_latest, Right.USE),
    "offer-weekly": Saying(_offer_weekly, Right.USE),
    "offer-new": Saying(_says(conversation.offer_new), Right.USE),
    "profile": Saying(profiles.show, Right.USE),
    "weekly": Saying(_weekly, Right.CHANGE, posts=True),
    "edit": Saying(_edit, Right.CHANGE),
    "delete": Saying(_delete, Right.CHANGE),
}
SAYINGS: Final = {name: _known_to_terminals(name, saying) for name, saying in _SAYINGS.items()}
