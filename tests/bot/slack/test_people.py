"""People of all kinds in Slack: what each sees, may do, and is told; by every way in there is."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.commands import dispatch
from bot.domain.subscription import Votes
from bot.slack import answers, form_events
from bot.store.store import Store
from tests.bot.commands.samples import OPEN_TO_ALL
from tests.bot.slack.conversations import (
    CHANNEL_ADDRESS,
    assert_acked,
    button,
    channel_text,
    deliver_day,
    open_form,
    private_answer,
    type_command,
    wrong,
)
from tests.servers.fake_slack import Ack, Channel, FakeSlack, Json
from tests.servers.slack_rules import draw_slack, unchanged_submission

pytestmark = pytest.mark.usefixtures("no_long_waits", "logged")

FORM = {"profile": "matters", "at": "07:30", "tz": "Asia/Kolkata", "days": "mon", "top": "5"}
UNCHECKED = "Paperboy couldn't check whether you're allowed to do this. Try again in a minute."
GUEST = "Guests can ask /why and vote; everything else is for members of this workspace."
STRANGER = (
    "People from other workspaces can ask /why and vote; everything else is for members of "
    "this one."
)
NOT_IN = "Only members of that channel can do this, and you aren't one, or no longer."
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
def day(running_bot: None, fake_slack: FakeSlack, redis_url: str, store: Store) -> list[Json]:
    """C1 is private: U1 and U2 are members, and guests; it has a subscription and a day."""
    people = {person for person, (_, inside, _) in PEOPLE.items() if inside}
    fake_slack.channels["C1"].members = {"U1", "U2", *people}
    fake_slack.user_overrides |= {person: said for person, (said, _, _) in PEOPLE.items()}
    type_command(fake_slack, "subscribe matters")
    channel_text(fake_slack, 1)
    thread = morning_after(fake_slack, store)
    fake_slack.ephemeral.clear()
    return thread


def morning_after(fake_slack: FakeSlack, store: Store) -> list[Json]:
    fake_slack.channels["C1"].messages.clear()
    return deliver_day(store, fake_slack)


def everything(store: Store) -> dict[str, Any]:
    """What people made and said, without what the platform's own work leaves behind."""
    redis = store.redis
    names = ("pb:subscriptions", "pb:profiles:*", "pb:makers:*", "pb:votes:*", "pb:wishes*")
    found = {str(key) for name in names for key in redis.scan_iter(name)}
    return {key: redis.hgetall(key) for key in found if redis.type(key) == "hash"}


def every_way(fake_slack: FakeSlack, person: str) -> Iterator[tuple[str, Callable[[], Ack]]]:
    """All that this person can type, press, mention and send about C1, in it or from afar."""
    for word in dispatch.COMMANDS:
        for text in (word, f"{word} matters") if word else ("",):
            yield (
                f"command {word}",
                lambda text=text: fake_slack.command(text, channel="C1", user=person),
            )
            mention = {"type": "app_mention", "text": f"<@UBOT> {text}", "user": person}
            yield f"command {word}", lambda m=mention: fake_slack.send_event(m)
    for name in dispatch.BUTTONS:
        values = (
            ["C1 matters"] if dispatch.BUTTONS[name].names_channel else ["matters", "2503.10000"]
        )
        for value in values:
            press = {"type": "button", "action_id": name, "value": value}
            fake_slack.channels.setdefault(own := f"D{person[1:]}", Channel())
            for channel in ("C1", own) if dispatch.BUTTONS[name].names_channel else ("C1",):
                yield (
                    f"button {name}",
                    lambda p=press, c=channel: fake_slack.press(
                        p, channel=c, message_ts="", user=person
                    ),
                )
            if dispatch.BUTTONS[name].names_channel:
                yield (
                    f"button {name}",
                    lambda p=press: fake_slack.press(p, view_id="VH", user=person),
                )


