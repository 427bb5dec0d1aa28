"""Redis: what each workspace makes of the votes on a profile's papers."""

from __future__ import annotations

from redis import Redis

from bot.domain.readers.teaching import VoteUse
from bot.store.values.quarantine import RowUpdate, ValueReader
from bot.store.values.stored_forms import reader_for

_USES = "pb:vote-uses"


class VoteUses:
    """By workspace and profile (a name), of those where somebody has set it."""

    def __init__(self, redis: Redis) -> None:
        self._rows = ValueReader(redis)

    def of(self, workspace_key: str, profile: str) -> VoteUse:
        found = self._rows.hget(_USES, _field(workspace_key, profile), reader_for(VoteUse))
        return found or VoteUse()

    def change(
        self, workspace_key: str, profile: str, updated: RowUpdate[VoteUse]
    ) -> tuple[VoteUse, VoteUse]:
        """Change it in one step; `updated` is called again when somebody else was faster. Returns
        it before and after."""

        def kept(stored: VoteUse | None) -> VoteUse | None:
            after = updated(stored or VoteUse())
            return None if after == VoteUse() else after

        field = _field(workspace_key, profile)
        before, after = self._rows.change(_USES, field, VoteUse, kept)
        return before or VoteUse(), after or VoteUse()


def _field(workspace_key: str, profile: str) -> str:
    return f"{workspace_key}:{profile}"
