"""Whether every channel gets its days complete, in order and once, while anything may be killed.

    python -m tests.benchmarks.chaos [--kills 100] [--seed 1] [--every 10] [--keep FOLDER]

Days of eight papers go to three channels of a loopback Slack and three of a loopback Discord (at
their rate limits, and at random a lost reply, a fault or a 429) by the real bot, workers and
embedded server, whose processes are killed (SIGKILL) about every EVERY seconds and started again as
a supervisor would. Every third day grows by two papers while it is being posted, and is judged
again; of every third a head is deleted by hand in one channel; some heads may not be changed.
The seed decides what is killed and what fails; when it happens depends on the machine. Exits 1 with
every difference. FOLDER keeps what the processes said.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from math import inf
from pathlib import Path
from statistics import median

import redis

from bot.domain.digest import ListQuery, Source
from bot.domain.request import Address, delivery_name
from bot.runtime.posting import HEAD
from bot.store.connection import connect_briefly
from bot.store.outbox import Outbox
from bot.store.store import Store
from tests.benchmarks.bench_deliver import PROFILE, environment, ids_in, start, work_horses
from tests.benchmarks.chaos_chats import (
    Chat,
    ExpectedDay,
    request_day,
    run_discord_chat,
    run_slack_chat,
)
from tests.factories import announced, listing
from tests.processes import children_by_parent, is_alive
from tests.servers.arxiv_documents import rss_feed
from tests.servers.fake_http import answer_with_scores, run_fake_server, xml_reply
from tests.servers.fake_slack import Json
from workers.runtime.server import embedded

# What a day has, and how many come to it while it is being posted.
_PAPERS, _MORE = 8, 2
_KINDS = ("pool", "worker", "horse", "bot", "server")
# What is not there so long after the wish or the last kill, or after nobody waits for it, is lost.
_PATIENCE, _GRACE = 240.0, 10.0
# An orphaned worker that is idle looks for its parent every few seconds.
_ORPHANS_SECONDS = 30.0
# Messages of a channel: more than the days have that can be under way together.
_NEWEST = 50


@dataclass
class Day:
    """One day's papers, when its channels wished for them, and when they were complete."""

    number: int
    wished: float
    given: float | None = None
    done: float | None = None
    grown: bool = False
    listed: bool = False
    erased: set[Address] = field(default_factory=set)

    @property
    def date(self) -> date:
        return date(2025, 3, 3) + timedelta(days=self.number)

    @property
    def ids(self) -> list[str]:
        """In the order in which they are posted: the model's scores fall with the last digit."""
        papers = _PAPERS + _MORE * self.grown
        return [f"2503.{10009 + 10 * self.number - n}" for n in range(papers)]

    @property
    def due(self) -> ExpectedDay:
        return ExpectedDay(self.ids, _PAPERS, self.erased)

    @property
    def wanted(self) -> ListQuery:
        return ListQuery(source=Source.ARXIV, categories=PROFILE.categories, date=self.date)


@dataclass
class Kill:
    """What was killed, when, and the days that were under way."""

    kind: str
    at: float
    days: list[Day]

    @property
    def recovered(self) -> float:
        """Seconds until those days were complete."""
        return max([day.done or inf for day in self.days], default=self.at) - self.at


