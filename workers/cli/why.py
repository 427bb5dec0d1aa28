"""`paperboy why`: the answer to `/why`, whole, in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from bot.arxiv import ids
from bot.commands import papers
from bot.commands.context import Answer, Context, Invocation
from bot.commands.paper_status import paper_status, paper_statuses
from bot.domain.message import Message
from bot.domain.paper_status import PaperStatus
from bot.domain.papers import Profile
from bot.profiles import library
from bot.settings import Settings
from workers.cli.progress import wait_for_lookup
from workers.cli.terminal import FIRST_PROFILE, TERMINAL_ADDRESS
from workers.runtime.environment import context_for, with_private_workers


def run(settings: Settings, text: str, profile_name: str | None) -> Message:
    """What became of the paper that a text names: for one profile (a name or a TOML file), or else
    for those this terminal has had. Raises Refused, clock.WorkerFault."""
    named = ids.parse_one(text)
    with with_private_workers(settings, "ask") as here:
        at = context_for(here, settings)
        invocation = Invocation(text, TERMINAL_ADDRESS, datetime.now(UTC))
        known = library.shipped() | here.store.named_profiles()
        profile = library.resolve(profile_name, known) if profile_name else None

        def answer(final: bool = False) -> Answer:
            found = _standings(invocation, at, named.id, profile, known[FIRST_PROFILE])
            return papers.status_answer(invocation, at, named.id, found, named.version, final)

        first = answer()
        if first.lookup:
            wait_for_lookup(first.lookup, at.lookups, here, Console(stderr=True))
            first = answer(final=True)
        assert first.head is not None, "something is said of a paper"
        return first.head


def _standings(
    invocation: Invocation, context: Context, id: str, wanted: Profile | None, otherwise: Profile
) -> list[PaperStatus]:
    here = paper_statuses(invocation, context, id)
    found = [s for s in here if wanted is None or s.profile.name == wanted.name]
    return found or [paper_status(invocation, context, wanted or otherwise, id)]
