"""Of the bots with the same tokens one serves; another goes on when it ends or dies.

Two at once would each keep to themselves what forms and presses in the same chat have to share, and
Discord sends every event to each of them.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import uuid4

import structlog
from redis import RedisError

from bot.domain.papers import fingerprint
from bot.store.store import Store
from bot.store.values.lease import Lease, LeaseLost

log = structlog.get_logger()

# How long the others wait for a bot that died; its lease is renewed three times meanwhile.
_LEASE_SECONDS: Final = 15.0
_LOOK_SECONDS: Final = 0.5


class Turn:
    """This process's turn to serve. `tokens` are those of the chats it serves."""

    def __init__(self, store: Store, tokens: Sequence[str] = ()) -> None:
        self._store, self._name = store, f"bot-{fingerprint(*tokens)}" if tokens else "bot"
        self._holder = f"{_machine()}-{os.getpid()}-{uuid4().hex}"
        self._lease: Lease | None = None
        self.stands_by = False

    async def come(self, stop: asyncio.Event) -> bool:
        """Wait until no other bot serves; False when `stop` was set before that. While the database
        is away people are told so, by each bot there is; keep() ends all but one."""
        while not stop.is_set():
            try:
                is_ours = await asyncio.to_thread(self._take)
            except RedisError:
                is_ours = True
            if is_ours:
                self.stands_by = False
                return True
            if not self.stands_by:
                log.info("another bot serves, this one stands by")
                self.stands_by = True
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await stop.wait()
        return False

    async def keep(self) -> None:
        """Return when another bot has taken over: this one stood still, or was cut off. While the
        database is away nobody can."""
        while True:
            await asyncio.sleep(_LEASE_SECONDS / 3)
            with suppress(RedisError):  # the clock says so
                if not await asyncio.to_thread(lambda: self._renew() or self._take()):
                    log.warning("another bot has taken over")
                    return

    async def end(self) -> None:
        """Let the next one serve at once."""
        with suppress(RedisError):
            if self._lease:
                await asyncio.to_thread(self._lease.release)

    def _take(self) -> bool:
        """A bot of this machine that was killed is not waited for."""
        self._store.free_dead_lease(self._name, _is_dead)
        self._lease = self._store.lease(self._name, _LEASE_SECONDS, 0, self._holder)
        return self._lease is not None

    def _renew(self) -> bool:
        try:
            if self._lease:
                self._lease.renew()
        except LeaseLost:
            return False
        return self._lease is not None


def _is_dead(holder: str) -> bool:
    """Whether a holder was a process of this machine that is no more."""
    machine, pid, _ = holder.split("-") if holder.count("-") == 2 else ("", "", "")
    if machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:  # another user's
        return False
    return False


def _machine() -> str:
    """This machine since it was started, and the processes that see each other there: containers
    have the same numbers."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return fingerprint(boot, os.readlink("/proc/self/ns/pid"))
    except OSError:  # no Linux
        return fingerprint(socket.gethostname())
