"""What a thief, a hasty officer or a broken file leaves behind at the pages of an account's life: nothing."""

import json
from io import BytesIO
from typing import Literal

import pytest
from sqlalchemy import insert, select

from config.cli.accounts_import import read_lines
from idp.accounts.account import Account
from idp.accounts.notices import NOWHERE
from idp.officers.data_requests import DataRequest
from idp.store import tables as t
from tests.flows.test_own_data import CLERK, CODE, asked, logged_in
from tests.flows.test_passkeys import add, at_home, owner
from tests.flows.test_passkeys import log_in as come_in
from tests.flows.test_passwords_life import NEW, citizen, follow, page_of
from tests.support.app import ISSUER, App
from tests.support.desk import OFFICER, declared, open_agencies
from tests.support.passkeys import Authenticator

NEW_NUMBER, OLD_NUMBER = "+84981234567", "+84987654321"


@pytest.fixture(autouse=True)
def ready(app: App) -> None:
    open_agencies(app)
    app.client()


def account_of(app: App, account_id: str) -> Account:
    account = app.base.people.find(account_id)
    assert account
    return account


def undo_link(app: App) -> str:
    """The newest "not me" that was mailed."""
    told = [m for m in app.told("email") if m.template == "notice"]
    return told[-1].facts["undo_url"].rpartition("/")[2]


def changed_by_the_desk(app: App, account_id: str, **form: str) -> None:
    """An officer approves a change of phone, for somebody who had asked at the account's page."""
    since = account_of(app, account_id).secured_at
    asked_for = declared(app, request="amend", account_id=account_id, account_since=since, form=form)
    app.provider.registration.decisions.approve(asked_for, OFFICER)


def state_of(app: App, request: DataRequest) -> str:
    return app.provider.officers.data_requests.of_account(request.account_id)[0].state


@pytest.mark.parametrize("way", ["recovery", "not me"])
def test_an_erasure_that_a_thief_asked_for_dies_when_the_owner_is_back(
    app: App, way: Literal["recovery", "not me"]
) -> None:
    """T-04: the officer who has the request on the screen erases nobody any more."""
    account_id = citizen(app, CODE)
    request = asked(app, logged_in(app))

    if way == "recovery":
        account, credentials = account_of(app, account_id), app.provider.accounts.credentials
        credentials.reset(account, credentials.hashed(NEW, account), "sms", NOWHERE)
    else:
        page = app.visitor().post(f"/not-me/{undo_link(app)}", data={"not-me": "1"})
        assert page_of(page) == "not-me-done"

    assert state_of(app, request) == "withdrawn"
    assert app.provider.officers.data_requests.waiting(CLERK) == []


def test_a_password_that_its_owner_changes_leaves_the_request_and_its_days_alone(app: App) -> None:
    """L6: the law's days go on; only who may not have been the owner loses what they asked."""
    account_id = citizen(app, CODE)
    request = asked(app, logged_in(app))
    account, credentials = account_of(app, account_id), app.provider.accounts.credentials

    credentials.change(account, credentials.hashed(NEW, account), NOWHERE)

    assert state_of(app, request) == "open"


def test_who_is_asked_to_be_erased_is_told_everywhere_and_once(app: App) -> None:
    account_id = citizen(app, CODE)

    for _ in range(2):
        app.provider.officers.data_requests.ask(account_of(app, account_id))

    texts, mails = app.told("sms"), app.told("email")
    assert [m.facts["event"] for m in texts] == [m.facts["event"] for m in mails] == ["erasure_asked"]
    page = app.visitor().get(f"/not-me/{mails[0].facts['undo_url'].rpartition('/')[2]}")
    assert "yêu cầu xóa dữ liệu" in page.text


def test_h2_not_me_after_a_change_at_the_desk_restores_nothing_and_opens_a_case(app: App) -> None:
    """Whoever holds the number of before may be a thief: the desk, which saw the person, looks again."""
    account_id = citizen(app, CODE, phone="0987654321")
    changed_by_the_desk(app, account_id, email="nga@example.com")
    before = account_of(app, account_id)

    assert app.provider.accounts.credentials.not_me(undo_link(app), before, NOWHERE) == "disavow_outranked"

    after = account_of(app, account_id)
    assert (after.phone, after.phone_verified_at, after.password_hash) == (NEW_NUMBER, None, before.password_hash)
    assert (after.email, after.email_verified_at is not None) == ("nga@example.com", True)
    with app.base.database.autocommit.connect() as connection:
        [case] = connection.execute(select(t.link_dispute)).all()
    assert (case.reason, case.account_id) == ("disavowed", account_id)


def test_who_had_the_number_before_the_desk_changed_it_is_told_of_a_link(app: App) -> None:
    """U-07"""
    account_id = citizen(app, CODE, phone="0987654321")
    changed_by_the_desk(app, account_id)

    assert app.base.notices.previous(account_id, app.clock())["phone"] == OLD_NUMBER


