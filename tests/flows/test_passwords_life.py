"""A password's life: first login, age, change, recovery by each way, and "not me" - each as the person meets it."""

import re
from dataclasses import replace

import pytest
from werkzeug.test import TestResponse

from idp.errors import StaleState
from tests.support.app import PASSWORD, App, Visitor, attempt_of

PHONE, EMAIL = "0981234567", "nga@example.com"
NEW = "một câu mới thật dài"
MONTHS = 30 * 86_400


def citizen(app: App, code: str = "0000000777", **more: object) -> str:
    """Somebody with a verified phone and address."""
    fields = {
        "phone": PHONE,
        "phone_verified": True,
        "email": EMAIL,
        "email_verified": True,
        "birth_date": "1990-05-17",
    } | more
    return app.person(code, **fields)


def temporary(app: App, account_id: str) -> None:
    """As after an approval: the password was sent to the person and has to be changed."""
    from sqlalchemy import update

    from idp.store import tables as t

    with app.base.database.transaction.begin() as connection:
        connection.execute(update(t.account).where(t.account.c.id == account_id).values(password_temporary=True))


def field(page: TestResponse, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page.text)
    assert found, f"no field {name}: {page.text[:2000]}"
    return found[1]


def page_of(answer: TestResponse) -> str:
    found = re.search(r'data-page="([^"]+)"', answer.text)
    return found[1] if found else f"{answer.status_code} {answer.headers.get('Location')}"


def follow(visitor: Visitor, answer: TestResponse) -> TestResponse:
    """Go on while we are sent on within our own house."""
    while answer.status_code == 303 and answer.headers["Location"].startswith("/"):
        answer = visitor.get(answer.headers["Location"])
    return answer


def log_in(visitor: Visitor, code: str = "0000000777", password: str = PASSWORD, **more: object) -> TestResponse:
    return follow(visitor, visitor.log_in(visitor.authorize(**more), code, password))


def change(visitor: Visitor, page: TestResponse, old: str = PASSWORD, new: str = NEW) -> TestResponse:
    fields = {"attempt": field(page, "attempt"), "old": old, "password": new, "again": new, "password-submit": "1"}
    return follow(visitor, visitor.post("/login/password", data=fields))


def enter(app: App, visitor: Visitor, page: TestResponse, path: str) -> TestResponse:
    fields = {"attempt": field(page, "attempt"), "code": app.code_sent()}
    return follow(visitor, visitor.post(path, data=fields))


def test_the_first_login_goes_on_only_with_a_new_password_and_a_code(app: App) -> None:
    temporary(app, citizen(app))
    visitor = app.visitor()

    page = log_in(visitor)
    assert page_of(page) == "password"
    assert "đổi mật khẩu lần đầu" in page.text
    page = change(visitor, page)
    assert page_of(page) == "code"
    assert "*** *** *67" in page.text
    done = enter(app, visitor, page, "/login/password/code")

    assert done.headers["Location"].startswith("https://portal.example.test/callback?code=")
    assert (
        log_in(app.visitor(), password=NEW).headers["Location"].startswith("https://portal.example.test/callback?code=")
    )
    assert page_of(log_in(app.visitor())) == "login"


def test_no_token_is_issued_while_a_change_is_owed(app: App) -> None:
    """The gate itself refuses: userinfo, introspection and refresh of what was issued before."""
    account_id = citizen(app)
    visitor = app.visitor()
    tokens = visitor.tokens("0000000777")
    assert visitor.userinfo(tokens["access_token"]).status_code == 200

    temporary(app, account_id)

    assert visitor.userinfo(tokens["access_token"]).status_code == 401
    assert visitor.introspect(tokens["access_token"]) == {"active": False}
    assert visitor.introspect(tokens["refresh_token"]) == {"active": False}
    assert visitor.refresh(tokens["refresh_token"]).status_code == 400
    assert page_of(follow(visitor, visitor.authorize())) == "login"


def test_a_password_of_six_months_is_changed_and_two_weeks_before_may_be(app: App) -> None:
    citizen(app)
    app.clock.move(6 * MONTHS - 10 * 86_400)
    visitor = app.visitor()

    page = log_in(visitor)
    assert "sắp hết hạn" in page.text
    fields = {"attempt": field(page, "attempt"), "password-later": "1"}
    later = follow(visitor, visitor.post("/login/password", data=fields))
    assert later.headers["Location"].startswith("https://portal.example.test/callback?code=")

    app.clock.move(20 * 86_400)
    page = log_in(app.visitor())
    assert "quá 06 tháng" in page.text
    refused = visitor.post("/login/password", data={"attempt": "a_" + "x" * 43, "password-later": "1"})
    assert page_of(refused) == "error"


