"""QR login by whoever wants to get in as somebody else: what page, poll and card give away, and what not."""

import json
import re
import secrets
from pathlib import Path

import pytest

from idp.accounts.devices import MOST_WRONG
from qr_login.flow import LIFE
from tests.support.app import App, answer_of, attempt_of
from tests.support.phones import PASSCODE, Phone, enrolled_phone, phone_of, with_app
from tests.support.qr import Waiting, read, shown, waiting

ROOT = Path(__file__).resolve().parents[2]
GONE = {"state": "gone", "say": "gone"}


@pytest.fixture
def phone(app: App) -> Phone:
    with_app(app)
    return enrolled_phone(app)


@pytest.fixture
def page(phone: Phone) -> Waiting:
    return waiting(phone.visitor.app.visitor())


def code_of(answer: object) -> str:
    return str((getattr(answer, "json", None) or {}).get("code"))


def test_the_card_says_who_asks_from_where_and_when(phone: Phone) -> None:
    """K-03: the registered name and host, never what a request says of itself."""
    visitor = phone.visitor.app.visitor("203.0.113.5")
    visitor.headers = {"User-Agent": "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0"}
    page = waiting(visitor)
    card = phone.card(phone.scan(page).json["card"])

    assert (card["portal"], card["domain"], card["client_id"]) == ("Cổng thử nghiệm", "portal.example.test", "portal")
    assert (card["browser"], card["system"], card["network"]) == ("Firefox", "Windows", "203.0.113.0/24")
    assert card["same_network"] is False
    assert card["exp"] - card["asked_at"] == LIFE
    assert (card["iss"], card["aud"]) == ("https://id.example.test", "app")


def test_a_login_to_our_own_pages_has_a_name_too(phone: Phone) -> None:
    """K-03"""
    visitor = phone.visitor.app.visitor()
    to_login = visitor.get("/account")
    page = shown(visitor, attempt_of(to_login))
    card = phone.card(phone.scan(page).json["card"])

    assert (card["portal"], card["domain"], card["client_id"]) == ("Tài khoản BHXH của tôi", "id.example.test", "")


def test_the_card_is_for_one_app_and_one_login(phone: Phone, page: Waiting) -> None:
    """K-03: an app that checks `aud`, `ticket` and `exp` cannot be shown another login's card."""
    one, two = phone.scan(page).json, phone.scan(waiting(phone.visitor.app.visitor())).json
    cards = [phone.card(scanned["card"]) for scanned in (one, two)]

    assert [card["ticket"] for card in cards] == [one["ticket"], two["ticket"]]
    assert one["ticket"] != two["ticket"]
    assert cards[0]["exp"] == one["expires_at"]


@pytest.mark.parametrize("fields", [{"client_id": "other"}, {"scope": "bhxh"}, {"redirect_uri": "https://evil.test/"}])
def test_what_the_login_leads_to_cannot_be_changed_after_the_scan(
    phone: Phone, page: Waiting, fields: dict[str, str]
) -> None:
    """O-07: another request in the same browser is another attempt, and gets nothing of this one."""
    app = phone.visitor.app
    app.client("other")
    ticket = phone.scan(page).json["ticket"]
    begun = page.visitor.authorize(**{"client_id": "portal"} | fields)
    if begun.status_code == 303 and "attempt" in begun.headers["Location"]:
        other = Waiting(page.visitor, attempt_of(begun), page.page)
        assert other.told() == GONE
    phone.confirm(ticket, page.number)

    delivered = page.told()

    assert delivered["next"].endswith(page.attempt)
    answer = answer_of(page.visitor.get(delivered["next"]))
    tokens = page.visitor.redeem(answer["code"]).json
    assert (tokens["scope"], page.visitor.introspect(tokens["access_token"])["client_id"]) == ("openid", "portal")


def test_the_session_is_a_new_one_and_the_old_cookies_open_nothing(phone: Phone, page: Waiting) -> None:
    """O-06: what an attacker planted before the login is worthless after."""
    app, visitor = phone.visitor.app, page.visitor
    names = ("__Host-s", "__Host-q", "__Host-b")
    visitor.http.set_cookie("__Host-s", "s_" + "x" * 43, domain="id.example.test", secure=True)
    planted = {name: cookie.value for name in names if (cookie := visitor.http.get_cookie(name, "id.example.test"))}
    ticket = phone.scan(page).json["ticket"]
    phone.confirm(ticket, page.number)
    visitor.get(page.told()["next"])

    after = visitor.http.get_cookie("__Host-s", "id.example.test")
    assert after
    assert after.value != planted["__Host-s"]
    thief = app.visitor()
    for name, value in planted.items():
        thief.http.set_cookie(name, value, domain="id.example.test", secure=True)
    assert thief.get("/account").status_code == 303
    assert thief.post("/login/qr/poll", data={"attempt": page.attempt}).json == GONE


