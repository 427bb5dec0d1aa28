"""What a profile is drafted from: ids, a library and a name become papers of arXiv's."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.errors import Refused, Unavailable
from bot.store.store import Store
from tests.factories import paper
from tests.servers.fake_http import FakeServer, arxiv_api, run_fake_server
from workers.arxiv.client import ArxivClient
from workers.drafting.gather import gather

ONE, TWO = paper("2503.00001"), paper("2503.00002")
OTHER = paper("2503.00003", authors=("Ada Lovelace", "E. Noether"), categories=("quant-ph",))


@pytest.fixture
def sky() -> Iterator[FakeServer]:
    with run_fake_server(arxiv_api([ONE, TWO, OTHER])) as fake:
        yield fake


@pytest.fixture
def arxiv(sky: FakeServer, store: Store) -> ArxivClient:
    return ArxivClient("", f"{sky.url}/api", store.redis, pause=0.0, timeout=5.0)


def test_ids_and_links_are_fetched_in_one_request_and_the_sentence_stays(
    arxiv: ArxivClient, sky: FakeServer
) -> None:
    text = "We study tides, as in arXiv:2503.00001 and https://arxiv.org/abs/2503.00002v1."
    found = gather(arxiv, f"{text} Also 2503.99999 and 2513.00001.")
    assert found.papers == (ONE, TWO)
    assert found.text == "We study tides, as in , and , Also , and"
    assert found.notes == (
        '"2513.00001" is no arXiv id: there is no month 13.',
        "arXiv has no paper 2503.99999.",
    )
    assert len(sky.requests) == 1


def test_without_ids_arxiv_is_not_asked(arxiv: ArxivClient, sky: FakeServer) -> None:
    assert gather(arxiv, "We study tides.", papers=[ONE]).papers == (ONE,)
    assert sky.requests == []


def test_a_withdrawn_paper_is_left_out_and_said(arxiv: ArxivClient, sky: FakeServer) -> None:
    sky.answer = arxiv_api([ONE], comment="This paper has been withdrawn by the authors.")
    found = gather(arxiv, "tides, 2503.00001")
    assert found.papers == ()
    assert found.notes == ("Withdrawn by the authors, so left out: paper 2503.00001.",)


def test_entries_without_an_id_count_by_their_own_words(arxiv: ArxivClient) -> None:
    library = (
        "@misc{a, title={A}, eprint={2503.00001}}\n"
        "@misc{b, title={Spring tides}, abstract={We prove.}}\n"
        "@misc{c, title={Gone}, eprint={2503.99999}}"
    )
    found = gather(arxiv, library=library)
    assert found.papers == (ONE,)
    assert [work.title for work in found.works] == ["Spring tides", "Gone"]
    assert found.notes[-1] == (
        "Your library has 3 entries, 1 of them found on arXiv. Of the other 2 (1 without an arXiv "
        "id), titles and abstracts count."
    )


def test_a_pasted_library_is_read_as_one(arxiv: ArxivClient) -> None:
    found = gather(arxiv, "@misc{a, title={A}, eprint={2503.00001}}")
    assert (found.text, found.papers) == ("", (ONE,))


def test_of_several_people_the_one_with_most_papers_is_used(arxiv: ArxivClient) -> None:
    found = gather(arxiv, author="Ada Lovelace")
    assert [each.id for each in found.papers] == ["2503.00002", "2503.00001"]
    assert found.follow == ("Ada Lovelace",)
    assert found.notes == (
        'Several people may be called "Ada Lovelace". Used: 2 papers in cs.LG, with Alan Turing '
        "(2503.00002). Left out: 1 paper in quant-ph, with E. Noether (2503.00003).",
    )


def test_of_nobody_there_are_no_papers(arxiv: ArxivClient) -> None:
    assert gather(arxiv, author="Nemo").notes == ('arXiv has no papers by "Nemo".',)


def test_while_arxiv_is_away_the_rest_counts(arxiv: ArxivClient, sky: FakeServer) -> None:
    sky.answer = lambda path, body: (403, {}, b"")
    found = gather(arxiv, "We study tides, 2503.00001", author="Ada Lovelace")
    assert found.text == "We study tides"
    assert found.notes[-1].startswith("arXiv can't be asked now")
    with pytest.raises(Unavailable):
        gather(arxiv, "2503.00001")


def test_a_name_that_arxiv_refuses_is_said(arxiv: ArxivClient, sky: FakeServer) -> None:
    with pytest.raises(Refused, match="no name"):
        gather(arxiv, author='"?!')
    assert sky.requests == []
