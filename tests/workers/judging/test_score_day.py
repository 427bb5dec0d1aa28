"""A day within its budget, and in the model's order: what is asked, what is left, what repeats."""

from __future__ import annotations

import hashlib
import json
import random
import threading
from collections import Counter
from contextlib import closing
from datetime import timedelta

import pytest

from bot.domain.budget import Limits, Period, Scope
from bot.domain.digest import Digest, Outcome, Usage
from bot.domain.judge import Judge
from bot.domain.papers import Announced, Cutoffs, Profile
from bot.domain.reasons import ModelReason
from bot.domain.request import DigestRequest, digest_name
from bot.errors import Unavailable
from bot.store.spending import Accounts, Spending
from bot.store.store import Store
from bot.store.values.lease import Lease, LeaseLost
from bot.views import digest as digest_views
from bot.views.cost import cost_text
from tests.factories import NOW, announced, digest_request, list_result, listing, paper_ids, profile
from tests.servers import fake_http as wire
from tests.waiting import TIMEOUT_SECONDS
from workers.gate import keyword_ranking
from workers.judging import model as model_judging
from workers.judging import score_day, scoring
from workers.judging.batches import ModelReply
from workers.judging.prices import price_tokens
from workers.score_job import score

LUNA = "gpt-6-luna"
FREE = (Limits(), Limits())
MINE = profile(maximum=10)


def number(id: str, of: int) -> int:
    return int.from_bytes(hashlib.sha256(id.encode()).digest()[:4], "big") % of


class Luna:
    """A model with a price: 7 to 10 in relevance, always 8 in novelty, so that many tie; asked for
    an order it goes by a hash, and writes other sentences at every look. A share of its calls
    fails."""

    name = LUNA

    def __init__(self, faults: float = 0.0, order: str | None = None) -> None:
        self.asked: list[list[str]] = []
        self.looks, self.spent = 0, 0.0
        self._faults, self._order, self._lock = faults, order, threading.Lock()
        self._dice = random.Random(7)

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, object],
        cache_key: str,
        *most: int,
        patience: float = 1.0,
    ) -> ModelReply:
        about = [json.loads(line)["id"] for line in question.splitlines() if line[:1] == "{"]
        properties = schema["properties"]
        assert isinstance(properties, dict)
        with self._lock:
            if self._dice.random() < self._faults:
                raise Unavailable("Away.", ModelReason.MODEL_DOWN)
            row = 65 if "order" in properties else 28
            prompt, completion = len(instructions + question) // 4, row * len(about)
            paid = price_tokens(LUNA, prompt, 0, completion)
            self.spent += sum(filter(None, paid))
            usage = Usage(
                calls=1,
                prompt_tokens=prompt,
                completion_tokens=completion,
                prompt_usd=paid[0],
                completion_usd=paid[1],
            )
            if "order" in properties:
                self.looks += 1
                said = {"shows": f"Look {chr(64 + self.looks)} at it.", "why": "Matter: a bound."}
                best = sorted(about, key=lambda id: (number(id, 997), id))
                rows = [{"id": id} | said for id in best]
                return ModelReply(self._order or json.dumps({"order": rows}), usage)
            self.asked.append(about)
        rows = [
            {"id": id, "comment": "A bound.", "relevance": self.relevance(id), "novelty": 8}
            for id in about
        ]
        return ModelReply(json.dumps({"papers": rows}), usage)

    def relevance(self, id: str) -> int:
        return 7 + number(id, 4)


class Distinct(Luna):
    """A model whose scores hardly tie."""

    def relevance(self, id: str) -> int:
        return int(id[-2:]) % 10 + 1


def wished(store: Store, mine: Profile = MINE, hours: int = 0) -> DigestRequest:
    judge = Judge(model=LUNA)
    changes = {"profile": store.profiles.put(mine), "judge": judge}
    return digest_request().model_copy(update=changes | {"since": NOW + timedelta(hours=hours)})


def announce(store: Store, by: DigestRequest, papers: list[Announced]) -> None:
    changed = store.lists.add("2025-03-20", listing(*papers), NOW)
    store.lists.put_result(by.wanted, list_result(NOW, changed=changed))


def scored(
    store: Store,
    model: Luna | model_judging.Model,
    by: DigestRequest,
    limits: tuple[Limits, Limits] = FREE,
    at_once: int = 4,
) -> Digest:
    score(by, store, model, at_once, lambda: by.since, lambda done, total: None, limits)
    found = store.lists.result(by.wanted)
    assert found is not None
    digest = store.days.get(digest_name(by, found))
    assert digest is not None
    return digest


