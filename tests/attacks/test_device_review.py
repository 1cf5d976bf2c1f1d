"""What a review of devices and QR logins found: ways to become somebody's device, and to come in after "not me"."""

import re
from typing import Any

from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from idp.login.sessions import ClientInfo as Carried
from idp.store import tables as t
from tests.support.app import App, Visitor, answer_of, attempt_of
from tests.support.dpop import ProofKey
from tests.support.phones import PASSCODE, SCOPE, Phone, enrolled_phone, phone_of, with_app
from tests.support.qr import shown, waiting

ACR2 = "urn:bhxh:acr:2"
ATTACKER = "0000000009"
ELSEWHERE = "203.0.113.5"


def to_app(visitor: Visitor, key: ProofKey, **more: Any) -> TestResponse:
    """Begin a login to the app with this key."""
    return visitor.authorize(client_id="app", scope=SCOPE, dpop_jkt=key.jkt, **more)


def agreed(visitor: Visitor, attempt: str) -> str:
    """Press "Tiếp tục" on the page that warns, if it comes; where that leads."""
    page = visitor.get("/login/device", query_string={"attempt": attempt})
    found = re.search(r'name="device" value="([^"]+)"', page.text)
    form = {"attempt": attempt, "device": found[1] if found else "", "device-take": "1"}
    return visitor.post("/login/device", data=form).headers.get("Location", "")


def coded(app: App, visitor: Visitor, asked: TestResponse) -> TestResponse:
    """Enter the code that a step asks for."""
    visitor.get(asked.headers["Location"])
    form = {"attempt": attempt_of(asked), "code": app.code_sent()}
    return visitor.get(visitor.post("/login/code", data=form).headers["Location"])


def let_in(phone: Phone, address: str = ELSEWHERE) -> Visitor:
    """A browser in another network that the phone let in."""
    page = waiting(phone.visitor.app.visitor(address))
    assert phone.confirm(phone.scan(page).json["ticket"], page.number).status_code == 200
    page.visitor.get(page.told()["next"])
    return page.visitor


def with_attacker(app: App) -> None:
    """Another account, with a number of its own."""
    account_id = app.person(ATTACKER)
    with app.base.database.transaction.begin() as connection:
        values = {"phone": "+84907654321", "phone_verified_at": app.clock()}
        connection.execute(update(t.account).where(t.account.c.id == account_id).values(values))


def test_a_relayed_picture_and_a_code_make_nobodys_phone_the_device(app: App) -> None:
    """L-06, L-07, O-09: neither a picture nor a session lets a phone in, whatever code was added to it."""
    with_app(app)
    owner = enrolled_phone(app)
    browser = let_in(owner)

    after = coded(app, browser, to_app(browser, ProofKey(), acr_values=ACR2))

    assert "/login?" in after.headers["Location"]
    assert owner.state()["state"] == "active"


def test_a_session_by_password_lets_no_other_phone_in(app: App) -> None:
    """P-10"""
    with_app(app)
    owner = enrolled_phone(app)
    visitor = app.visitor(ELSEWHERE)
    visitor.code()

    after = coded(app, visitor, to_app(visitor, ProofKey(), acr_values=ACR2))

    assert "/login?" in after.headers["Location"]
    assert owner.state()["state"] == "active"


def test_the_end_of_a_device_opens_no_way_to_a_new_passcode(app: App) -> None:
    """O-08: whoever holds the unlocked phone, without password and passcode, enrols nothing."""
    with_app(app)
    phone = enrolled_phone(app)
    page = waiting(app.visitor())
    ticket = phone.scan(page).json["ticket"]
    for _ in range(5):
        phone.confirm(ticket, page.number, "246802")
    assert phone.state()["ended"]["why"] == "passcode"

    assert "/login?" in to_app(phone.visitor, ProofKey()).headers["Location"]


def test_an_attempt_of_the_owner_is_not_finished_by_another_account(app: App) -> None:
    """P-10: the place was the owner's, the code the attacker's."""
    with_app(app)
    with_attacker(app)
    owner = enrolled_phone(app)
    visitor = app.visitor(ELSEWHERE)
    visitor.code()
    begun = attempt_of(to_app(visitor, ProofKey(), acr_values=ACR2))
    agreed(visitor, begun)
    app.told("sms")
    coded(app, visitor, visitor.log_in(visitor.authorize(prompt="login", acr_values=ACR2), ATTACKER))

    visitor.get("/authorize", query_string={"attempt": begun})

    assert owner.state()["state"] == "active"


def test_naming_the_owners_key_ends_nothing(app: App) -> None:
    with_app(app)
    owner = enrolled_phone(app)
    visitor = app.visitor(ELSEWHERE)
    begun = to_app(visitor, owner.key)
    visitor.try_to_log_in(attempt_of(begun), "0000000001", "mật khẩu dài để thử")
    agreed(visitor, attempt_of(begun))

    visitor.get("/authorize", query_string={"attempt": attempt_of(begun)})

    assert owner.state()["state"] == "active"


