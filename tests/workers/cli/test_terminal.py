"""`paperboy run` at a terminal: the first digest, then commands typed at the prompt."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest

from tests.processes import children_by_parent, is_alive, kill, run_command, stop_server
from tests.servers.arxiv_documents import FRIDAY, rss_feed
from tests.servers.fake_http import run_fake_server, xml_reply
from tests.waiting import TIMEOUT_SECONDS, wait_until


class Terminal:
    """A person at a terminal of 100 columns."""

    def __init__(self, master: int, process: subprocess.Popen[str]) -> None:
        self.master, self.process = master, process

    def read_until(self, text: str) -> str:
        """What it shows, without colours, up to and with `text`."""
        shown = b""
        while select.select([self.master], [], [], TIMEOUT_SECONDS)[0]:
            try:
                shown += os.read(self.master, 65536)
            except OSError:  # Linux's way to say that the other end has closed
                break
            plain = re.sub(
                r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\].*?\x1b\\", "", shown.decode("utf-8", "replace")
            )
            if text in plain:
                return plain
        raise AssertionError(f"{text!r} was not shown; this was:\n{shown.decode()}")

    def type(self, line: str) -> None:
        os.write(self.master, line.encode() + b"\n")

    def read_all(self) -> str:
        """What it shows until the command ends, as it was sent."""
        shown = b""
        while select.select([self.master], [], [], TIMEOUT_SECONDS)[0]:
            try:
                part = os.read(self.master, 65536)
            except OSError:
                break
            if not part:  # macOS's way to say it
                break
            shown += part
        return shown.decode()


class RunAtTerminal(Protocol):
    def __call__(self, settings: dict[str, str], *words: str) -> Terminal: ...


@pytest.fixture
def at_terminal(tmp_path: Path) -> Iterator[RunAtTerminal]:
    """Types `paperboy run`, or other words, with some settings; nothing is left at the end."""
    data = tmp_path / "data"
    with ExitStack() as left:
        left.callback(stop_server, data)

        def run(settings: dict[str, str], *words: str) -> Terminal:
            master, slave = pty.openpty()
            left.callback(os.close, master)
            size = {"TERM": "xterm", "COLUMNS": "100", "LINES": "50"}
            command = run_command(
                [sys.executable, "-m", "workers", *(words or ("run",))],
                cwd=tmp_path,
                env=os.environ | size | {"PAPERBOY_DATA_DIR": str(data)} | settings,
                stdin=slave,
                stdout=slave,
                stderr=slave,
            )
            terminal = Terminal(master, left.enter_context(command))
            os.close(slave)
            return terminal

        yield run


def test_a_person_reads_the_digest_and_asks_for_more(
    at_terminal: RunAtTerminal,
) -> None:
    friday = rss_feed(FRIDAY, ("2503.00001", "new", "cs.LG"), ("2503.00002", "new", "cs.CL"))
    with run_fake_server(lambda *_: xml_reply(friday)) as arxiv:
        terminal = at_terminal({"ARXIV_RSS_URL": f"{arxiv.url}/rss"})
        assert "4  foundations" in terminal.read_until("\n> ")
        terminal.type("4")
        first = terminal.read_until("paperboy> ")
        assert "Foundations of machine learning · Fri 21 Mar 2025" in first
        assert "1 below the cut-off · no model" in first
        assert first.endswith("m more · why ID · now PROFILE · ? help\r\n\r\npaperboy> ")
        terminal.type("1")
        assert "There is no number 1; the list has 0 papers." in terminal.read_until("paperboy> ")
        terminal.type("m")
        more = terminal.read_until("paperboy> ")
        assert "Nearly made it" in more
        assert "\r\n1 opens one" in more
        terminal.type("1")
        paper = terminal.read_until("paperboy> ")
        assert "1. On 2503.00001" in paper
        assert "Not picked: relevance" in paper
        assert "https://arxiv.org/abs/2503.00001" in paper
        for typed in ("why", "why 1"):
            terminal.type(typed)
            why = terminal.read_until("paperboy> ")
            assert "Not picked: " in why
            assert "2503.00001 · Foundations of machine learning" in why
        terminal.type("")
        assert "The only paper is not for you" in terminal.read_until("paperboy> ")
        terminal.type("why")
        assert "Say which paper" in terminal.read_until("paperboy> ")
        terminal.type("?")
        help = terminal.read_until("paperboy> ")
        assert "opens number 3 of the list" in help
        assert "Set OPENAI_API_KEY" in help
        assert "subscribe" not in help
        terminal.type("how do I subscribe?")
        assert "A terminal can't subscribe." in terminal.read_until("paperboy> ")
        terminal.type("/digest list")
        assert "foundations — Friday 21 March 2025" in terminal.read_until("paperboy> ")
        terminal.type("/digest nwo computational-linguistics")
        assert "did you mean /digest now?" in terminal.read_until("paperboy> ")
        terminal.type("/digest now computational-linguistics")
        assert "Computational linguistics · Fri 21 Mar 2025" in terminal.read_until("paperboy> ")
        terminal.type("/digest now computational-linguistics")
        assert "Already posted here; this is it again." in terminal.read_until("paperboy> ")
        terminal.type("quit")
        assert terminal.process.wait(TIMEOUT_SECONDS) == 0
    assert [path for path, _ in arxiv.requests] == ["/rss/cs.LG+cs.AI", "/rss/cs.CL"]


def test_without_arxiv_nothing_untrue_is_said_of_the_sample_or_the_day(
    at_terminal: RunAtTerminal,
) -> None:
    with run_fake_server(lambda *_: xml_reply(b"no", status=403)) as arxiv:
        terminal = at_terminal({"ARXIV_RSS_URL": f"{arxiv.url}/rss"}, "run", "foundations")
        first = terminal.read_until("paperboy> ")
        assert "Showing the sample that ships with Paperboy" in first
        terminal.type("/why 2503.22764")
        why = terminal.read_until("paperboy> ")
        assert "Mask Fine-Tuning" in why
        assert "changed since" not in why
        terminal.type("/digest list")
        had = terminal.read_until("paperboy> ")
        assert "arXiv's list wasn't available" in had
        assert "0 of 0" not in had


# What a terminal would obey, and what turns the direction of writing; XML takes no others.
HOSTILE = "Post-training quantization \x9b31m of the KV \u202ecache\x85 in low-bit LLM inference"


def hostile_feed() -> bytes:
    feed = rss_feed(FRIDAY, ("2503.00001", "new", "cs.LG"))
    found = feed.replace(b"On 2503.00001", HOSTILE.encode())
    assert found != feed
    return found


def test_a_day_at_a_terminal_ends_with_the_list_and_what_to_type(
    at_terminal: RunAtTerminal, tmp_path: Path
) -> None:
    (tmp_path / "feed.xml").write_bytes(hostile_feed())
    words = ("day", "compression", "--feed", "feed.xml")
    styled = at_terminal({}, *words).read_all()
    assert "\x1b[1mModel compression and efficient inference · Fri 21 Mar 2025\x1b[0m" in styled
    assert styled.rstrip().endswith("paperboy run compression opens papers by number")
    assert "quantization ›31m of the KV cache… in low-bit" in styled
    assert "\x1b]8;" in styled
    assert not set("\x9b\x85\u202e") & set(styled)
    plain = at_terminal({"NO_COLOR": "1"}, *words).read_all()
    shown = plain[plain.rindex("Model compression") :]
    assert "\x1b" not in shown
    assert "1 of 1 is for you · relevance" in shown


def test_nothing_is_left_running_when_the_command_is_killed(
    at_terminal: RunAtTerminal, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    with run_fake_server(
        lambda *_: xml_reply(rss_feed(FRIDAY, ("2503.00001", "new", "cs.LG")))
    ) as arxiv:
        terminal = at_terminal({"ARXIV_RSS_URL": f"{arxiv.url}/rss"}, "run", "foundations")
        terminal.read_until("paperboy> ")
        known = children_by_parent()
        pools = [pid for pid in known[terminal.process.pid] if pid in known]
        workers = pools + [worker for pool in pools for worker in known[pool]]
        assert len(workers) == 3  # a pool and its two
        terminal.process.kill()
        terminal.process.wait()
    try:
        wait_until(lambda: not any(map(is_alive, workers)), "the workers follow their command")
    finally:
        kill(workers)
    # The server is there for the next command, which takes it over and stops it.
    done = subprocess.run(
        [sys.executable, "-m", "workers", "status"],
        env=os.environ | {"PAPERBOY_DATA_DIR": str(data)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "queue ask: 0 workers" in done.stdout
    assert "Ready to accept connections" in (data / "server" / "server.log").read_text()
    assert "ready to exit" in (data / "server" / "server.log").read_text()
