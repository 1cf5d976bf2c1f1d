"""`idp accounts phones`: numbers shared by several accounts, and numbers in the form used before 2018."""

from typing import Any, get_args

import click

from config.cli import output
from config.cli.context import as_json, opened_stores, reports_errors, stop
from idp.ports import Event
from idp.store.phones import PhoneFinding, State


@click.command()
@click.option("--convert", is_flag=True, help="Convert numbers of the old plan; requires --reason.")
@click.option("--reason", help="Reason, for the audit trail.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Maximum number of lines."
)
@as_json
@reports_errors
def phones(convert: bool, reason: str | None, limit: int, as_json: bool) -> None:
    """List numbers that several accounts hold, and numbers in the form used before 2018 (0168... is 038... today).

    A number that would be shared after its conversion is left as it is: nobody is linked by it, and an officer decides.

    Example: idp accounts phones --convert --reason "numbering plan of 2018"
    """
    if convert and not (reason and reason.strip()):
        stop(["--convert needs --reason"])
    base = opened_stores()
    counts, listed = dict.fromkeys(get_args(State), 0), list[dict[str, Any]]()
    try:
        for finding in base.phones.findings(convert_at=base.clock() if convert else None):
            counts[finding.state] += 1
            if len(listed) < limit:
                listed.append(finding_facts(finding))
    finally:
        if counts["converted"]:
            facts = {name.replace(" ", "_"): number for name, number in counts.items()}
            base.audit.record(Event("account.phones_converted", facts=facts, reason=reason))
    if as_json:
        output.as_json({"counts": counts, "numbers": listed})
        return
    output.table([each | {"accounts": " ".join(each["accounts"])} for each in listed], ("state", "phone", "accounts"))
    click.echo(", ".join(f"{number} {name}" for name, number in counts.items()))


def finding_facts(finding: PhoneFinding) -> dict[str, Any]:
    """A number as operators see it."""
    phone = finding.number.masked if finding.number else None
    return {"state": finding.state, "phone": phone, "accounts": list(finding.account_ids)}
