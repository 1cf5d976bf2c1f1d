"""A screen without a keyboard is let in from a telephone: the whole story, on every pair of stores (RFC 8628)."""

import io
from urllib.parse import parse_qs, urlsplit

import pytest
import zxingcpp
from PIL import Image

from tests.support.app import ISSUER, App, attempt_of
from tests.support.device_grant import ask, decide, device, let_in, question, tv
from tests.support.trips import Trips, counted


def test_a_device_is_let_in_and_goes_on_without_the_person(everywhere: App) -> None:
    app = everywhere
    tv(app)
    shown, person = device(app), app.visitor()
    assert shown.error() == "authorization_pending"

    page = question(person, shown.user_code.lower().replace("-", " "))
    assert "Màn hình ở bộ phận một cửa" in page.text
    done = person.get(decide(person, page).headers["Location"])
    assert "Đã cho phép" in done.text
    assert app.base.trail.tail(1)[0]["name"] == "device_grant.allowed"
    tokens = shown.tokens()

    assert set(tokens["scope"].split()) == {"openid", "profile", "offline_access"}
    assert person.userinfo(tokens["access_token"]).json["name"] == "Nguyễn Thị Hoà"  # type: ignore[index]
    assert person.refresh(tokens["refresh_token"], "tv-app").status_code == 200
    assert shown.error() == "invalid_grant"
    app.provider.login.sessions.end_all(app.base.people.find_by_identifier("bhxh", "0000000001").id)  # type: ignore[union-attr]
    assert person.userinfo(tokens["access_token"]).status_code == 401


def test_what_the_device_is_told_first(app: App) -> None:
    """RFC 8628, 3.2"""
    tv(app)
    answer = ask(app)
    told = dict(answer.json or {})
    complete = urlsplit(told["verification_uri_complete"])

    assert answer.headers["Cache-Control"] == "no-store"
    assert (told["verification_uri"], told["expires_in"], told["interval"]) == (f"{ISSUER}/device", 600, 5)
    assert told["verification_uri_complete"].startswith(told["verification_uri"])
    assert parse_qs(complete.query) == {"user_code": [told["user_code"]]}
    assert (len(told["user_code"]), told["user_code"][4]) == (9, "-")
    known = app.visitor().get("/.well-known/openid-configuration").json or {}
    assert known["device_authorization_endpoint"] == f"{ISSUER}/device_authorization"
    assert "urn:ietf:params:oauth:grant-type:device_code" in known["grant_types_supported"]


def test_the_person_says_no(app: App) -> None:
    tv(app)
    shown, person = device(app), app.visitor()

    done = decide(person, question(person, shown.user_code), "device-deny")

    assert "Đã từ chối" in person.get(done.headers["Location"]).text
    assert [shown.error(), shown.error()] == ["access_denied", "access_denied"]
    assert question(person, shown.user_code).status_code == 400
    newest = app.base.trail.tail(1)[0]
    assert (newest["name"], newest["client_id"]) == ("device_grant.denied", "tv-app")


def test_the_code_may_be_typed_on_the_page(app: App) -> None:
    tv(app)
    shown, person = device(app), app.visitor()
    page = person.get("/device")
    assert 'name="user_code"' in page.text

    sent = person.post("/device", data={"user_code": shown.user_code.replace("-", ""), "device-continue": "1"})
    person.log_in(person.get(sent.headers["Location"]))

    assert shown.user_code in question(person, shown.user_code).text
    again = person.get(person.post("/device", data={"user_code": "không phải mã"}).headers["Location"])
    assert again.status_code == 400
    assert "8 chữ cái" in again.text


def test_a_code_that_nobody_decides_runs_out(app: App) -> None:
    tv(app)
    shown, person = device(app), app.visitor()
    page = question(person, shown.user_code)
    app.clock.move(600)

    assert shown.error() == "expired_token"
    assert decide(person, page).status_code == 400
    assert question(person, shown.user_code).status_code == 400


def test_the_page_is_the_consent_of_a_portal_that_is_not_ours(app: App) -> None:
    tv(app, first_party=False, client_uri="https://sao-mai.example/tv")
    shown, person = device(app, scope="openid profile"), app.visitor()
    page = question(person, shown.user_code)
    assert "https://sao-mai.example/tv" in page.text
    unticked = decide(person, page, ticked=False)
    assert unticked.status_code == 400
    assert "agree-error" in unticked.text
    assert shown.error() == "authorization_pending"
    decide(person, unticked)

    account = app.base.people.find_by_identifier("bhxh", "0000000001")
    assert account
    agreements = app.provider.stores.consents.of_account(account.id)

    assert [(a.client_id, a.scopes, a.network) for a in agreements] == [
        ("tv-app", ("openid", "profile"), "192.0.2.0/24")
    ]
    assert shown.tokens()
    second = device(app, scope="openid")
    assert 'name="agree"' not in question(person, second.user_code).text


def test_a_client_that_wants_a_code_gets_a_login_with_one(app: App) -> None:
    tv(app, default_acr_values=["urn:bhxh:acr:2"])
    app.person("0000000009", phone="+84981234567", phone_verified=True)
    shown, person = device(app), app.visitor()
    begun = person.get("/device", query_string={"user_code": shown.user_code})
    logged_in = person.log_in(begun, "0000000009")
    step = person.get(logged_in.headers["Location"])
    assert step.headers["Location"].startswith("/login/code?")
    attempt = attempt_of(step)
    person.get(step.headers["Location"])
    entered = person.post("/login/code", data={"attempt": attempt, "code": app.code_sent(), "code-submit": "1"})
    back = person.get(entered.headers["Location"])

    decide(person, person.get(back.headers["Location"]))
    tokens = shown.tokens()

    assert person.introspect(tokens["access_token"], "tv-app")["acr"] == "urn:bhxh:acr:2"


def test_the_picture_is_read_by_a_decoder(app: App) -> None:
    tv(app)
    shown = device(app)
    answer = app.visitor().get("/device/code.png", query_string={"user_code": shown.user_code})
    picture = Image.open(io.BytesIO(answer.data))

    assert picture.size == (240, 240)
    assert [found.text for found in zxingcpp.read_barcodes(picture)] == [shown.answer["verification_uri_complete"]]


@pytest.mark.parametrize("state", ["pending", "hasty"])
def test_a_poll_is_one_read_and_one_write_of_one_short_lived_record(everywhere: App, state: str) -> None:
    """K-04"""
    tv(everywhere)
    shown = device(everywhere)
    if state == "hasty":
        shown.poll()
    everywhere.visitor().get("/jwks")

    with counted(everywhere) as trips:
        shown.poll()

    assert trips == Trips(short_lived=2), "\n".join(trips.said)


def test_another_person_may_be_let_in_by_the_same_device_later(app: App) -> None:
    tv(app)
    app.person("0000000007")
    subjects = set()
    for code in ("0000000001", "0000000007"):
        shown, person = device(app, scope="openid"), app.visitor()
        decide(person, question(person, shown.user_code, code=code))
        subjects.add(person.introspect(shown.tokens()["access_token"], "tv-app")["sub"])

    assert len(subjects) == 2


def test_two_devices_of_one_client_do_not_get_mixed_up(app: App) -> None:
    tv(app)
    first, second, person = device(app), device(app), app.visitor()
    let_in(person, second.user_code)

    assert first.error() == "authorization_pending"
    assert second.tokens()
