"""What is left behind on a real server, and found again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from bot.domain.digest import Outcome, Score, ScoreResult, Usage
from bot.domain.reasons import ModelReason
from bot.domain.request import Address
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.store.values.lease import Lease, LeaseLost
from tests.factories import (
    DAY,
    NOW,
    announced,
    decision,
    digest,
    digest_request,
    list_result,
    listing,
    paper,
    paper_ids,
    profile,
)


def test_a_profile_is_found_by_its_content_and_by_its_name(store: Store) -> None:
    mine = profile()
    assert store.profiles.get(store.profiles.put(mine)) == mine
    assert store.profiles.put(profile(maximum=3)) != mine.fingerprint
    store.profiles.put_shared(mine)
    assert store.profiles.shared() == {"matters": mine}
    with pytest.raises(KeyError):
        store.profiles.get("nobody")


def test_a_document_comes_back_byte_for_byte(store: Store) -> None:
    document = bytes(range(256))
    assert store.lists.document(store.lists.put_document(document)) == document


def test_one_paper_once_whatever_number_of_lists_carry_it(store: Store) -> None:
    first = listing(announced("2503.00001", "cross"), announced("2503.00002"), replaced=2)
    again = listing(announced("2503.00001", "new", version=2), announced("2503.00003"), replaced=2)
    assert store.lists.add("b", first, NOW) == NOW
    store.lists.add("b", again, NOW)
    batch = store.lists.batch("b")
    assert [(a.paper.versioned, a.announce_type) for a in batch.papers] == [
        ("2503.00001v1", "new"),
        ("2503.00002v1", "new"),
        ("2503.00003v1", "new"),
    ]
    assert len(batch.replaced) == 2


def test_the_same_list_again_changes_nothing_not_even_the_time(store: Store) -> None:
    from datetime import timedelta

    store.lists.add("b", listing(announced()), NOW)
    before = store.lists.batch("b")
    assert store.lists.add("b", listing(announced()), NOW + timedelta(hours=1)) == NOW
    assert store.lists.batch("b") == before


def test_papers_that_come_while_the_clock_goes_back_come_later_all_the_same(store: Store) -> None:
    store.lists.add("b", listing(announced("2503.00001")), NOW)
    earlier = NOW - timedelta(hours=1)
    assert store.lists.add("b", listing(announced("2503.00002")), earlier) > NOW


def test_an_empty_list_takes_nothing_away(store: Store) -> None:
    store.lists.add("b", listing(announced()), NOW)
    store.lists.add("b", listing(), NOW)
    assert len(store.lists.batch("b").papers) == 1


def test_a_file_with_other_words_under_a_known_id_changes_no_other_day(store: Store) -> None:
    store.lists.add("live", listing(announced(title="As arXiv has it")), NOW)
    store.lists.add("file", listing(announced(title="As a file has it")), NOW)
    titles = {name: store.lists.batch(name).papers[0].paper.title for name in ("live", "file")}
    assert titles == {"live": "As arXiv has it", "file": "As a file has it"}


def test_scores_and_their_price_are_stored_together(store: Store) -> None:
    score = Score(relevance=8, novelty=7, comment="Fine.")
    verdicts = {f"{id}v1": ScoreResult(score=score, calls=("c1",)) for id in paper_ids(3)}
    store.scores.put("judge", verdicts, "c1", Usage(calls=1, prompt_tokens=10))
    unpaid = {"2503.99999v1": ScoreResult(score=None, trouble=ModelReason.MODEL_DOWN)}
    store.scores.put("judge", unpaid, None, Usage())
    found = store.scores.results("judge", [*verdicts, "2503.99999v1", "2503.88888v1"])
    assert found == verdicts | unpaid
    assert store.scores.usage(c for v in found.values() for c in v.calls).prompt_tokens == 10
    assert store.scores.results("another judge", list(verdicts)) == {}


def test_usage_without_calls_costs_nothing_and_with_an_unpriced_one_unknown(store: Store) -> None:
    assert store.scores.usage([]).cost_usd == 0
    store.scores.put("j", {}, "a", Usage(calls=1, prompt_usd=0.5, completion_usd=0.25))
    store.scores.put("j", {}, "b", Usage(calls=1, prompt_usd=None, completion_usd=None))
    assert store.scores.usage(["a", "a"]).cost_usd == 0.75
    assert store.scores.usage(["a", "b"]).cost_usd is None
    assert store.scores.usage(["a", "b"]).calls == 2


def test_a_digest_is_read_back_complete_and_its_papers_are_stored_once(store: Store) -> None:
    day = digest(decision("2503.00001", Outcome.PICKED), decision("2503.00002", Outcome.UNSCORED))
    store.lists.add("b", listing(announced("2503.00001"), announced("2503.00002")), NOW)
    store.days.put("d", day)
    assert store.days.get("d") == day
    assert paper("2503.00001").abstract not in str(store.redis.get("pb:digest:d"))
    assert store.days.get("another") is None


def test_a_lease_has_one_holder_and_a_growing_number(store: Store) -> None:
    first = store.lease("x", seconds=5, wait=0)
    assert first is not None
    assert store.lease("x", seconds=5, wait=0) is None
    first.release()
    second = store.lease("x", seconds=5, wait=0)
    assert second is not None
    assert second.number > first.number
    first.release()  # long lost: nothing happens to the second
    second.renew()
    with pytest.raises(LeaseLost):
        first.renew()


def test_a_lease_that_is_not_renewed_passes_on(store: Store) -> None:
    first = store.lease("x", seconds=0.05, wait=0)
    assert first is not None
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        store.redis.delete("pb:lease:x")  # as if the time had passed

    second = Lease.take(store.redis, "pb:lease:x", 5, wait=5, sleep=sleep)
    assert second is not None
    assert len(waited) <= 1
    with pytest.raises(LeaseLost):
        first.renew()


def test_progress_counts_papers(store: Store) -> None:
    assert store.progress("step") == (0, 0)
    store.put_progress("step", 12, 450)
    assert store.progress("step") == (12, 450)


def test_a_channel_remembers_papers_of_its_other_deliveries(store: Store) -> None:
    here = digest_request().address
    day = digest(decision("2503.00001", Outcome.PICKED), decision("2503.00002", Outcome.UNSCORED))
    store.lists.add("b", listing(*(d.announced for d in day.decisions)), NOW)
    store.days.put_decided("one", day)
    store.history.put_delivered(here, f"{here}:one", day, NOW, "17.5")
    other = day.model_copy(update={"profile": profile(name="other")})
    assert store.shown_papers.ids_from_other_digests(here, other) == {"2503.00001"}
    assert store.shown_papers.ids_from_other_digests(here, day) == set()
    assert store.history.digest_given_to(here, "one") == day
    (short,) = store.history.of(here)
    assert (short.day, short.message, short.announced, short.picked) == ("one", "17.5", 2, 1)


@pytest.mark.parametrize("recent", ["kept", "of an older release", "unreadable"])
def test_a_channels_last_delivery_and_its_dates_are_known_without_its_history(
    store: Store, recent: str
) -> None:
    here, one = digest_request().address, profile(name="one")
    for n, name in enumerate(("one", "two", "one")):
        listed = list_result(NOW).model_copy(update={"date": DAY + timedelta(days=n)})
        picked = decision(f"2503.0000{n}", Outcome.PICKED)
        day = digest(picked, profile=profile(name=name), listed=listed)
        store.history.put_delivered(here, f"{here}:day{n}", day, NOW + timedelta(days=n))
    if recent == "of an older release":
        store.redis.delete(f"pb:recent:{here}")
    elif recent == "unreadable":
        store.redis.hset(f"pb:recent:{here}", "one", "{")
    last = store.history.last(here, one.name)
    assert last is not None
    assert (last.day, last.date) == ("day2", DAY + timedelta(days=2))
    asked = [(here, "one"), (here, "two"), (here, "three")]
    assert store.history.delivered_dates(asked) == {
        (here, "one"): {DAY, DAY + timedelta(days=2)},
        (here, "two"): {DAY + timedelta(days=1)},
        (here, "three"): set(),
    }
    assert {pair[1] for pair in store.history.lasts(asked)} == {"one", "two"}


def test_the_days_that_name_a_paper_are_found(store: Store) -> None:
    here = digest_request().address
    for day, (id, at) in {"one": ("2503.00001", 0), "two": ("2503.00001", 1)}.items():
        decided = digest(decision(id, Outcome.BELOW_CUTOFF))
        store.lists.add("b", listing(announced(id)), NOW)
        store.days.put_decided(day, decided)
        store.history.put_delivered(here, f"{here}:{day}", decided, NOW + timedelta(hours=at))
    lookups = Lookups(store)
    assert lookups.days_mentioning(["none", "two", "one"], "2503.00001") == ["two", "one"]
    assert lookups.days_mentioning(["two", "one"], "2503.0000") == []
    assert lookups.days_mentioning([], "2503.00001") == []


def test_what_a_day_usually_brings_is_the_mean_of_the_last_five(store: Store) -> None:
    assert store.days.typical_counts(profile().fingerprint) is None
    for n in range(1, 8):
        ids = [f"2503.{i:05}" for i in range(n)]
        store.lists.add("b", listing(*map(announced, ids)), NOW)
        day = digest(*(decision(id, Outcome.PICKED) for id in ids))
        list_result = day.listed.model_copy(update={"date": DAY + timedelta(days=n)})
        store.days.put_decided(str(n), day.model_copy(update={"listed": list_result}))
    assert store.days.typical_counts(profile().fingerprint) == (5, 5)


def test_standard_output_keeps_no_memory(store: Store) -> None:
    out = Address(platform="stdout", channel="run1")
    day = digest(decision("2503.00001", Outcome.PICKED))
    store.lists.add("b", listing(announced("2503.00001")), NOW)
    store.days.put_decided("one", day)
    store.history.put_delivered(out, "one", day, NOW)
    assert store.history.digest("one") == day
    other = day.model_copy(update={"profile": profile(name="other")})
    assert store.shown_papers.ids_from_other_digests(out, other) == set()
    assert store.redis.ttl("pb:delivered:one") < 7 * 3600


def test_a_request_is_kept_until_it_is_dropped(store: Store) -> None:
    asked = digest_request()
    store.requests.put(asked)
    store.requests.put(asked)
    assert store.requests.all() == [asked]
    store.requests.drop(asked)
    assert store.requests.all() == []


def test_what_was_asked_of_arxiv_is_remembered_by_category(store: Store) -> None:
    store.lists.put_answered_categories(str(DAY), ["cs.LG", "cs.AI"], NOW)
    store.lists.put_answered_categories(str(DAY), ["stat.ML"], NOW)
    assert store.lists.answered_categories(str(DAY)) == {"cs.LG", "cs.AI", "stat.ML"}
