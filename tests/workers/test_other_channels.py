"""One paper in several channels of a workspace: the first thread, and what the others say of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from bot.commands import dispatch
from bot.commands.context import Context, Invocation
from bot.domain.digest import Judge, Outcome
from bot.domain.message import Card
from bot.domain.readers.elsewhere import Audience
from bot.domain.request import Address, DigestRequest, digest_name
from bot.domain.status import Status
from bot.domain.subscription import Votes
from bot.runtime.audiences import look_again
from bot.runtime.posting import HEAD
from bot.slack import poster as poster_slack
from bot.slack.poster import SlackPoster, open_poster
from bot.store.key_kinds import kind_of
from bot.store.lookups import Lookups
from bot.store.outbox import Outbox
from bot.store.shown_papers import ShownPapers
from bot.store.store import Store
from tests.factories import (
    DAY,
    NOW,
    decision,
    digest,
    list_result,
    listing,
    paper_ids,
    person_in,
    profile,
)
from tests.killed import Killed
from tests.servers.fake_slack import Channel, FakeSlack
from tests.workers.run_deliver_job import (
    put_judged_day,
    replies,
    run_deliver_job,
    slack_address,
)
from workers import other_channels
from workers.runtime import found_lately

ONE = paper_ids(6)[0]


class Workspace:
    """Channels that get the same day: C1 for one profile, the others for a second one, which picks
    three of its six papers, with scores of its own, and another one."""

    def __init__(self, fake_slack: FakeSlack, store: Store) -> None:
        self.slack, self.store = fake_slack, store
        self.context = Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))

    def deliver(self, *channels: str, workspace: str = "T1") -> None:
        self.run(list(map(self.request, channels)), workspace)

    def run(self, requests: Sequence[DigestRequest], workspace: str = "T1") -> None:
        moved = [
            each.model_copy(
                update={"address": each.address.model_copy(update={"workspace": workspace})}
            )
            for each in requests
        ]
        run_deliver_job(self.slack, self.store, moved)

    def request(self, channel: str) -> DigestRequest:
        self.slack.channels.setdefault(channel, Channel())
        (first,) = put_judged_day(self.store, channel)
        if channel == "C1":
            return first
        other = profile(name="other", title="Other matters")
        ids = [*paper_ids(6)[:3], "2503.20000"]
        papers = [decision(id, Outcome.PICKED, 9, 9) for id in ids]
        second = first.model_copy(update={"profile": self.store.profiles.put(other)})
        self.store.lists.add(str(DAY), listing(*(d.announced for d in papers)), NOW)
        day = digest(*papers, profile=other)
        self.store.days.put_decided(digest_name(second, list_result(NOW)), day)
        return second

    def cards(self, channel: str) -> dict[str, str]:
        """What each paper's card in a channel says, by its id."""
        found = {}
        for message in self.slack.visible_messages(channel)[1:]:
            buttons = message["blocks"][-1]["elements"]
            paper = buttons[0]["value"].partition(" ")[2]
            found[paper] = str(message["blocks"])
        return found

    def pointing(self, channel: str) -> dict[str, str]:
        """The channel that each card points to, by paper; only of those that do."""
        rows = {paper: _channel_named(text) for paper, text in self.cards(channel).items()}
        return {paper: named for paper, named in rows.items() if named}

    def look_again(self) -> None:
        """Who may read which channel, as the bot does it every now and then."""

        async def run() -> None:
            async with open_poster(SecretStr("xoxb-1"), self.slack.url) as poster:
                await look_again(self.store, poster, "slack")

        asyncio.run(run())

    def vote(self, channel: str, by: str, action: str = "up", paper: str = ONE) -> Card:
        """Press a button on a card; returns the card as it is then."""
        address = slack_address(channel)
        day = self.store.shown_papers.day_that_brought(address, paper)
        who = Invocation("", address, NOW, by, person=person_in())
        card = dispatch.press(who, action, f"{day} {paper}", self.context).update
        assert isinstance(card, Card)
        return card

    def counted(self, channel: str, paper: str = ONE) -> Votes:
        return self.store.cards.state(slack_address(channel), paper).votes

    def count_looks(self, monkeypatch: pytest.MonkeyPatch) -> list[Address]:
        """The channels for which was read where else their papers are, from now on."""
        read, original = list[Address](), ShownPapers.in_other_channels

        def noted(self: ShownPapers, address: Address, papers: Sequence[str]) -> Any:
            read.append(address)
            return original(self, address, papers)

        monkeypatch.setattr(ShownPapers, "in_other_channels", noted)
        return read


