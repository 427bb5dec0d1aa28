"""The dialect of chat completions that an OpenAI-compatible server accepts; pure.

Servers accept different parameters and say so by refusing a request. What one refuses is found
out by asking, and stored by server and model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Self

from bot.domain.reasons import ModelReason
from workers.judging import prompts
from workers.judging.model_errors import ServerError, typed_error


class ReplyFormat(StrEnum):
    """How strictly a compatible server can be held to a schema, the strictest first."""

    BOUNDED = "bounded_schema"
    SCHEMA = "json_schema"
    OBJECT = "json_object"
    TEXT = "text"


# The parameter that limits an answer's length, the older name first; "" for none.
_LIMITS = ("max_tokens", "max_completion_tokens", "")
_NO_SYSTEM, _NO_LIMIT = "no_system", "no_limit"
# Characters; the longest text asked for, a sentence of 16 words, is shown up to 200.
_TEXT_MAX = 300

_SHAPE = re.compile(
    r"(?i)response_?format|json_?schema|json_?object|structured|grammar|guided|schema"
)
_SYSTEM = re.compile(
    r"(?i)system.{0,30}\brole|\brole.{0,60}system|(system|developer) (message|prompt|instruction)"
)


@dataclass(frozen=True)
class Dialect:
    """`limit_parameter` limits an answer's length, empty where there is none; without a system role
    the instructions precede the question in one message."""

    reply_format: ReplyFormat = ReplyFormat.BOUNDED
    limit_parameter: str = _LIMITS[0]
    has_system_role: bool = True

    @classmethod
    def read(cls, stored: str | None) -> Self:
        """Parse a stored dialect: words in any order, unknown ones ignored. Older releases stored
        the reply format alone."""
        words = set((stored or "").split())
        shape = next((shape for shape in ReplyFormat if shape in words), ReplyFormat.BOUNDED)
        named = next((limit for limit in _LIMITS if limit and limit in words), _LIMITS[0])
        return cls(shape, "" if _NO_LIMIT in words else named, _NO_SYSTEM not in words)

    def __str__(self) -> str:
        """The stored form; defaults are left out."""
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
        """The request, answered in at most `most` tokens."""
        if self.has_system_role:
            messages = [
                {"role": "system", "content": instructions},
                {"role": "user", "content": question},
            ]
        else:
            messages = [{"role": "user", "content": f"{instructions}\n{question}"}]
        limit = {self.limit_parameter: most} if most and self.limit_parameter else {}
        return (
            {"model": model, "messages": messages}
            | _response_format(self.reply_format, schema, question)
            | limit
        )

    def fallback(self, refusal: ServerError, limited: bool, proven: bool) -> Dialect | None:
        """The dialect to try after a refusal; None where this one is not to blame.

        Where this dialect has been answered before (`proven`), a refusal that names no parameter
        is about the question.
        """
        if refusal.status not in (400, 404, 415, 422, 500, 501):
            return None
        if typed_error(refusal, "").reason in (
            ModelReason.QUOTA,
            ModelReason.CONTENT_FILTER,
            ModelReason.TOO_LONG,
        ):
            return None
        if (
            limited
            and self.limit_parameter
            and re.search(rf"\b{self.limit_parameter}\b", refusal.text)
        ):
            return self._with_next_limit()
        if self.has_system_role and _SYSTEM.search(refusal.text):
            return replace(self, has_system_role=False)
        if refusal.status not in (400, 422) or (proven and not _SHAPE.search(refusal.text)):
            return None
        return self._looser(limited)

    def _looser(self, limited: bool) -> Dialect | None:
        """Drop one demand, the likeliest culprit first."""
        formats = list(ReplyFormat)
        if self.reply_format is not formats[-1]:
            return replace(self, reply_format=formats[formats.index(self.reply_format) + 1])
        if limited and self.limit_parameter:
            return self._with_next_limit()
        return replace(self, has_system_role=False) if self.has_system_role else None

    def _with_next_limit(self) -> Dialect:
        return replace(self, limit_parameter=_LIMITS[_LIMITS.index(self.limit_parameter) + 1])


def _response_format(
    reply_format: ReplyFormat, schema: Mapping[str, Any], question: str
) -> dict[str, Any]:
    match reply_format:
        case ReplyFormat.BOUNDED | ReplyFormat.SCHEMA:
            is_bounded = reply_format is ReplyFormat.BOUNDED
            given = bounded(schema, prompts.paper_ids(question)) if is_bounded else schema
            named = {"name": "scores", "schema": given, "strict": True}
            return {"response_format": {"type": "json_schema", "json_schema": named}}
        case ReplyFormat.OBJECT:
            return {"response_format": {"type": "json_object"}}
        case ReplyFormat.TEXT:
            return {}


def bounded(schema: Mapping[str, Any], ids: Sequence[str]) -> Mapping[str, Any]:
    """The schema of a list with a row for each of these papers, with what OpenAI's strict schemas
    don't allow: so many rows, an id that is one of theirs, and texts that end. A small model on
    llama.cpp's server was seen to write on in its first id until the answer's limit. Any other
    schema stays as it is."""
    (name, rows), *others = schema["properties"].items()
    if others or not ids:
        return schema  # of a profile
    fields = rows["items"]["properties"]
    if "id" not in fields:
        return schema  # of claims about one paper
    ends = {n: f | {"maxLength": _TEXT_MAX} for n, f in fields.items() if f["type"] == "string"}
    fields = fields | ends | {"id": {"type": "string", "enum": list(ids)}}
    rows = rows | {
        "items": rows["items"] | {"properties": fields},
        "minItems": len(ids),
        "maxItems": len(ids),
    }
    return {**schema, "properties": {name: rows}}
