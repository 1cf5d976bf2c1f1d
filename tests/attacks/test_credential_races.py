"""Logins, codes, links and notices that meet a credential event, or each other, at the worst moment."""

from idp.accounts.notices import NOWHERE
from tests.attacks.test_recovery import FACT, KNOWN
from tests.attacks.test_who_speaks_for_a_person import change_own_number
from tests.flows.test_passwords_life import (
    NEW,
    PASSWORD,
    asked,
    change,
    citizen,
    enter,
    field,
    follow,
    log_in,
    page_of,
    set_anew,
    temporary,
)
from tests.support.app import App, attempt_of
from tests.support.hashing import no_room

HOST = "https://id.example.test"


class Between:
    """The real standings; after an account was read once, something else happens."""

    def __init__(self, real, happens):
        self._real, self._happens = real, happens

    def __getattr__(self, name):
        return getattr(self._real, name)

    def of_account(self, account_id, client_id):
        found = self._real.of_account(account_id, client_id)
        happens, self._happens = self._happens, None
        if happens:
            happens()
        return found


def test_a_stranger_who_knows_the_birth_date_cannot_lock_the_owners_codes(app: App) -> None:
    citizen(app)
    thief = app.visitor("203.0.113.5")
    page = follow(thief, asked(thief, "phone", KNOWN, FACT))
    for n in range(20):
        thief.post("/recover/code", data={"ticket": field(page, "ticket"), "code": f"{n:06d}"})
    app.told("sms")
    app.clock.move(86_400)
    # the owner, by step-up with the right code
    owner = app.visitor()
    owner.code(KNOWN)
    app.told("sms")
    page = follow(owner, owner.get("/account/details"))
    assert page_of(enter(app, owner, page, "/login/code")) == "details"


def test_the_owner_still_recovers_by_code_after_that(app: App) -> None:
    citizen(app, email=None, email_verified=False)
    thief = app.visitor("203.0.113.5")
    page = follow(thief, asked(thief, "phone", KNOWN, FACT))
    for n in range(20):
        thief.post("/recover/code", data={"ticket": field(page, "ticket"), "code": f"{n:06d}"})
    app.told("sms")
    app.clock.move(86_400)
    owner = app.visitor()
    page = follow(owner, asked(owner, "phone", KNOWN, FACT))
    fields = {"ticket": field(page, "ticket"), "code": app.code_sent()}
    assert page_of(follow(owner, owner.post("/recover/code", data=fields))) == "recover-password"


def test_a_login_with_the_old_password_in_flight_dies_with_the_recovery(app: App) -> None:
    account = app.base.people.find(citizen(app))
    passwords, credentials = app.provider.accounts.passwords, app.provider.accounts.credentials
    hasher = passwords._hasher

    class During:
        """The real thing; while it compares, the owner's recovery takes effect."""

        def __getattr__(self, name):
            return getattr(hasher, name)

        def verify(self, stored, typed):
            right = hasher.verify(stored, typed)
            app.clock.move(0.2)
            credentials.reset(account, NEW, "sms", NOWHERE)
            app.clock.move(0.2)
            return right

    thief = app.visitor("203.0.113.5")
    begun = thief.authorize()
    passwords._hasher = During()
    answer = thief.log_in(begun, KNOWN)
    passwords._hasher = hasher
    assert "code=" not in answer.headers.get("Location", ""), "the old password opened a session after the recovery"


def test_tries_tell_nothing_about_a_guessed_birth_date(app: App) -> None:
    citizen(app)

    def story(username: str, fact: str, address: str) -> list[str]:
        visitor = app.visitor(address)
        follow(visitor, asked(visitor, "phone", username, "01/01/1900"))
        page = follow(visitor, asked(visitor, "phone", username, fact))
        fields = {"ticket": field(page, "ticket"), "code": "000000"}
        return ["quá nhiều lần" in visitor.post("/recover/code", data=fields).text for _ in range(6)]

    known = story(KNOWN, FACT, "198.51.100.1")
    wrong = story(KNOWN, "02/02/1990", "198.51.101.1")
    unknown = story("0099999999", FACT, "198.51.102.1")
    assert known == unknown == wrong


def test_guesses_at_a_link_at_the_same_moment_all_count(app: App) -> None:
    citizen(app)
    app.provider.accounts.recoveries.by_hotline("0981234567", KNOWN)
    path = app.told("sms")[-1].facts["url"].removeprefix(HOST)
    thief = app.visitor("203.0.113.1")
    page = follow(thief, thief.get(path))
    recoveries = app.provider.accounts.recoveries
    handle = field(page, "ticket")
    # Twelve requests that all read the ticket before any of them is judged.
    from idp.accounts.recovery import RecoveryForm, WrongFact

    tickets = [recoveries.ticket(handle) for _ in range(12)]
    judged = 0
    for n, ticket in enumerate(tickets):
        try:
            typed = RecoveryForm("individual", KNOWN, f"{n + 1}/1/1990", "", "")
            recoveries.finish(handle, ticket, typed, NEW, NOWHERE)
        except WrongFact:
            judged += 1
        except Exception:
            pass
    assert judged <= 5, f"{judged} guesses were judged"


