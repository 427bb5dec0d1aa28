"""What RQ calls: work that is done already, or was queued by another release, is left alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from bot.domain.digest import Listed
from bot.planning.plan import Facts, Kind, Step
from bot.store.days import Store
from tests.bot.planning.test_plan import EARLIER, listed, wish
from tests.make import NOW
from tests.servers.neighbours import Neighbour, feed, listening
from tests.workers.test_fetching import FRIDAY, rss
from workers import jobs


@pytest.fixture
def there(store: Store, server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Neighbour]:
    """An arXiv, and a worker's environment."""
    document = rss(FRIDAY, ("2503.00001", "new", "cs.LG"))
    with listening(lambda path, body: feed(document)) as it:
        monkeypatch.setenv("REDIS_URL", server)
        monkeypatch.setenv("ARXIV_RSS_URL", f"{it.url}/rss")
        yield it


def step(kind: Kind, found: Listed | None) -> dict[str, Any]:
    return Step(kind=kind, wish=wish(), seen=Facts(listed=found)).model_dump(mode="json")


def test_a_list_is_read_once_however_many_saw_that_it_was_missing(
    there: Neighbour, store: Store
) -> None:
    for _ in range(3):
        jobs.fetch(step(Kind.FETCH, None))
    assert len(there.asked) == 1
    assert store.listed(wish().wanted) is not None


def test_a_list_that_failed_is_read_again_for_those_who_saw_it_fail(
    there: Neighbour, store: Store
) -> None:
    store.put_listed(wish().wanted, listed(NOW))
    jobs.fetch(step(Kind.FETCH, None))
    jobs.fetch(step(Kind.FETCH, listed(EARLIER)))
    assert there.asked == []
    jobs.fetch(step(Kind.FETCH, listed(NOW)))
    assert len(there.asked) == 1


@pytest.mark.parametrize("job", [jobs.fetch, jobs.score, jobs.deliver])
def test_a_job_that_an_older_release_queued_is_left_out(
    job: Any, there: Neighbour, store: Store
) -> None:
    """Who waited for it is asked for anew."""
    job("fetch-0123456789abcdef-20250320T084000-000000", [wish().model_dump(mode="json")])
    assert there.asked == []
    assert store.listed(wish().wanted) is None
