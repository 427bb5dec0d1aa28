"""The loopback servers as a person runs them: python -m tests.servers"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from datetime import UTC, date, datetime
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from bot.settings import Settings
from tests import TESTS
from tests.factories import paper
from tests.processes import run_command
from tests.servers import arxiv, model
from tests.servers.discord import discord
from tests.servers.fake_http import INVENTED_QUOTE
from tests.servers.slack import slack
from workers.arxiv.feed import parse_by_id, parse_feed
from workers.arxiv.oai import parse_page
from workers.judging import explaining, scoring, top_papers

README = TESTS / "servers" / "README.md"


@pytest.mark.parametrize("name", ["", ".arxiv"])
def test_a_server_prints_the_settings_that_lead_to_it_and_runs_until_stopped(name: str) -> None:
    command = [sys.executable, "-m", f"tests.servers{name}"]
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with run_command(command, cwd=TESTS.parent, **pipes) as process:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if line.startswith(("# zotero", "# a status")):  # the last one
                break
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    names = {line.split()[1].partition("=")[0] for line in said if line.startswith("export")}
    assert names <= {field.alias for field in Settings.model_fields.values()}
    assert len(names) == (13 if name == "" else 3)


def test_where_the_feed_fails_the_archive_has_the_same_papers() -> None:
    with arxiv.arxiv() as server:
        server.do("rss 503")
        settings = server.settings
        with pytest.raises(HTTPError, match="503"):
            urlopen(settings["ARXIV_RSS_URL"] + "/cs.LG")
        query = "?verb=ListRecords&metadataPrefix=arXivRaw&set=cs:cs:LG"
        found = parse_page(urlopen(settings["ARXIV_OAI_URL"] + query).read())
        server.do("ok")
        feed = parse_feed(urlopen(settings["ARXIV_RSS_URL"] + "/cs.LG").read())
    assert {record.id for record in found.records} == {a.paper.id for a in feed.papers}
    by_id = {a.paper.id: a.paper for a in feed.papers}
    for record in found.records:
        assert record.paper(len(record.versions)) == by_id[record.id]


def test_every_server_that_can_be_run_by_hand_is_in_its_readme() -> None:
    shown = README.read_text(encoding="utf-8")
    for path in (TESTS / "servers").glob("*.py"):
        assert path.name.startswith("__") or f"`{path.name}`" in shown


@pytest.mark.parametrize(
    ("asked", "some"), [("quant-ph", "2504.17830"), ("cs.LG+cs.CL", "2503.24358"), ("cs", "")]
)
def test_arxiv_announces_real_papers_today(asked: str, some: str) -> None:
    before = arxiv.latest(datetime.now(UTC))
    status, _, document = arxiv.answer(f"/rss/{asked}", b"")
    found = parse_feed(document)
    assert status == 200
    assert before <= found.date <= arxiv.latest(datetime.now(UTC))
    ids = {announced.paper.id for announced in found.papers}
    assert len(ids) >= 5
    assert not some or some in ids


def test_arxiv_has_no_papers_in_a_quiet_class_and_refuses_an_unknown_one() -> None:
    assert parse_feed(arxiv.answer("/rss/math.KT", b"")[2]).papers == ()
    status, _, document = arxiv.answer("/rss/cs.NOPE", b"")
    assert status == 400
    assert b"Bad subject class" in document


def test_on_a_weekend_fridays_list_stands() -> None:
    assert arxiv.latest(datetime(2026, 11, 29, 12, tzinfo=UTC)) == date(2026, 11, 27)


def test_arxiv_knows_papers_by_id() -> None:
    document = arxiv.answer("/api?id_list=2503.24358,2504.17830,2401.00001", b"")[2]
    found, _ = parse_by_id(document)
    assert {named.paper.id for named in found} == {"2503.24358", "2504.17830"}


def test_the_model_answers_each_of_the_three_questions() -> None:
    papers = [paper("2503.00001"), paper("2503.00002")]

    def asked(question: str, schema: Any) -> Any:
        form = {"json_schema": {"schema": schema}}
        messages = [{"role": "user", "content": question}]
        body = json.dumps({"messages": messages, "response_format": form}).encode()
        reply = json.loads(model.answer("/v1/chat/completions", body)[2])
        return json.loads(reply["choices"][0]["message"]["content"])

    scored = asked(scoring.question(papers), scoring.schema())
    assert [row["id"] for row in scored["papers"]] == ["2503.00001", "2503.00002"]
    ordered = asked(top_papers.question(papers), top_papers.schema())
    assert [row["id"] for row in ordered["order"]] == ["2503.00001", "2503.00002"]
    assert all(row["shows"] and row["why"] for row in ordered["order"])
    claims = asked(scoring.question(papers[:1]).strip().splitlines()[-1], explaining.schema())
    assert INVENTED_QUOTE in [claim["quote"] for claim in claims["claims"]]


def test_a_slack_message_is_printed_once_and_again_when_it_changes() -> None:
    with slack() as console:
        post = {"channel": "C1", "text": "Hello"}
        posted = console.slack.handle_call("chat.postMessage", post, "xoxb-1")
        assert list(console.news()) == ["--- C1\nHello"]
        assert list(console.news()) == []
        change = {"channel": "C1", "ts": posted["ts"], "text": "Good day"}
        console.slack.handle_call("chat.update", change, "xoxb-1")
        assert list(console.news()) == ["--- C1 (edited)\nGood day"]


@pytest.mark.parametrize("line", ["press Why", "send a=b", "dance", "C2 press Why"])
def test_an_impossible_command_is_reported(line: str) -> None:
    with slack() as console, pytest.raises(LookupError):
        console.do(line)
    with discord() as other, pytest.raises(LookupError):
        other.do(line)


def test_a_command_without_a_connected_bot_is_reported() -> None:
    with slack() as console, pytest.raises(LookupError, match="is the bot connected"):
        console.do("C2 /digest list")
    with discord() as other, pytest.raises(LookupError, match="not offered"):
        other.do("/digest list")


def test_a_server_set_to_fail_fails_until_reset() -> None:
    with model.model() as console:
        url = console.settings["OPENAI_BASE_URL"]
        console.do("503")
        with pytest.raises(HTTPError, match="503"):
            urlopen(url, data=b"{}")
        with pytest.raises(ValueError, match="invalid literal"):
            console.do("nonsense")
        console.do("ok")
        assert list(console.news()) == ["model requests: 1 new, 1 in all"]
