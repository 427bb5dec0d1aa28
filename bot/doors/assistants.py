"""The door for assistants: MCP's streamable HTTP, in which each request stands alone.

The `mcp` package speaks the protocol, in all its versions; it is made for ASGI servers, so one
request is handed to it as such, and its answer, which is always whole, back to aiohttp.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from importlib import metadata
from typing import Any, Final, NamedTuple

import structlog
from aiohttp import web
from mcp.server import Server, ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from redis import RedisError

from bot.domain.papers import Value
from bot.doors.admission import Visit
from bot.doors.allowance import TooMany
from bot.doors.answers import ProgramAnswers
from bot.doors.pages import VISIT, Handler, parse
from bot.doors.questions import AboutPaper, DigestWanted, WordsAsked
from bot.errors import Refused, Unavailable
from bot.exported.shapes import FoundPapers, GivenDigest, WhyShape
from bot.views.keeping import programs as words

log = structlog.get_logger()

# Where the request of MCP's server keeps who asks.
_VISIT: Final = "paperboy.visit"
# A request is some kilobytes; whoever sends it by drops holds a connection.
_BODY_SECONDS: Final = 10.0

Message = MutableMapping[str, Any]
Ask = Callable[[Visit, Any], Awaitable[Value | None]]


class _Tool(NamedTuple):
    """What an assistant may call: what it takes and gives, and what is said where there is none."""

    says: str
    takes: type[Value]
    gives: type[Value]
    ask: Ask
    none: str


class _Assistants:
    def __init__(self, answers: ProgramAnswers) -> None:
        self._tools = {
            "digest": _Tool(
                words.DIGEST_TOOL, DigestWanted, GivenDigest, answers.latest, words.NO_DIGEST
            ),
            "why": _Tool(words.WHY_TOOL, AboutPaper, WhyShape, answers.why, words.NOT_FOUND),
            "search": _Tool(
                words.SEARCH_TOOL, WordsAsked, FoundPapers, answers.search, words.NOT_FOUND
            ),
        }

    def server(self) -> Server[Any]:
        return Server(
            "paperboy",
            title=words.NAME,
            version=metadata.version("paperboy"),
            instructions=f"{words.WHAT_IT_IS} {words.DATA_NOT_ORDERS}",
            on_list_tools=self._listed,
            on_call_tool=self._called,
        )

    async def _listed(
        self, context: ServerRequestContext[Any], params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        harmless = ToolAnnotations(read_only_hint=True, idempotent_hint=True, open_world_hint=False)
        tools = [
            Tool(
                name=name,
                description=tool.says,
                input_schema=tool.takes.model_json_schema(),
                output_schema=tool.gives.model_json_schema(mode="serialization"),
                annotations=harmless,
            )
            for name, tool in self._tools.items()
        ]
        return ListToolsResult(tools=tools)

    async def _called(
        self, context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        """What it can't do is said to the assistant, which may ask otherwise."""
        assert context.request is not None, "it came by HTTP"
        visit: Visit = context.request.scope[_VISIT]
        tool = self._tools.get(params.name)
        if tool is None:
            return _said(words.NOT_FOUND)
        try:
            found = await tool.ask(visit, parse(tool.takes, params.arguments or {}))
        except (Refused, Unavailable) as error:
            return _said(str(error))
        except TooMany as fast:
            return _said(words.too_many(fast.seconds))
        except RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)
            return _said(words.UNAVAILABLE)
        except Exception:  # ours; the package would say what it is
            log.exception("an assistant's request failed")
            return _said(words.FAULT)
        if found is None:
            return _said(tool.none)
        text = TextContent(type="text", text=found.model_dump_json())
        return CallToolResult(content=[text], structured_content=found.model_dump(mode="json"))


def _said(why: str) -> CallToolResult:
    return CallToolResult(content=[TextContent(type="text", text=why)], is_error=True)


@asynccontextmanager
async def assisting(answers: ProgramAnswers) -> AsyncIterator[Handler]:
    """What answers assistants while the block runs; in a task of its own, whose failure ends
    nothing else."""
    manager = StreamableHTTPSessionManager(
        _Assistants(answers).server(), json_response=True, stateless=True
    )
    ready, over = asyncio.Event(), asyncio.Event()

    async def live() -> None:
        try:
            async with manager.run():
                ready.set()
                await over.wait()
        finally:
            ready.set()

    async def answer(request: web.Request) -> web.Response:
        return await _answer(manager, request)

    living = asyncio.create_task(live())
    await ready.wait()
    try:
        yield answer
    finally:
        over.set()
        await asyncio.gather(living, return_exceptions=True)


async def _answer(manager: StreamableHTTPSessionManager, request: web.Request) -> web.Response:
    """One request as ASGI has it, and the answer to it."""
    try:
        async with asyncio.timeout(_BODY_SECONDS):
            body = await request.read()
    except TimeoutError:
        raise Refused(words.TOO_SLOW) from None
    status, headers, parts = 500, list[tuple[bytes, bytes]](), list[bytes]()
    asked: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if asked:
            return asked.pop()
        await asyncio.Event().wait()  # until whoever asks is cancelled: nothing more comes
        raise AssertionError

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            headers.extend(message["headers"])
        else:
            parts.append(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": request.path,
        "query_string": b"",
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in request.raw_headers],
        _VISIT: request[VISIT],
    }
    await manager.handle_request(scope, receive, send)
    kept = {n.decode(): v.decode() for n, v in headers if n.lower() != b"content-length"}
    return web.Response(status=status, body=b"".join(parts), headers=kept)
