"""One paper of a digest: its card, and the words for a paper that cards and `/why` share."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import NamedTuple

from bot.arxiv import authors, ids
from bot.arxiv.sentences import telling_sentence
from bot.arxiv.text import one_line, readable, shortened
from bot.domain.channel_view import CardState, Pointer
from bot.domain.digest import Decision, Digest, Outcome
from bot.domain.judge import Judge
from bot.domain.message import Button, Card, ChannelLink, Link, Message
from bot.domain.papers import Announced, AnnounceType, Paper, Profile
from bot.domain.subscription import Votes
from bot.views.dates import long_month
from bot.views.reasons import ranked_locally

# Characters: of the abstract's beginning, of its most telling sentence, and of that on a card.
_ABSTRACT, _SHOWS, _CARD = 320, 300, 180
_AUTHORS, _STARS = 5, 3
# Days from the first of the month: a paper of its last day is listed some days later.
_HELD_DAYS = 45


class _Day(NamedTuple):
    """What a card has of its digest. It is the same in a thousand channels, where their digests are
    not: the card is made once."""

    profile: Profile
    judge: Judge
    date: date


def card(
    digest: Digest,
    rank: int | None,
    decision: Decision,
    day: str = "",
    state: CardState | None = None,
) -> Card:
    """One posted paper, with its rank where it is picked; `state` is what is known beyond its
    digest. `day` is what buttons carry to name the digest; without it there are no buttons."""
    of = _Day(digest.profile, digest.judge, digest.date)
    return _card(of, rank, decision, day, state or CardState())


@lru_cache(maxsize=1 << 10)
def _card(of: _Day, rank: int | None, decision: Decision, day: str, state: CardState) -> Card:
    paper, score = decision.paper, decision.score
    others = [f"also for {one_line(title)}" for title in state.also]
    return Card(
        rank=rank,
        title=readable(paper.title),
        url=paper.url,
        mark=mark(decision),
        relevance=score.relevance if score else None,
        novelty=score.novelty if score else None,
        shows=sentence(of, decision),
        byline=" · ".join([*byline(decision, of.date), *others]),
        facts=" · ".join([announced_as(decision.announced, of.date), *others]),
        authors=author_line(paper, decision.followed),
        comment=_comment(of, decision),
        abstract=shortened(readable(paper.abstract), _ABSTRACT),
        pdf=pdf_url(paper),
        elsewhere=_elsewhere(state.pointer) if state.pointer else None,
        buttons=tuple(_buttons(f"{day} {paper.id}", state.votes)) if day else (),
        menu=menu(paper, day) if day else (),
    )


def _elsewhere(pointer: Pointer) -> ChannelLink:
    there = Link(label="discussed there", url=pointer.url)
    return ChannelLink(words="Also in", channel=pointer.channel, link=there)


def mark(decision: Decision) -> str:
    """What says of a posted paper that it was not picked: why the local ranking chose it, or that
    a model has judged it since."""
    if decision.trouble:
        return ranked_locally(decision.trouble)
    return "" if decision.outcome is Outcome.PICKED else "scored since, and not picked"


def sentence(digest: Digest | _Day, decision: Decision) -> str:
    """What the paper does, as cards and parents show it: a sentence that was not written for them
    is cut."""
    said = shows(digest, decision)
    return said if decision.score and decision.score.shows else shortened(said, _CARD)


def _comment(digest: _Day, decision: Decision) -> str:
    """In few words where they are only words."""
    score, place = decision.score, decision.place
    if score and digest.judge.model is None and score.comment:
        return f"Matches {readable(score.comment)}"
    if score is None and place and place.words:
        return f"Matches {readable(', '.join(place.words))}"
    return comment(digest, decision)


def _buttons(value: str, votes: Votes) -> Iterable[Button]:
    yield Button(action="up", label=f"👍 {votes.up}" if votes.up else "👍", value=value)
    yield Button(action="down", label=f"👎 {votes.down}" if votes.down else "👎", value=value)
    yield Button(action="abstract", label="Abstract", value=value)
    yield save_button(value)


def save_button(value: str) -> Button:
    """Keeps a paper for the person who presses it; pressed again, no longer."""
    return Button(action="save", label="Save", value=value)


def menu(paper: Paper, day: str) -> tuple[Button, ...]:
    """What is done with a paper less often."""
    value = f"{day} {paper.id}"
    return (
        Button(action="why", label="Why", value=value),
        Button(action="pdf", label="PDF", url=pdf_url(paper)),
        Button(action="bibtex", label="BibTeX", value=value),
        Button(action="follow", label="Follow", value=value),
        Button(action="like", label="More like this", value=value),
    )


def menu_text(decision: Decision, day: str) -> Message:
    """The menu as a message, where a platform has none."""
    paper = decision.paper
    return Message(title=readable(paper.title), buttons=menu(paper, day))


def whole_abstract(paper: Paper) -> Message:
    """The title, every author and the full abstract."""
    names = author_line(paper, ()) if len(paper.authors) > 40 else ", ".join(paper.authors)
    return Message(
        title=readable(paper.title),
        text=(readable(paper.abstract),),
        small=(names,) if names else (),
        buttons=(Button(action="open", label="arXiv", url=paper.url),),
    )


def pdf_url(paper: Paper) -> str:
    return f"https://arxiv.org/pdf/{paper.versioned}"


def shows(digest: Digest | _Day, decision: Decision) -> str:
    """What the paper does: the model's sentence, or the abstract's most telling one by the
    profile's words; readable, one line."""
    if decision.score and (said := readable(decision.score.shows)):
        return said
    return shortened(telling_sentence(decision.paper, digest.profile), _SHOWS)


