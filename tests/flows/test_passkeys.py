"""Passkeys from the first to the last: added, logged in with, used in the place of a code, ended."""

import re

from sqlalchemy import select
from werkzeug.test import TestResponse

from idp.store.tables import passkey
from tests.attacks.test_password_guessing import fail
from tests.support.app import ISSUER, PASSWORD, App, Visitor, answer_of, attempt_of
from tests.support.passkeys import HONESTLY, Authenticator, Lies
from tests.support.phones import PASSCODE, SCOPE, phone_of, with_app

CODE = "0000000009"


def owner(app: App, code: str = CODE, **more: object) -> str:
    contacts = {
        "phone": "0981234567",
        "email": "hoa.nguyen@thu.example",
        "phone_verified": True,
        "email_verified": True,
    }
    return app.person(code, **(contacts | more))


def at_home(app: App, code: str = CODE) -> Visitor:
    """A browser on the list of passkeys: logged in, with a fresh code."""
    visitor = app.visitor()
    begun = visitor.get("/account/passkeys")
    visitor.try_to_log_in(attempt_of(begun), code, PASSWORD)
    visitor.get("/account", query_string={"attempt": attempt_of(begun)})
    step_up(app, visitor, code)
    return visitor


def person_of(app: App, code: str = CODE) -> str:
    person = app.base.people.find_by_identifier("bhxh", code)
    assert person
    return person.id


def step_up(app: App, visitor: Visitor, code: str = CODE) -> None:
    app.clock.move(61)  # a number gets one code a minute
    handle = attempt_of(visitor.get("/account/passkeys"))
    visitor.get("/login/code", query_string={"attempt": handle})
    if app.provider.accounts.passkeys.of("account", person_of(app, code)):
        visitor.post("/login/code", data={"attempt": handle, "code-again": "1"})
    visitor.post("/login/code", data={"attempt": handle, "code": app.code_sent(), "code-submit": "1"})
    visitor.get("/account", query_string={"attempt": handle})
    assert visitor.get("/account/passkeys").status_code == 200


def csrf(visitor: Visitor, path: str = "/account/passkeys") -> str:
    found = re.search(r'name="csrf" value="([^"]+)"', visitor.get(path).text)
    assert found
    return found[1]


def add(visitor: Visitor, device: Authenticator, lies: Lies = HONESTLY, name: str = "Máy ở nhà") -> str:
    """Add a passkey; where the browser is sent then."""
    question = visitor.get("/account/passkeys/add").json
    assert question
    fields = {"csrf": csrf(visitor), "answer": device.create(question, lies), "name": name}
    return visitor.post("/account/passkeys/add", data=fields).headers["Location"]


def log_in(
    visitor: Visitor,
    device: Authenticator,
    lies: Lies = HONESTLY,
    tab: str = "individual",
    begun: TestResponse | None = None,
) -> str:
    """Answer the login page with a passkey; where the browser is sent then."""
    handle = attempt_of(begun or visitor.authorize())
    question = visitor.get("/login/passkey", query_string={"attempt": handle}).json
    assert question
    fields = {"attempt": handle, "kind": tab, "answer": device.get(question, lies)}
    return visitor.post("/login/passkey", data=fields).headers["Location"]


def names(app: App) -> list[str]:
    """The trail, oldest first."""
    app.base.trail.seal()
    return [line["name"] for line in app.base.trail.tail(100)]


def claims(app: App, visitor: Visitor, location: str) -> dict[str, object]:
    """What the portal learns of a login, from the introspection of its access token."""
    tokens = visitor.redeem(answer_of(visitor.get(location))["code"]).json
    assert tokens
    return visitor.introspect(tokens["access_token"])


def test_a_passkey_logs_in_without_code_password_and_captcha(everywhere: App) -> None:
    """P-14: phishing-resistant, two factors, level 2; `amr` by RFC 8176."""
    app = everywhere
    owner(app)
    device = Authenticator(ISSUER)
    assert add(at_home(app), device) == "/account/passkeys"

    visitor = app.visitor()
    known = claims(app, visitor, log_in(visitor, device))

    assert known["acr"] == "urn:bhxh:acr:2"
    assert known["amr"] == ["pop", "user", "mfa"]


def test_every_passkey_ever_bound_is_on_record(app: App) -> None:
    """P-15: when, how and from where, also after it was ended."""
    person, device = owner(app), Authenticator(ISSUER)
    visitor = at_home(app)
    add(visitor, device)
    log_in(app.visitor(), device)
    page = visitor.get("/account/passkeys").text
    assert "Máy ở nhà" in page
    assert "Dùng gần nhất" in page
    named = re.search(r'name="passkey" value="([a-z]+)"', page)
    assert named

    gone = visitor.post("/account/passkeys/remove", data={"csrf": csrf(visitor), "passkey": named[1]})

    assert gone.headers["Location"] == "/account/passkeys"
    with app.base.database.autocommit.connect() as connection:
        row = connection.execute(select(passkey)).mappings().one()
    assert (row["holder"], row["ended_why"], row["network"]) == (person, "removed", "192.0.2.0/24")
    assert "Máy ở nhà" not in visitor.get("/account/passkeys").text
    assert log_in(app.visitor(), device).endswith("why=passkey")
    assert [line for line in names(app) if line.startswith("passkey")] == [
        "passkey.added",
        "passkey.used",
        "passkey.ended",
    ]


