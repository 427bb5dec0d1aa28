"""The answer to `/why`, and what else is shown of one paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from bot.arxiv import ids
from bot.arxiv.text import one_line, readable
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.lookup import ArxivAnswer, Assessment
from bot.domain.message import Button, Item, Message
from bot.domain.paper_status import PaperReport, PaperStatus, Stage
from bot.domain.papers import Paper, fingerprint
from bot.domain.reasons import ArxivReason, PaperReason
from bot.views import refusals
from bot.views.dates import date_range, local_time, long_date
from bot.views.digest import announced_as, author_line, comment, judged_by, outcome_reason
from bot.views.permalinks import permalink
from bot.views.reasons import REASON_TEXTS, problem_text

_CATEGORIES = 12


def refusal(report: PaperReport) -> str | None:
    """Why a report says nothing of any paper; None where it does."""
    paper, version = report.paper, report.version
    if not report.statuses:
        return refusals.no_profile(report.is_private)
    if paper is None and report.arxiv:
        return no_paper(report.arxiv, report.id, report.today, report.similar_id)
    if paper and version and version > paper.version:
        return refusals.no_version(paper.id, version, paper.version)
    return None


def answer(report: PaperReport) -> Message:
    """The whole answer, as far as it is known, with links to the messages that show the paper."""
    head = _answer(report)
    if not (report.paper and report.can_share):
        return head
    share = Button(action="share", label="Share in channel", value=report.id)
    return head.model_copy(update={"buttons": (*head.buttons, share)})


def shared_answer(report: PaperReport, by: str) -> Message:
    """The answer for a whole channel; `by` is who shares it."""
    head = _answer(report)
    return head.model_copy(update={"by": by, "title": refusals.asked_about(head.title)})


def _answer(report: PaperReport) -> Message:
    statuses, arxiv = report.statuses, report.arxiv
    paper = next((status.paper for status in statuses if status.paper), None)
    notices = [f"Withdrawn: {one_line(arxiv.withdrawn)}"] if arxiv and arxiv.withdrawn else []
    waits = report.is_waiting
    missing = "looking it up …" if waits else "not looked up" if report.failed else "not found"
    title = readable(paper.title) if paper else missing
    buttons = (Button(action="open", label="arXiv", url=paper.url),) if paper else ()
    text, small = tuple[str, ...](), list[str]()
    if len(statuses) == 1:
        (status,) = statuses
        text = tuple(_lines(report, status))
        small = [one_line(status.profile.title), *_small(status)]
        buttons = (*_links(report, status), *buttons)
    if waits and paper:
        small.append("A closer look follows.")
    return Message(
        title=f"{report.id}: {title}",
        notices=tuple(notices),
        text=text,
        items=() if len(statuses) == 1 else tuple(_items(report)),
        small=tuple(small),
        buttons=buttons,
    )


def follow_up(report: PaperReport) -> Message:
    """What the judges were asked after the first answer was given: a sentence at least for each
    profile."""
    asked = [s for s in report.statuses if s.assessment or s.needs_judging] or report.statuses
    rows = [(s, tuple(closer_look_lines(s.assessment))) for s in asked]
    alone = len(rows) == 1
    items = (Item(title=one_line(s.profile.title), small=text) for s, text in rows)
    return Message(
        title=f"{report.id}, read more closely",
        text=rows[0][1] if alone else (),
        items=() if alone else tuple(items),
    )


def _items(report: PaperReport) -> Iterator[Item]:
    """One for each profile; the channel is named where there are several."""
    several = len({status.address for status in report.statuses}) > 1
    for status in report.statuses:
        yield Item(
            title=one_line(status.profile.title),
            channel=status.address.channel if several else "",
            small=(*_lines(report, status), *_small(status)),
            buttons=_links(report, status),
        )


def _links(report: PaperReport, status: PaperStatus) -> tuple[Button, ...]:
    posted = status.posted
    if posted is None or not posted.message:
        return ()
    url = permalink(status.address, posted.message, posted.thread_id, report.site)
    return (Button(action="open", label="Where it was posted", url=url),) if url else ()


def _lines(report: PaperReport, status: PaperStatus) -> Iterator[str]:
    yield stage_sentence(status, report.today, report.zone)
    digest, decision = status.digest, status.decision
    if digest and decision and decision.score:
        yield scores(decision.score.relevance, decision.score.novelty) + "."
        if said := comment(digest, decision):
            yield said
    yield from change_hints(status)
    if status.assessment:
        if decision is None or decision.score is None:
            yield from judged_now(status, status.assessment)
            yield from claim_lines(status.assessment)
        else:
            yield from closer_look_lines(status.assessment)
    elif status in report.failed:
        yield lookup_failed()


def _small(status: PaperStatus) -> Iterator[str]:
    if status.date and status.listed:
        listed = status.listed
        how = announced_as(listed, status.date)
        others = one_line(", ".join(listed.paper.categories[1:_CATEGORIES]))
        yield f"{long_date(status.date)} · {how}" + (f" · also {others}" if others else "")
    if status.digest:
        yield _judge(status.digest)
    if status.changed:
        yield "The profile has been changed since."


def _judge(digest: Digest) -> str:
    """Who judged, told what: the same eight digits are the same words."""
    said = f", prompt {fingerprint(digest.prompt)[:8]}" if digest.prompt else ""
    who = one_line(digest.judge.model) if digest.judge.model else judged_by(digest)
    return who + said


_SHOWN_CATEGORIES = 12
# From the first of its month, which is all that an id tells.
_YOUNG_DAYS = 37


def stage_sentence(status: PaperStatus, today: date, zone: str) -> str:
    """The stage that decided, in one sentence."""
    profile, paper, day = status.profile, status.paper, status.date
    listed = f"listed on {long_date(day)}" if day else "on no list that Paperboy has read"
    has = _categories(paper.categories) if paper else ""
    takes = _categories(profile.categories)
    match status.stage:
        case Stage.DECIDED:
            return _outcome(status, today, zone)
        case Stage.UNPOSTED:
            assert status.decision is not None, "it was decided"
            what = _WOULD[status.decision.outcome]
            return f"Not posted here: {listed} and {what}, but this channel has not had that day."
        case Stage.ELSEWHERE:
            return (
                f"Not in this profile's categories: {listed} in {has}; the profile takes {takes}."
            )
        case Stage.CROSS_LIST:
            return (
                f"Not judged: a cross-list, {listed} in {has}; this profile takes papers whose "
                f"first category is one of {takes}."
            )
        case Stage.UNJUDGED if day == today:
            return "Not in a digest yet: listed today; this profile's digest is not made yet."
        case Stage.UNJUDGED:
            return f"Not in a digest: {listed}, when this profile had none."
        case Stage.REPLACED:
            return (
                f"Not in a digest: {listed} as a replacement; digests have new papers and "
                "cross-lists."
            )
        case Stage.UNSEEN:
            return f"Not in a digest: {listed}{_guess(status, today)}."


def _guess(status: PaperStatus, today: date) -> str:
    """Why no list had a paper, as far as its id and categories tell."""
    paper = status.paper
    if paper is None:
        return ""
    if status.is_elsewhere:
        return (
            f"; its categories are {_categories(paper.categories)}, the profile takes "
            f"{_categories(status.profile.categories)}"
        )
    if _is_young(paper.id, today):
        return "; it may come with the next one"
    return "; it is older than the lists that are kept here"


def _is_young(id: str, today: date) -> bool:
    """Whether it may still be announced: a paper of a month's last day is, some days later."""
    month = ids.month(id)
    return month is not None and (today - month).days < _YOUNG_DAYS


