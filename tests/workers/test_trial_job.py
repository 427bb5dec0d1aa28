"""What a profile would have brought, as a person who tries it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date

import pytest

from bot.domain.digest import Score, ScoreResult, Usage
from bot.domain.papers import Announced, AnnounceType, Listing, Profile, Topic
from bot.domain.tasks.task import Task
from bot.domain.tasks.trial import Trial, TrialResult
from bot.store.store import Store
from bot.terminal.render import as_text
from bot.views.making import previews as views
from tests.conftest import check_golden
from tests.factories import NOW, paper, profile
from tests.workers.run_task_job import do_task
from workers import task_job
from workers.arxiv.client import ArxivClient
from workers.judging import scoring

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
    nowhere = ArxivClient("http://127.0.0.1:9/", "http://127.0.0.1:9/", store.redis)
    task_job.run(task.key, store, nowhere, None, lambda: NOW, lambda _: nullcontext())
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
    yield as_text([views.under_way(SPARSE, 1, 5)])


def test_what_a_trial_says_reads_well(days: Store) -> None:
    check_golden("views/trials.txt", "\n\n".join(shown(days)) + "\n")
