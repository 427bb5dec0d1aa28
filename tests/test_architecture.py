"""The architecture: who may import whom, and which words and keys have one home.

`python -m tests.test_architecture` prints the imports between packages, and every folder with its
lines.
"""

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
    for top in ("bot", "workers")
    for path in (ROOT / top).rglob("*.py")
    if path.name != "__init__.py"
}
FOLDERS = sorted({path.parent for path in FILES.values()})
# A file at the top of bot or workers counts as a package: these are below all others.
BASE = {"bot.errors", "bot.endpoint", "bot.network", "bot.safe_text", "bot.logs", "bot.settings"}
BASE |= {"bot.sealing"}
# What each package may import, the lowest first. One that is not named here may import whatever
# makes no cycle.
ALLOWED_IMPORTS = {
    "bot.domain": set[str](),
    "bot.errors": {"bot.domain"},
    "bot.arxiv": {"bot.domain", "bot.errors"},
    "bot.planning": {"bot.domain", "bot.domain.readers", "bot.arxiv"},
    "bot.profiles": {"bot.domain", "bot.arxiv", "bot.errors"},
    "bot.domain.readers": {"bot.domain"},
    "bot.domain.tasks": {"bot.domain"},
    "bot.domain.watching": {"bot.domain"},
    "bot.store.values": {"bot.domain", "bot.endpoint", "bot.errors"},
    "bot.store.readers": {"bot.domain", "bot.domain.readers", "bot.store.values"},
    "bot.store.watching": {
        *("bot.domain", "bot.domain.watching", "bot.arxiv", "bot.store.values"),
    },
    "bot.store.chats": {"bot.domain", "bot.store.values"},
    "bot.store": {
        *("bot.domain", "bot.domain.readers", "bot.domain.tasks", "bot.arxiv", "bot.planning"),
        *BASE,
        *("bot.store.values", "bot.store.readers", "bot.domain.watching", "bot.store.watching"),
        "bot.store.chats",
    },
    "bot.store.keeping": {
        *("bot.domain", "bot.domain.watching", "bot.profiles", "bot.store", "bot.store.values"),
        "bot.errors",
    },
    "bot.views": {
        *("bot.domain", "bot.domain.tasks", "bot.arxiv", "bot.planning", "bot.errors"),
        "bot.safe_text",
    },
    "bot.exported": {
        *("bot.domain", "bot.domain.tasks", "bot.arxiv", "bot.views", "bot.views.looking"),
    },
    "bot.terminal": {
        *("bot.domain", "bot.arxiv", "bot.exported", "bot.views", "bot.views.watching"),
    },
    "bot.pages": {"bot.domain", "bot.arxiv", "bot.views", "bot.views.looking"},
    "bot.commands.typed": {"bot.domain", "bot.arxiv", "bot.errors"},
    "bot.commands": {
        *("bot.domain", "bot.arxiv", "bot.planning", "bot.profiles", "bot.store", "bot.views"),
        *("bot.domain.readers", "bot.domain.tasks", "bot.store.values", "bot.store.readers"),
        "bot.domain.watching",
        *("bot.views.keeping", "bot.views.learning", "bot.views.looking", "bot.views.making"),
        *("bot.views.readers", "bot.commands.typed", "bot.errors", "bot.sealing"),
    },
    "workers.arxiv": {"bot.domain", "bot.arxiv", "bot.store", "bot.store.values", *BASE},
    "workers.judging": {
        *("bot.domain", "bot.arxiv", "bot.store", "bot.store.values", "bot.views", *BASE),
    },
    "workers.embedding": {"bot.domain", "bot.store", "bot.store.values"},
    "workers.gate": {
        *("bot.domain", "bot.domain.readers", "bot.arxiv", "bot.store", "bot.errors"),
        *("bot.store.values", "bot.store.readers", "workers.embedding", "workers.judging"),
    },
}
# Packages and files that do no I/O: they import none of IO_LIBRARIES, and only one another.
PURE_PACKAGES = {
    "bot.commands.typed",
    *("bot.domain", "bot.domain.readers", "bot.domain.tasks", "bot.domain.watching"),
    *("bot.arxiv", "bot.planning"),
}
PURE = {
    *("bot.slack.blocks", "bot.slack.forms", "bot.slack.render"),
    *("bot.discord.forms", "bot.discord.render", "bot.terminal.render"),
    *("bot.runtime.expiring_cache", "bot.exported.shapes", "bot.doors.questions"),
    "bot.doors.allowance",
    *("bot.views.dates", "bot.views.permalinks", "bot.views.reasons", "bot.views.refusals"),
    "bot.commands.permissions",
    *("workers.arxiv.feed", "workers.arxiv.freshness", "workers.arxiv.withdrawals"),
    *("workers.arxiv.archive", "workers.arxiv.oai"),
    *("workers.arxiv.xml_check", "workers.gate.keyword_ranking", "workers.gate.learned_ranking"),
    *("workers.embedding.meaning", "workers.embedding.wordpiece", "workers.gate.local_ranking"),
    *("workers.gate.examples", "workers.gate.guarantee", "workers.gate.logistic"),
    "workers.gate.nightly",
    *("workers.gate.reports", "workers.gate.themes", "workers.gate.threshold"),
    "workers.gate.training",
    *("workers.judging.api_replies", "workers.judging.explaining"),
    "workers.gate.ranking_quality",
    *("workers.judging.outcomes", "workers.judging.prompts", "workers.judging.model_errors"),
    *("workers.judging.replies", "workers.judging.scoring", "workers.judging.top_papers"),
    *("workers.judging.dialect", "workers.judging.numbers", "workers.judging.spreading"),
}
IO_LIBRARIES = {
    *("redis", "rq", "openai", "httpx2", "aiohttp", "slack_sdk", "slack_bolt", "discord"),
    *("asyncio", "socket", "subprocess", "threading"),
}
RENDERERS = [
    name
    for name in FILES
    if re.fullmatch(r"bot\.(slack|discord|terminal)\.(blocks|render|forms)", name)
]


