"""What a channel is told when it subscribes, changes its mind, makes profiles and votes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import time, timedelta
from functools import partial

import pytest

from bot.commands import dispatch, subscriptions
from bot.commands.context import HOME, Answer, Context, FormAgain, InvalidForm, Invocation
from bot.domain.digest import Outcome
from bot.domain.judge import Judge
from bot.domain.message import Button, Card, Form, Post
from bot.domain.papers import Problem, fingerprint
from bot.domain.reasons import ArxivReason, ChannelReason, ModelReason
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Subscription
from bot.errors import Refused
from bot.profiles.toml_text import as_toml
from bot.sealing import Sealer
from bot.store.lookups import Lookups
from bot.store.store import Store
from tests.bot.commands.samples import (
    CHANNEL_ADDRESS,
    INVOCATION,
    NEXT_DOOR,
    PROFILE_VALUES,
    SUBSCRIBE_VALUES,
    counted,
    deliver_day,
)
from tests.conftest import GOLDEN, check_golden
from tests.factories import DAY, LATER, NOW, digest, profile
from tests.zotero_at_work import KEY, SEALING

ELSEWHERE = CHANNEL_ADDRESS.model_copy(update={"workspace": "T2"})


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())

    def status() -> Status:
        raise AssertionError("nobody asks how things stand here")

    sealer = Sealer([SEALING])
    return Context(store, Lookups(store), Judge(model="gpt-6-luna"), status, sealer=sealer)


def typed(text: str, context: Context, invocation: Invocation = INVOCATION) -> Answer:
    return dispatch.answer(replace(invocation, text=text), context)


def pressed(
    action: str, value: str, context: Context, invocation: Invocation = INVOCATION
) -> Answer:
    return dispatch.press(invocation, action, value, context)


def sent(
    form: str,
    answers: Mapping[str, str],
    context: Context,
    about: str = "C1",
    invocation: Invocation = INVOCATION,
) -> Answer:
    return dispatch.submit(invocation, form, about, answers, context)


def shown(who: str, act: Callable[[], Answer]) -> str:
    """One thing done and all that is said to it, wherever it is said."""
    rows = [f"> {who}"]
    try:
        answer = counted(act())
    except InvalidForm as unfit:
        rows += [f"  at {name}: {said}" for name, said in unfit.field_errors.items()]
    except FormAgain as again:
        rows += ["  refused: the form is shown again", *(f"  {note}" for note in again.form.notes)]
        rows += [f"    {each.label}: {each.value!r}" for each in again.form.fields]
    except Refused as refused:
        rows.append(f"  refused: {refused}")
    else:
        rows += _post("", answer.head)
        rows += _form(answer.form) if answer.form else []
        rows += _post("channel: ", answer.announcement)
        rows += _post("for all here: ", answer.shared)
        for place, head in answer.broadcasts:
            rows += _post(f"told #{place.channel}: ", head)
        rows += _post("message now: ", answer.update)
        if answer.lookup:
            rows.append(f"  asks about {answer.lookup.paper}")
        if answer.task and answer.task.trial:
            trial = answer.task.trial
            against = ", compared with the profile as it is" * bool(trial.before)
            rows.append(f"  tries {trial.profile.title} on {trial.days} days{against}")
        if answer.task and answer.task.drafting:
            given = answer.task.drafting
            rows.append(
                f"  drafts from text {given.text!r}, {given.library!r}, by {given.author!r}"
            )
        if answer.request:
            private = ", only to see" if answer.request.preview else ""
            rows.append(f"  wished: {answer.request.address}, top {answer.request.top}{private}")
    return "\n".join(rows)


def _post(to: str, post: Post | None) -> list[str]:
    if isinstance(post, Card):
        return [f"  {to}{post.rank}. {post.title}", _row(post.buttons)]
    if post is None:
        return []
    by = f"@{post.by} " if post.by else ""
    rows = [f"  {to}{by}{post.title}", *(f"    {text}" for text in post.text)]
    rows += [f"    /{c.word} {c.arguments} -- {c.does}" for c in post.commands]
    for item in post.items:
        there = f" #{item.channel}" * bool(item.channel) + f" @{item.by}" * bool(item.by)
        below = (*(f"· {point}" for point in item.points), *item.small)
        rows += [f"    - {item.title}{there}", *(f"      {small}" for small in below)]
        rows += [f"  {_row(item.buttons)}"] if item.buttons else []
    rows += [f"    | {line}" for line in post.code.split("\n")] if post.code else []
    rows += [f"     {small}" for small in post.small]
    return [*rows, _row(post.buttons)] if post.buttons else rows


def _row(buttons: tuple[Button, ...]) -> str:
    found = (
        f"[{b.label}: {f'{b.action} {b.value or b.url}'.strip()}{' ' * bool(b.confirm)}{b.confirm}]"
        for b in buttons
    )
    return f"    {' '.join(found)}"


def _form(form: Form) -> list[str]:
    rows = [f"  form {form.name} about {form.metadata or 'nothing'}: {form.title} [{form.submit}]"]
    rows += [f"    {note}" for note in form.notes]
    rows += [_row((form.also,))] if form.also else []
    for field in form.fields:
        mark = " (may stay empty)" if field.optional else ""
        hint = f"   -- {field.hint}" if field.hint else ""
        among = f" of {len(field.choices)}" if field.choices else ""
        rows.append(f"    {field.label}, {field.kind}{among}: {field.value!r}{mark}{hint}")
    return rows


class Conversation:
    """What somebody types, presses and sends in a channel, with all that is said to it."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.said: list[str] = []

    def types(self, *texts: str) -> None:
        self.said.extend(shown(text, partial(typed, text, self.context)) for text in texts)

    def presses(self, action: str, value: str) -> None:
        act = partial(pressed, action, value, self.context)
        self.said.append(shown(f"[{f'{action} {value}'.strip()}]", act))

    def sends(self, form: str, about: str = "C1", **changes: str) -> None:
        answers = (SUBSCRIBE_VALUES if "profile" not in form else PROFILE_VALUES) | changes
        given = ", ".join(f"{name}={text[:80]!r}" for name, text in changes.items())
        what = f"sends {form} about {about or 'nothing'}: {given or 'complete'}"
        self.said.append(shown(what, partial(sent, form, answers, self.context, about)))


