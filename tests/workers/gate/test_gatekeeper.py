"""A profile's gate from day to day: it learns, divides, counts what it misses, and begins anew."""

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
from bot.domain.budget import GateReport, GateStage
from bot.domain.digest import Digest, ListQuery, Outcome, Source
from bot.domain.judge import Judge
from bot.domain.papers import Announced, AnnounceType, Cutoffs, Followed, Paper, Profile
from bot.domain.reasons import ModelReason
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Subscription
from bot.errors import Unavailable
from bot.store.gates import Gates, gate_key
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.store.values.quarantine import quarantine_counts
from tests.factories import DAY, NOW, digest_request, lesson, list_result, listing, paper, profile
from tests.factories import subscription as subscription_of
from tests.servers.fake_http import scores_for
from tests.workers.gate.tide_papers import COMMON, OTHERS, TIDES
from tests.workers.gate.vectors import embed_by
from tests.workers.run_score_job import MODEL_JUDGE, put_profile_request, run_score_job
from tests.workers.scripted_model import ScriptedModel
from workers.embedding.embeddings import Embed, Embeddings
from workers.gate.gatekeeper import Gatekeeper
from workers.gate.nightly import GateState
from workers.gate.threshold import Tally

A_DAY, MOST = 40, 60
BEES = ["bees"]
# The first ranking is learned after eight days; five more have the 33 picks it is counted by.
LEARNED, DIVIDED = 8, 13


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
    def tallies(self) -> list[Tally]:
        return Gates(self.store).tallies(self.key, Tally)

    @property
    def kept(self) -> GateState:
        return Gates(self.store).gate(self.key, GateState) or GateState()

    def asked(self) -> set[str]:
        """Whom the model was asked about since this was asked last."""
        about = {id for call in self.model.asked for id in call}
        self.model.asked.clear()
        return about


@pytest.fixture
def world(store: Store) -> World:
    return World(store)


@pytest.fixture(scope="module")
def first_days() -> dict[bytes, bytes]:
    """What the server keeps after them: learning takes a second."""
    return {}


@pytest.fixture
def shut(world: World, redis_url: str, first_days: dict[bytes, bytes]) -> World:
    """So many days are judged that the gate divides the next one."""
    with Redis.from_url(redis_url) as raw:
        if not first_days:
            world.days(0, DIVIDED)
            world.asked()
            first_days |= {key: raw.dump(key) for key in raw.scan_iter()}
        for key, kept in first_days.items():
            raw.restore(key, 0, kept, replace=True)
    return world


def test_a_gate_learns_then_counts_then_divides_and_says_how_far_it_is(world: World) -> None:
    world.days(0, LEARNED - 1)
    assert world.report.stage is GateStage.LEARNING
    world.days(LEARNED - 1, LEARNED)
    assert (world.report.stage, world.report.picks) == (GateStage.COUNTING, 0)
    world.days(LEARNED, DIVIDED - 1)
    assert (world.report.stage, world.report.picks) == (GateStage.COUNTING, 27)
    assert world.report.picks_wanted == 33
    digest = world.judge(DIVIDED - 1)
    assert digest.counts[Outcome.GATED] == 0
    assert len(world.asked()) == DIVIDED * A_DAY
    assert world.night(DIVIDED - 1).stage is GateStage.DIVIDING
    assert world.report.level == pytest.approx(0.029, abs=0.001)
    assert (world.report.days, world.report.recall) == (0, None)
    assert [day.gated for day in world.report.history] == [0] * DIVIDED


def test_days_without_picks_or_without_answers_teach_too_little(world: World) -> None:
    world.model = ScriptedModel(likes("nothing"))
    world.days(0, 10)
    assert world.report.stage is GateStage.LEARNING
    world.model = ScriptedModel(lambda about: "Sure!")
    world.days(10, 11)
    assert world.report.stage is GateStage.LEARNING
    assert world.report.history[-1].scored == 0


def test_a_divided_day_asks_those_above_and_the_audited_and_adds_up(shut: World) -> None:
    digest = shut.judge(DIVIDED)
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


def test_a_divided_day_that_no_model_judges_has_what_it_learned_to_go_by(shut: World) -> None:
    """And the model is away, though the gate kept most papers from it."""
    shut.model = ScriptedModel(lambda about: Unavailable("It is down.", ModelReason.MODEL_DOWN))
    digest = shut.judge(DIVIDED)
    assert digest.counts[Outcome.GATED] > A_DAY / 2
    assert digest.unscored_reason is ModelReason.MODEL_DOWN
    unscored = [d.place for d in digest.decisions if d.outcome is Outcome.UNSCORED]
    assert all(place and place.relevance for place in unscored)
    assert sorted(place.rank for place in unscored if place)[:7] == list(range(1, 8))


