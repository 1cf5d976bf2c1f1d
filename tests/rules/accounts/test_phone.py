"""N-28: one number, one key, however it was written; and what is no mobile number is refused (domain 3.1 to 3.3).

`make soak` draws a million of each, `make test` a hundredth; `SOAK_SEED` repeats a run. The numbers are made from the
tables of the facts, not from those of the product.
"""

import os
import random
import re
import unicodedata

import pytest

from idp.accounts.phone import NotAMobileNumber, PhoneNumber

SEED = int(os.environ.get("SOAK_SEED", "20261122"))
OFTEN = pytest.mark.parametrize(
    "times", [10_000, pytest.param(1_000_000, marks=pytest.mark.soak)], ids=["a hundredth", "all"]
)

MOVED = """0120 070, 0121 079, 0122 077, 0126 076, 0128 078, 0123 083, 0124 084, 0125 085, 0127 081, 0129 082, 0162 032,
0163 033, 0164 034, 0165 035, 0166 036, 0167 037, 0168 038, 0169 039, 0186 056, 0188 058, 0199 059"""
OLD = {new[1:]: old[1:] for old, new in (pair.split() for pair in MOVED.split(","))}
PREFIXES = [
    *(f"3{n}" for n in range(2, 10)),
    *("52", "55", "56", "58", "59"),
    *("70", "76", "77", "78", "79"),
    *(f"8{n}" for n in range(1, 10)),
    *("90", "91", "92", "93", "94", "96", "97", "98", "99"),
]
SEPARATORS = [
    *" .-()",
    "\u00a0",
    "\u2009",
    "\u2010",
    "\u2013",
    "\u200b",
    "\u200e",
    "\u202d",
    "\u202c",
    "\u2060",
    "\ufeff",
]
FULL_WIDTH = str.maketrans("0123456789+", "０１２３４５６７８９＋")


def draw(chance: random.Random) -> str:
    """Nine digits of a number that may exist."""
    while True:
        national = chance.choice(PREFIXES) + f"{chance.randrange(10**7):07d}"
        if not national.startswith("992"):
            return national


def written(national: str, chance: random.Random) -> str:
    """One of the ways in which people write it."""
    old = OLD.get(national[:2])
    digits = old + national[2:] if old and chance.random() < 0.5 else national
    text = chance.choice(["+84", "84", "0084", "0", "", "+840", "840"]) + digits
    plus, rest = text[: text.startswith("+")], text[text.startswith("+") :]
    text = plus + "".join(c + chance.choice(SEPARATORS) * (chance.random() < 0.2) for c in rest)
    return text.translate(FULL_WIDTH) if chance.random() < 0.1 else text


def no_number(chance: random.Random) -> str:
    """Something that looks like a number and is none."""
    national, digit = draw(chance), chance.choice("0123456789")
    bad = chance.choice(["30", "31", "50", "51", "53", "54", "57", "71", "75", "80", "95"])
    return chance.choice(
        [
            f"0{national[:-1]}",
            f"+84{national}{digit}",
            f"0{bad}{national[2:]}",
            f"+84{bad}{national[2:]}",
            f"02{chance.randrange(10**8, 10**9)}",
            f"1{chance.choice('89')}00{chance.randrange(10**4):04d}",
            f"0992{national[3:]}",
            f"0{national}x{digit}",
            f"0{national};ext={digit}",
            f"+{chance.choice(['1', '44', '86', '855', '856', '66'])}{national}",
            f"00{chance.choice(['1', '44', '86', '855'])}{national}",
            f"0{national}".translate(str.maketrans("0123456789", "٠١٢٣٤٥٦٧٨٩")),
            f"0{national[:4]}{chance.choice('abcđ/*#_,')}{national[4:]}",
            f"00{national}",
            f"0{national} 0{national}",
            f"+84+84{national}",
            f"0{national}" + " " * 60,
            f"012{chance.choice('01234567')}{national[3:]}",
        ]
    )


