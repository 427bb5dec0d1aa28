"""Discord's commands: each of dispatch.COMMANDS, with its options completed as a person types."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Mapping
from typing import Any, Final, Literal

import discord
from discord import app_commands

from bot.commands import dispatch
from bot.domain import schedule
from bot.views import discord as discord_views
from bot.views.discord import COMMAND_DESCRIPTIONS, OPTION_DESCRIPTIONS

RawInteraction = discord.Interaction[Any]
Choices = list[app_commands.Choice[str]]

# Runs a command: its word, and its options as a person would type them.
Typed = Callable[[RawInteraction, str, str], Awaitable[None]]
# Profile titles by name: all, or only those that the channel subscribed.
ProfileLister = Callable[[RawInteraction, bool], Awaitable[Mapping[str, str]]]
Callback = Callable[..., Coroutine[Any, Any, None]]

# Commands that name a profile, and whether it has to be one of the channel's.
_NAMING: Final = {
    **dict.fromkeys(("now", "preview", "new", "history", "undo"), False),
    **dict.fromkeys(("unsubscribe", "pause", "resume", "missed", "gate", "taught"), True),
}
# Those that take the most papers, too.
_LIMITED: Final = ("now",)
# docs.discord.com, "Application Commands": choices, and the characters of each.
_CHOICES, _CHOICE = 25, 100


def commands(
    typed: Typed,
    known: ProfileLister,
    menu: Callable[[RawInteraction, discord.Message], Coroutine[Any, Any, None]],
) -> Iterator[app_commands.Group | app_commands.Command[Any, ..., None] | app_commands.ContextMenu]:
    """`/digest` with its words, for those who may manage the server, unless its settings say
    otherwise; `/why` for everyone, also in direct messages; and the entry in a message's menu.

    Raises KeyError when a command has no description.
    """
    digest = app_commands.Group(
        name="digest",
        description=discord_views.DIGEST,
        guild_only=True,
        default_permissions=discord.Permissions(manage_guild=True),
    )
    for word in dispatch.COMMANDS:
        if word in ("", "why"):
            continue
        run = _WITH_OPTIONS[word](typed) if word in _WITH_OPTIONS else _plain(typed, word)
        command: Any = app_commands.Command(
            name=word, description=COMMAND_DESCRIPTIONS[word], callback=run, parent=digest
        )
        if word in _NAMING or word == "subscribe":
            command.autocomplete("profile")(_profiles(known, _NAMING.get(word, False)))
        if word == "subscribe":
            command.autocomplete("tz")(_zones)
        digest.add_command(command)
    yield digest
    yield _why(typed)
    yield app_commands.ContextMenu(name=discord_views.WHY_MENU, callback=menu)


def _plain(typed: Typed, word: str) -> Callback:
    async def run(asked: RawInteraction) -> None:
        await typed(asked, word, "")

    async def naming(asked: RawInteraction, profile: str = "") -> None:
        await typed(asked, word, profile)

    async def limited(
        asked: RawInteraction, profile: str = "", top: app_commands.Range[int, 1, 100] = 0
    ) -> None:
        await typed(asked, word, f"{profile} top {top}" if top else profile)

    async def preview(
        asked: RawInteraction,
        profile: str = "",
        top: app_commands.Range[int, 1, 100] = 0,
        last: app_commands.Range[int, 1, 20] = 0,
    ) -> None:
        if last:
            await typed(asked, word, f"{profile} last {last}")
        else:
            await limited(asked, profile, top)

    if word == "preview":
        return _described(preview, "profile", "top", "last")
    if word in _LIMITED:
        return _described(limited, "profile", "top")
    return _described(naming, "profile") if word in _NAMING else run


def _subscribe(typed: Typed) -> Callback:
    async def subscribe(
        asked: RawInteraction,
        profile: str = "",
        at: str = "",
        tz: str = "",
        days: str = "",
        top: app_commands.Range[int, 1, 100] = 0,
    ) -> None:
        given = {"at": at, "tz": tz, "days": days, "top": str(top or "")}
        said = [f"{name} {value}" for name, value in given.items() if value]
        await typed(asked, "subscribe", " ".join([profile, *said]))

    return _described(subscribe, "profile", "at", "tz", "days", "top")


def _saved(typed: Typed) -> Callback:
    async def saved(
        asked: RawInteraction,
        what: Literal["shared", "bibtex", "ris", "csl", "zotero"] | None = None,
    ) -> None:
        await typed(asked, "saved", what or "")

    return _described(saved, "what")


def _searching(typed: Typed) -> Callback:
    async def search(asked: RawInteraction, words: str = "") -> None:
        await typed(asked, "search", words)

    return _described(search, "words")


def _following(word: str) -> Callable[[Typed], Callback]:
    def described(typed: Typed) -> Callback:
        async def following(
            asked: RawInteraction, author: str = "", term: str = "", paper: str = ""
        ) -> None:
            given = {"author": author, "term": term, "paper": paper}
            said = [f"{name} {value}" for name, value in given.items() if value]
            await typed(asked, word, said[0] if len(said) == 1 else "several" * bool(said))

        return _described(following, "author", "term", "paper")

    return described


def _best(typed: Typed) -> Callback:
    async def best(asked: RawInteraction, past: app_commands.Range[int, 1, 365] = 7) -> None:
        await typed(asked, "best", str(past))

    return _described(best, "past")


def _token(typed: Typed) -> Callback:
    async def token(asked: RawInteraction, do: Literal["new", "end all"] | None = None) -> None:
        await typed(asked, "token", do or "")

    return _described(token, "do")


_WITH_OPTIONS: Final[Mapping[str, Callable[[Typed], Callback]]] = {
    "subscribe": _subscribe,
    "saved": _saved,
    "token": _token,
    "best": _best,
    "search": _searching,
    "follow": _following("follow"),
    "unfollow": _following("unfollow"),
}


def _why(typed: Typed) -> app_commands.Command[Any, ..., None]:
    async def why(asked: RawInteraction, arxivid: str) -> None:
        await typed(asked, "why", arxivid)

    return app_commands.Command(
        name="why",
        description=discord_views.WHY,
        callback=_described(why, "arxivid"),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True),
        allowed_installs=app_commands.AppInstallationType(guild=True),
    )


def _described(run: Callback, *options: str) -> Callback:
    return app_commands.describe(**{name: OPTION_DESCRIPTIONS[name] for name in options})(run)


def _profiles(known: ProfileLister, own: bool) -> Callable[..., Coroutine[Any, Any, Choices]]:
    async def complete(asked: RawInteraction, typed: str) -> Choices:
        shown = {name: f"{name} · {title}" for name, title in (await known(asked, own)).items()}
        like = {n: text for n, text in shown.items() if typed.casefold() in text.casefold()}
        return _choices(like.items())

    return complete


async def _zones(asked: RawInteraction, typed: str) -> Choices:
    return _choices((zone, zone) for zone in schedule.search_zones(typed, _CHOICES))


def _choices(found: Iterable[tuple[str, str]]) -> Choices:
    choices = [app_commands.Choice(name=shown[:_CHOICE], value=value) for value, shown in found]
    return choices[:_CHOICES]
