"""A workspace that removed Paperboy: nothing is done there any more, and elsewhere all goes on."""

from __future__ import annotations

from bot.domain.readers.elsewhere import Audience
from bot.domain.readers.following import Follow, FollowKind, Telling
from bot.domain.request import Address
from bot.planning.following import merged
from bot.runtime.ending import end_workspace
from bot.store.chats.installations import Installation
from bot.store.keeping.forgetting import Subject, forget
from bot.store.store import Store
from tests.factories import DAY, NOW, digest_request, saved_paper, subscription

HERE, ELSEWHERE = (
    Address(platform="slack", workspace=team, channel="C1") for team in ("T1", "T11")
)


def settle_in(store: Store, place: Address) -> None:
    where = place.workspace_key
    store.subscriptions.put(subscription(address=place))
    store.subscriptions.put_weekly_best(place, True)
    request = digest_request().model_copy(update={"address": place, "by": "U1"})
    store.requests.put(request)
    follow = Follow(workspace=where, by="U1", kind=FollowKind.TERM, what="codes", since=NOW)
    store.follows.put(follow)
    told = {"workspace": where, "paper": "2503.15294", "follows": (follow.token,)}
    for person in ("U1", "U2"):  # the second follows nothing any more
        owed = Telling.model_validate(told | {"by": person, "date": DAY, "at": NOW})
        store.tellings.owe(owed, merged)
    was = Telling.model_validate(told | {"by": "U1", "paper": "2503.1", "date": DAY, "at": NOW})
    store.tellings.owe(was, merged)
    store.tellings.settle([was], NOW)
    store.cards.put_audience(place, Audience.EVERYONE)
    store.saved.change(where, "U1", "2503.15294", lambda _: saved_paper())


def acts(store: Store, place: Address) -> list[bool]:
    """Whether it has anything that acts, of each kind."""
    where = place.workspace_key
    return [
        bool(store.subscriptions.of(place)),
        str(place) in store.subscriptions.with_weekly_best(),
        any(each.address == place for each in store.requests.all()),
        any(each.workspace == where for each in store.follows.all()),
        any(workspace == where for workspace, _ in store.tellings.owed("slack")),
        bool(store.cards.every_audience(place.platform, place.workspace)),
    ]


def test_what_acts_ends_there_and_nowhere_else_and_what_people_keep_stays(store: Store) -> None:
    for place in (HERE, ELSEWHERE):
        settle_in(store, place)
        assert all(acts(store, place))
    for _ in range(2):  # it may be repeated
        end_workspace(store, "slack", "T1")
        assert not any(acts(store, HERE))
        assert all(acts(store, ELSEWHERE))
    assert store.saved.of("slack:T1", "U1")
    assert store.tellings.told("slack:T1", "U1").keys() == {"2503.1"}  # nobody is told it twice


def test_a_workspace_that_is_forgotten_is_installed_no_more(store: Store) -> None:
    for team in ("T1", "T11"):
        given = {"team": team, "name": "", "site": "", "bot_user_id": "UBOT", "sealed": "s"}
        store.installations.put(Installation.model_validate(given | {"at": NOW}))
    forget(store, Subject("slack:T1"))
    assert [each.team for each in store.installations.all()] == ["T11"]
