"""Redis: what each profile's gate has learned, how its days went, and how it stands."""

from __future__ import annotations

from datetime import date

from bot.domain.budget import GateReport
from bot.domain.paper_status import judging_criteria
from bot.domain.papers import Profile, Value, fingerprint
from bot.store.store import Store
from bot.store.stored_forms import RETENTION, N, reader_for, serialise

# Days that are learned from at most, and days whose tallies are kept.
_DAYS = 60


def gate_key(profile: Profile, model: str) -> str:
    """Names what picks are: the judge, what it is told, and the cut-offs."""
    return fingerprint(
        judging_criteria(profile).model_dump_json(), profile.cutoffs.model_dump_json(), model
    )


class Gates:
    """On the same server as the store; what the workers learn is text here, theirs to read."""

    def __init__(self, store: Store) -> None:
        self._redis, self._rows = store.redis, store.reader

    def put_gate(self, key: str, gate: Value) -> None:
        """The gate as it stands, closed or open."""
        self._redis.set(f"pb:gate:{key}", serialise(gate), ex=RETENTION)

    def gate(self, key: str, value: type[N]) -> N | None:
        """None before it was first kept, or where it was learned in a form that cannot be read any
        more: then it is learned anew, and is open until then."""
        return self._rows.get(f"pb:gate:{key}", reader_for(value))

    def put_day(self, key: str, day: date, name: str, tally: Value) -> None:
        """How a decided day (its name) went; a day that is judged again replaces itself."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(f"pb:gate-days:{key}", str(day), name)
            pipe.hset(f"pb:gate-tallies:{key}", str(day), serialise(tally))
            pipe.expire(f"pb:gate-days:{key}", RETENTION)
            pipe.expire(f"pb:gate-tallies:{key}", RETENTION)
            pipe.hkeys(f"pb:gate-days:{key}")
            *_, days = pipe.execute()
        if old := sorted(days)[:-_DAYS]:
            self._redis.hdel(f"pb:gate-days:{key}", *old)
            self._redis.hdel(f"pb:gate-tallies:{key}", *old)

    def days(self, key: str) -> dict[date, str]:
        """The names of the last decided days."""
        rows = self._rows.hgetall(f"pb:gate-days:{key}", str)
        return {date.fromisoformat(day): rows[day] for day in sorted(rows)[-_DAYS:]}

    def tallies(self, key: str, value: type[N]) -> list[N]:
        """How the last days went, the oldest first."""
        rows = self._rows.hgetall_sorted(f"pb:gate-tallies:{key}", reader_for(value))
        return list(rows.values())[-_DAYS:]

    def put_report(self, key: str, report: GateReport) -> None:
        self._redis.set(f"pb:gate-report:{key}", serialise(report), ex=RETENTION)

    def report(self, key: str) -> GateReport | None:
        return self._rows.get(f"pb:gate-report:{key}", reader_for(GateReport))

    # -- nights

    def put_last_trained(self, key: str, night: date) -> None:
        """This night's lesson is over."""
        self._redis.hset("pb:learnt", key, str(night))
        # A profile that was changed has another gate.
        if old := [k for k, last in self.last_trained().items() if last < night - RETENTION]:
            self._redis.hdel("pb:learnt", *old)

    def last_trained(self) -> dict[str, date]:
        """The last night of each."""
        return self._rows.hgetall("pb:learnt", date.fromisoformat)
