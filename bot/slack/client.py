"""Slack's own client, without its retries, and what it heard of the token's scopes."""

from __future__ import annotations

import logging
from typing import Any, Final

from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

# A request that takes longer counts as lost. Shorter than a delivery's lease.
SECONDS: Final = 10
_OTHER_TOKEN: Final = "apps.connections.open"
# Of its own level: by another's, Slack's client writes out each request and answer, for nobody.
_LOG: Final = logging.getLogger("bot.slack.client.web")
_LOG.setLevel(logging.INFO)


class Web(AsyncWebClient):
    """Slack's client, which raises ValueError for an answer that is not in Slack's form. `scopes`
    are the bot token's, as Slack said last; empty while it has said nothing."""

    scopes: frozenset[str] = frozenset()

    async def api_call(self, *args: Any, **kwargs: Any) -> AsyncSlackResponse:
        try:
            answer = await super().api_call(*args, **kwargs)
            if _OTHER_TOKEN not in args:
                granted = str(answer.headers.get("X-OAuth-Scopes") or "")
                self.scopes = frozenset(granted.replace(" ", "").split(",")) - {""}
            return answer
        except (AttributeError, KeyError, TypeError) as error:  # plain text, or another JSON
            raise ValueError("not Slack's form") from error


def lacks_scope(web: AsyncWebClient, scope: str) -> bool:
    """Whether the bot is known to lack a scope."""
    granted = web.scopes if isinstance(web, Web) else frozenset[str]()
    return bool(granted) and scope not in granted


def client(token: SecretStr, api_url: str, seconds: int = SECONDS) -> AsyncWebClient:
    """Slack's own client without its retries: the default handler posts a message twice when the
    connection is lost after Slack accepted it."""
    return Web(
        token=token.get_secret_value(),
        base_url=api_url,
        timeout=seconds,
        logger=_LOG,
        retry_handlers=[],
    )
