"""Papers, profiles and digests made of little: each test names only what it is about."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from bot.commands.permissions import Person, PersonKind
from bot.domain.budget import GateDay, GateReport, GateStage
from bot.domain.digest import Decision, Digest, ListQuery, ListResult, Outcome, Score, Source, Usage
from bot.domain.judge import Judge
from bot.domain.lookup import ArxivAnswer, Assessment, Lookup
from bot.domain.papers import (
    Announced,
    AnnounceType,
    Followed,
    Listing,
    Paper,
    Problem,
    Profile,
    Topic,
)
from bot.domain.profile_version import ProfileVersion
from bot.domain.readers.saved import SavedPaper
from bot.domain.readers.teaching import Lesson
from bot.domain.reasons import ArxivReason, ModelReason
from bot.domain.request import Address, DigestRequest
from bot.domain.schedule import Schedule
from bot.domain.subscription import Subscription, Vote
from bot.store.lookups import Lookups
from bot.store.papers import paper_ref
from bot.store.store import Store

NOW = datetime(2025, 3, 20, 8, 40, tzinfo=UTC)
DAY = date(2025, 3, 20)


def person_in(*channels: str, kind: str = "member") -> Person:
    """A person who is in these channels (C1 and C2)."""
    return Person(kind=PersonKind(kind), channels=frozenset(channels or ("C1", "C2")))


def paper(id: str = "2503.15294", **fields: Any) -> Paper:
    given: dict[str, Any] = {
        "version": 1,
        "title": f"On the matter of {id}",
        "abstract": f"We study the matter of {id} and prove a bound.",
        "authors": ("Ada Lovelace", "Alan Turing"),
        "categories": ("cs.LG",),
    }
    return Paper(id=id, **(given | fields))


def lesson(id: str = "2503.15294", by: str = "U1", vote: str = "up", **fields: Any) -> Lesson:
    """A vote in Slack's C1 on a paper of the profile `matters`."""
    voted = paper(id)
    given: dict[str, Any] = {
        "profile": "matters",
        "channel": "slack:T1:C1",
        "ref": paper_ref(voted),
        "title": voted.title,
        "at": NOW,
    }
    return Lesson(paper=id, by=by, vote=Vote(vote), **(given | fields))


def saved_paper(id: str = "2503.15294", **fields: Any) -> SavedPaper:
    """As U1 saved it."""
    text = paper(id)
    given = {"paper": id, "ref": paper_ref(text), "title": text.title, "by": "U1", "at": NOW}
    return SavedPaper.model_validate(given | fields)


def announced(id: str = "2503.15294", kind: str = "new", **fields: Any) -> Announced:
    return Announced(paper=paper(id, **fields), announce_type=AnnounceType(kind))


def paper_ids(n: int) -> list[str]:
    return [f"2503.{10000 + i}" for i in range(n)]


def listing(*papers: Announced, day: date = DAY, replaced: int = 0) -> Listing:
    gone = tuple((f"2401.{i:05}", ("cs.LG",)) for i in range(replaced))
    return Listing(date=day, papers=papers, replaced=gone, items=len(papers) + replaced)


def profile(**fields: Any) -> Profile:
    given: dict[str, Any] = {
        "name": "matters",
        "title": "Matters of importance",
        "categories": ("cs.LG",),
        "topics": (Topic(name="Matter", relevant="Studies of the matter.", irrelevant="Dust."),),
    }
    return Profile(**(given | fields))


def save_own_profile(store: Store, address: Address, own: Profile) -> None:
    """As somebody of the workspace saves it, in place of its own one of that name."""
    names, here = store.profiles.own_names(address), store.profiles.at(address)
    before = here.get(own.name)
    version = ProfileVersion(profile=own, by="", at=NOW)
    mine = before if own.name in names else None
    assert store.profiles.save(address, own.name, mine, own, version, before)


def decision(id: str, outcome: Outcome, relevance: int = 8, novelty: int | None = 7) -> Decision:
    score = Score(relevance=relevance, novelty=novelty, comment="Meets Matter: it proves a bound.")
    return Decision(
        announced=announced(id), outcome=outcome, score=None if outcome == "unscored" else score
    )


def digest(*decisions: Decision, **fields: Any) -> Digest:
    given: dict[str, Any] = {
        "profile": profile(),
        "listed": ListResult(batch="2025-03-20", date=DAY, asked_at=NOW, changed_at=NOW),
        "decisions": decisions,
        "replacements": 0,
        "judge": Judge(model="gpt-6-luna"),
        "prompt": "The prompt, as sent.\n",
        "usage": Usage(
            calls=1,
            prompt_tokens=33000,
            cached_tokens=8200,
            completion_tokens=4600,
            prompt_usd=0.0026,
            completion_usd=0.0023,
        ),
        "judged_at": NOW,
    }
    return Digest(**(given | fields))


EARLIER, LATER = NOW - timedelta(hours=1), NOW + timedelta(seconds=5)


