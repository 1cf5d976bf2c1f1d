"""What a login takes once is taken by whoever answers: the loop of a worker, or the thread that it leaves it to."""

from typing import Any

import pytest
from werkzeug.test import create_environ

from idp.at_once import NeedsThread, at_once
from idp.commit_waits import LATEST, SHORT
from idp.http.gateway import EndpointResponse
from tests.support.app import (
    ISSUER,
    PASSWORD,
    REDIRECT,
    SECRET,
    App,
    AsServed,
    Visitor,
    answer_of,
    attempt_of,
    challenge,
)
from tests.support.token_exchange import exchanger, fields

LATER = 4_000_000_000.0


def test_a_person_with_a_session_logs_in_again(app: App) -> None:
    visitor: Visitor = app.visitor()
    visitor.code()

    again = visitor.log_in(visitor.authorize(prompt="login"))

    assert isinstance(app.wsgi, AsServed), "otherwise no loop has seen it"
    assert visitor.redeem(answer_of(again)["code"]).status_code == 200


def test_a_double_click_gets_one_code(app: App) -> None:
    visitor: Visitor = app.visitor()
    visitor.code()
    attempt = attempt_of(begun := visitor.authorize(prompt="login"))
    assert visitor.log_in(begun).status_code == 303

    assert visitor.get("/authorize", query_string={"attempt": attempt}).status_code == 400


def test_a_login_is_left_to_a_thread_while_commits_take_long(app: App) -> None:
    app.person("0000000007")
    visitor: Visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    assert visitor.try_to_log_in(attempt, "0000000007", PASSWORD).status_code == 303
    waits = app.provider.oidc.commit_waits

    for _ in range(LATEST):
        waits.note(2 * SHORT)
    assert in_the_loop(app, visitor, "/authorize", attempt=attempt) is None
    waits.note(SHORT)
    answer = in_the_loop(app, visitor, "/authorize", attempt=attempt)
    assert answer is not None
    assert "code=" in dict(answer[1])["Location"]


def test_the_loop_shows_pages_and_leaves_forms_to_threads(app: App) -> None:
    visitor: Visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())

    page = in_the_loop(app, visitor, "/login", attempt=attempt)
    assert page is not None
    assert page[0] == 200
    assert [name for name, _ in page[1]].count("Content-Length") == 1
    assert in_the_loop(app, visitor, "/login", "POST", attempt=attempt) is None


def test_a_code_for_a_form_is_shown_by_whoever_wrote_it(app: App) -> None:
    visitor: Visitor = app.visitor()
    visitor.code()
    request = {"client_id": "portal", "redirect_uri": REDIRECT, "response_type": "code", "scope": "openid"}
    request |= {"code_challenge": challenge(), "code_challenge_method": "S256", "response_mode": "form_post"}

    page = in_the_loop(app, visitor, "/authorize", **request)

    assert page is not None
    assert (page[0], b'name="code"' in page[2]) == (200, True)


def test_what_is_claimed_durably_is_claimed_by_a_thread(app: App) -> None:
    """Assertions, proofs and request objects: it waits for the disk, and often nothing was read before."""
    with at_once(), pytest.raises(NeedsThread):
        app.base.families.claim("a jti", LATER)
    assert app.base.families.claim("a jti", LATER), "the loop has left nothing behind"
    assert not app.base.families.claim("a jti", LATER)


def test_an_exchange_is_recorded_by_a_thread_and_refused_by_the_loop(app: App) -> None:
    """RFC 8693: its row waits for the disk, so a thread reads too; what needs no store needs no thread."""
    exchanger(app)
    visitor: Visitor = app.visitor()
    form = fields(visitor.tokens()["access_token"])
    assert visitor.token("gateway", **form).status_code == 200, "now the use of its secret is noted"
    before = app.base.trail.tail(5)

    assert posted_in_the_loop(app, form) is None
    assert app.base.trail.tail(5) == before
    refused = posted_in_the_loop(app, form | {"subject_token": "x"})
    assert refused is not None
    assert refused[0] == 400


def posted_in_the_loop(app: App, form: dict[str, str]) -> EndpointResponse | None:
    environ = create_environ("/token", ISSUER, method="POST", data=form, auth=("gateway", SECRET))
    answer: EndpointResponse | None = app.wsgi.gateway.answer_at_once(environ)
    return answer


def in_the_loop(app: App, visitor: Visitor, path: str, method: str = "GET", **query: Any) -> EndpointResponse | None:
    environ = create_environ(path, ISSUER, query_string=query, method=method)
    visitor.http._add_cookies_to_wsgi(environ)
    answer: EndpointResponse | None = app.wsgi.gateway.answer_at_once(environ)
    return answer