def test_the_audited_are_asked_though_they_are_below(shut: World) -> None:
    shut.days(DIVIDED, DIVIDED + 6)
    report, gated = shut.report, 6 * A_DAY - len(shut.asked())
    assert report.asked + report.below == 6 * A_DAY
    assert report.audited > 0
    assert report.below - report.audited == gated
    assert (report.days, report.missed, report.recall) == (6, 0, 1.0)
    assert report.stage is GateStage.DIVIDING
    assert sum(day.gated for day in report.history) == gated
    assert {day.level for day in report.history[:DIVIDED]} == {None}
    assert None not in {day.level for day in report.history[DIVIDED:]}


def test_it_learns_from_days_it_divided_and_the_audited_stand_for_more(shut: World) -> None:
    before = shut.kept.learned
    shut.days(DIVIDED, DIVIDED + 2)
    assert before
    assert shut.kept.learned
    asked = len(shut.asked())
    assert asked < 2 * A_DAY
    assert shut.kept.learned.papers == before.papers + asked
    assert shut.kept.learned.abstract != before.abstract


def test_a_followed_author_always_passes(store: Store) -> None:
    world = World(store, profile(authors=Followed(follow=("Ebba Flood",))))
    world.days(0, DIVIDED)
    for n in range(DIVIDED, DIVIDED + 3):
        digest = world.judge(n)
        assert digest.counts[Outcome.GATED] > 0
        (starred,) = [d for d in digest.decisions if d.followed]
        assert starred.outcome is Outcome.BELOW_CUTOFF


def test_votes_let_papers_pass_one_in_ten_of_the_day_at_most_and_keep_none_out(
    shut: World,
) -> None:
    papers, day = papers_of(day_of(DIVIDED)), day_of(DIVIDED)
    keeper = Gatekeeper(shut.store, shut.mine, "scripted")
    plain = keeper.divide(papers, day, ())
    assert plain.split
    liked = dict.fromkeys(plain.split.gated, 50.0)
    lifted = keeper.divide(papers, day, (), None, liked)
    more = {p.id for p in lifted.asked} - {p.id for p in plain.asked}
    assert len(more) == A_DAY // 10
    assert more <= set(plain.split.gated)
    disliked = {paper.id: -50.0 for paper in papers}
    assert keeper.divide(papers, day, (), None, disliked) == plain


@pytest.mark.parametrize("shared", [False, True])
def test_only_the_votes_of_a_profiles_one_workspace_pass_its_gate(
    shared: bool, shut: World
) -> None:
    day = day_of(DIVIDED)
    plain = Gatekeeper(shut.store, shut.mine, "scripted").divide(papers_of(day), day, ())
    assert plain.split
    if shared:
        elsewhere = Address(platform="slack", workspace="T9", channel="C9")
        other = subscription_of(profile=shut.mine.name, address=elsewhere)
        shut.store.subscriptions.put(other)
    here = digest_request().address
    for liked in (p for p in papers_of(day) if p.id in plain.split.gated[:8]):
        ref = shut.store.papers.put(liked)
        for person in ("U1", "U2", "U3"):
            vote = lesson(liked.id, person, channel=str(here), profile=shut.mine.name)
            shut.store.votes.cast(here, vote.model_copy(update={"ref": ref}))
    shut.asked()
    shut.judge(DIVIDED)
    assert (len(shut.asked()) > len(plain.asked)) is not shared


def test_a_workspaces_own_gate_begins_as_everybodys_and_goes_its_own_way(shut: World) -> None:
    shared = Gatekeeper(shut.store, shut.mine, "scripted")
    day = day_of(DIVIDED)
    division = shared.divide(papers_of(day), day, ())
    own = Gatekeeper(shut.store, shut.mine, "scripted", "slack:T1")
    assert own.divide(papers_of(day), day, ()) == division
    before = shut.report
    own.record_day("own", day, division, {})
    again = Gatekeeper(shut.store, shut.mine, "scripted", "slack:T1")
    own_key = gate_key(shut.mine, "scripted", "slack:T1")
    assert Gates(shut.store).days(own_key)[day] == "own"
    assert again.divides
    assert shut.report == before
    assert "own" not in Gates(shut.store).days(shut.key).values()


