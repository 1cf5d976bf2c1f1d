"""`KeyStores`: the database, secrets, audit trail and signing keys. Cheap to load, for commands about keys."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from config.keys_setup import master_keys, noted_in, policy
from config.settings import BadSettings, Settings
from idp import audit_export
from idp.audit import Chain
from idp.audit_export import SegmentSigner
from idp.http.request import current_id
from idp.ports import Clock
from idp.store.audit import SqlAudit, Trail
from idp.store.clients import SqlClients
from idp.store.database import Database
from idp.store.signing_keys import AUDIT, Secrets, SqlKeyStore
from idp.store.watches import StoreWatch, watch_of
from keys.cache import RingCache
from keys.rotation import Rotator
from keys.sealing import MasterKey
from keys.signing import Signer


@dataclass(frozen=True, slots=True)
class AuditKeys:
    """The keys that sign segments of the audit trail, separate from those that sign tokens."""

    rings: RingCache
    rotator: Rotator
    signer: SegmentSigner


class KeyStores:
    """The stores that all others need. Raises `BadSettings` when the database or the master key cannot be used."""

    def __init__(self, settings: Settings, clock: Clock = time.time) -> None:
        self.settings = settings
        self.clock = clock
        self.database = open_database(settings)
        self.masters = master_keys(settings)
        self.secrets = Secrets(self.database, self.masters)

    def sealing(self, name: str) -> MasterKey:
        """Seals with the secret of this name."""
        return MasterKey(self.secrets.get(name))

    @cached_property
    def audit(self) -> SqlAudit:
        return SqlAudit(self.database, self.clock, self.secrets.get("log-digest"), current_id)

    @cached_property
    def trail(self) -> Trail:
        return Trail(self.database, chain_of(self.secrets))

    @cached_property
    def watch(self) -> StoreWatch:
        """Wakes this process when another one has written; whoever waits for that starts it."""
        return watch_of(self.database)

    @cached_property
    def _keys(self) -> SqlKeyStore:
        return SqlKeyStore(self.database, self.masters, noted_in(self.audit))

    @cached_property
    def rings(self) -> RingCache:
        return RingCache(self._keys, self.clock)

    @cached_property
    def rotator(self) -> Rotator:
        return Rotator(self._keys, self.clock, policy(self.settings))

    @cached_property
    def audit_keys(self) -> AuditKeys:
        """The keys that sign segments of the audit trail."""
        store = SqlKeyStore(self.database, self.masters, noted_in(self.audit, "audit"), AUDIT)
        rings = RingCache(store, self.clock)
        signer = SegmentSigner(Signer(rings, self.clock), rings.ring, self.clock, self.settings.issuer)
        return AuditKeys(rings, Rotator(store, self.clock, policy(self.settings, (audit_export.ALGORITHM,))), signer)

    @cached_property
    def clients(self) -> SqlClients:
        return SqlClients(self.database)

    def close(self) -> None:
        """Close the connections of this process."""
        self.database.close()


def chain_of(secrets: Secrets) -> Callable[[int], Chain]:
    """The chain of the audit trail: keyed by its own secret, from a record whose number is stored sealed beside it."""

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
            # SQLite's one write lock does not queue its waiters: with less patience some would fail unnecessarily.
            statement_timeout=max(timeout, 5.0) if settings.database_url.startswith("sqlite") else timeout,
        )
    except ValueError as error:
        raise BadSettings([f"store.database_url: {error}"]) from None
