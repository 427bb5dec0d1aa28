"""One paper, on its own: why it ended as it did, and all of its abstract."""

from __future__ import annotations

from bot.domain import Paper
from bot.ledger import Decision, Digest, Outcome
from bot.message import Button, Head
from bot.text import readable
from bot.views import announced_as, author_line, comment, judged_by, reason
from bot.words_dates import long_date

_OUTCOMES = {
    Outcome.PICKED: "Picked",
    Outcome.BELOW_CUTOFF: "Not picked: below the line",
    Outcome.OVER_LIMIT: "Not picked: over the limit",
    Outcome.GATED: "Not picked: kept from the model",
    Outcome.REPEAT: "Not picked: had before",
    Outcome.UNSCORED: "Not picked: unscored",
}


def why(digest: Digest, decision: Decision) -> Head:
    """The stored outcome with its reason, the scores, the comment, and who judged."""
    paper, score = decision.paper, decision.score
    text = [f"{_OUTCOMES[decision.outcome]} — {reason(digest, decision)}."]
    if score:
        novelty = f", novelty {score.novelty}" if score.novelty is not None else ""
        text.append(f"Relevance {score.relevance}{novelty} of 10.")
    if said := comment(digest, decision):
        text.append(said)
    return Head(
        title=f"{paper.id}: {readable(paper.title)}",
        text=tuple(text),
        small=(
            f"{digest.profile.title} · {long_date(digest.date)} · "
            + announced_as(decision, digest.date),
            judged_by(digest),
        ),
        buttons=(Button(action="open", label="arXiv", url=paper.url),),
    )


def whole_abstract(paper: Paper) -> Head:
    """Title, every author and the whole abstract, readable."""
    names = author_line(paper, ()) if len(paper.authors) > 40 else ", ".join(paper.authors)
    return Head(
        title=readable(paper.title),
        text=(readable(paper.abstract),),
        small=(names,) if names else (),
        buttons=(Button(action="open", label="arXiv", url=paper.url),),
    )
