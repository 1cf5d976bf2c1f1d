"""The browser's side of a login by QR code: who is offered it, what the page and its poll say, and the one delivery."""

import re

import pytest

from idp.accounts.account import Account
from tests.support.app import App, Visitor, answer_of, attempt_of
from tests.support.qr import DEVICE, Waiting, enrolled, logins, read, shown, waiting
from tests.support.trips import Trips, counted

PHONE = {"User-Agent": "Mozilla/5.0 (Linux; Android 15; SM-A155F) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36"}
GONE = b'{"state":"gone","say":"gone"}'


def owner(app: App) -> str:
    account: Account | None = app.base.people.find_by_identifier("bhxh", "0000000001")
    assert account
    return account.id


@pytest.fixture
def page(app: App) -> Waiting:
    enrolled(app, owner(app))
    return waiting(app.visitor())


def confirmed(page: Waiting) -> str:
    """The phone scans and confirms; returns the ticket."""
    me = (DEVICE, owner(page.visitor.app))
    ticket = page.scan(*me)
    logins(page.visitor.app).confirm(ticket, *me, page.number)
    return ticket


def test_a_person_gets_in_by_a_picture_on_every_store(everywhere: App) -> None:
    """The whole story: page, scan, confirmation, and the portal has its code, with both factors in the ID token."""
    enrolled(everywhere, owner(everywhere))
    page = waiting(everywhere.visitor())
    before = page.visitor.http.get_cookie("__Host-s", "id.example.test")
    ticket = page.scan(DEVICE, owner(everywhere))
    told = page.told()
    assert (told["state"], told["device"]) == ("scanned", "Galaxy A15")
    logins(everywhere).confirm(ticket, DEVICE, owner(everywhere), page.number)

    delivered = page.told()
    answer = page.visitor.get(delivered["next"])

    assert delivered["state"] == "delivered"
    assert "code" in answer_of(answer)
    assert before is None
    assert page.visitor.http.get_cookie("__Host-s", "id.example.test")
    assert page.visitor.http.get_cookie("__Host-q", "id.example.test") is None
    assert page.poll().data == GONE
    tokens = page.visitor.redeem(answer_of(answer)["code"]).json or {}
    claims = page.visitor.introspect(tokens["access_token"])
    assert claims["acr"] == "urn:bhxh:acr:2"


def test_each_poll_hands_out_the_pictures_of_the_next_four_seconds(page: Waiting) -> None:
    told = page.poll()
    said = told.json or {}

    assert (said["state"], said["every"], told.headers["Retry-After"]) == ("pending", 2, "4")
    assert 0 < said["change"] <= 2
    assert [read(modules).split(".")[-2] for modules in said["pictures"]] == ["00", "01", "02"]
    assert all(read(modules).startswith("https://id.example.test/q#v1.") for modules in said["pictures"])


def test_a_waiting_poll_is_one_read_of_the_short_lived_store(everywhere: App) -> None:
    """Design 4, K-04: no session, no SQL; faster than agreed not even that."""
    page = waiting(everywhere.visitor())
    everywhere.visitor().get("/jwks")

    with counted(everywhere) as trips:
        assert (page.poll().json or {})["state"] == "pending"
    assert trips == Trips(short_lived=1), trips.said
    page.poll()
    with counted(everywhere) as trips:
        answer = page.poll()
    assert (answer.json or {})["state"] == "slow_down"
    assert answer.headers["Retry-After"] == "7"
    assert trips == Trips()


def test_without_the_cookie_everything_is_one_answer(page: Waiting) -> None:
    """K-02, K-05: unknown, foreign, of another attempt, delivered: byte for byte, headers too; a scan shows nowhere."""
    app = page.visitor.app
    page.scan(DEVICE, owner(app))
    stranger, foreign = app.visitor(), waiting(app.visitor())
    odd = app.visitor()
    odd.http.set_cookie("__Host-q", "q_" + "x" * 43, domain="id.example.test", secure=True)
    short = app.visitor()
    short.http.set_cookie("__Host-q", "q", domain="id.example.test", secure=True)

    answers = [each.post("/login/qr/poll", data={"attempt": page.attempt}) for each in (stranger, odd, short)]
    answers += [foreign.visitor.post("/login/qr/poll", data={"attempt": page.attempt})]
    answers += [
        page.visitor.post("/login/qr/poll", data={"other": "1"}),
        page.visitor.post("/login/qr/poll", data={"attempt": "a"}),
    ]

    assert {answer.data for answer in answers} == {GONE}
    assert {answer.status_code for answer in answers} == {200}
    assert len({tuple(h for h in answer.headers if h[0] != "X-Request-Id") for answer in answers}) == 1
    assert page.told()["state"] == "scanned"


