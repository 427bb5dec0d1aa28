"""What a person sees who writes a profile: it is read, or every mistake is named with its line."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain import categories
from bot.domain.papers import Profile
from bot.errors import Refused
from bot.profiles.library import find, load, resolve, shipped
from bot.profiles.validate import LARGEST, Mistake, parse_profile
from tests import TESTS
from tests.complexity import assert_linear_growth

# Every kind of thing that can throw a line number out: comments that look like fields, lists and
# texts over several lines, brackets, quotes and # inside text, dotted, quoted and inline tables.
TRICKY = '''\
# categories = ["cs.NOPE"]  a comment, not a field
name = "tricky"  # name = "other"
title = "Brackets [[topics]], a # and a \\" in text"
categories = [
  "cs.LG",  # "cs.NOPE",
  # "cs.NOPE",

  "quant-ph", 'stat.ML',
]
cutoffs.relevance = 8
"cutoffs".novelty = 5

[[topics]]
name = "First"
relevant = """
[[topics]]
name = "in prose"
\\""" maximum = 1000 """

[[topics]]  # the second
name = 'Second'
irrelevant = \'\'\'
relevant = "in prose"
\'\'\'
relevant = """one "quoted" word"""

[keywords]
relevant = [
  "a]b",
  "c#d", "e",
]

