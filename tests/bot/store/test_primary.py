"""The database behind a password, TLS, a number, or sentinels, and the end of its primary."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import pytest
import redis
from rq import Queue
from rq.serializers import JSONSerializer

from bot.endpoint import Endpoint, check_redis_url, parse_endpoint, parse_sentinels
from bot.errors import Refused
from bot.store.connection import (
    connect,
    connect_briefly,
    connect_for_jobs,
    require_usable_server,
)
from bot.store.outbox import Outbox
from bot.store.values.lease import Lease, LeaseLost
from bot.store.values.primary import NotCopied
from bot.store.values.round_trips import RoundTrips
from tests.ports import free_port
from tests.processes import run_command
from tests.servers.replicated import NAME, PASSWORD, Replicated, run_replicated, with_tls
from tests.waiting import wait_until
from workers.runtime.server import _program

NOW = datetime(2025, 3, 20, 9, tzinfo=UTC)


def usable(url: str) -> str:
    """An address as the settings have it, of a server that every client of ours can use."""
    found = check_redis_url(parse_endpoint(url))
    require_usable_server(found)
    whole = found.get_secret_value()
    with connect(whole) as client, connect_briefly(whole) as brief, connect_for_jobs(whole) as jobs:
        client.set("pb:x", "1")
        assert brief.get("pb:x") == "1"
        assert jobs.get("pb:x") == b"1"
        Queue("ask", connection=jobs, serializer=JSONSerializer).enqueue("workers.jobs.inquire")
        assert client.llen("rq:queue:ask") == 1
        assert client.connection_pool.make_connection().db == 3
    return whole


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, Path]]:
    """A real server that speaks TLS alone, by a certificate of an authority made here."""
    program, openssl = with_tls(), shutil.which("openssl")
    if not program or not openssl:
        pytest.skip("no openssl, or no server here that speaks TLS")
    home, port = tmp_path_factory.mktemp("tls"), free_port()

    def made(words: str) -> None:
        subprocess.run([openssl, *words.split()], cwd=home, check=True, capture_output=True)

    made("req -x509 -newkey rsa:2048 -nodes -subj /CN=ours -keyout ca.key -out ca.pem")
    made("req -newkey rsa:2048 -nodes -subj /CN=theirs -keyout key.pem -out ask.pem")
    (home / "names").write_text("subjectAltName=IP:127.0.0.1")
    signed = "x509 -req -in ask.pem -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem"
    made(f"{signed} -extfile names")
    told = ["--port", "0", "--tls-port", str(port), "--save", ""]
    told += [
        "--bind",
        "127.0.0.1",
        "127.0.0.2",
        "--tls-cert-file",
        "cert.pem",
        "--tls-key-file",
        "key.pem",
    ]
    told += ["--tls-ca-cert-file", "ca.pem", "--tls-auth-clients", "no", "--requirepass", PASSWORD]
    with run_command([program, *told], cwd=home, stdout=subprocess.DEVNULL):
        with redis.Redis(
            "127.0.0.1", port, password=PASSWORD, ssl=True, ssl_ca_certs=str(home / "ca.pem")
        ) as client:
            wait_until(lambda: _pings(client))
        yield port, home / "ca.pem"


def _pings(client: redis.Redis) -> bool:
    with suppress(redis.ConnectionError):
        return bool(client.ping())
    return False


def test_a_server_with_tls_a_password_and_a_database_of_its_own(guarded: tuple[int, Path]) -> None:
    port, authority = guarded
    usable(f"rediss://:{PASSWORD}@127.0.0.1:{port}/3?ssl_ca_certs={authority}")


def test_a_server_with_tls_is_refused_without_its_authority(guarded: tuple[int, Path]) -> None:
    port, authority = guarded
    for url, why in (
        (f"rediss://:{PASSWORD}@127.0.0.1:{port}/3", "its certificate is not trusted"),
        (f"rediss://:hush@127.0.0.1:{port}/3?ssl_ca_certs={authority}", "this name and password"),
        (f"rediss://:{PASSWORD}@localhost:{port}/3?ssl_ca_certs={authority}", "certificate"),
    ):
        with pytest.raises(Refused, match=why):
            require_usable_server(check_redis_url(parse_endpoint(url)))


def test_sentinels_and_their_primary_by_tls(guarded: tuple[int, Path]) -> None:
    port, authority = guarded
    watching, home = free_port(), authority.parent
    (home / "sentinel.conf").write_text(
        f"port 0\ntls-port {watching}\nbind 127.0.0.1\ntls-replication yes\nrequirepass quiet\n"
        "tls-cert-file cert.pem\ntls-key-file key.pem\ntls-ca-cert-file ca.pem\n"
        f"tls-auth-clients no\nsentinel monitor {NAME} 127.0.0.1 {port} 1\n"
        f'sentinel auth-pass {NAME} "{PASSWORD}"\n'
    )
    command = [with_tls(), "sentinel.conf", "--sentinel"]
    url = f"rediss+sentinel://:{PASSWORD}@127.0.0.1:{watching}/{NAME}/3"
    url += f"?ssl_ca_certs={authority}&sentinel_password=quiet"
    with run_command(command, cwd=home, stdout=subprocess.DEVNULL):
        with connect_briefly(parse_endpoint(url).get_secret_value()) as client:
            wait_until(lambda: _pings(client))
            client.flushall()
        usable(url)


def test_a_server_that_became_a_replica_is_left_at_the_first_write(tmp_path: Path) -> None:
    port = free_port()
    told = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(tmp_path), "--save", ""]
    with run_command([_program(), *told], stdout=subprocess.DEVNULL):
        url = f"redis://127.0.0.1:{port}/0"
        with connect(url) as client, connect_for_jobs(url) as other:
            wait_until(lambda: _pings(other))
            before = client.client_id()
            other.replicaof("127.0.0.1", free_port())
            with pytest.raises(redis.ConnectionError, match="replica"):
                client.set("pb:x", "1")
            other.replicaof("NO", "ONE")
            client.set("pb:x", "1")  # over another connection
            assert (between := client.client_id()) != before
            other.replicaof("127.0.0.1", free_port())
            with pytest.raises(redis.ConnectionError, match="replica"), client.pipeline() as pipe:
                pipe.set("pb:x", "1").execute()
            other.replicaof("NO", "ONE")
            assert (last := client.client_id()) != between
            other.replicaof("127.0.0.1", free_port())
            with pytest.raises(redis.ConnectionError, match="replica"):
                asyncio.run(RoundTrips(client).ask("SET", "pb:x", "1"))
            other.replicaof("NO", "ONE")
            assert client.client_id() != last


# Sentinels


@pytest.mark.parametrize(
    ("url", "shown", "hosts"),
    [
        ("redis+sentinel://:hush@a:1,B/papers", "redis+sentinel://a:1,b", (("a", 1), ("b", 26379))),
        ("rediss+sentinel://u:hush@a/papers/3", "rediss+sentinel://a", (("a", 26379),)),
    ],
)
def test_an_address_names_its_sentinels_and_never_its_password(
    url: str, shown: str, hosts: tuple[tuple[str, int], ...]
) -> None:
    found = check_redis_url(parse_endpoint(url + "?sentinel_password=quiet"))
    assert str(found) == shown
    assert "hush" in found.secrets
    assert "quiet" in found.secrets
    sentinels = parse_sentinels(found.get_secret_value())
    assert sentinels is not None
    assert (sentinels.hosts, sentinels.name) == (hosts, "papers")
    assert sentinels.login == {"password": "quiet"}


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis+sentinel://:hush@a:1,b:2", "primary's name"),
        ("redis+sentinel://:hush@a:1,b:2/papers/x", "primary's name"),
        ("redis+sentinel://:hush@a:1,b:2/papers/0/1", "primary's name"),
        ("redis+sentinel://:hush@a:1,/papers", "port"),
        ("redis+sentinel://:hush@a:99999/papers", "port"),
        ("redis+sentinel://:hush@[::1]:1,b/papers", "host"),
        ("redis+sentinel://:hush@a/papers?sentinel_kwargs=x", "option"),
        ("redis+sentinel://:hush@a/papers?retries=3", "option"),
        ("redis://:hush@a/0?sentinel_password=x", "option"),
        ("redis://:hush@a:1,b:2/0", "host"),
    ],
)
def test_an_address_of_sentinels_that_cannot_be_used_gets_one_clause(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as raised:
        check_redis_url(parse_endpoint(url))
    assert "hush" not in str(raised.value)


@pytest.fixture
def replicated(tmp_path: Path) -> Iterator[Replicated]:
    with run_replicated(tmp_path) as found:
        yield found


def test_clients_go_on_at_the_new_primary(replicated: Replicated) -> None:
    url = usable(replicated.url.replace("/2", "/3"))
    old = replicated.primary()
    with connect(url) as client, connect_for_jobs(url) as jobs, connect_briefly(url) as brief:
        client.set("pb:before", "1")
        assert client.wait(1, 5000) == 1
        lease = Lease.take(client, "pb:lease:x", 600, 0)
        assert lease is not None
        assert client.wait(1, 5000) == 1
        replicated.kill(old)
        with pytest.raises(redis.ConnectionError):  # a person waits
            brief.get("pb:before")
        assert client.get("pb:before") == "1"  # a job can wait
        assert replicated.primary() != old
        lease.renew()
        wait_until(lambda: _pings(jobs))
        assert jobs.get("pb:before") == b"1"


def test_a_job_waits_for_a_primary_before_its_command_as_well_as_in_it(tmp_path: Path) -> None:
    """A connection that is known to be closed is replaced before the command is tried."""
    with run_replicated(tmp_path, down=5000) as found, connect(found.url) as client:
        client.set("pb:before", "1")
        assert client.wait(1, 5000) == 1
        found.kill(found.primary())
        assert client.get("pb:before") == "1"


def test_nothing_is_sent_whose_intent_could_be_lost_with_the_primary(
    replicated: Replicated,
) -> None:
    url, (primary, replica) = replicated.url, replicated.ports
    with connect(url) as client:
        outbox = Outbox(RoundTrips(client), "x")
        assert asyncio.run(outbox.begin("head", 1, NOW)) is None
        with replicated.client(replica) as copy:
            assert copy.hexists("pb:outbox:x", "head")
        replicated.kill(replica, signal.SIGSTOP)
        with pytest.raises(NotCopied):
            asyncio.run(outbox.begin("2503.10001", 1, NOW))
        replicated.kill(replica, signal.SIGCONT)
        assert asyncio.run(outbox.begin("2503.10001", 1, NOW)) is not None  # it may have been sent
        replicated.kill(replica)
        with replicated.client(primary) as alone:
            wait_until(lambda: not alone.info("replication")["connected_slaves"])
        with pytest.raises(NotCopied):  # it may have been promoted
            asyncio.run(outbox.begin("2503.10002", 1, NOW))


def test_nothing_is_sent_where_the_primary_is_demoted_before_a_replica_has_the_intent(
    replicated: Replicated,
) -> None:
    """Its server ends a WAIT that is under way. One that is demoted before takes no write."""
    primary, replica = replicated.ports

    def demote() -> None:
        wait_until(lambda: demoting.info("clients")["blocked_clients"], "a WAIT is under way")
        demoting.replicaof("127.0.0.1", replica)

    with connect(replicated.url) as client, replicated.client(primary) as demoting:
        outbox = Outbox(RoundTrips(client), "x")
        assert asyncio.run(outbox.begin("head", 1, NOW)) is None
        replicated.kill(replica, signal.SIGSTOP)
        demotion = Thread(target=demote)
        demotion.start()
        with pytest.raises(NotCopied, match="a replica by now"):
            asyncio.run(outbox.begin("2503.10001", 1, NOW))
        demotion.join()
        replicated.kill(replica, signal.SIGCONT)


def test_a_lease_that_was_lost_with_the_primary_is_not_held_beside_its_successor(
    replicated: Replicated,
) -> None:
    primary, replica = replicated.ports
    with connect(replicated.url) as client:
        replicated.kill(replica, signal.SIGSTOP)
        client.execute_command("CLIENT KILL TYPE replica")  # nothing under way arrives later
        lost = Lease.take(client, "pb:lease:x", 600, 0)
        assert lost is not None
        replicated.kill(primary)
        replicated.kill(replica, signal.SIGCONT)
        wait_until(lambda: _pings(client))
        later = Lease.take(client, "pb:lease:x", 600, 0)
        assert later is not None
        assert later.number == lost.number
        with pytest.raises(LeaseLost):
            lost.renew()
        later.renew()


def test_sentinels_that_do_not_answer_are_said_in_one_sentence() -> None:
    one, two = free_port(), free_port()
    url = f"redis+sentinel://:hush@127.0.0.1:{one},127.0.0.1:{two}/{NAME}"
    with pytest.raises(Refused) as raised:
        require_usable_server(Endpoint(url))
    assert f"redis+sentinel://127.0.0.1:{one},127.0.0.1:{two}" in str(raised.value)
    assert "hush" not in str(raised.value)
    assert "no sentinel that answers knows" in str(raised.value)
