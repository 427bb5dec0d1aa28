"""What a 450-paper day costs in each layout of the prompt, by arithmetic: no server is asked.

    python -m tests.benchmarks.bench_layouts [--papers JSONL[.gz]]

Cents at gpt-6-luna's prices (workers/judging/prices.py), for 1, 2 and 4 profiles that judge the
same papers in the same order: criteria first (as Paperboy asks) or last; 5, 10, 20 or 30 papers a
call; a few words for all and two sentences in the call that orders the best (as Paperboy asks), or
two sentences for all and a call that only orders.
The texts are the real ones; what is assumed is printed.
"""

from __future__ import annotations

import argparse
import gzip
import json
from bisect import bisect_left, insort
from collections.abc import Callable, Iterator, Sequence
from itertools import islice, product
from pathlib import Path
from typing import Any, NamedTuple

from bot.domain.papers import Paper, Profile
from bot.profiles import library
from tests import external_file
from tests.factories import paper
from workers.arxiv import sample
from workers.judging import scoring, top_papers
from workers.judging.prices import price_tokens

MODEL = "gpt-6-luna"
_PAPERS, _SIZES, _AT_ONCE, _BEST = 450, (5, 10, 20, 30), 16, 15
_CHARACTERS = 4
# A row with a few words, with two sentences as well (258 characters, as a strong model writes
# them), an id in an order, and an id with two sentences.
_ROW, _LONG_ROW, _PLACE, _TOP_ROW = 28, 86, 6, 65
# OpenAI's guide to prompt caching: from 1,024 tokens on, and before GPT-5.6 in steps of 128.
_LEAST, _STEP = 1024, 128
_DAY = external_file("data/day-450.jsonl.gz")
_ASSUMED = f"""\
A token is {_CHARACTERS} characters of schema (which OpenAI puts first), instructions and question.
A row of an answer is {_ROW} tokens, {_LONG_ROW} with two sentences; {_BEST} papers are ordered,
at {_TOP_ROW} tokens with two sentences and {_PLACE} without.
16 calls are made at once, and find nothing of each other cached. A second profile comes when the
first is done; warm: minutes later, all of it is cached yet; cold: nothing. Every call finds the
machine that has its prefix. No reasoning tokens. Flex is half of everything.
*  cheapest with two sentences for every paper    +  cheapest of all, where that is less
"""


class Layout(NamedTuple):
    """How papers are asked about: what stands first, so many a call, and for whom two sentences
    are written: `all`, or the `best`."""

    first: str
    size: int
    sentences: str


class Call(NamedTuple):
    """A prompt in two parts, the first of which other calls may share; and the answer's tokens."""

    shared: str
    rest: str
    completion: int


class Tokens(NamedTuple):
    """Tokens of calls; those read from a cache and written into one are parts of the prompt's."""

    prompt: int
    read: int
    written: int
    completion: int


class Prefixes:
    """What a model before GPT-5.6 remembers: the longest known prefix counts, writing is free."""

    def __init__(self) -> None:
        self._known: list[str] = []

    def find(self, call: Call) -> tuple[int, int]:
        """The prompt's tokens that are read from the cache, and those that are written into it."""
        text = call.shared + call.rest
        at = bisect_left(self._known, text)  # the longest common prefix is a neighbour's
        near = self._known[max(0, at - 1) : at + 1]
        found = max((_alike(text, known) for known in near), default=0) // _CHARACTERS
        return (found - found % _STEP if found >= _LEAST else 0), 0

    def keep(self, call: Call) -> None:
        insort(self._known, call.shared + call.rest)


class Breakpoints:
    """What later ones remember: a prompt up to its mark, as a whole; writing has a price."""

    def __init__(self, marked: Callable[[Call], str]) -> None:
        self._marked, self._known = marked, set[str]()

    def find(self, call: Call) -> tuple[int, int]:
        """As Prefixes.find."""
        length = tokens(marked := self._marked(call))
        length *= length >= _LEAST
        return (length, 0) if marked in self._known else (0, length)

    def keep(self, call: Call) -> None:
        self._known.add(self._marked(call))


class Rule(NamedTuple):
    """How prompts are cached: in words, an empty cache, and how many calls the first wave has."""

    name: str
    cache: Callable[[], Prefixes | Breakpoints]
    first_wave: int = _AT_ONCE


def _marked() -> Breakpoints:
    return Breakpoints(lambda call: call.shared)


RULES = (
    Rule("Models before GPT-5.6: the longest known prefix, in steps of 128 tokens", Prefixes),
    Rule(
        "GPT-5.6 and later, no breakpoint set: every prompt is written as a whole, at 1.25",
        lambda: Breakpoints(lambda call: call.shared + call.rest),
    ),
    Rule("GPT-5.6 and later, caching switched off", lambda: Breakpoints(lambda call: "")),
    Rule("GPT-5.6 and later, a breakpoint after what calls share (as Paperboy asks)", _marked),
    Rule("GPT-5.6 and later, a breakpoint likewise, the first call of a pass alone", _marked, 1),
)


