"""What one channel gets of a day, or of several as one: as given, and as it is read again."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bot.domain.digest import (
    Decision,
    DeliveryBasis,
    Digest,
    ListResult,
    Outcome,
    Score,
    Usage,
    merge_digests,
)
from bot.domain.papers import Problem
from bot.domain.reasons import ArxivReason, ModelReason
from bot.domain.request import Address
from bot.store.store import Store
from bot.store.values.stored_forms import deserialise, serialise
from tests.factories import (
    DAY,
    NOW,
    announced,
    decision,
    digest,
    digest_request,
    list_result,
    listing,
    paper_ids,
    profile,
)
from workers.judging import outcomes as outcomes_judging

HERE = Address(platform="slack", workspace="T1", channel="C1")


def day_of(n: int, *papers: Decision, **fields: object) -> Digest:
    """The n-th of March, judged n minutes past NOW."""
    day = date(2025, 3, n)
    found = ListResult(batch=str(day), date=day, asked_at=NOW, changed_at=NOW)
    given = {"listed": found, "judged_at": NOW + timedelta(minutes=n)} | fields
    return digest(*papers, **given)


def outcomes(day: Digest | None) -> dict[str, str]:
    return {d.paper.id: str(d.outcome) for d in day.decisions} if day else {}


def test_several_days_are_as_old_as_the_last_that_was_judged() -> None:
    """An earlier day may have been judged again, after the newest."""
    days = [day_of(18), day_of(19, judged_at=NOW + timedelta(hours=5)), day_of(20)]
    assert merge_digests(days, 0).judged_at == NOW + timedelta(hours=5)
    assert merge_digests(days[::2], 0).judged_at == NOW + timedelta(minutes=20)


def test_several_days_add_up() -> None:
    paper = decision("2503.00001", Outcome.PICKED)
    usage = Usage(calls=2, prompt_tokens=10, completion_tokens=1)
    days = [
        day_of(17, replacements=9),
        day_of(18, paper, replacements=1, usage=usage),
        day_of(19, paper, decision("2503.00002", Outcome.PICKED, 10), usage=usage),
        day_of(20, decision("2503.00003", Outcome.PICKED, 9), replacements=2, usage=usage),
    ]
    whole = merge_digests(days, 4)
    assert [d.paper.id for d in whole.decisions] == ["2503.00002", "2503.00003", "2503.00001"]
    assert (whole.date, whole.replacements, whole.left_out) == (date(2025, 3, 20), 12, 4)
    assert whole.earlier == (date(2025, 3, 18), date(2025, 3, 19))  # nothing came on the 17th
    assert (whole.usage.calls, whole.usage.prompt_tokens) == (1 + 6, 33000 + 30)


def test_a_paper_of_two_days_is_the_first_ones() -> None:
    first = decision("2503.00001", Outcome.PICKED, 9)
    days = [day_of(19, first), day_of(20, decision("2503.00001", Outcome.BELOW_CUTOFF, 2))]
    assert merge_digests(days, 0).decisions == (first,)


def test_the_best_of_several_days_come_first_by_relevance_then_novelty() -> None:
    papers = [(8, 9), (9, 3), (9, 7), (9, None)]
    day = day_of(
        19,
        *(
            decision(id, Outcome.PICKED, *both)
            for id, both in zip(paper_ids(4), papers, strict=True)
        ),
    )
    unscored = decision("2503.00009", Outcome.UNSCORED)
    whole = merge_digests([day_of(18, unscored), day], 0)
    assert [d.paper.id for d in whole.decisions] == [
        *(paper_ids(4)[n] for n in (2, 1, 3, 0)),
        "2503.00009",
    ]


def test_a_holiday_among_several_days_is_no_problem_and_an_outage_is() -> None:
    def troubled(n: int, reason: ArxivReason) -> Digest:
        found = day_of(n)
        problem = Problem(trouble=reason)
        return found.model_copy(
            update={"listed": found.listed.model_copy(update={"problem": problem})}
        )

    def said(*days: Digest) -> ArxivReason | None:
        problem = merge_digests(days, 0).listed.problem
        return problem.trouble if problem else None

    holiday, away = troubled(18, ArxivReason.NO_LIST), troubled(19, ArxivReason.UNREACHABLE)
    assert said(holiday, day_of(20)) is None
    assert said(holiday, away, day_of(20)) is ArxivReason.UNREACHABLE
    assert said(day_of(19), troubled(20, ArxivReason.NO_LIST)) is ArxivReason.NO_LIST


@pytest.mark.parametrize(
    ("top", "maximum", "most"), [(3, 5, 3), (5, 3, 3), (None, 3, 3), (4, 4, 4)]
)
def test_a_channel_gets_the_smaller_of_what_it_and_the_profile_want(
    top: int | None, maximum: int, most: int
) -> None:
    day = digest(
        *(decision(id, Outcome.PICKED) for id in paper_ids(6)), profile=profile(maximum=maximum)
    )
    asked = digest_request().model_copy(update={"top": top})
    view = outcomes_judging.digest_for_channel(asked, list_result(NOW), day, lambda *_: ())
    assert [len(view.picked), view.profile.maximum] == [most, most]
    assert list(outcomes(view).values()) == ["picked"] * most + ["over_limit"] * (6 - most)


def test_what_a_channel_was_shown_stays_when_the_day_is_judged_again() -> None:
    shown = digest(*(decision(id, Outcome.PICKED) for id in paper_ids(3)))
    better = [decision(f"2503.0000{n}", Outcome.PICKED, 10) for n in range(4)]
    day = digest(*better, *shown.decisions, profile=profile(maximum=4))
    view = outcomes_judging.digest_for_channel(
        digest_request(), list_result(NOW), day, lambda *_: (), shown
    )
    assert [d.paper.id for d in view.picked] == [*paper_ids(3), "2503.00000"]


def test_nothing_decided_is_no_empty_digest() -> None:
    with pytest.raises(KeyError):
        outcomes_judging.digest_for_channel(digest_request(), list_result(NOW), None, lambda *_: ())


@pytest.fixture
def read_again(store: Store) -> Store:
    """A channel that was given a day of five: two picked, one over its limit, one it had."""
    kinds = [
        Outcome.PICKED,
        Outcome.PICKED,
        Outcome.OVER_LIMIT,
        Outcome.REPEAT,
        Outcome.BELOW_CUTOFF,
    ]
    day = digest(
        *(decision(id, Outcome.PICKED) for id in paper_ids(4)),
        decision(paper_ids(5)[4], Outcome.BELOW_CUTOFF, 2),
    )
    store.lists.add(str(DAY), listing(*(announced(id) for id in paper_ids(7))), NOW)
    store.days.put_decided("day", day)
    view = digest(
        *(
            d.model_copy(update={"outcome": kind})
            for d, kind in zip(day.decisions, kinds, strict=True)
        ),
        profile=profile(maximum=2),
        left_out=3,
    )
    store.history.put_delivered(HERE, f"{HERE}:day", view, NOW, "17.1")
    return store


def test_a_channel_s_view_is_read_as_it_was_given(read_again: Store) -> None:
    view = read_again.history.digest_given_to(HERE, "day")
    assert view is not None
    assert outcomes(view) == dict(
        zip(paper_ids(5), ["picked", "picked", "over_limit", "repeat", "below_cutoff"], strict=True)
    )
    assert (view.profile.maximum, view.left_out) == (2, 3)
    assert (
        read_again.history.digest_given_to(HERE.model_copy(update={"channel": "C2"}), "day") is None
    )


def test_what_came_to_the_day_after_it_was_given_is_not_shown_as_picked(
    read_again: Store,
) -> None:
    """Nor is what was over the channel's limit: the day itself picks it."""
    day = read_again.days.get("day")
    assert day is not None
    more = (
        *day.decisions,
        decision(paper_ids(6)[5], Outcome.PICKED),
        decision(paper_ids(7)[6], Outcome.GATED),
    )
    read_again.days.put_decided("day", day.model_copy(update={"decisions": more}))
    view = read_again.history.digest_given_to(HERE, "day")
    assert outcomes(view) == dict(
        zip(
            paper_ids(7),
            [*["picked"] * 2, "over_limit", "repeat", "below_cutoff", "over_limit", "gated"],
            strict=True,
        )
    )


