"""The commands, as people type them."""

from __future__ import annotations

import pytest

from bot import actions, profiles
from bot.actions import Answer, Ask, Desk
from bot.errors import Refused
from bot.ledger import Address, Digest, Judge, Outcome
from bot.status import QueueStatus, Status
from bot.terminal_render import as_text
from tests.conftest import check_golden
from tests.make import NOW, decision, digest, profile

HERE = Address(platform="terminal", channel="main")


def desk(*delivered: Digest) -> Desk:
    return Desk(
        known={"matters": profile(), "foundations": profiles.shipped()["foundations"]},
        judge=Judge(model="gpt-6-luna"),
        put_profile=lambda known: known.fingerprint,
        deliveries=lambda address: delivered,
        status=lambda: Status(
            at=NOW,
            server="Valkey 9.1.2",
            memory=3_400_000,
            persistent=False,
            judge=Judge(),
            queues=(QueueStatus(name="ask", workers=1, waiting=2, under_way=1, failed=0),),
            wishes=("terminal:main waits for cs.LG",),
        ),
    )


def typed(text: str, *delivered: Digest) -> Answer:
    return actions.answer(Ask(text, HERE, NOW), desk(*delivered))


def test_what_each_command_says() -> None:
    day = digest(decision("2503.10000", Outcome.PICKED), decision("2503.10001", Outcome.OVER_LIMIT))
    said = [
        f"> {text}\n{as_text([typed(text, *days).head])}"
        for text, days in [
            ("/digest", ()),
            ("/digest list", ()),
            ("/digest list", (day,)),
            ("/digest profiles", ()),
            ("/digest status", ()),
            ("/digest now matters", ()),
        ]
    ]
    check_golden("commands.txt", "\n".join(said))


@pytest.mark.parametrize(
    "text", ["/digest now matters", "digest NOW Matters", "now matters", "/now  matters"]
)
def test_now_waits_for_the_newest_day_of_the_profile(text: str) -> None:
    wish = typed(text).wish
    assert wish is not None
    assert (wish.profile, wish.address, wish.since) == (profile().fingerprint, HERE, NOW)
    assert wish.wanted.latest
    assert wish.judge.model == "gpt-6-luna"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/digest lsit", "did you mean /digest list?"),
        ("/digest frobnicate", 'There is no command "frobnicate"'),
        ("/digest now", "one of matters, foundations"),
        ("/digest now maters", "did you mean matters?"),
        ("/digest now two words", "Say which profile"),
    ],
)
def test_a_wrong_word_gets_the_nearest_right_one(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said.replace("?", r"\?")):
        typed(text)


def test_only_answers_that_need_work_wait() -> None:
    assert all(typed(text).wish is None for text in ("", "help", "list", "profiles", "status"))
