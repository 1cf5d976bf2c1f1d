"""Attackers try to be sent a code, or to make us an open redirector (RFC 9700, 2.1 and 4.11)."""

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest

from idp.oidc.clients import same_redirect
from tests.support.app import REDIRECT, App, answer_of

NEAR_MISSES = (
    REDIRECT + "/",
    REDIRECT + "?a=b",
    REDIRECT + "#",
    REDIRECT + "#fragment",
    REDIRECT + ";params",
    REDIRECT.replace("callback", "Callback"),
    REDIRECT.replace("portal.", "PORTAL."),
    REDIRECT.replace("https:", "http:"),
    REDIRECT.replace("https:", "HTTPS:"),
    REDIRECT.replace("://", "://user@"),
    REDIRECT.replace("://", "://user:pw@"),
    REDIRECT.replace("example.test", "example.test:443"),
    REDIRECT.replace("example.test", "example.test."),
    REDIRECT.replace("example.test", "example.test.evil.test"),
    REDIRECT.replace("portal", "pоrtal"),
    REDIRECT.replace("/callback", "/./callback"),
    REDIRECT.replace("/callback", "/x/../callback"),
    REDIRECT.replace("/callback", "/%2e%2e/callback"),
    REDIRECT.replace("/callback", "//callback"),
    REDIRECT.replace("/callback", "\\callback"),
    REDIRECT.replace("callback", "c%61llback"),
    " " + REDIRECT,
    REDIRECT + " ",
    REDIRECT + "%00",
    REDIRECT + "\r\nSet-Cookie: a=b",
    "javascript:alert(1)",
    "data:text/html,x",
    "//portal.example.test/callback",
    "",
    "https://evil.test/?" + quote(REDIRECT),
)


def mutations(uri: str) -> Iterator[str]:
    """Every way to change, drop, double or swap one character."""
    letters = "aZ09/?#%.:@;-_~\\ \t\n\u202eа&=+!*',()[]{}|^`<>\"$\r\0"
    for at in range(len(uri) + 1):
        yield uri[:at] + uri[at + 1 :]
        yield uri[:at] + uri[at : at + 1] * 2 + uri[at + 1 :]
        yield uri[:at] + uri[at : at + 1].swapcase() + uri[at + 1 :]
        for letter in letters:
            yield uri[:at] + letter + uri[at:]
            yield uri[:at] + letter + uri[at + 1 :]


@pytest.mark.parametrize("uri", NEAR_MISSES)
def test_a_near_miss_gets_an_error_page_and_no_redirect(app: App, uri: str) -> None:
    """B-01, B-03"""
    answer = app.visitor().authorize(redirect_uri=uri)

    assert answer.status_code == 400
    assert "Location" not in answer.headers
    assert 'data-page="error"' in answer.text


def test_no_generated_variant_of_a_registered_uri_is_accepted() -> None:
    """B-01, N-19: at least 2,000 variants."""
    variants = {variant for variant in mutations(REDIRECT) if variant != REDIRECT}

    assert len(variants) >= 2000
    assert [v for v in variants if same_redirect(REDIRECT, v, "web")] == []
    assert [v for v in variants if same_redirect(REDIRECT, v, "native")] == []


def test_only_the_port_of_a_native_loopback_uri_may_differ() -> None:
    """B-01"""
    registered = "http://127.0.0.1/cb"

    assert same_redirect(registered, "http://127.0.0.1:51004/cb", "native")
    for other in (
        "http://127.0.0.1:51004/cb2",
        "http://127.0.0.2:1/cb",
        "http://localhost:1/cb",
        "https://127.0.0.1:1/cb",
    ):
        assert not same_redirect(registered, other, "native"), other
    assert not same_redirect(registered, "http://127.0.0.1:51004/cb", "web")


def test_an_unknown_client_gets_an_error_page_and_no_redirect(app: App) -> None:
    """B-03"""
    answer = app.visitor().authorize(client_id="nobody")

    assert (answer.status_code, answer.headers.get("Location")) == (400, None)


def test_a_client_id_or_redirect_uri_given_twice_is_displayed(app: App) -> None:
    """B-03: which of the two would be the proven one?"""
    for name, value in (("client_id", "portal"), ("redirect_uri", REDIRECT)):
        answer = app.visitor().get(f"/authorize?client_id=portal&redirect_uri={quote(REDIRECT)}&{name}={quote(value)}")

        assert (answer.status_code, answer.headers.get("Location")) == (400, None)


def test_prompt_none_in_an_unknown_browser_answers_only_a_registered_uri(app: App) -> None:
    """B-03"""
    assert answer_of(app.visitor().authorize(prompt="none"))["error"] == "login_required"
    assert app.visitor().authorize(prompt="none", redirect_uri="https://evil.test/").status_code == 400


@pytest.mark.parametrize("name", ["next", "return_to", "redirect", "url", "continue", "post_logout_redirect_uri"])
@pytest.mark.parametrize("path", ["/login", "/logout", "/logged-out", "/account", "/consent", "/end_session"])
def test_no_page_follows_an_address_from_a_parameter(app: App, path: str, name: str) -> None:
    """B-02"""
    visitor = app.visitor()
    visitor.code()
    answer = visitor.get(path, query_string={name: "https://evil.test/"})

    assert "evil.test" not in answer.headers.get("Location", "")
    assert "evil.test" not in answer.text


def test_a_logout_goes_back_only_to_a_registered_address_of_the_client(app: App) -> None:
    """B-02, D-12"""
    visitor = app.visitor()
    hint = visitor.tokens()["id_token"]
    for uri in ("https://portal.example.test/x", "https://evil.test/", REDIRECT):
        answer = visitor.get("/end_session", query_string={"id_token_hint": hint, "post_logout_redirect_uri": uri})

        assert (answer.status_code, answer.headers.get("Location")) == (400, None)
    assert "code" in answer_of(visitor.authorize(prompt="none")), "a refused logout ends nothing"


def test_a_logout_that_names_no_client_goes_back_nowhere(app: App) -> None:
    """B-02: without a session nobody is asked, so this answer would be the redirect itself."""
    answer = app.visitor().get("/end_session", query_string={"post_logout_redirect_uri": "https://evil.test/"})

    assert (answer.status_code, answer.headers["Location"]) == (303, "/logged-out?why=no-return")
    assert 'id="no-return"' in app.visitor().get(answer.headers["Location"]).text


@pytest.mark.parametrize("uri", ["https://evil.test/", "https://portal.example.test/", None])
def test_who_names_no_client_is_asked_and_then_logged_out_without_a_return(app: App, uri: str | None) -> None:
    """Registered for somebody or not: nobody said for whom. The question is the page that every other logout has."""
    visitor = app.visitor()
    visitor.code()
    to_page = visitor.get("/end_session", query_string={"post_logout_redirect_uri": uri} if uri else {})
    page = visitor.get(to_page.headers["Location"])
    form = dict(re.findall(r'name="(csrf|request)" value="([^"]*)"', page.text))
    assert ('id="no-return"' in page.text) is (uri is not None)
    assert "evil.test" not in page.text + page.headers["Content-Security-Policy"]
    assert "code" in answer_of(visitor.authorize(prompt="none")), "nobody is logged out by a link"
    assert visitor.post("/logout", data=form | {"csrf": "x"}).status_code == 403

    done = visitor.post("/logout", data=form)

    assert done.status_code == 303
    assert done.headers["Location"].startswith("/logged-out")
    assert answer_of(visitor.authorize(prompt="none"))["error"] == "login_required"
