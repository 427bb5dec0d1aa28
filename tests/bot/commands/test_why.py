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
from bot.commands.context import Answer, Context, Invocation
from bot.discord import render
from bot.domain.digest import Decision, Digest, Judge, LocalRank, Outcome, Score, Source
from bot.domain.lookup import ArxivAnswer, Assessment, Claim
from bot.domain.message import Message
from bot.domain.paper_status import PaperStatus, Stage, judging_criteria
from bot.domain.papers import Cutoffs, Followed, Paper, Profile
from bot.domain.reasons import ArxivReason, ModelReason, PaperReason
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Subscription
from bot.errors import Refused
from bot.slack import render as render_slack
from bot.store.channels import Channels
from bot.store.days import Store
from bot.store.lookups import Lookups
from bot.store.outbox import Outbox, OutboxEntry
from bot.store.subscriptions import Subscriptions
from bot.terminal.render import as_text
from tests.bot.slack.test_render import draw_slack
from tests.conftest import check_golden
from tests.factories import NOW, announced, decision, digest, listing, paper, person_in, profile
from tests.servers import discord_rules, slack_rules

MODEL = Judge(model="gpt-6-luna")
ADDRESSES = {
    "slack": Address(platform="slack", workspace="T1", channel="C1"),
    "discord": Address(platform="discord", workspace="900", channel="200"),
    "terminal": Address(platform="terminal", channel="main"),
}
MATTERS = profile(maximum=2, authors=Followed(follow=("Emmy Noether",)))
SAID = Score(relevance=8, novelty=5, comment="Meets Matter: it proves a bound.")
AT_THE_END = LocalRank(rank=9, of=10)
CLAIMS = (
    Claim(topic="Matter", meets=True, says="It proves a bound.", quote="prove a bound"),
    Claim(topic="Matter", meets=False, says="No dust.", quote="the matter of 2503.10001"),
)


@dataclass(frozen=True)
class WhySetup:
    """A channel with a day behind it."""

    context: Context
    ask: Invocation

    def why(self, text: str, judge: Judge = MODEL, **changes: object) -> Answer:
        invocation = replace(self.ask, text=f"/why {text}", **changes)  # type: ignore[arg-type]
        return dispatch.answer(invocation, replace(self.context, judge=judge))

    def subscribes(self, name: str = "matters") -> None:
        self.context.subscriptions.put(
            Subscription(
                address=self.ask.address,
                profile=name,
                schedule=Schedule(at=NOW.time().replace(hour=4, minute=0), tz="America/New_York"),
                by="100",
                since=NOW - timedelta(days=3),
            )
        )

    def delivers(self, day: Digest, name: str = "day", message: str = "17.0001") -> None:
        store, channels, here = self.context.channels.store, self.context.channels, self.ask.address
        store.add_listing(day.listed.batch, listing(*(d.announced for d in day.decisions)), NOW)
        channels.put_decided_day(name, day)
        channels.put_delivered(here, f"{here}:{name}", day, NOW, message)
        outbox = Outbox(store.redis, f"{here}:{name}")
        for rank, picked in enumerate(day.picked, 1):
            outbox.put_result(picked.paper.id, OutboxEntry(at=NOW, message=f"17.1{rank:03}"))

    def thinks(
        self, of: Paper, assessment: Assessment, by: Profile = MATTERS, judge: Judge = MODEL
    ) -> None:
        asked = judging_criteria(by).fingerprint
        self.context.lookups.put_assessment(asked, judge, of, assessment)


def set_up_why(store: Store, address: Address) -> WhySetup:
    context = Context(
        channels=Channels(store),
        subscriptions=Subscriptions(store),
        lookups=Lookups(store),
        judge=MODEL,
        status=lambda: Status.model_validate({}),
    )
    store.name_profile(MATTERS)
    site, who = "https://testers.slack.com/", person_in(address.channel, "C2", "D1")
    return WhySetup(
        context, Invocation("", address, NOW, "100", "Europe/Berlin", site=site, person=who)
    )


def outcome(
    id: str, what: Outcome, relevance: int = 8, novelty: int = 7, **more: object
) -> Decision:
    return decision(id, what, relevance, novelty).model_copy(update=more)


def sample_digest(**fields: object) -> Digest:
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
        outcome(
            "2503.10008", Outcome.GATED, score=None, place=LocalRank(rank=7, of=9, words=words)
        ),
        outcome("2503.10009", Outcome.UNSCORED, trouble=ModelReason.MODEL_DOWN),
        outcome("2503.10010", Outcome.UNSCORED, trouble=ModelReason.NO_BUDGET, place=AT_THE_END),
        profile=MATTERS,
        **fields,
    )


