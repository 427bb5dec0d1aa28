"""Slack's events: acknowledged at once, and turned into actions."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

import redis
import structlog
from slack_bolt.async_app import AsyncAck, AsyncApp, AsyncBoltContext
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.arxiv import ids
from bot.commands import dispatch
from bot.commands.context import HOME, FormAgain, InvalidForm
from bot.domain import schedule
from bot.domain.message import Choice, Message
from bot.domain.papers import fingerprint
from bot.domain.reasons import ChannelReason
from bot.domain.request import Address
from bot.errors import PaperboyError, Refused
from bot.logs import RateLimitedLog
from bot.runtime.given_files import with_files
from bot.slack import forms, payloads, render
from bot.slack.answers import SlackAnswers, SlackInteraction
from bot.slack.workspaces import Workspace
from bot.views import help, refusals
from bot.views.making import files as files_views

log = structlog.get_logger()

Json = dict[str, Any]
Left = Callable[[str, datetime], Awaitable[None]]

_MENTION = re.compile(r"<@[A-Z0-9]{1,64}(\|[^<>]{0,100})?>")
# Characters of a message that are read: it may have 40,000, and is read in the event loop.
_READ = 4_000
# A form's answers are checked before they are acknowledged, so that it can show mistakes.
_FORM_SECONDS = 2.0
# Of these, for identifying the person.
_CHECK_SECONDS = 1.2
# After which Slack has shown what a form was acknowledged with: earlier, that would go over what
# the view is changed to.
_SETTLED_SECONDS = 0.5
# Of events that are not answered.
_LINES_A_MINUTE = 10


class SlackApp:
    """The events of every workspace that Paperboy acts in, each answered as that workspace's."""

    def __init__(self, answers: SlackAnswers, left: Left | None = None) -> None:
        """`left` hears of a workspace (an id) that removed Paperboy at a moment (UTC)."""
        self.answers, self.context = answers, answers.context
        self._workspaces, self._left = answers.workspaces, left

    def app(self, signing_secret: str | None) -> AsyncApp:
        """Bolt's app with every listener; without a signing secret only Socket Mode reaches it."""

        limited = RateLimitedLog(log, _LINES_A_MINUTE, time.monotonic)

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
        app.view(re.compile(""))(self._submitted)
        app.options("zone")(self._zone_options)
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
        interaction = self._interaction(here, "command", body, body["channel_id"], body["user_id"])
        await self.answers.act(interaction, dispatch.typed_action(text))

    async def _pressed(self, ack: AsyncAck, here: Workspace, body: Json, action: Json) -> None:
        await ack()
        name, value = render.parse_pressed(action)
        if action.get("url") or name == "pdf":
            return  # Slack has opened it
        if (body.get("view") or {}).get("type") == "modal":
            await self._pressed_in_view(here, body, name, value)
            return
        place = body.get("channel") or {}  # a private message is not sent along
        message = {**(body.get("container") or {}), **(body.get("message") or {})}
        interaction = self._interaction(
            here, "button", body, place.get("id") or "", body["user"]["id"]
        )
        thread, ts = (str(message.get(name) or "") for name in ("thread_ts", "ts"))
        interaction = replace(interaction, thread=thread, message=ts)
        await self.answers.act(interaction, dispatch.button_action(name, value))

    async def _pressed_in_view(self, here: Workspace, body: Json, name: str, value: str) -> None:
        """Something else is done with a form as it is filled in: its answer lies over the form.
        What a button in such an answer leads to takes its place."""
        view = body["view"]
        try:
            about, channel = forms.read_metadata(view)
        except ValueError:
            return  # of another version
        interaction = self._interaction(here, "button", body, channel, body["user"]["id"])
        if name in dispatch.FORMS:
            action = dispatch.form_action(name, about, forms.answers(view))
            moment = forms.panel(help.one_moment(), channel)
            over = await self.answers.places.views(here.team).push(interaction.trigger, moment)
            interaction = replace(interaction, view=over)
        else:
            action = dispatch.button_action(name, value)
            interaction = replace(interaction, view=view["id"])
        await self.answers.act(interaction, action)

    async def _submitted(self, ack: AsyncAck, here: Workspace, body: Json, view: Json) -> None:
        """A form is checked before it is acknowledged; one with files, which have to be fetched
        first, afterwards."""
        form, answers = str(view["callback_id"]), forms.answers(view)
        first = next(iter(answers), "profile")
        try:
            about, channel = forms.read_metadata(view)
        except ValueError:
            await ack(forms.errors({first: help.unknown_button()}))
            return
        interaction = self._interaction(here, "form", body, channel, body["user"]["id"])
        act, id = dispatch.form_action(form, about, answers), str(view.get("id") or "")
        if files := forms.files(view):
            await ack(forms.in_place(files_views.reading(), channel))
            await asyncio.sleep(_SETTLED_SECONDS)
            again = partial(dispatch.form_action, form, about)
            interaction = replace(interaction, view=id)
            try:
                reader = await self.answers.places.files(interaction.address.workspace)
            except PaperboyError as error:  # its token is not to be had now
                await self.answers.say(interaction, Message(title=str(error)))
                return
            await self.answers.act(interaction, with_files(act, answers, files, reader, again))
            return
        await self._check_form(ack, id, interaction, act, answers)

    async def _check_form(
        self,
        ack: AsyncAck,
        view: str,
        interaction: SlackInteraction,
        act: dispatch.Action,
        answers: Mapping[str, str],
    ) -> None:
        """Do what a form asks for, before it is acknowledged, so that it can show what is wrong."""
        first, channel = next(iter(answers), "profile"), interaction.address.channel
        try:
            async with asyncio.timeout(_FORM_SECONDS):
                invocation = await self.answers.identify(interaction, act, _CHECK_SECONDS)
                target = act.authorise(invocation, self.context).address
                if answers.get("channel") and not await self.answers.can_post(target):
                    raise InvalidForm({"channel": refusals.cannot_post_here()})
                if not await asyncio.to_thread(
                    self.context.store.events.is_first_delivery, interaction.event_id
                ):
                    await ack()
                    return
                given = await asyncio.to_thread(act, invocation, self.context)
        except InvalidForm as unfit:
            await ack(forms.errors(unfit.field_errors))
        except FormAgain as again:
            await ack(forms.shown_again(again.form, channel))
        except Refused as refused:
            await ack(forms.errors({first: str(refused)}))
        except (redis.RedisError, TimeoutError):
            await ack(forms.errors({first: refusals.database_unreachable().title}))
        except Exception:
            log.exception("could not answer")
            await ack(forms.errors({first: refusals.our_fault().title}))
        else:
            following = forms.following(given.form, given.head if given.task else None, channel)
            await (ack(following) if following else ack())
            if following is None:
                await self.answers.give(interaction, given)
            interaction = replace(interaction, view=view)
            self.answers.waiting.start(interaction, invocation, given)

    async def _zone_options(self, ack: AsyncAck, body: Json) -> None:
        found = schedule.search_zones(str(body.get("value") or ""))
        await ack(options=forms.options(Choice(label=zone, value=zone) for zone in found))

    async def _shortcut(self, ack: AsyncAck, here: Workspace, body: Json) -> None:
        """`Why this paper?` on a message: the paper its buttons or its words are about."""
        await ack()
        message = body.get("message") or {}
        interaction = replace(
            self._interaction(here, "shortcut", body, body["channel"]["id"], body["user"]["id"]),
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
            self._interaction(here, "app_mention", body, event["channel"], event["user"]),
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
            self._interaction(here, "message", body, event["channel"], person),
            thread=str(event.get("thread_ts") or ""),
            is_public=True,
        )
        await self.answers.act(interaction, dispatch.typed_action(_words(event)))

    async def _home_opened(self, ack: AsyncAck, here: Workspace, body: Json, event: Json) -> None:
        await ack()
        if event.get("tab", "home") == "home":
            await self.answers.publish(
                self._interaction(here, "app_home_opened", body, "", event["user"])
            )

    async def _joined(self, ack: AsyncAck, here: Workspace, body: Json, event: Json) -> None:
        await ack()
        if event.get("user") == here.bot_user_id:
            channel = str(event["channel"])
            gone = {ChannelReason.NOT_A_MEMBER, ChannelReason.CHANNEL_GONE}
            await self.reactivate(here.team, channel, gone)
            interaction = self._interaction(here, "member_joined_channel", body, channel, "")
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

    def _interaction(
        self, here: Workspace, kind: str, body: Mapping[str, Any], channel: str, person: str
    ) -> SlackInteraction:
        return SlackInteraction(
            event_kind=kind,
            address=Address(platform="slack", workspace=here.team, channel=channel or HOME),
            person=person,
            event_id=fingerprint(json.dumps(body, sort_keys=True)),
            trigger=str(body.get("trigger_id") or ""),
            response_url=str(body.get("response_url") or ""),
            site=here.site,
        )


def _words(event: Json) -> str:
    """What somebody wrote, without whom they mention."""
    return _MENTION.sub(" ", str(event.get("text") or "")[:_READ]).strip()
