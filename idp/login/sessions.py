"""`Session`: a known browser, with an idle and an absolute limit that the server enforces.

The cookie holds 256 random bits and the store their digest; `sid` is a separate, public name for tokens and lists.
Every login opens a new session, so a cookie from before the login is worthless after it.
"""

import secrets
from dataclasses import dataclass
from typing import Protocol

from idp.accounts.account import Account
from idp.accounts.notices import NO_NOTICE, NOWHERE, Notice, Notices, Scene
from idp.ephemeral_records import digest, new_secret
from idp.login.attempt import LoginAttempt
from idp.login.authentication import Authentication
from idp.ports import Clock


@dataclass(frozen=True, slots=True)
class Session:
    """A login that a browser still carries."""

    sid: str
    authentication: Authentication
    created_at: float
    last_seen_at: float
    expires_at: float
    ended_at: float | None = None
    user_agent: str = ""
    network: str = ""

    @property
    def account_id(self) -> str:
        return self.authentication.account_id

    def is_live(self, now: float, *, limits: "SessionLimits", epoch: float) -> bool:
        """Not ended, not idle or older than today's limits and those of its start, not older than the epoch."""
        until = min(self.expires_at, self.authentication.auth_time + limits.life_of(self.authentication))
        awake = now < until and now < self.last_seen_at + limits.idle
        return awake and self.ended_at is None and self.created_at >= epoch


@dataclass(frozen=True, slots=True)
class ClientInfo:
    """The origin of a request, as far as we store it: browser, network prefix and known-device cookie."""

    user_agent: str
    network: str
    device: str | None = None
    scene: Scene = NOWHERE


class SessionStore(Protocol):
    """Where sessions and known devices are stored, durably."""

    def open(
        self,
        session_digest: str,
        session: Session,
        *,
        device_digest: str | None,
        device_until: float,
        notice: Notice,
        secured_at: float,
        browser: str = "",
        claim: str = "",
    ) -> None:
        """Write session (and known device) in one transaction, with the audit event of the login and its notice.

        Raises `Expired` when the account's last credential event is no longer that of `secured_at`, and when `claim`
        was claimed before: what a session uses up is claimed in the same transaction.

        A live session of the same account with the same `sid` is renewed: its old cookie is worthless afterwards.
        """
        ...

    def touch(self, sid: str, now: float) -> None:
        """Record that the session was seen."""
        ...

    def end(self, account_id: str, *, sid: str | None, but: str | None, now: float) -> list[str]:
        """End one session, or all of the account but one, with their refresh families; returns the ended sids.

        Their clients are notified by messages of the same transaction.
        """
        ...

    def of_account(self, account_id: str, now: float) -> list[Session]:
        """The account's sessions that have not ended or expired, newest first."""
        ...

    def knows_device(self, account_id: str, device_digest: str, now: float) -> bool:
        """Whether this account logged in from the device that holds this secret."""
        ...


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """Seconds: idle limit, absolute limit, how often `last_seen_at` is written, how long a device stays known.

    `brief` is the absolute limit of a brief login.
    """

    idle: float = 1800
    absolute: float = 43_200
    touch_every: float = 60
    device: float = 15_552_000
    brief: float = 3600

    def life_of(self, proof: Authentication) -> float:
        return self.brief if proof.brief else self.absolute


@dataclass(frozen=True, slots=True)
class Opened:
    """What the browser gets after a login: two cookie values (the second only when it asked to be remembered)."""

    session: Session
    cookie: str
    device_cookie: str | None


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(self, store: SessionStore, clock: Clock, limits: SessionLimits, notices: Notices) -> None:
        self._notices = notices
        self._store = store
        self._clock = clock
        self.limits = limits

    def open(
        self,
        proof: Authentication,
        client_info: ClientInfo,
        attempt: LoginAttempt | None,
        account: Account | None,
        *,
        before: Session | None,
        finishes: str = "",
        sid: str = "",
    ) -> Opened:
        """Open a session for `proof`; it is durable before any cookie leaves.

        `before` is the session that this browser still carried: the same person's continues under a new cookie, another
        person's ends here. A login from an unknown device is notified. `finishes` names the attempt that ends with it:
        one attempt opens one session, even if its store has lost data. `sid` is what `sid_of` said, if it was asked.
        """
        now = self._clock()
        sid = sid or sid_of(proof, before)
        if before and before.account_id != proof.account_id:
            self.end(before)
            before = None
        session = self._begun(proof, client_info, sid, now)
        cookie = new_secret("s")
        device = (client_info.device or new_secret("d")) if attempt and attempt.remember else None
        is_new = before is None and not (attempt and attempt.known_device)
        notice = self._notices.of("new_device", account, client_info.scene) if account and is_new else NO_NOTICE
        secured_at = account.secured_at if account else 0.0
        self._store.open(
            session_digest(cookie),
            session,
            device_digest=device_digest(device) if device else None,
            device_until=now + self.limits.device,
            notice=notice,
            secured_at=secured_at,
            browser=client_info.scene.browser,
            claim=finishes,
        )
        return Opened(session, cookie, device)

    def _begun(self, proof: Authentication, client_info: ClientInfo, sid: str, now: float) -> Session:
        # It ends that long after the login, even when only a code was added to the login.
        return Session(
            sid=sid,
            authentication=proof,
            created_at=now,
            last_seen_at=now,
            expires_at=proof.auth_time + self.limits.life_of(proof),
            user_agent=client_info.user_agent[:200],
            network=client_info.network,
        )

    def is_live(self, session: Session, epoch: float) -> bool:
        return session.is_live(self._clock(), limits=self.limits, epoch=epoch)

    def seen(self, session: Session) -> None:
        """Keep the session alive; written at most once every `touch_every` seconds."""
        now = self._clock()
        if now - session.last_seen_at >= self.limits.touch_every:
            self._store.touch(session.sid, now)

    def end(self, session: Session) -> None:
        """End this session and everything issued in it."""
        self._store.end(session.account_id, sid=session.sid, but=None, now=self._clock())

    def end_one(self, account_id: str, sid: str) -> bool:
        """End one session of the account by its public name; False when it has no such session."""
        return bool(self._store.end(account_id, sid=sid, but=None, now=self._clock()))

    def end_all(self, account_id: str, *, but: str | None = None) -> int:
        """End every session of the account, except the one named `but`; returns how many."""
        return len(self._store.end(account_id, sid=None, but=but, now=self._clock()))

    def of_account(self, account_id: str) -> list[Session]:
        now = self._clock()
        sessions = self._store.of_account(account_id, now)
        return [s for s in sessions if now < s.last_seen_at + self.limits.idle]

    def knows_device(self, account_id: str, cookie: str | None) -> bool:
        """Whether the known-device cookie of this browser belongs to the account."""
        if not cookie or len(cookie) > 64:
            return False
        return self._store.knows_device(account_id, device_digest(cookie), self._clock())


def sid_of(proof: Authentication, before: Session | None) -> str:
    """The `sid` of the session of this login: that of the same person's session, which goes on, or a new one."""
    return before.sid if before and before.account_id == proof.account_id else secrets.token_urlsafe(16)


def session_digest(cookie: str) -> str:
    """The form in which the store keeps a session cookie."""
    return digest("session", cookie)


def device_digest(cookie: str) -> str:
    """The form in which the store keeps a known-device cookie."""
    return digest("device", cookie)
