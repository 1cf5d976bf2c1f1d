"""`Witness`: a small file outside the database that remembers the head of the audit trail.

A database that is behind it, or has another record there, was restored from a backup and may lack revocations, or was
tampered with: we refuse to start until the epoch is bumped.
"""

import os
from pathlib import Path

from config.key_stores import KeyStores
from config.settings import BadSettings
from idp.store.audit import Head
from idp.store.counters import read_counter


class Witness:
    """The head of the audit trail, and its epoch, when this machine last looked."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "witness"
        self._written: tuple[Head, int] | None = None

    def read(self) -> tuple[Head, int]:
        """(head of the trail, epoch); zeros when there is no witness yet, and no hash in one of an older version."""
        try:
            number, epoch, *rest = self._file.read_text().split()
            return Head(int(number), rest[0] if rest else ""), int(epoch)
        except (FileNotFoundError, ValueError):
            return Head(0), 0

    def write(self, head: Head, epoch: int) -> None:
        """Replace the file, atomically. Within an epoch the number never decreases, to detect a restored store."""
        known, known_epoch = self.read()
        seen = known if epoch == known_epoch and (known.number or 0) > (head.number or 0) else head
        if epoch < known_epoch or (seen, epoch) == self._written:
            return
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._file.with_suffix(f".{os.getpid()}")
        beside.unlink(missing_ok=True)
        with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{seen.number} {epoch} {seen.hash}")
        beside.replace(self._file)
        self._written = (seen, epoch)


def refuse_restored_store(base: KeyStores) -> None:
    """Raises `BadSettings` when the database is older than this machine's record and its epoch was not bumped."""
    seen, epoch = Witness(base.settings.data_dir).read()
    number, now_epoch = seen.number or 0, read_counter(base.database, "epoch")
    if now_epoch > epoch:
        return
    last, bump = base.trail.last_number(), "Run `idp db epoch bump --reason ...` to end everything issued before."
    if last < number:
        raise BadSettings(
            [f"the database ends at audit record {last}, but this machine has seen {number}: it was restored. {bump}"]
        )
    if seen.hash and base.trail.hash_at(number) not in (None, seen.hash):
        raise BadSettings(
            [f"audit record {number} is not the one that this machine has seen: it was restored or forged. {bump}"]
        )
