"""Papers by id: arXiv's API played on loopback, its traps, and what reads as a withdrawal."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from bot.arxiv.text import one_line
from bot.domain.reasons import ArxivReason
from bot.errors import Unavailable
from tests import TESTS
from tests.servers.fake_http import FakeServer, HttpReply, run_fake_server, xml_reply
from workers.arxiv.client import ArxivClient
from workers.arxiv.feed import parse_by_id
from workers.arxiv.withdrawals import withdrawal

WIRE = TESTS / "wire"
PAPERS = (WIRE / "arxiv_api_named.xml").read_text(encoding="utf-8")
ERROR = (WIRE / "arxiv_api_error.xml").read_text(encoding="utf-8")
ALL = ["2503.15294", "hep-th/9901001", "math/0309136", "1009.0001", "2611.00002"]


def asked(path: str) -> list[str]:
    """The ids in a question to the API."""
    return parse_qs(urlsplit(path).query)["id_list"][0].split(",")


def answering(ids: list[str], total: int | None = None) -> HttpReply:
    """The API's answer that shows these papers of the document."""
    head, *entries = PAPERS.removesuffix("</feed>\n").split("  <entry>")
    shown = ["  <entry>" + e for e in entries if re.findall(r"abs/(\S+?)v\d+</id>", e)[0] in ids]
    head = re.sub(
        r"totalResults>\d+", f"totalResults>{len(shown) if total is None else total}", head
    )
    return xml_reply((head + "".join(shown) + "</feed>\n").encode())


def refusing(*bad: str) -> Callable[[str, bytes], HttpReply]:
    """The API as it is: a bad id refuses the whole list, an id it does not have is left out."""

    def answer(path: str, _body: bytes) -> HttpReply:
        for id in asked(path):
            if id in bad:
                return xml_reply(ERROR.replace("for abc", f"for {id}").encode(), 400)
        return answering(asked(path))

    return answer


@pytest.fixture
def sky() -> Iterator[FakeServer]:
    with run_fake_server(refusing()) as fake_server:
        yield fake_server


@pytest.fixture
def arxiv(sky: FakeServer, redis_url: str) -> Iterator[ArxivClient]:
    with Redis.from_url(redis_url, decode_responses=True) as redis:
        redis.flushall()
        yield ArxivClient("", f"{sky.url}/api/query", redis, pause=0.0, timeout=5.0)


def failure(ask: Callable[[], object]) -> Unavailable:
    with pytest.raises(Unavailable) as caught:
        ask()
    return caught.value


# -- by id


def test_several_papers_are_asked_for_in_one_request(arxiv: ArxivClient, sky: FakeServer) -> None:
    found = arxiv.fetch_by_id([*ALL, "2503.15294"])
    assert list(found) == ALL
    [(path, _)] = sky.requests
    query = parse_qs(urlsplit(path).query)
    assert query == {"id_list": [",".join(ALL)], "max_results": ["5"]}


def test_a_paper_comes_as_from_any_other_answer_of_the_api(arxiv: ArxivClient) -> None:
    named = arxiv.fetch_by_id(["2503.15294"])["2503.15294"]
    assert named.paper.versioned == "2503.15294v2"
    assert named.paper.title == r"Margins $\gamma < 1/2$ and what they cost a learner"
    assert named.paper.abstract.startswith(r"We show that half-spaces with a margin $\gamma$ are")
    assert named.paper.authors == ("Ana Beispiel", "Jürgen Muster")
    assert named.paper.categories == ("cs.LG", "cs.CC", "stat.ML")
    assert named.withdrawn == ""  # though it names a paper that was


def test_an_id_that_arxiv_does_not_have_is_absent(arxiv: ArxivClient, sky: FakeServer) -> None:
    assert list(arxiv.fetch_by_id(["2503.15294", "2503.99999"])) == ["2503.15294"]
    assert arxiv.fetch_by_id(["2503.99999"]) == {}
    assert len(sky.requests) == 2


def test_no_ids_are_no_question_and_too_many_are_a_mistake(
    arxiv: ArxivClient, sky: FakeServer
) -> None:
    assert arxiv.fetch_by_id([]) == {}
    with pytest.raises(ValueError, match="at most 50"):
        arxiv.fetch_by_id([f"2503.{n:05d}" for n in range(1, 52)])
    assert sky.requests == []


