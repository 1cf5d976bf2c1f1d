"""Authorization requests that a client hands in by itself (RFC 9126), and what the browser is then sent with."""

from typing import Any

from werkzeug.test import TestResponse

from tests.support.app import REDIRECT, SECRET, Visitor, challenge

PREFIX = "urn:ietf:params:oauth:request_uri:"


def asked(**more: Any) -> dict[str, str]:
    """The parameters of a request without `client_id`; one that is given as None is left out."""
    params = {
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "scope": "openid",
        "state": "a state",
        "nonce": "a nonce",
        "code_challenge": challenge(),
        "code_challenge_method": "S256",
    } | more
    return {name: value for name, value in params.items() if value is not None}


def push(visitor: Visitor, client_id: str = "portal", secret: str | None = SECRET, **more: Any) -> TestResponse:
    """Push a request with `client_secret_basic`, or as a public client without a secret."""
    headers = more.pop("headers", {})
    if secret is None:
        return visitor.post("/par", asked(**more) | {"client_id": client_id}, headers=headers)
    return visitor.post("/par", asked(**more), auth=(client_id, secret), headers=headers)


def pushed(visitor: Visitor, client_id: str = "portal", secret: str | None = SECRET, **more: Any) -> str:
    """The name of a request that was just pushed."""
    answer = push(visitor, client_id, secret, **more)
    assert answer.status_code == 201, answer.text
    return str((answer.json or {})["request_uri"])


def go(visitor: Visitor, request_uri: str, client_id: str = "portal", **more: str) -> TestResponse:
    """Send the browser to `/authorize` with nothing but client and name."""
    return visitor.get("/authorize", query_string={"client_id": client_id, "request_uri": request_uri} | more)
