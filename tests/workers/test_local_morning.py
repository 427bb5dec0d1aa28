"""No model, still a morning: what a channel reads when no model judged its papers in time."""

from __future__ import annotations

from datetime import datetime, timedelta

from bot.domain.digest import Decision, Digest, LocalRank, Outcome
from bot.domain.reasons import ModelReason
from bot.domain.request import DigestRequest, digest_name
from bot.planning import plan
from bot.planning.plan import StepKind
from bot.store.store import Store
from tests.factories import (
    AT,
    DAY,
    NOW,
    UNTIL,
    decision,
    digest,
    list_result,
    listing,
    paper_ids,
    profile,
    scheduled_request,
)
from tests.servers.fake_slack import FakeSlack
from tests.workers.run_deliver_job import replies, run_deliver_job, slack_address

IDS = paper_ids(6)
AWAY = "ranked locally: the model was away"


def unjudged(
    id: str, rank: int, relevance: int = 8, why: ModelReason = ModelReason.MODEL_DOWN
) -> Decision:
    place = LocalRank(rank=rank, of=6, words=("matter", "bound"), relevance=relevance)
    unscored = decision(id, Outcome.UNSCORED)
    return unscored.model_copy(update={"trouble": why, "place": place})


def outage() -> Digest:
    """The model is down for all six papers; the local ranking would pick three of them."""
    return digest(*(unjudged(id, n, 9 - n) for n, id in enumerate(IDS, 1)), judged_at=NOW)


def put_day(store: Store, day: Digest) -> DigestRequest:
    """A schedule's request for a day as it was judged last."""
    mine = scheduled_request(0).model_copy(
        update={"profile": store.profiles.put(day.profile), "address": slack_address("C1")}
    )
    store.lists.add(str(DAY), listing(*(d.announced for d in day.decisions)), NOW)
    store.lists.put_result(mine.wanted, list_result(NOW))
    store.days.put_decided(digest_name(mine, list_result(NOW)), day)
    return mine


def deliver(fake_slack: FakeSlack, store: Store, mine: DigestRequest, now: datetime) -> None:
    run_deliver_job(fake_slack, store, [mine], now)


def by_hand(mine: DigestRequest) -> DigestRequest:
    """Somebody asks for the same day with /digest now."""
    return mine.model_copy(update={"by": "U1", "subscription": "", "at": None, "until": None})


def texts(fake_slack: FakeSlack) -> list[str]:
    return [str(message["blocks"]) for message in fake_slack.visible_messages("C1")]


def is_over(store: Store, mine: DigestRequest) -> bool:
    return plan.next_action(mine, store.requests.state(mine), UNTIL).fulfilled


def test_at_the_end_of_its_window_a_channel_gets_the_local_rankings_best_and_each_says_so(
    fake_slack: FakeSlack, store: Store
) -> None:
    mine = put_day(store, outage())
    for now in (AT, UNTIL - timedelta(microseconds=1)):
        action = plan.next_action(mine, store.requests.state(mine), now)
        assert action.step is None or action.step.kind is StepKind.SCORE
        deliver(fake_slack, store, mine, now)
        assert texts(fake_slack) == []
    deliver(fake_slack, store, mine, UNTIL)
    head, *cards = texts(fake_slack)
    assert f"2 of 6, {AWAY}" in head
    assert "6 papers not scored: the model is down." in head
    assert [AWAY in card for card in cards] == [True, True]
    assert "relevance" not in " ".join(cards)
    assert is_over(store, mine)
    (delivery,) = store.history.of(mine.address)
    assert (delivery.picked, delivery.ranked_locally, delivery.complete) == (0, 2, False)


def test_delivering_it_again_adds_nothing(fake_slack: FakeSlack, store: Store) -> None:
    mine = put_day(store, outage())
    for _ in range(2):
        deliver(fake_slack, store, mine, UNTIL)
        assert replies(fake_slack, "C1") == 2
    asked = len(fake_slack.calls)
    deliver(fake_slack, store, mine, UNTIL + timedelta(minutes=1))
    assert len(fake_slack.calls) == asked