@pytest.mark.parametrize("shown", ["math/0309136", "math.GT/0309136"])
@pytest.mark.parametrize("id", ["math/0309136", "math.GT/0309136"])
def test_an_old_id_comes_back_as_it_was_asked_with_a_class_or_without(
    arxiv: ArxivClient, sky: FakeServer, id: str, shown: str
) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        status, headers, reply = refusing()(path, body)
        return status, headers, reply.replace(b"abs/math/", f"abs/{shown[:-7]}".encode())

    sky.answer = answer
    assert arxiv.fetch_by_id([id])[id].paper.versioned == f"{id}v1"
    assert asked(sky.requests[0][0]) == ["math/0309136"]  # the API does not know the other


def test_both_forms_of_an_old_id_are_both_answered(arxiv: ArxivClient) -> None:
    assert list(arxiv.fetch_by_id(["math.GT/0309136", "math/0309136"])) == [
        "math.GT/0309136",
        "math/0309136",
    ]


def test_of_two_versions_the_newer_one_counts(arxiv: ArxivClient, sky: FakeServer) -> None:
    entry = "  <entry>" + PAPERS.split("  <entry>")[1]
    for versions in ((1, 10, 9), (10, 9, 1), (1, 9, 10)):
        entries = "".join(entry.replace("2503.15294v2", f"2503.15294v{v}") for v in versions)
        document = PAPERS.split("  <entry>")[0] + entries + "</feed>"
        sky.answer = lambda *_, document=document: xml_reply(document.encode())
        assert arxiv.fetch_by_id(["2503.15294"])["2503.15294"].paper.version == 10


def test_papers_that_nobody_asked_for_are_dropped(arxiv: ArxivClient, sky: FakeServer) -> None:
    sky.answer = lambda *_: answering(ALL)
    assert list(arxiv.fetch_by_id(["1009.0001"])) == ["1009.0001"]
    assert arxiv.fetch_by_id(["2503.99999"]) == {}
    sky.answer = lambda *_: answering(["1009.0001"], total=2)  # and the one asked for is cut off
    assert failure(lambda: arxiv.fetch_by_id(["2503.15294"])).reason is ArxivReason.TRUNCATED


# -- refusals


def test_one_bad_id_of_three_does_not_affect_the_others(
    arxiv: ArxivClient, sky: FakeServer
) -> None:
    for n in range(3):
        ids = ["2503.15294", "hep-th/9901001"]
        ids.insert(n, "2503.0")
        sky.answer = refusing("2503.0")
        sky.requests.clear()
        assert list(arxiv.fetch_by_id(ids)) == ["2503.15294", "hep-th/9901001"]
        assert len(sky.requests) <= 5


def test_a_bad_id_alone_is_absent_and_no_paper_titled_error(
    arxiv: ArxivClient, sky: FakeServer
) -> None:
    sky.answer = refusing("2503.0")
    assert arxiv.fetch_by_id(["2503.0"]) == {}
    sky.answer = lambda *_: xml_reply(ERROR.encode())  # without the status that should come with it
    assert arxiv.fetch_by_id(["2503.0"]) == {}
    assert len(sky.requests) == 2


def test_a_failure_in_one_half_is_a_failure_and_not_an_absent_paper(
    arxiv: ArxivClient, sky: FakeServer
) -> None:
    def answer(path: str, body: bytes) -> HttpReply:
        return (500, {}, b"") if asked(path) == ["1009.0001"] else refusing("2503.0")(path, body)

    sky.answer = answer
    error = failure(lambda: arxiv.fetch_by_id(["2503.0", "1009.0001"]))
    assert error.reason is ArxivReason.SERVER_ERROR


# -- what goes wrong


def test_an_empty_page_with_a_total_is_asked_again_and_then_reported(
    arxiv: ArxivClient, sky: FakeServer
) -> None:
    sky.answer = lambda *_: answering([], total=2) if len(sky.requests) < 3 else answering(ALL[:2])
    assert list(arxiv.fetch_by_id(ALL[:2])) == ALL[:2]
    sky.requests.clear()
    sky.answer = lambda *_: answering([], total=2)
    error = failure(lambda: arxiv.fetch_by_id(ALL[:2]))
    assert error.reason is ArxivReason.TRUNCATED
    assert "Only 0 of 2 papers arrived" in str(error)
    assert len(sky.requests) == 3


