"""arXiv and a model on loopback, as far as the tests need them: real HTTP, scripted answers."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

from bot.domain.papers import Paper

# Words that no paper has: a quotation of them is made up.
INVENTED_QUOTE = "nobody ever wrote these words in a paper"

HttpReply = tuple[int, dict[str, str], bytes]


class QuietHandler(BaseHTTPRequestHandler):
    """Answers on a connection that stays, and prints nothing on standard error."""

    protocol_version = "HTTP/1.1"

    def reply(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with suppress(ConnectionError):  # the client was killed
            self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """The address of a server on a free port, in a thread of its own."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@dataclass
class FakeServer:
    """A server that answers with `answer(path, body)` and keeps the requests it got."""

    answer: Callable[[str, bytes], HttpReply]
    requests: list[tuple[str, bytes]] = field(default_factory=list)
    url: str = ""


@contextmanager
def run_fake_server(answer: Callable[[str, bytes], HttpReply]) -> Iterator[FakeServer]:
    fake = FakeServer(answer)

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fake.requests.append((self.path, body))
            status, headers, reply = fake.answer(self.path, body)
            self.reply(status, headers, reply)

        do_POST = do_GET

    with served(Handler) as fake.url:
        yield fake


def requested_ids(body: bytes) -> list[str]:
    """The ids of the papers in a request to a model, in order."""
    return [json.loads(line)["id"] for line in question_text(body).splitlines() if line[:1] == "{"]


def question_text(body: bytes) -> str:
    """The question of a request to a model, without the instructions."""
    request = json.loads(body)
    messages = request["messages"] if "messages" in request else request["input"]
    return messages if isinstance(messages, str) else str(messages[-1]["content"])


def scores_for(ids: list[str]) -> dict[str, Any]:
    """A well-formed reply; each score depends on its id alone."""

    def of(id: str) -> dict[str, Any]:
        n = int(re.sub(r"\D", "", id)[-5:])
        return {"id": id, "comment": f"About {id}.", "relevance": n % 10 + 1, "novelty": n % 7 + 3}

    return {"papers": [of(id) for id in ids]}


def top_for(body: bytes) -> dict[str, Any]:
    """A well-formed reply to a request for the best papers: by id, each with two sentences."""
    ids = sorted(requested_ids(body))
    said = {"shows": "Proves a bound.", "why": "Matter: it has a bound."}
    return {"order": [{"id": id} | said for id in ids]}


def claims_for(paper: dict[str, str]) -> dict[str, Any]:
    """A well-formed explanation of a paper (given as in the prompt): a quotation of its title, one
    of its abstract and an invented one, each about the profile's first criterion."""
    title, words = paper["title"].split(), paper["abstract"].split()
    quotes = [" ".join(title[:9]), " ".join(words[2:10]), INVENTED_QUOTE]
    claim = {"topic": "1", "meets": True, "says": "It says so."}
    return {"claims": [{**claim, "quote": quote} for quote in quotes]}


def arxiv_api(papers: Iterable[Paper], comment: str = "") -> Callable[[str, bytes], HttpReply]:
    """arXiv's API with these papers, each with this authors' comment, by id or by author."""
    known = {paper.id: paper for paper in papers}
    entries = {id: _entry(paper, comment) for id, paper in known.items()}

    def answer(path: str, body: bytes) -> HttpReply:
        query = parse_qs(urlsplit(path).query)
        asked = query["id_list"][0].split(",") if "id_list" in query else sorted(known)[::-1]
        author = query.get("search_query", [""])[0].removeprefix("au:").strip('"').casefold()
        found = [
            entries[id]
            for id in asked
            if id in entries and author in " ".join(known[id].authors).casefold()
        ]
        total = f"<opensearch:totalResults>{len(found)}</opensearch:totalResults>"
        return xml_reply(f"{_FEED}{total}{''.join(found)}</feed>".encode())

    return answer


_FEED = (
    '<feed xmlns:opensearch="http://a9.com/-/spec/opensearch/1.1/"'
    ' xmlns:arxiv="http://arxiv.org/schemas/atom" xmlns="http://www.w3.org/2005/Atom">'
)


def _entry(paper: Paper, comment: str) -> str:
    authors = "".join(f"<author><name>{escape(name)}</name></author>" for name in paper.authors)
    return (
        f"<entry><id>http://arxiv.org/abs/{paper.versioned}</id><title>{escape(paper.title)}</title>"
        f"<summary>{escape(paper.abstract)}</summary>{authors}"
        f'<arxiv:primary_category term="{paper.categories[0]}"/>'
        f"<arxiv:comment>{escape(comment)}</arxiv:comment></entry>"
    )


def chat_reply(
    content: str | None, prompt: int = 100, completion: int = 20, cached: int = 0
) -> HttpReply:
    """A chat completion in the form of OpenAI's reference; the numbers are tokens."""
    message = {
        "role": "assistant",
        "content": content,
        "refusal": None if content is not None else "No.",
    }
    return json_reply(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
            "usage": {
                "prompt_tokens": prompt,
                "completion_tokens": completion,
                "total_tokens": prompt + completion,
                "prompt_tokens_details": {"cached_tokens": cached},
            },
        }
    )


def answer_with_scores(path: str, body: bytes) -> HttpReply:
    """A model that scores every paper it is asked about."""
    return chat_reply(json.dumps(scores_for(requested_ids(body))))


def error_reply(status: int, code: str) -> HttpReply:
    """An error in OpenAI's form."""
    return json_reply({"error": {"message": code, "type": code, "code": code}}, status)


def json_reply(body: Any, status: int = 200) -> HttpReply:
    return status, {"Content-Type": "application/json"}, json.dumps(body).encode()


def xml_reply(document: bytes, status: int = 200) -> HttpReply:
    return status, {"Content-Type": "text/xml; charset=utf-8"}, document
