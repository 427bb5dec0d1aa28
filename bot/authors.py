"""One creator string -> names, and which of them somebody follows; pure.

arXiv's feeds join all authors of a paper into "First Last (Affiliation, Place), First Last, ..."
(arXiv/arxiv-feed, extensions.py). What it joins was parsed before, with every parenthesis read as
an affiliation and every comma as the end of a name: nicknames and suffixes come out cut.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from bot.text import readable


def split_authors(raw: str) -> tuple[str, ...]:
    """arXiv's `dc:creator` -> the names in it, in order and in Unicode; any string gives some.

    Affiliations go, also those cut at their commas (`India)`). A parenthesis within a name is a
    nickname and stays. Collaborations are names like others.
    """
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
            names[-1] = f"{names[-1]} {name}"
        else:
            names.append(name)
        # "Yun (Eric), Liang" is one person: mononyms with an affiliation of one word, followed by
        # another mononym, are rarer than nicknames.
        given_name = part if _GIVEN_AND_NICKNAME.fullmatch(part) else ""
    return tuple(names)


def followed(names: Iterable[str], follow: Iterable[str]) -> tuple[str, ...]:
    """Who of `follow` is among a paper's authors; in the order and the spelling of `follow`.

    Case and accents do not count. The family name, taken to be the last word, must be the same,
    and the given names must agree: an initial stands for any name it begins, middle names may be
    missing, a nickname in parentheses or quotes may stand for them all. So "J. Doe", "Jane Doe"
    and "Jane Q. Doe" are followed by one another, "Jane A. Doe" and "Jane B. Doe" are not. An
    entry of one word follows only an author of one word.
    """
    present: dict[str, list[list[str]]] = {}
    for family, given in map(_person, names):
        present.setdefault(family, []).extend(given)

    def is_present(entry: str) -> bool:
        family, mine = _person(entry)
        return any(_agree(a, b) for a in mine for b in present.get(family, ()))

    return tuple(entry for entry in follow if is_present(entry))


# -- splitting -------------------------------------------------------------------------------------

_INSTITUTION = re.compile(
    r"\b(universit|institut|colleg|departm|dept\b|school\b|laborator|cent(er|re)\b|facult|academ"
    r"|hospital)",
    re.IGNORECASE,
)
_GROUP = re.compile(r"\b(collaborations?|consortium|team|group|project)\b", re.IGNORECASE)
_SUFFIX = re.compile(r"(?:Jr|Sr)\.?|I{2,3}|IV")
_NICKNAME = re.compile(r"(?![A-Z]{3})[^\W\d_][\w.'’-]*(?: [^\W\d_][\w.'’-]*)?")
_GIVEN_AND_NICKNAME = re.compile(r"[^\W\d_][\w'’-]+(?: [^\W\d_]\.?)* \([^()]+\)")


def _without_affiliations(text: str) -> str:
    """The text with () for every parenthesis that cannot be a nickname: no comma in it splits."""
    levels = [""]
    for character in text:
        if character == "(":
            levels.append("")
        elif character == ")" and len(levels) > 1:
            inside = levels.pop().strip()
            nickname = _NICKNAME.fullmatch(inside) and not _INSTITUTION.search(inside)
            levels[-1] += f"({inside})" if nickname else "()"
        else:
            levels[-1] += character
    return "(".join(levels)


def _parts(text: str) -> list[str]:
    parts = []
    for part in re.split(r"[,;:]", text):
        joint = r"(?:^|\s)(?:and|&)\s" if not _GROUP.search(part) else r"^\s*and\s"
        parts += [piece.strip() for piece in re.split(joint, part)]
    return parts


def _name(part: str) -> str:
    """The name in a part, or "" where it is the end of an affiliation or opens with its number."""
    part = re.sub(r"\((?![^()]*\)).*", "", part)  # "Jane Doe (MIT", never closed
    if part.startswith("(") or part.count(")") > part.count("("):
        return ""
    part = re.sub(r"(\s*\([^()]*\))+\s*$", "", part)
    return " ".join(part.replace("()", " ").split())


# -- following -------------------------------------------------------------------------------------

# Letters that Unicode does not take apart into a plain one and an accent.
_PLAIN = str.maketrans(
    {"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "æ": "ae", "œ": "oe", "þ": "th"}
)


def _person(name: str) -> tuple[str, list[list[str]]]:
    """A name as its family name and the given names it may go by."""
    apart = unicodedata.normalize("NFKD", name)
    plain = "".join(c for c in apart if not unicodedata.combining(c)).casefold().translate(_PLAIN)
    nicknames = re.findall(r"[(\"“]([^\W_]+)[)\"”]", plain)
    words = re.findall(r"[^\W_]+(?:['’–-][^\W_]+)*", re.sub(r"[(\"“].*?[)\"”]", " ", plain))
    while len(words) > 2 and words[-1] in ("jr", "sr", "ii", "iii", "iv"):
        words.pop()
    if not words:
        return "", []
    given = re.findall(r"[^\W_]+", " ".join(words[:-1]))
    return re.sub(r"\W", "", words[-1]), [given, *([nickname] for nickname in nicknames)]


def _agree(mine: list[str], theirs: list[str]) -> bool:
    """Whether two lists of given names can be one person's; Xiao-Ming is Xiaoming."""
    if "".join(mine) == "".join(theirs):
        return True
    short, long = sorted((mine, theirs), key=len)
    if not short or not _alike(short[0], long[0]):
        return False
    middle = iter(long[1:])
    return all(any(_alike(name, other) for other in middle) for name in short[1:])


def _alike(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    return short == long or (len(short) == 1 and long.startswith(short))
