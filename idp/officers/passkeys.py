"""`OfficerPasskeys`: an officer logs in with a passkey, which is two factors at once, instead of password and code.

A passkey is added by a logged-in officer who enters another code of the authenticator. A passkey older than the
officer's last reset is not accepted.
"""

import logging
from typing import Any, Protocol

from idp.accounts.notices import NO_NOTICE
from idp.accounts.passkey import Ceremony, Passkey, PasskeyHolder, PasskeyRefused
from idp.accounts.passkeys import Passkeys
from idp.ephemeral_records import digest
from idp.errors import TooMany
from idp.limits.local import LocalRateLimiter
from idp.officers.logins import LoginRefused, OfficerLogins, WrongCode
from idp.officers.officers import Officer

METHODS = "pop user mfa"
"""Proof of possession, presence and recognition of the user: several factors in one (RFC 8176)."""

log = logging.getLogger("idp.passkeys")


class Finder(Protocol):
    """The part of the store of officers that is used here."""

    def find(self, officer_id: str) -> Officer | None:
        """The officer."""
        ...


class OfficerPasskeys:
    """The passkeys of officers; `passkeys` are those for the console's own host."""

    def __init__(self, passkeys: Passkeys, officers: Finder, logins: OfficerLogins, limiter: LocalRateLimiter) -> None:
        self._passkeys = passkeys
        self._officers = officers
        self._logins = logins
        self._limiter = limiter

    def of(self, officer: Officer) -> list[Passkey]:
        """The officer's valid passkeys, oldest first."""
        held = self._passkeys.of("officer", officer.id)
        return [each for each in held if each.created_at >= officer.secured_at]

    def question(self, browser: str, network: str) -> dict[str, Any]:
        """The challenge with which the browser asks for any passkey of an officer. Raises `TooMany`."""
        if not self._limiter.hit(network):
            raise TooMany("too many passkeys asked for", retry_after=self._limiter.retry_after)
        return self._passkeys.begin_use(_login(browser))

    def log_in(self, answer: str, browser: str, network: str, user_agent: str) -> str:
        """The secret of a new session. Raises `LoginRefused`, the same for every failure."""
        try:
            recognised = self._passkeys.recognise(answer, _login(browser), "officer")
            officer = self._officers.find(recognised.passkey.holder)
            stale = officer is None or recognised.passkey.created_at < officer.secured_at
            if officer is None or stale or officer.status != "active":
                raise PasskeyRefused("the officer is disabled, or was reset since", recognised.passkey.holder)
            self._passkeys.use(recognised)
        except PasskeyRefused as refused:
            log.warning("officer's passkey refused", extra={"reason": refused.reason})
            holder = self._officers.find(refused.holder) if refused.holder else None
            raise self._logins.refused(holder, "passkey") from None
        return self._logins.open(officer, network, user_agent, METHODS, by="passkey")

    def begin_adding(self, officer: Officer, browser: str) -> dict[str, Any]:
        """The options with which the browser creates a passkey. Raises `TooManyPasskeys`."""
        return self._passkeys.begin_adding(_holder(officer), _adding(officer, browser))

    def add(self, answer: str, officer: Officer, browser: str, code: str, *, name: str, network: str) -> Passkey:
        """Store it, after an unused code was entered. Raises `WrongCode`, `PasskeyRefused`, `BadName`."""
        try:
            self._logins.prove(officer, code)
        except LoginRefused:
            raise WrongCode from None
        return self._passkeys.finish_adding(
            answer,
            _holder(officer),
            _adding(officer, browser),
            name=name,
            network=network,
            notice=NO_NOTICE,
            secured_at=officer.secured_at,
        )

    def remove(self, officer: Officer, passkey_id: str) -> bool:
        """End one of the officer's own; False when it does not exist."""
        mine = [each for each in self._passkeys.of("officer", officer.id) if each.id == passkey_id]
        return bool(mine) and self._passkeys.end(mine[0], NO_NOTICE)


def _holder(officer: Officer) -> PasskeyHolder:
    return PasskeyHolder("officer", officer.id, officer.login, officer.name)


def _login(browser: str) -> Ceremony:
    return Ceremony("login", browser, digest("officer-door", ""))


def _adding(officer: Officer, browser: str) -> Ceremony:
    return Ceremony("add", browser, digest("officer-door", officer.id), officer.id)
