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

from bot.domain.papers import Trouble
from workers.judging.refusals import Said, failure


class Shape(StrEnum):
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
class Ways:
    """`limit` is the parameter that limits an answer's length, empty where there is none; without
    `system` the instructions stand before the question, in one message."""

    shape: Shape = Shape.SCHEMA
    limit: str = _LIMITS[0]
    system: bool = True

    @classmethod
    def read(cls, stored: str | None) -> Self:
        """As it was stored: words in any order, of which unknown ones say nothing. A shape alone
        is what was stored before there was more to know."""
        words = set((stored or "").split())
        shape = next((shape for shape in Shape if shape in words), Shape.SCHEMA)
        named = next((limit for limit in _LIMITS if limit and limit in words), _LIMITS[0])
        return cls(shape, "" if _NO_LIMIT in words else named, _NO_SYSTEM not in words)

    def __str__(self) -> str:
        """To be stored; what every server takes goes without saying."""
        limit = {_LIMITS[0]: "", "": _NO_LIMIT}.get(self.limit, self.limit)
        words = (self.shape.value, limit, "" if self.system else _NO_SYSTEM)
        return " ".join(filter(None, words))

    def asked(
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
        if not self.system:
            said["content"] = f"{instructions}\n{question}"
        limit = {self.limit: most} if most and self.limit else {}
        messages = [told, said] if self.system else [said]
        return {"model": model, "messages": messages} | _form(self.shape, schema) | limit

    def after(self, said: Said, limited: bool, proven: bool) -> Ways | None:
        """What to try when a request was refused so; None where its form is not to blame.

        A refusal that names no parameter says nothing where the same form has been answered before
        (`proven`): then it is the question's.
        """
        if said.status not in (400, 404, 415, 422, 500, 501):
            return None
        if failure(said, "").trouble in (Trouble.QUOTA, Trouble.CONTENT_FILTER, Trouble.TOO_LONG):
            return None
        if limited and self.limit and re.search(rf"\b{self.limit}\b", said.all):
            return self._otherwise_limited()
        if self.system and _SYSTEM.search(said.all):
            return replace(self, system=False)
        if said.status not in (400, 422) or (proven and not _SHAPE.search(said.all)):
            return None
        return self._looser(limited)

    def _looser(self, limited: bool) -> Ways | None:
        """One demand less, from the most to the least likely to be in the way."""
        shapes = list(Shape)
        if self.shape is not shapes[-1]:
            return replace(self, shape=shapes[shapes.index(self.shape) + 1])
        if limited and self.limit:
            return self._otherwise_limited()
        return replace(self, system=False) if self.system else None

    def _otherwise_limited(self) -> Ways:
        return replace(self, limit=_LIMITS[_LIMITS.index(self.limit) + 1])


def _form(shape: Shape, schema: Mapping[str, Any]) -> dict[str, Any]:
    match shape:
        case Shape.SCHEMA:
            named = {"name": "scores", "schema": schema, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": named}}
        case Shape.OBJECT:
            return {"response_format": {"type": "json_object"}}
        case Shape.TEXT:
            return {}
