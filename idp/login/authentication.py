"""`Authentication`: who proved what, when, how strongly and through whom. Every login method produces one."""

from dataclasses import dataclass, replace

ACR_PREFIX = "urn:bhxh:acr:"
CODE_METHODS = ("otp", "sms", "mfa")
"""The RFC 8176 name of a code by text message, beside another factor."""
PASSKEY_METHODS = ("pop", "user", "mfa")
"""The RFC 8176 name of a passkey: a key was proved, a person was present, and the device verified them by PIN or body.

"hwk" would claim hardware that is not attested, "swk" the opposite; "pin", "fpt" or "face" what the device keeps
secret.
"""


HERE = ("password", "passkey", "qr")
"""The providers for authentication by us; everything else is the name of an upstream."""


@dataclass(frozen=True, slots=True)
class Authentication:
    """The proof of one login.

    `acr` is the authentication level 1 to 4 of Decree 69/2024, `ial` the level of identity proofing (0 to 2), `amr` the
    methods by RFC 8176, `otp_at` when more than a password was last proved: a code to the registered phone was entered,
    or a passkey of the account answered. A `brief` login gets a short session and no refresh token.

    Two clocks: `auth_time` is when the proof reached us (seconds since the epoch), and decides when logins end;
    `upstream_at` is when the person logged in at the upstream that they came through, if it says so.
    """

    account_id: str
    auth_time: float
    amr: tuple[str, ...] = ("pwd",)
    acr: int = 1
    ial: int = 0
    through: str = "password"
    otp_at: float | None = None
    brief: bool = False
    upstream_at: float | None = None

    @property
    def is_upstreams(self) -> bool:
        """Whether another provider reports this login."""
        return self.through not in HERE

    @property
    def acted_at(self) -> float | None:
        """When the person last acted, which is the `auth_time` that clients get; None when it is unknown.

        A session at an upstream may be days old when the person comes to us. If its age is unknown, only a later code
        or passkey counts.
        """
        if not self.is_upstreams:
            return self.auth_time
        return self.otp_at if self.upstream_at is None else self.upstream_at

    def with_code(self, now: float) -> "Authentication":
        """The same login after a one-time code to the registered phone: two factors, level 2."""
        amr = (*(m for m in self.amr if m not in CODE_METHODS), *CODE_METHODS)
        return replace(self, amr=amr, acr=max(self.acr, 2), otp_at=now)

    def with_passkey(self, now: float) -> "Authentication":
        """The same login after a passkey of the account answered: equal to a code, and phishing-resistant."""
        amr = (*(m for m in self.amr if m not in PASSKEY_METHODS), *PASSKEY_METHODS)
        return replace(self, amr=amr, acr=max(self.acr, 2), otp_at=now)


@dataclass(frozen=True, slots=True)
class Proved:
    """A login and its circumstances: a solved captcha or known device, a known device, earlier guesses.

    `secured_at` is the date of the last credential event of the account as it was read for this login.
    """

    authentication: Authentication
    secured_at: float
    trusted: bool = False
    known_device: bool = False
    suspicious: bool = False


def acr_name(level: int) -> str:
    """The `acr` value for a level."""
    return f"{ACR_PREFIX}{level}"


def acr_level(name: str) -> int | None:
    """The level of an `acr` value, or None when it is not ours."""
    digits = name.removeprefix(ACR_PREFIX)
    return int(digits) if name.startswith(ACR_PREFIX) and digits in {"1", "2", "3", "4"} else None
