"""A portal that signs what it asks (RFC 9101); each part of an object may be spoilt."""

import json
import secrets
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from tests.support.app import ISSUER, App, Visitor
from tests.support.pushed import asked

KEY = ECKey.generate_key("P-256", parameters={"use": "sig", "kid": "signer-key"})


def signer(app: App, client_id: str = "signer", **more: Any) -> str:
    """Register a portal with a secret and a key; returns its id."""
    return app.client(client_id, **{"jwks": {"keys": [KEY.as_dict(private=False)]}} | more)


def claims_of(app: App, client_id: str = "signer", **more: Any) -> dict[str, Any]:
    """The claims of a good object; one that is given as None is left out."""
    now = int(app.clock())
    dates = {"nbf": now, "exp": now + 300, "jti": secrets.token_urlsafe(12)}
    claims = {"iss": client_id, "aud": ISSUER, "client_id": client_id, **dates, **asked()} | more
    return {name: value for name, value in claims.items() if value is not None}


def signed(claims: dict[str, Any], key: Any = KEY, **header: Any) -> str:
    """A JWT of these claims; a member of the header that is given as None is left out."""
    whole = {"alg": "ES256", "typ": "oauth-authz-req+jwt"} | header
    head = {name: value for name, value in whole.items() if value is not None}
    return jws.serialize_compact(head, json.dumps(claims).encode(), key, algorithms=[head["alg"]])


def request_object(app: App, client_id: str = "signer", **more: Any) -> str:
    """A good object, but for the claims that are given."""
    return signed(claims_of(app, client_id, **more))


def send(visitor: Visitor, text: str, client_id: str = "signer", **more: str) -> TestResponse:
    """Send the browser to `/authorize` with nothing but client and object."""
    return visitor.get("/authorize", query_string={"client_id": client_id, "request": text} | more)
