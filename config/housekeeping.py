"""What has to happen now and then in every worker: seal the audit trail, sweep what expired, keep the witness, and
change signing keys when their day has come.

The witness is a small file outside the database that remembers the head of the audit trail. A database that is behind
it, or has another record there, was restored from a backup and may have forgotten revocations, or was written by
somebody: we refuse to start until the epoch is bumped. The head also goes into the log once a minute, and with it to
wherever logs are kept.
"""

import logging
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from config.desk_wiring import declarations_of
from config.settings import BadSettings
from config.stores import Stores
from idp.store.audit import Head
from idp.store.counters import read_counter
from idp.store.sweep import sweep
from keys.cache import RingCache
from keys.rotation import Rotator

SEAL_EVERY = 1.0
SWEEP_EVERY = 60
log = logging.getLogger(__name__)


class Witness:
    """The head of the audit trail, and in which epoch, when this machine last looked."""

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
        """Replace the file, atomically. In one epoch the number never goes back: a restored store must be noticed."""
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


def refuse_restored_store(base: Stores) -> None:
    """Raises `BadSettings` when the database is older than this machine remembers and its epoch was not bumped."""
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


def month_before(now: float, months: int) -> str:
    """The calendar month (YYYY-MM) that many months ago, in UTC."""
    today = datetime.fromtimestamp(now, UTC)
    count = today.year * 12 + today.month - 1 - months
    return f"{count // 12:04d}-{count % 12 + 1:02d}"


class Housekeeping:
    """A daemon thread; many at once do no harm."""

    def __init__(self, base: Stores, refresh_metrics: Callable[[], None]) -> None:
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
            self._witness.write(self._base.trail.head(), read_counter(self._base.database, "epoch"))
        if sweeping:
            now, head = self._base.clock(), self._base.trail.head()
            log.info("audit head", extra={"head": f"{head.number}:{head.hash}"})
            sweep(self._base.database, now)
            declarations_of(self._base).end_expired(now)
            self._sign_months()
            self._base.trail.drop_before(month_before(now, self._base.settings.audit.keep_months), now)
        self._tend(self._base.rotator, self._base.rings)

    def _sign_months(self) -> None:
        keys = self._base.audit_keys
        self._tend(keys.rotator, keys.rings)
        self._base.trail.sign_closed(keys.signer.sign)

    def _tend(self, rotator: Rotator, rings: RingCache) -> None:
        """Rotate when the calendar says so; of all workers of all machines one does it."""
        done = rotator.tend(rings.ring(), "keys.rotate_every")
        for change in done.changes if done else ():
            log.info("key %s", change.kind, extra={"kid": change.key.kid, "alg": change.key.alg})

    def _run(self) -> None:
        rounds = 0
        while not self._stop.wait(SEAL_EVERY):
            try:
                self.once(sweeping=rounds % SWEEP_EVERY == 0)
            except Exception as error:
                # A store that is down is told by /readyz; this thread has to be there when it comes back.
                log.warning("housekeeping failed", extra={"reason": type(error).__name__})
            rounds += 1
