"""`Logins`: a person proves with code and password who they are.

The order is the point. The captcha is taken, the account looked up, the try charged to its lane, and only then is the
password hashed; unknown accounts walk the same way against a dummy, so answer, time and count are alike. That an
account is disabled is said only to somebody who knows its password.
"""

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

from idp.accounts import identifiers
from idp.accounts.account import Account, Kind
from idp.accounts.passwords import Passwords
from idp.accounts.people import People
from idp.login.authentication import Authentication, Proved
from idp.login.limits import Admission, Lane, LoginLimits, Throttle, lane
from idp.ports import AuditLog, Clock, Event

CaptchaMode = Literal["always", "after_failures", "never"]
FailureKind = Literal[
    "login_failed", "captcha_wrong", "captcha_needed", "wait", "disabled", "closed", "passkey", "temporary_over"
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


@dataclass(frozen=True, slots=True)
class LoginFailed(Exception):
    """The login was not accepted; `kind` names the sentence, `wait` the seconds until the next try."""

    kind: FailureKind
    wait: int | None = None


@dataclass(frozen=True, slots=True)
class Typed:
    """What came with the form and from where. `captcha` tells whether a right answer was taken."""

    kind: Kind
    username: str
    password: str
    captcha: bool
    network: str
    device: str | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class LoginRules:
    """The settings of local login."""

    captcha: CaptchaMode
    limits: LoginLimits
    windows: Mapping[Kind, Window]
    exempt: str | None = None


class Logins:
    """Local login. `knows_device(account_id, cookie)` tells whether the browser is known to the account."""

    def __init__(
        self,
        people: People,
        passwords: Passwords,
        throttle: Throttle,
        audit: AuditLog,
        clock: Clock,
        rules: LoginRules,
        *,
        knows_device: Callable[[str, str | None], bool],
        digest_key: bytes,
    ) -> None:
        self._people = people
        self._passwords = passwords
        self._throttle = throttle
        self._audit = audit
        self._clock = clock
        self._rules = rules
        self._knows_device = knows_device
        self._digest_key = digest_key

    def is_open(self, kind: Kind) -> bool:
        """Whether people of this kind may log in with a password today."""
        return self._rules.windows.get(kind, Window()).is_open(self._clock())

    def wants_captcha(self, failures: int) -> bool:
        """Whether the page shows a captcha to a browser whose attempt failed so many times."""
        mode = self._rules.captcha
        return mode == "always" or (mode == "after_failures" and failures >= self._rules.limits.captcha_after)

    def with_password(self, typed: Typed) -> Proved:
        """Check code and password. Raises `LoginFailed`, `Busy`."""
        if not self.is_open(typed.kind):
            raise LoginFailed("closed")
        if self.wants_captcha(typed.failures) and not typed.captcha:
            raise LoginFailed("captcha_wrong")
        # Before the account is read: what happens to it from now on makes this login an old one.
        began = self._clock()
        account = self._find(typed)
        exempt = account is not None and account.id == self._rules.exempt
        own = self._lane(typed, account)
        suspicious = self._admit(own, typed) if not exempt else False
        stored = account.password_hash if account else None
        if not self._passwords.verify(stored, typed.password) or account is None or stored is None:
            self._failed(account, typed, "login_failed")
        if not account.is_active:
            self._failed(account, typed, "disabled")
        if account.password_good_until is not None and not self._people.spend_password(account.id, stored, began):
            self._failed(account, typed, "temporary_over")
        self._succeeded(account, stored, typed, own, suspicious=suspicious)
        proof = Authentication(account.id, auth_time=began, amr=("pwd",), acr=1, ial=0, through="password")
        known = own.own.key.startswith("device:")
        return Proved(proof, account.secured_at, typed.captcha or known, known, suspicious)

    def _find(self, typed: Typed) -> Account | None:
        read = identifiers.read(typed.kind, typed.username)
        account = self._people.find_by_identifier(*read) if read else None
        return account if account and account.kind == typed.kind else None

    def _lane(self, typed: Typed, account: Account | None) -> Lane:
        # Asked for unknown accounts too, so that the time tells nothing.
        known = typed.device if self._knows_device(account.id if account else NOBODY, typed.device) else None
        who = account.id if account else self._anonymous(typed)
        return lane(self._rules.limits, who, network=typed.network, device=known and self._keyed(known))

    def _admit(self, own: Lane, typed: Typed) -> bool:
        """Charge the try to its lane; tells whether the account was guessed at too often, whoever did it.

        Raises `LoginFailed` when the try has to wait or needs a captcha first.
        """
        now = self._clock()
        admissions = self._throttle.charge(own.charges, now)
        refused = [a for a in admissions if not a.admitted]
        if refused:
            # A try that has to wait never reached the hash: it must not fill the lanes that let it pass.
            self._throttle.forgive(clear=(), give_back=[a.key for a in admissions if a.admitted])
            raise LoginFailed("wait", max(a.wait(now) for a in refused))
        if self._rules.captcha == "after_failures" and not typed.captcha and self._is_suspicious(own, admissions):
            raise LoginFailed("captcha_needed")
        return self._is_over_limit(own, admissions)

    def _is_suspicious(self, own: Lane, admissions: list[Admission]) -> bool:
        in_lane = next(a.failures - 1 for a in admissions if a.key == own.own.key)
        return in_lane >= self._rules.limits.captcha_after or self._is_over_limit(own, admissions)

    def _is_over_limit(self, own: Lane, admissions: list[Admission]) -> bool:
        """Whether the account's own count is past the limit of NIST: a known device has no such count."""
        count = {a.key: a.failures - 1 for a in admissions}
        limit = self._rules.limits.account_limit
        return any(count[c.key] >= limit for c in own.shared if c.key.startswith("account:"))

    def _failed(self, account: Account | None, typed: Typed, kind: FailureKind) -> NoReturn:
        self._audit.record(
            Event("login.failed", account.id if account else None, facts={"kind": kind, "audience": typed.kind})
        )
        raise LoginFailed(kind)

    def settle_doubt(self, account_id: str) -> None:
        """Forget the guesses at an account whose owner proved more than the password after them."""
        self._throttle.forgive(clear=[f"account:{account_id}"], give_back=())

    def _succeeded(self, account: Account, stored: str, typed: Typed, own: Lane, *, suspicious: bool) -> None:
        # A right password after much guessing may be the guesser's: the doubt stays until more is proved.
        kept = ("network:", "account:") if suspicious else ("network:",)
        mine = [c.key for c in own.charges if not c.key.startswith(kept)]
        shared = [c.key for c in own.shared if c.key.startswith("network:")]
        self._throttle.forgive(clear=mine, give_back=shared)
        if self._passwords.is_outdated(stored):
            self._people.rehash(account.id, stored, self._passwords.hash(typed.password))

    def _anonymous(self, typed: Typed) -> str:
        """One name for every way to write the same unknown identifier, as a known account has one id."""
        read = identifiers.read(typed.kind, typed.username)
        return "typed:" + self._keyed(f"{typed.kind}:{read or identifiers.canonical(typed.username)}")

    def _keyed(self, text: str) -> str:
        """A short keyed digest: counts of unknown names must not store what was typed."""
        return hmac.digest(self._digest_key, text.encode(errors="surrogatepass"), hashlib.sha256).hex()[:32]
