"""Vietnamese names: one form to store and display, and how closely two spellings of a name agree.

Folding merges different people (Hoa, Hòa and Họa become one): an equal fold is necessary, but never sufficient.
"""

import re
import unicodedata
from enum import IntEnum

LONGEST = 200
_D_WITH_STROKE = str.maketrans("đĐðÐɖƉ", "dDdDdD")
_APOSTROPHES = re.compile(r"['`´‘’‛′ʹʻʼ]")
_TONES = "\u0300\u0301\u0303\u0309\u0323"
_TONE_ON_FIRST = re.compile(rf"(o(?=.[ae])|u(?=.y))([{_TONES}])([aey])(?![a-z\u0300-\u036f])")


class NameAgreement(IntEnum):
    """How closely two spellings of a name agree; larger is closer. `TONE` differs only in where the tone mark is."""

    DIFFERENT = 0
    KEY = 1
    FOLDED = 2
    TONE = 3
    CASE = 4
    EXACT = 5


def tidy(text: str) -> str:
    """NFC, trimmed, every run of spaces one space: the form to store and display."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def fold(text: str) -> str:
    """Capitals without accents: `Nguyễn Thị Hoà` and `NGUYỄN THỊ HÒA` are both `NGUYEN THI HOA`."""
    # Apostrophes go first and last: NFKC makes a space of one of them, and an apostrophe of others.
    compatible = unicodedata.normalize("NFKC", _APOSTROPHES.sub("", text)).translate(_D_WITH_STROKE)
    bare = "".join(c for c in unicodedata.normalize("NFD", compatible) if not unicodedata.combining(c))
    return " ".join(_APOSTROPHES.sub("", bare).casefold().upper().split())


def match_key(text: str) -> str:
    """The fold reduced to its letters, as the state's own systems compare names."""
    return "".join(c for c in fold(text) if c.isalpha())


def agreement(one: str, other: str) -> NameAgreement:
    """The closest way in which two spellings agree; empty names agree with nothing."""
    if not match_key(one) or not match_key(other):
        return NameAgreement.DIFFERENT
    same = (
        (NameAgreement.EXACT, tidy),
        (NameAgreement.CASE, lambda text: tidy(text).casefold()),
        (NameAgreement.TONE, lambda text: _tones_moved(tidy(text).casefold())),
        (NameAgreement.FOLDED, fold),
        (NameAgreement.KEY, match_key),
    )
    return next((level for level, form in same if form(one) == form(other)), NameAgreement.DIFFERENT)


def _tones_moved(text: str) -> str:
    """Put the tone of an open `oa`, `oe`, `uy` on its second letter: both are correct, no normal form unifies them."""
    moved = _TONE_ON_FIRST.sub(r"\1\3\2", unicodedata.normalize("NFD", text))
    return unicodedata.normalize("NFC", moved)
