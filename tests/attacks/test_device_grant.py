"""The device grant under attack: guessed codes, strange clients, forged forms, and everything the gate may say."""

import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from idp.oidc.clients import DEVICE_CODE
from tests.attacks.test_the_gate import Situation, bump, demand_more, disable_account, disable_client, end_sessions
from tests.support.app import App
from tests.support.device_grant import ask, decide, device, let_in, question, tv

WRONG = "BBBB-BBBB"


def test_five_wrong_codes_a_minute_in_one_session_and_from_one_address(app: App) -> None:
    """K-01, RFC 8628, 5.1: then nothing is looked up, whoever asks from there, right or wrong."""
    tv(app)
    shown = device(app).user_code
    person, neighbour = app.visitor(), app.visitor("192.0.2.8")
    housemate = app.visitor(person.address)
    assert question(neighbour, shown).status_code == 200
    assert question(housemate, shown).status_code == 200
    assert [question(person, WRONG).status_code for _ in range(6)] == [400] * 5 + [429]
    person.address = "203.0.113.77"
    elsewhere = app.visitor("198.51.100.200")

    refused = question(person, shown)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "60")
    assert question(neighbour, shown).status_code == 200
    assert question(housemate, shown).status_code == 429
    assert question(elsewhere, shown).status_code == 200
    app.clock.move(60)
    assert question(person, shown).status_code == 200


def test_right_codes_do_not_count_and_forgive_nothing(app: App) -> None:
    """K-01: with a code of one's own nobody buys more guesses."""
    tv(app)
    mine, person = device(app).user_code, app.visitor()
    assert [question(person, mine).status_code for _ in range(8)] == [200] * 8

    told = [question(person, code).status_code for code in (WRONG, mine, WRONG, mine, WRONG, mine, WRONG, WRONG, mine)]

    assert told == [400, 200, 400, 200, 400, 200, 400, 400, 429]


def test_nobody_learns_without_a_login_whether_a_code_exists(app: App) -> None:
    tv(app)
    shown = device(app).user_code

    def answer(code: str) -> tuple[int, str]:
        found = app.visitor().get("/device", query_string={"user_code": code})
        return found.status_code, re.sub(r"attempt=.*", "", found.headers["Location"])

    assert answer(shown) == answer(WRONG) == (303, "/login?")


def test_a_form_does_not_guess_either(app: App) -> None:
    """Whoever was not shown the question cannot answer it; right and wrong codes get the same answer."""
    tv(app)
    shown, person = device(app), app.visitor()
    page = question(person, shown.user_code)
    other = device(app)

    for code in (other.user_code, WRONG, ""):
        for button in ("device-allow", "device-deny"):
            assert decide(person, page, button, user_code=code).status_code == 400
    assert other.error() == shown.error() == "authorization_pending"


@pytest.mark.parametrize("spoiled", [{"csrf": ""}, {"csrf": "a" * 43}])
def test_the_form_needs_the_anti_forgery_value(app: App, spoiled: dict[str, str]) -> None:
    """P-13"""
    tv(app)
    shown, person = device(app), app.visitor()
    page = question(person, shown.user_code)

    assert decide(person, page, **spoiled).status_code == 403
    assert shown.error() == "authorization_pending"


def test_a_link_with_the_code_decides_nothing(app: App) -> None:
    """RFC 8628, 5.4: whoever follows a stranger's link is asked, and shown the code that the device must show."""
    tv(app)
    shown, person = device(app), app.visitor()
    page = question(person, shown.user_code + "&device-allow=1")
    page = question(person, shown.user_code)

    assert shown.user_code in page.text
    assert "198.51.100.0/24" in page.text
    assert 'id="elsewhere"' in page.text
    assert page.text.index("device-deny") < page.text.index("device-allow")
    assert shown.error() == "authorization_pending"


def test_no_warning_of_another_network_in_the_same_one(app: App) -> None:
    tv(app)

    assert 'id="elsewhere"' not in question(app.visitor("198.51.100.44"), device(app).user_code).text


def test_a_public_client_is_answered_and_a_confidential_one_has_to_authenticate(app: App) -> None:
    tv(app)
    tv(app, "tv-public", None, token_endpoint_auth_method="none")
    mine = device(app, "tv-public", None)

    assert mine.error() == "authorization_pending"
    visitor = app.visitor()
    unproven = visitor.post("/device_authorization", data={"client_id": "tv-app", "scope": "openid"})
    assert (unproven.status_code, unproven.json) == (
        401,
        {"error": "invalid_client", "error_description": "Client authentication failed."},
    )
    wrong = ask(app, secret="not the secret of this client at all")
    assert wrong.status_code == 401
    shown = device(app)
    poll = visitor.post(
        "/token", data={"grant_type": DEVICE_CODE, "device_code": shown.answer["device_code"], "client_id": "tv-app"}
    )
    assert poll.status_code == 401


def test_only_who_registered_for_the_grant_may_use_it(app: App) -> None:
    tv(app)
    shown = device(app)
    let_in(app.visitor(), shown.user_code)

    assert ask(app, "portal", scope="openid").json["error"] == "unauthorized_client"  # type: ignore[index]
    shown.client_id = "portal"
    assert shown.error() == "unauthorized_client"
    shown.client_id = "tv-app"
    assert shown.tokens()


