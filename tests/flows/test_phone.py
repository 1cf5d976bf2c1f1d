"""The phone's API over HTTP: enrolment, one device at a time, and logins by QR code from scan to delivery."""

import re

import pytest

from tests.support.app import App, answer_of, attempt_of
from tests.support.hashing import no_room
from tests.support.phones import PASSCODE, SCOPE, Phone, enrolled_phone, phone_of, taken_over, with_app
from tests.support.qr import Waiting, shown, waiting


@pytest.fixture
def phone(app: App) -> Phone:
    with_app(app)
    return enrolled_phone(app)


@pytest.fixture
def page(phone: Phone) -> Waiting:
    return waiting(phone.visitor.app.visitor())


def code_of(answer: object) -> str:
    return str((getattr(answer, "json", None) or {}).get("code"))


def test_a_phone_is_enrolled_scans_and_lets_a_browser_in_on_every_store(everywhere: App) -> None:
    """The whole story by API: login, code by text message, scan, signed card, number, passcode, the portal's code."""
    with_app(everywhere)
    phone = phone_of(everywhere)
    phone.log_in()
    first = phone.call("/phone/device", {"name": "Galaxy A15", "passcode": PASSCODE})
    assert (first.status_code, first.json["sent_to"]) == (202, "*** *** *67")
    enrolled = phone.enrol()
    assert (enrolled.status_code, enrolled.json["name"]) == (201, "Galaxy A15")

    page = waiting(everywhere.visitor())
    scanned = phone.scan(page).json
    card = phone.card(scanned["card"])
    assert (card["portal"], card["domain"]) == ("Cổng thử nghiệm", "portal.example.test")
    assert (card["aud"], card["ticket"], card["same_network"]) == ("app", scanned["ticket"], True)
    assert page.told()["device"] == "Galaxy A15"
    assert phone.confirm(scanned["ticket"], page.number).json == {"result": "confirmed"}

    delivered = page.told()
    assert delivered["state"] == "delivered"
    assert "code" in answer_of(page.visitor.get(delivered["next"]))


def test_a_code_of_a_moment_ago_serves_for_the_enrolment(app: App) -> None:
    with_app(app)
    phone = phone_of(app)
    answer = phone.visitor.authorize(client_id="app", scope=SCOPE, dpop_jkt=phone.key.jkt, acr_values="urn:bhxh:acr:2")
    coded = phone.visitor.log_in(answer)
    attempt = attempt_of(coded)
    phone.visitor.get(coded.headers["Location"])
    back = phone.visitor.post("/login/code", data={"attempt": attempt, "code": app.code_sent()})
    phone.took(phone.visitor.get(back.headers["Location"]))

    assert phone.call("/phone/device", {"name": "A", "passcode": PASSCODE}).status_code == 201


def test_a_phone_that_is_not_enrolled_confirms_nothing(app: App) -> None:
    with_app(app)
    phone = phone_of(app)
    phone.log_in()
    page = waiting(app.visitor())

    assert code_of(phone.scan(page)) == "no_device"
    assert page.told()["state"] == "pending"


