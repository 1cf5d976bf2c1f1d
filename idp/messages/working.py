"""Threads that send what is due: one or a few for each channel, so that a slow gateway holds up nobody else."""

import logging
import random
import threading
import time

from idp.messages.message import Channel
from idp.messages.sending import Deliveries

IDLE = 1.0
"""Seconds between two looks at an empty queue; somewhat fewer, so that processes do not look in step."""

log = logging.getLogger(__name__)


class Workers:
    """The sending threads of a process. Many processes at once do no harm: a message is taken by one."""

    def __init__(self, deliveries: Deliveries, threads: int) -> None:
        self._deliveries = deliveries
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
        """Take nothing more, and wait for what is under way; what is cut off is sent again after its time."""
        self._stop.set()
        end = time.monotonic() + patience
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))

    def _work(self, channel: Channel) -> None:
        while not self._stop.is_set():
            if not self._sends(channel):
                self._stop.wait(IDLE * random.uniform(0.5, 1.0))  # noqa: S311

    def _sends(self, channel: Channel) -> bool:
        try:
            return self._deliveries.next(channel)
        except Exception as error:
            # A store that is down is told by /readyz; this thread has to be there when it comes back.
            log.warning("sending stands still", extra={"channel": channel, "reason": type(error).__name__})
            return False
