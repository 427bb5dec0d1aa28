"""What an event of Slack's must have before it is handled: the one door for both ways in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

import structlog
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest
from slack_bolt.response import BoltResponse

log = structlog.get_logger()

_Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]  # as in domain.request.Address


class App(AsyncApp):
    """Bolt's app, which leaves what it cannot read to whoever wrote it: an event that is not in
    Slack's form is logged in a line, without quoting it, and answered with status 400."""

    async def async_dispatch(self, req: AsyncBoltRequest) -> BoltResponse:
        try:
            check_payload(req.body)
            return await super().async_dispatch(req)
        except ValidationError as error:
            where = ".".join(map(str, error.errors(include_input=False)[0]["loc"]))
            log.error("unreadable Slack event", field=where[:80])
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            # Bolt's own; an error of a listener ends in Bolt's log, not here.
            log.error("unreadable Slack event", error=type(error).__name__)
        return BoltResponse(status=400)


def check_payload(body: Mapping[str, Any]) -> None:
    """Raises ValidationError for an event that has not what our listeners read."""
    kind = body.get("type")
    if "command" in body:
        _COMMAND.validate_python(body)
    elif kind == "event_callback" or "event" in body:
        event = _DELIVERED.validate_python(body).event
        if (name := str(event.get("type"))) in _EVENTS:  # of others we read nothing
            _EVENTS[name].validate_python(event)
    elif isinstance(kind, str) and kind in _INTERACTIONS:
        _INTERACTIONS[kind].validate_python(body)


class _Named(BaseModel):
    id: _Id


class _From(BaseModel):
    user: _Named
    trigger_id: str | None = None
    response_url: str | None = None


class _Command(BaseModel):
    command: str
    text: str | None = None
    channel_id: _Id
    user_id: _Id


class _Place(BaseModel):
    ts: str | None = None
    thread_ts: str | None = None


class _Action(BaseModel):
    action_id: str
    value: str | None = None
    url: str | None = None


class _Pressed(_From):
    channel: _Named | None = None
    container: _Place | None = None
    message: _Place | None = None
    view: dict[str, Any] | None = None
    actions: Annotated[list[_Action], Field(min_length=1)]


class _Option(BaseModel):
    value: str


class _File(BaseModel):
    name: str | None = None
    size: Annotated[int, Field(ge=0)] | None = None
    url_private: str | None = None


class _Answer(BaseModel):
    type: str
    value: str | None = None
    selected_option: _Option | None = None
    selected_options: list[_Option] | None = None
    selected_time: str | None = None
    selected_conversation: str | None = None
    files: list[_File] | None = None


class _State(BaseModel):
    values: dict[str, dict[str, _Answer]]


class _View(BaseModel):
    type: str
    callback_id: str
    private_metadata: Annotated[str, Field(max_length=3_000)] = ""
    state: _State


class _Submitted(_From):
    view: _View


class _Suggested(_From):
    action_id: str
    value: str | None = None


class _Element(BaseModel):
    action_id: str | None = None
    value: str | None = None


class _Block(BaseModel):
    """Of anybody's message: what we do not know in it may be anything."""

    elements: list[_Element] | None = None


class _Shown(_Place):
    text: str | None = None
    blocks: list[_Block] | None = None


class _Shortcut(_From):
    callback_id: str
    channel: _Named
    message: _Shown


class _Delivered(BaseModel):
    event: dict[str, Any]
    event_time: Annotated[int, Field(ge=0, le=10_000_000_000)] | None = None


class _InChannel(_Place):
    channel: _Id
    user: _Id | None = None
    text: str | None = None


class _Mentioned(_InChannel):
    ts: str


class _AtHome(BaseModel):
    user: _Id
    tab: str | None = None


class _RevokedTokens(BaseModel):
    oauth: list[str] = []
    bot: list[str] = []


class _Revoked(BaseModel):
    tokens: _RevokedTokens


_COMMAND: Final = TypeAdapter(_Command)
_DELIVERED: Final = TypeAdapter(_Delivered)
_EVENTS: Final[dict[str, TypeAdapter[Any]]] = {
    "app_mention": TypeAdapter(_Mentioned),
    "app_home_opened": TypeAdapter(_AtHome),
    "tokens_revoked": TypeAdapter(_Revoked),
    **dict.fromkeys(
        ("message", "member_joined_channel", "channel_unarchive", "group_unarchive"),
        TypeAdapter(_InChannel),
    ),
}
_INTERACTIONS: Final[dict[str, TypeAdapter[Any]]] = {
    "block_actions": TypeAdapter(_Pressed),
    "view_submission": TypeAdapter(_Submitted),
    "block_suggestion": TypeAdapter(_Suggested),
    "message_action": TypeAdapter(_Shortcut),
}
