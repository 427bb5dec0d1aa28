"""Opens the configured model for drafts; a workspace pays, within its limits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from math import inf

from bot.domain.budget import Payer, Purpose
from bot.settings import Settings
from bot.store.spending import Spending
from bot.store.store import Store
from workers.judging.batches import ModelClient
from workers.judging.metering import MeteredModel

# In place of a profile's name, where what is spent is listed by profile.
_PAYS = "drafts"


@contextmanager
def open_paid(
    config: Settings,
    store: Store,
    clock: Callable[[], datetime],
    workspace: str,
    most_seconds: float = inf,
) -> Iterator[Callable[[int], ModelClient] | None]:
    """The model as draft_from takes it, which `workspace` (Address.workspace_key) pays for; None
    where none is configured. A call takes `most_seconds`, even where others may take longer."""
    if config.judge_model is None:
        yield None
        return
    from workers.judging.model import open_model  # imports for most of a second

    payer = Payer.of(workspace, _PAYS, config.limits)
    patience = min(1.0, most_seconds / config.call_seconds)
    with closing(open_model(config, config.judge_model, store)) as model:

        def metered(row_tokens: int) -> MeteredModel:
            return MeteredModel(
                model, payer, Purpose.QUESTION, Spending(store), clock, row_tokens, patience
            )

        yield metered
