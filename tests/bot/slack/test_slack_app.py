"""People and the bot in Slack: real slack_bolt, real sockets, a Slack on loopback."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, time
from functools import cache
from importlib import import_module
from io import StringIO
from typing import Any, NamedTuple
from urllib.parse import urlencode

import pytest
import redis.asyncio
import structlog
from pydantic import SecretStr
from pyrate_limiter import Rate
from redis import Redis

from bot import __main__ as process
from bot.domain.digest import Judge, Listed, Outcome, Score, Source, Wanted
from bot.domain.lookup import Found, Opinion
from bot.domain.papers import Trouble
from bot.domain.request import Address, Wish, ledger_name
from bot.domain.schedule import Schedule
from bot.domain.subscription import Paused, Subscription, Votes
from bot.profiles import form as form_profile
from bot.runtime import lookup_waiter, posting
from bot.settings import Settings
from bot.slack import answers as answers_slack
from bot.slack import events, forms
from bot.store.channels import Channels
from bot.store.connection import connect_briefly
from bot.store.days import Store
from bot.store.deliveries import Deliveries
from bot.store.lookups import Inquiries
from bot.store.subscriptions import Subscriptions
from tests.bot.slack.test_slack_render import drawn, submitted
from tests.make import DAY, NOW, decision, digest, ids, listing, paper, profile
from tests.servers.slack_neighbour import Ack, Json, Slack, signed, slack
from tests.servers.slack_rules import SCHEMAS, broken
from tests.waiting import PATIENCE, until
from workers.deliver_job import deliver

HERE = Address(platform="slack", workspace="T1", channel="C1")
HUSH = "hush"  # in every secret, and never in a log
SECRETS = {
    "slack_bot_token": SecretStr(f"xoxb-{HUSH}"),
    "slack_app_token": SecretStr(f"xapp-{HUSH}"),
    "openai_api_key": SecretStr(f"sk-{HUSH}"),
}
MOMENT = "One moment: Paperboy's memory does not answer"


@pytest.fixture
def there() -> Iterator[Slack]:
    """Slack, which in the end has got nothing that it would not take."""
    with slack() as it:
        yield it
    for call in it.calls:
        sound(call.arguments)


def sound(said: Json) -> None:
    """What reached Slack keeps its rules: ours, and those in its schemas where they are here."""
    if "view" in said:
        assert broken(said["view"]) == []
        agreed("view", said["view"])
    elif "blocks" in said:
        assert broken({"text": said["text"], "blocks": said["blocks"]}) == []
        agreed("blocks", {"blocks": said["blocks"]})


@cache
def schema(kind: str) -> Any:
    if not SCHEMAS[kind].exists():
        return None
    validator = import_module("jsonschema").Draft7Validator
    return validator(json.loads(SCHEMAS[kind].read_text(encoding="utf-8")))


def agreed(kind: str, payload: Json) -> None:
    if schema(kind):
        _agrees(kind, json.dumps(payload))


@cache
def _agrees(kind: str, payload: str) -> None:
    """Once for all that is shown alike: most of what a test takes would go into it."""
    schema(kind).validate(json.loads(payload))


@pytest.fixture(autouse=True)
def no_long_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A message each 20 ms instead of each second. Slack's own haste, and a client's that takes a
    socket for lost when its ping is not answered in time, are left to the tests about them."""
    monkeypatch.setattr(posting, "Rate", lambda limit, interval: Rate(limit, 20))
    for where, name in (
        (events, "_CHECK_SECONDS"),
        (events, "_FORM_SECONDS"),
        (events, "_PING_SECONDS"),
        (answers_slack, "_WHO_SECONDS"),
    ):
        monkeypatch.setattr(where, name, PATIENCE)


@pytest.fixture(autouse=True)
def logged(caplog: pytest.LogCaptureFixture) -> Iterator[StringIO]:
    """What the bot logs, in which no secret ever stands."""
    caplog.set_level(logging.INFO)
    lines, before = StringIO(), structlog.get_config()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(lines))
    yield lines
    structlog.configure(**before)
    assert HUSH not in lines.getvalue() + caplog.text


@contextmanager
def serving(url: str, there: Slack, **fields: Any) -> Iterator[None]:
    """The bot process's work, in a loop of its own; it ends when it is told to."""
    config = Settings.model_validate(SECRETS | {"slack_api_url": there.url} | fields)
    started: dict[str, Any] = {}
    up = threading.Event()

    async def serve() -> None:
        started["loop"], started["stop"] = asyncio.get_running_loop(), asyncio.Event()
        up.set()
        await process.serve(url, config, started["stop"])

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(asyncio.run, serve())
        assert up.wait(PATIENCE)
        try:
            yield
        finally:
            started["loop"].call_soon_threadsafe(started["stop"].set)
            done.result(PATIENCE)


