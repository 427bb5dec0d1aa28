"""`make check` runs the tests that are nearest to a change."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.touched import BUDGET, ROOT, SLOW, Tree, changed, plan

HOUSE = "tests/test_architecture.py"
TREE = Tree(
    {
        "bot/a.py": "",
        "bot/b.py": "from bot import a",
        "bot/c.py": "def late():\n    from bot.b import x\n    read('words.txt')",
        "tests/bot/test_a.py": "from bot.a import y",
        "tests/far/test_a_too.py": "import bot.a",
        "tests/bot/test_b.py": "import bot.b",
        "tests/bot/test_c.py": "from bot import c",
        "tests/far/test_long.py": "from bot import a\nfrom tests.processes import started",
        "tests/processes.py": "",
        HOUSE: "",
    }
)


def test_a_test_is_as_far_from_a_change_as_the_imports_between_them() -> None:
    assert TREE.nearest({"bot/a.py"}) == {
        "tests/bot/test_a.py": 1,
        "tests/far/test_a_too.py": 1,
        "tests/far/test_long.py": 1,
        "tests/bot/test_b.py": 2,
        "tests/bot/test_c.py": 3,
    }
    assert TREE.nearest({"tests/bot/test_b.py"}) == {"tests/bot/test_b.py": 0}


def test_a_file_that_is_no_python_is_its_readers() -> None:
    assert TREE.nearest({"bot/words.txt"}) == {"tests/bot/test_c.py": 1}
    assert TREE.nearest({"notes.md", "bot/gone.py"}) == {}


def test_the_nearest_run_first_those_of_the_same_folder_before_others() -> None:
    """What starts processes is guessed to take long, and does not fit."""
    found = plan({"bot/a.py"}, TREE, {})
    assert found.files == (
        HOUSE,
        *("tests/bot/test_a.py", "tests/far/test_a_too.py"),
    )
    assert found.left == ("tests/far/test_long.py", "tests/bot/test_b.py", "tests/bot/test_c.py")
    took = dict.fromkeys((f"{path}::test" for path in TREE.texts), 0.1)
    found = plan({"bot/a.py"}, TREE, took)
    assert found.left == ("tests/bot/test_c.py",), "too far"
    assert "0" in found.command


def test_what_does_not_fit_and_what_is_slow_is_left_out_by_name() -> None:
    slow = "tests/bot/test_a.py::test_slow"
    took = {
        slow: SLOW + 1,
        "tests/bot/test_a.py::test_quick": 1.0,
        **{f"tests/bot/test_b.py::test_{n}": 1.0 for n in range(int(BUDGET))},
    }
    found = plan({"bot/a.py"}, TREE, took)
    assert found.slow == (slow,)
    assert found.left == ("tests/far/test_long.py", "tests/bot/test_b.py", "tests/bot/test_c.py")
    assert found.command[found.command.index("--deselect") + 1] == slow


def test_a_file_of_slow_tests_alone_is_left_out() -> None:
    found = plan({"bot/a.py"}, TREE, {"tests/bot/test_a.py::test_slow": SLOW + 1})
    assert found.files[1] == "tests/far/test_a_too.py"
    assert "tests/bot/test_a.py" in found.left


def test_a_changed_test_file_runs_all_its_tests() -> None:
    slow = "tests/bot/test_b.py::test_slow"
    found = plan({"tests/bot/test_b.py"}, TREE, {slow: BUDGET * 9})
    assert found.files == (HOUSE, "tests/bot/test_b.py")
    assert found.slow == ()


def test_every_module_is_reached_by_a_test() -> None:
    tree = Tree.read()
    unreached = {
        path
        for path in tree.texts
        if path.split("/")[0] in ("bot", "workers")
        and not path.endswith("__init__.py")
        and not tree.nearest({path})
    }
    assert unreached == set()


def test_a_change_of_the_store_runs_its_own_tests_first() -> None:
    found = plan({"bot/store/outbox.py"}, Tree.read(), {})
    assert found.files[1].startswith("tests/bot/store/")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    for name in ("old.py", "kept.py"):
        (tmp_path / name).write_text("")
    (tmp_path / ".gitignore").write_text("cache\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "before")
    return tmp_path


def git(where: Path, *words: str) -> None:
    who = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    subprocess.run(["git", *who, *words], cwd=where, check=True)


def test_changed_is_what_differs_from_main_committed_or_not(project: Path) -> None:
    assert changed(project) == set()
    git(project, "checkout", "-qb", "branch")
    (project / "old.py").rename(project / "moved.py")
    git(project, "add", ".")
    git(project, "commit", "-qm", "moved")
    (project / "kept.py").write_text("# otherwise")
    (project / "new.py").write_text("")
    (project / "cache").write_text("")
    assert changed(project) == {"old.py", "moved.py", "kept.py", "new.py"}


def test_on_main_it_is_what_is_not_committed(project: Path) -> None:
    (project / "kept.py").write_text("# otherwise")
    assert changed(project) == {"kept.py"}


def test_make_check_is_lint_types_and_these() -> None:
    rule = (ROOT / "Makefile").read_text(encoding="utf-8").partition("\ncheck:")[2]
    assert "lint" in rule.splitlines()[0]
    assert "tests.touched" in rule.splitlines()[1]
