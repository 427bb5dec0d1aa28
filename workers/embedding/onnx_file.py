"""The tensors of an ONNX file, by name.

ONNX is protocol buffers. onnx.proto: ModelProto's graph is field 7, GraphProto's initializer 5; of
TensorProto dims are 1, data_type 2, name 8, raw_data 9.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_TYPES = {1: np.float32, 3: np.int8}


def read_tensors(path: Path) -> dict[str, Array]:
    """The tensors of 32-bit floats and of int8, by name. Raises OSError, ValueError or IndexError
    where the file is none."""
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
