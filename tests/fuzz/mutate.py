"""Inputs made of others, the same for the same seed: by bytes, by tokens, and by nodes of JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from random import Random
from typing import Any

# What breaks readers of any kind: signs of other languages, edges of numbers, invisible and
# direction-changing characters, what chats take for a mention.
_TEXTS = (
    *("@everyone", "<!channel>", "<@U1>", "<@&1>", "&amp;", "&#0;", "%00", "\x00", "\x1b[31m"),
    *("\u202e", "\u200b", "\ufeff", "\ud7ff", "\U0010ffff", "ß", "İ", "ﬁ", "e\u0301", "٣", "²"),
    *("0", "-1", "1e999", "NaN", "Infinity", "9" * 30, "2147483648", "0x10", "1_000"),
    *("null", "true", "[]", "{}", '""', "\\", "\\u0000", "\\ud800", "${x}", "$", "\r\n", "\t"),
    *("2503.15294", "2503.15294v2", "hep-th/9901001", "cs.LG", "https://arxiv.org/abs/"),
)
_DEEP = (b"[" * 1500, b'{"a":' * 1500)  # deeper than Python goes
HOSTILE = (*(text.encode() for text in _TEXTS), b"\xff", b"\xed\xa0\x80", b"\xc0\x80", *_DEEP)
_TOKEN = re.compile(rb"<[^<>]{0,200}>|&\w+;|\\?[A-Za-z]+|[0-9]+|\s+|[^\x00-\x7f]+|.", re.S)
_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 7, 10, 1.5, 10**25, "", " ", "x", [], {}, [[]], {"": ""}),
    *("2503.15294", "@everyone", "\ud800", "\x00", "\u202e", "9" * 5000, "x" * 300),
)

Edit = Callable[[bytes, Random, Sequence[bytes], Sequence[bytes]], bytes]


def mutate(
    data: bytes, rng: Random, words: Sequence[bytes], others: Sequence[bytes], longest: int
) -> bytes:
    """The input changed in one to four places, at most `longest` bytes of it.

    `words` are what the target knows, `others` further inputs to take pieces from.
    """
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        edits = _JSON_EDITS if data[:1] in (b"{", b"[") and rng.random() < 0.6 else _EDITS
        data = rng.choice(edits)(data, rng, words, others)
    return data[:longest]


def mutations(
    seeds: Sequence[bytes], rng: Random, words: Sequence[bytes], longest: int
) -> Iterator[bytes]:
    """Without end: mutations of the seeds, and of some of those mutations."""
    pool = list(seeds) or [b""]
    while True:
        data = mutate(rng.choice(pool), rng, words, seeds, longest)
        if rng.random() < 0.2 and len(pool) < 1000:
            pool.append(data)
        yield data


def _place(data: bytes, rng: Random) -> tuple[int, int]:
    """The beginning and end of a short piece."""
    start = rng.randrange(len(data) + 1)
    return start, min(len(data), start + rng.choice((0, 1, 1, 2, 4, 8, 16, 64, 256)))


def _flip(data: bytes, rng: Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    start = rng.randrange(len(data) + 1)
    return data[:start] + bytes([rng.randrange(256)]) + data[start + 1 :]


def _cut(data: bytes, rng: Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    start, end = _place(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    start, end = _place(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 2, 5, 30, 300)) + data[end:]


def _insert(data: bytes, rng: Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """A word, in place of a piece or beside it."""
    start, end = _place(data, rng)
    word = rng.choice(words if words and rng.random() < 0.6 else HOSTILE)
    return data[:start] + word + data[rng.choice((start, end)) :]


def _splice(data: bytes, rng: Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """The beginning of one and the end of another."""
    other = rng.choice(others) if others else data
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _end(data: bytes, rng: Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _token(data: bytes, rng: Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """A token goes, comes twice, changes places, or becomes another's or a word."""
    tokens = _TOKEN.findall(data[:20_000])
    if not tokens:
        return rng.choice(words or HOSTILE)
    one, two = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    match rng.randrange(6):
        case 0:
            del tokens[one]
        case 1:
            tokens.insert(one, tokens[two])
        case 2:
            tokens[one], tokens[two] = tokens[two], tokens[one]
        case 3:
            tokens[one] = rng.choice(words or HOSTILE)
        case 4:
            tokens[one] = rng.choice(HOSTILE)
        case _:
            other = _TOKEN.findall((rng.choice(others) if others else data)[:20_000])
            start = rng.randrange(len(other) + 1)
            tokens[one:one] = other[start : start + rng.choice((1, 3, 9, 27))]
    return b"".join(tokens) + data[20_000:]


_EDITS: tuple[Edit, ...] = (_flip, _cut, _repeat, _insert, _insert, _splice, _end, *[_token] * 5)


def _node(data: bytes, rng: Random, words: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """A node of a JSON document goes, comes twice, or becomes something else."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return _token(data, rng, words, others)
    places = list(_nodes(document))
    if not places:
        return json.dumps(rng.choice(_VALUES)).encode()
    inside, key = rng.choice(places)
    match rng.randrange(5):
        case 0:
            del inside[key]
        case 1:
            inside[key] = rng.choice(_VALUES)
        case 2:
            word = rng.choice(words if words and rng.random() < 0.6 else HOSTILE)
            inside[key] = word.decode(errors="replace")
        case 3:
            from_, other = rng.choice(places)
            inside[key] = deepcopy(
                from_.get(other) if isinstance(from_, dict) else _at(from_, other)
            )
        case _ if isinstance(inside[key], str):
            text = inside[key].encode(errors="replace")
            inside[key] = rng.choice(_EDITS)(text, rng, words, others).decode(errors="replace")
        case _:
            inside[key] = [inside[key]] if rng.random() < 0.5 else {"text": inside[key]}
    return json.dumps(document, ensure_ascii=rng.random() < 0.5).encode(errors="replace")


def _at(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else None


def _nodes(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every list and object with each of its indices and keys."""
    left = [document]
    while left:
        value = left.pop()
        if isinstance(value, dict | list):
            keys = list(value) if isinstance(value, dict) else range(len(value))
            yield from ((value, key) for key in keys)
            left += [value[key] for key in keys]


_JSON_EDITS: tuple[Edit, ...] = (_node,)