@pytest.fixture
def bot(server: str, store: Store, there: Slack) -> Iterator[None]:
    """Connected, on an empty store that knows one profile besides those that ship."""
    store.name_profile(profile())
    with serving(server, there):
        there.wait(lambda: there.sockets)
        yield


def soon(ack: Ack) -> Ack:
    assert ack.acked
    return ack


def told(there: Slack, act: Callable[[], Ack]) -> str:
    """Do something and read what is shown to that person alone."""
    before = len(there.ephemeral)
    soon(act())
    there.wait(lambda: len(there.ephemeral) > before)
    return drawn(there.ephemeral[before])


def types(there: Slack, text: str, **where: str) -> str:
    return told(there, lambda: there.command(text, **where))


def seen(there: Slack, messages: int, channel: str = "C1") -> str:
    """What stands in a channel, once it has so many messages; and it has no more."""
    there.wait(lambda: len(there.thread(channel)) >= messages)
    assert len(there.thread(channel)) == messages
    return "\n".join(map(drawn, there.thread(channel)))


def button(shown: Json, label: str, nth: int = 0) -> Json:
    """A button as a person finds it, by what stands on it."""
    rows = [block["elements"] for block in shown["blocks"] if block["type"] == "actions"]
    found = [b for row in rows for b in row if b["text"]["text"].startswith(label)]
    return dict(found[nth])


def form(there: Slack, act: Callable[[], Ack]) -> str:
    """Do something that opens a form; returns the form's id."""
    before = set(there.views)
    soon(act())
    there.wait(lambda: there.views.keys() - before)
    (id,) = there.views.keys() - before
    return id


def sends(there: Slack, view: str, **changes: str) -> Json | None:
    """Send a form, some of its fields filled in otherwise; returns what Slack is answered."""
    values = submitted(there.views[view])["state"]["values"]
    for name, text in changes.items():
        ((action, state),) = values[name].items()
        kinds = {
            "static_select": {"selected_option": {"value": text}},
            "external_select": {"selected_option": {"value": text}},
            "timepicker": {"selected_time": text},
            "checkboxes": {"selected_options": [{"value": t} for t in text.split(",") if t]},
            "conversations_select": {"selected_conversation": text},
        }
        values[name][action] = state | kinds.get(state["type"], {"value": text})
    return soon(there.submit(view, values)).payload


def wrong(answer: Json | None) -> dict[str, str]:
    assert answer is not None
    assert answer["response_action"] == "errors"
    return dict(answer["errors"])


def morning(server: str, store: Store, there: Slack, papers: int = 2) -> list[Json]:
    """A day is delivered to C1, now; returns the thread."""
    now = datetime.now(UTC)
    found = [decision(id, Outcome.PICKED) for id in ids(papers)]
    found.append(decision("2503.20000", Outcome.BELOW_CUTOFF, 3))
    listed = Listed(batch=str(DAY), date=DAY, asked_at=now, changed_at=now)
    wish = Wish(
        profile=store.put_profile(profile()),
        wanted=Wanted(source=Source.ARXIV, categories=("cs.LG",), latest=True),
        judge=Judge(model="gpt-6-luna"),
        address=HERE,
        since=now,
    )
    store.add_listing(listed.batch, listing(*(d.announced for d in found)), now)
    store.put_listed(wish.wanted, listed)
    day = digest(*found, listed=listed, judged_at=now)
    Channels(store).put_judged(ledger_name(wish, listed), day)
    config = Settings.model_validate(SECRETS | {"slack_api_url": there.url})
    Deliveries(store, "slack").put([wish])
    deliver("slack", store, config, redis.asyncio.Redis.from_url(server), lambda: now)
    assert len(there.thread("C1")) == papers + 1
    return there.thread("C1")


# -- subscriptions


@pytest.mark.usefixtures("bot")
def test_a_channel_is_subscribed_in_one_line_and_sees_who_did_it(there: Slack) -> None:
    assert "/digest subscribe PROFILE" in types(there, "")
    answer = types(there, "subscribe matters at 8:30 days daily", user="U7")
    assert answer.startswith("Matters of importance: every day at 08:30 E")
    assert re.search(r"Next: \w+ 08:30 E[SD]T, at most 20 papers of cs.LG.", answer)
    assert "[ Show me today's now ] [ Edit the profile ]" in answer
    assert there.ephemeral[-1]["user"] == "U7"
    assert re.fullmatch(
        "@U7 subscribed this channel: Matters of importance, every day at 08:30 E.T.\n",
        seen(there, 1),
    )
    now = button(there.ephemeral[-1], "Show me today's now")
    moment = told(there, lambda: there.press(now))
    assert moment == "One moment: the newest day of Matters of importance.\n"
    assert "Matters of importance: every day at 08:30" in types(there, "list")


