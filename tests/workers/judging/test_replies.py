"""Replies that a person reads without trouble are read; nothing is ever read into one."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bot.arxiv.text import readable
from bot.domain.reasons import ModelReason
from tests.factories import paper
from workers.judging import replies, scoring

ONE, TWO = paper("2503.00010"), paper("hep-th/9901001")
PAPERS = [ONE, TWO]


def row(id: str = ONE.id, **fields: Any) -> dict[str, Any]:
    return {"id": id, "comment": "Fine.", "relevance": 8, "novelty": 7} | fields


def comment_in(text: str) -> str:
    return scoring.parse_reply(text, [ONE])[0][ONE.id].comment


def with_comment(raw: str) -> str:
    """A reply as a model writes it: the comment's letters as they are."""
    return json.dumps({"papers": [row(comment="RAW")]}).replace("RAW", raw)


TEX = [
    *(r"\times", r"\nu", r"\beta", r"\frac{1}{2}", r"\text{x}", r"\rho", r"\theta", r"\tau"),
    *(r"\neq", r"\bar{x}", r"\bot", r"\forall", r"\mathcal{O}", r"\alpha", r"\nabla", r"\tilde{x}"),
    *(
        r"\rangle",
        r"\rightarrow",
        r"\underline{x}",
        r"\upsilon",
        r"\binom{n}{k}",
        r"\boldsymbol{x}",
    ),
    *(
        r"\ne",
        r"\neg",
        r"\nequiv",
        r"\notin",
        r"\nmid",
        r"\textbf{x}",
        r"\{",
        r"\,",
        r"\_",
        r"\%",
        r"\(",
        r"\&",
        r"\|",
    ),
]


@pytest.mark.parametrize("tex", TEX)
def test_tex_in_a_reply_stays_tex_escaped_or_not(tex: str) -> None:
    said = f"A bound of $a {tex} b$ holds."
    assert comment_in(with_comment(said)) == said
    assert comment_in(with_comment(said.replace("\\", "\\\\"))) == said


def test_what_json_reads_as_a_tab_or_a_line_break_is_shown_as_the_formula_it_was() -> None:
    shown = readable(comment_in(with_comment(r"It needs $m \times n$ steps, $\nu \neq \beta$.")))
    assert shown == "It needs m × n steps, ν ≠ β."


@pytest.mark.parametrize(
    ("raw", "comment"),
    [
        (r"One.\nThen two.", "One. Then two."),
        (r"One.\ne.g. two.", "One. e.g. two."),
        (r"One.\nless so.", "One. less so."),
        (r"It\nis\nin\ne-commerce\nsubset and\tan.", "It is in e-commerce subset and an."),
        (r"One.\tTwo.\r\nThree.", "One. Two. Three."),
        ("One.\nTwo,\n\tthree.", "One. Two, three."),
        (r"Caf\u00e9 \"and\" a\/b", 'Café "and" a/b'),
        (r"Poincar\'e", r"Poincar\'e"),
        ('He calls it "deep" and "wide".', 'He calls it "deep" and "wide".'),
    ],
)
def test_a_line_break_is_one_and_escapes_are_what_they_are(raw: str, comment: str) -> None:
    assert comment_in(with_comment(raw)) == comment


