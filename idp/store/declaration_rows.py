"""Declarations as rows, and how other transactions change them: replace one by version, end the open ones."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import ColumnElement, Connection, and_, or_, select, update

from idp.accounts.account import Kind
from idp.accounts.names import fold
from idp.accounts.references import KEPT
from idp.registration.declaration import OPEN, Declaration, Form, State
from idp.store import tables as t

_d = t.declaration.c
_FORM = TypeAdapter(Form)
_PLAIN = tuple(f.name for f in fields(Declaration) if f.name != "form")


def row_of(declaration: Declaration) -> dict[str, Any]:
    """The row of a declaration; searchable values are stored beside the form."""
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
    """The declaration in a row."""
    return Declaration(**{name: row[name] for name in _PLAIN}, form=_FORM.validate_json(row["form"]))


def replace_within(connection: Connection, new: Declaration) -> bool:
    """Replace the previous version with `new`, in the caller's transaction."""
    before = and_(_d.id == new.id, _d.version == new.version - 1)
    return connection.execute(update(t.declaration).where(before).values(row_of(new))).rowcount == 1


def is_open_for(kind: Kind, code: str, citizen_number: str) -> ColumnElement[bool]:
    """The open declarations about this code or citizen number."""
    about = and_(_d.kind == kind, _d.code == code) if code else _d.id == ""
    if citizen_number:
        about = or_(about, _d.citizen_number == citizen_number)
    return and_(about, _d.state.in_(OPEN))


def end_within(connection: Connection, ids: Sequence[str], state: State, now: float) -> int:
    """End those that are still open; returns how many."""
    return end_open(connection, _d.id.in_(ids), state, now) if ids else 0


def end_open(connection: Connection, which: ColumnElement[bool], state: State, now: float) -> int:
    """End the open ones of these declarations without a decision, and delete their pictures at once."""
    ended = {"state": state, "decided_at": now, "expires_at": now + KEPT, "version": _d.version + 1}
    still = and_(which, _d.state.in_(OPEN))
    ids = connection.execute(update(t.declaration).where(still).values(ended).returning(_d.id)).scalars().all()
    if ids:
        connection.execute(update(t.photo).where(t.photo.c.declaration_id.in_(ids)).values(expires_at=now))
    return len(ids)


def end_registrations(connection: Connection, account_id: str, now: float) -> int:
    """End every open registration that names a number which this account holds; returns how many."""
    held = and_(t.identifier.c.account_id == account_id, t.identifier.c.valid_to.is_(None))
    values = select(t.identifier.c.value).where(held)
    named = or_(_d.code.in_(values), _d.citizen_number.in_(values))
    return end_open(connection, and_(_d.request == "register", named), "cancelled", now)
