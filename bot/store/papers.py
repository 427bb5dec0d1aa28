"""Redis: the texts of papers, each version stored once, and the vectors of texts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import lru_cache

from redis import Redis
from redis.client import Pipeline

from bot.domain.papers import Paper, fingerprint
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import (
    LOOKING_BACK,
    RETENTION,
    Unreadable,
    deserialise,
    reader_for,
    serialise_packed,
)

# A text outlives what refers to it. It is written once; a new reference extends its life when less
# than that of the reference and _SPARE is left.
_LONGER, _SPARE = timedelta(days=60), timedelta(days=10)

VECTOR_SIZE = 384  # bytes
_VECTOR_LIFE = timedelta(days=90)


class Papers:
    """By reference: see `paper_ref`."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def put(self, paper: Paper, pipe: Pipeline | None = None) -> str:
        """Store a version with its text (by `pipe` where one is given); returns its reference."""
        ref, keep = paper_ref(paper), LOOKING_BACK + _LONGER
        redis = self._redis if pipe is None else pipe
        # What is there may be kept for longer, by somebody's list.
        redis.set(f"pb:paper:{ref}", serialise_packed(paper), ex=keep, nx=True)
        return ref

    def get(self, ref: str) -> Paper:
        """Raises KeyError for a paper never stored, or not used for LOOKING_BACK."""
        return self._rows.require(f"pb:paper:{ref}", reader_for(Paper))

    def by_ref(self, refs: Sequence[str]) -> dict[str, Paper]:
        """Those of the references whose text can be read."""
        return self._rows.mget_by_name([f"pb:paper:{ref}" for ref in refs], refs, _read_paper)

    def extend(self, refs: Sequence[str], life: timedelta = RETENTION) -> None:
        """Keep texts that something refers to anew that lives so long; most are still new."""
        with self._redis.pipeline(transaction=False) as pipe:
            for ref in refs:
                pipe.ttl(f"pb:paper:{ref}")
            seconds_left = pipe.execute()
            for ref, seconds in zip(refs, seconds_left, strict=True):
                if 0 <= seconds < (life + _SPARE).total_seconds():
                    pipe.expire(f"pb:paper:{ref}", life + _LONGER)
            pipe.execute()


@lru_cache(maxsize=1 << 10)
def _read_paper(text: str) -> Paper:
    """Once for the days of all profiles that one list is scored for."""
    return deserialise(Paper, text)


def paper_ref(paper: Paper) -> str:
    """Names a paper by its version and text: a saved file with another text under a known id does
    not change what a live day or an older digest shows."""
    return f"{paper.versioned}:{fingerprint(paper.model_dump_json())}"


class Vectors:
    """By text, and by what made them: a name that changes whenever the same text would come out
    differently. A vector is forgotten after 90 days: the gate learns from two months, and from then
    on a text is seldom compared. It is made anew where it is missing."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def get(self, maker: str, texts: Sequence[str]) -> dict[str, bytes]:
        """The vectors of those of the texts that have one."""
        keys = [_vector_key(maker, text) for text in texts]
        return self._rows.mget_by_name(keys, texts, parse_vector)

    def put(self, maker: str, vectors: Mapping[str, bytes]) -> None:
        """Store vectors of VECTOR_SIZE bytes by text."""
        with self._redis.pipeline(transaction=False) as pipe:
            for text, vector in vectors.items():
                stored = base64.b85encode(vector).decode("ascii")
                pipe.set(_vector_key(maker, text), stored, ex=_VECTOR_LIFE)
            pipe.execute()


def parse_vector(text: str) -> bytes:
    """A vector as it is stored, 480 characters. Raises ValueError."""
    vector = base64.b85decode(text)
    if len(vector) != VECTOR_SIZE:
        raise Unreadable(f"it has {len(vector)} numbers, not {VECTOR_SIZE}")
    return vector


def _vector_key(maker: str, text: str) -> str:
    return f"pb:vector:{maker}:{fingerprint(text)}"