def before_anything(somebody: Conversation) -> None:
    somebody.types("/digest list", "/digest pause", "/digest unsubscribe matters", "/digest now")
    somebody.types(
        "/digest subscribe maters", "/digest subscribe matters at noonish", "/digest subscibe"
    )


def by_words(somebody: Conversation) -> None:
    somebody.types("/digest subscribe", "/digest subscribe at 8:30", "/digest subscribe matters")
    somebody.types(
        "/digest subscribe matters", "/digest subscribe Matters at 8:30 tz Berlin days mon-wed"
    )
    somebody.types("/digest subscribe matters top 10", "/digest subscribe exoplanets days weekends")
    deliver_day(somebody.context)
    somebody.types("/digest subscribe matters", "/digest", "/digest list", "/digest now")
    somebody.types("/digest now matters", "/digest now exoplanets", "/digest unsubscribe")
    somebody.types("/digest pause foundations", "/digest pause", "/digest pause", "/digest list")
    somebody.types("/digest subscribe matters", "/digest resume matters", "/digest resume matters")
    somebody.types("/digest resume", "/digest unsubscribe exoplanets", "/digest unsubscribe")


def by_form(somebody: Conversation) -> None:
    somebody.presses("subscribe", "")
    somebody.presses("subscribe", "C2")
    somebody.sends("subscribe")
    somebody.sends("subscribe", top="")
    somebody.sends("subscribe", about="", channel="C2")
    somebody.sends("subscribe", about="")
    somebody.sends("subscribe", profile="", at="late", tz="Mars", days="", top="0")
    somebody.sends("subscribe", profile="gone")
    somebody.sends("nonsense")


def by_button(somebody: Conversation) -> None:
    for action in ("edit", "pause", "resume", "now", "ask-unsubscribe", "unsubscribe", "edit"):
        somebody.presses(action, "C2 matters")
    somebody.presses("pause", "C1 matters")
    somebody.presses("edit", "C1 matters")
    somebody.sends("subscribe", about="C1")
    somebody.sends("edit", about="C1 what-it-showed")
    somebody.sends("edit", about="C2 what-it-showed")
    somebody.presses("frobnicate", "")


