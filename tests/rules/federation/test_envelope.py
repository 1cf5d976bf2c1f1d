"""VNeID's envelopes: what was sealed for us opens, and whatever does not open fails in one way."""

import base64
import contextlib
import statistics
import time

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from federation.envelope import BadEnvelope, Envelopes, Mode
from tests.support.liar import OURS, STRANGER, pem, sealed

TEXT = '{"fullName":"Nguyễn Văn Thử"}'.encode()


@pytest.mark.parametrize("mode", ["ecb", "cbc"])
@pytest.mark.parametrize("length", [16, 24, 32])
def test_what_was_sealed_for_us_opens(mode: Mode, length: int) -> None:
    envelope = sealed(TEXT, OURS, mode, secret=bytes(range(length)))

    assert Envelopes(pem(OURS), mode).open(envelope["key"], envelope["data"]) == TEXT


def test_both_spellings_of_a_private_key_are_read() -> None:
    old = OURS.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    envelope = sealed(TEXT)

    assert old.startswith(b"-----BEGIN RSA PRIVATE KEY")
    assert Envelopes(old).open(envelope["key"], envelope["data"]) == TEXT


@pytest.mark.parametrize(
    "key", [rsa.generate_private_key(65537, 1024), ec.generate_private_key(ec.SECP256R1())], ids=["short", "EC"]
)
def test_a_key_that_is_no_good_is_refused_at_once(key: rsa.RSAPrivateKey) -> None:
    with pytest.raises(ValueError, match="RSA"):
        Envelopes(pem(key))


def for_another_key() -> dict[str, str]:
    """An envelope for a stranger whose key, as a number, fits our modulus; a larger one is refused by its size, which
    whoever sends it knows before."""
    while True:
        made = sealed(TEXT, STRANGER)
        if int.from_bytes(base64.b64decode(made["key"]), "big") < OURS.public_key().public_numbers().n:
            return made


def broken() -> dict[str, tuple[object, object]]:
    good, other, stranger = sealed(TEXT), sealed(TEXT), for_another_key()
    raw = base64.b64decode(good["data"])
    flipped = base64.b64encode(raw[:-1] + bytes([raw[-1] ^ 1])).decode()
    return {
        "for another key": (stranger["key"], stranger["data"]),
        "the key of another": (other["key"], good["data"]),
        "a flipped bit": (good["key"], flipped),
        "half a block": (good["key"], base64.b64encode(raw[:-8]).decode()),
        "no data": (good["key"], ""),
        "no key": ("", good["data"]),
        "a key of the wrong length": ("AAAA", good["data"]),
        "zeros as key": (base64.b64encode(bytes(256)).decode(), good["data"]),
        "more than the modulus": (base64.b64encode(b"\xff" * 256).decode(), good["data"]),
        "no base64": ("%", "%"),
        "no text": (7, None),
        "endless": ("A" * 400_000, "A" * 400_000),
        "the text itself": ("", TEXT.decode()),
        "a short secret": (sealed(TEXT, secret=bytes(16))["key"], good["data"]),
    }


@pytest.mark.parametrize("mode", ["ecb", "cbc"])
def test_every_failure_reads_the_same(mode: Mode) -> None:
    """No oracle: a caller learns that it does not open, never why.

    One wrong key in 256 ends in a byte that looks like padding; what comes out then is noise, which is no JSON.
    """
    envelopes, seen = Envelopes(pem(OURS), mode), set()
    for key, data in broken().values():
        try:
            assert TEXT not in envelopes.open(key, data)
        except BadEnvelope as failure:
            seen.add((str(failure), failure.__cause__, failure.__suppress_context__))

    assert seen == {("the envelope does not open", None, True)}


def test_a_wrong_key_takes_as_long_as_wrong_data() -> None:
    """No oracle by time: whether the RSA padding was right cannot be told from how long the failure took."""
    envelopes, ways = Envelopes(pem(OURS)), broken()
    took: dict[str, list[float]] = {"for another key": [], "a flipped bit": [], "zeros as key": []}
    for _ in range(200):
        for way, times in took.items():
            began = time.perf_counter()
            with contextlib.suppress(BadEnvelope):
                envelopes.open(*ways[way])
            times.append(time.perf_counter() - began)
    middles = [statistics.median(times) for times in took.values()]

    assert max(middles) < 1.5 * min(middles)
