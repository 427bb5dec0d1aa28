"""Several workspaces install Paperboy: by its pages, with a token each, and leave it again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any
from urllib.parse import quote

import pytest
import redis.asyncio
from pydantic import SecretStr

from bot.commands.context import Context
from bot.commands.due import take_snapshot
from bot.domain.judge import Judge
from bot.domain.reasons import ChannelReason
from bot.domain.status import Status
from bot.domain.watching.ledger import Excuse
from bot.errors import Gone, Unavailable
from bot.slack.installed import Installed
from bot.slack.installing import signed_state
from bot.store.lookups import Lookups
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from bot.watch.owing import ledger_changes
from tests.bot.slack.conversations import assert_acked, put_day, serving, sound, type_command
from tests.bot.slack.installers import KEY, OTHER_KEY, Browser, Door, open_door, settings
from tests.factories import NOW, profile
from tests.ports import free_port
from tests.servers.fake_slack import run_fake_slack
from tests.servers.fake_slack_app import CLIENT_SECRET, FakeSlackApp, run_fake_slack_app
from tests.servers.slack_rules import draw_slack
from tests.waiting import TIMEOUT_SECONDS
from workers.deliver_job import deliver

STATE = "slack-app-oauth-state"


@pytest.fixture
def slack() -> Iterator[FakeSlackApp]:
    with run_fake_slack_app("T1", "T2") as it:
        yield it
    for place in it.workspaces.values():
        for call in place.calls:
            sound(call.arguments)


@pytest.fixture
def door(redis_url: str, store: Store, slack: FakeSlackApp, no_long_waits: None) -> Iterator[Door]:
    store.profiles.put_shared(profile())
    with open_door(redis_url, slack) as opened:
        yield opened


def deliver_due(store: Store, slack: FakeSlackApp, team: str, **keys: Any) -> None:
    """A day is judged, and the workers post it in the workspace's channel C1."""
    request = put_day(store)
    address = request.address.model_copy(update={"workspace": team})
    DueDeliveries(store.redis, "slack").put([request.model_copy(update={"address": address})])
    config = settings(slack, **keys)
    deliver("slack", store, config, lambda: request.since)


def test_two_workspaces_install_it_and_each_is_served_with_its_own_token(
    door: Door, store: Store, slack: FakeSlackApp, logged: StringIO
) -> None:
    for team in ("T1", "T2"):
        page = door.install(team)
        assert page.status == 200
        assert f"Paperboy is in Testers {team}" in page.text
        assert page.link == f"https://slack.com/app_redirect?app=A1&team={team}"
    one, two = slack.workspaces["T1"], slack.workspaces["T2"]
    assert "No subscriptions here" in type_command(two, "list")
    type_command(two, "subscribe matters at 09:00")
    two.wait_until(store.subscriptions.all)
    assert "No subscriptions here" in type_command(one, "list")
    deliver_due(store, slack, "T2")
    assert "2 of 3 are for you" in draw_slack(two.visible_messages("C1")[-3])
    assert one.visible_messages("C1") == []
    assert {where for _, where in slack.asked} == {"T1", "T2"}
    kept = str([store.redis.hgetall("pb:installations"), logged.getvalue()])
    assert "hush" not in kept
    for team in ("T1", "T2"):
        assert slack.token_of(team)
        assert slack.token_of(team) not in kept
    assert store.redis.ttl("pb:installations") == -1  # until they leave


def began(door: Door) -> tuple[Browser, str]:
    """A browser on the first page, and where its button leads."""
    browser = door.browser()
    page = browser.open("/slack/install")
    assert (page.status, page.headers["referrer-policy"]) == (200, "no-referrer")
    assert page.link.startswith(door.slack.url.removesuffix("api/") + "oauth/v2/authorize?")
    return browser, page.link


def not_installed(store: Store, browser: Browser, url: str) -> str:
    """What the page says to whom it was not installed for; its button begins again."""
    page = browser.open(url)
    assert page.status >= 400 or "error=access_denied" in url
    assert page.link == "/slack/install"
    assert store.installations.all() == []
    return page.text


