"""`DeclarationStore` in SQL: declarations are rows replaced by version; pictures are stored sealed beside them."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, tuple_, update

from idp.accounts.account import Kind
from idp.accounts.names import fold
from idp.accounts.references import KEPT
from idp.limits.budgets import DAY, Budget
from idp.messages.message import Message
from idp.ports import Event
from idp.registration.declaration import OPEN, Declaration, Photo, QueueFilter, Role
from idp.store import tables as t
from idp.store.audit import SqlAudit
from idp.store.budgets import pay
from idp.store.database import Database
from idp.store.declaration_rows import declaration_of, end_within, is_open_for, replace_within, row_of
from idp.store.outbox import SqlOutbox
from keys.sealing import MasterKey

_d = t.declaration.c
_PHOTO = ("declaration_id", "role", "width", "height", "created_at", "expires_at")


class SqlDeclarations:
    """Declarations and their pictures. `sealing` is for pictures only."""

    def __init__(self, database: Database, audit: SqlAudit, outbox: SqlOutbox, sealing: MasterKey) -> None:
        self._database = database
        self._audit = audit
        self._outbox = outbox
        self._sealing = sealing

    def add(self, declaration: Declaration) -> None:
        with self._database.transaction.begin() as connection:
            connection.execute(insert(t.declaration), row_of(declaration))

    def find(self, declaration_id: str) -> Declaration | None:
        return self._one(_d.id == declaration_id)

    def find_by_secret(self, digest: str) -> Declaration | None:
        return self._one(_d.secret_digest == digest)

    def find_by_reference(self, reference: str) -> Declaration | None:
        return self._one(_d.reference == reference)

    def replace(self, new: Declaration) -> bool:
        with self._database.transaction.begin() as connection:
            return replace_within(connection, new)

    def submit(
        self,
        new: Declaration,
        supersedes: Sequence[Declaration],
        messages: Sequence[Message] = (),
        *,
        daily: str = "",
        told_daily: Sequence[Message] = (),
    ) -> bool:
        with self._database.transaction.begin() as connection:
            if not replace_within(connection, new):
                return False
            gone = end_within(connection, [old.id for old in supersedes], "superseded", new.submitted_at or 0.0)
            pictures = update(t.photo).where(t.photo.c.declaration_id == new.id)
            connection.execute(pictures.values(expires_at=new.expires_at))
            facts = {"request": new.request, "channel": new.channel, "superseded": gone}
            self._audit.write(connection, Event("declaration.submitted", new.account_id, facts=facts))
            once = Budget(daily, 1, DAY)
            if daily and pay(connection, [once], new.submitted_at or 0.0)[daily].units <= once.limit:
                messages = (*messages, *told_daily)
            self._outbox.write(connection, *messages)
            return True

    def open_for(self, kind: Kind, code: str, citizen_number: str = "") -> list[Declaration]:
        return self._many(is_open_for(kind, code, citizen_number), 50)

    def of_account(self, account_id: str) -> list[Declaration]:
        mine = and_(_d.account_id == account_id, _d.state != "draft")
        newest = select(t.declaration).where(mine).order_by(_d.submitted_at.desc()).limit(50)
        with self._database.autocommit.connect() as connection:
            return [declaration_of(row) for row in connection.execute(newest).mappings()]

    def queue(self, queue: QueueFilter) -> list[Declaration]:
        if queue.agencies is not None and not queue.agencies:
            return []
        wanted: ColumnElement[bool] = _d.state.in_(queue.states)
        if queue.agencies is not None:
            wanted = and_(wanted, _d.agency.in_(queue.agencies))
        if queue.request:
            wanted = and_(wanted, _d.request == queue.request)
        if queue.text:
            wanted = and_(wanted, _matches(queue.text))
        if queue.after:
            wanted = and_(wanted, tuple_(_d.submitted_at, _d.id) > tuple_(*queue.after))
        return self._many(wanted, queue.limit)

    def put_photo(self, photo: Photo) -> bool:
        sealed = self._sealing.seal(photo.jpeg, context=_context(photo.declaration_id, photo.role)).encode()
        row = {name: getattr(photo, name) for name in _PHOTO} | {"sealed": sealed}
        taking = and_(_d.id == photo.declaration_id, _d.state.in_(("draft", "returned")))
        with self._database.transaction.begin() as connection:
            # Locks the row: nothing is submitted between this check and the picture.
            if not connection.execute(update(t.declaration).where(taking).values(version=_d.version)).rowcount:
                return False
            connection.execute(delete(t.photo).where(_of(photo.declaration_id, photo.role)))
            connection.execute(insert(t.photo), row)
            return True

    def forget(self, declaration: Declaration) -> None:
        draft = and_(_d.id == declaration.id, _d.state == "draft")
        with self._database.transaction.begin() as connection:
            if connection.execute(delete(t.declaration).where(draft)).rowcount:
                connection.execute(delete(t.photo).where(t.photo.c.declaration_id == declaration.id))

    def photo(self, declaration_id: str, role: Role) -> bytes | None:
        mine = select(t.photo.c.sealed).where(_of(declaration_id, role))
        with self._database.autocommit.connect() as connection:
            sealed = connection.execute(mine).scalar_one_or_none()
        if sealed is None:
            return None
        return self._sealing.unseal(bytes(sealed).decode(), context=_context(declaration_id, role))

    def photos(self, declaration_id: str) -> list[Role]:
        with self._database.autocommit.connect() as connection:
            statement = select(t.photo.c.role).where(t.photo.c.declaration_id == declaration_id)
            return list(connection.execute(statement).scalars())

    def end_expired(self, now: float) -> int:
        """Delete expired drafts and ended declarations; let undecided ones lapse. Returns how many lapsed."""
        over = _d.expires_at <= now
        with self._database.transaction.begin() as connection:
            connection.execute(delete(t.declaration).where(and_(_d.state.not_in(OPEN), over)))
            ended = {"state": "lapsed", "decided_at": now, "expires_at": now + KEPT, "version": _d.version + 1}
            lapsing = update(t.declaration).where(and_(_d.state.in_(OPEN), over)).values(ended)
            requests = list(connection.execute(lapsing.returning(_d.request, _d.account_id)))
            for request, account_id in requests:
                self._audit.write(connection, Event("declaration.lapsed", account_id, facts={"request": request}))
            return len(requests)

    def _one(self, where: ColumnElement[bool]) -> Declaration | None:
        with self._database.autocommit.connect() as connection:
            row = connection.execute(select(t.declaration).where(where)).mappings().first()
        return declaration_of(row) if row else None

    def _many(self, where: ColumnElement[bool], limit: int) -> list[Declaration]:
        oldest = select(t.declaration).where(where).order_by(_d.submitted_at, _d.id).limit(limit)
        with self._database.autocommit.connect() as connection:
            return [declaration_of(row) for row in connection.execute(oldest).mappings()]


def _of(declaration_id: str, role: Role) -> ColumnElement[bool]:
    return and_(t.photo.c.declaration_id == declaration_id, t.photo.c.role == role)


def _context(declaration_id: str, role: Role) -> str:
    return f"photo {declaration_id} {role}"


def _matches(text: str) -> ColumnElement[bool]:
    """Code, card number, phone or reference in full, or a prefix of a name."""
    exact = "".join(c for c in text.upper() if c.isalnum() or c == "+")
    folded = fold(text)
    matches = [_d.code == exact, _d.citizen_number == exact, _d.reference == exact, _d.phone == _phone(exact)]
    if not folded or exact.removeprefix("+").isdigit():
        # Each of these has an index; names do not, and no name is all digits.
        return or_(*matches)
    return or_(*matches, _d.name.startswith(folded, autoescape=True))


def _phone(exact: str) -> str:
    return "+84" + exact.removeprefix("+84").removeprefix("0")
