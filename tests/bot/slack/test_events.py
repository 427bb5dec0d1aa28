"""People and the bot in Slack: real slack_bolt, real sockets, a Slack on loopback."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time
from io import StringIO
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import redis.asyncio
from pydantic import SecretStr
from redis import Redis

from bot import __main__ as process
from bot.commands import dispatch
from bot.commands.dispatch import CommandSpec
from bot.commands.permissions import Right
from bot.domain.reasons import ChannelReason
from bot.domain.request import DigestRequest
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused, Subscription, Votes
from bot.profiles import form as form_profile
from bot.runtime import lookup_waiter, task_waiter, waiting
from bot.slack import form_events, forms, listening
from bot.slack.answers import SlackAnswers
from bot.store.connection import connect_briefly
from bot.store.gates import Gates, gate_key
from bot.store.history import History
from bot.store.lookups import Lookups
from bot.store.requests import Requests
from bot.store.store import Store
from bot.views import refusals
from tests.bot.slack.conversations import (
    CHANNEL_ADDRESS,
    HUSH,
    assert_acked,
    button,
    channel_text,
    deliver_day,
    open_form,
    open_new_profile,
    private_answer,
    serving,
    submit_form,
    type_command,
    wrong,
)
from tests.factories import answer_lookup, gate_report, profile
from tests.servers.fake_slack import Ack, FakeSlack, Json, run_fake_slack, signature_headers
from tests.servers.slack_rules import draw_slack, unchanged_submission
from tests.waiting import TIMEOUT_SECONDS, wait_until

pytestmark = pytest.mark.usefixtures("no_long_waits", "logged")

MOMENT = "Paperboy can't reach its database"


def test_who_was_acknowledged_is_answered_before_the_bot_stops(
    fake_slack: FakeSlack, redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Slack does not deliver the command again."""
    begun, closed = threading.Event(), threading.Event()
    respond, cancel_all = SlackAnswers.respond, process._cancel_all

    async def slowly(self: SlackAnswers, *given: Any) -> None:
        begun.set()
        assert await asyncio.to_thread(closed.wait, TIMEOUT_SECONDS)
        await respond(self, *given)

    async def until_nothing_comes_in(tasks: set[asyncio.Task[Any]]) -> None:
        await cancel_all(tasks)
        asyncio.get_running_loop().call_later(0.2, closed.set)  # after all else is closed

    monkeypatch.setattr(SlackAnswers, "respond", slowly)
    monkeypatch.setattr(process, "_cancel_all", until_nothing_comes_in)
    with serving(redis_url, fake_slack):
        fake_slack.wait_until(lambda: fake_slack.sockets)
        assert_acked(fake_slack.command("list"))
        assert begun.wait(TIMEOUT_SECONDS)
    assert len(fake_slack.ephemeral) == 1


# -- subscriptions


@pytest.mark.usefixtures("running_bot")
def test_a_channel_is_subscribed_in_one_line_and_sees_who_did_it(fake_slack: FakeSlack) -> None:
    assert "/digest subscribe" in type_command(fake_slack, "")
    answer = type_command(fake_slack, "subscribe matters at 8:30 days daily", user="U7")
    assert answer.startswith("Matters of importance: every day at 08:30 E")
    assert re.search(r"Next: \w+ 08:30 E[SD]T, at most 20 papers from cs.LG.", answer)
    assert "[ Show latest digest ] [ Edit ] [ Edit profile ]" in answer
    assert fake_slack.ephemeral[-1]["user"] == "U7"
    assert re.fullmatch(
        "@U7 subscribed this channel to Matters of importance: every day at 08:30 E.T.\n",
        channel_text(fake_slack, 1),
    )
    now = button(fake_slack.ephemeral[-1], "Show latest digest")
    moment = private_answer(fake_slack, lambda: fake_slack.press(now))
    assert moment == "Getting the latest digest of Matters of importance, only for you.\n"
    assert "Matters of importance: every day at 08:30" in type_command(fake_slack, "list")


@pytest.mark.usefixtures("running_bot")
def test_a_person_alone_with_the_bot_subscribes_likewise(fake_slack: FakeSlack) -> None:
    assert "Next: " in type_command(fake_slack, "subscribe matters", channel="D1")
    assert "@U1 subscribed this channel" in channel_text(fake_slack, 1, "D1")


@pytest.mark.usefixtures("running_bot")
def test_what_changes_the_channel_is_said_in_the_channel(fake_slack: FakeSlack) -> None:
    type_command(fake_slack, "subscribe matters")
    assert type_command(fake_slack, "pause").startswith("Paused: Matters")
    assert "paused by someone here; /digest resume restarts it" in type_command(fake_slack, "list")
    assert type_command(fake_slack, "resume").startswith("Resumed: Matters")
    assert type_command(fake_slack, "unsubscribe matters").startswith("Unsubscribed from Matters")
    assert "No subscriptions here" in type_command(fake_slack, "list")
    said = channel_text(fake_slack, 4).splitlines()
    assert [line.split(" this")[0] for line in said if line] == [
        "@U1 subscribed",
        "@U1 paused",
        "@U1 resumed",
        "@U1 unsubscribed",
    ]


