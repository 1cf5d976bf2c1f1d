"""Vietnamese mobile numbers: one canonical form (E.164), parsed once, compared and displayed masked.

Until 2018 many numbers had eleven digits; the state moved their prefixes, and old records still hold them. Prefixes
are data with dates because the state opens new blocks.
"""

import re
import unicodedata
from dataclasses import dataclass, field

from idp.accounts.masking import masked_phone

LONGEST = 64


CONVERTED_IN_2018 = {
    "120": "70", "121": "79", "122": "77", "126": "76", "128": "78",
    "123": "83", "124": "84", "125": "85", "127": "81", "129": "82",
    "162": "32", "163": "33", "164": "34", "165": "35", "166": "36", "167": "37", "168": "38", "169": "39",
    "186": "56", "188": "58", "199": "59",
}  # fmt: skip
"""Old prefix without its zero -> new one; the last seven digits did not change, and no two prefixes were merged."""

_BEFORE_2018 = {new: old for old, new in CONVERTED_IN_2018.items()}
_MOBILE = re.compile(r"(3[2-9]|5[25689]|7[06-9]|8[1-9]|9[0-46-9])[0-9]{7}")
_IGNORED = re.compile(r"[\s.()\-\u2010-\u2015\u200b-\u200f\u202a-\u202e\u2060\ufeff]")


class NotAMobileNumber(ValueError):
    """The text is not a Vietnamese mobile number that could receive a message."""


@dataclass(frozen=True, slots=True)
class PhoneNumber:
    """A Vietnamese mobile number; equal when the canonical forms are equal."""

    e164: str
    converted: bool = field(default=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> "PhoneNumber":
        """Parse any usual spelling of a number. Raises `NotAMobileNumber`."""
        national, converted = _convert(_national_part(text))
        if not _MOBILE.fullmatch(national) or national.startswith("992"):
            raise NotAMobileNumber("no such prefix or length")
        return cls("+84" + national, converted)

    @property
    def masked(self) -> str:
        return masked_phone(self.e164)

    @property
    def writings(self) -> tuple[str, ...]:
        """The plain forms in which a record may hold this number, the canonical one first."""
        national = self.e164.removeprefix("+84")
        old = _BEFORE_2018.get(national[:2])
        forms = (national, old + national[2:]) if old else (national,)
        return tuple(prefix + form for form in forms for prefix in ("+84", "84", "0"))


def _national_part(text: str) -> str:
    """The digits behind country code and trunk zero."""
    if len(text) > LONGEST:
        raise NotAMobileNumber("too long")
    digits = _IGNORED.sub("", unicodedata.normalize("NFKC", text))
    if not re.fullmatch(r"\+?[0-9]+", digits, re.ASCII):
        raise NotAMobileNumber("letters")
    if digits.startswith("+"):
        if not digits.startswith("+84"):
            raise NotAMobileNumber("another country")
        digits = digits[3:]
    elif digits.startswith("0084"):
        digits = digits[4:]
    elif digits.startswith("84") and len(digits) >= 11:
        # Nine digits beginning with 84 are a VinaPhone number without its zero, not a country code.
        digits = digits[2:]
    return digits.removeprefix("0")


def _convert(national: str) -> tuple[str, bool]:
    new = CONVERTED_IN_2018.get(national[:3]) if len(national) == 10 else None
    return (new + national[3:], True) if new else (national, False)
