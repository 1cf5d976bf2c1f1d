"""What an approved registration opens: the account, and the letters that bring the way to a first password."""

import secrets

from idp.accounts import trust
from idp.accounts.account import Account, Identifier
from idp.accounts.people import new_account_id
from idp.desk.address import address_of
from idp.desk.declaration import Declaration
from idp.messages.message import Channel, Message


def new_account(approved: Declaration, held: tuple[Identifier, ...], now: float) -> Account:
    """What the form says of a person. The number is the desk's word: a code that reaches it proves it (M-7)."""
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
    """What opens the account goes to the proved address alone, and the code to the number: whoever holds one of the
    two by a slip of the pen can do nothing (M-7). The number hears that a mail is there, or gets it where no mail can.
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
    """Twelve letters and digits in groups that can be read from a text message (58 bits)."""
    letters = "23456789abcdefghjkmnpqrstvwxyz"
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(3))
