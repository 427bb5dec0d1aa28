"""What many channels that ask `now` for one profile within half a second wait for, and `/why` with
them.

    python -m tests.benchmarks.bench_burst [--channels 40] [--seconds 300] [slack] [discord] [both]

Real bot, workers, clients and embedded server; Slack (a message a second and channel), Discord
(five in five), arXiv and a model (0.5 s a call) on loopback in this process. arXiv's list has 60
papers, a thread a head and eight cards; a paper that no digest had is asked about once a second.
It ends when every thread is complete, or after SECONDS. Exits 1 when a thread is not complete, or
has anything twice.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from datetime import time as clock_time
from pathlib import Path
from typing import Any, NamedTuple

from redis import Redis

from bot.arxiv.calendar import is_weekend, new_york_date, weekday_before
from bot.domain.papers import Cutoffs
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.subscription import Subscription
from bot.store.connection import connect
from bot.store.store import Store
from tests.benchmarks.bench_deliver import environment, start
from tests.factories import announced, listing, profile
from tests.servers.arxiv_documents import rss_feed
from tests.servers.fake_discord import run_fake_discord
from tests.servers.fake_discord_state import GUILD_ID
from tests.servers.fake_discord_state import Channel as DiscordChannel
from tests.servers.fake_http import (
    HttpReply,
    chat_reply,
    claims_for,
    question_text,
    requested_ids,
    run_fake_server,
    scores_for,
    xml_reply,
)
from tests.servers.fake_slack import Channel, run_fake_slack
from workers.runtime.server import embedded

PROFILE = profile(cutoffs=Cutoffs(relevance=1, novelty=1), maximum=8)
_MESSAGES, _LISTED, _WHYS = 9, 60, 200
# What an answer to `why` has when it says that.
_SAYS_WHY = "Meets Matter"
_ALLOWED = _MESSAGES - 1.0
_MODEL_SECONDS = 0.5
_WITHIN = 0.5


class Why(NamedTuple):
    """Seconds to the first answer and to the last, and whether that says why."""

    first: float
    last: float
    answered: bool


@dataclass
class Chatting:
    """A platform, from where people sit: `now` asks in a channel, `why` about a paper; `posted`
    are the times of a channel's posts."""

    name: str
    channels: Sequence[str]
    settings: dict[str, str]
    now: Callable[[str], object]
    why: Callable[[str, int], Why]
    posted: Callable[[str], list[float]]
    ready: Callable[[], bool]
    room: Address

    def whole(self, channel: str) -> bool:
        return len(self.posted(channel)) >= _MESSAGES


@dataclass
class Seen:
    """What a run is judged by; times are time.monotonic's."""

    asked: float = 0.0
    scored: list[float] = field(default_factory=list)
    whys: list[Future[Why]] = field(default_factory=list)


@contextmanager
def on_slack(count: int) -> Iterator[Chatting]:
    names = [f"C{n}" for n in range(count)]
    with run_fake_slack() as fake_slack:
        fake_slack.rate_limit = 1.0
        fake_slack.channels = {name: Channel(members={name.replace("C", "U")}) for name in names}
        fake_slack.channels["CWHY"] = Channel(members={f"U{1000 + n}" for n in range(_WHYS)})

        def why(id: str, n: int) -> Why:
            begun, user = time.monotonic(), f"U{1000 + n}"
            fake_slack.command(id, channel="CWHY", user=user, command="/why")

            def told() -> list[Any]:
                return [said for said in list(fake_slack.ephemeral) if said["user"] == user]

            # A fast one is one message; a slow one is announced by another.
            return _waited(begun, told, lambda: len(told()) > 1 or _SAYS_WHY in str(told()))

        yield Chatting(
            name="Slack",
            channels=names,
            settings={"SLACK_API_URL": fake_slack.url},
            now=lambda channel: fake_slack.command(
                f"now {PROFILE.name}", channel=channel, user=channel.replace("C", "U")
            ),
            why=why,
            posted=lambda channel: [
                call.at
                for call in list(fake_slack.calls)
                if call.method == "chat.postMessage"
                and call.error is None
                and call.arguments["channel"] == channel
            ],
            ready=lambda: bool(fake_slack.sockets),
            room=Address(platform="slack", workspace="T1", channel="CWHY"),
        )


