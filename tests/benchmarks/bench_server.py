"""How a model's server copes with a day of papers: form, cache, speed, babble, scores.

    OPENAI_BASE_URL=http://127.0.0.1:8080/v1 python -m tests.benchmarks.bench_server \\
        [--papers N] [--profile PROFILE] [--record PAPERS.jsonl.gz] [--form json_object]

The server is asked with the settings of the environment, as a digest asks it: scores, second looks,
the best papers' order and sentences. The papers are N of the sample (40) that ships, or of a record
with a `selected` a line, half of them picked where there are enough; then the scores are compared
with the record. What is scored is kept nowhere. The first call of each kind finds nothing in the
server's cache; a run with PAPERBOY_CALL_SECONDS=5 shows what becomes of slow answers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import jsonschema

from bot import settings
from bot.domain.budget import Payer
from bot.domain.digest import ScoreResult, Usage
from bot.domain.papers import Announced, AnnounceType, Paper, Profile, fingerprint
from bot.domain.reasons import ModelReason
from bot.errors import PaperboyError, Refused
from bot.profiles import library
from bot.store.connection import connect
from bot.store.store import Store
from workers.arxiv import sample
from workers.cli import rank
from workers.gate import local_ranking
from workers.gate.ranking_quality import auc
from workers.judging import outcomes, replies, top_papers
from workers.judging.batches import ModelReply
from workers.judging.dialect import Dialect, ReplyFormat
from workers.judging.model import Model, open_model
from workers.judging.score_day import DayScorer
from workers.runtime.server import embedded

# By the fields of a row that each kind of call asks for.
_KINDS = {"comment": "scores", "shows": "the best"}
_LOOKS = "second looks"


@dataclass(frozen=True)
class Call:
    """One call: what it asked for, about how many papers, with which limit on each answer's tokens,
    and its reply or why there is none."""

    kind: str
    papers: int
    limit: int
    seconds: float
    schema: Mapping[str, Any]
    reply: ModelReply | None
    trouble: str = ""

    @property
    def form(self) -> str:
        """How far the reply keeps to the schema; of several answers the worst."""
        if self.reply is None:
            return self.trouble
        forms = [self._form(text) for text in (self.reply.text or "", *self.reply.others)]
        return max(forms, key=_FORMS.index)

    def _form(self, text: str) -> str:
        try:
            jsonschema.validate(json.loads(text), self.schema)
        except ValueError:
            if self.reply and self.reply.reason:
                return _CUT if self.reply.reason == "cut_off" else _NONE
            return _LOOSE if replies.json_values(text) else _NONE
        except jsonschema.ValidationError:
            return _OTHER
        return _KEPT


_KEPT, _OTHER, _LOOSE = "by the schema", "JSON, not by the schema", "JSON somewhere in the text"
_CUT, _NONE = "cut off by our limit", "no JSON"
_FORMS = (_KEPT, _OTHER, _LOOSE, _CUT, _NONE)


class Recorder:
    """A model that keeps what it was asked and what came back."""

    def __init__(self, model: Model) -> None:
        self.name, self._model = model.name, model
        self.calls = list[Call]()

    def ask(
        self,
        instructions: str,
        question: str,
        schema: dict[str, Any],
        cache_key: str,
        most_output: int,
        patience: float = 1.0,
        choices: int = 1,
    ) -> ModelReply:
        start = time.perf_counter()
        reply, trouble = None, ""
        try:
            reply = self._model.ask(
                instructions, question, schema, cache_key, most_output, patience, choices
            )
            return reply
        except PaperboyError as error:
            trouble = str(error.reason_or(ModelReason.MODEL_DOWN))
            raise
        finally:
            (rows,) = schema["properties"].values()
            kind = next(
                (k for name, k in _KINDS.items() if name in rows["items"]["required"]), _LOOKS
            )
            papers = sum(line.startswith("{") for line in question.split("\n"))
            seconds = time.perf_counter() - start
            call = Call(kind, papers, most_output, seconds, schema, reply, trouble)
            self.calls.append(call)
            print(
                f"{kind}: {papers} papers, {seconds:.1f} s, {call.form}",
                file=sys.stderr,
                flush=True,
            )


def main(given: argparse.Namespace) -> None:
    """Judge the papers and print the tables. Raises Refused without a server."""
    config = settings.load()
    if config.openai_base_url is None:
        raise Refused("Set OPENAI_BASE_URL to the model server to be measured.")
    profile = library.resolve(given.profile, {})
    papers, picked = chosen(given.record, given.papers)
    print(
        f"{config.model} at {config.openai_base_url.host}: {len(papers)} papers, "
        f"{len(picked)} of them picked, profile {profile.name}; "
        f"PAPERBOY_CALLS_AT_ONCE={config.calls_at_once} "
        f"PAPERBOY_CALL_SECONDS={config.call_seconds:g}"
    )
    with tempfile.TemporaryDirectory() as data, embedded(Path(data)) as url:
        store = Store(connect(url))
        with closing(open_model(config, config.model, store)) as model:
            model.dialect = Dialect(ReplyFormat(given.form))
            recorder = Recorder(model)
            start = time.perf_counter()
            day = judge(config, store, recorder, profile, papers)
            seconds = time.perf_counter() - start
            _print_calls(recorder.calls)
            _print_tokens(recorder.calls)
            _print_papers(day, papers, recorder.calls)
            print(
                f"{seconds:.0f} s, {seconds / len(papers):.2f} s a paper; asked for {model.dialect}"
            )
            _print_scores(day, profile, papers, picked)


def chosen(record: Path | None, count: int) -> tuple[list[Paper], set[str]]:
    """So many papers, in an order that says nothing, and the ids of those picked: half of them,
    where the record has as many. The sample has no record."""
    if record is None:
        papers = [entry.paper for entry in sample.listing().papers]
        return sorted(papers, key=_mixed)[:count], set()
    lines = rank.read_papers(record, True)
    picked = sorted((line.paper for line in lines if line.selected), key=_mixed)[: count // 2]
    others = sorted((line.paper for line in lines if not line.selected), key=_mixed)
    papers = [*picked, *others[: count - len(picked)]]
    return sorted(papers, key=_mixed), {paper.id for paper in picked}


def _mixed(paper: Paper) -> str:
    return fingerprint("server", paper.id)


class Day(NamedTuple):
    """A judged day: results by `IDvN` before and after second looks, the papers that the model
    ordered, and how many of them have a sentence that is shown."""

    first: Mapping[str, ScoreResult]
    results: Mapping[str, ScoreResult]
    best: Sequence[Paper]
    written: int


def judge(
    config: settings.Settings,
    store: Store,
    model: Recorder,
    profile: Profile,
    papers: Sequence[Paper],
) -> Day:
    """Judge the papers as a day's are."""
    lease = store.lease("bench", 15.0, 0)
    assert lease, "the server is new"
    payer = Payer.of("bench", profile.name, config.limits)
    paid = payer, config.calls_at_once, lambda: datetime.now(UTC), lease, "bench"
    scorer = DayScorer(store, model, profile, *paid, config.second_look)
    day = [Announced(paper=paper, announce_type=AnnounceType.NEW) for paper in papers]
    ranking = [row.id for row in local_ranking.rank(profile, papers, None)]
    first = scorer.score(papers, ranking, lambda done, total: None)
    results = scorer.look_again(papers, first)
    decided = outcomes.decide_outcomes(profile, day, results, ranking)
    top = scorer.describe_top(decided, ranking)
    written = sum(bool(sentences.shows) for sentences in top.written.values())
    return Day(first, results, top_papers.top_papers(profile, decided), written)


