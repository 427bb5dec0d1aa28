"""How a server that imitates OpenAI's chat completions wants to be asked; pure.

Servers take different parameters and say so by refusing a request. What one refuses is found out
by asking, and remembered by server and model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from bot.domain.reasons import ModelReason
from workers.judging.model_errors import ServerError, typed_error


class ReplyFormat(StrEnum):
    """How strictly a compatible server can be told what to answer, the best first."""

    SCHEMA = "json_schema"
    OBJECT = "json_object"
    TEXT = "text"


# The names of the limit of an answer's length, the older first, and none.
_LIMITS = ("max_tokens", "max_completion_tokens", "")
_NO_SYSTEM, _NO_LIMIT = "no_system", "no_limit"

_SHAPE = re.compile(
    r"(?i)response_?format|json_?schema|json_?object|structured|grammar|guided|schema"
)
_SYSTEM = re.compile(
    r"(?i)system.{0,30}\brole|\brole.{0,60}system|(system|developer) (message|prompt|instruction)"
)


@dataclass(frozen=True)
class Dialect:
    """`limit` is the parameter that limits an answer's length, empty where there is none; without
    `system` the instructions stand before the question, in one message."""

    reply_format: ReplyFormat = ReplyFormat.SCHEMA
    limit_parameter: str = _LIMITS[0]
    has_system_role: bool = True

    @classmethod
    def read(cls, stored: str | None) -> Self:
        """As it was stored: words in any order, of which unknown ones say nothing. A shape alone
        is what was stored before there was more to know."""
        words = set((stored or "").split())
        shape = next((shape for shape in ReplyFormat if shape in words), ReplyFormat.SCHEMA)
        named = next((limit for limit in _LIMITS if limit and limit in words), _LIMITS[0])
        return cls(shape, "" if _NO_LIMIT in words else named, _NO_SYSTEM not in words)

    def __str__(self) -> str:
        """To be stored; what every server takes goes without saying."""
        limit = {_LIMITS[0]: "", "": _NO_LIMIT}.get(self.limit_parameter, self.limit_parameter)
        words = (self.reply_format.value, limit, "" if self.has_system_role else _NO_SYSTEM)
        return " ".join(filter(None, words))

    def request_body(
        self,
        model: str,
        instructions: str,
        question: str,
        schema: Mapping[str, Any],
        most: int | None,
    ) -> dict[str, Any]:
        """The request, answered in `most` tokens where that is given."""
        told = {"role": "system", "content": instructions}
        said = {"role": "user", "content": question}
        if not self.has_system_role:
            said["content"] = f"{instructions}\n{question}"
        limit = {self.limit_parameter: most} if most and self.limit_parameter else {}
        messages = [told, said] if self.has_system_role else [said]
        return {"model": model, "messages": messages} | _form(self.reply_format, schema) | limit

    def fallback(self, said: ServerError, limited: bool, proven: bool) -> Dialect | None:
        """What to try when a request was refused so; None where its form is not to blame.

        A refusal that names no parameter says nothing where the same form has been answered before
        (`proven`): then it is the question's.
        """
        if said.status not in (400, 404, 415, 422, 500, 501):
            return None
        if typed_error(said, "").reason in (
            ModelReason.QUOTA,
            ModelReason.CONTENT_FILTER,
            ModelReason.TOO_LONG,
        ):
            return None
        if (
            limited
            and self.limit_parameter
            and re.search(rf"\b{self.limit_parameter}\b", said.text)
        ):
            return self._otherwise_limited()
        if self.has_system_role and _SYSTEM.search(said.text):
            return replace(self, has_system_role=False)
        if said.status not in (400, 422) or (proven and not _SHAPE.search(said.text)):
            return None
        return self._looser(limited)

    def _looser(self, limited: bool) -> Dialect | None:
        """One demand less, from the most to the least likely to be in the way."""
        shapes = list(ReplyFormat)
        if self.reply_format is not shapes[-1]:
            return replace(self, reply_format=shapes[shapes.index(self.reply_format) + 1])
        if limited and self.limit_parameter:
            return self._otherwise_limited()
        return replace(self, has_system_role=False) if self.has_system_role else None

    def _otherwise_limited(self) -> Dialect:
        return replace(self, limit_parameter=_LIMITS[_LIMITS.index(self.limit_parameter) + 1])


def _form(shape: ReplyFormat, schema: Mapping[str, Any]) -> dict[str, Any]:
    match shape:
        case ReplyFormat.SCHEMA:
            named = {"name": "scores", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": named}}
        case ReplyFormat.OBJECT:
            return {"response_format": {"type": "json_object"}}
        case ReplyFormat.TEXT:
            return {}
