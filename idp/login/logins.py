"""`Logins`: authentication by code and password.

The order matters. The account is looked up, a place in the queue taken, and only then are the captcha and a try used up
and the password hashed; unknown accounts go the same way against a dummy, so response, time and counters are alike.
Only a caller who knows the password learns that an account is disabled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, NoReturn

from idp.accounts import identifiers
from idp.accounts.account import Account, Kind
from idp.accounts.hash_queue import HashCaller
from idp.accounts.password_rules import checked_new
from idp.accounts.passwords import Passwords, WeakPassword, legacy_algorithm
from idp.accounts.people import People
from idp.limits.window import Window
from idp.login.authentication import Authentication, Proved
from idp.login.limiter import Judged, LoginLimiter
from idp.login.limits import Try
from idp.login.login_form import FailureKind, LoginFailed, LoginForm
from idp.ports import AuditLog, Clock, Event

CaptchaMode = Literal["always", "after_failures", "never"]


@dataclass(frozen=True, slots=True)
class LoginRules:
    """The settings of local login."""

    captcha: CaptchaMode
    windows: Mapping[Kind, Window]
    exempt: str | None = None


class Logins:
    """Local login."""

    def __init__(
        self,
        people: People,
        passwords: Passwords,
        limiter: LoginLimiter,
        audit: AuditLog,
        clock: Clock,
        rules: LoginRules,
    ) -> None:
        self._people = people
        self._passwords = passwords
        self._limiter = limiter
        self._audit = audit
        self._clock = clock
        self._rules = rules

    def is_open(self, kind: Kind) -> bool:
        """Whether people of this kind may currently log in with a password."""
        return self._rules.windows.get(kind, Window()).is_open(self._clock())

    def wants_captcha(self, failures: int, network: str) -> bool:
        """Whether the page shows a captcha to a browser whose attempt failed this many times."""
        return self._asks_captcha(lambda: failures) or self._is_priced(network)

    def _asks_captcha(self, failures: Callable[[], int]) -> bool:
        mode = self._rules.captcha
        return mode == "always" or (mode == "after_failures" and failures() >= self._limiter.limits.captcha_after)

    def _is_priced(self, network: str) -> bool:
        return self._rules.captcha != "never" and self._limiter.is_priced(network)

    def with_password(self, typed: LoginForm) -> Proved:
        """Check code and password. Raises `LoginFailed`, and `Busy` before anything is used up."""
        if not self.is_open(typed.kind):
            raise LoginFailed("closed")
        wanted = self._asks_captcha(typed.failures)
        if wanted and typed.captcha is None:
            raise LoginFailed("captcha_wrong")
        # Before the account is read: any later change of it makes this login outdated.
        began = self._clock()
        account, stored = self._find(typed)
        tried = self._limiter.hits_of(typed, account)
        known = tried.network is None
        if not known and self._is_priced(typed.network):
            wanted = True
            self._demand_work(typed)
        with self._passwords.place(HashCaller(typed.network, typed.address, is_known=known)) as hasher:
            solved = typed.captcha is not None and typed.captcha()
            if wanted and not solved:
                raise LoginFailed("captcha_wrong")
            judged = self._admit(tried, solved=solved) if not self._is_exempt(account) else Judged()
            is_right = hasher.verify(stored, typed.password) and account is not None
            is_old = is_right and stored is not None and hasher.is_outdated(stored)
            renewed = hasher.hash(typed.password) if is_old and account and account.is_active else None
        if account and stored and renewed:
            self._renew(account, stored, renewed, typed.password)
        if not is_right or account is None or stored is None:
            self._limiter.count_wrong(typed.network, tried, judged)
            self._failed(account, typed, "login_failed")
        if not account.is_active:
            self._failed(account, typed, "disabled")
        if account.password_good_until is not None and not self._people.spend_password(
            account.id, renewed or stored, began
        ):
            self._failed(account, typed, "temporary_over")
        self._limiter.count_right(tried, judged)
        proof = Authentication(account.id, auth_time=began, amr=("pwd",), acr=1, ial=0, through="password")
        return Proved(proof, account.secured_at, solved or known, known, judged.is_doubtful)

    def _demand_work(self, typed: LoginForm) -> None:
        """Require the work of a stranger before anything is used up. Raises `LoginFailed`.

        An expired or used challenge pays no price; a priced network also requires a correct answer to a live one.
        """
        if typed.captcha is None:
            raise LoginFailed("captcha_needed")
        if wait := typed.owed():
            raise LoginFailed("work", wait)

    def _find(self, typed: LoginForm) -> tuple[Account | None, str | None]:
        """The account, and the hash to check: for nobody that of a stand-in, which no password opens."""
        read = identifiers.read(typed.kind, typed.username)
        if read is None:
            return None, None
        account, stored = self._people.find_for_login(*read, self._passwords.stand_in(":".join(read)))
        return account if account and account.kind == typed.kind else None, stored

    def _renew(self, account: Account, stored: str, renewed: str, password: str) -> None:
        """Store the hash of today in the place of an outdated or wrapped one, unless the password was just changed.

        A password of another system never met our rules. One that does not has to be changed at once.
        """
        algorithm = legacy_algorithm(stored)
        is_weak = algorithm is not None and _is_weak(password, account)
        if self._people.rehash(account.id, stored, renewed, is_weak=is_weak) and algorithm:
            facts: dict[str, str | int | bool | None] = {"algorithm": algorithm, "weak": is_weak}
            self._audit.record(Event("password.renewed", account.id, facts=facts))

    def _is_exempt(self, account: Account | None) -> bool:
        return account is not None and account.id == self._rules.exempt

    def _admit(self, tried: Try, *, solved: bool) -> Judged:
        """Count the try. Raises `LoginFailed` when it has to wait or needs a captcha first."""
        judged = self._limiter.admit(tried)
        dear = judged.is_doubtful or judged.failed_before >= self._limiter.limits.captcha_after
        if self._rules.captcha == "after_failures" and dear and not solved:
            raise LoginFailed("captcha_needed")
        return judged

    def _failed(self, account: Account | None, typed: LoginForm, kind: FailureKind) -> NoReturn:
        self._audit.record(
            Event("login.failed", account.id if account else None, facts={"kind": kind, "audience": typed.kind})
        )
        raise LoginFailed(kind)

    def knows_device(self, account_id: str, device: str | None) -> bool:
        """Whether a person of this account logged in with this browser before."""
        return self._limiter.knows_device(account_id, device)

    def settle_doubt(self, account_id: str) -> None:
        """Forget the guesses at an account whose owner later proved more than the password."""
        self._limiter.settle_doubt(account_id)


def _is_weak(password: str, account: Account) -> bool:
    try:
        checked_new(password, account)
    except WeakPassword:
        return True
    return False