def test_a_page_with_fewer_papers_than_its_total_does_not_make_the_others_absent(
    arxiv: ArxivClient, sky: FakeServer
) -> None:
    sky.answer = lambda *_: answering(ALL[:1], total=2)
    assert failure(lambda: arxiv.fetch_by_id(ALL[:2])).reason is ArxivReason.TRUNCATED
    assert (
        list(arxiv.fetch_by_id(ALL[:1])) == ALL[:1]
    )  # nothing is missing here, whatever it counts


def test_a_passing_503_costs_nothing_but_time(arxiv: ArxivClient, sky: FakeServer) -> None:
    sky.answer = lambda *_: (503, {}, b"") if len(sky.requests) < 3 else answering(ALL)
    assert list(arxiv.fetch_by_id(ALL)) == ALL
    assert len(sky.requests) == 3


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ((503, {}, b""), ArxivReason.SERVER_ERROR),
        ((429, {"Retry-After": "7"}, b""), ArxivReason.THROTTLED),
        (xml_reply(PAPERS[:3000].encode()), ArxivReason.TRUNCATED),
        (xml_reply(b"<!DOCTYPE html><html>maintenance</html>"), ArxivReason.NOT_A_FEED),
    ],
)
def test_a_persistent_failure_has_a_reason(
    arxiv: ArxivClient, sky: FakeServer, reply: HttpReply, reason: ArxivReason
) -> None:
    sky.answer = lambda *_: reply
    assert failure(lambda: arxiv.fetch_by_id(ALL)).reason is reason
    assert len(sky.requests) == 3


# -- withdrawn


def test_a_withdrawn_paper_is_shown_with_the_words_that_take_it_back(arxiv: ArxivClient) -> None:
    found = arxiv.fetch_by_id(ALL)
    assert {id: named.withdrawn for id, named in found.items() if named.withdrawn} == {
        "1009.0001": "This paper has been withdrawn by the author due to an error in Lemma 3."
        " It cannot be repaired.",
        "2611.00002": "This paper has been withdrawn because its Table 2 was computed on the"
        " training set.",
    }
    assert found["1009.0001"].paper.title == "A Short Proof of a Long Lemma"


NOTICES = """
This paper has been withdrawn by the authors. It is superseded by arXiv:2405.00001
This paper has been withdrawn by the author(s) due to a gap
This paper was withdrawn by the authors.
This paper has now been withdrawn
This paper is hereby withdrawn.
This paper (arXiv:1009.0001) has been temporarily withdrawn
This paper has been administratively withdrawn by arXiv, duplicate of arXiv:1008.2691.
This article has been withdrawn by arXiv administrators due to disputed authorship
arXiv admin note: This submission has been withdrawn by arXiv administrators
This submission has been removed by arXiv administrators
This paper and abstract have been withdrawn.
The paper is withdrawn. The proof has an error.
The following paper has been withdrawn from consideration for publication
The manuscript is withdrawn pending additional experiments
Due to an error in Lemma 3, this paper has been withdrawn
Paper withdrawn
Paper is withdrawn due to further studies.
- Paper withdrawn by the author -
Withdrawn
withdrawn.
[WITHDRAWN]
Withdrawn by authors
Withdrawn, see arXiv:2405.00001
withdrawn - wrong proof
Withdrawn from arXiv
Paper retracted: Lemma 3 is wrong
Withdrawn due to conceptual errors highlighted by referees
The authors have withdrawn this manuscript because of an error
We withdraw this submission since parts of the analysis are wrong
""".strip().splitlines()


@pytest.mark.parametrize("notice", NOTICES)
def test_a_notice_is_found_in_the_comment_and_in_front_of_the_abstract(notice: str) -> None:
    words = notice.strip("-[] ")
    assert withdrawal(notice, "We prove a lemma.") == words
    assert withdrawal("12 pages, 3 figures", notice) == words
    assert withdrawal(f"5 pages, 1 figure. {notice}", "We prove a lemma.") == words


