"""A session that somebody left at an upstream (H-3, M-9), and a login that is judged by another's password (D1)."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from werkzeug.test import TestResponse

from idp.login.attempt import LoginAttempt, Purpose
from tests.support import databases
from tests.support.app import Visitor, answer_of, attempt_of
from tests.support.liar import Change
from tests.support.lied_to import LiedTo, lied_to

REST = 72 * 3600 + 1
HOUR = 3600


@pytest.fixture
def here(sqlite_template: Path, tmp_path: Path) -> Iterator[LiedTo]:
    with lied_to(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path)) as running:
        yield running


def at(moment: float) -> Change:
    """A login there at a moment."""
    return lambda claims: claims | {"auth_time": int(moment)}


def untold(claims: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in claims.items() if name != "auth_time"}


def sent(visitor: Visitor, kind: str, attempt: str) -> dict[str, list[str]]:
    """What the browser is sent to the upstream with."""
    away = visitor.get(f"/via/{kind}", query_string={"attempt": attempt})
    return parse_qs(urlsplit(away.headers["Location"]).query)


def redeemed(visitor: Visitor, answer: TestResponse) -> dict[str, Any]:
    """What the portal gets for the code in an answer."""
    return dict(visitor.redeem(answer_of(answer)["code"]).json or {})


def claims_of(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return claims


def arrives(visitor: Visitor, here: LiedTo, kind: str, begun: TestResponse) -> TestResponse:
    """Through the upstream, and where `/authorize` leads then."""
    return visitor.get(here.via(kind, visitor, begun).headers["Location"])


def with_code(here: LiedTo, visitor: Visitor, step: TestResponse) -> TestResponse:
    """Enter the code of a step."""
    assert urlsplit(step.headers["Location"]).path == "/login/code"
    visitor.get(step.headers["Location"])
    form = {"attempt": attempt_of(step), "code": here.app.code_sent(), "code-submit": "1"}
    return visitor.get(visitor.post("/login/code", data=form).headers["Location"])


def recovering(here: LiedTo, kind: str) -> tuple[Visitor, TestResponse]:
    """As far as what the page of recovery says after a login through the upstream."""
    visitor = here.app.visitor()
    begun = visitor.get("/recover/eid?go=1")
    back = here.via(kind, visitor, begun).headers["Location"]
    home = visitor.get(back)
    return visitor, visitor.get(home.headers["Location"]) if home.status_code == 303 else home


def without_number(here: LiedTo) -> None:
    """The account's number was not proved for more than a year."""
    here.app.clock.move(400 * 86400)


# What a journey asks for


@pytest.mark.parametrize(
    ("attempt", "purpose"),
    [
        ({}, Purpose.LOGIN),
        ({"params": (("prompt", "consent"),)}, Purpose.LOGIN),
        ({"params": (("prompt", "login consent"),)}, Purpose.REAUTHENTICATION),
        ({"params": (("prompt", "select_account"),)}, Purpose.REAUTHENTICATION),
        ({"params": (("max_age", "3600"),)}, Purpose.REAUTHENTICATION),
        ({"step_up": "a session"}, Purpose.STEP_UP),
        ({"recovers": True}, Purpose.RECOVERY),
    ],
)
def test_h3_an_attempt_knows_what_it_is_for(attempt: dict[str, Any], purpose: Purpose) -> None:
    begun = LoginAttempt((), "", "", "", 0.0)

    assert replace(begun, **attempt).purpose is purpose


@pytest.mark.parametrize("kind", ["oidc", "vneid", "dvcqg"])
def test_h3_a_recovery_asks_the_upstream_for_the_person_and_a_plain_login_does_not(here: LiedTo, kind: str) -> None:
    visitor = here.app.visitor()

    recovery = sent(visitor, kind, attempt_of(visitor.get("/recover/eid?go=1")))
    plain = sent(visitor, kind, attempt_of(visitor.authorize()))

    assert recovery["prompt"] == ["login"]
    assert recovery.get("max_age", ["0"]) == ["0"]
    assert "prompt" not in plain
    assert "max_age" not in plain


