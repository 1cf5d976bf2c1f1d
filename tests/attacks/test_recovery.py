"""Attacks on recovery and on one-time codes: asking for others, guessing, replaying, forging where the link leads."""

import re
from collections.abc import Callable

import pytest
from werkzeug.test import TestResponse

from tests.attacks.test_tokens import KEY, signed
from tests.flows.test_passwords_life import (
    NEW,
    asked,
    citizen,
    enter,
    field,
    follow,
    log_in,
    page_of,
    set_anew,
)
from tests.support.app import ISSUER, App, Visitor

KNOWN, FACT = "0000000777", "17/05/1990"


def populate(app: App) -> dict[str, tuple[str, str, str]]:
    """(user name, second fact, address) of every kind of account that somebody may ask about."""
    citizen(app)
    disabled = citizen(app, "0000000778", phone="0981234568", email="dong@example.com")
    app.base.people.set_status(disabled, "disabled", app.clock())
    locked = citizen(app, "0000000779", phone="0981234569", email="khoa@example.com")
    for _ in range(21):
        app.provider.accounts.codes._guesses.wait(locked)
    citizen(app, "0000000780", phone=None, email=None)
    return {
        "known": (KNOWN, FACT, "nga@example.com"),
        "wrong fact": (KNOWN, "01/01/1991", "other@example.com"),
        "unknown": ("0099999999", FACT, "nobody@example.com"),
        "nonsense": ("not a code", "not a fact", "not an address"),
        "disabled": ("0000000778", FACT, "dong@example.com"),
        "locked out": ("0000000779", FACT, "khoa@example.com"),
        "without a channel": ("0000000780", FACT, "x@example.com"),
    }


def masked(answer: TestResponse) -> tuple[int, dict[str, str], str]:
    """What everybody sees, without handles and request ids."""

    def without(text: str) -> str:
        return re.sub(r"[abcy]_[A-Za-z0-9_-]{43}", "HANDLE", text)

    headers = {name: without(value) for name, value in answer.headers if name not in ("X-Request-Id", "Date")}
    return answer.status_code, headers, without(answer.text)


def by_phone(visitor: Visitor, username: str, fact: str, _address: str) -> list[TestResponse]:
    begun = asked(visitor, "phone", username, fact)
    page = follow(visitor, begun)
    wrong = visitor.post("/recover/code", data={"ticket": field(page, "ticket"), "code": "000000"})
    again = visitor.post("/recover/code", data={"ticket": field(page, "ticket"), "code-again": "1"})
    return [begun, page, wrong, again]


def by_mail(visitor: Visitor, username: str, _fact: str, address: str) -> list[TestResponse]:
    begun = asked(visitor, "email", username, address)
    return [begun, follow(visitor, begun)]


@pytest.mark.parametrize("way", [by_phone, by_mail])
def test_whoever_is_asked_for_the_answers_are_the_same(
    app: App, way: Callable[[Visitor, str, str, str], list[TestResponse]]
) -> None:
    """S-02, W-04, ASVS 6.3.8: a recovery tells nobody who exists."""
    seen = {}
    for number, (kind, given) in enumerate(populate(app).items()):
        app.clock.move(61)
        seen[kind] = [masked(answer) for answer in way(app.visitor(f"198.51.{number}.1"), *given)]
    for kind, answers in seen.items():
        assert answers == seen["unknown"], kind


def test_only_a_channel_of_the_right_person_gets_anything(app: App) -> None:
    people = populate(app)
    reached = []
    for number, (kind, given) in enumerate(people.items()):
        app.clock.move(61)
        by_phone(app.visitor(f"198.51.{number}.1"), *given)
        app.clock.move(61)
        by_mail(app.visitor(f"198.52.{number}.1"), *given)
        reached += [(kind, m.to) for m in (*app.told("sms"), *app.told("email"))]
    # A locked-out account is still told by mail: that is how it gets out.
    assert set(reached) == {
        ("known", "+84981234567"),
        ("known", "nga@example.com"),
        ("locked out", "+84981234569"),
        ("locked out", "khoa@example.com"),
    }


def test_the_hotline_answers_everybody_alike(app: App) -> None:
    """S-02: the assistant may start a recovery, and learns nothing by it."""
    populate(app)
    app.provider.oidc.clients.forget()
    recoveries = app.provider.accounts.recoveries
    assert {recoveries.by_hotline(p, u) for p, u in ((PHONE, KNOWN) for PHONE in ("0981234567", "0911111111"))} == {
        None
    }


