"""A drafted profile: what it was made from, and where each of its lines came from; no I/O."""

from __future__ import annotations

from enum import StrEnum

from bot.domain.papers import Paper, Profile, Value


class Work(Value):
    """A title and abstract that somebody gave without an arXiv id; the abstract may be empty."""

    title: str
    abstract: str = ""


class Sources(Value):
    """What a profile is drafted from. `text` is about somebody's work; `papers` and `works` are
    liked, or their own; `follow` are authors to follow. `notes` say, a sentence each, what could
    not be used."""

    text: str = ""
    papers: tuple[Paper, ...] = ()
    works: tuple[Work, ...] = ()
    follow: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def liked(self) -> tuple[Paper, ...]:
        """The papers, then the works, whose ids are their titles; each once."""
        works = (
            Paper(
                id=w.title, version=1, title=w.title, abstract=w.abstract, authors=(), categories=()
            )
            for w in self.works
        )
        return tuple({paper.id: paper for paper in (*self.papers, *works)}.values())


class WrittenTopic(Value):
    """A topic as a model wrote it; nothing is known of its length."""

    name: str
    relevant: str
    irrelevant: str = ""


class Written(Value):
    """What a model wrote of a profile, before it is known to be one."""

    title: str
    categories: tuple[str, ...]
    topics: tuple[WrittenTopic, ...]
    keywords: tuple[str, ...]
    avoid: tuple[str, ...]


class OriginKind(StrEnum):
    """Where a line of a draft came from; the words for people are in views/profiles."""

    TEXT = "text"  # the words of the text
    PAPER = "paper"  # one of the papers
    NEAR = "near"  # a known paper that is near to one of them
    PHRASES = "phrases"  # what the papers say more than others do
    LISTED = "listed"  # where the papers are listed
    PROFILE = "profile"  # a profile that ships, with words of the text
    AUTHOR = "author"  # the author who was named
    MODEL = "model"  # the model that read all of it


class Origin(Value):
    """Where a line of a draft came from. `field` is the profile's (title, categories, topics,
    keywords, authors); `line` the topic's name, the keyword, category or author, empty for a title.
    `paper` is the id, or without one the title, of the paper that it came from, if one did."""

    field: str
    line: str = ""
    kind: OriginKind
    paper: str = ""


class Draft(Value):
    """A profile to be read and changed, where each line came from, and what could not be used."""

    profile: Profile
    origins: tuple[Origin, ...]
    notes: tuple[str, ...] = ()
