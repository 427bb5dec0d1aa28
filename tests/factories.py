"""Papers, profiles and digests made of little: each test names only what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from bot.commands.permissions import Person, PersonKind
from bot.domain.digest import Decision, Digest, Judge, ListResult, Outcome, Score, Usage
from bot.domain.papers import Announced, AnnounceType, Listing, Paper, Profile, Topic

NOW = datetime(2025, 3, 20, 8, 40, tzinfo=UTC)
DAY = date(2025, 3, 20)


def person_in(*channels: str, kind: str = "member") -> Person:
    """A person who is in these channels (C1 and C2)."""
    return Person(kind=PersonKind(kind), channels=frozenset(channels or ("C1", "C2")))


def paper(id: str = "2503.15294", **fields: Any) -> Paper:
    given: dict[str, Any] = {
        "version": 1,
        "title": f"On the matter of {id}",
        "abstract": f"We study the matter of {id} and prove a bound.",
        "authors": ("Ada Lovelace", "Alan Turing"),
        "categories": ("cs.LG",),
    }
    return Paper(id=id, **(given | fields))


def announced(id: str = "2503.15294", kind: str = "new", **fields: Any) -> Announced:
    return Announced(paper=paper(id, **fields), announce_type=AnnounceType(kind))


def paper_ids(n: int) -> list[str]:
    return [f"2503.{10000 + i}" for i in range(n)]


def listing(*papers: Announced, day: date = DAY, replaced: int = 0) -> Listing:
    gone = tuple((f"2401.{i:05}", ("cs.LG",)) for i in range(replaced))
    return Listing(date=day, papers=papers, replaced=gone, items=len(papers) + replaced)


def profile(**fields: Any) -> Profile:
    given: dict[str, Any] = {
        "name": "matters",
        "title": "Matters of importance",
        "categories": ("cs.LG",),
        "topics": (Topic(name="Matter", relevant="Studies of the matter.", irrelevant="Dust."),),
    }
    return Profile(**(given | fields))


def decision(id: str, outcome: Outcome, relevance: int = 8, novelty: int | None = 7) -> Decision:
    score = Score(relevance=relevance, novelty=novelty, comment="Meets Matter: it proves a bound.")
    return Decision(
        announced=announced(id), outcome=outcome, score=None if outcome == "unscored" else score
    )


def digest(*decisions: Decision, **fields: Any) -> Digest:
    given: dict[str, Any] = {
        "profile": profile(),
        "listed": ListResult(batch="2025-03-20", date=DAY, asked_at=NOW, changed_at=NOW),
        "decisions": decisions,
        "replacements": 0,
        "judge": Judge(model="gpt-6-luna"),
        "prompt": "The prompt, as sent.\n",
        "usage": Usage(
            calls=1,
            prompt_tokens=33000,
            cached_tokens=8200,
            completion_tokens=4600,
            prompt_usd=0.0026,
            completion_usd=0.0023,
        ),
        "judged_at": NOW,
    }
    return Digest(**(given | fields))
