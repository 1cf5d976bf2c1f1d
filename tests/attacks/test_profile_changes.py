"""Attacks on changes that wait for an officer, with the owner, the thief and the officer each at their own pages."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.accounts.notices import NOWHERE
from tests.flows.test_passwords_life import NEW, citizen, field, follow, log_in, page_of, set_anew
from tests.flows.test_passwords_life import asked as asked_to_recover
from tests.flows.test_profile import CARD, CODE, OTHER_PHONE, account_of, asked, enter, filled, logged_in, opened
from tests.support import databases
from tests.support.app import App
from tests.support.officers import Desk, running_desk

AGENCY = "00101"
BORN = "17/05/1990"


@pytest.fixture
def desk(app_template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_desk(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path)) as running:
        running.app.client()
        running.officer()
        yield running


def recovered(app: App) -> None:
    """The owner sets a new password by a code to the registered phone."""
    visitor = app.visitor("203.0.113.5")
    page = follow(visitor, asked_to_recover(visitor, "phone", CODE, BORN))
    fields = {"ticket": field(page, "ticket"), "code": app.code_sent()}
    done = set_anew(visitor, follow(visitor, visitor.post("/recover/code", data=fields)))
    assert page_of(done) == "recovered"


def test_a_thief_of_a_session_has_nothing_after_the_owner_recovers(desk: Desk) -> None:
    """T-04: what was asked, and what was half way, is void; the officer cannot approve it."""
    app = desk.app
    citizen(app)
    thief = logged_in(app)
    waiting = asked(app, thief, phone=OTHER_PHONE, agency=AGENCY)
    app.clock.move(61)
    half_way = follow(
        thief, thief.post("/account/stop", data=filled(opened(app, thief, "/account/stop"), agency=AGENCY))
    )
    code = app.code_sent("email")
    app.clock.move(61)

    recovered(app)

    assert page_of(enter(thief, half_way, code)) == "login"
    refused = desk.browser("lan.nguyen").decide(waiting, "approve")
    assert refused.status_code == 409
    stored = app.provider.stores.declarations.of_account(account_of(app).id)
    assert [d.state for d in stored] == ["cancelled"]
    assert account_of(app).phone == "+84981234567"
    assert log_in(app.visitor(), CODE, NEW).headers["Location"].startswith("https://portal")


def test_a_request_half_way_through_its_codes_ends_with_the_owners_next_password(desk: Desk) -> None:
    """T-04: also where the session stays, as with whoever changes the password in it."""
    app = desk.app
    citizen(app)
    visitor = logged_in(app)
    page = follow(
        visitor, visitor.post("/account/profile", data=filled(opened(app, visitor), agency=AGENCY, street="2 Đường"))
    )
    code, account = app.code_sent("email"), account_of(app)
    session = app.provider.login.sessions.of_account(account.id)[0]
    app.clock.move(1)

    credentials = app.provider.accounts.credentials
    credentials.change(account, credentials.hashed(NEW, account), NOWHERE, sid=session.sid)

    answer = enter(visitor, page, code)
    assert app.provider.stores.declarations.of_account(account.id) == []
    assert page_of(answer) in ("login", "profile")


def test_anothers_card_is_the_officers_to_see_and_nobodys_to_take(desk: Desk) -> None:
    """Whoever asks is told the same as with a number that nobody has."""
    app = desk.app
    citizen(app, identifiers={"bhxh": CODE, "cccd": "000190000111"})
    citizen(app, "0000000778", phone="0981234568", identifiers={"bhxh": "0000000778", "cccd": CARD})
    waiting = asked(app, logged_in(app), paper_number=CARD, agency=AGENCY)

    refused = desk.browser("lan.nguyen").decide(waiting, "approve")

    assert refused.status_code == 409
    assert desk.stored(waiting).state == "submitted"
    assert account_of(app).identifier("cccd") == "000190000111"
    assert account_of(app, "0000000778").identifier("cccd") == CARD


def test_a_change_given_back_is_not_opened_by_reference_and_phone(desk: Desk) -> None:
    """The pages of registration take no change of an account: there its values would be bound to no session."""
    app = desk.app
    citizen(app)
    waiting = asked(app, logged_in(app), street="2 Đường Thử", agency=AGENCY)
    assert desk.browser("lan.nguyen").decide(waiting, "return", reason="incomplete").status_code == 303

    visitor = app.visitor("203.0.113.5")
    typed = {"reference": waiting.formatted_reference, "phone": "0981234567"}
    shown = visitor.post("/register/status", data=typed | {"look": "1"})
    assert "Cần sửa" in shown.text
    assert 'name="correct"' not in shown.text
    assert "/account/profile" in shown.text
    app.told("email")
    app.clock.move(61)
    page = follow(visitor, visitor.post("/register/status", data=typed | {"correct": "1"}))
    if page_of(page) == "code":
        fields = {"ticket": field(page, "ticket"), "code": app.code_sent("email")}
        page = follow(visitor, visitor.post("/register/proof", data=fields))

    assert page_of(page) == "register-status"
    assert desk.stored(waiting).state == "returned"
