"""A real PostgreSQL cluster and a real Redis, each on a free port and in a directory of its own."""

import contextlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import redis

from tests.support.ports import free_port
from tests.support.processes import running

_POSTGRESQL_HOMES = ("/usr/lib/postgresql", "/usr/pgsql", "/opt/homebrew/opt")
# A test cluster may lose everything in a power cut; losing nothing costs minutes.
_UNSAFE_AND_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=300")


class Missing(AssertionError):
    """A program that the tests need is not on this machine."""


def program(name: str) -> str:
    """Where the program is; `make test` installs what is missing. Raises `Missing` with the sentence to read."""
    if found := shutil.which(name):
        return found
    for home in _POSTGRESQL_HOMES:
        if candidates := sorted(Path(home).glob(f"*/bin/{name}")):
            return str(candidates[-1])
    raise Missing(f"{name} is not installed: run `make test` as root once, or install postgresql and redis-server")


@contextlib.contextmanager
def postgresql() -> Iterator[str]:
    """Run a cluster; gives the URL of its `postgres` database, whose user may create others."""
    user = _unprivileged()
    with _directory(user) as home:
        data, port = home / "data", free_port()
        _run_initdb(data, user)
        settings = [
            f"port={port}",
            "listen_addresses=127.0.0.1",
            f"unix_socket_directories={home}",
            *_UNSAFE_AND_FAST,
        ]
        command = [program("postgres"), "-D", str(data), *(word for each in settings for word in ("-c", each))]
        url = f"postgresql://idp@127.0.0.1:{port}/postgres"
        # SIGINT is PostgreSQL's fast shutdown: it does not wait for clients that a failed test left behind.
        with running(
            command,
            log=home / "log",
            answers=lambda: _postgresql_answers(url),
            user=user,
            directory=home,
            stop_signal=signal.SIGINT,
        ):
            yield url


@contextlib.contextmanager
def redis_server(*options: str) -> Iterator[str]:
    """Run a Redis that evicts nothing and saves nothing; `options` as on its command line."""
    with _directory(None) as home:
        port = free_port()
        command = [program("redis-server"), "--port", str(port), "--bind", "127.0.0.1", "--dir", str(home)]
        command += ["--save", "", "--appendonly", "no", "--maxmemory-policy", "noeviction", *options]
        url = f"redis://127.0.0.1:{port}/0"
        with running(command, log=home / "log", answers=lambda: _redis_answers(port), directory=home):
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