def digest_request(**wanted: object) -> DigestRequest:
    fields: dict[str, object] = {"source": Source.ARXIV, "categories": ("cs.LG",)} | wanted
    return DigestRequest(
        profile="f" * 16,
        wanted=ListQuery.model_validate(fields),
        judge=Judge(),
        address=Address(platform="terminal", channel="main"),
        since=NOW,
    )


def list_result(
    at: datetime, reason: ArxivReason | None = None, changed: datetime | None = None
) -> ListResult:
    return ListResult(
        batch=str(DAY),
        date=DAY,
        asked_at=at,
        changed_at=changed or at,
        problem=Problem(trouble=reason) if reason else None,
    )


AT, UNTIL = NOW + timedelta(hours=1), NOW + timedelta(hours=13)


def scheduled_request(earlier: int) -> DigestRequest:
    """A schedule's request for NOW's day and some before it."""
    days = [DAY - timedelta(days=n) for n in range(earlier, 0, -1)]
    asked = digest_request(date=DAY)
    return asked.model_copy(
        update={
            "earlier": tuple(asked.wanted.model_copy(update={"date": day}) for day in days),
            "at": AT,
            "until": UNTIL,
            "subscription": "s",
        }
    )


HOSTILE_DECISION = Decision(
    announced=announced(
        "hep-th/9901001",
        "cross",
        version=3,
        title=r"$\gamma$-margins & <b>bold</b> [claims](http://x) *of* `code` @everyone \cite{a}",
        abstract=r"We show $O(n \log n)$ for \textit{all} $x<y$. " + "It costs $5 and $10. " * 30,
        authors=(*(f"Author {i} O'Name" for i in range(12)), "Jesús M. Rodríguez-de-Vera"),
        categories=("hep-th", "cs.LG"),
    ),
    outcome=Outcome.PICKED,
    score=Score(
        relevance=10,
        novelty=9,
        comment="Meets Matter <!channel> [closely]: a | b.",
        shows=r"Proves $O(n \log n)$ for <!here> [all](http://y) *x*; @everyone pays $5.",
    ),
    followed=("Jesús M. Rodríguez-de-Vera",),
)


def model_day() -> Digest:
    names = paper_ids(6)
    outcomes = [Outcome.PICKED, Outcome.OVER_LIMIT, *[Outcome.BELOW_CUTOFF] * 2, Outcome.UNSCORED]
    rows = [decision(id, outcome) for id, outcome in zip(names, outcomes, strict=False)]
    rows[-1] = rows[-1].model_copy(update={"trouble": ModelReason.BAD_REPLY})
    rows[-2] = decision(names[3], Outcome.BELOW_CUTOFF, 3, 4)
    return digest(
        HOSTILE_DECISION,
        *rows,
        replacements=31,
        profile=profile(authors=Followed(follow=("Jesús M. Rodríguez-de-Vera",))),
    )


def local_day() -> Digest:
    score = Score(relevance=8, novelty=None, comment="mixture of experts, sparsity")
    row = decision("2503.10000", Outcome.PICKED).model_copy(update={"score": score})
    return digest(row, judge=Judge(), usage=Usage(), prompt="")


def subscription(channel: str = "C1", **fields: object) -> Subscription:
    given = {
        "address": Address(platform="slack", workspace="T1", channel=channel),
        "profile": "foundations",
        "schedule": Schedule(at=time(9), tz="Europe/Berlin"),
        "by": "U1",
        "since": NOW,
    }
    return Subscription.model_validate(given | fields)


def answer_lookup(lookups: Lookups, lookup: Lookup) -> None:
    """As the workers do: arXiv shows the paper, the judge has its say, nobody waits any more."""
    found = paper(lookup.paper)
    lookups.put_arxiv_answer(found.id, ArxivAnswer(paper=found, at=NOW))
    assessment = Assessment(score=Score(relevance=9, comment="matter, bound"))
    for asked in lookup.profiles:
        lookups.put_assessment(asked, lookup.judge, found, assessment)
    lookups.drop(lookup)


def gate_report() -> GateReport:
    """A gate at work for some weeks."""
    return GateReport(
        stage=GateStage.DIVIDING,
        picks=90,
        picks_wanted=33,
        level=0.0162,
        days=12,
        asked=500,
        below=610,
        audited=31,
        missed=1,
        recall=0.981,
        low=0.912,
        high=0.998,
        history=gate_history(),
    )


def gate_history() -> tuple[GateDay, ...]:
    """Ten days in full, twenty divided, one without a pick known, five in full, ten divided."""
    days = []
    for n in range(46):
        level = 0.03 - n / 2000 if 10 <= n < 31 or n >= 36 else None
        known = {} if n == 25 else {"recall": 0.99 - n % 7 / 100, "low": 0.7 + n / 200, "high": 1.0}
        gated = 30 + n % 5 * 6 if level else 0
        days.append(
            GateDay(
                date=DAY + timedelta(days=n),
                scored=90 - gated,
                gated=gated,
                level=level,
                **(known if n >= 10 else {}),
            )
        )
    return tuple(days)
