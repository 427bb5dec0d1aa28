"""Redis: what papers went through. With store_channels.py the only place that knows a key."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from redis import Redis
from redis.client import Pipeline

from bot.domain import Announced, AnnounceType, Listing, Noun, Paper, Profile, fingerprint
from bot.lease import Lease
from bot.ledger import Batch, Digest, Listed, Usage, Verdict, Wanted

# Long enough for a year's catch-up and for "never the same paper twice".
KEEP = timedelta(days=400)
# What only one command waits for.
BRIEFLY = timedelta(hours=6)

# The lock that keeps the whole installation within arXiv's terms (workers/line.py).
PACE = "pb:pace:arxiv"

N = TypeVar("N", bound=Noun)


class Store:
    """One method for each thing left behind. Every write may be repeated without harm, because
    redis-py itself repeats a write whose answer was lost."""

    def __init__(self, redis: Redis) -> None:
        """`redis` must decode responses to str."""
        self.redis = redis

    # -- profiles, by content and by name

    def put_profile(self, profile: Profile) -> str:
        """Store under its fingerprint, which is returned: what jobs pass to each other."""
        self.redis.set(f"pb:profile:{profile.fingerprint}", profile.model_dump_json(), ex=KEEP)
        return profile.fingerprint

    def profile(self, fingerprint: str) -> Profile:
        """Raises KeyError for a fingerprint never stored, or not used for KEEP."""
        return self._required(f"pb:profile:{fingerprint}", Profile)

    def name_profile(self, profile: Profile) -> None:
        """Add it to the profiles people can ask for by name; an older one of that name goes."""
        self.redis.hset("pb:profiles", profile.name, profile.model_dump_json())

    def named_profiles(self) -> dict[str, Profile]:
        rows: dict[str, str] = self.redis.hgetall("pb:profiles")  # type: ignore[assignment]
        return {name: Profile.model_validate_json(rows[name]) for name in sorted(rows)}

    # -- documents handed in by a command

    def put_document(self, document: bytes) -> str:
        name = fingerprint(document.hex())
        self.redis.set(f"pb:document:{name}", document.hex(), ex=BRIEFLY)
        return name

    def document(self, name: str) -> bytes:
        value = self.redis.get(f"pb:document:{name}")
        if value is None:
            raise KeyError(name)
        return bytes.fromhex(str(value))

    # -- papers

    def put_paper(self, paper: Paper) -> str:
        """Store a version with its text; returns what names it."""
        self.redis.set(f"pb:paper:{ref(paper)}", paper.model_dump_json(), ex=KEEP)
        return ref(paper)

    def paper(self, ref: str) -> Paper:
        """Raises KeyError for one never stored, or not used for KEEP."""
        return self._required(f"pb:paper:{ref}", Paper)

    # -- days

    def add_listing(self, batch: str, listing: Listing, at: datetime) -> datetime:
        """Merge a list into a batch; what is there stays. Returns when papers last came to it,
        which never goes back: what is judged is compared with it.

        A paper already announced keeps its version and its announce type, except that `new`
        replaces `cross`: another query saw it in its primary category.
        """
        key, papers = f"pb:batch:{batch}", {a.paper.id: a for a in listing.papers}
        known: dict[str, str] = self.redis.hgetall(key)  # type: ignore[assignment]
        rows: dict[Any, Any] = {}
        for id, announced in papers.items():
            before = json.loads(known[id]) if id in known else None
            if before is None or (
                before["type"] == AnnounceType.CROSS and announced.announce_type is AnnounceType.NEW
            ):
                paper = before["paper"] if before else ref(announced.paper)
                rows[id] = json.dumps({"paper": paper, "type": announced.announce_type})
        with self.redis.pipeline(transaction=True) as pipe:
            for announced in papers.values():
                body = announced.paper.model_dump_json()
                pipe.set(f"pb:paper:{ref(announced.paper)}", body, ex=KEEP)
            if rows:
                pipe.hset(key, mapping=rows)
                pipe.expire(key, KEEP)
            if listing.replaced:
                replaced: dict[Any, Any] = {
                    id: json.dumps(categories) for id, categories in listing.replaced
                }
                pipe.hset(f"{key}:replaced", mapping=replaced)
                pipe.expire(f"{key}:replaced", KEEP)
            if rows:
                last = self.changed_at(batch)
                at = max(at, last + timedelta(microseconds=1)) if last else at
                pipe.set(f"{key}:changed", at.isoformat(), ex=KEEP)
            pipe.execute()
        return self.changed_at(batch) or at

    def changed_at(self, batch: str) -> datetime | None:
        """When papers last came to a batch; None when none ever did."""
        value = self.redis.get(f"pb:batch:{batch}:changed")
        return None if value is None else datetime.fromisoformat(str(value))

    def batch(self, batch: str) -> Batch:
        """A batch never stored is an empty one."""
        key = f"pb:batch:{batch}"
        rows: dict[str, str] = self.redis.hgetall(key)  # type: ignore[assignment]
        replaced: dict[str, str] = self.redis.hgetall(f"{key}:replaced")  # type: ignore[assignment]
        seen = {id: json.loads(row) for id, row in rows.items()}
        papers = self._papers(row["paper"] for row in seen.values())
        announced = [
            Announced(paper=papers[row["paper"]], announce_type=row["type"])
            for row in seen.values()
        ]
        announced.sort(key=lambda a: (a.announce_type is not AnnounceType.NEW, a.paper.id))
        return Batch(
            key=batch,
            papers=tuple(announced),
            # One that another look at the list found announced is not counted twice.
            replaced=tuple(
                (id, tuple(json.loads(replaced[id]))) for id in sorted(replaced.keys() - rows)
            ),
        )

    def put_listed(self, wanted: Wanted, listed: Listed) -> None:
        self.redis.set(f"pb:listed:{wanted.key}", listed.model_dump_json(), ex=KEEP)

    def listed(self, wanted: Wanted) -> Listed | None:
        return self._optional(f"pb:listed:{wanted.key}", Listed)

    def listings(self, wanted: Sequence[Wanted]) -> dict[str, Listed]:
        """By their keys, those of the wanted lists of which something came."""
        keys = [each.key for each in wanted]
        return self.many([f"pb:listed:{key}" for key in keys], keys, Listed)

    def put_asked(self, batch: str, categories: Iterable[str], at: datetime) -> None:
        """Remember that arXiv answered for these categories, so that their part is there."""
        key = f"pb:asked:{batch}"
        rows: dict[Any, Any] = {category: at.isoformat() for category in categories}
        if rows:
            self.redis.hset(key, mapping=rows)
            self.redis.expire(key, KEEP)

    def asked(self, batch: str) -> set[str]:
        """The categories for which arXiv has answered."""
        return set(map(str, self.redis.hkeys(f"pb:asked:{batch}")))

    # -- scores, and what they cost

    def put_verdicts(
        self, judge: str, verdicts: Mapping[str, Verdict], call: str | None, usage: Usage
    ) -> None:
        """Store what one call brought and, if it was paid, its price, together or not at all."""
        with self.redis.pipeline(transaction=True) as pipe:
            if call is not None:
                pipe.set(f"pb:call:{call}", usage.model_dump_json(), ex=KEEP)
            for versioned, verdict in verdicts.items():
                pipe.set(f"pb:verdict:{judge}:{versioned}", verdict.model_dump_json(), ex=KEEP)
            pipe.execute()

    def verdicts(self, judge: str, versioned: Sequence[str]) -> dict[str, Verdict]:
        """Those of the papers (`IDvN`) that this judge has been asked about."""
        return self.many([f"pb:verdict:{judge}:{v}" for v in versioned], versioned, Verdict)

    def usage(self, calls: Iterable[str]) -> Usage:
        """The sum over these calls, each counted once."""
        names = sorted(set(calls))
        return Usage.total(self.many([f"pb:call:{n}" for n in names], names, Usage).values())

    def put_order(self, key: str, ids: Sequence[str]) -> None:
        """What a second look at a day's best made of their order."""
        self.redis.set(f"pb:order:{key}", " ".join(ids), ex=KEEP)

    def order(self, key: str) -> tuple[str, ...]:
        """Empty before it was looked at."""
        return tuple(str(self.redis.get(f"pb:order:{key}") or "").split())

    # -- ledgers

    def put_digest(self, name: str, digest: Digest, pipe: Pipeline | None = None) -> None:
        """Papers are stored once, whatever number of digests names them."""
        body = digest.model_dump(mode="json")
        for row, decision in zip(body["decisions"], digest.decisions, strict=True):
            row["announced"]["paper"] = ref(decision.paper)
        (self.redis if pipe is None else pipe).set(f"pb:digest:{name}", json.dumps(body), ex=KEEP)

    def digest(self, name: str) -> Digest | None:
        value = self.redis.get(f"pb:digest:{name}")
        if value is None:
            return None
        body = json.loads(str(value))
        papers = self._papers(row["announced"]["paper"] for row in body["decisions"])
        for row in body["decisions"]:
            row["announced"]["paper"] = papers[row["announced"]["paper"]].model_dump()
        return Digest.model_validate(body)

    def put_shape(self, server: str, shape: str) -> None:
        """Remember what a model's server (a fingerprint) can be asked for."""
        self.redis.set(f"pb:shape:{server}", shape, ex=KEEP)

    def shape(self, server: str) -> str | None:
        value = self.redis.get(f"pb:shape:{server}")
        return None if value is None else str(value)

    # -- work under way

    def lease(self, name: str, seconds: float, wait: float) -> Lease | None:
        return Lease.take(self.redis, f"pb:lease:{name}", seconds, wait)

    def put_progress(self, step: str, done: int, total: int) -> None:
        self.redis.set(f"pb:progress:{step}", f"{done}/{total}", ex=BRIEFLY)

    def progress(self, step: str) -> tuple[int, int]:
        """(done, total); (0, 0) before the step said anything."""
        done, total = str(self.redis.get(f"pb:progress:{step}") or "0/0").split("/")
        return int(done), int(total)

    # -- reading

    def _papers(self, refs: Iterable[str]) -> dict[str, Paper]:
        names = list(refs)
        found = self.many([f"pb:paper:{name}" for name in names], names, Paper)
        if missing := [name for name in names if name not in found]:
            raise KeyError(f"papers named by a batch and not stored: {', '.join(missing[:5])}")
        return found

    def many(self, keys: Sequence[str], names: Sequence[str], noun: type[N]) -> dict[str, N]:
        values: list[Any] = self.redis.mget(keys) if keys else []
        pairs = zip(names, values, strict=True)
        return {name: noun.model_validate_json(value) for name, value in pairs if value is not None}

    def _optional(self, key: str, noun: type[N]) -> N | None:
        value = self.redis.get(key)
        return None if value is None else noun.model_validate_json(str(value))

    def _required(self, key: str, noun: type[N]) -> N:
        found = self._optional(key, noun)
        if found is None:
            raise KeyError(key)
        return found


def ref(paper: Paper) -> str:
    """Names a paper with its text: a saved file that says other things under a known id does not
    change what a live day or an older digest shows."""
    return f"{paper.versioned}:{fingerprint(paper.model_dump_json())}"
