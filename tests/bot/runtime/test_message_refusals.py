"""What a chat refuses about one message, or a person deletes: the thread goes on or ends, once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, time
from typing import Any

import pytest
from discord.http import Route
from slack_sdk.errors import SlackApiError

from bot.commands import dispatch
from bot.commands.context import Context, Invocation
from bot.discord.poster import DiscordPoster
from bot.domain.digest import Digest, Outcome, Usage
from bot.domain.judge import Judge
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address, DigestRequest, digest_name
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Subscription
from bot.errors import Gone, PaperboyError, Refused, Unavailable
from bot.planning import plan
from bot.runtime import posting
from bot.runtime.posting import HEAD
from bot.settings import Settings
from bot.slack.errors import to_paperboy_error
from bot.slack.poster import SlackPoster
from bot.store.lookups import Lookups
from bot.store.outbox import Outbox, OutboxEntry
from bot.store.requests import DueDeliveries
from bot.store.store import Store
from bot.terminal.render import as_text
from tests.factories import (
    DAY,
    NOW,
    decision,
    digest,
    digest_request,
    list_result,
    listing,
    paper_ids,
    profile,
)
from tests.servers import fake_discord_state
from tests.servers.discord_rules import draw_discord
from tests.servers.fake_discord import run_fake_discord
from tests.servers.fake_discord_state import GUILD_ID
from tests.servers.fake_slack import run_fake_slack
from workers import deliver_job
from workers.runtime import delivery_run

Json = dict[str, Any]
ALL = digest(*(decision(id, Outcome.PICKED) for id in paper_ids(6)))
SHORT = digest(
    *(decision(id, Outcome.PICKED) for id in paper_ids(4)),
    *(decision(id, Outcome.UNSCORED) for id in paper_ids(6)[4:]),
)


@dataclass
class Place:
    """One channel of a platform with a judged day, its subscriber, and what goes wrong there."""

    store: Store
    there: Any
    address: Address
    settings: Settings
    poster: type[Any]
    after: dict[int, Callable[[], None]] = field(default_factory=dict)
    sent: list[str] = field(default_factory=list)

    @property
    def discord(self) -> bool:
        return self.address.platform == "discord"

    def wish(self) -> DigestRequest:
        known = self.store.profiles.put(profile())
        return digest_request().model_copy(
            update={"profile": known, "address": self.address, "by": "U1"}
        )

    def judged(self, day: Digest) -> None:
        self.store.lists.add(str(DAY), listing(*(d.announced for d in ALL.decisions)), NOW)
        self.store.lists.put_result(self.wish().wanted, list_result(NOW))
        self.store.days.put_decided(digest_name(self.wish(), list_result(NOW)), day)

    def deliver(self, request: DigestRequest | None = None) -> None:
        """One job: it must succeed."""
        now = datetime.now(UTC)
        due = DueDeliveries(self.store.redis, self.address.platform)
        due.put([request or self.wish()])
        deliver_job.deliver(self.address.platform, self.store, self.settings, lambda: now)
        assert due.waiting_and_failed() == (set(), {})

    def due(self) -> plan.Step | None:
        return plan.next_step(self.wish(), self.store.requests.state(self.wish()))

    def ended(self) -> ChannelReason | None:
        found = self.store.history.delivery(self.address, self.day)
        assert found is not None
        return found.ended

    @property
    def day(self) -> str:
        return digest_name(self.wish(), list_result(NOW))

    def paused(self) -> ChannelReason | None:
        (found,) = self.store.subscriptions.of(self.address)
        return found.paused.trouble if found.paused else None

    def shown(self) -> list[str]:
        """The channel's messages and those in threads."""
        if not self.discord:
            return [f"{m['text']} {m.get('blocks', '')}" for m in self.there.visible_messages("C1")]
        inside = [c for c in self.there.channels.values() if c.parent == self.address.channel]
        channels = [self.there.channels.get(self.address.channel), *inside]
        return [draw_discord(m) for channel in channels if channel for m in channel.messages]

    def cards(self) -> list[str]:
        said = self.shown()
        return [text for text in said if "On the matter of" in text and "for you" not in text]

    def refuse(self, what: str, *faults: Any) -> None:
        """The next requests of a kind (send, edit, open) meet these: `ok` or a code."""
        slack = {"send": "chat.postMessage", "edit": "chat.update", "open": "none"}
        routes = {"send": "POST */messages", "edit": "PATCH *", "open": "POST */threads"}
        if self.discord:
            made = [(400, f) if isinstance(f, int) else f.replace("ok", "") for f in faults]
            self.there.inject_faults(routes[what], *made)
        else:
            self.there.inject_faults(slack[what], *faults)

    def calls(self) -> int:
        return len(self.there.calls)

    def head(self) -> str:
        entry = Outbox(self.store.trips, f"{self.address}:{self.day}").entry(HEAD)
        assert entry is not None
        return entry.message

    def erase_head(self) -> None:
        self.there.delete_message(self.address.channel, self.head() or self.sent[0])


