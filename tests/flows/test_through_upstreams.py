"""Every row of the linking table over real HTTP: a person comes through VNeID or the national portal."""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.container import Container
from federation.officers import LinkOfficers
from idp.accounts.birth_date import BirthDate
from idp.accounts.participants import Participant
from idp.ports import Event
from idp.store.participants import SqlParticipants
from tests.support import databases
from tests.support.app import answer_of, attempt_of
from tests.support.brokered import Brokered, brokered
from tests.support.browser import Browser
from tests.support.upstreams import SimulatedUpstreams, simulated

LOCAL = "Matkhau#2026"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimulatedUpstreams]:
    with simulated(tmp_path_factory.mktemp("upstreams")) as running:
        running.wish("vneid", settings={"code_seconds": 60})
        yield running


@pytest.fixture
def here(world: SimulatedUpstreams, sqlite_template: Path, tmp_path: Path) -> Iterator[Brokered]:
    with brokered(tmp_path, databases.sqlite_copy(sqlite_template, tmp_path), world) as running:
        yield running
        for upstream in ("vneid", "dvcqg"):
            world.wish(upstream, reset=True)
        world.wish("vneid", settings={"code_seconds": 60})


FIRST_PAGE = {
    # Citizen number, name and birth date agree.
    ("vneid", "000890123456"): "/link/confirm",
    ("vneid", "000995555555"): "/link/confirm",
    ("dvcqg", "000890123456"): "/link/confirm",
    ("dvcqg", "000985222223"): "/link/confirm",
    # The number agrees, and the phone does not where it is required.
    ("dvcqg", "000985222222"): "/link/differs",
    # The number agrees, name or birth date do not.
    ("vneid", "000985222223"): "/link/refused",
    ("vneid", "000892444444"): "/link/refused",
    ("dvcqg", "000978333333"): "/link/refused",
    # Our record knows the year only.
    ("vneid", "000868444445"): "/link/password",
    # No citizen number here; name, day and phone agree.
    ("dvcqg", "000887000111"): "/link/confirm",
    # No citizen number here, no phone there.
    ("dvcqg", "000883000222"): "/link/who",
    ("vneid", "000883000222"): "/link/who",
    # The phone agrees, and only the year or nothing else.
    ("dvcqg", "000868000333"): "/link/password",
    ("dvcqg", "0911000444"): "/link/password",
    # A recycled number.
    ("dvcqg", "000801000444"): "/link/who",
    # Two accounts fit.
    ("dvcqg", "000875000555"): "/link/refused",
    # Nobody has an account.
    ("vneid", "000899777001"): "/link/open",
    ("vneid", "000801777002"): "/link/who",
    ("vneid", "000896777003"): "/link/who",
    ("dvcqg", "000899777001"): "/link/who",
    # The register tells of another person.
    ("vneid", "000897777004"): "/link/refused",
    # Not proved enough.
    ("vneid", "000891123457"): "/link/who",
    ("vneid", "000893777005"): "/link/who",
    # An organisation.
    ("dvcqg", "0312345673"): "/link/password",
}


@pytest.mark.parametrize(("upstream", "login"), FIRST_PAGE, ids=lambda part: str(part))
def test_each_row_of_the_table_leads_to_its_page(here: Brokered, upstream: str, login: str) -> None:
    """design.md path (c), U-02, U-04"""
    journey = here.through(upstream, login)

    assert journey.place == FIRST_PAGE[upstream, login]
    assert journey.page().status_code == 200


def test_a_confirmed_link_opens_the_portal_and_the_next_login_asks_nothing(here: Brokered) -> None:
    journey = here.through("vneid", "000890123456")
    page = journey.page().text

    assert "Nguyễn T. H." in page
    assert "******5678" in page
    assert "*** *** *67" in page

    answer = answer_of(journey.press("link-confirm").follow().answer)  # type: ignore[arg-type]
    assert "code" in answer
    again = here.through("vneid", "000890123456")
    assert again.place == "/authorize"
    assert "code" in answer_of(again.follow().answer)  # type: ignore[arg-type]


def test_the_owner_is_told_of_a_link_on_every_channel(here: Brokered) -> None:
    here.through("vneid", "000890123456").press("link-confirm")
    app = here.app

    assert [m.facts["event"] for m in app.told("sms")] == ["link_added"]
    assert [m.facts["event"] for m in app.told("email")] == ["link_added"]