def test_the_hotline_needs_its_own_token_with_the_scope(app: App) -> None:
    app.client(
        "robot",
        grant_types=["client_credentials"],
        redirect_uris=[],
        scope="recovery",
        token_endpoint_auth_method="client_secret_basic",
    )
    visitor = app.visitor()
    fields = {"phone": "0981234567", "username": KNOWN}
    assert visitor.post("/recovery", data=fields).status_code == 401
    token = visitor.token("robot", grant_type="client_credentials", scope="recovery").json["access_token"]
    answer = visitor.post("/recovery", data=fields, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json["error"]) == (403, "insufficient_scope")
    persons = visitor.tokens()["access_token"]
    assert visitor.post("/recovery", data=fields, headers={"Authorization": f"Bearer {persons}"}).status_code == 403
    assert app.told("sms") == []


def test_the_hotline_starts_a_recovery_with_its_key_and_hears_the_same_for_everybody(app: App) -> None:
    """S-02: 202 for a caller that fits and for one that does not; only the one that fits gets a message."""
    citizen(app)
    app.client(
        "robot",
        secret=None,
        grant_types=["client_credentials"],
        redirect_uris=[],
        scope="recovery",
        token_endpoint_auth_method="private_key_jwt",
        jwks={"keys": [KEY.as_dict(private=False)]},
    )
    now, visitor = int(app.clock()), app.visitor()
    claims = {"iss": "robot", "sub": "robot", "aud": ISSUER, "jti": "one", "iat": now, "exp": now + 60}
    fields = {
        "grant_type": "client_credentials",
        "scope": "recovery",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": signed({"alg": "ES256"}, claims, KEY),
    }
    token = visitor.post("/token", data=fields).json["access_token"]

    def start(**given: str) -> tuple[int, object]:
        answer = visitor.post("/recovery", data=given, headers={"Authorization": f"Bearer {token}"})
        return answer.status_code, answer.json

    heard = [start(phone=phone, username=KNOWN) for phone in ("0981234567", "0981234568", "nonsense")]
    heard += [start(phone="0981234567", username="0099999999") for _ in range(3)]
    assert heard == [(202, {"result": "accepted"})] * 6
    assert start(phone="0981234567")[0] == 400
    assert [(m.template, m.to) for m in app.told("sms")] == [("recovery_link", "+84981234567")]


