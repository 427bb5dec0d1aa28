"""`paperboy` as a person runs it: real processes, a real server, arXiv and a model on loopback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from bot.domain.papers import Paper
from bot.store.queues import QUEUES
from tests import TESTS
from tests.factories import paper
from tests.processes import children_by_parent, descendants, is_alive, run_command, stop_server
from tests.servers.arxiv_documents import FRIDAY, SATURDAY, THURSDAY, THURSDAY_FEED, rss_feed
from tests.servers.fake_http import (
    FakeServer,
    HttpReply,
    answer_with_scores,
    arxiv_api,
    chat_reply,
    error_reply,
    requested_ids,
    run_fake_server,
    scores_for,
    xml_reply,
)
from tests.waiting import TIMEOUT_SECONDS, wait_until

PROFILE = """
name = "mine"
title = "Mine"
categories = ["cs.LG"]
[cutoffs]
relevance = 5
novelty = 4
[[topics]]
name = "Matter"
relevant = "Studies of the matter."
"""


class Paperboy:
    """The command, with a data directory and servers of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.settings = home, {"PAPERBOY_DATA_DIR": str(home / "data")}
        (home / "mine.toml").write_text(PROFILE)

    def started(self, *words: str) -> AbstractContextManager[subprocess.Popen[str]]:
        return run_command(
            [sys.executable, "-m", "workers", *words],
            cwd=self.home,
            env=os.environ | {"COLUMNS": "100"} | self.settings,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def run(self, *words: str) -> tuple[int, str, str]:
        with self.started(*words) as process:
            out, err = process.communicate(timeout=90)
            return process.returncode, out, err

    def saved(self, document: bytes, name: str = "feed.xml") -> str:
        (self.home / name).write_bytes(document)
        return name


@pytest.fixture
def paperboy(tmp_path: Path) -> Iterator[Paperboy]:
    yield Paperboy(tmp_path)
    stop_server(tmp_path / "data")


@contextmanager
def judged_by(
    paperboy: Paperboy, answer: Callable[[str, bytes], HttpReply]
) -> Iterator[FakeServer]:
    with run_fake_server(answer) as model:
        paperboy.settings |= {"OPENAI_BASE_URL": f"{model.url}/v1", "OPENAI_API_KEY": "sk-secret"}
        yield model


def many(n: int) -> bytes:
    return rss_feed(THURSDAY, *((f"2503.{10000 + i}", "new", "cs.LG") for i in range(n)))


def test_a_saved_day_without_a_key_is_ranked_locally(paperboy: Paperboy) -> None:
    status, out, err = paperboy.run("day", "mine.toml", "--feed", paperboy.saved(THURSDAY_FEED))
    assert status == 0, err
    assert "Mine · Thu 20 Mar" in out
    assert "2 announced = " in out
    assert "1 new, 1 cross-list, 1 replacement left out" in out
    assert "ranked locally, no model" in out


def test_the_same_day_twice_is_the_same_markdown_and_asks_the_model_once(
    paperboy: Paperboy,
) -> None:
    words = ("day", "mine.toml", "--feed", paperboy.saved(many(25)), "--format", "markdown")
    with judged_by(paperboy, answer_with_scores) as model:
        first = paperboy.run(*words)
        calls = len(model.requests)
        second = paperboy.run(*words)
        assert len(model.requests) == calls == 2 + 1 + 1  # scores, a second look, the best's order
    assert first[0] == 0, first[2]
    assert first[:2] == second[:2]
    assert "# Paper Selection Prompt\n\nYou read the day's new arXiv papers" in first[1]


def test_a_worker_killed_while_scoring_loses_nothing_and_pays_nothing_twice(
    paperboy: Paperboy,
) -> None:
    answered: list[list[str]] = []
    command: list[int] = []
    killed: list[int] = []

    def slow(path: str, body: bytes) -> HttpReply:
        if len(answered) == 5 and not killed:
            killed.extend(_worker_and_horse(command[0]))
            for pid in killed:
                os.kill(pid, signal.SIGKILL)
        elif b'"order"' not in body:  # the second look has all that tie in one call
            answered.append(requested_ids(body))
        return answer_with_scores(path, body)

    paperboy.settings |= {"PAPERBOY_CALLS_AT_ONCE": "1", "PAPERBOY_SECOND_LOOK": "false"}
    with judged_by(paperboy, slow):
        feed_file = paperboy.saved(many(120))
        words = ("day", "mine.toml", "--feed", feed_file, "--format", "json")
        with paperboy.started(*words) as process:
            command.append(process.pid)
            out, err = process.communicate(timeout=90)
    assert process.returncode == 0, err
    assert len(killed) == 2
    found = json.loads(out)
    assert found["announced"] == sum(found["outcomes"].values()) == 120
    assert found["outcomes"]["unscored"] == 0
    assert found["usage"]["calls"] == 6 + 1
    asked = [id for ids in answered for id in ids]
    assert len(asked) == len(set(asked)) == 120


def _worker_and_horse(command: int) -> list[int]:
    """Process ids of the worker that has a job under way, and of the job."""
    known = children_by_parent()
    for pool in known[command]:
        for worker in known.get(pool, ()):
            for horse in known.get(worker, ()):
                return [worker, horse]
    raise AssertionError("no job is under way")


def test_a_sunday_is_an_empty_day_and_says_so(paperboy: Paperboy) -> None:
    status, out, _ = paperboy.run("day", "mine.toml", "--feed", paperboy.saved(rss_feed(SATURDAY)))
    assert status == 0
    assert "0 announced: arXiv announces nothing at weekends" in out


def test_a_feed_error_is_a_configuration_error_and_exits_2(paperboy: Paperboy) -> None:
    document = rss_feed(THURSDAY, title="Feed error for query: cs.NOPE")
    status, out, err = paperboy.run("day", "mine.toml", "--feed", paperboy.saved(document))
    assert status == 2
    assert "arXiv doesn't know one of this profile's categories" in out
    assert "No such class" in err


def test_a_dead_model_leaves_an_honest_digest_and_exits_3(paperboy: Paperboy) -> None:
    with judged_by(paperboy, lambda *_: error_reply(503, "overloaded")):
        status, out, err = paperboy.run(
            "day", "mine.toml", "--feed", paperboy.saved(many(25)), "--format", "json"
        )
    found = json.loads(out)
    assert status == 3
    assert found["outcomes"]["unscored"] == found["announced"] == 25
    assert {paper["reason"] for paper in found["papers"]} == {"the model is down"}
    assert "25 papers not scored: the model is down." in err


def test_a_day_that_failed_is_complete_when_requested_again(paperboy: Paperboy) -> None:
    words = ("day", "mine.toml", "--feed", paperboy.saved(many(5)), "--format", "json")
    with judged_by(paperboy, lambda *_: error_reply(401, "invalid_api_key")):
        status, out, _ = paperboy.run(*words)
    assert (status, json.loads(out)["outcomes"]["unscored"]) == (3, 5)
    with judged_by(paperboy, answer_with_scores):
        status, out, _ = paperboy.run(*words)
    assert (status, json.loads(out)["outcomes"]["unscored"]) == (0, 0)


def test_the_key_is_nowhere_in_what_is_printed_logged_or_stored(paperboy: Paperboy) -> None:
    with judged_by(paperboy, lambda *_: error_reply(401, "invalid_api_key")):
        words = ("day", "mine.toml", "--feed", paperboy.saved(THURSDAY_FEED))
        _, out, err = paperboy.run(*words)
    kept = [path.read_bytes() for path in (paperboy.home / "data").rglob("*") if path.is_file()]
    assert len(kept) > 2
    assert not any(b"sk-secret" in text for text in [out.encode(), err.encode(), *kept])


def test_run_without_a_terminal_shows_the_newest_day_and_exits_0(paperboy: Paperboy) -> None:
    friday = rss_feed(FRIDAY, ("2503.00001", "new", "cs.LG"))
    with run_fake_server(lambda *_: xml_reply(friday)) as arxiv:
        paperboy.settings["ARXIV_RSS_URL"] = f"{arxiv.url}/rss"
        status, out, err = paperboy.run("run")
    assert status == 0, err
    assert "Foundations of machine learning · Fri 21 Mar 2025" in out
    assert "1 announced = " in out
    assert "Set OPENAI_API_KEY" in out
    assert [path for path, _ in arxiv.requests] == ["/rss/cs.LG+cs.AI"]


def test_run_without_arxiv_says_so_and_shows_the_sample(paperboy: Paperboy) -> None:
    paperboy.settings |= {"ARXIV_RSS_URL": "http://127.0.0.1:9/rss"}
    status, out, err = paperboy.run("run", "exoplanets")
    assert status == 0, err
    assert "It is on machine learning, not for exoplanets." in out
    status, out, err = paperboy.run("run")
    assert status == 0, err
    assert "exoplanets" not in out
    assert "127.0.0.1 can't be reached. Showing the sample that ships with Paperboy." in out
    assert "114 papers from March 2025, shipped with Paperboy; not today's list." in out
    picked = int(out.split("114 announced = ")[1].split()[0])
    assert 5 <= picked <= 30


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("day", "foundatins"), "did you mean foundations?"),
        (("day", "nowhere.toml"), "nowhere.toml can't be read"),
        (("day", "mine.toml", "--feed", "nowhere.xml"), "nowhere.xml can't be read"),
        (("day", "mine.toml", "--date", "tomorrow"), "is not a date"),
        (("profiles", "check", "bad.toml"), 'line 3: categories: "cs.LGG" is not an arXiv'),
        (("rank", "mine.toml", "bad.jsonl"), "line 2: not a paper"),
    ],
)
def test_bad_input_gets_one_clear_sentence_and_exits_2(
    paperboy: Paperboy, words: tuple[str, ...], said: str
) -> None:
    (paperboy.home / "bad.toml").write_text(PROFILE.replace("cs.LG", "cs.LGG").lstrip())
    (paperboy.home / "bad.jsonl").write_text('{"id": "1", "title": "A", "abstract": "B"}\n[]\n')
    status, out, err = paperboy.run(*words)
    assert status == 2
    assert out == ""
    assert said in err
    assert "Traceback" not in err


