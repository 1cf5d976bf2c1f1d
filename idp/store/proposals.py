"""`ProposalStore` in SQL."""

import json
from typing import Any

from sqlalchemy import and_, insert, select, update

from idp.ports import Event
from idp.registration.proposals import Proposal
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database

_p = t.proposal.c
_PLAIN = ("id", "kind", "agency", "note", "proposed_by", "proposed_at", "expires_at")
_DECIDED = ("decided_by", "decided_at", "outcome")
MOST = 200


class SqlProposals:
    """Proposals in the table `proposal`."""

    def __init__(self, database: Database, audit: SqlAudit) -> None:
        self._database = database
        self._audit = audit

    def add(self, proposal: Proposal, event: Event) -> None:
        row = {name: getattr(proposal, name) for name in _PLAIN} | {"items": json.dumps(proposal.items), "reason": ""}
        with self._database.transaction.begin() as connection:
            connection.execute(insert(t.proposal), row)
            self._audit.write(connection, event)

    def find(self, proposal_id: str) -> Proposal | None:
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.proposal).where(_p.id == proposal_id)).mappings().first()
        return _proposal(row) if row else None

    def open(self, now: float) -> list[Proposal]:
        live = and_(_p.outcome.is_(None), _p.expires_at > now)
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(select(t.proposal).where(live).order_by(_p.proposed_at).limit(MOST)).mappings()
            return [_proposal(row) for row in rows]

    def decide(self, proposal: Proposal, event: Event) -> bool:
        live = and_(_p.id == proposal.id, _p.outcome.is_(None), _p.expires_at > proposal.decided_at)
        values = {name: getattr(proposal, name) for name in _DECIDED}
        with self._database.transaction.begin() as connection:
            if connection.execute(update(t.proposal).where(live).values(values)).rowcount != 1:
                return False
            self._audit.write(connection, event)
            return True


def _proposal(row: Any) -> Proposal:
    items = tuple((str(item), int(version)) for item, version in json.loads(row["items"]))
    return Proposal(**{name: row[name] for name in (*_PLAIN, *_DECIDED)}, items=items)
