"""How many bytes the database keeps of a paper, a day, a channel and day, and of a year.

    python -m tests.benchmarks.bench_kept [DAYS CHANNELS]

Days of 450 papers of one profile (the sample's, numbered on), 20 picked and 25 over the limit, are
stored as the jobs store them, and delivered to channels, ten to a workspace. Bytes are the server's
own (MEMORY USAGE), by kind of key; a year is what is there after 400 days, 285 of them with a
list, where each kind is forgotten after its time. At last the append-only file is rewritten.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from redis import Redis

from bot.arxiv.calendar import is_weekend
from bot.domain.digest import (
    CloseCall,
    Decision,
    DeliveryBasis,
    Digest,
    FurtherLooks,
    ListQuery,
    ListResult,
    Outcome,
    Score,
    ScoreResult,
    Sentences,
    Source,
    Usage,
)
from bot.domain.judge import Judge
from bot.domain.papers import Announced, AnnounceType, Listing, fingerprint
from bot.domain.request import Address
from bot.profiles import library
from bot.store.connection import connect
from bot.store.key_kinds import kind_of
from bot.store.outbox import Outbox, OutboxEntry
from bot.store.store import Store
from bot.store.values.stored_forms import LOOKING_BACK
from workers.arxiv import sample
from workers.runtime.server import embedded

PAPERS, PICKED, OVER, GATED, CLOSE, CALL = 450, 20, 25, 150, 30, 20
LISTS = 285 / 400  # days with a list
FIRST = (
    20  # of the sample's papers; those before stand in the dictionary that texts are packed with
)
# Days that a kind is kept, where that is not as long as days are looked back to.
LIVES = {"vector": 90, "outbox": 60, "first-shown": 60, "delivered": 60, "had": 400, "untold": 0}
PROFILE = library.shipped()["foundations"]
JUDGE = Judge(model="gpt-6-luna")
COMMENT = "Criterion 2, learning theory: it proves a bound for deep networks and tries it."
SHOWS = "Proves that wide networks trained by gradient descent forget at a rate set by the data."


def announced(number: int, day: date) -> list[Announced]:
    """A day's papers, each with a text of its own."""
    found = []
    known = sample.listing().papers[FIRST:]
    for n in range(PAPERS):
        paper = known[(n + 37 * number) % len(known)].paper
        own = {
            "id": f"{day:%y%m}.{number * 500 % 90000 + n:05}",
            "title": f"{paper.title} {number} {n}",
            "categories": ("cs.LG", *paper.categories[1:]),
        }
        kind = AnnounceType.NEW if n % 3 else AnnounceType.CROSS
        found.append(Announced(paper=paper.model_copy(update=own), announce_type=kind))
    return found


def decision(n: int, each: Announced) -> Decision:
    if n >= PAPERS - GATED:
        return Decision(announced=each, outcome=Outcome.GATED)
    picked, over = n < PICKED, n < PICKED + OVER
    outcome = Outcome.PICKED if picked else Outcome.OVER_LIMIT if over else Outcome.BELOW_CUTOFF
    call = CloseCall(looks=((7, 6), (7, 7), (6, 6)) * 3) if n % 10 == 0 else None
    score = Score(
        relevance=8 if over else 4,
        novelty=7,
        comment=COMMENT,
        shows=SHOWS if picked else "",
        close_call=call,
    )
    return Decision(announced=each, outcome=outcome, score=score)


def put_day(store: Store, number: int, day: date, at: datetime) -> tuple[str, Digest]:
    """As FETCH and SCORE leave it."""
    papers = announced(number, day)
    old = [(f"2401.{number * 150 % 90000 + n:05}", ("cs.LG", "stat.ML")) for n in range(150)]
    listing = Listing(date=day, papers=tuple(papers), replaced=tuple(old), items=600)
    store.lists.add(str(day), listing, at)
    store.lists.put_answered_categories(str(day), PROFILE.categories, at)
    query = ListQuery(source=Source.ARXIV, categories=PROFILE.categories, date=day)
    listed = ListResult(batch=str(day), date=day, asked_at=at, changed_at=at)
    store.lists.put_result(query, listed)
    store.vectors.put(
        "minilm-1", {each.paper.title: bytes(range(256)) + bytes(128) for each in papers}
    )
    decisions = tuple(decision(n, each) for n, each in enumerate(papers))
    judged = [d for d in decisions if d.score]
    usage = Usage(calls=1, prompt_tokens=8000, completion_tokens=900, prompt_usd=0.0008)
    for begin in range(0, len(judged), CALL):
        call = fingerprint(str(number), str(begin))
        rows = {
            d.paper.versioned: ScoreResult(score=d.score, calls=(call,))
            for d in judged[begin : begin + CALL]
        }
        store.scores.put("j" * 16, rows, call, usage)
    looks = {
        d.paper.versioned: FurtherLooks(pairs=((7, 6),) * 8, calls=("c" * 16,))
        for d in judged[:CLOSE]
    }
    store.scores.put_looks("l" * 16, looks, fingerprint(str(number), "look"), usage)
    best = judged[:PICKED]
    store.scores.put_top(
        fingerprint(str(number), "order"),
        [d.paper.id for d in best],
        "w" * 16,
        {d.paper.versioned: Sentences(shows=SHOWS, why=COMMENT) for d in best},
        fingerprint(str(number), "top"),
        usage,
    )
    digest = Digest(
        profile=PROFILE,
        listed=listed,
        decisions=decisions,
        replacements=150,
        judge=JUDGE,
        prompt="You judge papers. " * 150,
        usage=usage,
        judged_at=at,
    )
    name = fingerprint(PROFILE.fingerprint, JUDGE.key, str(day))
    store.days.put_decided(name, digest)
    return name, digest


