"""`Room`: what every room of the container builds on."""

from typing import TypeVar

from config.sections import WindowSettings
from config.stores import Stores
from idp.ephemeral_records import EphemeralRecords, RecordKind
from idp.limits.durable import LimitPolicy
from idp.limits.guesses import Guesses
from idp.limits.local import LocalRateLimiter
from idp.limits.window import Window
from idp.outbound import Outbound

T = TypeVar("T")


class Room:
    """Use cases of one concern. Each property is one object, built on first access."""

    def __init__(self, stores: Stores) -> None:
        self.stores = stores
        self.settings = stores.settings
        self.clock = stores.clock

    def records(self, kind: RecordKind, model: type[T], life: float) -> EphemeralRecords[T]:
        """Short-lived records of a kind; they live `life` seconds."""
        return EphemeralRecords(kind, model, self.stores.ephemeral, self.clock, life=life)

    def limiter(self, most: int, seconds: float = 60) -> LocalRateLimiter:
        """A limiter of this process: `most` in this many seconds, per address."""
        return LocalRateLimiter(most, seconds, self.clock)

    def address_limiter(self) -> LocalRateLimiter:
        """How often an address may start something in a minute."""
        return self.limiter(self.settings.limits.attempts_per_address)

    def total_limiter(self) -> LocalRateLimiter:
        """How often all together may start something in a minute."""
        return LocalRateLimiter(self.settings.limits.attempts_in_total, 60, self.clock, most=1)

    def guesses(self, kind: str, policy: LimitPolicy) -> Guesses:
        """Counts guesses of a kind."""
        return Guesses(self.stores.rate_limits, self.clock, kind, policy)

    def outbound(self) -> Outbound:
        """A client for URLs given by clients: without TLS only on this machine, and not in production."""
        return Outbound(self.settings.outbound.ca_file, plain_http=not self.settings.is_production)


def window(settings: WindowSettings) -> Window:
    """When a login method is open, in seconds since the epoch."""
    opens, closes = settings.opens_at, settings.closes_at
    return Window(opens.timestamp() if opens else None, closes.timestamp() if closes else None)
