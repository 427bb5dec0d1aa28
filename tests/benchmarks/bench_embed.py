"""How long a day's papers take to be embedded, in what memory, and whether posting waits for it.

    python -m tests.benchmarks.bench_embed [PAPERS.jsonl.gz]

PAPERS has a title and an abstract a line; the default is one of 450 beside the checkout, where
there is one. They are embedded as a SCORE job does it, by one thread, on a server of its own; then
once more, when all vectors are there. Then a digest is posted to ten channels three times
(bench_deliver), alone and while another worker embeds the papers. Linux only.
"""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from bot.store.connection import connect
from bot.store.papers import Vectors
from tests import external_file
from tests.benchmarks import bench_deliver
from tests.factories import paper, profile
from workers.embedding.embeddings import Embeddings
from workers.runtime.server import embedded

_CHANNELS, _TIMES = 10, 3


def main(path: Path) -> None:
    """Print seconds, seconds of processor time and peak memory, then how long posting takes."""
    with tempfile.TemporaryDirectory() as data, embedded(Path(data)) as url:
        for name in ("all made", "all kept"):
            embed(path, url, name)
    bench_deliver.print_heading()
    for _ in range(_TIMES):
        print(bench_deliver.measured(_CHANNELS), "alone", flush=True)
        print(bench_deliver.measured(_CHANNELS, partial(_embedding, path)), "beside", flush=True)


def embed(path: Path, url: str, name: str) -> None:
    """Embed the papers of a file as the worker on a database does."""
    rows = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
    papers = [
        paper(f"2503.{number:05}", title=row["title"], abstract=row["abstract"])
        for number, row in enumerate(rows)
    ]
    redis = connect(url)
    clock, cpu = time.perf_counter(), time.process_time()
    found = Embeddings(Vectors(redis)).of(profile(), papers, patience=3600)
    seconds, worked = time.perf_counter() - clock, time.process_time() - cpu
    assert found
    redis.close()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{len(papers)} papers, {name}: {seconds:.1f} s, {worked:.1f} s of processor time, "
        f"{worked / len(papers) * 1000:.0f} ms a paper, peak {memory:.0f} MB",
        flush=True,
    )


@contextmanager
def _embedding(path: Path, url: str) -> Iterator[None]:
    """Another process embeds the papers, to its end."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_embed", str(path), url]
    with subprocess.Popen(command) as process:
        yield
        assert process.wait() == 0


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else external_file("data/day-450.jsonl.gz")
    if len(sys.argv) > 2:
        embed(file, sys.argv[2], "while a digest is posted")
    else:
        main(file)
