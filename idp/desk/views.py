"""`ViewBudget`: how many people's papers one officer opens in an hour, before somebody is told and before it ends.

Any form names any code, so an officer can look up whom they like by handing one in (M-5): the count is kept in the
database, and neither another browser nor another worker starts it anew.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from idp.desk.declaration import ROLES
from idp.desk.officers import Officer
from idp.errors import UserError
from idp.limits.budgets import HOUR, Budget, BudgetSpent
from idp.ports import AuditLog, Clock, Event

What = Literal["papers", "pictures"]
EACH: dict[What, int] = {"papers": 1, "pictures": len(ROLES)}
"""Of pictures there are as many to a request; each kind has a count of its own."""

log = logging.getLogger("idp.desk")


class TooManyViews(UserError):
    """The officer opened more in this hour than any desk has visitors."""

    kind = "views"
    status = 429


@dataclass(frozen=True, slots=True)
class ViewLimits:
    """How many papers an hour are told to an operator, and after how many nothing is shown any more."""

    alarm: int = 200
    most: int = 600


class Counts(Protocol):
    """Counts in the database."""

    def count(self, budget: Budget, now: float) -> BudgetSpent:
        """One more; what it has come to in this window, and when the window ends."""
        ...


class ViewBudget:
    """Counts views. `alarmed` is told of each alarm, for the metric."""

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
        # Each is told once in a window, by whoever crosses the line.
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
