"""The terminal is closed, or SIGTERM comes: a command stops everything that it started."""

from __future__ import annotations

import fcntl
import os
import pty
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.processes import descendants, is_alive, stop_server
from tests.servers.arxiv_documents import FRIDAY, rss_feed
from tests.servers.fake_http import run_fake_server, xml_reply
from tests.waiting import TIMEOUT_SECONDS, wait_until
from workers.runtime.server import _answers, _socket_path

NOWHERE = "http://127.0.0.1:1"
CHAT = {"SLACK_BOT_TOKEN": "xoxb-1", "SLACK_APP_TOKEN": "xapp-1", "SLACK_API_URL": NOWHERE}
PROMPT = {"ARXIV_RSS_URL": "{arxiv}", "ARXIV_API_URL": NOWHERE}


class Terminal:
    """A command in a terminal of its own, whose session it leads, as in a window."""

    def __init__(self, home: Path, words: list[str], settings: dict[str, str]) -> None:
        self.home = home
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "workers", *words],
            cwd=home,
            env=os.environ | {"PAPERBOY_DATA_DIR": str(home / "data"), "TERM": "dumb"} | settings,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.said = ""

    def hears(self, words: str) -> None:
        while words not in self.said:
            self.said += os.read(self._master, 10000).decode(errors="replace")

    def close(self) -> None:
        if self._master >= 0:
            os.close(self._master)
        self._master = -1

    def server(self) -> str:
        return f"unix://{_socket_path(self.home / 'data' / 'server')}"


def state(pid: int) -> str:
    """What `ps` says of a process; nothing when there is none."""
    told = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return told.stdout.strip()


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for each in opened:
        for pid in (*descendants(each.process.pid), each.process.pid):
            if each.process.poll() is None and is_alive(pid):
                os.kill(pid, signal.SIGKILL)
        each.process.wait()
        each.close()
        stop_server(each.home / "data")


STARTED = {
    "run, with a chat": (["run"], CHAT, "bot started"),
    "run, at its prompt": (["run", "foundations"], PROMPT, "paperboy> "),
    "bot": (["bot"], CHAT, "bot started"),
    "worker": (["worker"], {}, "workers started"),
}


@pytest.mark.parametrize(
    ("command", "how"),
    [(command, how) for command in STARTED for how in ("closed", "SIGTERM")]
    + [("run, with a chat", "twice")],
)
def test_nothing_is_left_behind(
    command: str, how: str, terminal: list[Terminal], tmp_path: Path
) -> None:
    words, settings, up = STARTED[command]
    friday = rss_feed(FRIDAY, ("2503.00001", "new", "cs.LG"))
    with run_fake_server(lambda path, body: xml_reply(friday)) as arxiv:
        given = {name: value.format(arxiv=arxiv.url) for name, value in settings.items()}
        it = Terminal(tmp_path, words, given)
        terminal.append(it)
        it.hears(up)
    started = descendants(it.process.pid)
    assert _answers(it.server())
    if how == "SIGTERM":
        it.process.terminate()
    else:
        it.close()
    if how == "twice":  # as a shell that was told, too
        time.sleep(0.05)
        it.process.send_signal(signal.SIGHUP)
    it.process.wait(TIMEOUT_SECONDS)
    assert not _answers(it.server())
    for pid in started:  # one that nobody reaped is over, too
        wait_until(lambda pid=pid: not is_alive(pid) or state(pid)[:1] in ("Z", ""), "it ends")
