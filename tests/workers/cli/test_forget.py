"""`paperboy forget`, as somebody types it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from bot.domain.request import Address
from bot.errors import Refused
from bot.store.store import Store
from tests.factories import subscription

HERE = Address(platform="slack", workspace="T0AAAAAAA", channel="C1")


@pytest.fixture
def forget(store: Store, said: Callable[..., str]) -> Callable[..., str]:
    """`paperboy forget`, where one channel is subscribed."""
    store.subscriptions.put(subscription(address=HERE, by="U0AAAAAAA"))
    return partial(said, "forget")


def test_it_is_listed_first_and_forgotten_when_that_is_meant(
    forget: Callable[..., str], store: Store
) -> None:
    listed = forget("slack:T0AAAAAAA")
    assert listed.startswith("Stored of slack:T0AAAAAAA subscriptions: 1 row")
    assert "Nothing was changed. Add --yes" in listed
    assert len(store.subscriptions.all()) == 1
    assert forget("slack:T0AAAAAAA", "--person", "U0AAAAAAA", "--yes").startswith(
        "Forgotten of U0AAAAAAA in slack:T0AAAAAAA subscriptions: 1 row that stays without the name"
    )
    assert [each.by for each in store.subscriptions.all()] == [""]
    assert forget("slack:T0AAAAAAA", "--yes").startswith("Forgotten of slack:T0AAAAAAA")
    assert store.subscriptions.all() == []
    assert forget("slack:T0AAAAAAA") == "Nothing stored names slack:T0AAAAAAA."


@pytest.mark.parametrize(
    "words",
    [
        ["T0AAAAAAA"],
        ["slack:"],
        ["slack:T0*"],
        ["slack:T0AAAAAAA:C1"],
        ["irc:x"],
        ["discord:"],
        ["slack:address"],
        ["slack:t0aaaaaaa"],
        ["discord:matters"],
    ],
)
def test_what_is_no_workspace_is_refused(forget: Callable[..., str], words: list[str]) -> None:
    with pytest.raises(Refused, match="Name a workspace by its id"):
        forget(*words, "--yes")


@pytest.mark.parametrize(
    "person",
    ["@ada", "matters", "T0AAAAAAA", "1234567890", "", "U0AAAAAAA "],  # a name may be a profile's
)
def test_what_is_no_person_is_refused(
    forget: Callable[..., str], store: Store, person: str
) -> None:
    with pytest.raises(Refused, match="Name a person by the id"):
        forget("slack:T0AAAAAAA", "--person", person, "--yes")
    assert len(store.subscriptions.all()) == 1


def test_what_somebody_left_in_direct_messages_on_discord_is_forgotten_by_the_persons_id(
    forget: Callable[..., str], store: Store
) -> None:
    direct = Address(platform="discord", channel="777")
    store.subscriptions.put(subscription(address=direct, by="12345678"))
    said_of_it = forget("discord:", "--person", "12345678", "--yes")
    assert said_of_it.startswith("Forgotten of 12345678 in discord: subscriptions: 1 row A backup")
    assert [each.address for each in store.subscriptions.all()] == [HERE]
