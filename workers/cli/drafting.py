"""`paperboy profiles draft`: a profile from a text or liked papers, without a model's help."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bot.domain.papers import Paper, Profile
from bot.errors import Refused
from bot.profiles import description, library
from bot.profiles.draft import LONGEST_TEXT, draft, interests
from workers.arxiv import sample
from workers.cli import rank
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import STEPS, dot, numbers, paper_text

# Examples of a phrase, or of a liked paper: so many at most, and as near (cosine) at least. Nearer
# ones are about it; on a field that the sample does not have, none is.
_EXAMPLES, _NEAR = 2, 0.38
# So many liked papers say enough by themselves.
_MANY = 8


def run(
    text: str = "", path: Path | None = None, name: str = "", embeddings: Embeddings | None = None
) -> Profile:
    """Draft a profile from a text about somebody's work, from a JSONL of papers they liked (`id`,
    `title`, `abstract`, `authors`, `categories`), or from both. Raises Refused for what cannot be
    read, or says too little."""
    if len(text) > LONGEST_TEXT:
        raise Refused(f"The text has {len(text)} characters; at most {LONGEST_TEXT} are read.")
    papers = [line.paper for line in rank.read_papers(path, selected=False)] if path else []
    others = [each.paper for each in sample.listing().papers]
    phrases = interests(text)
    examples = dict[str, list[Paper]]()
    if embeddings:
        few = papers if len(papers) < _MANY else []
        texts = dict(zip(phrases, phrases, strict=True)) | {p.id: paper_text(p) for p in few}
        found = _nearest(list(texts.values()), others, embeddings)
        examples = {key: found.get(text, []) for key, text in texts.items()}
    known = description.likely_categories(text, library.shipped()) if text else ()
    return draft(phrases, examples, papers, others, known if not papers else (), name)


def _nearest(
    texts: Sequence[str], others: Sequence[Paper], embeddings: Embeddings
) -> dict[str, list[Paper]]:
    """For each text the papers of the sample that are nearest to it in meaning, if any is near."""
    theirs = [paper_text(paper) for paper in others]
    vectors = embeddings.vectors([*texts, *theirs])
    if not all(each in vectors for each in (*texts, *theirs)):
        return {}
    found = dict[str, list[Paper]]()
    for text in texts:
        weights = [number / STEPS for number in numbers(vectors[text])]
        near = [
            (dot(vectors[their], weights), paper)
            for their, paper in zip(theirs, others, strict=True)
            if their != text
        ]
        near.sort(key=lambda row: (-row[0], row[1].id))
        found[text] = [paper for cosine, paper in near[:_EXAMPLES] if cosine >= _NEAR]
    return found
