"""What an erasure removes, in the caller's transaction: by account, and by every number that the person ever had."""

from sqlalchemy import ColumnElement, Connection, and_, delete, or_, select, update

from idp.store import tables as t

_d = t.declaration.c
UNFINDABLE = {"code": "", "citizen_number": "", "name": "", "phone": "", "email": "", "network": "", "note": None}
"""The search fields of a kept form: neither a search for the person nor their next form finds it."""


def take_out(connection: Connection, account_id: str, now: float) -> None:
    """Delete forms, pictures, letters and names of devices; end numbers, links and agreements."""
    _forms(connection, account_id)
    for table, until in ((t.identifier, "valid_to"), (t.link, "ended_at"), (t.consent, "withdrawn_at")):
        held = and_(table.c.account_id == account_id, table.c[until].is_(None))
        connection.execute(update(table).where(held).values({until: now}))
    for table in (t.undo, t.message, t.one_time_code, t.activation):
        connection.execute(delete(table).where(table.c.account_id == account_id))
    connection.execute(update(t.data_request).where(t.data_request.c.account_id == account_id).values(note=None))
    _disputes(connection, account_id, now)
    # The register of authenticators stays, as for everyone; the names that people gave them are deleted.
    connection.execute(update(t.enrolled_device).where(t.enrolled_device.c.account_id == account_id).values(name=""))
    keys = and_(t.passkey.c.holder_kind == "account", t.passkey.c.holder == account_id)
    connection.execute(update(t.passkey).where(keys).values(name=""))


def kept_of(account_id: str) -> ColumnElement[bool]:
    """The declarations that the law requires us to keep: those that an agency approved about this account."""
    return and_(_d.account_id == account_id, _d.state == "approved")


def _forms(connection: Connection, account_id: str) -> None:
    """A rejected, superseded or undecided form names no account: its numbers identify the person (M-8)."""
    numbers = select(t.identifier.c.value).where(t.identifier.c.account_id == account_id)
    kind = select(t.account.c.kind).where(t.account.c.id == account_id).scalar_subquery()
    by_number = and_(
        _d.account_id.is_(None), _d.kind == kind, or_(_d.code.in_(numbers), _d.citizen_number.in_(numbers))
    )
    ids = connection.execute(select(_d.id).where(or_(_d.account_id == account_id, by_number))).scalars().all()
    connection.execute(delete(t.photo).where(t.photo.c.declaration_id.in_(ids)))
    kept = kept_of(account_id)
    connection.execute(update(t.declaration).where(kept).values(UNFINDABLE))
    connection.execute(delete(t.declaration).where(_d.id.in_(ids), ~kept))


def _disputes(connection: Connection, account_id: str, now: float) -> None:
    """Refused links about the person, whichever account they named: the sealed identity is deleted."""
    c = t.link_dispute.c
    citizens = select(t.link.c.citizen).where(t.link.c.account_id == account_id, t.link.c.citizen.is_not(None))
    about = or_(c.account_id == account_id, c.citizen.in_(citizens))
    settled = {"resolved_at": now, "resolution": "refused", "sealed_facts": None}
    connection.execute(update(t.link_dispute).where(about, c.resolved_at.is_(None)).values(settled))
