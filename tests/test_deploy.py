"""deploy/: what is built and started there exists, runs as nobody in particular and can be watched.

No container is built here: hadolint and systemd's own check read the files, and what they can't
know about Paperboy is compared with it.
"""

from __future__ import annotations

import fnmatch
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dockerfile_parse import DockerfileParser

from bot.settings import Settings
from workers.__main__ import app

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.rglob("*.service"))
SETTINGS = {field.alias for field in Settings.model_fields.values()}
COMMANDS = {
    found.name or getattr(found.callback, "__name__", "") for found in app.registered_commands
}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions and what they say, without comments."""
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    parsed = DockerfileParser(fileobj=_Memory(text)).structure
    return [(row["instruction"], row["value"]) for row in parsed if row["instruction"] != "COMMENT"]


class _Memory:
    """A file for the parser, which wants to read and write bytes."""

    def __init__(self, text: str) -> None:
        self._lines = text.encode().splitlines(keepends=True)

    def seek(self, place: int) -> None:
        assert place == 0

    def readlines(self) -> list[bytes]:
        return self._lines


def final_stage() -> dict[str, str]:
    """The last word of each instruction of the image that is shipped."""
    rows = instructions()
    last = max(place for place, (name, _) in enumerate(rows) if name == "FROM")
    return dict(rows[last:])


def services() -> dict[str, Any]:
    found = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return dict(found["services"])


def keys(unit: Path) -> dict[str, str]:
    lines = unit.read_text(encoding="utf-8").splitlines()
    return {
        name: value for name, is_set, value in (line.partition("=") for line in lines) if is_set
    }


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    program = Path(sys.executable).parent / "hadolint"
    done = subprocess.run(
        [program, "--no-color", DEPLOY / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert done.stdout + done.stderr == ""


def test_the_image_runs_a_command_of_ours_as_nobody_in_particular() -> None:
    stage = final_stage()
    assert int(stage["USER"]) > 1000
    assert json.loads(stage["ENTRYPOINT"]) == ["paperboy"]
    (command,) = json.loads(stage["CMD"])
    assert command in COMMANDS
    program, _, asks = json.loads(stage["HEALTHCHECK"].partition("CMD ")[2])
    assert program == "python"
    port = Settings.model_fields["watch_port"].default
    assert f"http://127.0.0.1:{port}/healthz'" in asks
    compile(asks, "HEALTHCHECK", "exec")
    names = {pair.partition("=")[0] for pair in stage["ENV"].split()}
    assert {name for name in names if name.startswith("PAPERBOY_")} <= SETTINGS


def test_all_that_the_image_is_made_of_is_there_and_sent_along() -> None:
    lines = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    sent = {line[1:] for line in lines if line.startswith("!")}
    copied = set[str]()
    for name, value in instructions():
        if name == "COPY" and not value.startswith("--from"):
            copied |= set(value.split()[:-1])
    assert copied == sent
    assert "*" in lines
    assert [name for name in copied if not (ROOT / name).exists()] == []
    # What a wheel takes from the repository besides.
    named = {"README.md", "LICENSE", "pyproject.toml"}
    assert named <= copied
    assert not any(fnmatch.fnmatch(".env", pattern) for pattern in sent)


def test_every_library_is_installed_by_its_hash() -> None:
    runs = [value for name, value in instructions() if name == "RUN"]
    installs = [run for run in runs if "pip install" in run]
    assert len(installs) == 2
    for run in installs:
        assert "--require-hashes -r requirements.lock" in run or "--no-deps --no-index" in run


def test_compose_runs_bot_and_workers_from_one_image_without_rights() -> None:
    found = services()
    ours = {name: each for name, each in found.items() if "build" in each}
    assert {name: each["command"] for name, each in ours.items()} == {
        "bot": ["bot"],
        "worker": ["worker"],
    }
    assert ours["worker"]["healthcheck"]["test"] == ["CMD", "paperboy", "status"]
    for each in ours.values():
        assert each["image"] == "paperboy"
        assert (DEPLOY / each["build"]["context"] / each["build"]["dockerfile"]).samefile(
            DEPLOY / "Dockerfile"
        )
        assert each["read_only"]
        assert each["cap_drop"] == ["ALL"]
        assert each["env_file"] == "../.env"
        assert set(each["environment"]) <= SETTINGS
        assert each["depends_on"] == {"valkey": {"condition": "service_healthy"}}
        assert int(each["stop_grace_period"].rstrip("s")) > 10
        uid = final_stage()["USER"]
        assert f"/data:uid={uid},mode=0700" in each["tmpfs"]


def test_compose_has_a_database_that_keeps_what_it_is_given() -> None:
    valkey = services()["valkey"]
    said = " ".join(valkey["command"])
    assert "--appendonly yes" in said
    assert "--maxmemory-policy noeviction" in said
    assert "PONG" in valkey["healthcheck"]["test"][1]
    assert valkey["volumes"] == ["valkey:/data"]
    assert "ports" not in valkey


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.relative_to(DEPLOY)))
def test_a_unit_starts_a_command_of_ours_and_stops_it_in_order(unit: Path) -> None:
    found = keys(unit)
    program, command = found["ExecStart"].split()
    assert program.endswith("/.venv/bin/paperboy")
    assert command in COMMANDS
    # To all at once it would stop the database before those that still write to it.
    assert found["KillMode"] == "mixed"
    assert int(found["TimeoutStopSec"]) > 10
    assert found["Restart"] == "always"
    assert found["NoNewPrivileges"] == "yes"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not on this machine")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: str(unit.relative_to(DEPLOY)))
def test_systemd_finds_nothing_in_a_unit(unit: Path, tmp_path: Path) -> None:
    there = tmp_path / unit.name
    program = keys(unit)["ExecStart"].split()[0]  # not installed where a test runs
    text = unit.read_text(encoding="utf-8").replace(program, sys.executable)
    there.write_text(text, encoding="utf-8")
    done = subprocess.run(
        ["systemd-analyze", "verify", there], capture_output=True, text=True, check=False
    )
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


def test_the_procfile_starts_commands_of_ours() -> None:
    lines = (ROOT / "Procfile").read_text(encoding="utf-8").splitlines()
    commands = [line.partition(": ")[2].split() for line in lines]
    assert [words[:2] for words in commands] == [["exec", "paperboy"]] * 2
    assert {words[2] for words in commands} == {"bot", "worker"} <= COMMANDS