# Recovery


def test_h3_a_session_that_somebody_left_at_an_upstream_sets_no_password(here: LiedTo) -> None:
    here.lie(userinfo=strong)
    here.linked("oidc")
    here.app.clock.move(REST)
    here.lie(claims=at(here.app.clock() - 3 * HOUR), userinfo=strong)

    _, page = recovering(here, "oidc")

    assert 'data-page="login"' in page.text
    assert "Không xác nhận được kết quả" in page.text


def test_h3_an_old_session_that_came_in_by_an_ordinary_login_sets_no_password(here: LiedTo) -> None:
    here.lie(userinfo=strong)
    here.linked("oidc")
    here.app.clock.move(REST)
    here.lie(claims=at(here.app.clock() - 3 * HOUR), userinfo=strong)
    visitor = here.app.visitor()
    assert "code" in answer_of(arrives(visitor, here, "oidc", visitor.authorize()))

    assert 'data-page="recover-eid"' in visitor.get("/recover/eid").text


def strong(profile: dict[str, Any]) -> dict[str, Any]:
    """The liar's OpenID Provider tells the number and the level of the proofing."""
    return profile | {"citizen": "000890990001", "ial": "2"}


def test_h3_a_login_that_was_just_now_there_sets_a_password(here: LiedTo) -> None:
    here.lie(userinfo=strong)
    here.linked("oidc")
    here.app.clock.move(REST)

    _, page = recovering(here, "oidc")

    assert 'data-page="recover-eid-password"' in page.text


@pytest.mark.parametrize("kind", ["vneid", "dvcqg"])
def test_h3_where_nobody_can_tell_when_a_code_to_the_number_has_to_come_too(here: LiedTo, kind: str) -> None:
    """VNeID's own protocol, and the portal where it sends no ID token."""
    here.lie(**silent(kind))
    here.linked(kind)
    here.app.clock.move(REST)

    visitor, step = recovering(here, kind)
    assert step.status_code == 303
    done = with_code(here, visitor, step)

    assert 'data-page="recover-eid-password"' in visitor.get(done.headers["Location"]).text


def without_id_token(tokens: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in tokens.items() if name != "id_token"}


def silent(kind: str) -> dict[str, Change]:
    """The portal without ID tokens; VNeID has none anyway."""
    if kind == "vneid":
        return {}
    return {"token": without_id_token, "userinfo": lambda profile: profile | {"IAL": "2"}}


def test_h3_a_password_is_not_set_before_the_code(here: LiedTo) -> None:
    here.linked("vneid")
    here.app.clock.move(REST)
    visitor, _ = recovering(here, "vneid")
    csrf = csrf_of_page(visitor)

    new = "một mật khẩu khác hẳn"
    answer = visitor.post("/recover/eid", data={"csrf": csrf, "password": new, "again": new})

    assert answer.status_code == 400


def csrf_of_page(visitor: Visitor) -> str:
    page = visitor.get("/account").text
    return page.split('name="csrf" value="')[1].split('"')[0]


def test_h3_without_a_channel_the_page_says_so_and_names_other_ways(here: LiedTo) -> None:
    here.linked("vneid")
    without_number(here)

    _, page = recovering(here, "vneid")

    assert 'data-page="recover-eid-no-channel"' in page.text
    assert 'href="/recover"' in page.text


# What portals are told


def test_m9_portals_are_told_when_the_person_logged_in_there(here: LiedTo) -> None:
    here.linked("oidc")
    there = int(here.app.clock()) - 2 * HOUR
    here.lie(claims=at(there))
    visitor = here.app.visitor()

    answer = arrives(visitor, here, "oidc", visitor.authorize())

    tokens = redeemed(visitor, answer)
    assert claims_of(tokens["id_token"])["auth_time"] == there
    assert visitor.introspect(tokens["access_token"])["auth_time"] == there
    assert visitor.userinfo(tokens["access_token"]).status_code == 200


