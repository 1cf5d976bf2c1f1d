"""A client as the plans of OpenID Connect have one, and how its answers come: by redirect, or as a posted form."""

import re
from dataclasses import dataclass
from html import unescape
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from tests.support.app import ISSUER, REDIRECT, SECRET, Visitor, answer_of

NOT_LOGGED_IN = ("login_required", "interaction_required", "consent_required", "account_selection_required")


@dataclass
class Portal:
    """A client with one response mode (empty: none is asked for), and the browser of its user."""

    visitor: Visitor
    mode: str = ""
    client_id: str = "portal"
    secret: str | None = SECRET

    def ask(self, **params: Any) -> TestResponse:
        """Send the browser to `/authorize`; a parameter that is given as None is left out."""
        return self.visitor.authorize(self.client_id, **self._mode() | {"code_challenge": None} | params)

    def _mode(self) -> dict[str, Any]:
        plain = {"code_challenge_method": None}
        return plain | ({"response_mode": self.mode} if self.mode else {})

    def authorized(self, **params: Any) -> dict[str, str]:
        """The answer, after a login where one is asked for."""
        answer = self.ask(**params)
        if "/login?" in answer.headers.get("Location", ""):
            answer = self.visitor.log_in(answer)
        return self.read(answer)

    def read(self, answer: TestResponse) -> dict[str, str]:
        """What came back to the client, by its mode and no other way."""
        if self.mode == "form_post":
            assert answer.status_code == 200
            assert "Location" not in answer.headers
            action = re.search(r'<form[^>]* action="([^"]+)"', answer.text)
            assert unescape(action[1] if action else "") == REDIRECT
            back = {k: unescape(v) for k, v in re.findall(r'name="([^"]+)" value="([^"]*)"', answer.text)}
        else:
            assert not urlsplit(answer.headers["Location"]).fragment
            back = answer_of(answer)
        assert back["iss"] == ISSUER
        return back

    def tokens(self, **params: Any) -> dict[str, Any]:
        return self.redeemed(self.authorized(**params)["code"])

    def redeemed(self, code: str, **more: Any) -> dict[str, Any]:
        answer = self.redeem(code, **more)
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})

    def redeem(self, code: str, **more: Any) -> TestResponse:
        return self.visitor.redeem(code, self.client_id, self.secret, **{"code_verifier": None} | more)

    def id_token(self, tokens: dict[str, Any], nonce: str | None = "a nonce") -> dict[str, Any]:
        """The claims of a good ID token."""
        keys = KeySet.import_key_set(self.visitor.get("/jwks").json)
        token, now = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]), self.visitor.app.clock()
        claims = dict(token.claims)
        assert token.header["kid"]
        assert (claims["iss"], claims["aud"], claims.get("nonce")) == (ISSUER, self.client_id, nonce)
        assert claims["exp"] > now >= claims["iat"]
        assert claims["sub"]
        return claims

    def userinfo(self, tokens: dict[str, Any]) -> dict[str, Any]:
        answer = self.visitor.userinfo(tokens["access_token"])
        assert answer.status_code == 200, answer.text
        assert None not in (answer.json or {}).values()
        return dict(answer.json or {})


def is_page(answer: TestResponse) -> bool:
    """Whether it is an error page of ours: the browser goes nowhere."""
    return answer.status_code == 400 and "Location" not in answer.headers and REDIRECT not in answer.text
