"""Our own tokens verify; anything else is refused, whoever signed it (RFC 8725, security.md 2.6)."""

import hashlib
import hmac
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptojwt.jwk.jwk import key_from_jwk_dict  # type: ignore[import-untyped]
from cryptojwt.jws.jws import JWS  # type: ignore[import-untyped]
from joserfc import jws
from joserfc.jwk import ECKey

from keys.ring import SIGNING, KeyRing, NoSigningKey, SigningKey
from keys.signing import MAX_LENGTH, BadToken, Signer, half_hash, unverified_parts
from tests.support.clock import FrozenClock
from tests.support.keys import Known, ring_of, signing_key

# joserfc warns whenever the name "EdDSA" is looked up; see keys/signing.py.
pytestmark = pytest.mark.filterwarnings("ignore:EdDSA is deprecated")

NOW = int(FrozenClock.MONDAY_MORNING)
CLAIMS: dict[str, Any] = {"iss": "https://login.example", "sub": "Nguyễn Thị Hoa", "iat": NOW, "exp": NOW + 600}
KINDS = ("at+jwt", "JWT", "logout+jwt", "token-introspection+jwt", "client-authentication+jwt")

ES256 = signing_key("ES256")
RING = ring_of(*(signing_key(alg) for alg in SIGNING))


def signer(ring: KeyRing = RING, now: float = NOW) -> Signer:
    return Signer(Known(ring), lambda: now)


def b64(raw: bytes) -> bytes:
    return urlsafe_b64encode(raw).rstrip(b"=")


def forged(
    header: dict[str, Any] | bytes | None = None, payload: dict[str, Any] | bytes | None = None, key: SigningKey = ES256
) -> str:
    """A token with any header and payload, properly signed with our own key: only its form can give it away."""
    if not isinstance(header, bytes):
        header = json.dumps({"alg": key.alg, "typ": "at+jwt", "kid": key.kid} | (header or {})).encode()
    if not isinstance(payload, bytes):
        payload = json.dumps(CLAIMS | (payload or {})).encode()
    return signed(b64(header) + b"." + b64(payload), key)


def signed(signing_input: bytes, key: SigningKey = ES256) -> str:
    algorithm = jws.JWSRegistry(algorithms=SIGNING).get_alg(key.alg)
    return (signing_input + b"." + b64(algorithm.sign(signing_input, key.private))).decode()


def refused(token: str, typ: str = "at+jwt", by: Signer | None = None) -> str:
    """The reason for which the token is refused; H-07 allows 5 ms, and this machine may be busy."""
    started = time.thread_time()
    with pytest.raises(BadToken) as refusal:
        (by or signer()).verify(token, typ=typ)
    assert time.thread_time() - started < 0.1
    return str(refusal.value)


# What we sign


@pytest.mark.parametrize("alg", SIGNING)
def test_what_was_signed_verifies(alg: str) -> None:
    token = signer().sign(CLAIMS, alg=alg, typ="at+jwt")
    assert signer().verify(token, typ="at+jwt") == CLAIMS


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256"])
def test_a_foreign_library_verifies_it_with_the_published_key(alg: str) -> None:
    token = signer().sign(CLAIMS, alg=alg, typ="JWT")
    published = [key_from_jwk_dict(jwk) for jwk in RING.jwks(NOW)["keys"] if jwk["alg"] != "EdDSA"]
    assert JWS(alg=alg).verify_compact(token, published) == CLAIMS


@pytest.mark.parametrize("alg", SIGNING)
def test_joserfc_itself_verifies_it_and_the_header_has_three_members(alg: str) -> None:
    token = signer().sign(CLAIMS, alg=alg, typ="JWT")
    key = RING.signing_key(alg, NOW)
    verified = jws.deserialize_compact(token, key.private, algorithms=[alg])
    assert verified.headers() == {"alg": alg, "typ": "JWT", "kid": key.kid}


