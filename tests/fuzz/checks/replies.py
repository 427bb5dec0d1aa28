"""A model server's envelopes and errors, and what the model wrote."""

from __future__ import annotations

from bot.domain.papers import Topic
from bot.domain.reasons import ModelReason
from bot.errors import PaperboyError, Refused, Unavailable
from tests.factories import paper, profile
from tests.fuzz.promises import assert_explained, assert_plain, assert_stored, distinct
from workers.judging import (
    api_replies,
    explaining,
    model_errors,
    numbers,
    replies,
    scoring,
    top_papers,
)
from workers.judging.api_replies import ApiReply

IDS = ("2503.15294", "2503.00010", "2401.01234", "hep-th/9901001", "math.GT/0309136")
PAPERS = tuple(paper(id) for id in IDS)
_ABOUT = paper(
    title="Pruning at scale: a bound of 3.5 for non-convex losses",
    abstract="We prune large models. The bound is tight, $O(n \\log n)$, and the loss is kept. "
    * 3,
)
_PROFILE = profile(
    topics=(
        Topic(name="Compression", relevant="Pruning."),
        Topic(name="2. Bounds", relevant="Bounds.", irrelevant="Rates."),
    )
)


def envelope(data: bytes) -> None:
    """An answer of either API is read, or refused with a reason."""
    for parse in (api_replies.parse_chat, api_replies.parse_response):
        try:
            _answered(parse(data))
        except Unavailable as error:
            _explained(error)
    if error_found := api_replies.error_in(data):
        _explained(model_errors.error_with_status_200(error_found, "gpt-6-luna"))


def model_error(data: bytes) -> None:
    """A status and a body become one typed error, which quotes neither."""
    status = int.from_bytes(data[:2], "big") % 1000
    read = model_errors.parse_error_body(status, data[2:])
    assert len(read.codes) <= 1000
    assert len(read.message) <= 1000
    _explained(model_errors.typed_error(read, "gpt-6-luna"))


def scores(data: bytes) -> None:
    """Each paper has a score or a reason, never both; no score is made up."""
    reply = data.decode(errors="replace")
    found, missing = scoring.parse_reply(reply, PAPERS)
    assert {*found, *missing} == set(IDS)
    assert not found.keys() & missing.keys()
    for score in found.values():
        assert_plain(score.comment)
        assert len(score.comment) <= 1000
        assert_stored(score)
    again, left = scoring.parse_reply(f"<think>{reply}</think>", PAPERS)
    assert {*again, *left} == set(IDS)


def order(data: bytes) -> None:
    """An order names every paper once, or there is none; what it says a paper shows has no number
    that is not the paper's."""
    found = top_papers.parse_reply(data.decode(errors="replace"), PAPERS)
    if found is None:
        return
    assert sorted(found.order) == sorted(IDS)
    assert found.written.keys() <= set(IDS)
    assert found.unproven <= len(found.written)
    for about in PAPERS:
        if said := found.written.get(about.id):
            assert_plain(said.shows, said.why)
            assert max(len(said.shows), len(said.why)) <= 300
            assert numbers.numbers_stand_in(said.shows, about.title, about.abstract)


def claims(data: bytes) -> None:
    """At most four claims, each about a topic, with words that the paper has."""
    found = explaining.parse_reply(data.decode(errors="replace"), _PROFILE, _ABOUT)
    if found is None:
        return
    kept, dropped = found
    assert len(kept) <= 4
    assert dropped >= 0
    assert distinct((claim.topic, claim.quote) for claim in kept)
    for claim in kept:
        assert claim.topic in ("Compression", "2. Bounds")
        assert claim.quote in _ABOUT.title or claim.quote in _ABOUT.abstract
        assert_plain(claim.says)
        assert 1 <= len(claim.says) <= 300
        assert_stored(claim)


def json_in_text(data: bytes) -> None:
    """Only objects and lists are found, and what is written plainly is found as it is."""
    text = data.decode(errors="replace")
    for value in replies.json_values(text):
        assert isinstance(value, dict | list)
    repaired = replies.repair_json(text, 0)
    assert repaired is None or 0 < repaired[1] <= len(text)


def _answered(reply: ApiReply) -> None:
    assert_stored(reply)
    if reply.text is None:
        assert reply.reason is not None
    if counts := reply.counts:
        assert 0 <= counts.cached <= counts.prompt
        assert counts.prompt > 0


def _explained(error: PaperboyError) -> None:
    assert isinstance(error, Refused | Unavailable)
    assert isinstance(error.reason, ModelReason)
    assert_explained(error, 200)