def test_adding_and_ending_is_told_on_every_channel(app: App) -> None:
    owner(app)
    visitor = at_home(app)
    add(visitor, Authenticator(ISSUER))
    [mine] = app.provider.accounts.passkeys.of("account", person_of(app))
    visitor.post("/account/passkeys/remove", data={"csrf": csrf(visitor), "passkey": mine.id})

    assert "/account/passkeys" in visitor.get("/account").text
    for told in (app.told("sms"), app.told("email")):
        events = [message.facts["event"] for message in told if message.template == "notice"]
        assert events[-2:] == ["passkey_added", "passkey_removed"]


def test_ending_a_passkey_ends_what_it_may_have_opened(app: App) -> None:
    """The session that ends it goes on under a new cookie; every other is over."""
    owner(app)
    visitor, other, device = at_home(app), app.visitor(), Authenticator(ISSUER)
    add(visitor, device)
    other.get(log_in(other, device))
    assert "/login?" not in other.authorize().headers["Location"]
    [mine] = app.provider.accounts.passkeys.of("account", person_of(app))

    visitor.post("/account/passkeys/remove", data={"csrf": csrf(visitor), "passkey": mine.id})

    assert "/login?" in other.authorize().headers["Location"]
    assert visitor.get("/account/passkeys").status_code == 200


def test_no_text_message_is_sent_before_somebody_with_a_passkey_asks(app: App) -> None:
    owner(app)
    visitor = at_home(app)
    add(visitor, Authenticator(ISSUER))
    app.clock.move(301)
    handle = attempt_of(visitor.get("/account/details"))
    app.told("sms")

    page = visitor.get("/login/code", query_string={"attempt": handle})
    assert 'name="code-again"' in page.text
    assert 'name="code"' not in page.text
    assert app.told("sms") == []
    page = visitor.post("/login/code", data={"attempt": handle, "code-again": "1"})
    assert 'name="code"' in page.text
    visitor.post("/login/code", data={"attempt": handle, "code": app.code_sent(), "code-submit": "1"})
    visitor.get("/account", query_string={"attempt": handle})

    assert visitor.get("/account/details").status_code == 200


def test_not_me_ends_every_passkey(app: App) -> None:
    """T-02"""
    owner(app)
    visitor, device = at_home(app), Authenticator(ISSUER)
    app.told("email")
    add(visitor, device)
    [told] = app.told("email")
    link = told.facts["undo_url"].removeprefix(ISSUER)

    assert app.visitor().post(link, data={"not-me": "1"}).status_code == 200

    assert log_in(app.visitor(), device).endswith("why=passkey")
    assert "attempt" in visitor.get("/account/passkeys").headers["Location"]


def test_a_passkey_does_what_the_code_does(app: App) -> None:
    owner(app)
    visitor, device = at_home(app), Authenticator(ISSUER)
    add(visitor, device)
    app.clock.move(301)
    handle = attempt_of(visitor.get("/account/details"))
    assert 'id="passkey"' in visitor.get("/login/code", query_string={"attempt": handle}).text
    question = visitor.get("/login/code/passkey", query_string={"attempt": handle}).json
    assert question

    done = visitor.post("/login/code/passkey", data={"attempt": handle, "answer": device.get(question)})
    visitor.get(done.headers["Location"])

    assert visitor.get("/account/details").status_code == 200


def test_l6_a_passkey_after_much_guessing_settles_the_doubt_as_a_code_does(app: App) -> None:
    owner(app)
    device = Authenticator(ISSUER)
    add(at_home(app), device)
    for number in range(17):
        fail(app.visitor(f"203.0.{number}.66"), CODE, times=3)
    first = app.visitor("198.51.100.20")
    doubted = first.log_in(first.authorize(), CODE)
    handle = attempt_of(doubted)
    question = first.get("/login/code/passkey", query_string={"attempt": handle}).json
    assert question
    done = first.post("/login/code/passkey", data={"attempt": handle, "answer": device.get(question)})

    assert "code" in answer_of(first.get(done.headers["Location"]))
    second = app.visitor("198.51.100.21")
    assert "code" in answer_of(second.log_in(second.authorize(), CODE))


def test_an_app_of_one_device_comes_in_by_a_passkey(app: App) -> None:
    """A login of this very attempt, and as good as the code that an enrolment wants."""
    with_app(app)
    owner(app)
    device, phone = Authenticator(ISSUER), phone_of(app)
    add(at_home(app), device)
    app.told("sms")
    begun = phone.visitor.authorize(client_id="app", scope=SCOPE, dpop_jkt=phone.key.jkt)

    phone.took(phone.visitor.get(log_in(phone.visitor, device, begun=begun)))

    assert phone.call("/phone/device", {"name": "A", "passcode": PASSCODE}).status_code == 201
    assert [message for message in app.told("sms") if message.template == "otp"] == []
