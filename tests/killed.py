"""A process that is killed, as the code under it sees it."""

from __future__ import annotations

from typing import Any

from bot.slack.poster import SlackPoster


class Killed(BaseException):
    """kill -9."""

    def __str__(self) -> str:
        return "Killed"


class KilledPoster(SlackPoster):
    """Killed at the `last`-th post: before or after it went out."""

    last, after = 0, False
    posts = 0

    async def send(self, *args: Any) -> str:
        self.posts += 1
        if self.posts == self.last and not self.after:
            raise Killed
        sent = await super().send(*args)
        if self.posts == self.last:
            raise Killed
        return sent
