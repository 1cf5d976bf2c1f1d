"""`ClientStore` in SQL: RFC 7591 metadata as JSON with the keyed digest of the secret, and a revision number."""

import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, case, delete, null, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.http.store_errors import STORE_DOWN
from idp.oidc.client_secrets import ClientSecret
from idp.oidc.clients import Client
from idp.store import tables as t
from idp.store.counters import bump, read_counter
from idp.store.database import Database

log = logging.getLogger(__name__)
_c = t.client.c
OWN_COLUMNS = ("client_id", "secret_digest", "old_secret_digest", "old_secret_expires_at")
Record = Callable[[Connection, Client], None]
_adapter: TypeAdapter[Client] = TypeAdapter(Client)


class SqlClients:
    """Registered clients."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def revision(self) -> int:
        return read_counter(self._database, "clients")

    def load_all(self) -> list[Client]:
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(select(t.client).order_by(t.client.c.client_id)).mappings().all()
        return [client for row in rows if (client := _readable(row))]

    def touch(self) -> None:
        """Make every process reload."""
        with self._database.transaction.begin() as connection:
            bump(connection, "clients")

    def find(self, client_id: str) -> Client | None:
        """One client, for commands."""
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.client).where(t.client.c.client_id == client_id)).mappings().first()
        return client_of(row) if row else None

    def put(self, client: Client, now: float) -> None:
        self.put_all([client], now)

    def put_all(self, clients: Iterable[Client], now: float, record: Record = lambda connection, client: None) -> None:
        """Add or replace all of them or none, with what `record` writes of each in the same transaction."""
        with self._database.transaction.begin() as connection:
            for client in clients:
                self._write(connection, client, now)
                record(connection, client)
            bump(connection, "clients")

    def _write(self, connection: Connection, client: Client, now: float) -> None:
        """Add or replace; a secret that stays keeps its dates, and the one before it its end."""
        row = {
            "client_id": client.client_id,
            "metadata": metadata_text(client),
            "secret_digest": client.secret_digest,
            "secret_made_at": now,
            "created_at": now,
            "updated_at": now,
        }
        insert = (postgresql if self._database.dialect == "postgresql" else sqlite).insert(t.client).values(row)
        changed = {name: insert.excluded[name] for name in ("metadata", "secret_digest", "updated_at")}
        same = _c.secret_digest.is_not_distinct_from(insert.excluded.secret_digest)
        changed["secret_made_at"] = case((same, _c.secret_made_at), else_=insert.excluded.secret_made_at)
        changed["secret_used_at"] = case((same, _c.secret_used_at))
        connection.execute(insert.on_conflict_do_update(index_elements=[t.client.c.client_id], set_=changed))

    def rotate_secret(self, client_id: str, digest: str, now: float, *, old_until: float) -> None:
        """Another secret; the one until now is accepted until `old_until`, and the one before that no longer."""
        changed = {
            "old_secret_digest": _c.secret_digest,
            "old_secret_made_at": _c.secret_made_at,
            "old_secret_used_at": _c.secret_used_at,
            "old_secret_expires_at": old_until,
            "secret_digest": digest,
            "secret_made_at": now,
            "secret_used_at": None,
            "updated_at": now,
        }
        with self._database.transaction.begin() as connection:
            connection.execute(update(t.client).where(_c.client_id == client_id).values(**changed))
            bump(connection, "clients")

    def end_old_secret(self, client_id: str, now: float) -> None:
        """The secret before the current one is no longer accepted."""
        with self._database.transaction.begin() as connection:
            connection.execute(update(t.client).where(_c.client_id == client_id).values(old_secret_expires_at=now))
            bump(connection, "clients")

    def secrets_of(self, client_id: str) -> list[ClientSecret]:
        """The current secret and the one before it."""
        current = select(_c.secret_digest, _c.secret_made_at, null(), _c.secret_used_at)
        old = select(_c.old_secret_digest, _c.old_secret_made_at, _c.old_secret_expires_at, _c.old_secret_used_at)
        with self._database.autocommit.connect() as connection:
            rows = [connection.execute(each.where(_c.client_id == client_id)).one() for each in (current, old)]
        return [ClientSecret(*row) for row in rows if row[0] is not None]

    def note_use(self, client_id: str, digest: str, now: float) -> None:
        """Write down that a secret was used; a database that cannot is no reason to refuse the client."""
        changed = {
            "secret_used_at": case((_c.secret_digest == digest, now), else_=_c.secret_used_at),
            "old_secret_used_at": case((_c.old_secret_digest == digest, now), else_=_c.old_secret_used_at),
        }
        try:
            with self._database.autocommit.connect() as connection:
                connection.execute(update(t.client).where(_c.client_id == client_id).values(**changed))
        except STORE_DOWN as error:
            log.warning("use of a secret not noted", extra={"client_id": client_id, "reason": type(error).__name__})

    def remove(self, client_id: str, now: float) -> bool:
        with self._database.transaction.begin() as connection:
            return remove_client(connection, client_id, now)


def remove_client(connection: Connection, client_id: str, now: float) -> bool:
    """Remove it in the caller's transaction: a client registered later under this id inherits nothing."""
    families = t.refresh_family.c.client_id == client_id
    connection.execute(update(t.refresh_family).where(families).values(revoked_at=now))
    connection.execute(delete(t.consent).where(t.consent.c.client_id == client_id))
    connection.execute(delete(t.session_client).where(t.session_client.c.client_id == client_id))
    removed = connection.execute(delete(t.client).where(t.client.c.client_id == client_id)).rowcount
    bump(connection, "clients")
    return removed == 1


def metadata_text(client: Client) -> str:
    """The metadata as they are stored."""
    stored = {name: value for name, value in asdict(client).items() if name not in OWN_COLUMNS}
    return json.dumps(stored, ensure_ascii=False)


def _readable(row: Any) -> Client | None:
    """The client, or None with an error in the log: one damaged row must not affect all clients."""
    try:
        return client_of(row)
    except ValueError:
        log.exception("client cannot be read", extra={"client_id": row["client_id"]})
        return None


def client_of(row: Any) -> Client:
    """The client in a row. Raises `ValueError` for a damaged one."""
    own = {name: row[name] for name in OWN_COLUMNS if row[name] is not None}
    return _adapter.validate_python(json.loads(row["metadata"]) | own, strict=False)
