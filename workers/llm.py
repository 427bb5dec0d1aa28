"""The one place that calls a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Any, NoReturn

import openai
import stamina
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from bot.domain import Trouble
from bot.errors import Refused, Unavailable
from workers import responses
from workers.judging import Reply
from workers.prices import UNKNOWN, paid

# Three tries, 0.5 to 1.5 and 1 to 2 s apart, or as the server's Retry-After says.
_RETRIES = stamina.RetryingCaller(
    attempts=3, timeout=None, wait_initial=0.5, wait_max=8.0, wait_jitter=1.0
)
_LONGEST_WAIT = 60.0
# No money; no room at flex.
_NOT_SOON = ("insufficient_quota", "resource_unavailable")
# Flex waits for room: OpenAI's guide allows it 15 minutes. After five, a day that comes in three
# waves of calls would be at risk of missing its morning.
_FLEX_SECONDS = 300.0


class Shape(StrEnum):
    """How strictly a compatible server can be told what to answer, the best first."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    TEXT = "text"


class Model:
    """A model on a server: OpenAI's own through the responses API, or a compatible one (by
    `base_url`) through chat completions, in the best shape the server takes.

    `shape` is where to begin, as `learned` was told it earlier. A call may take `seconds`. `flex`
    is for what nobody waits for: OpenAI's slower tier at half the price, where there is room.
    """

    def __init__(
        self,
        name: str,
        api_key: str | None,
        base_url: str | None,
        seconds: float,
        shape: Shape = Shape.SCHEMA,
        learned: Callable[[Shape], None] = lambda shape: None,
        flex: bool = False,
    ) -> None:
        self.name, self.shape = name, shape
        self._own_server, self._learned = base_url is not None, learned
        self._flex, self._flex_seconds = flex, max(seconds, _FLEX_SECONDS)
        self._marks = True
        # A compatible server may need no key, the client always wants one. The client's own
        # retries would also repeat a call that took too long, at full price and full length.
        self._client = openai.OpenAI(
            api_key=api_key or "none", base_url=base_url, timeout=seconds, max_retries=0
        )

    def close(self) -> None:
        """Let its connections go."""
        self._client.close()

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, Any],
        cache_key: str,
        most_output: int | None = None,
    ) -> Reply:
        """One call, answered as JSON by `schema` where the server can do that, in `most_output`
        tokens where that is given.

        Raises Refused (wrong key, unknown model, no money: asking again is pointless) and
        Unavailable (the server is away, busy, too slow, or will not take this question).
        """
        try:
            if self._own_server:
                return self._chat(instructions, question, schema, most_output)
            about = instructions, question, schema, cache_key, most_output
            return self._respond(responses.asked(self.name, *about))
        except openai.OpenAIError as error:
            _rethrow(error, self.name)

    def _respond(self, plain: dict[str, Any]) -> Reply:
        """With a breakpoint after the instructions, unless the model has once refused it."""
        if self._marks:
            try:
                return self._answered(responses.marked(plain))
            except openai.BadRequestError as error:
                if not responses.unknown_mark(error.message, error.code, error.param):
                    raise
                self._marks = False
        return self._answered(plain)

    def _answered(self, asked: dict[str, Any]) -> Reply:
        answer = self._at_flex(asked) if self._flex else None
        answer = answer or _RETRIES(_again, lambda: self._client.responses.create(**asked))
        if not isinstance(answer, Response):
            raise Unavailable("The model's server does not answer as OpenAI does.", _DOWN)
        said = [part for item in answer.output for part in getattr(item, "content", None) or ()]
        refused = any(part.type == "refusal" for part in said)
        text, given = None if refused else answer.output_text, answer.usage
        if given is None:
            return Reply(text, UNKNOWN)
        tokens = given.input_tokens, given.output_tokens
        details, spent = given.input_tokens_details, given.output_tokens_details
        return Reply(text, paid(self.name, *tokens, details, spent, answer.service_tier))

    def _at_flex(self, asked: dict[str, Any]) -> Any:
        """None where the usual tier is to be asked instead, once. What took too long may have been
        paid, and nobody books it: later calls are not asked so, nor where this model has no flex.
        """
        flexibly = asked | {"service_tier": "flex", "timeout": self._flex_seconds}
        try:
            return _RETRIES(_again, lambda: self._client.responses.create(**flexibly))
        except openai.APITimeoutError:
            self._flex = False
        except openai.RateLimitError as error:
            if error.code == "insufficient_quota":
                raise
        except openai.BadRequestError as error:
            if error.param != "service_tier":
                raise
            self._flex = False
        return None

    def _chat(
        self, instructions: str, question: str, schema: dict[str, Any], most: int | None
    ) -> Reply:
        """In the best shape known; one the server refuses is left for the next, and the one that
        is answered is remembered. A question refused in every shape says nothing of shapes."""
        limit = {"max_tokens": most} if most else {}
        shapes = list(Shape)[list(Shape).index(self.shape) :]
        for shape in shapes:
            try:
                answer = self._complete(instructions, question, _form(shape, schema) | limit)
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if shape is shapes[-1] or error.code == "context_length_exceeded":
                    raise
                continue
            if shape is not self.shape:
                self.shape = shape
                self._learned(shape)
            return answer
        raise AssertionError("the last shape is answered or raises")

    def _complete(self, instructions: str, question: str, form: dict[str, Any]) -> Reply:
        messages = [
            {"role": "system", "content": instructions},
            {"role": "user", "content": question},
        ]
        asked: dict[str, Any] = {"model": self.name, "messages": messages, **form}
        answer = _RETRIES(_again, lambda: self._client.chat.completions.create(**asked))
        if not isinstance(answer, ChatCompletion) or not answer.choices:
            raise Unavailable("The model's server does not answer as OpenAI does.", _DOWN)
        message, given = answer.choices[0].message, answer.usage
        text = None if message.refusal else message.content or ""
        if given is None:
            return Reply(text, UNKNOWN)
        tokens = given.prompt_tokens, given.completion_tokens
        details, spent = given.prompt_tokens_details, given.completion_tokens_details
        return Reply(text, paid(self.name, *tokens, details, spent))


