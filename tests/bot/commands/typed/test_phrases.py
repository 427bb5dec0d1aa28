"""Sixty things people type who never read the manual, and what comes back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands import dispatch
from bot.commands.context import Answer, Context, Invocation
from bot.commands.conversation import SAYINGS
from bot.commands.typed import phrases
from bot.domain.judge import Judge
from bot.domain.message import Button, Message
from bot.domain.status import Status
from bot.errors import Refused
from bot.store.lookups import Lookups
from bot.store.store import Store
from tests.bot.commands.samples import CHANNEL_ADDRESS, INVOCATION, deliver_day
from tests.conftest import GOLDEN, check_golden
from tests.factories import NOW, person_in, profile

PHRASES = """
hi
Hello there!
good morning
thanks!
ok great, thank you
nice
help
?
what can you do
what can you do?
who are you?
how does this work
help me
how do I subscribe?
subscribe
subscribe us to quantum computing please
sub exoplanets at 8
can you send me papers about robot learning?
please send me the new papers every morning
sign us up
I want a daily digest
subscribe "Quantum Computing" weekly
weekly
once a week would be enough
weekly exoplanets
today
today's papers
what's new?
show me the latest papers
latest exoplanets
now matters top 8
post “Matters of importance” top 3
preview
preview matters
try exoplanets
stop
stop sending
please stop sending these
too many messages
unsubscribe
remove
remove matters
delete
pause for a week
we are on holiday
mute
resume
start again please
edit
edit matters
change the time
fewer papers please
settings
what am I subscribed to?
when is the next digest?
list
list all my subscriptions
profiles
which topics are there?
make a profile
I'd like to add a new topic
show matters
why?
why 2503.10000
2503.10000
what about https://arxiv.org/abs/2503.10000v2 ?
why was this one picked
did I miss anything?
how much does this cost?
are you alive?
lsit
unsubcribe matters
subscribe matters at noonish
now nothing
frobnicate
tell me a joke
""".strip().splitlines()

IN_DIRECT = CHANNEL_ADDRESS.model_copy(update={"channel": "D1"})
WAYS = {"command": CHANNEL_ADDRESS, "mention": CHANNEL_ADDRESS, "direct message": IN_DIRECT}


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    status = Status(
        at=NOW, server="Valkey", memory=0, persistent=True, judge=Judge(), queues=(), wishes=()
    )
    return Context(store, Lookups(store), Judge(model="gpt-6-luna"), lambda: status)


def subscribed(context: Context) -> None:
    """The channel, and the direct messages, have one profile, as the first time."""
    for address in (CHANNEL_ADDRESS, IN_DIRECT):
        for each in context.store.subscriptions.of(address):
            context.store.subscriptions.drop(each)
        invocation = by(address)
        dispatch.answer(replace(invocation, text="subscribe matters"), context)


def by(address: object) -> Invocation:
    return replace(INVOCATION, address=address, person=person_in("C1", "D1"))  # type: ignore[arg-type]


def came_back(text: str, way: str, context: Context) -> str:
    action = dispatch.typed_action(text)
    try:
        answer = action(by(WAYS[way]), context)
    except Refused as refused:
        return f"  {refused}"
    rows = list(shown(answer, can_open=way == "command"))
    if way == "mention" and action.is_public:
        rows.append("  (for everyone to read)")
    return "\n".join(rows)


def shown(answer: Answer, can_open: bool) -> Iterator[str]:
    if answer.form and can_open:
        values = ", ".join(f"{f.name} {f.value}" for f in answer.form.fields if f.value)
        yield f"  [form] {answer.form.title}: {values}"
    elif answer.head:
        yield from said(answer.head)
    if answer.request:
        only = ", for one person" if answer.request.preview else ""
        yield f"  -> the digest{only}" + (f", top {answer.request.top}" * bool(answer.request.top))
    if answer.announcement:
        yield f"  -> in the channel: {answer.announcement.title}"


def said(head: Message) -> Iterator[str]:
    yield f"  {head.title}"
    yield from (f"    {text}" for text in head.text)
    yield from (f"    /{line.word} {line.arguments}".rstrip() for line in head.commands)
    for item in head.items[:3]:
        yield f"    - {item.title}{row(item.buttons)}"
    if len(head.items) > 3:
        yield f"    - and {len(head.items) - 3} more"
    if head.buttons:
        yield f"   {row(head.buttons)}"


def row(buttons: tuple[Button, ...]) -> str:
    return "".join(f" [{button.label}]" for button in buttons)


def test_what_comes_back(context: Context) -> None:
    deliver_day(context)
    parts = []
    for text in PHRASES:
        found: dict[str, list[str]] = {}
        for way in WAYS:
            subscribed(context)
            found.setdefault(came_back(text, way, context), []).append(way)
        for answer, ways in found.items():
            by_ways = "" if len(found) == 1 else f"   ({', '.join(ways)})"
            parts.append(f"> {text}{by_ways}\n{answer}\n")
    check_golden("commands/phrases.txt", "\n".join(parts))


def test_there_are_sixty_and_no_saying_is_left_out() -> None:
    assert len(set(PHRASES)) >= 60
    assert set(SAYINGS) == set(phrases.SAYINGS)
    meant = {phrases.meaning(text, dispatch.COMMANDS).word for text in PHRASES}
    assert set(SAYINGS) - meant == {"more"}
    assert GOLDEN.joinpath("commands/phrases.txt").exists()


@pytest.mark.parametrize(
    "text",
    ["please stop sending these", "remove all of it!", "can you cancel everything", "delete it"],
)
def test_no_sentence_ends_a_subscription(text: str, context: Context) -> None:
    subscribed(context)
    before = context.store.subscriptions.all()
    dispatch.typed_action(text)(by(CHANNEL_ADDRESS), context)
    assert context.store.subscriptions.all() == before


def test_a_title_that_two_profiles_have_is_not_guessed(context: Context) -> None:
    context.store.profiles.put_shared(profile(name="matters-2"))
    with pytest.raises(Refused, match="name one of them: matters, matters-2"):
        dispatch.typed_action("now matters of importance")(by(CHANNEL_ADDRESS), context)


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(" ".join(PHRASES).split()), max_size=8).map(" ".join)
)
def test_any_words_mean_something_or_nothing(text: str) -> None:
    found = phrases.meaning(text, dispatch.COMMANDS)
    assert found.word is None or found.word in dispatch.COMMANDS or found.word in SAYINGS
    assert found.near == "" or found.near in dispatch.COMMANDS
    dispatch.typed_action(text)
