"""A digest as messages: the parent, and how it came about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from bot.arxiv.calendar import NEW_YORK, is_weekend
from bot.arxiv.text import one_line, readable, shortened
from bot.domain.digest import Decision, Digest, Outcome, Source, Usage
from bot.domain.message import Button, Message, PaperLine, PaperList, Post
from bot.domain.papers import AnnounceType, ArchiveNote, Profile
from bot.domain.reasons import ArxivReason, ChannelReason, ModelReason
from bot.planning.plan import StepKind
from bot.views.card import card, sentence
from bot.views.dates import long_date, short_range
from bot.views.reasons import REASON_TEXTS, problem_text, ranked_locally

# Papers of the parent message that are shown with a sentence.
_WITH_SENTENCE = 3
# Papers that a notification names, and characters of each.
_NAMED, _PUSHED = 3, 60
# What a reader may ask for when it was left out, the nearest first.
NEAR = (Outcome.OVER_LIMIT, Outcome.BELOW_CUTOFF, Outcome.GATED)

OUTCOME_WORDS = {
    Outcome.PICKED: "picked",
    Outcome.OVER_LIMIT: "over the limit",
    Outcome.BELOW_CUTOFF: "below the cut-off",
    Outcome.GATED: "skipped by the gate",
    Outcome.REPEAT: "posted before",
    Outcome.UNSCORED: "not scored",
}

# What was wrong with the feed where the archive stood in for it.
_FEED_TROUBLES = {
    ArxivReason.NO_LIST: "arXiv's feed was late",
    ArxivReason.STALE: "arXiv's feed was late",
    ArxivReason.EMPTY_WEEKDAY: "arXiv's feed was empty",
    ArxivReason.LIST_CUT: "arXiv's feed stops at 2,000 papers",
}

STEPS = {
    StepKind.FETCH: "Reading arXiv's list",
    StepKind.SCORE: "Scoring the papers",
    StepKind.DELIVER: "Posting",
}


def thread_posts(digest: Digest, day: str = "") -> list[Post]:
    """The thread of a digest: the parent message, then a reply for each posted paper.

    `day` is what buttons carry to name the digest; without it there are no buttons.
    """
    cards = (card(digest, digest.number_of(d), d, day) for d in digest.posted)
    return [head(digest, day), *cards]


def head(
    digest: Digest, day: str = "", unposted: Mapping[str, ChannelReason] | None = None
) -> Message:
    """The parent message. `unposted` has the ids of papers whose message the platform refused, and
    why. `day` as in `thread_posts`."""
    said = (*notices(digest), *_unposted(digest, unposted or {}))
    # Papers that are shown without a score say so themselves.
    sums_up = () if digest.stand_ins and not _scored(digest) else (picked_sentence(digest),)
    return Message(
        title=digest_title(digest),
        notices=said,
        text=(*sums_up, *moved_up(digest)),
        lines=tuple(
            paper_line(rank, d, sentence(digest, d) if rank <= _WITH_SENTENCE else "")
            for rank, d in enumerate(digest.picked, 1)
            if d.score
        ),
        others=stand_ins(digest),
        small=tuple(_left_out(digest)),
        details=tuple(details(digest)) if digest.decisions else (),
        buttons=tuple(_buttons(digest, day)) if day else (),
        push=_push(digest, said),
    )


def digest_title(digest: Digest) -> str:
    """`Foundations of machine learning · Thu 26 Nov`."""
    when = short_range(digest.earlier, digest.date, digest.judged_at.year)
    return f"{one_line(digest.profile.title)} · {when}"


def picked_sentence(digest: Digest) -> str:
    """`10 of 269 are for you`, or why there are no papers."""
    picked, found = len(digest.picked), len(digest.decisions)
    if not found:
        return " ".join(count_lines(digest))
    if picked:
        return f"{picked} of {found} {'is' if picked == 1 else 'are'} for you"
    if not digest.counts[Outcome.UNSCORED]:
        return _none_of(found, "paper")
    # Nobody knows for whom the others are.
    scored = _scored(digest)
    return _none_of(scored, "scored paper") if scored else "No paper was scored"


def _none_of(number: int, what: str) -> str:
    if number == 1:
        return f"The only {what} is not for you"
    return f"None of {count(number, what)} is for you"


def _scored(digest: Digest) -> int:
    return sum(decision.score is not None for decision in digest.decisions)


def moved_up(digest: Digest) -> Iterable[str]:
    """`Number 2 moved up by your votes: 4 of you liked papers like “A title”.`"""
    for each in digest.moved:
        decision = digest.decision_for(each.paper)
        if decision and (rank := digest.number_of(decision)):
            how = "is here" if each.came_in else "moved up"
            who = "one of you" if each.people == 1 else f"{each.people} of you"
            like = shortened(readable(each.like), _PUSHED)
            yield f"Number {rank} {how} by your votes: {who} liked papers like “{like}”."


def paper_line(rank: int, decision: Decision, shows: str) -> PaperLine:
    """A paper of a list; `shows` is its sentence, empty for none."""
    score = decision.score
    return PaperLine(
        rank=rank,
        relevance=score.relevance if score else None,
        novelty=score.novelty if score else None,
        title=readable(decision.paper.title),
        url=decision.paper.url,
        shows=shows,
    )


def stand_ins(digest: Digest) -> PaperList | None:
    """The papers shown by their local rank, numbered on from those that are picked."""
    if not digest.stand_ins:
        return None
    begin = len(digest.picked) + 1
    lines = (paper_line(rank, d, "") for rank, d in enumerate(digest.stand_ins, begin))
    return PaperList(label=_ranked_locally(digest), lines=tuple(lines))


def _ranked_locally(digest: Digest) -> str:
    """`10 of 269, ranked locally: the model was away`, for the reason that most of them have."""
    shown = digest.stand_ins
    marks = Counter(ranked_locally(d.trouble) for d in shown if d.trouble)
    ((mark, _),) = marks.most_common(1)
    more = " more" if digest.picked else ""
    words = " (by words alone)" if digest.words_alone else ""
    return f"{len(shown)}{more} of {len(digest.decisions)}, {mark}{words}"


def _left_out(digest: Digest) -> Iterable[str]:
    """One line: what was left out, which with the picked papers makes all, who judged, for how
    much."""
    if digest.decisions:
        counts = digest.counts
        rest = [
            f"{n} {words}"
            for outcome, words in OUTCOME_WORDS.items()
            if (n := counts[outcome]) and outcome is not Outcome.PICKED
        ]
        judge = "no model" if digest.judge.model is None else one_line(digest.judge.model)
        cost = "" if digest.judge.model is None else f", {cents(digest.usage.cost_usd)}"
        yield " · ".join(filter(None, [", ".join(rest), judge + cost]))


def _buttons(digest: Digest, day: str) -> Iterable[Button]:
    if digest.decisions:
        yield Button(action="details", label="Details", value=day)
    counts = digest.counts
    if any(counts[outcome] for outcome in NEAR):
        yield Button(action="missed", label="Nearly made it", value=day)


def _push(digest: Digest, notices: Sequence[str]) -> str:
    """The first papers by name; what is wrong comes after them."""
    shown = digest.picked or digest.stand_ins
    names = [shortened(readable(d.paper.title), _PUSHED) for d in shown]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    if names:
        begin = f"{len(names)} for you:" if digest.picked else f"{_ranked_locally(digest)}."
        said = f"{begin} {'; '.join(names[:_NAMED])}{more}"
    else:
        said = f"{one_line(digest.profile.title)}: {picked_sentence(digest)}"
    return ". ".join([said, *notices[:1]])


def details(digest: Digest) -> Iterable[str]:
    """How the digest came about: the sum, the kinds, the line, who judged and when."""
    yield from _counts_and_cutoffs(digest)
    yield judged_by(digest) + (f", prompt {digest.prompt_id}" if digest.prompt else "")
    if digest.stand_ins:
        yield f"Shown without a score: {_ranked_locally(digest)}"
    yield times(digest)


def public_details(digest: Digest) -> Iterable[str]:
    """The same for readers outside, to whom it is nobody's business what was paid."""
    yield from _counts_and_cutoffs(digest)
    model = digest.judge.model
    yield judged_by(digest) if model is None else f"Scored by {one_line(model)}"
    if digest.stand_ins:
        yield f"Shown without a score: {_ranked_locally(digest)}"


