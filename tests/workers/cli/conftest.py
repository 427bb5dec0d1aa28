"""`paperboy` as somebody types it, on a database of its own."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from bot.store.store import Store
from workers.__main__ import app


@pytest.fixture
def said(store: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """What `paperboy` prints when it is given these words, on the `store`, as one line. Raises what
    it raises."""
    monkeypatch.setenv("REDIS_URL", redis_url)

    def run(*words: str) -> str:
        result = CliRunner().invoke(app, list(words), catch_exceptions=False)
        return " ".join(result.output.split())

    return run
