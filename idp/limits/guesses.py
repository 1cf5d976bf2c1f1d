"""Guesses at something secret that belongs to an account: a code, an old password. A right one forgets the wrong."""

from idp.limits.durable import Hit, LimitPolicy, RateLimits
from idp.ports import Clock


class Guesses:
    """Counts guesses of one kind per account; see `accounts.one_time.GuessLimit`."""

    def __init__(self, rate_limits: RateLimits, clock: Clock, kind: str, policy: LimitPolicy) -> None:
        self._rate_limits = rate_limits
        self._clock = clock
        self._kind = kind
        self._policy = policy

    def wait(self, who: str) -> int:
        """Charge a guess before it is judged; the seconds to wait when it may not be made, else 0."""
        now = self._clock()
        decision = self._rate_limits.hit([Hit(f"{self._kind}:{who}", self._policy)], now)[0]
        return 0 if decision.allowed else decision.wait(now)

    def clear(self, who: str) -> None:
        """A right guess forgets the wrong ones."""
        self._rate_limits.forgive(clear=[f"{self._kind}:{who}"])


class Failures:
    """All counts of an account that a recovery forgets: wrong codes, and wrong passwords from any address."""

    def __init__(self, rate_limits: RateLimits) -> None:
        self._rate_limits = rate_limits

    def clear(self, who: str) -> None:
        self._rate_limits.forgive(clear=[f"{kind}:{who}" for kind in ("account", "code", "code:stranger", "old")])


CODE_GUESSES = LimitPolicy(free=20, base=2_592_000, cap=2_592_000, memory=2_592_000)
"""P-04: twenty wrong codes of an account, over all purposes; then codes open nothing until a recovery."""
