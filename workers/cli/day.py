"""`paperboy day`: one whole day through the real pipeline, for standard output."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from uuid import uuid4

from rich.console import Console

from bot.commands.context import SHOWN_ONCE
from bot.domain.budget import Estimate, Payer
from bot.domain.digest import Digest, ListQuery, Source
from bot.domain.judge import Judge
from bot.domain.request import Address, DigestRequest
from bot.errors import Refused
from bot.profiles import library
from bot.settings import Settings
from bot.views import reasons
from workers.cli.progress import wait_for_digest, wait_for_list
from workers.judging.estimate import estimate_day
from workers.runtime.environment import Environment, with_private_workers

# Feeds of a few thousand papers are some megabytes.
_FILE_MAX = 50_000_000


def run(settings: Settings, profile: str, files: Sequence[Path], day: date | None) -> Digest:
    """The profile's decided day, from arXiv's feed or from saved feed files.

    Each run has its own address, so it repeats nothing; `why` is told of it afterwards. Raises
    Refused for a file that cannot be read; a faulty list is the digest's `problem`.
    """
    documents = [_read(path) for path in files]
    with with_private_workers(settings, "now") as here:
        request = _request(settings, here, profile, documents, day)
        arrived = wait_for_digest(request, here, Console(stderr=True))
        name = f"{SHOWN_ONCE}:{arrived.name.rpartition(':')[2]}"
        here.store.history.put_delivered(SHOWN_ONCE, name, arrived.digest, datetime.now(UTC))
        return arrived.digest


def estimate(settings: Settings, profile: str, files: Sequence[Path], day: date | None) -> Estimate:
    """The cost of judging that day now; fetches the list and asks no model. Raises Refused as `run`
    does, and where there is no list or no model."""
    documents = [_read(path) for path in files]
    if settings.judge_model is None:
        raise Refused(
            "Without a model, a day costs nothing. Set OPENAI_API_KEY to get an estimate."
        )
    with with_private_workers(settings, "now") as here:
        request = _request(settings, here, profile, documents, day)
        wait_for_list(request, here, Console(stderr=True))
        list_result = here.store.lists.result(request.wanted)
        if list_result is None or not list_result.batch:
            why = (
                reasons.problem_text(list_result.problem)
                if list_result and list_result.problem
                else "no list"
            )
            raise Refused(f"There is nothing to estimate: {why}.")
        stored_profile = here.store.profiles.get(request.profile)
        payer = Payer.of(request.address.workspace_key, stored_profile.name, settings.limits)
        now = datetime.now(UTC)
        asked = stored_profile, settings.judge_model, payer, list_result, here.store, now
        return estimate_day(*asked, settings.second_look)


def _request(
    settings: Settings,
    here: Environment,
    profile: str,
    documents: Sequence[bytes],
    day: date | None,
) -> DigestRequest:
    resolved = library.resolve(profile, here.store.profiles.shared())
    return DigestRequest(
        profile=here.store.profiles.put(resolved),
        wanted=ListQuery(
            source=Source.FILES if documents else Source.ARXIV,
            categories=resolved.categories,
            date=day,
            files=tuple(here.store.lists.put_document(document) for document in documents),
        ),
        judge=Judge(model=settings.judge_model),
        address=Address(platform="stdout", channel=uuid4().hex),
        since=datetime.now(UTC),
    )


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > _FILE_MAX:
            raise Refused(f"{path} is larger than 50 MB, so it isn't a feed.")
        return path.read_bytes()
    except OSError as error:
        raise Refused(f"{path} can't be read: {error.strerror}.") from None
