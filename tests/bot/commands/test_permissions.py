"""Who may do what: by every command, button and form there is, from whoever may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.commands import dispatch, permissions, subscriptions
from bot.commands.context import HOME, Answer, Context, InvalidForm, Invocation
from bot.commands.permissions import Person, PersonKind, Right
from bot.domain.judge import Judge
from bot.domain.message import Message
from bot.domain.request import Address
from bot.domain.status import PendingRequest, Status, SubscriptionStatus
from bot.errors import PaperboyError, Refused
from bot.runtime.expiring_cache import ExpiringCache
from bot.store.history import History
from bot.store.lookups import Lookups
from bot.store.profiles import Profiles
from bot.store.store import Store
from bot.views import refusals
from tests.bot.commands.samples import (
    CHANNEL_ADDRESS,
    INVOCATION,
    NEXT_DOOR,
    OPEN_TO_ALL,
    PROFILE_VALUES,
    SUBSCRIBE_VALUES,
    counted,
    deliver_day,
)
from tests.factories import NOW, digest_request, person_in, profile

HOSTILE: dict[str, Person | None] = {
    "a guest who is in the channel": person_in(kind="guest"),
    "somebody of another workspace who is in the channel": person_in(kind="stranger"),
    "somebody whom the server does not offer it": person_in(kind="barred"),
    "somebody alone with the bot": person_in(kind="alone"),
    "somebody nobody could look up": None,
    "a member of another channel": person_in("C2"),
    "an admin who is not in the channel": person_in("C2", kind="admin"),
}
# What a button or a form of any kind carries, of a channel, a profile, a paper, a change.
VALUES = (
    "C1 matters",
    "C1",
    "matters",
    "bounds-rates",
    "bounds-rates 1",
    "day 2503.10000",
    "2503.10000",
    "",
)


@pytest.fixture
def context(store: Store) -> Context:
    """C1 has two subscriptions, a delivered day and a changed profile of U1's."""
    store.profiles.put_shared(profile())
    judge = Judge(model="gpt-6-luna")
    status = Status(at=NOW, server="", memory=0, persistent=True, judge=judge, queues=(), wishes=())
    context = Context(store, Lookups(store), judge, lambda: status)
    dispatch.answer(replace(INVOCATION, text="subscribe matters"), context)
    dispatch.submit(INVOCATION, "profile", "", PROFILE_VALUES, context)
    dispatch.answer(replace(INVOCATION, text="subscribe bounds-rates"), context)
    dispatch.submit(
        INVOCATION, "profile", "bounds-rates", PROFILE_VALUES | {"maximum": "9"}, context
    )
    deliver_day(context)
    return context


def everything(context: Context) -> dict[str, Any]:
    """All that is stored."""
    redis = context.store.redis
    read = {"hash": redis.hgetall, "set": redis.smembers, "string": redis.get}
    found = {str(key): str(redis.type(key)) for key in redis.scan_iter("pb:*")}
    return {key: read[kind](key) if kind in read else kind for key, kind in found.items()}


def token(context: Context) -> str:
    (key,) = context.store.redis.scan_iter("pb:undo:*")
    return str(key).rpartition(":")[2]


IN_OTHER_WORDS = [
    f"{word} {rest}".strip()
    for word in ("sub", "remove", "delete", "stop", "today", "edit", "settings", "weekly", "show")
    for rest in ("", "matters", "bounds-rates", "foundations")
] + ["please stop sending", "start again?", "send me papers", "every week", "add a profile"]


def every_way(context: Context) -> Iterator[tuple[str, str, dispatch.Action]]:
    """(kind and name, what it carries, what is done) for all that can be typed, pressed and sent
    about C1, its profiles and papers."""
    for word in dispatch.COMMANDS:
        for rest in ("", "matters", "bounds-rates", "foundations", "2503.10000"):
            if word or not rest:  # without a word before it, an id asks why
                yield f"command {word}", rest, dispatch.typed_action(f"/digest {word} {rest}")
    for said in IN_OTHER_WORDS:
        yield f"command {said}", said, dispatch.typed_action(said)
    for name in dispatch.BUTTONS:
        for value in (*VALUES, token(context)):
            yield f"button {name}", value, dispatch.button_action(name, value)
    for name in dispatch.FORMS:
        for about in (*VALUES, "C1 stamp", "bounds-rates stamp"):
            answers = PROFILE_VALUES | SUBSCRIBE_VALUES | {"channel": "C1"}
            yield f"form {name}", about, dispatch.form_action(name, about, answers)


