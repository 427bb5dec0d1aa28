"""The answer to `/why`, and what else is shown of one paper."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from bot.arxiv import ids
from bot.arxiv.text import one_line, readable
from bot.domain.digest import Decision, Digest, Outcome, Score
from bot.domain.lookup import ArxivAnswer
from bot.domain.message import Button, Item, Link, Message
from bot.domain.paper_status import PaperReport, PaperStatus, Stage
from bot.domain.papers import Cutoffs, Paper
from bot.domain.reasons import ArxivReason, PaperReason
from bot.views import refusals
from bot.views.assessments import (
    claims,
    closer_look,
    judged_now,
    looked_again,
    lookup_failed,
    scores,
    silence,
)
from bot.views.card import announced_as, comment, save_button
from bot.views.dates import local_time, long_date
from bot.views.digest import outcome_reason
from bot.views.permalinks import permalink
from bot.views.reasons import REASON_TEXTS

# Categories that are named.
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
    follow = Button(action="follow", label="Follow", value=report.id)
    return head.model_copy(update={"buttons": (*head.buttons, share, follow)})


def shared_answer(report: PaperReport, by: str) -> Message:
    """The answer for a whole channel; `by` is who shares it."""
    head = _answer(report)
    verdict = (head.title,) if head.paper and head.title else ()
    title = refusals.asked_about(f"{report.id}: {head.paper.label if head.paper else head.title}")
    return head.model_copy(
        update={"by": by, "title": title, "paper": None, "text": (*verdict, *head.text)}
    )


def _answer(report: PaperReport) -> Message:
    """The verdict, then the paper, then what is said for and against it; for several profiles the
    paper, then each verdict."""
    statuses, arxiv = report.statuses, report.arxiv
    paper = next((status.paper for status in statuses if status.paper), None)
    notices = [f"Withdrawn: {one_line(arxiv.withdrawn)}"] if arxiv and arxiv.withdrawn else []
    waits = report.is_waiting
    missing = "looking it up …" if waits else "not looked up" if report.failed else "not found"
    title = "" if paper else f"{report.id}: {missing}"
    buttons = tuple(_own_buttons(paper)) if paper else ()
    text, points, small = list[str](), tuple[str, ...](), list[str]()
    if len(statuses) == 1:
        (status,) = statuses
        verdict = stage_sentence(status, report.today, report.zone)
        title, text = (verdict, []) if paper else (title, [verdict])
        text += _text(report, status)
        points = tuple(_points(status))
        small = [f"{report.id} · {one_line(status.profile.title)}", *_small(status)]
        buttons = (*_links(report, status), *_votes(report, status), *buttons)
    items = () if len(statuses) == 1 else tuple(_items(report))
    if paper and items:
        small = [report.id]
        if len({item.small for item in items}) == 1:  # said once where it is the same for all
            small += items[0].small
            items = tuple(item.model_copy(update={"small": ()}) for item in items)
    if waits and paper:
        small.append("A closer look follows.")
    return Message(
        title=title,
        paper=Link(label=readable(paper.title), url=paper.url) if paper else None,
        notices=tuple(notices),
        text=tuple(text),
        points=points,
        items=items,
        small=tuple(small),
        buttons=buttons,
    )


def follow_up(report: PaperReport) -> Message:
    """What the judges were asked after the first answer was given: a sentence at least for each
    profile."""
    asked = [s for s in report.statuses if s.assessment or s.needs_judging] or report.statuses
    looks = [(s, tuple(closer_look(s.assessment)), claims(s.assessment)) for s in asked]
    alone = len(looks) == 1
    items = (
        Item(title=one_line(s.profile.title), text=text, points=points) for s, text, points in looks
    )
    return Message(
        title=f"{report.id}: a closer look",
        text=looks[0][1] if alone else (),
        points=looks[0][2] if alone else (),
        items=() if alone else tuple(items),
    )


def _items(report: PaperReport) -> Iterator[Item]:
    """One for each profile, with its verdict; the channel is named where there are several."""
    several = len({status.address for status in report.statuses}) > 1
    shown = set[str]()  # what the paper shows is said once
    for status in report.statuses:
        verdict = stage_sentence(status, report.today, report.zone)
        score = status.decision.score if status.decision else None
        text = [said for said in _text(report, status) if said not in shown]
        shown |= {readable(score.shows)} if score else set()
        yield Item(
            title=f"{one_line(status.profile.title)}: {verdict[:1].lower()}{verdict[1:]}",
            channel=status.address.channel if several else "",
            text=tuple(text),
            points=tuple(_points(status)),
            small=tuple(_small(status)),
            buttons=(*_links(report, status), *_votes(report, status)),
        )


def _own_buttons(paper: Paper) -> Iterator[Button]:
    """What is done with the paper itself, whatever became of it."""
    yield Button(action="open", label="arXiv", url=paper.url)
    yield save_button(paper.id)


def _votes(report: PaperReport, status: PaperStatus) -> Iterator[Button]:
    """A paper that this channel was not shown can be voted up here, where it has no card."""
    if status.day and not status.posted and not report.is_private and status.paper:
        yield Button(action="up-missed", label="👍", value=f"{status.day} {status.paper.id}")


def _links(report: PaperReport, status: PaperStatus) -> tuple[Button, ...]:
    posted = status.posted
    if posted is None or not posted.message:
        return ()
    url = permalink(status.address, posted.message, posted.thread_id, report.site)
    return (Button(action="open", label="Where it was posted", url=url),) if url else ()


def _text(report: PaperReport, status: PaperStatus) -> Iterator[str]:
    """What follows the verdict, in sentences: of what it has said already, nothing."""
    digest, decision = status.digest, status.decision
    if decision and decision.followed:
        yield f"★ by {', '.join(decision.followed)}"
    yield from _about_its_message(status)
    if decision and decision.outcome is Outcome.UNSCORED and (place := _place(decision)):
        yield f"{place[0].upper()}{place[1:]}."
    if digest and decision and decision.score:
        if status.stage is not Stage.DECIDED or decision.outcome is Outcome.REPEAT:
            yield scores(decision.score.relevance, decision.score.novelty) + "."
        if call := decision.score.close_call:
            yield looked_again(call)
        if said := readable(decision.score.shows):
            yield said
        if not claims(status.assessment) and (said := comment(digest, decision)):
            yield said
    yield from change_hints(status)
    if status.assessment:
        scored_now = decision is None or decision.score is None
        scored = list(judged_now(status, status.assessment)) if scored_now else []
        yield from scored
        yield from silence(status.assessment) if scored else closer_look(status.assessment)
    elif status in report.failed:
        yield lookup_failed()


def _points(status: PaperStatus) -> Iterator[str]:
    """What the paper meets and misses."""
    yield from claims(status.assessment)


def _small(status: PaperStatus) -> Iterator[str]:
    if status.date and status.listed:
        listed = status.listed
        how = announced_as(listed, status.date)
        others = one_line(", ".join(listed.paper.categories[1:_CATEGORIES]))
        yield f"{long_date(status.date)} · {how}" + (f" · also {others}" if others else "")
    if status.changed:
        yield "The profile has changed since."


# What says by itself how a paper that was ranked locally came to be shown, or did not.
_NEITHER = (Outcome.UNSCORED, Outcome.REPEAT)
# Days from the first of the month: an id tells no more.
_YOUNG_DAYS = 37


def stage_sentence(status: PaperStatus, today: date, zone: str) -> str:
    """What decided, in one sentence."""
    profile, paper, day = status.profile, status.paper, status.date
    listed = f"listed on {long_date(day)}" if day else "not on any list Paperboy has read"
    has = _categories(paper.categories) if paper else ""
    takes = _categories(profile.categories)
    match status.stage:
        case Stage.DECIDED:
            return _outcome(status, today, zone)
        case Stage.UNPOSTED:
            assert status.decision is not None, "an unposted paper has a decision"
            what = _WOULD[status.decision.outcome]
            return (
                f"Not posted here: {listed} and {what}, but this channel has no digest of that day."
            )
        case Stage.ELSEWHERE:
            return (
                f"Not in this profile's categories: {listed} in {has}; the profile covers {takes}."
            )
        case Stage.CROSS_LIST:
            return (
                f"Not considered: a cross-list, {listed} in {has}; this profile takes only papers "
                f"whose first category is one of {takes}."
            )
        case Stage.UNJUDGED if day == today:
            return "Not in a digest yet: listed today; today's digest isn't ready."
        case Stage.UNJUDGED:
            return f"Not in a digest: {listed}, a day without a digest for this profile."
        case Stage.REPLACED:
            return (
                f"Not in a digest: {listed} as a replacement; digests contain only new papers and "
                "cross-lists."
            )
        case Stage.UNSEEN:
            return f"Not in a digest: {listed}{_guess(status, today)}."


def _guess(status: PaperStatus, today: date) -> str:
    """Why a paper was on no list, as far as its id and categories tell."""
    paper = status.paper
    if paper is None:
        return ""
    if status.is_elsewhere:
        return (
            f"; it is in {_categories(paper.categories)}, and the profile covers "
            f"{_categories(status.profile.categories)}"
        )
    if _is_young(paper.id, today):
        return "; it may be on the next one"
    return "; it is older than the lists Paperboy keeps"


def _is_young(id: str, today: date) -> bool:
    """Whether it may still be announced: moderators hold papers back for some days."""
    month = ids.month(id)
    return month is not None and (today - month).days < _YOUNG_DAYS


def _outcome(status: PaperStatus, today: date, zone: str) -> str:
    """What the channel's own digest decided."""
    digest, decision = status.digest, status.decision
    assert digest is not None, "a decided paper has a digest"
    assert decision is not None, "a decided paper has a decision"
    name = one_line(digest.profile.name)
    match decision.outcome:
        case Outcome.PICKED:
            rank, _ = status.rank_and_total
            return f"Picked: number {rank} of {len(digest.picked)}{_with_scores(decision)}."
        case Outcome.OVER_LIMIT:
            rank, able = status.rank_and_total
            return (
                f"Not picked: number {rank} of the {able} that reach the cut-offs"
                f"{_with_scores(decision)}; at most {digest.profile.maximum} are posted."
            )
        case Outcome.REPEAT:
            when = f"on {long_date(status.posted.date)}" if status.posted else "before"
            return f"Not posted again: it was posted here {when}."
        case Outcome.GATED:
            place = f" ({said})" if (said := _place(decision)) else ""
            return f"Not picked: skipped by the gate{place}."
        case Outcome.UNSCORED:
            again = "that day is over"
            if status.retry_at:
                again = f"next try about {local_time(status.retry_at, zone)}"
            elif status.date == today:
                again = f"/digest now {name} tries again"
            why = outcome_reason(digest, decision)
            if status.is_ranked_locally:
                return f"{why[0].upper()}{why[1:]}; {again}."
            return f"Not scored: {why}; {again}."
        case Outcome.BELOW_CUTOFF:
            return f"Not picked: {_short_of(digest, decision)}."


