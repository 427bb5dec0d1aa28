"""What a profile would have brought, as a person who tries it is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from datetime import date

import pytest

from bot.domain.digest import Score, ScoreResult, Usage
from bot.domain.papers import Announced, AnnounceType, Listing, Profile, Topic
from bot.domain.reasons import ModelReason
from bot.domain.tasks.task import Task, TaskResult
from bot.domain.tasks.trial import Trial, TrialDay, TrialResult
from bot.errors import Refused, Unavailable
from bot.store.store import Store
from bot.terminal.render import as_text
from bot.views.making import previews as views
from tests.conftest import check_golden
from tests.factories import NOW, paper, profile
from tests.servers.arxiv_documents import api_feed
from tests.servers.fake_http import xml_reply
from tests.workers.run_fetch_job import arxiv
from tests.workers.run_task_job import do_task
from tests.workers.scripted_model import ScriptedModel, well_formed_reply
from workers import task_job, trial_scoring
from workers.judging import scoring
from workers.trial_scoring import buy

# Thursday 20 March 2025 is NOW; the three days before it that have a list.
DATES = (date(2025, 3, 17), date(2025, 3, 18), date(2025, 3, 20))
SPARSE = profile(
    name="sparse",
    title="Sparse models",
    topics=(Topic(name="Pruning", relevant="pruning of neural networks, sparsity"),),
)
ABOUT = (
    ("Pruning of neural networks by sparsity", "We prune networks until they are sparse."),
    ("Sparsity and the pruning of weights", "Pruning makes networks sparse."),
    ("Dust in distant galaxies", "We observe dust."),
    ("Robots that fold laundry", "A robot folds."),
    ("Sparse rewards for robots", "A robot learns from few rewards."),
)


@pytest.fixture
def days(store: Store) -> Store:
    """Three days of five papers, of which arXiv answered for cs.LG alone."""
    for n, day in enumerate(DATES):
        listed = tuple(
            Announced(
                paper=paper(f"2503.1{n}00{i}", title=title, abstract=abstract),
                announce_type=AnnounceType.NEW,
            )
            for i, (title, abstract) in enumerate(ABOUT)
        )
        listing = Listing(date=day, papers=listed, replaced=(), items=len(listed))
        store.lists.add(str(day), listing, NOW)
        store.lists.put_answered_categories(str(day), ["cs.LG"], NOW)
    return store


def tried(store: Store, trial: Trial) -> TrialResult:
    """The result, by the task that a person's question becomes."""
    task = Task(trial=trial, workspace="slack:T1", by="U1", since=NOW)
    store.tasks.put(task)
    with arxiv(lambda path, body: xml_reply(api_feed()), store) as (_, edge):
        task_job.run(task.key, store, edge, None, lambda: NOW, lambda *_: nullcontext())
    found = store.tasks.result(task.key)
    assert found is not None
    assert found.trial is not None
    assert store.progress(f"task-{task.key}")[1] > 0 or not found.trial.days
    return found.trial


def score_by_model(
    store: Store, one: Profile, relevance: int, novelty: int = 8, papers: int = len(ABOUT)
) -> None:
    """As if a model had scored so many papers of each of these days for these criteria."""
    versions = [f"2503.1{n}00{i}v1" for n in range(len(DATES)) for i in range(papers)]
    results = {
        version: ScoreResult(score=Score(relevance=relevance, novelty=novelty, comment=""))
        for version in versions
    }
    store.scores.put(scoring.judge_key(one, "gpt-6-luna"), results, "call", Usage())


def test_a_profile_is_tried_on_the_last_days_by_the_local_ranking(days: Store) -> None:
    result = tried(days, Trial(profile=SPARSE, days=2))
    assert [day.date for day in result.days] == list(DATES[1:])
    assert [(day.announced, day.picked, day.before) for day in result.days] == [(5, 2, None)] * 2
    assert {each.title for each in result.best} == {title for title, _ in ABOUT[:2]}
    assert (result.stored, result.missing, result.by_model, result.words_only) == (
        3,
        (),
        False,
        True,
    )
    assert result.usd_a_month is None
    assert days.days.names(SPARSE.fingerprint) == []  # nothing is decided by it


def test_two_versions_side_by_side_say_what_comes_in_and_what_goes_out(days: Store) -> None:
    robots = SPARSE.model_copy(
        update={"topics": (Topic(name="Robots", relevant="robots that learn from rewards"),)}
    )
    result = tried(days, Trial(profile=robots, before=SPARSE))
    entered, left = ({each.title for each in found} for found in (result.entered, result.left))
    assert "Sparse rewards for robots" in entered
    assert left == {title for title, _ in ABOUT[:2]}
    assert all(day.before == 2 for day in result.days)
    same = tried(days, Trial(profile=SPARSE, before=SPARSE))
    assert same.entered == same.left == same.moved == ()


