"""People of all kinds in Slack: what each sees, may do, and is told; by every way in there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.commands import dispatch
from bot.domain.subscription import Votes
from bot.slack import answers, events
from bot.store.days import Store
from bot.store.subscriptions import Subscriptions
from tests.bot.commands.test_permissions import OPEN_TO_ALL
from tests.bot.slack.test_slack_app import (  # noqa: F401  fixtures among them
    HERE,
    bot,
    button,
    drawn,
    form,
    logged,
    morning,
    no_long_waits,
    seen,
    sends,
    soon,
    submitted,
    there,
    told,
    types,
    wrong,
)
from tests.servers.slack_neighbour import Ack, Channel, Json, Slack

FORM = {"profile": "matters", "at": "07:30", "tz": "Asia/Kolkata", "days": "mon", "top": "5"}
UNCHECKED = "Paperboy could not check whether you may do this; try again in a minute."
GUEST = "Guests may ask /why and vote; the rest is for members of this workspace."
STRANGER = "People of other workspaces may ask /why and vote; the rest is for members of this one."
NOT_IN = "That is for members of the channel it is about, and you are not one, or not any more."
# Who they are, what Slack says of them, whether they are in the channel, and what they are told.
PEOPLE: dict[str, tuple[Json, bool, str]] = {
    "U3": ({"is_admin": False}, False, NOT_IN),
    "U4": ({"is_admin": True}, False, NOT_IN),
    "U7": ({"is_restricted": True}, True, GUEST),
    "U8": ({"is_restricted": True, "is_ultra_restricted": True}, True, GUEST),
    "U9": ({"team_id": "T9", "is_stranger": True}, True, STRANGER),
    "U10": ({"team_id": "T9"}, True, STRANGER),
    "U5": ({}, True, UNCHECKED),  # whom Slack does not know
}


@pytest.fixture
def day(bot: None, there: Slack, server: str, store: Store) -> list[Json]:  # noqa: F811
    """C1 is private: U1 and U2 are members, and guests; it has a subscription and a day."""
    people = {person for person, (_, inside, _) in PEOPLE.items() if inside}
    there.channels["C1"].people = {"U1", "U2", *people}
    there.people |= {person: said for person, (said, _, _) in PEOPLE.items()}
    types(there, "subscribe matters")
    seen(there, 1)
    thread = morning_after(there, server, store)
    there.ephemeral.clear()
    return thread


def morning_after(there: Slack, server: str, store: Store) -> list[Json]:  # noqa: F811
    there.channels["C1"].messages.clear()
    return morning(server, store, there)


def everything(store: Store) -> dict[str, Any]:
    """What people made and said, without what the platform's own work leaves behind."""
    redis = store.redis
    names = ("pb:subscriptions", "pb:profiles:*", "pb:makers:*", "pb:votes:*", "pb:wishes*")
    found = {str(key) for name in names for key in redis.scan_iter(name)}
    return {key: redis.hgetall(key) for key in found if redis.type(key) == "hash"}


def every_way(there: Slack, person: str) -> Iterator[tuple[str, Callable[[], Ack]]]:  # noqa: F811
    """All that this person can type, press, mention and send about C1, in it or from afar."""
    for word in dispatch.COMMANDS:
        for text in (word, f"{word} matters") if word else ("",):
            yield (
                f"command {word}",
                lambda text=text: there.command(text, channel="C1", user=person),
            )
            mention = {"type": "app_mention", "text": f"<@UBOT> {text}", "user": person}
            yield f"command {word}", lambda m=mention: there.event(m)
    for name in dispatch.BUTTONS:
        values = ["C1 matters"] if dispatch.BUTTONS[name].elsewhere else ["matters", "2503.10000"]
        for value in values:
            press = {"type": "button", "action_id": name, "value": value}
            there.channels.setdefault(own := f"D{person[1:]}", Channel())
            for channel in ("C1", own) if dispatch.BUTTONS[name].elsewhere else ("C1",):
                yield (
                    f"button {name}",
                    lambda p=press, c=channel: there.press(
                        p, channel=c, message_ts="", user=person
                    ),
                )
            if dispatch.BUTTONS[name].elsewhere:
                yield f"button {name}", lambda p=press: there.press(p, view_id="VH", user=person)