def test_what_has_lost_its_score_since_is_unscored_in_the_channel_too(read_again: Store) -> None:
    day = read_again.days.get("day")
    assert day is not None
    first, *rest = day.decisions
    lost = first.model_copy(update={"outcome": Outcome.UNSCORED, "score": None})
    read_again.days.put_decided("day", day.model_copy(update={"decisions": (lost, *rest)}))
    assert outcomes(read_again.history.digest_given_to(HERE, "day"))[paper_ids(1)[0]] == "unscored"


def test_a_day_judged_again_replaces_the_one_before_with_its_facts(read_again: Store) -> None:
    later = NOW + timedelta(hours=1)
    read_again.days.put_decided(
        "day", digest(decision(paper_ids(1)[0], Outcome.PICKED), judged_at=later)
    )
    day = read_again.days.get("day")
    assert day is not None
    assert (day.judged_at, len(day.decisions)) == (later, 1)


def test_a_delivery_writes_no_day(read_again: Store) -> None:
    before = read_again.days.get("day")
    other = digest(decision(paper_ids(1)[0], Outcome.REPEAT), judged_at=NOW + timedelta(hours=2))
    read_again.history.put_prepared(HERE, f"{HERE}:day", other, NOW, DeliveryBasis(("day",), "v"))
    read_again.history.put_delivered(
        HERE, f"{HERE}:day", other, NOW, "17.1", DeliveryBasis(("day",), "v")
    )
    assert read_again.days.get("day") == before


