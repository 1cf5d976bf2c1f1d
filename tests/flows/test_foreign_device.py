"""The device grant by a client library that is not ours: it polls at its own pace, with and without a key."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from idp.oidc.clients import DEVICE_CODE
from tests.flows.test_foreign_libraries import FOREIGN, PERSON, TYPED
from tests.support.installation import installed
from tests.support.provider import Provider
from tests.support.servers import program

SCREEN: dict[str, Any] = {
    "client_id": "foreign-screen",
    "client_name": "Màn hình ở bộ phận một cửa",
    "grant_types": [DEVICE_CODE, "refresh_token"],
    "scope": "openid profile offline_access",
    "id_token_signed_response_alg": "RS256",
    "token_endpoint_auth_method": "client_secret_basic",
    "client_secret": "a-secret-of-the-screen-of-256-bits-at-least",
    "first_party": False,
}
BOUND = {name: value for name, value in SCREEN.items() if name != "client_secret"} | {
    "client_id": "foreign-screen-with-key",
    "token_endpoint_auth_method": "none",
    "dpop_bound_access_tokens": True,
}


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    home: Path = tmp_path_factory.mktemp("provider")
    with installed(home, request, people=[PERSON], clients=[SCREEN, BOUND]) as ready, ready.serving():
        yield ready


def by_openid_client(issuer: str, client: dict[str, Any], button: str, *, dpop: bool = False) -> dict[str, Any]:
    asked = {"issuer": issuer, "client": client, "person": TYPED, "button": button, "dpop": dpop}
    done = subprocess.run(
        [program("node"), "device.mjs"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=FOREIGN,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr
    happened: dict[str, Any] = json.loads(done.stdout)
    return happened


@pytest.mark.parametrize(("client", "kind"), [(SCREEN, "bearer"), (BOUND, "dpop")], ids=["bearer", "dpop"])
def test_a_screen_is_let_in(provider: Provider, client: dict[str, Any], kind: str) -> None:
    happened = by_openid_client(provider.issuer, client, "device-allow", dpop=kind == "dpop")

    assert happened["shown"]["verification_uri"] == f"{provider.issuer}/device"
    assert happened["pages"] == ["device-code", "login", "device", "device-done"]
    assert client["client_id"] in happened["claims"]["aud"]
    assert happened["claims"]["iss"] == provider.issuer
    assert happened["token_type"].lower() == kind
    assert happened["userinfo"]["name"] == PERSON["name"]
    assert happened["refreshed"] is True


def test_a_screen_is_not_let_in(provider: Provider) -> None:
    happened = by_openid_client(provider.issuer, SCREEN, "device-deny")

    assert happened["error"] == "access_denied"
    assert "claims" not in happened
