"""Who may ask about tokens and end them, and what they learn (RFC 7662, RFC 7009)."""

import pytest
from sqlalchemy import text

from tests.support.app import SECRET, App


def test_every_inactive_token_gets_one_and_the_same_answer(app: App) -> None:
    """I-01"""
    app.client("other")
    visitor = app.visitor()
    revoked, foreign = visitor.tokens()["access_token"], visitor.tokens()["access_token"]
    visitor.post("/revoke", data={"token": revoked}, auth=("portal", SECRET))
    expired = visitor.tokens()["access_token"]
    app.clock.move(600)

    answers = [
        visitor.post("/introspect", data={"token": token}, auth=(client, SECRET)).data
        for token, client in ((revoked, "portal"), (expired, "portal"), (foreign, "other"), ("x", "portal"))
    ]
    assert set(answers) == {b'{"active":false}'}


def test_introspection_needs_client_authentication(app: App) -> None:
    """I-01"""
    app.client("public", secret=None, token_endpoint_auth_method="none")
    visitor = app.visitor()
    token = visitor.tokens()["access_token"]

    assert visitor.post("/introspect", data={"token": token}).status_code == 401
    assert visitor.post("/introspect", data={"token": token, "client_id": "public"}).status_code == 401
    assert visitor.post("/introspect", data={"token": token}, auth=("portal", "wrong")).status_code == 401


def test_a_client_sees_its_own_tokens_and_those_for_its_resource(app: App) -> None:
    """I-02"""
    app.client("api", serves=["https://api.example.test/"])
    app.client("caller", resource=["https://api.example.test/"])
    app.client("neighbour", resource=["https://api.example.test/"])
    app.client("stranger")
    app.client("another-api", serves=["https://other.example.test/"])
    visitor = app.visitor()
    token = visitor.redeem(visitor.code(client_id="caller", resource="https://api.example.test/"), "caller").json[
        "access_token"
    ]

    assert visitor.introspect(token, "api")["active"] is True
    assert visitor.introspect(token, "caller")["active"] is True
    assert visitor.introspect(token, "stranger") == {"active": False}
    assert visitor.introspect(token, "another-api") == {"active": False}, "serving something is not serving this"
    assert visitor.introspect(token, "neighbour") == {"active": False}, "asking for an audience is not being it"


def test_revoking_unknown_and_foreign_tokens_is_200_and_touches_nothing(app: App) -> None:
    """I-04, Y-10"""
    app.client("other")
    visitor = app.visitor()
    tokens = visitor.tokens()
    for token in ("x", tokens["access_token"], tokens["refresh_token"]):
        assert visitor.post("/revoke", data={"token": token}, auth=("other", SECRET)).status_code == 200

    assert visitor.userinfo(tokens["access_token"]).status_code == 200
    assert visitor.refresh(tokens["refresh_token"]).status_code == 200


def test_revoking_a_refresh_token_ends_its_access_tokens_at_once(everywhere: App) -> None:
    """I-04"""
    visitor = everywhere.visitor()
    tokens = visitor.tokens()
    visitor.post("/revoke", data={"token": tokens["refresh_token"]}, auth=("portal", SECRET))

    assert visitor.userinfo(tokens["access_token"]).status_code == 401
    assert visitor.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_revoking_an_access_token_leaves_its_siblings(everywhere: App) -> None:
    """I-04"""
    visitor = everywhere.visitor()
    tokens = visitor.tokens()
    visitor.post("/revoke", data={"token": tokens["access_token"]}, auth=("portal", SECRET))

    assert visitor.userinfo(tokens["access_token"]).status_code == 401
    assert visitor.refresh(tokens["refresh_token"]).status_code == 200


def test_a_store_that_fails_is_503_and_not_200(app: App) -> None:
    """I-05: nothing is called revoked before the store has said so."""
    visitor = app.visitor()
    token = visitor.tokens()["access_token"]
    with app.base.database.transaction.begin() as connection:
        connection.execute(text("ALTER TABLE revocation RENAME TO gone"))

    answer = visitor.post("/revoke", data={"token": token}, auth=("portal", SECRET))

    assert (answer.status_code, answer.headers.get("Retry-After")) == (503, "2")


@pytest.mark.parametrize("path", ["/introspect", "/revoke"])
def test_a_missing_token_is_invalid_request(app: App, path: str) -> None:
    answer = app.visitor().post(path, data={"token": ""}, auth=("portal", SECRET))

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_an_access_token_in_the_query_is_refused(app: App) -> None:
    """B-23"""
    visitor = app.visitor()
    token = visitor.tokens()["access_token"]

    assert visitor.get("/userinfo", query_string={"access_token": token}).status_code == 400


def test_userinfo_takes_header_or_form_but_not_both(app: App) -> None:
    """RFC 6750, 2"""
    visitor = app.visitor()
    token = visitor.tokens()["access_token"]

    assert visitor.post("/userinfo", data={"access_token": token}).status_code == 200
    both = visitor.post("/userinfo", data={"access_token": token}, headers={"Authorization": f"Bearer {token}"})
    assert both.status_code == 400
    assert visitor.get("/userinfo").status_code == 401