def _alike(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


def tokens(text: str) -> int:
    """By the fixed rule."""
    return len(text) // _CHARACTERS


def passes(layout: Layout, profile: Profile, day: Sequence[Paper], turn: int) -> list[list[Call]]:
    """The calls of a profile's day; those of a second pass know the first one's answers. `turn`
    picks other papers for each profile."""
    row, place = (_LONG_ROW, _PLACE) if layout.sentences == "all" else (_ROW, _TOP_ROW)
    told, order = scoring.instructions(profile), top_papers.instructions(profile)
    best = day[turn :: len(day) // _BEST][:_BEST]
    return [
        _calls(layout, told, scoring.schema(), day, row),
        _calls(layout._replace(size=_BEST), order, top_papers.schema(), best, place),
    ]


def _calls(
    layout: Layout, told: str, schema: dict[str, Any], papers: Sequence[Paper], row: int
) -> list[Call]:
    made, form = [], json.dumps(schema)
    for start in range(0, len(papers), layout.size):
        part = papers[start : start + layout.size]
        texts = [told, scoring.question(part)]
        first, last = texts if layout.first == "criteria" else reversed(texts)
        made.append(Call(form + first, last, row * len(part)))
    return made


def spent(rule: Rule, turns: Sequence[list[list[Call]]], warm: bool) -> Tokens:
    """What the profiles' calls take, one profile after the other."""
    cache, rows = rule.cache(), list[Tokens]()
    for turn in turns:
        cache = cache if warm else rule.cache()
        for calls in turn:
            left, wave = iter(calls), rule.first_wave
            while under_way := list(islice(left, wave)):
                for call in under_way:
                    whole = tokens(call.shared + call.rest)
                    rows.append(Tokens(whole, *cache.find(call), call.completion))
                for call in under_way:
                    cache.keep(call)
                wave = _AT_ONCE
    return Tokens(*map(sum, zip(*rows, strict=True)))


def cents(used: Tokens, tier: str | None = None) -> float:
    """At the prices of short calls: no call is so long that it costs more (272,000 tokens)."""

    def asked(read: int, written: int) -> float:
        return (price_tokens(MODEL, 1000, read, 0, written, tier)[0] or 0) / 1000

    answered = (price_tokens(MODEL, 0, 0, 1000, 0, tier)[1] or 0) / 1000
    plain = used.prompt - used.read - used.written
    usd = plain * asked(0, 0) + used.read * asked(1000, 0) + used.written * asked(0, 1000)
    return 100 * (usd + used.completion * answered)


def table(rule: Rule, judges: Sequence[Profile], day: Sequence[Paper]) -> Iterator[str]:
    """A rule's layouts, a line each."""
    columns = [(1, True), (2, True), (2, False), (4, True), (4, False)]
    layouts = [Layout(*row) for row in product(("criteria", "papers"), _SIZES, ("all", "best"))]
    rows = []
    for layout in layouts:
        turns = [passes(layout, judge, day, n) for n, judge in enumerate(judges)]
        used = [spent(rule, turns[:count], warm) for count, warm in columns]
        rows.append([cents(u, tier) for tier in (None, "flex") for u in used])
    full = [row for row, layout in zip(rows, layouts, strict=True) if layout.sentences == "all"]
    equal, least = [list(map(min, zip(*some, strict=True))) for some in (full, rows)]
    yield f"\n{rule.name}"
    named = ["1", "2 warm", "2 cold", "4 warm", "4 cold"]
    yield f"{'':22}{'profiles':36}  at flex"
    yield f"{'first':9}{'a call':>6} {'written':7}" + "".join(f"{n:>7}" for n in named * 2)
    for layout, row in zip(layouts, rows, strict=True):
        shown = ""
        for value, best, lowest in zip(row, equal, least, strict=True):
            shown += f"{value:>6.2f}" + ("*" if value == best else "+" if value == lowest else " ")
        yield f"{layout.first:9}{layout.size:>6} {layout.sentences:7}{shown}".rstrip()


def read(path: Path) -> list[Paper]:
    """The papers of a file, one a line of JSON."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    texts = [(row.get("arxiv_id") or row["id"], row["title"], row["abstract"]) for row in rows]
    return [paper(id, title=title, abstract=abstract) for id, title, abstract in texts]


def main(path: Path | None) -> None:
    """Print a table for each rule of caching."""
    path = path or (_DAY if _DAY.exists() else None)
    found = read(path) if path else [entry.paper for entry in sample.listing().papers]
    day = [found[n % len(found)] for n in range(_PAPERS)]
    judges = sorted(library.shipped().values(), key=lambda judge: judge.name != "foundations")[:4]
    told = (f"{judge.name} {tokens(scoring.instructions(judge)):,}" for judge in judges)
    source = path.name if path else "the sample that ships"
    print(f"Cents a day of {_PAPERS} papers ({len(found)} of {source}) at {MODEL}'s prices")
    print(f"A paper is {tokens(scoring.question(day)) // _PAPERS} tokens; the instructions are:")
    print(", ".join(told))
    print(_ASSUMED, end="")
    for rule in RULES:
        print("\n".join(table(rule, judges, day)))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What a day costs in each layout of the prompt.")
    parser.add_argument("--papers", type=Path, help="papers as JSONL, gzipped or not")
    main(parser.parse_args().papers)
