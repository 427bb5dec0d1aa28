"""Tokens for a person's own programs, in words: the list, a new one, and why there is none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from bot.arxiv.text import one_line
from bot.domain.message import Button, Item, Message
from bot.domain.readers.tokens import LIFETIME, MOST, AccessToken
from bot.views.dates import short_date
from bot.views.digest import count

_NEW: Final = Button(action="token-new", label="New token")
_SEES: Final = (
    "A program with a token reads what you may read here at that moment, and nothing more: digests "
    "of your subscribed channels, /why and search. It changes and posts nothing."
)


def listed(tokens: Sequence[AccessToken], url: str, zone: str) -> Message:
    """`/digest token`; `url` is empty where programs are not served."""
    if not tokens:
        return Message(
            title="You have no token for programs of yours here.",
            text=(_SEES,) if url else (no_door(),),
            buttons=(_NEW,) if url else (),
        )
    return Message(
        title=f"{count(len(tokens), 'token')} for programs of yours",
        text=(_SEES,) if url else (no_door(),),
        items=tuple(_item(each, zone) for each in tokens),
        small=("Only you see this. A token itself is shown once, when it is made.",),
        buttons=(_NEW,) if url else (),
    )


def made(secret: str, token: AccessToken, url: str, zone: str) -> Message:
    """The one time that a token is shown."""
    return Message(
        title="Your new token, shown this once: copy it now.",
        text=(
            _SEES,
            "Whoever has it reads as you do. Give it to no one, and end it when it isn't needed.",
        ),
        code="\n".join(
            (
                secret,
                "",
                f'curl -H "Authorization: Bearer {secret}" {url}/v1/digests',
                f"An assistant's MCP server: {url}/mcp, with the same header",
            )
        ),
        small=(f"It is called {token.id} and ends {_day(token.until, zone)}.",),
        buttons=(_end(token),),
    )


def ended(ids: Sequence[str], left: int) -> Message:
    said = f"Ended: {', '.join(ids)}." if ids else "You had no token to end."
    return Message(title=said, text=(f"You have {count(left, 'other token')}.",) if left else ())


def _item(token: AccessToken, zone: str) -> Item:
    return Item(title=token.id, small=(" · ".join(_facts(token, zone)),), buttons=(_end(token),))


def _facts(token: AccessToken, zone: str) -> Iterator[str]:
    yield f"made {_day(token.at, zone)}"
    yield f"last used {short_date(token.used, token.used.year)} (UTC)" if token.used else "not used"
    yield f"ends {_day(token.until, zone)}"


def _day(at: datetime, zone: str) -> str:
    return short_date(at.astimezone(ZoneInfo(zone)).date(), 0)


def _end(token: AccessToken) -> Button:
    return Button(action="token-end", label="End it", value=token.id)


# -- for whoever runs Paperboy


def of_workspace(where: str, tokens: Sequence[AccessToken]) -> Message:
    """`paperboy tokens`; `where` is a workspace, or a person there."""
    if not tokens:
        return Message(title=f"No program has a token in {where}.")
    rows = (f"{each.by}: {each.id} · {' · '.join(_facts(each, 'UTC'))}" for each in tokens)
    advice = "Nothing was changed. Add --end ID, or --end all, to end them."
    return Message(title=f"{count(len(tokens), 'token')} in {where}", text=(*rows, advice))


def ended_there(where: str, tokens: Sequence[AccessToken]) -> Message:
    names = ", ".join(f"{each.by}'s {each.id}" for each in tokens)
    return Message(title=f"Ended in {where}: {names}.")


def no_such_token_there(id: str, where: str) -> str:
    return f"There is no token {one_line(id)[:20]} in {where}. paperboy tokens lists what there is."


# -- why not


def no_door() -> str:
    return (
        "Programs are not served by this installation: whoever runs Paperboy sets "
        "PAPERBOY_API_PORT first."
    )


def too_many() -> str:
    return f"You have {MOST} tokens here already: end one first, with /digest token."


def no_such_token() -> str:
    return "You have no such token here. What you have: /digest token."


def not_in_terminal() -> str:
    return (
        "Tokens are made in Slack and Discord; here, paperboy day PROFILE --format json has JSON."
    )


def not_in_direct_messages() -> str:
    return "A token is for a server: type /digest token there."


def unknown_words() -> str:
    return (
        "/digest token lists your tokens, /digest token new makes one for "
        f"{LIFETIME.days} days, and /digest token end ID (or all) ends it."
    )