def test_any_wrong_cookie_gets_one_and_the_same_answer(phone: Phone, page: Waiting) -> None:
    """O-05, acceptance 2: while it waits, is scanned, is confirmed, is delivered."""
    app = phone.visitor.app
    seen = set()

    def look() -> None:
        for _ in range(25):
            stranger = app.visitor()
            secret = "q_" + secrets.token_urlsafe(32)
            stranger.http.set_cookie("__Host-q", secret, domain="id.example.test", secure=True)
            answer = stranger.post("/login/qr/poll", data={"attempt": page.attempt})
            seen.add((answer.status_code, answer.data, tuple(h for h in answer.headers if h[0] != "X-Request-Id")))

    look()
    ticket = phone.scan(page).json["ticket"]
    look()
    phone.confirm(ticket, page.number)
    look()
    assert page.told()["state"] == "delivered"
    look()

    assert len(seen) == 1


def test_no_page_answer_or_log_line_holds_a_key_or_the_other_secret(
    phone: Phone, page: Waiting, caplog: pytest.LogCaptureFixture
) -> None:
    """M-03, K-02"""
    app = phone.visitor.app
    secret = page.visitor.http.get_cookie("__Host-q", "id.example.test")
    assert secret
    picture = read(page.told()["pictures"][0])
    ticket = picture.split(".")[-3][-22:]
    scanned = phone.call("/phone/qr/scan", {"picture": picture})
    poll = page.poll()
    key = app.base.secrets.get("qr")

    for text in (page.page.text, poll.text, scanned.text, caplog.text):
        assert secret.value not in text
        assert key.hex() not in text
    for text in (poll.text, caplog.text):
        assert ticket not in text
    assert page.number not in json.dumps(phone.card(scanned.json["card"]).get("number", ""))
    assert "number" not in phone.card(scanned.json["card"])


def test_a_fifth_passcode_that_was_counted_but_not_acted_upon_still_ends_the_device(
    phone: Phone, page: Waiting
) -> None:
    """O-08: a worker may stop between counting and ending; whoever asks next ends it, and the owner is told."""
    app = phone.visitor.app
    ticket = phone.scan(page).json["ticket"]
    device = app.provider.accounts.devices.of_key(phone.key.jkt)
    assert device
    with app.base.database.transaction.begin() as connection:
        connection.exec_driver_sql(f"UPDATE enrolled_device SET wrong_passcodes = {MOST_WRONG}")
    app.told("sms")

    told = phone.confirm(ticket, page.number).json

    assert (told["code"], told["ended"]["why"]) == ("ended", "passcode")
    assert phone.state()["state"] == "ended"
    assert page.told()["say"] == "wrong_passcode"
    assert [message.facts["event"] for message in app.told("sms")] == ["device_locked"]


def test_what_is_kept_of_a_phone_opens_nothing(phone: Phone) -> None:
    """P-09: of its key the thumbprint, of its passcode a hash; whoever reads the database can sign nothing."""
    with phone.visitor.app.base.database.autocommit.connect() as connection:
        row = dict(connection.exec_driver_sql("SELECT * FROM enrolled_device").mappings().one())

    assert row["jkt"] == phone.key.jkt
    assert row["passcode_hash"].startswith("$argon2id$")
    assert not set(phone.key.jwk.values()) & set(map(str, row.values()))
    assert PASSCODE not in map(str, row.values())


def test_a_phone_is_no_browser_and_lets_no_phone_in(phone: Phone) -> None:
    """L-07: for an app there is no picture, also when its address is typed."""
    visitor = phone_of(phone.visitor.app).visitor
    attempt = attempt_of(visitor.authorize(client_id="app", dpop_jkt=phone.key.jkt))

    back = visitor.get("/login/qr", query_string={"attempt": attempt})

    assert "why=off" in back.headers["Location"]
    assert visitor.http.get_cookie("__Host-q", "id.example.test") is None


class TestMitigations:
    """L-02: the list of the cross-device BCP, each in docs/qr-security.md with its tests."""

    ROWS = re.findall(
        r"^\| ([^|]+) \| ([^|]+) \| (`[a-z_/]+`(?:, `[a-z_/]+`)*) \|$", (ROOT / "docs/qr-security.md").read_text(), re.M
    )

    def test_all_of_them_are_there(self) -> None:
        """L-01, L-02"""
        names = " ".join(name for name, _, _ in self.ROWS)

        for word in (
            "short-lived",
            "one-time",
            "again",
            "trusted",
            "limits",
            "scope",
            "sender",
            "who asks",
            "proximity",
        ):
            assert word in names, word

    @pytest.mark.parametrize(("name", "tests"), [(name, tests) for name, _, tests in ROWS])
    def test_the_tests_that_it_names_exist(self, name: str, tests: str) -> None:
        """L-02"""
        for test in re.findall(r"`([^`]+)`", tests):
            assert (ROOT / "tests" / f"{test}.py").is_file(), f"{name}: {test}"

    def test_to_refuse_stands_first_wherever_a_phone_of_ours_asks(self) -> None:
        """L-02, K-03: on the sandbox's phone, on every screen with both."""
        page = (ROOT / "sandbox" / "phone" / "index.html").read_text()

        buttons = re.findall(r'<button[^>]*\bid="(deny|confirm)"', page)
        assert buttons.index("deny") < buttons.index("confirm")
