"""Slack's events of forms: a button in one, one that is sent, and the choices that one asks for."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import redis
import structlog
from slack_bolt.async_app import AsyncAck

from bot.commands import dispatch
from bot.commands.context import FormAgain, InvalidForm
from bot.domain import schedule
from bot.domain.message import Choice, Message
from bot.errors import PaperboyError, Refused
from bot.runtime.given_files import with_files
from bot.slack import forms
from bot.slack.answers import SlackAnswers, SlackInteraction, interaction_of
from bot.slack.blocks import Json
from bot.slack.workspaces import Workspace
from bot.views import help, refusals
from bot.views.making import files as files_views

log = structlog.get_logger()

# A form's answers are checked before they are acknowledged, so that it can show mistakes.
_FORM_SECONDS = 2.0
# Of these, for identifying the person.
_CHECK_SECONDS = 1.2
# After which Slack has shown what a form was acknowledged with: earlier, that would go over what
# the view is changed to.
_SETTLED_SECONDS = 0.5


class FormEvents:
    """Of every workspace that Paperboy acts in; bolt passes arguments by their names."""

    def __init__(self, answers: SlackAnswers) -> None:
        self._answers = answers

    async def pressed(self, here: Workspace, body: Json, name: str, value: str) -> None:
        """Something else is done with a form as it is filled in: its answer lies over the form.
        What a button in such an answer leads to takes its place."""
        view = body["view"]
        try:
            about, channel = forms.read_metadata(view)
        except ValueError:
            return  # of another version
        interaction = interaction_of(here, "button", body, channel, body["user"]["id"])
        if name in dispatch.FORMS:
            action = dispatch.form_action(name, about, forms.answers(view))
            moment = forms.panel(help.one_moment(), channel)
            over = await self._answers.places.views(here.team).push(interaction.trigger, moment)
            interaction = replace(interaction, view=over)
        else:
            action = dispatch.button_action(name, value)
            interaction = replace(interaction, view=view["id"])
        await self._answers.act(interaction, action)

    async def submitted(self, ack: AsyncAck, here: Workspace, body: Json, view: Json) -> None:
        """A form is checked before it is acknowledged; one with files, which have to be fetched
        first, afterwards."""
        form, answers = str(view["callback_id"]), forms.answers(view)
        first = next(iter(answers), "profile")
        try:
            about, channel = forms.read_metadata(view)
        except ValueError:
            await ack(forms.errors({first: help.unknown_button()}))
            return
        interaction = interaction_of(here, "form", body, channel, body["user"]["id"])
        act, id = dispatch.form_action(form, about, answers), str(view.get("id") or "")
        if files := forms.files(view):
            await ack(forms.in_place(files_views.reading(), channel))
            await asyncio.sleep(_SETTLED_SECONDS)
            again = partial(dispatch.form_action, form, about)
            interaction = replace(interaction, view=id)
            try:
                reader = await self._answers.places.files(interaction.address.workspace)
            except PaperboyError as error:  # its token is not to be had now
                await self._answers.say(interaction, Message(title=str(error)))
            else:
                act = with_files(act, answers, files, reader, again)
                await self._answers.act(interaction, act)
        else:
            await self._act_before_ack(ack, id, interaction, act, answers)

    async def _act_before_ack(
        self,
        ack: AsyncAck,
        view: str,
        interaction: SlackInteraction,
        act: dispatch.Action,
        answers: Mapping[str, str],
    ) -> None:
        """Do what a form asks for, before it is acknowledged, so that it can show what is wrong."""
        first, channel = next(iter(answers), "profile"), interaction.address.channel
        context = self._answers.context
        try:
            async with asyncio.timeout(_FORM_SECONDS):
                invocation = await self._answers.identify(interaction, act, _CHECK_SECONDS)
                target = act.authorise(invocation, context).address
                if answers.get("channel") and not await self._answers.can_post(target):
                    raise InvalidForm({"channel": refusals.cannot_post_here()})
                if not await asyncio.to_thread(
                    context.store.events.is_first_delivery, interaction.event_id
                ):
                    await ack()
                    return
                given = await asyncio.to_thread(act, invocation, context)
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
                await self._answers.give(interaction, given)
            interaction = replace(interaction, view=view)
            self._answers.waiting.start(interaction, invocation, given)

    async def zone_options(self, ack: AsyncAck, body: Json) -> None:
        """The time zones that suit what was typed so far."""
        found = schedule.search_zones(str(body.get("value") or ""))
        await ack(options=forms.options(Choice(label=zone, value=zone) for zone in found))
