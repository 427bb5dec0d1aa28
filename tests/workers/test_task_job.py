"""What the workers draft for somebody who says what they work on."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.domain.task import Drafting, Task, TaskResult
from bot.store.store import Store
from bot.terminal.render import as_text
from bot.views import conversation as views
from tests.conftest import check_golden
from tests.factories import NOW, paper
from tests.servers.fake_http import FakeServer, arxiv_api, run_fake_server
from workers import task_job
from workers.arxiv.client import ArxivClient

# Two by the one Ada Lovelace, one by another.
PAPERS = (
    paper("2503.00001", title="Tides of large moons", abstract="We study tides."),
    paper("2503.00002", title="Tides of small moons", abstract="We study small moons."),
    paper("2503.00003", authors=("Ada Lovelace", "E. Noether"), categories=("quant-ph",)),
)


@pytest.fixture
def sky() -> Iterator[FakeServer]:
    with run_fake_server(arxiv_api(list(PAPERS))) as fake:
        yield fake


def drafted(store: Store, sky: FakeServer, **given: str) -> tuple[Task, TaskResult]:
    arxiv = ArxivClient("", f"{sky.url}/api", store.redis, pause=0.0, timeout=5.0)
    task = Task(drafting=Drafting(**given), workspace="slack:T1", by="U1", since=NOW)
    store.tasks.put(task)
    task_job.run(task.key, store, arxiv, None, lambda: NOW)
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
