"""Text of papers and people: TeX, authors, ids, and typed commands."""

from __future__ import annotations

import re

from bot.arxiv import ids
from bot.arxiv.authors import followed, split_authors
from bot.arxiv.sentences import split_sentences, telling_sentence
from bot.arxiv.text import one_line, quoted, readable, shortened
from bot.commands.typed import parse
from bot.domain import schedule
from bot.domain.schedule import Schedule
from bot.errors import Refused
from bot.safe_text import escape_unprintable
from tests.factories import paper, profile
from tests.fuzz.promises import assert_explained, assert_plain, assert_stored, distinct, words

_NEW = re.compile(r"\d{2}(0[1-9]|1[0-2])\.\d{4,5}", re.ASCII)
_OLD = re.compile(r"[a-z-]+/\d{2}(0[1-9]|1[0-2])\d{3}", re.ASCII)


def tex(data: bytes) -> None:
    """Any TeX becomes one line that is safe to show."""
    text = data.decode(errors="surrogateescape")
    for made in (readable(text), one_line(text), quoted(text)):
        assert_plain(made)
        assert made == " ".join(made.split())
    assert len(quoted(text)) <= 42
    assert len(shortened(one_line(text), 20)) <= 20
    assert_plain(escape_unprintable(text), lines=True)


def sentence(data: bytes) -> None:
    """What an abstract tells is one of its sentences, safe to show; nothing of it is left out."""
    text = one_line(data.decode(errors="replace"))
    told = telling_sentence(paper(abstract=text, title=text[:80] or "T"), profile())
    assert bool(told) == bool(readable(text))
    assert_plain(told)
    parts = split_sentences(readable(text))
    assert "".join("".join(parts).split()) == "".join(readable(text).split())


def authors(data: bytes) -> None:
    """Names are short and safe; whoever is followed by the name shown is found."""
    names = split_authors(data.decode(errors="surrogateescape"))
    assert_plain(*names)
    assert len(names) <= 5001
    assert all(any(map(str.isalpha, name)) for name in names if not name.endswith("…"))
    assert all(len(name) <= 200 for name in names)
    named = tuple(name for name in names[:50] if any(map(str.isalpha, name)))
    assert followed(names, named) == named


def follow(data: bytes) -> None:
    """Whom the profile follows is found in any order, and nobody else is."""
    given = [" ".join(word.split()) for word in words(data)][:20]
    middle = len(given) // 2
    found = followed(given[:middle], given[middle:])
    assert [name for name in given[middle:] if name in found] == list(found)
    assert set(followed(given[:middle][::-1], given[middle:])) == set(found)


def paper_id(data: bytes) -> None:
    """Ids are found in their canonical form, each once, and are found again in themselves."""
    text = data.decode(errors="surrogateescape")
    found = ids.find(text)
    assert distinct(named.id for named in found)
    for named in found:
        assert _NEW.fullmatch(named.id) or _OLD.fullmatch(named.id)
        assert ids.find(named.id) == (ids.PaperId(id=named.id),)
        assert ids.month(named.id) is not None
        assert named.version is None or 1 <= named.version <= 999
    assert [named.id for named in ids.find(" ".join(n.id for n in found))] == [n.id for n in found]
    try:
        assert ids.parse_one(text) == found[0]
    except Refused as refused:
        assert_explained(refused)
    else:
        assert len(found) == 1
    ids.month(text)


def options(data: bytes) -> None:
    """The options of a subscription, or one sentence; what was read is read again alike."""
    typed = data.decode(errors="surrogateescape").split()
    try:
        read = parse.parse_options(typed)
    except Refused as refused:
        _sentence(refused)
        return
    said = [
        *([read.profile] if read.profile else []),
        *(["at", f"{read.at:%H:%M}"] if read.at else []),
        *(["tz", read.tz] if read.tz else []),
        *(["days", ",".join(schedule.DAY_NAMES[day] for day in read.days)] if read.days else []),
        *(["top", str(read.top)] if read.top else []),
    ]
    assert parse.parse_options(said) == read
    if read.at and read.tz and read.days:
        assert_stored(Schedule(at=read.at, tz=read.tz, days=read.days))


def answers_of_options(data: bytes) -> None:
    """Each option alone, as a form has it."""
    for text in words(data)[:4]:
        for read in (parse.parse_time, parse.parse_weekdays, parse.parse_top, parse.parse_zone):
            try:
                read(text)
            except Refused as refused:
                _sentence(refused)
        found = schedule.search_zones(text, 10)
        assert len(found) <= 10
        assert distinct(found)


def _sentence(refused: Refused) -> None:
    assert_explained(refused)
    assert str(refused).endswith((".", "?", '"'))
