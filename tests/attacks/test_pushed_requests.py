"""Pushed requests (RFC 9126): whoever sees a `request_uri` has one use of what the client meant, and nothing else."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest
from joserfc.jwk import ECKey

from tests.attacks.test_client_authentication import KEY, assertion
from tests.support.app import REDIRECT, SECRET, App, Visitor, answer_of, running_app
from tests.support.dpop import BoundApp, ProofKey
from tests.support.pushed import PREFIX, asked, go, push, pushed

NATIVE: dict[str, Any] = {"token_endpoint_auth_method": "none", "application_type": "native"}
BROWSERS = 8


def change(app: App, **members: Any) -> None:
    """The operator changes the client `portal`."""
    client = app.provider.oidc.clients.find("portal")
    assert client
    app.base.clients.put(replace(client, **members), app.clock())
    app.clock.move(5)


def test_a_pushed_request_becomes_a_login(everywhere: App) -> None:
    """E-01: 201 without a cache, a name of at least 128 bits, and the answer is that of the pushed parameters."""
    visitor = everywhere.visitor()
    answer = push(visitor, state="pushed")
    name = answer.json["request_uri"]

    assert (answer.status_code, answer.headers["Cache-Control"]) == (201, "no-store")
    assert answer.json == {"request_uri": name, "expires_in": 60}
    assert name.startswith(PREFIX)
    assert len(name.removeprefix(PREFIX)) >= 43
    back = answer_of(visitor.log_in(go(visitor, name)))
    assert back["state"] == "pushed"
    assert visitor.redeem(back["code"]).status_code == 200
    # With a live session the code comes at once, from the loop of a worker or not.
    assert "code" in answer_of(go(visitor, pushed(visitor)))


def test_what_stands_beside_the_name_counts_for_nothing(app: App) -> None:
    """RFC 9101, 6.3: neither another state, nor less safety, nor another place."""
    visitor = app.visitor()
    visitor.code()
    beside = asked(state="other", nonce="other", code_challenge=None, redirect_uri="https://evil.test/")

    assert answer_of(go(visitor, pushed(visitor), **beside))["state"] == "a state"
    assert "state" not in answer_of(go(visitor, pushed(visitor, state=None), state="other"))


def test_a_name_is_worth_one_visit_also_after_the_login(everywhere: App) -> None:
    """E-02: the page of the login may be loaded again; the name was taken into it."""
    visitor = everywhere.visitor()
    name = pushed(visitor)
    begun = go(visitor, name)
    assert visitor.get(begun.headers["Location"]).status_code == 200
    assert visitor.get(begun.headers["Location"]).status_code == 200

    again = go(visitor, name)
    assert (again.status_code, "Location" in again.headers) == (400, False)
    assert "code" in answer_of(visitor.log_in(begun))
    assert go(visitor, name).status_code == 400


def test_of_eight_browsers_at_once_one_gets_in(
    database_url: str, tmp_path: Any, request: pytest.FixtureRequest
) -> None:
    """E-02, F-20: on both databases, and where short-lived records are in Redis."""
    stores = [""] if database_url.startswith("sqlite") else ["", request.getfixturevalue("empty_redis_url")]
    for redis_url in stores:
        with running_app(tmp_path, database_url, redis_url) as running:
            running.client()
            running.person("0000000001") if redis_url == stores[0] else None
            visitors = [running.visitor(f"192.0.2.{n}") for n in range(BROWSERS)]
            for visitor in visitors:
                visitor.code()
            for _ in range(5):
                name = pushed(visitors[0])
                with ThreadPoolExecutor(BROWSERS) as pool:
                    answers = [*pool.map(lambda each, name=name: go(each, name), visitors)]
                assert sorted(answer.status_code for answer in answers) == [303] + [400] * (BROWSERS - 1)


def test_a_name_is_for_the_client_that_pushed(app: App) -> None:
    """E-04: a page, nothing is redirected, and the request is burnt."""
    app.client("other")
    visitor = app.visitor()
    visitor.code()
    name = pushed(visitor)

    mixed_up = go(visitor, name, "other")

    assert (mixed_up.status_code, "Location" in mixed_up.headers) == (400, False)
    assert go(visitor, name).status_code == 400


def test_a_name_is_over_after_its_life(everywhere: App) -> None:
    """E-01"""
    visitor = everywhere.visitor()
    visitor.code()
    early, late = pushed(visitor), pushed(visitor)
    everywhere.clock.move(59)
    assert "code" in answer_of(go(visitor, early))
    everywhere.clock.move(1)

    assert go(visitor, late).status_code == 400


@pytest.mark.parametrize("name", ["", "x", "par_" + "a" * 43, "k_" + "a" * 43, "par_" + "é" * 43, "par_" + "a" * 1500])
def test_a_made_up_name_is_an_error_page(app: App, name: str) -> None:
    """E-03: displayed also beside a registered redirect URI, where nobody could tell whose request it was."""
    answer = go(app.visitor(), PREFIX + name, **asked())

    assert (answer.status_code, "Location" in answer.headers) == (400, False)


def test_a_handle_of_something_else_is_no_name(app: App) -> None:
    visitor = app.visitor()

    assert go(visitor, PREFIX + visitor.code()).status_code == 400


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"request_uri": PREFIX + "par_" + "a" * 43}, "invalid_request"),
        ({"request_uri": "https://portal.example.test/r"}, "invalid_request"),
        ({"redirect_uri": None}, "invalid_request"),
        ({"redirect_uri": "https://evil.test/"}, "invalid_request"),
        ({"redirect_uri": REDIRECT + "/"}, "invalid_request"),
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"response_type": "code id_token"}, "unsupported_response_type"),
        ({"response_type": None}, "invalid_request"),
        ({"scope": "profile"}, "invalid_scope"),
        ({"code_challenge": None, "code_challenge_method": None}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"nonce": "số"}, "invalid_request"),
        ({"resource": "https://other.test/"}, "invalid_target"),
        ({"dpop_jkt": "short"}, "invalid_request"),
        ({"state": "s" * 2049}, "invalid_request"),
        ({f"x{n}": "x" for n in range(40)}, "invalid_request"),
        ({f"x{n}": "x" * 2000 for n in range(5)}, "invalid_request"),
    ],
)
def test_what_is_wrong_is_said_at_once_and_nothing_is_kept(app: App, params: dict[str, str], error: str) -> None:
    """E-03, RFC 9126, 2.3: the whole request is judged when it comes."""
    answer = push(app.visitor(), **params)

    assert (answer.status_code, answer.json["error"]) == (400, error)
    assert answer.json["error_description"]
    assert answer.headers["Cache-Control"] == "no-store"
    assert "request_uri" not in answer.json


def test_a_long_state_and_nonce_come_back_whole(app: App) -> None:
    visitor = app.visitor()
    visitor.code()

    assert answer_of(go(visitor, pushed(visitor, state="s" * 1000, nonce="n" * 384)))["state"] == "s" * 1000


def test_an_oversized_push_is_not_read(app: App) -> None:
    answer = push(app.visitor(), state="s" * 70_000)

    assert answer.status_code == 413


def test_who_pushes_has_to_be_the_client(app: App) -> None:
    """E-04: as at `/token`; the reason is noted for the operator, and a secret that is wrong again slows down."""
    visitor = app.visitor()
    for answer in (push(visitor, secret="wrong"), push(visitor, "nobody"), push(visitor, secret=None)):
        assert (answer.status_code, answer.json["error"]) == (401, "invalid_client")
    named = visitor.post("/par", asked() | {"client_id": "other"}, auth=("portal", SECRET))
    assert named.status_code == 401
    both = visitor.post("/par", asked() | {"client_secret": SECRET}, auth=("portal", SECRET))
    assert (both.status_code, both.json["error"]) == (400, "invalid_request")


def test_an_assertion_pushes_once_and_is_not_kept(app: App) -> None:
    """E-04: `private_key_jwt`; also without `client_id` in the form."""
    keys = {"keys": [KEY.as_dict(private=False)]}
    app.client("signer", secret=None, token_endpoint_auth_method="private_key_jwt", jwks=keys)
    visitor, proof = app.visitor(), assertion(app)

    answer = visitor.post("/par", asked() | proof)

    assert answer.status_code == 201
    assert "/login" in go(visitor, answer.json["request_uri"], "signer").headers["Location"]
    assert visitor.post("/par", asked() | proof).status_code == 401
    forged = assertion(app, ECKey.generate_key("P-256"), jti="forged")
    assert visitor.post("/par", asked() | forged).status_code == 401


def test_a_client_may_be_held_to_pushing(app: App) -> None:
    """E-05: per client."""
    visitor = app.visitor()
    visitor.code()
    change(app, require_pushed_authorization_requests=True)

    assert answer_of(visitor.authorize())["error"] == "invalid_request"
    assert "code" in answer_of(go(visitor, pushed(visitor)))


def test_all_clients_may_be_held_to_pushing(database_url: str, tmp_path: Any) -> None:
    """E-05: all of them, and metadata says so."""
    oidc = {"require_pushed_authorization_requests": True, "pushed_request_life": 5}
    with running_app(tmp_path, database_url, oidc=oidc) as running:
        running.client()
        visitor = running.visitor()
        document = visitor.get("/.well-known/openid-configuration").json

        assert document["require_pushed_authorization_requests"] is True
        assert answer_of(visitor.authorize())["error"] == "invalid_request"
        assert push(visitor).json["expires_in"] == 5


def test_a_policy_that_changed_meanwhile_counts(app: App) -> None:
    """E-06: the request is judged again when it is used."""
    visitor = app.visitor()
    visitor.code()
    names = [pushed(visitor) for _ in range(3)]
    change(app, redirect_uris=("https://portal.example.test/new",))
    assert go(visitor, names[0]).status_code == 400
    change(app, redirect_uris=(REDIRECT,), scope="profile openid", grant_types=("refresh_token",))
    assert answer_of(go(visitor, names[1]))["error"] == "unauthorized_client"
    change(app, disabled=True)
    assert go(visitor, names[2]).status_code == 400
    assert push(visitor).status_code == 401


@pytest.fixture
def phone(app: App) -> BoundApp:
    app.client("app", secret=None, **NATIVE, dpop_bound_access_tokens=True)
    return BoundApp(app.visitor())


def push_with_proof(phone: BoundApp, proof: str, **more: str) -> Any:
    return push(phone.visitor, "app", None, headers={"DPoP": proof}, **more)


def with_nonce(phone: BoundApp) -> BoundApp:
    """The app has learnt the nonce, from the refusal of its first proof."""
    refused = push_with_proof(phone, phone.proof("POST", "/par"))
    assert (refused.status_code, refused.json["error"]) == (400, "use_dpop_nonce")
    phone.nonce = refused.headers["DPoP-Nonce"]
    return phone


def test_a_proof_at_the_push_binds_the_code(phone: BoundApp) -> None:
    """G-05: the key of the push redeems, another one does not."""
    with_nonce(phone)
    for thief in (False, True):
        answer = push_with_proof(phone, phone.proof("POST", "/par"))
        assert answer.status_code == 201
        begun = go(phone.visitor, answer.json["request_uri"], "app")
        back = phone.visitor.log_in(begun) if "/login" in begun.headers["Location"] else begun
        other = BoundApp(phone.visitor, "app", nonce=phone.nonce)
        got = (other if thief else phone).redeem(answer_of(back)["code"])
        assert got.status_code == (400 if thief else 200), got.text


def test_a_proof_and_dpop_jkt_have_to_agree(phone: BoundApp) -> None:
    """G-05"""
    with_nonce(phone)

    other = push_with_proof(phone, phone.proof("POST", "/par"), dpop_jkt=ProofKey().jkt)
    assert (other.status_code, other.json["error"]) == (400, "invalid_request")
    assert push_with_proof(phone, phone.proof("POST", "/par"), dpop_jkt=phone.key.jkt).status_code == 201


def test_a_proof_is_for_this_endpoint_and_once(phone: BoundApp) -> None:
    """G-05: and a push that is refused does not spend it."""
    with_nonce(phone)
    wrong = push_with_proof(phone, phone.proof("POST", "/token"))
    assert (wrong.status_code, wrong.json["error"]) == (400, "invalid_dpop_proof")
    proof = phone.proof("POST", "/par")
    assert push_with_proof(phone, proof, scope="profile").json["error"] == "invalid_scope"
    assert push_with_proof(phone, proof).status_code == 201
    again = push_with_proof(phone, proof)
    assert (again.status_code, again.json["error"]) == (400, "invalid_dpop_proof")


def test_a_stranger_is_slowed_down_and_a_portal_is_not(app: App) -> None:
    """C-01: who only states an id, per network; names that are out still work."""
    app.client("app", secret=None, **NATIVE)
    app.provider.oidc.pushed_requests._per_network._limit = 2
    visitor: Visitor = app.visitor()
    first = [push(visitor, "app", None) for _ in range(3)]

    assert [answer.status_code for answer in first] == [201, 201, 429]
    assert "/login" in go(visitor, first[0].json["request_uri"], "app").headers["Location"]
    assert [push(visitor).status_code for _ in range(4)] == [201] * 4