def _channel_named(text: str) -> str:
    """The id of the one channel that a card names."""
    _, found, rest = text.partition("'channel_id': '")
    assert "'channel_id'" not in rest
    return rest.partition("'")[0] if found else ""


@pytest.fixture
def place(fake_slack: FakeSlack, store: Store, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setattr(other_channels, "_POLL_SECONDS", 0.01)
    return Workspace(fake_slack, store)


def test_a_card_says_in_which_open_channel_the_paper_was_posted_first(place: Workspace) -> None:
    place.deliver("C1")
    place.deliver("C2")
    place.deliver("C3")
    assert [replies(place.slack, channel) for channel in ("C1", "C2", "C3")] == [6, 4, 4]
    shared = paper_ids(6)[:3]
    assert place.pointing("C1") == {}
    assert place.pointing("C2") == dict.fromkeys(shared, "C1")
    assert place.pointing("C3") == dict.fromkeys(shared, "C1") | {"2503.20000": "C2"}
    first = {m["blocks"][-1]["elements"][0]["value"][-10:]: m["ts"] for m in
             place.slack.visible_messages("C1")[1:]}  # fmt: skip
    card = place.cards("C2")[ONE]
    assert f"https://testers.slack.com/archives/C1/p{first[ONE].replace('.', '')}" in card
    assert "'Also in '" in card
    assert "'discussed there'" in card
    assert "relevance 9 · novelty 9" in card
    assert "relevance 8 · novelty 7" in place.cards("C1")[ONE]


def test_nobody_is_told_of_a_channel_that_is_not_open_to_everyone(place: Workspace) -> None:
    place.slack.channels["C1"].private = True
    place.deliver("C1")
    place.deliver("C2")
    assert place.pointing("C2") == {}
    assert "C1" not in str(place.slack.visible_messages("C2"))
    place.deliver("C3")
    assert place.pointing("C3") == dict.fromkeys([*paper_ids(6)[:3], "2503.20000"], "C2")


def test_in_a_private_channel_a_card_points_to_an_open_one(place: Workspace) -> None:
    place.slack.channels["C2"].private = True
    place.deliver("C1")
    place.deliver("C2")
    assert place.pointing("C2") == dict.fromkeys(paper_ids(6)[:3], "C1")


@pytest.mark.parametrize("shared", ["C1", "C2"])
def test_a_channel_that_is_shared_with_outsiders_stands_by_itself(
    shared: str, place: Workspace
) -> None:
    place.slack.channels[shared].shared = True
    place.deliver("C1")
    place.deliver("C2")
    assert place.pointing("C1") == place.pointing("C2") == {}
    if shared == "C2":
        assert "chat.getPermalink" not in {call.method for call in place.slack.calls}
    place.deliver("C3")
    place.vote("C1", "U1")
    assert (place.counted("C1").up, place.counted("C2").up) == (1, 0)


def test_votes_in_open_channels_add_up_each_person_once(place: Workspace) -> None:
    place.deliver("C1")
    place.deliver("C2")
    assert place.vote("C1", "U1").buttons[0].label == "👍 1"
    assert place.vote("C2", "U2").buttons[0].label == "👍 2"
    assert place.vote("C2", "U1").buttons[0].label == "👍 2"
    assert place.counted("C1") == place.counted("C2") == Votes(up=2)
    card = place.vote("C2", "U3", "down")
    assert [button.label for button in card.buttons[:2]] == ["👍 2", "👎 1"]
    assert card.elsewhere is not None
    assert card.elsewhere.channel == "C1"
    lessons = place.store.votes.lessons
    assert {each.by for each in lessons("slack:T1", "matters")} == {"U1"}
    assert {each.by for each in lessons("slack:T1", "other")} == {"U1", "U2", "U3"}
    place.vote("C1", "U1", "down")
    assert place.counted("C1") == Votes(up=1, down=2)  # what they say here counts here
    assert place.counted("C2") == Votes(up=2, down=1)


def test_votes_that_were_cast_before_count_on_a_card_from_the_beginning(place: Workspace) -> None:
    place.deliver("C1")
    place.slack.channels["C3"].private = True
    place.deliver("C3")
    place.vote("C1", "U1")
    place.vote("C3", "U2")
    place.deliver("C2")
    assert "👍 1" in place.cards("C2")[ONE]


def test_votes_of_a_private_channel_count_in_it_alone(place: Workspace) -> None:
    place.slack.channels["C2"].private = True
    place.deliver("C1")
    place.deliver("C2")
    place.vote("C1", "U1")
    assert place.vote("C2", "U2").buttons[0].label == "👍 2"
    assert place.vote("C1", "U3").buttons[0].label == "👍 2"
    assert (place.counted("C1").up, place.counted("C2").up) == (2, 3)


@pytest.mark.parametrize("apart", ["C1", "C2"])
def test_a_channel_that_stands_apart_names_none_and_is_named_by_none(
    apart: str, place: Workspace
) -> None:
    place.store.cards.put_apart(slack_address(apart), True)
    place.deliver("C1")
    place.deliver("C2")
    assert place.pointing("C1") == place.pointing("C2") == {}
    assert "conversations.info" not in {call.method for call in place.slack.calls}
    place.vote("C1", "U1")
    place.vote("C2", "U2")
    assert (place.counted("C1").up, place.counted("C2").up) == (1, 1)
    place.deliver("C3")
    place.store.cards.put_apart(slack_address(apart), False)
    assert place.vote("C3", "U3").buttons[0].label == "👍 2"


@pytest.mark.parametrize("apart", ["C1", "C2"])
def test_what_was_pointed_to_is_taken_back_with_the_next_change_of_a_card(
    apart: str, place: Workspace
) -> None:
    for channel in ("C1", "C3", "C2"):
        place.deliver(channel)
    assert place.vote("C2", "U1").elsewhere is not None
    place.store.cards.put_apart(slack_address(apart), True)
    assert place.vote("C2", "U2").elsewhere is None


@pytest.mark.parametrize("how", ["private", "shared", "away", "gone"])
def test_a_channel_that_was_closed_since_is_neither_named_nor_counted_any_more(
    how: str, place: Workspace
) -> None:
    for channel in ("C1", "C2"):
        place.deliver(channel)
    place.vote("C1", "U1")
    closed = place.slack.channels["C1"]
    closed.private, closed.shared = how == "private", how == "shared"
    if how in ("away", "gone"):
        error = "channel_not_found" if how == "gone" else "http_500"
        place.slack.inject_faults("conversations.info", *[error] * 3)
    place.look_again()
    card = place.vote("C2", "U2")
    is_named = how == "away"  # what Slack doesn't say is as it was
    assert card.buttons[0].label == ("👍 2" if is_named else "👍 1")
    assert (card.elsewhere is not None) is is_named


def test_where_the_first_thread_was_deleted_the_next_one_is_the_first(place: Workspace) -> None:
    place.deliver("C1")
    place.deliver("C2")
    for message in list(place.slack.visible_messages("C1"))[::-1]:
        place.slack.delete_message("C1", message["ts"])
    place.deliver("C3")
    assert place.pointing("C3") == dict.fromkeys([*paper_ids(6)[:3], "2503.20000"], "C2")
    assert len(place.cards("C2")) == 4  # each has its own, and all buttons work
    assert place.vote("C2", "U1").buttons[0].label == "👍 1"


def test_no_other_workspace_is_named_or_counted(place: Workspace) -> None:
    place.deliver("C1")
    place.deliver("C2", workspace="T2")
    assert place.pointing("C2") == {}
    place.vote("C1", "U1")
    elsewhere = slack_address("C2").model_copy(update={"workspace": "T2"})
    assert place.store.cards.state(elsewhere, ONE).votes == Votes()


# -- channels that post the same at once: one looks, the others say the same


def test_of_channels_that_post_the_same_at_once_one_asks_for_all(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.deliver("C1")
    place.deliver("C2")
    place.vote("C1", "U1")
    read = place.count_looks(monkeypatch)
    channels = [f"C{n}" for n in range(10, 25)]
    place.deliver(*channels)
    assert len(read) < 5
    for channel in channels:
        expected = dict.fromkeys(paper_ids(6)[:3], "C1") | {"2503.20000": "C2"}
        assert place.pointing(channel) == expected
        assert "👍 1" in place.cards(channel)[ONE]
        assert place.vote(channel, "U2").elsewhere is not None
        place.vote(channel, "U2")


@pytest.mark.parametrize("how", ["shared", "apart"])
def test_a_channel_that_points_to_none_does_not_say_what_another_one_found(
    how: str, place: Workspace
) -> None:
    place.deliver("C1")
    place.deliver("C2")
    place.vote("C1", "U1")
    place.slack.channels["C4"] = Channel(shared=how == "shared")
    place.store.cards.put_apart(slack_address("C4"), how == "apart")
    place.deliver("C3", "C4", "C5")
    assert set(place.pointing("C3").values()) == {"C1", "C2"}
    assert place.pointing("C4") == {}
    assert "👍 1" not in place.cards("C4")[ONE]
    assert place.pointing("C5") == place.pointing("C3")


def test_the_first_that_has_a_paper_says_nothing_of_it_for_the_others(place: Workspace) -> None:
    place.deliver("C1")  # it lacks one of the four papers
    place.deliver("C2", "C3", "C4")
    found = {channel: place.pointing(channel) for channel in ("C2", "C3", "C4")}
    (first,) = [channel for channel, pointing in found.items() if len(pointing) == 3]
    for channel in found.keys() - {first}:
        assert found[channel] == found[first] | {"2503.20000": first}


def test_an_earlier_thread_that_goes_on_does_not_say_what_a_later_one_found(
    place: Workspace,
) -> None:
    early = place.request("C4")
    place.slack.inject_faults("chat.postMessage", "ok", *["http_500"] * 2)
    place.run([early])
    assert replies(place.slack, "C4") == 0
    place.deliver("C1")
    place.slack.channels["C4"].private = True  # so nobody points there
    place.run([place.request("C3"), early])
    assert place.pointing("C3") == dict.fromkeys(paper_ids(6)[:3], "C1")
    assert place.pointing("C4") == {}


def test_votes_on_cards_of_who_looked_count_on_those_of_the_others(place: Workspace) -> None:
    place.deliver("C1")
    place.deliver("C2")
    begun = place.request("C3")
    place.slack.inject_faults("chat.postMessage", "ok", "ok", *["http_500"] * 2)
    place.run([begun])
    (first,) = place.cards("C3")
    place.vote("C3", "U1", paper=first)
    place.run([begun, place.request("C4")])
    assert replies(place.slack, "C3") == replies(place.slack, "C4") == 4
    assert "👍 1" in place.cards("C4")[first]


def test_where_one_that_looks_gets_no_answer_the_others_look_themselves(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_channels, "_PATIENCE", 0.5)
    monkeypatch.setattr(found_lately, "_PATIENCE", 0.2)
    place.deliver("C1")
    place.deliver("C2")
    audience, slow = SlackPoster.audience, list[Address]()

    async def hangs_once(self: SlackPoster, address: Address) -> Audience:
        if not slow:
            slow.append(address)
            await asyncio.sleep(60)
        return await audience(self, address)

    monkeypatch.setattr(SlackPoster, "audience", hangs_once)
    channels = [f"C{n}" for n in range(10, 15)]
    place.deliver(*channels)
    assert [len(place.pointing(channel)) for channel in channels].count(4) == 4
    assert [replies(place.slack, channel) for channel in channels] == [4] * 5


def test_two_channels_at_the_same_time_do_not_point_to_each_other(place: Workspace) -> None:
    first = place.request("C1")
    second = first.model_copy(update={"address": slack_address("C2")})
    place.run([first, second])
    assert [replies(place.slack, channel) for channel in ("C1", "C2")] == [6, 6]
    found = [place.pointing("C1"), place.pointing("C2")]
    assert sorted(map(len, found)) == [0, 6]
    assert set().union(*(set(each.values()) for each in found)) in ({"C1"}, {"C2"})


def test_a_thread_that_goes_on_later_is_still_the_first(place: Workspace) -> None:
    first = place.request("C1")
    place.slack.inject_faults("chat.postMessage", "ok", *["http_500"] * 2)
    place.run([first])
    assert replies(place.slack, "C1") == 0
    place.deliver("C2")
    place.run([first])
    assert replies(place.slack, "C1") == 6
    assert place.pointing("C1") == {}
    link = f"/archives/C1/p{place.slack.visible_messages('C1')[0]['ts'].replace('.', '')}"
    assert f"{link}'" in place.cards("C2")[ONE]  # to the thread, as long as the card isn't there


def test_the_first_of_several_channels_is_the_one_that_began_first(place: Workspace) -> None:
    for channel in ("C3", "C1", "C2"):
        place.deliver(channel)
    assert set(place.pointing("C2").values()) == set(place.pointing("C1").values()) == {"C3"}


def test_a_head_that_is_on_its_way_is_waited_for(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.deliver("C1")
    (day,) = (each.day for each in place.store.history.of(slack_address("C1")))
    box = Outbox(place.store.trips, f"{slack_address('C1')}:{day}")
    sent, audience = box.entry(HEAD), SlackPoster.audience
    assert sent is not None
    asyncio.run(box.put_result(HEAD, sent.model_copy(update={"message": ""})))
    later: list[asyncio.Task[None]] = []

    async def found(self: SlackPoster, address: Address) -> Audience:
        loop = asyncio.get_running_loop()
        loop.call_later(0.1, lambda: later.append(loop.create_task(box.put_result(HEAD, sent))))
        return await audience(self, address)

    monkeypatch.setattr(SlackPoster, "audience", found)
    place.deliver("C2")
    assert place.pointing("C2") == dict.fromkeys(paper_ids(6)[:3], "C1")


def test_a_channel_that_slack_does_not_call_public_is_not_named(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place.slack, "conversations_info", lambda given: {"channel": {"id": "C"}})
    place.deliver("C1")
    place.deliver("C2")
    assert place.pointing("C2") == {}


def test_direct_messages_on_discord_are_not_each_others_channels(store: Store) -> None:
    one, other = (Address(platform="discord", channel=channel) for channel in ("1", "2"))
    for address in (one, other):
        store.shown_papers.put(address, digest(decision(ONE, Outcome.PICKED)), "day")
    assert store.shown_papers.in_other_channels(one, [ONE]) == {}


def test_of_many_channels_a_card_looks_at_those_that_had_the_paper_first(store: Store) -> None:
    day = digest(decision(ONE, Outcome.PICKED))
    for number in range(30, 0, -1):
        judged = day.judged_at - timedelta(minutes=number)
        earlier = day.model_copy(update={"judged_at": judged})
        store.shown_papers.put(slack_address(f"C{number}"), earlier, "day")
    found = store.shown_papers.in_other_channels(slack_address("C30"), [ONE])[ONE]
    assert [address.channel for address in found] == sorted(f"C{n}" for n in range(11, 30))
    assert len(store.shown_papers.in_other_channels(slack_address("C1"), [ONE])[ONE]) == 20


def test_a_day_judged_again_makes_no_channel_a_later_one(store: Store) -> None:
    day = digest(decision(ONE, Outcome.PICKED))
    for hours, channel in enumerate(("C1", *(f"C{n}" for n in range(2, 23)), "C1")):
        judged = day.judged_at + timedelta(hours=hours)
        again = day.model_copy(update={"judged_at": judged})
        store.shown_papers.put(slack_address(channel), again, "day")
    assert (
        slack_address("C1") in store.shown_papers.in_other_channels(slack_address("C9"), [ONE])[ONE]
    )


def test_channels_that_an_older_release_noted_are_found(store: Store) -> None:
    for channel in ("C1", "C2"):
        store.shown_papers.put(slack_address(channel), digest(decision(ONE, Outcome.PICKED)), "day")
    store.redis.delete(f"pb:first-shown:slack:T1:{ONE}")
    store.redis.sadd(f"pb:shown-in:slack:T1:{ONE}", "C1", "C2")
    found = store.shown_papers.in_other_channels(slack_address("C1"), [ONE])
    assert found == {ONE: {slack_address("C2"): "day"}}


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        ("conversations.info", "hang"),
        ("conversations.info", "http_500"),
        ("conversations.info", "missing_scope"),
        ("conversations.info", "html"),
        ("chat.getPermalink", "hang"),
        ("chat.getPermalink", "message_not_found"),
        ("chat.getPermalink", "ratelimited"),
    ],
)
def test_a_question_that_is_not_answered_fails_no_delivery(
    method: str, fault: str, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(other_channels, "_PATIENCE", 0.3)
    never = aiohttp.ClientTimeout(total=1000)
    monkeypatch.setattr(poster_slack, "_TIMEOUT", never)  # nothing else ends what hangs
    place.deliver("C1")
    place.slack.inject_faults(method, *[fault] * 10)
    place.deliver("C2")
    assert replies(place.slack, "C2") == 4
    assert place.pointing("C2") == {}
    (delivery,) = place.store.history.of(slack_address("C2"))
    assert delivery.complete


def test_a_fault_of_ours_fails_no_delivery(
    place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(self: SlackPoster, address: Address) -> Audience:
        raise AssertionError("a fault of ours")

    place.deliver("C1")
    monkeypatch.setattr(SlackPoster, "audience", fails)
    place.deliver("C2")
    assert replies(place.slack, "C2") == 4
    assert place.pointing("C2") == {}


@pytest.mark.parametrize("method", ["audience", "link", "send"])
def test_a_worker_that_is_killed_leaves_all_to_the_next_one(
    method: str, place: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.deliver("C1")
    request, original = place.request("C2"), getattr(SlackPoster, method)
    calls = iter(range(100))

    async def killed(self: SlackPoster, *args: Any) -> Any:
        found = await original(self, *args)
        if next(calls) == (3 if method == "send" else 0):
            raise Killed
        return found

    monkeypatch.setattr(SlackPoster, method, killed)
    with pytest.raises(BaseException, match="Killed"):
        place.run([request])
    place.run([request])
    assert replies(place.slack, "C2") == 4
    assert place.pointing("C2") == dict.fromkeys(paper_ids(6)[:3], "C1")


def test_what_is_stored_goes_into_a_backup_and_is_forgotten_in_time(place: Workspace) -> None:
    place.deliver("C1")
    place.deliver("C2")
    place.store.cards.put_apart(slack_address("C3"), True)
    redis = place.store.redis
    rows: dict[str, Any] = {
        f"first-shown:slack:T1:{ONE}": redis.zrange(f"pb:first-shown:slack:T1:{ONE}", 0, -1),
        f"pointer:slack:T1:C2:{ONE}": [redis.get(f"pb:pointer:slack:T1:C2:{ONE}")],
        "audiences:slack:T1": redis.hvals("pb:audiences:slack:T1"),
        "audience-places": redis.smembers("pb:audience-places"),
        "apart": redis.smembers("pb:apart"),
    }
    for name, values in rows.items():
        kind = kind_of(f"pb:{name}")
        assert kind is not None
        assert (kind.name, kind.is_transient) == (name.partition(":")[0], False)
        assert values
        for value in values:
            kind.check("", str(value))
        lives: Any = redis.ttl(f"pb:{name}")
        assert lives > 0 or name in ("audience-places", "apart")


def test_a_channel_alone_asks_nothing(place: Workspace) -> None:
    place.deliver("C1")
    asked = {call.method for call in place.slack.calls}
    assert not asked & {"conversations.info", "chat.getPermalink"}


def test_a_person_is_answered_with_the_card_as_it_was_posted(place: Workspace) -> None:
    place.deliver("C1")
    place.deliver("C2")
    pressed = place.vote("C2", "U1")
    back = place.vote("C2", "U1")
    assert back.buttons[0].label == "👍"
    assert back.elsewhere == pressed.elsewhere


def test_channels_that_a_paper_was_taken_from_take_no_place_from_those_that_have_it(
    store: Store,
) -> None:
    day = digest(decision(ONE, Outcome.PICKED))
    for number in range(25):
        early = day.model_copy(update={"judged_at": day.judged_at - timedelta(hours=1)})
        store.shown_papers.put(slack_address(f"C{number}"), early, "day")
        store.shown_papers.drop(slack_address(f"C{number}"), "day")
    store.shown_papers.put(slack_address("C90"), day, "day")
    store.shown_papers.put(slack_address("C90"), day, "next")
    found = store.shown_papers.in_other_channels(slack_address("C91"), [ONE])
    assert found == {ONE: {slack_address("C90"): "next"}}
