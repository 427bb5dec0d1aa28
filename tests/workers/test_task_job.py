"""What the workers draft for somebody who says what they work on."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from redis import Redis

from bot.domain.budget import Limits
from bot.domain.draft import Draft
from bot.domain.tasks.task import Drafting, Task, TaskResult
from bot.profiles import form
from bot.profiles.given_work import GivenWork, parse_given
from bot.store.connection import connect
from bot.store.spending import Accounts
from bot.store.store import Store
from bot.terminal.render import as_text
from bot.views.making import drafts as views
from tests.conftest import check_golden
from tests.factories import NOW, paper
from tests.servers import model as loopback
from tests.servers.fake_http import FakeServer, arxiv_api, chat_reply, error_reply, run_fake_server
from tests.waiting import TIMEOUT_SECONDS
from workers import jobs, task_job
from workers.arxiv.client import ArxivClient

# Two by the one Ada Lovelace, one by another.
PAPERS = (
    paper("2503.00001", title="Tides of large moons", abstract="We study tides."),
    paper("2503.00002", title="Tides of small moons", abstract="We study small moons."),
    paper("2503.00003", authors=("Ada Lovelace", "E. Noether"), categories=("quant-ph",)),
)
SECONDS = count()


@pytest.fixture
def sky() -> Iterator[FakeServer]:
    with run_fake_server(arxiv_api(list(PAPERS))) as fake:
        yield fake


def drafted(store: Store, sky: FakeServer, **given: str) -> tuple[Task, TaskResult]:
    arxiv = ArxivClient("", f"{sky.url}/api", store.redis, pause=0.0, timeout=5.0)
    task = Task(drafting=Drafting(**given), workspace="slack:T1", by="U1", since=NOW)
    store.tasks.put(task)
    task_job.run(task.key, store, arxiv, None, lambda: NOW, lambda *_: nullcontext())
    found = store.tasks.result(task.key)
    assert found is not None
    return task, found


def test_a_name_that_several_people_have_is_asked_about_and_the_chosen_ones_papers_are_used(
    store: Store, sky: FakeServer
) -> None:
    name = "Ada Lovelace"
    _, found = drafted(store, sky, text=name, author=name)
    assert [(each.id, each.papers) for each in found.namesakes] == [
        ("2503.00002", 2),
        ("2503.00003", 1),
    ]
    _, found = drafted(store, sky, text=name, author=name, chosen="2503.00003")
    assert found.draft is not None
    assert found.draft.profile.categories == ("quant-ph",)
    assert found.draft.profile.authors.follow == (name,)


def test_what_only_looks_like_a_name_is_a_text(store: Store, sky: FakeServer) -> None:
    _, found = drafted(store, sky, text="Sparse Quantum Networks", author="Sparse Quantum Networks")
    assert found.draft is not None
    assert found.draft.profile.authors.follow == ()
    sky.answer = lambda path, body: (403, {}, b"")
    _, found = drafted(store, sky, text="Quantum Computing", author="Quantum Computing")
    assert found.draft is not None


def test_why_nothing_could_be_drafted_is_said(store: Store, sky: FakeServer) -> None:
    _, found = drafted(store, sky, author="Nemo Nobody")
    assert found.refused == 'arXiv has no papers by "Nemo Nobody".'
    sky.answer = lambda path, body: (403, {}, b"")
    _, found = drafted(store, sky, author="Ada Lovelace")
    assert "does not let us in" in found.refused
    _, found = drafted(store, sky, text="2503.00001")
    assert found.refused


def test_what_is_said_of_a_draft_reads_well(store: Store, sky: FakeServer) -> None:
    task, several = drafted(store, sky, text="Ada Lovelace", author="Ada Lovelace")
    shown = [as_text([views.which_author("Ada Lovelace", several.namesakes, task.key)])]
    library = "@misc{a, title={Tides of moons}, eprint={2503.00001}}\n@misc{b, title={Dust}}"
    for given in (
        {"text": "We work on pruning, mixture of experts. Also 2503.00002 and 2503.99999"},
        {"library": library},
        {"text": "Ada Lovelace", "author": "Ada Lovelace", "chosen": "2503.00002"},
    ):
        _, found = drafted(store, sky, **given)
        assert found.draft is not None
        shown.append("\n".join(views.draft_notes(found.draft)))
    check_golden("views/drafts.txt", "\n\n".join(shown) + "\n")


def test_a_pasted_library_that_the_field_cut_says_what_was_read(
    store: Store, sky: FakeServer
) -> None:
    entries = "".join(
        f"@misc{{k{n}, title={{Machine learning of tides {n}}}}}\n" for n in range(99)
    )
    for typed, is_cut in ((entries[: form.LONGEST], True), (entries[:2000], False)):
        given = parse_given(typed)
        assert isinstance(given, GivenWork)
        _, found = drafted(store, sky, library=given.library)
        assert found.draft is not None
        whole = typed.count("}\n")
        said = views.draft_notes(found.draft)[1:3]
        assert said[0].startswith(f"Your library has {whole} entries, 0 of them found on arXiv.")
        assert ("The field is full at 3,000 characters" in said[1]) == is_cut


@pytest.fixture
def model(redis_url: str, sky: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """A model's server, and the environment of a worker that knows it. What the worker's process
    would leave open at its end is closed."""
    opened = list[Redis]()

    def remembered(url: str) -> Redis:
        opened.append(connect(url))
        return opened[-1]

    monkeypatch.setattr(jobs, "connect", remembered)
    with run_fake_server(loopback.answer) as fake:
        for name, value in (
            ("REDIS_URL", redis_url),
            ("ARXIV_API_URL", f"{sky.url}/api"),
            ("OPENAI_BASE_URL", f"{fake.url}/v1"),
            ("PAPERBOY_MEANING", "false"),
        ):
            monkeypatch.setenv(name, value)
        yield fake
    for redis in opened:
        redis.close()


def by_job(store: Store, workspace: str = "slack:T1", also: str = "") -> Draft:
    """What the workers draft of a sentence, as they are queued to."""
    drafting = Drafting(text=f"We work on machine learning for tides. {also}")
    since = NOW + timedelta(seconds=next(SECONDS))
    task = Task(drafting=drafting, workspace=workspace, by="U1", since=since)
    store.tasks.put(task)
    jobs.task(task.key)
    found = store.tasks.result(task.key)
    assert found is not None
    assert found.draft is not None
    return found.draft


def spent(store: Store, workspace: str) -> dict[str, int]:
    """Tokens by what they were spent on."""
    costs = Accounts(store).costs(workspace, Limits(), Limits(), datetime.now(UTC))
    return {name: account.month.tokens for name, account in costs.profiles.items()}


def test_a_draft_is_written_by_the_model_and_its_workspace_pays(
    store: Store, model: FakeServer
) -> None:
    draft = by_job(store, also="2503.00001")
    assert draft.profile.title == "What a model drafts"
    assert views.draft_notes(draft)[0].startswith("A draft by the model:")
    assert [each.id for each in draft.profile.examples] == ["2503.00001"]
    assert len(model.requests) == 1
    assert spent(store, "slack:T1") == {"drafts": 120}


def test_a_workspace_whose_budget_is_used_up_gets_a_draft_without_the_model_and_others_one_by_it(
    store: Store, model: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAPERBOY_DAY_TOKENS", "8000")
    model.answer = lambda path, body: chat_reply("{}", prompt=7000)
    by_job(store)
    said = views.draft_notes(by_job(store))
    assert said[0].startswith("A draft, made without a model:")
    assert said[1].startswith("Today's limit of 8.0k tokens for this workspace")
    assert "So this draft is made without the model." in said[1]
    assert len(model.requests) == 1
    by_job(store, "discord:1")
    assert len(model.requests) == 2


def test_where_the_model_is_away_or_slow_the_words_draft_and_that_is_said(
    store: Store, model: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model.answer = lambda path, body: error_reply(401, "invalid_api_key")
    assert "So this draft is made without the model." in views.draft_notes(by_job(store))[1]
    over = threading.Event()
    model.answer = lambda path, body: (over.wait(TIMEOUT_SECONDS), loopback.answer(path, body))[1]
    monkeypatch.setenv("PAPERBOY_CALL_SECONDS", "3600")
    monkeypatch.setattr(jobs, "_DRAFT_CALL_SECONDS", 0.05)
    try:
        said = views.draft_notes(by_job(store, "discord:1"))[1]
    finally:
        over.set()
    assert "So this draft is made without the model." in said
