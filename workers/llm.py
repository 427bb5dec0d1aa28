"""The one place that calls a model."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

import genai_prices
import openai

from bot.domain import Trouble
from bot.errors import Refused, Unavailable
from bot.ledger import Usage

# One call judges a handful of papers: a server that needs longer than this is not serving us.
_SECONDS = 60.0


@dataclass(frozen=True)
class Reply:
    """What a call brought: the text, or None where the model refused; and what it cost."""

    text: str | None
    usage: Usage


class Model:
    """A model on a server: OpenAI's own through the responses API, or a compatible one (by
    `base_url`) through chat completions. Retries with back-off are the openai client's own."""

    def __init__(self, name: str, api_key: str | None, base_url: str | None) -> None:
        self.name = name
        self._own_server = base_url is not None
        # A compatible server may need no key, the client always wants one.
        self._client = openai.OpenAI(
            api_key=api_key or "none", base_url=base_url, timeout=_SECONDS, max_retries=2
        )

    def close(self) -> None:
        """Let its connections go."""
        self._client.close()

    def ask(
        self, instructions: str, question: str, schema: dict[str, Any], cache_key: str
    ) -> Reply:
        """One call, answered as JSON by `schema`.

        Raises Refused (wrong key, unknown model, no money: asking again is pointless) and
        Unavailable (the server is away or busy).
        """
        try:
            if self._own_server:
                return self._chat(instructions, question, schema)
            return self._respond(instructions, question, schema, cache_key)
        except openai.OpenAIError as error:
            _rethrow(error, self.name)

    def _respond(
        self, instructions: str, question: str, schema: dict[str, Any], cache_key: str
    ) -> Reply:
        answer = self._client.responses.create(
            model=self.name,
            instructions=instructions,
            input=question,
            text={
                "format": {
                    "type": "json_schema",
                    "name": "scores",
                    "schema": schema,
                    "strict": True,
                }
            },
            prompt_cache_key=cache_key,
            store=False,
        )
        text = answer.output_text or None
        return Reply(text, self._usage(answer, "responses"))

    def _chat(self, instructions: str, question: str, schema: dict[str, Any]) -> Reply:
        answer = self._client.chat.completions.create(
            model=self.name,
            messages=[
                {"role": "system", "content": instructions},
                {"role": "user", "content": question},
            ],
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "scores", "schema": schema, "strict": True},
            },
        )
        text = answer.choices[0].message.content if answer.choices else None
        return Reply(text, self._usage(answer, "chat"))

    def _usage(self, answer: Any, flavor: str) -> Usage:
        """The tokens the server reported, priced offline by genai-prices; a price it does not
        know is unknown, not nothing."""
        given = answer.usage
        if given is None:
            return Usage(calls=1, prompt_usd=None, completion_usd=None)
        if flavor == "responses":
            prompt, completion = given.input_tokens, given.output_tokens
            parts, spent = given.input_tokens_details, given.output_tokens_details
        else:
            prompt, completion = given.prompt_tokens, given.completion_tokens
            parts, spent = given.prompt_tokens_details, given.completion_tokens_details
        cached = getattr(parts, "cached_tokens", None) or 0
        prompt_usd, completion_usd = price(self.name, prompt, cached, completion)
        return Usage(
            calls=1,
            prompt_tokens=prompt,
            cached_tokens=cached,
            completion_tokens=completion,
            reasoning_tokens=getattr(spent, "reasoning_tokens", None) or 0,
            prompt_usd=prompt_usd,
            completion_usd=completion_usd,
        )


def price(
    model: str, prompt: int, cached: int, completion: int
) -> tuple[float, float] | tuple[None, None]:
    """Dollars for the prompt (`cached` is a part of it) and for the completion; None and None
    for a model that genai-prices does not know."""
    tokens = genai_prices.Usage(
        input_tokens=prompt, cache_read_tokens=cached, output_tokens=completion
    )
    try:
        priced = genai_prices.calc_price(tokens, model)
    except LookupError:
        return None, None
    return float(priced.input_price), float(priced.output_price)


def _rethrow(error: openai.OpenAIError, model: str) -> NoReturn:
    """Their many errors as our two: asking again is pointless, or may work later."""
    code = getattr(error, "code", None)
    if code == "insufficient_quota":
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
    raise Unavailable("The model's server does not answer.", Trouble.MODEL_DOWN) from error
