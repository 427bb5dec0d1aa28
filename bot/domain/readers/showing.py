"""Which papers a judge is shown as examples: those whose votes contradict its scores; no I/O."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bot.domain.budget import DAYS_A_MONTH
from bot.domain.digest import Usage
from bot.domain.judge import EXAMPLE_TITLE, MOST_EXAMPLES, VotedExample
from bot.domain.paper_status import judging_criteria
from bot.domain.papers import Profile, Value, fingerprint
from bot.domain.readers.teaching import DownReason, Lesson
from bot.domain.subscription import Vote

# So many people's votes have to contradict the judge before it is shown any paper. Who alone is of
# an opinion about a paper brings one at most.
PEOPLE = 3
# Tokens that showing them adds to a call at most.
TOKENS = 350


class Price(Value):
    """What showing a model examples costs more, about; dollars are None where a price is not
    known."""

    usd_a_month: float | None
    tokens_a_day: int


def price_of(usage: Usage, is_shared: bool) -> Price | None:
    """By what a day cost; one that was `is_shared` with other workspaces is paid alone from then
    on. None for a day without a call."""
    if not usage.calls or not usage.prompt_tokens:
        return None
    tokens = TOKENS * usage.calls
    usd = None
    if usage.prompt_usd is not None and usage.cost_usd is not None:
        day = tokens * usage.prompt_usd / usage.prompt_tokens
        usd = DAYS_A_MONTH * (day + (usage.cost_usd if is_shared else 0.0))
    return Price(usd_a_month=usd, tokens_a_day=tokens)


class _Candidate(NamedTuple):
    """A paper with those who are for its example, how many more they are than those against it, and
    how far the score is on the wrong side of the cut-off."""

    example: VotedExample
    people: frozenset[str]
    balance: int
    gap: int


def judge_mark(profile: Profile, model: str) -> str:
    """Names a model and the criteria it judges by: another score is told from the same one."""
    return fingerprint("judge", judging_criteria(profile).fingerprint, model)


def telling_examples(
    lessons: Sequence[Lesson], profile: Profile, model: str
) -> tuple[VotedExample, ...]:
    """The papers that readers liked below the cut-off, or called off topic above it, the most
    telling first; none while fewer than PEOPLE contradict the judge. Scores that another model
    gave, or this one by other criteria, say nothing."""
    by_paper: dict[str, list[Lesson]] = {}
    for lesson in sorted(lessons, key=lambda lesson: (lesson.at, lesson.key)):
        by_paper.setdefault(lesson.paper, []).append(lesson)
    mark, cutoff = judge_mark(profile, model), profile.cutoffs.relevance
    found = [c for votes in by_paper.values() for c in _candidates(votes, mark, cutoff)]
    found.sort(key=lambda each: (-each.balance, -each.gap, each.example.paper))
    if len(frozenset[str]().union(*(each.people for each in found))) < PEOPLE:
        return ()
    chosen, alone = list[VotedExample](), set[str]()
    for each in found:
        if len(each.people) > 1 or not each.people <= alone:
            chosen.append(each.example)
        if len(each.people) == 1:
            alone |= each.people
    return tuple(chosen[:MOST_EXAMPLES])


def _candidates(votes: Sequence[Lesson], mark: str, cutoff: int) -> Iterator[_Candidate]:
    """A paper, by its votes, the oldest first: a person's last one counts."""
    scores = [vote.judged.relevance for vote in votes if vote.judged and vote.judged.by == mark]
    if not scores:
        return
    last = {vote.by: vote for vote in votes if vote.is_of_relevance}.values()
    ups = frozenset(vote.by for vote in last if vote.vote is Vote.UP)
    off_topic = frozenset(vote.by for vote in last if vote.reason is DownReason.OFF_TOPIC)
    downs = len(last) - len(ups)
    relevance, newest = scores[-1], votes[-1]
    for people, others, gap, is_liked in (
        (ups, downs, cutoff - relevance, True),
        (off_topic, len(ups), relevance - cutoff + 1, False),
    ):
        if gap > 0 and len(people) > others:
            example = VotedExample(
                paper=newest.paper,
                title=newest.title[:EXAMPLE_TITLE],
                relevance=relevance,
                is_liked=is_liked,
            )
            yield _Candidate(example, people, len(people) - others, gap)
