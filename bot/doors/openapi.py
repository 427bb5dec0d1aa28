"""The OpenAPI document, made of the table of pages and of the shapes that they take and give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import metadata
from typing import Any, Final, NamedTuple

from pydantic.json_schema import models_json_schema

from bot.domain.papers import Value
from bot.exported.shapes import ErrorShape
from bot.views.keeping import programs as words

_REF: Final = "#/components/schemas/{model}"
_ERRORS: Final = {
    400: "A parameter can't be taken.",
    401: "No token, or none that is good.",
    404: "There is no such thing, or it is not yours to read.",
    429: "Too many requests in this minute.",
    503: "The database, the workers or the chat don't answer.",
}
# So that programs know how long to wait.
_WAITS: Final = (429, 503)


class Page(NamedTuple):
    """One page of the API: its address, in which names stand in braces; what it is, what it takes
    and gives. A page without `gives` gives any JSON object."""

    path: str
    name: str
    says: str
    takes: type[Value] | None
    gives: type[Value] | None


def document(pages: Sequence[Page], url: str) -> dict[str, Any]:
    """OpenAPI 3.1 of these pages, served below an address."""
    models = [(page.gives, "serialization") for page in pages if page.gives]
    _, schemas = models_json_schema(
        [*models, (ErrorShape, "serialization")],  # type: ignore[list-item]
        ref_template=_REF,
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": words.NAME,
            "version": metadata.version("paperboy"),
            "description": f"{words.WHAT_IT_IS} {words.DATA_NOT_ORDERS}",
        },
        "servers": [{"url": url}],
        "security": [{"token": []}],
        "paths": {page.path: {"get": _operation(page)} for page in pages},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(page: Page) -> dict[str, Any]:
    schema = _ref(page.gives.__name__) if page.gives else {"type": "object"}
    return {
        "operationId": page.name,
        "summary": page.says,
        "parameters": [*_in_path(page.path), *_in_query(page.takes)],
        "responses": {"200": _answer(page.says, schema)}
        | {str(status): _error(status, says) for status, says in _ERRORS.items()},
    }


def _in_path(path: str) -> list[dict[str, Any]]:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    text = {"type": "string", "minLength": 1}
    return [{"name": name, "in": "path", "required": True, "schema": text} for name in names]


def _in_query(takes: type[Value] | None) -> list[dict[str, Any]]:
    if takes is None:
        return []
    schema = takes.model_json_schema()
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "query",
            "required": name in required,
            "description": each["description"],
            "schema": _of_one(each, schema.get("$defs", {})),
        }
        for name, each in schema["properties"].items()
    ]


def _of_one(given: Mapping[str, Any], defs: Mapping[str, Any]) -> dict[str, Any]:
    """A parameter's schema: one that is left out is absent, not null."""
    kinds = [kind for kind in given.get("anyOf", [given]) if kind.get("type") != "null"]
    (kind,) = kinds
    if "$ref" in kind:
        kind = defs[kind["$ref"].rpartition("/")[2]]
    kept = {key: value for key, value in kind.items() if key not in ("title", "description")}
    default = given.get("default")
    return kept if default is None else kept | {"default": default}


def _ref(name: str) -> dict[str, str]:
    return {"$ref": _REF.format(model=name)}


def _answer(says: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": says, "content": {"application/json": {"schema": schema}}}


def _error(status: int, says: str) -> dict[str, Any]:
    answer = _answer(says, _ref("ErrorShape"))
    if status in _WAITS:
        seconds = {"description": "Seconds to wait.", "schema": {"type": "integer"}}
        answer["headers"] = {"Retry-After": seconds}
    return answer