def test_where_the_models_scores_are_kept_they_decide_and_nothing_is_asked(days: Store) -> None:
    strict = SPARSE.model_copy(update={"cutoffs": SPARSE.cutoffs.model_copy(update={"novelty": 9})})
    score_by_model(days, SPARSE, relevance=9)
    result = tried(days, Trial(profile=strict, before=SPARSE, model="gpt-6-luna"))
    assert result.by_model
    assert [(day.picked, day.before) for day in result.days] == [(0, 5)] * 3
    assert result.usd_a_month is not None
    assert result.usd_a_month > 0
    other = SPARSE.model_copy(update={"topics": (Topic(name="Dust", relevant="dust"),)})
    assert not tried(days, Trial(profile=other, before=SPARSE, model="gpt-6-luna")).by_model


@pytest.mark.parametrize(("relevance", "suffices"), [(7, True), (1, False)])
def test_kept_scores_decide_where_they_have_what_the_local_ranking_would_pick(
    days: Store, relevance: int, suffices: bool
) -> None:
    """By the profile's own cut-off: the rest may have been kept from the model by the gate."""
    cutoffs = SPARSE.cutoffs.model_copy(update={"relevance": relevance})
    mine = SPARSE.model_copy(update={"cutoffs": cutoffs})
    score_by_model(days, mine, relevance=9, papers=2)
    assert tried(days, Trial(profile=mine, model="gpt-6-luna")).by_model is suffices


def bought(store: Store, model: ScriptedModel, trial: Trial) -> TaskResult:
    """What comes of a trial that asks a model, which the workspace pays for under its name."""
    task = Task(trial=trial, workspace="slack:T1", by="U1", since=NOW)
    store.tasks.put(task)
    paying = list[tuple[str, str]]()

    @contextmanager
    def models(*who: str) -> Iterator[Callable[[int], ScriptedModel]]:
        paying.append(who)  # type: ignore[arg-type]
        yield lambda row_tokens: model

    with arxiv(lambda path, body: xml_reply(api_feed()), store) as (_, edge):
        task_job.run(task.key, store, edge, None, lambda: NOW, models, calls_at_once=2)
    assert paying == [("slack:T1", "sparse")]
    found = store.tasks.result(task.key)
    assert found is not None
    return found


def test_a_model_scores_what_may_be_picked_for_who_asks_and_is_paid_once(days: Store) -> None:
    trial = Trial(profile=SPARSE, before=None, model="scripted")
    before = tried(days, trial)
    assert (before.by_model, before.bought, before.unscored) == (False, False, 15)
    model = ScriptedModel(well_formed_reply)
    buys = trial.model_copy(update={"buys": True})
    result = bought(days, model, buys).trial
    assert result is not None
    assert (result.by_model, result.bought, result.unscored) == (True, True, 0)
    assert sorted(id for about in model.asked for id in about) == sorted(
        f"2503.1{n}00{i}" for n in range(len(DATES)) for i in range(len(ABOUT))
    )
    kept = ScriptedModel(well_formed_reply)
    again = bought(days, kept, buys.model_copy(update={"days": 2})).trial
    assert again is not None
    assert (again.by_model, kept.asked) == (True, [])
    assert tried(days, trial.model_copy(update={"days": 2})).by_model


def test_where_the_budget_does_not_suffice_the_local_ranking_decides_and_says_so(
    days: Store,
) -> None:
    broke = Refused("Today's limit is reached.", ModelReason.NO_BUDGET)
    trial = Trial(profile=SPARSE, model="scripted", buys=True)
    result = bought(days, ScriptedModel(lambda about: broke), trial).trial
    assert result is not None
    assert (result.by_model, result.bought, result.unscored) == (False, True, 15)
    message = views.trial_result(trial, result, "0123456789abcdef")
    shown = as_text([message])
    assert "The model left 15 papers without a score, most because the budget is used up." in shown
    assert message.buttons == ()


@pytest.mark.parametrize(
    ("reply", "why"),
    [
        ("banana", "the model's answer couldn't be read"),
        (None, "the model refused to answer"),
        ('{"papers": []}', "the model left it out of its answer"),
        (Unavailable("It is away.", ModelReason.MODEL_DOWN), "the model is down"),
    ],
)
def test_a_model_that_gives_no_scores_for_a_purchase_is_said_first_and_can_be_asked_again(
    reply: str | Exception | None, why: str, days: Store
) -> None:
    trial = Trial(profile=SPARSE, model="scripted", buys=True)
    result = bought(days, ScriptedModel(lambda about: reply), trial).trial
    assert result is not None
    message = views.trial_result(trial, result, "0123456789abcdef")
    assert message.text[0] == f"The model left 15 papers without a score, most because {why}."
    (again,) = message.buttons
    assert again.label == "Ask the model again about 15 papers, about cost unknown"
    later = trial.model_copy(update={"days": 3})
    result = bought(days, ScriptedModel(well_formed_reply), later).trial
    assert result is not None
    assert (result.by_model, result.trouble) == (True, None)


