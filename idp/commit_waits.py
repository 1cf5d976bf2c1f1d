"""Whether a request that commits before it is answered may do so in the loop of a worker, where others wait behind it.

In a thread it costs more than twice the CPU (decision 0005). So on a disk that is quick the loop commits itself.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from idp.at_once import is_in_loop, needs_thread

SHORT = 0.004
"""Seconds of waiting that others may be kept by one commit."""

LATEST = 16
"""Of so many waits the shortest counts: the others were for a core, which a thread would have waited for as well."""

TRIED_AGAIN = 32
"""While waits are long, one in so many is tried in the loop, to see whether they still are."""


class CommitWaits:
    """How long requests that commit wait for the database."""

    def __init__(self) -> None:
        self._latest = deque([0.0], LATEST)
        self._left_to_threads = 0

    def are_short(self) -> bool:
        """Whether the next one may be answered in the loop."""
        if min(self._latest) <= SHORT:
            return True
        self._left_to_threads += 1
        return self._left_to_threads % TRIED_AGAIN == 0

    def demand_short(self) -> None:
        """To be called before anything is done that may end in a commit. Raises `NeedsThread`."""
        if is_in_loop() and not self.are_short():
            needs_thread()

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Around what commits: in the loop all of its time that is not CPU is a wait."""
        if not is_in_loop():
            yield
            return
        began, cpu = time.monotonic(), time.thread_time()
        yield
        self.note(time.monotonic() - began - (time.thread_time() - cpu))

    def note(self, seconds: float) -> None:
        """One request has waited so long."""
        self._latest.append(seconds)
