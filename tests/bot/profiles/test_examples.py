"""Papers that somebody liked, as lines of a form."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.papers import Example, Profile
from bot.profiles.examples import as_lines, example_of, named_ids, read_lines
from bot.profiles.form import LONGEST, build_form, parse_answers
from tests.factories import paper, profile

TIDES = Example(id="2503.00001", title="Tides of moons, and their causes", abstract="We see tides.")
DUST = Example(title="Dust: a survey in 2503.00009 parts", abstract="Dust settles.")
LONG = Example(id="hep-th/9901001", title="Long " * 60, abstract="At length.")


def test_examples_come_back_from_their_lines_with_the_abstracts_that_no_line_shows() -> None:
    known = (TIDES, DUST, LONG, LONG.model_copy(update={"abstract": "At greater length."}))
    lines = as_lines(known)
    assert lines.splitlines()[:2] == [
        "2503.00001 Tides of moons, and their causes",
        "Dust: a survey in 2503.00009 parts",
    ]
    assert lines.splitlines()[2].startswith("hep-th/9901001 Long Long")
    assert read_lines(lines, known, {}) == (list(known), [])


def test_a_paper_is_added_by_id_link_or_title_and_taken_out_with_its_line() -> None:
    listed = paper("2503.00002", abstract="We bound it.")
    typed = """
        https://arxiv.org/pdf/2503.00002v3
        arXiv: 2503.00002
        2503.00001
        Routing among experts (arXiv:2401.00001)
        On quanta
        On  quanta
    """
    assert set(named_ids(typed)) == {"2503.00002", "2503.00001", "2401.00001"}
    found, wrong = read_lines(typed, (TIDES, DUST), {listed.id: listed})
    assert wrong == []
    assert found == [
        example_of(listed),
        TIDES,
        Example(id="2401.00001", title="Routing among experts"),
        Example(title="On quanta"),
    ]
    assert found[0].abstract == "We bound it."


def test_an_id_of_no_known_paper_asks_for_its_title_and_the_others_count() -> None:
    found, wrong = read_lines("2401.00001\nOn quanta", (), {})
    assert [each.title for each in found] == ["On quanta"]
    assert wrong == ["No list here had 2401.00001 lately: write its title after it."]


def test_as_many_as_a_profile_has_fit_a_form_with_the_longest_titles_and_ids() -> None:
    most = tuple(Example(id=f"{n:>040}", title="t" * 300) for n in range(20))
    assert len(as_lines(most)) <= LONGEST


@given(
    st.lists(
        st.builds(
            Example,
            id=st.sampled_from(("", "2503.00001", "2503.00002")),
            title=st.text(st.sampled_from("ab 2503.01:,;()"), min_size=1, max_size=300),
            abstract=st.text(st.sampled_from("ab"), max_size=3),
        ),
        max_size=20,
    )
)
def test_twenty_examples_of_any_title_fit_a_form_and_come_back(examples: list[Example]) -> None:
    named = [each for each in examples if each.title.split()]
    tidy = (each.model_copy(update={"title": " ".join(each.title.split())}) for each in named)
    known = profile(examples=tuple(tidy))
    answers = {field.name: field.value for field in build_form(known).fields}
    assert len(answers["examples"]) <= LONGEST
    assert parse_answers(answers, known) == known


def test_a_new_profile_keeps_what_its_form_was_filled_with_and_has_no_field_for() -> None:
    filled = profile(examples=(TIDES,), cross_lists=False, gate=False)
    answers = {field.name: field.value for field in build_form(filled).fields}
    made = parse_answers(answers | {"title": "Tides"}, filled, is_new=True)
    assert made == filled.model_copy(update={"title": "Tides", "name": "tides"})
    emptied = parse_answers(answers | {"examples": ""}, filled)
    assert isinstance(emptied, Profile)
    assert emptied.examples == ()


def test_a_form_of_an_older_release_does_not_take_the_examples_out() -> None:
    known = profile(examples=(TIDES,))
    answers = {field.name: field.value for field in build_form(known).fields}
    del answers["examples"]
    assert parse_answers(answers, known) == known
