"""A whole morning: one list of 450 papers, fifty profiles, both chats; what each process takes.

    python -m tests.benchmarks.bench_morning [--workers 2] [--profiles 50] [--papers 450] [CHANNELS]

Every channel, half of them on each chat, has wished for its profile's day when the bot starts: the
real bot, workers and embedded server, with arXiv, a model that answers at once, Slack (one message
a second and channel) and Discord (five in five) on loopback in this process. A thread is a head and
eight cards. Exits 1 when a thread is not complete, the list was asked for twice, or a paper was
scored twice for one profile. Processor time is sampled from /proc, so this runs on Linux only.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from bot.arxiv.calendar import is_weekend, new_york_date, weekday_before
from bot.domain.digest import ListQuery, Source
from bot.domain.judge import Judge
from bot.domain.papers import Cutoffs, Profile, Topic
from bot.domain.request import DigestRequest
from bot.settings import Settings
from bot.store.connection import connect
from bot.store.queues import QUEUES
from bot.store.store import Store
from tests.benchmarks.bench_burst import Chatting, on_discord, on_slack
from tests.benchmarks.bench_deliver import environment, processor_seconds, running, until
from tests.factories import profile
from tests.processes import children_by_parent
from tests.servers.arxiv_documents import rss_feed
from tests.servers.fake_http import (
    HttpReply,
    answer_with_scores,
    requested_ids,
    run_fake_server,
    xml_reply,
)
from workers.runtime.server import embedded

_SHOWN, _PATIENCE, _SAMPLES = 8, 900.0, 0.2


def main(channels: int, profiles: int, papers: int, workers: int) -> int:
    """Run one morning, print what came of it, and return how much of it is wrong."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home, asked = Path(folder), Counter[str]()
        chats = [stack.enter_context(on(channels // 2)) for on in (on_slack, on_discord)]
        today = new_york_date(datetime.now(UTC))
        today = weekday_before(today) if is_weekend(today) else today
        document = rss_feed(today, *((f"2503.{20000 + n}", "new", "cs.LG") for n in range(papers)))

        def answer(path: str, body: bytes) -> HttpReply:
            about = requested_ids(body)
            asked.update({"calls": 1, "scores": len(about)})
            return answer_with_scores(path, body)

        arxiv = stack.enter_context(run_fake_server(lambda path, body: xml_reply(document)))
        model = stack.enter_context(run_fake_server(answer))
        url = stack.enter_context(embedded(home))
        settings = environment(home, "", arxiv.url, model.url) | {"REDIS_URL": url}
        for chatting in chats:
            settings |= chatting.settings
        store = Store(connect(url))
        _wish(store, chats, profiles)
        log, pools = home / "worker.log", list[int]()
        for _ in range(workers):
            pools.append(stack.enter_context(running("worker", settings, log)))
        until(lambda: log.read_bytes().count(b"workers started") == workers)
        until(lambda: store.redis.scard("rq:workers") == workers * len(QUEUES))
        begun = time.monotonic()
        bot = stack.enter_context(running("bot", settings, home / "bot.log"))
        database = int(store.redis.info("server")["process_id"])
        spent = _Spent(pools, {bot: "bot", database: "database"})
        stack.callback(spent.end)
        waiting = lambda: len(store.requests.all())  # noqa: E731
        until(lambda: not waiting(), pause=1.0, patience=_PATIENCE)
        whole = sum(chatting.whole(name) for chatting in chats for name in chatting.channels)
        posted = [at for chatting in chats for c in chatting.channels for at in chatting.posted(c)]
        spent.end()
        events = Counter(
            json.loads(line)["event"] for line in log.read_text().splitlines() if line[:1] == "{"
        )
    messages, lists = len(posted), sum("/rss" in path for path, _ in arxiv.requests)
    print(f"{channels} channels, {profiles} profiles, {papers} papers, {workers} workers")
    print(
        f"{whole} threads whole, {messages} messages; first after {min(posted) - begun:.1f} s,"
        f" last after {max(posted) - begun:.1f} s"
    )
    print(f"list asked for {lists} times, arXiv {len(arxiv.requests)}, the model {dict(asked)}")
    print(f"logged: {dict(events.most_common(8))}")
    for name, seconds in spent.by_kind().items():
        print(f"{name:>14} {seconds:7.1f} s, {1000 * seconds / messages:.2f} ms a message")
    twice = asked["scores"] > 2 * profiles * papers
    return (lists != 1) + twice + (whole != channels // 2 * 2)


def _wish(store: Store, chats: list[Chatting], profiles: int) -> None:
    """Every channel wants the day of its profile; those of one profile are on both chats."""
    known = [store.profiles.put(_profile(n)) for n in range(profiles)]
    judge, since = Judge(model=Settings.model_fields["model"].default), datetime.now(UTC)
    query = ListQuery(source=Source.ARXIV, categories=("cs.LG",))
    for chatting in chats:
        for n, name in enumerate(chatting.channels):
            address = chatting.room.model_copy(update={"channel": name})
            store.requests.put(
                DigestRequest(
                    profile=known[n % profiles],
                    wanted=query,
                    judge=judge,
                    address=address,
                    since=since,
                )
            )


def _profile(number: int) -> Profile:
    topic = Topic(name=f"Matter {number}", relevant="Studies of the matter.", irrelevant="Dust.")
    limits = Cutoffs(relevance=7, novelty=1)
    name, title = f"matters-{number}", f"Matters {number}"
    return profile(name=name, title=title, topics=(topic,), cutoffs=limits, maximum=_SHOWN)


class _Spent:
    """The processor time of a pool's workers and what they start, by queue, and of others."""

    def __init__(self, pools: list[int], others: dict[int, str]) -> None:
        self._pools, self._others = pools, others
        self._last: dict[int, tuple[str, float]] = {}
        self._own, self._ended = time.process_time(), threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def end(self) -> None:
        if not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            self._own = time.process_time() - self._own

    def by_kind(self) -> dict[str, float]:
        found = Counter[str]()
        for kind, seconds in self._last.values():
            found[kind] += seconds
        return dict(found.most_common()) | {"chats, arXiv, model": self._own}

    def _run(self) -> None:
        while not self._ended.wait(_SAMPLES):
            known = children_by_parent()
            kinds = dict(self._others)
            for pool in self._pools:
                for queue, worker in zip(QUEUES, sorted(known.get(pool, ())), strict=False):
                    kinds |= dict.fromkeys([worker, *known.get(worker, ())], queue)
            for pid, kind in kinds.items():
                if seconds := processor_seconds(pid):
                    self._last[pid] = (kind, seconds)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_morning")
    options.add_argument("channels", type=int, nargs="?", default=300)
    options.add_argument("--workers", type=int, default=2)
    options.add_argument("--profiles", type=int, default=50)
    options.add_argument("--papers", type=int, default=450)
    given = options.parse_args()
    sys.exit(main(given.channels, given.profiles, given.papers, given.workers) > 0)
