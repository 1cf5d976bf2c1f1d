"""The one gate: for every path that mints or confirms anything, each reason to refuse is seen to refuse (0.5)."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import update
from werkzeug.test import TestResponse

from idp.oidc.clients import DEVICE_CODE, TOKEN_EXCHANGE
from idp.oidc.grants import ClientCredentialsGrant
from idp.store import tables
from idp.store.counters import bump_epoch
from tests.support.app import REDIRECT, App, Visitor, answer_of, attempt_of
from tests.support.device_grant import device, let_in
from tests.support.pushed import go, push
from tests.support.qr import enrolled, logins, shown
from tests.support.token_exchange import exchange, exchanged, exchanger


class Situation:
    """A person who is logged in at a portal that needs consent, with everything a portal can hold."""

    def __init__(self, app: App, *, by_picture: bool = False) -> None:
        grants = ["authorization_code", "refresh_token", DEVICE_CODE]
        app.client("shop", first_party=False, grant_types=grants)
        self.app = app
        self.visitor: Visitor = app.visitor()
        self.by_picture = by_picture
        self.tokens = self._consented(scope="openid offline_access")
        self.code = self.visitor.code(client_id="shop")
        exchanger(app, exchange_from=["shop"])
        self.exchanged = exchanged(self.visitor, self.tokens["access_token"])
        self.device = device(app, "shop", scope="openid")
        let_in(self.visitor, self.device.user_code)

    def _consented(self, **more: Any) -> dict[str, Any]:
        begun = self.visitor.authorize("shop", **more)
        asked = self._by_picture(attempt_of(begun)) if self.by_picture else self.visitor.log_in(begun)
        form = {"attempt": attempt_of(asked), "agree": "1", "consent-allow": ""}
        agreed = self.visitor.post("/consent", data=form)
        code = answer_of(self.visitor.get(agreed.headers["Location"]))["code"]
        return dict(self.visitor.redeem(code, "shop").json or {})

    def _by_picture(self, attempt: str) -> TestResponse:
        me = (enrolled(self.app, self.account_id), self.account_id)
        page = shown(self.visitor, attempt)
        logins(self.app).confirm(page.scan(*me), *me, page.number)
        page.told()
        return self.visitor.get("/authorize", query_string={"attempt": attempt})

    @property
    def account_id(self) -> str:
        return self.app.base.people.find_by_identifier("bhxh", "0000000001").id  # type: ignore[union-attr]


def disable_account(s: Situation) -> None:
    s.app.base.people.set_status(s.account_id, "disabled", s.app.clock())


def end_sessions(s: Situation) -> None:
    s.app.provider.login.sessions.end_all(s.account_id)


def disable_client(s: Situation) -> None:
    client = s.app.provider.oidc.clients.find("shop")
    assert client
    s.app.base.clients.put(replace(client, disabled=True), s.app.clock())
    s.app.clock.move(5)


def demand_more(s: Situation) -> None:
    client = s.app.provider.oidc.clients.find("shop")
    assert client
    s.app.base.clients.put(replace(client, minimum_acr=2), s.app.clock())
    s.app.clock.move(5)


def withdraw_consent(s: Situation) -> None:
    s.app.provider.stores.consents.withdraw(s.account_id, "shop", s.app.clock())


def bump(s: Situation) -> None:
    s.app.clock.move(1)
    bump_epoch(s.app.base.database, s.app.clock())


def forbid_pictures(s: Situation) -> None:
    """F-3"""
    client = s.app.provider.oidc.clients.find("shop")
    assert client
    s.app.base.clients.put(replace(client, qr_login="off"), s.app.clock())
    s.app.clock.move(5)


REASONS: list[Callable[[Situation], None]] = [
    disable_account,
    end_sessions,
    disable_client,
    demand_more,
    withdraw_consent,
    bump,
    forbid_pictures,
]


def authorize(s: Situation) -> bool:
    location = s.visitor.authorize("shop", prompt="none").headers.get("Location", "")
    return location.startswith(REDIRECT) and "code=" in location


def pushed_request(s: Situation) -> bool:
    answer = push(s.visitor, "shop", prompt="none")
    if answer.status_code != 201:
        return False
    location = go(s.visitor, answer.json["request_uri"], "shop").headers.get("Location", "")
    return location.startswith(REDIRECT) and "code=" in location


def code(s: Situation) -> bool:
    return s.visitor.redeem(s.code, "shop").status_code == 200


def device_code(s: Situation) -> bool:
    return s.device.poll().status_code == 200


def refresh(s: Situation) -> bool:
    return s.visitor.refresh(s.tokens["refresh_token"], "shop").status_code == 200


def userinfo(s: Situation) -> bool:
    return s.visitor.userinfo(s.tokens["access_token"]).status_code == 200


def introspect_access(s: Situation) -> bool:
    return s.visitor.introspect(s.tokens["access_token"], "shop").get("active") is True


def introspect_refresh(s: Situation) -> bool:
    return s.visitor.introspect(s.tokens["refresh_token"], "shop").get("active") is True


def token_exchange(s: Situation) -> bool:
    return exchange(s.visitor, s.tokens["access_token"]).status_code == 200


def userinfo_for_who_exchanged(s: Situation) -> bool:
    return s.visitor.userinfo(s.exchanged).status_code == 200


def introspect_exchanged(s: Situation) -> bool:
    return s.visitor.introspect(s.exchanged, "gateway").get("active") is True


def resource(s: Situation) -> bool:
    header = {"Authorization": f"Bearer {s.tokens['access_token']}"}
    return s.visitor.get("/testing/resource", headers=header).status_code == 200


PATHS: list[Callable[[Situation], bool]] = [
    authorize,
    pushed_request,
    code,
    device_code,
    refresh,
    userinfo,
    introspect_access,
    introspect_refresh,
    token_exchange,
    userinfo_for_who_exchanged,
    introspect_exchanged,
    resource,
]


@pytest.mark.parametrize("by_picture", [False, True], ids=["password", "picture"])
@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.__name__)
def test_every_path_is_open_while_nothing_stands_against_it(
    app: App, path: Callable[[Situation], bool], by_picture: bool
) -> None:
    assert path(Situation(app, by_picture=by_picture))


@pytest.mark.parametrize("reason", REASONS, ids=lambda r: r.__name__)
@pytest.mark.parametrize("path", PATHS, ids=lambda p: p.__name__)
def test_no_path_misses_the_gate(
    app: App, path: Callable[[Situation], bool], reason: Callable[[Situation], None]
) -> None:
    situation = Situation(app, by_picture=reason is forbid_pictures)
    reason(situation)

    assert not path(situation)


def test_consent_to_a_part_is_none_to_the_rest(app: App) -> None:
    """What was granted under more consent than there is now is refused."""
    situation = Situation(app)
    with app.base.database.transaction.begin() as connection:
        connection.execute(update(tables.consent).values(scope="openid"))

    assert not refresh(situation)


def test_every_grant_of_the_token_endpoint_is_on_the_list(app: App) -> None:
    """A new grant type fails here until it has its row above."""
    grants = {grant.GRANT_TYPE for grant, _ in app.provider.oidc.server._token_grants}

    own = ClientCredentialsGrant.GRANT_TYPE
    assert grants == {"authorization_code", "refresh_token", DEVICE_CODE, TOKEN_EXCHANGE, own}


def test_a_client_in_its_own_name_meets_the_gate_too(app: App) -> None:
    """Disabled clients, revoked tokens and the epoch end client tokens as well."""
    app.client("machine", grant_types=["client_credentials"], scope="report")
    visitor = app.visitor()

    def token() -> str:
        return str(visitor.token("machine", grant_type="client_credentials", scope="report").json["access_token"])

    first, second = token(), token()
    visitor.post("/revoke", data={"token": first}, auth=("machine", "a secret of the portal that is long enough"))
    assert [visitor.introspect(t, "machine")["active"] for t in (first, second)] == [False, True]
    app.clock.move(1)
    bump_epoch(app.base.database, app.clock())
    assert visitor.introspect(second, "machine")["active"] is False
    client = app.provider.oidc.clients.find("machine")
    assert client
    app.base.clients.put(replace(client, disabled=True), app.clock())
    app.clock.move(5)
    answer = visitor.token("machine", grant_type="client_credentials", scope="report")
    assert answer.status_code == 401


@pytest.mark.parametrize("qr_login", ["off", "near"])
def test_f3_a_device_is_not_let_in_by_a_session_that_came_by_picture(app: App, qr_login: str) -> None:
    """F-3: the page of the device asks for a login of its own, as `/authorize` does."""
    situation = Situation(app, by_picture=True)
    sessions, account_id = app.provider.login.sessions, situation.account_id
    assert [s.authentication.through for s in sessions.of_account(account_id)] == ["qr"]
    if qr_login == "near":
        far_away(app, account_id)
    app.client("strict", qr_login=qr_login, grant_types=["authorization_code", DEVICE_CODE])
    asked = device(app, "strict", scope="openid")

    page = situation.visitor.get("/device", query_string={"user_code": asked.user_code})

    assert page.status_code == 303
    assert page.headers["Location"].startswith("/login?")
    assert asked.error() == "authorization_pending"


def far_away(app: App, account_id: str) -> None:
    """As if phone and browser had been in two networks."""
    with app.base.database.transaction.begin() as connection:
        connection.execute(update(tables.session).where(tables.session.c.account_id == account_id).values(acr=1))
