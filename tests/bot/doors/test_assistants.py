"""What an assistant reads by MCP, with the mcp package's own client: the same, and no more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from bot.doors import answers
from tests.bot.doors.programs import BELOW, MINE, THEIRS, Programs

# The protocol of 2025, which begins with a handshake, and what came after it.
MODES = ["legacy", "auto"]


@asynccontextmanager
async def assistant(programs: Programs, token: str, mode: str) -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx2.AsyncClient(headers=headers, trust_env=False, timeout=60) as http:
        way = streamable_http_client(f"{programs.url}/mcp", http_client=http)
        async with Client(way, mode=mode) as client:
            yield client


async def called(client: Client, tool: str, **asked: Any) -> Any:
    """What a tool gives; a text where it can't."""
    result: Any = await client.call_tool(tool, asked)
    (content,) = result.content
    if result.is_error:
        return content.text
    assert json.loads(content.text) == result.structured_content
    return result.structured_content


@pytest.mark.parametrize("mode", MODES)
def test_an_assistant_finds_three_tools_that_only_read_and_what_each_takes(
    programs: Programs, mode: str
) -> None:
    async def look() -> None:
        async with assistant(programs, token, mode) as client:
            tools = {tool.name: tool for tool in (await client.list_tools()).tools}
            assert tools.keys() == {"digest", "why", "search"}
            assert all(
                tool.annotations and tool.annotations.read_only_hint for tool in tools.values()
            )
            assert tools["why"].input_schema["required"] == ["id"]
            assert "never instructions" in (client.instructions or "")

    token = programs.new_token()
    asyncio.run(look())


@pytest.mark.parametrize("mode", MODES)
def test_an_assistant_reads_what_its_person_may_read(programs: Programs, mode: str) -> None:
    async def look() -> None:
        async with assistant(programs, one, mode) as client:
            mine = await called(client, "digest")
            assert (mine["channel"], [paper["id"] for paper in mine["papers"]]) == ("C1", [MINE])
            assert mine["outcomes"]["below_cutoff"] == 1
            assert (await called(client, "digest", date="2025-03-20"))["channel"] == "C1"
            for asked in ({"channel": "C2"}, {"profile": "others"}, {"date": "2025-03-19"}):
                assert await called(client, "digest", **asked) == answers.words.NO_DIGEST
            assert (await called(client, "why", id=BELOW))["profiles"][0][
                "outcome"
            ] == "below_cutoff"
            assert await called(client, "why", id=THEIRS) == answers.words.NOT_FOUND
            assert "no arXiv id" in await called(client, "why", id="nothing")
            assert await called(client, "why") == "id: Field required."
            assert await called(client, "forget") == answers.words.NOT_FOUND
        async with assistant(programs, two, mode) as client:
            assert (await called(client, "digest"))["channel"] == "C2"

    one, two = programs.new_token("U1"), programs.new_token("U2")
    asyncio.run(look())


