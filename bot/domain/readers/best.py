"""What a channel's readers liked and kept most; no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from bot.domain.papers import Value
from bot.domain.readers.saved import SavedPaper
from bot.domain.readers.teaching import Lesson
from bot.domain.subscription import Vote


class Liked(Value):
    """A paper with its votes, the last of them `at` that moment."""

    paper: str
    title: str
    ups: int
    downs: int
    at: datetime


class Kept(Value):
    """A paper that people (ids) share with the channel as saved, the last of them `at` that
    moment."""

    paper: str
    title: str
    people: tuple[str, ...]
    at: datetime


class Best(NamedTuple):
    """The best of a channel: papers that were posted there and liked, papers that people share,
    and liked ones that were not posted."""

    posted: list[Liked]
    kept: list[Kept]
    missed: list[Liked]


def most_liked(lessons: Iterable[Lesson]) -> list[Liked]:
    """The papers with more votes up than down, the most liked first. Each person counts once a
    paper, however many profiles brought it."""
    papers: dict[str, dict[str, Lesson]] = {}
    for lesson in sorted(lessons, key=lambda each: each.at):
        papers.setdefault(lesson.paper, {})[lesson.by] = lesson
    found = []
    for paper, by_person in papers.items():
        votes = list(by_person.values())
        ups = sum(vote.vote is Vote.UP for vote in votes)
        last = max(votes, key=lambda vote: vote.at)
        downs = len(votes) - ups
        if ups > downs:
            found.append(Liked(paper=paper, title=last.title, ups=ups, downs=downs, at=last.at))
    return sorted(found, key=lambda each: (each.downs - each.ups, -each.at.timestamp()))


def most_kept(shared: Iterable[SavedPaper]) -> list[Kept]:
    """The papers that most people share, the latest first among equals."""
    papers: dict[str, list[SavedPaper]] = {}
    for row in sorted(shared, key=lambda each: each.at):
        papers.setdefault(row.paper, []).append(row)
    found = [
        Kept(
            paper=paper,
            title=rows[-1].title,
            people=tuple(row.by for row in rows),
            at=rows[-1].at,
        )
        for paper, rows in papers.items()
    ]
    return sorted(found, key=lambda each: (-len(each.people), -each.at.timestamp()))
