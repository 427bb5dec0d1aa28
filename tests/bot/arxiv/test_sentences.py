"""An abstract's own most telling sentence: where sentences end, and which one is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.arxiv.sentences import split_sentences, telling_sentence
from bot.domain.papers import Keywords, Profile, Topic
from tests.factories import paper, profile

GROUP = profile(
    topics=(Topic(name="Model compression", relevant="Pruning and quantization of weights."),),
    keywords=Keywords(relevant=("KV cache", "sparsity")),
)


def told(abstract: str, title: str = "A paper", of: Profile = GROUP) -> str:
    return telling_sentence(paper(title=title, abstract=abstract), of)


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One is here. Two is there.", ("One is here.", "Two is there.")),
        ("As in e.g. Smith et al. (2020), it works. So do we!", None),
        ("It holds (see Sec. 3. There too). It ends.", None),
        ("J. Smith solved it. We go on.", ("J. Smith solved it.", "We go on.")),
        ("A gain of 3.5 points. $x$ is small. 12 tasks gain.", None),
        ('He said "stop." Then he left.', ('He said "stop."', "Then he left.")),
        ("No end at all", ("No end at all",)),
        ("", ()),
    ],
)
def test_where_sentences_end(text: str, sentences: tuple[str, ...] | None) -> None:
    found = split_sentences(text)
    assert " ".join(found) == text
    assert found == sentences if sentences is not None else 1 < len(found) < 4


def test_nothing_is_split_after_an_abbreviation_or_inside_brackets() -> None:
    assert len(split_sentences("As in e.g. Smith et al. It works. So do we!")) == 2
    assert len(split_sentences("It holds (see here. There too). It ends.")) == 2


def test_a_claim_about_the_profiles_words_goes_before_background_that_has_more_of_them() -> None:
    background = "Pruning and quantization of weights give sparsity and a small KV cache."
    claim = "We prune the KV cache by its norms."
    assert told(f"{background} {claim} It is easy to use.") == claim


def test_of_two_claims_the_one_in_the_profiles_words_is_shown() -> None:
    ours = "We show that pruning keeps accuracy."
    assert told(f"We propose a library for games. {ours} We release code.") == ours
    games = profile(topics=(Topic(name="Games", relevant="Libraries for games."),))
    assert told(f"We propose a library for games. {ours}", of=games).startswith("We propose a lib")


def test_a_result_with_a_number_goes_before_one_without() -> None:
    number = "It reduces the KV cache by 58.3%."
    assert told(f"It improves the KV cache. {number}") == number


def test_a_sentence_in_the_titles_words_is_preferred() -> None:
    ours = "We study rain in deserts."
    assert told(f"We study wind in cities. {ours}", title="Desert rain") == ours


def test_a_sentence_stands_by_itself_and_tex_is_readable() -> None:
    claim = r"However, it is slow. In this paper, we prove that $\alpha \leq 2$."
    assert told(claim) == "We prove that α ≤ 2."
    assert told("To address this problem, we prune weights.") == "We prune weights."


def test_without_any_shared_word_there_is_still_a_sentence_and_none_without_an_abstract() -> None:
    assert told("Rain fell. We measured it.") == "We measured it."
    assert told("") == ""
    assert told(" \x1b[31m ") == "[31m"


@given(st.text())
def test_for_any_text_a_sentence_of_it_is_shown(text: str) -> None:
    found = split_sentences(text)
    assert "".join("".join(found).split()) == "".join(text.split())
    assert "\n" not in told(text)


def test_a_long_abstract_of_openings_takes_no_long_time() -> None:
    assert told("(A. " * 20_000)
