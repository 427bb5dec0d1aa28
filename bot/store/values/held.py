"""Of many keys, what those hold that are there: most are not, and cost no answer of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, Literal

from redis import Redis

# KEYS: all of them. ARGV: the command that reads one. Each answer is the number of its key and what
# that holds.
_THOSE_THERE: Final = """
local found = {}
for n, key in ipairs(KEYS) do
  local held = redis.call(ARGV[1], key)
  if #held > 0 then found[#found + 1] = {n, held} end
end
return found
"""


def held(
    redis: Redis, command: Literal["hgetall", "smembers"], keys: Sequence[str]
) -> Iterator[tuple[int, list[str]]]:
    """In one round trip, the place of each key that is there among `keys`, and what the command
    answers of it: a hash's fields, each before its value, or a set's members."""
    found = redis.eval(_THOSE_THERE, len(keys), *keys, command) if keys else []
    for number, row in found:
        yield number - 1, row
