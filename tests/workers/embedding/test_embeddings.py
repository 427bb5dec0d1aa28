"""Vectors are made once, whoever asks; and where they cannot be made, that is told."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest

from bot.domain.papers import Keywords, Paper, Topic
from bot.store.store import Store
from bot.store.values.quarantine import quarantine_counts
from bot.store.values.stored_forms import RETENTION
from tests.factories import paper, paper_ids, profile
from workers.embedding.embeddings import Embeddings

MINE = profile(
    topics=(Topic(name="Tides", relevant="Of the sea."),), keywords=Keywords(relevant=("moon",))
)
THEIRS = profile(topics=(Topic(name="Bees", relevant="In parks."),), keywords=Keywords())


def some(n: int) -> list[Paper]:
    return [paper(id, title=f"On {id}", abstract="A study.") for id in paper_ids(n)]


class Model:
    """Makes vectors of nothing but letters, and remembers of what."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.loaded = 0

    def load(self) -> Callable[[str], bytes]:
        self.loaded += 1
        return self.embed

    def embed(self, text: str) -> bytes:
        self.read.append(text)
        return hashlib.sha384(text.encode()).digest() * 8


def test_each_text_is_embedded_once_for_all_profiles_and_all_runs(store: Store) -> None:
    model, papers = Model(), some(40)
    first = Embeddings(store.vectors, model.load).of(MINE, papers)
    assert first is not None
    assert set(first.papers) == {paper.id for paper in papers}
    assert sorted(model.read) == sorted(
        ["Tides. Of the sea.", "moon", *(f"On {p.id}. A study." for p in papers)]
    )
    again = Embeddings(store.vectors, model.load)
    assert again.of(MINE, papers) == first
    assert again.known(MINE, papers) == first
    assert (model.loaded, len(model.read)) == (1, 42)
    other = again.of(THEIRS, papers)
    assert other is not None
    assert other.papers == first.papers
    assert model.read[42:] == ["Bees. In parks."]


def test_what_is_not_there_yet_is_not_made_where_only_ties_hang_on_it(store: Store) -> None:
    model = Model()
    assert Embeddings(store.vectors, model.load).known(MINE, some(3)) is None
    assert model.loaded == 0


def test_a_changed_abstract_is_another_text(store: Store) -> None:
    model, (before,) = Model(), some(1)
    after = before.model_copy(update={"abstract": "Another study."})
    embeddings = Embeddings(store.vectors, model.load)
    for each in (before, after):
        embeddings.of(MINE, [each])
    assert model.read[-1] == f"On {before.id}. Another study."


def test_a_vector_takes_few_bytes_and_is_forgotten(store: Store) -> None:
    Embeddings(store.vectors, Model().load).of(MINE, some(1))
    (key, *_) = keys = list(store.redis.scan_iter("pb:vector:*"))
    assert len(keys) == 3
    assert len(str(store.redis.get(key))) == 480
    assert 0 < int(str(store.redis.ttl(key))) <= RETENTION.total_seconds()


def test_a_vector_that_cannot_be_read_is_set_aside_and_made_anew(store: Store) -> None:
    model = Model()
    embeddings = Embeddings(store.vectors, model.load)
    first = embeddings.of(MINE, some(1))
    for key, wrong in zip(
        store.redis.scan_iter("pb:vector:*"), ("abc", "~" * 480, "é"), strict=True
    ):
        store.redis.set(key, wrong)
    assert embeddings.of(MINE, some(1)) == first
    assert len(model.read) == 6
    assert sum(quarantine_counts(store.redis).values()) == 3


def test_who_has_no_time_left_keeps_what_is_made_and_goes_on_at_the_next_try(store: Store) -> None:
    model, papers, now = Model(), some(60), [0.0]

    def slow(text: str) -> bytes:
        now[0] += 1.0
        return model.embed(text)

    embeddings = Embeddings(store.vectors, lambda: slow, clock=lambda: now[0])
    assert embeddings.of(MINE, papers, patience=30) is None
    assert len(model.read) == 32
    assert embeddings.of(MINE, papers, patience=60) is not None
    assert len(model.read) == 62


def test_who_waits_sees_it_go_on(store: Store) -> None:
    heard: list[tuple[int, int]] = []
    embeddings = Embeddings(store.vectors, Model().load)
    embeddings.of(MINE, some(40), lambda done, total: heard.append((done, total)))
    assert heard == [(14, 40), (30, 40), (40, 40)]


def test_several_threads_make_the_same(store: Store) -> None:
    alone = Embeddings(store.vectors, Model().load).of(MINE, some(40))
    store.redis.flushall()
    assert Embeddings(store.vectors, Model().load, threads=4).of(MINE, some(40)) == alone


@pytest.mark.parametrize("fault", [ImportError("no package"), OSError("gone"), KeyError("val_1")])
def test_without_a_model_words_have_to_do(
    store: Store, fault: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def load() -> Callable[[str], bytes]:
        raise fault

    assert Embeddings(store.vectors, load).of(MINE, some(2)) is None
    assert str(fault) in capsys.readouterr().out
    # Those who were embedded before are ranked all the same.
    Embeddings(store.vectors, Model().load).of(MINE, some(2))
    assert Embeddings(store.vectors, load).of(MINE, some(2)) is not None
