"""How long many channels wait for one day, and what the DELIVER job that serves them all takes.

    python -m tests.benchmarks.bench_deliver [--workers N] [CHANNELS ...]

Every channel has wished for one profile's day at one moment when the bot starts: the real bot,
worker and embedded server, with arXiv, a model and Slack (one message a second and channel) on
loopback in this process. `ratio` is the time from the first message to the last over
the 8 s that nine messages need at that rate. Of several `paperboy worker`, which share the
deliveries, DELIVER's processor time is the sum and its memory the most; this process is Slack.
They are sampled from /proc, so this runs on Linux only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from datetime import UTC, date, datetime
from pathlib import Path

from bot.domain.digest import ListQuery, Source
from bot.domain.judge import Judge
from bot.domain.papers import Cutoffs, Profile
from bot.domain.request import Address, DigestRequest
from bot.settings import Settings
from bot.store.connection import connect
from bot.store.queues import QUEUES
from bot.store.store import Store
from tests.factories import profile
from tests.processes import children_by_parent
from tests.servers.arxiv_documents import rss_feed
from tests.servers.fake_http import answer_with_scores, run_fake_server, xml_reply
from tests.servers.fake_slack import Channel, FakeSlack, Json, run_fake_slack
from workers.runtime.server import embedded

# Everything that is announced is picked, in this order: the loopback model's scores are from 10
# down to 3 for these ids.
PROFILE = profile(cutoffs=Cutoffs(relevance=1, novelty=1))
_IDS = [f"2503.1000{n}" for n in range(9, 1, -1)]
_MESSAGES = len(_IDS) + 1
_ALLOWED = _MESSAGES - 1.0
_PATIENCE = 180.0
_SAMPLES = 0.1
_TICKS = os.sysconf("SC_CLK_TCK")


def main(counts: list[int], workers: int) -> None:
    """Deliver to so many channels, each time on an installation of its own, and print a table."""
    print_heading()
    for count in counts:
        print(measured(count, workers=workers), flush=True)


def print_heading() -> None:
    """What the columns of measured() are."""
    print(f"{_MESSAGES} messages a channel, one a second and channel allowed: {_ALLOWED:.0f} s")
    print(
        "                                first to last           DELIVER      Slack's  database's"
    )
    print("channels digests messages  429s      s  ratio  slowest  CPU s  MB    CPU s    CPU s")


def measured(
    count: int,
    beside: Callable[[str], AbstractContextManager[object]] = nullcontext,
    workers: int = 1,
) -> str:
    """Deliver to so many channels on an installation of its own, with what is done `beside` it from
    the bot's start on, given the address of its database."""
    with tempfile.TemporaryDirectory() as folder:
        return _measured(count, Path(folder), beside, workers)


def environment(home: Path, slack_api: str, arxiv: str, model: str) -> dict[str, str]:
    """The settings of an installation among servers on loopback, none of them by a proxy."""
    kept = {name: value for name, value in os.environ.items() if "proxy" not in name.lower()}
    kept.pop("REDIS_URL", None)
    return kept | {
        "PAPERBOY_DATA_DIR": str(home),
        "ARXIV_RSS_URL": f"{arxiv}/rss",
        "ARXIV_API_URL": f"{arxiv}/api",
        "OPENAI_BASE_URL": f"{model}/v1",
        "OPENAI_API_KEY": "sk-none",
        "SLACK_API_URL": slack_api,
        "SLACK_BOT_TOKEN": "xoxb-none",
        "SLACK_APP_TOKEN": "xapp-none",
    }


def start(word: str, settings: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    """Run `paperboy WORD`; what it says is added to a file."""
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", "workers", word],
            env=settings,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )


def wish(store: Store, names: list[str], query: ListQuery, wanted: Profile = PROFILE) -> None:
    """Every channel wishes for this day at the same moment."""
    profile, since = store.profiles.put(wanted), datetime.now(UTC)
    judge = Judge(model=Settings.model_fields["model"].default)
    for name in names:
        address = Address(platform="slack", workspace="T1", channel=name)
        store.requests.put(
            DigestRequest(profile=profile, wanted=query, judge=judge, address=address, since=since)
        )


def work_horses(pid: int) -> list[int]:
    """A pool's work horses."""
    known = children_by_parent()
    return [horse for worker in known.get(pid, ()) for horse in known.get(worker, ())]


def thread_errors(thread: list[Json], days: list[list[str]], least: int | None = None) -> list[str]:
    """What is wrong with a channel's messages, in words, when it should have a thread for each
    day, with a reply for each of its papers (ids) in their order. A head names them all, or the
    first `least` ones at least."""
    replies = [m for m in thread if m.get("thread_ts", m["ts"]) != m["ts"]]
    heads = [m for m in thread if m not in replies]
    keys = Counter(m.get("metadata", {}).get("event_payload", {}).get("key") for m in thread)
    said = Counter((m["text"], m["thread_ts"] if m in replies else "") for m in thread)
    found = [f"{n} messages with the key {key}" for key, n in keys.items() if n > 1]
    found += [f"{n} times: {text[:80]!r}" for (text, _), n in said.items() if n > 1]
    found += [f"unexpected: {m['text'][:80]!r}" for m in thread if not ids_in(m)]
    for ids in days:
        threads = [m["ts"] for m in heads if set(ids[:least]) <= ids_in(m) <= set(ids)]
        if len(threads) != 1:
            found.append(f"{len(threads)} heads for {ids[0]}")
        for ts in threads:
            order = [id for m in replies if m["thread_ts"] == ts for id in ids_in(m)]
            if order != ids:
                found.append(f"replies {order} instead of {ids}")
    return found