@pytest.mark.parametrize(
    ("how", "stands", "left"),
    [("code", "disavow", ["dvcqg"]), ("confirmed", "disavow_eid_recovery", ["dvcqg", "vneid"])],
)
def test_after_a_recovery_by_eid_not_me_ends_a_link_that_no_citizen_number_made(
    app: App, how: str, stands: str, left: list[str]
) -> None:
    """T-03, H-2: a link by a code may be the thief's and ends, however old; one by number, name and date is a case."""
    account_id = citizen(app, CODE)
    linked(app, account_id, "vneid", how)
    linked(app, account_id, "dvcqg")
    app.clock.move(100 * 3600)
    app.provider.accounts.recoveries.by_eid(account_of(app, account_id), NEW, NOWHERE, "vneid")

    said = app.provider.accounts.credentials.not_me(undo_link(app), account_of(app, account_id), NOWHERE)

    assert (said, sorted(holding(app, account_id))) == (stands, left)
    assert account_of(app, account_id).password_hash is None


def test_who_stopped_and_registers_again_comes_in_by_the_same_identity(app: App) -> None:
    account_id = citizen(app, CODE)
    linked(app, account_id, "vneid")
    since = account_of(app, account_id).secured_at

    asked_for = declared(app, request="stop", account_id=account_id, account_since=since)
    app.provider.registration.decisions.approve(asked_for, OFFICER)

    assert holding(app, account_id) == []


def test_an_erasure_leaves_of_what_nobody_decided_no_word(app: App) -> None:
    """L6: the whole database is searched for what was only asked, disputed or named."""
    account_id = citizen(app, CODE)
    since = account_of(app, account_id).secured_at
    declared(app, request="amend", account_id=account_id, account_since=since, form={"email": "thu@example.com"})
    device = {"id": "d", "client_id": "app", "jkt": "j", "name": "Máy của Nga", "network": "", "passcode_hash": ""}
    device |= {"account_id": account_id, "wrong_passcodes": 0, "enrolled_at": 1.0, "last_seen_at": 1.0}  # type: ignore[dict-item]
    dispute = {"id": "d", "upstream": "vneid", "subject": "s", "reason": "conflict", "evidence": "{}", "times": 1}
    dispute |= {"account_id": account_id, "sealed_facts": "facts of Nga", "created_at": 1.0, "seen_at": 1.0}
    with app.base.database.transaction.begin() as connection:
        connection.execute(insert(t.enrolled_device), device)
        connection.execute(insert(t.link_dispute), dispute)
    words = ("Trần Thị Nga", "thu@example.com", "Máy của Nga", "facts of Nga")
    assert {word for word in words if found_in(app, word)} == set(words)

    asked = app.provider.officers.data_requests.ask(account_of(app, account_id))
    app.clock.move(3 * 86_400)
    app.provider.officers.data_requests.erase(asked, CLERK)

    assert {word: found_in(app, word) for word in words} == {word: [] for word in words}


def found_in(app: App, word: str) -> list[str]:
    with app.base.database.autocommit.connect() as connection:
        tables = [(table.name, connection.execute(select(table)).all()) for table in t.metadata.sorted_tables]
    return [name for name, rows in tables for row in rows if any(word in str(value) for value in row)]


def test_whoever_came_in_by_a_copied_passkey_is_out_when_its_owner_uses_theirs(app: App) -> None:
    """P-14"""
    owner(app)
    device = Authenticator(ISSUER)
    add(at_home(app), device)
    thief = app.visitor("203.0.113.9")
    follow(thief, thief.get(come_in(thief, device.copy())))
    assert page_of(follow(thief, thief.get("/account"))) == "account"
    half_way = app.visitor("203.0.113.10")
    device.sign_count += 1
    came = come_in(half_way, device.copy())

    assert come_in(app.visitor(), device).endswith("why=passkey")

    assert page_of(follow(thief, thief.get("/account"))) == "login"
    assert page_of(follow(half_way, half_way.get(came))) == "login"


def linked(app: App, account_id: str, upstream: str, how: str = "confirmed") -> None:
    row = {"id": f"link-{upstream}", "account_id": account_id, "upstream": upstream, "subject": f"s-{upstream}"}
    with app.base.database.transaction.begin() as connection:
        connection.execute(insert(t.link), row | {"how": how, "evidence": "{}", "made_at": app.clock()})


def holding(app: App, account_id: str) -> list[str]:
    mine = select(t.link.c.upstream).where(t.link.c.account_id == account_id, t.link.c.ended_at.is_(None))
    with app.base.database.autocommit.connect() as connection:
        return list(connection.execute(mine).scalars())


HASH = "$argon2id$v=19$m={},t={},p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo"
PERSON = {"name": "Nguyễn Thị Hoà", "identifiers": {"bhxh": "0012345678"}}


@pytest.mark.parametrize(
    "wrong",
    [
        {"password_hash": HASH.format(99_999_999, 1)},
        {"password_hash": HASH.format(19_456, 99)},
        {"name": "Hoà\ud800"},
        {"email": "a\0@example.com"},
        {"address": "\udfff"},
        {"more_claims": 5},
        {"more_claims": ["gender"]},
        {"kind": []},
    ],
)
def test_one_bad_line_of_an_import_is_told_by_its_number_and_stops_nothing(wrong: dict[str, object]) -> None:
    """Whoever logs in with an imported hash costs the others no minute either."""
    lines = [PERSON, PERSON | wrong, PERSON | {"password_hash": HASH.format(65_536, 3)}]
    file = BytesIO(b"\n".join(json.dumps(line).encode() for line in lines))

    read = list(read_lines(file, 0.0))

    assert [line.account is None for line in read] == [False, True, False]
    assert read[1].complaint
