"""`paperboy profiles draft`: a profile from a text or liked papers, without a model's help."""

from __future__ import annotations

from pathlib import Path

from bot.domain.draft import Draft, Sources
from workers.cli import rank
from workers.drafting.drafter import draft_from
from workers.embedding.embeddings import Embeddings


def run(
    text: str = "", path: Path | None = None, name: str = "", embeddings: Embeddings | None = None
) -> Draft:
    """Draft a profile from a text about somebody's work, from a JSONL of papers they liked (`id`,
    `title`, `abstract`, `authors`, `categories`), or from both. Raises Refused for what cannot be
    read, or says too little."""
    papers = [line.paper for line in rank.read_papers(path, selected=False)] if path else []
    return draft_from(Sources(text=text, papers=tuple(papers)), embeddings, name)