def ids_in(message: Json) -> set[str]:
    """The papers a message is about."""
    shown = json.dumps([message.get("text"), message.get("blocks")])
    return set(re.findall(r"2503\.\d{5}", shown))


@contextmanager
def running(word: str, settings: dict[str, str], log: Path) -> Iterator[int]:
    """While it lasts, `paperboy WORD` runs, and what it says is added to a file; its process."""
    process = start(word, settings, log)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)


def _measured(
    count: int, home: Path, beside: Callable[[str], AbstractContextManager[object]], workers: int
) -> str:
    document, log = rss_feed(date(2025, 3, 20), *((i, "new", "cs.LG") for i in _IDS)), home / "log"
    with (
        run_fake_slack() as fake_slack,
        run_fake_server(lambda path, body: xml_reply(document)) as arxiv,
        run_fake_server(answer_with_scores) as model,
        embedded(home) as url,
    ):
        fake_slack.rate_limit = 1.0
        fake_slack.channels = {f"C{n}": Channel() for n in range(count)}
        store = Store(connect(url))
        wish(
            store,
            list(fake_slack.channels),
            ListQuery(source=Source.ARXIV, categories=("cs.LG",)),
        )
        settings = environment(home, fake_slack.url, arxiv.url, model.url)
        if workers > 1:
            settings["REDIS_URL"] = url
        with ExitStack() as stack:
            pools = [stack.enter_context(running("worker", settings, log)) for _ in range(workers)]
            until(lambda: log.read_bytes().count(b"workers started") == workers)
            until(lambda: store.redis.scard("rq:workers") == workers * len(QUEUES))
            with beside(url), running("bot", settings, home / "bot.log"):
                database = int(store.redis.info("server")["process_id"])
                its = processor_seconds(database) or 0.0
                spent = _sampled(pools, lambda: _all_posted(fake_slack, store, count))
                its = (processor_seconds(database) or 0.0) - its
        posted: dict[str, list[float]] = {name: [] for name in fake_slack.channels}
        for call in fake_slack.calls:
            if call.method == "chat.postMessage" and call.error is None:
                posted[call.arguments["channel"]].append(call.at)
        refused = sum(call.error == "ratelimited" for call in fake_slack.calls)
    for name in fake_slack.channels:
        assert not (found := thread_errors(fake_slack.visible_messages(name), [_IDS])), (
            f"{name}: {found}"
        )
    digests = sum('"posted"' in line for line in log.read_text().splitlines())
    took = max(map(max, posted.values())) - min(map(min, posted.values()))
    slowest = max(times[-1] - times[0] for times in posted.values())
    cpu, peak, own = spent
    shown = f"{count:>8} {digests:>7} {count * _MESSAGES:>9} {refused:>5}"
    shown += f" {took:>6.2f} {took / _ALLOWED:>6.2f} {slowest:>8.2f}"
    return f"{shown} {cpu:>6.1f} {peak:>3.0f} {own:>8.1f} {its:>8.1f}"


def _all_posted(fake_slack: FakeSlack, store: Store, count: int) -> bool:
    posted = sum(len(channel.messages) for channel in fake_slack.channels.values())
    return posted >= count * _MESSAGES and not store.requests.all()


def _sampled(pools: list[int], done: Callable[[], bool]) -> tuple[float, float, float]:
    """Processor seconds and peak megabytes of each pool's last work horse, and this process's
    seconds, until something is done."""
    last: dict[int, tuple[int, float, float]] = {}
    own, turn = time.process_time(), 0

    def looked() -> bool:
        nonlocal turn
        turn += 1
        for pool in pools:
            for horse in work_horses(pool):
                if found := _proc(horse):
                    last[pool] = (horse, *found)
        return turn % 5 == 0 and done()

    until(looked, _SAMPLES)
    spent, peaks = [row[1] for row in last.values()], [row[2] for row in last.values()]
    return sum(spent), max(peaks), time.process_time() - own


def processor_seconds(pid: int) -> float | None:
    """Of a process; None when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _proc(pid: int) -> tuple[float, float] | None:
    """Processor seconds and peak megabytes of a process; None when it is gone, or as good as."""
    try:
        peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    except (FileNotFoundError, ProcessLookupError):
        return None
    seconds = processor_seconds(pid)
    return None if peak is None or seconds is None else (seconds, int(peak[1]) / 1024)


def until(what: Callable[[], bool], pause: float = 0.1, patience: float = _PATIENCE) -> None:
    """Look again after each pause; a benchmark that has waited for so long (s) ends."""
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end, f"waited {patience:.0f} s in vain"
        time.sleep(pause)


if __name__ == "__main__":
    options = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_deliver")
    options.add_argument("channels", type=int, nargs="*", default=[1, 10, 100, 300])
    options.add_argument("--workers", type=int, default=1)
    given = options.parse_args()
    main(given.channels, given.workers)