def test_a_stolen_state_installs_nothing(door: Door, store: Store, slack: FakeSlackApp) -> None:
    _, link = began(door)
    thief = door.browser()
    assert "in another browser" in not_installed(store, thief, slack.consent(link, "T2"))
    thief.open("/slack/install")  # with a state of its own
    assert "in another browser" in not_installed(store, thief, slack.consent(link, "T2"))


def test_a_state_is_good_for_ten_minutes_and_once(
    door: Door, store: Store, slack: FakeSlackApp
) -> None:
    now = datetime.now(UTC)
    for begun in (now - timedelta(minutes=11), now + timedelta(minutes=3)):
        browser, link = began(door)
        state = browser.cookies[STATE]
        other = browser.cookies[STATE] = signed_state(CLIENT_SECRET, begun, "a" * 32)
        back = slack.consent(link, "T2").replace(state, other)
        assert "longer than ten minutes" in not_installed(store, browser, back)
    browser, link = began(door)
    assert store.redis.keys("pb:install-state:*") == []  # whoever begins leaves nothing
    cookies, back = dict(browser.cookies), slack.consent(link, "T2")
    assert browser.open(back).status == 200
    assert "loaded twice" in browser.open(back).text
    browser.cookies = cookies
    assert "was done before" in browser.open(back).text
    before, (browser, link) = store.installations.all(), began(door)
    used = back.partition("code=")[2].partition("&")[0]
    again = slack.decline(link).replace("error=access_denied", f"code={used}")
    assert "it was used before" in browser.open(again).text
    assert store.installations.all() == before
    kept = [int(str(store.redis.ttl(key))) for key in store.redis.keys("pb:install-state:*")]
    assert [600 < seconds <= 1200 for seconds in kept] == [True, True]
    forged = signed_state("another secret", now, "b" * 32)
    odd = f"{forged[:-1]}é", forged.upper(), signed_state(CLIENT_SECRET, now, "c" * 31)
    for state in ("", "x" * 32, "a" * 32, "*", "f" * 104, forged, *map(quote, odd)):
        browser.cookies[STATE] = state
        assert browser.open(f"/slack/oauth_redirect?code=c&state={state}").status in (400, 401)


def test_who_declines_is_told_so(door: Door, store: Store, slack: FakeSlackApp) -> None:
    browser, link = began(door)
    assert "did not allow it" in not_installed(store, browser, slack.decline(link))
    odd = "/slack/oauth_redirect?error=%3Cscript%3Ealert(1)%3C/script%3E"
    page = browser.open(odd)
    assert "Slack refuses this" in page.text
    assert "alert" not in page.source


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("http_503", "Slack does not answer."),
        ("disconnect", "Slack does not answer."),
        ("lost_reply", "Slack does not answer."),
        ("internal_error", "Slack does not answer."),
        ("ratelimited", "Wait a minute"),
        ("bad_client_secret", "SLACK_CLIENT_SECRET"),
        ("bad_redirect_uri", "SLACK_REDIRECT_URI"),
        ("weird_new_error", "Slack refuses this"),
    ],
)
def test_where_slack_fails_a_sentence_says_so_and_the_next_try_works(
    fault: str, words: str, door: Door, store: Store, slack: FakeSlackApp
) -> None:
    browser, link = began(door)
    slack.faults.append(fault)
    assert words in not_installed(store, browser, slack.consent(link, "T1"))
    assert door.install("T1").status == 200


def test_an_organization_is_not_installed_and_its_token_is_given_back(
    door: Door, store: Store, slack: FakeSlackApp
) -> None:
    browser, link = began(door)
    slack.is_org_install = True
    assert "not in a whole organization" in not_installed(store, browser, slack.consent(link, "T1"))
    assert slack.token_of("T1") == ""


