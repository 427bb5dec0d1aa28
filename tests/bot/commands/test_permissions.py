"""Who may do what: by every command, button and form there is, from whoever may not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from bot.commands import dispatch, permissions, subscriptions
from bot.commands.context import HOME, Ask, Desk, Unfit
from bot.commands.permissions import Kind, Person, Right
from bot.domain.digest import Judge
from bot.domain.request import Address
from bot.domain.status import Status
from bot.errors import PaperboyError, Refused
from bot.runtime.brief import Brief
from bot.store.channels import Channels
from bot.store.lookups import Inquiries
from bot.store.profiles import OwnProfiles
from bot.store.subscriptions import Subscriptions
from bot.views import refusals
from tests.bot.commands.test_subscribing import ASK, FORM, HERE, NEXT_DOOR, PROFILE, delivered
from tests.make import NOW, profile, someone

# Everybody may do these, wherever they are; all else takes a right. A new command, button or form
# belongs to the rest, until somebody thinks it over and names it here.
OPEN_TO_ALL = {"why"}, {"why", "up", "down", "abstract"}, set[str]()

HOSTILE: dict[str, Person | None] = {
    "a guest who is in the channel": someone(kind="guest"),
    "somebody of another workspace who is in the channel": someone(kind="stranger"),
    "somebody whom the server does not offer it": someone(kind="barred"),
    "somebody alone with the bot": someone(kind="alone"),
    "somebody nobody could look up": None,
    "a member of another channel": someone("C2"),
    "an admin who is not in the channel": someone("C2", kind="admin"),
}
# What a button or a form of any kind carries, of a channel, a profile, a paper, a change.
VALUES = ("C1 matters", "C1", "matters", "bounds-rates", "day 2503.10000", "2503.10000", "")


@pytest.fixture
def desk(channels: Channels) -> Desk:
    """C1 has two subscriptions, a delivered day and a changed profile of U1's."""
    store = channels.store
    store.name_profile(profile())
    judge = Judge(model="gpt-6-luna")
    status = Status(at=NOW, server="", memory=0, persistent=True, judge=judge, queues=(), wishes=())
    desk = Desk(channels, Subscriptions(store), Inquiries(store), judge, lambda: status)
    dispatch.answer(replace(ASK, text="subscribe matters"), desk)
    dispatch.submit(ASK, "profile", "", PROFILE, desk)
    dispatch.answer(replace(ASK, text="subscribe bounds-rates"), desk)
    dispatch.submit(ASK, "profile", "bounds-rates", PROFILE | {"maximum": "9"}, desk)
    delivered(desk)
    return desk


def everything(desk: Desk) -> dict[str, Any]:
    """All that is stored."""
    redis = desk.channels.store.redis
    read = {"hash": redis.hgetall, "set": redis.smembers, "string": redis.get}
    found = {str(key): str(redis.type(key)) for key in redis.scan_iter("pb:*")}
    return {key: read[kind](key) if kind in read else kind for key, kind in found.items()}


def token(desk: Desk) -> str:
    (key,) = desk.channels.store.redis.scan_iter("pb:undo:*")
    return str(key).rpartition(":")[2]


def every_way(desk: Desk) -> Iterator[tuple[str, str, dispatch.Act]]:
    """(kind and name, what it carries, what is done) for all that can be typed, pressed and sent
    about C1, its profiles and papers."""
    for word in dispatch.COMMANDS:
        for rest in ("", "matters", "bounds-rates", "foundations", "2503.10000"):
            yield f"command {word}", rest, dispatch.typing(f"/digest {word} {rest}")
    for name in dispatch.BUTTONS:
        for value in (*VALUES, token(desk)):
            yield f"button {name}", value, dispatch.pressing(name, value)
    for name in dispatch.FORMS:
        for about in (*VALUES, "C1 stamp", "bounds-rates stamp"):
            answers = PROFILE | FORM | {"channel": "C1"}
            yield f"form {name}", about, dispatch.submitting(name, about, answers)


@pytest.mark.parametrize("who", HOSTILE)
def test_who_may_not_changes_nothing_by_any_way_there_is(who: str, desk: Desk) -> None:
    before = everything(desk)
    ask = replace(ASK, by="U9", who=HOSTILE[who])
    commands, buttons, forms = OPEN_TO_ALL
    open_to_all = [f"command {n}" for n in commands] + [f"button {n}" for n in buttons]
    open_to_all += [f"form {n}" for n in forms]
    for way, carried, act in every_way(desk):
        if way in open_to_all:
            continue
        with pytest.raises(PaperboyError):
            print(way, carried, act(ask, desk))
    assert everything(desk) == before


