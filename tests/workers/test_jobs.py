"""What RQ calls: work that is done already, or was queued by another release, is left alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bot.domain.digest import ListQuery, ListResult, Source
from bot.errors import Refused
from bot.planning import plan
from bot.planning.plan import RequestState, Step, StepKind
from bot.store.store import Store
from bot.store.values.stored_forms import FORMAT_VERSION
from tests.factories import EARLIER, NOW, digest_request, list_result, profile
from tests.servers.arxiv_documents import FRIDAY, rss_feed
from tests.servers.fake_http import FakeServer, run_fake_server, xml_reply
from workers import jobs
from workers.arxiv.client import ArxivClient
from workers.runtime import stopping


@pytest.fixture
def there(store: Store, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeServer]:
    """An arXiv, and a worker's environment."""
    document = rss_feed(FRIDAY, ("2503.00001", "new", "cs.LG"))
    with run_fake_server(lambda path, body: xml_reply(document)) as it:
        monkeypatch.setenv("REDIS_URL", redis_url)
        monkeypatch.setattr(
            jobs,
            "_arxiv",
            lambda _, kept: ArxivClient(f"{it.url}/rss", f"{it.url}/api", kept.redis, pause=0.0),
        )
        yield it


def lists_read(there: FakeServer) -> list[str]:
    """The addresses of the feeds that were asked for; its API is asked as well."""
    return [path for path, *_ in there.requests if path.startswith("/rss")]


def step(kind: StepKind, found: ListResult | None) -> dict[str, Any]:
    return Step(kind=kind, wish=digest_request(), seen=RequestState(listed=found)).model_dump(
        mode="json"
    )


def test_a_list_is_read_once_however_many_saw_that_it_was_missing(
    there: FakeServer, store: Store
) -> None:
    for _ in range(3):
        jobs.fetch(step(StepKind.FETCH, None))
    assert len(lists_read(there)) == 1
    assert store.lists.result(digest_request().wanted) is not None


def test_a_list_that_failed_is_read_again_for_those_who_saw_it_fail(
    there: FakeServer, store: Store
) -> None:
    store.lists.put_result(digest_request().wanted, list_result(NOW))
    jobs.fetch(step(StepKind.FETCH, None))
    jobs.fetch(step(StepKind.FETCH, list_result(EARLIER)))
    assert lists_read(there) == []
    jobs.fetch(step(StepKind.FETCH, list_result(NOW)))
    assert len(lists_read(there)) == 1


@pytest.mark.parametrize("job", [jobs.score, jobs.show])
def test_a_list_that_became_unreadable_while_its_next_step_was_queued_is_left_to_be_asked_for_again(
    job: Callable[[Any], None], there: FakeServer, store: Store
) -> None:
    """Found by the simulator (seed 804000000, 10 days, 3 by 20, 4 moments)."""
    mine = digest_request().model_copy(update={"profile": store.profiles.put(profile())})
    queued = Step(kind=StepKind.SCORE, wish=mine, seen=RequestState(listed=list_result(NOW)))
    store.lists.put_result(mine.wanted, list_result(NOW))
    store.redis.set(f"pb:listed:{mine.wanted.key}", "{")
    job(queued.model_dump(mode="json"))
    assert plan.next_step(mine, store.requests.state(mine)) == Step(
        kind=StepKind.FETCH, wish=mine, seen=RequestState()
    )


@pytest.mark.parametrize("job", [jobs.fetch, jobs.score, jobs.deliver])
def test_a_job_that_an_older_release_queued_is_left_out(
    job: Any, there: FakeServer, store: Store
) -> None:
    """Who waited for it is asked for anew."""
    job("fetch-0123456789abcdef-20250320T084000-000000", [digest_request().model_dump(mode="json")])
    assert lists_read(there) == []
    assert store.lists.result(digest_request().wanted) is None


# As the release before form 3 queued it, when somebody asked for a private look.
QUEUED_BY_FORM_2 = """{"kind": "fetch", "wish": {"profile": "11c1035bc7b4c0ab",
"wanted": {"source": "arxiv", "categories": ["cs.LG", "cs.CL"], "date": null, "latest": true,
"files": []}, "judge": {"model": "gpt-6-luna"}, "address": {"platform": "slack", "workspace": "T1",
"channel": "C1"}, "since": "2025-03-20T08:40:22.968001Z", "by": "U1", "top": null, "earlier": [],
"left_out": 0, "at": null, "until": null, "subscription": "", "asked": null, "preview": true},
"seen": {"listed": null, "judged": null, "earlier": [], "delivered": null}}"""


def test_a_job_that_the_release_before_queued_is_done(there: FakeServer, store: Store) -> None:
    jobs.fetch(json.loads(QUEUED_BY_FORM_2))
    wanted = ListQuery(source=Source.ARXIV, categories=("cs.LG", "cs.CL"), latest=True)
    assert store.lists.result(wanted) is not None


@pytest.mark.parametrize("job", [jobs.fetch, jobs.score, jobs.show])
def test_a_job_of_a_newer_release_is_left_to_that_one_in_one_sentence(
    job: Any, there: FakeServer, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who went back to this release is shown no traceback, nine times."""
    asked = step(StepKind.FETCH, None)
    job(asked | {"wish": asked["wish"] | {"colour": "red"}})
    assert lists_read(there) == []
    (line,) = "".join(capsys.readouterr()).strip().splitlines()
    assert "queued by another release, skipped" in line
    assert "red" not in line.replace("queued", "")


def test_a_job_ends_all_workers_where_a_newer_release_has_written(
    there: FakeServer, store: Store
) -> None:
    store.redis.set("pb:form", FORMAT_VERSION + 1)
    try:
        with pytest.raises(Refused, match="A newer Paperboy"):
            jobs.fetch(step(StepKind.FETCH, None))
        assert stopping.should_stop()
    finally:
        stopping.begin()
    assert lists_read(there) == []