def test_who_begins_a_thousand_times_keeps_nobody_out_and_leaves_nothing(
    door: Door, store: Store, slack: FakeSlackApp, logged: StringIO
) -> None:
    browser = door.browser()
    for n in range(150):
        assert browser.open("/slack/install").status == 200
        assert browser.open(f"/slack/oauth_redirect?code={n}&state={n}").status == 400
    assert store.redis.keys("pb:install-state:*") == []
    assert slack.calls == []
    assert logged.getvalue().count("not installed") <= 20
    assert door.install("T1").status == 200


def test_slack_is_not_asked_about_codes_without_end(
    door: Door, store: Store, slack: FakeSlackApp
) -> None:
    """Or it would answer nobody for a while."""
    pages = []
    for n in range(130):  # at most one new minute begins meanwhile
        browser, _ = began(door)
        state = browser.cookies[STATE]
        pages.append(browser.open(f"/slack/oauth_redirect?code={n}&state={state}"))
    assert {page.status for page in pages} == {400, 503}
    assert "Too many are installing just now" in "".join(page.text for page in pages)
    assert 60 <= sum(call.method == "oauth.v2.access" for call in slack.calls) <= 120


def test_slack_is_told_where_to_send_people_back_where_that_is_set(
    redis_url: str, store: Store, slack: FakeSlackApp
) -> None:
    where = "https://papers.example.org/slack/oauth_redirect"
    with open_door(redis_url, slack, slack_redirect_uri=where) as door:
        browser, link = began(door)
        back = slack.consent(link, "T1")
        assert back.startswith(f"{where}?code=")
        assert browser.open(back.replace("https://papers.example.org", door.url)).status == 200
        assert slack.calls[0].arguments["redirect_uri"] == where


@pytest.mark.parametrize(
    "query",
    [
        *("", "code", "code=%ff&state=%ff", "state=%00", "code[]=1&state[]=2", "error="),
        *("error=%00%0d%0aSet-Cookie:%20x=1", "code=1&code=2&state=1&state=2", "state=../../pb:x"),
        "a" * 4000,
    ],
)
def test_an_odd_way_back_is_a_page_that_says_so(door: Door, query: str) -> None:
    page = door.browser().open(f"/slack/oauth_redirect?{query}")
    assert page.status in (200, 400, 401)
    assert page.link == "/slack/install"
    assert "Nothing was installed" in page.text


def test_what_is_not_a_page_is_not_there(door: Door) -> None:
    browser = door.browser()
    for path in ("/", "/slack/install/", "/slack/events", "/slack/oauth_redirect/x"):
        assert browser.open(path).status == 404


def test_a_workspace_that_had_a_bot_token_installs_it_and_has_all_it_had(
    redis_url: str, store: Store, slack: FakeSlackApp, no_long_waits: None
) -> None:
    store.profiles.put_shared(profile())
    with run_fake_slack() as alone, serving(redis_url, alone):
        alone.wait_until(lambda: alone.sockets)
        type_command(alone, "subscribe matters at 09:00")
        alone.wait_until(store.subscriptions.all)
    with open_door(redis_url, slack) as door:
        door.install("T1")
        assert "Matters of" in type_command(slack.workspaces["T1"], "list")


# -- keys


