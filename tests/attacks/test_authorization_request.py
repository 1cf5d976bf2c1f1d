"""Requests that ask for more than the protocol allows are answered with an error that carries `iss` and `state`."""

import pytest

from idp.oidc.clients import DEVICE_CODE
from tests.support.app import ISSUER, REDIRECT, SECRET, App, answer_of, challenge

BAD_PKCE = {
    "no challenge": {"code_challenge": None, "code_challenge_method": None},
    "no method": {"code_challenge_method": None},
    "plain": {"code_challenge_method": "plain"},
    "plain with its verifier": {"code_challenge": "v" * 43, "code_challenge_method": "plain"},
    "method without challenge": {"code_challenge": None},
    "short": {"code_challenge": challenge()[:-1]},
    "long": {"code_challenge": challenge() + "a"},
    "padded": {"code_challenge": challenge() + "="},
    "other alphabet": {"code_challenge": "+" * 43},
    "other case": {"code_challenge_method": "s256"},
}


@pytest.mark.parametrize("name", BAD_PKCE)
def test_pkce_with_s256_is_demanded_of_every_client(app: App, name: str) -> None:
    """B-07, Y-03: at `/authorize`, of confidential clients too."""
    answer = answer_of(app.visitor().authorize(**BAD_PKCE[name]))

    assert (answer["error"], answer["iss"], answer["state"]) == ("invalid_request", ISSUER, "a state")


def test_pkce_may_be_waived_for_a_registered_confidential_client_but_never_plain(app: App) -> None:
    """B-07: the exception that certification suites and old libraries need."""
    app.client("old", require_pkce=False)
    visitor = app.visitor()

    without = visitor.code(client_id="old", code_challenge=None, code_challenge_method=None)
    assert visitor.redeem(without, "old", code_verifier=None).status_code == 200
    assert answer_of(visitor.authorize("old", code_challenge_method="plain"))["error"] == "invalid_request"


def test_a_scope_that_nobody_has_is_ignored_and_the_token_says_what_was_granted(app: App) -> None:
    """OIDC Core 3.1.2.1, 5.4; RFC 6749, 3.3: many libraries ask for a scope of another provider by default."""
    tokens = app.visitor().tokens(scope="openid groups profile https://www.googleapis.com/auth/x")

    assert tokens["scope"] == "openid profile"


def test_a_scope_of_others_is_refused_by_name(app: App) -> None:
    app.client("service", grant_types=["client_credentials"], redirect_uris=[], scope="reports.read")
    app.client("narrow", scope="openid profile", grant_types=["authorization_code", DEVICE_CODE])
    for scope in ("email", "reports.read"):
        wanted = f"openid {scope} groups"
        refused = answer_of(app.visitor().authorize("narrow", scope=wanted))
        device = app.visitor().post("/device_authorization", data={"scope": wanted}, auth=("narrow", SECRET)).json

        assert (refused["error"], refused["error_description"].count(f"'{scope}'")) == ("invalid_scope", 1)
        assert device == {name: refused[name] for name in ("error", "error_description")}


def test_a_verifier_for_a_code_without_challenge_is_refused(app: App) -> None:
    """B-08: PKCE downgrade."""
    app.client("old", require_pkce=False)
    visitor = app.visitor()
    code = visitor.code(client_id="old", code_challenge=None, code_challenge_method=None)

    assert visitor.redeem(code, "old").json["error"] in ("invalid_request", "invalid_grant")


@pytest.mark.parametrize(
    "kind", ["token", "id_token", "code token", "code id_token", "none", "", "CODE", "mã", "<x onerror=canary>'\""]
)
def test_only_the_code_response_type_is_served(app: App, kind: str) -> None:
    """B-05; the description repeats nothing of the request."""
    answer = answer_of(app.visitor().authorize(response_type=kind))
    assert answer["error"] == "unsupported_response_type"
    assert answer["error_description"] == "Only response_type 'code' is supported."
    assert app.visitor().get("/.well-known/openid-configuration").json["response_types_supported"] == ["code"]


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"response_type": None}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"scope": "admin root"}, "invalid_scope"),
        ({"scope": "openid device"}, "invalid_scope"),
        ({"response_mode": "jwt.query"}, "invalid_request"),
        ({"prompt": "none login"}, "invalid_request"),
        ({"prompt": "create"}, "invalid_request"),
        ({"max_age": "-1"}, "invalid_request"),
        ({"max_age": "soon"}, "invalid_request"),
        ({"max_age": "9" * 30}, "invalid_request"),
        ({"claims": "{"}, "invalid_request"),
        ({"claims": "[]"}, "invalid_request"),
        ({"claims": '{"userinfo": []}'}, "invalid_request"),
        ({"claims": "[" * 2000}, "invalid_request"),
        ({"request": "x.y.z"}, "request_not_supported"),
        ({"request_uri": "https://evil.test/r"}, "request_uri_not_supported"),
        ({"resource": "https://other.test/"}, "invalid_target"),
        ({"id_token_hint": "nonsense"}, "invalid_request"),
        ({"nonce": "a\nb"}, "invalid_request"),
        ({"nonce": "số"}, "invalid_request"),
    ],
)
def test_every_other_fault_is_an_error_redirect_with_iss_and_state(
    app: App, params: dict[str, str], error: str
) -> None:
    """B-12, D-06, Y-04: after client and redirect URI are proven."""
    answer = answer_of(app.visitor().authorize(**params))

    assert (answer["error"], answer["iss"], answer["state"]) == (error, ISSUER, "a state")


