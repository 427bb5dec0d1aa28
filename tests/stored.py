"""A store as the version before wrote it, with a value of every kind, and ways to spoil one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis import Redis

from bot.domain.digest import Judge, Score
from bot.domain.lookup import Found, Inquiry, Opinion
from bot.domain.message import Head
from bot.domain.request import Address
from bot.store.backup import Backup, Kept
from bot.store.days import Store
from bot.store.kinds import kind_of
from bot.store.lookups import Inquiries
from bot.store.outbox import Shown
from bot.store.subscriptions import Subscriptions
from tests.make import NOW, paper, profile

# What `paperboy backup` of the version before forms made of a channel that had two days.
BEFORE = Path(__file__).parent / "data" / "backup-form-1.jsonl"
HERE = Address(platform="slack", workspace="T1", channel="C1")
JUDGE = Judge(model="gpt-6-luna")


def rows() -> list[Kept]:
    _, *lines = BEFORE.read_text(encoding="utf-8").splitlines()
    return [Kept.model_validate_json(line) for line in lines]


def fill(store: Store) -> None:
    """As it stood there, and what is under way besides."""
    for row in rows():
        if row.kind == "hash":
            store.redis.hset(row.key, mapping=row.value)  # type: ignore[arg-type]
        else:
            Backup(store).put(row, datetime.now(UTC))
    store.put_progress("step", 1, 2)
    assert store.lease("a day", 60, 0)
    store.put_document(b"<rss/>")
    inquiries = Inquiries(store)
    inquiries.put_found("2503.15294", Found(paper=paper(), at=NOW))
    asked = Inquiry(
        paper="2503.15294", profiles=(profile().fingerprint,), judge=JUDGE, workspace="", since=NOW
    )
    inquiries.put(asked)
    said = Opinion(score=Score(relevance=8, novelty=7, comment="Good."))
    inquiries.put_opinion(profile().fingerprint, JUDGE, paper(), said)
    inquiries.take_call("slack:T1", NOW, 5)
    subscriptions = Subscriptions(store)
    subscriptions.put_outage("slack", "It is away.", NOW)
    subscriptions.put_heard("slack", "command")
    subscriptions.first_time("abcd")
    Shown(store).put_posts("terminal::main:day", [Head(title="A day")])


def _unknown_field(text: str) -> str:
    body = json.loads(text)
    return json.dumps({**body, "colour": "red"}) if isinstance(body, dict) else '{"colour": "red"}'


def _newer(text: str) -> str:
    body = json.loads(text)
    return json.dumps({**(body if isinstance(body, dict) else {}), "v": 9})


HARMS: dict[str, Callable[[str], str]] = {
    "an unknown field": _unknown_field,
    "a newer form": _newer,
    "no JSON": lambda text: text[:-1] + "\x1b[31m",
    "nonsense": lambda text: "[[" * 5000,
}


def spoil(redis: Redis, key: str, harm: str) -> None:
    """Make all that a key holds unreadable, in this way."""
    there: Any = redis
    if harm == "another type":
        kind = redis.type(key)
        redis.delete(key)
        there.lpush(key, "x") if kind != "list" else there.set(key, "x")
        return

    def spoilt(text: str) -> str:
        try:
            return HARMS[harm](text)
        except json.JSONDecodeError:  # plain text has neither fields nor forms
            return "not \x1b what it was"

    kind = kind_of(key)
    assert kind is not None, key
    if kind.type == "string":
        redis.set(key, spoilt(str(redis.get(key))))
    elif kind.type == "hash":
        for field, value in there.hgetall(key).items():
            redis.hset(key, field, spoilt(value))
    elif kind.type == "list":
        there.lset(key, 0, spoilt(there.lindex(key, 0)))