@pytest.mark.parametrize("person", PEOPLE)
def test_who_may_not_is_told_so_and_changes_nothing(
    person: str,
    day: list[Json],
    there: Slack,  # noqa: F811
    store: Store,
) -> None:
    there.views["VH"] = {"id": "VH", "type": "home", "blocks": []}
    before, posted = everything(store), len(there.thread("C1"))
    commands, buttons, _ = OPEN_TO_ALL
    open_to_all = {f"command {n}" for n in commands} | {f"button {n}" for n in buttons}
    refused = PEOPLE[person][2]
    for way, act in every_way(there, person):
        if way in open_to_all:
            continue
        been = len(told_alone(there, person))
        soon(act())
        there.wait(lambda been=been: len(told_alone(there, person)) > been)
        shown = told_alone(there, person)
        assert "matters" not in json.dumps(shown).lower(), way
        assert drawn(shown[-1]).strip() in (refused, NOT_IN), way
    assert len(there.thread("C1")) == posted
    assert everything(store) == before
    assert not there.homes or "Matters" not in drawn(there.homes[person])


def told_alone(there: Slack, person: str) -> list[Json]:  # noqa: F811
    """What one person alone is shown: below a channel, and in the conversation with the bot."""
    direct = there.channels.get(f"D{person[1:]}")
    return [*there.ephemeral, *(direct.messages if direct else ())]


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("name", sorted(dispatch.FORMS))
def test_a_form_about_a_channel_of_others_is_refused_in_the_form(
    person: str,
    name: str,
    day: list[Json],
    there: Slack,  # noqa: F811
    store: Store,
) -> None:
    """As it was opened by a member, and by somebody who made up what it carries."""
    before, posted = everything(store), len(there.thread("C1"))
    own = f"D{person[1:]}"
    abouts = {"subscribe": ["C1", ""], "edit": ["C1 stamp", "C1"], "profile": ["matters", ""]}[name]
    for about in abouts:
        for opened in ("C1", own, "home") if name != "profile" else ("C1",):
            view = form_of(there, name, about, opened)
            values = submitted(there.views[view])["state"]["values"]
            values["channel"] = {
                "channel": {"type": "conversations_select", "selected_conversation": "C1"}
            }
            answer = soon(there.submit(view, values, user=person)).payload
            assert set(wrong(answer).values()) <= {PEOPLE[person][2]}
    assert (everything(store), len(there.thread("C1"))) == (before, posted)


def form_of(there: Slack, name: str, about: str, opened: str) -> str:  # noqa: F811
    """A form that U1 opened, carrying what it is told to."""
    word = "new matters" if name == "profile" else "subscribe"
    view = form(there, lambda: there.command(word))
    made = there.views[view]
    there.views["V9"] = made | {
        "id": "V9",
        "callback_id": name,
        "private_metadata": json.dumps([about, opened]),
    }
    return "V9"


@pytest.mark.parametrize(
    "data", ["", "{}", "[]", '["C1"]', '["C1", 7]', '["C1", "a b"]', '[null, "C1"]', "nonsense"]
)
def test_a_form_that_carries_something_else_is_refused(
    data: str,
    day: list[Json],
    there: Slack,  # noqa: F811
    store: Store,
) -> None:
    before = everything(store)
    view = form(there, lambda: there.command("subscribe"))
    there.views[view]["private_metadata"] = data
    values = submitted(there.views[view])["state"]["values"]
    answer = soon(there.submit(view, values)).payload
    assert "another version" in "".join(wrong(answer).values())
    assert everything(store) == before


def test_guests_ask_why_and_vote(day: list[Json], there: Slack, store: Store) -> None:  # noqa: F811
    card = day[1]
    for person in ("U7", "U9", "U5"):
        soon(there.press(button(card, "👍"), message_ts=card["ts"], user=person))
        assert "Picked: number 1" in types(there, "2503.10000", command="/why", user=person)
    there.wait(lambda: Subscriptions(store).votes(HERE, "2503.10000") == Votes(up=3))
    offered = {shown["user"]: "[ Share" in drawn(shown) for shown in there.ephemeral}
    assert offered == {"U7": False, "U9": False, "U5": True}  # nobody knows of U5; it is refused


