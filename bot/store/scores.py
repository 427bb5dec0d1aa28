"""Redis: scores as they were bought, what the calls cost, and what a model's server can do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from redis import Redis

from bot.domain.digest import FurtherLooks, ScoreResult, Sentences, Usage
from bot.domain.papers import Value
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import LOOKING_BACK, reader_for, serialise


class Scores:
    """By judge (a fingerprint of prompt, schema and model) and paper version."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._rows = redis, ValueReader(redis)

    def put(
        self, judge: str, results: Mapping[str, ScoreResult], call: str | None, usage: Usage
    ) -> None:
        """Store one call's results, by paper version, and, if it was paid, its price, together or
        not at all."""
        self._put({f"pb:verdict:{judge}:{v}": found for v, found in results.items()}, call, usage)

    def results(self, judge: str, versioned: Sequence[str]) -> dict[str, ScoreResult]:
        """Those of the papers (`IDvN`) that this judge has been asked about."""
        return self._rows.mget_by_name(
            [f"pb:verdict:{judge}:{v}" for v in versioned], versioned, reader_for(ScoreResult)
        )

    def put_looks(
        self, looker: str, looks: Mapping[str, FurtherLooks], call: str, usage: Usage
    ) -> None:
        """Store what one call said of close calls, by paper version, with its price, together or
        not at all; `looker` is a fingerprint of prompt, schema and model."""
        self._put({f"pb:look:{looker}:{v}": found for v, found in looks.items()}, call, usage)

    def _put(self, rows: Mapping[str, Value], call: str | None, usage: Usage) -> None:
        with self._redis.pipeline(transaction=True) as pipe:
            if call is not None:
                pipe.set(f"pb:call:{call}", serialise(usage), ex=LOOKING_BACK)
            for key, value in rows.items():
                pipe.set(key, serialise(value), ex=LOOKING_BACK)
            pipe.execute()

    def looks(self, looker: str, versioned: Sequence[str]) -> dict[str, FurtherLooks]:
        """Those of the papers (`IDvN`) that were looked at again."""
        return self._rows.mget_by_name(
            [f"pb:look:{looker}:{v}" for v in versioned], versioned, reader_for(FurtherLooks)
        )

    def usage(self, calls: Iterable[str]) -> Usage:
        """The sum over these calls, each counted once."""
        names = sorted(set(calls))
        usages = self._rows.mget([f"pb:call:{name}" for name in names], reader_for(Usage))
        return Usage.total(usage for usage in usages if usage is not None)

    def put_top(
        self,
        order_key: str,
        order: Sequence[str],
        writer: str,
        written: Mapping[str, Sentences],
        call: str,
        usage: Usage,
    ) -> None:
        """Store what one call said of a day's best papers, with its price, together or not at all:
        their order (ids), and sentences by `IDvN`. A paper that this `writer` (a fingerprint of
        prompt, schema and model) has written about before keeps its sentences, so that what was
        posted stays as it is."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(f"pb:call:{call}", serialise(usage), ex=LOOKING_BACK)
            pipe.set(f"pb:order:{order_key}", " ".join(order), ex=LOOKING_BACK)
            for versioned, sentences in written.items():
                key = f"pb:written:{writer}:{versioned}"
                pipe.set(key, serialise(sentences), ex=LOOKING_BACK, nx=True)
            pipe.execute()

    def top_order(self, order_key: str) -> tuple[str, ...]:
        """Empty before the papers were ordered."""
        return tuple((self._rows.get(f"pb:order:{order_key}", str) or "").split())

    def sentences(self, writer: str, versioned: Sequence[str]) -> dict[str, Sentences]:
        """Those of the papers (`IDvN`) that this writer has written about."""
        return self._rows.mget_by_name(
            [f"pb:written:{writer}:{v}" for v in versioned], versioned, reader_for(Sentences)
        )

    def put_reply_format(self, server: str, shape: str) -> None:
        """Record which reply format a model's server (a fingerprint) supports."""
        self._redis.set(f"pb:shape:{server}", shape, ex=LOOKING_BACK)

    def reply_format(self, server: str) -> str | None:
        """None before it was recorded, and where the server was not asked for LOOKING_BACK."""
        return self._rows.get(f"pb:shape:{server}", str)
