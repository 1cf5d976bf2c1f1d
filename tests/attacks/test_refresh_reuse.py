"""A stolen refresh token is worth little: it rotates, reuse is noticed, and the family dies (RFC 9700, 4.14)."""

import pytest

from tests.support.app import SECRET, App
from tests.support.dpop import BoundApp


def test_the_immediate_predecessor_gets_the_same_successor_within_the_grace(everywhere: App) -> None:
    """B-17: a client that lost the answer, or raced itself, is not punished."""
    visitor = everywhere.visitor()
    first = visitor.tokens()["refresh_token"]
    second = visitor.refresh(first).json["refresh_token"]
    everywhere.clock.move(9.9)

    again = visitor.refresh(first)

    assert (again.status_code, again.json["refresh_token"]) == (200, second)
    assert visitor.refresh(second).status_code == 200


def test_after_the_grace_reuse_ends_the_family(everywhere: App) -> None:
    """B-17, Y-02"""
    visitor = everywhere.visitor()
    first = visitor.tokens()["refresh_token"]
    second = visitor.refresh(first).json
    everywhere.clock.move(10)

    assert visitor.refresh(first).json["error"] == "invalid_grant"
    assert visitor.refresh(second["refresh_token"]).json["error"] == "invalid_grant"
    assert visitor.userinfo(second["access_token"]).status_code == 401


def test_an_older_ancestor_is_reuse_even_within_the_grace(app: App) -> None:
    """B-17"""
    visitor = app.visitor()
    first = visitor.tokens()["refresh_token"]
    second = visitor.refresh(first).json["refresh_token"]
    third = visitor.refresh(second).json["refresh_token"]

    assert visitor.refresh(first).json["error"] == "invalid_grant"
    assert visitor.refresh(third).json["error"] == "invalid_grant"


def test_without_grace_the_first_reuse_ends_the_family(app: App) -> None:
    """B-17: `refresh_grace = 0`"""
    app.client("strict", refresh_grace=0)
    visitor = app.visitor()
    first = visitor.redeem(visitor.code(client_id="strict", scope="openid offline_access"), "strict").json
    second = visitor.refresh(first["refresh_token"], "strict").json

    assert visitor.refresh(first["refresh_token"], "strict").status_code == 400
    assert visitor.refresh(second["refresh_token"], "strict").status_code == 400


def test_a_bound_token_of_a_client_that_authenticates_stays_and_still_ends(everywhere: App) -> None:
    """J-04: each use counts against the idle limit; logout, revocation and the absolute limit end it as any other."""
    everywhere.client("strong", dpop_bound_access_tokens=True)
    portal = BoundApp(everywhere.visitor(), "strong", SECRET)
    token, limits = portal.tokens()["refresh_token"], everywhere.settings.oidc
    begun = everywhere.clock()

    while everywhere.clock() - begun < limits.refresh_absolute - limits.refresh_idle:
        everywhere.clock.move(limits.refresh_idle - 60)
        assert portal.refresh(token).json["refresh_token"] == token
    everywhere.clock.move(limits.refresh_idle + 1)
    assert portal.refresh(token).json["error"] == "invalid_grant"
    again = portal.tokens()["refresh_token"]
    portal.visitor.post("/revoke", {"token": again}, auth=("strong", SECRET))
    assert portal.refresh(again).json["error"] == "invalid_grant"


def test_a_refresh_token_is_bound_to_its_client(app: App) -> None:
    """B-17, D-11"""
    app.client("other")
    app.client("public", secret=None, token_endpoint_auth_method="none")
    visitor = app.visitor()
    token = visitor.tokens()["refresh_token"]

    assert visitor.refresh(token, "other").json["error"] == "invalid_grant"
    assert visitor.refresh(token, "public", None).json["error"] == "invalid_grant"
    assert visitor.refresh(token).status_code == 200, "another client's try harms nobody"


def test_public_clients_rotate_too(app: App) -> None:
    """B-17"""
    app.client("public", secret=None, token_endpoint_auth_method="none")
    visitor = app.visitor()
    code = visitor.code(client_id="public", scope="openid offline_access")
    first = visitor.redeem(code, "public", None).json["refresh_token"]

    assert visitor.refresh(first, "public", None).json["refresh_token"] != first


