"""M-2: who noted a browser's secret and the address of a login before it began gets nothing of what is proved in it."""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any, get_type_hints

import pytest
from werkzeug.test import TestResponse

from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.errors import Expired, OtherBrowser
from idp.limits.local import LocalRateLimiter
from idp.login.attempt import Attempts, Held, LoginAttempt, browser_of
from idp.login.authentication import Authentication, Proved
from tests.flows.test_passkeys import add, at_home, owner
from tests.flows.test_passwords_life import change, citizen, enter, field, log_in, temporary
from tests.support.app import ISSUER, PASSWORD, App, Visitor, answer_of, attempt_of
from tests.support.clock import FrozenClock
from tests.support.memory import InMemory
from tests.support.passkeys import Authenticator
from tests.support.qr import enrolled, logins, shown

HOST = "id.example.test"
CODE = "0000000009"
Way = Callable[[App, Visitor, str], str]
"""Proves something in the attempt and takes the answer; returns where the browser is sent."""


def by_password(app: App, visitor: Visitor, handle: str) -> str:
    return visitor.try_to_log_in(handle, CODE, PASSWORD).headers["Location"]


def by_passkey(app: App, visitor: Visitor, handle: str) -> str:
    device = Authenticator(ISSUER)
    add(at_home(app), device)
    question = visitor.get("/login/passkey", query_string={"attempt": handle}).json
    assert question
    fields = {"attempt": handle, "kind": "individual", "answer": device.get(question)}
    return visitor.post("/login/passkey", data=fields).headers["Location"]


def confirmed(app: App, visitor: Visitor, handle: str) -> Any:
    account = app.base.people.find_by_identifier("bhxh", CODE)
    assert account
    page, me = shown(visitor, handle), (enrolled(app, account.id), account.id)
    logins(app).confirm(page.scan(*me), *me, page.number)
    return page


def by_picture(app: App, visitor: Visitor, handle: str) -> str:
    return str(confirmed(app, visitor, handle).told()["next"])


def by_picture_without_script(app: App, visitor: Visitor, handle: str) -> str:
    confirmed(app, visitor, handle)
    return visitor.get("/login/qr", query_string={"attempt": handle, "now": 1}).headers["Location"]


WAYS: list[Way] = [by_password, by_passkey, by_picture, by_picture_without_script]


def begun(app: App, visitor: Visitor, **more: Any) -> tuple[str, Visitor]:
    """An attempt, and the browser of somebody who noted everything that there was before the login."""
    handle = attempt_of(visitor.authorize(**more))
    return handle, noted(app, visitor)


def kept(visitor: Visitor) -> list[Any]:
    cookies: Any = vars(visitor.http)["_cookies"]
    return list(cookies.values())


def noted(app: App, visitor: Visitor) -> Visitor:
    thief = app.visitor()
    for cookie in kept(visitor):
        thief.http.set_cookie(cookie.key, cookie.value, domain=HOST, secure=True)
    return thief


def gets(browser: Visitor, handle: str, path: str = "/authorize") -> TestResponse:
    return browser.get(path, query_string={"attempt": handle})


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_m2_the_noted_secret_opens_nothing_after_a_proof(app: App, way: Way) -> None:
    owner(app)
    visitor = app.visitor()
    handle, thief = begun(app, visitor)
    assert gets(thief, handle).headers["Location"].startswith("/login?")

    location = way(app, visitor, handle)

    for path in ("/authorize", "/account", "/login", "/login/code", "/login/password", "/consent"):
        answer = gets(thief, handle, path)
        assert answer.status_code == 403, (path, answer.status_code, answer.headers.get("Location"))
        assert not [c for c in answer.headers.getlist("Set-Cookie") if "-s=" in c or "-p" in c]
    assert "code" in answer_of(visitor.get(location))


def test_m2_a_code_on_a_live_session_binds_the_attempt_too(app: App) -> None:
    """Whoever noted the session's cookie as well had the session; whoever noted `b` alone has nothing."""
    citizen(app)
    app.client("strong", default_acr_values=["urn:bhxh:acr:2"])
    visitor = app.visitor()
    log_in(visitor)
    handle = attempt_of(visitor.authorize("strong"))
    thief = noted(app, visitor)
    page = visitor.get("/login/code", query_string={"attempt": handle})

    done = visitor.post("/login/code", data={"attempt": handle, "code": app.code_sent()})

    assert field(page, "attempt") == handle
    assert gets(thief, handle).status_code == 403
    assert "code" in answer_of(visitor.get(done.headers["Location"]))


