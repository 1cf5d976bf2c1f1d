"""`LoginLimiter`: counts tries at the login page before a password is checked, and judges them after it."""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from idp.accounts import identifiers
from idp.accounts.account import Account
from idp.limits.durable import RateLimits
from idp.limits.work import WorkPrice
from idp.login.limits import LoginLimits, Try, hits_of, is_risky
from idp.login.login_form import LoginFailed, LoginForm
from idp.ports import Clock

NOBODY = "0" * 32
"""An account id that does not exist."""


@dataclass(frozen=True, slots=True)
class Judged:
    """How a try is rated before its password is checked."""

    failed_before: int = 0
    succeeded_before: int = 0
    was_guessed: bool = False
    is_risky_network: bool = False

    @property
    def is_doubtful(self) -> bool:
        return self.was_guessed or self.is_risky_network


class LoginLimiter:
    """`knows_device(account_id, cookie)` tells whether the browser is known to the account."""

    def __init__(
        self,
        rate_limits: RateLimits,
        work: WorkPrice,
        limits: LoginLimits,
        clock: Clock,
        *,
        knows_device: Callable[[str, str | None], bool],
        digest_key: bytes,
    ) -> None:
        self.limits = limits
        self._rate_limits = rate_limits
        self._work = work
        self._clock = clock
        self.knows_device = knows_device
        self._digest_key = digest_key

    def is_priced(self, network: str) -> bool:
        """Whether strangers of this network have to do work before a try."""
        return self._work.price(network) is not None

    def hits_of(self, typed: LoginForm, account: Account | None) -> Try:
        """The counters that this try raises."""
        # Also asked for unknown accounts, so that the response time reveals nothing.
        known = typed.device if self.knows_device(account.id if account else NOBODY, typed.device) else None
        who, device = account.id if account else self._anonymous(typed), known and self._keyed(known)
        return hits_of(self.limits, who, address=typed.address, network=typed.network, device=device)

    def admit(self, tried: Try) -> Judged:
        """Count the try. Raises `LoginFailed` when it has to wait."""
        now = self._clock()
        decisions = self._rate_limits.hit(tried.hits, now)
        refused = [a for a in decisions if not a.allowed]
        if refused:
            # A try that has to wait never reached the hash: it must not use up the counts that allowed it.
            self._rate_limits.forgive(give_back={a.key: 1 for a in decisions if a.allowed})
            raise LoginFailed("wait", max(a.wait(now) for a in refused))
        return self._judged(tried, {a.key: a.count - 1 for a in decisions})

    def _judged(self, tried: Try, before: Mapping[str, int]) -> Judged:
        """Judge by the counts before this try. A known device is only judged by its own."""
        limits, account = self.limits, tried.account
        return Judged(
            failed_before=before[tried.own.key],
            succeeded_before=before[tried.success.key],
            was_guessed=account is not None and before[account.key] >= limits.account_failures,
            is_risky_network=is_risky(limits, tried, before),
        )

    def count_wrong(self, network: str, tried: Try, judged: Judged) -> None:
        """The try failed; a network is judged by the number of different accounts, so the same account counts once."""
        if tried.network is not None:
            self._work.count_wrong(network)
        again = tried.others if judged.failed_before else []
        self._rate_limits.forgive(give_back=dict.fromkeys([tried.success.key, *again], 1))

    def settle_doubt(self, account_id: str) -> None:
        """Forget the guesses at an account whose owner later proved more than the password."""
        self._rate_limits.forgive(clear=[f"account:{account_id}"])

    def count_right(self, tried: Try, judged: Judged) -> None:
        """Forget the failures of this address or device, and count one success for its network, once a day.

        A correct password after much guessing, or from a risky network, may be the guesser's: it is doubted everywhere
        until more is proved.
        """
        good = 1 if judged.succeeded_before or judged.is_risky_network else 2
        doubted = judged.is_doubtful
        clear = [tried.own.key] if doubted or tried.account is None else [tried.own.key, tried.account.key]
        self._rate_limits.forgive(clear=clear, give_back=dict.fromkeys(tried.others, good))
        if judged.is_risky_network and not judged.was_guessed and tried.account is not None:
            doubt = replace(tried.account, weight=self.limits.account_failures)
            self._rate_limits.hit([doubt], self._clock())

    def _anonymous(self, typed: LoginForm) -> str:
        """One name for all spellings of the same unknown identifier, just as a known account has one id."""
        read = identifiers.read(typed.kind, typed.username)
        return "typed:" + self._keyed(f"{typed.kind}:{read or identifiers.canonical(typed.username)}")

    def _keyed(self, text: str) -> str:
        """A short keyed digest: counters of unknown names must not store the input."""
        return hmac.digest(self._digest_key, text.encode(errors="surrogatepass"), hashlib.sha256).hex()[:32]
