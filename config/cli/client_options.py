"""The options by which `idp clients add` and `edit` describe a client: its metadata, by names for a command line."""

from collections.abc import Callable
from pathlib import Path

import click

from idp.oidc.clients import ENCRYPTED, PROFILES, QR_LOGIN
from idp.oidc.response_encryption import ALGS
from keys.encryption import ENCS

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
