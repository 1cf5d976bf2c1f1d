"""One-time codes: one rule for every purpose.

Six digits that live five minutes, bound to purpose, account, attempt and receiver. A try is counted before it is
checked, a new code does not reset the tries and invalidates the previous code, and a correct code works once. A keyed
digest is stored. Requesting a code does not reveal whether an account exists.
"""

import hashlib
import hmac
import logging
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

from idp.accounts.trust import Channel as Channel
from idp.limits.budgets import Budget, BudgetLimits, BudgetSpent, prefix_of
from idp.messages.message import Message
from idp.ports import Clock
from idp.sentences import Language

Purpose = Literal[
    "login", "step_up", "password", "recovery", "contact", "link", "device", "registration", "activation", "profile"
]
Verdict = Literal["right", "wrong", "exhausted"]
Alarm = Callable[[str, float], None]
"""Called when a shared budget reaches a part of its limit: the budget and the part (0.5, 0.8, 1.0)."""

DAY = 86_400.0
log = logging.getLogger(__name__)


STRANGERS: frozenset[Purpose] = frozenset({"recovery", "registration", "link"})
"""Purposes requested by a person who has not proved anything about the account yet."""

COUNTED = 1 << 40
"""The limit of a budget that is only counted."""


@dataclass(frozen=True, slots=True)
class CodeRequest:
    """What a code is for. `bound_to` names the attempt or session; `account_id` is None for an unknown account.

    `who` and `to` are the account and the receiver, or keyed digests of what was typed: both cases behave alike.
    """

    purpose: Purpose
    bound_to: str
    who: str
    channel: Channel
    to: str
    account_id: str | None = None

    @property
    def key(self) -> str:
        """The name under which the store keeps the code; it differs by purpose, attempt and receiver."""
        text = "\0".join((self.purpose, self.bound_to, self.who, self.channel, self.to))
        return urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class NewCode:
    """A code as the store keeps it."""

    key: str
    account_id: str
    digest: str
    good_until: float
    kept_until: float


@dataclass(frozen=True, slots=True)
class StoredCode:
    """What the store knows of a code: its digest, until when it is valid, how many tries it had, when it was sent."""

    digest: str
    good_until: float
    tries: int
    sent_at: float
    used: bool


class CodeStore(Protocol):
    """Where codes and budgets are kept, durably: a lost count would allow more tries."""

    def issue(
        self, code: NewCode | None, budgets: Sequence[Budget], messages: Sequence[Message], now: float, *, trusted: bool
    ) -> dict[str, BudgetSpent]:
        """Charge all budgets, keep the code and accept its message, in one transaction.

        Raises `OverBudget`, and `CaptchaFirst` when a budget is strained and the caller is not `trusted`: then nothing
        is charged, kept or sent.
        """
        ...

    def find(self, key: str, now: float) -> StoredCode | None:
        """The stored code."""
        ...

    def guess(self, key: str, *, most: int, now: float) -> str | None:
        """Count a try and return the digest to compare with; None when no try is left."""
        ...

    def use(self, key: str, digest: str, used: Budget | None, now: float) -> bool:
        """Use up the code: exactly one caller gets True. `used` counts the conversion of its prefix."""
        ...


class GuessLimit(Protocol):
    """Counts wrong codes per account, over all purposes."""

    def wait(self, who: str) -> int:
        """Charge a try before it is checked; more than 0 when the account has no tries left until a recovery."""
        ...

    def clear(self, who: str) -> None:
        """A correct code resets the failures."""
        ...


@dataclass(frozen=True, slots=True)
class CodeRules:
    """Digits, seconds and tries of a code."""

    digits: int = 6
    life: float = 300.0
    tries: int = 5


