"""Prompts a model to order the best papers of a day and to write two sentences for each; pure."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bot.arxiv.text import one_line, shortened
from bot.domain.digest import Decision, Outcome, Sentences
from bot.domain.papers import Paper, Profile, fingerprint
from workers.judging import prompts, replies, scoring
from workers.judging.numbers import numbers_stand_in

# Repeats make room for others, so papers just over the limit may be posted too: one for every two.
_PER_TWO = 3
# Papers that tie with the last one posted are included, up to this many times the maximum.
_MAXIMA_TIED = 3
# Eighty abstracts are about 29,000 tokens; many self-hosted servers take 32,000.
_MOST = 80
_CANDIDATES = (Outcome.PICKED, Outcome.OVER_LIMIT)
# Characters of a sentence: about twice the words that the prompt asks for; the rest is cut.
_SHOWS_MAX, _WHY_MAX = 200, 120
# A sentence with a link was written by the paper rather than about it.
_LINKS = ("://", "www.")


class TopReply(NamedTuple):
    """What a model said of a day's best papers: their ids, best first, and its sentences by id;
    `unproven` counts those whose `shows` states a number that is not the paper's."""

    order: tuple[str, ...]
    written: Mapping[str, Sentences]
    unproven: int


def usual_count(profile: Profile) -> int:
    """How many papers one call usually is about, where as many meet the cut-offs."""
    return min(-(-_PER_TWO * profile.maximum // 2), _MOST)


def top_papers(profile: Profile, decisions: Sequence[Decision]) -> tuple[Paper, ...]:
    """The papers to order and write about, sorted by id; none where none is picked.

    `decisions` are a day's in posted order, as outcomes.decide_outcomes gives them. Included are
    the best papers that meet the cut-offs, half as many again as the profile's maximum, and all
    that tie with the last one posted, up to three times the maximum and to 80. They are sorted by
    id, so that the request is the same whatever broke the ties before.
    """
    best = [(d.paper, d.score) for d in decisions if d.outcome in _CANDIDATES and d.score]
    pairs = [(score.relevance, score.novelty) for _, score in best]
    end = min(usual_count(profile), len(best))
    most = min(_MAXIMA_TIED * profile.maximum, _MOST, len(best))
    while end < most and pairs[end] == pairs[profile.maximum - 1]:
        end += 1
    return tuple(sorted((paper for paper, _ in best[:end]), key=lambda paper: paper.id))


def tie_in_scores(papers: Sequence[Paper], decisions: Sequence[Decision]) -> bool:
    """Whether any two of the papers have the same scores."""
    ids = {paper.id for paper in papers}
    scores = [d.score for d in decisions if d.paper.id in ids and d.score]
    return tie_probability((score.relevance, score.novelty) for score in scores) > 0


def tie_probability(keys: Iterable[Hashable]) -> float:
    """The chance that two different papers have the same key; 0 with fewer than two papers."""
    counts = Counter(keys)
    n = counts.total()
    return sum(c * (c - 1) for c in counts.values()) / (n * (n - 1)) if n > 1 else 0.0


def instructions(profile: Profile) -> str:
    """The first part of the prompt, the same for all of a profile's days."""
    return prompts.render("top.md.j2", profile=profile)


def question(papers: Sequence[Paper]) -> str:
    """The second part: each paper one line of JSON, which its text cannot leave."""
    return scoring.question(papers)


def schema() -> dict[str, Any]:
    """The JSON schema of a reply: the papers, best first."""
    text = {"type": "string"}
    return replies.strict("order", {"id": text, "shows": text, "why": text})


def writer_key(profile: Profile, model: str) -> str:
    """Names a model and its prompt: sentences written under one key were asked for alike."""
    return fingerprint(instructions(profile), json.dumps(schema()), model)


def order_key(profile: Profile, model: str, papers: Sequence[Paper]) -> str:
    """Names an ordering: one model orders the same papers under the same prompt once."""
    sent = (instructions(profile), question(papers), json.dumps(schema()), model)
    return fingerprint(*sent)


def parse_reply(reply: str, papers: Sequence[Paper], english: bool = True) -> TopReply | None:
    """The papers' ids, best first, and the sentences about them; None where the reply names fewer
    than half of them.

    Unknown ids are dropped, repeated ones count where they came first, and missing ones come last,
    in the order of `papers`. Of several lists in a reply the one with the most papers counts, the
    later of two alike: models think aloud first. Of two rows about a paper the later counts.
    """
    wanted = {paper.id: paper for paper in papers}
    values = replies.json_values(reply)
    best: list[str] = []
    for named in _lists(values, depth=8):
        known = list(dict.fromkeys(id for id in named if id in wanted))
        best = known if len(known) >= len(best) else best
    if not best or len(best) * 2 < len(wanted):
        return None
    rows = {id: row for row in _rows(values, depth=8) if (id := _id(row)) in wanted}
    written = {id: _sentences(row, wanted[id], english) for id, row in rows.items() if id}
    unproven = sum(
        not written[id].shows and bool(row.get("shows")) for id, row in rows.items() if id
    )
    order = (*best, *(paper.id for paper in papers if paper.id not in best))
    return TopReply(order, written, unproven)


def _sentences(row: Mapping[str, Any], paper: Paper, english: bool) -> Sentences:
    """A row's sentences; `shows` is empty where it states a number that is not the paper's, or has
    a link."""
    # What is checked is what is shown: a cut may go through a number.
    shows = shortened(_line(row.get("shows")), _SHOWS_MAX)
    why = shortened(_line(row.get("why")), _WHY_MAX)
    if any(link in shows for link in _LINKS):
        shows = ""
    if not numbers_stand_in(shows, paper.title, paper.abstract, words=english):
        shows = ""
    return Sentences(shows=shows, why=why)


def _line(value: object) -> str:
    return one_line(value) if isinstance(value, str) else ""


def _rows(value: object, depth: int) -> Iterator[Mapping[str, Any]]:
    """Each object with an id and a sentence, within `depth` levels."""
    if isinstance(value, dict):
        named = replies.normalised_fields(value)
        if "id" in named and named.keys() & {"shows", "why"}:
            yield named
            return
        value = list(value.values())
    if isinstance(value, list) and depth:
        for item in value:
            yield from _rows(item, depth - 1)


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
