"""How long a full list takes from bytes to the store, and what each process weighs.

    python -m tests.benchmarks.bench_list [ENTRIES]

Prints a table; the ratio compares parsing alone with parsing and storing in the same run.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from datetime import UTC, date, datetime
from pathlib import Path

from bot.store.connection import connect
from bot.store.store import Store
from tests.servers.arxiv_documents import rss_feed
from workers.arxiv import feed
from workers.runtime.server import embedded

# As long as arXiv's own: the mean abstract of a day in cs.LG has about 1,300 characters.
_ABSTRACT = "We study a matter of some $\\alpha$-importance and prove that it is so. " * 18


def main(entries: int) -> None:
    """Parse and store a list of so many entries five times, each into an empty store."""
    rows = ((f"2503.{10000 + i}", "new", "cs.LG cs.AI stat.ML") for i in range(entries))
    document = rss_feed(date(2025, 3, 20), *rows).replace(b"About ", _ABSTRACT.encode() + b"About ")
    print(f"{entries} entries, {len(document) / 1e6:.1f} MB of RSS, on one core")
    print(f"{'run':>3} {'parse s':>8} {'store s':>8} {'both s':>8} {'both/parse':>10}")
    with tempfile.TemporaryDirectory() as folder, embedded(Path(folder)) as url:
        store = Store(connect(url))
        for run in range(1, 6):
            store.redis.flushall()
            start = time.perf_counter()
            listing = feed.parse_feed(document)
            parsed = time.perf_counter()
            store.lists.add("b", listing, datetime.now(UTC))
            stored = time.perf_counter()
            assert len(store.lists.batch("b").papers) == entries
            parse, both = parsed - start, stored - start
            print(f"{run:>3} {parse:>8.2f} {both - parse:>8.2f} {both:>8.2f} {both / parse:>10.2f}")
        memory = int(store.redis.info()["used_memory"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"this process at its peak {peak:.0f} MB; the server holds {memory / 1e6:.1f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
