"""The tokens of a workspace that installed Paperboy: sealed, opened, and exchanged for new ones."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from time import time
from typing import Final, NamedTuple

from slack_sdk.errors import SlackTokenRotationError
from slack_sdk.oauth.installation_store import Bot
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator

from bot.sealing import Sealer
from bot.slack.errors import CLIENT_ERRORS, SlackRefused, to_paperboy_error
from bot.store.chats.installations import Installation

# Slack's rotator compares this with its own clock; whether it is time is decided by ours.
_AT_ONCE: Final = 1_000_000_000


class Tokens(NamedTuple):
    """What Slack is asked with, and what is exchanged for new ones (empty where Slack does not
    rotate this app's tokens)."""

    access: str
    refresh: str = ""


def seal(sealer: Sealer, team: str, tokens: Tokens) -> str:
    """What can be stored; it opens for this workspace alone."""
    return sealer.seal(json.dumps(tokens), f"slack:{team}")


def opened(sealer: Sealer, installation: Installation) -> Tokens | None:
    """None where none of the keys opens them."""
    text = sealer.open(installation.sealed, f"slack:{installation.team}")
    return None if text is None else Tokens(*json.loads(text))


async def exchange(
    rotator: AsyncTokenRotator,
    sealer: Sealer,
    installation: Installation,
    tokens: Tokens,
    now: datetime,
) -> Installation:
    """The installation with new tokens; the ones before end. Raises PaperboyError."""
    bot = Bot(
        team_id=installation.team,
        bot_token=tokens.access,
        bot_id="",
        bot_user_id=installation.bot_user_id,
        bot_refresh_token=tokens.refresh,
        bot_token_expires_at=0,
        installed_at=installation.at.timestamp(),
    )
    try:
        found = await rotator.perform_bot_token_rotation(
            bot=bot, minutes_before_expiration=_AT_ONCE
        )
    except SlackTokenRotationError as error:
        raise to_paperboy_error(error.api_error) from error
    except CLIENT_ERRORS as error:
        raise to_paperboy_error(error) from error
    if found is None or not found.bot_refresh_token or found.bot_token_expires_at is None:
        raise SlackRefused("no_bot_token")
    new = Tokens(found.bot_token, found.bot_refresh_token)
    return installation.model_copy(
        update={
            "sealed": seal(sealer, installation.team, new),
            "expire": expiry(found.bot_token_expires_at, now),
        }
    )


def expiry(at: int, now: datetime) -> datetime:
    """A moment by slack_sdk's clock, in seconds since 1970, by ours, where it is `now`."""
    return now + timedelta(seconds=at - int(time()))