@pytest.mark.usefixtures("bot")
def test_a_person_alone_with_the_bot_subscribes_likewise(there: Slack) -> None:
    assert "Next: " in types(there, "subscribe matters", channel="D1")
    assert "@U1 subscribed this channel" in seen(there, 1, "D1")


@pytest.mark.usefixtures("bot")
def test_what_changes_the_channel_is_said_in_the_channel(there: Slack) -> None:
    types(there, "subscribe matters")
    assert types(there, "pause").startswith("Paused: Matters")
    assert "paused: somebody here paused it; /digest resume" in types(there, "list")
    assert types(there, "resume").startswith("Resumed: Matters")
    assert types(there, "unsubscribe matters").startswith("Ended: Matters")
    assert "No subscription here" in types(there, "list")
    said = seen(there, 4).splitlines()
    assert [line.split(" this")[0] for line in said if line] == [
        "@U1 subscribed",
        "@U1 paused",
        "@U1 resumed",
        "@U1 ended",
    ]


@pytest.mark.usefixtures("bot")
def test_unknown_words_get_the_nearest_right_one_and_change_nothing(there: Slack) -> None:
    assert "did you mean /digest subscribe?" in types(there, "subscirbe matters")
    assert "did you mean matters?" in types(there, "subscribe maters")
    assert "did you mean Europe/Berlin" in types(there, "subscribe matters tz Berlni")
    assert "did you mean 2503.15294?" in types(there, "2503,15294", command="/why")
    assert there.thread("C1") == []


@pytest.mark.usefixtures("bot")
def test_where_the_bot_is_not_it_asks_to_be_invited(there: Slack, store: Store) -> None:
    there.channels["C3"].member = False
    for text in ("subscribe matters", "now matters", "resume"):
        assert "invite it first, /invite @Paperboy" in types(there, text, channel="C3")
    assert "this channel gets a digest when" in types(there, "list", channel="C3")
    assert Subscriptions(store).all() == []
    assert Channels(store).wishes() == []


@pytest.mark.usefixtures("bot")
def test_a_form_asks_for_what_was_not_typed(there: Slack, store: Store) -> None:
    view = form(there, lambda: there.command("subscribe"))
    asked = drawn(there.views[view])
    assert "09:00" in asked
    assert "America/New_York" in asked  # where U1 lives
    found = there.suggest("zone", "tz", "berl", view).payload
    assert found is not None
    assert found["options"][0]["value"] == "Europe/Berlin"
    assert wrong(sends(there, view, days="", top="0", profile="matters")) == {
        "days": "Choose at least one day.",
        "top": '"0" is not a number of papers from 1 to 100; write it like 10.',
    }
    assert there.thread("C1") == []
    answers = {"profile": "matters", "at": "07:15", "tz": "Europe/Berlin", "days": "mon,wed"}
    assert sends(there, view, **answers, top="5") is None
    assert re.fullmatch(
        r"@U1 subscribed this channel: Matters of importance, "
        r"Mon and Wed at 07:15 CES?T, at most 5 papers\.\n",
        seen(there, 1),
    )
    there.wait(lambda: there.ephemeral)
    assert there.ephemeral[-1]["user"] == "U1"
    assert "at most 5 papers of cs.LG." in drawn(there.ephemeral[-1])
    (found_one,) = Subscriptions(store).all()
    assert (found_one.address, found_one.schedule.tz, found_one.top) == (HERE, "Europe/Berlin", 5)


@pytest.mark.usefixtures("bot")
def test_a_form_opens_though_slack_does_not_say_where_a_person_lives(there: Slack) -> None:
    there.people["U1"] = {"tz": None}
    view = form(there, lambda: there.command("subscribe"))
    assert "[ UTC " in drawn(there.views[view])


