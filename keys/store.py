"""Signing keys and shared secrets in SQL, private parts sealed by the master key.

The ring is read in one statement, so that keys and version always belong together.
"""

from secrets import token_bytes
from typing import Any

import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key
from joserfc.jwk import ECKey, OKPKey, RSAKey
from sqlalchemy.dialects import postgresql, sqlite

from keys.database import Database
from keys.ring import BadRing, KeyRing, PrivateKey, SigningKey
from keys.sealing import MasterKey, SealBroken

metadata = sa.MetaData()

signing_key = sa.Table(
    "signing_key",
    metadata,
    sa.Column("kid", sa.Text, primary_key=True),
    sa.Column("alg", sa.Text, nullable=False),
    sa.Column("sealed_private", sa.Text, nullable=False),
    sa.Column("published_from", sa.Double, nullable=False),
    sa.Column("signs_from", sa.Double, nullable=False),
    sa.Column("published_until", sa.Double),
    sa.Column("revoked_at", sa.Double),
)

# One row, whose id is 1: there is one ring.
key_ring_version = sa.Table(
    "key_ring_version",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version", sa.Integer, nullable=False),
)

secret = sa.Table(
    "secret",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("sealed", sa.Text, nullable=False),
)

_VERSION = sa.select(key_ring_version.c.version).where(key_ring_version.c.id == 1)
_RING = (
    sa.select(key_ring_version.c.version, signing_key)
    .select_from(key_ring_version.outerjoin(signing_key, sa.true()))
    .where(key_ring_version.c.id == 1)
    .order_by(signing_key.c.signs_from, signing_key.c.kid)
)
_SEALED = sa.select(secret.c.sealed).where(secret.c.name == sa.bindparam("name"))


class SqlKeyStore:
    """The stored ring (`rotation.KeyStore`)."""

    def __init__(self, db: Database, master: MasterKey) -> None:
        self._db = db
        self._master = master

    def load(self) -> KeyRing:
        """Raises `BadRing` that names the key and the reason when any of them does not open."""
        with self._db.read.connect() as connection:
            rows = connection.execute(_RING).all()
        keys = tuple(self._open(row) for row in rows if row.kid is not None)
        return KeyRing(keys, rows[0].version if rows else 0)

    def version(self) -> int:
        with self._db.read.connect() as connection:
            return connection.execute(_VERSION).scalar_one_or_none() or 0

    def add(self, key: SigningKey, expected_version: int) -> bool:
        sealed = self._master.seal(key.private.as_der(private=True), context=_key_context(key.kid, key.alg))
        next_version = (
            key_ring_version.update()
            .where(key_ring_version.c.id == 1, key_ring_version.c.version == expected_version)
            .values(version=expected_version + 1)
        )
        with self._db.write.begin() as connection:
            connection.execute(_insert_once(self._db, key_ring_version, id=1, version=0))
            if connection.execute(next_version).rowcount == 0:
                return False
            connection.execute(
                signing_key.insert().values(
                    kid=key.kid,
                    alg=key.alg,
                    sealed_private=sealed,
                    published_from=key.published_from,
                    signs_from=key.signs_from,
                    published_until=key.published_until,
                    revoked_at=key.revoked_at,
                )
            )
        return True

    def _open(self, row: sa.Row[Any]) -> SigningKey:
        try:
            private = _private_key(self._master.unseal(row.sealed_private, context=_key_context(row.kid, row.alg)))
        except (SealBroken, ValueError) as error:
            raise BadRing(f"signing key {row.kid}: {error}") from error
        return SigningKey(
            kid=row.kid,
            alg=row.alg,
            private=private,
            published_from=row.published_from,
            signs_from=row.signs_from,
            published_until=row.published_until,
            revoked_at=row.revoked_at,
        )


class Secrets:
    """Named secrets of 32 random bytes, the same for every process, made when first asked for."""

    def __init__(self, db: Database, master: MasterKey) -> None:
        self._db = db
        self._master = master
        self._known: dict[str, bytes] = {}

    def get(self, name: str) -> bytes:
        """The secret of this name. Raises `SealBroken` when it does not open."""
        if name not in self._known:
            sealed = self._find(name) or self._create(name)
            self._known[name] = self._master.unseal(sealed, context=_secret_context(name))
        return self._known[name]

    def _find(self, name: str) -> str | None:
        with self._db.read.connect() as connection:
            return connection.execute(_SEALED, {"name": name}).scalar_one_or_none()

    def _create(self, name: str) -> str:
        """Offer a new secret and take what is stored then: another process may have been first."""
        offer = self._master.seal(token_bytes(32), context=_secret_context(name))
        with self._db.write.begin() as connection:
            connection.execute(_insert_once(self._db, secret, name=name, sealed=offer))
            stored: str = connection.execute(_SEALED, {"name": name}).scalar_one()
        return stored


def _insert_once(db: Database, table: sa.Table, **values: object) -> sa.Insert:
    """An INSERT that leaves a row alone that is already there."""
    if db.dialect == "postgresql":
        return postgresql.insert(table).values(values).on_conflict_do_nothing()
    return sqlite.insert(table).values(values).on_conflict_do_nothing()


def _private_key(der: bytes) -> PrivateKey:
    # The seal has proved that these are the bytes we wrote. Proving the arithmetic of an RSA key as well would take
    # 50 ms of every start and every new ring version.
    match load_der_private_key(der, password=None, unsafe_skip_rsa_key_validation=True):
        case RSAPrivateKey() as raw:
            return RSAKey.import_key(raw)
        case EllipticCurvePrivateKey() as raw:
            return ECKey.import_key(raw)
        case Ed25519PrivateKey() as raw:
            return OKPKey.import_key(raw)
        case other:
            raise BadRing(f"we do not sign with a {type(other).__name__}")


def _key_context(kid: str, alg: str) -> str:
    return f"signing key {kid} {alg}"


def _secret_context(name: str) -> str:
    return f"secret {name}"
