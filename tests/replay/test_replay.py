"""Every URL, setting, command, table, message and protocol answer is as recorded; see `tests/replay/__init__.py`."""

import json
import re
from difflib import unified_diff
from pathlib import Path
from typing import Any

import pytest

from config.cli.libraries import LIBRARIES
from idp.oidc.clients import ENCRYPTED
from tests.replay.record import opened, record, recorded, sections
from tests.support import databases

CACHED, READABLE = "  Cache-Control: public, max-age=300\n", "  Access-Control-Allow-Origin: *\n"
USUAL = """\
  X-Content-Type-Options: nosniff
  X-Frame-Options: DENY
  Referrer-Policy: no-referrer
  Cross-Origin-Opener-Policy: same-origin
  Cross-Origin-Resource-Policy: same-origin
  Permissions-Policy: camera=(), geolocation=(), microphone=(), payment=(), usb=()
  Content-Security-Policy: default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'
  Strict-Transport-Security: max-age=63072000; includeSubDomains
"""
THEMSELVES = "clients register themselves"
CHANGES: tuple[tuple[str, str, str, str], ...] = (
    (
        "audit events",
        "a hash of another system that a login replaced is on record",
        "password.recovered\n",
        "password.recovered\npassword.renewed\n",
    ),
    (
        "commands",
        "gunicorn alone serves; the option is hidden, and is accepted for one more release",
        "  --server choice ['gunicorn', 'granian']  = gunicorn\n",
        "",
    ),
    (
        "commands",
        "a library's configuration is printed",
        "  --client-id text   = None\n  --redirect-uri text  multiple = None\n",
        f"  --client-id text   = None\n  --for choice {list(LIBRARIES)}  = None\n"
        "  --redirect-uri text  multiple = None\n",
    ),
    (
        "commands",
        "pages of other origins may be clients",
        "  --post-logout-redirect-uri text  multiple = None\n",
        "  --post-logout-redirect-uri text  multiple = None\n  --web-origin text  multiple = None\n",
    ),
    (
        "settings",
        "refresh tokens of pages without a key live shorter",
        "oidc.refresh_idle:",
        "oidc.refresh_browser: int Ge(ge=60) Le(le=604800) = 86400\noidc.refresh_idle:",
    ),
    (
        "settings",
        "an upstream may answer in a form",
        "upstreams[].scope: str ",
        "upstreams[].response_mode: Literal['query', 'form_post']  = 'query'\nupstreams[].scope: str ",
    ),
    (
        "routes",
        "an upstream may answer in a form",
        "/via/<upstream_id>/callback GET\n",
        "/via/<upstream_id>/callback GET POST\n",
    ),
    (
        "routes",
        "an upstream may end sessions in a frame, and begin logins",
        "/via/<upstream_id>/logged-out GET\n",
        "/via/<upstream_id>/front-channel-logout GET\n/via/<upstream_id>/initiate GET POST\n"
        "/via/<upstream_id>/logged-out GET\n",
    ),
    (
        "settings",
        "requests may be pushed",
        "oidc.refresh_absolute:",
        "oidc.pushed_request_life: int Ge(ge=5) Le(le=600) = 60\noidc.refresh_absolute:",
    ),
    (
        "settings",
        "requests may have to be pushed",
        "outbound.ca_file:",
        "oidc.require_pushed_authorization_requests: bool  = False\noutbound.ca_file:",
    ),
    ("routes", "requests may be pushed", "/phone/device GET POST", "/par POST\n/phone/device GET POST"),
    (
        "discovery",
        "requests may be pushed",
        '"introspection_endpoint":',
        '"pushed_authorization_request_endpoint":"https://id.example.test/par","introspection_endpoint":',
    ),
    (
        "discovery",
        "requests may have to be pushed",
        '"request_parameter_supported":',
        '"require_pushed_authorization_requests":false,"request_parameter_supported":',
    ),
    (
        "discovery",
        "requests may be signed",
        '"request_parameter_supported":false,"request_uri_parameter_supported":false,',
        '"request_parameter_supported":true,"request_uri_parameter_supported":true,'
        '"require_request_uri_registration":true,"require_signed_request_object":false,'
        '"request_object_signing_alg_values_supported":["RS256","PS256","ES256","EdDSA"],',
    ),
    (
        "discovery",
        "responses may be signed",
        '"response_modes_supported":["query","fragment","form_post"]',
        '"response_modes_supported":["query","fragment","form_post","jwt","query.jwt","fragment.jwt","form_post.jwt"]',
    ),
    (
        "discovery",
        "what is said of each kind of answer stands together",
        '"id_token_signing_alg_values_supported":["ES256","RS256"],',
        "",
    ),
    (
        "discovery",
        "each kind of answer may be signed and encrypted",
        '"code_challenge_methods_supported":',
        "".join(f'"{kind}_signing_alg_values_supported":["ES256","RS256"],' for kind in ENCRYPTED)
        + "".join(
            f'"{kind}_encryption_alg_values_supported":["RSA-OAEP-256","ECDH-ES","ECDH-ES+A256KW"],'
            for kind in ENCRYPTED
        )
        + "".join(
            f'"{kind}_encryption_enc_values_supported":["A128CBC-HS256","A128GCM","A256GCM"],' for kind in ENCRYPTED
        )
        + '"code_challenge_methods_supported":',
    ),
    (
        "authorize_errors",
        "requests may be signed, with keys",
        "Request+objects+are+not+supported.",
        "Request+objects+need+keys+of+the+client+(jwks+or+jwks_uri).",
    ),
    (
        "authorize_errors",
        "requests may be at registered addresses",
        "Request+URIs+are+not+supported.",
        "Request+URIs+are+not+registered+for+this+client.",
    ),
    (
        "token_errors",
        "a missing verifier is a wrong one (FAPI 2.0)",
        """{"error":"invalid_request","error_description":"Missing 'code_verifier'"}""",
        """{"error":"invalid_grant","error_description":"Missing 'code_verifier'"}""",
    ),
    (
        "commands",
        "the database tells its state, and an upgrade what it would do",
        "idp db upgrade\n",
        "idp db status\n  --json boolean  is_flag = None\nidp db upgrade\n  --check boolean  is_flag = None\n",
    ),
    (
        "commands",
        "requests may be encrypted to us",
        "--alg choice ['RS256', 'PS256', 'ES256', 'EdDSA']",
        "--alg choice ['RS256', 'PS256', 'ES256', 'EdDSA', 'ECDH-ES']",
    ),
    (
        "settings",
        "requests may be encrypted to us",
        "keys.algorithms: tuple[Literal['RS256', 'PS256', 'ES256', 'EdDSA'], ...]",
        "keys.algorithms: tuple[Literal['RS256', 'PS256', 'ES256', 'EdDSA', 'ECDH-ES'], ...]",
    ),
    ("discovery", "the sets of headers from here on have another number", "(headers 4", "(headers 5"),
    (
        "discovery",
        "metadata and keys are read by pages of any origin, the keys of the trail are not",
        "> GET /jwks/audit\n< 200 OK (headers 2)\n",
        f"> GET /jwks/audit\n< 200 OK (headers 4:)\n  Content-Type: application/json\n{CACHED}{USUAL}",
    ),
    (
        "discovery",
        "metadata and keys are read by pages of any origin",
        f':)\n  Content-Type: application/json\n{CACHED}{USUAL}  ETag: "<opaque of 32 1>"',
        f':)\n  Content-Type: application/json\n{CACHED}{READABLE}{USUAL}  ETag: "<opaque of 32 1>"',
    ),
    (
        "discovery",
        "metadata and keys are read by pages of any origin, unchanged ones too",
        f"(headers 3:)\n{CACHED}",
        f"(headers 3:)\n{CACHED}{READABLE}",
    ),
    (
        "audit events",
        "an operator may end an old secret",
        "client.secret_rotated\n",
        "client.secret_ended\nclient.secret_rotated\n",
    ),
    (
        "commands",
        "an old secret works on for a while, and may be ended",
        "idp clients rotate-secret\n  client_id text  required = None\n",
        "idp clients rotate-secret\n  client_id text  required = None\n"
        "  --overlap duration   = None\n  --now boolean  is_flag = None\n",
    ),
    (
        "commands",
        "an old secret works on for a while, and may be ended",
        "idp clients list\n",
        "idp clients end-secret\n  client_id text  required = None\n  --reason text  required = None\n"
        "idp clients list\n",
    ),
    (
        "commands",
        "secrets that are made for a file of clients go into a file",
        "idp clients load\n  file file  required = None\n",
        "idp clients load\n  file file  required = None\n  --secrets-out file   = None\n",
    ),
    (
        "commands",
        "a client is looked at as its portal would",
        "idp clients edit\n",
        "idp clients check\n  client_id text  required = None\n  --json boolean  is_flag = None\nidp clients edit\n",
    ),
    (
        "commands",
        "ID tokens may carry profile and email",
        "  --qr-login choice ['off', 'on', 'near']  = None\n",
        "  --qr-login choice ['off', 'on', 'near']  = None\n"
        "  --id-token-claims/--no-id-token-claims boolean  is_flag = None\n",
    ),
    (
        "logout",
        "without a client the person is asked, and stays; with one the address is refused as before",
        "/end_session?post_logout_redirect_uri=https://evil.test/",
        "/end_session?client_id=told&post_logout_redirect_uri=https://evil.test/",
    ),
    (
        "tables",
        "secrets have dates, and one before them",
        "  metadata TEXT not null default None\n  secret_digest VARCHAR(43) default None\n  updated_at",
        "  metadata TEXT not null default None\n  old_secret_digest VARCHAR(43) default None\n"
        "  old_secret_expires_at DOUBLE default None\n  old_secret_made_at DOUBLE default None\n"
        "  old_secret_used_at DOUBLE default None\n  secret_digest VARCHAR(43) default None\n"
        "  secret_made_at DOUBLE default None\n  secret_used_at DOUBLE default None\n  updated_at",
    ),
    (
        "authorize_errors",
        "the error names the scope",
        "The+scope+holds+a+value+that+is+not+registered+for+this+client.",
        "Scope+'reports.read'+is+not+registered+for+people+of+this+client.",
    ),
    (
        "device_grant",
        "the error names the scope",
        "The scope holds a value that is not registered for this client.",
        "Scope 'bhxh' is not registered for people of this client.",
    ),
    (
        "token_errors",
        "a secret may come in the form, where its operator fixed no method",
        "client_secret=a secret of the portal that is long enough grant_type=refresh_token\n"
        '< 401 Unauthorized (headers 4)\n  WWW-Authenticate: Basic realm="idp"\n'
        '{"error":"invalid_client","error_description":"Client authentication failed."}\n',
        "client_secret=a secret of the portal that is long enough grant_type=refresh_token\n"
        "< 400 Bad Request (headers 4)\n"
        '{"error":"invalid_request","error_description":"Missing \'refresh_token\' in request."}\n',
    ),
    (
        "commands",
        "clients authenticate by certificate, and tokens are bound to one",
        "  --dpop/--no-dpop boolean  is_flag = None\n",
        "  --dpop/--no-dpop boolean  is_flag = None\n"
        "  --certificate-bound/--not-certificate-bound boolean  is_flag = None\n  --tls-subject-dn text   = None\n"
        "  --tls-san-dns text   = None\n  --tls-san-uri text   = None\n"
        "  --tls-san-ip text   = None\n  --tls-san-email text   = None\n",
    ),
    (
        "commands",
        "a client may be of the FAPI 2.0 Security Profile",
        "  --disabled/--enabled boolean  is_flag = None\n",
        "  --profile choice ['', 'fapi2']  = None\n  --disabled/--enabled boolean  is_flag = None\n",
    ),
    (
        "settings",
        "a listed proxy hands on client certificates",
        "web.drain_for:",
        "web.client_certificate_header: str pattern='^[A-Za-z0-9-]{0,64}$' = ''\n"
        "web.client_certificate_verify_header: str pattern='^[A-Za-z0-9-]{0,64}$' = ''\nweb.drain_for:",
    ),
    (
        "settings",
        "mutual TLS may have a host of its own",
        "web.operations_bind:",
        "web.mtls_url: str  = ''\nweb.operations_bind:",
    ),
    (
        "commands",
        "a client may push and sign its requests",
        "  --id-token-claims/--no-id-token-claims boolean  is_flag = None\n",
        "  --id-token-claims/--no-id-token-claims boolean  is_flag = None\n"
        "  --request-object-alg text   = None\n"
        "  --require-signed-requests/--no-require-signed-requests boolean  is_flag = None\n"
        "  --request-uri text  multiple = None\n"
        "  --response-alg text   = None\n"
        "  --userinfo-alg text   = None\n"
        "  --introspection-alg text   = None\n"
        + "".join(
            f"  --{kind.replace('_', '-')}-encryption-{part} text   = None\n"
            for kind in ENCRYPTED
            for part in ("alg", "enc")
        )
        + "  --require-par/--no-require-par boolean  is_flag = None\n",
    ),
    (
        "commands",
        "a client may exchange tokens of others",
        "  --serves text  multiple = None\n",
        "  --serves text  multiple = None\n  --exchange-from text  multiple = None\n",
    ),
    (
        "audit events",
        "a client may exchange tokens of others",
        "session.ended\n",
        "session.ended\ntoken.exchanged\n",
    ),
    (
        "discovery",
        "a client may exchange tokens of others",
        '"urn:ietf:params:oauth:grant-type:device_code"]',
        '"urn:ietf:params:oauth:grant-type:device_code","urn:ietf:params:oauth:grant-type:token-exchange"]',
    ),
    (
        "token_errors",
        "a client may exchange tokens of others, if it is registered for it",
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\n< 400 Bad Request (headers 4)\n"
        '{"error":"unsupported_grant_type"}',
        "grant_type=urn:ietf:params:oauth:grant-type:token-exchange\n< 400 Bad Request (headers 4)\n"
        '{"error":"unauthorized_client","error_description":"The client is not registered for token exchange."}',
    ),
    (
        "token_errors",
        "an unknown grant hears which there are",
        '{"error":"unsupported_grant_type"}',
        '{"error":"unsupported_grant_type","error_description":"The grant_type may be authorization_code, '
        "refresh_token, client_credentials, urn:ietf:params:oauth:grant-type:device_code, "
        'urn:ietf:params:oauth:grant-type:token-exchange."}',
    ),
    (
        "commands",
        "a client may ask for authorization details",
        "  --profile choice ['', 'fapi2']  = None\n",
        "  --authorization-details-type text  multiple = None\n  --profile choice ['', 'fapi2']  = None\n",
    ),
    (
        "discovery",
        "a client may ask for authorization details",
        '"claims_parameter_supported":true,',
        '"claims_parameter_supported":true,"authorization_details_types_supported":["bhxh_record_access"],',
    ),
    (
        "tables",
        "people agree to authorization details",
        "consent (key account_id, client_id)\n  account_id VARCHAR(32) not null default None\n",
        "consent (key account_id, client_id)\n  account_id VARCHAR(32) not null default None\n"
        "  authorization_details TEXT not null default '[]'\n",
    ),
    (
        "audit events",
        THEMSELVES,
        "client.added\nclient.changed\n",
        "client.added\nclient.approved\nclient.changed\nclient.invited\nclient.refused\nclient.registered\n",
    ),
    ("audit events", THEMSELVES, "code.refused\n", "client.uninvited\ncode.refused\n"),
    (
        "commands",
        THEMSELVES,
        "idp clients check\n",
        "idp clients approve\n  client_id text  required = None\n  version text  required = None\n"
        "  --reason text  required = None\nidp clients check\n",
    ),
    (
        "commands",
        THEMSELVES,
        "idp clients list\n",
        "idp clients invitations\n  --json boolean  is_flag = None\nidp clients invite\n"
        "  --uses integer range   = 1\n  --days integer range   = 7\n  --scope text   = openid\n"
        "  --approved boolean  is_flag = None\n  --require-pkce/--no-require-pkce boolean  is_flag = True\n"
        "  --reason text  required = None\n  --json boolean  is_flag = None\n"
        "idp clients list\n",
    ),
    (
        "commands",
        THEMSELVES,
        "idp clients remove\n",
        "idp clients refuse\n  client_id text  required = None\n  --reason text  required = None\nidp clients remove\n",
    ),
    (
        "commands",
        THEMSELVES,
        "idp config check\n",
        "idp clients uninvite\n  invitation text  required = None\n  --reason text  required = None\n"
        "idp config check\n",
    ),
    (
        "discovery",
        THEMSELVES,
        '/device_authorization","scopes',
        '/device_authorization","registration_endpoint":"https://id.example.test/clients","scopes',
    ),
    ("errors", THEMSELVES, "unknown_client 400\n", "unapproved_client 400\nunknown_client 400\n"),
    ("routes", THEMSELVES, "/consent GET POST\n", "/clients GET POST\n/consent GET POST\n"),
    (
        "settings",
        "somebody vouches for clients",
        "outbound.ca_file:",
        "oidc.software_statement_issuers: dict[str, pathlib.Path]  = {}\noutbound.ca_file:",
    ),
    (
        "tables",
        THEMSELVES,
        "  old_secret_used_at DOUBLE default None\n",
        "  old_secret_used_at DOUBLE default None\n  registration_digest VARCHAR(43) default None\n",
    ),
    (
        "tables",
        THEMSELVES,
        "  secret_used_at DOUBLE default None\n  updated_at DOUBLE not null default None\nconsent",
        "  secret_used_at DOUBLE default None\n  software_statement TEXT default None\n"
        "  updated_at DOUBLE not null default None\nclient_invitation (key id)\n"
        "  approved BOOLEAN not null default None\n  created_at DOUBLE not null default None\n"
        "  digest VARCHAR(43) not null default None\n  expires_at DOUBLE not null default None\n"
        "  id VARCHAR(16) not null default None\n  require_pkce BOOLEAN not null default None\n"
        "  scope TEXT not null default None\n"
        "  uses_left INTEGER not null default None\n  index client_invitation_by_expiry ['expires_at']\n"
        "  unique None ['digest']\nconsent",
    ),
    (
        "tables",
        THEMSELVES,
        "client (key client_id)\n  client_id VARCHAR(128) not null default None\n"
        "  created_at DOUBLE not null default None\n",
        "client (key client_id)\n  client_id VARCHAR(128) not null default None\n"
        "  created_at DOUBLE not null default None\n  invitation VARCHAR(16) default None\n",
    ),
)
"""What is meant to be different since the record: section, reason, what stands there, what stands in its place."""


