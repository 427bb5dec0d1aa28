"""An installation with a store on a real server, for the checks that need one: the same before
every input.

It has what the version before left of a channel with two days (old_store), a second channel and a
second workspace, and a profile made in the first. Whoever acts is in the first channel alone.
"""

from __future__ import annotations

import atexit
import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any

from redis import Redis

from bot.commands import papers
from bot.commands.context import Answer, Context, Invocation
from bot.discord import forms as discord_forms
from bot.domain.judge import Judge
from bot.domain.message import Form
from bot.domain.request import Address
from bot.domain.subscription import Subscription
from bot.runtime import status
from bot.slack import forms as slack_forms
from bot.store.connection import connect
from bot.store.key_kinds import kind_of
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.store import Store
from bot.store.values.quarantine import QUARANTINE_KEY, claim_server
from bot.store.values.stored_forms import serialise
from tests.bot.commands.samples import deliver_day
from tests.factories import answer_lookup, profile, subscription
from tests.fuzz.promises import assert_plain, assert_shown, assert_stored
from tests.old_store import fill_store, use_everything
from tests.servers.discord_rules import modal_error
from tests.servers.slack_rules import broken_rules
from workers.runtime.server import embedded

SERVER = "FUZZ_SERVER"  # its address, in a campaign's environment
SLACK = Address(platform="slack", workspace="T1", channel="C1")
DISCORD = Address(platform="discord", workspace="900", channel="901")
TERMINAL = Address(platform="terminal", channel="main")
# What belongs to others, by what its key or field says: nobody who is in C1 alone changes it.
_OTHERS = ("T1:C2", "slack:T2")
_NEVER_LOST = ("pb:paper:", "pb:digest:", "pb:history:", "pb:verdict:", "pb:call:", "pb:batch:")


class World:
    """The store, and what the bot's commands work with."""

    def __init__(self, url: str) -> None:
        self.url, self.redis = url, connect(url)
        self.store = Store(self.redis)
        self._raw = Redis.from_url(url)
        judge = Judge(model="gpt-6-luna")
        queues = Queues(self._raw)
        self.context = Context(
            store=self.store,
            lookups=Lookups(self.store),
            judge=judge,
            status=lambda: status.gather(queues, self.store, judge),
        )
        self._fill()
        self._rows = self.rows(self._keys())
        self._raw.eval(_KEEP, 0)

    def _fill(self) -> None:
        self._raw.flushall()
        fill_store(self.store)
        claim_server(self.redis)
        for where in (SLACK, DISCORD):
            deliver_day(self.context, where)
        mine = profile(name="mine", title="Mine")
        for workspace in ("slack:T1", "slack:T2", "discord:900"):
            self.redis.hset(f"pb:profiles:{workspace}", "mine", serialise(mine))
            self.redis.hset(f"pb:makers:{workspace}", "mine", "U1")
        for address in (SLACK, DISCORD, *map(self._next_door, ("C2", ""))):
            self._subscribe(address)

    def _next_door(self, channel: str) -> Address:
        update = {"channel": channel} if channel else {"workspace": "T2"}
        return SLACK.model_copy(update=update)

    def _subscribe(self, address: Address) -> None:
        each: Subscription = subscription(profile="mine", address=address)
        self.store.subscriptions.put(each)

    def reset(self) -> None:
        """Everything as it was."""
        self._raw.eval(_RESET, 0)

    def changed(self) -> list[str]:
        """The keys that do not hold what they did."""
        return [str(key) for key in self.redis.eval(_CHANGED, 0)]  # type: ignore[union-attr]

    def rows(self, keys: Sequence[str]) -> dict[tuple[str, str], str]:
        """What these keys hold, by key and field."""
        if not keys:
            return {}
        with self.redis.pipeline(transaction=False) as pipe:
            for key in keys:
                pipe.type(key)
            kinds = pipe.execute()
            for key, kind in zip(keys, kinds, strict=True):
                _READ[kind](pipe, key)  # of a key that is gone: the hash that it is not
            values = pipe.execute()
        found: dict[tuple[str, str], str] = {}
        for key, value in zip(keys, values, strict=True):
            if isinstance(value, dict):
                found |= {(key, field): row for field, row in value.items()}
            elif isinstance(value, str):
                found[key, ""] = value
            else:
                found |= {(key, str(row)): str(row) for row in value}
        return found

    def _keys(self) -> list[str]:
        return sorted(map(str, self.redis.keys("*")))  # type: ignore[arg-type]

    def assert_sound(self) -> None:
        """What belongs to others is as it was, nothing is lost that is kept for good, and all can
        be read."""
        changed = self.changed()
        rows = self.assert_readable(changed)
        for (key, field), row in self._rows.items():
            if key not in changed:
                continue
            if any(other in key or other in field for other in _OTHERS):
                assert rows.get((key, field)) == row, f"{key} {field} of others was changed"
            elif key.startswith(_NEVER_LOST):
                assert (key, field) in rows, f"{key} {field} was lost"
        assert QUARANTINE_KEY not in changed, self.rows([QUARANTINE_KEY])

    def assert_readable(self, keys: Sequence[str] | None = None) -> dict[tuple[str, str], str]:
        """Each of these keys (or of all) is one of ours, and its values can be read; returns
        them."""
        rows = self.rows(self._keys() if keys is None else keys)
        for (key, field), row in rows.items():
            kind = kind_of(key)
            assert kind is not None, f"a key that no backup takes: {key!r}"
            kind.check(field, row)
        return rows

    def spoil(self, number: int, text: str) -> tuple[str, str]:
        """Put a text in the place of one of the values that are strings or rows of hashes; returns
        its key and its field."""
        places = [place for place in self._rows if self.redis.type(place[0]) in ("string", "hash")]
        key, field = places[number % len(places)]
        if field:
            self.redis.hset(key, field, text)
        else:
            self.redis.set(key, text)
        return key, field

    def use(self) -> None:
        """What the bot and the workers do in an hour, but for posting."""
        use_everything(self.context, self._raw)

    def assert_answer(self, invocation: Invocation, answer: Answer) -> None:
        """Whatever an answer holds can be shown on every platform, and stored."""
        heads = [answer.head, answer.announcement, answer.update, answer.shared]
        assert_shown(*filter(None, heads), *(head for _, head in answer.broadcasts))
        if answer.form:
            assert_form(answer.form)
        if answer.request:
            assert_stored(answer.request)
        if answer.lookup:
            assert_stored(answer.lookup)
            self.context.lookups.put(answer.lookup)
            answer_lookup(self.context.lookups, answer.lookup)
            found = papers.lookup_result(invocation, self.context, answer.lookup)
            if found:
                self.assert_answer(invocation, found)


