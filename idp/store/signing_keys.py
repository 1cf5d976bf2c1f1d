"""Signing keys and shared secrets in SQL, private parts sealed with the master key.

A ring is read in one statement, so that keys and version always belong together.
"""

from collections.abc import Callable
from dataclasses import dataclass
from secrets import token_bytes
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy.dialects import postgresql, sqlite

from idp.at_once import refusing_threads
from idp.store.database import Database
from idp.store.notifying import notify
from idp.store.prepared import Prepared
from keys.ring import BadRing, KeyRing, PrivateKey, SigningKey
from keys.sealing import MasterKeys, SealBroken

metadata = sa.MetaData()


@dataclass(frozen=True, slots=True)
class RingTables:
    """Where a ring is stored: its keys, and its version in one row with id 1. `what` is a key's display name."""

    what: str
    key: sa.Table
    version: sa.Table


def _ring_tables(what: str, key: str, version: str) -> RingTables:
    return RingTables(
        what,
        sa.Table(
            key,
            metadata,
            sa.Column("kid", sa.Text, primary_key=True),
            sa.Column("alg", sa.Text, nullable=False),
            sa.Column("sealed_private", sa.Text, nullable=False),
            sa.Column("published_from", sa.Double, nullable=False),
            sa.Column("signs_from", sa.Double),
            sa.Column("published_until", sa.Double),
            sa.Column("revoked_at", sa.Double),
        ),
        sa.Table(
            version,
            metadata,
            sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
            sa.Column("version", sa.Integer, nullable=False),
        ),
    )


TOKENS = _ring_tables("signing key", "signing_key", "key_ring_version")
AUDIT = _ring_tables("audit key", "audit_key", "audit_ring_version")
"""Keys that sign segments of the audit trail: clients do not know them, and they never sign tokens."""

secret = sa.Table(
    "secret",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False),
)

_SEALED = sa.select(secret.c.sealed).where(secret.c.name == sa.bindparam("name"))


Note = Callable[[sa.Connection, KeyRing, KeyRing, str], None]


class SqlKeyStore:
    """A stored ring (`rotation.KeyStore`).

    `note` records the change and its reason in the same transaction: both commit or roll back together.
    """

    def __init__(
        self, db: Database, masters: MasterKeys, note: Note | None = None, tables: RingTables = TOKENS
    ) -> None:
        self._db = db
        self._masters = masters
        self._note = note
        self._tables = tables
        key, version = tables.key, tables.version
        self._version = Prepared(db, sa.select(version.c.version).where(version.c.id == 1))
        self._rows = (
            sa.select(version.c.id, version.c.version, key)
            .select_from(version.outerjoin(key, sa.true()))
            .order_by(key.c.published_from, key.c.kid)
        )
        # One statement, one snapshot: a ring that another process writes between two reads does not look broken.
        self._orphans = sa.select(key.c.kid).where(~sa.exists(version.select())).limit(1)

    def load(self) -> KeyRing:
        """Raises `BadRing` with the key and the reason when any key does not open."""
        with refusing_threads():
            rows = self.rows()
        keys = tuple(self.open(row) for row in rows if row.kid is not None)
        return KeyRing(keys, rows[0].version if rows else 0)

    def version(self) -> int:
        with refusing_threads():
            rows = self._version.rows()
        return rows[0]["version"] if rows else 0

    def replace(self, before: KeyRing, after: KeyRing, reason: str) -> bool:
        changed = [key for key in after.keys if before.find(key.kid) != key]
        rows = [self._row(key) for key in changed]
        key, version = self._tables.key, self._tables.version
        raised = version.update().where(version.c.id == 1, version.c.version == before.version)
        next_version = raised.values(version=before.version + 1)
        with self._db.transaction.begin() as connection:
            connection.execute(_insert_once(self._db, version, id=1, version=0))
            if connection.execute(next_version).rowcount == 0:
                return False
            for row in rows:
                if before.find(row["kid"]) is None:
                    connection.execute(key.insert().values(row))
                else:
                    connection.execute(key.update().where(key.c.kid == row["kid"]).values(row))
            notify(connection, "keys")
            if self._note:
                self._note(connection, before, after, reason)
        return True

    def rows(self) -> list[sa.Row[Any]]:
        """The ring as stored in the database, each key with the version. Raises `BadRing` when it is not one ring."""
        with self._db.autocommit.connect() as connection:
            rows = list(connection.execute(self._rows).all())
            if not rows and connection.execute(self._orphans).first():
                raise BadRing(
                    f"there are {self._tables.what}s, but the version of their ring is missing: restore the database"
                )
        rings = {row.id for row in rows}
        if rings - {1}:
            raise BadRing(f"there are {len(rings)} key rings where one belongs: restore the database")
        return rows

    def open(self, row: sa.Row[Any]) -> SigningKey:
        """The key in this row. Raises `BadRing`."""
        try:
            context = key_context(self._tables.what, row)
            private = _private_key(self._masters.unseal(row.sealed_private, context=context))
        except (SealBroken, ValueError) as error:
            raise BadRing(f"{self._tables.what} {row.kid}: {error}") from error
        dates = (row.published_from, row.signs_from, row.published_until, row.revoked_at)
        return SigningKey(row.kid, row.alg, private, *dates)

    def _row(self, key: SigningKey) -> dict[str, Any]:
        names = ("kid", "alg", "published_from", "signs_from", "published_until", "revoked_at")
        sealed = self._masters.seal(key.private.as_der(private=True), context=key_context(self._tables.what, key))
        return {name: getattr(key, name) for name in names} | {"sealed_private": sealed}