def test_m9_an_old_login_there_makes_no_short_session_here(here: LiedTo) -> None:
    """What ends logins goes by when the proof reached us: not by a clock of the upstream's."""
    here.linked("oidc")
    here.lie(claims=at(here.app.clock() - 20 * HOUR))
    visitor = here.app.visitor()
    arrives(visitor, here, "oidc", visitor.authorize())

    here.app.clock.move(1000)

    assert "code" in answer_of(visitor.authorize())
    assert parse_qs(urlsplit(visitor.authorize(max_age="3600").headers["Location"]).query).get("attempt")


def test_m9_where_nobody_knows_portals_are_told_nothing(here: LiedTo) -> None:
    here.linked("vneid")
    visitor = here.app.visitor()

    tokens = redeemed(visitor, arrives(visitor, here, "vneid", visitor.authorize()))

    assert "auth_time" not in claims_of(tokens["id_token"])
    assert "auth_time" not in claims_of(tokens["access_token"])
    assert "auth_time" not in visitor.introspect(tokens["access_token"])


@pytest.mark.parametrize("demand", [{"prompt": "login"}, {"max_age": "0"}, {"max_age": "600"}])
@pytest.mark.parametrize("kind", ["vneid", "dvcqg"])
def test_m9_a_login_that_a_portal_demands_is_proved_by_a_second_step(
    here: LiedTo, kind: str, demand: dict[str, str]
) -> None:
    here.lie(**silent(kind))
    here.linked(kind)
    here.app.clock.move(1000)
    visitor = here.app.visitor()

    step = arrives(visitor, here, kind, visitor.authorize(**demand))
    here.app.clock.move(20)
    done = with_code(here, visitor, step)

    assert claims_of(redeemed(visitor, done)["id_token"])["auth_time"] == int(here.app.clock())


def test_m9_where_no_second_step_is_possible_the_portal_gets_an_error(here: LiedTo) -> None:
    here.linked("vneid")
    without_number(here)
    visitor = here.app.visitor()

    assert answer_of(arrives(visitor, here, "vneid", visitor.authorize(prompt="login")))["error"] == "login_required"
    assert "code" in answer_of(arrives(visitor, here, "vneid", visitor.authorize()))


@pytest.mark.parametrize("kind", ["oidc", "dvcqg"])
def test_m9_an_upstream_that_answers_a_demand_from_an_old_session_is_not_believed(here: LiedTo, kind: str) -> None:
    here.linked(kind)
    here.lie(claims=at(here.app.clock() - 60))
    visitor = here.app.visitor()

    answer = here.via(kind, visitor, visitor.authorize(prompt="login"))

    assert parse_qs(urlsplit(answer.headers["Location"]).query)["why"] == ["refused"]


def test_m9_a_session_whose_time_nobody_knows_is_too_old_for_any_max_age(here: LiedTo) -> None:
    here.linked("vneid")
    visitor = here.app.visitor()
    arrives(visitor, here, "vneid", visitor.authorize())

    assert urlsplit(visitor.authorize(max_age="100000").headers["Location"]).path == "/login"
    assert "code" in answer_of(visitor.authorize())


# Through what a login came


def test_d1_a_login_through_an_upstream_is_not_judged_by_the_age_of_a_local_password(here: LiedTo) -> None:
    here.lie(claims=lambda claims: claims | {"amr": ["pwd"]})
    here.linked("oidc")
    here.app.clock.move(200 * 86400)
    visitor = here.app.visitor()

    tokens = redeemed(visitor, arrives(visitor, here, "oidc", visitor.authorize()))

    assert visitor.userinfo(tokens["access_token"]).status_code == 200
    assert visitor.introspect(tokens["access_token"])["active"] is True


def test_d1_a_login_by_password_still_is(here: LiedTo) -> None:
    visitor = here.app.visitor()
    tokens = visitor.tokens("0012345678", scope="openid")
    assert visitor.userinfo(tokens["access_token"]).status_code == 200

    found = here.app.provider.oidc.issuing.tokens.read(tokens["access_token"]).authentication

    assert found
    assert found.through == "password"
