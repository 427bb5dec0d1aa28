"""`paperboy profiles draft`: what comes of a few sentences, and of papers that somebody liked."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.draft import Draft, Sources, Work
from bot.domain.papers import Paper, Profile
from bot.errors import Refused
from bot.profiles.draft import draft, interests, keyphrases
from bot.profiles.form import build_form
from bot.profiles.toml_text import as_toml
from bot.profiles.validate import parse_profile
from bot.store.store import Store
from bot.views.profiles import origin_words
from tests.conftest import check_golden
from tests.factories import paper
from workers.arxiv import sample
from workers.arxiv.client import ArxivClient
from workers.cli import drafting
from workers.drafting.drafter import draft_from
from workers.embedding.embeddings import Embeddings

SENTENCE = (
    "We work on the foundations of machine learning: model compression, representation learning, "
    "mixture of experts, and theory of transformers"
)
OTHERS = [each.paper for each in sample.listing().papers]


def with_origins(drafted: Draft) -> str:
    return as_toml(drafted.profile, {(o.field, o.line): origin_words(o) for o in drafted.origins})


@pytest.mark.parametrize(
    ("text", "phrases"),
    [
        (
            SENTENCE,
            (
                "model compression",
                "representation learning",
                "mixture of experts",
                "theory of transformers",
            ),
        ),
        ("I am interested in exoplanet atmospheres.", ("exoplanet atmospheres",)),
        ("Our group studies tides; also the moon and its seas.", ("tides", "moon", "seas")),
        ("pruning and quantization", ("pruning", "quantization")),
        ("We do machine translation.", ("machine translation",)),
        (
            "We study large networks: compressing them, and what they know.",
            ("compressing them (large networks)", "what they know (large networks)"),
        ),
        ("Pruning. Pruning, pruning.", ("Pruning", "pruning")),
        ("We work on the theory and the methods.", ()),
        ("", ()),
    ],
)
def test_the_interests_of_a_text_are_its_phrases(text: str, phrases: tuple[str, ...]) -> None:
    assert interests(text) == phrases


def test_a_sentence_becomes_a_profile_with_examples_from_the_sample(store: Store) -> None:
    drafted = draft_from(Sources(text=SENTENCE), Embeddings(store.vectors))
    check_golden("profiles/drafted_from_a_sentence.toml", with_origins(drafted))


def test_without_vectors_the_phrases_stand_alone() -> None:
    profile = draft_from(Sources(text=SENTENCE)).profile
    assert [topic.relevant for topic in profile.topics] == [
        f"{topic.name}." for topic in profile.topics
    ]


@pytest.fixture
def arxiv(store: Store) -> ArxivClient:
    """One that nobody asks."""
    return ArxivClient("", "", store.redis)


def liked(path: Path, papers: Sequence[Paper]) -> Path:
    rows = (each.model_dump(mode="json", exclude={"version"}) for each in papers)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def test_liked_papers_become_topics_and_what_they_say_keywords(
    arxiv: ArxivClient, tmp_path: Path
) -> None:
    file = liked(tmp_path / "liked.jsonl", OTHERS[:3])
    drafted = drafting.run(arxiv, papers=file, name="mine")
    check_golden("profiles/drafted_from_papers.toml", with_origins(drafted))
    assert Profile.model_validate(tomllib.loads(with_origins(drafted))) == drafted.profile


def test_text_and_papers_are_both_in_it() -> None:
    profile = draft_from(Sources(text="tides", papers=tuple(OTHERS[:1]))).profile
    assert profile.topics[0].name == "tides"
    assert len(profile.topics) == 2
    assert profile.categories == (OTHERS[0].categories[0],)


def test_a_library_of_five_megabytes_is_refused_in_a_sentence(
    arxiv: ArxivClient, tmp_path: Path
) -> None:
    file = tmp_path / "library.bib"
    file.write_text("@misc{a, title={A}}\n" * 250_000, encoding="utf-8")
    with pytest.raises(Refused, match=r"has 5\.0 MB\. At most 1 MB"):
        drafting.run(arxiv, bibtex=file)


def test_a_library_without_ids_becomes_a_profile(arxiv: ArxivClient, tmp_path: Path) -> None:
    file = tmp_path / "library.ris"
    file.write_bytes(
        "TY  - JOUR\nTI  - Gödel machines of machine learning\nER  - ".encode("latin-1")
    )
    drafted = drafting.run(arxiv, bibtex=file)
    assert drafted.profile.topics[0].name == "Gödel machines of machine learning"
    assert drafted.origins[-1].kind == "phrases"
    assert drafted.notes[0].startswith("Your library has 1 entry, 0 of them")


def test_what_every_paper_says_is_no_keyword() -> None:
    common = [paper(f"2503.{n:05}", title="A method", abstract="We show it.") for n in range(9)]
    own = paper("2503.00010", title="A method for tides", abstract="We show it with spring tides.")
    assert keyphrases([own], common) == ("tides", "spring")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "give a text, or papers"),
        ("We work on the theory.", "give a text, or papers"),
        ("Whittling spoons", "which arXiv categories"),
        ("x" * 5000, "at most 4000"),
    ],
)
def test_too_little_or_too_much_is_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(Refused, match=said):
        draft_from(Sources(text=text))


def test_a_wrong_name_is_refused_in_a_sentence() -> None:
    with pytest.raises(Refused, match="small letters"):
        draft_from(Sources(text="tides and pruning"), name="My Profile")


@given(st.text(max_size=300), st.lists(st.sampled_from(OTHERS), max_size=25))
def test_whatever_is_typed_a_draft_fits_a_file_and_a_form_or_is_refused(
    text: str, papers: list[Paper]
) -> None:
    try:
        sources = Sources(text=text, papers=tuple(papers))
        profile = draft(sources, OTHERS[:3], {}, {}).profile
    except Refused:
        assert not papers
    else:
        assert Profile.model_validate(tomllib.loads(as_toml(profile))) == profile
        build_form(profile)


def test_a_long_text_and_a_long_library_fit_a_form() -> None:
    text = "; ".join(f"machine learning of the {n}th kind" for n in range(100))
    works = tuple(
        Work(title=f"“A: b”, {n} {'c' * 300}", abstract="d, e. " * 900) for n in range(30)
    )
    profile = draft_from(Sources(text=text, works=works), name="mine").profile
    build_form(profile)
    assert parse_profile(as_toml(profile)) == profile