@pytest.mark.parametrize("kind", ["web", "native", "web with a key"])
def test_a_page_without_a_key_refreshes_for_a_day_whatever_it_rotates(everywhere: App, kind: str) -> None:
    """B-18, B-24: a script that got into the page does not keep the person's tokens for months."""
    everywhere.client("page", secret=None, token_endpoint_auth_method="none", application_type=kind.split()[0])
    visitor = everywhere.visitor()
    page = BoundApp(visitor, "page") if kind.endswith("key") else None
    code = visitor.code(client_id="page", scope="openid offline_access")
    token = (page.redeem(code) if page else visitor.redeem(code, "page", None)).json["refresh_token"]

    def rotated(after: float) -> tuple[int, str]:
        everywhere.clock.move(after)
        answer = page.refresh(token) if page else visitor.refresh(token, "page", None)
        return answer.status_code, answer.json.get("refresh_token") or answer.json["error"]

    day = everywhere.settings.oidc.refresh_browser
    for after in (day / 2, day / 2 - 1):
        status, token = rotated(after)
        assert status == 200

    status, told = rotated(1)
    assert (status, told == "invalid_grant") == ((400, True) if kind == "web" else (200, False))


@pytest.mark.parametrize("name", ["idle", "absolute"])
def test_refresh_tokens_expire_idle_and_absolutely(app: App, name: str) -> None:
    """B-18"""
    visitor = app.visitor()
    token = visitor.tokens()["refresh_token"]
    settings = app.settings.oidc
    if name == "idle":
        app.clock.move(settings.refresh_idle)
    else:
        for _ in range(settings.refresh_absolute // (settings.refresh_idle - 10)):
            app.clock.move(settings.refresh_idle - 10)
            token = visitor.refresh(token).json["refresh_token"]
        app.clock.move(settings.refresh_idle - 10)

    assert visitor.refresh(token).json["error"] == "invalid_grant"


def test_refresh_tokens_outlive_the_browser_session_but_not_its_end(app: App) -> None:
    """B-18: offline access survives an idle session; a logout or an operator's end does not leave it alive."""
    visitor = app.visitor()
    token = visitor.tokens()["refresh_token"]
    app.clock.move(app.settings.login.session_absolute + 1)
    token = visitor.refresh(token).json["refresh_token"]
    account = app.base.people.find_by_identifier("bhxh", "0000000001")
    app.provider.login.sessions.end_all(account.id)  # type: ignore[union-attr]

    assert visitor.refresh(token).json["error"] == "invalid_grant"


def test_refresh_tokens_die_when_the_account_is_closed(app: App) -> None:
    """B-18"""
    visitor = app.visitor()
    token = visitor.tokens()["refresh_token"]
    account = app.base.people.find_by_identifier("bhxh", "0000000001")
    app.base.people.set_status(account.id, "disabled", app.clock())  # type: ignore[union-attr]

    assert visitor.refresh(token).json["error"] == "invalid_grant"


def test_the_scope_can_shrink_but_never_grow(app: App) -> None:
    """B-19"""
    visitor = app.visitor()
    token = visitor.tokens(scope="openid profile offline_access")["refresh_token"]

    assert visitor.refresh(token, scope="openid email").json["error"] == "invalid_scope"
    narrow = visitor.refresh(token, scope="openid").json
    assert narrow["scope"] == "openid"
    wide = visitor.refresh(narrow["refresh_token"]).json
    assert wide["scope"] == "openid profile offline_access"


@pytest.mark.parametrize("change", ["family", "generation", "mac", "truncated", "longer"])
def test_a_forged_refresh_token_is_nothing(app: App, change: str) -> None:
    """Security 0.15, CVE-2026-27840: truncated and altered tokens."""
    visitor = app.visitor()
    token = visitor.tokens()["refresh_token"]
    head, generation, mac = token.split(".")
    forged = {
        "family": f"r_{'A' * 22}.{generation}.{mac}",
        "generation": f"{head}.{int(generation) + 1}.{mac}",
        "mac": f"{head}.{generation}.{'A' * 43}",
        "truncated": token[:-1],
        "longer": token + "A",
    }[change]

    assert visitor.refresh(forged).json["error"] == "invalid_grant"
    assert visitor.refresh(token).status_code == 200


def test_no_refresh_token_without_offline_access(app: App) -> None:
    assert "refresh_token" not in app.visitor().tokens(scope="openid")


def test_the_resource_cannot_change_at_refresh(app: App) -> None:
    """RFC 8707, 2.2; B-16: one audience."""
    app.client("api", resource=["https://api.example.test/", "https://other.example.test/"])
    visitor = app.visitor()
    code = visitor.code(client_id="api", scope="openid offline_access", resource="https://api.example.test/")
    token = visitor.redeem(code, "api").json

    answer = visitor.refresh(token["refresh_token"], "api", SECRET, resource="https://other.example.test/")
    assert answer.json["error"] == "invalid_target"
    assert visitor.userinfo(token["access_token"]).status_code == 403
