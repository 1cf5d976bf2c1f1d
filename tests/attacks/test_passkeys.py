"""Passkeys under attack: every lie that an answer can tell ends in one sentence, and nobody gets in or is kept out."""

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from idp.accounts.notices import NOWHERE
from idp.accounts.passkeys import LONGEST_ANSWER, MOST
from tests.flows.test_passkeys import CODE, add, at_home, csrf, log_in, names, owner
from tests.support import databases
from tests.support.app import ISSUER, App, Visitor, attempt_of, running_app
from tests.support.clock import FrozenClock
from tests.support.passkeys import BACKED_UP, HONEST, PRESENT, VERIFIED, Authenticator, Lies, b64

EVIL = "https://id.example.test.evil.test"
LIES = {
    "another site's origin": Lies(origin=EVIL),
    "a sibling's origin": Lies(origin="https://example.test"),
    "plain http": Lies(origin="http://id.example.test"),
    "another port": Lies(origin="https://id.example.test:8443"),
    "another relying party": Lies(rp_id="example.test"),
    "a registration, not a login": Lies(kind="webauthn.create"),
    "nobody was verified": Lies(flags=PRESENT),
    "nobody was there": Lies(flags=VERIFIED),
    "copied without being copyable": Lies(flags=HONEST | BACKED_UP),
    "a challenge of its own": Lies(challenge=b64(b"pk_" + b"A" * 43)),
    "no challenge of ours at all": Lies(challenge=b64(b"x")),
    "a passkey that nobody has": Lies(credential_id=b"nobody's passkey"),
    "another key": Lies(signer=ec.generate_private_key(ec.SECP256R1())),
    "another user handle": Lies(user_handle=b"somebody else's handle, 32 bytes"),
    "no user handle": Lies(drop_handle=True),
}


@pytest.fixture
def device(app: App) -> Authenticator:
    owner(app)
    device = Authenticator(ISSUER)
    add(at_home(app), device)
    return device


def outcome(visitor: Visitor, location: str) -> tuple[int, str]:
    """Status and sentence of the page that the browser is sent to."""
    page = visitor.get(location)
    return page.status_code, page.text.partition('id="login-error">')[2].partition("<")[0]


@pytest.mark.parametrize("name", LIES)
def test_no_lie_comes_in(app: App, device: Authenticator, name: str, caplog: pytest.LogCaptureFixture) -> None:
    """P-14: one sentence for all, the reason in the log alone; the next honest answer is taken."""
    visitor = app.visitor()

    with caplog.at_level(logging.WARNING, "idp.passkeys"):
        location = log_in(visitor, device, LIES[name])

    assert outcome(visitor, location) == (200, "Không dùng được khóa truy cập này. Hãy thử lại hoặc chọn cách khác.")
    assert [record.reason for record in caplog.records if record.name == "idp.passkeys"]  # type: ignore[attr-defined]
    assert "/authorize" in log_in(app.visitor(), device)


@pytest.mark.parametrize("name", [name for name in LIES if "handle" not in name and "nobody has" not in name])
def test_no_lie_is_bound(app: App, name: str) -> None:
    owner(app)
    visitor, lies = at_home(app), LIES[name]
    if lies.kind:
        lies = replace(lies, kind="webauthn.get")
    if lies.signer:
        lies = Lies(alg=-65535)

    assert add(visitor, Authenticator(ISSUER), lies).endswith("why=refused")
    assert "passkey.added" not in names(app)


NONSENSE = ["", "null", "[]", "{}", '{"response": 1}', '{"response": {}}', "{" * 5000, "x" * (LONGEST_ANSWER + 1)]
NONSENSE += [json.dumps({"id": "a" * 99, "rawId": 1, "type": [], "response": {"clientDataJSON": "e30"}})]
NONSENSE += [json.dumps({"response": {"clientDataJSON": b64(b'{"challenge": {}, "type": 1}')}})]


