"""Finds papers in the digests that channels got, by words and by meaning."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Final, NamedTuple

from bot.arxiv.stems import stemmed_words
from bot.arxiv.text import without_accents
from bot.domain.digest import Decision, Digest
from bot.domain.papers import Paper, Profile, Topic
from bot.domain.tasks.search import MOST, Hit, Search, SearchResult
from bot.store.store import Store
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import dot, interest, paper_text, profile_texts
from workers.gate import local_ranking

# Digests of a channel that are searched: a quarter of a year of two profiles.
_LOOKED_BACK: Final = 130
# Papers that are ranked in the end: so many by their words, and so many by what they mean.
_RANKED: Final = 200
# Seconds for the vectors of those that have none yet; then words alone rank.
_PATIENCE: Final = 20.0
# So far above what is usual, in standard deviations, a paper is found without one of the words: one
# in forty is, of papers that have nothing to do with what is looked for.
_NEAR: Final = 2.0

Progress = Callable[[int, int], None]


class _Candidate(NamedTuple):
    """A paper where it was found, how many of the words it has, and how near its meaning is."""

    paper: Paper
    hit: Hit
    is_posted: bool
    words: int
    near: float


def run(
    search: Search,
    store: Store,
    embeddings: Embeddings | None,
    progress: Progress = lambda done, total: None,
) -> SearchResult:
    """The papers that are nearest, each once, where it was posted if it was. Nobody is asked for
    anything but the store. `progress` hears how many of how many digests are read."""
    about = _about(search)
    wanted = _patterns(search.title)
    text = profile_texts(about)[0][0]
    vector = embeddings.vectors([text]).get(text) if embeddings else None
    looks = interest([vector], []) if vector else None
    pool, seen, oldest = dict[str, _Candidate](), set[str](), date.max
    for digest, candidates in _read(search, store, embeddings, wanted, looks, progress):
        oldest = min(oldest, digest.date)
        for each in candidates:
            id = each.paper.id
            seen.add(id)
            if id not in pool or (each.is_posted and not pool[id].is_posted):
                pool[id] = each
        pool = _best(pool)
    pool.pop(search.like, None)
    found, words_only = _ranked(about, pool, embeddings if looks else None)
    if not search.like:  # who types two words means both
        found = sorted(found, key=lambda each: each.words < len(wanted))
    return SearchResult(
        hits=tuple(each.hit for each in found[:MOST]),
        papers=len(seen - {search.like}),
        since=oldest if seen else None,
        words_only=words_only,
    )


def _about(search: Search) -> Profile:
    """What is looked for, as a profile that the local ranking ranks by. A paper's is named so that
    its text has the vector that is kept of it."""
    topic = Topic.model_construct(name=search.title, relevant=search.text or search.title)
    return Profile.model_construct(name="search", title=search.title, topics=(topic,))


def _read(
    search: Search,
    store: Store,
    embeddings: Embeddings | None,
    wanted: Sequence[re.Pattern[str]],
    looks: Sequence[float] | None,
    progress: Progress,
) -> Iterator[tuple[Digest, list[_Candidate]]]:
    """The digests, the newest of each channel first, with the papers that may be meant."""
    histories = [
        (place, [d for d in store.history.of(place) if not search.since or d.date >= search.since])
        for place in search.places
    ]
    names = [
        (place, delivery.day)
        for place, deliveries in histories
        for delivery in reversed(deliveries[-_LOOKED_BACK:])
    ]
    for done, (place, day) in enumerate(names, 1):
        if digest := store.history.digest_given_to(place, day):
            near = _nearness(digest, embeddings, looks)
            posted = {decision.paper.id for decision in digest.posted}
            yield (
                digest,
                [
                    _Candidate(
                        paper=decision.paper,
                        hit=Hit(place=place, day=day, paper=decision.paper.id),
                        is_posted=decision.paper.id in posted,
                        words=_count(wanted, decision),
                        near=near.get(decision.paper.id, -math.inf),
                    )
                    for decision in digest.decisions
                ],
            )
        progress(done, len(names))


def _nearness(
    digest: Digest, embeddings: Embeddings | None, looks: Sequence[float] | None
) -> dict[str, float]:
    """By id, how near papers are in meaning, in standard deviations above what is usual; of those
    that have a vector."""
    if embeddings is None or looks is None:
        return {}
    texts = {decision.paper.id: paper_text(decision.paper) for decision in digest.decisions}
    kept = embeddings.kept(list(texts.values()))
    return {
        id: (dot(kept[text], looks) - local_ranking.MEANING) / local_ranking.MEANING_SPREAD
        for id, text in texts.items()
        if text in kept
    }


def _best(pool: Mapping[str, _Candidate]) -> dict[str, _Candidate]:
    """Those that can still come first."""
    by_words = heapq.nlargest(_RANKED, pool.items(), key=lambda item: (item[1].words, item[1].near))
    by_meaning = heapq.nlargest(_RANKED, pool.items(), key=lambda item: item[1].near)
    return {id: each for id, each in (*by_words, *by_meaning) if each.words or each.near >= _NEAR}


def _ranked(
    about: Profile, pool: Mapping[str, _Candidate], embeddings: Embeddings | None
) -> tuple[list[_Candidate], bool]:
    """The candidates, the best first, and whether words alone ranked them: then those without any
    are left out."""
    papers = [each.paper for each in pool.values()]
    meaning = embeddings.of(about, papers, patience=_PATIENCE) if embeddings and papers else None
    rows = local_ranking.rank(about, papers, meaning)
    found = [pool[row.id] for row in rows if meaning or pool[row.id].words]
    return found, embeddings is None or (meaning is None and bool(papers))


def _count(wanted: Sequence[re.Pattern[str]], decision: Decision) -> int:
    """How many of the words are in a paper's title, abstract, authors or id."""
    paper = decision.paper
    text = _plain(f"{paper.title} {paper.abstract} {' '.join(paper.authors)} {paper.id}")
    return sum(pattern.search(text) is not None for pattern in wanted)


def _patterns(text: str) -> list[re.Pattern[str]]:
    """For each word that counts, what begins as it does without its ending."""
    stems = {stem for stem, _, _ in stemmed_words(text)[1]}
    return [re.compile(rf"\b{re.escape(stem)}") for stem in sorted(stems)]


def _plain(text: str) -> str:
    """In small letters without accents, as stems are."""
    return text.lower() if text.isascii() else without_accents(text.lower())
