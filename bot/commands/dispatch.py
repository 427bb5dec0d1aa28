"""The table of commands, buttons and forms, the same for all platforms."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Generic, TypeVar

from bot.arxiv.text import without_accents
from bot.commands import (
    digests,
    drafts,
    following,
    me,
    papers,
    profile_versions,
    profiles,
    saved,
    search,
    subscriptions,
    teaching,
    tokens,
    trials,
    zotero,
)
from bot.commands.context import Answer, Context, Invocation
from bot.commands.conversation import SAYINGS
from bot.commands.naming import profile_meant
from bot.commands.permissions import Right
from bot.commands.typed import phrases
from bot.domain.message import Message
from bot.domain.readers.saved import Reading
from bot.domain.readers.teaching import DownReason, VoteWeight
from bot.domain.readers.zotero import names_key
from bot.errors import Refused
from bot.store.gates import Gates, gate_key
from bot.store.spending import Accounts
from bot.views import conversation, help
from bot.views import gate as gate_views
from bot.views import profiles as profiles_views
from bot.views import status as status_views
from bot.views import terminal as terminal_views
from bot.views.cost import cost_text, gate_savings
from bot.views.keeping import zotero as zotero_views
from bot.views.learning.gate_plot import gate_picture

# Characters of a button's value.
_VALUE: Final = 64
RUN: Final = "run"
# Commands whose words are somebody's own: without a letter of them they mean something else.
_WORDED: Final = ("follow", "unfollow", "search")
# Fields that take what another program wrote, not what a person types.
_FILES: Final = {"library", "file"}
# A channel's id: nothing else may become part of an address.
_CHANNEL: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


@dataclass(frozen=True)
class Action:
    """What was asked for, before it is known who asks: the right it takes, the channel it names
    (empty: the one it is asked in), the function that does it, and whether it leads to a digest.
    `is_public`: asked for by a mention, it is answered for all to read. `prepare` fetches what has
    to be there first, once the person is known to have the right, and returns the action with it.
    It raises Refused."""

    right: Right
    channel: str
    do: Callable[[Invocation, Context], Answer]
    posts: bool = False
    is_public: bool = False
    prepare: Callable[[], Awaitable[Action]] | None = None

    def authorise(self, invocation: Invocation, context: Context) -> Invocation:
        """The invocation as if made in the channel it names. Raises Refused without the right."""
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
    """Save a form. Raises InvalidForm with a sentence for each wrong field, or Refused."""
    return form_action(form, about, answers)(invocation, context)


def typed_action(text: str) -> Action:
    """The action of `answer`, before it is known who asks. Words with a key in them go nowhere."""
    if names_key(text):
        return _refusing(zotero_views.key_typed())
    found = phrases.meaning(text, COMMANDS)
    if found.word is None:
        said = re.sub(r"^\s*/?digest\s+", "", text, flags=re.IGNORECASE).strip()
        said = said.split()[0] if found.near else said
        return _refusing(help.unknown_command(said.lstrip("/"), found.near or None))
    if found.word in SAYINGS:
        saying = SAYINGS[found.word]
        return Action(
            saying.right,
            "",
            lambda invocation, context: saying.run(invocation, context, found.words),
            saying.posts,
        )
    spec = COMMANDS[found.word]
    return Action(
        spec.right,
        "",
        lambda invocation, context: spec.run(invocation, context, list(found.words)),
        spec.posts,
        is_public=found.word == "why",
    )


def button_for(text: str) -> Message | None:
    """Where a text can't be answered in private: a message with the button that does what it
    means, whose answer is private, or with the command where a button can't carry the words. None
    for what everybody may read, and what means nothing."""
    if names_key(text):
        return Message(title=zotero_views.key_typed())
    found = phrases.meaning(text, COMMANDS)
    known = None if found.word is None else SAYINGS.get(found.word) or COMMANDS[found.word]
    if found.word is None or known is None or found.word == "why":
        return None
    if found.word in SAYINGS and known.right is Right.ASK:
        return None
    if found.word in ("", "help"):
        return help.help_text()
    said = without_accents(" ".join((found.word or "help", *found.words)))
    plain = re.sub(r"[^A-Za-z0-9 ./_-]", "", said)
    is_whole = plain == re.sub(r"[\"“”„«»]|[?!]+$", "", said) and len(plain) <= _VALUE
    if found.word in _WORDED and not is_whole:
        return conversation.type_it(found.word)
    return conversation.press_to_see(found.word, plain[:_VALUE])


def is_social(text: str) -> bool:
    """Whether a text is a greeting or thanks, which a colleague answers aloud."""
    return phrases.meaning(text, COMMANDS).word in ("hello", "thanks")


def button_action(action: str, value: str) -> Action:
    """The action of `press`, likewise. A button of `button_for` is as if its words were typed."""
    if action == RUN:
        return typed_action(value)
    if action not in BUTTONS:
        return _refusing(help.unknown_button())
    spec, channel = BUTTONS[action], ""
    if spec.names_channel:
        channel, _, value = value.partition(" ")
        if channel and not _CHANNEL.fullmatch(channel):
            return _refusing(help.unknown_button())
    return Action(
        spec.right,
        channel,
        lambda invocation, context: spec.run(invocation, context, value),
        spec.posts,
    )


def form_action(form: str, about: str, answers: Mapping[str, str]) -> Action:
    """The action of `submit`, likewise."""
    if form not in FORMS:
        return _refusing(help.unknown_button())
    spec = FORMS[form]
    if form != zotero.FORM and any(names_key(answers[name]) for name in answers.keys() - _FILES):
        return _refusing(zotero_views.key_typed())
    channel = ""
    if spec.names_channel:
        channel = about.partition(" ")[0] or answers.get("channel", "")
    if channel and not _CHANNEL.fullmatch(channel):
        return _refusing(help.unknown_button())
    return Action(
        spec.right,
        channel,
        lambda invocation, context: spec.run(invocation, context, about, answers),
        spec.posts,
    )


def _refusing(sentence: str) -> Action:
    def refuse(invocation: Invocation, context: Context) -> Answer:
        raise Refused(sentence)

    return Action(Right.ASK, "", refuse)


def _profiles(invocation: Invocation, context: Context, words: list[str]) -> Answer:
    profiles_here = context.profiles(invocation.address)
    if invocation.address.platform == "terminal":
        return Answer(help.profiles_text(profiles_here))
    own = context.store.profiles.own_names(invocation.address)
    listed = sorted(profiles_here.values(), key=lambda profile: profile.name not in own)
    return Answer(profiles_views.profiles_list(listed, invocation.address.channel))


def _status(invocation: Invocation, context: Context, words: list[str]) -> Answer:
    status = context.status()
    if invocation.address.platform != "terminal":
        mine = invocation.person.channels if invocation.person else ()
        status = status.of(invocation.address.workspace_key, mine)
    return Answer(status_views.status_text(status))


def _cost(invocation: Invocation, context: Context, words: list[str]) -> Answer:
    store, place = context.store, invocation.address
    costs = Accounts(store).costs(place.workspace_key, *context.limits, invocation.at)
    profiles_here, model = context.profiles(place), context.judge.model or ""
    subscribed = context.store.subscriptions.of_workspace(place.platform, place.workspace)
    reports = {}
    for name in dict.fromkeys([*(each.profile for each in subscribed), *costs.profiles]):
        profile = profiles_here.get(name)
        owner = context.judge_of(place, profile).owner if profile else ""
        if profile and (report := Gates(store).report(gate_key(profile, model, owner))):
            reports[name] = report
    return Answer(cost_text(costs, reports))


def _gate(invocation: Invocation, context: Context, words: list[str]) -> Answer:
    """`gate [PROFILE]`: of the channel's profile, where none is named."""
    store, place = context.store, invocation.address
    profile = profile_meant(words, invocation, context, "gate")
    judge = context.judge_of(place, profile)
    report = Gates(store).report(gate_key(profile, judge.model or "", judge.owner))
    costs = Accounts(store).costs(place.workspace_key, *context.limits, invocation.at)
    head = gate_views.gate_text(profile, report, gate_savings(costs, profile.name))
    return Answer(head, file=gate_picture(profile.title, report) if report else None)