def test_an_expired_password_cannot_be_postponed(app: App) -> None:
    citizen(app)
    app.clock.move(7 * MONTHS)
    visitor = app.visitor()
    page = log_in(visitor)

    fields = {"attempt": field(page, "attempt"), "password-later": "1", "password": NEW, "again": NEW}
    assert page_of(follow(visitor, visitor.post("/login/password", data=fields))) == "password"


@pytest.mark.parametrize(
    ("new", "sentence"),
    [
        ("short", "ít nhất 8 ký tự"),
        ("password1", "dễ đoán"),
        ("bhxh@2026", "dễ đoán"),
        ("0000000777", "mã số, số giấy tờ"),
        ("0981 234 567", "mã số, số giấy tờ"),
        ("Nguyen Thi Hoa1", "tên hoặc địa chỉ"),
        ("17051990", "ngày sinh"),
        (PASSWORD, "khác mật khẩu cũ"),
    ],
)
def test_a_bad_choice_is_refused_in_words(app: App, new: str, sentence: str) -> None:
    """P-02"""
    temporary(app, citizen(app))
    visitor = app.visitor()
    page = change(visitor, log_in(visitor), new=new)

    assert page_of(page) == "password"
    assert sentence in page.text
    assert app.told("sms") == []


def test_the_old_password_cannot_be_guessed_on_this_page(app: App) -> None:
    """S-01"""
    temporary(app, citizen(app))
    visitor = app.visitor()
    page = log_in(visitor)
    answers = [change(visitor, page, old=f"guess {n} of many") for n in range(5)]

    assert [a.status_code for a in answers] == [200, 200, 200, 429, 429]
    assert "Retry-After" in answers[-1].headers


def test_a_change_ends_every_other_session_device_and_family_at_once(app: App) -> None:
    account_id = citizen(app)
    elsewhere, here = app.visitor(), app.visitor("198.51.100.9")
    stolen = elsewhere.tokens("0000000777")
    here.code("0000000777")
    app.told("sms")

    begun = follow(here, here.get("/account/password"))
    page = change(here, begun)
    mine = enter(app, here, page, "/login/password/code")

    assert page_of(mine) == "account"
    assert elsewhere.refresh(stolen["refresh_token"]).status_code == 400
    assert elsewhere.userinfo(stolen["access_token"]).status_code == 401
    assert page_of(follow(elsewhere, elsewhere.get("/account"))) == "login"
    assert len(app.provider.login.sessions.of_account(account_id)) == 1
    assert {
        (m.channel, m.facts["event"]) for m in [*app.told("sms"), *app.told("email")] if m.template == "notice"
    } >= {
        ("sms", "password_changed"),
        ("email", "password_changed"),
    }


def test_a_code_of_a_change_is_for_the_password_that_was_chosen(app: App) -> None:
    temporary(app, citizen(app))
    visitor = app.visitor()
    page = log_in(visitor)
    change(visitor, page, new="câu thứ nhất rất dài")
    code = app.code_sent()
    app.clock.move(61)
    second = change(visitor, page, new="câu thứ hai cũng rất dài")

    fields = {"attempt": field(second, "attempt"), "code": code}
    assert page_of(follow(visitor, visitor.post("/login/password/code", data=fields))) == "code"


def asked(visitor: Visitor, way: str, username: str, fact: str) -> TestResponse:
    page = visitor.get(f"/recover?way={way}")
    captcha = {"captcha_id": field(page, "captcha_id"), "captcha": "00000"}
    fields = {"way": way, "kind": "individual", "username": username, "fact": fact} | captcha
    return visitor.post("/recover", data=fields)


def set_anew(visitor: Visitor, page: TestResponse, **more: str) -> TestResponse:
    fields = {"ticket": field(page, "ticket"), "password": NEW, "again": NEW} | more
    return visitor.post("/recover/password", data=fields)


def test_recovery_by_a_code_and_a_second_fact(app: App) -> None:
    """T-02, S-03"""
    citizen(app)
    thief = app.visitor("203.0.113.5")
    stolen = thief.tokens("0000000777")
    app.told("sms")
    visitor = app.visitor()

    page = follow(visitor, asked(visitor, "phone", "0000000777", "17/05/1990"))
    fields = {"ticket": field(page, "ticket"), "code": app.code_sent()}
    done = set_anew(visitor, follow(visitor, visitor.post("/recover/code", data=fields)))

    assert page_of(done) == "recovered"
    assert "Set-Cookie" not in done.headers
    assert thief.refresh(stolen["refresh_token"]).status_code == 400
    assert thief.userinfo(stolen["access_token"]).status_code == 401
    assert (
        log_in(app.visitor(), password=NEW).headers["Location"].startswith("https://portal.example.test/callback?code=")
    )
    assert {m.facts["event"] for m in app.told("email") if m.template == "notice"} == {
        "new_device",
        "password_recovered",
    }


