"""Whatever stands where words, a value or an answer is read: an answer, or one sentence."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

import pytest

from bot.commands import dispatch
from bot.commands.context import Context
from bot.domain.judge import Judge
from bot.domain.status import Status
from bot.errors import Refused
from bot.sealing import Sealer
from bot.store.lookups import Lookups
from bot.store.store import Store
from tests.bot.commands.samples import INVOCATION, PROFILE_VALUES, SUBSCRIBE_VALUES, deliver_day
from tests.factories import NOW, profile, subscription
from tests.zotero_at_work import SEALING

# A Slack message has up to 40,000 characters, and int() refuses more than 4,300 digits.
HUGE = "9" * 5000
NUMBERS = (HUGE, "٣", "²", "-1", "0", "1e9")
ODD = (
    *NUMBERS,
    *("", "last", "\u202e", "\ud800", "\x00", "<!channel>", "a:b:c", "%s {0} {x}"),
    *("x " * 3000, "\u0301" * 500, '"' * 99),
)


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    store.subscriptions.put(subscription())

    def status() -> Status:
        return Status(at=NOW, server="", memory=0, persistent=True, judge=Judge(), queues=())

    sealer = Sealer([SEALING])
    context = Context(store, Lookups(store), Judge(), status, sealer=sealer, api_url="https://x")
    deliver_day(context)
    return context


def tried(what: str, context: Context, action: dispatch.Action) -> None:
    try:
        action(INVOCATION, context)
    except Refused as refused:
        text = str(refused)
        assert text, what
        assert len(text) < 1500, (what, len(text))
        assert not any(unicodedata.category(c) in ("Cc", "Cf") for c in text), (what, text)


def ways(name: str) -> Iterator[str]:
    """Words in the places where one command or another has a number or a name."""
    for odd in ODD:
        yield from (odd, f"matters {odd}", f"{odd} matters", f"last {odd}", f"matters last {odd}")
        yield from (f"matters top {odd}", f"matters at {odd}", f"matters tz {odd}", f"a: {odd}")


@pytest.mark.parametrize("name", dispatch.COMMANDS)
def test_a_command_with_odd_words(name: str, context: Context) -> None:
    for words in ways(name):
        tried(f"{name} {words[:40]!r}", context, dispatch.typed_action(f"{name} {words}"))


@pytest.mark.parametrize("name", dispatch.BUTTONS)
def test_a_button_with_an_odd_value(name: str, context: Context) -> None:
    """One of another release; nobody else writes them."""
    for odd in (text for text in ODD if len(text) < 100 and text != "\ud800"):
        for value in (odd, f"day {odd}", f"{odd} 2503.10000", f"day 2503.10000 {odd}", f"C1 {odd}"):
            tried(f"{name} {value[:40]!r}", context, dispatch.button_action(name, value))


@pytest.mark.parametrize("name", dispatch.FORMS)
def test_a_form_with_odd_answers(name: str, context: Context) -> None:
    for odd in ODD:
        tried(f"{name} about {odd[:40]!r}", context, dispatch.form_action(name, odd, {}))
        whole = PROFILE_VALUES | SUBSCRIBE_VALUES | {"key": "x", "work": "graphs", "channel": "C1"}
        for field in whole:
            action = dispatch.form_action(name, "", whole | {field: odd})
            tried(f"{name} {field} {odd[:40]!r}", context, action)
