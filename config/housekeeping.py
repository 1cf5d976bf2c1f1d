"""What has to happen now and then in every worker: seal the audit trail, sweep what expired, keep the witness.

The witness is a small file outside the database that remembers how far the audit trail had come. A database that is
behind it was restored from a backup and may have forgotten revocations: we refuse to start until the epoch is bumped.
"""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from config.settings import BadSettings
from config.wiring import Foundation
from idp.store.sweep import sweep

SEAL_EVERY = 1.0
SWEEP_EVERY = 60
log = logging.getLogger(__name__)


class Witness:
    """The number of the newest audit record that this machine has seen sealed."""

    def __init__(self, directory: Path) -> None:
        self._file = directory / "witness"
        self._written = -1

    def read(self) -> int:
        """The number; 0 when there is no witness yet."""
        try:
            return int(self._file.read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def write(self, number: int) -> None:
        """Replace the file, atomically."""
        if number == self._written:
            return
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._file.with_suffix(f".{os.getpid()}")
        beside.write_text(str(number))
        beside.replace(self._file)
        self._written = number


def refuse_restored_store(base: Foundation) -> None:
    """Raises `BadSettings` when the database is older than this machine remembers."""
    witness = Witness(base.settings.data_dir).read()
    last = base.trail.last_number()
    if last < witness:
        raise BadSettings(
            [
                f"the database ends at audit record {last}, but this machine has seen {witness}: it was restored. "
                "Run `idp db epoch bump --reason ...` to end everything that was issued before."
            ]
        )


class Housekeeping:
    """A daemon thread; many at once do no harm."""

    def __init__(self, base: Foundation, refresh_metrics: Callable[[], None]) -> None:
        self._base = base
        self._refresh_metrics = refresh_metrics
        self._witness = Witness(base.settings.data_dir)
        self._stop = threading.Event()

    def start(self) -> None:
        threading.Thread(target=self._run, name="housekeeping", daemon=True).start()

    def once(self, *, sweeping: bool) -> None:
        """One round: seal, note how far, and sweep when it is time."""
        self._refresh_metrics()
        if self._base.trail.has_loose():
            self._base.trail.seal()
            self._witness.write(self._base.trail.last_number())
        if sweeping:
            sweep(self._base.database, self._base.clock())

    def _run(self) -> None:
        rounds = 0
        while not self._stop.wait(SEAL_EVERY):
            try:
                self.once(sweeping=rounds % SWEEP_EVERY == 0)
            except Exception as error:
                # A store that is down is told by /readyz; this thread has to be there when it comes back.
                log.warning("housekeeping failed", extra={"reason": type(error).__name__})
            rounds += 1
