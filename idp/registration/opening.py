"""What an approved registration opens: the account, and the messages with the link for a first password."""

import secrets

from idp.accounts import trust
from idp.accounts.account import Account, Identifier
from idp.accounts.people import new_account_id
from idp.messages.message import Channel, Message
from idp.registration.address import address_of
from idp.registration.declaration import Declaration


def new_account(approved: Declaration, held: tuple[Identifier, ...], now: float) -> Account:
    """The person's data from the form. The desk confirms the number; a code that reaches it verifies it (M-7)."""
    form = approved.form
    return Account(
        new_account_id(),
        approved.kind,
        form.name,
        birth_date=form.birth_date or None,
        phone=form.phone,
        phone_source="desk",
        email=form.email or None,
        email_verified_at=approved.email_verified_at,
        address=address_of(approved) or None,
        street=form.street or None,
        commune=form.commune or None,
        province=form.province or None,
        updated_at=now,
        secured_at=now,
        identifiers=held,
    )


def letters_of_opening(
    account: Account, declaration: Declaration, template: str, facts: dict[str, str], until: float
) -> list[Message]:
    """The link goes only to the verified address, and the code to the number: a stranger who gets one of the two by a
    typing error can do nothing (M-7). The number is told of the mail, or gets the link where mail cannot be sent.
    """
    seen = {"account": next((i.masked for i in account.identifiers), ""), **facts}
    by_mail = trust.address(account, "notice", account.updated_at)
    ways: list[tuple[Channel, str | None, str]] = [
        ("email", by_mail, template),
        ("sms", account.phone, "opened_by_mail" if by_mail else template),
    ]
    return [
        Message(way, to, what, until, seen, declaration.language, account_id=account.id) for way, to, what in ways if to
    ]


def temporary_password() -> str:
    """Twelve letters and digits, grouped to be read from a text message (58 bits)."""
    letters = "23456789abcdefghjkmnpqrstvwxyz"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))