def test_rank_prints_a_line_for_each_paper_best_first(paperboy: Paperboy) -> None:
    rows = [
        {"id": "2503.00001", "title": "Cooking", "abstract": "Soup.", "authors": []},
        {"id": "2503.00002", "title": "The matter", "abstract": "Studies of the matter."},
    ]
    (paperboy.home / "papers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    status, out, _ = paperboy.run("rank", "mine.toml", "papers.jsonl")
    found = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert [row["id"] for row in found] == ["2503.00002", "2503.00001"]
    assert found[0].keys() == {"id", "score"}


def test_what_a_paper_means_counts_for_day_and_rank_and_is_kept(paperboy: Paperboy) -> None:
    paperboy.settings["PAPERBOY_MEANING"] = "true"
    rows = [
        {"id": "2503.00001", "title": "Cooking", "abstract": "Soup.", "authors": []},
        {"id": "2503.00002", "title": "Atoms and molecules", "abstract": "Particles, examined."},
    ]
    (paperboy.home / "papers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    said = [paperboy.run("rank", "mine.toml", "papers.jsonl") for _ in range(2)]
    assert [status for status, _, _ in said] == [0, 0]
    assert said[0][1] == said[1][1]
    assert [json.loads(line)["id"] for line in said[0][1].splitlines()] == [
        "2503.00002",
        "2503.00001",
    ]
    assert "embedded" in said[0][2]
    assert "embedded" not in said[1][2]
    status, out, err = paperboy.run("day", "mine.toml", "--feed", paperboy.saved(THURSDAY_FEED))
    assert status == 0, err
    assert "ranked locally, no model" in out
    assert "embedded" in (paperboy.home / "data" / "workers.log").read_text()


def test_run_shows_the_profile_that_was_asked_for(paperboy: Paperboy) -> None:
    friday = rss_feed(FRIDAY, ("2503.00001", "new", "quant-ph"))
    with run_fake_server(lambda *_: xml_reply(friday)) as arxiv:
        paperboy.settings["ARXIV_RSS_URL"] = f"{arxiv.url}/rss"
        status, out, err = paperboy.run("run", "quantum-computing")
        assert status == 0, err
        assert "Quantum computing" in out
        assert [path for path, _ in arxiv.requests] == ["/rss/quant-ph"]
        status, out, err = paperboy.run("run", "quantum-komputing")
        assert (status, out) == (2, "")
        assert "did you mean quantum-computing?" in err
    paperboy.settings["DISCORD_TOKEN"] = "x" * 60
    status, out, err = paperboy.run("run", "quantum-computing")
    assert (status, out) == (2, "")
    assert "To see a digest here: paperboy day quantum-computing." in err


@pytest.mark.parametrize("words", [("-h",), ("day", "-h"), ("profiles", "show", "-h")])
def test_a_short_h_helps_everywhere(paperboy: Paperboy, words: tuple[str, ...]) -> None:
    status, out, _ = paperboy.run(*words)
    assert status == 0
    assert f"Usage: {' '.join(['paperboy', *words[:-1]])}" in out


def test_a_shell_completes_commands_and_profiles(paperboy: Paperboy) -> None:
    def completed(typed: str) -> list[str]:
        paperboy.settings |= {
            "_PAPERBOY_COMPLETE": "complete_bash",
            "COMP_WORDS": f"paperboy {typed}",
            "COMP_CWORD": str(len(typed.split())),
        }
        return paperboy.run()[1].split()

    assert completed("da") == ["day"]
    assert completed("day quan") == ["quantum-computing"]


def test_the_version_is_the_one_that_is_installed(paperboy: Paperboy) -> None:
    project = tomllib.loads((TESTS.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert paperboy.run("--version") == (0, f"paperboy {project['project']['version']}\n", "")


def test_status_says_what_judges_and_where_things_are_kept(paperboy: Paperboy) -> None:
    status, out, _ = paperboy.run("status")
    assert status == 0
    assert "model: none, papers are ranked locally" in out
    assert "saved to disk" in out
    found = json.loads(paperboy.run("status", "--json")[1])
    assert [queue["name"] for queue in found["queues"]] == list(QUEUES)


def test_an_imported_profile_can_be_asked_for_by_name(paperboy: Paperboy) -> None:
    assert paperboy.run("profiles", "import", "mine.toml")[0] == 0
    assert "mine — Mine (cs.LG)" in paperboy.run("profiles")[1]
    assert "Studies of the matter." in paperboy.run("profiles", "show", "mine")[1]
    feed_file = paperboy.saved(THURSDAY_FEED)
    assert paperboy.run("day", "mine", "--feed", feed_file)[0] == 0


def test_feeds_of_different_days_are_not_one_day(paperboy: Paperboy) -> None:
    friday = paperboy.saved(rss_feed(FRIDAY, ("2503.00009", "new", "cs.LG")), "friday.xml")
    words = ("day", "mine.toml", "--feed", paperboy.saved(THURSDAY_FEED), "--feed", friday)
    status, out, _ = paperboy.run(*words)
    assert status == 2
    assert "the saved feeds are from different days" in " ".join(out.split())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_leaves_nothing_running_and_buys_nothing_more(
    paperboy: Paperboy, number: signal.Signals
) -> None:
    arrived = threading.Event()

    def slow(path: str, body: bytes) -> HttpReply:
        arrived.set()
        time.sleep(10)  # twice as long as a command may take to stop
        return answer_with_scores(path, body)

    paperboy.settings["PAPERBOY_CALLS_AT_ONCE"] = "1"
    words = ("day", "mine.toml", "--feed", paperboy.saved(many(250)))
    with judged_by(paperboy, slow) as model, paperboy.started(*words) as process:
        assert arrived.wait(TIMEOUT_SECONDS)
        all_of_it = descendants(process.pid)
        process.send_signal(number)
        out, err = process.communicate(timeout=TIMEOUT_SECONDS)
        assert len(model.requests) < 8
    assert process.returncode not in (0, 1, None)
    assert out == ""
    assert "Traceback" not in err
    assert len(all_of_it) >= 4  # a pool, a worker, a job, multiprocessing's tracker
    log = (paperboy.home / "data" / "server" / "server.log").read_text()
    assert log.rstrip().endswith("bye bye...")
    wait_until(lambda: not any(map(is_alive, all_of_it)), "all of it ends")


def test_doctor_says_what_the_model_and_its_server_can_do(paperboy: Paperboy) -> None:
    assert "No model is set up." in paperboy.run("doctor")[1]
    with judged_by(paperboy, answer_with_scores) as model:
        status, out, err = paperboy.run("doctor")
        assert len(model.requests) == 1
    assert status == 0, err
    assert "The model is ready." in out
    assert "key: OPENAI_API_KEY is set." in out
    assert "server: 127.0.0.1." in out
    assert "gpt-6-luna scored a paper in" in out
    assert "JSON by a schema, which is best" in out


def test_doctor_names_a_wrong_key_and_does_not_show_it(paperboy: Paperboy) -> None:
    with judged_by(paperboy, lambda *_: error_reply(401, "invalid_api_key")):
        status, out, err = paperboy.run("doctor")
    assert status == 2
    assert "rejects OPENAI_API_KEY" in out
    paperboy.settings["OPENAI_BASE_URL"] = "http://127.0.0.1:9/v1"
    status, out, err = paperboy.run("doctor")
    assert status == 2
    assert out.startswith("Something is wrong with the model.")
    assert "The model server doesn't answer." in out
    assert "sk-secret" not in out + err


def test_what_a_server_can_do_is_remembered_from_one_day_to_the_next(paperboy: Paperboy) -> None:
    def no_schema(path: str, body: bytes) -> HttpReply:
        if b"json_schema" in body:
            return error_reply(400, "unsupported_response_format")
        return answer_with_scores(path, body)

    with judged_by(paperboy, no_schema) as model:
        words = ("day", "mine.toml", "--feed")
        assert paperboy.run(*words, paperboy.saved(many(3)))[0] == 0
        first = len(model.requests)
        # With limits to what it may hold, and without.
        assert [b"json_schema" in body for _, body in model.requests].count(True) == 2
        assert paperboy.run(*words, paperboy.saved(many(6)))[0] == 0
        later = [body for _, body in model.requests[first:]]
        assert later
        assert not any(b"json_schema" in body for body in later)


def test_a_day_is_priced_before_it_is_bought(paperboy: Paperboy) -> None:
    words = ("day", "mine.toml", "--feed", paperboy.saved(many(25)))
    with judged_by(paperboy, answer_with_scores) as model:
        status, out, err = paperboy.run(*words, "--dry-run")
        assert (status, model.requests) == (0, []), err
        assert "25 announced - 0 already scored = 25 to score" in out
        assert "gpt-6-luna: 4 calls, about" in out
        assert paperboy.run(*words)[0] == 0
        out = paperboy.run(*words, "--dry-run")[1]
    assert "25 announced - 25 already scored = 0 to score" in out


def test_close_calls_are_looked_at_again_unless_that_is_switched_off(paperboy: Paperboy) -> None:
    words = ("day", "mine.toml", "--feed", paperboy.saved(many(25)))
    paperboy.settings["PAPERBOY_SECOND_LOOK"] = "false"
    with judged_by(paperboy, answer_with_scores) as model:
        assert paperboy.run(*words)[0] == 0
        assert b'"n":8' not in b"".join(body for _, body in model.requests)
    paperboy.settings["PAPERBOY_SECOND_LOOK"] = "true"
    paperboy.settings["PAPERBOY_MODEL"] = "gpt-6-sol"  # another judge, who has decided nothing yet
    with judged_by(paperboy, answer_with_scores) as model:
        assert paperboy.run(*words)[0] == 0
        assert b'"n":8' in b"".join(body for _, body in model.requests)


def test_a_day_stays_within_its_budget_and_says_so(paperboy: Paperboy) -> None:
    paperboy.settings["PAPERBOY_DAY_TOKENS"] = "9000"
    words = ("day", "mine.toml", "--feed", paperboy.saved(many(60)), "--format", "json")

    def dear(path: str, body: bytes) -> HttpReply:
        return chat_reply(json.dumps(scores_for(requested_ids(body))), prompt=1500, completion=540)

    with judged_by(paperboy, dear):
        status, out, err = paperboy.run(*words)
    found = json.loads(out)
    assert status == 3
    assert 0 < found["outcomes"]["unscored"] < 60
    assert sum(found["outcomes"].values()) == 60
    assert "the budget is used up" in err


def test_why_answers_in_the_terminal_about_any_paper(paperboy: Paperboy) -> None:
    words = ("day", "mine.toml", "--feed", paperboy.saved(many(5)))
    arxiv_shows: list[Paper] = []

    def api(path: str, body: bytes) -> HttpReply:
        return arxiv_api(arxiv_shows)(path, body)

    with judged_by(paperboy, answer_with_scores), run_fake_server(api) as arxiv:
        paperboy.settings["ARXIV_API_URL"] = f"{arxiv.url}/api/query"
        assert paperboy.run(*words)[0] == 0
        for profile in ((), ("--profile", "mine.toml")):
            status, out, err = paperboy.run("why", "2503.10002v1", *profile)
            assert status == 0, err
            assert out.startswith("Not picked: relevance 3, the profile asks 5.")
            assert "2503.10002 · Mine" in out
        # Another profile by now, of which that day says nothing.
        (paperboy.home / "mine.toml").write_text(PROFILE.replace("the matter", "dust"))
        arxiv_shows.append(paper("2503.10002"))
        status, out, err = paperboy.run("why", "2503.10002", "--profile", "mine.toml")
        assert status == 0, err
        assert "Not picked" not in out
        assert "Scored now: relevance 3" in out
        status, out, err = paperboy.run("why", "2503.99999", "--profile", "mine.toml")
        assert (status, out) == (2, "")
        assert "arXiv has no paper 2503.99999" in err
        arxiv_shows.append(paper("2410.00001"))
        status, out, err = paperboy.run("why", "2410.00001", "--profile", "mine.toml")
        assert (status, err) == (0, "")
        assert "Scored now: relevance " in out
        status, out, err = paperboy.run("why", "2503.9")
        assert (status, out) == (2, "")
