"""Redis clients, patient and brief ones, and why a server cannot be used."""

from __future__ import annotations

import re
from typing import Final

import redis
import redis.sentinel
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.endpoint import Endpoint
from bot.errors import Refused
from bot.network import describe_error
from bot.store.key_repair import RepairingRedis
from bot.store.values.primary import client, patience

# `/why` and the queues need commands of this version.
_OLDEST = (6, 2)


def connect(url: str) -> Redis:
    """A client whose answers are str. Raises nothing: redis-py connects at the first command."""
    return client(RepairingRedis, url, decode_responses=True, **patience(url, Retry))


def connect_for_jobs(url: str) -> Redis:
    """A client whose answers are bytes, as rq wants them."""
    return client(Redis, url)


def connect_briefly(url: str) -> Redis:
    """As `connect`, for callers with a person waiting: it fails within two seconds, without a
    retry."""
    once = Retry(NoBackoff(), 0)
    brief = {"socket_timeout": 2, "socket_connect_timeout": 2, "retry": once}
    return client(RepairingRedis, url, decode_responses=True, **brief)


def require_usable_server(endpoint: Endpoint) -> None:
    """Check once that the server can be used. Raises Refused, in one sentence, when not."""
    with connect_briefly(endpoint.get_secret_value()) as client:
        try:
            client.ping()
            info = client.info()
        except redis.RedisError as error:
            raise Refused(f"REDIS_URL: {server_error(error, str(endpoint))}") from None
    version = re.findall(r"\d+", str(info.get("redis_version", "")))[:2]
    if version and tuple(map(int, version)) < _OLDEST:
        raise Refused(
            f"REDIS_URL: the server at {endpoint} is older than Redis 6.2, which is needed."
        )
    if str(info.get("cluster_enabled", 0)) == "1":
        raise Refused(f"REDIS_URL: {endpoint} is a cluster; Paperboy wants a server that is not.")
    if str(info.get("role", "master")) != "master":
        raise Refused(
            f"REDIS_URL: {endpoint} is a replica; Paperboy writes, so it wants the primary."
        )


def server_error(error: redis.RedisError, address: str = "") -> str:
    """Why the server does not serve us, as a sentence that names it by `address`."""
    server = f"the server at {address}" if address else "the server"
    tls = "; does it want rediss://?" if address.startswith("redis:") else ""
    message, described = str(error), describe_error(error)
    for kinds, words, sentence in _SENTENCES:
        if isinstance(error, kinds) and re.search(words, message):
            return sentence.format(server=server, tls=tls)
    if "closed by server" in message or "closes the" in described:
        return f"{server} cannot be used: it closes the connection{tls}."
    if "in time" in described and address.startswith("rediss:"):
        return f"{server} cannot be used: it does not answer in time; does it want redis://?"
    return f"{server} cannot be used: {described}."


_Kinds = type[redis.RedisError] | tuple[type[redis.RedisError], ...]
# The first whose kind the error is, and whose words (a pattern) it has.
_SENTENCES: Final[tuple[tuple[_Kinds, str, str], ...]] = (
    (
        redis.exceptions.AuthenticationError,
        "Authentication required|already authenticated",
        "{server} wants a password.",
    ),
    (
        (redis.exceptions.AuthenticationError, redis.exceptions.AuthorizationError),
        "",
        "{server} does not take this name and password.",
    ),
    (
        redis.exceptions.NoPermissionError,
        "",
        "this user may not do on {server} what Paperboy needs.",
    ),
    (
        redis.sentinel.MasterNotFoundError,
        "",
        "{server} cannot be used: no sentinel that answers knows a primary of that name.",
    ),
    (
        redis.exceptions.BusyLoadingError,
        "",
        "{server} is still reading its file; try again in a moment.",
    ),
    (
        (redis.exceptions.ReadOnlyError, redis.exceptions.MasterDownError),
        "",
        "{server} is a replica; Paperboy writes, so it wants the primary.",
    ),
    (redis.exceptions.OutOfMemoryError, "", "{server} has used up its memory (maxmemory)."),
    (redis.exceptions.InvalidResponse, "", "{server} does not speak as Redis does{tls}."),
    (redis.exceptions.ResponseError, "DB index", "{server} has no database of that number."),
    (redis.exceptions.ResponseError, "^MISCONF", "{server} cannot write to its disk."),
    (
        redis.exceptions.ResponseError,
        "^NOREPLICAS",
        "{server} has fewer replicas than it wants (min-replicas-to-write).",
    ),
    (
        (redis.exceptions.MovedError, redis.exceptions.ClusterDownError),
        "",
        "{server} is a cluster; Paperboy wants a server that is not.",
    ),
    (
        redis.exceptions.ResponseError,
        "(?i)unknown command",
        "{server} is older than Redis 6.2, or lacks a command that Paperboy needs.",
    ),
    (redis.exceptions.ResponseError, "", "{server} refuses a command that Paperboy needs."),
    (
        redis.RedisError,
        "max number of clients",
        "{server} has as many clients as it takes.",
    ),
)