def own_profile(somebody: Conversation) -> None:
    somebody.types("/digest new")
    somebody.presses("new", "")
    somebody.sends("profile", about="")
    somebody.sends("profile", about="", title="Bounds, rates")
    somebody.sends("profile", about="", title="", categories="cs.XX", look_for="", maximum="many")
    somebody.types(
        "/digest new bounds-rates", "/digest new nobody", "/digest subscribe bounds-rates"
    )
    somebody.presses("edit-profile", "bounds-rates")
    somebody.sends("profile", about="bounds-rates", title="Rates & bounds")
    somebody.sends("profile", about="bounds-rates", relevance="11")
    somebody.presses("edit-profile", "matters")
    redis = somebody.context.store.redis
    token = next(iter(redis.scan_iter("pb:undo:*"))).rpartition(":")[2]
    somebody.presses("undo", token)
    somebody.presses("undo", token)
    somebody.presses("undo", "0123456789abcdef")


def before_subscribing(somebody: Conversation) -> None:
    somebody.presses("more", "")
    somebody.types("/digest preview", "/digest preview “Matters of Importance” top 3")
    somebody.presses("profiles", "")
    somebody.presses("profile", "matters")
    somebody.presses("preview", "C1 foundations")
    somebody.presses("subscribe-to", "C1 exoplanets")
    somebody.types("/digest now Quantum computing top 8", "/digest edit exoplanets")
    somebody.types("/digest delete exoplanets", "/digest weekly exoplanets top 4")
    somebody.types("/digest remove exoplanets please", "/digest unsubscribe from exoplanets")


def by_work(somebody: Conversation) -> None:
    somebody.sends("work", about="", work="")
    somebody.sends("work", about="", work="We work on tides. See 2503.10000")
    somebody.sends("work", about="", work="Ada Lovelace")
    somebody.sends("work", about="", work="by Ada Lovelace")
    somebody.sends("work", about="", work="@misc{a, title={Tides}}")
    somebody.sends("work", about="", work="long " * 700)
    file = profile_file()
    somebody.sends("work", about="", work=file)
    somebody.sends("work", about="", work=file.replace("cs.LG", "cs.XX"))
    somebody.presses("namesake", "0123456789abcdef 2503.10000")
    somebody.presses("draft", "0123456789abcdef")


def profile_file() -> str:
    return as_toml(profile())


def profile_by_button(somebody: Conversation) -> None:
    somebody.presses("profile", "bounds-rates")
    somebody.presses("copy-profile", "matters")
    somebody.sends("profile", about="", title="Copy of Matters of importance")
    somebody.presses("delete-profile", "bounds-rates")
    somebody.presses("delete-profile", "matters")
    somebody.types("/digest delete copy-of-matters-of-importance")
    somebody.presses("ask-delete-profile", "copy-of-matters-of-importance")
    before = set(somebody.context.store.redis.scan_iter("pb:undo:*"))
    somebody.presses("delete-profile", "copy-of-matters-of-importance")
    (after,) = set(somebody.context.store.redis.scan_iter("pb:undo:*")) - before
    somebody.types("/digest new copy-of-matters-of-importance")
    somebody.presses("undo", str(after).rpartition(":")[2])
    somebody.types("/digest show copy-of-matters-of-importance")


