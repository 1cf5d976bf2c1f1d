"""`Authentication`: who proved what, when, how strongly and through whom. Every way of logging in ends in one."""

from dataclasses import dataclass

ACR_PREFIX = "urn:bhxh:acr:"


@dataclass(frozen=True, slots=True)
class Authentication:
    """The proof of one login.

    `acr` is the authentication level 1 to 4 of Decree 69/2024, `ial` how well the identity was proofed (0 to 2), `amr`
    the methods by RFC 8176, `auth_time` when the person really acted (seconds since the epoch).
    """

    account_id: str
    auth_time: float
    amr: tuple[str, ...] = ("pwd",)
    acr: int = 1
    ial: int = 0
    through: str = "password"


def acr_name(level: int) -> str:
    """The `acr` value for a level."""
    return f"{ACR_PREFIX}{level}"


def acr_level(name: str) -> int | None:
    """The level that an `acr` value names, or None when it is not ours."""
    digits = name.removeprefix(ACR_PREFIX)
    return int(digits) if name.startswith(ACR_PREFIX) and digits in {"1", "2", "3", "4"} else None
