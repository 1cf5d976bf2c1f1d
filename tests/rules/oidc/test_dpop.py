"""Proofs of possession (RFC 9449): every part of one, spoiled alone, makes it worthless."""

import os
import random
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from idp.oidc.dpop import LIFE, LONGEST_PROOF, NONCE_STEP, SKEW, BadProof, NonceNeeded, Proof, Proofs
from tests.support.clock import FrozenClock
from tests.support.dpop import ProofKey

URL = "https://id.example.test/token"
TOKEN = "an.access.token"
DAY = 86_400
SEED = int(os.environ.get("DPOP_SEED", "20261122"))
ODD: list[Any] = [
    None, True, 0, -1, 1 << 70, 1.5, float("inf"), float("nan"), "", "x" * 3000, "\0", "é", "\ud800", "https://[", [],
    {}, [[]] * 9, {"a": {"b": {}}}, ["dpop+jwt"],
]  # fmt: skip
MEMBERS = ("typ", "alg", "jwk", "kid", "jti", "htm", "htu", "iat", "nonce", "ath", "exp", "nbf")


class Claims:
    """What was claimed, and until when; a claim that has run out may be made again."""

    def __init__(self, clock: FrozenClock) -> None:
        self._clock = clock
        self.until: dict[str, float] = {}

    def claim(self, key: str, until: float) -> bool:
        if self.until.get(key, 0) > self._clock():
            return False
        self.until[key] = until
        return True


class Desk:
    """A server that judges, and a client that proves."""

    def __init__(self) -> None:
        self.clock = FrozenClock()
        self.claims = Claims(self.clock)
        self.proofs = Proofs(b"k" * 32, self.clock, claim_jti=self.claims.claim)
        self.key = ProofKey()

    def proof(self, key: ProofKey | None = None, **more: Any) -> str:
        given: dict[str, Any] = {"now": self.clock(), "nonce": self.proofs.nonce()} | more
        return (key or self.key).proof(given.pop("method", "POST"), given.pop("url", URL), **given)

    def judge(self, *headers: str, **more: Any) -> Proof:
        proof = self.proofs.judge(headers, "POST", URL, **more)
        self.proofs.use(proof)
        return proof


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_good_proof_tells_the_key_and_its_thumbprint(desk: Desk) -> None:
    proof = desk.judge(desk.proof())

    assert (proof.jkt, proof.jwk) == (desk.key.jkt, desk.key.jwk)


def test_an_edwards_key_proves_too(desk: Desk) -> None:
    key = ProofKey(OKPKey.generate_key("Ed25519"), "EdDSA")

    assert desk.judge(desk.proof(key)).jkt == key.jkt


@pytest.mark.parametrize("count", [0, 2])
def test_a_request_carries_exactly_one_proof(desk: Desk, count: int) -> None:
    """G-01"""
    with pytest.raises(BadProof, match="exactly one"):
        desk.judge(*[desk.proof() for _ in range(count)])


@pytest.mark.parametrize(
    "text", ["", "nonsense", "a.b", "a.b.c", "é.é.é", "e30.e30.", "W10.W10.AA", ".." * 5000, "e30.e30.e30.e30.e30"]
)
def test_what_is_no_jwt_is_no_proof(desk: Desk, text: str) -> None:
    """G-01"""
    with pytest.raises(BadProof):
        desk.judge(text)


def test_a_proof_has_a_longest_size(desk: Desk) -> None:
    with pytest.raises(BadProof):
        desk.judge(desk.proof(more="x" * LONGEST_PROOF))


@pytest.mark.parametrize("name", ["jti", "htm", "htu", "iat"])
def test_every_claim_has_to_be_there(desk: Desk, name: str) -> None:
    """G-01"""
    with pytest.raises(BadProof, match=name):
        desk.judge(desk.proof(**{name: None}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[("jti", bad) for bad in ("", "x" * 257, "é", "\ud800", 5, ["a"], {})],
        *[("htm", bad) for bad in ("post", "GET", "", 5, ["POST"], "\ud800")],
        *[("htu", bad) for bad in ("", 5, ["x"], "https://[", "https://x:99999/token", "\ud800")],
        *[("iat", bad) for bad in ("now", True, [1], -1, 1 << 60, 10**400, 1e308, {})],
    ],
)
def test_every_claim_has_to_be_of_its_kind(desk: Desk, name: str, value: object) -> None:
    """G-01"""
    with pytest.raises(BadProof, match=name):
        desk.judge(desk.proof(**{name: value}))


def test_a_date_beyond_all_numbers_is_no_date(desk: Desk) -> None:
    text = desk.key.signed({"typ": "dpop+jwt", "alg": "ES256", "jwk": desk.key.jwk}, {"iat": float("inf")})

    with pytest.raises(BadProof):
        desk.judge(text)


