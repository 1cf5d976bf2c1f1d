"""`QrLogins`: all current logins by QR code, kept in the ephemeral store.

The browser's secret leads to the ticket, the ticket to the record, and never back. Each transition is decided by one
`replace`; the loser of a race reads again.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from secrets import randbelow
from typing import Literal

from pydantic import TypeAdapter

from idp.ephemeral_records import digest, new_secret
from idp.errors import Busy, TooMany
from idp.limits.local import LocalRateLimiter
from idp.ports import Clock, EphemeralStore
from qr_login import flow
from qr_login.flow import LIFE, AskingBrowser, Denial, QrLogin, QrRefused, State
from qr_login.picture import Pictures, is_ticket

REMEMBERED = 60.0
"""Seconds after its end in which both sides are still told how a login ended."""

BLOCKED = 3600.0
"""Seconds in which a browser gets no picture after the person answered "not me"."""

INTERVAL, SLOWER = 2, 7
"""Seconds between two polls, and the interval for a client that polls faster (RFC 8628, 3.5: five more)."""

AHEAD = 4.0
"""Seconds of pictures in one poll response; the last of them expires 10 s later."""

UNTIL_SCANNED = 4
"""Seconds between two polls while there are pictures to show; it halves the load of a thousand waiting browsers."""

STRANGE = 5
"""Unknown or forged tickets per minute from one device, after which all its requests are refused."""

SECRET_LENGTH, TRIES = len("q_") + 43, 32
CODEC = TypeAdapter(QrLogin)

Step = Callable[[QrLogin, float], QrLogin]
Claim = Callable[[str, QrLogin], bool]
"""Ends a ticket (its digest) permanently, as delivered or as denied: durable, and True only for the first call.

