"""`PasskeyLogins`: a person logs in with a passkey, or strengthens a login with one.

It is a login with two factors at once (level 2), so neither a captcha nor a code is required. Every invalid answer ends
in the same failure; only the log has the reason.
"""

import logging
from typing import Any, NoReturn

from idp.accounts.account import Account, Kind
from idp.accounts.passkey import Ceremony, PasskeyRefused
from idp.accounts.passkeys import Passkeys
from idp.accounts.people import People
from idp.ephemeral_records import digest
from idp.errors import TooMany
from idp.limits.local import LocalRateLimiter
from idp.login.attempt import LoginAttempt
from idp.login.authentication import PASSKEY_METHODS, Authentication, Proved
from idp.login.login_form import LoginFailed
from idp.login.logins import Logins
from idp.ports import AuditLog, Clock, Event

log = logging.getLogger("idp.passkeys")


class PasskeyLogins:
    """Logins and steps by passkey. `logins` tells whether local login is currently open to a kind of people."""

    def __init__(
        self,
        passkeys: Passkeys,
        people: People,
        logins: Logins,
        audit: AuditLog,
        clock: Clock,
        limiter: LocalRateLimiter,
    ) -> None:
        self._passkeys = passkeys
        self._people = people
        self._logins = logins
        self._audit = audit
        self._clock = clock
        self._limiter = limiter

    def has_any(self, account: Account) -> bool:
        """Whether a step may be offered."""
        return bool(self._passkeys.of("account", account.id))

    def begin(self, handle: str, attempt: LoginAttempt, address: str) -> dict[str, Any]:
        """The browser's options for any passkey of ours. Raises `TooMany`."""
        self._pull(address)
        return self._passkeys.begin_use(_login(handle, attempt))

    def begin_step(self, handle: str, attempt: LoginAttempt, account: Account, address: str) -> dict[str, Any]:
        """The browser's options for a passkey of this account. Raises `TooMany`."""
        self._pull(address)
        return self._passkeys.begin_use(_step(handle, attempt, account), of=self._passkeys.of("account", account.id))

    def log_in(
        self, answer: str, handle: str, attempt: LoginAttempt, *, tab: Kind, address: str, device: str | None
    ) -> Proved:
        """The person who answered. Raises `LoginFailed`, `TooMany`."""
        self._pull(address)
        if not self._logins.is_open(tab):
            raise LoginFailed("closed")
        began = self._clock()
        try:
            recognised = self._passkeys.recognise(answer, _login(handle, attempt), "account")
            # Read before the use is recorded: an event that ends passkeys makes the use fail, or this date outdated.
            account = self._people.find(recognised.passkey.holder)
            if account is None or not account.is_active or not self._logins.is_open(account.kind):
                raise PasskeyRefused("the account is closed, or its window is", recognised.passkey.holder)
            self._passkeys.use(recognised)
        except PasskeyRefused as refused:
            self._failed(refused)
        proof = Authentication(account.id, began, PASSKEY_METHODS, acr=2, ial=0, through="passkey", otp_at=began)
        return Proved(
            proof, account.secured_at, trusted=True, known_device=self._logins.knows_device(account.id, device)
        )

    def step(
        self, answer: str, handle: str, attempt: LoginAttempt, account: Account, proof: Authentication, address: str
    ) -> Authentication:
        """`proof` after a passkey of `account` answered. Raises `LoginFailed`, `TooMany`."""
        self._pull(address)
        try:
            self._passkeys.use(self._passkeys.recognise(answer, _step(handle, attempt, account), "account"))
        except PasskeyRefused as refused:
            self._failed(refused)
        if attempt.suspicious:
            self._logins.settle_doubt(account.id)
        return proof.with_passkey(self._clock())

    def _pull(self, address: str) -> None:
        if not self._limiter.hit(address):
            raise TooMany("too many passkeys asked for", retry_after=self._limiter.retry_after)

    def _failed(self, refused: PasskeyRefused) -> NoReturn:
        log.warning("passkey refused", extra={"reason": refused.reason})
        self._audit.record(Event("login.failed", refused.holder, facts={"kind": "passkey"}))
        raise LoginFailed("passkey") from None


def _login(handle: str, attempt: LoginAttempt) -> Ceremony:
    return Ceremony("login", attempt.browser, digest("attempt", handle))


def _step(handle: str, attempt: LoginAttempt, account: Account) -> Ceremony:
    return Ceremony("step_up", attempt.browser, digest("attempt", handle), account.id)
