"""The API's pages, on a port of their own: JSON for who has a token, and for nobody else."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler
from pydantic import ValidationError
from redis import RedisError

from bot.domain.papers import Value
from bot.doors.admission import Admission, Visit
from bot.doors.allowance import TooMany
from bot.doors.answers import ProgramAnswers
from bot.doors.openapi import Page, document
from bot.doors.questions import AboutPaper, DigestsAsked, PapersAsked, WordsAsked
from bot.errors import Refused, Unavailable
from bot.exported.shapes import DigestRows, ErrorShape, FoundPapers, GivenDigest, WhyShape
from bot.views.keeping import programs as words

log = structlog.get_logger()

_LARGEST: Final = 64 * 1024  # bytes of what an assistant asks
_RETRY_SECONDS: Final = 5
# What is somebody's own is kept by nobody in between, and is never taken for a page.
_HEADERS: Final = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
_NAME: Final = re.compile(r"[A-Za-z0-9_.-]{1,200}", re.ASCII)
VISIT: Final = web.RequestKey("visit", Visit)

PAGES: Final = (
    Page("/v1/digests", "digests", words.DIGESTS, DigestsAsked, DigestRows),
    Page("/v1/digests/{channel}/{day}", "digest", words.DIGEST, PapersAsked, GivenDigest),
    Page("/v1/why", "why", words.WHY, AboutPaper, WhyShape),
    Page("/v1/search", "search", words.SEARCH, WordsAsked, FoundPapers),
    Page("/v1/openapi.json", "openapi", words.OPENAPI, None, None),
)

Q = TypeVar("Q", bound=Value)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Doors:
    """Answers one reader's programs at a time with what that reader may read."""

    def __init__(self, answers: ProgramAnswers, admission: Admission, url: str) -> None:
        self._answers, self._admission = answers, admission
        self._document = document(PAGES, url)
        # Connections of who has a token and waits for an answer.
        self.busy = set[RequestHandler]()

    def app(self, assistants: Handler) -> web.Application:
        """With a door for `assistants`."""
        app = web.Application(middlewares=[self._guard()], client_max_size=_LARGEST)
        given = self._digests, self._digest, self._why, self._search, self._openapi
        for page, answer in zip(PAGES, given, strict=True):
            app.router.add_get(page.path, answer)
        app.router.add_post("/mcp", assistants)
        return app

    def _guard(self) -> Any:
        """Lets in who has a token, before anything else is looked at, and puts into words why
        there is no answer."""

        @web.middleware
        async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
            try:
                visit = await self._admission.visit(request.headers.get("Authorization", ""))
                if visit is None:
                    return _error(401, "no_token", words.NO_TOKEN, {"WWW-Authenticate": "Bearer"})
                request[VISIT] = visit
                self.busy.add(request.protocol)
                given = await handler(request)
                given.headers.update(_HEADERS)
                return given
            except web.HTTPException as refused:
                return _of_http(refused)
            except Refused as refused:
                return _error(400, "bad_request", str(refused))
            except TooMany as fast:
                retry = {"Retry-After": str(fast.seconds)}
                return _error(429, "too_many", words.too_many(fast.seconds), retry)
            except Unavailable as away:
                retry = {"Retry-After": str(math.ceil(away.retry_after or _RETRY_SECONDS))}
                return _error(503, "unavailable", str(away), retry)
            except RedisError as error:
                log.error("redis unreachable", error=type(error).__name__)
                retry = {"Retry-After": str(_RETRY_SECONDS)}
                return _error(503, "unavailable", words.UNAVAILABLE, retry)
            except Exception:  # ours; one program's request ends no other
                log.exception("a program's request failed")
                return _error(500, "fault", words.FAULT)
            finally:
                self.busy.discard(request.protocol)

        return guard

    async def _digests(self, request: web.Request) -> web.Response:
        return _json(await self._answers.digests(request[VISIT], _asked(request, DigestsAsked)))

    async def _digest(self, request: web.Request) -> web.Response:
        asked = _asked(request, PapersAsked)
        channel, day = request.match_info["channel"], request.match_info["day"]
        if not (_NAME.fullmatch(channel) and _NAME.fullmatch(day)):
            return _json(None)
        return _json(await self._answers.digest(request[VISIT], channel, day, asked))

    async def _why(self, request: web.Request) -> web.Response:
        return _json(await self._answers.why(request[VISIT], _asked(request, AboutPaper)))

    async def _search(self, request: web.Request) -> web.Response:
        return _json(await self._answers.search(request[VISIT], _asked(request, WordsAsked)))

    async def _openapi(self, request: web.Request) -> web.Response:
        return web.json_response(self._document)


def _asked(request: web.Request, kind: type[Q]) -> Q:
    """What a request asks for. Raises Refused, with the parameter that is wrong."""
    if len(request.query) != len(set(request.query)):
        raise Refused(words.TWICE)
    return parse(kind, dict(request.query))


def parse(kind: type[Q], given: object) -> Q:
    """The same of any values by name. Raises Refused."""
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False, include_context=False)[0]
        raise Refused(words.wrong(".".join(map(str, first["loc"])), first["msg"])) from None


def _json(found: Value | None) -> web.Response:
    if found is None:
        return _error(404, "not_found", words.NOT_FOUND)
    return web.Response(text=found.model_dump_json(), content_type="application/json")


def _of_http(refused: web.HTTPException) -> web.Response:
    match refused.status:
        case 404:
            return _json(None)
        case 405:
            allow = {"Allow": refused.headers.get("Allow", "")}
            return _error(405, "not_allowed", words.NOT_ALLOWED, allow)
        case 413:
            return _error(413, "too_large", words.TOO_LARGE)
    return _error(400, "bad_request", words.NOT_FOUND)


def _error(
    status: int, code: str, message: str, headers: dict[str, str] | None = None
) -> web.Response:
    shape = ErrorShape.model_validate({"error": code, "message": message})
    return web.Response(
        status=status,
        text=shape.model_dump_json(),
        content_type="application/json",
        headers=_HEADERS | (headers or {}),
    )
