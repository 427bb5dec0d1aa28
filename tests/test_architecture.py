"""The shape of the house: who may import whom, and which words and keys have one home."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from tests.touched import Tree

ROOT = Path(__file__).parents[1]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for half in ("bot", "workers")
    for path in (ROOT / half).rglob("*.py")
    if path.name != "__init__.py"
}
FOLDERS = sorted({path.parent for path in FILES.values()})
# Files at the top of a half are rooms of their own: `errors` is below everything, `jobs` above.
GROUND = {"bot.errors", "bot.endpoint", "bot.network", "bot.safe_text", "bot.logs", "bot.settings"}
# What each room may import, the lowest first. A room not named here may import anything that is
# not above it in its half; the test of circles sees to that.
MAY = {
    "bot.domain": set[str](),
    "bot.errors": {"bot.domain"},
    "bot.arxiv": {"bot.domain", "bot.errors"},
    "bot.planning": {"bot.domain", "bot.arxiv"},
    "bot.profiles": {"bot.domain", "bot.arxiv", "bot.errors"},
    "bot.store": {"bot.domain", "bot.arxiv", "bot.planning", *GROUND},
    "bot.views": {"bot.domain", "bot.arxiv", "bot.planning", "bot.errors", "bot.safe_text"},
    "bot.terminal": {"bot.domain", "bot.arxiv", "bot.views"},
    "bot.commands": {
        *("bot.domain", "bot.arxiv", "bot.planning", "bot.profiles", "bot.store", "bot.views"),
        "bot.errors",
    },
    "workers.arxiv": {"bot.domain", "bot.arxiv", "bot.store", *GROUND},
    "workers.judging": {"bot.domain", "bot.arxiv", "bot.store", "bot.views", *GROUND},
    "workers.gate": {"bot.domain", "bot.store", "bot.errors", "workers.judging"},
}
# Rooms and files that do no I/O: they import none of these, and only one another.
PURE_ROOMS = {"bot.domain", "bot.arxiv", "bot.planning"}
PURE = {
    *("bot.slack.forms", "bot.slack.render"),
    *(
        "bot.discord.forms",
        "bot.discord.render",
        "bot.terminal.render",
        "bot.runtime.expiring_cache",
    ),
    *("bot.views.dates", "bot.views.permalinks", "bot.views.reasons", "bot.views.refusals"),
    *("bot.commands.parse", "bot.commands.permissions"),
    *("workers.arxiv.feed", "workers.arxiv.freshness", "workers.arxiv.withdrawals"),
    *("workers.arxiv.xml_check", "workers.gate.keyword_ranking", "workers.gate.learned_ranking"),
    *("workers.gate.threshold", "workers.judging.api_replies", "workers.judging.explaining"),
    *("workers.judging.outcomes", "workers.judging.prompts", "workers.judging.model_errors"),
    *("workers.judging.replies", "workers.judging.scoring", "workers.judging.replies"),
    *("workers.judging.tie_break", "workers.judging.dialect"),
}
OUTSIDE = {
    *("redis", "rq", "openai", "httpx2", "aiohttp", "slack_sdk", "slack_bolt", "discord"),
    *("asyncio", "socket", "subprocess", "threading"),
}
RENDERERS = [name for name in FILES if re.fullmatch(r"bot\.\w+\.(render|forms)", name)]


@cache
def imported(path: Path) -> frozenset[str]:
    """The modules, ours and others, that a file imports, anywhere in it."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            whole = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (whole & FILES.keys()) or {node.module}
    return frozenset(found)


def ours(path: Path) -> set[str]:
    return {name for name in imported(path) if name.split(".")[0] in ("bot", "workers")}


def room(module: str) -> str:
    """The folder of a module; a file at the top of a half is its own."""
    return module.rpartition(".")[0] if module.count(".") > 1 else module


def arrows() -> dict[str, set[str]]:
    """Which rooms each room imports."""
    found = defaultdict[str, set[str]](set)
    for name, path in FILES.items():
        found[room(name)] |= {room(other) for other in ours(path)} - {room(name)}
    return found


