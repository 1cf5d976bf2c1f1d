"""How a person's request is named and how long it is kept: its id, and a reference that can be read out."""

import secrets

KEPT = 3653 * 86_400.0
"""Seconds: a request is deleted ten years after its end, as required by the law on electronic transactions."""

_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id() -> str:
    """22 random characters from the operating system."""
    return secrets.token_hex(11)


def new_reference() -> str:
    """Ten letters and digits that are not easily confused (49 bits); useless without the phone number."""
    return "".join(secrets.choice(_LETTERS) for _ in range(10))


def format_reference(reference: str) -> str:
    """The reference in groups."""
    return "-".join((reference[:4], reference[4:8], reference[8:]))


def read_reference(typed: str) -> str:
    """A reference as typed by a person; empty when it is not a valid one."""
    read = "".join(c for c in typed[:40].upper() if c.isalnum() and c.isascii())
    return read if len(read) == 10 else ""
