"""What a person may see of the audit trail: what was done with the account, when, and from where if known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

SHOWN = (
    "login.succeeded",
    "login.failed",
    "session.ended",
    "consent.given",
    "consent.withdrawn",
    "password.changed",
    "password.recovered",
    "recovery.asked",
    "account.activated",
    "account.changed",
    "account.phone_set",
    "account.not_me",
    "phone.verified",
    "email.verified",
    "link.added",
    "link.removed",
    "device.enrolled",
    "device.ended",
    "passkey.added",
    "passkey.ended",
    "qr.confirmed",
    "qr.denied",
    "data.exported",
    "data.asked",
)
"""The events that concern the person."""


@dataclass(frozen=True, slots=True)
class Happened:
    """One event. `at` is in seconds since the epoch; `facts` are short words."""

    name: str
    at: float
    facts: Mapping[str, object]


class History(Protocol):
    """Reads the trail of one account."""

    def of_account(self, account_id: str, *, limit: int) -> list[Happened]:
        """The newest events that concern the person."""
        ...
