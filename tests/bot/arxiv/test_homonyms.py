"""Papers under one name: whose they are."""

from __future__ import annotations

from bot.arxiv.homonyms import namesakes
from tests.factories import paper


def test_people_of_one_name_are_told_apart_by_co_authors_and_fields() -> None:
    one = paper("2503.00009", authors=("Wei Wang", "Ada Lovelace"), categories=("cs.LG",))
    two = paper("2503.00008", authors=("W. Wang", "Ada Lovelace"), categories=("stat.ML",))
    three = paper("2503.00007", authors=("Wei Wang", "Emmy Noether"), categories=("cs.LG",))
    other = paper("2503.00006", authors=("Wei Wang", "Alan Turing"), categories=("quant-ph",))
    nobody = paper("2503.00005", authors=("Wei Wangberg",), categories=("cs.LG",))
    first, second = namesakes("Wei Wang", [one, two, three, other, nobody])
    assert [each.id for each in first.papers] == ["2503.00009", "2503.00008", "2503.00007"]
    assert first.co_authors == ("Ada Lovelace", "Emmy Noether")
    assert first.categories == ("cs.LG", "stat.ML")
    assert second.papers == (other,)


def test_two_who_seemed_apart_are_one_where_a_later_paper_joins_them() -> None:
    rows = [("Ada Lovelace",), ("Alan Turing",), ("Ada Lovelace", "Alan Turing")]
    papers = [
        paper(f"2503.0000{n}", authors=("J. Doe", *others), categories=(category,))
        for n, (others, category) in enumerate(zip(rows, ("cs.LG", "cs.CL", "cs.CV"), strict=True))
    ]
    (only,) = namesakes("Jane Doe", papers)
    assert only.papers == tuple(papers)


def test_a_team_of_hundreds_joins_nobody() -> None:
    crowd = tuple(f"Author N{n}" for n in range(40))
    papers = [
        paper(f"2503.0000{n}", authors=(name, *crowd), categories=(category,))
        for n, (name, category) in enumerate((("Jane Doe", "hep-ex"), ("Jane Doe", "cs.LG")))
    ]
    assert len(namesakes("Jane Doe", papers)) == 2
