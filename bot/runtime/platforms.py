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
    if "slack" in config.configured_platforms and (why := _slack_trouble(config)):
        misconfigured["slack"] = why
    token = config.discord_token
    if token and token.get_secret_value().startswith(_NOT_DISCORD):
        misconfigured["discord"] = doctor.not_a_discord_token()
    return misconfigured


def _slack_trouble(config: Settings) -> str:
    """What is missing or wrong, empty where nothing is."""
    bot, app = config.slack_bot_token, config.slack_app_token
    if config.has_many_workspaces:
        if bot:
            return doctor.one_or_many()
        if config.secrets_key is None:
            return doctor.no_key_for_tokens()
    elif bot is None:
        is_half = config.slack_client_id or config.slack_client_secret
        return doctor.half_a_client() if is_half else doctor.no_bot_token()
    elif not bot.get_secret_value().startswith("xoxb-"):
        return doctor.not_this_kind("SLACK_BOT_TOKEN", "xoxb-")
    if app and not app.get_secret_value().startswith("xapp-"):
        return doctor.not_this_kind("SLACK_APP_TOKEN", "xapp-")
    if app is None and config.slack_signing_secret is None:
        return doctor.slack_not_set_up()
    return ""


def require_usable_platform(config: Settings) -> None:
    """Raises Refused when platforms are configured and none of them can work, and when the
    operator's channel is on another one."""
    misconfigured = misconfigured_platforms(config)
    if misconfigured and set(misconfigured) == set(config.configured_platforms):
        raise Refused("\n".join(misconfigured.values()))
    operator = config.operator_address
    if operator and operator.platform not in config.configured_platforms:
        raise Refused(doctor.operator_without_chat(operator.platform.capitalize()))
