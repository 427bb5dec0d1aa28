"""How the number of papers a call and of calls at once change a day's judging.

    python -m tests.benchmarks.bench_judge [PAPERS] [SPEED]

The model is on loopback and answers after 0.4 s and 12 ms a token (of about four characters), both
divided by SPEED; seconds are shown multiplied by it. The ratio is to the setting that ships, twenty
papers a call and 16 calls at once, in the same run.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import closing

from bot.domain.papers import Paper
from bot.profiles import library
from tests.factories import paper
from tests.servers.fake_http import (
    HttpReply,
    chat_reply,
    requested_ids,
    run_fake_server,
    scores_for,
)
from workers.judging import batches
from workers.judging.model import Model

# The mean of a day in cs.LG and cs.AI.
_ABSTRACT = "We study a matter of some importance and prove that it is so. " * 21


def main(papers: int, speed: float) -> None:
    """Judge so many papers in each of the settings."""

    def answer(path: str, body: bytes) -> HttpReply:
        rows = scores_for(requested_ids(body))["papers"]
        for row in rows:
            row["comment"] = "Criterion: what in the paper meets it closely."
        text = json.dumps({"papers": rows})
        tokens = len(text) // 4
        time.sleep((0.4 + 0.012 * tokens) / speed)
        return chat_reply(text, prompt=len(body) // 4, completion=tokens)

    day = [paper(f"2503.{10000 + i}", abstract=_ABSTRACT) for i in range(papers)]
    print(f"{papers} papers; seconds as at speed 1, measured at {speed:g}")
    print("a call at once calls prompt tokens  seconds  ratio")
    with run_fake_server(answer) as server:
        _seconds(server.url, day, 20, 16)  # imports and caches
        base = _seconds(server.url, day, 20, 16)[0]
        for size in (5, 10, 15, 20, 30):
            for at_once in (4, 16, 32):
                seconds, calls, tokens = _seconds(server.url, day, size, at_once)
                shown = f"{size:>6} {at_once:>7} {calls:>5} {tokens:>13,}"
                print(f"{shown} {seconds * speed:>8.1f} {seconds / base:>6.2f}")


def _seconds(url: str, day: list[Paper], size: int, at_once: int) -> tuple[float, int, int]:
    profile = library.shipped()["foundations"]
    start = time.perf_counter()
    with closing(Model("gpt-6-luna", "x", f"{url}/v1", 60.0)) as model:
        brought = list(batches.score_papers(model, profile, day, {}, at_once, per_call=size))
    seconds = time.perf_counter() - start
    assert sum(len(b.results) for b in brought) == len(day)
    paid = [b.usage for b in brought if b.call]
    return seconds, len(paid), sum(usage.prompt_tokens for usage in paid)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(int(given[0]) if given else 450, float(given[1]) if len(given) > 1 else 10.0)