def versions(somebody: Conversation) -> None:
    """A profile changes four times, once by two people at once, and goes back."""
    somebody.types(
        "/digest history exoplanets", "/digest undo exoplanets", "/digest history nobody"
    )
    here = somebody.context
    opened = pressed("edit-profile", "bounds-rates", here).form
    assert opened is not None
    stamp = opened.metadata
    somebody.sends("profile", about=stamp, relevance="8", keywords="minimax, rates")
    other = {"keywords": "-blockchain, stochastic", "novelty": "7"}
    somebody.sends("profile", about=stamp, **other)
    somebody.types("/digest history bounds-rates", "/digest undo bounds-rates")
    somebody.types("/digest undo bounds-rates", "/digest history bounds-rates 2")
    somebody.presses("restore", "bounds-rates 1")
    somebody.presses("restore", "bounds-rates 1")
    somebody.presses("restore", "bounds-rates 70")
    somebody.presses("history", "bounds-rates")
    somebody.presses("trial", "bounds-rates 2")
    somebody.presses("trial", "bounds-rates 70")
    somebody.presses("buy-trial", "0123456789abcdef")
    somebody.types("/digest preview Bounds & rates last 8 days", "/digest preview matters last x")
    somebody.sends("try-profile", about="bounds-rates", relevance="9")
    somebody.sends("try-profile", about="", title="Bounds, rates", relevance="11")
    somebody.presses("profile-file", "bounds-rates")
    somebody.sends("profile", about="matters", title="Ours")
    somebody.types("/digest history matters")
    somebody.presses("restore", "matters shipped")
    somebody.types("/digest history matters", "/digest unsubscribe bounds-rates")
    somebody.presses("delete-profile", "bounds-rates")
    somebody.types("/digest history bounds-rates", "/digest undo bounds-rates", "/digest history")


def about_one_paper(somebody: Conversation) -> None:
    somebody.types("/why 2503.10000", "/why 2503.10002", "/why", "/why attention")
    somebody.types("/why 2503.10000 2503.10001", "/digest missed", "/digest missed nobody")
    for action in ("why", "abstract", "bibtex", "menu", "up", "up", "down", "up"):
        somebody.presses(action, "day 2503.10001")
    somebody.presses("post", "day 2503.10002")
    somebody.presses("post", "day 2503.10000")
    for action in ("details", "missed"):
        somebody.presses(action, "day")
        somebody.presses(action, "another day")
    somebody.presses("up", "day 2503.10002")
    somebody.presses("share", "2503.10001")
    somebody.presses("like", "day 2503.10001")
    somebody.types("/digest search bounds", "/digest search")
    somebody.presses("follows", "")


def about_votes(somebody: Conversation) -> None:
    somebody.presses("down", "day 2503.10000")
    for reason in ("off-topic", "known", "weak", "not-now"):
        somebody.presses(f"down-{reason}", "day 2503.10000")
    somebody.types("/digest taught", "/digest taught matters", "/digest taught forget 2503.10009")
    somebody.presses("weigh-off", "matters")
    somebody.presses("weigh-some", "matters")
    somebody.types("/digest taught weigh", "/digest taught weigh some")
    somebody.presses("weigh-full", "matters")
    somebody.presses("show-examples", "matters")
    somebody.presses("hide-examples", "matters")
    somebody.presses("forget-vote", "matters 2503.10000")
    somebody.presses("forget-reader", "matters 00000000")
    somebody.presses("ask-forget-votes", "matters")
    somebody.presses("forget-votes", "matters")
    somebody.presses("forget-mine", "matters")
    somebody.presses("undo-forget", "0000")


def about_follows(somebody: Conversation) -> None:
    somebody.types("/digest follow", "/digest follow Jane Doe", '/digest follow author "Jane Doe"')
    somebody.types("/digest follow term +", "/digest follow 2503.10001", "/digest follows")
    somebody.presses("follow", "day 2503.10000")
    somebody.presses("follow-author", "day 2503.10000 0")
    somebody.presses("follow-author", "day 2503.10000 9")
    somebody.presses("follow-paper", "day 2503.10000")
    ada = f"T1 {fingerprint('author', 'ada lovelace')}"
    for action in ("not-them", "keep-category", "them-again", "keep-category"):
        somebody.presses(action, f"{ada} 2503.10001")
    somebody.types("/digest unfollow", "/digest unfollow 2503.10001", "/digest unfollow nobody")
    somebody.presses("unfollow", ada)
    somebody.presses("unfollow", ada)
    somebody.types("/digest unfollow all")


