"""Redis: forgets a workspace, or a person of one, in every kind of key that there is.

What names the workspace or the person, in a key, a field, a member or a value, is found by looking
at all of them, so that a kind of key that is added later needs no line here.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bot.domain.papers import Profile
from bot.domain.watching.ledger import Excuse
from bot.errors import Refused
from bot.profiles import library
from bot.store.key_kinds import kind_of
from bot.store.store import Store
from bot.store.values.packing import unpacked
from bot.store.values.stored_forms import reader_for, upgraded_json

_SCANNED: Final = 500
# What is under way for a person ends with them; of anything else that only names them, such as a
# channel's subscription, the name goes and the rest stays.
_THEIRS: Final = (
    *("wishes", "due", "begun", "tried", "task", "task-result", "task-told", "inquiries"),
    *("undo", "forgotten", "aside"),
)
# The address of direct messages.
_DIRECT: Final = re.compile("slack:[^:]*:D|discord::")
# Whoever stopped half-way goes on; what comes in meanwhile is found by looking once more.
_LOOKS: Final = 3


class Subject(NamedTuple):
    """A workspace (`slack:T0123ABCD`), or a person (an id) there."""

    workspace: str
    person: str = ""


class Found(NamedTuple):
    """How much of a kind of key names a subject: whole keys, rows of others, and rows that stay
    without the name."""

    keys: int = 0
    rows: int = 0
    renamed: int = 0


class _Row(NamedTuple):
    """A field of a hash with its value; a member of a set; a string's value, without a field."""

    field: str
    value: str


def find(store: Store, subject: Subject) -> dict[str, Found]:
    """What names the subject, by kind of key; nothing is changed."""
    return _walk(store, subject, apply=False)


def forget(store: Store, subject: Subject) -> dict[str, Found]:
    """Forget the subject; returns how much of each kind. May be stopped and repeated at any time.
    Raises Refused while a digest is posted in the workspace: its poster would write it anew."""
    _require_quiet(store, subject)
    if subject.person:
        return _forget_person(store, subject)
    total = Counter[tuple[str, int]]()
    # First what lets new work begin; whatever began in between is seen by its lease.
    _add(total, _end_subscriptions(store, subject))
    for key in ("wishes", *(f"due:{name}" for name in ("slack", "discord"))):
        _add(total, _forget_key(store, subject, f"pb:{key}"))
    _require_quiet(store, subject)
    _forget_days(store, subject, total)
    for _ in range(_LOOKS):
        found = _walk(store, subject, apply=True)
        _add(total, found)
        if not found:
            break
    return _by_kind(total)


def _forget_person(store: Store, subject: Subject) -> dict[str, Found]:
    total = Counter[tuple[str, int]]()
    _add(total, _walk(store, subject, apply=False))
    for left in store.left_behind:  # these know what has to be learned anew
        left.erase(subject.workspace, subject.person)
    for _ in range(_LOOKS):
        if not _walk(store, subject, apply=True):
            break
    return _by_kind(total)


def _require_quiet(store: Store, subject: Subject) -> None:
    for key in store.redis.scan_iter(f"pb:lease:deliver:{subject.workspace}:*", count=_SCANNED):
        if not str(key).endswith((":number", ":holder")):
            channel = str(key).removeprefix("pb:lease:deliver:")
            raise Refused(
                f"A digest is being posted in {channel}. Try again in a minute; what was forgotten "
                "until now stays forgotten."
            )


# -- what a workspace has that is not named by it


def _end_subscriptions(store: Store, subject: Subject) -> Mapping[str, Found]:
    """A digest that is owed to it is explained in the month's line, not missing there."""
    prefix = f"{subject.workspace}:"
    for key, row in store.ledger.rows().items():
        if key.startswith(prefix):
            store.ledger.excuse(key, row.open, Excuse.ENDED)
            store.ledger.forget(key)
    return _forget_key(store, subject, "pb:subscriptions")


def _forget_days(store: Store, subject: Subject, total: Counter[tuple[str, int]]) -> None:
    """What was judged by its own criteria or votes alone, which names no workspace."""
    mine = f"pb:profiles:{subject.workspace}"
    versions = store.redis.scan_iter(f"pb:versions:{subject.workspace}:*", count=_SCANNED)
    own = _fingerprints(store, [mine, *map(str, versions)])
    listed = (str(key) for key in store.redis.scan_iter("pb:profiles*", count=_SCANNED))
    others = _fingerprints(store, [key for key in listed if key != mine])
    others |= {profile.fingerprint for profile in library.shipped().values()}
    for fingerprint in own | others:
        everybodys = store.days.names(fingerprint)
        names = set(store.days.names(fingerprint, subject.workspace)) - set(everybodys)
        kinds = []
        if fingerprint not in others:
            names |= set(everybodys)
            kinds = [f"pb:{kind}:{fingerprint}" for kind in ("profile", "usual", "days")]
        days = [f"pb:{kind}:{name}" for kind in ("digest", "judged", "basis") for name in names]
        for key in (*days, *kinds):
            if store.redis.delete(key):
                total[key.split(":")[1], 0] += 1


def _fingerprints(store: Store, keys: Sequence[str]) -> set[str]:
    return {profile.fingerprint for key in keys for profile in _values(store, key)}


def _values(store: Store, key: str) -> Iterator[Profile]:
    """The profiles in a hash, those of its versions included."""
    rows: dict[str, str] = store.redis.hgetall(key)  # type: ignore[assignment]
    for text in rows.values():
        try:
            body = upgraded_json("Profile", text)
            inner = body.get("profile", body) if isinstance(body, dict) else None
            if isinstance(inner, dict):
                yield reader_for(Profile)(json.dumps({**inner, "v": 1}))
        except ValueError:
            continue


