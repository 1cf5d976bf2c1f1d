"""`idp clients`: register, list, show, edit and remove relying parties."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import click

from config.cli import output
from config.cli.client_approval import approve, invitations, invite, refuse, registration_facts, uninvite
from config.cli.client_check import check
from config.cli.client_options import described
from config.cli.client_secrets import end_secret, rotate_secret, secret_facts
from config.cli.clients_file import load
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.cli.libraries import LIBRARIES, read_library
from config.stores import Stores
from idp.login.authentication import acr_name
from idp.oidc.clients import Client, secret_digest
from idp.oidc.metadata import DISCOVERY
from idp.oidc.profiles import chosen
from idp.oidc.registration import BadClient, needs_secret, read_client
from idp.ports import Event
from keys.changes import lack


@click.group()
def clients() -> None:
    """Relying parties: portals, apps and machines."""


clients.add_command(load)
clients.add_command(check)
clients.add_command(rotate_secret)
clients.add_command(end_secret)
for each in (invite, invitations, uninvite, approve, refuse):
    clients.add_command(each)


COLUMNS = ("client_id", "client_name", "token_endpoint_auth_method", "first_party", "disabled", "approval")
SECRET = ("secret", "digest", "made", "expires", "last_used")


@clients.command()
@click.argument("name")
@click.option("--client-id", help="Default: a random one.")
@click.option(
    "--for",
    "library",
    type=click.Choice(LIBRARIES),
    help="Register what this client library needs, and print its configuration filled in.",
)
@described
@reasoned
@as_json
@reports_errors
def add(name: str, client_id: str | None, library: str | None, reason: str, as_json: bool, **options: Any) -> None:
    """Register a client and print what a portal developer needs; the secret is printed only now.

    Example: idp clients add "Cổng thử" --redirect-uri https://portal.example.vn/cb --reason "contract 7" --json
    """
    base, known = opened_stores(), read_library(library) if library else None
    fields = known.metadata(_given(options)) if known else _given(options)
    metadata = {"client_id": client_id or f"c-{secrets.token_hex(8)}", "client_name": name, **fields}
    if base.clients.find(metadata["client_id"]):
        stop([f"client {metadata['client_id']} exists: use `idp clients edit`"])
    secret = secrets.token_urlsafe(32) if needs_secret(metadata) else None
    _registered(base, metadata, secret, "client.added", reason)
    told_once = {"client_id": metadata["client_id"], "client_secret": secret, **_discovery(base)}
    text = known.configuration(metadata, secret, base.settings.issuer) if known else ""
    if as_json:
        output.as_json(told_once | ({"configuration": text} if known else {}))
        return
    output.facts(told_once)
    if known:
        click.echo(f"\n{text}", nl=False)


@clients.command("list")
@as_json
@reports_errors
def list_(as_json: bool) -> None:
    """List the registered clients.

    Example: idp clients list
    """
    rows = [client_facts(client) for client in opened_stores().clients.load_all()]
    if as_json:
        output.as_json(rows)
    else:
        output.table(rows, COLUMNS)


@clients.command()
@click.argument("client_id")
@as_json
@reports_errors
def show(client_id: str, as_json: bool) -> None:
    """Show one client, with the dates of its secrets; a secret itself cannot be shown again.

    Example: idp clients show sandbox-portal
    """
    base = opened_stores()
    facts, rows = client_facts(_found(base, client_id)), secret_facts(base, client_id)
    facts |= registration_facts(base.client_registrations.find(client_id))
    if as_json:
        output.as_json(facts | {"secrets": rows})
        return
    output.facts(facts)
    if rows:
        click.echo()
        output.table([{"secret": name} | row for name, row in zip(("current", "old"), rows, strict=False)], SECRET)


@clients.command()
@click.argument("client_id")
@click.option("--name", "client_name", help="The name people see.")
@described
@reasoned
@reports_errors
def edit(client_id: str, reason: str, **options: Any) -> None:
    """Change the given fields and keep the others; takes effect within five seconds.

    Example: idp clients edit c-1f2e --redirect-uri https://new.example.vn/cb --reason "moved"
    """
    base = opened_stores()
    client = _found(base, client_id)
    before = client_facts(client)
    metadata = (chosen(before) if options["profile"] else before) | _given(options)
    _checked(base, metadata, client.secret_digest, "client.changed", reason)
    for name, value in client_facts(_found(base, client_id)).items():
        if before[name] != value:
            click.echo(f"{name}: {before[name]} -> {value}")


@clients.command()
@click.argument("client_id")
@reasoned
@reports_errors
def remove(client_id: str, reason: str) -> None:
    """Remove a client for good; its tokens are refused within five seconds.

    Example: idp clients remove c-1f2e --reason "contract ended"
    """
    base = opened_stores()
    _found(base, client_id)
    base.audit.record(Event("client.removed", client_id=client_id, reason=reason))
    base.clients.remove(client_id, base.clock())
    click.echo(f"client {client_id} is removed")
    for other in base.clients.load_all():
        if client_id in other.exchange_from:
            click.echo(f"client {other.client_id} still has it in exchange_from: `idp clients edit` takes it out")


UNTOLD = ("secret_digest", "old_secret_digest", "old_secret_expires_at", "minimum_acr")


def client_facts(client: Client) -> dict[str, Any]:
    """A client without its secret."""
    facts = {name: value for name, value in asdict(client).items() if name not in UNTOLD}
    return facts | {"default_acr_values": [acr_name(client.minimum_acr)], "origins": sorted(client.origins)}


def _found(base: Stores, client_id: str) -> Client:
    return base.clients.find(client_id) or stop([f"there is no client {client_id}"])


def _given(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that were actually given, under their metadata names; one empty text empties a list."""
    file = options.get("jwks_file")
    named = {name: value for name, value in options.items() if value not in (None, ()) and name != "jwks_file"}
    named |= {name: () for name, value in named.items() if value == ("",)}
    if file:
        try:
            named["jwks"] = json.loads(file.read_text())
        except ValueError as error:
            stop([f"{file}: {error}"])
    return named


def _discovery(base: Stores) -> dict[str, str]:
    return {"issuer": base.settings.issuer, "discovery": base.settings.issuer + DISCOVERY}


def _registered(base: Stores, metadata: Mapping[str, Any], secret: str | None, event: str, reason: str) -> None:
    key, client_id = base.secrets.get("client-secret"), str(metadata["client_id"])
    _checked(base, metadata, secret_digest(key, client_id, secret) if secret else None, event, reason)


def _checked(base: Stores, metadata: Mapping[str, Any], digest: str | None, event: str, reason: str) -> None:
    """Check, write and audit, or end the command with every complaint."""
    try:
        client = read_client(metadata, secret_digest=digest)
    except BadClient as error:
        stop(error.complaints)
    if complaint := _lacks_key(base, client):
        stop([complaint])
    base.clients.put(client, base.clock())
    base.audit.record(Event(event, client_id=client.client_id, reason=reason))


def _lacks_key(base: Stores, client: Client) -> str | None:
    needed = client.signing_algs
    ring = base.rotator.prepare(needed)
    return next((complaint for alg in needed if (complaint := lack(ring, alg, base.clock()))), None)