def about_saved_papers(somebody: Conversation) -> None:
    somebody.presses("save", "day 2503.10000")
    somebody.presses("share-saved", "2503.10000")
    somebody.presses("saved-reading", "2503.10000")
    somebody.types("/digest saved")
    somebody.presses("zotero", "")
    somebody.presses("zotero-key", "")
    somebody.sends("zotero-access", about="", key=KEY, group="7")
    somebody.sends("zotero-access", about="", key="hush", group="ours")
    somebody.presses("zotero-off", "")
    somebody.presses("zotero-off", "")
    somebody.presses("saved", "shared")
    somebody.presses("saved-done", "2503.10000 here")
    somebody.presses("saved-open", "2503.10000")
    somebody.presses("unshare-saved", "2503.10000")
    somebody.presses("unsave", "2503.10000")
    somebody.presses("up-missed", "day 2503.10002")
    somebody.types("/digest best 30")
    somebody.presses("apart", "C1 apart")
    somebody.types("/digest list", "/digest list together")
    somebody.presses("weekly-best", "fridays")
    somebody.types("/digest best off")
    somebody.types("/digest me")
    somebody.presses("me", "")
    somebody.presses("ask-forget-me", "")
    somebody.presses("forget-me", "")
    somebody.types("/digest me")


def about_tokens(somebody: Conversation) -> None:
    somebody.types("/digest token", "/digest token new")
    somebody.context = replace(somebody.context, api_url="https://paperboy.example.org")
    somebody.types("/digest token", "/digest token new", "/digest token", "/digest token please")
    somebody.presses("token-new", "")
    somebody.presses("token-end", "00000000")
    (one, _) = somebody.context.store.tokens.of("slack:T1", INVOCATION.by, NOW)
    somebody.presses("token-end", one.id)
    somebody.types("/digest token end 12345678", "/digest token end all", "/digest token end all")