def test_the_key_of_the_moment_signs() -> None:
    old, new = signing_key(number=0), signing_key(number=1, signs_from=NOW)
    ring = ring_of(old, new)
    kids = [
        jws.extract_compact(signer(ring, now).sign(CLAIMS, alg="ES256", typ="JWT").encode()).headers()["kid"]
        for now in (NOW - 1, NOW)
    ]
    assert kids == [old.kid, new.kid]


def test_nothing_is_signed_without_a_key() -> None:
    with pytest.raises(NoSigningKey):
        signer(ring_of(signing_key("RS256"))).sign(CLAIMS, alg="ES256", typ="JWT")


def test_numbers_that_json_lacks_are_not_signed() -> None:
    with pytest.raises(ValueError, match="JSON"):
        signer().sign({"exp": float("nan")}, alg="ES256", typ="JWT")


def test_the_claims_of_one_call_are_not_shared_with_the_next() -> None:
    ours = signer()
    token = ours.sign(CLAIMS, alg="ES256", typ="JWT")
    ours.verify(token, typ="JWT")["sub"] = "somebody else"
    assert ours.verify(token, typ="JWT") == CLAIMS


# Keys and their dates


def test_a_token_outlives_the_change_of_the_signing_key() -> None:
    old, new = signing_key(number=0, published_until=NOW + 700), signing_key(number=1, signs_from=NOW + 1)
    token = signer(ring_of(old)).sign(CLAIMS, alg="ES256", typ="JWT")
    assert signer(ring_of(old, new), NOW + 599).verify(token, typ="JWT") == CLAIMS


def test_the_first_key_of_an_algorithm_is_fetched_when_its_first_client_is_there_before_it() -> None:
    rings = Known(ring_of(signing_key("RS256")), stored=RING)
    assert Signer(rings, lambda: NOW).sign(CLAIMS, alg="EdDSA", typ="JWT")
    assert rings.known is RING


def test_an_algorithm_without_any_key_is_refused_after_one_more_look() -> None:
    with pytest.raises(NoSigningKey):
        signer(ring_of(signing_key("RS256"))).sign(CLAIMS, alg="EdDSA", typ="JWT")


def test_a_retired_key_is_good_for_hints_only() -> None:
    token = signer().sign(CLAIMS, alg="ES256", typ="JWT")
    retired = signer(ring_of(signing_key(published_until=NOW)))
    assert refused(token, "JWT", retired) == "the key is retired"
    assert retired.verify(token, typ="JWT", allow_expired=True) == CLAIMS


def test_f_34_a_revoked_key_is_good_for_nothing_even_when_its_tokens_were_seen_before() -> None:
    rings = Known(RING)
    ours = Signer(rings, lambda: NOW)
    token = ours.sign(CLAIMS, alg="ES256", typ="JWT")
    assert ours.verify(token, typ="JWT") == CLAIMS
    rings.known = ring_of(signing_key(revoked_at=NOW), version=2)
    for allow_expired in (False, True):
        with pytest.raises(BadToken, match="revoked"):
            ours.verify(token, typ="JWT", allow_expired=allow_expired)


def test_a_token_that_was_seen_before_expires_all_the_same(clock: FrozenClock) -> None:
    ours = Signer(Known(RING), clock)
    token = ours.sign(CLAIMS, alg="ES256", typ="JWT")
    assert ours.verify(token, typ="JWT") == CLAIMS
    clock.move(600)
    assert refused(token, "JWT", ours) == "has expired"


def test_our_own_tokens_expire_on_the_second() -> None:
    token = signer().sign(CLAIMS, alg="ES256", typ="JWT")
    assert signer(now=NOW + 599.999).verify(token, typ="JWT") == CLAIMS
    assert refused(token, "JWT", signer(now=NOW + 600.0)) == "has expired"
    assert signer(now=NOW + 86_400).verify(token, typ="JWT", allow_expired=True) == CLAIMS


def test_a_token_is_not_good_before_its_time() -> None:
    token = signer().sign(CLAIMS | {"nbf": NOW + 1}, alg="ES256", typ="JWT")
    assert refused(token, "JWT") == "is not valid yet"
    assert signer(now=NOW + 1).verify(token, typ="JWT")["nbf"] == NOW + 1


