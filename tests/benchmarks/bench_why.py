"""How long `/why` takes when a whole day's papers, and some no list had, are asked about.

    python -m tests.benchmarks.bench_why [--papers JSONL[.gz]] [--unseen JSONL[.gz]]

A channel has had a day of 450 papers with every outcome; arXiv's API alone knows 50 more. All 500
are asked about, 10 a second, then all at once, answered by then; and all at once on a new
installation. The bot's own half runs here as its event loop does it, without a chat; the workers
and the embedded server are processes of their own, arXiv and the model (0.8 s a call) on loopback.
The model quotes the title, the abstract, and words it made up: whatever is shown is looked for in
the paper. Files have an `id` (or `arxiv_id`), title, abstract, authors and categories a line;
without any, those beside this repository are used, or else made-up papers. Exits 1 when an answer
is slow, missing or wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import gzip
import json
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from redis import Redis

from bot.arxiv.text import readable
from bot.commands import dispatch
from bot.commands.context import Context, Invocation
from bot.domain.digest import Decision, ListQuery, ListResult, LocalRank, Outcome, Source
from bot.domain.judge import Judge
from bot.domain.message import Message
from bot.domain.papers import Announced, AnnounceType, Listing, Paper, fingerprint
from bot.domain.request import Address, DigestRequest, digest_name
from bot.domain.schedule import Schedule
from bot.domain.subscription import Subscription
from bot.errors import Refused
from bot.profiles import library
from bot.runtime import status
from bot.runtime.lookup_waiter import LookupWaiter
from bot.settings import Settings
from bot.store.connection import connect_briefly
from bot.store.lookups import Lookups
from bot.store.queues import Queues
from bot.store.store import Store
from tests import external_file
from tests.benchmarks.bench_deliver import environment, start
from tests.factories import paper
from tests.processes import descendants, is_alive
from tests.servers.fake_http import (
    FakeServer,
    HttpReply,
    arxiv_api,
    chat_reply,
    claims_for,
    question_text,
    requested_ids,
    run_fake_server,
    scores_for,
)
from tests.workers.scripted_model import ScriptedModel
from workers import score_job
from workers.judging import outcomes
from workers.judging.batches import ModelReply
from workers.runtime.server import embedded

DAY, UNSEEN = 450, 50
_ADDRESS = Address(platform="slack", workspace="T1", channel="C1")
_PROFILE = library.shipped()["foundations"]
_JUDGE = Judge(model=Settings.model_fields["model"].default)
_GATED, _LEFT_OUT = 20, 5
_MODEL_SECONDS = 0.8
# What Slack waits for at most, and a person likes to.
_FIRST_SECONDS = 3.0
_PATIENCE = 30.0
# The first words of an answer that tell what became of a paper.
_SAID = {
    "Picked": "picked",
    "Not picked: over the limit": "over_limit",
    "Not posted again": "repeat",
    "Not picked: relevance": "below_cutoff",
    "Not picked: novelty": "below_cutoff",
    "Not picked: skipped by the gate": "gated",
    "Not scored": "unscored",
    "Not in a digest": "unseen",
}


@dataclass(frozen=True)
class Asked:
    """One paper asked about: seconds to the first answer and to the last, and what they say;
    not `whole` where the last one is that it takes too long."""

    paper: Paper
    first: float
    final: float
    lines: tuple[str, ...]
    whole: bool

    @property
    def outcome(self) -> str:
        said = (
            name for line in self.lines for word, name in _SAID.items() if line.startswith(word)
        )
        return next(said, "nothing")


class Scorer(ScriptedModel):
    """The day's model, whose name the workers' one has; it leaves papers (ids) out."""

    name = str(_JUDGE.model)

    def __init__(self, out: Collection[str]) -> None:
        super().__init__(
            lambda about: json.dumps(scores_for([id for id in about if id not in out]))
        )

    def ask(self, *asked: Any) -> ModelReply:
        return super().ask(*asked[:4])


class Bot:
    """The bot's half, as bot/__main__.py puts it together."""

    def __init__(self, url: str) -> None:
        store, queues = Store(connect_briefly(url)), Queues(Redis.from_url(url))
        self.context = Context(
            store=store,
            lookups=Lookups(store),
            judge=_JUDGE,
            status=lambda: status.gather(queues, store, _JUDGE),
        )
        self.ask_workers = queues.enqueue_lookups

    async def asked(self, papers: Sequence[Paper], every: float) -> list[Asked]:
        """Ask about all, one `every` so many seconds."""
        lookup_waiter, begun = LookupWaiter(self.context, self.ask_workers), time.perf_counter()
        due = ((one, begun + n * every) for n, one in enumerate(papers))
        return await asyncio.gather(*[self._one(lookup_waiter, one, at) for one, at in due])

    async def _one(self, lookup_waiter: LookupWaiter, about: Paper, due: float) -> Asked:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        invocation, whole = Invocation(f"why {about.id}", _ADDRESS, datetime.now(UTC), "U1"), True
        try:
            answer = await asyncio.to_thread(dispatch.answer, invocation, self.context)
        except Refused as refused:
            took = time.perf_counter() - due
            return Asked(about, took, took, (str(refused),), False)
        first, lines = time.perf_counter() - due, _lines(answer.head)
        if answer.lookup:
            answer = await lookup_waiter.wait_for(invocation, answer.lookup)
            lines, whole = (*lines, *_lines(answer.head)), answer.update is not None
        return Asked(about, first, time.perf_counter() - due, lines, whole)