def test_what_a_channel_sees(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    made = iter(("A" * 43, "B" * 43))
    monkeypatch.setattr(secrets, "token_urlsafe", lambda length: next(made))
    somebody = Conversation(context)
    for part in (
        *(before_anything, before_subscribing, by_words, by_form, by_button, own_profile),
        *(by_work, profile_by_button, versions, about_one_paper, about_votes),
        *(about_follows, about_saved_papers, about_tokens),
    ):
        part(somebody)
    check_golden("commands/subscriptions.txt", "\n".join(somebody.said) + "\n")


def test_every_command_button_and_form_is_in_that_file() -> None:
    text = (GOLDEN / "commands/subscriptions.txt").read_text(encoding="utf-8")
    in_the_other = {"", "help", "profiles", "status", "cost", "gate"}  # commands.txt
    for word in dispatch.COMMANDS.keys() - in_the_other - {"why"}:
        assert f"> /digest {word}" in text
    assert "> /why" in text
    assert all(re.search(rf"> \[{action}[ \]]", text) for action in dispatch.BUTTONS)
    assert all(f"> sends {form} " in text for form in dispatch.FORMS)


def test_another_workspace_neither_sees_nor_touches_it(context: Context) -> None:
    typed("subscribe matters", context)
    sent("profile", PROFILE_VALUES, context, about="")
    deliver_day(context)
    before = context.store.subscriptions.all()
    there = replace(INVOCATION, address=ELSEWHERE)
    assert "No subscriptions here" in shown("", lambda: typed("list", context, there))
    assert "bounds-rates" not in shown("", lambda: typed("profiles", context, there))
    for action, value in (
        ("pause", "C1 matters"),
        ("unsubscribe", "C1 matters"),
        ("edit-profile", "bounds-rates"),
        ("up", "day 2503.10000"),
        ("why", "day 2503.10000"),
        ("share", "2503.10000"),
    ):
        with pytest.raises(Refused):
            pressed(action, value, context, there)
    with pytest.raises(Refused, match="has no profile"):
        typed("why 2503.10000", context, there)
    assert context.store.subscriptions.all() == before
    assert subscriptions.home(there, context).items == ()


def test_the_home_page_has_every_channel_that_a_person_is_in(context: Context) -> None:
    typed("subscribe matters", context)
    typed("subscribe exoplanets", context, replace(INVOCATION, address=NEXT_DOOR))
    pressed("pause", "C2 exoplanets", context)
    deliver_day(context)
    at_home = replace(INVOCATION, address=CHANNEL_ADDRESS.model_copy(update={"channel": HOME}))
    one, two = subscriptions.home(at_home, context).items
    assert (one.channel, one.small) == (
        "C1",
        ("next: today 09:00 EDT", "last: Thursday 20 March 2025, 2 of 3 papers"),
    )
    assert (two.channel, two.small[0]) == (
        "C2",
        "paused by someone here; /digest resume restarts it",
    )
    assert [button.value for button in two.buttons] == ["C2 exoplanets"] * 3


@pytest.mark.parametrize(
    ("reason", "to_do"),
    [
        (ChannelReason.ARCHIVED, "unarchive the channel"),
        (ChannelReason.NOT_A_MEMBER, "invite Paperboy"),
        (ChannelReason.CHANNEL_GONE, "invite Paperboy"),
        (ChannelReason.MAY_NOT_POST, "allow Paperboy to post"),
        (ChannelReason.BAD_TOKEN, "a new token"),
        (ChannelReason.NO_SCOPE, "reinstall it"),
    ],
)
def test_a_paused_subscription_says_why_and_what_to_do(
    reason: ChannelReason, to_do: str, context: Context
) -> None:
    typed("subscribe matters", context)
    context.store.subscriptions.pause_channel(CHANNEL_ADDRESS, reason, NOW)
    said = shown("", lambda: typed("list", context))
    assert to_do in said
    assert ", then /digest resume" in said
    typed("resume", context)
    assert "next: today 09:00 EDT" in shown("", lambda: typed("list", context))


def test_days_during_a_pause_are_not_delivered_at_its_end(context: Context) -> None:
    typed("subscribe matters", context)
    typed("pause", context)
    typed("resume", context, replace(INVOCATION, at=NOW + timedelta(days=7)))
    assert context.store.subscriptions.last_served_days() == {
        "slack:T1:C1 matters": DAY + timedelta(days=6)
    }


def test_a_change_keeps_who_subscribed_and_since_when(context: Context) -> None:
    typed("subscribe matters top 5", context)
    somebody = replace(INVOCATION, by="U2", at=NOW + timedelta(days=1), zone="Asia/Tokyo")
    typed("subscribe matters at 8", context, somebody)
    assert context.store.subscriptions.all() == [
        Subscription(
            address=CHANNEL_ADDRESS,
            profile="matters",
            schedule=Schedule(at=time(8), tz="America/New_York"),
            top=5,
            by="U1",
            since=NOW,
        )
    ]


def test_more_papers_than_the_profile_has_are_not_promised(context: Context) -> None:
    said = shown("", lambda: typed("subscribe matters top 50", context))
    assert "at most 20 papers from cs.LG" in said


def test_who_asks_for_now_is_remembered(context: Context) -> None:
    request = typed("now matters", context).request
    assert request is not None
    assert (request.by, request.since) == ("U1", NOW)


def test_a_paper_that_no_model_judged_is_voted_on_like_any_other_and_counts_as_no_pick(
    context: Context,
) -> None:
    typed("subscribe matters", context)
    day, store = deliver_day(context), context.store
    down = {"outcome": Outcome.UNSCORED, "score": None, "trouble": ModelReason.MODEL_DOWN}
    first, second, third = day.decisions
    rows = (first, second.model_copy(update=down), third)
    day = day.model_copy(update={"decisions": rows, "ranked_locally": (second.paper.id,)})
    store.days.put_decided("away", day)
    store.history.put_delivered(CHANNEL_ADDRESS, f"{CHANNEL_ADDRESS}:away", day, LATER, "17.2")
    answer = pressed("up", f"away {second.paper.id}", context)
    assert isinstance(answer.update, Card)
    assert (answer.update.mark, answer.update.rank, answer.update.relevance) == (
        "ranked locally: the model was away",
        None,
        None,
    )
    assert answer.update.buttons[0].label == "👍 1"
    listed = typed("list", context)
    assert "1 of 3 papers, 1 ranked locally, some missing" in str(listed.head)


def test_votes_are_counted_per_person_and_channel(context: Context) -> None:
    deliver_day(context)
    deliver_day(context, NEXT_DOOR)
    for person in ("U1", "U2", "U3"):
        answer = pressed("up", "day 2503.10000", context, replace(INVOCATION, by=person))
    assert isinstance(answer.update, Card)
    assert [button.label for button in answer.update.buttons] == ["👍 3", "👎", "Abstract", "Save"]
    answer = pressed("down", "day 2503.10000", context, replace(INVOCATION, by="U2"))
    assert isinstance(answer.update, Card)
    assert [button.label for button in answer.update.buttons] == [
        "👍 2",
        "👎 1",
        "Abstract",
        "Save",
    ]
    answer = pressed("up", "day 2503.10000", context, replace(INVOCATION, address=NEXT_DOOR))
    assert isinstance(answer.update, Card)
    assert answer.update.buttons[0].label == "👍 1"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"maximum": "3"}, "Existing scores are kept"),
        ({"relevance": "9"}, "Existing scores are kept"),
        (
            {"look_for": "Dust: studies of it."},
            "about 3 papers to score, which cost $0.0049 last time",
        ),
    ],
)
def test_a_changed_profile_says_what_is_judged_anew(
    change: dict[str, str], said: str, context: Context
) -> None:
    deliver_day(context)
    form = pressed("edit-profile", "matters", context).form
    assert form is not None
    answers = {field.name: field.value for field in form.fields} | change
    head = sent("profile", answers, context, about=form.metadata).head
    assert head is not None
    assert said in head.text[0]