def test_a_caller_may_accept_fewer_algorithms() -> None:
    token = signer().sign(CLAIMS, alg="RS256", typ="JWT")
    assert signer().verify(token, typ="JWT", algs=("RS256", "ES256")) == CLAIMS
    with pytest.raises(BadToken, match="not accepted here"):
        signer().verify(token, typ="JWT", algs=("ES256",))
    with pytest.raises(BadToken, match="not accepted here"):
        signer().verify(token, typ="JWT", algs=())


# H-01 to H-06


def _public_texts() -> list[bytes]:
    key = signing_key("RS256").private.public_key
    return [
        key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
        key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        key.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH),
        json.dumps(signing_key("RS256").public_jwk()).encode(),
    ]


@pytest.mark.parametrize("secret", _public_texts(), ids=["PEM", "DER", "SSH", "JWK"])
@pytest.mark.parametrize("alg", ["HS256", "hs256", "RS256"])
def test_h_01_a_public_key_is_never_a_shared_secret(secret: bytes, alg: str) -> None:
    header = {"alg": alg, "typ": "at+jwt", "kid": signing_key("RS256").kid}
    signing_input = b64(json.dumps(header).encode()) + b"." + b64(json.dumps(CLAIMS).encode())
    mac = hmac.new(secret, signing_input, hashlib.sha256).digest()
    assert refused((signing_input + b"." + b64(mac)).decode()) in {
        f"algorithm {alg!r} is not the key's",
        "the signature does not match",
    }


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "", "HS256", "ES384", "ES256K", "Ed25519", "RSA1_5", "dir"])
def test_h_01_an_algorithm_that_is_not_the_keys_is_refused(alg: str) -> None:
    assert refused(forged({"alg": alg})) == f"algorithm {alg!r} is not the key's"
    assert refused(forged({"alg": alg}).rpartition(".")[0] + ".") == f"algorithm {alg!r} is not the key's"


def test_h_01_the_two_algorithms_of_rsa_keys_are_not_interchangeable() -> None:
    rs256, ps256 = signing_key("RS256"), signing_key("PS256")
    assert "not the key's" in refused(forged({"alg": "PS256"}, key=rs256))
    as_ps256 = SigningKey(rs256.kid, "PS256", rs256.private, NOW, NOW)
    assert "does not match" in refused(forged({"alg": "RS256"}, key=as_ps256))
    assert ps256.kid != rs256.kid


def test_h_01_another_curve_is_refused() -> None:
    other = ECKey.generate_key("P-384")
    header, payload = b64(json.dumps({"alg": "ES384", "typ": "at+jwt", "kid": ES256.kid}).encode()), b64(b"{}")
    algorithm = jws.JWSRegistry(algorithms=["ES384"]).get_alg("ES384")
    signature = b64(algorithm.sign(header + b"." + payload, other))
    assert "not the key's" in refused(b".".join((header, payload, signature)).decode())


@pytest.mark.parametrize("alg", SIGNING)
def test_h_01_a_key_that_is_not_ours_is_refused_even_under_the_name_of_ours(alg: str) -> None:
    stranger = signing_key(alg, number=9)
    assert refused(forged(key=stranger)) == "the key is not ours"
    assert refused(forged({"kid": signing_key(alg).kid}, key=stranger)) == "the signature does not match"


def test_no_changed_character_goes_unnoticed() -> None:
    ours = signer()
    token = ours.sign(CLAIMS, alg="ES256", typ="at+jwt")
    ours.verify(token, typ="at+jwt")
    for place, letter in enumerate(token):
        changed = token[:place] + ("B" if letter == "A" else "A") + token[place + 1 :]
        refused(changed, by=ours)


def test_an_ecdsa_signature_in_another_form_is_refused() -> None:
    signing_input, _, signature = signer().sign(CLAIMS, alg="ES256", typ="at+jwt").rpartition(".")
    raw = urlsafe_b64decode(signature + "==")
    r, s = int.from_bytes(raw[:32]), int.from_bytes(raw[32:])
    for other in (encode_dss_signature(r, s), raw[:-1], raw + b"\0", b"\0" * 64, b"\xff" * 64, b""):
        assert refused(f"{signing_input}.{b64(other).decode()}") == "the signature does not match"


