"""A changed profile: what changed, who changed it, and how to undo it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from bot.arxiv.text import one_line, shortened
from bot.domain.message import Button, Message
from bot.domain.papers import Profile

# Changes listed one by one, and the characters of each; the rest are counted.
_TOLD: Final = 8
_LONG: Final = 160


def changes(before: Profile, after: Profile) -> list[str]:
    """What changed, a clause each; empty for equal profiles."""
    found = list(_changes(before, after))
    told = [shortened(one_line(each), _LONG) for each in found[:_TOLD]]
    return told + ([f"and {len(found) - _TOLD} more changes"] if len(found) > _TOLD else [])


def _changes(before: Profile, after: Profile) -> Iterator[str]:
    if before.title != after.title:
        yield f"the title was {before.title}"
    yield from _listed("categories", before.categories, after.categories)
    if before.cross_lists != after.cross_lists:
        yield "cross-lists are included" if after.cross_lists else "cross-lists are left out"
    numbers = {
        "relevance cut-off": (before.cutoffs.relevance, after.cutoffs.relevance),
        "novelty cut-off": (before.cutoffs.novelty, after.cutoffs.novelty),
        "most papers in a digest": (before.maximum, after.maximum),
    }
    for label, (was, now) in numbers.items():
        if was != now:
            yield f"{label}: {now}, was {was}"
    if before.gate != after.gate:
        yield "the gate is on" if after.gate else "the gate is off: every paper is scored"
    yield from _topic_changes(before, after)
    for label in ("relevant", "irrelevant", "application"):
        said = {"relevant": "keywords", "irrelevant": "words to avoid"}.get(label, f"{label} words")
        yield from _listed(said, getattr(before.keywords, label), getattr(after.keywords, label))
    yield from _listed("followed authors", before.authors.follow, after.authors.follow)


def _topic_changes(before: Profile, after: Profile) -> Iterator[str]:
    old, new = ({t.name: t for t in p.topics} for p in (before, after))
    yield from (f"new topic: {name}" for name in new if name not in old)
    yield from (f"topic removed: {name}" for name in old if name not in new)
    for name in [name for name in new if name in old and new[name] != old[name]]:
        if new[name].relevant != old[name].relevant:
            yield f"{name} now looks for: {new[name].relevant}"
        if new[name].irrelevant != old[name].irrelevant:
            yield f"{name} now leaves out: {new[name].irrelevant or 'nothing'}"
    if old.keys() == new.keys() and list(old) != list(new):
        yield "the topics are in another order"


def _listed(label: str, before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    """`keywords: + pruning, − survey`."""
    signed = [f"+ {word}" for word in after if word not in before]
    signed += [f"− {word}" for word in before if word not in after]
    if signed:
        yield f"{label}: {', '.join(signed)}"
    elif tuple(before) != tuple(after):
        yield f"{label}: in another order"


def change_announcement(
    by: str, profile: Profile, different: Sequence[str], token: str, undone: bool
) -> Message:
    """Posted in every channel that uses the profile."""
    did = "undid a change of" if undone else "changed"
    return Message(
        by=by,
        title=f"{did} the profile {one_line(profile.title)}, which this channel uses.",
        text=tuple(f"· {each}" for each in different),
        small=("Undo works for a day, unless the profile changes again.",),
        buttons=(Button(action="undo", label="Undo", value=token),),
    )


def taken_back(profile: Profile, different: Sequence[str], channels: int) -> Message:
    """To the person who pressed Undo."""
    return Message(
        title=f"Undone: {one_line(profile.title)} is as it was before.",
        text=(*(f"· {each}" for each in different), *announced_in(channels)),
    )


def announced_in(channels: int) -> tuple[str, ...]:
    if not channels:
        return ()
    where = "the channel that uses it" if channels == 1 else f"the {channels} channels that use it"
    return (f"Announced in {where}.",)


def unchanged(profile: Profile) -> Message:
    return Message(title=f"Nothing changed: {one_line(profile.title)} stays as it is.")


def undo_expired() -> str:
    return "That change can no longer be undone: Undo works for a day."


def changed_again() -> str:
    return "The profile has changed again since then. To see it: /digest new PROFILE."


def gone(name: str) -> str:
    return f"There is no longer a profile called {one_line(name)[:40]}."
