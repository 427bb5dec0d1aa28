"""Opens the configured model for what one person waits for; a workspace pays, within its limits."""

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
DRAFTS = "drafts"


@contextmanager
def open_paid(
    config: Settings,
    store: Store,
    clock: Callable[[], datetime],
    workspace: str,
    profile: str,
    most_seconds: float = inf,
) -> Iterator[Callable[[int], ModelClient] | None]:
    """Makes models as draft_from takes them, which `workspace` (Address.workspace_key) pays for, as
    part of what a `profile` costs; None where none is configured. A call takes `most_seconds`, even
    where others may take longer."""
    if config.judge_model is None:
        yield None
        return
    from workers.judging.model import open_model  # imports for most of a second

    payer = Payer.of(workspace, profile, config.limits)
    patience = min(1.0, most_seconds / config.call_seconds)
    with closing(open_model(config, config.judge_model, store)) as model:

        def metered(row_tokens: int) -> MeteredModel:
            return MeteredModel(
                model, payer, Purpose.QUESTION, Spending(store), clock, row_tokens, patience
            )

        yield metered