def test_a_parameter_given_twice_is_an_error_redirect(app: App) -> None:
    """B-07"""
    url = f"/authorize?client_id=portal&redirect_uri={REDIRECT}&state=s&scope=openid&scope=openid"

    assert answer_of(app.visitor().get(url))["error"] == "invalid_request"


def test_issuer_in_answers_equals_the_metadata_byte_for_byte(app: App) -> None:
    """B-12"""
    visitor = app.visitor()
    issuer = visitor.get("/.well-known/openid-configuration").json["issuer"]

    assert answer_of(visitor.log_in(visitor.authorize()))["iss"] == issuer
    assert answer_of(visitor.authorize(scope="nonsense"))["iss"] == issuer


def test_metadata_names_s256_and_the_iss_parameter(app: App) -> None:
    """B-27"""
    for path in ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"):
        metadata = app.visitor().get(path).json

        assert metadata["code_challenge_methods_supported"] == ["S256"]
        assert metadata["authorization_response_iss_parameter_supported"] is True


@pytest.mark.parametrize("mode", ["query", "fragment", "form_post"])
def test_each_response_mode_carries_the_answer(app: App, mode: str) -> None:
    """B-12"""
    visitor = app.visitor()
    visitor.code()
    answer = visitor.authorize(response_mode=mode)

    if mode == "form_post":
        assert answer.status_code == 200
        assert 'name="code"' in answer.text
        assert 'name="iss"' in answer.text
    else:
        assert answer.headers["Location"].startswith(REDIRECT + {"query": "?", "fragment": "#"}[mode])


def test_an_error_redirect_follows_the_response_mode(app: App) -> None:
    """B-12"""
    answer = app.visitor().authorize(response_mode="fragment", prompt="none")

    assert answer.headers["Location"].startswith(REDIRECT + "#error=login_required")


def test_redirects_after_a_post_are_303(app: App) -> None:
    """B-15"""
    visitor = app.visitor()
    begun = visitor.authorize()
    from tests.support.app import attempt_of

    answer = visitor.try_to_log_in(attempt_of(begun), "0000000001", "mật khẩu dài để thử")

    assert answer.status_code == 303


def test_cancelling_goes_back_to_the_portal_with_access_denied(app: App) -> None:
    """B-12"""
    from tests.support.app import attempt_of

    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())
    answer = answer_of(visitor.post("/login", data={"attempt": attempt, "login-cancel": ""}))

    assert (answer["error"], answer["state"], answer["iss"]) == ("access_denied", "a state", ISSUER)
    assert visitor.get("/login", query_string={"attempt": attempt}).status_code == 400


class TestMaxAgeAndPrompt:
    """D-04, D-05"""

    def test_max_age_asks_again_and_auth_time_is_the_real_one(self, app: App) -> None:
        visitor = app.visitor()
        visitor.code()
        logged_in_at = app.clock()
        app.clock.move(100)

        assert "code" in answer_of(visitor.authorize(max_age="100"))
        assert "/login?" in visitor.authorize(max_age="99").headers["Location"]
        answer = visitor.redeem(answer_of(visitor.authorize())["code"])
        assert _claims(answer.json["id_token"])["auth_time"] == int(logged_in_at)

    def test_max_age_zero_never_takes_an_old_login(self, app: App) -> None:
        visitor = app.visitor()
        visitor.code()
        app.clock.move(1)

        assert "/login?" in visitor.authorize(max_age="0").headers["Location"]

    def test_prompt_login_asks_even_with_a_live_session(self, app: App) -> None:
        visitor = app.visitor()
        visitor.code()

        assert "/login?" in visitor.authorize(prompt="login").headers["Location"]

    def test_a_hint_of_another_person_is_login_required(self, app: App) -> None:
        app.person("0000000002")
        hint = app.visitor().tokens("0000000002")["id_token"]
        visitor = app.visitor()
        visitor.code("0000000001")

        assert answer_of(visitor.authorize(id_token_hint=hint, prompt="none"))["error"] == "login_required"
        again = visitor.log_in(visitor.authorize(id_token_hint=hint), "0000000001")
        assert answer_of(again)["error"] == "login_required"

    def test_a_login_hint_with_script_is_only_text(self, app: App) -> None:
        visitor = app.visitor()
        begun = visitor.authorize(login_hint="<script>alert(1)</script>")
        page = visitor.get(begun.headers["Location"])

        assert "<script>alert" not in page.text
        assert "&lt;script&gt;" in page.text


def _claims(token: str) -> dict[str, object]:
    import base64
    import json

    return dict(json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "==")))