@cache
def imported(path: Path) -> frozenset[str]:
    """The modules that a file imports, anywhere in it: ours and libraries."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            submodules = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= (submodules & FILES.keys()) or {node.module}
    return frozenset(found)


def own_imports(path: Path) -> set[str]:
    return {name for name in imported(path) if name.split(".")[0] in ("bot", "workers")}


def package(module: str) -> str:
    """The package of a module; a file at the top of bot or workers is its own."""
    return module.rpartition(".")[0] if module.count(".") > 1 else module


def package_imports() -> dict[str, set[str]]:
    """Which packages each package imports."""
    found = defaultdict[str, set[str]](set)
    for name, path in FILES.items():
        found[package(name)] |= {package(other) for other in own_imports(path)} - {package(name)}
    return found


def test_bot_imports_nothing_of_workers() -> None:
    for name, path in FILES.items():
        if name.startswith("bot."):
            assert not {m for m in own_imports(path) if m.startswith("workers")}, name


@pytest.mark.parametrize("name", sorted(ALLOWED_IMPORTS))
def test_a_package_imports_only_packages_below_it(name: str) -> None:
    assert package_imports()[name] <= ALLOWED_IMPORTS[name]


def test_no_imports_make_a_cycle() -> None:
    reach = package_imports()
    for middle, start in product(list(reach), list(reach)):
        if middle in reach[start]:
            reach[start] |= reach[middle]
    assert [name for name, others in reach.items() if name in others] == []


@pytest.mark.parametrize("name", sorted(FILES))
def test_pure_modules_import_only_pure_modules(name: str) -> None:
    if name not in PURE and package(name) not in PURE_PACKAGES:
        return
    names = imported(FILES[name])
    assert not {other.split(".")[0] for other in names} & IO_LIBRARIES
    for other in own_imports(FILES[name]):
        assert other in PURE | {"bot.errors"} or package(other) in PURE_PACKAGES, other


@pytest.mark.parametrize("name", RENDERERS)
def test_renderers_import_only_messages(name: str) -> None:
    own = {other for other in FILES if package(other) == package(name)} & set(RENDERERS)
    assert own_imports(FILES[name]) <= own | {"bot.domain.message", "bot.arxiv.text"}


def test_only_settings_reads_the_environment() -> None:
    for name, path in FILES.items():
        text = path.read_text(encoding="utf-8")
        reads = re.search(r"os\.getenv|os\.environ(?!\[\"REDIS_URL\"\] = )", text)
        assert name == "bot.settings" or reads is None, name


def test_only_the_store_builds_a_key() -> None:
    named = {name for name, path in FILES.items() if '"pb:' in path.read_text(encoding="utf-8")}
    assert {package(name) for name in named} <= {
        "bot.store",
        "bot.store.chats",
        "bot.store.keeping",
        "bot.store.readers",
        "bot.store.values",
        "bot.store.watching",
    }


def test_one_module_calls_a_model_and_one_package_asks_arxiv_and_zotero_each() -> None:
    def users(library: str) -> set[str]:
        return {n for n, p in FILES.items() if library in {m.split(".")[0] for m in imported(p)}}

    assert users("openai") == {"workers.judging.model"}
    asking = {"workers.arxiv", "workers.judging", "workers.zotero"}
    assert {package(name) for name in users("httpx2")} == asking
    assert users("feedparser") == {"workers.arxiv.feed"}


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_file_has_a_docstring_and_at_most_400_lines(name: str) -> None:
    text = FILES[name].read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 400
    assert text == "" or ast.get_docstring(ast.parse(text))


@pytest.mark.parametrize("name", sorted(FILES))
def test_a_class_has_at_most_20_methods_and_a_function_60_lines(name: str) -> None:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(FILES[name].read_text(encoding="utf-8"))):
        if isinstance(node, ast.ClassDef):
            assert sum(isinstance(each, functions) for each in node.body) <= 20, node.name
        elif isinstance(node, functions):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_a_folder_has_a_docstring_and_at_most_25_entries(folder: Path) -> None:
    assert len([path for path in folder.iterdir() if path.name != "__pycache__"]) <= 25
    if folder.parent != ROOT:
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(tree)
        assert len(tree.body) == 1, "a docstring and nothing else"


def test_no_test_module_imports_another() -> None:
    """What tests share is a fixture in their folder's conftest.py, or stands in a module that has
    a plain name: factories, samples, conversations, run_score_job."""
    importers = Tree.read().importers
    assert {path: by for path, by in importers.items() if Path(path).match("test_*.py")} == {}


# The fake services keep time as the real ones do; `waiting` has a time-out; a campaign of fuzzing
# and a soak end after some minutes, and a simulated run says what CPU it took.
MAY_READ_CLOCK = {"waiting", "fake_slack", "fake_discord", "fake_discord_state", "campaign"}
MAY_READ_CLOCK |= {"run", "soak", "fake_slack_app"}


def test_no_test_measures_time() -> None:
    """A busy machine is slow, not wrong: complexity.py counts steps, waiting.py awaits events."""
    measured = {"monotonic", "perf_counter", "process_time", "time_ns", "getrusage"}
    found = set()
    for path in (ROOT / "tests").rglob("*.py"):
        if "benchmarks" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if {getattr(node, "attr", ""), getattr(node, "id", "")} & measured:
                found.add(path.stem)
    assert found <= MAY_READ_CLOCK


def print_imports() -> None:
    """The packages that each package imports, and the number of all these arrows."""
    imports = package_imports()
    for start, ends in sorted(imports.items()):
        print(f"{start} -> {', '.join(sorted(ends)) or 'nothing'}")
    print(f"{sum(map(len, imports.values()))} arrows between {len(imports)} packages")


def print_tree() -> None:
    """Folders with their Python files and lines: of the folder itself, and of all below it."""
    print(f"\n{'':32}{'files':>6}{'lines':>7}   with those below it")
    for top in ("bot", "workers", "tests"):
        lines = defaultdict[Path, list[int]](list)
        for path in (ROOT / top).rglob("*.py"):
            lines[path.parent].append(len(path.read_text(encoding="utf-8").splitlines()))
        for folder in sorted(lines):
            depth = len(folder.relative_to(ROOT).parts) - 1
            name = f"{'  ' * depth}{folder.name}/"
            below = [n for other, own in lines.items() if folder in other.parents for n in own]
            total = f"{len(lines[folder]) + len(below):9}{sum(lines[folder]) + sum(below):7}"
            own = f"{len(lines[folder]):6}{sum(lines[folder]):7}"
            print(f"{name:32}{own}{total if below else ''}")


if __name__ == "__main__":
    print_imports()
    print_tree()
