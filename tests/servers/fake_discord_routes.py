"""Which of Discord's requests is answered how: a table of paths."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.servers.discord_rules import command_error
from tests.servers.fake_discord_state import (
    APP_ID,
    BOT,
    CREATE_PUBLIC_THREADS,
    DIRECT,
    GUILD_ID,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    USER_ID,
    Channel,
    DiscordError,
    DiscordState,
    Json,
    member_json,
    user_json,
)

Query = Mapping[str, str]
Handler = Callable[..., Any]
_ROUTES: list[tuple[re.Pattern[str], Handler]] = []


def route(pattern: str) -> Callable[[Handler], Handler]:
    """Answer requests such as `GET channels/ID`: ID is one part of a path, given to the method
    after the body and the query; ANY is one or more parts, which are not."""
    regex = pattern.replace("ID", "([^/]+)").replace("ANY", ".+")

    def add(handler: Handler) -> Handler:
        _ROUTES.append((re.compile(regex), handler))
        return handler

    return add


class DiscordRoutes(DiscordState):
    """Discord's state, asked by requests."""

    def handle_request(self, method: str, path: list[str], body: Any, query: Query) -> Any:
        """Do what a request asks. Returns the answer's JSON, None for 204. Raises DiscordError."""
        request = f"{method} {'/'.join(path)}"
        for pattern, handler in _ROUTES:
            if match := pattern.fullmatch(request):
                return handler(self, body, query, *match.groups())
        raise DiscordError(404, 0, "404: Not Found")

    # The bot itself

    @route("GET gateway/bot")
    def _gateway(self, body: Any, query: Query) -> Json:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return {"url": self.gateway, "shards": 1, "session_start_limit": limit}

    @route("GET users/@me")
    def _me(self, body: Any, query: Query) -> Json:
        return BOT

    @route("GET users/@me/guilds")
    def _guilds(self, body: Any, query: Query) -> list[Json]:
        return [{"id": GUILD_ID, "name": "Testers", "permissions": str(self.bot_permissions)}]

    @route("POST users/@me/channels")
    def _direct_channel(self, body: Any, query: Query) -> Json:
        id = f"4{str(body['recipient_id'])[1:]}"
        return self._described(self.channels.setdefault(id, Channel(id, DIRECT)))

    @route("GET applications/ID/guilds/ID/commands/permissions")
    def _permissions(self, body: Any, query: Query, app: str, guild: str) -> list[Json]:
        return self.command_permissions

    @route("GET applications/ID(?:/ANY)?/commands")
    def _commands(self, body: Any, query: Query, app: str) -> list[Json]:
        return self.commands

    @route("PUT applications/ID(?:/ANY)?/commands")
    def _put_commands(self, body: Any, query: Query, app: str) -> list[Json]:
        if wrong := next(filter(None, map(command_error, body)), ""):
            raise DiscordError(400, 50035, f"Invalid Form Body: {wrong}")
        given = {"application_id": APP_ID, "version": "1", "type": 1, "description": ""}
        self.commands = [given | command | {"id": self._id()} for command in body]
        return self.commands

    @route("GET (?:applications|oauth2)(?:/ANY)?/@me")
    def _application(self, body: Any, query: Query) -> Json:
        about = {"name": "Paperboy", "icon": None, "description": "", "flags": 0}
        owned = {"verify_key": "", "owner": user_json(USER_ID), "team": None, "bot": BOT}
        return {"id": APP_ID, "bot_public": True, "bot_require_code_grant": False} | about | owned

    # People and channels

    @route("GET users/ID")
    def _user(self, body: Any, query: Query, id: str) -> Json:
        return user_json(id)

    @route("GET guilds/ID")
    def _this_guild(self, body: Any, query: Query, guild: str) -> Json:
        return self._guild()

    @route("GET guilds/ID/members/ID")
    def _member(self, body: Any, query: Query, guild: str, id: str) -> Json:
        if id in self.former_members:
            raise DiscordError(404, 10007, "Unknown Member")
        return member_json(id)

    @route("GET channels/ID")
    def _get_channel(self, body: Any, query: Query, id: str) -> Json:
        return self._described(self._channel(id))

    @route("PATCH channels/ID")
    def _rename_channel(self, body: Any, query: Query, id: str) -> Json:
        self._channel(id).name = body.get("name", self._channel(id).name)
        return self._described(self._channel(id))

    # Messages and threads

    @route("GET channels/ID/messages")
    def _messages(self, body: Any, query: Query, id: str) -> list[Json]:
        return self._history(self._channel(id, READ_MESSAGE_HISTORY), query)

    @route("POST channels/ID/messages")
    def _post_message(self, body: Any, query: Query, id: str) -> Json:
        return self._post(id, body)

    @route("POST channels/ID/messages/ID/threads")
    def _open_thread(self, body: Any, query: Query, id: str, message: str) -> Json:
        parent = self._message(self._channel(id, CREATE_PUBLIC_THREADS).id, message)
        if message in self.channels:
            raise DiscordError(400, 160004, "A thread has already been created for this message")
        parent["thread"] = self._open(message, id, body["name"])
        return parent["thread"]

    @route("POST channels/ID/threads")
    def _open_post(self, body: Any, query: Query, id: str) -> Json:
        """In a forum a thread comes with its first message."""
        thread = self._open(self._id(), self._channel(id, SEND_MESSAGES).id, body["name"])
        if "message" in body:
            thread["message"] = self._say(self.channels[thread["id"]], body["message"])
        return thread

    @route("GET channels/ID/messages/ID")
    def _get_message(self, body: Any, query: Query, id: str, message: str) -> Json:
        return self._message(self._channel(id, READ_MESSAGE_HISTORY).id, message)

    @route("PATCH channels/ID/messages/ID")
    def _edit_message(self, body: Any, query: Query, id: str, message: str) -> Json:
        if self._channel(id).archived:
            raise DiscordError(400, 50083, "Thread is archived")
        return self._change(self._message(id, message), body)

    @route("DELETE channels/ID/messages/ID")
    def _delete_message(self, body: Any, query: Query, id: str, message: str) -> None:
        self._remove(self._message(self._channel(id).id, message))

    # Interactions

    @route("POST interactions/ID/ID/callback")
    def _acknowledge(self, body: Any, query: Query, id: str, token: str) -> Json:
        return self._callback(self._interactions.get(token), body)

    @route("POST webhooks/ID/ID")
    def _follow_up(self, body: Any, query: Query, app: str, token: str) -> Json:
        return self._answer(self._pending(token), body)

    @route("ID webhooks/ID/ID/messages/ID")
    def _follow_up_message(
        self, body: Any, query: Query, method: str, app: str, token: str, message: str
    ) -> Json | None:
        return self._answered(method, self._pending(token), message, body)
