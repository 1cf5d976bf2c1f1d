"""`OfficerLogins`: an officer comes in by password and a code of a TOTP device, and stays as long as there is work.

An invitation is the way to both. Whatever is wrong with a login has one answer, in one time: a name that nobody has, a
wrong password, a wrong or used code, a disabled officer.
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
from idp.desk.officers import LOGIN, Lock, Officer, OfficerStore, invitation_digest
from idp.ephemeral_records import digest
from idp.ports import AuditLog, Clock, Event

STEP = 30
SHORTEST = 14
ISSUER_NAME = "BHXH"
_NOBODY = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
Ended = Literal["idle", "ended"]


class LoginRefused(Exception):
    """The login is not accepted; `wait` is how many seconds the next try has to wait."""

    def __init__(self, wait: int = 0) -> None:
        super().__init__("login refused")
        self.wait = wait


class WrongCode(Exception):
    """The code does not fit the secret that was shown."""


class NoInvitation(Exception):
    """The link was used, is over, or never was one."""


@dataclass(frozen=True, slots=True)
class OfficerSession:
    """An officer's browser; `digest` is that of its cookie."""

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
    """Keeps sessions of officers."""

    def open(self, session: OfficerSession, event: Event) -> None:
        """Write a new one and the trail."""
        ...

    def find(self, digest: str) -> tuple[OfficerSession, Officer] | None:
        """The session, also an ended one, and whose it is."""
        ...

    def touch(self, digest: str, now: float) -> None:
        """Somebody was seen."""
        ...

    def end(self, digest: str, event: Event, now: float) -> None:
        """End it."""
        ...


@dataclass(frozen=True, slots=True)
class OfficerLoginForm:
    """What stood in the login form, and where it came from."""

    login: str
    password: str
    code: str
    network: str
    address: str
    user_agent: str = ""


@dataclass(frozen=True, slots=True)
class OfficerLimits:
    """Guessing is slowed per name and address, and per address; wrong codes after right passwords end the device."""

    own: GuessLimit
    address: GuessLimit
    codes: GuessLimit


@dataclass(frozen=True, slots=True)
class SessionLifetimes:
    """How long an officer's session lives: seconds without a request, and at all."""

    idle: float = 900.0
    absolute: float = 28_800.0


class OfficerLogins:
    """Logins, sessions and invitations of officers."""

    def __init__(
        self,
        officers: OfficerStore,
        sessions: OfficerSessions,
        passwords: Passwords,
        limits: OfficerLimits,
        audit: AuditLog,
        clock: Clock,
        stay: SessionLifetimes,
        *,
        key: bytes,
    ) -> None:
        self._officers = officers
        self._sessions = sessions
        self._passwords = passwords
        self._limits = limits
        self._audit = audit
        self._clock = clock
        self._stay = stay
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
        """Whoever is in types one more code, which nobody can use again. Raises `LoginRefused`."""
        if self._limits.codes.wait(officer.id):
            raise self.refused(officer, "codes")
        step = step_of(self._officers.lock(officer.id).totp_secret or _NOBODY, code, self._clock())
        if step is None or not self._officers.spend_step(officer.id, step):
            raise self.refused(officer, "code")
        self._limits.codes.clear(officer.id)

    def seen(self, secret: str) -> Officer | Ended | None:
        """Whose live session this is, or how it ended; None when there is none."""
        found = self._sessions.find(session_digest(secret))
        if found is None:
            return None
        session, officer = found
        now = self._clock()
        if session.ended_at is not None or officer.status != "active" or session.created_at < officer.secured_at:
            return "ended"
        if now - session.last_seen_at >= self._stay.idle or now >= session.expires_at:
            return "idle"
        if now - session.last_seen_at >= min(60.0, self._stay.idle / 10):
            self._sessions.touch(session.digest, now)
        return officer

    def log_out(self, secret: str, officer: Officer) -> None:
        """End the session."""
        event = Event("officer.logout", facts={"officer": officer.login})
        self._sessions.end(session_digest(secret), event, self._clock())

    def invited(self, token: str) -> Officer:
        """Whose invitation this is. Raises `NoInvitation`."""
        officer = self._officers.invited(invitation_digest(token), self._clock()) if len(token) == 43 else None
        if officer is None or officer.status != "active":
            raise NoInvitation
        return officer

    def secret_for(self, token: str) -> str:
        """The TOTP secret that belongs to an invitation: the same on every reload, kept nowhere before."""
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
        """Open a session for whoever proved to be this officer; its secret."""
        secret, now = new_session_secret(), self._clock()
        until = now + self._stay.absolute
        session = OfficerSession(session_digest(secret), officer.id, amr, network, user_agent[:200], now, now, until)
        self._sessions.open(session, Event("officer.login", facts={"officer": officer.login, "by": by}))
        return secret

    def refused(self, officer: Officer | None, why: str) -> LoginRefused:
        """One answer for whatever is wrong; the trail has the reason."""
        facts = {"officer": officer.login if officer else None, "why": why}
        self._audit.record(Event("officer.login_failed", facts=facts))
        return LoginRefused()

    def _keyed(self, purpose: str, text: str) -> str:
        return hmac.digest(self._key, f"{purpose}\0{text}".encode(errors="replace"), hashlib.sha256).hex()


def new_session_secret() -> str:
    """256 bits from the operating system."""
    return "o_" + secrets.token_urlsafe(32)


def session_digest(secret: str) -> str:
    """What the store keeps of a session's cookie."""
    return digest("officer-session", secret)


def step_of(secret: str, code: str, now: float) -> int | None:
    """The time step whose code this is: the present one, the one before or the one after (RFC 6238, 5.2)."""
    typed = "".join(code.split())[:8]
    totp, present = pyotp.TOTP(secret), int(now // STEP)
    found: int | None = None
    for step in (present - 1, present, present + 1):
        # All three are compared, so that time says nothing.
        if hmac.compare_digest(totp.generate_otp(step).encode(), typed.encode(errors="replace")):
            found = step
    return found


def provisioning_url(officer: Officer, secret: str) -> str:
    """What the picture for an authenticator app holds."""
    return pyotp.TOTP(secret).provisioning_uri(name=officer.login, issuer_name=ISSUER_NAME)


def _as_account(officer: Officer) -> Account:
    """What anybody knows of the officer, for the rules of passwords."""
    held = [Identifier("bhxh", officer.bhxh_code, 0.0)] if officer.bhxh_code else []
    held += [Identifier("cccd", officer.citizen_number, 0.0)] if officer.citizen_number else []
    return Account("", "individual", officer.name, email=f"{officer.login}@", identifiers=tuple(held))
