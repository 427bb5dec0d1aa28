"""Calling a model: the openai package against a server on loopback."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import openai
import pytest

from bot import settings
from bot.domain.digest import ListQuery, Source
from bot.domain.judge import Judge
from bot.domain.reasons import ModelReason
from bot.domain.request import Address, DigestRequest
from bot.errors import Refused, Unavailable
from bot.store.store import Store
from tests.factories import paper, paper_ids
from tests.servers import fake_http
from tests.servers.fake_http import (
    HttpReply,
    chat_reply,
    error_reply,
    json_reply,
    requested_ids,
    run_fake_server,
    scores_for,
)
from tests.waiting import TIMEOUT_SECONDS
from workers import jobs
from workers.judging import batches, openai_requests, scoring
from workers.judging import model as model_judging
from workers.judging.dialect import Dialect, ReplyFormat
from workers.judging.prices import price_tokens

SECONDS = 5.0


def ask(url: str, name: str = "gpt-6-luna") -> batches.ModelReply:
    with closing(model_judging.Model(name, "sk-very-secret", f"{url}/v1", SECONDS)) as model:
        return model.ask("Instructions.", "Question.", scoring.schema(), "key")


def responded(tier: str = "default", written: int = 0) -> HttpReply:
    """An answer of the responses API as OpenAI's reference shows it."""
    message = {
        "type": "message",
        "id": "m",
        "role": "assistant",
        "status": "completed",
        "content": [{"type": "output_text", "text": '{"papers": []}', "annotations": []}],
    }
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": written},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 120,
    }
    told = {"output": [message], "usage": usage, "service_tier": tier}
    return json_reply({"id": "r", "object": "response"} | told)


@contextmanager
def at_openai(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[str, bytes], HttpReply], flex: bool = True
) -> Iterator[tuple[model_judging.Model, Callable[[], list[str | None]]]]:
    """A model that believes to be at OpenAI's own server; and the tiers it asked for so far."""
    with run_fake_server(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(
            model_judging.Model("gpt-6-luna", "sk-very-secret", None, SECONDS, flex=flex)
        ) as model:
            yield model, lambda: [json.loads(b).get("service_tier") for _, b in server.requests]


def no_such_tier() -> HttpReply:
    """As OpenAI says that a model has no flex."""
    said = {"message": "Invalid service_tier argument", "type": "invalid_request_error"}
    return json_reply({"error": said | {"param": "service_tier", "code": None}}, 400)


def by_tier(flex: HttpReply, default: HttpReply | None = None) -> Callable[[str, bytes], HttpReply]:
    """A server that answers so at flex, and otherwise at the usual tier."""
    default = default or responded()
    return lambda _, body: flex if json.loads(body).get("service_tier") else default


def asked(model: model_judging.Model) -> batches.ModelReply:
    return model.ask("Instructions.", "Question.", scoring.schema(), "key")


def test_a_compatible_server_is_asked_by_chat_completions_with_the_schema() -> None:
    with run_fake_server(lambda *_: chat_reply('{"papers": []}', 100, 20, 60)) as server:
        reply = ask(server.url)
        path, body = server.requests[0]
    sent = json.loads(body)
    assert path == "/v1/chat/completions"
    assert [m["content"] for m in sent["messages"]] == ["Instructions.", "Question."]
    assert sent["response_format"]["json_schema"]["schema"] == scoring.schema()
    assert reply.text == '{"papers": []}'
    usage = reply.usage
    assert (usage.calls, usage.prompt_tokens, usage.cached_tokens) == (1, 100, 60)
    assert usage.completion_tokens == 20


def test_openai_itself_is_asked_by_the_responses_api(monkeypatch: pytest.MonkeyPatch) -> None:
    with run_fake_server(lambda *_: responded()) as server:
        # What the client itself reads; our own settings leave base_url unset for OpenAI.
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(model_judging.Model("gpt-6-luna", "sk-very-secret", None, SECONDS)) as model:
            reply = model.ask("Instructions.", "Question.", scoring.schema(), "key")
        path, body = server.requests[0]
    sent = json.loads(body)
    assert path == "/v1/responses"
    assert fake_http.question_text(body) == "Question."
    assert sent["text"]["format"]["strict"] is True
    assert sent["store"] is False
    assert sent["prompt_cache_key"] == "key"
    assert "service_tier" not in sent
    assert reply.text == '{"papers": []}'
    assert reply.usage.reasoning_tokens == 5
    assert reply.usage.cached_tokens == 60


def test_the_cache_ends_where_the_criteria_do_and_nowhere_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bodies = []

    def answer(path: str, body: bytes) -> HttpReply:
        bodies.append(json.loads(body))
        return responded()

    with at_openai(monkeypatch, answer) as (model, _):
        asked(model)
    (sent,) = bodies
    shared = {"type": "input_text", "text": "Instructions."}
    mark = {"prompt_cache_breakpoint": {"mode": "explicit"}}
    assert sent["input"] == [
        {"role": "developer", "content": [shared | mark]},
        {"role": "user", "content": "Question."},
    ]
    assert sent["prompt_cache_options"] == {"mode": "explicit"}
    assert "instructions" not in sent


def by_mark(
    refusal: HttpReply, otherwise: HttpReply | None = None
) -> Callable[[str, bytes], HttpReply]:
    """A server that answers so where a breakpoint is set, and otherwise as OpenAI does."""
    otherwise = otherwise or responded()
    return lambda _, body: refusal if b"prompt_cache_breakpoint" in body else otherwise


def refused(message: str, code: str | None, param: str | None) -> HttpReply:
    """An error 400 in OpenAI's form."""
    said = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return json_reply({"error": said}, 400)


# As servers have said that they know no breakpoints: by the message, the parameter, or the code.
UNMARKED = [
    refused("prompt_cache_options is not supported on this model", "invalid_parameter", None),
    refused("Invalid.", "invalid_parameter", "input[0].content[0].prompt_cache_breakpoint"),
    refused("Unknown parameter.", "unknown_parameter", None),
]


@contextmanager
def watched(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[str, bytes], HttpReply], flex: bool
) -> Iterator[tuple[model_judging.Model, list[tuple[str | None, bool]]]]:
    """A model at OpenAI; and the tier of each call so far, and whether it had a breakpoint."""
    calls = list[tuple[str | None, bool]]()

    def noted(path: str, body: bytes) -> HttpReply:
        sent = json.loads(body)
        marked = "prompt_cache_options" in sent
        assert marked == ("instructions" not in sent)
        assert fake_http.question_text(body) == "Question."
        calls.append((sent.get("service_tier"), marked))
        return answer(path, body)

    with at_openai(monkeypatch, noted, flex) as (model, _):
        yield model, calls


