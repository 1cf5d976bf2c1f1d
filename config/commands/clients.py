"""`idp clients`: register, list, show, edit and remove relying parties."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from config.commands import output
from config.commands.context import as_json, foundation, reasoned, stop, told
from config.wiring import Foundation
from idp.oidc.clients import secret_digest
from idp.oidc.registration import BadClient, read_client
from idp.ports import Event


@click.group()
def clients() -> None:
    """Relying parties: portals, apps and machines."""


@clients.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@reasoned
@as_json
@told
def load(file: Path, reason: str, as_json: bool) -> None:
    """Register a JSON list of clients in RFC 7591 metadata, with given ids and secrets; existing ones are replaced.

    Example: idp clients load clients.json --reason "test suite"
    """
    base = foundation()
    complaints, put = [], 0
    for number, metadata in enumerate(_list(file), 1):
        try:
            register(base, metadata, metadata.get("client_secret"), reason)
            put += 1
        except BadClient as error:
            complaints += [f"client {number}: {why}" for why in error.complaints]
    if as_json:
        output.as_json({"registered": put, "refused": complaints})
    else:
        click.echo(f"{put} clients registered")
    if complaints:
        stop(complaints)


def register(base: Foundation, metadata: Mapping[str, Any], secret: str | None, reason: str) -> None:
    """Check and write one client, with the signing key that it needs. Raises `BadClient`."""
    digest = (
        secret_digest(base.secrets.get("client-secret"), str(metadata.get("client_id")), secret) if secret else None
    )
    client = read_client(metadata, secret_digest=digest)
    base.rotator.ensure((client.id_token_signed_response_alg,))
    base.audit.record(Event("client.added", client_id=client.client_id, reason=reason))
    base.clients.put(client, base.clock())


def _list(file: Path) -> list[Mapping[str, Any]]:
    try:
        found = json.loads(file.read_text())
    except ValueError as error:
        stop([f"{file}: {error}"])
    if not isinstance(found, list):
        stop([f"{file}: not a list"])
    return found