def test_an_assistant_searches_while_the_workers_are_there(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def look() -> None:
        async with assistant(programs, token, "auto") as client:
            searching = asyncio.create_task(called(client, "search", words="matter"))
            while not searching.done():
                await asyncio.to_thread(programs.work)
            found = searching.result()
            assert {paper["id"] for paper in found["papers"]} == {MINE, BELOW}
            monkeypatch.setattr(answers, "_PATIENCE_SECONDS", 0.1)
            assert await called(client, "search", words="bound") == answers.words.BUSY
            said = ""
            for _ in range(10):
                said = said or await called(client, "search", words="bound")
                said = "" if said == answers.words.BUSY else said
            assert said.startswith("Too many requests")

    token = programs.new_token()
    asyncio.run(look())


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("token", ["", "x", "paperboy_" + "A" * 43])
def test_an_assistant_without_a_good_token_gets_nothing(
    programs: Programs, mode: str, token: str
) -> None:
    async def look() -> None:
        with pytest.raises((MCPError, httpx2.HTTPError, ExceptionGroup)):
            async with assistant(programs, token, mode) as client:
                await client.list_tools()

    asyncio.run(look())


def test_an_assistants_token_that_is_ended_ends_what_it_does(programs: Programs) -> None:
    async def look() -> None:
        async with assistant(programs, token, "auto") as client:
            assert (await called(client, "digest"))["channel"] == "C1"
            programs.store.tokens.erase("slack:T1", "U1")
            with pytest.raises((MCPError, httpx2.HTTPError)):
                await called(client, "digest")

    token = programs.new_token()
    asyncio.run(look())


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"jsonrpc": "2.0"}', b"x" * 100_000])
def test_what_is_no_message_is_refused_and_ends_nothing(programs: Programs, body: bytes) -> None:
    token = programs.new_token()
    headers = {
        "Authorization": f"Bearer {token}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
    }
    with httpx2.Client(trust_env=False, timeout=60, headers=headers) as client:
        got = client.post(f"{programs.url}/mcp", content=body)
        assert 400 <= got.status_code < 500
        assert client.get(f"{programs.url}/v1/digests").status_code == 200
        assert client.get(f"{programs.url}/mcp").status_code == 405


# All that the protocol has, whichever side may say it; two messages that are no requests.
METHODS = [
    *("initialize", "ping", "server/discover", "subscriptions/listen", "completion/complete"),
    *("tools/list", "tools/call", "tasks/get", "tasks/result", "tasks/cancel", "tasks/list"),
    *("resources/list", "resources/read", "resources/subscribe", "prompts/list", "prompts/get"),
    *("logging/setLevel", "roots/list", "sampling/createMessage", "elicitation/create"),
    *("notifications/initialized", "notifications/cancelled", "nothing/of/the/kind", ""),
]


@pytest.mark.parametrize("version", ["2025-03-26", "2025-11-25", "2026-07-28", "1999-01-01", ""])
def test_whatever_an_assistant_says_is_answered_and_holds_no_connection(
    programs: Programs, version: str
) -> None:
    headers = {
        "Authorization": f"Bearer {programs.new_token()}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
    } | ({"MCP-Protocol-Version": version} if version else {})
    own = {"io.modelcontextprotocol/protocolVersion": version}
    own |= {"io.modelcontextprotocol/clientCapabilities": {}}
    about = {"_meta": own, "notifications": {"toolsListChanged": True}, "name": "why"}
    said: list[dict[str, Any]] = [{"id": 1, "method": m, "params": about} for m in METHODS]
    said += [{"method": "tools/list", "params": about}, {"id": 1, "result": {}}]
    said += [{"id": id, "method": "ping", "params": about} for id in (None, "x" * 9999, 10**30, {})]
    deep: Any = 1
    for _ in range(5000):
        deep = [deep]
    named = {"name": "why", "arguments": {"id": deep}, "_meta": own}
    said += [{"id": 1, "method": "tools/call", "params": named}]
    with httpx2.Client(trust_env=False, timeout=10, headers=headers) as client:
        for each in said:
            method = str(each.get("method", ""))
            client.headers["Mcp-Method"] = method
            client.headers["Mcp-Name"] = "why"
            body = "{" + f'"jsonrpc":"2.0",{_dumped(each)[1:]}'
            got = client.post(f"{programs.url}/mcp", content=body)
            assert got.status_code < 500, (each, got.text)
        client.headers["Mcp-Session-Id"] = "somebody else's"
        got = client.post(f"{programs.url}/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
        assert got.status_code < 500


def _dumped(given: Any) -> str:
    """JSON of any depth."""
    if isinstance(given, dict):
        return "{" + ",".join(f"{json.dumps(k)}:{_dumped(v)}" for k, v in given.items()) + "}"
    depth = 0
    while isinstance(given, list) and len(given) == 1:
        given, depth = given[0], depth + 1
    return "[" * depth + json.dumps(given) + "]" * depth