def test_h_02_a_key_that_the_token_brings_is_not_used() -> None:
    stranger = signing_key(number=9)
    brought: dict[str, Any] = {
        "jku": "http://127.0.0.1:9/jwks",
        "x5u": "http://127.0.0.1:9/cert",
        "jwk": stranger.public_jwk(),
        "x5c": ["MIIB"],
        "x5t": "AAAA",
        "x5t#S256": "AAAA",
    }
    for name, value in brought.items():
        for key in (stranger, ES256):
            assert refused(forged({name: value, "kid": ES256.kid}, key=key)) == "has header members that we never write"


@pytest.mark.parametrize(
    "kid",
    ["../../etc/passwd", "' OR 1=1 --", "a" * 4000, "\0", "🔑", "", ES256.kid + " ", ES256.kid[:-1], "\ud800"],
    ids=["path", "sql", "long", "nul", "emoji", "empty", "with a space", "cut", "surrogate"],
)
def test_h_03_any_other_name_of_a_key_gets_the_same_answer(kid: str) -> None:
    assert refused(forged({"kid": kid})) == "the key is not ours"


def test_h_03_a_name_of_a_mebibyte_is_not_even_read() -> None:
    assert "is longer than" in refused(forged({"kid": "a" * 2**20}))


@pytest.mark.parametrize("kid", [None, 7, True, ["a"], {"a": 1}])
def test_h_03_a_name_that_is_no_text_is_refused(kid: object) -> None:
    assert refused(forged({"kid": kid})) == "has no alg, kid or typ"


@pytest.mark.parametrize(
    "crit", [["http://example.invalid/x"], [], None, "exp", 7, {}, ["alg"], ["kid", "typ"], ["b64"], [["exp"]]]
)
def test_h_04_nothing_is_critical_that_we_know(crit: object) -> None:
    assert refused(forged({"crit": crit, "b64": True})) == "has header members that we never write"
    assert refused(forged({"crit": crit})) == "has header members that we never write"


@pytest.mark.parametrize(("made", "asked"), list(product(KINDS, KINDS)))
def test_h_05_a_token_of_one_kind_is_refused_as_any_other(made: str, asked: str) -> None:
    token = signer().sign(CLAIMS, alg="ES256", typ=made)
    if made == asked:
        assert signer().verify(token, typ=asked) == CLAIMS
    else:
        assert refused(token, asked) == f"is of type {made.lower()!r}"


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt", "Application/At+Jwt"])
def test_h_05_a_type_is_compared_as_a_media_type(typ: str) -> None:
    assert signer().verify(forged({"typ": typ}), typ="at+jwt") == CLAIMS


@pytest.mark.parametrize(
    "typ", ["", "JWT", "at", "at+jwt ", "at+jwt;v=1", "text/at+jwt", "application/application/at+jwt"]
)
def test_h_05_nothing_else_passes_for_a_type(typ: str) -> None:
    assert "is of type" in refused(forged({"typ": typ}))


def test_h_05_a_token_without_a_type_is_refused() -> None:
    header = json.dumps({"alg": "ES256", "kid": ES256.kid}).encode()
    assert refused(forged(header)) == "has no alg, kid or typ"


def test_h_06_an_encrypted_token_is_refused_before_anything_is_opened() -> None:
    header = json.dumps({"alg": "dir", "enc": "A256GCM", "typ": "at+jwt", "kid": ES256.kid}).encode()
    assert refused(".".join([b64(header).decode(), "", "AAAA", "AAAA", "AAAA"])) == "has 5 parts"
    assert refused(forged({"enc": "A256GCM", "zip": "DEF"})) == "has header members that we never write"


# H-07: all of these carry a signature of ours, so the form alone must give them away


def nested(opening: str, closing: str, depth: int) -> bytes:
    return b'{"exp":%d,"a":%s}' % (NOW + 600, (opening * depth + closing * depth).encode())


