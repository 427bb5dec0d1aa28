"""What Discord has to allow: permissions, the invite link, and whether they were granted."""

from __future__ import annotations

from typing import Any, Final

import discord
from pydantic import SecretStr

from bot.discord.poster import open_poster
from bot.errors import PaperboyError
from bot.views import discord as discord_views

# To see the channel, post the head, open its thread, post there, and look before posting again.
PERMISSIONS: Final = discord.Permissions(
    view_channel=True,
    send_messages=True,
    create_public_threads=True,
    send_messages_in_threads=True,
    read_message_history=True,
)
SCOPES: Final = ("bot", "applications.commands")


def invite(application_id: int | str) -> str:
    """The link with which a server's owner adds Paperboy."""
    return discord.utils.oauth_url(application_id, permissions=PERMISSIONS, scopes=SCOPES)


def missing_permissions(given: discord.Permissions) -> list[str]:
    """The missing permissions, by their names in Discord's settings."""
    if given.administrator:
        return []
    return [_NAMES[name] for name, needed in PERMISSIONS if needed and not getattr(given, name)]


def cannot_post_reason(guild: discord.Guild | None, channel: str) -> str:
    """Why no digest can be posted in a channel, as far as is known; empty when it can."""
    if guild is None or guild.unavailable:
        return ""
    found = guild.get_channel(int(channel)) if channel.isdecimal() else None
    if found is None:
        return discord_views.missing_permissions(["View Channel"])
    if not isinstance(found, discord.TextChannel):
        return discord_views.no_threads(found.type.name.replace("_", " "))
    missing = missing_permissions(found.permissions_for(guild.me))
    return discord_views.missing_permissions(missing) if missing else ""


_NAMES: Final = {
    "read_messages": "View Channel",
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "create_public_threads": "Create Public Threads",
    "send_messages_in_threads": "Send Messages in Threads",
    "read_message_history": "Read Message History",
}


async def check(token: SecretStr, api_url: str) -> tuple[bool, list[str]]:
    """Whether Discord is set up, and a sentence for each finding."""
    async with open_poster(token, api_url) as posting:
        try:
            application = await posting.request("GET", "/applications/@me")
            servers = await posting.request("GET", "/users/@me/guilds")
        except PaperboyError as error:
            return False, [str(error)]
    try:
        return _found(application, servers)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False, [discord_views.not_discord()]


def _found(application: Any, servers: Any) -> tuple[bool, list[str]]:
    said = [discord_views.token_taken(application["name"])]
    well = not application.get("interactions_endpoint_url")
    if not well:
        said.append(discord_views.endpoint())
    for server in servers:
        missing = missing_permissions(discord.Permissions(int(server["permissions"])))
        said.append(discord_views.in_server(server["name"], missing))
        well = well and not missing
    if not servers:
        said.append(discord_views.no_server())
    return well, [*said, discord_views.invite(), invite(application["id"])]