def test_with_a_wrong_key_a_sentence_says_so_and_nothing_is_lost(
    redis_url: str, store: Store, slack: FakeSlackApp, no_long_waits: None, logged: StringIO
) -> None:
    store.profiles.put_shared(profile())
    two = slack.workspaces["T2"]
    with open_door(redis_url, slack) as door:
        door.install("T2")
        type_command(two, "subscribe matters")
    wrong = {"secrets_key": SecretStr(OTHER_KEY)}
    watched = {"watch_port": free_port()}
    ready = Browser(f"http://127.0.0.1:{watched['watch_port']}")

    def is_ready() -> bool:
        return ready.open("/readyz").status == 200

    with open_door(redis_url, slack, **wrong, **watched):
        two.wait_until(lambda: "Put the earlier key back" in ready.open("/readyz").text)
        assert not is_ready()
        assert [each.what for each in store.outages.all()] == ["slack:T2"]
        before = len(slack.asked)
        assert_acked(two.command("list"))
        two.wait_until(lambda: "can't act in this workspace now" in two.ephemeral[-1]["text"])
        deliver_due(store, slack, "T2", **wrong)
        assert len(slack.asked) == before
    assert "Put the earlier key back" in logged.getvalue()
    (outage,) = store.outages.all()  # not of Slack, which every workspace would be told
    assert (outage.what, "Put the earlier key back" in outage.why) == ("slack:T2", True)
    seen = Status(at=NOW, server="", memory=0, persistent=True, judge=Judge(), queues=())
    seen = seen.model_copy(update={"outages": (outage,)})
    assert (seen.of("slack:T2", ()).outages, seen.of("slack:T1", ()).outages) == ((outage,), ())
    assert not store.subscriptions.all()[0].paused
    with open_door(redis_url, slack, **wrong, **watched) as door:
        door.install("T1")  # with the new key, it can be served
        two.wait_until(is_ready)
        assert [each.what for each in store.outages.all()] == ["slack:T2"]
        slack.uninstall("T1")
        settle(slack, store, "T1")
        two.wait_until(lambda: not is_ready())
    both = {"secrets_key": SecretStr(f"{OTHER_KEY},{KEY}")}
    sealed = store.installations.all()[0].sealed
    with open_door(redis_url, slack, **both, **watched):
        two.wait_until(is_ready)
        assert store.outages.all() == []
        assert "Matters of" in type_command(two, "list")
    assert store.installations.all()[0].sealed != sealed
    with open_door(redis_url, slack, **wrong):  # which is the right one by now
        assert "Matters of" in type_command(two, "list")


# -- leaving


def settle(slack: FakeSlackApp, store: Store, team: str) -> None:
    slack._first.wait_until(lambda: store.installations.get(team) is None)


def test_a_workspace_that_leaves_has_nothing_left_that_acts_and_begins_well_again(
    door: Door, store: Store, slack: FakeSlackApp
) -> None:
    one, two = slack.workspaces["T1"], slack.workspaces["T2"]
    for team in ("T1", "T2"):
        door.install(team)
        type_command(slack.workspaces[team], "subscribe matters at 09:00")
    type_command(two, "follow author Noga Alon")
    type_command(two, "best weekly")
    slack.uninstall("T2")
    settle(slack, store, "T2")
    assert [each.address.workspace for each in store.subscriptions.all()] == ["T1"]
    assert [each.workspace for each in store.follows.all()] == []
    assert store.requests.all() == []
    left = len(slack.asked)
    deliver_due(store, slack, "T2")
    assert_acked(two.command("list"))
    two.wait_until(lambda: "can't act in this workspace" in two.ephemeral[-1]["text"])
    assert {where for _, where in slack.asked[left:]} <= {"T1"}
    assert "token_revoked" not in {where for _, where in slack.asked[left:]}
    assert "Matters of" in type_command(one, "list")
    assert door.install("T2").status == 200
    assert "No subscriptions here" in type_command(two, "list")
    type_command(two, "subscribe matters at 09:00")
    deliver_due(store, slack, "T2")
    assert len(two.visible_messages("C1")) >= 3


def test_what_it_was_owed_is_excused_as_ended(
    door: Door, store: Store, slack: FakeSlackApp
) -> None:
    door.install("T2")
    type_command(slack.workspaces["T2"], "subscribe matters at 09:00")
    slack._first.wait_until(store.subscriptions.all)
    (subscription,) = store.subscriptions.all()
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
    store.ledger.open(subscription.key, [now], now)
    slack.uninstall("T2")
    settle(slack, store, "T2")
    nothing: Any = None
    context = Context(store, Lookups(store), Judge(), nothing)
    snapshot = take_snapshot(context)
    for change in ledger_changes(store.ledger, store.ledger.rows(), snapshot, now):
        change()
    assert store.ledger.month(now.date(), now, 12).excused[Excuse.ENDED] == 1
    assert store.ledger.rows() == {}


