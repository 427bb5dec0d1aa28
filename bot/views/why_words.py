"""The sentences of `/why`: the stage that decided, what would have changed it, the claims."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from bot.arxiv import ids
from bot.arxiv.text import one_line, readable
from bot.domain.digest import Decision, Outcome
from bot.domain.lookup import Found, Opinion
from bot.domain.paper_status import Stage, Standing, stage_of
from bot.domain.papers import AnnounceType, Trouble
from bot.views.dates import long_date, moment
from bot.views.digest import reason
from bot.views.reasons import TROUBLES

_SHOWN_CATEGORIES = 12
# From the first of its month, which is all that an id tells.
_YOUNG_DAYS = 37


def verdict(standing: Standing, today: date, zone: str) -> str:
    """The stage that decided, in one sentence."""
    profile, paper, day = standing.profile, standing.paper, standing.date
    listed = f"listed on {long_date(day)}" if day else "on no list that Paperboy has read"
    has = _categories(paper.categories) if paper else ""
    takes = _categories(profile.categories)
    match standing.stage:
        case Stage.DECIDED:
            return _outcome(standing, today, zone)
        case Stage.UNPOSTED:
            assert standing.decision is not None, "it was decided"
            what = _WOULD[standing.decision.outcome]
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
            return f"Not in a digest: {listed}{_guess(standing, today)}."


def _guess(standing: Standing, today: date) -> str:
    """Why no list had a paper, as far as its id and categories tell."""
    paper = standing.paper
    if paper is None:
        return ""
    listed = standing.model_copy(update={"kind": AnnounceType.NEW}).listed
    if listed and stage_of(standing.profile, listed) is Stage.ELSEWHERE:
        return (
            f"; its categories are {_categories(paper.categories)}, the profile takes "
            f"{_categories(standing.profile.categories)}"
        )
    if _is_young(paper.id, today):
        return "; it may come with the next one"
    return "; it is older than the lists that are kept here"


def _is_young(id: str, today: date) -> bool:
    """Whether it may still be announced: a paper of a month's last day is, some days later."""
    month = ids.month(id)
    return month is not None and (today - month).days < _YOUNG_DAYS


def _outcome(standing: Standing, today: date, zone: str) -> str:
    """What the channel's own ledger says."""
    digest, decision = standing.digest, standing.decision
    assert digest is not None, "the ledger named it"
    assert decision is not None, "the ledger named it"
    name = one_line(digest.profile.name)
    match decision.outcome:
        case Outcome.PICKED:
            rank, _ = standing.place
            also = f" ★ by {', '.join(decision.followed)}" if decision.followed else ""
            return f"Picked: number {rank} of {len(digest.picked)}.{also}{_missing(standing)}"
        case Outcome.OVER_LIMIT:
            rank, able = standing.place
            return (
                f"Not picked: over the limit; number {rank} of the {able} that reach the cut-offs, "
                f"at most {digest.profile.maximum} are posted."
            )
        case Outcome.REPEAT:
            when = f", on {long_date(standing.posted.date)}" if standing.posted else ""
            return f"Not posted again: this channel had it before{when}."
        case Outcome.GATED:
            return f"Not picked: kept from the model by the gate{_place(decision)}."
        case Outcome.UNSCORED:
            again = "its day is over"
            if standing.again:
                again = f"it is asked for again about {moment(standing.again, zone)}"
            elif standing.date == today:
                again = f"/digest now {name} asks for it again"
            return f"Not picked: unscored, {reason(digest, decision)}{_place(decision)}; {again}."
        case Outcome.BELOW_CUTOFF:
            return f"Not picked: below the line; {reason(digest, decision)}."


_WOULD = {
    Outcome.PICKED: "picked for this profile",
    Outcome.OVER_LIMIT: "over this profile's limit",
    Outcome.REPEAT: "picked for this profile",
    Outcome.BELOW_CUTOFF: "below this profile's line",
    Outcome.GATED: "kept from the model by the gate",
    Outcome.UNSCORED: "not scored",
}


def _missing(standing: Standing) -> str:
    """Why a picked paper has no message of its own."""
    why = standing.posted.missing if standing.posted else None
    return f" It has no message of its own here: {TROUBLES[why]}." if why else ""


def _place(decision: Decision) -> str:
    place = decision.place
    if place is None:
        return ""
    words = f", by {one_line(', '.join(place.words))}" if place.words else ""
    return f" (number {place.rank} of {place.of} in the local ranking{words})"


def hint(standing: Standing) -> Iterator[str]:
    """What would have changed it, and how that is done."""
    profile, decision = standing.profile, standing.decision
    name = one_line(profile.name)
    terminal = standing.address.platform == "terminal"
    change = f"in the profile {name}" if terminal else f"by /digest new {name}"
    if standing.stage is Stage.ELSEWHERE and standing.paper:
        first = one_line(standing.paper.categories[0])
        yield f"Papers of {first} come when it is added to the categories, {change}."
    elif standing.stage is Stage.CROSS_LIST:
        yield f"Cross-lists come when they are allowed, {change}."
    elif standing.stage is not Stage.DECIDED or decision is None:
        return
    elif decision.outcome is Outcome.OVER_LIMIT and not terminal:
        rank, _ = standing.place
        if rank <= standing.most:
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


def judged_now(standing: Standing, opinion: Opinion) -> Iterator[str]:
    """The judge's word on what no digest has a score of."""
    score, cutoffs = opinion.score, standing.profile.cutoffs
    if score is None:
        if opinion.trouble:
            yield f"Judged now: no score, {TROUBLES[opinion.trouble]}."
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


def claims(opinion: Opinion) -> Iterator[str]:
    """Each claim with the words of the paper that carry it."""
    for claim in opinion.claims:
        meets = "Meets" if claim.meets else "Misses"
        says = readable(claim.says).rstrip(".")
        yield f"{meets} {one_line(claim.topic)}: {says}. “{readable(claim.quote)}”"
    if opinion.silent is Trouble.UNPROVEN:
        yield "The model said more, but quoted words that are not in the paper."
    elif opinion.silent and opinion.score:
        yield f"No closer look: {TROUBLES[opinion.silent]}."


def closer(opinion: Opinion | None) -> Iterator[str]:
    """What a closer look brought, which is never nothing: claims, or why there are none."""
    if opinion is None:
        yield not_found_out()
        return
    said = list(claims(opinion))
    if not said and opinion.score is None and opinion.trouble:
        said = [f"No closer look: {TROUBLES[opinion.trouble]}."]
    yield from said or ["The model names no words of the paper for or against it."]


def not_found_out() -> str:
    """Of what the workers began to find out and did not."""
    return "A closer look has failed by a fault in Paperboy; the workers' log says more."


def scores(relevance: int, novelty: int | None) -> str:
    return f"Relevance {relevance}" + (f", novelty {novelty}" if novelty is not None else "")


def _categories(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_CATEGORIES} more" if len(names) > _SHOWN_CATEGORIES else ""
    return one_line(", ".join(names[:_SHOWN_CATEGORIES])) + more


def not_shown(found: Found, id: str, today: date, near: str) -> str:
    """Why there is nothing to say of an id."""
    if found.trouble is not Trouble.NOT_FOUND:
        return f"{id} could not be looked up: {TROUBLES[found.trouble or Trouble.UNREACHABLE]}."
    young = ", or has not announced it yet" if _is_young(id, today) else ""
    said = f"arXiv shows no paper {id}{young}"
    return f"{said}; did you mean {near}?" if near else f"{said}."
