"""What a long soak has run, in a file: it can be stopped, and goes on where it was."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from tests.simulation.run import Result

_ROOT = Path(__file__).parents[2]
_RUN = ("bot", "workers", "prompts", "tests/simulation")


class _Line(BaseModel):
    """A run of the record, a line of JSON. `code` says which program and simulator it ran."""

    code: str
    result: Result


class Record:
    """The runs of a file, by today's code and by what was before it."""

    def __init__(self, file: Path | None) -> None:
        """Read what there is; without a file nothing is kept."""
        self._file = file
        self._code = _code()
        there = file.read_text(encoding="utf-8").splitlines() if file and file.exists() else []
        lines = [_Line.model_validate_json(line) for line in there]
        self.done = [line.result for line in lines if line.code == self._code]
        self.earlier = [line.result for line in lines if line.code != self._code]

    def add(self, result: Result) -> None:
        """Keep a run, but for its story, which its seed tells again."""
        self.done.append(result)
        if self._file:
            line = _Line(code=self._code, result=replace(result, story=()))
            with self._file.open("a", encoding="utf-8") as file:
                file.write(line.model_dump_json() + "\n")


def _code() -> str:
    """A digest of all that a run depends on, but for what is installed."""
    digest = hashlib.sha256()
    for file in sorted(file for folder in _RUN for file in (_ROOT / folder).rglob("*")):
        if file.is_file() and file.suffix != ".pyc":
            digest.update(f"{file.relative_to(_ROOT)}\n".encode() + file.read_bytes())
    return digest.hexdigest()[:12]
