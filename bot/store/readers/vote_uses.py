"""Redis: what each workspace makes of the votes on a profile's papers."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from redis import Redis

from bot.domain.judge import VotedExample
from bot.domain.readers.teaching import VoteUse
from bot.store.values.quarantine import RowUpdate, ValueReader
from bot.store.values.stored_forms import reader_for

_USES = "pb:vote-uses"


class VoteUses:
    """By workspace and profile (a name), of those where somebody has set it."""

    def __init__(self, redis: Redis) -> None:
        self._rows = ValueReader(redis)

    def of(self, workspace_key: str, profile: str) -> VoteUse:
        """As it was set, or else as it is where nobody has set it."""
        found = self._rows.hget(_USES, use_name(workspace_key, profile), reader_for(VoteUse))
        return found or VoteUse()

    def all(self) -> dict[str, VoteUse]:
        """By workspace key and profile, as `use_name`."""
        return self._rows.hgetall(_USES, reader_for(VoteUse))

    def change(
        self, workspace_key: str, profile: str, updated: RowUpdate[VoteUse]
    ) -> tuple[VoteUse, VoteUse]:
        """Change it in one step; `updated` is called again when somebody else was faster. Returns
        it before and after."""

        def kept(stored: VoteUse | None) -> VoteUse | None:
            after = updated(stored or VoteUse())
            return None if after == VoteUse() else after

        field = use_name(workspace_key, profile)
        before, after = self._rows.change(_USES, field, VoteUse, kept)
        return before or VoteUse(), after or VoteUse()

    def choose(
        self, workspace_key: str, profile: str, chosen: tuple[VotedExample, ...], night: date
    ) -> None:
        """What the judge is shown from now on, if it still is to be shown any."""

        def updated(stored: VoteUse | None) -> VoteUse | None:
            if stored is None or not stored.shows:
                return stored
            return stored.model_copy(update={"chosen": chosen, "night": night})

        self._rows.change(_USES, use_name(workspace_key, profile), VoteUse, updated)

    def forget(self, workspace_key: str, profile: str, papers: Collection[str]) -> None:
        """Show the judge none until the next night, where one of these papers (ids) is among those
        it is shown. To be called when their votes are gone."""

        def without(stored: VoteUse | None) -> VoteUse | None:
            if stored is None or not any(each.paper in papers for each in stored.chosen):
                return stored
            return stored.model_copy(update={"chosen": ()})

        self._rows.change(_USES, use_name(workspace_key, profile), VoteUse, without)


def use_name(workspace_key: str, profile: str) -> str:
    """The field of a workspace (a key) and a profile (a name)."""
    return f"{workspace_key}:{profile}"