def papers(n: int) -> list[Announced]:
    """The higher its number, the more a paper says of the matter."""
    return [
        announced(id, abstract="On dust. " + "The matter. " * k)
        for k, id in enumerate(paper_ids(n))
    ]


def test_a_budget_reaches_for_the_best_of_the_local_ranking(store: Store) -> None:
    model, by = Luna(), wished(store)
    announce(store, by, papers(100))
    limits = (Limits(day_usd=0.003), Limits())
    digest = scored(store, model, by, limits)
    unscored = [d for d in digest.decisions if d.outcome is Outcome.UNSCORED]
    judged = {d.paper.id for d in digest.decisions if d.score}
    assert 10 <= len(judged) <= 60
    assert {d.trouble for d in unscored} == {ModelReason.NO_BUDGET}
    places = {d.paper.id: d.place.rank for d in unscored if d.place}
    assert min(places.values()) > len(judged) - 20  # the last call may be of the next twenty
    assert sum(digest.counts.values()) == 100
    assert digest.unscored_reason is None  # it is not late for that
    (notice,) = digest_views.notices(digest)
    assert notice == f"{len(unscored)} papers not scored: the budget is used up."
    place = by.address.workspace_key
    spent = Spending(store).spent(Scope(workspace=place), Period.DAY, NOW)
    assert 0 < spent.nano <= 3_000_000
    assert spent.nano == pytest.approx(model.spent * 1e9, abs=20)
    told = cost_text(Accounts(store).costs(place, *limits, NOW))
    assert f"{len(unscored)} papers were not scored" in " ".join(told.notices)


def test_what_the_budget_left_is_judged_when_there_is_money_again(store: Store) -> None:
    model, by = Luna(), wished(store)
    announce(store, by, papers(60))
    limits = (Limits(), Limits(day_usd=0.003))
    first = scored(store, model, by, limits)
    left = first.counts[Outcome.UNSCORED]
    assert left > 0
    second = scored(store, model, wished(store, hours=24), (Limits(), Limits(day_usd=1.0)))
    assert second.counts[Outcome.UNSCORED] == 0
    asked = [id for about in model.asked for id in about]
    assert len(asked) == len(set(asked)) == 60


def test_after_an_outage_a_day_without_money_waits_for_the_model_no_more(store: Store) -> None:
    """Else its digest would be held back as if the model were still away."""
    by = wished(store)
    announce(store, by, papers(5))
    away = scored(store, Luna(faults=1.0), by)
    assert away.unscored_reason is ModelReason.MODEL_DOWN
    spent = (Limits(), Limits(day_usd=0.000001))
    digest = scored(store, Luna(), wished(store, hours=1), spent)
    assert {d.trouble for d in digest.decisions} == {ModelReason.NO_BUDGET}
    assert (digest.unscored_reason, digest.retryable_count) == (None, 0)


def test_papers_that_tie_are_ordered_once(store: Store) -> None:
    model, by = Luna(), wished(store)
    announce(store, by, papers(80))
    digest = scored(store, model, by)
    best = [d.paper.id for d in digest.picked]
    scores = [d.score for d in digest.picked if d.score]
    assert {score.given or (score.relevance, score.novelty) for score in scores} == {(10, 8)}
    assert scores == sorted(scores, key=lambda score: -(score.novelty or 0))
    assert best == sorted(best, key=lambda id: number(id, 997))
    assert model.looks == 1
    later = papers(80)[0].paper.model_copy(update={"id": "2503.99999", "abstract": "Dust."})
    again = wished(store, hours=1)
    announce(store, again, [papers(1)[0].model_copy(update={"paper": later})])
    scored(store, model, again)
    assert model.looks <= 2  # once more only if the new paper came among the best
    assert digest.usage.calls == 4 + 1


def test_an_unreadable_order_leaves_the_local_ranking(store: Store) -> None:
    model, by = Luna(order="The first is best."), wished(store)
    announce(store, by, papers(80))
    digest = scored(store, model, by)
    best = [d.paper.id for d in digest.picked]
    ranking = [row.id for row in keyword_ranking.rank(MINE, [a.paper for a in papers(80)])]
    assert best == sorted(best, key=ranking.index)
    assert model.looks == 2
    assert sentences(digest) == {("", "A bound.")}


def sentences(digest: Digest) -> set[tuple[str, str]]:
    """What is said of the picked papers: what they show, and why they are here."""
    return {(d.score.shows, d.score.comment) for d in digest.picked if d.score}


