"""Redis: each profile's gate: what it has learned, its results by day, its report."""

from __future__ import annotations

from datetime import date

from bot.domain.budget import GateReport
from bot.domain.paper_status import judging_criteria
from bot.domain.papers import Profile, Value, fingerprint
from bot.store.store import Store
from bot.store.values.stored_forms import RETENTION, N, reader_for, serialise

# At most so many days are learned from, and keep their tallies.
_DAYS = 60


def gate_key(profile: Profile, model: str, owner: str = "") -> str:
    """One gate for each definition of a pick: the judge (with Judge.owner), its criteria, and the
    cut-offs."""
    return fingerprint(
        *(judging_criteria(profile).model_dump_json(), profile.cutoffs.model_dump_json(), model),
        *([owner] if owner else []),
    )


class Gates:
    """By `gate_key`. What a gate has learned is a value of the workers, who pass its type."""

    def __init__(self, store: Store) -> None:
        self._redis, self._rows = store.redis, store.reader

    def put_gate(self, key: str, gate: Value) -> None:
        """Replaces what the gate had learned before."""
        self._redis.set(f"pb:gate:{key}", serialise(gate), ex=RETENTION)

    def gate(self, key: str, value: type[N]) -> N | None:
        """None before it was first stored, or where its form cannot be read any more: then it is
        learned again, and every paper passes until then."""
        return self._rows.get(f"pb:gate:{key}", reader_for(value))

    def begin_as(self, key: str, like: str) -> None:
        """Begin a gate with all that another has learned and seen so far, unless it has begun."""
        for kind in ("gate", "gate-report", "gate-tallies", "gate-days"):  # days last: it has begun
            if not self._redis.exists(f"pb:gate-days:{key}"):
                self._redis.copy(f"pb:{kind}:{like}", f"pb:{kind}:{key}", replace=True)

    def put_day(self, key: str, day: date, name: str, tally: Value) -> None:
        """The tally of a decided day (its name); a day that is judged again replaces its own."""
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
        """By date, the names of the last decided days."""
        rows = self._rows.hgetall(f"pb:gate-days:{key}", str)
        return {date.fromisoformat(day): rows[day] for day in sorted(rows)[-_DAYS:]}

    def tallies(self, key: str, value: type[N]) -> list[N]:
        """The tallies of the last days, the oldest first."""
        rows = self._rows.hgetall_sorted(f"pb:gate-tallies:{key}", reader_for(value))
        return list(rows.values())[-_DAYS:]

    def put_report(self, key: str, report: GateReport) -> None:
        """Replaces the report before."""
        self._redis.set(f"pb:gate-report:{key}", serialise(report), ex=RETENTION)

    def report(self, key: str) -> GateReport | None:
        """None before the gate had a day."""
        return self._rows.get(f"pb:gate-report:{key}", reader_for(GateReport))

    # -- training

    def put_last_trained(self, key: str, night: date) -> None:
        """Record that the training of this night is done."""
        self._redis.hset("pb:learnt", key, str(night))
        # A profile that was changed has another gate; the old one is forgotten.
        if old := [k for k, last in self.last_trained().items() if last < night - RETENTION]:
            self._redis.hdel("pb:learnt", *old)

    def last_trained(self) -> dict[str, date]:
        """By gate, the last night it was trained."""
        return self._rows.hgetall("pb:learnt", date.fromisoformat)
