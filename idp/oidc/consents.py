"""`Agreement`: a person's consent that a client gets certain scopes, with which text, when and from where."""

from dataclasses import dataclass, replace
from typing import Protocol

from idp.oidc.authorization_details import Details, merged
from idp.oidc.gate import Consent

TEXT_VERSION = "2026-11"
"""The version of the displayed consent texts; a changed text needs a new version."""


@dataclass(frozen=True, slots=True)
class Agreement:
    """One consent with its evidence (Law 91/2025: who, what, when, version, from where)."""

    account_id: str
    client_id: str
    scopes: tuple[str, ...]
    granted_at: float
    text_version: str = TEXT_VERSION
    network: str = ""
    details: Details = ()

    def beside(self, before: Consent | None) -> "Agreement":
        """It and what was agreed before: a narrower request must not cut off another login of the same portal."""
        if before is None:
            return self
        scopes = tuple(dict.fromkeys([*before.scopes, *self.scopes]))
        return replace(self, scopes=scopes, details=merged([*before.details, *self.details]))


class Consents(Protocol):
    """Where agreements are stored."""

    def agree(self, agreement: Agreement) -> None:
        """Write or replace the agreement."""
        ...

    def withdraw(self, account_id: str, client_id: str, now: float) -> None:
        """Withdraw it and end the client's refresh families; as easy as giving it."""
        ...

    def of_account(self, account_id: str) -> list[Agreement]:
        """The current agreements."""
        ...
