"""`ClientStore` in SQL: RFC 7591 metadata as JSON with the keyed digest of the secret, and a revision number."""

import json
import logging
from dataclasses import asdict
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.oidc.clients import Client
from idp.store import tables as t
from idp.store.counters import bump, read_counter
from idp.store.database import Database

log = logging.getLogger(__name__)
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
        return _client(row) if row else None

    def put(self, client: Client, now: float) -> None:
        stored = {name: value for name, value in asdict(client).items() if name not in ("client_id", "secret_digest")}
        row = {
            "client_id": client.client_id,
            "metadata": json.dumps(stored, ensure_ascii=False),
            "secret_digest": client.secret_digest,
            "created_at": now,
            "updated_at": now,
        }
        insert = (postgresql if self._database.dialect == "postgresql" else sqlite).insert(t.client).values(row)
        changed = {name: insert.excluded[name] for name in ("metadata", "secret_digest", "updated_at")}
        with self._database.transaction.begin() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=[t.client.c.client_id], set_=changed))
            bump(connection, "clients")

    def remove(self, client_id: str, now: float) -> bool:
        with self._database.transaction.begin() as connection:
            # A client registered later under this id inherits nothing.
            families = t.refresh_family.c.client_id == client_id
            connection.execute(update(t.refresh_family).where(families).values(revoked_at=now))
            connection.execute(delete(t.consent).where(t.consent.c.client_id == client_id))
            connection.execute(delete(t.session_client).where(t.session_client.c.client_id == client_id))
            removed = connection.execute(delete(t.client).where(t.client.c.client_id == client_id)).rowcount
            bump(connection, "clients")
        return removed == 1


def _readable(row: Any) -> Client | None:
    """The client, or None with an error in the log: one damaged row must not affect all clients."""
    try:
        return _client(row)
    except ValueError:
        log.exception("client cannot be read", extra={"client_id": row["client_id"]})
        return None


def _client(row: Any) -> Client:
    stored = json.loads(row["metadata"])
    return _adapter.validate_python(
        stored | {"client_id": row["client_id"], "secret_digest": row["secret_digest"]}, strict=False
    )
