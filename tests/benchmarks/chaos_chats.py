"""The two chats of a chaos run: where days go, what fails at random, and what people see there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random

from bot.ledger import Judge, Wanted
from bot.settings import Settings
from bot.store_channels import Channels
from bot.wish import Address, Wish
from tests.benchmarks.bench_deliver import PROFILE, wrong
from tests.discord_neighbour import Discord, discord_server
from tests.discord_rules import parts
from tests.discord_world import GUILD
from tests.discord_world import Channel as DiscordChannel
from tests.slack_neighbour import Channel, Json, slack

_FAULTS = {"ok": 90, "lost_reply": 4, "http_500": 3, "ratelimited": 3}
_SLACK_METHODS = ("chat.postMessage", "conversations.replies", "conversations.history")
_DISCORD_FAULTS = {"ok": 90, "lost_reply": 4, "http_500": 2, "http_502": 1, "ratelimited": 3}
_DISCORD_ROUTES = ("POST */messages", "POST */threads", "GET */messages")
# More than a run has requests of one kind.
_DRAWN = 20_000


@dataclass(frozen=True)
class Chat:
    """A platform on loopback. `thread` is a channel with its threads, in Slack's form whatever the
    platform, and `met` counts the answers that were none, by what came instead."""

    name: str
    addresses: tuple[Address, ...]
    settings: dict[str, str]
    thread: Callable[[str], list[Json]]
    met: Callable[[], Counter[str]]

    def differences(self, days: list[list[str]]) -> list[str]:
        """What is wrong in its channels, in words, when they should have these days (ids)."""
        found = list[str]()
        for address in self.addresses:
            thread = self.thread(address.channel)
            heads = {m["ts"] for m in thread}
            lone = [m for m in thread if m.get("thread_ts", m["ts"]) not in heads]
            said = wrong(thread, days) + [f"without its head: {m['text'][:80]!r}" for m in lone]
            found += [f"{address}: {difference}" for difference in said]
        return found


def wish(channels: Channels, chats: list[Chat], wanted: Wanted) -> None:
    """Every channel of every platform wishes for this day at the same moment."""
    profile, since = channels.store.put_profile(PROFILE), datetime.now(UTC)
    judge = Judge(model=Settings.model_fields["model"].default)
    for address in (address for chat in chats for address in chat.addresses):
        channels.put_wish(
            Wish(profile=profile, wanted=wanted, judge=judge, address=address, since=since)
        )


@contextmanager
def on_slack(chance: Random) -> Iterator[Chat]:
    """Three channels that take one message a second each."""
    names = ("C1", "C2", "C3")
    with slack() as there:
        there.rate, there.channels = 1.0, {name: Channel() for name in names}
        for method in _SLACK_METHODS:
            there.fault(method, *chance.choices([*_FAULTS], [*_FAULTS.values()], k=_DRAWN))
        yield Chat(
            name="Slack",
            addresses=tuple(Address(platform="slack", workspace="T1", channel=n) for n in names),
            settings={"SLACK_API_URL": there.url},
            thread=there.thread,
            met=lambda: Counter(call.error for call in list(there.calls) if call.error),
        )


@contextmanager
def on_discord(chance: Random) -> Iterator[Chat]:
    """Three channels that take five messages in five seconds each, as do their threads."""
    names = tuple(f"20000000000000000{n}" for n in (1, 2, 3))
    with discord_server() as there:
        there.rate, there.channels = 5, {name: DiscordChannel(name) for name in names}
        for route in _DISCORD_ROUTES:
            kinds, weights = [*_DISCORD_FAULTS], [*_DISCORD_FAULTS.values()]
            there.fault(route, *chance.choices(kinds, weights, k=_DRAWN))
        yield Chat(
            name="Discord",
            addresses=tuple(
                Address(platform="discord", workspace=GUILD, channel=name) for name in names
            ),
            settings={
                "DISCORD_TOKEN": "none",
                "DISCORD_API_URL": there.api,
                "DISCORD_GATEWAY_URL": there.gateway,
            },
            thread=lambda channel: _thread(there, channel),
            met=lambda: Counter(
                str(call.status or "no answer")
                for call in list(there.calls)
                if not 200 <= call.status < 300
            ),
        )


def _thread(there: Discord, channel: str) -> list[Json]:
    # Lists of their own, because Discord's thread goes on adding to these.
    below = [found for found in list(there.channels.values()) if found.parent == channel]
    shown = [_in_slacks_form(message) for message in list(there.channels[channel].messages)]
    for found in below:
        inside = {"thread_ts": found.id}
        shown += [_in_slacks_form(message) | inside for message in list(found.messages)]
    return sorted(shown, key=lambda m: (int(m.get("thread_ts") or m["ts"]), int(m["ts"])))


def _in_slacks_form(message: Json) -> Json:
    """The mark by which the bot finds its message is the id of its first component."""
    components = message["components"]
    laid_out = "\n".join(part["content"] for part in parts(components) if "content" in part)
    return {
        "ts": message["id"],
        "text": message["content"] or laid_out,
        "blocks": components,
        "metadata": {"event_payload": {"key": components[0]["id"] if components else None}},
    }
