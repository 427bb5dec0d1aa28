"""A digest as JSON for programs, and as Markdown in the form that readers' scripts parse."""

from __future__ import annotations

import json
import re

from bot.arxiv.text import one_line, readable
from bot.domain.digest import Decision, Digest, Outcome
from bot.exported.exporting import digest_shape
from bot.views import card as card_views
from bot.views import digest as digest_views


def as_json(digest: Digest) -> str:
    """One JSON object; its names are a contract (docs/commands.md, "JSON")."""
    shape = digest_shape(digest).model_dump(mode="json")
    return json.dumps(shape, ensure_ascii=False, indent=2)


def as_markdown(digest: Digest) -> str:
    """The form of the older digests; what that form has no place for follows the totals."""
    read = sum(decision.score is not None for decision in digest.decisions)
    blocks = [
        f"# Personalized Daily Arxiv Papers {digest.date:%m/%d/%Y}",
        _usage_table(digest),
        f"Total arXiv papers: {len(digest.decisions)}",
        f"Total scanned papers: {read}",
        f"Total relevant papers: {digest.counts[Outcome.PICKED]}",
        *map(_escaped, digest_views.count_lines(digest)),
        *(f"> {_escaped(notice)}" for notice in digest_views.notices(digest)),
        _escaped(f"{digest.profile.title} · {digest_views.judged_by(digest)}"),
        "**Table of contents with paper titles:**",
    ]
    for rank, decision in enumerate(digest.picked, 1):
        authors = _escaped(", ".join(decision.paper.authors))
        title = _escaped(readable(decision.paper.title))
        blocks.append(f"{rank}. [{title}](#user-content-link{rank})\n**Authors:** {authors}")
    for rank, decision in enumerate(digest.picked, 1):
        blocks += ["---", *_section(digest, rank, decision)]
    if others := digest_views.stand_ins(digest):
        blocks += ["---", f"**{_escaped(others.label)}**"]
        blocks += [f"- [{_escaped(line.title)}]({line.url})" for line in others.lines]
    blocks += ["---", "# Paper Selection Prompt"]
    # Exactly as it was sent: neither escaped nor folded.
    blocks.append(digest.prompt.rstrip("\n") or "No prompt was sent: ranked locally, no model.")
    return "\n\n".join(blocks) + "\n"


def _usage_table(digest: Digest) -> str:
    usage = digest.usage
    tokens = (usage.prompt_tokens, usage.completion_tokens)
    cost = (usage.prompt_usd, usage.completion_usd, usage.cost_usd)
    rows = [
        (f"*[{_escaped(digest.judge.model or 'no model')}]*", "Prompt", "Completion", "Total"),
        (":---:",) * 4,
        ("**Token**", *map(str, tokens), str(sum(tokens))),
        ("**Cost**", *map(digest_views.dollars, cost)),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _section(digest: Digest, rank: int, decision: Decision) -> list[str]:
    paper, score = decision.paper, decision.score
    assert score is not None, "a picked paper has a score"
    return [
        f'## {rank}. [{_escaped(readable(paper.title))}]({paper.url}) <a id="link{rank}"></a>',
        f"**ArXiv ID:** {paper.id}",
        f"**Authors:** {_escaped(', '.join(paper.authors))}",
        f"**Abstract:** {_escaped(readable(paper.abstract))}",
        f"**Comment:** {_escaped(_two_sentences(digest, decision))}",
        f"**Relevance:** {score.relevance}",
        f"**Novelty:** {'–' if score.novelty is None else score.novelty}",
    ]


def _two_sentences(digest: Digest, decision: Decision) -> str:
    """What the paper shows, where a model said so (the abstract stands above), and why it was
    picked."""
    shows = readable(decision.score.shows) if decision.score else ""
    return " ".join(filter(None, (shows, card_views.comment(digest, decision))))


def _escaped(text: str) -> str:
    """Text in which Markdown, HTML and a forge's @mentions find nothing to interpret."""
    text = one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = text.replace("@", "&#64;")
    return re.sub(r"([\\`*_\[\]|~])", r"\\\1", text)
