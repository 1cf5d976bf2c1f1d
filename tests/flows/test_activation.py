"""From the officer's approval to the first login: the link, the code to the phone, the first password."""

from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from idp.accounts.account import Account
from idp.accounts.notices import NOWHERE
from idp.accounts.password_rules import checked_new
from idp.errors import StaleState
from idp.registration.decisions import Unfit
from idp.registration.opening import temporary_password
from idp.store import tables as t
from tests.flows.test_passwords_life import NEW, change, enter, field, follow, log_in, page_of
from tests.support.app import App, Visitor
from tests.support.desk import OFFICER, declared, open_agencies

CODE = "0000000777"
CALLBACK = "https://portal.example.test/callback?code="


@pytest.fixture(autouse=True)
def agencies(app: App) -> None:
    open_agencies(app)


def approve(app: App, **more: object) -> str:
    """Approve a registration; the path of the link that went out."""
    app.provider.registration.decisions.approve(declared(app, **more), OFFICER)
    return link_of(app)


def link_of(app: App) -> str:
    messages = [m for channel in ("sms", "email") for m in app.told(channel) if m.template == "activation"]
    assert {m.channel for m in messages} == {"email"}
    return str(messages[0].facts["url"]).removeprefix(app.settings.issuer)


def proved(app: App, visitor: Visitor, path: str) -> TestResponse:
    """As far as the page of the first password."""
    page = follow(visitor, visitor.get(path))
    assert page_of(page) == "activate"
    page = follow(visitor, visitor.post("/activate", data={"ticket": field(page, "ticket")}))
    assert page_of(page) == "code"
    fields = {"ticket": field(page, "ticket"), "code": app.code_sent()}
    return follow(visitor, visitor.post("/activate/code", data=fields))


def set_first(visitor: Visitor, page: TestResponse, password: str = NEW, again: str = NEW) -> TestResponse:
    fields = {"ticket": field(page, "ticket"), "password": password, "again": again}
    answer = visitor.post("/activate/password", data=fields)
    visitor.app.clock.move(1)  # whoever logs in does so later
    return answer


def test_an_approval_opens_an_account_and_its_link_leads_to_the_first_password(app: App) -> None:
    visitor = app.visitor()
    path = approve(app)

    shown = follow(visitor, visitor.get(path))
    assert "Trần T. N." in shown.text
    assert CODE not in shown.text
    page = proved(app, visitor, path)
    assert page_of(page) == "activate-password"
    assert page_of(set_first(visitor, page)) == "activated"

    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account
    assert account.phone_verified_at == app.clock() - 1
    assert account.email_verified_at == app.clock() - 1
    assert not account.password_temporary
    assert app.base.people.find_by_identifier("cccd", "000190000777") == account
    assert log_in(app.visitor(), CODE, NEW).headers["Location"].startswith(CALLBACK)


def test_opening_the_link_sends_nothing_and_uses_nothing_up(app: App) -> None:
    path = approve(app)

    for _ in range(3):
        page = follow(app.visitor(), app.visitor().get(path))
    assert page_of(page) in ("activate", "error")

    assert app.told("sms") == []
    visitor = app.visitor()
    assert page_of(set_first(visitor, proved(app, visitor, path))) == "activated"


def test_the_link_sets_one_password_and_is_over_after_its_time(app: App) -> None:
    path = approve(app)
    one, other = app.visitor(), app.visitor("192.0.2.8")
    first = proved(app, one, path)
    app.clock.move(61)
    second = proved(app, other, path)

    assert page_of(set_first(one, first)) == "activated"

    assert set_first(other, second, "ein anderer langer Satz", "ein anderer langer Satz").status_code == 410
    assert page_of(app.visitor().get(path)) == "error"
    assert set_first(one, first).status_code == 410

    late = approve(app, form={"code": "0000000778", "paper_number": "000190000778"})
    app.clock.move(72 * 3600 + 1)
    assert page_of(app.visitor().get(late)) == "error"


def test_without_the_code_no_password_is_set(app: App) -> None:
    visitor = app.visitor()
    page = follow(visitor, visitor.get(approve(app)))
    ticket = {"ticket": field(page, "ticket")}

    skipped = visitor.post("/activate/password", data=ticket | {"password": NEW, "again": NEW})

    assert skipped.status_code == 400
    assert page_of(follow(visitor, visitor.get("/activate/password", query_string=ticket))) == "activate"
    assert app.visitor().post("/activate", data=ticket).status_code == 403
    follow(visitor, visitor.post("/activate", data=ticket))
    app.code_sent()
    for _ in range(6):
        wrong = visitor.post("/activate/code", data=ticket | {"code": "000000"})
    assert page_of(wrong) == "code"
    assert page_of(follow(visitor, visitor.get("/activate/password", query_string=ticket))) == "activate"


def test_a_new_link_kills_the_one_before_and_none_goes_to_whoever_has_a_password(app: App) -> None:
    decisions = app.provider.registration.decisions
    approved = decisions.approve(declared(app), OFFICER)
    old = link_of(app)

    app.clock.move(600)
    decisions.send_again(approved, OFFICER)

    assert page_of(app.visitor().get(old)) == "error"
    visitor = app.visitor()
    assert page_of(set_first(visitor, proved(app, visitor, link_of(app)))) == "activated"
    with pytest.raises(Unfit):
        decisions.send_again(approved, OFFICER)