def test_m2_a_new_password_and_its_code_go_on_in_the_browser_that_chose_it(app: App) -> None:
    temporary(app, citizen(app))
    visitor = app.visitor()
    page = log_in(visitor)
    thief = noted(app, visitor)
    thief.http.delete_cookie(next(c.key for c in kept(visitor) if c.key.startswith("__Host-p")), domain=HOST)
    handle = field(page, "attempt")
    page = change(visitor, page)

    assert gets(thief, handle, "/login/password/code").status_code == 403
    done = enter(app, visitor, page, "/login/password/code")

    assert "code" in answer_of(done)


def test_m2_two_tabs_of_one_browser_both_finish(app: App) -> None:
    owner(app)
    visitor = app.visitor()
    first, second = (attempt_of(visitor.authorize(state=state)) for state in ("one", "two"))

    one = by_password(app, visitor, first)
    two = by_password(app, visitor, second)

    assert answer_of(visitor.get(one))["state"] == "one"
    assert answer_of(visitor.get(two))["state"] == "two"


PROOF = Authentication("account", 1000.0, amr=("pwd",), acr=1, ial=0)


def kept_attempt() -> tuple[Attempts, str, Held]:
    clock = FrozenClock(1000.0)
    records = EphemeralRecords(RecordKind.LOGIN_ATTEMPT, LoginAttempt, InMemory(), clock, life=1800)
    attempts = Attempts(records, per_address=LocalRateLimiter(9, 60, clock), total=LocalRateLimiter(9, 60, clock))
    begun = LoginAttempt((), "", "", browser_of("b_secret"), 1000.0)
    return attempts, attempts.begin(begun, "192.0.2.0/24"), Held("b_secret")


PROVING = [
    name
    for name, method in inspect.getmembers(Attempts, inspect.isfunction)
    if {Proved, Authentication, Authentication | None} & set(get_type_hints(method).values())
]


@pytest.mark.parametrize("name", PROVING)
def test_m2_everything_that_takes_a_proof_returns_the_secret_that_goes_with_it(name: str) -> None:
    """A new way to keep a proof in an attempt is on this list by its types."""
    attempts, handle, held = kept_attempt()
    more: dict[str, Any] = {"proved": Proved(PROOF, 0.0), "proof": PROOF, "secured_at": 0.0, "remember": False}
    method = getattr(attempts, name)
    given = {key: more[key] for key in inspect.signature(method).parameters if key in more}

    secret = method(handle, attempts.load(handle, held), **given)

    with pytest.raises(OtherBrowser):
        attempts.load(handle, held)
    with pytest.raises(OtherBrowser):
        attempts.load(handle, replace(held, second=secret + "x"))
    assert attempts.load(handle, replace(held, second=secret)).proof == PROOF
    with pytest.raises(Expired):
        attempts.load(handle + "x", held)


def test_m2_the_list_of_what_takes_a_proof_is_not_empty() -> None:
    assert set(PROVING) >= {"logged_in", "strengthened", "linked"}


def test_m2_a_form_that_brings_its_own_proof_may_be_sent_twice() -> None:
    """Of two clicks a browser may drop the first answer, with its cookie; another browser still gets nothing."""
    attempts, handle, held = kept_attempt()
    attempts.logged_in(handle, attempts.load(handle, held), Proved(PROOF, 0.0), remember=False)

    again = attempts.logged_in(handle, attempts.load_for_login(handle, held), Proved(PROOF, 0.0), remember=False)

    assert attempts.load(handle, replace(held, second=again)).proof == PROOF
    with pytest.raises(OtherBrowser):
        attempts.load_for_login(handle, Held("another"))


def test_a_day_of_logins_at_a_counter_leaves_few_cookies_and_the_newest_tabs(app: App) -> None:
    """Hundreds of old secrets would be more than a server reads of a header: nobody could log in there any more."""
    app.person(CODE)
    visitor = app.visitor()
    waiting = attempt_of(visitor.authorize(prompt="login"))
    for _ in range(15):
        by_password(app, visitor, attempt_of(visitor.authorize(prompt="login")))
    proved = by_password(app, visitor, waiting)
    for _ in range(9):
        by_password(app, visitor, attempt_of(visitor.authorize(prompt="login")))

    assert len([each for each in kept(visitor) if re.fullmatch("__Host-p.{12}", each.key)]) == 10
    assert "code" in answer_of(visitor.get(proved))
