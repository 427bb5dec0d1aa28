"""Redis: what papers went through. Only this folder builds keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from redis import Redis
from redis.client import Pipeline

from bot.domain.digest import Batch, Digest, ListQuery, ListResult, ScoreResult, Usage
from bot.domain.papers import Announced, AnnounceType, Listing, Paper, Profile, fingerprint
from bot.store.lease import Lease
from bot.store.quarantine import ValueReader, quarantine_value
from bot.store.stored_forms import (
    RETENTION,
    SHORT_RETENTION,
    ListedPaper,
    Reader,
    Replaced,
    T,
    Unreadable,
    parse_aware_time,
    parse_int_pair,
    reader_for,
    serialise,
    upgraded_json,
    with_version,
)

# A text outlives the days and batches that name it. It is written once; what names it anew makes it
# live longer when that is needed.
_KEEP_TEXT, _LEAST_TEXT = RETENTION + timedelta(days=60), RETENTION + timedelta(days=10)

# The lock that keeps the whole installation within arXiv's terms (workers/arxiv/http.py).
ARXIV_PACE_KEY = "pb:pace:arxiv"
# The word that a day is there goes with the day.
_UNSAID = "return redis.call('exists', KEYS[1]) == 0 and redis.call('del', KEYS[2])"


class Store:
    """One method for each thing left behind. Every write may be repeated without harm, because
    redis-py itself repeats a write whose answer was lost."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self.redis, self.reader = redis, ValueReader(redis)

    # -- profiles, by content and by name

    def put_profile(self, profile: Profile) -> str:
        """Store under its fingerprint, which is returned: what jobs pass to each other."""
        self.redis.set(f"pb:profile:{profile.fingerprint}", serialise(profile), ex=RETENTION)
        return profile.fingerprint

    def profile(self, fingerprint: str) -> Profile:
        """Raises KeyError for a fingerprint never stored, or not used for KEEP."""
        return self._required(f"pb:profile:{fingerprint}", reader_for(Profile))

    def find_profile(self, fingerprint: str) -> Profile | None:
        """The same; None where `profile` raises."""
        return self.reader.get(f"pb:profile:{fingerprint}", reader_for(Profile))

    def name_profile(self, profile: Profile) -> None:
        """Add it to the profiles people can ask for by name; an older one of that name goes."""
        self.redis.hset("pb:profiles", profile.name, serialise(profile))

    def named_profiles(self) -> dict[str, Profile]:
        return self.reader.hgetall_sorted("pb:profiles", reader_for(Profile))

    # -- documents handed in by a command

    def put_document(self, document: bytes) -> str:
        name = fingerprint(document.hex())
        self.redis.set(f"pb:document:{name}", document.hex(), ex=SHORT_RETENTION)
        return name

    def document(self, name: str) -> bytes:
        return self._required(f"pb:document:{name}", bytes.fromhex)

    # -- papers

    def put_paper(self, paper: Paper) -> str:
        """Store a version with its text; returns what names it."""
        self.redis.set(f"pb:paper:{paper_ref(paper)}", serialise(paper), ex=_KEEP_TEXT)
        return paper_ref(paper)

    def paper(self, ref: str) -> Paper:
        """Raises KeyError for one never stored, or not used for KEEP."""
        return self._required(f"pb:paper:{ref}", reader_for(Paper))

    # -- days

    def add_listing(self, batch: str, listing: Listing, at: datetime) -> datetime:
        """Merge a list into a batch; what is there stays. Returns when papers last came to it,
        which never goes back: what is judged is compared with it.

        A paper already announced keeps its version and its announce type, except that `new`
        replaces `cross`: another query saw it in its primary category.
        """
        key, papers = f"pb:batch:{batch}", {a.paper.id: a for a in listing.papers}
        known = self.reader.hgetall(key, reader_for(ListedPaper))
        gone = self.reader.hgetall(f"{key}:replaced", reader_for(Replaced))
        rows: dict[Any, Any] = {}
        for id, announced in papers.items():
            before, kind = known.get(id), announced.announce_type
            if before is None or (before.type is AnnounceType.CROSS and kind is AnnounceType.NEW):
                paper = before.paper if before else paper_ref(announced.paper)
                rows[id] = serialise(ListedPaper(paper=paper, type=kind))
        replaced: dict[Any, Any] = {
            id: serialise(Replaced(categories=categories))
            for id, categories in listing.replaced
            if id not in gone or gone[id].categories != categories
        }
        with self.redis.pipeline(transaction=True) as pipe:
            for id in rows.keys() - known.keys():
                text = papers[id].paper
                pipe.set(f"pb:paper:{paper_ref(text)}", serialise(text), ex=_KEEP_TEXT)
            if rows:
                pipe.hset(key, mapping=rows)
                pipe.expire(key, RETENTION)
                last = self.changed_at(batch)
                at = max(at, last + timedelta(microseconds=1)) if last else at
                pipe.set(f"{key}:changed", at.isoformat(), ex=RETENTION)
            if replaced:
                pipe.hset(f"{key}:replaced", mapping=replaced)
                pipe.expire(f"{key}:replaced", RETENTION)
            pipe.execute()
        return self.changed_at(batch) or at

    def changed_at(self, batch: str) -> datetime | None:
        """When papers last came to a batch; None when none ever did."""
        return self.reader.get(f"pb:batch:{batch}:changed", parse_aware_time)

    def batch(self, batch: str) -> Batch:
        """A batch never stored is an empty one. A paper whose text cannot be read is not in it, and
        comes again with the next list that has it."""
        key = f"pb:batch:{batch}"
        seen = self.reader.hgetall(key, reader_for(ListedPaper))
        replaced = self.reader.hgetall_sorted(f"{key}:replaced", reader_for(Replaced))
        texts = self._texts([row.paper for row in seen.values()])
        for id in [id for id, row in seen.items() if row.paper not in texts]:
            del seen[id]
            quarantine_value(
                self.redis, key, id, str(self.redis.hget(key, id)), "its text is not there"
            )
        announced = [
            Announced(paper=texts[row.paper], announce_type=row.type) for row in seen.values()
        ]
        announced.sort(key=lambda a: (a.announce_type is not AnnounceType.NEW, a.paper.id))
        return Batch(
            key=batch,
            papers=tuple(announced),
            # One that another look at the list found announced is not counted twice.
            replaced=tuple((id, row.categories) for id, row in replaced.items() if id not in seen),
        )

    def put_list_result(self, query: ListQuery, list_result: ListResult) -> None:
        self.redis.set(f"pb:listed:{query.key}", serialise(list_result), ex=RETENTION)

    def list_result(self, query: ListQuery) -> ListResult | None:
        return self.reader.get(f"pb:listed:{query.key}", reader_for(ListResult))

    def list_results(self, wanted: Sequence[ListQuery]) -> dict[str, ListResult]:
        """By their keys, those of the wanted lists of which something came."""
        keys = [each.key for each in wanted]
        return self.read_by_name([f"pb:listed:{key}" for key in keys], keys, reader_for(ListResult))

    def put_answered_categories(self, batch: str, categories: Iterable[str], at: datetime) -> None:
        """Remember that arXiv answered for these categories, so that their part is there."""
        key = f"pb:asked:{batch}"
        new = set(categories) - self.answered_categories(batch)
        rows: dict[Any, Any] = dict.fromkeys(sorted(new), at.isoformat())
        if rows:
            self.redis.hset(key, mapping=rows)
            self.redis.expire(key, RETENTION)

    def answered_categories(self, batch: str) -> set[str]:
        """The categories for which arXiv has answered."""
        return set(map(str, self.redis.hkeys(f"pb:asked:{batch}")))

    # -- scores, and what they cost

    def put_score_results(
        self, judge: str, verdicts: Mapping[str, ScoreResult], call: str | None, usage: Usage
    ) -> None:
        """Store what one call brought and, if it was paid, its price, together or not at all."""
        with self.redis.pipeline(transaction=True) as pipe:
            if call is not None:
                pipe.set(f"pb:call:{call}", serialise(usage), ex=RETENTION)
            for versioned, result in verdicts.items():
                pipe.set(f"pb:verdict:{judge}:{versioned}", serialise(result), ex=RETENTION)
            pipe.execute()

    def score_results(self, judge: str, versioned: Sequence[str]) -> dict[str, ScoreResult]:
        """Those of the papers (`IDvN`) that this judge has been asked about."""
        return self.read_by_name(
            [f"pb:verdict:{judge}:{v}" for v in versioned], versioned, reader_for(ScoreResult)
        )

    def usage(self, calls: Iterable[str]) -> Usage:
        """The sum over these calls, each counted once."""
        names = sorted(set(calls))
        return Usage.total(
            self.read_by_name([f"pb:call:{n}" for n in names], names, reader_for(Usage)).values()
        )

    def put_tie_break_order(self, key: str, ids: Sequence[str]) -> None:
        """What a second look at a day's best made of their order."""
        self.redis.set(f"pb:order:{key}", " ".join(ids), ex=RETENTION)

    def tie_break_order(self, key: str) -> tuple[str, ...]:
        """Empty before it was looked at."""
        return tuple((self.reader.get(f"pb:order:{key}", str) or "").split())

    # -- ledgers

    def put_digest(self, name: str, digest: Digest, pipe: Pipeline | None = None) -> None:
        """Papers are stored once, whatever number of digests names them."""
        body = digest.model_dump(mode="json")
        refs = [paper_ref(decision.paper) for decision in digest.decisions]
        for row, name_of_paper in zip(body["decisions"], refs, strict=True):
            row["announced"]["paper"] = name_of_paper
        self._last_longer(refs)
        text = with_version(json.dumps(body))
        (self.redis if pipe is None else pipe).set(f"pb:digest:{name}", text, ex=RETENTION)

    def digest(self, name: str) -> Digest | None:
        """A decided day. One that cannot be read is not there any more, nor the word that it is: it
        is decided again, by the scores there are."""
        key = f"pb:digest:{name}"
        found = self.reader.get(key, self._digest)
        if found is None:
            self.redis.eval(_UNSAID, 2, key, f"pb:judged:{name}")
        return found

    def _digest(self, text: str) -> Digest:
        found = upgraded_json("Digest", text)
        try:
            papers = [row["announced"] for row in found["decisions"]]
            texts = self._texts([str(announced["paper"]) for announced in papers])
            for announced in papers:
                announced["paper"] = texts[announced["paper"]].model_dump()
        except (KeyError, TypeError):
            raise Unreadable("it names papers whose text is not there") from None
        return Digest.model_validate(found)

    def _last_longer(self, refs: Sequence[str]) -> None:
        """What is named anew is kept for as long again; most of it is still new."""
        with self.redis.pipeline(transaction=False) as pipe:
            for name in refs:
                pipe.ttl(f"pb:paper:{name}")
            left = pipe.execute()
            for name, seconds in zip(refs, left, strict=True):
                if 0 <= seconds < _LEAST_TEXT.total_seconds():
                    pipe.expire(f"pb:paper:{name}", _KEEP_TEXT)
            pipe.execute()

    def put_reply_format(self, server: str, shape: str) -> None:
        """Remember what a model's server (a fingerprint) can be asked for."""
        self.redis.set(f"pb:shape:{server}", shape, ex=RETENTION)

    def reply_format(self, server: str) -> str | None:
        return self.reader.get(f"pb:shape:{server}", str)

    # -- work under way

    def lease(self, name: str, seconds: float, wait: float) -> Lease | None:
        return Lease.take(self.redis, f"pb:lease:{name}", seconds, wait)

    def put_progress(self, step: str, done: int, total: int) -> None:
        self.redis.set(f"pb:progress:{step}", f"{done}/{total}", ex=SHORT_RETENTION)

    def progress(self, step: str) -> tuple[int, int]:
        """(done, total); (0, 0) before the step said anything."""
        return self.reader.get(f"pb:progress:{step}", _progress) or (0, 0)

    # -- reading

    def _texts(self, refs: Sequence[str]) -> dict[str, Paper]:
        return self.read_by_name([f"pb:paper:{name}" for name in refs], refs, reader_for(Paper))

    def read_by_name(
        self, keys: Sequence[str], names: Sequence[str], read: Reader[T]
    ) -> dict[str, T]:
        pairs = zip(names, self.reader.mget(keys, read), strict=True)
        return {name: value for name, value in pairs if value is not None}

    def _required(self, key: str, read: Reader[T]) -> T:
        found = self.reader.get(key, read)
        if found is None:
            raise KeyError(key)
        return found


def _progress(text: str) -> tuple[int, int]:
    return parse_int_pair(text.replace("/", " "))


def paper_ref(paper: Paper) -> str:
    """Names a paper with its text: a saved file that says other things under a known id does not
    change what a live day or an older digest shows."""
    return f"{paper.versioned}:{fingerprint(paper.model_dump_json())}"
