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
from bot.domain.digest import Judge, Source, Wanted
from bot.domain.papers import Trouble
from bot.domain.request import Address, Wish
from bot.errors import Refused, Unavailable
from bot.store.days import Store
from tests.make import ids, paper
from tests.servers import neighbours
from tests.servers.neighbours import Reply, as_json, chat, error, ids_asked, listening, scores
from tests.waiting import PATIENCE
from workers import jobs
from workers.judging import batches, scoring
from workers.judging import model as model_judging
from workers.judging.prices import price
from workers.judging.ways import Shape, Ways

SECONDS = 5.0


def ask(url: str, name: str = "gpt-6-luna") -> batches.Reply:
    with closing(model_judging.Model(name, "sk-very-secret", f"{url}/v1", SECONDS)) as model:
        return model.ask("Instructions.", "Question.", scoring.schema(), "key")


def responded(tier: str = "default", written: int = 0) -> Reply:
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
    return as_json({"id": "r", "object": "response"} | told)


@contextmanager
def at_openai(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[str, bytes], Reply], flex: bool = True
) -> Iterator[tuple[model_judging.Model, Callable[[], list[str | None]]]]:
    """A model that believes to be at OpenAI's own server; and the tiers it asked for so far."""
    with listening(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(
            model_judging.Model("gpt-6-luna", "sk-very-secret", None, SECONDS, flex=flex)
        ) as model:
            yield model, lambda: [json.loads(b).get("service_tier") for _, b in server.asked]


def no_such_tier() -> Reply:
    """As OpenAI says that a model has no flex."""
    said = {"message": "Invalid service_tier argument", "type": "invalid_request_error"}
    return as_json({"error": said | {"param": "service_tier", "code": None}}, 400)


def by_tier(flex: Reply, default: Reply | None = None) -> Callable[[str, bytes], Reply]:
    """A server that answers so at flex, and otherwise at the usual tier."""
    default = default or responded()
    return lambda _, body: flex if json.loads(body).get("service_tier") else default


def asked(model: model_judging.Model) -> batches.Reply:
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
    with listening(lambda *_: responded()) as server:
        # What the client itself reads; our own settings leave base_url unset for OpenAI.
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(model_judging.Model("gpt-6-luna", "sk-very-secret", None, SECONDS)) as model:
            reply = model.ask("Instructions.", "Question.", scoring.schema(), "key")
        path, body = server.asked[0]
    sent = json.loads(body)
    assert path == "/v1/responses"
    assert neighbours.question(body) == "Question."
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

    def answer(path: str, body: bytes) -> Reply:
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


def by_mark(refusal: Reply, otherwise: Reply | None = None) -> Callable[[str, bytes], Reply]:
    """A server that answers so where a breakpoint is set, and otherwise as OpenAI does."""
    otherwise = otherwise or responded()
    return lambda _, body: refusal if b"prompt_cache_breakpoint" in body else otherwise


def refused(message: str, code: str | None, param: str | None) -> Reply:
    """An error 400 in OpenAI's form."""
    said = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return as_json({"error": said}, 400)


# As servers have said that they know no breakpoints: by the message, the parameter, or the code.
UNMARKED = [
    refused("prompt_cache_options is not supported on this model", "invalid_parameter", None),
    refused("Invalid.", "invalid_parameter", "input[0].content[0].prompt_cache_breakpoint"),
    refused("Unknown parameter.", "unknown_parameter", None),
]


@contextmanager
def watched(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[str, bytes], Reply], flex: bool
) -> Iterator[tuple[model_judging.Model, list[tuple[str | None, bool]]]]:
    """A model at OpenAI; and the tier of each call so far, and whether it had a breakpoint."""
    calls = list[tuple[str | None, bool]]()

    def noted(path: str, body: bytes) -> Reply:
        sent = json.loads(body)
        marked = "prompt_cache_options" in sent
        assert marked == ("instructions" not in sent)
        assert neighbours.question(body) == "Question."
        calls.append((sent.get("service_tier"), marked))
        return answer(path, body)

    with at_openai(monkeypatch, noted, flex) as (model, _):
        yield model, calls


