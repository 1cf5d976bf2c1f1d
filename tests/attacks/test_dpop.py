"""Who stole a token, a proof, a code or a refresh token of an app, but not its key, has nothing (RFC 9449)."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from joserfc.jwk import ECKey

from config.container import Container
from idp.oidc.dpop import LIFE, NONCE_STEP, SKEW, BadProof
from tests.support.app import REDIRECT, SECRET, VERIFIER, App, answer_of
from tests.support.dpop import BoundApp, ProofKey

NATIVE: dict[str, Any] = {
    "token_endpoint_auth_method": "none",
    "application_type": "native",
    "dpop_bound_access_tokens": True,
}
WRONG_THUMBPRINTS = ["", "short", "x" * 42, "x" * 44, "x" * 42 + "=", "é" * 43]


@pytest.fixture
def phone(app: App) -> BoundApp:
    app.client("app", secret=None, **NATIVE)
    return BoundApp(app.visitor())


@pytest.fixture
def free(app: App) -> BoundApp:
    """A public client that may also go without proofs."""
    app.client("app", secret=None, **NATIVE | {"dpop_bound_access_tokens": False})
    return BoundApp(app.visitor())


def thief_of(phone: BoundApp) -> BoundApp:
    """Somebody else, with the newest nonce and a key of their own."""
    return BoundApp(phone.visitor.app.visitor("198.51.100.9"), phone.client_id, phone.secret, nonce=phone.nonce)


def test_without_a_proof_an_app_gets_nothing_and_its_code_is_not_spent(phone: BoundApp) -> None:
    """G-06: leaving the proof out is no way round it."""
    code = phone.code()

    answer = phone.visitor.redeem(code, "app", None)

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_dpop_proof")
    assert phone.redeem(code).status_code == 200


def test_a_bound_token_is_no_bearer_token(phone: BoundApp) -> None:
    """G-03: in the header, in the form, with a proof beside it or without."""
    visitor, stolen = phone.visitor, phone.tokens()["access_token"]

    answers = [
        visitor.userinfo(stolen),
        visitor.post("/userinfo", {"access_token": stolen}),
        phone.userinfo(stolen, scheme="Bearer"),
        visitor.get("/testing/resource", headers={"Authorization": f"Bearer {stolen}"}),
    ]

    assert [(a.status_code, a.json["error"]) for a in answers] == [(401, "invalid_token")] * 4
    shown = answers[0].headers.getlist("WWW-Authenticate")
    assert shown == ['Bearer realm="idp", error="invalid_token"', 'DPoP realm="idp", algs="ES256 EdDSA"']


def test_a_bearer_token_is_no_bound_token(app: App) -> None:
    """G-03"""
    portal = BoundApp(app.visitor(), "portal", SECRET)
    plain = portal.visitor.tokens()["access_token"]
    portal.userinfo(plain)

    answer = portal.userinfo(plain)

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")
    assert app.visitor().userinfo(plain).status_code == 200


def test_a_stolen_token_with_the_key_of_the_thief_opens_nothing(phone: BoundApp) -> None:
    """G-03"""
    stolen = phone.tokens()["access_token"]

    answer = thief_of(phone).userinfo(stolen)

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_token")


def test_a_bound_token_without_a_proof_opens_nothing(phone: BoundApp) -> None:
    """G-01"""
    token = phone.tokens()["access_token"]

    answer = phone.visitor.get("/userinfo", headers={"Authorization": f"DPoP {token}"})

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_dpop_proof")


def test_a_recorded_request_cannot_be_sent_again(phone: BoundApp) -> None:
    """G-02: for as long as the proof could pass, and after."""
    token = phone.tokens()["access_token"]
    proof = phone.proof("GET", "/userinfo", access_token=token)
    header = {"Authorization": f"DPoP {token}"}
    assert phone.send("GET", "/userinfo", proof, headers=header).status_code == 200

    for _ in range(LIFE + 2 * SKEW + 1):
        assert phone.send("GET", "/userinfo", proof, headers=header).status_code == 401
        phone.visitor.app.clock.move(1)


@pytest.mark.parametrize(
    "proof",
    [
        {"path": "/token"},
        {"method": "POST"},
        {"access_token": "another.access.token"},
        {"access_token": None},
        {"now": 0},
        {"signed_by": ECKey.generate_key("P-256")},
    ],
)
def test_a_proof_for_something_else_opens_nothing(phone: BoundApp, proof: dict[str, Any]) -> None:
    """G-01"""
    token = phone.tokens()["access_token"]
    made = {"method": "GET", "path": "/userinfo", "access_token": token} | proof
    method, path = made.pop("method"), made.pop("path")

    answer = phone.send(
        "GET", "/userinfo", phone.proof(method, path, **made), headers={"Authorization": f"DPoP {token}"}
    )

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_dpop_proof")
    assert answer.json["error_description"]


def test_two_proofs_are_none(phone: BoundApp) -> None:
    """G-01: servers hand two headers on as one, with a comma."""
    token = phone.tokens()["access_token"]
    both = ", ".join(phone.proof("GET", "/userinfo", access_token=token) for _ in range(2))

    answer = phone.send("GET", "/userinfo", both, headers={"Authorization": f"DPoP {token}"})

    assert (answer.status_code, answer.json["error"]) == (401, "invalid_dpop_proof")


def test_a_token_in_the_form_beside_one_in_the_header_is_refused(phone: BoundApp) -> None:
    token = phone.tokens()["access_token"]
    proof, header = phone.proof("POST", "/userinfo", access_token=token), {"Authorization": f"DPoP {token}"}

    answer = phone.send("POST", "/userinfo", proof, {"access_token": token}, header)

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_request")


def test_a_stolen_refresh_token_is_nothing_without_the_key(phone: BoundApp) -> None:
    """G-04: and it is not spent by who tries."""
    refresh_token = phone.tokens()["refresh_token"]

    answer = thief_of(phone).refresh(refresh_token)

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert phone.refresh(refresh_token).status_code == 200


def test_what_began_bound_is_not_refreshed_into_a_bearer_token(free: BoundApp, app: App) -> None:
    """G-04, G-06: neither by an app that may go without proofs nor by a client that authenticates."""
    portal = BoundApp(app.visitor(), "portal", SECRET)

    answers = [
        free.visitor.refresh(free.tokens()["refresh_token"], "app", None),
        portal.visitor.refresh(portal.tokens()["refresh_token"]),
    ]

    assert [a.json["error"] for a in answers] == ["invalid_grant"] * 2


def test_a_stolen_refresh_token_without_a_key_does_not_become_the_thiefs(free: BoundApp) -> None:
    """G-04: a public client that proves a key gets a refresh token of that key, so an unbound one gets it nothing."""
    code = free.code()
    plain = free.visitor.redeem(code, "app", None).json["refresh_token"]

    answer = thief_of(free).refresh(plain)

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert free.visitor.refresh(plain, "app", None).json["token_type"] == "Bearer"


def test_a_stolen_code_is_nothing_without_the_key_it_is_bound_to(phone: BoundApp) -> None:
    """G-05: whoever also knows the verifier; the try ends the code."""
    thief = thief_of(phone)
    code = phone.code(dpop_jkt=phone.key.jkt)

    answer = thief.redeem(code)

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")
    assert phone.redeem(code).json["error"] == "invalid_grant"


def test_a_bound_code_is_not_redeemed_without_a_proof(free: BoundApp) -> None:
    """G-05, G-06"""
    answer = free.visitor.redeem(free.code(dpop_jkt=free.key.jkt), "app", None)

    assert (answer.status_code, answer.json["error"]) == (400, "invalid_grant")


@pytest.mark.parametrize("jkt", WRONG_THUMBPRINTS)
def test_a_code_is_bound_to_a_thumbprint_or_not_at_all(phone: BoundApp, jkt: str) -> None:
    """G-05"""
    assert answer_of(phone.visitor.authorize("app", dpop_jkt=jkt))["error"] == "invalid_request"


def test_a_made_up_nonce_is_answered_with_ours(phone: BoundApp) -> None:
    """G-06"""
    phone.nonce = "a nonce of the thief"
    fields = {"grant_type": "authorization_code", "code": "x", "redirect_uri": REDIRECT, "code_verifier": VERIFIER}

    answer = phone.send("POST", "/token", phone.proof("POST", "/token"), {"client_id": "app"} | fields)

    assert (answer.status_code, answer.json["error"]) == (400, "use_dpop_nonce")
    assert answer.headers["DPoP-Nonce"] == Container(phone.visitor.app.base).oidc.proofs.nonce()


def test_proofs_made_in_advance_are_worth_nothing_later(phone: BoundApp) -> None:
    """G-06: who held the key for a moment can date proofs ahead, but does not know the nonce of then."""
    app, token = phone.visitor.app, phone.tokens()["access_token"]
    later = app.clock() + 2 * NONCE_STEP
    ahead = phone.proof("GET", "/userinfo", access_token=token, now=later)
    app.clock.move(2 * NONCE_STEP)

    answer = phone.send("GET", "/userinfo", ahead, headers={"Authorization": f"DPoP {token}"})

    assert (answer.status_code, answer.json["error"]) == (401, "use_dpop_nonce")


def test_who_does_not_authenticate_uses_up_no_proof(app: App) -> None:
    portal = BoundApp(app.visitor(), "portal", SECRET)
    code = portal.code()
    portal.redeem("no code")
    proof, secret = portal.proof("POST", "/token"), portal.secret
    fields = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
    portal.secret = "a guess"
    assert portal.send("POST", "/token", proof, fields).status_code == 401
    portal.secret = secret

    assert portal.send("POST", "/token", proof, fields).status_code == 200


def test_of_many_at_once_one_uses_a_proof(everywhere: App) -> None:
    """G-02, on both pairs of stores"""
    key, proofs = ProofKey(), Container(everywhere.base).oidc.proofs
    url = everywhere.settings.issuer + "/token"
    made = [key.proof("POST", url, now=everywhere.clock(), nonce=proofs.nonce()) for _ in range(20)]

    def judge(proof: str) -> bool:
        try:
            proofs.use(proofs.judge([proof], "POST", url))
        except BadProof:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        passed = list(pool.map(judge, made * 8))

    assert sum(passed) == len(made)


def test_every_process_knows_the_nonce_of_every_other(app: App) -> None:
    """G-06"""
    processes = [app.provider, Container(app.base), Container(app.base)]
    assert len({each.oidc.proofs.nonce() for each in processes}) == 1