LOGIN_FACTS = re.compile(r'("scope":"(?:(?!bhxh)[^"])*".*\n.*"typ":"JWT".*)"ial":[0-9],"idp":"[a-z]+",')
"""What ID tokens no longer say, after an access token without scope `bhxh`."""


def expected(name: str) -> list[str]:
    """The lines of a section, with the changes that were meant."""
    text = LOGIN_FACTS.sub(r"\1", recorded()[name])
    for section, reason, before, after in CHANGES:
        if section == name:
            assert before in text, reason
            text = text.replace(before, after)
    return without_reasons(text)


def without_reasons(text: str) -> list[str]:
    """The lines, with numbers as status alone: the phrase behind it means nothing (RFC 9112, 4)."""
    return re.sub(r"^< (\d{3})(?: (?!\(headers)[A-Za-z-]+)+", r"< \1", text, flags=re.MULTILINE).splitlines()


@pytest.mark.parametrize("name", [name for name in sections() if name != "documents"])
def test_it_is_as_recorded(sqlite_template: Path, tmp_path: Path, name: str) -> None:
    with opened(name, tmp_path, databases.sqlite_copy(sqlite_template, tmp_path)) as app:
        difference = [
            *unified_diff(expected(name), without_reasons(record(name, app)), "before", "now", n=1, lineterm="")
        ]
    assert not difference, "\n".join(difference)


