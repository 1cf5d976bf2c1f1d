"""`idp clients rotate-secret` and `end-secret`: a new secret, and the end of the one before it."""

import re
import secrets
from datetime import UTC, datetime
from typing import Any

import click

from config.cli import output
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.stores import Stores
from idp.oidc.client_secrets import LONGEST_OVERLAP, OVERLAP
from idp.oidc.clients import Client, secret_digest
from idp.ports import Event

SECONDS = {"m": 60, "h": 3600, "d": 86_400}


class _Duration(click.ParamType[float]):
    """`90m`, `24h` or `7d`, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, float):
            return value
        match = re.fullmatch(r"([0-9]{1,4})([mhd])", value, re.ASCII)
        seconds = int(match[1]) * SECONDS[match[2]] if match else -1
        if not 0 < seconds <= LONGEST_OVERLAP:
            self.fail("give minutes, hours or days, as 30m, 24h or 7d; 90d at most", param, ctx)
        return float(seconds)


@click.command("rotate-secret")
@click.argument("client_id")
@click.option("--overlap", type=_Duration(), help="How long the old secret still works: 30m, 24h, 7d. Default: 7d.")
@click.option("--now", "at_once", is_flag=True, help="The old secret ends at once: it is known to others.")
@reasoned
@as_json
@reports_errors
def rotate_secret(client_id: str, overlap: float | None, at_once: bool, reason: str, as_json: bool) -> None:
    """Create a new secret, printed only now. The old one works on for the overlap; an even older one ends at once.

    Example: idp clients rotate-secret c-1f2e --overlap 24h --reason "yearly"
    """
    if at_once and overlap is not None:
        stop(["--now and --overlap exclude each other"])
    base = opened_stores()
    _with_a_secret(base, client_id)
    secret, now = secrets.token_urlsafe(32), base.clock()
    ends = now if at_once else now + (overlap or OVERLAP)
    digest = secret_digest(base.secrets.get("client-secret"), client_id, secret)
    base.clients.rotate_secret(client_id, digest, now, old_until=ends)
    base.audit.record(Event("client.secret_rotated", client_id=client_id, reason=reason))
    told_once = {"client_id": client_id, "client_secret": secret, "old_secret_until": _time(ends)}
    output.as_json(told_once) if as_json else output.facts(told_once)


@click.command("end-secret")
@click.argument("client_id")
@reasoned
@reports_errors
def end_secret(client_id: str, reason: str) -> None:
    """End the old secret before its time, within five seconds; `idp clients show` says when it was last used.

    Example: idp clients end-secret c-1f2e --reason "rolled out"
    """
    base = opened_stores()
    client = _with_a_secret(base, client_id)
    if client.old_secret_digest is None or client.old_secret_expires_at <= base.clock():
        stop([f"client {client_id} has no old secret that still works"])
    base.clients.end_old_secret(client_id, base.clock())
    base.audit.record(Event("client.secret_ended", client_id=client_id, reason=reason))
    click.echo(f"the old secret of {client_id} has ended")


def secret_facts(base: Stores, client_id: str) -> list[dict[str, Any]]:
    """The live and the last ended secret of a client, newest first: the first letters of the digest, and dates."""
    return [
        {
            "digest": each.digest[:12],
            "made": _time(each.made_at),
            "expires": _time(each.expires_at),
            "last_used": _time(each.used_at),
        }
        for each in base.clients.secrets_of(client_id)
    ]


def _with_a_secret(base: Stores, client_id: str) -> Client:
    client = base.clients.find(client_id) or stop([f"there is no client {client_id}"])
    if client.secret_digest is None:
        stop([f"client {client_id} uses {client.token_endpoint_auth_method} and has no secret"])
    return client


def _time(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
