"""A channel that stands apart from the workspace's others: how it is said, and by whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.commands import dispatch
from bot.commands.context import Answer, Context, Invocation
from bot.domain.digest import Judge
from bot.domain.message import Button
from bot.domain.request import Address
from bot.domain.status import Status
from bot.errors import Refused
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.terminal.render import as_text
from tests.bot.commands.samples import CHANNEL_ADDRESS, INVOCATION
from tests.conftest import check_golden
from tests.factories import person_in, profile, subscription

MINE = replace(INVOCATION, person=person_in("C1"))


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    store.subscriptions.put(subscription(profile="matters"))
    store.subscriptions.put(subscription(channel="C2", profile="matters"))
    return Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))


def typed(context: Context, words: str = "", who: Invocation = MINE) -> Answer:
    return dispatch.answer(replace(who, text=f"list {words}"), context)


def button(answer: Answer) -> Button | None:
    assert answer.head is not None
    return next((each for each in answer.head.buttons if each.action == "apart"), None)


def test_the_list_has_a_button_that_sets_a_channel_apart_and_one_that_ends_it(
    context: Context,
) -> None:
    said, listed = "", typed(context)
    for _ in range(2):
        found = button(listed)
        assert found is not None
        answer = dispatch.press(MINE, found.action, found.value, context)
        assert answer.head is not None
        assert answer.announcement is not None
        assert answer.announcement.by == "U1"
        listed = typed(context)
        assert listed.head is not None
        said += as_text([answer.head, answer.announcement, listed.head]) + "\n"
    check_golden("commands/apart.txt", said)


def test_it_can_be_typed(context: Context) -> None:
    for words, now in (("apart", {str(CHANNEL_ADDRESS)}), ("Together", set[str]())):
        for _ in range(2):  # said twice, it is the same
            assert typed(context, words).announcement is not None
            assert context.store.cards.apart() == now


def test_where_no_other_channel_has_a_subscription_nothing_is_said_of_it(context: Context) -> None:
    elsewhere = subscription(channel="C2", profile="matters")
    context.store.subscriptions.drop(elsewhere)
    other = elsewhere.address.model_copy(update={"workspace": "T2"})
    context.store.subscriptions.put(elsewhere.model_copy(update={"address": other}))
    assert button(typed(context)) is None
    typed(context, "apart")
    assert button(typed(context)) is not None  # it can be ended


def test_only_who_may_change_the_channel_may_set_it_apart(context: Context) -> None:
    strict = replace(context, admins_only=True)
    guest = replace(MINE, person=person_in("C1", kind="guest"))
    for who, where in ((MINE, strict), (guest, context)):
        for act in (
            lambda who=who, where=where: typed(where, "apart", who),
            lambda who=who, where=where: dispatch.press(who, "apart", "C1 apart", where),
        ):
            with pytest.raises(Refused):
                act()
    assert context.store.cards.apart() == set()


@pytest.mark.parametrize("value", ["C1 off", "C1", "apart", ""])
def test_a_button_of_another_version_changes_nothing(value: str, context: Context) -> None:
    typed(context, "apart")
    with pytest.raises(Refused):
        dispatch.press(MINE, "apart", value, context)
    assert context.store.cards.apart() == {str(CHANNEL_ADDRESS)}


@pytest.mark.parametrize("platform", ["slack", "terminal"])
def test_only_a_channel_can_stand_apart(platform: str, context: Context) -> None:
    place = Address(platform=platform, workspace="T1" * (platform == "slack"), channel="D1")
    alone = replace(
        MINE, address=place, is_private=platform == "slack", person=person_in("C1", "D1")
    )
    assert button(typed(context, "", alone)) is None
    with pytest.raises(Refused, match="channel"):
        typed(context, "apart", alone)
    assert context.store.cards.apart() == set()
