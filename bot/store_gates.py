"""Redis: what each profile's gate has learned, how its days went, and how it stands."""

from __future__ import annotations

from datetime import date

from bot.costs import GateReport
from bot.domain import Profile, fingerprint
from bot.standing import essence
from bot.store import KEEP, Store

# Days that are learned from at most, and days whose tallies are kept.
_DAYS = 60


def gate_key(profile: Profile, model: str) -> str:
    """Names what picks are: the judge, what it is told, and the cut-offs."""
    return fingerprint(essence(profile).model_dump_json(), profile.cutoffs.model_dump_json(), model)


class Gates:
    """On the same server as the store; what the workers learn is text here, theirs to read."""

    def __init__(self, store: Store) -> None:
        self._redis = store.redis

    def put_gate(self, key: str, gate: str) -> None:
        """The gate as it stands, closed or open."""
        self._redis.set(f"pb:gate:{key}", gate, ex=KEEP)

    def gate(self, key: str) -> str | None:
        value = self._redis.get(f"pb:gate:{key}")
        return None if value is None else str(value)

    def put_day(self, key: str, day: date, name: str, tally: str) -> None:
        """How a decided day (its name) went; a day that is judged again replaces itself."""
        with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(f"pb:gate-days:{key}", str(day), name)
            pipe.hset(f"pb:gate-tallies:{key}", str(day), tally)
            pipe.expire(f"pb:gate-days:{key}", KEEP)
            pipe.expire(f"pb:gate-tallies:{key}", KEEP)
            pipe.execute()

    def days(self, key: str) -> dict[date, str]:
        """The names of the last decided days."""
        rows: dict[str, str] = self._redis.hgetall(f"pb:gate-days:{key}")  # type: ignore[assignment]
        return {date.fromisoformat(day): rows[day] for day in sorted(rows)[-_DAYS:]}

    def tallies(self, key: str) -> list[str]:
        """How the last days went, the oldest first."""
        rows: dict[str, str] = self._redis.hgetall(f"pb:gate-tallies:{key}")  # type: ignore[assignment]
        return [rows[day] for day in sorted(rows)[-_DAYS:]]

    def put_report(self, key: str, report: GateReport) -> None:
        self._redis.set(f"pb:gate-report:{key}", report.model_dump_json(), ex=KEEP)

    def report(self, key: str) -> GateReport | None:
        value = self._redis.get(f"pb:gate-report:{key}")
        return None if value is None else GateReport.model_validate_json(str(value))

    # -- nights

    def put_learnt(self, key: str, night: date) -> None:
        """This night's lesson is over."""
        self._redis.hset("pb:learnt", key, str(night))

    def learnt(self) -> dict[str, date]:
        """The last night of each."""
        rows: dict[str, str] = self._redis.hgetall("pb:learnt")  # type: ignore[assignment]
        return {key: date.fromisoformat(night) for key, night in rows.items()}