def installed_at(store: Store, team: str) -> float:
    """When, in seconds: events are before it, or after."""
    found = store.installations.get(team)
    assert found
    return found.at.timestamp()


def test_a_late_or_forged_end_ends_nothing(
    door: Door, store: Store, slack: FakeSlackApp, logged: StringIO
) -> None:
    door.install("T1")
    type_command(slack.workspaces["T1"], "subscribe matters")
    slack._first.wait_until(store.subscriptions.all)
    slack.end_tokens("T1")
    door.install("T1")  # again, before Slack's events arrive
    old = slack.workspaces["T1"]
    for event in (
        {"type": "app_uninstalled"},
        {"type": "tokens_revoked", "tokens": {"oauth": [], "bot": [old.bot_user]}},
        {"type": "tokens_revoked", "tokens": {"oauth": ["U1"]}},
    ):
        assert slack.send_app_event("T1", event, installed_at(store, "T1") - 60)
        assert slack.send_app_event("T1", event, installed_at(store, "T1") + 60)
    old.wait_until(lambda: logged.getvalue().count("left before it was installed again") == 4)
    assert len(store.subscriptions.all()) == 1
    assert store.installations.get("T1")


def test_where_slack_is_away_the_later_of_both_counts(
    door: Door, store: Store, slack: FakeSlackApp
) -> None:
    door.install("T1")
    place = slack.workspaces["T1"]
    place.inject_faults("auth.test", "http_503", "http_503")
    assert slack.send_app_event("T1", {"type": "app_uninstalled"}, installed_at(store, "T1") - 60)
    place.wait_until(lambda: [c.method for c in place.calls].count("auth.test") >= 2)
    assert store.installations.get("T1")
    assert slack.send_app_event("T1", {"type": "app_uninstalled"}, installed_at(store, "T1") + 5)
    settle(slack, store, "T1")


def test_a_dead_token_of_which_no_event_told_is_used_once_and_a_new_one_goes_on(
    door: Door, store: Store, slack: FakeSlackApp
) -> None:
    door.install("T2")
    two = slack.workspaces["T2"]
    type_command(two, "subscribe matters at 09:00")
    slack._first.wait_until(store.subscriptions.all)
    slack.end_tokens("T2", "account_inactive")
    before = len(slack.asked)
    for _ in range(3):
        deliver_due(store, slack, "T2")
    assert [where for _, where in slack.asked[before:]] == ["account_inactive"]
    paused = store.subscriptions.all()[0].paused
    assert paused
    assert paused.trouble is ChannelReason.BAD_TOKEN
    (outage,) = store.outages.all()
    assert (outage.what, "install Paperboy there again" in outage.why) == ("slack:T2", True)
    door.install("T2")
    assert store.outages.all() == []
    assert store.subscriptions.all()[0].paused is None
    two.wait_until(lambda: "Digests are back" in str(two.visible_messages("C1")))


def test_a_token_that_slack_refused_by_mistake_is_tried_when_its_workspace_asks(
    door: Door, store: Store, slack: FakeSlackApp
) -> None:
    door.install("T2")
    two, token = slack.workspaces["T2"], slack.token_of("T2")
    type_command(two, "subscribe matters at 09:00")
    slack._first.wait_until(store.subscriptions.all)
    slack.end_tokens("T2", "invalid_auth")
    deliver_due(store, slack, "T2")
    assert store.subscriptions.all()[0].paused
    slack._tokens[token] = "T2"

    def asked() -> bool:
        assert_acked(two.command("list"))
        return store.subscriptions.all()[0].paused is None

    two.wait_until(asked)
    two.wait_until(lambda: "Digests are back" in str(two.visible_messages("C1")))
    assert "Matters of" in type_command(two, "list")