def before(there: WhySetup) -> None:
    """The day before had one paper, which comes again."""
    eve = digest(outcome("2503.10004", Outcome.PICKED), profile=MATTERS)
    list_result = eve.listed.model_copy(update={"batch": "2025-03-19", "date": date(2025, 3, 19)})
    there.delivers(eve.model_copy(update={"listed": list_result}), "eve", "16.0001")


Case = Callable[[WhySetup], Answer]


def decided(id: str) -> Case:
    def run(there: WhySetup) -> Answer:
        there.subscribes()
        before(there)
        there.delivers(sample_digest())
        return there.why(id)

    return run


def closer(there: WhySetup) -> Answer:
    there.subscribes()
    there.delivers(sample_digest())
    there.thinks(paper("2503.10001"), Assessment(score=SAID, claims=CLAIMS, dropped=1))
    return there.why("2503.10001")


def unborne(there: WhySetup) -> Answer:
    there.subscribes()
    there.delivers(sample_digest())
    there.thinks(
        paper("2503.10005"), Assessment(score=SAID, dropped=2, silent=PaperReason.UNPROVEN)
    )
    return there.why("2503.10005")


def given_up(there: WhySetup) -> Answer:
    there.delivers(sample_digest())
    return there.why("2503.10009")


def changed(there: WhySetup) -> Answer:
    there.subscribes()
    there.delivers(sample_digest())
    there.context.channels.store.name_profile(
        MATTERS.model_copy(update={"cutoffs": Cutoffs(novelty=3)})
    )
    return there.why("2503.10006")


def listed(
    kind: str, categories: tuple[str, ...], day: str = "2025-03-20", **profile_: object
) -> Case:
    def run(there: WhySetup) -> Answer:
        store = there.context.channels.store
        store.name_profile(MATTERS.model_copy(update=profile_))
        there.subscribes()
        store.add_listing(day, listing(announced(kind=kind, categories=categories)), NOW)
        return there.why("2503.15294")

    return run


def replaced(there: WhySetup) -> Answer:
    there.subscribes()
    there.context.channels.store.add_listing("2025-03-20", listing(announced(), replaced=2), NOW)
    return there.why("arXiv:2401.00001v2")


def unposted(there: WhySetup) -> Answer:
    there.subscribes()
    day = sample_digest()
    there.context.channels.store.add_listing(
        "b", listing(*(d.announced for d in day.decisions)), NOW
    )
    there.context.channels.put_decided_day("day", day)
    return there.why("2503.10005")


def unseen(found: Paper | None, assessment: Assessment | None = None, **more: object) -> Case:
    def run(there: WhySetup) -> Answer:
        there.subscribes()
        id = found.id if found else "2503.15294"
        if found or more:
            known = ArxivAnswer.model_validate({"paper": found, "at": NOW, **more})
            there.context.lookups.put_arxiv_answer(id, known)
        if found and assessment:
            there.thinks(found, assessment)
        return there.why(id)

    return run


def locally(there: WhySetup) -> Answer:
    there.subscribes()
    found = paper("2410.00001")
    there.context.lookups.put_arxiv_answer(found.id, ArxivAnswer(paper=found, at=NOW))
    words = Assessment(score=Score(relevance=9, comment="matter, bound"))
    there.thinks(found, words, judge=Judge())
    return there.why(found.id, judge=Judge())


def two_profiles(there: WhySetup) -> Answer:
    other = profile(name="dust", title="Dust", categories=("astro-ph.EP",))
    there.context.channels.store.name_profile(other)
    there.subscribes("dust")
    there.subscribes()
    there.delivers(sample_digest())
    there.thinks(paper("2503.10001"), Assessment(score=SAID, claims=CLAIMS))
    there.thinks(paper("2503.10001"), Assessment(score=None, trouble=ModelReason.MODEL_BUSY), other)
    return there.why("2503.10001")


def near(there: WhySetup) -> Answer:
    there.subscribes()
    there.delivers(sample_digest())
    found = ArxivAnswer(paper=None, trouble=PaperReason.NOT_FOUND, at=NOW)
    there.context.lookups.put_arxiv_answer("2503.10011", found)
    return there.why("2503.10011")