def test_a_form_does_not_undo_what_was_changed_while_it_was_open(context: Context) -> None:
    typed("/digest subscribe matters", context)
    first, second = (pressed("edit", "C1 matters", context).form for _ in range(2))
    assert first is not None
    assert second is not None
    answers = {field.name: field.value for field in first.fields}
    sent(first.name, answers | {"at": "10:15"}, context, first.metadata)
    with pytest.raises(Refused, match="Someone else has changed this in the meantime"):
        sent(second.name, answers | {"top": "5"}, context, second.metadata)
    (found,) = context.store.subscriptions.of(CHANNEL_ADDRESS)
    assert (found.schedule.at, found.top) == (time(10, 15), None)


def test_a_form_does_not_bring_back_what_was_ended_while_it_was_open(context: Context) -> None:
    typed("/digest subscribe matters", context)
    form = pressed("edit", "C1 matters", context).form
    assert form is not None
    typed("/digest unsubscribe matters", context)
    with pytest.raises(Refused, match="Someone else has ended this subscription in the meantime"):
        sent(form.name, {field.name: field.value for field in form.fields}, context, form.metadata)
    assert context.store.subscriptions.all() == []


def test_two_who_make_a_profile_of_one_name_at_once_do_not_overwrite_each_other(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = context.profiles(CHANNEL_ADDRESS)
    sent("profile", PROFILE_VALUES, context, about="")
    monkeypatch.setattr(Context, "profiles", lambda *_: known)  # read before the other was there
    with pytest.raises(InvalidForm, match="There is already a profile called bounds-rates"):
        sent("profile", PROFILE_VALUES | {"keywords": "other"}, context, about="")
    monkeypatch.undo()
    assert context.profiles(CHANNEL_ADDRESS)["bounds-rates"].keywords.relevant == ("minimax",)


def test_a_list_that_could_not_be_had_is_not_shown_as_a_count(context: Context) -> None:
    """ "0 of 0 papers" would say that arXiv had none."""
    lost = digest().listed.model_copy(update={"problem": Problem(trouble=ArxivReason.UNREACHABLE)})
    day = digest(listed=lost)
    context.store.days.put_decided("day", day)
    context.store.history.put_delivered(CHANNEL_ADDRESS, f"{CHANNEL_ADDRESS}:day", day, NOW, "17.1")
    said = shown("", lambda: typed("list", context))
    assert "arXiv's list wasn't available" in said
    assert "0 of 0" not in said
    context.store.history.put_delivered(
        CHANNEL_ADDRESS, f"{CHANNEL_ADDRESS}:day", digest(), NOW, "17.1"
    )
    assert "nothing was announced" in shown("", lambda: typed("list", context))
    missed = shown("", lambda: typed("missed matters", context))
    assert "no near misses" in missed
    context.store.history.put_delivered(CHANNEL_ADDRESS, f"{CHANNEL_ADDRESS}:day", day, NOW, "17.1")
    assert "arXiv can't be reached" in shown("", lambda: typed("missed matters", context))
