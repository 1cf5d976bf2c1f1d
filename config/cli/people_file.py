"""Reads a person from JSON: the format of `idp accounts load` and of the sandbox's made-up people."""

import re
import unicodedata
from collections.abc import Mapping
from typing import Any, cast

from idp.accounts import identifiers
from idp.accounts.account import LOGIN_KINDS, Account, Identifier, IdentifierKind, Kind
from idp.accounts.passwords import WeakPassword, checked
from idp.accounts.people import new_account_id
from idp.accounts.phone import NotAMobileNumber, PhoneNumber

_BIRTH_DATE = re.compile(r"[0-9]{4}(-[0-9]{2}-[0-9]{2})?", re.ASCII)


class BadPerson(ValueError):
    """The entry cannot become an account; the message says why, without repeating personal values."""


def read_person(person: Mapping[str, Any], now: float) -> tuple[Account, str | None]:
    """The account and its password. Raises `BadPerson`."""
    kind = person.get("kind", "individual")
    name = unicodedata.normalize("NFC", " ".join(str(person.get("name", "")).split()))
    birth_date = person.get("birth_date")
    if not isinstance(kind, str) or kind not in LOGIN_KINDS:
        raise BadPerson("kind is individual or organisation")
    if not name or len(name) > 200:
        raise BadPerson("name is missing or longer than 200 characters")
    if birth_date is not None and not _BIRTH_DATE.fullmatch(str(birth_date)):
        raise BadPerson("birth_date is YYYY-MM-DD or YYYY")
    if birth_date is not None and not isinstance(birth_date, str):
        raise BadPerson("birth_date is a text")
    if not all(isinstance(person.get(name) or "", str) for name in ("email", "address", "phone")):
        raise BadPerson("email, address and phone are texts")
    if not all(text.isprintable() for text in (name, person.get("email") or "", person.get("address") or "")):
        raise BadPerson("name, email and address are texts that can be shown")
    if not isinstance(person.get("more_claims") or {}, Mapping):
        raise BadPerson("more_claims is an object")
    phone = _phone(person.get("phone"))
    account = Account(
        id=new_account_id(),
        kind=cast(Kind, kind),
        name=name,
        birth_date=birth_date,
        phone=phone,
        phone_verified_at=now if phone and person.get("phone_verified") else None,
        email=person.get("email"),
        email_verified_at=now if person.get("email") and person.get("email_verified") else None,
        address=person.get("address"),
        password_temporary=person.get("temporary") is True,
        updated_at=now,
        identifiers=_identifiers(cast(Kind, kind), person.get("identifiers"), now),
        more_claims=dict(person.get("more_claims") or {}),
    )
    return account, _password(person.get("password"))


def _identifiers(kind: Kind, listed: Any, now: float) -> tuple[Identifier, ...]:
    if not isinstance(listed, Mapping) or not listed:
        raise BadPerson("identifiers is missing")
    held = []
    for name, value in listed.items():
        read = identifiers.read(kind, str(value))
        if name not in LOGIN_KINDS[kind] or read is None or (read[0] != name):
            raise BadPerson(f"identifier {name!r} does not fit")
        held.append(Identifier(cast(IdentifierKind, name), read[1], now))
    return tuple(held)


def _phone(text: Any) -> str | None:
    if not text:
        return None
    try:
        return PhoneNumber.parse(str(text)).e164
    except NotAMobileNumber:
        raise BadPerson("phone is no Vietnamese mobile number") from None


def _password(text: Any) -> str | None:
    if text is None:
        return None
    try:
        return checked(str(text))
    except WeakPassword as error:
        raise BadPerson(f"password: {error}") from None
