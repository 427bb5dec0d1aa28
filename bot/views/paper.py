"""Papers on their own: all of an abstract, and those of a day that nearly made it."""

from __future__ import annotations

from bot.arxiv.text import one_line, readable
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.message import Button, Head, Item
from bot.domain.papers import Paper
from bot.views.dates import span
from bot.views.digest import author_line, reason
from bot.views.reasons import problem


def whole_abstract(paper: Paper) -> Head:
    """Title, every author and the whole abstract, readable."""
    names = author_line(paper, ()) if len(paper.authors) > 40 else ", ".join(paper.authors)
    return Head(
        title=readable(paper.title),
        text=(readable(paper.abstract),),
        small=(names,) if names else (),
        buttons=(Button(action="open", label="arXiv", url=paper.url),),
    )


def missed(digest: Digest, day: str, most: int) -> Head:
    """What nearly made it, up to `most` of each kind: over the limit, below the line, and kept from
    the model; each with its reason and a Why button."""
    kinds = (Outcome.OVER_LIMIT, Outcome.BELOW_CUTOFF, Outcome.GATED)
    near = [
        decision
        for kind in kinds
        for decision in [d for d in digest.decisions if d.outcome is kind][:most]
    ]
    when = span(digest.earlier, digest.date)
    title = f"{one_line(digest.profile.title)} · {when}"
    if not digest.decisions and digest.listed.problem:
        return Head(title=f"{title}: {problem(digest.listed.problem)}.")
    if not near:
        return Head(title=f"{title}: nothing was left out but what is unscored or had before.")
    return Head(
        title=f"{title}: what nearly made it",
        items=tuple(_nearly(digest, decision, day) for decision in near),
    )


def _nearly(digest: Digest, decision: Decision, day: str) -> Item:
    score = decision.score
    said = reason(digest, decision)
    if score and decision.outcome is Outcome.OVER_LIMIT:
        said += f" (relevance {score.relevance}"
        said += f", novelty {score.novelty})" if score.novelty is not None else ")"
    return Item(
        title=readable(decision.paper.title),
        small=(f"{decision.paper.id}: {said}",),
        buttons=(Button(action="why", label="Why", value=f"{day} {decision.paper.id}"),),
    )