def test_after_not_me_a_later_link_of_the_thief_is_dead(app: App) -> None:
    account_id = citizen(app)
    people = app.base.people
    thiefs = "+84981234599"
    change_own_number(app, thiefs)
    [owners] = [m.facts["undo_url"].removeprefix(HOST) for m in app.told("sms")]
    app.told("email")
    app.clock.move(10)
    change_own_number(app, "+84981234588")
    # A number of less than 72 hours answers nothing; the address does.
    assert app.told("sms") == []
    [later] = [m.facts["undo_url"].removeprefix(HOST) for m in app.told("email")]
    app.clock.move(10)
    app.visitor().post(owners, data={"not-me": "1"})
    assert people.find(account_id).phone == "+84981234567"
    app.clock.move(10)
    assert app.visitor("203.0.113.5").post(later, data={"not-me": "1"}).status_code == 410
    assert people.find(account_id).phone == "+84981234567"


def test_after_not_me_about_a_number_the_owner_sets_a_new_password(app: App) -> None:
    citizen(app, email=None, email_verified=False)
    change_own_number(app, "+84981234599")
    path = app.told("sms")[0].facts["undo_url"].removeprefix(HOST)
    owner = app.visitor()
    assert page_of(owner.post(path, data={"not-me": "1"})) == "not-me-done"
    app.told("sms")
    app.clock.move(72 * 3600 + 1)
    follow(owner, asked(owner, "phone", KNOWN, FACT))
    assert [m.template for m in app.told("sms")] == ["otp"]


def test_not_me_takes_away_a_number_that_was_added(app: App) -> None:
    account_id = citizen(app, phone=None, phone_verified=False)
    change_own_number(app, "+84981234599")
    path = app.told("email")[0].facts["undo_url"].removeprefix(HOST)
    assert page_of(app.visitor().post(path, data={"not-me": "1"})) == "not-me-done"
    assert app.base.people.find(account_id).phone is None


