"""What a program asks for and gets, whichever door it comes by. Searches are made by the workers;
all else is read at once."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Final

from bot.commands.context import Context
from bot.domain.reasons import ModelReason
from bot.doors import reading
from bot.doors.admission import SEARCH_COST, Visit
from bot.doors.questions import AboutPaper, DigestsAsked, DigestWanted, PapersAsked, WordsAsked
from bot.doors.threads import Threads
from bot.errors import Refused, Unavailable
from bot.exported.shapes import DigestRows, FoundPapers, GivenDigest, WhyShape
from bot.runtime.task_waiter import TaskWaiter
from bot.views.keeping import programs as words

# A program, or what stands between, does not wait much longer.
_PATIENCE_SECONDS: Final = 25.0
_RETRY_SECONDS: Final = 60.0


class ProgramAnswers:
    """Each raises Refused, Unavailable, RedisError; None is what does not exist for this reader."""

    def __init__(self, context: Context, tasks: TaskWaiter, threads: Threads) -> None:
        self.context, self._tasks, self._run = context, tasks, threads.run

    async def digests(self, visit: Visit, asked: DigestsAsked) -> DigestRows:
        return await self._run(lambda: reading.digests(self.context, visit.reader, asked))

    async def digest(
        self, visit: Visit, channel: str, day: str, asked: PapersAsked
    ) -> GivenDigest | None:
        given = visit.reader, channel, day, asked
        return await self._run(lambda: reading.digest(self.context, *given))

    async def latest(self, visit: Visit, wanted: DigestWanted) -> GivenDigest | None:
        return await self._run(lambda: reading.latest(self.context, visit.reader, wanted))

    async def why(self, visit: Visit, asked: AboutPaper) -> WhyShape | None:
        given = visit.reader, asked, datetime.now(UTC)
        return await self._run(lambda: reading.why(self.context, *given))

    async def search(self, visit: Visit, asked: WordsAsked) -> FoundPapers | None:
        """Also raises TooMany: it costs more than a page. None where its reader has left since."""
        if not any(map(str.isalnum, asked.words)):
            raise Refused(words.NO_WORDS)
        visit.spend(SEARCH_COST - 1)
        given = self.context, visit.reader, asked.words, datetime.now(UTC)
        task = await self._run(lambda: reading.search_task(*given))
        # Nobody in the chat waits for it, to be told when the bot is restarted.
        await self._run(lambda: self.context.store.tasks.put_told(task.key))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                result = await self._tasks.wait_for(task, _nobody_hears)
        except TimeoutError:
            result = None
        if result is None or result.search is None:
            raise Unavailable(words.BUSY, ModelReason.STILL_AT_IT, _RETRY_SECONDS)
        reader = await visit.look_again()
        if reader is None:
            return None
        given, found = (self.context, reader, asked.words, datetime.now(UTC)), result.search
        return await self._run(lambda: reading.found(*given, found))


async def _nobody_hears(done: int, total: int) -> None:
    """A program is not told how far the workers are."""
