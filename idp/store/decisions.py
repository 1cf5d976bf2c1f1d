"""`DecisionStore` in SQL: a decision commits or rolls back together with the account, the messages and the trail."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

from sqlalchemy import Connection, and_, delete, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from idp.accounts.account import Identifier
from idp.accounts.people import IdentifierTaken
from idp.errors import StaleState
from idp.messages.message import Message
from idp.ports import Event
from idp.registration.decisions import RESEND_PAUSE, Activation, Approval, Unfit
from idp.registration.declaration import Declaration
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.credentials import SqlCredentials
from idp.store.database import Database
from idp.store.declaration_rows import end_within, replace_within
from idp.store.outbox import SqlOutbox
from idp.store.people import SqlPeople


class SqlDecisions:
    """Decisions on declarations, accounts, pictures, activations, trail and outbox."""

    def __init__(
        self,
        database: Database,
        people: SqlPeople,
        credentials: SqlCredentials,
        audit: SqlAudit,
        outbox: SqlOutbox,
    ) -> None:
        self._database = database
        self._people = people
        self._credentials = credentials
        self._audit = audit
        self._outbox = outbox

    def approve(self, approval: Approval, now: float) -> None:
        new = approval.declaration
        with self._database.transaction.begin() as connection:
            if approval.opens:
                self._people.add_within(connection, approval.opens)
                opened = Event("account.added", approval.opens.id, facts={"how": "desk"})
                self._audit.write(connection, opened)
            if not replace_within(connection, new):
                raise StaleState
            if approval.secures:
                self._secure(connection, approval, now)
            if approval.activation:
                _activate(connection, approval.activation)
            end_within(connection, approval.supersedes, "superseded", now)
            _keep_photos(connection, new.id, approval.photos_until)
            self._audit.write(connection, approval.event)
            self._outbox.write(connection, *approval.messages)

    def settle(self, new: Declaration, event: Event, messages: Sequence[Message], photos_until: float | None) -> None:
        with self._database.transaction.begin() as connection:
            if not replace_within(connection, new):
                raise StaleState
            if photos_until is not None:
                _keep_photos(connection, new.id, photos_until)
            self._audit.write(connection, event)
            self._outbox.write(connection, *messages)

    def send_again(self, activation: Activation, event: Event, messages: Sequence[Message]) -> None:
        none = or_(t.account.c.password_hash.is_(None), t.account.c.password_temporary)
        waiting = and_(t.account.c.id == activation.account_id, none)
        lately = t.activation.c.created_at > activation.created_at - RESEND_PAUSE
        sent = select(t.activation.c.digest).where(t.activation.c.account_id == activation.account_id, lately)
        with self._database.transaction.begin() as connection:
            # Locks the row: of two concurrent officers one sends, and none sends to a person who is just setting a
            # password.
            if not connection.execute(update(t.account).where(waiting).values(status=t.account.c.status)).rowcount:
                raise Unfit("no_account")
            if connection.execute(sent).first():
                raise Unfit("sent_just_now")
            _activate(connection, activation)
            self._audit.write(connection, event)
            self._outbox.write(connection, *messages)

    def activation(self, digest: str, now: float) -> Activation | None:
        """The unused activation for a first password with this digest."""
        live = and_(t.activation.c.digest == digest, t.activation.c.used_at.is_(None), t.activation.c.expires_at > now)
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.activation).where(live)).first()
        if row is None:
            return None
        return Activation(row.digest, row.account_id, row.declaration_id, row.created_at, row.expires_at)

    def activated_at(self, digest: str) -> float | None:
        """When the activation with this digest was used."""
        with self._database.autocommit.connect() as connection:
            return connection.execute(select(t.activation.c.used_at).where(t.activation.c.digest == digest)).scalar()

    def _secure(self, connection: Connection, approval: Approval, now: float) -> None:
        securing = approval.secures
        if securing is None:
            return
        self._credentials.secure_within(connection, securing, now)
        held = and_(t.identifier.c.account_id == securing.account_id, t.identifier.c.valid_to.is_(None))
        if approval.closes:
            connection.execute(update(t.identifier).where(held).values(valid_to=now))
            # A person who registers again comes in by the same electronic identity.
            linked = and_(t.link.c.account_id == securing.account_id, t.link.c.ended_at.is_(None))
            connection.execute(update(t.link).where(linked).values(ended_at=now))
        _replace_identifiers(connection, securing.account_id, approval.identifiers, now)


def _replace_identifiers(
    connection: Connection, account_id: str, identifiers: Iterable[Identifier], now: float
) -> None:
    """Each replaces those of its kind, which stay as history. Raises `IdentifierTaken`."""
    for new in identifiers:
        mine = and_(t.identifier.c.account_id == account_id, t.identifier.c.kind == new.kind)
        still = and_(mine, t.identifier.c.valid_to.is_(None))
        connection.execute(update(t.identifier).where(still).values(valid_to=now))
        row = {"account_id": account_id, "kind": new.kind, "value": new.value, "valid_from": now}
        try:
            connection.execute(insert(t.identifier), row)
        except IntegrityError:
            raise IdentifierTaken(new.masked) from None


def _activate(connection: Connection, activation: Activation) -> None:
    """Keep the new activation and invalidate earlier ones of the account."""
    unused = and_(t.activation.c.account_id == activation.account_id, t.activation.c.used_at.is_(None))
    connection.execute(delete(t.activation).where(unused))
    connection.execute(insert(t.activation), asdict(activation))


def _keep_photos(connection: Connection, declaration_id: str, until: float) -> None:
    mine = t.photo.c.declaration_id == declaration_id
    connection.execute(update(t.photo).where(mine).values(expires_at=until))
