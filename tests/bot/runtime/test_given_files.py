"""Whose files are asked for: those on the platform's own host, and no others."""

from __future__ import annotations

import asyncio

import pytest

from bot.domain.message import GivenFile
from bot.errors import Refused
from bot.runtime.given_files import FileReader

SLACK = FileReader("Slack", "https://slack.com/api/", "slack.com", "files.slack.com", "No.", {})


@pytest.mark.parametrize(
    "url",
    [
        "https://files.slack.com.example.org/a",
        "https://example.org/files.slack.com",
        "http://files.slack.com/a",
        "https://files.slack.com:8443/a",
        "https://files.slack.com@example.org/a",
        "https://me:secret@files.slack.com/a",
        "https://slack.com/api/auth.revoke",
        "//files.slack.com/a",
        "https://files.slack.com:port/a",
        "https://[files.slack.com/a",
        "file:///etc/passwd",
        "http://127.0.0.1:6379/",
    ],
)
def test_an_address_that_is_not_the_platforms_is_not_asked(url: str) -> None:
    with pytest.raises(Refused, match="not kept in this chat"):
        asyncio.run(SLACK.read(GivenFile(name="a.bib", url=url)))