_DOWN = Trouble.MODEL_DOWN


def _form(shape: Shape, schema: dict[str, Any]) -> dict[str, Any]:
    match shape:
        case Shape.SCHEMA:
            named = {"name": "scores", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": named}}
        case Shape.OBJECT:
            return {"response_format": {"type": "json_object"}}
        case Shape.TEXT:
            return {}


def _again(error: Exception) -> bool | float:
    """Whether a call is tried again, and after how many seconds where the server says so.

    Not after a time-out: the call may have been paid, and judging.py asks again in halves.
    """
    if isinstance(error, openai.APITimeoutError):
        return False
    if isinstance(error, openai.APIStatusError):
        if error.status_code not in (408, 409, 429, 500, 502, 503, 504, 529):
            return False
        if error.code in _NOT_SOON:
            return False
        seconds = _retry_after(error)
        return True if seconds is None else seconds if seconds <= _LONGEST_WAIT else False
    return isinstance(error, openai.APIConnectionError) and not _unclear(error)


def _unclear(error: Exception) -> bool:
    """A connection that broke once it stood: the call may have been paid. It is not repeated here,
    where nobody would book it; judging.py asks again."""
    return (
        isinstance(error, openai.APIConnectionError)
        and not isinstance(error, openai.APITimeoutError)
        and type(error.__cause__).__name__ != "ConnectError"
    )


def _retry_after(error: openai.APIStatusError) -> float | None:
    """OpenAI's header in milliseconds, or the standard one in seconds (RFC 9110, 10.2.3)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(ValueError):  # a date, or nothing: stamina's own waits will do
            return max(0.0, float(error.response.headers.get(name, "")) / unit)
    return None


def _rethrow(error: openai.OpenAIError, model: str) -> NoReturn:
    """Their many errors as our two: asking again is pointless, or may work later."""
    if getattr(error, "code", None) == "insufficient_quota":
        raise Refused("The model's account has run out of credit.", Trouble.QUOTA) from error
    if isinstance(error, openai.AuthenticationError | openai.PermissionDeniedError):
        raise Refused(
            "The model's server does not accept OPENAI_API_KEY.", Trouble.BAD_KEY
        ) from error
    if isinstance(error, openai.NotFoundError):
        raise Refused(
            f"The model's server knows no model {json.dumps(model)}; set PAPERBOY_MODEL.",
            Trouble.UNKNOWN_MODEL,
        ) from error
    if isinstance(error, openai.APIStatusError) and error.status_code in (400, 413, 422):
        raise Unavailable(
            f"The model's server refused the request (HTTP {error.status_code}).",
            Trouble.MODEL_REFUSED,
        ) from error
    if isinstance(error, openai.RateLimitError):
        raise Unavailable(
            "The model's server asks for fewer requests.", Trouble.MODEL_BUSY
        ) from error
    if isinstance(error, openai.APITimeoutError):
        raise Unavailable(
            "The model did not answer in time; PAPERBOY_CALL_SECONDS is how long it may take.",
            Trouble.MODEL_SLOW,
        ) from error
    why = "The model's server does not answer."
    raise Unavailable(why, _DOWN, unclear=_unclear(error)) from error