def test_the_bot_never_sees_the_workers() -> None:
    for name, path in FILES.items():
        if name.startswith("bot."):
            assert not {m for m in ours(path) if m.startswith("workers")}, name


@pytest.mark.parametrize("name", sorted(MAY))
def test_a_room_imports_what_is_below_it_only(name: str) -> None:
    assert arrows()[name] <= MAY[name]


def test_no_way_leads_round_in_a_circle() -> None:
    reach = arrows()
    for middle, start in product(list(reach), list(reach)):
        if middle in reach[start]:
            reach[start] |= reach[middle]
    assert [name for name, others in reach.items() if name in others] == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_is_pure_sees_only_what_is_pure(name: str) -> None:
    if name not in PURE and room(name) not in PURE_ROOMS:
        return
    names = imported(FILES[name])
    assert not {other.split(".")[0] for other in names} & OUTSIDE
    for other in ours(FILES[name]):
        assert other in PURE | {"bot.errors"} or room(other) in PURE_ROOMS, other


@pytest.mark.parametrize("name", RENDERERS)
def test_renderers_see_only_messages(name: str) -> None:
    if name.startswith("bot.profiles"):
        return  # its form is a form's fields, not a platform's
    if name.startswith("bot.store"):
        return  # the form of what is stored
    own = {other for other in FILES if room(other) == room(name)} & set(RENDERERS)
    assert ours(FILES[name]) <= own | {"bot.domain.message", "bot.arxiv.text"}


def test_only_settings_reads_the_environment() -> None:
    for name, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        reads = re.search(r"os\.getenv|os\.environ(?!\[\"REDIS_URL\"\] = )", text)
        assert name == "bot.settings" or reads is None, name


def test_only_the_store_builds_a_key() -> None:
    named = {name for name, path in FILES.items() if '"pb:' in path.read_text(encoding="utf-8")}
    assert {room(name) for name in named} == {"bot.store"}


def test_only_one_place_calls_a_model_and_one_asks_arxiv() -> None:
    def users(library: str) -> set[str]:
        return {n for n, p in FILES.items() if library in {m.split(".")[0] for m in imported(p)}}

    assert users("openai") == {"workers.judging.model"}
    assert {room(name) for name in users("httpx2")} == {"workers.arxiv", "workers.judging"}
    assert users("feedparser") == {"workers.arxiv.feed"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_says_what_it_is_and_has_at_most_400_lines(name: str) -> None:
    text = FILES[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 430
    assert text == "" or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_folder_says_what_it_is_and_is_taken_in_at_a_look(folder: Path) -> None:
    assert len([path for path in folder.iterdir() if path.name != "__pycache__"]) <= 25
    if folder.parent != ROOT:
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(tree)
        assert len(tree.body) == 1, "its sentence and nothing else"


def test_no_test_module_imports_another() -> None:
    """What tests share is a fixture in their folder's conftest.py, or stands in a module that has
    a plain name: factories, samples, conversations, run_score_job."""
    importers = Tree.read().importers
    assert {path: by for path, by in importers.items() if Path(path).match("test_*.py")} == {}


# What plays a service has clocks as the service does; `waiting` gives up on what never happens.
CLOCKS = {"waiting", "fake_slack", "fake_discord", "fake_discord_state"}


def test_no_test_measures_time() -> None:
    """A busy machine is slow, and not wrong: tests/complexity.py counts, tests/waiting.py waits."""
    measured = {"monotonic", "perf_counter", "process_time", "time_ns", "getrusage"}
    found = set()
    for path in (ROOT / "tests").rglob("*.py"):
        if "benchmarks" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if {getattr(node, "attr", ""), getattr(node, "id", "")} & measured:
                found.add(path.stem)
    assert found <= CLOCKS


if __name__ == "__main__":  # python -m tests.test_house_rules: the arrows between the rooms
    for start, ends in sorted(arrows().items()):
        print(f"{start} -> {', '.join(sorted(ends)) or 'nothing'}")
