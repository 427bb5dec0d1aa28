"""A digest as messages: the parent, a card for each picked paper, and the near misses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

from bot.arxiv import authors, ids
from bot.arxiv.calendar import NEW_YORK, is_weekend
from bot.arxiv.sentences import telling_sentence
from bot.arxiv.text import one_line, readable, shortened
from bot.domain.digest import Decision, Digest, Outcome, Source, Usage
from bot.domain.message import Button, Card, Item, Message, PaperLine, Post
from bot.domain.papers import Announced, AnnounceType, Paper, Profile
from bot.domain.reasons import ChannelReason, ModelReason
from bot.domain.subscription import Votes
from bot.planning.plan import StepKind
from bot.views.dates import date_range, long_date, long_month
from bot.views.reasons import REASON_TEXTS, problem_text

_ABSTRACT = 320
_AUTHORS = 5
_SHOWS = 300
# Days from the first of the month: a paper of its last day is listed some days later.
_HELD_DAYS = 45

_OUTCOMES = {
    Outcome.PICKED: "picked",
    Outcome.BELOW_CUTOFF: "below the cut-off",
    Outcome.OVER_LIMIT: "over the limit",
    Outcome.GATED: "skipped by the gate",
    Outcome.REPEAT: "posted before",
    Outcome.UNSCORED: "not scored",
}

STEPS = {
    StepKind.FETCH: "Reading arXiv's list",
    StepKind.SCORE: "Scoring the papers",
    StepKind.DELIVER: "Posting",
}


def thread_posts(digest: Digest, day: str = "") -> list[Post]:
    """The thread of a digest: the parent message, then a reply for each picked paper.

    `day` is what buttons carry to name the digest; without it there are no buttons.
    """
    return [head(digest), *(card(digest, i, d, day) for i, d in enumerate(digest.picked, 1))]


def head(digest: Digest, unposted: Mapping[str, ChannelReason] | None = None) -> Message:
    """The parent message; its first line adds up. `unposted` has the ids of picked papers whose
    message the platform refused, and why."""
    return Message(
        title=f"{one_line(digest.profile.title)} · {date_range(digest.earlier, digest.date)}",
        notices=(*notices(digest), *_unposted(digest, unposted or {})),
        text=tuple(count_lines(digest)),
        lines=tuple(
            PaperLine(
                rank=rank,
                relevance=decision.score.relevance,
                novelty=decision.score.novelty,
                title=readable(decision.paper.title),
                url=decision.paper.url,
            )
            for rank, decision in enumerate(digest.picked, 1)
            if decision.score
        ),
        small=(f"{judged_by(digest)} · {times(digest)}",) if digest.decisions else (),
    )


def card(
    digest: Digest,
    rank: int,
    decision: Decision,
    day: str = "",
    votes: Votes | None = None,
    also: Iterable[str] = (),
) -> Card:
    """One picked paper; `also` has the titles of the channel's other profiles that picked it."""
    paper, score = decision.paper, decision.score
    assert score is not None, "a picked paper has a score"
    return Card(
        rank=rank,
        title=readable(paper.title),
        url=paper.url,
        relevance=score.relevance,
        novelty=score.novelty,
        facts=" · ".join(
            [
                announced_as(decision.announced, digest.date),
                *(f"also for {one_line(t)}" for t in also),
            ]
        ),
        authors=author_line(paper, decision.followed),
        comment=comment(digest, decision),
        abstract=shortened(readable(paper.abstract), _ABSTRACT),
        pdf=f"https://arxiv.org/pdf/{paper.versioned}",
        buttons=tuple(_buttons(decision, f"{day} {paper.id}", votes or Votes())) if day else (),
    )


def _buttons(decision: Decision, value: str, votes: Votes) -> Iterable[Button]:
    yield Button(action="up", label=f"👍 {votes.up}" if votes.up else "👍", value=value)
    yield Button(action="down", label=f"👎 {votes.down}" if votes.down else "👎", value=value)
    yield Button(action="why", label="Why", value=value)
    if len(readable(decision.paper.abstract)) > _ABSTRACT:
        yield Button(action="abstract", label="Abstract", value=value)


