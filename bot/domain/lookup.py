"""The nouns of asking about one paper: what is asked, found, and said of it; no I/O."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bot.domain.digest import Judge, Score
from bot.domain.papers import Paper, Value, fingerprint
from bot.domain.reasons import ArxivReason, ModelReason, PaperReason


class Claim(Value):
    """What a judge says of a paper and one of a profile's topics, with the words of the paper's
    title or abstract, as they stand there, that carry it."""

    topic: str
    meets: bool
    says: str
    quote: str


class Assessment(Value):
    """What the judge says of a paper to somebody who asks: a score or why there is none, claims
    that were checked against the paper (`dropped` were not borne out) or why there are none."""

    score: Score | None
    trouble: ModelReason | None = None
    claims: tuple[Claim, ...] = ()
    dropped: int = Field(default=0, ge=0)
    silent: ModelReason | PaperReason | None = None


class ArxivAnswer(Value):
    """What arXiv says of an id: the paper, or why there is none (NOT_FOUND, or arXiv's trouble).

    `withdrawn` are the authors' words where they took it back.
    """

    paper: Paper | None
    trouble: ArxivReason | PaperReason | None = None
    withdrawn: str = ""
    at: datetime

    @property
    def missing(self) -> bool:
        """arXiv answered, and does not show it."""
        return self.trouble is PaperReason.NOT_FOUND


class Lookup(Value):
    """Somebody wants to know of a paper: what the judge of each profile (a fingerprint) says.

    `ref` names the paper's stored text, empty where arXiv has to be asked for it; `version` is the
    one that was named. `purse` names whose questions of a day are counted, where that is not the
    workspace's: people alone with the bot on Discord are in none.
    """

    paper: str
    version: int | None = None
    ref: str = ""
    profiles: tuple[str, ...]
    judge: Judge
    workspace: str
    purse: str = ""
    since: datetime

    @property
    def key(self) -> str:
        """One for all who ask the same of the same paper."""
        model = self.judge.model or ""
        paid_by = self.purse or self.workspace
        return fingerprint(self.paper, self.ref, model, paid_by, *self.profiles)
