"""Redis: decided days: one digest for each profile and list, the same for every channel."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence

from redis import Redis
from redis.client import Pipeline

from bot.domain.digest import Digest, ListResult, Source
from bot.domain.papers import fingerprint
from bot.domain.request import DigestRequest, digest_name
from bot.planning.plan import StepRecord
from bot.store.lists import Lists
from bot.store.papers import Papers, paper_ref
from bot.store.values.quarantine import ValueReader
from bot.store.values.stored_forms import (
    LOOKING_BACK,
    Unreadable,
    parse_int_pair,
    serialise,
    upgraded_json,
    with_version,
)

# A profile's decided days that can be searched for a paper: half a year of weekdays.
_SEARCHABLE = 130
_TYPICAL = 5  # days that typical counts are taken from
_CACHED = 8  # decided days kept in memory: one of 450 papers is two megabytes

# The record that a day was judged goes with the day.
_DROP_RECORD = "return redis.call('exists', KEYS[1]) == 0 and redis.call('del', KEYS[2])"


class Days:
    """By name: domain.request.digest_name."""

    def __init__(self, redis: Redis, papers: Papers, lists: Lists) -> None:
        self._redis, self._rows = redis, ValueReader(redis)
        self._papers, self._lists = papers, lists
        # Read and changed from as many threads as people ask in.
        self._cache: dict[str, tuple[str, Digest]] = {}
        self._cache_lock = threading.Lock()

    def put_decided(self, name: str, digest: Digest) -> None:
        """Store a decided day and the record that it was judged, together or not at all. Only
        SCORE writes a day; a delivery refers to the version it showed."""
        record = StepRecord(
            at=digest.judged_at,
            complete=digest.complete,
            papers=len(digest.decisions),
            unscored=digest.retryable_count,
            away=len(digest.lost_to_outage),
            outage=digest.unscored_reason,
            version=digest.version,
            list_at=digest.listed.changed_at,
        )
        days = f"pb:days:{_whose(digest.profile.fingerprint, digest.judge.owner)}"
        with self._redis.pipeline(transaction=True) as pipe:
            self.put(name, digest, pipe)
            pipe.delete(f"pb:basis:{name}")  # a former release's: it reads the day itself then
            pipe.set(f"pb:judged:{name}", serialise(record), ex=LOOKING_BACK)
            pipe.zadd(days, {name: digest.judged_at.timestamp()})
            pipe.zremrangebyscore(days, "-inf", f"({(digest.judged_at - LOOKING_BACK).timestamp()}")
            pipe.expire(days, LOOKING_BACK)
            pipe.execute()
        if digest.complete and digest.listed.source is Source.ARXIV:
            self._count(digest)

    def put(self, name: str, digest: Digest, pipe: Pipeline | None = None) -> None:
        """The digest alone (by `pipe` where one is given). Its papers are stored by reference, once
        for all digests."""
        body = digest.model_dump(mode="json")
        refs = [paper_ref(decision.paper) for decision in digest.decisions]
        for row, ref in zip(body["decisions"], refs, strict=True):
            row["announced"]["paper"] = ref
        self._papers.extend(refs, LOOKING_BACK)
        text = with_version(json.dumps(body))
        (self._redis if pipe is None else pipe).set(f"pb:digest:{name}", text, ex=LOOKING_BACK)

    def get(self, name: str) -> Digest | None:
        """A day that cannot be read loses its record as well: it is decided again, from the scores
        that are stored."""
        key = f"pb:digest:{name}"
        digest = self._rows.get(key, self._read)
        if digest is None:
            self._redis.eval(_DROP_RECORD, 2, key, f"pb:judged:{name}")
        return digest

    def get_cached(self, name: str) -> Digest | None:
        """The same, from memory while its record is unchanged: most questions are about a few
        days, and a thousand channels get the same."""
        record = self._redis.get(f"pb:judged:{name}")
        with self._cache_lock:
            cached = self._cache.get(name)
        if cached and cached[0] == record:
            return cached[1]
        digest = self.get(name)
        if digest and record:
            with self._cache_lock:
                self._cache[name] = (str(record), digest)
                while len(self._cache) > _CACHED:
                    del self._cache[next(iter(self._cache))]
        return digest

    def for_request(
        self, request: DigestRequest, listed: Sequence[ListResult | None] | None = None
    ) -> dict[str, Digest]:
        """A request's decided days by name, the newest last, each with the newest result of its
        list, or what was `listed` for whoever has just read it."""
        days = dict[str, Digest]()
        found = listed or [self._lists.result(query) for query in request.queries]
        for query, list_result in zip(request.queries, found, strict=True):
            if list_result:
                name = digest_name(request.for_single_day(query, request.since), list_result)
                if digest := self.get_cached(name):
                    days[name] = digest.model_copy(update={"listed": list_result})
        return days

    def names(self, profile: str, workspace_key: str = "") -> list[str]:
        """The names of a profile's (a fingerprint's) decided days, the newest first: those that are
        everybody's, and the workspace's own."""
        keys = [f"pb:days:{profile}"]
        if workspace_key:
            keys.append(f"pb:days:{_whose(profile, workspace_key)}")
        rows: list[tuple[str, float]] = []
        for key in keys:
            rows += self._redis.zrevrange(key, 0, _SEARCHABLE - 1, withscores=True)  # type: ignore[arg-type]
        newest = sorted(rows, key=lambda row: row[1], reverse=True)
        return [str(name) for name, _ in newest[:_SEARCHABLE]]

    def typical_counts(self, profile: str, workspace_key: str = "") -> tuple[int, int] | None:
        """Papers announced and picked on a usual day of a profile (a fingerprint): the average of
        its last days, of the workspace's own where it has some."""
        own = f"pb:usual:{_whose(profile, workspace_key)}"
        rows = self._rows.hgetall(own, parse_int_pair)
        rows = rows or self._rows.hgetall(f"pb:usual:{profile}", parse_int_pair)
        last = [rows[day] for day in sorted(rows)[-_TYPICAL:]]
        if not last:
            return None
        announced, picked = (round(sum(counts) / len(last)) for counts in zip(*last, strict=True))
        return announced, picked

    def _count(self, digest: Digest) -> None:
        key = f"pb:usual:{_whose(digest.profile.fingerprint, digest.judge.owner)}"
        self._redis.hset(key, str(digest.date), f"{len(digest.decisions)} {len(digest.picked)}")
        self._redis.expire(key, LOOKING_BACK)
        if old := sorted(map(str, self._redis.hkeys(key)))[:-_TYPICAL]:
            self._redis.hdel(key, *old)

    def _read(self, text: str) -> Digest:
        body = upgraded_json("Digest", text)
        try:
            rows = [row["announced"] for row in body["decisions"]]
            texts = self._papers.by_ref([str(announced["paper"]) for announced in rows])
            for announced in rows:
                announced["paper"] = texts[announced["paper"]]
        except (KeyError, TypeError):
            raise Unreadable("it names papers whose text is not there") from None
        return Digest.model_validate(body)


def _whose(profile: str, owner: str) -> str:
    """Under what a profile's (a fingerprint's) days are found: those that a workspace's votes had a
    part in, by that workspace alone."""
    return fingerprint(profile, owner) if owner else profile
