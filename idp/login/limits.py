"""How guessing is slowed without ever locking the owner out.

A BHXH code is a guessable number, so anybody can fail logins for anybody. Delay therefore follows the attacker:
failures are counted per (account, network) and per network. A browser that the account knows has a lane of its own
which
nobody else can fill. The account's own count, across all its identifiers, never locks: it only demands a captcha.
Counts are charged *before* the password is compared, in one atomic statement, so a burst of parallel guesses gets
no more tries than a patient one.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from idp.ports import Clock


@dataclass(frozen=True, slots=True)
class Policy:
    """After `free` failures wait `base` seconds, doubling up to `cap`; forgotten after `memory` seconds.

    `sliding` memory counts from the last failure, otherwise from the first.
    """

    free: int
    base: int
    cap: int
    memory: int
    sliding: bool = True

    def delay(self, failures: int) -> int:
        """Seconds to wait after so many failures."""
        over = failures - self.free
        return 0 if over < 0 else min(self.base << min(over, 16), self.cap)


@dataclass(frozen=True, slots=True)
class Charge:
    """One count to raise."""

    key: str
    policy: Policy


@dataclass(frozen=True, slots=True)
class Admission:
    """What became of a charge: whether this try may go on, and until when the next may not."""

    key: str
    admitted: bool
    failures: int
    blocked_until: float

    def wait(self, now: float) -> int:
        """Whole seconds until the next try."""
        return max(1, math.ceil(self.blocked_until - now))


class Throttle(Protocol):
    """Durable counts; losing one would permit, so they live in SQL."""

    def charge(self, charges: Sequence[Charge], now: float) -> list[Admission]:
        """Raise all counts in one atomic statement; a blocked count is not raised further."""
        ...

    def forgive(self, *, clear: Sequence[str], give_back: Sequence[str]) -> None:
        """After a success: forget the counts in `clear`, take one off those in `give_back`."""
        ...


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """The numbers of the login page (documented in docs/security.md, which a test reads)."""

    lane: Policy = Policy(free=3, base=30, cap=3600, memory=86_400)
    network: Policy = Policy(free=20, base=3600, cap=3600, memory=3600, sliding=False)
    account: Policy = Policy(free=1_000_000, base=1, cap=1, memory=2_592_000)
    captcha_after: int = 3
    account_limit: int = 50


@dataclass(frozen=True, slots=True)
class Lane:
    """The counts that one try is charged to."""

    own: Charge
    shared: tuple[Charge, ...]

    @property
    def charges(self) -> tuple[Charge, ...]:
        return (self.own, *self.shared)


def lane(limits: LoginLimits, who: str, *, network: str, device: str | None) -> Lane:
    """The lane of a try: a known device has its own, everybody else shares their network's.

    `who` is the account id, or a keyed digest of what was typed when nobody has it: both behave alike.
    """
    if device:
        return Lane(Charge(f"device:{who}:{device}", limits.lane), ())
    return Lane(
        Charge(f"lane:{who}:{network}", limits.lane),
        (Charge(f"account:{who}", limits.account), Charge(f"network:{network}", limits.network)),
    )


class Guesses:
    """Counts guesses of one kind per account; see `accounts.one_time.GuessLimit`."""

    def __init__(self, throttle: Throttle, clock: Clock, kind: str, policy: Policy) -> None:
        self._throttle = throttle
        self._clock = clock
        self._kind = kind
        self._policy = policy

    def wait(self, who: str) -> int:
        """Charge a guess before it is judged; the seconds to wait when it may not be made, else 0."""
        now = self._clock()
        admission = self._throttle.charge([Charge(f"{self._kind}:{who}", self._policy)], now)[0]
        return 0 if admission.admitted else admission.wait(now)

    def clear(self, who: str) -> None:
        """A right guess forgets the wrong ones."""
        self._throttle.forgive(clear=[f"{self._kind}:{who}"], give_back=[])


class Failures:
    """All counts of an account that a recovery forgets: wrong codes, and wrong passwords whoever typed them."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle

    def clear(self, who: str) -> None:
        self._throttle.forgive(
            clear=[f"{kind}:{who}" for kind in ("account", "code", "code:stranger", "old")], give_back=[]
        )


CODE_GUESSES = Policy(free=20, base=2_592_000, cap=2_592_000, memory=2_592_000)
"""P-04: twenty wrong codes of an account, over all purposes; then codes open nothing until a recovery."""
