"""Who asked about a paper is told when it is found out, and not before."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
import redis

from bot.commands import papers
from bot.commands.context import Context, Invocation
from bot.domain.digest import Score
from bot.domain.lookup import Assessment, Lookup
from bot.domain.message import Message
from bot.runtime import lookup_waiter
from bot.runtime.lookup_waiter import LookupWaiter
from bot.store.store import Store
from tests.bot.commands.why_cases import ADDRESSES, sample_digest, set_up_why
from tests.factories import paper
from tests.waiting import TIMEOUT_SECONDS

SAID = Assessment(score=Score(relevance=8, novelty=7, comment="A bound."))


@pytest.fixture
def context(store: Store, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setattr(lookup_waiter, "_POLL_SECONDS", 0.01)
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(sample_digest())
    return there.context


def asked(context: Context, id: str) -> tuple[Invocation, Lookup]:
    there = set_up_why(context.store, ADDRESSES["slack"])
    lookup = there.why(id).lookup
    assert lookup is not None
    return there.ask, lookup


def answer(context: Context, lookup: Lookup, id: str) -> None:
    for profile in lookup.profiles:
        context.lookups.put_assessment(profile, lookup.judge, paper(id), SAID)
    context.lookups.drop(lookup)


def test_everyone_who_asks_about_the_same_paper_is_answered(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_waiter, "_AGAIN_SECONDS", TIMEOUT_SECONDS)
    invocation, lookup = asked(context, "2503.10005")
    calls = []

    async def run() -> list[Any]:
        waiting = LookupWaiter(context, lambda: calls.append(1))
        people = [asyncio.create_task(waiting.wait_for(invocation, lookup)) for _ in range(20)]
        while not all(person.done() for person in people):
            await asyncio.sleep(0.01)
            answer(context, lookup, "2503.10005")  # one who came late asked once more
        return await asyncio.gather(*people)

    told = asyncio.run(asyncio.wait_for(run(), TIMEOUT_SECONDS))
    assert {type(found.update) for found in told} == {Message}
    assert 1 <= len(calls) <= 3


def test_who_asks_the_same_again_at_that_moment_takes_away_nobodys_answer(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    invocation, lookup = asked(context, "2503.10005")
    result, another = papers.lookup_result, iter([True])

    def read(*given: Any) -> Any:
        if next(another, False):
            context.lookups.put(lookup)
        found = result(*given)
        answer(context, lookup, "2503.10005")
        return found

    monkeypatch.setattr(papers, "lookup_result", read)
    waiting = LookupWaiter(context, lambda: answer(context, lookup, "2503.10005"))
    told = asyncio.run(asyncio.wait_for(waiting.wait_for(invocation, lookup), TIMEOUT_SECONDS))
    assert isinstance(told.update, Message)


def test_a_slow_lookup_answers_nobody_too_early(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks while the store is being read was not there to be seen."""
    keys = context.lookups.keys

    def slow() -> set[str]:
        found = keys()
        time.sleep(0.05)
        return found

    monkeypatch.setattr(type(context.lookups), "keys", lambda self: slow())
    pairs = [asked(context, f"2503.1000{n}") for n in (1, 2, 3, 5, 6, 7)]

    async def one(waiting: LookupWaiter, n: int) -> Any:
        await asyncio.sleep(n * 0.02)
        return await waiting.wait_for(*pairs[n])

    def work() -> None:
        left = {lookup.key: lookup for _, lookup in pairs}
        while left:
            for lookup in context.lookups.all():
                time.sleep(0.03)
                answer(context, lookup, lookup.paper)
                left.pop(lookup.key)

    async def run() -> list[Any]:
        waiting = LookupWaiter(context, lambda: None)
        return await asyncio.gather(*(one(waiting, n) for n in range(len(pairs))))

    worker = threading.Thread(target=work)
    worker.start()
    told = asyncio.run(asyncio.wait_for(run(), TIMEOUT_SECONDS))
    worker.join()
    assert all(isinstance(found.update, Message) for found in told)


def test_redis_going_away_for_a_moment_is_waited_out(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_waiter, "_AGAIN_SECONDS", 0.01)
    invocation, lookup = asked(context, "2503.10005")
    keys, failures = context.lookups.keys, iter([True, True])

    def away(self: object) -> set[str]:
        if next(failures, False):
            raise redis.ConnectionError
        answer(context, lookup, "2503.10005")
        return keys()

    monkeypatch.setattr(type(context.lookups), "keys", away)
    told = asyncio.run(LookupWaiter(context, lambda: None).wait_for(invocation, lookup))
    assert isinstance(told.update, Message)
