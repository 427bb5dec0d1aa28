"""A backup brings everything back, and a wrong file or a server in use changes nothing."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.errors import Refused
from bot.settings import Settings
from bot.store import Store
from bot.store_backup import Backup
from bot.store_subscriptions import Subscriptions
from bot.subscription import Way
from bot.wish import Address
from tests.make import profile
from tests.test_why import ADDRESSES, CASES, place, shown
from workers import keeping

HERE = Address(platform="slack", workspace="T1", channel="C1")


@pytest.fixture
def settings(server: str) -> Settings:
    return Settings.model_validate({"redis_url": SecretStr(server)})


def everything(store: Store) -> dict[str, Any]:
    return {row.key: row.value for row in Backup(store).all()}


def used(store: Store) -> dict[str, Any]:
    """A channel with a day, a vote and a question behind it, and something under way."""
    there = place(store, ADDRESSES["slack"])
    there.subscribes()
    shown(CASES["had before"], there, lambda head: "")
    there.desk.subscriptions.vote(HERE, "2503.10001", "U1", Way.UP)
    there.desk.subscriptions.put_profile(HERE, profile(name="mine"))
    store.put_progress("step", 1, 2)
    assert store.lease("a day", 60, 0)
    return everything(store)


def test_what_was_backed_up_is_all_there_again(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    before, file = used(store), tmp_path / "paperboy.gz"
    assert not any(key.startswith(("pb:lease", "pb:progress")) for key in before)
    assert keeping.backup(settings, file) == len(before)
    ttl = store.redis.ttl("pb:digest:day")
    store.redis.flushall()
    assert keeping.restore(settings, file) == len(before)
    assert everything(store) == before
    assert abs(int(str(store.redis.ttl("pb:digest:day"))) - int(str(ttl))) <= 5
    (found,) = Subscriptions(store).all()
    assert found.address == HERE
    answer = place(store, ADDRESSES["slack"]).why("2503.10001").head
    assert answer is not None
    assert "Picked: number 1 of 2." in answer.text


def test_a_server_in_use_is_left_as_it_is(store: Store, settings: Settings, tmp_path: Path) -> None:
    before, file = used(store), tmp_path / "paperboy.gz"
    keeping.backup(settings, file)
    with pytest.raises(Refused, match="This server is in use"):
        keeping.restore(settings, file)
    assert everything(store) == before


@pytest.mark.parametrize("harm", ["cut", "plain", "other", "bad row", "missing"])
def test_a_file_that_is_no_whole_backup_restores_nothing(
    harm: str, store: Store, settings: Settings, tmp_path: Path
) -> None:
    used(store)
    file = tmp_path / "paperboy.gz"
    keeping.backup(settings, file)
    whole = file.read_bytes()
    rows = gzip.decompress(whole).decode()
    harmed = {
        "cut": whole[:-200],
        "plain": rows.encode(),
        "other": gzip.compress(b'{"paperboy": "diary"}\n'),
        "bad row": gzip.compress((rows + '{"key": "pb:x"}\n').encode()),
    }
    file.unlink() if harm == "missing" else file.write_bytes(harmed[harm])
    store.redis.flushall()
    with pytest.raises(Refused, match=r"paperboy\.gz"):
        keeping.restore(settings, file)
    assert store.redis.keys("*") == []


def test_a_backup_that_cannot_be_written_says_so(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="cannot be written"):
        keeping.backup(settings, tmp_path / "nowhere" / "paperboy.gz")
