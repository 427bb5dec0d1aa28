"""The commands, as people type them."""

from __future__ import annotations

import pytest

from bot.commands import dispatch
from bot.commands.context import Answer, Ask, Desk
from bot.domain.digest import Digest, Judge, Outcome
from bot.domain.request import Address
from bot.domain.status import QueueStatus, Status, Waiting
from bot.errors import Refused
from bot.store.channels import Channels
from bot.store.lookups import Inquiries
from bot.store.subscriptions import Subscriptions
from bot.terminal.render import as_text
from tests.conftest import check_golden
from tests.make import NOW, decision, digest, listing, profile

HERE = Address(platform="terminal", channel="main")


@pytest.fixture
def desk(channels: Channels) -> Desk:
    channels.store.name_profile(profile())
    return Desk(
        channels=channels,
        subscriptions=Subscriptions(channels.store),
        inquiries=Inquiries(channels.store),
        judge=Judge(model="gpt-6-luna"),
        status=lambda: Status(
            at=NOW,
            server="Valkey 9.1.2",
            memory=3_400_000,
            persistent=False,
            judge=Judge(),
            queues=(QueueStatus(name="ask", workers=1, waiting=2, under_way=1, failed=0),),
            wishes=(Waiting(address=HERE, categories=("cs.LG",), since=NOW),),
        ),
    )


def typed(text: str, desk: Desk) -> Answer:
    return dispatch.answer(Ask(text, HERE, NOW), desk)


def said(text: str, desk: Desk) -> str:
    head = typed(text, desk).head
    assert head is not None
    return f"> {text}\n{as_text([head])}"


def delivered(day: Digest, desk: Desk) -> None:
    desk.channels.store.add_listing("b", listing(*(d.announced for d in day.decisions)), NOW)
    desk.channels.put_judged("day", day)
    desk.channels.put_delivered(HERE, f"{HERE}:day", day, NOW)


def test_what_each_command_says(desk: Desk) -> None:
    texts = ["/digest", "/digest list", "/digest profiles", "/digest status", "/digest now matters"]
    shown = [said(text, desk) for text in texts]
    day = digest(decision("2503.10000", Outcome.PICKED), decision("2503.10001", Outcome.OVER_LIMIT))
    delivered(day, desk)
    shown += [said(text, desk) for text in ("/digest list", "/digest missed", "/digest cost")]
    check_golden("commands.txt", "\n".join(shown))


@pytest.mark.parametrize(
    "text", ["/digest now matters", "digest NOW Matters", "now matters", "/now  matters"]
)
def test_now_waits_for_the_newest_day_of_the_profile(text: str, desk: Desk) -> None:
    wish = typed(text, desk).wish
    assert wish is not None
    assert (wish.profile, wish.address, wish.since) == (profile().fingerprint, HERE, NOW)
    assert wish.wanted.latest
    assert wish.judge.model == "gpt-6-luna"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("/digest lsit", "did you mean /digest list?"),
        ("/digest frobnicate", 'There is no command "frobnicate"'),
        ("/digest now", "quantum-computing, robot-learning, matters"),
        ("/digest now maters", "did you mean matters?"),
        ("/digest now two words", "Say which profile"),
        ("/digest subscribe matters", "A terminal cannot subscribe"),
        ("/digest new", "A terminal has no forms"),
        ("/digest pause", "This channel has no subscription"),
        ("/why", "arXiv id"),
        ("/why 2503.10009", "has no profile to judge by"),
        ("/digest missed", "has had no digest yet"),
    ],
)
def test_what_cannot_be_done_gets_one_sentence(text: str, said: str, desk: Desk) -> None:
    with pytest.raises(Refused, match=said.replace("?", r"\?")) as refused:
        typed(text, desk)
    assert "\n" not in str(refused.value)


def test_only_answers_that_need_work_wait(desk: Desk) -> None:
    assert all(
        typed(text, desk).wish is None for text in ("", "help", "list", "profiles", "status")
    )