def count_lines(digest: Digest) -> Iterable[str]:
    """The line that adds up, then how arXiv listed the papers and how many replacements it had."""
    counts = digest.counts
    if digest.decisions:
        parts = [
            f"{n} {_OUTCOMES[outcome]}" for outcome, n in counts.items() if n or outcome == "picked"
        ]
        yield f"{len(digest.decisions)} announced = {' + '.join(parts)}"
    elif digest.listed.problem is None and is_weekend(digest.date):
        yield "0 announced: arXiv announces nothing at weekends"
    elif digest.listed.problem is None:
        yield f"0 announced: arXiv's list has nothing in {', '.join(digest.profile.categories)}"
    kinds = Counter(decision.announced.announce_type for decision in digest.decisions)
    parts = [f"{kinds[AnnounceType.NEW]} new"] if kinds[AnnounceType.NEW] else []
    if kinds[AnnounceType.CROSS]:
        parts.append(count(kinds[AnnounceType.CROSS], "cross-list"))
    if digest.replacements:
        parts.append(f"{count(digest.replacements, 'replacement')} left out")
    if parts:
        yield ", ".join(parts)


def notices(digest: Digest) -> Iterable[str]:
    """What to know before reading: it is another day's digest, or papers are missing."""
    list_result = digest.listed
    if digest.earlier:
        yield f"The best of {len(digest.earlier) + 1} days."
    if digest.left_out:
        days = count(digest.left_out, "earlier day")
        yield f"{days} skipped: too many to catch up."
    if list_result.source is Source.SAMPLE:
        papers = count(len(digest.decisions), "paper")
        yield f"Sample: {papers} from March 2025, shipped with Paperboy; not today's list."
    if list_result.instead_of:
        day = long_date(list_result.instead_of)
        if is_weekend(list_result.instead_of):
            yield f"Nothing was announced on {day}; this is the last announced day."
        else:
            yield (
                f"arXiv has no list for {day} (a holiday, a delay or a fault); this is the last "
                "announced day."
            )
    if list_result.source is Source.WINDOW:
        yield "Found by submission date: papers that moderators held back may be missing."
    if list_result.problem:
        yield f"Papers are missing: {problem_text(list_result.problem)}."
    for reason in dict.fromkeys(d.trouble for d in digest.decisions if d.trouble):
        n = sum(d.trouble is reason for d in digest.decisions)
        yield f"{count(n, 'paper')} not scored: {REASON_TEXTS[reason]}."


def _unposted(digest: Digest, why: Mapping[str, ChannelReason]) -> Iterable[str]:
    for reason in dict.fromkeys(why.values()):
        ranks = [n for n, d in enumerate(digest.picked, 1) if why.get(d.paper.id) is reason]
        if ranks:
            numbers = f"Number{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}"
            has = "have no message of their own" if len(ranks) > 1 else "has no message of its own"
            yield f"{numbers} {has} in the thread: {REASON_TEXTS[reason]}."


def outcome_reason(digest: Digest, decision: Decision) -> str:
    """Why a paper has its outcome: a sentence without its full stop."""
    cutoffs, score = digest.profile.cutoffs, decision.score
    match decision.outcome:
        case Outcome.PICKED:
            return "reaches the cut-offs"
        case Outcome.OVER_LIMIT:
            return f"reaches the cut-offs, but at most {digest.profile.maximum} are posted"
        case Outcome.REPEAT:
            return "posted here before"
        case Outcome.GATED:
            return "skipped by the gate"
        case Outcome.UNSCORED:
            return REASON_TEXTS[decision.trouble or ModelReason.LEFT_OUT]
        case Outcome.BELOW_CUTOFF:
            assert score is not None, "only a scored paper can be below a cut-off"
            short = []
            if score.relevance < cutoffs.relevance:
                short.append(
                    f"relevance {score.relevance} is below the cut-off of {cutoffs.relevance}"
                )
            if score.novelty is not None and score.novelty < cutoffs.novelty:
                short.append(f"novelty {score.novelty} is below the cut-off of {cutoffs.novelty}")
            return " and ".join(short)


def comment(digest: Digest, decision: Decision) -> str:
    """The model's comment, or the profile's words that the local ranking found."""
    said = readable(decision.score.comment) if decision.score else ""
    if digest.judge.model is None:
        return f"Matches the profile's words: {said}." if said else ""
    return said


def shows(digest: Digest, decision: Decision) -> str:
    """What the paper does or finds, in one sentence: the model's, or the abstract's own where no
    model wrote one."""
    said = readable(decision.score.shows) if decision.score else ""
    return said or shortened(telling_sentence(decision.paper, digest.profile), _SHOWS)


