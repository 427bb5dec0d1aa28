"""The commands, as people type them."""

from __future__ import annotations

import pytest

from bot.commands import dispatch
from bot.commands.context import Answer, Context, Invocation
from bot.domain.digest import Digest, Outcome
from bot.domain.judge import Judge
from bot.domain.request import Address
from bot.domain.status import PendingRequest, QueueStatus, Status
from bot.errors import Refused
from bot.store.gates import Gates, gate_key
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.terminal.render import as_text
from tests.conftest import check_golden
from tests.factories import (
    NOW,
    decision,
    digest,
    gate_report,
    listing,
    profile,
    subscription,
)

HERE = Address(platform="terminal", channel="main")


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    return Context(
        store=store,
        lookups=Lookups(store),
        judge=Judge(model="gpt-6-luna"),
        status=lambda: Status(
            at=NOW,
            server="Valkey 9.1.2",
            memory=3_400_000,
            persistent=False,
            judge=Judge(),
            queues=(QueueStatus(name="ask", workers=1, waiting=2, under_way=1, failed=0),),
            wishes=(PendingRequest(address=HERE, categories=("cs.LG",), since=NOW),),
        ),
    )


def typed(text: str, context: Context) -> Answer:
    return dispatch.answer(Invocation(text, HERE, NOW), context)


def said(text: str, context: Context) -> str:
    head = typed(text, context).head
    assert head is not None
    return f"> {text}\n{as_text([head])}"


def delivered(day: Digest, context: Context) -> None:
    context.store.lists.add("b", listing(*(d.announced for d in day.decisions)), NOW)
    context.store.days.put_decided("day", day)
    context.store.history.put_delivered(HERE, f"{HERE}:day", day, NOW)


def test_what_each_command_says(context: Context) -> None:
    texts = ["/digest", "/digest list", "/digest profiles", "/digest status", "/digest now matters"]
    shown = [said(text, context) for text in texts]
    day = digest(decision("2503.10000", Outcome.PICKED), decision("2503.10001", Outcome.OVER_LIMIT))
    delivered(day, context)
    shown += [said(text, context) for text in ("/digest list", "/digest missed", "/digest cost")]
    shown.append(said("/digest gate matters", context))
    check_golden("commands/help.txt", "\n".join(shown))


def test_the_gate_of_the_channels_one_profile_needs_no_name(context: Context) -> None:
    with pytest.raises(Refused, match="Name a profile: /digest gate PROFILE"):
        typed("gate", context)
    context.store.subscriptions.put(subscription(profile="matters", address=HERE))
    Gates(context.store).put_report(gate_key(profile(), "gpt-6-luna"), gate_report())
    for text in ("gate", "/digest gate", "gate matters", 'gate "Matters of importance"'):
        answer = typed(text, context)
        assert answer.head is not None
        assert answer.head.title == "Gate of Matters of importance"
        assert answer.file is not None
    with pytest.raises(Refused, match="did you mean matters"):
        typed("gate maters", context)


@pytest.mark.parametrize(
    "text", ["/digest now matters", "digest NOW Matters", "now matters", "/now  matters"]
)
def test_now_waits_for_the_newest_day_of_the_profile(text: str, context: Context) -> None:
    request = typed(text, context).request
    assert request is not None
    assert (request.profile, request.address, request.since) == (profile().fingerprint, HERE, NOW)
    assert request.wanted.latest
    assert request.judge.model == "gpt-6-luna"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/digest lsit", "did you mean /digest list?"),
        ("/digest frobnicate", 'There is no command "frobnicate"'),
        ("/digest now", "quantum-computing, robot-learning, matters"),
        ("/digest now maters", "did you mean matters?"),
        ("/digest now two words", "Name a profile"),
        ("/digest subscribe matters", "A terminal can't subscribe"),
        ("/digest new", "A terminal has no forms"),
        ("how do I make a profile?", "A terminal has no forms"),
        ("edit matters", "A terminal has no forms"),
        ("please stop sending these", "A terminal can't subscribe"),
        ("weekly", "A terminal can't subscribe"),
        ("what is new today?", "Name a profile"),
        ("/digest pause", "This channel has no subscription"),
        ("/why", "arXiv id"),
        ("/why 2503.10009", "has no profile to answer for"),
        ("/digest missed", "has no digest yet"),
    ],
)
def test_what_cannot_be_done_gets_one_sentence(text: str, said: str, context: Context) -> None:
    with pytest.raises(Refused, match=said.replace("?", r"\?")) as refused:
        typed(text, context)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["hello", "more", "?", "/digest help", "what can you do?"])
def test_a_terminal_helps_with_what_works_there(text: str, context: Context) -> None:
    assert typed(text, context) == typed("", context)


def test_only_answers_that_need_work_wait(context: Context) -> None:
    assert all(
        typed(text, context).request is None for text in ("", "help", "list", "profiles", "status")
    )


@pytest.mark.parametrize(
    ("text", "carried"),
    [
        ("follow author José García", "follow author Jose Garcia"),
        ("follow author “Jane Doe”", "follow author Jane Doe"),
        ("search sparse codes?", "search sparse codes"),
        ("unfollow Jürgen Müller", "unfollow Jurgen Muller"),
        ("search разреженные коды", None),
        ("follow author Søren Łukasz", None),
        ("follow author Doe, Jane", None),
        ("follow term C++", None),
        (f"search {'state space ' * 6}", None),
    ],
)
def test_a_mention_that_no_button_can_carry_asks_for_the_command(
    text: str, carried: str | None
) -> None:
    message = dispatch.button_for(text)
    assert message is not None
    assert [button.value for button in message.buttons] == ([carried] if carried else [])
    if carried is None:
        assert [line.word for line in message.commands] == [f"digest {text.split()[0]}"]
