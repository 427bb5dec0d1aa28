"""What `paperboy day` makes of every shape of reply we know of: papers scored, calls, exit status.

    python -m tests.benchmarks.bench_shapes [--only NAME] [--of FOLDER]

Each row is one real `paperboy day` of 70 papers (seven calls at least) against a model on loopback
that answers in that shape: always, or (marked 1) only the first time. `twice` is how many papers
were scored in more than one answer of a usable shape: what was bought twice. The last rows kill
the job, or the whole command, while calls are under way, and go on. FOLDER is another checkout with
its own .venv, to compare with.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.processes import descendants
from tests.servers.arxiv_documents import THURSDAY, rss_feed
from tests.servers.fake_http import (
    HttpReply,
    chat_reply,
    json_reply,
    requested_ids,
    run_fake_server,
    scores_for,
)

PAPERS = 70
Shape = Callable[[list[str]], HttpReply]
PROFILE = """
name = "mine"
title = "Mine"
categories = ["cs.LG"]
gate = false
maximum = 100
[cutoffs]
relevance = 1
novelty = 1
[[topics]]
name = "Matter"
relevant = "Studies of the matter."
"""


def text(ids: list[str]) -> str:
    return json.dumps(scores_for(ids))


def said(write: Callable[[list[str]], str]) -> Shape:
    """A chat completion whose content is so written."""
    return lambda ids: chat_reply(write(ids))


def message(change: Callable[[list[str]], Any]) -> Shape:
    """A chat completion with this for its message."""

    def answer(ids: list[str]) -> HttpReply:
        body = json.loads(chat_reply(text(ids))[2])
        body["choices"][0]["message"] = change(ids)
        return json_reply(body)

    return answer


def content(change: Callable[[list[str]], Any]) -> Shape:
    return message(lambda ids: {"role": "assistant", "content": change(ids)})


def usage(value: Any) -> Shape:
    return lambda ids: json_reply(json.loads(chat_reply(text(ids))[2]) | {"usage": value})


def body(raw: Callable[[list[str]], bytes], kind: str = "application/json") -> Shape:
    return lambda ids: (200, {"Content-Type": kind}, raw(ids))


def rows(change: Callable[[dict[str, Any]], Any]) -> Shape:
    """Each row of a well-formed reply changed so."""
    return said(lambda ids: json.dumps({"papers": [change(r) for r in scores_for(ids)["papers"]]}))


def commented(raw: str) -> Shape:
    """Comments as a model writes them, between quotes, whatever JSON says of them."""
    return said(lambda ids: re.sub(r'"About [^"]*"', lambda _: f'"{raw}"', text(ids)))


def error(status: int, message: str, code: Any = None) -> Shape:
    said = {"error": {"message": message, "code": code}}
    return lambda ids: json_reply(said, status)


def keyed(ids: list[str]) -> str:
    return json.dumps({row.pop("id"): row for row in scores_for(ids)["papers"]})


def thinking(ids: list[str]) -> str:
    draft = {"papers": [row | {"relevance": 1} for row in scores_for(ids)["papers"]]}
    return f"<think>Perhaps {json.dumps(draft)}?</think>\n{text(ids)}"


ALWAYS: dict[str, Shape] = {
    "well-formed": said(text),
    "content: one text part": content(lambda ids: [{"type": "text", "text": text(ids)}]),
    "content: thinking and text": content(
        lambda ids: [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
            {"type": "text", "text": text(ids)},
        ]
    ),
    "content: two text parts": content(
        lambda ids: [{"type": "text", "text": text(ids)[:40]}, {"text": text(ids)[40:]}]
    ),
    "content: an object": content(scores_for),
    "content: a part that is no list": content(lambda ids: {"type": "text", "text": text(ids)}),
    "only in reasoning_content": message(
        lambda ids: {"content": None, "reasoning_content": text(ids)}
    ),
    "usage: {}": usage({}),
    "usage: null counts": usage({"prompt_tokens": None, "completion_tokens": None}),
    "usage: fractional": usage({"prompt_tokens": 10.5, "completion_tokens": 2.5}),
    "usage: negative": usage({"prompt_tokens": -1, "completion_tokens": 20}),
    "usage: cached > prompt": usage(
        {
            "prompt_tokens": 100,
            "completion_tokens": 20,
            "prompt_tokens_details": {"cached_tokens": 500},
        }
    ),
    "usage: text": usage({"prompt_tokens": "100", "completion_tokens": "20"}),
    "usage: a list": usage([1]),
    "fenced": said(lambda ids: f"Sure!\n```json\n{text(ids)}\n```"),
    "one a line": said(lambda ids: "\n".join(map(json.dumps, scores_for(ids)["papers"]))),
    "a raw line break in a comment": commented("One.\nTwo."),
    "TeX: \\mathcal": commented(r"In $\mathcal{O}(n)$."),
    "TeX: \\times \\nu \\beta": commented(r"$m \times n$, $\nu$, $\beta$, $\frac{1}{2}$."),
    "unescaped quotes": commented('Called "deep" by some.'),
    "trailing commas": said(lambda ids: text(ids).replace("}", ",}")),
    "single quotes": said(lambda ids: str(scores_for(ids))),
    "names without quotes": said(lambda ids: re.sub(r'"(\w+)":', r"\1:", text(ids))),
    "a draft in <think>": said(thinking),
    "an object keyed by id": said(keyed),
    "ids as addresses": rows(lambda row: row | {"id": f"https://arxiv.org/abs/{row['id']}v1"}),
    "ids as numbers": said(lambda ids: re.sub(r'"id": "([\d.]+)"', r'"id": \1', text(ids))),
    "scores 7.5": rows(lambda row: row | {"relevance": 7.5}),
    'scores "8/10"': rows(lambda row: row | {"relevance": "8/10"}),
    "no comment": rows(lambda row: {k: v for k, v in row.items() if k != "comment"}),
    "comment: null": rows(lambda row: row | {"comment": None}),
    "comment: a list": rows(lambda row: row | {"comment": ["One.", "Two."]}),
    "scores all twice": said(lambda ids: text(ids) + "\n" + text(ids)),
    "cut off after a row": said(lambda ids: text(ids)[: text(ids).index("}") + 12]),
}


def refuses(name: str, message: str) -> Callable[[dict[str, Any], list[str]], HttpReply | None]:
    """A server that refuses a parameter."""

    def answer(sent: dict[str, Any], ids: list[str]) -> HttpReply | None:
        return error(400, message)(ids) if name in sent else None

    return answer


def no_system(sent: dict[str, Any], ids: list[str]) -> HttpReply | None:
    roles = [said["role"] for said in sent["messages"]]
    return error(400, "System role not supported")(ids) if "system" in roles else None


LIMIT = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
PICKY: dict[str, Callable[[dict[str, Any], list[str]], HttpReply | None]] = {
    "max_tokens refused, with a budget": refuses("max_tokens", LIMIT),
    "response_format refused": refuses("response_format", "response_format is not supported"),
    "system role refused": no_system,
}

ONCE: dict[str, Shape] = {
    "message: null": message(lambda ids: None),
    "message: absent": lambda ids: json_reply({"choices": [{"index": 0}], "usage": {}}),
    "content: null": content(lambda ids: None),
    "content: 7": content(lambda ids: 7),
    "choices: null": lambda ids: json_reply({"choices": None}),
    "choices: []": lambda ids: json_reply({"choices": []}),
    "choices: [null]": lambda ids: json_reply({"choices": [None]}),
    "an empty body": body(lambda ids: b""),
    "a cut body": body(lambda ids: chat_reply(text(ids))[2][:-60]),
    "a page as JSON": body(lambda ids: b"<html>Welcome</html>"),
    "a page": body(lambda ids: b"<html>Welcome</html>", "text/html"),
    "a list": lambda ids: json_reply([1, 2]),
    "null": lambda ids: json_reply(None),
    "no UTF-8": body(lambda ids: b'{"choices": "\xff\xfe"}'),
    "error 502 with status 200": lambda ids: json_reply(
        {"error": {"code": 502, "message": "away"}}
    ),
    "403, one flagged input": error(403, "Your input was flagged", 403),
    "400, content filter": error(400, "filtered", "content_filter"),
    "400, context too long": error(400, "too long", "context_length_exceeded"),
    "413": error(413, "too large"),
    "429": error(429, "slow down", "rate_limit_exceeded"),
    "500": error(500, "oops"),
    "a refusal": message(lambda ids: {"content": None, "refusal": "No."}),
    "402, money": error(402, "Insufficient Balance"),
    "401": error(401, "Incorrect API key provided"),
}


class Counted:
    """A model's server that answers in a shape, and counts which papers it has scored how often."""

    def __init__(self, shape: Shape, once: bool = False) -> None:
        self.shape, self.once = shape, once
        self.picky: Callable[[dict[str, Any], list[str]], HttpReply | None] | None = None
        self.calls, self.scored = 0, Counter[str]()
        self.seconds, self.lock = 0.0, threading.Lock()

    def __call__(self, path: str, request: bytes) -> HttpReply:
        ids, sent = requested_ids(request), json.loads(request)
        if b'["order"]' in request:  # the second look at papers that tie
            return chat_reply(json.dumps({"order": ids}))
        with self.lock:
            self.calls += 1
            first = self.calls == 1
        if self.picky and (refused := self.picky(sent, ids)):
            return refused
        odd = not self.once or first
        time.sleep(self.seconds)
        reply = self.shape(ids) if odd else chat_reply(text(ids))
        if odd == (not self.once):
            with self.lock:
                self.scored.update(i for i in ids if i.encode() in reply[2])
        return reply


