"""Finds a withdrawal notice in a paper's comment or abstract; pure.

arXiv keeps the record of a withdrawn paper, and its API has no field for it: the notice is prose,
mostly in the comment and often in front of the abstract. The patterns come from records of arXiv's
OAI-PMH interface and from notices that others collected from its API.
"""

from __future__ import annotations

import re
from typing import Final

from bot.arxiv.text import one_line, shortened

_LIMIT: Final = 200  # characters of a notice, one line of an answer
_READ: Final = 4000  # characters read of each; longer than any seen

_PAPER: Final = (
    r"(?:paper|article|manuscript|submission|pre-?print|e-?print|work|version|draft|report)s?\b"
    r"(?:\ and\ (?:its\ )?abstract)? (?:\ ?\([^()]{1,60}\))?"
)
_THIS: Final = (
    rf"(?:this|the|our|my)\ (?:(?:current|present|following|above|entire|whole|arxiv)\ ){{0,2}}"
    rf"{_PAPER}"
)
_HOW: Final = r"(?:(?:now|since|hereby|temporarily|formally|officially|administratively)\ )?"
_BY: Final = r"by\ (?:(?:the|its|all)\ )?(?:\w+\ )?(?:authors?|arxiv|submitter|us\b|me\b)"
_WHY: Final = (
    r"(?:due|owing|because|since|until|pending|for\ (?:now|revision|the\ time|further)"
    r"|as\ (?:it|its|the|this|there|we|an?|some|they)\b"
    r"|in\ favou?r|on\ request|at\ the\ request|from\ (?:the\ )?arxiv)"
)
_BACK: Final = r"(?:withdrawn|retracted)\b"
_END: Final = r"(?=\s*(?:[.!:;,)\]]|-+\s|$))"
# Withdrawn from a conference or journal, or only perhaps, is not withdrawn from arXiv.
_ELSEWHERE: Final = (
    rf"(?!(?:\ {_BY}(?:\(s\))?)?\ from\ (?!(?:the\ )?arxiv"
    r"|(?:further\ )?(?:consideration|publication)\b(?!\ (?:at|in|by)\b)))(?!\ (?:if|when|once)\b)"
)
_SENTENCE: Final = (
    r"(?:(?:arxiv\ )?admin\ note:\ |(?:note|update|comments?|erratum):\ "
    r"|(?:therefore|hence|accordingly|unfortunately|thus|so),?\ "
    r"|(?:due\ to|because|since|as|owing\ to|after|following|in\ view\ of)\b[^.;]{1,150},\ )?"
)

# A notice at the start of any sentence.
_PLAIN: Final = rf"""
    (?:{_THIS} \ {_HOW} (?:has|have|had|is|are|was|were) \ {_HOW} (?:(?:been|being)\ )? {_HOW}
       (?:{_BACK}|removed (?=\ (?:{_BY}|{_WHY}))) {_ELSEWHERE}
    | (?:paper|article|manuscript|submission|preprint) \ (?:(?:is|was|has\ been)\ )? {_HOW}
       {_BACK} (?:{_END} | (?=\ (?:{_BY}|{_WHY}))) {_ELSEWHERE}
    | (?:the\ authors?|authors?|we|i) \ (?:(?:have|has|hereby|must|decided\ to|wish\ to
       |would\ like\ to|have\ decided\ to|has\ decided\ to)\ )? withdr(?:aw|ew|awn)
       \ (?:this|the|our|my) \ {_PAPER} (?:{_END} | (?=\ {_WHY}))
    | {_BACK} {_ELSEWHERE} \ {_HOW} (?:{_BY}|{_WHY}))"""
# A single word is a notice only at the very beginning or as a sentence of its own.
_BARE: Final = rf"\W{{0,3}} {_BACK} \W{{0,3}} (?: $ | (?<=[.!:;,*\])]) | (?<=\ [-–—]) )"

_ABSTRACT: Final = re.compile(
    rf"[\W_]{{0,4}} (?: {_SENTENCE} {_PLAIN} | {_BARE} )", re.VERBOSE | re.IGNORECASE
)
_COMMENT: Final = re.compile(
    rf"""(?: ^[\W_]{{0,4}} | (?<=[.;!?)\]*])[ ] | (?<=[(\[]) | [ ]-{{1,3}}[ ] | [ ][–—][ ]
          | (?<=pages,\ ) | (?<=figures,\ ) | (?<=figure,\ ) | (?<=tables,\ ) | (?<=table,\ ) )
    (?P<notice> {_SENTENCE} {_PLAIN}
      | withdrawal \ (?:due\ to|because)\b
      | [^.;:]{{0,80}} \b(?:request|seek|ask\ for) \ (?:the\ )?withdrawal\ of \ {_THIS}
      | [^.;:]{{0,80}} \brequest \ that \ {_THIS} \ be \ {_BACK}
      | (?:^|(?<=[.!]\ )) {_BARE} )""",
    re.VERBOSE | re.IGNORECASE,
)
_SENTENCE_END: Final = re.compile(r"(?:[a-z]{4}|[\d)])[.!](?=\s+[\"“(\[$A-Z])|\]")


def withdrawal(comment: str, abstract: str) -> str:
    """A paper's withdrawal notice, one line of at most 200 characters, or "". Of a notice in the
    comment and one in front of the abstract, the longer."""
    comment, abstract = one_line(comment[:_READ]), one_line(abstract[:_READ])
    match = _COMMENT.search(comment)
    notice = comment[match.start("notice") :] if match else ""
    front = _front(abstract) if _ABSTRACT.match(abstract) else ""
    return shortened(max(notice, front, key=len).strip(" -–—*[]"), _LIMIT)


def _front(abstract: str) -> str:
    """A notice in front of an abstract: the whole text where it is short, or its first sentence."""
    end = _SENTENCE_END.search(abstract) if len(abstract) > _LIMIT else None
    return abstract[: end.end()] if end else abstract
