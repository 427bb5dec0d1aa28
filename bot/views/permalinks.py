"""Web addresses of messages; pure."""

from __future__ import annotations

from bot.domain.request import Address


def permalink(address: Address, message: str, under: str, site: str = "") -> str:
    """Where a message can be read, `under` being its thread's parent, the same for a parent
    itself; empty where nobody can tell.

    Slack's begin with the workspace's own `site` (auth.test); both as the services make them:
    docs.slack.dev, chat.getPermalink; docs.discord.com, "Message" (a thread has its parent's id).
    """
    if address.platform == "slack" and site.startswith("https://"):
        there = f"{site.rstrip('/')}/archives/{address.channel}/p{message.replace('.', '')}"
        reply = f"?thread_ts={under}&cid={address.channel}" if under != message else ""
        return there + reply
    if address.platform == "discord":
        server = address.workspace or "@me"
        channel = under if under != message else address.channel
        return f"https://discord.com/channels/{server}/{channel}/{message}"
    return ""
