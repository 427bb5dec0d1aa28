"""What can be asked and said about one paper: why, all of its abstract, a vote."""

from __future__ import annotations

from collections.abc import Sequence

from bot import arxiv_ids, views, views_paper, words_wrong
from bot.desk import Answer, Ask, Desk
from bot.errors import Refused
from bot.ledger import Decision, Digest, Outcome
from bot.subscription import Way


def why(ask: Ask, desk: Desk, rest: Sequence[str]) -> Answer:
    """`why ID`: what became of a paper in this channel, and for what reason."""
    named = arxiv_ids.one(" ".join(rest))
    found = desk.channels.deciding(ask.address, named.id)
    if found is None:
        raise Refused(words_wrong.never_seen(named.id))
    day, digest = found
    return _why(ask, desk, day, digest, named.id)


def why_pressed(ask: Ask, desk: Desk, value: str) -> Answer:
    day, digest, decision = _meant(ask, desk, value)
    return _why(ask, desk, day, digest, decision.paper.id)


def abstract(ask: Ask, desk: Desk, value: str) -> Answer:
    return Answer(views_paper.whole_abstract(_meant(ask, desk, value)[2].paper))


def voted_up(ask: Ask, desk: Desk, value: str) -> Answer:
    return _voted(ask, desk, value, Way.UP)


def voted_down(ask: Ask, desk: Desk, value: str) -> Answer:
    return _voted(ask, desk, value, Way.DOWN)


def _voted(ask: Ask, desk: Desk, value: str, way: Way) -> Answer:
    day, digest, decision = _meant(ask, desk, value)
    desk.subscriptions.vote(ask.address, decision.paper.id, ask.by, way)
    votes = desk.subscriptions.votes(ask.address, decision.paper.id)
    also = desk.channels.also(ask.address, decision.paper.id)
    rank = digest.picked.index(decision) + 1
    return Answer(update=views.card(digest, rank, decision, day, votes, also))


def _why(ask: Ask, desk: Desk, day: str, digest: Digest, id: str) -> Answer:
    decision = next(d for d in digest.decisions if d.paper.id == id)
    return Answer(views_paper.why(digest, decision))


def _meant(ask: Ask, desk: Desk, value: str) -> tuple[str, Digest, Decision]:
    """A card's button carries `DAY ID`."""
    day, _, id = value.partition(" ")
    digest = desk.channels.given(ask.address, day)
    if digest is not None:
        for decision in digest.decisions:
            if decision.paper.id == id and decision.outcome is Outcome.PICKED:
                return day, digest, decision
    raise Refused(words_wrong.too_old())
