"""Whoever holds a channel that is not the owner's any more, or never was, gets nothing by it: H-1, H-2, L-6, H1."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from idp.accounts.account import Account
from idp.accounts.credentials import Securing
from idp.accounts.notices import NOWHERE, previous
from idp.accounts.recovery import RecoveryForm
from idp.ports import Event
from idp.store import tables as t
from tests.attacks.test_password_guessing import fail
from tests.flows.test_passwords_life import NEW, asked, change, citizen, enter, field, follow, log_in, page_of, set_anew
from tests.support.app import ISSUER, PASSWORD, App, Visitor

CODE, FACT = "0000000777", "17/05/1990"
OLD, NEW_NUMBER, EMAIL = "+84981234567", "+84981234599", "nga@example.com"
DAY = 86_400.0


def account_of(app: App) -> Account:
    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account is not None
    return account


def set_values(app: App, **values: object) -> None:
    """As the record may have come to be: an import, or what happened long ago."""
    with app.base.database.transaction.begin() as connection:
        connection.execute(update(t.account).where(t.account.c.id == account_of(app).id).values(**values))


def undo_path(app: App) -> str:
    """The newest "not me" link of a text message."""
    return [m for m in app.told("sms") if m.facts.get("undo_url")][-1].facts["undo_url"].removeprefix(ISSUER)


def recover_by_phone(app: App, visitor: Visitor) -> bool:
    """Whether the code of a recovery arrives, and with it another password is set."""
    page = follow(visitor, asked(visitor, "phone", CODE, FACT))
    codes = [m.facts["code"] for m in app.told("sms") if m.template == "otp"]
    if not codes:
        return False
    proved = visitor.post("/recover/code", data={"ticket": field(page, "ticket"), "code": codes[-1]})
    return page_of(set_anew(visitor, follow(visitor, proved))) == "recovered"


def test_h1_a_number_of_thirteen_months_ago_recovers_nothing(everywhere: App) -> None:
    """Whoever has the SIM now knows code and birth date from the same wallet."""
    app = everywhere
    citizen(app)
    set_values(app, phone_verified_at=app.clock() - 400 * DAY)

    assert not recover_by_phone(app, app.visitor("203.0.113.5"))
    app.provider.accounts.recoveries.by_hotline("0981234567", CODE)
    assert app.told("sms") == []
    assert "callback?code=" in log_in(app.visitor()).headers["Location"]


def test_h1_a_number_of_thirteen_months_ago_is_told_nothing_and_answers_nothing(app: App) -> None:
    citizen(app)
    set_values(app, phone_verified_at=app.clock() - 400 * DAY)
    app.visitor("203.0.113.5").code(CODE)
    account = account_of(app)
    notices = app.provider.accounts.notices

    assert app.told("sms") == []
    assert [m.facts["event"] for m in app.told("email")] == ["new_device"]
    assert app.provider.accounts.credentials.set_number(account, NEW_NUMBER, "form at a desk")
    assert [m.to for m in app.told("sms")] == []
    assert {m.to for m in notices.of("password_changed", account, NOWHERE).messages} == {EMAIL}


def test_h1_a_number_of_thirteen_months_ago_confirms_no_new_password(app: App) -> None:
    """The code goes to the proved address; where there is none, the old password alone decides, as without a number."""
    citizen(app)
    set_values(app, phone_verified_at=app.clock() - 400 * DAY)
    visitor = app.visitor()
    visitor.code(CODE)
    app.told("email")

    page = change(visitor, follow(visitor, visitor.get("/account/password")))
    assert page_of(page) == "code"
    assert app.told("sms") == []
    code = app.code_sent("email")
    done = follow(visitor, visitor.post("/login/password/code", data={"attempt": field(page, "attempt"), "code": code}))

    assert page_of(done) == "account"
    assert account_of(app).phone_verified_at == pytest.approx(app.clock() - 400 * DAY)


def test_h1_a_right_code_within_the_year_keeps_the_number_good(app: App) -> None:
    """The rule asks for use, not for age: a recovery by the number is a use."""
    citizen(app)
    app.clock.move(300 * DAY)
    assert recover_by_phone(app, app.visitor())
    app.clock.move(300 * DAY)

    assert recover_by_phone(app, app.visitor("203.0.113.5"))


def test_h2_the_previous_number_does_not_overrule_the_desk(everywhere: App) -> None:
    """The stolen phone presses its link after the owner had the number changed."""
    app = everywhere
    citizen(app)
    assert app.provider.accounts.credentials.set_number(account_of(app), NEW_NUMBER, "form at a desk")
    path = undo_path(app)
    owner, thief = app.visitor(), app.visitor("203.0.113.5")
    tokens = owner.tokens(CODE)
    app.told("email"), app.told("sms")
    shown = thief.get(path)
    done = thief.post(path, data={"not-me": "1"})
    app.clock.move(1)

    assert "Chuyển việc này đến cán bộ BHXH" in shown.text
    assert "Khóa mật khẩu hiện tại" not in shown.text
    assert page_of(done) == "not-me-done"
    assert "Cán bộ BHXH đã nhận việc này" in done.text
    account = account_of(app)
    assert account.phone == NEW_NUMBER
    assert account.password_hash is not None
    assert owner.userinfo(tokens["access_token"]).status_code == 401
    assert not recover_by_phone(app, thief)
    assert "callback?code=" in log_in(owner).headers["Location"]


def test_h2_every_use_of_not_me_is_told_on_all_channels(app: App) -> None:
    citizen(app)
    assert app.provider.accounts.credentials.set_number(account_of(app), NEW_NUMBER, "form at a desk")
    path = undo_path(app)
    app.told("email")
    app.visitor("203.0.113.5").post(path, data={"not-me": "1"})
    told = [*app.told("sms"), *app.told("email")]

    assert {(m.to, m.facts["event"], m.facts["undo_url"]) for m in told} == {
        (to, "disavowed", "") for to in (OLD, NEW_NUMBER, EMAIL)
    }


def test_h2_what_a_desk_vouched_for_becomes_a_case_at_the_desk(app: App) -> None:
    citizen(app)
    assert app.provider.accounts.credentials.set_number(account_of(app), NEW_NUMBER, "form at a desk")
    path = undo_path(app)
    app.visitor("203.0.113.5").post(path, data={"not-me": "1"})
    with app.base.database.autocommit.connect() as connection:
        cases = connection.execute(select(t.link_dispute)).all()

    assert [(c.reason, c.account_id, c.evidence, c.resolved_at) for c in cases] == [
        ("disavowed", account_of(app).id, '{"about": "phone_changed"}', None)
    ]


def test_h2_the_disputed_number_recovers_nothing_for_another_72_hours(app: App) -> None:
    citizen(app)
    assert app.provider.accounts.credentials.set_number(account_of(app), NEW_NUMBER, "form at a desk")
    path = undo_path(app)
    app.base.people.verify_phone(account_of(app).id, NEW_NUMBER, app.clock())
    app.clock.move(71 * 3600)
    app.visitor("203.0.113.5").post(path, data={"not-me": "1"})
    app.told("sms")
    app.clock.move(71 * 3600)
    assert not recover_by_phone(app, app.visitor())
    app.clock.move(3601)

    assert recover_by_phone(app, app.visitor())


def test_h2_a_notice_from_before_the_desk_spoke_does_not_overrule_it_either(app: App) -> None:
    """The thief keeps the link of an earlier login for the day after."""
    citizen(app)
    app.visitor("203.0.113.5").code(CODE)
    path = undo_path(app)
    app.clock.move(3600)
    assert app.provider.accounts.credentials.set_number(account_of(app), NEW_NUMBER, "form at a desk")
    app.visitor("203.0.113.5").post(path, data={"not-me": "1"})
    account = account_of(app)

    assert (account.phone, account.password_hash is not None) == (NEW_NUMBER, True)


def change_own_number(app: App, number: str) -> None:
    """A change that nobody vouched for."""
    account, now = account_of(app), app.clock()
    before = previous(account, ["phone"], now)
    told = app.provider.accounts.notices.of("phone_changed", replace(account, phone=None), NOWHERE, before=before)
    values = {"phone": number, "phone_verified_at": now, "phone_changed_at": now, "phone_source": ""}
    securing = Securing(account.id, account.secured_at, values, Event("account.changed", account.id), told)
    assert app.provider.accounts.credentials._store.secure(securing, now)


def test_h2_what_an_undo_restores_is_not_verified_and_recovers_nothing_for_72_hours(app: App) -> None:
    citizen(app)
    change_own_number(app, NEW_NUMBER)
    path = undo_path(app)
    done = app.visitor().post(path, data={"not-me": "1"})
    account = account_of(app)

    assert "sau 72 giờ" in done.text
    assert (account.phone, account.phone_verified_at, account.phone_source) == (OLD, None, "undo")
    assert account.password_hash is None
    assert not recover_by_phone(app, app.visitor())
    app.provider.accounts.recoveries.by_hotline("0981234567", CODE)
    assert [m for m in app.told("sms") if m.template == "recovery_link"] == []
    app.clock.move(72 * 3600 + 1)
    assert recover_by_phone(app, app.visitor())
    assert account_of(app).phone_verified_at == pytest.approx(app.clock())


@pytest.mark.parametrize("way", ["used", "over", "unknown"])
def test_h1_of_the_walk_a_link_that_is_none_any_more_never_says_that_nothing_happened(app: App, way: str) -> None:
    citizen(app)
    app.visitor("203.0.113.5").code(CODE)
    path = undo_path(app)
    if way == "used":
        app.visitor().post(path, data={"not-me": "1"})
    elif way == "over":
        app.clock.move(72 * 3600 + 1)
    else:
        path = "/not-me/AAAAAAAAAAAAAAAAAAAAAA"
    answers = [app.visitor().get(path), app.visitor().post(path, data={"not-me": "1"})]

    for answer in answers:
        assert answer.status_code == 410
        assert "“Không phải tôi” không dùng được nữa" in answer.text
        assert "không bị ảnh hưởng" not in answer.text
        assert "1900.9068" in answer.text
        assert ("đã được dùng lúc" in answer.text) is (way == "used")
        assert 'href="/recover"' in answer.text


def test_h1_of_the_walk_spent_ways_to_a_password_have_pages_of_their_own(app: App) -> None:
    activation = app.visitor().get("/a/AAAAAAAAAAAAAAAAAAAAAA")
    recovery = app.visitor().get("/recover/password?ticket=y_" + "A" * 43)

    assert (activation.status_code, recovery.status_code) == (410, 410)
    assert "Đường dẫn kích hoạt không dùng được nữa" in activation.text
    assert "Đường dẫn đặt lại mật khẩu không dùng được nữa" in recovery.text
    for page in (activation.text, recovery.text):
        assert "không bị ảnh hưởng" not in page
        assert "đăng nhập này đã hết hạn" not in page


def guessed_at(app: App) -> None:
    """Past the number of failures after which a right password alone is doubted."""
    for number in range(17):
        fail(app.visitor(f"203.0.{number}.66"), CODE, times=3)


def test_l6_after_much_guessing_an_account_without_a_number_is_asked_for_a_code_by_mail(app: App) -> None:
    citizen(app, phone=None)
    guessed_at(app)
    owner = app.visitor("198.51.100.20")
    page = log_in(owner)
    assert page_of(page) == "code"
    assert "n***@example.com" in page.text
    code = app.code_sent("email")
    done = follow(owner, owner.post("/login/code", data={"attempt": field(page, "attempt"), "code": code}))

    assert "callback?code=" in done.headers["Location"]


def test_l6_a_code_by_mail_is_no_second_factor(app: App) -> None:
    """Portals that want level 2 do not get it by an address."""
    citizen(app, phone=None)
    app.client("strong", default_acr_values=["urn:bhxh:acr:2"])
    guessed_at(app)
    owner = app.visitor("198.51.100.20")
    page = log_in(owner, client_id="strong")
    code = app.code_sent("email")
    done = follow(owner, owner.post("/login/code", data={"attempt": field(page, "attempt"), "code": code}))

    assert page_of(done) == "code"
    assert "callback?code=" not in (done.headers.get("Location") or "")


def test_l6_where_nothing_is_registered_the_page_names_other_ways_and_lets_nobody_past(app: App) -> None:
    citizen(app, phone=None, email=None)
    guessed_at(app)
    guesser = app.visitor("198.51.100.20")
    page = log_in(guesser)

    assert page_of(page) == "code"
    assert "VNeID" in page.text
    assert f'href="/login?attempt={field(page, "attempt")}"' in page.text
    assert page_of(follow(guesser, guesser.get("/account"))) == "login"
    assert page_of(log_in(guesser)) == "code"


def test_l6_a_known_device_is_asked_for_nothing_more(app: App) -> None:
    citizen(app, phone=None, email=None)
    known = app.visitor()
    known.log_in(known.authorize(), CODE, remember="1")
    guessed_at(app)

    assert "callback?code=" in log_in(known, prompt="login").headers["Location"]


def test_the_number_that_a_notice_keeps_is_one_that_may_still_answer(app: App) -> None:
    """A previous number that nobody proved gets no "not me" by being changed."""
    citizen(app, phone_verified=False)
    assert app.provider.accounts.credentials.set_number(account_of(app), NEW_NUMBER, "form at a desk")

    assert app.told("sms") == []
    typed = RecoveryForm("individual", CODE, FACT, "b", "192.0.2.9")
    app.provider.accounts.recoveries.by_code(typed)
    assert app.told("sms") == []


def test_a_password_that_took_effect_by_a_code_is_told_with_a_way_to_disown_it(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    visitor.code(CODE)
    app.told("sms")
    page = change(visitor, follow(visitor, visitor.get("/account/password")), PASSWORD, NEW)
    enter(app, visitor, page, "/login/password/code")

    assert page_of(app.visitor().get(undo_path(app))) == "not-me"
