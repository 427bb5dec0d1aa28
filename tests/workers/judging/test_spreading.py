"""Bunched scores are told apart by the day's order; nobody is picked for it, or dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import Decision, Outcome, Score, merge_digests
from bot.domain.papers import Cutoffs, Profile
from tests.factories import decision, digest, paper_ids, profile
from workers.judging.outcomes import meets_cutoffs
from workers.judging.spreading import spread_scores

Pair = tuple[int, int | None]


def day(pairs: Sequence[Pair], maximum: int = 20) -> list[Decision]:
    rows = [decision(id, Outcome.PICKED) for id in paper_ids(len(pairs))]
    return [
        row.model_copy(
            update={
                "score": Score(relevance=relevance, novelty=novelty, comment=""),
                "outcome": Outcome.PICKED if at < maximum else Outcome.OVER_LIMIT,
            }
        )
        for at, (row, (relevance, novelty)) in enumerate(zip(rows, pairs, strict=True))
    ]


def shown(pairs: Sequence[Pair], of: Profile | None = None) -> list[Pair]:
    spread = spread_scores(of or profile(), day(pairs))
    return [(d.score.relevance, d.score.novelty) for d in spread if d.score]


def test_sixteen_papers_with_the_same_scores_are_told_apart() -> None:
    found = shown([(10, 9), (10, 9), *[(9, 8)] * 16, (8, 7), (7, 7)])
    assert found[:2] == [(10, 9), (10, 9)]
    assert Counter(found[2:18]) == {(10, 8): 5, (9, 8): 6, (9, 7): 5}
    assert found[18:] == [(8, 7), (7, 7)]


def test_three_with_the_same_scores_are_left_as_they_are() -> None:
    pairs: list[Pair] = [(9, 8)] * 3 + [(8, 7)] * 3
    assert shown(pairs) == pairs


def test_no_paper_takes_the_scores_of_one_before_or_after() -> None:
    found = shown([(10, 8), *[(9, 8)] * 8, (9, 7)])
    assert found == [(10, 8), *[(9, 8)] * 8, (9, 7)]
    found = shown([*[(10, 8)] * 4, *[(9, 8)] * 4])
    assert found == [*[(10, 8)] * 2, *[(10, 7)] * 2, *[(9, 8)] * 2, *[(9, 7)] * 2]


def test_no_paper_goes_below_a_cut_off() -> None:
    strict = profile(cutoffs=Cutoffs(relevance=9, novelty=8))
    assert set(shown([(9, 8)] * 9, strict)) == {(10, 8), (9, 8)}
    strictest = profile(cutoffs=Cutoffs(relevance=10, novelty=10))
    assert set(shown([(10, 10)] * 9, strictest)) == {(10, 10)}


def test_without_novelty_the_points_above_the_cut_off_are_shared_and_nothing_rises() -> None:
    eights: list[Pair] = [(10, None)] * 8 + [(9, None)] * 6 + [(8, None)] * 5 + [(7, None)] * 4
    found = Counter(relevance for relevance, _ in shown(eights))
    assert found == {10: 6, 9: 6, 8: 6, 7: 5}
    low: list[Pair] = [(7, None)] * 9
    assert shown(low) == low


def test_the_judges_own_scores_are_kept_beside_and_order_several_days() -> None:
    spread = spread_scores(profile(), day([(9, 8)] * 4))
    scores = [d.score for d in spread if d.score]
    assert [s.given for s in scores] == [(9, 8), None, None, (9, 8)]
    other = decision("2503.20000", Outcome.PICKED, 9, 8)
    merged = merge_digests([digest(other), digest(*spread)], 0)
    assert merged.decisions[0].paper.id == "2503.20000"


PAIRS = st.lists(st.tuples(st.integers(6, 10), st.integers(5, 10)), max_size=40)
LOCAL = st.lists(st.tuples(st.integers(6, 10), st.none()), max_size=40)


@given(PAIRS | LOCAL, st.integers(1, 6), st.integers(1, 5), st.integers(1, 40))
def test_nobody_is_picked_or_dropped_and_the_order_stays(
    pairs: list[Pair], relevance: int, novelty: int, maximum: int
) -> None:
    mine = profile(cutoffs=Cutoffs(relevance=relevance, novelty=novelty))
    before = day(sorted(pairs, key=lambda p: (p[0], p[1] or 0), reverse=True), maximum)
    before.append(decision("2503.20000", Outcome.BELOW_CUTOFF, 3, 3))
    after = spread_scores(mine, before)
    assert [(d.paper.id, d.outcome) for d in after] == [(d.paper.id, d.outcome) for d in before]
    assert after[-1] == before[-1]
    scores = [(a.score, b.score) for a, b in zip(after, before, strict=True)][:-1]
    for new, old in scores:
        assert new
        assert old
        assert meets_cutoffs(mine, new)
        assert (new.given or (new.relevance, new.novelty)) == (old.relevance, old.novelty)
        assert abs(new.relevance - old.relevance) <= 1 or new.novelty is None
    rows = [(new.relevance, new.novelty or 0) for new, _ in scores if new]
    assert rows == sorted(rows, reverse=True)
    own = [(old.relevance, old.novelty or 0) for _, old in scores if old]
    assert all(
        rows[at] > rows[at + 1]
        for at in range(len(rows) - 1)
        if own[at] > own[at + 1] and scores[at][1].novelty is not None  # type: ignore[union-attr]
    )