def test_after_an_interruption_the_next_worker_goes_on_with_the_same_papers(
    fake_slack: FakeSlack, store: Store
) -> None:
    mine = put_day(store, outage())
    fake_slack.inject_faults("chat.postMessage", *["ok"] * 2, *["http_500"] * 2)
    deliver(fake_slack, store, mine, UNTIL)
    assert replies(fake_slack, "C1") == 1
    deliver(fake_slack, store, mine, UNTIL + timedelta(minutes=1))
    assert [AWAY in text for text in texts(fake_slack)] == [True] * 3
    assert is_over(store, mine)


def test_a_thread_that_somebody_asked_for_during_the_outage_gets_them_at_the_windows_end(
    fake_slack: FakeSlack, store: Store
) -> None:
    mine = put_day(store, outage())
    deliver(fake_slack, store, by_hand(mine), AT)
    assert [AWAY in text for text in texts(fake_slack)] == [False]
    deliver(fake_slack, store, mine, UNTIL)
    assert [AWAY in text for text in texts(fake_slack)] == [True] * 3
    assert is_over(store, mine)


def test_what_is_judged_later_comes_into_the_thread_and_no_paper_comes_twice(
    fake_slack: FakeSlack, store: Store
) -> None:
    mine = put_day(store, outage())
    deliver(fake_slack, store, mine, UNTIL)
    later = UNTIL + timedelta(hours=1)
    judged = [
        decision(IDS[5], Outcome.PICKED, 10),
        decision(IDS[0], Outcome.PICKED, 9),
        decision(IDS[1], Outcome.BELOW_CUTOFF, 4),
        *(decision(id, Outcome.BELOW_CUTOFF, 3) for id in IDS[2:5]),
    ]
    put_day(store, digest(*judged, judged_at=later))
    deliver(fake_slack, store, by_hand(mine), later)
    head, picked_since, not_picked, new = texts(fake_slack)
    assert "2 of 6 are for you" in head
    assert "ranked locally" not in head
    assert "1. " in new
    assert IDS[5] in new
    assert "2. " in picked_since
    assert "relevance 9 · novelty 7" in picked_since
    assert "scored since, and not picked · relevance 4" in not_picked
    assert "ranked locally" not in f"{picked_since} {not_picked}"
    asked = len(fake_slack.calls)
    deliver(fake_slack, store, by_hand(mine), later)
    assert len(fake_slack.calls) == asked


def test_judged_papers_and_others_stand_apart(fake_slack: FakeSlack, store: Store) -> None:
    picked = decision(IDS[5], Outcome.PICKED, 9)
    mine = put_day(store, digest(picked, *(unjudged(id, n) for n, id in enumerate(IDS[:2], 1))))
    deliver(fake_slack, store, mine, UNTIL)
    head, first, *others = texts(fake_slack)
    assert head.index("1 of 3 is for you") < head.index(f"2 more of 3, {AWAY}")
    assert ("relevance 9" in first, AWAY in first) == (True, False)
    assert [AWAY in other for other in others] == [True, True]


def test_where_the_money_is_spent_before_a_paper_is_judged_they_come_at_once(
    fake_slack: FakeSlack, store: Store
) -> None:
    spent = [unjudged(id, n, why=ModelReason.NO_BUDGET) for n, id in enumerate(IDS, 1)]
    mine = put_day(store, digest(*spent, profile=profile(maximum=2)))
    deliver(fake_slack, store, mine, AT)
    shown = texts(fake_slack)
    assert "2 of 6, ranked locally: the budget was spent" in shown[0]
    assert ["ranked locally: the budget was spent" in text for text in shown] == [True] * 3
    assert is_over(store, mine)


def test_two_profiles_of_one_channel_never_show_a_paper_twice(
    fake_slack: FakeSlack, store: Store
) -> None:
    deliver(fake_slack, store, put_day(store, outage()), UNTIL)
    other = profile(name="other", title="Other matters")
    rows = [unjudged(IDS[0], 1), decision(IDS[1], Outcome.PICKED), unjudged(IDS[4], 2)]
    deliver(fake_slack, store, put_day(store, digest(*rows, profile=other)), UNTIL)
    shown = texts(fake_slack)
    assert len(shown) == 3 + 2
    assert "1 of 3, ranked locally" in shown[3]
    assert "1 posted before" in shown[3]
    assert IDS[4] in shown[4]
    assert ["also for Other matters" in text for text in shown] == [
        False,
        False,
        True,
        *[False] * 2,
    ]
