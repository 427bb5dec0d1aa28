"""What a person sees of saved papers: the button, their list, what is shared, files, the best."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
import rispy  # type: ignore[import-untyped]

from bot.commands import dispatch, saved
from bot.commands.context import HOME, Answer, Context, Invocation
from bot.discord import render as render_discord
from bot.domain.judge import Judge
from bot.domain.message import Button, Message
from bot.domain.readers.best import Discussed, Discussion
from bot.domain.readers.saved import MOST_SAVED
from bot.domain.status import Status
from bot.errors import Refused
from bot.slack import render as render_slack
from bot.store.lookups import Lookups
from bot.store.store import Store
from bot.views.keeping.saved import PAGE
from tests.bot.commands.samples import (
    CHANNEL_ADDRESS,
    INVOCATION,
    NEXT_DOOR,
    by,
    counted,
    deliver_day,
)
from tests.conftest import check_golden
from tests.factories import NOW, paper_ids, person_in, profile, saved_paper, subscription
from tests.servers import discord_rules, slack_rules

ONE, TWO, MISSED = "2503.10000", "2503.10001", "2503.10002"
CHANNEL = str(CHANNEL_ADDRESS)
NONE = Discussion([], [], 0)


@pytest.fixture
def context(store: Store) -> Context:
    store.profiles.put_shared(profile())
    store.subscriptions.put(subscription(profile="matters"))
    context = Context(store, Lookups(store), Judge(), lambda: Status.model_validate({}))
    deliver_day(context)
    return context


def pressed(context: Context, action: str, value: str, who: Invocation = INVOCATION) -> Message:
    return shown(dispatch.press(who, action, value, context))


def typed(context: Context, text: str, who: Invocation = INVOCATION) -> Message:
    return shown(counted(dispatch.answer(replace(who, text=text), context)))


def shown(answer: Answer) -> Message:
    assert answer.head is not None
    assert (answer.update, answer.shared, answer.announcement) == (None, None, None)  # private
    return answer.head


def buttons(message: Message) -> list[Button]:
    return [*message.buttons, *(button for item in message.items for button in item.buttons)]


def labels(message: Message) -> list[str]:
    return [button.label for button in buttons(message)]


def vote(context: Context, action: str, id: str, who: Invocation = INVOCATION) -> None:
    dispatch.press(who, action, f"day {id}", context)


def press_on(
    context: Context, message: Message, label: str, who: Invocation = INVOCATION
) -> Message:
    button = next(each for each in buttons(message) if each.label == label)
    return pressed(context, button.action, button.value, who)


def test_a_card_and_why_have_the_button(context: Context) -> None:
    answer = dispatch.press(INVOCATION, "up", f"day {ONE}", context)
    assert [each.label for each in answer.update.buttons] == ["👍 1", "👎", "Abstract", "Save"]  # type: ignore[union-attr]
    why = typed(context, f"why {MISSED}")
    assert "Save" in labels(why)
    assert press_on(context, why, "Save").title == "Saved, only for you."
    assert typed(context, "saved").items[0].url == f"https://arxiv.org/abs/{MISSED}"


def test_a_second_press_takes_it_back(context: Context) -> None:
    first = pressed(context, "save", f"day {ONE}")
    assert first.paper is not None
    assert first.paper.label == f"On the matter of {ONE}"
    assert labels(first) == ["Share with this channel", "My papers"]
    assert pressed(context, "save", f"day {ONE}").title == "No longer saved."
    assert typed(context, "saved").title == "You have no saved papers here."


def test_what_all_of_it_looks_like(context: Context) -> None:
    screens = [pressed(context, "save", f"day {ONE}")]
    later = by("U1", at=NOW + timedelta(days=1))
    screens.append(pressed(context, "save", f"day {TWO}", later))
    screens.append(press_on(context, screens[-1], "Share with this channel", later))
    screens.append(pressed(context, "saved-reading", ONE, later))
    screens.append(typed(context, "saved", later))
    screens.append(pressed(context, "saved-reading", f"{TWO} here", by("U2")))
    screens.append(pressed(context, "saved-done", f"{TWO} here", by("U3")))
    screens.append(typed(context, "saved shared", later))
    screens.append(pressed(context, "save", TWO, later))
    screens.append(typed(context, "saved export"))
    screens.append(typed(context, "saved ris"))
    vote(context, "up", ONE)
    vote(context, "up-missed", MISSED)
    screens.append(typed(context, "best"))
    screens.append(typed(context, "me"))
    screens.append(typed(context, "me forget"))
    screens.append(press_on(context, screens[-1], "Forget all of it"))
    screens.append(typed(context, "saved"))
    screens.append(typed(context, "saved shared"))
    screens.append(typed(context, "best"))
    drawn = []
    for screen in screens:
        body = render_discord.message(screen)
        assert discord_rules.message_error(body) == ""
        payload = render_slack.message(screen)
        assert slack_rules.broken_rules(payload) == []
        drawn.append(f"## Slack\n{slack_rules.draw_slack(payload)}")
        drawn.append(f"## Discord\n{discord_rules.draw_discord(body)}")
    check_golden("commands/saved.txt", "\n".join(drawn))


def test_nobody_else_sees_it_before_it_is_shared(context: Context) -> None:
    pressed(context, "save", f"day {ONE}")
    assert typed(context, "saved", by("U2")).items == ()
    assert typed(context, "saved shared", by("U2")).items == ()
    assert typed(context, "best", by("U2")).items == ()
    pressed(context, "share-saved", ONE)
    (item,) = typed(context, "saved shared", by("U2")).items
    assert [(each.label, each.ids) for each in item.people] == [("Saved by", ("U1",))]
    assert typed(context, "saved shared", by("U2", address=NEXT_DOOR)).items == ()
    elsewhere = CHANNEL_ADDRESS.model_copy(update={"workspace": "T2"})
    assert typed(context, "saved shared", by("U1", address=elsewhere)).items == ()
    assert typed(context, "saved", by("U1", address=elsewhere)).items == ()
    pressed(context, "unshare-saved", ONE)
    assert typed(context, "saved shared", by("U2")).items == ()


def test_whoever_claims_a_shared_paper_is_named_there_and_has_it_saved(context: Context) -> None:
    pressed(context, "save", f"day {ONE}")
    pressed(context, "share-saved", ONE)
    here = press_on(context, typed(context, "saved shared", by("U2")), "I read this", by("U2"))
    assert here.text == ("The channel's shared papers say so, too.",)
    (item,) = typed(context, "saved shared").items
    people = {each.label: each.ids for each in item.people}
    assert people == {"Saved by": ("U1",), "Being read by": ("U2",)}
    assert labels(typed(context, "saved shared", by("U2")))[-1] == "Done"
    assert (
        typed(context, "saved", by("U2"))
        .items[0]
        .small[0]
        .startswith(f"{ONE} · you are reading it")
    )
    pressed(context, "save", ONE)  # who shared it takes it back: the claim stays
    (item,) = typed(context, "saved shared").items
    assert [each.ids for each in item.people] == [("U2",)]


def test_a_paper_that_nobody_shares_any_more_cannot_be_claimed(context: Context) -> None:
    pressed(context, "save", f"day {ONE}")
    with pytest.raises(Refused, match="Nobody shares"):
        pressed(context, "saved-reading", f"{ONE} here", by("U2"))
    assert typed(context, "saved", by("U2")).items == ()
    for action in ("saved-done", "share-saved", "unshare-saved", "unsave"):
        with pytest.raises(Refused, match="any more"):
            pressed(context, action, ONE, by("U2"))


def test_in_private_there_is_no_channel_to_share_with(context: Context) -> None:
    direct = CHANNEL_ADDRESS.model_copy(update={"channel": "D1"})
    for alone in (
        by("U1", address=direct, is_private=True, person=person_in("D1")),
        by("U1", address=CHANNEL_ADDRESS.model_copy(update={"channel": HOME})),
    ):
        context.store.saved.change("slack:T1", "U1", ONE, lambda _: saved_paper(ONE))
        assert labels(typed(context, "saved", alone)) == [
            *("Export", "Send to Zotero", "All I left here"),
            *("I read this", "Remove"),
        ]
        for text in ("saved shared", "best"):
            with pytest.raises(Refused, match="in one"):
                typed(context, text, alone)
        with pytest.raises(Refused, match="in one"):
            pressed(context, "share-saved", ONE, alone)


def test_a_long_list_is_turned_page_by_page(context: Context) -> None:
    ids = paper_ids(2 * PAGE + 1)
    for number, id in enumerate(ids):
        row = saved_paper(id, at=NOW + timedelta(hours=number), shared=(CHANNEL,))
        context.store.saved.change("slack:T1", "U1", id, lambda _, row=row: row)
    for text in ("saved", "saved shared"):
        page, seen = typed(context, text), list[str]()
        while True:
            assert discord_rules.message_error(render_discord.message(page)) == ""
            assert slack_rules.broken_rules(render_slack.message(page)) == []
            drawn = discord_rules.draw_discord(render_discord.message(page))
            assert "more" not in drawn  # nothing is left out
            seen += [item.url.rpartition("/")[2] for item in page.items]
            if "Next" not in labels(page):
                break
            page = press_on(context, page, "Next")
        assert seen == ids[::-1]
        assert page.small == ("13 to 13 of 13, the latest first",)
        assert len(press_on(context, page, "Back").items) == PAGE
    assert typed(context, "saved 99").items == typed(context, "saved 3").items


@pytest.mark.parametrize("words", ["nonsense", "shared nonsense", "1 2", "²", "ris 2"])
def test_words_it_does_not_know_are_answered_with_those_it_does(
    context: Context, words: str
) -> None:
    with pytest.raises(Refused, match="takes shared, bibtex, ris, csl"):
        typed(context, f"saved {words}")


@pytest.mark.parametrize("days", ["0", "366", "x", "3 weeks", "-1", "٣"])
def test_the_best_is_of_a_number_of_days(context: Context, days: str) -> None:
    with pytest.raises(Refused, match="from 1 to 365"):
        typed(context, f"best {days}")


READ: dict[str, Callable[[str], list[str]]] = {
    "ris": lambda text: [each["title"] for each in rispy.loads(text)],
    "csl": lambda text: [each["title"] for each in json.loads(text)],
}


@pytest.mark.parametrize("format", READ)
def test_a_file_has_every_saved_paper_and_is_for_one_person(context: Context, format: str) -> None:
    for id in (ONE, TWO):
        pressed(context, "save", f"day {id}")
    pressed(context, "save", f"day {ONE}", by("U2"))
    answer = dispatch.answer(replace(INVOCATION, text=f"saved {format}"), context)
    assert answer.file is not None
    titles = READ[format](answer.file.content.decode())
    assert sorted(titles) == [f"On the matter of {ONE}", f"On the matter of {TWO}"]
    with pytest.raises(Refused, match="no saved papers"):
        typed(context, f"saved {format}", by("U3"))


def test_a_paper_whose_text_is_gone_is_counted(context: Context) -> None:
    pressed(context, "save", f"day {ONE}")
    context.store.saved.change("slack:T1", "U1", TWO, lambda _: saved_paper(TWO, ref="gone"))
    said = typed(context, "saved bibtex")
    assert said.text == ("1 paper can't be exported: their text is no longer stored.",)


def test_texts_live_as_long_as_the_list_that_names_them(context: Context, store: Store) -> None:
    pressed(context, "save", f"day {ONE}")
    (mine,) = store.saved.of("slack:T1", "U1")
    key = f"pb:paper:{mine.ref}"
    store.redis.expire(key, timedelta(days=1))
    pressed(context, "save", f"day {TWO}")
    assert int(str(store.redis.ttl(key))) > timedelta(days=400).total_seconds()
    store.redis.expire(key, timedelta(days=1))
    pressed(context, "saved-done", TWO)
    assert int(str(store.redis.ttl(key))) > timedelta(days=400).total_seconds()
    pressed(context, "share-saved", ONE)
    store.redis.expire(key, timedelta(days=1))
    pressed(context, "saved-reading", f"{ONE} here", by("U2"))
    assert int(str(store.redis.ttl(key))) > timedelta(days=400).total_seconds()


def test_there_is_an_end_to_what_one_person_saves(context: Context) -> None:
    for number in range(MOST_SAVED):
        row = saved_paper(f"2401.{number:05}")
        context.store.saved.change("slack:T1", "U1", row.paper, lambda _, row=row: row)
    with pytest.raises(Refused, match="500 saved papers"):
        pressed(context, "save", f"day {ONE}")
    pressed(context, "unsave", "2401.00000")
    pressed(context, "save", f"day {ONE}")


def test_a_terminal_has_no_people_who_save(context: Context) -> None:
    for text in ("saved", "me", "best"):
        with pytest.raises(Refused):
            typed(context, text, by("", person=None))


def test_a_paper_that_was_not_posted_is_voted_up_below_why(context: Context) -> None:
    why = typed(context, f"why {MISSED}")
    assert press_on(context, why, "👍").title == "👍 counted, though it was not posted."
    (lesson,) = context.store.votes.lessons("slack:T1", "matters")
    assert (lesson.paper, lesson.vote) == (MISSED, "up")
    headings = [item.title for item in typed(context, "best").items]
    assert headings == ["Not posted, but voted up:", f"On the matter of {MISSED}"]
    assert press_on(context, why, "👍").title == "👍 taken back."
    assert "👍" not in labels(typed(context, f"why {ONE}"))  # it has a card
    direct = by("U1", address=CHANNEL_ADDRESS.model_copy(update={"channel": "C9"}), is_private=True)
    assert "👍" not in labels(typed(context, f"why {MISSED}", direct))


def test_the_best_are_in_order_and_of_these_days(context: Context) -> None:
    for person in ("U1", "U2"):
        vote(context, "up", TWO, by(person))
    vote(context, "up", ONE)
    vote(context, "down", ONE, by("U2"))  # as many against it
    long_ago = by("U3", at=NOW - timedelta(days=8))
    vote(context, "up-missed", MISSED, long_ago)
    deliver_day(context, NEXT_DOOR)
    next_door = by("U4", address=NEXT_DOOR)
    vote(context, "up", ONE, next_door)  # another channel's
    titles = [item.title for item in typed(context, "best").items]
    assert titles == ["Most liked:", f"On the matter of {TWO}"]
    assert len(typed(context, "best 9").items) == 4
    pressed(context, "save", f"day {ONE}", by("U2"))
    pressed(context, "share-saved", ONE, by("U2"))
    for person in ("U3", "U2"):
        pressed(context, "save", f"day {TWO}", by(person))
        pressed(context, "share-saved", TWO, by(person))
    pressed(context, "save", f"day {MISSED}", next_door)
    pressed(context, "share-saved", MISSED, next_door)
    titles = [item.title for item in typed(context, "best").items]
    kept = titles[titles.index("Most saved, of what people share:") + 1 :]
    assert kept == [f"On the matter of {TWO}", f"On the matter of {ONE}"]
    assert typed(context, "best 9 days").title == "The best of the last 9 days"


def test_a_channel_is_told_the_best_of_the_week_once_somebody_wants_that(context: Context) -> None:
    store = context.store
    vote(context, "up", TWO)
    (button,) = typed(context, "best").buttons
    assert button.label == "Tell everyone on Fridays"
    answer = dispatch.press(INVOCATION, button.action, button.value, context)
    assert answer.announcement is not None
    assert answer.announcement.by == "U1"
    assert store.subscriptions.with_weekly_best() == {CHANNEL}
    said = saved.best_of_week(context, CHANNEL_ADDRESS, NOW, NONE)
    assert said is not None
    assert [item.title for item in said.items] == ["Most liked:", f"On the matter of {TWO}"]
    pressed(context, "save", f"day {ONE}", by("U2"))
    pressed(context, "share-saved", ONE, by("U2"))
    shared = saved.best_of_week(context, CHANNEL_ADDRESS, NOW, NONE)
    assert shared is not None
    assert shared.items[-1].small == (f"saved by one person · {ONE}",)
    assert "U2" not in shared.model_dump_json()  # Slack would notify them every Friday
    assert saved.best_of_week(context, CHANNEL_ADDRESS, NOW + timedelta(days=8), NONE) is None
    assert typed(context, "best").buttons[0].label == "Not on Fridays"
    dispatch.answer(replace(INVOCATION, text="best off"), context)
    assert store.subscriptions.with_weekly_best() == set()
    admins_only = replace(context, admins_only=True)
    for text in ("best fridays", "best off"):
        with pytest.raises(Refused, match="Only admins"):
            typed(admins_only, text)
    dispatch.answer(replace(INVOCATION, text="best fridays"), context)
    assert store.subscriptions.with_weekly_best() == {CHANNEL}


def test_what_was_discussed_is_named_after_what_was_liked(context: Context) -> None:
    vote(context, "up", TWO)
    talk = [
        Discussed(paper=ONE, title=f"On the matter of {ONE}", replies=3, people=2),
        Discussed(paper=TWO, title=f"On the matter of {TWO}", replies=1, people=1),
    ]
    digest = Discussed(title="Matters · Thu 20 Mar 2025", url="https://x/1", replies=7, people=3)
    answer = dispatch.answer(replace(INVOCATION, text="best 30"), context)
    assert answer.counting is not None
    assert answer.counting.since == NOW - timedelta(days=30)
    said = shown(answer.counting.show(Discussion(talk, [digest], 2)))
    rows = [(item.title, *item.small) for item in said.items]
    assert rows[2:] == [
        ("Most discussed:",),
        (f"On the matter of {ONE}", f"3 replies by 2 people · {ONE}"),
        (f"On the matter of {TWO}", f"1 reply by one person · {TWO}"),
        ("Most discussed digests:",),
        ("Matters · Thu 20 Mar 2025", "7 replies by 3 people · in its thread"),
    ]
    assert said.small == ("Replies in 2 more threads were not counted.",)
    friday = saved.best_of_week(
        context, CHANNEL_ADDRESS, NOW + timedelta(days=300), Discussion([], [digest], 0)
    )
    assert friday is not None
    assert friday.items[1].url == "https://x/1"
