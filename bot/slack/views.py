"""Slack's modal views: made of forms, opened, put over another one, and shown anew."""

from __future__ import annotations

import structlog

from bot.domain.message import Form
from bot.errors import PaperboyError
from bot.slack import forms
from bot.slack.blocks import Json
from bot.slack.client import lacks_scope
from bot.slack.errors import ERRORS, to_paperboy_error
from bot.slack.workspaces import WebOf
from bot.views.making import files

log = structlog.get_logger()


class Views:
    """A trigger opens one view, within three seconds of the press it came with."""

    def __init__(self, web: WebOf) -> None:
        self._web = web

    async def of(self, form: Form, channel: str) -> Json:
        """A form, opened in a channel. Slack shows a place for files to apps that may read them,
        and refuses the whole view of any other."""
        try:
            if lacks_scope(await self._web(), "files:read"):
                form = form.without_files(files.no_file_field())
        except PaperboyError:  # opening the view meets the same, and says so
            pass
        return forms.modal_in_channel(form, channel)

    async def open_form(self, trigger: str, form: Form, channel: str) -> bool:
        """Open a form in a channel; where Slack does not take its place for a file, without that.
        Returns whether Slack has opened it."""
        whole, rest = await self.of(form, channel), form.without_files()
        if await self.open(trigger, whole):
            return True
        plain = forms.modal_in_channel(rest, channel)
        return rest != form and await self.open(trigger, plain)

    async def open(self, trigger: str, view: Json) -> bool:
        """Returns whether Slack has opened it."""
        try:
            await (await self._web()).views_open(trigger_id=trigger, view=view)
        except ERRORS as error:
            log.warning("could not open a form", why=str(to_paperboy_error(error)))
            return False
        return True

    async def push(self, trigger: str, view: Json) -> str:
        """Put a view over the one that is open, which stays as it is filled in; returns its id,
        empty where Slack refuses."""
        try:
            pushed = await (await self._web()).views_push(trigger_id=trigger, view=view)
        except ERRORS as error:
            log.warning("could not open a view", why=str(to_paperboy_error(error)))
            return ""
        return str(pushed["view"]["id"])

    async def update(self, id: str, view: Json) -> bool:
        """Show another content; returns whether the person still has the view open."""
        try:
            await (await self._web()).views_update(view_id=id, view=view)
        except ERRORS as error:
            log.warning("could not show a view", why=str(to_paperboy_error(error)))
            return False
        return True
