"""`OfficerStore` in SQL: officers, their rights, invitations and credentials."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from idp.officers.officers import INVITATION_LIFE, Lock, NumberTaken, Officer
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.database import Database
from keys.sealing import MasterKey

_o = t.officer.c
_OWN = ("bhxh_code", "citizen_number", "foreigner")
_PLAIN = ("id", "login", "name", "status", "secured_at", *_OWN)
_with_rights = select(t.officer, t.officer_right.c.agency, t.officer_right.c.right).select_from(
    t.officer.outerjoin(t.officer_right, t.officer_right.c.officer_id == _o.id)
)


class SqlOfficers:
    """Officers. `sealing` is for the secrets of TOTP devices only."""

    def __init__(self, database: Database, audit: SqlAudit, sealing: MasterKey) -> None:
        self._database = database
        self._audit = audit
        self._sealing = sealing

    def add(self, officer: Officer, event: Event, now: float) -> bool:
        row = {name: getattr(officer, name) for name in _PLAIN}
        try:
            with self._database.transaction.begin() as connection:
                connection.execute(insert(t.officer), row | {"created_at": now, "updated_at": now})
                self._audit.write(connection, event)
        except IntegrityError:
            if self.find_by_login(officer.login):
                return False
            raise NumberTaken from None
        return True

    def find(self, officer_id: str) -> Officer | None:
        return self._one(_o.id == officer_id)

    def find_by_login(self, login: str) -> Officer | None:
        return self._one(_o.login == login)

    def all(self) -> list[Officer]:
        with self._database.autocommit.connect() as connection:
            return officers_of(connection.execute(_with_rights.order_by(_o.login)).mappings())

    def names(self, officer_ids: set[str]) -> Mapping[str, str]:
        if not officer_ids:
            return {}
        with self._database.autocommit.connect() as connection:
            rows = connection.execute(select(_o.id, _o.name).where(_o.id.in_(officer_ids)))
            return {row.id: row.name for row in rows}

    def lock(self, officer_id: str) -> Lock:
        wanted = select(_o.password_hash, _o.sealed_totp, _o.totp_step).where(_o.id == officer_id)
        with self._database.autocommit.connect() as connection:
            row = connection.execute(wanted).first()
        if row is None:
            return Lock()
        sealed = row.sealed_totp
        secret = self._sealing.unseal(sealed, context=_context(officer_id)).decode() if sealed else None
        return Lock(row.password_hash, secret, row.totp_step)

    def change(self, before: Officer, officer: Officer, event: Event, now: float) -> bool:
        try:
            return self._change(before, officer, event, now)
        except IntegrityError:
            raise NumberTaken from None

    def _change(self, before: Officer, officer: Officer, event: Event, now: float) -> bool:
        with self._database.transaction.begin() as connection:
            stored = select(_o.status, _o.secured_at).where(_o.id == officer.id).with_for_update()
            known = connection.execute(stored).first()
            rights = t.officer_right.c
            mine = select(rights.agency, rights.right).where(rights.officer_id == officer.id)
            held = {(row.agency, row.right) for row in connection.execute(mine)}
            same = known is not None and (known.status, known.secured_at) == (before.status, before.secured_at)
            if not same or held != set(before.rights):
                return False
            self._secure(connection, officer, now, {name: getattr(officer, name) for name in ("status", *_OWN)})
            gone = [and_(rights.agency == agency, rights.right == right) for agency, right in held - officer.rights]
            if gone:
                connection.execute(delete(t.officer_right).where(rights.officer_id == officer.id, or_(*gone)))
            for agency, right in officer.rights - held:
                row = {"officer_id": officer.id, "agency": agency, "right": right, "granted_at": now}
                connection.execute(insert(t.officer_right), row)
            self._audit.write(connection, event)
            return True

    def invite(self, officer: Officer, invitation: str, event: Event, now: float) -> None:
        with self._database.transaction.begin() as connection:
            nothing = {"password_hash": None, "sealed_totp": None, "totp_step": None}
            self._secure(connection, officer, now, nothing, only_when_later=True)
            connection.execute(delete(t.officer_invitation).where(t.officer_invitation.c.officer_id == officer.id))
            until = now + INVITATION_LIFE
            row = {"digest": invitation, "officer_id": officer.id, "created_at": now, "expires_at": until}
            connection.execute(insert(t.officer_invitation), row)
            self._audit.write(connection, event)

    def invited(self, invitation: str, now: float) -> Officer | None:
        ids = select(t.officer_invitation.c.officer_id).where(_live(invitation, now))
        return self._one(_o.id == ids.scalar_subquery())

    def enrol(self, invitation: str, officer: Officer, lock: Lock, event: Event, now: float) -> bool:
        secret = lock.totp_secret or ""
        values = {
            "password_hash": lock.password_hash,
            "password_changed_at": now,
            "sealed_totp": self._sealing.seal(secret.encode(), context=_context(officer.id)),
            "totp_step": lock.totp_step,
            "secured_at": now,
            "updated_at": now,
        }
        with self._database.transaction.begin() as connection:
            used = update(t.officer_invitation).where(_live(invitation, now)).values(used_at=now)
            if connection.execute(used).rowcount != 1:
                return False
            connection.execute(update(t.officer).where(_o.id == officer.id).values(values))
            end_sessions(connection, officer.id, now)
            self._audit.write(connection, event)
            return True

    def spend_step(self, officer_id: str, step: int) -> bool:
        unused = and_(_o.id == officer_id, or_(_o.totp_step.is_(None), _o.totp_step < step))
        with self._database.transaction.begin() as connection:
            return connection.execute(update(t.officer).where(unused).values(totp_step=step)).rowcount == 1

    def _secure(
        self,
        connection: Connection,
        officer: Officer,
        now: float,
        values: Mapping[str, object],
        *,
        only_when_later: bool = False,
    ) -> None:
        """Write values; if `secured_at` is later than the stored one, everything open ends."""
        later = and_(_o.id == officer.id, _o.secured_at < officer.secured_at)
        if not only_when_later:
            connection.execute(update(t.officer).where(_o.id == officer.id).values({**values, "updated_at": now}))
        news = {**values, "secured_at": officer.secured_at, "updated_at": now}
        if connection.execute(update(t.officer).where(later).values(news)).rowcount:
            end_sessions(connection, officer.id, now)
            connection.execute(delete(t.officer_invitation).where(t.officer_invitation.c.officer_id == officer.id))

    def _one(self, where: ColumnElement[bool]) -> Officer | None:
        with self._database.autocommit.connect() as connection:
            officers = officers_of(connection.execute(_with_rights.where(where)).mappings())
        return officers[0] if officers else None


def officers_of(rows: Iterable[Mapping[Any, Any]]) -> list[Officer]:
    """Officers from rows with one right each, in the order of the rows."""
    by_id: dict[str, dict[str, Any]] = {}
    for row in rows:
        plain = {name: row[name] for name in _PLAIN}
        known = by_id.setdefault(row["id"], plain | {"rights": set()})
        if row["right"]:
            known["rights"].add((row["agency"], row["right"]))
    return [Officer(**{**known, "rights": frozenset(known["rights"])}) for known in by_id.values()]


def end_sessions(connection: Connection, officer_id: str, now: float) -> None:
    """End every session of an officer, in the caller's transaction."""
    live = and_(t.officer_session.c.officer_id == officer_id, t.officer_session.c.ended_at.is_(None))
    connection.execute(update(t.officer_session).where(live).values(ended_at=now))


def _live(invitation: str, now: float) -> ColumnElement[bool]:
    c = t.officer_invitation.c
    return and_(c.digest == invitation, c.used_at.is_(None), c.expires_at > now)


def _context(officer_id: str) -> str:
    return f"officer totp {officer_id}"