@pytest.mark.parametrize("flex", [False, True])
@pytest.mark.parametrize("refusal", UNMARKED)
def test_a_model_that_knows_no_breakpoint_is_asked_once_more_and_from_then_on_without(
    monkeypatch: pytest.MonkeyPatch, refusal: HttpReply, flex: bool
) -> None:
    tier = "flex" if flex else None
    done = by_mark(refusal, responded(tier or "default"))
    with watched(monkeypatch, done, flex) as (model, calls):
        usage = asked(model).usage
        assert calls == [(tier, True), (tier, False)]
        asked(model)
        assert calls[2:] == [(tier, False)]
    assert usage.calls == 1
    assert (usage.prompt_usd, usage.completion_usd) == price_tokens(
        "gpt-6-luna", 100, 60, 20, tier=tier
    )


@pytest.mark.parametrize("flex", [False, True])
@pytest.mark.parametrize(
    "refusal",
    [
        error_reply(400, "context_length_exceeded"),
        refused("Unknown parameter: 'text.format'.", "unknown_parameter", "text.format"),
        refused("Too long.", "string_above_max_length", "prompt_cache_key"),
    ],
)
def test_a_question_refused_for_another_reason_is_not_asked_again_without_a_breakpoint(
    monkeypatch: pytest.MonkeyPatch, refusal: HttpReply, flex: bool
) -> None:
    with watched(monkeypatch, by_mark(refusal), flex) as (model, calls):
        with pytest.raises(Unavailable) as raised:
            asked(model)
        assert calls == [("flex" if flex else None, True)]
        assert raised.value.reason in (ModelReason.MODEL_REFUSED, ModelReason.TOO_LONG)
        with pytest.raises(Unavailable):
            asked(model)
        assert calls[1:] == calls[:1]


def test_a_model_with_neither_flex_nor_breakpoints_is_asked_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        if json.loads(body).get("service_tier"):
            return no_such_tier()
        return by_mark(UNMARKED[0])(path, body)

    with watched(monkeypatch, answer, flex=True) as (model, calls):
        assert asked(model).usage.calls == 1
        assert calls == [("flex", True), (None, True), (None, False)]
        asked(model)
        assert calls[3:] == [(None, False)]


def test_a_busy_model_keeps_its_breakpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(monkeypatch, by_mark(error_reply(429, "resource_unavailable")), flex=True) as (
        model,
        calls,
    ):
        with pytest.raises(Unavailable) as raised:
            asked(model)
        assert calls == [("flex", True), (None, True)]
    assert raised.value.reason is ModelReason.MODEL_BUSY


