"""`paperboy backtest` over files: what it says of recorded days, and of a file it cannot use."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bot.errors import Refused
from bot.terminal import render
from bot.views.measuring.backtest import backtest_text
from tests.conftest import check_golden
from workers.cli import backtest

PROFILE = """
name = "compression"
title = "Compression"
categories = ["cs.LG"]
maximum = 2

[[topics]]
name = "Pruning"
relevant = "Pruning and quantization of networks."
"""


@pytest.fixture
def toml(tmp_path: Path) -> str:
    path = tmp_path / "compression.toml"
    path.write_text(PROFILE, encoding="utf-8")
    return str(path)


def paper(number: int, about: str, selected: bool, **more: Any) -> dict[str, Any]:
    return {
        "id": f"2506.{number:05}",
        "title": f"On {about}",
        "abstract": f"We study {about} number {number}.",
        "selected": selected,
    } | more


def two_days() -> list[dict[str, Any]]:
    """On the first day both picks are on top, on the second the picked one is a tide."""
    return [
        paper(1, "pruning of networks", True, date="2025-06-02"),
        paper(2, "quantization", True, date="2025-06-02"),
        paper(3, "tides", False, date="2025-06-02"),
        paper(4, "whales", False, date="2025-06-02"),
        paper(5, "pruning", False, date="2025-06-03"),
        paper(6, "tides", True, date="2025-06-03"),
    ]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def test_each_day_and_all_of_them_are_measured(toml: str, tmp_path: Path) -> None:
    found = backtest.run(toml, written(tmp_path / "record.jsonl.gz", two_days()))
    check_golden("evaluate/backtest.txt", render.as_text([backtest_text(found)]))
    (_, first), (_, second) = found.days
    assert (first.auc, first.hits, first.shown, first.for_95) == (1.0, 2, 2, 0.5)
    assert (second.auc, second.hits, second.for_98) == (0.0, 1, 1.0)


def test_without_dates_a_file_is_one_day(toml: str, tmp_path: Path) -> None:
    rows = [{k: v for k, v in row.items() if k != "date"} for row in two_days()]
    found = backtest.run(toml, written(tmp_path / "record.jsonl", rows))
    assert [day for day, _ in found.days] == [None]
    assert found.days[0][1] == found.over_all
    assert "no date" not in render.as_text([backtest_text(found)])


def test_a_day_without_picks_has_no_auc(toml: str, tmp_path: Path) -> None:
    rows = [*two_days(), paper(7, "pruning", False, date="2025-06-04")]
    found = backtest.run(toml, written(tmp_path / "record.jsonl", rows))
    quiet = found.days[-1][1]
    assert (quiet.auc, quiet.for_95, quiet.hits, quiet.shown) == (None, None, 0, 1)


def test_a_paper_that_is_nothing_to_its_day_is_behind_those_of_others(
    toml: str, tmp_path: Path
) -> None:
    """A score means the same on each day: all are compared with all."""
    found = backtest.run(toml, written(tmp_path / "record.jsonl", two_days()))
    assert found.over_all.auc == pytest.approx((3 + 3 + 0) / 9, abs=0.12)
    assert (found.over_all.hits, found.over_all.shown) == (3, 4)


@pytest.mark.parametrize("selected", [True, False])
def test_where_nothing_can_be_found_a_sentence_says_so(
    toml: str, tmp_path: Path, selected: bool
) -> None:
    path = written(tmp_path / "record.jsonl", [paper(1, "tides", selected)])
    with pytest.raises(Refused, match=r"selected is the same on every line"):
        backtest.run(toml, path)


def test_a_broken_archive_is_refused(toml: str, tmp_path: Path) -> None:
    path = tmp_path / "record.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"id": 1}')[:-9])
    with pytest.raises(Refused, match=r"can't be read as text"):
        backtest.run(toml, path)
    path.write_bytes(b"not an archive")
    with pytest.raises(Refused, match=r"can't be read as text"):
        backtest.run(toml, path)
