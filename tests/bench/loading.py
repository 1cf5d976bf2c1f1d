"""Many made-up accounts, sessions, refresh families and audit records, by one INSERT for some hundred thousand rows.

Each row is a copy of a real one of this installation with ids and digests of its own: as long as real ones, and as
random, so that indexes are as full as those that logins fill. Audit records come as they do from requests, unchained,
and are then numbered by an UPDATE with a VACUUM after it, as the sealer and autovacuum do.
"""

import time
from typing import Any

import psycopg

TABLES = ("account", "identifier", "session", "refresh_family", "audit")
GROWING = (*TABLES, "message", "undo", "revocation", "session_client", "device", "budget", "throttle", "incident")
AUDIT_ROWS = 2
"""Audit records for each account."""

CHUNK = 250_000
FIRST_NUMBER = 1_000_000_000
"""Audit records get numbers from here on, beyond those that the sealer gives."""


def _random(what: str, length: int) -> str:
    """SQL: as random and as long as a digest or an id in base64url."""
    return f"left(translate(encode(sha256(('{what}' || i)::bytea), 'base64'), '+/=', '-_'), {length})"


_ACCOUNT = "md5('account' || i)"
OWN = {
    "account": {
        "id": _ACCOUNT,
        "name": "'Nguyễn Thị Thử Nghiệm ' || i",
        "phone": "'+8498' || lpad(i::text, 7, '0')",
        "phone_source": "'import'",
        "email": "'nguoi.thu.nghiem.' || i || '@example.test'",
        "email_source": "'import'",
        "address": "'Số ' || i % 500 || ' Đường Thử Nghiệm, Phường Ví Dụ, Thành phố Mẫu'",
        "street": "'Số ' || i % 500 || ' Đường Thử Nghiệm'",
        "commune": "'00001'",
        "province": "'01'",
    },
    "session": {
        "digest": _random("digest", 43),
        "sid": _random("sid", 22),
        "account_id": _ACCOUNT,
        "user_agent": "'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142'",
        "ended_at": "NULL",
    },
    "refresh_family": {
        "id": _random("family", 22),
        "grant_id": _random("grant", 43),
        "account_id": _ACCOUNT,
        "sid": _random("sid", 22),
    },
    "audit": {
        "id": "nextval('audit_id_seq')",
        "subject": _random("subject", 43),
        "request_id": "md5('request' || i)",
        "month": "NULL",
        "number": "NULL",
        "chain_hash": "NULL",
    },
}
_SAMPLE = {
    "account": "password_hash IS NOT NULL",
    "session": "ended_at IS NULL",
    "refresh_family": "revoked_at IS NULL",
    "audit": "name = 'login.succeeded'",
}


def load(sql: psycopg.Connection[Any], first: int, last: int) -> float:
    """Bring in what belongs to the accounts from `first` to `last`, and have PostgreSQL count it; gives the seconds."""
    began = time.perf_counter()
    # Whoever loads knows that each account is there; a check for each row would take most of the time.
    _run(sql, "SET session_replication_role = replica")
    for table in ("account", "session", "refresh_family"):
        for start in range(first, last + 1, CHUNK):
            _multiply(sql, table, start, min(last, start + CHUNK - 1))
    for start in range(first, last + 1, CHUNK):
        _identify(sql, start, min(last, start + CHUNK - 1))
    for start in range(first * AUDIT_ROWS, (last + 1) * AUDIT_ROWS, CHUNK):
        _record(sql, start, min((last + 1) * AUDIT_ROWS, start + CHUNK) - 1)
    _run(sql, "SET session_replication_role = DEFAULT")
    _run(sql, "VACUUM ANALYZE")
    return round(time.perf_counter() - began)


def _multiply(sql: psycopg.Connection[Any], table: str, first: int, last: int) -> None:
    """Copies of one real row with what is their own."""
    named = f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' ORDER BY ordinal_position"
    names = [row[0] for row in _run(sql, named).fetchall()]
    quoted = ", ".join(f'"{name}"' for name in names)
    values = ", ".join(OWN[table].get(name, f'd."{name}"') for name in names)
    source = f'(SELECT * FROM "{table}" WHERE {_SAMPLE[table]} LIMIT 1) d, generate_series({first}, {last}) i'
    _run(sql, f'INSERT INTO "{table}" ({quoted}) SELECT {values} FROM {source} ON CONFLICT DO NOTHING')


def _identify(sql: psycopg.Connection[Any], first: int, last: int) -> None:
    """A BHXH code and a citizen number for each account; the first codes belong to the people of the journeys."""
    for kind, value in (("bhxh", "'00' || lpad(i::text, 8, '0')"), ("cccd", "lpad(i::text, 12, '0')")):
        _run(
            sql,
            f"INSERT INTO identifier (account_id, kind, value, valid_from) SELECT {_ACCOUNT}, '{kind}', {value}, 0 "
            f"FROM generate_series({first}, {last}) i ON CONFLICT DO NOTHING",
        )


def _record(sql: psycopg.Connection[Any], first: int, last: int) -> None:
    """Audit records, chained after they were written."""
    begin = _run(sql, "SELECT coalesce(max(id), 0) FROM audit").fetchone()
    assert begin
    _multiply(sql, "audit", first, last)
    chained = f"number = {FIRST_NUMBER} + id, month = '2026-11', chain_hash = encode(sha256(id::text::bytea), 'hex')"
    _run(sql, f"UPDATE audit SET {chained} WHERE number IS NULL AND id > {begin[0]}")
    _run(sql, "VACUUM audit")


def _run(sql: psycopg.Connection[Any], statement: str) -> psycopg.Cursor[Any]:
    return sql.execute(statement)  # type: ignore[arg-type]
