"""No model, still a morning: golden files of what a channel, a terminal and a script get."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from bot.discord.render import message as discord_message
from bot.discord.render import plain as discord_plain
from bot.domain.digest import Digest
from bot.domain.message import Card, Message
from bot.domain.reasons import ChannelReason
from bot.slack.render import message as slack_message
from bot.slack.render import plain as slack_plain
from bot.terminal import export, render
from bot.views import digest as digest_views
from bot.views import terminal as terminal_views
from bot.views.looking.near_misses import near_misses
from tests.bot.terminal.days import drawn
from tests.bot.views.mornings import MORNINGS, judged_in_part, judged_since, model_away, money_spent
from tests.conftest import check_golden
from tests.servers.discord_rules import draw_discord, message_error
from tests.servers.slack_rules import broken_rules, draw_slack


def on_slack(day: Digest) -> str:
    sent = [slack_message(post) for post in digest_views.thread_posts(day, "day")]
    assert [broken_rules(body) for body in sent] == [[]] * len(sent)
    return "\n".join([f"push: {sent[0]['text']}\n", *map(draw_slack, sent)])


def on_discord(day: Digest) -> str:
    sent = [discord_message(post) for post in digest_views.thread_posts(day, "day")]
    assert [message_error(body) for body in sent] == [""] * len(sent)
    return "\n".join(map(draw_discord, sent))


def in_a_terminal(day: Digest) -> str:
    shown = drawn(render.overview(terminal_views.overview(day), 100, 45), 100)
    one = render.render(terminal_views.opened(day, len(day.posted), day.posted[-1]))
    return f"{shown}\n{terminal_views.hint(day, len(day.posted))}\n\n{drawn(one, 100)}"


def in_a_file(day: Digest) -> str:
    return render.as_text(digest_views.thread_posts(day))


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("slack", on_slack),
        ("discord", on_discord),
        ("terminal", in_a_terminal),
        ("file", in_a_file),
    ],
)
def test_a_morning_without_a_model(name: str, draw: Callable[[Digest], str]) -> None:
    shown = (f"## {title}\n{draw(day)}" for title, day in MORNINGS.items())
    check_golden(f"mornings/{name}.txt", "\n".join(shown))


def test_markdown_lists_them_below_what_was_picked() -> None:
    check_golden("mornings/day.md", export.as_markdown(judged_in_part()))


def test_json_names_them_and_counts_none_as_picked() -> None:
    found = json.loads(export.as_json(judged_in_part()))
    ids = found["ranked_locally"]
    rows = [row for row in found["papers"] if row["id"] in ids]
    assert (found["outcomes"]["picked"], len(ids)) == (2, 3)
    assert {(row["outcome"], row["relevance"], row["novelty"]) for row in rows} == {
        ("unscored", None, None)
    }
    assert all(row["reason"].startswith("ranked locally, not scored, because") for row in rows)
    assert "ranked_locally" not in json.loads(export.as_json(judged_since()))


@pytest.mark.parametrize(
    ("day", "mark"),
    [
        (model_away(), "ranked locally: the model was away"),
        (judged_in_part(), "ranked locally: the model was away"),
        (money_spent(), "ranked locally: the budget was spent"),
    ],
)
def test_the_head_and_each_card_are_marked_and_show_no_score(day: Digest, mark: str) -> None:
    head, *cards = digest_views.thread_posts(day)
    assert isinstance(head, Message)
    assert head.others is not None
    assert mark in head.others.label
    assert {line.relevance for line in head.others.lines} == {None}
    marks = [(c.mark, c.rank, c.relevance) for c in cards if isinstance(c, Card)]
    assert marks[len(day.picked) :] == [(mark, None, None)] * len(day.stand_ins)
    assert all(card_mark == "" and rank for card_mark, rank, _ in marks[: len(day.picked)])


def test_text_alone_says_so_too() -> None:
    """For when a chat refuses the layout."""
    head, label = digest_views.head(model_away()), "5 of 102, ranked locally: the model was away"
    said = slack_plain(head)["text"]
    assert label in said
    assert all(decision.paper.url in said for decision in model_away().stand_ins)
    assert label in str(discord_plain(head))


@pytest.mark.parametrize(
    ("unposted", "said"),
    [
        ((2,), "1 paper ranked locally has no message of its own in the thread"),
        ((0, 2, 3), "Number 1 and 2 papers ranked locally have no message of their own"),
        ((0,), "Number 1 has no message of its own in the thread"),
    ],
)
def test_the_head_names_those_whose_message_was_refused(
    unposted: tuple[int, ...], said: str
) -> None:
    day = judged_in_part()
    why = {day.posted[n].paper.id: ChannelReason.BAD_MESSAGE for n in unposted}
    (notice,) = digest_views.head(day, "day", why).notices[1:]
    assert said in notice


def test_a_paper_that_was_shown_is_not_offered_again_as_one_that_nearly_made_it() -> None:
    day = judged_since()
    offered = {item.url for item in near_misses(day, "day", 100).items}
    assert offered
    assert offered.isdisjoint(decision.paper.url for decision in day.posted)
