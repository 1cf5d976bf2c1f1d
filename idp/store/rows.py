"""Rows are converted to values here, and nowhere else."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping

from idp.accounts.account import Account, Identifier
from idp.login.authentication import Authentication
from idp.login.sessions import Session
from idp.store import tables as t

ACCOUNT = tuple(column.label(f"a_{column.name}") for column in t.account.c)
IDENTIFIER = tuple(t.identifier.c[name].label(f"i_{name}") for name in ("kind", "value", "valid_from", "valid_to"))
SESSION = tuple(column.label(f"s_{column.name}") for column in t.session.c if column.name != "digest")

Row = RowMapping | Mapping[str, Any]


def account_of(rows: Sequence[Row]) -> Account | None:
    """One account from the rows of a join with its identifiers, or None when the join found none."""
    if not rows or rows[0]["a_id"] is None:
        return None
    row = rows[0]
    return Account(
        id=row["a_id"],
        kind=row["a_kind"],
        name=row["a_name"],
        status=row["a_status"],
        birth_date=row["a_birth_date"],
        phone=row["a_phone"],
        phone_verified_at=row["a_phone_verified_at"],
        email=row["a_email"],
        email_verified_at=row["a_email_verified_at"],
        address=row["a_address"],
        street=row["a_street"],
        commune=row["a_commune"],
        province=row["a_province"],
        password_hash=row["a_password_hash"],
        password_changed_at=row["a_password_changed_at"],
        password_temporary=bool(row["a_password_temporary"]),
        password_good_until=row["a_password_good_until"],
        password_spent_at=row["a_password_spent_at"],
        phone_changed_at=row["a_phone_changed_at"],
        phone_source=row["a_phone_source"],
        email_changed_at=row["a_email_changed_at"],
        email_source=row["a_email_source"],
        vouched_at=row["a_vouched_at"],
        secured_at=row["a_secured_at"],
        updated_at=row["a_updated_at"],
        identifiers=tuple(
            Identifier(r["i_kind"], r["i_value"], r["i_valid_from"], r["i_valid_to"]) for r in rows if r["i_kind"]
        ),
        more_claims=json.loads(row["a_more_claims"]) if row["a_more_claims"] != "{}" else {},
    )


def session_of(row: Row) -> Session | None:
    """The session of a row, or None when the join found none."""
    if row["s_sid"] is None:
        return None
    proof = Authentication(
        row["s_account_id"],
        auth_time=row["s_auth_time"],
        amr=tuple(row["s_amr"].split()),
        acr=row["s_acr"],
        ial=row["s_ial"],
        through=row["s_through"],
        otp_at=row["s_otp_at"],
        brief=bool(row["s_brief"]),
        upstream_at=row["s_upstream_at"],
    )
    return Session(
        sid=row["s_sid"],
        authentication=proof,
        created_at=row["s_created_at"],
        last_seen_at=row["s_last_seen_at"],
        expires_at=row["s_expires_at"],
        ended_at=row["s_ended_at"],
        user_agent=row["s_user_agent"],
        network=row["s_network"],
    )
