"""Zotero's Web API, version 3: whom a key belongs to, and new items; errors in words."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import httpx2

from bot.errors import Refused
from bot.network import describe_error, retry_after_seconds
from bot.views.keeping import zotero as views
from workers.judging.bounded_http import BoundedClient, LoopThread

# To the last byte: fifty items take some seconds.
_SECONDS: Final = 30.0
_CONNECT_SECONDS: Final = 5.0


class Throttled(Exception):
    """Zotero wants to be left alone for so many seconds before it is asked this again."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"for {seconds:.0f} s")
        self.seconds = seconds


class Grant(NamedTuple):
    """What a key is for: an account by its id and name, and where it may write: `users/1`, groups
    by their numbers (`groups/2`), or `groups/all`."""

    user: str
    name: str
    writable: frozenset[str]


@dataclass(frozen=True)
class Written:
    """What became of the items of one request, by their places in it, and for how many seconds
    Zotero then wants to be left alone."""

    made: set[int] = field(default_factory=set)
    there: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    backoff: float = 0.0


class ZoteroApi:
    """Blocks. Redirects are not followed, so a key reaches no host but the one that is set. Raises
    Refused, with a sentence that repeats nothing of an answer, and Throttled."""

    def __init__(self, url: str, loop: LoopThread) -> None:
        self._url, self._loop = url.rstrip("/"), loop

    def grant(self, key: str) -> Grant:
        """What a key may do. Refused where Zotero doesn't know it."""
        reply = self._asked("GET", "/keys/current", key)
        if reply.status_code in (403, 404):
            raise Refused(views.key_unknown())
        _require_done(reply)
        body = _json(reply)
        access = _map(body.get("access"))
        user = str(body.get("userID") or "")
        if not user.isdecimal():
            raise Refused(views.not_zotero())
        own = [f"users/{user}"] if _map(access.get("user")).get("write") is True else []
        groups = [
            f"groups/{number}"
            for number, may in _map(access.get("groups")).items()
            if _map(may).get("write") is True
        ]
        return Grant(user, str(body.get("username") or ""), frozenset([*own, *groups]))

    def create(self, key: str, library: str, items: Sequence[Mapping[str, Any]]) -> Written:
        """Make new items, each with a key and version 0, in one request. Of an item that is there
        already nothing changes, so the same request can be made again."""
        body = json.dumps(list(items)).encode()
        reply = self._asked("POST", f"/{library}/items", key, body)
        _require_done(reply)
        found = _json(reply)
        made = {*_places(found.get("successful")), *_places(found.get("success"))}
        failed = _map(found.get("failed"))
        there = {
            at for at in _places(failed) if _map(failed[str(at)]).get("code") == _PRECONDITION
        } | set(_places(found.get("unchanged")))
        rest = set(range(len(items))) - made - there
        return Written(made, there, rest, _seconds(reply, "Backoff"))

    def _asked(
        self, method: str, path: str, key: str, body: bytes | None = None
    ) -> httpx2.Response:
        headers = {
            "Zotero-API-Version": "3",
            "Zotero-API-Key": key,
            "User-Agent": "Paperboy (self-hosted)",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"

        async def call() -> httpx2.Response:
            limits = httpx2.Timeout(_SECONDS, connect=_CONNECT_SECONDS)
            async with BoundedClient(timeout=limits) as client:
                return await client.request(method, self._url + path, headers=headers, content=body)

        try:
            reply = self._loop.run(call)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Refused(views.unreachable(describe_error(error))) from None
        if reply.status_code in _THROTTLED and (seconds := _wanted_pause(reply)):
            raise Throttled(seconds)
        return reply


_PRECONDITION: Final = 412
_THROTTLED: Final = (429, 503)
_WHY_NOT: Final = {
    403: views.no_access,
    404: views.no_library,
    409: views.locked,
    412: views.changed_meanwhile,
    413: views.too_large,
    428: views.changed_meanwhile,
}
# Where a 429 doesn't say how long.
_PAUSE: Final = 10.0


def _require_done(reply: httpx2.Response) -> None:
    """Raises Refused for a status other than 200."""
    if reply.status_code in _WHY_NOT:
        raise Refused(_WHY_NOT[reply.status_code]())
    if reply.status_code != 200:
        raise Refused(views.refused(reply.status_code))


def _wanted_pause(reply: httpx2.Response) -> float:
    """0 where it is no matter of waiting."""
    said = max(_seconds(reply, "Retry-After"), _seconds(reply, "Backoff"))
    return said or (_PAUSE if reply.status_code == 429 else 0.0)


def _seconds(reply: httpx2.Response, header: str) -> float:
    found = retry_after_seconds(reply.headers.get(header, ""))
    return found if found is not None and math.isfinite(found) else 0.0


def _json(reply: httpx2.Response) -> Mapping[str, Any]:
    try:
        body = json.loads(reply.content)
    except (ValueError, RecursionError):
        raise Refused(views.not_zotero()) from None
    if not isinstance(body, dict):
        raise Refused(views.not_zotero())
    return body


def _map(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _places(value: object) -> list[int]:
    """The places that an object names: Zotero's have numbers for names, in digits."""
    return [int(name) for name in _map(value) if re.fullmatch("[0-9]{1,4}", name)]
