"""Calling a model: the openai package against a server on loopback."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest

from bot.domain import Trouble
from bot.errors import Refused, Unavailable
from tests import neighbours
from tests.neighbours import Reply, as_json, chat, error, listening
from workers import llm, scoring


def ask(url: str, name: str = "gpt-6-luna") -> llm.Reply:
    with closing(llm.Model(name, "sk-very-secret", f"{url}/v1")) as model:
        return model.ask("Instructions.", "Question.", scoring.schema(), "key")


def test_a_compatible_server_is_asked_by_chat_completions_with_the_schema() -> None:
    with listening(lambda *_: chat('{"papers": []}', 100, 20, 60)) as server:
        reply = ask(server.url)
        path, body = server.asked[0]
    sent = json.loads(body)
    assert path == "/v1/chat/completions"
    assert [m["content"] for m in sent["messages"]] == ["Instructions.", "Question."]
    assert sent["response_format"]["json_schema"]["schema"] == scoring.schema()
    assert reply.text == '{"papers": []}'
    usage = reply.usage
    assert (usage.calls, usage.prompt_tokens, usage.cached_tokens) == (1, 100, 60)
    assert usage.completion_tokens == 20


def test_openai_itself_is_asked_by_the_responses_api(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(path: str, body: bytes) -> Reply:
        message = {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": '{"papers": []}', "annotations": []}],
        }
        usage = {
            "input_tokens": 100,
            "input_tokens_details": {"cached_tokens": 60},
            "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 5},
            "total_tokens": 120,
        }
        return as_json({"id": "r", "object": "response", "output": [message], "usage": usage})

    with listening(answer) as server:
        # What the client itself reads; our own settings leave base_url unset for OpenAI.
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(llm.Model("gpt-6-luna", "sk-very-secret", None)) as model:
            reply = model.ask("Instructions.", "Question.", scoring.schema(), "key")
        path, body = server.asked[0]
    sent = json.loads(body)
    assert path == "/v1/responses"
    assert (sent["instructions"], sent["input"]) == ("Instructions.", "Question.")
    assert sent["text"]["format"]["strict"] is True
    assert sent["store"] is False
    assert sent["prompt_cache_key"] == "key"
    assert reply.text == '{"papers": []}'
    assert reply.usage.reasoning_tokens == 5
    assert reply.usage.cached_tokens == 60


def test_a_refusal_has_no_text_and_is_paid() -> None:
    with listening(lambda *_: chat(None)) as server:
        reply = ask(server.url)
    assert reply.text is None
    assert reply.usage.calls == 1


@pytest.mark.parametrize(
    ("answer", "kind", "trouble"),
    [
        (error(401, "invalid_api_key"), Refused, Trouble.BAD_KEY),
        (error(403, "forbidden"), Refused, Trouble.BAD_KEY),
        (error(404, "model_not_found"), Refused, Trouble.UNKNOWN_MODEL),
        (error(429, "insufficient_quota"), Refused, Trouble.QUOTA),
        (error(400, "context_length_exceeded"), Unavailable, Trouble.MODEL_REFUSED),
        (error(503, "overloaded"), Unavailable, Trouble.MODEL_DOWN),
        ((502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>"), Unavailable, "model_down"),
    ],
)
def test_each_failure_is_typed_and_keeps_the_key_to_itself(
    answer: Reply, kind: type[Exception], trouble: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.0)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.0)
    with listening(lambda *_: answer) as server, pytest.raises(kind) as raised:
        ask(server.url)
    assert raised.value.trouble == trouble  # type: ignore[attr-defined]
    assert "secret" not in str(raised.value)


def test_an_unpriced_model_costs_unknown_and_not_nothing() -> None:
    with listening(lambda *_: chat("{}")) as server:
        assert ask(server.url, "llama-of-ours").usage.cost_usd is None
        assert (ask(server.url, "gpt-6-luna").usage.cost_usd or 0) > 0


def test_cached_tokens_are_cheaper() -> None:
    full, _ = llm.price("gpt-6-luna", 100_000, 0, 0)
    cached, _ = llm.price("gpt-6-luna", 100_000, 90_000, 0)
    assert full is not None
    assert cached is not None
    assert cached < full


def test_the_neighbour_scores_what_it_is_asked_about() -> None:
    """The loopback model is used by other tests: it must read our own prompt."""
    from tests.make import paper

    question = scoring.question([paper("2503.00001"), paper("2503.00002")])
    body = json.dumps({"messages": [{"content": question}]}).encode()
    assert neighbours.ids_asked(body) == ["2503.00001", "2503.00002"]