For a delivery it also says whether the device may still confirm. So a store that loses its last seconds delivers
nothing twice, and nothing that was denied.
"""


Observe = Callable[[str, str], None]
"""Called with what happens (`started`, `refused` or `ended`) and the detail."""


def always(login: QrLogin) -> bool:
    """Accepts every login."""
    return True


@dataclass(frozen=True, slots=True)
class Polled:
    """What a browser is told. `gone` is the same answer for unknown, foreign, delivered and forgotten.

    `login` is set for all others but `slow_down`; `delivered` is returned once only.
    """

    kind: Literal["pending", "scanned", "delivered", "denied", "expired", "gone", "slow_down"]
    login: QrLogin | None = None
    payloads: tuple[str, ...] = ()
    retry_after: int = INTERVAL


class QrLogins:
    """Starts logins and advances them. `claim` finally decides how each ends."""

    def __init__(self, store: EphemeralStore, pictures: Pictures, clock: Clock, claim: Claim) -> None:
        self._store = store
        self._pictures = pictures
        self._clock = clock
        self._claim = claim
        self.observe: Observe = lambda what, why: None
        self._newest = 0.0
        self._polls = LocalRateLimiter(2, 2 * INTERVAL, clock)
        self._strange = LocalRateLimiter(STRANGE, 60, clock)

    def start(
        self, attempt: str, client_id: str, asker: AskingBrowser, *, slow: bool = False, browser: str = ""
    ) -> tuple[str, QrLogin]:
        """A new login for `attempt`, and the secret for the cookie of the browser that asked.

        Raises `QrRefused` when a person answered "not me" to an earlier login of this browser.
        """
        secret, now = new_secret("q"), self._now()
        if browser and self._store.get(f"qn:{browser}", now=now) is not None:
            raise QrRefused("blocked")
        login = QrLogin(attempt, client_id, asker, f"{randbelow(100):02}", now, slow, browser=browser)
        key = self._key(self._pictures.ticket_of(secret))
        self._store.put(key, CODEC.dump_json(login), expires_at=login.expires_at + REMEMBERED, now=now)
        self.observe("started", "slow" if slow else "")
        return secret, login

    def scan(
        self, picture: str, device_id: str, account_id: str, name: str = "", network: str = ""
    ) -> tuple[str, QrLogin]:
        """Bind the login of `picture` to this device, called `name`, in `network`; returns its ticket.

        Raises `QrRefused`, `TooMany`.
        """
        read = self._pictures.read(picture)
        if read is None:
            self.observe("refused", "unreadable")
            raise QrRefused("unreadable")

        def step(login: QrLogin, now: float) -> QrLogin:
            if not self._pictures.is_genuine(read, login.client_id):
                raise QrRefused("forged")
            after = flow.scanned(login, read.step, device_id, account_id, now, self._newest)
            # Two unreadable addresses do not count as the same network.
            near = "/" in network and network == login.asker.network
            return replace(after, device_name=name, near=near)

        return read.ticket, self._asked_by(device_id, read.ticket, step)

    def context(self, ticket: str, device_id: str, account_id: str) -> QrLogin:
        """The login as the device that scanned it may see it now; also whether a second one tried."""
        return self._asked_by(device_id, ticket, lambda login, now: flow.looked_at(login, device_id, account_id, now))

    def confirm(self, ticket: str, device_id: str, account_id: str, number: str) -> QrLogin:
        """The person typed `number`; the caller verified the passcode, and device and account by their session."""
        return self._asked_by(
            device_id, ticket, lambda login, now: flow.confirmed(login, device_id, account_id, number, now)
        )

    def deny(self, ticket: str, device_id: str, account_id: str, why: Denial = "denied") -> QrLogin:
        """The device denies the login, even one that it confirmed a moment ago."""
        return self._asked_by(device_id, ticket, lambda login, now: flow.denied(login, device_id, account_id, now, why))

    def disown(self, ticket: str, device_id: str, account_id: str) -> QrLogin:
        """The person did not ask for this login: it is denied if possible, and its browser gets no other picture.

        Raises `QrRefused` for a login that this device never scanned.
        """
        try:
            login = self.deny(ticket, device_id, account_id, "not_me")
        except QrRefused as refused:
            if refused.why not in ("consumed", "denied", "expired"):
                raise
            login = self._move(ticket, lambda login, _: flow.of_device(login, device_id, account_id))
        now = self._now()
        if login.browser:
            self._store.put(f"qn:{login.browser}", b"not me", expires_at=now + BLOCKED, now=now)
        return login

    def poll(self, secret: str, fits: Callable[[QrLogin], bool] = always) -> Polled:
        """Like `look`, for a script that polls: a client faster than agreed is told only to slow down."""
        key = self._key(self._pictures.ticket_of(secret)) if _is_secret(secret) else ""
        if key and self._polls.is_exhausted(key):
            return Polled("slow_down", retry_after=SLOWER)
        polled = self.look(secret, fits)
        if polled.kind not in ("gone", "delivered"):
            self._polls.hit(key)
        return polled

    def look(self, secret: str, fits: Callable[[QrLogin], bool] = always) -> Polled:
        """What the browser with this secret is told: one read, and a write only for the single delivery.

        `fits` says whether this browser can continue with the login; if not, it stays unchanged.
        """
        if not _is_secret(secret):
            return Polled("gone")
        ticket = self._pictures.ticket_of(secret)
        key = self._key(ticket)
        for _ in range(TRIES):
            now = self._now()
            kept = self._store.get(key, now=now)
            login = CODEC.validate_json(kept) if kept is not None else None
            if kept is None or login is None or not fits(login):
                return Polled("gone")
            polled = self._polled(login, ticket, now)
            if polled.kind != "delivered" or polled.login is None:
                return polled
            if self._store.replace(key, kept, CODEC.dump_json(polled.login), now=now):
                is_first = self._claim(key, polled.login)
                self.observe("ended", "delivered" if is_first else "void")
                return polled if is_first else Polled("gone")
        raise Busy("a QR login changes all the time")

    def _polled(self, login: QrLogin, ticket: str, now: float) -> Polled:
        """What `login` means for its browser; `delivered` carries the value to be stored in its place."""
        try:
            return Polled("delivered", flow.delivered(login, now))
        except QrRefused as refused:
            if refused.why == "consumed":
                return Polled("gone")
            if refused.why == "denied":
                return Polled("denied", login)
            if refused.why == "expired":
                return Polled("expired", login)
        if login.state is State.SCANNED:
            return Polled("scanned", login)
        age = max(0.0, now - login.created_at)
        ahead = min(AHEAD, LIFE - age)
        payloads = self._pictures.payloads(ticket, login.client_id, login.pace, age, ahead)
        return Polled("pending", login, payloads, retry_after=UNTIL_SCANNED)

    def _asked_by(self, device_id: str, ticket: str, step: Step) -> QrLogin:
        """Do a step for a device, unless it is guessing tickets."""
        if self._strange.is_exhausted(device_id):
            raise TooMany("too many strange tickets", retry_after=self._strange.retry_after)
        try:
            return self._move(ticket, step)
        except QrRefused as refused:
            self.observe("refused", refused.why)
            if refused.why in ("unknown", "forged"):
                self._strange.hit(device_id)
            raise

    def _move(self, ticket: str, step: Step) -> QrLogin:
        """Do one step: read, decide, replace exactly what was read; repeat if it changed in the meantime."""
        key = self._key(ticket)
        for _ in range(TRIES):
            now = self._now()
            kept = self._store.get(key, now=now) if is_ticket(ticket) else None
            if kept is None:
                raise QrRefused("unknown")
            login = CODEC.validate_json(kept)
            after, refused = _attempted(step, login, now)
            if after is login or self._store.replace(key, kept, CODEC.dump_json(after), now=now):
                ends = after.state is State.DENIED and login.state is not State.DENIED
                if ends and not self._claim(key, after):
                    raise QrRefused("consumed")
                if ends:
                    self.observe("ended", after.denied_by)
                if refused is not None:
                    raise refused
                return after
        raise Busy("a QR login changes all the time")

    def _now(self) -> float:
        """The time; also remembers the latest, so that a clock that goes back does not make an old picture valid again.

        If it goes back by more than a login's life, every existing login was made in the future and is refused.
        """
        now = self._clock()
        self._newest = now if now < self._newest - LIFE else max(now, self._newest)
        return now

    @staticmethod
    def _key(ticket: str) -> str:
        return f"q:{digest('qr', ticket)}"


def _is_secret(text: str) -> bool:
    """Whether it looks like a browser's secret; nothing else is digested or looked up."""
    return len(text) == SECRET_LENGTH and text.isascii()


def _attempted(step: Step, login: QrLogin, now: float) -> tuple[QrLogin, QrRefused | None]:
    """The login's new value, and the refusal that caused it, if any."""
    try:
        return step(login, now), None
    except QrRefused as refused:
        return refused.after or login, refused
