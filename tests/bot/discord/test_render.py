"""What people see on Discord: goldens with a drawing, the limits, and text that stays text."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.discord.render import (
    _HEADING,
    _SENTENCE_ENDS,
    custom_id,
    escaped,
    message,
    parse_button_id,
    plain,
    thread_name,
)
from bot.domain.digest import Decision, Outcome, Score
from bot.domain.message import Button, Card, ChannelLink, Item, Link, Message, PaperLine, Post
from bot.views import card as card_views
from bot.views import digest as digest_views
from tests import external_file
from tests.bot.discord.samples import (
    LIST,
    anything,
    assert_valid_schema,
    day_posts,
    json_and_drawing,
    text,
)
from tests.conftest import check_golden
from tests.factories import announced, decision, digest, local_day, paper_ids
from tests.servers.discord_rules import draw_discord, message_error, parse_markup, walk_components


@pytest.mark.parametrize(
    ("name", "posts"),
    [("day", day_posts()), ("local_day", digest_views.thread_posts(local_day())), ("list", [LIST])],
)
def test_what_a_channel_shows(name: str, posts: list[Post]) -> None:
    wire, drawn = json_and_drawing([message(post) for post in posts])
    check_golden(f"discord/{name}.json", wire)
    check_golden(f"discord/{name}.txt", drawn)


values = st.from_regex(r"[A-Za-z0-9 ./_-]{0,64}", fullmatch=True)


@given(text)
def test_other_peoples_text_is_shown_as_it_is(raw: str) -> None:
    plain = digest_views.one_line(raw)
    assert parse_markup(escaped(raw)) == ([("text", plain)] if plain else [])


def posts(texts: st.SearchStrategy[str], most: int) -> st.SearchStrategy[Post]:
    few = st.lists(texts, max_size=most).map(tuple)
    score = st.integers(1, 10)
    url = st.just("https://arxiv.org/abs/2503.15294") | texts
    button = st.builds(Button, action=st.sampled_from(["up", "why"]), label=texts, value=values)
    button |= st.builds(Button, action=st.just("open"), label=texts, url=url)
    buttons = st.lists(button, max_size=most).map(tuple)
    line = st.builds(
        PaperLine,
        rank=score,
        relevance=score,
        novelty=st.none() | score,
        title=texts,
        url=url,
        shows=texts,
    )
    item = st.builds(
        Item, title=texts, url=url, channel=texts | st.just("12"), text=few, points=few, small=few,
        buttons=buttons,
    )  # fmt: skip
    head = st.builds(
        Message, title=texts, by=texts | st.just("12"), notices=few, text=few, small=few,
        paper=st.none() | st.builds(Link, label=texts, url=url), points=few, details=few,
        buttons=buttons,
        lines=st.lists(line, max_size=most).map(tuple),
        items=st.lists(item, max_size=most).map(tuple),
    )  # fmt: skip
    card = st.builds(
        Card, rank=score, title=texts, url=url, relevance=score, novelty=st.none() | score,
        shows=texts, byline=texts, facts=texts, authors=texts, comment=texts, abstract=texts,
        pdf=url, buttons=buttons, menu=buttons,
    )  # fmt: skip
    return head | card


@settings(max_examples=60)
@given(posts(anything, 8))
def test_any_message_keeps_discords_limits(post: Post) -> None:
    body = message(post)
    assert not message_error(body)
    assert body["allowed_mentions"] == {"parse": []}


def marks(post: Post) -> Counter[str]:
    """What Discord takes for something else than text; links by where they lead."""
    body = message(post)
    contents = [
        body.get("content", ""),
        *(p.get("content", "") for p in walk_components(body["components"])),
    ]
    spans = [span for content in contents for span in parse_markup(content) if span[0] != "text"]
    return Counter(span[1] if span[0] == "link" else span[0] for span in spans)


def harmless(value: Any, name: str = "") -> Any:
    """The same with a word for every text, that is not empty to begin with."""
    if isinstance(value, dict):
        return {key: harmless(below, key) for key, below in value.items()}
    if isinstance(value, tuple | list):
        return tuple(harmless(below, name) for below in value)
    if not isinstance(value, str) or name in (
        "kind",
        "url",
        "pdf",
        "by",
        "channel",
        "action",
        "value",
    ):
        return value
    line = digest_views.one_line(value)
    # A title that is long or a sentence is no heading.
    is_sentence = name == "title" and (len(line) > _HEADING or line.endswith(_SENTENCE_ENDS))
    return "word." if is_sentence else "word" if line else ""


@settings(max_examples=60)
@given(posts(text, 3))
def test_no_text_of_others_makes_a_mark_a_mention_or_a_link(post: Post) -> None:
    assert marks(post) == marks(type(post)(**harmless(post.model_dump())))


@pytest.mark.parametrize("title", ["[a](b) c", "a]", "[", "f(x)[", ")](", "https://e.org", "\\"])
def test_a_title_never_breaks_its_link(title: str) -> None:
    card = card_views.card(local_day(), 1, local_day().picked[0])
    card = card.model_copy(update={"title": title, "comment": "", "facts": "", "authors": ""})
    spans = parse_markup(message(card)["content"].split("\n")[0])
    assert [span for span in spans if span[0] != "text"] == [("bold", ""), ("link", card.url)]


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//e.org", "", "https://", "ftp://e.org"])
def test_only_web_addresses_become_links(url: str) -> None:
    line = PaperLine(rank=1, relevance=8, novelty=7, title="A", url=url)
    assert "](" not in message(Message(title="t", lines=(line,)))["components"][1]["content"]


def test_an_address_cannot_end_its_link() -> None:
    line = PaperLine(rank=1, relevance=8, novelty=7, title="A", url="https://e.org/a)b <c>")
    content = message(Message(title="t", lines=(line,)))["components"][1]["content"]
    assert "[A](https://e.org/a%29b%20%3Cc%3E) (" in content


# A long day


def test_a_day_of_sixty_papers_shows_the_first_and_counts_the_others() -> None:
    head = digest_views.head(digest(*(decision(id, Outcome.PICKED) for id in paper_ids(60))))
    long = [
        line.model_copy(update={"title": "A title as long as they are " * 4}) for line in head.lines
    ]
    body = message(head.model_copy(update={"lines": tuple(long)}))
    assert not message_error(body)
    rows = [r for r in body["components"][1]["content"].split("\n") if not r.startswith(" ")]
    assert 15 <= len(rows) - 1 < 60
    assert rows[-1] == f"-# + {60 - len(rows) + 1} more in the thread"
    assert rows[0].startswith("1. [A title")
    assert rows[0].endswith(" (relevance\u00a08\u00a0·\u00a0novelty\u00a07)")
    assert rows[1].endswith(" (8\u00a0·\u00a07)")


def test_a_list_too_long_for_buttons_is_still_a_list() -> None:
    items = tuple(
        Item(title=f"Subscription {n}", buttons=(Button(action="go", label="Go", value=str(n)),))
        for n in range(60)
    )
    body = message(Message(title="All", items=items))
    assert not message_error(body)
    drawn = draw_discord(body)
    assert drawn.count("[Go]") == 12
    assert [n for n in range(60) if f"Subscription {n}\n" in drawn.replace("  [", "\n[")] == [
        *range(60)
    ]
    endless = Message(
        title="All", items=tuple(Item(title=f"Item {n} " + "x" * 200) for n in range(99))
    )
    assert "more\n" in draw_discord(message(endless))


def test_the_same_button_twice_is_one() -> None:
    twice = Button(action="why", label="Why", value="1")
    body = message(Message(title="t", buttons=(twice, twice.model_copy(update={"label": "Also"}))))
    assert [part["label"] for part in walk_components(body["components"]) if part["type"] == 2] == [
        "Why"
    ]


def test_a_threads_name_keeps_its_day() -> None:
    head = digest_views.head(local_day())
    assert thread_name(head) == head.title
    long = thread_name(head.model_copy(update={"title": "Long " * 40 + "· Thursday 20 March 2025"}))
    assert len(long) <= 100
    assert long.endswith("… · Thursday 20 March 2025")


@given(anything)
def test_a_threads_name_is_never_too_long_or_empty(title: str) -> None:
    assert 1 <= len(thread_name(Message(title=title))) <= 100


# Buttons


@given(st.from_regex(r"[a-z0-9_-]{1,30}", fullmatch=True), values)
def test_a_pressed_button_says_what_it_is_for(action: str, value: str) -> None:
    packed = custom_id(Button(action=action, label="x", value=value))
    assert len(packed) <= 100
    assert parse_button_id(packed) == (action, value)


def test_last_years_buttons_still_work() -> None:
    assert parse_button_id("b1:why:matters 2503.15294") == ("why", "matters 2503.15294")
    assert parse_button_id("b1:new:") == ("new", "")


@pytest.mark.parametrize(
    "other", ["", "why", "b1:why", "b1:why:a:b", "b1:WHY:1", "f1:why:1", "b1:a:é"]
)
def test_a_button_of_others_is_none_of_ours(other: str) -> None:
    assert parse_button_id(other) is None


def test_a_button_that_could_not_be_read_back_is_a_fault() -> None:
    with pytest.raises(ValueError, match="action and value"):
        custom_id(Button(action="why", label="x", value="x" * 65))


# Against Discord's own description, and real papers, where they are at hand


@pytest.mark.parametrize(
    "post", [*day_posts(), *digest_views.thread_posts(local_day()), LIST], ids=repr
)
def test_discords_own_description_allows_the_messages(post: Post) -> None:
    assert_valid_schema(message(post), "MessageCreateRequest")
    assert_valid_schema(
        {"type": 4, "data": message(post)}, "CreateMessageInteractionCallbackRequest"
    )


def test_the_ugliest_papers_of_a_month_stay_text() -> None:
    path = external_file("data/record-dev.jsonl.gz")
    if not path.exists():
        pytest.skip("the record of real papers is not here")
    with gzip.open(path, "rt", encoding="utf-8") as file:
        papers = [json.loads(line) for line in file]

    def ugliness(paper: dict[str, Any]) -> int:
        said = paper["title"] * 5 + paper["abstract"] + "".join(paper["authors"])
        return sum(said.count(mark) for mark in "*_~|`[]<>@#:\\$") + len(paper["title"])

    names = ("id", "title", "abstract", "authors", "categories")
    for paper in sorted(papers, key=ugliness)[-60:]:
        given = {name: tuple(v) if isinstance(v := paper[name], list) else v for name in names}
        row = Decision(
            announced=announced(**given),
            outcome=Outcome.PICKED,
            score=Score(relevance=10, novelty=9, comment=paper["title"] + paper["abstract"][:200]),
        )
        card = card_views.card(digest(row), 1, row)
        body = message(card)
        assert not message_error(body)
        expected = Counter(["bold", card.url, *["subtext"] * 2, *["line"] * 3])
        assert marks(card) == expected
        said = "".join(text for kind, text in parse_markup(body["content"]) if kind == "text")
        assert card.shows in said
        assert card.comment[:300] in said


@pytest.mark.parametrize("channel", ["2", "everyone", "2> @everyone", ""])
def test_another_channel_is_named_by_its_id_alone(channel: str) -> None:
    there = ChannelLink(
        words="Also in", channel=channel, link=Link(label="there", url="https://discord.com/1")
    )
    decision = local_day().picked[0]
    card = card_views.card(local_day(), 1, decision).model_copy(
        update={"elsewhere": there, "comment": "w " * 2000, "facts": "v " * 2000, "byline": ""}
    )
    body = message(card)
    assert not message_error(body)
    row = "-# Also in <#2>, [there](https://discord.com/1)"
    assert (row in body["content"].split("\n")) == (channel == "2")
    assert (row in str(plain(card))) == (channel == "2")
    assert "everyone" not in str(body)


@pytest.mark.parametrize("to", ["everyone", "1> @everyone", "&1", "x", ""])
def test_only_a_person_can_be_mentioned(to: str) -> None:
    for shown in (message, plain):
        assert shown(Message(title="New", to=to))["allowed_mentions"] == {"parse": []}
        said = shown(Message(title="@everyone <@2>", to="1"))
        assert said["allowed_mentions"] == {"parse": [], "users": ["1"]}
        assert re.findall(r"(?<!\\)<@\d+>", said["components"][0]["content"]) == ["<@1>"]
