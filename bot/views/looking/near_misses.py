"""Papers that nearly made a digest, and why they did not."""

from __future__ import annotations

from bot.arxiv.text import one_line, readable
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.message import Button, Item, Link, Message
from bot.views.card import byline, save_button, sentence
from bot.views.digest import NEAR, digest_title, outcome_reason
from bot.views.reasons import problem_text


def near_misses(digest: Digest, day: str, most: int) -> Message:
    """Near misses, up to `most` of each kind: over the limit, below the cut-offs, skipped by the
    gate; each with its reason and its buttons."""
    posted = {decision.paper.id for decision in digest.posted}
    rest = [decision for decision in digest.decisions if decision.paper.id not in posted]
    near = [d for kind in NEAR for d in [d for d in rest if d.outcome is kind][:most]]
    title = digest_title(digest)
    if not digest.decisions and digest.listed.problem:
        return Message(title=f"{title}: {problem_text(digest.listed.problem)}.")
    if not near:
        return Message(title=f"{title}: no near misses.")
    return Message(
        title=f"Nearly made it: {title}",
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
        url=decision.paper.url,
        small=(f"{decision.paper.id}: {reason}",),
        buttons=(
            Button(action="why", label="Why", value=f"{day} {decision.paper.id}"),
            Button(action="post", label="Post it here", value=f"{day} {decision.paper.id}"),
        ),
    )


def posted_by_hand(digest: Digest, decision: Decision, by: str) -> Message:
    """One of these papers for the whole channel; `by` is who posts it."""
    paper, score = decision.paper, decision.score
    found = [f"relevance {score.relevance}"] if score else []
    found += [f"novelty {score.novelty}"] if score and score.novelty is not None else []
    return Message(
        by=by,
        title=f"posted a paper that nearly made it into {one_line(digest.profile.title)}",
        paper=Link(label=readable(paper.title), url=paper.url),
        text=(sentence(digest, decision),),
        small=(" · ".join([*found, *byline(decision, digest.date)]),),
        buttons=(save_button(paper.id),),
    )
