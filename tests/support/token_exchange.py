"""A client that exchanges the tokens of another one (RFC 8693)."""

from typing import Any

from werkzeug.test import TestResponse

from idp.oidc.clients import TOKEN_EXCHANGE
from idp.oidc.token_exchange import TOKEN_TYPE
from tests.support.app import SECRET, App, Visitor

SCOPE = "openid profile email"
API = "https://records.example.test/"
"""A service that an exchanging client may call for people."""


def exchanger(app: App, client_id: str = "gateway", secret: str | None = SECRET, **more: Any) -> str:
    """Register a client that may exchange the tokens of the portal; returns its id."""
    metadata = {"grant_types": [TOKEN_EXCHANGE], "exchange_from": ["portal"], "scope": SCOPE, "redirect_uris": []}
    return app.client(client_id, secret, **metadata | {"resource": [API]} | more)


def fields(token: str, **more: Any) -> dict[str, str]:
    """The form of a request; a field given as None is left out."""
    form = {"grant_type": TOKEN_EXCHANGE, "subject_token": token, "subject_token_type": TOKEN_TYPE} | more
    return {name: value for name, value in form.items() if value is not None}


def exchange(
    visitor: Visitor, token: str, client_id: str = "gateway", secret: str | None = SECRET, **more: Any
) -> TestResponse:
    """Ask once."""
    return visitor.token(client_id, secret, **fields(token, **more))


def exchanged(visitor: Visitor, token: str, client_id: str = "gateway", **more: Any) -> str:
    """The access token that the exchange gives."""
    answer = exchange(visitor, token, client_id, **more)
    assert answer.status_code == 200, answer.text
    return str((answer.json or {})["access_token"])