@pytest.mark.parametrize("home", ["C2", HOME])
def test_what_is_pressed_or_sent_elsewhere_does_not_reach_this_channel(
    home: str, desk: Desk
) -> None:
    """A member of C2 alone, in C2 or on the home tab, with what belongs to C1."""
    kept = {key: value for key, value in everything(desk).items() if "pb:found" not in key}
    place = HERE.model_copy(update={"channel": home})
    ask = replace(ASK, by="U9", address=place, who=someone("C2"))
    for way, carried, act in every_way(desk):
        if carried.startswith(("C1", "bounds-rates", "day")) or carried == token(desk):
            if way.startswith("command"):
                continue  # typed words name no channel
            try:
                answer = act(ask, desk)
            except (Refused, Unfit):
                continue
            shown = str(answer)
            assert "C1" not in shown, (way, carried)
            assert answer.wish is None or answer.wish.address.channel != "C1"
            assert way in ("button why", "button new", "button subscribe", "button share"), way
    now = everything(desk)
    assert {key: now[key] for key in kept} == kept
    assert len(desk.subscriptions.of(NEXT_DOOR)) == 0


@pytest.mark.parametrize("action", ["up", "down", "abstract"])
def test_a_vote_counts_only_in_the_channel_where_it_is_pressed(action: str, desk: Desk) -> None:
    elsewhere = replace(ASK, address=NEXT_DOOR, who=someone("C2"))
    with pytest.raises(Refused):
        dispatch.press(elsewhere, action, "day 2503.10000", desk)
    guest = replace(ASK, by="U7", who=someone(kind="guest"))
    assert dispatch.press(guest, action, "day 2503.10000", desk)


@pytest.mark.parametrize("value", ["C1:x matters", "../C1 matters", "C1\u200b matters", "é m", ":"])
@pytest.mark.parametrize("action", sorted(dispatch.BUTTONS))
def test_what_can_be_no_channel_is_no_address(action: str, value: str, desk: Desk) -> None:
    admin = replace(ASK, who=Person(kind=Kind.ADMIN, channels=frozenset({value.split()[0], "C1"})))
    before = desk.subscriptions.all()
    if dispatch.BUTTONS[action].elsewhere:
        with pytest.raises(Refused, match="another version"):
            dispatch.press(admin, action, value, desk)
    assert desk.subscriptions.all() == before


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("right", list(Right))
@pytest.mark.parametrize("inside", [True, False])
@pytest.mark.parametrize("admins_only", [True, False])
def test_the_rule(kind: Kind, right: Right, inside: bool, admins_only: bool) -> None:
    who = someone("C1" if inside else "C2", kind=kind)
    allowed = right is Right.ASK or (inside and kind in (Kind.ADMIN, Kind.MEMBER))
    if right is Right.CHANGE and admins_only:
        allowed = allowed and kind is Kind.ADMIN
    with nullcontext() if allowed else pytest.raises(Refused, match=r"\.$"):
        permissions.insist(who, right, "C1", admins_only)


def test_every_kind_that_only_asks_is_told_why() -> None:
    told = {kind for kind in Kind if not someone(kind=kind).belongs}
    assert refusals.ONLY_ASKS.keys() == told


# -- profiles


def changes(desk: Desk, who: Person, by: str, name: str = "bounds-rates", **said: str) -> str:
    """What comes of changing a profile, in C2."""
    ask = replace(ASK, address=NEXT_DOOR, by=by, who=who)
    try:
        form = dispatch.press(ask, "edit-profile", name, desk).form
        assert form is not None
        answers = {f.name: f.value for f in form.fields} | {"maximum": "3"} | said
        head = dispatch.submit(ask, "profile", form.about, answers, desk).head
    except Refused as refused:
        return str(refused)
    assert head is not None
    return head.title


def test_a_profile_is_changed_by_its_maker_its_users_and_admins(desk: Desk) -> None:
    assert changes(desk, someone("C2"), "U1").startswith("Changed")  # who made it
    assert changes(desk, someone("C2", "C1"), "U2", maximum="4").startswith("Changed")  # uses it
    assert "changed by who made it" in changes(desk, someone("C2"), "U2", maximum="5")
    elsewhere = replace(ASK, address=NEXT_DOOR, by="U3", who=someone("C2", kind="admin"))
    assert dispatch.press(elsewhere, "edit-profile", "bounds-rates", desk).form
    for act in ("edit-profile bounds-rates", f"undo {sorted(undos(desk))[-1]}"):
        plain = replace(elsewhere, who=someone("C2"))
        with pytest.raises(Refused, match="changed by who made it"):
            dispatch.press(plain, *act.split(), desk)
    with pytest.raises(Refused, match="changed by who made it"):
        dispatch.submit(plain, "profile", "bounds-rates", PROFILE, desk)