def test_so_is_one_at_the_next_start(
    redis_url: str, store: Store, slack: FakeSlackApp, no_long_waits: None
) -> None:
    store.profiles.put_shared(profile())
    with open_door(redis_url, slack) as door:
        for team in ("T1", "T2"):
            door.install(team)
    for installation in store.installations.all():
        store.installations.put(installation.model_copy(update={"refused": True}))
    slack.end_tokens("T1")
    with open_door(redis_url, slack):
        slack._first.wait_until(lambda: not store.installations.all()[1].refused)
        assert store.installations.all()[0].refused
        assert "No subscriptions here" in type_command(slack.workspaces["T2"], "list")


def test_where_the_database_is_away_those_who_are_known_are_served_and_others_told(
    door: Door, store: Store, slack: FakeSlackApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    door.install("T2")

    async def run() -> None:
        installed = Installed(store, settings(slack))
        token = (await installed.web("T2")).token

        def away(*_: object) -> None:
            raise redis.ConnectionError("away")

        monkeypatch.setattr(store.installations, "get", away)
        monkeypatch.setattr("bot.slack.installed._BELIEVED", 0.0)
        assert (await installed.web("T2")).token == token
        assert await installed.of_event("T2", False)
        with pytest.raises(Unavailable, match="database"):
            await installed.web("T1")
        assert await installed.of_event("T1", False) is None

    asyncio.run(run())


# -- tokens that are rotated


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def rotating(door: Door, slack: FakeSlackApp) -> Door:
    slack.expires_in = 43_200
    door.install("T2")
    return door


def test_a_token_is_exchanged_two_hours_before_it_expires_by_one_process_alone(
    rotating: Door, store: Store, slack: FakeSlackApp
) -> None:
    first, clock = slack.token_of("T2"), Clock()
    config = settings(slack)

    async def run() -> None:
        processes = [Installed(store, config, clock=clock) for _ in range(3)]
        assert {(await each.web("T2")).token for each in processes} == {first}
        assert len(slack.calls) == 1
        clock.now += timedelta(hours=12, minutes=1)
        for each in processes:
            each.forget("T2")
        webs = await asyncio.gather(*(each.web("T2") for each in processes for _ in range(3)))
        assert {web.token for web in webs} == {slack.token_of("T2")} != {first}
        assert len(slack.calls) == 2
        await webs[0].auth_test()

    asyncio.run(run())
    assert "hush" not in str(store.redis.hgetall("pb:installations"))


def test_who_knows_an_exchanged_token_only_looks_before_exchanging_it_again(
    rotating: Door, store: Store, slack: FakeSlackApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, config = Clock(), settings(slack)
    monkeypatch.setattr("bot.slack.installed._BELIEVED", TIMEOUT_SECONDS)

    async def run() -> None:
        first, second = (Installed(store, config, clock=clock) for _ in range(2))
        await asyncio.gather(first.web("T2"), second.web("T2"))
        clock.now += timedelta(hours=11)
        assert (await first.web("T2")).token == (await second.web("T2")).token
        assert len(slack.calls) == 2

    asyncio.run(run())


def test_while_the_exchange_fails_the_old_token_is_used_as_long_as_it_lives(
    rotating: Door, store: Store, slack: FakeSlackApp
) -> None:
    first, clock = slack.token_of("T2"), Clock()

    async def run() -> None:
        installed = Installed(store, settings(slack), clock=clock)
        clock.now += timedelta(hours=11)
        slack.faults.extend(["http_503", "ratelimited", "ok"])
        assert (await installed.web("T2")).token == first
        assert (await installed.web("T2")).token == first  # not asked again at once
        assert len(slack.calls) == 2
        clock.now += timedelta(hours=2)
        with pytest.raises(Unavailable):
            await installed.web("T2")
        assert (await installed.web("T2")).token == slack.token_of("T2") != first

    asyncio.run(run())


def test_tokens_that_the_database_could_not_take_are_stored_when_it_is_back(
    rotating: Door, store: Store, slack: FakeSlackApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, replace = Clock(), store.installations.replace

    async def run() -> None:
        installed = Installed(store, settings(slack), clock=clock)
        clock.now += timedelta(hours=11)

        def away(*_: object) -> None:
            raise redis.ConnectionError("away")

        monkeypatch.setattr(store.installations, "replace", away)
        assert (await installed.web("T2")).token == slack.token_of("T2")
        monkeypatch.setattr(store.installations, "replace", replace)
        installed.forget("T2")
        await installed.web("T2")
        other = Installed(store, settings(slack), clock=clock)
        assert (await other.web("T2")).token == slack.token_of("T2")
        assert len(slack.calls) == 2

    asyncio.run(run())


def test_a_token_that_can_not_be_exchanged_while_the_database_is_away_is_used_as_long_as_it_lives(
    rotating: Door, store: Store, slack: FakeSlackApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock()

    async def run() -> None:
        installed = Installed(store, settings(slack), clock=clock)
        await installed.web("T2")

        def away(*_: object) -> None:
            raise redis.ConnectionError("away")

        monkeypatch.setattr(store, "lease", away)
        clock.now += timedelta(hours=11)
        assert (await installed.web("T2")).token == slack.token_of("T2")
        clock.now += timedelta(hours=2)
        with pytest.raises(Unavailable, match="does not answer"):
            await installed.web("T2")
        assert len(slack.calls) == 1  # the install

    asyncio.run(run())


def test_two_who_store_what_the_database_could_not_take_do_not_trip_over_each_other(
    rotating: Door, store: Store, slack: FakeSlackApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, replace, stored = Clock(), store.installations.replace, threading.Event()

    async def run() -> None:
        installed = Installed(store, settings(slack), clock=clock)
        clock.now += timedelta(hours=11)
        turns = iter(["away", "stored", "away again"])

        def in_turn(*given: Any) -> Any:
            turn = next(turns)
            if turn == "stored":
                return replace(*given)
            assert turn == "away" or stored.wait(TIMEOUT_SECONDS)
            raise redis.ConnectionError("away")

        monkeypatch.setattr(store.installations, "replace", in_turn)
        await installed.web("T2")
        installed.forget("T2")
        one, other = (asyncio.create_task(installed.site("T2")) for _ in range(2))
        await one
        stored.set()
        assert await other == await one

    asyncio.run(run())


def test_a_workspace_whose_tokens_are_lost_is_asked_no_more_until_it_is_installed_again(
    rotating: Door, store: Store, slack: FakeSlackApp
) -> None:
    clock = Clock()

    async def run() -> None:
        installed = Installed(store, settings(slack), clock=clock)
        clock.now += timedelta(hours=13)
        slack.faults.append("lost_reply")
        with pytest.raises(Unavailable):
            await installed.web("T2")
        for _ in range(3):
            with pytest.raises(Gone):
                await installed.web("T2")
        assert len(slack.calls) == 3  # the install, the lost reply, the refusal
        rotating.install("T2")
        installed.forget("T2")
        clock.now = datetime.now(UTC)
        await (await installed.web("T2")).auth_test()

    asyncio.run(run())


def test_a_token_that_slack_calls_expired_is_exchanged(
    rotating: Door, store: Store, slack: FakeSlackApp
) -> None:
    two = slack.workspaces["T2"]
    slack.end_tokens("T2", "token_expired")
    type_command(two, "list")  # Slack does not say who asks
    assert "No subscriptions here" in type_command(two, "list")
    assert len(slack.calls) == 2


# -- Socket Mode


def test_socket_mode_serves_several_workspaces_too(
    redis_url: str, store: Store, slack: FakeSlackApp, no_long_waits: None
) -> None:
    store.profiles.put_shared(profile())
    socket = {"slack_app_token": SecretStr("xapp-1"), "slack_signing_secret": None}
    with open_door(redis_url, slack, **socket) as door:
        for team in ("T1", "T2"):
            assert door.install(team).status == 200
        type_command(slack.workspaces["T1"], "subscribe matters")
        assert "No subscriptions here" in type_command(slack.workspaces["T2"], "list")
        assert door.browser().open("/slack/events").status == 404
        slack.uninstall("T1")
        settle(slack, store, "T1")
        assert store.subscriptions.all() == []