@dataclass
class Supervisor:
    """Keeps the bot, the worker and the server running, and kills them."""

    home: Path
    settings: dict[str, str]
    stack: ExitStack
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)

    def serve(self) -> None:
        """Start the server, or join it."""
        self.client = connect_briefly(self.stack.enter_context(embedded(self.home)))
        self.store = Store(self.client)

    def look(self) -> None:
        """Start what is not running."""
        for word in ("worker", "bot"):
            process = self.running.get(word)
            if process is None or process.poll() is not None:
                if process is not None and process.returncode != -signal.SIGKILL:
                    self.faults.append(f"{word} ended by itself with {process.returncode}")
                self.running[word] = start(word, self.settings, self.home / f"{word}.log")
        # Only what lives: a run is long enough for the machine to give a process's id to another.
        self.seen = {pid for pid in self.seen if is_alive(pid)}
        self.seen |= {*self.victims("pool"), *self.victims("worker"), *self.victims("horse")}

    def victims(self, kind: str) -> list[int]:
        pool = self.running["worker"].pid
        match kind:
            case "worker":
                return children_by_parent().get(pool, [])
            case "horse":
                return work_horses(pool)
            case "server":
                with suppress(redis.RedisError):
                    return [int(self.client.info("server")["process_id"])]
                return []
        return [pool if kind == "pool" else self.running["bot"].pid]

    def kill(self, kind: str, pid: int) -> None:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if kind in ("pool", "bot"):
            self.running["worker" if kind == "pool" else "bot"].wait()
        if kind == "server":
            while is_alive(pid):
                time.sleep(0.01)
            self.serve()

    def stop(self) -> None:
        """Stop all; processes that stay behind are a fault."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            process.wait(60)
        end = time.monotonic() + _ORPHANS_SECONDS
        while (left := [pid for pid in self.seen if is_alive(pid)]) and time.monotonic() < end:
            time.sleep(0.2)
        self.faults += [f"process {pid} stayed behind" for pid in left]
        for pid in left:
            os.kill(pid, signal.SIGKILL)


def main(most: int, seed: int, every: float, home: Path) -> int:
    """Kill so often, print what came of it, and return the exit status."""
    chance, days, begun = random.Random(seed), list[Day](), time.monotonic()
    with ExitStack() as stack:
        chats = [stack.enter_context(chat(chance)) for chat in (run_slack_chat, run_discord_chat)]
        arxiv = stack.enter_context(
            run_fake_server(lambda path, body: xml_reply(_document(days[-1])))
        )
        model = stack.enter_context(run_fake_server(answer_with_scores))
        settings = environment(home, "", arxiv.url, model.url)
        for chat in chats:
            settings |= chat.settings
        house = Supervisor(home, settings, stack)
        house.serve()
        kills = _killed(most, every, chance, house, chats, days)
        _shown(seed, time.monotonic() - begun, kills, days, chats)
        house.stop()
        differences = list(house.faults)
        for chat in chats:
            differences += chat.differences([day.due for day in days])
    print(*(differences or ["every channel complete, in order, nothing twice"]), sep="\n")
    return 1 if differences else 0


def _killed(
    most: int,
    every: float,
    chance: random.Random,
    house: Supervisor,
    chats: list[Chat],
    days: list[Day],
) -> list[Kill]:
    kills, due = list[Kill](), time.monotonic() + every
    while True:
        house.look()
        now = time.monotonic()
        with suppress(redis.RedisError):
            _looked(days, house.store, chats, now)
            for day in days[-1:]:
                _disturbed(day, house.store, chats, chance)
            # The next day is wished for when this one is all but there: a busy bot looks at once.
            if len(kills) < most and _nearly(days, chats):
                days.append(Day(len(days), now))
                request_day(house.store, chats, days[-1].wanted)
        under_way = [day for day in days if day.done is None]
        last = max([now - _PATIENCE, *(d.wished for d in under_way), *(k.at for k in kills)])
        if (len(kills) >= most and not under_way) or now - last >= _PATIENCE:
            time.sleep(_GRACE)  # whatever comes too late, or twice, has time to come
            return kills
        if len(kills) < most and now >= due:
            kind = chance.choice([kind for kind in _KINDS if house.victims(kind)])
            if pids := house.victims(kind):
                print(f"{datetime.now(UTC):%H:%M:%S} kill {len(kills) + 1}: {kind}", flush=True)
                kills.append(Kill(kind, now, under_way))
                house.kill(kind, chance.choice(pids))
            due = time.monotonic() + chance.uniform(0.2, 1.8) * every
        time.sleep(0.1)


def _looked(days: list[Day], store: Store, chats: list[Chat], now: float) -> None:
    """A day is done when nobody waits for it any more; differences() finds what it lacks."""
    waited = {request.wanted for request in store.requests.all()}
    for day in days:
        if day.done is None and day.wanted not in waited:
            day.given = day.given or now
            if _posted(day, chats, len(day.ids) + 1) or now - day.given > _GRACE:
                day.done = now


def _disturbed(day: Day, store: Store, chats: list[Chat], chance: random.Random) -> None:
    """While a day is being posted it is judged again, or somebody deletes its head."""
    there = {a: _count(day, c.thread(a.channel)[-_NEWEST:]) for c in chats for a in c.addresses}
    waiting = {
        request.address: request for request in store.requests.all() if request.wanted == day.wanted
    }
    list_result = store.lists.result(day.wanted)
    if list_result is None or not list_result.batch:
        return
    begun = 0 < max(there.values()) <= _PAPERS // 2
    if day.number % 3 == 0 and begun and waiting.keys() == there.keys():
        day.grown = True
    if day.grown and not day.listed:  # repeated when the server was killed in between
        extra = [announced(id) for id in day.ids[_PAPERS:]]
        now = datetime.now(UTC)
        changed = store.lists.add(list_result.batch, listing(*extra, day=day.date), now)
        store.lists.put_result(day.wanted, list_result.model_copy(update={"changed_at": changed}))
        day.listed = True
    if day.number % 3 == 1 and not day.erased and max(there.values()) > day.number % 4:
        chat = chance.choice(chats)
        address = chance.choice([a for a in chat.addresses if there[a]] or chat.addresses)
        if request := waiting.get(address):
            outbox = Outbox(store.trips, delivery_name(request, list_result))
            if (head := outbox.entry(HEAD)) and head.message:
                day.erased.add(address)
                chat.erase(address.channel, head.message)


def _count(day: Day, messages: list[Json]) -> int:
    of_day = set(day.ids)
    return sum(bool(ids_in(message) & of_day) for message in messages)


def _nearly(days: list[Day], chats: list[Chat]) -> bool:
    return all(day.done or _posted(day, chats, len(day.ids)) for day in days)


def _posted(day: Day, chats: list[Chat], most: int) -> bool:
    """Whether so many messages about this day's papers are in every channel."""
    newest = [c.thread(a.channel)[-_NEWEST:] for c in chats for a in c.addresses]
    return all(_count(day, messages) >= most for messages in newest)


