"""`/why` for every way that a paper can go, as each platform shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.commands import dispatch, papers
from bot.discord import render
from bot.domain.digest import Outcome, Source
from bot.domain.lookup import ArxivAnswer, Assessment
from bot.domain.message import Message
from bot.domain.paper_status import PaperReport, Stage
from bot.domain.reasons import ModelReason, PaperReason
from bot.errors import Refused
from bot.slack import render as render_slack
from bot.store.store import Store
from bot.terminal.render import as_text
from bot.views import why
from tests.bot.commands.why_cases import (
    ADDRESSES,
    CASES,
    CLAIMS,
    MATTERS,
    SAID,
    outcome,
    render_case,
    sample_digest,
    set_up_why,
)
from tests.conftest import check_golden
from tests.factories import NOW, digest, listing, paper
from tests.servers import discord_rules, slack_rules
from tests.servers.slack_rules import draw_slack


def on_slack(head: Message) -> str:
    payload = render_slack.message(head)
    assert slack_rules.broken_rules(payload) == []
    return draw_slack(payload)


def on_discord(head: Message) -> str:
    body = render.message(head)
    assert discord_rules.message_error(body) == ""
    return discord_rules.draw_discord(body)


DRAW: dict[str, Callable[[Message], str]] = {
    "slack": on_slack,
    "discord": on_discord,
    "terminal": lambda head: as_text([head]),
}


@pytest.mark.parametrize("platform", DRAW)
def test_what_is_said_of_every_way_a_paper_can_go(platform: str, store: Store) -> None:
    text = []
    for name, case in CASES.items():
        store.redis.flushall()
        there = set_up_why(store, ADDRESSES[platform])
        text.append(f"## {name}\n{render_case(case, there, DRAW[platform])}")
    check_golden(f"commands/why_{platform}.txt", "\n".join(text))


def test_every_outcome_and_stage_is_in_that_table(store: Store) -> None:
    seen, answer = set[object](), why.answer

    def noting(report: PaperReport) -> Message:
        seen.update(s.stage for s in report.statuses)
        seen.update(s.decision.outcome for s in report.statuses if s.decision)
        return answer(report)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(why, "answer", noting)
        for case in CASES.values():
            store.redis.flushall()
            render_case(case, set_up_why(store, ADDRESSES["slack"]), lambda head: "")
    assert seen == {*Stage, *Outcome}


def test_another_workspace_and_another_channel_learn_nothing(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(sample_digest())
    for elsewhere in ({"channel": "C2"}, {"workspace": "T2"}):
        address = there.ask.address.model_copy(update=elsewhere)
        with pytest.raises(Refused, match="has no profile"):
            there.why("2503.10001", address=address)


@pytest.mark.parametrize("platform", ["slack", "discord"])
def test_in_a_direct_message_a_person_sees_their_own_channels(platform: str, store: Store) -> None:
    there = set_up_why(store, ADDRESSES[platform])
    there.subscribes()
    there.delivers(sample_digest())
    own = there.ask.address
    direct = own.model_copy(
        update={"channel": "D1", "workspace": "" if platform == "discord" else own.workspace}
    )
    alone = there.why("2503.10001", address=direct, is_private=True)
    assert alone.head is not None
    assert alone.head.title == "Picked: number 1 of 2, with relevance 10 and novelty 9."
    assert "share" not in {button.action for button in alone.head.buttons}
    with pytest.raises(Refused, match="You haven't subscribed a channel"):
        there.why("2503.10001", address=direct, is_private=True, by="101")


def test_in_a_direct_message_several_channels_are_told_apart(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    for channel in ("C1", "C2"):
        address = there.ask.address.model_copy(update={"channel": channel})
        moved = replace(there, ask=replace(there.ask, address=address))
        moved.subscribes()
        if channel == "C1":
            moved.delivers(sample_digest())
    direct = there.ask.address.model_copy(update={"channel": "D1"})
    head = there.why("2503.10001", address=direct, is_private=True).head
    assert head is not None
    assert [item.channel for item in head.items] == ["C1", "C2"]
    assert ": picked: number 1 of 2, with" in head.items[0].title
    assert ": not posted here" in head.items[1].title


def test_a_month_to_come_and_a_version_to_come_are_said_so(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(sample_digest())
    with pytest.raises(Refused, match="would be from April 2025, which hasn't come yet"):
        there.why("2504.00001")
    with pytest.raises(
        Refused, match=r"Paperboy knows no version 3 of 2503\.10001; the latest is v1"
    ):
        there.why("2503.10001v3")


def test_a_lookup_result_is_shown_once_and_complete(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(sample_digest())
    lookup = there.why("2503.10005").lookup
    assert lookup is not None
    there.context.lookups.put(lookup)
    assert papers.lookup_result(there.ask, there.context, lookup) is None
    there.thinks(paper("2503.10005"), Assessment(score=SAID, claims=CLAIMS))
    there.context.lookups.drop(lookup)
    learnt = papers.lookup_result(there.ask, there.context, lookup)
    assert learnt is not None
    assert isinstance(learnt.head, Message)
    assert isinstance(learnt.update, Message)
    assert learnt.head.title == "2503.10005: a closer look"
    assert len(learnt.update.points) == 2
    assert learnt.update.points == learnt.head.points
    assert learnt.update.title == "Not picked: relevance 6, the profile asks 7."
    assert there.why("2503.10005").lookup is None


def test_a_share_says_to_all_what_is_known_and_who_asked(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(sample_digest())
    answer = dispatch.press(there.ask, "share", "2503.10001", there.context)
    assert answer.shared is not None
    assert answer.shared.by == "100"
    assert answer.shared.title.startswith("asked about 2503.10001")
    assert answer.shared.text[0].startswith("Picked: number 1 of 2, with")
    assert "A closer look follows." not in answer.shared.small


# Twenty ways to get an id wrong, on ten ids.
SLIPS = (
    *("{y}{n}", "{y},{n}", "{y} {n}", "{y}-{n}", "{y}:{n}", "{y}..{n}", "{y}.{n}9", "{y}.x{n}"),
    *("20{y}.{n}", "{y}.{n}v0", "{y}.{n}v", "{y}._{n}", "{y}.{short}", "arxiv {short}"),
    *("{bad}.{n}", "{y}/{n}", "x/{y}{short}", "hep-ht/{y}{short}", "?{n}", "{y}. {n}?x"),
)
IDS = [("2503", f"{n:05}") for n in (1, 15294, 99999, 10000, 404)]
IDS += [("1501", f"{n:05}") for n in (7, 31415, 27182, 65536, 20123)]


def malformed() -> list[str]:
    given = [{"y": y, "n": n, "short": n[2:], "bad": f"{y[:2]}13"} for y, n in IDS]
    return sorted({slip.format(**parts) for slip in SLIPS for parts in given})


def test_two_hundred_malformed_ids_get_a_sentence_each(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    assert len(malformed()) == 200
    for text in malformed():
        with pytest.raises(Refused) as refused:
            there.why(text)
        assert re.fullmatch(r"[^\n]{20,200}[.?]", str(refused.value)), text


@given(st.text(max_size=60) | st.from_regex(r"[0-9]{3,5}[./ -]?[0-9v]{3,7}", fullmatch=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_is_answered(store: Store, text: str) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    try:
        head = there.why(text).head
    except Refused as refused:
        head = Message(title=str(refused))
    assert head is not None
    assert len(head.title.splitlines()) == 1


def test_a_paper_of_last_months_end_may_still_be_announced(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.context.lookups.put_arxiv_answer("2503.15294", ArxivAnswer(paper=paper(), at=NOW))
    for day, said in ((2, "may be on the next one"), (20, "older than the lists")):
        head = there.why("2503.15294", at=NOW.replace(month=4, day=day)).head
        assert head is not None
        assert said in head.title


@pytest.mark.parametrize("posted", [True, False])
def test_a_paper_that_only_a_comment_names_was_not_decided(posted: bool, store: Store) -> None:
    """A judge compares it with another; what is stored of the day then has that id in its text."""
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    said = SAID.model_copy(update={"comment": 'Extends "2503.15294v2": "2503.15294v1" and more.'})
    day = digest(outcome("2503.10001", Outcome.PICKED, score=said), profile=MATTERS)
    if posted:
        there.delivers(day)
    else:
        there.context.store.lists.add(
            "2025-03-20", listing(*(d.announced for d in day.decisions)), NOW
        )
        there.context.store.days.put_decided("day", day)
    head = there.why("2503.15294").head
    assert head is not None
    assert "Picked" not in str(head)
    head = there.why("2503.10001").head
    assert head is not None
    assert head.title.startswith("Picked: number 1 of 1, with") == posted


OPINIONS = [
    None,
    Assessment(score=None, trouble=ModelReason.CONTENT_FILTER),
    Assessment(score=None),
    Assessment(score=SAID),
    Assessment(score=SAID, silent=ModelReason.CUT_OFF),
    Assessment(score=SAID, dropped=2, silent=PaperReason.UNPROVEN),
    Assessment(score=SAID, claims=CLAIMS),
]


@pytest.mark.parametrize("assessment", OPINIONS)
@pytest.mark.parametrize("id", ["2503.10001", "2503.10009", "2503.10011"])
def test_a_closer_look_is_never_a_heading_with_nothing_under_it(
    store: Store, id: str, assessment: Assessment | None
) -> None:
    """Of a picked paper, an unscored one, and one that is on no list; also when the workers
    dropped the question."""
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(sample_digest())
    if id == "2503.10011":
        there.context.lookups.put_arxiv_answer(id, ArxivAnswer(paper=paper(id), at=NOW))
    asked = there.why(id).lookup
    assert asked is not None
    if assessment:
        there.thinks(paper(id), assessment)
    answer = papers.lookup_result(there.ask, there.context, asked)
    assert answer is not None
    for head in (answer.head, answer.update):
        assert head is not None
        assert head.text or head.points
    assert answer.head is not None
    assert all(map(str.strip, (*answer.head.text, *answer.head.points)))
    if assessment is None:
        assert "error in Paperboy" in answer.head.text[-1]


def test_a_look_up_that_failed_is_not_called_an_unknown_paper(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    asked = there.why("2503.10011").lookup
    assert asked is not None
    answer = papers.lookup_result(there.ask, there.context, asked)
    assert answer is not None
    assert answer.head is not None
    assert answer.head.title == "2503.10011: not looked up"
    assert "error in Paperboy" in answer.head.text[-1]


def test_a_paper_of_the_sample_says_nothing_of_a_changed_profile(store: Store) -> None:
    """Its digest shows all of the sample, whatever the profile's categories."""
    there = set_up_why(store, ADDRESSES["slack"])
    day = sample_digest()
    list_result = day.listed.model_copy(update={"source": Source.SAMPLE})
    widened = day.profile.model_copy(update={"categories": ("cs",)})
    there.delivers(day.model_copy(update={"listed": list_result, "profile": widened}))
    assert "changed since" not in str(there.why("2503.10001").head)
    narrowed = day.profile.model_copy(update={"categories": ("cs.LO",)})
    there.delivers(day.model_copy(update={"profile": narrowed}), "other", "18.1")
    assert "changed since" in str(there.why("2503.10001").head)
