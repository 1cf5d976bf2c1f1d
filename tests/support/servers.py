"""A real PostgreSQL cluster and a real Redis, each on a free port and in a directory of its own."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import redis

from tests.support.ports import free_port
from tests.support.processes import running

_POSTGRESQL_HOMES = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt")
# A test cluster may lose everything in a power cut; losing nothing costs minutes.
_UNSAFE_AND_FAST = (
    *("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=300"),
    *("autovacuum=off", "wal_level=minimal", "max_wal_senders=0", "jit=off"),
)


class Missing(AssertionError):
    """A program that the tests need is not on this machine."""


def program(name: str) -> str:
    """Where the program is; `make test` installs what is missing. Raises `Missing` with the sentence to read."""
    if found := shutil.which(name):
        return found
    if (system := Path("/usr/sbin") / name).exists():
        return str(system)
    for home in _POSTGRESQL_HOMES:
        if candidates := sorted(Path(home).glob(f"*/bin/{name}")):
            return str(candidates[-1])
    raise Missing(f"{name} is not installed: run `make test` as root once, or install postgresql and redis-server")


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL cluster that can be stopped and started again with what it holds."""

    home: Path
    port: int
    user: str | None
    durable: bool

    @property
    def url(self) -> str:
        """Its `postgres` database, whose user may create others."""
        return f"postgresql://idp@127.0.0.1:{self.port}/postgres"

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run it until the block ends."""
        settings = [
            f"port={self.port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={self.home}",
            *(() if self.durable else _UNSAFE_AND_FAST),
        ]
        command = [program("postgres"), "-D", str(self.home / "data")]
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients that a failed test left behind.
        with running(
            [*command, *(word for each in settings for word in ("-c", each))],
            log=self.home / "log",
            answers=lambda: _postgresql_answers(self.url),
            user=self.user,
            directory=self.home,
            stop_signal=signal.SIGINT,
        ):
            yield


@contextlib.contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Make a cluster; it does not run yet."""
    user = _unprivileged()
    with _directory(user) as home:
        _run_initdb(home / "data", user)
        yield Cluster(home, free_port(), user, durable)


@contextlib.contextmanager
def postgresql(*, durable: bool = False) -> Iterator[str]:
    """Run a cluster; gives the URL of its `postgres` database, whose user may create others."""
    with cluster(durable=durable) as made, made.running():
        yield made.url


@contextlib.contextmanager
def redis_server(*options: str, port: int | None = None, stop_signal: signal.Signals = signal.SIGTERM) -> Iterator[str]:
    """Run a Redis that evicts nothing and saves nothing; `options` as on its command line."""
    with _directory(None) as home:
        port = port or free_port()
        command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
        command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", *options]
        url = f"redis://127.0.0.1:{port}/0"
        with running(
            command,
            log=home / "log",
            answers=lambda: _redis_answers(port),
            directory=home,
            stop_signal=stop_signal,
        ):
            yield url


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root, so root lends it the user that Debian's package made."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise Missing("as root the tests run PostgreSQL as user `postgres`, and there is no such user") from None


@contextlib.contextmanager
def _directory(owner: str | None) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="idp-test-", ignore_cleanup_errors=True) as name:
        if owner:
            shutil.chown(name, owner, owner)
        yield Path(name)


def _run_initdb(data: Path, user: str | None) -> None:
    command = [
        program("initdb"),
        "-D",
        str(data),
        "-U",
        "idp",
        "--auth=trust",
        "--no-sync",
        "-E",
        "UTF8",
        "--no-locale",
    ]
    groups: list[str | int] | None = [] if user else None
    done = subprocess.run(
        command, capture_output=True, text=True, user=user, group=user, extra_groups=groups, cwd=data.parent
    )
    assert done.returncode == 0, f"initdb failed:\n{done.stdout}{done.stderr}"


def _postgresql_answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _redis_answers(port: int) -> bool:
    try:
        with redis.Redis(port=port, socket_connect_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False