@pytest.mark.parametrize("flex", [False, True])
@pytest.mark.parametrize("refusal", UNMARKED)
def test_a_model_that_knows_no_breakpoint_is_asked_once_more_and_from_then_on_without(
    monkeypatch: pytest.MonkeyPatch, refusal: Reply, flex: bool
) -> None:
    tier = "flex" if flex else None
    done = by_mark(refusal, responded(tier or "default"))
    with watched(monkeypatch, done, flex) as (model, calls):
        usage = asked(model).usage
        assert calls == [(tier, True), (tier, False)]
        asked(model)
        assert calls[2:] == [(tier, False)]
    assert usage.calls == 1
    assert (usage.prompt_usd, usage.completion_usd) == price("gpt-6-luna", 100, 60, 20, tier=tier)


@pytest.mark.parametrize("flex", [False, True])
@pytest.mark.parametrize(
    "refusal",
    [
        error(400, "context_length_exceeded"),
        refused("Unknown parameter: 'text.format'.", "unknown_parameter", "text.format"),
        refused("Too long.", "string_above_max_length", "prompt_cache_key"),
    ],
)
def test_a_question_refused_for_another_reason_is_not_asked_again_without_a_breakpoint(
    monkeypatch: pytest.MonkeyPatch, refusal: Reply, flex: bool
) -> None:
    with watched(monkeypatch, by_mark(refusal), flex) as (model, calls):
        with pytest.raises(Unavailable) as raised:
            asked(model)
        assert calls == [("flex" if flex else None, True)]
        assert raised.value.trouble in (Trouble.MODEL_REFUSED, Trouble.TOO_LONG)
        with pytest.raises(Unavailable):
            asked(model)
        assert calls[1:] == calls[:1]


def test_a_model_with_neither_flex_nor_breakpoints_is_asked_as_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def answer(path: str, body: bytes) -> Reply:
        if json.loads(body).get("service_tier"):
            return no_such_tier()
        return by_mark(UNMARKED[0])(path, body)

    with watched(monkeypatch, answer, flex=True) as (model, calls):
        assert asked(model).usage.calls == 1
        assert calls == [("flex", True), (None, True), (None, False)]
        asked(model)
        assert calls[3:] == [(None, False)]


def test_a_busy_model_keeps_its_breakpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    with watched(monkeypatch, by_mark(error(429, "resource_unavailable")), flex=True) as (
        model,
        calls,
    ):
        with pytest.raises(Unavailable) as raised:
            asked(model)
        assert calls == [("flex", True), (None, True)]
    assert raised.value.trouble is Trouble.MODEL_BUSY


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
    assert (done.prompt_usd, done.completion_usd) == price("gpt-6-luna", 100, 60, 20)


@pytest.mark.parametrize(
    ("refusal", "tries", "again"),
    [
        (error(429, "resource_unavailable"), 1, ["flex"]),  # there may be room for the next call
        (error(429, "some_other_word_for_it"), 3, ["flex"] * 3),
        (no_such_tier(), 1, []),  # this model has no flex, and will have none
    ],
)
def test_where_there_is_no_flex_the_call_is_made_once_at_the_usual_tier_and_price(
    monkeypatch: pytest.MonkeyPatch, refusal: Reply, tries: int, again: list[str]
) -> None:
    with at_openai(monkeypatch, by_tier(refusal)) as (model, tiers):
        usage = asked(model).usage
        assert tiers() == ["flex"] * tries + [None]
        asked(model)
        assert tiers() == ["flex"] * tries + [None] + again + [None]
    assert (usage.prompt_usd, usage.completion_usd) == price("gpt-6-luna", 100, 60, 20)


def test_what_takes_too_long_at_flex_is_asked_once_at_the_usual_tier_and_flex_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ended = threading.Event()

    def answer(path: str, body: bytes) -> Reply:
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
    def answer(path: str, body: bytes) -> Reply:
        time.sleep(0.3)
        return responded("flex")

    with listening(answer) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(model_judging.Model("gpt-6-luna", "k", None, 0.1, flex=True)) as model:
            assert asked(model).text == '{"papers": []}'
        assert [json.loads(body)["service_tier"] for _, body in server.asked] == ["flex"]


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        (error(429, "insufficient_quota"), Trouble.QUOTA),
        (error(401, "invalid_api_key"), Trouble.BAD_KEY),
        (error(400, "context_length_exceeded"), Trouble.TOO_LONG),
    ],
)
def test_what_flex_has_no_part_in_is_not_asked_again_at_the_full_price(
    monkeypatch: pytest.MonkeyPatch, answer: Reply, trouble: Trouble
) -> None:
    with at_openai(monkeypatch, lambda *_: answer) as (model, tiers):
        with pytest.raises((Refused, Unavailable)) as raised:
            asked(model)
        assert tiers() == ["flex"]
    assert raised.value.trouble is trouble


