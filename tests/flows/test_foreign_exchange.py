"""Token exchange by a client library that is not ours, with and without a key."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from idp.oidc.token_exchange import TOKEN_TYPE
from tests.flows.test_foreign_libraries import FOREIGN
from tests.support.installation import installed
from tests.support.live import CHEAP_HASH, GATEWAY, PORTAL, Visit, people, read_json
from tests.support.provider import Provider
from tests.support.servers import program


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    given: dict[str, Any] = {"settings": CHEAP_HASH, "people": people(1), "clients": [PORTAL, GATEWAY]}
    with installed(tmp_path_factory.mktemp("exchange"), request, **given) as ready, ready.serving():
        yield ready


@pytest.mark.parametrize("kind", ["bearer", "dpop"])
def test_a_service_exchanges_the_token_of_a_portal(provider: Provider, kind: str) -> None:
    visit = Visit(provider.issuer)
    token = read_json(visit.redeem(visit.code(scope="openid profile bhxh")))["access_token"]
    asked = {"issuer": provider.issuer, "client": GATEWAY, "token": token, "dpop": kind == "dpop"}
    done = subprocess.run(
        [program("node"), "exchange.mjs"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        cwd=FOREIGN,
        timeout=90,
    )
    assert done.returncode == 0, done.stderr

    happened = json.loads(done.stdout)
    assert (happened["token_type"].lower(), happened["scope"]) == (kind, "openid profile")
    assert (happened["issued_token_type"], happened["refused"]) == (TOKEN_TYPE, "invalid_scope")
    assert happened["userinfo"]["name"] == people(1)[0]["name"]
    told = happened["introspected"]
    assert (told["active"], told["client_id"], told["act"]) == (True, "gateway", {"sub": "gateway"})
