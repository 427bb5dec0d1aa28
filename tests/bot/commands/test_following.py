"""What a person sees of what they follow: by words, from a card, who somebody is not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands import dispatch, following
from bot.commands.context import Context, Invocation
from bot.discord import render as discord
from bot.domain.judge import Judge
from bot.domain.message import Button, Message
from bot.domain.readers.following import Follow, Told, Unreachable, Untellable
from bot.domain.request import Address
from bot.domain.status import Status
from bot.errors import Refused
from bot.planning.following import matching
from bot.slack import render as slack
from bot.store.lookups import Lookups
from bot.store.papers import paper_ref
from bot.store.store import Store
from bot.store.values.stored_forms import serialise
from bot.terminal.render import as_text
from tests.bot.commands.samples import CHANNEL_ADDRESS, INVOCATION
from tests.conftest import check_golden
from tests.factories import DAY, NOW, announced, listing, paper, person_in

ELSEWHERE = CHANNEL_ADDRESS.model_copy(update={"workspace": "T2"})
ID = "2503.15294"


@pytest.fixture
def context(store: Store) -> Context:
    store.lists.add(str(DAY), listing(announced(authors=("Wei Wang", "Alan Turing"))), NOW)
    return Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))


def typed(context: Context, text: str, who: Invocation = INVOCATION) -> Message:
    head = dispatch.answer(replace(who, text=text), context).head
    assert head is not None
    return head


def pressed(context: Context, button: Button, who: Invocation = INVOCATION) -> Message:
    head = dispatch.press(who, button.action, button.value, context).head
    assert head is not None
    return head


def button(message: Message, label: str) -> Button:
    every = [*message.buttons, *(button for item in message.items for button in item.buttons)]
    return next(each for each in every if each.label.startswith(label))


def mine(context: Context, by: str = "U1") -> list[Follow]:
    return context.store.follows.of("slack:T1", by)


def test_what_a_person_reads(context: Context) -> None:
    shown = [typed(context, "follow")]
    for text in ('follow author "Jane Doe"', "follow author ATLAS", "follow term “sparse codes”"):
        shown.append(typed(context, text))
    shown.append(typed(context, f"follow https://arxiv.org/abs/{ID}v2"))
    whom = pressed(context, Button(action="follow", label="", value=f"day {ID}"))
    shown += [whom, pressed(context, button(whom, "Wei Wang"))]
    shown.append(typed(context, "follows"))
    (follow,) = (each for each in mine(context) if each.what == "Wei Wang")
    told(context, follow)
    noted = pressed(context, not_them(follow))
    shown += [noted, pressed(context, button(noted, "Undo"))]
    shown += [typed(context, "unfollow Jane Doe"), typed(context, "unfollow all")]
    check_golden("commands/following.txt", as_text(shown) + "\n")


def told(context: Context, follow: Follow) -> None:
    """They were told of a paper by another Wei Wang."""
    other = paper("2503.00077", authors=("Wei Wang", "Ann Other"), categories=("math.CO",))
    row = Told(at=NOW, ref=context.store.papers.put(other))
    key = f"pb:told:{follow.workspace}:{follow.by}"
    context.store.redis.hset(key, other.id, serialise(row))
    assert row.ref == paper_ref(other)


def not_them(follow: Follow) -> Button:
    return Button(action="not-them", label="", value=f"T1 {follow.token} 2503.00077")


def test_the_same_is_followed_once_whatever_its_case(context: Context) -> None:
    for text in ("follow author Jane Doe", 'follow author "jane  doe"', "follow author Jane Doe"):
        typed(context, text)
    assert [each.what for each in mine(context)] == ["Jane Doe"]


def test_an_author_of_a_long_name_is_followed_by_the_whole_of_it(context: Context) -> None:
    name = " ".join(["Working", *(f"Group{n}" for n in range(40))])
    written = announced("2503.15295", authors=(name,))
    context.store.lists.add(str(DAY), listing(written), NOW)
    whom = pressed(context, Button(action="follow", label="", value="day 2503.15295"))
    said = pressed(context, button(whom, "Working"))
    assert len(said.title) < 150
    assert [paper.id for paper, _ in matching(mine(context), [written.paper])] == ["2503.15295"]


@pytest.mark.parametrize("name", ["Do Kim", "I. Will", "Wu When"])
def test_a_name_makes_no_sentence_of_a_command(name: str, context: Context) -> None:
    typed(context, f"follow author {name}")
    assert [each.what for each in mine(context)] == [name]
    typed(context, f"unfollow author {name}")
    assert mine(context) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("follow Jane Doe", "is not understood"),
        ("follow author ''", "is no name"),
        ("follow author 7", "is no name"),
        (f"follow author {'x' * 81}", "80 characters"),
        ("follow term", "The term is missing"),
        ("follow term +", "is no term"),
        ("follow paper 12", "no arXiv id"),
        ("follow 2503.1529", "2503.1529"),
        ("follow 2612.00001", "hasn't come yet"),
        ("unfollow author Jane Doe", "You don't follow"),
    ],
)
def test_what_cannot_be_followed_is_said_in_a_sentence(
    text: str, said: str, context: Context
) -> None:
    with pytest.raises(Refused, match=said) as refused:
        typed(context, text)
    assert str(refused.value).count("\n") == 0
    assert mine(context) == []


def test_one_person_follows_so_much_and_no_more(context: Context) -> None:
    for n in range(following._MOST):
        typed(context, f"follow term term{n}")
    with pytest.raises(Refused, match="the most one person can"):
        typed(context, "follow term more")
    typed(context, "follow term term7")
    typed(context, "follow term more", replace(INVOCATION, by="U2"))


def test_whatever_is_followed_has_a_button_that_ends_it_on_both_platforms(
    context: Context,
) -> None:
    for n in range(following._MOST):
        typed(context, f"follow term {'t' * 70}{n}")
    page, ended = typed(context, "follows"), set[str]()
    while True:
        unfollow = [button.value for item in page.items for button in item.buttons]
        for body in (slack.message(page), discord.message(page)):
            assert all(value in json.dumps(body) for value in unfollow)
        ended.update(unfollow)
        following_page = next((b for b in page.buttons if b.label == "Next"), None)
        if following_page is None:
            break
        page = pressed(context, following_page)
    assert len(ended) == following._MOST


def test_who_somebody_is_not_is_remembered_and_taken_back(context: Context) -> None:
    typed(context, "follow author Wei Wang")
    (follow,) = mine(context)
    told(context, follow)
    noted = pressed(context, not_them(follow))
    (others,) = (each.others for each in mine(context))
    assert [(each.co_authors, each.category) for each in others] == [(("Ann Other",), "math.CO")]
    pressed(context, button(noted, "Keep math.CO"))
    assert mine(context)[0].others[0].category == ""
    pressed(context, button(noted, "Undo"))
    assert mine(context)[0].others == ()


def test_nobody_presses_what_is_somebody_elses(context: Context) -> None:
    typed(context, "follow author Wei Wang")
    (follow,) = mine(context)
    told(context, follow)
    for who in (replace(INVOCATION, by="U2"), replace(INVOCATION, address=ELSEWHERE)):
        for press in (not_them(follow), Button(action="unfollow", label="", value="T1 x")):
            with pytest.raises(Refused, match="don't follow"):
                pressed(context, press, who)
        assert typed(context, "follows", who).title == "You follow nothing here."
    assert mine(context) == [follow]


def test_in_direct_messages_on_discord_all_servers_are_listed(context: Context) -> None:
    for guild in ("1", "2"):
        server = Address(platform="discord", workspace=guild, channel="7")
        inside = person_in("7")
        who = replace(INVOCATION, address=server, by="5", person=inside)
        typed(context, f"follow author Jane Doe{guild}", who)
        assert len(typed(context, "follows", who).items) == 1
    alone = replace(
        INVOCATION,
        address=Address(platform="discord", channel="9"),
        by="5",
        is_private=True,
        person=person_in("9", kind="alone"),
    )
    listed = typed(context, "follows", alone)
    assert [item.title for item in listed.items] == ["Jane Doe1", "Jane Doe2"]
    pressed(context, listed.items[0].buttons[0], alone)
    assert len(typed(context, "follows", alone).items) == 1
    with pytest.raises(Refused, match="direct message"):
        typed(context, "follow author Jane Doe", alone)


def test_who_was_out_of_reach_reads_so_once_and_is_tried_again(context: Context) -> None:
    typed(context, "follow author Jane Doe")
    at, why = NOW + timedelta(days=1), Untellable.NO_DIRECT
    gone = Unreachable(workspace="slack:T1", by="U1", why=why, at=at)
    context.store.tellings.put_unreachable(gone)
    assert "Direct messages to you were refused" in typed(context, "follows").notices[0]
    assert typed(context, "follows").notices == ()
    assert context.store.tellings.all_unreachable() == []
