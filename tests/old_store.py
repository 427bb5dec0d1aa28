"""A store as the version before wrote it, with a value of every kind, and ways to spoil one."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from redis import Redis

from bot.domain.digest import Judge, Score
from bot.domain.lookup import ArxivAnswer, Assessment, Lookup
from bot.domain.message import Message
from bot.domain.request import Address
from bot.store.backup import Backup, BackupEntry
from bot.store.key_kinds import kind_of
from bot.store.lookups import Lookups
from bot.store.outbox import TerminalPosts
from bot.store.store import Store
from tests.factories import NOW, paper, profile

# What `paperboy backup` of the version before forms made of a channel that had two days.
BACKUP_FORM_1 = Path(__file__).parent / "data" / "backup-form-1.jsonl"
CHANNEL_ADDRESS = Address(platform="slack", workspace="T1", channel="C1")
JUDGE = Judge(model="gpt-6-luna")


def backup_rows() -> list[BackupEntry]:
    _, *lines = BACKUP_FORM_1.read_text(encoding="utf-8").splitlines()
    return [BackupEntry.model_validate_json(line) for line in lines]


def fill_store(store: Store) -> None:
    """As it stood there, and what is under way besides."""
    for row in backup_rows():
        if row.kind == "hash":
            store.redis.hset(row.key, mapping=row.value)  # type: ignore[arg-type]
        else:
            Backup(store).put(row, datetime.now(UTC))
    store.put_progress("step", 1, 2)
    assert store.lease("a day", 60, 0)
    store.lists.put_document(b"<rss/>")
    lookups = Lookups(store)
    lookups.put_arxiv_answer("2503.15294", ArxivAnswer(paper=paper(), at=NOW))
    asked = Lookup(
        paper="2503.15294", profiles=(profile().fingerprint,), judge=JUDGE, workspace="", since=NOW
    )
    lookups.put(asked)
    said = Assessment(score=Score(relevance=8, novelty=7, comment="Good."))
    lookups.put_assessment(profile().fingerprint, JUDGE, paper(), said)
    lookups.take_call("slack:T1", NOW, 5)
    store.outages.put("slack", "It is away.", NOW)
    store.events.put_kind_seen("slack", "command")
    store.events.is_first_delivery("abcd")
    TerminalPosts(store).put_posts("terminal::main:day", [Message(title="A day")])


def _unknown_field(text: str) -> str:
    body = json.loads(text)
    return json.dumps({**body, "colour": "red"}) if isinstance(body, dict) else '{"colour": "red"}'


def _newer(text: str) -> str:
    body = json.loads(text)
    return json.dumps({**(body if isinstance(body, dict) else {}), "v": 9})


CORRUPTIONS: dict[str, Callable[[str], str]] = {
    "an unknown field": _unknown_field,
    "a newer form": _newer,
    "no JSON": lambda text: text[:-1] + "\x1b[31m",
    "nonsense": lambda text: "[[" * 5000,
}


def corrupt(redis: Redis, key: str, corruption: str) -> None:
    """Make all that a key holds unreadable, in this way."""
    there: Any = redis
    if corruption == "another type":
        kind = redis.type(key)
        redis.delete(key)
        there.lpush(key, "x") if kind != "list" else there.set(key, "x")
        return

    def spoilt(text: str) -> str:
        try:
            return CORRUPTIONS[corruption](text)
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