def test_flex_is_asked_for_and_booked_at_half_the_price(monkeypatch: pytest.MonkeyPatch) -> None:
    with at_openai(monkeypatch, by_tier(responded("flex"))) as (model, tiers):
        cheap = asked(model).usage
        assert tiers() == ["flex"]
    with at_openai(monkeypatch, by_tier(responded("flex")), flex=False) as (model, tiers):
        full = asked(model).usage
        assert tiers() == [None]
    assert full.cost_usd is not None
    assert cheap.cost_usd == pytest.approx(full.cost_usd / 2)
    assert (cheap.prompt_tokens, cheap.cached_tokens) == (full.prompt_tokens, full.cached_tokens)


def test_what_was_asked_at_flex_and_done_at_another_tier_is_booked_at_that_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with at_openai(monkeypatch, by_tier(responded("default"))) as (model, tiers):
        done = asked(model).usage
        assert tiers() == ["flex"]
    assert (done.prompt_usd, done.completion_usd) == price_tokens("gpt-6-luna", 100, 60, 20)


@pytest.mark.parametrize(
    ("refusal", "tries", "again"),
    [
        (
            error_reply(429, "resource_unavailable"),
            1,
            ["flex"],
        ),  # there may be room for the next call
        (error_reply(429, "some_other_word_for_it"), 3, ["flex"] * 3),
        (no_such_tier(), 1, []),  # this model has no flex, and will have none
    ],
)
def test_where_there_is_no_flex_the_call_is_made_once_at_the_usual_tier_and_price(
    monkeypatch: pytest.MonkeyPatch, refusal: HttpReply, tries: int, again: list[str]
) -> None:
    with at_openai(monkeypatch, by_tier(refusal)) as (model, tiers):
        usage = asked(model).usage
        assert tiers() == ["flex"] * tries + [None]
        asked(model)
        assert tiers() == ["flex"] * tries + [None] + again + [None]
    assert (usage.prompt_usd, usage.completion_usd) == price_tokens("gpt-6-luna", 100, 60, 20)


def test_what_takes_too_long_at_flex_is_asked_once_at_the_usual_tier_and_flex_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()

    def answer(path: str, body: bytes) -> HttpReply:
        if json.loads(body).get("service_tier"):
            ended.wait(SECONDS)
        return responded()

    with at_openai(monkeypatch, answer) as (model, tiers):
        model._flex_seconds = 0.1
        assert asked(model).usage.calls == 1
        assert asked(model).usage.calls == 1
        assert tiers() == ["flex", None, None]
        ended.set()


def test_a_call_at_flex_has_more_time_than_the_setting_gives_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        time.sleep(0.3)
        return responded("flex")

    with run_fake_server(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(model_judging.Model("gpt-6-luna", "k", None, 0.1, flex=True)) as model:
            assert asked(model).text == '{"papers": []}'
        assert [json.loads(body)["service_tier"] for _, body in server.requests] == ["flex"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (error_reply(429, "insufficient_quota"), ModelReason.QUOTA),
        (error_reply(401, "invalid_api_key"), ModelReason.BAD_KEY),
        (error_reply(400, "context_length_exceeded"), ModelReason.TOO_LONG),
    ],
)
def test_what_flex_has_no_part_in_is_not_asked_again_at_the_full_price(
    monkeypatch: pytest.MonkeyPatch, answer: HttpReply, reason: ModelReason
) -> None:
    with at_openai(monkeypatch, lambda *_: answer) as (model, tiers):
        with pytest.raises((Refused, Unavailable)) as raised:
            asked(model)
        assert tiers() == ["flex"]
    assert raised.value.reason is reason


def test_a_self_hosted_server_gets_no_tier_and_no_cache_breakpoint() -> None:
    with run_fake_server(lambda *_: chat_reply("{}", 100, 20)) as server:
        with closing(
            model_judging.Model("m", None, f"{server.url}/v1", SECONDS, flex=True)
        ) as model:
            asked(model)
        body = server.requests[0][1]
    assert "service_tier" not in json.loads(body)
    assert b"prompt_cache" not in body