def nobody(there: WhySetup) -> Answer:
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
    "never seen, found, of this month": unseen(paper(), Assessment(score=SAID, claims=CLAIMS)),
    "never seen, found, older": unseen(
        paper("hep-th/9901001"), Assessment(score=SAID, silent=ModelReason.NO_BUDGET)
    ),
    "never seen, found, in other categories": unseen(
        paper(categories=("hep-th",)), Assessment(score=None, trouble=ModelReason.MODEL_DOWN)
    ),
    "never seen, found, ranked locally": locally,
    "withdrawn": unseen(paper(), withdrawn="This paper has been withdrawn: Lemma 3 fails."),
    "not found": unseen(None, trouble=PaperReason.NOT_FOUND),
    "not found, a slip of the pen": near,
    "arXiv is away": unseen(None, trouble=ArxivReason.UNREACHABLE),
    "two profiles": two_profiles,
    "no profile": nobody,
}


def render_case(case: Case, there: WhySetup, draw: Callable[[Message], str]) -> str:
    try:
        answer = case(there)
    except Refused as refused:
        return f"{refused}\n"
    assert answer.head is not None
    waits = f"   (asks about {answer.lookup.paper})\n" if answer.lookup else ""
    return draw(answer.head) + waits


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

    seen = set[object]()

    def noting(invocation: Invocation, context: Context, id: str) -> list[PaperStatus]:
        found = paper_status.paper_statuses(invocation, context, id)
        seen.update(s.stage for s in found)
        seen.update(s.decision.outcome for s in found if s.decision)
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(papers, "paper_statuses", noting)
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
def test_alone_a_person_is_told_of_their_own_channels(platform: str, store: Store) -> None:
    there = set_up_why(store, ADDRESSES[platform])
    there.subscribes()
    there.delivers(sample_digest())
    own = there.ask.address
    direct = own.model_copy(
        update={"channel": "D1", "workspace": "" if platform == "discord" else own.workspace}
    )
    alone = there.why("2503.10001", address=direct, is_private=True)
    assert alone.head is not None
    assert "Picked: number 1 of 2." in alone.head.text
    assert "share" not in {button.action for button in alone.head.buttons}
    with pytest.raises(Refused, match="You have subscribed no channel"):
        there.why("2503.10001", address=direct, is_private=True, by="101")


def test_alone_several_channels_are_told_apart(store: Store) -> None:
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
    assert head.items[0].small[0] == "Picked: number 1 of 2."
    assert head.items[1].small[0].startswith("Not posted here")


def test_a_month_to_come_and_a_version_to_come_are_said_so(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(sample_digest())
    with pytest.raises(Refused, match="would be of April 2025, which is to come"):
        there.why("2504.00001")
    with pytest.raises(Refused, match="no version 3 that Paperboy knows of; the newest is v1"):
        there.why("2503.10001v3")


def test_what_was_learnt_is_said_once_and_whole(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(sample_digest())
    lookup = there.why("2503.10005").lookup
    assert lookup is not None
    there.context.lookups.put(lookup)
    assert dispatch.lookup_result(there.ask, there.context, lookup) is None
    there.thinks(paper("2503.10005"), Assessment(score=SAID, claims=CLAIMS))
    there.context.lookups.drop(lookup)
    learnt = dispatch.lookup_result(there.ask, there.context, lookup)
    assert learnt is not None
    assert isinstance(learnt.head, Message)
    assert isinstance(learnt.update, Message)
    assert learnt.head.title == "2503.10005, read more closely"
    assert learnt.update.text[-2:] == learnt.head.text
    assert learnt.update.text[0].startswith("Not picked: below the line")
    assert there.why("2503.10005").lookup is None


def test_a_share_says_to_all_what_is_known_and_who_asked(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    there.delivers(sample_digest())
    answer = dispatch.press(there.ask, "share", "2503.10001", there.context)
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
    for day, said in ((2, "may come with the next one"), (20, "older than the lists")):
        head = there.why("2503.15294", at=NOW.replace(month=4, day=day)).head
        assert head is not None
        assert said in head.text[0]


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
        there.context.channels.store.add_listing(
            "2025-03-20", listing(*(d.announced for d in day.decisions)), NOW
        )
        there.context.channels.put_decided_day("day", day)
    head = there.why("2503.15294").head
    assert head is not None
    assert "Picked" not in str(head.text)
    head = there.why("2503.10001").head
    assert head is not None
    assert ("Picked: number 1 of 1." in head.text) == posted


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
        assert head.text
    assert answer.head is not None
    assert all(map(str.strip, answer.head.text))
    if assessment is None:
        assert "fault in Paperboy" in answer.head.text[-1]


def test_a_look_up_that_failed_is_not_called_an_unknown_paper(store: Store) -> None:
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    asked = there.why("2503.10011").lookup
    assert asked is not None
    answer = papers.lookup_result(there.ask, there.context, asked)
    assert answer is not None
    assert answer.head is not None
    assert answer.head.title == "2503.10011: not looked up"
    assert "fault in Paperboy" in answer.head.text[-1]


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
