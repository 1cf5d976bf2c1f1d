"""What is sealed opens for the same master key and purpose, and for nothing else."""

import pytest

from keys.sealing import BadMasterKey, MasterKey, MasterKeys, SealBroken, sealed_by

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


# Several master keys, newest last

OLD, NEW = MasterKey(bytes([1]) * 32), MasterKey(bytes([2]) * 32)


def test_the_newest_of_several_master_keys_seals_and_every_one_opens() -> None:
    before, both = MasterKeys((OLD,)), MasterKeys((OLD, NEW))
    old = before.seal(b"x", context="c")
    new = both.seal(b"y", context="c")
    assert (sealed_by(old), sealed_by(new)) == (OLD.id, NEW.id)
    assert (both.unseal(old, context="c"), both.unseal(new, context="c")) == (b"x", b"y")
    with pytest.raises(SealBroken, match=f"sealed by master key '{NEW.id}', this is master key '{OLD.id}'"):
        before.unseal(new, context="c")


@pytest.mark.parametrize("broken", ["", ".", "1", "1.", "a.b", "1.." + "x" * 10])
def test_what_was_never_sealed_is_refused_by_several_master_keys_too(broken: str) -> None:
    with pytest.raises(SealBroken):
        MasterKeys((OLD, NEW)).unseal(broken, context="c")


def test_no_master_key_and_the_same_one_twice_are_refused() -> None:
    with pytest.raises(BadMasterKey, match="no master key"):
        MasterKeys(())
    with pytest.raises(BadMasterKey, match=f"master key {OLD.id} is there 2 times"):
        MasterKeys((OLD, NEW, OLD))
