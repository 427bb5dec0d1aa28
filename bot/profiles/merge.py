"""Two people's changes to one profile, put together in its form; pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from bot.domain.papers import Profile, Topic
from bot.profiles import form

# What stands between the parts of a list: as it is chosen, typed, or on lines of its own.
_LISTS: Final = {"categories": ",", "keywords": ", ", "authors": ", ", "examples": "\n"}
T = TypeVar("T")


def merged_answers(base: Profile, theirs: Profile, mine: Mapping[str, str]) -> dict[str, str]:
    """A form's answers with what somebody else changed since it was opened: `base` is the profile
    then, `theirs` the profile now. Where both changed the same thing, mine stands."""
    was, now = form.values_of(base), form.values_of(theirs)
    own = was | dict(mine)
    merged = {name: _merged(name, was[name], now[name], own[name]) for name in was}
    return merged | form.topic_answers(
        _merged_topics(base.topics, theirs.topics, form.topics_of(own))
    )


def _merged(name: str, base: str, theirs: str, mine: str) -> str:
    """Lists are merged part by part, anything else as a whole."""
    if name not in _LISTS:
        return theirs if mine.strip() == base.strip() else mine
    ends = r"\n" if name == "examples" else r"[,\n]"  # a title may have commas
    old, new, own = (_parts(text, ends) for text in (base, theirs, mine))
    return _LISTS[name].join(_together(old, new, own).values())


def _parts(text: str, ends: str) -> dict[str, str]:
    tidy = (" ".join(part.split()) for part in re.split(ends, text))
    return {part.casefold(): part for part in tidy if part}


def _merged_topics(
    base: Sequence[Topic], theirs: Sequence[Topic], mine: Sequence[Topic]
) -> list[Topic]:
    old, new, own = ({t.name.casefold(): t for t in topics} for topics in (base, theirs, mine))
    for key in own.keys() & new.keys() & old.keys():
        was, now, topic = old[key], new[key], own[key]
        changed = {
            name: getattr(now, name)
            for name in ("relevant", "irrelevant")
            if getattr(topic, name) == getattr(was, name)
        }
        own[key] = topic.model_copy(update=changed)
    return list(_together(old, new, own).values())


def _together(old: Mapping[str, T], new: Mapping[str, T], own: Mapping[str, T]) -> dict[str, T]:
    """My parts by their keys, without those that were removed there and not changed here, and with
    those that were added there, or changed there and removed here: they are shown again."""
    kept = {k: part for k, part in own.items() if k in new or old.get(k) != part}
    added = {k: part for k, part in new.items() if k not in own and old.get(k) != part}
    return kept | added
