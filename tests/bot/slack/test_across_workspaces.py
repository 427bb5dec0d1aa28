"""Nobody of another workspace gets, or changes, anything: by whatever there is to type, press, send
or forge. What is tried is listed by the code itself, so what is new is tried, too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bot.commands import dispatch
from bot.store.store import Store
from tests.bot.slack.across_workspaces import HERE, Two, two


@pytest.fixture
def both(store: Store, redis_url: str, no_long_waits: None) -> Iterator[Two]:
    with two(store, redis_url) as it:
        yield it


def test_the_group_has_something_of_each_kind(both: Two) -> None:
    """Or nothing could be reached for."""
    assert both.store.subscriptions.of(HERE)
    assert both.store.saved.of("slack:T1", "U1")
    assert both.store.follows.all()
    kinds = {name.split(" ")[0].split(":")[1] for name in both.kept()}
    assert {"subscriptions", "profiles", "saved", "follows", "zotero", "history", "outbox"} <= kinds
    assert {"votes", "lessons", "wishes", "makers", "versions", "installations"} <= kinds
    assert len(both.harvest.keys() & dispatch.BUTTONS.keys()) > 25


def test_whatever_the_other_workspace_tries_it_gets_nothing_and_changes_nothing(
    both: Two,
) -> None:
    for tried in both.reach():
        assert tried.payloads >= tried.listed, tried.kind
        assert tried.changed == [], tried.kind
        assert tried.shown == [], tried.kind
        assert tried.asked == [], tried.kind


def test_a_person_of_another_workspace_in_a_shared_channel_may_do_nothing_that_members_may(
    both: Two,
) -> None:
    tried = both.strangers()
    assert tried.changed == []
    assert tried.answered == tried.payloads
