"""Who asked about a paper is told when it is found out, and not before."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
import redis

from bot.commands.context import Ask, Desk
from bot.domain.digest import Score
from bot.domain.lookup import Inquiry, Opinion
from bot.domain.message import Head
from bot.runtime import lookup_waiter
from bot.runtime.lookup_waiter import Inquirer
from bot.store.days import Store
from tests.bot.commands.test_why import ADDRESSES, a_day, place
from tests.make import paper
from tests.waiting import PATIENCE

SAID = Opinion(score=Score(relevance=8, novelty=7, comment="A bound."))


@pytest.fixture
def desk(store: Store, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(lookup_waiter, "_POLL_SECONDS", 0.01)
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(a_day())
    return there.desk


def asked(desk: Desk, id: str) -> tuple[Ask, Inquiry]:
    there = place(desk.channels.store, ADDRESSES["slack"])
    inquiry = there.why(id).inquiry
    assert inquiry is not None
    return there.ask, inquiry


def answer(desk: Desk, inquiry: Inquiry, id: str) -> None:
    for profile in inquiry.profiles:
        desk.inquiries.put_opinion(profile, inquiry.judge, paper(id), SAID)
    desk.inquiries.drop(inquiry)


def test_many_who_ask_the_same_are_all_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup_waiter, "_AGAIN_SECONDS", PATIENCE)
    ask, inquiry = asked(desk, "2503.10005")
    calls = []

    async def run() -> list[Any]:
        waiting = Inquirer(desk, lambda: calls.append(1))
        people = [asyncio.create_task(waiting.learnt(ask, inquiry)) for _ in range(20)]
        while not all(person.done() for person in people):
            await asyncio.sleep(0.01)
            answer(desk, inquiry, "2503.10005")  # one who came late asked once more
        return await asyncio.gather(*people)

    told = asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert {type(found.update) for found in told} == {Head}
    assert 1 <= len(calls) <= 3


def test_a_slow_look_tells_nobody_too_early(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who asks while the store is being read was not there to be seen."""
    keys = desk.inquiries.keys

    def slow() -> set[str]:
        found = keys()
        time.sleep(0.05)
        return found

    monkeypatch.setattr(type(desk.inquiries), "keys", lambda self: slow())
    pairs = [asked(desk, f"2503.1000{n}") for n in (1, 2, 3, 5, 6, 7)]

    async def one(waiting: Inquirer, n: int) -> Any:
        await asyncio.sleep(n * 0.02)
        return await waiting.learnt(*pairs[n])

    def work() -> None:
        left = {inquiry.key: inquiry for _, inquiry in pairs}
        while left:
            for inquiry in desk.inquiries.all():
                time.sleep(0.03)
                answer(desk, inquiry, inquiry.paper)
                left.pop(inquiry.key)

    async def run() -> list[Any]:
        waiting = Inquirer(desk, lambda: None)
        return await asyncio.gather(*(one(waiting, n) for n in range(len(pairs))))

    worker = threading.Thread(target=work)
    worker.start()
    told = asyncio.run(asyncio.wait_for(run(), PATIENCE))
    worker.join()
    assert all(isinstance(found.update, Head) for found in told)


def test_redis_going_away_for_a_moment_is_waited_out(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_waiter, "_AGAIN_SECONDS", 0.01)
    ask, inquiry = asked(desk, "2503.10005")
    keys, failures = desk.inquiries.keys, iter([True, True])

    def away(self: object) -> set[str]:
        if next(failures, False):
            raise redis.ConnectionError
        answer(desk, inquiry, "2503.10005")
        return keys()

    monkeypatch.setattr(type(desk.inquiries), "keys", away)
    told = asyncio.run(Inquirer(desk, lambda: None).learnt(ask, inquiry))
    assert isinstance(told.update, Head)
