"""Redis: lookups of single papers, arXiv's answers, and the assessments of judges."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from uuid import uuid4

from redis import Redis

from bot.arxiv.calendar import NEW_YORK
from bot.domain.judge import Judge
from bot.domain.lookup import ArxivAnswer, Assessment, Lookup
from bot.domain.papers import Announced, Paper, fingerprint
from bot.domain.reasons import PaperReason
from bot.store.papers import paper_ref
from bot.store.store import Store
from bot.store.values.stored_forms import RETENTION, ListedPaper, reader_for, serialise

# A paper may get a new version; a missing one may be announced tonight; an outage passes.
_FOUND, _MISSING, _AWAY = timedelta(days=1), timedelta(minutes=10), timedelta(seconds=60)
# Nobody waits longer than this for a lookup.
_WAITS = timedelta(hours=1)
# Lists that are searched for a paper: half a year of weekdays.
_LISTS = 130

# The numbers, from 1, of the keys whose value contains a text.
_NAMING = """
local found = {}
for place, key in ipairs(KEYS) do
  local text = redis.call('get', key)
  if text and string.find(text, ARGV[1], 1, true) then table.insert(found, place) end
end
return found
"""

# Counts one more, unless the limit is reached. A caller that repeats the command because the answer
# was lost is counted already.
_TAKE = """
if redis.call('exists', KEYS[2]) == 1 then return 1 end
local used = tonumber(redis.call('get', KEYS[1]) or '0')
if used >= tonumber(ARGV[1]) then return 0 end
redis.call('incr', KEYS[1])
redis.call('expire', KEYS[1], ARGV[2])
redis.call('set', KEYS[2], 1, 'ex', 600)
return 1
"""


class Lookups:
    """`private` as in Queues: a command's own lookups are kept apart from the installation's."""

    def __init__(self, store: Store, private: str = "") -> None:
        self.store = store
        self._redis: Redis = store.redis
        self._rows = store.reader
        self.private, self._key = private, f"pb:inquiries:{private}"

    # -- waiting lookups

    def put(self, lookup: Lookup) -> None:
        """Leave it for the workers; putting the same one again changes nothing."""
        self._redis.hset(self._key, lookup.key, serialise(lookup))
        self._redis.expire(self._key, _WAITS)

    def all(self) -> list[Lookup]:
        """Those that are waiting, the oldest first."""
        rows = self._rows.hgetall(self._key, reader_for(Lookup)).values()
        return sorted(rows, key=lambda i: (i.since, i.key))

    def drop(self, lookup: Lookup) -> None:
        """It is answered, or nobody waits for it any more."""
        self._redis.hdel(self._key, lookup.key)

    def keys(self) -> set[str]:
        """Of those that are waiting."""
        return set(map(str, self._redis.hkeys(self._key)))

    def is_waiting(self, lookup: Lookup) -> bool:
        """Whether the workers have not answered it yet."""
        return bool(self._redis.hexists(self._key, lookup.key))

    # -- arXiv's answers by id

    def put_arxiv_answer(self, id: str, answer: ArxivAnswer) -> None:
        """Kept for a day where there is a paper, for ten minutes where arXiv has none, and for one
        where arXiv was away."""
        keep = _FOUND if answer.paper else _MISSING if answer.missing else _AWAY
        self._redis.set(f"pb:found:{id}", serialise(answer), ex=keep)

    def arxiv_answer(self, id: str) -> ArxivAnswer | None:
        """None where arXiv has to be asked (again)."""
        return self._rows.get(f"pb:found:{id}", reader_for(ArxivAnswer))

    # -- stored days and lists that have an id

    def days_mentioning(self, days: Sequence[str], id: str) -> list[str]:
        """Those of the decided days (names) that may have the paper, found on the server instead of
        transferring half a year of them. A comment may mention an id as well:
        Digest.decision_for tells."""
        keys = [f"pb:digest:{name}" for name in days]
        places: list[int] = self._redis.eval(_NAMING, len(keys), *keys, f'"{id}v') if keys else []
        return [days[place - 1] for place in places]

    def latest_announcement(self, id: str, now: datetime) -> tuple[date, Announced] | None:
        """The date and entry of arXiv's newest list that announced it."""
        days = _days(now)
        with self._redis.pipeline(transaction=False) as pipe:
            for day in days:
                pipe.hget(f"pb:batch:{day}", id)
            rows = pipe.execute()
        for day, row in zip(days, rows, strict=True):
            seen = self._rows.decode(f"pb:batch:{day}", id, row, reader_for(ListedPaper))
            paper = seen and self._rows.get(f"pb:paper:{seen.paper}", reader_for(Paper))
            if seen and paper:
                return day, Announced(paper=paper, announce_type=seen.type)
        return None

    def latest_replacement(self, id: str, now: datetime) -> date | None:
        """The date of arXiv's newest list that had it as a replacement."""
        days = _days(now)
        with self._redis.pipeline(transaction=False) as pipe:
            for day in days:
                pipe.hexists(f"pb:batch:{day}:replaced", id)
            is_replaced = pipe.execute()
        return next((day for day, yes in zip(days, is_replaced, strict=True) if yes), None)

    # -- assessments

    def put_assessment(
        self, profile: str, judge: Judge, paper: Paper, assessment: Assessment
    ) -> None:
        """An incomplete assessment is forgotten soon, so that it is asked for again."""
        complete = assessment.score is not None and assessment.silent in (
            None,
            PaperReason.UNPROVEN,
        )
        key = _opinion(profile, judge, paper_ref(paper))
        self._redis.set(key, serialise(assessment), ex=RETENTION if complete else _AWAY)

    def assessments(self, judges: Mapping[str, Judge], paper: Paper) -> dict[str, Assessment]:
        """By profile (a fingerprint), with its judge, those that are stored."""
        keys = [_opinion(profile, judge, paper_ref(paper)) for profile, judge in judges.items()]
        pairs = zip(judges, self._rows.mget(keys, reader_for(Assessment)), strict=True)
        return {name: assessment for name, assessment in pairs if assessment is not None}

    def take_call(self, workspace_key: str, at: datetime, most: int) -> bool:
        """Count one call of a workspace (or by Lookup.purse), of at most `most` a (UTC) day; False
        when none is left."""
        return self._take(f"pb:asked-of-model:{workspace_key}:{at.date()}", most, timedelta(days=2))

    def take_share(self, workspace_key: str, person: str, at: datetime, most: int) -> bool:
        """Count one answer that a person shares, of at most `most` in a clock hour (UTC); False
        when none is left."""
        key = f"pb:shares:{workspace_key}:{person}:{at:%Y-%m-%dT%H}"
        return self._take(key, most, timedelta(hours=2))

    def _take(self, key: str, most: int, kept: timedelta) -> bool:
        mine = f"pb:taken:{uuid4().hex}"
        return bool(self._redis.eval(_TAKE, 2, key, mine, most, int(kept.total_seconds())))


def _days(now: datetime) -> list[date]:
    today = now.astimezone(NEW_YORK).date()
    days = (today - timedelta(days=n) for n in range(_LISTS * 7 // 5))
    return [day for day in days if day.weekday() < 5]


def _opinion(profile: str, judge: Judge, ref: str) -> str:
    return f"pb:opinion:{profile}:{fingerprint(judge.key)}:{ref}"