class TestTakeover:
    """One device at a time: the second phone is warned, proves the number, and only then the first is out."""

    def test_the_second_phone_is_warned_and_the_first_lives_until_the_code(self, phone: Phone) -> None:
        """P-10, acceptance 6"""
        app = phone.visitor.app
        second = phone_of(app, "198.51.100.9")
        page = taken_over(second)
        assert "Galaxy A15" in page.text
        device = re.search(r'name="device" value="([^"]+)"', page.text)[1]  # type: ignore[index]
        attempt = re.search(r'name="attempt" value="([^"]+)"', page.text)[1]  # type: ignore[index]
        form = {"attempt": attempt, "device": device, "device-take": "1"}

        on = second.visitor.post("/login/device", data=form)
        asked = second.visitor.get(on.headers["Location"])
        assert "/login/code" in asked.headers["Location"]
        second.visitor.get(asked.headers["Location"])
        assert phone.state()["state"] == "active"
        wrong = second.visitor.post("/login/code", data={"attempt": attempt, "code": "000000"})
        assert wrong.status_code != 303
        assert phone.userinfo(phone.access_token).status_code == 200

        right = second.visitor.post("/login/code", data={"attempt": attempt, "code": app.code_sent()})
        second.took(second.visitor.get(right.headers["Location"]))

        assert phone.state()["ended"]["why"] == "replaced"
        assert phone.userinfo(phone.access_token).status_code == 401
        assert phone.refresh(phone.refresh_token).json["error"] == "invalid_grant"
        assert second.enrol("Pixel").status_code == 201
        assert phone.state()["ended"]["successor"] == "Pixel"

    def test_who_keeps_the_other_phone_leaves_it_untouched(self, phone: Phone) -> None:
        second = phone_of(phone.visitor.app, "198.51.100.9")
        page = taken_over(second)
        attempt = re.search(r'name="attempt" value="([^"]+)"', page.text)[1]  # type: ignore[index]

        back = second.visitor.post("/login/device", data={"attempt": attempt, "device-keep": "1"})

        assert answer_of(back)["error"] == "access_denied"
        assert phone.state()["state"] == "active"

    def test_by_api_it_takes_an_agreement_and_a_code(self, app: App) -> None:
        """Two phones that logged in before either was enrolled: the second evicts the first only with the code."""
        with_app(app)
        first, second = phone_of(app), phone_of(app, "198.51.100.9")
        first.log_in()
        second.log_in()
        assert first.enrol("Một").status_code == 201
        app.clock.move(70)

        warned = second.call("/phone/device", {"name": "Hai", "passcode": PASSCODE})
        assert (warned.status_code, warned.json["code"], warned.json["device"]["name"]) == (409, "other_device", "Một")
        wish = {"name": "Hai", "passcode": PASSCODE, "replace": True}
        assert second.call("/phone/device", wish).status_code == 202
        assert code_of(second.call("/phone/device", wish | {"code": "000000"})) == "code_wrong"
        assert first.state()["state"] == "active"
        assert second.call("/phone/device", wish | {"code": app.code_sent()}).status_code == 201

        told = first.call("/phone/qr/look", {"ticket": "A" * 22}).json
        assert (told["code"], told["ended"]["why"], told["ended"]["successor"]) == ("ended", "replaced", "Hai")
        assert told["ended"]["may_disown"] is True

    def test_eviction_cancels_what_is_pending(self, phone: Phone, page: Waiting) -> None:
        app = phone.visitor.app
        second = phone_of(app, "198.51.100.9")
        ticket = phone.scan(page).json["ticket"]
        assert phone.confirm(ticket, page.number).status_code == 200
        app.provider.accounts.devices.make_way(app.provider.accounts.devices.of_key(phone.key.jkt).id)
        second.log_in()

        assert page.told()["state"] == "gone"

    def test_whoever_was_replaced_may_say_that_it_was_not_them(self, app: App) -> None:
        """Every session, device and family ends, the password stays; and it works once."""
        with_app(app)
        first, second = phone_of(app), phone_of(app, "198.51.100.9")
        first.log_in()
        second.log_in()
        first.enrol("Một")
        app.clock.move(70)
        wish = {"name": "Hai", "passcode": PASSCODE, "replace": True}
        second.call("/phone/device", wish)
        second.call("/phone/device", wish | {"code": app.code_sent()})

        assert first.call("/phone/device/not-me", {}, token=False).json == {"result": "ended"}

        assert second.state()["ended"]["why"] == "secured"
        assert second.userinfo(second.access_token).status_code == 401
        assert code_of(first.call("/phone/device/not-me", {}, token=False)) == "not_replaced"


