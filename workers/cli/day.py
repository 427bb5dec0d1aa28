"""One whole day through the real pipeline, for standard output."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from bot.domain.budget import Estimate, Payer
from bot.domain.digest import Digest, Judge, Source, Wanted
from bot.domain.request import Address, Wish
from bot.errors import Refused
from bot.profiles import library
from bot.settings import Settings
from bot.views import reasons
from workers.cli.progress import fetched, fulfilled
from workers.judging.estimate import estimated
from workers.runtime.environment import House, staffed

# Feeds of a few thousand papers are some megabytes.
_FILE_MAX = 50_000_000


def run(settings: Settings, profile: str, files: Sequence[Path], day: date | None) -> Digest:
    """The profile's decided day: of arXiv's feed, or of saved feed files.

    It keeps no channel memory: each run has an address of its own. Raises Refused for a file that
    cannot be read; what is wrong inside a file is the digest's `problem`.
    """
    documents = [_read(path) for path in files]
    with staffed(settings, "now") as here:
        wish = _wish(settings, here, profile, documents, day)
        return fulfilled(wish, here, Console(stderr=True)).digest


def price(settings: Settings, profile: str, files: Sequence[Path], day: date | None) -> Estimate:
    """What judging that day would cost now; the list is read, nobody is asked. Raises Refused as
    `run`, and where there is no list or no model."""
    documents = [_read(path) for path in files]
    if settings.judge_model is None:
        raise Refused("Without a model a day costs nothing; set OPENAI_API_KEY to be told a price.")
    with staffed(settings, "now") as here:
        wish = _wish(settings, here, profile, documents, day)
        fetched(wish, here, Console(stderr=True))
        listed = here.store.listed(wish.wanted)
        if listed is None or not listed.batch:
            why = reasons.problem(listed.problem) if listed and listed.problem else "no list"
            raise Refused(f"There is nothing to price: {why}.")
        known = here.store.profile(wish.profile)
        payer = Payer.of(wish.address.workspace_key, known.name, settings.limits)
        now = datetime.now(UTC)
        return estimated(known, settings.judge_model, payer, listed, here.store, now)


def _wish(
    settings: Settings, here: House, profile: str, documents: Sequence[bytes], day: date | None
) -> Wish:
    known = library.resolve(profile, here.store.named_profiles())
    return Wish(
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


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _FILE_MAX:
            raise Refused(f"{path} is larger than 50 MB; a feed file is smaller than that.")
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from None
