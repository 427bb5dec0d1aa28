"""Who judges papers, and what a workspace's votes add to what a judge is told; no I/O."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from bot.domain.papers import Value, fingerprint

# Papers that a judge is shown at most, and characters of a title.
MOST_EXAMPLES, EXAMPLE_TITLE = 3, 200


class VotedExample(Value):
    """A paper whose relevance, as a judge gave it, readers' votes contradict: they liked it, or
    called it off topic."""

    paper: str
    title: str = Field(max_length=EXAMPLE_TITLE)
    relevance: int
    is_liked: bool


class Examples(Value):
    """Those that a judge is shown, by the votes of one workspace (a key). Whatever is judged with
    them is that workspace's own: no other has a part in it, nor its price."""

    workspace: str
    papers: tuple[VotedExample, ...] = Field(min_length=1, max_length=MOST_EXAMPLES)

    @property
    def key(self) -> str:
        return fingerprint("examples", self.model_dump_json())


class Judge(Value):
    """A model by name, or the local ranking (`model` None). `examples` are what a workspace's votes
    show it; left out where there are none, so that older releases can read it."""

    model: str | None = None
    examples: Examples | None = Field(default=None, exclude_if=lambda some: some is None)

    @property
    def key(self) -> str:
        """Identifies it: what one judge decided is no other's."""
        name = self.model or ""
        return f"{name} {self.examples.key}" if self.examples else name

    @property
    def owner(self) -> str:
        """The workspace (a key) whose alone its decisions are; empty where they are everybody's."""
        return self.examples.workspace if self.examples else ""

    def shown(self, examples: Examples | None) -> Self:
        return self.model_copy(update={"examples": examples if self.model else None})

    @property
    def kind(self) -> str:
        return "model" if self.model else "local"