def _counts_and_cutoffs(digest: Digest) -> Iterable[str]:
    yield from count_lines(digest)
    cutoffs, limit = digest.profile.cutoffs, f"at most {digest.profile.maximum} papers"
    yield f"Cut-offs: relevance {cutoffs.relevance}, novelty {cutoffs.novelty}; {limit}"


def details_text(digest: Digest) -> Message:
    """`details`, for who presses the button."""
    return Message(title=digest_title(digest), points=tuple(details(digest)))


def count_lines(digest: Digest) -> Iterable[str]:
    """The line that adds up, then how arXiv listed the papers and how many replacements it had."""
    counts = digest.counts
    if digest.decisions:
        parts = [
            f"{counts[outcome]} {words}"
            for outcome, words in OUTCOME_WORDS.items()
            if counts[outcome] or outcome is Outcome.PICKED
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
    if list_result.archive and (said := archive_text(list_result.archive)):
        yield said
    if list_result.problem:
        yield f"Papers are missing: {problem_text(list_result.problem)}."
    for reason in dict.fromkeys(d.trouble for d in digest.decisions if d.trouble):
        n = sum(d.trouble is reason for d in digest.decisions)
        yield f"{count(n, 'paper')} not scored: {REASON_TEXTS[reason]}."


def archive_text(note: ArchiveNote) -> str:
    """What to know of a list that arXiv's feed did not have whole; nothing where it has it by now.

    `arXiv's feed was late for cs.AI; taken from its archive interface.`"""
    if note.compared and note.why is not ArxivReason.LIST_CUT:
        return ""
    where = f" for {', '.join(note.categories)}" if note.why is ArxivReason.STALE else ""
    told = f"{feed_trouble(note.why)}{where}; taken from its archive interface"
    if not note.unclear:
        return f"{told}."
    changed = count(note.unclear, "older paper")
    return f"{told}, which can't tell whether {changed} changed that day are cross-lists."


def feed_trouble(why: ArxivReason) -> str:
    """`arXiv's feed was late`."""
    return _FEED_TROUBLES.get(why, "arXiv's feed could not be read")


def _unposted(digest: Digest, why: Mapping[str, ChannelReason]) -> Iterable[str]:
    for reason in dict.fromkeys(why.values()):
        ranks = [n for n, d in enumerate(digest.picked, 1) if why.get(d.paper.id) is reason]
        local = sum(why.get(d.paper.id) is reason for d in digest.stand_ins)
        missing = [f"Number{'s' if len(ranks) > 1 else ''} {', '.join(map(str, ranks))}"] * bool(
            ranks
        )
        missing += [f"{count(local, 'paper')} ranked locally"] * bool(local)
        if missing:
            several = len(ranks) + local > 1
            has = "have no message of their own" if several else "has no message of its own"
            yield f"{' and '.join(missing)} {has} in the thread: {REASON_TEXTS[reason]}."


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
            reason = REASON_TEXTS[decision.trouble or ModelReason.LEFT_OUT]
            is_shown = decision.paper.id in (digest.ranked_locally or ())
            return f"ranked locally, not scored, because {reason}" if is_shown else reason
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


def judged_by(digest: Digest) -> str:
    """What scored the papers, and what the scores cost when they were bought."""
    if digest.judge.model is None:
        return f"ranked locally{' by words alone' if digest.words_alone else ''}, no model"
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


def cents(amount: float | None) -> str:
    """`2 ¢`, `0.4 ¢`, `$1.20`, or `cost unknown`."""
    if amount is None or amount >= 1:
        return dollars(amount)
    said = f"{amount * 100:.0f}" if amount >= 0.01 or amount == 0 else f"{amount * 100:.1g}"
    return f"{said} ¢"


def times(digest: Digest) -> str:
    """When arXiv's list was read and when the papers were scored, in New York time."""
    listed, judged = (t.astimezone(NEW_YORK) for t in (digest.listed.changed_at, digest.judged_at))
    return f"listed {listed:%H:%M}, scored {judged:%H:%M} New York"


def profile_line(profile: Profile) -> str:
    """`foundations — Foundations of machine learning (cs.LG, cs.AI)`."""
    return f"{profile.name} — {one_line(profile.title)} ({', '.join(profile.categories)})"


def count(n: int, value: str) -> str:
    """`1 paper`, `2 papers`."""
    return f"{n} {value}" if n == 1 else f"{n} {value}s"


def _short(tokens: int) -> str:
    return f"{tokens / 1000:.1f}k" if tokens >= 1000 else str(tokens)
