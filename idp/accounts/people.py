"""`People`: the port behind which accounts are kept, and the checks that hold before one is written."""

import secrets
from typing import Protocol

from idp.accounts.account import Account, IdentifierKind, Kind, Status


class IdentifierTaken(Exception):
    """Another account holds this identifier now."""


class People(Protocol):
    """Finds and keeps accounts."""

    def find(self, account_id: str) -> Account | None:
        """The account with its identifiers, or None."""
        ...

    def find_by_identifier(self, kind: IdentifierKind, value: str) -> Account | None:
        """The account that holds this canonical identifier today."""
        ...

    def holding_phone(self, e164: str, *, limit: int = 3) -> list[Account]:
        """Active accounts with this number, verified or not, also where an old record writes it differently.

        Two are enough to refuse, so `limit` is small; the order means nothing.
        """
        ...

    def search(self, *, kind: Kind | None, limit: int) -> list[Account]:
        """Up to `limit` accounts, newest first, for the operator's list."""
        ...

    def add(self, account: Account) -> None:
        """Write a new account. Raises `IdentifierTaken`."""
        ...

    def set_password(self, account_id: str, password_hash: str, now: float) -> None:
        """Replace the stored hash; `now` becomes `password_changed_at`."""
        ...

    def rehash(self, account_id: str, old: str, new: str) -> None:
        """Replace the hash of an unchanged password, unless somebody changed it meanwhile."""
        ...

    def spend_password(self, account_id: str, password_hash: str, now: float) -> bool:
        """Use a temporary password up: exactly one login gets True, and none after its time."""
        ...

    def set_status(self, account_id: str, status: Status, now: float) -> None:
        """Open or close the account; takes effect with the next request anywhere."""
        ...

    def verify_phone(self, account_id: str, phone: str, now: float) -> None:
        """Note that this very number was proved by a code sent to it, if it is still the account's.

        Noted anew once a day: a number that nobody used for long counts no more.
        """
        ...

    def verify_email(self, account_id: str, email: str, now: float) -> None:
        """The same for the e-mail address."""
        ...


def new_account_id() -> str:
    """32 hex digits from the operating system: also the public `sub`, so it says nothing about anybody."""
    return secrets.token_hex(16)