def _document(day: Day) -> bytes:
    return rss_feed(day.date, *((id, "new", "cs.LG") for id in day.ids))


def _shown(seed: int, took: float, kills: list[Kill], days: list[Day], chats: list[Chat]) -> None:
    print(f"seed {seed}, {took:.0f} s, {len(days)} days, {len(kills)} kills")
    grown, erased = sum(day.grown for day in days), sum(len(day.erased) for day in days)
    print(f"{grown} days judged again while they were posted, {erased} heads deleted by hand")
    for chat in chats:
        there = sum(len(chat.thread(address.channel)) for address in chat.addresses)
        print(
            f"{chat.name}: {there} messages in {len(chat.addresses)} channels,",
            dict(chat.faults_met()),
        )
    print("seconds from a kill until all days under way were complete, median and maximum:")
    for kind in (*_KINDS, "all"):
        times = [kill.recovered for kill in kills if kind in (kill.kind, "all") and kill.days]
        if times:
            print(f"{kind:>8} {len(times):>4} {median(times):>7.1f} {max(times):>7.1f}")
    whole = [day.done - day.wished for day in days if day.done]
    if whole:
        print(f"from a wish to the end of its day: {median(whole):.1f} and {max(whole):.1f} s")


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--kills", type=int, default=100)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--every", type=float, default=10.0, help="seconds, on average")
    options.add_argument("--keep", type=Path)
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        (given.keep or Path(folder)).mkdir(parents=True, exist_ok=True)
        sys.exit(main(given.kills, given.seed, given.every, given.keep or Path(folder)))