@pytest.mark.parametrize("answer", NONSENSE)
def test_nonsense_ends_in_the_same_sentence(app: App, answer: str) -> None:
    visitor = app.visitor()
    handle = attempt_of(visitor.authorize())

    answered = visitor.post("/login/passkey", data={"attempt": handle, "answer": answer})

    assert answered.headers["Location"].endswith("why=passkey")


def test_attestations_are_not_parsed(app: App) -> None:
    """We ask for none: certificates and statements of strangers reach no parser."""
    owner(app)
    statement = ("tpm", {"ver": "2.0", "x5c": [b"no certificate"], "certInfo": b"", "sig": b"", "alg": -7})

    assert add(at_home(app), Authenticator(ISSUER), Lies(statement=statement)) == "/account/passkeys"


def test_an_answer_counts_once(app: App) -> None:
    """Also of a device that does not count: the challenge is taken, and not only looked at."""
    owner(app)
    device, visitor = Authenticator(ISSUER, counts=False), app.visitor()
    add(at_home(app), device)
    handle = attempt_of(visitor.authorize())
    question = visitor.get("/login/passkey", query_string={"attempt": handle}).json
    assert question
    fields = {"attempt": handle, "answer": device.get(question)}
    visitor.post("/login/passkey", data=fields)

    again = visitor.post("/login/passkey", data=fields)

    assert again.headers["Location"].endswith("why=passkey")


def test_an_answer_counts_for_five_minutes(app: App, device: Authenticator) -> None:
    visitor = app.visitor()
    handle = attempt_of(visitor.authorize())
    question = visitor.get("/login/passkey", query_string={"attempt": handle}).json
    assert question
    app.clock.move(301)

    late = visitor.post("/login/passkey", data={"attempt": handle, "answer": device.get(question)})

    assert late.headers["Location"].endswith("why=passkey")


@pytest.mark.parametrize("elsewhere", ["another browser", "another attempt"])
def test_an_answer_counts_where_it_was_asked_for(app: App, device: Authenticator, elsewhere: str) -> None:
    """A challenge that an attacker begins cannot be answered by the victim, nor the other way round."""
    visitor = app.visitor()
    handle = attempt_of(visitor.authorize())
    question = visitor.get("/login/passkey", query_string={"attempt": handle}).json
    assert question
    other = app.visitor() if elsewhere == "another browser" else visitor
    fields = {"attempt": attempt_of(other.authorize()), "answer": device.get(question)}

    assert other.post("/login/passkey", data=fields).headers["Location"].endswith("why=passkey")


