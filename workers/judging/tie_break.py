"""A second look at the papers that lead a day: their order where scores tie; pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Sequence
from typing import Any

from bot.domain.digest import Decision, Outcome
from bot.domain.papers import Paper, Profile, fingerprint
from workers.judging import prompts, replies, scoring

# Papers a channel had before make room for others, so those just over the limit may be posted too.
_MAXIMA = 2
# Papers that tie with the last one look come along, up to this many times the maximum.
_MAXIMA_TIED = 3
# Eighty abstracts are about 29,000 tokens: a server of one's own often takes 32,000.
_MOST = 80
_CANDIDATES = (Outcome.PICKED, Outcome.OVER_LIMIT)


def papers_to_order(profile: Profile, decisions: Sequence[Decision]) -> tuple[Paper, ...]:
    """The papers to be looked at again, by id; none when no two of them tie in their scores.

    `decisions` are a day's in posted order, as triage.decide gives them. Of those that reach the
    cut-offs about twice the profile's maximum are looked at, together with all that tie with the
    last of them, but no more than three times the maximum, nor 80. Their order here is no
    ranking: it is the same whatever broke the ties before.
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
    """The chance that two different papers have the same key, be it their scores or all that
    orders them; 0 where there are no two."""
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
    """Names one look: the same papers, told the same, by the same model, are ordered once."""
    sent = (instructions(profile), question(papers), json.dumps(schema()), model)
    return fingerprint(*sent)


def parse_reply(reply: str, papers: Sequence[Paper]) -> tuple[str, ...] | None:
    """The papers' ids, best first, or None where the reply names fewer than half of them.

    An id nobody asked about is dropped, one that comes again counts where it came first, and one
    that is missing comes after the others, in the order of `papers`. Of several lists in a reply
    the one with the most papers is meant, and the later of two alike: models think aloud first.
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
    """Each list of ids, or of objects that have one, within so many levels."""
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
