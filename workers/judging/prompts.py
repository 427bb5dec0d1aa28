"""Renders the templates of prompts/, and a paper as data for a prompt; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache

from jinja2 import PackageLoader, StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment

from bot.domain.papers import Paper

# Line breaks (str.splitlines) that JSON does not escape; it does escape those below U+0020.
_BREAKS = re.compile("[\x85\u2028\u2029]")


@cache
def _template(name: str) -> Template:
    environment = SandboxedEnvironment(
        loader=PackageLoader("prompts", "."),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def render(name: str, **values: object) -> str:
    """Fill in a file of prompts/. Raises jinja's error for a missing value."""
    return _template(name).render(**values).strip() + "\n"


def filled(text: str, **values: object) -> str:
    """Fill in a template given as text. Raises jinja's errors."""
    return _template("score.md.j2").environment.from_string(text).render(**values).strip() + "\n"


def paper_line(paper: Paper) -> str:
    """A paper as one line of JSON, which its text cannot leave: quotes and breaks are escaped."""
    return json_line({"id": paper.id, "title": paper.title, "abstract": paper.abstract})


def paper_ids(question: str) -> list[str]:
    """The ids of the papers that a question has a line for, in their order."""
    rows = (json.loads(line) for line in question.split("\n") if line.startswith("{"))
    return [row["id"] for row in rows if "id" in row]


def json_line(fields: Mapping[str, str]) -> str:
    """Other people's text as one line of JSON."""
    raw = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return _BREAKS.sub(lambda match: f"\\u{ord(match[0]):04x}", raw)