def put_gate(store: Store) -> None:
    """The gate of matters has been at work for weeks, whatever the model is."""
    for model in ("", "gpt-6-luna"):
        Gates(store).put_report(gate_key(profile(), model), gate_report())


@pytest.mark.usefixtures("running_bot")
def test_the_gates_plot_comes_into_the_direct_messages_and_its_words_at_once(
    fake_slack: FakeSlack, store: Store
) -> None:
    put_gate(store)
    said = type_command(fake_slack, "gate matters")
    assert "finds about 98% of picks (95% confidence: 91% to 100%)" in said
    fake_slack.wait_until(lambda: len(fake_slack.ephemeral) == 2)
    assert "The plot is in our direct messages." in draw_slack(fake_slack.ephemeral[1])
    (shown,) = fake_slack.channels["D1"].messages
    assert shown["files"] == [{"id": "F1", "title": "gate.png"}]
    assert fake_slack.files[0].startswith(b"\x89PNG")
    assert fake_slack.visible_messages("C1") == []
    said = type_command(fake_slack, "gate matters", channel="D1")
    fake_slack.wait_until(lambda: len(fake_slack.files) == 2)
    assert "finds about 98%" in said


@pytest.mark.usefixtures("running_bot")
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("", "lacks the scope files:write"),
        ("files.completeUploadExternal internal_error", "couldn't be sent just now"),
        ("upload 500", "couldn't be sent just now"),
        ("conversations.open http_500", "couldn't be sent just now"),
    ],
)
def test_a_plot_that_slack_refuses_leaves_the_words_and_the_reason(
    fault: str, told: str, fake_slack: FakeSlack, store: Store
) -> None:
    put_gate(store)
    if fault:
        fake_slack.inject_faults(*fault.split())
    else:
        fake_slack.scopes = fake_slack.scopes.replace(",files:write", "")
    assert "finds about 98% of picks" in type_command(fake_slack, "gate matters")
    fake_slack.wait_until(lambda: len(fake_slack.ephemeral) == 2)
    assert told in draw_slack(fake_slack.ephemeral[1])


@pytest.mark.usefixtures("running_bot")
def test_unknown_words_get_the_nearest_right_one_and_change_nothing(fake_slack: FakeSlack) -> None:
    assert "did you mean /digest subscribe?" in type_command(fake_slack, "subscirbe matters")
    assert "did you mean matters?" in type_command(fake_slack, "subscribe maters")
    assert "did you mean Europe/Berlin" in type_command(fake_slack, "subscribe matters tz Berlni")
    assert "did you mean 2503.15294?" in type_command(fake_slack, "2503,15294", command="/why")
    assert fake_slack.visible_messages("C1") == []


@pytest.mark.usefixtures("running_bot")
def test_where_the_bot_is_not_it_asks_to_be_invited(fake_slack: FakeSlack, store: Store) -> None:
    fake_slack.channels["C3"].bot_is_member = False
    for text in ("subscribe matters", "now matters", "resume"):
        assert "Invite it first: /invite @Paperboy" in type_command(fake_slack, text, channel="C3")
    assert "a digest comes when" in type_command(fake_slack, "list", channel="C3")
    assert store.subscriptions.all() == []
    assert store.requests.all() == []


@pytest.mark.usefixtures("running_bot")
def test_a_form_asks_for_what_was_not_typed(fake_slack: FakeSlack, store: Store) -> None:
    view = open_form(fake_slack, lambda: fake_slack.command("subscribe"))
    asked = draw_slack(fake_slack.views[view])
    assert "09:00" in asked
    assert "America/New_York" in asked  # where U1 lives
    found = fake_slack.suggest("zone", "tz", "berl", view).payload
    assert found is not None
    assert found["options"][0]["value"] == "Europe/Berlin"
    assert wrong(submit_form(fake_slack, view, days="", top="0", profile="matters")) == {
        "days": "Choose at least one day.",
        "top": '"0" is not a number of papers from 1 to 100; write it like 10.',
    }
    assert fake_slack.visible_messages("C1") == []
    answers = {"profile": "matters", "at": "07:15", "tz": "Europe/Berlin", "days": "mon,wed"}
    assert submit_form(fake_slack, view, **answers, top="5") is None
    assert re.fullmatch(
        r"@U1 subscribed this channel to Matters of importance: "
        r"Mon and Wed at 07:15 CES?T, at most 5 papers\.\n",
        channel_text(fake_slack, 1),
    )
    fake_slack.wait_until(lambda: fake_slack.ephemeral)
    assert fake_slack.ephemeral[-1]["user"] == "U1"
    assert "at most 5 papers from cs.LG." in draw_slack(fake_slack.ephemeral[-1])
    (found_one,) = store.subscriptions.all()
    assert (found_one.address, found_one.schedule.tz, found_one.top) == (
        CHANNEL_ADDRESS,
        "Europe/Berlin",
        5,
    )


@pytest.mark.usefixtures("running_bot")
def test_a_form_opens_though_slack_does_not_say_where_a_person_lives(fake_slack: FakeSlack) -> None:
    fake_slack.user_overrides["U1"] = {"tz": None}
    view = open_form(fake_slack, lambda: fake_slack.command("subscribe"))
    assert "[ UTC " in draw_slack(fake_slack.views[view])