MALFORMED: dict[str, bytes] = {
    "duplicate name": b'{"exp":%d,"sub":"a","sub":"b"}' % (NOW + 600),
    "duplicate name below": b'{"exp":%d,"a":{"b":1,"b":1}}' % (NOW + 600),
    "duplicate by escape": b'{"exp":%d,"sub":"a","s\\u0075b":"b"}' % (NOW + 600),
    "NaN": b'{"exp":%d,"a":NaN}' % (NOW + 600),
    "Infinity": b'{"exp":%d,"a":[-Infinity]}' % (NOW + 600),
    "not UTF-8": b'{"exp":%d,"a":"\xff"}' % (NOW + 600),
    "overlong UTF-8": b'{"exp":%d,"a":"\xc0\xaf"}' % (NOW + 600),
    "a surrogate in UTF-8": b'{"exp":%d,"a":"\xed\xa0\x80"}' % (NOW + 600),
    "UTF-16": json.dumps(CLAIMS).encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + json.dumps(CLAIMS).encode(),
    "a trailing byte": json.dumps(CLAIMS).encode() + b"\0",
    "two objects": json.dumps(CLAIMS).encode() * 2,
    "a list": json.dumps([CLAIMS]).encode(),
    "a text": b'"exp"',
    "null": b"null",
    "nothing": b"",
    "half an object": json.dumps(CLAIMS).encode()[:-1],
    "a bare name": b"{exp:1}",
    "a comment": b'{"exp":%d/**/}' % (NOW + 600),
    "a raw control character": b'{"exp":%d,"a":"\n"}' % (NOW + 600),
    "lists, nested": nested("[", "]", 2500),
    "objects, nested": b'{"exp":%d,"a":%s}' % (NOW + 600, b'{"a":' * 900 + b"1" + b"}" * 900),
    "lists, nested a little too deep": nested("[", "]", 16),
}


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED.keys())
def test_h_07_a_payload_that_is_not_strict_json_is_refused(payload: bytes) -> None:
    reason = refused(forged(payload=payload))
    assert reason in {"is not strict JSON", "is not a JSON object", "is nested too deeply", "is not base64url"}


def test_h_07_nesting_of_ten_thousand_is_refused_for_its_length() -> None:
    assert "is longer than" in refused(forged(payload=nested("[", "]", 10_000)))


def test_claims_may_be_nested_as_far_as_any_real_claim_and_hold_any_brackets_as_text() -> None:
    claims = CLAIMS | {"address": {"formatted": "[" * 50 + "{" * 50}, "a": json.loads("[" * 15 + "]" * 15)}
    assert signer().verify(signer().sign(claims, alg="ES256", typ="JWT"), typ="JWT") == claims


@pytest.mark.parametrize(
    "date", ["1.5", "1e308", "1e400", '"1900000000"', "true", "null", "[]", "-1", "9" * 400, "9" * 5000]
)
@pytest.mark.parametrize("name", ["exp", "iat", "nbf"])
def test_h_07_a_date_that_is_not_a_whole_number_is_refused(name: str, date: str) -> None:
    others = {key: value for key, value in CLAIMS.items() if key != name}
    payload = json.dumps(others)[:-1] + f', "{name}": {date}}}'
    for allow_expired in (False, True):
        with pytest.raises(BadToken):
            signer().verify(forged(payload=payload.encode()), typ="at+jwt", allow_expired=allow_expired)


def test_h_07_a_token_without_an_end_is_refused() -> None:
    assert refused(forged(payload=b'{"iat":1}')) == "has no exp"


@pytest.mark.parametrize(
    "header",
    [
        b'{"alg":"none","alg":"ES256","typ":"at+jwt","kid":"%s"}' % ES256.kid.encode(),
        b'["alg"]',
        b"null",
        b"",
        b"\xff",
        b"[" * 5000,
    ],
    ids=["twice", "list", "null", "empty", "not utf-8", "deep"],
)
def test_h_07_a_header_that_is_not_strict_json_is_refused(header: bytes) -> None:
    assert refused(forged(header)) in {"is not strict JSON", "is not a JSON object"}


