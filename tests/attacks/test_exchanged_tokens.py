"""What was exchanged ends with everything that it came from, and is bound to what that was bound to (RFC 8693)."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from idp.accounts.account import Account
from idp.accounts.credentials import Securing
from idp.officers.data_requests import ERASED
from idp.oidc.token_exchange import EXCHANGES
from idp.ports import Event
from idp.store.counters import bump_epoch
from tests.attacks.test_client_authentication import assertion
from tests.attacks.test_client_certificates import BOUND, fronted, start, with_certificate  # noqa: F401  fixtures
from tests.attacks.test_the_gate import Situation
from tests.attacks.test_token_exchange import said, subject_of, why
from tests.attacks.test_tokens import KEY, parts
from tests.support.app import SECRET, App
from tests.support.client_certificates import shown
from tests.support.dpop import BoundApp, ProofKey
from tests.support.token_exchange import exchange, exchanged, exchanger, fields


def change(app: App, client_id: str, **changed: Any) -> None:
    """As `idp clients edit` does; the processes know it five seconds later."""
    client = app.base.clients.find(client_id)
    assert client
    app.base.clients.put(replace(client, **changed), app.clock())
    app.clock.move(5)


def revoke_the_subject_token(app: App, tokens: dict[str, Any]) -> None:
    app.visitor().post("/revoke", data={"token": tokens["access_token"]}, auth=("portal", SECRET))


def revoke_the_grant(app: App, tokens: dict[str, Any]) -> None:
    app.visitor().post("/revoke", data={"token": tokens["refresh_token"]}, auth=("portal", SECRET))


def show_a_spent_refresh_token(app: App, tokens: dict[str, Any]) -> None:
    app.visitor().refresh(tokens["refresh_token"])
    app.clock.move(11)
    assert app.visitor().refresh(tokens["refresh_token"]).status_code == 400


def person_of(app: App) -> Account:
    account = app.base.people.find_by_identifier("bhxh", "0000000001")
    assert account
    return account


def log_out_everywhere(app: App, tokens: dict[str, Any]) -> None:
    app.provider.login.sessions.end_all(person_of(app).id)


def close_the_account(app: App, tokens: dict[str, Any]) -> None:
    app.base.people.set_status(person_of(app).id, "disabled", app.clock())


def erase_the_person(app: App, tokens: dict[str, Any]) -> None:
    account = person_of(app)
    securing = Securing(account.id, account.secured_at, dict(ERASED), Event("account.erased", account.id))
    assert app.base.credentials.secure(securing, app.clock())


def begin_a_new_epoch(app: App, tokens: dict[str, Any]) -> None:
    app.clock.move(1)
    bump_epoch(app.base.database, app.clock())


def remove_the_portal(app: App, tokens: dict[str, Any]) -> None:
    app.base.clients.remove("portal", app.clock())
    app.clock.move(5)


def changed(client_id: str, **more: Any) -> Callable[[App, dict[str, Any]], None]:
    return lambda app, tokens: change(app, client_id, **more)


ENDS: dict[str, Callable[[App, dict[str, Any]], None]] = {
    "the subject token is revoked": revoke_the_subject_token,
    "the grant is revoked": revoke_the_grant,
    "the portal's family is reused": show_a_spent_refresh_token,
    "the person logs out": log_out_everywhere,
    "the person is erased": erase_the_person,
    "the account is closed": close_the_account,
    "everything is ended": begin_a_new_epoch,
    "the portal is removed": remove_the_portal,
    "the portal is disabled": changed("portal", disabled=True),
    "the portal loses a scope": changed("portal", scope="openid"),
    "the portal wants a stronger login": changed("portal", minimum_acr=2),
    "the portal becomes a third party": changed("portal", first_party=False),
    "the pair is no longer allowed": changed("gateway", exchange_from=("another",)),
    "the grant type is taken": changed("gateway", grant_types=("client_credentials",)),
    "the gateway loses a scope": changed("gateway", scope="openid"),
    "the gateway is disabled": changed("gateway", disabled=True),
    "the gateway wants a stronger login": changed("gateway", minimum_acr=2),
    "the gateway becomes a third party": changed("gateway", first_party=False),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_the_exchange_ends_at_once_what_was_exchanged(app: App, name: str) -> None:
    """On every later link of a chain too."""
    exchanger(app)
    exchanger(app, "third", exchange_from=["gateway"])
    visitor = app.visitor()
    tokens = visitor.tokens(scope="openid profile offline_access")
    token = exchanged(visitor, tokens["access_token"])
    last = exchanged(visitor, token, "third")
    assert [visitor.userinfo(each).status_code for each in (token, last)] == [200, 200]

    ENDS[name](app, tokens)

    assert [visitor.userinfo(each).status_code for each in (token, last)] == [401, 401]
    assert visitor.introspect(last, "third") == {"active": False}
    again = exchange(visitor, token, "third")
    assert said(again) in ((400, "invalid_request"), (400, "invalid_scope"))
    # Of the portal's token, with everything that it once had.
    assert exchange(visitor, tokens["access_token"], scope="openid profile").status_code in (400, 401)


def test_a_client_takes_back_what_others_got_for_its_token(app: App) -> None:
    exchanger(app)
    exchanger(app, "third", exchange_from=["gateway"])
    visitor, subject = app.visitor(), subject_of(app)
    token = exchanged(visitor, subject)
    last = exchanged(visitor, token, "third")

    visitor.post("/revoke", data={"token": token}, auth=("gateway", SECRET))

    assert [visitor.userinfo(each).status_code for each in (subject, token, last)] == [200, 401, 401]
    assert said(exchange(visitor, token, "third")) == (400, "invalid_request")


def test_a_client_that_needs_consent_gets_nothing_without_it(app: App) -> None:
    exchanger(app, first_party=False)

    refused = exchange(app.visitor(), subject_of(app))

    assert said(refused) == (400, "invalid_request")


def test_a_login_by_picture_is_not_exchanged_for_a_client_that_takes_none(app: App) -> None:
    situation = Situation(app, by_picture=True)
    assert exchange(situation.visitor, situation.tokens["access_token"]).status_code == 200
    change(app, "gateway", qr_login="off")

    assert said(exchange(situation.visitor, situation.tokens["access_token"])) == (400, "invalid_request")
    assert situation.visitor.userinfo(situation.exchanged).status_code == 401


def test_a_token_that_is_bound_to_a_key_is_exchanged_by_that_key_alone(app: App) -> None:
    """Otherwise a stolen one would lose its binding here (RFC 9449, 1)."""
    app.client("app", None, token_endpoint_auth_method="none", dpop_bound_access_tokens=True)
    exchanger(app, exchange_from=["app"])
    exchanger(app, "third", exchange_from=["gateway"])
    phone = BoundApp(app.visitor())
    subject = phone.tokens()["access_token"]
    thief, holder = BoundApp(app.visitor(), "gateway", SECRET), BoundApp(app.visitor(), "gateway", SECRET, phone.key)

    bare = exchange(app.visitor(), subject)
    assert (said(bare), "bound" in why(bare)) == ((400, "invalid_request"), True)
    assert said(thief.token(**fields(subject))) == (400, "invalid_request")
    kept = holder.token(**fields(subject)).json
    assert (kept["token_type"], parts(kept["access_token"])[1]["cnf"]) == ("DPoP", {"jkt": phone.key.jkt})
    assert app.visitor().userinfo(kept["access_token"]).status_code == 401
    assert holder.userinfo(kept["access_token"]).status_code == 200
    assert said(exchange(app.visitor(), kept["access_token"], "third")) == (400, "invalid_request")


def test_a_client_with_a_key_binds_what_it_gets(app: App) -> None:
    exchanger(app, dpop_bound_access_tokens=True)
    gateway, subject = BoundApp(app.visitor(), "gateway", SECRET), subject_of(app)

    assert said(exchange(app.visitor(), subject)) == (400, "invalid_dpop_proof")
    token = gateway.token(**fields(subject)).json["access_token"]
    assert app.visitor().userinfo(token).status_code == 401
    assert gateway.userinfo(token).status_code == 200


def test_a_token_that_is_bound_to_a_certificate_keeps_it(fronted: App) -> None:  # noqa: F811
    """RFC 8705, 3: and a certificate that the client is not bound to is none."""
    fronted.client("portal", **BOUND)
    exchanger(fronted)
    exchanger(fronted, "bound", **BOUND)
    mine = with_certificate(fronted, shown(fronted.clock(), "CN=mine"))
    other = with_certificate(fronted, shown(fronted.clock(), "CN=other"))
    subject = mine.tokens()["access_token"]

    answers = [exchange(visitor, subject, client) for client in ("gateway", "bound") for visitor in (mine, other)]
    assert [answer.status_code for answer in answers] == [400, 400, 200, 400]
    token = answers[2].json["access_token"]
    assert parts(token)[1]["cnf"] == parts(subject)[1]["cnf"]
    assert (mine.userinfo(token).status_code, other.userinfo(token).status_code) == (200, 401)


def test_a_proof_is_good_for_one_exchange(everywhere: App) -> None:
    exchanger(everywhere)
    gateway, subject = BoundApp(everywhere.visitor(), "gateway", SECRET, ProofKey()), subject_of(everywhere)
    assert gateway.token(**fields(subject)).status_code == 200
    proof = gateway.proof("POST", "/token")

    answers = [gateway.send("POST", "/token", proof, fields(subject)) for _ in range(2)]

    assert [said(answer) for answer in answers] == [(200, ""), (400, "invalid_dpop_proof")]


def test_an_assertion_is_good_for_one_exchange(everywhere: App) -> None:
    keys = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY.as_dict(private=False)]}}
    exchanger(everywhere, "signer", None, **keys)
    form = fields(subject_of(everywhere)) | assertion(everywhere)

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda _: everywhere.visitor().post("/token", form).status_code, range(16)))

    assert sorted(told) == [200] + [401] * 15


def test_a_token_may_be_exchanged_again_up_to_a_rate(app: App) -> None:
    """A subject token is not used up (RFC 8693, 2.1); each exchange is another token, and on record."""
    exchanger(app)
    visitor, subject = app.visitor(), subject_of(app)

    answers = [exchange(visitor, subject) for _ in range(EXCHANGES + 1)]

    assert [answer.status_code for answer in answers] == [200] * EXCHANGES + [429]
    assert answers[-1].headers["Retry-After"] == "60"
    assert len({answer.json.get("access_token") for answer in answers[:-1]}) == EXCHANGES
    assert [row["name"] for row in app.base.trail.tail(EXCHANGES)] == ["token.exchanged"] * EXCHANGES
    assert exchange(visitor, subject_of(app)).status_code == 200, "another login is not hindered"
    app.clock.move(60)
    assert exchange(visitor, subject).status_code == 200


def test_what_is_refused_leaves_no_row(app: App) -> None:
    exchanger(app)
    subject = subject_of(app)
    change(app, "portal", disabled=True)
    before = app.base.trail.tail(1)

    assert said(exchange(app.visitor(), subject)) == (400, "invalid_request")
    assert app.base.trail.tail(1) == before
