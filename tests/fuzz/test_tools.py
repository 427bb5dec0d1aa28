"""What fuzzing is done with: mutations, campaigns without coverage, the corpus."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from random import Random

import pytest

from bot.arxiv import ids
from tests.fuzz import __main__ as fuzz
from tests.fuzz import campaign, corpus
from tests.fuzz.mutate import mutations
from tests.fuzz.targets import TARGETS, Target


def planted(data: bytes) -> None:
    """Promises that nobody names two papers, and that a backslash never comes."""
    assert len(ids.find(data.decode(errors="replace"))) < 2
    if b"\\" in data:
        raise KeyError("a backslash")


@pytest.fixture
def target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A target that fails in two ways, and a corpus of its own."""
    planned = Target("planted", planted, "id")
    monkeypatch.setitem(TARGETS, "planted", planned)
    for name in ("KEPT", "FOUND", "REGRESSIONS"):
        monkeypatch.setattr(corpus, name, tmp_path / name)
    corpus.write(corpus.KEPT / "planted", b"2503.15294 and hep-th/9901001v2")
    corpus.write(corpus.KEPT / "planted", b"2503.15294")
    return planned


def test_the_same_seed_makes_the_same_mutations_of_bytes_tokens_and_json() -> None:
    seeds = [b'{"a": ["b", {"c": 1}], "d": null}', b"<rss><item>\\frac{1}{2}</item></rss>", b""]
    made = [list(islice(mutations(seeds, Random(3), (b"w",), 200), 500)) for _ in range(2)]
    assert made[0] == made[1]
    assert len(set(made[0])) > 400
    assert max(map(len, made[0])) <= 200
    assert made[0] != list(islice(mutations(seeds, Random(4), (b"w",), 200), 500))


def test_each_kind_of_failure_is_written_down_once_with_what_repeats_it(
    target: Target, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign._without_coverage("planted", 0, 300, seed=1)
    *lines, done = capsys.readouterr().out.splitlines()
    assert done.startswith("Done 300 runs")
    failures = [Path(line.split("\t")[1]) for line in lines]
    assert ["AssertionError" in line for line in lines].count(True) == 1
    assert ["KeyError" in line for line in lines].count(True) == 1
    for path in failures:
        with pytest.raises((AssertionError, KeyError)):
            fuzz.main(["--repeat", str(path)])
    fine = corpus.write(corpus.REGRESSIONS / "planted", b"2503.15294")
    assert fuzz.main(["--repeat", str(fine)]) == 0


def test_too_many_steps_are_a_failure(target: Target, capsys: pytest.CaptureFixture[str]) -> None:
    def long(data: bytes) -> None:
        for _ in range(len(data) ** 2):
            len(data)

    looking = campaign.Looking(Target("planted", long, "id", steps=100, steps_a_byte=5))
    for _ in range(campaign._COUNTED):
        looking.check(b"x" * 50)
    assert "steps for 50 bytes" in capsys.readouterr().out


def test_a_minimised_corpus_reaches_what_it_did_with_less(target: Target) -> None:
    def reached(inputs: list[bytes]) -> set[corpus.Arc]:
        return set().union(*(corpus.arcs(target, data) for data in inputs))

    rich = [b"filler " * 100 + b"2503.15294", b"2503.15294", b"hep-th/9901001", b"2503.15294 x"]
    kept = corpus.minimise(target, rich)
    assert reached(kept) == reached(rich)
    assert sum(map(len, kept)) < 100
    assert corpus.replace(corpus.KEPT / "planted", kept) == len(kept)
    assert sorted(corpus.inputs(corpus.KEPT / "planted")) == sorted(kept)
