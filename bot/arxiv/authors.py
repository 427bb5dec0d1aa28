"""Splits arXiv's creator strings into names, and matches followed authors; pure.

arXiv's feeds join all authors of a paper into "First Last (Affiliation, Place), First Last, ..."
(arXiv/arxiv-feed, extensions.py). The joined names were parsed before, each parenthesis as an
affiliation and each comma as the end of a name, so nicknames and suffixes arrive cut off.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple

from bot.arxiv.text import readable, shortened
from bot.domain.places import is_country


def split_authors(raw: str) -> tuple[str, ...]:
    """The names in arXiv's `dc:creator`, in order and in Unicode, for any string.

    Affiliations are removed, also parts of one that contained commas (`India)`). A parenthesis
    within a name is a nickname and stays. Collaborations are names. A list longer than any of
    arXiv's ends in "and others".
    """
    if len(raw) > _LONGEST_LIST:  # cut after a complete name
        raw = raw[:_LONGEST_LIST].rpartition(",")[0]
        return (*split_authors(raw)[:_MOST], "and others")
    names: list[str] = []
    given_name = ""
    text = _without_affiliations(readable(raw))
    broken = text.count("(") != text.count(")")
    for part in _parts(text):
        name = _name(part)
        if not any(map(str.isalpha, name)) or (broken and _INSTITUTION.search(name)):
            continue
        if given_name and re.fullmatch(r"[^\W\d_][\w'’-]*", part):
            names[-1] = f"{given_name} {name}"
        elif names and _SUFFIX.fullmatch(name):
            names[-1] = shortened(f"{names[-1]} {name}", _LONGEST)
        else:
            names.append(name)
        # "Yun (Eric), Liang" is one person: nicknames are commoner than a mononym with a one-word
        # affiliation followed by another mononym.
        given_name = part if _is_given_name(part) else ""
    return at_most(names)


def at_most(names: Sequence[str], most: int | None = None) -> tuple[str, ...]:
    """Names that arXiv gave one by one, cut to their limits: a longer list (than `most`) ends in
    "and others", a longer name in an ellipsis."""
    most = most or _MOST
    short = (shortened(name, _LONGEST) for name in names[:most])
    return (*short, "and others") if len(names) > most else tuple(short)


def followed(names: Iterable[str], follow: Iterable[str]) -> tuple[str, ...]:
    """The entries of `follow` that are among a paper's authors, in their order and spelling.

    Case is ignored, as are the spelling of accents (Müller, Mueller, Muller) and the order in
    "Doe, Jane". The family name, the last word, must be the same, and the given names compatible:
    an initial matches any name it begins, middle names may be missing, so may initials before a
    full name, and a nickname in parentheses or quotes may stand for them all. So "J. Doe",
    "Jane Doe" and "Jane Q. Doe" match one another, "Jane A. Doe" and "Jane B. Doe" do not. An
    entry of one word matches only an author of one word, or the collaboration of that name.
    """
    people: dict[str, list[_Person]] = {}
    groups: set[tuple[str, str]] = set()
    for name in names:
        if group := _group(name):
            groups.update((group, (group[0], "")))
            continue
        person = _person(name)
        for form in person.family.union(*(forms for forms, _ in person.joined)):
            people.setdefault(form, []).append(person)

    def is_present(entry: str) -> bool:
        if group := _group(entry):
            return group in groups
        mine = _person(entry)
        keys = mine.family.union(*(forms for forms, _ in mine.joined))
        return (_group_name(entry), "") in groups or any(
            _same(mine, theirs) for key in keys for theirs in people.get(key, ())
        )

    return tuple(entry for entry in follow if is_present(entry))


def is_group(name: str) -> bool:
    """Whether a name is a collaboration's, not a person's."""
    return _group(name) is not None or bool(_GROUP.search(name))


def family_name(name: str) -> str:
    """What a citation calls an author: `Blondal`, `van Beethoven`; a collaboration's whole name."""
    words = name.split()
    while len(words) > 1 and _SUFFIX.fullmatch(words[-1]):
        words.pop()
    if is_group(name) or len(words) < 2:
        return name
    first = len(words) - 1
    while first > 1 and words[first - 1][:1].islower():
        first -= 1
    return " ".join(words[first:])


