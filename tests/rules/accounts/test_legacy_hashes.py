"""Hashes of other systems: known answers, made by others; bounds; and no text that does anything but be refused."""

import hashlib
import re
import struct
import unicodedata
from base64 import b64encode

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from idp.accounts.legacy_hashes import LegacyHash, LegacyScheme, UnreadableHash, read_legacy_hash
from idp.accounts.passwords import HashCost, Passwords, legacy_algorithm

SALT = bytes(range(16))
KNOWN = {
    # The tests of ASP.NET Core Identity.
    "ANXrDknc7fGPpigibZXXZFMX4aoqz44JveK6jQuwY3eH/UyPhvr5xTPeGYEckLxz9A==": "my password",
    "AQAAAAIAAAAyAAAAEOMwvh3+FZxqkdMBz2ekgGhwQ4B6pZWND6zgESBuWiHw": "my password",
    "AQAAAAIAAAD6AAAAIJbVi5wbMR+htSfFp8fTw8N8GOS/Sje+S/4YZcgBfU7EQuqv4OkVYmc4VJl9AGZzmRTxSkP7LtVi9IWyUxX8IAAfZ8v+"
    "ZfhjCcudtC1YERSqE1OEdXLW9VukPuJWBBjLuw==": "my password",
    "AQAAAAAAAAD6AAAAEAhftMyfTJylOlZT+eEotFXd1elee8ih5WsjXaR3PA9M": "my password",
    "AQAAAAEAA9CQAAAAIESkQuj2Du8Y+kbc5lcN/W/3NiAZFEm11P27nrSN5/tId+bR1SwV8CO1Jd72r4C08OLvplNlCDc3oQZ8efcW+jQ=": (
        "my password"
    ),
    # The tests of Django.
    "pbkdf2_sha256$12000$seasalt$Ybw8zsFxqja97tY/o6G+Fy1ksY4U/Hw3DRrGED6Up4s=": "lètmein",
    "sha1$seasalt$cff36ea83f5706ce9aa7454e63e431fc726b2dc8": "lètmein",
    "md5$seasalt$3f86d0d3d465b7b458c231bf3555c0e3": "lètmein",
    # The manual of passlib.
    "$pbkdf2-sha256$6400$0ZrzXitFSGltTQnBWOsdAw$Y11AchqV4b0sUisdZd0Xr97KWoymNE0LNNrnEgY4H9M": "password",
    "$pbkdf2-sha256$8000$XAuBMIYQQogxRg$tRRlz8hYn63B9LYiCd6PRo6FMiunY9ozmMMI3srxeRE": "password",
    # The tests of crypt_blowfish.
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW": "U*U",
    "$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK": "U*U*",
    "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW": "U*U",
    # The empty password of RFC 1321, 7.
    "md5$$d41d8cd98f00b204e9800998ecf8427e": "",
}


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords(b"pepper", HashCost(8, 1), at_once=1, waiting=1)


@pytest.mark.parametrize(("written", "password"), KNOWN.items())
def test_a_wrapped_hash_knows_its_password_and_no_other(passwords: Passwords, written: str, password: str) -> None:
    legacy = read_legacy_hash(written)
    stored = passwords.wrap(legacy)

    assert passwords.verify(stored, password)
    assert not passwords.verify(stored, password + "x")
    assert not passwords.verify(stored, written)
    assert not passwords.verify(stored, legacy.digest.hex())


@pytest.mark.parametrize("written", KNOWN)
def test_nothing_of_the_old_digest_is_stored_and_without_the_pepper_nothing_opens(
    passwords: Passwords, written: str
) -> None:
    legacy = read_legacy_hash(written)
    stored = passwords.wrap(legacy)

    for spelling in (legacy.digest.hex(), b64encode(legacy.digest).decode().rstrip("="), written.rpartition("$")[2]):
        assert spelling not in stored
    assert legacy_algorithm(stored) == legacy.scheme.algorithm
    assert not Passwords(b"other", HashCost(8, 1), at_once=1, waiting=1).verify(stored, KNOWN[written])


def identity(rounds: int, prf: int = 1, salt: int = 16, key: int = 32) -> str:
    """Version 3 as documented: marker, then big-endian PRF, iterations and length of the salt, salt, key."""
    return b64encode(b"\1" + struct.pack(">III", prf, rounds, salt) + bytes(salt) + bytes(key)).decode()


