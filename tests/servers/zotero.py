"""Zotero on loopback, by hand: one key, a library of its own and a group's; prints new items.

python -m tests.servers.zotero
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from tests.servers import by_hand
from tests.servers.fake_zotero import FakeZotero, run_fake_zotero

# Made up, in a form that Zotero's have.
KEY = "Kh9bT3mW2qZr5LxJ8vNcP4sD"
_SEALING = "cGFwZXJib3kgb24gbG9vcGJhY2ssIG5vYm9keSdzISE="


@dataclass
class ZoteroByHand:
    """What came in is printed; a typed status is the next answer."""

    fake: FakeZotero
    settings: Mapping[str, str]
    help: str = f"ada's key is {KEY}; a status, such as 429: the next answer"
    _printed: set[tuple[str, str]] = field(default_factory=set)

    def do(self, line: str) -> None:
        self.fake.faults.append((int(line), {"Retry-After": "5"}, "as typed"))

    def news(self) -> Iterator[str]:
        for library, items in self.fake.libraries.items():
            for key, item in list(items.items()):
                if (library, key) not in self._printed:
                    self._printed.add((library, key))
                    yield f"zotero {library} {key}: {item['title']} ({item['archiveID']})"


@contextmanager
def zotero() -> Iterator[ZoteroByHand]:
    with run_fake_zotero() as fake:
        fake.add_key(KEY, 11, "ada", groups={"7": {"write": True}})
        yield ZoteroByHand(fake, {"ZOTERO_API_URL": fake.url, "PAPERBOY_SECRETS_KEY": _SEALING})


if __name__ == "__main__":
    by_hand.run({"zotero": zotero})