def test_whoever_is_not_that_person_goes_back_to_the_login_page(here: Brokered) -> None:
    journey = here.through("vneid", "000890123456").press("link-cancel")

    assert journey.place == "/login"
    assert journey.page().status_code == 200
    assert here.through("vneid", "000890123456").place == "/link/confirm"


def test_a_link_on_a_phone_number_also_wants_a_code_to_our_number(here: Brokered) -> None:
    """U-04"""
    journey = here.through("dvcqg", "000887000111").press("link-confirm")
    assert journey.place == "/link/code"
    page = journey.page()
    assert "*** *** *11" in page.text
    code = here.app.code_sent()
    wrong = "000000" if code != "000000" else "111111"
    journey.answer = page
    journey.press("code-submit", code=wrong)
    assert journey.answer.status_code == 200
    journey.press("code-submit", code=code)

    assert journey.place == "/authorize"
    assert "code" in answer_of(journey.follow().answer)  # type: ignore[arg-type]
    assert here.through("dvcqg", "000887000111").place == "/authorize"


def test_the_code_page_cannot_be_passed_by_the_confirm_page(here: Brokered) -> None:
    """2.3.1: a step that is skipped."""
    journey = here.through("dvcqg", "000887000111")
    handle = journey.answer.headers["Location"].partition("c=")[2]  # type: ignore[union-attr]
    for button in ("link-confirm", "link-open"):
        skipped = journey.visitor.post("/link/open", data={"c": handle, button: "1"})
        assert skipped.status_code == 400
    assert here.through("dvcqg", "000887000111").place == "/link/confirm"


@pytest.mark.parametrize(
    ("upstream", "login", "bhxh"),
    [
        ("vneid", "000868444445", "0044444445"),
        ("dvcqg", "000985222222", "0022222222"),
        ("dvcqg", "000883000222", "0011111112"),
        ("dvcqg", "0911000444", "0011111114"),
    ],
)
def test_the_own_password_links_where_nothing_contradicts(here: Brokered, upstream: str, login: str, bhxh: str) -> None:
    journey = here.through(upstream, login).press("link-password")
    assert journey.place == "/login"
    journey.log_in(bhxh, LOCAL).follow()
    if login == "0911000444":
        # Neither name nor birth date came along: nothing says that it is the same person.
        assert journey.press("link-make").place == "/link/refused"
        return
    assert journey.place == "/link"
    journey.press("link-make")
    if bhxh == "0022222222":
        # T-03: an address that nobody proved is removed, and the person reads which.
        assert journey.answer is not None
        assert "địa chỉ thư điện tử chưa được xác minh" in journey.answer.text
        assert here.app.base.people.find(here.account_of(bhxh)).email is None  # type: ignore[union-attr]
    else:
        assert "code" in answer_of(journey.follow().answer)  # type: ignore[arg-type]
    assert here.through(upstream, login).place == "/authorize"


def test_another_persons_password_links_nothing(here: Brokered) -> None:
    """T-03: whoever takes over the browser in between gets no link to somebody else."""
    journey = here.through("vneid", "000868444445").press("link-password").log_in("0012345678", LOCAL).follow()
    journey.press("link-make")

    assert journey.place == "/link/refused"
    assert here.app.provider.federation.upstream_logins.links.of_account(here.account_of("0012345678")) == []


def test_a_linked_account_without_citizen_number_gets_it_from_an_officer(here: Brokered) -> None:
    """design.md path (c): the number is proposed, an officer gives it, and the next login is by number."""
    journey = here.through("dvcqg", "000887000111").press("link-confirm")
    journey.answer = journey.page()
    journey.press("code-submit", code=here.app.code_sent())
    links = here.app.base.links
    proposed = [each for each in links.disputes() if each.reason == "number"]

    assert len(proposed) == 1
    asked = links.find_dispute(proposed[0].id)
    assert asked is not None
    LinkOfficers(links, Container(here.app.base).accounts.notices, here.app.clock).give_number(asked, "papers seen")
    account = here.app.base.people.find(here.account_of("0011111111"))
    assert account is not None
    assert account.identifier("cccd") == "000887000111"
    assert [each for each in links.disputes() if each.reason == "number"] == []


