"""The only module that calls a model, through either of OpenAI's APIs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from functools import partial
from typing import Any, NoReturn
from urllib.parse import urlsplit

import httpx2
import openai
import stamina

from bot.domain.papers import fingerprint
from bot.domain.reasons import ModelReason
from bot.errors import Refused, Unavailable
from bot.settings import Settings
from bot.store.store import Store
from workers.judging import api_replies, model_errors, openai_requests
from workers.judging.batches import ModelReply
from workers.judging.bounded_http import BoundedClient, LoopThread, ResponseTooLarge
from workers.judging.dialect import Dialect
from workers.judging.prices import paid

# Three tries, 0.5 to 1.5 and 1 to 2 s apart, or as the server's Retry-After says.
_RETRIES = stamina.RetryingCaller(
    attempts=3, timeout=None, wait_initial=0.5, wait_max=8.0, wait_jitter=1.0
)
_LONGEST_WAIT = 60.0
# Out of credit; no capacity at the flex tier.
_NOT_SOON = ("insufficient_quota", "resource_unavailable")
# Flex waits for capacity: OpenAI's guide allows it 15 minutes. With more than five, a day of three
# waves of calls might not be ready at its subscribers' time.
_FLEX_SECONDS = 300.0
_CONNECTIONS = httpx2.Limits(max_connections=None, max_keepalive_connections=32)
_OPENAI = "api.openai.com"
_RESPONSES, _COMPLETIONS = "/responses", "/chat/completions"
# What a server answers that does not know a parameter.
_REFUSES = (400, 404, 415, 422, 500, 501)


def is_openai(base_url: str | None) -> bool:
    """Whether an address is OpenAI's own, including a region's (`eu.api.openai.com`)."""
    host = _host(base_url) if base_url else _OPENAI
    return host == _OPENAI or host.endswith(f".{_OPENAI}")


def _host(url: str) -> str:
    with suppress(ValueError):  # not an address
        return (urlsplit(url).hostname or "").lower()
    return ""


class Model:
    """A model on a server: OpenAI's own through the responses API, or a compatible one (by
    `base_url`) through chat completions, in the richest dialect the server accepts.

    `dialect` is the first to try; `save_dialect` gets each one that works, as text for
    Dialect.read. A call may take `timeout_seconds`, from connecting to the last byte. `flex` is
    for work nobody waits for: OpenAI's slower tier at half the price, where it has capacity.
    """

    def __init__(
        self,
        name: str,
        api_key: str | None,
        base_url: str | None,
        timeout_seconds: float,
        dialect: Dialect | None = None,
        save_dialect: Callable[[str], None] = lambda dialect: None,
        flex: bool = False,
    ) -> None:
        self.name, self.dialect = name, dialect or Dialect()
        self._is_compatible, self._save_dialect = not is_openai(base_url), save_dialect
        self._flex, self._flex_seconds = flex, max(timeout_seconds, _FLEX_SECONDS)
        self._marks = self._offers_choices = True
        # Dialects that were answered, each with the fields its schema asked for.
        self._proven = set[tuple[Dialect, tuple[str, ...]]]()
        self._seconds, self._key = timeout_seconds, api_key
        # OpenAI has one path, whatever path was configured.
        self._base_url = base_url
        if base_url and not self._is_compatible:
            self._base_url = f"https://{_host(base_url)}/v1"
        self._aside, self._made = LoopThread(), threading.Lock()
        self._client: openai.AsyncOpenAI | None = None

    def close(self) -> None:
        """Close the connections; calls under way end with Unavailable."""
        if self._client is not None:
            self._aside.close(self._client.close)

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, Any],
        cache_key: str,
        most_output: int | None = None,
        patience: float = 1.0,
        choices: int = 1,
    ) -> ModelReply:
        """Make one call, answered as JSON by `schema` where the server supports it, in at most
        `most_output` tokens; a call with a long answer may take `patience` times as long. Of
        several `choices` the prompt is paid once; a server without them gives one.

        Whatever the server sends, raises only Refused (wrong key, unknown model, out of credit:
        asking again is pointless) and Unavailable (the server is away, busy, too slow, or rejects
        this question).
        """
        seconds = self._seconds * patience
        try:
            if self._is_compatible:
                return self._chat(instructions, question, schema, most_output, seconds, choices)
            about = self.name, instructions, question, schema, cache_key, most_output
            if choices > 1 and self._offers_choices:
                try:
                    several = openai_requests.completions_request(*about, choices)
                    return self._respond(several, seconds, _COMPLETIONS)
                except (openai.BadRequestError, openai.NotFoundError):
                    self._offers_choices = False
            return self._respond(openai_requests.responses_request(*about), seconds)
        except openai.OpenAIError as error:
            _rethrow(error, self.name)
        except CancelledError as error:
            why = "Nobody waits for this call any more."
            raise Unavailable(why, ModelReason.STILL_AT_IT, outcome_unknown=True) from error

    def _respond(self, plain: dict[str, Any], seconds: float, path: str = _RESPONSES) -> ModelReply:
        """Send with a cache breakpoint after the instructions, until the model refuses one."""
        if self._marks:
            try:
                marked = openai_requests.with_cache_breakpoint(plain)
                return self._answered(marked, seconds, path)
            except openai.BadRequestError as error:
                param = error.param if isinstance(error.param, str) else None
                if not openai_requests.refuses_breakpoint(error.message, error.code, param):
                    raise
                self._marks = False
        return self._answered(plain, seconds, path)

    def _answered(self, asked: dict[str, Any], seconds: float, path: str) -> ModelReply:
        body = self._at_flex(path, asked) if self._flex else None
        if body is None:
            body = _RETRIES(_again, lambda: self._post(path, asked, seconds))
        read = api_replies.parse_response if path == _RESPONSES else api_replies.parse_chat
        return parse_reply(read, body, self.name)

    def _at_flex(self, path: str, asked: dict[str, Any]) -> bytes | None:
        """Ask at the flex tier; None where the default tier has to be asked. A flex call that timed
        out may be charged without being booked, so it, like a model without flex, ends flex calls.
        """
        flexibly = asked | {"service_tier": "flex"}
        try:
            return _RETRIES(_again, lambda: self._post(path, flexibly, self._flex_seconds))
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
        self,
        instructions: str,
        question: str,
        schema: dict[str, Any],
        most: int | None,
        seconds: float,
        choices: int,
    ) -> ModelReply:
        """Ask in the last dialect that worked; fall back while the server refuses it, and save the
        one that is answered. A question refused in every dialect changes nothing."""
        dialect, fields = self.dialect, tuple(schema.get("properties", ()))
        several = {"n": choices} if choices > 1 and self._offers_choices else {}
        while True:
            request = dialect.request_body(self.name, instructions, question, schema, most)
            try:
                body = _RETRIES(_again, self._post, _COMPLETIONS, request | several, seconds)
            except openai.APIStatusError as error:
                if several and error.status_code in _REFUSES:
                    several, self._offers_choices = {}, False
                    continue
                refusal = model_errors.parse_error_body(error.status_code, error.response.content)
                fallback = dialect.fallback(
                    refusal, most is not None, (dialect, fields) in self._proven
                )
                if fallback is None:
                    raise
                dialect = fallback
            else:
                break
        reply = parse_reply(api_replies.parse_chat, body, self.name)
        self._proven.add((dialect, fields))
        if dialect != self.dialect:
            self.dialect = dialect
            self._save_dialect(str(dialect))
        return reply

    def _post(self, path: str, asked: dict[str, Any], seconds: float) -> bytes:
        """The body of an answer with status 200. Raises openai's errors, CancelledError, and
        Refused for settings that no request can be made of."""
        try:
            with self._made:
                client = self._client = self._client or self._new_client()
            options: Any = {"timeout": seconds}
            response = self._aside.run(
                lambda: client.post(path, cast_to=httpx2.Response, body=asked, options=options)
            )
        except (httpx2.InvalidURL, UnicodeError, ImportError, OSError, ValueError) as error:
            why = "No request can be made with OPENAI_BASE_URL and OPENAI_API_KEY as they are."
            raise Refused(why, ModelReason.WRONG_ADDRESS) from error
        return response.content

    def _new_client(self) -> openai.AsyncOpenAI:
        # A compatible server may need no key, the client always wants one. The client's own
        # retries would also repeat a call that took too long, at full price and full length.
        return openai.AsyncOpenAI(
            api_key=self._key or "none",
            base_url=self._base_url,
            timeout=self._seconds,
            max_retries=0,
            http_client=BoundedClient(timeout=self._seconds, limits=_CONNECTIONS),
        )


def parse_reply(
    read: Callable[[bytes], api_replies.ApiReply], body: bytes, model: str
) -> ModelReply:
    """Turn the body of an answer with status 200, whatever its bytes are, into a priced reply.

    Raises only Refused and Unavailable. An answer of unknown cost is a reply, too.
    """
    if error := api_replies.error_in(body):
        raise model_errors.error_with_status_200(error, model)
    answer = read(body)
    usage = paid(model, answer.counts, answer.tier)
    return ModelReply(answer.text, usage, answer.reason, answer.others)


def _again(error: Exception) -> bool | float:
    """Whether to retry a call, or the seconds to wait first where the server names them.

    Not after a time-out: the call may be charged, and judging/batches.py asks again in halves.
    """
    if isinstance(error, openai.APITimeoutError):
        return False
    if isinstance(error, openai.APIStatusError):
        if error.status_code not in (408, 409, 429, 500, 502, 503, 504, 529):
            return False
        if error.code in _NOT_SOON or not _is_transient(error):
            return False
        seconds = _retry_after(error)
        return True if seconds is None else seconds if seconds <= _LONGEST_WAIT else False
    return isinstance(error, openai.APIConnectionError) and not _may_be_charged(error)


def _is_transient(error: openai.APIStatusError) -> bool:
    """Whether the same request may be answered in a moment: not when the dialect, the question or
    the account is to blame."""
    given = model_errors.parse_error_body(error.status_code, error.response.content)
    about = model_errors.typed_error(given, "").reason in (
        ModelReason.MODEL_DOWN,
        ModelReason.MODEL_BUSY,
    )
    return about and Dialect().fallback(given, limited=True, proven=True) is None


def _may_be_charged(error: Exception) -> bool:
    """Whether a connection broke after it was made: the call may be charged. It is not retried
    here, where nobody would book it; judging/batches.py asks again."""
    return (
        isinstance(error, openai.APIConnectionError)
        and not isinstance(error, openai.APITimeoutError)
        and type(error.__cause__).__name__ != "ConnectError"
    )


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Seconds, from OpenAI's header in milliseconds or the standard one (RFC 9110, 10.2.3)."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        with suppress(ValueError):  # a date, or nothing: stamina's own waits apply
            return max(0.0, float(error.response.headers.get(name, "")) / unit)
    return None


def _rethrow(error: openai.OpenAIError, model: str) -> NoReturn:
    """Raise the openai package's error as Refused or Unavailable."""
    if isinstance(error, openai.APIStatusError):
        given = model_errors.parse_error_body(error.status_code, error.response.content)
        raise model_errors.typed_error(given, model) from error
    if isinstance(error, openai.APITimeoutError):
        raise Unavailable(
            "The model didn't answer in time; PAPERBOY_CALL_SECONDS sets the limit.",
            ModelReason.MODEL_SLOW,
        ) from error
    if isinstance(error.__cause__, ResponseTooLarge | httpx2.DecodingError):
        raise api_replies.not_an_api_reply() from error
    if isinstance(error.__cause__, httpx2.UnsupportedProtocol):
        why = "OPENAI_BASE_URL doesn't begin with http:// or https://."
        raise Refused(why, ModelReason.WRONG_ADDRESS) from error
    why = "The model server doesn't answer."
    raise Unavailable(
        why, ModelReason.MODEL_DOWN, outcome_unknown=_may_be_charged(error)
    ) from error


def open_model(
    settings: Settings, name: str, store: Store, flex: bool = False, base_url: str | None = None
) -> Model:
    """The model of that name on the configured server, or the one at `base_url`, asked in the
    dialect that worked before; `flex` as in Model."""
    key, url = settings.openai_api_key, base_url
    if url is None and settings.openai_base_url:
        url = settings.openai_base_url.get_secret_value()
    server = fingerprint("openai" if url is None or is_openai(url) else url, name)
    return Model(
        name,
        key.get_secret_value() if key else None,
        url,
        settings.call_seconds,
        Dialect.read(store.scores.reply_format(server)),
        partial(store.scores.put_reply_format, server),
        flex,
    )
