"""Redis: what arXiv announced: lists, the batches they are merged into, saved feeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from redis import Redis

from bot.domain.categories import matches
from bot.domain.digest import Batch, ListQuery, ListResult
from bot.domain.papers import Announced, AnnounceType, ArchiveList, Change, Listing, fingerprint
from bot.store.papers import Papers, paper_ref
from bot.store.values.packing import packed, unpacked
from bot.store.values.quarantine import ValueReader, quarantine_value
from bot.store.values.stored_forms import (
    LOOKING_BACK,
    SHORT_RETENTION,
    ListedPaper,
    Replaced,
    parse_aware_time,
    reader_for,
    serialise,
)

# The lock that keeps the whole installation within arXiv's terms (workers/arxiv/http.py).
ARXIV_PACE_KEY = "pb:pace:arxiv"
# What the archive told is compared with the feed of the same day, and shown that day.
_ARCHIVE_RETENTION = timedelta(days=7)
# The archive's own words are some megabytes: for who asks for the same in the same hour.
_ANSWER_RETENTION = timedelta(hours=1)


class Lists:
    """A batch is the merged lists of one day, or of one saved file."""

    def __init__(self, redis: Redis, papers: Papers) -> None:
        self._redis, self._rows, self._papers = redis, ValueReader(redis), papers

    def add(self, batch: str, listing: Listing, at: datetime) -> datetime:
        """Merge a list into a batch; what is there stays. Returns when papers were last added,
        which never goes back: judged days are compared with it.

        A paper already announced keeps its version and its announce type, except that `new`
        replaces `cross`: another query saw it in its primary category.
        """
        key, papers = f"pb:batch:{batch}", {a.paper.id: a for a in listing.papers}
        stored = self._rows.hgetall(key, reader_for(ListedPaper))
        stored_replaced = self._rows.hgetall(f"{key}:replaced", reader_for(Replaced))
        rows: dict[Any, Any] = {}
        for id, announced in papers.items():
            before, kind = stored.get(id), announced.announce_type
            if before is None or (before.type is AnnounceType.CROSS and kind is AnnounceType.NEW):
                paper = before.paper if before else paper_ref(announced.paper)
                rows[id] = serialise(ListedPaper(paper=paper, type=kind))
        changes = {change.paper: change for change in listing.changes}
        replaced: dict[Any, Any] = {}
        for id, categories in listing.replaced:
            known = stored_replaced.get(id)
            said = changes.get(id, known.change if known else None)
            row = Replaced(categories=categories, change=said)
            if row != known:
                replaced[id] = serialise(row)
        with self._redis.pipeline(transaction=True) as pipe:
            for id in rows.keys() - stored.keys():
                self._papers.put(papers[id].paper, pipe)
            if rows:
                pipe.hset(key, mapping=rows)
                pipe.expire(key, LOOKING_BACK)
                last = self.changed_at(batch)
                at = max(at, last + timedelta(microseconds=1)) if last else at
                pipe.set(f"{key}:changed", at.isoformat(), ex=LOOKING_BACK)
            if replaced:
                pipe.hset(f"{key}:replaced", mapping=replaced)
                pipe.expire(f"{key}:replaced", LOOKING_BACK)
            pipe.execute()
        new = rows.keys() - stored.keys()  # whose texts may be there from an earlier list
        self._papers.extend([paper_ref(papers[id].paper) for id in new], LOOKING_BACK)
        return self.changed_at(batch) or at

    def changed_at(self, batch: str) -> datetime | None:
        """When papers were last added to a batch; None when none ever were."""
        return self._rows.get(f"pb:batch:{batch}:changed", parse_aware_time)

    def batch(self, batch: str) -> Batch:
        """A batch never stored is an empty one. A paper whose text cannot be read is left out, and
        is added again by the next list that has it."""
        key = f"pb:batch:{batch}"
        rows = self._rows.hgetall(key, reader_for(ListedPaper))
        replaced = self._rows.hgetall_sorted(f"{key}:replaced", reader_for(Replaced))
        texts = self._papers.by_ref([row.paper for row in rows.values()])
        for id in [id for id, row in rows.items() if row.paper not in texts]:
            del rows[id]
            stored = str(self._redis.hget(key, id))
            quarantine_value(self._redis, key, id, stored, "its text is not there")
        announced = [
            Announced(paper=texts[row.paper], announce_type=row.type) for row in rows.values()
        ]
        announced.sort(key=lambda a: (a.announce_type is not AnnounceType.NEW, a.paper.id))
        return Batch(
            key=batch,
            papers=tuple(announced),
            # A paper that another query saw announced is not counted again as a replacement.
            replaced=tuple((id, row.categories) for id, row in replaced.items() if id not in rows),
        )

    def changes(self, batch: str, ids: Sequence[str], categories: Sequence[str]) -> list[Change]:
        """What a batch says of new versions of these papers, as far as a profile of these
        categories sees them."""
        rows = self._rows.hmget(f"pb:batch:{batch}:replaced", ids, reader_for(Replaced))
        return [
            row.change
            for row in rows
            if row
            and row.change
            and any(matches(own, asked) for own in row.categories for asked in categories)
        ]

    def put_result(self, query: ListQuery, list_result: ListResult) -> None:
        """Replaces the result of an earlier fetch."""
        self._redis.set(f"pb:listed:{query.key}", serialise(list_result), ex=LOOKING_BACK)

    def result(self, query: ListQuery) -> ListResult | None:
        """None before the list was first fetched."""
        return self._rows.get(f"pb:listed:{query.key}", reader_for(ListResult))

    def results(self, queries: Sequence[ListQuery]) -> dict[str, ListResult]:
        """By query key, for the queries that have a result."""
        keys = [query.key for query in queries]
        return self._rows.mget_by_name(
            [f"pb:listed:{key}" for key in keys], keys, reader_for(ListResult)
        )

    def put_answered_categories(self, batch: str, categories: Iterable[str], at: datetime) -> None:
        """Record that arXiv answered for these categories, so that their part is complete."""
        key = f"pb:asked:{batch}"
        new = set(categories) - self.answered_categories(batch)
        rows: dict[Any, Any] = dict.fromkeys(sorted(new), at.isoformat())
        if rows:
            self._redis.hset(key, mapping=rows)
            self._redis.expire(key, LOOKING_BACK)

    def answered_categories(self, batch: str) -> set[str]:
        """The categories for which arXiv has answered."""
        return set(map(str, self._redis.hkeys(f"pb:asked:{batch}")))

    def answered_at(self, batches: Sequence[str]) -> list[dict[str, datetime]]:
        """For each batch, when arXiv first answered for a category, by category."""
        keys = [f"pb:asked:{batch}" for batch in batches]
        rows = self._rows.hgetall_many(keys, parse_aware_time)
        return [rows[key] for key in keys]

    def put_archive_list(self, query: ListQuery, day: date, found: ArchiveList) -> None:
        """What arXiv's archive told of a day for the categories of a query."""
        key = f"pb:archive:{day}"
        self._redis.hset(key, fingerprint(*query.categories), serialise(found))
        self._redis.expire(key, _ARCHIVE_RETENTION)

    def archive_list(self, query: ListQuery, day: date) -> ArchiveList | None:
        """What put_archive_list was last given, for a week."""
        field = fingerprint(*query.categories)
        return self._rows.hget(f"pb:archive:{day}", field, reader_for(ArchiveList))

    def archive_lists(self, day: date) -> dict[str, ArchiveList]:
        """By the fingerprint of the categories."""
        return self._rows.hgetall(f"pb:archive:{day}", reader_for(ArchiveList))

    def put_archive_answer(self, name: str, first: date, text: str) -> None:
        """What the archive answered, in the workers' form, of a category or an archive (`name`)
        since a date."""
        key = f"pb:archive-answer:{name}:{first}"
        self._redis.set(key, packed(text), ex=_ANSWER_RETENTION)

    def archive_answer(self, name: str, first: date) -> str | None:
        """What put_archive_answer was last given, for an hour."""
        return self._rows.get(f"pb:archive-answer:{name}:{first}", unpacked)

    def put_document(self, document: bytes) -> str:
        """Store a saved feed that a command was given; returns its name."""
        name = fingerprint(document.hex())
        self._redis.set(f"pb:document:{name}", document.hex(), ex=SHORT_RETENTION)
        return name

    def document(self, name: str) -> bytes:
        """Raises KeyError for a document never stored, or stored more than SHORT_RETENTION ago."""
        return self._rows.require(f"pb:document:{name}", bytes.fromhex)
