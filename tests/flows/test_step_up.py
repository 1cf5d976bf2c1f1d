"""RFC 9470: a resource wants a stronger or newer login, and the portal gets it by what the challenge says."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.flows.test_passwords_life import citizen, enter, follow, page_of
from tests.support.app import SECRET, App, Visitor

DOCUMENT = Path(__file__).parents[2] / "docs" / "portals" / "step-up.md"


def asked(visitor: Visitor, token: str, **demand: str) -> Any:
    return visitor.get("/testing/resource", query_string=demand, headers={"Authorization": f"Bearer {token}"})


def test_a_portal_gets_what_the_challenge_names(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    token = visitor.tokens("0000000777")["access_token"]
    assert asked(visitor, token, acr_values="urn:bhxh:acr:1", max_age="300").status_code == 200

    refused = asked(visitor, token, acr_values="urn:bhxh:acr:3 urn:bhxh:acr:2", max_age="300")
    assert (refused.status_code, refused.json) == (401, {"error": "insufficient_user_authentication"})
    challenge = refused.headers["WWW-Authenticate"]
    assert f"WWW-Authenticate: {challenge}\n" in DOCUMENT.read_text(encoding="utf-8")
    wanted = dict(re.findall(r'(acr_values|max_age)="([^"]+)"', challenge))

    app.told("sms")
    page = follow(visitor, visitor.authorize(**wanted))
    assert page_of(page) == "code"
    code = re.search(r"code=([^&]+)", enter(app, visitor, page, "/login/code").headers["Location"])
    assert code
    stronger = visitor.redeem(code[1]).json["access_token"]
    assert asked(visitor, stronger, **wanted).status_code == 200
    app.clock.move(301)
    assert 'max_age="300"' in asked(visitor, stronger, **wanted).headers["WWW-Authenticate"]


def test_a_clients_own_token_shows_no_login(app: App) -> None:
    app.client("service", grant_types=["client_credentials"], scope="reports.read", redirect_uris=[])
    visitor = app.visitor()
    granted = visitor.post("/token", {"grant_type": "client_credentials"}, auth=("service", SECRET))
    token = (granted.json or {}).get("access_token", "")
    assert token, granted.text
    assert asked(visitor, token).status_code == 200
    assert asked(visitor, token, acr_values="urn:bhxh:acr:1").status_code == 401


@pytest.mark.parametrize(
    "demand",
    [
        {"acr_values": "urn:bhxh:acr:9"},
        {"acr_values": "gold"},
        {"max_age": "-1"},
        {"max_age": "٣"},
        {"max_age": "9" * 40},
    ],
)
def test_a_demand_that_is_none_is_refused(app: App, demand: dict[str, str]) -> None:
    visitor = app.visitor()
    assert asked(visitor, visitor.tokens()["access_token"], **demand).status_code == 400
