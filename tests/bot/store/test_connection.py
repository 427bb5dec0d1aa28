"""What is wrong with the server that REDIS_URL names: one true sentence, and exit status 2."""

from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import redis

from bot.endpoint import parse_endpoint
from bot.errors import Refused
from bot.store.connection import require_usable_server, server_error
from tests.ports import free_port
from tests.processes import run_command
from workers import __main__ as command
from workers.runtime.server import _program

PASSWORD = "pa/ss#w?rd@%"


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A real server that wants a password; with a user who may do nothing."""
    port, home = free_port(), tmp_path_factory.mktemp("guarded")
    told = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(home), "--save", ""]
    users = ["--requirepass", PASSWORD]
    command = [_program(), *told, *users, "--databases", "4"]
    with run_command(command, stdout=subprocess.DEVNULL):
        with redis.Redis(port=port, password=PASSWORD) as client:
            client.ping()  # redis-py tries for some seconds
            client.acl_setuser("nobody", enabled=True, passwords=["+x"], commands=["+hello"])
        yield port


@contextmanager
def answering(said: bytes | None, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that says this to whoever connects, and hangs up; with None it stays silent."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listens:
        held = []

        def serve() -> None:
            with suppress(OSError):
                while True:
                    one, _ = listens.accept()
                    with suppress(OSError):
                        one = context.wrap_socket(one, server_side=True) if context else one
                        if said is None:
                            held.append(one)
                            continue
                        one.recv(1000)
                        one.sendall(said)
                        one.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(listens.getsockname()[1])
        listens.shutdown(socket.SHUT_RDWR)
        thread.join(5)
        for one in held:
            one.close()


def refusal(url: str) -> str:
    with pytest.raises(Refused) as raised:
        require_usable_server(parse_endpoint(url))
    assert PASSWORD not in str(raised.value)
    assert "hush" not in str(raised.value)
    return str(raised.value)


def test_a_server_that_can_be_used_is_used_whatever_its_password(guarded: int) -> None:
    require_usable_server(parse_endpoint(f"redis://:{PASSWORD}@127.0.0.1:{guarded}/3"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("redis://127.0.0.1:{port}", "wants a password"),
        ("redis://:hush@127.0.0.1:{port}", "does not take this name and password"),
        ("redis://nobody:x@127.0.0.1:{port}", "this user may not do"),
        ("redis://:pa%2Fss%23w%3Frd%40%25@127.0.0.1:{port}/77", "no database of that number"),
        ("rediss://:hush@127.0.0.1:{port}", "does it want redis://?"),
    ],
)
def test_the_servers_objection_is_reported(guarded: int, url: str, said: str) -> None:
    told = refusal(url.format(port=guarded))
    assert told.startswith("REDIS_URL: ")
    assert said in told
    assert f"127.0.0.1:{guarded}" in told


def test_a_refused_connection_an_unknown_host_and_a_missing_socket_are_told_apart() -> None:
    assert "nothing listens there" in refusal(f"redis://:hush@127.0.0.1:{free_port()}")
    assert "no host of that name" in refusal("redis://:hush@nowhere.invalid:6379")
    assert "no such socket" in refusal("unix://:hush@/nowhere/server.sock")


def test_something_else_that_listens_there_is_no_redis() -> None:
    with answering(b"HTTP/1.1 400 Bad Request\r\n\r\n") as port:
        assert "does not speak as Redis does" in refusal(f"redis://:hush@127.0.0.1:{port}")
    with answering(b"") as port:
        assert "rediss://" in refusal(f"redis://:hush@127.0.0.1:{port}")
    with answering(b"-ERR unknown command 'HELLO'\r\n" * 9) as port:
        assert "older than Redis 6.2" in refusal(f"redis://:hush@127.0.0.1:{port}")
    with answering(b"-LOADING reading\r\n" * 9) as port:
        assert "still reading its file" in refusal(f"redis://127.0.0.1:{port}")


def test_a_certificate_that_nobody_vouches_for_is_said(tmp_path: Path) -> None:
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    made = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost"]
    try:
        subprocess.run([*made, "-keyout", key, "-out", cert], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl here to make a certificate with")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with answering(b"+PONG\r\n", context) as port:
        told = refusal(f"rediss://:hush@127.0.0.1:{port}")
    assert "its certificate is not trusted (self" in told


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (redis.exceptions.OutOfMemoryError("command not allowed"), "used up its memory"),
        (redis.exceptions.ReadOnlyError("You can't write"), "replica"),
        (redis.exceptions.ResponseError("MISCONF cannot persist"), "disk"),
        (redis.exceptions.ResponseError("NOREPLICAS Not enough good"), "fewer replicas"),
        (redis.exceptions.ResponseError("ERR what"), "refuses a command"),
        (redis.exceptions.ConnectionError("max number of clients reached"), "many clients"),
        (redis.exceptions.MovedError("1 127.0.0.1:7000"), "cluster"),
    ],
)
def test_what_goes_wrong_later_has_its_own_words(error: redis.RedisError, said: str) -> None:
    assert said in server_error(error)


COMMANDS = [
    *("run", "day foundations", "why 2503.15294", "bot", "worker", "status", "doctor", "plan"),
    *("backup x.gz", "profiles", "eval foundations"),
]


@pytest.mark.parametrize("words", COMMANDS)
@pytest.mark.parametrize("url", ["redis://:hush@127.0.0.1:1/0", "redis://:hush@127.0.0.1:x/0"])
def test_every_command_says_it_in_one_sentence(
    words: str, url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", url)
    monkeypatch.setattr(sys, "argv", ["paperboy", *words.split()])
    monkeypatch.setenv("OPENAI_API_KEY", "sk-hush")
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    monkeypatch.setattr(command.logs, "configure", lambda: None)
    with pytest.raises(SystemExit) as ended:
        command.main()
    out, err = capsys.readouterr()
    assert (ended.value.code, out) == (2, "")
    assert "REDIS_URL: " in err
    assert "Traceback" not in err
    assert "hush" not in err
