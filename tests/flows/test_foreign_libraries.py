"""Two client libraries that are not ours, in two languages, each through the whole life of a login."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.support import relying_party
from tests.support.installation import installed
from tests.support.provider import FIXED_CAPTCHA, Provider
from tests.support.servers import program

FOREIGN = Path(__file__).parents[1] / "foreign"
PASSWORD = "Matkhau#2026"
PERSON = {
    "kind": "individual",
    "name": "Đặng Thị Thử Nghiệm",
    "password": PASSWORD,
    "birth_date": "1990-05-17",
    "identifiers": {"bhxh": "0099000001", "cccd": "000890990001"},
}
TYPED = {"username": "0099000001", "password": PASSWORD, "captcha": FIXED_CAPTCHA}
KEY = ECKey.generate_key("P-256", parameters={"use": "sig", "alg": "ES256", "kid": "portal-key"})


def registration(method: str, algorithm: str) -> dict[str, Any]:
    """The client for one way of authenticating; each also takes another algorithm for its ID tokens."""
    client: dict[str, Any] = {
        "client_id": f"foreign-{method.replace('_', '-')}",
        "client_name": f"Cổng thử {method}",
        "redirect_uris": ["https://portal.example/callback"],
        "post_logout_redirect_uris": ["https://portal.example/goodbye"],
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "scope": "openid profile bhxh offline_access",
        "token_endpoint_auth_method": method,
        "id_token_signed_response_alg": algorithm,
        "subject_type": "pairwise",
        "first_party": False,
    }
    if method == "none":
        return client | {"application_type": "native"}
    if method == "private_key_jwt":
        return client | {"jwks": {"keys": [KEY.as_dict(private=False)]}}
    return client | {"client_secret": f"a-secret-of-the-{method}-client-of-256-bits"}


CLIENTS = {
    "client_secret_basic": registration("client_secret_basic", "RS256"),
    "client_secret_post": registration("client_secret_post", "ES256"),
    "private_key_jwt": registration("private_key_jwt", "RS256"),
}
BOUND = {
    "portal": registration("client_secret_basic", "RS256")
    | {"client_id": "foreign-bound", "dpop_bound_access_tokens": True},
    "app": registration("none", "ES256") | {"client_id": "foreign-app", "dpop_bound_access_tokens": True},
}


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    home = tmp_path_factory.mktemp("provider")
    clients = [*CLIENTS.values(), *BOUND.values()]
    with installed(home, request, people=[PERSON], clients=clients) as ready, ready.serving():
        yield ready


def by_idpyoidc(issuer: str, client: dict[str, Any]) -> dict[str, Any]:
    return relying_party.journey(issuer, client, TYPED, KEY.as_dict(private=True))


def by_openid_client(issuer: str, client: dict[str, Any]) -> dict[str, Any]:
    asked = {"issuer": issuer, "client": client, "person": TYPED, "private_key": KEY.as_dict(private=True)}
    done = subprocess.run(
        [program("node"), "journey.mjs"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=FOREIGN,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    happened: dict[str, Any] = json.loads(done.stdout)
    return happened


@pytest.mark.parametrize("method", CLIENTS)
@pytest.mark.parametrize("drive", [by_idpyoidc, by_openid_client])
def test_a_foreign_library_lives_through_a_whole_login(provider: Provider, drive: Any, method: str) -> None:
    client = CLIENTS[method]
    happened = drive(provider.issuer, client)

    claims, userinfo = happened["claims"], happened["userinfo"]
    assert happened["issuer"] == claims["iss"] == provider.issuer
    assert client["client_id"] in claims["aud"]
    assert abs(claims["auth_time"] - time.time()) < 120
    assert userinfo["sub"] == claims["sub"]
    assert userinfo["name"] == PERSON["name"]
    assert userinfo["bhxh_number"] == "0099000001"
    assert set(happened["scope"].split()) == {"openid", "profile", "bhxh", "offline_access"}
    refreshed = {"sub": claims["sub"], "access_token_changed": True, "refresh_token_changed": True}
    assert happened["refreshed"] == refreshed
    assert happened["introspected"]["active"] is True
    assert happened["introspected"]["client_id"] == client["client_id"]
    assert happened["after_revocation"] == {"active": False, "refresh": "invalid_grant"}
    assert happened["logged_out"].startswith("https://portal.example/goodbye?state=")
    assert happened["asked_silently_after_logout"] == "login_required"


@pytest.mark.parametrize("kind", BOUND)
def test_a_foreign_library_proves_its_key_through_a_whole_login(provider: Provider, kind: str) -> None:
    """G-03 to G-06: code, tokens, userinfo and refresh are bound to a key that openid-client made."""
    happened = by_openid_client(provider.issuer, BOUND[kind])

    assert happened["token_types"] == ["dpop", "dpop"]
    assert happened["userinfo"]["sub"] == happened["refreshed"]["sub"] == happened["claims"]["sub"]
    assert happened["without_key"] == 401
    assert happened["after_revocation"]["refresh"] == "invalid_grant"
    if kind == "portal":
        assert happened["introspected"]["cnf"] == {"jkt": happened["key"]}


def test_pairwise_portals_know_the_same_person_by_different_subjects(provider: Provider) -> None:
    basic, post = (by_idpyoidc(provider.issuer, CLIENTS[m]) for m in ("client_secret_basic", "client_secret_post"))

    # Both portals live on one host, which is one sector (OIDC Core 8.1): then the subject is the same.
    assert basic["claims"]["sub"] == post["claims"]["sub"]
