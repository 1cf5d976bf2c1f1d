"""M-7: *verified* is written by a code that arrived, and a stranger with a mistyped number can do nothing alone."""

from dataclasses import replace

import pytest
from sqlalchemy import select

from idp.accounts.account import Account
from idp.messages.message import Channel, Message
from idp.oidc.claims import of_account
from idp.store import tables as t
from tests.flows.test_activation import proved, set_first
from tests.flows.test_passwords_life import field, follow, log_in, page_of
from tests.support.app import App
from tests.support.desk import EMAIL, FORM, OFFICER, PHONE, declared, open_agencies

CODE, NEW_PHONE = FORM.code, "+84987654321"


@pytest.fixture(autouse=True)
def agencies(app: App) -> None:
    open_agencies(app)


def account_of(app: App) -> Account:
    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account
    return account


def sent(app: App) -> dict[Channel, list[Message]]:
    return {"sms": app.told("sms"), "email": app.told("email")}


def path_of(app: App, message: Message) -> str:
    return str(message.facts["url"]).removeprefix(app.settings.issuer)


def says_verified(app: App) -> object:
    """What portals are told."""
    return of_account(account_of(app), app.clock())["phone_number_verified"]


def test_m7_a_number_is_verified_by_the_code_of_the_activation_and_not_by_the_approval(app: App) -> None:
    app.provider.registration.decisions.approve(declared(app), OFFICER)
    assert account_of(app).phone_verified_at is None
    assert says_verified(app) is False
    assert account_of(app).email_verified_at is not None

    visitor, link = app.visitor(), sent(app)["email"][0]
    set_first(visitor, proved(app, visitor, path_of(app, link)))

    assert says_verified(app) is True


@pytest.mark.parametrize("way", ["link", "temporary"])
def test_m7_what_opens_an_account_goes_to_the_proved_address_alone(app: App, way: str) -> None:
    """The number of a stranger hears that there is a mail, masked, and nothing that opens anything."""
    decisions = app.provider.registration.decisions
    decisions._rules = replace(decisions._rules, first_way=way)  # type: ignore[arg-type]
    decisions.approve(declared(app), OFFICER)
    told = sent(app)

    assert [(m.to, m.template) for m in told["sms"]] == [(PHONE, "opened_by_mail")]
    assert not {"url", "password"} & {name for m in told["sms"] for name, value in m.facts.items() if CODE in value}
    assert [m.to for m in told["email"]] == [EMAIL]
    assert {"link": "url", "temporary": "password"}[way] in told["email"][0].facts


def test_m7_a_stranger_with_the_number_and_the_owner_with_the_mail_do_nothing_alone(app: App) -> None:
    """Neither finishes; the owner, who has no code, goes to the desk, and the number stays unproved."""
    app.provider.registration.decisions.approve(declared(app), OFFICER)
    owner, told = app.visitor(), sent(app)
    page = follow(owner, owner.get(path_of(app, told["email"][0])))
    ticket = {"ticket": field(page, "ticket")}
    follow(owner, owner.post("/activate", data=ticket))
    [code] = app.told("sms")
    assert code.to == PHONE

    stranger = app.visitor("192.0.2.66")
    for path in ("/activate", "/activate/code", "/activate/password"):
        assert stranger.post(path, data=ticket | {"code": code.facts["code"]}).status_code == 403
    assert owner.post("/activate/password", data=ticket | {"password": "x", "again": "x"}).status_code == 400
    assert account_of(app).phone_verified_at is None


def by_number_alone(app: App) -> tuple[str, str]:
    """An approval where no address was proved: the path of the link in the text, and the reference on the paper."""
    declaration = declared(app, email_verified_at=None)
    app.provider.registration.decisions.approve(declaration, OFFICER)
    told = sent(app)
    assert told["email"] == []
    return path_of(app, told["sms"][0]), declaration.formatted_reference


def test_m7_with_a_number_alone_the_paper_is_the_second_proof(app: App) -> None:
    path, reference = by_number_alone(app)
    visitor = app.visitor()
    page = follow(visitor, visitor.get(path))
    ticket = {"ticket": field(page, "ticket")}
    assert 'name="reference"' in page.text

    for wrong in ("", "7KF3-9QTA-2M", "x" * 2000):
        assert "Mã số tờ khai không đúng" in visitor.post("/activate", data=ticket | {"reference": wrong}).text
    assert app.told("sms") == []
    assert page_of(follow(visitor, visitor.post("/activate/code", data=ticket | {"code": "000000"}))) == "activate"

    page = follow(visitor, visitor.post("/activate", data=ticket | {"reference": reference.lower()}))
    page = follow(visitor, visitor.post("/activate/code", data=ticket | {"code": app.code_sent()}))
    assert page_of(set_first(visitor, page)) == "activated"
    app.client()
    assert log_in(app.visitor(), CODE, "một câu khác, đủ dài").status_code == 200


def test_m7_where_the_reference_is_a_proof_no_text_tells_it(app: App) -> None:
    decisions = app.provider.registration.decisions
    back, out = (declared(app, email_verified_at=None, form={"code": f"000000077{n}"}) for n in (8, 9))
    decisions.ask_for_correction(back, OFFICER, "incomplete", "")
    decisions.reject(out, OFFICER, "incomplete", "")

    told = app.told("sms")

    assert len(told) == 2
    for message, declaration in zip(told, (back, out), strict=True):
        assert declaration.formatted_reference not in str(message.facts)


def amended(app: App) -> None:
    """An officer lets another number take effect."""
    account_id = app.person(CODE, phone=PHONE, phone_verified=True, email=EMAIL, email_verified=True)
    account = app.base.people.find(account_id)
    assert account
    form = {"phone": NEW_PHONE}
    asked = declared(app, request="amend", account_id=account_id, account_since=account.secured_at, form=form)
    app.provider.registration.decisions.approve(asked, OFFICER)


def test_m7_a_number_that_an_officer_let_change_is_not_verified_until_a_code_reached_it(app: App) -> None:
    amended(app)
    assert account_of(app).phone == NEW_PHONE
    assert says_verified(app) is False
    notices = [m for m in (*app.told("sms"), *app.told("email")) if m.template == "notice"]
    answers = {m.to: bool(m.facts["undo_url"]) for m in notices}
    assert answers == {PHONE: True, EMAIL: True, NEW_PHONE: False}

    app.base.people.verify_phone(account_of(app).id, NEW_PHONE, app.clock())

    assert says_verified(app) is True


@pytest.mark.parametrize("how", ["officer", "command"])
def test_m7_the_notice_of_a_change_says_who_vouched_for_it(app: App, how: str) -> None:
    if how == "officer":
        amended(app)
    else:
        app.person(CODE, phone=PHONE, phone_verified=True)
        assert app.provider.accounts.credentials.set_number(account_of(app), NEW_PHONE, "desk 12")
    with app.base.database.autocommit.connect() as connection:
        [digest] = connection.execute(select(t.undo.c.digest)).scalars()
    undo = app.base.notices.find(digest, app.clock())

    assert undo
    assert undo.before["vouched_by"] == {"officer": "desk", "command": "operator"}[how]
