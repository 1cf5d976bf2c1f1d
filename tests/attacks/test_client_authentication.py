"""Client authentication is judged first: ids are public, so failures in a client's name must not be its loss (C-07).

The endpoints are found by asking every route of the application, so a new one is held to this from its first day.
"""

from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey
from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.oidc.assertions import ASSERTION_TYPE
from idp.oidc.clients import DEVICE_CODE
from idp.store import tables as t
from tests.attacks.test_tokens import KEY, signed
from tests.support.app import ISSUER, SECRET, App, Visitor
from tests.support.routes import routes_of

KNOWN = {"/token", "/par", "/introspect", "/revoke", "/device_authorization"}
FAILED = (401, 429)
ASKED = {"grant_type": DEVICE_CODE, "device_code": "x", "token": "x"}


@pytest.fixture
def clients(app: App) -> App:
    """One client of each method, and the limiter at two."""
    signer = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY.as_dict(private=False)]}}
    app.client("service", grant_types=[DEVICE_CODE])
    app.client("poster", grant_types=[DEVICE_CODE], token_endpoint_auth_method="client_secret_post")
    app.client("signer", secret=None, grant_types=[DEVICE_CODE], **signer)
    app.client("app", secret=None, token_endpoint_auth_method="none", grant_types=[DEVICE_CODE])
    app.provider.oidc.server._failures._limit = 2
    return app


def assertion(app: App, key: Any = KEY, **changed: Any) -> dict[str, str]:
    now = int(app.clock())
    claims = {
        "iss": "signer",
        "sub": "signer",
        "aud": ISSUER,
        "jti": str(changed),
        "iat": now,
        "exp": now + 60,
    } | changed
    return {"client_assertion_type": ASSERTION_TYPE, "client_assertion": signed({"alg": "ES256"}, claims, key)}


def failing(visitor: Visitor, path: str, client_id: str) -> list[TestResponse]:
    """Every way to fail in a client's name, again and again."""
    made_up = assertion(visitor.app, ECKey.generate_key("P-256"), iss=client_id, sub=client_id)
    return [
        answer
        for _ in range(4)
        for answer in (
            visitor.post(path, ASKED, auth=(client_id, "wrong")),
            visitor.post(path, ASKED | {"client_id": client_id, "client_secret": "wrong"}),
            visitor.post(path, ASKED | made_up),
        )
    ]


def endpoints(app: App) -> set[str]:
    """Every path that refuses false credentials in the words of RFC 6749, 5.2."""
    answers = {path: app.visitor().post(path, ASKED, auth=("portal", "wrong")) for path in routes_of(app.wsgi)}
    return {
        path
        for path, answer in answers.items()
        if answer.status_code == 429 or (answer.is_json and (answer.json or {}).get("error") == "invalid_client")
    }


def test_the_endpoints_are_found(app: App) -> None:
    assert endpoints(app) == KNOWN


@pytest.mark.parametrize("path", sorted(KNOWN))
def test_strangers_failures_hinder_nobody_who_is_right(clients: App, path: str) -> None:
    """F-4: same network, same client id, many failures by every method."""
    visitor = clients.visitor()
    refused = [a for name in ("service", "poster", "signer", "app") for a in failing(visitor, path, name)]
    assert {a.status_code for a in refused} == set(FAILED)

    answers = {
        "basic": visitor.post(path, ASKED, auth=("service", SECRET)),
        "post": visitor.post(path, ASKED | {"client_id": "poster", "client_secret": SECRET}),
        "assertion": visitor.post(path, ASKED | assertion(clients)),
        "public": visitor.post(path, ASKED | {"client_id": "app"}),
    }

    errors = {name: (a.json or {}).get("error") for name, a in answers.items() if a.status_code in FAILED}
    # Introspection is for clients that authenticate (RFC 7662, 2.1), so there a public one always hears this.
    assert errors == ({"public": "invalid_client"} if path == "/introspect" else {})


@pytest.mark.parametrize("path", sorted(KNOWN))
def test_only_wrong_secrets_are_slowed(clients: App, path: str) -> None:
    """Whoever signs, or only names itself, hears what is wrong however often others failed in its name."""
    visitor = clients.visitor()
    told = [visitor.post(path, ASKED, auth=("service", "wrong")) for _ in range(3)]
    failing(visitor, path, "signer")
    late = visitor.post(path, ASKED | assertion(clients, exp=1))

    assert [a.status_code for a in told] == [401, 401, 429]
    assert told[-1].headers["Retry-After"] == "60"
    assert late.status_code == 401


@pytest.mark.parametrize("path", sorted(KNOWN))
def test_a_secret_may_come_in_the_header_or_in_the_form_unless_one_was_fixed(clients: App, path: str) -> None:
    visitor = clients.visitor()
    clients.client("header", grant_types=[DEVICE_CODE], token_endpoint_auth_method="client_secret_basic")

    def by_header(client_id: str) -> TestResponse:
        return visitor.post(path, ASKED, auth=(client_id, SECRET))

    def in_form(client_id: str) -> TestResponse:
        return visitor.post(path, ASKED | {"client_id": client_id, "client_secret": SECRET})

    assert not {by_header("service").status_code, in_form("service").status_code} & set(FAILED)
    assert by_header("header").status_code not in FAILED
    assert in_form("poster").status_code not in FAILED
    assert [by_header("poster").status_code, in_form("header").status_code] == [401, 401]


def test_a_secret_in_both_places_at_once_is_refused(clients: App) -> None:
    """RFC 6749, 2.3: one method in each request."""
    twice = ASKED | {"client_id": "service", "client_secret": SECRET}
    answer = clients.visitor().post("/token", twice, auth=("service", SECRET))

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")  # type: ignore[index]


def test_who_fails_under_many_names_fills_no_memory(clients: App) -> None:
    limiter, visitor = clients.provider.oidc.server._failures, clients.visitor()
    limiter._most = 5
    for number in range(20):
        visitor.post("/revoke", ASKED, auth=(f"made up {number}", "wrong"))

    assert len(limiter._counts) == 5


@pytest.mark.parametrize(
    "changed", [{"disabled": True}, {"token_endpoint_auth_method": "client_secret_basic"}], ids=str
)
def test_who_may_not_come_in_by_a_key_has_no_assertion_written_down(clients: App, changed: dict[str, Any]) -> None:
    """A signature proves nothing for a client that is disabled, or that authenticates otherwise."""
    known = clients.provider.oidc.clients.find("signer")
    assert known
    clients.base.clients.put(replace(known, **changed), clients.clock())
    clients.provider.oidc.clients.forget()

    assert clients.visitor().post("/token", ASKED | assertion(clients)).status_code == 401
    with clients.base.database.autocommit.connect() as connection:
        assert connection.execute(select(t.revocation.c.id)).all() == []