@pytest.mark.parametrize("person", PEOPLE)
def test_a_person_without_the_right_is_refused_and_changes_nothing(
    person: str,
    day: list[Json],
    fake_slack: FakeSlack,
    store: Store,
) -> None:
    fake_slack.views["VH"] = {"id": "VH", "type": "home", "blocks": []}
    before, posted = everything(store), len(fake_slack.visible_messages("C1"))
    commands, buttons, _ = OPEN_TO_ALL
    open_to_all = {f"command {n}" for n in commands} | {f"button {n}" for n in buttons}
    refused = PEOPLE[person][2]
    for way, act in every_way(fake_slack, person):
        if way in open_to_all:
            continue
        been = len(told_alone(fake_slack, person))
        assert_acked(act())
        fake_slack.wait_until(lambda been=been: len(told_alone(fake_slack, person)) > been)
        shown = told_alone(fake_slack, person)
        assert "matters" not in json.dumps(shown).lower(), way
        assert draw_slack(shown[-1]).strip() in (refused, NOT_IN), way
    assert len(fake_slack.visible_messages("C1")) == posted
    assert everything(store) == before
    assert not fake_slack.homes or "Matters" not in draw_slack(fake_slack.homes[person])


def told_alone(fake_slack: FakeSlack, person: str) -> list[Json]:
    """What one person alone is shown: below a channel, and in the conversation with the bot."""
    direct = fake_slack.channels.get(f"D{person[1:]}")
    return [*fake_slack.ephemeral, *(direct.messages if direct else ())]


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("name", sorted(dispatch.FORMS.keys() - OPEN_TO_ALL[2]))
def test_a_form_about_a_channel_of_others_is_refused_in_the_form(
    person: str,
    name: str,
    day: list[Json],
    fake_slack: FakeSlack,
    store: Store,
) -> None:
    """As it was opened by a member, and by somebody who made up what it carries."""
    before, posted = everything(store), len(fake_slack.visible_messages("C1"))
    own = f"D{person[1:]}"
    of_channel = {"subscribe": ["C1", ""], "edit": ["C1 stamp", "C1"]}
    abouts = of_channel.get(name, ["matters", ""])
    for about in abouts:
        for opened in ("C1", own, "home") if name in of_channel else ("C1",):
            view = form_of(fake_slack, name, about, opened)
            values = unchanged_submission(fake_slack.views[view])["state"]["values"]
            values["channel"] = {
                "channel": {"type": "conversations_select", "selected_conversation": "C1"}
            }
            answer = assert_acked(fake_slack.submit(view, values, user=person)).payload
            assert set(wrong(answer).values()) <= {PEOPLE[person][2]}
    assert (everything(store), len(fake_slack.visible_messages("C1"))) == (before, posted)


def form_of(fake_slack: FakeSlack, name: str, about: str, opened: str) -> str:
    """A form that U1 opened, carrying what it is told to."""
    word = "new matters" if name == "profile" else "subscribe"
    view = open_form(fake_slack, lambda: fake_slack.command(word))
    made = fake_slack.views[view]
    fake_slack.views["V9"] = made | {
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
    fake_slack: FakeSlack,
    store: Store,
) -> None:
    before = everything(store)
    view = open_form(fake_slack, lambda: fake_slack.command("subscribe"))
    fake_slack.views[view]["private_metadata"] = data
    values = unchanged_submission(fake_slack.views[view])["state"]["values"]
    answer = assert_acked(fake_slack.submit(view, values)).payload
    assert "another version" in "".join(wrong(answer).values())
    assert everything(store) == before


def test_guests_ask_why_and_vote(day: list[Json], fake_slack: FakeSlack, store: Store) -> None:
    card = day[1]
    for person in ("U7", "U9", "U5"):
        assert_acked(fake_slack.press(button(card, "👍"), message_ts=card["ts"], user=person))
        assert "Picked: number 1" in type_command(
            fake_slack, "2503.10000", command="/why", user=person
        )
    fake_slack.wait_until(
        lambda: store.cards.state(CHANNEL_ADDRESS, "2503.10000").votes == Votes(up=3)
    )
    offered = {shown["user"]: "[ Share" in draw_slack(shown) for shown in fake_slack.ephemeral}
    assert offered == {"U7": False, "U9": False, "U5": True}  # nobody knows of U5; it is refused


# -- the home tab


def opens_home(fake_slack: FakeSlack, person: str) -> str:
    fake_slack.homes.pop(person, None)
    assert_acked(fake_slack.send_event({"type": "app_home_opened", "tab": "home", "user": person}))
    fake_slack.wait_until(lambda: person in fake_slack.homes)
    return draw_slack(fake_slack.homes[person])