@pytest.mark.parametrize("who", HOSTILE)
def test_a_person_without_the_right_changes_nothing_by_any_action(
    who: str, context: Context
) -> None:
    before = everything(context)
    invocation = replace(INVOCATION, by="U9", person=HOSTILE[who])
    commands, buttons, forms = OPEN_TO_ALL
    open_to_all = [f"command {n}" for n in commands] + [f"button {n}" for n in buttons]
    open_to_all += [f"form {n}" for n in forms]
    for way, carried, act in every_way(context):
        if way in open_to_all:
            continue
        with pytest.raises(PaperboyError):
            print(way, carried, act(invocation, context))
    assert everything(context) == before


@pytest.mark.parametrize("home", ["C2", HOME])
def test_what_is_pressed_or_sent_elsewhere_does_not_reach_this_channel(
    home: str, context: Context
) -> None:
    """A member of C2 alone, in C2 or on the home tab, with what belongs to C1."""
    kept = {key: value for key, value in everything(context).items() if "pb:found" not in key}
    place = CHANNEL_ADDRESS.model_copy(update={"channel": home})
    invocation = replace(INVOCATION, by="U9", address=place, person=person_in("C2"))
    for way, carried, act in every_way(context):
        if carried.startswith(("C1", "bounds-rates", "day")) or carried == token(context):
            if way.startswith("command"):
                continue  # typed words name no channel
            try:
                answer = act(invocation, context)
            except (Refused, InvalidForm):
                continue
            shown = str(answer)
            assert "C1" not in shown, (way, carried)
            assert answer.request is None or answer.request.address.channel != "C1"
            assert way in (
                *("button why", "button new", "button subscribe", "button share"),
                # Profiles are the whole workspace's.
                *("button profiles", "button profile", "button copy-profile", "button more"),
                *("button history", "button profile-file", "button trial"),
                *("button ask-delete-profile", "form work"),
                "button follows",  # one's own
                "button weekly-best",  # is about the channel where it is pressed
            ), way
    now = everything(context)
    assert {key: now[key] for key in kept} == kept
    assert len(context.store.subscriptions.of(NEXT_DOOR)) == 0


def test_nothing_that_somebody_asks_names_a_channel_they_are_not_in(context: Context) -> None:
    """C1 is private; U9 is in C2, which has a subscription, too."""
    store = context.store
    store.requests.put(digest_request().model_copy(update={"by": "U1"}))
    for button, value in (("up", "day 2503.10000"), ("save", "day 2503.10000")):
        dispatch.press(INVOCATION, button, value, context)
    dispatch.press(INVOCATION, "share-saved", "2503.10000", context)
    place = replace(INVOCATION, by="U9", address=NEXT_DOOR, person=person_in("C2"))
    dispatch.answer(replace(place, text="subscribe matters"), context)
    every = replace(context, status=lambda: gather(store))
    for way, carried, act in list(every_way(context)):
        if "C1" in carried or way == "form subscribe":
            continue  # it may be repeated
        try:
            answer = counted(act(place, every))
        except (Refused, InvalidForm) as refused:
            answer = Answer(Message(title=str(refused)))
        said = str(replace(answer, broadcasts=()))  # what is told there
        assert "C1" not in said, (way, carried)
    shown = dispatch.answer(replace(place, text="status"), every).head
    assert "slack:T1:C2 matters" in str(shown)


def gather(store: Store) -> Status:
    """As for `/digest status`."""
    return Status(
        at=NOW,
        server="",
        memory=0,
        persistent=True,
        judge=Judge(),
        queues=(),
        wishes=tuple(
            PendingRequest(address=each.address, categories=("cs.LG",), since=NOW)
            for each in store.requests.all()
        ),
        subscriptions=tuple(
            SubscriptionStatus(subscription=each, next=NOW, last=None)
            for each in store.subscriptions.all()
        ),
    )


@pytest.mark.parametrize("action", ["up", "down", "abstract"])
def test_a_vote_counts_only_in_the_channel_where_it_is_pressed(
    action: str, context: Context
) -> None:
    elsewhere = replace(INVOCATION, address=NEXT_DOOR, person=person_in("C2"))
    with pytest.raises(Refused):
        dispatch.press(elsewhere, action, "day 2503.10000", context)
    guest = replace(INVOCATION, by="U7", person=person_in(kind="guest"))
    assert dispatch.press(guest, action, "day 2503.10000", context)


