"""What is still required before a client gets its code, by a named reason: `STEPS`, one check after the other.

`/authorize` is the one dispatcher: every login method returns to it, and it asks here for the first required step.
Steps never route to one another, and each check looks at the same `LoginState`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from idp.accounts import trust
from idp.accounts.account import Account
from idp.accounts.devices import Device
from idp.accounts.password_rules import PasswordAge
from idp.login.attempt import LoginAttempt
from idp.login.authentication import Authentication

Step = Literal["login", "code", "password", "link", "keep", "device", "consent"]
CodeMode = Literal["risk", "new_device", "always"]
CLOCKS_DIFFER = 30.0
"""Seconds by which an upstream's clock may be behind ours."""


@dataclass(frozen=True, slots=True)
class RequiredStep:
    """The next step and why; the reason also becomes the description of a `prompt=none` error.

    `sid` names the session to whose login a code is to be added.
    """

    step: Step
    reason: str
    sid: str = ""


@dataclass(frozen=True, slots=True)
class LoginRequirements:
    """What the request requires of the login; `wished_acr` is met if the person can.

    `qr_login` is the client's setting: a session by QR code allows no more than a login by QR code would.
    """

    prompt: Collection[str] = ()
    max_age: int | None = None
    account_id: str | None = None
    acr: int = 1
    wished_acr: int = 1
    qr_login: str = "on"


@dataclass(frozen=True, slots=True)
class StepRules:
    """When a login by password also needs a code, and when its password is too old."""

    code: CodeMode
    age: PasswordAge


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """An app of one device: the currently enrolled phone, and the key that wants to come in."""

    present: Device | None
    jkt: str


@dataclass(frozen=True, slots=True)
class ConsentFacts:
    """What is requested and what was agreed; `fresh` says that the person agreed in this attempt.

    `details_agreed` says it of all authorization details, for which our own clients need consent too.
    A public client at a URL that any program on the device can claim is not `provable`.
    """

    first_party: bool
    provable: bool
    agreed: Collection[str]
    asked: Collection[str]
    details_agreed: bool
    fresh: bool


@dataclass(frozen=True, slots=True)
class LoginState:
    """The state of a login: what is required, what was proved for which account, and the current time (`now`, seconds).

    `attempt` is the one in which `proof` was given; None when a session carries it. `device` and `consent` are None if
    they do not apply.
    """

    rules: StepRules
    requirements: LoginRequirements
    proof: Authentication
    account: Account | None
    attempt: LoginAttempt | None
    now: float
    device: DeviceFacts | None = None
    consent: ConsentFacts | None = None

    @property
    def number(self) -> str | None:
        """The number that a code can be sent to."""
        return trust.number(self.account, "login", self.now) if self.account else None

    @property
    def is_entered(self) -> bool:
        """Whether a code or a passkey was added in this attempt."""
        return self.attempt is not None and _entered_in(self.attempt, self.proof)


def login_owed(state: LoginState) -> RequiredStep | None:
    """A login, because the request requires one."""
    asked, proof = state.requirements, state.proof
    # A code added to a session does not replace a login that was required.
    fresh = state.attempt is not None and state.attempt.fresh
    if not fresh and "login" in asked.prompt:
        return RequiredStep("login", "login_prompt")
    if not fresh and "select_account" in asked.prompt:
        return RequiredStep("login", "select_account_prompt")
    if not fresh and asked.max_age is not None and not _acted_since(proof, state.now - asked.max_age):
        return RequiredStep("login", "max_age")
    if asked.account_id is not None and asked.account_id != proof.account_id:
        return RequiredStep("login", "id_token_hint")
    if refuses_picture(asked.qr_login, proof):
        return RequiredStep("login", "qr_login")
    return None


def refuses_picture(qr_login: str, proof: Authentication) -> bool:
    """Whether a client with this setting refuses this login because it was by QR code."""
    return proof.through == "qr" and (qr_login == "off" or (qr_login == "near" and proof.acr < 2))


def auth_time_owed(state: LoginState) -> RequiredStep | None:
    """A code or a passkey after a required new login whose time is unknown.

    An upstream that does not speak OpenID Connect may have returned the session of the previous person at that browser.
    """
    demanded = "login" in state.requirements.prompt or state.requirements.max_age is not None
    if state.attempt is None or not demanded or state.is_entered:
        return None
    acted = _acted_since(state.proof, state.attempt.started_at - CLOCKS_DIFFER)
    return None if acted else RequiredStep("code", "auth_time")


