"""What a search finds among the papers that channels were shown or refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from bot.domain.digest import Decision, Outcome
from bot.domain.papers import Announced, AnnounceType
from bot.domain.request import Address
from bot.domain.tasks.search import MOST, Search, SearchResult
from bot.store.store import Store
from tests.factories import NOW, decision, digest, list_result, paper
from workers import search_job
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import paper_text

HERE = Address(platform="slack", workspace="T1", channel="C1")
NEXT_DOOR = HERE.model_copy(update={"channel": "C2"})
# By id, titles and abstracts.
PAPERS = {
    "2503.00001": ("Pruning of neural networks", "We prune networks until they are sparse."),
    "2503.00002": ("Dust in distant galaxies", "We observe dust; a house is no use."),
    "2503.00003": ("Robots that fold laundry", "A robot folds shirts by pruning its plans."),
    "2503.00004": ("Lattices", "Order."),
}


def entry(id: str, outcome: Outcome = Outcome.BELOW_CUTOFF, **fields: object) -> Decision:
    title, abstract = PAPERS[id]
    text = paper(id, title=title, abstract=abstract, **fields)
    return decision(id, outcome, 3).model_copy(
        update={"announced": Announced(paper=text, announce_type=AnnounceType.NEW)}
    )


def deliver(store: Store, day: date, *decisions: Decision, at: Address = HERE) -> None:
    for each in decisions:
        store.papers.put(each.paper)
    listed = list_result(NOW).model_copy(update={"batch": str(day), "date": day})
    found, name = digest(*decisions, listed=listed), f"day-{day}"
    store.days.put_decided(name, found)
    store.history.put_delivered(at, f"{at}:{name}", found, NOW, "17.1")


@pytest.fixture
def searched(store: Store) -> Store:
    """Two days here, the second with a paper of the first again, and one next door."""
    deliver(
        store,
        date(2025, 3, 19),
        entry("2503.00001", Outcome.PICKED),
        entry("2503.00002"),
    )
    deliver(
        store,
        date(2025, 3, 20),
        entry("2503.00001", Outcome.REPEAT),
        entry("2503.00003"),
    )
    lattices = entry("2503.00004", authors=("Erwin Schrödinger",))
    deliver(store, date(2025, 3, 21), lattices, at=NEXT_DOOR)
    return store


def found(store: Store, words: str, *places: Address, **fields: object) -> SearchResult:
    asked = Search.model_validate({"title": words, "places": places or (HERE,), **fields})
    return search_job.run(asked, store, None)


def ids(result: SearchResult) -> list[str]:
    return [hit.paper for hit in result.hits]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("pruned networks", ["2503.00001", "2503.00003"]),  # one that has both comes first
        ("folding", ["2503.00003"]),
        ("2503.00002", ["2503.00002", "2503.00001", "2503.00003"]),
        ("use", ["2503.00002"]),  # no part of a word: there is a house
        ("ouse", []),
        ("the of and", []),
        ("schrodinger", []),  # it is next door
    ],
)
def test_papers_are_found_by_what_they_say_posted_or_not(
    searched: Store, words: str, expected: list[str]
) -> None:
    result = found(searched, words)
    assert ids(result) == expected
    assert (result.papers, result.since, result.words_only) == (3, date(2025, 3, 19), True)


def test_a_paper_is_found_where_it_was_posted(searched: Store) -> None:
    (first, _) = found(searched, "pruning networks").hits
    assert first.day == "day-2025-03-19"


def test_another_channels_papers_are_found_where_they_are_asked_for(searched: Store) -> None:
    result = found(searched, "Schrödinger", HERE, NEXT_DOOR)
    assert [(hit.place, hit.paper) for hit in result.hits] == [(NEXT_DOOR, "2503.00004")]
    assert result.papers == 4


def test_more_like_a_paper_leaves_it_and_older_days_out(searched: Store) -> None:
    title, text = PAPERS["2503.00001"]
    like = {"text": text, "like": "2503.00001"}
    assert ids(found(searched, title, **like)) == ["2503.00003"]
    lately = found(searched, title, **like, since=date(2025, 3, 20))
    assert (ids(lately), lately.papers) == (["2503.00003"], 1)


def test_where_no_digest_has_come_there_is_nothing_to_search(store: Store) -> None:
    assert found(store, "pruning") == SearchResult(words_only=True)


def test_many_papers_are_searched_and_the_nearest_few_are_shown(store: Store) -> None:
    told = list[tuple[int, int]]()
    for n in range(4):
        many = [entry("2503.00001") for _ in range(5)]
        papers = [
            each.model_copy(
                update={
                    "announced": each.announced.model_copy(
                        update={"paper": each.paper.model_copy(update={"id": f"2503.1{n}00{i}"})}
                    )
                }
            )
            for i, each in enumerate(many)
        ]
        deliver(store, date(2025, 3, 17) + timedelta(days=n), *papers)
    asked = Search(title="pruning", places=(HERE,))
    result = search_job.run(asked, store, None, lambda *done: told.append(done))
    assert (len(result.hits), result.papers) == (MOST, 20)
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


class _Known(Embeddings):
    """A reader to whom dust and "interstellar matter" mean the same, and nothing else does."""

    def __init__(self, store: Store) -> None:
        super().__init__(store.vectors, lambda: self._embedded)

    @staticmethod
    def _embedded(text: str) -> bytes:
        axis = 0 if "dust" in text or "interstellar" in text else 1
        return bytes(127 if n in (axis, axis + 2) else 0 for n in range(384))


def test_what_means_the_same_is_found_without_its_words(searched: Store) -> None:
    embeddings = _Known(searched)
    embeddings.vectors([paper_text(entry(id).paper) for id in PAPERS])
    asked = Search(title="interstellar matter", places=(HERE,))
    result = search_job.run(asked, searched, embeddings)
    assert (ids(result), result.words_only) == (["2503.00002"], False)
    nothing = search_job.run(Search(title="grapefruit", places=(NEXT_DOOR,)), searched, None)
    assert nothing.hits == ()
