"""How many codes may be sent: to a number, for an account, from an address, to a prefix, and to everybody.

Texts cost money and can be used to annoy somebody, so each send is paid from several budgets at once, all or none of
them. A budget is a number of units in a window that begins with the first of them.
"""

import ipaddress
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from idp.errors import UserError

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
JUDGED_AFTER, USED_PART, FEW = 200, 0.2, 3
"""So many texts to a prefix in a day are judged by the part whose code was used, for who asks for more than a few."""

ALARMS = (0.5, 0.8, 1.0)
"""Fractions of the installation's budget at which an operator is alerted."""


@dataclass(frozen=True, slots=True)
class Budget:
    """At most `limit` units of `key` in `window` seconds. `cost` 0 asks without spending."""

    key: str
    limit: int
    window: float
    cost: int = 1
    alarming: bool = False

    def is_strained(self, spent: int) -> bool:
        """Whether more than half is gone; a budget of one or two cannot say."""
        return self.limit >= 5 and spent * 2 > self.limit

    def crossed(self, spent: int) -> list[float]:
        """The alarms that this spending set off."""
        if not self.alarming:
            return []
        return [part for part in ALARMS if spent - self.cost < self.limit * part <= spent]


@dataclass(frozen=True, slots=True)
class BudgetSpent:
    """What a budget has come to, and when its window ends."""

    units: int
    until: float


class OverBudget(UserError):
    """No code is sent now; `retry_after` says when one may be."""

    kind = "otp_wait"
    status = 429

    def __init__(self, key: str, until: float, now: float) -> None:
        super().__init__(f"budget {key.partition(':')[0]}", retry_after=max(1, math.ceil(until - now)))


class CaptchaFirst(UserError):
    """Budgets are half used: an unknown device solves a captcha before another code is sent (W-03)."""

    kind = "captcha_needed"
    status = 429


@dataclass(frozen=True, slots=True)
class BudgetLimits:
    """The numbers of W-01 and W-03. `price` is one text in đồng; `money_per_day` caps what a day may cost."""

    number_pause: float = 60.0
    per_number_hour: int = 5
    per_number_day: int = 10
    per_account_hour: int = 5
    per_address_hour: int = 20
    per_desk_hour: int = 500
    desks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    per_prefix_hour: int = 100
    per_minute: int = 600
    per_day: int = 200_000
    price: int = 350
    money_per_day: int = 70_000_000

    def of_send(
        self, receiver: str, who: str, address: str, *, prefix: str | None, sends: bool, stranger: bool, owned: bool
    ) -> tuple[Budget, ...]:
        """What one send is paid from. `receiver` and `who` are keyed digests or ids; `prefix` is None for mail.

        A `stranger`, who has proved nothing yet, may spend a part of each budget only and pays for the own address; the
        rest is for those who proved something. `owned` says that there is an owner whose budgets these are. With
        `sends` False nothing will go out (there is no such account): the asker pays, the installation does not.
        """
        own: tuple[Budget, ...] = (
            Budget(f"number-minute:{receiver}", 1, self.number_pause),
            Budget(f"number-hour:{receiver}", self.per_number_hour, HOUR),
            Budget(f"number-day:{receiver}", self.per_number_day, DAY),
            Budget(f"account-hour:{who}", self.per_account_hour, HOUR),
        )
        if stranger and owned:
            own += (Budget(f"stranger-hour:{who}", 3, HOUR), Budget(f"stranger-day:{receiver}", 5, DAY))
        # The hotline asks for many, and is no address of anybody.
        if stranger and address:
            own += (Budget(f"address-hour:{address}", self._per_address(address), HOUR),)
        shared = self._of_texts(prefix, sends=sends) if prefix else ()
        return own + shared + (tuple(map(_half, shared)) if stranger else ())

    def _of_texts(self, prefix: str, *, sends: bool) -> tuple[Budget, ...]:
        cost = int(sends)
        return (
            Budget("all-minute", self.per_minute, MINUTE, cost, alarming=True),
            Budget("all-day", self.per_day, DAY, cost, alarming=True),
            Budget("all-money", self.money_per_day, DAY, cost * self.price, alarming=True),
            # The same work without an account: timing must not reveal who exists.
            Budget(f"prefix-hour:{prefix if sends else 'nobody'}", self.per_prefix_hour, HOUR, cost),
        )

    def _per_address(self, address: str) -> int:
        """An agency's desk, where everybody who comes sits at one computer, has more than a home."""
        try:
            place = ipaddress.ip_network(address)
        except ValueError:
            return self.per_address_hour
        is_desk = any(place.version == desk.version and place.subnet_of(desk) for desk in self.desks)  # type: ignore[arg-type]
        return self.per_desk_hour if is_desk else self.per_address_hour


def _half(shared: Budget) -> Budget:
    """What strangers may spend of a budget that they share with owners."""
    return replace(shared, key=f"strangers-{shared.key}", limit=max(1, shared.limit // 2), alarming=False)


def prefix_of(number: str) -> str:
    """The first seven digits of a number in E.164: a block that one gateway or one thief holds."""
    return number[1:8]


def over(budgets: Sequence[Budget], spent: Mapping[str, BudgetSpent]) -> Budget | None:
    """The first budget that does not allow this spending."""
    return next((b for b in budgets if spent[b.key].units + (not b.cost) > b.limit), None)


def strained(budgets: Sequence[Budget], spent: Mapping[str, BudgetSpent]) -> bool:
    """Whether any of them is more than half gone."""
    return any(b.is_strained(spent[b.key].units) for b in budgets)


def wasted(spent: Mapping[str, BudgetSpent]) -> bool:
    """Whether a stranger who asks for many codes asks for a prefix whose codes are hardly ever used (W-03).

    Such texts may be part of a fraud that earns money. Callers who proved something, or ask for few, are not judged by
    it.
    """
    units = {key.partition(":")[0]: value.units for key, value in spent.items()}
    sent = units.get("prefix-sent", 0) - 1
    is_wasted = sent >= JUDGED_AFTER and units.get("prefix-used", 0) < sent * USED_PART
    return is_wasted and units.get("asker-day", 0) > FEW
