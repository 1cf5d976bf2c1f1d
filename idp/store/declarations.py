"""`DeclarationStore` in SQL: declarations are rows that are replaced by version; pictures are sealed beside them."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, and_, delete, insert, or_, select, tuple_, update

from idp.accounts.account import Kind
from idp.accounts.names import fold
from idp.desk.declaration import OPEN, Declaration, Form, Photo, Queue, Role, State
from idp.ports import Event
from idp.store import tables as t
from idp.store.audit import SqlAudit
from keys.database import Database
from keys.sealing import MasterKey

_d = t.declaration.c
_FORM = TypeAdapter(Form)
_PHOTO = ("declaration_id", "role", "width", "height", "created_at", "expires_at")
_PLAIN = tuple(f.name for f in fields(Declaration) if f.name != "form")


class SqlDeclarations:
    """Declarations and their pictures. `sealing` is for pictures only."""

    def __init__(self, database: Database, audit: SqlAudit, sealing: MasterKey) -> None:
        self._database = database
        self._audit = audit
        self._sealing = sealing

    def add(self, declaration: Declaration) -> None:
        with self._database.write.begin() as connection:
            connection.execute(insert(t.declaration), row_of(declaration))

    def find(self, declaration_id: str) -> Declaration | None:
        return self._one(_d.id == declaration_id)

    def find_by_secret(self, digest: str) -> Declaration | None:
        return self._one(_d.secret_digest == digest)

    def find_by_reference(self, reference: str) -> Declaration | None:
        return self._one(_d.reference == reference)

    def replace(self, new: Declaration) -> bool:
        with self._database.write.begin() as connection:
            return replace_within(connection, new)

    def submit(self, new: Declaration, supersedes: Sequence[Declaration]) -> bool:
        with self._database.write.begin() as connection:
            if not replace_within(connection, new):
                return False
            gone = end_within(connection, [old.id for old in supersedes], "superseded", new.submitted_at or 0.0)
            facts = {"request": new.request, "channel": new.channel, "superseded": gone}
            self._audit.write(connection, Event("declaration.submitted", new.account_id, facts=facts))
            return True

    def open_for(self, kind: Kind, code: str, citizen_number: str = "") -> list[Declaration]:
        return self._many(is_open_for(kind, code, citizen_number), 50)

    def of_account(self, account_id: str) -> list[Declaration]:
        mine = and_(_d.account_id == account_id, _d.state != "draft")
        newest = select(t.declaration).where(mine).order_by(_d.submitted_at.desc()).limit(50)
        with self._database.read.connect() as connection:
            return [declaration_of(row) for row in connection.execute(newest).mappings()]

    def queue(self, queue: Queue) -> list[Declaration]:
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

    def put_photo(self, photo: Photo) -> None:
        sealed = self._sealing.seal(photo.jpeg, context=_context(photo.declaration_id, photo.role)).encode()
        row = {name: getattr(photo, name) for name in _PHOTO} | {"sealed": sealed}
        with self._database.write.begin() as connection:
            connection.execute(delete(t.photo).where(_of(photo.declaration_id, photo.role)))
            connection.execute(insert(t.photo), row)

    def photo(self, declaration_id: str, role: Role) -> bytes | None:
        mine = select(t.photo.c.sealed).where(_of(declaration_id, role))
        with self._database.read.connect() as connection:
            sealed = connection.execute(mine).scalar_one_or_none()
        if sealed is None:
            return None
        return self._sealing.unseal(bytes(sealed).decode(), context=_context(declaration_id, role))

    def photos(self, declaration_id: str) -> list[Role]:
        with self._database.read.connect() as connection:
            found = select(t.photo.c.role).where(t.photo.c.declaration_id == declaration_id)
            return list(connection.execute(found).scalars())

    def _one(self, where: ColumnElement[bool]) -> Declaration | None:
        with self._database.read.connect() as connection:
            row = connection.execute(select(t.declaration).where(where)).mappings().first()
        return declaration_of(row) if row else None

    def _many(self, where: ColumnElement[bool], limit: int) -> list[Declaration]:
        oldest = select(t.declaration).where(where).order_by(_d.submitted_at, _d.id).limit(limit)
        with self._database.read.connect() as connection:
            return [declaration_of(row) for row in connection.execute(oldest).mappings()]


def _of(declaration_id: str, role: Role) -> ColumnElement[bool]:
    return and_(t.photo.c.declaration_id == declaration_id, t.photo.c.role == role)


def _context(declaration_id: str, role: Role) -> str:
    return f"photo {declaration_id} {role}"


def row_of(declaration: Declaration) -> dict[str, Any]:
    """The row of a declaration; what is searched for stands beside the form."""
    form = declaration.form
    return {name: getattr(declaration, name) for name in _PLAIN} | {
        "form": _FORM.dump_json(form).decode(),
        "agency": form.agency,
        "code": form.code,
        "citizen_number": form.citizen_number,
        "name": fold(form.name),
        "phone": form.phone,
        "email": form.email,
    }


def declaration_of(row: Any) -> Declaration:
    """The declaration of a row."""
    return Declaration(**{name: row[name] for name in _PLAIN}, form=_FORM.validate_json(row["form"]))


def replace_within(connection: Connection, new: Declaration) -> bool:
    """Put `new` in the place of the version before it, in the caller's transaction."""
    before = and_(_d.id == new.id, _d.version == new.version - 1)
    return connection.execute(update(t.declaration).where(before).values(row_of(new))).rowcount == 1


def is_open_for(kind: Kind, code: str, citizen_number: str) -> ColumnElement[bool]:
    """What is open about this code or citizen number."""
    about = and_(_d.kind == kind, _d.code == code) if code else _d.id == ""
    if citizen_number:
        about = or_(about, _d.citizen_number == citizen_number)
    return and_(about, _d.state.in_(OPEN))


def end_within(connection: Connection, ids: Sequence[str], state: State, now: float, *, photos_until: float = 0) -> int:
    """End what is still open of these, and let their pictures go; returns how many it was."""
    if not ids:
        return 0
    ended = {"state": state, "decided_at": now, "expires_at": None, "version": _d.version + 1}
    still = and_(_d.id.in_(ids), _d.state.in_(OPEN))
    count = connection.execute(update(t.declaration).where(still).values(ended)).rowcount
    pictures = update(t.photo).where(t.photo.c.declaration_id.in_(ids))
    connection.execute(pictures.values(expires_at=photos_until or now))
    return count


def _matches(text: str) -> ColumnElement[bool]:
    """Code, card number, phone or reference in full, or the beginning of a name."""
    exact = "".join(c for c in text.upper() if c.isalnum() or c == "+")
    folded = fold(text)
    found = [_d.code == exact, _d.citizen_number == exact, _d.reference == exact, _d.phone == _phone(exact)]
    return or_(*found, _d.name.startswith(folded, autoescape=True)) if folded else or_(*found)


def _phone(exact: str) -> str:
    return "+84" + exact.removeprefix("+84").removeprefix("0")
