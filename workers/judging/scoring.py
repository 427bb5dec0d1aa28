"""Prompts for scores of papers, and reads them from a reply; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from bot.arxiv.text import one_line, shortened
from bot.domain.digest import Score
from bot.domain.judge import EXAMPLE_TITLE, Examples, VotedExample
from bot.domain.papers import Example, Paper, Profile, fingerprint
from bot.domain.reasons import ModelReason
from workers.judging import prompts, replies

# Only a model that ran away writes a longer comment; chat platforms would cut it anyway.
_COMMENT_MAX = 1000


def schema() -> dict[str, Any]:
    """The JSON schema of a reply."""
    score = {"type": "integer", "minimum": 1, "maximum": 10}
    fields = {
        "id": {"type": "string"},
        "comment": {"type": "string"},
        "relevance": score,
        "novelty": score,
    }
    return replies.strict("papers", fields)


def instructions(profile: Profile, examples: Examples | None = None) -> str:
    """The first part of the prompt, rubrics, criteria, papers that the group liked, and what
    readers say of other papers: the same for all of a profile's papers, so that servers can cache
    it."""
    return prompts.render("score.md.j2", profile=profile, **slots(profile, examples))


def slots(profile: Profile, examples: Examples | None = None) -> dict[str, str]:
    """The parts of score.md.j2 that strangers wrote, by name; a template to try gets them too."""
    liked = map(_liked_line, profile.examples)
    voted = map(_example_line, examples.papers) if examples else ()
    return {"liked": "\n".join(liked), "examples": "\n".join(voted)}


def _liked_line(example: Example) -> str:
    """Its title alone: twenty abstracts in every call would cost more than the papers asked about.
    Like a paper, one line of JSON."""
    return prompts.json_line({"title": shortened(example.title, EXAMPLE_TITLE)})


def _example_line(example: VotedExample) -> str:
    """Like a paper, one line of JSON, which its title cannot leave."""
    readers = "wanted it" if example.is_liked else "called it off topic"
    relevance = str(example.relevance)
    return prompts.json_line({"title": example.title, "given": relevance, "readers": readers})


def question(papers: Sequence[Paper]) -> str:
    """The second part: each paper one line of JSON, which its text cannot leave."""
    return _framed(len(papers), "\n".join(map(prompts.paper_line, papers)))


def prompt_as_sent(profile: Profile, examples: Examples | None = None) -> str:
    """The whole prompt with the papers left out, for people to read."""
    return instructions(profile, examples) + "\n" + _framed("N", "[the papers]")


def _framed(count: int | str, rows: str) -> str:
    return prompts.render("papers.md.j2", count=count, papers=rows)


def judge_key(profile: Profile, model: str, examples: Examples | None = None) -> str:
    """Names a model and its prompt: papers scored under one key were judged alike. Those that were
    judged with a workspace's examples are its own, whatever another has."""
    owner = [examples.workspace] if examples else []
    return fingerprint(prompt_as_sent(profile, examples), json.dumps(schema()), model, *owner)


def parse_reply(
    reply: str, papers: Sequence[Paper]
) -> tuple[dict[str, Score], dict[str, ModelReason]]:
    """A reply's scores by paper id, and the papers left unscored, with the reason.

    Papers are matched by id. An unknown id is dropped, one with two different scores is unscored,
    and of two comments the later counts. Scores may be written 8, "8", 8.0 or "8/10"; fractions
    are rounded half up (7.5 is an 8). A comment may be missing.
    """
    rows = _rows(reply)
    if rows is None:
        return {}, {paper.id: ModelReason.BAD_REPLY for paper in papers}
    wanted = {paper.id for paper in papers}
    scores: dict[str, Score] = {}
    trouble = {paper.id: ModelReason.LEFT_OUT for paper in papers}
    for row in rows:
        id = _id(row, wanted)
        if id is None:
            continue
        score, before = _score(row), scores.get(id)
        if score is None or (before is not None and _differ(score, before)):
            trouble[id] = ModelReason.BAD_REPLY
            scores.pop(id, None)
        elif trouble.get(id) is not ModelReason.BAD_REPLY:
            scores[id] = score
    return scores, {id: why for id, why in trouble.items() if id not in scores}


def _differ(one: Score, other: Score) -> bool:
    return (one.relevance, one.novelty) != (other.relevance, other.novelty)


def _rows(reply: str) -> list[Mapping[str, Any]] | None:
    """Every object in the reply that names a paper; None without any JSON."""
    found = replies.json_values(reply)
    return [row for value in found for row in _papers_in(value, depth=8)] if found else None


def _papers_in(value: object, depth: int, key: str = "") -> list[Mapping[str, Any]]:
    """Objects with an id and a score within `depth` levels of lists and objects. An object without
    an id takes the `key` it stands under."""
    if isinstance(value, list) and depth:
        return [row for item in value for row in _papers_in(item, depth - 1)]
    if not isinstance(value, dict):
        return []
    named = replies.normalised_fields(value)
    for name, others in _ALSO.items():
        for other in others:
            if other in named:
                named.setdefault(name, named[other])
    if "relevance" in named and ("id" in named or key):
        named.setdefault("id", key)
        return [named]
    if not depth:
        return []
    return [row for name, item in value.items() for row in _papers_in(item, depth - 1, str(name))]


# Other names that models give a field.
_ALSO = {
    "id": ("arxivid", "paperid"),
    "relevance": ("relevancescore",),
    "novelty": ("noveltyscore",),
}


def _id(row: Mapping[str, Any], wanted: set[str]) -> str | None:
    """The wanted paper's id that a row names, or None."""
    given = row.get("id")
    if not isinstance(given, str):
        return None
    plain = replies.plain_id(given)
    return plain if plain in wanted else None


def _score(row: Mapping[str, Any]) -> Score | None:
    relevance, novelty = _score_number(row.get("relevance")), _score_number(row.get("novelty"))
    if relevance is None or novelty is None:
        return None
    comment = _words(row.get("comment"))
    return Score(
        relevance=relevance, novelty=novelty, comment=one_line(comment)[:_COMMENT_MAX].strip()
    )


def _words(comment: object) -> str:
    """A comment as text: models leave it out, or write its sentences as a list."""
    if isinstance(comment, list):
        return " ".join(part for part in comment if isinstance(part, str))
    return comment if isinstance(comment, str) else ""


def _score_number(value: object) -> int | None:
    """A score from 1 to 10, else None; numbers with a fraction come as text."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not (match := _NUMBER.fullmatch(value)):
        return None
    number = Decimal(match[1])
    return int(number.quantize(Decimal(1), ROUND_HALF_UP)) if 1 <= number <= 10 else None


_NUMBER = re.compile(r"\s*(\d{1,2}(?:\.\d{1,20})?)(?:\s*/\s*10(?:\.0+)?)?\s*", re.ASCII)