def test_one_day_is_shown_with_what_is_known_of_its_list_by_now_and_several_as_they_are() -> None:
    """Asked for on a Sunday, the same day is the last that there was."""
    day, sunday = day_of(20, decision(paper_ids(1)[0], Outcome.PICKED)), date(2025, 3, 23)
    found = list_result(NOW).model_copy(update={"instead_of": sunday})
    assert (
        outcomes_judging.digest_for_channel(digest_request(), found, day, lambda *_: ()).listed
        == found
    )
    several = digest_request().model_copy(update={"earlier": (digest_request().wanted,)})
    assert (
        outcomes_judging.digest_for_channel(several, found, day, lambda *_: ()).listed == day.listed
    )


def test_what_the_channel_had_before_makes_room(read_again: Store) -> None:
    day = digest(*(decision(id, Outcome.PICKED) for id in paper_ids(3)), profile=profile(maximum=2))

    def had(address: Address, shown: Digest) -> set[str]:
        assert (address, len(shown.decisions)) == (HERE, 3)
        return {paper_ids(1)[0]}

    asked = digest_request().model_copy(update={"address": HERE})
    view = outcomes_judging.digest_for_channel(asked, list_result(NOW), day, had)
    assert outcomes(view) == dict(
        zip([*paper_ids(3)[1:], paper_ids(1)[0]], ["picked", "picked", "repeat"], strict=True)
    )


def test_a_score_stored_before_shows_is_read_and_without_shows_is_stored_as_it_was() -> None:
    """So a day of an older release keeps its version, and an older release reads ours."""
    old = '{"relevance":8,"novelty":7,"comment":"Meets Kernels: a bound."}'
    score = deserialise(Score, old)
    assert (score.shows, score.model_dump_json()) == ("", old)
    told = score.model_copy(update={"shows": "Proves a bound."})
    assert deserialise(Score, serialise(told)) == told


@pytest.mark.parametrize("kept_back", [Outcome.GATED, Outcome.UNSCORED])
def test_a_model_that_is_away_is_an_outage_however_few_papers_it_was_asked_about(
    kept_back: Outcome,
) -> None:
    """What the gate or the budget kept from it says nothing of the model."""
    down, unasked = (
        unscored("2503.00001", ModelReason.MODEL_DOWN),
        [
            unscored(id, ModelReason.NO_BUDGET).model_copy(update={"outcome": kept_back})
            for id in paper_ids(3)
        ],
    )
    assert digest(down, *unasked).unscored_reason is ModelReason.MODEL_DOWN
    assert digest(*unasked).unscored_reason is None
    judged = [decision(id, Outcome.BELOW_CUTOFF) for id in ("2503.00002", "2503.00003")]
    assert digest(down, *unasked, *judged).unscored_reason is None


def unscored(id: str, why: ModelReason) -> Decision:
    return decision(id, Outcome.UNSCORED).model_copy(update={"trouble": why, "score": None})


def test_a_view_with_papers_ranked_locally_is_read_as_it_was_given(read_again: Store) -> None:
    rows = [unscored(id, ModelReason.MODEL_DOWN) for id in paper_ids(3)]
    day = digest(*rows, ranked_locally=(rows[2].paper.id, rows[0].paper.id))
    read_again.days.put_decided("day", digest(*rows))
    read_again.history.put_delivered(HERE, f"{HERE}:day", day, NOW, "17.1")
    given = read_again.history.digest_given_to(HERE, "day")
    assert given is not None
    assert given.ranked_locally == day.ranked_locally
    assert [d.paper.id for d in given.posted] == list(day.ranked_locally or ())
    other = read_again.shown_papers.ids_from_other_deliveries(HERE, "another day")
    assert other >= set(day.ranked_locally or ())  # nobody brings them again
    # An older release refuses a field it does not know: it is there only where it says something.
    assert "ranked_locally" not in serialise(digest(*rows))
