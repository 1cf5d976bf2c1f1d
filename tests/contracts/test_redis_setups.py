"""Redis as operators run it: with TLS and an ACL user, and behind Sentinel with a failover."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from config.settings import BadSettings, Settings, Store
from config.stores import Stores, open_redis
from idp.errors import StoreDown
from idp.ports import SPENT
from idp.store.ephemeral_redis import RedisEphemeralStore
from tests.support import servers
from tests.support.certificates import Authority
from tests.support.ports import free_port
from tests.support.processes import running

NOW, LATER = 1_772_413_200.0, 1_772_413_260.0


def store(**settings: object) -> RedisEphemeralStore:
    opened = open_redis(Settings(store=Store(**settings)))  # type: ignore[arg-type]
    assert opened is not None
    return RedisEphemeralStore(opened)


def works(ephemeral: RedisEphemeralStore, key: str) -> bool:
    put = ephemeral.put(key, b"value", expires_at=LATER, now=NOW)
    swapped = ephemeral.replace(key, b"value", b"other", now=NOW)
    return put and swapped and ephemeral.take(key, now=NOW) == b"other" and ephemeral.take(key, now=NOW) is SPENT


def test_tls_with_a_private_ca_and_an_acl_user(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("localhost", "127.0.0.1")
    port = free_port()
    tls = ["--tls-port", str(port), "--tls-cert-file", str(certificate), "--tls-key-file", str(key)]
    tls += ["--tls-ca-cert-file", str(authority.ca_file), "--tls-auth-clients", "no"]
    with servers.redis_server(*tls) as plain:
        rules = ["on", ">geheim", "~idp:*", "+@read", "+@write", "+@scripting", "+@connection", "+config|get", "+info"]
        redis.Redis.from_url(plain).execute_command("ACL", "SETUSER", "idp", *rules)
        url = f"rediss://idp:geheim@127.0.0.1:{port}/0"

        assert works(store(redis_url=url, redis_ca_file=authority.ca_file), "k:1")
        with pytest.raises(StoreDown):
            works(store(redis_url=url), "k:2")
        with pytest.raises(StoreDown):
            works(store(redis_url=url.replace("geheim", "wrong"), redis_ca_file=authority.ca_file), "k:3")


@contextmanager
def sentinel(home: Path, master_port: int) -> Iterator[int]:
    """A Sentinel that watches one master and decides alone."""
    port = free_port()
    config = home / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {home}\n"
        f"sentinel monitor idp 127.0.0.1 {master_port} 1\n"
        "sentinel down-after-milliseconds idp 500\nsentinel failover-timeout idp 2000\n"
    )
    command = [servers.program("redis-server"), str(config), "--sentinel"]

    def knows_a_replica() -> bool:
        try:
            with redis.Redis(port=port, socket_connect_timeout=2) as client:
                return bool(client.sentinel_slaves("idp"))
        except redis.RedisError:
            return False

    with running(command, log=home / "log", answers=knows_a_replica, directory=home):
        yield port


def test_sentinel_leads_to_the_master_also_after_a_failover(tmp_path: Path) -> None:
    """F-03: what was acknowledged before may be lost and then denies; nothing is taken twice."""
    with servers.redis_server() as replica_url:
        replica_port = int(replica_url.rpartition(":")[2].partition("/")[0])
        with servers.redis_server() as master_url:
            master_port = int(master_url.rpartition(":")[2].partition("/")[0])
            redis.Redis(port=replica_port).replicaof("127.0.0.1", str(master_port))
            with sentinel(tmp_path, master_port) as port:
                ephemeral = store(redis_url="redis://:@ignored/0", redis_sentinels=(f"127.0.0.1:{port}",))
                assert works(ephemeral, "k:before")
                assert eventually(lambda: _fails_over(port))
                assert eventually(lambda: works(ephemeral, f"k:{time.monotonic_ns()}"))
                assert ephemeral.take("k:before", now=NOW) in (SPENT, None)


def _fails_over(port: int) -> bool:
    """Whether Sentinel has begun; it refuses until its replica has caught up."""
    redis.Redis(port=port).execute_command("SENTINEL", "FAILOVER", "idp")
    return True


def eventually(holds: Callable[[], bool]) -> bool:
    """Polls real servers, bounded in time."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if holds():
                return True
        except (StoreDown, redis.RedisError):
            time.sleep(0.1)
    return False


def test_a_redis_that_evicts_is_refused(tmp_path: Path) -> None:
    """F-04: an evicted tombstone would let a code be used again."""

    for policy in ("allkeys-lru", "volatile-ttl"):
        with servers.redis_server("--maxmemory-policy", policy) as url:
            database = f"sqlite:///{tmp_path}/idp.db"
            settings = Settings(
                environment="development", data_dir=tmp_path, store=Store(database_url=database, redis_url=url)
            )
            _migrate(database)
            base = Stores(settings)
            with pytest.raises(BadSettings, match="noeviction"):
                base.refuse_evicting_redis()


def _migrate(url: str) -> None:
    from tests.support.databases import create_tables

    create_tables(url)


def test_a_dead_redis_is_a_store_that_is_down() -> None:
    ephemeral = store(redis_url=f"redis://127.0.0.1:{free_port()}/0", timeout=0.5)

    with pytest.raises(StoreDown):
        ephemeral.get("k:1", now=NOW)