def test_the_home_tab_shows_a_persons_own_channels(day: list[Json], fake_slack: FakeSlack) -> None:
    fake_slack.channels["C3"].members = {"U3"}
    type_command(fake_slack, "subscribe foundations", channel="C3", user="U3")
    type_command(fake_slack, "subscribe compression", channel="D2", user="U2")
    channel_text(fake_slack, 1, "C3")
    channel_text(fake_slack, 1, "D2")
    member, other, boss = (opens_home(fake_slack, person) for person in ("U2", "U3", "U4"))
    assert ("#C1" in member, "#C3" in member, "#D2" in member) == (True, False, True)
    assert ("#C1" in other, "#C3" in other, "#D2" in other) == (False, True, False)
    assert "None of your channels has a subscription yet." in boss
    for person, said in (("U7", GUEST), ("U9", STRANGER), ("U5", UNCHECKED)):
        shown = opens_home(fake_slack, person)
        assert said in shown
        assert "[ " not in shown


def test_what_a_person_may_is_looked_at_when_it_is_pressed(
    day: list[Json],
    fake_slack: FakeSlack,
    store: Store,
) -> None:
    opens_home(fake_slack, "U2")
    pause = button(fake_slack.homes["U2"], "Pause")
    view = open_form(
        fake_slack,
        lambda: fake_slack.press(button(fake_slack.homes["U2"], "Edit"), view_id="VHU2", user="U2"),
    )
    fake_slack.channels["C1"].members = {"U1"}  # U2 has left
    before = store.subscriptions.all()
    assert_acked(fake_slack.press(pause, view_id="VHU2", user="U2"))
    fake_slack.wait_until(
        lambda: fake_slack.channels.get("D2") and fake_slack.channels["D2"].messages
    )
    assert NOT_IN in draw_slack(fake_slack.channels["D2"].messages[-1])
    fake_slack.wait_until(lambda: "#C1" not in draw_slack(fake_slack.homes["U2"]))
    values = unchanged_submission(fake_slack.views[view])["state"]["values"]
    assert NOT_IN in str(wrong(assert_acked(fake_slack.submit(view, values, user="U2")).payload))
    assert store.subscriptions.all() == before


def test_unsubscribing_asks_for_confirmation(day: list[Json], fake_slack: FakeSlack) -> None:
    opens_home(fake_slack, "U2")
    end = button(fake_slack.homes["U2"], "Unsubscribe")
    assert end["confirm"]["text"]["text"] == (
        "Unsubscribe from Matters of importance? This channel will get no more of its digests."
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
    fake_slack: FakeSlack,
    store: Store,
) -> None:
    before = store.subscriptions.all()
    fake_slack.inject_faults(method, *[fault] * 2)
    assert type_command(fake_slack, "pause matters", user="U2") == f"{UNCHECKED}\n"
    assert store.subscriptions.all() == before
    fake_slack._faults.clear()
    assert type_command(fake_slack, "pause matters", user="U2").startswith("Paused")
    channel_text(fake_slack, len(day) + 1)


