"""Parses what a person typed as user name into an identifier: BHXH code 10 digits, CCCD 12, tax code 10, 12 or 13."""

import re
import unicodedata

from idp.accounts.account import IdentifierKind, Kind

LONGEST = 64

_PATTERNS: dict[Kind, tuple[tuple[IdentifierKind, re.Pattern[str]], ...]] = {
    "individual": (
        ("bhxh", re.compile(r"[0-9]{10}")),
        ("cccd", re.compile(r"[0-9]{12}")),
    ),
    "organisation": (
        ("tax", re.compile(r"[0-9]{10}|[0-9]{12}|[0-9]{13}")),
        ("unit", re.compile(r"[A-Z0-9]{7}")),
    ),
}


def canonical(text: str) -> str:
    """NFKC, upper case, without spaces, dots and hyphens: one form for storing and for lookup."""
    if text.isascii() and text.isalnum():
        return text.upper()
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(
        c
        for c in folded
        if not (c.isspace() or c in ".-\u2010\u2011\u2012\u2013\u2014\u2015" or unicodedata.category(c) == "Cf")
    )


def read(kind: Kind, typed: str) -> tuple[IdentifierKind, str] | None:
    """The identifier that `typed` means under the tab `kind`, or None when it has no valid shape.

    A health-insurance card number (two letters, thirteen digits) ends in the BHXH code and is accepted in its place.
    """
    if len(typed) > LONGEST:
        return None
    value = canonical(typed)
    if kind == "individual" and re.fullmatch(r"[A-Z]{2}[0-9]{13}", value, re.ASCII):
        value = value[-10:]
    for name, pattern in _PATTERNS[kind]:
        if pattern.fullmatch(value):
            return name, value
    return None