def _with_scores(decision: Decision) -> str:
    if decision.score is None:
        return ""
    novelty = decision.score.novelty
    also = f" and novelty {novelty}" if novelty is not None else ""
    return f", with relevance {decision.score.relevance}{also}"


def _short_of(digest: Digest, decision: Decision) -> str:
    """`relevance 4, the profile asks 7`."""
    cutoffs, score = digest.profile.cutoffs, decision.score
    assert score is not None, "only a scored paper can be below a cut-off"
    short = [("relevance", score.relevance, cutoffs.relevance)]
    short += [("novelty", n, cutoffs.novelty) for n in (score.novelty,) if n is not None]
    short = [(name, found, asked) for name, found, asked in short if found < asked]
    said = " and ".join(f"{name} {found}" for name, found, _ in short)
    return f"{said}, the profile asks {' and '.join(str(asked) for _, _, asked in short)}"


_WOULD = {
    Outcome.PICKED: "picked for this profile",
    Outcome.OVER_LIMIT: "over this profile's limit",
    Outcome.REPEAT: "picked for this profile",
    Outcome.BELOW_CUTOFF: "below this profile's cut-offs",
    Outcome.GATED: "skipped by the gate",
    Outcome.UNSCORED: "not scored",
}


def _about_its_message(status: PaperStatus) -> Iterator[str]:
    """Why a posted paper has no message of its own; and that it was posted before it was judged."""
    if why := status.posted.missing_reason if status.posted else None:
        yield f"It has no message of its own here: {REASON_TEXTS[why]}."
    if status.is_ranked_locally and status.decision and status.decision.outcome not in _NEITHER:
        yield "It was shown here before, ranked locally; a model has scored it since."