def assert_form(form: Form) -> None:
    """Both chats take a form."""
    view = slack_forms.modal_in_channel(form, "C1")
    assert broken_rules(view) == [], broken_rules(view)
    modal = discord_forms.modal(form)
    assert not modal_error(modal), modal_error(modal)
    for field in form.fields:
        assert_plain(field.value, lines=True)


@cache
def world() -> World:
    """The one of this process, on the server that a campaign has started for it, or on an embedded
    one that stops with it."""
    if url := os.environ.get(SERVER):
        return World(url)
    stack = ExitStack()
    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="fuzz"))
    url = stack.enter_context(embedded(Path(folder)))
    atexit.register(stack.close)
    return World(url)


# The state is kept in the server's second database, and compared there.
_KEEP = """
for _, key in ipairs(redis.call('keys', '*')) do redis.call('copy', key, key, 'DB', 1) end
"""
_RESET = """
redis.call('flushdb')
redis.call('select', 1)
for _, key in ipairs(redis.call('keys', '*')) do redis.call('copy', key, key, 'DB', 0) end
redis.call('select', 0)
"""
_CHANGED = """
local function dumped(database)
  redis.call('select', database)
  local found = {}
  for _, key in ipairs(redis.call('keys', '*')) do found[key] = redis.call('dump', key) end
  return found
end
local now, before, changed = dumped(0), dumped(1), {}
for key, value in pairs(now) do
  if before[key] ~= value then table.insert(changed, key) end
end
for key in pairs(before) do
  if not now[key] then table.insert(changed, key) end
end
redis.call('select', 0)
return changed
"""

_READ: dict[str, Any] = {
    "none": lambda pipe, key: pipe.hgetall(key),
    "string": lambda pipe, key: pipe.get(key),
    "hash": lambda pipe, key: pipe.hgetall(key),
    "set": lambda pipe, key: pipe.smembers(key),
    "zset": lambda pipe, key: pipe.zrange(key, 0, -1),
    "list": lambda pipe, key: pipe.lrange(key, 0, -1),
}
