"""What a person sees who looks for papers: whose are searched, and what is shown of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from bot.commands import dispatch, tasks
from bot.commands.context import Answer, Context, Invocation
from bot.domain.judge import Judge
from bot.domain.status import Status
from bot.domain.tasks.search import Hit, Search, SearchResult
from bot.domain.tasks.task import Task, TaskResult
from bot.errors import Refused
from bot.store.lookups import Lookups
from bot.store.outbox import Outbox, OutboxEntry
from bot.store.store import Store
from bot.terminal.render import as_text
from tests.bot.commands.samples import CHANNEL_ADDRESS, INVOCATION, NEXT_DOOR, deliver_day
from tests.conftest import check_golden
from tests.factories import NOW, person_in, profile, subscription

PICKED, BELOW = "2503.10000", "2503.10002"
ASKING = replace(INVOCATION, person=person_in("C1", "C2"), site="https://t1.slack.com/")


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    for channel in ("C1", "C2", "C3"):
        store.subscriptions.put(subscription(channel, profile="matters"))
    elsewhere = CHANNEL_ADDRESS.model_copy(update={"workspace": "T2", "channel": "C2"})
    store.subscriptions.put(subscription("C2", profile="matters", address=elsewhere))
    return Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))


def asked(context: Context, text: str, invocation: Invocation = ASKING) -> Task:
    answer = dispatch.answer(replace(invocation, text=text), context)
    assert answer.task is not None
    return answer.task


def told(
    context: Context, task: Task, *hits: Hit, invocation: Invocation = ASKING, **fields: object
) -> Answer:
    given = {"hits": hits, "papers": 3, "since": date(2025, 3, 20), **fields}
    result = TaskResult(search=SearchResult.model_validate(given))
    return tasks.result(invocation, context, task, result)


def test_a_persons_own_channels_of_the_workspace_are_searched(context: Context) -> None:
    task = asked(context, "search matching lower bounds for what?")
    assert task.search == Search(
        title="matching lower bounds for what?", places=(CHANNEL_ADDRESS, NEXT_DOOR)
    )
    guest = replace(ASKING, person=person_in("C1", kind="guest"))
    with pytest.raises(Refused, match="Guests"):
        asked(context, "search bounds", guest)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("search", "Say what to look for"),
        ('search "..."', "Say what to look for"),
        (f"search {'word ' * 50}", "at most 200 characters"),
    ],
)
def test_what_cannot_be_looked_for_is_said(context: Context, text: str, why: str) -> None:
    with pytest.raises(Refused, match=why):
        asked(context, text)
    with pytest.raises(Refused):
        asked(context, "search bounds", replace(ASKING, person=None))


def test_more_like_a_paper_asks_by_its_title_and_abstract(context: Context) -> None:
    day = deliver_day(context)
    paper = day.decisions[0].paper
    answer = dispatch.press(ASKING, "like", f"day {PICKED}", context)
    assert answer.task is not None
    assert answer.task.search == Search(
        title=paper.title,
        text=paper.abstract,
        like=PICKED,
        places=(CHANNEL_ADDRESS, NEXT_DOOR),
        since=date(2024, 12, 20),
    )
    with pytest.raises(Refused, match="no longer"):
        dispatch.press(ASKING, "like", "day 2503.99999", context)


def test_who_left_a_channel_while_its_papers_were_looked_for_sees_none_of_them(
    context: Context,
) -> None:
    deliver_day(context)
    deliver_day(context, NEXT_DOOR)
    task = asked(context, "search bounds")
    hits = [Hit(place=at, day="day", paper=PICKED) for at in (CHANNEL_ADDRESS, NEXT_DOOR)]
    still = told(context, task, *hits)
    here = told(context, task, *hits, invocation=replace(ASKING, person=person_in("C1")))
    assert still.head is not None
    assert here.head is not None
    assert [NEXT_DOOR.channel in str(each.head) for each in (still, here)] == [True, False]
    assert len(here.head.items) == len(still.head.items) - 1
    for person, why in ((person_in("C1", kind="guest"), "Guests"), (None, "allowed to do this")):
        with pytest.raises(Refused, match=why):
            told(context, task, *hits, invocation=replace(ASKING, person=person))


def test_what_a_search_shows_reads_well(context: Context) -> None:
    deliver_day(context)
    deliver_day(context, NEXT_DOOR)
    for address in (CHANNEL_ADDRESS, NEXT_DOOR):
        outbox = Outbox(context.store.trips, f"{address}:day")
        asyncio.run(outbox.put_result(PICKED, OutboxEntry(at=NOW, message="17.2")))
    words = asked(context, "search bounds")
    like = dispatch.press(ASKING, "like", f"day {PICKED}", context).task
    assert like is not None
    hits = [
        Hit(place=CHANNEL_ADDRESS, day="day", paper=PICKED),
        Hit(place=NEXT_DOOR, day="day", paper=PICKED),
        Hit(place=CHANNEL_ADDRESS, day="day", paper=BELOW),
        Hit(place=CHANNEL_ADDRESS, day="gone", paper=BELOW),
    ]
    shown = [
        ("under way", tasks.progress(words, 0, 0)),
        ("half done", tasks.progress(like, 1, 4)),
        ("found", told(context, words, *hits).head),
        ("found, alike, by words alone", told(context, like, hits[2], words_only=True).head),
        ("nothing", told(context, words).head),
        ("no digest yet", told(context, words, since=None, papers=0).head),
    ]
    text = "\n\n".join(f"== {name}\n{as_text([head])}" for name, head in shown if head)
    check_golden("search.txt", text)