def test_a_question_that_hangs_delays_no_acknowledgement(
    day: list[Json],
    fake_slack: FakeSlack,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    view = open_form(fake_slack, lambda: fake_slack.command("subscribe", user="U2"))
    monkeypatch.setattr(answers, "_IDENTIFY_SECONDS", 0.05)
    monkeypatch.setattr(form_events, "_CHECK_SECONDS", 0.05)
    fake_slack.inject_faults("users.conversations", *["hang"] * 9)
    values = unchanged_submission(fake_slack.views[view])["state"]["values"]
    values["profile"]["profile"]["selected_option"] = {"value": "matters"}
    assert UNCHECKED in str(wrong(assert_acked(fake_slack.submit(view, values, user="U2")).payload))
    assert type_command(fake_slack, "pause", user="U2") == f"{UNCHECKED}\n"
    assert store.subscriptions.all()[0].paused is None


def test_an_app_installed_without_the_group_messages_scope_keeps_working(
    day: list[Json],
    fake_slack: FakeSlack,
) -> None:
    fake_slack.scopes = fake_slack.scopes.replace(",mpim:read", "")
    assert type_command(fake_slack, "pause", user="U2").startswith("Paused")
    assert type_command(fake_slack, "resume", user="U2").startswith("Resumed")
    channel_text(fake_slack, len(day) + 2)
    asked = [call for call in fake_slack.calls if call.method == "users.conversations"]
    assert [call.error for call in asked].count("missing_scope") == 1


def test_looking_twice_asks_slack_once_and_a_change_asks_anew(
    day: list[Json],
    fake_slack: FakeSlack,
) -> None:
    def asked() -> int:
        return len([c for c in fake_slack.calls if c.method == "users.info"])

    been = asked()
    for _ in range(3):
        type_command(fake_slack, "list", user="U2")
    assert asked() == been + 1
    type_command(fake_slack, "pause", user="U2")
    type_command(fake_slack, "resume", user="U2")
    channel_text(fake_slack, len(day) + 2)
    assert asked() == been + 3


# -- mentions


@pytest.mark.parametrize("text", ["cost", "list", "missed", "profiles", "help", "nonsense"])
def test_any_other_command_in_a_mention_is_answered_to_who_asked_alone(
    text: str,
    day: list[Json],
    fake_slack: FakeSlack,
) -> None:
    head = day[0]
    mention = {"type": "app_mention", "text": f"<@UBOT> {text}", "thread_ts": head["ts"]}
    fake_slack.ephemeral.clear()
    assert_acked(fake_slack.send_event(mention | {"user": "U2"}))
    fake_slack.wait_until(lambda: fake_slack.ephemeral)
    (shown,) = fake_slack.ephemeral
    assert (shown["user"], shown["thread_ts"]) == ("U2", head["ts"])
    assert draw_slack(shown) == type_command(fake_slack, text, user="U2")
    assert len(fake_slack.visible_messages("C1")) == len(day)


def test_a_mention_that_cannot_be_answered_is_private_as_well(
    day: list[Json],
    fake_slack: FakeSlack,
) -> None:
    for text in ("why", "why 9999.99999", "pause nobody", "now nobody"):
        mention = {"type": "app_mention", "text": f"<@UBOT> {text}", "user": "U2"}
        assert private_answer(fake_slack, lambda m=mention: fake_slack.send_event(m))
    assert len(fake_slack.visible_messages("C1")) == len(day)


def test_what_an_app_says_is_no_command(
    day: list[Json], fake_slack: FakeSlack, store: Store
) -> None:
    event = {"type": "app_mention", "text": "<@UBOT> pause", "user": None, "bot_id": "B9"}
    assert_acked(fake_slack.send_event(event))
    fake_slack.user_overrides["U6"] = {"is_bot": True}
    assert_acked(fake_slack.send_event(event | {"user": "U6"}))
    assert type_command(fake_slack, "list", user="U2")
    assert store.subscriptions.all()[0].paused is None


# -- a changed profile


def test_a_profile_change_is_announced_where_it_is_used_and_undone_there(
    day: list[Json],
    fake_slack: FakeSlack,
    store: Store,
) -> None:
    type_command(fake_slack, "subscribe matters", channel="C2", user="U3")
    channel_text(fake_slack, 1, "C2")
    view = open_form(fake_slack, lambda: fake_slack.command("new matters", user="U2"))
    values = unchanged_submission(fake_slack.views[view])["state"]["values"]
    values["maximum"]["maximum"]["value"] = "3"
    assert assert_acked(fake_slack.submit(view, values, user="U2")).payload is None
    said = channel_text(fake_slack, 2, "C2")
    assert "@U2 changed the profile Matters of importance, which this channel uses." in said
    assert "· most papers in a digest: 3, was 20" in said
    fake_slack.wait_until(lambda: len(fake_slack.visible_messages("C1")) == len(day) + 1)
    notice = fake_slack.visible_messages("C2")[-1]
    undo = button(notice, "Undo")
    fake_slack.user_overrides["U6"] = {"is_restricted": True}
    press = {"channel": "C2", "message_ts": notice["ts"]}
    assert (
        private_answer(fake_slack, lambda: fake_slack.press(undo, user="U6", **press))
        == f"{GUEST}\n"
    )
    answer = private_answer(fake_slack, lambda: fake_slack.press(undo, user="U3", **press))
    assert answer.startswith("Undone: Matters of importance is as it was before.")
    assert "@U3 undid a change of the profile" in channel_text(fake_slack, 3, "C2")
    fake_slack.wait_until(lambda: len(fake_slack.visible_messages("C1")) == len(day) + 2)
    assert "· most papers in a digest: 20, was 3" in channel_text(fake_slack, 3, "C2")
    assert "changed again" in private_answer(
        fake_slack, lambda: fake_slack.press(undo, user="U3", **press)
    )
    assert store.profiles.at(CHANNEL_ADDRESS)["matters"].maximum == 20
