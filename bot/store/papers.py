"""Redis: the texts of papers, each version stored once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from redis import Redis
from redis.client import Pipeline

from bot.domain.papers import Paper, fingerprint
from bot.store.quarantine import ValueReader
from bot.store.stored_forms import RETENTION, reader_for, serialise

# A text outlives the days and batches that refer to it. It is written once; a new reference extends
# its life when less than _RENEW_BELOW is left.
_KEEP, _RENEW_BELOW = RETENTION + timedelta(days=60), RETENTION + timedelta(days=10)


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
