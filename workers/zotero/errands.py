"""Runs an errand to Zotero for one person: checks the key they gave, or sends what is new."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from bot.domain.papers import Paper
from bot.domain.readers.zotero import BATCH, SentPaper, ZoteroAccess, item_key
from bot.domain.tasks.task import Task
from bot.domain.tasks.zotero import ZoteroResult
from bot.errors import Refused
from bot.sealing import Sealer
from bot.settings import Settings
from bot.store.store import Store
from bot.views.keeping import citations
from bot.views.keeping import zotero as views
from workers.judging.bounded_http import LoopThread
from workers.zotero.api import Grant, Throttled, Written, ZoteroApi

# Seconds that are waited in all, where Zotero asks for it: whoever sends waits three minutes, and a
# key is checked beside what others wait for.
_PATIENCE: Final = {"send": 60.0, "check": 5.0}

Progress = Callable[[int, int], None]
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class Zotero:
    """What an errand works with. `sealer` is None where no key to seal with is set."""

    api: ZoteroApi
    sealer: Sealer | None
    pause: Callable[[float], None] = time.sleep


@contextmanager
def open_zotero(config: Settings) -> Iterator[Zotero]:
    """The Zotero of the settings; nothing is connected before it is asked."""
    loop = LoopThread()
    try:
        yield Zotero(ZoteroApi(config.zotero_api_url.get_secret_value(), loop), config.sealer)
    finally:
        loop.close(_nothing)


async def _nothing() -> None:
    """Each request has a client of its own."""


def run(
    task: Task, store: Store, zotero: Zotero, clock: Callable[[], datetime], progress: Progress
) -> ZoteroResult:
    """What comes of a task with an errand. Raises Refused."""
    assert task.zotero
    errand = _Errand(task, store, zotero, clock)
    return errand.check() if task.zotero.what == "check" else errand.send(progress)


class _Errand:
    def __init__(
        self, task: Task, store: Store, zotero: Zotero, clock: Callable[[], datetime]
    ) -> None:
        self._store, self._zotero, self._clock = store, zotero, clock
        self._who = task.workspace, task.by
        self._patience = _PATIENCE[task.zotero.what] if task.zotero else 0.0

    def check(self) -> ZoteroResult:
        """Use the key that was proposed, if it may write to the library asked for; otherwise forget
        it."""
        store = self._store.zotero
        new = store.proposed(*self._who)
        if new is None:
            # Checked already, by a worker that was killed before it could say so; or forgotten.
            if used := store.access(*self._who):
                return ZoteroResult(name=used.name, library=used.library)
            raise Refused(views.key_gone())
        key = self._opened(new)
        try:
            grant = self._patiently(lambda: self._zotero.api.grant(key))
            library = _library(grant, new.library)
        except Refused:
            store.reject(*self._who, new)
            raise
        checked = new.model_copy(update={"library": library, "name": grant.name})
        if not store.accept(*self._who, new, checked):
            raise Refused(views.key_gone())
        return ZoteroResult(name=checked.name, library=checked.library)

    def send(self, progress: Progress) -> ZoteroResult:
        """Send what was saved and not sent, batch by batch, each remembered once it is there."""
        access = self._store.zotero.access(*self._who)
        if access is None:
            raise Refused(views.key_gone())
        key = self._opened(access)
        self._store.zotero.seal_anew(*self._who, access, self._sealed(key))
        papers, missing = self._unsent(access)
        found = ZoteroResult(name=access.name, library=access.library, missing=missing)
        for at in range(0, len(papers), BATCH):
            try:
                found = self._sent(key, access, papers[at : at + BATCH], found)
            except Refused as why:
                if not found.sent + found.there:
                    raise
                return found.model_copy(update={"stopped": str(why)})
            progress(found.sent + found.there + len(found.refused), len(papers))
        return found

    def _sent(
        self, key: str, access: ZoteroAccess, batch: Sequence[Paper], found: ZoteroResult
    ) -> ZoteroResult:
        keys = [item_key(access.library, paper.id) for paper in batch]
        items = [citations.as_zotero(*each) for each in zip(batch, keys, strict=True)]
        done = self._patiently(lambda: self._zotero.api.create(key, access.library, items))
        now = self._clock()
        self._store.zotero.put_wait(now, done.backoff)
        self._store.zotero.put_sent(
            *self._who,
            [
                SentPaper(
                    paper=paper.id,
                    title=paper.title,
                    library=access.library,
                    item=keys[at],
                    at=now,
                )
                for at, paper in enumerate(batch)
                if at not in done.refused
            ],
        )
        return _added(found, batch, done)

    def _unsent(self, access: ZoteroAccess) -> tuple[list[Paper], int]:
        """The papers that the library has not got from here, the earliest saved first, and how many
        have no text any more."""
        sent = self._store.zotero.sent(*self._who)
        there = {each.paper for each in sent if each.library == access.library}
        mine = [each for each in self._store.saved.of(*self._who) if each.paper not in there]
        texts = self._store.papers.by_ref([each.ref for each in mine])
        papers = [texts[each.ref] for each in reversed(mine) if each.ref in texts]
        return papers, len(mine) - len(papers)

    def _opened(self, access: ZoteroAccess) -> str:
        """The key itself, which goes nowhere but to Zotero."""
        if self._zotero.sealer is None:
            raise Refused(views.no_sealer())
        key = self._zotero.sealer.open(access.sealed, " ".join(self._who))
        if key is None:
            raise Refused(views.key_unreadable())
        return key

    def _sealed(self, key: str) -> str:
        """Sealed with the first key of the installation, so that an older one can be ended."""
        assert self._zotero.sealer, "it has opened the key"
        return self._zotero.sealer.seal(key, " ".join(self._who))

    def _patiently(self, ask: Callable[[], _Answer]) -> _Answer:
        """Ask when Zotero wants to be asked, as long as that is soon."""
        while True:
            self._wait()
            try:
                return ask()
            except Throttled as throttled:
                self._store.zotero.put_wait(self._clock(), throttled.seconds)

    def _wait(self) -> None:
        seconds = self._store.zotero.wait(self._clock())
        if seconds > self._patience:
            raise Refused(views.slow_down(seconds))
        if seconds:
            self._patience -= seconds
            self._zotero.pause(seconds)


def _library(grant: Grant, group: str) -> str:
    """Raises Refused where the key may not write there. Who gives their own number instead of a
    group's means their own library."""
    own = not group or group == grant.user
    library = f"users/{grant.user}" if own else f"groups/{group}"
    if library in grant.writable or (not own and "groups/all" in grant.writable):
        return library
    raise Refused(views.may_not_write("" if own else group))


def _added(found: ZoteroResult, batch: Sequence[Paper], done: Written) -> ZoteroResult:
    refused = tuple(batch[at].id for at in sorted(done.refused))
    return found.model_copy(
        update={
            "sent": found.sent + len(done.made),
            "there": found.there + len(done.there),
            "refused": found.refused + refused,
        }
    )