def test_another_sites_form_is_refused(app: App, device: Authenticator) -> None:
    """P-13"""
    visitor = app.visitor()
    handle = attempt_of(visitor.authorize())
    question = visitor.get("/login/passkey", query_string={"attempt": handle}).json
    assert question
    fields = {"attempt": handle, "answer": device.get(question)}

    assert visitor.post("/login/passkey", data=fields, headers={"Origin": EVIL}).status_code == 403
    assert visitor.post("/login/passkey", data=fields, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403


def test_a_copied_passkey_ends_and_its_owner_is_told(app: App, device: Authenticator) -> None:
    """The count of one of the two stands still; which of them is the thief's nobody knows."""
    thief = device.copy()
    log_in(app.visitor(), device)
    app.told("sms")

    assert log_in(app.visitor(), thief).endswith("why=passkey")

    assert [m.facts["event"] for m in app.told("sms")] == ["passkey_cloned"]
    assert log_in(app.visitor(), device).endswith("why=passkey")
    assert names(app).count("passkey.ended") == 1


def test_nobody_ends_a_passkey_with_a_count_and_no_key(app: App, device: Authenticator) -> None:
    log_in(app.visitor(), device)
    stranger = Lies(sign_count=1, signer=ec.generate_private_key(ec.SECP256R1()))

    log_in(app.visitor(), device, stranger)

    assert "/authorize" in log_in(app.visitor(), device)


def test_devices_that_do_not_count_go_on(app: App) -> None:
    owner(app)
    device = Authenticator(ISSUER, counts=False)
    add(at_home(app), device)

    assert "/authorize" in log_in(app.visitor(), device)
    assert "/authorize" in log_in(app.visitor(), device)


def test_a_closed_account_stays_closed_without_a_word(app: App, device: Authenticator) -> None:
    """The same sentence as for a passkey that nobody has: whoever holds the device learns nothing more."""
    person = app.base.people.find_by_identifier("bhxh", CODE)
    assert person
    app.base.people.set_status(person.id, "disabled", app.clock())

    assert log_in(app.visitor(), device).endswith("why=passkey")


def test_the_window_of_local_login_holds_for_passkeys(tmp_path: Path, sqlite_template: Path) -> None:
    """Closed for individuals: not by their own tab, and not by that of organisations either."""
    url = databases.sqlite_copy(sqlite_template, tmp_path)
    tomorrow = datetime.fromtimestamp(FrozenClock.MONDAY_MORNING + 86_400, UTC).isoformat()
    with running_app(tmp_path, url, login={"individual": {"closes_at": tomorrow}}) as app:
        app.client()
        owner(app)
        device = Authenticator(ISSUER)
        add(at_home(app), device)
        app.clock.move(86_401)

        assert log_in(app.visitor(), device).endswith("why=closed")
        assert log_in(app.visitor(), device, tab="organisation").endswith("why=passkey")


def test_a_recovery_ends_passkeys(app: App, device: Authenticator) -> None:
    """T-02, T-03: an attacker's passkey does not survive that the owner comes back; the page says what went."""
    person = app.base.people.find_by_identifier("bhxh", CODE)
    assert person
    credentials = app.provider.accounts.credentials
    removed = credentials.reset(person, credentials.hashed("một mật khẩu khác hẳn", person), "sms", NOWHERE)

    assert removed == ["passkey"]
    assert log_in(app.visitor(), device).endswith("why=passkey")


def test_a_changed_password_keeps_passkeys(app: App, device: Authenticator) -> None:
    person = app.base.people.find_by_identifier("bhxh", CODE)
    assert person
    credentials = app.provider.accounts.credentials
    credentials.change(person, credentials.hashed("một mật khẩu khác hẳn", person), NOWHERE)

    assert "/authorize" in log_in(app.visitor(), device)


def test_a_recovery_between_answer_and_gate_ends_the_login(app: App, device: Authenticator) -> None:
    """T-02: the attempt remembers the account as it was when the passkey answered."""
    visitor = app.visitor()
    location = log_in(visitor, device)
    person = app.base.people.find_by_identifier("bhxh", CODE)
    assert person
    credentials = app.provider.accounts.credentials
    credentials.reset(person, credentials.hashed("một mật khẩu khác hẳn", person), "sms", NOWHERE)

    assert "/login?" in visitor.get(location).headers["Location"]


def test_a_step_takes_a_passkey_of_this_account_only(app: App, device: Authenticator) -> None:
    """A thief with a session and a passkey of their own goes no further in the victim's account."""
    owner(app, "0000000008", phone="0987654321", email="khac@thu.example")
    victim = at_home(app, "0000000008")
    app.clock.move(301)
    handle = attempt_of(victim.get("/account/details"))
    question = victim.get("/login/code/passkey", query_string={"attempt": handle}).json
    assert question

    done = victim.post("/login/code/passkey", data={"attempt": handle, "answer": device.get(question)})

    assert done.headers["Location"].endswith("why=passkey")
    assert victim.get("/account/details").status_code == 303


def test_an_answer_for_the_login_is_none_for_the_step(app: App, device: Authenticator) -> None:
    """Each challenge has one purpose."""
    visitor = at_home(app)
    app.clock.move(301)
    handle = attempt_of(visitor.get("/account/details"))
    question = visitor.get("/login/passkey", query_string={"attempt": handle}).json
    assert question

    done = visitor.post("/login/code/passkey", data={"attempt": handle, "answer": device.get(question)})

    assert done.headers["Location"].endswith("why=passkey")


def test_adding_wants_a_fresh_code(app: App) -> None:
    """P-07 in spirit: binding an authenticator needs the highest login there is."""
    owner(app)
    visitor, device = at_home(app), Authenticator(ISSUER)
    question, token = visitor.get("/account/passkeys/add").json, csrf(visitor)
    assert question
    app.clock.move(299.0 + 2)

    fields = {"csrf": token, "answer": device.create(question), "name": "x"}
    assert "/login/code?" in visitor.post("/account/passkeys/add", data=fields).headers["Location"]
    assert "/login/code?" in visitor.get("/account/passkeys/add").headers["Location"]
    assert (
        "/login/code?" in visitor.post("/account/passkeys/remove", data=fields | {"passkey": "x"}).headers["Location"]
    )


def test_adding_and_ending_want_the_sessions_form(app: App) -> None:
    """P-13"""
    owner(app)
    visitor = at_home(app)

    assert visitor.post("/account/passkeys/add", data={"csrf": "x", "answer": "{}"}).status_code == 403
    assert visitor.post("/account/passkeys/remove", data={"csrf": "x", "passkey": "x"}).status_code == 403


def test_nobody_ends_somebody_elses_passkey(app: App, device: Authenticator) -> None:
    [mine] = app.provider.accounts.passkeys.of("account", _id(app, CODE))
    owner(app, "0000000008", phone="0987654321", email="khac@thu.example")
    stranger = at_home(app, "0000000008")

    done = stranger.post("/account/passkeys/remove", data={"csrf": csrf(stranger), "passkey": mine.id})

    assert done.status_code == 400
    assert "/authorize" in log_in(app.visitor(), device)


def test_a_passkey_is_bound_to_one_person(app: App, device: Authenticator) -> None:
    """Also after its end: the same credential is never taken again."""
    owner(app, "0000000008", phone="0987654321", email="khac@thu.example")

    assert add(at_home(app, "0000000008"), device).endswith("why=refused")


def test_names_are_bounded_and_printable(app: App) -> None:
    owner(app)
    visitor = at_home(app)

    for name in ("x" * 65, "a\u202eb", "a\x07b"):
        assert add(visitor, Authenticator(ISSUER), name=name).endswith("why=name")
    assert add(visitor, Authenticator(ISSUER), name="  Điện   thoại ") == "/account/passkeys"
    assert "<bdi>Điện thoại</bdi>" in visitor.get("/account/passkeys").text


def test_ten_are_enough(app: App) -> None:
    owner(app)
    visitor = at_home(app)
    for _ in range(MOST):
        assert add(visitor, Authenticator(ISSUER)) == "/account/passkeys"

    assert visitor.get("/account/passkeys/add").headers["Location"].endswith("why=many")
    assert "tối đa 10" in visitor.get("/account/passkeys").text


def test_the_question_tells_nothing_of_anybody(app: App, device: Authenticator) -> None:
    """At the login no passkey is named; when adding, the user handle is no account id, and the number is masked."""
    visitor = app.visitor()
    question = visitor.get("/login/passkey", query_string={"attempt": attempt_of(visitor.authorize())}).json
    asked = at_home(app).get("/account/passkeys/add")

    assert question
    assert question["allowCredentials"] == []
    assert _id(app, CODE) not in asked.text
    assert CODE not in asked.text
    assert asked.json
    assert asked.json["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }


def test_floods_are_limited(app: App) -> None:
    visitor = app.visitor()
    handle = attempt_of(visitor.authorize())
    most = app.settings.limits.attempts_per_address
    for _ in range(most):
        visitor.post("/login/passkey", data={"attempt": handle, "answer": "{}"})

    answer = visitor.post("/login/passkey", data={"attempt": handle, "answer": "{}"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "60")


def _id(app: App, code: str) -> str:
    person = app.base.people.find_by_identifier("bhxh", code)
    assert person
    return person.id
