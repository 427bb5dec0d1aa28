"""Which configured platforms can never work with these settings, and why."""

from __future__ import annotations

from bot.errors import Refused
from bot.settings import Settings
from bot.views.watching import doctor

# How tokens of Slack and OpenAI begin.
_NOT_DISCORD = ("xox", "xapp-", "sk-")


def misconfigured_platforms(config: Settings) -> dict[str, str]:
    """The configured platforms that no retry can make work: a sentence each, by platform."""
    misconfigured = {}
    bot, app, secret = config.slack_bot_token, config.slack_app_token, config.slack_signing_secret
    if bot or app or secret:
        if bot is None:
            misconfigured["slack"] = doctor.no_bot_token()
        elif not bot.get_secret_value().startswith("xoxb-"):
            misconfigured["slack"] = doctor.not_this_kind("SLACK_BOT_TOKEN", "xoxb-")
        elif app and not app.get_secret_value().startswith("xapp-"):
            misconfigured["slack"] = doctor.not_this_kind("SLACK_APP_TOKEN", "xapp-")
        elif app is None and secret is None:
            misconfigured["slack"] = doctor.slack_not_set_up()
    token = config.discord_token
    if token and token.get_secret_value().startswith(_NOT_DISCORD):
        misconfigured["discord"] = doctor.not_a_discord_token()
    return misconfigured


def require_usable_platform(config: Settings) -> None:
    """Raises Refused when platforms are configured and none of them can work, and when the
    operator's channel is on another one."""
    misconfigured = misconfigured_platforms(config)
    if misconfigured and set(misconfigured) == set(config.configured_platforms):
        raise Refused("\n".join(misconfigured.values()))
    operator = config.operator_address
    if operator and operator.platform not in config.configured_platforms:
        raise Refused(doctor.operator_without_chat(operator.platform.capitalize()))
