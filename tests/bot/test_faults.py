"""What Sentry hears of our faults, of a process as the bot is one; and what it never does."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bot import settings
from bot.errors import Refused
from tests.ports import free_port
from tests.servers.fake_sentry import FakeSentry, run_fake_sentry

ROOT = Path(__file__).parents[2]
# A secret, what somebody wrote, what only one group sees; and where this machine keeps its files.
PLANTED = ("hunter2hunter2", "I work on the moon", "Quantum cats, a title")
BEGIN = """
import asyncio, logging, os
import pydantic, redis, structlog
from bot import endpoint, errors, faults, logs, settings
from bot.domain.reasons import ModelReason
config = settings.load()
logs.configure()
faults.begin(config.sentry_dsn)
log = structlog.get_logger()
key, typed, title = os.environ["OPENAI_API_KEY"], "I work on the moon", "Quantum cats, a title"
"""
FAULTS = """
class Form(pydantic.BaseModel):
    number: int

def fail(key, typed):
    seen = {"typed": typed, title: key}
    try:
        seen[title + key]
    except KeyError as error:
        error.add_note(f"of {typed}")
        raise RuntimeError(f"https://me:{key}@host says {typed}: I work on the moon") from error

with logs.about(workspace=f"slack:{typed}"):
    try:
        fail(key, typed)
    except RuntimeError:
        log.exception("could not deliver", title=title)
try:
    Form(number=typed)
except ValueError as error:
    log.error("by hand", exc_info=error)
"""
EXPECTED = """
for expected in (
    errors.Refused(typed),
    errors.Unavailable(typed, ModelReason.MODEL_DOWN),
    redis.ConnectionError(typed),
    ConnectionResetError(typed),
    TimeoutError(typed),
):
    log.error("away", exc_info=expected)
try:
    raise ValueError(typed)
except ValueError:
    logging.getLogger("library").exception("the library's own, %s", typed)
try:
    raise KeyboardInterrupt
except KeyboardInterrupt:
    log.exception("stopped")
log.error("no exception", typed=typed)
"""
OF_LIBRARIES = """
async def main():
    task = asyncio.create_task(asyncio.to_thread(endpoint.parse_endpoint, f"{typed} {key}"))
    await asyncio.wait([task])
    del task
asyncio.run(main())
"""
# As a job's process, which rq forks and ends at once.
FORKED = """
def told(error):
    log.error("could not deliver", exc_info=error)
    faults.flush()
told(KeyError(1))
if not (child := os.fork()):
    told(LookupError(2))
    os._exit(0)
os.waitpid(child, 0)
os._exit(0)
"""
CRASH = """
raise LookupError(f"{key} {typed} {title}")
"""


def run(script: str, dsn: str, home: Path) -> subprocess.CompletedProcess[str]:
    """A process with this script, and what it said."""
    file = home / "hunter2hunter2.py"
    file.write_text(BEGIN + script)
    key = f"sk-{PLANTED[0]}"
    given = {"OPENAI_API_KEY": key, "PYTHONPATH": str(ROOT)}
    given |= {"SENTRY_DSN": dsn, "SENTRY_ENVIRONMENT": f"trial of {key}"}
    return subprocess.run(
        [sys.executable, str(file)],
        cwd=home,
        env=os.environ | given,
        capture_output=True,
        text=True,
        timeout=60,
    )


def kinds(sentry: FakeSentry) -> list[list[str]]:
    """The types of each event's exceptions, the one that was raised first first."""
    return [[each["type"] for each in event["exception"]["values"]] for event in sentry.events]


def last_frame(event: dict[str, Any]) -> str:
    frame = event["exception"]["values"][-1]["stacktrace"]["frames"][-1]
    return f"{frame['module']}.{frame['function']}"


def test_sentry_hears_of_faults_by_kind_and_place_and_of_nothing_else(tmp_path: Path) -> None:
    with run_fake_sentry() as sentry:
        done = run(FAULTS + EXPECTED + OF_LIBRARIES + CRASH, sentry.dsn, tmp_path)
    assert done.returncode == 1
    wanted = [["KeyError", "RuntimeError"], ["ValidationError"], ["ValueError"], ["LookupError"]]
    assert kinds(sentry) == wanted
    delivery, _, library, crash = sentry.events
    assert last_frame(delivery) == "__main__.fail"
    assert last_frame(library).startswith("bot.endpoint.")
    assert last_frame(crash) == "__main__.<module>"
    assert delivery["release"].startswith("paperboy@")
    assert delivery["environment"] == "trial of ***"
    assert delivery["event_id"] in done.stderr
    for planted in (*PLANTED, "sk-", "moon", platform.node(), str(tmp_path), str(ROOT)):
        assert planted not in sentry.text, planted
    # The log goes on saying all but the secret.
    assert PLANTED[1] in done.stderr
    assert PLANTED[0] not in done.stderr.replace(f"{PLANTED[0]}.py", "")


def test_a_process_that_ends_at_once_has_told_before_and_so_has_one_that_it_forked(
    tmp_path: Path,
) -> None:
    with run_fake_sentry() as sentry:
        assert run(FORKED, sentry.dsn, tmp_path).returncode == 0
        assert kinds(sentry) == [["KeyError"], ["LookupError"]]


def test_without_a_dsn_a_fault_is_a_line_in_the_log(tmp_path: Path) -> None:
    done = run(FAULTS, "", tmp_path)
    assert done.returncode == 0
    assert "could not deliver" in done.stderr
    assert "sentry" not in done.stderr


@pytest.mark.parametrize("how", ["deaf", "gone"])
def test_while_sentry_is_away_the_work_goes_on_and_ends(how: str, tmp_path: Path) -> None:
    with run_fake_sentry(is_deaf=True) as sentry:
        dsn = sentry.dsn if how == "deaf" else f"http://publickey@127.0.0.1:{free_port()}/7"
        done = run(FAULTS + "print('gone on')" + CRASH, dsn, tmp_path)
    assert done.stdout == "gone on\n"
    assert done.returncode == 1
    assert "could not deliver" in done.stderr
    assert "LookupError" in done.stderr
    assert "urllib3" not in done.stderr
    assert "Sentry is" not in done.stderr


@pytest.mark.parametrize(
    "dsn", ["https://host/7", "https://hunter2@host/x", "redis://hunter2@host/7", "hunter2"]
)
def test_what_is_no_dsn_is_refused_without_being_repeated(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENTRY_DSN", dsn)
    with pytest.raises(Refused, match="SENTRY_DSN: it ") as raised:
        settings.load()
    assert "hunter2" not in str(raised.value)
