"""The code that a person copies from a picture or a recording: how an answer is generated and checked.

A captcha raises the price of guessing; it does not stop it, and the limits do the main work (security X-01, X-02). The
caller, who has the short-lived store, stores an answer, binds it to one attempt and takes it once.
"""

import hmac
import secrets
import unicodedata

ALPHABET = "23456789CFHKLMPRTVX"
"""No look-alikes (0 O Q D, 1 I J, 2 Z, 5 S, 6 G, 8 B, M N, U V Y W) and no letter that a Telex or VNI keyboard
rewrites: without vowels, D and W no input turns into a Vietnamese letter, nor into a word by chance."""

DEFAULT_LENGTH = 5
SHORTEST, LONGEST = 4, 8

# None of the left-hand characters is ever drawn, so accepting one for its neighbour does not weaken the captcha.
_MEANT = str.maketrans("1BGSZ", "78652")


def new_answer(length: int = DEFAULT_LENGTH, seed: bytes | None = None) -> str:
    """An unpredictable answer of `length` characters, or that of a `seed` of 32 bytes. Raises ValueError."""
    if not SHORTEST <= length <= LONGEST:
        raise ValueError(f"a captcha has {SHORTEST} to {LONGEST} characters, not {length}")
    number, letters = int.from_bytes(seed or secrets.token_bytes(32), "big"), ""
    for _ in range(length):
        number, place = divmod(number, len(ALPHABET))
        letters += ALPHABET[place]
    return letters


def normalised(typed: str) -> str:
    """The intended answer: NFKC, upper case, without spaces, and look-alikes mapped to the drawn character."""
    folded = unicodedata.normalize("NFKC", typed).upper()
    return "".join(folded.split()).translate(_MEANT)


def is_right(typed: str, answer: str) -> bool:
    """Whether `typed` answers the challenge, compared in constant time. An empty answer is never right."""
    meant, expected = normalised(typed), normalised(answer)
    return bool(expected) and hmac.compare_digest(meant.encode("utf-8", "replace"), expected.encode("utf-8", "replace"))
