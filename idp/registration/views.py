"""`ViewBudget`: how many people's papers an officer may open per hour before an alarm, and before it stops.

A form may name any code, so an officer can look up any person by submitting one (M-5): the count is kept in the
database, and neither another browser nor another worker resets it.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from idp.errors import UserError
from idp.limits.budgets import HOUR, Budget, BudgetSpent
from idp.officers.officers import Officer
from idp.ports import AuditLog, Clock, Event
from idp.registration.declaration import ROLES

What = Literal["papers", "pictures"]
EACH: dict[What, int] = {"papers": 1, "pictures": len(ROLES)}
"""Each request has this many pictures; each kind is counted separately."""

log = logging.getLogger("idp.registration")


class TooManyViews(UserError):
    """The officer opened more in this hour than any desk has visitors."""

    kind = "views"
    status = 429


@dataclass(frozen=True, slots=True)
class ViewLimits:
    """How many papers per hour raise an alarm, and after how many nothing more is shown."""

    alarm: int = 200
    most: int = 600


class Counts(Protocol):
    """Counts in the database."""

    def count(self, budget: Budget, now: float) -> BudgetSpent:
        """Add one; returns the total of this window, and when the window ends."""
        ...


class ViewBudget:
    """Counts views. `alarmed` is called for each alarm, for the metric."""

    def __init__(
        self, counts: Counts, audit: AuditLog, clock: Clock, limits: ViewLimits, alarmed: Callable[[str], None]
    ) -> None:
        self._counts = counts
        self._audit = audit
        self._clock = clock
        self._limits = limits
        self._alarmed = alarmed

    def spend(self, officer: Officer, what: What = "papers") -> None:
        """Count a view before it is shown. Raises `TooManyViews`."""
        now, alarm, most = self._clock(), self._limits.alarm * EACH[what], self._limits.most * EACH[what]
        spent = self._counts.count(Budget(f"officer-{what}:{officer.id}", most, HOUR), now)
        # Each alarm is raised once per window, by the view that crosses the limit.
        if spent.units == alarm + 1:
            self._tell(officer, what, "many", alarm)
        if spent.units == most + 1:
            self._tell(officer, what, "refused", most)
        if spent.units > most:
            raise TooManyViews(f"more than {most} {what} in an hour", retry_after=max(1, int(spent.until - now)))

    def _tell(self, officer: Officer, what: What, outcome: str, limit: int) -> None:
        facts: dict[str, str | int | bool | None] = {"officer": officer.login, "what": what, "limit": limit}
        self._audit.record(Event(f"officer.views_{outcome}", facts=facts))
        log.error("ALARM: an officer opens many papers", extra={"what": what, "outcome": outcome, "limit": limit})
        self._alarmed(outcome)
