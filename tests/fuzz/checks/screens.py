"""What other people wrote, on its way through the views onto every screen."""

from __future__ import annotations

import json
from typing import Any

from bot.domain.digest import Decision, Outcome, Score
from bot.domain.lookup import Assessment, Claim
from bot.domain.message import Button, Card, Item, Message, PaperLine
from bot.domain.papers import Followed, Topic
from bot.terminal import export, render
from bot.views import digest as digest_views
from bot.views import terminal as terminal_views
from bot.views.assessments import claim_lines
from bot.views.card import whole_abstract
from bot.views.keeping.bibtex import bibtex_text
from bot.views.looking.near_misses import near_misses
from tests.factories import announced, digest, profile
from tests.fuzz.promises import assert_plain, assert_shown, document, texts

_URL = "https://arxiv.org/abs/2503.15294"


def digest_screen(data: bytes) -> None:
    """A digest of papers with any words keeps every chat's rules, and calls nobody."""
    given = document(data)
    papers = given.get("papers")
    rows = [row for row in papers if isinstance(row, dict)] if isinstance(papers, list) else []
    decisions = [_decision(n, row) for n, row in enumerate(rows[:30])]
    day = digest(*decisions, profile=_profile(given), prompt="As sent.")
    assert_shown(*digest_views.thread_posts(day, "day"))
    assert_shown(near_misses(day, "day", 10))
    opened = [terminal_views.opened(day, n, d) for n, d in enumerate(decisions, 1)]
    assert_plain(render.as_text([terminal_views.overview(day), *opened]), lines=True)
    for decision in decisions:
        assert_shown(whole_abstract(decision.paper), bibtex_text(decision.paper))
    assert_plain(export.as_markdown(day), lines=True)
    assert len(json.loads(export.as_json(day))["papers"]) == len(decisions)


def message_screen(data: bytes) -> None:
    """Any message and any card keeps every chat's rules."""
    given = document(data)
    title, *rest = [*texts(given), "Title"]
    assert_shown(
        Message(
            title=_clean(title),
            notices=_words(given, "notices"),
            text=_words(given, "text"),
            small=_words(given, "small"),
            lines=tuple(
                PaperLine(rank=n, relevance=8, novelty=None if n % 2 else 7, title=t, url=_URL)
                for n, t in enumerate(_words(given, "lines"), 1)
            ),
            items=tuple(
                Item(title=t, small=_words(given, "small"), buttons=(_button(n, t),))
                for n, t in enumerate(_words(given, "items"))
            ),
            buttons=tuple(_button(n, t) for n, t in enumerate(_words(given, "buttons"))),
        )
    )
    words = [_clean(word) for word in (*rest, "", "", "", "")][:4]
    assert_shown(
        Card(
            rank=1, title=_clean(title), url=_URL, relevance=10, novelty=None, facts=words[0],
            authors=words[1], comment=words[2], abstract=words[3], pdf=_URL,
        )
    )  # fmt: skip
    claims = tuple(Claim(topic=w, meets=True, says=w, quote=w) for w in words)
    assert_plain(*claim_lines(Assessment(score=None, claims=claims)))


def _clean(text: str) -> str:
    return digest_views.one_line(text)


def _words(given: dict[str, Any], name: str) -> tuple[str, ...]:
    return tuple(map(_clean, texts(given.get(name))))[:60]


def _button(n: int, label: str) -> Button:
    return Button(action="why", label=label, value=f"2503.{n:05}")


def _decision(n: int, row: dict[str, Any]) -> Decision:
    def text(name: str) -> str:
        return " ".join(texts(row.get(name)))

    outcome = list(Outcome)[len(text("outcome")) % len(Outcome)]
    score = Score(relevance=1 + n % 10, novelty=n % 4 or None, comment=_clean(text("comment")))
    found = announced(
        f"2503.{10000 + n}",
        ("new", "cross")[n % 2],
        title=_clean(text("title")) or "T",
        abstract=_clean(text("abstract")),
        authors=tuple(filter(None, map(_clean, texts(row.get("authors"))))),
        categories=(*filter(None, map(_clean, texts(row.get("categories")))), "cs.LG"),
    )
    return Decision(
        announced=found, outcome=outcome, score=None if outcome == "unscored" else score
    )


def _profile(given: dict[str, Any]) -> Any:
    names = tuple(name[:80] for name in map(_clean, texts(given.get("follow"))) if name)
    return profile(
        title=_clean(" ".join(texts(given.get("title"))))[:100] or "T",
        authors=Followed(follow=names),
        topics=(Topic(name="Matter", relevant="It."),),
    )
