"""Whatever is sent to the phone's API: one defined problem with a code and a sentence, counted, and nothing done.

Proofs and tokens of others, numbers of other forms, bodies that are none, tickets that are not one's own.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc.jwk import ECKey
from werkzeug.test import TestResponse

from idp.oidc.dpop import NONCE_STEP
from qr_login.contract import REFUSALS
from qr_login.phone_api import CONTRACT, OPERATIONS
from tests.support.app import SECRET, App
from tests.support.dpop import BoundApp, ProofKey
from tests.support.phones import PASSCODE, SCOPE, Phone, enrolled_phone, phone_of, with_app
from tests.support.qr import Waiting, read, waiting

sentence = CONTRACT.sentence
SCAN = "/phone/qr/scan"
STEPS = ["/phone/qr/look", "/phone/qr/confirm", "/phone/qr/deny", "/phone/qr/not-me"]


@pytest.fixture
def phone(app: App) -> Phone:
    with_app(app)
    return enrolled_phone(app)


@pytest.fixture
def other(phone: Phone) -> Phone:
    """The device of somebody else."""
    app = phone.visitor.app
    app.person("0000000002", phone="0901234599", phone_verified=True)
    return enrolled_phone(app, "0000000002")


@pytest.fixture
def page(phone: Phone) -> Waiting:
    return waiting(phone.visitor.app.visitor())


@pytest.fixture(autouse=True)
def every_refusal_is_counted(app: App) -> Iterator[None]:
    """The number of the metrics is that of the problems that were seen."""
    SEEN.clear()
    yield
    lines = app.metrics_page().splitlines()
    counted = [line for line in lines if line.startswith("idp_phone_refusals_total{")]
    for code in set(SEEN):
        assert sum(float(line.split()[-1]) for line in counted if f'code="{code}"' in line) >= SEEN.count(code)


SEEN: list[str] = []


def refused(answer: TestResponse, language: str = "vi") -> str:
    """The code of a refusal; any other answer fails, and so does a problem that is not what the table says."""
    said = answer.json or {}
    code = str(said.get("code"))
    assert answer.content_type == "application/problem+json", (answer.status_code, answer.text)
    assert (said["status"], answer.status_code) == (REFUSALS[code].status,) * 2
    assert (said["type"], said["title"]) == (f"urn:bhxh:problem:{code}", code)
    assert said["detail"] == sentence(code, language)
    assert answer.headers["DPoP-Nonce"]
    SEEN.append(code)
    return code


def sent(phone: Phone, path: str, body: bytes, **headers: str) -> TestResponse:
    """One call with exactly this body."""
    proof = phone.proof("POST", path, access_token=phone.access_token)
    return phone.send("POST", path, proof, body, {"Authorization": f"DPoP {phone.access_token}"} | headers)


class TestBodies:
    def test_what_is_no_object_of_these_members_is_refused(self, phone: Phone) -> None:
        for body in [
            b"null", b"[]", b"[{}]", b'"picture"', b"1", b"true", b"{", b"{}{}", b"\0", b"\xff\xfe", b"\xef\xbb\xbf{}",
            '{"picture":"x"}'.encode("utf-16"), b"picture=x", b"<a/>", b'{"picture":"x","more":1}',
            b'{"picture":"x","picture":"y"}', b'{"picture":"x","account_id":"1"}', b'{"__proto__":{}}',
            b"[" * 30_000, b'{"picture":' * 5_000, b'{"picture":' + b"9" * 5_000 + b"}", b'{"picture":"\\ud8"}',
        ]:  # fmt: skip
            assert refused(sent(phone, SCAN, body)) == "bad_request"

    def test_what_is_no_text_of_ours_is_no_picture(self, phone: Phone) -> None:
        for picture in [
            None,
            0,
            -1,
            1.5,
            True,
            [],
            ["x"],
            {},
            {"picture": "x"},
            "",
            "\0",
            "\ud800",
            "\udfff\ud800",
            "x" * 201,
            "🙂",
        ]:
            answer = sent(phone, SCAN, json.dumps({"picture": picture}).encode())

            assert (refused(answer), (answer.json or {}).get("field", "picture")) == ("unreadable", "picture")

    def test_nothing_and_numbers_that_are_none_are_no_picture(self, phone: Phone) -> None:
        for body in [b"", b"{}", b'{"picture":NaN}', b'{"picture":-Infinity}', b'{"picture":1e999}']:
            assert refused(sent(phone, SCAN, body)) == "unreadable"

    def test_the_largest_body_is_64_kib(self, phone: Phone) -> None:
        assert refused(sent(phone, SCAN, b" " * 65_537)) == "too_large"
        assert refused(sent(phone, SCAN, b" " * 65_536)) == "bad_request"

    def test_a_length_that_is_no_number_is_refused(self, phone: Phone) -> None:
        for length in ["x", "-1", "1e3", "９", "1 2"]:
            proof = phone.proof("POST", SCAN, access_token=phone.access_token)
            headers = {"Authorization": f"DPoP {phone.access_token}", "DPoP": proof}
            given = {"environ_overrides": {"CONTENT_LENGTH": length}}

            assert refused(phone.visitor.post(SCAN, b"{}", headers=headers, **given)) == "bad_request"

    def test_every_operation_refuses_what_it_does_not_know(self, phone: Phone) -> None:
        """O-03: no body says whose device or account it is."""
        for operation in [o for o in OPERATIONS if o.method == "POST" and o.by == "token"]:
            for more in ("account_id", "device_id", "sub", "jkt", "__class__"):
                body = {"name": "A", "passcode": PASSCODE, "ticket": "A" * 22, "number": "07", "picture": "x"}
                body = {field.name: body.get(field.name, PASSCODE) for field in operation.fields} | {more: "x"}
                body.pop("replace", None)
                assert refused(sent(phone, operation.path, json.dumps(body).encode())) == "bad_request"
            assert phone.state()["state"] == "active"

    def test_sentences_are_in_the_language_that_the_phone_asks_for(self, phone: Phone) -> None:
        for tag, language in (("en-GB,en;q=0.9", "en"), ("vi", "vi"), ("fr", "vi"), ("", "vi"), ("é" * 500, "vi")):
            assert refused(sent(phone, SCAN, b"[]", **{"Accept-Language": tag}), language) == "bad_request"


class TestNumbersAndPasscodes:
    """Not six or two ASCII digits: refused by form, which costs no try."""

    @pytest.mark.parametrize(
        "number", [None, "", "7", "007", "٠٧", "０７", "७७", " 7", "7 ", "07\n", "-7", "0x", 7, ["07"]]
    )
    def test_a_number_of_another_form(self, phone: Phone, page: Waiting, number: Any) -> None:
        """L-04"""
        ticket = phone.scan(page).json["ticket"]
        body = {"ticket": ticket, "number": number, "passcode": PASSCODE}
        if number is None:
            body.pop("number")

        answer = phone.call("/phone/qr/confirm", body)

        assert (refused(answer), answer.json["field"]) == ("number_form", "number")
        assert phone.call("/phone/qr/look", {"ticket": ticket}).json["tries_left"] == 3
        assert phone.confirm(ticket, page.number).status_code == 200

    @pytest.mark.parametrize(
        "passcode",
        [None, "", "13579", "1357900", "١٣٥٧٩٠", "１３５７９０", "13579O", "135790\n", " 135790", 135790, {}],
    )
    def test_a_passcode_of_another_form(self, phone: Phone, page: Waiting, passcode: Any) -> None:
        """O-08: only what could be one counts."""
        ticket = phone.scan(page).json["ticket"]
        body = {"ticket": ticket, "number": page.number, "passcode": passcode}
        if passcode is None:
            body.pop("passcode")

        for _ in range(6):
            answer = phone.call("/phone/qr/confirm", body)
            assert (refused(answer), answer.json["field"]) == ("passcode_form", "passcode")
        assert phone.confirm(ticket, page.number, "246802").json["left"] == 4

    def test_a_name_that_nobody_could_read(self, app: App) -> None:
        with_app(app)
        phone = phone_of(app)
        phone.log_in()
        for name in [None, "", " ", "\t", "x" * 65, "a\0b", "a\nb", "\ud800", "\u202egalaxy", "\u200b", 5, ["x"]]:
            answer = phone.call("/phone/device", {"name": name, "passcode": PASSCODE})

            assert refused(answer) == "name"
            assert phone.state() == {"state": "none"}

    def test_a_code_or_an_agreement_of_another_form(self, app: App) -> None:
        with_app(app)
        phone = phone_of(app)
        phone.log_in()
        for more in [{"code": "abc"}, {"code": "1" * 13}, {"code": 1}, {"code": None}, {"replace": "x"}]:
            assert refused(phone.call("/phone/device", {"name": "A", "passcode": PASSCODE} | more)) == "bad_request"


class TestProofs:
    def test_a_proof_for_something_else_is_none(self, phone: Phone) -> None:
        """G-01"""
        for proof in [
            {"path": "/phone/qr/deny"}, {"path": "/phone/qr/scan/"}, {"method": "GET"}, {"method": "post"},
            {"htu": "https://evil.test/phone/qr/scan"}, {"access_token": "another.access.token"},
            {"access_token": None}, {"signed_by": ECKey.generate_key("P-256")}, {"jti": ""}, {"jti": "x" * 257},
            {"iat": "now"}, {"header": {"typ": "JWT"}}, {"header": {"alg": "none"}}, {"header": {"alg": "HS256"}},
        ]:  # fmt: skip
            made = {"method": "POST", "path": SCAN, "access_token": phone.access_token} | proof
            answer = phone.call(SCAN, {"picture": "x"}, proof=phone.proof(made.pop("method"), made.pop("path"), **made))

            assert refused(answer) == "invalid_dpop_proof"
            assert answer.json["why"]
            assert answer.headers["WWW-Authenticate"]

    def test_the_clock_of_the_phone_is_off(self, phone: Phone) -> None:
        """The answer says so, and by how much."""
        for hours in [-1, 1, 24, -24 * 400]:
            answer = phone.call(SCAN, {"picture": "x"}, now=phone.visitor.app.clock() + hours * 3600)

            assert refused(answer) == "invalid_dpop_proof"
            assert f"{hours * 3600:+} seconds from now: set the clock" in answer.json["why"]

    def test_a_proof_is_good_once(self, phone: Phone, page: Waiting) -> None:
        """G-02: a recorded scan cannot be sent again, nor a recorded question what the key is."""
        proof = phone.proof("POST", SCAN, access_token=phone.access_token)
        body = {"picture": read(page.told()["pictures"][0])}
        assert phone.call(SCAN, body, proof=proof).status_code == 200
        assert refused(phone.call(SCAN, body, proof=proof)) == "invalid_dpop_proof"

        asked = phone.proof("GET", "/phone/device")
        assert phone.call("/phone/device", method="GET", token=False, proof=asked).status_code == 200
        answer = phone.call("/phone/device", method="GET", token=False, proof=asked)
        assert refused(answer) == "invalid_dpop_proof"

    @pytest.mark.parametrize("nonce", [None, "", "x", 5, ["x"]])
    def test_without_a_nonce_of_ours_one_is_told_and_nothing_is_done(
        self, phone: Phone, page: Waiting, nonce: Any
    ) -> None:
        """G-06"""
        body = {"picture": read(page.told()["pictures"][0])}

        answer = phone.call_once(SCAN, body, nonce=nonce)

        assert refused(answer) == "use_dpop_nonce"
        assert page.told()["state"] == "pending"
        assert phone.nonce == answer.headers["DPoP-Nonce"]

    def test_a_nonce_of_long_ago_is_none(self, phone: Phone) -> None:
        phone.visitor.app.clock.move(2 * NONCE_STEP)

        assert refused(phone.call_once(SCAN, {"picture": "x"})) == "use_dpop_nonce"

    def test_no_proof_or_two_are_none(self, phone: Phone) -> None:
        """G-01"""
        one, two = (phone.proof("POST", SCAN, access_token=phone.access_token) for _ in range(2))
        shown = {"Authorization": f"DPoP {phone.access_token}"}

        for headers in (shown, shown | {"DPoP": f"{one}, {two}"}, shown | {"DPoP": ""}, shown | {"DPoP": "x" * 5000}):
            assert refused(phone.visitor.post(SCAN, b"{}", headers=headers)) == "invalid_dpop_proof"
        for path in ("/phone/device", "/phone/device/not-me"):
            method = phone.visitor.get if path == "/phone/device" else phone.visitor.post
            assert refused(method(path)) == "invalid_dpop_proof"


class TestTokens:
    def test_none_or_one_of_another_kind(self, phone: Phone) -> None:
        """G-03: a bound token is no bearer token."""
        bearer = {"Authorization": f"Bearer {phone.access_token}"}
        basic = {"Authorization": "Basic cG9ydGFsOng="}

        for headers in (bearer, basic, {"Authorization": ""}, {"Authorization": phone.access_token}):
            assert refused(phone.call(SCAN, {"picture": "x"}, headers=headers)) == "token_missing"
        assert refused(phone.call(SCAN, {"picture": "x"}, token=False)) == "token_missing"

    def test_what_is_no_token(self, phone: Phone) -> None:
        for token in ["x", "a.b.c", "x" * 4000, "é", "null"]:
            assert refused(phone.call(SCAN, {"picture": "x"}, access_token=token)) in ("invalid_token", "token_missing")

    def test_one_in_the_address_or_twice(self, phone: Phone) -> None:
        """B-23"""
        proof = phone.proof("POST", SCAN, access_token=phone.access_token)
        headers = {"Authorization": f"DPoP {phone.access_token}", "DPoP": proof}

        for query in ("access_token=x", f"access_token={phone.access_token}", "a=%ff", "a=%00", "&".join(["a=1"] * 51)):
            answer = phone.visitor.post(f"{SCAN}?{query}", b"{}", headers=headers)
            assert refused(answer) in ("bad_request", "invalid_dpop_proof")

    def test_a_stolen_token_with_another_key(self, phone: Phone) -> None:
        """G-03: neither with the key of the thief, nor with that of somebody's device."""
        thief = Phone(phone.visitor.app.visitor("198.51.100.9"), nonce=phone.nonce)

        assert refused(thief.call(SCAN, {"picture": "x"}, access_token=phone.access_token)) == "invalid_token"
        assert refused(
            thief.call("/phone/device", {"name": "A", "passcode": PASSCODE}, access_token=phone.access_token)
        ) == ("invalid_token")

    def test_the_token_of_one_person_with_the_device_of_another(self, phone: Phone, other: Phone) -> None:
        """O-03"""
        answer = other.call(SCAN, {"picture": "x"}, access_token=phone.access_token)

        assert refused(answer) == "invalid_token"

    def test_an_old_token(self, phone: Phone) -> None:
        phone.visitor.app.clock.move(3600)

        assert refused(phone.call(SCAN, {"picture": "x"})) == "invalid_token"

    def test_a_token_of_a_client_that_is_no_app(self, phone: Phone) -> None:
        portal = BoundApp(phone.visitor.app.visitor(), "portal", SECRET)
        token = portal.redeem(portal.visitor.code()).json["access_token"]
        stranger = Phone(portal.visitor, key=portal.key, nonce=portal.nonce)

        assert refused(stranger.call(SCAN, {"picture": "x"}, access_token=token)) == "insufficient_scope"

    def test_a_token_without_the_scope(self, phone: Phone) -> None:
        """L-02: an app that asks for less can do less."""
        app = phone.visitor.app
        narrow = phone_of(app)
        app.person("0000000003")
        narrow.log_in("0000000003", scope=SCOPE.replace(" device", ""))

        assert refused(narrow.call("/phone/device", {"name": "A", "passcode": PASSCODE})) == "insufficient_scope"
        assert refused(narrow.call(SCAN, {"picture": "x"})) == "insufficient_scope"


