"""Anybody can make a client authentication fail, so what is kept of them for an operator is bounded."""

from types import SimpleNamespace
from typing import Any

from idp.limits.local import LocalRateLimiter
from idp.web.client_failures import ClientFailures
from tests.support.clock import FrozenClock

REGISTERED = SimpleNamespace(
    find=lambda client_id: SimpleNamespace(client_id="portal") if client_id == "portal" else None
)


def test_strangers_of_many_networks_cause_few_rows_and_do_not_hide_a_portal() -> None:
    clock, rows = FrozenClock(), []

    def note_incident(*row: Any) -> None:
        rows.append(row)

    limits = LocalRateLimiter(10, 60, clock), LocalRateLimiter(60, 60, clock)
    note = ClientFailures(REGISTERED, note_incident, *limits)  # type: ignore[arg-type]
    for number in range(200):
        note("nobody", f"network {number % 50}", "unknown client")
    assert len(rows) == 60
    assert {row[4] for row in rows} == {None}, "an unknown id may be a secret"

    for _ in range(20):
        note("portal", "network of the portal", "wrong secret")
    assert [row[4:] for row in rows[60:]] == [("portal", "wrong secret")] * 10
