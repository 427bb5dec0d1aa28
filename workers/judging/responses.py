"""What OpenAI's responses API is asked, and what of it a model may not know."""

from __future__ import annotations

from typing import Any

_OPTIONS, _BREAKPOINT = "prompt_cache_options", "prompt_cache_breakpoint"
_EXPLICIT = {"mode": "explicit"}
# The codes of an error that may leave its parameter unnamed.
_UNKNOWN = ("unknown_parameter", "unsupported_parameter")


def asked(
    model: str,
    instructions: str,
    question: str,
    schema: dict[str, Any],
    cache_key: str,
    most_output: int | None,
) -> dict[str, Any]:
    """A request, answered by `schema`, in `most_output` tokens where that is given."""
    form = {"type": "json_schema", "name": "scores", "schema": schema, "strict": True}
    return {
        "model": model,
        "instructions": instructions,
        "input": question,
        "text": {"format": form},
        "prompt_cache_key": cache_key,
        "store": False,
    } | ({"max_output_tokens": most_output} if most_output else {})


def marked(plain: dict[str, Any]) -> dict[str, Any]:
    """The request with the same words, the end of its instructions marked for the cache.

    From GPT-5.6 on OpenAI caches a prompt up to a breakpoint, for 1.25 times the price of what is
    written. The one it sets by default ends the whole prompt, which no other call shares; none
    can stand in `instructions` (its guide to prompt caching).
    """
    rest = dict(plain)
    shared = {"type": "input_text", "text": rest.pop("instructions"), _BREAKPOINT: _EXPLICIT}
    told = {"role": "developer", "content": [shared]}
    return rest | {
        "input": [told, {"role": "user", "content": plain["input"]}],
        _OPTIONS: _EXPLICIT,
    }


def unknown_mark(message: str, code: str | None, param: str | None) -> bool:
    """Whether an error 400 says that a model knows no breakpoints."""
    said = f"{message} {param}"
    return _OPTIONS in said or _BREAKPOINT in said or (param is None and code in _UNKNOWN)