def test_the_code_comes_after_the_warning_and_says_what_it_is_for(app: App) -> None:
    with_app(app)
    owner = enrolled_phone(app)
    visitor, key = app.visitor(ELSEWHERE), ProofKey()
    begun = visitor.log_in(to_app(visitor, key, acr_values=ACR2))
    warned = coded(app, visitor, begun)
    assert "/login/device" in warned.headers["Location"]
    app.clock.move(70)

    asked = visitor.get(agreed(visitor, attempt_of(begun)))

    assert "/login/code" in asked.headers["Location"]
    assert owner.state()["state"] == "active"
    visitor.get(asked.headers["Location"])
    assert app.told("sms")[-1].facts["purpose"] == "device"


def test_what_is_not_me_comes_in_nowhere_even_when_the_delivery_was_held_back(app: App) -> None:
    """L-08: at a portal and on our own pages."""
    with_app(app)
    phone = enrolled_phone(app)
    portal = waiting(app.visitor(ELSEWHERE))
    own = app.visitor("203.0.113.6")
    for page in (portal, shown(own, attempt_of(own.get("/account")))):
        ticket = phone.scan(page).json["ticket"]
        assert phone.confirm(ticket, page.number).status_code == 200
        told = page.told()
        assert told["state"] == "delivered"
        assert phone.call("/phone/qr/not-me", {"ticket": ticket}).status_code == 200

        assert page.visitor.get(told["next"]).status_code == 400
        assert page.visitor.get("/account").status_code == 303


def test_a_session_by_picture_leads_no_further_than_a_picture(app: App) -> None:
    """L-03: portals that allow no QR login, or one network only, ask for a login of their own."""
    with_app(app)
    app.client("bank", qr_login="near")
    app.client("never", qr_login="off")
    far = let_in(enrolled_phone(app))

    assert ["/login" in far.authorize(client_id=name).headers["Location"] for name in ("bank", "never")] == [True, True]


def test_a_strange_browser_opens_no_sensitive_page_even_with_a_code(app: App) -> None:
    """O-09"""
    with_app(app)
    browser = let_in(enrolled_phone(app))

    assert "/login?" in browser.get("/account/details").headers["Location"]


def test_a_portal_that_was_switched_off_meanwhile_gets_nobody(app: App) -> None:
    with_app(app)
    phone = enrolled_phone(app)
    page = waiting(app.visitor())
    app.client("portal", qr_login="off")

    assert phone.scan(page).json["code"] == "denied"
    assert page.told()["say"] == "denied"


def test_a_phone_that_was_pushed_aside_stays_out_when_the_device_ends(app: App) -> None:
    with_app(app)
    thief, owner = phone_of(app, ELSEWHERE), phone_of(app)
    thief.log_in()
    owner.log_in()
    assert owner.enrol().status_code == 201
    owner.call("/phone/device/remove", {})

    assert thief.refresh(thief.refresh_token).status_code == 400


def test_wrong_codes_send_no_more_texts_and_a_new_login_helps(app: App) -> None:
    with_app(app)
    phone = phone_of(app)
    phone.log_in()
    wish = {"name": "A", "passcode": PASSCODE}
    phone.call("/phone/device", wish)
    right = app.code_sent()
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(6):
        phone.call("/phone/device", wish | {"code": wrong})
    app.clock.move(70)

    assert phone.call("/phone/device", wish).json["code"] == "code_exhausted"
    assert app.told("sms") == []
    phone.log_in(prompt="login")
    assert phone.enrol().status_code == 201


def test_junk_tokens_have_us_write_nothing(app: App) -> None:
    """Keys cost nothing: a proof is written down only beside a token that is bound to one."""
    with_app(app)
    phone = phone_of(app)
    phone.call("/phone/device", method="GET", token=False)

    def written() -> int:
        with app.base.database.autocommit.connect() as connection:
            return int(connection.execute(select(func.count()).select_from(t.revocation)).scalar() or 0)

    before = written()
    for _ in range(10):
        phone.key = ProofKey()
        assert phone.userinfo("junk").status_code == 401
        assert phone.call("/phone/qr/look", {"ticket": "A" * 22}, access_token="junk").status_code == 401
    assert written() == before


def test_a_neighbour_without_a_key_silences_nobody(app: App) -> None:
    with_app(app)
    phone = enrolled_phone(app)
    neighbour = app.visitor("192.0.2.200")
    for _ in range(1300):
        neighbour.post("/phone/qr/look", "x")

    assert phone.call("/phone/qr/look", {"ticket": "A" * 22}).json["code"] == "unknown"


def test_an_own_page_needs_a_confirmation_after_the_last_credential_event(app: App) -> None:
    with_app(app)
    phone = enrolled_phone(app)
    browser = app.visitor(ELSEWHERE)
    page = shown(browser, attempt_of(browser.get("/account")))
    phone.confirm(phone.scan(page).json["ticket"], page.number)
    qr = app.provider.qr_login
    login = qr.logins.look(str(browser.http.get_cookie("__Host-q", "id.example.test").value)).login  # type: ignore[union-attr]
    with app.base.database.transaction.begin() as connection:
        connection.exec_driver_sql(f"UPDATE account SET secured_at = {app.clock() + 1}")

    assert qr.proved(login, Carried("", "")).secured_at == -1.0


def test_the_answer_to_the_portal_is_an_answer(app: App) -> None:
    """The helper above would hide a story that never reaches its end: near, the portal gets its code."""
    with_app(app)
    page = waiting(app.visitor())
    phone = enrolled_phone(app)
    phone.confirm(phone.scan(page).json["ticket"], page.number)

    assert "code" in answer_of(page.visitor.get(page.told()["next"]))
