"""What people type, press and fill in, up to the answer that each platform shows."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from bot.commands import dispatch
from bot.commands.context import Answer, Context, InvalidForm, Invocation
from bot.domain.request import Address
from bot.errors import Refused
from tests.factories import NOW, person_in
from tests.fuzz.promises import assert_explained, assert_plain, document
from tests.fuzz.world import DISCORD, SLACK, TERMINAL, world

_WHO = ("member", "admin", "guest", "stranger", "barred", "alone")


def typed(data: bytes) -> None:
    """A command typed anywhere is answered or refused, and changes nothing of others."""
    address = (SLACK, DISCORD, TERMINAL)[len(data) % 3]
    _done(address, "member", dispatch.answer, data.decode(errors="replace"))


def pressed(data: bytes) -> None:
    """A button, with whatever it carries."""
    given = document(data)
    action, value = str(given.get("action")), str(given.get("value", ""))
    _done(SLACK, _kind(given), partial(_press, action, value))


def submitted(data: bytes) -> None:
    """A form, filled in with anything."""
    given = document(data)
    answers = given.get("answers")
    texts = {k: str(v) for k, v in answers.items()} if isinstance(answers, dict) else {}
    form, about = str(given.get("form")), str(given.get("about", ""))
    _done(SLACK, _kind(given), partial(_submit, form, about, texts))


def _press(action: str, value: str, invocation: Invocation, context: Context) -> Answer:
    return dispatch.press(invocation, action, value, context)


def _submit(
    form: str, about: str, texts: dict[str, str], invocation: Invocation, context: Context
) -> Answer:
    return dispatch.submit(invocation, form, about, texts, context)


def _kind(given: dict[str, object]) -> str:
    return _WHO[len(str(given.get("who", ""))) % len(_WHO)]


def _done(
    address: Address, kind: str, act: Callable[[Invocation, Context], Answer], text: str = ""
) -> None:
    here = world()
    here.reset()
    who = person_in(address.channel, kind=kind)
    invocation = Invocation(text, address, NOW, "U1", "Europe/Berlin", person=who)
    try:
        answer = act(invocation, here.context)
    except InvalidForm as wrong:
        for field, sentence in wrong.field_errors.items():
            assert_plain(field, sentence)
    except Refused as refused:
        assert_explained(refused, 1000)
    else:
        here.assert_answer(invocation, answer)
    here.assert_sound()
