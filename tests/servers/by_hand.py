"""What the loopback servers share when a person runs them: settings printed, lines typed, news."""

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

_LOOK = 0.2  # seconds between two looks at what is new


class Console(Protocol):
    """A server and the people in it. `do` takes what was typed and raises LookupError or
    ValueError for what cannot be done; `news` is what happened since it was asked last."""

    settings: Mapping[str, str]
    help: str

    def do(self, line: str) -> None: ...

    def news(self) -> Iterator[str]: ...


@dataclass
class Http:
    """A server that only answers: arXiv, the model. Typed, a status is what it answers from then
    on, and `ok` is the end of that."""

    settings: Mapping[str, str]
    asked: Callable[[], int]
    answers_with: Callable[[int], None]
    name: str
    help: str = "a status, such as 503, for every answer from now on; ok: no more"
    _told: int = field(default=0)

    def do(self, line: str) -> None:
        self.answers_with(200 if line == "ok" else int(line))

    def news(self) -> Iterator[str]:
        count = self.asked()
        if count != self._told:
            yield f"{self.name}: {count - self._told} asked, {count} in all"
        self._told = count


@contextmanager
def http(
    name: str,
    answer: Callable[[str, bytes], HttpReply],
    settings: Callable[[str], Mapping[str, str]],
) -> Iterator[Http]:
    """A server that answers by this function; `settings` from its address."""
    status = 200

    def answers_with(number: int) -> None:
        nonlocal status
        status = number

    def answered(path: str, body: bytes) -> HttpReply:
        return answer(path, body) if status == 200 else (status, {}, b"as it was told")

    with run_fake_server(answered) as there:
        yield Http(settings(there.url), lambda: len(there.requests), answers_with, name)


def run(opening: Mapping[str, Callable[[], AbstractContextManager[Console]]]) -> None:
    """Open servers, print the settings that lead Paperboy to them, and let a person talk, until
    Ctrl-C or the end of input. Of several, the first word of a line says which."""
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
    # slack_sdk knows no exceptions to a proxy.
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
            line = typed.get(timeout=_LOOK)
        except queue.Empty:
            line = ""
        if line is None:
            return
        try:
            _do(consoles, line.strip())
        except (LookupError, ValueError) as error:
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
    if not sys.stdin.isatty():  # in the background: until it is told to stop
        threading.Event().wait()
    typed.put(None)
