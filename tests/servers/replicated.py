"""A primary, its replicas, and the sentinels that watch them, on loopback."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import redis
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.ports import free_port
from tests.waiting import wait_until
from workers.runtime.server import _program

NAME, PASSWORD = "papers", "pa/ss w?rd@%"


@dataclass
class Replicated:
    """Servers by port; the first is the primary at the beginning. `options` are of every server,
    a word each; sentinels call one down after `down` milliseconds."""

    home: Path
    ports: list[int]
    sentinels: list[int]
    options: Sequence[str] = ()
    program: str = ""
    down: int = 1000
    running: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """As REDIS_URL has it."""
        where = ",".join(f"127.0.0.1:{port}" for port in self.sentinels)
        return f"redis+sentinel://:{quote(PASSWORD, safe='')}@{where}/{NAME}/2"

    def client(self, port: int) -> Redis:
        return _client(port, password=PASSWORD, db=2)

    def primary(self) -> int:
        """The port that the sentinels name."""
        for port in self.sentinels:
            with suppress(redis.RedisError), _client(port) as one:
                return int(one.sentinel_get_master_addr_by_name(NAME)[1])  # type: ignore[index]
        raise AssertionError("no sentinel answers")

    def start(self, port: int, of: int | None = None) -> None:
        """Start a server, as a replica `of` another."""
        folder = self.home / str(port)
        folder.mkdir(exist_ok=True)
        told = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
        told += ["--requirepass", PASSWORD, "--masterauth", PASSWORD, "--appendonly", "yes"]
        told += ["--repl-diskless-sync-delay", "0", *self.options]
        told += ["--replicaof", f"127.0.0.1 {of}"] if of else []
        self._run(port, [*told])

    def watch(self) -> None:
        """Start the sentinels."""
        quorum = len(self.sentinels) // 2 + 1
        for port in self.sentinels:
            conf = self.home / f"sentinel-{port}.conf"
            conf.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {self.home}\n"
                f"sentinel monitor {NAME} 127.0.0.1 {self.ports[0]} {quorum}\n"
                f'sentinel auth-pass {NAME} "{PASSWORD}"\n'
                f"sentinel down-after-milliseconds {NAME} {self.down}\n"
                f"sentinel failover-timeout {NAME} {10 * self.down}\n"
            )
            self._run(port, [str(conf), "--sentinel"])

    def is_copied(self, primary: int) -> bool:
        """Whether all other servers follow this one, and have what it had. They are asked too: the
        primary calls one online that still loads, for up to a second."""
        others = [port for port in self.ports if port != primary]
        with suppress(redis.RedisError, OSError), self.client(primary) as one:
            found = one.info("replication")
            rows = [found.get(f"slave{n}", {}) for n in range(len(others))]
            is_online = all(row.get("state") == "online" for row in rows)
            return is_online and all(self._follows(port, primary) for port in others)
        return False

    def _follows(self, port: int, primary: int) -> bool:
        with self.client(port) as one:
            found = one.info("replication")
        is_of = found.get("master_port") == primary
        return bool(is_of and found["master_link_status"] == "up")

    def kill(self, port: int, number: int = signal.SIGKILL) -> None:
        os.kill(self.running[port].pid, number)
        if number == signal.SIGKILL:
            self.running.pop(port).wait()

    def knows_all(self, port: int) -> bool:
        """Whether a sentinel knows the others and the replicas."""
        with suppress(redis.RedisError), _client(port) as one:
            state = one.sentinel_masters()[NAME]
            others, replicas = len(self.sentinels) - 1, len(self.ports) - 1
            return state["num-other-sentinels"] == others and state["num-slaves"] == replicas
        return False

    def _run(self, port: int, told: list[str]) -> None:
        with (self.home / f"{port}.log").open("ab") as log:
            command = [self.program or _program(), *told]
            self.running[port] = subprocess.Popen(command, stdout=log, stderr=log)
        with _client(port) as one:
            self.until(lambda: _answers(one))

    def until(self, what: Callable[[], object]) -> None:
        """Wait until it is so."""
        wait_until(what, "the servers get ready")


def _client(port: int, **options: Any) -> Redis:
    """It tells at once what is wrong."""
    once = Retry(NoBackoff(), 0)
    return Redis(port=port, decode_responses=True, retry=once, socket_timeout=2, **options)


def _answers(client: Redis) -> bool:
    try:
        client.ping()
    except redis.AuthenticationError:
        return True
    except redis.RedisError:
        return False
    return True


@contextmanager
def run_replicated(
    home: Path, servers: int = 2, sentinels: int = 1, program: str = "", down: int = 1000
) -> Iterator[Replicated]:
    """Running while the block does, watched and copied at its beginning."""
    ports = [free_port() for _ in range(servers + sentinels)]
    found = Replicated(home, ports[:servers], ports[servers:], program=program, down=down)
    try:
        found.start(found.ports[0])
        for port in found.ports[1:]:
            found.start(port, found.ports[0])
        found.until(lambda: found.is_copied(found.ports[0]))
        found.watch()
        found.until(lambda: all(found.knows_all(port) for port in found.sentinels))
        yield found
    finally:
        for process in found.running.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.wait()


def with_tls() -> str:
    """A server program that speaks TLS; empty where none is installed."""
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    return ""
