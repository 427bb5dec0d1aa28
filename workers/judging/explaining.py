"""Prompts for an explanation of one paper; keeps the claims that its own words bear out; pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bot.arxiv.text import one_line, shortened
from bot.domain.lookup import Claim
from bot.domain.papers import Paper, Profile, fingerprint
from workers.judging import prompts, replies

# Nobody reads more than four under a question; the prompt says so too.
_CLAIMS = 4
_SAYS_MAX = 300
# Any paper has one given word; a quotation longer than a long sentence proves nothing particular.
_QUOTE_WORDS, _QUOTE_MIN, _QUOTE_MAX = 2, 8, 300

# What models put around a quotation; possessive, so that a row of dots is matched once.
_AROUND = r"""(?:["'`“”„‘’«»…\s]|\.{3,}+)+"""
_MARKS_AROUND = re.compile(rf"\A{_AROUND}|{_AROUND}\Z")
# A quotation has to end at word boundaries: "non-convex losses" does not say "convex losses", nor
# "a gain of 3.5" "a gain of 3". Only these characters may separate it from a space or a dash.
_BEFORE = re.compile(r"""(?:\A|[\s—]|---)(?:[(\["'`“„‘«$]|(?:\\(?:emph|text[a-z]{2}))?\{)*\Z""")
_AFTER = re.compile(r"""[.,;:!?)\]}"'`”’»$]*(?:\Z|[\s—]|---)""")
_NUMBERED = re.compile(r"(?:criterion )?([0-9]{1,2})(?: ?[:.)] ?(.+))?")


def schema() -> dict[str, Any]:
    """The JSON schema of a reply."""
    fields = {
        "topic": {"type": "string"},
        "meets": {"type": "boolean"},
        "says": {"type": "string"},
        "quote": {"type": "string"},
    }
    return replies.strict("claims", fields)


def instructions(profile: Profile) -> str:
    """The first part of the prompt, the same for all papers: the criteria and what a claim is."""
    return prompts.render("explain.md.j2", profile=profile)


def question(paper: Paper) -> str:
    """The second part: the paper as one line of JSON, which its text cannot leave."""
    return prompts.paper_line(paper) + "\n"


def explanation_key(profile: Profile, model: str) -> str:
    """Names a model and its prompt: under one key a paper gets one explanation."""
    return fingerprint(instructions(profile), json.dumps(schema()), model)


def parse_reply(reply: str, profile: Profile, paper: Paper) -> tuple[tuple[Claim, ...], int] | None:
    """A reply's valid claims, the first four, and the number of invalid ones.

    A claim is valid when it names a topic of the profile, says something, and quotes the paper's
    title or abstract word for word, white space aside. A repeated topic with the same quotation
    counts once. None where the reply has no readable claim and does not say that there is none.
    """
    lists = [
        rows for value in replies.json_values(reply) if (rows := _claims_in(value, 8)) is not None
    ]
    if not lists:
        return None
    topics = [topic.name for topic in profile.topics]
    texts = (_folded(paper.title), _folded(paper.abstract))
    claims: dict[tuple[str, str], Claim] = {}
    dropped = 0
    for row in (row for rows in lists for row in rows):
        claim = _claim(row, topics, texts)
        if claim is None:
            dropped += 1
        else:
            claims.setdefault((claim.topic, claim.quote), claim)
    return tuple(claims.values())[:_CLAIMS], dropped


def _claims_in(value: object, depth: int) -> list[Mapping[str, Any]] | None:
    """The claims within `depth` levels of lists and objects, valid or not; None where there is not
    even an empty list of them."""
    if not isinstance(value, list | dict):
        return None
    named = replies.normalised_fields(value) if isinstance(value, dict) else {}
    if "topic" in named and named.keys() & {"says", "quote"}:
        return [named]
    parts = list(named.values()) if isinstance(value, dict) else value
    inner = [_claims_in(part, depth - 1) for part in parts] if depth else []
    found = [rows for rows in inner if rows is not None]
    if not found and named.get("claims") != []:
        return None
    return [row for rows in found for row in rows]


def _claim(row: Mapping[str, Any], topics: Sequence[str], texts: Sequence[str]) -> Claim | None:
    topic, meets = _topic(row.get("topic"), topics), _flag(row.get("meets"))
    says, quote = row.get("says"), _quotation(row.get("quote"), texts)
    text = shortened(one_line(says), _SAYS_MAX) if isinstance(says, str) else ""
    if topic is None or meets is None or quote is None or not text:
        return None
    return Claim(topic=topic, meets=meets, says=text, quote=quote)


def _topic(given: object, topics: Sequence[str]) -> str | None:
    """The topic named: by its name, its number in the prompt, or both if they agree."""
    if not isinstance(given, str | int):
        return None
    plain = _folded(str(given)).casefold()
    names = {_folded(topic).casefold(): topic for topic in reversed(topics)}
    if plain in names:
        return names[plain]
    match = _NUMBERED.fullmatch(plain)
    if match is None or not 1 <= int(match[1]) <= len(topics):
        return None
    topic = topics[int(match[1]) - 1]
    return topic if match[2] in (None, _folded(topic).casefold()) else None


def _flag(given: object) -> bool | None:
    if isinstance(given, str):
        return {"true": True, "false": False}.get(given.strip().lower())
    return given if isinstance(given, bool) else None


def _quotation(given: object, texts: Sequence[str]) -> str | None:
    """The quotation as it stands in one of the texts, without marks around it where needed."""
    if not isinstance(given, str):
        return None
    quote = _folded(given)
    if len(quote) > 2 * _QUOTE_MAX:  # too long even with marks around it
        return None
    for words in (quote, _MARKS_AROUND.sub("", quote)):
        enough = sum(any(map(str.isalnum, word)) for word in words.split()) >= _QUOTE_WORDS
        fits = enough and _QUOTE_MIN <= len(words) <= _QUOTE_MAX
        if fits and any(_contains(words, text) for text in texts):
            return words
    return None


def _contains(words: str, text: str) -> bool:
    at = text.find(words)
    while at >= 0:
        if _BEFORE.search(text, 0, at) and _AFTER.match(text, at + len(words)):
            return True
        at = text.find(words, at + 1)
    return False


def _folded(text: str) -> str:
    return " ".join(text.split())
