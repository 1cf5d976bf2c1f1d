"""The secrets of a client: the current one, and the one before it while a portal rolls the new one out."""

from collections.abc import Callable
from dataclasses import dataclass

from idp.at_once import needs_thread
from idp.ports import Clock

NOTED_EVERY = 3600.0
OVERLAP = 7 * 86_400.0
"""Seconds that the old secret goes on being accepted, if the operator does not say otherwise."""
LONGEST_OVERLAP = 90 * 86_400.0

RecordUse = Callable[[str, str, float], None]
"""Writes down that a client used the secret with this digest at that time; whatever cannot be written is left out."""


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """One secret as operators see it; times are seconds since the epoch, None: never, or before it was recorded."""

    digest: str
    made_at: float | None
    expires_at: float | None
    used_at: float | None


class SecretUses:
    """Notes when a secret was last used: at most once an hour per secret and process, so that no login pays for it."""

    def __init__(self, record: RecordUse, clock: Clock) -> None:
        self._record = record
        self._clock = clock
        self._noted: dict[str, float] = {}

    def note(self, client_id: str, digest: str) -> None:
        """The secret with this digest has just authenticated the client."""
        now = self._clock()
        if 0 <= now - self._noted.get(digest, float("-inf")) < NOTED_EVERY:
            return
        needs_thread()
        self._noted[digest] = now
        self._record(client_id, digest, now)
