"""`Logins`: a person proves with code and password who they are.

The order is the point. The account is looked up, a place in the queue taken, and only then are the captcha and a try
spent and the password hashed; unknown accounts walk the same way against a dummy, so answer, time and count are alike.
That an account is disabled is said only to somebody who knows its password.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from idp.accounts import identifiers
from idp.accounts.account import Account, Kind
from idp.accounts.hash_queue import HashCaller
from idp.accounts.passwords import Passwords
from idp.accounts.people import People
from idp.limits.durable import RateLimits
from idp.limits.work import WorkPrice
from idp.login.authentication import Authentication, Proved
from idp.login.limits import LoginLimits, Try, hits_of, is_risky
from idp.ports import AuditLog, Clock, Event

CaptchaMode = Literal["always", "after_failures", "never"]
FailureKind = Literal[
    "login_failed",
    "captcha_wrong",
    "captcha_needed",
    "wait",
    "work",
    "busy",
    "disabled",
    "closed",
    "passkey",
    "temporary_over",
]


NOBODY = "0" * 32
"""The account id that nobody has."""


@dataclass(frozen=True, slots=True)
class Window:
    """From when to when local login is open for an audience (seconds since the epoch; None: no end)."""

    opens_at: float | None = None
    closes_at: float | None = None

    def is_open(self, now: float) -> bool:
        return (self.opens_at is None or now >= self.opens_at) and (self.closes_at is None or now < self.closes_at)


@dataclass(eq=False)
class LoginFailed(Exception):
    """The login was not accepted; `kind` names the sentence, `wait` the seconds until the next try."""

    kind: FailureKind
    wait: int | None = None


@dataclass(frozen=True, slots=True)
class LoginForm:
    """What came with the form and from where. `captcha` takes the challenge and tells whether the answer is right.

    `owed` tells how many seconds that challenge has to wait, because its work was not done.
    """

    kind: Kind
    username: str
    password: str
    captcha: Callable[[], bool] | None
    network: str
    address: str
    device: str | None = None
    failures: int = 0
    owed: Callable[[], int] = lambda: 0


@dataclass(frozen=True, slots=True)
class LoginRules:
    """The settings of local login."""

    captcha: CaptchaMode
    limits: LoginLimits
    windows: Mapping[Kind, Window]
    exempt: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """How a try stands before its password is looked at."""

    failed_before: int = 0
    succeeded_before: int = 0
    was_guessed: bool = False
    is_risky_network: bool = False

    @property
    def is_doubtful(self) -> bool:
        return self.was_guessed or self.is_risky_network


class Logins:
    """Local login. `knows_device(account_id, cookie)` tells whether the browser is known to the account."""

    def __init__(
        self,
        people: People,
        passwords: Passwords,
        rate_limits: RateLimits,
        audit: AuditLog,
        clock: Clock,
        rules: LoginRules,
        *,
        knows_device: Callable[[str, str | None], bool],
        work: WorkPrice,
        digest_key: bytes,
    ) -> None:
        self._people = people
        self._passwords = passwords
        self._rate_limits = rate_limits
        self._audit = audit
        self._clock = clock
        self._rules = rules
        self._knows_device = knows_device
        self._work = work
        self._digest_key = digest_key

    def is_open(self, kind: Kind) -> bool:
        """Whether people of this kind may log in with a password today."""
        return self._rules.windows.get(kind, Window()).is_open(self._clock())

    def wants_captcha(self, failures: int, network: str) -> bool:
        """Whether the page shows a captcha to a browser whose attempt failed so many times."""
        return self._asks_captcha(failures) or self._is_priced(network)

    def _asks_captcha(self, failures: int) -> bool:
        mode = self._rules.captcha
        return mode == "always" or (mode == "after_failures" and failures >= self._rules.limits.captcha_after)

    def _is_priced(self, network: str) -> bool:
        return self._rules.captcha != "never" and self._work.price(network) is not None

    def with_password(self, typed: LoginForm) -> Proved:
        """Check code and password. Raises `LoginFailed`, and `Busy` before anything was spent."""
        if not self.is_open(typed.kind):
            raise LoginFailed("closed")
        wanted = self._asks_captcha(typed.failures)
        if wanted and typed.captcha is None:
            raise LoginFailed("captcha_wrong")
        # Before the account is read: what happens to it from now on makes this login an old one.
        began = self._clock()
        account = self._find(typed)
        tried = self._hits_of(typed, account)
        known = tried.network is None
        if not known and self._is_priced(typed.network):
            wanted = True
            self._demand_work(typed)
        with self._passwords.place(HashCaller(typed.network, typed.address, is_known=known)) as hasher:
            solved = typed.captcha is not None and typed.captcha()
            if wanted and not solved:
                raise LoginFailed("captcha_wrong")
            judged = self._admit(tried, solved=solved) if not self._is_exempt(account) else Judged()
            stored = account.password_hash if account else None
            is_right = hasher.verify(stored, typed.password)
            is_old = is_right and stored is not None and hasher.is_outdated(stored)
            renewed = hasher.hash(typed.password) if is_old and account and account.is_active else None
        if account and stored and renewed:
            self._people.rehash(account.id, stored, renewed)
        if not is_right or account is None or stored is None:
            self._wrong(account, typed, tried, judged)
        if not account.is_active:
            self._failed(account, typed, "disabled")
        if account.password_good_until is not None and not self._people.spend_password(account.id, stored, began):
            self._failed(account, typed, "temporary_over")
        self._right(account, tried, judged)
        proof = Authentication(account.id, auth_time=began, amr=("pwd",), acr=1, ial=0, through="password")
        return Proved(proof, account.secured_at, solved or known, known, judged.is_doubtful)

    def _demand_work(self, typed: LoginForm) -> None:
        """Ask a stranger's price before anything is spent. Raises `LoginFailed`.

        A challenge that is over or was used owes nothing: whoever is priced needs a right answer to a live one too.
        """
        if typed.captcha is None:
            raise LoginFailed("captcha_needed")
        if wait := typed.owed():
            raise LoginFailed("work", wait)

    def _find(self, typed: LoginForm) -> Account | None:
        read = identifiers.read(typed.kind, typed.username)
        account = self._people.find_by_identifier(*read) if read else None
        return account if account and account.kind == typed.kind else None

    def _is_exempt(self, account: Account | None) -> bool:
        return account is not None and account.id == self._rules.exempt

    def _hits_of(self, typed: LoginForm, account: Account | None) -> Try:
        # Asked for unknown accounts too, so that the time tells nothing.
        known = typed.device if self._knows_device(account.id if account else NOBODY, typed.device) else None
        who, device = account.id if account else self._anonymous(typed), known and self._keyed(known)
        return hits_of(self._rules.limits, who, address=typed.address, network=typed.network, device=device)

    def _admit(self, tried: Try, *, solved: bool) -> "Judged":
        """Count the try. Raises `LoginFailed` when it has to wait or needs a captcha first."""
        now = self._clock()
        decisions = self._rate_limits.hit(tried.hits, now)
        refused = [a for a in decisions if not a.allowed]
        if refused:
            # A try that has to wait never reached the hash: it must not fill the counts that let it pass.
            self._rate_limits.forgive(give_back={a.key: 1 for a in decisions if a.allowed})
            raise LoginFailed("wait", max(a.wait(now) for a in refused))
        judged = self._judged(tried, {a.key: a.count - 1 for a in decisions})
        dear = judged.is_doubtful or judged.failed_before >= self._rules.limits.captcha_after
        if self._rules.captcha == "after_failures" and dear and not solved:
            raise LoginFailed("captcha_needed")
        return judged

    def _judged(self, tried: Try, before: Mapping[str, int]) -> "Judged":
        """What the counts were before this try. A known device answers for itself alone."""
        limits, account = self._rules.limits, tried.account
        return Judged(
            failed_before=before[tried.own.key],
            succeeded_before=before[tried.success.key],
            was_guessed=account is not None and before[account.key] >= limits.account_failures,
            is_risky_network=is_risky(limits, tried, before),
        )

    def _wrong(self, account: Account | None, typed: LoginForm, tried: Try, judged: "Judged") -> NoReturn:
        """Nothing succeeded; and a network is judged by different accounts, so the same one counts once."""
        if tried.network is not None:
            self._work.count_wrong(typed.network)
        again = tried.others if judged.failed_before else []
        self._rate_limits.forgive(give_back=dict.fromkeys([tried.success.key, *again], 1))
        self._failed(account, typed, "login_failed")

    def _failed(self, account: Account | None, typed: LoginForm, kind: FailureKind) -> NoReturn:
        self._audit.record(
            Event("login.failed", account.id if account else None, facts={"kind": kind, "audience": typed.kind})
        )
        raise LoginFailed(kind)

    def settle_doubt(self, account_id: str) -> None:
        """Forget the guesses at an account whose owner proved more than the password after them."""
        self._rate_limits.forgive(clear=[f"account:{account_id}"])

    def _right(self, account: Account, tried: Try, judged: "Judged") -> None:
        """Forget the wrong tries of this address or device, and count one success for its network, once a day.

        A right password after much guessing, or from a risky network, may be the guesser's: until more is proved, it
        is doubted wherever it is used.
        """
        good = 1 if judged.succeeded_before or judged.is_risky_network else 2
        doubted = judged.is_doubtful
        clear = [tried.own.key] if doubted or tried.account is None else [tried.own.key, tried.account.key]
        self._rate_limits.forgive(clear=clear, give_back=dict.fromkeys(tried.others, good))
        if judged.is_risky_network and not judged.was_guessed and tried.account is not None:
            doubt = replace(tried.account, weight=self._rules.limits.account_failures)
            self._rate_limits.hit([doubt], self._clock())

    def _anonymous(self, typed: LoginForm) -> str:
        """One name for every way to write the same unknown identifier, as a known account has one id."""
        read = identifiers.read(typed.kind, typed.username)
        return "typed:" + self._keyed(f"{typed.kind}:{read or identifiers.canonical(typed.username)}")

    def _keyed(self, text: str) -> str:
        """A short keyed digest: counts of unknown names must not store what was typed."""
        return hmac.digest(self._digest_key, text.encode(errors="surrogatepass"), hashlib.sha256).hex()[:32]
