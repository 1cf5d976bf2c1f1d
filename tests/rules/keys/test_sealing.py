"""What is sealed opens for the same master key and purpose, and for nothing else."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keys.sealing import BadMasterKey, MasterKey, SealBroken

MASTER = MasterKey(bytes(range(32)))
SEALED = MASTER.seal(b"the private part", context="signing key")


def test_what_was_sealed_opens_again() -> None:
    assert MASTER.unseal(SEALED, context="signing key") == b"the private part"


def test_even_nothing_can_be_sealed() -> None:
    assert MASTER.unseal(MASTER.seal(b"", context="empty"), context="empty") == b""


def test_the_same_sealed_twice_shares_neither_data_key_nor_record() -> None:
    again = MASTER.seal(b"the private part", context="signing key")
    assert set(again.split(".")[2:]).isdisjoint(SEALED.split(".")[2:])


def test_what_is_sealed_shows_neither_plain_text_nor_master_key() -> None:
    assert "private" not in SEALED
    assert MASTER.secret.hex() not in SEALED


def test_a_record_does_not_open_in_the_place_of_another() -> None:
    with pytest.raises(SealBroken, match="altered, or sealed for something else"):
        MASTER.unseal(SEALED, context="secret")


def test_a_data_key_does_not_open_another_record_of_the_same_purpose() -> None:
    other = MASTER.seal(b"another", context="signing key")
    mixed = ".".join(SEALED.split(".")[:3] + other.split(".")[3:])
    with pytest.raises(SealBroken, match="altered"):
        MASTER.unseal(mixed, context="signing key")


def test_f_17_no_flipped_bit_goes_unnoticed() -> None:
    for place, letter in enumerate(SEALED):
        for bit in range(7):
            flipped = SEALED[:place] + chr(ord(letter) ^ 1 << bit) + SEALED[place + 1 :]
            with pytest.raises(SealBroken):
                MASTER.unseal(flipped, context="signing key")


def test_f_17_no_truncation_goes_unnoticed() -> None:
    for length in range(len(SEALED)):
        with pytest.raises(SealBroken):
            MASTER.unseal(SEALED[:length], context="signing key")


@pytest.mark.parametrize("tail", ["=", "A", ".", " ", "\n", "ă"])
def test_nothing_may_follow_a_sealed_record(tail: str) -> None:
    with pytest.raises(SealBroken):
        MASTER.unseal(SEALED + tail, context="signing key")


def test_another_master_key_is_told_from_damage() -> None:
    other = MasterKey(bytes(32))
    with pytest.raises(SealBroken, match=f"sealed by master key '{MASTER.id}', this is master key '{other.id}'"):
        other.unseal(SEALED, context="signing key")


def test_a_future_format_is_told_from_damage() -> None:
    with pytest.raises(SealBroken, match="sealed in format '2', this program knows format '1'"):
        MASTER.unseal("2" + SEALED[1:], context="signing key")


def test_a_master_key_prints_without_its_secret() -> None:
    assert repr(MASTER) == "MasterKey()"


def test_a_master_key_may_come_as_text_from_the_environment() -> None:
    assert MasterKey.from_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n") == MASTER


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "has 32 bytes, this one has 0"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka", "has 32 bytes, this one has 27"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", "has 32 bytes, this one has 33"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "base64url text"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", "base64url text"),
        ("chìa khoá", "base64url text"),
    ],
)
def test_text_that_is_no_master_key_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadMasterKey, match=reason):
        MasterKey.from_text(text)


def test_a_missing_file_is_created_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "master.key"
    made = MasterKey.from_file(path, create=True)
    assert MasterKey.from_file(path, create=False) == made
    assert MasterKey.from_file(path, create=True) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


def test_two_installations_get_different_keys(tmp_path: Path) -> None:
    assert MasterKey.from_file(tmp_path / "a", create=True) != MasterKey.from_file(tmp_path / "b", create=True)


def test_of_many_that_create_the_file_at_once_one_wins_for_all(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for attempt in range(20):
            paths = [tmp_path / f"{attempt}.key"] * 8
            keys = set(pool.map(lambda path: MasterKey.from_file(path, create=True), paths))
            assert len(keys) == 1


def test_a_missing_file_is_refused_where_none_may_be_created(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with pytest.raises(BadMasterKey, match=f"{path}: No such file"):
        MasterKey.from_file(path, create=False)
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    MasterKey.from_file(path, create=True)
    path.chmod(mode)
    with pytest.raises(BadMasterKey, match=f"has mode {mode:04o}, needs 0600"):
        MasterKey.from_file(path, create=True)


def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        path = tmp_path / "master.key"
        MasterKey.from_file(path, create=True)
        os.chown(path, 65534, -1)
    else:
        path = Path("/etc/passwd")
    with pytest.raises(BadMasterKey, match=f"belongs to user {path.stat().st_uid}"):
        MasterKey.from_file(path, create=False)


def test_what_is_not_a_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    os.mkfifo(path, 0o600)
    with pytest.raises(BadMasterKey, match="is not a file"):
        MasterKey.from_file(path, create=True)


def test_a_truncated_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    MasterKey.from_file(path, create=True)
    path.write_bytes(path.read_bytes()[:24])
    with pytest.raises(BadMasterKey, match=f"{path}: .* this one has 18"):
        MasterKey.from_file(path, create=True)
    assert path.stat().st_size == 24
