"""All that a person left is shown to them alone, and erased from the store key by key."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bot.commands import dispatch
from bot.commands.context import Context, Invocation
from bot.domain.judge import Judge
from bot.domain.message import Message
from bot.domain.readers.following import Telling, Unreachable, Untellable
from bot.domain.readers.teaching import Taught
from bot.domain.readers.zotero import SentPaper
from bot.domain.request import Address
from bot.domain.status import Status
from bot.domain.subscription import Vote
from bot.errors import Refused
from bot.sealing import Sealer
from bot.store.key_kinds import kind_of
from bot.store.lookups import Lookups
from bot.store.store import Store
from tests.bot.commands.samples import (
    CHANNEL_ADDRESS,
    INVOCATION,
    NEXT_DOOR,
    PROFILE_VALUES,
    by,
    deliver_day,
)
from tests.factories import NOW, profile, saved_paper, subscription
from tests.zotero_at_work import KEY, OTHER_KEY, SEALING

ONE, TWO, MISSED = "2503.10000", "2503.10001", "2503.10002"
ME, OTHER = "U0ME", "U0OTHER"
ELSEWHERE = CHANNEL_ADDRESS.model_copy(update={"workspace": "T2"})

# What stays, and why: others rely on who subscribed a channel (is told when it is paused) and who
# made or changed a profile; a request is gone when it is answered, the undo of a profile's change
# after a day, the count of what somebody shared after two hours.
KEPT = {"subscriptions", "makers", "versions", "wishes", "undo", "shares"}


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    store.subscriptions.put(subscription(profile="matters", by=ME))
    context = Context(
        store,
        Lookups(store),
        Judge(),
        lambda: Status.model_validate({}),
        sealer=Sealer([SEALING]),
    )
    for place in (CHANNEL_ADDRESS, NEXT_DOOR, ELSEWHERE):
        deliver_day(context, place)
    return context


def typed(context: Context, text: str, who: Invocation) -> Message:
    head = dispatch.answer(replace(who, text=text), context).head
    assert head is not None
    return head


def press(context: Context, action: str, value: str, who: Invocation) -> Message | None:
    return dispatch.press(who, action, value, context).head


def leave_everything(context: Context, who: Invocation) -> None:
    """Do whatever leaves something of a person in the store."""
    press(context, "up", f"day {ONE}", who)
    press(context, "down", f"day {TWO}", who)
    press(context, "down-weak", f"day {TWO}", who)
    press(context, "up-missed", f"day {MISSED}", who)
    for id in (ONE, TWO):
        if context.store.saved.one("slack:T1", who.by, id) is None:
            press(context, "save", f"day {id}", who)
        press(context, "share-saved", id, who)
    press(context, "saved-reading", ONE, who)
    typed(context, "follow term codes", who)
    typed(context, f"follow {ONE}", who)
    told = Telling(workspace="slack:T1", by=who.by, paper=ONE, follows=(), date=NOW.date(), at=NOW)
    owed = told.model_copy(update={"paper": TWO})
    for each in (told, owed):
        context.store.tellings.owe(each, lambda _, found: found)
    context.store.tellings.settle([told], NOW)
    gone = Unreachable(workspace="slack:T1", by=who.by, why=Untellable.NO_DIRECT, at=NOW)
    context.store.tellings.put_unreachable(gone)
    give_key(context, who)
    typed(replace(context, api_url="http://x"), "token new", who)
    typed(context, "why 2503.10001", who)
    press(context, "share", ONE, who)


def give_key(context: Context, who: Invocation) -> None:
    """A key to Zotero that is in use, another one that is not checked, and what was sent."""
    owner = who.address.workspace_key, who.by
    dispatch.submit(who, "zotero-access", "", {"key": KEY, "group": ""}, context)
    new = context.store.zotero.proposed(*owner)
    assert new is not None
    used = new.model_copy(update={"library": "users/1", "name": f"ada-{who.by}"})
    assert context.store.zotero.accept(*owner, new, used)
    sent = SentPaper(paper=ONE, title="A", library="users/1", item="ABCD2345", at=NOW)
    context.store.zotero.put_sent(*owner, [sent])
    dispatch.submit(who, "zotero-access", "", {"key": OTHER_KEY, "group": "7"}, context)


def naming(store: Store, person: str) -> Iterator[tuple[str, str]]:
    """Every key whose name or content has a person's id, with its kind."""
    word = re.compile(rf"(?<![A-Za-z0-9]){person}(?![A-Za-z0-9])")
    redis: Any = store.redis
    read = {
        "string": redis.get,
        "hash": redis.hgetall,
        "set": redis.smembers,
        "zset": lambda key: redis.zrange(key, 0, -1),
        "list": lambda key: redis.lrange(key, 0, -1),
    }
    for key in sorted(redis.keys("*")):
        if word.search(f"{key} {read[redis.type(key)](key)}"):
            kind = kind_of(key)
            yield (kind.name if kind else key), key


