"""`idp devices`: the phones that people enrolled, and ending one that was lost."""

from datetime import UTC, datetime
from typing import Any

import click

from config.cli import output
from config.cli.accounts import account_named
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.container import Container
from idp.accounts.devices import Device
from idp.accounts.notices import Scene

ID = {"ignore_unknown_options": True}
"""An id may begin with a hyphen."""


@click.group()
def devices() -> None:
    """Enrolled phones: each lets its owner confirm logins by QR code, one per person and app."""


@devices.command("list")
@click.argument("who")
@click.option("--ended", is_flag=True, help="List ended phones as well, with the reason.")
@as_json
@reports_errors
def list_(who: str, ended: bool, as_json: bool) -> None:
    """List the phones of an account, newest first.

    Example: idp devices list 0012345678 --ended
    """
    base = opened_stores()
    rows = [device_facts(device) for device in base.devices.of_account(account_named(base, who).id, ended=ended)]
    columns = ("id", "client_id", "name", "enrolled", "seen", "wrong_passcodes", "ended", "why")
    output.as_json(rows) if as_json else output.table(rows, columns)


@devices.command(context_settings=ID)
@click.argument("who")
@click.argument("device_id")
@reasoned
@as_json
@reports_errors
def end(who: str, device_id: str, reason: str, as_json: bool) -> None:
    """End a phone that was lost or stolen: its key is refused from now on, and the owner is notified.

    Example: idp devices end 0012345678 h2Jd8sXb0Qm5r1Zt7uVw3A --reason "stolen, call 4711"
    """
    base = opened_stores()
    account = account_named(base, who)
    mine = [device for device in base.devices.of_account(account.id) if device.id == device_id]
    if not mine:
        stop([f"account {who} has no phone {device_id}: see `idp devices list {who}`"])
    notice = Container(base).accounts.notices.of("device_removed", account, Scene(mine[0].name))
    if not base.devices.end(device_id, "operator", base.clock(), notice, reason=reason):
        stop([f"phone {device_id} has just ended"])
    done = {"ended": device_id}
    output.as_json(done) if as_json else output.facts(done)


def device_facts(device: Device) -> dict[str, Any]:
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
