"""What is still owed before a portal gets its code, by a named reason.

`/authorize` is the one dispatcher: every way of logging in returns to it, and it asks here for the first thing owed.
Steps never route to one another.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from idp.accounts.devices import Device
from idp.accounts.password_rules import Due
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
    """What the request demands of the login; `wished_acr` is met where the person can.

    `qr_login` is what the client allows: a session by QR code leads no further than a login by QR code would.
    """

    prompt: Collection[str] = ()
    max_age: int | None = None
    account_id: str | None = None
    acr: int = 1
    wished_acr: int = 1
    qr_login: str = "on"


def login_owed(
    requirements: LoginRequirements, proof: Authentication | None, *, fresh: bool, now: float
) -> RequiredStep | None:
    """The first reason to ask for a login. `fresh` says that `proof` was given in this very attempt."""
    if proof is None:
        return RequiredStep("login", "no_session")
    if not fresh and "login" in requirements.prompt:
        return RequiredStep("login", "login_prompt")
    if not fresh and "select_account" in requirements.prompt:
        return RequiredStep("login", "select_account_prompt")
    if not fresh and requirements.max_age is not None and not _acted_since(proof, now - requirements.max_age):
        return RequiredStep("login", "max_age")
    if requirements.account_id is not None and requirements.account_id != proof.account_id:
        return RequiredStep("login", "id_token_hint")
    if refuses_picture(requirements.qr_login, proof):
        return RequiredStep("login", "qr_login")
    return None


def refuses_picture(qr_login: str, proof: Authentication) -> bool:
    """Whether a client with this setting lets nobody in by this login, because a QR code was its way."""
    return proof.through == "qr" and (qr_login == "off" or (qr_login == "near" and proof.acr < 2))


def proof_of_time_owed(
    requirements: LoginRequirements, proof: Authentication, attempt: LoginAttempt | None
) -> RequiredStep | None:
    """The reason to ask for a code or a passkey after a login that was demanded anew, when nobody can tell its time.

    An upstream that speaks no OpenID Connect may have sent us the session of whoever sat there before.
    """
    demanded = "login" in requirements.prompt or requirements.max_age is not None
    if attempt is None or not demanded or _entered_in(attempt, proof):
        return None
    return None if _acted_since(proof, attempt.started_at - CLOCKS_DIFFER) else RequiredStep("code", "auth_time")


def _acted_since(proof: Authentication, moment: float) -> bool:
    return proof.acted_at is not None and proof.acted_at >= moment


def code_owed(
    requirements: LoginRequirements, mode: CodeMode, proof: Authentication, attempt: LoginAttempt | None
) -> RequiredStep | None:
    """The reason to ask for a one-time code on top of a login; `attempt` is the one in which it was given, if any.

    Guessing before, or a device that nobody knows, asks for it once per login by password.
    """
    by_password_here = attempt is not None and proof.through == "password" and not _entered_in(attempt, proof)
    # Before what a portal wishes: that can be left undone, this cannot.
    if attempt is not None and by_password_here and attempt.suspicious:
        return RequiredStep("code", "risk")
    if proof.acr < min(max(requirements.acr, requirements.wished_acr), 2):
        return RequiredStep("code", "acr")
    if attempt is None or not by_password_here:
        return None
    if mode == "always" or (mode == "new_device" and not attempt.known_device):
        return RequiredStep("code", "policy")
    return None


def _entered_in(attempt: LoginAttempt, proof: Authentication) -> bool:
    return proof.otp_at is not None and proof.otp_at >= attempt.started_at


def password_owed(due: Due | None, proof: Authentication, attempt: LoginAttempt | None) -> RequiredStep | None:
    """The reason to ask for another password; only those who came by password are asked.

    Whoever carries a session is asked to log in first: the page wants the old password and a fresh proof.
    """
    if due is None or proof.through != "password":
        return None
    if attempt is None:
        return None if due == "expiring" else RequiredStep("login", f"password_{due}")
    if due == "expiring" and attempt.postponed:
        return None
    return RequiredStep("password", due)


def link_owed(proof: Authentication, attempt: LoginAttempt | None) -> RequiredStep | None:
    """Whether the person, who logged in for it, is still to be asked about the link to an upstream."""
    waits = attempt is not None and attempt.linking != "" and proof.through == "password"
    return RequiredStep("link", "link") if waits else None


def keep_owed(attempt: LoginAttempt | None) -> RequiredStep | None:
    """Whether the person, whom a new link proves better than anything before, is still to say what stays of that."""
    return RequiredStep("keep", "keep") if attempt is not None and attempt.review else None


def device_owed(
    present: Device | None, jkt: str, proof: Authentication, attempt: LoginAttempt | None
) -> RequiredStep | None:
    """What is owed before an app of one device comes in with a key that is not that of `present`.

    A key that nobody enrolled comes in by a login of this very attempt, and never by a QR code: neither a session nor a
    picture lets a phone in. Where another phone is, the person is warned, and proves after that to hold the registered
    number. `attempt` is the one in which the proof was given.
    """
    if present is not None and present.jkt == jkt:
        return None
    if attempt is None or not attempt.fresh or proof.through == "qr":
        return RequiredStep("login", "other_device" if present else "new_phone")
    if present is None:
        return None
    if attempt.takes_over != present.id:
        return RequiredStep("device", "other_device")
    return None if _entered_in(attempt, proof) else RequiredStep("code", "other_device")


def consent_owed(
    requirements: LoginRequirements,
    *,
    first_party: bool,
    provable: bool,
    agreed: Collection[str],
    asked: Collection[str],
    fresh: bool,
) -> RequiredStep | None:
    """The reason to ask for consent; `fresh` says that the person agreed in this very attempt.

    A public client at an address that any program on the device can claim is never `provable`, so it gets no code
    without a person at the screen (RFC 6819, 5.2.4.1).
    """
    if fresh:
        return None
    if "consent" in requirements.prompt:
        return RequiredStep("consent", "consent_prompt")
    if not provable:
        return RequiredStep("consent", "client_not_provable")
    if first_party or set(asked) <= set(agreed):
        return None
    return RequiredStep("consent", "scope_not_granted")
