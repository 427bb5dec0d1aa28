"""What was found out about the model: a noun for `paperboy doctor`."""

from __future__ import annotations

from bot.domain import Noun, Trouble
from bot.ledger import Usage


class Checkup(Noun):
    """`model` None: nothing is set, papers are ranked locally. `shape` is how the server was asked
    with success; `trouble` what stood in the way, with its sentence in `detail`."""

    model: str | None
    server: str
    key: bool
    shape: str | None = None
    seconds: float = 0.0
    usage: Usage = Usage()
    trouble: Trouble | None = None
    detail: str = ""
