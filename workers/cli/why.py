"""`paperboy why`: the answer to `/why`, whole, in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from bot.arxiv import ids
from bot.commands import papers
from bot.commands.context import Answer, Ask, Desk
from bot.commands.paper_status import standing, standings
from bot.domain.message import Head
from bot.domain.paper_status import Standing
from bot.domain.papers import Profile
from bot.profiles import library
from bot.settings import Settings
from workers.cli.progress import answered
from workers.cli.terminal import FIRST, HERE
from workers.runtime.environment import desk_of, staffed


def run(settings: Settings, text: str, word: str | None) -> Head:
    """What became of the paper that a text names: for one profile (a name or a TOML file), or else
    for those this terminal has had. Raises Refused, clock.WorkerFault."""
    named = ids.one(text)
    with staffed(settings, "ask") as here:
        at = desk_of(here, settings)
        ask = Ask(text, HERE, datetime.now(UTC))
        known = library.shipped() | here.store.named_profiles()
        profile = library.resolve(word, known) if word else None

        def answer(final: bool = False) -> Answer:
            found = _standings(ask, at, named.id, profile, known[FIRST])
            return papers.about(ask, at, named.id, found, named.version, final)

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