def test_every_key_that_names_a_person_is_erased_but_for_those_that_others_rely_on(
    context: Context, store: Store
) -> None:
    me, admin = by(ME), by(OTHER)
    leave_everything(context, me)
    typed(context, "taught forget mine matters", me)  # votes that could be brought back
    leave_everything(context, by(ME, address=NEXT_DOOR))
    press(context, "up", f"day {ONE}", admin)
    typed(context, "taught forget all matters", admin)  # by somebody else
    leave_everything(context, me)
    leave_everything(context, admin)
    waiting = dispatch.answer(replace(me, text="now foundations"), context).request
    assert waiting is not None
    store.requests.put(waiting)
    for title in ("Bounds", "Rates"):
        dispatch.submit(me, "profile", "", PROFILE_VALUES | {"title": title}, context)
    press(context, "delete-profile", "rates", me)
    old = f"pb:votes:{CHANNEL_ADDRESS}:2401.00001"  # of a release whose votes taught nothing
    store.redis.hset(old, ME, Vote.UP)
    unread = {  # what could not be read, and is set aside
        f"pb:saved:slack:T1:{ME}": "2401.00002",
        "pb:lessons:slack:T1:matters": f"{CHANNEL_ADDRESS} 2401.00002 {ME}",
        f"pb:votes:{CHANNEL_ADDRESS}:2401.00002": ME,
        f"pb:shared:{CHANNEL_ADDRESS}": f"2401.00002 {ME}",
        "pb:follows": f"slack:T1 {ME} 0000",
        f"pb:told:slack:T1:{ME}": "2401.00002",
        f"pb:zotero:slack:T1:{ME}": "other",
        f"pb:zotero-sent:slack:T1:{ME}": "users/1 2401.00002",
        f"pb:tokens:slack:T1:{ME}": "0" * 64,
    }
    for key, field in unread.items():
        store.redis.hset(key, field, f'{{"by": "{ME}"')
    store.saved.of("slack:T1", ME)
    store.votes.lessons("slack:T1", "matters")
    assert len(typed(context, "me", me).items) == 7
    before = {kind for kind, _ in naming(store, ME)}
    assert before >= {"votes", "lessons", "forgotten", "saved", "shared", "aside", *KEPT}
    assert before >= {"follows", "owed", "told", "unreachable", "zotero", "zotero-sent"}
    assert old in {key for _, key in naming(store, ME)}
    others = list(naming(store, OTHER))
    (button,) = typed(context, "me forget", me).buttons
    press(context, button.action, button.value, me)
    left = list(naming(store, ME))
    assert {kind for kind, _ in left} <= KEPT
    assert list(naming(store, OTHER)) == others
    with pytest.raises(Refused, match="nothing"):
        typed(context, "me forget", me)


def test_what_was_left_in_another_workspace_stays(context: Context, store: Store) -> None:
    elsewhere = by(ME, address=ELSEWHERE)
    for who in (by(ME), elsewhere):
        press(context, "up", f"day {ONE}", who)
        press(context, "save", f"day {ONE}", who)
    press(context, "forget-me", "", by(ME))
    titles = [item.title for item in typed(context, "me", elsewhere).items]
    assert titles == ["1 vote", "1 saved paper"]
    assert store.cards.state(ELSEWHERE, ONE).votes.up == 1


