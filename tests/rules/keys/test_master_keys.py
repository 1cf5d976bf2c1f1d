"""Master keys come from a file, from text, or from a command; whatever is wrong with them is told exactly."""

import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from keys import masters
from keys.sealing import BadMasterKey, MasterKey, MasterKeys

MASTER = MasterKey(bytes(range(32)))
TEXT = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
OTHER = "A" * 43


def test_a_master_key_may_come_as_text_from_the_environment() -> None:
    assert masters.from_text("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n") == MasterKeys((MASTER,))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "there is no master key"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBka", "has 32 bytes, this one has 27"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8A", "has 32 bytes, this one has 33"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "base64url text"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", "base64url text"),
        ("chìa", "base64url text"),
        ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8 AAEC", "master key 2 of 2 has 32 bytes, this one has 3"),
    ],
)
def test_text_that_is_no_master_key_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(BadMasterKey, match=reason):
        masters.from_text(text)


def test_a_missing_file_is_created_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "master.key"
    made = masters.from_file(path, create=True)
    assert masters.from_file(path, create=False) == made
    assert masters.from_file(path, create=True) == made
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


def test_two_installations_get_different_keys(tmp_path: Path) -> None:
    assert masters.from_file(tmp_path / "a", create=True) != masters.from_file(tmp_path / "b", create=True)


def test_of_many_that_create_the_file_at_once_one_wins_for_all(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        for attempt in range(20):
            paths = [tmp_path / f"{attempt}.key"] * 8
            keys = set(pool.map(lambda path: masters.from_file(path, create=True), paths))
            assert len(keys) == 1


def test_a_missing_file_is_refused_where_none_may_be_created(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    with pytest.raises(BadMasterKey, match=f"{path}: No such file"):
        masters.from_file(path, create=False)
    assert not path.exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_file_that_others_may_open_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "master.key"
    masters.from_file(path, create=True)
    path.chmod(mode)
    with pytest.raises(BadMasterKey, match=f"has mode {mode:04o}, needs 0600"):
        masters.from_file(path, create=True)


def test_a_file_of_another_user_is_refused(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        path = tmp_path / "master.key"
        masters.from_file(path, create=True)
        os.chown(path, 65534, -1)
    else:
        path = Path("/etc/passwd")
    with pytest.raises(BadMasterKey, match=f"belongs to user {path.stat().st_uid}"):
        masters.from_file(path, create=False)


def test_what_is_not_a_file_is_refused_without_waiting_for_it(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    os.mkfifo(path, 0o600)
    with pytest.raises(BadMasterKey, match="is not a file"):
        masters.from_file(path, create=True)


def test_a_truncated_file_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    masters.from_file(path, create=True)
    path.write_bytes(path.read_bytes()[:24])
    with pytest.raises(BadMasterKey, match=f"{path}: .* this one has 18"):
        masters.from_file(path, create=True)
    assert path.stat().st_size == 24


def test_a_file_may_hold_several_keys_newest_last(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.touch(0o600)
    path.write_text(f"{OTHER}\n{TEXT}\n")
    assert masters.from_file(path, create=False).newest == MASTER
    assert len(masters.from_file(path, create=False).keys) == 2


def test_a_file_that_is_far_too_long_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    path.touch(0o600)
    path.write_text("A" * 5000)
    with pytest.raises(BadMasterKey, match="more than 4096 bytes"):
        masters.from_file(path, create=False)


def prints(text: str, code: int = 0) -> list[str]:
    return [sys.executable, "-c", f"import sys; print({text!r}); sys.exit({code})"]


def test_a_command_may_print_the_keys() -> None:
    assert masters.from_command(prints(f"{OTHER}\n{TEXT}")).newest == MASTER


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["/no/such/program"], "/no/such/program: No such file"),
        (prints(TEXT, 3), "ended with 3"),
        (prints(""), "what it printed: there is no master key"),
        (prints(TEXT[:-4]), "what it printed: a master key has 32 bytes, this one has 29"),
        (prints("x" * 5000), "printed more than 4096 bytes"),
    ],
)
def test_a_command_that_gives_no_keys_is_refused_with_the_reason_and_without_its_output(
    words: list[str], reason: str
) -> None:
    with pytest.raises(BadMasterKey, match=reason) as refusal:
        masters.from_command(words)
    assert TEXT[:20] not in str(refusal.value)
