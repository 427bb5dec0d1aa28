"""Whether every channel gets its days complete, in order and once, while whole machines are lost.

    python -m tests.benchmarks.bench_failover HOW [--runs 10] [--seed 1] [--keep FOLDER]

Days of eight papers go to three channels of a loopback Slack and three of a loopback Discord, as in
chaos.py, from two hosts with a bot and workers each. When a day is half posted, this happens:

    primary   the database's primary is killed; three servers, watched by three sentinels
    silent    the primary stops answering for 20 s, and comes back when another has its place
    copies    both replicas stop hearing the primary for 2 s, and then it is killed
    host      the host that posts to Slack, or whose bot serves, loses its network and is killed
    cut       it is cut from everything for 40 s, and goes on living

Prints a table of seconds, and every difference; exits 1 where there is one. `host` and `cut` want
networks of their own (root, Linux, ip); without them, `host` kills process groups.
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import redis

from bot.store.connection import connect_briefly
from bot.store.store import Store
from tests.benchmarks.bench_deliver import environment, ids_in
from tests.benchmarks.chaos import Day
from tests.benchmarks.chaos_chats import Chat, request_day, run_discord_chat, run_slack_chat
from tests.benchmarks.hosts import Host, Network, has_networks
from tests.processes import descendants
from tests.servers.arxiv_documents import rss_feed
from tests.servers.fake_http import answer_with_scores, run_fake_server, xml_reply
from tests.servers.replicated import Replicated, run_replicated

HOWS = ("primary", "silent", "copies", "host", "cut")
# What is not there so long after is lost; what comes too late, or twice, has time to come.
_PATIENCE, _GRACE = 180.0, 5.0
_SILENT, _COPIES, _CUT = 20.0, 2.0, 40.0


@dataclass
class Run:
    """Seconds from the loss until the first message after it, and until all was there."""

    first: float
    whole: float


@dataclass
class Scene:
    """What a run consists of."""

    servers: Replicated
    hosts: list[Host]
    chats: list[Chat]
    store: Store
    days: list[Day]
    taken_over: list[float] = field(default_factory=list)

    def serving(self) -> Host | None:
        """The host whose bot serves."""
        with suppress(redis.RedisError):
            holder = str(self.store.redis.get("pb:lease:bot") or "").split("-")
            for host in self.hosts:
                own = len(holder) == 3 and int(holder[1]) in host.processes()
                if host.is_named(holder[0].partition(" ")[2]) if host.network else own:
                    return host
        return None

    def posted(self, day: Day) -> int:
        """How many messages of a day are there."""
        of_day = set(day.ids)
        shown = (m for c in self.chats for a in c.addresses for m in c.thread(a.channel)[-50:])
        return sum(bool(ids_in(message) & of_day) for message in shown)

    def is_whole(self, day: Day) -> bool:
        return self.posted(day) >= self.whole(day)

    def whole(self, day: Day) -> int:
        return (len(day.ids) + 1) * sum(len(chat.addresses) for chat in self.chats)

    def until(self, what: Callable[[], bool], seconds: float = _PATIENCE) -> bool:
        """Wait, while what ends by itself is started again; False when it takes too long."""
        end = time.monotonic() + seconds
        while not what():
            if time.monotonic() >= end:
                return False
            time.sleep(0.1)
        return True

    def poster(self) -> Host:
        """The host whose workers post to Slack now; the first where none does."""
        for host in self.hosts:
            pool = host.running["worker"].pid
            # Five workers, the tracker, where it is apart the pool itself, and horses.
            if len(descendants(pool)) > 6 + bool(host.network):
                return host
        return self.hosts[0]


def main(how: str, runs: int, seed: int, home: Path) -> int:
    """Print what came of so many losses, and return the exit status."""
    chance, days, program = random.Random(seed), list[Day](), shutil.which("redis-server") or ""
    with ExitStack() as stack:
        chats = [stack.enter_context(chat(chance)) for chat in (run_slack_chat, run_discord_chat)]
        arxiv = stack.enter_context(run_fake_server(lambda path, body: xml_reply(_feed(days[-1]))))
        model = stack.enter_context(run_fake_server(answer_with_scores))
        servers = stack.enter_context(run_replicated(home, 3, 3, program))
        settings = environment(home, "", arxiv.url, model.url) | {"REDIS_URL": servers.url}
        settings |= {"PAPERBOY_WATCH_PORT": "0", "PAPERBOY_MEANING": "false"}
        for chat in chats:
            settings |= chat.settings
        ports = {urlsplit(url).port for url in settings.values() if "127.0.0.1:" in url[:40]}
        ports = {port for port in ports if port} | {*servers.ports, *servers.sentinels}
        hosts = list[Host]()
        for name in ("a", "b"):
            network = None
            if how in ("host", "cut") and has_networks():
                network = Network(f"paperboy-{name}", sorted(ports))
                stack.enter_context(network.running())
            hosts.append(Host(name, home / name, settings, network))
        store = Store(stack.enter_context(connect_briefly(servers.url)))
        scene = Scene(servers, hosts, chats, store, days)
        stack.callback(lambda: [host.stop() for host in hosts])
        for host in hosts:
            host.start()
        assert scene.until(lambda: any("bot started" in host.says("bot") for host in hosts))
        day, found = _wish(scene), list[Run]()
        with _counted(scene):
            day, alone = _run(scene, day)
        for _ in range(runs):
            day, run = _run(scene, day, how)
            found.append(run)
        scene.until(lambda: scene.is_whole(day))
        time.sleep(_GRACE)
        differences = [fault for host in hosts for fault in host.faults]
        for chat in chats:
            differences += chat.differences([day.due for day in days])
        networks = " in networks of their own" if hosts[0].network else ""
        print(f"{how}: {runs} runs, seed {seed}, two hosts{networks}")
        print("undisturbed, from half to whole:", f"{alone.whole:.1f} s")
        print("seconds until the next message and until all is there, median and maximum;")
        print("until another bot serves, where the one that did was lost:")
        rows = [[run.first for run in found], [run.whole for run in found], scene.taken_over]
        for word, times in zip(("first", "whole", "bot"), rows, strict=True):
            if times:
                print(f"{word:>6} {len(times):>4} {median(times):>6.1f} {max(times):>6.1f}")
        met = {chat.name: dict(chat.faults_met()) for chat in chats}
        print("answers of the chats that were none:", met)
    print(*(differences or ["every channel complete, in order, nothing twice"]), sep="\n")
    return 1 if differences else 0


@contextmanager
def _counted(scene: Scene) -> Iterator[None]:
    """What one day asks of the database, while nothing is lost."""
    with scene.servers.client(scene.servers.primary()) as client:
        client.config_resetstat()
        before, begun = client.info(), time.monotonic()
        yield
        after, took = client.info(), time.monotonic() - begun
        said = {name[8:]: row["calls"] for name, row in client.info("commandstats").items()}
    cpu = sum(after[name] - before[name] for name in ("used_cpu_user", "used_cpu_sys"))
    asked = after["total_commands_processed"]
    messages = scene.whole(scene.days[0])
    print(
        f"{asked} commands in {took:.0f} s for {messages} messages, {cpu:.2f} s of processor time,"
    )
    print(f"{after['connected_clients']} clients, {after['used_memory'] / 1e6:.1f} MB;", said)


def _wish(scene: Scene) -> Day:
    """Every channel wishes for another day. While one is posted the bot looks twice a second."""
    day = Day(len(scene.days), time.monotonic())
    scene.days.append(day)

    def wished() -> bool:
        with suppress(redis.RedisError):  # as a person would, who is told that it failed
            request_day(scene.store, scene.chats, day.wanted)
            return True
        return False

    scene.until(wished)
    return day


def _run(scene: Scene, day: Day, how: str = "") -> tuple[Day, Run]:
    """One day and one loss, if any; returns the next day, which has been wished for."""
    half = scene.whole(day) // 2
    if not scene.until(lambda: scene.posted(day) >= half):
        scene.hosts[0].faults.append(f"day {day.number} did not begin")
    lost, before = time.monotonic(), scene.posted(day)
    mend = _lose(scene, how, day.number) if how else None
    scene.until(lambda: scene.posted(day) > before)
    first = time.monotonic() - lost
    scene.until(lambda: scene.is_whole(day))
    found = Run(first, time.monotonic() - lost)
    print(f"day {day.number}: {found.first:.1f} {found.whole:.1f}", flush=True)
    if mend and how in ("silent", "cut"):  # it is over by itself, after the day
        mend()
        return _wish(scene), found
    following = _wish(scene)
    if mend:
        mend()
    return following, found


def _lose(scene: Scene, how: str, number: int) -> Callable[[], None]:
    """Lose something; returns what puts it right after the day."""
    servers, back = scene.servers, None
    primary = servers.primary()
    if how in ("host", "cut"):
        return _lose_host(scene, how, number)
    others = [port for port in servers.ports if port != primary]
    if how == "silent":
        servers.kill(primary, signal.SIGSTOP)
        back = threading.Timer(_SILENT, servers.kill, (primary, signal.SIGCONT))
        back.start()
    elif how == "copies":
        for port in others:
            servers.kill(port, signal.SIGSTOP)
        time.sleep(_COPIES)
        servers.kill(primary)
        for port in others:
            servers.kill(port, signal.SIGCONT)
    else:
        servers.kill(primary)

    def mend() -> None:
        if back:
            back.join()
        now = servers.primary()
        if primary not in servers.running:
            servers.start(primary, now)
        assert scene.until(lambda: servers.is_copied(servers.primary()))

    return mend


def _lose_host(scene: Scene, how: str, number: int) -> Callable[[], None]:
    serving, begun, back = scene.serving(), time.monotonic(), None
    host = scene.poster() if number % 2 or serving is None else serving
    if how == "host":
        host.kill()
    elif host.network:
        host.network.cut()
        back = threading.Timer(_CUT, host.network.mend)
        back.start()
    if host is serving:
        scene.until(lambda: scene.serving() not in (None, host))
        scene.taken_over.append(time.monotonic() - begun)

    def mend() -> None:
        if back:
            back.join()
        if how == "host":
            if host.network:
                host.network.mend(after_death=True)
            before = host.says("worker").count("workers started")
            host.start()
            scene.until(lambda: host.says("worker").count("workers started") > before)

    return mend


def _feed(day: Day) -> bytes:
    return rss_feed(day.date, *((id, "new", "cs.LG") for id in day.ids))


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("how", choices=HOWS)
    options.add_argument("--runs", type=int, default=10)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--keep", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (given.keep or Path(folder)).mkdir(parents=True, exist_ok=True)
        sys.exit(main(given.how, given.runs, given.seed, given.keep or Path(folder)))
