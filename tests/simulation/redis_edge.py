"""Redis in the simulation: a fake server that keeps the scheduler's time and loses connections."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import SimpleQueue
from threading import Event
from typing import Any

import fakeredis
import redis
from fakeredis._clients._sync import FakeRedisConnection
from redis import ConnectionPool
from redis.backoff import ExponentialWithJitterBackoff
from redis.retry import Retry

from bot.store.key_repair import RepairingRedis
from bot.store.values.lease import _RENEW
from tests.simulation.scheduler import Process, Scheduler, Signal

# What redis-py does by itself for a client made from an address.
_TRIES = Retry(ExponentialWithJitterBackoff(base=1, cap=10), 3)


@dataclass
class RedisServer:
    """One server; `lost` is the chance that a message, or the answer to it, is lost."""

    scheduler: Scheduler
    lost: float = 0.0
    ever_lost: bool = False
    looked: Signal = field(init=False)  # somebody looks who waits for a digest
    renewing: Callable[[], object] | None = None  # hears of each renewal of a channel's lease
    server: Any = field(default_factory=lambda: _server())
    _clients: dict[Process | None, RepairingRedis] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.looked = Signal(self.scheduler)

    def empty(self) -> None:
        """As after a new installation. Nobody may be connected."""
        self._clients.clear()
        self.server = _server()

    @contextmanager
    def unobserved(self) -> Iterator[None]:
        """What is asked meanwhile is no process's effect, and is not lost."""
        current, self.scheduler.current = self.scheduler.current, None
        lost, self.lost = self.lost, 0.0
        try:
            yield
        finally:
            self.scheduler.current, self.lost = current, lost

    def client(self) -> RepairingRedis:
        """As store.connection.connect makes one; each process has one."""
        owner = self.scheduler.current and self.scheduler.current.root
        if owner not in self._clients:
            self._clients[owner] = self._connect()
        return self._clients[owner]

    def _connect(self) -> RepairingRedis:
        pool = _Pool(
            connection_class=_Connection,
            server=self.server,
            decode_responses=True,
            retry=_TRIES,
            simulated=self,
        )
        client = _Client(connection_pool=pool)
        client.simulated = self
        return client


def _server() -> Any:
    """A fake server that compiles a script once, and does not tidy up after each."""
    server = fakeredis.FakeServer(version=(7,))
    fakeredis.FakeRedis(server=server).eval("return 1", 0)
    server._lua_runtime = _Lua(server._lua_runtime)
    return server


class _Lua:
    """A Lua runtime; `execute` is what fakeredis calls for each script, and for tidying up."""

    def __init__(self, runtime: Any) -> None:
        self._runtime, self._compiled = runtime, dict[Any, Callable[[], Any]]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def execute(self, script: Any) -> Any:
        if script == "collectgarbage()":
            return None
        if script not in self._compiled:
            self._compiled[script] = self._runtime.compile(script)
        return self._compiled[script]()


class _Client(RepairingRedis):
    simulated: RedisServer

    def scan_iter(self, *args: Any, **named: Any) -> Iterator[Any]:
        """In one step: Redis shows every key that is there all the while, the fake server does not
        when others come and go."""
        with self.simulated.unobserved():
            keys = list(super().scan_iter(*args, **named))
        self.simulated.scheduler.effect("redis scanned")
        return iter(keys)


class _Pool(ConnectionPool):
    """Connections to lend, without a count of them for those who watch."""

    def get_connection(self, *_: Any, **__: Any) -> Any:
        idle = self._available_connections
        connection = idle.pop() if idle else self.make_connection()
        try:
            if connection.is_connected and connection.can_read():
                connection.disconnect()  # somebody stopped before reading an answer
            connection.connect()
        except BaseException:
            self.release(connection)
            raise
        return connection

    def release(self, connection: Any) -> None:
        self._available_connections.append(connection)


class _NobodyWaits(Event):
    """An answer is there as soon as something was sent."""

    def set(self) -> None:
        pass


class _Connection(FakeRedisConnection):  # type: ignore[misc]
    """Each message is an effect, before and after: a pipeline is one message. Commands are handed
    over as they are, not packed and parsed again."""

    def __init__(self, *args: Any, simulated: RedisServer, **named: Any) -> None:
        super().__init__(*args, **named)
        self._simulated, self._awaits_answer = simulated, False

    def _connect(self) -> Any:
        socket = super()._connect()
        socket.responses, socket.response_ready = SimpleQueue(), _NobodyWaits()
        return socket

    def send_command(self, *args: Any, **named: Any) -> None:
        if args == ("HGETALL", "pb:wishes") and self._simulated.scheduler.current:
            self._simulated.looked.give("")
        self.send_packed_command([args])

    def pack_commands(self, commands: Any) -> Any:
        return commands

    def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        self._before()
        if self._sock is None:
            self.connect()
        for args in command:
            if args[:2] == ("EVAL", _RENEW) and self._simulated.renewing:
                self._simulated.renewing()
            first, *rest = str(args[0]).split()  # "SCRIPT LOAD" is two words
            words = (first, *rest, *args[1:])
            self._sock._process_command(
                [w.encode() if type(w) is str else self.encoder.encode(w) for w in words]
            )

    def _decode(self, response: Any) -> Any:
        """As the fake connection does it, sooner: every client here wants text."""
        if type(response) is bytes:
            return response.decode()
        if type(response) is dict:
            return {self._decode(key): self._decode(value) for key, value in response.items()}
        if type(response) is list:
            return [r.decode() if type(r) is bytes else self._decode(r) for r in response]
        return response

    def read_response(self, *args: Any, **named: Any) -> Any:
        answer = super().read_response(*args, **named)
        if self._awaits_answer:
            self._awaits_answer = False
            self._simulated.scheduler.effect("redis answered")
            self._lose("answer")
        return answer

    def _before(self) -> None:
        self._awaits_answer = True
        self._simulated.scheduler.effect("redis")
        self._lose("message")

    def _lose(self, what: str) -> None:
        chance = self._simulated.lost
        if chance and self._simulated.scheduler.random.random() < chance:
            self._simulated.ever_lost = True
            raise redis.ConnectionError(f"simulated: the {what} was lost")