@pytest.mark.parametrize("value", ["C1:x matters", "../C1 matters", "C1\u200b matters", "é m", ":"])
@pytest.mark.parametrize("action", sorted(dispatch.BUTTONS))
def test_what_can_be_no_channel_is_no_address(action: str, value: str, context: Context) -> None:
    admin = replace(
        INVOCATION,
        person=Person(kind=PersonKind.ADMIN, channels=frozenset({value.split()[0], "C1"})),
    )
    before = context.store.subscriptions.all()
    if dispatch.BUTTONS[action].names_channel:
        with pytest.raises(Refused, match="another version"):
            dispatch.press(admin, action, value, context)
    assert context.store.subscriptions.all() == before


@pytest.mark.parametrize("kind", list(PersonKind))
@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("admins_only", [True, False])
def test_the_rule_of_rights(
    kind: PersonKind, right: Right, inside: bool, admins_only: bool
) -> None:
    who = person_in("C1" if inside else "C2", kind=kind)
    allowed = right is Right.ASK or (inside and kind in (PersonKind.ADMIN, PersonKind.MEMBER))
    if right is Right.CHANGE and admins_only:
        allowed = allowed and kind is PersonKind.ADMIN
    with nullcontext() if allowed else pytest.raises(Refused, match=r"\.$"):
        permissions.require_right(who, right, "C1", admins_only)


def test_everyone_who_may_only_ask_is_told_why() -> None:
    told = {kind for kind in PersonKind if not person_in(kind=kind).may_use}
    assert refusals.MAY_ONLY_ASK.keys() == told


# -- profiles


def changes(context: Context, who: Person, by: str, name: str = "bounds-rates", **said: str) -> str:
    """What comes of changing a profile, in C2."""
    invocation = replace(INVOCATION, address=NEXT_DOOR, by=by, person=who)
    try:
        form = dispatch.press(invocation, "edit-profile", name, context).form
        assert form is not None
        answers = {f.name: f.value for f in form.fields} | {"maximum": "3"} | said
        head = dispatch.submit(invocation, "profile", form.metadata, answers, context).head
    except Refused as refused:
        return str(refused)
    assert head is not None
    return head.title


def test_a_profile_is_changed_by_its_maker_its_users_and_admins(context: Context) -> None:
    assert changes(context, person_in("C2"), "U1").startswith("Changed")  # who made it
    assert changes(context, person_in("C2", "C1"), "U2", maximum="4").startswith(
        "Changed"
    )  # uses it
    assert "Only the person who made" in changes(context, person_in("C2"), "U2", maximum="5")
    elsewhere = replace(
        INVOCATION, address=NEXT_DOOR, by="U3", person=person_in("C2", kind="admin")
    )
    assert dispatch.press(elsewhere, "edit-profile", "bounds-rates", context).form
    for act in ("edit-profile bounds-rates", f"undo {sorted(undos(context))[-1]}"):
        plain = replace(elsewhere, person=person_in("C2"))
        with pytest.raises(Refused, match="Only the person who made"):
            dispatch.press(plain, *act.split(), context)
    with pytest.raises(Refused, match="Only the person who made"):
        dispatch.submit(plain, "profile", "bounds-rates", PROFILE_VALUES, context)


def undos(context: Context) -> list[str]:
    return [str(k).rpartition(":")[2] for k in context.store.redis.scan_iter("pb:undo:*")]


def test_a_profile_nobody_uses_or_made_is_open_to_the_members(context: Context) -> None:
    nobodys = replace(INVOCATION, address=NEXT_DOOR, by="U3", person=person_in("C2"))
    assert dispatch.press(nobodys, "edit-profile", "exoplanets", context).form
    dispatch.answer(replace(INVOCATION, text="subscribe exoplanets"), context)
    with pytest.raises(Refused, match="Only the person who made"):
        dispatch.press(nobodys, "edit-profile", "exoplanets", context)