class Secrets:
    """Named secrets of 32 random bytes, the same for every process, created on first use."""

    def __init__(self, db: Database, masters: MasterKeys) -> None:
        self._db = db
        self._masters = masters
        self._known: dict[str, bytes] = {}

    def get(self, name: str) -> bytes:
        """The secret of this name. Raises `SealBroken` when it does not open."""
        return self.first(name, token_bytes(32))

    def first(self, name: str, offer: bytes) -> bytes:
        """The value first offered under this name, by any process. Raises `SealBroken` when it does not open."""
        if name not in self._known:
            sealed = self._find(name) or self._create(name, offer)
            self._known[name] = self._masters.unseal(sealed, context=secret_context(name))
        return self._known[name]

    def _find(self, name: str) -> str | None:
        with self._db.autocommit.connect() as connection:
            return connection.execute(_SEALED, {"name": name}).scalar_one_or_none()

    def _create(self, name: str, offer: bytes) -> str:
        """Offer a new secret and return the stored one: another process may have been first."""
        sealed = self._masters.seal(offer, context=secret_context(name))
        with self._db.transaction.begin() as connection:
            connection.execute(_insert_once(self._db, secret, name=name, sealed=sealed))
            stored: str = connection.execute(_SEALED, {"name": name}).scalar_one()
        return stored


def _insert_once(db: Database, table: sa.Table, **values: object) -> sa.Insert:
    """An INSERT that leaves an existing row unchanged."""
    if db.dialect == "postgresql":
        return postgresql.insert(table).values(values).on_conflict_do_nothing()
    return sqlite.insert(table).values(values).on_conflict_do_nothing()


def _private_key(der: bytes) -> PrivateKey:
    # The seal has proved that these are the bytes we wrote. Also checking the arithmetic of an RSA key would cost 50 ms
    # at every start and every new ring version.
    match load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True):
        case RSAPrivateKey() as raw:
            return RSAKey.import_key(raw)
        case EllipticCurvePrivateKey() as raw:
            return ECKey.import_key(raw)
        case Ed25519PrivateKey() as raw:
            return OKPKey.import_key(raw)
        case other:
            raise BadRing(f"we do not sign with a {type(other).__name__}")


def key_context(what: str, key: Any) -> str:
    """The context of a sealed key: its ring, name, algorithm and dates, so that edits to any of them are detected."""
    dates = (key.published_from, key.signs_from, key.published_until, key.revoked_at)
    return " ".join((what, key.kid, key.alg, *("-" if d is None else repr(float(d)) for d in dates)))


def secret_context(name: str) -> str:
    """The context of a sealed secret."""
    return f"secret {name}"
