"""The bodies of requests to OpenAI's own server, for both of its APIs; pure."""

from __future__ import annotations

from typing import Any

from workers.judging.dialect import Dialect, ReplyFormat

_OPTIONS, _BREAKPOINT = "prompt_cache_options", "prompt_cache_breakpoint"
_EXPLICIT = {"mode": "explicit"}
# Codes of errors that may not name the parameter.
_UNKNOWN = ("unknown_parameter", "unsupported_parameter")


def responses_request(
    model: str,
    instructions: str,
    question: str,
    schema: dict[str, Any],
    cache_key: str,
    most_output: int | None,
) -> dict[str, Any]:
    """The body of a request to the responses API, without a cache breakpoint."""
    form = {"type": "json_schema", "name": "scores", "schema": schema, "strict": True}
    return {
        "model": model,
        "instructions": instructions,
        "input": question,
        "text": {"format": form},
        "prompt_cache_key": cache_key,
        "store": False,
    } | ({"max_output_tokens": most_output} if most_output else {})


def completions_request(
    model: str,
    instructions: str,
    question: str,
    schema: dict[str, Any],
    cache_key: str,
    most_output: int | None,
    choices: int,
) -> dict[str, Any]:
    """The body of a request to OpenAI's chat completions, for several `choices`: the responses API
    gives one answer alone."""
    dialect = Dialect(ReplyFormat.SCHEMA, "max_completion_tokens")
    plain = dialect.request_body(model, instructions, question, schema, most_output)
    return plain | {"n": choices, "prompt_cache_key": cache_key, "store": False}


def with_cache_breakpoint(plain: dict[str, Any]) -> dict[str, Any]:
    """The same request, to either API, with a cache breakpoint at the end of its instructions.

    From GPT-5.6 on OpenAI caches a prompt up to a breakpoint, at 1.25 times the price of the tokens
    written. By default the breakpoint ends the whole prompt, which no other call shares; and
    `instructions` cannot hold one (OpenAI's guide to prompt caching).
    """
    if "messages" in plain:
        first, *others = plain["messages"]
        shared = {"type": "text", "text": first["content"], _BREAKPOINT: _EXPLICIT}
        messages = [first | {"content": [shared]}, *others]
        return plain | {"messages": messages, _OPTIONS: _EXPLICIT}
    request = dict(plain)
    shared = {"type": "input_text", "text": request.pop("instructions"), _BREAKPOINT: _EXPLICIT}
    instructions = {"role": "developer", "content": [shared]}
    return request | {
        "input": [instructions, {"role": "user", "content": plain["input"]}],
        _OPTIONS: _EXPLICIT,
    }


def refuses_breakpoint(message: str, code: str | None, param: str | None) -> bool:
    """Whether an error 400 says that a model takes no breakpoints."""
    words = f"{message} {param}"
    return _OPTIONS in words or _BREAKPOINT in words or (param is None and code in _UNKNOWN)