@contextmanager
def on_discord(count: int) -> Iterator[Chatting]:
    names = [f"2000000000000{n:05}" for n in range(1, count + 1)]
    room = "200000000000090000"
    with run_fake_discord() as fake_discord:
        fake_discord.rate_limit = 5
        fake_discord.channels = {name: DiscordChannel(name) for name in (*names, room)}
        offset = time.time() - time.monotonic()

        def why(id: str, n: int) -> Why:
            begun = time.monotonic()
            said = fake_discord.command("why", {"arxivid": id}, channel=room).answers

            def whole() -> bool:
                return len(said) > 1 or bool(said and said[0]["edited_timestamp"])

            return _waited(begun, lambda: said, whole)

        def posted(channel: str) -> list[float]:
            # A thread has its message's id, and a message's id begins with the moment.
            own = [m["id"] for m in list(fake_discord.channels[channel].messages)]
            below = [m["id"] for id in own for m in list(_below(id)) if id in fake_discord.channels]
            return [((int(id) >> 22) + 1420070400000) / 1000 - offset for id in (*own, *below)]

        def _below(id: str) -> list[Any]:
            return fake_discord.channels[id].messages if id in fake_discord.channels else []

        yield Chatting(
            name="Discord",
            channels=names,
            settings={
                "DISCORD_TOKEN": "none",
                "DISCORD_API_URL": fake_discord.api,
                "DISCORD_GATEWAY_URL": fake_discord.gateway,
            },
            now=lambda channel: fake_discord.command(
                "digest now", {"profile": PROFILE.name}, channel=channel
            ),
            why=why,
            posted=posted,
            ready=lambda: bool(fake_discord.commands and fake_discord.connected_sessions),
            room=Address(platform="discord", workspace=GUILD_ID, channel=room),
        )


def _waited(begun: float, told: Callable[[], Sequence[Any]], whole: Callable[[], bool]) -> Why:
    while not told() and time.monotonic() - begun < 150:
        time.sleep(0.02)
    first = time.monotonic() - begun
    while not whole() and time.monotonic() - begun < 150:
        time.sleep(0.02)
    return Why(first, time.monotonic() - begun, _SAYS_WHY in str(told()))


def run(platforms: Sequence[str], count: int, seconds: float, home: Path) -> int:
    """Let so many channels of each platform ask, print what came of it, and return how many
    threads are wrong."""
    seen = Seen()
    today = new_york_date(datetime.now(UTC))
    today = weekday_before(today) if is_weekend(today) else today
    document = rss_feed(today, *((f"2503.{20000 + n}", "new", "cs.LG") for n in range(_LISTED)))

    def answer(path: str, body: bytes) -> HttpReply:
        time.sleep(_MODEL_SECONDS)
        form = json.loads(body)["response_format"]["json_schema"]["schema"]
        if "claims" in form["properties"]:
            return chat_reply(json.dumps(claims_for(json.loads(question_text(body)))))
        if len(about := requested_ids(body)) > 1:
            seen.scored.append(time.monotonic())
        return chat_reply(json.dumps(scores_for(about)))

    with ExitStack() as stack:
        chats = [
            stack.enter_context({"slack": on_slack, "discord": on_discord}[name](count))
            for name in platforms
        ]
        arxiv = stack.enter_context(run_fake_server(lambda path, body: xml_reply(document)))
        model = stack.enter_context(run_fake_server(answer))
        url = stack.enter_context(embedded(home))
        settings = environment(home, "", arxiv.url, model.url)
        if "slack" not in platforms:
            settings = {k: v for k, v in settings.items() if not k.startswith("SLACK")}
        for chatting in chats:
            settings |= chatting.settings
        redis = connect(url)
        _prepared(Store(redis), chats)
        log = home / "worker.log"
        stack.enter_context(_running("worker", settings, log))
        _until(lambda: b"workers started" in log.read_bytes())
        stack.enter_context(_running("bot", settings, home / "bot.log"))
        _until(lambda: all(chatting.ready() for chatting in chats))
        time.sleep(2)  # what a start costs is not what is measured
        redis.config_resetstat()
        _asked(chats, seconds, seen)
        took = time.monotonic() - seen.asked
        calls = {name[8:]: row["calls"] for name, row in redis.info("commandstats").items()}
        time.sleep(2)  # so that the last job says that it is done
        _shown(chats, seen, log.read_text(), len(arxiv.requests), redis)
        most = ", ".join(f"{n / took:.0f} {name}" for name, n in Counter(calls).most_common(6))
        print(f"Redis: {sum(calls.values()) / took:.0f} commands a second: {most}")
        return sum(_wrong(chatting, channel) for chatting in chats for channel in chatting.channels)


