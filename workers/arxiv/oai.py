"""Reads a page of arXiv's archive interface (OAI-PMH, format arXivRaw), bytes -> records; pure.

The format is that of arXiv's own program (github.com/arXiv/oaipmh) and of saved answers. Read with
expat, element by element: a page has up to 3,500 records, and no declarations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Final, NamedTuple, NoReturn
from xml.parsers import expat

from pydantic import TypeAdapter

from bot.arxiv.authors import split_authors
from bot.arxiv.text import one_line, shortened
from bot.domain.papers import Change, Paper
from bot.domain.reasons import ArxivReason
from bot.errors import Refused
from workers.arxiv.feed import PLAIN_ID, change_of, paper_of
from workers.arxiv.xml_check import STOPPED_SHORT, unusable_document

_OAI, _RAW = "http://www.openarchives.org/OAI/2.0/", "http://arxiv.org/OAI/arXivRaw/"
_ROOT = f"{_OAI} OAI-PMH"
_FIELDS = ("id", "title", "authors", "categories", "comments", "journal-ref", "doi", "abstract")
_MOST_VERSIONS = 1000
_WORDS = 200
_DEEPEST = 50  # elements within one another; expat keeps them all, and a record has eight


class Version(NamedTuple):
    """A version of a paper, and when it was submitted (UTC)."""

    number: int
    submitted: datetime


class Record(NamedTuple):
    """A paper as the archive has it now: its fields by arXivRaw's names, every version, oldest
    first, and the UTC date of the last change, of whatever kind."""

    fields: Mapping[str, str]
    versions: tuple[Version, ...]
    changed: date

    @property
    def id(self) -> str:
        return self.fields["id"]

    @property
    def categories(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.fields.get("categories", "").split()))

    def paper(self, version: int, with_authors: bool = True) -> Paper:
        """As the feed gives it. Raises Unavailable(MALFORMED) where a title or category is
        missing."""
        return paper_of(
            self.id,
            version,
            title=self.fields.get("title", ""),
            abstract=self.fields.get("abstract", ""),
            authors=split_authors(self.fields.get("authors", "")) if with_authors else (),
            terms=self.categories,
        )

    def change(self, paper: Paper) -> Change:
        """What a new version of it says of itself, as in a list."""
        return change_of(paper, self.fields.get("journal-ref", ""), self.fields.get("doi", ""))


class Answer(NamedTuple):
    """Records as the archive had them at a moment (UTC)."""

    at: datetime
    records: tuple[Record, ...]


_ANSWER: Final = TypeAdapter(Answer)


def records_to_text(records: Sequence[Record], at: datetime) -> str:
    """What can be kept of an answer."""
    return _ANSWER.dump_json(Answer(at, tuple(records))).decode()


def records_from_text(text: str) -> Answer | None:
    """The inverse; None for what another release kept in another form."""
    try:
        return _ANSWER.validate_json(text)
    except ValueError:
        return None


class Page(NamedTuple):
    """Some records, and the token that asks for more; empty on the last page."""

    records: tuple[Record, ...]
    token: str


def parse_page(document: bytes) -> Page:
    """Parse an answer to ListRecords. That no record matches is a page without any.

    Raises Refused(BAD_QUERY) for any other error but that of a token, which is
    Unavailable(TRUNCATED): the answer ended midway; Unavailable as well for anything but a complete
    page (NOT_A_FEED, TRUNCATED, MALFORMED) of readable records (MALFORMED).
    """
    reader = _Reader()
    try:
        reader.expat.Parse(document.lstrip(), True)
    except (expat.ExpatError, LookupError, ValueError) as error:
        cut_off = getattr(error, "code", None) in STOPPED_SHORT
        if cut_off and (reader.is_ours or document.lstrip().startswith(b"<?xml")):
            raise unusable_document(ArxivReason.TRUNCATED, "breaks off before its end") from error
        reason = ArxivReason.MALFORMED if reader.is_ours else ArxivReason.NOT_A_FEED
        raise unusable_document(reason, "is not well-formed XML") from error
    if reader.error:
        _refuse(*reader.error)
    elif not reader.is_list:
        raise unusable_document(ArxivReason.MALFORMED, "is no list of records")
    return Page(tuple(reader.records), reader.token)


class _Reader:
    """What expat tells, put together."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.token, self.is_ours, self.is_list = "", False, False
        self.error: tuple[str, str] | None = None
        self._text: list[str] = []
        self._attributes: Mapping[str, str] = {}
        self._number, self._depth = "", 0
        self._begin()
        self.expat = expat.ParserCreate(namespace_separator=" ")
        self.expat.StartElementHandler = self._start
        self.expat.EndElementHandler = self._end
        self.expat.CharacterDataHandler = self._text.append
        self.expat.StartDoctypeDeclHandler = _doctype

    def _begin(self) -> None:
        self._fields: dict[str, str] = {}
        self._versions: list[Version] = []
        self._changed = ""
        self._is_deleted = False

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self.is_ours and name != _ROOT:
            raise unusable_document(ArxivReason.NOT_A_FEED, "is no answer of arXiv's archive")
        self.is_ours = True
        self._depth += 1
        if self._depth > _DEEPEST:
            raise unusable_document(ArxivReason.MALFORMED, "is nested deeper than any of arXiv's")
        self._text.clear()
        self._attributes = attributes
        self.is_list = self.is_list or name == f"{_OAI} ListRecords"
        space, _, local = name.rpartition(" ")
        if (space, local) == (_OAI, "record"):
            self._begin()
        elif (space, local) == (_OAI, "header"):
            self._is_deleted = attributes.get("status") == "deleted"
        elif (space, local) == (_RAW, "version"):
            self._number = attributes.get("version", "")

    def _end(self, name: str) -> None:
        self._depth -= 1
        space, _, local = name.rpartition(" ")
        said = "".join(self._text).strip()
        self._text.clear()
        if space == _RAW and local in _FIELDS:
            self._fields[local] = one_line(" ".join(said.split()))
        elif (space, local) == (_RAW, "date"):
            self._versions.append(_version(self._number, said))
            if len(self._versions) > _MOST_VERSIONS:
                raise unusable_document(ArxivReason.MALFORMED, "has a paper of too many versions")
        elif (space, local) == (_OAI, "datestamp"):
            self._changed = said
        elif (space, local) == (_OAI, "resumptionToken"):
            self.token = said
        elif (space, local) == (_OAI, "error"):
            self.error = self._attributes.get("code", ""), said
        elif (space, local) == (_OAI, "record") and not self._is_deleted:
            self.records.append(self._record())

    def _record(self) -> Record:
        id = self._fields.get("id", "")
        if not PLAIN_ID.fullmatch(id) or not self._versions:
            raise unusable_document(
                ArxivReason.MALFORMED, "has a record without an arXiv id and version"
            )
        try:
            changed = date.fromisoformat(self._changed[:10])
        except ValueError as error:
            raise unusable_document(
                ArxivReason.MALFORMED, "has a date that does not exist"
            ) from error
        return Record(self._fields, tuple(sorted(self._versions)), changed)


def _version(number: str, submitted: str) -> Version:
    if not re.fullmatch(r"v[1-9]\d{0,3}", number, re.ASCII):
        raise unusable_document(ArxivReason.MALFORMED, "has a version without a number")
    try:
        moment = parsedate_to_datetime(submitted)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return Version(int(number[1:]), moment.astimezone(UTC))
    except (ValueError, TypeError, OverflowError) as error:
        raise unusable_document(ArxivReason.MALFORMED, "has a date that does not exist") from error


def _refuse(code: str, words: str) -> None:
    if code == "noRecordsMatch":
        return
    said = shortened(one_line(" ".join(words.split())), _WORDS) or "it gives no reason."
    if code == "badResumptionToken":
        raise unusable_document(ArxivReason.TRUNCATED, "ends midway: its token has expired")
    raise Refused(f"arXiv's archive refused the query: {said}", ArxivReason.BAD_QUERY)


def _doctype(*_: object) -> NoReturn:
    # Refused before its declarations are read: entities may grow, or name a file or a host.
    raise unusable_document(ArxivReason.NOT_A_FEED, "is no answer of arXiv's archive")