LOOSE = [
    "[{'id': '2503.00010', 'comment': 'It's fine.', 'relevance': 8, 'novelty': 7,},]",
    '{"papers": [{"id": "2503.00010", "comment": null, "relevance": 8, "novelty": 7}],}',
    '{"papers": [{"id": "2503.00010", "relevance": 8, "novelty": 7}]} ',
    "{papers: [{id: '2503.00010', comment: None, relevance: 8, novelty: 7}]}",
    '[{"id": 2503.00010, "comment": ["Fine.", "Good."], "relevance": "8/10", "novelty": 7.4}]',
    "[{id: 2503.00010, relevance: 8/10, novelty: 7}]",
    '{"2503.00010": {"relevance": 8, "novelty": 7, "comment": "Fine."}}',
    '{"scores": {"arXiv:2503.00010v2": {"relevance": 8, "novelty": 7}}}',
    '[{"id": "https://arxiv.org/abs/2503.00010v1", "relevance": 8.0, "novelty": 6.5}]',
    '[{"id": "http://arxiv.org/pdf/2503.00010.pdf", "relevance": 8, "novelty": 7}]',
    '[{"id": "[2503.00010] On matter", "relevance": 7.5, "novelty": "6.5/10"}]',
    "{“id”: “2503.00010”, “relevance”: 8, “novelty”: 7}",
    '{"id": "2503.00010", /* sure */ "relevance": 8, // very\n "novelty": 7}',
    '[{"paper_id": "2503.00010", "relevance_score": 8, "noveltyScore": 7}]',
    '<think>Or {"id": "2503.00010", "relevance": 2, "novelty": 2}?</think>' + json.dumps(row()),
    '[THINK]{"id": "2503.00010", "relevance": 2, "novelty": 2}[/THINK]' + json.dumps(row()),
    'So: {"id": "2503.00010", "relevance": 2, "novelty": 2}</think>\n' + json.dumps(row()),
    '<|channel|>analysis<|message|>{"id": "2503.00010", "relevance": 2, "novelty": 2}<|end|>'
    "<|start|>assistant<|channel|>final<|message|>" + json.dumps(row()),
]


@pytest.mark.parametrize("text", LOOSE)
def test_a_reply_that_a_person_can_read_is_read(text: str) -> None:
    scores, left = scoring.parse_reply(text, [ONE])
    assert left == {}
    assert (scores[ONE.id].relevance, scores[ONE.id].novelty) == (8, 7)


@pytest.mark.parametrize(
    ("given", "score"), [(7.5, 8), (7.49, 7), ("8.5", 9), (1.0, 1), (9.5, 10), ("2.5/10", 3)]
)
def test_a_score_with_a_fraction_is_rounded_and_a_half_up(given: object, score: int) -> None:
    scores, _ = scoring.parse_reply(json.dumps(row(relevance=given)), [ONE])
    assert scores[ONE.id].relevance == score


def test_after_a_draft_the_answer_replaces_the_row() -> None:
    draft, answer = row(comment="Perhaps."), row(comment="Surely.")
    text = f"<think>\n{json.dumps(draft)}\n</think>\n{json.dumps(answer)}"
    assert comment_in(text) == "Surely."
    assert comment_in(f"{json.dumps(draft)}\nOn reflection:\n{json.dumps(answer)}") == "Surely."


@pytest.mark.parametrize(
    "text",
    [
        f"<think>{json.dumps([row(), row(TWO.id)])}</think>{json.dumps([row(TWO.id)])}",
        f"<think>{json.dumps(row())}</think>{json.dumps([row(TWO.id)])}",
    ],
)
def test_a_paper_only_in_the_draft_has_no_score(text: str) -> None:
    scores, left = scoring.parse_reply(text, PAPERS)
    assert scores.keys() == {TWO.id}
    assert left == {ONE.id: ModelReason.LEFT_OUT}


@pytest.mark.parametrize(
    "text", [f"<think>{json.dumps(row())}", f"<think>{json.dumps(row())}</think>", "</think>"]
)
def test_a_draft_that_came_to_no_answer_is_none(text: str) -> None:
    assert scoring.parse_reply(text, [ONE]) == ({}, {ONE.id: ModelReason.BAD_REPLY})


def test_a_comment_about_such_tags_is_a_comment() -> None:
    said = "Drops everything up to </think>, then <think> again."
    assert comment_in(json.dumps({"papers": [row(comment=said)]})) == said