def test_picked_papers_have_two_sentences_and_others_the_few_words(store: Store) -> None:
    model, by = Luna(), wished(store)
    announce(store, by, papers(80))
    digest = scored(store, model, by)
    assert sentences(digest) == {("Look A at it.", "Matter: a bound.")}
    written = [d for d in digest.decisions if d.score and d.score.shows]
    assert 15 <= len(written) <= 30
    others = {(d.score.shows, d.score.comment) for d in digest.decisions if d.score} - {
        ("Look A at it.", "Matter: a bound.")
    }
    assert others == {("", "A bound.")}


def test_sentences_are_written_where_nothing_ties_too_and_only_once(store: Store) -> None:
    model, by = Distinct(), wished(store)
    announce(store, by, papers(10))
    digest = scored(store, model, by)
    assert len(digest.picked) == 4
    assert sentences(digest) == {("Look A at it.", "Matter: a bound.")}
    found = store.lists.result(by.wanted)
    assert found is not None
    store.redis.delete(f"pb:judged:{digest_name(by, found)}")
    assert scored(store, model, by).decisions == digest.decisions
    assert model.looks == 1


def test_a_paper_that_goes_needs_no_other_look_where_nothing_ties(store: Store) -> None:
    """Sentences are kept by paper: what one look wrote serves any day the paper is among."""
    model, by = Distinct(), wished(store)
    announce(store, by, papers(10))
    scored(store, model, by)
    narrower = wished(store, MINE.model_copy(update={"cutoffs": Cutoffs(relevance=9)}))
    announce(store, narrower, [])
    digest = scored(store, model, narrower)
    assert len(digest.picked) == 2
    assert sentences(digest) == {("Look A at it.", "Matter: a bound.")}
    assert model.looks == 1


def test_a_day_that_grows_keeps_the_sentences_that_were_posted(store: Store) -> None:
    model, by = Luna(), wished(store)
    announce(store, by, papers(40))
    first = scored(store, model, by)
    again = wished(store, hours=1)
    announce(store, again, papers(80)[40:])
    second = scored(store, model, again)
    assert model.looks == 2
    before = {d.paper.id: d.score.shows for d in first.decisions if d.score and d.score.shows}
    after = {d.paper.id: d.score.shows for d in second.decisions if d.score and d.score.shows}
    assert {"Look A at it.", "Look B at it."} == set(after.values())
    assert all(after.get(id, shows) == shows for id, shows in before.items())


def test_nothing_picked_is_nothing_to_write_about(store: Store) -> None:
    model = Luna()
    by = wished(store, MINE.model_copy(update={"cutoffs": Cutoffs(novelty=9)}))
    announce(store, by, papers(20))
    assert scored(store, model, by).picked == ()
    assert (len(model.asked), model.looks) == (1, 0)