def main(papers: Path | None, unseen: Path | None) -> int:
    """Ask in all three ways, print what came, and return the exit status."""
    day = _papers(papers, external_file("data/day-450.jsonl.gz"), DAY, set(), "2401")
    others = _papers(
        unseen, external_file("data/record-dev.jsonl.gz"), UNSEEN, {p.id for p in day}, "2402"
    )
    # Those that only the API knows come all along the way.
    order = sorted([*day, *others], key=lambda one: fingerprint(one.id))
    print(f"{len(day)} papers of a day, {len(others)} that only arXiv's API knows")
    print(f"{'':<22}   first answer, s      final answer, s     model  arXiv")
    print(f"{'':<22}   p50   p99   max     p50    p99    max    calls  asked claims invented")
    faults: list[str] = []
    with run_fake_server(arxiv_api(others)) as arxiv, run_fake_server(_answer) as model:
        for ways in ({"10 a second": 0.1, "again, all at once": 0.0}, {"new, all at once": 0.0}):
            with (
                tempfile.TemporaryDirectory() as home,
                _installed(Path(home), day, arxiv, model, faults) as bot,
            ):
                for name, every in ways.items():
                    calls, looks = len(model.requests), len(arxiv.requests)
                    answers = asyncio.run(bot.asked(order, every))
                    spent = len(model.requests) - calls, len(arxiv.requests) - looks
                    faults += [f"{name}: {fault}" for fault in _shown(name, answers, *spent)]
    print(*(faults or ["every first answer in time, every quotation in its paper"]), sep="\n")
    return 1 if faults else 0


@contextmanager
def _installed(
    home: Path, day: Sequence[Paper], arxiv: FakeServer, model: FakeServer, faults: list[str]
) -> Iterator[Bot]:
    """A server with a delivered day, and workers; none stays behind."""
    log, allowed = home / "log", {"PAPERBOY_WHY_CALLS": str(10 * len(day))}
    with embedded(home) as url:
        _deliver(Store(connect_briefly(url)), day)
        pool = start("worker", environment(home, "", arxiv.url, model.url) | allowed, log)
        try:
            _until(pool, log)
            yield Bot(url)
        finally:
            started = descendants(pool.pid)
            pool.terminate()
            try:
                pool.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                faults.append("the workers did not stop")
                pool.kill()
                pool.wait()
            faults += [f"process {pid} stayed behind" for pid in started if is_alive(pid)]
            faults += [f"workers: {row}" for row in log.read_text().splitlines() if "Error" in row]


