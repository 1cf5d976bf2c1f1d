"""`idp clients`: register, list, show, edit and remove relying parties."""

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from config.cli import output
from config.cli.client_check import check
from config.cli.client_secrets import end_secret, rotate_secret, secret_facts
from config.cli.clients_file import load
from config.cli.context import as_json, opened_stores, reasoned, reports_errors, stop
from config.cli.libraries import LIBRARIES, read_library
from config.stores import Stores
from idp.login.authentication import acr_name
from idp.oidc.clients import ENCRYPTED, PROFILES, QR_LOGIN, Client, secret_digest
from idp.oidc.metadata import DISCOVERY
from idp.oidc.profiles import chosen
from idp.oidc.registration import BadClient, needs_secret, read_client
from idp.oidc.response_encryption import ALGS
from idp.ports import Event
from keys.changes import lack
from keys.encryption import ENCS


@click.group()
def clients() -> None:
    """Relying parties: portals, apps and machines."""


clients.add_command(load)
clients.add_command(check)
clients.add_command(rotate_secret)
clients.add_command(end_secret)


SECRET = ("secret", "digest", "made", "expires", "last_used")

METADATA = (
    click.option("--redirect-uri", "redirect_uris", multiple=True, help="Exact redirect URI; repeatable."),
    click.option("--post-logout-redirect-uri", "post_logout_redirect_uris", multiple=True, help="Repeatable."),
    click.option(
        "--web-origin",
        "web_origins",
        multiple=True,
        help="Origin of its pages that call /token themselves; repeatable. Default of a public web client: the origins "
        "of its redirect URIs; of others: none.",
    ),
    click.option("--scope", help="Scopes, separated by spaces."),
    click.option("--grant-type", "grant_types", multiple=True, help="Repeatable."),
    click.option(
        "--auth-method",
        "token_endpoint_auth_method",
        help="Fix one: client_secret_basic, client_secret_post, private_key_jwt, tls_client_auth, "
        "self_signed_tls_client_auth or none. "
        "Default client_secret: the secret in the header or in the form.",
    ),
    click.option("--jwks-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Public JWK set."),
    click.option("--jwks-uri", help="https address of the public JWK set."),
    click.option("--backchannel-logout-uri", help="URL that receives back-channel logout tokens."),
    click.option("--client-uri", help="The portal's home page."),
    click.option("--id-token-alg", "id_token_signed_response_alg", help="RS256, PS256, ES256 or EdDSA."),
    click.option(
        "--acr", "default_acr_values", multiple=True, help="urn:bhxh:acr:2 requires a one-time code at every login."
    ),
    click.option("--subject-type", help="pairwise or public."),
    click.option("--sector", "sector_identifier", help="Sector whose pairwise subjects this client shares."),
    click.option("--resource", multiple=True, help="Audience for which the client may request tokens; repeatable."),
    click.option("--serves", multiple=True, help="Audience whose tokens the client may introspect; repeatable."),
    click.option(
        "--exchange-from",
        multiple=True,
        help="Client whose access tokens it may exchange for its own, with the grant type "
        "urn:ietf:params:oauth:grant-type:token-exchange (docs/portals/token-exchange.md); repeatable.",
    ),
    click.option("--application-type", help="web or native."),
    click.option(
        "--refresh-grace",
        type=click.IntRange(0, 60),
        help="Seconds in which a used refresh token still returns its successor.",
    ),
    click.option(
        "--first-party/--third-party",
        default=None,
        help="First-party clients need no consent, except to authorization details.",
    ),
    click.option("--require-pkce/--no-require-pkce", default=None, help="Only a confidential client may omit PKCE."),
    click.option(
        "--dpop/--no-dpop",
        "dpop_bound_access_tokens",
        default=None,
        help="Issue tokens only with a proof of possession (DPoP).",
    ),
    click.option(
        "--certificate-bound/--not-certificate-bound",
        "tls_client_certificate_bound_access_tokens",
        default=None,
        help="Issue tokens only for a client certificate, and bind them to it (docs/portals/mtls.md).",
    ),
    click.option("--tls-subject-dn", "tls_client_auth_subject_dn", help="tls_client_auth: its subject, by RFC 4514."),
    *(
        click.option(f"--tls-san-{kind}", f"tls_client_auth_san_{kind}", help="The same: its subject alternative name.")
        for kind in ("dns", "uri", "ip", "email")
    ),
    click.option(
        "--one-device/--many-devices", default=None, help="An app: one enrolled device per person; needs --dpop."
    ),
    click.option(
        "--qr-login", type=click.Choice(QR_LOGIN), help="Login by QR code; near: browser and phone in the same network."
    ),
    click.option(
        "--id-token-claims/--no-id-token-claims",
        "id_token_claims",
        default=None,
        help="Claims of scopes profile and email also in the ID token, for libraries that do not ask userinfo.",
    ),
    click.option(
        "--request-object-alg",
        "request_object_signing_alg",
        help="The one algorithm of its request objects: RS256, PS256, ES256 or EdDSA. Default: any of them.",
    ),
    click.option(
        "--require-signed-requests/--no-require-signed-requests",
        "require_signed_request_object",
        default=None,
        help="Take only authorization requests that the client signed (RFC 9101).",
    ),
    click.option(
        "--request-uri",
        "request_uris",
        multiple=True,
        help="https address of its request objects, or of what they stand right under, with a slash; repeatable.",
    ),
    click.option(
        "--response-alg",
        "authorization_signed_response_alg",
        help="Algorithm of signed authorization responses (response_mode jwt): RS256, PS256, ES256 or EdDSA.",
    ),
    click.option(
        "--userinfo-alg",
        "userinfo_signed_response_alg",
        help="Answer userinfo as a JWT, signed with RS256, PS256, ES256 or EdDSA. Default: as JSON.",
    ),
    click.option(
        "--introspection-alg",
        "introspection_signed_response_alg",
        help="Algorithm of introspection responses that it asks for as JWT (RFC 9701): RS256, PS256, ES256 or EdDSA.",
    ),
    *(
        click.option(f"--{what.replace('_', '-')}-encryption-{part}", f"{what}_encrypted_response_{part}", help=values)
        for what in ENCRYPTED
        for part, values in (
            ("alg", f"{', '.join(ALGS)}; needs a key in its jwks."),
            ("enc", f"{', '.join(ENCS)}."),
        )
    ),
    click.option(
        "--require-par/--no-require-par",
        "require_pushed_authorization_requests",
        default=None,
        help="Take only authorization requests that the client pushed (RFC 9126).",
    ),
    click.option(
        "--authorization-details-type",
        "authorization_details_types",
        multiple=True,
        help="Type of authorization details that it may ask for: bhxh_record_access "
        "(docs/portals/authorization-details.md); repeatable.",
    ),
    click.option(
        "--profile",
        type=click.Choice(PROFILES),
        help="fapi2: keys or certificates instead of secrets, bound tokens, strict assertions, pushed requests "
        "(docs/portals/fapi2.md).",
    ),
    click.option("--disabled/--enabled", default=None, help="A disabled client can do nothing."),
)


def described(command: Callable[..., None]) -> Callable[..., None]:
    """Adds the options that describe a client."""
    for option in reversed(METADATA):
        command = option(command)
    return command


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
        output.table(rows, ("client_id", "client_name", "token_endpoint_auth_method", "first_party", "disabled"))


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