def test_recovery_by_mail_in_the_browser_that_asked_and_in_another(app: App) -> None:
    """S-04, P-06: the link's host is the configured one, it works once, and elsewhere it asks whose account it is."""
    citizen(app)
    visitor = app.visitor()
    asked(visitor, "email", "0000000777", "NGA@example.com")
    url = app.told("email")[-1].facts["url"]
    assert url.startswith("https://id.example.test/r/y_")

    other = app.visitor("203.0.113.5")
    page = follow(other, other.get(url.removeprefix("https://id.example.test")))
    assert "ở trình duyệt khác" in page.text
    assert "không khớp" in set_anew(other, page, kind="individual", username="0000000001").text
    done = set_anew(other, page, kind="individual", username="0000000777")

    assert page_of(done) == "recovered"
    again = follow(visitor, visitor.get(url.removeprefix("https://id.example.test")))
    assert page_of(again) == "error"


def test_recovery_by_the_hotline_never_tells_the_assistant_anything(app: App) -> None:
    citizen(app)
    recoveries = app.provider.accounts.recoveries
    recoveries.by_hotline("0981234567", "0000000777")
    recoveries.by_hotline("0981234568", "0000000777")
    recoveries.by_hotline("nonsense", "0000000001")
    messages = app.told("sms")
    assert [m.template for m in messages] == ["recovery_link"]

    phone = app.visitor()
    page = follow(phone, phone.get(messages[0].facts["url"].removeprefix("https://id.example.test")))
    assert "không khớp" in set_anew(phone, page, kind="individual", username="0000000777", fact="1/1/1990").text
    assert page_of(set_anew(phone, page, kind="individual", username="0000000777", fact="17/5/1990")) == "recovered"


def test_what_a_person_did_not_prove_is_removed_by_a_recovery(app: App) -> None:
    """T-03"""
    account_id = citizen(app, email="attacker@example.com", email_verified=False)
    visitor = app.visitor()
    page = follow(visitor, asked(visitor, "phone", "0000000777", "17/05/1990"))
    fields = {"ticket": field(page, "ticket"), "code": app.code_sent()}
    done = set_anew(visitor, follow(visitor, visitor.post("/recover/code", data=fields)))

    assert "Địa chỉ thư điện tử" in done.text
    account = app.base.people.find(account_id)
    assert account is not None
    assert account.email is None
    assert account.phone is not None


def test_a_pending_change_dies_with_a_recovery(app: App) -> None:
    """T-04"""
    citizen(app)
    thief, owner = app.visitor("203.0.113.5"), app.visitor()
    thief.code("0000000777")
    pending = change(thief, follow(thief, thief.get("/account/password")), new="của kẻ trộm rất dài")
    code = app.code_sent()

    app.clock.move(61)
    page = follow(owner, asked(owner, "phone", "0000000777", "17/05/1990"))
    fields = {"ticket": field(page, "ticket"), "code": app.code_sent()}
    set_anew(owner, follow(owner, owner.post("/recover/code", data=fields)))

    stolen = thief.post("/login/password/code", data={"attempt": field(pending, "attempt"), "code": code})
    assert page_of(follow(thief, stolen)) == "error"
    assert (
        log_in(app.visitor(), password=NEW).headers["Location"].startswith("https://portal.example.test/callback?code=")
    )


def test_a_number_that_was_just_changed_recovers_nothing(app: App) -> None:
    """U-07"""
    account_id = citizen(app)
    account = app.base.people.find(account_id)
    assert account is not None
    assert app.provider.accounts.credentials.set_number(account, "+84981234599", "form at a desk")
    app.base.people.verify_phone(account_id, "+84981234599", app.clock())
    # The number before is told (P-07).
    assert [(m.to, m.facts["event"]) for m in app.told("sms")] == [("+84981234567", "phone_changed")]
    visitor = app.visitor()
    follow(visitor, asked(visitor, "phone", "0000000777", "17/05/1990"))
    assert app.told("sms") == []