def _until(pool: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while b"workers started" not in log.read_bytes():
        assert pool.poll() is None, log.read_text()
        assert time.monotonic() < end, "the workers did not start"
        time.sleep(0.05)


def _deliver(store: Store, papers: Sequence[Paper]) -> None:
    """Have a day scored by the real step, of a model that leaves some out; then keep some papers
    from it, as a gate does, and give the rest to a channel that had some before."""
    now = datetime.now(UTC) - timedelta(hours=1)
    day = now.date() - timedelta(days=1)
    query = ListQuery(source=Source.ARXIV, categories=_PROFILE.categories, date=day)
    list_result = ListResult(batch=str(day), date=day, asked_at=now, changed_at=now)
    all_new = [Announced(paper=one, announce_type=AnnounceType.NEW) for one in papers]
    gated, given = all_new[:_GATED], all_new[_GATED:]
    out = {entry.paper.id for entry in given[:_LEFT_OUT]}
    request = DigestRequest(
        profile=store.profiles.put(_PROFILE),
        wanted=query,
        judge=_JUDGE,
        address=_ADDRESS,
        since=now,
    )
    store.lists.put_result(query, list_result)
    _add(store, given, list_result)
    score_job.score(request, store, Scorer(out), 16, lambda: now, lambda done, total: None)
    name = digest_name(request, list_result)
    digest = store.days.get(name)
    assert digest is not None, "it was scored"
    kept = [
        Decision(announced=entry, outcome=Outcome.GATED, place=LocalRank(rank=n, of=len(papers)))
        for n, entry in enumerate(gated, len(given) + 1)
    ]
    whole = digest.model_copy(update={"decisions": (*digest.decisions, *kept)})
    _add(store, gated, list_result)
    store.days.put_decided(name, whole)
    mine = outcomes.replace_repeats(whole, {decision.paper.id for decision in digest.picked[:3]})
    store.history.put_delivered(_ADDRESS, f"{_ADDRESS}:{name}", mine, now, "1742459220.000000")
    schedule = Schedule(at=now.time().replace(second=0, microsecond=0), tz="UTC")
    store.subscriptions.put(
        Subscription(address=_ADDRESS, profile=_PROFILE.name, schedule=schedule, by="U1", since=now)
    )


def _add(store: Store, papers: Sequence[Announced], list_result: ListResult) -> None:
    listing = Listing(date=list_result.date, papers=tuple(papers), replaced=(), items=len(papers))
    store.lists.add(list_result.batch, listing, list_result.changed_at)


def _answer(path: str, body: bytes) -> HttpReply:
    """A model that takes its time, and quotes."""
    time.sleep(_MODEL_SECONDS)
    form = json.loads(body)["response_format"]["json_schema"]["schema"]
    if "claims" in form["properties"]:
        return chat_reply(json.dumps(claims_for(json.loads(question_text(body)))))
    return chat_reply(json.dumps(scores_for(requested_ids(body))))


def _lines(head: Message | None) -> tuple[str, ...]:
    assert head is not None, "something is said"
    return (*head.text, *(line for item in head.items for line in item.small))


def _shown(name: str, answers: Sequence[Asked], calls: int, looks: int) -> Iterator[str]:
    """Print a way's line; what is wrong with its answers."""
    firsts, finals = sorted(a.first for a in answers), sorted(a.final for a in answers)
    quotes = [(a.paper, q) for a in answers for line in a.lines for q in _quote(line)]
    invented = [f"{about.id}: {q!r}" for about, q in quotes if not _stands(q, about)]
    row = f"{name:<22} {_spread(firsts, 5)}  {_spread(finals, 6)}   {calls:>6} {looks:>6}"
    print(f"{row} {len(quotes):>6} {len(invented):>8}", flush=True)
    seen = Counter(a.outcome for a in answers)
    print("  told:", ", ".join(f"{n} {outcome}" for outcome, n in seen.most_common()))
    yield from (f"not in the paper {words}" for words in invented)
    if firsts[-1] >= _FIRST_SECONDS:
        yield f"{sum(f >= _FIRST_SECONDS for f in firsts)} first answers came late"
    for about in (a for a in answers if not a.whole or a.outcome == "nothing"):
        yield f"{about.paper.id} got no whole answer: {about.lines}"
    for about in (a for a in answers if a.whole and not any(map(_quote, a.lines))):
        yield f"{about.paper.id} got no claim: {about.lines}"


def _spread(seconds: Sequence[float], width: int) -> str:
    of = len(seconds)
    found = (seconds[of // 2], seconds[min(of - 1, of * 99 // 100)], seconds[-1])
    return " ".join(f"{value:>{width}.2f}" for value in found)


def _quote(line: str) -> list[str]:
    """The quotation at the end of a claim."""
    return re.findall(r"^(?:Meets|Misses) .*?\. “(.*)”$", line)


def _stands(words: str, about: Paper) -> bool:
    """Whether what is shown is a run of the paper's words, as people are shown them."""
    texts = [" ".join(text.split()) for text in (about.title, about.abstract)]
    if any(words in readable(text) for text in texts):
        return True
    rows = [text.split() for text in texts]  # a formula that is cut is shown otherwise
    runs = (row[i:j] for row in rows for i in range(len(row)) for j in range(i + 1, i + 60))
    return any(readable(" ".join(run)) == words for run in runs)


def _papers(given: Path | None, usual: Path, most: int, known: set[str], month: str) -> list[Paper]:
    """So many papers of a file, without those that are known; made-up ones where there is none."""
    if given is None and not usual.exists():
        words = "We study the matter and prove a bound that holds for every learner of its kind."
        return [paper(f"{month}.{n:05}", abstract=words) for n in range(1, most + 1)]
    rows: dict[str, Paper] = {}
    for row in _rows(given or usual):
        id = str(row.get("id") or row["arxiv_id"])
        fields = {key: row[key] for key in ("title", "abstract", "authors", "categories")}
        if id not in known and len(rows) < most:
            rows.setdefault(id, Paper.model_validate({"id": id, "version": 1, **fields}))
    return list(rows.values())


def _rows(file: Path) -> Iterator[Mapping[str, object]]:
    with (gzip.open if file.suffix == ".gz" else open)(file, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, islice(lines, 2000))


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--papers", type=Path)
    options.add_argument("--unseen", type=Path)
    chosen = options.parse_args()
    sys.exit(main(chosen.papers, chosen.unseen))
