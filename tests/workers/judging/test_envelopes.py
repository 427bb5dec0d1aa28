"""What a model's server sends: a reply, a reason to ask again, or to stop; nothing else."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot.domain.reasons import ModelReason
from bot.errors import PaperboyError, Refused, Unavailable
from tests.servers.fake_http import chat_reply
from workers.judging import api_replies, model_errors
from workers.judging.api_replies import ApiReply
from workers.judging.batches import ModelReply
from workers.judging.model import parse_reply

ROWS = '{"papers": [{"id": "2503.00001", "comment": "Fits.", "relevance": 8, "novelty": 7}]}'
CHAT = json.loads(chat_reply(ROWS, 100, 20, 60)[2])
RESPONSE = {
    "id": "r",
    "object": "response",
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "output": [
        {"type": "reasoning", "id": "x", "summary": []},
        {
            "type": "message",
            "id": "m",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": ROWS, "annotations": []}],
        },
    ],
    "usage": {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 0},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 5},
        "total_tokens": 120,
    },
    "service_tier": "default",
}
APIS: list[tuple[Callable[[bytes], ApiReply], dict[str, Any]]] = [
    (api_replies.parse_chat, CHAT),
    (api_replies.parse_response, RESPONSE),
]
both = pytest.mark.parametrize(("read", "whole"), APIS, ids=["chat", "response"])

odd = st.sampled_from(
    [
        *(None, True, "", "x", "12", " 7", "１２", 0, -1, 1.5, 1e300, 10**30, "length"),
        *([], {}, [None], ["text"], [{}], {"text": 3}, [{"type": "text", "text": ROWS}]),
        *([{"type": "thinking", "thinking": 1}], {"error": {"code": 402}}),
        {"message": "insufficient balance", "code": "429"},
    ]
).map(copy.deepcopy)
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


def places(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to everything within a document."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    for key, item in items:
        found += places(item, (*path, key))
    return found


def mutate_somewhere(draw: st.DrawFn, document: Any) -> None:
    """Remove, double or replace one thing in a document."""
    path = draw(st.sampled_from(places(document) or [("id",)]))
    parent: Any = document
    for key in path[:-1]:
        parent = parent[key]
    match draw(st.sampled_from(["remove", "replace", "junk", "wrap", "add"])):
        case "remove":
            del parent[path[-1]]
        case "replace":
            parent[path[-1]] = draw(odd)
        case "junk":
            parent[path[-1]] = draw(junk)
        case "wrap":
            parent[path[-1]] = [parent[path[-1]]]
        case "add" if isinstance(parent, dict):
            name = st.sampled_from(["error", "text", "refusal", "reasoning_content", "content"])
            parent[draw(name)] = draw(odd)


@st.composite
def mutated(draw: st.DrawFn, whole: dict[str, Any]) -> bytes:
    """An envelope with up to four things in it removed, doubled or replaced by anything; and then,
    now and then, bytes cut off, changed or put in front."""
    document = copy.deepcopy(whole)
    for _ in range(draw(st.integers(0, 4))):
        mutate_somewhere(draw, document)
    body = json.dumps(document).encode()
    match draw(st.sampled_from(["whole", "whole", "whole", "cut", "flip", "front"])):
        case "cut":
            return body[: draw(st.integers(0, len(body)))]
        case "flip":
            at = draw(st.integers(0, len(body) - 1))
            return body[:at] + draw(st.binary(min_size=1, max_size=3)) + body[at + 1 :]
        case "front":
            return (
                draw(st.sampled_from([b"\xef\xbb\xbf", b"\x00", b"<html>", b" \n", b"data: "]))
                + body
            )
    return body


def outcome(read: Callable[[bytes], ApiReply], body: bytes) -> ModelReply | PaperboyError:
    try:
        return parse_reply(read, body, "gpt-6-luna")
    except (Refused, Unavailable) as error:
        return error


def check(found: ModelReply | PaperboyError) -> None:
    if isinstance(found, PaperboyError):
        assert found.reason is not None
        assert str(found)
        return
    assert found.text is None or isinstance(found.text, str)
    (found.text or "").encode()
    assert found.text is not None or found.reason is not None
    usage = found.usage
    assert usage.calls == 1
    assert min(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens) >= 0
    assert usage.cached_tokens <= usage.prompt_tokens
    assert usage.cost_usd is None or 0 <= usage.cost_usd < 1e6
    assert type(usage).model_validate_json(usage.model_dump_json()) == usage


@both
@settings(max_examples=300)
@given(st.data())
def test_any_answer_is_read_as_a_reply_or_a_reason(
    read: Callable[[bytes], ApiReply], whole: dict[str, Any], data: st.DataObject
) -> None:
    check(outcome(read, data.draw(mutated(whole))))


@both
@given(st.binary(max_size=200) | junk.map(lambda value: json.dumps(value).encode()))
@example(b"[" * 100_000)
@example(b'{"choices":' * 100_000)
@example(b'{"usage": {"prompt_tokens": ' + b"9" * 5000 + b"}}")
def test_bytes_of_any_kind_are_a_reply_or_a_reason(
    read: Callable[[bytes], ApiReply], whole: dict[str, Any], body: bytes
) -> None:
    check(outcome(read, body))


@given(st.integers(0, 999), st.binary(max_size=100) | junk.map(lambda v: json.dumps(v).encode()))
@example(400, b"[" * 100_000)
@example(403, b"<" * 100_000)
def test_a_refusal_of_any_form_is_a_reason(status: int, body: bytes) -> None:
    error = model_errors.typed_error(model_errors.parse_error_body(status, body), "m")
    assert isinstance(error, Refused | Unavailable)
    assert error.reason is not None


def changed(whole: dict[str, Any], path: str, value: object) -> bytes:
    """An envelope with one thing in it replaced, or, by ..., removed."""
    document = copy.deepcopy(whole)
    parent: Any = document
    *way, last = (int(key) if key.isdigit() else key for key in path.split("."))
    for key in way:
        parent = parent[key]
    if value is ...:
        del parent[last]
    else:
        parent[last] = value
    return json.dumps(document).encode()


PARTS = [
    ROWS,
    [{"type": "text", "text": ROWS}],
    [
        {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
        {"type": "text", "text": ROWS},
    ],
    [ROWS[:30], {"text": ROWS[30:]}],
    [{"type": "output_text", "text": {"value": ROWS}}],
    {"type": "text", "text": ROWS},
    json.loads(ROWS),
    json.loads(ROWS)["papers"],
]


@pytest.mark.parametrize("content", PARTS)
def test_a_reply_in_parts_or_already_decoded_is_one_text(content: object) -> None:
    for read, whole, path in (
        (api_replies.parse_chat, CHAT, "choices.0.message.content"),
        (api_replies.parse_response, RESPONSE, "output.1.content"),
    ):
        text = read(changed(whole, path, content)).text or ""
        assert '"relevance": 8' in text
        assert "Hm." not in text


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("content", [None, "", " ", []])
def test_an_answer_that_stands_only_among_the_reasoning_is_read(name: str, content: object) -> None:
    message = {"role": "assistant", "content": content, name: ROWS}
    assert api_replies.parse_chat(changed(CHAT, "choices.0.message", message)).text == ROWS


def test_reasoning_that_was_cut_off_is_no_answer() -> None:
    choice = {"message": {"content": None, "reasoning_content": ROWS}, "finish_reason": "length"}
    found = api_replies.parse_chat(changed(CHAT, "choices.0", choice))
    assert (found.text, found.reason) == ("", ModelReason.CUT_OFF)


@pytest.mark.parametrize("message", [None, ..., [], "x", {}, {"content": None}, {"content": 7}])
def test_an_answer_without_a_message_is_paid_and_says_nothing(message: object) -> None:
    found = api_replies.parse_chat(changed(CHAT, "choices.0.message", message))
    assert found.text == ""
    assert found.counts is not None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"<html><body>Welcome to the hotel</body></html>",
        json.dumps(CHAT).encode()[:-40],
        b'{"hello": "there"}',
        b'{"choices": []}',
        b'{"choices": null}',
        b'{"choices": ["x"]}',
        b'{"output": null, "status": "failed"}',
    ],
)
def test_what_is_no_answer_of_the_api_is_asked_for_again_and_may_be_paid(body: bytes) -> None:
    for read, _ in APIS:
        found = outcome(read, body)
        assert isinstance(found, Unavailable)
        assert (found.reason, found.outcome_unknown) == (ModelReason.MODEL_DOWN, True)


USAGES = [
    (None, None),
    ({}, None),
    ("free", None),
    ([], None),
    ({"prompt_tokens": None, "completion_tokens": None}, None),
    ({"prompt_tokens": 100, "completion_tokens": None}, None),
    ({"prompt_tokens": 100.5, "completion_tokens": 20}, None),
    ({"prompt_tokens": -100, "completion_tokens": 20}, None),
    ({"prompt_tokens": True, "completion_tokens": 20}, None),
    ({"prompt_tokens": 10**40, "completion_tokens": 20}, None),
    ({"prompt_tokens": 0, "completion_tokens": 0}, None),
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 101},
        },
        None,
    ),
    (
        {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": -1},
        },
        None,
    ),
    ({"prompt_tokens": "100", "completion_tokens": "20"}, (100, 20, 0)),
    ({"prompt_tokens": 100.0, "completion_tokens": 20}, (100, 20, 0)),
    ({"input_tokens": 100, "output_tokens": 20}, (100, 20, 0)),
    ({"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": None}, (100, 20, 0)),
    ({"prompt_tokens": 100, "completion_tokens": 20, "prompt_tokens_details": "no"}, (100, 20, 0)),
    (
        {
            "prompt_tokens": 9,
            "completion_tokens": 2,
            "prompt_tokens_details": {"cached_tokens": None},
        },
        (9, 2, 0),
    ),
]


@both
@pytest.mark.parametrize(("usage", "counts"), USAGES)
def test_a_reply_is_kept_whatever_is_said_of_its_price(
    read: Callable[[bytes], ApiReply],
    whole: dict[str, Any],
    usage: object,
    counts: tuple[int, ...] | None,
) -> None:
    reply = parse_reply(read, changed(whole, "usage", usage), "gpt-6-luna")
    assert reply.text == ROWS
    told = reply.usage
    if counts is None:
        assert (told.calls, told.prompt_tokens, told.cost_usd) == (1, 0, None)
    else:
        assert (told.prompt_tokens, told.completion_tokens, told.cached_tokens) == counts
        assert (told.cost_usd or 0) > 0


def test_a_content_filter_a_refusal_and_a_cut_have_their_own_reasons() -> None:
    ended = [
        ({"message": {"content": None}, "finish_reason": "content_filter"}, None, "content_filter"),
        ({"message": {"content": ROWS}, "finish_reason": "content_filter"}, ROWS, "content_filter"),
        ({"message": {"content": ROWS[:50]}, "finish_reason": "length"}, ROWS[:50], "cut_off"),
        ({"message": {"content": None, "refusal": "No."}}, None, "model_refused"),
        ({"message": {"content": ROWS, "refusal": ""}}, ROWS, None),
    ]
    for choice, text, trouble in ended:
        found = api_replies.parse_chat(changed(CHAT, "choices.0", choice))
        assert (found.text, found.reason) == (text, trouble)
    found = api_replies.parse_response(changed(RESPONSE, "output.1.content", [{"type": "refusal"}]))
    assert (found.text, found.reason) == (None, "model_refused")
    for reason, trouble in (("max_output_tokens", "cut_off"), ("content_filter", "content_filter")):
        body = changed(RESPONSE, "incomplete_details", {"reason": reason})
        assert api_replies.parse_response(body).reason == trouble


def said(message: str, code: object = None, **more: object) -> bytes:
    return json.dumps({"error": {"message": message, "code": code} | more}).encode()


REASONS = [
    (402, said("Insufficient Balance"), Refused, ModelReason.QUOTA),
    (402, b"", Refused, ModelReason.QUOTA),
    (
        429,
        said("You exceeded your current quota", "insufficient_quota"),
        Refused,
        ModelReason.QUOTA,
    ),
    (403, said("Insufficient balance. Please recharge."), Refused, ModelReason.QUOTA),
    (400, said("Your credit balance is too low to access the API."), Refused, ModelReason.QUOTA),
    (
        429,
        said("You exceeded your current quota; retry in 30 s"),
        Unavailable,
        ModelReason.MODEL_BUSY,
    ),
    (429, said("Request too large for m on tokens per min"), Unavailable, ModelReason.TOO_LONG),
    (401, said("Incorrect API key provided"), Refused, ModelReason.BAD_KEY),
    (403, said("Invalid API key"), Refused, ModelReason.BAD_KEY),
    (403, said("Country, region, or territory not supported"), Refused, ModelReason.NOT_ADMITTED),
    (403, b"<html><h1>403</h1>cloudflare</html>", Unavailable, ModelReason.NOT_ADMITTED),
    (
        403,
        said(
            "Your input was flagged",
            403,
            metadata={"flagged_input": "Insufficient balance of classes"},
        ),
        Unavailable,
        ModelReason.CONTENT_FILTER,
    ),
    (
        400,
        said("The response was filtered", "content_filter"),
        Unavailable,
        ModelReason.CONTENT_FILTER,
    ),
    (
        400,
        said("Content Exists Risk", "invalid_request_error"),
        Unavailable,
        ModelReason.CONTENT_FILTER,
    ),
    (
        400,
        said("x", None, type="content_policy_violation"),
        Unavailable,
        ModelReason.CONTENT_FILTER,
    ),
    (
        400,
        said("This model's maximum context length is 4096 tokens"),
        Unavailable,
        ModelReason.TOO_LONG,
    ),
    (400, said("x", "context_length_exceeded"), Unavailable, ModelReason.TOO_LONG),
    (413, b"", Unavailable, ModelReason.TOO_LONG),
    (
        500,
        said("the request exceeds the available context size"),
        Unavailable,
        ModelReason.TOO_LONG,
    ),
    (
        404,
        said("The model `x` does not exist", "model_not_found"),
        Refused,
        ModelReason.UNKNOWN_MODEL,
    ),
    (400, said("x is not a valid model ID; unknown model"), Refused, ModelReason.UNKNOWN_MODEL),
    (
        403,
        said("Project does not have access to model x", "model_not_found"),
        Refused,
        ModelReason.UNKNOWN_MODEL,
    ),
    (404, b'{"detail": "Not Found"}', Refused, ModelReason.WRONG_ADDRESS),
    (404, b"404 page not found", Refused, ModelReason.WRONG_ADDRESS),
    (405, b"", Refused, ModelReason.WRONG_ADDRESS),
    (308, b"", Refused, ModelReason.WRONG_ADDRESS),
    (400, said("Bad request"), Unavailable, ModelReason.MODEL_REFUSED),
    (503, said("Overloaded"), Unavailable, ModelReason.MODEL_DOWN),
]


@pytest.mark.parametrize(("status", "body", "kind", "reason"), REASONS)
def test_each_refusal_has_its_true_reason(
    status: int, body: bytes, kind: type[PaperboyError], reason: ModelReason
) -> None:
    error = model_errors.typed_error(model_errors.parse_error_body(status, body), "m")
    assert (type(error), error.reason) == (kind, reason)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ({"message": "Insufficient credits", "code": 402}, ModelReason.QUOTA),
        ({"message": "Your input was flagged", "code": "403"}, ModelReason.CONTENT_FILTER),
        ({"message": "Rate limit exceeded", "code": 429}, ModelReason.MODEL_BUSY),
        ({"message": "Provider returned error", "code": 502}, ModelReason.MODEL_DOWN),
        ({"message": "The server had an error", "code": "server_error"}, ModelReason.MODEL_DOWN),
        ("overloaded", ModelReason.MODEL_BUSY),
    ],
)
def test_an_error_with_status_200_is_the_error_it_names(error: object, reason: ModelReason) -> None:
    for read, _ in APIS:
        found = outcome(read, json.dumps({"error": error, "choices": []}).encode())
        assert isinstance(found, PaperboyError)
        assert found.reason is reason
