"""What is due next, from what has been left behind."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.digest import ListResult, Source
from bot.domain.judge import Judge
from bot.domain.papers import Problem
from bot.domain.reasons import ArxivReason, ModelReason
from bot.domain.request import Address, DigestRequest, delivery_name
from bot.planning import plan
from bot.planning.plan import DayState, RequestState, StepKind, StepRecord
from tests.factories import (
    AT,
    DAY,
    EARLIER,
    LATER,
    NOW,
    UNTIL,
    digest_request,
    list_result,
    scheduled_request,
)

BY_MODEL = Judge(model="scripted")


def due(facts: RequestState, asked: DigestRequest | None = None) -> StepKind | None:
    step = plan.next_step(asked or digest_request(), facts)
    return step.kind if step else None


def done(at: datetime, complete: bool = True, **fields: Any) -> StepRecord:
    return StepRecord(at=at, complete=complete, **fields)


def test_first_the_list_then_the_scores_then_the_delivery_then_nothing() -> None:
    facts = RequestState()
    assert due(facts) is StepKind.FETCH
    facts = facts.model_copy(update={"listed": list_result(LATER)})
    assert due(facts) is StepKind.SCORE
    facts = facts.model_copy(update={"judged": done(LATER)})
    assert due(facts) is StepKind.DELIVER
    facts = facts.model_copy(update={"delivered": done(LATER)})
    assert due(facts) is None


def test_a_private_look_is_put_in_order_where_there_are_votes_and_made_anew_each_time() -> None:
    facts = RequestState(listed=list_result(LATER), judged=done(LATER))
    look = digest_request().model_copy(update={"preview": True, "by": "U1"})
    assert due(facts, look) is None
    voted = look.model_copy(update={"voted": True})
    assert due(facts, voted) is StepKind.DELIVER
    names = {
        delivery_name(each, list_result(LATER))
        for each in (
            digest_request(),
            *(voted, voted.model_copy(update={"by": "U2"}), voted.model_copy(update={"top": 3})),
            voted.model_copy(update={"since": LATER}),
        )
    }
    assert len(names) == 5


def test_a_list_read_an_hour_ago_is_read_again_and_a_fresh_one_is_not() -> None:
    assert due(RequestState(listed=list_result(EARLIER))) is StepKind.FETCH
    assert due(RequestState(listed=list_result(NOW - timedelta(minutes=3)))) is StepKind.SCORE


def test_what_cannot_change_is_not_read_again() -> None:
    old = RequestState(listed=list_result(EARLIER))
    assert due(old, digest_request(source=Source.FILES, files=("a",))) is StepKind.SCORE
    assert due(old, digest_request(source=Source.SAMPLE)) is StepKind.SCORE
    assert due(old, digest_request(date=date(2025, 3, 18))) is StepKind.SCORE
    assert due(old, digest_request(date=DAY)) is StepKind.FETCH


def test_a_list_that_failed_before_the_request_is_read_again_and_a_later_failure_stands() -> None:
    assert (
        due(RequestState(listed=list_result(NOW - timedelta(minutes=1), ArxivReason.TIMEOUT)))
        is StepKind.FETCH
    )
    assert due(RequestState(listed=list_result(LATER, ArxivReason.TIMEOUT))) is StepKind.SCORE


def test_papers_that_came_after_the_judging_are_judged() -> None:
    grown = list_result(LATER, changed=LATER)
    assert due(RequestState(listed=grown, judged=done(NOW))) is StepKind.SCORE


def test_papers_that_came_while_the_day_was_being_judged_are_judged() -> None:
    during, after = NOW + timedelta(seconds=2), done(LATER, list_at=NOW)
    assert (
        due(RequestState(listed=list_result(LATER, changed=NOW), judged=after)) is StepKind.DELIVER
    )
    assert (
        due(RequestState(listed=list_result(LATER, changed=during), judged=after)) is StepKind.SCORE
    )


def test_an_incomplete_day_is_judged_again_for_each_request_and_delivered_when_it_has_more() -> (
    None
):
    known = list_result(LATER, changed=EARLIER)
    before, since = (done(at, complete=False, version="short") for at in (EARLIER, LATER))
    more = done(LATER, complete=False, version="longer")
    assert due(RequestState(listed=known, judged=before)) is StepKind.SCORE
    assert due(RequestState(listed=known, judged=more, delivered=before)) is StepKind.DELIVER
    assert due(RequestState(listed=known, judged=since, delivered=before)) is None


def test_a_delivery_that_ended_after_a_later_judging_is_not_taken_for_it() -> None:
    """However the clocks of those who judge and those who deliver differ."""
    for at in (EARLIER, LATER):
        better, shown = done(at, version="better"), done(NOW, version="first")
        facts = RequestState(
            listed=list_result(NOW, changed=EARLIER), judged=better, delivered=shown
        )
        assert due(facts) is StepKind.DELIVER
        mine = facts.model_copy(update={"earlier": (facts,)})
        assert plan.next_action(scheduled_request(1), mine, AT).step is not None


def test_what_an_older_release_delivered_is_not_delivered_again() -> None:
    old = RequestState(listed=list_result(NOW), judged=done(NOW), delivered=done(EARLIER))
    assert due(old) is None
    assert plan.next_action(
        scheduled_request(1), old.model_copy(update={"earlier": (old,)}), AT
    ).fulfilled


def test_a_notice_of_the_list_is_shown_anew_when_it_says_otherwise() -> None:
    stale, away = (Problem(trouble=ArxivReason.STALE, detail=name) for name in ("cs.LG", "cs.AI"))
    known = list_result(LATER, ArxivReason.TIMEOUT, changed=EARLIER)
    for shown, step in ((known.problem, None), (stale, StepKind.DELIVER), (away, StepKind.DELIVER)):
        facts = RequestState(listed=known, judged=done(NOW), delivered=done(NOW, problem=shown))
        assert due(facts) is step
    whole = RequestState(
        listed=list_result(NOW), judged=done(NOW), delivered=done(NOW, problem=stale)
    )
    assert plan.next_action(scheduled_request(0), whole, AT).step is not None
    # A problem that only came later does not take back what was shown.
    late = whole.model_copy(update={"listed": known, "delivered": done(NOW)})
    assert due(late) is None


moments = st.datetimes(min_value=datetime(2025, 3, 20, 7), max_value=datetime(2025, 3, 20, 9)).map(
    lambda t: t.replace(tzinfo=NOW.tzinfo)
)
versions = st.sampled_from(["", "first", "better"])
dones = st.none() | st.builds(StepRecord, at=moments, complete=st.booleans(), version=versions)


@given(
    st.none() | st.builds(list_result, moments, st.none() | st.just(ArxivReason.TIMEOUT), moments),
    dones,
    dones,
)
def test_due_steps_end_after_three_at_most(
    found: ListResult | None, judged: StepRecord | None, delivered: StepRecord | None
) -> None:
    facts = RequestState(listed=found, judged=judged, delivered=delivered)
    clock = datetime(2025, 3, 20, 10, tzinfo=NOW.tzinfo)
    taken = []
    while (step := plan.next_step(digest_request(), facts)) is not None:
        taken.append(step.kind)
        clock += timedelta(seconds=1)
        update = {
            StepKind.FETCH: {"listed": list_result(clock)},
            StepKind.SCORE: {"judged": done(clock, complete=False, version=str(clock))},
            StepKind.DELIVER: {"delivered": done(clock, complete=False, version=facts.version)},
        }[step.kind]
        facts = facts.model_copy(update=update)
        assert len(taken) <= 3
    assert taken == sorted(taken, key=list(StepKind).index)


def named(facts: RequestState, asked: DigestRequest | None = None) -> str:
    step = plan.next_step(asked or digest_request(), facts)
    assert step is not None
    assert step.id.replace("-", "").isalnum()  # rq takes no other
    return step.id


def test_the_same_state_gives_the_same_step_at_any_moment() -> None:
    other = Address(platform="discord", workspace="1", channel="2")
    later = digest_request().model_copy(
        update={"since": NOW + timedelta(microseconds=7), "by": "U2", "address": other}
    )
    facts = RequestState()
    assert named(facts) == named(facts, later)
    facts = RequestState(listed=list_result(LATER))
    assert named(facts) == named(facts, later)
    facts = RequestState(listed=list_result(LATER), judged=done(LATER))
    assert named(facts) != named(facts, later)  # a delivery is a channel's own


def test_a_step_that_was_taken_or_that_others_need_has_another_id() -> None:
    failed = list_result(NOW - timedelta(minutes=1), ArxivReason.TIMEOUT)
    again = list_result(NOW - timedelta(seconds=1), ArxivReason.TIMEOUT)
    short, shorter = (
        done(NOW - timedelta(minutes=2), False),
        done(NOW - timedelta(minutes=1), False),
    )
    known, grown = list_result(LATER, changed=EARLIER), list_result(LATER, changed=NOW)
    fetches = [named(RequestState(listed=found)) for found in (None, failed, again)]
    scores = [
        named(RequestState(listed=found, judged=judged))
        for found in (known, grown)
        for judged in (None, short, shorter)
    ]
    scores.append(
        named(RequestState(listed=known), digest_request().model_copy(update={"profile": "e" * 16}))
    )
    scores.append(
        named(RequestState(listed=known), digest_request().model_copy(update={"judge": BY_MODEL}))
    )
    assert len({*fetches, *scores}) == len(fetches) + len(scores)


def test_a_delivery_of_several_days_is_another_than_the_newest_days_alone() -> None:
    day = DayState(listed=list_result(NOW), judged=done(NOW))
    steps = [
        plan.next_action(
            scheduled_request(n),
            RequestState(listed=day.listed, judged=day.judged, earlier=(day,) * n),
            AT,
        ).step
        for n in range(3)
    ]
    assert [step and step.kind for step in steps] == [StepKind.DELIVER] * 3
    assert len({step.id for step in steps if step}) == 3


def test_a_persons_request_goes_before_a_schedules() -> None:
    alone = plan.next_step(digest_request(), RequestState())
    ahead = plan.next_action(scheduled_request(0), RequestState(), NOW).step
    assert alone is not None
    assert ahead is not None
    assert (alone.is_urgent, ahead.is_urgent) == (True, False)


@pytest.mark.parametrize("missing", ["papers of the list", "scores"])
def test_when_the_window_is_over_nothing_is_tried_any_more(missing: str) -> None:
    """What is there is delivered, as it is."""
    asked, hours = scheduled_request(0), timedelta(hours=1)
    found = list_result(NOW).model_copy(update={"settled": missing != "papers of the list"})
    lacks = 4 if missing == "scores" else 0
    judged = StepRecord(at=NOW, complete=not lacks, papers=9, unscored=lacks)
    facts = RequestState(listed=found, judged=judged)
    before = plan.next_action(asked, facts, UNTIL - hours).step
    assert before is not None
    assert before.kind is (StepKind.SCORE if lacks else StepKind.FETCH)
    for now in (UNTIL, UNTIL + hours):
        after = plan.next_action(asked, facts, now).step
        assert after is not None
        assert after.kind is StepKind.DELIVER
        whole = facts.model_copy(update={"delivered": done(now)})
        assert plan.next_action(asked, whole, now).fulfilled


def taken(
    asked: DigestRequest, facts: RequestState, now: datetime
) -> tuple[RequestState, list[StepKind]]:
    """Do what is due until nothing is; every step is taken well, and at once."""
    kinds: list[StepKind] = []
    while (step := plan.next_action(asked, facts, now).step) is not None:
        kinds.append(step.kind)
        assert len(kinds) <= 20
        now += timedelta(milliseconds=1)
        if step.kind is StepKind.DELIVER:
            facts = facts.model_copy(update={"delivered": done(now, version=facts.version)})
            continue
        which = [*asked.earlier, asked.wanted].index(step.wish.wanted)
        days: list[DayState] = [*facts.earlier, facts]
        if step.kind is StepKind.FETCH:
            before = days[which].listed
            update: dict[str, object] = {
                "listed": list_result(now, changed=before.changed_at if before else now)
            }
        else:
            update = {"judged": done(now, papers=9, version=str(now))}
        if which < len(asked.earlier):
            days[which] = days[which].model_copy(update=update)
            facts = facts.model_copy(update={"earlier": tuple(days[:-1])})
        else:
            facts = facts.model_copy(update=update)
    return facts, kinds


minutes = st.integers(min_value=0, max_value=16 * 60).map(lambda n: NOW + timedelta(minutes=n))
a_list = st.builds(
    lambda at, settled: list_result(at).model_copy(update={"settled": settled}),
    st.just(NOW),
    st.booleans(),
)
a_judging = st.builds(
    StepRecord,
    at=st.just(NOW),
    complete=st.booleans(),
    papers=st.just(9),
    unscored=st.integers(0, 9),
    version=versions,
)
a_day = st.builds(DayState, listed=st.none() | a_list, judged=st.none() | a_judging)


@given(
    st.lists(a_day, max_size=4),
    a_day,
    st.none() | st.builds(done, minutes, version=versions),
    minutes,
)
def test_a_days_steps_leave_nothing_due_and_lost_results_are_made_again(
    earlier: list[DayState], today: DayState, delivered: StepRecord | None, now: datetime
) -> None:
    asked = scheduled_request(len(earlier))
    facts = RequestState(
        listed=today.listed, judged=today.judged, earlier=tuple(earlier), delivered=delivered
    )
    whole, kinds = taken(asked, facts, now)
    assert plan.next_action(asked, whole, now).step is None
    assert kinds.count(StepKind.DELIVER) <= 1
    if now < AT:
        assert StepKind.DELIVER not in kinds
    for lost in ({"listed": None}, {"judged": None}, {"delivered": None}):
        again = plan.next_action(asked, whole.model_copy(update=lost), now).step
        if "delivered" in lost and now < AT:
            assert again is None
        else:
            assert again is not None
            kind = {
                "listed": StepKind.FETCH,
                "judged": StepKind.SCORE,
                "delivered": StepKind.DELIVER,
            }
            assert again.kind is kind[next(iter(lost))]


@given(st.lists(a_day, max_size=2), a_day, minutes)
def test_a_day_ends_with_its_window_whatever_is_missing(
    earlier: list[DayState], today: DayState, now: datetime
) -> None:
    asked = scheduled_request(len(earlier))
    facts = RequestState(listed=today.listed, judged=today.judged, earlier=tuple(earlier))
    whole, _ = taken(asked, facts, UNTIL + (now - NOW))
    assert plan.next_action(asked, whole, UNTIL + (now - NOW)).fulfilled


def test_after_its_window_a_day_is_neither_read_nor_judged_again() -> None:
    asked = scheduled_request(0)
    growing = list_result(NOW).model_copy(update={"settled": False})
    short = done(NOW, complete=False, papers=9, unscored=3, version="short")
    for update, kind in (
        ({"listed": growing}, StepKind.FETCH),
        ({"judged": short}, StepKind.SCORE),
    ):
        facts = RequestState(listed=list_result(NOW), judged=done(NOW, papers=9, version="whole"))
        facts = facts.model_copy(update=update)
        facts = facts.model_copy(update={"delivered": done(AT, version=facts.version)})
        before = plan.next_action(asked, facts, UNTIL - timedelta(microseconds=1))
        assert before.step is not None
        assert (before.step.kind, before.fulfilled) == (kind, False)
        assert plan.next_action(asked, facts, UNTIL) == plan.NextAction(fulfilled=True)


def test_a_day_that_is_still_short_at_the_end_of_its_window_is_delivered_as_it_is() -> None:
    outage = done(AT, complete=False, papers=9, unscored=9, outage=ModelReason.MODEL_DOWN)
    facts = RequestState(listed=list_result(NOW), judged=outage)
    assert plan.next_action(scheduled_request(0), facts, AT) == plan.NextAction(
        late_reason=ModelReason.MODEL_DOWN
    )
    last = plan.next_action(scheduled_request(0), facts, UNTIL)
    assert last.step is not None
    assert (last.step.kind, last.late_reason) == (StepKind.DELIVER, None)


@pytest.mark.parametrize("away", [0, 3])
def test_a_digest_without_the_papers_of_an_outage_is_delivered_once_more_when_its_window_ends(
    away: int,
) -> None:
    """With the local ranking's best of those for which the model was away; a bad answer about one
    paper is no outage."""
    asked = scheduled_request(0)
    short = done(NOW, complete=False, papers=9, unscored=3, away=away, version="v")
    facts = RequestState(
        listed=list_result(NOW), judged=short, delivered=done(AT, complete=False, version="v")
    )
    step = plan.next_action(asked, facts, UNTIL).step
    assert (step.kind if step else None) == (StepKind.DELIVER if away else None)
    ranked = done(UNTIL, complete=False, version="v", ranked=True)
    after = facts.model_copy(update={"delivered": ranked})
    assert plan.next_action(asked, after, UNTIL) == plan.NextAction(fulfilled=True)


def test_a_model_is_waited_for_until_the_window_ends_and_at_a_terminal_not_at_all() -> None:
    asked, person = scheduled_request(0), digest_request()
    chat = person.model_copy(
        update={"address": Address(platform="slack", workspace="T1", channel="C1")}
    )
    assert not plan.is_last_try(asked, UNTIL - timedelta(microseconds=1))
    assert plan.is_last_try(asked, UNTIL)
    assert plan.is_last_try(person, NOW)
    assert not plan.is_last_try(chat, NOW + timedelta(days=9))


def test_channels_with_different_due_days_share_the_scores_but_not_the_delivery() -> None:
    day = DayState(listed=list_result(NOW), judged=done(NOW, papers=9, version="v"))
    steps = dict[StepKind, set[str]]()
    for earlier in (0, 1, 2):
        facts = RequestState(listed=day.listed, judged=day.judged, earlier=(day,) * earlier)
        unjudged, unread = ({"judged": None}, {"judged": None, "listed": None})
        for known in (facts, *(facts.model_copy(update=lost) for lost in (unjudged, unread))):
            step = plan.next_action(scheduled_request(earlier), known, AT).step
            assert step is not None
            steps.setdefault(step.kind, set()).add(step.id)
    assert {kind: len(ids) for kind, ids in steps.items()} == {
        StepKind.FETCH: 1,
        StepKind.SCORE: 1,
        StepKind.DELIVER: 3,
    }


def test_a_list_is_looked_at_again_after_ten_minutes_and_not_before() -> None:
    growing = list_result(NOW).model_copy(update={"settled": False})
    facts = RequestState(listed=growing, judged=done(NOW, papers=9, version="v"))
    asked, ten = scheduled_request(0), NOW + timedelta(minutes=10)
    assert plan.next_action(asked, facts, ten - timedelta(microseconds=1)).step is None
    step = plan.next_action(asked, facts, ten).step
    assert step is not None
    assert (step.kind, step.wish.since) == (StepKind.FETCH, ten)


def test_missing_scores_are_asked_for_again_after_ten_minutes_and_not_before() -> None:
    short = done(NOW, complete=False, papers=9, unscored=1, version="v")
    facts = RequestState(listed=list_result(NOW), judged=short)
    asked, ten = scheduled_request(0), NOW + timedelta(minutes=10)
    assert plan.next_action(asked, facts, ten - timedelta(microseconds=1)).step is None
    step = plan.next_action(asked, facts, ten).step
    assert step is not None
    assert (step.kind, step.wish.since) == (StepKind.SCORE, ten)


def test_a_day_is_late_from_its_time_until_it_is_delivered_and_not_afterwards() -> None:
    asked = scheduled_request(0)
    for now, late in ((AT - timedelta(microseconds=1), None), (AT, ModelReason.STILL_AT_IT)):
        assert plan.next_action(asked, RequestState(), now).late_reason is late
    shown = RequestState(delivered=done(AT, version="v"))
    assert plan.next_action(asked, shown, AT + timedelta(hours=1)).late_reason is None


def test_an_empty_list_with_a_problem_is_late_and_one_with_papers_is_delivered() -> None:
    for papers, late in ((0, ArxivReason.STALE), (9, None)):
        facts = RequestState(
            listed=list_result(NOW, ArxivReason.STALE), judged=done(NOW, papers=papers)
        )
        assert plan.next_action(scheduled_request(0), facts, AT).late_reason is late
    # An earlier day that arXiv has no list of any more holds up nobody.
    empty = DayState(
        listed=list_result(NOW, ArxivReason.NO_LIST), judged=done(NOW, papers=0, version="v")
    )
    facts = RequestState(listed=list_result(NOW), judged=done(NOW, papers=9), earlier=(empty,))
    step = plan.next_action(scheduled_request(1), facts, AT).step
    assert step is not None
    assert step.kind is StepKind.DELIVER


def test_a_delivered_day_is_updated_until_everything_has_settled() -> None:
    whole = done(NOW, papers=9, version="v")
    growing = list_result(AT, changed=NOW).model_copy(update={"settled": False})
    for earlier, settled in (((), True), ((DayState(listed=growing, judged=whole),), False)):
        facts = RequestState(listed=list_result(NOW), judged=whole, earlier=earlier)
        facts = facts.model_copy(update={"delivered": done(AT, version=facts.version)})
        assert plan.next_action(scheduled_request(len(earlier)), facts, AT) == plan.NextAction(
            fulfilled=settled
        )


def test_what_one_model_judged_is_another_delivery_than_what_another_did() -> None:
    for earlier in (0, 2):
        names = {
            delivery_name(
                scheduled_request(earlier).model_copy(update={"judge": judge}), list_result(NOW)
            )
            for judge in (Judge(), Judge(model="one"), Judge(model="two"))
        }
        assert len(names) == 3


def test_a_list_of_ten_minutes_ago_is_fresh_and_an_older_one_is_not() -> None:
    ten = NOW - timedelta(minutes=10)
    assert due(RequestState(listed=list_result(ten))) is StepKind.SCORE
    assert due(RequestState(listed=list_result(ten - timedelta(microseconds=1)))) is StepKind.FETCH


def test_a_delivery_is_asked_for_as_of_the_last_judging() -> None:
    """Who is told of a channel that is gone is told once for each."""
    day = DayState(listed=list_result(NOW), judged=done(NOW + timedelta(minutes=7), papers=9))
    facts = RequestState(listed=list_result(NOW), judged=done(NOW, papers=9), earlier=(day,))
    step = plan.next_action(scheduled_request(1), facts, AT).step
    assert step is not None
    assert (step.kind, step.wish.since) == (StepKind.DELIVER, NOW + timedelta(minutes=7))