@pytest.mark.parametrize("typ", [None, "JWT", "at+jwt", "dpop", 5])
def test_only_the_type_of_proofs_is_a_proof(desk: Desk, typ: object) -> None:
    """G-01"""
    with pytest.raises(BadProof, match="typ"):
        desk.judge(desk.proof(header={"typ": typ}))


@pytest.mark.parametrize("alg", [None, "none", "HS256", "RS256", "ES384", "Ed448", "es256", ["ES256"], 5])
def test_only_the_algorithms_of_the_list_prove(desk: Desk, alg: object) -> None:
    """G-01"""
    with pytest.raises(BadProof, match="signed with"):
        desk.judge(desk.proof(header={"alg": alg}))


@pytest.mark.parametrize(
    "jwk",
    [
        None,
        "a key",
        {},
        OctKey.generate_key(256).as_dict(),
        RSAKey.generate_key(2048).as_dict(private=False),
        ECKey.generate_key("P-384").as_dict(private=False),
        OKPKey.generate_key("Ed25519").as_dict(private=False),
    ],
)
def test_the_key_is_of_the_type_of_the_algorithm(desk: Desk, jwk: object) -> None:
    """G-01"""
    with pytest.raises(BadProof, match="is a key of type EC P-256"):
        desk.judge(desk.proof(header={"jwk": jwk}))


def test_no_other_key_signs_with_an_algorithm_of_the_list(desk: Desk) -> None:
    """G-01: EdDSA is a name for two curves; one of them is on the list."""
    with pytest.raises(BadProof, match="is a key of type OKP Ed25519"):
        desk.judge(desk.proof(ProofKey(OKPKey.generate_key("Ed448"), "EdDSA")))


@pytest.mark.parametrize("point", [{}, {"x": 5, "y": []}, {"x": "AA", "y": "AA"}, {"x": "\ud800", "y": "é"}])
def test_what_is_no_point_of_the_curve_is_no_key(desk: Desk, point: dict[str, object]) -> None:
    """G-01"""
    with pytest.raises(BadProof, match="no public key"):
        desk.judge(desk.proof(header={"jwk": {"kty": "EC", "crv": "P-256"} | point}))


def test_a_proof_that_shows_its_private_key_proves_nothing(desk: Desk) -> None:
    """G-01"""
    with pytest.raises(BadProof, match="private key"):
        desk.judge(desk.proof(header={"jwk": desk.key.key.as_dict(private=True)}))


@pytest.mark.parametrize("member", ["jku", "x5u", "x5c", "crit", "b64", "zip"])
def test_no_other_header_member_may_choose_a_key_or_a_meaning(desk: Desk, member: str) -> None:
    with pytest.raises(BadProof):
        desk.judge(desk.proof(header={member: ["exp"]}))


def test_the_signature_has_to_be_by_the_key_that_is_shown(desk: Desk) -> None:
    """G-01"""
    with pytest.raises(BadProof, match="signature"):
        desk.judge(desk.proof(signed_by=ECKey.generate_key("P-256")))


@pytest.mark.parametrize("spoil", [lambda s: s[:-4], lambda s: s + "AAAA", lambda s: s.rpartition(".")[0] + "."])
def test_a_signature_of_another_length_proves_nothing(desk: Desk, spoil: Callable[[str], str]) -> None:
    with pytest.raises(BadProof):
        desk.judge(spoil(desk.proof()))


@pytest.mark.parametrize(
    "url",
    [
        "http://id.example.test/token",
        "https://id.example.test/userinfo",
        "https://id.example.test/token/",
        "https://evil.example.test/token",
        "https://id.example.test:444/token",
        "/token",
        "https://id.example.test.evil.test/token",
    ],
)
def test_a_proof_is_for_one_url(desk: Desk, url: str) -> None:
    """G-01"""
    with pytest.raises(BadProof, match="htu"):
        desk.judge(desk.proof(url=url))


@pytest.mark.parametrize(
    "url",
    [f"{URL}?a=b", f"{URL}#part", f"{URL}?a#b", "HTTPS://ID.example.test/token", "https://id.example.test:443/token"],
)
def test_query_fragment_and_spelling_of_the_url_do_not_matter(desk: Desk, url: str) -> None:
    """G-01"""
    assert desk.judge(desk.proof(url=url)).jkt == desk.key.jkt


@pytest.mark.parametrize("off", [-LIFE - SKEW, SKEW + 1, -3600, 3600, -DAY])
def test_a_proof_from_another_time_says_how_far_the_clock_is_off(desk: Desk, off: int) -> None:
    """G-01"""
    with pytest.raises(BadProof, match=re.escape(f"{off:+} seconds")):
        desk.judge(desk.proof(iat=int(desk.clock()) + off))


@pytest.mark.parametrize("off", [1 - LIFE - SKEW, 0, SKEW])
def test_a_clock_may_be_a_little_off(desk: Desk, off: int) -> None:
    assert desk.judge(desk.proof(iat=int(desk.clock()) + off))


