"""How a server wants to be asked is found out once; and a call ends, in time and in size."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from bot.domain.reasons import ModelReason
from bot.errors import Refused, Unavailable
from tests.factories import paper, paper_ids
from tests.servers.fake_http import (
    HttpReply,
    answer_with_scores,
    chat_reply,
    error_reply,
    json_reply,
    requested_ids,
    run_fake_server,
    scores_for,
)
from tests.waiting import TIMEOUT_SECONDS
from workers.judging import bounded_http, scoring
from workers.judging import model as model_judging
from workers.judging.dialect import Dialect, ReplyFormat

PAPERS = [paper(id) for id in paper_ids(3)]
QUESTION = scoring.question(PAPERS)


def refused(
    message: str, code: str | None = None, param: str | None = None, status: int = 400
) -> HttpReply:
    return json_reply({"error": {"message": message, "code": code, "param": param}}, status)


@contextmanager
def model(
    answer: Callable[[str, bytes], HttpReply],
    learned: list[str] | None = None,
    ways: Dialect | None = None,
) -> Iterator[tuple[model_judging.Model, list[dict[str, Any]]]]:
    """A model on a server that answers so, and the requests it was sent."""
    sent: list[dict[str, Any]] = []

    def noted(path: str, body: bytes) -> HttpReply:
        sent.append(json.loads(body))
        return answer(path, body)

    heard = [] if learned is None else learned
    with (
        run_fake_server(noted) as server,
        closing(model_judging.Model("m", "k", f"{server.url}/v1", 5.0, ways, heard.append)) as made,
    ):
        yield made, sent


def asked(made: model_judging.Model, most: int | None = 800) -> dict[str, Any]:
    reply = made.ask("Instructions.", QUESTION, scoring.schema(), "key", most)
    return dict(scoring.parse_reply(reply.text or "", PAPERS)[0])


def test_a_server_with_a_grammar_lets_no_model_write_on_nor_leave_a_paper_out() -> None:
    with model(answer_with_scores) as (made, sent):
        assert len(asked(made)) == 3
    check = Draft202012Validator(sent[0]["response_format"]["json_schema"]["schema"]).is_valid
    rows = scores_for(paper_ids(3))["papers"]
    assert check({"papers": [row | {"comment": "c" * 300} for row in rows]})
    # What gemma-3-270m wrote on llama.cpp's server while no limit was there, until ours.
    endless = rows[0] | {"id": ">(1), 2), 3), 4), 5) (1), 2), 4), 5) (1) (2), 4), 5), 6)"}
    assert not check({"papers": [endless, *rows[1:]]})
    assert not check({"papers": [rows[0] | {"comment": "c" * 301}, *rows[1:]]})
    assert not check({"papers": rows[:2]})


def without(*names: str, say: Callable[[str], HttpReply]) -> Callable[[str, bytes], HttpReply]:
    """A server that refuses these parameters, the first it meets."""

    def answer(path: str, body: bytes) -> HttpReply:
        sent = json.loads(body)
        for name in names:
            if name in sent:
                return say(name)
        return answer_with_scores(path, body)

    return answer


WORDS: list[Callable[[str], HttpReply]] = [
    lambda name: refused(
        f"Unsupported parameter: '{name}' is not supported with this model. Use "
        "'max_completion_tokens' instead.",
        "unsupported_parameter",
        name,
    ),
    lambda name: refused(f"Unrecognized request argument supplied: {name}"),
    lambda name: json_reply(
        {"detail": [{"loc": ["body", name], "msg": "extra not permitted"}]}, 422
    ),
    lambda name: refused("Bad request"),
]


@pytest.mark.parametrize("say", WORDS)
@pytest.mark.parametrize(
    ("names", "limit"),
    [(("max_tokens",), "max_completion_tokens"), (("max_tokens", "max_completion_tokens"), "")],
)
def test_a_limit_is_sent_as_the_server_wants_it(
    say: Callable[[str], HttpReply], names: tuple[str, ...], limit: str
) -> None:
    learned: list[str] = []
    with model(without(*names, say=say), learned) as (made, sent):
        assert asked(made).keys() == set(paper_ids(3))
        first = len(sent)
        assert asked(made).keys() == set(paper_ids(3))
        assert len(sent) == first + 1
        assert {n for n in sent[-1] if n.startswith("max_")} == ({limit} if limit else set())
    assert Dialect.read(learned[-1]).limit_parameter == limit
    with model(without(*names, say=say), ways=Dialect.read(learned[-1])) as (made, sent):
        assert asked(made)
        assert len(sent) == 1


def test_without_a_budget_no_limit_is_sent() -> None:
    with model(answer_with_scores) as (made, sent):
        asked(made, None)
    assert not {name for name in sent[0] if name.startswith("max_")}


@pytest.mark.parametrize(
    "say",
    [
        refused("System role not supported"),
        refused("System role not supported", status=500),
        refused(
            "'messages[0].role' does not support 'system' with this model", None, "messages[0].role"
        ),
        refused("Developer instruction is not enabled for models/gemma"),
        refused("Bad request"),
    ],
)
def test_where_there_is_no_system_role_the_instructions_stand_before_the_question(
    say: HttpReply,
) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        roles = [message["role"] for message in json.loads(body)["messages"]]
        return say if "system" in roles else answer_with_scores(path, body)

    learned: list[str] = []
    with model(answer, learned) as (made, sent):
        assert asked(made).keys() == set(paper_ids(3))
        assert sent[-1]["messages"] == [{"role": "user", "content": f"Instructions.\n{QUESTION}"}]
    assert not Dialect.read(learned[-1]).has_system_role


def test_a_form_that_was_answered_is_not_doubted_for_a_question_that_is_refused() -> None:
    bad = paper_ids(3)[0]

    def answer(path: str, body: bytes) -> HttpReply:
        return (
            refused("Bad request") if bad in requested_ids(body) else answer_with_scores(path, body)
        )

    learned: list[str] = []
    with model(answer, learned) as (made, sent):
        good = scoring.question(PAPERS[1:])
        made.ask("I.", good, scoring.schema(), "key")
        with pytest.raises(Unavailable) as raised:
            asked(made)
        assert len(sent) == 2
    assert raised.value.reason is ModelReason.MODEL_REFUSED
    assert (made.dialect, learned) == (Dialect(), [])


@pytest.mark.parametrize(
    ("say", "reason"),
    [
        (error_reply(400, "context_length_exceeded"), ModelReason.TOO_LONG),
        (
            refused("max_tokens is too large: 9000; maximum context length is 4096"),
            ModelReason.TOO_LONG,
        ),
        (error_reply(400, "content_filter"), ModelReason.CONTENT_FILTER),
    ],
)
def test_what_is_about_the_question_is_asked_in_no_other_form(
    say: HttpReply, reason: ModelReason
) -> None:
    with model(lambda *_: say) as (made, sent), pytest.raises(Unavailable) as raised:
        asked(made)
    assert raised.value.reason is reason
    assert len(sent) == 1


@given(
    st.builds(
        Dialect,
        st.sampled_from(ReplyFormat),
        st.sampled_from(["max_tokens", "max_completion_tokens", ""]),
        st.booleans(),
    )
)
def test_what_was_learned_is_read_as_it_was_stored(ways: Dialect) -> None:
    assert Dialect.read(str(ways)) == ways


@given(st.text() | st.sampled_from(["json_schema", "json_object", "text", ""]))
def test_what_was_stored_by_other_versions_is_read_as_far_as_it_goes(stored: str) -> None:
    found = Dialect.read(stored)
    assert stored not in list(ReplyFormat) or found == Dialect(ReplyFormat(stored))


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("https://api.openai.com", True),
        ("https://api.openai.com/", True),
        ("https://api.openai.com/v1", True),
        ("https://API.OpenAI.com/v1/", True),
        ("https://eu.api.openai.com/v1", True),
        ("https://api.openai.com.example.org/v1", False),
        ("http://127.0.0.1:8000/v1", False),
        ("", True),
        (None, True),
    ],
)
def test_openais_own_address_is_openai(address: str | None, own: bool) -> None:
    assert model_judging.is_openai(address) is own
    with closing(model_judging.Model("m", "k", address, 1.0)) as made:
        base = made._base_url
    if own and address:
        assert base in ("https://api.openai.com/v1", "https://eu.api.openai.com/v1")


# -- bounds


class Dripping:
    """A server that sends what it is told, a piece at a time, until it is closed."""

    def __init__(self, pieces: Callable[[], Iterator[bytes]]) -> None:
        self.pieces, self.ended = pieces, threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.sent = 0
        self.listener.settimeout(TIMEOUT_SECONDS)
        self.connection: socket.socket | None = None
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self) -> None:
        connection, _ = self.listener.accept()
        self.connection = connection
        with connection:
            try:
                connection.recv(65536)
                for piece in self.pieces():
                    connection.sendall(piece)
                    self.sent += len(piece)
                    if self.ended.wait(0.001 if len(piece) > 1000 else 0.01):
                        return
            except OSError:  # whoever asked has gone
                return

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def close(self) -> None:
        self.ended.set()
        if self.connection:
            with suppress(OSError):  # it has gone already
                self.connection.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


def dripping_body() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    while True:
        yield b" "


def dripping_headers() -> Iterator[bytes]:
    yield b"HTTP/1.1 200 OK\r\n"
    while True:
        yield b"X-Y: z\r\n"


def dripping_error() -> Iterator[bytes]:
    yield b"HTTP/1.1 500 No\r\nContent-Length: 100000\r\n\r\n"
    while True:
        yield b" "


@pytest.mark.parametrize("pieces", [dripping_body, dripping_headers, dripping_error])
def test_a_server_that_drips_is_left_when_the_time_for_a_call_is_over(
    pieces: Callable[[], Iterator[bytes]],
) -> None:
    with closing(Dripping(pieces)) as server:
        with (
            closing(model_judging.Model("m", None, f"{server.url}/v1", 0.3)) as made,
            pytest.raises(Unavailable) as raised,
        ):
            made.ask("I.", "Q.", scoring.schema(), "key")
        assert not server.ended.is_set()
    assert raised.value.reason is ModelReason.MODEL_SLOW


def bomb(status: bytes) -> Callable[[], Iterator[bytes]]:
    """A gigabyte of spaces in one of gzip's megabytes."""

    def pieces() -> Iterator[bytes]:
        yield b"HTTP/1.1 " + status + b"\r\nContent-Type: application/json\r\n"
        yield b"Content-Encoding: gzip\r\nConnection: close\r\n\r\n"
        packer = zlib.compressobj(wbits=31)
        for _ in range(100):
            yield packer.compress(b" " * 10_000_000)
        yield packer.flush()

    return pieces


