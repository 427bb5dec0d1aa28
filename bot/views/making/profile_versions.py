"""The versions of a profile: who changed what, when, and buttons to go back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from bot.arxiv.text import one_line
from bot.domain.message import Button, Item, Message
from bot.domain.papers import Profile
from bot.domain.profile_version import VERSIONS_KEPT, ProfileVersion
from bot.views.dates import short_date
from bot.views.profiles import changes

NAME: Final = re.compile("[a-z0-9][a-z0-9-]{0,39}")
_PAGE: Final = 8  # versions of one message


def history_page(
    name: str,
    versions: Mapping[int, ProfileVersion],
    now: Profile | None,
    ships: Profile | None,
    may_change: bool,
    zone: str,
    top: int | None = None,
) -> Message:
    """The versions of a profile, the newest first, or from the number `top` down. `now` is what
    counts under its name, `ships` what was there before the workspace changed it, if anything."""
    title = one_line(now.title) if now else name
    if not versions:
        return Message(title=f"{title} has not been changed here since versions are kept.")
    numbers = sorted(versions, reverse=True)
    listed = [number for number in numbers if top is None or number <= top]
    before = dict(pairwise(numbers))
    items = tuple(
        _item(name, number, versions, before.get(number), now, may_change, zone)
        for number in listed[:_PAGE]
    )
    buttons = []
    if len(listed) > _PAGE:
        older = f"{name} {listed[_PAGE]}"
        buttons.append(Button(action="history", label="Older versions", value=older))
    if ships and may_change and ships != now:
        value = f"{name} shipped"
        buttons.append(Button(action="restore", label="Back to what ships", value=value))
    kept = f"The last {VERSIONS_KEPT} versions are kept. "
    return Message(
        title=f"{title}: what was changed",
        items=items,
        small=(f"{kept}Going back is a change of its own, and can be taken back.",),
        buttons=tuple(buttons),
    )


def _item(
    name: str,
    number: int,
    versions: Mapping[int, ProfileVersion],
    older: int | None,
    now: Profile | None,
    may_change: bool,
    zone: str,
) -> Item:
    version = versions[number]
    was = versions[older].profile if older is not None else None
    profile, is_now = version.profile, number == max(versions)
    moment = "Before" if number == 0 else _moment(version.at, zone)
    back = profile is not None and not is_now and profile != now and may_change
    return Item(
        title=f"{number} · {moment}{' · as it is now' if is_now and profile else ''}",
        by=version.by,
        points=tuple(_what(number, was, profile, older is None)),
        buttons=(
            Button(action="restore", label="Go back to this", value=f"{name} {number}"),
            Button(action="trial", label="Compare", value=f"{name} {number}"),
        )
        if back
        else (),
    )


def _what(
    number: int, was: Profile | None, profile: Profile | None, is_oldest: bool
) -> Sequence[str]:
    if number == 0:
        return ("as it was before its first change here",)
    if profile is None:
        return ("deleted",)
    if was is None:
        return ("older versions are not kept any more" if is_oldest and number > 1 else "made",)
    return changes(was, profile) or ("no difference",)


def _moment(at: datetime, zone: str) -> str:
    local = at.astimezone(ZoneInfo(zone))
    return f"{short_date(local.date(), local.year)} {local.year}, {local:%H:%M %Z}"


def which_profile(here: Sequence[str]) -> str:
    names = f" It has {', '.join(here)}." if here else ""
    return f"Name the profile: /digest history PROFILE.{names}"


def nothing_to_undo(name: str, has_versions: bool) -> str:
    if has_versions:
        return f"There is only one version of {name}, so there is nothing to take back."
    return f"{name} has not been changed here since versions are kept."


def version_gone() -> str:
    return f"That version is no longer kept: the last {VERSIONS_KEPT} are."


def no_such_profile_then() -> str:
    return "There was no such profile then. To delete one: Delete, at /digest profiles."