def key(text: str) -> str | None:
    try:
        return PhoneNumber.parse(text).e164
    except NotAMobileNumber:
        return None


@OFTEN
def test_every_writing_of_a_number_has_its_key(times: int) -> None:
    """U-01, N-28: two numbers with one key would show here, since each has to keep its own."""
    chance = random.Random(SEED)
    for _ in range(times):
        national = draw(chance)
        text = written(national, chance)
        assert key(text) == f"+84{national}", ascii(text)


@OFTEN
def test_what_is_no_mobile_number_has_none(times: int) -> None:
    """U-01, N-28"""
    chance = random.Random(SEED)
    for _ in range(times):
        text = no_number(chance)
        assert key(text) is None, ascii(text)


@OFTEN
def test_any_text_is_refused_or_keeps_its_last_seven_digits(times: int) -> None:
    """U-01: the way back. A key says nothing that its text did not say."""
    chance = random.Random(SEED)
    read = 0
    for _ in range(times):
        text = "".join(chance.choice("0123456789" * 6 + "+84 .-()x\u200b０９٣") for _ in range(chance.randrange(8, 15)))
        if found := key(text):
            read += 1
            digits = re.sub("[^0-9]", "", unicodedata.normalize("NFKC", text))
            assert re.fullmatch(r"\+84[35789][0-9]{8}", found), ascii(text)
            assert digits.endswith(found[-7:]), ascii(text)
            assert key(found) == found
    assert read > times / 1000


def test_the_ways_back_lead_to_the_number() -> None:
    """U-02: an old record in any plain form is found by the number of today."""
    chance = random.Random(SEED)
    for _ in range(2000):
        number = PhoneNumber(f"+84{draw(chance)}")
        assert number.writings[0] == number.e164
        assert {PhoneNumber.parse(text).e164 for text in number.writings} == {number.e164}
        assert len(number.writings) == (6 if number.e164[3:5] in OLD else 3)


@pytest.mark.parametrize(("new", "old"), OLD.items())
def test_u_02_every_prefix_of_2018_is_converted(new: str, old: str) -> None:
    read = PhoneNumber.parse(f"0{old}1234567")

    today = PhoneNumber.parse(f"0{new}1234567")

    assert read == today == PhoneNumber(f"+84{new}1234567")
    assert hash(read) == hash(today)
    assert (read.converted, today.converted) == (True, False)


def test_a_number_is_shown_by_its_last_two_digits() -> None:
    assert PhoneNumber("+84981234567").masked == "*** *** *67"


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("+84 98 123 45 67", "+84981234567"),
        ("(098) 123-4567", "+84981234567"),
        ("(0)981234567", "+84981234567"),
        ("+84 0981234567", "+84981234567"),
        ("\u202d0981234567\u202c", "+84981234567"),
        ("8401681234567", "+84381234567"),
        ("0121123456", None),
        ("841234567", "+84841234567"),
        ("84841234567", "+84841234567"),
        ("84 0 84 1234567", "+84841234567"),
        ("0891234567", "+84891234567"),
        ("0551234567", "+84551234567"),
        ("0871234567", "+84871234567"),
        ("0992123456", None),
        ("098123456", None),
        ("0981234567x5", None),
        ("+1 415 555 0100", None),
        ("024 3789 9999", None),
        ("19009068", None),
        ("", None),
        ("+", None),
        ("0", None),
        ("+84", None),
    ],
)
def test_the_vectors_of_the_facts(text: str, e164: str | None) -> None:
    assert key(text) == e164


@pytest.mark.parametrize("text", ["Nguyễn Văn An", "0981234567x", "9" * 1000, "+14155550100"])
def test_a_refusal_repeats_nothing(text: str) -> None:
    with pytest.raises(NotAMobileNumber) as refused:
        PhoneNumber.parse(text)

    assert text[:3] not in str(refused.value)