def _outcome(status: PaperStatus, today: date, zone: str) -> str:
    """What the channel's own ledger says."""
    digest, decision = status.digest, status.decision
    assert digest is not None, "the ledger named it"
    assert decision is not None, "the ledger named it"
    name = one_line(digest.profile.name)
    match decision.outcome:
        case Outcome.PICKED:
            rank, _ = status.rank_and_total
            also = f" ★ by {', '.join(decision.followed)}" if decision.followed else ""
            return f"Picked: number {rank} of {len(digest.picked)}.{also}{_missing(status)}"
        case Outcome.OVER_LIMIT:
            rank, able = status.rank_and_total
            return (
                f"Not picked: over the limit; number {rank} of the {able} that reach the cut-offs, "
                f"at most {digest.profile.maximum} are posted."
            )
        case Outcome.REPEAT:
            when = f", on {long_date(status.posted.date)}" if status.posted else ""
            return f"Not posted again: this channel had it before{when}."
        case Outcome.GATED:
            return f"Not picked: kept from the model by the gate{_place(decision)}."
        case Outcome.UNSCORED:
            again = "its day is over"
            if status.retry_at:
                again = f"it is asked for again about {local_time(status.retry_at, zone)}"
            elif status.date == today:
                again = f"/digest now {name} asks for it again"
            why = outcome_reason(digest, decision) + _place(decision)
            return f"Not picked: unscored, {why}; {again}."
        case Outcome.BELOW_CUTOFF:
            return f"Not picked: below the line; {outcome_reason(digest, decision)}."


