"""Which papers somebody is told of: by name, with evidence, by a term, and where."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.readers.following import Evidence, Follow, Telling
from bot.planning.following import evidence, is_meant, matching, merged, placed, words
from tests.factories import DAY, NOW, paper


def follow(what: str, kind: str = "author", **fields: object) -> Follow:
    given = {"workspace": "slack:T1", "by": "U1", "kind": kind, "what": what, "since": NOW}
    return Follow.model_validate(given | fields)


def is_told(mine: Follow, **fields: object) -> bool:
    return bool(list(matching([mine], [paper(**fields)])))


@pytest.mark.parametrize(
    ("name", "author"),
    [
        ("Jürgen Müller", "J. Mueller"),
        ("Doe, Jane", "Jane Q. Doe"),
        ("jane doe", "Jane Doe"),
        ("Xiao-Ming Li", "Xiaoming Li"),
        ("ATLAS", "ATLAS Collaboration"),
    ],
)
def test_a_name_is_found_as_arxiv_may_write_it(name: str, author: str) -> None:
    assert is_told(follow(name), authors=("A. Nother", author))


@pytest.mark.parametrize("author", ["John Doe", "Jane Roe", "Jane A. Doe-Smith", "Doe"])
def test_another_name_is_not(author: str) -> None:
    assert not is_told(follow("Jane Doe"), authors=(author,))


@pytest.mark.parametrize(
    ("term", "title", "is_there"),
    [
        ("sparse codes", "On Sparse Codes", True),
        ("sparse codes", "Sparse-codes: a survey", True),
        ("graph", "Graphs and paragraphs", False),
        ("GAN", "An organ of state", False),
        ("GAN", "A GAN, again", True),
        ("Poincaré maps", "Poincare Maps", True),
        ("codes sparse", "sparse codes", False),
        ("poincaré", r"Poincar\'e returns", True),
    ],
)
def test_a_term_is_whole_words_one_after_the_other(term: str, title: str, is_there: bool) -> None:
    assert is_told(follow(term, "term"), title=title, abstract="Nothing.") is is_there
    assert is_told(follow(term, "term"), title="Nothing", abstract=title) is is_there


def test_the_end_of_a_title_and_the_beginning_of_an_abstract_are_no_term() -> None:
    said = {"title": "On sparse", "abstract": "Codes are dull."}
    assert is_told(follow("sparse codes", "term"), **said)  # a full stop is no word


@given(st.text(max_size=40), st.text(max_size=40))
def test_any_text_is_read(term: str, text: str) -> None:
    assert words(term).strip() == " ".join(words(term).split())
    list(matching([follow(term or "x", "term")], [paper(title=text or "x")]))


def test_who_wrote_with_somebody_else_of_the_name_is_somebody_else() -> None:
    wrong = paper(authors=("Wei Wang", "Ann Other"), categories=("physics.optics",))
    mine = follow("Wei Wang", others=(evidence(wrong, "Wei Wang"),))
    assert not is_meant(mine, paper(authors=("W. Wang", "A. Other"), categories=("cs.LG",)))
    assert not is_meant(mine, paper(authors=("Wei Wang",), categories=("physics.optics",)))
    assert is_meant(mine, paper(authors=("Wei Wang", "Bo Third"), categories=("cs.LG",)))


def test_what_is_known_to_be_theirs_counts_for_more() -> None:
    known = Evidence(paper="1", co_authors=("Bo Third",), category="cs.LG")
    wrong = Evidence(paper="2", co_authors=("Ann Other",), category="cs.LG")
    mine = follow("Wei Wang", theirs=(known,), others=(wrong,))
    assert is_meant(mine, paper(authors=("Wei Wang", "Bo Third", "Ann Other")))
    assert is_meant(mine, paper(authors=("Wei Wang", "Cy Fourth")))
    assert not is_meant(mine, paper(authors=("Wei Wang", "Ann Other")))


def test_the_authors_of_a_large_collaboration_say_nothing_of_one_another() -> None:
    team = ("Wei Wang", *(f"Author{n} Name{n}" for n in range(40)))
    assert evidence(paper(authors=team), "Wei Wang").co_authors == ()


def telling(id: str, *posted: str, **fields: object) -> Telling:
    given = {"workspace": "slack:T1", "by": "U1", "paper": id, "follows": ("f",), "date": DAY}
    return Telling.model_validate(given | {"at": NOW, "posted": posted} | fields)


def test_a_telling_grows_until_its_place_is_decided() -> None:
    first, second = telling("1", "C1 a"), telling("1", "C2 b", follows=("g",))
    both = merged(merged(None, first), second)
    assert (both.posted, both.follows) == (("C1 a", "C2 b"), ("f", "g"))
    decided = first.model_copy(update={"place": "C1 a"})
    assert merged(decided, second) == decided


def test_where_a_person_is_told() -> None:
    there, elsewhere, early = telling("1", "C9 a", "C1 b"), telling("2", "C9 a"), telling("3")
    found = placed([there, elsewhere, early], {"C1"}, {elsewhere.key}, 5)
    assert [(each.paper, each.place.split()[0]) for each in found] == [("1", "C1"), ("2", "direct")]
    assert [e.batch for e in placed([there], {"C1"}, {there.key}, 0)] != [""]
    (waits,) = placed([there], {"C1"}, (), 0)
    assert (waits.place, waits.posted) == ("", ())  # nobody asks again who is where
    assert placed([waits], {"C1"}, (), 5) == ()


@pytest.mark.parametrize("papers", [1, 8, 9, 16, 17, 40])
def test_many_papers_come_in_a_few_messages_of_what_can_be_shown(papers: int) -> None:
    owed = [telling(str(n)) for n in range(papers)]
    found = placed(owed, (), {each.key for each in owed}, 0)
    assert [each.paper for each in found] == [each.paper for each in owed]
    batches = list(Counter(each.batch for each in found).values())
    assert batches == [
        size for size in (min(papers, 8), min(papers - 8, 8), papers - 16) if size > 0
    ]
