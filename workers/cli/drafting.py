"""`paperboy profiles draft`: a profile from what its options and files say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bot.domain.draft import Draft
from bot.errors import Refused
from workers.arxiv.client import ArxivClient
from workers.cli import rank
from workers.drafting.drafter import draft_from
from workers.drafting.gather import gather
from workers.drafting.references import LONGEST, TOO_LONG
from workers.embedding.embeddings import Embeddings
from workers.judging.batches import ModelClient


def run(
    arxiv: ArxivClient,
    embeddings: Embeddings | None = None,
    model: Callable[[int], ModelClient] | None = None,
    *,
    text: str = "",
    papers: Path | None = None,
    bibtex: Path | None = None,
    author: str = "",
    name: str = "",
) -> Draft:
    """Draft a profile from one of these, or several: a text about somebody's work, with ids and
    links in it; a JSONL of papers they liked (`id`, `title`, `abstract`, `authors`, `categories`);
    their library, BibTeX or RIS; an author's papers. Raises Refused for what cannot be read, or
    says too little, and Unavailable where only arXiv was asked and does not answer."""
    liked = [line.paper for line in rank.read_papers(papers, selected=False)] if papers else []
    library = _library(bibtex) if bibtex else ""
    return draft_from(gather(arxiv, text, library, author, liked), embeddings, name, model)


def _library(path: Path) -> str:
    """The text of a file, of which no more is read than may be used."""
    try:
        with path.open("rb") as file:
            size, body = path.stat().st_size, file.read(LONGEST + 1)
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}.") from None
    if len(body) > LONGEST:
        raise Refused(f"{path} has {size / 1e6:.1f} MB. {TOO_LONG}")
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return body.decode("latin-1")  # older programs write it, and it takes any byte
