"""When the loop of a worker answers nothing itself: a store has kept it waiting, or too many come at once."""

TOO_LONG = 0.25
"""Seconds of one answer after which a store hangs; a busy machine takes less."""

SHORTEST, LONGEST = 1.0, 30.0
"""Seconds of the first pause, and of the longest: each is twice as long as the one before."""


LONGEST_TURN = 0.05
"""Seconds of answers before the loop looks again at who else is there. The rest queue for threads, so that a flood of
pages is turned away as soon as when threads show them."""


class Pause:
    """A pause begins after an answer that took `TOO_LONG`, and ends by itself; or it lasts for the rest of a turn."""

    def __init__(self) -> None:
        self._next = SHORTEST
        self._until = 0.0
        self._spent = 0.0

    def begin_turn(self) -> None:
        """The loop looks who is there."""
        self._spent = 0.0

    def is_on(self, now: float) -> bool:
        """Whether threads should answer everything."""
        return now < self._until or self._spent > LONGEST_TURN

    def note(self, began: float, ended: float) -> None:
        """The loop has tried to answer one request."""
        self._spent += ended - began
        if ended - began < TOO_LONG:
            self._next = SHORTEST
        else:
            self._until = ended + self._next
            self._next = min(2 * self._next, LONGEST)