def test_a_profile_of_before_makers_were_kept_is_its_users_and_the_admins(context: Context) -> None:
    context.store.redis.delete("pb:makers:slack:T1")
    maker_once = replace(INVOCATION, address=NEXT_DOOR, person=person_in("C2"))
    with pytest.raises(Refused, match="Only the person who made"):
        dispatch.press(maker_once, "edit-profile", "bounds-rates", context)
    dispatch.answer(replace(INVOCATION, text="unsubscribe bounds-rates"), context)
    with pytest.raises(Refused, match="Only the person who made"):
        dispatch.press(maker_once, "edit-profile", "bounds-rates", context)
    admin = replace(maker_once, person=person_in("C2", kind="admin"))
    assert dispatch.press(admin, "edit-profile", "bounds-rates", context).form


def test_a_change_is_announced_in_every_channel_that_uses_the_profile(context: Context) -> None:
    there = replace(INVOCATION, address=NEXT_DOOR, text="subscribe bounds-rates")
    dispatch.answer(there, context)
    dispatch.answer(replace(there, text="pause"), context)
    said = {
        "title": "Rates",
        "categories": "cs.LG, stat.ML",
        "look_for": "Bounds: matching upper bounds\nNoise: of gradients",
        "keywords": "minimax, -survey",
        "relevance": "8",
        "maximum": "9",
    }
    answer = dispatch.submit(
        replace(INVOCATION, by="U2"), "profile", "bounds-rates", PROFILE_VALUES | said, context
    )
    assert [place.channel for place, _ in answer.broadcasts] == ["C1", "C2"]
    assert answer.head is not None
    assert answer.head.text[-1] == "Announced in every channel that uses it."
    head = answer.broadcasts[0][1]
    assert (head.by, head.title) == ("U2", "changed the profile Rates, which this channel uses.")
    assert head.text == (
        "· the title was Bounds & rates",
        "· categories: + stat.ML, − math",
        "· relevance cut-off: 8, was 6",
        "· new topic: Noise",
        "· topic removed: Rates",
        "· Bounds now looks for: matching upper bounds",
        "· words to avoid: + survey, − blockchain",
    )
    assert [button.action for button in head.buttons] == ["undo"]


def test_a_change_is_taken_back_for_a_day_unless_it_was_changed_again(context: Context) -> None:
    was = context.profiles(CHANNEL_ADDRESS)["bounds-rates"]
    answers = PROFILE_VALUES | {"relevance": "9", "maximum": "9"}
    answer = dispatch.submit(INVOCATION, "profile", "bounds-rates", answers, context)
    value = answer.broadcasts[0][1].buttons[0].value
    with pytest.raises(Refused, match="Guests"):
        dispatch.press(replace(INVOCATION, person=person_in(kind="guest")), "undo", value, context)
    elsewhere = INVOCATION.address.model_copy(update={"workspace": "T2"})
    with pytest.raises(Refused, match="can no longer be undone"):
        dispatch.press(replace(INVOCATION, address=elsewhere), "undo", value, context)
    back = dispatch.press(replace(INVOCATION, by="U2"), "undo", value, context)
    assert context.profiles(CHANNEL_ADDRESS)["bounds-rates"] == was
    assert back.head is not None
    assert back.head.text[0] == "· relevance cut-off: 6, was 9"
    assert back.broadcasts[0][1].title.startswith("undid a change of the profile Bounds & rates")
    with pytest.raises(Refused, match="changed again since"):
        dispatch.press(INVOCATION, "undo", value, context)
    again = dispatch.press(
        INVOCATION, "undo", back.broadcasts[0][1].buttons[0].value, context
    )  # a redo
    assert context.profiles(CHANNEL_ADDRESS)["bounds-rates"].cutoffs.relevance == 9
    ttl = context.store.redis.ttl(f"pb:undo:slack:T1:{value}")
    assert timedelta(hours=23) < timedelta(seconds=float(str(ttl))) <= timedelta(days=1)
    context.store.redis.delete(f"pb:undo:slack:T1:{again.broadcasts[0][1].buttons[0].value}")
    with pytest.raises(Refused, match="for a day"):
        dispatch.press(INVOCATION, "undo", again.broadcasts[0][1].buttons[0].value, context)


