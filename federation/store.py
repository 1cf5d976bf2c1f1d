"""`Links` in SQL. A link is made in one transaction with its credential event, after a final check of the facts."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError

from federation.linking import Dispute, Link, LinkConflict, NewLink, Subject, UpstreamSession
from federation.tables import upstream_closed, upstream_stay
from idp.accounts.account import Account, Identifier
from idp.accounts.credentials import Securing
from idp.accounts.notices import Notice
from idp.accounts.people import IdentifierTaken
from idp.accounts.phone import PhoneNumber
from idp.errors import StaleState
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.credentials import SqlCredentials
from idp.store.database import Database
from idp.store.declaration_rows import end_registrations
from idp.store.people import SqlPeople
from idp.store.undo import SqlNotices
from keys.sealing import MasterKey

_l, _d, _s = t.link.c, t.link_dispute.c, upstream_stay.c
MOST_LISTED = 200


class SqlLinks:
    """Links, disputes and upstream sessions."""

    def __init__(
        self,
        database: Database,
        people: SqlPeople,
        credentials: SqlCredentials,
        audit: SqlAudit,
        notices: SqlNotices,
        sealing: MasterKey,
    ) -> None:
        self._database = database
        self._people = people
        self._credentials = credentials
        self._audit = audit
        self._notices = notices
        self._sealing = sealing
        self._dialect = postgresql if database.dialect == "postgresql" else sqlite

    def find(self, subject: Subject) -> Link | None:
        held = and_(_l.upstream == subject.upstream, _l.subject == subject.digest, _l.ended_at.is_(None))
        return next(iter(self._links(held)), None)

    def of_account(self, account_id: str) -> list[Link]:
        return self._links(and_(_l.account_id == account_id, _l.ended_at.is_(None)))

    def linked(self, upstream: str, account_ids: Iterable[str]) -> set[str]:
        """Which of these accounts have a link to this upstream."""
        wanted = list(account_ids)
        if not wanted:
            return set()
        held = and_(_l.upstream == upstream, _l.account_id.in_(wanted), _l.ended_at.is_(None))
        return {link.account_id for link in self._links(held)}

    def add(self, link: NewLink, securing: Securing, now: float) -> float:
        try:
            with self._database.transaction.begin() as connection:
                moment = self._credentials.secure_within(connection, securing, now)
                self._demand_unchanged(connection, link)
                connection.execute(insert(t.link), _row(link, moment))
                self._cancel_registrations(connection, link.account_id, moment)
                return moment
        except (IntegrityError, StaleState):
            raise LinkConflict from None

    def open(self, account: Account, link: NewLink, event: Event, notice: Notice, now: float) -> None:
        try:
            with self._database.transaction.begin() as connection:
                self._people.add_within(connection, account)
                connection.execute(insert(t.link), _row(link, now))
                self._cancel_registrations(connection, account.id, now)
                self._audit.write(connection, event)
                self._notices.write(connection, notice)
        except (IntegrityError, IdentifierTaken):
            raise LinkConflict from None

    def _cancel_registrations(self, connection: Connection, account_id: str, now: float) -> None:
        """End open registrations that use this person's numbers (security.md T-01)."""
        if end_registrations(connection, account_id, now):
            self._audit.write(connection, Event("declaration.cancelled", account_id, facts={"why": "link"}))

    def end(self, link: Link, securing: Securing, now: float) -> float:
        try:
            with self._database.transaction.begin() as connection:
                return self._credentials.secure_within(connection, replace(securing, links_end=(link.id,)), now)
        except StaleState:
            raise LinkConflict from None

    def reviewed(self, link: Link, securing: Securing, now: float) -> float:
        waiting = and_(_l.id == link.id, _l.ended_at.is_(None), _l.to_review)
        try:
            with self._database.transaction.begin() as connection:
                if connection.execute(update(t.link).where(waiting).values(to_review=False)).rowcount != 1:
                    raise StaleState
                return self._credentials.secure_within(connection, securing, now)
        except StaleState:
            raise LinkConflict from None

    def used(self, link: Link, event: Event, now: float) -> None:
        held = and_(_l.id == link.id, _l.ended_at.is_(None))
        with self._database.transaction.begin() as connection:
            if connection.execute(update(t.link).where(held).values(used_at=now)).rowcount != 1:
                raise LinkConflict
            self._audit.write(connection, event)

    def previous_contacts(self, account_id: str, now: float) -> dict[str, str]:
        return self._notices.previous(account_id, now)

    def dispute(self, dispute: Dispute, event: Event, now: float) -> None:
        sealed = self._sealing.seal(json.dumps(dict(dispute.facts)).encode(), context=f"dispute {dispute.id}")
        row = {
            "id": dispute.id,
            "upstream": dispute.subject.upstream,
            "subject": dispute.subject.digest,
            "citizen": dispute.subject.citizen_digest,
            "person": dispute.subject.person_digest,
            "reason": dispute.reason,
            "account_id": dispute.account_id,
            "evidence": json.dumps(dict(dispute.evidence)),
            "sealed_facts": sealed,
            "times": 1,
            "created_at": now,
            "seen_at": now,
        }
        new: Any = self._dialect.insert(t.link_dispute).values(row)
        again = new.on_conflict_do_update(
            index_elements=[_d.upstream, _d.subject, _d.reason],
            index_where=_d.resolved_at.is_(None),
            set_={"times": _d.times + 1, "seen_at": now},
        )
        with self._database.transaction.begin() as connection:
            connection.execute(again)
            self._audit.write(connection, event)

    def disputes(self, *, open_only: bool = True, limit: int = MOST_LISTED) -> list[Dispute]:
        """Refused links, oldest first; the identities are not unsealed."""
        statement = select(t.link_dispute).order_by(_d.created_at).limit(limit)
        if open_only:
            statement = statement.where(_d.resolved_at.is_(None))
        with self._database.autocommit.connect() as connection:
            return [_dispute(row) for row in connection.execute(statement)]

    def waiting(self) -> int:
        """How many refused links wait for an officer."""
        counted = select(func.count()).select_from(t.link_dispute).where(_d.resolved_at.is_(None))
        with self._database.autocommit.connect() as connection:
            return int(connection.execute(counted).scalar_one())

    def find_dispute(self, dispute_id: str) -> Dispute | None:
        """One of them, with the identity as long as it is undecided."""
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.link_dispute).where(_d.id == dispute_id)).first()
        if row is None:
            return None
        facts: dict[str, str] = {}
        if row.sealed_facts:
            facts = json.loads(self._sealing.unseal(row.sealed_facts, context=f"dispute {row.id}"))
        return replace(_dispute(row), facts=facts)

    def resolve(
        self,
        dispute: Dispute,
        resolution: str,
        event: Event,
        now: float,
        forced: tuple[NewLink, Securing] | None = None,
        number: Identifier | None = None,
    ) -> None:
        """Decide a dispute, once; the forced link or the number is written in the same transaction.

        Raises `LinkConflict`.
        """
        undecided = and_(_d.id == dispute.id, _d.resolved_at.is_(None))
        decided = {"resolved_at": now, "resolution": resolution, "sealed_facts": None}
        try:
            with self._database.transaction.begin() as connection:
                if connection.execute(update(t.link_dispute).where(undecided).values(decided)).rowcount != 1:
                    raise LinkConflict
                if forced:
                    link, securing = forced
                    self._end_other_links(connection, link, now)
                    moment = self._credentials.secure_within(connection, securing, now)
                    connection.execute(insert(t.link), _row(link, moment))
                if number:
                    self._demand_linked(connection, dispute, number)
                    held = {"kind": number.kind, "value": number.value, "valid_from": number.valid_from}
                    connection.execute(insert(t.identifier), held | {"account_id": dispute.account_id})
                self._audit.write(connection, event)
        except (IntegrityError, StaleState):
            raise LinkConflict from None

    def remember(self, upstream_session: UpstreamSession) -> None:
        sealed = self._sealing.seal(
            upstream_session.logout_hint.encode(),
            context=f"stay {upstream_session.account_id} {upstream_session.auth_time!r}",
        )
        row = {
            "account_id": upstream_session.account_id,
            "auth_time": upstream_session.auth_time,
            "upstream": upstream_session.subject.upstream,
            "subject": upstream_session.subject.digest,
            "sid": upstream_session.sid_digest,
            "sealed_hint": sealed,
            "expires_at": upstream_session.expires_at,
        }
        new: Any = self._dialect.insert(upstream_stay).values(row)
        with self._database.autocommit.connect() as connection:
            connection.execute(new.on_conflict_do_update(index_elements=[_s.account_id, _s.auth_time], set_=row))

    def upstream_session(self, account_id: str, auth_time: float) -> UpstreamSession | None:
        """The upstream session through which this login came."""
        mine = and_(_s.account_id == account_id, _s.auth_time == auth_time)
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(upstream_stay).where(mine)).first()
        if row is None:
            return None
        hint = self._sealing.unseal(row.sealed_hint, context=f"stay {row.account_id} {row.auth_time!r}").decode()
        return UpstreamSession(
            row.account_id, row.auth_time, Subject(row.upstream, row.subject), row.sid, hint, row.expires_at
        )

    def sids_of(self, subject: Subject | None, upstream: str, sid_digest: str | None) -> list[tuple[str, str]]:
        """Our live sessions, as (account, sid), that came through this subject or that session of the upstream."""
        through = [_s.upstream == upstream]
        if subject is not None:
            through.append(_s.subject == subject.digest)
        if sid_digest is not None:
            # A login whose ID token had no `sid` is found by its subject alone.
            through.append(_s.sid.in_([sid_digest] if subject is None else [sid_digest, ""]))
        same_login = and_(t.session.c.account_id == _s.account_id, t.session.c.auth_time == _s.auth_time)
        statement = (
            select(t.session.c.account_id, t.session.c.sid)
            .join(upstream_stay, same_login)
            .where(and_(*through, t.session.c.ended_at.is_(None)))
        )
        with self._database.autocommit.connect() as connection:
            return [(row.account_id, row.sid) for row in connection.execute(statement)]

    def closed(self) -> dict[str, float]:
        """The upstreams closed by an operator, and when."""
        with self._database.autocommit.connect() as connection:
            return {row.upstream: row.closed_at for row in connection.execute(select(upstream_closed))}

    def switch(self, upstream: str, event: Event, now: float, *, closed: bool) -> None:
        """Close an upstream, or reopen it."""
        gone = upstream_closed.delete().where(upstream_closed.c.upstream == upstream)
        with self._database.transaction.begin() as connection:
            connection.execute(gone)
            if closed:
                connection.execute(insert(upstream_closed), {"upstream": upstream, "closed_at": now})
            self._audit.write(connection, event)

    def _demand_unchanged(self, connection: Connection, link: NewLink) -> None:
        """Check the basis of the decision again (security.md U-05). Raises `StaleState`."""
        a = t.account.c
        status = connection.execute(select(a.status).where(a.id == link.account_id)).scalar()
        if status != "active":
            raise StaleState
        if link.phone is not None:
            held = and_(a.phone.in_(PhoneNumber.parse(link.phone).writings), a.status == "active")
            holders = select(a.id).where(held).limit(2)
            if list(connection.execute(holders).scalars()) != [link.account_id]:
                raise StaleState

    def _demand_linked(self, connection: Connection, dispute: Dispute, number: Identifier) -> None:
        """The account must lack a number, and its link to the source must be active. Raises `LinkConflict`."""
        through = and_(_l.upstream == dispute.subject.upstream, _l.subject == dispute.subject.digest)
        holds = and_(through, _l.account_id == dispute.account_id, _l.ended_at.is_(None))
        n = t.identifier.c
        has_one = and_(n.account_id == dispute.account_id, n.kind == number.kind, n.valid_to.is_(None))
        if not connection.execute(select(_l.id).where(holds)).first():
            raise LinkConflict
        if connection.execute(select(n.id).where(has_one)).first():
            raise LinkConflict

    def _end_other_links(self, connection: Connection, link: NewLink, now: float) -> None:
        same = (_l.account_id == link.account_id) | (_l.subject == link.subject.digest)
        other = and_(_l.upstream == link.subject.upstream, same, _l.ended_at.is_(None))
        connection.execute(update(t.link).where(other).values(ended_at=now))

    def _links(self, where: ColumnElement[bool]) -> list[Link]:
        statement = select(t.link).where(where).order_by(_l.made_at).limit(MOST_LISTED)
        with self._database.autocommit.connect() as connection:
            return [_link(row) for row in connection.execute(statement)]


def _row(link: NewLink, now: float) -> dict[str, object]:
    return {
        "id": link.id,
        "account_id": link.account_id,
        "upstream": link.subject.upstream,
        "subject": link.subject.digest,
        "citizen": link.subject.citizen_digest,
        "person": link.subject.person_digest,
        "how": link.how,
        "evidence": json.dumps(dict(link.evidence)),
        "made_at": now,
        "used_at": now,
        "to_review": link.to_review,
    }


def _link(row: Any) -> Link:
    subject = Subject(row.upstream, row.subject, row.citizen, row.person)
    return Link(row.id, row.account_id, subject, row.how, row.made_at, row.used_at, row.ended_at, row.to_review)


def _dispute(row: Any) -> Dispute:
    return Dispute(
        row.id,
        Subject(row.upstream, row.subject, row.citizen, row.person),
        row.reason,
        row.account_id,
        json.loads(row.evidence),
        {},
        row.times,
        row.created_at,
        row.resolved_at,
        row.resolution,
    )