def test_a_confirmation_is_not_taken_by_a_browser_that_cannot_go_on_with_it(page: Waiting) -> None:
    """The cookie of the picture without that of the attempt claims nothing; the right browser still gets in."""
    confirmed(page)
    secret = page.visitor.http.get_cookie("__Host-q", "id.example.test")
    assert secret
    thief = page.visitor.app.visitor()
    thief.http.set_cookie("__Host-q", secret.value, domain="id.example.test", secure=True)

    assert thief.post("/login/qr/poll", data={"attempt": page.attempt}).data == GONE
    assert page.told()["state"] == "delivered"


def test_a_delivery_whose_answer_was_lost_is_not_lost(page: Waiting) -> None:
    """The page then says that the picture is gone, and its way on finds the login that was proved."""
    confirmed(page)
    page.told()

    again = page.visitor.get("/login/qr", query_string={"attempt": page.attempt, "now": 1})
    on = re.findall(r'id="qr-on" href="([^"]+)" data-in="gone">', again.text)

    assert on == [f"/authorize?attempt={page.attempt}"]
    assert "code" in answer_of(page.visitor.get(on[0]))


def test_a_login_that_was_finished_otherwise_meanwhile_is_not_opened_again(page: Waiting) -> None:
    visitor = page.visitor
    confirmed(page)
    back = visitor.post("/login", data=visitor.login_form(page.attempt)).headers["Location"]
    assert "code=" in visitor.get(back).headers["Location"]

    assert page.told() == {"state": "gone", "say": "gone"}


def test_a_device_that_was_ended_delivers_nothing(page: Waiting) -> None:
    """Eviction cancels what is pending."""
    confirmed(page)
    with page.visitor.app.base.database.transaction.begin() as connection:
        connection.exec_driver_sql("UPDATE enrolled_device SET ended_at = 1, ended_why = 'replaced'")

    assert page.told() == {"state": "gone", "say": "gone"}


