"""RP-initiated and back-channel logout certification."""

from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from joserfc.jws import JWSRegistry
from joserfc.util import urlsafe_b64encode
from werkzeug.test import TestResponse

from tests.conformance.openid import NOT_LOGGED_IN, Portal
from tests.support.app import ISSUER, App
from tests.support.portals import Receiver, receiving

RETURN = "https://portal.example.test/"
STATE = "s" * 128


@pytest.fixture
def portal(app: App) -> Portal:
    app.client(require_pkce=False)
    return Portal(app.visitor())


def log_out(portal: Portal, **params: Any) -> TestResponse:
    """Log in, and open the end-session endpoint; a parameter that is given as None is left out."""
    hint = portal.tokens()["id_token"]
    whole = {"id_token_hint": hint, "post_logout_redirect_uri": RETURN, "state": STATE} | params
    return portal.visitor.get("/end_session", query_string={n: v for n, v in whole.items() if v is not None})


def is_logged_out(portal: Portal) -> bool:
    return portal.read(portal.ask(prompt="none")).get("error") in NOT_LOGGED_IN


def stays_here(answer: TestResponse) -> bool:
    """A page of ours, or a redirect to one."""
    return not answer.headers.get("Location", "").startswith(RETURN)


def test_rp_initiated_logout(portal: Portal) -> None:
    assert log_out(portal).headers["Location"] == f"{RETURN}?state={STATE}"
    assert is_logged_out(portal)


def test_no_state(portal: Portal) -> None:
    assert log_out(portal, state=None).headers["Location"] == RETURN
    assert is_logged_out(portal)


@pytest.mark.parametrize("uri", ["https://portal.example.test/other", f"{RETURN}?foo=bar"])
def test_bad_post_logout_redirect_uri(portal: Portal, uri: str) -> None:
    """And query-added-to-post-logout-redirect-uri."""
    answer = log_out(portal, post_logout_redirect_uri=uri)
    assert (answer.status_code, "Location" in answer.headers) == (400, False)


def unsigned(hint: str) -> str:
    return f"eyJhbGciOiJub25lIn0.{hint.split('.')[1]}."


def by_another_key(hint: str) -> str:
    signing_input = hint.rpartition(".")[0].encode()
    signature = JWSRegistry.algorithms["RS256"].sign(signing_input, RSAKey.generate_key(2048))
    return (signing_input + b"." + urlsafe_b64encode(signature)).decode()


@pytest.mark.parametrize("changed", [unsigned, by_another_key])
def test_modified_id_token_hint(portal: Portal, changed: Any) -> None:
    """And bad-id-token-hint."""
    answer = log_out(portal, id_token_hint=changed(portal.tokens()["id_token"]))
    assert (answer.status_code, "Location" in answer.headers) == (400, False)
    assert not is_logged_out(portal)


@pytest.mark.parametrize(
    "params",
    [
        {"id_token_hint": None},
        {"id_token_hint": None, "post_logout_redirect_uri": None, "state": None},
        {"post_logout_redirect_uri": None},
        {"id_token_hint": None, "post_logout_redirect_uri": None},
    ],
    ids=["no-id-token-hint", "no-params", "no-post-logout-redirect-uri", "only-state"],
)
def test_no_params(portal: Portal, params: dict[str, None]) -> None:
    """And no-id-token-hint, no-post-logout-redirect-uri, only-state: a page of ours, and without a hint a question."""
    assert stays_here(log_out(portal, **params))


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


def test_backchannel_rp_initiated_logout(app: App, receiver: Receiver) -> None:
    app.client(require_pkce=False, backchannel_logout_uri=receiver.url)
    portal = Portal(app.visitor())
    tokens = portal.tokens()
    told = portal.id_token(tokens)

    answer = log_out(portal)
    app.provider.oidc.deliveries.once()

    keys = KeySet.import_key_set(portal.visitor.get("/jwks").json)
    claims = jwt.decode(receiver.tokens[0], keys, algorithms=["RS256"]).claims
    assert (claims["iss"], claims["aud"], claims["sub"], claims["sid"]) == (ISSUER, "portal", told["sub"], told["sid"])
    assert claims["events"] == {"http://schemas.openid.net/event/backchannel-logout": {}}
    assert ("nonce" in claims, bool(claims["jti"]), claims["iat"] <= app.clock()) == (False, True, True)
    assert answer.headers["Location"] == f"{RETURN}?state={STATE}"
    assert is_logged_out(portal)
