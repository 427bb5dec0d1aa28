"""Parses a model server's answers, as far as they can be understood; pure.

The openai package does not validate what it puts into its types, so any field may hold anything.
This module parses the answer's bytes itself, for both of OpenAI's APIs and for compatible servers.
Whatever the bytes are, `parse_chat` and `parse_response` return an ApiReply or raise Unavailable.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from bot.domain.papers import Value
from bot.domain.reasons import ModelReason
from bot.errors import Unavailable

M = TypeVar("M", bound=BaseModel)

# No call has as many tokens; sums of fewer fit into every counter.
_MOST_TOKENS = 100_000_000
# Nesting of parts; deeper text was not meant to be read.
_DEPTH = 5


def _count(value: object) -> object:
    """A count as servers write it: 12, 12.0 or "12"; anything else is left for validation."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 12:
        return int(value)
    return value


def _mapping(value: object) -> object:
    return value if isinstance(value, dict) else {}


def _word(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _rows(value: object) -> list[dict[str, Any]]:
    """A list's objects; a single object counts as a list of one."""
    rows = value if isinstance(value, list) else [value]
    return [row for row in rows if isinstance(row, dict)]


Count = Annotated[int, BeforeValidator(_count), Field(ge=0, le=_MOST_TOKENS, strict=True)]
Word = Annotated[str | None, BeforeValidator(_word)]
Details = Annotated[dict[str, Any], BeforeValidator(_mapping)]
Rows = Annotated[list[dict[str, Any]], BeforeValidator(_rows)]


class TokenCounts(Value):
    """The tokens of a call: `cached` and `written` are part of `prompt`, `reasoning` of
    `completion`."""

    prompt: Count
    completion: Count
    cached: Count = 0
    written: Count = 0
    reasoning: Count = 0


class ApiReply(Value):
    """An answered call, which may be charged: `text`, or None where there is none; `others` are the
    texts of further answers, where several were asked for.

    `reason` says why something is missing, even from a text that is there. `counts` are None where
    the server reports none that can be true; `tier` is OpenAI's service tier.
    """

    text: str | None
    reason: ModelReason | None = None
    counts: TokenCounts | None = None
    tier: str | None = None
    others: tuple[str, ...] = ()


class _Usage(BaseModel):
    """The fields of both APIs, the older one's first."""

    prompt_tokens: Any = None
    input_tokens: Any = None
    completion_tokens: Any = None
    output_tokens: Any = None
    prompt_tokens_details: Details = {}
    input_tokens_details: Details = {}
    completion_tokens_details: Details = {}
    output_tokens_details: Details = {}


class _Body(BaseModel):
    """The fields of either API that are used; all others may be anything."""

    choices: Rows = []
    output: Rows = []
    output_text: Word = None
    usage: Annotated[_Usage, BeforeValidator(_mapping)] = _Usage()
    service_tier: Word = None
    status: Word = None
    incomplete_details: Details = {}


class _Message(BaseModel):
    content: Any = None
    refusal: Word = None
    reasoning_content: Any = None
    reasoning: Any = None


class _Choice(BaseModel):
    message: Annotated[_Message, BeforeValidator(_mapping)] = _Message()
    text: Word = None
    finish_reason: Word = None


def parse_chat(body: bytes) -> ApiReply:
    """Parse a chat completion. Raises Unavailable (MODEL_DOWN) for anything else.

    Text in parts is joined. Text found only in the model's reasoning is used, unless the answer was
    cut off there.
    """
    given = _read(_Body, _json(body))
    if not given.choices:
        raise not_an_api_reply()
    choices = [_read(_Choice, row) for row in given.choices]
    choice = next((choice for choice in choices if _text(choice.message.content)), choices[0])
    message, ended = choice.message, choice.finish_reason
    text = _text(message.content) or choice.text or ""
    cut = ended in ("length", "max_tokens")
    if not text.strip() and not cut:
        text = _text(message.reasoning_content) or _text(message.reasoning)
    reply = _answer(given, text, bool(message.refusal), cut, ended == "content_filter")
    others = (_text(each.message.content) for each in choices if each is not choice)
    told = tuple(_without_surrogates(text) for text in others if text.strip())
    return reply.model_copy(update={"others": told}) if told else reply


def parse_response(body: bytes) -> ApiReply:
    """Parse an answer of the responses API. Raises Unavailable (MODEL_DOWN) for anything else."""
    document = _json(body)
    given = _read(_Body, document)
    if "output" not in document and given.output_text is None:
        raise not_an_api_reply()
    if given.status in ("failed", "cancelled", "queued", "in_progress"):
        raise not_an_api_reply()
    parts = [part for item in given.output for part in _parts(item)]
    refused = any(isinstance(part, dict) and part.get("type") == "refusal" for part in parts)
    text = "".join(map(_text, parts)) or given.output_text or ""
    why = given.incomplete_details.get("reason")
    return _answer(given, text, refused, why == "max_output_tokens", why == "content_filter")


def error_in(body: bytes) -> dict[str, Any] | None:
    """The error that some servers put into an answer with status 200, or None."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return None
    error = document.get("error") if isinstance(document, dict) else None
    if not error or not isinstance(error, dict | str):
        return None
    return error if isinstance(error, dict) else {"message": error}


def not_an_api_reply() -> Unavailable:
    """The error for an answer of neither API; the call may be charged all the same."""
    why = "The model's server does not answer as OpenAI does."
    return Unavailable(why, ModelReason.MODEL_DOWN, outcome_unknown=True)


def _answer(given: _Body, text: str, refused: bool, cut: bool, filtered: bool) -> ApiReply:
    blank = not text.strip()
    reason = None
    if filtered:
        reason = ModelReason.CONTENT_FILTER
    elif cut:
        reason = ModelReason.CUT_OFF
    elif refused and blank:
        reason = ModelReason.MODEL_REFUSED
    return ApiReply(
        text=None if blank and (refused or filtered) else _without_surrogates(text),
        reason=reason,
        counts=_counts(given.usage),
        tier=given.service_tier,
    )


def _counts(given: _Usage) -> TokenCounts | None:
    """The token counts; None as soon as one cannot be true."""

    def first(*values: object) -> object:
        return next((value for value in values if value is not None), None)

    def part(name: str, *details: Mapping[str, Any]) -> object:
        return first(*(found.get(name) for found in details), 0)

    read = given.prompt_tokens_details, given.input_tokens_details
    made = given.completion_tokens_details, given.output_tokens_details
    counts_by_name = {
        "prompt": first(given.prompt_tokens, given.input_tokens),
        "completion": first(given.completion_tokens, given.output_tokens),
        "cached": part("cached_tokens", *read),
        "written": part("cache_write_tokens", *read),
        "reasoning": part("reasoning_tokens", *made),
    }
    try:
        counts = TokenCounts.model_validate(counts_by_name)
    except ValidationError:
        return None
    return counts if counts.cached <= counts.prompt and counts.prompt else None


def _json(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):  # a truncated document, a web page, bytes of no encoding
        raise not_an_api_reply() from None
    if not isinstance(document, dict):
        raise not_an_api_reply()
    return document


def _read(model: type[M], document: Mapping[str, Any]) -> M:
    """Every field accepts anything, so a document that still fails is no answer."""
    try:
        return model.model_validate(document)
    except (ValidationError, RecursionError):
        raise not_an_api_reply() from None


def _parts(item: Mapping[str, Any]) -> Sequence[object]:
    """The parts of an output item; none of a reasoning item."""
    if item.get("type") == "reasoning":
        return ()
    content = item.get("content")
    return content if isinstance(content, list) else (item,)


def _text(content: object, depth: int = _DEPTH) -> str:
    """The text of a content: a string, an object with a `text`, or a list of such parts. An object
    or a list without any is the reply itself, already decoded by the server."""
    if isinstance(content, str):
        return content
    if not isinstance(content, dict | list) or not content or not depth:
        return ""
    if isinstance(content, dict):
        if content.get("type") in ("thinking", "reasoning", "redacted_thinking", "refusal"):
            return ""
        for name in ("text", "content", "value"):
            if name in content:
                return _text(content[name], depth - 1)
        return "" if "type" in content else _dumped(content)
    parts = [part for part in content if isinstance(part, str) or _is_part(part)]
    return "".join(_text(part, depth - 1) for part in parts) if parts else _dumped(content)


def _is_part(value: object) -> bool:
    return isinstance(value, dict) and bool(value.keys() & {"type", "text"})


def _dumped(content: Mapping[str, Any] | Sequence[Any]) -> str:
    try:
        return json.dumps(content, ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""


def _without_surrogates(text: str) -> str:
    """Without lone surrogates, which can be neither stored nor sent."""
    return text.encode("utf-8", "replace").decode("utf-8")