def _same(one: _Person, other: _Person) -> bool:
    if one.family & other.family:
        return any(_agree(a, b) for a in one.given for b in other.given)
    return any(
        forms & whole.family and _agree(given, names)
        for apart, whole in ((one, other), (other, one))
        if whole.hyphened
        for forms, given in apart.joined
        for names in whole.given
    )


_LONGEST_LIST: Final = 250_000  # characters; the longest collaborations have 3,000 names
_MOST: Final = 5000  # names
_LONGEST: Final = 200  # characters of one


# -- splitting -------------------------------------------------------------------------------------

_INSTITUTION = re.compile(
    r"\b(universit|institut|colleg|departm|dept\b|school\b|laborator|cent(er|re)\b|facult|academ"
    r"|hospital)",
    re.IGNORECASE,
)
_GROUP = re.compile(r"\b(collaborations?|consortium|team|group|project)\b", re.IGNORECASE)
_SUFFIX = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV")
_NICKNAME = re.compile(r"(?![A-Z]{3})[^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*)?")
_GIVEN_AND_NICKNAME = re.compile(
    r"(?:[^\W\d_][\w'’-]+(?: [^\W\d_]\.?){0,3}|(?:[^\W\d_]\.[ -]?){1,4} ?|"
    r"[^\W\d_][\w'’-]{1,9} [^\W\d_][\w'’-]{1,9}) ?\(([^()]+)\)"
)


def _is_given_name(part: str) -> bool:
    """Whether a part is given names with a nickname, without a family name: `Yik Ki (Jackie)`."""
    found = _GIVEN_AND_NICKNAME.fullmatch(part)
    return bool(found) and not is_country(found[1] if found else "")


def _without_affiliations(text: str) -> str:
    """The text with () for every parenthesis that cannot be a nickname, so that no comma in it
    splits."""
    levels: list[list[str]] = [[]]
    for piece in re.split(r"([()])", text):
        if piece == "(":
            levels.append([])
        elif piece == ")" and len(levels) > 1:
            inside = "".join(levels.pop()).strip()
            nickname = _NICKNAME.fullmatch(inside) and not _INSTITUTION.search(inside)
            levels[-1].append(f"({inside})" if nickname else "()")
        else:
            levels[-1].append(piece)
    return "(".join(map("".join, levels))


def _parts(text: str) -> list[str]:
    parts = []
    for part in re.split(r"[,;:]", text):
        joint = r"(?:^|\s)(?:and|&)\s" if not _GROUP.search(part) else r"^\s*and\s"
        parts += [piece.strip() for piece in re.split(joint, part)]
    return parts


def _name(part: str) -> str:
    """The name in a part, or "" for the end of an affiliation or one that opens with its number."""
    part = re.sub(r"\((?![^()]*\)).*", "", part)  # "Jane Doe (MIT", never closed
    if part.startswith("(") or part.count(")") > part.count("("):
        return ""
    part = re.sub(r"(\s*\([^()]*\))+\s*$", "", part)
    return " ".join(part.replace("()", " ").split())


# -- following -------------------------------------------------------------------------------------

# Letters that Unicode does not decompose into a plain one and an accent.
_PLAIN: Final = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)
_DIGRAPHS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe"})
_WORD: Final = re.compile(r"[^\W_]+(?:['’‐–-][^\W_]+)*")
_MARKED: Final = re.compile(r"[(\"“]([^\W_]+)[)\"”]")
_KIND: Final = re.compile(r"(?:the )?(.+?)(?: (collaboration|consortium|team|group|project)s?)")
_FOR: Final = re.compile(r"(?:on behalf of |for )(?:the )")


