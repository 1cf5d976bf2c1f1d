"""Periodic work. One process of an installation is the housekeeper: it seals the audit trail, sweeps expired rows,
rotates signing keys when due, and logs the head of the trail once a minute. Every process updates its metrics, its key
ring and the witness of its machine.
"""

import logging
import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from config.stores import Stores
from config.witness import Witness
from federation.tables import EXPIRING
from idp.store import audit
from idp.store.counters import read_counter
from idp.store.sweep import sweep
from idp.wakeups import Occasion
from keys.cache import RingCache
from keys.ring import KeyRing
from keys.rotation import Rotator

TICK = 1.0
SWEEP_EVERY = 60.0
SWEEP_SECONDS = 5.0
"""After so much deleting the trail is sealed again."""

SEAL_EVERY, SEAL_FOR = 10.0, 5.0
"""Seconds between two looks for unchained records at rest, and how long every tick looks after a wakeup."""

SEAL_SECONDS = 0.5
"""After so much chaining the rest waits for the next tick: on SQLite others want to write."""

NOTE_EVERY, NOTE_PAUSE = 60.0, 5.0
"""Seconds between two looks at the head of the trail: at rest, and while it grows."""

RING_EVERY = 60.0
"""Seconds between two looks at the key ring when nothing is heard; whoever uses the ring looks by itself."""

log = logging.getLogger(__name__)


class Housekeeping:
    """A daemon thread in every worker; several housekeepers at once are harmless."""

    def __init__(self, base: Stores, refresh_metrics: Callable[[], None]) -> None:
        self._base = base
        self._refresh_metrics = refresh_metrics
        self._witness = Witness(base.settings.data_dir)
        self._stop = threading.Event()
        self._is_behind = self._is_sealing = False
        self._sweep_at = 0.0
        wakeups = base.watch.wakeups
        self._ring_changes = Occasion(wakeups, "keys", RING_EVERY)
        self._loose_records = Occasion(wakeups, "audit", SEAL_EVERY, lasting=SEAL_FOR)
        self._growth = Occasion(wakeups, "audit", NOTE_EVERY, lasting=2 * NOTE_PAUSE, pause=NOTE_PAUSE)

    def start(self) -> None:
        threading.Thread(target=self._run, name="housekeeping", daemon=True).start()

    def once(self, *, sweeping: bool) -> None:
        """One round of the housekeeper: seal, record the head, look after keys, and sweep when it is time."""
        self._refresh_metrics()
        self._seal()
        self._keep_house(sweeping=sweeping)

    def _round(self) -> None:
        """One tick of a process, which may be the housekeeper."""
        self._refresh_metrics()
        if self._ring_changes.take() or self._base.rings.is_failing:
            self._base.rings.look()
        if self._growth.take():
            self._note_head()
        if not self._base.watch.is_housekeeper:
            return
        if self._loose_records.take() or self._is_sealing:
            self._is_sealing = self._seal()
        now = time.monotonic()
        sweeping = self._is_behind or now >= self._sweep_at
        if sweeping:
            self._sweep_at = now + SWEEP_EVERY
        self._keep_house(sweeping=sweeping)

    def _seal(self) -> bool:
        """Chain what is loose, for at most about `SEAL_SECONDS`; whether there was anything, and so may be more."""
        if not self._base.trail.has_loose():
            return False
        until = time.monotonic() + SEAL_SECONDS
        while self._base.trail.seal() == audit.BATCH and time.monotonic() < until:
            pass
        self._note_head()
        return True

    def _note_head(self) -> None:
        self._witness.write(self._base.trail.head(), read_counter(self._base.database, "epoch"))

    def _keep_house(self, *, sweeping: bool) -> None:
        rings = self._base.rings
        self._tend(self._base.rotator, rings, rings.known())
        if sweeping:
            self._sweep(self._base.clock())

    def _sweep(self, now: float) -> None:
        """Delete what has expired; what is left after `SWEEP_SECONDS` is deleted in the next round."""
        head, began = self._base.trail.head(), time.monotonic()
        log.info("audit head", extra={"head": f"{head.number}:{head.hash}"})
        oldest = month_before(now, self._base.settings.audit.keep_months)
        for step in (
            lambda: sweep(self._base.database, now, EXPIRING, seconds=SWEEP_SECONDS),
            lambda: self._base.declarations.end_expired(now),
            self._sign_months,
            lambda: self._base.trail.drop_before(oldest, now, seconds=SWEEP_SECONDS),
        ):
            try:
                step()
            except Exception as error:
                # The others are done all the same, and all of them again in a minute.
                log.warning("housekeeping failed", extra={"reason": type(error).__name__})
                began = math.inf
        self._is_behind = time.monotonic() - began > SWEEP_SECONDS

    def _sign_months(self) -> None:
        keys = self._base.audit_keys
        self._tend(keys.rotator, keys.rings, keys.rings.ring())
        self._base.trail.sign_closed(keys.signer.sign)

    def _tend(self, rotator: Rotator, rings: RingCache, known: KeyRing) -> None:
        """Rotate when due; of all workers on all machines one does it."""
        done = rotator.tend(known, "keys.rotate_every")
        if done is None:
            return
        rings.look()
        for change in done.changes:
            log.info("key %s", change.kind, extra={"kid": change.key.kid, "alg": change.key.alg})

    def _run(self) -> None:
        while not self._stop.wait(TICK):
            try:
                self._round()
            except Exception as error:
                # A store that is down is reported by /readyz; this thread has to be alive when it comes back.
                log.warning("housekeeping failed", extra={"reason": type(error).__name__})


def month_before(now: float, months: int) -> str:
    """The calendar month (YYYY-MM) that many months ago, in UTC."""
    today = datetime.fromtimestamp(now, UTC)
    count = today.year * 12 + today.month - 1 - months
    return f"{count // 12:04d}-{count % 12 + 1:02d}"