class TestPictures:
    def test_what_is_no_picture_of_ours(self, phone: Phone, page: Waiting) -> None:
        """L-05: another host, another address of ours, another version, a part of one, one with something behind it."""
        good = read(page.told()["pictures"][0])
        link, _, word = good.partition("#")
        host = "id.example.test"
        pictures = [
            good.replace(host, "evil.test"), good.replace(host, f"{host}.evil.test"), good.replace(host, f"x@{host}"),
            good.replace(host, f"{host}@evil.test"), good.replace("https", "http"), good.replace("/q#", "/q/#"),
            good.replace("/q#", "/q?x#"), good.replace(host, host.upper()), f"evil:{good}", f"{link}#{link}#{word}",
            f"{link}?{word}", good.replace("#v1", "#v2"), good[:-1], good[1:], good + "A", good + "\n", good + "\0",
            good[:-5] + "é" + good[-4:], word.replace(".02.", ".٠٢."), word + " ", f" {word}", "bankid.x.1.y", link,
        ]  # fmt: skip

        assert {refused(phone.call(SCAN, {"picture": picture})) for picture in pictures} == {"unreadable"}
        assert page.told()["state"] == "pending"

    def test_forged_ones(self, phone: Phone, page: Waiting) -> None:
        """M-02: a flipped bit, the MAC of another step, of another login, of another provider's ticket."""
        app = phone.visitor.app
        pictures = page.told()["pictures"]
        first, later = (read(modules) for modules in (pictures[0], pictures[-1]))
        foreign = read(waiting(app.visitor()).told()["pictures"][0])
        head, mac = first.rsplit(".", 1)
        flipped = f"{head}.{'B' if mac[0] == 'A' else 'A'}{mac[1:]}"

        codes = [
            refused(phone.call(SCAN, {"picture": picture}))
            for picture in (flipped, f"{head}.{later.rsplit('.', 1)[1]}", f"{head}.{foreign.rsplit('.', 1)[1]}")
        ]

        assert codes == ["forged"] * 3
        assert page.told()["state"] == "pending"

    def test_one_of_another_provider(self, phone: Phone, page: Waiting) -> None:
        """K-01: its ticket is unknown here."""
        mine = read(page.told()["pictures"][0])
        ticket = mine.split(".")[-3]

        assert refused(phone.call(SCAN, {"picture": mine.replace(ticket, "A" * 22)})) == "unknown"

    def test_a_saved_one_is_worthless(self, phone: Phone, page: Waiting) -> None:
        """M-01, acceptance 2"""
        saved = read(page.told()["pictures"][0])
        phone.visitor.app.clock.move(10)

        assert refused(phone.call(SCAN, {"picture": saved})) == "stale"
        assert phone.scan(page).status_code == 200

    def test_one_of_the_future_is_not_good_yet(self, phone: Phone, page: Waiting) -> None:
        """M-02: what the page was handed ahead is worth nothing before its time."""
        pictures = page.told()["pictures"]

        assert refused(phone.call(SCAN, {"picture": read(pictures[-1])})) == "stale"

    def test_the_same_one_twice(self, phone: Phone, page: Waiting) -> None:
        """K-06"""
        picture = {"picture": read(page.told()["pictures"][0])}
        assert phone.call(SCAN, picture).status_code == 200

        assert refused(phone.call(SCAN, picture)) == "already_scanned"

    def test_a_login_that_is_over(self, phone: Phone) -> None:
        """K-05: each ending has its own word, until nobody remembers it."""
        app = phone.visitor.app

        def after(*steps: str, wait: int = 0) -> list[str]:
            page = waiting(app.visitor())
            ticket = phone.scan(page).json["ticket"]
            for step in steps:
                if step == "confirm":
                    assert phone.confirm(ticket, page.number).status_code == 200
                elif step == "deliver":
                    assert page.told()["state"] == "delivered"
                else:
                    assert phone.call(f"/phone/qr/{step}", {"ticket": ticket}).status_code == 200
            app.clock.move(wait)
            body = {"ticket": ticket, "number": page.number, "passcode": PASSCODE}
            asked = ["look", "confirm", "deny"]
            sent = [
                phone.call(f"/phone/qr/{name}", body if name == "confirm" else {"ticket": ticket}) for name in asked
            ]
            return [refused(answer) for answer in sent]

        assert after("confirm", "deliver") == ["consumed"] * 3
        assert after("deny") == ["denied"] * 3
        assert after("not-me") == ["denied"] * 3
        assert after("confirm", "deny") == ["denied"] * 3
        assert after(wait=121) == ["expired"] * 3
        assert after(wait=181) == ["unknown"] * 3


