"""A citizen logs into a portal: the main story, on each pair of stores."""

import base64
import json
from typing import Any

from tests.support.app import ISSUER, App, answer_of


def claims(token: str) -> dict[str, Any]:
    return dict(json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")))


def test_a_person_logs_in_and_the_portal_gets_its_tokens(everywhere: App) -> None:
    visitor = everywhere.visitor()

    tokens = visitor.tokens(scope="openid profile bhxh offline_access")

    id_token = claims(tokens["id_token"])
    assert (id_token["iss"], id_token["aud"], id_token["nonce"]) == (ISSUER, "portal", "a nonce")
    assert id_token["auth_time"] == int(everywhere.clock())
    userinfo = visitor.userinfo(tokens["access_token"]).json
    assert userinfo["bhxh_number"] == "0000000001"
    assert userinfo["sub"] == id_token["sub"]


def test_the_answer_names_state_and_issuer(everywhere: App) -> None:
    visitor = everywhere.visitor()

    answer = answer_of(visitor.log_in(visitor.authorize()))

    assert (answer["state"], answer["iss"]) == ("a state", ISSUER)


def test_a_live_session_needs_no_second_login(everywhere: App) -> None:
    visitor = everywhere.visitor()
    visitor.code()

    assert "code" in answer_of(visitor.authorize(prompt="none"))


def test_a_refresh_token_is_answered_with_its_successor(everywhere: App) -> None:
    visitor = everywhere.visitor()
    first = visitor.tokens()

    second = visitor.refresh(first["refresh_token"]).json

    assert second["refresh_token"] != first["refresh_token"]
    assert visitor.userinfo(second["access_token"]).status_code == 200


def test_logging_out_at_the_portal_ends_session_and_tokens(everywhere: App) -> None:
    visitor = everywhere.visitor()
    tokens = visitor.tokens()

    answer = visitor.get(
        "/end_session",
        query_string={
            "id_token_hint": tokens["id_token"],
            "post_logout_redirect_uri": "https://portal.example.test/",
            "state": "bye",
        },
    )

    assert answer.headers["Location"] == "https://portal.example.test/?state=bye"
    assert answer_of(visitor.authorize(prompt="none"))["error"] == "login_required"
    assert visitor.userinfo(tokens["access_token"]).status_code == 401
    assert visitor.refresh(tokens["refresh_token"]).json["error"] == "invalid_grant"


def test_two_tabs_both_finish(everywhere: App) -> None:
    visitor = everywhere.visitor()
    first, second = visitor.authorize(state="one"), visitor.authorize(state="two")

    answers = [answer_of(visitor.log_in(tab)) for tab in (first, second)]

    assert [(a["state"], "code" in a) for a in answers] == [("one", True), ("two", True)]