def _help(invocation: Invocation, context: Context, words: list[str]) -> Answer:
    if invocation.address.platform == "terminal":
        return Answer(terminal_views.prompt_help(context.judge))
    items = subscriptions.subscription_items(invocation, context)
    return Answer(help.help_text().model_copy(update={"items": items}))


def _more(invocation: Invocation, context: Context, words: list[str]) -> Answer:
    return Answer(help.all_commands())


CommandHandler = Callable[[Invocation, Context, list[str]], Answer]
ButtonHandler = Callable[[Invocation, Context, str], Answer]
FormHandler = Callable[[Invocation, Context, str, Mapping[str, str]], Answer]
R = TypeVar("R", CommandHandler, ButtonHandler, FormHandler)


@dataclass(frozen=True)
class CommandSpec(Generic[R]):
    """A command, button or form, and the right it takes.

    `names_channel`: the first word of a button's value, or of a form's metadata, is the channel;
    without it the form asks for one. `posts`: it leads to a digest.
    """

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
    "history": CommandSpec(profile_versions.history, USE),
    "undo": CommandSpec(profile_versions.undo_typed, CHANGE),
    "now": CommandSpec(digests.now, USE, posts=True),
    "preview": CommandSpec(digests.preview, USE, posts=True),
    "pause": CommandSpec(subscriptions.pause, CHANGE),
    "resume": CommandSpec(subscriptions.resume, CHANGE, posts=True),
    "status": CommandSpec(_status, USE),
    "cost": CommandSpec(_cost, USE),
    "gate": CommandSpec(_gate, USE),
    "missed": CommandSpec(papers.missed, USE),
    "search": CommandSpec(search.search, USE),
    "taught": CommandSpec(teaching.taught, USE),
    "follow": CommandSpec(following.follow, USE),
    "follows": CommandSpec(following.follows, ASK),
    "unfollow": CommandSpec(following.unfollow, ASK),
    "best": CommandSpec(saved.best, USE),
    "saved": CommandSpec(saved.saved, ASK),
    "me": CommandSpec(me.me, ASK),
    "token": CommandSpec(tokens.token, USE),
    "why": CommandSpec(papers.why, ASK),
    "help": CommandSpec(_help, USE),
}
BUTTONS: dict[str, CommandSpec[ButtonHandler]] = {
    "up": CommandSpec(papers.voted_up, ASK),
    "down": CommandSpec(papers.voted_down, ASK),
    **{f"down-{why}": CommandSpec(teaching.reason_pressed(why), ASK) for why in DownReason},
    "up-missed": CommandSpec(papers.missed_voted_up, ASK),
    "why": CommandSpec(papers.why_pressed, ASK),
    "abstract": CommandSpec(papers.abstract, ASK),
    "bibtex": CommandSpec(papers.bibtex, ASK),
    "menu": CommandSpec(papers.menu, ASK),
    "like": CommandSpec(search.like_pressed, USE),
    "details": CommandSpec(papers.details, ASK),
    "follow": CommandSpec(following.whom_pressed, USE),
    "follow-author": CommandSpec(following.author_pressed, USE),
    "follow-paper": CommandSpec(following.paper_pressed, USE),
    "follows": CommandSpec(_as_typed(following.follows), ASK),
    "unfollow": CommandSpec(following.unfollow_pressed, ASK),
    "not-them": CommandSpec(following.not_them_pressed, ASK),
    "them-again": CommandSpec(following.them_again_pressed, ASK),
    "keep-category": CommandSpec(following.keep_category_pressed, ASK),
    "missed": CommandSpec(papers.missed_pressed, USE),
    "post": CommandSpec(papers.post_pressed, USE),
    "share": CommandSpec(papers.share, USE),
    "now": CommandSpec(_as_typed(digests.now), USE, names_channel=True, posts=True),
    "preview": CommandSpec(_as_typed(digests.preview), USE, names_channel=True, posts=True),
    "profiles": CommandSpec(_as_typed(_profiles), USE),
    "profile": CommandSpec(_as_typed(profiles.show), USE),
    "more": CommandSpec(_as_typed(_more), USE),
    "subscribe": CommandSpec(subscriptions.form_pressed, CHANGE, names_channel=True, posts=True),
    "subscribe-to": CommandSpec(
        _as_typed(subscriptions.subscribe), CHANGE, names_channel=True, posts=True
    ),
    "edit": CommandSpec(subscriptions.edit_pressed, CHANGE, names_channel=True),
    "apart": CommandSpec(subscriptions.apart_pressed, CHANGE, names_channel=True),
    "pause": CommandSpec(_as_typed(subscriptions.pause), CHANGE, names_channel=True),
    "resume": CommandSpec(_as_typed(subscriptions.resume), CHANGE, names_channel=True, posts=True),
    "ask-unsubscribe": CommandSpec(subscriptions.asked_to_end, CHANGE, names_channel=True),
    "unsubscribe": CommandSpec(_as_typed(subscriptions.unsubscribe), CHANGE, names_channel=True),
    "new": CommandSpec(profiles.new_pressed, CHANGE),
    "namesake": CommandSpec(drafts.namesake_pressed, CHANGE),
    "draft": CommandSpec(drafts.draft_pressed, CHANGE),
    "edit-profile": CommandSpec(profiles.edit_pressed, CHANGE),
    "copy-profile": CommandSpec(profiles.copy_pressed, CHANGE),
    "delete-profile": CommandSpec(profiles.delete_pressed, CHANGE),
    "ask-delete-profile": CommandSpec(profiles.asked_to_delete, CHANGE),
    "profile-file": CommandSpec(profiles.as_file, USE),
    "trial": CommandSpec(trials.pressed, USE),
    "buy-trial": CommandSpec(trials.buy_pressed, USE),
    "history": CommandSpec(_as_typed(profile_versions.history), USE),
    "restore": CommandSpec(profile_versions.restore_pressed, CHANGE),
    "undo": CommandSpec(profile_versions.undo_pressed, CHANGE),
    "forget-vote": CommandSpec(teaching.forget_paper, USE),
    "forget-mine": CommandSpec(teaching.forget_mine, USE),
    "forget-reader": CommandSpec(teaching.forget_reader, CHANGE),
    "forget-votes": CommandSpec(teaching.forget_all, CHANGE),
    "ask-forget-votes": CommandSpec(teaching.asked_to_forget, CHANGE),
    "undo-forget": CommandSpec(teaching.undo_forget, USE),
    "show-examples": CommandSpec(teaching.show_examples, CHANGE),
    "hide-examples": CommandSpec(teaching.hide_examples, CHANGE),
    **{f"weigh-{each}": CommandSpec(teaching.weigh_pressed(each), CHANGE) for each in VoteWeight},
    "weekly-best": CommandSpec(saved.weekly_pressed, CHANGE),
    "save": CommandSpec(saved.save_pressed, ASK),
    "unsave": CommandSpec(saved.unsave_pressed, ASK),
    "saved": CommandSpec(_as_typed(saved.saved), ASK),
    "share-saved": CommandSpec(saved.share_pressed, ASK),
    "unshare-saved": CommandSpec(saved.unshare_pressed, ASK),
    **{f"saved-{state}": CommandSpec(saved.state_pressed(state), ASK) for state in Reading},
    "zotero": CommandSpec(zotero.send_pressed, ASK),
    "zotero-key": CommandSpec(zotero.key_pressed, ASK),
    "zotero-off": CommandSpec(zotero.off_pressed, ASK),
    "token-new": CommandSpec(tokens.new_pressed, USE),
    "token-end": CommandSpec(tokens.end_pressed, ASK),
    "me": CommandSpec(_as_typed(me.me), ASK),
    "ask-forget-me": CommandSpec(me.asked_to_forget, ASK),
    "forget-me": CommandSpec(me.forget, ASK),
}
FORMS: dict[str, CommandSpec[FormHandler]] = {
    "subscribe": CommandSpec(subscriptions.submit_form, CHANGE, names_channel=True, posts=True),
    "edit": CommandSpec(subscriptions.submit_edit_form, CHANGE, names_channel=True),
    "profile": CommandSpec(profiles.submit_form, CHANGE),
    "work": CommandSpec(drafts.submit_work, CHANGE),
    "try-profile": CommandSpec(trials.of_form, CHANGE),
    zotero.FORM: CommandSpec(zotero.submit, ASK),
}
