"""`LoginAttempt`: one browser on its way to one client.

State is kept per attempt, not per browser, so two tabs are two attempts and both finish. Only the browser that began it
may continue: the attempt holds the digest of a secret in that browser's cookie. That secret is older than the login, so
it may have leaked before: with a proof the attempt gets a second one, in a separate cookie, and both are then required.
`/authorize` reads the parameters again from here on every return and validates them anew, so a half-finished login
cannot smuggle anything in.
"""

from dataclasses import dataclass, replace
from enum import StrEnum

from idp.ephemeral_records import EphemeralRecords, digest, new_secret
from idp.errors import Expired, OtherBrowser, TooMany
from idp.limits.local import LocalRateLimiter
from idp.login.authentication import Authentication, Proved
from idp.ports import NewRecord, Spent

Params = tuple[tuple[str, str], ...]


class Purpose(StrEnum):
    """What a login is for. All but the first require a person who acts now, not a session that was left open."""

    LOGIN = "login"
    REAUTHENTICATION = "reauthentication"
    STEP_UP = "step_up"
    RECOVERY = "recovery"
    LINKING = "linking"


@dataclass(frozen=True, slots=True)
class LoginAttempt:
    """The authorization request, the proofs so far, and the browser it belongs to.

    `step_up` names the live session (`sid`) to whose login a code is to be added, `return_to` our own page when no
    client asked. `trusted` says that a captcha was solved or that the device is known, `suspicious` that there were
    guesses at this account before. `new_password` is the hash of a chosen password that waits for its code. `fresh`
    says that the person logged in here, and did not only add a code to a session; `secured_at` is the date of the
    account's last credential event as the proof saw it: a proof with another date is invalid. `linking` names the
    linking flow of a person brought by an upstream who logs in here to be linked. `takes_over` names the device that
    the person agreed to replace with another phone. `second` is the digest of the secret that the browser got with the
    proof. `recovers` says that a new password is to be set, `review` names a link after which the person is asked which
    older login methods to keep.
    """

    params: Params
    client_id: str
    redirect_origin: str
    browser: str
    started_at: float
    proof: Authentication | None = None
    remember: bool = False
    consented_by: str = ""
    failures: int = 0
    login_hint: str = ""
    step_up: str = ""
    return_to: str = "/account"
    trusted: bool = False
    known_device: bool = False
    suspicious: bool = False
    new_password: str = ""
    postponed: bool = False
    fresh: bool = False
    secured_at: float = 0.0
    linking: str = ""
    takes_over: str = ""
    second: str = ""
    recovers: bool = False
    review: str = ""

    @property
    def purpose(self) -> Purpose:
        """Its purpose, as sent to an upstream; a client may require a login that happens now, or another person."""
        params = dict(self.params)
        if self.recovers:
            return Purpose.RECOVERY
        if self.step_up:
            return Purpose.STEP_UP
        if {"login", "select_account"} & set(params.get("prompt", "").split()) or "max_age" in params:
            return Purpose.REAUTHENTICATION
        return Purpose.LOGIN

    def belongs_to(self, held: "Held") -> bool:
        return self.is_begun_by(held) and self.second in ("", _second_of(held.second))

    def is_begun_by(self, held: "Held") -> bool:
        return self.browser == browser_of(held.browser)


@dataclass(frozen=True, slots=True)
class Held:
    """A browser's secrets for one attempt: the first one, and the second one that it got with the proof."""

    browser: str
    second: str = ""


def _second_of(secret: str) -> str:
    return digest("second", secret)


def browser_of(browser_secret: str) -> str:
    """The form in which an attempt keeps the browser's cookie."""
    return digest("browser", browser_secret)


def _begun(attempt: LoginAttempt | None, held: Held) -> LoginAttempt:
    """The attempt, if this browser began it. Raises `Expired`, `OtherBrowser`."""
    if attempt is None:
        raise Expired("no such attempt, or it was finished")
    if not attempt.is_begun_by(held):
        raise OtherBrowser("cookie does not match the attempt")
    return attempt


