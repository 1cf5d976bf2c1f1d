"""A portal that registers itself, and the operator who invites it and decides."""

from dataclasses import dataclass, field, replace
from typing import Any

from werkzeug.test import TestResponse

from idp.oidc.client_invitations import new_invitation
from idp.oidc.dynamic_registration import NOT_SENT
from idp.ports import Event
from tests.support.app import ISSUER, REDIRECT, App

CLIENTS = "/clients"
SCOPES = "openid profile"


def invited(app: App, *, uses: int = 1, days: int = 7, scope: str = SCOPES, **agreed: bool) -> str:
    """An initial access token; `agreed` are `approved` and `require_pkce`."""
    token, invitation = new_invitation(scope, uses, days, app.clock(), **agreed)
    app.base.client_registrations.invite(invitation, Event("client.invited", reason="test"))
    return token


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def register(app: App, token: str, address: str = "192.0.2.7", **metadata: Any) -> TestResponse:
    """A request to register; members given as None are left out."""
    described = {"client_name": "Cổng tự đăng ký", "redirect_uris": [REDIRECT]} | metadata
    sent = {name: value for name, value in described.items() if value is not None}
    return app.visitor(address).post(CLIENTS, json=sent, headers=bearer(token))


@dataclass
class Portal:
    """A client that registered itself; `told` is the newest answer that it got about itself."""

    app: App
    told: dict[str, Any]
    secret: str | None = field(init=False)

    def __post_init__(self) -> None:
        self.secret = self.told.get("client_secret")

    @property
    def id(self) -> str:
        return str(self.told["client_id"])

    def manage(self, method: str, token: str | None = None, client_id: str | None = None, **more: Any) -> TestResponse:
        """A request to the address that it was given, or to that of another client."""
        uri = f"{CLIENTS}?client_id={client_id or self.id}"
        token = self.told["registration_access_token"] if token is None else token
        return self.app.visitor()._send(method, uri, headers=bearer(token), **more)

    def change(self, **members: Any) -> TestResponse:
        """Send back what it was told with some members changed, as RFC 7592 wants it; keep what it is told then."""
        sent = {name: value for name, value in (self.told | members).items() if name not in NOT_SENT}
        answer = self.manage("PUT", json={name: value for name, value in sent.items() if value is not None})
        if answer.status_code == 200:
            self.told = dict(answer.json or {})
        return answer

    def decide(self, approval: str = "") -> None:
        """The operator agrees, or does not."""
        store = self.app.base.client_registrations
        registered = store.find(self.id)
        assert registered is not None
        decided = replace(registered.client, approval=approval, disabled=bool(approval))
        happened = Event("client.approved", client_id=self.id, reason="test")
        store.replace(registered, replace(registered, client=decided), happened, self.app.clock())
        self.app.provider.oidc.clients.forget()


def portal(app: App, token: str | None = None, **metadata: Any) -> Portal:
    """A client that has just registered itself."""
    answer = register(app, token or invited(app), **metadata)
    assert answer.status_code == 201, answer.text
    told = dict(answer.json or {})
    assert told["registration_client_uri"] == f"{ISSUER}{CLIENTS}?client_id={told['client_id']}"
    return Portal(app, told)
