"""Checks that the numbers of a sentence stand in a paper's own text; pure.

A model that sums up a paper gets a number wrong now and then, and nobody would notice. Digits are
checked in any script, and English number words as well.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal

from bot.arxiv.text import readable

# A run of digits with the points and commas inside: 58.3, 10,000, 4.0.1.
_NUMBER = re.compile(r"[0-9]+(?:[.,][0-9]+)*")
# Raised and lowered digits are numbers of their own: 10² is 10 and 2, as 10^{2} is.
_RAISED = re.compile("[⁰¹²³⁴-⁹]+|[₀-₉]+")
# What separates thousands, in TeX and in Unicode.
_THIN = re.compile(r"(?<=[0-9])(?:\{,\}|\\[,;:! ]|[\u00a0\u2009\u202f'’ ])(?=[0-9]{3}(?![0-9]))")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,])[0-9]{3})(?:\1[0-9]{3})*")
_LETTERS = re.compile(r"[a-z]+")

_CARDINALS = (
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety hundred"
# Words that state a number, and what bears them out; of the last ones the beginnings.
_STATING = (
    {word: {str(n)} for n, word in enumerate(_CARDINALS.split(), 2)}
    | {word: {str(10 * n)} for n, word in enumerate(_TENS.split(), 2)}
    | {"thousand": {"1000"}, "million": {"1000000"}, "billion": {"1000000000"}, "dozen": {"12"}}
    | {"twice": {"2"}, "half": {"2", "0.5", "50"}}
)
_BEGINNINGS = {"doubl": {"2"}, "halv": {"2", "0.5", "50"}, "tripl": {"3"}, "quadrupl": {"4"}}
# 1.5M bears out "1.5 million".
_SUFFIX, _SUFFIXES = (
    re.compile(r"[0-9] ?([KkMBb])\b"),
    {"K": "1000", "k": "1000", "M": "1000000", "B": "1000000000", "b": "1000000000"},
)
# Words that state none, and bear one out: "the second" is a word for two.
_BEARING = {
    word: {str(n)}
    for n, words in enumerate(
        ("second both pair dual binary", "third thrice", "fourth quarter", "fifth", "sixth"), 2
    )
    for word in words.split()
}


def numbers_stand_in(sentence: str, *texts: str, words: bool = True) -> bool:
    """Whether every number of the sentence stands in one of the texts (raw TeX), however either
    writes it: 1,000 or 1000, 0,5 or 0.5, 2 or two. A rounded number does not. Number words are
    checked where `words` says that the sentence is in English."""
    known = set[str]()
    for form in (form for text in texts for form in (text, readable(text))):
        known |= _numbers(form) | _numbers(_THIN.sub("", _plain(form)))
        known |= {_SUFFIXES[suffix] for suffix in _SUFFIX.findall(form)}
        for word in _words(form):
            known |= _stated(word) or _BEARING.get(word, set())
    said = _plain(sentence)
    # With thousands joined, or as they stand: "in 2024 300 models" has two numbers.
    digits = any(
        all(known & _values(number) for number in _NUMBER.findall(spelt))
        for spelt in (said, _THIN.sub("", said))
    )
    stated = [_stated(word) for word in _words(sentence)] if words else []
    return digits and all(known & meant for meant in stated if meant)


def _stated(word: str) -> set[str]:
    """What a number word may mean; empty for other words."""
    plain = word.removesuffix("fold").removesuffix("s")
    for known in (word, plain):
        if known in _STATING:
            return _STATING[known]
    return next((stated for begin, stated in _BEGINNINGS.items() if word.startswith(begin)), set())


def _numbers(text: str) -> set[str]:
    found = (_values(number) for number in _NUMBER.findall(_plain(text)))
    return set[str]().union(*found)


def _plain(text: str) -> str:
    """The text with every digit as 0 to 9, raised and lowered ones apart."""
    return unicodedata.normalize("NFKC", _RAISED.sub(r" \g<0> ", text)).translate(_Digits())


class _Digits(dict[int, str]):
    """Every script's digits as 0 to 9, and Arabic's marks as point and comma."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        if char in "٫٬":
            return "." if char == "٫" else ","
        digit = unicodedata.decimal(char, None)
        return char if digit is None else str(digit)


def _values(number: str) -> set[str]:
    """What a number as written may mean: 1.000 is a thousand, or one."""
    meant = {number}
    if grouped := _GROUPED.fullmatch(number):
        meant.add(number.replace(grouped[1], ""))
    if number.count(",") == 1:
        meant.add(number.replace(",", "."))
    english = number.replace(",", "")
    return {_same(value) for value in (*meant, english)}


def _same(number: str) -> str:
    """One spelling for equal numbers: 48.0 and 48, 07 and 7."""
    if number.count(".") > 1 or "," in number or len(number) > 40:
        return number
    return format(Decimal(number).normalize(), "f")


def _words(text: str) -> Iterator[str]:
    return (word[0] for word in _LETTERS.finditer(text.lower()))
