"""`paperboy why`: the answer to `/why`, whole, in a terminal."""

from __future__ import annotations

from datetime import UTC, datetime

from rich.console import Console

from bot import arxiv_ids, paper_actions, profiles, status
from bot.desk import Answer, Ask, Desk
from bot.domain import Profile
from bot.ledger import Judge
from bot.message import Head
from bot.settings import Settings
from bot.standing import Standing
from bot.standings import before_the_ledger, standings
from bot.store_inquiries import Inquiries
from bot.store_subscriptions import Subscriptions
from workers.house import staffed
from workers.terminal import FIRST, HERE
from workers.waiting import answered


def run(settings: Settings, text: str, word: str | None) -> Head:
    """What became of the paper that a text names: for one profile (a name or a TOML file), or else
    for those this terminal has had. Raises Refused, clock.WorkerFault."""
    named = arxiv_ids.one(text)
    with staffed(settings) as here:
        judge = Judge(model=settings.judge_model)
        desk = Desk(
            channels=here.channels,
            subscriptions=Subscriptions(here.store),
            inquiries=Inquiries(here.store, here.tasks.private),
            judge=judge,
            status=lambda: status.gather(here.tasks, here.channels, judge),
        )
        ask = Ask(text, HERE, datetime.now(UTC))
        known = profiles.shipped() | here.store.named_profiles()
        profile = profiles.resolve(word, known) if word else None

        def answer(final: bool = False) -> Answer:
            found = _standings(ask, desk, named.id, profile, known[FIRST])
            return paper_actions.about(ask, desk, named.id, found, named.version, final)

        first = answer()
        if first.inquiry:
            answered(first.inquiry, desk.inquiries, here, Console(stderr=True))
            first = answer(final=True)
        assert first.head is not None, "something is said of a paper"
        return first.head


def _standings(
    ask: Ask, desk: Desk, id: str, wanted: Profile | None, otherwise: Profile
) -> list[Standing]:
    here = standings(ask, desk, id)
    found = [s for s in here if wanted is None or s.profile.name == wanted.name]
    return found or [before_the_ledger(ask.at, desk, HERE, wanted or otherwise, id)]
