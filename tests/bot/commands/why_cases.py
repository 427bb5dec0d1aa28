"""Every way that a paper can go, as a channel that asks `/why` finds it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bot.commands import dispatch
from bot.commands.context import Answer, Context, Invocation
from bot.domain.digest import CloseCall, Decision, Digest, LocalRank, Outcome, Score
from bot.domain.judge import Judge
from bot.domain.lookup import ArxivAnswer, Assessment, Claim
from bot.domain.message import Message
from bot.domain.paper_status import judging_criteria
from bot.domain.papers import Cutoffs, Followed, Paper, Profile
from bot.domain.reasons import ArxivReason, ModelReason, PaperReason
from bot.domain.request import Address
from bot.domain.schedule import Schedule
from bot.domain.status import Status
from bot.domain.subscription import Subscription
from bot.errors import Refused
from bot.store.lookups import Lookups
from bot.store.outbox import Outbox, OutboxEntry
from bot.store.store import Store
from tests.factories import NOW, announced, decision, digest, listing, paper, person_in, profile

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
        self.context.store.subscriptions.put(
            Subscription(
                address=self.ask.address,
                profile=name,
                schedule=Schedule(at=NOW.time().replace(hour=4, minute=0), tz="America/New_York"),
                by="100",
                since=NOW - timedelta(days=3),
            )
        )

    def delivers(self, day: Digest, name: str = "day", message: str = "17.0001") -> None:
        store, here = self.context.store, self.ask.address
        store.lists.add(day.listed.batch, listing(*(d.announced for d in day.decisions)), NOW)
        store.days.put_decided(name, day)
        store.history.put_delivered(here, f"{here}:{name}", day, NOW, message)
        outbox = Outbox(store.trips, f"{here}:{name}")
        for rank, posted in enumerate(day.posted, 1):
            asyncio.run(
                outbox.put_result(posted.paper.id, OutboxEntry(at=NOW, message=f"17.1{rank:03}"))
            )

    def thinks(
        self, of: Paper, assessment: Assessment, by: Profile = MATTERS, judge: Judge = MODEL
    ) -> None:
        asked = judging_criteria(by).fingerprint
        self.context.lookups.put_assessment(asked, judge, of, assessment)


def set_up_why(store: Store, address: Address) -> WhySetup:
    context = Context(
        store=store,
        lookups=Lookups(store),
        judge=MODEL,
        status=lambda: Status.model_validate({}),
    )
    store.profiles.put_shared(MATTERS)
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


def near_the_line(id: str) -> Case:
    """Three papers that were close calls: picked, not picked, and not looked at again."""

    def close(id: str, what: Outcome, *looks: tuple[int, int], **more: object) -> Decision:
        found = outcome(id, what)
        call = CloseCall(looks=looks, **more)  # type: ignore[arg-type]
        assert found.score
        changes = {"relevance": 7, "novelty": 7 if what is Outcome.PICKED else 5}
        score = found.score.model_copy(update=changes | {"close_call": call})
        return found.model_copy(update={"score": score})

    def run(there: WhySetup) -> Answer:
        there.subscribes()
        looks = [(7, 6), *[(7, 7)] * 5, *[(8, 7)] * 2, (6, 6)]
        there.delivers(
            digest(
                close("2503.10001", Outcome.PICKED, *looks),
                close("2503.10002", Outcome.BELOW_CUTOFF, (8, 6), (7, 4)),
                close("2503.10003", Outcome.PICKED, (7, 7), trouble=ModelReason.NO_BUDGET),
                profile=MATTERS,
            ),
            "near",
        )
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


def ranked_locally(id: str, why: ModelReason, **judged: object) -> Case:
    """A paper that the channel was shown without a judgement; or `judged` since."""

    def run(there: WhySetup) -> Answer:
        there.subscribes()
        place = LocalRank(rank=3, of=9, words=("matter", "bound"), relevance=8)
        fields = {"outcome": Outcome.UNSCORED, "score": None, "trouble": why, "place": place}
        day = sample_digest()
        rows = [
            d.model_copy(update=fields | judged) if d.paper.id == id else d for d in day.decisions
        ]
        day = day.model_copy(update={"decisions": tuple(rows), "ranked_locally": (id,)})
        there.delivers(day, f"day-{why}-{len(judged)}")
        return there.why(id)

    return run


def changed(there: WhySetup) -> Answer:
    there.subscribes()
    there.delivers(sample_digest())
    there.context.store.profiles.put_shared(
        MATTERS.model_copy(update={"cutoffs": Cutoffs(novelty=3)})
    )
    return there.why("2503.10006")


def listed(
    kind: str, categories: tuple[str, ...], day: str = "2025-03-20", **profile_: object
) -> Case:
    def run(there: WhySetup) -> Answer:
        store = there.context.store
        store.profiles.put_shared(MATTERS.model_copy(update=profile_))
        there.subscribes()
        store.lists.add(day, listing(announced(kind=kind, categories=categories)), NOW)
        return there.why("2503.15294")

    return run


def replaced(there: WhySetup) -> Answer:
    there.subscribes()
    there.context.store.lists.add("2025-03-20", listing(announced(), replaced=2), NOW)
    return there.why("arXiv:2401.00001v2")


def unposted(there: WhySetup) -> Answer:
    there.subscribes()
    day = sample_digest()
    there.context.store.lists.add("b", listing(*(d.announced for d in day.decisions)), NOW)
    there.context.store.days.put_decided("day", day)
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
    there.context.store.profiles.put_shared(other)
    there.subscribes("dust")
    there.subscribes()
    there.delivers(sample_digest())
    there.thinks(paper("2503.10001"), Assessment(score=SAID, claims=CLAIMS))
    there.thinks(paper("2503.10001"), Assessment(score=None, trouble=ModelReason.MODEL_BUSY), other)
    return there.why("2503.10001")


def two_digests(there: WhySetup) -> Answer:
    other = profile(name="bounds", title="Bounds")
    there.context.store.profiles.put_shared(other)
    shows = Score(relevance=9, novelty=8, shows="Proves a bound.", comment="Matter: a bound.")
    for n, each in enumerate((MATTERS, other), 1):
        there.subscribes(each.name)
        picked = outcome("2503.10001", Outcome.PICKED, score=shows)
        there.delivers(digest(picked, profile=each), each.name, f"17.000{n}")
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
    "picked, a close call": near_the_line("2503.10001"),
    "not picked, a close call looked at once more": near_the_line("2503.10002"),
    "a close call for which there was no money": near_the_line("2503.10003"),
    "over the limit": decided("2503.10003"),
    "had before": decided("2503.10004"),
    "below the cut-off by relevance": decided("2503.10005"),
    "below the cut-off by novelty": decided("2503.10006"),
    "below the cut-off by both": decided("2503.10007"),
    "below the cut-off, and the model quoted what is not there": unborne,
    "below the cut-off of a profile that was changed since": changed,
    "gated": decided("2503.10008"),
    "unscored, to be asked again": decided("2503.10009"),
    "unscored for good": given_up,
    "unscored, for the budget did not reach": decided("2503.10010"),
    "ranked locally, the model was away": ranked_locally("2503.10009", ModelReason.MODEL_DOWN),
    "ranked locally, the budget was spent": ranked_locally("2503.10010", ModelReason.NO_BUDGET),
    "ranked locally, judged since": ranked_locally(
        "2503.10005", ModelReason.MODEL_DOWN, outcome=Outcome.BELOW_CUTOFF, score=SAID, trouble=None
    ),
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
    "two digests": two_digests,
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
