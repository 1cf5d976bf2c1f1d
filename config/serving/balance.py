"""How many connections each worker has, so that a burst of new ones does not all go to the worker that woke first."""

import mmap
import time

MOST_WORKERS = 128
LEAD = 2
"""Connections that a worker may have more than another before it lets that one accept the next."""

REACTION = 0.0005
"""Seconds in which a worker with fewer connections accepts a new one, if it has nothing else to do."""

_NOBODY = 0xFFFF


class Balance:
    """Counts in memory that is shared with all forks; a worker writes at the place of its age alone."""

    def __init__(self) -> None:
        self._counts = memoryview(mmap.mmap(-1, 2 * MOST_WORKERS)).cast("H")
        for age in range(MOST_WORKERS):
            self.leave(age)

    def put(self, age: int, connections: int) -> None:
        """Tell the others how many connections the worker has."""
        self._counts[age % MOST_WORKERS] = min(connections, _NOBODY - 1)

    def leave(self, age: int) -> None:
        """The worker accepts no more."""
        self._counts[age % MOST_WORKERS] = _NOBODY

    def others_accept(self, connections: int) -> bool:
        """Whether a worker with so many connections leaves the next one to another, which has fewer and accepts now.

        One that does not react within `REACTION` is busy, or gone.
        """
        fewest = min(self._counts)
        if connections < LEAD + fewest:
            return False
        time.sleep(REACTION)
        return min(self._counts) > fewest
