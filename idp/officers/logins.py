"""`OfficerLogins`: an officer logs in with a password and a TOTP code, and stays logged in while working.

An invitation sets up both. Every failed login gets the same answer in the same time: an unknown name, a wrong password,
a wrong or used code, a disabled officer.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Literal, Protocol

import pyotp

from idp.accounts.account import Account, Identifier
from idp.accounts.hash_queue import HashCaller
from idp.accounts.one_time import GuessLimit
from idp.accounts.password_rules import checked_new
from idp.accounts.passwords import Passwords, WeakPassword
from idp.ephemeral_records import digest
from idp.officers.officers import LOGIN, Lock, Officer, OfficerStore, invitation_digest
from idp.ports import AuditLog, Clock, Event

STEP = 30
SHORTEST = 14
ISSUER_NAME = "BHXH"
_NOBODY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
Ended = Literal["idle", "ended"]


class LoginRefused(Exception):
    """The login was refused; `wait` is the number of seconds before the next attempt."""

    def __init__(self, wait: int = 0) -> None:
        super().__init__("login refused")
        self.wait = wait


class WrongCode(Exception):
    """The code does not match the secret that was shown."""


class NoInvitation(Exception):
    """The link was used, has expired, or never existed."""


@dataclass(frozen=True, slots=True)
class OfficerSession:
    """The session of an officer's browser; `digest` is that of its cookie."""

    digest: str
    officer_id: str
    amr: str
    network: str
    user_agent: str
    created_at: float
    last_seen_at: float
    expires_at: float
    ended_at: float | None = None


class OfficerSessions(Protocol):
    """Stores sessions of officers."""

    def open(self, session: OfficerSession, event: Event) -> None:
        """Store a new session and its audit event."""
        ...

    def find(self, digest: str) -> tuple[OfficerSession, Officer] | None:
        """The session, even if it has ended, and its officer."""
        ...

    def touch(self, digest: str, now: float) -> None:
        """Record activity in the session."""
        ...

    def end(self, digest: str, event: Event, now: float) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True)
class OfficerLoginForm:
    """The contents of the login form, and where it came from."""

    login: str
    password: str
    code: str
    network: str
    address: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class SessionLifetimes:
    """How long an officer's session lives: seconds without a request, and in total."""

    idle: float = 900.0
    absolute: float = 28_800.0


@dataclass(frozen=True, slots=True)
class OfficerLimits:
    """Guessing is limited per name and address, and per address; wrong codes after right passwords end the device.

    Sessions expire on their own.
    """

    own: GuessLimit
    address: GuessLimit
    codes: GuessLimit
    lifetimes: SessionLifetimes


@dataclass(frozen=True, slots=True)
class OfficerStores:
    """Officers, and their sessions."""

    officers: OfficerStore
    sessions: OfficerSessions


