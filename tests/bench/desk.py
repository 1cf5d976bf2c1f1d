"""`python -m tests.bench.desk`: what the officer's queue and a login cost beside a million accounts, on PostgreSQL.

The same pages are asked for before and after 1,000,000 accounts, which share one hash, and 100,000 open requests are
brought in, in one run: the ratio says what size costs.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Connection, text

from tests.support import databases, servers
from tests.support.officers import Desk, running_desk

ACCOUNTS, REQUESTS, TIMES = 1_000_000, 100_000, 8
PAGES = {
    "the queue, 25 requests": "/",
    "of one kind": "/?request=register",
    "of one agency": "/?agency=00101",
    "a page in the middle": "/?after=1e9_0",
    "search by code": "/?q=0005000077",
    "search by phone": "/?q=0980000077",
    "search by a common beginning of a name": "/?q=nguyen",
    "search by a name that nearly nobody has": "/?q=nguyen+van+99999",
}
CODE = "0000000001"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--accounts", type=int, default=ACCOUNTS)
    parser.add_argument("--requests", type=int, default=REQUESTS)
    given = parser.parse_args()
    with _desk() as desk:
        desk.officer("lan.nguyen", ("00100", "decide"))
        desk.declaration()
        desk.app.client()
        desk.app.person(CODE)
        small = _measured(desk)
        with desk.app.base.database.transaction.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            _declare(connection, given.requests)
            _open(connection, given.accounts)
        with desk.app.base.database.autocommit.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
        large = _measured(desk)
    print(f"\n| page | 1 account, 1 request | {given.accounts:,} accounts, {given.requests:,} requests | times |")
    print("| --- | ---: | ---: | ---: |")
    for name, took in large.items():
        print(f"| {name} | {small[name]:.0f} ms | {took:.0f} ms | {took / small[name]:.1f} |")


@contextmanager
def _desk() -> Iterator[Desk]:
    with ExitStack() as stack:
        server = stack.enter_context(servers.postgresql())
        template = databases.postgresql_template(server)
        url = stack.enter_context(databases.postgresql_copy(server, template))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield stack.enter_context(running_desk(home, url))


def _measured(desk: Desk) -> dict[str, float]:
    """Milliseconds of each page, as medians."""
    browser = desk.browser("lan.nguyen")
    found = {name: _median(lambda path=path: _opened(browser.get(path).status_code)) for name, path in PAGES.items()}
    return found | {"a login by password": _median(lambda: _log_in(desk))}


def _opened(status: int) -> None:
    assert status == 200, status


def _log_in(desk: Desk) -> None:
    visitor = desk.app.visitor()
    assert "code=" in visitor.log_in(visitor.authorize(), CODE).headers["Location"]


def _median(call: Callable[[], None]) -> float:
    took = []
    for _ in range(TIMES):
        began = time.perf_counter()
        call()
        took.append((time.perf_counter() - began) * 1000)
    return statistics.median(took)


def _declare(connection: Connection, number: int) -> None:
    """Requests like the one that is there, over three agencies."""
    own = {
        "id": "lpad(to_hex(i), 22, '0')",
        "reference": "lpad(upper(to_hex(i)), 10, 'R')",
        "code": "lpad((i + 5000000)::text, 10, '0')",
        "citizen_number": "lpad(i::text, 12, '0')",
        "secret_digest": "'s' || i",
        "submitted_at": "d.submitted_at + i",
        "agency": "CASE WHEN i % 3 = 0 THEN '00200' ELSE '0010' || (1 + i % 2) END",
        "name": "'NGUYEN VAN ' || i",
        "phone": "'+8498' || lpad(i::text, 7, '0')",
        "form": "replace(d.form, d.code, lpad((i + 5000000)::text, 10, '0'))",
    }
    _multiply(connection, "declaration", own, number)


def _open(connection: Connection, number: int) -> None:
    """Accounts like the one that is there, each with a code of its own."""
    _multiply(connection, "account", {"id": "lpad(to_hex(i), 32, '0')"}, number)
    connection.execute(
        text(
            "INSERT INTO identifier (account_id, kind, value, valid_from) SELECT lpad(to_hex(i), 32, '0'), 'bhxh', "
            f"lpad((i + 4500000)::text, 10, '0'), 0 FROM generate_series(1, {number}) i"
        )
    )


def _multiply(connection: Connection, table: str, own: dict[str, str], number: int) -> None:
    named = text("SELECT column_name FROM information_schema.columns WHERE table_name = :t ORDER BY ordinal_position")
    names = [row[0] for row in connection.execute(named, {"t": table})]
    values = ", ".join(own.get(name, f"d.{name}") for name in names)
    source = f"(SELECT * FROM {table} LIMIT 1) d, generate_series(1, {number}) i"
    connection.execute(text(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {source}"))


if __name__ == "__main__":
    main()