def test_a_token_is_shown_with_a_proof_for_it(desk: Desk) -> None:
    """G-01"""
    assert desk.judge(desk.proof(access_token=TOKEN), access_token=TOKEN)
    for ath in (None, "", "AAAA", 5):
        with pytest.raises(BadProof, match="ath"):
            desk.judge(desk.proof(ath=ath), access_token=TOKEN)
    with pytest.raises(BadProof, match="ath"):
        desk.judge(desk.proof(access_token="another.token"), access_token=TOKEN)


def test_judging_uses_nothing_up_and_writes_nothing(desk: Desk) -> None:
    """F-8: keys cost nothing, so a proof alone proves nothing that is worth a row."""
    for _ in range(3):
        assert desk.proofs.judge([desk.proof(jti="one")], "POST", URL)

    assert desk.claims.until == {}


def test_a_proof_is_good_once(desk: Desk) -> None:
    """G-02"""
    proof = desk.proof()
    desk.judge(proof)

    with pytest.raises(BadProof, match="used before"):
        desk.judge(proof)


def test_another_key_may_use_the_same_jti(desk: Desk) -> None:
    desk.judge(desk.proof(jti="one"))

    assert desk.judge(desk.proof(ProofKey(), jti="one"))


@pytest.mark.parametrize("ahead", [1 - LIFE - SKEW, -LIFE, -1, 0, 1, SKEW - 1, SKEW])
def test_a_used_proof_is_remembered_for_as_long_as_it_could_pass(desk: Desk, ahead: int) -> None:
    """G-02: whatever the client's clock says, there is no second at which the proof is good again."""
    made, nonces = int(desk.clock()) + ahead, desk.proofs
    desk.judge(desk.proof(iat=made, jti="one"))
    for _ in range(LIFE + 2 * SKEW + 10):
        desk.clock.move(1)
        with pytest.raises(BadProof):
            desk.judge(desk.proof(iat=made, jti="one", nonce=nonces.nonce()))


@pytest.mark.parametrize("nonce", [None, "", "made up", 5, ["x"], "\ud800"])
def test_without_our_nonce_a_proof_is_asked_for_again_with_one(desk: Desk, nonce: object) -> None:
    """G-06"""
    with pytest.raises(NonceNeeded) as needed:
        desk.judge(desk.proof(nonce=nonce))

    assert needed.value.nonce == desk.proofs.nonce()
    assert desk.claims.until == {}


def test_the_nonce_changes_with_time_and_the_one_before_still_passes(desk: Desk) -> None:
    """G-06"""
    first = desk.proofs.nonce()
    desk.clock.move(NONCE_STEP)
    assert desk.proofs.nonce() != first
    desk.judge(desk.proof(nonce=first))

    desk.clock.move(NONCE_STEP)
    with pytest.raises(NonceNeeded):
        desk.judge(desk.proof(nonce=first))


def test_a_nonce_of_the_future_cannot_be_had(desk: Desk) -> None:
    desk.clock.move(NONCE_STEP)
    later = desk.proofs.nonce()
    desk.clock.move(-NONCE_STEP)

    with pytest.raises(NonceNeeded):
        desk.judge(desk.proof(nonce=later))


def test_another_installation_has_other_nonces(desk: Desk) -> None:
    other = Proofs(b"o" * 32, desk.clock, claim_jti=desk.claims.claim)

    assert other.nonce() != desk.proofs.nonce()


def test_what_became_of_each_proof_is_counted(desk: Desk) -> None:
    seen: list[str] = []
    desk.proofs.observe = seen.append
    proof = desk.proof()
    desk.judge(proof)
    for wrong in (proof, "nonsense", desk.proof(nonce=None)):
        with pytest.raises((BadProof, NonceNeeded)):
            desk.judge(wrong)

    assert seen == ["good", "refused", "refused", "nonce"]


def test_whatever_is_sent_as_a_proof_gets_one_of_two_refusals(desk: Desk) -> None:
    """Odd values in odd places, signed all the same, and bent texts: never another error."""
    chance = random.Random(SEED)
    for _ in range(1500):
        header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": dict(desk.key.jwk)}
        claims = {"jti": "j", "htm": "POST", "htu": URL, "iat": int(desk.clock()), "nonce": desk.proofs.nonce()}
        place = chance.choice((header, claims, header["jwk"]))
        place[chance.choice((*MEMBERS, "kty", "crv", "x", "y", "d"))] = chance.choice(ODD)  # type: ignore[index]
        text = desk.key.signed(header, claims)
        if chance.random() < 0.3:
            at = chance.randrange(len(text))
            text = text[:at] + chance.choice(("", ".", "A", "=", "é", "\0", ",")) + text[at + chance.randrange(3) :]
        with suppress(BadProof, NonceNeeded):
            desk.judge(text, access_token=chance.choice((None, TOKEN)))
