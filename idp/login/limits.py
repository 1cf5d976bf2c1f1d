"""How guessing is slowed without ever closing the door to somebody else.

A BHXH code is a guessable number, so anybody can fail logins for anybody. Only one count refuses: wrong passwords for
one account from one address, or from one browser that the account knows, which nobody else can fill. What others did in
the same network raises the price instead. A network is judged by how many *different* accounts failed there beyond
those that succeeded; where there are too many, a right password also needs a code, there and from then on wherever it
is used. So does an account that was guessed at from many places. Counts are raised *before* the password is compared,
in one atomic statement, so a burst of parallel guesses gets no more tries than a patient one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from zlib import crc32

from idp.limits.durable import COUNTED, COUNTED_A_DAY, DAY, Hit, LimitPolicy

SHARDS = 16
"""The installation's count is kept in so many rows, each for its part of the networks: all logins would wait at one."""

OWN = LimitPolicy(free=3, base=30, cap=3600, memory=DAY)
SUCCESSES = LimitPolicy(free=200, base=30, cap=30, memory=DAY, sliding=False)


@dataclass(frozen=True, slots=True)
class LoginLimits:
    """The numbers of the login page (documented in docs/limits.md, which a test reads).

    `network_accounts` different accounts that failed in a network in a day, beyond those that succeeded, make it a
    risky one; while `total_accounts` failed all over, `network_accounts_then` are enough.
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
    """The counts that one try raises: `own` and `success` may refuse it, the others only judge."""

    own: Hit
    success: Hit
    account: Hit | None = None
    network: Hit | None = None
    total: Hit | None = None

    @property
    def hits(self) -> list[Hit]:
        found = (self.own, self.success, self.account, self.network, self.total)
        return [hit for hit in found if hit]

    @property
    def others(self) -> list[str]:
        """The counts of whole networks."""
        return [hit.key for hit in (self.network, self.total) if hit]


def hits_of(limits: LoginLimits, who: str, *, address: str, network: str, device: str | None) -> Try:
    """The counts of a try: a known device has its own, everybody else shares their address's.

    `who` is the account id, or a keyed digest of what was typed when nobody has it: both behave alike.
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
    """Whether so many different accounts failed in this network that a right password proves too little."""
    if tried.network is None or tried.total is None:
        return False
    is_sprayed = counts[tried.total.key] > limits.total_accounts // SHARDS
    most = limits.network_accounts_then if is_sprayed else limits.network_accounts
    return counts[tried.network.key] > most
