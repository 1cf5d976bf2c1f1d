"""Requests that are pushed or signed, and signed answers, by a library that is not ours (openid-client)."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from tests.flows.test_foreign_libraries import FOREIGN, KEY, PERSON, TYPED, registration
from tests.support.details import TYPE, detail
from tests.support.installation import installed
from tests.support.provider import Provider
from tests.support.servers import program

CLIENT = registration("private_key_jwt", "ES256") | {
    "client_id": "foreign-requests",
    "authorization_details_types": [TYPE],
}
HELD = {"require_pushed_authorization_requests": True, "require_signed_request_object": True}
STRICT = CLIENT | HELD | {"client_id": "foreign-strict", "authorization_signed_response_alg": "ES256"}
WAYS = {
    "pushed": (CLIENT, {"pushes": True}),
    "signed": (CLIENT, {"signs": True}),
    "plain, answered signed": (CLIENT, {"jarm": True}),
    "for details": (CLIENT, {"details": [detail(2015, 2020)]}),
    "all of it": (STRICT, {"pushes": True, "signs": True, "jarm": True, "details": [detail(2003, 2004)]}),
}


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    home = tmp_path_factory.mktemp("provider")
    with installed(home, request, people=[PERSON], clients=[CLIENT, STRICT]) as ready, ready.serving():
        yield ready


@pytest.mark.parametrize("way", WAYS)
def test_a_foreign_library_logs_in_with_a_request_that_is(provider: Provider, way: str) -> None:
    """RFC 9126, RFC 9101, JARM and RFC 9396; in a signed request the library makes a list of the details."""
    client, how = WAYS[way]
    told: dict[str, Any] = {"issuer": provider.issuer, "client": client, "person": TYPED} | how
    done = subprocess.run(
        [program("node"), "requests.mjs"],
        input=json.dumps(told | {"private_key": KEY.as_dict(private=True)}),
        capture_output=True,
        text=True,
        cwd=FOREIGN,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    happened = json.loads(done.stdout)

    assert happened["claims"]["iss"] == provider.issuer
    assert happened.get("granted") == how.get("details")
    assert happened["answered"] == (["response"] if "jarm" in how else ["code", "state", "iss"])
