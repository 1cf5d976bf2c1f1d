"""`idp devices`: which phones people enrolled, and ending one for somebody who lost it."""

from datetime import UTC, datetime
from typing import Any

import click

from config.commands import output
from config.commands.accounts import found as account_found
from config.commands.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.people_wiring import notices_of, sql_devices
from idp.accounts.devices import Device
from idp.accounts.notices import Scene

ID = {"ignore_unknown_options": True}
"""An id may begin with a hyphen."""


@click.group()
def devices() -> None:
    """Enrolled phones: each lets its owner confirm logins by QR code, one per person and app."""


@devices.command("list")
@click.argument("who")
@click.option("--ended", is_flag=True, help="Also those that have ended, and why.")
@as_json
@reports_errors
def list_(who: str, ended: bool, as_json: bool) -> None:
    """List the phones of an account, newest first.

    Example: idp devices list 0012345678 --ended
    """
    base = opened_stores()
    rows = [shown(device) for device in sql_devices(base).of_account(account_found(base, who).id, ended=ended)]
    columns = ("id", "client_id", "name", "enrolled", "seen", "wrong_passcodes", "ended", "why")
    output.as_json(rows) if as_json else output.table(rows, columns)


@devices.command(context_settings=ID)
@click.argument("who")
@click.argument("device_id")
@reasoned
@as_json
@reports_errors
def end(who: str, device_id: str, reason: str, as_json: bool) -> None:
    """End a phone that was lost or stolen: its key opens nothing again, and the owner is told.

    Example: idp devices end 0012345678 h2Jd8sXb0Qm5r1Zt7uVw3A --reason "stolen, call 4711"
    """
    base = opened_stores()
    account = account_found(base, who)
    mine = [device for device in sql_devices(base).of_account(account.id) if device.id == device_id]
    if not mine:
        stop([f"account {who} has no phone {device_id}: see `idp devices list {who}`"])
    notice = notices_of(base).of("device_removed", account, Scene(mine[0].name))
    if not sql_devices(base).end(device_id, "operator", base.clock(), notice, reason=reason):
        stop([f"phone {device_id} has just ended"])
    done = {"ended": device_id}
    output.as_json(done) if as_json else output.facts(done)


def shown(device: Device) -> dict[str, Any]:
    """A phone as operators see it."""
    return {
        "id": device.id,
        "client_id": device.client_id,
        "name": device.name,
        "network": device.network,
        "enrolled": _moment(device.enrolled_at),
        "seen": _moment(device.last_seen_at),
        "wrong_passcodes": device.wrong_passcodes,
        "ended": _moment(device.ended_at),
        "why": device.ended_why,
    }


def _moment(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
