"""Clients of the primary: the one server of several that takes writes, which changes when it dies.

Where sentinels watch over it, they are asked at each new connection. Where an address names it, as
hosted ones are, the name leads to another machine from then on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar, cast

import redis.connection
from redis import Redis
from redis.backoff import ConstantBackoff, NoBackoff
from redis.exceptions import ConnectionError, ReadOnlyError
from redis.retry import Retry
from redis.sentinel import Sentinel, SentinelConnectionPool

from bot.endpoint import Sentinels, parse_sentinels

R = TypeVar("R", bound=Redis)

# One sentinel that is away does not hold up the question to the next.
_SENTINEL_SECONDS: Final = 1.0
_AGAIN_SECONDS, _TRIES = 1.0, 3
# A replica has what was written within a millisecond, unless it or the network is in trouble.
_COPY_MILLISECONDS: Final = 1000


class NotCopied(ConnectionError):
    """The primary answers, but no replica has what was written: nothing may be done outside."""


class _Leaving:
    """A connection that ends when its server turns out to be a replica by now, as any does after a
    ConnectionError; redis-py would keep it, and each write would fail while the process lives."""

    def read_response(self, *args: Any, **options: Any) -> Any:
        try:
            return super().read_response(*args, **options)  # type: ignore[misc]
        except ReadOnlyError as error:
            raise ConnectionError("the server is a replica by now") from error


class _Plain(_Leaving, redis.Connection):
    pass


class _Tls(_Leaving, redis.SSLConnection):
    pass


class _PatientPool(SentinelConnectionPool):
    """It tries for a connection as often as redis-py tries a command that is under way, which asks
    for one before, where nothing but the connection itself is tried again."""

    def get_connection(self, *args: Any, **options: Any) -> Any:
        get = super().get_connection
        retry = self.connection_kwargs.get("retry")
        if retry is None:
            return get(*args, **options)
        return retry.call_with_retry(lambda: get(*args, **options), lambda _: None)


def client(kind: type[R], url: str, **options: Any) -> R:
    """A client of this kind, by an address as parse_endpoint returns it, with redis-py's options.
    Raises nothing: redis-py connects at the first command."""
    if found := parse_sentinels(url):
        told = _told(found) | options
        sentinel: Any = Sentinel(found.hosts, sentinel_kwargs=_asking(found, Retry))  # type: ignore[no-untyped-call]
        primary: R = sentinel.master_for(
            found.name, redis_class=kind, connection_pool_class=_PatientPool, **told
        )
        return primary
    opened: Any = kind.from_url(url, **_class(url, _Plain, _Tls), **options)
    return cast(R, opened)


def patience(url: str, retry: type) -> dict[str, Any]:
    """The option of a client that nobody waits for: where sentinels find another primary, it is
    tried for about twelve seconds, so that a job goes on where it was. Tries to connect are within
    tries of the command."""
    again = retry(ConstantBackoff(_AGAIN_SECONDS), _TRIES)
    return {"retry": again} if parse_sentinels(url) else {}


def ask_all(redis: Redis, asked: Sequence[tuple[Sequence[Any], bool]]) -> list[Any]:
    """The answers to commands that are sent in one message, errors among them. Where sentinels may
    promote a replica, those that must be copied are answered when one has what they wrote: what is
    done outside after that is then known, whichever server dies.

    Their answer is NotCopied when no replica has it in time: this server may be cut off, and
    another may be the primary by now. One that was promoted is a replica no more, so neither is
    none enough. Raises RedisError where the message or its answer is lost.
    """
    is_guarded = isinstance(redis.connection_pool, SentinelConnectionPool)
    waits = is_guarded and any(copied for _, copied in asked)
    commands = [command for command, _ in asked]
    if waits:  # about what was written over the same connection
        commands.append(("WAIT", 1, _COPY_MILLISECONDS))
    with redis.pipeline(transaction=False) as pipe:
        for command in commands:
            pipe.execute_command(*command)  # type: ignore[no-untyped-call]
        answers: list[Any] = pipe.execute(raise_on_error=False)
    copies = answers.pop() if waits else 1
    if isinstance(copies, int) and copies:
        return answers
    # In place of a number: it became a replica in between.
    why = "the server is a replica by now" if copies else "no replica has what was written"
    return [
        NotCopied(why) if copied and not isinstance(answer, Exception) else answer
        for answer, (_, copied) in zip(answers, asked, strict=True)
    ]


def _class(url: str, plain: type, tls: type) -> dict[str, Any]:
    scheme = url.partition("://")[0]
    kinds = {"redis": plain, "rediss": tls}
    return {"connection_class": kinds[scheme]} if scheme in kinds else {}


def _told(found: Sentinels) -> dict[str, Any]:
    """What an address says of the primary, apart from where it is."""
    told = redis.connection.parse_url(found.primary)  # type: ignore[no-untyped-call]
    told["ssl"] = told.pop("connection_class", None) is not None
    return {name: value for name, value in told.items() if name not in ("host", "port")}


def _asking(found: Sentinels, retry: type) -> dict[str, Any]:
    """How sentinels are asked: by TLS where the primary is."""
    tls = {name: value for name, value in _told(found).items() if name.startswith("ssl")}
    brief = dict.fromkeys(("socket_timeout", "socket_connect_timeout"), _SENTINEL_SECONDS)
    return tls | brief | found.login | {"retry": retry(NoBackoff(), 0)}
