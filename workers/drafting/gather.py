"""Gathers what a profile is drafted from: papers by id, a library's, an author's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bot.arxiv import ids
from bot.arxiv.homonyms import namesakes
from bot.domain.draft import Sources, Work
from bot.domain.papers import Paper
from bot.errors import Refused, Unavailable
from bot.views.making import drafts as views
from workers.arxiv.client import MAX_IDS, ArxivClient
from workers.drafting.references import is_library, read_references

# Wrong ids that people are told of.
_TOLD: Final = 5
_LIKE_AN_ID: Final = re.compile(r"\d{3,6}\.\d{3,7}|[a-z-]{2,}/\d{5,9}")


def gather(
    arxiv: ArxivClient,
    text: str = "",
    library: str = "",
    author: str = "",
    papers: Sequence[Paper] = (),
) -> Sources:
    """What somebody gave, with the papers it names: `text` may have arXiv ids and links among its
    sentences, or be a library that was pasted; `library` is the text of a BibTeX or RIS file,
    `author` a name, whose papers are those of the namesake who has most. Asks arXiv twice at most,
    and not at all where no paper is named.

    Papers that arXiv does not have, or that are withdrawn, are left out, and said in the notes.
    Raises Refused for a library that cannot be read, and Unavailable, typed, where arXiv does not
    answer and nothing else was given.
    """
    if not library and is_library(text):
        text, library = "", text
    words, named, notes = read_text(text)
    references = read_references(library) if library else ()
    wanted = list(dict.fromkeys((*named, *(each.id for each in references if each.id))))
    found = {paper.id: paper for paper in papers}
    try:
        found |= _fetched(arxiv, wanted[:MAX_IDS], notes)
        if author.strip():
            found |= _written(arxiv, author, notes)
    except Unavailable as error:
        if not (words or references or found):
            raise
        notes.append(views.arxiv_away(error))
    works = [each for each in references if each.title and each.id not in found]
    if references:
        others = [each for each in references if each.id not in found]
        without_id = sum(not each.id for each in references)
        notes.append(views.library_read(len(references), len(others), without_id))
    return Sources(
        text=words,
        papers=tuple(found.values()),
        works=tuple(Work(title=each.title, abstract=each.abstract) for each in works),
        follow=(author,) if author else (),
        notes=tuple(notes),
    )


def read_text(text: str) -> tuple[str, list[str], list[str]]:
    """A text without the ids and links in it, the ids, and a sentence for each that is wrong."""
    words, named, notes = list[str](), list[str](), list[str]()
    for word in re.split(r"(\s+)", text):
        if here := ids.find(word):
            named += [each.id for each in here]
            words.append(",")
        elif _LIKE_AN_ID.search(word):
            try:
                ids.parse_one(word)
            except Refused as error:
                notes.append(str(error))
        else:
            words.append(word)
    return "".join(words).strip(" ,"), named, notes[:_TOLD]


def _fetched(arxiv: ArxivClient, wanted: Sequence[str], notes: list[str]) -> dict[str, Paper]:
    answered = arxiv.fetch_by_id(wanted)
    withdrawn = [id for id, each in answered.items() if each.withdrawn]
    if missing := [id for id in wanted if id not in answered]:
        notes.append(views.no_such_papers(missing))
    if withdrawn:
        notes.append(views.withdrawn(withdrawn))
    return {id: each.paper for id, each in answered.items() if not each.withdrawn}


def _written(arxiv: ArxivClient, author: str, notes: list[str]) -> dict[str, Paper]:
    """The papers by the author of that name who has most."""
    answered = [each.paper for each in arxiv.by_author(author) if not each.withdrawn]
    people = namesakes(author, answered)
    if not people:
        notes.append(views.no_papers_by(author))
        return {}
    if len(people) > 1:
        notes.append(views.several_people(author, people))
    return {paper.id: paper for paper in people[0].papers}
