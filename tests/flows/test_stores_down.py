"""Stores that die, stall, fill up or come back older: 503 and nothing half done, and back within seconds.

Real servers throughout: the provider runs as `idp serve`, PostgreSQL and Redis are stopped and started under it.
"""

import contextlib
import os
import shutil
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from config.witness import Witness
from idp.audit import Chain
from idp.store.audit import Trail
from idp.store.database import Database
from tests.support import databases, servers
from tests.support.browser import Page
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, PORTAL, Visit, code_of, people, read_json
from tests.support.ports import free_port
from tests.support.provider import Provider
from tests.support.waiting import until

SOON = 5.0
"""Seconds within which the provider is itself again after its store is (F-01)."""
DEADLINE = 1.0
"""Seconds after which a store counts as down."""


@contextlib.contextmanager
def ready(tmp_path: Path, request: pytest.FixtureRequest, **settings: str) -> Iterator[Provider]:
    given = {"settings": CHEAP_HASH | settings, "people": people(1), "clients": [PORTAL], "workers": 2}
    with installed(tmp_path, request, **given) as provider:  # type: ignore[arg-type]
        yield provider


def answer(provider: Provider, path: str) -> Page:
    return Visit(provider.issuer).portal.send("GET", provider.issuer + path)


def missing(provider: Provider) -> list[str]:
    """What is not ready."""
    page = provider.operations("/readyz")
    assert page.status == 503
    return page.json()["missing"]  # type: ignore[no-any-return]


def assert_unavailable(page: Page) -> None:
    """503, when to come again, and not a word about why."""
    assert (page.status, page.headers["Retry-After"]) == (503, "2"), f"{page.status} {page.url}: {page.text[:300]}"
    assert "Traceback" not in page.text
    for word in ("redis", "psycopg", "sqlalchemy", "Error", "OOM"):
        assert word not in page.text


def assert_alive_without_stores(provider: Provider) -> None:
    """F-02: what needs no store answers at once, also while others wait for one."""
    assert provider.operations("/healthz", patience=1.0).status == 200
    for path in ("/jwks", "/.well-known/openid-configuration"):
        took = []
        for _ in range(3):
            began = time.monotonic()
            assert answer(provider, path).status == 200
            took.append(time.monotonic() - began)
        assert min(took) < 1.0