def test_another_client_of_the_grant_gets_nothing_and_spoils_nothing(app: App) -> None:
    tv(app)
    tv(app, "tv-other")
    shown = device(app)
    let_in(app.visitor(), shown.user_code)
    shown.client_id = "tv-other"
    assert shown.error() == "invalid_grant"
    shown.client_id = "tv-app"

    assert shown.tokens()


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"scope": None, "else": "1"}, "invalid_scope"),
        ({"scope": ""}, "invalid_scope"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "openid bhxh"}, "invalid_scope"),
        ({"scope": "openid device"}, "invalid_scope"),
        ({"scope": "openid", "resource": "https://other.example"}, "invalid_target"),
    ],
    ids=str,
)
def test_what_a_device_may_not_ask_for(app: App, asked: dict[str, str | None], error: str) -> None:
    tv(app)

    answer = ask(app, **asked)  # type: ignore[arg-type]
    assert answer.status_code == 400
    assert answer.json["error"] == error  # type: ignore[index]


@pytest.mark.parametrize(
    "more", [{"device_code": ""}, {"device_code": "x"}, {"device_code": "ф" * 52}, {"resource": "x"}]
)
def test_a_poll_that_makes_no_sense_is_a_400(app: App, more: dict[str, str]) -> None:
    tv(app)
    shown = device(app)

    assert shown.poll(**more).status_code == 400


def test_begun_device_codes_are_capped_per_network(app: App) -> None:
    """C-01"""
    tv(app)
    most = app.settings.limits.attempts_per_address
    answers = [ask(app) for _ in range(most + 1)]

    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert (answers[-1].status_code, answers[-1].headers["Retry-After"]) == (429, "60")
    assert ask(app, address="192.0.2.99").status_code == 200


def test_of_many_polls_at_once_one_gets_the_tokens(everywhere: App) -> None:
    """F-21"""
    tv(everywhere)
    shown = device(everywhere)
    let_in(everywhere.visitor(), shown.user_code)

    with ThreadPoolExecutor(8) as threads:
        told = list(threads.map(lambda _: shown.poll().status_code, range(24)))

    assert sorted(told) == [200] + [400] * 23


@pytest.mark.parametrize(
    "reason", [disable_account, end_sessions, disable_client, demand_more, bump], ids=lambda r: r.__name__
)
def test_the_page_asks_the_gate_too(app: App, reason: Callable[[Situation], None]) -> None:
    situation = Situation(app)
    asked = device(app, "shop", scope="openid")
    page = question(situation.visitor, asked.user_code)
    reason(situation)

    answer = decide(situation.visitor, page)

    assert answer.headers.get("Location") != "/device/done"
    assert asked.error() in ("authorization_pending", "invalid_client")


def test_what_is_owed_when_the_button_is_pressed_is_asked_for_first(app: App) -> None:
    situation = Situation(app)
    asked = device(app, "shop", scope="openid")
    page = question(situation.visitor, asked.user_code)
    demand_more(situation)

    assert decide(situation.visitor, page).headers["Location"].startswith("/login/code?")
    assert asked.error() == "authorization_pending"


def test_the_code_of_a_disabled_client_is_as_good_as_unknown(app: App) -> None:
    situation = Situation(app)
    asked = device(app, "shop", scope="openid")
    disable_client(situation)

    assert question(situation.visitor, asked.user_code).status_code == 400


def test_one_device_apps_are_not_let_in_from_afar(app: App) -> None:
    """Nobody is talked into enrolling a stranger's phone by a code."""
    from idp.oidc.registration import BadClient

    app_of_a_person = {
        "application_type": "native",
        "token_endpoint_auth_method": "none",
        "dpop_bound_access_tokens": True,
        "one_device": True,
        "scope": "openid device",
    }
    with pytest.raises(BadClient, match="one_device"):
        tv(app, "phone-app", None, **app_of_a_person)


def test_a_closed_session_ends_what_it_let_in(app: App) -> None:
    """S-06: without offline access the device goes on as long as the person's session, and no longer."""
    tv(app)
    shown, person = device(app, scope="openid profile"), app.visitor()
    let_in(person, shown.user_code)
    token = shown.tokens()["access_token"]
    assert person.userinfo(token).status_code == 200

    app.provider.login.sessions.end_all(app.base.people.find_by_identifier("bhxh", "0000000001").id)  # type: ignore[union-attr]

    assert person.userinfo(token).status_code == 401


def test_the_picture_is_of_our_address_only_and_reads_no_cookie(app: App) -> None:
    visitor = app.visitor()
    answer = visitor.get("/device/code.png?user_code=bcdf-ghjk")

    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    assert "Set-Cookie" not in answer.headers
    for query in ("", "user_code=https://evil.test", "user_code=BCDF-GHJ", "user_code=BCDFGHJK&user_code=BCDFGHJK"):
        assert visitor.get(f"/device/code.png?{query}").status_code == 400
    assert visitor.post("/device/code.png").status_code == 405
    told = [visitor.get("/device/code.png?user_code=bcdf-ghjk").status_code for _ in range(30)]
    assert told == [200] * 29 + [429]


def test_what_is_no_code_does_no_harm_on_the_page(app: App) -> None:
    answer = app.visitor().get("/device", query_string={"user_code": '"><script>alert(1)</script>' + "x" * 5000})

    assert answer.status_code == 400
    assert "<script>alert" not in answer.text


def test_a_login_for_the_code_page_belongs_to_its_browser(app: App) -> None:
    """D-10"""
    tv(app)
    shown, victim = device(app), app.visitor()
    begun = app.visitor().get("/device", query_string={"user_code": shown.user_code})

    assert victim.get(begun.headers["Location"]).status_code in (400, 403)
