"""A device without a keyboard, and the person who lets it in from a browser (RFC 8628)."""

import re
from dataclasses import dataclass
from typing import Any

from werkzeug.test import TestResponse

from idp.oidc.clients import DEVICE_CODE
from tests.support.app import SECRET, App, Visitor

SCOPE = "openid profile offline_access"


def tv(app: App, client_id: str = "tv-app", secret: str | None = SECRET, **more: Any) -> str:
    """Register a client that may use the device grant and nothing else; returns its id."""
    metadata = {"grant_types": [DEVICE_CODE, "refresh_token"], "redirect_uris": [], "scope": SCOPE} | more
    return app.client(client_id, secret, client_name="Màn hình ở bộ phận một cửa", **metadata)


@dataclass
class Device:
    """One device with the two codes that it was given."""

    visitor: Visitor
    client_id: str
    secret: str | None
    answer: dict[str, Any]

    @property
    def user_code(self) -> str:
        return str(self.answer["user_code"])

    def poll(self, **more: Any) -> TestResponse:
        """Ask the token endpoint once."""
        fields = {"grant_type": DEVICE_CODE, "device_code": self.answer["device_code"]} | more
        return self.visitor.token(self.client_id, self.secret, **fields)

    def error(self) -> str:
        """What a poll is refused with."""
        return str((self.poll().json or {}).get("error"))

    def tokens(self) -> dict[str, Any]:
        answer = self.poll()
        assert answer.status_code == 200, answer.text
        return dict(answer.json or {})


def ask(
    app: App, client_id: str = "tv-app", secret: str | None = SECRET, address: str = "198.51.100.9", **more: Any
) -> TestResponse:
    """The device asks for its codes; a field given as None is left out."""
    given: dict[str, Any] = {"scope": SCOPE} | ({} if secret else {"client_id": client_id}) | more
    fields = {name: value for name, value in given.items() if value is not None}
    auth = {"auth": (client_id, secret)} if secret else {}
    return app.visitor(address).post("/device_authorization", data=fields, **auth)


def device(app: App, client_id: str = "tv-app", secret: str | None = SECRET, **more: Any) -> Device:
    """A device that shows its code."""
    answer = ask(app, client_id, secret, **more)
    assert answer.status_code == 200, answer.text
    return Device(app.visitor("198.51.100.9"), client_id, secret, dict(answer.json or {}))


def question(person: Visitor, user_code: str, **more: Any) -> TestResponse:
    """Type the code, after a login when one is asked for."""
    answer = person.get("/device", query_string={"user_code": user_code})
    if answer.status_code == 303:
        answer = person.log_in(answer, **more)
        answer = person.get(answer.headers["Location"])
    return answer


def decide(
    person: Visitor, page: TestResponse, button: str = "device-allow", *, ticked: bool = True, **more: str
) -> TestResponse:
    """Press a button of the question; the box is ticked when there is one and nothing else is said."""
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', page.text))
    box = {"agree": "1"} if ticked and 'name="agree"' in page.text else {}
    return person.post("/device", data=fields | box | {button: "1"} | more)


def let_in(person: Visitor, user_code: str) -> None:
    """The whole of it."""
    answer = decide(person, question(person, user_code))
    assert answer.headers.get("Location") == "/device/done", answer.text
