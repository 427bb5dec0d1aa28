"""A profile's digests as an Atom feed (RFC 4287) and as a JSON Feed (jsonfeed.org, 1.1)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple
from xml.etree import ElementTree as Xml

from bot.pages.characters import writable

# Entries of a feed, the newest: readers keep what they have seen.
MOST: Final = 30
_ATOM: Final = "http://www.w3.org/2005/Atom"
_NEVER: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Entry(NamedTuple):
    """A digest: its page (a file beside the feed), title, contents, and when it was decided."""

    page: str
    title: str
    html: str
    updated: datetime


def atom(name: str, title: str, entries: Sequence[Entry], where: str) -> str:
    """The feed of a profile (a name), the newest entry first. `where` is the URL of its folder, as
    far as that is known."""
    feed = Xml.Element("feed", xmlns=_ATOM)
    _add(feed, "id", _id(name))
    _add(feed, "title", title)
    _add(feed, "updated", _time(max((entry.updated for entry in entries), default=_NEVER)))
    _add(_add(feed, "author"), "name", "Paperboy")
    _add(feed, "link", rel="alternate", type="text/html", href=f"{where}index.html")
    if where:
        _add(feed, "link", rel="self", type="application/atom+xml", href=f"{where}atom.xml")
    for each in entries:
        entry = _add(feed, "entry")
        _add(entry, "id", _id(f"{name}/{each.page}"))
        _add(entry, "title", each.title)
        _add(entry, "updated", _time(each.updated))
        _add(entry, "link", rel="alternate", type="text/html", href=f"{where}{each.page}")
        _add(entry, "content", each.html, type="html")
    Xml.indent(feed, " ")
    return Xml.tostring(feed, "unicode", xml_declaration=True) + "\n"


def json_feed(name: str, title: str, entries: Sequence[Entry], where: str) -> str:
    """The same as JSON. Its links are absolute or left out."""
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": title,
        **({"home_page_url": f"{where}index.html"} if where else {}),
        **({"feed_url": f"{where}feed.json"} if where else {}),
        "authors": [{"name": "Paperboy"}],
        "items": [
            {
                "id": _id(f"{name}/{each.page}"),
                **({"url": f"{where}{each.page}"} if where else {}),
                "title": each.title,
                "content_html": each.html,
                "date_modified": _time(each.updated),
            }
            for each in entries
        ],
    }
    return json.dumps(feed, ensure_ascii=False, indent=1) + "\n"


def _add(parent: Xml.Element, tag: str, text: str | None = None, **attributes: str) -> Xml.Element:
    child = Xml.SubElement(parent, tag, attributes)
    child.text = writable(text) if text is not None else None
    return child


def _id(name: str) -> str:
    """Stays the same wherever the site moves."""
    return f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_OID, f'paperboy/{name}')}"


def _time(moment: datetime) -> str:
    """As RFC 3339 has it, to the second, in UTC."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
