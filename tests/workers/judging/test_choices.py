"""Several answers to one question: how they are asked for, read and paid, and who refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from bot.errors import Unavailable
from tests.servers.fake_http import HttpReply, error_reply, json_reply, run_fake_server
from workers.judging import api_replies, close_calls
from workers.judging import model as model_judging
from workers.judging.batches import ModelReply

SECONDS = 5.0
ASKED = ("Instructions.", "Question.", close_calls.schema(), "key", 500)


def several(*texts: str | None, n: int = 3) -> HttpReply:
    choices = [{"message": {"role": "assistant", "content": text}} for text in texts]
    usage = {"prompt_tokens": 100, "completion_tokens": 20 * n}
    return json_reply({"choices": choices, "usage": usage})


def ask(url: str, choices: int = 3) -> ModelReply:
    with closing(model_judging.Model("m", "x", f"{url}/v1", SECONDS)) as model:
        return model.ask(*ASKED, choices=choices)


def test_several_answers_are_one_call_whose_prompt_is_paid_once() -> None:
    with run_fake_server(lambda *_: several("a", "b", "c")) as server:
        reply = ask(server.url)
        sent = json.loads(server.requests[0][1])
    assert sent["n"] == 3
    assert sent["max_tokens"] == 500
    assert (reply.text, reply.others) == ("a", ("b", "c"))
    assert (reply.usage.calls, reply.usage.prompt_tokens) == (1, 100)
    assert reply.usage.completion_tokens == 60


def test_an_answer_among_several_that_is_none_is_left_out() -> None:
    body = several(None, "b", "", "d\ud800")[2]
    reply = api_replies.parse_chat(body)
    assert (reply.text, reply.others) == ("b", ("d?",))


def test_one_answer_is_asked_for_as_ever() -> None:
    with run_fake_server(lambda *_: several("a")) as server:
        reply = ask(server.url, choices=1)
        assert b'"n"' not in server.requests[0][1]
    assert reply.others == ()


@pytest.mark.parametrize("status", [400, 422, 501])
def test_a_server_that_refuses_several_answers_is_asked_for_one_and_not_again(status: int) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        if "n" in json.loads(body):
            return error_reply(status, "n must be 1")
        return several("a")

    with run_fake_server(answer) as server:
        with closing(model_judging.Model("m", "x", f"{server.url}/v1", SECONDS)) as model:
            replies = [model.ask(*ASKED, choices=3) for _ in range(2)]
            assert str(model.dialect) == "bounded_schema"
        assert ["n" in json.loads(body) for _, body in server.requests] == [True, False, False]
    assert [reply.text for reply in replies] == ["a", "a"]


def test_a_question_refused_with_one_answer_too_is_the_questions_fault() -> None:
    with (
        run_fake_server(lambda *_: error_reply(400, "context_length_exceeded")) as server,
        pytest.raises(Unavailable),
    ):
        ask(server.url)


@contextmanager
def at_openai(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[str, bytes], HttpReply], flex: bool
) -> Iterator[model_judging.Model]:
    """A model that believes to be at OpenAI's own server."""
    with run_fake_server(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(model_judging.Model("m", "x", None, SECONDS, flex=flex)) as model:
            yield model


def test_openai_is_asked_for_several_answers_by_chat_completions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = list[tuple[str, dict[str, Any]]]()

    def answer(path: str, body: bytes) -> HttpReply:
        seen.append((path, json.loads(body)))
        return several("a", "b")

    with at_openai(monkeypatch, answer, flex=True) as model:
        reply = model.ask(*ASKED, choices=2)
    (path, sent) = seen[0]
    assert path == "/v1/chat/completions"
    assert (sent["n"], sent["max_completion_tokens"], sent["store"]) == (2, 500, False)
    assert sent["service_tier"] == "flex"
    (criteria,) = sent["messages"][0]["content"]  # they are cached, the papers are not
    assert (criteria["text"], criteria["prompt_cache_breakpoint"]) == (
        "Instructions.",
        {"mode": "explicit"},
    )
    assert sent["prompt_cache_options"] == {"mode": "explicit"}
    assert sent["messages"][1]["content"] == "Question."
    assert "max_tokens" not in sent
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert (reply.text, reply.others) == ("a", ("b",))


def test_a_model_without_breakpoints_is_asked_for_several_answers_without(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        if b"prompt_cache_breakpoint" in body:
            said = {"message": "Unknown: prompt_cache_breakpoint", "type": "invalid_request_error"}
            return json_reply({"error": said | {"param": None, "code": "unknown_parameter"}}, 400)
        return several("a", "b")

    with at_openai(monkeypatch, answer, flex=False) as model:
        reply = model.ask(*ASKED, choices=2)
    assert reply.others == ("b",)


def test_where_openai_refuses_that_the_responses_api_gives_one_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    paths = list[str]()

    def answer(path: str, body: bytes) -> HttpReply:
        paths.append(path)
        if path == "/v1/chat/completions":
            return error_reply(400, "unsupported_parameter")
        usage = {"input_tokens": 100, "output_tokens": 20}
        return json_reply({"output_text": "alone", "output": [], "usage": usage})

    with at_openai(monkeypatch, answer, flex=False) as model:
        replies = [model.ask(*ASKED, choices=2) for _ in range(2)]
    # Once with a breakpoint and once without.
    assert paths == ["/v1/chat/completions"] * 2 + ["/v1/responses"] * 2
    assert {reply.text for reply in replies} == {"alone"}