# -- every key


def _walk(store: Store, subject: Subject, apply: bool) -> dict[str, Found]:
    total = Counter[tuple[str, int]]()
    for key in store.redis.scan_iter("pb:*", count=_SCANNED):
        _add(total, _forget_key(store, subject, str(key), apply))
    return _by_kind(total)


def _forget_key(
    store: Store, subject: Subject, key: str, apply: bool = True
) -> Mapping[str, Found]:
    """Forget what a key has of the subject; how much, by its kind."""
    name = kind.name if (kind := kind_of(key)) else key.split(":")[1]
    names = _Names(subject, key)
    if names.is_in_key:
        if apply:
            store.redis.delete(key)
        return {name: Found(keys=1)}
    rows = [row for row in _rows(store.redis, key) if names.are_in(row)]
    if not rows:
        return {}
    renamed = 0
    for row in rows:
        other = names.without(row.value) if names.may_stay(name, row) else None
        sound = other is not None and _is_sound(key, row.field, other)
        renamed += sound
        if apply:
            _put(store.redis, key, row, other if sound else None)
    is_whole = rows[0].field == "" and not renamed
    gone = Found(keys=1) if is_whole else Found(rows=len(rows) - renamed, renamed=renamed)
    return {name: gone}


class _Names:
    """Where a subject is named."""

    def __init__(self, subject: Subject, key: str) -> None:
        platform, _, id = subject.workspace.partition(":")
        self._person, self._id = subject.person, id
        # As a text of its own, or in an address: no sentence has that. What was set aside is JSON
        # in JSON.
        workspace = rf"{platform}:{re.escape(id)}(?![\w-])" + (
            rf'|"{re.escape(id)}\\*"' if id else ""
        )
        if subject.person and not id:  # as questions in direct messages on Discord are counted
            workspace += rf"|{platform}:person-{re.escape(subject.person)}(?![\w-])"
        self._workspace = re.compile(workspace)
        self._word = re.compile(rf"(?<![A-Za-z0-9]){re.escape(subject.person)}(?![A-Za-z0-9])")
        self._key, self._is_place = key, self._workspace.search(key) is not None

    @property
    def is_in_key(self) -> bool:
        if not self._is_place:
            return False
        return not self._person or self._word.search(self._key) is not None

    def are_in(self, row: _Row) -> bool:
        """Of a key that is not all theirs."""
        text = f"{row.field} {unpacked_or_same(row.value)}"
        if not self._person:
            return row.field == self._id or self._workspace.search(text) is not None
        is_here = self._is_place or self._workspace.search(text) is not None
        return is_here and self._word.search(text) is not None

    def may_stay(self, kind: str, row: _Row) -> bool:
        """Whether a row is somebody else's, and names the person in its value alone. What is about
        direct messages is nobody else's: a digest there ends."""
        if not self._person or kind in _THEIRS or _DIRECT.match(row.field):
            return False
        return not self._word.search(row.field)

    def without(self, value: str) -> str | None:
        """A value with nobody where the person was; None where it is no JSON."""
        try:
            other = json.dumps(self._cleared(json.loads(value)), ensure_ascii=False)
        except ValueError:
            return None
        return None if self._word.search(other) else other  # a number may be an id

    def _cleared(self, body: Any) -> Any:
        if isinstance(body, dict):
            return {name: self._cleared(value) for name, value in body.items()}
        if isinstance(body, list):
            return [self._cleared(value) for value in body]
        return self._word.sub("", body) if isinstance(body, str) else body


def unpacked_or_same(text: str) -> str:
    """A stored text as it reads; one that is damaged as it is."""
    try:
        return unpacked(text)
    except ValueError:
        return text


def _rows(redis: Any, key: str) -> list[_Row]:
    match redis.type(key):
        case "string":
            return [_Row("", redis.get(key) or "")]
        case "hash":
            return [_Row(field, value) for field, value in redis.hgetall(key).items()]
        case "set":
            return [_Row(member, "") for member in redis.smembers(key)]
        case "zset":
            return [_Row(member, "") for member in redis.zrange(key, 0, -1)]
        case "list":
            return [_Row(value, "") for value in redis.lrange(key, 0, -1)]
    return []


def _put(redis: Any, key: str, row: _Row, other: str | None) -> None:
    """Take a row out, or put `other` in its place."""
    match redis.type(key):
        case "string" if other is None:
            redis.delete(key)
        case "string":
            redis.set(key, other, keepttl=True, xx=True)
        case "hash" if other is None:
            redis.hdel(key, row.field)
        case "hash":
            redis.hset(key, row.field, other)
        case "set":
            redis.srem(key, row.field)
        case "zset":
            redis.zrem(key, row.field)
        case "list":
            redis.lrem(key, 0, row.field)


def _is_sound(key: str, field: str, value: str) -> bool:
    try:
        kind = kind_of(key)
        return kind is not None and kind.check(field, value) is not None
    except ValueError:
        return False


def _add(total: Counter[tuple[str, int]], found: Mapping[str, Found]) -> None:
    for name, counts in found.items():
        for place, count in enumerate(counts):
            total[name, place] += count


def _by_kind(total: Counter[tuple[str, int]]) -> dict[str, Found]:
    names = sorted({name for (name, _), count in total.items() if count})
    return {name: Found(*(total[name, place] for place in range(3))) for name in names}