def test_the_documents_of_the_apis_say_the_same(sqlite_template: Path, tmp_path: Path) -> None:
    """They are written by pydantic now: schemas that were written in place have names, and members another order."""
    with opened("documents", tmp_path, databases.sqlite_copy(sqlite_template, tmp_path)) as app:
        before, now = (
            meanings("\n".join(lines)) for lines in (expected("documents"), record("documents", app).splitlines())
        )

    assert len(before) == 2
    assert now == before


def meanings(section: str) -> list[Any]:
    """Each OpenAPI document of a recorded section with its references resolved, without texts for people."""
    texts = re.findall(r"^\{\"openapi.*?(?=^>|\Z)", section, re.MULTILINE | re.DOTALL)
    return [_resolved(found := json.loads(text.replace("<sentence>", '"<sentence>"')), found) for text in texts]


def _resolved(node: Any, document: Any) -> Any:
    match node:
        case {"$ref": str(place)}:
            target = document
            for step in place.removeprefix("#/").split("/"):
                target = target[step]
            return _resolved(target, document)
        case dict():
            left = {k: v for k, v in node.items() if not (k in ("description", "title") and isinstance(v, str))}
            left.pop("schemas", None)
            return {k: _resolved(v, document) for k, v in left.items() if not (k == "required" and v == [])}
        case list():
            return [_resolved(each, document) for each in node]
        case _:
            return node


def test_the_record_is_of_these_sections() -> None:
    assert list(recorded()) == sections()
