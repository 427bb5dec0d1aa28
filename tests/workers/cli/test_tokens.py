"""`paperboy tokens`, as whoever runs Paperboy types it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bot.domain.readers.tokens import LIFETIME, AccessToken, token_hash
from bot.errors import Refused
from bot.store.store import Store

HERE, NEXT_DOOR = "slack:T0AAAAAAA", "slack:T0AAAAAAB"
ONE, TWO = "U0AAAAAAA", "U0AAAAAAB"
NOW = datetime.now(UTC)


def given(store: Store, name: str, by: str, workspace: str = HERE, age: int = 1) -> AccessToken:
    """A token made so many days ago."""
    at = NOW - timedelta(days=age)
    made = AccessToken(
        hash=token_hash(name), workspace=workspace, by=by, at=at, until=at + LIFETIME
    )
    store.tokens.put(made)
    return made


def test_a_workspaces_tokens_are_listed_and_ended_one_by_one_or_all(
    said: Callable[..., str], store: Store
) -> None:
    first, second, other = (
        given(store, name, by) for name, by in (("a", ONE), ("b", ONE), ("c", TWO))
    )
    elsewhere = given(store, "d", ONE, NEXT_DOOR)
    old = given(store, "e", TWO, age=181)
    store.tokens.note_used(other, NOW.date())
    listed = said("tokens", HERE)
    assert listed.startswith(f"3 tokens in {HERE} {ONE}: {first.id} · made ")
    assert f"{TWO}: {other.id}" in listed
    assert "last used" in listed
    assert "Nothing was changed." in listed
    for hidden in (elsewhere.id, old.id, first.hash):
        assert hidden not in listed
    assert (
        said("tokens", HERE, "--end", first.id.upper()) == f"Ended in {HERE}: {ONE}'s {first.id}."
    )
    assert store.tokens.find(first.hash, NOW) is None
    assert store.tokens.find(second.hash, NOW) is not None
    with pytest.raises(Refused, match="There is no token"):
        said("tokens", HERE, "--person", TWO, "--end", second.id)
    said("tokens", HERE, "--person", TWO, "--end", "all")
    assert said("tokens", HERE, "--person", TWO) == f"No program has a token in {HERE} of {TWO}."
    said("tokens", HERE, "--end", "all")
    assert [store.tokens.find(each.hash, NOW) for each in (second, other)] == [None, None]
    assert store.tokens.find(elsewhere.hash, NOW) is not None


def test_what_is_no_workspace_and_nobody_is_refused(said: Callable[..., str]) -> None:
    for words in (["slack:T0*"], ["discord:"], ["discord:", "--person", "5"], ["T0AAAAAAA"]):
        with pytest.raises(Refused, match="Name a workspace by its id"):
            said("tokens", *words)
    with pytest.raises(Refused, match="Name a person by the id"):
        said("tokens", HERE, "--person", "alice")
