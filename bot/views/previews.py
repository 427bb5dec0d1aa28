"""A private look at a digest: what is said before and after it."""

from __future__ import annotations

from bot.arxiv.text import one_line
from bot.domain.message import Button, Message
from bot.domain.papers import Profile

_VALUE = 64  # characters of a button's value


def preview_coming(profile: Profile) -> Message:
    return Message(title=f"Getting the latest digest of {one_line(profile.title)}, only for you.")


def preview_end(
    profile: Profile, channel: str, top: int | None, shown: int, picked: int, subscribed: bool
) -> Message:
    """After the cards; the buttons make it everybody's."""
    value = f"{channel} {profile.name}"
    post = f"{value} top {top}" if top else value
    post = post if len(post) <= _VALUE else value
    rest = f"The first {shown} of {picked} papers. " if shown < picked else ""
    buttons = [Button(action="now", label="Post it here", value=post)]
    if not subscribed:
        label = "Subscribe this channel"
        buttons.append(Button(action="subscribe-to", label=label, value=value))
    buttons.append(Button(action="profiles", label="Try another"))
    return Message(
        title=f"{rest}Only you see this; nothing was posted or remembered.", buttons=tuple(buttons)
    )


def nothing_to_preview() -> Message:
    return Message(title="arXiv's list isn't available, so there is no digest to show yet.")