# -- the home tab


def opens_home(there: Slack, person: str) -> str:  # noqa: F811
    there.homes.pop(person, None)
    soon(there.event({"type": "app_home_opened", "tab": "home", "user": person}))
    there.wait(lambda: person in there.homes)
    return drawn(there.homes[person])


def test_the_home_tab_shows_a_persons_own_channels(day: list[Json], there: Slack) -> None:  # noqa: F811
    there.channels["C3"].people = {"U3"}
    types(there, "subscribe foundations", channel="C3", user="U3")
    types(there, "subscribe compression", channel="D2", user="U2")
    seen(there, 1, "C3")
    seen(there, 1, "D2")
    member, other, boss = (opens_home(there, person) for person in ("U2", "U3", "U4"))
    assert ("#C1" in member, "#C3" in member, "#D2" in member) == (True, False, True)
    assert ("#C1" in other, "#C3" in other, "#D2" in other) == (False, True, False)
    assert "No channel that you are in is subscribed yet." in boss
    for person, said in (("U7", GUEST), ("U9", STRANGER), ("U5", UNCHECKED)):
        shown = opens_home(there, person)
        assert said in shown
        assert "[ " not in shown


def test_what_a_person_may_is_looked_at_when_it_is_pressed(
    day: list[Json],
    there: Slack,  # noqa: F811
    store: Store,
) -> None:
    opens_home(there, "U2")
    pause = button(there.homes["U2"], "Pause")
    view = form(
        there, lambda: there.press(button(there.homes["U2"], "Edit"), view_id="VHU2", user="U2")
    )
    there.channels["C1"].people = {"U1"}  # U2 has left
    before = Subscriptions(store).all()
    soon(there.press(pause, view_id="VHU2", user="U2"))
    there.wait(lambda: there.channels.get("D2") and there.channels["D2"].messages)
    assert NOT_IN in drawn(there.channels["D2"].messages[-1])
    there.wait(lambda: "#C1" not in drawn(there.homes["U2"]))
    values = submitted(there.views[view])["state"]["values"]
    assert NOT_IN in str(wrong(soon(there.submit(view, values, user="U2")).payload))
    assert Subscriptions(store).all() == before


def test_an_end_is_asked_once_more(day: list[Json], there: Slack) -> None:  # noqa: F811
    opens_home(there, "U2")
    end = button(there.homes["U2"], "Unsubscribe")
    assert end["confirm"]["text"]["text"] == (
        "End Matters of importance? Nothing more of it comes to this channel."
    )
    assert end["action_id"] == "unsubscribe"


# -- what Slack does not say


@pytest.mark.parametrize("method", ["users.info", "users.conversations"])
@pytest.mark.parametrize(
    "fault", ["ratelimited", "http_500", "html", "disconnect", "missing_scope", "user_not_found"]
)
def test_what_cannot_be_found_out_is_refused_and_tried_again(
    method: str,
    fault: str,
    day: list[Json],
    there: Slack,  # noqa: F811
    store: Store,
) -> None:
    before = Subscriptions(store).all()
    there.fault(method, *[fault] * 2)
    assert types(there, "pause matters", user="U2") == f"{UNCHECKED}\n"
    assert Subscriptions(store).all() == before
    there._faults.clear()
    assert types(there, "pause matters", user="U2").startswith("Paused")
    seen(there, len(day) + 1)