def _print_calls(calls: Sequence[Call]) -> None:
    print(f"\n{'calls':<30}{'asked':>6}{'papers':>8}  form of the replies")
    for kind, made in _by_kind(calls):
        forms = Counter(call.form for call in made).most_common()
        told = ", ".join(f"{n} {form}" for form, n in forms)
        print(f"{kind:<30}{len(made):>6}{sum(call.papers for call in made):>8}  {told}")


def _print_tokens(calls: Sequence[Call]) -> None:
    print(
        f"\n{'tokens':<30}{'read':>8}{'cached':>8}{'':>6}{'written':>8}{'a paper':>8}"
        f"{'most':>6}{'limit':>7}{'  s a call':>10}{'most':>7}"
    )
    for kind, made in _by_kind(calls):
        answered = [call for call in made if call.reply]
        used = Usage.total(call.reply.usage for call in answered if call.reply)
        most = max(
            (c.reply.usage.completion_tokens / c.papers for c in answered if c.reply), default=0
        )
        seconds = [call.seconds for call in made]
        read = used.prompt_tokens
        print(
            f"{kind:<30}{read:>8,}{used.cached_tokens:>8,}"
            f"{used.cached_tokens / read if read else 0:>6.0%}{used.completion_tokens:>8,}"
            f"{used.completion_tokens / (sum(c.papers for c in answered) or 1):>8.0f}{most:>6.0f}"
            f"{max(call.limit / call.papers for call in made):>7.0f}"
            f"{median(seconds):>10.1f}{max(seconds):>7.1f}"
        )


