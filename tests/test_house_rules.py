"""The shape of the house: who may see whom, and which words and keys have one home."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = {
    f"{half}.{path.stem}": path
    for half in ("bot", "workers")
    for path in (ROOT / half).glob("*.py")
}
PURE = {
    "bot.text": {"bot.tex_reader"},
    "bot.tex_reader": {"bot.tex", "bot.tex_signs", "bot.tex_tokens"},
    "bot.tex_tokens": {"bot.tex"},
    "bot.tex_signs": set(),
    "bot.tex": set(),
    "bot.authors": {"bot.places", "bot.text"},
    "bot.places": set(),
    "bot.categories": set(),
    "bot.days": set(),
    "bot.domain": set(),
    "bot.ledger": {"bot.domain"},
    "bot.wish": {"bot.domain", "bot.ledger"},
    "bot.chosen": {"bot.domain", "bot.ledger"},
    "bot.words_dates": set(),
    "bot.morning": {"bot.days", "bot.domain", "bot.schedule", "bot.subscription"},
    "bot.status_values": {
        *("bot.checkup", "bot.costs", "bot.domain", "bot.ledger", "bot.subscription", "bot.wish"),
    },
    "bot.message": {"bot.domain"},
    "bot.terminal_render": {"bot.message"},
    "bot.slack_blocks": {"bot.message"},
    "bot.slack_forms": {"bot.message", "bot.slack_blocks"},
    "bot.slack_render": {"bot.message", "bot.slack_blocks"},
    "bot.discord_render": {"bot.message", "bot.text"},
    "bot.discord_forms": {"bot.message", "bot.text"},
    "bot.schedule": {"bot.domain", "bot.places"},
    "bot.subscription": {"bot.domain", "bot.wish", "bot.schedule"},
    "bot.arxiv_ids": {"bot.domain", "bot.errors", "bot.categories", "bot.text"},
    "bot.typed": {"bot.domain", "bot.errors", "bot.places", "bot.schedule", "bot.text"},
    "bot.permissions": {"bot.domain", "bot.errors", "bot.words_rights"},
    "bot.words_rights": set(),
    "bot.brief": set(),
    "bot.plan": {"bot.days", "bot.domain", "bot.ledger", "bot.wish"},
    "workers.turnover": {"bot.categories", "bot.domain"},
    "workers.gate": {"bot.domain"},
    "workers.triage": {"bot.authors", "bot.categories", "bot.domain", "bot.ledger", "bot.wish"},
    "workers.spelling": {"bot.tex"},
    "workers.replies": {"workers.spelling"},
    "workers.envelopes": {"bot.domain", "bot.errors"},
    "workers.refusals": {"bot.domain", "bot.errors"},
    "workers.ways": {"bot.domain", "workers.refusals"},
    "workers.prompting": {"bot.domain"},
    "workers.scoring": {
        *("bot.domain", "bot.ledger", "bot.text"),
        *("workers.prompting", "workers.replies"),
    },
    "workers.explaining": {
        *("bot.domain", "bot.inquiry", "bot.text"),
        *("workers.prompting", "workers.replies"),
    },
    "workers.whole": {"bot.domain", "bot.errors"},
    "workers.withdrawn": {"bot.text"},
    "workers.feed": {
        *("bot.authors", "bot.categories", "bot.domain", "bot.errors", "bot.text"),
        *("workers.whole", "workers.withdrawn"),
    },
    "bot.inquiry": {"bot.domain", "bot.ledger"},
    "bot.standing": {"bot.categories", "bot.domain", "bot.inquiry", "bot.ledger", "bot.wish"},
    "bot.permalinks": {"bot.wish"},
    "bot.budget": {"bot.domain"},
    "bot.costs": {"bot.budget", "bot.domain"},
    "workers.learned": {"bot.domain", "bot.errors", "workers.gate"},
    "workers.gating": {"bot.domain", "workers.learned"},
    "workers.ordering": {
        *("bot.domain", "bot.ledger"),
        *("workers.prompting", "workers.replies", "workers.scoring"),
    },
}


def imported(path: Path) -> set[str]:
    """Our own modules that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (whole & FILES.keys()) or {node.module}
    return {name for name in found if name.split(".")[0] in ("bot", "workers")}


def test_the_bot_never_sees_the_workers() -> None:
    for name, path in FILES.items():
        if name.startswith("bot."):
            assert not {m for m in imported(path) if m.startswith("workers")}, name


@pytest.mark.parametrize("name", sorted(PURE))
def test_what_is_pure_sees_only_what_is_pure(name: str) -> None:
    assert imported(FILES[name]) <= PURE[name]


def test_only_settings_reads_the_environment() -> None:
    for name, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        reads = re.search(r"os\.getenv|os\.environ(?!\[\"REDIS_URL\"\] = )", text)
        assert name == "bot.settings" or reads is None, name


def test_only_the_stores_name_a_key() -> None:
    named = {name for name, path in FILES.items() if '"pb:' in path.read_text(encoding="utf-8")}
    assert named <= {n for n in FILES if n.startswith("bot.store")}


def test_only_llm_calls_a_model_and_only_line_asks_arxiv() -> None:
    def users(library: str) -> set[str]:
        pattern = rf"^\s*(import|from) {library}\b"
        return {n for n, p in FILES.items() if re.search(pattern, p.read_text(), re.M)}

    assert users("openai") == {"workers.llm"}
    assert users("httpx2") <= {"workers.line", "workers.arxiv", "workers.llm", "workers.bounded"}
    assert users("feedparser") == {"workers.feed"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_is_one_sentence_and_no_longer_than_a_room(name: str) -> None:
    text = FILES[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert text == "" or ast.get_docstring(ast.parse(text))


# What plays a service has clocks as the service does; `waiting` gives up on what never happens.
CLOCKS = {"waiting", "slack_neighbour", "discord_neighbour", "discord_world"}


def test_no_test_measures_time() -> None:
    """A busy machine is slow, and not wrong: tests/steps.py counts, tests/waiting.py waits."""
    measured = {"monotonic", "perf_counter", "process_time", "time_ns", "getrusage"}
    found = set()
    for path in (ROOT / "tests").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if {getattr(node, "attr", ""), getattr(node, "id", "")} & measured:
                found.add(path.stem)
    assert found <= CLOCKS