def test_the_layout_of_ldap_has_the_salt_behind() -> None:
    digest = hashlib.sha1(b"secret" + SALT).digest()

    assert read_legacy_hash("{SSHA}" + b64encode(digest + SALT).decode()).scheme.digest("secret") == digest


def test_letters_are_composed_before_the_old_digest_is_made(passwords: Passwords) -> None:
    composed = unicodedata.normalize("NFC", "mật khẩu Việt")
    stored = passwords.wrap(read_legacy_hash(f"sha256$${hashlib.sha256(composed.encode()).hexdigest()}"))

    assert passwords.verify(stored, unicodedata.normalize("NFD", composed))


def test_what_bcrypt_did_not_see_is_not_compared_and_breaks_nothing(passwords: Passwords) -> None:
    """It has no say at the other system either; "ế" may be cut in the middle."""
    scheme = LegacyScheme("bcrypt", b"CCCCCCCCCCCCCCCCCCCCC.", 4)
    seen = "a" * 71
    stored = passwords.wrap(LegacyHash(scheme, scheme.digest(seen + "ế")))

    assert passwords.verify(stored, seen + "ế and more")
    assert not passwords.verify(stored, seen)
    assert not passwords.verify(stored, "a" * 257)


DEAR = [
    identity(1_200_001),
    identity(0),
    identity(600_001, prf=0),
    identity(500_001, prf=2, key=64),
    identity(2**32 - 1),
    "pbkdf2_sha256$1200001$k3RmSx$zNzLdnYqQzE85uyFJckMXluCVsoUKn0idaCrxpqKmaw=",
    f"$pbkdf2-sha512$500001$${'A' * 86}",
    "$2b$13$abcdefghijklmnopqrstuO.j8p6ZXlB4Z/0Ye6ZkXZaX1ImjQ2dba",
    "$2b$03$abcdefghijklmnopqrstuO.j8p6ZXlB4Z/0Ye6ZkXZaX1ImjQ2dba",
    "$2b$31$abcdefghijklmnopqrstuO.j8p6ZXlB4Z/0Ye6ZkXZaX1ImjQ2dba",
]


@pytest.mark.parametrize("written", DEAR)
def test_a_hash_that_would_keep_a_worker_busy_is_refused(written: str) -> None:
    with pytest.raises(UnreadableHash, match="too dear to check"):
        read_legacy_hash(written)


@pytest.mark.parametrize("written", [identity(1_200_000), identity(600_000, prf=0), identity(500_000, prf=2, key=64)])
def test_the_bounds_themselves_are_taken(written: str) -> None:
    assert read_legacy_hash(written).scheme.rounds in (1_200_000, 600_000, 500_000)


STRANGE = [
    "",
    "$",
    "5ab33038ba12f13355802d91ea0f5623",
    "$1$salt$hash",
    "$2x$10$abcdefghijklmnopqrstuO.j8p6ZXlB4Z/0Ye6ZkXZaX1ImjQ2dba",
    "$2b$10$abcdefghijklmnopqrstu9.j8p6ZXlB4Z/0Ye6ZkXZaX1ImjQ2dba",
    "$2b$10$abcdefghijklmnopqrstuO.j8p6ZXlB4Z/0Ye6ZkXZaX1ImjQ2dbb",
    "sha256$k3RmSx$5ab33038ba12f13355802d91ea0f5623",
    "md5$k3RmSx$5ab33038ba12f13355802d91ea0f562",
    "md5$" + "s" * 65 + "$5ab33038ba12f13355802d91ea0f5623",
    "md5$ế$5ab33038ba12f13355802d91ea0f5623",
    "md5$a$b$5ab33038ba12f13355802d91ea0f5623",
    "md5$k3RmSx$5ab33038ba12f13355802d91ea0f5623\n",
    "sha3$k3RmSx$5ab33038ba12f13355802d91ea0f5623",
    "pbkdf2_sha256$+1000$k3RmSx$zNzLdnYqQzE85uyFJckMXluCVsoUKn0idaCrxpqKmaw=",
    "pbkdf2_sha256$01000$k3RmSx$zNzLdnYqQzE85uyFJckMXluCVsoUKn0idaCrxpqKmaw=",
    "pbkdf2_sha256$١٠٠٠$k3RmSx$zNzLdnYqQzE85uyFJckMXluCVsoUKn0idaCrxpqKmaw=",
    "pbkdf2_sha256$1000$k3RmSx$zNzLdnYqQzE85uyFJckMXluCVsoUKn0idaCrxpqKma1=",
    "pbkdf2_sha256$1000$k3RmSx$zNzLdnYqQzE85uyFJckMXluCVsoUKn0idaCrxpqKmaw",
    "pbkdf2_md5$1000$k3RmSx$zNzLdnYqQzE85uyFJckMXluCVsoUKn0idaCrxpqKmaw=",
    "$pbkdf2-sha256$29000$A$bMJeB7u2Tvy4E/rPNjIkBFVktWUy0pTtwuC.s1wf/8E",
    "$pbkdf2-sha256$29000$AAECAwQFBgcICQoLDA0ODw$bMJeB7u2Tvy4E/rPNjIkBFVktWUy0pTtwuC_s1wf/8E",
    "$pbkdf2-sha512$29000$AAECAwQFBgcICQoLDA0ODw$bMJeB7u2Tvy4E/rPNjIkBFVktWUy0pTtwuC.s1wf/8E",
    "{SSHA}ylBwh8nm",
    "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=",
    identity(1000, prf=3),
    identity(1000, salt=15),
    identity(1000, salt=65),
    identity(1000, key=15),
    identity(1000, key=65),
    b64encode(b"\2" + bytes(48)).decode(),
    b64encode(b"\0" + bytes(47)).decode(),
    b64encode(b"\1" + struct.pack(">III", 1, 1000, 2**32 - 1) + bytes(48)).decode(),
]


