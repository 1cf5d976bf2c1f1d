"""What an ID token says of a person and their login, and to which clients."""

import json

from tests.flows.test_code_flow import claims
from tests.support.app import App


def test_profile_and_email_are_in_the_id_token_of_a_client_that_is_registered_so(everywhere: App) -> None:
    everywhere.client("reader", id_token_claims=True)
    visitor = everywhere.visitor()
    tokens = visitor.redeem(
        visitor.code(scope="openid profile email phone bhxh offline_access", client_id="reader"), "reader"
    ).json
    assert tokens
    userinfo = visitor.userinfo(tokens["access_token"]).json or {}

    said = claims(tokens["id_token"])
    assert said["name"] == userinfo["name"]
    assert said["updated_at"] == userinfo["updated_at"]
    assert not {"phone_number", "bhxh_number", "personal_id"} & set(said)
    narrowed = visitor.refresh(tokens["refresh_token"], "reader", scope="openid").json
    assert narrowed
    assert "name" not in claims(narrowed["id_token"])


def test_no_other_client_has_them_there(app: App) -> None:
    assert "name" not in claims(app.visitor().tokens(scope="openid profile email")["id_token"])


def test_how_the_person_came_is_for_bhxh_and_for_who_asks(app: App) -> None:
    facts = {"ial", "idp"}
    visitor = app.visitor()
    asked = json.dumps({"id_token": {"idp": None}, "userinfo": {"ial": None}})

    assert facts & set(claims(visitor.tokens(scope="openid profile")["id_token"])) == set()
    assert facts & set(claims(visitor.tokens(scope="openid bhxh")["id_token"])) == facts
    assert facts & set(claims(visitor.tokens(scope="openid", claims=asked)["id_token"])) == {"idp"}