def test_taking_back_the_first_change_of_one_that_ships_leaves_what_ships(context: Context) -> None:
    form = dispatch.press(INVOCATION, "edit-profile", "matters", context).form
    assert form is not None
    answers = {f.name: f.value for f in form.fields}
    assert not dispatch.submit(
        INVOCATION, "profile", form.metadata, answers, context
    ).broadcasts  # nothing is new
    told = dispatch.submit(
        INVOCATION, "profile", form.metadata, answers | {"maximum": "3"}, context
    ).broadcasts
    assert context.store.profiles.maker(CHANNEL_ADDRESS, "matters") == "U1"
    dispatch.press(INVOCATION, "undo", told[0][1].buttons[0].value, context)
    assert "matters" not in context.store.profiles.own_names(CHANNEL_ADDRESS)
    assert context.profiles(CHANNEL_ADDRESS)["matters"].maximum == 20
    once = replace(
        INVOCATION, address=NEXT_DOOR, person=person_in("C2")
    )  # who made it before has no claim
    with pytest.raises(Refused, match="Only the person who made"):
        dispatch.press(once, "edit-profile", "matters", context)


def test_a_form_about_a_profile_that_is_not_there_is_refused(context: Context) -> None:
    with pytest.raises(Refused, match="no longer a profile called nobody"):
        dispatch.submit(INVOCATION, "profile", "nobody stamp", PROFILE_VALUES, context)


# -- PAPERBOY_ADMINS_ONLY


def test_with_admins_only_members_look_and_admins_change(context: Context) -> None:
    strict, admin = (
        replace(context, admins_only=True),
        replace(INVOCATION, person=person_in(kind="admin")),
    )
    for act, asked in [
        ("subscribe", "subscribe matters at 10"),
        ("pause", "pause matters"),
        ("new", "new"),
        ("edit", "edit-profile bounds-rates"),
    ]:
        with pytest.raises(Refused, match="Only admins"):
            dispatch.answer(
                replace(INVOCATION, text=asked), strict
            ) if act != "edit" else dispatch.press(INVOCATION, *asked.split(), strict)
    assert dispatch.answer(replace(admin, text="pause matters"), strict).announcement
    rows = dispatch.answer(replace(INVOCATION, text="list"), strict).head
    assert rows is not None
    assert all(not item.buttons for item in rows.items)
    assert dispatch.answer(replace(INVOCATION, text="now matters"), strict).request
    at_home = replace(INVOCATION, address=CHANNEL_ADDRESS.model_copy(update={"channel": HOME}))
    page = subscriptions.home(at_home, strict)
    assert (len(page.items), page.items[0].buttons, page.buttons) == (2, (), ())


def test_with_admins_only_a_member_changes_nothing_by_any_action(context: Context) -> None:
    def made() -> dict[str, Any]:
        kinds = ("pb:subscriptions", "pb:profiles", "pb:makers")
        return {key: value for key, value in everything(context).items() if key.startswith(kinds)}

    before = made()
    for _, _, act in every_way(context):
        with suppress(PaperboyError):
            act(INVOCATION, replace(context, admins_only=True))
    assert made() == before


# -- what a person sees


def test_the_home_page_says_why_a_person_may_not(context: Context) -> None:
    place = CHANNEL_ADDRESS.model_copy(update={"channel": HOME})
    for who in (None, person_in(kind="guest"), person_in(kind="stranger")):
        page = subscriptions.home(replace(INVOCATION, address=place, person=who), context)
        assert (page.items, page.buttons) == ((), ())
        assert "Guests" in page.text[0] or "couldn't check" in page.text[0] or who
    assert (
        subscriptions.home(
            replace(INVOCATION, address=place, person=person_in("C2")), context
        ).items
        == ()
    )


def test_in_a_direct_message_a_channel_that_a_person_left_is_not_shown(context: Context) -> None:
    direct = CHANNEL_ADDRESS.model_copy(update={"channel": "D1"})
    alone = replace(INVOCATION, address=direct, is_private=True, text="/why 2503.10000")
    told = dispatch.answer(replace(alone, person=person_in("D1", "C1")), context).head
    assert told is not None
    with pytest.raises(Refused, match="You haven't subscribed a channel"):
        dispatch.answer(replace(alone, person=person_in("D1")), context)
    with pytest.raises(Refused, match="couldn't check"):
        dispatch.answer(replace(alone, person=None), context)


def test_a_guest_is_not_offered_to_share(context: Context) -> None:
    for who, offered in ((person_in(), True), (person_in(kind="guest"), False)):
        head = dispatch.answer(
            replace(INVOCATION, text="/why 2503.10000", person=who), context
        ).head
        assert head is not None
        assert any(button.action == "share" for button in head.buttons) is offered


# -- bounds


