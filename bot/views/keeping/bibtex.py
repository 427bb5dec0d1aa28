"""A paper as a BibTeX entry."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from typing import Final

from bot.arxiv import ids
from bot.arxiv.authors import at_most, family_name, is_group
from bot.arxiv.text import one_line, readable
from bot.domain.message import Message
from bot.domain.papers import Paper

# What TeX would take for a command.
_ESCAPED: Final = str.maketrans(
    {
        "\\": r"\textbackslash{}", "{": r"\textbraceleft{}",
        "}": r"\textbraceright{}", "$": r"\$", "&": r"\&", "#": r"\#",
        "%": r"\%", "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
        "`": r"\textasciigrave{}",
    }
)  # fmt: skip
# Names; more would not fit into a message.
_AUTHORS: Final = 50
# Words that begin half of all titles.
_EMPTY: Final = frozenset("a an the on of for to in and with from towards is are".split())  # noqa: SIM905


def bibtex_text(paper: Paper) -> Message:
    """The entry, to copy."""
    return Message(title=readable(paper.title), code=entry(paper))


def entries(papers: Iterable[Paper]) -> str:
    """Several entries as a file, each with a key of its own."""
    seen: Counter[str] = Counter()
    found = []
    for paper in papers:
        key = _key(paper)
        seen[key] += 1
        found.append(entry(paper, key if seen[key] == 1 else f"{key}-{seen[key]}"))
    return "".join(f"{each}\n\n" for each in found)


def entry(paper: Paper, key: str = "") -> str:
    """`@misc{...}` in Unicode, with the title in braces that keep its capitals. No text of others
    is left that TeX would read as a command, but for the mathematics that `readable` reads, too."""
    month = ids.month(paper.id)
    primary = [one_line(name) for name in paper.categories[:1]]
    fields = {
        "title": f"{{{_title(paper.title)}}}",
        "author": " and ".join(_names(at_most(paper.authors, _AUTHORS))),
        "year": str(month.year) if month else "",
        "eprint": paper.id,
        "archivePrefix": "arXiv",
        "primaryClass": "".join(primary),
        "url": paper.url,
    }
    rows = [f"  {name:<13} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@misc{{{key or _key(paper)},", *rows, "}"])


def _title(raw: str) -> str:
    """As its authors typed it where we understand all of its TeX, otherwise as people see it."""
    text, seen = one_line(raw), readable(raw)
    if "\\" in seen or "$" in seen or not _is_balanced(text):
        return _escaped(seen)
    parts = re.split(r"((?<!\\)\$[^$]*\$)", text)
    return "".join(part if part.startswith("$") else _BARE.sub(_bare, part) for part in parts)


def _is_balanced(text: str) -> bool:
    """Whether it closes what it opens, and nothing else. BibTeX counts escaped braces, too."""
    depth = 0
    bare = re.sub(r"\\[^{}]", "", text)
    for char in text:
        depth += (char == "{") - (char == "}")
        if depth < 0:
            return False
    return depth == 0 and bare.count("$") % 2 == 0 and not bare.endswith("\\")


# A command, or a character that takes a backslash outside of mathematics.
_BARE: Final = re.compile(r"\\.|[&#%_^]")


def _bare(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("\\") else _escaped(found[0])


def _names(names: Iterable[str]) -> Iterable[str]:
    """A group is one name, whatever words it has; "and others" is BibTeX's own "others"."""
    for name in names:
        said = _escaped(one_line(name))
        if name == "and others":
            yield "others"
        elif is_group(name) or re.search(r"\band\b|,", said, re.IGNORECASE):
            yield f"{{{said}}}"
        else:
            yield said


def _key(paper: Paper) -> str:
    """`blondal2025borsuk`: of letters and digits alone."""
    first = _plain(family_name(paper.authors[0])) if paper.authors else ""
    month = ids.month(paper.id)
    words = [_plain(word) for word in re.split(r"[^\w]+", readable(paper.title))]
    word = next((word for word in words if word and word not in _EMPTY), "")
    key = f"{first[:30]}{month.year if month else ''}{word[:30]}"
    return key if key[:1].isalpha() else f"arxiv{_plain(paper.id)}"


def _plain(text: str) -> str:
    """Its ASCII letters and digits, without accents, in small letters."""
    letters = unicodedata.normalize("NFKD", text).casefold()
    return "".join(c for c in letters if c.isascii() and c.isalnum())


def _escaped(text: str) -> str:
    return text.translate(_ESCAPED)
