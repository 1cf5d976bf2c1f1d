"""A code is worth one redemption, by one client, with everything it was bound to (RFC 9700, 4.5)."""

import pytest

from tests.support.app import SECRET, VERIFIER, App

OTHER = {
    "redirect_uri": {"redirect_uri": "https://portal.example.test/other"},
    "no redirect_uri": {"redirect_uri": None},
    "verifier": {"code_verifier": VERIFIER[::-1]},
    "no verifier": {"code_verifier": None},
    "short verifier": {"code_verifier": "v"},
}


def test_a_second_redemption_fails_and_ends_what_the_first_one_got(everywhere: App) -> None:
    """B-10, Y-01"""
    visitor = everywhere.visitor()
    code = visitor.code(scope="openid offline_access")
    first = visitor.redeem(code).json

    assert visitor.redeem(code).json["error"] == "invalid_grant"
    assert visitor.userinfo(first["access_token"]).status_code == 401
    assert visitor.introspect(first["access_token"]) == {"active": False}
    assert visitor.refresh(first["refresh_token"]).json["error"] == "invalid_grant"


def test_a_replay_in_the_middle_of_a_redemption_leaves_it_its_answer_and_kills_what_it_got(everywhere: App) -> None:
    """B-10, acceptance 4: of eight presentations at the same instant one is answered, and its tokens are dead."""
    visitor, issuing = everywhere.visitor(), everywhere.provider.oidc.issuing
    client = everywhere.provider.oidc.clients.find("portal")
    assert client
    handle = visitor.code(scope="openid offline_access")
    code = issuing.redeem(handle, client)

    assert visitor.redeem(handle).json["error"] == "invalid_grant"
    grant_state = issuing.grant_state_of(code.grant, client)
    got = issuing.mint(code.grant, code.id, client, grant_state, code.grant.scopes, (), begin=True)

    assert visitor.userinfo(got["access_token"]).status_code == 401
    assert visitor.refresh(got["refresh_token"]).json["error"] == "invalid_grant"


@pytest.mark.parametrize("what", OTHER)
def test_a_code_is_bound_to_what_was_asked_and_a_wrong_try_burns_it(app: App, what: str) -> None:
    """B-11"""
    visitor = app.visitor()
    code = visitor.code()

    assert visitor.redeem(code, **OTHER[what]).status_code == 400
    assert visitor.redeem(code).json["error"] == "invalid_grant"


def test_a_code_is_bound_to_its_client(app: App) -> None:
    """B-11, D-11"""
    app.client("other")
    visitor = app.visitor()
    code = visitor.code()

    assert visitor.redeem(code, "other").json["error"] == "invalid_grant"
    assert visitor.redeem(code).json["error"] == "invalid_grant"


def test_a_code_dies_with_its_session(app: App) -> None:
    """B-11: bound to the session; a logout between issue and redemption wins."""
    visitor = app.visitor()
    code = visitor.code()
    account = app.base.people.find_by_identifier("bhxh", "0000000001")
    app.provider.login.sessions.end_all(account.id)  # type: ignore[union-attr]

    assert visitor.redeem(code).json["error"] == "invalid_grant"


def test_a_code_lives_at_most_a_minute(everywhere: App) -> None:
    """RFC 9700, 4.5; ASVS 10.4 level 3"""
    visitor = everywhere.visitor()
    code = visitor.code()
    everywhere.clock.move(60)

    assert visitor.redeem(code).json["error"] == "invalid_grant"


def test_made_up_codes_cost_no_store_read(app: App) -> None:
    """C-02, C-03"""
    visitor = app.visitor()
    for code in ("", "x", "k_", "k_" + "a" * 42, "a_" + "a" * 43, "k_" + "é" * 43, "k_" + "a" * 5000):
        assert visitor.redeem(code).status_code == 400
    assert app.base.ephemeral.get("k:" + "a" * 43, now=app.clock()) is None


def test_a_ticket_of_one_feature_is_nothing_to_another(app: App) -> None:
    """Security 0.15: handles are typed."""
    from tests.support.app import attempt_of

    visitor = app.visitor()
    attempt = attempt_of(visitor.authorize())

    assert visitor.redeem(attempt).json["error"] == "invalid_grant"
    assert visitor.redeem("k" + attempt[1:]).json["error"] == "invalid_grant"
    assert visitor.get("/login", query_string={"attempt": visitor.code()}).status_code == 400


@pytest.mark.parametrize(
    "grant", ["password", "implicit", "", "urn:ietf:params:oauth:grant-type:jwt-bearer", "CODE", '"\\']
)
def test_other_grants_are_not_supported(app: App, grant: str) -> None:
    """B-06"""
    answer = app.visitor().token(grant_type=grant, username="0000000001", password="x")

    assert (answer.status_code, answer.json["error"]) == (400, "unsupported_grant_type")


def test_a_client_may_use_only_its_grants(app: App) -> None:
    """RFC 6749, 5.2"""
    app.client("simple", grant_types=["authorization_code"], scope="openid")
    visitor = app.visitor()

    assert visitor.token("simple", SECRET, grant_type="client_credentials").json["error"] == "unauthorized_client"
    assert visitor.refresh("r_x", "simple").json["error"] == "unauthorized_client"
