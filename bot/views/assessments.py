"""What a judge says of one paper when it is asked about it alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from statistics import fmean

from bot.arxiv.text import one_line, readable
from bot.domain.digest import CloseCall
from bot.domain.lookup import Assessment
from bot.domain.paper_status import PaperStatus
from bot.domain.reasons import PaperReason
from bot.views.reasons import REASON_TEXTS


def judged_now(status: PaperStatus, assessment: Assessment) -> Iterator[str]:
    """The score of a paper that no digest scored."""
    score, cutoffs = assessment.score, status.profile.cutoffs
    if score is None:
        if assessment.trouble:
            yield f"Not scored now: {REASON_TEXTS[assessment.trouble]}."
        return
    novel = score.novelty is None or score.novelty >= cutoffs.novelty
    reaches = novel and score.relevance >= cutoffs.relevance
    line = "reaches the cut-offs" if reaches else "below the cut-offs"
    asked = str(cutoffs.relevance)
    if score.novelty is not None:
        asked += f" and {cutoffs.novelty}"
    yield f"Scored now: {scores(score.relevance, score.novelty).lower()}, {line} ({asked})."
    if said := readable(score.comment):
        yield said if score.novelty is not None else f"Matches the profile's words: {said}."


def claim_lines(assessment: Assessment) -> Iterator[str]:
    """Each claim with its quote from the paper."""
    for claim in assessment.claims:
        meets = "Meets" if claim.meets else "Misses"
        says = readable(claim.says).rstrip(".")
        yield f"{meets} {one_line(claim.topic)}: {says}. “{readable(claim.quote)}”"


def claims(assessment: Assessment | None) -> tuple[str, ...]:
    return tuple(claim_lines(assessment)) if assessment else ()


def silence(assessment: Assessment) -> Iterator[str]:
    """Why a judge makes no claims, or fewer than it wanted."""
    if assessment.silent is PaperReason.UNPROVEN:
        yield "The model said more, but its quotes aren't in the paper."
    elif assessment.silent and assessment.score:
        yield f"No closer look: {REASON_TEXTS[assessment.silent]}."


def closer_look(assessment: Assessment | None) -> Iterator[str]:
    """What else there is to say of a closer look; something, where it has no claims."""
    if assessment is None:
        yield lookup_failed()
        return
    said = list(silence(assessment))
    if not said and assessment.score is None and assessment.trouble:
        said = [f"No closer look: {REASON_TEXTS[assessment.trouble]}."]
    if not said and not assessment.claims:
        said = ["The model quotes nothing from the paper for or against it."]
    yield from said


def lookup_failed() -> str:
    """The workers began a closer look and failed."""
    return "The closer look failed: an error in Paperboy; the workers' log has the details."


def scores(relevance: int, novelty: int | None) -> str:
    return f"Relevance {relevance}" + (f", novelty {novelty}" if novelty is not None else "")


def looked_again(call: CloseCall) -> str:
    """That a score was a close call, with the numbers of every look and their average; or why the
    first look stands alone."""
    first, *others = call.looks
    if not others:
        why = f": {REASON_TEXTS[call.trouble]}" if call.trouble else ""
        return f"A close call that couldn't be looked at again{why}. The first look stands."
    again = ", ".join(f"{_pair(look)}{_times(n)}" for look, n in Counter(others).most_common())
    relevance, novelty = (f"{fmean(axis):.1f}" for axis in zip(*call.looks, strict=True))
    return (
        f"A close call, looked at again: first {_pair(first)}, then {again}; on average relevance "
        f"{relevance}, novelty {novelty}."
    )


def _pair(look: tuple[int, int]) -> str:
    return f"{look[0]}/{look[1]}"


def _times(n: int) -> str:
    return f" ({n} times)" if n > 1 else ""
