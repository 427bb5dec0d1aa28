"""arXiv's archive interface (OAI-PMH): ListRecords in the format arXivRaw, as its program answers.

Looked up in github.com/arXiv/oaipmh: sets by group, archive and class; dates in UTC, by the day;
errors with status 200; a page of so many records, oldest change first, and a token for the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple
from urllib.parse import parse_qs, quote, unquote, urlencode, urlsplit
from xml.sax.saxutils import escape

from bot.domain.categories import ARCHIVES
from tests.servers.fake_http import HttpReply, xml_reply

_OWN_GROUPS = ("cs", "econ", "eess", "math", "q-bio", "q-fin", "stat")
_FORMATS = ("arXivRaw", "arXiv", "oai_dc", "arXivOld")


class Kept(NamedTuple):
    """A paper as the archive has it: when each version was submitted (UTC), and its last change."""

    id: str
    categories: str
    versions: tuple[datetime, ...]
    changed: date
    title: str = ""
    abstract: str = ""
    authors: str = "Ada Lovelace, Alan Turing"
    more: str = ""  # elements such as <comments>


@dataclass
class FakeArchive:
    """Answers for these papers, `limit` on a page. `scripted` replies come first, each once;
    `expired`: no token is good."""

    kept: Sequence[Kept]
    limit: int = 3500
    scripted: list[HttpReply] = field(default_factory=list)
    expired: bool = False

    def answer(self, path: str, body: bytes = b"") -> HttpReply:
        if self.scripted:
            return self.scripted.pop(0)
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        skip = 0
        if token := asked.get("resumptionToken"):
            if set(asked) != {"verb", "resumptionToken"}:
                return _error("badArgument", "No other paramters allowed with resumptionToken")
            told = {name: values[0] for name, values in parse_qs(unquote(token)).items()}
            if self.expired or not told.get("skip", "").isdigit():
                return _error("badResumptionToken", "The value is invalid or expired.")
            skip, asked = int(told.pop("skip")), {"verb": asked["verb"], **told}
        return self._listed(asked, skip)

    def _listed(self, asked: dict[str, str], skip: int) -> HttpReply:
        allowed = {"verb", "metadataPrefix", "from", "until", "set"}
        if asked.get("verb") != "ListRecords" or set(asked) - allowed:
            return _error("badArgument", "Unallowed parameter.")
        if asked.get("metadataPrefix") not in _FORMATS:
            return _error("cannotDisseminateFormat", "Did not recognize requested format")
        if not _is_set(wanted := asked.get("set", "")):
            return _error("badArgument", "Set does not exist")
        first = date.fromisoformat(asked.get("from", "2005-09-16"))
        found = sorted(
            (
                each
                for each in self.kept
                if each.changed >= first
                and (not wanted or any(_is_in(spec, wanted) for spec in _specs(each)))
            ),
            key=lambda each: (each.changed, each.id),
        )
        if not found[skip:]:
            return _error("noRecordsMatch", "The combination results in an empty list.")
        token = ""
        if len(found) > skip + self.limit:
            told = quote(urlencode({**asked, "skip": skip + self.limit}))
            token = f"<resumptionToken expires='2026-11-21T00:00:00Z'>{told}</resumptionToken>"
        elif skip:
            token = "<resumptionToken/>"
        return xml_reply(records_document(found[skip : skip + self.limit], token))


def records_document(kept: Iterable[Kept], token: str = "") -> bytes:
    """A page of records."""
    rows = "".join(map(_record, kept))
    return _document(f"<ListRecords>{rows}{token}</ListRecords>")


def _record(kept: Kept) -> str:
    versions = "".join(
        f'<version version="v{number}"><date>{at:%a, %d %b %Y %H:%M:%S} GMT</date>'
        "<size>9kb</size></version>"
        for number, at in enumerate(kept.versions, 1)
    )
    sets = "".join(f"<setSpec>{spec}</setSpec>" for spec in _specs(kept))
    return (
        f"<record><header><identifier>oai:arXiv.org:{kept.id}</identifier>"
        f"<datestamp>{kept.changed}</datestamp>{sets}</header><metadata>"
        f'<arXivRaw xmlns="http://arxiv.org/OAI/arXivRaw/"><id>{kept.id}</id>'
        f"<submitter>A. Lovelace</submitter>{versions}"
        f"<title>{escape(kept.title or f'On {kept.id}')}</title>"
        f"<authors>{escape(kept.authors)}</authors><categories>{kept.categories}</categories>"
        f"{kept.more}<abstract>{escape(kept.abstract or f'About {kept.id}.')}</abstract>"
        "</arXivRaw></metadata></record>"
    )


def _specs(kept: Kept) -> list[str]:
    return [_spec(category) for category in kept.categories.split()]


def _spec(category: str) -> str:
    archive = category.partition(".")[0]
    group = archive if archive in _OWN_GROUPS else "physics"
    return f"{group}:{category.replace('.', ':')}"


def _is_set(spec: str) -> bool:
    known = {_spec(name) for archive, classes in ARCHIVES.items() for name in (archive, *classes)}
    return not spec or spec in known | {*_OWN_GROUPS, "physics"}


def _is_in(spec: str, wanted: str) -> bool:
    return spec == wanted or spec.startswith(f"{wanted}:")


def _error(code: str, words: str) -> HttpReply:
    return xml_reply(_document(f"<error code='{code}'>{words}</error>"))


def _document(inside: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        "<responseDate>2025-03-20T08:00:00Z</responseDate>"
        f'<request verb="ListRecords">http://oaipmh.arxiv.org/oai</request>{inside}</OAI-PMH>'
    ).encode()