def undos(desk: Desk) -> list[str]:
    return [str(k).rpartition(":")[2] for k in desk.channels.store.redis.scan_iter("pb:undo:*")]


def test_a_profile_nobody_uses_or_made_is_open_to_the_members(desk: Desk) -> None:
    nobodys = replace(ASK, address=NEXT_DOOR, by="U3", who=someone("C2"))
    assert dispatch.press(nobodys, "edit-profile", "exoplanets", desk).form
    dispatch.answer(replace(ASK, text="subscribe exoplanets"), desk)
    with pytest.raises(Refused, match="changed by who made it"):
        dispatch.press(nobodys, "edit-profile", "exoplanets", desk)


def test_a_profile_of_before_makers_were_kept_is_its_users_and_the_admins(desk: Desk) -> None:
    desk.channels.store.redis.delete("pb:makers:slack:T1")
    maker_once = replace(ASK, address=NEXT_DOOR, who=someone("C2"))
    with pytest.raises(Refused, match="changed by who made it"):
        dispatch.press(maker_once, "edit-profile", "bounds-rates", desk)
    dispatch.answer(replace(ASK, text="unsubscribe bounds-rates"), desk)
    with pytest.raises(Refused, match="changed by who made it"):
        dispatch.press(maker_once, "edit-profile", "bounds-rates", desk)
    admin = replace(maker_once, who=someone("C2", kind="admin"))
    assert dispatch.press(admin, "edit-profile", "bounds-rates", desk).form


def test_a_change_is_told_in_every_channel_that_uses_the_profile(desk: Desk) -> None:
    there = replace(ASK, address=NEXT_DOOR, text="subscribe bounds-rates")
    dispatch.answer(there, desk)
    dispatch.answer(replace(there, text="pause"), desk)
    said = {
        "title": "Rates",
        "categories": "cs.LG, stat.ML",
        "look_for": "Bounds: matching upper bounds\nNoise: of gradients",
        "keywords": "minimax, -survey",
        "relevance": "8",
        "maximum": "9",
    }
    answer = dispatch.submit(replace(ASK, by="U2"), "profile", "bounds-rates", PROFILE | said, desk)
    assert [place.channel for place, _ in answer.told] == ["C1", "C2"]
    assert answer.head is not None
    assert answer.head.text[-1] == "It is said in the 2 channels that use it."
    head = answer.told[0][1]
    assert (head.by, head.title) == ("U2", "changed the profile Rates, which this channel uses.")
    assert head.text == (
        "· the title was Bounds & rates",
        "· categories: + stat.ML, − math",
        "· relevance, at least: 8, was 6",
        "· new topic: Noise",
        "· topic gone: Rates",
        "· Bounds now looks for: matching upper bounds",
        "· words to avoid: + survey, − blockchain",
    )
    assert [button.action for button in head.buttons] == ["undo"]


def test_a_change_is_taken_back_for_a_day_unless_it_was_changed_again(desk: Desk) -> None:
    was = desk.profiles(HERE)["bounds-rates"]
    answers = PROFILE | {"relevance": "9", "maximum": "9"}
    answer = dispatch.submit(ASK, "profile", "bounds-rates", answers, desk)
    value = answer.told[0][1].buttons[0].value
    with pytest.raises(Refused, match="Guests"):
        dispatch.press(replace(ASK, who=someone(kind="guest")), "undo", value, desk)
    elsewhere = ASK.address.model_copy(update={"workspace": "T2"})
    with pytest.raises(Refused, match="cannot be taken back"):
        dispatch.press(replace(ASK, address=elsewhere), "undo", value, desk)
    back = dispatch.press(replace(ASK, by="U2"), "undo", value, desk)
    assert desk.profiles(HERE)["bounds-rates"] == was
    assert back.head is not None
    assert back.head.text[0] == "· relevance, at least: 6, was 9"
    assert back.told[0][1].title.startswith("took back a change of the profile Bounds & rates")
    with pytest.raises(Refused, match="changed again since"):
        dispatch.press(ASK, "undo", value, desk)
    again = dispatch.press(ASK, "undo", back.told[0][1].buttons[0].value, desk)  # a redo
    assert desk.profiles(HERE)["bounds-rates"].cutoffs.relevance == 9
    ttl = desk.channels.store.redis.ttl(f"pb:undo:slack:T1:{value}")
    assert timedelta(hours=23) < timedelta(seconds=float(str(ttl))) <= timedelta(days=1)
    desk.channels.store.redis.delete(f"pb:undo:slack:T1:{again.told[0][1].buttons[0].value}")
    with pytest.raises(Refused, match="for a day"):
        dispatch.press(ASK, "undo", again.told[0][1].buttons[0].value, desk)


