"""Drafts a profile from its sources; for the command line and for jobs alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.domain.draft import Draft, Sources, Written
from bot.domain.papers import Paper, fingerprint
from bot.errors import PaperboyError, Refused
from bot.profiles import library
from bot.profiles.draft import LONGEST_TEXT, draft, interests, require_enough
from bot.views.making import drafts as views
from workers.arxiv import sample
from workers.embedding.embeddings import Embeddings
from workers.embedding.meaning import STEPS, dot, numbers, paper_text
from workers.judging import profile_drafts
from workers.judging.batches import ModelClient

# Examples of a phrase, or of a liked paper: so many at most, and as near (cosine) at least. Nearer
# ones are about it; on a field that the sample does not have, none is.
_EXAMPLES, _NEAR = 2, 0.38
# So many liked papers say enough by themselves.
_MANY = 8


def draft_from(
    sources: Sources,
    embeddings: Embeddings | None = None,
    name: str = "",
    model: Callable[[int], ModelClient] | None = None,
) -> Draft:
    """Draft a profile; `embeddings` find papers of the sample that are near to what somebody gave,
    which takes seconds where none is kept yet. A `model`, made for an answer of so many tokens for
    each line of the question, is asked once; where it does not answer with a profile, a note says
    so. Raises Refused for what says too little, or is too long."""
    if len(sources.text) > LONGEST_TEXT:
        length = len(sources.text)
        raise Refused(f"The text has {length} characters; at most {LONGEST_TEXT} are read.")
    require_enough(sources, name)
    written, notes = _asked(model, sources) if model else (None, ())
    sources = sources.model_copy(update={"notes": (*sources.notes, *notes)})
    others = [each.paper for each in sample.listing().papers]
    near = dict[str, list[Paper]]()
    if embeddings:
        few = sources.liked if len(sources.liked) < _MANY else ()
        texts = {each: each for each in interests(sources.text)}
        texts |= {paper.id: paper_text(paper) for paper in few}
        found = _nearest(list(texts.values()), others, embeddings)
        near = {key: found.get(text, []) for key, text in texts.items()}
    return draft(sources, others, near, library.shipped(), name, written)


def _asked(
    model: Callable[[int], ModelClient], sources: Sources
) -> tuple[Written | None, tuple[str, ...]]:
    """What a model writes, or a sentence why it writes nothing."""
    told, shown = profile_drafts.instructions(), profile_drafts.question(sources)
    try:
        able = model(profile_drafts.TOKENS // shown.count("\n"))
        reply = able.ask(told, shown, profile_drafts.schema(), fingerprint(told))
    except PaperboyError as error:
        return None, (views.model_failed(error),)
    written = profile_drafts.parse_reply(reply.text) if reply.text else None
    if written is None:
        return None, (views.model_unreadable(),)
    return written, ()


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
