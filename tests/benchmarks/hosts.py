"""Machines for a run: each with a bot, workers, a data directory and, where this one lets us (as
root, on Linux), processes and a network of its own, which can be cut."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bot.domain.papers import fingerprint
from tests.processes import descendants, is_alive, kill

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
WORDS = ("worker", "bot")


class Network:
    """A network namespace with nothing but its own loopback, where the ports given lead to the same
    ports here. While it is cut nothing passes, and nobody hears why: as with a pulled cable."""

    def __init__(self, name: str, ports: Sequence[int]) -> None:
        self.name, self._ports = name, ports
        self._loop = asyncio.new_event_loop()
        self._passes = asyncio.Event()
        self._lives = 0

    @contextmanager
    def running(self) -> Iterator[None]:
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        try:
            subprocess.run([*self.within, "ip", "link", "set", "lo", "up"], check=True)
            self._passes.set()
            thread = threading.Thread(target=self._loop.run_forever, daemon=True)
            thread.start()
            listening = [self._listening(port) for port in self._ports]
            asyncio.run_coroutine_threadsafe(self._serve(listening), self._loop).result()
            yield
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            subprocess.run(["ip", "netns", "del", self.name], check=True)

    @property
    def within(self) -> list[str]:
        """What comes before a command that is to run there."""
        return ["ip", "netns", "exec", self.name]

    @property
    def apart(self) -> list[str]:
        """The same for one that sees no other machine's processes."""
        return [*self.within, "unshare", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"]

    def cut(self) -> None:
        self._loop.call_soon_threadsafe(self._passes.clear)

    def mend(self, after_death: bool = False) -> None:
        """What is under way arrives now; not what a machine that died had to send."""
        self._lives += after_death
        self._loop.call_soon_threadsafe(self._passes.set)

    def _listening(self, port: int) -> socket.socket:
        """A socket there: a thread can be in another network than its process."""
        found = list[socket.socket]()

        def listen() -> None:
            with open(f"/var/run/netns/{self.name}") as there:
                if ctypes.CDLL(None, use_errno=True).setns(there.fileno(), _NEW_NETWORK):
                    raise OSError(ctypes.get_errno(), "setns")
            found.append(socket.create_server(("127.0.0.1", port), backlog=256))

        thread = threading.Thread(target=listen)
        thread.start()
        thread.join()
        return found[0]

    async def _serve(self, listening: Sequence[socket.socket]) -> None:
        self._servers = [
            await asyncio.start_server(self._joined(port), sock=one)
            for port, one in zip(self._ports, listening, strict=True)
        ]

    def _joined(self, port: int) -> object:
        async def join(inside: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
            await self._passes.wait()
            try:
                outside, out = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                back.close()
                return
            await asyncio.gather(self._pass(inside, out), self._pass(outside, back))

        return join

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lives = self._lives
        with suppress(OSError):
            while data := await reader.read(65536):
                await self._passes.wait()
                if lives != self._lives:
                    break
                writer.write(data)
                await writer.drain()
        await self._passes.wait()
        writer.close()


@dataclass
class Host:
    """A machine that runs bot and workers."""

    name: str
    home: Path
    settings: dict[str, str]
    network: Network | None = None
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def start(self) -> None:
        """Start what does not run, as a supervisor would."""
        self.home.mkdir(exist_ok=True)
        for word in WORDS:
            process = self.running.get(word)
            if process is not None and process.poll() is None:
                continue
            if process is not None and process.returncode != -signal.SIGKILL:
                self.faults.append(f"{self.name}: {word} ended with {process.returncode}")
            with (self.home / f"{word}.log").open("ab") as out:
                self.running[word] = subprocess.Popen(
                    [*(self.network.apart if self.network else []), *_command(word)],
                    env=self.settings | {"PAPERBOY_DATA_DIR": str(self.home)},
                    stdin=subprocess.DEVNULL,
                    stdout=out,
                    stderr=out,
                    start_new_session=True,
                )

    def processes(self) -> list[int]:
        roots = [process.pid for process in self.running.values()]
        return [*roots, *(pid for root in roots for pid in descendants(root))]

    def kill(self) -> None:
        """All its processes at once. With a network of its own nobody hears of it."""
        if self.network:
            self.network.cut()
        kill(self.processes())
        for process in self.running.values():
            process.wait()

    def is_named(self, machine: str) -> bool:
        """Whether a bot here calls its machine so (runtime/standby.py)."""
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        names = set[str]()
        for pid in self.processes():
            with suppress(OSError):
                names.add(fingerprint(boot, os.readlink(f"/proc/{pid}/ns/pid")))
        return machine in names

    def says(self, word: str) -> str:
        """What one of its logs says."""
        file = self.home / f"{word}.log"
        return file.read_text(errors="replace") if file.exists() else ""

    def stop(self) -> None:
        """As an admin would; what stays behind is a fault."""
        left = self.processes()
        for process in self.running.values():
            for pid in descendants(process.pid)[:1] if self.network else [process.pid]:
                os.kill(pid, signal.SIGTERM)
        for process in self.running.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(60)
        behind = [pid for pid in left if is_alive(pid)]
        self.faults += [f"{self.name}: {len(behind)} processes stayed behind"] if behind else []
        kill(behind)


def _command(word: str) -> list[str]:
    return [sys.executable, "-m", "workers", word]


def has_networks() -> bool:
    """Whether this machine lets us make networks."""
    if sys.platform != "linux" or os.getuid() != 0:
        return False
    name = f"paperboy-{os.getpid()}"
    try:
        made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    if made.returncode == 0:
        subprocess.run(["ip", "netns", "del", name], check=True)
    return made.returncode == 0
