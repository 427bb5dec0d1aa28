"""Redis clients: one that waits, one for whoever has a person waiting; why a server is no use."""

from __future__ import annotations

import re

import redis
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.endpoint import Endpoint
from bot.errors import Refused
from bot.network import describe_error
from bot.store.key_repair import RepairingRedis

# `/why` and the queues need commands of this version.
_OLDEST = (6, 2)


def connect(url: str) -> Redis:
    """A client whose answers are str. Raises nothing yet: redis connects at the first command."""
    return RepairingRedis.from_url(url, decode_responses=True)


def connect_briefly(url: str) -> Redis:
    """The same for whoever has a person waiting: it fails within two seconds, without a second
    try, and the person is told."""
    once = Retry(NoBackoff(), 0)
    return RepairingRedis.from_url(
        url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2, retry=once
    )


def require_usable_server(endpoint: Endpoint) -> None:
    """Ask the server once whether it can be used. Raises Refused, in one sentence, when not."""
    with connect_briefly(endpoint.get_secret_value()) as client:
        try:
            client.ping()
            told = client.info()
        except redis.RedisError as error:
            raise Refused(f"REDIS_URL: {server_error(error, str(endpoint))}") from None
    version = re.findall(r"\d+", str(told.get("redis_version", "")))[:2]
    if version and tuple(map(int, version)) < _OLDEST:
        raise Refused(
            f"REDIS_URL: the server at {endpoint} is older than Redis 6.2, which is needed."
        )
    if str(told.get("cluster_enabled", 0)) == "1":
        raise Refused(f"REDIS_URL: {endpoint} is a cluster; Paperboy wants a server that is not.")
    if str(told.get("role", "master")) != "master":
        raise Refused(
            f"REDIS_URL: {endpoint} is a replica; Paperboy writes, so it wants the primary."
        )


def server_error(error: redis.RedisError, address: str = "") -> str:
    """What the server, or the way to it, says against us: a sentence that names it by `at`."""
    server = f"the server at {address}" if address else "the server"
    tls = "; does it want rediss://?" if address.startswith("redis:") else ""
    said = str(error)
    match error:
        case redis.exceptions.AuthenticationError() if _asks(said):
            return f"{server} wants a password."
        case redis.exceptions.AuthenticationError() | redis.exceptions.AuthorizationError():
            return f"{server} does not take this name and password."
        case redis.exceptions.NoPermissionError():
            return f"this user may not do on {server} what Paperboy needs."
        case redis.exceptions.BusyLoadingError():
            return f"{server} is still reading its file; try again in a moment."
        case redis.exceptions.ReadOnlyError() | redis.exceptions.MasterDownError():
            return f"{server} is a replica; Paperboy writes, so it wants the primary."
        case redis.exceptions.OutOfMemoryError():
            return f"{server} has used up its memory (maxmemory)."
        case redis.exceptions.InvalidResponse():
            return f"{server} does not speak as Redis does{tls}."
        case redis.exceptions.ResponseError() if "DB index" in said:
            return f"{server} has no database of that number."
        case redis.exceptions.ResponseError() if said.startswith("MISCONF"):
            return f"{server} cannot write to its disk."
        case redis.exceptions.MovedError() | redis.exceptions.ClusterDownError():
            return f"{server} is a cluster; Paperboy wants a server that is not."
        case redis.exceptions.ResponseError() if "unknown command" in said.lower():
            return f"{server} is older than Redis 6.2, or lacks a command that Paperboy needs."
        case redis.exceptions.ResponseError():
            return f"{server} refuses a command that Paperboy needs."
        case _ if "max number of clients" in said:
            return f"{server} has as many clients as it takes."
        case _ if "closed by server" in said or "closes the" in describe_error(error):
            return f"{server} cannot be used: it closes the connection{tls}."
        case _ if "in time" in describe_error(error) and address.startswith("rediss:"):
            return f"{server} cannot be used: it does not answer in time; does it want redis://?"
        case _:
            return f"{server} cannot be used: {describe_error(error)}."


def _asks(said: str) -> bool:
    return "Authentication required" in said or "already authenticated" in said
