"""What people see in Slack, whatever the papers say and however many there are."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.arxiv.text import readable
from bot.domain.digest import Decision, Outcome, Score
from bot.domain.message import (
    Button,
    Card,
    ChannelLink,
    Choice,
    Field,
    Form,
    Item,
    Link,
    Message,
    PaperLine,
    Post,
)
from bot.domain.papers import Announced, AnnounceType, Paper
from bot.slack import forms as forms_slack
from bot.slack import render
from bot.slack.blocks import weight
from bot.views import card as card_views
from bot.views import digest as digest_views
from tests import external_file
from tests.conftest import check_golden
from tests.factories import HOSTILE_DECISION, decision, digest, paper_ids
from tests.servers.slack_rules import (
    SCHEMAS,
    broken_rules,
    draw_slack,
    unchanged_submission,
    walk_objects,
)

RECORD = external_file("data/record-dev.jsonl.gz")

VOTES = (
    Button(action="up", label="👍 3", value="foundations 2503.15294"),
    Button(action="down", label="👎", value="foundations 2503.15294"),
    Button(action="abstract", label="Abstract", value="foundations 2503.15294"),
)
MENU = (
    Button(action="why", label="Why", value="foundations 2503.15294"),
    Button(action="pdf", label="PDF", url="https://arxiv.org/pdf/2503.15294v1"),
    Button(action="bibtex", label="BibTeX", value="foundations 2503.15294"),
)
TITLES = (
    "Borsuk-Ulam and Replicable Learning of Large-Margin Halfspaces",
    "Exploring the Limits of KV Cache Compression in Visual Autoregressive Transformers",
    "On the <!channel> of *matters* & `code`: does @everyone scale?",
)
HEAD = Message(
    title="Foundations of machine learning · Thu 20 Mar",
    notices=("1 paper not scored: the model's answer couldn't be read.",),
    text=("23 of 236 are for you",),
    lines=tuple(
        PaperLine(
            rank=rank,
            relevance=max(10 - rank // 3, 7),
            novelty=max(9 - rank // 4, 6),
            title=TITLES[rank % 3 - 1],
            url=f"https://arxiv.org/abs/2503.{15290 + rank}",
            shows="Proves a bound of d/2 + 1 & more." if rank < 4 else "",
        )
        for rank in range(1, 24)
    ),
    small=("5 over the limit, 207 below the cut-off, 1 not scored · gpt-6-luna, 1 ¢",),
    details=("201 new, 35 cross-lists, 148 replacements left out",),
    buttons=(Button(action="details", label="Details", value="foundations 2025-03-20"),),
    push="23 for you: Borsuk-Ulam; Exploring the Limits; On the <!channel> and 20 more",
)
CARD = Card(
    rank=1,
    title=TITLES[0],
    url="https://arxiv.org/abs/2503.15294",
    relevance=10,
    novelty=9,
    shows="Proves that list replicability grows with dimension & does not follow from <b>.",
    byline="Blondal et al. · cs.LG",
    facts="new in cs.LG",
    authors="★ Ari Blondal, Hamed Hatami, Pooya Hatami, Chavdar Lalov, Sivan Tretiak",
    comment="Meets Learning theory: a topological argument gives a bound on list replicability.",
    abstract="Recent advances in learning theory have established that, for total concepts, list "
    "replicability, global stability, differentially private learnability, and shared…",
    pdf="https://arxiv.org/pdf/2503.15294v1",
    buttons=VOTES,
    menu=MENU,
)
WEEK = "mon,tue,wed,thu,fri"
FORM = Form(
    name="subscribe",
    title="Subscribe a channel",
    submit="Subscribe",
    metadata="C0PAPERS 2025-03-20",
    fields=(
        Field(
            name="profile",
            label="Profile",
            kind="choice",
            value="matters",
            choices=(
                Choice(label="Foundations of machine learning", value="foundations"),
                Choice(label="Matters of importance", value="matters"),
            ),
        ),
        Field(name="channel", label="Channel", kind="channel", value="C0PAPERS"),
        Field(name="at", label="At", kind="time", value="09:00"),
        Field(name="tz", label="Time zone", kind="zone", value="Europe/Berlin"),
        Field(name="days", label="Days", kind="days", value=WEEK),
        Field(name="top", label="At most", kind="number", value="10", hint="papers a day"),
        Field(name="title", label="Title", kind="text", optional=True),
        Field(name="topics", label="Topics", kind="prose", value="Proofs.\nBounds & rates."),
        Field(name="library", label="A library", kind="file", hint="at most 1 MB", optional=True),
    ),
)
HOME = Message(
    title="Paperboy",
    text=("2 channels have a subscription.",),
    items=tuple(
        Item(
            title=title,
            channel=channel,
            small=(when, "Last: Thursday 20 March 2025, 17 of 236 papers"),
            buttons=(
                Button(action="edit", label="Edit", value=f"{channel} {name}"),
                Button(action="pause", label="Pause", value=f"{channel} {name}"),
            ),
        )
        for name, title, channel, when in (
            ("foundations", "Foundations of machine learning", "C0PAPERS", "mon-fri at 09:00"),
            ("matters", "Matters of importance", "C0MATTER", "mon at 07:30, paused"),
        )
    ),
    buttons=(Button(action="subscribe", label="Subscribe a channel"),),
)
ANSWER = Message(
    title="subscribed this channel to Foundations of machine learning",
    by="U0ADA",
    text=("The first digest comes on Friday 21 March 2025 at 09:00 (Europe/Berlin).",),
    small=("mon-fri · at most 10 papers",),
)
SHOWN: dict[str, dict[str, Any]] = {
    "head": render.message(HEAD),
    "card": render.message(CARD),
    "form": forms_slack.modal(FORM),
    "home": render.home(HOME),
    "answer": render.message(ANSWER),
}


@pytest.mark.parametrize("name", SHOWN)
def test_what_slack_is_sent(name: str) -> None:
    shown = json.dumps(SHOWN[name], indent=1, ensure_ascii=False) + "\n"
    check_golden(f"slack/{name}.json", shown)
    assert broken_rules(SHOWN[name]) == []


@pytest.mark.parametrize("name", SHOWN)
def test_what_a_person_sees(name: str) -> None:
    check_golden(f"slack/{name}.txt", draw_slack(SHOWN[name]))


@pytest.mark.parametrize("post", [HEAD, CARD, HOME, ANSWER], ids=lambda post: post.title[:12])
def test_the_plain_text_has_the_same_content_as_the_blocks(post: Post) -> None:
    found = render.plain(post)
    assert broken_rules(found) == []
    assert found["mrkdwn"] is False
    assert post.title.split(" · ")[0] in found["text"]
    if isinstance(post, Card):
        assert post.url in found["text"]
        assert post.pdf in found["text"]


def test_slacks_own_schemas_agree() -> None:
    jsonschema = pytest.importorskip("jsonschema")
    if not all(path.exists() for path in SCHEMAS.values()):
        pytest.skip("Slack's schemas are not part of the project")
    known = {
        kind: jsonschema.Draft7Validator(json.loads(path.read_text(encoding="utf-8")))
        for kind, path in SCHEMAS.items()
    }
    found = [*SHOWN.values(), *map(render.message, ugliest() if RECORD.exists() else [])]
    for each in found:
        if "type" in each:
            known["view"].validate(each)
        else:
            known["blocks"].validate({"blocks": each["blocks"]})


def test_a_long_day_names_twenty_papers_and_counts_the_others() -> None:
    day = digest(*(decision(id, Outcome.PICKED) for id in paper_ids(60)))
    head, *cards = map(render.message, digest_views.thread_posts(day))
    shown = draw_slack(head)
    assert shown.count("↗") == 20
    assert "+ 40 more in the thread" in shown
    assert [broken_rules(each) for each in (head, *cards)] == [[]] * 61
    assert cards[59]["text"] == (
        "60. On the matter of 2503.10059 — We study the matter of 2503.10059 and prove a bound. "
        "(relevance 8 · novelty 7)"
    )


@pytest.mark.parametrize("n", [1, 15, 16, 24, 60])
def test_no_item_is_dropped_silently(n: int) -> None:
    buttons = (Button(action="stop", label="Stop"),)
    items = tuple(Item(title=f"Item {i}", small=("x",), buttons=buttons) for i in range(n))
    for found in (
        render.message(Message(title="All", items=items, small=("s",), buttons=buttons)),
        render.home(Message(title="All", items=items, small=("s",), buttons=buttons)),
    ):
        assert broken_rules(found) == []
        shown = draw_slack(found)
        left = n - shown.count("Item ")
        assert (f"+ {left} more\n" in shown) if left else ("more" not in shown)


def test_long_answers_are_cut_between_words_and_counted() -> None:
    rows = tuple(f"{i} " + "word word " * 300 for i in range(9))
    found = render.message(Message(title="Long", text=rows))
    assert broken_rules(found) == []
    assert "word…\n" in draw_slack(found)
    assert draw_slack(found).endswith("+ 5 more\n")


def test_an_empty_title_gives_way_to_the_address() -> None:
    bare = Card.model_validate({**CARD.model_dump(), "title": " ", "buttons": ()})
    assert draw_slack(render.message(bare)).startswith("1. https://arxiv.org/abs/2503.15294 ↗ · P")
    assert render.message(Message(title=""))["text"] == "Paperboy"


def test_other_peoples_text_is_shown_letter_by_letter() -> None:
    card = card_views.card(digest(HOSTILE_DECISION), 1, HOSTILE_DECISION).model_copy(
        update={"buttons": VOTES}
    )
    shown = draw_slack(render.message(card))
    for text in (card.title, card.shows, card.comment, card.byline):
        assert text in shown
    assert "&lt;b&gt;bold&lt;/b&gt;" in render.message(card)["text"]


@pytest.mark.parametrize("channel", ["C2", "general", "<!channel>", ""])
@pytest.mark.parametrize("url", ["https://testers.slack.com/archives/C2/p1", "javascript:x"])
def test_another_channel_is_named_by_its_id_alone(channel: str, url: str) -> None:
    there = ChannelLink(words="Also in", channel=channel, link=Link(label="there", url=url))
    card = CARD.model_copy(update={"elsewhere": there})
    found = render.message(card)
    assert broken_rules(found) == []
    elements = [e for part in found["blocks"][0]["elements"] for e in part["elements"]]
    named = [e["channel_id"] for e in elements if e["type"] == "channel"]
    assert named == (["C2"] if channel == "C2" else [])
    links = [e["url"] for e in elements if e["type"] == "link" and e["text"] == "there"]
    assert links == ([url] if named and url.startswith("https") else [])
    assert channel not in render.plain(card)["text"].replace(url, "") or not channel


def ugliest() -> Iterator[Card]:
    """Cards of the papers that are worst in some way, with every author followed."""
    with gzip.open(RECORD, "rt", encoding="utf-8") as file:
        papers = [json.loads(line) for line in file]
    worst: dict[str, dict[str, Any]] = {}
    for badness in (
        lambda p: len(p["authors"]),
        lambda p: len(p["abstract"]),
        lambda p: len(p["title"]),
        lambda p: sum(map((p["title"] + p["abstract"]).count, '<>&*_`~|[]"\\')),
        lambda p: len((p["title"] + " ".join(p["authors"])).encode()),
    ):
        worst |= {p["id"]: p for p in sorted(papers, key=badness)[-8:]}
    for rank, p in enumerate(worst.values(), 1):
        paper = Paper.model_validate(
            {name: p[name] for name in ("id", "title", "abstract", "authors", "categories")}
            | {"version": 1}
        )
        row = Decision(
            announced=Announced(paper=paper, announce_type=AnnounceType.CROSS),
            outcome=Outcome.PICKED,
            score=Score(relevance=10, novelty=1, comment=p["abstract"]),
            followed=paper.authors,
        )
        card = card_views.card(digest(row), rank, row)
        whole = {"shows": readable(paper.abstract), "buttons": VOTES, "menu": MENU}
        yield from (card, card.model_copy(update=whole))


@pytest.mark.skipif(not RECORD.exists(), reason="the year of papers is not part of the project")
def test_the_ugliest_papers_of_a_year() -> None:
    for card in ugliest():
        for found in (render.message(card), render.plain(card)):
            assert broken_rules(found) == [], card.title
        assert draw_slack(render.message(card)).startswith(f"{card.rank}. {card.title[:140]}")


def test_a_press_comes_back_as_the_button_it_was() -> None:
    pressed = [
        render.parse_pressed(each)
        for block in SHOWN["home"]["blocks"]
        for each in block.get("elements", ())
        if each["type"] == "button"
    ]
    buttons = [button for item in HOME.items for button in item.buttons] + [*HOME.buttons]
    assert pressed == [(button.action, button.value) for button in buttons]


def test_a_choice_from_a_menu_comes_back_as_the_button_it_was() -> None:
    menu = SHOWN["card"]["blocks"][-1]["elements"][-1]
    chosen = [
        {"type": "overflow", "action_id": menu["action_id"], "selected_option": option}
        for option in menu["options"]
    ]
    assert [*map(render.parse_pressed, chosen)] == [(b.action, b.value) for b in MENU]
    assert menu["options"][1]["url"] == CARD.pdf
    assert render.parse_paper(menu) == MENU[0].value
    assert render.parse_pressed({"type": "overflow", "action_id": "menu"}) == ("", "")


def test_buttons_of_cards_that_were_posted_before_there_was_a_menu_still_work() -> None:
    why = {"type": "button", "action_id": "why", "value": "foundations 2503.15294"}
    pdf = {"type": "button", "action_id": "pdf", "url": CARD.pdf}
    assert render.parse_pressed(why) == ("why", "foundations 2503.15294")
    assert render.parse_paper(why) == "foundations 2503.15294"
    assert (render.parse_pressed(pdf), render.parse_paper(pdf)) == (("pdf", ""), None)


def test_a_form_sent_back_unchanged_says_what_it_said() -> None:
    found = forms_slack.answers(unchanged_submission(SHOWN["form"]))
    assert found == {field.name: field.value for field in FORM.fields}


def test_what_was_left_open_comes_back_empty() -> None:
    fields = tuple(f.model_copy(update={"value": "", "optional": True}) for f in FORM.fields)
    view = forms_slack.modal(FORM.model_copy(update={"fields": fields}))
    assert broken_rules(view) == []
    assert forms_slack.answers(unchanged_submission(view)) == {
        field.name: "" for field in FORM.fields
    }


def test_a_mistake_is_reported_at_its_field() -> None:
    found = forms_slack.errors({"at": "There is no 25:00."})
    assert found == {"response_action": "errors", "errors": {"at": "There is no 25:00."}}


def test_a_form_that_carries_too_much_is_a_fault() -> None:
    with pytest.raises(ValueError, match="3,000 fit"):
        forms_slack.modal(FORM.model_copy(update={"metadata": "x" * 3001}))


def test_a_select_has_a_hundred_choices_each_once() -> None:
    zones = [Choice(label=f"Zone {i} " + "x" * 80, value=f"z{i % 150}") for i in range(300)]
    found = forms_slack.options([Choice(label="None", value=""), *zones])
    assert [option["value"] for option in found] == [f"z{i}" for i in range(100)]


def test_the_rules_notice_what_slack_refuses() -> None:
    text = {"type": "plain_text", "text": "x" * 160, "emoji": False}
    button = {"type": "button", "action_id": "a", "text": text}
    for block in (
        {"type": "header", "text": text},
        {"type": "actions", "elements": [button]},
        {"type": "context", "elements": [text | {"text": ""}]},
        {"type": "context", "elements": [text | {"type": "mrkdwn"}]},
        {"type": "section", "text": text},
    ):
        assert broken_rules({"text": "a", "blocks": [block]}), block
    good = {"type": "context", "elements": [text]}
    assert broken_rules({"text": "a", "blocks": [good]}) == []
    for found in ({"text": "<a>"}, {"text": " "}, {"text": "a", "blocks": [good] * 51}):
        assert broken_rules(found), found
    assert broken_rules({"type": "home", "blocks": [good] * 101})


quick = settings(max_examples=40)
NASTY = (
    "<!channel>",
    "<@U1>",
    "&amp;",
    "*a* _b_ `c`",
    "\\",
    '"',
    "x" * 400,
    "日本語 " * 90,
    "😀" * 99,
)
anything = st.one_of(
    st.text(), st.sampled_from(NASTY), st.lists(st.sampled_from(NASTY)).map(" ".join)
)
long = st.builds(lambda text, n: text * n, anything, st.sampled_from([1, 1, 40]))
urls = st.one_of(anything, st.just("https://arxiv.org/abs/2503.15294"))
places = st.one_of(anything, st.just("C0PAPERS"), st.just("U0ADA"))
scores = st.integers(1, 10)
buttons = st.lists(
    st.builds(
        Button,
        action=st.sampled_from(["up", "down", "why"]),
        label=anything,
        value=st.from_regex("[A-Za-z0-9 ./_-]{0,64}", fullmatch=True),
        url=urls,
    ),
    max_size=4,
).map(tuple)

menus = st.lists(st.sampled_from(MENU), unique=True).map(tuple)


def many(strategy: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[Any]:
    repeated = st.sampled_from([1, 1, 30])
    return st.builds(lambda found, n: tuple(found) * n, st.lists(strategy, max_size=most), repeated)


lines = st.builds(
    PaperLine,
    rank=st.integers(1, 999),
    relevance=scores,
    novelty=scores,
    title=long,
    url=urls,
    shows=long,
)
items = st.builds(
    Item,
    title=long,
    url=urls,
    channel=places,
    text=st.lists(long, max_size=2).map(tuple),
    points=st.lists(long, max_size=2).map(tuple),
    small=st.lists(long, max_size=2).map(tuple),
    buttons=buttons,
)
heads = st.builds(
    Message,
    title=long,
    by=places,
    paper=st.none() | st.builds(Link, label=long, url=urls),
    notices=many(long),
    text=many(long),
    points=many(long),
    code=long,
    push=long,
    details=many(long),
    lines=many(lines),
    items=many(items),
    small=many(long),
    buttons=buttons,
)
cards = st.builds(
    Card,
    rank=st.integers(1, 999),
    title=long,
    url=urls,
    relevance=scores,
    novelty=st.none() | scores,
    shows=long,
    byline=long,
    facts=long,
    authors=long,
    comment=long,
    abstract=long,
    pdf=urls,
    buttons=buttons,
    menu=menus,
)
kinds = st.sampled_from(
    ["text", "prose", "number", "time", "days", "choice", "several", "zone", "channel"]
)
typed = st.one_of(long, st.sampled_from(["10", "09:00", "25:00", "mon,fri", "UTC", "C0PAPERS"]))
choices = st.lists(st.builds(Choice, label=long, value=long), max_size=5).map(tuple)


@st.composite
def forms(draw: st.DrawFn) -> Form:
    names = draw(st.lists(st.sampled_from("abcdef"), min_size=1, unique=True))
    fields = st.builds(
        Field,
        label=long,
        kind=kinds,
        value=typed,
        hint=long,
        optional=st.booleans(),
        choices=choices,
    )
    # "zone" is the action_id of every zone, and a form asks for one.
    found = [draw(fields) for _ in names]
    seen = [field for field in found if field.kind == "zone"][1:]
    renamed = tuple(
        f.model_copy(update={"name": n, "kind": "text" if f in seen else f.kind})
        for f, n in zip(found, names, strict=True)
    )
    return Form(name="form", title=draw(long), submit=draw(long), fields=renamed)


def mentions(found: dict[str, Any]) -> set[str]:
    known = ("user", "channel", "usergroup", "broadcast", "team")
    named = [each for each in walk_objects(found) if each.get("type") in known]
    return {each.get("user_id") or each["channel_id"] for each in named}


def test_papers_get_half_of_a_crowded_head_and_the_text_gets_the_rest() -> None:
    lines = tuple(
        PaperLine(
            rank=n, relevance=8, novelty=7, title="A long title " * 11, url=f"{CARD.url}?{n:0200}"
        )
        for n in range(1, 21)
    )
    said = tuple(f"{n} " + "What has to be said. " * 80 for n in range(3))
    blocks = render.message(Message(title="Crowded", text=said, lines=lines))["blocks"]
    above, papers = blocks[0], blocks[1]
    whole, listed = weight(blocks), weight(papers)
    assert 0.45 * 11_700 < listed <= 0.52 * 11_700
    assert 0.8 * 11_700 < whole <= 12_000
    assert [text[:1] in json.dumps(above) for text in said] == [True] * 3
    assert "more in the thread" in json.dumps(papers)


@quick
@given(head=heads)
def test_any_head_keeps_the_rules(head: Message) -> None:
    for found in (render.message(head), render.home(head), render.plain(head)):
        assert broken_rules(found) == []
        assert mentions(found) <= {head.by, *(item.channel for item in head.items)}


@quick
@given(card=cards)
def test_any_card_keeps_the_rules_and_mentions_nobody(card: Card) -> None:
    for found in (render.message(card), render.plain(card)):
        assert broken_rules(found) == []
        assert mentions(found) == set()


@quick
@given(form=forms())
def test_any_form_keeps_the_rules_and_comes_back(form: Form) -> None:
    view = forms_slack.modal(form)
    assert broken_rules(view) == []
    assert forms_slack.answers(unchanged_submission(view)).keys() == {
        field.name for field in form.fields
    }


def test_a_message_full_of_papers_keeps_half_of_its_space_for_text() -> None:
    url = f"https://arxiv.org/abs/2503.15294?{'x' * 300}"
    line = PaperLine(rank=1, relevance=9, novelty=8, title="&" * 150, url=url)
    said = [f"Remark {n}: {'important ' * 30}" for n in range(12)]
    shown = str(
        render.message(Message(title="Day", lines=(line,) * 20, text=tuple(said)))["blocks"]
    )
    assert [text[:10] for text in said if text[:10] in shown] == [text[:10] for text in said]
    crowded = shown.count("https://arxiv.org")
    assert 0 < crowded < 20
    assert f"+ {20 - crowded} more in the thread" in shown
    # Where nothing else is said the papers have no more than that, and no less.
    alone = str(render.message(Message(title="Day", lines=(line,) * 20))["blocks"])
    assert alone.count("https://arxiv.org") == crowded
    each = render.weight(render.message(Message(title="Day", lines=(line,) * 2))) - render.weight(
        render.message(Message(title="Day", lines=(line,)))
    )
    assert 11_700 / 2 - 2 * each < crowded * each <= 11_700 / 2


@pytest.mark.parametrize("to", ["<!channel>", "!here", "U1> <!channel", "@everyone", "u1", ""])
def test_only_a_person_can_be_mentioned(to: str) -> None:
    for shown in (render.message, render.plain):
        said = shown(Message(title="New", to=to))
        assert "<" not in said["text"]
        assert '"user"' not in json.dumps(said)
        assert shown(Message(title="<!here>", to="U1"))["text"].startswith("<@U1> ")
        assert "<!" not in json.dumps(shown(Message(title="<!here>", to="U1"))["text"])