def test_taking_back_the_first_change_of_one_that_ships_leaves_what_ships(desk: Desk) -> None:
    form = dispatch.press(ASK, "edit-profile", "matters", desk).form
    assert form is not None
    answers = {f.name: f.value for f in form.fields}
    assert not dispatch.submit(ASK, "profile", form.about, answers, desk).told  # nothing is new
    told = dispatch.submit(ASK, "profile", form.about, answers | {"maximum": "3"}, desk).told
    assert OwnProfiles(desk.channels.store).maker(HERE, "matters") == "U1"
    dispatch.press(ASK, "undo", told[0][1].buttons[0].value, desk)
    assert "matters" not in OwnProfiles(desk.channels.store).names(HERE)
    assert desk.profiles(HERE)["matters"].maximum == 20
    once = replace(ASK, address=NEXT_DOOR, who=someone("C2"))  # who made it before has no claim
    with pytest.raises(Refused, match="changed by who made it"):
        dispatch.press(once, "edit-profile", "matters", desk)


def test_a_form_about_a_profile_that_is_not_there_is_refused(desk: Desk) -> None:
    with pytest.raises(Refused, match="no profile called nobody any more"):
        dispatch.submit(ASK, "profile", "nobody stamp", PROFILE, desk)


# -- PAPERBOY_ADMINS_ONLY


def test_with_admins_only_members_look_and_admins_change(desk: Desk) -> None:
    strict, admin = replace(desk, admins_only=True), replace(ASK, who=someone(kind="admin"))
    for act, asked in [
        ("subscribe", "subscribe matters at 10"),
        ("pause", "pause matters"),
        ("new", "new"),
        ("edit", "edit-profile bounds-rates"),
    ]:
        with pytest.raises(Refused, match="only admins"):
            dispatch.answer(replace(ASK, text=asked), strict) if act != "edit" else dispatch.press(
                ASK, *asked.split(), strict
            )
    assert dispatch.answer(replace(admin, text="pause matters"), strict).said
    rows = dispatch.answer(replace(ASK, text="list"), strict).head
    assert rows is not None
    assert all(not item.buttons for item in rows.items)
    assert dispatch.answer(replace(ASK, text="now matters"), strict).wish
    at_home = replace(ASK, address=HERE.model_copy(update={"channel": HOME}))
    page = subscriptions.home(at_home, strict)
    assert (len(page.items), page.items[0].buttons, page.buttons) == (2, (), ())


def test_with_admins_only_a_member_changes_nothing_by_any_way_there_is(desk: Desk) -> None:
    def made() -> dict[str, Any]:
        kinds = ("pb:subscriptions", "pb:profiles", "pb:makers")
        return {key: value for key, value in everything(desk).items() if key.startswith(kinds)}

    before = made()
    for _, _, act in every_way(desk):
        with suppress(PaperboyError):
            act(ASK, replace(desk, admins_only=True))
    assert made() == before


# -- what a person sees


def test_the_home_page_of_who_may_not_says_why(desk: Desk) -> None:
    place = HERE.model_copy(update={"channel": HOME})
    for who in (None, someone(kind="guest"), someone(kind="stranger")):
        page = subscriptions.home(replace(ASK, address=place, who=who), desk)
        assert (page.items, page.buttons) == ((), ())
        assert "Guests" in page.text[0] or "could not check" in page.text[0] or who
    assert subscriptions.home(replace(ASK, address=place, who=someone("C2")), desk).items == ()


def test_alone_nothing_is_told_of_a_channel_that_a_person_has_left(desk: Desk) -> None:
    direct = HERE.model_copy(update={"channel": "D1"})
    alone = replace(ASK, address=direct, alone=True, text="/why 2503.10000")
    told = dispatch.answer(replace(alone, who=someone("D1", "C1")), desk).head
    assert told is not None
    with pytest.raises(Refused, match="You have subscribed no channel"):
        dispatch.answer(replace(alone, who=someone("D1")), desk)
    with pytest.raises(Refused, match="could not check"):
        dispatch.answer(replace(alone, who=None), desk)


