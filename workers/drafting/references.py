"""Reads a library of references, BibTeX or RIS, as Zotero and others export it; pure."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

import rispy  # type: ignore[import-untyped]
import structlog
from bibtexparser.entrypoint import parse_string
from bibtexparser.middlewares import RemoveEnclosingMiddleware, ResolveStringReferencesMiddleware
from bibtexparser.model import Entry

from bot.arxiv import ids
from bot.arxiv.text import one_line, shortened
from bot.domain.papers import Value
from bot.errors import Refused
from bot.profiles.given_work import LARGEST

# Characters: some two thousand entries, a thousand with their abstracts.
LONGEST: Final = LARGEST
TOO_LONG: Final = "At most 1 MB of references is read: export a smaller collection."
# Entries that are read; the newest thousand papers of somebody say all that a profile can hold.
_MOST: Final = 2000
_TITLE, _ABSTRACT = 400, 4000  # characters of an entry that are used
_LOOKED_AT: Final = 200  # characters of a field that may have an id

_BIBTEX: Final = re.compile(r"@[A-Za-z]{3,30}\s*[{(]")
_RIS: Final = re.compile(r"(?m)^\ufeff?TY  -")
# Where an arXiv id may stand, the surest first; of arXiv itself, Zotero, DBLP, Scholar, INSPIRE.
_PLACES: Final = (
    *(
        "eprint",
        "doi",
        "url",
        "urls",
        "howpublished",
        "journal",
        "journaltitle",
        "number",
        "volume",
    ),
    *("note", "notes", "journal_name", "secondary_title", "publisher"),
)
_REMARKS: Final = ("note", "notes")

log = structlog.get_logger()

# It tells of each entry that it cannot read, in the entry's own words.
logging.getLogger("bibtexparser").setLevel(logging.CRITICAL)


class Reference(Value):
    """An entry of a library: its arXiv id, empty where it has none, its title and abstract."""

    id: str
    title: str
    abstract: str


def is_library(text: str) -> bool:
    """Whether a text has the form of a BibTeX or RIS file."""
    return bool(_RIS.search(text) or _BIBTEX.search(text))


def read_references(text: str) -> tuple[Reference, ...]:
    """The entries of a BibTeX or RIS file, in its order, without those that have neither a title
    nor an id. Entries that cannot be read are left out. Raises Refused for a file that is too
    large, is neither, or has no entry."""
    if len(text) > LONGEST:
        raise Refused(f"The library has {len(text) / 1e6:.1f} million characters. {TOO_LONG}")
    if _RIS.search(text):
        rows = _ris(text)
    elif _BIBTEX.search(text):
        rows = _bibtex(text)
    else:
        raise Refused("This is neither BibTeX nor RIS: export your library as one of these.")
    found = [_reference(row) for row in islice(rows, _MOST)]
    known = tuple(each for each in found if each.id or each.title)
    if not known:
        raise Refused("No entry of this file can be read: none has a title or an arXiv id.")
    return known


def _bibtex(text: str) -> Iterator[Mapping[str, Any]]:
    """The fields of each entry, by their names in small letters; also of one whose key, or a field
    of which, is there twice."""
    plain = RemoveEnclosingMiddleware(True)
    stack = [ResolveStringReferencesMiddleware(True)]
    library = parse_string(text, parse_stack=stack)
    for block in library.blocks:
        entry = getattr(block, "ignore_error_block", block)
        if isinstance(entry, Entry):
            fields = plain.transform_entry(entry, library).fields
            yield {field.key.casefold(): field.value for field in reversed(fields)}


def _ris(text: str) -> Iterator[Mapping[str, Any]]:
    """The fields of each entry, as rispy names them, without entries at which it stumbles: one of
    them would cost the whole file. The last one may lack its end."""
    for entry in re.split(r"(?m)^(?=TY  -)", "\n".join(text.splitlines())):
        try:
            yield from rispy.loads(f"{entry}\nER  -\n", skip_unknown_tags=True)
        except (KeyError, TypeError, AttributeError) as error:
            log.info("entry left out", why=type(error).__name__)


def _reference(row: Mapping[str, Any]) -> Reference:
    title = _text(row, "title", "primary_title")
    abstract = _text(row, "abstract", "notes_abstract")
    return Reference(
        id=next(_ids(row), ""),
        title=shortened(title, _TITLE),
        abstract=shortened(abstract, _ABSTRACT),
    )


def _text(row: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that is there, on one line; of several values the first."""
    for name in names:
        for value in _values(row.get(name)):
            if line := one_line(value):
                return line
    return ""


def _values(value: object) -> tuple[str, ...]:
    listed = value if isinstance(value, list) else [value]
    return tuple(each for each in listed if isinstance(each, str))


def _ids(row: Mapping[str, Any]) -> Iterator[str]:
    """The arXiv ids that the fields of an entry name as its own."""
    archive = _text(row, "archiveprefix", "eprinttype") or "arxiv"
    for name in _PLACES:
        for value in _values(row.get(name)):
            own = name == "eprint" and archive.casefold() == "arxiv"
            # DBLP has "abs/2301.12345"; a remark may name another paper.
            begins = value.casefold().startswith(("arxiv", "abs/"))
            if own or begins or (name not in _REMARKS and "arxiv" in value.casefold()):
                yield from (found.id for found in ids.find(value[:_LOOKED_AT]))
