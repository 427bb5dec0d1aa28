"""How long a stop takes in the middle of a thread and of a scoring call, and what it costs.

    python -m tests.benchmarks.bench_stop [--stops 10] [--mode MODE] [--seed 1] [--keep FOLDER]

Bot and workers are stopped by SIGTERM at random moments while a day is posted to three channels of
a loopback Slack that says a second and a half later that a message is there, and while a day of a
hundred papers is scored, one call of four seconds at a time; then they are started again. At the
end every thread has to be complete, in order, with nothing twice, and no paper may have been sent
to the model twice. A mode is `two` (bot and worker), `run` or `honcho`.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from statistics import median

from bot.domain.digest import ListQuery, Source
from bot.domain.papers import Cutoffs, Profile
from bot.store.connection import connect
from bot.store.store import Store
from tests.benchmarks.bench_deliver import environment, ids_in, thread_errors, wish
from tests.factories import profile
from tests.servers.arxiv_documents import rss_feed
from tests.servers.fake_http import HttpReply, requested_ids, run_fake_server, xml_reply
from tests.servers.fake_slack import Channel, FakeSlack, run_fake_slack
from tests.servers.model import answer
from workers.runtime.server import embedded

ROOT = Path(__file__).parents[2]
CHANNELS = ["C0", "C1", "C2"]
_PATIENCE = 120.0
_ANSWER_SECONDS, _CALL_SECONDS = 1.5, 4.0


@dataclass(frozen=True)
class Kind:
    """What is stopped: the papers of a day, and which of them are picked."""

    name: str
    papers: int
    profile: Profile

    def ids(self, day: int) -> list[str]:
        return [f"2503.{10000 + self.papers * (day + 1) - n - 1}" for n in range(self.papers)]

    def picked(self, day: int) -> list[str]:
        """Of ten by their scores, which fall with the last digit of an id."""
        ids = self.ids(day)
        return ids[:8] if self.papers == 10 else [id for id in sorted(ids) if id.endswith("9")]


THREAD = Kind("a thread", 10, profile(cutoffs=Cutoffs(relevance=3, novelty=1)))
SCORING = Kind("scoring", 100, profile(cutoffs=Cutoffs(relevance=10, novelty=1)))


@dataclass
class Installation:
    """What runs, and what was seen of it."""

    mode: str
    settings: dict[str, str]
    home: Path
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        python = [sys.executable, "-m", "workers"]
        commands = {
            "two": [[*python, "worker"], [*python, "bot"]],
            "run": [[*python, "run"]],
            "honcho": [[str(Path(sys.executable).parent / "honcho"), "start", "-d", str(ROOT)]],
        }[self.mode]
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        with (self.home / "log").open("ab") as log:
            self.running = [
                subprocess.Popen(
                    command,
                    env=self.settings | {"PATH": path, "PYTHONPATH": str(ROOT)},
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
                for command in commands
            ]

    def stop(self) -> float:
        """Seconds from SIGTERM until all have ended."""
        begun = time.monotonic()
        for process in self.running:
            process.send_signal(signal.SIGTERM)
        for process in self.running:
            process.wait(_PATIENCE)
        return time.monotonic() - begun


def measured(kind: Kind, mode: str, stops: int, dice: random.Random, home: Path) -> str:
    """Stop so often in the middle of this, and say what came of it. Raises AssertionError."""
    asked, took, unclear, day = Counter[str](), list[float](), 0, -1
    feed = [b""]

    def model(path: str, body: bytes) -> HttpReply:
        if b'"order"' not in body:
            asked.update(requested_ids(body))
            time.sleep(_CALL_SECONDS if kind is SCORING else 0)
        return answer(path, body)

    with (
        run_fake_slack() as slack,
        run_fake_server(lambda path, body: xml_reply(feed[0])) as arxiv,
        run_fake_server(model) as judge,
        embedded(home) as url,
    ):
        slack.rate_limit, slack.channels = 1.0, {name: Channel() for name in CHANNELS}
        slack.answers_after = _ANSWER_SECONDS
        settings = environment(home, slack.url, arxiv.url, judge.url)
        settings |= {"PAPERBOY_CALLS_AT_ONCE": "1", "PAPERBOY_SECOND_LOOK": "false"}
        store, it = Store(connect(url)), Installation(mode, settings, home)
        it.start()
        while len(took) < stops:
            day += 1
            when = date(2025, 3, 3) + timedelta(days=day)
            feed[0] = rss_feed(when, *((id, "new", "cs.LG") for id in kind.ids(day)))
            query = ListQuery(source=Source.ARXIV, categories=("cs.LG",), date=when)
            wish(store, CHANNELS, query, kind.profile)
            whole = _complete(slack, kind, day)
            while len(took) < stops and _goes_on(partial(_seen, kind, slack, asked), whole, dice):
                took.append(it.stop())
                unclear += _unclear(store)
                it.start()
            assert _until(whole), f"day {day} did not come: {home / 'log'}"
        time.sleep(3)
        it.stop()
        days = [_in_order(slack, kind.picked(n)) for n in range(day + 1)]
        for name in CHANNELS:
            assert not (found := thread_errors(slack.visible_messages(name), days)), found
    twice = sum(count > 1 for count in asked.values())
    return (
        f"{kind.name:>8} {mode:>6} {len(took):>5} {median(took):>6.1f} {max(took):>5.1f} "
        f"{day + 1:>4} {unclear:>8} {twice:>6}"
    )


def _goes_on(seen: Callable[[], int], whole: Callable[[], bool], dice: random.Random) -> bool:
    """Wait for a random moment after something more is under way; False when the day came first."""
    before = seen()
    _until(lambda: seen() > before or whole())
    if not whole():
        time.sleep(dice.uniform(0, 4))
    return not whole()


def _seen(kind: Kind, slack: FakeSlack, asked: Counter[str]) -> int:
    if kind is SCORING:
        return asked.total()
    return sum(len(channel.messages) for channel in slack.channels.values())


def _in_order(slack: FakeSlack, ids: list[str]) -> list[str]:
    """As the first channel has them: where scores tie the model says which comes first."""
    thread = slack.visible_messages("C0")
    replies = [found for found in thread if found.get("thread_ts", found["ts"]) != found["ts"]]
    shown = [id for message in replies for id in ids_in(message)]
    order = [id for id in dict.fromkeys(shown) if id in ids]
    return ids if len(ids) == 8 else order if set(order) == set(ids) else ids


def _complete(slack: FakeSlack, kind: Kind, day: int) -> Callable[[], bool]:
    due = (len(kind.picked(0)) + 1) * (day + 1)
    return lambda: all(len(slack.visible_messages(name)) >= due for name in CHANNELS)


def _unclear(store: Store) -> int:
    """Messages that were begun, and nobody wrote down whether they were sent."""
    keys: list[str] = list(store.redis.scan_iter("pb:outbox:*"))
    hashes: list[dict[str, str]] = [store.redis.hgetall(key) for key in keys]  # type: ignore[misc]
    rows = [json.loads(row) for found in hashes for slot, row in found.items() if slot != "#"]
    return sum(not row.get("message") and not row.get("refused") for row in rows)


def _until(happens: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if happens():
            return True
        time.sleep(0.02)
    return False


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--stops", type=int, default=10)
    options.add_argument("--mode", action="append", choices=("two", "run", "honcho"))
    options.add_argument("--kind", action="append", choices=("thread", "scoring"))
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--keep", type=Path)
    given = options.parse_args()
    print(
        "  stopped   mode stops median   max days  unclear  twice  (seconds to the end; messages;"
    )
    print("   papers sent to the model twice)")
    kinds = {"thread": THREAD, "scoring": SCORING}
    for each in given.mode or ("two", "run", "honcho"):
        for word in given.kind or kinds:
            with tempfile.TemporaryDirectory() as folder:
                place = (given.keep or Path(folder)) / f"{each}-{word}"
                place.mkdir(parents=True)
                dice = random.Random(given.seed)
                print(measured(kinds[word], each, given.stops, dice, place), flush=True)
