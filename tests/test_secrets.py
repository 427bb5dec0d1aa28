"""A secret in every setting, and everything that can go wrong with it: it is shown nowhere."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from redis import Redis

from bot.safe_text import escape_unprintable, register_secrets, safe
from tests.processes import run_command
from tests.servers.fake_http import run_fake_server
from tests.servers.fake_sentry import run_fake_sentry
from tests.waiting import wait_until
from workers.runtime.server import embedded

HUSH = "hunter2hunter2"
TOKENS = {
    "OPENAI_API_KEY": f"sk-{HUSH}",
    "SLACK_BOT_TOKEN": f"xoxb-{HUSH}",
    "SLACK_APP_TOKEN": f"xapp-{HUSH}",
    "DISCORD_TOKEN": f"{HUSH}.{HUSH}",
}
PAGE = (200, {"Content-Type": "text/html"}, b"<html>no</html>")
COMMANDS = ("doctor", "day compression", "why 2503.15294", "status --json", "plan", "bot")


def run(words: str, home: Path, settings: dict[str, str]) -> str:
    """What a command says; the bot is stopped when it has complained of both chats."""
    given = os.environ | {"PAPERBOY_DATA_DIR": str(home / "data")} | settings
    with run_command(
        [sys.executable, "-m", "workers", *words.split()],
        cwd=home,
        env=given,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if words == "bot" and {"Slack", "Discord"} <= {
                name for name in ("Slack", "Discord") if f"{name} does not" in "".join(said)
            }:
                process.send_signal(signal.SIGTERM)
        process.wait()
    return "".join(said)


def kept(home: Path) -> str:
    """All files of the data directory, the server's append-only file with them."""
    files = (path for path in (home / "data").rglob("*") if path.is_file())
    return "".join(path.read_bytes().decode(errors="replace") for path in files)


@pytest.mark.parametrize("words", COMMANDS)
def test_no_command_shows_logs_or_stores_a_secret(words: str, tmp_path: Path) -> None:
    with run_fake_server(lambda path, body: PAGE) as odd:
        host = odd.url.removeprefix("http://")
        secret = f"user:{HUSH}/x@{host}"
        settings = TOKENS | {
            "OPENAI_BASE_URL": f"http://{secret}/v1",
            "ARXIV_RSS_URL": f"http://{secret}/rss",
            "ARXIV_API_URL": f"http://{secret}/api?api_key={HUSH}",
            "SLACK_API_URL": f"{odd.url}/api/",
            "DISCORD_API_URL": f"{odd.url}/api/v10",
            "DISCORD_GATEWAY_URL": f"ws://{secret}/",
        }
        said = run(words, tmp_path, settings)
    assert said
    assert HUSH not in said + kept(tmp_path)