def deliver(store: Store, address: Address, name: str, digest: Digest, at: datetime) -> None:
    """As DELIVER leaves it."""
    full, basis = f"{address}:{name}", DeliveryBasis((name,), digest.version)
    store.history.put_prepared(address, full, digest, at, basis)
    outbox = Outbox(store.trips, full)
    for n, slot in enumerate(["head", *(d.paper.id for d in digest.posted)]):
        asyncio.run(outbox.begin(slot, 1, at))
        message = f"{int(at.timestamp())}.{n:06}"
        asyncio.run(outbox.put_result(slot, OutboxEntry(at=at, message=message, body="b" * 16)))
    days = {name: digest}
    message = f"{int(at.timestamp())}.000000"
    store.history.put_delivered(address, full, digest, at, message, basis, None, days)


def sizes(redis: Redis) -> Counter[str]:
    """Bytes by kind of key."""
    found: Counter[str] = Counter()
    there: Any = redis
    keys = list(there.scan_iter("pb:*", count=1000))
    for begin in range(0, len(keys), 1000):
        with redis.pipeline(transaction=False) as pipe:
            for key in keys[begin : begin + 1000]:
                pipe.memory_usage(key, samples=0)
            for key, size in zip(keys[begin : begin + 1000], pipe.execute(), strict=True):
                kind = kind_of(key)
                found[kind.name if kind else key] += size
    return found


def measure(url: str, days: int, channels: int) -> None:
    redis = connect(url)
    redis.flushall()
    store, day, at = Store(redis), date(2026, 11, 30), datetime.now(UTC)
    empty = int(redis.info()["used_memory"])  # type: ignore[index]
    given = []
    for number in range(days):
        day -= timedelta(days=1)
        while is_weekend(day):
            day -= timedelta(days=1)
        given.append(put_day(store, number, day, at))
    of_days, used = sizes(redis), int(redis.info()["used_memory"])  # type: ignore[index]
    for n in range(channels):
        address = Address(platform="slack", workspace=f"T{n // 10:08}", channel=f"C{n:010}")
        for name, digest in given:
            deliver(store, address, name, digest, at)
    of_all, whole = sizes(redis), int(redis.info()["used_memory"])  # type: ignore[index]
    shares = Counter({kind: of_all[kind] - of_days[kind] for kind in of_all})
    _tell("a day", of_days, days, used - empty)
    _tell("a channel and day", shares, days * channels, whole - used)
    print(f"a paper: {(used - empty) / days / PAPERS:,.0f} B")
    a_day, a_share = _kept(of_days) / days, _kept(shares) / days / channels
    print(f"kept of a profile: {a_day / 1e6:,.0f} MB; of a channel: {a_share / 1e3:,.0f} kB")
    for many in (1, 100, 1000):
        print(f"one profile, {many} channels: {(a_day + many * a_share) / 1e6:,.0f} MB")
    _tell_rewrite(redis)
    redis.close()


def _kept(found: Counter[str]) -> float:
    """Bytes that are there after a year, where so many come with each list."""
    lives = {kind: LIVES.get(kind, LOOKING_BACK.days) for kind in found}
    return sum(size * LISTS * lives[kind] for kind, size in found.items())


def _tell_rewrite(redis: Redis) -> None:
    """The append-only file before and after its rewrite, which the server begins by itself once it
    is twice as long as after the last one."""
    there: Any = redis
    before = there.info("persistence")["aof_current_size"]
    begun = time.monotonic()
    there.bgrewriteaof()
    while there.info("persistence")["aof_rewrite_in_progress"]:
        time.sleep(0.02)
    after = there.info("persistence")["aof_current_size"]
    seconds = time.monotonic() - begun
    print(f"append-only file: {before:,} B, {after:,} B after a rewrite of {seconds:.1f} s")


def _tell(what: str, found: Counter[str], number: int, used: int) -> None:
    print(f"{what}: {used / number:,.0f} B")
    for kind, size in found.most_common():
        if size / number >= 20:
            print(f"    {kind:20} {size / number:>12,.0f}")


if __name__ == "__main__":
    days, channels = map(int, sys.argv[1:] or ("4", "50"))
    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder)) as url:
        measure(url, days, channels)
