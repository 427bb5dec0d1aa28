"""Loopback servers run by hand: print the settings, read typed lines, print what is new."""

from __future__ import annotations

import queue
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from tests.servers.fake_http import HttpReply, run_fake_server

_POLL_SECONDS = 0.2  # between two looks for news


class Console(Protocol):
    """A server and the people in it. `do` carries out a typed line and raises LookupError or
    ValueError when it cannot; `news` is what happened since the last call."""

    settings: Mapping[str, str]
    help: str

    def do(self, line: str) -> None: ...

    def news(self) -> Iterator[str]: ...


@dataclass
class Http:
    """A server that only answers: arXiv, the model. A typed status is its answer from then on,
    until `ok`; after a word, such as `rss`, that of addresses which begin so."""

    settings: Mapping[str, str]
    count: Callable[[], int]
    set_status: Callable[[int, str], None]
    name: str
    help: str = (
        "a status, such as 503: every answer from now on, or with a word (rss 503) those of "
        "addresses that begin so; ok: as usual again"
    )
    _printed: int = field(default=0)

    def do(self, line: str) -> None:
        begin, _, status = line.rpartition(" ")
        self.set_status(200 if status == "ok" else int(status), f"/{begin}")

    def news(self) -> Iterator[str]:
        count = self.count()
        if count != self._printed:
            yield f"{self.name} requests: {count - self._printed} new, {count} in all"
        self._printed = count


@contextmanager
def http(
    name: str,
    answer: Callable[[str, bytes], HttpReply],
    settings: Callable[[str], Mapping[str, str]],
) -> Iterator[Http]:
    """A server that answers with this function; `settings` makes the settings from its address."""
    status, where = 200, "/"

    def set_status(number: int, begin: str) -> None:
        nonlocal status, where
        status, where = number, begin

    def answer_or_fail(path: str, body: bytes) -> HttpReply:
        is_well = status == 200 or not path.startswith(where)
        return answer(path, body) if is_well else (status, {}, b"as typed")

    with run_fake_server(answer_or_fail) as server:
        yield Http(settings(server.url), lambda: len(server.requests), set_status, name)


def run(opening: Mapping[str, Callable[[], AbstractContextManager[Console]]]) -> None:
    """Start servers, print the settings that point Paperboy at them, and carry out typed lines
    until Ctrl-C or the end of input. With several servers the first word of a line names one."""
    for number in (signal.SIGINT, signal.SIGTERM):  # the former is ignored in the background
        signal.signal(number, signal.default_int_handler)
    with ExitStack() as stack:
        consoles = {name: stack.enter_context(open()) for name, open in opening.items()}
        with suppress(KeyboardInterrupt):
            _introduce(consoles)
            _talk(consoles)


def _introduce(consoles: Mapping[str, Console]) -> None:
    for console in consoles.values():
        for name, value in console.settings.items():
            print(f"export {name}={value}")
    # slack_sdk ignores NO_PROXY.
    print("unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy")
    for name, console in consoles.items():
        before = f"{name} " if len(consoles) > 1 else ""
        print(f"# {before}{console.help}")
    sys.stdout.flush()


def _talk(consoles: Mapping[str, Console]) -> None:
    typed: queue.Queue[str | None] = queue.Queue()
    threading.Thread(target=_read, args=(typed,), daemon=True).start()
    while True:
        try:
            line = typed.get(timeout=_POLL_SECONDS)
        except queue.Empty:
            line = ""
        if line is None:
            return
        try:
            _do(consoles, line.strip())
        except (LookupError, ValueError, OSError) as error:
            print(f"! {error}")
        for console in consoles.values():
            for new in console.news():
                print(new.rstrip(), end="\n\n", flush=True)


def _do(consoles: Mapping[str, Console], line: str) -> None:
    if not line:
        return
    (name, console), *others = consoles.items()
    if others:
        name, _, line = line.partition(" ")
        if name not in consoles:
            raise LookupError(f"begin with one of {', '.join(consoles)}")
        console = consoles[name]
    console.do(line)


def _read(typed: queue.Queue[str | None]) -> None:
    for line in sys.stdin:
        typed.put(line)
    if not sys.stdin.isatty():  # in the background: run until stopped
        threading.Event().wait()
    typed.put(None)