class OfficerLogins:
    """Logins, sessions and invitations of officers."""

    def __init__(
        self,
        stores: OfficerStores,
        passwords: Passwords,
        limits: OfficerLimits,
        audit: AuditLog,
        clock: Clock,
        key: bytes,
    ) -> None:
        self._officers = stores.officers
        self._sessions = stores.sessions
        self._passwords = passwords
        self._limits = limits
        self._audit = audit
        self._clock = clock
        self._key = key

    def log_in(self, typed: OfficerLoginForm) -> str:
        """The secret of a new session. Raises `LoginRefused`, `Busy`."""
        who = self._keyed("name", typed.login.casefold())[:32]
        own = f"{who}:{typed.address}"
        if wait := max(self._limits.own.wait(own), self._limits.address.wait(typed.address)):
            raise LoginRefused(wait)
        officer = self._officers.find_by_login(typed.login) if LOGIN.fullmatch(typed.login) else None
        lock = self._officers.lock(officer.id if officer else "")
        right = self._passwords.verify(lock.password_hash, typed.password, HashCaller(typed.network, typed.address))
        step = step_of(lock.totp_secret or _NOBODY, typed.code, self._clock())
        if officer is None or not right or officer.status != "active" or lock.totp_secret is None:
            raise self.refused(officer, "password" if officer and officer.status == "active" else "officer")
        if self._limits.codes.wait(officer.id):
            raise self.refused(officer, "codes")
        if step is None or not self._officers.spend_step(officer.id, step):
            raise self.refused(officer, "code")
        self._limits.codes.clear(officer.id)
        self._limits.own.clear(own)
        return self.open(officer, typed.network, typed.user_agent, "pwd otp", by="totp")

    def prove(self, officer: Officer, code: str) -> None:
        """A logged-in officer enters one more code, which cannot be used again. Raises `LoginRefused`."""
        if self._limits.codes.wait(officer.id):
            raise self.refused(officer, "codes")
        step = step_of(self._officers.lock(officer.id).totp_secret or _NOBODY, code, self._clock())
        if step is None or not self._officers.spend_step(officer.id, step):
            raise self.refused(officer, "code")
        self._limits.codes.clear(officer.id)

    def seen(self, secret: str) -> Officer | Ended | None:
        """The officer of a live session, or how the session ended; None when it does not exist."""
        kept = self._sessions.find(session_digest(secret))
        if kept is None:
            return None
        session, officer = kept
        now = self._clock()
        if session.ended_at is not None or officer.status != "active" or session.created_at < officer.secured_at:
            return "ended"
        if now - session.last_seen_at >= self._limits.lifetimes.idle or now >= session.expires_at:
            return "idle"
        if now - session.last_seen_at >= min(60.0, self._limits.lifetimes.idle / 10):
            self._sessions.touch(session.digest, now)
        return officer

    def log_out(self, secret: str, officer: Officer) -> None:
        """End the session."""
        event = Event("officer.logout", facts={"officer": officer.login})
        self._sessions.end(session_digest(secret), event, self._clock())

    def invited(self, token: str) -> Officer:
        """The officer of an invitation. Raises `NoInvitation`."""
        officer = self._officers.invited(invitation_digest(token), self._clock()) if len(token) == 43 else None
        if officer is None or officer.status != "active":
            raise NoInvitation
        return officer

    def secret_for(self, token: str) -> str:
        """The TOTP secret of an invitation: the same on every reload, and not stored before it is used."""
        drawn = hmac.digest(self._key, f"totp\0{token}".encode(), hashlib.sha256)[:20]
        return base64.b32encode(drawn).decode()

    def enrol(self, token: str, password: str, code: str) -> Officer:
        """Set password and second factor. Raises `NoInvitation`, `WeakPassword`, `WrongCode`, `Busy`."""
        officer, secret, now = self.invited(token), self.secret_for(token), self._clock()
        normal = checked_new(password, _as_account(officer))
        if len(normal) < SHORTEST:
            raise WeakPassword("too_short")
        step = step_of(secret, code, now)
        if step is None:
            raise WrongCode
        lock = Lock(self._passwords.hash(normal), secret, step)
        event = Event("officer.changed", facts={"officer": officer.login, "what": "enrolled"})
        if not self._officers.enrol(invitation_digest(token), officer, lock, event, now):
            raise NoInvitation
        self._limits.codes.clear(officer.id)
        return officer

    def open(self, officer: Officer, network: str, user_agent: str, amr: str, *, by: str) -> str:
        """Open a session for an officer who was authenticated; returns its secret."""
        secret, now = new_session_secret(), self._clock()
        until = now + self._limits.lifetimes.absolute
        session = OfficerSession(session_digest(secret), officer.id, amr, network, user_agent[:200], now, now, until)
        self._sessions.open(session, Event("officer.login", facts={"officer": officer.login, "by": by}))
        return secret

    def refused(self, officer: Officer | None, why: str) -> LoginRefused:
        """The same answer for every failure; the audit trail has the reason."""
        facts = {"officer": officer.login if officer else None, "why": why}
        self._audit.record(Event("officer.login_failed", facts=facts))
        return LoginRefused()

    def _keyed(self, purpose: str, text: str) -> str:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(errors="replace"), hashlib.sha256).hex()


def new_session_secret() -> str:
    """256 bits from the operating system."""
    return "o_" + secrets.token_urlsafe(32)


def session_digest(secret: str) -> str:
    """What the store keeps of a session cookie."""
    return digest("officer-session", secret)


def step_of(secret: str, code: str, now: float) -> int | None:
    """The time step of this code: the current one, the one before or the one after (RFC 6238, 5.2)."""
    typed = "".join(code.split())[:8]
    totp, present = pyotp.TOTP(secret), int(now // STEP)
    newest: int | None = None
    for step in (present - 1, present, present + 1):
        # All three are compared, so that the timing reveals nothing.
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode(errors="replace")):
            newest = step
    return newest


def provisioning_url(officer: Officer, secret: str) -> str:
    """The content of the QR code for an authenticator app."""
    return pyotp.TOTP(secret).provisioning_uri(name=officer.login, issuer_name=ISSUER_NAME)


def _as_account(officer: Officer) -> Account:
    """The officer's publicly known data, for the password rules."""
    held = [Identifier("bhxh", officer.bhxh_code, 0.0)] if officer.bhxh_code else []
    held += [Identifier("cccd", officer.citizen_number, 0.0)] if officer.citizen_number else []
    return Account("", "individual", officer.name, email=f"{officer.login}@", identifiers=tuple(held))