class _Person(NamedTuple):
    """A name as it may be written: its family name's forms, and the given names with each.

    `family` is the last word, `joined` the last words that are one name elsewhere (García-López).
    """

    family: frozenset[str]
    given: list[list[frozenset[str]]]
    joined: list[tuple[frozenset[str], list[frozenset[str]]]]
    hyphened: bool


def _forms(word: str) -> frozenset[str]:
    """A word without accents, by both conventions: Müller is muller and mueller."""
    found = set()
    for ring in ("a", "aa"):
        for table in ({}, _DIGRAPHS):
            letters = word.casefold().replace("å", ring).translate(table)
            apart = unicodedata.normalize("NFKD", letters)
            plain = "".join(c for c in apart if not unicodedata.combining(c))
            found.add(re.sub(r"[\W_]", "", plain.translate(_PLAIN)))
    return frozenset(found)


def _family(word: str) -> frozenset[str]:
    """A family name's forms; a long one's also as Muller is written for Mueller."""
    forms = _forms(word)
    return forms | {re.sub("([aou])e", r"\1", form) for form in forms if len(form) >= 6}


@lru_cache(maxsize=10_000)
def _person(name: str) -> _Person:
    name = unicodedata.normalize("NFC", name[:_LONGEST])
    last, comma, first = name.partition(",")
    if comma and first.strip() and not _SUFFIX.fullmatch(first.strip()):
        name = f"{first} {last}"
    nicknames = [[_forms(nickname)] for nickname in _MARKED.findall(name)]
    bare = re.sub(r"[(\"“].*?[)\"”]", " ", name)
    words = _WORD.findall(bare) or _WORD.findall(name)  # a name may be nothing but a nickname
    while len(words) > 2 and _SUFFIX.fullmatch(words[-1]):
        words.pop()
    if not words:
        return _Person(frozenset(), [], [], False)
    given = [_forms(part) for word in words[:-1] for part in re.split(r"[‐–-]", word)]
    joined = [
        (_forms("".join(words[-count:])), [_forms(word) for word in words[:-count]])
        for count in range(2, min(len(words), 5))
    ]
    hyphened = bool(re.search(r"[‐–-]", words[-1]))
    return _Person(_family(words[-1]), [given, *nicknames], joined, hyphened)


def _group_name(name: str) -> str:
    return " ".join(name[:_LONGEST].casefold().split()).removeprefix("the ")


def _group(name: str) -> tuple[str, str] | None:
    """A collaboration's name and its kind, as in ("atlas", "collaboration"); None for a person."""
    found = _KIND.fullmatch(_FOR.sub("", " ".join(name[:_LONGEST].casefold().split())))
    return (found[1], found[2]) if found else None


def _agree(mine: list[frozenset[str]], theirs: list[frozenset[str]]) -> bool:
    """Whether two lists of given names can be the same person's; Xiao-Ming is Xiaoming."""
    if _run_together(mine) & _run_together(theirs) or not (mine or theirs):
        return True
    short, long = sorted((mine, theirs), key=len)
    if not short:
        return False
    if not _alike(short[0], long[0]):
        # Known by a middle name: S. T. Boris Choy is Boris Choy.
        while len(long) > 1 and _is_initial(long[0]):
            long = long[1:]
        if _is_initial(short[0]) or not short[0] & long[0]:
            return False
    middle = iter(long[1:])
    return all(any(_alike(name, other) for other in middle) for name in short[1:])


def _run_together(names: list[frozenset[str]]) -> set[str]:
    """Given names as one word, plain or with digraphs throughout."""
    return {"".join(choose(name) for name in names) for choose in (min, max)} - {""}


def _is_initial(name: frozenset[str]) -> bool:
    return min(map(len, name), default=1) == 1


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if one & other:
        return True
    for short, long in ((one, other), (other, one)):
        if _is_initial(short) and any(form.startswith(min(short, key=len)) for form in long):
            return True
    return False