def test_only_a_page_of_ours_polls(page: Waiting) -> None:
    for headers in ({"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}):
        assert page.poll(headers=headers).status_code == 403
    assert page.visitor.get("/login/qr/poll").status_code == 405


def test_every_ending_has_its_sentence(page: Waiting) -> None:
    app = page.visitor.app
    me = (DEVICE, owner(app))
    engine = logins(app)

    for why in ("denied", "not_me", "wrong_passcode"):
        each = shown(page.visitor, page.attempt)
        engine.deny(each.scan(*me), *me, why=why)
        assert each.told() == {"state": "denied", "say": why}

    each = shown(page.visitor, page.attempt)
    ticket = each.scan(*me)
    wrong = f"{(int(each.number) + 1) % 100:02}"
    said = []
    for _ in range(3):
        with pytest.raises(Exception, match="wrong_number"):
            engine.confirm(ticket, *me, wrong)
        said.append(each.told()["say"])
    assert said == ["wrong", "wrong", "wrong_number"]

    each = shown(page.visitor, page.attempt)
    picture = read(each.told()["pictures"][0])
    engine.scan(picture, *me)
    with pytest.raises(Exception, match="already_scanned"):
        engine.scan(picture, "another", "somebody")
    assert each.told()["say"] == "intruded"

    each = shown(page.visitor, page.attempt)
    app.clock.move(120)
    assert each.told() == {"state": "expired", "say": "expired"}


def test_a_second_picture_in_another_tab_replaces_the_first(page: Waiting) -> None:
    other = shown(page.visitor, attempt_of(page.visitor.authorize()))

    assert page.told() == {"state": "gone", "say": "gone"}
    assert other.told()["state"] == "pending"


def test_the_page_goes_on_without_script(page: Waiting) -> None:
    """The fast page leads to the slow one; that shows each picture when its time comes, and lets in."""
    visitor, app = page.visitor, page.visitor.app
    assert refresh(page.page.text) == f"0; url=/login/qr?attempt={page.attempt}&amp;slow=1"
    slow = shown(visitor, page.attempt, slow=1)
    here = f"/login/qr?attempt={slow.attempt}&slow=1&now=1"
    assert refresh(slow.page.text) == f"5; url={here.replace('&', '&amp;')}"
    pictures = [slow.page.text.count("<svg viewBox") or slow.page.text.count('viewBox="0 0 45 45"')]
    ticket = slow.scan(DEVICE, owner(app))

    scanned = visitor.get(here)
    logins(app).confirm(ticket, DEVICE, owner(app), slow.number)
    entered = visitor.get(here)

    assert pictures == [1]
    assert "đang chờ xác nhận trên thiết bị Galaxy A15" in scanned.text
    assert entered.status_code == 303
    assert "code" in answer_of(visitor.get(entered.headers["Location"]))


def refresh(page: str) -> str:
    found = re.search(r'<noscript><meta http-equiv="refresh" content="([^"]+)"></noscript>', page)
    assert found
    return found[1]


def test_a_reload_and_another_language_keep_the_number(page: Waiting) -> None:
    again = page.visitor.get(f"/login/qr?attempt={page.attempt}&now=1&lang=en")

    assert f'id="qr-number">{page.number}<' in again.text
    assert "now=1" in re.findall(r'href="(\?[^"]+lang=vi)"', again.text)[0]


def test_the_login_page_offers_it_to_people_at_a_screen(app: App) -> None:
    """L-06, L-07: individuals only, never on a phone, only for clients that take it, and never into an app."""
    app.client("strict", qr_login="off")
    native = {"application_type": "native", "token_endpoint_auth_method": "none", "dpop_bound_access_tokens": True}
    app.client("app", None, one_device=True, **native)

    def offered(client: str = "portal", kind: str = "individual", headers: dict[str, str] | None = None) -> bool:
        visitor = app.visitor()
        visitor.headers = headers or {}
        attempt = attempt_of(visitor.authorize(client))
        return "/login/qr?" in visitor.get("/login", query_string={"attempt": attempt, "kind": kind}).text

    assert offered()
    assert not offered(kind="organisation")
    assert not offered(client="strict")
    assert not offered(client="app")
    assert not offered(headers=PHONE)
    assert not offered(headers={"Sec-CH-UA-Mobile": "?1"})
    assert not offered(headers={"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Safari/604.1"})


def test_a_client_that_takes_none_leads_back_with_a_sentence(app: App) -> None:
    app.client("strict", qr_login="off")
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize("strict"))

    back = visitor.get("/login/qr", query_string={"attempt": attempt})

    assert "không cho phép đăng nhập bằng mã QR" in visitor.get(back.headers["Location"]).text


def test_a_phone_gets_no_picture(app: App) -> None:
    """L-06"""
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    answer = visitor.get("/login/qr", query_string={"attempt": attempt}, headers=PHONE)

    assert 'data-page="qr-phone"' in answer.text
    assert "Set-Cookie" not in answer.headers


def test_an_attempt_of_another_browser_gets_no_picture(app: App, page: Waiting) -> None:
    other: Visitor = app.visitor()
    other.authorize()

    assert other.get("/login/qr", query_string={"attempt": page.attempt}).status_code == 403


def test_begun_pictures_are_capped_per_network(app: App) -> None:
    """C-01: what is open is bounded by what may begin."""
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    answers = [
        visitor.get("/login/qr", query_string={"attempt": attempt}).status_code
        for _ in range(app.settings.limits.attempts_per_address + 1)
    ]

    assert answers[-2:] == [303, 429]


def test_the_link_of_a_picture_only_warns(app: App) -> None:
    """L-05"""
    answer = app.visitor().get("/q")

    assert "đừng quét" in answer.text
    assert "<form" not in answer.text
    assert "qr.js" not in answer.text
    assert "connect-src 'self'" in answer.headers["Content-Security-Policy"]


def test_what_happens_is_counted(page: Waiting) -> None:
    app = page.visitor.app
    confirmed(page)
    page.told()
    metrics = app.metrics_page()

    assert 'idp_qr_total{what="started",why=""} 1.0' in metrics
    assert 'idp_qr_total{what="ended",why="delivered"} 1.0' in metrics
