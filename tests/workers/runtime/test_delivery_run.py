"""A thousand channels that are due at one moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import UTC, datetime

import pytest

from bot.domain.request import DigestRequest
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from tests.factories import digest_request
from tests.workers.run_deliver_job import slack_address
from workers.runtime import delivery_run
from workers.runtime.delivery_run import ChannelResult, DeliveryRun


def test_those_who_hold_a_lease_get_a_turn_while_hundreds_are_still_to_begin(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_run, "_SPREAD", 0.0)
    monkeypatch.setattr(delivery_run, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(delivery_run, "_LINGER_SECONDS", 0.05)
    deliveries = DueDeliveries(store.redis, "slack")
    channels = [slack_address(f"C{number}") for number in range(300)]
    deliveries.put(digest_request().model_copy(update={"address": each}) for each in channels)
    begun, turn = Counter[int](), 0

    async def deliver(request: DigestRequest) -> ChannelResult:
        begun[turn] += 1
        return ChannelResult.DONE

    async def take_turns() -> None:
        nonlocal turn
        while True:
            turn += 1
            await asyncio.sleep(0)

    async def run() -> None:
        others = asyncio.create_task(take_turns())
        await DeliveryRun(deliveries, deliver, lambda: datetime.now(UTC)).serve()
        others.cancel()

    asyncio.run(run())
    assert sum(begun.values()) == 300
    assert max(begun.values()) <= 32


@pytest.mark.parametrize("stops", [False, True])
def test_what_was_delivered_is_due_no_more_also_where_the_job_has_to_stop(
    stops: bool, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_run, "_POLL_SECONDS", 0.01)
    monkeypatch.setattr(delivery_run, "_LINGER_SECONDS", 0.05)
    deliveries, done = DueDeliveries(store.redis, "slack"), list[str]()
    channels = [slack_address(f"C{number}") for number in range(3)]
    deliveries.put(digest_request().model_copy(update={"address": each}) for each in channels)

    async def deliver(request: DigestRequest) -> ChannelResult:
        if stops and len(done) == 2:
            await asyncio.sleep(60)
        done.append(request.address.channel)
        return ChannelResult.DONE

    should_stop = lambda: stops and len(done) == 2  # noqa: E731
    asyncio.run(DeliveryRun(deliveries, deliver, lambda: datetime.now(UTC), should_stop).serve())
    left = {each.address.channel for each in deliveries.newcomers(()).values()}
    assert left == {each.channel for each in channels} - set(done)
    assert len(done) == (2 if stops else 3)
