"""`idp clients check`: whether what a client registered works."""

from dataclasses import asdict

import click

from config.cli import output
from config.cli.context import as_json, opened_stores, reports_errors, stop
from idp.oidc.client_check import ClientCheck
from idp.outbound import Outbound


@click.command()
@click.argument("client_id")
@as_json
@reports_errors
def check(client_id: str, as_json: bool) -> None:
    """Look at a client as its portal would: addresses, keys, receiver of logouts, clock; 1 when something is wrong.

    Its keys are fetched, and its receiver of logouts is sent one token that is none; redirect URIs are only read. Each
    address has five seconds.

    Example: idp clients check c-1f2e --json
    """
    base = opened_stores()
    client = base.clients.find(client_id) or stop([f"there is no client {client_id}"])
    outbound = Outbound(base.settings.outbound.ca_file, plain_http=not base.settings.is_production)
    findings = [asdict(each) for each in ClientCheck(outbound, base.clock, base.clients.find).findings(client)]
    output.as_json(findings) if as_json else output.table(findings, ("part", "state", "detail"))
    if any(finding["state"] == "wrong" for finding in findings):
        raise SystemExit(1)
