"""`idp clients load`: a file of clients, all of them or none."""

import json
import os
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from config.cli import output
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.cli.records import read_records
from config.stores import Stores
from idp.oidc.clients import Client, secret_digest
from idp.oidc.registration import MEMBERS, BadClient, needs_secret, read_client
from idp.ports import Event
from keys.changes import lack
from keys.ring import ALGORITHMS

MOST = 10_000
SHORTEST_SECRET = 32
"""Minimum characters of a supplied secret; a generated one has 43. Nothing else slows down guessing it."""


@dataclass(frozen=True, slots=True)
class ClientEntry:
    """One checked entry of the file; `made` is the secret that was made for it, if any."""

    client: Client
    made: str | None = None


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--secrets-out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="New file, readable by you alone, for the secrets that are made. Without it they are in --json.",
)
@reasoned
@as_json
@reports_errors
def load(file: Path, secrets_out: Path | None, reason: str, as_json: bool) -> None:
    """Register a JSON list of clients in RFC 7591 metadata: all of them, or none if one is faulty.

    Existing clients are replaced. Without `client_secret` an existing client keeps its own, and a new one gets one.

    Example: idp clients load clients.json --secrets-out secrets.json --reason "test suite"
    """
    base = opened_stores()
    entries = _read(base, read_records(file))
    made = [{"client_id": e.client.client_id, "client_secret": e.made} for e in entries if e.made]
    if made and secrets_out is None and not as_json:
        stop([f"{len(made)} clients have no client_secret: --secrets-out FILE or --json takes those that are made"])
    if secrets_out and made:
        _write_down(secrets_out, made)
    try:
        put(base, [entry.client for entry in entries], reason)
    except BaseException:
        if secrets_out and made:
            secrets_out.unlink()
        raise
    if as_json:
        output.as_json({"registered": len(entries), "secrets": [] if secrets_out else made})
    else:
        click.echo(f"{len(entries)} clients registered")


def read_entry(base: Stores, metadata: Mapping[str, Any]) -> ClientEntry:
    """Check one entry; nothing is written. Raises `BadClient` with every complaint."""
    client_id, secret = str(metadata.get("client_id")), metadata.get("client_secret")
    unknown = sorted(set(metadata) - MEMBERS)
    complaints = [f"unknown member {', '.join(unknown)[:200]}"] if unknown else []
    if metadata.get("response_types", ["code"]) != ["code"]:
        complaints.append("response_types may be code alone")
    if secret is not None and (not isinstance(secret, str) or len(secret) < SHORTEST_SECRET):
        complaints.append(f"client_secret needs {SHORTEST_SECRET} characters; leave it out and a good one is made")
    registered = base.clients.find(client_id) if len(client_id) <= 128 else None
    digest, made = registered.secret_digest if registered else None, None
    if secret is None and digest is None and needs_secret(metadata):
        made = secrets.token_urlsafe(32)
    if isinstance(secret, str) or made:
        digest = secret_digest(base.secrets.get("client-secret"), client_id, made or str(secret))
    try:
        client = read_client(metadata, secret_digest=digest)
    except BadClient as error:
        raise BadClient(complaints + error.complaints) from None
    if complaints or (complaints := _lacks_key(base, client)):
        raise BadClient(complaints)
    return ClientEntry(client, made)


def put(base: Stores, clients: Iterable[Client], reason: str) -> None:
    """Write checked clients and their audit events in one transaction."""
    base.clients.put_all(
        clients,
        base.clock(),
        lambda connection, client: base.audit.write(
            connection, Event("client.added", client_id=client.client_id, reason=reason)
        ),
    )


def _read(base: Stores, records: list[Mapping[str, Any]]) -> list[ClientEntry]:
    """Every entry, checked; ends the command with all that is wrong with any of them, and nothing changed."""
    if len(records) > MOST:
        stop([f"a file may hold {MOST} clients"])
    base.rotator.prepare({str(each.get("id_token_signed_response_alg", "RS256")) for each in records} & {*ALGORITHMS})
    entries, complaints = [], []
    times = Counter(str(each.get("client_id")) for each in records)
    for number, metadata in enumerate(records, 1):
        named = str(metadata.get("client_id"))
        try:
            entries.append(read_entry(base, metadata))
            faults = []
        except BadClient as error:
            faults = error.complaints
        if times[named] > 1:
            faults = [*faults, "client_id is given twice"]
        complaints += [f"client {number} ({named[:128]}): {why}" for why in faults]
    if complaints:
        stop([*complaints, "nothing was registered"])
    return entries


def _write_down(target: Path, made: list[dict[str, Any]]) -> None:
    """A new file that only its owner can read; ends the command if it cannot be written."""
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(made, file, indent=2)
    except OSError as error:
        stop([f"{target}: {error.strerror}"])


def _lacks_key(base: Stores, client: Client) -> list[str]:
    alg = client.id_token_signed_response_alg
    complaint = lack(base.rotator.prepare((alg,)), alg, base.clock())
    return [complaint] if complaint else []