@pytest.mark.usefixtures("bot")
def test_the_home_tab_has_all_channels_and_their_buttons(there: Slack) -> None:
    there.channels["C3"].member = False

    def home() -> Json:
        return there.homes["U1"]

    def presses(label: str) -> Callable[[], Ack]:
        return lambda: there.press(button(home(), label), view_id="VHU1")

    def shows(text: str) -> None:
        there.wait(lambda: text in drawn(home()))

    soon(there.event({"type": "app_home_opened", "tab": "home"}))
    there.wait(lambda: there.homes)
    assert "No channel that you are in is subscribed yet." in drawn(home())
    view = form(there, presses("Subscribe a channel"))
    assert wrong(sends(there, view, profile="matters")) == {"channel": "Choose a channel."}
    answer = sends(there, view, profile="matters", channel="C3")
    assert "invite it first" in wrong(answer)["channel"]
    assert sends(there, view, profile="matters", channel="C2") is None
    shows("Matters of importance: every weekday at 09:00 E")
    assert "#C2" in drawn(home())
    soon(presses("Pause")())
    shows("paused: somebody")
    soon(presses("Resume")())
    shows("next: ")
    view = form(there, presses("Edit"))
    assert sends(there, view, at="06:00") is None
    shows("every weekday at 06:00")
    soon(presses("Unsubscribe")())
    shows("No channel that you are in is subscribed yet.")
    said = seen(there, 5, "C2")
    assert re.findall("@U1 ([a-z]+) this channel", said) == [
        "subscribed",
        "paused",
        "resumed",
        "changed",
        "ended",
    ]
    assert there.ephemeral == []


# -- profiles


@pytest.mark.usefixtures("bot")
def test_a_group_makes_its_own_profile_changes_it_and_subscribes_it(there: Slack) -> None:
    view = form(there, lambda: there.command("new"))
    answer = sends(there, view, title="Bounds", categories="cs.XX", look_for="", relevance="11")
    assert wrong(answer) == {
        "categories": '"cs.XX" is not an arXiv category; did you mean cs.SY?',
        "look_for": "The list of topics must have at least one entry.",
        "relevance": "Write a whole number from 1 to 10.",
    }
    answers = {"title": "Bounds", "categories": "cs.LG math", "look_for": "Bounds: lower bounds"}
    assert sends(there, view, **answers) is None
    there.wait(lambda: there.ephemeral)
    assert drawn(there.ephemeral[-1]).startswith("New: bounds — Bounds.")
    assert "already" in wrong(sends(there, view, **answers))["title"]
    assert "bounds — Bounds (cs.LG, math)" in types(there, "profiles")
    types(there, "subscribe bounds")
    edit = button(there.ephemeral[-1], "Edit the profile")
    view = form(there, lambda: there.press(edit, user="U2"))
    assert "Bounds: lower bounds" in drawn(there.views[view])
    assert sends(there, view, title="Bounds & rates") is None
    assert "@U1 changed the profile Bounds & rates, which this channel uses." in seen(there, 2)
    assert "· the title was Bounds" in seen(there, 2)
    assert "[ Undo ]" in seen(there, 2)
    assert "Bounds & rates: every weekday" in types(there, "list")


