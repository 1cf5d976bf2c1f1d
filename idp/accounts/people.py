"""`People`: the port behind which accounts are kept, and the checks that hold before one is written."""

import secrets
from typing import Protocol

from idp.accounts.account import Account, IdentifierKind, Kind, Status


class IdentifierTaken(Exception):
    """Another account currently holds this identifier."""


class People(Protocol):
    """Finds and keeps accounts."""

    def find(self, account_id: str) -> Account | None:
        """The account with its identifiers, or None."""
        ...

    def find_by_identifier(self, kind: IdentifierKind, value: str) -> Account | None:
        """The account that holds this canonical identifier today."""
        ...

    def find_for_login(self, kind: IdentifierKind, value: str, stand_in: str) -> tuple[Account | None, str | None]:
        """The account that holds this identifier today, and its password hash.

        For nobody: None, and the hash of the first account whose id is not below `stand_in`. Hashes of other systems
        take longer to check, so an unknown identifier has to take as long as some account does.
        """
        ...

    def holding_phone(self, e164: str, *, limit: int = 3) -> list[Account]:
        """Active accounts with this number, verified or not, including old records that write it differently.

        Two are enough to refuse, so `limit` is small; the order is undefined.
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

    def rehash(self, account_id: str, old: str, new: str, *, is_weak: bool = False) -> bool:
        """Replace the hash of an unchanged password; False if it was changed meanwhile.

        A weak password becomes a temporary one, so the person has to choose another.
        """
        ...

    def spend_password(self, account_id: str, password_hash: str, now: float) -> bool:
        """Use up a temporary password: exactly one login gets True, and none after it has expired."""
        ...

    def set_status(self, account_id: str, status: Status, now: float) -> None:
        """Open or close the account; takes effect with the next request in every process."""
        ...

    def verify_phone(self, account_id: str, phone: str, now: float) -> None:
        """Record that this number was proved by a code sent to it, if it is still the account's.

        Recorded again once a day: a number that was unused for long no longer counts.
        """
        ...

    def verify_email(self, account_id: str, email: str, now: float) -> None:
        """The same for the e-mail address."""
        ...


def new_account_id() -> str:
    """32 hex digits from the operating system: also the public `sub`, so it reveals nothing about the person."""
    return secrets.token_hex(16)