@pytest.mark.parametrize(
    "comment",
    [
        "12 pages, 3 figures, withdrawn by the author",
        "9 pages; withdrawn due to an error",
        "10 pages (withdrawn by the authors)",
        "Withdrawal due to errors in Section 2",
        "After careful thought, we have decided to withdraw the manuscript",
        "Accordingly, I respectfully request that this work be withdrawn",
        "I am writing to request the withdrawal of my submission",
    ],
)
def test_looser_words_count_in_a_comment(comment: str) -> None:
    assert withdrawal(comment, "We prove a lemma.")


@pytest.mark.parametrize(
    "comment",
    [
        "",
        "12 pages, 3 figures",
        "It could be withdrawn if accepted by a journal",
        "This paper will be withdrawn when it is accepted",
        "This paper is withdrawn if a journal takes it",
        "This paper has not been withdrawn",
        "We request that this work be cited by its journal version",
        "Withdrawn-state semantics, 12 pages",
        "A previous version of this manuscript was withdrawn due to an error.",
        "14 pages. Replaces the withdrawn manuscript (arXiv:1911.03628)",
        "A corrected version of arXiv:2105.14712, which was recently withdrawn",
        "v1 withdrawn due to an error; v2 corrected",
        "v3: v2's central claims are withdrawn",
        "Section 6 is withdrawn. Lemma 6.1 extended",
        "Submitted to ICLR 2024 (withdrawn)",
        "Submitted to NeurIPS, withdrawn",
        "This paper was withdrawn from ICLR 2024",
        "This paper was withdrawn by the authors from ICLR 2024",
        "Paper withdrawn by the authors from ICLR 2024",
        "Withdrawn by the authors from ICLR 2024",
        "Accepted at a workshop; withdrawn from the proceedings",
    ],
)
def test_another_papers_or_a_conferences_withdrawal_is_none_of_this_paper(comment: str) -> None:
    assert withdrawal(comment, "We prove a lemma.") == ""


@pytest.mark.parametrize(
    "abstract",
    [
        "We withdraw money from a bank and study the queue.",
        "We withdraw the paper strip from the fluid and watch.",
        "Withdrawal due to alcohol is a disorder.",
        "Withdrawn from a bath, a plate carries a film.",
        "Withdrawn papers are a window on science.",
        "Papers are withdrawn from journals for many reasons.",
        "The work is withdrawn from the battery by a coherent process.",
        "We study whether a paper has been withdrawn from a benchmark.",
        "We study 14,000 papers that have been withdrawn from arXiv, with what their authors say.",
        "We ask authors for a reason. The typical one is: this paper has been withdrawn.",
        "arXiv admin note: substantial text overlap with arXiv:1234.5678",
    ],
)
def test_an_abstract_about_withdrawing_is_no_notice(abstract: str) -> None:
    assert withdrawal("", abstract) == ""


def test_of_an_abstract_that_was_left_standing_only_the_notice_is_repeated() -> None:
    abstract = "We study lemmas and what is wrong with them, at length. " * 9
    notice = "This paper has been withdrawn by the author due to an error in Lemma 3"
    assert withdrawal("", f"[{notice}] {abstract}") == notice
    assert withdrawal("", f"{notice}. {abstract}") == f"{notice}."


def test_the_longer_of_two_notices_says_more() -> None:
    long = "This paper has been withdrawn because equation 3.13 is a case of formula 2.8."
    assert withdrawal("Withdrawn", long) == withdrawal(long, "Withdrawn.") == long


def test_a_long_notice_is_cut_and_an_odd_one_is_made_harmless() -> None:
    words = withdrawal("Withdrawn by the author \x1b[31m\u202e\n" + "because of errors " * 50, "")
    assert 180 < len(words) <= 200
    assert words.isprintable()
    assert words.endswith("…")


FRAGMENTS = [
    "this paper ",
    "withdrawn ",
    "due to ",
    "(",
    ") ",
    "pages, ",
    "I request ",
    "has been ",
]


@settings(max_examples=200)
@given(st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=5)).map("".join), st.text())
def test_any_words_are_read_in_one_line_of_200_characters(comment: str, abstract: str) -> None:
    for words in (withdrawal(comment, abstract), withdrawal(abstract, comment)):
        assert len(words) <= 200
        assert words == one_line(words)


def test_the_apis_answer_says_how_many_papers_it_has() -> None:
    named, total = parse_by_id(PAPERS.encode())
    assert ([one.paper.id for one in named], total) == (ALL, 5)
