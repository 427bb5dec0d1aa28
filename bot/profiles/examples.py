"""A profile's example papers as a form has them, one on a line: an id and a title, or a title."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from bot.arxiv import ids
from bot.arxiv.text import one_line, readable, shortened
from bot.domain.papers import Example, Paper
from bot.errors import Refused

_ID, _TITLE, _ABSTRACT = (
    Example.model_json_schema()["properties"][field]["maxLength"]
    for field in ("id", "title", "abstract")
)
# Characters of a title in a form: twenty such lines fit into one input.
_SHOWN: Final = 100
# A word that is a link, or that was meant for an id.
_LINK: Final = re.compile(r"\S*(?:/|\d\.\d)\S*")


def example_of(paper: Paper) -> Example:
    """A paper in its own words, without what no profile may have. One that is not on arXiv has its
    title in place of an id."""
    return Example(
        id="" if paper.id == paper.title else shortened(one_line(paper.id), _ID),
        title=shortened(one_line(paper.title) or readable(paper.title), _TITLE),
        abstract=shortened(one_line(paper.abstract), _ABSTRACT),
    )


def as_lines(examples: Iterable[Example]) -> str:
    return "\n".join(map(_line, examples))


def _line(example: Example) -> str:
    return f"{example.id} {shortened(one_line(example.title), _SHOWN)}".strip()


def named_ids(text: str) -> list[str]:
    """The ids that lines have: whose papers `read_lines` may be told."""
    return [id for line in _lines(text) if (id := _taken_apart(line)[0])]


def read_lines(
    text: str, before: Sequence[Example], papers: Mapping[str, Paper]
) -> tuple[list[Example], list[str]]:
    """The examples that lines name, and a sentence for each line that names none.

    A line that stands there from `before` is that example, with the abstract that no line shows;
    `papers` are known ones by id. Of any other paper no more is known than what the line says.
    """
    kept = defaultdict[str, list[Example]](list)
    for example in before:
        kept[_line(example)].append(example)
    by_id = {example.id: example for example in before if example.id}
    found, wrong = list[Example](), list[str]()
    for line in _lines(text):
        if kept[line]:
            found.append(kept[line].pop(0))
            continue
        try:
            example = _read(line, by_id, papers)
        except Refused as refused:
            wrong.append(str(refused))
            continue
        if example not in found:
            found.append(example)
    return found, wrong


def _lines(text: str) -> Iterator[str]:
    return filter(None, (" ".join(line.split()) for line in text.splitlines()))


def _read(line: str, by_id: Mapping[str, Example], papers: Mapping[str, Paper]) -> Example:
    """The caller checks the length and characters of a title, as those of any text. Raises Refused
    for an id alone that is wrong, or of no known paper."""
    id, title = _taken_apart(line)
    if id in by_id:
        return by_id[id]
    if id in papers:
        return example_of(papers[id])
    if id and not title:
        raise Refused(f"No list here had {id} lately: write its title after it.")
    if not id and _LINK.fullmatch(line):
        ids.parse_one(line)
    return Example.model_construct(None, id=id, title=title, abstract="")


def _taken_apart(line: str) -> tuple[str, str]:
    """The id in a line, with or without a link, and the title beside it."""
    words = line.split(" ")
    for at, word in enumerate(words):
        if found := ids.find(word):
            title = " ".join((*words[:at], *words[at + 1 :])).strip(" ,;:()[]")
            return found[0].id, "" if title.casefold() in ("arxiv", "arxiv.org") else title
    return "", line
