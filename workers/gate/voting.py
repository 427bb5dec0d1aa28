"""What the votes of a workspace taught a profile: learned when they have changed, and kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import structlog

from bot.domain.papers import Paper, Profile, Value
from bot.domain.readers.teaching import Lesson, Taught, basis_of
from bot.domain.subscription import Vote
from bot.store.store import Store
from workers.embedding.meaning import Meaning
from workers.gate.vote_ranking import PaperVote, VoteRanking

log = structlog.get_logger()


class VoteRankings(Value):
    """Learned from the lessons of a `basis`: what readers are interested in, and what to show them
    first, which what is known or weak teaches, too. None where nothing was to be learned."""

    basis: str
    relevance: VoteRanking | None = None
    order: VoteRanking | None = None


class Voted(NamedTuple):
    """What votes taught, the papers that were liked, and for how much of it votes count."""

    rankings: VoteRankings
    liked: tuple[PaperVote, ...]
    factor: float = 1.0

    def order_shifts(self, papers: Sequence[Paper], meaning: Meaning | None) -> dict[str, float]:
        """How far each paper (an id) is to move among others with the same scores."""
        return self._shifts(self.rankings.order, papers, meaning)

    def relevance_shifts(
        self, papers: Sequence[Paper], meaning: Meaning | None
    ) -> dict[str, float]:
        """How much more (above 0) readers are interested in each paper (an id)."""
        return self._shifts(self.rankings.relevance, papers, meaning)

    def _shifts(
        self, ranking: VoteRanking | None, papers: Sequence[Paper], meaning: Meaning | None
    ) -> dict[str, float]:
        shifts = ranking.shifts(papers, meaning) if ranking else {}
        return {id: self.factor * shift for id, shift in shifts.items()}

    def evidence(self, paper: Paper) -> tuple[int, str] | None:
        """How many people liked papers like this one, and the title of the nearest of these; None
        where nobody did."""
        order = self.rankings.order
        if order is None or not self.liked:
            return None
        near = [order.likeness(paper, vote.paper) for vote in self.liked]
        best = max(near)
        people = {
            vote.by for vote, like in zip(self.liked, near, strict=True) if like >= best / 2 > 0
        }
        return (len(people), self.liked[near.index(best)].paper.title) if people else None


def votes_of(
    store: Store,
    workspace_key: str,
    profile: Profile,
    papers: Sequence[Paper],
    beside: Callable[[], Meaning | None],
    meaning_of: Callable[[Sequence[Paper]], Meaning | None],
) -> Voted | None:
    """What a workspace's votes taught a profile, learned anew where another vote was cast since,
    beside the day's `papers`. `beside` finds their meaning, `meaning_of` that of the papers that
    were voted on. None without votes, and where they count nothing there."""
    lessons = store.votes.lessons(workspace_key, profile.name)
    if not lessons or not (factor := store.vote_uses.of(workspace_key, profile.name).weight.factor):
        return None
    texts = store.papers.by_ref(sorted({lesson.ref for lesson in lessons}))
    lessons = [lesson for lesson in lessons if lesson.ref in texts]
    basis = basis_of(lessons)
    kept = store.votes.learned(workspace_key, profile.name, VoteRankings)
    if kept is None or kept.basis != basis:
        voted = [texts[lesson.ref] for lesson in lessons]
        theirs = meaning_of(list({paper.id: paper for paper in voted}.values()))
        if theirs and (day := beside()):
            theirs = theirs._replace(papers={**day.papers, **theirs.papers})
        kept = _learn(lessons, texts, papers, theirs)
        store.votes.put_learned(workspace_key, profile.name, kept, _report(kept, voted))
        log.info("votes learned", workspace=workspace_key, profile=profile.name, votes=len(lessons))
    liked = [each for each in lessons if each.vote is Vote.UP]
    return Voted(kept, tuple(_vote(lesson, texts) for lesson in liked), factor)


def _learn(
    lessons: Sequence[Lesson],
    texts: Mapping[str, Paper],
    papers: Sequence[Paper],
    meaning: Meaning | None,
) -> VoteRankings:
    from workers.gate import vote_training  # numpy takes a while to import

    def train(some: Sequence[Lesson]) -> VoteRanking | None:
        return vote_training.train([_vote(each, texts) for each in some], papers, meaning)

    of_relevance = [lesson for lesson in lessons if lesson.is_of_relevance]
    of_order = [lesson for lesson in lessons if lesson.is_of_order]
    relevance = train(of_relevance)
    return VoteRankings(
        basis=basis_of(lessons),
        relevance=relevance,
        order=relevance if of_order == of_relevance else train(of_order),
    )


def _vote(lesson: Lesson, texts: Mapping[str, Paper]) -> PaperVote:
    return PaperVote(texts[lesson.ref], lesson.by, lesson.vote is Vote.UP)


def _report(rankings: VoteRankings, voted: Sequence[Paper]) -> Taught:
    order = rankings.order
    return Taught(
        basis=rankings.basis,
        words_for=order.telling_words(voted) if order else (),
        words_against=order.telling_words(voted, against=True) if order else (),
    )
