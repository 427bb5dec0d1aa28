"""Papers for reference managers: BibTeX, RIS and CSL-JSON files, and items as Zotero takes them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from bot.arxiv import ids
from bot.arxiv.authors import family_name, is_group
from bot.arxiv.text import one_line, readable
from bot.domain.message import File
from bot.domain.papers import Paper
from bot.views.digest import count
from bot.views.keeping import bibtex


def as_file(format: str, papers: Sequence[Paper]) -> File:
    """`format` is one of bibtex, ris and csl."""
    write, name, media_type = _FORMATS[format]
    return File(
        name=name,
        noun="file",
        alt=count(len(papers), "paper"),
        content=write(papers).encode(),
        media_type=media_type,
    )


def as_ris(papers: Sequence[Paper]) -> str:
    return "\n".join("\n".join(_ris(paper)) for paper in papers) + "\n"


def as_csl(papers: Sequence[Paper]) -> str:
    return json.dumps([_csl(paper) for paper in papers], ensure_ascii=False, indent=2) + "\n"


def as_zotero(paper: Paper, key: str) -> dict[str, Any]:
    """A new item of a library, by the fields of Zotero's schema: `version` 0 says that there is
    none of this key yet."""
    month = ids.month(paper.id)
    return {
        "key": key,
        "version": 0,
        "itemType": "preprint",
        "title": readable(paper.title),
        "creators": [{"creatorType": "author"} | _zotero_name(name) for name in _authors(paper)],
        "abstractNote": readable(paper.abstract),
        "repository": "arXiv",
        "archiveID": f"arXiv:{paper.id}",
        "date": f"{month.year}-{month.month:02}" if month else "",
        "DOI": _doi(paper),
        "url": paper.url,
        "libraryCatalog": "arXiv.org",
        "tags": [{"tag": one_line(category), "type": 1} for category in paper.categories],
    }


def _zotero_name(name: str) -> dict[str, str]:
    family, _, given = _family_first(name).partition(", ")
    return {"lastName": family, "firstName": given} if given else {"name": readable(name)}


def _ris(paper: Paper) -> Iterator[str]:
    """One reference; RIS has one line for each tag, and no mark-up."""
    month = ids.month(paper.id)
    yield "TY  - UNPB"
    yield f"TI  - {readable(paper.title)}"
    for name in _authors(paper):
        yield f"AU  - {_family_first(name)}"
    if month:
        yield f"PY  - {month.year}"
        yield f"DA  - {month.year}/{month.month:02}"
    if abstract := readable(paper.abstract):
        yield f"AB  - {abstract}"
    yield f"DO  - {_doi(paper)}"
    yield f"UR  - {paper.url}"
    yield "PB  - arXiv"
    yield f"M1  - arXiv:{paper.id}"
    for category in paper.categories:
        yield f"KW  - {one_line(category)}"
    yield "ER  - "


def _authors(paper: Paper) -> list[str]:
    """Without the sign that there are more, which is nobody's name."""
    return [name for name in paper.authors if name != "and others"]


def _family_first(name: str) -> str:
    """`Lovelace, Ada`; a group's name, and one that can't be taken apart, as it is."""
    said = readable(name)
    family = family_name(said)
    if is_group(said) or family == said or not said.endswith(family):
        return said
    return f"{family}, {said.removesuffix(family).strip()}"


def _csl(paper: Paper) -> dict[str, Any]:
    month = ids.month(paper.id)
    fields = {
        "id": f"arXiv:{paper.id}",
        "type": "article",
        "genre": "preprint",
        "title": readable(paper.title),
        "author": [_csl_name(name) for name in _authors(paper)],
        "issued": {"date-parts": [[month.year, month.month]]} if month else None,
        "abstract": readable(paper.abstract),
        "publisher": "arXiv",
        "number": f"arXiv:{paper.id}",
        "DOI": _doi(paper),
        "URL": paper.url,
    }
    return {name: value for name, value in fields.items() if value}


def _csl_name(name: str) -> dict[str, str]:
    family, _, given = _family_first(name).partition(", ")
    if not given:
        return {"literal": readable(name)}
    return {"family": family, "given": given}


def _doi(paper: Paper) -> str:
    """arXiv has registered one for every paper."""
    return f"10.48550/arXiv.{paper.id}"


_FORMATS: Final[dict[str, tuple[Callable[[Sequence[Paper]], str], str, str]]] = {
    "bibtex": (bibtex.entries, "saved-papers.bib", "text/plain"),
    "ris": (as_ris, "saved-papers.ris", "text/plain"),
    "csl": (as_csl, "saved-papers.json", "application/json"),
}
