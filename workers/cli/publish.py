"""`paperboy publish`: decided days as web pages and feeds in a folder, for any static host."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from bot.commands.context import HOME
from bot.domain.digest import Digest, Source
from bot.domain.papers import Profile
from bot.domain.request import Address
from bot.errors import Refused
from bot.pages.site import ROWS, Row, Section, files
from bot.profiles import library
from bot.settings import Settings
from bot.store.store import Store
from bot.views import terminal as views
from workers.runtime.environment import environment

# A workspace's own profile, as people name it here.
_OWN: Final = re.compile(r"(slack|discord):([A-Za-z0-9_-]{1,64})/(\S+)")
_ADDRESS: Final = re.compile(r"https?://[^\s<>\"]+")
# Our index says that a folder is ours.
_OURS: Final = '<meta name="generator" content="Paperboy">'

Progress = Callable[[int, int], None]


class Published(NamedTuple):
    """How many profiles and digests a folder has, and how many files were new or changed."""

    profiles: int
    digests: int
    written: int


class _Chosen(NamedTuple):
    """A profile to publish: its folder, the fingerprints it has had, and the workspace (a key) it
    is of; empty for one that every workspace can name."""

    folder: str
    profile: Profile
    fingerprints: tuple[str, ...]
    workspace: str = ""


def run(
    settings: Settings,
    folder: Path,
    names: Sequence[str],
    address: str = "",
    progress: Progress = lambda done, total: None,
) -> Published:
    """Write what is decided, and keep what is there of days that are no longer stored.

    Without `names` the profiles that every workspace can name are published; a workspace's own ones
    only where they are named (`slack:T1/NAME`). `address` is the site's URL. Raises Refused.
    """
    if address and not _ADDRESS.fullmatch(address):
        raise Refused(views.no_address(address))
    _require_ours(folder)
    with environment(settings) as here:
        chosen = list(_chosen(here.store, names))
        sections = []
        for done, each in enumerate(chosen, 1):
            digests = _digests(here.store, each)
            known = _known(folder / each.folder / "digests.json")
            if digests or known:
                sections.append(Section(each.folder, each.profile.title, digests, known))
            progress(done, len(chosen))
    if not sections:
        raise Refused(views.nothing_to_publish([each.profile.name for each in chosen]))
    address = f"{address.rstrip('/')}/" if address else ""
    written = _write(folder, files(sections, address))
    return Published(len(sections), sum(len(each.rows) for each in sections), written)


def _chosen(store: Store, names: Sequence[str]) -> Iterator[_Chosen]:
    """The named profiles, or all that every workspace can name. Raises Refused."""
    common = library.shipped() | store.profiles.shared()
    for name in dict.fromkeys(names) or common:
        if not (own := _OWN.fullmatch(name)):
            profile = library.find(name, common)
            yield _Chosen(profile.name, profile, (profile.fingerprint,))
            continue
        platform, workspace, of_workspace = own.groups()
        at = Address(platform=platform, workspace=workspace, channel=HOME)
        theirs = {
            n: p for n, p in store.profiles.at(at).items() if n in store.profiles.own_names(at)
        }
        profile = library.find(of_workspace, theirs)
        versions = store.profiles.versions(at, profile.name).values()
        before = [version.profile.fingerprint for version in versions if version.profile]
        prints = tuple(dict.fromkeys([profile.fingerprint, *before]))
        folder = f"{platform}-{workspace}-{profile.name}"
        yield _Chosen(folder, profile, prints, at.workspace_key)


def _digests(store: Store, chosen: _Chosen) -> dict[date, Digest]:
    """A profile's decided days, each as it was decided last."""
    found = dict[date, Digest]()
    for each in chosen.fingerprints:
        for name in store.days.names(each, chosen.workspace):
            digest = store.days.get(name)
            if digest is None or digest.listed.source is not Source.ARXIV:
                continue
            before = found.get(digest.date)
            if before is None or before.judged_at < digest.judged_at:
                found[digest.date] = digest
    return found


def _known(index: Path) -> tuple[Row, ...]:
    """What was published before. Raises Refused for an index that cannot be read."""
    try:
        return ROWS.validate_json(index.read_bytes())
    except FileNotFoundError:
        return ()
    except (OSError, ValidationError):
        raise Refused(views.index_unreadable(index)) from None


def _require_ours(folder: Path) -> None:
    """Raises Refused for a folder with files that are not ours, and for a file."""
    try:
        if not folder.exists() or not any(folder.iterdir()):
            return
        if _OURS in (folder / "index.html").read_text(encoding="utf-8"):
            return
    except (OSError, UnicodeDecodeError):
        pass
    raise Refused(views.not_our_folder(folder))


def _write(folder: Path, texts: Mapping[str, str]) -> int:
    """Write what is new or changed, each file at once, the front page last; returns how many.
    Raises Refused."""
    changed = 0
    try:
        for path, text in sorted(texts.items(), key=lambda item: item[0] == "index.html"):
            place, data = folder / path, text.encode()
            if place.is_file() and place.read_bytes() == data:
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            begun = place.with_name(f".{place.name}.{os.getpid()}")
            begun.write_bytes(data)
            begun.replace(place)
            changed += 1
    except OSError as error:
        raise Refused(f"{folder} can't be written: {error.strerror}.") from None
    return changed
