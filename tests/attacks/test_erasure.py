"""M-8 and L-7: an erasure finds the person in every row of the database, and waits for the owner's "not me"."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from idp.accounts.names import fold
from idp.accounts.participants import Participant
from idp.accounts.phone import PhoneNumber
from idp.officers.data_requests import DataRequest, TooEarly
from idp.registration.declaration import Declaration
from idp.store import tables as t
from idp.store.participants import SqlParticipants
from idp.store.sweep import sweep
from tests.flows.test_activation import proved as first_code
from tests.flows.test_activation import set_first
from tests.flows.test_address import link_of, waiting
from tests.support.app import App
from tests.support.declarations import Registrant
from tests.support.officers import Desk, running_desk

DAY = 86_400.0
NAME, CODE, CARD, STREET = "Trần Thị Nga", "0000000777", "001190000777", "12 Đường Thử"
OTHER_CARD, MAIL, PHONE = "001190000123", "nga@example.com", "981234567"
NEEDLES = (NAME, fold(NAME), CODE, CARD, OTHER_CARD, PHONE, MAIL, STREET)
LISTED = {("declaration", "form"), ("identifier", "value")}
REGISTER = {("participant", name) for name in ("name", "bhxh_code", "citizen_number", "phone")}
ERASE = {"action": "erase", "sure": "1"}


@pytest.fixture
def desk(database_url: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Desk]:
    redis_url = "" if database_url.startswith("sqlite") else request.getfixturevalue("empty_redis_url")
    with running_desk(tmp_path, database_url, redis_url) as running:
        running.officer("lan.nguyen", ("*", "data"), ("*", "decide"))
        yield running


def found(app: App) -> set[tuple[str, str]]:
    """Every column of every table in which something of the person stands, also as JSON writes it."""
    needles = {n.casefold() for plain in NEEDLES for n in (plain, json.dumps(plain)[1:-1])}
    there = set()
    with app.base.database.autocommit.connect() as connection:
        for table in t.metadata.sorted_tables:
            for row in connection.execute(select(table)).mappings():
                for name, value in row.items():
                    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
                    if any(needle in text.casefold() for needle in needles):
                        there.add((table.name, str(name)))
    return there


def declared(desk: Desk, address: str, **changes: str) -> Declaration:
    """A registration with pictures, handed in by one visitor."""
    desk.app.clock.move(3600)
    changes = {"region": "00100", "agency": "00101", **changes}
    return waiting(desk, Registrant(desk.app, desk.app.visitor(address)).register(**changes))


def life(desk: Desk) -> str:
    """Rejected once, superseded once, approved, asked for a change that was refused; the id of the account."""
    app = desk.app
    SqlParticipants(app.base.database).put([Participant(CODE, NAME, None, CARD, PhoneNumber("+84" + PHONE))])
    rejected = declared(desk, "192.0.2.40", paper_kind="passport", paper_number="C1234567")
    browser = desk.browser("lan.nguyen")
    assert browser.decide(rejected, "reject", reason="other").status_code == 303
    declared(desk, "192.0.2.41", paper_number=OTHER_CARD)
    declared(desk, "192.0.2.42", email="khac@example.com")
    approved = declared(desk, "192.0.2.43")
    assert desk.browser("lan.nguyen").decide(approved, "approve").status_code == 303
    visitor = app.visitor("192.0.2.44")
    set_first(visitor, first_code(app, visitor, link_of(app)))
    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account
    change = desk.declaration(code=CODE, request="amend", account_id=account.id, account_since=account.secured_at)
    assert desk.browser("lan.nguyen").decide(change, "reject", reason="other").status_code == 303
    return account.id


def asked(desk: Desk, account_id: str) -> DataRequest:
    account = desk.app.base.people.find(account_id)
    assert account
    return desk.app.provider.officers.data_requests.ask(account)


def test_m8_after_an_erasure_the_whole_database_has_only_what_the_page_lists(desk: Desk) -> None:
    """M-8: rejected and superseded forms carry no account, and go all the same, with every picture."""
    app, account_id = desk.app, life(desk)
    before = found(app)
    assert {("declaration", name) for name in ("code", "citizen_number", "name", "phone", "email")} <= before
    request = asked(desk, account_id)
    app.clock.move(3 * DAY + 1)
    browser = desk.browser("lan.nguyen")
    page = browser.get(f"/data/{request.id}")
    kept = app.provider.officers.data_requests.kept(account_id)
    assert [each.what for each in kept] == ["declaration", "numbers"]
    assert kept[0].reference in page.text

    assert browser.post(f"/data/{request.id}", ERASE).status_code == 303
    sweep(app.base.database, app.clock())

    assert found(app) == LISTED | REGISTER
    with app.base.database.autocommit.connect() as connection:
        assert connection.execute(select(t.photo)).all() == []
        forms = connection.execute(select(t.declaration)).mappings().all()
    assert [(form["state"], form["account_id"]) for form in forms] == [("approved", account_id)]


def test_m8_whoever_opens_the_next_form_of_the_code_does_not_see_the_erased_person(desk: Desk) -> None:
    """M-8: what the law keeps is found by its reference alone."""
    account_id = life(desk)
    request = asked(desk, account_id)
    desk.app.clock.move(3 * DAY + 1)
    assert desk.browser("lan.nguyen").post(f"/data/{request.id}", ERASE).status_code == 303

    following = desk.declaration(code=CODE, name="Lê Văn Kế", paper_number=CARD)

    page = desk.browser("lan.nguyen").get(f"/requests/{following.id}").text
    assert "Tờ khai khác cùng mã số" not in page
    assert NAME not in page


def test_m8_what_the_law_keeps_ends_by_its_date(desk: Desk) -> None:
    """M-8: ten years later nothing of the person is left but the register, which is not ours."""
    app, account_id = desk.app, life(desk)
    request = asked(desk, account_id)
    app.clock.move(3 * DAY + 1)
    assert desk.browser("lan.nguyen").post(f"/data/{request.id}", ERASE).status_code == 303
    app.clock.move(3653 * DAY - 4 * DAY)
    sweep_all(app)
    assert found(app) == LISTED | REGISTER

    app.clock.move(4 * DAY)
    sweep_all(app)

    assert found(app) == REGISTER


def test_m8_declarations_of_everybody_go_ten_years_after_they_ended(desk: Desk) -> None:
    """M-8: also those of people who never asked for anything; what is open waits for its own time."""
    rejected = desk.declaration()
    assert desk.browser("lan.nguyen").decide(rejected, "reject", reason="other").status_code == 303
    desk.app.clock.move(3653 * DAY - 60)
    fresh = desk.declaration()
    sweep_all(desk.app)
    assert desk.stored(rejected).state == "rejected"

    desk.app.clock.move(61)
    sweep_all(desk.app)

    assert desk.app.provider.stores.declarations.find(rejected.id) is None
    assert desk.stored(fresh).state == "submitted"


def test_l7_nothing_is_erased_while_the_owner_can_still_say_not_me(desk: Desk) -> None:
    """L-7: both pages say from when on."""
    app = desk.app
    person = app.person(CODE, phone="+84" + PHONE, phone_verified=True, email=MAIL, email_verified=True)
    request = asked(desk, person)
    path = f"/data/{request.id}"
    browser = desk.browser("lan.nguyen")

    page = browser.get(path).text
    assert "Được xóa từ" in page
    assert 'value="erase"' not in page
    assert browser.post(path, ERASE).status_code == 409
    clerk = next(o for o in desk.roster.all() if o.login == "lan.nguyen")
    with pytest.raises(TooEarly):
        app.provider.officers.data_requests.erase(request, clerk)

    app.clock.move(request.erased_from - app.clock())
    browser = desk.browser("lan.nguyen")
    assert 'value="erase"' in browser.get(path).text
    assert browser.post(path, ERASE).status_code == 303


def sweep_all(app: App) -> None:
    assert app.base.declarations.end_expired(app.clock()) >= 0
    sweep(app.base.database, app.clock())