_WOULD = {
    Outcome.PICKED: "picked for this profile",
    Outcome.OVER_LIMIT: "over this profile's limit",
    Outcome.REPEAT: "picked for this profile",
    Outcome.BELOW_CUTOFF: "below this profile's line",
    Outcome.GATED: "kept from the model by the gate",
    Outcome.UNSCORED: "not scored",
}


def _missing(status: PaperStatus) -> str:
    """Why a picked paper has no message of its own."""
    why = status.posted.missing_reason if status.posted else None
    return f" It has no message of its own here: {REASON_TEXTS[why]}." if why else ""


def _place(decision: Decision) -> str:
    local_rank = decision.place
    if local_rank is None:
        return ""
    words = f", by {one_line(', '.join(local_rank.words))}" if local_rank.words else ""
    return f" (number {local_rank.rank} of {local_rank.of} in the local ranking{words})"


def change_hints(status: PaperStatus) -> Iterator[str]:
    """What would have changed it, and how that is done."""
    profile, decision = status.profile, status.decision
    name = one_line(profile.name)
    terminal = status.address.platform == "terminal"
    change = f"in the profile {name}" if terminal else f"by /digest new {name}"
    if status.stage is Stage.ELSEWHERE and status.paper:
        first = one_line(status.paper.categories[0])
        yield f"Papers of {first} come when it is added to the categories, {change}."
    elif status.stage is Stage.CROSS_LIST:
        yield f"Cross-lists come when they are allowed, {change}."
    elif status.stage is not Stage.DECIDED or decision is None:
        return
    elif decision.outcome is Outcome.OVER_LIMIT and not terminal:
        rank, _ = status.rank_and_total
        if rank <= status.current_maximum:
            yield f"A limit of {rank} would have brought it: /digest subscribe {name} top {rank}."
        elif rank <= 100:
            yield f"A limit of {rank} would have brought it; it is set {change}."
    elif decision.outcome is Outcome.BELOW_CUTOFF and decision.score:
        cutoffs, score, short = profile.cutoffs, decision.score, []
        if score.relevance < cutoffs.relevance:
            short.append(f"relevance {cutoffs.relevance}")
        if score.novelty is not None and score.novelty < cutoffs.novelty:
            short.append(f"novelty {cutoffs.novelty}")
        wanted = " and ".join(short)
        yield f"With {wanted} it would have reached the line; lower cut-offs are set {change}."