@pytest.mark.parametrize("status", [b"200 OK", b"500 No", b"302 Found"])
def test_an_answer_that_would_fill_the_memory_is_not_unpacked(
    status: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = []
    real = httpx2.Response.aiter_bytes

    async def counted(self: httpx2.Response, *args: Any) -> Any:
        async for chunk in real(self, *args):
            unpacked.append(len(chunk))
            yield chunk

    monkeypatch.setattr(httpx2.Response, "aiter_bytes", counted)
    with (
        closing(Dripping(bomb(status))) as server,
        closing(model_judging.Model("m", None, f"{server.url}/v1", 30.0)) as made,
        pytest.raises(Unavailable) as raised,
    ):
        made.ask("I.", "Q.", scoring.schema(), "key")
    assert raised.value.reason is ModelReason.MODEL_DOWN
    assert raised.value.outcome_unknown
    assert sum(unpacked) < 2 * bounded_http._BODY_LIMIT


def test_a_packed_answer_of_an_honest_size_is_read() -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        status, headers, plain = answer_with_scores(path, body)
        return status, headers | {"Content-Encoding": "gzip"}, gzip.compress(plain)

    with model(answer) as (made, _):
        assert asked(made).keys() == set(paper_ids(3))


def test_the_key_and_the_papers_follow_no_redirect() -> None:
    with run_fake_server(answer_with_scores) as other:
        moved = (308, {"Location": f"{other.url}/v1/chat/completions"}, b"")
        with model(lambda *_: moved) as (made, _), pytest.raises(Refused) as raised:
            asked(made)
        assert other.requests == []
    assert raised.value.reason is ModelReason.WRONG_ADDRESS


def test_a_call_that_nobody_waits_for_any_more_ends() -> None:
    arrived, go = threading.Event(), threading.Event()

    def answer(path: str, body: bytes) -> HttpReply:
        arrived.set()
        go.wait(5)
        return chat_reply(json.dumps(scores_for(requested_ids(body))))

    errors: list[Exception] = []
    with run_fake_server(answer) as server:
        made = model_judging.Model("m", None, f"{server.url}/v1", 30.0)

        def call() -> None:
            try:
                asked(made)
            except Unavailable as error:
                errors.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        assert arrived.wait(5)
        made.close()
        thread.join(5)
        go.set()
        assert not thread.is_alive()
        with pytest.raises(Unavailable):
            asked(made)
    (error,) = errors
    assert isinstance(error, Unavailable)
    assert error.outcome_unknown
