"""`ClientRegistrationStore` in SQL: an invitation is used in the transaction that adds the client, and before that."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import and_, delete, insert, select, update

from idp.errors import StaleState
from idp.oidc.client_invitations import ClientInvitation, RegisteredClient
from idp.oidc.clients import Client
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.clients import client_of, metadata_text, remove_client
from idp.store.counters import bump
from idp.store.database import Database

_c, _i = t.client.c, t.client_invitation.c


class SqlClientRegistrations:
    """Invitations, and the clients that came by them."""

    def __init__(self, database: Database, audit: SqlAudit) -> None:
        self._database = database
        self._audit = audit

    def invite(self, invitation: ClientInvitation, event: Event) -> None:
        """Keep a new invitation."""
        row = asdict(invitation)
        with self._database.transaction.begin() as connection:
            connection.execute(insert(t.client_invitation), row)
            self._audit.write(connection, event)

    def invitations(self, now: float) -> list[ClientInvitation]:
        """Those that are good for another use, oldest first."""
        good = select(t.client_invitation).where(_i.uses_left > 0, _i.expires_at > now).order_by(_i.created_at)
        with self._database.autocommit.connect() as connection:
            return [ClientInvitation(**row) for row in connection.execute(good).mappings()]

    def withdraw(self, invitation_id: str, event: Event) -> bool:
        """End an invitation; what came of it stays. False when there was none."""
        with self._database.transaction.begin() as connection:
            gone = connection.execute(delete(t.client_invitation).where(_i.id == invitation_id)).rowcount == 1
            if gone:
                self._audit.write(connection, event)
        return gone

    def invitation(self, token_digest: str, now: float) -> ClientInvitation | None:
        good = and_(_i.digest == token_digest, _i.uses_left > 0, _i.expires_at > now)
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.client_invitation).where(good)).mappings().first()
        return ClientInvitation(**row) if row else None

    def add(self, invitation: ClientInvitation, new: RegisteredClient, event: Event, now: float) -> bool:
        good = and_(_i.id == invitation.id, _i.uses_left > 0, _i.expires_at > now)
        dates = {"created_at": now, "updated_at": now, "secret_made_at": now if new.client.secret_digest else None}
        row = _row(new) | dates | {"client_id": new.client.client_id, "invitation": new.invitation}
        with self._database.transaction.begin() as connection:
            used = update(t.client_invitation).where(good).values(uses_left=_i.uses_left - 1)
            if connection.execute(used).rowcount != 1:
                return False
            connection.execute(insert(t.client), row)
            bump(connection, "clients")
            self._audit.write(connection, event)
        return True

    def find(self, client_id: str) -> RegisteredClient | None:
        own = and_(_c.client_id == client_id, _c.registration_digest.is_not(None))
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.client).where(own)).mappings().first()
        return _registered(row) if row else None

    def replace(self, before: RegisteredClient, after: RegisteredClient, event: Event, now: float) -> None:
        same = and_(
            _c.client_id == before.client.client_id,
            _c.metadata == before.stored,
            _c.registration_digest == before.token_digest,
        )
        values = _row(after) | {"updated_at": now}
        if after.client.secret_digest != before.client.secret_digest:
            values |= {"secret_made_at": now, "secret_used_at": None}
        with self._database.transaction.begin() as connection:
            if connection.execute(update(t.client).where(same).values(**values)).rowcount != 1:
                raise StaleState
            bump(connection, "clients")
            self._audit.write(connection, event)

    def remove(self, registered: RegisteredClient, event: Event, now: float) -> None:
        with self._database.transaction.begin() as connection:
            if remove_client(connection, registered.client.client_id, now):
                self._audit.write(connection, event)


def _row(registered: RegisteredClient) -> dict[str, Any]:
    client: Client = registered.client
    return {
        "metadata": metadata_text(client),
        "secret_digest": client.secret_digest,
        "registration_digest": registered.token_digest,
        "software_statement": registered.statement,
    }


def _registered(row: Any) -> RegisteredClient:
    own = row["registration_digest"], row["invitation"], row["created_at"], row["software_statement"]
    return RegisteredClient(client_of(row), *own, stored=row["metadata"])
