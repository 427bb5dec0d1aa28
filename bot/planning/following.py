"""Which papers people are told of by what they follow, and where; pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

from bot.arxiv.authors import followed
from bot.arxiv.text import readable, without_accents
from bot.domain.papers import Paper, fingerprint
from bot.domain.readers.following import Evidence, Follow, FollowKind, Telling

_WORD: Final = re.compile(r"[^\W_]+")
# The authors of a paper by more people than this say little about one another.
_A_TEAM: Final = 30
# What a person's telling is sent in, where it is no mention in a thread.
_DIRECT: Final = "direct"
# Papers of one direct message, which both platforms show in full, and messages of one moment: the
# last one also counts those that are too many.
PAPERS: Final = 8
_MESSAGES: Final = 3


def matching(
    follows: Sequence[Follow], papers: Iterable[Paper]
) -> Iterator[tuple[Paper, tuple[Follow, ...]]]:
    """The papers that somebody follows the author or a term of, each with what it meets."""
    by_author = [each for each in follows if each.kind is FollowKind.AUTHOR]
    names = list(dict.fromkeys(each.what for each in by_author))
    terms = [(each, words(each.what)) for each in follows if each.kind is FollowKind.TERM]
    for paper in papers:
        present = set(followed(paper.authors, names)) if names else set()
        met = [each for each in by_author if each.what in present and is_meant(each, paper)]
        if terms:
            text = words(f"{readable(paper.title)} . {readable(paper.abstract)}")
            met += [each for each, term in terms if term.strip() and term in text]
        if met:
            yield paper, tuple(met)


def words(text: str) -> str:
    """The words of a text between spaces, without case, accents and signs: a term is in a text
    where its words are in the text's, one after the other."""
    return " ".join(["", *_WORD.findall(without_accents(text.casefold())), ""])


def is_meant(follow: Follow, paper: Paper) -> bool:
    """Whether a paper by somebody of a followed name may be by whom is meant. In this order: who
    wrote it with them on a paper of theirs, or on one by somebody else; and a category in which
    somebody else of that name writes, and they do not, as far as is known."""
    for known, answer in ((follow.theirs, True), (follow.others, False)):
        others = [name for each in known for name in each.co_authors]
        if others and followed(paper.authors, others):
            return answer
    primary = paper.categories[0]
    is_theirs = any(each.category == primary for each in follow.theirs)
    return is_theirs or all(each.category != primary for each in follow.others)


def evidence(paper: Paper, name: str) -> Evidence:
    """What a paper says of its author of that name."""
    people = paper.authors if len(paper.authors) <= _A_TEAM else ()
    own = {author for author in people if followed([author], [name])}
    co_authors = tuple(author for author in people if author not in own)
    return Evidence(paper=paper.id, co_authors=co_authors, category=paper.categories[0])


def merged(before: Telling | None, found: Telling) -> Telling:
    """A telling as it is known, with what another digest adds to it, until its place is decided."""
    if before is None:
        return found
    if before.place:
        return before
    return before.model_copy(
        update={
            "follows": tuple(dict.fromkeys((*before.follows, *found.follows))),
            "posted": tuple(dict.fromkeys((*before.posted, *found.posted))),
        }
    )


def placed(
    tellings: Sequence[Telling], channels: Collection[str], settled: Collection[str], mentions: int
) -> tuple[Telling, ...]:
    """One person's undecided tellings, as far as something changes: those that can be told now,
    with their place, and those that wait for a direct message from now on.

    In the thread of the first digest that shows the paper in one of the person's `channels` (ids),
    for at most so many `mentions`; the others in direct messages, once they are `settled` (by
    their keys): no digest that may still show them is to come.
    """
    there, direct, waiting = list[Telling](), list[Telling](), list[Telling]()
    for telling in tellings:
        shown = [place for place in telling.posted if place.partition(" ")[0] in channels]
        if shown and len(there) < mentions:
            there.append(telling.model_copy(update={"place": shown[0]}))
        elif telling.key in settled:
            direct.append(telling)
        elif telling.posted:  # in no thread for them: the next digest may bring one
            waiting.append(telling.model_copy(update={"posted": ()}))
    return (*there, *_batched(direct), *waiting)


def _batched(direct: Sequence[Telling]) -> Iterator[Telling]:
    """With the direct message that each is part of."""
    last = PAPERS * (_MESSAGES - 1)
    starts = range(0, min(len(direct), last + 1), PAPERS)
    for start in starts:
        batch = direct[start : start + PAPERS if start < last else None]
        place = f"{_DIRECT} {fingerprint(*sorted(each.key for each in batch))}"
        for each in batch:
            yield each.model_copy(update={"place": place})