@pytest.mark.parametrize("written", STRANGE)
def test_whatever_is_not_exactly_of_a_format_is_refused(written: str) -> None:
    with pytest.raises(UnreadableHash, match="in no known format"):
        read_legacy_hash(written)


PARTS = (
    "pbkdf2_sha256",
    "$pbkdf2-sha512$",
    "$2b$",
    "sha1$",
    "md5$",
    "{SSHA}",
    "AQAAAAIAAYag",
    "AAAB",
    "$",
    "=",
    "\0",
    "1200001",
)
TEXTS = st.lists(st.sampled_from([*PARTS, *KNOWN]) | st.text(max_size=40), max_size=6).map("".join)
BENT = st.builds(
    lambda text, at, by: text[: at % (len(text) + 1)] + by + text[at % (len(text) + 1) + 1 :],
    st.sampled_from([*KNOWN, *DEAR]), st.integers(0, 200), st.text(max_size=2),
)  # fmt: skip
RAW = st.binary(max_size=140).map(lambda raw: b64encode(raw).decode())


@settings(max_examples=2000, deadline=None)
@given(TEXTS | BENT | RAW | RAW.map(lambda text: "AQAAAA" + text) | RAW.map(lambda text: "{SSHA}" + text))
@example("AQAAAA==")
def test_no_text_does_anything_but_be_refused(written: str) -> None:
    legacy, complaint = None, ""
    try:
        legacy = read_legacy_hash(written)
    except UnreadableHash as error:
        complaint = str(error)
    if legacy is None:
        assert re.fullmatch(r"in no known format|too dear to check \([\w ,]+\)", complaint)
        return
    scheme = legacy.scheme
    assert scheme.rounds <= 1_200_000
    assert len(scheme.salt) <= 100
    assert len(legacy.digest) <= 64
    assert LegacyScheme.read(str(scheme)) == scheme
    assert "$argon2" not in str(scheme)


@pytest.mark.parametrize(
    "stored",
    [
        "wrapped$",
        "wrapped$md5",
        "wrapped$md5$0$0$$argon2id$x",
        "wrapped$md4x$0$0$$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$x",
        "wrapped$bcrypt$99$0$AA==$argon2id$",
        "wrapped$pbkdf2-sha1$a$b$c$argon2id$",
        "md5$0$0$$argon2id$",
        "nonsense",
        "$argon2",
    ],
)
def test_what_nobody_could_have_written_opens_nothing(passwords: Passwords, stored: str) -> None:
    assert not passwords.verify(stored, "anything")


def test_the_old_digest_is_made_by_the_threads_of_the_hashes(
    passwords: Passwords, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes as long as some hashes do, so it has its place among them and not in a thread of requests."""
    import threading

    names = []
    digest = LegacyScheme.digest

    def noted(scheme: LegacyScheme, password: str) -> bytes:
        names.append(threading.current_thread().name)
        return digest(scheme, password)

    monkeypatch.setattr(LegacyScheme, "digest", noted)
    stored = passwords.wrap(read_legacy_hash("md5$$d41d8cd98f00b204e9800998ecf8427e"))
    passwords.verify(stored, "x")

    assert [name.partition("_")[0] for name in names] == ["argon2"]