def test_it_says_what_there_is_and_what_stays(context: Context) -> None:
    nothing = typed(context, "me", by(OTHER))
    assert nothing.title == "What you left in this workspace: nothing that can be forgotten."
    assert not nothing.buttons
    leave_everything(context, by(ME))
    dispatch.submit(by(ME), "profile", "", PROFILE_VALUES, context)
    said = typed(context, "me", by(ME))
    titles = ["3 votes", "2 saved papers", "2 follows", "1 paper you were told of"]
    titles += ["2 encrypted keys to Zotero", "1 paper sent to Zotero"]
    titles += ["1 token for programs of yours"]
    assert [item.title for item in said.items] == titles
    assert said.items[2].points == (f"On the matter of {ONE} · paper · {ONE}", "codes · term")
    assert said.items[0].points[0] == f"On the matter of {ONE} · 👍 · {ONE}"
    assert sorted(said.items[4].points) == ["ada-U0ME · in use", "not checked yet"]
    assert KEY not in str(said)
    assert said.items[1].points[1] == f"On the matter of {ONE} · you are reading it · {ONE}"
    assert said.small[:2] == (
        "Stays: you subscribed 1 channel, and are told when digests stop there.",
        "Stays: you made or changed bounds-rates, and the history of a profile says who did.",
    )


def test_what_votes_taught_is_learned_anew_without_those_that_were_erased(
    context: Context, store: Store
) -> None:
    for who in (ME, OTHER):
        press(context, "up", f"day {ONE}", by(who))
    found = store.votes.lessons("slack:T1", "matters")[0]
    store.votes.put_learned("slack:T1", "matters", found, Taught(basis="-"))
    press(context, "forget-me", "", by(ME))
    assert store.votes.taught("slack:T1", "matters") is None
    assert store.cards.state(CHANNEL_ADDRESS, ONE).votes.up == 1
    assert [each.by for each in store.votes.lessons("slack:T1", "matters")] == [OTHER]


def test_votes_that_somebody_else_forgot_come_back_without_the_erased_ones(
    context: Context, store: Store
) -> None:
    for who in (ME, OTHER):
        press(context, "up", f"day {ONE}", by(who))
    gone = typed(context, "taught forget all matters", by(OTHER))
    press(context, "save", f"day {ONE}", by(ME))
    press(context, "forget-me", "", by(ME))
    back = press(context, "undo-forget", gone.buttons[0].value, by(OTHER))
    assert back is not None
    assert back.title == "1 vote on papers of matters is back."
    assert store.votes.traces("slack:T1", ME) == []


@pytest.mark.parametrize("text", ["me forget it", "me again", "me forget forget"])
def test_words_it_does_not_know_forget_nothing(context: Context, text: str) -> None:
    press(context, "save", f"day {ONE}", by(ME))
    with pytest.raises(Refused, match="/digest me forget"):
        typed(context, text, by(ME))
    assert context.store.saved.of("slack:T1", ME)


def test_in_direct_messages_on_discord_it_says_where_the_servers_are(
    context: Context, store: Store
) -> None:
    server = Address(platform="discord", workspace="1", channel="7")
    saved = saved_paper(by="5")
    store.saved.change(server.workspace_key, "5", saved.paper, lambda _: saved)
    alone = replace(
        INVOCATION, address=Address(platform="discord", channel="9"), by="5", is_private=True
    )
    shown = dispatch.answer(replace(alone, text="me"), context).head
    assert shown is not None
    assert "on a server" in shown.notices[0]
    with pytest.raises(Refused, match="What you left on a server is shown"):
        dispatch.answer(replace(alone, text="me forget"), context)
    inside = dispatch.answer(replace(alone, address=server, text="me"), context).head
    assert inside is not None
    assert inside.notices == ()
