"""Slack's events: acknowledged at once, and turned into actions."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime

import redis
import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.arxiv import ids
from bot.commands import dispatch
from bot.domain.reasons import ChannelReason
from bot.logs import LINES_A_MINUTE, RateLimitedLog
from bot.slack import payloads, render
from bot.slack.answers import SlackAnswers, interaction_of
from bot.slack.blocks import Json
from bot.slack.form_events import FormEvents
from bot.slack.workspaces import Workspace
from bot.views import refusals

log = structlog.get_logger()

Left = Callable[[str, datetime], Awaitable[None]]

_MENTION = re.compile(r"<@[A-Z0-9]{1,64}(\|[^<>]{0,100})?>")
# Characters of a message that are read: it may have 40,000, and is read in the event loop.
_READ = 4_000


class SlackApp:
    """The events of every workspace that Paperboy acts in, each answered as that workspace's."""

    def __init__(self, answers: SlackAnswers, left: Left | None = None) -> None:
        """`left` hears of a workspace (an id) that removed Paperboy at a moment (UTC)."""
        self.answers = answers
        self._workspaces, self._left = answers.workspaces, left
        self._forms = FormEvents(answers)

    def app(self, signing_secret: str | None) -> AsyncApp:
        """Bolt's app with every listener; without a signing secret only Socket Mode reaches it."""

        limited = RateLimitedLog(log, LINES_A_MINUTE, time.monotonic)

        async def authorize(
            context: AsyncBoltContext, team_id: str | None
        ) -> AuthorizeResult | None:
            """The workspace that bolt has read out of the event: where the app is installed, which
            in a shared channel need not be the person's. Bolt would ask Slack before each event."""
            is_org_install = bool(context.is_enterprise_install)
            found = await self._workspaces.of_event(team_id, is_org_install)
            if found is None:
                limited.warning("event of another workspace", workspace=f"slack:{team_id}")
                return None
            context["here"] = found  # the listeners' argument of that name
            return AuthorizeResult(
                enterprise_id=None, team_id=found.team, bot_user_id=found.bot_user_id
            )

        quiet = logging.getLogger("slack")
        quiet.setLevel(logging.ERROR)  # it warns about the environment, which is not its business
        app = payloads.App(
            client=AsyncWebClient(),  # of no token: what we ask Slack goes another way
            signing_secret=signing_secret,
            request_verification_enabled=False,  # done in events_http.py, before the body is parsed
            authorize=authorize,  # type: ignore[arg-type]
            logger=quiet,
            user_facing_authorize_error_message=refusals.not_installed_here(),
        )
        # We have said so, in our words and not too often.
        logging.getLogger("slack_bolt.AsyncMultiTeamsAuthorization").setLevel(logging.CRITICAL)
        app.command(re.compile("^/"))(self._command)
        app.action(re.compile(""))(self._pressed)
        app.view(re.compile(""))(self._forms.submitted)
        app.options("zone")(self._forms.zone_options)
        app.shortcut("why_this")(self._shortcut)
        app.event("app_mention")(self._mentioned)
        app.event("message")(self._written)
        app.event("app_home_opened")(self._home_opened)
        app.event("member_joined_channel")(self._joined)
        app.event("channel_unarchive")(self._unarchived)
        app.event("group_unarchive")(self._unarchived)
        app.event("app_uninstalled")(self._uninstalled)
        app.event("tokens_revoked")(self._revoked)
        return app

    async def _command(self, ack: AsyncAck, here: Workspace, body: Json) -> None:
        await ack()
        text = str(body.get("text") or "")
        if body["command"] != "/digest":
            text = f"{body['command']} {text}"
        interaction = interaction_of(here, "command", body, body["channel_id"], body["user_id"])
        await self.answers.act(interaction, dispatch.typed_action(text))

    async def _pressed(self, ack: AsyncAck, here: Workspace, body: Json, action: Json) -> None:
        await ack()
        name, value = render.parse_pressed(action)
        if action.get("url") or name == "pdf":
            return  # Slack has opened it
        if (body.get("view") or {}).get("type") == "modal":
            await self._forms.pressed(here, body, name, value)
            return
        place = body.get("channel") or {}  # a private message is not sent along
        message = {**(body.get("container") or {}), **(body.get("message") or {})}
        interaction = interaction_of(
            here, "button", body, place.get("id") or "", body["user"]["id"]
        )
        thread, ts = (str(message.get(name) or "") for name in ("thread_ts", "ts"))
        interaction = replace(interaction, thread=thread, message=ts)
        await self.answers.act(interaction, dispatch.button_action(name, value))

    async def _shortcut(self, ack: AsyncAck, here: Workspace, body: Json) -> None:
        """`Why this paper?` on a message: the paper its buttons or its words are about."""
        await ack()
        message = body.get("message") or {}
        interaction = replace(
            interaction_of(here, "shortcut", body, body["channel"]["id"], body["user"]["id"]),
            thread=str(message.get("thread_ts") or message.get("ts") or ""),
        )
        for block in message.get("blocks") or ():
            for element in block.get("elements") or ():
                if (value := render.parse_paper(element)) is not None:
                    await self.answers.act(interaction, dispatch.button_action("why", value))
                    return
        text = json.dumps([message.get("text"), message.get("blocks")], ensure_ascii=False)
        typed = "why " + " ".join(found.id for found in ids.find(text))
        await self.answers.act(interaction, dispatch.typed_action(typed))

    async def _mentioned(self, ack: AsyncAck, here: Workspace, body: Json, event: Json) -> None:
        """`@Paperboy why ID`, in a thread as well: answered where it was asked, for all to read.
        Any other command in a mention is as private and as permitted as the slash command."""
        await ack()
        if not event.get("user"):
            return  # an app's own message, or a workflow's: nobody who asks
        action = dispatch.typed_action(_words(event))
        interaction = replace(
            interaction_of(here, "app_mention", body, event["channel"], event["user"]),
            thread=str(event.get("thread_ts") or event["ts"]),
            is_public=action.is_public,
        )
        await self.answers.act(interaction, action)

    async def _written(self, ack: AsyncAck, here: Workspace, body: Json, event: Json) -> None:
        """A direct message: the same words as in a mention, answered there. Edits, what an app
        wrote (we, too) and messages in channels are none of ours."""
        await ack()
        if event.get("channel_type") != "im" or event.get("subtype") or event.get("bot_id"):
            return
        person = event.get("user")
        if not person or person == here.bot_user_id:
            return
        interaction = replace(
            interaction_of(here, "message", body, event["channel"], person),
            thread=str(event.get("thread_ts") or ""),
            is_public=True,
        )
        await self.answers.act(interaction, dispatch.typed_action(_words(event)))

    async def _home_opened(self, ack: AsyncAck, here: Workspace, body: Json, event: Json) -> None:
        await ack()
        if event.get("tab", "home") == "home":
            await self.answers.publish(
                interaction_of(here, "app_home_opened", body, "", event["user"])
            )

    async def _joined(self, ack: AsyncAck, here: Workspace, body: Json, event: Json) -> None:
        await ack()
        if event.get("user") == here.bot_user_id:
            channel = str(event["channel"])
            gone = {ChannelReason.NOT_A_MEMBER, ChannelReason.CHANNEL_GONE}
            await self.reactivate(here.team, channel, gone)
            interaction = interaction_of(here, "member_joined_channel", body, channel, "")
            await self.answers.welcome(interaction.address, interaction.event_id)

    async def _unarchived(self, ack: AsyncAck, here: Workspace, event: Json) -> None:
        await ack()
        await self.reactivate(here.team, str(event["channel"]), {ChannelReason.ARCHIVED})

    async def _uninstalled(self, ack: AsyncAck, context: AsyncBoltContext, body: Json) -> None:
        await ack()
        if not self._left or not context.team_id:
            return
        at = datetime.fromtimestamp(int(body.get("event_time") or time.time()), UTC)
        try:
            await self._left(context.team_id, at)
        except redis.RedisError as error:  # its token is dead, and found to be when it is used
            log.error("redis unreachable", error=type(error).__name__)

    async def _revoked(
        self, ack: AsyncAck, context: AsyncBoltContext, body: Json, event: Json
    ) -> None:
        """Of people's own tokens Paperboy has none."""
        if (event.get("tokens") or {}).get("bot"):
            await self._uninstalled(ack, context, body)
        else:
            await ack()

    async def reactivate(self, team: str, channel: str | None, reasons: set[ChannelReason]) -> None:
        """Resume what was paused for one of these reasons, in a channel or everywhere."""
        try:
            await self.answers.reactivate("slack", team, channel, reasons)
        except redis.RedisError as error:
            log.error("redis unreachable", error=type(error).__name__)


def _words(event: Json) -> str:
    """What somebody wrote, without whom they mention."""
    return _MENTION.sub(" ", str(event.get("text") or "")[:_READ]).strip()
