"""Checks the sealed records in the database: is each intact, and is it sealed with the newest master key?"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import sqlalchemy as sa
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_der_private_key

from idp.store.database import Database
from idp.store.signing_keys import AUDIT, TOKENS, SqlKeyStore, key_context, secret, secret_context
from keys.ring import BadRing, SigningKey
from keys.sealing import MasterKeys, SealBroken, sealed_by

_PROBE = b"a text to sign"


@dataclass(frozen=True, slots=True)
class KeyFinding:
    """The state of one record. `broken` is the reason why it cannot be used; `key` is the key if it opens.

    `what` is "signing key", "audit key" or "secret".
    """

    what: str
    name: str
    master: str
    broken: str | None = None
    key: SigningKey | None = None


def inspect(db: Database, masters: MasterKeys) -> Iterator[KeyFinding]:
    """Open every stored key and secret, and check that the two halves of each key belong together."""
    for tables in (TOKENS, AUDIT):
        yield from _inspect_ring(SqlKeyStore(db, masters, tables=tables), tables.what)
    with db.autocommit.connect() as connection:
        secrets = connection.execute(sa.select(secret).order_by(secret.c.name)).all()
    for row in secrets:
        try:
            masters.unseal(row.sealed, context=secret_context(row.name))
        except SealBroken as error:
            yield KeyFinding("secret", row.name, sealed_by(row.sealed), f"secret {row.name}: {error}")
        else:
            yield KeyFinding("secret", row.name, sealed_by(row.sealed))


def _inspect_ring(store: SqlKeyStore, what: str) -> Iterator[KeyFinding]:
    for row in (row for row in store.rows() if row.kid is not None):
        try:
            key = store.open(row)
            _prove(key)
        except BadRing as error:
            yield KeyFinding(what, row.kid, sealed_by(row.sealed_private), str(error))
        else:
            yield KeyFinding(what, row.kid, sealed_by(row.sealed_private), key=key)


def reseal(db: Database, masters: MasterKeys) -> int:
    """Seal everything with the newest master key; returns how many records were changed.

    Each record is changed separately and only if it is still the one that was read, so this may be interrupted and
    restarted at any point, even around a rotation. Raises `SealBroken` at a record that does not open.
    """
    changed = 0
    while moved := sum(
        (
            *(
                _reseal_table(db, masters, r.key, "kid", "sealed_private", partial(key_context, r.what))
                for r in (TOKENS, AUDIT)
            ),
            _reseal_table(db, masters, secret, "name", "sealed", lambda row: secret_context(row.name)),
        )
    ):
        changed += moved
    return changed


def _reseal_table(db: Database, masters: MasterKeys, table: sa.Table, name: str, column: str, context: Any) -> int:
    with db.autocommit.connect() as connection:
        rows = connection.execute(sa.select(table)).all()
    changed = 0
    for row in rows:
        sealed = getattr(row, column)
        if sealed_by(sealed) == masters.newest.id:
            continue
        new = masters.seal(masters.unseal(sealed, context=context(row)), context=context(row))
        same = sa.and_(table.c[name] == getattr(row, name), table.c[column] == sealed)
        with db.autocommit.connect() as connection:
            changed += connection.execute(table.update().where(same).values({column: new})).rowcount
    return changed


def _prove(key: SigningKey) -> None:
    """The full arithmetic check, which loading leaves out, and one signature. Raises `BadRing`."""
    try:
        load_der_private_key(key.private.as_der(private=True), password=None)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise BadRing(f"signing key {key.kid}: {error}") from error
    if not key.verify(_PROBE, key.sign(_PROBE)):
        raise BadRing(f"signing key {key.kid}: the private part does not match the public part")