def test_a_person_may_log_in_without_linking(here: Brokered) -> None:
    journey = here.through("vneid", "000868444445").press("link-password").log_in("0044444445", LOCAL).follow()
    journey.press("link-skip")

    assert "code" in answer_of(journey.follow().answer)  # type: ignore[arg-type]
    assert here.through("vneid", "000868444445").place == "/link/password"


def test_the_own_bhxh_code_finds_the_account_and_no_other_code_does(here: Brokered) -> None:
    """No oracle: nobody's code, another person's, and one whose phone differs are answered alike."""
    answers = []
    for typed in ("0099999999", "0012345678", "not a code"):
        journey = here.through("dvcqg", "000883000222").press("link-look", bhxh_code=typed)
        assert journey.answer is not None
        answers.append((journey.answer.status_code, without_handles(journey.answer.text, typed)))
    differs = here.through("dvcqg", "000888000666").press("link-look", bhxh_code="0011111117").answer
    assert differs is not None
    answers.append((differs.status_code, without_handles(differs.text, "0011111117")))

    assert answers[1:] == answers[:-1]
    assert here.through("dvcqg", "000883000222").press("link-look", bhxh_code="0011111112").place == "/link/password"


def test_five_codes_a_day_are_looked_up(here: Brokered) -> None:
    journey = here.through("dvcqg", "000883000222")
    for _ in range(5):
        journey.press("link-look", bhxh_code="0099999999")
    journey.press("link-look", bhxh_code="0011111112")
    assert journey.answer is not None
    assert "quá số lần" in journey.answer.text
    # Somebody else's tries are their own.
    other = here.through("dvcqg", "000888000666").press("link-look", bhxh_code="0099999999").answer
    assert other is not None
    assert "quá số lần" not in other.text


@pytest.mark.parametrize(("login", "code"), [("000899777001", "0011111120"), ("000801777002", None)])
def test_a_proven_person_without_an_account_gets_one(here: Brokered, login: str, code: str | None) -> None:
    journey = here.through("vneid", login)
    if code is None:
        journey.press("link-new")
    assert journey.press("link-open").place == "/authorize"
    assert "code" in answer_of(journey.follow().answer)  # type: ignore[arg-type]
    account = here.app.base.people.find_by_identifier("cccd", login)

    assert account is not None
    assert account.identifier("bhxh") == code
    assert here.through("vneid", login).place == "/authorize"


def test_a_code_of_the_register_that_lacks_the_number_is_found_by_typing_it(here: Brokered) -> None:
    born = BirthDate(2001, 2, 3)
    SqlParticipants(here.app.base.database).put([Participant("0011111130", "Tôn Nữ Vô Danh", born)])
    journey = here.through("vneid", "000801777002").press("link-look", bhxh_code="0011111122")
    assert journey.answer is not None
    assert journey.answer.status_code == 200

    assert journey.press("link-look", bhxh_code="0011111130").place == "/link/open"
    assert "******1130" in journey.page().text
    assert journey.press("link-open").place == "/authorize"
    account = here.app.base.people.find_by_identifier("bhxh", "0011111130")
    assert account is not None
    assert account.identifier("cccd") == "000801777002"
    assert account.name == "Tôn Nữ Vô Danh"


def test_a_changed_citizen_number_stops_the_login(here: Brokered) -> None:
    """U-09"""
    here.through("dvcqg", "000890123456").press("link-confirm")
    assert here.through("dvcqg", "000890123456").place == "/authorize"
    here.world.wish("dvcqg", person="000890123456", faults=["changed_number"])

    assert here.through("dvcqg", "000890123456").place == "/link/refused"


def test_a_second_account_of_the_upstream_is_not_linked(here: Brokered) -> None:
    """U-06"""
    here.through("dvcqg", "000988888888").press("link-confirm")

    assert here.through("dvcqg", "0988000888").place == "/link/refused"


def test_the_id_token_tells_through_whom_and_how_strongly(here: Brokered) -> None:
    """Q-01: it is ours, for one audience, and says no more than the weakest of the way."""
    here.through("vneid", "000899777001").press("link-open")
    journey = here.through("vneid", "000899777001", scope="openid bhxh")
    code = answer_of(journey.follow().answer)["code"]  # type: ignore[arg-type]
    tokens = journey.visitor.redeem(code).json
    assert tokens is not None
    payload = tokens["id_token"].split(".")[1]
    claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["idp"] == "vneid"
    assert claims["ial"] == 2
    assert claims["acr"] == "urn:bhxh:acr:1"
    assert claims["iss"] == here.app.settings.issuer
    assert claims["aud"] == "portal"