class TestSteps:
    @pytest.mark.parametrize("path", STEPS)
    def test_none_goes_before_the_scan(self, phone: Phone, page: Waiting, path: str) -> None:
        """O-01"""
        ticket = read(page.told()["pictures"][0]).split(".")[-3]
        more = {"number": page.number, "passcode": PASSCODE} if path.endswith("confirm") else {}
        answer = phone.call(path, {"ticket": ticket[-22:]} | more)

        assert refused(answer) == "not_scanned"
        assert page.told()["state"] == "pending"

    @pytest.mark.parametrize("path", STEPS)
    def test_none_is_anothers(self, phone: Phone, other: Phone, page: Waiting, path: str) -> None:
        """O-01, O-02, O-03: also with the right number and a right passcode of one's own."""
        ticket = phone.scan(page).json["ticket"]
        more = {"number": page.number, "passcode": PASSCODE} if path.endswith("confirm") else {}

        assert refused(other.call(path, {"ticket": ticket} | more)) == "scanned_by_other"
        assert page.told()["say"] == "scanned"
        assert phone.confirm(ticket, page.number).status_code == 200

    def test_a_confirmation_counts_once(self, phone: Phone, page: Waiting) -> None:
        """O-02"""
        ticket = phone.scan(page).json["ticket"]
        assert phone.confirm(ticket, page.number).status_code == 200

        assert refused(phone.confirm(ticket, page.number)) == "confirmed"

    def test_a_ticket_of_another_form(self, phone: Phone) -> None:
        for ticket in [None, "", "A" * 21, "A" * 23, "A" * 21 + "=", "A" * 21 + "é", "A" * 21 + "\n", 7, {}]:
            for path in STEPS:
                more = {"number": "07", "passcode": PASSCODE} if path.endswith("confirm") else {}
                answer = phone.call(path, {"ticket": ticket} | more)
                assert (refused(answer), answer.json["field"]) == ("bad_request", "ticket")

    def test_who_guesses_is_stopped_and_told_for_how_long(self, phone: Phone, page: Waiting) -> None:
        """K-01, O-04: five unknown ones a minute, then nothing that this device asks is looked at."""
        ticket = phone.scan(page).json["ticket"]
        guesses = [refused(phone.call("/phone/qr/look", {"ticket": f"{n:022}"})) for n in range(6)]

        assert guesses == ["unknown"] * 5 + ["too_many"]
        stopped = phone.confirm(ticket, page.number)
        assert (refused(stopped), stopped.headers["Retry-After"]) == ("too_many", "60")
        phone.visitor.app.clock.move(60)
        assert phone.confirm(ticket, page.number).status_code == 200

    def test_one_key_calls_sixty_times_a_minute(self, phone: Phone) -> None:
        phone.visitor.app.clock.move(61)
        answers = [phone.call("/phone/qr/look", {"ticket": "x"}) for _ in range(61)]

        assert [refused(answer) for answer in answers] == ["bad_request"] * 60 + ["too_many"]
        assert answers[-1].headers["Retry-After"] == "60"

    def test_who_is_not_enrolled_does_nothing(self, phone: Phone) -> None:
        app = phone.visitor.app
        app.person("0000000003")
        stranger = phone_of(app)
        stranger.log_in("0000000003")
        for operation in OPERATIONS:
            if operation.by == "token" and operation.binding == "device":
                body = {"name": "A", "passcode": PASSCODE, "ticket": "A" * 22, "number": "07", "picture": "x"}
                given = {field.name: body.get(field.name, PASSCODE) for field in operation.fields}
                assert refused(stranger.call(operation.path, given)) == "no_device"


def test_other_methods_and_paths_are_refused(phone: Phone) -> None:
    for path, method, allowed in [("/phone/qr/scan", "GET", "POST"), ("/phone/device", "HEAD", "GET, POST")]:
        answer = phone.visitor._send(method, path)
        assert (answer.status_code, answer.headers["Allow"]) == (405, allowed)
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert phone.visitor._send(method, "/phone/device").status_code == 405
    assert phone.visitor.post("/phone/qr/approve").status_code == 404


def test_a_store_that_is_down_is_busy_and_says_when_to_come_back(phone: Phone) -> None:
    with phone.visitor.app.base.database.transaction.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE enrolled_device RENAME TO elsewhere")

    answer = phone.call(SCAN, {"picture": "x"})

    assert (refused(answer), answer.headers["Retry-After"]) == ("busy", "2")


def test_a_key_that_nobody_enrolled_is_told_nothing(phone: Phone) -> None:
    """Whoever has no key of a device learns of no device and no account."""
    stranger = Phone(phone.visitor.app.visitor("198.51.100.9"), key=ProofKey())

    assert stranger.state() == {"state": "none"}
    assert refused(stranger.call("/phone/device/not-me", {}, token=False)) == "not_replaced"
