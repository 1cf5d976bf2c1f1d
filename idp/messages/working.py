"""Threads that send what is due: one or a few per channel, so that a slow gateway delays no other channel."""

import logging
import random
import threading
import time

from idp.messages.message import Channel
from idp.messages.sending import Deliveries
from idp.wakeups import Wakeups

IDLE = 30.0
"""Seconds between two looks into a queue that nobody has written to, in case a wakeup was lost."""

PAUSE = 1.0
"""Seconds until the next try when the store is down, or what is due is locked."""

log = logging.getLogger(__name__)


class Workers:
    """The sending threads of a process, which `wakeups` wakes by the name of their channel.

    Several processes may run at once: each message is claimed by one.
    """

    def __init__(self, deliveries: Deliveries, threads: int, wakeups: Wakeups) -> None:
        self._deliveries = deliveries
        self._wakeups = wakeups
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._work, args=(channel,), name=f"send-{channel}", daemon=True)
            for channel in deliveries.channels
            for _ in range(threads)
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, patience: float = 5.0) -> None:
        """Claim nothing more, and wait for running sends; an interrupted one is repeated when its claim expires."""
        self._stop.set()
        self._wakeups.wake_all()
        end = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self, channel: Channel) -> None:
        while not self._stop.is_set():
            seen = self._wakeups.count(channel)
            seconds = self._sends(channel)
            if seconds and not self._stop.is_set():
                self._wakeups.wait(channel, seen, seconds)

    def _sends(self, channel: Channel) -> float:
        """Send what is due, until a stop; returns the seconds until the next look."""
        sent = False
        try:
            if wait := self._deliveries.due_in(channel):
                # Randomly reduced, so that processes do not look in step.
                return min(wait, IDLE * random.uniform(0.8, 1.0))  # noqa: S311
            while not self._stop.is_set() and self._deliveries.next(channel):
                sent = True
        except Exception as error:
            # A store that is down is reported by /readyz; this thread must be alive when it comes back.
            log.warning("sending stands still", extra={"channel": channel, "reason": type(error).__name__})
            return PAUSE
        # What is due and cannot be claimed is in somebody else's hands for a moment.
        return 0.0 if sent else PAUSE