def test_a_fault_in_a_job_keeps_the_secret_out_of_log_redis_and_sentry(tmp_path: Path) -> None:
    script = """
from rq import Queue, Retry
from redis import Redis
from rq.serializers import JSONSerializer
from rq.job import Job
import multiprocessing, sys, time
from pathlib import Path
from workers.runtime.worker import run_pool_detached
if __name__ == "__main__":
    url, home = sys.argv[1], Path(sys.argv[2])
    redis = Redis.from_url(url)
    queue = Queue("ask-x", connection=redis, serializer=JSONSerializer)
    queue.enqueue("tests.servers.failing_job.lose_lease")
    job = queue.enqueue(
        "tests.servers.failing_job.raise_with_secret", failure_ttl=900
    )
    pool = multiprocessing.get_context("spawn").Process(
        target=run_pool_detached, args=(url, "x", home / "workers.log")
    )
    pool.start()
    while job.get_status() != "failed":
        time.sleep(0.05)
    sys.stdin.read()
    pool.terminate()
    pool.join()
"""
    root = Path(__file__).parents[1]
    (tmp_path / "main.py").write_text(script)
    with embedded(tmp_path / "server") as url, run_fake_sentry() as sentry:
        given = os.environ | TOKENS | {"PYTHONPATH": str(root), "REDIS_URL": url}
        command = [sys.executable, "main.py", url, str(tmp_path)]
        given["SENTRY_DSN"] = sentry.dsn
        with run_command(command, cwd=tmp_path, env=given, stdin=subprocess.PIPE) as process:
            wait_until(lambda: sentry.events, "Sentry hears of it")
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait() == 0
        with Redis.from_url(url) as redis:
            dumps = b"".join(filter(None, (redis.dump(key) for key in redis.keys("*"))))
            stored = [redis.hget(key, "exc_info") or b"" for key in redis.keys("rq:job:*")]
            results = [redis.xrange(key) for key in redis.keys("rq:results:*")]
    (event,) = sentry.events
    told = [each["type"] for each in event["exception"]["values"]]
    assert told == ["ValueError", "RuntimeError"]
    assert HUSH not in sentry.text
    logged = (tmp_path / "workers.log").read_text()
    assert "RuntimeError" in logged
    assert HUSH not in logged
    assert HUSH.encode() not in dumps + b"".join(stored)
    import base64
    import zlib

    texts = [
        zlib.decompress(base64.b64decode(row[b"exc_string"])).decode() for (_, row), *_ in results
    ]
    assert HUSH not in "".join(texts)
    assert len([text for text in texts if "RuntimeError" in text]) == 1


def test_what_would_act_on_a_terminal_stands_as_its_escape() -> None:
    assert escape_unprintable("evil\x1b[31m.toml") == r"evil\x1b[31m.toml"
    assert escape_unprintable("zero\u200bwidth \u202egnol") == r"zero\u200bwidth \u202egnol"
    assert escape_unprintable("bad\udcff") == r"bad\udcff"
    assert (
        escape_unprintable("a line\nand another\tone, naïve") == "a line\nand another\tone, naïve"
    )


def test_what_is_hidden_is_left_out_and_so_are_passwords_in_addresses() -> None:
    register_secrets(["correct horse"])
    assert safe("the correct horse, twice: correct horse") == "the ***, twice: ***"
    assert safe("GET http://me:pw@host/x") == "GET http://***@host/x"
    assert safe("wss://slack/link?ticket=abc&x=1") == "wss://slack/link?ticket=***&x=1"


EVIL = "evil\x1b[31m\u202e"


@pytest.mark.parametrize(
    "words",
    [
        ["day", f"{EVIL}.toml"],
        ["day", EVIL],
        ["day", "compression", "--feed", f"{EVIL}.xml"],
        ["day", "compression", "--date", EVIL],
        ["day", "compression", "--format", EVIL],
        ["day", "compression", f"--{EVIL}"],
        [EVIL],
        ["rank", "compression", EVIL],
        ["eval", "compression", "--papers", EVIL],
        ["profiles", "check", EVIL],
        ["profiles", "import", EVIL],
        ["profiles", "show", EVIL],
        ["backup", f"nowhere/{EVIL}"],
        ["backup", EVIL],
        ["restore", EVIL],
        ["plan", "--at", EVIL],
        ["why", EVIL],
    ],
)
def test_a_name_with_escape_characters_does_not_reach_the_terminal(
    words: list[str], tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workers", *words],
        cwd=tmp_path,
        env=os.environ | {"PAPERBOY_DATA_DIR": str(tmp_path / "data"), "OPENAI_API_KEY": "sk-x"},
        capture_output=True,
        text=True,
    )
    assert "\x1b" not in done.stdout + done.stderr
    assert "\u202e" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_a_password_in_an_address_is_masked_however_long_either_is() -> None:
    assert safe(f"at redis://me:{'p:/' * 500}@host:6379/0") == "at redis://***@host:6379/0"
    assert safe("rediss://:pass@word@host") == "rediss://***@host"
    without = "x://" + "a:" * 40_000  # took time by the square of its length
    assert safe(without) == without
