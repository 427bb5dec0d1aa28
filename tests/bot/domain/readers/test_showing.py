"""Which papers a model is shown as examples, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.digest import Usage
from bot.domain.papers import Cutoffs
from bot.domain.readers.showing import TOKENS, judge_mark, price_of, telling_examples
from bot.domain.readers.teaching import DownReason, Judged, Lesson
from tests.factories import NOW, lesson, paper_ids, profile

MINE, MODEL = profile(cutoffs=Cutoffs(relevance=7)), "gpt-6-luna"
MARK = judge_mark(MINE, MODEL)
A, B, C, D, E = paper_ids(5)
OFF = DownReason.OFF_TOPIC


def vote(id: str, by: str, relevance: int, up: bool = True, **more: object) -> Lesson:
    """A vote on a paper with this relevance; one down says that it is off topic."""
    reason = {} if up else {"reason": OFF}
    judged = Judged(relevance=relevance, by=MARK)
    return lesson(id, by, "up" if up else "down", judged=judged, **(reason | more))


def shown(*lessons: Lesson) -> list[tuple[str, bool]]:
    return [(each.paper, each.is_liked) for each in telling_examples(lessons, MINE, MODEL)]


def test_what_was_liked_below_the_cutoff_and_off_topic_above_it_is_shown() -> None:
    votes = [vote(A, f"U{n}", 6) for n in range(3)]
    votes += [vote(B, f"U{n}", 9, up=False) for n in range(2)]
    agreeing = [vote(C, f"U{n}", 7) for n in range(5)]
    agreeing += [vote(D, f"U{n}", 6, up=False) for n in range(5)]
    assert shown(*votes, *agreeing) == [(A, True), (B, False)]


def test_the_most_telling_three_are_shown_by_people_then_by_how_far_the_score_is_off() -> None:
    votes = [vote(id, f"U{n}", relevance) for id, relevance in ((A, 6), (B, 2)) for n in range(3)]
    votes += [vote(C, f"U{n}", 6) for n in range(4)] + [vote(D, "U1", 1), vote(E, "U2", 1)]
    assert shown(*votes) == [(C, True), (B, True), (A, True)]
    assert shown(*reversed(votes)) == shown(*votes)


def test_two_people_show_nothing_however_often_they_vote() -> None:
    votes = [vote(id, who, 3) for id in (A, B, C, D) for who in ("U1", "U2")]
    assert shown(*votes) == []
    assert shown(*votes, vote(E, "U3", 3)) == [(A, True), (B, True), (C, True)]


def test_who_alone_is_of_an_opinion_brings_one_paper() -> None:
    votes = [vote(id, "U9", 1) for id in (A, B, C)] + [vote(D, "U1", 5), vote(E, "U2", 5)]
    assert shown(*votes) == [(A, True), (D, True), (E, True)]


def test_a_paper_that_as_many_see_otherwise_is_not_shown() -> None:
    against = [lesson(A, f"V{n}", "down", reason=reason) for n, reason in enumerate((OFF, None))]
    votes = [vote(A, f"U{n}", 3) for n in range(3)]
    assert shown(*votes, *against) == [(A, True)]
    assert shown(*votes[:2], *against, vote(B, "U7", 3), vote(C, "U8", 3), vote(D, "U9", 3)) == [
        (B, True),
        (C, True),
        (D, True),
    ]
    weak = [lesson(A, f"W{n}", "down", reason=DownReason.WEAK) for n in range(9)]
    assert shown(*votes, *weak) == [(A, True)]  # which says nothing of the topic


def test_a_person_has_one_voice_a_paper_the_last_in_whatever_channel() -> None:
    here = [vote(A, "U1", 3), vote(A, "U2", 3)]
    again = [
        vote(A, "U1", 3, channel="slack:T1:C2", at=NOW + timedelta(1)),
        vote(A, "U1", 3, channel="slack:T1:C3", at=NOW + timedelta(2)),
    ]
    assert shown(*here, *again) == []
    turned = vote(A, "U3", 3, up=False, channel="slack:T1:C2", at=NOW + timedelta(1))
    assert shown(*here, vote(A, "U3", 3), turned) == []


@pytest.mark.parametrize("model", ["gpt-6-luna", "another"])
def test_a_score_by_other_criteria_or_of_another_model_says_nothing(model: str) -> None:
    votes = [vote(A, f"U{n}", 3) for n in range(3)]
    other = MINE if model != MODEL else profile(title="Another", cutoffs=MINE.cutoffs)
    assert telling_examples(votes, other, model) == ()
    stricter = profile(cutoffs=Cutoffs(relevance=3))  # by which it was picked
    assert telling_examples(votes, stricter, MODEL) == ()
    assert telling_examples([lesson(A, f"U{n}") for n in range(3)], MINE, MODEL) == ()


def test_the_price_is_that_of_the_prompts_and_of_the_day_where_it_was_shared() -> None:
    paid = Usage(calls=10, prompt_tokens=100_000, prompt_usd=0.01, completion_usd=0.02)
    alone, shared = price_of(paid, False), price_of(paid, True)
    assert alone
    assert shared
    assert alone.tokens_a_day == 10 * TOKENS
    assert alone.usd_a_month == pytest.approx(22 * 10 * TOKENS * 0.01 / 100_000)
    assert shared.usd_a_month == pytest.approx(alone.usd_a_month + 22 * 0.03)
    unknown = price_of(paid.model_copy(update={"prompt_usd": None}), True)
    assert unknown
    assert unknown.usd_a_month is None
    assert price_of(Usage(), False) is None
