"""A phone with the app: it logs in, enrols, scans, confirms; every request is signed with its key."""

import json
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import KeySet
from werkzeug.test import TestResponse

from tests.support.app import App, answer_of
from tests.support.dpop import BoundApp
from tests.support.qr import Waiting, read

APP: dict[str, Any] = {
    "client_name": "Ứng dụng BHXH",
    "token_endpoint_auth_method": "none",
    "application_type": "native",
    "dpop_bound_access_tokens": True,
    "one_device": True,
    "scope": "openid profile offline_access device",
}
SCOPE = "openid profile offline_access device"
NUMBER = "+84901234567"
PASSCODE = "135790"


@dataclass
class Phone(BoundApp):
    """The app on one phone."""

    access_token: str = ""
    refresh_token: str = ""

    def log_in(self, person: str = "0000000001", **more: Any) -> dict[str, Any]:
        """Log in by the browser of the phone; the tokens are kept."""
        request = {"client_id": self.client_id, "scope": SCOPE, "dpop_jkt": self.key.jkt} | more
        answer = self.visitor.authorize(**request)
        if "/login?" in answer.headers.get("Location", ""):
            answer = self.visitor.log_in(answer, person)
        return self.took(answer)

    def took(self, answer: TestResponse) -> dict[str, Any]:
        """Redeem the code of an authorization response; the tokens are kept."""
        tokens = dict(self.redeem(answer_of(answer)["code"]).json or {})
        assert tokens.get("token_type") == "DPoP", tokens
        self.access_token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]
        return tokens

    def renew(self) -> None:
        """Refresh, as an app does when its access token is over."""
        tokens = self.refresh(self.refresh_token).json or {}
        self.access_token, self.refresh_token = tokens["access_token"], tokens["refresh_token"]

    def call(
        self, path: str, body: Any = None, *, method: str = "POST", token: bool = True, **more: Any
    ) -> TestResponse:
        """One call of the API, tried again when a nonce is asked for; the body of a GET is left out."""
        answer = self.call_once(path, body, method=method, token=token, **more)
        if (answer.json or {}).get("code") == "use_dpop_nonce":
            answer = self.call_once(path, body, method=method, token=token, **more)
        return answer

    def call_once(
        self, path: str, body: Any = None, *, method: str = "POST", token: bool = True, **more: Any
    ) -> TestResponse:
        shown = more.pop("access_token", self.access_token) if token else None
        headers = {"Authorization": f"DPoP {shown}"} if token else {}
        headers |= more.pop("headers", {})
        proof = more.pop("proof", None) or self.proof(method, path, access_token=shown, **more)
        if body is not None:
            headers["Content-Type"] = "application/json"
        return self.send(method, path, proof, json.dumps(body) if body is not None else None, headers)

    def enrol(self, name: str = "Galaxy A15", passcode: str = PASSCODE, **more: Any) -> TestResponse:
        """Enrol, with the code from the text message when one is sent."""
        wish = {"name": name, "passcode": passcode} | more
        answer = self.call("/phone/device", wish)
        if answer.status_code == 202:
            answer = self.call("/phone/device", wish | {"code": self.visitor.app.code_sent()})
        return answer

    def state(self) -> dict[str, Any]:
        """What this key is, as anybody with the key may ask."""
        return dict(self.call("/phone/device", method="GET", token=False).json or {})

    def scan(self, page: Waiting) -> TestResponse:
        """Scan what the page shows now."""
        return self.call("/phone/qr/scan", {"picture": read(page.told()["pictures"][0])})

    def confirm(self, ticket: str, number: str, passcode: str = PASSCODE) -> TestResponse:
        return self.call("/phone/qr/confirm", {"ticket": ticket, "number": number, "passcode": passcode})

    def card(self, text: str) -> dict[str, Any]:
        """The card, verified with the published keys as an app does."""
        published: Any = self.visitor.get("/jwks").json
        token = jwt.decode(text, KeySet.import_key_set(published), algorithms=["ES256"])
        assert token.header["typ"] == "qr-card+jwt"
        return dict(token.claims)


def with_app(app: App, person: str = "0000000001") -> None:
    """Register the app, and give the person a number that was proved."""
    app.client("app", secret=None, **APP)
    account = app.base.people.find_by_identifier("bhxh", person)
    assert account
    with app.base.database.transaction.begin() as connection:
        connection.exec_driver_sql(
            f"UPDATE account SET phone = '{NUMBER}', phone_verified_at = {app.clock()} WHERE id = '{account.id}'"
        )


def phone_of(app: App, address: str = "192.0.2.8") -> Phone:
    """A phone in somebody's hand, not logged in yet."""
    return Phone(app.visitor(address))


def enrolled_phone(app: App, person: str = "0000000001", **more: Any) -> Phone:
    """A phone that is the person's device."""
    phone = phone_of(app, **more)
    phone.log_in(person)
    answer = phone.enrol()
    assert answer.status_code == 201, answer.text
    app.clock.move(70)  # until another code may be sent
    return phone


def taken_over(phone: Phone, person: str = "0000000001") -> TestResponse:
    """Log in where another phone is: up to the page that warns."""
    visitor = phone.visitor
    answer = visitor.authorize(client_id=phone.client_id, scope=SCOPE, dpop_jkt=phone.key.jkt)
    if "/login?" in answer.headers.get("Location", ""):
        answer = visitor.log_in(answer, person)
    assert "/login/device" in answer.headers["Location"], answer.headers
    return visitor.get(answer.headers["Location"])
