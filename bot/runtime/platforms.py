"""Which chats the settings ask for, and what in them can never work."""

from __future__ import annotations

from bot.errors import Refused
from bot.settings import Settings
from bot.views import doctor

# What the tokens of other services, and Slack's other kinds, begin with.
_NOT_DISCORDS = ("xox", "xapp-", "sk-")


def misconfigured_platforms(config: Settings) -> dict[str, str]:
    """The chats of these settings that cannot work however often they are tried: a sentence each,
    by platform."""
    found = {}
    bot, app, secret = config.slack_bot_token, config.slack_app_token, config.slack_signing_secret
    if bot or app or secret:
        if bot is None:
            found["slack"] = doctor.no_bot_token()
        elif not bot.get_secret_value().startswith("xoxb-"):
            found["slack"] = doctor.not_this_kind("SLACK_BOT_TOKEN", "xoxb-")
        elif app and not app.get_secret_value().startswith("xapp-"):
            found["slack"] = doctor.not_this_kind("SLACK_APP_TOKEN", "xapp-")
        elif app is None and secret is None:
            found["slack"] = doctor.slack_not_set_up()
    token = config.discord_token
    if token and token.get_secret_value().startswith(_NOT_DISCORDS):
        found["discord"] = doctor.not_a_discord_token()
    return found


def require_usable_platform(config: Settings) -> None:
    """Raises Refused where chats are set up and none of them can work."""
    wrong = misconfigured_platforms(config)
    if wrong and set(wrong) == set(config.configured_platforms):
        raise Refused("\n".join(wrong.values()))
