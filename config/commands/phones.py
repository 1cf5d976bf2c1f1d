"""`idp accounts phones`: numbers that several accounts hold, and numbers of before 2018 in their old form."""

from typing import Any, get_args

import click

from config.commands import output
from config.commands.context import as_json, opened_stores, reports_errors, stop
from idp.ports import Event
from idp.store.phones import PhoneFinding, SqlPhones, State


@click.command()
@click.option("--convert", is_flag=True, help="Write old forms in their form of today; needs --reason.")
@click.option("--reason", help="Why; goes into the audit trail.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Numbers listed at most.")
@as_json
@reports_errors
def phones(convert: bool, reason: str | None, limit: int, as_json: bool) -> None:
    """List numbers that several accounts hold, and numbers in the form of before 2018 (0168... is 038... today).

    A number that would be shared after its conversion is left as it is: nobody is linked by it, and an officer decides.

    Example: idp accounts phones --convert --reason "numbering plan of 2018"
    """
    if convert and not (reason and reason.strip()):
        stop(["--convert needs --reason"])
    base = opened_stores()
    counts, listed = dict.fromkeys(get_args(State), 0), list[dict[str, Any]]()
    try:
        for finding in SqlPhones(base.database).findings(convert_at=base.clock() if convert else None):
            counts[finding.state] += 1
            if len(listed) < limit:
                listed.append(shown(finding))
    finally:
        if counts["converted"]:
            facts = {name.replace(" ", "_"): number for name, number in counts.items()}
            base.audit.record(Event("account.phones_converted", facts=facts, reason=reason))
    if as_json:
        output.as_json({"counts": counts, "numbers": listed})
        return
    output.table([each | {"accounts": " ".join(each["accounts"])} for each in listed], ("state", "phone", "accounts"))
    click.echo(", ".join(f"{number} {name}" for name, number in counts.items()))


def shown(finding: PhoneFinding) -> dict[str, Any]:
    """What an operator sees of a number."""
    phone = finding.number.masked if finding.number else None
    return {"state": finding.state, "phone": phone, "accounts": list(finding.account_ids)}
