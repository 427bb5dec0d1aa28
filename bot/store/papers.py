"""Redis: the texts of papers, each version stored once, and the vectors of texts."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import timedelta

from redis import Redis
from redis.client import Pipeline

from bot.domain.papers import Paper, fingerprint
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import RETENTION, Unreadable, reader_for, serialise

# A text outlives the days and batches that refer to it. It is written once; a new reference extends
# its life when less than _RENEW_BELOW is left.
_KEEP, _RENEW_BELOW = RETENTION + timedelta(days=60), RETENTION + timedelta(days=10)

VECTOR_SIZE = 384  # bytes


class Papers:
    """By reference: see `paper_ref`."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def put(self, paper: Paper, pipe: Pipeline | None = None) -> str:
        """Store a version with its text (by `pipe` where one is given); returns its reference."""
        ref = paper_ref(paper)
        (self._redis if pipe is None else pipe).set(f"pb:paper:{ref}", serialise(paper), ex=_KEEP)
        return ref

    def get(self, ref: str) -> Paper:
        """Raises KeyError for a paper never stored, or not used for RETENTION."""
        return self._rows.require(f"pb:paper:{ref}", reader_for(Paper))

    def by_ref(self, refs: Sequence[str]) -> dict[str, Paper]:
        """Those of the references whose text can be read."""
        return self._rows.mget_by_name([f"pb:paper:{ref}" for ref in refs], refs, reader_for(Paper))

    def extend(self, refs: Sequence[str]) -> None:
        """Keep texts that are referred to anew for as long again; most are still new."""
        with self._redis.pipeline(transaction=False) as pipe:
            for ref in refs:
                pipe.ttl(f"pb:paper:{ref}")
            seconds_left = pipe.execute()
            for ref, seconds in zip(refs, seconds_left, strict=True):
                if 0 <= seconds < _RENEW_BELOW.total_seconds():
                    pipe.expire(f"pb:paper:{ref}", _KEEP)
            pipe.execute()


def paper_ref(paper: Paper) -> str:
    """Names a paper by its version and text: a saved file with another text under a known id does
    not change what a live day or an older digest shows."""
    return f"{paper.versioned}:{fingerprint(paper.model_dump_json())}"


class Vectors:
    """By text, and by what made them: a name that changes whenever the same text would come out
    differently. A vector is forgotten RETENTION after it was made, as days and scores are."""

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
                pipe.set(_vector_key(maker, text), stored, ex=RETENTION)
            pipe.execute()


def parse_vector(text: str) -> bytes:
    """A vector as it is stored, 480 characters. Raises ValueError."""
    vector = base64.b85decode(text)
    if len(vector) != VECTOR_SIZE:
        raise Unreadable(f"it has {len(vector)} numbers, not {VECTOR_SIZE}")
    return vector


def _vector_key(maker: str, text: str) -> str:
    return f"pb:vector:{maker}:{fingerprint(text)}"
