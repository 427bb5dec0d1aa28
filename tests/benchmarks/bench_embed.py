"""How long a day's papers take to be embedded, in what memory.

    python -m tests.benchmarks.bench_embed [PAPERS.jsonl.gz]

PAPERS has a title and an abstract a line; the default is one of 450 beside the checkout, where
there is one. They are embedded as a SCORE job does it, by one thread, on a server of its own; then
once more, when all vectors are there.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from bot.store.connection import connect
from bot.store.papers import Vectors
from tests import external_file
from tests.factories import paper, profile
from workers.embedding.embeddings import Embeddings
from workers.runtime.server import embedded


def main(path: Path) -> None:
    """Print seconds, seconds of processor time and peak memory."""
    rows = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
    papers = [
        paper(f"2503.{number:05}", title=row["title"], abstract=row["abstract"])
        for number, row in enumerate(rows)
    ]
    with tempfile.TemporaryDirectory() as data, embedded(Path(data)) as url:
        redis = connect(url)
        for name in ("all made", "all kept"):
            clock, cpu = time.perf_counter(), time.process_time()
            found = Embeddings(Vectors(redis)).of(profile(), papers, patience=3600)
            seconds, worked = time.perf_counter() - clock, time.process_time() - cpu
            assert found
            memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(
                f"{len(papers)} papers, {name}: {seconds:.1f} s, {worked:.1f} s of processor time, "
                f"{worked / len(papers) * 1000:.0f} ms a paper, peak {memory:.0f} MB"
            )
        redis.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else external_file("data/day-450.jsonl.gz"))
