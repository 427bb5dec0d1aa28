"""Which ties, dashes and braces are TeX's, and which mean what they look like; pure."""

from __future__ import annotations

import re


def tie(before: str, after: str, last: str) -> str:
    """A `~` as a space between words, or as "about" before a number, as in z~2.5.

    `before` is what stands before it, `after` the next character, `last` the last one shown. After
    a word that numbers things (Fig.~3, Table~1) it is a tie again.
    """
    if not before[-1:].strip("([ ") or not after.strip():
        return "~"
    word = re.search(r"[^\s~]{1,24}$", before)
    names = word and re.search(r"\.$|^[(\[]?[A-Z]\w*[a-z]\w+$", word[0])
    about = after.isdigit() and (last.isalnum() or last in tuple(")%]’"))
    return "~" if about and not names else " "


def dash(text: str, before: str, after: str) -> str:
    """Two or three hyphens as TeX sets them, but `--help`, `-->` and longer ones as they are."""
    ends = after.isspace() or not after
    set_off = not before.strip() and (ends or after in '$“"‘')
    joins = re.match(r"[\w)\]”’\"'.,;:%}$]", before) and (
        ends or re.match(r"[\w(\[“‘\"'\\${`]", after)
    )
    if len(text) > 3 or not (set_off or joins):
        return text
    return "—" if len(text) == 3 else "–"


def is_a_set(before: str, inside: str, maths: bool) -> bool:
    """Whether braces hold a set or a record, as in "labels {-1, 1}", and are no group of TeX's."""
    few = re.fullmatch(r"[-+\w. ]{1,3}(?:,[-+\w. ]{1,4})+", inside)
    if few and not re.match(r"[\\\w}\]^_]", before):
        return True
    prose = not maths and not re.search(r"[\\{}$^_]|://", inside)
    return prose and not before.strip("([ ") and bool(re.search(r"[,:;|=]", inside))