def test_one_line_in_the_profile_turns_the_gate_off_and_keeps_the_count(shut: World) -> None:
    shut.judge(DIVIDED)
    shut.asked()
    before, mine = shut.report, shut.mine
    shut.mine = mine.model_copy(update={"gate": False})
    digest = shut.judge(DIVIDED + 1)
    assert len(shut.asked()) == A_DAY
    assert digest.counts[Outcome.GATED] == 0
    assert shut.report == before
    shut.mine = mine
    shut.judge(DIVIDED + 2)
    assert shut.report.days == 2
    assert len(shut.asked()) < A_DAY


def test_a_day_judged_again_replaces_its_count(shut: World) -> None:
    first = shut.judge(DIVIDED)
    shut.asked()
    before = shut.report
    again = shut.judge(DIVIDED, at=60, papers=A_DAY + 12)
    assert sum(again.counts.values()) == A_DAY + 12
    assert shut.report.days == before.days == 1
    assert shut.report.asked + shut.report.below == A_DAY + 12
    assert 0 < len(shut.asked() - {d.paper.id for d in first.decisions}) < 12


def test_a_day_judged_again_after_the_night_is_divided_but_keeps_its_picks_places(
    shut: World,
) -> None:
    """The gate has learned from them meanwhile, and would place them too well."""
    shut.days(DIVIDED, DIVIDED + 1)
    before = shut.tallies[-1]
    digest = shut.judge(DIVIDED, at=24 * 60, papers=A_DAY + 12)
    assert digest.counts[Outcome.GATED] > A_DAY / 2
    assert shut.tallies[-1].date == before.date
    assert shut.tallies[-1].found == before.found != ()
    assert shut.tallies[-1].asked + shut.tallies[-1].far.below > A_DAY


@pytest.fixture
def knowing(world: World) -> World:
    """As `shut`, by words and by vectors that know what tides are."""
    world.embeddings = Embeddings(world.store.vectors, lambda: embed_by(*TIDES))
    world.days(0, DIVIDED)
    world.asked()
    return world


def test_a_gate_learns_at_night_what_the_picked_mean_and_divides_by_it(knowing: World) -> None:
    assert knowing.kept.learned
    assert len(knowing.kept.learned.meaning) == 384
    digest = knowing.judge(DIVIDED)
    assert digest.counts[Outcome.GATED] > A_DAY / 2
    assert digest.counts[Outcome.PICKED] == 7


def test_a_day_whose_papers_have_no_vectors_passes_such_a_gate_whole(knowing: World) -> None:
    """Its threshold is for both; papers above it would be missed by words alone."""

    def broken() -> Embed:
        raise OSError("the model is gone")

    knowing.embeddings = Embeddings(knowing.store.vectors, broken)
    digest = knowing.judge(DIVIDED)
    assert digest.counts[Outcome.GATED] == 0
    assert len(knowing.asked()) == A_DAY
    assert knowing.tallies[-1].found == ()
    knowing.embeddings = Embeddings(knowing.store.vectors, lambda: embed_by(*TIDES))
    assert knowing.night(DIVIDED).stage is GateStage.DIVIDING
    assert len(knowing.tallies[-1].found) == 7  # placed at night
    assert knowing.judge(DIVIDED + 1).counts[Outcome.GATED] > 0


def test_a_gate_counts_anew_when_meaning_is_switched_off(knowing: World) -> None:
    knowing.judge(DIVIDED)
    knowing.embeddings = None
    assert knowing.night(DIVIDED).stage is GateStage.COUNTING
    assert knowing.kept.learned
    assert knowing.kept.learned.meaning == ()
    knowing.days(DIVIDED + 1, DIVIDED + 6)
    assert knowing.report.stage is GateStage.DIVIDING


def test_a_gate_of_words_divides_a_day_with_vectors_as_one_without(shut: World) -> None:
    before = shut.judge(DIVIDED)
    shut.embeddings = Embeddings(shut.store.vectors, lambda: embed_by(*TIDES))
    again = shut.judge(DIVIDED, at=60)
    assert again.decisions == before.decisions


def test_a_changed_interest_is_noticed_in_days_said_and_learned_anew(shut: World) -> None:
    shut.model = ScriptedModel(APIAN)
    noticed = None
    for n in range(DIVIDED, DIVIDED + 20):
        digest = shut.judge(n)
        wanted = {p.id for p in papers_of(day_of(n)) if {*BEES} & {*p.abstract.split()}}
        gated = {d.paper.id for d in digest.decisions if d.outcome is Outcome.GATED}
        report = shut.night(n)
        if report.changed and noticed is None:
            noticed = n
            assert report.changed == day_of(n)
            assert report.stage is GateStage.COUNTING
        if n >= DIVIDED + 5:
            assert len(wanted & gated) <= 0.2 * len(wanted)
    assert noticed is not None
    assert noticed <= DIVIDED + 6
    assert shut.report.stage is GateStage.DIVIDING
    assert shut.kept.learned
    assert shut.kept.learned.papers <= (DIVIDED + 20 - noticed + 2) * A_DAY