def _acted_since(proof: Authentication, moment: float) -> bool:
    return proof.acted_at is not None and proof.acted_at >= moment


def code_owed(state: LoginState) -> RequiredStep | None:
    """A one-time code on top of a login.

    Earlier guessing, or an unknown device, requires it once per login by password.
    """
    requirements, proof, attempt = state.requirements, state.proof, state.attempt
    by_password_here = attempt is not None and proof.through == "password" and not state.is_entered
    # Before a client's preference: that can be skipped, this cannot, and the page offers an alternative to the code.
    if attempt is not None and by_password_here and attempt.suspicious:
        return RequiredStep("code", "risk")
    # Without a number no code can be sent; that only matters if the client requires the higher level.
    if not state.number and proof.acr >= requirements.acr:
        return None
    if proof.acr < min(max(requirements.acr, requirements.wished_acr), 2):
        return RequiredStep("code", "acr")
    if attempt is None or not by_password_here:
        return None
    mode = state.rules.code
    if mode == "always" or (mode == "new_device" and not attempt.known_device):
        return RequiredStep("code", "policy")
    return None


def _entered_in(attempt: LoginAttempt, proof: Authentication) -> bool:
    return proof.otp_at is not None and proof.otp_at >= attempt.started_at


def password_owed(state: LoginState) -> RequiredStep | None:
    """A new password; only required of those who logged in by password.

    With only a session a login comes first: the page requires the old password and a fresh proof.
    """
    due = state.rules.age.due(state.account, state.now) if state.account else None
    if due is None or state.proof.through != "password":
        return None
    if state.attempt is None:
        return None if due == "expiring" else RequiredStep("login", f"password_{due}")
    if due == "expiring" and state.attempt.postponed:
        return None
    return RequiredStep("password", due)


def link_owed(state: LoginState) -> RequiredStep | None:
    """The person, who logged in for it, still has to be asked about the link to an upstream."""
    waits = state.attempt is not None and state.attempt.linking != "" and state.proof.through == "password"
    return RequiredStep("link", "link") if waits else None


def keep_owed(state: LoginState) -> RequiredStep | None:
    """The person, whom a new link proves better than anything before, still has to decide what to keep of that."""
    return RequiredStep("keep", "keep") if state.attempt is not None and state.attempt.review else None


def device_owed(state: LoginState) -> RequiredStep | None:
    """What is required before an app of one device comes in with another key than that of the enrolled phone.

    An unenrolled key comes in by a login of this attempt, and never by a QR code: neither a session nor a picture is
    enough for a phone. If another phone is enrolled, the person is warned, and then proves to hold the registered
    number.
    """
    device, attempt = state.device, state.attempt
    if device is None or (device.present is not None and device.present.jkt == device.jkt):
        return None
    if attempt is None or not attempt.fresh or state.proof.through == "qr":
        return RequiredStep("login", "other_device" if device.present else "new_phone")
    if device.present is None:
        return None
    if attempt.takes_over != device.present.id:
        return RequiredStep("device", "other_device")
    return None if state.is_entered else RequiredStep("code", "other_device")


def consent_owed(state: LoginState) -> RequiredStep | None:
    """Consent. A client that is not provable gets no code without a person at the screen (RFC 6819, 5.2.4.1)."""
    consent = state.consent
    if consent is None or consent.fresh:
        return None
    if "consent" in state.requirements.prompt:
        return RequiredStep("consent", "consent_prompt")
    if not consent.provable:
        return RequiredStep("consent", "client_not_provable")
    if not consent.details_agreed:
        return RequiredStep("consent", "details_not_granted")
    if consent.first_party or set(consent.asked) <= set(consent.agreed):
        return None
    return RequiredStep("consent", "scope_not_granted")


STEPS: tuple[Callable[[LoginState], RequiredStep | None], ...] = (
    login_owed,
    auth_time_owed,
    code_owed,
    password_owed,
    link_owed,
    keep_owed,
    device_owed,
    consent_owed,
)
"""The order in which a person is asked."""


def first_owed(state: LoginState) -> RequiredStep | None:
    """The first required step, or None. A deleted account requires a login at most: the gate refuses it."""
    steps = STEPS if state.account else (login_owed,)
    return next((owed for check in steps if (owed := check(state))), None)
