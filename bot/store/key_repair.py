"""A Redis client that sets aside what a key should not hold, and then repeats the command."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from redis import Redis
from redis.client import Pipeline
from redis.exceptions import ResponseError

from bot.store.key_kinds import KeyKind, kind_of
from bot.store.values.quarantine import quarantine_key, quarantine_value
from bot.store.values.stored_forms import unreadable_reason


class RepairingRedis(Redis):
    """A command that fails because of a stored value is repeated once without it. (All our writes
    may be repeated: redis-py does so when an answer is lost.)"""

    def execute_command(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]
        except ResponseError as error:
            if not (_is_about_value(error) and _repair_keys(self, args)):
                raise
        return super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:
        pipe = _RepairingPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        pipe.repairer = self
        return pipe


class _RepairingPipeline(Pipeline):
    repairer: RepairingRedis

    def execute(self, raise_on_error: bool = True) -> list[Any]:
        stack = list(self.command_stack)
        try:
            answers = super().execute(raise_on_error)
        except ResponseError as error:
            if not self._repaired(stack, error):
                raise
        else:
            if not any(self._repaired(stack, each) for each in answers):
                return answers
        self.command_stack = stack
        return super().execute(raise_on_error)

    def _repaired(self, stack: list[Any], answer: Any) -> bool:
        if not (isinstance(answer, ResponseError) and _is_about_value(answer)):
            return False
        return _repair_keys(self.repairer, [word for command in stack for word in command[0]])


def repair_key(redis: Redis, key: str) -> bool:
    """Set aside what a key should not hold; True when there was anything."""
    kind, type = kind_of(key), str(redis.type(key))
    if kind is None or type == "none":
        return False
    if type != kind.type:
        quarantine_key(redis, key, f"it is a {type} and should be a {kind.type}")
        return True
    wrong = list(_wrong(redis, key, kind))
    if wrong and kind.type in ("set", "zset", "list"):
        quarantine_key(redis, key, wrong[0][2])
        return True
    for field, value, why in wrong:
        quarantine_value(redis, key, field if kind.type == "hash" else None, value, why)
    return bool(wrong)


def _wrong(redis: Any, key: str, kind: KeyKind) -> Iterator[tuple[str, str, str]]:
    read = {
        "string": lambda: [("", redis.get(key))],
        "hash": lambda: redis.hgetall(key).items(),
        "set": lambda: [("", member) for member in redis.smembers(key)],
        "zset": lambda: [("", member) for member in redis.zrange(key, 0, -1)],
        "list": lambda: [("", row) for row in redis.lrange(key, 0, -1)],
    }
    for field, value in read[kind.type]():  # type: ignore[no-untyped-call]
        try:
            kind.check(field, str(value))
        except ValueError as error:
            yield field, str(value), unreadable_reason(error)


def _is_about_value(error: ResponseError) -> bool:
    """Whether a stored value caused it: a wrong type, not a number, a script that failed."""
    message = str(error)
    return any(word in message for word in ("WRONGTYPE", "not an integer", "script"))


def _repair_keys(redis: Redis, words: Iterable[Any]) -> bool:
    keys = dict.fromkeys(w for w in words if isinstance(w, str) and w.startswith("pb:"))
    return sum(repair_key(redis, key) for key in keys) > 0