def test_a_server_of_ones_own_is_never_asked_for_a_tier_or_told_of_a_cache() -> None:
    with listening(lambda *_: chat("{}", 100, 20)) as server:
        with closing(
            model_judging.Model("m", None, f"{server.url}/v1", SECONDS, flex=True)
        ) as model:
            asked(model)
        body = server.asked[0][1]
    assert "service_tier" not in json.loads(body)
    assert b"prompt_cache" not in body


@pytest.mark.parametrize("flex", [False, True])
def test_what_is_written_into_a_cache_and_read_from_it_is_booked_at_its_own_price(
    monkeypatch: pytest.MonkeyPatch, flex: bool
) -> None:
    done = responded("flex" if flex else "default", written=30)
    with at_openai(monkeypatch, lambda *_: done, flex) as (model, _):
        usage = asked(model).usage
    token = (price("gpt-6-luna", 1000, 0, 0)[0] or 0) / 1000
    read = (price("gpt-6-luna", 1000, 1000, 0)[0] or 0) / 1000
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
    with listening(lambda *_: responded()) as server:
        config = settings.load()
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        for about in ({"subscription": "s"}, {"by": "U1"}, {}):
            with jobs._model(config, wish(**about), store) as model:
                assert model is not None
                asked(model)
            tiers.append(json.loads(server.asked[-1][1]).get("service_tier"))
    assert tiers == ["flex", None, None]


def wish(**about: str) -> Wish:
    return Wish(
        profile="p",
        wanted=Wanted(source=Source.ARXIV, categories=("cs.LG",)),
        judge=Judge(model="gpt-6-luna"),
        address=Address(platform="slack", workspace="T1", channel="C1"),
        since=datetime(2025, 3, 19, tzinfo=UTC),
    ).model_copy(update=about)


def test_a_refusal_by_the_responses_api_has_no_text_either(monkeypatch: pytest.MonkeyPatch) -> None:
    said = [{"type": "refusal", "refusal": "No."}]
    message = {"type": "message", "id": "m", "role": "assistant", "status": "completed"}
    body = {"id": "r", "object": "response", "output": [message | {"content": said}]}
    with listening(lambda *_: as_json(body)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with closing(model_judging.Model("gpt-6-luna", "sk-very-secret", None, SECONDS)) as model:
            reply = model.ask("Instructions.", "Question.", scoring.schema(), "key")
    assert reply.text is None
    assert (reply.usage.calls, reply.usage.cost_usd) == (1, None)


def test_an_empty_answer_is_no_refusal() -> None:
    with listening(lambda *_: chat("")) as server:
        assert ask(server.url).text == ""


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
        (error(400, "context_length_exceeded"), Unavailable, Trouble.TOO_LONG),
        (error(503, "overloaded"), Unavailable, Trouble.MODEL_DOWN),
        (error(429, "rate_limit_exceeded"), Unavailable, Trouble.MODEL_BUSY),
        (as_json({"hello": "there"}), Unavailable, Trouble.MODEL_DOWN),
        ((200, {"Content-Type": "text/html"}, b"<h1>Hi</h1>"), Unavailable, Trouble.MODEL_DOWN),
        ((502, {"Content-Type": "text/html"}, b"<h1>Bad Gateway</h1>"), Unavailable, "model_down"),
    ],
)
def test_each_failure_is_typed_and_keeps_the_key_to_itself(
    answer: Reply, kind: type[Exception], trouble: Any
) -> None:
    with listening(lambda *_: answer) as server, pytest.raises(kind) as raised:
        ask(server.url)
    assert raised.value.trouble == trouble  # type: ignore[attr-defined]
    assert "secret" not in str(raised.value)


