"""What people's programs and assistants ask for."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from bot.arxiv import ids
from bot.domain.readers.tokens import is_token
from bot.doors import questions
from bot.doors.admission import given_token
from bot.doors.pages import parse
from bot.errors import Refused
from tests.fuzz.promises import assert_explained, assert_stored

_KINDS = (
    *(questions.DigestsAsked, questions.PapersAsked, questions.DigestWanted),
    *(questions.AboutPaper, questions.WordsAsked),
)


def asked(data: bytes) -> None:
    """Any parameters, in an address or as an assistant's JSON, are taken whole or refused in a
    sentence; and a header has a token of ours or none."""
    text = data.decode(errors="surrogateescape")
    given: list[Any] = [dict(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))]
    with suppress(ValueError, RecursionError):
        given.append(json.loads(text))
    for each in given:
        for kind in _KINDS:
            try:
                found = parse(kind, each)
            except Refused as refused:
                assert_explained(refused)
                continue
            assert_stored(found)
            if isinstance(found, questions.AboutPaper):
                with suppress(Refused):
                    assert ids.parse_one(found.id)
    token = given_token(text)
    assert token is None or (is_token(token) and token.isascii() and token in text)
