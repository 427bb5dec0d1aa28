"""`/digest token`: tokens by which a person's own programs read what that person may read."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from bot.commands.context import Answer, Context, Invocation
from bot.domain.readers.tokens import LIFETIME, MOST, PREFIX, AccessToken, token_hash
from bot.errors import Refused
from bot.views.keeping import tokens as views

_BYTES = 32


def token(invocation: Invocation, context: Context, words: Sequence[str]) -> Answer:
    """`token`, `token new`, `token end ID`, `token end all`."""
    match [word.lower() for word in words]:
        case []:
            return _listed(invocation, context)
        case ["new"]:
            return new_pressed(invocation, context, "")
        case ["end", "all"]:
            return _ended(invocation, context, _mine(invocation, context))
        case ["end", id]:
            return end_pressed(invocation, context, id)
    raise Refused(views.unknown_words())


def new_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """Makes a token, and shows it to its person this once: it is stored nowhere."""
    mine = _mine(invocation, context)
    if not context.api_url:
        raise Refused(views.no_door())
    if len(mine) >= MOST:
        raise Refused(views.too_many())
    secret = PREFIX + secrets.token_urlsafe(_BYTES)
    made = AccessToken(
        hash=token_hash(secret),
        workspace=invocation.address.workspace_key,
        by=invocation.by,
        at=invocation.at,
        until=invocation.at + LIFETIME,
    )
    context.store.tokens.put(made)
    return Answer(views.made(secret, made, context.api_url, invocation.zone))


def end_pressed(invocation: Invocation, context: Context, value: str) -> Answer:
    """A button carries the token's id."""
    found = [each for each in _mine(invocation, context) if each.id == value.lower()]
    if not found:
        raise Refused(views.no_such_token())
    return _ended(invocation, context, found)


def _ended(invocation: Invocation, context: Context, ended: Sequence[AccessToken]) -> Answer:
    context.store.tokens.end(*ended)
    left = len(_mine(invocation, context))
    return Answer(views.ended([each.id for each in ended], left))


def _listed(invocation: Invocation, context: Context) -> Answer:
    mine = _mine(invocation, context)
    return Answer(views.listed(mine, context.api_url, invocation.zone))


def _mine(invocation: Invocation, context: Context) -> list[AccessToken]:
    """Raises Refused at a terminal, where nobody has to prove who they are."""
    if not invocation.by:
        raise Refused(views.not_in_terminal())
    place = invocation.address
    if place.platform == "discord" and not place.workspace:
        raise Refused(views.not_in_direct_messages())
    return context.store.tokens.of(place.workspace_key, invocation.by, invocation.at)
