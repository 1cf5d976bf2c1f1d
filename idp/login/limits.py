"""How guessing is slowed down without ever locking out another person.

A BHXH code is a guessable number, so anyone can fail logins for anyone. Only one counter refuses: wrong passwords for
one account from one address, or from one browser that the account knows, which no other caller can raise. What others
did in the same network only raises the price. A network is judged by how many *different* accounts failed there beyond
those that succeeded; if there are too many, a correct password also requires a code, there and later wherever it is
used. The same holds for an account that was guessed at from many places. Counters are raised *before* the password is
compared, in one atomic statement, so a burst of parallel guesses gets no more tries than sequential ones.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from idp.limits.durable import COUNTED, COUNTED_A_DAY, DAY, Hit, LimitPolicy

SHARDS = 16
"""The installation's counter is split into this many rows by network: otherwise all logins would wait for one row."""

OWN = LimitPolicy(free=3, base=30, cap=3600, memory=DAY)
SUCCESSES = LimitPolicy(free=200, base=30, cap=30, memory=DAY, sliding=False)


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """The limits of the login page (documented in docs/limits.md, which a test reads).

    A network is risky when `network_accounts` different accounts failed in it in a day, beyond those that succeeded;
    while `total_accounts` failed overall, `network_accounts_then` are enough.
    """

    own: LimitPolicy = OWN
    successes: LimitPolicy = SUCCESSES
    account: LimitPolicy = COUNTED
    others: LimitPolicy = COUNTED_A_DAY
    captcha_after: int = 3
    account_failures: int = 50
    network_accounts: int = 20
    total_accounts: int = 1_000
    network_accounts_then: int = 1


@dataclass(frozen=True, slots=True)
class Try:
    """The counters that one try raises: `own` and `success` may refuse it, the others only rate it."""

    own: Hit
    success: Hit
    account: Hit | None = None
    network: Hit | None = None
    total: Hit | None = None

    @property
    def hits(self) -> list[Hit]:
        counts = (self.own, self.success, self.account, self.network, self.total)
        return [hit for hit in counts if hit]

    @property
    def others(self) -> list[str]:
        """The counters of whole networks."""
        return [hit.key for hit in (self.network, self.total) if hit]


def hits_of(limits: LoginLimits, who: str, *, address: str, network: str, device: str | None) -> Try:
    """The counters of a try: a known device has its own, all others share their address's.

    `who` is the account id, or for an unknown account a keyed digest of the input: both behave alike.
    """
    success = Hit(f"success:{who}", limits.successes)
    if device:
        return Try(Hit(f"device:{who}:{device}", limits.own), success)
    return Try(
        Hit(f"address:{who}:{address}", limits.own),
        success,
        Hit(f"account:{who}", limits.account),
        Hit(f"network:{network}", limits.others),
        Hit(f"total:{crc32(network.encode()) % SHARDS}", limits.others),
    )


def is_risky(limits: LoginLimits, tried: Try, counts: Mapping[str, int]) -> bool:
    """Whether so many different accounts failed in this network that a correct password alone is not enough."""
    if tried.network is None or tried.total is None:
        return False
    is_sprayed = counts[tried.total.key] > limits.total_accounts // SHARDS
    most = limits.network_accounts_then if is_sprayed else limits.network_accounts
    return counts[tried.network.key] > most
