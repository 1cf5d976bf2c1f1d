"""Holes that were found by reading the provider as an attacker would; each test fails when its fix is taken out."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select

from config.serving.numbers import PREFIX, sweep
from idp.store import tables as t
from idp.store.counters import bump_epoch
from tests.support.app import PASSWORD, SECRET, App, Visitor, answer_of, attempt_of

ATTACKER = "203.0.113.66"


def fail(visitor: Visitor, code: str, kind: str = "individual") -> int:
    attempt = attempt_of(visitor.authorize(prompt="login"))
    return visitor.try_to_log_in(attempt, code, "wrong guess", kind=kind).status_code


def test_claims_asked_for_by_name_are_shown_and_need_consent(app: App) -> None:
    """OIDC Core 5.5: the `claims` parameter is no way around the consent page."""
    app.client("shop", first_party=False)
    visitor = app.visitor()
    wanted = json.dumps({"userinfo": {"bhxh_number": None, "personal_id": None}})
    asked = visitor.log_in(visitor.authorize("shop", claims=wanted))
    page = visitor.get(asked.headers["Location"]).text
    assert "Mã số BHXH" in page

    form = {"attempt": attempt_of(asked), "agree": "1", "consent-allow": ""}
    code = answer_of(visitor.get(visitor.post("/consent", data=form).headers["Location"]))["code"]
    token = visitor.redeem(code, "shop").json["access_token"]
    assert visitor.userinfo(token).json["bhxh_number"] == "0000000001"
    account = app.base.people.find_by_identifier("bhxh", "0000000001")
    assert account
    assert "bhxh" in app.provider.stores.consents.of_account(account.id)[0].scopes


def test_claims_beyond_the_registered_scopes_are_ignored(app: App) -> None:
    app.client("small", scope="openid")
    visitor = app.visitor()
    wanted = json.dumps({"userinfo": {"bhxh_number": None, "\ud800": None, "sub": None}})
    token = visitor.redeem(visitor.code(client_id="small", claims=wanted), "small").json["access_token"]

    assert visitor.userinfo(token).json.keys() == {"sub"}


@pytest.mark.parametrize("value", ["urn:bhxh:acr:3", ["urn:bhxh:acr:3", "urn:bhxh:acr:4"]])
def test_an_essential_acr_out_of_reach_fails_the_request(app: App, value: object) -> None:
    """OIDC Core 5.5.1.1"""
    asked = {"essential": True, "values": value} if isinstance(value, list) else {"essential": True, "value": value}
    answer = answer_of(app.visitor().authorize(claims=json.dumps({"id_token": {"acr": asked}})))

    assert answer["error"] == "unmet_authentication_requirements"


@pytest.mark.parametrize("known", [True, False])
def test_another_writing_of_an_unknown_code_is_counted_with_it(app: App, known: bool) -> None:
    """N-10: the card number that ends in the code behaves alike whether the account exists or not."""
    if known:
        app.person("0012345678")
    visitor = app.visitor(ATTACKER)
    statuses = [fail(visitor, "0012345678") for _ in range(3)]

    assert [*statuses, fail(visitor, "DN4010012345678"), fail(visitor, " 0012 345-678")] == [200, 200, 200, 429, 429]


def test_waiting_does_not_fill_the_network_for_others(app: App) -> None:
    """N-09: one impatient person must not lock a whole network out."""
    app.person("0000000002")
    impatient = app.visitor("192.0.2.8")
    for _ in range(30):
        fail(impatient, "0000000001")

    neighbour = app.visitor("192.0.2.9")
    assert "code=" in neighbour.log_in(neighbour.authorize(), "0000000002").headers["Location"]


def test_the_limit_on_client_authentication_cannot_be_slipped(app: App) -> None:
    """C-07: neither by another secret each time nor by another client_id beside the header."""
    visitor = app.visitor()
    rotating = [visitor.token("portal", f"wrong {n}", grant_type="client_credentials") for n in range(31)]
    assert rotating[-1].status_code == 429

    other = app.visitor("198.51.100.9")
    beside = [
        other.post("/token", data={"grant_type": "x", "client_id": f"c{n}"}, auth=("portal", "wrong")) for n in range(3)
    ]
    assert {a.status_code for a in beside} <= {400, 401}


def test_a_client_id_beside_basic_must_be_the_same(app: App) -> None:
    app.client("other")
    visitor = app.visitor()
    code = visitor.code()
    answer = visitor.post(
        "/token", data={"grant_type": "authorization_code", "code": code, "client_id": "other"}, auth=("portal", SECRET)
    )

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("method", ["logout", "authorize"])
def test_a_post_from_a_portal_reaches_the_session_by_a_redirect(everywhere: App, method: str) -> None:
    """RP-Initiated Logout 2, RFC 6749 3.1: cookies with SameSite=Lax stay back on a cross-site POST."""
    visitor = everywhere.visitor()
    hint = visitor.tokens()["id_token"]
    stranger = everywhere.visitor()  # the same browser, as its cross-site POST looks to us
    if method == "logout":
        moved = stranger.post("/end_session", data={"id_token_hint": hint})
        visitor.get(moved.headers["Location"])
        assert answer_of(visitor.authorize(prompt="none"))["error"] == "login_required"
    else:
        query = visitor.authorize(prompt="none").request.query_string.decode()
        moved = stranger.post("/authorize", data=query, content_type="application/x-www-form-urlencoded")
        assert "Set-Cookie" not in moved.headers, "another tab's attempt must survive"
        assert "code" in answer_of(visitor.get(moved.headers["Location"]))


@pytest.mark.parametrize("jti", ["j" * 43, "nul\0", "số", "x" * 256])
def test_any_jti_and_client_id_fit_the_store(everywhere: App, jti: str) -> None:
    from tests.attacks.test_tokens import client_assertion, with_assertion

    visitor = everywhere.visitor()
    assertion = client_assertion(everywhere, visitor, jti=jti)

    assert with_assertion(visitor, assertion).status_code == 200
    assert with_assertion(visitor, assertion).status_code == 401


def test_one_unreadable_client_does_not_take_the_others_down(app: App) -> None:
    from sqlalchemy import insert

    row = {"client_id": "broken", "metadata": '{"client_name": 5}', "created_at": 0.0, "updated_at": 0.0}
    with app.base.database.transaction.begin() as connection:
        connection.execute(insert(t.client), row)
    app.base.clients.touch()
    app.clock.move(5)

    assert app.visitor().authorize().status_code == 303
    assert app.visitor().authorize("broken").status_code == 400


def test_a_client_that_was_narrowed_during_a_login_is_an_error_page(app: App) -> None:
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize(scope="openid bhxh"))
    app.client(scope="openid")

    assert visitor.post("/login", data={"attempt": attempt, "login-cancel": ""}).status_code == 400
    attempt = attempt_of(visitor.authorize())
    app.client(scope="openid", first_party=False, grant_types=["client_credentials"])
    assert visitor.get("/consent", query_string={"attempt": attempt}).status_code == 400


def test_a_registration_under_an_old_id_inherits_nothing(app: App) -> None:
    visitor = app.visitor()
    token = visitor.tokens()["refresh_token"]
    app.base.clients.remove("portal", app.clock())
    app.client()

    assert visitor.refresh(token).json["error"] == "invalid_grant"


def test_a_narrower_consent_leaves_the_wider_one(app: App) -> None:
    app.client("shop", first_party=False)
    visitor = app.visitor()

    def agree(**asked: str) -> str:
        begun = visitor.authorize("shop", **asked)
        begun = visitor.log_in(begun) if "/login?" in begun.headers["Location"] else begun
        form = {"attempt": attempt_of(begun), "agree": "1", "consent-allow": ""}
        return answer_of(visitor.get(visitor.post("/consent", data=form).headers["Location"]))["code"]

    wide = visitor.redeem(agree(scope="openid profile offline_access"), "shop").json["refresh_token"]
    agree(scope="openid", prompt="consent")

    assert visitor.refresh(wide, "shop").status_code == 200


def test_a_form_without_a_session_name_ends_nothing(app: App) -> None:
    visitor = app.visitor()
    token = visitor.tokens()["refresh_token"]
    page = visitor.get("/account").text
    csrf = re.search(r'name="csrf" value="([^"]+)"', page)[1]  # type: ignore[index]

    assert visitor.post("/account/end-session", data={"csrf": csrf}).status_code == 400
    assert visitor.post("/account/end-session", data={"csrf": csrf, "session": "nobody"}).status_code == 303
    assert visitor.refresh(token).status_code == 200


def test_withdrawing_what_was_never_given_writes_nothing(everywhere: App) -> None:
    visitor = everywhere.visitor()
    visitor.code()
    csrf = re.search(r'name="csrf" value="([^"]+)"', visitor.get("/account").text)[1]  # type: ignore[index]
    before = _count(everywhere, t.audit)

    assert visitor.post("/account/withdraw", data={"csrf": csrf, "client_id": "x" * 300}).status_code == 303
    assert _count(everywhere, t.audit) == before


def test_a_proof_from_before_the_epoch_opens_nothing_after_it(app: App) -> None:
    """F-06"""
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    own = attempt_of(visitor.get("/account"))
    for handle in (attempt, own):
        assert visitor.try_to_log_in(handle, "0000000001", PASSWORD).status_code == 303
    app.clock.move(1)
    bump_epoch(app.base.database, app.clock())

    for path, handle in (("/authorize", attempt), ("/account", own)):
        assert "/login?" in visitor.get(path, query_string={"attempt": handle}).headers["Location"]


def test_strangers_fill_no_table(app: App) -> None:
    """Peers 23: error pages, captchas and attempts are bounded."""
    visitor = app.visitor()
    for number in range(100):
        visitor.get(f"/nowhere-{number}")
        visitor.authorize("nobody")
    attempt = attempt_of(visitor.authorize())
    pages = [visitor.get("/login", query_string={"attempt": attempt}).status_code for _ in range(40)]

    assert _count(app, t.incident) <= 60
    assert (pages[0], pages[-1]) == (200, 429)


def test_what_is_logged_of_a_request_has_no_number_and_no_handle(app: App, caplog: pytest.LogCaptureFixture) -> None:
    """L11: a portal that sends a code as its client id, or a token in a redirect URI, must not reach the log."""
    import logging

    with caplog.at_level(logging.INFO):
        app.visitor().authorize("0012345678")
        app.visitor().authorize(redirect_uri="https://evil.test/?token=" + "T" * 60)
        app.visitor().token("0012345678", "x", grant_type="client_credentials")
    lines = str([record.__dict__ for record in caplog.records])

    assert "0012345678" not in lines
    assert "TTTTTTTT" not in lines


def test_a_change_of_language_after_a_failure_keeps_the_portals_request(app: App) -> None:
    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    page = visitor.try_to_log_in(attempt, "0000000001", "wrong guess").text

    link = re.search(r'href="(\?[^"]*lang=en)"', page)[1]  # type: ignore[index]
    assert attempt in link


def test_256_characters_and_junk_are_not_the_password(app: App) -> None:
    """P-01: nothing is truncated."""
    app.person("0000000050", "a" * 256)
    visitor = app.visitor()

    assert visitor.try_to_log_in(attempt_of(visitor.authorize()), "0000000050", "a" * 256 + "junk").status_code == 200


def test_a_dual_stack_listener_still_knows_its_proxy() -> None:
    from idp.http.network import TrustedProxies

    environ = {"REMOTE_ADDR": "::ffff:10.0.0.1", "HTTP_X_FORWARDED_FOR": "198.51.100.7"}

    assert TrustedProxies(("10.0.0.0/24",)).network(environ) == "198.51.100.0/24"


def _count(app: App, table: object) -> int:
    with app.base.database.autocommit.connect() as connection:
        return int(connection.execute(select(func.count()).select_from(table)).scalar_one())  # type: ignore[arg-type]


def test_l5_claims_that_an_import_brought_never_override_the_record(app: App) -> None:
    """L-5"""
    from idp.oidc.claims import of_account

    account_id = app.person(
        "0000000005", more_claims={"bhxh_number": "9999999999", "email_verified": True, "locale": "vi"}
    )
    account = app.base.people.find(account_id)
    assert account

    told = of_account(account, app.clock())

    assert told["bhxh_number"] == "0000000005"
    assert "email_verified" not in told
    assert told["locale"] == "vi"


def test_l11_a_shorter_limit_ends_older_sessions(app: App) -> None:
    """L-11: what counts is today's setting, not that of the day on which the session began."""
    app.person("0000000005")
    visitor = app.visitor()
    visitor.code("0000000005")
    sessions = app.provider.login.sessions
    app.clock.move(600)
    assert "code=" in visitor.authorize().headers["Location"]

    sessions.limits = replace(sessions.limits, absolute=599)

    assert visitor.authorize().headers["Location"].startswith("/login?")


