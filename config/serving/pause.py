"""When the loop of a worker answers nothing itself, because a store has kept it waiting."""

TOO_LONG = 0.25
"""Seconds of one answer after which a store hangs; a busy machine takes less."""

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds of the first pause, and of the longest: each is twice as long as the one before."""


class Pause:
    """A pause begins after an answer that took `TOO_LONG`, and ends by itself."""

    def __init__(self) -> None:
        self._next = SHORTEST
        self._until = 0.0

    def is_on(self, now: float) -> bool:
        """Whether threads should answer everything."""
        return now < self._until

    def note(self, began: float, ended: float) -> None:
        """The loop has tried to answer one request."""
        if ended - began < TOO_LONG:
            self._next = SHORTEST
        else:
            self._until = ended + self._next
            self._next = min(2 * self._next, LONGEST)
