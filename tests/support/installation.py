"""A whole installation on either pair of stores, made in this process: `idp` itself starts only to serve.

What `idp db upgrade`, `idp accounts load` and `idp clients load` would write is written by the same functions; three
starts of Python fewer for each test that needs a server.
"""

import contextlib
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from config.cli.clients_file import put, read_entry
from config.cli.people_file import read_person
from config.container import Container
from config.settings import PREFIX, Settings
from config.stores import Stores
from tests.support import databases, leaks
from tests.support.app import make_keys
from tests.support.ports import free_port
from tests.support.provider import TESTING, Provider

PAIRS = ("sqlite", "postgresql and redis")


@contextlib.contextmanager
def installed(
    home: Path,
    request: pytest.FixtureRequest,
    stores: str = "sqlite",
    *,
    settings: Mapping[str, str] | None = None,
    people: Sequence[Mapping[str, Any]] = (),
    clients: Sequence[Mapping[str, Any]] = (),
    workers: int = 1,
    port: int | None = None,
    own_keys: bool = False,
) -> Iterator[Provider]:
    """An installation in `home` that is ready to serve, in test mode; its stores end with the block.

    It shares its first keys with the others of this run, unless it wants `own_keys`.
    """
    with store_pair(stores, home, request) as chosen:
        given = TESTING | chosen | dict(settings or {})
        provider = Provider(home, given, workers=workers, port=port or free_port())
        seed(provider, people, clients, own_keys)
        yield provider


@contextlib.contextmanager
def store_pair(stores: str, home: Path, request: pytest.FixtureRequest) -> Iterator[dict[str, str]]:
    """Migrated, empty stores as settings; SQLite is what the provider does by itself."""
    if stores == "sqlite":
        (home / "data").mkdir(mode=0o700)
        shutil.copy(request.getfixturevalue("sqlite_template"), home / "data" / "idp.db")
        yield {}
        return
    server, template = request.getfixturevalue("postgres_url"), request.getfixturevalue("postgresql_template")
    redis_url = request.getfixturevalue("redis_url")
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    with databases.postgresql_copy(server, template) as url:
        yield {"IDP_STORE__DATABASE_URL": url, "IDP_STORE__REDIS_URL": redis_url}


def laid(provider: Provider) -> Stores:
    """The stores of an installation, in this process."""
    sections: dict[str, Any] = {"environment": "development", "data_dir": provider.home / "data"}
    for name, value in provider.settings.items():
        section, _, key = name.removeprefix(PREFIX).lower().partition("__")
        if section in ("store", "login"):
            sections.setdefault(section, {})[key] = value
    return Stores(Settings(**sections))


def seed(
    provider: Provider,
    people: Sequence[Mapping[str, Any]],
    clients: Sequence[Mapping[str, Any]],
    own_keys: bool = False,
) -> None:
    """Make keys, and write people and clients."""
    base = laid(provider)
    now, hashes, hasher = base.clock(), dict[str, str](), Container(base).accounts.passwords
    for person in people:
        account, password = read_person(person, now)
        assert password
        leaks.PEOPLE.update({account.name, password, *(held.value for held in account.identifiers)})
        if password not in hashes:
            hashes[password] = hasher.hash(password)
        base.people.add(replace(account, password_hash=hashes[password], password_changed_at=now))
    wanted = {metadata.get("id_token_signed_response_alg", "RS256") for metadata in clients}
    if not own_keys and wanted <= set(base.settings.keys.algorithms):
        make_keys(base)
    base.rotator.prepare(wanted)
    put(base, [read_entry(base, metadata).client for metadata in clients], "test")
    base.close()