[authors]
follow = ["Émilie du Châtelet"]
'''

LINES = TRICKY.splitlines()


def mistakes(text: str | bytes) -> tuple[Mistake, ...]:
    found = parse_profile(text)
    assert isinstance(found, tuple), "this text should have mistakes"
    return found


def said(text: str | bytes) -> list[str]:
    return [str(mistake) for mistake in mistakes(text)]


def profile(text: str | bytes) -> Profile:
    found = parse_profile(text)
    assert isinstance(found, Profile), found
    return found


def with_line(number: int, new: str) -> str:
    """TRICKY with one of its lines, counted from 1, written differently."""
    return "\n".join([*LINES[: number - 1], new, *LINES[number:]]) + "\n"


def line_of(text: str, start: str, after: int = 0) -> int:
    lines = text.splitlines()
    return 1 + next(i for i, line in enumerate(lines) if i >= after and line.startswith(start))


# ---------------------------------------------------------------- a good profile


def test_a_profile_with_everything_that_misleads_is_read_right() -> None:
    read = profile(TRICKY)
    assert read.categories == ("cs.LG", "quant-ph", "stat.ML")
    assert (read.cutoffs.relevance, read.cutoffs.novelty) == (8, 5)
    assert [topic.name for topic in read.topics] == ["First", "Second"]
    assert read.topics[0].relevant == '[[topics]] name = "in prose" """ maximum = 1000'
    assert read.keywords.relevant == ("a]b", "c#d", "e")
    assert read.authors.follow == ("Émilie du Châtelet",)


def test_categories_get_arxivs_spelling_and_stand_once() -> None:
    read = profile(TRICKY.replace('"cs.LG"', '"CS.lg", "cs.LG ", "ASTRO-PH.ga", "Math"'))
    assert read.categories == ("cs.LG", "astro-ph.GA", "math", "quant-ph", "stat.ML")


def test_the_same_text_saved_on_windows_is_the_same_profile() -> None:
    windows = b"\xef\xbb\xbf" + TRICKY.replace("\n", "\r\n").encode()
    assert profile(windows) == profile(TRICKY)


def test_fields_left_out_take_the_domains_defaults() -> None:
    small = 'name="a"\ntitle="A"\ncategories=["cs"]\ntopics=[{name="t",relevant="r"}]'
    assert profile(small).maximum == Profile.model_fields["maximum"].default


# ---------------------------------------------------------------- mistakes in fields


def test_a_misspelt_category_is_named_with_its_line_and_the_nearest_right_one() -> None:
    text = 'name = "a"\ntitle = "A"\n\ncategories = ["cs.LGG"]\n[[topics]]\nname="t"\nrelevant="r"'
    assert said(text) == [
        'line 4: categories: "cs.LGG" is not an arXiv category; did you mean cs.LG?'
    ]


def test_a_category_like_no_other_is_named_without_a_guess() -> None:
    assert said(with_line(5, '  "gardening",')) == [
        'line 5: categories: "gardening" is not an arXiv category'
    ]


@pytest.mark.parametrize(
    ("number", "new", "sentence"),
    [
        (2, 'name = "Tricky One"', "name: must be 1 to 40 lower-case letters, digits and hyphens"),
        (2, "name = 3", "name: must be text in quotation marks"),
        (3, 'title = "  "', "title: must not be empty"),
        (3, f'title = "{"t" * 101}"', "title: must be at most 100 characters long"),
        (8, '  "quant-ph", "quant-phh",', 'categories: "quant-phh" is not an arXiv category'),
        (8, "  7,", "categories: must be text in quotation marks"),
        (10, "cutoffs.relevance = 11", "cutoffs.relevance: must be 10 or less"),
        (10, "cutoffs.relevance = 0", "cutoffs.relevance: must be 1 or more"),
        (10, "cutoffs.relevance = 7.0", "cutoffs.relevance: must be a whole number"),
        (10, 'cutoffs.relevance = "7"', "cutoffs.relevance: must be a whole number"),
        (10, "cutoffs.relevance = true", "cutoffs.relevance: must be a whole number"),
        (10, "cross_lists = 1", "cross_lists: must be true or false"),
        (10, "maximum = 101", "maximum: must be 100 or less"),
        (10, f"maximum = {'9' * 5000}", "maximum: the number has too many digits"),
        (10, "cutoff.relevance = 7", "cutoff: unknown field; did you mean cutoffs?"),
        (10, "colour = 7", "colour: unknown field; the fields here are name, title, categories"),
        (10, "relevance = 7", "relevance: unknown field here; relevance belongs in cutoffs"),
        (14, "name = 1979-05-27", "topics.name: must be text in quotation marks"),
        (21, "name = 'FIRST'", 'topics.name: another topic is called "FIRST"'),
        (21, "name = 'S'\nirelevant = ''", "topics.irelevant: unknown field; did you mean irr"),
        (25, "relevant = ''", "topics.relevant: must not be empty"),
        (29, '  "",', "keywords.relevant: must not be empty"),
        (30, '  "c#d", "e", 5,', "keywords.relevant: must be text in quotation marks"),
        (33, "[author]", "author: unknown field; did you mean authors?"),
        (34, 'follow = "Gauss"', "authors.follow: must be a list in square brackets"),
        (34, 'folow = ["Gauss"]', "authors.folow: unknown field; did you mean follow?"),
        (34, "maximum = 10", "authors.maximum: belongs at the top of the file"),
    ],
)
def test_a_wrong_field_is_named_with_its_line_and_the_reason(
    number: int, new: str, sentence: str
) -> None:
    (only,) = mistakes(with_line(number, new))
    assert only.line == number + new.count("\n")
    assert f"{only.field}: {only.reason}".startswith(sentence)


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_lines() -> None:
    text = (
        'title = "T"\ncategories = [\n  "cs.LG",\n  "cs.CLL",\n]\nmaximum = 0\n\n'
        '[[topics]]\nname = "a"\nrelevant = "r"\n\n[[topics]]\nname = "A"\nrelevant = 3\n'
        "[cutof]\nrelevance = 7\n"
    )
    assert said(text) == [
        "line 1: name: is missing",
        'line 4: categories: "cs.CLL" is not an arXiv category; did you mean cs.CL?',
        "line 6: maximum: must be 1 or more",
        'line 13: topics.name: another topic is called "A"',
        "line 14: topics.relevant: must be text in quotation marks",
        "line 15: cutof: unknown field; did you mean cutoffs?",
    ]


def test_a_missing_field_is_reported_at_the_table_that_should_have_it() -> None:
    assert said(with_line(25, "")) == ["line 20: topics.relevant: is missing"]


def test_a_field_under_a_wrong_name_is_not_also_called_missing() -> None:
    assert said(with_line(3, 'titel = "T"')) == [
        "line 3: titel: unknown field; did you mean title?"
    ]


def test_a_table_or_topic_with_the_wrong_brackets_gets_the_right_ones_suggested() -> None:
    one_topic = 'name="a"\ntitle="A"\ncategories=["cs"]\n[topics]\nname="t"\nrelevant="r"\n'
    sentence = "topics: every topic needs the heading [[topics]], in double brackets"
    assert said(one_topic) == [f"line 4: {sentence}"]
    assert said(one_topic + "[topics]\nname = 'u'\nrelevant = 's'\n") == [f"line 4: {sentence}"]
    assert said(with_line(20, "[topics]")) == [f"line 20: {sentence}"]
    assert said(with_line(27, "[[keywords]]")) == [
        "line 27: keywords: must be a table with fields of its own"
    ]


def test_lists_that_are_too_short_or_too_long_say_so_once() -> None:
    topic = '[[topics]]\nname = "{}"\nrelevant = "r"\n'
    head = 'name = "a"\ntitle = "A"\ncategories = [{}]\n'
    assert said(head.format("") + topic) == ["line 3: categories: must have at least one entry"]
    many = ", ".join(f'"cs.{name}"' for name in ["LG"] * 41)
    assert said(head.format(many) + topic) == ["line 3: categories: must have at most 40 entries"]
    topics = "".join(topic.format(number) for number in range(21))
    assert said(head.format('"cs"') + topics) == ["line 4: topics: must have at most 20 entries"]


def test_tables_within_brackets_have_right_lines_too() -> None:
    text = (
        'name = "a"\ntitle = "A"\ncategories = ["cs"]\ntopics = [\n'
        '  {name = "t", relevant = "r"},\n  {name = "u", relevant = 3},\n]\n'
        'keywords = {relevant = [\n  "x",\n  4]}\n'
    )
    assert [(mistake.line, mistake.field) for mistake in mistakes(text)] == [
        (6, "topics.relevant"),
        (10, "keywords.relevant"),
    ]


# ---------------------------------------------------------------- text that is not TOML


@pytest.mark.parametrize(
    ("number", "new", "sentence"),
    [
        (3, 'title = "T', "title: the text has no closing quotation mark on its line"),
        (3, 'title = "a "b" c"', 'title: the value ends before its line does; write "'),
        (3, 'title = "\\alpha"', "title: a backslash inside text must be written twice"),
        (3, "title = T", "title: this isn't a value"),
        (3, 'title "T"', "title: an equals sign must follow the field's name"),
        (3, '= "T"', ": is neither a field"),
        (3, 'title = "a\x07"', "title: a control character isn't allowed here"),
        (3, 'title = "T"\nname = "b"', "name: is set twice; the first time is on line 2"),
        (8, "  \"quant-ph\" 'stat.ML',", "categories: after this entry the list needs a comma"),
        (8, "  \"quant-ph\", 'stat.ML'  # no comma\n'x'", "categories: after this entry the list"),
        (27, "[keywords", "keywords: the table's heading needs its closing bracket"),
        (33, "[keywords]", "keywords: is set twice; the first time is on line 27"),
        (34, 'follow = ["Gauss",', "authors.follow: after this entry the list needs"),
        (34, 'follow = ["Gauss"', "authors.follow: after this entry the list needs"),
        (34, 'follow = ["Gauss"]\nx = """', "authors.x: the text that begins here has no clos"),
    ],
)
def test_text_that_is_not_toml_is_named_with_its_line_in_our_words(
    number: int, new: str, sentence: str
) -> None:
    (only,) = mistakes(with_line(number, new))
    assert f"{only.field}: {only.reason}".startswith(sentence)
    moved = new.count("\n") if "twice" in sentence or '"""' in new else 0
    assert only.line == number + moved


@pytest.mark.parametrize("last", ["  \"quant-ph\", 'stat.ML',", "  \"quant-ph\", 'stat.ML'"])
def test_a_list_left_open_is_reported_at_its_last_entry_not_at_the_next_table(
    last: str,
) -> None:
    text = "\n".join([*LINES[:7], last, *LINES[9:]])
    (only,) = mistakes(text)
    assert (only.line, only.field) == (8, "categories")
    assert "closing bracket" in only.reason


# ---------------------------------------------------------------- what could do harm


@pytest.mark.parametrize("escape", ["\\u0000", "\\u001b", "\\u007f", "\\u009b", "\\u202e", "\\r"])
def test_a_control_character_in_any_text_is_refused_with_a_sentence(escape: str) -> None:
    for number, new in [(3, f'title = "a{escape}b"'), (25, f'relevant = "a{escape}b"')]:
        (only,) = mistakes(with_line(number, new))
        assert only.line == number
        assert only.reason.startswith("contains a control character (U+")


def test_what_nobody_sees_is_left_out_and_makes_no_name() -> None:
    """Zero-width spaces and the like come along when text is copied from a page."""
    unseen = "\\u200b\\ufeff\\u00ad\\u200f"
    assert profile(with_line(3, f'title = "a{unseen}b{unseen}"')).title == "ab"
    assert profile(with_line(25, f'relevant = "a{unseen} b"')).topics[1].relevant == "a b"
    (only,) = mistakes(with_line(21, f'name = "{unseen}"'))
    assert (only.line, only.reason) == (21, "must not be empty")


def test_prose_may_have_lines_but_a_title_or_name_has_none() -> None:
    assert profile(with_line(25, 'relevant = "a\\n\\tb"')).topics[1].relevant == "a b"
    assert "U+000A" in mistakes(with_line(3, 'title = "a\\nb"'))[0].reason
    assert "U+000A" in mistakes(with_line(21, 'name = "a\\nb"'))[0].reason


def test_a_mistake_never_repeats_what_a_terminal_would_obey() -> None:
    text = with_line(8, '"cs.\\u001b[2J\\u202e",').replace("[authors]", '["\\u001b]0;x"]')
    assert text != TRICKY
    assert all(line.isprintable() for line in said(text))


def test_bytes_that_are_not_utf8_are_reported_with_their_line() -> None:
    assert said(b'name = "a"\ntitle = "\xe9"\n') == [
        "line 2: is not UTF-8 text; save the file as UTF-8"
    ]
    assert said(TRICKY.encode("utf-16"))[0].startswith("line 1: is not UTF-8 text")


def test_a_huge_text_is_one_mistake() -> None:
    assert said("#" * (LARGEST + 1)) == ["line 1: a profile can't be larger than 256 KiB"]
    assert profile(TRICKY + "#" * (LARGEST - len(TRICKY.encode())))


@pytest.mark.parametrize(
    ("start", "unit", "end"),
    [
        ("a = ", "[", ""),
        ("a = ", "{a = ", ""),
        ("a = ", "[#\n", ""),
        ("a", ".a", " = 1"),
        ("[a", ".a", "]"),
        ("a = [[1]\n, ", "[", ""),
    ],
)
def test_endless_nesting_is_one_mistake_and_little_work(start: str, unit: str, end: str) -> None:
    def nested(size: int) -> None:
        text = start + unit * (size // len(unit)) + end
        assert [mistake.reason for mistake in mistakes(text)] == ["no field is nested this deep"]

    assert_linear_growth(nested, 4_000)
    nested(LARGEST - 100)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (lambda size: "categories = [" + '"cs.LGGG",' * size + "]", 6000),
        (lambda size: "".join(f"a{number} = 1\n" for number in range(size)), 6000),
        (lambda size: "[[topics]]\n" * size, 5900),
        (lambda size: 'a = """' + '"' * size, 60_000),
        (lambda size: 'a = "' + "\\" * size, 60_000),
        (lambda size: "\n" * size, 65_000),
    ],
)
def test_a_text_full_of_mistakes_is_reported_in_fifty_lines_and_with_little_work(
    text: Callable[[int], str], size: int
) -> None:
    assert 1 <= len(mistakes(text(size))) <= 50
    assert_linear_growth(lambda size: mistakes(text(size)), 400)


words = st.sampled_from([
    "name", "title", "topics", "cutoffs", ".", "=", '"', '"""', "'", "'''", "[", "[[", "]", "]]",
    "{", "}", ",", "#", "\n", "\r\n", " ", "\\", "1", "7.5", "true", "1979-05-27", '"cs.LG"', "é",
    '"x" = 1\n', "categories = [", "[[topics]]\n", 'relevant = "r"\n', "\x00", "\ufeff", "\u2028",
])  # fmt: skip


