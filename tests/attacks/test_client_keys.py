"""Keys at an address of the client: fetched once, again when a new one signs, and at most once a minute."""

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey

from idp.oidc.assertions import ASSERTION_TYPE
from idp.oidc.clients import Client
from idp.outbound import OutboundFailed
from tests.support.app import ISSUER, REDIRECT, App
from tests.support.hostile import Host
from tests.support.request_objects import signed

FIRST, SECOND = (ECKey.generate_key("P-256", {"kid": kid}) for kid in ("first", "second"))


def jwks(*keys: Any) -> bytes:
    return json.dumps({"keys": [key.as_dict(private=False) for key in keys]}).encode()


@pytest.fixture
def host(app: App) -> Iterator[Host]:
    """Where the client `rotating` publishes its keys; registration itself wants https."""
    app.client("rotating", None, token_endpoint_auth_method="private_key_jwt", jwks=json.loads(jwks(FIRST)))
    client = app.provider.oidc.clients.find("rotating")
    assert isinstance(client, Client)
    with Host() as there:
        there.says(jwks(FIRST))
        app.base.clients.put(replace(client, jwks=None, jwks_uri=there.url), app.clock())
        app.provider.oidc.clients.forget()
        yield there


def authenticates(app: App, key: Any) -> bool:
    """Whether an assertion by this key is the client's: a code is then what is missing."""
    now = int(app.clock())
    claims = {"iss": "rotating", "sub": "rotating", "aud": ISSUER, "iat": now, "exp": now + 60}
    text = signed(claims | {"jti": f"{key.kid} {now}"}, key, typ=None, kid=key.kid)
    form = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": text}
    form |= {"grant_type": "authorization_code", "code": "made up", "redirect_uri": REDIRECT}
    error = app.visitor().post("/token", form).json["error"]
    assert error in ("invalid_grant", "invalid_client")
    return bool(error == "invalid_grant")


def test_registration_jwks_uri(app: App, host: Host) -> None:
    """The module of the dynamic plan; keys that are known are not fetched again."""
    assert authenticates(app, FIRST)
    app.clock.move(60)
    assert authenticates(app, FIRST)
    assert host.connections == 1


def test_refresh_token_rp_key_rotation(app: App, host: Host) -> None:
    """The module of the dynamic plan: a new key signs a minute after it was published, and the old one no longer."""
    assert authenticates(app, FIRST)
    host.says(jwks(SECOND))
    app.clock.move(60)

    assert authenticates(app, SECOND)
    assert host.connections == 2
    app.clock.move(1)
    assert not authenticates(app, FIRST)


def test_a_key_that_nobody_published_makes_us_ask_once_a_minute(app: App, host: Host) -> None:
    stranger = ECKey.generate_key("P-256", {"kid": "made-up"})
    assert authenticates(app, FIRST)
    for _ in range(10):
        assert not authenticates(app, stranger)
    assert host.connections == 1
    app.clock.move(60)
    for _ in range(10):
        assert not authenticates(app, stranger)
        app.clock.move(1)
    assert host.connections == 2
    assert authenticates(app, FIRST), "what is known stays"


def test_a_client_whose_host_is_away_keeps_its_keys(app: App, host: Host) -> None:
    assert authenticates(app, FIRST)
    host.says(b"gone", "503 Service Unavailable")
    app.clock.move(301)
    assert authenticates(app, FIRST)


@pytest.mark.parametrize("body", [b'["https://a.test"]', b"[]"])
def test_a_list_is_read_as_a_list_and_nothing_else(app: App, host: Host, body: bytes) -> None:
    """The address of a sector gives a list, that of keys an object."""
    outbound = app.provider.oidc.outbound()
    host.says(body)
    assert outbound.get_json_list(host.url) == json.loads(body)
    with pytest.raises(OutboundFailed):
        outbound.get_json(host.url)
    host.says(jwks(FIRST))
    assert outbound.get_json(host.url)
    with pytest.raises(OutboundFailed):
        outbound.get_json_list(host.url)
