"""A Zotero on loopback that people of either chat give their keys to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.fake_zotero import FakeZotero, run_fake_zotero
from tests.zotero_at_work import KEY, READ_ONLY


@pytest.fixture
def fake_zotero() -> Iterator[FakeZotero]:
    with run_fake_zotero() as fake:
        fake.add_key(KEY, 11, "ada")
        fake.add_key(READ_ONLY, 13, "karl", write=False)
        yield fake
