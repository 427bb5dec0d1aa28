"""Ask -> answer: each command, once, for all platforms."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bot import profiles, words
from bot.domain import Profile
from bot.errors import Refused
from bot.ledger import Address, Digest, Judge, Source, Wanted, Wish
from bot.message import Head
from bot.status import Status


@dataclass(frozen=True)
class Ask:
    """What somebody typed, where, and when (UTC)."""

    text: str
    address: Address
    at: datetime


@dataclass(frozen=True)
class Answer:
    """What to say at once, and what to wait for, if anything."""

    head: Head
    wish: Wish | None = None


@dataclass(frozen=True)
class Desk:
    """What the commands need of the world."""

    known: Mapping[str, Profile]
    judge: Judge
    put_profile: Callable[[Profile], str]
    deliveries: Callable[[Address], Iterable[Digest]]
    status: Callable[[], Status]


def answer(ask: Ask, desk: Desk) -> Answer:
    """Do what was typed: `/digest WORD ...`, or just `WORD ...`.

    Raises Refused, with the nearest right word, for what cannot be done.
    """
    typed = ask.text.split()
    if typed and typed[0].lower() in ("/digest", "digest"):
        typed = typed[1:]
    name, rest = (typed[0].lower().lstrip("/"), typed[1:]) if typed else ("help", [])
    if name not in _COMMANDS:
        near = difflib.get_close_matches(name, _COMMANDS, n=1)
        raise Refused(words.unknown_command(name, near[0] if near else None))
    return _COMMANDS[name](ask, desk, rest)


def newest_day(profile: Profile, ask: Ask, desk: Desk) -> Wish:
    """The wish for a profile's newest day, at the address that asked."""
    return Wish(
        profile=desk.put_profile(profile),
        wanted=Wanted(source=Source.ARXIV, categories=profile.categories, latest=True),
        judge=desk.judge,
        address=ask.address,
        since=ask.at,
    )


def _now(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    if len(rest) != 1:
        raise Refused(words.needs_profile(desk.known))
    profile = profiles.find(rest[0], desk.known)
    return Answer(words.coming(profile), newest_day(profile, ask, desk))


def _list(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    return Answer(words.delivered_text(desk.deliveries(ask.address)))


def _profiles(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    return Answer(words.profiles_text(desk.known))


def _status(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    return Answer(words.status_text(desk.status()))


def _help(ask: Ask, desk: Desk, rest: list[str]) -> Answer:
    return Answer(words.help_text())


_COMMANDS: dict[str, Callable[[Ask, Desk, list[str]], Answer]] = {
    "now": _now,
    "list": _list,
    "profiles": _profiles,
    "status": _status,
    "help": _help,
}
