"""The profiles: from a file, from those that ship, by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from bot.domain.papers import Profile
from bot.errors import Refused
from bot.profiles.validate import LARGEST, parse_profile, printable, safe_word


def load(path: Path) -> Profile:
    """The profile in a file. Refused names the file and tells every mistake, one a line."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise Refused(f"{printable(str(path))} cannot be read: {error.strerror}.") from error
    return _insist(str(path), raw)


def shipped() -> dict[str, Profile]:
    """The profiles that come with Paperboy, prompts/profiles/*.toml, by name in their order."""
    return {profile.name: profile for profile in _shipped()}


@cache
def _shipped() -> tuple[Profile, ...]:
    """Read once: the clock asks for every subscription at every tick."""
    texts = (files("prompts") / "profiles").iterdir()
    found = [_insist(t.name, t.read_bytes()) for t in texts if t.name.endswith(".toml")]
    return tuple(sorted(found, key=lambda profile: profile.name))


def resolve(word: str, named: Mapping[str, Profile]) -> Profile:
    """What a command's PROFILE means: a TOML file, or a name among the shipped and `named` ones.

    Raises Refused as `load` and `find` do.
    """
    path = Path(word)
    if path.suffix == ".toml" or path.is_file():
        return load(path)
    return find(word, {**shipped(), **named})


def find(word: str, known: Mapping[str, Profile]) -> Profile:
    """The profile of that name, in any case. Refused has the nearest name, and all of them."""
    name = word.strip().lower()
    if name in known:
        return known[name]
    close = difflib.get_close_matches(name[:40], known, 1)
    hint = f"; did you mean {close[0]}?" if close else "."
    names = f"The profiles are {', '.join(known)}." if known else "There are no profiles yet."
    raise Refused(f'No profile is called "{safe_word(word)}"{hint} {names}')


def _insist(name: str, raw: bytes) -> Profile:
    found = parse_profile(raw)
    if isinstance(found, Profile):
        return found
    count = "a mistake" if len(found) == 1 else f"{len(found)} mistakes"
    raise Refused("\n".join([f"{printable(name)} has {count}:", *map(str, found)]))
