"""The two chats of a chaos run: where days go, what fails at random, and what people see there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import NamedTuple

from bot.domain.digest import ListQuery
from bot.domain.judge import Judge
from bot.domain.request import Address, DigestRequest
from bot.settings import Settings
from bot.store.store import Store
from tests.benchmarks.bench_deliver import PROFILE, ids_in, thread_errors
from tests.servers.discord_rules import walk_components
from tests.servers.fake_discord import FakeDiscord, Fault, run_fake_discord
from tests.servers.fake_discord_state import GUILD_ID
from tests.servers.fake_discord_state import Channel as DiscordChannel
from tests.servers.fake_slack import Channel, Json, run_fake_slack

_FAULTS = {"ok": 90, "lost_reply": 4, "http_500": 3, "ratelimited": 3}
_SLACK_METHODS = ("chat.postMessage", "conversations.replies", "conversations.history")
_DISCORD_FAULTS = {"ok": 90, "lost_reply": 4, "http_500": 2, "http_502": 1, "ratelimited": 3}
_DISCORD_ROUTES = ("POST */messages", "POST */threads", "GET */messages")
# A head that was posted may refuse to be changed.
_EDITS = {"ok": 70, "edit_window_closed": 20, "http_500": 5, "ratelimited": 5}
# More than a run has requests of one kind.
_DRAWN = 20_000


class ExpectedDay(NamedTuple):
    """What a day should have brought: its papers, of which a head names the first `least` ones at
    least, because it may not be changed; and where its head was deleted by hand."""

    ids: list[str]
    least: int
    erased: set[Address]


@dataclass(frozen=True)
class Chat:
    """A platform on loopback. `thread` is a channel with its threads, in Slack's form whatever the
    platform, `met` counts the answers that were none, by what came instead, and `erase` deletes a
    message of a channel by hand, or its thread."""

    name: str
    addresses: tuple[Address, ...]
    settings: dict[str, str]
    thread: Callable[[str], list[Json]]
    faults_met: Callable[[], Counter[str]]
    erase: Callable[[str, str], None]

    def differences(self, days: list[ExpectedDay]) -> list[str]:
        """What is wrong in its channels, in words, when they should have these days."""
        found = list[str]()
        for address in self.addresses:
            shown = self.thread(address.channel)
            thread = [m for m in shown if m.get("subtype") != "tombstone"]
            said = list[str]()
            for day in (day for day in days if address in day.erased):
                of_day = [m for m in thread if ids_in(m) & set(day.ids)]
                thread = [m for m in thread if m not in of_day]
                said += _begun_again(of_day, day)
            heads = {m["ts"] for m in thread}
            lone = [m for m in thread if m.get("thread_ts", m["ts"]) not in heads]
            said += [f"without its head: {m['text'][:80]!r}" for m in lone]
            mine = [day for day in days if address not in day.erased]
            least = min((day.least for day in mine), default=None)
            said += thread_errors(thread, [day.ids for day in mine], least)
            found += [f"{address}: {difference}" for difference in said]
        return found


def _begun_again(shown: list[Json], day: ExpectedDay) -> list[str]:
    """What is wrong with a day whose head was deleted: no other head, and of its replies none, or
    all that there were then, in order."""
    heads = [m for m in shown if m.get("thread_ts", m["ts"]) == m["ts"]]
    order = [id for m in shown if m not in heads for id in ids_in(m)]
    said = [f"begun again, or by itself: {m['text'][:80]!r}" for m in heads]
    if order not in ([], day.ids[: day.least], day.ids):
        said.append(f"replies {order} of {day.ids} under a deleted head")
    return said


def request_day(store: Store, chats: list[Chat], query: ListQuery) -> None:
    """Every channel of every platform wishes for this day at the same moment."""
    profile, since = store.profiles.put(PROFILE), datetime.now(UTC)
    judge = Judge(model=Settings.model_fields["model"].default)
    for address in (address for chat in chats for address in chat.addresses):
        store.requests.put(
            DigestRequest(profile=profile, wanted=query, judge=judge, address=address, since=since)
        )


@contextmanager
def run_slack_chat(chance: Random) -> Iterator[Chat]:
    """Three channels that take one message a second each."""
    names = ("C1", "C2", "C3")
    with run_fake_slack() as fake_slack:
        fake_slack.rate_limit, fake_slack.channels = 1.0, {name: Channel() for name in names}
        for method in _SLACK_METHODS:
            fake_slack.inject_faults(
                method, *chance.choices([*_FAULTS], [*_FAULTS.values()], k=_DRAWN)
            )
        fake_slack.inject_faults(
            "chat.update", *chance.choices([*_EDITS], [*_EDITS.values()], k=_DRAWN)
        )
        yield Chat(
            name="Slack",
            addresses=tuple(Address(platform="slack", workspace="T1", channel=n) for n in names),
            settings={"SLACK_API_URL": fake_slack.url},
            thread=fake_slack.visible_messages,
            faults_met=lambda: Counter(call.error for call in list(fake_slack.calls) if call.error),
            erase=fake_slack.delete_message,
        )


@contextmanager
def run_discord_chat(chance: Random) -> Iterator[Chat]:
    """Three channels that take five messages in five seconds each, as do their threads."""
    names = tuple(f"20000000000000000{n}" for n in (1, 2, 3))
    with run_fake_discord() as fake_discord:
        fake_discord.rate_limit, fake_discord.channels = (
            5,
            {name: DiscordChannel(name) for name in names},
        )
        for route in _DISCORD_ROUTES:
            kinds, weights = [*_DISCORD_FAULTS], [*_DISCORD_FAULTS.values()]
            fake_discord.inject_faults(route, *chance.choices(kinds, weights, k=_DRAWN))
        edits = chance.choices([*_EDITS], [*_EDITS.values()], k=_DRAWN)
        as_discords: dict[str, Fault] = {"ok": "", "edit_window_closed": (400, 30046)}
        fake_discord.inject_faults(
            "PATCH */messages/*", *(as_discords.get(edit, edit) for edit in edits)
        )

        def erase(channel: str, message: str) -> None:
            if message in fake_discord.channels and chance.random() < 0.5:
                del fake_discord.channels[message]  # the thread
            fake_discord.delete_message(channel, message)

        yield Chat(
            name="Discord",
            addresses=tuple(
                Address(platform="discord", workspace=GUILD_ID, channel=name) for name in names
            ),
            settings={
                "DISCORD_TOKEN": "none",
                "DISCORD_API_URL": fake_discord.api,
                "DISCORD_GATEWAY_URL": fake_discord.gateway,
            },
            thread=lambda channel: _thread(fake_discord, channel),
            faults_met=lambda: Counter(
                str(call.status or "no answer")
                for call in list(fake_discord.calls)
                if not 200 <= call.status < 300
            ),
            erase=erase,
        )


def _thread(fake_discord: FakeDiscord, channel: str) -> list[Json]:
    # Lists of their own, because Discord's thread goes on adding to these.
    below = [found for found in list(fake_discord.channels.values()) if found.parent == channel]
    shown = [_in_slacks_form(message) for message in list(fake_discord.channels[channel].messages)]
    for found in below:
        inside = {"thread_ts": found.id}
        shown += [_in_slacks_form(message) | inside for message in list(found.messages)]
    return sorted(shown, key=lambda m: (int(m.get("thread_ts") or m["ts"]), int(m["ts"])))


def _in_slacks_form(message: Json) -> Json:
    """The mark by which the bot finds its message is the id of its first component."""
    components = message["components"]
    laid_out = "\n".join(
        part["content"] for part in walk_components(components) if "content" in part
    )
    return {
        "ts": message["id"],
        "text": message["content"] or laid_out,
        "blocks": components,
        "metadata": {"event_payload": {"key": components[0]["id"] if components else None}},
    }