def kept(url: str) -> list[int]:
    """How many sessions, refresh families, revocations and counted failures there are.

    Counts that a right password has cleared are nothing; the broom takes them when it comes by.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        tables = ("session", "refresh_family", "revocation", "throttle where expires_at > extract(epoch from now())")
        return [connection.execute(f"select count(*) from {table}").fetchone()[0] for table in tables]  # type: ignore


@pytest.fixture
def postgresql_database(postgres_url: str, postgresql_template: str) -> Iterator[str]:
    with databases.postgresql_copy(postgres_url, postgresql_template) as url:
        yield url


class TestRedisIsKilled:
    """F-01: with PostgreSQL beside it, as in production."""

    @pytest.fixture
    def port(self) -> int:
        return free_port()

    @pytest.fixture
    def provider(
        self, tmp_path: Path, request: pytest.FixtureRequest, port: int, postgresql_database: str
    ) -> Iterator[Provider]:
        stores = {
            "IDP_STORE__DATABASE_URL": postgresql_database,
            "IDP_STORE__REDIS_URL": f"redis://127.0.0.1:{port}/0",
        }
        with ready(tmp_path, request, **stores) as provider:
            yield provider

    def test_requests_are_refused_whole_and_work_again_soon(
        self, provider: Provider, port: int, postgresql_database: str
    ) -> None:
        with contextlib.ExitStack() as stack:
            with servers.redis_server(port=port, stop_signal=signal.SIGKILL):
                stack.enter_context(provider.serving())
                visit = Visit(provider.issuer)
                tokens = visit.tokens()
                spent, unspent = visit.code(), visit.code()
                assert visit.redeem(spent).status == 200
                begun = Visit(provider.issuer).authorize()
                before = kept(postgresql_database)

            for page in (visit.authorize(), visit.redeem(unspent), visit.redeem(spent), begun.browser.open(begun.url)):
                assert_unavailable(page)
            assert_unavailable(visit.submit(begun))
            assert kept(postgresql_database) == before
            assert_alive_without_stores(provider)
            assert missing(provider) == ["redis"]
            # What PostgreSQL knows needs no Redis: nobody is logged out, and refreshing goes on.
            assert visit.userinfo(tokens["access_token"]).status == 200
            tokens = read_json(visit.refresh(tokens["refresh_token"]))

            with servers.redis_server(port=port):
                assert until(lambda: provider.is_ready()) < SOON
                assert until(lambda: Visit(provider.issuer).authorize().name == "login") < SOON
                assert visit.redeem(spent).status == 400, "a code that was spent came back to life"
                assert visit.redeem(unspent).status == 400, "a lost code must be refused"
                lost = begun.browser.open(begun.url)
                assert (lost.status, lost.name) == (400, "error"), "a lost attempt ends on a page with a way on"
                assert visit.authorize(prompt="none").answer["code"], "the session is in PostgreSQL"
                assert Visit(provider.issuer).tokens()["access_token"]
                assert visit.userinfo(tokens["access_token"]).status == 200


def fill(client: "redis.Redis") -> None:
    client.config_set("maxmemory", 1)


def empty(client: "redis.Redis") -> None:
    client.config_set("maxmemory", 0)


def follow_nobody(client: "redis.Redis") -> None:
    """A replica refuses to be written to."""
    client.replicaof("127.0.0.1", "1")


def lead(client: "redis.Redis") -> None:
    client.replicaof("NO", "ONE")


def change_password(client: "redis.Redis") -> None:
    client.config_set("requirepass", "another")
    client.execute_command("AUTH", "another")
    client.client_kill_filter(skipme=True, _type="normal")


def take_password_back(client: "redis.Redis") -> None:
    client.config_set("requirepass", "")


AILMENTS: dict[str, tuple[Callable[[Any], None], Callable[[Any], None]]] = {
    "full": (fill, empty),
    "read-only": (follow_nobody, lead),
    "another password": (change_password, take_password_back),
}


@pytest.fixture(scope="module")
def ailing(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[tuple[Provider, "redis.Redis"]]:
    """A provider on a Redis of its own, and a connection to make that Redis ill with."""
    with servers.redis_server() as url, redis.Redis.from_url(url, single_connection_client=True) as client:
        home = tmp_path_factory.mktemp("ailing")
        settings = {"IDP_STORE__REDIS_URL": url, "IDP_STORE__TIMEOUT": str(DEADLINE)}
        with ready(home, request, **settings) as provider, provider.serving():
            yield provider, client


@pytest.mark.parametrize("ailment", AILMENTS)
def test_a_redis_that_cannot_write_means_503_and_never_assume_ok(
    ailing: tuple[Provider, "redis.Redis"], ailment: str
) -> None:
    """F-02, F-04"""
    provider, client = ailing
    visit = Visit(provider.issuer)
    code = visit.code()
    make_ill, cure = AILMENTS[ailment]
    make_ill(client)
    try:
        assert_unavailable(visit.authorize(prompt="login"))
        assert_unavailable(visit.redeem(code))
        assert_alive_without_stores(provider)
    finally:
        cure(client)
    assert_well_again(provider)


def test_a_redis_that_stalls_costs_a_deadline_and_nothing_else(ailing: tuple[Provider, "redis.Redis"]) -> None:
    """F-02"""
    provider, client = ailing
    visit, process = Visit(provider.issuer), client.info()["process_id"]
    code = visit.code()
    os.kill(process, signal.SIGSTOP)
    try:
        with ThreadPoolExecutor() as pool:
            began = time.monotonic()
            asked = [pool.submit(lambda: Visit(provider.issuer).authorize()) for _ in range(6)]
            assert_alive_without_stores(provider)
            for page in asked:
                assert_unavailable(page.result())
            assert time.monotonic() - began < 2 * DEADLINE + 1
        assert_unavailable(visit.redeem(code))
    finally:
        os.kill(process, signal.SIGCONT)
    assert_well_again(provider)


def assert_well_again(provider: Provider) -> None:
    assert until(lambda: Visit(provider.issuer).authorize().name == "login") < SOON
    # What was begun in the run before may be lost once; connections learn of the new run by it.
    assert until(lambda: logs_in(provider)) < SOON


def logs_in(provider: Provider) -> bool:
    with contextlib.suppress(AssertionError):
        return bool(Visit(provider.issuer).tokens()["access_token"])
    return False


def test_a_redis_that_may_evict_is_refused_at_start(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """F-04: an evicted tombstone would let a spent code live again."""
    evicting = servers.redis_server("--maxmemory-policy", "allkeys-lru")
    with evicting as url, ready(tmp_path, request, IDP_STORE__REDIS_URL=url) as provider:
        said = provider.complaint("serve", "--bind", f"127.0.0.1:{provider.port}")

    assert "maxmemory-policy is 'allkeys-lru', it must be 'noeviction'" in said


def test_postgresql_may_restart_under_a_running_provider(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """F-10"""
    with servers.cluster() as cluster, contextlib.ExitStack() as stack:
        with cluster.running():
            databases.create_tables(cluster.url)
            provider = stack.enter_context(ready(tmp_path, request, IDP_STORE__DATABASE_URL=cluster.url))
            stack.enter_context(provider.serving())
            visit = Visit(provider.issuer)
            tokens, code = visit.tokens(), visit.code()
            login = Visit(provider.issuer).authorize()

        for ask in (
            lambda: visit.authorize(),
            lambda: visit.redeem(code),
            lambda: visit.refresh(tokens["refresh_token"]),
            lambda: visit.submit(login),
        ):
            assert_unavailable(ask())
        assert visit.userinfo(tokens["access_token"]).status == 503
        assert_alive_without_stores(provider)
        assert "database" in missing(provider)

        with cluster.running():
            assert until(lambda: provider.is_ready()) < SOON
            assert until(lambda: visit.userinfo(tokens["access_token"]).status == 200) < SOON
            assert "id_token" in read_json(visit.redeem(code)), "nothing had been taken, so nothing is lost"
            assert read_json(visit.refresh(tokens["refresh_token"]))["refresh_token"]
            assert code_of(visit.submit(login))


def test_a_restored_backup_is_refused_until_the_epoch_is_bumped(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """F-06: a backup forgets what was revoked after it; everything older than the bump is dead."""
    file, backup = tmp_path / "data" / "idp.db", tmp_path / "backup.db"
    with ready(tmp_path, request) as provider:
        with provider.serving():
            visit = Visit(provider.issuer)
            tokens = visit.tokens()
            with sqlite3.connect(file) as connection, sqlite3.connect(backup) as copy:
                connection.backup(copy)
            assert visit.ask("/revoke", token=tokens["refresh_token"]).status == 200
            assert Visit(provider.issuer).tokens()
            remembered = Witness(tmp_path / "data")
            until(lambda: (remembered.read()[0].number or 0) > last_record(backup))
        restore(backup, file)

        said = provider.complaint("serve", "--bind", f"127.0.0.1:{provider.port}")
        assert "it was restored" in said
        assert "idp db epoch bump" in said

        provider.command("db", "epoch", "bump", "--reason", "restored the backup of this morning")
        with provider.serving():
            assert visit.refresh(tokens["refresh_token"]).status == 400, "a revoked token came back to life"
            assert visit.userinfo(tokens["access_token"]).status == 401
            assert visit.authorize(prompt="none").answer["error"] == "login_required"
            assert Visit(provider.issuer).tokens()["access_token"]


def last_record(file: Path) -> int:
    """The newest sealed audit record of a database."""
    database = Database(f"sqlite:///{file}")
    try:
        return Trail(database, lambda last: Chain(b"k" * 32)).last_number()
    finally:
        database.close()


def restore(backup: Path, file: Path) -> None:
    for leftover in file.parent.glob(file.name + "-*"):
        leftover.unlink()
    shutil.copy(backup, file)
