"""Find a profile: in a file, among those that ship, by name."""

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
    """The profile in a file. Raises Refused with every mistake, one per line."""
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise Refused(f"{printable(str(path))} can't be read: {error.strerror}.") from error
    return _parse(str(path), raw)


def shipped() -> dict[str, Profile]:
    """The profiles that ship with Paperboy, prompts/profiles/*.toml, in order of their names."""
    return {profile.name: profile for profile in _shipped()}


@cache
def _shipped() -> tuple[Profile, ...]:
    """Cached: the clock needs them at every tick."""
    entries = (files("prompts") / "profiles").iterdir()
    profiles = [_parse(e.name, e.read_bytes()) for e in entries if e.name.endswith(".toml")]
    return tuple(sorted(profiles, key=lambda profile: profile.name))


def resolve(word: str, named: Mapping[str, Profile]) -> Profile:
    """The profile that a command's PROFILE names: a TOML file, or one that ships or is `named`.

    Raises Refused as `load` and `find` do.
    """
    path = Path(word)
    if path.suffix == ".toml" or path.is_file():
        return load(path)
    return find(word, {**shipped(), **named})


def find(word: str, profiles: Mapping[str, Profile]) -> Profile:
    """The profile of that name, in any case. Raises Refused with the nearest name and all names."""
    name = word.strip().lower()
    if name in profiles:
        return profiles[name]
    close = difflib.get_close_matches(name[:40], profiles, 1)
    hint = f"; did you mean {close[0]}?" if close else "."
    names = f"The profiles are {', '.join(profiles)}." if profiles else "There are no profiles yet."
    raise Refused(f'No profile is called "{safe_word(word)}"{hint} {names}')


def _parse(name: str, raw: bytes) -> Profile:
    result = parse_profile(raw)
    if isinstance(result, Profile):
        return result
    count = "a mistake" if len(result) == 1 else f"{len(result)} mistakes"
    raise Refused("\n".join([f"{printable(name)} has {count}:", *map(str, result)]))