def test_l3_another_site_cannot_have_texts_sent(app: App) -> None:
    """L-3: a link from elsewhere shows the button; the code goes when the person presses it."""
    app.person("0000000005", phone="0981234567", phone_verified=True)
    visitor = app.visitor()
    visitor.code("0000000005")
    app.told("sms")
    elsewhere = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    page = visitor.get(visitor.get("/account/details", headers=elsewhere).headers["Location"], headers=elsewhere)

    assert page.status_code == 200
    assert 'name="code-again"' in page.text
    assert 'name="code"' not in page.text
    assert "bấm “Gửi mã”" in page.text
    assert "khóa truy cập" not in page.text
    assert not app.told("sms")
    handle = re.search(r'name="attempt" value="([^"]+)"', page.text)
    assert handle
    visitor.post("/login/code", data={"attempt": handle[1], "code-again": "1"})
    assert app.code_sent()


def test_f12_a_refresh_token_that_another_client_shows_is_written_down(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    """F-12"""
    app.client("other")
    token = app.visitor().tokens()["refresh_token"]

    refused = app.visitor().refresh(token, "other")

    assert refused.status_code == 400
    newest = app.base.trail.tail(1)[0]
    assert (newest["name"], newest["client_id"], newest["facts"]) == ("refresh.foreign", "other", '{"owner": "portal"}')
    assert "refresh token of another client" in caplog.text


def test_f12_whose_token_it_was_is_named_whatever_the_id_looks_like(app: App) -> None:
    """F-12: an id with many digits or letters is no number of a person, and no reason for a 500."""
    app.client("other")
    owner = app.client("c-1234567890abcdef-of-a-province-far-away")
    visitor = app.visitor()
    token = visitor.redeem(visitor.code(client_id=owner, scope="openid offline_access"), owner).json["refresh_token"]

    assert visitor.refresh(token, "other").json["error"] == "invalid_grant"
    assert app.base.trail.tail(1)[0]["facts"] == f'{{"owner": "{owner}"}}'


@pytest.mark.parametrize("form", ["png", "wav"])
def test_f12_one_captcha_is_drawn_once_however_often_it_is_asked_for(app: App, form: str) -> None:
    """F-12: it costs nothing, gives a reader of letters no second view, and nobody is refused for others."""
    visitor = app.visitor()
    handle = attempt_of(visitor.authorize())
    page = visitor.get("/login", query_string={"attempt": handle, "captcha": "new"})
    found = re.search(rf"/login/captcha/[^.]+[.]{form}", page.text)
    assert found

    answers = [visitor.get(found[0]) for _ in range(40)]

    assert {a.status_code for a in answers} == {200}
    assert len({a.data for a in answers}) == 1


def test_f12_what_a_killed_serve_left_is_swept_and_what_a_living_one_uses_is_not(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, living, other = (tmp_path / name for name in (f"{PREFIX}{ended.pid}-a", f"{PREFIX}{os.getpid()}-b", "x-1-c"))
    for directory in (left, living, other):
        directory.mkdir()

    sweep(tmp_path)

    assert (left.exists(), living.exists(), other.exists()) == (False, True, True)
