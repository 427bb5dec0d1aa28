"""Who asks: from a token to a person of a workspace, as their chat says now."""

from __future__ import annotations

import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import structlog

from bot.domain.readers.tokens import AccessToken, is_token, token_hash
from bot.domain.reasons import ChannelReason
from bot.doors.allowance import Allowance
from bot.doors.reading import Reader
from bot.doors.threads import Threads
from bot.errors import Unavailable
from bot.logs import LINES_A_MINUTE, RateLimitedLog
from bot.runtime.answers import Answers
from bot.store.readers.tokens import Tokens
from bot.views.keeping import programs as words

# What one person's programs may ask for in a minute, whatever the number of their tokens.
A_MINUTE: Final = 60
# A search has the workers read many digests.
SEARCH_COST: Final = 10
_RETRY_SECONDS: Final = 15.0
_HEADER: Final = re.compile(r"bearer +(\S+) *", re.IGNORECASE | re.ASCII)


def given_token(header: str) -> str | None:
    """The token in an `Authorization`, if it can be one of ours."""
    given = _HEADER.fullmatch(header)
    return given[1] if given and is_token(given[1]) else None


@dataclass(frozen=True)
class Visit:
    """One request of a reader's program; `spend` takes from what they may ask for in a minute,
    `look_again` says who they are after a while."""

    reader: Reader
    spend: Callable[[int], None]
    look_again: Callable[[], Awaitable[Reader | None]]


class Admission:
    """Lets in who has a good token. A person who has left, or is a guest by now, has none."""

    def __init__(
        self,
        tokens: Tokens,
        platforms: Mapping[str, Answers[Any]],
        threads: Threads,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`platforms` by name, which join as they are connected; `clock` gives seconds that never
        go back."""
        self._tokens, self._platforms, self._clock = tokens, platforms, clock
        self._run = threads.run
        self._allowance = Allowance(A_MINUTE)
        self._log = RateLimitedLog(structlog.get_logger(), LINES_A_MINUTE, clock)

    async def visit(self, header: str) -> Visit | None:
        """Who sends this `Authorization`; None for no token, any token that isn't good, and one
        whose person may read nothing here any more: these look the same.

        Raises TooMany, Unavailable where the chat does not say who they are, and RedisError."""
        given = given_token(header)
        token = await self._found(given) if given else None
        if token is None:
            self._log.warning("a program came without a good token")
            return None
        name = f"{token.workspace} {token.by}"

        def spend(cost: int) -> None:
            self._allowance.spend(name, cost, self._clock())

        spend(1)
        reader = await self._reader(token)
        if reader is None:
            self._log.warning("a token's person may use it no more", workspace=token.workspace)
            return None
        today = datetime.now(UTC).date()
        if token.used != today:
            await self._run(lambda: self._tokens.note_used(token, today))
        return Visit(reader, spend, lambda: self._reader(token))

    async def _found(self, text: str) -> AccessToken | None:
        now, hash = datetime.now(UTC), token_hash(text)
        return await self._run(lambda: self._tokens.find(hash, now))

    async def _reader(self, token: AccessToken) -> Reader | None:
        platform, _, workspace = token.workspace.partition(":")
        answers = self._platforms.get(platform)
        person = await answers.find_reader(workspace, token.by) if answers else None
        if answers is None or person is None:
            raise Unavailable(words.WHO_UNKNOWN, ChannelReason.CHAT_DOWN, _RETRY_SECONDS)
        if not person.may_use:
            return None
        site = await answers.find_site(workspace)
        return Reader(platform, workspace, token.by, person, site)
