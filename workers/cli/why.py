"""`paperboy why`: the complete answer to `/why`, in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from bot.arxiv import ids
from bot.commands import papers
from bot.commands.context import SHOWN_ONCE, Answer, Invocation
from bot.commands.paper_status import paper_report
from bot.domain.message import Message
from bot.domain.paper_status import CloserLook
from bot.domain.papers import Profile
from bot.profiles import library
from bot.settings import Settings
from workers.cli.names import FIRST_PROFILE, TERMINAL_ADDRESS
from workers.cli.progress import wait_for_lookup
from workers.runtime.environment import Environment, context_for, with_private_workers


def run(settings: Settings, text: str, profile_name: str | None) -> Message:
    """The outcome of the paper that `text` names: for one profile (a name or a TOML file), or else
    for those whose digest `run` or `day` showed here. Raises Refused, progress.WorkerFault."""
    named = ids.parse_one(text)
    with with_private_workers(settings, "ask") as here:
        at = context_for(here, settings)
        invocation = Invocation(text, TERMINAL_ADDRESS, datetime.now(UTC))
        known = library.shipped() | here.store.profiles.shared()
        profile = library.resolve(profile_name, known) if profile_name else None

        def answer(closer_look: CloserLook) -> Answer:
            fallback = _last_shown(here) or known[FIRST_PROFILE]
            report = paper_report(
                invocation, at, named.id, named.version, closer_look, profile, fallback
            )
            return papers.report_answer(invocation, at, report)

        first = answer(CloserLook.WANTED)
        if first.lookup:
            wait_for_lookup(first.lookup, at.lookups, here, Console(stderr=True))
            first = answer(CloserLook.OVER)
        assert first.head is not None, "an answer has a message"
        return first.head


def _last_shown(here: Environment) -> Profile | None:
    """The profile of the last `paperboy day`, which may be a file's."""
    history = here.store.history.of(SHOWN_ONCE)
    digest = here.store.history.digest_given_to(SHOWN_ONCE, history[-1].day) if history else None
    return digest.profile if digest else None
