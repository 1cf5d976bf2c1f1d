"""J-05: the attackers of FAPI 2.0, each against a victim in the middle of the flow; none ends with a token of theirs.

A1a, a lying provider upstream, is the matter of `attacks/test_lying_upstream`. A2, who owns the network, sees TLS:
every address that we tell is https (discovery-end-point-verification), and cookies are Secure.
"""

import pytest
from werkzeug.test import TestResponse

from tests.conformance.fapi2 import Party, Plan, behind_proxy
from tests.conformance.test_fapi2_security import every
from tests.support.app import VERIFIER


@pytest.fixture
def victim(first: Party) -> Party:
    return first


@pytest.fixture
def attacker(second: Party) -> Party:
    """A1: a registered client of its own, with browser, keys and certificate."""
    return second


def tokens_in(answer: TestResponse) -> set[str]:
    return {"access_token", "id_token", "refresh_token"} & set(answer.json or {})


@every
def test_a3a_who_reads_the_request_gets_no_token(victim: Party, attacker: Party, plan: Plan) -> None:
    """They open it first, in a browser of their own, and have no verifier and no key of the client."""
    request_uri = victim.push().json["request_uri"]
    stolen = Party.__new__(Party)
    stolen.__dict__ |= victim.__dict__ | {"visitor": behind_proxy(victim.app)}
    opened = stolen.open(request_uri)

    assert victim.outcome(victim.open(request_uri)) == "page", "the victim is not led into somebody else's login"
    assert victim.outcome(opened) == "login", "which needs a password of the victim"
    assert not tokens_in(attacker.redeem("c" * 43, code_verifier=VERIFIER))


@every
def test_a3b_who_reads_the_response_gets_no_token(victim: Party, attacker: Party, plan: Plan) -> None:
    """The code is for the client, its key and the verifier; the victim's own try shows that it was tried."""
    for redeem in (
        lambda code: attacker.redeem(code),
        lambda code: attacker.redeem(code, client_id=victim.client_id),
        lambda code: victim.redeem(code, code_verifier="v" * 43),
        lambda code: victim.redeem(code, credentials={}, connection={"X-Forwarded-For": "203.0.113.9"}, proof=None),
    ):
        assert not tokens_in(redeem(victim.code()))


@every
def test_a1_a_code_of_the_victim_is_not_injected_into_the_session_of_another(
    victim: Party, attacker: Party, plan: Plan
) -> None:
    """The client redeems what it is sent with the verifier of the browser that it began with."""
    victims_code = victim.code(says={"nonce": "of the victim"})

    injected = victim.redeem(victims_code, code_verifier="of-another-browser-that-the-attacker-has-begun-in")
    assert not tokens_in(injected)
    assert not tokens_in(attacker.redeem(attacker.code(), client_id=victim.client_id))


@every
def test_a5_who_reads_what_a_resource_is_sent_opens_nothing(victim: Party, attacker: Party, plan: Plan) -> None:
    """The token without the key, the proof for another request, the proof again."""
    token = victim.tokens()["access_token"]
    seen = victim.proof("GET", "/userinfo", access_token=token)
    scheme = "DPoP" if plan.bound == "dpop" else "Bearer"
    headers = {"Authorization": f"{scheme} {token}"}
    get = victim.visitor.get

    assert get("/userinfo", headers=headers | victim.connection() | seen).status_code == 200
    replayed = headers | attacker.connection() | seen
    assert get("/userinfo", headers=replayed).status_code == 401
    assert victim.visitor.post("/userinfo", headers=replayed).status_code == 401
    assert attacker.resource(token).status_code == 401
    assert attacker.resource(token, key=victim.proof_key, signed_by=attacker.proof_key.key).status_code == 401
    assert not tokens_in(attacker.refresh(token))