class Attempts:
    """Keeps attempts, and allows only the right browser to use them."""

    def __init__(
        self, records: EphemeralRecords[LoginAttempt], *, per_address: LocalRateLimiter, total: LocalRateLimiter
    ) -> None:
        self._records = records
        self._per_address = per_address
        self._total = total

    def begin(self, attempt: LoginAttempt, address: str) -> str:
        """Store a new attempt and return its handle. Raises `TooMany` when the address, or all, start too many.

        Existing attempts continue to work: only new ones are refused (RFC 6819, 4.4.1.11).
        """
        if not self._per_address.hit(address) or not self._total.hit("all"):
            raise TooMany("too many logins begun", retry_after=self._per_address.retry_after)
        return self._records.add(attempt)

    def load(self, handle: str, held: Held) -> LoginAttempt:
        """The live attempt of this browser. Raises `Expired`, `OtherBrowser`."""
        attempt = _begun(self._records.find(handle), held)
        if not attempt.belongs_to(held):
            raise OtherBrowser("cookie does not match the attempt")
        return attempt

    def load_for_login(self, handle: str, held: Held) -> LoginAttempt:
        """The same for a form that carries its own proof, and builds on no earlier one: it may be sent twice.

        After a double click the browser may drop the first response, and with it the second secret.
        """
        return _begun(self._records.find(handle), held)

    def load_for_login_and_put(self, handle: str, held: Held, new: NewRecord) -> tuple[LoginAttempt, bool]:
        """The same, and in one step `new` is put beside a live attempt; the second says whether it was."""
        attempt, was_put = self._records.find_and_put(handle, new)
        return _begun(attempt, held), was_put

    def logged_in(self, handle: str, attempt: LoginAttempt, proved: Proved, *, remember: bool, review: str = "") -> str:
        """Record a login; anything that another person began in the same attempt is forgotten.

        `review` names a link after which the person is asked what to keep. Returns the second secret, for the browser.
        Raises `Expired` when another request changed the attempt meanwhile.
        """
        after = replace(
            attempt,
            proof=proved.authentication,
            remember=remember,
            trusted=proved.trusted,
            known_device=proved.known_device,
            suspicious=proved.suspicious,
            step_up="",
            new_password="",
            postponed=False,
            fresh=True,
            secured_at=proved.secured_at,
            takes_over="",
            review=review,
        )
        return self._bind(handle, attempt, replace(after, second=""))

    def strengthened(self, handle: str, attempt: LoginAttempt, proof: Authentication, secured_at: float) -> str:
        """Record a proof strengthened by a code or a new password, on the account as of `secured_at`."""
        after = replace(attempt, proof=proof, new_password="", secured_at=secured_at)
        return self._bind(handle, attempt, after)

    def linked(
        self, handle: str, attempt: LoginAttempt, proof: Authentication | None, secured_at: float, review: str = ""
    ) -> str:
        """Record that the linking flow is over: with the proof as of a new link, or unchanged when there is none."""
        after = replace(attempt, proof=proof, linking="", secured_at=secured_at, review=review)
        return self._bind(handle, attempt, after)

    def reviewed(self, handle: str, attempt: LoginAttempt, proof: Authentication, secured_at: float) -> str:
        """Record that the person has decided what to keep."""
        return self._bind(handle, attempt, replace(attempt, proof=proof, review="", secured_at=secured_at))

    def _bind(self, handle: str, attempt: LoginAttempt, after: LoginAttempt) -> str:
        """Protect `after`, which holds a proof, with a second secret and return it; empty if it already has one.

        Every proof comes through here. A code on top of a login keeps the secret of that login: it was unknown before.
        """
        secret = "" if after.second else new_secret("p")
        self.replace(handle, attempt, replace(after, second=_second_of(secret)) if secret else after)
        return secret

    def to_link(self, handle: str, attempt: LoginAttempt, ceremony: str) -> None:
        """Record the linking flow that the next login is for; earlier proofs are forgotten."""
        self.replace(handle, attempt, replace(attempt, proof=None, fresh=False, linking=ceremony))

    def took_over(self, handle: str, attempt: LoginAttempt, device_id: str) -> None:
        """Record that the person agreed to replace this device.

        A code that was entered earlier does not count.
        """
        proof = replace(attempt.proof, otp_at=None) if attempt.proof else None
        self.replace(handle, attempt, replace(attempt, takes_over=device_id, proof=proof))

    def name_of(self, handle: str) -> str:
        """The key of the attempt in the store: it can only be used to end the attempt."""
        return self._records.key_of(handle)

    def forget(self, name: str) -> None:
        """End the attempt of this name, with all its proofs."""
        self._records.forget(name)

    def consented(self, handle: str, attempt: LoginAttempt, account_id: str) -> None:
        """Record that this person agreed to share what the request asks for."""
        self.replace(handle, attempt, replace(attempt, consented_by=account_id))

    def failed(self, handle: str, attempt: LoginAttempt) -> None:
        """Count a failure of this attempt; losing the race to another tab's failure is harmless."""
        self._records.replace(handle, attempt, replace(attempt, failures=attempt.failures + 1))

    def finish(self, handle: str, new: NewRecord | None = None) -> LoginAttempt:
        """Take the attempt, once, before anything is issued. Raises `Expired` for all other callers.

        `new` is put in the same step, for this caller only.
        """
        taken = self._records.take(handle, new)
        if taken is None or isinstance(taken, Spent):
            raise Expired("attempt was finished before")
        return taken

    def replace(self, handle: str, old: LoginAttempt, new: LoginAttempt) -> None:
        """Replace `old` with `new`. Raises `Expired` when it changed or ended meanwhile."""
        if not self._records.replace(handle, old, new):
            raise Expired("attempt changed or ended meanwhile")