class TestPasscode:
    def test_five_wrong_passcodes_end_device_and_login_and_tell_the_owner(self, phone: Phone, page: Waiting) -> None:
        """O-08"""
        app = phone.visitor.app
        app.told("sms")
        ticket = phone.scan(page).json["ticket"]
        left = [phone.confirm(ticket, page.number, "246802").json["left"] for _ in range(4)]
        assert left == [4, 3, 2, 1]

        last = phone.confirm(ticket, page.number, "246802")

        assert (last.json["code"], last.json["ended"]["why"]) == ("ended", "passcode")
        assert phone.state()["state"] == "ended"
        assert page.told()["say"] == "wrong_passcode"
        assert [m.facts["event"] for m in app.told("sms")] == ["device_locked"]

    def test_the_count_is_the_devices_and_outlives_logins(self, phone: Phone) -> None:
        """O-08: other pictures and other workers do not give the tries back; a right one does."""
        app = phone.visitor.app
        for left in (4, 3, 2, 1):
            page = waiting(app.visitor())
            ticket = phone.scan(page).json["ticket"]
            assert phone.confirm(ticket, page.number, "246802").json["left"] == left
        assert phone.confirm(ticket, page.number).status_code == 200

        assert phone.call("/phone/device/passcode", {"old": "246802", "new": "864209"}).json["left"] == 4

    def test_it_can_be_changed_by_who_knows_it(self, phone: Phone, page: Waiting) -> None:
        assert phone.call("/phone/device/passcode", {"old": PASSCODE, "new": "864209"}).status_code == 200
        ticket = phone.scan(page).json["ticket"]

        assert code_of(phone.confirm(ticket, page.number, PASSCODE)) == "passcode_wrong"
        assert phone.confirm(ticket, page.number, "864209").status_code == 200

    @pytest.mark.parametrize("weak", ["111111", "123456", "987654", "121121", "000001", "234567", "112211"])
    def test_what_everybody_tries_first_is_refused(self, phone: Phone, weak: str) -> None:
        assert code_of(phone.call("/phone/device/passcode", {"old": PASSCODE, "new": weak})) == "passcode_weak"

    def test_a_wrong_number_costs_no_try_of_it(self, phone: Phone, page: Waiting) -> None:
        """L-04: the number is typed, and the third wrong one ends the login."""
        ticket = phone.scan(page).json["ticket"]
        wrong = f"{(int(page.number) + 1) % 100:02}"

        told = [phone.confirm(ticket, wrong).json for _ in range(3)]

        assert [each["left"] for each in told] == [2, 1, 0]
        assert ["ba lần" in each["detail"] for each in told] == [False, False, True]
        assert page.told()["say"] == "wrong_number"
        assert phone.call("/phone/device/passcode", {"old": "246802", "new": "864209"}).json["left"] == 4

    def test_a_busy_hour_costs_no_try(self, phone: Phone, page: Waiting) -> None:
        """Passcodes that nobody could judge were none."""
        ticket = phone.scan(page).json["ticket"]
        with no_room(phone.visitor.app.provider.accounts.passwords):
            answers = [phone.confirm(ticket, page.number, "246802") for _ in range(6)]

        assert {(a.status_code, a.json["code"], a.headers["Retry-After"]) for a in answers} == {(503, "busy", "2")}
        assert phone.confirm(ticket, page.number, "246802").json["left"] == 4