@pytest.fixture(params=["slack", "discord"])
def place(
    request: pytest.FixtureRequest, store: Store, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    monkeypatch.setattr(posting, "_WAITS", (0.0,))
    monkeypatch.setattr(delivery_run, "_LINGER_SECONDS", 0.0)
    monkeypatch.setattr(delivery_run, "_POLL_SECONDS", 0.01)
    if request.param == "slack":
        with run_fake_slack() as fake_slack:
            settings = Settings(SLACK_BOT_TOKEN="xoxb-1", SLACK_API_URL=fake_slack.url)
            address = Address(platform="slack", workspace="T1", channel="C1")
            yield _placed(Place(store, fake_slack, address, settings, SlackPoster), monkeypatch)
    else:
        monkeypatch.setattr(Route, "BASE", Route.BASE)
        with run_fake_discord() as fake_discord:
            settings = Settings(DISCORD_TOKEN="token", DISCORD_API_URL=fake_discord.api)
            channel = next(iter(fake_discord.channels))
            address = Address(platform="discord", workspace=GUILD_ID, channel=channel)
            yield _placed(Place(store, fake_discord, address, settings, DiscordPoster), monkeypatch)


def _placed(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    send = place.poster.send

    async def watched(self: Any, *args: Any) -> str:
        place.sent.append(await send(self, *args))
        if act := place.after.get(len(place.sent)):
            act()
        return place.sent[-1]

    monkeypatch.setattr(place.poster, "send", watched)
    place.store.subscriptions.put(
        Subscription(
            address=place.address,
            profile="matters",
            schedule=Schedule(at=time(9), tz="UTC"),
            by="U1",
            since=NOW,
        )
    )
    return place


def whole(place: Place) -> None:
    assert place.due() is None
    assert place.paused() is None
    asked = place.calls()
    place.deliver()
    assert place.calls() == asked  # nobody tries again


@pytest.mark.parametrize(
    "codes",
    [
        ("edit_window_closed", 30046),
        ("cant_update_message", 50005),
        ("is_inactive", 50083),
        ("update_failed", 50021),
        ("no_text", 50006),
        ("msg_too_long", 50035),
        ("invalid_blocks", 200000),
        ("msg_blocks_too_long", 240000),
        ("some_day_a_new_code", 999999),
    ],
)
def test_a_head_that_may_not_be_edited_keeps_its_text_and_the_thread_continues(
    place: Place, codes: tuple[str, int]
) -> None:
    code = codes[place.discord]
    place.judged(SHORT)
    place.deliver()
    assert len(place.cards()) == 4
    place.judged(ALL)
    place.refuse("edit", code, code)
    place.deliver()
    assert len(place.cards()) == 6
    assert "2 not scored" in place.shown()[0]
    assert place.ended() is None
    whole(place)


def test_a_head_that_was_changed_is_still_found_by_its_mark(place: Place) -> None:
    place.judged(SHORT)
    place.deliver()
    place.judged(ALL)
    place.deliver()
    assert "6 of 6 are for you" in place.shown()[0]
    outbox = Outbox(place.store.trips, f"{place.address}:{place.day}")
    asyncio.run(
        outbox.put_result(HEAD, OutboxEntry(at=datetime.now(UTC)))
    )  # as if its id had been lost
    place.judged(digest(*ALL.decisions, replacements=3))
    place.deliver()
    assert sum("for you" in text for text in place.shown()) == 1


def test_a_head_deleted_before_its_first_reply_ends_the_day_there(place: Place) -> None:
    """On Slack that reply stands in the channel by itself, and has to go again."""
    place.judged(SHORT)
    place.after[1] = place.erase_head
    place.deliver()
    assert place.shown() == []
    assert place.ended() is ChannelReason.MESSAGE_GONE
    whole(place)
    place.judged(ALL)  # and a better day begins nothing either
    place.deliver()
    assert place.shown() == []
    whole(place)
    asked = place.calls()
    place.judged(digest(*ALL.decisions, replacements=3))
    place.deliver()
    assert place.due() is None
    assert place.calls() == asked


def test_a_head_deleted_in_the_middle_does_not_stop_the_thread(place: Place) -> None:
    place.judged(ALL)
    place.after[4] = place.erase_head
    place.deliver()
    assert len(place.cards()) == 6
    assert not any("for you" in text for text in place.shown())
    whole(place)
    place.judged(SHORT)
    place.deliver()
    whole(place)


def test_a_deleted_thread_is_not_started_again_and_its_channel_stays_subscribed(
    place: Place,
) -> None:
    place.judged(ALL)
    if place.discord:
        place.after[4] = lambda: place.there.channels.pop(place.head())
    else:
        place.refuse("send", *["ok"] * 4, "thread_not_found")
    place.deliver()
    assert len(place.cards()) == (0 if place.discord else 3)
    assert place.ended() is ChannelReason.MESSAGE_GONE
    whole(place)
    place.judged(SHORT)
    place.deliver()
    assert len(place.cards()) == (0 if place.discord else 3)
    assert "no message of its own" not in place.shown()[0]
    whole(place)


def test_a_locked_thread_ends_and_its_channel_stays_subscribed(place: Place) -> None:
    place.judged(ALL)
    if place.discord:
        place.after[4] = lambda: setattr(place.there.channels[place.head()], "locked", True)
    else:
        place.refuse("send", *["ok"] * 4, "cannot_reply_to_message")
    place.deliver()
    assert len(place.cards()) == 3
    assert place.ended() is ChannelReason.THREAD_LOCKED
    whole(place)


def test_a_channel_deleted_with_its_threads_is_gone(place: Place) -> None:
    place.judged(ALL)

    def gone() -> None:
        if place.discord:
            del place.there.channels[place.head()]
        del place.there.channels[place.address.channel]

    place.after[4] = gone
    place.deliver()
    assert place.paused() is ChannelReason.CHANNEL_GONE


@pytest.mark.parametrize(
    "codes",
    [
        ("invalid_blocks", 50035),
        ("msg_too_long", 50006),
        ("msg_blocks_too_long", 200000),
        ("no_text", 240000),
        ("some_day_a_new_code", 20009),
    ],
)
def test_a_card_that_is_refused_is_sent_as_plain_text(place: Place, codes: tuple[str, int]) -> None:
    place.judged(ALL)
    place.refuse("send", "ok", "ok", codes[place.discord])
    place.deliver()
    assert len(place.cards()) == 6
    assert "https://arxiv.org/abs/2503.10001" in place.cards()[1]
    assert "no message of its own" not in place.shown()[0]
    whole(place)


def test_a_card_that_is_refused_in_every_form_is_named_in_the_head_and_by_why(place: Place) -> None:
    place.judged(ALL)
    code = 200000 if place.discord else "msg_too_long"
    place.refuse("send", "ok", "ok", code, code)
    place.deliver()
    assert len(place.cards()) == 5
    said = (
        "Number 2 has no message of its own in the thread: the chat service rejected the message."
    )
    assert said in place.shown()[0]
    whole(place)
    assert "It has no message of its own here: the chat" in why(place, "2503.10001")
    assert "no message" not in why(place, "2503.10002")
    dearer = Usage(prompt_usd=0.03, completion_usd=0)
    place.judged(
        digest(*ALL.decisions, replacements=3, usage=dearer)
    )  # and is not tried with a better day
    place.deliver()
    assert said in place.shown()[0]
    assert "gpt-6-luna, 3 ¢" in place.shown()[0]
    assert len(place.cards()) == 5
    whole(place)


def test_a_head_that_is_refused_in_every_form_ends_the_day_and_keeps_no_paper(
    place: Place,
) -> None:
    place.judged(SHORT)
    code = 200000 if place.discord else "msg_too_long"
    place.refuse("send", code, code)
    place.deliver()
    assert place.shown() == []
    assert place.ended() is ChannelReason.BAD_MESSAGE
    assert place.store.shown_papers.ids_from_other_deliveries(place.address, "another") == set()
    whole(place)
    found = place.store.history.delivered_before(place.wish())
    assert found is not None  # who asked for it is told
    assert found.ended is ChannelReason.BAD_MESSAGE
    place.judged(ALL)  # another head may be taken
    place.deliver()
    assert len(place.cards()) == 6
    assert place.ended() is None
    whole(place)


def why(place: Place, id: str) -> str:
    context = Context(
        store=place.store,
        lookups=Lookups(place.store),
        judge=Judge(),
        status=lambda: Status.model_validate({}),
    )
    place.store.profiles.put_shared(profile())
    head = dispatch.answer(Invocation(f"/why {id}", place.address, NOW, "U1"), context).head
    assert head is not None
    return " ".join(as_text([head]).split())


def test_why_says_that_a_card_in_a_deleted_thread_is_gone(place: Place) -> None:
    place.judged(ALL)
    if place.discord:
        place.after[4] = lambda: place.there.channels.pop(place.head())
    else:
        place.refuse("send", *["ok"] * 4, "thread_not_found")
    place.deliver()
    for id in (paper_ids(6)[1], paper_ids(6)[5]):
        assert "here: someone deleted the message or its thread." in why(place, id)


@pytest.mark.parametrize(
    "codes", [("edit_window_closed", 50083), ("message_not_found", 10008), ("no_text", 50035)]
)
def test_another_profiles_card_that_may_not_be_changed_holds_up_nothing(
    place: Place, codes: tuple[str, int]
) -> None:
    """A second profile picks two papers that the first one brought: their cards name both."""
    place.judged(SHORT)
    place.deliver()
    other = profile(name="other", title="Other matters")
    second = place.wish().model_copy(update={"profile": place.store.profiles.put(other)})
    papers = [*ALL.decisions[:2], decision("2503.19999", Outcome.PICKED)]
    place.store.lists.add(str(DAY), listing(*(d.announced for d in papers)), NOW)
    day = digest(*papers, profile=other)
    place.store.days.put_decided(digest_name(second, list_result(NOW)), day)
    code = codes[place.discord]
    place.refuse("edit", code, *[code] * (code == "no_text"))  # in plain words as well
    for tried in range(2):
        place.deliver(second)
        assert plan.next_step(second, place.store.requests.state(second)) is None
        assert len(place.cards()) == 5
        assert sum("also for Other matters" in text for text in place.cards()) == 1, tried
    place.judged(ALL)  # a card that somebody deleted is not the end of its thread
    place.deliver()
    assert len(place.cards()) == 7
    assert place.ended() is None
    assert place.due() is None


@pytest.mark.parametrize("place", ["slack"], indirect=True)
def test_a_reply_that_stands_by_itself_is_found_and_goes_when_its_answer_was_lost(
    place: Place,
) -> None:
    place.judged(ALL)
    place.after[1] = place.erase_head
    place.refuse("send", "ok", "lost_reply")
    place.deliver()
    assert place.shown() == []
    assert place.ended() is ChannelReason.MESSAGE_GONE
    whole(place)


@pytest.mark.parametrize("place", ["discord"], indirect=True)
def test_a_thread_whose_name_is_refused_gets_another(place: Place) -> None:
    place.judged(ALL)
    place.refuse("open", 200001)
    place.deliver()
    assert place.there.channels[place.head()].name == "Papers"
    assert len(place.cards()) == 6
    whole(place)


@pytest.mark.parametrize("place", ["discord"], indirect=True)
def test_a_thread_that_may_not_be_opened_ends_with_its_head(place: Place) -> None:
    place.judged(ALL)
    place.refuse("open", 200001, 200001)
    place.deliver()
    assert len(place.shown()) == 1
    assert place.ended() is ChannelReason.BAD_MESSAGE
    whole(place)


def test_a_second_message_that_may_not_be_deleted_stays(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looked for in vain, sent again, and then it is there twice."""
    look, blind = place.poster.find, iter([True, False])

    async def find(self: Any, *args: Any) -> list[str]:
        return [] if next(blind, False) else await look(self, *args)

    async def remove(self: Any, *args: Any) -> None:
        raise Refused("cant_delete_message", ChannelReason.BAD_MESSAGE)

    monkeypatch.setattr(place.poster, "find", find)
    monkeypatch.setattr(place.poster, "remove", remove)
    monkeypatch.setattr(fake_discord_state, "_NONCE_SECONDS", 0.0)
    place.judged(ALL)
    place.refuse("send", "ok", "ok", "lost_reply")
    place.deliver()
    assert len(place.cards()) == 7
    assert place.due() is None


SLACK_CODES = {
    # chat.postMessage and chat.update, docs.slack.dev
    Refused: "block_mismatch cant_update_message cannot_reply_to_message edit_window_closed "
    "invalid_attachments invalid_blocks invalid_blocks_format is_inactive message_not_found "
    "metadata_too_large msg_too_long no_text streaming_state_conflict thread_not_found "
    "too_many_attachments update_failed a_code_of_next_year",
    Unavailable: "accesslimited external_channel_migrating fatal_error internal_error "
    "message_limit_exceeded org_login_required rate_limited ratelimited request_timeout "
    "service_unavailable team_added_to_org",
    Gone: "access_denied account_inactive channel_not_found ekm_access_denied "
    "enterprise_is_restricted invalid_auth is_archived missing_scope no_permission not_authed "
    "not_in_channel restricted_action restricted_action_read_only_channel "
    "restricted_action_thread_only_channel team_access_not_granted token_expired token_revoked",
}


@pytest.mark.parametrize(
    ("kind", "code"),
    [(kind, code) for kind, codes in SLACK_CODES.items() for code in codes.split()],
)
def test_what_slack_says_of_a_message_is_not_said_of_its_channel(
    kind: type[PaperboyError], code: str
) -> None:
    error = to_paperboy_error(SlackApiError("", AnyAnswer(data={"ok": False, "error": code})))
    assert type(error) is kind or (kind is Refused and isinstance(error, Refused))
    assert error.reason is not None


@dataclass
class AnyAnswer:
    """As much of a response as slack_sdk's errors carry."""

    data: Json
    status_code: int = 200
    headers: Json = field(default_factory=dict)
