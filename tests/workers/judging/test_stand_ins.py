"""No model, still a morning: which papers a channel is shown by their local rank."""

from __future__ import annotations

from bot.domain.digest import Decision, Digest, LocalRank, Outcome
from bot.domain.reasons import ModelReason
from tests.factories import decision, digest, paper_ids, profile
from workers.judging.stand_ins import Shown, with_stand_ins

IDS, NOTHING = paper_ids(8), Shown()


def unjudged(
    id: str, rank: int, relevance: int = 8, why: ModelReason = ModelReason.MODEL_DOWN
) -> Decision:
    place = LocalRank(rank=rank, of=8, words=("matter",), relevance=relevance)
    unscored = decision(id, Outcome.UNSCORED)
    return unscored.model_copy(update={"trouble": why, "place": place})


def shown_ids(
    day: Digest, shown: Shown = NOTHING, is_last_try: bool = True
) -> tuple[str, ...] | None:
    return with_stand_ins(day, shown, is_last_try).ranked_locally


def test_where_the_model_stays_away_the_best_by_the_local_ranking_are_shown_best_first() -> None:
    day = digest(unjudged(IDS[0], 3, 7), unjudged(IDS[1], 1, 9), unjudged(IDS[2], 2, 6))
    assert shown_ids(day) == (IDS[1], IDS[0])  # the third does not reach the cut-off of 7


def test_nothing_is_shown_unjudged_while_the_model_is_waited_for() -> None:
    assert shown_ids(digest(unjudged(IDS[0], 1)), is_last_try=False) is None


def test_they_keep_their_outcome_and_change_no_sum() -> None:
    day = digest(decision(IDS[1], Outcome.PICKED), unjudged(IDS[0], 1))
    after = with_stand_ins(day, Shown(), is_last_try=True)
    assert (after.counts, after.picked, after.version) == (day.counts, day.picked, day.version)
    assert [d.paper.id for d in after.posted] == [IDS[1], IDS[0]]


def test_no_more_than_the_profile_takes_are_shown_with_those_that_are_picked() -> None:
    rows = [unjudged(id, n) for n, id in enumerate(IDS[1:], 1)]
    day = digest(decision(IDS[0], Outcome.PICKED), *rows, profile=profile(maximum=3))
    assert shown_ids(day) == tuple(IDS[1:3])


def test_a_paper_that_another_digest_brought_is_not_shown_again() -> None:
    day = digest(unjudged(IDS[0], 1), unjudged(IDS[1], 2))
    assert shown_ids(day, Shown(elsewhere={IDS[0]})) == (IDS[1],)


def test_where_the_money_was_gone_before_a_paper_was_judged_nobody_waits() -> None:
    rows = [unjudged(id, n, why=ModelReason.NO_BUDGET) for n, id in enumerate(IDS[:3], 1)]
    assert shown_ids(digest(*rows), is_last_try=False) == tuple(IDS[:3])
    gated = decision(IDS[4], Outcome.GATED).model_copy(update={"score": None})
    assert shown_ids(digest(*rows, gated), is_last_try=False) == tuple(IDS[:3])


def test_what_a_budget_left_of_a_judged_day_is_not_shown_because_it_was_ranked_last() -> None:
    left = unjudged(IDS[0], 2, why=ModelReason.NO_BUDGET)
    assert shown_ids(digest(decision(IDS[1], Outcome.BELOW_CUTOFF), left)) == ()
    assert shown_ids(digest(unjudged(IDS[1], 1), left)) == (IDS[1],)


def test_one_answer_that_went_wrong_is_no_outage_and_a_day_of_them_is() -> None:
    wrong = unjudged(IDS[0], 1, why=ModelReason.BAD_REPLY)
    judged = [decision(id, Outcome.BELOW_CUTOFF) for id in IDS[1:3]]
    assert shown_ids(digest(wrong, *judged)) == ()
    assert shown_ids(digest(wrong)) == (IDS[0],)


def test_what_was_shown_stays_when_it_is_judged_and_what_was_not_sent_yet_goes() -> None:
    before = with_stand_ins(
        digest(*(unjudged(id, n) for n, id in enumerate(IDS[:3], 1))), Shown(), is_last_try=True
    )
    day = digest(
        decision(IDS[0], Outcome.BELOW_CUTOFF),
        decision(IDS[1], Outcome.BELOW_CUTOFF),
        unjudged(IDS[2], 1),
    )
    shown = Shown(before, sent={IDS[0]})
    after = with_stand_ins(day, shown, is_last_try=False)
    assert after.ranked_locally == (IDS[0], IDS[2])
    assert [d.paper.id for d in after.stand_ins] == [IDS[2]]
    assert [d.paper.id for d in after.posted] == [IDS[0], IDS[2]]


def test_a_paper_that_was_shown_and_is_picked_later_is_posted_once() -> None:
    before = with_stand_ins(digest(unjudged(IDS[0], 1)), Shown(), is_last_try=True)
    day = digest(decision(IDS[1], Outcome.PICKED), decision(IDS[0], Outcome.PICKED))
    after = with_stand_ins(day, Shown(before, sent={IDS[0]}), is_last_try=False)
    assert [d.paper.id for d in after.posted] == [IDS[1], IDS[0]]
    assert after.stand_ins == ()


def test_a_day_of_an_older_release_has_no_local_ranks_to_go_by() -> None:
    old = unjudged(IDS[0], 1).model_copy(update={"place": None})
    assert shown_ids(digest(old)) == ()
