"""Lookups of one paper: what is asked, what arXiv answers, what a judge says; no I/O."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field

from bot.domain.digest import Score
from bot.domain.judge import Examples, Judge
from bot.domain.papers import Paper, Value, fingerprint
from bot.domain.reasons import ArxivReason, ModelReason, PaperReason


class Claim(Value):
    """What a judge says of a paper and one topic of a profile, with the words of the title or
    abstract, verbatim, that support it."""

    topic: str
    meets: bool
    says: str
    quote: str


class Assessment(Value):
    """What a judge says of a paper: a score or why there is none (`trouble`), and the claims that
    the paper supports (`dropped` counts the others) or why there are none (`silent`)."""

    score: Score | None
    trouble: ModelReason | None = None
    claims: tuple[Claim, ...] = ()
    dropped: int = Field(default=0, ge=0)
    silent: ModelReason | PaperReason | None = None


class ArxivAnswer(Value):
    """arXiv's answer about an id: the paper, or why there is none.

    `withdrawn` is the authors' comment where they withdrew it.
    """

    paper: Paper | None
    trouble: ArxivReason | PaperReason | None = None
    withdrawn: str = ""
    at: datetime

    @property
    def missing(self) -> bool:
        """Whether arXiv answered that it has no such paper."""
        return self.trouble is PaperReason.NOT_FOUND


class Lookup(Value):
    """A question to arXiv and to the judge of each profile (a fingerprint) about one paper.

    `ref` refers to the paper's stored text, empty where arXiv has to be asked for it; `version` is
    the one that was asked about. `purse` says whose daily questions are counted, where that is not
    the workspace: people alone with the bot on Discord are in none. `shown` are the examples that
    the judge of a profile is shown, where there are some.
    """

    paper: str
    version: int | None = None
    ref: str = ""
    profiles: tuple[str, ...]
    judge: Judge
    shown: tuple[tuple[str, Examples], ...] = Field(default=(), exclude_if=lambda some: not some)
    workspace: str
    purse: str = ""
    since: datetime

    @property
    def key(self) -> str:
        """The same for everybody who asks the same about the same paper."""
        model = self.judge.model or ""
        paid_by = self.purse or self.workspace
        judges = [each.key for _, each in self.shown]
        return fingerprint(self.paper, self.ref, model, paid_by, *self.profiles, *judges)

    def judge_of(self, profile: str) -> Judge:
        """Who judges for one of its profiles."""
        return self.judge.shown(dict(self.shown).get(profile))
