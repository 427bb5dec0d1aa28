"""Redis: what each profile's gate has learned, how its days went, and how it stands."""

from __future__ import annotations

from datetime import date

from bot.domain.budget import GateReport
from bot.domain.paper_status import essence
from bot.domain.papers import Noun, Profile, fingerprint
from bot.store.days import KEEP, Store
from bot.store.forms import N, of, written

# Days that are learned from at most, and days whose tallies are kept.
_DAYS = 60


def gate_key(profile: Profile, model: str) -> str:
    """Names what picks are: the judge, what it is told, and the cut-offs."""
    return fingerprint(essence(profile).model_dump_json(), profile.cutoffs.model_dump_json(), model)


class Gates:
    """On the same server as the store; what the workers learn is text here, theirs to read."""

    def __init__(self, store: Store) -> None:
        self._redis, self._rows = store.redis, store.rows

    def put_gate(self, key: str, gate: Noun) -> None:
        """The gate as it stands, closed or open."""
        self._redis.set(f"pb:gate:{key}", written(gate), ex=KEEP)

    def gate(self, key: str, noun: type[N]) -> N | None:
        """None before it was first kept, or where it was learned in a form that cannot be read any
        more: then it is learned anew, and is open until then."""
        return self._rows.one(f"pb:gate:{key}", of(noun))

    def put_day(self, key: str, day: date, name: str, tally: Noun) -> None:
        """How a decided day (its name) went; a day that is judged again replaces itself."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(f"pb:gate-days:{key}", str(day), name)
            pipe.hset(f"pb:gate-tallies:{key}", str(day), written(tally))
            pipe.expire(f"pb:gate-days:{key}", KEEP)
            pipe.expire(f"pb:gate-tallies:{key}", KEEP)
            pipe.hkeys(f"pb:gate-days:{key}")
            *_, days = pipe.execute()
        if old := sorted(days)[:-_DAYS]:
            self._redis.hdel(f"pb:gate-days:{key}", *old)
            self._redis.hdel(f"pb:gate-tallies:{key}", *old)

    def days(self, key: str) -> dict[date, str]:
        """The names of the last decided days."""
        rows = self._rows.fields(f"pb:gate-days:{key}", str)
        return {date.fromisoformat(day): rows[day] for day in sorted(rows)[-_DAYS:]}

    def tallies(self, key: str, noun: type[N]) -> list[N]:
        """How the last days went, the oldest first."""
        rows = self._rows.ordered(f"pb:gate-tallies:{key}", of(noun))
        return list(rows.values())[-_DAYS:]

    def put_report(self, key: str, report: GateReport) -> None:
        self._redis.set(f"pb:gate-report:{key}", written(report), ex=KEEP)

    def report(self, key: str) -> GateReport | None:
        return self._rows.one(f"pb:gate-report:{key}", of(GateReport))

    # -- nights

    def put_learnt(self, key: str, night: date) -> None:
        """This night's lesson is over."""
        self._redis.hset("pb:learnt", key, str(night))
        # A profile that was changed has another gate.
        if old := [k for k, last in self.learnt().items() if last < night - KEEP]:
            self._redis.hdel("pb:learnt", *old)

    def learnt(self) -> dict[str, date]:
        """The last night of each."""
        return self._rows.fields("pb:learnt", date.fromisoformat)