def test_shares_are_bounded_for_each_person_and_hour(context: Context) -> None:
    for _ in range(10):
        assert dispatch.press(INVOCATION, "share", "2503.10000", context).shared
    with pytest.raises(Refused, match="shared 10 answers this hour"):
        dispatch.press(INVOCATION, "share", "2503.10000", context)
    assert dispatch.press(replace(INVOCATION, by="U2"), "share", "2503.10000", context).shared
    later = replace(INVOCATION, at=NOW + timedelta(hours=1))
    assert dispatch.press(later, "share", "2503.10000", context).shared


def test_subscriptions_of_a_workspace_are_bounded(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "_MOST", 3)
    dispatch.answer(replace(INVOCATION, text="subscribe exoplanets"), context)
    with pytest.raises(Refused, match="has 3 subscriptions, the most it can have"):
        dispatch.answer(replace(INVOCATION, text="subscribe foundations"), context)
    assert dispatch.answer(
        replace(INVOCATION, text="subscribe matters at 10"), context
    ).announcement  # a change
    others = replace(INVOCATION, address=CHANNEL_ADDRESS.model_copy(update={"workspace": "T2"}))
    assert dispatch.answer(replace(others, text="subscribe foundations"), context).announcement


def test_profiles_of_a_workspace_and_their_length_are_bounded(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.commands.profile_changes._MOST", 1)
    with pytest.raises(Refused, match="has 1 profiles of its own"):
        dispatch.answer(replace(INVOCATION, text="new"), context)
    with pytest.raises(Refused, match="has 1 profiles of its own"):
        dispatch.submit(INVOCATION, "profile", "", PROFILE_VALUES | {"title": "Another"}, context)
    with pytest.raises(Refused, match="has 1 profiles of its own"):
        dispatch.submit(INVOCATION, "profile", "matters", PROFILE_VALUES, context)
    assert changes(context, person_in(), "U1").startswith("Changed")
    topics = "\n".join(f"Topic {n}: {'many words ' * 10}" for n in range(20))
    long = PROFILE_VALUES | {"look_for": topics, "leave_out": "dust " * 250}
    with pytest.raises(
        InvalidForm, match=r"have 2\d{4} characters together; the most is 20000"
    ) as unfit:
        dispatch.submit(INVOCATION, "profile", "bounds-rates", long, context)
    assert unfit.value.field_errors.keys() == {"look_for"}


def test_people_in_direct_messages_on_discord_have_a_budget_each(context: Context) -> None:
    def asked(by: str, address: Address, alone: bool) -> str:
        who = person_in(address.channel)
        text = "/why 2503.10002"
        invocation = Invocation(text, address, NOW, by, person=who, is_private=alone)
        lookup = dispatch.answer(invocation, context).lookup
        assert lookup is not None
        return lookup.purse or lookup.workspace

    for place in ("D1", "D2"):
        address = Address(platform="discord", channel=place)
        dispatch.answer(
            Invocation("subscribe matters", address, NOW, "U1", person=person_in(place)), context
        )
    assert asked("30", Address(platform="discord", channel="D1"), True) == "discord:person-30"
    assert asked("31", Address(platform="discord", channel="D2"), True) == "discord:person-31"
    assert asked("U1", CHANNEL_ADDRESS, False) == "slack:T1"


def test_a_list_reads_profiles_and_the_channels_past_once(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch.answer(replace(INVOCATION, text="subscribe matters", address=NEXT_DOOR), context)
    read: list[str] = []
    for kind, name in ((Profiles, "at"), (History, "of_many")):
        real = getattr(kind, name)

        def counted(self: Any, *given: Any, real: Any = real, name: str = name) -> Any:
            read.append(name)
            return real(self, *given)

        monkeypatch.setattr(kind, name, counted)
    place = CHANNEL_ADDRESS.model_copy(update={"channel": HOME})
    assert len(subscriptions.home(replace(INVOCATION, address=place), context).items) == 3
    assert sorted(read) == ["at", "of_many"]


def test_what_is_remembered_briefly_goes_after_its_time_and_when_there_is_too_much() -> None:
    brief: ExpiringCache[str, int] = ExpiringCache(timedelta(seconds=20), 2)
    brief.put("a", 1, NOW)
    assert brief.get("a", NOW + timedelta(seconds=20)) == 1
    assert brief.get("a", NOW + timedelta(seconds=21)) is None
    for name in "abcb":
        brief.put(name, 2, NOW)
    assert [brief.get(name, NOW) for name in "abc"] == [None, 2, 2]