def test_a_question_that_hangs_delays_no_acknowledgement(
    day: list[Json],
    there: Slack,  # noqa: F811
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = form(there, lambda: there.command("subscribe", user="U2"))
    monkeypatch.setattr(answers, "_WHO_SECONDS", 0.05)
    monkeypatch.setattr(events, "_CHECK_SECONDS", 0.05)
    there.fault("users.conversations", *["hang"] * 9)
    values = submitted(there.views[view])["state"]["values"]
    values["profile"]["profile"]["selected_option"] = {"value": "matters"}
    assert UNCHECKED in str(wrong(soon(there.submit(view, values, user="U2")).payload))
    assert types(there, "pause", user="U2") == f"{UNCHECKED}\n"
    assert Subscriptions(store).all()[0].paused is None


def test_an_app_installed_before_it_asked_for_group_messages_goes_on(
    day: list[Json],
    there: Slack,  # noqa: F811
) -> None:
    there.scopes = there.scopes.replace(",mpim:read", "")
    assert types(there, "pause", user="U2").startswith("Paused")
    assert types(there, "resume", user="U2").startswith("Resumed")
    seen(there, len(day) + 2)
    asked = [call for call in there.calls if call.method == "users.conversations"]
    assert [call.error for call in asked].count("missing_scope") == 1


def test_looking_twice_asks_slack_once_and_a_change_asks_anew(
    day: list[Json],
    there: Slack,  # noqa: F811
) -> None:
    def asked() -> int:
        return len([c for c in there.calls if c.method == "users.info"])

    been = asked()
    for _ in range(3):
        types(there, "list", user="U2")
    assert asked() == been + 1
    types(there, "pause", user="U2")
    types(there, "resume", user="U2")
    seen(there, len(day) + 2)
    assert asked() == been + 3


# -- mentions


@pytest.mark.parametrize("text", ["cost", "list", "missed", "profiles", "help", "nonsense"])
def test_any_other_command_in_a_mention_is_answered_to_who_asked_alone(
    text: str,
    day: list[Json],
    there: Slack,  # noqa: F811
) -> None:
    head = day[0]
    mention = {"type": "app_mention", "text": f"<@UBOT> {text}", "thread_ts": head["ts"]}
    there.ephemeral.clear()
    soon(there.event(mention | {"user": "U2"}))
    there.wait(lambda: there.ephemeral)
    (shown,) = there.ephemeral
    assert (shown["user"], shown["thread_ts"]) == ("U2", head["ts"])
    assert drawn(shown) == types(there, text, user="U2")
    assert len(there.thread("C1")) == len(day)


def test_a_mention_that_cannot_be_answered_is_private_as_well(
    day: list[Json],
    there: Slack,  # noqa: F811
) -> None:
    for text in ("why", "why 9999.99999", "pause nobody", "now nobody"):
        mention = {"type": "app_mention", "text": f"<@UBOT> {text}", "user": "U2"}
        assert told(there, lambda m=mention: there.event(m))
    assert len(there.thread("C1")) == len(day)


def test_what_an_app_says_is_no_command(day: list[Json], there: Slack, store: Store) -> None:  # noqa: F811
    event = {"type": "app_mention", "text": "<@UBOT> pause", "user": None, "bot_id": "B9"}
    soon(there.event(event))
    there.people["U6"] = {"is_bot": True}
    soon(there.event(event | {"user": "U6"}))
    assert types(there, "list", user="U2")
    assert Subscriptions(store).all()[0].paused is None


# -- a changed profile


def test_a_changed_profile_is_said_where_it_is_used_and_taken_back_there(
    day: list[Json],
    there: Slack,  # noqa: F811
    store: Store,
) -> None:
    types(there, "subscribe matters", channel="C2", user="U3")
    seen(there, 1, "C2")
    view = form(there, lambda: there.command("new matters", user="U2"))
    values = submitted(there.views[view])["state"]["values"]
    values["maximum"]["maximum"]["value"] = "3"
    assert soon(there.submit(view, values, user="U2")).payload is None
    said = seen(there, 2, "C2")
    assert "@U2 changed the profile Matters of importance, which this channel uses." in said
    assert "· papers a day, at most: 3, was 20" in said
    there.wait(lambda: len(there.thread("C1")) == len(day) + 1)
    notice = there.thread("C2")[-1]
    undo = button(notice, "Undo")
    there.people["U6"] = {"is_restricted": True}
    press = {"channel": "C2", "message_ts": notice["ts"]}
    assert told(there, lambda: there.press(undo, user="U6", **press)) == f"{GUEST}\n"
    answer = told(there, lambda: there.press(undo, user="U3", **press))
    assert answer.startswith("Taken back: Matters of importance is as it was before.")
    assert "@U3 took back a change of the profile" in seen(there, 3, "C2")
    there.wait(lambda: len(there.thread("C1")) == len(day) + 2)
    assert "· papers a day, at most: 20, was 3" in seen(there, 3, "C2")
    assert "changed again" in told(there, lambda: there.press(undo, user="U3", **press))
    assert Subscriptions(store).profiles(HERE)["matters"].maximum == 20
