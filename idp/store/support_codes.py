"""What `idp explain CODE` prints: a short record of every error page, kept for thirty days."""

from dataclasses import dataclass

from sqlalchemy import insert, select

from idp.ports import Clock
from idp.store import tables as t
from idp.store.database import Database

KEPT = 30 * 86_400.0


@dataclass(frozen=True, slots=True)
class SupportCode:
    """One error page: its `kind` and `status`, the route, the client, and the operator's detail."""

    code: str
    at: float
    kind: str
    status: int
    route: str
    client_id: str | None
    detail: str


class SqlSupportCodes:
    """Incidents in SQL."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def note(self, code: str, kind: str, status: int, route: str, client_id: str | None, detail: str) -> None:
        """Keep the record of an error page."""
        now = self._clock()
        row = {"code": code, "at": now, "kind": kind, "status": status, "route": route[:64], "client_id": client_id}
        with self._database.autocommit.connect() as connection:
            connection.execute(insert(t.incident), row | {"detail": detail[:500], "expires_at": now + KEPT})

    def find(self, code: str) -> SupportCode | None:
        """The incident with this code, regardless of case and spacing."""
        wanted = code.strip().upper().replace("-", "").replace(" ", "")
        columns = [t.incident.c[name] for name in ("code", "at", "kind", "status", "route", "client_id", "detail")]
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(*columns).where(t.incident.c.code == wanted)).first()
        return SupportCode(*row) if row else None