@pytest.mark.usefixtures("running_bot")
def test_the_home_tab_has_all_channels_and_their_buttons(fake_slack: FakeSlack) -> None:
    fake_slack.channels["C3"].bot_is_member = False

    def home() -> Json:
        return fake_slack.homes["U1"]

    def presses(label: str) -> Callable[[], Ack]:
        return lambda: fake_slack.press(button(home(), label), view_id="VHU1")

    def shows(text: str) -> None:
        fake_slack.wait_until(lambda: text in draw_slack(home()))

    assert_acked(fake_slack.send_event({"type": "app_home_opened", "tab": "home"}))
    fake_slack.wait_until(lambda: fake_slack.homes)
    assert "None of your channels has a subscription yet." in draw_slack(home())
    view = open_form(fake_slack, presses("Subscribe a channel"))
    assert wrong(submit_form(fake_slack, view, profile="matters")) == {
        "channel": "Choose a channel."
    }
    answer = submit_form(fake_slack, view, profile="matters", channel="C3")
    assert "Invite it first" in wrong(answer)["channel"]
    assert submit_form(fake_slack, view, profile="matters", channel="C2") is None
    shows("Matters of importance: every weekday at 09:00 E")
    assert "#C2" in draw_slack(home())
    assert_acked(presses("Pause")())
    shows("paused by someone")
    assert_acked(presses("Resume")())
    shows("next: ")
    view = open_form(fake_slack, presses("Edit"))
    assert submit_form(fake_slack, view, at="06:00") is None
    shows("every weekday at 06:00")
    assert_acked(presses("Unsubscribe")())
    shows("None of your channels has a subscription yet.")
    said = channel_text(fake_slack, 5, "C2")
    assert re.findall("@U1 ([a-z]+) this channel", said) == [
        "subscribed",
        "paused",
        "resumed",
        "changed",
        "unsubscribed",
    ]
    assert fake_slack.ephemeral == []


# -- profiles


@pytest.mark.usefixtures("running_bot")
def test_a_group_makes_its_own_profile_changes_it_and_subscribes_it(fake_slack: FakeSlack) -> None:
    view = open_new_profile(fake_slack)
    answer = submit_form(
        fake_slack, view, title="Bounds", categories="cs.XX", look_for="", relevance="11"
    )
    assert wrong(answer) == {
        "categories": '"cs.XX" is not an arXiv category; did you mean cs.SY?',
        "look_for": "The list of topics must have at least one entry.",
        "relevance": "Write a whole number from 1 to 10.",
    }
    answers = {"title": "Bounds", "categories": "cs.LG math", "look_for": "Bounds: lower bounds"}
    assert submit_form(fake_slack, view, **answers) is None
    fake_slack.wait_until(lambda: fake_slack.ephemeral)
    assert draw_slack(fake_slack.ephemeral[-1]).startswith("Created: Bounds.")
    assert "already" in wrong(submit_form(fake_slack, view, **answers))["title"]
    assert "Bounds\n   bounds · cs.LG, math" in type_command(fake_slack, "profiles")
    type_command(fake_slack, "subscribe bounds")
    edit = button(fake_slack.ephemeral[-1], "Edit profile")
    view = open_form(fake_slack, lambda: fake_slack.press(edit, user="U2"))
    assert "Bounds: lower bounds" in draw_slack(fake_slack.views[view])
    assert submit_form(fake_slack, view, title="Bounds & rates") is None
    assert "@U1 changed the profile Bounds & rates, which this channel uses." in channel_text(
        fake_slack, 2
    )
    assert "· the title was Bounds" in channel_text(fake_slack, 2)
    assert "[ Undo ]" in channel_text(fake_slack, 2)
    assert "Bounds & rates: every weekday" in type_command(fake_slack, "list")


def test_another_workspace_sees_nothing_of_it(
    running_bot: None, fake_slack: FakeSlack, redis_url: str
) -> None:
    submit_form(
        fake_slack,
        open_new_profile(fake_slack),
        title="Ours alone",
        categories="cs.LG",
        look_for="Bounds",
    )
    fake_slack.wait_until(lambda: fake_slack.ephemeral)
    type_command(fake_slack, "subscribe ours-alone")
    with run_fake_slack("T2") as other:
        with serving(redis_url, other, slack_bot_token=SecretStr("xoxb-other")):
            other.wait_until(lambda: other.sockets)
            assert "No subscriptions here" in type_command(other, "list")
            assert "ours-alone" not in type_command(other, "profiles")
            assert "No profile is called" in type_command(other, "subscribe ours-alone")
            assert_acked(other.send_event({"type": "app_home_opened", "tab": "home"}))
            other.wait_until(lambda: other.homes)
            assert "None of your channels" in draw_slack(other.homes["U1"])
        assert other.visible_messages("C1") == []
    assert "Ours alone: every weekday" in type_command(fake_slack, "list")