def _place(decision: Decision) -> str:
    local_rank = decision.place
    if local_rank is None:
        return ""
    words = f", for {one_line(', '.join(local_rank.words))}" if local_rank.words else ""
    return f"number {local_rank.rank} of {local_rank.of} in the local ranking{words}"


def change_hints(status: PaperStatus) -> Iterator[str]:
    """What to change to get such papers, and how."""
    profile, decision = status.profile, status.decision
    name = one_line(profile.name)
    terminal = status.address.platform == "terminal"
    change = f"in the profile {name}" if terminal else f"with /digest new {name}"
    if status.stage is Stage.ELSEWHERE and status.paper:
        first = one_line(status.paper.categories[0])
        yield f"To get papers from {first}, add it to the categories {change}."
    elif status.stage is Stage.CROSS_LIST:
        yield f"To get cross-lists, allow them {change}."
    elif status.stage is not Stage.DECIDED or decision is None:
        return
    elif decision.outcome is Outcome.OVER_LIMIT and not terminal:
        rank, _ = status.rank_and_total
        if rank <= status.current_maximum:
            yield f"A limit of {rank} would include it: /digest subscribe {name} top {rank}."
        elif rank <= 100:
            yield f"A limit of {rank} would include it; set it {change}."
    elif decision.outcome is Outcome.BELOW_CUTOFF and decision.score:
        yield _needed_scores(decision.score, profile.cutoffs, change)


def _needed_scores(score: Score, cutoffs: Cutoffs, change: str) -> str:
    """The profile may have changed since the day was decided."""
    novel = score.novelty is None or score.novelty >= cutoffs.novelty
    if novel and score.relevance >= cutoffs.relevance:
        return "It reaches the profile's cut-offs of today."
    return f"To get such papers, lower the cut-offs {change}."


def _categories(names: Sequence[str]) -> str:
    more = f" and {len(names) - _CATEGORIES} more" if len(names) > _CATEGORIES else ""
    return one_line(", ".join(names[:_CATEGORIES])) + more


def no_paper(found: ArxivAnswer, id: str, today: date, near: str) -> str:
    """Why there is no paper for an id."""
    if found.trouble is not PaperReason.NOT_FOUND:
        reason = found.trouble or ArxivReason.UNREACHABLE
        return f"{id} couldn't be looked up: {REASON_TEXTS[reason]}."
    young = ", or hasn't announced it yet" if _is_young(id, today) else ""
    said = f"arXiv has no paper {id}{young}"
    return f"{said}; did you mean {near}?" if near else f"{said}."
