"""What a person's token reads by HTTP: what that person may read by now, and nothing else."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from redis import Redis

from bot.domain.lookup import ArxivAnswer
from bot.domain.readers.tokens import MOST
from bot.doors import admission, answers, assistants, serving
from bot.runtime import waiting
from bot.runtime.ending import end_workspace
from bot.safe_text import safe
from bot.store.lookups import Lookups
from bot.store.store import Store
from tests.bot.doors.programs import BELOW, MINE, OTHERS, THEIRS, Programs, give
from tests.bot.slack.conversations import button, private_answer, type_command
from tests.factories import paper
from tests.servers.fake_slack import FakeSlack
from tests.waiting import TIMEOUT_SECONDS, wait_until

PATHS = [
    "/v1/digests",
    "/v1/digests/C1/day-here",
    f"/v1/why?id={MINE}",
    "/v1/search?words=matter",
    "/v1/openapi.json",
    "/mcp",
    "/",
    "/v1/nothing",
    "/metrics",
    "/healthz",
]


def test_without_a_good_token_nothing_answers_whatever_is_asked(
    programs: Programs, store: Store
) -> None:
    good = programs.new_token()
    wrong = [
        *("", "x", good[:-1], good + "A", "paperboy_" + "A" * 43, good.upper()),
        store.tokens.of("slack:T1", "U1", datetime.now(UTC))[0].hash,
    ]
    said = set()
    for path in PATHS:
        for token in wrong:
            for method in ("GET", "POST", "DELETE"):
                got = programs.get(path, token, method)
                assert got.status_code == 401, (path, token)
                said.add((got.text, got.headers["WWW-Authenticate"]))
    assert len(said) == 1
    assert programs.get(f"/v1/digests?token={good}").status_code == 401
    assert programs.get("/v1/digests", good).status_code == 200


def test_a_person_reads_the_digests_of_their_channels_and_no_others(programs: Programs) -> None:
    one, two = programs.new_token("U1"), programs.new_token("U2")
    mine = programs.get("/v1/digests", one).json()
    assert [(row["channel"], row["day"]) for row in mine["digests"]] == [("C1", "day-here")]
    theirs = programs.get("/v1/digests", two).json()
    assert [row["channel"] for row in theirs["digests"]] == ["C2", "C1"]
    assert theirs["total"] == 2
    there = programs.get("/v1/digests", two, channel="C2").json()
    assert [row["channel"] for row in there["digests"]] == ["C2"]
    ours = programs.get("/v1/digests", two, profile="matters").json()
    assert [row["channel"] for row in ours["digests"]] == ["C1"]
    assert programs.get("/v1/digests", one, channel="C2").json()["total"] == 0
    row = mine["digests"][0]
    assert row["url"] == "https://testers.slack.com/archives/C1/p171"
    whole = programs.get(f"/v1/digests/C1/{row['day']}", one).json()
    assert whole["outcomes"]["picked"] == whole["outcomes"]["below_cutoff"] == 1
    assert [each["id"] for each in whole["papers"]] == [MINE, BELOW]
    assert whole["papers"][1]["reason"]
    assert programs.get("/v1/digests/C2/day-there", two).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/v1/digests/C2/day-there",
        "/v1/digests/C1/day-there",
        "/v1/digests/C9/day-here",
        "/v1/digests/C1/nothing",
        f"/v1/why?id={THEIRS}",
        "/v1/why?id=2503.19999",
        f"/v1/why?id={MINE}v9",
        f"/v1/why?id={MINE}&profile=nobodys",
        "/v1/digests/C1/%ff%00",
        "/nothing",
    ],
)
def test_what_is_another_groups_looks_like_what_does_not_exist(
    programs: Programs, path: str
) -> None:
    got = programs.get(path, programs.new_token())
    nothing = programs.get("/v1/digests/C1/no-such", programs.new_token())
    assert (got.status_code, got.text) == (404, nothing.text)


def test_why_says_what_became_of_a_paper_in_the_channels_a_person_is_in(
    programs: Programs,
) -> None:
    one, two = programs.new_token("U1"), programs.new_token("U2")
    said = programs.get("/v1/why", one, id=f"https://arxiv.org/abs/{BELOW}").json()
    assert said["id"] == BELOW
    assert [row["channel"] for row in said["profiles"]] == ["C1"]
    assert said["profiles"][0]["outcome"] == "below_cutoff"
    assert said["profiles"][0]["verdict"] == "Not picked: relevance 3, the profile asks 7."
    both = programs.get("/v1/why", two, id=BELOW).json()
    assert {row["channel"] for row in both["profiles"]} == {"C1", "C2"}
    there = programs.get("/v1/why", two, id=BELOW, channel="C2", profile="others").json()
    assert [row["channel"] for row in there["profiles"]] == ["C2"]
    assert programs.get("/v1/why", one, id=BELOW, channel="C2").status_code == 404
    theirs = programs.get("/v1/why", two, id=THEIRS).json()
    assert [(row["channel"], row["outcome"]) for row in theirs["profiles"]] == [
        ("C2", "picked"),
        ("C1", None),
    ]
    refused = programs.get("/v1/why", one, id="no paper")
    assert refused.status_code == 400
    assert refused.json()["error"] == "bad_request"


def test_why_says_to_a_program_what_it_says_in_the_channel(
    programs: Programs, fake_slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "_WHOLE_SECONDS", 0.0)
    for id in (MINE, BELOW):
        (row,) = programs.get("/v1/why", programs.new_token(), id=id).json()["profiles"]
        assert row["verdict"] in type_command(fake_slack, id, command="/why")


def test_a_paper_that_somebody_else_had_looked_up_looks_like_any_other(
    programs: Programs, store: Store
) -> None:
    token, id = programs.new_token(), "2503.19999"
    nothing = programs.get("/v1/why", token, id=id)
    answer = ArxivAnswer(paper=paper(id), at=datetime.now(UTC))
    Lookups(store).put_arxiv_answer(id, answer)
    got = programs.get("/v1/why", token, id=id)
    assert (got.status_code, got.text) == (404, nothing.text)


def test_a_digest_in_somebodys_direct_messages_is_theirs_alone(
    programs: Programs, fake_slack: FakeSlack, store: Store
) -> None:
    one, two = programs.new_token("U1"), programs.new_token("U2")
    direct = fake_slack.conversations_open({"users": "U1"})["channel"]["id"]
    give(store, direct, THEIRS, "day-direct")
    assert direct in {row["channel"] for row in programs.get("/v1/digests", one).json()["digests"]}
    assert programs.get(f"/v1/digests/{direct}/day-direct", one).status_code == 200
    assert programs.get(f"/v1/digests/{direct}/day-direct", two).status_code == 404


def searched(programs: Programs, token: str, words: str) -> Any:
    """What a search brings while the workers are at it."""
    found: list[Any] = []
    asking = threading.Thread(
        target=lambda: found.append(programs.get("/v1/search", token, words=words))
    )
    asking.start()
    programs.fake_slack.wait_until(lambda: programs.work() or found)
    asking.join()
    return found[0]


def test_a_search_finds_papers_of_the_channels_a_person_is_in(
    programs: Programs, store: Store
) -> None:
    one, two = programs.new_token("U1"), programs.new_token("U2")
    mine = searched(programs, one, "matter").json()
    assert {each["id"] for each in mine["papers"]} == {MINE, BELOW}
    assert {each["channel"] for each in mine["papers"]} == {"C1"}
    theirs = searched(programs, two, "matter").json()
    assert THEIRS in {each["id"] for each in theirs["papers"]}
    assert store.tasks.untold("slack") == []  # nobody is told of it in the chat
    assert programs.get("/v1/search", one, words="?!").status_code == 400


def test_who_leaves_a_channel_while_a_search_goes_on_finds_nothing_of_it(
    programs: Programs, store: Store, fake_slack: FakeSlack
) -> None:
    token, found = programs.new_token("U2"), list[Any]()
    ask = threading.Thread(
        target=lambda: found.append(programs.get("/v1/search", token, words="matter"))
    )
    ask.start()
    fake_slack.wait_until(lambda: store.redis.keys("pb:task:*"))
    fake_slack.channels["C2"].members = set()
    fake_slack.wait_until(lambda: programs.work() or found)
    ask.join()
    assert {each["channel"] for each in found[0].json()["papers"]} == {"C1"}


def test_busy_workers_end_a_search_with_a_word_when_to_come_again(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "_PATIENCE_SECONDS", 0.1)
    got = programs.get("/v1/search", programs.new_token(), words="matter")
    assert (got.status_code, got.headers["Retry-After"]) == (503, "60")


def leaves_the_channel(programs: Programs) -> None:
    programs.fake_slack.channels["C1"].members = {"U2"}


def unsubscribes(programs: Programs) -> None:
    for each in programs.store.subscriptions.all():
        programs.store.subscriptions.drop(each)


@pytest.mark.parametrize("changes", [leaves_the_channel, unsubscribes])
def test_what_somebody_may_read_no_more_their_programs_read_no_more(
    programs: Programs, changes: Callable[[Programs], None]
) -> None:
    token = programs.new_token()
    assert programs.get("/v1/digests", token).json()["total"] == 1
    changes(programs)
    assert programs.get("/v1/digests", token).json()["total"] == 0
    assert programs.get("/v1/digests/C1/day-here", token).status_code == 404
    assert programs.get("/v1/why", token, id=MINE).status_code == 404


@pytest.mark.parametrize(
    "gone", [{"deleted": True}, {"is_restricted": True}, {"team_id": "T2"}, {}], ids=str
)
def test_a_token_opens_nothing_when_its_person_has_left_or_is_a_guest(
    programs: Programs, fake_slack: FakeSlack, gone: dict[str, Any]
) -> None:
    token = programs.new_token()
    fake_slack.user_overrides["U1"] = gone
    unknown = programs.get("/v1/digests", "paperboy_" + "A" * 43)
    got = programs.get("/v1/digests", token)
    assert (got.status_code, got.text) == (401, unknown.text)
    fake_slack.user_overrides.pop("U1")
    fake_slack.inject_faults("users.info", *["http_500"] * 20)
    assert programs.get("/v1/digests", token).status_code == 503


def test_the_tokens_of_a_workspace_end_when_it_removes_paperboy(
    programs: Programs, store: Store
) -> None:
    one, two = programs.new_token("U1"), programs.new_token("U2")
    elsewhere = store.tokens.of("slack:T1", "U1", datetime.now(UTC))[0].model_copy(
        update={"workspace": "slack:T10", "hash": "0" * 64}
    )
    store.tokens.put(elsewhere)
    end_workspace(store, "slack", "T1")
    for token in (one, two):
        assert programs.get("/v1/digests", token).status_code == 401
    assert store.tokens.find(elsewhere.hash, datetime.now(UTC)) == elsewhere


def test_a_token_is_shown_once_listed_ended_and_kept_as_a_hash_alone(
    programs: Programs, fake_slack: FakeSlack, store: Store, redis_url: str
) -> None:
    token, other = programs.new_token(), programs.new_token()
    programs.get("/v1/digests", token)
    listed = type_command(fake_slack, "token")
    assert "2 tokens for programs of yours" in listed
    assert "last used" in listed
    assert token not in listed
    assert "You have no token" in type_command(fake_slack, "token", user="U2")
    with Redis.from_url(redis_url) as raw:
        reads = {b"string": raw.get, b"hash": raw.hgetall, b"set": raw.smembers}
        kept = {key: reads[raw.type(key)](key) for key in raw.keys("*") if raw.type(key) in reads}
        assert "hash" in str(kept)
        assert token.removeprefix("paperboy_") not in str(kept)
        tokens = raw.keys("pb:token*")
        assert len(tokens) == 3
        assert all(0 < raw.ttl(key) <= 180 * 86_400 for key in tokens)
    press = button(fake_slack.ephemeral[-2], "End it")
    ended = private_answer(fake_slack, lambda: fake_slack.press(press, message_ts=""))
    assert "Ended: " in ended
    assert "You have 1 other token." in ended
    assert programs.get("/v1/digests", token).status_code == 401
    assert programs.get("/v1/digests", other).status_code == 200
    assert "1 token for programs of yours" in type_command(fake_slack, "me")
    type_command(fake_slack, "token end all")
    assert programs.get("/v1/digests", other).status_code == 401
    assert store.redis.keys("pb:token*") == []


def test_nobody_ends_anothers_token_and_a_guest_makes_none(
    programs: Programs, fake_slack: FakeSlack, store: Store
) -> None:
    programs.new_token("U1")
    (mine,) = store.tokens.of("slack:T1", "U1", datetime.now(UTC))
    assert "no such token" in type_command(fake_slack, f"token end {mine.id}", user="U2")
    assert len(store.tokens.of("slack:T1", "U1", datetime.now(UTC))) == 1
    fake_slack.user_overrides["U3"] = {"is_restricted": True}
    assert "Guests" in type_command(fake_slack, "token new", user="U3")


def test_a_person_has_ten_tokens_at_most(programs: Programs, fake_slack: FakeSlack) -> None:
    for _ in range(MOST):
        programs.new_token()
    assert "You have 10 tokens here already" in type_command(fake_slack, "token new")


def test_no_log_shows_a_token(programs: Programs) -> None:
    token = programs.new_token()
    assert safe(f"b'Authorization: Bearer {token}'") == "b'Authorization: Bearer paperboy_***'"
    assert safe("paperboy_delivery_lateness_seconds_bucket") == (
        "paperboy_delivery_lateness_seconds_bucket"
    )


def test_a_token_ends_with_its_time(store: Store, programs: Programs) -> None:
    token = programs.new_token()
    (kept,) = store.tokens.of("slack:T1", "U1", datetime.now(UTC))
    assert kept.until - kept.at == timedelta(days=180)
    assert store.tokens.find(kept.hash, kept.until - timedelta(seconds=1)) is not None
    assert store.tokens.find(kept.hash, kept.until) is None
    past = kept.model_copy(update={"until": kept.at})
    store.tokens.put(past)
    assert programs.get("/v1/digests", token).status_code == 401


def test_programs_of_one_person_that_ask_too_fast_are_told_when_to_go_on(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, again, two = programs.new_token(), programs.new_token(), programs.new_token("U2")
    for _ in range(admission.A_MINUTE // 2):
        assert programs.get("/v1/openapi.json", one).status_code == 200
    got = programs.get("/v1/openapi.json", again)
    while got.status_code == 200:
        got = programs.get("/v1/openapi.json", again)
    assert got.status_code == 429
    assert 1 <= int(got.headers["Retry-After"]) <= 60
    assert got.json()["error"] == "too_many"
    assert programs.get("/v1/openapi.json", two).status_code == 200


@pytest.mark.parametrize(
    "asked",
    [
        "limit=0",
        "limit=101",
        "limit=x",
        "offset=-1",
        "since=yesterday",
        "until=0",
        "until=2026-02-30",
        "channel=C%2F1",
        "limti=3",
        "limit=1&limit=2",
    ],
)
def test_a_parameter_that_cannot_be_taken_is_named(programs: Programs, asked: str) -> None:
    got = programs.get(f"/v1/digests?{asked}", programs.new_token())
    assert got.status_code == 400
    said = got.json()["message"]
    assert said.startswith(asked.partition("=")[0]) or said == "Give each parameter once."


def test_much_is_given_in_pages(programs: Programs, store: Store) -> None:
    token = programs.new_token()
    for number in range(3):
        give(store, "C1", MINE, f"day-{number}")
    seen, offset = [], 0
    while offset is not None:
        page = programs.get("/v1/digests", token, limit=3, offset=offset).json()
        seen += [row["day"] for row in page["digests"]]
        offset = page["next_offset"]
    assert sorted(seen) == ["day-0", "day-1", "day-2", "day-here"]
    first = programs.get("/v1/digests/C1/day-here", token, limit=1).json()
    assert (len(first["papers"]), first["total"], first["next_offset"]) == (1, 2, 1)
    posted = programs.get("/v1/digests/C1/day-here", token, posted="true").json()
    assert [each["id"] for each in posted["papers"]] == [MINE]
    below = programs.get("/v1/digests/C1/day-here", token, outcome="below_cutoff").json()
    assert [each["id"] for each in below["papers"]] == [BELOW]
    since = programs.get("/v1/digests", token, since="2025-03-21").json()
    assert since == {"digests": [], "total": 0, "next_offset": None}


def test_nothing_can_be_written_and_what_is_read_is_kept_by_nobody(programs: Programs) -> None:
    token = programs.new_token()
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        got = programs.get("/v1/digests", token, method)
        assert (got.status_code, got.json()["error"]) == (405, "not_allowed")
    got = programs.get("/v1/digests", token)
    assert got.headers["Cache-Control"] == "no-store"
    assert got.headers["Content-Type"].startswith("application/json")
    for path in ("/metrics", "/healthz"):
        assert programs.get(path, token).status_code == 404


def test_what_is_no_http_is_a_line_in_the_log_and_a_token_is_none(
    programs: Programs, caplog: pytest.LogCaptureFixture, heard: Callable[[str], int]
) -> None:
    token = programs.new_token()
    host, _, port = programs.url.removeprefix("http://").partition(":")
    for header in (f"Authorization: Bearer {token}\0", f"Authorization: Bearer {token[:-1]}"):
        with socket.create_connection((host, int(port))) as line:
            line.sendall(f"GET /v1/digests HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\n".encode())
            assert re.match(rb"HTTP/1.[01] 40[01] ", line.recv(100))
    wait_until(lambda: heard("malformed"))
    assert caplog.records == []
    assert not heard(token[:-1])


def test_hundreds_of_connections_that_say_nothing_keep_no_program_out(programs: Programs) -> None:
    token = programs.new_token()
    host, _, port = programs.url.removeprefix("http://").partition(":")
    with ExitStack() as stack:
        idle = []
        for n in range(3 * serving._CONNECTIONS):
            line = stack.enter_context(socket.create_connection((host, int(port))))
            line.sendall(b"GET /v1/digests HTTP/1.1\r\nHost: x\r\n" if n % 2 else b"")
            idle.append(line)
        assert programs.get("/v1/digests", token).status_code == 200
        for line in idle[: 2 * serving._CONNECTIONS]:
            line.settimeout(TIMEOUT_SECONDS)
            assert line.recv(100) == b""  # it was closed


def test_an_assistants_request_that_does_not_end_is_cut(
    programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(assistants, "_BODY_SECONDS", 0.05)
    host, _, port = programs.url.removeprefix("http://").partition(":")
    head = f"Authorization: Bearer {programs.new_token()}\r\nContent-Length: 90\r\n"
    with socket.create_connection((host, int(port))) as line:
        line.settimeout(TIMEOUT_SECONDS)
        line.sendall(f"POST /mcp HTTP/1.1\r\nHost: x\r\n{head}\r\nhalf".encode())
        said = b""
        while more := line.recv(1000):  # to its end: it was closed
            said += more
    assert said.startswith(b"HTTP/1.1 400 ")
    assert b"did not come to its end" in said


def test_another_workspaces_channel_of_the_same_name_is_not_read(
    programs: Programs, store: Store
) -> None:
    give(store, "C1", THEIRS, "day-elsewhere", OTHERS, workspace="T2")
    token = programs.new_token()
    assert programs.get("/v1/digests", token).json()["total"] == 1
    assert programs.get("/v1/digests/C1/day-elsewhere", token).status_code == 404
    assert programs.get("/v1/why", token, id=THEIRS).status_code == 404


def test_other_peoples_text_is_only_ever_a_string(programs: Programs, store: Store) -> None:
    token = programs.new_token()
    for path in PATHS[:3]:
        got = programs.get(path, token)
        assert not re.search(r"[\x00-\x1f]", got.text)
        assert got.headers["X-Content-Type-Options"] == "nosniff"
