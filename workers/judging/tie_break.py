"""Prompts a model to order the best papers of a day where scores tie; pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

from bot.domain.digest import Decision, Outcome
from bot.domain.papers import Paper, Profile, fingerprint
from workers.judging import prompts, replies, scoring

# Repeats make room for others, so papers just over the limit may be posted too.
_MAXIMA = 2
# Papers that tie with the last of these are included, up to this many times the maximum.
_MAXIMA_TIED = 3
# Eighty abstracts are about 29,000 tokens; many self-hosted servers take 32,000.
_MOST = 80
_CANDIDATES = (Outcome.PICKED, Outcome.OVER_LIMIT)


def papers_to_order(profile: Profile, decisions: Sequence[Decision]) -> tuple[Paper, ...]:
    """The papers to order, sorted by id; none when no two of them tie in their scores.

    `decisions` are a day's in posted order, as outcomes.decide_outcomes gives them. Included are
    the best papers that meet the cut-offs, twice the profile's maximum, and all that tie with the
    last of them, up to three times the maximum and to 80. They are sorted by id, so that the
    request is the same whatever broke the ties before.
    """
    best = [(d.paper, d.score) for d in decisions if d.outcome in _CANDIDATES and d.score]
    pairs = [(score.relevance, score.novelty) for _, score in best]
    end = min(_MAXIMA * profile.maximum, _MOST, len(best))
    most = min(_MAXIMA_TIED * profile.maximum, _MOST, len(best))
    while 0 < end < most and pairs[end] == pairs[end - 1]:
        end += 1
    if not tie_probability(pairs[:end]):
        return ()
    return tuple(sorted((paper for paper, _ in best[:end]), key=lambda paper: paper.id))


def tie_probability(keys: Iterable[Hashable]) -> float:
    """The chance that two different papers have the same key; 0 with fewer than two papers."""
    counts = Counter(keys)
    n = counts.total()
    return sum(c * (c - 1) for c in counts.values()) / (n * (n - 1)) if n > 1 else 0.0


def instructions(profile: Profile) -> str:
    """The first part of the prompt, the same for all of a profile's days."""
    return prompts.render("order.md.j2", profile=profile)


def question(papers: Sequence[Paper]) -> str:
    """The second part: each paper one line of JSON, which its text cannot leave."""
    return scoring.question(papers)


def schema() -> dict[str, Any]:
    """The JSON schema of a reply, in the strict form (see scoring.schema)."""
    return {
        "type": "object",
        "properties": {"order": {"type": "array", "items": {"type": "string"}}},
        "required": ["order"],
        "additionalProperties": False,
    }


def order_key(profile: Profile, model: str, papers: Sequence[Paper]) -> str:
    """Names an ordering: one model orders the same papers under the same prompt once."""
    sent = (instructions(profile), question(papers), json.dumps(schema()), model)
    return fingerprint(*sent)


def parse_reply(reply: str, papers: Sequence[Paper]) -> tuple[str, ...] | None:
    """The papers' ids, best first, or None where the reply names fewer than half of them.

    Unknown ids are dropped, repeated ones count where they came first, and missing ones come last,
    in the order of `papers`. Of several lists in a reply the one with the most papers counts, the
    later of two alike: models think aloud first.
    """
    wanted = {paper.id for paper in papers}
    best: list[str] = []
    for named in _lists(replies.json_values(reply), depth=8):
        known = list(dict.fromkeys(id for id in named if id in wanted))
        best = known if len(known) >= len(best) else best
    if not best or len(best) * 2 < len(wanted):
        return None
    return (*best, *(paper.id for paper in papers if paper.id not in best))


def _lists(value: object, depth: int) -> Iterator[list[str]]:
    """Each list of ids, or of objects with ids, within `depth` levels."""
    if isinstance(value, list):
        yield [id for id in map(_id, value) if id is not None]
    elif isinstance(value, dict):
        value = list(value.values())
    else:
        return
    for item in value if depth else ():
        yield from _lists(item, depth - 1)


def _id(item: object) -> str | None:
    given = replies.normalised_fields(item).get("id") if isinstance(item, dict) else item
    return replies.plain_id(given) if isinstance(given, str) else None
