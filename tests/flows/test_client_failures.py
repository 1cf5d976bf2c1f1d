"""Why a client was not authenticated: the operator reads it, the client hears one sentence."""

import logging
from typing import Any

import pytest

from tests.attacks.test_client_authentication import KEY, assertion
from tests.support.app import SECRET, App

OTHER = "another secret, which was never given to any client"
SERVICE = {"grant_type": "client_credentials"}


@pytest.fixture
def clients(app: App) -> App:
    app.client("fixed", token_endpoint_auth_method="client_secret_basic")
    app.client("closed", disabled=True)
    signer = {"token_endpoint_auth_method": "private_key_jwt", "jwks": {"keys": [KEY.as_dict(private=False)]}}
    app.client("signer", secret=None, **signer)
    return app


FAILURES: dict[str, dict[str, Any]] = {
    "unknown client": {"auth": ("nobody", SECRET)},
    "disabled client": {"auth": ("closed", SECRET)},
    "wrong secret": {"auth": ("portal", OTHER)},
    "wrong method: client_secret_post, but registered is client_secret_basic": {
        "more": {"client_id": "fixed", "client_secret": SECRET}
    },
    "wrong method: client_secret_basic, but registered is private_key_jwt": {"auth": ("signer", SECRET)},
    "wrong method: no credentials, but registered is client_secret": {
        "path": "/revoke",
        "more": {"client_id": "portal", "token": "x"},
    },
    "no credentials": {},
    "header and form name different clients": {"auth": ("portal", SECRET), "more": {"client_id": "fixed"}},
    "bad assertion: aud is not us, or not only us": {"claims": {"aud": "https://elsewhere.test"}},
    "bad assertion: exp": {"claims": {"exp": 1}},
    "bad assertion: iss is not sub": {"claims": {"iss": "portal"}},
}


@pytest.mark.parametrize("reason", FAILURES)
def test_the_log_and_idp_explain_have_the_reason_and_the_client_one_sentence(
    clients: App, caplog: pytest.LogCaptureFixture, reason: str
) -> None:
    failure = FAILURES[reason]
    form = SERVICE | failure.get("more", {})
    if "claims" in failure:
        form |= assertion(clients, **failure["claims"])
    path = failure.get("path", "/token")
    with caplog.at_level(logging.INFO):
        answer = clients.visitor().post(path, data=form, auth=failure.get("auth"))

    assert answer.status_code == 401
    assert answer.json == {"error": "invalid_client", "error_description": "Client authentication failed."}
    lines = [vars(line) for line in caplog.records if line.name == "idp.requests"]
    assert [line.get("reason") for line in lines] == [reason]
    kept = clients.base.support_codes.find(answer.headers["X-Request-Id"])
    assert kept is not None
    assert (kept.kind, kept.detail, kept.route) == ("client_authentication", reason, path)
    assert not any(secret in str(line) for line in lines for secret in (SECRET, OTHER, "nobody"))


def test_an_assertion_that_came_before_is_called_so(clients: App) -> None:
    visitor, form = clients.visitor(), SERVICE | assertion(clients)
    visitor.post("/token", data=form)
    answer = visitor.post("/token", data=form)

    kept = clients.base.support_codes.find(answer.headers["X-Request-Id"])
    assert kept is not None
    assert (kept.client_id, kept.detail) == ("signer", "bad assertion: jti was used before")


def test_strangers_failures_do_not_fill_the_database(clients: App) -> None:
    visitor = clients.visitor()
    failed = [visitor.post("/revoke", data={"token": "x", "client_id": "nobody"}) for _ in range(11)]

    kept = [clients.base.support_codes.find(each.headers["X-Request-Id"]) is not None for each in failed]
    assert kept == [True] * 10 + [False]
