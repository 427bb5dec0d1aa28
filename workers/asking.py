"""`paperboy why`: the answer to `/why`, whole, in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from bot import arxiv_ids, paper_actions, profiles
from bot.desk import Answer, Ask, Desk
from bot.domain import Profile
from bot.message import Head
from bot.settings import Settings
from bot.standing import Standing
from bot.standings import standing, standings
from workers.house import desk_of, staffed
from workers.terminal import FIRST, HERE
from workers.waiting import answered


def run(settings: Settings, text: str, word: str | None) -> Head:
    """What became of the paper that a text names: for one profile (a name or a TOML file), or else
    for those this terminal has had. Raises Refused, clock.WorkerFault."""
    named = arxiv_ids.one(text)
    with staffed(settings) as here:
        at = desk_of(here, settings)
        ask = Ask(text, HERE, datetime.now(UTC))
        known = profiles.shipped() | here.store.named_profiles()
        profile = profiles.resolve(word, known) if word else None

        def answer(final: bool = False) -> Answer:
            found = _standings(ask, at, named.id, profile, known[FIRST])
            return paper_actions.about(ask, at, named.id, found, named.version, final)

        first = answer()
        if first.inquiry:
            answered(first.inquiry, at.inquiries, here, Console(stderr=True))
            first = answer(final=True)
        assert first.head is not None, "something is said of a paper"
        return first.head


def _standings(
    ask: Ask, desk: Desk, id: str, wanted: Profile | None, otherwise: Profile
) -> list[Standing]:
    here = standings(ask, desk, id)
    found = [s for s in here if wanted is None or s.profile.name == wanted.name]
    return found or [standing(ask, desk, wanted or otherwise, id)]
