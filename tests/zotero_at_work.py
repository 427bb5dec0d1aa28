"""A worker's errands to a Zotero on loopback, with the keys that the tests give."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import datetime, timedelta
from itertools import count

from bot.domain.tasks.task import Task, TaskResult
from bot.domain.tasks.zotero import ZoteroErrand
from bot.sealing import Sealer
from bot.store.store import Store
from tests.factories import NOW
from tests.servers.fake_zotero import FakeZotero
from workers import task_job
from workers.arxiv.client import ArxivClient
from workers.judging.bounded_http import LoopThread
from workers.zotero.api import ZoteroApi
from workers.zotero.errands import Zotero

# Keys as they look; none of them is anybody's.
KEY, OTHER_KEY, READ_ONLY = (f"{mark}xPZoteroKey{mark}0000HUSHhus" for mark in "ABC")
SEALING = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
OLD_SEALING = "b2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkb2xkMDE="
OWNER = ("slack:T1", "U1")
_ASKED = count()


class Worker:
    """Does errands at once. Its clock stands still, but for the pauses it makes."""

    def __init__(self, store: Store, fake: FakeZotero, loop: LoopThread, *keys: str) -> None:
        self.store, self.now, self.pauses = store, NOW, list[float]()
        sealer = Sealer(keys or (SEALING,))
        self.zotero = Zotero(ZoteroApi(fake.url, loop), sealer, self._pause)
        self.sealer, self._arxiv = sealer, ArxivClient("", "", store.redis)

    def do(self, what: str, who: tuple[str, str] = OWNER) -> TaskResult:
        errand = ZoteroErrand.model_validate({"what": what})
        task = Task(
            zotero=errand, workspace=who[0], by=who[1], since=NOW + timedelta(seconds=next(_ASKED))
        )
        self.store.tasks.put(task)
        self.do_task(task.key)
        found = self.store.tasks.result(task.key)
        assert found is not None
        return found

    def do_task(self, key: str) -> None:
        given = key, self.store, self._arxiv, None, self._clock, lambda *_: nullcontext()
        task_job.run(*given, zotero=self.zotero)

    def do_waiting(self) -> bool:
        """Every task that is stored; whether there was one."""
        keys = [str(key).rpartition(":")[2] for key in self.store.redis.scan_iter("pb:task:*")]
        for key in keys:
            self.do_task(key)
        return bool(keys)

    def _clock(self) -> datetime:
        return self.now

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += timedelta(seconds=seconds)


@contextmanager
def worker_at(store: Store, fake: FakeZotero, *keys: str) -> Iterator[Worker]:
    loop = LoopThread()
    try:
        yield Worker(store, fake, loop, *keys)
    finally:
        loop.close(_nothing)


async def _nothing() -> None:
    """Nothing is open."""
