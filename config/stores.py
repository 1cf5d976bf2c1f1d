"""What commands and the application both stand on: stores, keys and secrets, opened from settings."""

import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from redis import Redis, Sentinel
from redis.connection import parse_url
from redis.exceptions import RedisError, ResponseError

from config.keys_setup import master_keys, noted_in, policy
from config.settings import BadSettings, Settings
from idp import audit_export
from idp.accounts.passwords import HashCost, Passwords
from idp.audit import Chain
from idp.audit_export import SegmentSigner
from idp.ports import Clock, EphemeralStore
from idp.store.audit import SqlAudit, Trail
from idp.store.clients import SqlClients
from idp.store.ephemeral_redis import RedisEphemeralStore
from idp.store.ephemeral_sql import SqlEphemeralStore
from idp.store.outbox import SqlOutbox
from idp.store.people import SqlPeople
from idp.store.support_codes import SqlSupportCodes
from idp.web.request import current_id
from keys.cache import RingCache
from keys.database import Database
from keys.rotation import Rotator
from keys.sealing import MasterKey, MasterKeys
from keys.signing import Signer
from keys.store import AUDIT, Secrets, SqlKeyStore


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """The keys that sign segments of the audit trail, beside those that sign tokens."""

    rings: RingCache
    rotator: Rotator
    signer: SegmentSigner


@dataclass(frozen=True, slots=True)
class Stores:
    """Stores, keys and secrets: what commands and the application both stand on."""

    settings: Settings
    clock: Clock
    database: Database
    redis: Redis | None
    ephemeral: EphemeralStore
    masters: MasterKeys
    secrets: Secrets
    rings: RingCache
    rotator: Rotator
    audit: SqlAudit
    trail: Trail
    audit_keys: AuditKeys
    people: SqlPeople
    clients: SqlClients
    support_codes: SqlSupportCodes
    outbox: SqlOutbox

    def refuse_evicting_redis(self) -> None:
        """Raises `BadSettings` when Redis may throw away what a tombstone remembers."""
        if self.redis is None:
            return
        try:
            policy = self.redis.config_get("maxmemory-policy").get("maxmemory-policy")
        except ResponseError:
            raise BadSettings(
                ["store.redis_url: the user may not ask the server about itself: grant +info and +config|get"]
            ) from None
        except RedisError as error:
            raise BadSettings([f"store.redis_url: Redis does not answer ({type(error).__name__})"]) from None
        if policy != "noeviction":
            raise BadSettings([f"store.redis_url: maxmemory-policy is {policy!r}, it must be 'noeviction'"])

    def close(self) -> None:
        """Close the connections of this process."""
        self.database.close()
        if self.redis is not None:
            self.redis.close()


def open_stores(settings: Settings, clock: Clock = time.time) -> Stores:
    """Open the stores. Raises `BadSettings` when the master key cannot be used."""
    database = open_database(settings)
    masters = master_keys(settings)
    redis = open_redis(settings)
    secrets = Secrets(database, masters)
    audit = SqlAudit(database, clock, secrets.get("log-digest"), current_id)
    store = SqlKeyStore(database, masters, noted_in(audit))
    return Stores(
        settings=settings,
        clock=clock,
        database=database,
        redis=redis,
        ephemeral=RedisEphemeralStore(redis) if redis else SqlEphemeralStore(database),
        masters=masters,
        secrets=secrets,
        rings=RingCache(store, clock),
        rotator=Rotator(store, clock, policy(settings)),
        audit=audit,
        trail=Trail(database, chain_of(secrets)),
        audit_keys=_audit_keys(settings, SqlKeyStore(database, masters, noted_in(audit, "audit"), AUDIT), clock),
        people=SqlPeople(database),
        clients=SqlClients(database),
        support_codes=SqlSupportCodes(database, clock),
        outbox=SqlOutbox(database, MasterKey(secrets.get("outbox")), clock, waiting=settings.messages.waiting),
    )


def _audit_keys(settings: Settings, store: SqlKeyStore, clock: Clock) -> AuditKeys:
    rings = RingCache(store, clock)
    signer = SegmentSigner(Signer(rings, clock), rings.ring, clock, settings.issuer)
    return AuditKeys(rings, Rotator(store, clock, policy(settings, (audit_export.ALGORITHM,))), signer)


def chain_of(secrets: Secrets) -> Callable[[int], Chain]:
    """The chain of the audit trail: keyed by a secret of its own, from a record on that lies sealed beside it."""

    def after(last: int) -> Chain:
        return Chain(secrets.get("audit"), int(secrets.first("audit keyed since", b"%d" % (last + 1))))

    return after


def open_database(settings: Settings) -> Database:
    """The SQL database."""
    try:
        timeout = settings.store.timeout
        pool = settings.store.pool_size
        return Database(
            settings.database_url,
            pool_size=pool,
            pool_wait=timeout,
            connect_timeout=timeout,
            # SQLite's one write lock knows no order among those who wait: with less patience some go without need.
            statement_timeout=max(timeout, 5.0) if settings.database_url.startswith("sqlite") else timeout,
        )
    except ValueError as error:
        raise BadSettings([f"store.database_url: {error}"]) from None


def open_redis(settings: Settings) -> Redis | None:
    """Redis, single or behind Sentinel, or None when short-lived things stay in SQL."""
    store = settings.store
    if not store.redis_url:
        return None
    bounds = {"socket_timeout": store.timeout, "socket_connect_timeout": store.timeout, "health_check_interval": 0}
    tls = {"ssl_ca_certs": str(store.redis_ca_file)} if store.redis_ca_file else {}
    if not store.redis_sentinels:
        return Redis.from_url(store.redis_url, **bounds, **tls)
    address = {
        k: v
        for k, v in parse_url(store.redis_url).items()  # type: ignore[no-untyped-call]
        if k not in ("host", "port", "connection_class")
    }
    nodes = [(host, int(port)) for host, _, port in (node.rpartition(":") for node in store.redis_sentinels)]
    secure = {"ssl": store.redis_url.startswith("rediss://"), **tls}
    sentinel: Any = Sentinel(nodes, sentinel_kwargs={**bounds}, **bounds, **secure, **address)  # type: ignore[no-untyped-call]
    master: Redis = sentinel.master_for(store.redis_service)
    return master


def passwords_of(settings: Settings, secrets: Secrets) -> Passwords:
    """The hashing pool of this process."""
    login = settings.login
    cost = HashCost(login.hash_memory, login.hash_time)
    places = login.hash_workers or math.ceil(available_cores() / settings.web.workers)
    return Passwords(secrets.get("pepper"), cost, at_once=places, waiting=login.hash_queue)


def available_cores() -> float:
    """The cores that this process may use: those that it may run on, or the part of them that its cgroup allows."""
    cores = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        most, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return min(cores, int(most) / int(period))
    except (OSError, ValueError):
        # No second version of cgroups, or no limit ("max").
        return cores
