"""What a person sees who writes or changes a profile in a chat: the form, and what it says back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.message import Form
from bot.domain.papers import Cutoffs, Example, Followed, Keywords, Profile, Topic
from bot.errors import Refused
from bot.profiles.form import build_form, parse_answers
from bot.profiles.library import shipped
from bot.profiles.validate import validate_data
from tests import factories
from tests.conftest import check_golden

GOOD = {
    "title": "Matters of importance",
    "categories": "cs.LG",
    "look_for": "Matter: Studies of the matter.",
    "relevance": "7",
    "novelty": "6",
    "maximum": "20",
}

WRONG = {
    "title": "Matters\x1b[31m",
    "categories": "cs.LGG, stat.ML gardening",
    "look_for": "Matter: Studies of it.\nENERGY: Where it goes.\nEnergy: Again.\nEmpty:\n"
    + "Long " * 500,
    "leave_out": "energy: " + "dust " * 500,
    "keywords": f"bound, -, {'k' * 90}",
    "relevance": "eleven",
    "novelty": "0",
    "maximum": "1000",
}


def shown(form: Form) -> str:
    """A form as text, for a person to read."""
    rows = [f"[{form.title}]  {form.name}({form.metadata}) -> {form.submit}"]
    for field in form.fields:
        optional = ", optional" if field.optional else ""
        rows += ["", f"{field.label}   ({field.name}: {field.kind}{optional})"]
        rows += [f"  | {line}" for line in field.value.splitlines()]
        rows.append(f"  {field.hint}")
    return "\n".join(rows)


def answered(form: Form) -> dict[str, str]:
    """What comes back when somebody opens a form and saves it as it is."""
    return {field.name: field.value for field in form.fields}


def profile(**answers: str) -> Profile:
    found = parse_answers(GOOD | answers, None)
    assert isinstance(found, Profile), found
    return found


def wrong(**answers: str) -> dict[str, str]:
    found = parse_answers(GOOD | answers, None)
    assert isinstance(found, dict), "these answers should have mistakes"
    return found


def topics(look_for: str, leave_out: str = "") -> list[tuple[str, str, str]]:
    found = profile(look_for=look_for, leave_out=leave_out).topics
    return [(topic.name, topic.relevant, topic.irrelevant) for topic in found]


def test_the_forms_and_what_is_said_of_mistakes_read_well() -> None:
    empty, full = parse_answers({}, None), parse_answers(WRONG, None)
    assert isinstance(empty, dict)
    assert isinstance(full, dict)
    parts = [
        shown(build_form(None)),
        shown(build_form(shipped()["foundations"], "foundations")),
        "Said of an empty form:",
        "\n".join(f"{name}: {sentence}" for name, sentence in empty.items()),
        "Said of answers full of mistakes:",
        "\n".join(f"{name}: {sentence}" for name, sentence in full.items()),
    ]
    check_golden("profiles/form.txt", "\n\n".join(parts) + "\n")


# ---------------------------------------------------------------- there and back


@pytest.mark.parametrize("name", shipped())
def test_a_profile_that_ships_is_the_same_after_opening_and_saving(name: str) -> None:
    known = shipped()[name]
    assert parse_answers(answered(build_form(known)), known) == known


def test_a_form_fits_slack_and_discord() -> None:
    for each in (build_form(None), *map(build_form, shipped().values())):
        assert len(each.title) <= 24
        assert all(len(field.label) <= 45 and len(field.hint) <= 100 for field in each.fields)
        assert all(len(field.value) <= 3000 for field in each.fields)


def test_what_the_form_does_not_show_is_kept_when_a_profile_is_changed() -> None:
    known = factories.profile(
        name="mine",
        cross_lists=False,
        keywords=Keywords(relevant=("bound",), application=("vacuum",)),
        authors=Followed(follow=("Emmy Noether",)),
        examples=(Example(title="Invariant variation problems"),),
    )
    changed = parse_answers(
        answered(build_form(known)) | {"title": "Other", "keywords": "-dust"}, known
    )
    words = Keywords(irrelevant=("dust",), application=("vacuum",))
    assert changed == known.model_copy(update={"title": "Other", "keywords": words})


def test_a_name_with_a_colon_stands_in_quotation_marks_straight_or_curly() -> None:
    known = factories.profile(
        topics=(
            Topic(name="Words: and below", relevant="Spelling: sounds.", irrelevant="Speech: all."),
            Topic(name="N:M sparsity", relevant="See https://example.org: pruning."),
        )
    )
    values = answered(build_form(known))
    assert values["look_for"] == (
        '"Words: and below": Spelling: sounds.\nN:M sparsity: See https://example.org: pruning.'
    )
    assert parse_answers(values, known) == known
    curly = {name: re.sub('"(.*?)"', "“\\1”", value) for name, value in values.items()}
    assert parse_answers(curly, known) == known


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        (
            {
                "topics": (
                    Topic(name="A", relevant="r" * 1600),
                    Topic(name="B", relevant="r" * 1600),
                )
            },
            '"What to look for" has more than 3000 characters, which a form can\'t hold. ',
        ),
        ({"topics": (Topic(name='The "A": b', relevant="r"),)}, "A topic's name or a keyword has "),
        ({"keywords": Keywords(relevant=("1,2-shift",))}, "A topic's name or a keyword has "),
        ({"keywords": Keywords(relevant=("-shift",))}, "A topic's name or a keyword has "),
        ({"keywords": Keywords(irrelevant=("1,2-shift",))}, "A topic's name or a keyword has "),
    ],
)
def test_a_profile_that_a_form_would_change_is_refused_with_the_way_round_it(
    fields: dict[str, Any], why: str
) -> None:
    with pytest.raises(Refused) as refused:
        build_form(factories.profile(**fields))
    assert str(refused.value).startswith(why)
    assert "paperboy profiles import FILE" in str(refused.value)


# ---------------------------------------------------------------- what may be written


def test_a_line_is_a_topic_named_before_the_colon_or_by_its_first_words() -> None:
    assert topics("Pruning :  less  weights: how\n\n  Low-rank methods, and N:M sparsity.  \n") == [
        ("Pruning", "less weights: how", ""),
        ("Low-rank methods, and N:M sparsity", "Low-rank methods, and N:M sparsity.", ""),
    ]
    assert topics("量化：低比特") == [("量化", "低比特", "")]


def test_a_long_line_without_a_name_is_named_by_words_not_by_half_a_word() -> None:
    ((name, _, _),) = topics("Everything about the compression of networks, and what it costs.")
    assert name == "Everything about the compression of"
    ((name, _, _),) = topics("字" * 100)
    assert name == "字" * 40


def test_two_lines_that_begin_alike_get_names_that_differ() -> None:
    start = "Everything about the compression of"
    names = [name for name, _, _ in topics(f"{start} networks one\n{start} networks two")]
    assert names == [start, f"{start} networks"]


def test_a_colon_far_into_a_line_is_not_the_end_of_a_name() -> None:
    text = (
        "We should like to read whatever there is on the subjects that we have ever worked on: all."
    )
    ((name, relevant, _),) = topics(text)
    assert (name, relevant) == ("We should like to read whatever there is", text)


def test_what_to_leave_out_goes_to_the_topic_named_in_any_case_or_to_all() -> None:
    look_for = "Matter: studies\nEnergy: flows"
    assert topics(look_for, "MATTER: Dust.\nSurveys\nmatter: ashes\nNote: benchmarks") == [
        ("Matter", "studies", "Dust. ashes; Surveys; Note: benchmarks"),
        ("Energy", "flows", "Surveys; Note: benchmarks"),
    ]


def test_what_is_left_out_everywhere_is_shown_once_when_the_profile_is_opened_again() -> None:
    typed = "Matter: Dust.\nSurveys and benchmarks."
    made = profile(look_for="Matter: studies\nEnergy: flows\nForce: fields", leave_out=typed)
    assert answered(build_form(made))["leave_out"] == typed


def test_keywords_stand_between_commas_or_on_lines_and_a_minus_avoids_one() -> None:
    words = profile(keywords=" low-rank,, KV  cache\n- survey, –review,−dust,").keywords
    assert words.relevant == ("low-rank", "KV cache")
    assert words.irrelevant == ("survey", "review", "dust")


def test_categories_may_be_typed_as_they_come() -> None:
    assert profile(categories="cs.lg;stat.ML  CS.LG,\nmath").categories == (
        "cs.LG",
        "stat.ML",
        "math",
    )


def test_numbers_may_have_spaces_around_them() -> None:
    made = profile(relevance=" 8 ", maximum="5\n")
    assert (made.cutoffs, made.maximum) == (Cutoffs(relevance=8), 5)


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Foundations of machine learning", "foundations-of-machine-learning"),
        ("  Émilie’s Größe — №1!  ", "emilies-grosse-no1"),
        ("--- C++ & 3D 視覚 ---", "c-3d"),
        ("量子计算", "quant-ph"),
        ("a" * 60, "a" * 40),
        ("Everything about the compression of networks", "everything-about-the-compression-of"),
    ],
)
def test_a_new_profile_is_named_after_its_title(title: str, name: str) -> None:
    assert profile(title=title, categories="quant-ph").name == name


# ---------------------------------------------------------------- mistakes


@pytest.mark.parametrize(
    ("field", "answer", "sentence"),
    [
        ("title", " ", "The title must not be empty."),
        ("title", "t" * 101, "The title must be at most 100 characters long."),
        ("categories", "", "The list of categories must have at least one entry."),
        ("categories", "LG", '"LG" is not an arXiv category; did you mean cs.LG?'),
        ("categories", "a b c d e", '"a" is not an arXiv category. "b" is not an arXiv category.'),
        ("look_for", "", "The list of topics must have at least one entry."),
        ("look_for", "x\n" * 21, 'Another topic is called "x".'),
        ("look_for", "Matter:", 'What to look for in "Matter" must not be empty.'),
        ("look_for", "A: b\x07", 'What to look for in "A" contains a control character (U+0007)'),
        ("look_for", "a: b\nA: c", 'Another topic is called "A".'),
        ("look_for", "x" * 3001, "This must be at most 3000 characters long."),
        ("leave_out", "x" * 2001, 'What to leave out of "Matter" must be at most 2000 char'),
        ("keywords", "k" * 81, f'The keyword "{"k" * 39}…" must be at most 80 characters long.'),
        ("relevance", "11", "Write a whole number from 1 to 10."),
        ("novelty", "7.5", "Write a whole number from 1 to 10."),
        ("maximum", "9" * 2000, "Write a whole number from 1 to 100."),
        (
            "examples",
            "On quanta\n2503.15294",
            "No list here had 2503.15294 lately: write its title",
        ),
        ("examples", "2503.152", '"2503.152" has three digits after the point'),
        ("examples", "https://example.org/a", "There is no arXiv id in "),
        ("examples", "On quanta\x07", 'The title "On quanta?" contains a control character'),
        ("examples", "t" * 301, f'The title "{"t" * 39}…" must be at most 300 characters long.'),
        (
            "examples",
            "\n".join("abcdefghijklmnopqrstu"),
            "The list of examples must have at most 20",
        ),
    ],
)
def test_a_wrong_answer_is_reported_at_its_own_field_and_nowhere_else(
    field: str, answer: str, sentence: str
) -> None:
    (told,) = (found := wrong(**{field: answer})).items()
    assert told[0] == field
    assert found[field].startswith(sentence)


def test_more_mistakes_than_fit_at_a_field_are_counted() -> None:
    said = wrong(categories=", ".join(f"zzzz{number}" for number in range(9)))["categories"]
    assert said.endswith(" And 5 more.")


def test_a_mistake_in_what_holds_for_all_topics_is_counted_by_topic() -> None:
    said = wrong(look_for="A: a\nB: b\nC: c", leave_out="x" * 2001)["leave_out"]
    assert said.startswith('What to leave out of "A"')
    assert said.endswith(" And 1 more.")


# ---------------------------------------------------------------- whatever is typed

ANY_TEXT = st.text(
    st.one_of(st.sampled_from('::: \n,;-.“”"：\t\x07aAbB19'), st.characters()), max_size=60
)
ANSWERS = st.dictionaries(st.sampled_from([*GOOD, "leave_out", "keywords", "examples"]), ANY_TEXT)
PLAIN = st.text(st.sampled_from('abAB :,;-.“"：é'), max_size=12)
PROSE = st.text(st.sampled_from('abAB ::\n,;-.“"”：é'), min_size=1, max_size=40)
WORD = st.text(st.sampled_from('abAB :;-.“"é'), min_size=1, max_size=12)


@given(ANSWERS, st.booleans())
def test_whatever_is_typed_is_a_profile_or_a_short_sentence_at_each_wrong_field(
    answers: dict[str, str], edits: bool
) -> None:
    base = factories.profile() if edits else None
    found = parse_answers(answers, base)
    if isinstance(found, dict):
        assert found.keys() <= {field.name for field in build_form(None).fields}
        for sentence in found.values():
            assert sentence.isprintable()
            assert len(sentence) <= 160


TYPED = ["title", "look_for", "leave_out", "keywords", "examples"]


@given(st.dictionaries(st.sampled_from(TYPED), PROSE))
def test_what_a_form_took_a_form_shows_again(answers: dict[str, str]) -> None:
    found = parse_answers(GOOD | answers, None)
    if isinstance(found, Profile):
        assert parse_answers(answered(build_form(found)), found) == found


@given(
    st.lists(st.tuples(PLAIN, PLAIN, PLAIN), min_size=1, max_size=4),
    st.lists(WORD, max_size=4),
    st.lists(WORD, max_size=4),
)
def test_a_profile_comes_back_as_it_was_or_is_refused_for_its_punctuation(
    rows: list[tuple[str, str, str]], relevant: list[str], irrelevant: list[str]
) -> None:
    made = validate_data(
        factories.profile().model_dump(mode="json")
        | {
            "topics": [{"name": f"{n}a", "relevant": f"{r}b", "irrelevant": i} for n, r, i in rows],
            "keywords": {"relevant": [f"a{word}" for word in relevant], "irrelevant": irrelevant},
        }
    )
    if not isinstance(made, Profile):
        return
    try:
        values = answered(build_form(made))
    except Refused:
        assert any(set(name) & set('"“”') for name, _, _ in rows)
    else:
        assert parse_answers(values, made) == made
