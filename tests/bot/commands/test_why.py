"""`/why` for every way that a paper can go, as each platform shows it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.commands import dispatch, paper_status, papers
from bot.commands.context import Answer, Ask, Desk
from bot.discord import render
from bot.domain.digest import Decision, Digest, Judge, Outcome, Place, Score, Source
from bot.domain.lookup import Claim, Found, Opinion
from bot.domain.message import Head
from bot.domain.paper_status import Stage, Standing, essence
from bot.domain.papers import Cutoffs, Followed, Paper, Profile, Trouble
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Subscription
from bot.errors import Refused
from bot.slack import render as render_slack
from bot.store.channels import Channels
from bot.store.days import Store
from bot.store.lookups import Inquiries
from bot.store.outbox import Entry, Outbox
from bot.store.subscriptions import Subscriptions
from bot.terminal.render import as_text
from tests.bot.slack.test_slack_render import drawn
from tests.conftest import check_golden
from tests.make import NOW, announced, decision, digest, listing, paper, profile, someone
from tests.servers import discord_rules, slack_rules

MODEL = Judge(model="gpt-6-luna")
ADDRESSES = {
    "slack": Address(platform="slack", workspace="T1", channel="C1"),
    "discord": Address(platform="discord", workspace="900", channel="200"),
    "terminal": Address(platform="terminal", channel="main"),
}
MATTERS = profile(maximum=2, authors=Followed(follow=("Emmy Noether",)))
SAID = Score(relevance=8, novelty=5, comment="Meets Matter: it proves a bound.")
AT_THE_END = Place(rank=9, of=10)
CLAIMS = (
    Claim(topic="Matter", meets=True, says="It proves a bound.", quote="prove a bound"),
    Claim(topic="Matter", meets=False, says="No dust.", quote="the matter of 2503.10001"),
)


@dataclass(frozen=True)
class There:
    """A channel with a day behind it."""

    desk: Desk
    ask: Ask

    def why(self, text: str, judge: Judge = MODEL, **changes: object) -> Answer:
        ask = replace(self.ask, text=f"/why {text}", **changes)  # type: ignore[arg-type]
        return dispatch.answer(ask, replace(self.desk, judge=judge))

    def subscribes(self, name: str = "matters") -> None:
        self.desk.subscriptions.put(
            Subscription(
                address=self.ask.address,
                profile=name,
                schedule=Schedule(at=NOW.time().replace(hour=4, minute=0), tz="America/New_York"),
                by="100",
                since=NOW - timedelta(days=3),
            )
        )

    def delivers(self, day: Digest, name: str = "day", message: str = "17.0001") -> None:
        store, channels, here = self.desk.channels.store, self.desk.channels, self.ask.address
        store.add_listing(day.listed.batch, listing(*(d.announced for d in day.decisions)), NOW)
        channels.put_judged(name, day)
        channels.put_delivered(here, f"{here}:{name}", day, NOW, message)
        outbox = Outbox(store.redis, f"{here}:{name}")
        for rank, picked in enumerate(day.picked, 1):
            outbox.sent(picked.paper.id, Entry(at=NOW, message=f"17.1{rank:03}"))

    def thinks(
        self, of: Paper, opinion: Opinion, by: Profile = MATTERS, judge: Judge = MODEL
    ) -> None:
        asked = essence(by).fingerprint
        self.desk.inquiries.put_opinion(asked, judge, of, opinion)


def place(store: Store, address: Address) -> There:
    desk = Desk(
        channels=Channels(store),
        subscriptions=Subscriptions(store),
        inquiries=Inquiries(store),
        judge=MODEL,
        status=lambda: Status.model_validate({}),
    )
    store.name_profile(MATTERS)
    site, who = "https://testers.slack.com/", someone(address.channel, "C2", "D1")
    return There(desk, Ask("", address, NOW, "100", "Europe/Berlin", site=site, who=who))


def outcome(
    id: str, what: Outcome, relevance: int = 8, novelty: int = 7, **more: object
) -> Decision:
    return decision(id, what, relevance, novelty).model_copy(update=more)


def a_day(**fields: object) -> Digest:
    followed = announced("2503.10002", authors=("Ada Lovelace", "Emmy Noether"))
    words = ("matter", "bounds on dust")
    return digest(
        outcome("2503.10001", Outcome.PICKED, 10, 9),
        outcome("2503.10002", Outcome.PICKED, announced=followed, followed=("Emmy Noether",)),
        outcome("2503.10003", Outcome.OVER_LIMIT),
        outcome("2503.10004", Outcome.REPEAT),
        outcome("2503.10005", Outcome.BELOW_CUTOFF, 6, 7),
        outcome("2503.10006", Outcome.BELOW_CUTOFF, 8, 4),
        outcome("2503.10007", Outcome.BELOW_CUTOFF, 2, 2),
        outcome("2503.10008", Outcome.GATED, score=None, place=Place(rank=7, of=9, words=words)),
        outcome("2503.10009", Outcome.UNSCORED, trouble=Trouble.MODEL_DOWN),
        outcome("2503.10010", Outcome.UNSCORED, trouble=Trouble.NO_BUDGET, place=AT_THE_END),
        profile=MATTERS,
        **fields,
    )


def before(there: There) -> None:
    """The day before had one paper, which comes again."""
    eve = digest(outcome("2503.10004", Outcome.PICKED), profile=MATTERS)
    listed = eve.listed.model_copy(update={"batch": "2025-03-19", "date": date(2025, 3, 19)})
    there.delivers(eve.model_copy(update={"listed": listed}), "eve", "16.0001")


Case = Callable[[There], Answer]


def decided(id: str) -> Case:
    def run(there: There) -> Answer:
        there.subscribes()
        before(there)
        there.delivers(a_day())
        return there.why(id)

    return run


def closer(there: There) -> Answer:
    there.subscribes()
    there.delivers(a_day())
    there.thinks(paper("2503.10001"), Opinion(score=SAID, claims=CLAIMS, dropped=1))
    return there.why("2503.10001")


def unborne(there: There) -> Answer:
    there.subscribes()
    there.delivers(a_day())
    there.thinks(paper("2503.10005"), Opinion(score=SAID, dropped=2, silent=Trouble.UNPROVEN))
    return there.why("2503.10005")


def given_up(there: There) -> Answer:
    there.delivers(a_day())
    return there.why("2503.10009")


def changed(there: There) -> Answer:
    there.subscribes()
    there.delivers(a_day())
    there.desk.channels.store.name_profile(
        MATTERS.model_copy(update={"cutoffs": Cutoffs(novelty=3)})
    )
    return there.why("2503.10006")


def listed(
    kind: str, categories: tuple[str, ...], day: str = "2025-03-20", **profile_: object
) -> Case:
    def run(there: There) -> Answer:
        store = there.desk.channels.store
        store.name_profile(MATTERS.model_copy(update=profile_))
        there.subscribes()
        store.add_listing(day, listing(announced(kind=kind, categories=categories)), NOW)
        return there.why("2503.15294")

    return run


def replaced(there: There) -> Answer:
    there.subscribes()
    there.desk.channels.store.add_listing("2025-03-20", listing(announced(), replaced=2), NOW)
    return there.why("arXiv:2401.00001v2")


def unposted(there: There) -> Answer:
    there.subscribes()
    day = a_day()
    there.desk.channels.store.add_listing("b", listing(*(d.announced for d in day.decisions)), NOW)
    there.desk.channels.put_judged("day", day)
    return there.why("2503.10005")


def unseen(found: Paper | None, opinion: Opinion | None = None, **more: object) -> Case:
    def run(there: There) -> Answer:
        there.subscribes()
        id = found.id if found else "2503.15294"
        if found or more:
            known = Found.model_validate({"paper": found, "at": NOW, **more})
            there.desk.inquiries.put_found(id, known)
        if found and opinion:
            there.thinks(found, opinion)
        return there.why(id)

    return run


def locally(there: There) -> Answer:
    there.subscribes()
    found = paper("2410.00001")
    there.desk.inquiries.put_found(found.id, Found(paper=found, at=NOW))
    words = Opinion(score=Score(relevance=9, comment="matter, bound"))
    there.thinks(found, words, judge=Judge())
    return there.why(found.id, judge=Judge())


def two_profiles(there: There) -> Answer:
    other = profile(name="dust", title="Dust", categories=("astro-ph.EP",))
    there.desk.channels.store.name_profile(other)
    there.subscribes("dust")
    there.subscribes()
    there.delivers(a_day())
    there.thinks(paper("2503.10001"), Opinion(score=SAID, claims=CLAIMS))
    there.thinks(paper("2503.10001"), Opinion(score=None, trouble=Trouble.MODEL_BUSY), other)
    return there.why("2503.10001")


def near(there: There) -> Answer:
    there.subscribes()
    there.delivers(a_day())
    found = Found(paper=None, trouble=Trouble.NOT_FOUND, at=NOW)
    there.desk.inquiries.put_found("2503.10011", found)
    return there.why("2503.10011")


def nobody(there: There) -> Answer:
    return there.why("2503.10001")


CASES: dict[str, Case] = {
    "picked": decided("2503.10001"),
    "picked, by somebody who is followed": decided("https://arxiv.org/pdf/2503.10002v1"),
    "picked, read more closely": closer,
    "over the limit": decided("2503.10003"),
    "had before": decided("2503.10004"),
    "below the line by relevance": decided("2503.10005"),
    "below the line by novelty": decided("2503.10006"),
    "below the line by both": decided("2503.10007"),
    "below the line, and the model quoted what is not there": unborne,
    "below the line of a profile that was changed since": changed,
    "gated": decided("2503.10008"),
    "unscored, to be asked again": decided("2503.10009"),
    "unscored for good": given_up,
    "unscored, for the budget did not reach": decided("2503.10010"),
    "not in the profile's categories": listed("new", ("cs.CV", "cs.RO")),
    "a cross-list that is not wanted": listed("cross", ("cs.CV", "cs.LG"), cross_lists=False),
    "listed today, not judged yet": listed("new", ("cs.LG",)),
    "listed before there was a digest": listed("new", ("cs.LG",), "2025-03-17"),
    "a replacement": replaced,
    "decided, not posted here": unposted,
    "never seen": unseen(None),
    "never seen, found, of this month": unseen(paper(), Opinion(score=SAID, claims=CLAIMS)),
    "never seen, found, older": unseen(
        paper("hep-th/9901001"), Opinion(score=SAID, silent=Trouble.NO_BUDGET)
    ),
    "never seen, found, in other categories": unseen(
        paper(categories=("hep-th",)), Opinion(score=None, trouble=Trouble.MODEL_DOWN)
    ),
    "never seen, found, ranked locally": locally,
    "withdrawn": unseen(paper(), withdrawn="This paper has been withdrawn: Lemma 3 fails."),
    "not found": unseen(None, trouble=Trouble.NOT_FOUND),
    "not found, a slip of the pen": near,
    "arXiv is away": unseen(None, trouble=Trouble.UNREACHABLE),
    "two profiles": two_profiles,
    "no profile": nobody,
}


def shown(case: Case, there: There, draw: Callable[[Head], str]) -> str:
    try:
        answer = case(there)
    except Refused as refused:
        return f"{refused}\n"
    assert answer.head is not None
    waits = f"   (asks about {answer.inquiry.paper})\n" if answer.inquiry else ""
    return draw(answer.head) + waits


def on_slack(head: Head) -> str:
    payload = render_slack.message(head)
    assert slack_rules.broken(payload) == []
    return drawn(payload)


def on_discord(head: Head) -> str:
    body = render.message(head)
    assert discord_rules.refused(body) == ""
    return discord_rules.drawing(body)


DRAW: dict[str, Callable[[Head], str]] = {
    "slack": on_slack,
    "discord": on_discord,
    "terminal": lambda head: as_text([head]),
}


@pytest.mark.parametrize("platform", DRAW)
def test_what_is_said_of_every_way_a_paper_can_go(platform: str, store: Store) -> None:
    text = []
    for name, case in CASES.items():
        store.redis.flushall()
        there = place(store, ADDRESSES[platform])
        text.append(f"## {name}\n{shown(case, there, DRAW[platform])}")
    check_golden(f"why_{platform}.txt", "\n".join(text))


def test_every_outcome_and_stage_is_in_that_table(store: Store) -> None:

    seen = set[object]()

    def noting(ask: Ask, desk: Desk, id: str) -> list[Standing]:
        found = paper_status.standings(ask, desk, id)
        seen.update(s.stage for s in found)
        seen.update(s.decision.outcome for s in found if s.decision)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(papers, "standings", noting)
        for case in CASES.values():
            store.redis.flushall()
            shown(case, place(store, ADDRESSES["slack"]), lambda head: "")
    assert seen == {*Stage, *Outcome}


def test_another_workspace_and_another_channel_learn_nothing(store: Store) -> None:
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(a_day())
    for elsewhere in ({"channel": "C2"}, {"workspace": "T2"}):
        address = there.ask.address.model_copy(update=elsewhere)
        with pytest.raises(Refused, match="has no profile"):
            there.why("2503.10001", address=address)


@pytest.mark.parametrize("platform", ["slack", "discord"])
def test_alone_a_person_is_told_of_their_own_channels(platform: str, store: Store) -> None:
    there = place(store, ADDRESSES[platform])
    there.subscribes()
    there.delivers(a_day())
    own = there.ask.address
    direct = own.model_copy(
        update={"channel": "D1", "workspace": "" if platform == "discord" else own.workspace}
    )
    alone = there.why("2503.10001", address=direct, alone=True)
    assert alone.head is not None
    assert "Picked: number 1 of 2." in alone.head.text
    assert "share" not in {button.action for button in alone.head.buttons}
    with pytest.raises(Refused, match="You have subscribed no channel"):
        there.why("2503.10001", address=direct, alone=True, by="101")


def test_alone_several_channels_are_told_apart(store: Store) -> None:
    there = place(store, ADDRESSES["slack"])
    for channel in ("C1", "C2"):
        address = there.ask.address.model_copy(update={"channel": channel})
        moved = replace(there, ask=replace(there.ask, address=address))
        moved.subscribes()
        if channel == "C1":
            moved.delivers(a_day())
    direct = there.ask.address.model_copy(update={"channel": "D1"})
    head = there.why("2503.10001", address=direct, alone=True).head
    assert head is not None
    assert [item.channel for item in head.items] == ["C1", "C2"]
    assert head.items[0].small[0] == "Picked: number 1 of 2."
    assert head.items[1].small[0].startswith("Not posted here")


def test_a_month_to_come_and_a_version_to_come_are_said_so(store: Store) -> None:
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(a_day())
    with pytest.raises(Refused, match="would be of April 2025, which is to come"):
        there.why("2504.00001")
    with pytest.raises(Refused, match="no version 3 that Paperboy knows of; the newest is v1"):
        there.why("2503.10001v3")


def test_what_was_learnt_is_said_once_and_whole(store: Store) -> None:
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(a_day())
    inquiry = there.why("2503.10005").inquiry
    assert inquiry is not None
    there.desk.inquiries.put(inquiry)
    assert dispatch.learnt(there.ask, there.desk, inquiry) is None
    there.thinks(paper("2503.10005"), Opinion(score=SAID, claims=CLAIMS))
    there.desk.inquiries.drop(inquiry)
    learnt = dispatch.learnt(there.ask, there.desk, inquiry)
    assert learnt is not None
    assert isinstance(learnt.head, Head)
    assert isinstance(learnt.update, Head)
    assert learnt.head.title == "2503.10005, read more closely"
    assert learnt.update.text[-2:] == learnt.head.text
    assert learnt.update.text[0].startswith("Not picked: below the line")
    assert there.why("2503.10005").inquiry is None


def test_a_share_says_to_all_what_is_known_and_who_asked(store: Store) -> None:
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(a_day())
    answer = dispatch.press(there.ask, "share", "2503.10001", there.desk)
    assert answer.shared is not None
    assert answer.shared.by == "100"
    assert answer.shared.title.startswith("asked about 2503.10001")
    assert "Picked: number 1 of 2." in answer.shared.text
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
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    assert len(malformed()) == 200
    for text in malformed():
        with pytest.raises(Refused) as refused:
            there.why(text)
        assert re.fullmatch(r"[^\n]{20,200}[.?]", str(refused.value)), text


@given(st.text(max_size=60) | st.from_regex(r"[0-9]{3,5}[./ -]?[0-9v]{3,7}", fullmatch=True))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_typed_is_answered(store: Store, text: str) -> None:
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    try:
        head = there.why(text).head
    except Refused as refused:
        head = Head(title=str(refused))
    assert head is not None
    assert len(head.title.splitlines()) == 1


def test_a_paper_of_last_months_end_may_still_be_announced(store: Store) -> None:
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    there.desk.inquiries.put_found("2503.15294", Found(paper=paper(), at=NOW))
    for day, said in ((2, "may come with the next one"), (20, "older than the lists")):
        head = there.why("2503.15294", at=NOW.replace(month=4, day=day)).head
        assert head is not None
        assert said in head.text[0]


@pytest.mark.parametrize("posted", [True, False])
def test_a_paper_that_only_a_comment_names_was_not_decided(posted: bool, store: Store) -> None:
    """A judge compares it with another; what is stored of the day then has that id in its text."""
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    said = SAID.model_copy(update={"comment": 'Extends "2503.15294v2": "2503.15294v1" and more.'})
    day = digest(outcome("2503.10001", Outcome.PICKED, score=said), profile=MATTERS)
    if posted:
        there.delivers(day)
    else:
        there.desk.channels.store.add_listing(
            "2025-03-20", listing(*(d.announced for d in day.decisions)), NOW
        )
        there.desk.channels.put_judged("day", day)
    head = there.why("2503.15294").head
    assert head is not None
    assert "Picked" not in str(head.text)
    head = there.why("2503.10001").head
    assert head is not None
    assert ("Picked: number 1 of 1." in head.text) == posted


OPINIONS = [
    None,
    Opinion(score=None, trouble=Trouble.CONTENT_FILTER),
    Opinion(score=None),
    Opinion(score=SAID),
    Opinion(score=SAID, silent=Trouble.CUT_OFF),
    Opinion(score=SAID, dropped=2, silent=Trouble.UNPROVEN),
    Opinion(score=SAID, claims=CLAIMS),
]


@pytest.mark.parametrize("opinion", OPINIONS)
@pytest.mark.parametrize("id", ["2503.10001", "2503.10009", "2503.10011"])
def test_a_closer_look_is_never_a_heading_with_nothing_under_it(
    store: Store, id: str, opinion: Opinion | None
) -> None:
    """Of a picked paper, an unscored one, and one that is on no list; also when the workers
    dropped the question."""
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(a_day())
    if id == "2503.10011":
        there.desk.inquiries.put_found(id, Found(paper=paper(id), at=NOW))
    asked = there.why(id).inquiry
    assert asked is not None
    if opinion:
        there.thinks(paper(id), opinion)
    answer = papers.learnt(there.ask, there.desk, asked)
    assert answer is not None
    for head in (answer.head, answer.update):
        assert head is not None
        assert head.text
    assert answer.head is not None
    assert all(map(str.strip, answer.head.text))
    if opinion is None:
        assert "fault in Paperboy" in answer.head.text[-1]


def test_a_look_up_that_failed_is_not_called_an_unknown_paper(store: Store) -> None:
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    asked = there.why("2503.10011").inquiry
    assert asked is not None
    answer = papers.learnt(there.ask, there.desk, asked)
    assert answer is not None
    assert answer.head is not None
    assert answer.head.title == "2503.10011: not looked up"
    assert "fault in Paperboy" in answer.head.text[-1]


def test_a_paper_of_the_sample_says_nothing_of_a_changed_profile(store: Store) -> None:
    """Its digest shows all of the sample, whatever the profile's categories."""
    there = place(store, ADDRESSES["slack"])
    day = a_day()
    listed = day.listed.model_copy(update={"source": Source.SAMPLE})
    widened = day.profile.model_copy(update={"categories": ("cs",)})
    there.delivers(day.model_copy(update={"listed": listed, "profile": widened}))
    assert "changed since" not in str(there.why("2503.10001").head)
    narrowed = day.profile.model_copy(update={"categories": ("cs.LO",)})
    there.delivers(day.model_copy(update={"profile": narrowed}), "other", "18.1")
    assert "changed since" in str(there.why("2503.10001").head)
