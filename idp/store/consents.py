"""What people agreed to share, with the evidence that the law requires."""

import json

from sqlalchemy import and_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from idp.oidc.authorization_details import as_json, from_json
from idp.oidc.consents import Agreement
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database

WRITTEN_ANEW = ("scope", "text_version", "network", "granted_at", "withdrawn_at", "authorization_details")


class SqlConsents:
    """Consents of accounts to clients."""

    def __init__(self, database: Database, audit: SqlAudit) -> None:
        self._database = database
        self._audit = audit

    def agree(self, agreement: Agreement) -> None:
        dialect = postgresql if self._database.dialect == "postgresql" else sqlite
        insert = dialect.insert(t.consent).values(
            account_id=agreement.account_id,
            client_id=agreement.client_id,
            scope=" ".join(agreement.scopes),
            text_version=agreement.text_version,
            network=agreement.network,
            granted_at=agreement.granted_at,
            withdrawn_at=None,
            authorization_details=json.dumps(as_json(agreement.details)),
        )
        anew = {name: insert.excluded[name] for name in WRITTEN_ANEW}
        facts = {"scope": " ".join(agreement.scopes), "text_version": agreement.text_version}
        if agreement.details:
            facts["authorization_details"] = json.dumps(as_json(agreement.details))
        key = [t.consent.c.account_id, t.consent.c.client_id]
        event = Event("consent.given", agreement.account_id, agreement.client_id, facts)
        with self._database.transaction.begin() as connection:
            connection.execute(insert.on_conflict_do_update(index_elements=key, set_=anew))
            self._audit.write(connection, event)

    def withdraw(self, account_id: str, client_id: str, now: float) -> None:
        mine = and_(t.consent.c.account_id == account_id, t.consent.c.client_id == client_id)
        families = and_(
            t.refresh_family.c.account_id == account_id,
            t.refresh_family.c.client_id == client_id,
            t.refresh_family.c.revoked_at.is_(None),
        )
        with self._database.transaction.begin() as connection:
            held = and_(mine, t.consent.c.withdrawn_at.is_(None))
            if not connection.execute(update(t.consent).where(held).values(withdrawn_at=now)).rowcount:
                return
            connection.execute(update(t.refresh_family).where(families).values(revoked_at=now))
            self._audit.write(connection, Event("consent.withdrawn", account_id, client_id))

    def of_account(self, account_id: str) -> list[Agreement]:
        mine = and_(t.consent.c.account_id == account_id, t.consent.c.withdrawn_at.is_(None))
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(select(t.consent).where(mine)).mappings().all()
        return [
            Agreement(
                account_id,
                row["client_id"],
                tuple(row["scope"].split()),
                granted_at=row["granted_at"],
                text_version=row["text_version"],
                network=row["network"],
                details=from_json(json.loads(row["authorization_details"])),
            )
            for row in rows
        ]