def test_a_code_does_not_stand_for_the_login_that_max_age_demands(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    visitor.code(KNOWN)
    app.told("sms")
    app.clock.move(50)
    page = follow(visitor, visitor.authorize(max_age="60", acr_values="urn:bhxh:acr:2"))
    assert page_of(page) == "code"
    app.clock.move(240)
    done = enter(app, visitor, page, "/login/code")
    assert "code=" not in done.headers.get("Location", ""), "auth_time is 290 s old, 60 were allowed"


def test_a_captcha_field_on_the_address_page_is_no_500(app: App) -> None:
    citizen(app, email_verified=False)
    visitor = app.visitor()
    visitor.code(KNOWN)
    app.told("sms")
    enter(app, visitor, follow(visitor, visitor.get("/account/details")), "/login/code")
    page = visitor.get("/account/email")
    fields = {"csrf": field(page, "csrf"), "code-again": "1", "captcha_id": "c_" + "x" * 43, "captcha": "1"}
    assert visitor.post("/account/email", data=fields).status_code < 500


def test_a_chosen_password_in_another_tab_dies_with_a_change(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    visitor.code(KNOWN)
    app.told("sms")
    first = change(visitor, follow(visitor, visitor.get("/account/password")), new="cau thu nhat rat dai")
    app.code_sent()
    app.clock.move(61)
    second = change(visitor, follow(visitor, visitor.get("/account/password")), new="cau thu hai cung rat dai")
    enter(app, visitor, second, "/login/password/code")
    app.clock.move(61)
    again = visitor.get("/login/password/code", query_string={"attempt": field(first, "attempt")})
    if page_of(again) == "code":
        enter(app, visitor, first, "/login/password/code")
    assert page_of(log_in(app.visitor(), password="cau thu nhat rat dai")) == "login"


def test_a_busy_moment_does_not_use_up_a_recovery(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    asked(visitor, "email", KNOWN, "nga@example.com")
    page = follow(visitor, visitor.get(app.told("email")[-1].facts["url"].removeprefix(HOST)))
    with no_room(app.provider.accounts.passwords):
        assert set_anew(visitor, page).status_code == 503
    assert page_of(set_anew(visitor, page)) == "recovered"


def test_a_clock_set_back_revives_nothing(app: App) -> None:
    account_id = citizen(app)
    people = app.base.people
    app.clock.move(7200)
    thief = app.visitor("203.0.113.5")
    asked(thief, "email", KNOWN, "nga@example.com")
    page = follow(thief, thief.get(app.told("email")[-1].facts["url"].removeprefix(HOST)))
    app.clock.move(5)
    account = people.find(account_id)
    app.provider.accounts.credentials.change(
        account, app.provider.accounts.passwords.hash("mot cau khac rat dai"), NOWHERE
    )
    app.clock.move(-3600)
    app.provider.accounts.credentials.set_number(people.find(account_id), "+84981234599", "a form")
    assert page_of(set_anew(thief, page)) == "error"


def test_no_text_for_a_code_that_cannot_be_right(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    visitor.code(KNOWN)
    app.told("sms")
    page = follow(visitor, visitor.get("/account/details"))
    app.told("sms")
    attempt = field(page, "attempt")
    for n in range(5):
        visitor.post("/login/code", data={"attempt": attempt, "code": f"{n:06d}"})
    app.clock.move(61)
    visitor.post("/login/code", data={"attempt": attempt, "code-again": "1"})
    assert app.told("sms") == []


def test_a_right_code_sent_twice_is_right(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    visitor.code(KNOWN)
    app.told("sms")
    page = follow(visitor, visitor.get("/account/details"))
    fields = {"attempt": field(page, "attempt"), "code": app.code_sent()}
    visitor.post("/login/code", data=fields)
    second = visitor.post("/login/code", data=fields)
    assert "không đúng" not in second.text
    assert page_of(follow(visitor, second)) == "details"


def test_a_right_code_of_a_change_sent_twice_goes_on(app: App) -> None:
    temporary(app, citizen(app))
    visitor = app.visitor()
    page = change(visitor, log_in(visitor))
    fields = {"attempt": field(page, "attempt"), "code": app.code_sent()}
    visitor.post("/login/password/code", data=fields)
    second = follow(visitor, visitor.post("/login/password/code", data=fields))
    assert second.headers.get("Location", "").startswith("https://portal.example.test/callback?code="), page_of(second)


def test_a_right_code_of_a_recovery_sent_twice_goes_on(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    page = follow(visitor, asked(visitor, "phone", KNOWN, FACT))
    fields = {"ticket": field(page, "ticket"), "code": app.code_sent()}
    visitor.post("/recover/code", data=fields)
    assert page_of(follow(visitor, visitor.post("/recover/code", data=fields))) == "recover-password"


def test_another_language_keeps_the_recovery(app: App) -> None:
    import html
    import re

    citizen(app)
    visitor = app.visitor()
    page = follow(visitor, asked(visitor, "phone", KNOWN, FACT))
    link = html.unescape(re.search(r'href="(\?[^"]*lang=en)"', page.text)[1])
    assert page_of(visitor.get("/recover/code" + link)) == "code"


def test_a_session_that_opens_while_the_owner_recovers_is_dead(everywhere: App) -> None:
    app = everywhere
    account = app.base.people.find(citizen(app))
    thief = app.visitor("203.0.113.5")
    attempt = attempt_of(thief.authorize())
    back = thief.try_to_log_in(attempt, KNOWN, PASSWORD).headers["Location"]
    app.clock.move(1)
    import gc

    from idp.oidc.dispatch import Dispatcher

    [dispatcher] = [
        o for o in gc.get_objects() if isinstance(o, Dispatcher) and o._sessions is app.provider.login.sessions
    ]
    real = dispatcher._grant_states
    dispatcher._grant_states = Between(
        real, lambda: app.provider.accounts.credentials.reset(account, NEW, "sms", NOWHERE)
    )
    thief.get(back)
    dispatcher._grant_states = real
    app.clock.move(1)
    assert page_of(follow(thief, thief.get("/account"))) == "login"


def test_a_copy_of_the_cookie_dies_with_the_change(app: App) -> None:
    citizen(app)
    owner, thief = app.visitor(), app.visitor("203.0.113.5")
    owner.code(KNOWN)
    app.told("sms")
    cookie = next(c for c in owner.http._cookies.values() if c.key.endswith("s") and c.value.startswith("s_"))
    thief.http.set_cookie(cookie.key, cookie.value, domain="id.example.test", secure=True)
    assert page_of(thief.get("/account")) == "account"
    page = change(owner, follow(owner, owner.get("/account/password")))
    # The connection breaks off before the redirect is followed.
    owner.post("/login/password/code", data={"attempt": field(page, "attempt"), "code": app.code_sent()})
    assert page_of(follow(thief, thief.get("/account"))) == "login"


def test_an_undo_of_a_recovery_does_not_touch_the_number_that_came_back(app: App) -> None:
    """Both links used, the older first."""
    account_id = citizen(app)
    people = app.base.people
    change_own_number(app, "+84981234599")
    app.clock.move(10)
    app.provider.accounts.credentials.reset(people.find(account_id), NEW, "hotline", NOWHERE)
    told = [*app.told("sms"), *app.told("email")]
    first = next(m for m in told if m.to == "+84981234567").facts["undo_url"].removeprefix("https://id.example.test")
    second = (
        next(m for m in told if m.channel == "email" and m.facts["event"] == "password_recovered")
        .facts["undo_url"]
        .removeprefix("https://id.example.test")
    )
    app.clock.move(10)
    app.visitor().post(first, data={"not-me": "1"})
    app.clock.move(10)
    app.visitor().post(second, data={"not-me": "1"})
    account = people.find(account_id)
    assert (account.phone, account.phone_source) == ("+84981234567", "undo")


def test_a_code_from_the_future_is_not_fresh(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    visitor.code(KNOWN)
    app.told("sms")
    app.clock.move(1200)
    enter(app, visitor, follow(visitor, visitor.get("/account/details")), "/login/code")
    app.clock.move(-1100)
    assert page_of(follow(visitor, visitor.get("/account/details"))) != "details"
