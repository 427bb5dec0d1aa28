"""Zotero on loopback: keys and their access, libraries and new items, by its Web API's reference.

What it refuses: https://www.zotero.org/support/dev/web_api/v3/write_requests and .../basics; that
version 0 means "there is none of this key yet" (412 where there is) and that a key needs a version
(428) was measured by others on the service itself.
"""

from __future__ import annotations

import json
import re
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.servers.fake_http import QuietHandler, served

Json = dict[str, Any]
Reply = tuple[int, dict[str, str], Any]

# Of Zotero's schema: what a preprint has, and what every item has.
PREPRINT_FIELDS = {
    *("title", "abstractNote", "genre", "repository", "archiveID", "place", "date", "series"),
    *("seriesNumber", "DOI", "citationKey", "url", "accessDate", "archive", "archiveLocation"),
    *("shortTitle", "language", "libraryCatalog", "callNumber", "rights", "extra"),
}
ITEM_FIELDS = {"key", "version", "itemType", "creators", "tags", "collections", "relations"}
_ITEM_KEY = re.compile("[23456789ABCDEFGHIJKLMNPQRSTUVWXYZ]{8}")
MOST_ITEMS = 50
LONGEST_FIELD = 65_535


@dataclass
class FakeZotero:
    """Keys by what they are; libraries (`users/1`) with their items by key. Faults are answered in
    the place of the next requests; `headers` are of every other answer."""

    keys: dict[str, Json] = field(default_factory=dict)
    libraries: dict[str, dict[str, Json]] = field(default_factory=lambda: defaultdict(dict))
    requests: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    faults: deque[Reply | str] = field(default_factory=deque)
    headers: dict[str, str] = field(default_factory=dict)
    url: str = ""
    version: int = 100
    tokens: set[str] = field(default_factory=set)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add_key(
        self, key: str, user: int, name: str, write: bool = True, groups: Json | None = None
    ) -> None:
        """A key to a person's own library, and to `groups` (`{"7": {"write": true}}`)."""
        own = {"library": True, "notes": True, "files": True} | ({"write": True} if write else {})
        access = {"user": own} | ({"groups": groups} if groups else {})
        self.keys[key] = {"key": key, "userID": user, "username": name, "access": access}
        for library in (
            f"users/{user}",
            *(f"groups/{each}" for each in groups or () if each != "all"),
        ):
            self.libraries[library] = self.libraries.get(library, {})

    def answer(self, method: str, path: str, given: Mapping[str, str], body: bytes) -> Reply:
        if given.get("zotero-api-version") != "3":
            return 400, {}, "Zotero-API-Version 3 was not asked for"
        grant = self.keys.get(given.get("zotero-api-key", ""))
        if grant is None:
            return 403, {}, "Invalid key"
        if (method, path) == ("GET", "/keys/current"):
            return 200, {}, grant
        found = re.fullmatch(r"/((?:users|groups)/\d+)/items", path)
        if method != "POST" or found is None:
            return 404, {}, "Not found"
        return self._write(found[1], grant, given, body)

    def _write(self, library: str, grant: Json, given: Mapping[str, str], body: bytes) -> Reply:
        if library not in self.libraries:
            return 404, {}, "Library does not exist"
        if not _may_write(grant, library):
            return 403, {}, "Write access denied"
        if given.get("content-type") != "application/json":
            return 400, {}, "Content-Type must be 'application/json'"
        token, since = given.get("zotero-write-token"), given.get("if-unmodified-since-version")
        if why := self._unmet(token, since):
            return 412, {}, why
        try:
            items = json.loads(body)
        except ValueError:
            return 400, {}, "Unparseable JSON"
        if not isinstance(items, list) or not items:
            return 400, {}, "Uploaded data must be a JSON array"
        if len(items) > MOST_ITEMS:
            return 413, {}, f"Cannot add more than {MOST_ITEMS} items at a time"
        self.version += 1
        result: Json = {"successful": {}, "success": {}, "unchanged": {}, "failed": {}}
        for at, item in enumerate(items):
            self._put(library, str(at), item, since, result)
        if token:
            self.tokens.add(token)
        return 200, {"Last-Modified-Version": str(self.version)}, result

    def _unmet(self, token: str | None, since: str | None) -> str:
        """The condition of a request that isn't met, if there is one."""
        if token in self.tokens:
            return "Write token already used"
        if since is not None and int(since) != self.version:
            return "Library has been modified since specified version"
        return ""

    def _put(self, library: str, at: str, item: Json, since: str | None, result: Json) -> None:
        there = self.libraries[library]
        key, version = (
            item.get("key") or f"KEY{len(there):05}".replace("0", "A"),
            item.get("version"),
        )
        code, why = _wrong(item, key in there, version, since)
        if code:
            result["failed"][at] = {"key": key, "code": code, "message": why}
            return
        data = item | {"key": key, "version": self.version}
        there[key] = data
        result["success"][at] = key
        result["successful"][at] = {"key": key, "version": self.version, "data": data}


