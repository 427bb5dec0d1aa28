"""Papers under one name, told apart by who may have written them; pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final

from bot.arxiv.authors import followed
from bot.domain.papers import Paper, Value

# The authors of a paper by more people than this say little about one another.
_A_TEAM: Final = 30


class Namesake(Value):
    """Somebody who may be meant by a name: their papers, newest first, those they wrote with, most
    often first, and the primary categories of the papers, most frequent first."""

    papers: tuple[Paper, ...]
    co_authors: tuple[str, ...]
    categories: tuple[str, ...]


def namesakes(name: str, papers: Sequence[Paper]) -> tuple[Namesake, ...]:
    """The people of this name who wrote these papers (newest first), whoever has most papers first.
    Papers are one person's where they share a co-author, or a primary category and the spelling of
    the name; papers by nobody of this name are left out."""
    people = list[tuple[set[str], list[Paper]]]()
    for paper in papers:
        if not followed(paper.authors, [name]):
            continue
        signs, theirs = _signs(paper, name), [paper]
        apart = list[tuple[set[str], list[Paper]]]()
        for known, group in people:
            if known.isdisjoint(signs):
                apart.append((known, group))
            else:
                signs, theirs = signs | known, group + theirs
        people = [*apart, (signs, theirs)]
    place = {paper.id: at for at, paper in enumerate(papers)}
    groups = [sorted(group, key=lambda paper: place[paper.id]) for _, group in people]
    groups.sort(key=lambda group: (-len(group), place[group[0].id]))
    return tuple(_namesake(name, group) for group in groups)


def _signs(paper: Paper, name: str) -> set[str]:
    """What a paper shares with others by the same person."""
    own, others = _apart(paper, name)
    signs = {f"{spelt.casefold()} in {paper.categories[0]}" for spelt in own or [name]}
    return signs | {f"with {author.casefold()}" for author in others}


def _apart(paper: Paper, name: str) -> tuple[list[str], list[str]]:
    """The authors of that name, and the others; none of a team's."""
    if len(paper.authors) > _A_TEAM:
        return [], []
    own = [author for author in paper.authors if followed([author], [name])]
    return own, [author for author in paper.authors if author not in own]


def _namesake(name: str, papers: Sequence[Paper]) -> Namesake:
    others = Counter(author for paper in papers for author in _apart(paper, name)[1])
    categories = Counter(paper.categories[0] for paper in papers)
    return Namesake(
        papers=tuple(papers),
        co_authors=tuple(author for author, _ in others.most_common()),
        categories=tuple(category for category, _ in categories.most_common()),
    )
