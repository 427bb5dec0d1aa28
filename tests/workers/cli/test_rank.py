"""`paperboy rank` over files: what it prints, what a file of judged papers teaches, what it says
of a line it cannot read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Refused
from tests.workers.gate.tide_papers import tide_papers
from workers.cli import rank

PROFILE = """
name = "compression"
title = "Compression"
categories = ["cs.LG"]

[[topics]]
name = "Model compression"
relevant = "Pruning and quantization."
"""


@pytest.fixture
def toml(tmp_path: Path) -> str:
    path = tmp_path / "compression.toml"
    path.write_text(PROFILE, encoding="utf-8")
    return str(path)


def written(path: Path, seed: int, n: int, **more: Any) -> Path:
    """A file of made-up papers, with `selected` for those on tides."""
    papers, picked = tide_papers(n, seed)
    rows = [
        paper.model_dump(mode="json", exclude={"version"}) | {"selected": was} | more
        for paper, was in zip(papers, picked, strict=True)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def ranked(toml: str, path: Path, train: Path | None = None) -> list[str]:
    rows = list(rank.run(toml, path, train))
    assert all(set(row) == {"id", "score"} for row in rows)
    assert rows == sorted(rows, key=lambda row: (-row["score"], row["id"]))
    return [row["id"] for row in rows]


def test_every_paper_is_ranked_once_whatever_else_its_line_says(toml: str, tmp_path: Path) -> None:
    path = written(tmp_path / "papers.jsonl", 2, 30, date="2025-06-02", novelty=None)
    text = path.read_text(encoding="utf-8")
    path.write_text(text + "\n\r\n" + text, encoding="utf-8")
    assert sorted(ranked(toml, path)) == [paper.id for paper in tide_papers(30, 2)[0]]


def test_what_was_selected_teaches(toml: str, tmp_path: Path) -> None:
    path = written(tmp_path / "papers.jsonl", 2, 30)
    scored = written(tmp_path / "scored.jsonl", 1, 240)
    picks = {paper.id for paper, was in zip(*tide_papers(30, 2), strict=True) if was}
    assert set(ranked(toml, path)[:5]) != picks
    assert set(ranked(toml, path, scored)[:5]) == picks


def test_one_and_zero_teach_as_true_and_false_do(toml: str, tmp_path: Path) -> None:
    path = written(tmp_path / "papers.jsonl", 2, 30)
    scored = written(tmp_path / "scored.jsonl", 1, 240)
    said = list(rank.run(toml, path, scored))
    text = scored.read_text(encoding="utf-8")
    scored.write_text(text.replace("true", "1").replace("false", "0"), encoding="utf-8")
    assert list(rank.run(toml, path, scored)) == said


def test_a_paper_may_be_taught_and_ranked(toml: str, tmp_path: Path) -> None:
    scored = written(tmp_path / "scored.jsonl", 1, 240)
    assert len(ranked(toml, scored, scored)) == 240


def test_a_line_separator_inside_a_text_ends_no_line(toml: str, tmp_path: Path) -> None:
    row = {"id": "1", "title": "Pruning", "abstract": "One.\u2028Two.\x85Three."}
    path = tmp_path / "papers.jsonl"
    path.write_text(json.dumps(row, ensure_ascii=False), encoding="utf-8")
    assert ranked(toml, path) == ["1"]


def test_a_file_as_windows_writes_it_is_read(toml: str, tmp_path: Path) -> None:
    path = tmp_path / "papers.jsonl"
    row = json.dumps({"id": "1", "title": "Pruning", "abstract": "One."})
    path.write_bytes(f"{row}\r\n".encode("utf-8-sig"))
    assert ranked(toml, path) == ["1"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nonsense", "not a paper (JSONDecodeError); each line is a JSON object with id"),
        ("[]", "not a paper (TypeError)"),
        ("[" * 100_000, "not a paper (RecursionError)"),
        ('{"id": "1", "title": "T"}', "not a paper (no 'abstract')"),
        ('{"id": "1", "title": "T", "abstract": 3}', "not a paper (ValidationError)"),
    ],
)
def test_a_line_that_is_no_paper_is_named(toml: str, tmp_path: Path, line: str, said: str) -> None:
    path = tmp_path / "papers.jsonl"
    path.write_text('{"id": "1", "title": "T", "abstract": "A"}\n' + line, encoding="utf-8")
    with pytest.raises(Refused) as told:
        list(rank.run(toml, path))
    assert f"{path}, line 2: {said}" in str(told.value)


def votes(path: Path, is_up: bool = True) -> Path:
    """Ten papers of another file, those on tides voted up by somebody, or down."""
    papers, picked = tide_papers(10, 1)
    rows = [
        paper.model_dump(mode="json", exclude={"version"})
        | {"vote": 1 if was is is_up else -1, "by": f"U{n % 3}"}
        for n, (paper, was) in enumerate(zip(papers, picked, strict=True))
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def ranked_with(toml: str, path: Path, votes: Path, train: Path | None = None) -> list[str]:
    return [row["id"] for row in rank.run(toml, path, train, votes=votes)]


def test_votes_move_what_resembles_the_papers_voted_on(toml: str, tmp_path: Path) -> None:
    path, scored = (
        written(tmp_path / "papers.jsonl", 2, 30),
        written(tmp_path / "scored.jsonl", 1, 240),
    )
    picks = {paper.id for paper, was in zip(*tide_papers(30, 2), strict=True) if was}
    up, down = votes(tmp_path / "up.jsonl"), votes(tmp_path / "down.jsonl", False)
    assert set(ranked_with(toml, path, up)[:5]) == picks
    assert picks <= set(ranked_with(toml, path, down)[-7:])
    assert set(ranked_with(toml, path, up, scored)[:5]) == picks
    assert list(rank.run(toml, path, votes=up)) == list(rank.run(toml, path, votes=up))


def test_no_votes_change_no_order(toml: str, tmp_path: Path) -> None:
    path = written(tmp_path / "papers.jsonl", 2, 30)
    empty = tmp_path / "votes.jsonl"
    empty.write_text("\n", encoding="utf-8")
    assert list(rank.run(toml, path, votes=empty)) == list(rank.run(toml, path))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("", "not a paper (no 'vote'); each line is a JSON object with id, title"),
        (', "vote": 1', "not a paper (no 'by')"),
        (', "vote": 0, "by": "U1"', "vote is 0, not 1 or -1."),
        (', "vote": true, "by": "U1"', "vote is true, not 1 or -1."),
        (', "vote": 1, "by": ""', 'by is ""; it has to name who voted.'),
        (', "vote": 1, "by": ["U1"]', 'by is ["U1"]; it has'),
    ],
)
def test_a_line_that_is_no_vote_is_named(toml: str, tmp_path: Path, more: str, said: str) -> None:
    path, cast = written(tmp_path / "papers.jsonl", 2, 30), votes(tmp_path / "votes.jsonl")
    with cast.open("a", encoding="utf-8") as lines:
        lines.write('{"id": "1", "title": "T", "abstract": "A"' + more + "}\n")
    with pytest.raises(Refused) as told:
        list(rank.run(toml, path, votes=cast))
    assert f"{cast}, line 11: {said}" in str(told.value)


@pytest.mark.parametrize(
    ("selected", "said"),
    [
        ("", "not a paper (no 'selected'); each line is a JSON object with id, title"),
        (', "selected": null', "selected is null, not true or false, 1 or 0"),
        (', "selected": "yes"', 'selected is "yes", not true'),
        (', "selected": 7', "selected is 7, not true"),
    ],
)
def test_a_line_that_does_not_say_selected_is_named(
    toml: str, tmp_path: Path, selected: str, said: str
) -> None:
    path = written(tmp_path / "papers.jsonl", 2, 30)
    scored = written(tmp_path / "scored.jsonl", 1, 240)
    with scored.open("a", encoding="utf-8") as lines:
        lines.write('{"id": "1", "title": "T", "abstract": "A"' + selected + "}\n")
    with pytest.raises(Refused) as told:
        list(rank.run(toml, path, scored))
    assert f"{scored}, line 241: {said}" in str(told.value)


def test_a_file_that_teaches_too_little_says_so(toml: str, tmp_path: Path) -> None:
    path = written(tmp_path / "papers.jsonl", 2, 30)
    with pytest.raises(Refused) as told:
        list(rank.run(toml, path, path))
    said = str(told.value)
    assert said.startswith(f"{path}: Too little to learn from: 30 papers, 5 of them picked;")
    assert said.endswith("Without --train, the profile alone is used.")


def test_a_file_that_is_not_there_is_named(toml: str, tmp_path: Path) -> None:
    path = written(tmp_path / "papers.jsonl", 2, 30)
    gone = tmp_path / "gone.jsonl"
    for given in ((gone, None), (path, gone)):
        with pytest.raises(Refused, match=r"gone\.jsonl can't be read as text"):
            list(rank.run(toml, *given))