def test_a_forged_host_changes_no_link(app: App) -> None:
    app.visitor().get("/", headers={"Host": "evil.example", "X-Forwarded-Host": "evil.example"})
    declared_here = declared(app)
    app.provider.registration.decisions.approve(declared_here, OFFICER)

    assert all(m.facts["url"].startswith(app.settings.issuer + "/a/") for m in app.told("email"))


def with_temporary(app: App) -> str:
    """Approve where policy sends a temporary password; the password."""
    decisions = app.provider.registration.decisions
    decisions._rules = replace(decisions._rules, first_way="temporary")
    decisions.approve(declared(app), OFFICER)
    return str([m for m in app.told("email") if m.template == "temporary_password"][-1].facts["password"])


def test_a_temporary_password_opens_one_login_that_changes_it(app: App) -> None:
    given = with_temporary(app)
    visitor, later = app.visitor(), app.visitor("192.0.2.8")

    page = log_in(visitor, CODE, given)
    assert page_of(page) == "password"
    refused = log_in(later, CODE, given)
    assert "chỉ dùng được một lần" in refused.text
    page = change(visitor, page, given, NEW)
    done = enter(app, visitor, page, "/login/password/code")

    assert done.headers["Location"].startswith(CALLBACK)
    app.clock.move(1)
    assert log_in(app.visitor("192.0.2.9"), CODE, NEW).headers["Location"].startswith(CALLBACK)


def test_a_temporary_password_is_over_after_72_hours_and_the_desk_sends_another_way(app: App) -> None:
    given = with_temporary(app)
    app.clock.move(72 * 3600)

    assert "chỉ dùng được một lần" in log_in(app.visitor(), CODE, given).text
    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account
    approved = app.provider.stores.declarations.of_account(account.id)[0]
    app.provider.registration.decisions.send_again(approved, OFFICER)
    visitor = app.visitor()
    assert page_of(set_first(visitor, proved(app, visitor, link_of(app)))) == "activated"
    assert log_in(app.visitor(), CODE, NEW).headers["Location"].startswith(CALLBACK)


def test_a_temporary_password_is_one_that_the_rules_of_today_allow() -> None:
    """What is issued must not be refused by the policy that judges passwords."""
    account = Account("", "individual", "Trần Thị Nga", phone="+84981234567")

    assert all(checked_new(given, account) == given for given in (temporary_password() for _ in range(200)))


def test_two_officers_at_once_open_one_account(app: App) -> None:
    declaration, decisions = declared(app), app.provider.registration.decisions
    decisions.approve(declaration, OFFICER)

    with pytest.raises((StaleState, Unfit)):
        decisions.approve(declaration, OFFICER)
    with pytest.raises(StaleState):
        decisions.reject(declaration, OFFICER, "incomplete", "")


def test_a_credential_event_ends_changes_that_wait_for_an_officer(app: App) -> None:
    """T-04: whoever asked for the change has nothing after the owner came back."""
    account_id = app.person(CODE, phone="0981234567", phone_verified=True)
    account = app.base.people.find(account_id)
    assert account
    waiting = declared(app, request="amend", account_id=account_id, account_since=account.secured_at)
    app.clock.move(1)

    app.provider.accounts.credentials.reset(
        account, app.provider.accounts.credentials.hashed(NEW, account), "sms", NOWHERE
    )

    found = app.provider.stores.declarations.find(waiting.id)
    assert found
    assert found.state == "cancelled"
    with pytest.raises((StaleState, Unfit)):
        app.provider.registration.decisions.approve(waiting, OFFICER)
    after = app.base.people.find(account_id)
    assert after
    assert after.phone == "+84981234567"


def test_an_approved_change_is_told_to_the_old_number_and_keeps_the_old_paper_as_history(app: App) -> None:
    account_id = app.person(
        CODE,
        phone="0987654321",
        phone_verified=True,
        identifiers={"bhxh": CODE, "cccd": "000190000111"},
    )
    account = app.base.people.find(account_id)
    assert account
    asked = declared(app, request="amend", account_id=account_id, account_since=account.secured_at)

    app.provider.registration.decisions.approve(asked, OFFICER)

    told = {m.to: bool(m.facts["undo_url"]) for m in app.told("sms") if m.template == "notice"}
    assert told == {"+84987654321": True, "+84981234567": False}
    changed = app.base.people.find(account_id)
    assert changed
    assert (changed.phone, changed.identifier("cccd")) == ("+84981234567", "000190000777")
    with app.base.database.autocommit.connect() as connection:
        kept = connection.execute(t.identifier.select().where(t.identifier.c.value == "000190000111")).one()
    assert kept.valid_to == pytest.approx(app.clock(), abs=1)


def test_an_approved_stop_closes_the_account_and_frees_its_code(app: App) -> None:
    account_id = app.person(CODE)
    account = app.base.people.find(account_id)
    assert account
    asked = declared(app, request="stop", account_id=account_id, account_since=account.secured_at)

    app.provider.registration.decisions.approve(asked, OFFICER)

    assert page_of(log_in(app.visitor(), CODE)) == "login"
    assert app.base.people.find_by_identifier("bhxh", CODE) is None
    visitor = app.visitor()
    assert page_of(set_first(visitor, proved(app, visitor, approve(app)))) == "activated"
