"""`Window`: from when to when a way in is open."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Window:
    """Seconds since the epoch; None is no end."""

    opens_at: float | None = None
    closes_at: float | None = None

    def is_open(self, now: float) -> bool:
        return (self.opens_at is None or now >= self.opens_at) and (self.closes_at is None or now < self.closes_at)