def _spellings() -> dict[str, Callable[[str], str]]:
    def at(part: int, change: Callable[[str], str]) -> Callable[[str], str]:
        def spelled(token: str) -> str:
            parts = token.split(".")
            return ".".join([*parts[:part], change(parts[part]), *parts[part + 1 :]])

        return spelled

    changes: dict[str, Callable[[str], str]] = {
        "padded": lambda text: text + "=" * (-len(text) % 4 or 4),
        "a space": lambda text: text + " ",
        "a line feed": lambda text: text[:4] + "\n" + text[4:],
        "a letter more": lambda text: text + "A",
        "NUL": lambda text: text + "\0",
        "not ASCII": lambda text: text + "ă",
        "a surrogate": lambda text: text + "\ud800",
    }
    return {f"{name} in part {part}": at(part, change) for part in range(3) for name, change in changes.items()}


@pytest.mark.parametrize("respelled", _spellings().values(), ids=_spellings().keys())
def test_h_07_a_token_has_one_spelling(respelled: Callable[[str], str]) -> None:
    ours = signer()
    token = ours.sign(CLAIMS, alg="ES256", typ="at+jwt")
    ours.verify(token, typ="at+jwt")
    refused(respelled(token), by=ours)


def test_h_07_spare_bits_of_the_last_letter_must_be_zero() -> None:
    token = forged()
    assert token[-1] in "AQgw"
    assert refused(token[:-1] + chr(ord(token[-1]) + 1)) == "is not base64url"


def test_h_07_text_in_the_other_alphabet_of_base64_is_refused() -> None:
    key = signing_key()
    header = b64(json.dumps({"alg": "ES256", "typ": "at+jwt", "kid": key.kid}).encode())
    payload = b64(json.dumps(CLAIMS | {"a": "???>>>~~~"}).encode())
    assert b"_" in payload or b"-" in payload
    other = payload.replace(b"_", b"/").replace(b"-", b"+")
    assert refused(signed(header + b"." + other)) == "is not base64url"


@pytest.mark.parametrize("token", ["", ".", "..", "...", "....", "a", "a.b", "a.b.c", "a.b.c.d", " ", "\0", "eyJ"])
def test_h_07_scraps_are_refused(token: str) -> None:
    refused(token)


def test_h_07_the_longest_token_is_eight_kibibytes() -> None:
    spare = MAX_LENGTH - len(forged({"a": ""}))
    filler = "a" * (spare * 3 // 4 - 2)
    assert len(forged(payload={"a": filler})) <= MAX_LENGTH
    assert signer().verify(forged(payload={"a": filler}), typ="at+jwt")["a"] == filler
    assert "is longer than" in refused(forged(payload={"a": filler + "a" * 12}))


# Tokens of others, before anybody knows whose key to verify them with


def test_the_parts_of_a_foreign_token_are_read_without_verifying_it() -> None:
    stranger = signing_key(number=9)
    header, claims = unverified_parts(forged({"kid": "theirs"}, {"iss": "portal"}, key=stranger))
    assert (header["kid"], claims["iss"]) == ("theirs", "portal")


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED.keys())
def test_h_07_the_parts_of_a_foreign_token_are_read_as_strictly_as_ours(payload: bytes) -> None:
    with pytest.raises(BadToken):
        unverified_parts(forged(payload=payload))


@pytest.mark.parametrize("member", ["jku", "jwk", "x5u", "x5c", "crit", "b64", "enc", "zip"])
def test_h_02_a_foreign_token_that_brings_its_key_is_refused(member: str) -> None:
    with pytest.raises(BadToken, match="choose a key"):
        unverified_parts(forged({member: "anything"}))


# at_hash


def test_half_hash_is_that_of_the_published_example() -> None:
    # OpenID Connect Core 1.0, appendix A.3: at_hash of this access token under RS256.
    assert half_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", "RS256") == "77QmUPtjPfzWtF2AnpK9RQ"


def test_half_hash_of_eddsa_is_half_of_sha_512() -> None:
    assert half_hash("abc", "EdDSA") == b64(hashlib.sha512(b"abc").digest()[:32]).decode()
