"""Time that stands still until a test moves it."""


class FrozenClock:
    """A `Clock`: called, it gives seconds since the epoch; it only moves by `move`."""

    # 2026-03-02 08:00:00 in Hà Nội: a Monday morning, far from month ends and from year ends.
    MONDAY_MORNING = 1_772_413_200.0

    def __init__(self, now: float = MONDAY_MORNING) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def move(self, seconds: float) -> None:
        """Go forward, or back with a negative number, as a badly set clock would."""
        self.now += seconds
