"""What a person at a terminal sees of the logs, and what a program reads."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
import structlog

from bot import logs
from tests.factories import scheduled_request
from workers.runtime.log_file import rotate


def test_while_a_person_waits_at_a_terminal_only_trouble_is_shown(
    capsys: pytest.CaptureFixture[str],
) -> None:
    log = structlog.get_logger()
    with logs.only_warnings():
        log.info("embedded")
        log.warning("away")
    log.info("afterwards")
    said = "".join(capsys.readouterr())
    assert "embedded" not in said
    assert "away" in said
    assert "afterwards" in said


SECRET = 'hunter2"hunter2'
SCRIPT = f"""
import logging, sys, threading
import structlog
from bot import logs
from bot.safe_text import register_secrets
secret = {SECRET!r}
register_secrets([secret])
logs.configure()
log = structlog.get_logger()
with logs.about(workspace="slack:T1", subscription="", day="2026-10-05"):
    log.info("posted", key=secret, seconds=1.5, odd="two\\nlines \\x1b[31m", url="http://me:pw@host/")
logging.getLogger("library").warning("it says %s", secret)
def fail(): raise ValueError(f"it has {{secret}}")
try:
    fail()
except ValueError:
    log.exception("a fault")
    logging.getLogger("library").exception("its fault")
"""


def logged(script: str) -> str:
    root = Path(__file__).parents[2]
    given = os.environ | {"PYTHONPATH": str(root)}
    run = [sys.executable, "-c", script]
    return subprocess.run(run, env=given, capture_output=True, text=True, check=True).stderr


def test_where_no_terminal_is_each_line_is_an_object_without_a_secret() -> None:
    text = logged(SCRIPT)
    rows = [json.loads(line) for line in text.splitlines()]
    ours, library, fault, its_fault = rows
    assert ours["event"] == "posted"
    assert (ours["workspace"], ours["day"], ours["seconds"]) == ("slack:T1", "2026-10-05", 1.5)
    assert "subscription" not in ours
    assert all({"event", "level", "timestamp"} <= row.keys() for row in rows)
    assert all(row["timestamp"].endswith("Z") for row in rows)
    assert (library["logger"], library["level"]) == ("library", "warning")
    assert "ValueError" in fault["exception"]
    assert "ValueError" in its_fault["exception"]
    assert "\x1b" not in text
    for masked in (SECRET, json.dumps(SECRET)[1:-1], "hunter2", "me:pw"):
        assert masked not in text


def test_a_line_about_a_digest_names_its_workspace_subscription_and_day() -> None:
    request = scheduled_request(0)
    assert request.log_fields["subscription"] == request.subscription
    assert request.log_fields["day"] == str(request.wanted.date)
    assert request.log_fields["workspace"] == request.address.workspace_key


def test_a_long_log_is_begun_anew_and_the_one_before_is_kept(tmp_path: Path) -> None:
    file = tmp_path / "workers.log"
    writer = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(writer, b"first\n" * 10)
    assert not rotate(file, 60)
    os.write(writer, b"second\n")
    assert rotate(file, 60)
    os.write(writer, b"third\n")
    before = tmp_path / "workers.log.1"
    assert file.read_bytes() == b"third\n"
    assert before.read_bytes() == b"first\n" * 10 + b"second\n"
    assert stat.S_IMODE(before.stat().st_mode) == 0o600
    os.write(writer, b"x" * 61)
    assert rotate(file, 60)
    assert before.read_bytes().startswith(b"third")
    assert not rotate(tmp_path / "none")
    os.close(writer)