@settings(max_examples=400)
@given(st.one_of(st.text(), st.binary(), st.lists(words, max_size=30).map("".join)))
def test_any_text_at_all_is_a_profile_or_has_mistakes(text: str | bytes) -> None:
    found = parse_profile(text)
    if isinstance(found, tuple):
        assert found
        last = (text.count("\n") if isinstance(text, str) else text.count(b"\n")) + 1
        assert all(1 <= mistake.line <= last for mistake in found)
        assert all(str(mistake).isprintable() for mistake in found)


values = st.recursive(
    st.sampled_from(["1", "-3", "1e9", "nan", "true", '"x"', "''", "1979-05-27", "07:32:00"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        st.dictionaries(st.sampled_from(["name", "x"]), inner, max_size=2).map(
            lambda each: "{" + ", ".join(f"{key} = {value}" for key, value in each.items()) + "}"
        ),
    ),
    max_leaves=4,
)


fields = st.sampled_from(
    [*Profile.model_fields, "cutoffs.novelty", "keywords.relevant", "authors.follow"]
)


@settings(max_examples=200)
@given(st.dictionaries(fields, values))
def test_any_value_in_any_field_is_judged_in_our_own_words(given_values: dict[str, str]) -> None:
    found = parse_profile("".join(f"{field} = {value}\n" for field, value in given_values.items()))
    assert all("Input should" not in str(mistake) for mistake in found)


quiet_lines = st.sampled_from([
    "", "# maximum = 1000", "\t# [[topics]]", "[[topics]]\nname = 'extra {}'\nrelevant = 'r'",
    '[[topics]]\nname = "extra {}"\nrelevant = """\n[cutoffs]\nnovelty = 99\n"""',
    "[[topics]]\nrelevant = '''# '''\nname = 'extra {}'\nirrelevant = \"\"\"\\\n  \"\"\"\"\"",
])  # fmt: skip
loud_lines = st.sampled_from([
    "[[topics]]\nname = 'loud'\nrelevant = {}",
    "[[topics]]\nname = 'loud'\nrelevant = 'r'\nrelevent = {}",
    "[[topics]]\nname = 'loud'\nrelevant = 'r'\nirrelevant = {}",
    "[[topics]]\nrelevant = '''\nr\n'''\nname = {}",
    "[cross]\nx = 1\n[keywords.x]\ny = 1\n[[topics]]\nname = 'loud'\nrelevant = {}",
])  # fmt: skip


@settings(max_examples=150)
@given(
    before=st.lists(quiet_lines, max_size=6),
    loud=loud_lines,
    value=st.sampled_from(["3", "[]", "true", "07:32:00", "nan"]),
    after=st.lists(quiet_lines, max_size=6),
)
def test_a_mistake_put_anywhere_into_a_good_profile_is_named_with_its_line(
    before: list[str], loud: str, value: str, after: list[str]
) -> None:
    head = 'name = "good"\ntitle = "Good"\ncategories = ["cs.LG"]'
    numbered = [block.format(index) for index, block in enumerate([*before, *after])]
    above = "\n".join([head, *numbered[: len(before)], loud.format(value)])
    text = "\n".join([above, *numbered[len(before) :]])
    assert above.count("\n") + 1 in {mistake.line for mistake in mistakes(text)}


@settings(max_examples=150)
@given(number=st.integers(1, len(LINES)), junk=st.sampled_from(["zzz", "= 3", "[zzz", "zzz = "]))
def test_a_line_that_is_not_toml_is_named_wherever_it_stands(number: int, junk: str) -> None:
    cut = "\n".join(LINES[: number - 1])
    try:
        tomllib.loads(cut)
    except tomllib.TOMLDecodeError:
        return  # inside a list or a text over several lines, where the junk may be an entry
    text = "\n".join([cut, junk, *LINES[number - 1 :]]).removeprefix("\n")
    assert [mistake.line for mistake in mistakes(text)] == [number]


# ---------------------------------------------------------------- files, and those that ship


def test_a_file_with_mistakes_is_refused_by_name_with_one_line_for_each(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(with_line(10, "maximum = 0").replace('"quant-ph"', '"quantph"'), "utf-8")
    with pytest.raises(Refused) as refused:
        load(file)
    first, *rest = str(refused.value).splitlines()
    assert first == f"{file} has 2 mistakes:"
    assert rest == [
        'line 8: categories: "quantph" is not an arXiv category; did you mean quant-ph?',
        "line 10: maximum: must be 1 or more",
    ]


def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"none\.toml can't be read: No such file"):
        load(tmp_path / "none.toml")
    with pytest.raises(Refused, match="can't be read"):
        load(tmp_path)


def test_a_good_file_is_a_profile(tmp_path: Path) -> None:
    file = tmp_path / "tricky.toml"
    file.write_text(TRICKY, "utf-8")
    assert load(file) == profile(TRICKY)


def test_every_shipped_profile_loads_and_has_four_topics_or_more() -> None:
    known = shipped()
    assert list(known) == sorted(known)
    assert {"foundations", "compression", "quantum-computing", "robot-learning"} <= set(known)
    for name, each in known.items():
        assert len(each.topics) >= 4, name
        assert all(topic.irrelevant for topic in each.topics), name
        assert each.keywords.relevant, name
        assert each.authors.follow == (), name


def test_a_shipped_profile_is_found_in_the_file_of_its_name_which_says_whose_it_is() -> None:
    for name in shipped():
        file = TESTS.parent / "prompts" / "profiles" / f"{name}.toml"
        first = file.read_text("utf-8").splitlines()[0]
        assert first.startswith("# For ")
        assert first.endswith(".")


def test_foundations_asks_for_what_its_readers_always_asked_for() -> None:
    foundations = shipped()["foundations"]
    assert foundations.title == "Foundations of machine learning"
    assert foundations.categories == ("cs.LG", "cs.AI")
    assert (foundations.cutoffs.relevance, foundations.cutoffs.novelty) == (7, 6)
    assert len(foundations.topics) == 6
    keywords = foundations.keywords
    assert [len(keywords.relevant), len(keywords.irrelevant), len(keywords.application)] == [
        11, 5, 13,
    ]  # fmt: skip


def test_a_profile_is_found_in_any_case_and_a_wrong_name_gets_the_nearest_and_the_list() -> None:
    known = shipped()
    assert find(" Foundations ", known) is known["foundations"]
    with pytest.raises(Refused) as refused:
        find("fundations", known)
    assert str(refused.value) == (
        'No profile is called "fundations"; did you mean foundations? '
        f"The profiles are {', '.join(known)}."
    )
    with pytest.raises(Refused, match=r'called "x"\. There are no profiles yet\.'):
        find("x", {})


# ---------------------------------------------------------------- arXiv's categories


def test_the_taxonomy_has_arxivs_20_archives_and_155_categories() -> None:
    assert len(categories.ARCHIVES) == 20
    assert sum(len(below) or 1 for below in categories.ARCHIVES.values()) == 155
    assert len(categories.ARCHIVES["cs"]) == 40


@pytest.mark.parametrize("archive", categories.ARCHIVES)
def test_every_category_is_known_in_any_case_and_belongs_to_its_archive(archive: str) -> None:
    for name in (archive, *categories.ARCHIVES[archive]):
        assert categories.canonical(name.upper()) == name
        assert categories.canonical(name.lower()) == name
        assert categories.matches(name, archive)
        assert categories.nearest(name) == name


def test_a_paper_belongs_to_its_class_and_archive_and_to_nothing_else() -> None:
    assert categories.matches("cs.LG", "cs.LG")
    assert categories.matches("cs.LG", "CS")
    assert not categories.matches("cs.LG", "cs.L")
    assert not categories.matches("cs", "cs.LG")
    assert not categories.matches("math-ph", "math")
    assert not categories.matches("stat.ML", "cs.LG")


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("cs.LGG", "cs.LG"),
        ("LG", "cs.LG"),
        ("stat.LG", "cs.LG"),
        ("csLG", "cs.LG"),
        ("physcs.optics", "physics.optics"),
        ("quantph", "quant-ph"),
        ("gardening", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_a_mistyped_category_has_a_nearest_one_or_none(typed: str, meant: str | None) -> None:
    assert categories.canonical(typed) is None
    assert categories.nearest(typed) == meant


def test_an_archive_is_its_classes_and_anything_else_is_itself() -> None:
    assert categories.expand("EESS") == ("eess.AS", "eess.IV", "eess.SP", "eess.SY")
    assert categories.expand("quant-ph") == ("quant-ph",)
    assert categories.expand("cs.lg") == ("cs.LG",)
    assert categories.expand("new.XX") == ("new.XX",)


def test_a_command_takes_a_name_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'name = "mine"\ntitle = "Mine"\ncategories = ["cs.LG"]\n'
        '[[topics]]\nname = "T"\nrelevant = "This."\n'
    )
    mine = resolve(str(file), {})
    assert mine.name == "mine"
    assert resolve("mine", {"mine": mine}) == mine
    assert resolve("foundations", {}).name == "foundations"
    with pytest.raises(Refused, match=r"missing\.toml can't be read"):
        resolve(str(tmp_path / "missing.toml"), {})
