"""A backup brings everything back, and a wrong file or a server in use changes nothing."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bot.domain.budget import Limits, MaxCost, Payer, Period, Purpose, Refusal, Reservation
from bot.domain.request import Address
from bot.errors import Refused
from bot.settings import Settings
from bot.store.keeping.backup import Backup, BackupEntry
from bot.store.outbox import Outbox
from bot.store.spending import Spending
from bot.store.store import Store
from bot.store.values.quarantine import quarantine_counts
from tests.bot.commands.why_cases import ADDRESSES, CASES, render_case, set_up_why
from tests.factories import NOW, lesson, profile, save_own_profile
from tests.old_store import BACKUP_FORM_1, backup_rows, corrupt
from workers.cli import backup
from workers.runtime.environment import environment, with_private_workers

HERE = Address(platform="slack", workspace="T1", channel="C1")


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings.model_validate({"redis_url": SecretStr(redis_url)})


def everything(store: Store) -> dict[str, Any]:
    return {row.key: row.value for row in Backup(store).all()}


def used(store: Store) -> dict[str, Any]:
    """A channel with a day, a vote and a question behind it, and something under way."""
    there = set_up_why(store, ADDRESSES["slack"])
    there.subscribes()
    render_case(CASES["had before"], there, lambda head: "")
    there.context.store.votes.cast(HERE, lesson("2503.10001", channel=str(HERE)))
    save_own_profile(there.context.store, HERE, profile(name="mine"))
    store.put_progress("step", 1, 2)
    assert store.lease("a day", 60, 0)
    return everything(store)


def test_a_restore_brings_back_everything(store: Store, settings: Settings, tmp_path: Path) -> None:
    before, file = used(store), tmp_path / "paperboy.gz"
    assert not any(key.startswith(("pb:lease", "pb:progress")) for key in before)
    assert backup.backup(settings, file) == len(before)
    ttl = store.redis.ttl("pb:digest:day")
    store.redis.flushall()
    assert backup.restore(settings, file) == len(before)
    assert everything(store) == before
    assert abs(int(str(store.redis.ttl("pb:digest:day"))) - int(str(ttl))) <= 5
    (found,) = store.subscriptions.all()
    assert found.address == HERE
    answer = set_up_why(store, ADDRESSES["slack"]).why("2503.10001").head
    assert answer is not None
    assert answer.title.startswith("Picked: number 1 of 2, with")


def test_what_names_other_keys_is_read_before_them(store: Store) -> None:
    """A digest posted during a backup was known by its name alone (the simulator, seed 20002)."""
    used(store)
    naming = [key.split(":")[1] in ("history", "had", "served") for key in everything(store)]
    assert True in naming
    assert naming == sorted(naming, reverse=True)


def test_a_server_in_use_is_left_as_it_is(store: Store, settings: Settings, tmp_path: Path) -> None:
    before, file = used(store), tmp_path / "paperboy.gz"
    backup.backup(settings, file)
    with pytest.raises(Refused, match="This database is in use"):
        backup.restore(settings, file)
    assert everything(store) == before


HEADER = {"paperboy": "backup", "version": 2, "form": 2}
GOOD = next(row for row in backup_rows() if row.key == "pb:profiles")
JOB = {"created_at": "2025-03-20", "data": '["os.system", null, ["id"], {}]', "origin": "ask"}


def file_of(tmp_path: Path, *lines: Any, header: Any = HEADER) -> Path:
    """A backup by hand."""
    file = tmp_path / "by-hand.gz"
    texts = (line if isinstance(line, str) else json.dumps(line) for line in (header, *lines))
    file.write_bytes(gzip.compress("\n".join(texts).encode() + b"\n"))
    return file


def row(key: str, value: Any, kind: str = "hash", **more: Any) -> dict[str, Any]:
    return {"key": key, "kind": kind, "value": value, **more}


def of(name: str) -> Any:
    """A row of the version before, of this kind."""
    return next(r for r in backup_rows() if r.key.startswith(f"pb:{name}")).value


MINE = "slack:T1:C1 matters"
FORGED = {
    "a job": (row("rq:job:1", JOB), "rq:job:1"),
    "a queue": (row("rq:queues", ["ask"], "set"), "rq:queues"),
    "a foreign key": (row("session:1", "x", "string"), "session:1"),
    "an unknown kind": (row("pb:secrets", {"a": "b"}), "pb:secrets"),
    "ours and more": (row("pb:subscriptions:x", of("subscriptions")), "pb:subscriptions:x"),
    "a key that is too long": (row("pb:outbox:" + "x" * 400, {"#": "1"}), "outbox"),
    "a line in a key": (row("pb:chosen:x\nFLUSHALL", of("chosen"), "string"), r"x\\nFLUSHALL"),
    "another type": (row("pb:subscriptions", "x", "string"), "it is a string and should be a hash"),
    "a value of another type": (row("pb:subscriptions", ["x"]), "that of no hash"),
    "a list": (row("pb:posts:x", ["x"], "list"), "kind"),
    "nothing in it": (row("pb:wishes", {}), "it is empty"),
    "no subscription": (row("pb:subscriptions", {MINE: "{}"}), "address: Field required"),
    "one under another key": (row("pb:subscriptions", {"x y": of("subs")[MINE]}), "filed under"),
    "a profile with more": (row("pb:profiles", {"m": '{"v": 2, "run": "id"}'}), "Field required"),
    "a newer value": (row("pb:profiles", {"m": '{"v": 5}'}), "its form is '5'"),
    "no JSON": (row("pb:digest:day", "{", "string"), "pb:digest:day"),
    "a digest of nothing": (row("pb:digest:day", "{}", "string"), "it has no decisions"),
    "a wrong number": (row("pb:spent:slack:T1:2025-03", {"nano": "1e9"}), "not a whole number"),
    "an endless number": (row("pb:days:" + "0" * 16, {"day": 1e999}, "zset"), "number"),
    "a wrong vote": (row("pb:votes:slack:T1:C1:2503.10001", {"U1": "meh"}), "pb:votes"),
    "a wrong moment": (row("pb:basis:day", "yesterday", "string"), "pb:basis"),
    "a time without a zone": (row("pb:basis:day", "2025", "string", until="2026-01-01"), "until"),
    "a time far away": (
        row("pb:shape:a", "x", "string", until="9999-01-01T00:00:00Z"),
        "kept for too long",
    ),
    "a field more": (row("pb:shape:a", "x", "string", run="id"), "run"),
    "no object": ([1], "line 3"),
    "a deep one": ("[" * 100_000, "line 3"),
    "a deep value": (row("pb:gate:" + "0" * 16, "[" * 100_000, "string"), "nested too deeply"),
}


@pytest.mark.parametrize("what", FORGED)
def test_a_file_with_one_forged_line_restores_nothing_and_says_which(
    what: str, store: Store, settings: Settings, tmp_path: Path
) -> None:
    forged, said = FORGED[what]
    file = file_of(tmp_path, json.loads(GOOD.model_dump_json()), forged)
    with pytest.raises(Refused, match=said) as refused:
        backup.restore(settings, file)
    assert re.fullmatch(r"\S+by-hand\.gz, line 3.*\. Nothing was restored\.", str(refused.value))
    assert len(str(refused.value)) < 500
    assert store.redis.keys("*") == []


def test_the_line_that_is_forged_is_the_only_fault(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    assert backup.restore(settings, file_of(tmp_path, json.loads(GOOD.model_dump_json()))) == 1
    assert "matters" in store.profiles.shared()


@pytest.mark.parametrize("harm", ["cut", "plain", "other", "empty", "deep", "newer", "missing"])
def test_an_incomplete_backup_restores_nothing(
    harm: str, store: Store, settings: Settings, tmp_path: Path
) -> None:
    used(store)
    file = tmp_path / "paperboy.gz"
    backup.backup(settings, file)
    whole = file.read_bytes()
    harmed = {
        "cut": whole[:-200],
        "plain": gzip.decompress(whole),
        "other": gzip.compress(b'{"paperboy": "diary"}\n'),
        "empty": gzip.compress(b""),
        "deep": gzip.compress(b"[" * 100_000 + b"\n"),
        "newer": gzip.compress(b'{"paperboy": "backup", "version": 3, "form": 7}\n'),
    }
    file.unlink() if harm == "missing" else file.write_bytes(harmed[harm])
    store.redis.flushall()
    with pytest.raises(Refused, match=r"newer Paperboy" if harm == "newer" else r"paperboy\.gz"):
        backup.restore(settings, file)
    assert store.redis.keys("*") == []


@pytest.mark.parametrize("bound", ["_FILE_MAX", "_WHOLE_MAX", "_LINE_MAX", "_KEYS_MAX"])
def test_an_oversized_file_is_not_read_to_its_end(
    bound: str, store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    most = 100 if bound != "_KEYS_MAX" else 5
    monkeypatch.setattr(backup, bound, most)
    with pytest.raises(Refused, match=r"(larger|longer) than any"):
        backup.restore(
            settings, file_of(tmp_path, *(json.loads(r.model_dump_json()) for r in backup_rows()))
        )
    assert store.redis.keys("*") == []


def test_what_the_version_before_backed_up_is_restored_and_used(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    header, *lines = BACKUP_FORM_1.read_text(encoding="utf-8").splitlines()
    assert backup.restore(settings, file_of(tmp_path, *lines, header=header)) == len(lines)
    assert quarantine_counts(store.redis) == {}
    (found,) = store.subscriptions.all()
    assert found.address == HERE
    answer = set_up_why(store, ADDRESSES["slack"]).why("2503.10001").head
    assert answer is not None
    assert answer.title.startswith("Picked: number 1 of 2, with")
    assert [each.day for each in store.history.of(HERE)] == ["eve", "day"]
    assert store.lists.batch("2025-03-20").replaced == tuple(
        (f"2401.0000{n}", ("cs.LG",)) for n in range(2)
    )
    second = tmp_path / "again.gz"
    assert backup.backup(settings, second) == len(lines)


def test_after_a_restore_judging_does_not_wait_and_nobody_is_refused(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    """Reservations and lease numbers are not in a backup; what counted on them is set right."""
    _, *lines = BACKUP_FORM_1.read_text(encoding="utf-8").splitlines()
    assert '"#\\":\\"57' in str(lines) or '"#":"57"' in "".join(lines)
    backup.restore(settings, file_of(tmp_path, *lines))
    number = store.lease("deliver:slack:T1:C1", 15, 0)
    assert number is not None
    outbox = Outbox(store.trips, f"{HERE}:day")
    assert asyncio.run(outbox.begin("2503.10003", number.number, NOW)) is None
    limits = (Limits(day_usd=0.01), Limits())
    payer = Payer.of(HERE.workspace_key, "matters", limits)
    spending = Spending(store)
    spent = spending.spent(payer.scopes[0], Period.DAY, NOW)
    assert (spent.nano, spent.reserved_nano, spent.tokens) == (9_000_000, 0, 100)
    small, large = (MaxCost(nano=nano, tokens=1) for nano in (1_000_000, 2_000_000))
    assert isinstance(spending.reserve("a", payer, small, Purpose.DIGEST, NOW), Reservation)
    refusal = spending.reserve("b", payer, large, Purpose.DIGEST, NOW)
    assert isinstance(refusal, Refusal)
    assert not refusal.is_temporary


def test_a_restore_that_was_interrupted_is_ended_by_the_same_file_alone(
    store: Store, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, file = used(store), tmp_path / "paperboy.gz"
    backup.backup(settings, file)
    store.redis.flushall()
    put, done = Backup.put, list[BackupEntry]()

    def killed(self: Backup, found: BackupEntry, now: datetime) -> bool:
        if len(done) == 10:
            raise KeyboardInterrupt
        done.append(found)
        return put(self, found, now)

    monkeypatch.setattr(Backup, "put", killed)
    with pytest.raises(KeyboardInterrupt):
        backup.restore(settings, file)
    monkeypatch.setattr(Backup, "put", put)
    with (
        pytest.raises(Refused, match="A restore was begun on this server and not ended"),
        environment(settings),
    ):
        pass
    with pytest.raises(Refused, match="A restore of another file was started"):
        backup.restore(settings, file_of(tmp_path, json.loads(GOOD.model_dump_json())))
    assert backup.restore(settings, file) == len(before)
    assert everything(store) == before
    with environment(settings):
        pass


def test_only_its_owner_reads_a_backup_and_the_data_directory(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    used(store)
    file, data = tmp_path / "paperboy.gz", tmp_path / "data"
    backup.backup(settings, file)
    assert file.stat().st_mode & 0o777 == 0o600
    data.mkdir(mode=0o755)
    (data / "workers.log").touch(mode=0o644)
    with with_private_workers(Settings.model_validate({"data_dir": data})):
        pass
    assert {path.name: path.stat().st_mode & 0o077 for path in (data, *data.iterdir())} == {
        path.name: 0 for path in (data, *data.iterdir())
    }


def test_an_unreadable_value_is_quarantined_in_a_backup_as_well(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    used(store)
    file = tmp_path / "paperboy.gz"
    corrupt(store.redis, "pb:digest:day", "no JSON")
    corrupt(store.redis, "pb:votes:slack:T1:C1:2503.10001", "another type")
    store.redis.set("pb:of-a-newer-version", "x")
    backup.backup(settings, file)
    assert quarantine_counts(store.redis) == {"digest": 1, "votes": 1}
    store.redis.flushall()
    backup.restore(settings, file)
    assert quarantine_counts(store.redis) == {"digest": 1, "votes": 1}
    assert not store.redis.exists("pb:of-a-newer-version")


def test_a_backup_that_cannot_be_written_says_so(
    store: Store, settings: Settings, tmp_path: Path
) -> None:
    with pytest.raises(Refused, match="can't be written"):
        backup.backup(settings, tmp_path / "nowhere" / "paperboy.gz")