def _prepared(store: Store, chats: Sequence[Chatting]) -> None:
    """The profile, a list of the day before to ask about, and a channel on each platform to ask in,
    which has a subscription that is not due for days."""
    now = datetime.now(UTC)
    day = weekday_before(weekday_before(new_york_date(now)))
    store.profiles.put_shared(PROFILE)
    papers = [announced(f"2502.{10000 + n}") for n in range(_WHYS)]
    store.lists.add(str(day), listing(*papers, day=day), now)
    later = ((now.weekday() + 3) % 7,)
    for chatting in chats:
        schedule = Schedule(at=clock_time(9), tz="UTC", days=later)
        store.subscriptions.put(
            Subscription(
                address=chatting.room,
                profile=PROFILE.name,
                schedule=schedule,
                by="U1",
                since=now,
            )
        )


def _asked(chats: Sequence[Chatting], seconds: float, seen: Seen) -> None:
    """Everybody asks within half a second; then questions about papers until all is there."""
    everyone = [(chatting, name) for chatting in chats for name in chatting.channels]

    def asks(n: int, chatting: Chatting, name: str) -> None:
        time.sleep(_WITHIN * n / len(everyone))
        chatting.now(name)

    with ThreadPoolExecutor(len(everyone) + 40) as pool:
        seen.asked = time.monotonic()
        for n, (chatting, name) in enumerate(everyone):
            pool.submit(asks, n, chatting, name)
        turn = 0
        while time.monotonic() - seen.asked < seconds:
            time.sleep(max(0.0, seen.asked + turn + 1 - time.monotonic()))
            if all(chatting.whole(name) for chatting, name in everyone):
                break
            if turn < _WHYS:
                asked = chats[turn % len(chats)].why
                seen.whys.append(pool.submit(asked, f"2502.{10000 + turn}", turn))
            turn += 1


def _shown(chats: Sequence[Chatting], seen: Seen, log: str, asked: int, redis: Redis) -> None:
    kinds = Counter(json.loads(line)["event"] for line in log.splitlines() if line[:1] == "{")
    left = {
        key.rpartition(":")[2]: redis.llen(key)
        for key in sorted(redis.scan_iter("rq:queue:*"))
        if redis.type(key) == "list"
    }
    print(f"logged: {dict(kinds)}; still queued: {left}; arXiv was asked {asked} times")
    whys = [future.result() for future in seen.whys]
    firsts, lasts = sorted(why.first for why in whys), sorted(why.last for why in whys)
    good = sum(why.answered for why in whys)
    print(
        f"/why: {len(whys)} asked, {good} answered; first {_spread(firsts)}, last {_spread(lasts)}"
    )
    if seen.scored:
        print(f"the first scores came {seen.scored[0] - seen.asked:.1f} s after the first request")
    for chatting in chats:
        times = {name: chatting.posted(name) for name in chatting.channels}
        heads = sorted(min(at) for at in times.values() if at)
        whole = [name for name in chatting.channels if chatting.whole(name)]
        if not heads:
            print(f"{chatting.name}: nothing was posted")
            continue
        judged = max((at for at in seen.scored if at < heads[0]), default=seen.asked)
        last = max(max(at) for at in times.values() if at)
        slowest = max((times[n][-1] - times[n][0] for n in whole), default=0.0)
        print(
            f"{chatting.name}: {len(whole)} of {len(times)} whole; first head"
            f" {heads[0] - judged:.1f} s after the scores, last head {heads[-1] - judged:.1f},"
            f" last card {last - judged:.1f} ({(last - heads[0]) / _ALLOWED:.2f} of what is"
            f" allowed, from the first head); slowest thread {slowest:.1f} s"
        )


def _spread(seconds: Sequence[float]) -> str:
    of = len(seconds)
    return f"p50 {seconds[of // 2]:.1f} s, p99 {seconds[min(of - 1, of * 99 // 100)]:.1f} s"


def _wrong(chatting: Chatting, channel: str) -> bool:
    return len(chatting.posted(channel)) != _MESSAGES


@contextmanager
def _running(word: str, settings: dict[str, str], log: Path) -> Iterator[None]:
    process = start(word, settings, log)
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except Exception:
            process.kill()
            raise


def _until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "waited a minute in vain"
        time.sleep(0.1)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("which", nargs="*", default=["slack", "discord", "both"])
    options.add_argument("--channels", type=int, default=40)
    options.add_argument("--seconds", type=float, default=300.0)
    given = options.parse_args()
    wrong = 0
    for which in given.which:
        print(f"-- {given.channels} channels on {which}", flush=True)
        both = ["slack", "discord"] if which == "both" else [which]
        with tempfile.TemporaryDirectory() as folder:
            wrong += run(both, given.channels, given.seconds, Path(folder))
    sys.exit(1 if wrong else 0)