def test_a_forged_host_does_not_move_the_link(app: App) -> None:
    """S-04"""
    citizen(app)
    visitor = app.visitor()
    page = visitor.get("/recover?way=email")
    fields = {
        "way": "email",
        "kind": "individual",
        "username": KNOWN,
        "fact": "nga@example.com",
        "captcha_id": field(page, "captcha_id"),
        "captcha": "00000",
    }
    refused = visitor.post("/recover", data=fields, headers={"Host": "evil.example"})
    assert refused.status_code == 421
    page = visitor.get("/recover?way=email")
    fields["captcha_id"] = field(page, "captcha_id")
    visitor.post(
        "/recover", data=fields, headers={"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    )
    assert app.told("email")[-1].facts["url"].startswith("https://id.example.test/r/")


def test_a_link_by_mail_lives_half_an_hour_and_one_by_text_ten_minutes(app: App) -> None:
    """P-11, S-02"""
    citizen(app)
    recoveries = app.provider.accounts.recoveries
    visitor = app.visitor()
    asked(visitor, "email", KNOWN, "nga@example.com")
    mail = app.told("email")[-1]
    app.clock.move(61)
    recoveries.by_hotline("0981234567", KNOWN)
    text = app.told("sms")[-1]
    assert (mail.good_until, text.good_until) == (app.clock() - 61 + 1800, app.clock() + 600)

    app.clock.move(601)
    path = text.facts["url"].removeprefix("https://id.example.test")
    assert page_of(follow(app.visitor(), app.visitor().get(path))) == "error"
    path = mail.facts["url"].removeprefix("https://id.example.test")
    assert page_of(follow(visitor, visitor.get(path))) == "recover-password"
    app.clock.move(1800)
    assert page_of(follow(visitor, visitor.get(path))) == "error"


def test_opening_a_link_uses_nothing_up(app: App) -> None:
    """A mail scanner opens every link; only the form sets a password."""
    citizen(app)
    visitor = app.visitor()
    asked(visitor, "email", KNOWN, "nga@example.com")
    path = app.told("email")[-1].facts["url"].removeprefix("https://id.example.test")
    for _ in range(3):
        follow(app.visitor("203.0.113.1"), app.visitor("203.0.113.1").get(path))
    page = follow(visitor, visitor.get(path))
    assert "whose account" not in page.text
    assert page_of(set_anew(visitor, page)) == "recovered"


def test_guessing_whose_link_it_is_kills_the_link(app: App) -> None:
    citizen(app)
    asked(app.visitor(), "email", KNOWN, "nga@example.com")
    path = app.told("email")[-1].facts["url"].removeprefix("https://id.example.test")
    thief = app.visitor("203.0.113.1")
    page = follow(thief, thief.get(path))
    for number in range(5):
        set_anew(thief, page, kind="individual", username=f"00000005{number:02d}")
    assert page_of(set_anew(thief, page, kind="individual", username=KNOWN)) == "error"


def test_a_code_is_entered_in_the_browser_that_asked(app: App) -> None:
    citizen(app)
    visitor, thief = app.visitor(), app.visitor("203.0.113.1")
    thief.get("/recover")
    ticket = field(follow(visitor, asked(visitor, "phone", KNOWN, FACT)), "ticket")
    stolen = thief.post("/recover/code", data={"ticket": ticket, "code": app.code_sent()})
    assert page_of(stolen) == "error"


def test_a_ticket_without_its_code_sets_nothing(app: App) -> None:
    """Each step is proved by state on the server (ASVS 2.3.1)."""
    citizen(app)
    visitor = app.visitor()
    ticket = field(follow(visitor, asked(visitor, "phone", KNOWN, FACT)), "ticket")
    assert page_of(visitor.get("/recover/password", query_string={"ticket": ticket})) == "error"
    fields = {"ticket": ticket, "password": NEW, "again": NEW}
    assert page_of(visitor.post("/recover/password", data=fields)) == "error"
    assert log_in(app.visitor()).headers["Location"].startswith("https://portal.example.test/callback?code=")


def test_a_flood_of_recoveries_does_not_lock_the_owner_out(app: App) -> None:
    """S-01, W-06: the password on a known device needs no message, and recovery stays open by another way."""
    citizen(app)
    known = app.visitor()
    known.log_in(known.authorize(), KNOWN, remember="1")
    for number in range(30):
        app.clock.move(61)
        flooder = app.visitor(f"203.0.{number}.1")
        page = follow(flooder, asked(flooder, "phone", KNOWN, FACT))
        flooder.post("/recover/code", data={"ticket": field(page, "ticket"), "code": "000000"})
    sent = [m for m in app.told("sms") if m.template == "otp"]
    assert len(sent) <= 5

    assert log_in(known, prompt="login").headers["Location"].startswith("https://portal.example.test/callback?code=")
    asked(app.visitor(), "email", KNOWN, "nga@example.com")


def test_a_recovery_gives_codes_and_tries_back(app: App) -> None:
    """P-04: twenty wrong codes are final until a recovery."""
    account_id = citizen(app)
    guesses = app.provider.accounts.codes._guesses
    while not guesses.wait(account_id):
        pass
    visitor = app.visitor()
    asked(visitor, "email", KNOWN, "nga@example.com")
    path = app.told("email")[-1].facts["url"].removeprefix("https://id.example.test")
    set_anew(visitor, follow(visitor, visitor.get(path)))
    assert guesses.wait(account_id) == 0


@pytest.mark.parametrize(
    "number", ["024 3789 9999", "1900 9068", "0204 123 4567", "+1 202 555 0143", "+870 776 123 456", "0672 123 456"]
)
def test_fixed_premium_satellite_and_foreign_numbers_never_get_a_message(app: App, number: str) -> None:
    """W-02"""
    from idp.accounts.phone import NotAMobileNumber, PhoneNumber

    citizen(app)
    with pytest.raises(NotAMobileNumber):
        PhoneNumber.parse(number)
    app.provider.accounts.recoveries.by_hotline(number, KNOWN)
    assert app.told("sms") == []


def test_the_code_travels_from_the_phone_to_the_page_that_asked(app: App) -> None:
    """P-08: there is nothing to approve; whoever holds the phone has to bring the code here. P-07: a number that is
    not proved yet is proved by that, and the person is told on every channel.
    """
    account_id = citizen(app, phone_verified=False)
    visitor = app.visitor()
    visitor.code(KNOWN)
    page = follow(visitor, visitor.get("/account/details"))
    enter(app, visitor, page, "/login/code")
    account = app.base.people.find(account_id)
    assert account is not None
    assert account.phone_verified_at == app.clock()


def test_a_double_click_changes_once_and_sends_once(app: App) -> None:
    citizen(app)
    visitor = app.visitor()
    visitor.code(KNOWN)
    app.told("sms")
    begun = follow(visitor, visitor.get("/account/password"))
    fields = {"attempt": field(begun, "attempt"), "old": "mật khẩu dài để thử", "password": NEW, "again": NEW}
    for _ in range(2):
        follow(visitor, visitor.post("/login/password", data=fields))
    codes = [m for m in app.told("sms") if m.template == "otp"]
    assert len(codes) == 1