def test_an_unpriced_model_costs_unknown_and_not_nothing() -> None:
    with listening(lambda *_: chat("{}")) as server:
        assert ask(server.url, "llama-of-ours").usage.cost_usd is None
        assert (ask(server.url, "gpt-6-luna").usage.cost_usd or 0) > 0


def test_cached_tokens_are_cheaper() -> None:
    full, _ = price("gpt-6-luna", 100_000, 0, 0)
    cached, _ = price("gpt-6-luna", 100_000, 90_000, 0)
    assert full is not None
    assert cached is not None
    assert cached < full


def test_the_neighbour_scores_what_it_is_asked_about() -> None:
    """The loopback model is used by other tests: it must read our own prompt."""
    question = scoring.question([paper("2503.00001"), paper("2503.00002")])
    plain = model_judging.asked("m", "I.", question, scoring.schema(), "key", None)
    for sent in ({"messages": [{"content": question}]}, plain, model_judging.marked(plain)):
        body = json.dumps(sent).encode()
        assert neighbours.ids_asked(body) == ["2503.00001", "2503.00002"]


def only(*shapes: Shape) -> Callable[[str, bytes], Reply]:
    """A server that refuses every form of answer but these."""

    def answer(path: str, body: bytes) -> Reply:
        form = json.loads(body).get("response_format", {"type": "text"})["type"]
        if form not in shapes:
            return error(400, "unsupported_response_format")
        rows = scores(ids_asked(body))["papers"]
        if form == "text":
            lines = "\n".join(json.dumps(row) for row in rows)
            return chat(f"Sure! Here they are:\n```jsonl\n{lines}\n```\nAnything else?")
        return chat(json.dumps({"papers": rows}))

    return answer


@pytest.mark.parametrize(
    ("can", "found"),
    [
        (list(Shape), Shape.SCHEMA),
        ([Shape.OBJECT, Shape.TEXT], Shape.OBJECT),
        ([Shape.TEXT], Shape.TEXT),
    ],
)
def test_what_a_server_can_do_is_found_out_once_and_every_paper_is_read(
    can: list[Shape], found: Shape
) -> None:
    papers = [paper(id) for id in ids(3)]
    learned: list[str] = []
    with (
        listening(only(*can)) as server,
        closing(
            model_judging.Model("m", None, f"{server.url}/v1", SECONDS, learned=learned.append)
        ) as model,
    ):
        for _ in range(3):
            reply = model.ask("I.", scoring.question(papers), scoring.schema(), "key")
            assert scoring.read(reply.text or "", papers)[0].keys() == set(ids(3))
        asked = len(server.asked)
    assert learned == ([] if found is Shape.SCHEMA else [found])
    assert asked == 3 + list(Shape).index(found)


def test_a_question_refused_in_every_shape_says_nothing_of_shapes() -> None:
    learned: list[str] = []
    with (
        listening(only()) as server,
        closing(
            model_judging.Model("m", None, f"{server.url}/v1", SECONDS, learned=learned.append)
        ) as model,
        pytest.raises(Unavailable) as raised,
    ):
        model.ask("I.", "Q.", scoring.schema(), "key")
    assert raised.value.trouble is Trouble.MODEL_REFUSED
    assert (model.ways, learned) == (Ways(), [])


def test_a_server_that_asks_for_patience_gets_it() -> None:
    answers = iter([error(429, "rate_limit_exceeded"), error(503, "overloaded"), chat("{}")])

    def answer(path: str, body: bytes) -> Reply:
        status, headers, text = next(answers)
        return status, headers | {"Retry-After": "0"}, text

    with listening(answer) as server:
        assert ask(server.url).text == "{}"
        assert len(server.asked) == 3


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

    def answer(path: str, body: bytes) -> Reply:
        given_up.wait(PATIENCE)
        return chat("{}")

    with listening(answer) as server:
        model = model_judging.Model("m", None, f"{server.url}/v1", 0.5)
        with closing(model), pytest.raises(Unavailable) as raised:
            model.ask("I.", "Q.", scoring.schema(), "key")
        given_up.set()
        assert len(server.asked) == 1
    assert raised.value.trouble is Trouble.MODEL_SLOW
    assert "PAPERBOY_CALL_SECONDS" in str(raised.value)
