"""A person's copy of their own data: every table that names the account, without credentials.

Secrets and digests are not data about the person and are left out; the fields are listed one by one, so that a new
column is never disclosed automatically.
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Table, select

from idp.accounts.history import History
from idp.store import tables as t
from idp.store.database import Database

MOST = 1000
"""Maximum rows of each kind; nobody has more."""

GIVEN: dict[str, tuple[Table, tuple[str, ...]]] = {
    "account": (
        t.account,
        (
            "id",
            "kind",
            "status",
            "name",
            "birth_date",
            "phone",
            "phone_verified_at",
            "email",
            "email_verified_at",
            "address",
            "street",
            "commune",
            "province",
            "password_changed_at",
            "more_claims",
            "created_at",
            "updated_at",
        ),
    ),
    "identifiers": (t.identifier, ("kind", "value", "valid_from", "valid_to")),
    "sessions": (
        t.session,
        (
            "auth_time",
            "amr",
            "acr",
            "ial",
            "through",
            "upstream_at",
            "user_agent",
            "network",
            "last_seen_at",
            "expires_at",
            "ended_at",
        ),
    ),
    "phones": (
        t.enrolled_device,
        ("client_id", "name", "network", "enrolled_at", "last_seen_at", "ended_at", "ended_why"),
    ),
    "links": (t.link, ("upstream", "how", "made_at", "used_at", "ended_at")),
    "consents": (
        t.consent,
        ("client_id", "scope", "authorization_details", "text_version", "network", "granted_at", "withdrawn_at"),
    ),
    "declarations": (
        t.declaration,
        ("reference", "request", "state", "channel", "network", "submitted_at", "decided_at", "reason", "note", "form"),
    ),
    "data_requests": (
        t.data_request,
        ("reference", "kind", "state", "asked_at", "acknowledge_by", "answer_by", "answered_at", "reason", "note"),
    ),
    "messages": (t.message, ("channel", "template", "created_at", "state")),
}
_JSON = ("form", "more_claims", "authorization_details")


class SqlOwnCopy:
    """Reads the copy."""

    def __init__(self, database: Database, history: History) -> None:
        self._database = database
        self._history = history

    def of_account(self, account_id: str) -> dict[str, Any]:
        """All stored data about the person, ready for JSON; times in ISO 8601, UTC."""
        copy: dict[str, Any] = {}
        with self._database.autocommit.connect() as connection:
            for name, (table, columns) in GIVEN.items():
                whose = table.c.id if name == "account" else table.c.account_id
                rows = connection.execute(select(*(table.c[c] for c in columns)).where(whose == account_id).limit(MOST))
                copy[name] = [_shown(dict(row)) for row in rows.mappings()]
            mine = t.passkey.c.holder == account_id
            names = ("name", "network", "created_at", "last_used_at", "ended_at", "ended_why")
            passkeys = connection.execute(select(*(t.passkey.c[n] for n in names)).where(mine).limit(MOST))
            copy["passkeys"] = [_shown(dict(row)) for row in passkeys.mappings()]
        happened = self._history.of_account(account_id, limit=MOST)
        copy["history"] = [{"event": h.name, "at": _moment(h.at), **h.facts} for h in happened]
        return copy


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(name, value) for name, value in row.items()}


def _value(name: str, value: Any) -> Any:
    if name in _JSON:
        return json.loads(value)
    times = name.endswith(("_at", "_time", "_by")) or name.startswith("valid_")
    return _moment(value) if times and isinstance(value, float) else value


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
