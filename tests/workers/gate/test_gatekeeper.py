"""A profile's gate from day to day: it learns, closes, counts what it misses, and opens again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random

import pytest
from redis import Redis

from bot.commands.context import Context
from bot.commands.due import due_training, take_snapshot
from bot.domain.budget import GateReport
from bot.domain.digest import Digest, Judge, ListQuery, Outcome, Source
from bot.domain.papers import Announced, AnnounceType, Cutoffs, Followed, Paper, Profile
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Subscription
from bot.store.gates import Gates, gate_key
from bot.store.lookups import Lookups
from bot.store.quarantine import quarantine_counts
from bot.store.store import Store
from bot.views.cost import gate_line
from tests.conftest import check_golden
from tests.factories import DAY, NOW, list_result, listing, paper, profile
from tests.servers.fake_http import scores_for
from tests.workers.gate.tide_papers import COMMON, OTHERS, TIDES
from tests.workers.gate.vectors import embed_by
from tests.workers.run_score_job import MODEL_JUDGE, put_profile_request, run_score_job
from tests.workers.scripted_model import ScriptedModel
from workers.embedding.embeddings import Embed, Embeddings
from workers.gate.gatekeeper import ClosedGate, Gatekeeper, GateState

A_DAY, MOST = 40, 60
BEES = ["bees", "wool"]


@cache
def papers_of(day: date, n: int = A_DAY) -> tuple[Paper, ...]:
    """Papers of random words, every sixth on tides, the same for a day each time."""
    random, papers = Random(day.toordinal()), []
    for i in range(n):
        words = random.sample(TIDES if i % 6 == 0 else OTHERS, 5) + random.sample(COMMON, 6)
        text = " ".join(random.sample(words, 11))
        who = ("Ebba Flood",) if i == 1 else (f"Nobody {i}",)
        id = f"{day:%y%m}.{day.day:02}{i:03}"
        papers.append(paper(id, title=f"On {words[0]}", abstract=text, authors=who))
    return tuple(papers)


def strange(day: date, n: int = A_DAY) -> tuple[Paper, ...]:
    """No two of these papers have a word in common, nor an author."""
    return tuple(
        p.model_copy(update={"title": f"Ti{i}x{day:%d}", "abstract": f"a{i}x{day:%d}"})
        for i, p in enumerate(
            p.model_copy(update={"authors": (f"Author {p.id}",)}) for p in papers_of(day, n)
        )
    )


def likes(*words: str) -> Callable[[list[str]], str]:
    """A model that picks the papers with one of these words."""

    def reply(about: list[str]) -> str:
        rows = []
        for id in about:
            day = date(2000 + int(id[:2]), int(id[2:4]), int(id[5:7]))
            good = not set(words).isdisjoint(papers_of(day, MOST)[int(id[7:])].abstract.split())
            rows.append(
                scores_for([id])["papers"][0] | {"relevance": 9 if good else 2, "novelty": 8}
            )
        return json.dumps({"papers": rows})

    return reply


TIDAL, APIAN = likes(*TIDES), likes(*BEES)


def day_of(n: int) -> date:
    """The n-th weekday from DAY (a Thursday) on."""
    day = DAY
    for _ in range(n):
        day += timedelta(days=3 if day.weekday() == 4 else 1)
    return day


class World:
    """A store, a profile and a model, day by day."""

    def __init__(self, store: Store, mine: Profile | None = None) -> None:
        self.store, self.mine = store, mine or profile(maximum=20)
        self.model, self.papers_of = ScriptedModel(TIDAL), papers_of
        self.embeddings: Embeddings | None = None

    def judge(self, n: int, at: int = 0, papers: int = A_DAY) -> Digest:
        """The n-th day, decided; `at` minutes later than usual."""
        day = day_of(n)
        now = datetime.combine(day, time(8, 40), NOW.tzinfo) + timedelta(minutes=at)
        by = put_profile_request(self.store, self.mine, MODEL_JUDGE, now)
        query = ListQuery(source=Source.ARXIV, categories=("cs.LG",), date=day)
        by = by.model_copy(update={"wanted": query})
        entries = [
            Announced(paper=paper, announce_type=AnnounceType.NEW)
            for paper in self.papers_of(day, papers)
        ]
        changed = self.store.lists.add(str(day), listing(*entries, day=day), now)
        found = list_result(now, changed=changed).model_copy(
            update={"batch": str(day), "date": day}
        )
        self.store.lists.put_result(query, found)
        return run_score_job(self.store, by, self.model, now, self.embeddings)

    def night(self, n: int) -> GateReport:
        """The night after the n-th day."""
        keeper = Gatekeeper(self.store, self.mine, "scripted")
        keeper.learn(day_of(n) + timedelta(days=1), self.embeddings)
        return self.report

    def days(self, first: int, after: int) -> None:
        for n in range(first, after):
            self.judge(n)
            self.night(n)

    @property
    def key(self) -> str:
        return gate_key(self.mine, "scripted")

    @property
    def report(self) -> GateReport:
        found = Gates(self.store).report(self.key)
        assert found is not None
        return found

    @property
    def kept(self) -> GateState:
        return Gates(self.store).gate(self.key, GateState) or GateState()

    @property
    def closed(self) -> ClosedGate:
        assert self.kept.closed is not None
        return self.kept.closed

    def asked(self) -> set[str]:
        """Whom the model was asked about since this was asked last."""
        about = {id for call in self.model.asked for id in call}
        self.model.asked.clear()
        return about


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture(scope="module")
def ten_days() -> dict[bytes, bytes]:
    """What the server keeps after them: learning takes a second."""
    return {}


@pytest.fixture
def shut(world: World, redis_url: str, ten_days: dict[bytes, bytes]) -> World:
    """Ten days are judged, and the gate is closed."""
    with Redis.from_url(redis_url) as raw:
        if not ten_days:
            world.days(0, 10)
            world.asked()
            ten_days |= {key: raw.dump(key) for key in raw.scan_iter()}
        for key, kept in ten_days.items():
            raw.restore(key, 0, kept, replace=True)
    return world


def test_a_gate_stays_open_for_ten_full_days_then_closes_at_night(world: World) -> None:
    world.days(0, 9)
    assert not world.report.closed
    assert (world.report.full, world.report.full_wanted) == (9, 10)
    assert (world.report.picks, world.report.picks_wanted) == (63, 20)
    assert len(world.asked()) == 9 * A_DAY
    digest = world.judge(9)
    assert digest.counts[Outcome.GATED] == 0
    assert not world.report.closed
    assert world.night(9).closed
    assert world.report.since == day_of(9) + timedelta(days=1)
    assert (world.report.days, world.report.recall) == (0, None)


def test_days_without_twenty_picks_or_without_answers_teach_too_little(world: World) -> None:
    world.model = ScriptedModel(likes("nothing"))
    world.days(0, 11)
    assert not world.report.closed
    assert (world.report.full, world.report.picks) == (11, 0)
    world.model = ScriptedModel(lambda about: "Sure!")
    world.days(11, 12)
    assert world.report.full == 11


def test_a_divided_day_asks_those_above_and_the_audited_and_adds_up(shut: World) -> None:
    digest = shut.judge(10)
    about = set(shut.asked())
    told = {decision.paper.id: decision for decision in digest.decisions}
    assert len(told) == sum(digest.counts.values()) == A_DAY
    gated = {id for id, d in told.items() if d.outcome is Outcome.GATED}
    assert about == told.keys() - gated
    assert len(gated) > A_DAY / 2
    assert digest.counts[Outcome.PICKED] == 7  # all on tides
    places = [told[id].place for id in gated]
    assert all(p and p.of == A_DAY and p.rank > 7 for p in places)
    assert any(p and p.words for p in places)
    assert all(told[id].place is None for id in about)


def test_the_audited_are_asked_though_they_are_below(shut: World) -> None:
    shut.days(10, 20)
    report, gated = shut.report, 10 * A_DAY - len(shut.asked())
    assert report.asked + report.below == 10 * A_DAY
    assert report.audited > 0
    assert report.below - report.audited == gated
    assert (report.days, report.missed, report.recall) == (10, 0, 1.0)
    assert report.closed


def test_a_followed_author_always_passes(store: Store) -> None:
    world = World(store, profile(authors=Followed(follow=("Ebba Flood",))))
    world.days(0, 10)
    for n in range(10, 14):
        digest = world.judge(n)
        (starred,) = [d for d in digest.decisions if d.followed]
        assert starred.outcome is Outcome.BELOW_CUTOFF


def test_one_line_in_the_profile_turns_the_gate_off_and_keeps_the_count(shut: World) -> None:
    shut.judge(10)
    shut.asked()
    before, mine = shut.report, shut.mine
    shut.mine = mine.model_copy(update={"gate": False})
    digest = shut.judge(11)
    assert len(shut.asked()) == A_DAY
    assert digest.counts[Outcome.GATED] == 0
    assert shut.report == before
    shut.mine = mine
    shut.judge(12)
    assert shut.report.days == 2
    assert len(shut.asked()) < A_DAY


def test_a_day_judged_again_replaces_its_count(shut: World) -> None:
    first = shut.judge(10)
    shut.asked()
    before = shut.report
    again = shut.judge(10, at=60, papers=A_DAY + 12)
    assert sum(again.counts.values()) == A_DAY + 12
    assert shut.report.days == before.days == 1
    assert shut.report.asked + shut.report.below == A_DAY + 12
    assert 0 < len(shut.asked() - {d.paper.id for d in first.decisions}) < 12


def test_a_day_before_it_closed_is_judged_in_full_again(shut: World) -> None:
    digest = shut.judge(9, at=60, papers=A_DAY + 12)
    assert digest.counts[Outcome.GATED] == 0
    assert sum(digest.counts.values()) == A_DAY + 12
    assert shut.report.days == 0


@pytest.fixture
def knowing(world: World) -> World:
    """As `shut`, by words and by vectors that know what tides are."""
    world.days(0, 9)
    world.embeddings = Embeddings(world.store.vectors, lambda: embed_by(*TIDES))
    world.days(9, 10)
    world.asked()
    return world


def test_a_gate_learns_at_night_what_the_picked_mean_and_divides_by_it(knowing: World) -> None:
    assert len(knowing.closed.learned.meaning) == 384
    digest = knowing.judge(10)
    assert digest.counts[Outcome.GATED] > A_DAY / 2
    assert digest.counts[Outcome.PICKED] == 7
    knowing.asked()


def test_a_day_whose_papers_have_no_vectors_passes_such_a_gate_whole(knowing: World) -> None:
    """Its threshold is for both; papers above it would be missed by words alone."""

    def broken() -> Embed:
        raise OSError("the model is gone")

    knowing.embeddings = Embeddings(knowing.store.vectors, broken)
    digest = knowing.judge(10)
    assert digest.counts[Outcome.GATED] == 0
    assert len(knowing.asked()) == A_DAY
    assert knowing.report.days == 0
    knowing.embeddings = Embeddings(knowing.store.vectors, lambda: embed_by(*TIDES))
    assert knowing.night(10).closed
    assert knowing.judge(11).counts[Outcome.GATED] > 0


def test_a_gate_opens_when_meaning_is_switched_off_and_learns_words_alone(knowing: World) -> None:
    knowing.judge(10)
    knowing.embeddings = None
    assert not knowing.night(10).closed
    knowing.days(11, 21)
    assert knowing.report.closed
    assert knowing.closed.learned.meaning == ()


def test_a_gate_of_words_divides_a_day_with_vectors_as_one_without(shut: World) -> None:
    before = shut.judge(10)
    shut.embeddings = Embeddings(shut.store.vectors, lambda: embed_by(*TIDES))
    again = shut.judge(10, at=60)
    assert again.decisions == before.decisions


def drifted(world: World) -> int:
    """The interest changes; the night on which the gate opens."""
    world.model = ScriptedModel(APIAN)
    for n in range(10, 30):
        world.judge(n)
        assert world.report.closed
        if not world.night(n).closed:
            return n
    raise AssertionError("it never opened")


def test_a_drifted_interest_opens_the_gate_at_night_and_the_report_says_so(shut: World) -> None:
    last = drifted(shut)
    assert last < 20
    report = shut.report
    assert report.since == day_of(last) + timedelta(days=1)
    assert report.recall is not None
    assert report.recall < 0.95
    assert report.missed > 0
    assert (report.full, report.picks) == (0, 0)
    shut.asked()
    assert shut.judge(last + 1).counts[Outcome.GATED] == 0
    assert len(shut.asked()) == A_DAY
    assert shut.report.full == 1


def test_an_opened_gate_learns_only_from_the_days_since(shut: World) -> None:
    last = drifted(shut)
    shut.days(last + 1, last + 11)
    assert shut.closed.learned.papers == 10 * A_DAY
    digest = shut.judge(last + 11)
    assert digest.counts[Outcome.GATED] > 5
    told = {d.paper.id: d.outcome for d in digest.decisions}
    wanted = [p for p in papers_of(day_of(last + 11)) if {*BEES} & {*p.abstract.split()}]
    assert sum(told[p.id] is not Outcome.GATED for p in wanted) > 0.8 * len(wanted)


def test_another_profile_model_or_cut_off_has_a_gate_of_its_own(shut: World) -> None:
    topic = shut.mine.topics[0].model_copy(update={"relevant": "Bees."})
    for other, model in (
        (shut.mine.model_copy(update={"topics": (topic,)}), "scripted"),
        (shut.mine.model_copy(update={"cutoffs": Cutoffs(relevance=3)}), "scripted"),
        (shut.mine, "another"),
    ):
        keeper = Gatekeeper(shut.store, other, model)
        assert keeper.divide(papers_of(day_of(10)), day_of(10), ()).split is None
    few = shut.mine.model_copy(update={"maximum": 3})
    keeper = Gatekeeper(shut.store, few, "scripted")
    assert keeper.divide(papers_of(day_of(10)), day_of(10), ()).split is not None


def test_a_failed_training_leaves_the_gate_open_and_is_retried(world: World) -> None:
    world.papers_of = strange  # type: ignore[assignment]
    world.days(0, 10)
    assert not world.report.closed
    assert (world.report.full, world.report.picks) == (10, 70)
    world.papers_of = papers_of
    world.days(10, 12)
    assert world.report.closed


def test_each_profile_is_trained_once_a_night_between_two_lists(store: Store) -> None:
    mine, none = profile(), profile(name="none", gate=False)
    context, world = a_desk(store, mine, none), World(store, mine)

    def told(at: datetime) -> list[tuple[str, date]]:
        return [
            (found.name, night)
            for found, night in due_training(context, take_snapshot(context), at)
        ]

    two = datetime.combine(DAY + timedelta(days=1), time(2), NOW.tzinfo)
    assert told(two) == []  # nothing was judged yet
    world.judge(0)
    assert told(two) == [("matters", two.date())]
    assert told(two - timedelta(minutes=1)) == [("matters", DAY)]
    world.night(0)
    assert told(two) == told(two + timedelta(hours=23, minutes=59)) == []
    assert told(two + timedelta(days=1)) == [("matters", two.date() + timedelta(days=1))]
    alone = replace(context, judge=Judge())
    assert list(due_training(alone, take_snapshot(alone), two + timedelta(days=1))) == []


def a_desk(store: Store, *profiles: Profile) -> Context:
    """Two channels have each of the profiles."""

    def status() -> Status:
        raise AssertionError("nobody asks how things stand here")

    judge = Judge(model="scripted")
    context = Context(store, Lookups(store), judge, status)
    for mine in profiles:
        store.profiles.put_shared(mine)
        for channel in ("C1", "C2"):
            at = Address(platform="slack", workspace="T1", channel=channel)
            plan = Schedule(at=time(9), tz="UTC")
            context.store.subscriptions.put(
                Subscription(address=at, profile=mine.name, schedule=plan, by="U1", since=NOW)
            )
    return context


def test_gate_report() -> None:
    learning = GateReport(closed=False, full=4, picks=13, full_wanted=10, picks_wanted=20)
    closed = GateReport(closed=True, since=DAY)
    blind = closed.model_copy(update={"days": 1, "asked": 44, "below": 50})
    counts = {"days": 12, "asked": 500, "below": 610, "audited": 31, "missed": 1}
    known = closed.model_copy(update=counts | {"recall": 0.961, "low": 0.724, "high": 0.998})
    worse: dict[str, object] = counts | {"missed": 4, "recall": 0.874, "low": 0.51, "high": 0.948}
    again = learning.model_copy(update=worse | {"since": DAY, "full": 0, "picks": 0})
    reports = {
        "Open, nothing was learned": learning.model_copy(update={"full": 0, "picks": 0}),
        "Open, learning": learning,
        "Closed this night": closed,
        "Closed, nothing audited": blind,
        "Closed, audited": known,
        "Opened again": again,
        "Opened again, learning": again.model_copy(update={"full": 9, "picks": 63}),
    }
    shown = [f"{what}\n{gate_line('matters', found)}\n" for what, found in reports.items()]
    check_golden("views/gate.txt", "\n".join(shown))


def test_a_gate_stored_by_an_older_version_is_trained_anew(shut: World) -> None:
    redis, tallies = shut.store.redis, f"pb:gate-tallies:{shut.key}"
    redis.set(f"pb:gate:{shut.key}", '{"closed": {"learned": {"words": {}}, "least": 0.1}}')
    redis.hset(tallies, str(day_of(0)), '{"date": "2025-03-03", "seen": 4}')
    digest = shut.judge(10)
    assert digest.counts[Outcome.GATED] == 0
    assert not shut.report.closed
    assert shut.report.full == 10  # the days but the one that cannot be read
    assert quarantine_counts(shut.store.redis) == {"gate": 1, "gate-tallies": 1}
