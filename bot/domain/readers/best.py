"""What a channel's readers liked, kept and discussed most; no I/O."""

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


class PersonReply(NamedTuple):
    """A person's message (an id) in a digest's thread, by whom (an id), and the message there that
    it answers, where the platform says so."""

    message: str
    by: str
    to: str = ""


class Discussed(Value):
    """A paper (an id), or a digest without one, to which so many `people` wrote so many `replies`.
    `url` opens a digest's thread."""

    paper: str = ""
    title: str
    url: str = ""
    replies: int
    people: int


class Discussion(NamedTuple):
    """What people replied to, the most discussed first: papers' cards, and digests; so many threads
    of digests are `unread`."""

    papers: list[Discussed]
    digests: list[Discussed]
    unread: int


class Best(NamedTuple):
    """The best of a channel: papers that were posted there and liked, papers that people share,
    liked ones that were not posted, and what was discussed."""

    posted: list[Liked]
    kept: list[Kept]
    missed: list[Liked]
    papers: list[Discussed]
    digests: list[Discussed]


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
