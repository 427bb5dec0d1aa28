"""Whatever papers and names are like, each paper of a direct message is there to be read."""

from __future__ import annotations

import json

import pytest

from bot.discord import render as discord
from bot.domain.papers import Paper
from bot.domain.readers.following import Follow, FollowKind, Telling
from bot.planning.following import PAPERS
from bot.slack import render as slack
from bot.views.readers import following as views
from tests.factories import DAY, NOW, paper

# Names of 300 characters, titles of 1,000, emoji, and letters from right to left.
NAMES = ("Jane Doe", *(f"{letter} {letter * 298}" for letter in "abשج"), "🦉" * 300)
TITLES = {
    "long": "word " * 200,
    "unbroken": "w" * 1_000,
    "hebrew": "מילה " * 200,
    "owls": "🦉" * 999,
}


def owed(title: str) -> tuple[list[Telling], dict[str, Paper], dict[str, Follow]]:
    """Papers of one direct message, to one who follows their author and many of their words."""
    texts = {
        str(n): paper(f"2503.1000{n}", title=f"{n} {title}", authors=NAMES) for n in range(PAPERS)
    }
    what = [("author", "Jane Doe"), *(("term", f"{n:02}" + "t" * 78) for n in range(49))]
    follows = [
        Follow(
            workspace="discord:123456789012345678", by="U1", kind=FollowKind(k), what=w, since=NOW
        )
        for k, w in what
    ]
    tellings = [
        Telling(
            workspace="discord:123456789012345678",
            by="U1",
            paper=text.id,
            ref=ref,
            follows=tuple(each.token for each in follows),
            date=DAY,
            at=NOW,
        )
        for ref, text in texts.items()
    ]
    return tellings, texts, {each.token: each for each in follows}


@pytest.mark.parametrize("title", TITLES)
def test_a_direct_message_shows_every_paper_on_both_platforms(title: str) -> None:
    tellings, texts, follows = owed(TITLES[title])
    message = views.direct(tellings, texts, follows)
    for body in (slack.message(message), discord.message(message)):
        shown = json.dumps(body, ensure_ascii=False)
        assert [each.id for each in texts.values() if each.url not in shown] == []
        assert shown.count("not-them") >= PAPERS