def author_line(paper: Paper, followed: Iterable[str]) -> str:
    """Followed authors with a star, the first few others, and how many more."""
    stars = tuple(followed)
    others = [name for name in paper.authors if not authors.followed([name], stars)]
    more = f" + {len(others) - _AUTHORS}" if len(others) > _AUTHORS else ""
    return ", ".join([*(f"★ {name}" for name in stars), *others[:_AUTHORS]]) + more


def judged_by(digest: Digest) -> str:
    """What scored the papers, and what the scores cost when they were bought."""
    if digest.judge.model is None:
        return "ranked locally, no model"
    return f"{one_line(digest.judge.model)} · {usage_text(digest.usage)}"


def usage_text(usage: Usage) -> str:
    """`33.0k + 4.6k tokens, 8.2k cached · $0.01`."""
    tokens = f"{_short(usage.prompt_tokens)} + {_short(usage.completion_tokens)} tokens"
    return f"{tokens}, {_short(usage.cached_tokens)} cached · {dollars(usage.cost_usd)}"


def dollars(amount: float | None) -> str:
    """`$0.01`, in as many places as a small sum needs, or `cost unknown`."""
    if amount is None:
        return "cost unknown"
    return f"${amount:.2f}" if amount >= 0.01 or amount == 0 else f"${amount:.4f}"


def times(digest: Digest) -> str:
    """When arXiv's list was read and when the papers were scored, in New York time."""
    listed, judged = (t.astimezone(NEW_YORK) for t in (digest.listed.changed_at, digest.judged_at))
    return f"listed {listed:%H:%M}, scored {judged:%H:%M} New York"


def profile_line(profile: Profile) -> str:
    """`foundations — Foundations of machine learning (cs.LG, cs.AI)`."""
    return f"{profile.name} — {one_line(profile.title)} ({', '.join(profile.categories)})"


def announced_as(announced: Announced, day: date) -> str:
    """`new in cs.LG` or `cross-list from stat.ML, version 2`; with the month of submission where
    moderators held it back for long."""
    paper = announced.paper
    primary = one_line(paper.categories[0]) if paper.categories else "no category"
    rest = f", version {paper.version}" if paper.version > 1 else ""
    if announced.announce_type is not AnnounceType.NEW:
        return f"cross-list from {primary}{rest}"
    if (month := ids.month(paper.id)) and (day - month).days > _HELD_DAYS:
        rest += f", submitted in {long_month(month)}"
    return f"new in {primary}{rest}"


def count(n: int, value: str) -> str:
    """`1 paper`, `2 papers`."""
    return f"{n} {value}" if n == 1 else f"{n} {value}s"


def _short(tokens: int) -> str:
    return f"{tokens / 1000:.1f}k" if tokens >= 1000 else str(tokens)


def near_misses(digest: Digest, day: str, most: int) -> Message:
    """Near misses, up to `most` of each kind: over the limit, below the cut-offs, skipped by the
    gate; each with its reason and a Why button."""
    kinds = (Outcome.OVER_LIMIT, Outcome.BELOW_CUTOFF, Outcome.GATED)
    near = [
        decision
        for kind in kinds
        for decision in [d for d in digest.decisions if d.outcome is kind][:most]
    ]
    when = date_range(digest.earlier, digest.date)
    title = f"{one_line(digest.profile.title)} · {when}"
    if not digest.decisions and digest.listed.problem:
        return Message(title=f"{title}: {problem_text(digest.listed.problem)}.")
    if not near:
        return Message(title=f"{title}: no near misses.")
    return Message(
        title=f"{title}: near misses",
        items=tuple(_near_miss(digest, decision, day) for decision in near),
    )


def _near_miss(digest: Digest, decision: Decision, day: str) -> Item:
    score = decision.score
    reason = outcome_reason(digest, decision)
    if score and decision.outcome is Outcome.OVER_LIMIT:
        reason += f" (relevance {score.relevance}"
        reason += f", novelty {score.novelty})" if score.novelty is not None else ")"
    return Item(
        title=readable(decision.paper.title),
        small=(f"{decision.paper.id}: {reason}",),
        buttons=(Button(action="why", label="Why", value=f"{day} {decision.paper.id}"),),
    )
