"""A person's copy of their own data, and the request to erase it with the days that the law gives."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from idp.accounts.account import Account
from idp.errors import StaleState
from idp.officers.data_requests import ERASED_NAME, DataRequest, days_after, working_days_after
from idp.officers.officers import NotAllowed
from idp.store import tables as t
from tests.flows.test_passwords_life import field, follow, log_in, page_of
from tests.support.app import App, Visitor
from tests.support.desk import OFFICER, declared, open_agencies

CODE, PHONE = "0000000777", "0981234567"
CLERK = replace(OFFICER, rights=frozenset({("*", "data")}))
SECRET = ("password_hash", "digest", "sealed", "passcode", "sub", "secret")


@pytest.fixture(autouse=True)
def ready(app: App) -> None:
    open_agencies(app)
    app.client()
    app.person(CODE, phone=PHONE, phone_verified=True, email="nga@example.com", email_verified=True)


def proved(app: App, visitor: Visitor, path: str) -> str:
    """A page of one's own, after the code that it asks for; gives its text."""
    page = follow(visitor, visitor.get(path))
    assert page_of(page) == "code"
    fields = {"attempt": field(page, "attempt"), "code": app.code_sent()}
    answer = follow(visitor, visitor.post("/login/code", data=fields))
    assert answer.status_code == 200, answer.text
    return answer.text


def logged_in(app: App, code: str = CODE) -> Visitor:
    visitor = app.visitor()
    visitor.log_in(visitor.authorize(), code)
    return visitor


def asked(app: App, visitor: Visitor) -> DataRequest:
    """Ask for erasure, as far as the page that lists it."""
    page = proved(app, visitor, "/account/data/erase")
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)
    assert csrf
    answer = visitor.post("/account/data/erase", data={"csrf": csrf[1], "understood": "1"})
    assert answer.headers["Location"] == "/account/data"
    return app.provider.officers.data_requests.waiting(CLERK)[-1]


def test_the_copy_holds_what_is_kept_and_nothing_that_opens_anything(app: App) -> None:
    visitor = logged_in(app)
    declared(app, request="amend", account_id=account_id(app), account_since=0.0)

    copy = json.loads(proved(app, visitor, "/account/data/export"))

    assert copy["account"][0]["phone"] == "+84981234567"
    assert copy["identifiers"][0]["value"] == CODE
    assert copy["declarations"][0]["form"]["name"] == "Trần Thị Nga"
    assert [h["event"] for h in copy["history"]] == ["login.succeeded", "login.succeeded"]
    names = {name for rows in copy.values() for row in rows for name in row}
    assert not [name for name in names if any(word in name for word in SECRET if word != "sub")]
    assert str(_account(app).password_hash) not in json.dumps(copy)


def account_id(app: App) -> str:
    return _account(app).id


def test_without_a_fresh_code_nothing_is_given_or_asked(app: App) -> None:
    visitor = logged_in(app)

    assert page_of(follow(visitor, visitor.get("/account/data/export"))) == "code"
    assert visitor.post("/account/data/erase", data={"understood": "1"}).status_code == 403
    assert app.provider.officers.data_requests.waiting(CLERK) == []


def test_asking_twice_is_asking_once_and_can_be_withdrawn(app: App) -> None:
    visitor = logged_in(app)
    request = asked(app, visitor)
    assert app.provider.officers.data_requests.ask(_account(app)) == request

    page = visitor.get("/account/data")
    assert "Đã tiếp nhận" in page.text
    visitor.post("/account/data", data={"csrf": field(page, "csrf"), "withdraw": request.id})

    assert app.provider.officers.data_requests.waiting(CLERK) == []
    assert "Đã rút lại" in visitor.get("/account/data").text
    app.clock.move(3 * 86_400)
    with pytest.raises(StaleState):
        app.provider.officers.data_requests.erase(request, CLERK)


def test_nobody_withdraws_anothers_request(app: App) -> None:
    request = asked(app, logged_in(app))
    app.person("0000000778")
    other = logged_in(app, "0000000778")
    page = other.get("/account")

    other.post("/account/data", data={"csrf": field(page, "csrf"), "withdraw": request.id})

    assert app.provider.officers.data_requests.waiting(CLERK) == [request]


def test_an_erasure_takes_out_what_no_law_keeps_and_ends_everything(app: App) -> None:
    visitor = logged_in(app)
    tokens = visitor.tokens(CODE)
    request, who = asked(app, visitor), account_id(app)
    app.clock.move(3 * 86_400)

    app.provider.officers.data_requests.erase(request, CLERK)

    erased = app.base.people.find(who)
    assert erased
    assert (erased.name, erased.phone, erased.email, erased.status) == (ERASED_NAME, None, None, "disabled")
    assert visitor.userinfo(tokens["access_token"]).status_code == 401
    assert page_of(log_in(app.visitor(), CODE)) == "login"
    with app.base.database.autocommit.connect() as connection:
        kept = connection.execute(select(t.identifier).where(t.identifier.c.account_id == who)).one()
    assert kept.value == CODE
    assert kept.valid_to is not None
    assert {m.channel for m in app.told("sms") + app.told("email") if m.template == "data_erased"} == {"sms", "email"}
    with pytest.raises(StaleState):
        app.provider.officers.data_requests.refuse(request, CLERK, "other", "")


def test_only_officers_with_the_right_answer_and_never_about_themselves(app: App) -> None:
    request = asked(app, logged_in(app))
    requests = app.provider.officers.data_requests

    with pytest.raises(NotAllowed):
        requests.erase(request, OFFICER)
    with pytest.raises(NotAllowed):
        requests.erase(request, replace(CLERK, bhxh_code=CODE))
    acknowledged = requests.acknowledge(request, CLERK)
    prolonged = requests.prolong(acknowledged, CLERK, "Cần xác minh thêm")
    with pytest.raises(StaleState):
        requests.prolong(prolonged, CLERK, "")
    with pytest.raises(StaleState):
        requests.refuse(acknowledged, CLERK, "other", "")
    assert requests.refuse(prolonged, CLERK, "proceedings", "Đang có khiếu nại").state == "refused"


def test_days_are_those_of_vietnam_and_weekends_are_no_working_days() -> None:
    friday_evening = datetime(2026, 11, 20, 18, 0, tzinfo=UTC).timestamp()  # Saturday 01:00 in Vietnam
    assert datetime.fromtimestamp(working_days_after(friday_evening), UTC).date().isoformat() == "2026-11-24"
    assert datetime.fromtimestamp(days_after(friday_evening), UTC).date().isoformat() == "2026-12-06"


def _account(app: App) -> Account:
    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account
    return account
