"""A server's address, parsed once, whose password no print, log, traceback or JSON shows."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlsplit

from pydantic import GetCoreSchemaHandler, SecretStr
from pydantic_core import CoreSchema, core_schema

# Characters that stay as they are in a name or a password; others are percent-encoded (RFC 3986).
_IN_SECRETS: Final = "!$&'()*+,;=~%"
_IN_PATHS: Final = "/:@!$&'()*+,;=~%"
_LONE_PERCENT: Final = re.compile("%(?![0-9A-Fa-f]{2})")
_HOST: Final = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?", re.ASCII)

# The options after the ? that redis-py knows and Paperboy supports.
_OPTION: Final = re.compile(
    "db|username|password|client_name|protocol|health_check_interval|max_connections"
    r"|(ssl|socket)_\w+"
)
# As others write it: redis+sentinel://:PASSWORD@HOST:PORT,HOST:PORT/NAME/DATABASE, with
# sentinel_username and sentinel_password after a ? where the sentinels want them.
_SENTINEL: Final = "+sentinel"
_SENTINEL_PORT: Final = 26379
REDIS_SCHEMES: Final = ("redis", "rediss", "redis+sentinel", "rediss+sentinel", "unix")

ENCODE: Final = "write / # ? @ or % in a name or password as %2F %23 %3F %40 or %25"


class Endpoint:
    """A server's address, with the name and password to log in.

    Only `get_secret_value()` returns the password (pydantic's name, as for tokens). Everything
    else, `str` included, shows scheme, host and port.
    """

    def __init__(self, url: str) -> None:
        """`url` as parse_endpoint returns it, or as Paperboy built it."""
        self._url = url

    @property
    def _parts(self) -> SplitResult:
        return urlsplit(self._url)

    @property
    def scheme(self) -> str:
        return self._parts.scheme

    @property
    def host(self) -> str:
        """The host's name, or the path of a socket."""
        return self._parts.hostname or unquote(self._parts.path)

    @property
    def port(self) -> int | None:
        """None for the scheme's default."""
        return self._parts.port

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password, decoded and as written, or the name when it stands alone, and the secret
        options after the ?."""
        given = [self._parts.password or self._parts.username or ""]
        for option in self._parts.query.split("&"):
            name, _, value = option.partition("=")
            if re.search("pass|secret|token|key|sig", name, re.IGNORECASE):
                given.append(value)
        return tuple(dict.fromkeys(s for each in given if each for s in (unquote(each), each)))

    def get_secret_value(self) -> str:
        """The whole address."""
        return self._url

    def __str__(self) -> str:
        if self.scheme.endswith(_SENTINEL):
            return f"{self.scheme}://{self._parts.netloc.rpartition('@')[2]}"
        port = f":{self.port}" if self.port else ""
        host = f"[{self.host}]" if ":" in self.host and "/" not in self.host else self.host
        return f"{self.scheme}://{host}{port}"

    def __repr__(self) -> str:
        return f"Endpoint('{self}')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Endpoint) and self._url == other._url

    def __hash__(self) -> int:
        return hash(self._url)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            _validated, serialization=core_schema.to_string_ser_schema()
        )


def _validated(value: object) -> Endpoint:
    if isinstance(value, Endpoint):
        return value
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if not isinstance(value, str):
        raise ValueError("it should be an address")
    return parse_endpoint(value)


def parse_endpoint(text: str) -> Endpoint:
    """An address as a person wrote it, percent-encoded where it has to be.

    A slash, a hash or a question mark in a password is accepted where it can mean nothing else.
    Raises ValueError with a clause to follow the setting's name, which repeats nothing secret.
    """
    text = text.strip()
    scheme, colon, rest = text.partition("://")
    scheme = scheme.lower()
    if not colon:
        raise ValueError("it has no scheme, such as https:// or redis://")
    if not re.fullmatch(r"[a-z][a-z0-9+.-]*", scheme, re.ASCII):
        raise ValueError("it doesn't begin with a scheme, such as https:// or redis://")
    secret, where, tail = _split(rest)
    read = _hosts if scheme.endswith(_SENTINEL) else _host
    host = "" if scheme == "unix" and not where else read(where)
    if host is None:
        raise ValueError(f"{_host_error(where)}; {ENCODE}")
    path, mark, query = tail.partition("?")
    if scheme == "unix" and not unquote(path).isprintable():  # it is shown as the host
        raise ValueError("it has a path with a character that can't be printed")
    if "#" in tail:
        raise ValueError(f"it has a #, which no address has; {ENCODE}")
    path = quote(_LONE_PERCENT.sub("%25", path), safe=_IN_PATHS)
    query = mark + quote(_LONE_PERCENT.sub("%25", query), safe=_IN_PATHS + "?")
    return Endpoint(f"{scheme}://{_encoded(secret)}{host}{path}{query}")


def _split(rest: str) -> tuple[str, str, str]:
    """Name and password (with the @), host and port, and what follows them.

    In RFC 3986 the host ends at the first / ? or #. A password that contains one of these shows in
    an @ after it: read by the RFC, such an address has no valid host.
    """
    end = re.search("[/?#]", rest)
    cut = end.start() if end else len(rest)
    authority, tail = rest[:cut], rest[cut:]
    secret, at, where = authority.rpartition("@")
    if "@" not in tail:
        return secret + at, where, tail
    if _host(where) is not None:
        raise ValueError(f"it has an ambiguous @; {ENCODE}")
    secret, at, after = rest.rpartition("@")
    end = re.search("[/?#]", after)
    cut = end.start() if end else len(after)
    return secret + at, after[:cut], after[cut:]


def _host(where: str) -> str | None:
    """Host and port as every library reads them; None when they are invalid."""
    found = re.fullmatch(r"(\[[^\[\]]*\]|[^:\[\]]*)(:[0-9]{0,5})?", where, re.ASCII)
    if found is None:
        return None
    name, port = found[1].lower(), (found[2] or "").lstrip(":")
    if port and not 1 <= int(port) <= 65535:
        return None
    if name.startswith("["):
        try:
            name = f"[{ipaddress.IPv6Address(name[1:-1])}]"
        except ValueError:
            return None
    else:
        try:
            name = name.encode("idna").decode("ascii")
        except UnicodeError:  # or a label of more than 63 letters, or an empty one
            return None
        if not _HOST.fullmatch(name):
            return None
    return f"{name}:{port}" if port else name


def _hosts(where: str) -> str | None:
    """Several, with commas between; urlsplit reads no IPv6 address among several."""
    found = [_host(one) for one in where.split(",")]
    return None if None in found or "[" in where else ",".join(map(str, found))


def _host_error(where: str) -> str:
    if not where or where.startswith(":"):
        return "it names no host"
    if re.fullmatch("[a-zA-Z0-9._-]+:[^:@]*", where):
        return "its port isn't a number from 1 to 65535"
    return "its host can't be read"


def _encoded(secret: str) -> str:
    if not secret:
        return ""
    name, colon, password = secret.removesuffix("@").partition(":")
    once = (quote(_LONE_PERCENT.sub("%25", part), safe=_IN_SECRETS) for part in (name, password))
    return f"{next(once)}{colon}{next(once)}@"


def require_schemes(
    *schemes: str, secret: bool, query: bool = False
) -> Callable[[Endpoint], Endpoint]:
    """A check that an address has one of these schemes, and a password or a query only where one
    can be used."""

    def check(found: Endpoint) -> Endpoint:
        parts = urlsplit(found.get_secret_value())
        if found.scheme not in schemes:
            raise ValueError(f"it should begin with {' or '.join(f'{s}://' for s in schemes)}")
        if parts.query and not query:
            raise ValueError(f"it has a ? where only a path is allowed; {ENCODE}")
        if "@" in parts.netloc and not secret:
            raise ValueError("it can't have a name or a password: a token is sent instead")
        return found

    return check


class Sentinels(NamedTuple):
    """What an address says of a Redis that sentinels watch: where they are, how they are logged in
    to (redis-py's options), the primary's name among them, and its own address, as if it were on
    the first sentinel's host."""

    hosts: tuple[tuple[str, int], ...]
    login: dict[str, str]
    name: str
    primary: str


def parse_sentinels(url: str) -> Sentinels | None:
    """Of an address as parse_endpoint returns it; None where it names the server itself."""
    parts = urlsplit(url)
    if not parts.scheme.endswith(_SENTINEL):
        return None
    secret, at, where = parts.netloc.rpartition("@")
    hosts = [host.partition(":") for host in where.split(",")]
    name, _, database = parts.path.removeprefix("/").partition("/")
    options = parts.query.split("&") if parts.query else []
    own = [option for option in options if option.startswith("sentinel_")]
    others = "&".join(option for option in options if option not in own)
    return Sentinels(
        hosts=tuple((host, int(port or _SENTINEL_PORT)) for host, _, port in hosts),
        login={key.removeprefix("sentinel_"): value for key, value in parse_qsl("&".join(own))},
        name=unquote(name),
        primary=f"{parts.scheme.removesuffix(_SENTINEL)}://{secret}{at}{hosts[0][0]}"
        f"/{database or 0}?{others}",
    )


def check_redis_url(found: Endpoint) -> Endpoint:
    """A check of what redis-py ignores silently: a database that is not a number, an unknown
    option."""
    import redis.asyncio  # slow to import, and few processes set a Redis

    url = found.get_secret_value()
    if sentinels := parse_sentinels(url):
        if not re.fullmatch(r"/[\w.-]+(/|/[0-9]{1,9})?", urlsplit(url).path, re.ASCII):
            raise ValueError(
                "it should end in the primary's name among its sentinels, such as "
                "/mymaster, and the number of a database, such as /mymaster/0"
            )
        if not sentinels.login.keys() <= {"username", "password"}:
            raise ValueError("it has an unsupported option after its ?")
        url = sentinels.primary
    parts = urlsplit(url)
    if found.scheme == "unix":
        if len(parts.path) < 2:
            raise ValueError("it names no socket: unix:///path/to/server.sock")
    elif not re.fullmatch(r"/?|/[0-9]{1,9}", parts.path, re.ASCII):
        raise ValueError(f"it should end in the number of a database, such as /0; {ENCODE}")
    names = (option.partition("=")[0] for option in parts.query.split("&") if parts.query)
    try:
        known = all(map(_OPTION.fullmatch, names))
        for kind in (redis.ConnectionPool, redis.asyncio.ConnectionPool) if known else ():
            kind.from_url(url).make_connection()
    except (TypeError, ValueError, AttributeError, OSError, redis.RedisError):
        known = False
    if not known:
        raise ValueError("it has an unsupported option after its ?")
    return found