def test_another_profile_model_or_cut_off_has_a_gate_of_its_own(shut: World) -> None:
    topic = shut.mine.topics[0].model_copy(update={"relevant": "Bees."})
    for other, model in (
        (shut.mine.model_copy(update={"topics": (topic,)}), "scripted"),
        (shut.mine.model_copy(update={"cutoffs": Cutoffs(relevance=3)}), "scripted"),
        (shut.mine, "another"),
    ):
        keeper = Gatekeeper(shut.store, other, model)
        assert keeper.divide(papers_of(day_of(DIVIDED)), day_of(DIVIDED), ()).split is None
    few = shut.mine.model_copy(update={"maximum": 3})
    keeper = Gatekeeper(shut.store, few, "scripted")
    assert keeper.divide(papers_of(day_of(DIVIDED)), day_of(DIVIDED), ()).split is not None


def test_a_night_that_teaches_nothing_is_followed_by_another(world: World) -> None:
    world.papers_of = strange  # type: ignore[assignment]
    world.days(0, LEARNED)
    assert world.report.stage is GateStage.LEARNING
    world.papers_of = papers_of
    world.days(LEARNED, LEARNED + 2)
    assert world.report.stage is GateStage.COUNTING


def test_a_night_after_no_new_day_changes_nothing(shut: World) -> None:
    before = shut.kept
    shut.night(DIVIDED)
    assert shut.kept == before


def test_each_profile_is_trained_once_a_night_between_two_lists(store: Store) -> None:
    mine, none = profile(), profile(name="none", gate=False)
    context, world = a_desk(store, mine, none), World(store, mine)

    def told(at: datetime) -> list[tuple[str, date]]:
        return [
            (found.name, night)
            for found, _, night in due_training(context, take_snapshot(context), at)
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


def test_a_gate_of_the_release_before_goes_on_ranking_and_counts_anew(shut: World) -> None:
    """Its threshold was set by another rule, and of its divided days nobody noted who was seen."""
    learned = shut.kept.learned
    assert learned
    closed = {"learned": learned.model_dump(mode="json"), "least": 0.1, "near": 0.0}
    old = {"closed": closed | {"since": str(day_of(10))}, "opened": None, "why": None}
    redis, tallies = shut.store.redis, f"pb:gate-tallies:{shut.key}"
    redis.set(f"pb:gate:{shut.key}", json.dumps({"v": 2} | old))
    for n in range(DIVIDED):
        parts = {"near": [0, 0, 0], "far": [0, 0, 0]} if n < 10 else {"near": [9, 2, 0]}
        row = {"v": 2, "date": str(day_of(n)), "asked": 20, "picks": 7} | parts
        redis.hset(tallies, str(day_of(n)), json.dumps(row))
    redis.set(f"pb:gate-report:{shut.key}", '{"v": 2, "closed": true, "since": "2025-03-20"}')
    assert shut.report == GateReport(stage=GateStage.COUNTING)
    assert shut.judge(DIVIDED).counts[Outcome.GATED] == 0
    report = shut.night(DIVIDED)
    assert (report.stage, report.picks) == (GateStage.COUNTING, 7)
    shut.days(DIVIDED + 1, DIVIDED + 5)
    assert shut.report.stage is GateStage.DIVIDING
    assert quarantine_counts(redis) == {}


def test_a_gate_whose_form_nobody_knows_learns_anew(shut: World) -> None:
    redis, tallies = shut.store.redis, f"pb:gate-tallies:{shut.key}"
    redis.set(f"pb:gate:{shut.key}", '{"closed": {"learned": {"words": {}}, "least": 0.1}}')
    redis.hset(tallies, str(day_of(0)), '{"date": "2025-03-03", "seen": 4}')
    assert shut.judge(DIVIDED).counts[Outcome.GATED] == 0
    assert shut.report.stage is GateStage.LEARNING
    assert len(shut.report.history) == DIVIDED  # the days but the one that cannot be read
    assert quarantine_counts(redis) == {"gate": 1, "gate-tallies": 1}
