"""A store as the version before wrote it, with a value of every kind, and ways to spoil one."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from redis import Redis

from bot.commands import dispatch, due
from bot.commands.context import Answer, Context, Invocation
from bot.domain.digest import Score
from bot.domain.judge import Judge
from bot.domain.lookup import ArxivAnswer, Assessment, Lookup
from bot.domain.request import Address
from bot.errors import Refused
from bot.runtime import tick
from bot.store.keeping.backup import Backup, BackupEntry
from bot.store.key_kinds import kind_of
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.store import Store
from tests.factories import DAY, NOW, announced, listing, paper, person_in, profile
from workers.gate.gatekeeper import Gatekeeper

# What `paperboy backup` of the version before forms made of a channel that had two days.
BACKUP_FORM_1 = Path(__file__).parent / "data" / "backup-form-1.jsonl"
# And that of the version before form 4, of two channels that had the same day.
BACKUP_FORM_3 = Path(__file__).parent / "data" / "backup-form-3.jsonl"
CHANNEL_ADDRESS = Address(platform="slack", workspace="T1", channel="C1")
JUDGE = Judge(model="gpt-6-luna")
LATER = NOW + timedelta(hours=1)
ASK = Invocation("", CHANNEL_ADDRESS, LATER, "U1", "UTC", person=person_in())


def backup_rows(file: Path = BACKUP_FORM_1) -> list[BackupEntry]:
    _, *lines = file.read_text(encoding="utf-8").splitlines()
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
    store.vectors.put("minilm-1", {"A text.": bytes(384)})
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


def typed(text: str, context: Context) -> Answer:
    """What a person of the channel is answered an hour later."""
    return dispatch.answer(replace(ASK, text=text), context)


def use_everything(context: Context, redis: Redis) -> None:
    """What the bot and the workers do in an hour, but for posting (test_delivering has that).
    `redis` must not decode."""
    tick.tick(context, Queues(redis), LATER)
    list(due.planned(context, LATER))
    for text in (
        *("/digest list", "/digest cost", "/digest profiles", "/digest missed", "/digest now"),
        *("/why 2503.10001", "/why 2503.15294", "/digest pause", "/digest resume"),
    ):
        with suppress(Refused):  # a person may be told that there is no such profile, or day
            typed(text, context)
    with suppress(Refused):
        dispatch.press(ASK, "up", "day 2503.10001", context)
    context.status()
    Gatekeeper(context.store, profile(), "gpt-6-luna").learn(DAY)
    for name in ("day", "eve"):
        context.store.history.digest_given_to(CHANNEL_ADDRESS, name)
    for name in ("2025-03-19", "2025-03-20"):
        context.store.lists.batch(name)
        context.store.lists.add(name, listing(announced(), replaced=2), LATER)


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
