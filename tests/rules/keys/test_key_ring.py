"""Which key signs, which are shown, and which are refused a place on the ring."""

import base64
import hashlib
import json
import re
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, RSAKey

from keys.ring import SIGNING, BadRing, NoSigningKey, PrivateKey, SigningKey
from tests.support.clock import FrozenClock
from tests.support.keys import private_key, ring_of, signing_key

NOW = FrozenClock.MONDAY_MORNING
HOUR = 3600.0


def test_the_newest_key_whose_date_has_come_signs() -> None:
    old = signing_key(number=0, signs_from=NOW - 2 * HOUR)
    current = signing_key(number=1, signs_from=NOW - HOUR)
    standby = signing_key(number=2, signs_from=NOW + HOUR)
    assert ring_of(standby, old, current).signing_key("ES256", NOW) == current


def test_a_standby_is_shown_before_it_signs() -> None:
    current, standby = signing_key(number=0), signing_key(number=1, signs_from=NOW + HOUR)
    assert ring_of(current, standby).published(NOW) == (current, standby)


def test_a_key_begins_to_sign_at_its_date_and_not_a_moment_earlier() -> None:
    current, standby = signing_key(number=0), signing_key(number=1, signs_from=NOW)
    ring = ring_of(current, standby)
    assert ring.signing_key("ES256", NOW - 0.001) == current
    assert ring.signing_key("ES256", NOW) == standby


def test_a_key_that_is_not_shown_yet_does_not_sign() -> None:
    with pytest.raises(NoSigningKey):
        ring_of(signing_key(published_from=NOW + 1, signs_from=NOW)).signing_key("ES256", NOW)


def test_an_old_key_goes_on_signing_when_nobody_makes_a_new_one() -> None:
    old = signing_key()
    assert ring_of(old).signing_key("ES256", NOW + 10 * 365 * 24 * HOUR) == old


def test_a_retired_key_is_no_longer_shown_but_still_known() -> None:
    retired = signing_key(published_until=NOW)
    ring = ring_of(retired)
    assert ring.published(NOW - 0.001) == (retired,)
    assert ring.published(NOW) == ()
    assert ring.find(retired.kid) == retired


def test_a_revoked_key_is_gone_at_once_but_still_known() -> None:
    revoked = signing_key(revoked_at=NOW)
    ring = ring_of(revoked)
    assert ring.published(NOW) == ()
    assert ring.find(revoked.kid) == revoked
    with pytest.raises(NoSigningKey):
        ring.signing_key("ES256", NOW)


def test_a_key_signs_for_its_own_algorithm_only() -> None:
    with pytest.raises(NoSigningKey):
        ring_of(signing_key("ES256")).signing_key("RS256", NOW)


def test_the_algorithms_are_those_that_can_sign_now() -> None:
    ring = ring_of(signing_key("EdDSA"), signing_key("ES256", signs_from=NOW + HOUR), signing_key("RS256"))
    assert set(ring.algorithms(NOW)) == {"RS256", "EdDSA"}


def test_the_algorithms_come_in_our_order_whatever_the_order_of_the_keys() -> None:
    for algs in permutations(SIGNING):
        assert ring_of(*(signing_key(alg) for alg in algs)).algorithms(NOW) == SIGNING


def test_a_key_is_found_by_its_exact_name_only() -> None:
    key = signing_key()
    ring = ring_of(key)
    assert ring.find(key.kid) == key
    assert [ring.find(kid) for kid in ("", key.kid[:-1], key.kid.lower(), key.kid + " ", "../" + key.kid)] == [None] * 5


@pytest.mark.parametrize(
    ("alg", "members"),
    [
        ("RS256", {"kty", "n", "e"}),
        ("PS256", {"kty", "n", "e"}),
        ("ES256", {"kty", "crv", "x", "y"}),
        ("EdDSA", {"kty", "crv", "x"}),
    ],
)
def test_what_is_shown_holds_nothing_private(alg: str, members: set[str]) -> None:
    key = signing_key(alg)
    (shown,) = ring_of(key).jwks(NOW)["keys"]
    assert set(shown) == members | {"kid", "use", "alg"}
    assert (shown["kid"], shown["use"], shown["alg"]) == (key.kid, "sig", alg)