def test_not_me_ends_everything_and_takes_the_password_away_once(app: App) -> None:
    account_id = citizen(app)
    thief = app.visitor("203.0.113.5")
    stolen = thief.tokens("0000000777")
    url = app.told("sms")[-1].facts["undo_url"]
    path = url.removeprefix("https://id.example.test")
    owner = app.visitor()

    assert page_of(owner.get(path)) == "not-me"
    assert thief.userinfo(stolen["access_token"]).status_code == 200
    assert page_of(owner.post(path, data={"not-me": "1"})) == "not-me-done"

    assert thief.userinfo(stolen["access_token"]).status_code == 401
    assert thief.refresh(stolen["refresh_token"]).status_code == 400
    assert page_of(log_in(app.visitor())) == "login"
    account = app.base.people.find(account_id)
    assert account is not None
    assert account.password_hash is None
    assert page_of(owner.post(path, data={"not-me": "1"})) == "error"
    assert page_of(owner.get(path)) == "error"


def test_not_me_is_over_after_72_hours(app: App) -> None:
    citizen(app)
    app.visitor().code("0000000777")
    path = app.told("sms")[-1].facts["undo_url"].removeprefix("https://id.example.test")
    app.clock.move(72 * 3600 + 1)
    assert page_of(app.visitor().get(path)) == "error"


def test_a_sensitive_page_wants_a_code_of_the_last_five_minutes(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    visitor.code("0000000777")
    app.told("sms")

    page = follow(visitor, visitor.get("/account/details"))
    assert page_of(page) == "code"
    assert page_of(enter(app, visitor, page, "/login/code")) == "details"
    app.clock.move(299)
    assert page_of(visitor.get("/account/details")) == "details"
    app.clock.move(2)
    assert page_of(follow(visitor, visitor.get("/account/details"))) == "code"


def test_a_portal_that_wants_level_two_gets_it_by_a_code_on_the_live_session(app: App) -> None:
    citizen(app)
    app.client("strong", default_acr_values=["urn:bhxh:acr:2"])
    visitor = app.visitor()
    visitor.code("0000000777")
    app.told("sms")

    page = follow(visitor, visitor.authorize("strong"))
    assert page_of(page) == "code"
    silent = visitor.authorize("strong", prompt="none")
    assert "error=interaction_required" in silent.headers["Location"]
    done = enter(app, visitor, page, "/login/code")
    code = re.search(r"code=([^&]+)", done.headers["Location"])
    assert code
    from tests.attacks.test_tokens import parts

    body = parts(visitor.redeem(code[1], "strong").json["id_token"])[1]
    assert (body["acr"], body["amr"]) == ("urn:bhxh:acr:2", ["pwd", "otp", "sms", "mfa"])


def test_a_code_on_a_session_does_not_stand_for_a_login_that_was_demanded(app: App) -> None:
    """The code page adds to a session only where the dispatcher asked for that."""
    citizen(app)
    visitor = app.visitor()
    visitor.code("0000000777")
    attempt = attempt_of(visitor.authorize(prompt="login", acr_values="urn:bhxh:acr:2"))
    assert page_of(visitor.get("/login/code", query_string={"attempt": attempt})) == "error"


def test_after_guessing_an_unknown_device_needs_a_code_and_a_known_one_does_not(app: App) -> None:
    """P-04"""
    account_id = citizen(app)
    known = app.visitor()
    begun = known.authorize()
    known.log_in(begun, "0000000777", remember="1")
    guessers = [app.visitor(f"10.{n}.0.1") for n in range(17)]
    for guesser in guessers:
        attempt = attempt_of(guesser.authorize())
        for n in range(3):
            guesser.try_to_log_in(attempt, "0000000777", f"guess {n} of {guesser.address}")
    app.told("sms")

    assert page_of(log_in(app.visitor("198.51.100.20"))) == "code"
    assert log_in(known, prompt="login").headers["Location"].startswith("https://portal.example.test/callback?code=")
    assert account_id


def test_two_changes_at_once_and_one_wins(app: App) -> None:
    from idp.accounts.notices import NOWHERE

    account = app.base.people.find(citizen(app))
    assert account is not None
    hashed = app.provider.accounts.passwords.hash(NEW)
    app.provider.accounts.credentials.change(account, hashed, NOWHERE)
    with pytest.raises(StaleState):
        app.provider.accounts.credentials.change(replace(account), hashed, NOWHERE)


def test_of_new_devices_an_account_is_told_by_text_three_times_a_day_and_by_mail_always(app: App) -> None:
    citizen(app)
    for number in range(5):
        app.visitor(f"198.51.{number}.1").code("0000000777")
    assert len(app.told("sms")) == 3
    assert len(app.told("email")) == 5
    app.clock.move(86_401)
    app.visitor().code("0000000777")
    assert len(app.told("sms")) == 1


def test_a_device_that_was_remembered_is_not_told_about(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    visitor.log_in(visitor.authorize(), "0000000777", remember="1")
    assert len(app.told("sms")) == 1
    visitor.log_in(visitor.authorize(prompt="login"), "0000000777")
    assert app.told("sms") == []