@pytest.mark.parametrize("flex", [False, True])
def test_what_is_written_into_a_cache_and_read_from_it_is_booked_at_its_own_price(
    monkeypatch: pytest.MonkeyPatch, flex: bool
) -> None:
    done = responded("flex" if flex else "default", written=30)
    with at_openai(monkeypatch, lambda *_: done, flex) as (model, _):
        usage = asked(model).usage
    token = (price_tokens("gpt-6-luna", 1000, 0, 0)[0] or 0) / 1000
    read = (price_tokens("gpt-6-luna", 1000, 1000, 0)[0] or 0) / 1000
    assert 0 < read < token
    assert (usage.calls, usage.prompt_tokens, usage.cached_tokens) == (1, 100, 60)
    expected = 60 * read + 30 * 1.25 * token + 10 * token
    assert usage.prompt_usd == pytest.approx(expected / 2 if flex else expected)


def test_a_schedules_day_is_judged_at_flex_and_a_persons_is_not(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    monkeypatch.setenv("PAPERBOY_MODEL", "gpt-6-luna")
    tiers = []
    with run_fake_server(lambda *_: responded()) as server:
        config = settings.load()
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        for about in ({"subscription": "s"}, {"by": "U1"}, {}):
            with jobs._model(config, wish(**about), store) as model:
                assert model is not None
                asked(model)
            tiers.append(json.loads(server.requests[-1][1]).get("service_tier"))
    assert tiers == ["flex", None, None]


def wish(**about: str) -> DigestRequest:
    return DigestRequest(
        profile="p",
        wanted=ListQuery(source=Source.ARXIV, categories=("cs.LG",)),
        judge=Judge(model="gpt-6-luna"),
        address=Address(platform="slack", workspace="T1", channel="C1"),
        since=datetime(2025, 3, 19, tzinfo=UTC),
    ).model_copy(update=about)


def test_a_refusal_by_the_responses_api_has_no_text_either(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{"type": "refusal", "refusal": "No."}]
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    body = {"id": "r", "object": "response", "output": [message | {"content": said}]}
    with run_fake_server(lambda *_: json_reply(body)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(model_judging.Model("gpt-6-luna", "sk-very-secret", None, SECONDS)) as model:
            reply = model.ask("Instructions.", "Question.", scoring.schema(), "key")
    assert reply.text is None
    assert (reply.usage.calls, reply.usage.cost_usd) == (1, None)


def test_an_empty_answer_is_no_refusal() -> None:
    with run_fake_server(lambda *_: chat_reply("")) as server:
        assert ask(server.url).text == ""


def test_a_refusal_has_no_text_and_is_paid() -> None:
    with run_fake_server(lambda *_: chat_reply(None)) as server:
        reply = ask(server.url)
    assert reply.text is None
    assert reply.usage.calls == 1


@pytest.mark.parametrize(
    ("answer", "kind", "trouble"),
    [
        (error_reply(401, "invalid_api_key"), Refused, ModelReason.BAD_KEY),
        (error_reply(403, "forbidden"), Refused, ModelReason.BAD_KEY),
        (error_reply(404, "model_not_found"), Refused, ModelReason.UNKNOWN_MODEL),
        (error_reply(429, "insufficient_quota"), Refused, ModelReason.QUOTA),
        (error_reply(400, "context_length_exceeded"), Unavailable, ModelReason.TOO_LONG),
        (error_reply(503, "overloaded"), Unavailable, ModelReason.MODEL_DOWN),
        (error_reply(429, "rate_limit_exceeded"), Unavailable, ModelReason.MODEL_BUSY),
        (json_reply({"hello": "there"}), Unavailable, ModelReason.MODEL_DOWN),
        ((200, {"Content-Type": "text/html"}, b"<h1>Hi</h1>"), Unavailable, ModelReason.MODEL_DOWN),
        ((502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>"), Unavailable, "model_down"),
    ],
)
def test_each_failure_is_typed_and_keeps_the_key_to_itself(
    answer: HttpReply, kind: type[Exception], trouble: Any
) -> None:
    with run_fake_server(lambda *_: answer) as server, pytest.raises(kind) as raised:
        ask(server.url)
    assert raised.value.reason == trouble  # type: ignore[attr-defined]
    assert "secret" not in str(raised.value)


def test_an_unpriced_model_costs_unknown_and_not_nothing() -> None:
    with run_fake_server(lambda *_: chat_reply("{}")) as server:
        assert ask(server.url, "llama-of-ours").usage.cost_usd is None
        assert (ask(server.url, "gpt-6-luna").usage.cost_usd or 0) > 0


def test_cached_tokens_are_cheaper() -> None:
    full, _ = price_tokens("gpt-6-luna", 100_000, 0, 0)
    cached, _ = price_tokens("gpt-6-luna", 100_000, 90_000, 0)
    assert full is not None
    assert cached is not None
    assert cached < full


def test_the_fake_model_scores_what_it_is_asked_about() -> None:
    """The loopback model is used by other tests: it must read our own prompt."""
    question = scoring.question([paper("2503.00001"), paper("2503.00002")])
    plain = openai_requests.responses_request("m", "I.", question, scoring.schema(), "key", None)
    for sent in (
        {"messages": [{"content": question}]},
        plain,
        openai_requests.with_cache_breakpoint(plain),
    ):
        body = json.dumps(sent).encode()
        assert fake_http.requested_ids(body) == ["2503.00001", "2503.00002"]


def only(*shapes: ReplyFormat) -> Callable[[str, bytes], HttpReply]:
    """A server that refuses every form of answer but these."""

    def answer(path: str, body: bytes) -> HttpReply:
        form = json.loads(body).get("response_format", {"type": "text"})["type"]
        if b'"maxItems"' in body:
            form = ReplyFormat.BOUNDED
        if form not in shapes:
            return error_reply(400, "unsupported_response_format")
        rows = scores_for(requested_ids(body))["papers"]
        if form == "text":
            lines = "\n".join(json.dumps(row) for row in rows)
            return chat_reply(f"Sure! Here they are:\n```jsonl\n{lines}\n```\nAnything else?")
        return chat_reply(json.dumps({"papers": rows}))

    return answer


@pytest.mark.parametrize(
    ("can", "found"),
    [
        (list(ReplyFormat), ReplyFormat.BOUNDED),
        (list(ReplyFormat)[1:], ReplyFormat.SCHEMA),
        ([ReplyFormat.OBJECT, ReplyFormat.TEXT], ReplyFormat.OBJECT),
        ([ReplyFormat.TEXT], ReplyFormat.TEXT),
    ],
)
def test_what_a_server_can_do_is_found_out_once_and_every_paper_is_read(
    can: list[ReplyFormat], found: ReplyFormat
) -> None:
    papers = [paper(id) for id in paper_ids(3)]
    learned: list[str] = []
    with (
        run_fake_server(only(*can)) as server,
        closing(
            model_judging.Model("m", None, f"{server.url}/v1", SECONDS, save_dialect=learned.append)
        ) as model,
    ):
        for _ in range(3):
            reply = model.ask("I.", scoring.question(papers), scoring.schema(), "key")
            assert scoring.parse_reply(reply.text or "", papers)[0].keys() == set(paper_ids(3))
        asked = len(server.requests)
    assert learned == ([] if found is ReplyFormat.BOUNDED else [found])
    assert asked == 3 + list(ReplyFormat).index(found)


def test_a_question_refused_in_every_shape_says_nothing_of_shapes() -> None:
    learned: list[str] = []
    with (
        run_fake_server(only()) as server,
        closing(
            model_judging.Model("m", None, f"{server.url}/v1", SECONDS, save_dialect=learned.append)
        ) as model,
        pytest.raises(Unavailable) as raised,
    ):
        model.ask("I.", "Q.", scoring.schema(), "key")
    assert raised.value.reason is ModelReason.MODEL_REFUSED
    assert (model.dialect, learned) == (Dialect(), [])


def test_a_server_that_asks_for_patience_gets_it() -> None:
    answers = iter(
        [error_reply(429, "rate_limit_exceeded"), error_reply(503, "overloaded"), chat_reply("{}")]
    )

    def answer(path: str, body: bytes) -> HttpReply:
        status, headers, text = next(answers)
        return status, headers | {"Retry-After": "0"}, text

    with run_fake_server(answer) as server:
        assert ask(server.url).text == "{}"
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "2"}, 2.0),
        ({"retry-after": "600"}, False),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, True),
        ({}, True),
    ],
)
def test_the_wait_is_the_servers_unless_it_is_too_long(
    headers: dict[str, str], seconds: float | bool
) -> None:
    response = httpx2.Response(429, headers=headers, request=httpx2.Request("POST", "http://x"))
    busy = openai.RateLimitError("busy", response=response, body=None)
    assert model_judging._again(busy) == seconds


def test_a_call_that_takes_too_long_is_given_up_and_not_paid_for_again() -> None:
    given_up = threading.Event()

    def answer(path: str, body: bytes) -> HttpReply:
        given_up.wait(TIMEOUT_SECONDS)
        return chat_reply("{}")

    with run_fake_server(answer) as server:
        model = model_judging.Model("m", None, f"{server.url}/v1", 0.5)
        with closing(model), pytest.raises(Unavailable) as raised:
            model.ask("I.", "Q.", scoring.schema(), "key")
        given_up.set()
        assert len(server.requests) == 1
    assert raised.value.reason is ModelReason.MODEL_SLOW
    assert "PAPERBOY_CALL_SECONDS" in str(raised.value)