@pytest.mark.parametrize("alg", SIGNING)
def test_the_name_of_a_key_is_its_rfc_7638_thumbprint(alg: str) -> None:
    shown = signing_key(alg).public_jwk()
    required = {name: shown[name] for name in sorted(set(shown) - {"kid", "use", "alg"})}
    digest = hashlib.sha256(json.dumps(required, separators=(",", ":")).encode()).digest()
    assert shown["kid"] == base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_a_key_under_another_name_is_refused() -> None:
    with pytest.raises(BadRing, match="wrong-name: the private key has another thumbprint"):
        SigningKey("wrong-name", "ES256", private_key("ES256"), NOW, NOW)


@pytest.mark.parametrize(
    ("alg", "of"), [("RS256", "ES256"), ("ES256", "EdDSA"), ("EdDSA", "RS256"), ("HS256", "RS256")]
)
def test_a_key_of_another_kind_is_refused(alg: str, of: str) -> None:
    private = private_key(of)
    with pytest.raises(BadRing, match=f"not a private key for {alg}"):
        SigningKey(private.thumbprint(), alg, private, NOW, NOW)


@pytest.mark.filterwarnings("ignore:Key size")
def test_h_01_a_short_rsa_key_another_curve_and_a_public_key_are_refused() -> None:
    public = ECKey.import_key(private_key("ES256").as_dict(private=False))
    unfit: list[tuple[str, PrivateKey]] = [
        ("RS256", RSAKey.generate_key(1024)),
        ("ES256", ECKey.generate_key("P-384")),
        ("ES256", public),
    ]
    for alg, private in unfit:
        with pytest.raises(BadRing, match=f"not a private key for {alg}"):
            SigningKey(private.thumbprint(), alg, private, NOW, NOW)


def test_two_keys_of_one_name_are_refused() -> None:
    with pytest.raises(BadRing, match="same kid"):
        ring_of(signing_key(), signing_key(signs_from=NOW))


def test_a_key_prints_without_its_private_part() -> None:
    key = signing_key()
    assert key.kid in repr(ring_of(key))
    assert "ECKey" not in repr(key)


DATES = st.integers(min_value=-5, max_value=5).map(lambda hours: NOW + hours * HOUR)


@given(
    schedule=st.lists(st.tuples(DATES, DATES, st.none() | DATES, st.none() | DATES), max_size=4),
    now=DATES,
)
def test_whatever_the_schedule_the_key_that_signs_is_shown_and_none_shown_and_due_is_newer(
    schedule: list[tuple[float, float, float | None, float | None]], now: float
) -> None:
    ring = ring_of(
        *(
            signing_key(
                number=number, published_from=shown, signs_from=signs, published_until=until, revoked_at=revoked
            )
            for number, (shown, signs, until, revoked) in enumerate(schedule)
        )
    )
    due = [key for key in ring.published(now) if key.signs_from <= now]
    try:
        chosen = ring.signing_key("ES256", now)
    except NoSigningKey:
        assert due == []
    else:
        assert chosen in due
        assert chosen.signs_from == max(key.signs_from for key in due)


@pytest.mark.parametrize("alg", SIGNING)
def test_a_key_signs_bytes_and_knows_its_own_signature(alg: str) -> None:
    """Deliver 4: all that a key in hardware would have to do."""
    key = signing_key(alg)
    signature = key.sign(b"a text")
    assert key.verify(b"a text", signature)
    assert not key.verify(b"another", signature)
    assert not signing_key(alg, 1).verify(b"a text", signature)


def test_the_private_part_is_touched_only_where_keys_are_made_sealed_and_proved() -> None:
    house = Path(__file__).parents[3]
    touching = {
        path.relative_to(house).as_posix()
        for room in ("keys", "idp", "config")
        for path in (house / room).rglob("*.py")
        if re.search(r"\.private\b", path.read_text(encoding="utf-8"))
    }
    assert touching == {"keys/ring.py", "idp/store/signing_keys.py", "idp/store/sealed_records.py"}
