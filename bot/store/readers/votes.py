"""Redis: votes on papers shown to a channel, and what they teach each profile of a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from redis import Redis

from bot.domain.papers import Value, fingerprint
from bot.domain.readers.teaching import DownReason, Lesson, Taught
from bot.domain.readers.traces import Trace, TraceKind
from bot.domain.request import Address
from bot.domain.subscription import Vote
from bot.store.readers.vote_uses import VoteUses
from bot.store.values.held import held
from bot.store.values.quarantine import ValueReader, drop_quarantined
from bot.store.values.stored_forms import RETENTION, UNDO_FOR, N, reader_for, serialise

# One person has one vote a paper; the same vote again takes it back, with what it taught. In one
# step, because people press at the same moment; from the vote `before`, so that a repeated call, as
# redis-py makes, takes nothing back. -1: the vote was changed meanwhile.
_CAST = """
local now, before = redis.call('hget', KEYS[1], ARGV[1]) or '', ARGV[6]
local after = before == ARGV[2] and '' or ARGV[2]
if now ~= before then return now == after and (after == '' and 0 or 1) or -1 end
if after == '' then
  redis.call('hdel', KEYS[1], ARGV[1])
  redis.call('hdel', KEYS[2], ARGV[4])
  return 0
end
redis.call('hset', KEYS[1], ARGV[1], ARGV[2])
redis.call('expire', KEYS[1], ARGV[3])
redis.call('hset', KEYS[2], ARGV[4], ARGV[5])
redis.call('expire', KEYS[2], ARGV[3])
return 1
"""

# What was forgotten comes back, unless that person has voted on the paper again.
_RESTORE = """
local now = redis.call('hget', KEYS[1], ARGV[1])
if now and now ~= ARGV[2] then return 0 end
redis.call('hset', KEYS[1], ARGV[1], ARGV[2])
redis.call('expire', KEYS[1], ARGV[3])
redis.call('hset', KEYS[2], ARGV[4], ARGV[5])
redis.call('expire', KEYS[2], ARGV[3])
return 1
"""


class Forgotten(Value):
    """Votes that were forgotten, until that can no longer be undone."""

    profile: str
    lessons: tuple[Lesson, ...]
    by: str
    at: datetime


class PaperVotes:
    """By channel and paper (an id); what they teach, by workspace and profile (a name)."""

    def __init__(self, redis: Redis, uses: VoteUses) -> None:
        self._redis, self._rows, self._uses = redis, ValueReader(redis), uses

    def cast(self, address: Address, lesson: Lesson) -> bool:
        """Vote, change a vote, or take the same vote back; returns whether it stands now. `lesson`
        is the vote, in this channel."""
        keys = _votes(lesson.channel, lesson.paper), _lessons(address.workspace_key, lesson.profile)
        while True:
            before = str(self._redis.hget(keys[0], lesson.by) or "")
            stands = int(str(self._redis.eval(_CAST, 2, *keys, *_row(lesson), before)))
            if stands >= 0:
                return bool(stands)

    def by_person(self, places: Mapping[str, Sequence[Address]]) -> dict[str, dict[str, str]]:
        """By paper, how each person (an id) voted in some channels; who did in several of them: in
        the first."""
        asked = [(paper, str(each)) for paper, at in places.items() for each in at]
        keys = [_votes(each, paper) for paper, each in asked]
        by_person = {paper: dict[str, str]() for paper in places}
        for place, row in held(self._redis, "hgetall", keys):
            votes = by_person[asked[place][0]]
            for person, vote in zip(row[::2], row[1::2], strict=True):
                votes.setdefault(person, vote)
        return by_person

    # -- what they teach

    def lessons(self, workspace_key: str, profile: str) -> list[Lesson]:
        """All votes that teach a profile, the oldest first."""
        rows = self._rows.hgetall(_lessons(workspace_key, profile), reader_for(Lesson))
        return sorted(rows.values(), key=lambda lesson: (lesson.at, lesson.key))

    def explain(self, address: Address, profile: str, key: str, reason: DownReason) -> bool:
        """Add the reason of a vote down (a Lesson's key); False when there is no such vote."""

        def explained(lesson: Lesson | None) -> Lesson | None:
            if lesson is None or lesson.vote is not Vote.DOWN:
                return lesson
            return lesson.model_copy(update={"reason": reason})

        name = _lessons(address.workspace_key, profile)
        after = self._rows.change(name, key, Lesson, explained)[1]
        return after is not None and after.reason is reason

    def forget(
        self, address: Address, profile: str, lessons: Sequence[Lesson], by: str, at: datetime
    ) -> str:
        """Take votes back for good, as if they had not been cast; returns the token that undoes it
        for a day."""
        forgotten = Forgotten(profile=profile, lessons=tuple(lessons), by=by, at=at)
        token = fingerprint(forgotten.model_dump_json())
        key = _forgotten(address.workspace_key, token)
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.set(key, serialise(forgotten), ex=UNDO_FOR)
            for lesson in lessons:
                pipe.hdel(_votes(lesson.channel, lesson.paper), lesson.by)
                pipe.hdel(_lessons(address.workspace_key, profile), lesson.key)
            name = f"{address.workspace_key}:{profile}"
            pipe.delete(f"pb:vote-rankings:{name}", f"pb:taught:{name}")
            pipe.execute()
        self._uses.forget(address.workspace_key, profile, {lesson.paper for lesson in lessons})
        return token

    def forgotten(self, address: Address, token: str) -> Forgotten | None:
        """None after a day, in another workspace, and once they are back."""
        return self._rows.get(_forgotten(address.workspace_key, token), reader_for(Forgotten))

    def restore(self, address: Address, token: str, forgotten: Forgotten) -> int:
        """Cast them again where nobody voted otherwise since; returns how many came back."""
        own = _lessons(address.workspace_key, forgotten.profile)
        back = sum(
            int(self._redis.eval(_RESTORE, 2, _votes(e.channel, e.paper), own, *_row(e)))
            for e in forgotten.lessons
        )
        self._redis.delete(_forgotten(address.workspace_key, token))
        return back

    # -- what a person left

    def traces(self, workspace_key: str, person: str) -> list[Trace]:
        """Their votes, also those of an older release, which teach nothing and have no title."""
        traces, seen = [], set[tuple[str, str]]()
        for lesson in self._lessons_by(workspace_key, person):
            seen.add((lesson.channel, lesson.paper))
            traces.append(_trace(lesson.channel, lesson.paper, lesson.vote, lesson))
        for key in self._keys("votes", workspace_key):
            channel, paper = _channel_and_paper(key)
            vote = self._redis.hget(key, person)
            if vote and (channel, paper) not in seen:
                traces.append(_trace(channel, paper, str(vote), None))
        return traces

    def erase(self, workspace_key: str, person: str) -> None:
        """All of them, those that could be brought back included; what was learned from them is
        learned anew from the rest."""
        learned = self._keys("lessons", workspace_key)
        for key, lessons in self._rows.hgetall_many(learned, reader_for(Lesson)).items():
            if mine := [lesson for lesson in lessons.values() if lesson.by == person]:
                name = key.removeprefix("pb:lessons:")
                self._redis.hdel(key, *(lesson.key for lesson in mine))
                self._redis.delete(f"pb:vote-rankings:{name}", f"pb:taught:{name}")
                papers = {lesson.paper for lesson in mine}
                self._uses.forget(workspace_key, mine[0].profile, papers)
        for key in self._keys("votes", workspace_key):
            self._redis.hdel(key, person)
        for key in self._keys("forgotten", workspace_key):
            self._erase_forgotten(key, person)
        kinds = ("votes", "lessons", "forgotten")
        drop_quarantined(self._redis, [f"pb:{kind}:{workspace_key}:" for kind in kinds], person)

    def _erase_forgotten(self, key: str, person: str) -> None:
        """Others' votes, forgotten by somebody else, can still be brought back."""
        forgotten = self._rows.get(key, reader_for(Forgotten))
        if forgotten is None:
            return
        rest = tuple(lesson for lesson in forgotten.lessons if lesson.by != person)
        if forgotten.by == person or not rest:
            self._redis.delete(key)
        elif rest != forgotten.lessons:
            left = forgotten.model_copy(update={"lessons": rest})
            self._redis.set(key, serialise(left), keepttl=True, xx=True)

    def _lessons_by(self, workspace_key: str, person: str) -> list[Lesson]:
        keys = self._keys("lessons", workspace_key)
        rows = self._rows.hgetall_many(keys, reader_for(Lesson)).values()
        return [each for lessons in rows for each in lessons.values() if each.by == person]

    def _keys(self, kind: str, workspace_key: str) -> list[str]:
        """Every key of a kind in a workspace, whatever channel or profile it is of."""
        return sorted(self._redis.scan_iter(f"pb:{kind}:{workspace_key}:*", count=1000))

    # -- what votes teach, as it was learned

    def put_learned(
        self, workspace_key: str, profile: str, rankings: Value, taught: Taught
    ) -> None:
        """Store what was learned: a value of the workers, and its report."""
        with self._redis.pipeline(transaction=True) as pipe:
            name = f"{workspace_key}:{profile}"
            pipe.set(f"pb:vote-rankings:{name}", serialise(rankings), ex=RETENTION)
            pipe.set(f"pb:taught:{name}", serialise(taught), ex=RETENTION)
            pipe.execute()

    def learned(self, workspace_key: str, profile: str, value: type[N]) -> N | None:
        """What was learned last, as the workers' `value`; None where nothing was, or its form can't
        be read any more: then it is learned again."""
        return self._rows.get(f"pb:vote-rankings:{workspace_key}:{profile}", reader_for(value))

    def taught(self, workspace_key: str, profile: str) -> Taught | None:
        """What is told of what was learned last; None where nothing was."""
        return self._rows.get(f"pb:taught:{workspace_key}:{profile}", reader_for(Taught))


def _row(lesson: Lesson) -> tuple[str, str, int, str, str]:
    seconds = int(RETENTION.total_seconds())
    return lesson.by, lesson.vote.value, seconds, lesson.key, serialise(lesson)


def _trace(channel: str, paper: str, vote: str, lesson: Lesson | None) -> Trace:
    return Trace(
        kind=TraceKind.VOTE,
        text=lesson.title if lesson else paper,
        paper=paper,
        detail=vote,
        channels=(channel,),
        at=lesson.at if lesson else None,
    )


def _channel_and_paper(key: str) -> tuple[str, str]:
    """Of a key of votes."""
    parts = key.removeprefix("pb:votes:").split(":", 3)
    return ":".join(parts[:3]), parts[3]


def _votes(channel: str, paper: str) -> str:
    return f"pb:votes:{channel}:{paper}"


def _lessons(workspace_key: str, profile: str) -> str:
    return f"pb:lessons:{workspace_key}:{profile}"


def _forgotten(workspace_key: str, token: str) -> str:
    return f"pb:forgotten:{workspace_key}:{token}"