def _print_papers(day: Day, papers: Sequence[Paper], calls: Sequence[Call]) -> None:
    answers = Counter(len(result.calls) for result in day.first.values() if result.score)
    told = ", ".join(f"{papers} by answer {n}" for n, papers in sorted(answers.items()))
    print(f"\n{answers.total()} of {len(papers)} papers scored: {told}")
    for why, n in Counter(r.trouble for r in day.first.values() if not r.score).most_common():
        print(f"{n} given up: {why}")
    scores = [result.score for result in day.results.values() if result.score]
    close = [score.close_call for score in scores if score.close_call]
    looked = sum(len(call.looks) > 1 for call in close)
    slow = sum(call.trouble == ModelReason.MODEL_SLOW for call in calls)
    print(f"{looked} of {len(close)} close calls looked at again; {slow} calls too slow")
    print(f"{len(day.best)} papers ordered at the end, {day.written} with a sentence that is shown")


def _print_scores(day: Day, profile: Profile, papers: Sequence[Paper], picked: set[str]) -> None:
    """How the first scores spread, and how well they, and the local ranking, agree with the
    record."""
    found = {p.id: r.score for p in papers if (r := day.first[p.versioned]).score}
    pairs = {id: (s.relevance, s.novelty or 0) for id, s in found.items() if s}
    for axis, name in enumerate(("relevance", "novelty")):
        spread = Counter(pair[axis] for pair in pairs.values())
        print(f"{name:<10}" + "".join(f"{n:>3}: {spread[n]:<3}" for n in range(1, 11)))
    tie = top_papers.tie_probability(pairs.values())
    above = sum(
        r >= profile.cutoffs.relevance and n >= profile.cutoffs.novelty for r, n in pairs.values()
    )
    print(f"two papers tie: {tie:.2f}; {above} papers meet the cut-offs")
    if not 0 < len(picked & pairs.keys()) < len(pairs):
        return
    local = {row.id: row.score for row in local_ranking.rank(profile, papers, None)}
    for name, value in (
        ("relevance", {id: pair[0] for id, pair in pairs.items()}),
        ("relevance and novelty", {id: sum(pair) for id, pair in pairs.items()}),
        ("the local ranking's words", local),
    ):
        print(f"AUC by {name}: {auc([(value[id], id in picked) for id in pairs]):.3f}")


def _by_kind(calls: Sequence[Call]) -> Iterator[tuple[str, list[Call]]]:
    for kind in dict.fromkeys(call.kind for call in calls):
        yield kind, [call for call in calls if call.kind == kind]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.bench_server")
    parser.add_argument("--papers", type=int, default=40, metavar="N")
    parser.add_argument("--profile", default="compression", help="a name or a TOML file")
    parser.add_argument("--record", type=Path, metavar="PAPERS.jsonl.gz")
    parser.add_argument("--form", default=ReplyFormat.BOUNDED, choices=list(ReplyFormat))
    try:
        main(parser.parse_args())
    except Refused as refused:
        raise SystemExit(str(refused)) from None
