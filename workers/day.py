"""One whole day through the real pipeline, for standard output."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from bot import profiles
from bot.errors import Refused
from bot.ledger import Digest, Judge, Source, Wanted
from bot.settings import Settings
from bot.wish import Address, Wish
from workers.house import staffed
from workers.waiting import fulfilled

# Feeds of a few thousand papers are some megabytes.
_FILE_MAX = 50_000_000


def run(settings: Settings, profile: str, files: Sequence[Path], day: date | None) -> Digest:
    """The profile's decided day: of arXiv's feed, or of saved feed files.

    It keeps no channel memory: each run has an address of its own. Raises Refused for a file that
    cannot be read; what is wrong inside a file is the digest's `problem`.
    """
    documents = [_read(path) for path in files]
    with staffed(settings) as here:
        known = profiles.resolve(profile, here.store.named_profiles())
        wish = Wish(
            profile=here.store.put_profile(known),
            wanted=Wanted(
                source=Source.FILES if documents else Source.ARXIV,
                categories=known.categories,
                date=day,
                files=tuple(here.store.put_document(document) for document in documents),
            ),
            judge=Judge(model=settings.judge_model),
            address=Address(platform="stdout", channel=uuid4().hex),
            since=datetime.now(UTC),
        )
        return fulfilled(wish, here, Console(stderr=True)).digest


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _FILE_MAX:
            raise Refused(f"{path} is larger than 50 MB; a feed file is smaller than that.")
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
