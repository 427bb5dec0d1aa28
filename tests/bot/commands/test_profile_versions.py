"""Two people at one profile on each chat, and a change that is undone after it brought a digest."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from bot.commands import dispatch
from bot.commands.context import Answer, FormAgain, Invocation
from bot.domain.digest import Outcome
from bot.domain.message import Message
from bot.domain.papers import Cutoffs, Example, Profile
from bot.store.store import Store
from bot.terminal.render import as_text
from bot.views.profiles import changes
from tests.bot.commands.why_cases import ADDRESSES, MATTERS, WhySetup, outcome, set_up_why
from tests.bot.runtime.due_days import owed
from tests.factories import NOW, digest, profile

CHATS = ("slack", "discord")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def edits(there: WhySetup, who: Invocation) -> tuple[str, dict[str, str]]:
    """Somebody opens the form of `matters`: what it is about, and its answers as they stand."""
    form = dispatch.press(who, "edit-profile", "matters", there.context).form
    assert form is not None
    return form.metadata, {field.name: field.value for field in form.fields}


def saves(
    there: WhySetup, who: Invocation, opened: tuple[str, dict[str, str]], **changes: str
) -> Answer:
    about, answers = opened
    return dispatch.submit(who, "profile", about, answers | changes, there.context)


def own(there: WhySetup) -> Profile:
    return there.context.profiles(there.ask.address)["matters"]


def why(there: WhySetup, id: str) -> str:
    head = there.why(id).head
    assert isinstance(head, Message)
    return as_text([head])


@pytest.mark.parametrize("platform", CHATS)
def test_the_second_of_two_people_sees_the_firsts_change_and_nothing_of_either_is_lost(
    platform: str, store: Store
) -> None:
    there = set_up_why(store, ADDRESSES[platform])
    there.subscribes()
    one, other = there.ask, replace(there.ask, by="101")
    first, second = edits(there, one), edits(there, other)
    saves(there, one, first, maximum="3", examples="On quanta", keywords="bound")
    with pytest.raises(FormAgain) as again:
        saves(there, other, second, title="Ours", examples="On dust", keywords="-survey")
    said = "\n".join(again.value.form.notes)
    assert "someone else changed this profile while your form was open" in said
    for change in ("most papers in a digest: 3", "keywords: + bound", "example papers: + On quant"):
        assert change in said
    assert own(there).title == MATTERS.title  # the second is not saved yet
    form = again.value.form
    saves(there, other, (form.metadata, {field.name: field.value for field in form.fields}))
    both = own(there)
    assert (both.title, both.maximum) == ("Ours", 3)
    assert [each.title for each in both.examples] == ["On dust", "On quanta"]
    assert (both.keywords.relevant, both.keywords.irrelevant) == (("bound",), ("survey",))
    head = dispatch.answer(replace(one, text="/digest history matters"), there.context).head
    assert isinstance(head, Message)
    assert [item.by for item in head.items][:2] == ["101", "100"]


def test_people_on_two_platforms_each_change_their_own_and_neither_sees_the_others(
    store: Store,
) -> None:
    """Workspaces share what ships, never what was made of it, so there is nothing to lose."""
    slack, discord = (set_up_why(store, ADDRESSES[platform]) for platform in CHATS)
    forms = [edits(there, there.ask) for there in (slack, discord)]
    saves(slack, slack.ask, forms[0], title="Slack's")
    saves(discord, discord.ask, forms[1], title="Discord's")
    assert (own(slack).title, own(discord).title) == ("Slack's", "Discord's")
    for there, others in ((slack, "Discord's"), (discord, "Slack's")):
        history = replace(there.ask, text="/digest history matters")
        head = dispatch.answer(history, there.context).head
        assert isinstance(head, Message)
        assert others not in as_text([head])


@pytest.mark.parametrize("platform", CHATS)
def test_a_change_undone_after_its_digest_rules_no_later_day_and_why_still_explains_that_digest(
    platform: str, store: Store
) -> None:
    there = set_up_why(store, ADDRESSES[platform])
    there.subscribes()
    saves(there, there.ask, edits(there, there.ask), relevance="9", title="Strict")
    strict = own(there)
    assert strict.cutoffs == Cutoffs(relevance=9)
    there.delivers(
        digest(
            outcome("2503.10001", Outcome.PICKED, 10, 9),
            outcome("2503.10005", Outcome.BELOW_CUTOFF, 8, 7),
            profile=strict,
        )
    )
    before = [why(there, id) for id in ("2503.10001", "2503.10005")]
    assert "Picked: number 1 of 1, with relevance 10 and novelty 9." in before[0]
    assert "relevance 8" in before[1]
    undo = replace(there.ask, text="/digest undo matters", at=NOW + HOUR)
    dispatch.answer(undo, there.context)
    assert own(there) == MATTERS
    # 8 would be enough for the profile as it is now: the digest is explained as it was decided.
    since = " The profile has changed since.\n"
    after = [why(there, id) for id in ("2503.10001", "2503.10005")]
    assert all(since in said for said in after)
    assert [said.replace(since, "") for said in after] == before
    (tomorrow,) = owed(there.context, NOW + DAY)
    assert tomorrow.profile == MATTERS.fingerprint


TIDES, DUST = Example(title="Tides"), Example(id="2503.00001", title="Dust", abstract="It settles.")


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ((), (TIDES,), "example papers: + Tides"),
        ((TIDES, DUST), (TIDES,), "example papers: − Dust"),
        ((TIDES, DUST), (DUST, TIDES), "example papers: in another order"),
        (
            (DUST,),
            (DUST.model_copy(update={"abstract": ""}),),
            "example papers: other ids or abstracts",
        ),
    ],
)
def test_no_change_of_examples_is_silent(
    before: tuple[Example, ...], after: tuple[Example, ...], said: str
) -> None:
    assert changes(profile(examples=before), profile(examples=after)) == [said]
