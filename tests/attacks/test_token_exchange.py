"""Token exchange under attack (RFC 8693): clients without a pair, tokens that are none, more than either side has."""

from typing import Any

import pytest
from werkzeug.test import TestResponse

from idp.oidc.clients import DEVICE_CODE, SCOPES, TOKEN_EXCHANGE, Client
from idp.oidc.registration import BadClient
from idp.oidc.token_exchange import TOKEN_TYPE
from tests.attacks.test_client_certificates import BOUND, fronted, start, with_certificate  # noqa: F401  fixtures
from tests.attacks.test_tokens import FORGERIES, Forgery, parts
from tests.flows.test_account_page import signed_in
from tests.support.app import SECRET, App, Visitor
from tests.support.details import allowed, details, granted
from tests.support.token_exchange import API, exchange, exchanged, exchanger, fields

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def said(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, str((answer.json or {}).get("error", ""))


def why(answer: TestResponse) -> str:
    return str((answer.json or {}).get("error_description", ""))


def subject_of(app: App, scope: str = "openid profile email offline_access", **more: Any) -> str:
    return str(app.visitor().tokens(scope=scope, **more)["access_token"])


@pytest.mark.parametrize("owners", [["another"], ["gatewa"], ["portal2", "PORTAL"], []], ids=str)
def test_nobody_exchanges_what_the_operator_has_not_allowed(app: App, owners: list[str]) -> None:
    exchanger(app, exchange_from=owners)

    refused = exchange(app.visitor(), subject_of(app))

    assert said(refused) == (400, "invalid_request")
    assert "does not let" in why(refused)


def test_the_pair_goes_one_way_and_no_further(app: App) -> None:
    """From A to B says nothing of B to A, and from B to C nothing of A to C."""
    exchanger(app)
    app.client("portal", grant_types=["authorization_code", TOKEN_EXCHANGE], exchange_from=["third"], scope="openid")
    exchanger(app, "third", exchange_from=["gateway"])
    visitor, subject = app.visitor(), subject_of(app, "openid")
    token = exchanged(visitor, subject)

    assert said(exchange(visitor, token, "portal")) == (400, "invalid_request")
    assert said(exchange(visitor, subject, "third")) == (400, "invalid_request")
    assert said(exchange(visitor, token, "gateway")) == (400, "invalid_request"), "nor one's own once more"
    assert exchange(visitor, token, "third").status_code == 200


@pytest.mark.parametrize(
    ("client_id", "secret", "error"),
    [
        ("portal", SECRET, (400, "unauthorized_client")),
        ("gateway", "wrong", (401, "invalid_client")),
        ("gateway", None, (401, "invalid_client")),
        ("page", None, (401, "invalid_client")),
        ("nobody", SECRET, (401, "invalid_client")),
    ],
)
def test_only_a_client_that_authenticates_and_has_the_grant(
    app: App, client_id: str, secret: str | None, error: tuple[int, str]
) -> None:
    exchanger(app)
    app.client("page", None, token_endpoint_auth_method="none")

    assert said(exchange(app.visitor(), subject_of(app), client_id, secret)) == error


NATIVE = {"application_type": "native", "dpop_bound_access_tokens": True, "redirect_uris": ["https://a.test/cb"]}


@pytest.mark.parametrize(
    ("metadata", "complaint"),
    [
        ({"token_endpoint_auth_method": "none"}, "needs a client that authenticates"),
        ({"one_device": True} | NATIVE, "not for apps of one device"),
        ({"grant_types": ["client_credentials"]}, "exchange_from needs the grant type"),
        ({"exchange_from": ["gateway"]}, "names other clients"),
        ({"exchange_from": ["portal", "a b"]}, "names other clients"),
        ({"exchange_from": ["portal", "*"]}, "names other clients"),
        ({"exchange_from": "portal"}, "must be a list"),
        ({"exchange_from": [7]}, "must be a list"),
        ({"exchange_from": [f"portal-{n}" for n in range(51)]}, "at most 50"),
    ],
)
def test_a_dangerous_registration_is_refused(app: App, metadata: dict[str, Any], complaint: str) -> None:
    with pytest.raises(BadClient, match=complaint):
        exchanger(app, **metadata)


@pytest.mark.parametrize("forge", FORGERIES, ids=lambda f: f.__name__)
def test_a_forged_or_expired_token_gets_nothing(app: App, forge: Forgery) -> None:
    """`alg: none`, another issuer's key, an unknown member: as everywhere."""
    exchanger(app)

    assert said(exchange(app.visitor(), forge(subject_of(app), app))) == (400, "invalid_request")


def test_only_an_access_token_of_a_person_is_exchanged(app: App) -> None:
    """No refresh token, no ID token, no client's own, whatever it is called in the request."""
    exchanger(app, scope="openid report", grant_types=[TOKEN_EXCHANGE, "client_credentials"])
    grants = ["authorization_code", "refresh_token", "client_credentials"]
    app.client("portal", grant_types=grants, scope="openid report offline_access")
    visitor = app.visitor()
    tokens = visitor.tokens()
    own = visitor.token(grant_type="client_credentials", scope="report").json["access_token"]

    for token in (tokens["refresh_token"], tokens["id_token"], own, "", "x", "r_" + "x" * 60, "ф" * 100, "a.b.c"):
        assert said(exchange(visitor, token)) == (400, "invalid_request"), token
    for name in ("refresh_token", "id_token"):
        kind = f"urn:ietf:params:oauth:token-type:{name}"
        assert said(exchange(visitor, tokens[name], subject_token_type=kind)) == (400, "invalid_request")
    assert exchange(visitor, tokens["access_token"]).status_code == 200


def test_a_token_for_another_service_is_not_exchanged(app: App) -> None:
    """Whoever it was stolen from: it is for us, or for what the client itself is."""
    app.client("portal", resource=[API, "https://gateway.example.test/"])
    exchanger(app, serves=["https://gateway.example.test/"])
    visitor = app.visitor()

    def answer(resource: str | None) -> TestResponse:
        return exchange(visitor, visitor.redeem(visitor.code(resource=resource)).json["access_token"])

    assert said(answer(API)) == (400, "invalid_request")
    assert "audience" in why(answer(API))
    assert answer("https://gateway.example.test/").status_code == answer(None).status_code == 200


@pytest.mark.parametrize(
    "spoiled",
    [
        {"subject_token": None},
        {"subject_token_type": None},
        {"subject_token_type": "access_token"},
        {"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"},
        {"subject_token_type": "x" * 5000},
        {"requested_token_type": ""},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"},
        {"requested_token_type": "urn:ietf:params:oauth:token-type:id_token"},
        {"actor_token": "eyJ", "actor_token_type": TOKEN_TYPE},
        {"actor_token_type": TOKEN_TYPE},
        {"actor_token": ""},
    ],
    ids=lambda spoiled: ",".join(f"{name}={str(value)[-20:]}" for name, value in spoiled.items()),
)
def test_a_request_that_makes_no_sense_says_why(app: App, spoiled: dict[str, Any]) -> None:
    exchanger(app)

    refused = app.visitor().token("gateway", **fields(subject_of(app), **spoiled))

    assert said(refused) == (400, "invalid_request")
    assert next(iter(spoiled)) in why(refused)


@pytest.mark.parametrize("name", ["subject_token", "subject_token_type", "scope", "resource", "audience", "grant_type"])
def test_no_parameter_comes_twice(app: App, name: str) -> None:
    exchanger(app)
    form = fields(subject_of(app), scope="openid", resource=API, audience=API)

    refused = app.visitor().post("/token", {**form, name: [form[name], form[name]]}, auth=("gateway", SECRET))

    assert said(refused) == (400, "invalid_request")


@pytest.mark.parametrize(("size", "status"), [(9_000, 400), (60_000, 400), (70_000, 413)])
@pytest.mark.parametrize("name", ["subject_token", "scope", "resource"])
def test_what_is_too_long_is_refused(app: App, name: str, size: int, status: int) -> None:
    exchanger(app)

    assert app.visitor().token("gateway", **fields(subject_of(app), **{name: "x" * size})).status_code == status


@pytest.mark.parametrize(
    ("of_token", "of_portal", "of_gateway", "got"),
    [
        ("openid", "openid profile", "openid profile", "openid"),
        ("openid profile", "openid profile", "openid", "openid"),
        ("openid profile email", "openid profile email", "openid email", "openid email"),
        ("openid offline_access", "openid offline_access", "openid offline_access", "openid"),
    ],
)
def test_a_token_has_what_all_three_have_and_never_more(
    app: App, of_token: str, of_portal: str, of_gateway: str, got: str
) -> None:
    app.client("portal", scope=of_portal)
    exchanger(app, scope=of_gateway)
    visitor, subject = app.visitor(), subject_of(app, of_token)

    granted = exchange(visitor, subject).json
    assert (granted["scope"], parts(granted["access_token"])[1]["scope"]) == (got, got)
    assert {"refresh_token", "id_token"}.isdisjoint(granted)
    for more in sorted(set(SCOPES) - set(got.split())):
        assert said(exchange(visitor, subject, scope=f"openid {more}")) == (400, "invalid_scope"), more


@pytest.mark.parametrize("scope", ["", " ", "admin", "openid admin", "OPENID", "openid\tprofile\x0badmin", '"'])
def test_a_scope_that_nobody_has_is_refused(app: App, scope: str) -> None:
    exchanger(app)

    assert said(exchange(app.visitor(), subject_of(app), scope=scope)) == (400, "invalid_scope")


def test_two_clients_without_a_scope_in_common_have_nothing_to_exchange(app: App) -> None:
    exchanger(app, scope="address")

    assert said(exchange(app.visitor(), subject_of(app))) == (400, "invalid_scope")


def test_single_claims_of_the_portal_stay_with_the_portal(app: App) -> None:
    """What the portal asked for by `claims` was asked for it alone."""
    exchanger(app, scope="openid phone")
    visitor = app.visitor()
    subject = visitor.tokens(scope="openid", claims='{"userinfo":{"name":null,"phone_number":null}}')["access_token"]

    assert "name" in visitor.userinfo(subject).json
    assert set(visitor.userinfo(exchanged(visitor, subject)).json) == {"sub"}


def test_years_of_a_record_stay_with_the_portal(app: App) -> None:
    """Who agreed to show years to a portal did not agree to show them to another client."""
    allowed(app, "records")
    exchanger(app, exchange_from=["records"])
    visitor = signed_in(app)
    subject = granted(visitor, (2015, 2020))["access_token"]

    handed_on = exchanged(visitor, subject)

    assert "authorization_details" in visitor.introspect(subject, "records")
    assert "authorization_details" not in visitor.introspect(handed_on, "gateway") | parts(handed_on)[1]
    asked = exchange(visitor, subject, authorization_details=details((2015, 2020)))
    assert said(asked) == (400, "invalid_authorization_details")


@pytest.mark.parametrize(
    "target",
    [
        {"resource": "https://other.example.test/"},
        {"audience": "portal"},
        {"audience": API[:-1]},
        {"resource": ""},
        {"resource": API, "audience": "https://id.example.test"},
        {"resource": "javascript:alert(1)"},
    ],
    ids=str,
)
def test_a_target_that_is_not_registered_is_refused(app: App, target: dict[str, str]) -> None:
    exchanger(app)

    assert said(exchange(app.visitor(), subject_of(app), **target)) == (400, "invalid_target")


@pytest.mark.parametrize("name", ["resource", "audience"])
def test_a_token_for_a_service_does_not_open_userinfo(app: App, name: str) -> None:
    exchanger(app)
    visitor = app.visitor()
    token = exchanged(visitor, subject_of(app), **{name: API})

    assert parts(token)[1]["aud"] == API
    assert visitor.userinfo(token).status_code == 403


def test_a_token_ends_no_later_than_the_one_it_came_from(app: App) -> None:
    exchanger(app)
    visitor, subject = app.visitor(), subject_of(app)
    app.clock.move(599)
    answer = exchange(visitor, subject)

    assert answer.json["expires_in"] == 1
    assert parts(answer.json["access_token"])[1]["exp"] == parts(subject)[1]["exp"]
    app.clock.move(1)
    assert visitor.userinfo(answer.json["access_token"]).status_code == 401
    assert said(exchange(visitor, subject)) == (400, "invalid_request")


def test_no_other_client_reads_or_ends_what_was_exchanged(app: App) -> None:
    exchanger(app)
    exchanger(app, "another")
    visitor, subject = app.visitor(), subject_of(app)
    token = exchanged(visitor, subject)

    assert visitor.introspect(token, "portal") == visitor.introspect(token, "another") == {"active": False}
    for client_id in ("portal", "another"):
        visitor.post("/revoke", data={"token": token}, auth=(client_id, SECRET))
    visitor.post("/revoke", data={"token": subject}, auth=("gateway", SECRET))
    assert visitor.userinfo(token).status_code == visitor.userinfo(subject).status_code == 200


@pytest.mark.parametrize(
    "grant", [JWT_BEARER, "urn:ietf:params:oauth:grant-type:saml2-bearer", "password", "implicit", "token", ""]
)
@pytest.mark.parametrize("client_id", ["portal", "gateway"])
def test_other_grants_are_refused_with_what_there_is(app: App, grant: str, client_id: str) -> None:
    """RFC 7523, 2.1: nobody but us says who a person is; an assertion shows a client at most."""
    exchanger(app)

    refused = app.visitor().token(client_id, grant_type=grant, assertion=subject_of(app), scope="openid")

    assert said(refused) == (400, "unsupported_grant_type")
    assert "client_credentials" in why(refused)
    assert ("private_key_jwt" in why(refused)) == grant.endswith("-bearer")
    assert DEVICE_CODE in why(refused) or grant.endswith("-bearer")


@pytest.mark.parametrize("grant", [JWT_BEARER, "password", "token-exchange"])
def test_nobody_is_registered_for_another_grant(app: App, grant: str) -> None:
    with pytest.raises(BadClient, match="grant_types may be"):
        app.client("other", grant_types=[grant])


def test_a_client_has_no_pair_unless_it_is_said() -> None:
    portal, gateway = Client("portal", "P", scope="openid"), Client("gateway", "G", grant_types=(TOKEN_EXCHANGE,))

    assert not gateway.may_exchange(portal, ("openid",))
    assert not gateway.may_exchange(gateway, ())


def test_a_page_of_another_origin_is_told_nothing(app: App) -> None:
    exchanger(app)
    visitor: Visitor = app.visitor()

    answer = visitor.post(
        "/token", fields(subject_of(app)), auth=("gateway", SECRET), headers={"Origin": "https://evil.test"}
    )

    assert "Access-Control-Allow-Origin" not in answer.headers
