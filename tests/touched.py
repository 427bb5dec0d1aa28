"""Run the tests nearest to what was changed: `make check`, or `python -m tests.touched [--list]`.

What was changed is what differs from main, committed or not. Test files are taken in the order of
their distance from it along imports, those in the folder of the same name first, no further than
FAR unless nothing is nearer, until BUDGET seconds are planned. Tests that take longer than SLOW are
left out, unless their own file was changed. How long a test takes is what it took the last time it
ran here (conftest.py writes that down); before that it is guessed.

Not seen is whatever is no import: an rq job called by its name, a command that a test starts as a
process, a setting, a fixture of conftest.py. A file that is no Python counts as read by the files
that name it. A green check is a good sign; `make test` is the proof.
"""

from __future__ import annotations

import ast
import json
import math
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUDGET, SLOW = 8.0, 2.0  # seconds of tests, in all and for each
FAR = 2  # imports between a change and a test: a test of what uses it
# Of a test file that has not run here; of one that starts processes.
_GUESS, _GUESS_PROCESSES = 3.0, 20.0
_ALWAYS = ("tests/test_architecture.py",)
_FOLDERS = ("bot", "workers", "prompts", "tests")
# Below this the workers of pytest-xdist take longer to start than they save.
_PARALLEL = 6.0

Seconds = Mapping[str, float]  # by the id of a test


def changed(root: Path = ROOT, base: str = "main") -> set[str]:
    """The files that differ from where this branch left `base`, also those git does not know."""

    def git(*words: str) -> list[str]:
        ran = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
        return ran.stdout.splitlines()

    start = next(iter(git("merge-base", "HEAD", base)), "HEAD")
    differing = git("diff", "--name-only", "--no-renames", start)
    return {*differing, *git("ls-files", "--others", "--exclude-standard")}


@dataclass(frozen=True)
class Tree:
    """Every Python file's text, by its path from the root."""

    texts: Mapping[str, str]

    @classmethod
    def read(cls, root: Path = ROOT) -> Tree:
        found = (path for folder in _FOLDERS for path in (root / folder).rglob("*.py"))
        return cls({str(p.relative_to(root)): p.read_text(encoding="utf-8") for p in found})

    def readers(self, changed: Iterable[str]) -> set[str]:
        """The Python files among these, and those that name one of the others."""
        found = set()
        for path in changed:
            if path.endswith(".py"):
                found |= {path} & self.texts.keys()
            else:
                found |= {own for own, text in self.texts.items() if Path(path).name in text}
        return found

    @cached_property
    def importers(self) -> dict[str, set[str]]:
        """Which files import each file, anywhere in them."""
        files = {path.removesuffix(".py").replace("/", "."): path for path in self.texts}
        found = defaultdict[str, set[str]](set)
        for path, text in self.texts.items():
            for node in ast.walk(ast.parse(text)):
                for name in _names(node):
                    if name in files:
                        found[files[name]].add(path)
        return found

    def nearest(self, changed: Iterable[str]) -> dict[str, int]:
        """The test files that this reaches, each with its distance: 0 is a changed one itself, 1
        imports what was changed."""
        distances = dict.fromkeys(self.readers(changed), 0)
        waiting = list(distances)
        for path in waiting:  # which grows
            for importer in self.importers[path] - distances.keys():
                distances[importer] = distances[path] + 1
                waiting.append(importer)
        return {path: far for path, far in distances.items() if _is_test(path)}

    def guess(self, path: str) -> float:
        return _GUESS_PROCESSES if "tests.processes" in self.texts[path] else _GUESS


@dataclass(frozen=True)
class Plan:
    """What runs, in order, the slow tests of it that do not, and the test files left out."""

    files: tuple[str, ...]
    slow: tuple[str, ...]
    left: tuple[str, ...]
    seconds: float

    @property
    def command(self) -> list[str]:
        """What to type after `python`."""
        workers = "2" if self.seconds > _PARALLEL else "0"
        skipped = (word for id in self.slow for word in ("--deselect", id))
        return ["-m", "pytest", "-n", workers, *skipped, *self.files]


def plan(changed: Iterable[str], tree: Tree, measured: Seconds, budget: float = BUDGET) -> Plan:
    """Which tests to run for a change, by how long each took the last time."""
    changed = sorted(changed)
    distances = tree.nearest(changed)
    homes = {_home(path) for path in changed}
    by_file = defaultdict[str, dict[str, float]](dict)
    for id, took in measured.items():
        by_file[id.partition("::")[0]][id] = took

    def cost(path: str) -> float:
        took = by_file[path].values()
        if not took:
            return tree.guess(path)
        if distances[path] == 0:
            return sum(took)
        return sum(t for t in took if t <= SLOW) if min(took) <= SLOW else math.inf

    def nearness(path: str) -> tuple[int, bool, float]:
        return distances[path], _home(path) not in homes, cost(path)

    files, left, total = list(_ALWAYS), [], 0.0
    far = max(FAR, min(distances.values(), default=0))
    for path in sorted(distances.keys() - set(_ALWAYS), key=nearness):
        # What was changed itself, and what is nearest, runs whatever it takes.
        allowed = budget if total else max(budget, min(cost(path), sys.float_info.max))
        fits = total + cost(path) <= allowed and distances[path] <= far
        if distances[path] == 0 or fits:
            files.append(path)
            total += cost(path)
        else:
            left.append(path)
    slow = [
        id
        for path in files
        for id, took in by_file[path].items()
        if took > SLOW and distances.get(path)
    ]
    return Plan(tuple(files), tuple(slow), tuple(left), total)


def seconds(root: Path = ROOT) -> dict[str, float]:
    """How long each test took the last time it ran here."""
    try:
        found: dict[str, float] = json.loads(
            (root / ".pytest_cache/v/paperboy/seconds").read_text()
        )
    except (OSError, ValueError):
        return {}
    return found


def _names(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if isinstance(node, ast.ImportFrom) and node.module:
        return {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return set()


def _is_test(path: str) -> bool:
    return path.startswith("tests/") and Path(path).name.startswith("test_")


def _home(path: str) -> str:
    """The folder of a module, and of its tests."""
    return str(Path(path).parent).removeprefix("tests/")


def main() -> int:
    files = changed()
    if not files:
        print("Nothing differs from main; `make test` runs all tests.")
        return 0
    chosen = plan(files, Tree.read(), seconds())
    count = f"{len(files)} changed file{'s' * (len(files) != 1)}"
    print(f"{count}: running {', '.join(chosen.files)}, about {chosen.seconds:.0f} s of tests.")
    if chosen.left or chosen.slow:
        more = len(chosen.left)
        print(
            f"Left to `make test`: {len(chosen.slow)} slow tests of these, and {more} more test "
            "files that the change reaches" + (f" ({', '.join(chosen.left[:5])}" if more else "")
            + (", ..." * (more > 5) + ")" if more else "") + "."
        )  # fmt: skip
    if "--list" in sys.argv:
        return 0
    return subprocess.run([sys.executable, *chosen.command], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