def test_a_guest_is_not_offered_to_share(desk: Desk) -> None:
    for who, offered in ((someone(), True), (someone(kind="guest"), False)):
        head = dispatch.answer(replace(ASK, text="/why 2503.10000", who=who), desk).head
        assert head is not None
        assert any(button.action == "share" for button in head.buttons) is offered


# -- bounds


def test_shares_are_bounded_for_each_person_and_hour(desk: Desk) -> None:
    for _ in range(10):
        assert dispatch.press(ASK, "share", "2503.10000", desk).shared
    with pytest.raises(Refused, match="shared 10 answers this hour"):
        dispatch.press(ASK, "share", "2503.10000", desk)
    assert dispatch.press(replace(ASK, by="U2"), "share", "2503.10000", desk).shared
    later = replace(ASK, at=NOW + timedelta(hours=1))
    assert dispatch.press(later, "share", "2503.10000", desk).shared


def test_subscriptions_of_a_workspace_are_bounded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriptions, "_MOST", 3)
    dispatch.answer(replace(ASK, text="subscribe exoplanets"), desk)
    with pytest.raises(Refused, match="has 3 subscriptions, which is all it can have"):
        dispatch.answer(replace(ASK, text="subscribe foundations"), desk)
    assert dispatch.answer(replace(ASK, text="subscribe matters at 10"), desk).said  # a change
    others = replace(ASK, address=HERE.model_copy(update={"workspace": "T2"}))
    assert dispatch.answer(replace(others, text="subscribe foundations"), desk).said


def test_profiles_of_a_workspace_and_their_length_are_bounded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.commands.profiles._MOST", 1)
    with pytest.raises(Refused, match="has 1 profiles of its own"):
        dispatch.answer(replace(ASK, text="new"), desk)
    with pytest.raises(Refused, match="has 1 profiles of its own"):
        dispatch.submit(ASK, "profile", "", PROFILE | {"title": "Another"}, desk)
    with pytest.raises(Refused, match="has 1 profiles of its own"):
        dispatch.submit(ASK, "profile", "matters", PROFILE, desk)
    assert changes(desk, someone(), "U1").startswith("Changed")
    topics = "\n".join(f"Topic {n}: {'many words ' * 10}" for n in range(20))
    long = PROFILE | {"look_for": topics, "leave_out": "dust " * 250}
    with pytest.raises(Unfit, match=r"have 2\d{4} characters together, of at most 20000") as unfit:
        dispatch.submit(ASK, "profile", "bounds-rates", long, desk)
    assert unfit.value.fields.keys() == {"look_for"}


def test_people_alone_on_discord_have_a_purse_each(desk: Desk) -> None:
    def asked(by: str, address: Address, alone: bool) -> str:
        who = someone(address.channel)
        text = "/why 2503.10002"
        ask = Ask(text, address, NOW, by, who=who, alone=alone)
        inquiry = dispatch.answer(ask, desk).inquiry
        assert inquiry is not None
        return inquiry.purse or inquiry.workspace

    for place in ("D1", "D2"):
        address = Address(platform="discord", channel=place)
        dispatch.answer(Ask("subscribe matters", address, NOW, "U1", who=someone(place)), desk)
    assert asked("30", Address(platform="discord", channel="D1"), True) == "discord:person-30"
    assert asked("31", Address(platform="discord", channel="D2"), True) == "discord:person-31"
    assert asked("U1", HERE, False) == "slack:T1"


def test_a_list_reads_profiles_and_a_channels_past_once(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch.answer(replace(ASK, text="subscribe matters", address=NEXT_DOOR), desk)
    read: list[str] = []
    for kind, name in ((Subscriptions, "profiles"), (Channels, "history")):
        real = getattr(kind, name)

        def counted(self: Any, *given: Any, real: Any = real, name: str = name) -> Any:
            read.append(name)
            return real(self, *given)

        monkeypatch.setattr(kind, name, counted)
    place = HERE.model_copy(update={"channel": HOME})
    assert len(subscriptions.home(replace(ASK, address=place), desk).items) == 3
    assert sorted(read) == ["history", "history", "profiles"]


def test_what_is_remembered_briefly_goes_after_its_time_and_when_there_is_too_much() -> None:
    brief: Brief[str, int] = Brief(timedelta(seconds=20), 2)
    brief.put("a", 1, NOW)
    assert brief.get("a", NOW + timedelta(seconds=20)) == 1
    assert brief.get("a", NOW + timedelta(seconds=21)) is None
    for name in "abcb":
        brief.put(name, 2, NOW)
    assert [brief.get(name, NOW) for name in "abc"] == [None, 2, 2]