def comment(digest: Digest | _Day, decision: Decision) -> str:
    """The model's comment, or the profile's words that the local ranking found."""
    said = readable(decision.score.comment) if decision.score else ""
    if digest.judge.model is None:
        return f"Matches the profile's words: {said}." if said else ""
    return said


def byline(decision: Decision, day: date) -> Iterable[str]:
    """`Blondal et al.` and `cs.LG`: who wrote a paper, followed authors first, and its category;
    also what is unusual about it."""
    if names := _short_authors(decision.paper, decision.followed):
        yield names
    yield announced_as(decision.announced, day).removeprefix("new in ")


def _short_authors(paper: Paper, followed: Iterable[str]) -> str:
    stars = tuple(followed)
    others = [name for name in paper.authors if not authors.followed([name], stars)]
    if stars:
        named = [f"★ {name}" for name in stars[:_STARS]]
        return ", ".join(named) + (" et al." if others or len(stars) > _STARS else "")
    if len(others) < 2:
        return "".join(others)
    names = [authors.family_name(name) for name in others[:2]]
    return ", ".join(names) if len(others) == 2 else f"{names[0]} et al."


def author_line(paper: Paper, followed: Iterable[str]) -> str:
    """Followed authors with a star, the first few others, and how many more."""
    stars = tuple(followed)
    others = [name for name in paper.authors if not authors.followed([name], stars)]
    more = f" + {len(others) - _AUTHORS}" if len(others) > _AUTHORS else ""
    return ", ".join([*(f"★ {name}" for name in stars), *others[:_AUTHORS]]) + more


def announced_as(announced: Announced, day: date) -> str:
    """`new in cs.LG` or `cross-list from stat.ML, version 2`; with the month of submission where
    moderators held it back for long."""
    paper = announced.paper
    primary = one_line(paper.categories[0]) if paper.categories else "no category"
    rest = f", version {paper.version}" if paper.version > 1 else ""
    if announced.announce_type is not AnnounceType.NEW:
        return f"cross-list from {primary}{rest}"
    if (month := ids.month(paper.id)) and (day - month).days > _HELD_DAYS:
        rest += f", submitted in {long_month(month)}"
    return f"new in {primary}{rest}"
