"""The address of form 01 from the citizen's declaration to the portal's claim, and its change with pickers."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from idp.registration.declaration import Declaration
from tests.flows.test_activation import proved as first_code
from tests.flows.test_activation import set_first
from tests.flows.test_own_data import proved
from tests.flows.test_passwords_life import NEW, field, follow, log_in, page_of
from tests.flows.test_profile import enter, filled, logged_in, opened, owner
from tests.support import databases
from tests.support.app import App, answer_of
from tests.support.declarations import Registrant
from tests.support.desk import open_agencies
from tests.support.officers import Desk, running_desk

CODE = "0000000777"
STREET, WARD, PROVINCE = "Số 12 ngõ 5, Thôn 4", "Phường Giảng Võ", "Thành phố Hà Nội"
WHOLE = f"{STREET}, {WARD}, {PROVINCE}"
MOVED = "12 Đường Thử, Phường Thủ Dầu Một, Thành phố Hồ Chí Minh"


@pytest.fixture
def desk(app_template: Path, tmp_path: Path) -> Iterator[Desk]:
    shutil.copy(app_template / "master.key", tmp_path / "master.key")
    with running_desk(tmp_path, databases.sqlite_copy(app_template / "idp.db", tmp_path)) as running:
        running.officer()
        running.app.client()
        yield running


def waiting(desk: Desk, reference: str) -> Declaration:
    found = desk.app.provider.stores.declarations.find_by_reference(reference.replace("-", ""))
    assert found
    return found


def link_of(app: App) -> str:
    letters = [m for m in (*app.told("email"), *app.told("sms")) if m.template == "activation"]
    return str(letters[0].facts["url"]).removeprefix(app.settings.issuer)


def test_h3_the_address_survives_from_the_form_to_the_claim_and_changes_with_pickers(desk: Desk) -> None:
    """H3: declared, seen by the officer, approved, shown to the owner and to portals, amended without script."""
    app, browser = desk.app, desk.browser("lan.nguyen")
    place = {"province": "01", "commune": "00025", "street": STREET, "region": "00100", "agency": "00101"}
    declared = waiting(desk, Registrant(app).register(**place))
    assert WHOLE in browser.get(f"/requests/{declared.id}").text
    assert browser.decide(declared, "approve").status_code == 303

    visitor = app.visitor("192.0.2.30")
    set_first(visitor, first_code(app, visitor, link_of(app)))
    app.clock.move(61)
    log_in(visitor, CODE, NEW)
    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account
    assert (account.address, account.street, account.commune, account.province) == (WHOLE, STREET, "00025", "01")
    assert WHOLE in proved(app, visitor, "/account/details")
    copy = json.loads(visitor.get("/account/data/export").text)["account"][0]
    assert (copy["address"], copy["commune"], copy["province"]) == (WHOLE, "00025", "01")

    code = answer_of(visitor.authorize(scope="openid address"))["code"]
    token = visitor.redeem(code).json["access_token"]
    claim = visitor.get("/userinfo", headers={"Authorization": f"Bearer {token}"}).json["address"]
    parts = {"street_address": STREET, "locality": WARD, "region": PROVINCE}
    assert claim == {"formatted": WHOLE, **parts}

    app.clock.move(3600)
    visitor = app.visitor("192.0.2.31")
    log_in(visitor, CODE, NEW)
    page = opened(app, visitor)
    assert '<option value="01" selected>' in page.text
    assert '<option value="00025" selected>' in page.text
    typed = {"csrf": field(page, "csrf"), "street": "12 Đường Thử", "province": "79", "agency": "00101", "agrees": "1"}
    typed |= {name: field(page, name) for name in ("paper_number", "email", "phone")} | {"paper_kind": "cccd"}
    chosen = visitor.post("/account/profile", data={**typed, "places": "1"})
    assert '<option value="25747">' in chosen.text
    halved = visitor.post("/account/profile", data={**typed, "commune": "00025", "save": "1"})
    assert page_of(halved) == "profile"
    assert 'href="#commune"' in halved.text
    asked = follow(visitor, visitor.post("/account/profile", data={**typed, "commune": "25747", "save": "1"}))
    assert page_of(enter(visitor, asked, app.code_sent("email"))) == "profile"

    browser = desk.browser("lan.nguyen")
    change = app.provider.stores.declarations.of_account(account.id)[0]
    assert MOVED in browser.get(f"/requests/{change.id}").text
    assert browser.decide(change, "approve").status_code == 303
    moved = app.base.people.find(account.id)
    assert moved
    assert (moved.address, moved.commune, moved.province) == (MOVED, "25747", "79")


def test_h3_an_address_of_before_stays_until_it_is_chosen_anew(app: App) -> None:
    """One line that came from elsewhere stands in the field of the street, and needs no ward while it is left alone."""
    open_agencies(app)
    app.client()
    owner(app)
    visitor = logged_in(app)
    page = opened(app, visitor)

    halved = visitor.post("/account/profile", data=filled(page, street="2 Đường Thử", province="01", commune=""))
    left = follow(visitor, visitor.post("/account/profile", data=filled(page, street="2 Đường Thử")))

    assert field(page, "street") == "1 Đường Thử"
    assert 'href="#commune"' in halved.text
    assert page_of(left) == "code"
