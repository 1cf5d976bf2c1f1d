"""What is shown of a name, a number or an address: its owner recognises it, and others learn nothing."""

from idp.accounts.names import tidy


def masked_name(text: str) -> str:
    """`Nguyễn V. A.`"""
    first, *others = tidy(text).split() or ["?"]
    initials = [f"{word[0]}." for word in others]
    return " ".join([first, *initials]) if initials else f"{first[0]}."


def masked_number(value: str, *, visible: int = 4, least: int = 0) -> str:
    """All but the last `visible` characters hidden, by at least `least` stars."""
    return "*" * max(len(value) - visible, least) + value[-visible:]


def masked_phone(e164: str) -> str:
    """`*** *** *67`"""
    return f"*** *** *{e164[-2:]}"


def masked_email(address: str) -> str:
    """`n***@example.com`"""
    name, _, host = address.partition("@")
    return f"{name[:1]}***@{host}"


def masked_contact(channel: str, to: str) -> str:
    """A number (`sms`) or an address (`email`)."""
    return masked_phone(to) if channel == "sms" else masked_email(to)
