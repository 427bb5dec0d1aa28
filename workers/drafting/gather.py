"""Gathers what a profile is drafted from: papers by id, a library's, an author's."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from bot.arxiv import ids
from bot.arxiv.homonyms import Namesake, namesakes
from bot.arxiv.text import one_line, quoted
from bot.domain.draft import Sources, Work
from bot.domain.papers import Paper
from bot.errors import Refused, Unavailable
from workers.arxiv.client import MAX_IDS, ArxivClient
from workers.drafting.references import Reference, is_library, read_references

# Ids and namesakes that a note names; the others are counted.
_NAMED: Final = 5
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
        notes.append(f"arXiv can't be asked now, so papers are missing from this draft: {error}")
    works = [each for each in references if each.title and each.id not in found]
    if references:
        notes.append(_of_library(references, found))
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
    return "".join(words).strip(" ,"), named, notes[:_NAMED]


def _fetched(arxiv: ArxivClient, wanted: Sequence[str], notes: list[str]) -> dict[str, Paper]:
    answered = arxiv.fetch_by_id(wanted)
    withdrawn = [id for id, each in answered.items() if each.withdrawn]
    if missing := [id for id in wanted if id not in answered]:
        notes.append(f"arXiv has no {_listed('paper', missing)}.")
    if withdrawn:
        notes.append(f"Withdrawn by the authors, so left out: {_listed('paper', withdrawn)}.")
    return {id: each.paper for id, each in answered.items() if not each.withdrawn}


def _written(arxiv: ArxivClient, author: str, notes: list[str]) -> dict[str, Paper]:
    """The papers by the author of that name who has most."""
    answered = [each.paper for each in arxiv.by_author(author) if not each.withdrawn]
    people = namesakes(author, answered)
    if not people:
        notes.append(f"arXiv has no papers by {quoted(author)}.")
        return {}
    if len(people) > 1:
        notes.append(
            f"Several people may be called {quoted(author)}. Used: {_who(people[0])}. Left out: "
            f"{'; '.join(map(_who, people[1:][:_NAMED]))}"
            + (f"; {len(people) - 1 - _NAMED} more." if len(people) > 1 + _NAMED else ".")
        )
    return {paper.id: paper for paper in people[0].papers}


def _who(person: Namesake) -> str:
    """Somebody by their papers: how many, where, and with whom."""
    count = "1 paper" if len(person.papers) == 1 else f"{len(person.papers)} papers"
    where = ", ".join(person.categories[:2])
    with_ = (
        f", with {' and '.join(map(one_line, person.co_authors[:2]))}" if person.co_authors else ""
    )
    return f"{count} in {where}{with_} ({person.papers[0].id})"


def _listed(noun: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{noun}{'s' if len(names) > 1 else ''} {', '.join(names[:_NAMED])}{more}"


def _of_library(references: Sequence[Reference], found: Collection[str]) -> str:
    """How many of a library's entries are papers of arXiv's, and what becomes of the others."""
    counted = "1 entry" if len(references) == 1 else f"{len(references)} entries"
    others = sum(each.id not in found for each in references)
    said = f"Your library has {counted}, {len(references) - others} of them found on arXiv."
    if not others:
        return said
    without = sum(not each.id for each in references)
    if without == others:
        which = "The other one has" if others == 1 else f"The other {others} have"
        return f"{said} {which} no arXiv id: titles and abstracts count."
    return (
        f"{said} Of the other {others} ({without} without an arXiv id), titles and abstracts count."
    )
