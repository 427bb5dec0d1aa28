"""`paperboy doctor`: one real, small call that finds out what the model's server can do, and
what Slack and Discord say of our tokens."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing

from bot import profiles, slack_check
from bot.checkup import Checkup, SlackCheckup
from bot.domain import Trouble
from bot.errors import PaperboyError
from bot.settings import Settings
from bot.store import Store
from bot.store_subscriptions import Subscriptions
from workers import sample, scoring
from workers.judge_model import model

_PROFILE = "compression"


def examine(settings: Settings, store: Store) -> Checkup:
    """Ask the model about one paper of the sample, as a day would; about 2,000 tokens."""
    name, host = settings.judge_model, _host(settings)
    if name is None:
        return Checkup(model=None, server=host, key=False)
    found = Checkup(model=name, server=host, key=settings.openai_api_key is not None)
    paper = sample.listing().papers[0].paper
    profile = profiles.shipped()[_PROFILE]
    start = time.monotonic()
    with closing(model(settings, name, store)) as asked:
        try:
            reply = asked.ask(
                scoring.instructions(profile),
                scoring.question([paper]),
                scoring.schema(),
                scoring.judge_key(profile, name),
            )
        except PaperboyError as error:
            return found.model_copy(update={"trouble": error.trouble, "detail": str(error)})
        shape = asked.ways.shape.value
    scores, left = scoring.read(reply.text or "", [paper])
    return found.model_copy(
        update={
            "seconds": time.monotonic() - start,
            "shape": shape,
            "usage": reply.usage,
            "trouble": None if scores else left.get(paper.id, Trouble.BAD_REPLY),
        }
    )


def examine_slack(settings: Settings, store: Store) -> SlackCheckup | None:
    """Ask Slack about our tokens; None where none is set."""
    if settings.slack_bot_token is None:
        return None
    heard = Subscriptions(store).heard("slack")
    return asyncio.run(slack_check.check(settings.slack_bot_token, settings, heard))


def examine_discord(settings: Settings) -> tuple[bool, list[str]] | None:
    """Ask Discord about our token: whether all is well, and sentences; None where none is set."""
    if settings.discord_token is None:
        return None
    from bot import discord_check

    url = settings.discord_api_url.get_secret_value()
    return asyncio.run(discord_check.check(settings.discord_token, url))


def _host(settings: Settings) -> str:
    """Of an address only what holds no secret."""
    return settings.openai_base_url.host if settings.openai_base_url else "api.openai.com"