def test_a_worker_killed_after_the_look_was_paid_buys_no_second(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order, the sentences and their price are stored together or not at all."""
    model, by = Luna(), wished(store)
    announce(store, by, papers(80))
    put_top = type(store.scores).put_top

    def killed(*stored: object) -> None:
        put_top(*stored)  # type: ignore[arg-type]
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(type(store.scores), "put_top", killed)
        with pytest.raises(KeyboardInterrupt):
            scored(store, model, by)
    digest = scored(store, model, by)
    assert (model.looks, len(model.asked)) == (1, 4)
    assert sentences(digest) == {("Look A at it.", "Matter: a bound.")}
    assert digest.usage.calls == 4 + 1


def test_a_short_budget_keeps_enough_for_the_sentences(store: Store) -> None:
    model, by = Distinct(), wished(store)
    announce(store, by, [announced(id, abstract="The matter. " * 40) for id in paper_ids(200)])
    digest = scored(store, model, by, (Limits(day_usd=0.008), Limits()))
    assert digest.counts[Outcome.UNSCORED] > 0
    assert sentences(digest) == {("Look A at it.", "Matter: a bound.")}
    spent = Spending(store).spent(Scope(workspace=by.address.workspace_key), Period.DAY, NOW)
    assert spent.nano <= 8_000_000


def test_a_second_profile_that_differs_in_the_maximum_alone_buys_one_look(store: Store) -> None:
    model = Luna()
    for maximum in (10, 3):
        by = wished(store, profile(maximum=maximum))
        announce(store, by, papers(80))
        scored(store, model, by)
    assert len(model.asked) == 4
    spared = Accounts(store).costs(by.address.workspace_key, *FREE, NOW).workspace
    assert [part.papers for part in spared.savings_today.values()] == [80, 0, 0]


@pytest.mark.parametrize(
    ("at_once", "faults"), [(1, 0.0), (2, 0.0), (4, 0.0), (4, 0.05), (8, 0.05)]
)
def test_the_same_day_is_the_same_digest_in_whatever_order_it_came(
    store: Store, at_once: int, faults: float
) -> None:
    digests = []
    for seed in (0, at_once):
        store.redis.flushall()
        by, shuffled = wished(store), papers(120)
        random.Random(seed).shuffle(shuffled)
        announce(store, by, shuffled[:70])
        announce(store, by, shuffled[70:])
        model = Luna(faults if seed else 0.0)
        digest = scored(store, model, by, at_once=at_once if seed else 1)
        digests.append(digest.model_copy(update={"usage": Usage()}))
    assert digests[0] == digests[1]


def test_a_second_look_that_takes_long_keeps_the_lease(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_day, "_HEARTBEAT_SECONDS", 0.01)
    renewed, looked = threading.Event(), threading.Event()

    class Slow(Luna):
        def ask(self, *asked: object, patience: float = 1.0) -> ModelReply:  # type: ignore[override]
            if "order" in str(asked[2]):
                looked.set()
                assert renewed.wait(TIMEOUT_SECONDS), "nobody renews while it is asked"
            return super().ask(*asked)  # type: ignore[arg-type]

    renew = Lease.renew

    def noting(lease: Lease) -> None:
        renew(lease)
        if looked.is_set():
            renewed.set()

    monkeypatch.setattr(Lease, "renew", noting)
    by = wished(store)
    announce(store, by, papers(80))
    assert scored(store, Slow(), by).counts[Outcome.PICKED] == 10


def test_a_job_that_failed_and_is_run_again_buys_nothing_twice(store: Store) -> None:
    """Counted where it is paid: at the model's server."""
    bought = Counter[str]()

    def answer(path: str, body: bytes) -> wire.HttpReply:
        bought.update(wire.requested_ids(body))
        return wire.answer_with_scores(path, body)

    class Faulty(model_judging.Model):
        """A model whose third call meets a fault of ours, before anything is asked."""

        calls = 0

        def ask(self, *words: object, patience: float = 1.0) -> ModelReply:
            self.calls += 1
            if self.calls == 3:
                raise RuntimeError("a fault of ours")
            return super().ask(*words)  # type: ignore[arg-type]

    by = wished(store, MINE.model_copy(update={"cutoffs": Cutoffs(relevance=10, novelty=10)}))
    announce(store, by, papers(60))
    with wire.run_fake_server(answer) as server:
        with (
            closing(Faulty(LUNA, None, f"{server.url}/v1", 10.0)) as model,
            pytest.raises(RuntimeError),
        ):
            scored(store, model, by, at_once=2)
        first = sum(bought.values())
        assert 20 <= first < 60
        with closing(model_judging.Model(LUNA, None, f"{server.url}/v1", 10.0)) as model:
            digest = scored(store, model, by, at_once=2)
    assert digest.counts[Outcome.UNSCORED] == 0
    assert set(bought) == set(paper_ids(60))
    assert set(bought.values()) == {1}


def test_an_order_that_was_found_is_kept_and_not_bought_again(store: Store) -> None:
    model, by = Luna(), wished(store)
    announce(store, by, papers(80))
    first = scored(store, model, by)
    found = store.lists.result(by.wanted)
    assert found is not None
    store.redis.delete(f"pb:judged:{digest_name(by, found)}")  # it is judged once more
    assert scored(store, model, by).decisions == first.decisions
    assert (model.looks, len(model.asked)) == (1, 4)


def test_a_worker_that_has_lost_the_day_stores_no_more_scores(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each answer that arrives is stored under a lease that was just renewed."""
    renew, left = Lease.renew, iter([True, True])

    def passing(lease: Lease) -> None:
        if not next(left, False):
            raise LeaseLost("score")
        renew(lease)

    monkeypatch.setattr(Lease, "renew", passing)
    by = wished(store)
    announce(store, by, papers(80))
    with pytest.raises(LeaseLost):
        scored(store, Luna(), by)
    key = scoring.judge_key(MINE, Luna().name)
    known = store.scores.results(key, [each.paper.versioned for each in papers(80)])
    assert 0 < len(known) <= 2 * 20