def judged_now(status: PaperStatus, assessment: Assessment) -> Iterator[str]:
    """The judge's word on what no digest has a score of."""
    score, cutoffs = assessment.score, status.profile.cutoffs
    if score is None:
        if assessment.trouble:
            yield f"Judged now: no score, {REASON_TEXTS[assessment.trouble]}."
        return
    novel = score.novelty is None or score.novelty >= cutoffs.novelty
    reaches = novel and score.relevance >= cutoffs.relevance
    line = "reaches the cut-offs" if reaches else "below the line"
    asked = f"the profile asks {cutoffs.relevance}"
    if score.novelty is not None:
        asked += f" and {cutoffs.novelty}"
    yield f"Judged now: {scores(score.relevance, score.novelty).lower()}, {line} ({asked})."
    if said := readable(score.comment):
        yield said if score.novelty is not None else f"Shares with the profile: {said}."


def claim_lines(assessment: Assessment) -> Iterator[str]:
    """Each claim with the words of the paper that carry it."""
    for claim in assessment.claims:
        meets = "Meets" if claim.meets else "Misses"
        says = readable(claim.says).rstrip(".")
        yield f"{meets} {one_line(claim.topic)}: {says}. “{readable(claim.quote)}”"
    if assessment.silent is PaperReason.UNPROVEN:
        yield "The model said more, but quoted words that are not in the paper."
    elif assessment.silent and assessment.score:
        yield f"No closer look: {REASON_TEXTS[assessment.silent]}."


def closer_look_lines(assessment: Assessment | None) -> Iterator[str]:
    """What a closer look brought, which is never nothing: claims, or why there are none."""
    if assessment is None:
        yield lookup_failed()
        return
    said = list(claim_lines(assessment))
    if not said and assessment.score is None and assessment.trouble:
        said = [f"No closer look: {REASON_TEXTS[assessment.trouble]}."]
    yield from said or ["The model names no words of the paper for or against it."]


def lookup_failed() -> str:
    """Of what the workers began to find out and did not."""
    return "A closer look has failed by a fault in Paperboy; the workers' log says more."


def scores(relevance: int, novelty: int | None) -> str:
    return f"Relevance {relevance}" + (f", novelty {novelty}" if novelty is not None else "")


def _categories(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_CATEGORIES} more" if len(names) > _SHOWN_CATEGORIES else ""
    return one_line(", ".join(names[:_SHOWN_CATEGORIES])) + more


def no_paper(found: ArxivAnswer, id: str, today: date, near: str) -> str:
    """Why there is nothing to say of an id."""
    if found.trouble is not PaperReason.NOT_FOUND:
        reason = found.trouble or ArxivReason.UNREACHABLE
        return f"{id} could not be looked up: {REASON_TEXTS[reason]}."
    young = ", or has not announced it yet" if _is_young(id, today) else ""
    said = f"arXiv shows no paper {id}{young}"
    return f"{said}; did you mean {near}?" if near else f"{said}."


def whole_abstract(paper: Paper) -> Message:
    """Title, every author and the whole abstract, readable."""
    names = author_line(paper, ()) if len(paper.authors) > 40 else ", ".join(paper.authors)
    return Message(
        title=readable(paper.title),
        text=(readable(paper.abstract),),
        small=(names,) if names else (),
        buttons=(Button(action="open", label="arXiv", url=paper.url),),
    )


def near_misses(digest: Digest, day: str, most: int) -> Message:
    """What nearly made it, up to `most` of each kind: over the limit, below the line, and kept from
    the model; each with its reason and a Why button."""
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
        return Message(title=f"{title}: nothing was left out but what is unscored or had before.")
    return Message(
        title=f"{title}: what nearly made it",
        items=tuple(_nearly(digest, decision, day) for decision in near),
    )


def _nearly(digest: Digest, decision: Decision, day: str) -> Item:
    score = decision.score
    said = outcome_reason(digest, decision)
    if score and decision.outcome is Outcome.OVER_LIMIT:
        said += f" (relevance {score.relevance}"
        said += f", novelty {score.novelty})" if score.novelty is not None else ")"
    return Item(
        title=readable(decision.paper.title),
        small=(f"{decision.paper.id}: {said}",),
        buttons=(Button(action="why", label="Why", value=f"{day} {decision.paper.id}"),),
    )
