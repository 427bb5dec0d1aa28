"""What a person sees of what votes taught: the list, the question why not, forgetting, undo."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands import dispatch
from bot.commands.context import Answer, Context, Invocation
from bot.domain.judge import Judge
from bot.domain.message import Button, Card, Message
from bot.domain.readers.teaching import DownReason, Taught, VoteUse, VoteWeight, basis_of
from bot.domain.status import Status
from bot.domain.subscription import Votes
from bot.errors import Refused
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.store.values.stored_forms import RETENTION
from bot.terminal.render import as_text
from tests.bot.commands.samples import CHANNEL_ADDRESS, INVOCATION, NEXT_DOOR, by, deliver_day
from tests.conftest import check_golden
from tests.factories import NOW, lesson, person_in, profile, subscription

ELSEWHERE = CHANNEL_ADDRESS.model_copy(update={"workspace": "T2"})
ONE, TWO = "2503.10000", "2503.10001"


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    store.subscriptions.put(subscription(profile="matters"))
    context = Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))
    deliver_day(context)
    return context


def pressed(context: Context, action: str, value: str, who: Invocation = INVOCATION) -> Answer:
    return dispatch.press(who, action, value, context)


def taught(context: Context, words: str = "", who: Invocation = INVOCATION) -> Message:
    head = dispatch.answer(replace(who, text=f"taught {words}"), context).head
    assert head is not None
    return head


def buttons(message: Message | None) -> dict[str, Button]:
    assert message is not None
    every = [*message.buttons, *(button for item in message.items for button in item.buttons)]
    return {button.action: button for button in every}


def votes(context: Context) -> Votes:
    return context.store.cards.state(CHANNEL_ADDRESS, ONE).votes


def test_what_was_learned_is_listed_with_words_papers_and_readers(context: Context) -> None:
    for person in ("U1", "U2", "U3"):
        pressed(context, "up", f"day {ONE}", by(person))
    pressed(context, "down", f"day {TWO}", by("U2"))
    pressed(context, "down-known", f"day {TWO}", by("U2"))
    lessons = context.store.votes.lessons("slack:T1", "matters")
    found = Taught(
        basis=basis_of(lessons), words_for=("sparse codes", "pruning"), words_against=("robots",)
    )
    context.store.votes.put_learned("slack:T1", "matters", found, found)
    nobody = as_text([taught(context, "matters", by("U9", address=ELSEWHERE))])
    shown = as_text([taught(context)])
    check_golden("commands/taught.txt", f"{shown}\n{nobody}\n")


def test_a_vote_down_asks_why_and_the_reason_is_kept(context: Context) -> None:
    asked = pressed(context, "down", f"day {ONE}")
    assert isinstance(asked.update, Card)
    assert asked.head is not None
    labels = [button.label for button in asked.head.buttons]
    assert labels == ["Off topic", "Known", "Weak", "Not now"]
    for button, reason in zip(asked.head.buttons, DownReason, strict=True):
        assert pressed(context, button.action, button.value).head is not None
        (kept,) = context.store.votes.lessons("slack:T1", "matters")
        assert kept.reason is reason
    assert pressed(context, "down", f"day {ONE}").head is None  # taken back: nothing to ask
    assert pressed(context, "up", f"day {ONE}").head is None
    with pytest.raises(Refused, match="taken back"):
        pressed(context, "down-weak", f"day {ONE}")


def test_a_papers_text_is_kept_as_long_as_a_vote_on_it_teaches(context: Context) -> None:
    pressed(context, "up", f"day {ONE}")
    (kept,) = context.store.votes.lessons("slack:T1", "matters")
    left = context.store.redis.ttl(f"pb:paper:{kept.ref}")
    assert int(str(left)) > RETENTION.total_seconds()


def test_a_changed_vote_loses_its_reason(context: Context) -> None:
    pressed(context, "down", f"day {ONE}")
    pressed(context, "down-weak", f"day {ONE}")
    pressed(context, "up", f"day {ONE}")
    (kept,) = context.store.votes.lessons("slack:T1", "matters")
    assert (kept.vote, kept.reason) == ("up", None)


def test_the_votes_on_a_paper_are_forgotten_and_brought_back(context: Context) -> None:
    for person in ("U1", "U2"):
        pressed(context, "up", f"day {ONE}", by(person))
    pressed(context, "up", f"day {TWO}")
    forget = next(b for item in taught(context).items for b in item.buttons if ONE in b.value)
    gone = pressed(context, forget.action, forget.value).head
    assert gone is not None
    assert gone.title == "Forgot 2 votes on papers of matters."
    assert votes(context) == Votes()
    assert [each.paper for each in context.store.votes.lessons("slack:T1", "matters")] == [TWO]
    pressed(context, "down", f"day {ONE}", by("U2"))  # who votes again meanwhile keeps that
    back = pressed(context, "undo-forget", buttons(gone)["undo-forget"].value).head
    assert back is not None
    assert back.title == "1 vote on papers of matters is back."
    assert votes(context) == Votes(up=1, down=1)
    with pytest.raises(Refused, match="over"):
        pressed(context, "undo-forget", buttons(gone)["undo-forget"].value)


def test_one_persons_votes_mine_and_all_are_forgotten(context: Context) -> None:
    for person in ("U1", "U2", "U3"):
        pressed(context, "up", f"day {ONE}", by(person))
    reader = buttons(taught(context))["forget-reader"]
    assert not {"U2", "U3"} & set(str(taught(context)).split("'"))
    pressed(context, reader.action, reader.value)
    assert votes(context).up == 2
    taught(context, "forget mine matters")
    assert votes(context).up == 1
    pressed(context, "up", f"day {ONE}")
    taught(context, "forget all")
    assert votes(context) == Votes()
    with pytest.raises(Refused, match="no such vote"):
        taught(context, f"forget {ONE}")


def test_a_workspace_neither_sees_nor_forgets_anothers_votes(context: Context) -> None:
    pressed(context, "up", f"day {ONE}")
    gone = taught(context, "forget all")
    token = buttons(gone)["undo-forget"].value
    other = by("U1", address=ELSEWHERE)
    with pytest.raises(Refused, match="over"):
        pressed(context, "undo-forget", token, other)
    pressed(context, "undo-forget", token)
    with pytest.raises(Refused):
        pressed(context, "forget-votes", "matters", other)
    with pytest.raises(Refused):
        pressed(context, "forget-mine", "matters", other)
    assert votes(context).up == 1


def test_who_is_in_no_channel_of_the_profile_forgets_only_their_own(context: Context) -> None:
    pressed(context, "up", f"day {ONE}", by("U1"))
    pressed(context, "up", f"day {ONE}", by("U8"))
    outsider = by("U8", address=NEXT_DOOR, person=person_in("C2"))
    shown = buttons(taught(context, "matters", outsider))
    assert "forget-votes" not in shown
    assert "forget-reader" not in shown
    pressed(context, "forget-vote", f"matters {ONE}", outsider)
    assert votes(context).up == 1
    with pytest.raises(Refused):
        pressed(context, "forget-votes", "matters", outsider)


def test_votes_of_two_channels_teach_the_same_profile(context: Context) -> None:
    deliver_day(context, NEXT_DOOR)
    pressed(context, "up", f"day {ONE}")
    pressed(context, "up", f"day {ONE}", by("U1", address=NEXT_DOOR))
    assert len(context.store.votes.lessons("slack:T1", "matters")) == 2
    assert context.store.votes.lessons("slack:T2", "matters") == []


def test_another_vote_or_reason_is_another_basis() -> None:
    one = [lesson(), lesson(by="U2")]
    bases = {
        basis_of(one),
        basis_of(one[:1]),
        basis_of([lesson(vote="down"), one[1]]),
        basis_of([lesson(vote="down", reason=DownReason.WEAK), one[1]]),
    }
    assert len(bases) == 4
    later = [each.model_copy(update={"at": NOW + timedelta(1)}) for each in reversed(one)]
    assert basis_of(later) == basis_of(one)


def test_votes_count_as_much_as_somebody_sets_and_every_text_says_so(context: Context) -> None:
    uses = context.store.vote_uses
    pressed(context, "down", f"day {ONE}")
    shown = buttons(taught(context))
    assert shown["weigh-off"].label == "Votes change nothing"
    off = pressed(context, "weigh-off", shown["weigh-off"].value).head
    assert off is not None
    assert off.title == "Votes on papers of Matters of importance change nothing from now on."
    assert uses.of("slack:T1", "matters").weight is VoteWeight.OFF
    assert uses.of("slack:T2", "matters").weight is VoteWeight.FULL
    assert "change nothing" in str(taught(context).small)
    kept = pressed(context, "down-weak", f"day {ONE}").head
    liked = pressed(context, "up-missed", f"day {TWO}").head
    assert "change nothing" in f"{kept}"
    assert "change nothing" in f"{liked}"
    pressed(context, "weigh-full", buttons(off)["weigh-full"].value)  # Undo
    assert uses.of("slack:T1", "matters") == VoteUse()
    assert "come after others" in str(pressed(context, "down-weak", f"day {ONE}").head)


def test_how_much_votes_count_is_typed_and_refused_in_one_sentence(context: Context) -> None:
    pressed(context, "up", f"day {ONE}")
    assert taught(context, "weigh some").title.endswith("count half from now on.")
    assert "count half" in taught(context).small[0]
    assert taught(context, "weigh FULL matters").title.endswith("count in full from now on.")
    for words in ("weigh", "weigh lots"):
        with pytest.raises(Refused, match="Say how much votes count: off, some or full"):
            taught(context, words)
    taught(context, "weigh off")
    taught(context, "forget all")
    assert set(buttons(taught(context))) == {"weigh-full", "weigh-some"}  # without votes, too


def test_who_is_in_no_channel_of_the_profile_does_not_weigh_its_votes(context: Context) -> None:
    pressed(context, "up", f"day {ONE}", by("U8"))
    outsider = by("U8", address=NEXT_DOOR, person=person_in("C2"))
    assert not {"weigh-off", "weigh-some"} & buttons(taught(context, "matters", outsider)).keys()
    with pytest.raises(Refused):
        pressed(context, "weigh-off", "matters", outsider)
    with pytest.raises(Refused):
        pressed(context, "weigh-off", "no-such-profile")
    assert context.store.vote_uses.of("slack:T1", "matters") == VoteUse()