def test_another_workspace_sees_nothing_of_it(
    bot: None, there: Slack, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sends(
        there,
        form(there, lambda: there.command("new")),
        title="Ours alone",
        categories="cs.LG",
        look_for="Bounds",
    )
    there.wait(lambda: there.ephemeral)
    types(there, "subscribe ours-alone")
    with slack() as other:
        me = {"team_id": "T2", "user_id": "UBOT"}
        monkeypatch.setattr(other, "auth_test", lambda given: me)
        with serving(server, other):
            other.wait(lambda: other.sockets)
            assert "No subscription here" in types(other, "list")
            assert "ours-alone" not in types(other, "profiles")
            assert "No profile is called" in types(other, "subscribe ours-alone")
            soon(other.event({"type": "app_home_opened", "tab": "home"}))
            other.wait(lambda: other.homes)
            assert "No channel that you are in" in drawn(other.homes["U1"])
        assert other.thread("C1") == []
    assert "Ours alone: every weekday" in types(there, "list")


# -- a delivered day


def test_votes_count_once_a_person_and_are_taken_back(
    bot: None, there: Slack, server: str, store: Store
) -> None:
    card = morning(server, store, there)[1]
    ts = card["ts"]

    def press(label: str, user: str, shown: str) -> None:
        now = next(m for m in there.thread("C1") if m["ts"] == ts)
        soon(there.press(button(now, label), message_ts=ts, user=user))
        there.wait(lambda: shown in drawn(next(m for m in there.thread("C1") if m["ts"] == ts)))

    assert "[ 👍 ] [ 👎 ] [ Why ] [ PDF ↗ ]" in drawn(card)
    press("👍", "U1", "[ 👍 1 ] [ 👎 ]")
    press("👍", "U2", "[ 👍 2 ] [ 👎 ]")
    press("👎", "U3", "[ 👍 2 ] [ 👎 1 ]")
    press("👍", "U3", "[ 👍 3 ] [ 👎 ]")
    press("👍", "U1", "[ 👍 2 ] [ 👎 ]")
    assert there.ephemeral == []
    assert len(there.thread("C1")) == 3
    there.fault("chat.update", "message_not_found")  # a message that somebody deleted
    press("👎", "U1", "[ 👍 2 ] [ 👎 ]")
    press("👎", "U2", "[ 👍 1 ] [ 👎 2 ]")


def test_many_who_press_at_once_are_all_counted(
    bot: None, there: Slack, server: str, store: Store
) -> None:
    card = morning(server, store, there)[1]
    up = button(card, "👍")
    with ThreadPoolExecutor(20) as people:
        acks = people.map(lambda n: there.press(up, message_ts=card["ts"], user=f"U{n}"), range(20))
        assert all(soon(ack) for ack in acks)
    there.wait(lambda: len([c for c in there.calls if c.method == "chat.update"]) == 20)
    there.wait(lambda: "[ 👍 20 ]" in drawn(there.thread("C1")[1]))


def test_what_is_delivered_twice_acts_once(
    bot: None, there: Slack, server: str, store: Store
) -> None:
    head, card, _ = morning(server, store, there)

    def again(first: Ack, kind: str) -> None:
        soon(there.send(kind, first.sent["payload"], retry=1, again=first))

    up = soon(there.press(button(card, "👍"), message_ts=card["ts"]))
    typed = soon(there.command("subscribe matters"))
    mention = {"type": "app_mention", "text": "<@UBOT> why 2503.10000"}
    named = soon(there.event(mention | {"thread_ts": head["ts"]}))
    for first, kind in ((up, "interactive"), (typed, "slash_commands"), (named, "events_api")):
        again(first, kind)
    seen(there, 5)
    types(there, "list")  # what came before it is done by now
    assert seen(there, 5).count("subscribed this channel") == 1
    assert Subscriptions(store).votes(HERE, "2503.10000") == Votes(up=1)
    assert [drawn(shown).count("Next: ") for shown in there.ephemeral] == [1, 0]


def test_why_is_the_same_answer_by_every_way(
    bot: None, there: Slack, server: str, store: Store
) -> None:
    head, first, _ = morning(server, store, there)
    ts = first["ts"]
    answer = types(there, "2503.10000", command="/why")
    assert answer.startswith("2503.10000: On the matter of 2503.10000\nPicked: number 1 of 2.")
    assert "[ arXiv ↗ ]" in answer
    by_button = told(there, lambda: there.press(button(first, "Why"), message_ts=ts))
    assert there.ephemeral[-1]["thread_ts"] == head["ts"]
    by_shortcut = told(there, lambda: there.shortcut("why_this", "C1", ts))
    assert there.ephemeral[-1]["thread_ts"] == head["ts"]
    assert by_button == by_shortcut == answer
    mention = {"type": "app_mention", "text": "<@UBOT> why arxiv.org/abs/2503.10000v1"}
    soon(there.event(mention | {"thread_ts": head["ts"]}))
    seen(there, 4)
    posted = there.thread("C1")[-1]
    assert posted["thread_ts"] == head["ts"]
    assert drawn(posted) == answer


def test_why_says_what_it_needs(bot: None, there: Slack, server: str, store: Store) -> None:
    head = morning(server, store, there)[0]
    two = told(there, lambda: there.shortcut("why_this", "C1", head["ts"]))
    assert two == "Name one paper at a time; here are 2503.10000 and 2503.10001.\n"
    below = types(there, "why https://arxiv.org/pdf/2503.20000")
    assert "Not picked: below the line; relevance 3, the profile asks 7." in below
    assert "2503.15294: looking it up …" in types(there, "2503.15294", command="/why")
    mention = {"type": "app_mention", "text": "<@UBOT> why?", "ts": head["ts"]}
    wrong = told(there, lambda: there.event(mention))
    assert 'There is no command "why?"; did you mean /digest why?' in wrong
    assert len(there.thread("C1")) == 3


def test_now_waits_for_the_day_and_a_second_now_links_to_it(
    bot: None, there: Slack, server: str, store: Store
) -> None:
    channels = Channels(store)
    assert types(there, "now matters", user="U5").startswith("One moment: the newest day of")
    there.wait(lambda: store.redis.llen("rq:queue:now") == 1)
    (wish,) = channels.wishes()
    assert (wish.by, wish.address) == ("U5", HERE)
    channels.drop_wish(wish)
    head = morning(server, store, there)[0]
    types(there, "now matters", user="U5")
    there.wait(lambda: len(there.ephemeral) == 3)
    link = f"https://testers.slack.com/archives/C1/p{head['ts'].replace('.', '')}"
    (before,) = (e for e in there.ephemeral if "was delivered here before" in drawn(e))
    assert link in json.dumps(before["blocks"])
    assert {shown["user"] for shown in there.ephemeral} == {"U5"}
    there.wait(lambda: not channels.wishes())


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
        made[0].connection_pool.connection_kwargs["socket_timeout"] = PATIENCE
        made[0].connection_pool.reset()

    monkeypatch.setattr(process, "connect_briefly", connect)
    monkeypatch.setattr(events, "_FORM_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
        port = listener.getsockname()[1]
        yield Away(f"redis://:{HUSH}@127.0.0.1:{port}", hang, listener.close)


@pytest.fixture
def gone() -> Away:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return Away(f"redis://:{HUSH}@127.0.0.1:{listener.getsockname()[1]}")


@pytest.mark.parametrize("away", ["hanging", "gone"])
def test_without_redis_all_is_acknowledged_and_people_are_told(
    away: str, there: Slack, request: pytest.FixtureRequest
) -> None:
    redis: Away = request.getfixturevalue(away)
    view = forms.modal(form_profile.form(None)) | {"private_metadata": '["", "C1"]'}
    there.views["V9"] = view | {"id": "V9"}
    up = {"type": "button", "action_id": "up", "value": "day 2503.10000"}
    ts = there.chat_postMessage({"channel": "C1", "text": "On 2503.10000"})["ts"]
    with serving(redis.url, there):
        there.wait(lambda: there.sockets)
        redis.hang()
        acts: list[Callable[[], Ack]] = [
            lambda: there.command("list"),
            lambda: there.press(up, message_ts=ts),
            lambda: there.shortcut("why_this", "C1", ts),
            lambda: there.submit("V9", submitted(view)["state"]["values"]),
            lambda: there.suggest("zone", "tz", "berl"),
            lambda: there.event({"type": "app_home_opened", "tab": "home"}),
            lambda: there.event(
                {"type": "app_mention", "text": "<@UBOT> why 2503.10000", "ts": ts}
            ),
            lambda: there.event({"type": "member_joined_channel", "user": "UBOT"}),
            lambda: there.event({"type": "channel_unarchive"}),
        ]
        with ThreadPoolExecutor(len(acts)) as people:
            acks = [soon(ack) for ack in people.map(lambda act: act(), acts)]
        redis.end()  # nobody waited for it with an acknowledgement
        assert MOMENT in wrong(acks[3].payload)["title"]
        there.wait(lambda: there.homes and len(there.ephemeral) >= 4)
    assert all(drawn(shown).startswith(MOMENT) for shown in there.ephemeral)
    assert MOMENT in drawn(there.homes["U1"])


def test_a_lost_socket_comes_back_by_itself(
    server: str, store: Store, there: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_PING_SECONDS", 2.0)
    with serving(server, there):
        there.wait(lambda: there.sockets)
        there.drop()
        assert not there.sockets
        there.wait(lambda: there.sockets)
        assert "No subscription here" in types(there, "list")


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("auth.test", "token_revoked"),
        ("auth.test", "http_500"),
        ("auth.test", "disconnect"),
        ("apps.connections.open", "invalid_auth"),
    ],
)
def test_a_login_that_fails_is_one_line_and_the_bot_goes_on(
    method: str, fault: str, server: str, store: Store, there: Slack, logged: StringIO
) -> None:
    there.fault(method, fault)
    said = "Slack does not let us in, trying again"
    with serving(server, there):
        there.wait(lambda: said in logged.getvalue())
    begin, login, end = logged.getvalue().splitlines()
    assert said in login
    assert ("bot started" in begin, "bot stopped" in end) == (True, True)


def test_who_was_turned_away_tries_again(
    server: str, store: Store, there: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_LOGIN_SECONDS", 0.02)
    there.fault("auth.test", "token_revoked", "http_503")
    there.fault("apps.connections.open", "internal_error")
    with serving(server, there):
        there.wait(lambda: there.sockets)
        assert "No subscription here" in types(there, "list")


@pytest.mark.parametrize(
    ("trouble", "event"),
    [
        (Trouble.NOT_A_MEMBER, {"type": "member_joined_channel", "user": "UBOT"}),
        (Trouble.ARCHIVED, {"type": "channel_unarchive"}),
    ],
)
@pytest.mark.usefixtures("bot")
def test_a_channel_that_is_back_goes_on_and_hears_when(
    trouble: Trouble, event: Json, there: Slack, store: Store
) -> None:
    types(there, "subscribe matters")
    seen(there, 1)
    Subscriptions(store).halt(HERE, trouble, datetime.now(UTC))
    assert "paused: " in types(there, "list")
    soon(there.event({"type": "member_joined_channel", "user": "U8"}))
    soon(there.event(event))
    assert "Back again. Next: " in seen(there, 2)
    assert "next: " in types(there, "list")


def test_with_a_token_that_works_again_all_channels_go_on(
    server: str, store: Store, there: Slack
) -> None:
    kept, now = Subscriptions(store), datetime.now(UTC)
    every = Schedule(at=time(9), tz="UTC")
    paused = Paused(at=now, trouble=Trouble.BAD_TOKEN)
    for channel in ("C1", "C2"):
        place = HERE.model_copy(update={"channel": channel})
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
    with serving(server, there):
        there.wait(lambda: there.sockets)
        for channel in ("C1", "C2"):
            assert "Back again. Next: " in seen(there, 1, channel)
            assert "next: " in types(there, "list", channel=channel)


# -- over HTTP


def test_without_an_app_token_slack_comes_over_http(
    server: str, store: Store, there: Slack
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    secret = f"signing-{HUSH}"

    def asks(path: str, body: str = "", kind: str = "", **headers: str) -> tuple[int, str]:
        given = headers | ({"Content-Type": kind} if kind else {})
        url = f"http://127.0.0.1:{port}{path}"
        wanted = urllib.request.Request(url, body.encode() or None, given)
        try:
            with urllib.request.urlopen(wanted, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()
        except urllib.error.URLError:
            return 0, ""

    def posts(payload: Json, key: str) -> int:
        body = urlencode(payload)
        form = "application/x-www-form-urlencoded"
        return asks("/slack/events", body, form, **signed(key, body))[0]

    fields = {"slack_app_token": None, "slack_signing_secret": SecretStr(secret), "port": port}
    with serving(server, there, **fields):
        there.wait(lambda: asks("/healthz")[0] == 200)
        assert asks("/healthz") == (200, '{"ok": true}')
        typed = there.command("list").sent["payload"]
        assert posts(typed, "another") == 401
        assert asks("/slack/events", urlencode(typed))[0] == 401
        assert there.ephemeral == []
        assert posts(typed, secret) == 200
        there.wait(lambda: there.ephemeral)
        assert "No subscription here" in drawn(there.ephemeral[0])
        assert posts(typed, secret) == 200  # delivered again
        pressed = there.press(button(there.ephemeral[0], "Subscribe")).sent["payload"]
        assert posts({"payload": json.dumps(pressed)}, secret) == 200
        there.wait(lambda: there.views)
        hello = json.dumps({"type": "url_verification", "token": "x", "challenge": "c1"})
        answer = asks("/slack/events", hello, "application/json", **signed(secret, hello))
        assert (answer[0], "c1" in answer[1]) == (200, True)
    assert len(there.ephemeral) == 1


@pytest.mark.usefixtures("bot")
def test_a_form_is_acknowledged_though_slack_hangs(
    there: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon(there.event({"type": "app_home_opened", "tab": "home"}))
    there.wait(lambda: there.homes)
    subscribe = button(there.homes["U1"], "Subscribe a channel")
    view = form(there, lambda: there.press(subscribe, view_id="VHU1"))
    monkeypatch.setattr(events, "_FORM_SECONDS", 0.3)
    there.fault("conversations.info", "hang")
    assert MOMENT in wrong(sends(there, view, profile="matters", channel="C2"))["channel"]


@pytest.mark.usefixtures("bot")
def test_a_form_that_is_delivered_twice_acts_once(there: Slack) -> None:
    view = form(there, lambda: there.command("new"))
    values = submitted(there.views[view])["state"]["values"]
    for name, text in {"title": "B", "categories": "cs.LG", "look_for": "x"}.items():
        values[name][name]["value"] = text
    first = soon(there.submit(view, values))
    again = soon(there.send("interactive", first.sent["payload"], retry=1, again=first))
    assert first.payload is again.payload is None


@pytest.mark.usefixtures("bot")
def test_what_somebody_typed_is_shown_without_unseen_characters(there: Slack) -> None:
    assert types(there, "\u202eevil\u200b").startswith('There is no command "evil"; there are')


@pytest.mark.usefixtures("bot")
def test_the_shortcut_answers_where_the_bot_is_not(there: Slack) -> None:
    ts = there.chat_postMessage({"channel": "C3", "text": "On 2503.10000"})["ts"]
    there.channels["C3"].member = False
    shown = told(there, lambda: there.shortcut("why_this", "C3", ts))
    assert shown.startswith("This channel has no profile to judge by")


def test_the_clock_goes_on_when_redis_goes_away_at_the_wrong_moment(
    bot: None, there: Slack, server: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    morning(server, store, there)
    turns = iter([False, True])  # the tick asks first, then who tells

    def flaky(channels: Channels, wish: Wish) -> Any:
        if next(turns, False):
            raise redis.ConnectionError("Away.")
        return found(channels, wish)

    found = Channels.delivered_before
    monkeypatch.setattr(Channels, "delivered_before", flaky)
    types(there, "now matters")
    there.wait(lambda: next(turns, None) is None)
    types(there, "now matters")
    there.wait(lambda: not Channels(store).wishes())


@pytest.mark.usefixtures("bot")
def test_redis_gone_after_the_answer_was_found_is_told_as_well(
    there: Slack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(channels: Channels, wish: Wish) -> None:
        raise redis.ConnectionError("Away.")

    monkeypatch.setattr(Channels, "put_wish", away)
    assert types(there, "now matters").startswith(MOMENT)


@pytest.mark.usefixtures("bot")
def test_where_slack_may_not_say_whether_we_are_there_the_digest_is_tried(there: Slack) -> None:
    there.fault("conversations.info", "missing_scope")
    assert "every weekday at 09:00" in types(there, "subscribe matters")


def workers_answer(store: Store) -> None:
    """The workers answer the one inquiry that waits: arXiv shows the paper, the local judge says
    what it thinks of it."""
    inquiries = Inquiries(store)
    until(inquiries.all, "somebody asks")
    (inquiry,) = inquiries.all()
    found = paper(inquiry.paper)
    inquiries.put_found(found.id, Found(paper=found, at=NOW))
    opinion = Opinion(score=Score(relevance=9, comment="matter, bound"))
    for asked in inquiry.profiles:
        inquiries.put_opinion(asked, inquiry.judge, found, opinion)
    inquiries.drop(inquiry)


def test_a_paper_never_seen_is_looked_up_and_the_rest_follows(
    bot: None, there: Slack, server: str, store: Store
) -> None:
    morning(server, store, there)
    first = types(there, "https://alphaxiv.org/abs/2410.15294", command="/why")
    assert first.startswith("2410.15294: looking it up …\nNot in a digest: on no list")
    workers_answer(store)
    there.wait(lambda: len(there.ephemeral) > 1)
    rest = drawn(there.ephemeral[1])
    assert "2410.15294: On the matter of 2410.15294" in rest
    assert "Judged now: relevance 9, reaches the cut-offs (the profile asks 7)." in rest
    again = types(there, "2410.15294", command="/why")
    assert again == rest
    assert len(Inquiries(store).all()) == 0


def test_a_mention_is_followed_up_in_its_thread(
    bot: None, there: Slack, server: str, store: Store
) -> None:
    head = morning(server, store, there)[0]
    mention = {"type": "app_mention", "text": "<@UBOT> why 2410.15294", "thread_ts": head["ts"]}
    soon(there.event(mention))
    seen(there, 4)
    workers_answer(store)
    assert "Judged now: relevance 9" in seen(there, 5)
    assert there.thread("C1")[-1]["thread_ts"] == head["ts"]


def test_an_answer_is_shared_where_it_was_asked(
    bot: None, there: Slack, server: str, store: Store
) -> None:
    head, first, _ = morning(server, store, there)
    told(there, lambda: there.press(button(first, "Why"), message_ts=first["ts"]))
    private = there.ephemeral[-1]
    told(there, lambda: there.press(button(private, "Share"), message_ts=first["ts"]))
    shown = seen(there, 4)
    assert "@U1 asked about 2503.10000: On the matter of 2503.10000\nPicked: number 1" in shown
    assert there.thread("C1")[-1]["thread_ts"] == head["ts"]
    url = next(e["url"] for b in private["blocks"] for e in b.get("elements", ()) if e.get("url"))
    plain = first["ts"].replace(".", "")
    assert url.startswith(f"https://testers.slack.com/archives/C1/p{plain}?thread_ts={head['ts']}")


@pytest.mark.usefixtures("bot")
def test_what_the_workers_do_not_answer_is_said_so(
    there: Slack, server: str, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lookup_waiter, "_PATIENCE_SECONDS", 0.05)
    morning(server, store, there)
    types(there, "2410.15294", command="/why")
    there.wait(lambda: len(there.ephemeral) > 1)
    assert "takes longer than it should; /why 2410.15294 asks again" in drawn(there.ephemeral[-1])
