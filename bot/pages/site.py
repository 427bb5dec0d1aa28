"""A site of digests: which files it has, and what is in them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date as date_
from datetime import datetime
from functools import cache
from typing import Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from pydantic import TypeAdapter

from bot.arxiv.text import one_line, readable
from bot.domain.digest import Digest
from bot.domain.message import Card, Item
from bot.domain.papers import Value
from bot.pages import feeds
from bot.pages.characters import writable
from bot.views import card as card_views
from bot.views import digest as digest_views
from bot.views.dates import long_date, long_month
from bot.views.looking.near_misses import near_misses

# Near misses of each kind that a page shows.
_MISSED: Final = 4


class Row(Value):
    """A digest in its profile's index: how many papers it picked of those announced, the first of
    them by title, and when it was decided (UTC)."""

    date: date_
    picked: int
    announced: int
    best: str
    judged_at: datetime


ROWS: Final = TypeAdapter(tuple[Row, ...])


class Section(NamedTuple):
    """A profile's part of the site, in a folder of that name: its digests by date, and the rows of
    an index that is there already."""

    folder: str
    title: str
    digests: Mapping[date_, Digest]
    known: Sequence[Row]

    @property
    def shown_title(self) -> str:
        return one_line(self.title)

    @property
    def rows(self) -> list[Row]:
        """All that the index lists, the newest first."""
        by_date = {row.date: row for row in self.known}
        by_date |= {day: _row(digest) for day, digest in self.digests.items()}
        return [by_date[day] for day in sorted(by_date, reverse=True)]


class _Paper(NamedTuple):
    """A paper of a page: its card, and the whole abstract."""

    card: Card
    abstract: str


def files(sections: Sequence[Section], address: str = "") -> dict[str, str]:
    """The files by their paths, for the sections that are published, all links relative. `address`
    is where the site will be (a URL that ends in a slash), for feeds, which name themselves."""
    found = {"style.css": _template("style.css").render()}
    found["index.html"] = _template("index.html").render(
        root="", title="Digests", sections=[(s, s.rows[0]) for s in sections if s.rows]
    )
    for section in sections:
        found |= {f"{section.folder}/{name}": text for name, text in _section(section, address)}
    return found


def _section(section: Section, address: str) -> Iterable[tuple[str, str]]:
    rows = section.rows
    yield "digests.json", json.dumps(ROWS.dump_python(tuple(rows), mode="json"), indent=1) + "\n"
    months = dict[str, list[Row]]()
    for row in rows:
        months.setdefault(long_month(row.date), []).append(row)
    yield (
        "index.html",
        _template("profile.html").render(
            root="../", title=section.shown_title, months=months, long_date=long_date
        ),
    )
    entries = [_entry(section, section.digests[day]) for day in sorted(section.digests)]
    newest = list(reversed(entries))[: feeds.MOST]
    where = f"{address}{section.folder}/" if address else ""
    yield "atom.xml", feeds.atom(section.folder, section.shown_title, newest, where)
    yield "feed.json", feeds.json_feed(section.folder, section.shown_title, newest, where)
    dates = [row.date for row in rows]
    for day, digest in section.digests.items():
        at = dates.index(day)
        newer = dates[at - 1] if at else None
        older = dates[at + 1] if at + 1 < len(dates) else None
        yield (
            f"{day}.html",
            _template("digest.html").render(
                root="../",
                title=digest_views.digest_title(digest),
                profile=section.shown_title,
                newer=newer,
                older=older,
                **_contents(digest),
            ),
        )


def _contents(digest: Digest) -> dict[str, object]:
    papers = [
        _Paper(
            card_views.card(digest, digest.number_of(decision), decision),
            readable(decision.paper.abstract),
        )
        for decision in digest.posted
    ]
    missed: tuple[Item, ...] = near_misses(digest, "", _MISSED).items
    return {
        "notices": list(digest_views.notices(digest)),
        "sentence": digest_views.picked_sentence(digest),
        "papers": papers,
        "missed": missed,
        "details": list(digest_views.public_details(digest)),
    }


def _entry(section: Section, digest: Digest) -> feeds.Entry:
    sentence = digest_views.picked_sentence(digest)
    return feeds.Entry(
        page=f"{digest.date}.html",
        title=f"{digest_views.digest_title(digest)}: {sentence}",
        html=_template("entry.html").render(**_contents(digest)),
        updated=digest.judged_at,
    )


def _row(digest: Digest) -> Row:
    best = digest.posted[:1]
    return Row(
        date=digest.date,
        picked=len(digest.picked),
        announced=len(digest.decisions),
        best=readable(best[0].paper.title) if best else "",
        judged_at=digest.judged_at,
    )


@cache
def _environment() -> Environment:
    """Escapes everything: titles and abstracts are other people's text."""
    return Environment(
        loader=PackageLoader("bot.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        finalize=_finalized,
    )


def _finalized(value: object) -> object:
    """What is put into a page, whether it is escaped already or not yet."""
    return type(value)(writable(value)) if isinstance(value, str) else value


def _template(name: str) -> Template:
    return _environment().get_template(name)