class TestEndings:
    def test_refusing_is_told_to_the_browser(self, phone: Phone, page: Waiting) -> None:
        ticket = phone.scan(page).json["ticket"]

        assert phone.call("/phone/qr/deny", {"ticket": ticket}).json == {"result": "denied"}
        assert page.told()["say"] == "denied"
        assert code_of(phone.confirm(ticket, page.number)) == "denied"

    def test_not_me_ends_the_login_and_blocks_what_asked_for_it(self, phone: Phone, page: Waiting) -> None:
        """L-08: one call; the ticket is denied, the browser gets no other picture, and the sessions are listed."""
        app = phone.visitor.app
        ticket = phone.scan(page).json["ticket"]

        told = phone.call("/phone/qr/not-me", {"ticket": ticket}).json

        assert told["device"]["name"] == "Galaxy A15"
        assert [session["network"] for session in told["sessions"]] == ["192.0.2.0/24"]
        assert page.told()["say"] == "not_me"
        assert page.visitor.get("/login/qr", query_string={"attempt": page.attempt}).status_code == 400
        anew = attempt_of(page.visitor.authorize())
        again = page.visitor.get("/login/qr", query_string={"attempt": anew})
        assert "why=blocked" in again.headers.get("Location", ""), again.text
        assert "qr.not_me" in {row["name"] for row in app.base.trail.tail(50)}

    def test_not_me_after_the_delivery_ends_the_session_too(self, phone: Phone, page: Waiting) -> None:
        """L-08"""
        ticket = phone.scan(page).json["ticket"]
        phone.confirm(ticket, page.number)
        portal = page.visitor
        portal.get(page.told()["next"])
        assert portal.get("/account").status_code == 200

        assert phone.call("/phone/qr/not-me", {"ticket": ticket}).status_code == 200

        assert portal.get("/account").status_code == 303

    def test_a_second_phone_is_refused_and_both_are_told(self, phone: Phone, page: Waiting) -> None:
        """K-06"""
        app = phone.visitor.app
        app.person("0000000002", phone="0901234599", phone_verified=True)
        other = enrolled_phone(app, "0000000002")
        picture = page.told()["pictures"][0]
        from tests.support.qr import read

        ticket = phone.call("/phone/qr/scan", {"picture": read(picture)}).json["ticket"]
        assert code_of(other.call("/phone/qr/scan", {"picture": read(picture)})) == "already_scanned"

        assert phone.call("/phone/qr/look", {"ticket": ticket}).json["intruded"] is True
        assert page.told()["say"] == "intruded"
        assert code_of(other.confirm(ticket, page.number)) == "scanned_by_other"

    def test_a_phone_that_was_taken_out_opens_nothing(self, phone: Phone, page: Waiting) -> None:
        assert phone.call("/phone/device/remove", {}).json == {"result": "removed"}

        assert phone.state()["ended"]["why"] == "unenrolled"
        assert code_of(phone.scan(page)) == "ended"
        assert phone.userinfo(phone.access_token).status_code == 401
        assert phone.refresh(phone.refresh_token).status_code == 400


class TestRisk:
    def test_in_another_network_the_login_is_level_one_short_and_without_refresh(self, phone: Phone) -> None:
        """O-09, L-03"""
        app = phone.visitor.app
        browser = app.visitor("203.0.113.5")
        page = shown(browser, attempt_of(browser.authorize(scope="openid offline_access")))
        scanned = phone.scan(page).json
        assert phone.card(scanned["card"])["same_network"] is False
        phone.confirm(scanned["ticket"], page.number)

        app.told("sms")
        answer = page.visitor.get(page.told()["next"])
        assert [m.facts["event"] for m in app.told("sms")] == ["new_device"]
        tokens = page.visitor.redeem(answer_of(answer)["code"]).json

        assert "refresh_token" not in tokens
        assert page.visitor.introspect(tokens["access_token"])["acr"] == "urn:bhxh:acr:1"
        app.clock.move(3590)
        assert page.visitor.get("/account").status_code in (200, 303)
        app.clock.move(20)
        assert page.visitor.get("/account").status_code == 303

    def test_a_portal_may_demand_one_network(self, phone: Phone) -> None:
        """L-03"""
        app = phone.visitor.app
        app.client(qr_login="near")
        far, near = waiting(app.visitor("203.0.113.5")), waiting(app.visitor())

        assert code_of(phone.scan(far)) == "other_network"
        assert far.told()["say"] == "other_network"
        assert phone.scan(near).status_code == 200