def day(folder: Path, home: Path, url: str, **more: str) -> subprocess.Popen[str]:
    """`paperboy day` of a checkout."""
    python = folder / ".venv" / "bin" / "python"
    settings = {
        "PAPERBOY_DATA_DIR": str(home / "data"),
        "OPENAI_BASE_URL": f"{url}/v1",
        "OPENAI_API_KEY": "sk-x",
        "PAPERBOY_CALL_SECONDS": "10",
    }
    words = ("-m", "workers", "day", "mine.toml", "--feed", "feed.xml", "--format", "json")
    return subprocess.Popen(
        [str(python), *words],
        cwd=home,
        env=os.environ | {"PYTHONPATH": str(folder)} | settings | more,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def made(home: Path, papers: int = PAPERS) -> None:
    (home / "mine.toml").write_text(PROFILE)
    listed = ((f"2503.{10000 + i}", "new", "cs.LG") for i in range(papers))
    (home / "feed.xml").write_bytes(rss_feed(THURSDAY, *listed))


def reported(name: str, server: Counted, process: subprocess.Popen[str], least: int = 7) -> None:
    out, _ = process.communicate(timeout=300)
    try:
        left = json.loads(out)["outcomes"]["unscored"]
        found = sum(json.loads(out)["outcomes"].values()) - left
    except ValueError:
        found = 0
    twice = sum(n > 1 for n in server.scored.values())
    print(
        f"| {name} | {found} | {server.calls - least} | {twice} | {process.returncode} |",
        flush=True,
    )


def tried(folder: Path, name: str, server: Counted, **more: str) -> None:
    with tempfile.TemporaryDirectory() as place, run_fake_server(server) as there:
        made(Path(place))
        reported(name, server, day(folder, Path(place), there.url, **more))


def killed(folder: Path, name: str, whole: bool) -> None:
    """Four calls at once, and kill -9 of the job (or of the command with all it started) after ten
    answers; then it goes on (or is begun again)."""
    server = Counted(said(text))
    server.seconds = 0.4
    at_once = {"PAPERBOY_CALLS_AT_ONCE": "4"}
    with tempfile.TemporaryDirectory() as place, run_fake_server(server) as there:
        made(Path(place), 300)
        process = day(folder, Path(place), there.url, **at_once)
        while server.calls < 10 and process.poll() is None:
            time.sleep(0.05)
        below = descendants(process.pid)
        victims = [*below, process.pid] if whole else below[-1:]
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        if whole:
            process.communicate()
            process = day(folder, Path(place), there.url, **at_once)
        reported(name, server, process, least=30)


def main(folder: Path, only: str) -> None:
    """Print the table."""
    print("| shape | scored | extra calls | bought twice | exit |\n|---|---|---|---|---|")
    for name, shape in ALWAYS.items():
        if only in name:
            tried(folder, name, Counted(shape))
    for name, picky in PICKY.items():
        if only in name:
            server = Counted(said(text))
            server.picky = picky
            tried(folder, name, server, PAPERBOY_DAY_TOKENS="10000000")
    for name, shape in ONCE.items():
        if only in name:
            tried(folder, f"1: {name}", Counted(shape, once=True))
    for name, whole in (("the job killed", False), ("all killed, begun again", True)):
        if only in name:
            killed(folder, name, whole)


if __name__ == "__main__":
    given = sys.argv[1:]
    where = Path(given[given.index("--of") + 1]) if "--of" in given else Path(__file__).parents[2]
    main(where.resolve(), given[given.index("--only") + 1] if "--only" in given else "")