@pytest.mark.parametrize("fault", ["outage", "html", "wrong_key", "unauthorised"])
def test_a_broken_upstream_leads_back_to_the_login_page_that_says_so(here: Brokered, fault: str) -> None:
    """F-23: nothing of the portal's request is lost."""
    here.world.wish("vneid", person="000890123456", faults=[fault])
    journey = here.through("vneid", "000890123456")

    assert journey.place == "/login"
    page = journey.page()
    assert page.status_code == 200
    assert "VNeID" in page.text
    journey.log_in("0012345678", LOCAL)
    assert "code" in answer_of(journey.follow().answer)  # type: ignore[arg-type]


def test_a_logout_also_ends_the_session_at_the_upstream(here: Brokered) -> None:
    """domain 6.4: the next person at a shared machine is not logged in as the one before."""
    journey = here.through("dvcqg", "000890123456").press("link-confirm").follow()
    visitor = journey.visitor
    question = visitor.get("/logout")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', question.text))
    assert here.world.url("dvcqg") in question.headers["Content-Security-Policy"]
    away = visitor.post("/logout", data=hidden)
    leads_to = away.headers["Location"]
    assert leads_to.startswith(here.world.url("dvcqg") + "/oidc/logout?")
    assert "s=" not in visitor.get("/account").headers.get("Set-Cookie", "")

    back = Browser(here.world.url("dvcqg")).open(leads_to).location
    assert back is not None
    assert visitor.get(back).headers["Location"].startswith("/logged-out")


def test_ending_the_own_session_at_the_account_page_ends_it_at_the_upstream_too(here: Brokered) -> None:
    visitor = here.through("dvcqg", "000890123456").press("link-confirm").follow().visitor
    page = visitor.get("/account")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page.text)
    mine = re.search(r'name="session" value="([^"]+)"', page.text)
    assert csrf
    assert mine
    assert here.world.url("dvcqg") in page.headers["Content-Security-Policy"]

    away = visitor.post("/account/end-session", data={"csrf": csrf[1], "session": mine[1]})
    assert away.headers["Location"].startswith(here.world.url("dvcqg") + "/oidc/logout?")


def test_a_logout_does_not_wait_for_an_upstream_that_is_not_there(here: Brokered) -> None:
    journey = here.through("vneid", "000890123456").press("link-confirm").follow()
    question = journey.visitor.get("/logout")
    hidden = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', question.text))

    assert journey.visitor.post("/logout", data=hidden).headers["Location"].startswith("/logged-out")


def test_the_status_tells_portals_which_ways_work(here: Brokered) -> None:
    here.world.wish("vneid", person="000890123456", faults=["outage"])
    for _ in range(5):
        here.through("vneid", "000890123456")
    visitor = here.app.visitor()
    told = {way["id"]: way["state"] for way in (visitor.get("/status.json").json or {})["ways_in"]}

    assert told == {"password": "ok", "vneid": "down", "dvcqg": "ok"}
    assert "VNeID" in visitor.get("/status").text
    attempt = attempt_of(visitor.authorize())
    assert "Tạm thời không dùng được" in visitor.get("/login", query_string={"attempt": attempt}).text
    assert visitor.get("/via/vneid", query_string={"attempt": attempt}).headers["Location"].startswith("/login?")


def test_an_upstream_that_an_operator_closed_is_not_offered(here: Brokered) -> None:
    store = here.app.base.links
    store.switch("vneid", Event("upstream.closed", facts={"upstream": "vneid"}), here.app.clock(), closed=True)
    here.app.clock.move(6)
    visitor = here.app.visitor()
    attempt = attempt_of(visitor.authorize())
    page = visitor.get("/login", query_string={"attempt": attempt}).text

    assert "/via/vneid" not in page
    assert "/via/dvcqg" in page
    # A page from before still has the way: it leads back to the login page.
    back = visitor.get("/via/vneid", query_string={"attempt": attempt}).headers["Location"]
    assert back.startswith("/login?")
    assert visitor.get("/via/nobody", query_string={"attempt": attempt}).status_code == 404


def without_handles(text: str, typed: str) -> str:
    return re.sub(r"[abcvw]_[A-Za-z0-9_-]{43}|w_[A-Za-z0-9_-]+", "HANDLE", text.replace(typed, "TYPED"))
