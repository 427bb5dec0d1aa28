"""The templates of prompts/ filled in, and a paper as data for a prompt; pure."""

from __future__ import annotations

import json
import re
from functools import cache

from jinja2 import PackageLoader, StrictUndefined, Template
from jinja2.sandbox import SandboxedEnvironment

from bot.domain.papers import Paper

# What ends a line (str.splitlines) and JSON leaves as it is; it escapes what is below U+0020.
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
    """A file of prompts/ with these values in it; a value it misses raises jinja's error."""
    return _template(name).render(**values).strip() + "\n"


def filled(text: str, **values: object) -> str:
    """A template of one's own, filled in likewise; raises jinja's errors."""
    return _template("score.md.j2").environment.from_string(text).render(**values).strip() + "\n"


def paper_line(paper: Paper) -> str:
    """A paper as one line of JSON, which its text cannot leave: quotes and breaks are escaped."""
    said = {"id": paper.id, "title": paper.title, "abstract": paper.abstract}
    raw = json.dumps(said, ensure_ascii=False)
    return _BREAKS.sub(lambda match: f"\\u{ord(match[0]):04x}", raw)