def test_while_a_digest_is_scored_for_the_same_criteria_nothing_is_bought(
    days: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_scoring, "_PATIENCE", 0.0)
    held = days.lease(f"score:{scoring.judge_key(SPARSE, 'scripted')}", 60, 0)
    assert held is not None
    model = ScriptedModel(well_formed_reply)
    found = bought(days, model, Trial(profile=SPARSE, model="scripted", buys=True))
    assert found.refused == views.scored_by_another()
    assert model.asked == []


def test_a_purchase_whose_worker_was_killed_is_made_by_another(days: Store) -> None:
    """Its lease is still held for a while: by nobody."""
    assert days.lease(f"score:{scoring.judge_key(SPARSE, 'scripted')}", 0.2, 0)
    model = ScriptedModel(well_formed_reply)
    result = bought(days, model, Trial(profile=SPARSE, model="scripted", buys=True)).trial
    assert result is not None
    assert (result.by_model, result.unscored) == (True, 0)


def test_what_was_scored_between_the_look_and_the_purchase_is_not_bought(days: Store) -> None:
    papers = [entry.paper for entry in days.lists.batch(str(DATES[0])).papers]
    first, second = ScriptedModel(well_formed_reply), ScriptedModel(well_formed_reply)
    for model in (first, second):  # both looked before either bought
        buy(SPARSE, papers, days, model, 1, lambda done, total: None)
    assert sorted(id for about in first.asked for id in about) == [p.id for p in papers]
    assert second.asked == []


def test_of_categories_that_nobody_asked_for_there_is_no_day(days: Store) -> None:
    elsewhere = SPARSE.model_copy(update={"categories": ("astro-ph.EP",)})
    assert tried(days, Trial(profile=elsewhere)).days == ()
    wide = SPARSE.model_copy(update={"categories": ("cs.LG", "cs.IR")})
    assert tried(days, Trial(profile=wide)).missing == ("cs.IR",)


def test_a_task_of_an_hour_ago_is_nobodys(store: Store) -> None:
    do_task("0123456789abcdef", store)
    assert list(store.redis.scan_iter("pb:task*")) == []


def shown(days: Store) -> Iterator[str]:
    robots = SPARSE.model_copy(
        update={"topics": (*SPARSE.topics, Topic(name="Robots", relevant="robots, rewards"))}
    )
    elsewhere = SPARSE.model_copy(update={"categories": ("astro-ph.EP",)})
    score_by_model(days, SPARSE, relevance=7)
    for name, trial in (
        ("a profile as it is", Trial(profile=SPARSE)),
        ("a change", Trial(profile=robots, before=SPARSE, days=2, model="gpt-6-luna")),
        ("a change of nothing", Trial(profile=SPARSE, before=SPARSE, model="gpt-6-luna")),
        ("no day", Trial(profile=elsewhere)),
    ):
        message = views.trial_result(trial, tried(days, trial))
        yield f"== {name}\n{as_text([message])}"
    priced = TrialResult(
        days=(TrialDay(date=DATES[0], announced=5, picked=2),),
        stored=1,
        filled=(DATES[0],),
        unscored=180,
        usd_to_score=0.031,
    )
    message = views.trial_result(Trial(profile=SPARSE), priced, "0123456789abcdef")
    yield f"== before a model is asked\n{as_text([message])} {message.buttons[0].label}"
    by_model = priced.model_copy(update={"by_model": True, "bought": True, "unscored": 0})
    message = views.trial_result(Trial(profile=SPARSE), by_model, "0123456789abcdef")
    yield f"== after it\n{as_text([message, views.buying(SPARSE, 40, 180)])}"
    yield as_text([views.under_way(SPARSE, 1, 5)])
    half = {"bought": True, "unscored": 60, "trouble": ModelReason.MODEL_DOWN}
    message = views.trial_result(
        Trial(profile=SPARSE), priced.model_copy(update=half), "0123456789abcdef"
    )
    yield f"== after one that failed\n{as_text([message])} {message.buttons[0].label}"
    long = views.still_buying(SPARSE, 120, 180, "0123456789abcdef")
    yield f"== after one that takes long\n{as_text([long])} {long.buttons[0].label}"


def test_what_a_trial_says_reads_well(days: Store) -> None:
    check_golden("views/trials.txt", "\n\n".join(shown(days)) + "\n")
