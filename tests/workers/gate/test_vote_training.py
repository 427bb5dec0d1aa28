"""What votes teach the local ranking: whose papers rise, how far, and that nobody shouts."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from statistics import pstdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.papers import Paper
from tests.factories import profile
from tests.workers.gate.tide_papers import tide_papers
from tests.workers.gate.vectors import embed_by, meaning
from workers.gate import vote_training
from workers.gate.vote_ranking import PaperVote, VoteRanking

DAY, IS_TIDAL = tide_papers(60, 2)
TIDAL, OTHER = (
    [p for p, was in zip(*tide_papers(240, 1), strict=True) if was is kind]
    for kind in (True, False)
)


def cast(
    ups: Sequence[Paper], downs: Sequence[Paper], people: Sequence[str] = ("U1", "U2", "U3")
) -> list[PaperVote]:
    """Votes up and down, by these people in turn."""
    papers = [(paper, True) for paper in ups] + [(paper, False) for paper in downs]
    return [
        PaperVote(paper, people[n % len(people)], is_up) for n, (paper, is_up) in enumerate(papers)
    ]


def learned(votes: Sequence[PaperVote]) -> VoteRanking:
    found = vote_training.train(votes, DAY)
    assert found is not None
    return found


def gain(votes: Sequence[PaperVote]) -> float:
    """How much higher the day's papers on tides stand than the others."""
    shifts = learned(votes).shifts(DAY, None)
    sides: dict[bool, list[float]] = {True: [], False: []}
    for paper, was in zip(DAY, IS_TIDAL, strict=True):
        sides[was].append(shifts[paper.id])
    return sum(sides[True]) / len(sides[True]) - sum(sides[False]) / len(sides[False])


def spread(votes: Sequence[PaperVote]) -> float:
    return pstdev(learned(votes).shifts(DAY, None).values())


def test_what_resembles_liked_papers_rises_and_the_more_votes_the_further() -> None:
    gains = [gain(cast(TIDAL[:n], OTHER[:n])) for n in (2, 5, 12)]
    assert 0 < gains[0] < gains[1] < gains[2]
    assert gain(cast(OTHER[:5], TIDAL[:5])) < 0


def test_likes_alone_teach_and_so_do_dislikes_alone() -> None:
    assert gain(cast(TIDAL[:5], ())) > 0
    assert gain(cast((), TIDAL[:5])) < 0


def test_liked_papers_are_told_from_those_nobody_voted_on_more_than_from_disliked_ones() -> None:
    assert gain(cast(TIDAL[:5], TIDAL[5:10])) > 0


def test_the_rarer_votes_down_are_the_more_each_counts() -> None:
    likes = gain(cast(OTHER[:8], ()))
    one, eight = (gain(cast(OTHER[:8], TIDAL[:n])) - likes for n in (1, 8))
    assert one < 0.5 * eight < 0


def test_no_vote_teaches_nothing() -> None:
    assert vote_training.train([], DAY) is None


def test_the_mean_of_the_day_does_not_move() -> None:
    shifts = learned(cast(TIDAL[:5], OTHER[:5])).shifts(DAY, None)
    assert sum(shifts.values()) / len(shifts) == pytest.approx(0, abs=0.2)


def test_of_one_persons_votes_on_a_paper_the_last_counts() -> None:
    changed = [*cast(OTHER[:5], TIDAL[:5], ["U1"]), *cast(TIDAL[:5], OTHER[:5], ["U1"])]
    assert learned(changed) == learned(cast(TIDAL[:5], OTHER[:5], ["U1"]))


def test_fifty_votes_of_one_move_less_than_five_of_five() -> None:
    flood = cast(TIDAL[:25], OTHER[:25], ["U1"])
    few = cast(TIDAL[:3], OTHER[:2], [f"U{n}" for n in range(5)])
    assert spread(flood) < spread(few)


def test_one_who_floods_does_not_outvote_five() -> None:
    five = cast(TIDAL[:10], OTHER[:10], [f"U{n}" for n in range(5)])
    assert gain(five + cast(OTHER[10:35], TIDAL[10:35], ["U9"])) > 0.7 * gain(five)


def test_who_votes_against_all_others_hardly_counts() -> None:
    people = [f"U{n}" for n in range(5)]
    honest = [vote for who in people for vote in cast(TIDAL[:6], OTHER[:6], [who])]
    one_against = [v._replace(is_up=not v.is_up) if v.by == "U0" else v for v in honest]
    assert gain(one_against) > 0.85 * gain(honest)
    assert gain([vote for vote in honest if vote.by in ("U0", "U1")]) > 0


def test_of_two_who_differ_nobody_is_believed_more() -> None:
    one, other = cast(TIDAL[:6], OTHER[:6], ["U1"]), cast(OTHER[:6], TIDAL[:6], ["U2"])
    assert vote_training.train(one + other, DAY) is None


@given(st.randoms(use_true_random=False))
@settings(max_examples=5)
def test_neither_the_order_of_papers_nor_of_different_votes_shows(chance: Random) -> None:
    votes, papers = cast(TIDAL[:6], OTHER[:6]), list(DAY)
    before = vote_training.train(votes, papers)
    chance.shuffle(votes)
    chance.shuffle(papers)
    assert vote_training.train(votes, papers) == before


def test_meaning_teaches_what_no_word_says() -> None:
    about = profile(name="tides", title="Tides")
    every = [*DAY, *TIDAL, *OTHER]
    knows = meaning(embed_by("tide", "moon", "harbour", "current", "estuary"), about, every)
    votes = cast(TIDAL[:3], OTHER[:3])
    found = vote_training.train(votes, DAY, knows)
    assert found is not None
    assert len(found.meaning) == 384
    with_it, without = found.shifts(DAY, knows), found.shifts(DAY, None)
    tidal = [paper.id for paper, was in zip(DAY, IS_TIDAL, strict=True) if was]
    assert sum(with_it[id] for id in tidal) > sum(without[id] for id in tidal)


def test_a_day_whose_papers_have_no_vectors_yet_is_learned_beside_all_the_same() -> None:
    about = profile(name="tides", title="Tides")
    voted = [*TIDAL[:3], *OTHER[:3]]
    knows = meaning(embed_by("tide", "moon", "harbour"), about, voted)
    found = vote_training.train(cast(TIDAL[:3], OTHER[:3]), DAY, knows)
    assert found is not None
    assert len(found.meaning) == 384


def test_a_term_that_no_voted_paper_has_weighs_nothing_but_counts_for_the_length() -> None:
    found = learned(cast(TIDAL[:5], OTHER[:5]))
    brief = TIDAL[6].model_copy(update={"title": "Tide", "abstract": "Tide and moon."})
    diluted = brief.model_copy(update={"abstract": "Tide and moon. " + "Zeta eta theta iota. " * 5})
    assert found.shift(brief) > found.shift(diluted)
