"""A model server's errors as typed reasons; pure.

Servers agree on little: OpenAI sends `{"error": {"message", "type", "code", "param"}}`, FastAPI
`{"detail": [...]}`, proxies a page. So after status and code the message's words are matched,
never the part that quotes the question.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.domain.reasons import ModelReason
from bot.errors import PaperboyError, Refused, Unavailable

# A longer message quotes something.
_WORDS_MAX = 1000
_DEPTH = 5
# Fields that quote the question (OpenRouter's metadata, pydantic's input).
_QUOTING = ("metadata", "flagged_input", "input", "ctx", "raw", "failed_generation")
_CODES = ("code", "type", "status", "param", "loc", "field", "reason")

# DeepSeek's 402, DashScope's Arrearage, OpenRouter's and Anthropic's credits.
_MONEY = re.compile(
    r"(?i)insufficient[ _](quota|balance|credit|fund)|billing_hard_limit|credit balance|arrearage"
    r"|(out of|no|more|requires?|enough) credits|payment required|recharge|top up"
)
# Azure's content_filter, OpenAI's content_policy_violation, OpenRouter's moderation, DeepSeek's
# "Content Exists Risk", DashScope's DataInspectionFailed.
_FILTER = re.compile(
    r"(?i)content[ _]?(filter|policy|management)|responsible ?ai|moderation|\bflagged\b"
    r"|content exists risk|data_?inspection|high[ _]risk|safety (system|filter|policy)"
    r"|sensitive (content|information|words)"
)
# OpenAI's and vLLM's context length, llama.cpp's context size, Anthropic's and Groq's words.
_LENGTH = re.compile(
    r"(?i)context[ _](length|window|size)|maximum (context|prompt|input)|exceed_context"
    r"|(prompt|input|request|question|messages?) (is |are )?too (long|large)|too many tokens"
    r"|reduce the length|max(imum)?[ _](input|completion|output)?[ _]?tokens\W+(is|are) too large"
    r"|string too long|exceeds? the (maximum|max|limit)[^.]{0,40}tokens"
)
_NO_MODEL = re.compile(
    r"(?i)model_not_found|(unknown|invalid|no such) model|access to (the )?model"
    r"|model[^.]{0,80}(does not exist|not found|is not a valid|is not available|unknown)"
)
# LM Studio sends these with status 200.
_NO_PLACE = re.compile(
    r"(?i)unexpected endpoint|invalid url|cannot (post|get) |no (such )?route|(unknown|invalid)"
    r" (url|path|endpoint|request url)"
)
_KEY = re.compile(
    r"(?i)api.?key|\bkey\b|token|authenti|unauthori|credential|permission|forbidden|access"
)
_REGION = re.compile(r"(?i)country|region|territory|location")
_BUSY = re.compile(r"(?i)rate.?limit|overloaded|too many requests|capacity")


@dataclass(frozen=True)
class ServerError:
    """A server's refusal: its status (0 where there is none), its codes and its words."""

    status: int
    codes: str
    message: str

    @property
    def text(self) -> str:
        return f"{self.codes} {self.message}"


def parse_error_body(status: int, body: bytes) -> ServerError:
    """Read a body of any kind."""
    text = body[:100_000].decode("utf-8", "replace")
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        plain = re.sub(r"<[^>]{0,500}>", " ", text[: 4 * _WORDS_MAX])
        return ServerError(status, "", " ".join(plain.split())[:_WORDS_MAX])
    return parse_error(status, document)


def parse_error(status: int, document: object) -> ServerError:
    """Read a decoded body."""
    codes, words = list[str](), list[str]()
    for name, value in _leaves("", document, _DEPTH):
        (codes if name in _CODES else words).append(value[:_WORDS_MAX])
    return ServerError(status, " ".join(codes)[:_WORDS_MAX], " ".join(words)[:_WORDS_MAX])


def _leaves(name: str, value: object, depth: int) -> Iterator[tuple[str, str]]:
    if isinstance(value, str) or (isinstance(value, int) and not isinstance(value, bool)):
        yield name, str(value)
    elif isinstance(value, list) and depth:
        for item in value[:50]:
            yield from _leaves(name, item, depth - 1)
    elif isinstance(value, dict) and depth:
        for key, item in list(value.items())[:50]:
            if key not in _QUOTING:
                yield from _leaves(str(key).lower(), item, depth - 1)


def typed_error(given: ServerError, model: str) -> PaperboyError:
    """The error for a refusal: Refused where asking again is pointless, Unavailable where it may
    work later, or for fewer papers."""
    return _configuration_error(given, model) or _question_error(given) or _server_error(given)


def _configuration_error(given: ServerError, model: str) -> Refused | None:
    """Errors that no other question would avoid: credit, key, model name, address."""
    status = given.status
    if status == 402 or (status not in (404, 405) and _MONEY.search(given.text)):
        return Refused("The model account is out of credit.", ModelReason.QUOTA)
    if status == 401:
        return Refused("The model server rejects OPENAI_API_KEY.", ModelReason.BAD_KEY)
    if status in (0, 400, 403, 404, 422) and _NO_MODEL.search(given.text):
        return Refused(
            f"The model server doesn't know the model {json.dumps(model)}. Set PAPERBOY_MODEL.",
            ModelReason.UNKNOWN_MODEL,
        )
    nowhere = status in (0, 400) and _NO_PLACE.search(given.text)
    if status in (404, 405) or 300 <= status < 400 or nowhere:
        return Refused(
            f"There is no model server at OPENAI_BASE_URL (HTTP {status or 200}).",
            ModelReason.WRONG_ADDRESS,
        )
    if status == 403 and not _FILTER.search(given.text):
        if _REGION.search(given.text):
            why = "The model server does not serve this country or region (HTTP 403)."
            return Refused(why, ModelReason.NOT_ADMITTED)
        if _KEY.search(given.text):
            return Refused("The model server rejects OPENAI_API_KEY.", ModelReason.BAD_KEY)
    return None


def _question_error(given: ServerError) -> Unavailable | None:
    """Errors that other papers, or fewer, may avoid."""
    status = given.status
    if status == 413 or (status in (0, 400, 422, 429, 500) and _LENGTH.search(given.text)):
        return Unavailable("The request is too long for the model.", ModelReason.TOO_LONG)
    if status in (0, 400, 403, 422, 451, 500) and _FILTER.search(given.text):
        why = "The model server's content filter blocked the request."
        return Unavailable(why, ModelReason.CONTENT_FILTER)
    if status == 403:
        why = "The model server denies Paperboy access (HTTP 403)."
        return Unavailable(why, ModelReason.NOT_ADMITTED)
    if 400 <= status < 500 and status not in (408, 409, 425, 429):
        why = f"The model server refused the request (HTTP {status})."
        return Unavailable(why, ModelReason.MODEL_REFUSED)
    return None


def _server_error(given: ServerError) -> Unavailable:
    if given.status == 429 or (given.status == 0 and _BUSY.search(given.text)):
        return Unavailable("The model server asks for fewer requests.", ModelReason.MODEL_BUSY)
    return Unavailable("The model server doesn't answer.", ModelReason.MODEL_DOWN)


def error_with_status_200(error: dict[str, Any], model: str) -> PaperboyError:
    """The error in an answer with status 200; a number in its code is the status meant."""
    code = error.get("code")
    number = int(code) if isinstance(code, int | str) and str(code) in _STATUSES else 0
    return typed_error(parse_error(number, error), model)


_STATUSES = frozenset(map(str, range(300, 600)))
