"""Two people's changes to one profile at once: nothing of either is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.papers import Example, Keywords, Profile, Topic
from bot.profiles.form import parse_answers, values_of
from bot.profiles.merge import merged_answers
from tests import factories

BASE = factories.profile(
    topics=(
        Topic(name="Pruning", relevant="of weights", irrelevant="of trees"),
        Topic(name="Routing", relevant="of tokens"),
    ),
    keywords=Keywords(relevant=("sparsity", "experts"), irrelevant=("survey",)),
)
WORDS = st.lists(st.sampled_from("abcdef"), unique=True, max_size=5).map(tuple)


def merged(theirs: Profile, mine: Profile) -> Profile:
    found = parse_answers(merged_answers(BASE, theirs, values_of(mine)), BASE)
    assert isinstance(found, Profile)
    return found


def changed(**fields: object) -> Profile:
    return BASE.model_copy(update=fields)


@pytest.mark.parametrize(
    ("theirs", "mine", "both"),
    [
        (changed(maximum=3), changed(title="Ours"), changed(maximum=3, title="Ours")),
        (changed(maximum=3), changed(maximum=4), changed(maximum=4)),
        (changed(maximum=3), BASE, changed(maximum=3)),
        (changed(topics=BASE.topics[:1]), BASE, changed(topics=BASE.topics[:1])),
        (
            changed(topics=(*BASE.topics, Topic(name="Scaling", relevant="laws"))),
            changed(topics=BASE.topics[1:]),
            changed(topics=(BASE.topics[1], Topic(name="Scaling", relevant="laws"))),
        ),
        (
            changed(topics=(BASE.topics[0], Topic(name="Routing", relevant="of experts"))),
            changed(topics=(BASE.topics[0], Topic(name="Routing", relevant="of layers"))),
            changed(topics=(BASE.topics[0], Topic(name="Routing", relevant="of layers"))),
        ),
        (
            changed(topics=(BASE.topics[0], Topic(name="Routing", relevant="of experts"))),
            changed(topics=BASE.topics[:1]),
            changed(topics=(BASE.topics[0], Topic(name="Routing", relevant="of experts"))),
        ),
        (
            changed(examples=(Example(title="Tides, and moons"), Example(title="Dust"))),
            changed(examples=(Example(title="Quanta: a, b"),)),
            changed(
                examples=(
                    Example(title="Quanta: a, b"),
                    Example(title="Tides, and moons"),
                    Example(title="Dust"),
                )
            ),
        ),
    ],
    ids=[
        "apart",
        "both",
        "only theirs",
        "a topic less",
        "one more, one less",
        "same",
        "gone here",
        "examples",
    ],
)
def test_what_each_changed_is_there_and_where_both_did_mine_stands(
    theirs: Profile, mine: Profile, both: Profile
) -> None:
    assert merged(theirs, mine) == both


def test_categories_stay_as_a_list_to_choose_from_has_them() -> None:
    was = changed(categories=("cs.LG", "cs.AI"))
    mine = values_of(was) | {"categories": "cs.LG,cs.AI,cs.CL"}
    found = merged_answers(was, was.model_copy(update={"maximum": 3}), mine)
    assert found["categories"] == "cs.LG,cs.AI,cs.CL"


@given(WORDS, WORDS, WORDS)
def test_no_word_that_somebody_added_is_lost_and_none_that_was_removed_comes_back(
    base: tuple[str, ...], theirs: tuple[str, ...], mine: tuple[str, ...]
) -> None:
    was, now, own = (changed(keywords=Keywords(relevant=w)) for w in (base, theirs, mine))
    found = parse_answers(merged_answers(was, now, values_of(own)), was)
    assert isinstance(found, Profile)
    added, kept = (set(theirs) | set(mine)) - set(base), set(base) & set(theirs) & set(mine)
    assert set(found.keywords.relevant) == added | kept
