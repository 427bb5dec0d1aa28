"""Run FETCH against an arXiv that answers as a test says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from bot.domain.digest import ListQuery, ListResult, Source
from bot.store.store import Store
from tests.factories import NOW
from tests.servers.arxiv_documents import THURSDAY_FEED, api_feed
from tests.servers.fake_http import FakeServer, HttpReply, run_fake_server, xml_reply
from workers.arxiv.client import ArxivClient
from workers.fetch_job import fetch

ON_SATURDAY = datetime(2025, 3, 22, 15, tzinfo=UTC)
YESTERDAY = [("2503.00001", "new", "cs.LG"), ("2503.00002", "new", "cs.AI")]
BOTH = ("cs.LG", "cs.AI")


def either(path: str, body: bytes) -> HttpReply:
    """The feed carries Thursday; the API knows one paper of any window."""
    return xml_reply(THURSDAY_FEED if path.startswith("/rss") else api_feed("2503.00007"))


@contextmanager
def arxiv(
    answer: Callable[[str, bytes], HttpReply], store: Store
) -> Iterator[tuple[FakeServer, ArxivClient]]:
    with run_fake_server(answer) as server:
        yield (
            server,
            ArxivClient(
                f"{server.url}/rss",
                f"{server.url}/api",
                store.redis,
                pause=0.001,
                oai_url=f"{server.url}/oai",
            ),
        )


def run_fetch_job(
    store: Store,
    answer: Callable[[str, bytes], HttpReply],
    now: datetime = NOW,
    **wanted: object,
) -> ListResult:
    fields = {"source": Source.ARXIV, "categories": ("cs.LG",)} | wanted
    asked = ListQuery.model_validate(fields)
    with arxiv(answer, store) as (_, edge):
        fetch(asked, store, edge, lambda: now)
    list_result = store.lists.result(asked)
    assert list_result is not None
    return list_result
