"""What a client must not look like, whoever asks to register it, and how its secret is kept."""

import logging
from typing import Any

import pytest
from sqlalchemy import text

from idp.oidc.registration import BadClient
from tests.support.app import SECRET, App, answer_of

BAD: dict[str, dict[str, Any]] = {
    "plain http": {"redirect_uris": ["http://portal.example.test/cb"]},
    "http to something like the loopback": {"redirect_uris": ["http://localhost.evil.test/cb"]},
    "http with user info before the loopback": {"redirect_uris": ["http://localhost:1@evil.test/cb"]},
    "fragment": {"redirect_uris": ["https://portal.example.test/cb#x"]},
    "bare hash": {"redirect_uris": ["https://portal.example.test/cb#"]},
    "user info": {"redirect_uris": ["https://user@portal.example.test/cb"]},
    "script": {"redirect_uris": ["javascript:alert(1)"]},
    "data": {"redirect_uris": ["data:text/html,x"]},
    "own scheme of a web client": {"redirect_uris": ["com.example.app:/cb"]},
    "scheme without a dot": {"redirect_uris": ["myapp:/cb"], "application_type": "native"},
    "relative": {"redirect_uris": ["/cb"]},
    "policy injection": {"redirect_uris": ["https://portal.example.test;script-src/cb"]},
    "space": {"redirect_uris": ["https://portal.example.test/c b"]},
    "no redirect": {"redirect_uris": []},
    "logout over http": {"post_logout_redirect_uris": ["http://portal.example.test/"]},
    "told over http": {"backchannel_logout_uri": "http://portal.example.test/told"},
    "told with a fragment": {"backchannel_logout_uri": "https://portal.example.test/told#x"},
    "told by another scheme": {"backchannel_logout_uri": "com.example.app:/told", "application_type": "native"},
    "told at an address with user info": {"backchannel_logout_uri": "https://a:b@portal.example.test/told"},
    "unknown scope": {"scope": "openid admin"},
    "password grant": {"grant_types": ["password"]},
    "secret in a jwt": {"token_endpoint_auth_method": "client_secret_jwt"},
    "wildcard": {"redirect_uris": ["https://*.example.test/cb\u200b"]},
    "text for a list": {"redirect_uris": "https://portal.example.test/cb"},
    "number for a text": {"client_name": 7},
    "public without pkce": {"token_endpoint_auth_method": "none", "require_pkce": False},
    "public in its own name": {"token_endpoint_auth_method": "none", "grant_types": ["client_credentials"]},
    "long grace": {"refresh_grace": 61},
    "private key": {"jwks": {"keys": [{"kty": "oct", "k": "AAAA"}]}, "token_endpoint_auth_method": "private_key_jwt"},
    "keys over http": {"jwks_uri": "http://portal.example.test/jwks", "token_endpoint_auth_method": "private_key_jwt"},
}


@pytest.mark.parametrize("name", BAD)
def test_a_dangerous_registration_is_refused(app: App, name: str) -> None:
    """B-25, 4.4 "adds a client with evil redirect, weak auth" """
    with pytest.raises(BadClient):
        app.client("bad", **BAD[name])


@pytest.mark.parametrize(
    "uri", ["http://127.0.0.1/cb", "http://[::1]:7/cb", "com.example.app:/cb", "https://a.test/cb?x=1"]
)
def test_native_clients_have_their_own_addresses(app: App, uri: str) -> None:
    """B-25: loopback and claimed schemes are for native apps."""
    app.client("app", redirect_uris=[uri], application_type="native", secret=None, token_endpoint_auth_method="none")


def test_secrets_are_kept_as_keyed_digests(app: App) -> None:
    """C-04: the table opens nothing, and the same secret of two clients looks different."""
    app.client("other")
    with app.base.database.autocommit.connect() as connection:
        rows = connection.execute(text("SELECT * FROM client")).all()

    assert SECRET not in str(rows)
    assert len({row.secret_digest for row in rows}) == len(rows)


def test_a_public_app_at_an_address_anybody_can_claim_always_asks(app: App) -> None:
    """C-06: no code without a screen, first party or not."""
    app.client(
        "app",
        secret=None,
        token_endpoint_auth_method="none",
        application_type="native",
        redirect_uris=["com.example.app:/cb"],
    )
    visitor = app.visitor()
    visitor.code()

    answer = visitor.authorize("app", redirect_uri="com.example.app:/cb")
    assert "/consent?" in answer.headers["Location"]
    silent = visitor.authorize("app", redirect_uri="com.example.app:/cb", prompt="none")
    assert "error=consent_required" in silent.headers["Location"]


def test_a_client_with_constant_challenges_is_noticed(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """B-09"""
    visitor = app.visitor()
    visitor.code(nonce="one")
    with caplog.at_level(logging.WARNING, "idp"):
        for number in range(2):
            assert "code" in answer_of(visitor.authorize(nonce=f"n{number}"))
        assert [r for r in caplog.records if r.message == "constant value"] == []
        visitor.authorize(nonce="n3")

    assert [r.parameter for r in caplog.records if r.message == "constant value"] == ["code_challenge"]


def test_a_removed_or_disabled_client_is_refused_within_five_seconds(app: App) -> None:
    """Design 4: client metadata is at most five seconds old."""
    visitor = app.visitor()
    token = visitor.tokens()["access_token"]
    app.base.clients.remove("portal", app.clock())
    app.clock.move(5)

    assert visitor.authorize().status_code == 400
    assert visitor.userinfo(token).status_code == 401