def _may_write(grant: Json, library: str) -> bool:
    kind, _, number = library.partition("/")
    if kind == "users":
        own = grant["access"].get("user", {}).get("write") is True
        return own and int(number) == grant["userID"]
    groups = grant["access"].get("groups", {})
    return any(groups.get(each, {}).get("write") is True for each in (number, "all"))


def _wrong(item: Json, exists: bool, version: Any, since: str | None) -> tuple[int, str]:
    """Why an item is refused: a status, 0 for none, and words."""
    if "key" in item and not _ITEM_KEY.fullmatch(str(item["key"])):
        return 400, f"'{item['key']}' is not a valid item key"
    if "key" in item and version is None and since is None:
        return 428, "Either If-Unmodified-Since-Version or 'version' property must be provided"
    if version == 0 and exists:
        return 412, "Item has been modified since specified version (expected 0)"
    if version and not exists:
        return 404, f"Item does not exist (expected version {version}; use 0 instead)"
    return _wrong_field(item)


def _wrong_field(item: Json) -> tuple[int, str]:
    if item.get("itemType") != "preprint":
        return 400, f"'{item.get('itemType')}' is not a valid itemType"
    for name, value in item.items():
        if name not in PREPRINT_FIELDS | ITEM_FIELDS:
            return 400, f"'{name}' is not a valid field for type 'preprint'"
        if name in PREPRINT_FIELDS and not isinstance(value, str):
            return 400, f"'{name}' must be a string"
        if isinstance(value, str) and len(value) > LONGEST_FIELD:
            return 413, f"Value for field '{name}' is too long"
    named = [creator.get("name") or creator.get("lastName") for creator in item["creators"]]
    if not all(named) or {each["creatorType"] for each in item["creators"]} - {"author"}:
        return 400, "creator must have a name, and be an author"
    if not all(tag["tag"].strip() for tag in item["tags"]):
        return 400, "Tag must not be empty"
    return 0, ""


@contextmanager
def run_fake_zotero() -> Iterator[FakeZotero]:
    """Faults: a reply, or "lost_reply" (done, and the connection closed) "hang up", or "ok"."""
    fake = FakeZotero()

    class Handler(QuietHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            given = {name.lower(): value for name, value in self.headers.items()}
            with fake.lock:
                fake.requests.append((f"{self.command} {self.path}", given, body))
                fault = fake.faults.popleft() if fake.faults else None
                if isinstance(fault, tuple):
                    reply = fault
                elif fault == "hang up":
                    self.close_connection = True
                    return
                else:
                    status, headers, found = fake.answer(self.command, self.path, given, body)
                    reply = status, fake.headers | headers, found
                    if fault == "lost_reply":
                        self.close_connection = True
                        return
            self._send(*reply)

        do_POST = do_GET

        def _send(self, status: int, headers: Mapping[str, str], found: Any) -> None:
            text = found if isinstance(found, str) else json.dumps(found)
            self.reply(status, headers, text.encode())

    with served(Handler) as fake.url:
        yield fake