class OneTimeCodes:
    """Sends and checks codes. `digest_key` keys the digests: six digits alone could be found by brute force."""

    def __init__(
        self,
        store: CodeStore,
        guesses: GuessLimit,
        clock: Clock,
        limits: BudgetLimits,
        *,
        digest_key: bytes,
        rules: CodeRules = CodeRules(),
    ) -> None:
        self._store = store
        self._guesses = guesses
        self._clock = clock
        self._limits = limits
        self._digest_key = digest_key
        self.rules = rules
        self.alarm: Alarm = _log_alarm

    def send(self, ask: CodeRequest, address: str, *, language: Language, trusted: bool) -> float:
        """Send a code (or pretend to, for an unknown account) and return when another may be requested.

        `trusted` says that the caller is a known device or solved a captcha. Raises `OverBudget`, `CaptchaFirst`.
        """
        now = self._clock()
        code = "".join(secrets.choice("0123456789") for _ in range(self.rules.digits))
        new = NewCode(ask.key, ask.who[:32], self._digest(ask.key, code), now + self.rules.life, now + DAY)
        self._pay(ask, address, new, self._message(ask, code, new.good_until, language), trusted=trusted)
        return now + self._limits.number_pause

    def tell(self, ask: CodeRequest, message: Message, address: str) -> None:
        """Send a message other than a code from the same budgets; none for an unknown account. Raises `OverBudget`."""
        self._pay(ask, address, None, message, trusted=True)

    def _pay(self, ask: CodeRequest, address: str, new: NewCode | None, message: Message, *, trusted: bool) -> None:
        sends = ask.account_id is not None
        # Anyone may enter any address in a registration: its cost is not charged to anyone's other codes.
        purse = "receiver registration" if ask.purpose == "registration" else "receiver"
        receiver, prefix = self._digest(purse, ask.to), prefix_of(ask.to) if ask.channel == "sms" else None
        stranger = ask.purpose in STRANGERS
        budgets = self._limits.of_send(
            receiver,
            ask.who,
            address,
            prefix=prefix,
            sends=sends,
            stranger=stranger,
            owned=ask.purpose != "registration",
        )
        if new and stranger and ask.channel == "sms":
            budgets += self._conversion(ask, address)
        # For an unknown account an already expired message is written too: the request must take the same time for all.
        spoken = message if sends else replace(message, to="nobody", good_until=0.0)
        spent = self._store.issue(new, budgets, [spoken], self._clock(), trusted=trusted)
        for budget in budgets:
            for part in budget.crossed(spent[budget.key].units):
                self.alarm(budget.key, part)

    def next_send(self, ask: CodeRequest) -> float | None:
        """When another code may be requested; None when none was sent yet."""
        kept = self._store.find(ask.key, self._clock())
        return kept.sent_at + self._limits.number_pause if kept else None

    def check(self, ask: CodeRequest, typed: str) -> Verdict:
        """Check what was typed: `right` once, `exhausted` when neither this code nor another try is left."""
        digits = "".join(c for c in typed[:32] if c.isdigit() and c.isascii())
        if len(digits) != self.rules.digits:
            return "wrong"
        now = self._clock()
        digest = self._store.guess(ask.key, most=self.rules.tries, now=now)
        if digest is None:
            return "exhausted" if self.is_exhausted(ask) else "wrong"
        # Charged only if there is something to check, and separately for strangers and for people who proved a
        # password: nobody else can use up the owner's tries.
        counted = f"stranger:{ask.who}" if ask.purpose == "recovery" else ask.who
        if self._guesses.wait(counted):
            return "exhausted"
        if not hmac.compare_digest(digest, self._digest(ask.key, digits)):
            return "wrong"
        if ask.account_id is None or not self._store.use(ask.key, digest, self._used(ask), now):
            return "wrong"
        self._guesses.clear(counted)
        return "right"

    def is_exhausted(self, ask: CodeRequest) -> bool:
        """Whether no try is left for this purpose, attempt and receiver, even with a new code."""
        kept = self._store.find(ask.key, self._clock())
        return kept is not None and not kept.used and kept.tries >= self.rules.tries

    def _message(self, ask: CodeRequest, code: str, good_until: float, language: Language) -> Message:
        facts = {"code": code, "purpose": ask.purpose, "minutes": str(round(self.rules.life / 60))}
        return Message(ask.channel, ask.to, "otp", good_until, facts, language, account_id=ask.account_id)

    def _conversion(self, ask: CodeRequest, address: str) -> tuple[Budget, ...]:
        """The counters that show how many of a prefix's codes were used, and who requests many (W-03)."""
        known = ask.account_id is not None
        prefix = prefix_of(ask.to) if known else "nobody"
        sent = Budget(f"prefix-sent:{prefix}", COUNTED, DAY, cost=int(known))
        asker = Budget(f"asker-day:{address}", COUNTED, DAY)
        return (sent, Budget(f"prefix-used:{prefix}", COUNTED, DAY, cost=0), *([asker] if address else []))

    def _used(self, ask: CodeRequest) -> Budget | None:
        is_judged = ask.channel == "sms" and ask.purpose in STRANGERS
        return Budget(f"prefix-used:{prefix_of(ask.to)}", COUNTED, DAY) if is_judged else None

    def _digest(self, key: str, code: str) -> str:
        hashed = hmac.digest(self._digest_key, f"{key}\0{code}".encode(), hashlib.sha256)
        return urlsafe_b64encode(hashed).rstrip(b"=").decode()


def _log_alarm(budget: str, part: float) -> None:
    log.error("send budget", extra={"budget": budget, "part": part})
