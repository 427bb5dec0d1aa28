"""What is stored becomes unreadable, older, or comes from a backup."""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

import redis

from bot.store.keeping.backup import Backup, BackupEntry
from bot.store.outbox import read_entry
from bot.store.values.packing import unpacked
from bot.store.values.stored_forms import FORMAT_VERSION
from tests.simulation.plan import Trouble

if TYPE_CHECKING:
    from tests.simulation.troubles import Handlers, Troubles

# Kinds of keys that are made unreadable.
_GARBLED = ("digest", "judged", "listed", "delivered")


def garbled(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """A stored value becomes unreadable."""
    world = troubles.world
    with world.redis.unobserved():
        client = world.redis.client()
        keys = [key for kind in _GARBLED for key in sorted(client.keys(f"pb:{kind}:*"))[-5:]]
        if keys:
            key = random.choice(keys)
            client.set(key, "{", keepttl=True)
            troubles.garbled.add(key)
            world.tell(f"{key} is garbled")


def restore(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """A backup is made; later the machine is lost, and restored from it on an empty server."""
    world = troubles.world
    begun = world.scheduler.now
    try:
        rows = _backup(troubles)
    except redis.RedisError:
        world.tell("no backup could be made")
        return
    world.tell("a backup is made")
    if not troubles.lasts(trouble):
        return
    world.stop()
    world.redis.lost = 0.0
    world.redis.empty()
    with world.redis.unobserved():
        _put_back(troubles, rows)
    troubles.forgotten.append((begun, world.scheduler.now))
    world.tell("restored from the backup")
    world.start()


def _backup(troubles: Troubles) -> list[BackupEntry]:
    return list(Backup(troubles.world.store()).all())


def _put_back(troubles: Troubles, rows: list[BackupEntry]) -> None:
    backup, now = Backup(troubles.world.store()), troubles.world.scheduler.datetime()
    backup.begin_restore("simulated")
    for row in rows:
        backup.put(row, now)
    backup.end_restore()


def upgrade(troubles: Troubles, trouble: Trouble, random: Random) -> None:
    """The machine is stopped; what is stored was written by the release before this form."""
    world = troubles.world
    world.stop()
    with world.redis.unobserved():
        _write_in_form_1(world.store().redis)
    world.tell("upgraded")
    world.start()


def _write_in_form_1(redis: Any) -> None:
    """Rewrite what is stored as form 1 had it: without its version, and replacements as a list of
    categories (stored_forms.UPGRADES). Gates, which had another form, are left as they are."""
    for key in list(redis.scan_iter("pb:*")):
        if key.startswith(("pb:gate:", "pb:gate-report:")):
            continue
        if redis.type(key) == "hash":
            rows = {field: _form_1(text) for field, text in redis.hgetall(key).items()}
            if key.startswith("pb:outbox:"):
                rows = {slot: _entry_of_form_3(slot, text) for slot, text in rows.items()}
            if key.startswith("pb:had:"):
                rows = _had_of_form_3(rows)
                redis.delete(key)
            redis.hset(key, mapping=rows)
        elif key.startswith("pb:first-shown:"):
            members = redis.zrange(key, 0, -1, withscores=True)
            redis.delete(key)
            redis.zadd(key, {member.partition(" ")[0]: score for member, score in members})
        elif redis.type(key) == "string":
            redis.set(key, _form_1(redis.get(key)), keepttl=True)
    redis.set("pb:form", 1)


def _entry_of_form_3(slot: str, text: str) -> str:
    """In form 3 a message was JSON."""
    return text if slot == "#" else read_entry(text).model_dump_json()


def _had_of_form_3(rows: dict[str, str]) -> dict[str, str]:
    """In form 3 a channel had a row for each paper."""
    found = {field: text for field, text in rows.items() if not field.startswith("@")}
    for field in rows.keys() - found.keys():
        day = json.loads(rows[field])
        for id in day["papers"]:
            found[id] = f"{day['profile']} {day['batch']} {field[1:]}"
    return found


def _form_1(text: str) -> str:
    text = unpacked(text)
    if not text.startswith(f'{{"v":{FORMAT_VERSION},'):
        return text
    body = json.loads(text)
    del body["v"]
    is_replacement = {"categories"} <= set(body) <= {"categories", "change"}
    return json.dumps(body["categories"] if is_replacement else body)


KINDS: Handlers = {
    "garbled": garbled,
    "restore": restore,
    "upgrade": upgrade,
}