GAINED_BY_REPAIR = [
    '{"id": "2503.00010", "novelty": 7, "comment": "x", "relevance": 1',
    '{"id": "2503.00010", "novelty": 7, "comment": "bad, "relevance": 9, was", "relevance": 3}',
    '{"id": "2503.00010", "novelty": 7, "relevance": 8 or maybe 9}',
    '{"id": "2503.00010", "relevance": 3, "novelty": 7, "relevance": 9}',
    '{"id": "2503.00010" "relevance": 3 "novelty": 4, {"id": "x", "relevance": 5, "novelty": 5}',
    '{"id": "2503.00010", "id": "hep-th/9901001", "relevance": 3, "novelty": 4}',
    '{"id": "2503.00010", "relevance": 1O, "novelty": 7}',
    '{"id": "2503.00010", "relevance": 7,5, "novelty": 7}',
]


@pytest.mark.parametrize("text", GAINED_BY_REPAIR)
def test_nothing_is_guessed(text: str) -> None:
    assert scoring.parse_reply(text, PAPERS)[0] == {}


def test_a_row_whose_quotation_mark_is_missing_takes_nothing_from_the_next() -> None:
    text = json.dumps([row(relevance=1, novelty=1), row(TWO.id, relevance=1, novelty=2)])
    scores, left = scoring.parse_reply(text.replace('"novelty": 1}', '"novelty: 1}'), PAPERS)
    assert (scores[TWO.id].novelty, left.keys()) == (2, {ONE.id})
    assert scores.keys() == {TWO.id}


# Comments made to look like the rest of a reply.
nasty = st.lists(
    st.sampled_from(
        [
            *"{}[],:\"\\' \n",
            *('"relevance": 9', "'novelty': 1", '"id": "hep-th/9901001"', "},{", "</think>"),
            *(r"\nu", "it's", "8", "//", "/*", "“", "None"),
        ]
    ),
    max_size=12,
).map("".join)
scored = st.tuples(st.integers(1, 9), st.integers(1, 9), nasty)


def spelt(rows: list[dict[str, Any]], how: str) -> str:
    if how == "python":
        return repr({"papers": rows})
    text = json.dumps(
        {"papers": rows}, ensure_ascii=how == "ascii", indent=1 if how == "wide" else None
    )
    return text.replace("}", ",}") if how == "commas" else text


@given(
    scored,
    scored,
    st.sampled_from(["ascii", "plain", "wide", "python"]),
    st.data(),
)
def test_a_reply_cut_or_damaged_anywhere_never_gains_a_score(
    one: tuple[int, int, str], two: tuple[int, int, str], how: str, data: st.DataObject
) -> None:
    """Signs are taken away or put in, other than digits and within no name: what is read of a
    paper is then what was said of it, or nothing."""
    said = {ONE.id: one, TWO.id: two}
    rows = [row(id, relevance=r, novelty=n, comment=c) for id, (r, n, c) in said.items()]
    text = spelt(rows, how)
    for _ in range(data.draw(st.integers(0, 3))):
        at = data.draw(st.integers(0, max(0, len(text) - 1)))
        sign = data.draw(st.sampled_from(["", *"{}[],:\"'\n ", "cut"]))
        assume(not text[at : at + 1].isalnum())
        text = text[:at] if sign == "cut" else text[:at] + sign + text[at + 1 :]
    scores, left = scoring.parse_reply(text, PAPERS)
    assert scores.keys() | left.keys() == said.keys()
    for id, score in scores.items():
        assert (score.relevance, score.novelty) == said[id][:2]


@given(st.text(max_size=200), st.integers(0, 20))
def test_what_is_respelt_has_no_sign_that_was_not_there(text: str, start: int) -> None:
    found = replies.repair_json("{" + text, 0)
    if found is not None:
        digits = [c for c in found[0] if c.isdigit()]
        assert digits == [c for c in ("{" + text)[: found[1]] if c.isdigit()][: len(digits)]


def test_reading_pathological_replies_looks_at_each_sign_a_bounded_number_of_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looks = []
    real = replies.repair_json

    def counted(text: str, start: int) -> tuple[str, int] | None:
        looks.append(start)
        return real(text, start)

    monkeypatch.setattr(replies, "repair_json", counted)
    for text in ("[{" * 50_000, '{"a":' * 50_000, "{'a " * 50_000, '{"a' + " " * 100_000):
        looks.clear()
        assert replies.json_values(text) == []
        assert len(looks) <= 50