@pytest.mark.usefixtures("running_bot")
def test_an_event_of_another_workspace_than_the_tokens_is_answered_with_one_sentence(
    fake_slack: FakeSlack, store: Store, logged: StringIO
) -> None:
    type_command(fake_slack, "subscribe matters")
    fake_slack.team = "T2"  # the app is installed there, too; its token is not ours
    assert_acked(fake_slack.command("list"))
    fake_slack.wait_until(lambda: len(fake_slack.ephemeral) > 1)
    assert fake_slack.ephemeral[1]["text"] == refusals.not_installed_here()
    assert_acked(fake_slack.command("unsubscribe matters"))
    assert_acked(fake_slack.send_event({"type": "app_home_opened", "tab": "home"}))
    fake_slack.team = "T1"
    assert "It has matters" in type_command(fake_slack, "pause another")
    assert fake_slack.homes == {}
    assert "slack:T2" in logged.getvalue()


# -- a delivered day


def test_votes_count_once_a_person_and_are_taken_back(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    card = deliver_day(store, fake_slack)[1]
    ts = card["ts"]

    def press(label: str, user: str, shown: str) -> None:
        now = next(m for m in fake_slack.visible_messages("C1") if m["ts"] == ts)
        assert_acked(fake_slack.press(button(now, label), message_ts=ts, user=user))
        fake_slack.wait_until(
            lambda: (
                shown
                in draw_slack(next(m for m in fake_slack.visible_messages("C1") if m["ts"] == ts))
            )
        )

    assert "[ 👍 ] [ 👎 ] [ Abstract ] [ Save ]" in draw_slack(card)
    press("👍", "U1", "[ 👍 1 ] [ 👎 ]")
    press("👍", "U2", "[ 👍 2 ] [ 👎 ]")
    press("👎", "U3", "[ 👍 2 ] [ 👎 1 ]")
    press("👍", "U3", "[ 👍 3 ] [ 👎 ]")
    press("👍", "U1", "[ 👍 2 ] [ 👎 ]")
    asked = [draw_slack(shown) for shown in fake_slack.ephemeral]
    assert [said.count("[ Off topic ] [ Known ] [ Weak ] [ Not now ]") for said in asked] == [1]
    assert len(fake_slack.visible_messages("C1")) == 3
    fake_slack.inject_faults("chat.update", "message_not_found")  # a message that somebody deleted
    press("👎", "U1", "[ 👍 2 ] [ 👎 ]")
    press("👎", "U2", "[ 👍 1 ] [ 👎 2 ]")


def test_many_who_press_at_once_are_all_counted(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    card = deliver_day(store, fake_slack)[1]
    up = button(card, "👍")
    with ThreadPoolExecutor(20) as people:
        acks = people.map(
            lambda n: fake_slack.press(up, message_ts=card["ts"], user=f"U{n}"), range(20)
        )
        assert all(assert_acked(ack) for ack in acks)
    fake_slack.wait_until(
        lambda: len([c for c in fake_slack.calls if c.method == "chat.update"]) == 20
    )
    fake_slack.wait_until(lambda: "[ 👍 20 ]" in draw_slack(fake_slack.visible_messages("C1")[1]))


def test_what_is_delivered_twice_acts_once(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    head, card, _ = deliver_day(store, fake_slack)

    def again(first: Ack, kind: str) -> None:
        assert_acked(
            fake_slack.send_envelope(kind, first.sent["payload"], retry=1, redelivery_of=first)
        )

    up = assert_acked(fake_slack.press(button(card, "👍"), message_ts=card["ts"]))
    typed = assert_acked(fake_slack.command("subscribe matters"))
    mention = {"type": "app_mention", "text": "<@UBOT> why 2503.10000"}
    named = assert_acked(fake_slack.send_event(mention | {"thread_ts": head["ts"]}))
    for first, kind in ((up, "interactive"), (typed, "slash_commands"), (named, "events_api")):
        again(first, kind)
    channel_text(fake_slack, 5)
    type_command(fake_slack, "list")  # what came before it is done by now
    assert channel_text(fake_slack, 5).count("subscribed this channel") == 1
    assert store.cards.state(CHANNEL_ADDRESS, "2503.10000").votes == Votes(up=1)
    assert [draw_slack(shown).count("Next: ") for shown in fake_slack.ephemeral] == [1, 0]


def test_why_is_the_same_answer_by_every_way(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    head, first, _ = deliver_day(store, fake_slack)
    ts = first["ts"]
    answer = type_command(fake_slack, "2503.10000", command="/why")
    assert answer.startswith(
        "Picked: number 1 of 2, with relevance 8 and novelty 7.\nOn the matter"
    )
    assert "[ arXiv ↗ ]" in answer
    by_button = private_answer(
        fake_slack, lambda: fake_slack.press(button(first, "Why"), message_ts=ts)
    )
    assert fake_slack.ephemeral[-1]["thread_ts"] == head["ts"]
    by_shortcut = private_answer(fake_slack, lambda: fake_slack.shortcut("why_this", "C1", ts))
    assert fake_slack.ephemeral[-1]["thread_ts"] == head["ts"]
    assert by_button == by_shortcut == answer
    mention = {"type": "app_mention", "text": "<@UBOT> why arxiv.org/abs/2503.10000v1"}
    assert_acked(fake_slack.send_event(mention | {"thread_ts": head["ts"]}))
    channel_text(fake_slack, 4)
    posted = fake_slack.visible_messages("C1")[-1]
    assert posted["thread_ts"] == head["ts"]
    assert draw_slack(posted) == answer


def test_why_says_what_it_needs(running_bot: None, fake_slack: FakeSlack, store: Store) -> None:
    head = deliver_day(store, fake_slack)[0]
    two = private_answer(fake_slack, lambda: fake_slack.shortcut("why_this", "C1", head["ts"]))
    assert two == "Name one paper at a time, not 2503.10000 and 2503.10001.\n"
    below = type_command(fake_slack, "why https://arxiv.org/pdf/2503.20000")
    assert "Not picked: relevance 3, the profile asks 7." in below
    assert "2503.15294: looking it up …" in type_command(fake_slack, "2503.15294", command="/why")
    mention = {"type": "app_mention", "text": "<@UBOT> why?", "ts": head["ts"]}
    wrong = private_answer(fake_slack, lambda: fake_slack.send_event(mention))
    assert wrong.startswith("Say which paper, by an arXiv id like 2503.15294")
    assert len(fake_slack.visible_messages("C1")) == 3


def test_now_waits_for_the_day_and_a_second_now_links_to_it(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    assert type_command(fake_slack, "now matters", user="U5").startswith(
        "Getting the latest digest of"
    )
    fake_slack.wait_until(lambda: store.redis.llen("rq:queue:now") == 1)
    (request,) = store.requests.all()
    assert (request.by, request.address) == ("U5", CHANNEL_ADDRESS)
    store.requests.drop(request)
    head = deliver_day(store, fake_slack)[0]
    type_command(fake_slack, "now matters", user="U5")
    fake_slack.wait_until(lambda: len(fake_slack.ephemeral) == 3)
    link = f"https://testers.slack.com/archives/C1/p{head['ts'].replace('.', '')}"
    (before,) = (e for e in fake_slack.ephemeral if "was already posted here" in draw_slack(e))
    assert link in json.dumps(before["blocks"])
    assert {shown["user"] for shown in fake_slack.ephemeral} == {"U5"}
    fake_slack.wait_until(lambda: not store.requests.all())


# -- when something is away


class Away(NamedTuple):
    """An address of Redis that is no good; what makes it keep people waiting, and ends that."""

    url: str
    hang: Callable[[], None] = lambda: None
    end: Callable[[], None] = lambda: None


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> Iterator[Away]:
    """Something at Redis' address that takes connections and never says a word."""

    made: list[Redis] = []

    def connect(url: str) -> Redis:
        made.append(connect_briefly(url))
        made[0].connection_pool.connection_kwargs["socket_timeout"] = 0.1  # for the start
        return made[0]

    def hang() -> None:
        made[0].connection_pool.connection_kwargs["socket_timeout"] = TIMEOUT_SECONDS
        made[0].connection_pool.reset()

    monkeypatch.setattr(process, "connect_briefly", connect)
    monkeypatch.setattr(form_events, "_FORM_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        yield Away(f"redis://:{HUSH}@127.0.0.1:{port}", hang, listener.close)


@pytest.fixture
def gone() -> Away:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Away(f"redis://:{HUSH}@127.0.0.1:{listener.getsockname()[1]}")


@pytest.mark.parametrize("away", ["hanging", "gone"])
def test_without_redis_everything_is_acknowledged_and_people_are_told(
    away: str, fake_slack: FakeSlack, request: pytest.FixtureRequest
) -> None:
    redis: Away = request.getfixturevalue(away)
    view = forms.modal(form_profile.build_form(None)) | {"private_metadata": '["", "C1"]'}
    fake_slack.views["V9"] = view | {"id": "V9"}
    up = {"type": "button", "action_id": "up", "value": "day 2503.10000"}
    ts = fake_slack.chat_postMessage({"channel": "C1", "text": "On 2503.10000"})["ts"]
    with serving(redis.url, fake_slack):
        fake_slack.wait_until(lambda: fake_slack.sockets)
        redis.hang()
        acts: list[Callable[[], Ack]] = [
            lambda: fake_slack.command("list"),
            lambda: fake_slack.press(up, message_ts=ts),
            lambda: fake_slack.shortcut("why_this", "C1", ts),
            lambda: fake_slack.submit("V9", unchanged_submission(view)["state"]["values"]),
            lambda: fake_slack.suggest("zone", "tz", "berl"),
            lambda: fake_slack.send_event({"type": "app_home_opened", "tab": "home"}),
            lambda: fake_slack.send_event(
                {"type": "app_mention", "text": "<@UBOT> why 2503.10000", "ts": ts}
            ),
            lambda: fake_slack.send_event({"type": "member_joined_channel", "user": "UBOT"}),
            lambda: fake_slack.send_event({"type": "channel_unarchive"}),
        ]
        with ThreadPoolExecutor(len(acts)) as people:
            acks = [assert_acked(ack) for ack in people.map(lambda act: act(), acts)]
        redis.end()  # nobody waited for it with an acknowledgement
        assert MOMENT in wrong(acks[3].payload)["title"]
        fake_slack.wait_until(lambda: fake_slack.homes and len(fake_slack.ephemeral) >= 4)
    assert all(draw_slack(shown).startswith(MOMENT) for shown in fake_slack.ephemeral)
    assert MOMENT in draw_slack(fake_slack.homes["U1"])


def test_a_lost_socket_comes_back_by_itself(
    redis_url: str, store: Store, fake_slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_PING_SECONDS", 2.0)
    with serving(redis_url, fake_slack):
        fake_slack.wait_until(lambda: fake_slack.sockets)
        fake_slack.drop_connections()
        assert not fake_slack.sockets
        fake_slack.wait_until(lambda: fake_slack.sockets)
        assert "No subscriptions here" in type_command(fake_slack, "list")


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("auth.test", "token_revoked"),
        ("auth.test", "http_500"),
        ("auth.test", "disconnect"),
        ("apps.connections.open", "invalid_auth"),
    ],
)
def test_a_failed_login_is_one_log_line_and_the_bot_keeps_running(
    method: str, fault: str, redis_url: str, store: Store, fake_slack: FakeSlack, logged: StringIO
) -> None:
    fake_slack.inject_faults(method, fault)
    said = "Slack does not let us in, trying again"
    with serving(redis_url, fake_slack):
        fake_slack.wait_until(lambda: said in logged.getvalue())
    begin, login, end = logged.getvalue().splitlines()
    assert said in login
    assert ("bot started" in begin, "bot stopped" in end) == (True, True)


def test_a_failed_login_is_tried_again(
    redis_url: str, store: Store, fake_slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_LOGIN_SECONDS", 0.02)
    fake_slack.inject_faults("auth.test", "token_revoked", "http_503")
    fake_slack.inject_faults("apps.connections.open", "internal_error")
    with serving(redis_url, fake_slack):
        fake_slack.wait_until(lambda: fake_slack.sockets)
        assert "No subscriptions here" in type_command(fake_slack, "list")


@pytest.mark.parametrize(
    ("reason", "event"),
    [
        (ChannelReason.NOT_A_MEMBER, {"type": "member_joined_channel", "user": "UBOT"}),
        (ChannelReason.ARCHIVED, {"type": "channel_unarchive"}),
    ],
)
@pytest.mark.usefixtures("running_bot")
def test_a_channel_that_is_back_is_reactivated_and_told_its_next_day(
    reason: ChannelReason, event: Json, fake_slack: FakeSlack, store: Store
) -> None:
    type_command(fake_slack, "subscribe matters")
    channel_text(fake_slack, 1)
    store.subscriptions.pause_channel(CHANNEL_ADDRESS, reason, datetime.now(UTC))
    assert "paused: " in type_command(fake_slack, "list")
    assert_acked(fake_slack.send_event({"type": "member_joined_channel", "user": "U8"}))
    assert_acked(fake_slack.send_event(event))
    assert "Digests are back. Next: " in channel_text(fake_slack, 2)
    assert "next: " in type_command(fake_slack, "list")


def test_a_token_that_works_again_reactivates_all_channels(
    redis_url: str, store: Store, fake_slack: FakeSlack
) -> None:
    kept, now = store.subscriptions, datetime.now(UTC)
    every = Schedule(at=time(9), tz="UTC")
    paused = Paused(at=now, trouble=ChannelReason.BAD_TOKEN)
    for channel in ("C1", "C2"):
        place = CHANNEL_ADDRESS.model_copy(update={"channel": channel})
        kept.put(
            Subscription(
                address=place,
                profile="foundations",
                schedule=every,
                by="U1",
                since=now,
                paused=paused,
            )
        )
    with serving(redis_url, fake_slack):
        fake_slack.wait_until(lambda: fake_slack.sockets)
        for channel in ("C1", "C2"):
            assert "Digests are back. Next: " in channel_text(fake_slack, 1, channel)
            assert "next: " in type_command(fake_slack, "list", channel=channel)


# -- over HTTP


def test_without_an_app_token_slack_comes_over_http(
    redis_url: str, store: Store, fake_slack: FakeSlack
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secret = f"signing-{HUSH}"

    def asks(path: str, body: str = "", kind: str = "", **headers: str) -> tuple[int, str]:
        given = headers | ({"Content-Type": kind} if kind else {})
        url = f"http://127.0.0.1:{port}{path}"
        wanted = urllib.request.Request(url, body.encode() or None, given)
        try:
            with urllib.request.urlopen(wanted, timeout=TIMEOUT_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except urllib.error.URLError:
            return 0, ""

    def posts(payload: Json, key: str) -> int:
        body = urlencode(payload)
        form = "application/x-www-form-urlencoded"
        return asks("/slack/events", body, form, **signature_headers(key, body))[0]

    fields = {"slack_app_token": None, "slack_signing_secret": SecretStr(secret), "port": port}
    with serving(redis_url, fake_slack, **fields):
        fake_slack.wait_until(lambda: asks("/healthz")[0] == 200)
        assert asks("/healthz") == (200, '{"ok": true}')
        typed = fake_slack.command("list").sent["payload"]
        assert posts(typed, "another") == 401
        assert asks("/slack/events", urlencode(typed))[0] == 401
        assert fake_slack.ephemeral == []
        assert posts(typed, secret) == 200
        fake_slack.wait_until(lambda: fake_slack.ephemeral)
        assert "No subscriptions here" in draw_slack(fake_slack.ephemeral[0])
        assert posts(typed, secret) == 200  # delivered again
        pressed = fake_slack.press(button(fake_slack.ephemeral[0], "Subscribe")).sent["payload"]
        assert posts({"payload": json.dumps(pressed)}, secret) == 200
        fake_slack.wait_until(lambda: fake_slack.views)
        hello = json.dumps({"type": "url_verification", "token": "x", "challenge": "c1"})
        answer = asks(
            "/slack/events", hello, "application/json", **signature_headers(secret, hello)
        )
        assert (answer[0], "c1" in answer[1]) == (200, True)
    assert len(fake_slack.ephemeral) == 1


@pytest.mark.usefixtures("running_bot")
def test_a_form_is_acknowledged_though_slack_hangs(
    fake_slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert_acked(fake_slack.send_event({"type": "app_home_opened", "tab": "home"}))
    fake_slack.wait_until(lambda: fake_slack.homes)
    subscribe = button(fake_slack.homes["U1"], "Subscribe a channel")
    view = open_form(fake_slack, lambda: fake_slack.press(subscribe, view_id="VHU1"))
    monkeypatch.setattr(form_events, "_FORM_SECONDS", 0.3)
    fake_slack.inject_faults("conversations.info", "hang")
    assert (
        MOMENT in wrong(submit_form(fake_slack, view, profile="matters", channel="C2"))["channel"]
    )


@pytest.mark.usefixtures("running_bot")
def test_a_form_that_is_delivered_twice_acts_once(fake_slack: FakeSlack) -> None:
    view = open_new_profile(fake_slack)
    values = unchanged_submission(fake_slack.views[view])["state"]["values"]
    for name, text in {"title": "B", "look_for": "x"}.items():
        values[name][name]["value"] = text
    values["categories"]["categories"]["selected_options"] = [{"value": "cs.LG"}]
    first = assert_acked(fake_slack.submit(view, values))
    again = assert_acked(
        fake_slack.send_envelope("interactive", first.sent["payload"], retry=1, redelivery_of=first)
    )
    assert first.payload is again.payload is None


@pytest.mark.usefixtures("running_bot")
def test_typed_text_is_shown_without_invisible_characters(fake_slack: FakeSlack) -> None:
    assert type_command(fake_slack, "\u202eevil\u200b").startswith(
        'There is no command "evil". What Paperboy can do: /digest help.'
    )


@pytest.mark.usefixtures("running_bot")
def test_the_shortcut_answers_where_the_bot_is_not(fake_slack: FakeSlack) -> None:
    ts = fake_slack.chat_postMessage({"channel": "C3", "text": "On 2503.10000"})["ts"]
    fake_slack.channels["C3"].bot_is_member = False
    shown = private_answer(fake_slack, lambda: fake_slack.shortcut("why_this", "C3", ts))
    assert shown.startswith("This channel has no profile to answer for")


def test_the_clock_keeps_running_when_redis_fails_at_the_wrong_moment(
    running_bot: None,
    fake_slack: FakeSlack,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deliver_day(store, fake_slack)
    turns = iter([False, True])  # the tick asks first, then who tells

    def flaky(history: History, request: DigestRequest) -> Any:
        if next(turns, False):
            raise redis.ConnectionError("Away.")
        return found(history, request)

    found = History.delivered_before
    monkeypatch.setattr(History, "delivered_before", flaky)
    type_command(fake_slack, "now matters")
    fake_slack.wait_until(lambda: next(turns, None) is None)
    type_command(fake_slack, "now matters")
    fake_slack.wait_until(lambda: not store.requests.all())


@pytest.mark.usefixtures("running_bot")
def test_an_outage_of_redis_after_the_answer_was_found_is_reported_as_well(
    fake_slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(requests: Requests, request: DigestRequest) -> None:
        raise redis.ConnectionError("Away.")

    monkeypatch.setattr(Requests, "put", away)
    assert type_command(fake_slack, "now matters").startswith(MOMENT)


def broken(*_: object) -> Any:
    raise KeyError("a fault of ours")


@pytest.mark.usefixtures("running_bot")
def test_who_meets_a_fault_of_ours_is_told_so_and_the_log_says_more(
    fake_slack: FakeSlack, store: Store, monkeypatch: pytest.MonkeyPatch, logged: StringIO
) -> None:
    monkeypatch.setitem(dispatch.COMMANDS, "status", CommandSpec(broken, Right.USE))
    monkeypatch.setitem(dispatch.FORMS, "profile", CommandSpec(broken, Right.USE))
    fault = "That didn't work because of an error in Paperboy"
    assert type_command(fake_slack, "status").startswith(fault)
    view = open_new_profile(fake_slack)
    assert fault in str(wrong(submit_form(fake_slack, view)))

    async def broken_later(*_: object) -> Any:
        broken()

    monkeypatch.setattr(lookup_waiter.LookupWaiter, "wait_for", broken_later)
    monkeypatch.setattr(task_waiter.TaskWaiter, "wait_for", broken_later)
    type_command(fake_slack, "subscribe matters")
    for number, words in enumerate(("why 2503.19999", "preview matters last 2"), 2):
        assert_acked(fake_slack.command(words))
        fake_slack.wait_until(lambda n=number: str(fake_slack.ephemeral).count(fault) >= n)
    assert logged.getvalue().count("a fault of ours") >= 4


@pytest.mark.usefixtures("running_bot")
def test_where_slack_may_not_say_whether_we_are_there_the_digest_is_tried(
    fake_slack: FakeSlack,
) -> None:
    fake_slack.inject_faults("conversations.info", "missing_scope")
    assert "every weekday at 09:00" in type_command(fake_slack, "subscribe matters")


def workers_answer(store: Store) -> None:
    """The workers answer the one lookup that waits: arXiv shows the paper, the local judge says
    what it thinks of it."""
    lookups = Lookups(store)
    wait_until(lookups.all, "somebody asks")
    (lookup,) = lookups.all()
    answer_lookup(lookups, lookup)


def test_a_paper_never_seen_is_looked_up_and_answered_in_one_message(
    running_bot: None,
    fake_slack: FakeSlack,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(waiting, "_WHOLE_SECONDS", TIMEOUT_SECONDS)
    _, first, _ = deliver_day(store, fake_slack)
    assert_acked(fake_slack.command("2410.15294", command="/why"))
    # The next press does not wait for the answer.
    fake_slack.press(button(first, "👍"), message_ts=first["ts"])
    fake_slack.wait_until(lambda: store.cards.state(CHANNEL_ADDRESS, "2503.10000").votes.up)
    assert fake_slack.ephemeral == []
    workers_answer(store)
    fake_slack.wait_until(lambda: fake_slack.ephemeral)
    whole = draw_slack(fake_slack.ephemeral[0])
    assert "Scored now: relevance 9, reaches the cut-offs (7)." in whole
    assert type_command(fake_slack, "2410.15294", command="/why") == whole
    assert len(fake_slack.ephemeral) == 2


def test_a_slow_lookup_is_answered_with_what_is_known_and_then_with_the_rest(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    deliver_day(store, fake_slack)
    first = type_command(fake_slack, "https://alphaxiv.org/abs/2410.15294", command="/why")
    assert first.startswith("2410.15294: looking it up …\nNot in a digest: not on any list")
    workers_answer(store)
    fake_slack.wait_until(lambda: len(fake_slack.ephemeral) > 1)
    rest = draw_slack(fake_slack.ephemeral[1])
    assert "On the matter of 2410.15294 ↗" in rest
    assert "Scored now: relevance 9, reaches the cut-offs (7)." in rest
    again = type_command(fake_slack, "2410.15294", command="/why")
    assert again == rest
    assert len(Lookups(store).all()) == 0


def test_the_answer_to_a_mention_is_edited_when_more_is_known(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    head = deliver_day(store, fake_slack)[0]
    mention = {"type": "app_mention", "text": "<@UBOT> why 2410.15294", "thread_ts": head["ts"]}
    assert_acked(fake_slack.send_event(mention))
    assert "2410.15294: looking it up …" in channel_text(fake_slack, 4)
    workers_answer(store)
    fake_slack.wait_until(lambda: "Scored now: relevance 9" in channel_text(fake_slack, 4))
    assert "looking it up" not in channel_text(fake_slack, 4)
    assert fake_slack.visible_messages("C1")[-1]["thread_ts"] == head["ts"]


def test_an_answer_that_was_deleted_is_followed_by_the_rest(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    head = deliver_day(store, fake_slack)[0]
    mention = {"type": "app_mention", "text": "<@UBOT> why 2410.15294", "thread_ts": head["ts"]}
    assert_acked(fake_slack.send_event(mention))
    channel_text(fake_slack, 4)
    fake_slack.delete_message("C1", fake_slack.visible_messages("C1")[-1]["ts"])
    workers_answer(store)
    assert "Scored now: relevance 9" in channel_text(fake_slack, 4)


def test_an_answer_is_shared_where_it_was_asked(
    running_bot: None, fake_slack: FakeSlack, store: Store
) -> None:
    head, first, _ = deliver_day(store, fake_slack)
    private_answer(
        fake_slack, lambda: fake_slack.press(button(first, "Why"), message_ts=first["ts"])
    )
    private = fake_slack.ephemeral[-1]
    private_answer(
        fake_slack, lambda: fake_slack.press(button(private, "Share"), message_ts=first["ts"])
    )
    shown = channel_text(fake_slack, 4)
    assert "@U1 asked about 2503.10000: On the matter of 2503.10000\nPicked: number 1" in shown
    assert fake_slack.visible_messages("C1")[-1]["thread_ts"] == head["ts"]
    url = next(e["url"] for b in private["blocks"] for e in b.get("elements", ()) if e.get("url"))
    plain = first["ts"].replace(".", "")
    assert url.startswith(f"https://testers.slack.com/archives/C1/p{plain}?thread_ts={head['ts']}")


@pytest.mark.usefixtures("running_bot")
def test_a_lookup_the_workers_do_not_answer_is_reported(
    fake_slack: FakeSlack, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_waiter, "_PATIENCE_SECONDS", 0.05)
    deliver_day(store, fake_slack)
    type_command(fake_slack, "2410.15294", command="/why")
    fake_slack.wait_until(lambda: len(fake_slack.ephemeral) > 1)
    assert "Still working on it. To ask again: /why 2410.15294." in draw_slack(
        fake_slack.ephemeral[-1]
    )
