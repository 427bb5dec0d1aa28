"""`paperboy doctor`: tries the model's server in one small call, and checks the tokens of Slack and
Discord."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import closing
from urllib.parse import urlsplit, urlunsplit

from bot.domain.budget import Limits
from bot.domain.papers import fingerprint
from bot.domain.reasons import ModelReason
from bot.domain.request import Address
from bot.domain.watching.checkup import ModelCheckup, SlackCheckup
from bot.endpoint import Endpoint
from bot.errors import PaperboyError
from bot.profiles import library
from bot.runtime.platforms import misconfigured_platforms
from bot.settings import Settings
from bot.slack import check
from bot.slack.installed import Installed
from bot.slack.poster import SlackPoster
from bot.slack.workspaces import OneWorkspace
from bot.store.store import Store
from bot.views.watching import doctor as doctor_views
from workers.arxiv import sample
from workers.judging import batches, scoring
from workers.judging.metering import SCORE_TOKENS, output_token_limit
from workers.judging.model import Model, open_model
from workers.runtime.posters import open_poster

_PROFILE = "compression"

# Reasons that may mean a wrong address: nothing there, or nothing that answers as OpenAI does.
_WRONG_ADDRESS = (ModelReason.WRONG_ADDRESS, ModelReason.MODEL_DOWN)
_ENDPOINT = re.compile(r"/(chat/completions|completions|responses|models)/?$")
# A longer path may hold a secret.
_SHOWN = 40


def examine(settings: Settings, store: Store) -> ModelCheckup:
    """Ask the model about one paper of the sample, as a day would; about 2,000 tokens. Where the
    address has no model's server, try the addresses likely meant."""
    name, host = settings.judge_model, _host(settings)
    if name is None:
        return ModelCheckup(model=None, server=host, key=False)
    found = ModelCheckup(model=name, server=host, key=settings.openai_api_key is not None)
    with closing(open_model(settings, name, store)) as model:
        found = _try_model(model, found, settings)
    if found.reason not in _WRONG_ADDRESS or settings.openai_base_url is None:
        return found
    for url in likely_addresses(settings.openai_base_url.get_secret_value()):
        with closing(open_model(settings, name, store, base_url=url)) as model:
            other = _try_model(model, found, settings)
        if other.reason not in _WRONG_ADDRESS:
            return found.model_copy(update={"working_address": _shown(url)})
    return found


def _try_model(model: Model, checkup: ModelCheckup, settings: Settings) -> ModelCheckup:
    paper, profile = sample.listing().papers[0].paper, library.shipped()[_PROFILE]
    limited = settings.limits != (Limits(), Limits())
    most = output_token_limit(batches.PAPERS_PER_CALL, SCORE_TOKENS)
    instructions, key = scoring.instructions(profile), scoring.judge_key(profile, model.name)
    start = time.monotonic()
    try:
        reply = model.ask(instructions, scoring.question([paper]), scoring.schema(), key, most)
    except PaperboyError as error:
        return checkup.model_copy(
            update={"reason": error.reason_or(ModelReason.MODEL_DOWN), "detail": str(error)}
        )
    scores, missing_by_id = scoring.parse_reply(reply.text or "", [paper])
    missing = reply.reason or missing_by_id.get(paper.id, ModelReason.BAD_REPLY)
    return checkup.model_copy(
        update={
            "seconds": time.monotonic() - start,
            "reply_format": model.dialect.reply_format.value,
            "can_limit_length": not limited or bool(model.dialect.limit_parameter),
            "usage": reply.usage,
            "reason": None if scores else missing,
            "detail": "",
        }
    )


def likely_addresses(url: str) -> list[str]:
    """The addresses likely meant by one, likeliest first: without a copied endpoint, and with the
    `/v1` that most servers have."""
    parts = urlsplit(url)
    path = _ENDPOINT.sub("", parts.path).rstrip("/")
    versioned = path if re.search(r"/v\d", path) else f"{path}/v1"
    tried = dict.fromkeys((versioned, path))
    return [urlunsplit(parts._replace(path=p)) for p in tried if p != parts.path.rstrip("/")]


def _shown(url: str) -> str:
    """The part of an address that may be shown: no name, password, or path that may be one."""
    parts = urlsplit(url)
    if len(parts.path) > _SHOWN:
        return f"the same address with {parts.path[-3:]} at its end"
    return f"{Endpoint(url)}{parts.path}"


def examine_slack(settings: Settings, store: Store) -> SlackCheckup | None:
    """Check Slack's tokens; None where none is set."""
    kinds_seen = store.events.kinds_seen("slack")
    if "slack" in settings.configured_platforms and settings.slack_bot_token is None:
        if why := misconfigured_platforms(settings).get("slack"):
            is_for_many = settings.slack_client_id or settings.slack_client_secret
            return SlackCheckup(bot_token_error=why, installed=() if is_for_many else None)
        return asyncio.run(
            check.check_installed(Installed(store, settings), settings, store, kinds_seen)
        )
    if settings.slack_bot_token is None:
        return None
    return asyncio.run(check.check(settings.slack_bot_token, settings, kinds_seen))


def examine_discord(settings: Settings) -> tuple[bool, list[str]] | None:
    """Check Discord's token: whether it works, and findings; None where none is set."""
    if settings.discord_token is None:
        return None
    from bot.discord import check as check_discord

    url = settings.discord_api_url.get_secret_value()
    return asyncio.run(check_discord.check(settings.discord_token, url))


def _host(settings: Settings) -> str:
    """The part of the model's address that holds no secret."""
    return settings.openai_base_url.host if settings.openai_base_url else "api.openai.com"


def examine_operator(settings: Settings, store: Store) -> str | None:
    """Post a message to the operator's channel and delete it: why that fails, empty where it does
    not; None where no channel is set."""
    address = settings.operator_address
    if address is None:
        return None
    if address.platform not in settings.configured_platforms:
        return doctor_views.operator_without_chat(address.platform.capitalize())
    return asyncio.run(_try_operator(address, settings, store))


async def _try_operator(address: Address, settings: Settings, store: Store) -> str:
    try:
        async with open_poster(address.platform, settings, store) as poster:
            places = poster.workspaces if isinstance(poster, SlackPoster) else None
            if isinstance(places, OneWorkspace):
                own = await places.find_own()
                if own.team != address.workspace:
                    return doctor_views.wrong_workspace()
            key = fingerprint("doctor", str(time.time_ns()))
            message = await poster.send(address, doctor_views.operator_check(), key, None)
            await poster.remove(address, message, None)
    except PaperboyError as error:
        return str(error)
    return ""
