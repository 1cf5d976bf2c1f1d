"""The sources of master keys: a file, the environment, or the output of a command that asks a KMS.

Each provides text: one or several keys, newest last, base64url without padding, separated by white space.
"""

import os
import signal
import stat
import subprocess
from collections.abc import Sequence
from pathlib import Path
from secrets import token_bytes, token_hex

from keys.sealing import KEY_LENGTH, BadMasterKey, MasterKey, MasterKeys, decode, encode

MOST_BYTES = 4096
PATIENCE = 30.0


def from_text(text: str) -> MasterKeys:
    """Read master keys as `idp` writes them. Raises `BadMasterKey`."""
    words = text.split()
    return MasterKeys(tuple(_key(word, number, len(words)) for number, word in enumerate(words, 1)))


def from_file(path: Path, *, create: bool) -> MasterKeys:
    """Read a file that only its owner, this process's user, can read. Raises `BadMasterKey`.

    With `create`, a missing file is created first; if several processes do so at once, one wins for all.
    """
    try:
        if create and not path.exists():
            _write_new_key(path)
        text = _read_private(path)
    except OSError as error:
        raise BadMasterKey(f"{path}: {error.strerror}") from error
    try:
        return from_text(text)
    except BadMasterKey as error:
        raise BadMasterKey(f"{path}: {error}") from error


def from_command(words: Sequence[str]) -> MasterKeys:
    """Run a command without a shell and read its output. Raises `BadMasterKey`; the output is never repeated."""
    try:
        child = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603
        text = _read_output(child, words[0])
    except OSError as error:
        raise BadMasterKey(f"{words[0]}: {error.strerror}") from error
    if child.returncode:
        raise BadMasterKey(f"{words[0]}: ended with {child.returncode}")
    try:
        return from_text(text)
    except BadMasterKey as error:
        raise BadMasterKey(f"{words[0]}: what it printed: {error}") from error


def _read_output(child: "subprocess.Popen[bytes]", name: str) -> str:
    try:
        output, _ = child.communicate(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        # Including all its children: one of them may hold the pipe open.
        os.killpg(child.pid, signal.SIGKILL)
        child.communicate()
        raise BadMasterKey(f"{name}: was not done after {PATIENCE:.0f} seconds") from None
    if len(output) > MOST_BYTES:
        raise BadMasterKey(f"{name}: printed more than {MOST_BYTES} bytes")
    return output.decode("utf-8", "replace")


def _key(word: str, number: int, of: int) -> MasterKey:
    which = "a master key" if of == 1 else f"master key {number} of {of}"
    try:
        secret = decode(word)
    except ValueError as error:
        raise BadMasterKey(f"{which} is base64url text (43 characters, no padding)") from error
    if len(secret) != KEY_LENGTH:
        raise BadMasterKey(f"{which} has {KEY_LENGTH} bytes, this one has {len(secret)}")
    return MasterKey(secret)


def _read_private(path: Path) -> str:
    # Non-blocking: the path may be a pipe.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise BadMasterKey(f"{path}: is not a file")
        if status.st_uid != os.geteuid():
            raise BadMasterKey(f"{path}: belongs to user {status.st_uid}, this process is user {os.geteuid()}")
        if status.st_mode & 0o077:
            raise BadMasterKey(f"{path}: has mode {stat.S_IMODE(status.st_mode):04o}, needs 0600 (chmod 600)")
        text = file.read(MOST_BYTES + 1)
        if len(text) > MOST_BYTES:
            raise BadMasterKey(f"{path}: has more than {MOST_BYTES} bytes")
        return text.decode("utf-8", "replace")


def _write_new_key(path: Path) -> None:
    """Write to a temporary file and link it into place: readers never see half a key, and existing keys are kept."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(encode(token_bytes(KEY_LENGTH)) + "\n")
            file.flush()
            os.fsync(descriptor)
        os.link(draft, path)
    except FileExistsError:
        return
    finally:
        draft.unlink()
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
