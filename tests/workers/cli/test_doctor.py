"""What `paperboy doctor` says of a model's server: what a day would meet, and what to write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot import settings
from bot.domain.reasons import ModelReason
from bot.domain.watching.checkup import ModelCheckup
from bot.errors import Refused
from bot.store.store import Store
from bot.views.watching.doctor import checkup_text
from tests.servers.fake_http import (
    HttpReply,
    answer_with_scores,
    chat_reply,
    error_reply,
    json_reply,
    run_fake_server,
)
from workers.cli import doctor
from workers.judging.model import open_model


def examined(store: Store, monkeypatch: pytest.MonkeyPatch, url: str, **set_: str) -> ModelCheckup:
    values = {"OPENAI_BASE_URL": url, "OPENAI_API_KEY": "sk-secret", "PAPERBOY_MODEL": "m"} | set_
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return doctor.examine(settings.load(), store)


def said(found: ModelCheckup) -> str:
    head = checkup_text(found)
    return "\n".join((head.title, *head.text))


def test_with_a_budget_it_asks_with_a_limit_as_a_day_would_and_a_day_asks_as_it_found(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        if "max_tokens" in json.loads(body):
            return error_reply(400, "unsupported_parameter: max_tokens")
        return answer_with_scores(path, body)

    with run_fake_server(answer) as server:
        url = f"{server.url}/v1"
        found = examined(store, monkeypatch, url, PAPERBOY_DAY_TOKENS="100000")
        assert "The model is ready." in said(found)
        asked = json.loads(server.requests[-1][1])
        assert asked["max_completion_tokens"] == 2600
        assert (
            open_model(settings.load(), "m", store).dialect.limit_parameter
            == "max_completion_tokens"
        )


def test_it_says_where_a_budget_cannot_bound_an_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        named = [name for name in json.loads(body) if name.startswith("max_")]
        return (
            error_reply(400, f"unknown argument {named[0]}")
            if named
            else answer_with_scores(path, body)
        )

    with run_fake_server(answer) as server:
        found = examined(store, monkeypatch, f"{server.url}/v1", PAPERBOY_DAY_TOKENS="100000")
    assert "budget: the server can't limit the length of an answer" in said(found)


def at_v1(otherwise: HttpReply) -> Any:
    def answer(path: str, body: bytes) -> HttpReply:
        return answer_with_scores(path, body) if path == "/v1/chat/completions" else otherwise

    return answer


ELSEWHERE = [
    json_reply({"detail": "Not Found"}, 404),
    (404, {"Content-Type": "text/plain"}, b"404 page not found"),
    json_reply({"error": "Unexpected endpoint or method. (POST /chat/completions)"}),
    (200, {"Content-Type": "text/html"}, b"<html>Welcome</html>"),
    (405, {}, b""),
]


@pytest.mark.parametrize("otherwise", ELSEWHERE)
@pytest.mark.parametrize("path", ["", "/", "/v1/chat/completions", "/v1/models/"])
def test_an_address_without_its_end_or_with_too_much_of_it_is_named_right(
    store: Store, monkeypatch: pytest.MonkeyPatch, otherwise: HttpReply, path: str
) -> None:
    with run_fake_server(at_v1(otherwise)) as server:
        found = examined(store, monkeypatch, server.url + path)
        assert found.reason in (ModelReason.WRONG_ADDRESS, ModelReason.MODEL_DOWN)
        assert f"answers at {server.url}/v1. Set OPENAI_BASE_URL to that." in said(found)


def test_what_is_secret_in_an_address_is_not_shown(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_fake_server(at_v1((405, {}, b""))) as server:
        url = server.url.replace("http://", "http://me:pass-word@")
        shown = said(examined(store, monkeypatch, url))
    assert f"answers at {server.url}/v1." in shown
    assert "pass-word" not in shown


def test_where_nothing_answers_nothing_is_suggested(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_fake_server(lambda *_: json_reply({"detail": "Not Found"}, 404)) as server:
        found = examined(store, monkeypatch, server.url)
    assert (found.reason, found.working_address) == (ModelReason.WRONG_ADDRESS, "")
    assert "There is no model server at OPENAI_BASE_URL (HTTP 404)." in said(found)


@pytest.mark.parametrize(
    ("given", "write"),
    [
        ("localhost:11434/v1", "http://localhost:11434/v1"),
        ("localhost:11434", "http://localhost:11434/v1"),
        ("models.example.org/v1", "https:// before it and /v1 at its end"),
    ],
)
def test_an_address_without_a_scheme_is_answered_with_the_one_to_write(
    monkeypatch: pytest.MonkeyPatch, given: str, write: str
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", given)
    with pytest.raises(Refused) as raised:
        settings.load()
    assert f"write {write}" in str(raised.value)


ODD: list[HttpReply] = [
    (200, {"Content-Type": "application/json"}, b""),
    (200, {"Content-Type": "application/json"}, b'{"choices": [{"mess'),
    json_reply({"choices": [{"message": None}]}),
    json_reply({"choices": [{"message": {"content": [{"type": "thinking"}]}}], "usage": {}}),
    json_reply({"choices": [{"message": {"content": 7}}], "usage": {"prompt_tokens": "x"}}),
    chat_reply(None),
    error_reply(402, "x"),
]


@pytest.mark.parametrize("answer", ODD)
def test_whatever_is_answered_it_says_a_sentence(
    store: Store, monkeypatch: pytest.MonkeyPatch, answer: HttpReply
) -> None:
    with run_fake_server(lambda *_: answer) as server:
        found = examined(store, monkeypatch, f"{server.url}/v1")
    assert found.reason is not None
    assert "Something is wrong with the model." in said(found)
