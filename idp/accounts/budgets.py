"""How many codes may be sent: to a number, for an account, from an address, to a prefix, and to everybody.

Texts cost money and can be used to annoy somebody, so each send is paid from several budgets at once, all or none of
them. A budget is a number of units in a window that begins with the first of them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from idp.errors import Refusal

MINUTE, HOUR, DAY = 60.0, 3_600.0, 86_400.0
JUDGED_AFTER, USED_PART = 200, 0.2
"""So many texts to a prefix in a day are judged by the part whose code was used."""

ALARMS = (0.5, 0.8, 1.0)
"""Parts of a whole installation's budget at which an operator is told."""


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
class Spent:
    """What a budget has come to, and when its window ends."""

    units: int
    until: float


class OverBudget(Refusal):
    """No code is sent now; `retry_after` says when one may be."""

    kind = "otp_wait"
    status = 429

    def __init__(self, key: str, until: float, now: float) -> None:
        super().__init__(f"budget {key.partition(':')[0]}", retry_after=max(1, math.ceil(until - now)))


class CaptchaFirst(Refusal):
    """Budgets are half used: whoever is no known device solves a captcha before another code is sent (W-03)."""

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
    per_prefix_hour: int = 100
    per_minute: int = 600
    per_day: int = 200_000
    price: int = 350
    money_per_day: int = 70_000_000

    def of_send(
        self, receiver: str, who: str, address: str, *, prefix: str | None, sends: bool, stranger: bool
    ) -> tuple[Budget, ...]:
        """What one send is paid from. `receiver` and `who` are keyed digests or ids; `prefix` is None for mail.

        A `stranger` (who recovers) may spend a part of a person's budgets only; the rest is for who knows the password.
        With `sends` False nothing will go out (nobody has this account): whoever asks pays, the installation does not.
        """
        own = (
            Budget(f"number-minute:{receiver}", 1, self.number_pause),
            Budget(f"number-hour:{receiver}", self.per_number_hour, HOUR),
            Budget(f"number-day:{receiver}", self.per_number_day, DAY),
            Budget(f"account-hour:{who}", self.per_account_hour, HOUR),
            *(
                [Budget(f"stranger-hour:{who}", 3, HOUR), Budget(f"stranger-day:{receiver}", 5, DAY)]
                if stranger
                else []
            ),
            # The hotline asks for many, and is no address of anybody.
            *([Budget(f"address-hour:{address}", self.per_address_hour, HOUR)] if address else []),
        )
        cost = 1 if sends and prefix else 0
        shared = (
            Budget("all-minute", self.per_minute, MINUTE, cost, alarming=True),
            Budget("all-day", self.per_day, DAY, cost, alarming=True),
            Budget("all-money", self.money_per_day, DAY, cost * self.price, alarming=True),
        )
        # The same work for nobody: the time must not tell who exists.
        block = Budget(f"prefix-hour:{prefix if sends else 'nobody'}", self.per_prefix_hour, HOUR, cost)
        return (*own, *shared, block) if prefix else own + shared


def prefix_of(number: str) -> str:
    """The first seven digits of a number in E.164: a block that one gateway or one thief holds."""
    return number[1:8]


def over(budgets: Sequence[Budget], spent: Mapping[str, Spent]) -> Budget | None:
    """The first budget that does not allow this spending."""
    return next((b for b in budgets if spent[b.key].units + (not b.cost) > b.limit), None)


def strained(budgets: Sequence[Budget], spent: Mapping[str, Spent]) -> bool:
    """Whether any of them is more than half gone."""
    return any(b.is_strained(spent[b.key].units) for b in budgets)


def wasted(spent: Mapping[str, Spent]) -> bool:
    """Whether the codes sent to a prefix are hardly ever used: somebody is being paid for the texts (W-03)."""
    units = {key.partition(":")[0]: value.units for key, value in spent.items()}
    sent = units.get("prefix-sent", 0) - 1
    return sent >= JUDGED_AFTER and units.get("prefix-used", 0) < sent * USED_PART
