"""Choosing and ordering: exactly one outcome for each paper."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import Batch, LocalRank, Outcome, Score, ScoreResult
from bot.domain.papers import AnnounceType, Cutoffs, Followed
from bot.domain.reasons import ArxivReason, ModelReason
from tests.factories import announced, decision, digest, paper_ids, profile
from workers.judging import outcomes as outcomes_judging


def verdict(relevance: int, novelty: int | None = 8) -> ScoreResult:
    return ScoreResult(score=Score(relevance=relevance, novelty=novelty, comment="Fine."))


def batch(*papers: object, replaced: tuple[tuple[str, tuple[str, ...]], ...] = ()) -> Batch:
    return Batch.model_validate({"key": "b", "papers": papers, "replaced": replaced})


def test_a_profile_sees_the_papers_of_its_categories_only() -> None:
    found, replacements = outcomes_judging.papers_of_day(
        profile(categories=("cs.LG", "math")),
        batch(
            announced("2503.00001", categories=("cs.LG",)),
            announced("2503.00002", categories=("cs.CV", "cs.AI")),
            announced("2503.00003", categories=("math.ST", "stat.TH")),
            replaced=(("2401.00001", ("cs.LG",)), ("2401.00002", ("cs.CV",))),
        ),
    )
    assert [a.paper.id for a in found] == ["2503.00001", "2503.00003"]
    assert replacements == 1


def test_new_elsewhere_is_a_cross_list_here_and_can_be_left_out() -> None:
    day = batch(
        announced("2503.00001", categories=("cs.LG",)),
        announced("2503.00002", categories=("cs.CV", "cs.LG")),
        announced("2503.00003", "cross", categories=("cs.RO", "cs.LG")),
    )
    found, _ = outcomes_judging.papers_of_day(profile(), day)
    assert [a.announce_type for a in found] == ["new", "cross", "cross"]
    found, _ = outcomes_judging.papers_of_day(profile(cross_lists=False), day)
    assert [a.paper.id for a in found] == ["2503.00001"]


def test_the_order_is_relevance_novelty_local_ranking_id() -> None:
    names = paper_ids(6)
    verdicts = dict(
        zip(
            (f"{id}v1" for id in names),
            [verdict(8, 8), verdict(9, 7), verdict(8, 9), verdict(8, 8), verdict(8, 8), verdict(9)],
            strict=True,
        )
    )
    ranking = [names[4], names[3]]
    decided = outcomes_judging.decide_outcomes(
        profile(), [announced(id) for id in names], verdicts, ranking
    )
    assert [d.paper.id for d in decided] == [names[i] for i in (5, 1, 2, 4, 3, 0)]


def test_both_cut_offs_count_and_novelty_only_where_it_is_known() -> None:
    asked = profile(cutoffs=Cutoffs(relevance=7, novelty=6))
    cases = [
        (7, 6, "picked"),
        (6, 10, "below_cutoff"),
        (10, 5, "below_cutoff"),
        (7, None, "picked"),
    ]
    for relevance, novelty, outcome in cases:
        decided = outcomes_judging.decide_outcomes(
            asked, [announced("2503.00001")], {"2503.00001v1": verdict(relevance, novelty)}, []
        )
        assert decided[0].outcome == outcome


def test_what_has_no_score_says_why() -> None:
    decided = outcomes_judging.decide_outcomes(
        profile(),
        [announced("2503.00001")],
        {"2503.00001v1": ScoreResult(score=None, trouble=ModelReason.MODEL_DOWN)},
        [],
    )
    assert (decided[0].outcome, decided[0].trouble) == (Outcome.UNSCORED, ModelReason.MODEL_DOWN)


def test_a_followed_author_is_marked() -> None:
    decided = outcomes_judging.decide_outcomes(
        profile(authors=Followed(follow=("Alan Turing", "Grace Hopper"))),
        [announced("2503.00001")],
        {"2503.00001v1": verdict(2)},
        [],
    )
    assert decided[0].followed == ("Alan Turing",)
    assert decided[0].outcome is Outcome.BELOW_CUTOFF


def test_a_paper_the_channel_had_makes_room_for_the_next() -> None:
    names = paper_ids(4)
    outcomes = [Outcome.PICKED, Outcome.PICKED, Outcome.OVER_LIMIT, Outcome.BELOW_CUTOFF]
    day = digest(
        *(decision(id, outcome) for id, outcome in zip(names, outcomes, strict=True)),
        profile=profile(maximum=2),
    )
    chosen = outcomes_judging.replace_repeats(day, {names[0]})
    assert {d.paper.id: d.outcome for d in chosen.decisions} == {
        names[1]: Outcome.PICKED,
        names[2]: Outcome.PICKED,
        names[0]: Outcome.REPEAT,
        names[3]: Outcome.BELOW_CUTOFF,
    }


scores = st.none() | st.builds(
    Score,
    relevance=st.integers(1, 10),
    novelty=st.none() | st.integers(1, 10),
    comment=st.just(""),
)


@given(st.lists(scores, max_size=30), st.integers(1, 10), st.sets(st.integers(0, 29)))
def test_every_paper_has_one_outcome_and_the_sum_is_what_was_announced(
    given_scores: list[Score | None], maximum: int, had: set[int]
) -> None:
    names = paper_ids(len(given_scores))
    verdicts = {
        f"{id}v1": ScoreResult(score=score, trouble=None if score else ModelReason.BAD_REPLY)
        for id, score in zip(names, given_scores, strict=True)
    }
    asked = profile(maximum=maximum)
    day = [announced(id) for id in names]
    decided = outcomes_judging.decide_outcomes(asked, day, verdicts, names)
    assert decided == outcomes_judging.decide_outcomes(asked, day[::-1], verdicts, names)
    chosen = outcomes_judging.replace_repeats(
        digest(*decided, profile=asked), {names[i] for i in had if i < len(names)}
    )
    for one in (decided, chosen.decisions):
        assert sorted(d.paper.id for d in one) == names
        assert Counter(d.outcome for d in one)[Outcome.PICKED] <= maximum
    assert sum(chosen.counts.values()) == len(names)
    assert not {d.paper.id for d in chosen.picked} & {names[i] for i in had if i < len(names)}


def test_replacements_are_not_announced() -> None:
    assert AnnounceType.REPLACE.is_replacement
    assert AnnounceType.REPLACE_CROSS.is_replacement
    assert not AnnounceType.CROSS.is_replacement


def test_a_paper_that_no_model_judged_says_where_it_stood_and_a_judged_one_does_not() -> None:
    names = paper_ids(4)
    verdicts = {
        f"{names[0]}v1": verdict(8),
        f"{names[1]}v1": ScoreResult(score=None, trouble=ModelReason.NO_BUDGET),
        f"{names[2]}v1": ScoreResult(score=None, trouble=ModelReason.MODEL_DOWN),
    }
    places = {id: LocalRank(rank=n, of=4) for n, id in enumerate(names, 1)}
    day = [announced(id) for id in names]
    decided = outcomes_judging.decide_outcomes(profile(), day, verdicts, names, places)
    ranks = {d.paper.id: d.place and d.place.rank for d in decided}
    assert ranks == {names[0]: None, names[1]: 2, names[2]: 3, names[3]: 4}


def test_a_score_replaces_an_earlier_reason() -> None:
    late = verdict(8).model_copy(update={"trouble": ArxivReason.TIMEOUT})
    (decided,) = outcomes_judging.decide_outcomes(
        profile(), [announced("2503.00001")], {"2503.00001v1": late}, []
    )
    assert (decided.outcome, decided.trouble) == (Outcome.PICKED, None)
